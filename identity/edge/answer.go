package edge

import (
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/cognate-id/cognate/oauth/login"
)

// removeHeader is how Envoy is told which headers of the client to remove.
const removeHeader = "X-Envoy-Auth-Headers-To-Remove"

// answer answers a gateway.
func (e *Edge) answer(w http.ResponseWriter, r *http.Request, c convention) {
	o, err := e.original(r, c)
	if err != nil {
		e.refuse(w, r, c, nil, err)
		return
	}
	_, values, err := e.decide(w, r, o)
	if err != nil {
		e.refuse(w, r, c, o, err)
		return
	}
	e.tell(w.Header(), c, values)
	if c == authRequest {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// tell sets the headers of identity. An empty one takes the place of what a client has sent; Envoy
// is told to remove it, because it adds no empty header.
func (e *Edge) tell(h http.Header, c convention, values []string) {
	var remove []string
	for i, told := range e.headers {
		if values[i] == "" && c == extAuthz {
			remove = append(remove, strings.ToLower(told.name))
			continue
		}
		h.Set(told.name, values[i])
	}
	if len(remove) > 0 {
		h.Set(removeHeader, strings.Join(remove, ","))
	}
}

// A problem is what a client is told.
type problem struct {
	err    error
	status int
	code   string // for programs
	text   string // for people
}

// problems are in the order in which they are looked for: what the server cannot say comes first.
var problems = []problem{
	{errUnavailable, http.StatusServiceUnavailable, "unavailable", "You cannot be signed in just now. Please try again later."},
	{errToken, http.StatusUnauthorized, "invalid_token", "The access token is not valid here."},
	{errTwoTokens, http.StatusUnauthorized, "invalid_request", "There are several Authorization headers."},
	{errCrossOrigin, http.StatusForbidden, "cross_origin", "This was sent from another site. Nothing was changed."},
	{errForbidden, http.StatusForbidden, "forbidden", "You may not see this."},
	{errUnfit, http.StatusForbidden, "forbidden", "You may not see this. Please tell whoever runs this site."},
	{errLookalike, http.StatusForbidden, "forbidden", "The request has a header that is not allowed."},
	{errPath, http.StatusBadRequest, "bad_path", "This address is not valid."},
	{errStranger, http.StatusForbidden, "forbidden", "This address is for gateways."},
	{errForeign, http.StatusForbidden, "forbidden", "There is no such site."},
	{errOriginal, http.StatusForbidden, "forbidden", "The gateway is not set up."},
	{errReturn, http.StatusBadRequest, "bad_return", "The link to this page is not valid."},
	{errMethod, http.StatusMethodNotAllowed, "bad_method", "This address is not called in this way."},
	{errSignedOut, http.StatusUnauthorized, "signed_out", "Please sign in."},
}

func problemOf(err error) problem {
	for _, p := range problems {
		if errors.Is(err, p.err) {
			return p
		}
	}
	return problem{status: http.StatusInternalServerError, code: "server_error", text: "Something went wrong. Please try again later."}
}

// refuse answers a request that may not go on. o is nil if there is no site. Browsers that are not
// signed in are sent to the sign-in: by 401 with a Location for nginx, which cannot hand on
// anything else, and by a redirect for all others.
func (e *Edge) refuse(w http.ResponseWriter, r *http.Request, c convention, o *original, err error) {
	p := problemOf(err)
	e.note(r, p, err)
	h := w.Header()
	secure(h)
	if p.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", challenge(p))
		if o != nil && errors.Is(err, errSignedOut) && navigates(r) {
			h.Set("Location", o.signIn(e.prefix))
			if c != authRequest {
				p.status = redirect(o.method)
			}
		}
	}
	if c == authRequest && p.status < http.StatusInternalServerError && p.status != http.StatusUnauthorized {
		p.status = http.StatusForbidden // nginx knows no other
	}
	e.write(w, r, p)
}

// note logs what the client is not told.
func (e *Edge) note(r *http.Request, p problem, err error) {
	switch {
	case p.status >= http.StatusInternalServerError:
		e.log.ErrorContext(r.Context(), "a request could not be judged", "error", err)
	case errors.Is(err, errStranger), errors.Is(err, errOriginal), errors.Is(err, errForeign), errors.Is(err, errUnfit), errors.Is(err, errLookalike):
		e.log.WarnContext(r.Context(), "a request was refused", "peer", r.RemoteAddr, "error", err)
	default:
		e.log.DebugContext(r.Context(), "a request was refused", "error", err)
	}
}

// challenge follows RFC 6750, section 3.
func challenge(p problem) string {
	if p.code == "signed_out" {
		return `Bearer realm="edge"`
	}
	return `Bearer realm="edge", error="` + p.code + `", error_description="` + p.text + `"`
}

// redirect is the status that sends a browser on. What was posted is not posted again.
func redirect(method string) int {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return http.StatusFound
	default:
		return http.StatusSeeOther
	}
}

// navigates reports whether a browser asks for a page, and not a script for data.
func navigates(r *http.Request) bool {
	if strings.EqualFold(r.Header.Get("X-Requested-With"), "XMLHttpRequest") {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" && mode != "navigate" {
		return false
	}
	return slices.ContainsFunc(r.Header.Values("Accept"), func(a string) bool { return strings.Contains(a, "text/html") })
}

// signIn is the way to the sign-in at a site and back.
func (o *original) signIn(prefix string) string {
	to := o.site.origin + prefix + signInPath
	if o.method != http.MethodGet && o.method != http.MethodHead || !login.IsLocal(o.target) {
		return to
	}
	return to + "?rd=" + url.QueryEscape(o.target)
}

var page = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Text}}</title></head>
<body><main><h1>{{.Text}}</h1>{{with .Action}}<form method="post" action="{{.}}"><button>Sign out</button></form>{{end}}</main></body></html>
`))

// A view is what a page shows.
type view struct{ Text, Action string }

func (v view) write(w http.ResponseWriter, status int) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_ = page.Execute(w, v) // fails if the client is gone
}

func (e *Edge) write(w http.ResponseWriter, r *http.Request, p problem) {
	if navigates(r) {
		view{Text: p.text}.write(w, p.status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(p.status)
	_ = json.NewEncoder(w).Encode(struct {
		Code string `json:"error"`
		Text string `json:"error_description"`
	}{p.code, p.text})
}
