package token

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	defaultCache = 1024 // tokens
	maxLeeway    = 5 * time.Minute
)

// VerifierOptions say which tokens a [Verifier] accepts. Issuers, Keys, and ClientIDs or
// AnyClient are required.
type VerifierOptions struct {
	// Issuers are the accepted values of iss, compared byte for byte: for a pool of
	// Cognito's https://cognito-idp.REGION.amazonaws.com/POOL.
	Issuers []string
	// Keys finds the issuers' keys.
	Keys KeySource
	// ClientIDs are the accepted app clients: client_id of an access token, aud of an ID
	// token.
	ClientIDs []string
	// AnyClient accepts every app client of the issuers. Then ClientIDs is empty.
	AnyClient bool
	// Resources are the names under which this server is known as a resource (RFC 8707).
	// An access token that is bound to a resource is accepted when that is one of them or
	// the token's own client; one that is bound to none is accepted too.
	Resources []string
	// Use is the kind of token that is accepted, [UseAccess] or [UseID]. Defaults to
	// either of the two, but an API wants UseAccess.
	Use Use
	// Groups, when there are any: the user must be in one of them.
	Groups []string
	// Scopes must all be in the token. ID tokens have none.
	Scopes []string
	// Leeway is how far exp and nbf may be missed, for clocks that differ, 5 minutes at
	// most. Defaults to 0.
	Leeway time.Duration
	// Algorithms are the accepted ones. Defaults to all three: the key decides anyway
	// which of them a token must have.
	Algorithms []Algorithm
	// Revoked, when set, is asked about each token that is otherwise good, also about one
	// seen before. It returns nil, [ErrRevoked], or another error when it cannot tell,
	// which refuses the token too. The claims are the caller's of Verify: it must neither
	// change nor keep them.
	Revoked func(ctx context.Context, c *Claims) error
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
	// CacheSize is how many good tokens are remembered, so that their signature need not
	// be verified again; each takes about 3 KiB. All else is checked each time, and that
	// the key is still the issuer's too. Defaults to 1024; negative means none.
	CacheSize int
}

// A Verifier decides whether a token is good. It is made by [NewVerifier] and may be used
// by several goroutines.
type Verifier struct {
	o     VerifierOptions
	cache *cache // nil: none
}

// NewVerifier returns a Verifier, or an error for options that are incomplete or
// contradict each other. It copies what it keeps of o.
func NewVerifier(o VerifierOptions) (*Verifier, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("token: new verifier: %w", err)
	}
	o.Issuers = slices.Clone(o.Issuers)
	o.ClientIDs = slices.Clone(o.ClientIDs)
	o.Resources = slices.Clone(o.Resources)
	o.Groups = slices.Clone(o.Groups)
	o.Scopes = slices.Clone(o.Scopes)
	o.Algorithms = slices.Clone(o.Algorithms)
	if len(o.Algorithms) == 0 {
		o.Algorithms = []Algorithm{RS256, ES256, EdDSA}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.CacheSize == 0 {
		o.CacheSize = defaultCache
	}
	v := &Verifier{o: o}
	if o.CacheSize > 0 {
		v.cache = newCache(o.CacheSize)
	}
	return v, nil
}

func (o *VerifierOptions) check() error {
	switch {
	case len(o.Issuers) == 0 || slices.Contains(o.Issuers, ""):
		return errors.New("at least one issuer is needed, and none may be empty")
	case o.Keys == nil:
		return errors.New("a key source is needed")
	case slices.Contains(o.ClientIDs, "") || slices.Contains(o.Resources, ""):
		return errors.New("a client id or resource is empty")
	case (len(o.ClientIDs) > 0) == o.AnyClient:
		return errors.New("either client ids or AnyClient is needed, not both")
	case o.Use != "" && o.Use != UseAccess && o.Use != UseID:
		return errors.New("use is neither access nor id")
	case o.Use == UseID && len(o.Scopes) > 0:
		return errors.New("ID tokens have no scopes")
	case slices.ContainsFunc(o.Scopes, func(s string) bool { return !validScope(s) }):
		return errors.New("a scope is empty or has a character that scopes do not have")
	case o.Leeway < 0 || o.Leeway > maxLeeway:
		return errors.New("leeway is negative or more than 5 minutes")
	}
	for _, a := range o.Algorithms {
		if a != RS256 && a != ES256 && a != EdDSA {
			return fmt.Errorf("algorithm %q is not supported", a)
		}
	}
	return nil
}

// validScope follows RFC 6749 section 3.3.
func validScope(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x21 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}

// Verify returns the claims of a token that is good, and else one of the errors of this
// package, wrapped, or what Keys or Revoked returned. The claims are the caller's to
// change.
func (v *Verifier) Verify(ctx context.Context, raw string) (*Claims, error) {
	if len(raw) > MaxLength {
		return nil, fmt.Errorf("%w: too long", ErrMalformed)
	}
	if v.cache == nil {
		s, err := v.verify(ctx, raw)
		return s.claims, err
	}
	sum := sha256.Sum256([]byte(raw))
	s, err := v.recall(ctx, sum)
	if err != nil {
		return nil, err
	}
	if s.claims != nil {
		return s.claims, nil
	}
	if s, err = v.verify(ctx, raw); err != nil {
		return nil, err
	}
	v.cache.put(sum, seen{s.claims.clone(), s.key})
	return s.claims, nil
}

// recall returns the claims of a token that was seen before and is still good, and no
// claims for one that must be verified from the start.
func (v *Verifier) recall(ctx context.Context, sum [sha256.Size]byte) (seen, error) {
	s, ok := v.cache.get(sum)
	if !ok {
		return seen{}, nil
	}
	key, err := v.o.Keys.Key(ctx, s.claims.Issuer, s.key.ID())
	if err != nil {
		return seen{}, err
	}
	if !key.Equal(s.key) { // another key by the same id
		v.cache.remove(sum)
		return seen{}, nil
	}
	s.claims = s.claims.clone()
	if err := v.checkClaims(ctx, s.claims); err != nil {
		return seen{}, err
	}
	return s, nil
}

// verify does all of it, from the start.
func (v *Verifier) verify(ctx context.Context, raw string) (seen, error) {
	p, err := Parse(raw)
	if err != nil {
		return seen{}, err
	}
	if !slices.Contains(v.o.Algorithms, p.alg) {
		return seen{}, errAlgorithm
	}
	if !slices.Contains(v.o.Issuers, p.claims.Issuer) {
		return seen{}, ErrIssuer
	}
	key, err := v.o.Keys.Key(ctx, p.claims.Issuer, p.keyID)
	if err != nil {
		return seen{}, err
	}
	c, err := p.Verify(key)
	if err != nil {
		return seen{}, err
	}
	if err := v.checkClaims(ctx, c); err != nil {
		return seen{}, err
	}
	return seen{c, key}, nil
}

// checkClaims judges a token whose signature is good.
func (v *Verifier) checkClaims(ctx context.Context, c *Claims) error {
	if !slices.Contains(v.o.Issuers, c.Issuer) {
		return ErrIssuer
	}
	if c.Subject == "" {
		return fmt.Errorf("%w: claims: no sub", ErrMalformed)
	}
	if err := c.ValidAt(v.o.Now(), v.o.Leeway); err != nil {
		return err
	}
	if err := v.checkUse(c); err != nil {
		return err
	}
	for _, s := range v.o.Scopes {
		if !c.HasScope(s) {
			return ErrScope
		}
	}
	if len(v.o.Groups) > 0 && !slices.ContainsFunc(v.o.Groups, c.InGroup) {
		return ErrGroup
	}
	if v.o.Revoked == nil {
		return nil
	}
	return v.o.Revoked(ctx, c)
}

// checkUse judges what the token is for, and for whom. Both kinds are signed by the same
// issuer, so token_use must tell them apart (RFC 8725 section 3.12).
func (v *Verifier) checkUse(c *Claims) error {
	if c.Use != UseAccess && c.Use != UseID || v.o.Use != "" && c.Use != v.o.Use {
		return ErrUse
	}
	if c.ClientID == "" || !v.o.AnyClient && !slices.Contains(v.o.ClientIDs, c.ClientID) {
		return ErrAudience
	}
	if c.Use == UseID || c.Audience == "" || c.Audience == c.ClientID {
		return nil
	}
	if !slices.Contains(v.o.Resources, c.Audience) {
		return fmt.Errorf("%w: bound to another resource", ErrAudience)
	}
	return nil
}
