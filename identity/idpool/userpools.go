package idpool

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/token"
)

// Logins by ID tokens of user pools. Those of this engine are verified in the process, by the keys in the
// store. Of a user pool elsewhere the keys are fetched.

// signInMethod is how the service names a user of a user pool in amr.
const signInMethod = "CognitoSignIn"

// verifyUserPool verifies an ID token. Issuer, provider and client are looked at first, as the service does.
func (s *Service) verifyUserPool(ctx context.Context, p *Pool, name, pool, raw string) (*proof, error) {
	parsed, err := parse(raw, token.Parse)
	if err != nil {
		return nil, err
	}
	hint := parsed.UnverifiedClaims()
	if hint.Issuer != "https://"+name && !alsoKnown(hint.Issuer, name, pool) {
		return nil, ErrTokenIssuer
	}
	set := p.userPool(pool, hint.Audience)
	if set == nil {
		return nil, ErrUnsupportedProvider
	}
	c, here, err := s.userPoolClaims(ctx, hint, pool, parsed)
	if err != nil {
		return nil, err
	}
	if c.Use != token.UseID || c.Subject == "" {
		return nil, ErrTokenUnverified
	}
	if err := s.timely(c, 0); err != nil {
		return nil, err
	}
	if set.ServerSideTokenCheck != nil && *set.ServerSideTokenCheck {
		if err := s.stands(ctx, c, here); err != nil {
			return nil, err
		}
	}
	provider := UserPoolName(pool)
	return &proof{
		kind: proofUserPool, login: login{provider, c.Subject}, client: c.Audience, raw: c.Raw,
		mapping: provider + ":" + c.Audience, method: provider + ":" + signInMethod + ":" + c.Subject,
	}, nil
}

// alsoKnown reports whether an issuer is that of a user pool under another name: the service's name for a pool whose
// issuer is this server, or a server's own name by http.
func alsoKnown(issuer, name, pool string) bool {
	_, address, ok := strings.Cut(issuer, "://")
	return ok && ofPool(address, pool) && (name == UserPoolName(pool) || issuer == "http://"+name)
}

// userPool returns the provider of a user pool and client.
func (p *Pool) userPool(pool, client string) *UserPool {
	i := slices.IndexFunc(p.UserPools, func(u UserPool) bool { return u.ClientID == client && ofPool(u.Name, pool) })
	if i < 0 {
		return nil
	}
	return &p.UserPools[i]
}

// userPoolClaims verifies the signature. here reports whether the user pool is one of this engine.
func (s *Service) userPoolClaims(ctx context.Context, hint *token.Claims, pool string, parsed *token.Parsed) (c *token.Claims, here bool, err error) {
	c, err = s.engine.VerifyParsedIDToken(ctx, pool, parsed)
	switch {
	case err == nil:
		return c, true, nil
	case errors.Is(err, identity.ErrPoolNotFound):
	case isTokenError(err):
		return nil, true, ErrTokenUnverified
	default:
		return nil, true, err
	}
	issuer := hint.Issuer
	if issuer != "https://"+UserPoolName(pool) { // only the service's own address says by itself whose keys they are
		return nil, false, ErrTokenUnverified
	}
	c, err = s.keys.verify(ctx, issuerKeys{issuer: issuer, jwks: issuer + "/.well-known/jwks.json"}, parsed)
	return c, false, err
}

// isTokenError reports whether an error of package token is about the token.
func isTokenError(err error) bool {
	for _, about := range []error{token.ErrMalformed, token.ErrUnknownKey, token.ErrSignature, token.ErrUse, token.ErrIssuer} {
		if errors.Is(err, about) {
			return true
		}
	}
	return false
}

// stands asks the user pool about the sign-in of a token. A user pool elsewhere cannot be asked, so it refuses.
func (s *Service) stands(ctx context.Context, c *token.Claims, here bool) error {
	if !here {
		s.o.Logger.WarnContext(ctx, "a token was refused: ServerSideTokenCheck is on, and the user pool is not of this server", "issuer", c.Issuer)
		return ErrTokenInactive
	}
	err := s.engine.SignInStands(ctx, c)
	for _, ended := range []error{identity.ErrUserNotFound, identity.ErrAccessTokenRevoked, identity.ErrInvalidAccessToken} {
		if errors.Is(err, ended) {
			return ErrTokenInactive
		}
	}
	return err
}
