package cognito

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// Refused calls of operators, and requests that are refused because of load, are counted and
// logged. Strangers cause them, so only some of them get a line: the others are counted in
// the next line.

// Counts are how many requests a handler has refused since it was made.
type Counts struct {
	// Operators are operators' calls without a right to make them: unsigned, with a wrong,
	// expired or repeated signature, or from where they are not taken.
	Operators int64
	// Overload are requests that got a TooManyRequestsException.
	Overload int64
}

// A tally counts what was refused, and logs some of it.
type tally struct {
	log  *slog.Logger
	text string
	now  func() time.Time

	mu     sync.Mutex
	total  int64
	begin  time.Time // of the present window
	lines  int       // in it
	silent int64     // refused without a line since the last line
}

// The log gets at most this many lines of one kind in a window.
const (
	refusalWindow = time.Minute
	refusalLines  = 10
)

// count counts one, and logs it unless there were many just now.
func (t *tally) count(ctx context.Context, attrs ...any) {
	if silent, ok := t.next(); ok {
		if silent > 0 {
			attrs = append(attrs, "others", silent)
		}
		t.log.WarnContext(ctx, "refused", append([]any{"what", t.text}, attrs...)...)
	}
}

// next reports whether the next one gets a line, and how many had none before it.
func (t *tally) next() (silent int64, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total++
	if now := t.now(); now.Sub(t.begin) >= refusalWindow || now.Before(t.begin) {
		t.begin, t.lines = now, 0
	}
	if t.lines >= refusalLines {
		t.silent++
		return 0, false
	}
	t.lines++
	silent, t.silent = t.silent, 0
	return silent, true
}

func (t *tally) sum() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.total
}

// maxReason bounds what a line of the log repeats of a request.
const maxReason = 300

// keyForm is the form of access keys. Other text in place of one may be a secret that was
// put there by mistake, so it is not logged.
var keyForm = regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`)

// failed notes a request that was refused because of load, or an operator's call that nobody
// may make, or not this access key.
func (s *service) failed(ctx context.Context, r *http.Request, op *wire.Operation, err *wire.Error) {
	info := wire.RequestFrom(ctx)
	attrs := []any{"operation", op.Name, "address", s.from(r), "request", info.ID}
	if *err == *wire.RateExceeded() {
		s.overload.count(ctx, attrs...)
		return
	}
	if op.Caller != wire.Operator || !slices.Contains(refusals, err.Type) {
		return
	}
	if keyForm.MatchString(info.AccessKey) {
		attrs = append(attrs, "accessKey", info.AccessKey)
	}
	s.operators.count(ctx, append(attrs, "reason", line(err.Error(), maxReason))...)
}

// refusals are the errors of operators' calls without a right.
var refusals = []string{
	idp.AccessDeniedException, "MissingAuthenticationTokenException", "IncompleteSignatureException",
	"InvalidSignatureException", "UnrecognizedClientException", "ExpiredTokenException",
}

// from is the address of the client of a request, for a log.
func (s *service) from(r *http.Request) string {
	return s.proxies.client(r.RemoteAddr, r.Header["X-Forwarded-For"]).String()
}
