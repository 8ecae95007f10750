package login

import (
	"fmt"
	"net/http"
	"net/url"
)

// The callback: the authorization server sends the browser here with a code, or with an error.
// The attempt is used up first, so that nothing is looked at twice. Then the code is exchanged, the
// tokens are verified, and the sign-in that the browser had before ends. Only then is it signed in.

// maxCallback is how long the query of a callback may be.
const maxCallback = 8 << 10

// answered is the callback.
func (m *Middleware) answered(w http.ResponseWriter, r *http.Request) error {
	q, err := callbackQuery(r)
	if err != nil {
		return err
	}
	a, err := m.useUp(w, r, q.Get("state"))
	if err != nil {
		return err
	}
	e, err := m.server.endpoints(r.Context())
	if err != nil {
		return err
	}
	if err := m.checkIssuer(e, q); err != nil {
		return err
	}
	if code := q.Get("error"); code != "" {
		return fmt.Errorf("%w: %s", errDenied, known(code))
	}
	s, err := m.exchange(r.Context(), e, q.Get("code"), a)
	if err != nil {
		return err
	}
	s.Began = m.options.Clock()
	s.Seen = s.Began
	former, err := m.keeper.begin(w, r, s)
	if err != nil {
		return err
	}
	m.revoke(r.Context(), former)
	seeOther(w, a.ReturnTo)
	return nil
}

// callbackQuery reads the parameters of a callback. None may come twice.
func callbackQuery(r *http.Request) (url.Values, error) {
	if len(r.URL.RawQuery) > maxCallback {
		return nil, fmt.Errorf("%w: too long", errAttempt)
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("%w: malformed", errAttempt)
	}
	for _, name := range []string{"state", "code", "iss", "error"} {
		if len(q[name]) > 1 {
			return nil, fmt.Errorf("%w: %s comes twice", errAttempt, name)
		}
	}
	if (q.Get("code") == "") == (q.Get("error") == "") {
		return nil, fmt.Errorf("%w: a code or an error is needed", errAttempt)
	}
	return q, nil
}

// checkIssuer refuses the answer of another server (RFC 9207).
func (m *Middleware) checkIssuer(e *Endpoints, q url.Values) error {
	if !q.Has("iss") {
		if e.NamesIssuer {
			return fmt.Errorf("%w: it names no issuer", errAttempt)
		}
		return nil
	}
	if q.Get("iss") != m.issuer {
		return fmt.Errorf("%w: it is of another issuer", errAttempt)
	}
	return nil
}

// known returns the code of an error if it has the characters of one, for the log.
func known(code string) string {
	if len(code) > 64 {
		return "an unknown error"
	}
	for i := range len(code) {
		if c := code[i]; (c < 'a' || c > 'z') && c != '_' {
			return "an unknown error"
		}
	}
	return code
}
