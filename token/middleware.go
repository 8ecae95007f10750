package token

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

type contextKey struct{}

// NewContext returns a context that carries c: for a program that gets its claims
// otherwise than by [Verifier.Require], and for tests of handlers.
func NewContext(ctx context.Context, c *Claims) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// FromContext returns the claims of the request's token, behind [Verifier.Require]. They
// belong to this request alone.
func FromContext(ctx context.Context) (*Claims, bool) {
	c, ok := ctx.Value(contextKey{}).(*Claims)
	return c, ok && c != nil
}

// Require passes on requests whose token is good, with the claims in their context
// ([FromContext]), and answers all others, as RFC 6750 says:
//
//   - 401 without an error code when there is no bearer token, 401 with
//     invalid_token when it is not good, 403 with insufficient_scope when only a scope or
//     a group is missing;
//   - 400 with invalid_request when there are several Authorization headers;
//   - 503 when the keys, or Revoked, could not answer.
//
// The token is taken from the Authorization header and from nowhere else: addresses and
// forms end up in logs. Requests of a browser's CORS preflight have no token, so whatever
// answers them goes in front.
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

// A refusal is an answer by RFC 6750 section 3. Its texts are ours, never the request's.
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

// refusal tells the client what it can act on: whether to get a fresh token, or one with
// more rights.
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
