package identity

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/token"
)

// A program gets an access token for itself, by the secret of its client (RFC 6749, section 4.4).
// Nothing is written: there is no user, no sign-in, and nothing that could be revoked.

// clientUsername is what hooks get as the name of the user, of whom there is none.
const clientUsername = "ClientCredentials"

// ClientTokenRequest is what a program gives for a token of its own.
type ClientTokenRequest struct {
	Secret Secret   // of the client
	Scopes []string // of resource servers; nil means all that the client may have
	// API is for requests that come over the API and not by OAuth. The client must have the flow
	// [AllowClientToken] and no other, in place of the grant.
	API bool
}

// ClientToken gives an access token to a program that acts for itself. There is no other token.
// It returns a [*ClientError] unless Secret is that of the client, [ErrGrantNotAllowed] if
// the client may not use the grant client_credentials (with API: the flow), and [ErrScopeNotAllowed] for a scope that
// is not one of the client's, or if there is none.
func (a *AppClient) ClientToken(ctx context.Context, in ClientTokenRequest) (*Tokens, error) {
	t, err := a.clientToken(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("client token: %w", err)
	}
	return t, nil
}

func (a *AppClient) clientToken(ctx context.Context, in ClientTokenRequest) (*Tokens, error) {
	s, exist, err := a.loadScopes(ctx, "")
	if err != nil {
		return nil, err
	}
	if err := s.checkSecret(in.Secret); err != nil {
		return nil, err
	}
	if !s.mayAskForItself(in.API) {
		return nil, ErrGrantNotAllowed
	}
	if slices.ContainsFunc(in.Scopes, isKnownScope) { // they are about a user
		return nil, ErrScopeNotAllowed
	}
	wanted := in.Scopes
	if len(wanted) == 0 {
		wanted = customScopes(s.client.Settings.OAuthScopes)
	}
	if len(wanted) == 0 {
		return nil, ErrScopeNotAllowed
	}
	scopes, err := s.grantedScopes(wanted, exist)
	if err != nil {
		return nil, err
	}
	if len(scopes) == 0 {
		return nil, ErrScopeNotAllowed
	}
	return s.issueClient(ctx, scopes)
}

// mayAskForItself reports whether a client may get a token of its own.
func (s *scope) mayAskForItself(api bool) bool {
	if len(s.secrets) == 0 {
		return false
	}
	if api {
		return slices.Equal(s.client.Settings.AuthFlows, []AuthFlow{AllowClientToken})
	}
	return s.mayGrant(GrantClientCredentials) == nil
}

func (s *scope) issueClient(ctx context.Context, scopes []string) (*Tokens, error) {
	g := newGrant(&User{Username: clientUsername}, nil, &family{OAuth: true, Scope: strings.Join(scopes, " ")})
	if s.points().tokenVersion() == "V3_0" { // the others are asked about users alone
		if err := s.points().callable(PreTokenGeneration); err != nil {
			return nil, err
		}
		if err := s.changeTokens(ctx, hook.TokensOfClient, g); err != nil {
			return nil, err
		}
	}
	r, err := s.engine.signing(ctx, s.pool, s.ring)
	if err != nil {
		return nil, err
	}
	s.ring = r
	if g, err = g.changed(s.changes); err != nil {
		return nil, err
	}
	now := s.engine.now()
	c, err := s.clientClaims(ctx, g, now)
	if err != nil {
		return nil, err
	}
	access, err := s.sign(c, now)
	return &Tokens{Access: access, ExpiresIn: s.client.Settings.AccessTokenLife(), Scope: s.told(c)}, err
}

func (s *scope) clientClaims(ctx context.Context, g *grant, now time.Time) (*claims, error) {
	jti, err := s.engine.uuid()
	if err != nil {
		return nil, err
	}
	c := newClaims(token.UseAccess, 0)
	c.str("sub", s.client.ID)
	c.str("token_use", string(c.use))
	c.option("scope", g.scope)
	c.num("auth_time", now.Unix())
	c.str("iss", s.engine.Issuer(ctx, s.pool))
	c.num("exp", now.Add(s.client.Settings.AccessTokenLife()).Unix())
	c.num("iat", now.Unix())
	c.num("version", tokenVersion)
	c.str("jti", jti)
	c.str("client_id", s.client.ID)
	return c, c.apply(g.accessChanges)
}
