package identity

import (
	"context"
	"fmt"
	"time"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/store"
)

// A refresh reads the pool, the client, the keys, the user, the sign-in and the groups in
// one snapshot, checks the proof of the client and whether the sign-in still stands, and
// signs new tokens. The keys that were read last say what the token names, so that all but
// the groups come in one round trip; only the keys that come with it open the token.
// It writes nothing, unless the client rotates refresh tokens: then one
// transaction moves the sign-in to its next token, or ends the sign-in if the token was used before.
// If the client does not rotate, and has an idle limit or the pool tracks sessions, one transaction
// records the time, at most once a minute.

// Refresh is what a client gives for new tokens.
type Refresh struct {
	Token Secret // the refresh token
	// SecretHash, over the real username or the sub, or Secret itself: one of
	// them for clients that have a secret.
	SecretHash string
	Secret     Secret // see SecretHash
	// DeviceKey is that of the device of the sign-in, in pools that track devices: there a
	// sign-in whose device was not confirmed, or was forgotten, cannot be refreshed.
	DeviceKey string
	// Rotating is for clients that can take a new refresh token back: the
	// others are refused with [ErrRotationRequired] where tokens are rotated.
	Rotating bool
}

// Refresh gives new access and ID tokens for a refresh token. Where the client
// rotates refresh tokens, as in safe pools unless its AuthFlows have
// [AllowRefresh], a new one comes with them: keep it. The old one is valid
// only for the grace period; used later, it ends the sign-in. A sign-in ends
// when RefreshTokenValidity has passed since it began, or IdleHours since it was
// refreshed last, see [ClientSettings].
func (a *AppClient) Refresh(ctx context.Context, in Refresh) (*Tokens, error) {
	t, err := a.refresh(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("refresh: %w", err)
	}
	return t, nil
}

func (a *AppClient) refresh(ctx context.Context, in Refresh) (*Tokens, error) {
	t := &refreshing{}
	s, err := a.loadWith(ctx, func(r store.Reader, s *scope) error { return t.read(r, s, in.Token) }, t.likely(a, in.Token))
	if err != nil {
		return nil, err
	}
	if !in.Rotating {
		if s.settings.Rotates(&s.client.Settings) {
			return nil, ErrRotationRequired
		}
		if !s.settings.Allows(&s.client.Settings, AllowRefresh) {
			return nil, &FlowError{"REFRESH_TOKEN_AUTH"}
		}
	}
	if in.Token == "" {
		return nil, missing("REFRESH_TOKEN")
	}
	if len(s.secrets) > 0 && in.SecretHash == "" && in.Secret == "" {
		return nil, &ClientError{Err: ErrSecretHashMissing, Client: a.id, Refresh: true}
	}
	if in.Secret != "" && in.SecretHash == "" { // a proof that needs no user comes first
		if err := s.checkSecret(in.Secret); err != nil {
			return nil, err
		}
	}
	if t.unopened != nil {
		return nil, t.unopened
	}
	if t.claims.Client != a.id {
		return nil, ErrInvalidRefreshToken
	}
	if err := s.points().callable(PreTokenGeneration, PreTokenGenerationV1); err != nil {
		return nil, err
	}
	return s.renewTokens(ctx, t, in)
}

// A refreshing is what a refresh has read.
type refreshing struct {
	by       *ring // the keys that the token was opened with
	claims   *refreshClaims
	unopened error // why there are no claims
	user     *User
	family   *family
	device   *device // of the sign-in; nil if it was not confirmed, or was forgotten
	groups   []*Group
}

// read opens the token and reads what it names.
func (t *refreshing) read(r store.Reader, s *scope, raw Secret) error {
	if t.open(s.ring, raw); t.unopened != nil {
		return nil //nolint:nilerr // told after what comes first
	}
	var err error
	if t.user, t.family, t.device, err = readSignIn(r, s.pool.ID, t.claims); err != nil || t.user == nil {
		return err
	}
	t.groups, err = t.user.memberships(r)
	return err
}

// likely is what a refresh token names, if the keys that were read last open it.
func (t *refreshing) likely(a *AppClient, raw Secret) (plan prefetchPlan) {
	keys, _ := a.engine.lastRings.Load(a.pool)
	if keys, ok := keys.(*ring); ok {
		if t.open(keys, raw); t.unopened == nil {
			plan.refs = signInRefs(a.pool, t.claims)
		}
	}
	return plan
}

// open opens the token, once with the same keys.
func (t *refreshing) open(keys *ring, raw Secret) {
	if t.by != keys {
		t.by = keys
		t.claims, t.unopened = keys.openRefresh(raw)
	}
}

// renewTokens gives the next tokens of a sign-in.
func (s *scope) renewTokens(ctx context.Context, t *refreshing, in Refresh) (*Tokens, error) {
	now := s.engine.now()
	c, u, f, groups := t.claims, t.user, t.family, t.groups
	if err := s.checkProof(u, in); err != nil {
		return nil, err
	}
	s.deviceKey = in.DeviceKey
	if err := s.refreshable(u, f, t.device, c, now); err != nil {
		return nil, err
	}
	rotates := s.settings.Rotates(&s.client.Settings)
	if !rotates && c.Generation != f.Generation {
		return nil, ErrInvalidRefreshToken
	}
	if err := s.changeTokens(ctx, hook.TokensOfRefresh, newGrant(u, groups, f)); err != nil {
		return nil, err
	}
	if !rotates {
		if err := s.stillStands(ctx, c); err != nil {
			return nil, err
		}
		if err := s.keepInUse(ctx, f, c, now); err != nil {
			return nil, err
		}
		return s.issue(ctx, newGrant(u, groups, f))
	}
	f, err := s.rotate(ctx, c, now)
	if err != nil {
		return nil, err
	}
	g := newGrant(u, groups, f)
	g.refresh = true
	return s.issue(ctx, g)
}

// stillStands reads a sign-in again if hooks have run, which may be slow: meanwhile the user may
// have been disabled or signed out.
func (s *scope) stillStands(ctx context.Context, c *refreshClaims) error {
	if s.changes == nil {
		return nil
	}
	return s.engine.store.View(ctx, func(r store.Reader) error {
		u, f, d, err := readSignIn(r, s.pool.ID, c)
		if err != nil {
			return err
		}
		return s.refreshable(u, f, d, c, s.engine.now())
	})
}

// checkProof checks the client's proof of its secret, by hash or in clear.
func (s *scope) checkProof(u *User, in Refresh) error {
	if len(s.secrets) == 0 {
		return nil
	}
	if in.SecretHash == "" {
		return s.checkSecret(in.Secret)
	}
	for _, name := range u.hashNames() {
		if s.checkHash(name, in.SecretHash) == nil {
			return nil
		}
	}
	return &ClientError{Err: ErrSecretHashMismatch, Client: s.client.ID, Refresh: true}
}

// hashNames are the names that a secret hash may be over when no name comes with it.
func (u *User) hashNames() []string {
	if u == nil {
		return nil
	}
	return []string{u.Username, u.Sub}
}

// signInRefs are what a refresh token names: a user, a sign-in and, if it has one, its device.
func signInRefs(pool string, c *refreshClaims) []store.Ref {
	refs := []store.Ref{users.Ref(store.Key(pool, c.Sub)), families.Ref(store.Key(pool, c.Sub, c.Family))}
	if c.Device == "" {
		return refs
	}
	return append(refs, devices.Ref(store.Key(pool, c.Sub, c.Device)))
}

func readSignIn(r store.Reader, pool string, c *refreshClaims) (u *User, f *family, d *device, err error) {
	values, err := r.Get(signInRefs(pool, c)...)
	if err != nil {
		return nil, nil, nil, err
	}
	if u, err = orNil(users.Decode(values[0])); err != nil {
		return nil, nil, nil, err
	}
	if f, err = orNil(families.Decode(values[1])); err != nil || c.Device == "" {
		return u, f, nil, err
	}
	d, err = orNil(devices.Decode(values[2]))
	return u, f, d, err
}

// refreshable says why a refresh token that is ours gives no tokens.
func (s *scope) refreshable(u *User, f *family, d *device, c *refreshClaims, now time.Time) error {
	switch {
	case now.UnixMilli() >= c.Expires:
		return ErrRefreshTokenExpired
	case u == nil:
		return ErrRefreshTokenRevoked
	case u.Disabled: // before the sign-in is looked at: disabling has ended it
		return ErrUserDisabled
	case f == nil || f.ended(u):
		return ErrRefreshTokenRevoked
	case !now.Before(f.Expires), f.idle(s.settings.IdleLife(&s.client.Settings), now):
		return ErrRefreshTokenExpired
	case !s.deviceAllows(f, d):
		return ErrInvalidRefreshToken
	}
	return nil
}

// ended reports whether a sign-out of all of the user's sign-ins ended this one.
func (f *family) ended(u *User) bool { return later(f.AuthTime, f.Kept).Before(u.NotBefore) }

// idle reports whether a sign-in was not used for the idle limit of its client. A
// sign-in from before there was a limit has no time of its last use: its next
// refresh sets one, so that turning the limit on ends no sign-in.
func (f *family) idle(limit time.Duration, now time.Time) bool {
	return limit > 0 && !f.Used.IsZero() && !now.Before(f.Used.Add(limit))
}

// use records a use of a sign-in, if its client has an idle limit.
func (f *family) use(limit time.Duration, now time.Time) {
	f.Used = time.Time{}
	if limit > 0 {
		f.Used = now
	}
}

// useStep is how exactly the last use of a sign-in that does not rotate is known.
// Such a refresh writes nothing else, so it writes once in a step.
const useStep = time.Minute

// stale reports whether the last use of a sign-in was recorded too long ago, where it is recorded.
func (s *scope) stale(f *family, limit time.Duration, now time.Time) bool {
	idle := limit > 0 && now.Sub(f.Used).Abs() >= useStep
	return idle || s.settings.TracksSessions() && now.Sub(f.Active).Abs() >= useStep
}

// keepInUse records the use of a sign-in that does not rotate.
func (s *scope) keepInUse(ctx context.Context, f *family, c *refreshClaims, now time.Time) error {
	limit := s.settings.IdleLife(&s.client.Settings)
	if !s.stale(f, limit, now) {
		return nil
	}
	var refused error
	err := s.engine.store.Update(ctx, func(tx store.Tx) error {
		tx = txPrefetch(tx)
		u, f, d, err := readSignIn(tx, s.pool.ID, c)
		if err != nil {
			return err
		}
		if refused = s.refreshable(u, f, d, c, now); refused != nil {
			return nil //nolint:nilerr // told once the transaction ends
		}
		f.use(limit, now)
		s.note(f, now)
		return families.Put(tx, f)
	})
	return orRefused(err, refused)
}

// rotate moves the sign-in to its next refresh token, once: within the grace
// period the token before gives the same successor, later it ends the sign-in.
func (s *scope) rotate(ctx context.Context, c *refreshClaims, now time.Time) (*family, error) {
	ev, err := s.asked(ctx, c.Sub, EventRefreshTokenReused, now)
	if err != nil {
		return nil, err
	}
	var f *family
	var refused error
	err = s.engine.store.Update(ctx, func(tx store.Tx) (err error) {
		tx = txPrefetch(tx) // Put reads what was read
		refused = nil
		var u *User
		var d *device
		u, f, d, err = readSignIn(tx, s.pool.ID, c)
		if err != nil {
			return err
		}
		if refused = s.refreshable(u, f, d, c, now); refused != nil {
			return nil //nolint:nilerr // told once the transaction ends
		}
		switch {
		case c.Generation == f.Generation:
			f.Generation, f.Rotated = f.Generation+1, now
			f.use(s.settings.IdleLife(&s.client.Settings), now)
			s.note(f, now)
			return families.Put(tx, f)
		case c.Generation == f.Generation-1 && now.Sub(f.Rotated).Abs() < s.client.Settings.GracePeriod(): // a clock that was set back gives no more time
			return nil
		}
		refused = ErrRefreshTokenReused
		if _, err := families.Delete(tx, families.Key(f)); err != nil {
			return err
		}
		return events.Insert(tx, ev.failed(EventRefreshTokenReused, refused))
	})
	if err != nil {
		return nil, err
	}
	return f, refused
}

// Revoke ends the sign-in that a refresh token comes from: it and every token
// of the sign-in are refused from then on. A token that means nothing to the
// pool, or was revoked before, is no error. The client's secret goes with it
// where it has one.
func (a *AppClient) Revoke(ctx context.Context, raw, secret Secret) error {
	if err := a.revoke(ctx, raw, secret, false); err != nil {
		return fmt.Errorf("revoke: %w", err)
	}
	return nil
}

// RevokeLinked is Revoke, and signs out the browser too that the sign-in came through, if there is one
// and the pool tracks sessions. Other sign-ins through that browser stay.
func (a *AppClient) RevokeLinked(ctx context.Context, raw, secret Secret) error {
	if err := a.revoke(ctx, raw, secret, true); err != nil {
		return fmt.Errorf("revoke: %w", err)
	}
	return nil
}

func (a *AppClient) revoke(ctx context.Context, raw, secret Secret, linked bool) error {
	s, err := a.load(ctx)
	if err != nil {
		return err
	}
	if err := s.checkSecret(secret); err != nil {
		return err
	}
	if !s.client.Settings.Revocable() {
		return ErrRevocationDisabled
	}
	if looksSigned(raw) {
		return ErrWrongTokenType
	}
	c, err := s.ring.openRefresh(raw)
	if err != nil {
		return nil //nolint:nilerr // RFC 7009, section 2.2: an unknown token is as good as revoked
	}
	if c.Client != a.id {
		return ErrForeignToken
	}
	ev, err := s.proved(ctx, c.Sub, EventSignInRevoked, s.engine.now())
	if err != nil {
		return err
	}
	return s.engine.store.Update(ctx, func(tx store.Tx) error {
		if linked && s.settings.TracksSessions() {
			if err := s.endParent(tx, c); err != nil {
				return err
			}
		}
		was, err := families.Delete(tx, store.Key(s.pool.ID, c.Sub, c.Family))
		if err != nil || !was {
			return err
		}
		return events.Insert(tx, ev)
	})
}

// endParent signs the browser out that a sign-in came through, if there is one.
func (s *scope) endParent(tx store.Tx, c *refreshClaims) error {
	f, err := orNil(families.Get(tx, store.Key(s.pool.ID, c.Sub, c.Family)))
	if err != nil || f == nil || f.Parent == "" {
		return err
	}
	_, err = families.Delete(tx, store.Key(f.Pool, f.Sub, f.Parent))
	return err
}
