package login

import (
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"strings"
)

// The errors of the middleware.
var (
	// ErrSignedOut is returned if the browser is not signed in, or no longer.
	ErrSignedOut = errors.New("login: the browser is not signed in")
	// ErrTooLarge is returned for tokens that do not fit into cookies: use [Options].Store.
	ErrTooLarge = errors.New("login: the tokens do not fit into cookies")
	// ErrUnavailable is returned if the authorization server or the store does not answer.
	ErrUnavailable = errors.New("login: the authorization server does not answer")

	errCrossOrigin = errors.New("login: the request comes from another site")
	errMethod      = errors.New("login: another method is needed")
	errForbidden   = errors.New("login: a group or a scope is missing")
	errAttempt     = errors.New("login: the answer belongs to no sign-in of this browser")
	errReturnTo    = errors.New("login: return_to is not a path of this program")
	errDenied      = errors.New("login: the authorization server refuses")
	errInvalid     = errors.New("login: the answer of the authorization server is invalid")
	errGrant       = errors.New("login: the server does not accept the code or the refresh token")
)

// A Problem is what a person or a program is told about a request that gets no further.
type Problem struct {
	// Status is that of HTTP.
	Status int
	// Code is the word for programs: signed_out, forbidden, cross_origin, bad_method, bad_answer,
	// bad_return_to, denied, too_large, unavailable or server_error.
	Code string
	// Text is the sentence for people.
	Text string
	// SignIn is the path at which a new sign-in begins, or "" if that does not help.
	SignIn string
}

// problems are in the order in which they are looked for.
var problems = []struct {
	err error
	p   Problem
}{
	{ErrSignedOut, Problem{Status: http.StatusUnauthorized, Code: "signed_out", Text: "Please sign in."}},
	{errForbidden, Problem{Status: http.StatusForbidden, Code: "forbidden", Text: "You may not see this."}},
	{errCrossOrigin, Problem{Status: http.StatusForbidden, Code: "cross_origin", Text: "This was sent from another site. Nothing was changed."}},
	{errMethod, Problem{Status: http.StatusMethodNotAllowed, Code: "bad_method", Text: "This address is not called in this way."}},
	{errReturnTo, Problem{Status: http.StatusBadRequest, Code: "bad_return_to", Text: "The link to this page is not valid."}},
	{errAttempt, Problem{Status: http.StatusBadRequest, Code: "bad_answer", Text: "This sign-in has ended, or was begun in another browser. Please sign in again."}},
	{errDenied, Problem{Status: http.StatusForbidden, Code: "denied", Text: "You were not signed in. Please try again."}},
	{ErrTooLarge, Problem{Status: http.StatusInternalServerError, Code: "too_large", Text: "You cannot be signed in here. Please tell whoever runs this site."}},
	{ErrUnavailable, Problem{Status: http.StatusServiceUnavailable, Code: "unavailable", Text: "You cannot be signed in just now. Please try again later."}},
	{errInvalid, Problem{Status: http.StatusBadGateway, Code: "bad_answer", Text: "You cannot be signed in. Please tell whoever runs this site."}},
	{errGrant, Problem{Status: http.StatusBadRequest, Code: "bad_answer", Text: "This sign-in has ended. Please sign in again."}},
}

func problemOf(err error) Problem {
	for _, known := range problems {
		if errors.Is(err, known.err) {
			return known.p
		}
	}
	return Problem{Status: http.StatusInternalServerError, Code: "server_error", Text: "Something went wrong. Please try again later."}
}

// wantsPage reports whether a request asks for a page, and not for data.
func wantsPage(r *http.Request) bool {
	for _, accept := range r.Header.Values("Accept") {
		if strings.Contains(accept, "text/html") {
			return true
		}
	}
	return false
}

var page = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Text}}</title></head>
<body><main><h1>{{.Text}}</h1>{{with .SignIn}}<p><a href="{{.}}">Sign in</a></p>{{end}}</main></body></html>
`))

// refuse is [Options].Refuse of programs that have none.
func refuse(w http.ResponseWriter, r *http.Request, p Problem) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Cookie realm="sign-in"`)
	}
	if wantsPage(r) {
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'")
		w.WriteHeader(p.Status)
		_ = page.Execute(w, p) // fails if the browser is gone
		return
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(struct {
		Code   string `json:"error"`
		Text   string `json:"error_description"`
		SignIn string `json:"sign_in,omitempty"`
	}{p.Code, p.Text, p.SignIn})
}
