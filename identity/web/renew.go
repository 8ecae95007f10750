package web

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/cognate-id/cognate/identity"
)

// An access token lives for an hour, and a visit for longer. The first request that
// finds the access token expired renews it, and the others wait for it, in other
// processes too: if the client rotates refresh tokens, a second use of one would end
// the sign-in. The claim to renew is a commit, and so is what comes of it.

const (
	renewalTime = 10 * time.Second // after it, another request may renew the tokens
	renewalPoll = 20 * time.Millisecond
)

// over are the errors that say that the sign-in of a visit does not stand any more. After
// all others, such as those of a store, it may.
var over = []error{
	identity.ErrInvalidAccessToken, identity.ErrAccessTokenExpired, identity.ErrAccessTokenRevoked, identity.ErrUserNotFound,
	identity.ErrUserDisabled, identity.ErrInvalidRefreshToken, identity.ErrRefreshTokenRevoked, identity.ErrRefreshTokenExpired,
	identity.ErrRefreshTokenReused, identity.ErrPoolNotFound, identity.ErrClientNotFound,
}

func isOver(err error) bool { return isAny(err, over) }

func isAny(err error, of []error) bool {
	for _, e := range of {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// session verifies the sign-in of a record, with new tokens if the old ones have expired.
// It returns the record as it is then.
func (vs *Visits) session(ctx context.Context, rec *record) (*identity.Session, *record, error) {
	s, err := vs.pool.Session(ctx, identity.Secret(rec.Access))
	if !errors.Is(err, identity.ErrAccessTokenExpired) {
		return s, rec, err
	}
	if rec, err = vs.renew(ctx, rec); err != nil {
		return nil, nil, err
	}
	s, err = vs.pool.Session(ctx, identity.Secret(rec.Access))
	return s, rec, err
}

// renew returns the record with new tokens, which this request or another one has fetched.
func (vs *Visits) renew(ctx context.Context, rec *record) (*record, error) {
	expired := rec.Access
	for {
		mine := false
		rec, err := vs.change(ctx, rec.ID, func(r *record) {
			now := vs.options.Clock()
			mine = r.Access == expired && now.Sub(r.Renewal).Abs() >= renewalTime
			if mine {
				r.Renewal = now
			}
		})
		switch {
		case err != nil:
			return nil, err
		case mine:
			return vs.fetch(ctx, rec)
		case rec.Access != expired:
			return rec, nil
		}
		if err := pause(ctx, renewalPoll); err != nil {
			return nil, err
		}
	}
}

// fetch fetches tokens and keeps them. The refresh token stays if it does not rotate.
func (vs *Visits) fetch(ctx context.Context, rec *record) (*record, error) {
	ctx = context.WithoutCancel(ctx) // the browser may go, but the new refresh token must be kept
	t, err := vs.pool.Refresh(ctx, identity.Refresh{Token: identity.Secret(rec.Refresh), Rotating: true})
	if err != nil {
		return nil, err
	}
	return vs.change(ctx, rec.ID, func(r *record) {
		r.Access, r.Refresh, r.Renewal = string(t.Access), cmp.Or(string(t.Refresh), r.Refresh), time.Time{}
	})
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
