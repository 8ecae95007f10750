package oauth

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity"
)

// The endpoints for programs. A client proves its secret by the header Authorization (Basic) or by
// client_secret in the body, and not by both (RFC 6749, section 2.3).

// A caller is a client that calls an endpoint for programs.
type caller struct {
	client *identity.AppClient
	secret identity.Secret
}

// caller returns the client of a request. Its secret is checked by the call of the engine.
func (v *visit) caller() (*caller, error) {
	id, secret := v.form["client_id"], v.form["client_secret"]
	if user, password, ok := v.r.BasicAuth(); ok {
		user, password = decoded(user), decoded(password)
		if secret != "" || id != "" && id != user {
			return nil, &refusal{errInvalidRequest, ""}
		}
		id, secret = user, password
	} else if v.r.Header.Get("Authorization") != "" {
		return nil, &refusal{errInvalidClient, ""}
	}
	if id == "" {
		return nil, &refusal{errInvalidRequest, ""}
	}
	client, err := v.appClient(id)
	if err != nil {
		return nil, err
	}
	return &caller{client, identity.Secret(secret)}, nil
}

// decoded undoes the encoding of RFC 6749, section 2.3.1. Ids and secrets of clients have no
// character that needs it but the plus sign, which many clients send as it is.
func decoded(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

// tokenAnswer is the answer of the token endpoint.
type tokenAnswer struct {
	ID      string `json:"id_token,omitempty"`
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token,omitempty"`
	Expires int    `json:"expires_in"` // seconds
	Type    string `json:"token_type"`
	Scope   string `json:"scope,omitempty"` // only in pools with the setting OpenID
}

// token is the token endpoint.
func (s *Server) token(v *visit) {
	t, err := v.grant()
	if err != nil {
		v.tokenError(err)
		return
	}
	v.json(http.StatusOK, tokenAnswer{
		ID: string(t.ID), Access: string(t.Access), Refresh: string(t.Refresh),
		Expires: int(t.ExpiresIn / time.Second), Type: "Bearer", Scope: t.Scope,
	})
}

func (v *visit) grant() (*identity.Tokens, error) {
	p := v.form
	if p["grant_type"] == "" {
		return nil, &refusal{errInvalidRequest, ""}
	}
	c, err := v.caller()
	if err != nil {
		return nil, err
	}
	v.pool = c.client.PoolID()
	switch p["grant_type"] {
	case "authorization_code":
		if p["code"] == "" || p["redirect_uri"] == "" {
			return nil, &refusal{errInvalidRequest, ""}
		}
		return c.client.Exchange(v.ctx, identity.CodeExchange{
			Code: identity.Secret(p["code"]), RedirectURI: p["redirect_uri"],
			Verifier: identity.Secret(p["code_verifier"]), Secret: c.secret,
		})
	case "refresh_token":
		if p["refresh_token"] == "" {
			return nil, &refusal{errInvalidRequest, ""}
		}
		return c.client.Refresh(v.ctx, identity.Refresh{Token: identity.Secret(p["refresh_token"]), Secret: c.secret, Rotating: true})
	case "client_credentials":
		if err := v.readMetadata(); err != nil {
			return nil, err
		}
		return c.client.ClientToken(v.ctx, identity.ClientTokenRequest{Secret: c.secret, Scopes: p.words("scope")})
	}
	return nil, &refusal{errUnsupportedGrantType, ""}
}

// readMetadata gives hooks what a program sends for them in aws_client_metadata.
func (v *visit) readMetadata() error {
	raw := v.form["aws_client_metadata"]
	if raw == "" {
		return nil
	}
	call := identity.CallFrom(v.ctx)
	if err := json.Unmarshal([]byte(raw), &call.ClientMetadata); err != nil {
		return &refusal{errInvalidRequest, ""}
	}
	v.ctx = identity.WithCall(v.ctx, call)
	return nil
}

// userInfo is the userinfo endpoint. It takes a token in the header, or in the body of a POST
// (RFC 6750, sections 2.1 and 2.2), and not in the query.
func (s *Server) userInfo(v *visit) {
	raw, ok := strings.CutPrefix(v.r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		raw = v.form["access_token"]
	}
	if raw = strings.TrimSpace(raw); raw == "" {
		v.bearerError(http.StatusBadRequest, refusal{errInvalidRequest, "Bad OAuth2 request at UserInfo Endpoint"})
		return
	}
	session, err := s.engine.Session(v.ctx, identity.Secret(raw))
	var info json.RawMessage
	if err == nil {
		info, err = session.UserInfo()
	}
	switch {
	case err == nil:
		v.json(http.StatusOK, info)
	case errors.Is(err, identity.ErrInsufficientScope):
		v.explain(errInsufficientScope, err)
		v.tokenRefused(raw, refusal{errInsufficientScope, "The access token does not have the scope openid"})
	case errors.Is(err, identity.ErrInvalidAccessToken), errors.Is(err, identity.ErrAccessTokenExpired),
		errors.Is(err, identity.ErrAccessTokenRevoked), errors.Is(err, identity.ErrUserNotFound):
		v.explain(errInvalidToken, err)
		v.tokenRefused(raw, refusal{errInvalidToken, "Access token is expired, disabled, or deleted, or the user has globally signed out."})
	default:
		v.failed(err)
		v.tokenRefusal(http.StatusInternalServerError, refusal{errServer, ""})
	}
}

// tokenRefused tells a program that its access token is not good.
func (v *visit) tokenRefused(raw string, r refusal) {
	if v.followsForToken(raw) {
		v.challengeBearer(r)
		return
	}
	v.bearerError(http.StatusUnauthorized, r)
}

// bearerError is an error of the userinfo endpoint, which the service tells in a header too.
func (v *visit) bearerError(status int, r refusal) {
	v.w.Header().Set("WWW-Authenticate", `error="`+r.code+`", error_description="`+r.description+`"`)
	v.tokenRefusal(status, r)
}

// revoke is the revocation endpoint (RFC 7009).
func (s *Server) revoke(v *visit) {
	err := v.revokeToken()
	var refused *refusal
	switch {
	case err == nil:
		v.w.WriteHeader(http.StatusOK)
	case errors.Is(err, identity.ErrClientNotFound), errors.Is(err, identity.ErrSecretHashMissing),
		errors.Is(err, identity.ErrSecretHashMismatch), errors.As(err, &refused) && refused.code == errInvalidClient:
		v.tokenRefusal(http.StatusUnauthorized, refusal{errInvalidClient, ""})
	default:
		v.tokenError(err)
	}
}

func (v *visit) revokeToken() error {
	c, err := v.caller()
	if err != nil {
		return err
	}
	if v.form["token"] == "" {
		return &refusal{errInvalidRequest, ""}
	}
	return c.client.Revoke(v.ctx, identity.Secret(v.form["token"]), c.secret)
}
