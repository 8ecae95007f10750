package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/internal/outbound"
)

// maxAnswer is how large an answer may be, in bytes.
const maxAnswer = 1 << 20

// A target is a function, and how to call it.
type target struct {
	caller *Caller
	name   string // by which calls are counted
	url    *url.URL
	// prepare adds what a try needs to the request: signatures, and the id of the call.
	prepare func(r *http.Request, id string, body []byte)
	// refuses reports whether the function says by 4xx and an errorMessage that it refuses.
	// The Invoke API answers 200 then.
	refuses bool
	// code is the code of a custom sender as it stands in the event.
	code func(ctx context.Context, e *hook.CustomSender) (string, error)
}

// call sends an event, and returns the body of the answer. It tries again after a timeout and
// after 5xx, as often as the options say, unless the caller has given up.
func (t *target) call(ctx context.Context, event *envelope) ([]byte, error) {
	body, err := encode(event)
	if err != nil {
		return nil, err
	}
	leave, err := t.caller.bounds.enter(t.name, sourceOf(event.call))
	if err != nil {
		return nil, err
	}
	end := givenUp // also if something panics
	defer func() {
		if leave(end) {
			t.caller.log.Warn("a function of hooks does not answer in time, and is left alone for a while", "host", t.url.Host, "for", t.caller.options.BreakFor)
		}
	}()
	var answer *outbound.Answer
	for range t.caller.options.Tries {
		answer, err = t.try(ctx, event.id, body)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("webhook: %w", context.Cause(ctx))
		}
		if err == nil && answer.Status < 500 || err != nil && !errors.Is(err, outbound.ErrTimeout) {
			break
		}
	}
	end = resultOf(err)
	if err != nil {
		return nil, transportError(err)
	}
	return t.read(answer)
}

func (t *target) try(ctx context.Context, id string, body []byte) (*outbound.Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.URL = t.url // with its escapes
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "cognate")
	t.prepare(req, id, body)
	// The key tells package http to send again if the server has closed an idle connection
	// meanwhile. It has no value, so it is not sent.
	req.Header["Idempotency-Key"] = nil
	return t.caller.client.Do(req)
}

func resultOf(err error) result {
	switch {
	case err == nil:
		return answered
	case errors.Is(err, outbound.ErrTimeout):
		return timedOut
	}
	return givenUp
}

// Names of errors of the Invoke API.
const (
	tooMany     = "TooManyRequestsException"
	denied      = "AccessDeniedException"
	missing     = "ResourceNotFoundException"
	unavailable = "ServiceException"
)

// transportError says what an error of the client means for the caller.
func transportError(err error) error {
	switch {
	case errors.Is(err, outbound.ErrTimeout):
		return &hook.FailureError{Err: err}
	case errors.Is(err, outbound.ErrRedirect), errors.Is(err, outbound.ErrTooLarge):
		return fmt.Errorf("%w: %w", hook.ErrInvalidDecision, err)
	case errors.Is(err, outbound.ErrForbidden):
		return &hook.FailureError{Name: denied, Err: err}
	}
	return &hook.FailureError{Name: unavailable, Err: err}
}

// read tells a whole answer from an error of the function or of the Invoke API.
func (t *target) read(a *outbound.Answer) ([]byte, error) {
	ok := a.Status >= 200 && a.Status < 300
	reason, has := errorMessage(a.Body)
	switch {
	case ok && (a.Header.Get("X-Amz-Function-Error") != "" || has):
		return nil, hook.Refuse(reason)
	case ok:
		return a.Body, nil
	case t.refuses && has && a.Status < 500:
		return nil, hook.Refuse(reason)
	}
	return nil, &hook.FailureError{Name: errorName(a), Err: fmt.Errorf("%s answered with status %d", t.url.Host, a.Status)}
}

// maxReason is how long the reason of a function is, in bytes. What is longer is cut.
const maxReason = 2048

// errorMessage reads the error of a function. The Runtime Interface Emulator sends it without
// the header that says so. An event has no such member.
func errorMessage(body []byte) (reason string, ok bool) {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return "", false
	}
	if json.Unmarshal(members["errorMessage"], &reason) != nil {
		return "", false
	}
	if len(reason) <= maxReason {
		return reason, true
	}
	cut := maxReason
	for !utf8.RuneStart(reason[cut]) {
		cut--
	}
	return reason[:cut], true
}

// errorName is the name of an error of the Invoke API. If the answer has none, its status
// names one.
func errorName(a *outbound.Answer) string {
	name, _, _ := strings.Cut(a.Header.Get("X-Amzn-Errortype"), ":")
	if validName(name) {
		return name
	}
	switch a.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return denied
	case http.StatusNotFound, http.StatusGone:
		return missing
	case http.StatusTooManyRequests:
		return tooMany
	}
	if a.Status >= 500 {
		return unavailable
	}
	return "InvalidRequestContentException"
}

// validName reports whether a name can be shown: letters and digits, and not many.
func validName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9') {
			return false
		}
	}
	return name != "" && len(name) <= 64
}

// encode writes an event as the service does: it escapes no <, > and &.
func encode(event *envelope) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(event); err != nil {
		return nil, fmt.Errorf("webhook: encode an event: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
