package idpool

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/idpool/sts"
	"github.com/cognate-id/cognate/store"
)

// Credentials: an identity and its logins give a role, and the role gives temporary credentials, if its trust policy lets the
// identity have them. Active is asked again whenever the credentials are used.

// Credentials are temporary, for an identity.
type Credentials struct {
	IdentityID string // the identity that the logins lead to
	*sts.Credentials
}

// credentialsLife is how long credentials are good.
const credentialsLife = time.Hour

// Credentials is the enhanced flow: it returns temporary credentials of an identity. The first call with a new login links the login to the
// identity. If the login has another identity, the two are merged. custom is the ARN of a role
// that the role mapping of the login lets it choose, or "".
//
// It returns [ErrIdentityNotFound], [ErrForbidden], an error of the logins, [ErrLogins] if none is of the identity, [ErrConflict],
// [ErrAmbiguousRole], [ErrCustomRole], and [ErrPoolRoles] if the pool has no role for the identity or the role does not trust it.
func (s *Service) Credentials(ctx context.Context, id string, logins Logins, custom string) (*Credentials, error) {
	in, err := s.reach(ctx, id, logins)
	if err != nil {
		return nil, err
	}
	role, err := in.role(custom)
	if err != nil {
		return nil, err
	}
	tags, err := in.tags()
	if err != nil {
		return nil, err
	}
	amr := in.amr()
	c, err := s.assume.Assume(ctx, &sts.Assumption{
		RoleARN: role, IdentityID: in.record.ID, PoolID: in.pool.ID, AMR: amr, Tags: tags, Guest: in.guest(), Duration: credentialsLife,
		WebIdentityToken: func(ctx context.Context) (string, error) {
			t, err := s.sign(ctx, in.record.ID, in.pool.ID, amr, tags, classicLife)
			if err != nil {
				return "", err
			}
			return string(t.Token), nil
		},
	})
	if err != nil {
		return nil, notAssumed(err)
	}
	return &Credentials{in.record.ID, c}, nil
}

// notAssumed is the error of a role that was not assumed. The caller cannot mend it: what is wrong is how the pool was set up.
func notAssumed(err error) error {
	for _, refusal := range []error{sts.ErrDenied, sts.ErrValidation, sts.ErrMalformedPolicy, sts.ErrNotFound} {
		if errors.Is(err, refusal) {
			return fmt.Errorf("%w: %w", ErrPoolRoles, err)
		}
	}
	if errors.Is(err, sts.ErrTooLarge) {
		return invalid("The principal tags of the identity are too large.")
	}
	return fmt.Errorf("credentials: %w", err)
}

// namesRole reports whether a pool names a role for identities of this kind: the trust of a role that nobody has set up.
func (s *Service) namesRole(ctx context.Context, a *sts.Assumption) (bool, error) {
	p, err := s.readPool(ctx, a.PoolID)
	if errors.Is(err, ErrPoolNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	switch {
	case len(a.AMR) == 0:
		return false, nil
	case a.AMR[0] == amrUnauthenticated:
		return a.RoleARN == p.Roles.Unauthenticated, nil
	case a.AMR[0] != amrAuthenticated:
		return false, nil
	}
	if a.RoleARN == p.Roles.Authenticated {
		return true, nil
	}
	for _, m := range p.Roles.Mappings {
		if m.Type == MappingToken { // the token names it
			return true, nil
		}
		for _, r := range m.Rules {
			if r.Role == a.RoleARN {
				return true, nil
			}
		}
	}
	return false, nil
}

// Active returns sts.ErrRevoked for credentials that were revoked, whose identity is gone or disabled, or can no longer prove to be who it is, and for those of
// a user who was deleted, disabled or signed out everywhere since, where the pool has ServerSideTokenCheck. It is for sts.Options.
func (s *Service) Active(ctx context.Context, x *sts.Session) error {
	if x.IdentityID == "" { // it is no session of an identity pool
		return nil
	}
	rec, p, err := s.readIdentity(ctx, x.IdentityID)
	if errors.Is(err, ErrIdentityNotFound) {
		return sts.ErrRevoked
	}
	if err != nil {
		return err
	}
	guest := !x.Authenticated()
	if p.ID != x.PoolID || rec.disabled() || guest && (!rec.loose() || !p.Guests) || !guest && rec.loose() {
		return sts.ErrRevoked
	}
	if rec.revoked(p, x.Issued) {
		return sts.ErrRevoked
	}
	return s.userActive(ctx, p, x)
}

// userActive asks the user pools that the pool wants asked.
func (s *Service) userActive(ctx context.Context, p *Pool, x *sts.Session) error {
	for i, element := range x.AMR {
		provider, user, ok := strings.Cut(element, ":"+signInMethod+":")
		pool := poolOf(provider)
		if !ok || pool == "" || i == 0 || !p.asks(pool) {
			continue
		}
		up, err := s.engine.UserPool(ctx, pool)
		if errors.Is(err, identity.ErrPoolNotFound) {
			return sts.ErrRevoked
		}
		if err != nil {
			return err
		}
		u, err := up.Admin().Users().Get(ctx, user)
		if errors.Is(err, identity.ErrUserNotFound) || errors.Is(err, identity.ErrPoolNotFound) {
			return sts.ErrRevoked
		}
		if err != nil {
			return err
		}
		if u.Sub != user || u.Disabled || u.NotBefore.After(x.Issued) {
			return sts.ErrRevoked
		}
	}
	return nil
}

// asks reports whether a pool asks a user pool about its users.
func (p *Pool) asks(pool string) bool {
	for _, u := range p.UserPools {
		if poolOf(u.Name) == pool && u.ServerSideTokenCheck != nil && *u.ServerSideTokenCheck {
			return true
		}
	}
	return false
}

// unlinksPerHour is how often a login may take part in an unlinking.
const unlinksPerHour = 20

// Unlink takes logins away from an identity, by the names of their providers. The logins must verify, and one must be of the identity. Of an
// identity that loses its last login nothing is left but its id. A login that was taken away gets a new identity when it comes again. More than 20 calls an
// hour with one login return [ErrThrottled].
func (s *Service) Unlink(ctx context.Context, id string, logins Logins, remove []string) error {
	rec, p, err := s.readIdentity(ctx, id)
	if err != nil {
		return err
	}
	if rec.disabled() {
		return about(ErrForbidden, "%s", id)
	}
	if len(logins) == 0 {
		return ErrLogins
	}
	proofs, err := s.verify(ctx, p, logins)
	if err != nil {
		return err
	}
	// Each round of unlinking and coming back leaves an identity behind for a while, so nobody does it all day.
	for _, l := range loginsOf(proofs) {
		if !s.unlinks.take(store.Key(p.ID, l.Provider, l.Subject), s.now(), unlinksPerHour) {
			return ErrThrottled
		}
	}
	names := map[string]bool{}
	for _, name := range remove {
		names[canonical(name)] = true
	}
	ev, err := s.engine.NewEvent(ctx, identity.Event{Kind: EventIdentityUnlinked, Actor: identity.Actor{Kind: ActorIdentity}, Data: map[string]string{"providers": strings.Join(remove, ",")}})
	if err != nil {
		return err
	}
	now := s.now()
	return s.store.Update(ctx, func(tx store.Tx) error {
		rec, p, err := s.identity(tx, id, now)
		if err != nil {
			return err
		}
		if rec.loose() {
			return about(ErrForbidden, "%s", id)
		}
		if err := rec.provenBy(proofs); err != nil {
			return err
		}
		next := *rec
		next.Logins = nil
		for _, l := range rec.Logins {
			if !names[l.Provider] {
				next.Logins = append(next.Logins, l)
			}
		}
		if len(next.Logins) == len(rec.Logins) {
			return ErrLogins
		}
		return s.unlinked(tx, p, &next, ev, now)
	})
}

// unlinked writes an identity that has lost a login.
func (s *Service) unlinked(tx store.Tx, p *Pool, next *record, ev *identity.Event, now time.Time) error {
	next.Modified = now
	if next.loose() {
		next.Expires = now.Add(p.unusedLife())
	}
	if err := identities.Put(tx, next); err != nil {
		return err
	}
	return identity.InsertEvent(tx, noted(ev, next.ID, "", nil))
}
