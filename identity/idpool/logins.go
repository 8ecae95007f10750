package idpool

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/token"
)

// Verification of logins. verify goes through the logins of a call in the order of their names. Each must
// verify, and the first that does not is the error of the call. What a login proves is a proof. Nothing is read
// or written by what an unverified token says, except that it chooses the keys.

// Logins are tokens of providers, by the name of the provider:
//
//   - cognito-idp.REGION.amazonaws.com/POOL, or the issuer of the pool without the scheme: an ID token
//   - accounts.google.com, appleid.apple.com, or the issuer of an OIDC provider without https://: an ID token
//   - graph.facebook.com, www.amazon.com: an access token
//   - the ARN of a SAML provider: a response in base64
//   - cognito-identity.amazonaws.com: a token of [Developers.Token]
type Logins map[string]identity.Secret

// maxLogins is how many logins a call may have.
const maxLogins = 10

// maxLoginToken is how long the token of a login may be, in bytes.
const maxLoginToken = 50_000

// skew is how much the clocks of a provider and of this server may differ.
const skew = 5 * time.Minute

// A proof is a login that was verified.
type proof struct {
	login
	client  string         // whom the token was made for, of user pools and OIDC
	claims  map[string]any // of the token, or the attributes of a SAML assertion; see read
	raw     []byte         // the claims of a user pool's token, which nobody has needed yet
	mapping string         // the key of role mappings
	method  string         // the second element of the pair in amr
	kind    proofKind

	// Of a token of an identity pool.
	identity string
	issued   time.Time
	amr      []string
	tags     map[string]string
}

// A proofKind says what kind of login was verified.
type proofKind int

const (
	proofUserPool proofKind = iota + 1
	proofOIDC               // Google and Apple too
	proofFacebook
	proofAmazon
	proofSAML
	proofPool // a token of an identity pool, for a user of a developer
)

// public are the proofs that are not tokens of an identity pool.
func public(all []*proof) []*proof {
	return slices.DeleteFunc(slices.Clone(all), func(p *proof) bool { return p.kind == proofPool })
}

// verify verifies all logins of a call.
func (s *Service) verify(ctx context.Context, p *Pool, logins Logins) ([]*proof, error) {
	if len(logins) > maxLogins {
		return nil, invalid("A call has at most %d logins.", maxLogins)
	}
	var out []*proof
	for _, name := range slices.Sorted(maps.Keys(logins)) {
		if raw := logins[name]; raw == "" || len(raw) > maxLoginToken || name == "" || len(name) > 2048 {
			return nil, invalid("A login has a name of up to 128 characters, and a token of 1 to %d.", maxLoginToken)
		}
		found, err := s.verifyOne(ctx, p, name, string(logins[name]))
		if err != nil {
			return nil, err
		}
		for _, other := range out { // one user pool under two names
			if other.Provider == found.Provider && other.Subject != found.Subject {
				return nil, about(ErrConflict, "Two logins of %s are of different users.", found.Provider)
			}
		}
		if !slices.ContainsFunc(out, func(o *proof) bool { return o.login == found.login && o.kind == found.kind }) {
			out = append(out, found)
		}
	}
	return out, nil
}

// verifyOne finds the kind of a login by its name.
func (s *Service) verifyOne(ctx context.Context, p *Pool, name, raw string) (*proof, error) {
	pool := poolOf(name)
	switch {
	case name == poolTokens:
		return s.verifyPoolToken(ctx, p, raw)
	case name == p.DeveloperProvider:
		return nil, ErrPublicProvider
	case slices.Contains(p.SAML, name):
		return s.verifySAML(ctx, name, raw)
	case pool != "":
		return s.verifyUserPool(ctx, p, name, pool, raw)
	}
	if clients, ok := p.Social[name]; ok {
		return s.verifySocial(ctx, name, raw, strings.Split(clients, ";"))
	}
	i := slices.IndexFunc(p.OIDC, func(arn string) bool { return issuerIn(arn) == name })
	if i < 0 {
		return nil, ErrUnsupportedProvider
	}
	return s.verifyOIDC(ctx, p.OIDC[i], name, raw)
}

// parse reads a JSON Web Token of a login, whose signature is not verified yet, by [token.Parse] or [token.ParseForeign].
func parse(raw string, by func(string) (*token.Parsed, error)) (*token.Parsed, error) {
	parsed, err := by(raw)
	if err != nil {
		if _, pooled := token.ParseAs(openIDType, raw); pooled == nil {
			return nil, ErrPoolToken
		}
		return nil, ErrTokenUnverified
	}
	if parsed.UnverifiedClaims().Audience == "" {
		return nil, about(ErrTokenClaim, "aud")
	}
	return parsed, nil
}

// timely holds the times of verified claims against the clock, whose difference to the provider's may be leeway.
func (s *Service) timely(c *token.Claims, leeway time.Duration) error {
	now := s.now()
	switch err := c.ValidAt(now, leeway); {
	case err == nil:
		return nil
	case errors.Is(err, token.ErrExpired):
		return &ExpiredError{now, c.Expires}
	default:
		return ErrTokenUnverified
	}
}

// read returns the claims. Most pools look at none, so those of user pools are decoded here.
func (p *proof) read() (map[string]any, error) {
	if p.claims == nil && p.raw != nil {
		claims, err := claimsOf(p.raw)
		if err != nil {
			return nil, err
		}
		p.claims = claims
	}
	return p.claims, nil
}

// claimsOf decodes claims. Numbers keep their text.
func claimsOf(raw []byte) (map[string]any, error) {
	var out map[string]any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&out); err != nil {
		return nil, ErrTokenUnverified
	}
	return out, nil
}
