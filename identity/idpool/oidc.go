package idpool

import (
	"context"
	"slices"
	"strings"

	"github.com/cognate-id/cognate/token"
)

// Logins by ID tokens of OpenID providers: Google, Apple, and those that an operator has set up.

// issuerIn returns the issuer in the ARN of an OIDC provider, without https://.
func issuerIn(arn string) string {
	m := oidcForm().FindStringSubmatch(arn)
	if m == nil {
		return ""
	}
	return m[1]
}

// verifyOIDC verifies an ID token of a provider that an operator has set up.
func (s *Service) verifyOIDC(ctx context.Context, arn, name, raw string) (*proof, error) {
	p, err := s.provider(ctx, arn)
	if err != nil {
		return nil, err
	}
	if p == nil || p.OIDC == nil {
		s.o.Logger.WarnContext(ctx, "a login was refused: the provider is not set up", "provider", arn, "hint", "cognate provider set")
		return nil, ErrUnsupportedProvider
	}
	accepts := []string{"https://" + name}
	if p.OIDC.Issuer != "" { // of a provider of tests, which has another scheme
		accepts = []string{p.OIDC.Issuer}
	}
	out, err := s.verifyIDToken(ctx, raw, accepts, issuerKeys{issuer: accepts[0], jwks: p.OIDC.JWKS}, p.OIDC.ClientIDs)
	if err != nil {
		return nil, err
	}
	out.Provider, out.mapping, out.method = name, arn, name+":"+out.client+":"+out.Subject
	return out, nil
}

// verifyIDToken verifies an ID token of one of the issuers, for one of the clients.
func (s *Service) verifyIDToken(ctx context.Context, raw string, accepts []string, at issuerKeys, clients []string) (*proof, error) {
	parsed, err := parse(raw, token.ParseForeign)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(accepts, parsed.UnverifiedClaims().Issuer) {
		return nil, ErrTokenIssuer
	}
	c, err := s.keys.verify(ctx, at, parsed)
	if err != nil {
		return nil, err
	}
	if err := s.timely(c, skew); err != nil {
		return nil, err
	}
	claims, err := claimsOf(c.Raw)
	if err != nil {
		return nil, err
	}
	client, err := party(c, claims)
	if err != nil {
		return nil, err
	}
	switch {
	case !slices.Contains(clients, client):
		return nil, ErrTokenAudience
	case c.Subject == "":
		return nil, about(ErrTokenClaim, "sub")
	}
	return &proof{kind: proofOIDC, login: login{Subject: c.Subject}, client: client, claims: claims}, nil
}

// party is the client that a token was made for: azp, or else aud. What the developer guide does not speak of is refused: an azp that is no
// string, and several audiences without an azp.
func party(c *token.Claims, claims map[string]any) (string, error) {
	azp, ok := claims["azp"]
	if !ok {
		if all, _ := claims["aud"].([]any); len(all) > 1 {
			return "", ErrTokenAudience
		}
		return c.Audience, nil
	}
	text, ok := azp.(string)
	if !ok || strings.TrimSpace(text) == "" {
		return "", ErrTokenAudience
	}
	return text, nil
}
