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

// VerifierOptions say which tokens a [Verifier] accepts. Use or AnyUse must be set. The zero
// value of each other field accepts every token of that kind of the issuers and clients
// that [NewVerifier] is given.
type VerifierOptions struct {
	// Use is the kind of token that is accepted: [UseAccess], which is what an API accepts,
	// or [UseID]. It has no default.
	Use Use
	// AnyUse accepts access tokens and ID tokens. Use must then be empty. An ID token tells
	// who the user is, and an app may hand it on: do not accept it as a right to call.
	AnyUse bool
	// AnyClient accepts the tokens of every app client of the issuers. The client ids of
	// NewVerifier must then be empty.
	AnyClient bool
	// Groups are the groups of which the user must be in at least one. Defaults to none:
	// groups are not checked.
	Groups []string
	// Scopes must all be in the token. ID tokens have no scopes. Defaults to none.
	Scopes []string
	// Resources are the names of this server as a resource (RFC 8707). They matter only for
	// access tokens that are bound to a resource (aud): such a token is accepted if it is
	// bound to one of Resources or to its own client. Defaults to none.
	Resources []string
	// Leeway is how long after exp, and before nbf, a token is still accepted, because
	// clocks differ. At most 5 minutes. Defaults to 0.
	Leeway time.Duration
	// Algorithms are the accepted algorithms. Defaults to RS256, ES256 and EdDSA. The
	// key decides in any case which algorithm a token must have.
	Algorithms []Algorithm
	// Revoked is called for each token that is otherwise good, also for a token seen
	// before. It returns nil to accept the token, [ErrRevoked] to refuse it, or another
	// error if it cannot find out, which refuses the token too. It must neither change nor
	// keep the claims. Defaults to nil: revocation is not checked.
	Revoked func(ctx context.Context, c *Claims) error
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
	// CacheSize is how many good tokens the Verifier remembers, at about 3 KiB each. The
	// signature of a remembered token is not verified again. Everything else is checked
	// each time, also that the key is still a key of the issuer. Defaults to 1024; a
	// negative size means no cache.
	CacheSize int
}

// A Verifier decides whether a token is good. It is made by [NewVerifier] and may be used
// by several goroutines.
type Verifier struct {
	issuers   []string
	keys      KeySource
	clientIDs []string // empty if o.AnyClient is set
	o         VerifierOptions
	cache     *cache // nil if there is no cache
}

// NewVerifier returns a Verifier of the tokens of issuers.
//
// issuers are the accepted values of iss, compared byte for byte. The issuer of a user pool
// of Amazon Cognito is https://cognito-idp.REGION.amazonaws.com/POOL. keys finds the keys
// of the issuers: [NewRemoteKeys] makes a source that fetches them. clientIDs are the
// accepted app clients, client_id of an access token and aud of an ID token. o must say
// which kind of tokens is accepted.
//
// NewVerifier copies what it is given, except for keys. It returns an error if there is no
// issuer, no key source, no client or no kind of tokens, or if the options contradict each
// other.
func NewVerifier(issuers []string, keys KeySource, clientIDs []string, o *VerifierOptions) (*Verifier, error) {
	v := &Verifier{issuers: slices.Clone(issuers), keys: keys, clientIDs: slices.Clone(clientIDs)}
	if o != nil {
		v.o = *o
	}
	if err := v.check(); err != nil {
		return nil, fmt.Errorf("token: new verifier: %w", err)
	}
	v.o.defaults()
	if v.o.CacheSize > 0 {
		v.cache = newCache(v.o.CacheSize)
	}
	return v, nil
}

// defaults fills in what is left out, and copies what the caller could change.
func (o *VerifierOptions) defaults() {
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
}

func (v *Verifier) check() error {
	switch {
	case len(v.issuers) == 0 || slices.Contains(v.issuers, ""):
		return errors.New("at least one issuer is needed, and none may be empty")
	case v.keys == nil:
		return errors.New("a key source is needed")
	case slices.Contains(v.clientIDs, ""):
		return errors.New("a client id is empty")
	case (len(v.clientIDs) > 0) == v.o.AnyClient:
		return errors.New("either client ids or AnyClient is needed, not both")
	}
	return v.o.check()
}

func (o *VerifierOptions) check() error {
	switch {
	case slices.Contains(o.Resources, ""):
		return errors.New("a resource is empty")
	case !o.AnyUse && o.Use == "":
		return errors.New("the kind of tokens is needed: Use must be UseAccess (\"access\", for an API) or UseID (\"id\"), or AnyUse must be set")
	case o.AnyUse && o.Use != "":
		return errors.New("either Use or AnyUse may be set, not both")
	case o.Use != "" && o.Use != UseAccess && o.Use != UseID:
		return errors.New("use is neither access nor id")
	case o.Use == UseID && len(o.Scopes) > 0:
		return errors.New("ID tokens have no scopes")
	case slices.ContainsFunc(o.Scopes, func(s string) bool { return !validScope(s) }):
		return errors.New("a scope is empty or has an invalid character")
	case o.Leeway < 0 || o.Leeway > maxLeeway:
		return errors.New("leeway is negative or more than 5 minutes")
	}
	for _, a := range o.Algorithms {
		if a != RS256 && a != RS512 && a != ES256 && a != EdDSA {
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

// Verify returns the claims of a good token, which the caller may change. For any other
// token it returns one of the errors of this package, wrapped, or the error of the key
// source or of [VerifierOptions].Revoked.
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

// recall returns the claims of a token that was seen before and is still good. It returns
// no claims if the token must be verified from the start.
func (v *Verifier) recall(ctx context.Context, sum [sha256.Size]byte) (seen, error) {
	s, ok := v.cache.get(sum)
	if !ok {
		return seen{}, nil
	}
	key, err := v.keys.Key(ctx, s.claims.Issuer, s.key.ID())
	if err != nil {
		return seen{}, err
	}
	if !key.Equal(s.key) { // another key with the same id
		v.cache.remove(sum)
		return seen{}, nil
	}
	s.claims = s.claims.clone()
	if err := v.checkClaims(ctx, s.claims); err != nil {
		return seen{}, err
	}
	return s, nil
}

// verify parses the token, verifies its signature and checks its claims.
func (v *Verifier) verify(ctx context.Context, raw string) (seen, error) {
	p, err := Parse(raw)
	if err != nil {
		return seen{}, err
	}
	if !slices.Contains(v.o.Algorithms, p.alg) {
		return seen{}, errAlgorithm
	}
	if !slices.Contains(v.issuers, p.claims.Issuer) {
		return seen{}, ErrIssuer
	}
	key, err := v.keys.Key(ctx, p.claims.Issuer, p.keyID)
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

// checkClaims checks the claims of a token whose signature is good.
func (v *Verifier) checkClaims(ctx context.Context, c *Claims) error {
	if !slices.Contains(v.issuers, c.Issuer) {
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

// checkUse checks the kind of the token and its audience. The same issuer signs access and
// ID tokens, so token_use must distinguish them (RFC 8725 section 3.12).
func (v *Verifier) checkUse(c *Claims) error {
	if c.Use != UseAccess && c.Use != UseID || v.o.Use != "" && c.Use != v.o.Use {
		return ErrUse
	}
	if c.ClientID == "" || !v.o.AnyClient && !slices.Contains(v.clientIDs, c.ClientID) {
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
