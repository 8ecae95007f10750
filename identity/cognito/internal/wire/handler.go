package wire

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cognate-id/cognate/identity/internal/sigv4"
)

// The way of a request: ServeHTTP answers preflights and strange paths. post finds
// the operation by X-Amz-Target and refuses what is over the limit. call reads the
// body, lets Authorize decide by the raw bytes, reads the request and holds it
// against the model, and runs the handler. Authorization comes before the model,
// so that nobody without a key learns what is wrong with a request. Errors of all
// steps end in answerError.

// Options are the wiring of a [Handler]. All are optional.
type Options struct {
	// Authorize decides whether r may call op, before anything is read from
	// the body but its bytes, which it must not keep. The context that it
	// returns is the one the handler is called with. Defaults to letting
	// everything pass.
	Authorize func(ctx context.Context, r *http.Request, op *Operation, body []byte) (context.Context, error)

	// Context returns the context that the handler of a request is called
	// with, made from ctx. in was read and is valid by its model. Defaults to ctx.
	Context func(ctx context.Context, in Request) context.Context

	// MapError turns an error of a handler, or of Authorize, that is not an
	// *Error into one. Where it returns nil, the answer is an
	// InternalErrorException and the error is logged. Defaults to that.
	MapError func(ctx context.Context, op *Operation, err error) *Error

	// Undeclared is told of each error that is answered although the model
	// of the operation does not declare its type. It is for tests.
	Undeclared func(op *Operation, err *Error)

	// Failed is told of each error that is answered to a known operation. The
	// context is that of the request.
	Failed func(ctx context.Context, r *http.Request, op *Operation, err *Error)

	// Logger gets panics and unexpected errors. Defaults to [slog.Default].
	Logger *slog.Logger

	// Timeout is how long a request may take. Defaults to 30 seconds; the
	// SDKs give up after 60.
	Timeout time.Duration

	// BodyTimeout is how long the body of a request may take to arrive, before
	// the Timeout begins. Defaults to 10 seconds.
	BodyTimeout time.Duration

	// MaxInFlight is how many requests may be worked on at once; further ones
	// are refused at once with a TooManyRequestsException, which the SDKs
	// answer by waiting. A request whose body is still to come does not count.
	// Defaults to 1,024.
	MaxInFlight int

	// Source names where a request comes from. One source may have a quarter
	// of MaxInFlight. Requests of the source "" are bounded together with all
	// others only. Defaults to that.
	Source func(*http.Request) string
}

// A Handler serves the operations of services over HTTP.
type Handler struct {
	operations map[string]*endpoint // by X-Amz-Target
	opts       Options
	slots      *slots
	bodies     atomic.Int64 // bytes of the bodies in flight, see maxBodies
}

// An endpoint is an operation in its service.
type endpoint struct {
	Operation
	service *Service
}

// NewHandler returns a handler for the services. Nil options are the default.
func NewHandler(o *Options, services ...*Service) *Handler {
	n := 0
	for _, s := range services {
		n += len(s.Operations)
	}
	h := &Handler{operations: make(map[string]*endpoint, n)}
	if o != nil {
		h.opts = *o
	}
	if h.opts.Logger == nil {
		h.opts.Logger = slog.Default()
	}
	h.opts.Timeout = cmp.Or(h.opts.Timeout, 30*time.Second)
	h.opts.BodyTimeout = cmp.Or(h.opts.BodyTimeout, 10*time.Second)
	h.slots = newSlots(cmp.Or(h.opts.MaxInFlight, 1024))
	if h.opts.Source == nil {
		h.opts.Source = func(*http.Request) string { return "" }
	}
	for _, s := range services {
		for _, op := range s.Operations {
			h.operations[s.TargetPrefix+"."+op.Name] = &endpoint{op, s}
		}
	}
	return h
}

// ServeHTTP implements [http.Handler]. It answers an unknown request as
// the service does, with JSON.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	id := NewID()
	header.Set("x-amzn-RequestId", id)
	header.Set("Content-Type", "application/x-amz-json-1.1")
	header.Set("Cache-Control", "no-store") // tokens are in the answers
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Access-Control-Expose-Headers", "x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date")
	if len(r.TransferEncoding) > 0 {
		// There may have been a Content-Length too, which net/http removes: RFC 9112, section
		// 6.1, demands that such a connection is closed. SDKs send the length alone.
		header.Set("Connection", "close")
	}
	switch {
	case r.URL.Path != "/" && r.URL.Path != "":
		notUnderstood(w)
	case r.Method == http.MethodOptions:
		preflight(header, r)
		w.WriteHeader(http.StatusOK)
	case r.Method != http.MethodPost:
		notUnderstood(w)
	default:
		h.post(w, r, id)
	}
}

// notUnderstood answers any path or method but POST /. The body is recorded
// from the service; its status is believed to be 400.
func notUnderstood(w http.ResponseWriter) {
	w.WriteHeader(http.StatusBadRequest)
	io.WriteString(w, `{"code":"BadRequest","message":"`+badRequestUnderstoodText+`","type":"client"}`)
}

// preflight lets a page of any origin call, as the service does. No cookie is
// involved, so this gives a page nothing that it does not have. The answer may be
// kept for two days.
func preflight(header http.Header, r *http.Request) {
	if ask := r.Header.Get("Access-Control-Request-Headers"); ask != "" {
		header.Set("Access-Control-Allow-Headers", headerText(ask))
	}
	header.Set("Access-Control-Allow-Methods", http.MethodPost)
	header.Set("Access-Control-Max-Age", "172800")
}

// post answers a call. The content type of the request is not looked at: the
// service is tolerant, and X-Amz-Target alone already keeps a plain form of
// another site from getting here.
func (h *Handler) post(w http.ResponseWriter, r *http.Request, id string) {
	op := h.operations[r.Header.Get("X-Amz-Target")]
	if op == nil {
		h.answerError(w, nil, &Error{Type: unknownOperation})
		return
	}
	if !op.Served() {
		h.answerError(w, op, Errorf(unknownOperation, "The operation %s is not served by this version.", op.Name))
		return
	}
	ctx := withRequest(r, id, &op.Operation)
	body := buffers.Get().(*bytes.Buffer)
	defer putBuffer(body)
	done, err := h.readBody(w, r, op.MaxBody, body)
	if err != nil {
		h.fail(ctx, w, r, op, err)
		return
	}
	defer done()
	source := h.opts.Source(r)
	if !h.slots.take(source) {
		h.fail(ctx, w, r, op, RateExceeded())
		return
	}
	defer h.slots.release(source)
	ctx, cancel := context.WithTimeout(ctx, h.opts.Timeout)
	defer cancel()
	out, err := h.call(ctx, r, op, body.Bytes())
	if err != nil {
		h.fail(ctx, w, r, op, err)
		return
	}
	h.answer(w, op, out)
}

// fail answers an error, and tells of it.
func (h *Handler) fail(ctx context.Context, w http.ResponseWriter, r *http.Request, op *endpoint, err *Error) {
	if h.opts.Failed != nil {
		h.opts.Failed(ctx, r, &op.Operation, err)
	}
	h.answerError(w, op, err)
}

// Full reports whether the next request would be refused, whoever sends it.
func (h *Handler) Full() bool { return h.slots.full() }

// RateExceeded returns the error of a request that is refused because of load.
func RateExceeded() *Error { return &Error{Type: tooManyRequests, Message: "Rate exceeded"} }

// call decodes the request and runs the handler. A panic of a handler is logged and
// becomes an InternalErrorException; the server goes on.
func (h *Handler) call(ctx context.Context, r *http.Request, op *endpoint, body []byte) (out any, failed *Error) {
	defer func() {
		if p := recover(); p != nil {
			if p == any(http.ErrAbortHandler) {
				panic(p)
			}
			h.opts.Logger.ErrorContext(ctx, "panic in a handler", "operation", op.Name, "panic", p, "stack", string(debug.Stack()))
			out, failed = nil, &Error{Type: internalErrorException}
		}
	}()
	if h.opts.Authorize != nil {
		authorized, err := h.opts.Authorize(ctx, r, &op.Operation, body)
		if err != nil {
			return nil, h.mapError(ctx, op, err)
		}
		ctx = authorized
	}
	in := op.Input()
	if err := parse(body, in, op.service.ValidationError); err != nil {
		return nil, err
	}
	if h.opts.Context != nil {
		ctx = h.opts.Context(ctx, in)
	}
	out, err := op.Call(ctx, in)
	if err != nil {
		return nil, h.mapError(ctx, op, err)
	}
	return out, nil
}

// A parser is what one request needs for its reading.
type parser struct {
	Decoder
	Validator
}

var parsers = sync.Pool{New: func() any { return new(parser) }}

// parse reads body into in and holds it against its model.
func parse(body []byte, in Request, validationError string) *Error {
	p := parsers.Get().(*parser)
	defer func() {
		p.Decoder = Decoder{} // it refers to body
		parsers.Put(p)
	}()
	if err := p.decodeRequest(body, in); err != nil {
		return err
	}
	return p.validate(in, validationError)
}

// mapError makes an *Error of err: one that is an *Error stays as it is, and those
// of signatures have the service's code already. What nobody knows is logged here,
// since the answer does not say it.
func (h *Handler) mapError(ctx context.Context, op *endpoint, err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*sigv4.Error](err); ok {
		return &Error{Type: e.Code, Message: e.Message}
	}
	if h.opts.MapError != nil {
		if e := h.opts.MapError(ctx, &op.Operation, err); e != nil {
			return e
		}
	}
	if errors.Is(err, context.DeadlineExceeded) { // there was no time for it, which is no fault of the server's
		h.opts.Logger.WarnContext(ctx, "a request took too long", "operation", op.Name, "error", err)
		return RateExceeded()
	}
	if !errors.Is(err, context.Canceled) { // the client has gone
		h.opts.Logger.ErrorContext(ctx, "unexpected error", "operation", op.Name, "error", err)
	}
	return &Error{Type: internalErrorException}
}

// NewID returns a random UUID: the id of a request.
func NewID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	var s [36]byte
	hex.Encode(s[:], b[:4])
	s[8] = '-'
	hex.Encode(s[9:], b[4:6])
	s[13] = '-'
	hex.Encode(s[14:], b[6:8])
	s[18] = '-'
	hex.Encode(s[19:], b[8:10])
	s[23] = '-'
	hex.Encode(s[24:], b[10:])
	return string(s[:])
}

// status is the HTTP status of an error of type typ.
func status(s *Service, typ string) int {
	if s != nil {
		i := slices.IndexFunc(s.Exceptions, func(e Exception) bool { return e.Name == typ })
		if i >= 0 {
			return s.Exceptions[i].Status
		}
	}
	if typ == internalErrorException || typ == internalServerException {
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}
