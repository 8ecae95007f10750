package wire

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
)

// Answers. The body is encoded into a buffer before anything is sent, so a failure
// can still become an error with its own status.

// buffers hold bodies of requests and answers while they are worked on.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// keepBuffer is the largest buffer that is kept for later.
const keepBuffer = 64 << 10

// putBuffer gives a buffer back. A very large one is left to the garbage
// collector.
func putBuffer(b *bytes.Buffer) {
	if b.Cap() <= keepBuffer {
		b.Reset()
		buffers.Put(b)
	}
}

// answer sends the output of op; nil is the output of an operation that has none,
// and a nil pointer is an empty structure.
func (h *Handler) answer(w http.ResponseWriter, op *endpoint, out any) {
	if out == nil {
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusOK)
		return
	}
	b := buffers.Get().(*bytes.Buffer)
	defer putBuffer(b)
	if err := encode(b, out); err != nil {
		h.opts.Logger.Error("encode an answer", "operation", op.Name, "error", err)
		h.answerError(w, op, &Error{Type: internalErrorException})
		return
	}
	if bytes.Equal(b.Bytes(), []byte("null")) {
		b.Reset()
		b.WriteString("{}")
	}
	send(w, http.StatusOK, b)
}

// answerError sends an error. op is nil where it is not known. The type is sent
// twice, in the body and in x-amzn-ErrorType with a colon behind it: SDKs read the
// one or the other, and cut at the colon.
func (h *Handler) answerError(w http.ResponseWriter, op *endpoint, e *Error) {
	var service *Service
	if op != nil {
		service = op.service
		e = op.named(e)
		if h.opts.Undeclared != nil && !op.Declares(e.Type) {
			h.opts.Undeclared(&op.Operation, e)
		}
	}
	body := struct {
		Type    string `json:"__type"`
		Message string `json:"message,omitempty"`
		Capital string `json:"Message,omitempty"`
		Reason  string `json:"reasonCode,omitempty"`
	}{Type: e.Type, Message: e.Message, Reason: e.ReasonCode}
	if e.capital {
		body.Message, body.Capital = "", e.Message
	}
	b := buffers.Get().(*bytes.Buffer)
	defer putBuffer(b)
	if err := encode(b, body); err != nil {
		panic(err) // four strings
	}
	w.Header().Set("x-amzn-ErrorType", headerText(e.Type)+":")
	if e.Message != "" {
		w.Header().Set("x-amzn-ErrorMessage", headerText(e.Message))
	}
	send(w, cmp.Or(e.Status, status(service, e.Type)), b)
}

// encode writes v as JSON, with nothing escaped that need not be.
func encode(b *bytes.Buffer, v any) error {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the line end
	return nil
}

// send sends a body with its length, so that the connection can be used again.
func send(w http.ResponseWriter, status int, b *bytes.Buffer) {
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	w.Write(b.Bytes())
}
