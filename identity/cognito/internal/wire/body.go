package wire

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// A body is read before its request takes a slot, so that who owes a body holds nobody up.
// The buffer grows with what arrives, not with what Content-Length announces. Three things
// bound it: the limit of the operation, a deadline, and the memory that all bodies in
// flight may have together.

const (
	// smallBody is how much of a body counts for nothing: nearly all requests are shorter.
	smallBody = 8 << 10
	// maxBodies is how many bytes all bodies may have together beyond their first smallBody.
	maxBodies = 64 << 20
)

// readBody reads a body of at most limit bytes. Call the function that it returns when the
// body is no longer needed.
func (h *Handler) readBody(w http.ResponseWriter, r *http.Request, limit int64, to *bytes.Buffer) (done func(), failed *Error) {
	control := http.NewResponseController(w)
	// A writer that has no connection, as in a test, has no deadline either.
	timed := control.SetReadDeadline(time.Now().Add(h.opts.BodyTimeout)) == nil
	in := &budgeted{Reader: http.MaxBytesReader(w, r.Body, limit), all: &h.bodies}
	_, err := to.ReadFrom(in)
	if err == nil {
		if timed { // else the deadline would end the request while its handler works
			err = control.SetReadDeadline(time.Time{})
		}
		if err == nil {
			return in.release, nil
		}
	}
	in.release()
	if timed { // nobody waits for the rest
		if err := control.SetReadDeadline(time.Now()); err != nil {
			h.opts.Logger.DebugContext(r.Context(), "set a deadline", "error", err)
		}
	}
	w.Header().Set("Connection", "close")
	return nil, bodyError(err, limit)
}

func bodyError(err error, limit int64) *Error {
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		// What the service says is not known. DynamoDB answers 413.
		return &Error{
			Type: requestTooLarge, Status: http.StatusRequestEntityTooLarge,
			Message: "The request is longer than " + strconv.FormatInt(limit, 10) + " bytes.",
		}
	}
	if errors.Is(err, errBodies) {
		return RateExceeded()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &Error{
			Type: requestTimeout, Status: http.StatusRequestTimeout,
			Message: "The request did not arrive in time.", // (unsure)
		}
	}
	return malformed()
}

// errBodies is returned when all bodies together would be too large.
var errBodies = errors.New("wire: too many long bodies at once")

// A budgeted reader counts what it reads against the budget of all bodies.
type budgeted struct {
	io.Reader
	all   *atomic.Int64
	read  int64
	taken int64
}

func (b *budgeted) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.read += int64(n)
	if more := b.read - smallBody - b.taken; more > 0 {
		b.taken += more
		if b.all.Add(more) > maxBodies {
			return n, errBodies
		}
	}
	return n, err
}

func (b *budgeted) release() { b.all.Add(-b.taken) }
