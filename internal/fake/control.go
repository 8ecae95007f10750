package fake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity/cognito"
)

const (
	controlPath = "/_cognate"
	healthPath  = controlPath + "/health"
)

// maxBody is the maximum length of the body of a control request.
const maxBody = 4 << 10

// isControl reports whether a request is for the control API.
func isControl(r *http.Request) bool {
	return r.URL.Path == controlPath || strings.HasPrefix(r.URL.Path, controlPath+"/")
}

// A call answers a control request with a value that is encoded as JSON; nil means 204.
type call func(*http.Request) (any, error)

// routes map a path and a method to a call. All paths but that of health are for access only.
type routes struct {
	calls  map[string]map[string]call
	access cognito.Access
}

func (s *Server) routes(version string, access cognito.Access) http.Handler {
	return routes{map[string]map[string]call{
		healthPath:               {http.MethodGet: health(version, func(context.Context) error { return nil }, s.api.Saturated)},
		controlPath + "/outbox":  {http.MethodGet: s.listOutbox, http.MethodDelete: s.clearOutbox},
		controlPath + "/request": {http.MethodGet: s.getRequest},
		controlPath + "/reset":   {http.MethodPost: s.postReset},
		controlPath + "/clock":   {http.MethodPost: s.postClock},
	}, access}
}

// Health returns a handler that answers only /_cognate/health. The answer is 503 if ready
// returns an error or saturated returns true, otherwise 200. The handler does not show the
// error.
func Health(version string, ready func(context.Context) error, saturated func() bool) http.Handler {
	return routes{calls: map[string]map[string]call{healthPath: {http.MethodGet: health(version, ready, saturated)}}}
}

// getRequest tells why the authorization server has refused a request.
func (s *Server) getRequest(r *http.Request) (any, error) {
	id := r.URL.Query().Get("id")
	refused, ok := s.oauth.Refused(id)
	if !ok {
		return nil, refuse(http.StatusNotFound, "the authorization server has refused no request %q lately", id)
	}
	return refused, nil
}

func health(version string, ready func(context.Context) error, saturated func() bool) call {
	return func(r *http.Request) (any, error) {
		if ready(r.Context()) != nil {
			return nil, refuse(http.StatusServiceUnavailable, "the store does not answer")
		}
		if saturated() {
			return nil, refuse(http.StatusServiceUnavailable, "saturated: requests are refused because of load")
		}
		return map[string]string{"status": "ok", "version": version}, nil
	}
}

// ServeHTTP implements [http.Handler].
func (rt routes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if len(r.TransferEncoding) > 0 { // as in the API, see RFC 9112, section 6.1
		w.Header().Set("Connection", "close")
	}
	answer, err := rt.dispatch(w, r)
	if err != nil {
		status := http.StatusInternalServerError
		if refused, ok := errors.AsType[*refusal](err); ok {
			status = refused.status
		}
		writeJSON(w, status, map[string]string{"error": err.Error()})
		return
	}
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func (rt routes) dispatch(w http.ResponseWriter, r *http.Request) (any, error) {
	if r.URL.Path != healthPath {
		if err := rt.access.Check(r); err != nil {
			return nil, refuse(http.StatusForbidden, "%v", err)
		}
	}
	methods, ok := rt.calls[r.URL.Path]
	if !ok {
		return nil, refuse(http.StatusNotFound, "there is no %s; there are %s", r.URL.Path, list(rt.calls))
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	fn, ok := methods[method]
	if !ok {
		w.Header().Set("Allow", list(methods))
		return nil, refuse(http.StatusMethodNotAllowed, "%s takes %s", r.URL.Path, list(methods))
	}
	return fn(r)
}

func list[V any](m map[string]V) string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// A refusal is an error with its HTTP status.
type refusal struct {
	status int
	text   string
}

func (e *refusal) Error() string { return e.text }

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written as JSON"}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(append(body, '\n'))
}

// readJSON reads a body that must be one JSON object without unknown members.
func readJSON(r *http.Request, to any, example string) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(to)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("more than one value")
		}
	}
	if tooLong, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return refuse(http.StatusRequestEntityTooLarge, "the body is longer than %d bytes", tooLong.Limit)
	}
	if err != nil {
		return refuse(http.StatusBadRequest, "the body is not as it should be (%v); send %s", err, example)
	}
	return nil
}

func (s *Server) postReset(r *http.Request) (any, error) {
	err := s.Reset(r.Context())
	if errors.Is(err, ErrNoReset) {
		return nil, refuse(http.StatusConflict, "a server that keeps its data in a file is not reset; "+
			"stop it, remove the file and start it again, or start it with --store memory")
	}
	if err != nil {
		return nil, err
	}
	return map[string]string{"status": "reset"}, nil
}

const clockExample = `{"advance":"1h"}, a duration such as 90s, 15m or 24h`

func (s *Server) postClock(r *http.Request) (any, error) {
	var in struct{ Advance string }
	if err := readJSON(r, &in, clockExample); err != nil {
		return nil, err
	}
	d, err := time.ParseDuration(in.Advance)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%q is not a duration; send %s", in.Advance, clockExample)
	}
	if err := s.Advance(d); err != nil {
		return nil, refuse(http.StatusBadRequest, "%v", err)
	}
	return map[string]time.Time{"time": s.Now().UTC()}, nil
}
