package idpool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/idpool/sts"
	"github.com/cognate-id/cognate/token"
)

// Open ID tokens: what an identity proves itself by to STS, in the classic flow, and what a developer's program gives its users.

// openIDType is the typ of open ID tokens.
const openIDType = "JWS"

// classicLife is how long a token of the classic flow is good.
const classicLife = 10 * time.Minute

// The elements that amr begins with.
const (
	amrAuthenticated   = "authenticated"
	amrUnauthenticated = "unauthenticated"
)

// An OpenIDToken is a token of an identity.
type OpenIDToken struct {
	IdentityID string          // the identity that the logins lead to
	Token      identity.Secret // a JSON Web Token
}

// openIDClaims are the claims of a token, in the order in which the service has them.
type openIDClaims struct {
	Subject  string      `json:"sub"`
	Audience string      `json:"aud"`
	AMR      []string    `json:"amr"`
	Issuer   string      `json:"iss"`
	Tags     *claimsTags `json:"https://aws.amazon.com/tags,omitempty"`
	Expires  int64       `json:"exp"`
	Issued   int64       `json:"iat"`
}

// claimsTags are the tags of the session that a token is good for.
type claimsTags struct {
	Principal  map[string][]string `json:"principal_tags"`
	Transitive []string            `json:"transitive_tag_keys"`
}

func newTags(tags map[string]string) *claimsTags {
	if len(tags) == 0 {
		return nil
	}
	out := &claimsTags{Principal: map[string][]string{}, Transitive: slices.Sorted(maps.Keys(tags))}
	for key, value := range tags {
		out.Principal[key] = []string{value}
	}
	return out
}

// OpenIDToken is the classic flow: it returns a token of an identity for AssumeRoleWithWebIdentity, which is good for 10 minutes. The logins are
// linked as [Service.Credentials] does it. It returns [ErrClassicFlow] and [ErrClassicFlowMappings] where the pool does not have the flow.
func (s *Service) OpenIDToken(ctx context.Context, id string, logins Logins) (*OpenIDToken, error) {
	_, p, err := s.readIdentity(ctx, id)
	if err != nil {
		return nil, err
	}
	switch {
	case !p.classic():
		return nil, ErrClassicFlow
	case len(p.Roles.Mappings) > 0:
		return nil, ErrClassicFlowMappings
	}
	in, err := s.reach(ctx, id, logins)
	if err != nil {
		return nil, err
	}
	tags, err := in.tags()
	if err != nil {
		return nil, err
	}
	return s.sign(ctx, in.record.ID, in.pool.ID, in.amr(), tags, classicLife)
}

// Issuer returns the iss of open ID tokens of a region.
func (s *Service) Issuer(ctx context.Context, region string) string { return s.o.Issuer(ctx, region) }

// sign makes a token.
func (s *Service) sign(ctx context.Context, id, pool string, amr []string, tags map[string]string, life time.Duration) (*OpenIDToken, error) {
	region := regionOf(pool)
	key, err := s.signer(ctx, region)
	if err != nil {
		return nil, err
	}
	now := s.now()
	claims, err := json.Marshal(&openIDClaims{
		Subject: id, Audience: pool, AMR: amr, Issuer: s.o.Issuer(ctx, region), Tags: newTags(tags),
		Expires: now.Add(life).Unix(), Issued: now.Unix(),
	})
	if err != nil {
		return nil, err
	}
	raw, err := key.SignAs(openIDType, claims)
	if err != nil {
		return nil, fmt.Errorf("sign an open ID token: %w", err)
	}
	return &OpenIDToken{id, identity.Secret(raw)}, nil
}

// amr says how an identity was authenticated: by all its proofs, in the order of their names.
func (r *reached) amr() []string {
	if r.guest() {
		return []string{amrUnauthenticated}
	}
	out := []string{amrAuthenticated}
	for _, p := range r.proofs {
		if p.kind == proofPool {
			out = append(out, p.amr...)
			continue
		}
		out = append(out, p.Provider, p.method)
	}
	return out
}

// An openID is a token that was verified.
type openID struct {
	identity, pool string
	amr            []string
	tags           map[string]string
	transitive     []string
	issued         time.Time // in whole seconds
}

// readOpenID verifies a token of this service: the signature by a key of the region, and the time. Its iss may be another address of this
// server. It does not look whether the identity still exists.
func (s *Service) readOpenID(ctx context.Context, raw string) (*openID, error) {
	parsed, err := token.ParseAs(openIDType, raw)
	if err != nil {
		return nil, ErrTokenUnverified
	}
	region := regionOf(parsed.UnverifiedClaims().Audience)
	keys, err := s.Keys(ctx, region)
	if err != nil {
		return nil, err
	}
	key, ok := keys.Key(parsed.KeyID())
	if !ok || !strings.HasPrefix(key.ID(), region+"-") {
		return nil, ErrTokenUnverified
	}
	c, err := parsed.Verify(key)
	if err != nil {
		return nil, ErrTokenUnverified
	}
	var claims openIDClaims
	if err := c.Decode(&claims); err != nil || claims.Subject == "" || claims.Audience == "" || len(claims.AMR) == 0 {
		return nil, ErrTokenUnverified
	}
	if err := s.timely(c, 0); err != nil {
		return nil, err
	}
	out := &openID{identity: claims.Subject, pool: claims.Audience, amr: claims.AMR, issued: c.IssuedAt}
	if claims.Tags != nil {
		out.tags, out.transitive = map[string]string{}, claims.Tags.Transitive
		for key, values := range claims.Tags.Principal {
			if len(values) != 1 {
				return nil, ErrTokenUnverified
			}
			out.tags[key] = values[0]
		}
	}
	return out, nil
}

// verifyPoolToken verifies a login by a token that a developer's program has got for its user.
func (s *Service) verifyPoolToken(ctx context.Context, p *Pool, raw string) (*proof, error) {
	t, err := s.readOpenID(ctx, raw)
	if err != nil {
		return nil, err
	}
	if t.pool != p.ID {
		return nil, ErrUnsupportedProvider
	}
	if !t.issued.After(p.NotBefore) {
		return nil, ErrTokenInactive
	}
	if t.amr[0] != amrAuthenticated { // a guest's token proves nothing that the id does not
		return nil, ErrLogins
	}
	return &proof{
		kind: proofPool, login: login{poolTokens, t.identity}, client: t.pool, mapping: poolTokens,
		claims: map[string]any{"sub": t.identity, "aud": t.pool}, identity: t.identity, issued: t.issued, amr: t.amr[1:], tags: t.tags,
	}, nil
}

// VerifyWebIdentity verifies a token that AssumeRoleWithWebIdentity is called with: an open ID token of an identity pool, or an ID token of a user pool of
// this engine. It is for sts.Options.
func (s *Service) VerifyWebIdentity(ctx context.Context, raw string) (*sts.WebIdentity, error) {
	if _, err := token.ParseAs(openIDType, raw); err != nil {
		return s.verifyUserToken(ctx, raw)
	}
	t, err := s.readOpenID(ctx, raw)
	switch {
	case errors.Is(err, ErrTokenExpired):
		return nil, sts.ErrExpired
	case errors.Is(err, ErrTokenUnverified):
		return nil, sts.ErrInvalidToken
	case err != nil:
		return nil, err
	}
	if err := s.usable(ctx, t); err != nil {
		return nil, err
	}
	return &sts.WebIdentity{
		Provider: sts.CognitoIdentity, IdentityID: t.identity, PoolID: t.pool, Subject: t.identity, Audience: t.pool,
		AMR: t.amr, Tags: t.tags, Transitive: t.transitive,
	}, nil
}

// usable returns sts.ErrInvalidToken if the identity of a token is gone or disabled, or its pool has no guests any more.
func (s *Service) usable(ctx context.Context, t *openID) error {
	rec, p, err := s.readIdentity(ctx, t.identity)
	if errors.Is(err, ErrIdentityNotFound) {
		return sts.ErrInvalidToken
	}
	if err != nil {
		return err
	}
	guest := t.amr[0] != amrAuthenticated
	if p.ID != t.pool || rec.disabled() || guest && (!rec.loose() || !p.Guests) || !guest && rec.loose() || rec.revoked(p, t.issued) {
		return sts.ErrInvalidToken
	}
	return nil
}

// verifyUserToken verifies an ID token of a user pool of this engine.
func (s *Service) verifyUserToken(ctx context.Context, raw string) (*sts.WebIdentity, error) {
	pool := identity.ClaimedPool(identity.Secret(raw))
	if pool == "" {
		return nil, sts.ErrInvalidToken
	}
	c, err := s.engine.VerifyIDToken(ctx, pool, identity.Secret(raw))
	if errors.Is(err, identity.ErrPoolNotFound) || isTokenError(err) {
		return nil, sts.ErrInvalidToken
	}
	if err != nil {
		return nil, err
	}
	switch err := s.timely(c, 0); {
	case errors.Is(err, ErrTokenExpired):
		return nil, sts.ErrExpired
	case err != nil:
		return nil, sts.ErrInvalidToken
	}
	if err := s.stands(ctx, c, true); err != nil {
		if errors.Is(err, ErrTokenInactive) {
			return nil, sts.ErrInvalidToken
		}
		return nil, err
	}
	return &sts.WebIdentity{Provider: UserPoolName(pool), Subject: c.Subject, Audience: c.Audience}, nil
}
