package gateway

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/cognate-id/cognate/token"
)

// A RefusedError is the error of a request that may not go on. It is an answer too: see [RefusedError.Write].
type RefusedError struct {
	// Status is 401, 403 or 503.
	Status int
	// Message is what the client is told.
	Message string
	// Challenge is the header WWW-Authenticate, or "".
	Challenge string
	// Err is why, or nil. The client is not told.
	Err error
}

// Error implements error.
func (r *RefusedError) Error() string {
	if r.Err != nil {
		return "gateway: refused: " + r.Err.Error()
	}
	return "gateway: refused: " + r.Message
}

// Unwrap returns Err.
func (r *RefusedError) Unwrap() error { return r.Err }

// Write answers a request as API Gateway does.
func (r *RefusedError) Write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if r.Challenge != "" {
		h.Set("WWW-Authenticate", r.Challenge)
	}
	w.WriteHeader(r.Status)
	_ = json.NewEncoder(w).Encode(struct {
		Message string `json:"message"`
	}{r.Message})
}

// unavailable reports whether an error says nothing about the token.
func unavailable(err error) bool {
	return !slices.ContainsFunc([]error{
		token.ErrExpired, token.ErrRevoked, token.ErrMalformed, token.ErrSignature, token.ErrUnknownKey, token.ErrNotYetValid, token.ErrIssuer,
		token.ErrAudience, token.ErrUse, token.ErrScope, token.ErrGroup,
	}, func(known error) bool { return errors.Is(err, known) })
}

var errNoToken = errors.New("no token, or several")

// CognitoContext is requestContext.authorizer of a REST API with a Cognito authorizer.
type CognitoContext struct {
	// Claims are those of the token: exp and iat as dates, groups with commas between.
	Claims map[string]string `json:"claims"`
}

// A CognitoAuthorizer is the Cognito authorizer of a method of a REST API.
type CognitoAuthorizer struct {
	// IDs verifies ID tokens. They are what a method without scopes takes.
	IDs *token.Verifier
	// Accesses verifies access tokens. They are what a method with scopes takes.
	Accesses *token.Verifier
	// Scopes are those of the method: the token must have at least one. Defaults to none.
	Scopes []string
}

// Authorize returns requestContext.authorizer for a request. The header Authorization has the token, with
// or without Bearer. The error is a *[RefusedError].
func (a *CognitoAuthorizer) Authorize(r *http.Request) (*CognitoContext, error) {
	values := r.Header.Values("Authorization")
	raw := ""
	if len(values) == 1 {
		raw = values[0]
		if scheme, rest, ok := strings.Cut(raw, " "); ok && strings.EqualFold(scheme, "Bearer") {
			raw = strings.TrimSpace(rest)
		}
	}
	if raw == "" {
		return nil, &RefusedError{Status: http.StatusUnauthorized, Message: "Unauthorized", Err: errNoToken}
	}
	verifier := a.IDs
	if len(a.Scopes) > 0 {
		verifier = a.Accesses
	}
	if verifier == nil {
		return nil, &RefusedError{Status: http.StatusUnauthorized, Message: "Unauthorized", Err: errors.New("no verifier of such tokens")}
	}
	c, err := verifier.Verify(r.Context(), raw)
	if err == nil && len(a.Scopes) > 0 && !slices.ContainsFunc(a.Scopes, c.HasScope) {
		err = token.ErrScope
	}
	switch {
	case err == nil:
	case errors.Is(err, token.ErrExpired):
		return nil, &RefusedError{Status: http.StatusUnauthorized, Message: "The incoming token has expired", Err: err}
	case unavailable(err):
		return nil, &RefusedError{Status: http.StatusServiceUnavailable, Message: "Service Unavailable", Err: err}
	default:
		return nil, &RefusedError{Status: http.StatusUnauthorized, Message: "Unauthorized", Err: err}
	}
	claims, err := restClaims(c)
	if err != nil {
		return nil, &RefusedError{Status: http.StatusUnauthorized, Message: "Unauthorized", Err: err}
	}
	return &CognitoContext{claims}, nil
}

// JWTContext is requestContext.authorizer of an HTTP API with a JWT authorizer.
type JWTContext struct {
	// JWT is the token.
	JWT JWT `json:"jwt"`
}

// A JWT is what a function reads of a token.
type JWT struct {
	// Claims are those of the token: numbers in digits, groups in brackets with blanks between.
	Claims map[string]string `json:"claims"`
	// Scopes are null for a route without scopes (recorded), and those of the token for others
	// (unsure).
	Scopes []string `json:"scopes"`
}

// A JWTAuthorizer is the JWT authorizer of a route of an HTTP API.
type JWTAuthorizer struct {
	// Tokens verifies the tokens: the service takes access and ID tokens
	// ([token.VerifierOptions].AnyUse).
	Tokens *token.Verifier
	// Scopes are those of the route: the token must have at least one. Defaults to none.
	Scopes []string
}

// Authorize returns requestContext.authorizer for a request. The error is a *[RefusedError]: 401, or 403 if
// only a scope is missing.
func (a *JWTAuthorizer) Authorize(r *http.Request) (*JWTContext, error) {
	values := r.Header.Values("Authorization")
	scheme, raw := "", ""
	if len(values) == 1 {
		scheme, raw, _ = strings.Cut(values[0], " ")
		raw = strings.TrimSpace(raw)
	}
	if !strings.EqualFold(scheme, "Bearer") || raw == "" || a.Tokens == nil {
		return nil, &RefusedError{Status: http.StatusUnauthorized, Message: "Unauthorized", Challenge: "Bearer", Err: errNoToken}
	}
	c, err := a.Tokens.Verify(r.Context(), raw)
	if err == nil && len(a.Scopes) > 0 && !slices.ContainsFunc(a.Scopes, c.HasScope) {
		err = token.ErrScope
	}
	if err != nil {
		return nil, a.refused(err)
	}
	claims, err := httpClaims(c)
	if err != nil {
		return nil, a.refused(err)
	}
	out := &JWTContext{JWT{Claims: claims}}
	if len(a.Scopes) > 0 {
		out.JWT.Scopes = strings.Fields(c.Scope)
	}
	return out, nil
}

// refused is the answer for a token. The texts of challenges are ours (unsure).
func (a *JWTAuthorizer) refused(err error) *RefusedError {
	challenge := func(code, text string) string {
		return `Bearer scope="` + strings.Join(a.Scopes, " ") + `" error="` + code + `" error_description="` + text + `"`
	}
	switch {
	case errors.Is(err, token.ErrScope), errors.Is(err, token.ErrGroup):
		return &RefusedError{Status: http.StatusForbidden, Message: "Forbidden", Challenge: challenge("insufficient_scope", "the token does not allow this"), Err: err}
	case errors.Is(err, token.ErrExpired):
		return &RefusedError{Status: http.StatusUnauthorized, Message: "Unauthorized", Challenge: challenge("invalid_token", "the token has expired"), Err: err}
	case unavailable(err):
		return &RefusedError{Status: http.StatusServiceUnavailable, Message: "Service Unavailable", Err: err}
	}
	return &RefusedError{Status: http.StatusUnauthorized, Message: "Unauthorized", Challenge: challenge("invalid_token", "the token is not valid here"), Err: err}
}
