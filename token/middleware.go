package token

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

type contextKey struct{}

// NewContext returns a context that carries c. It is for tests of handlers, and for
// programs that do not get their claims from [Verifier.Require].
func NewContext(ctx context.Context, c *Claims) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// FromContext returns the claims that [Verifier.Require] put into the context of a request,
// and reports whether there are any. The handler may change them.
func FromContext(ctx context.Context) (*Claims, bool) {
	c, ok := ctx.Value(contextKey{}).(*Claims)
	return c, ok && c != nil
}

// Require is middleware. It passes a request with a good token on to next, with the claims
// in the context of the request ([FromContext]). It answers all other requests as RFC 6750
// says:
//
//   - 401 without an error code if there is no bearer token;
//   - 401 with invalid_token if the token is not good;
//   - 403 with insufficient_scope if only a scope or a group is missing;
//   - 400 with invalid_request if there are several Authorization headers;
//   - 503 if the key source or Revoked could not answer.
//
// Require reads the token from the Authorization header only, because URLs and forms end
// up in logs. A browser's CORS preflight has no token: answer preflights before Require.
func (v *Verifier) Require(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, refusal := bearer(r.Header)
		if refusal != nil {
			refusal.write(w)
			return
		}
		c, err := v.Verify(r.Context(), raw)
		if err != nil {
			v.refusal(err).write(w)
			return
		}
		next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), c)))
	})
}

// A refusal is an answer by RFC 6750 section 3. Its texts are constants and never repeat
// the request.
type refusal struct {
	status            int
	code, text, scope string
}

func (f *refusal) write(w http.ResponseWriter) {
	challenge := `Bearer realm="api"`
	if f.code != "" {
		challenge += `, error="` + f.code + `", error_description="` + f.text + `"`
	}
	if f.scope != "" {
		challenge += `, scope="` + f.scope + `"`
	}
	if f.status != http.StatusServiceUnavailable {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, f.text, f.status)
}

// bearer returns the token of the one Authorization header.
func bearer(h http.Header) (string, *refusal) {
	values := h.Values("Authorization")
	if len(values) > 1 {
		return "", &refusal{
			status: http.StatusBadRequest,
			code:   "invalid_request", text: "several Authorization headers",
		}
	}
	missing := &refusal{status: http.StatusUnauthorized, text: "a bearer token is needed"}
	if len(values) == 0 {
		return "", missing
	}
	scheme, raw, _ := strings.Cut(values[0], " ")
	raw = strings.Trim(raw, " ")
	if !strings.EqualFold(scheme, "Bearer") || raw == "" {
		return "", missing
	}
	return raw, nil
}

// refusal returns the answer for an error of Verify. It says whether the client needs a new
// token or one with more rights.
func (v *Verifier) refusal(err error) *refusal {
	invalid := func(text string) *refusal {
		return &refusal{status: http.StatusUnauthorized, code: "invalid_token", text: text}
	}
	switch {
	case errors.Is(err, ErrScope), errors.Is(err, ErrGroup):
		return &refusal{
			status: http.StatusForbidden, code: "insufficient_scope",
			text: "the token does not allow this", scope: strings.Join(v.o.Scopes, " "),
		}
	case errors.Is(err, ErrExpired):
		return invalid("the token has expired")
	case errors.Is(err, ErrRevoked):
		return invalid("the token has been revoked")
	}
	for _, e := range []error{
		ErrMalformed, ErrSignature, ErrUnknownKey, ErrNotYetValid, ErrIssuer, ErrAudience, ErrUse,
	} {
		if errors.Is(err, e) {
			return invalid("the token is not valid here")
		}
	}
	return &refusal{status: http.StatusServiceUnavailable, text: "the token cannot be checked now"}
}
