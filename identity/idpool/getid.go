package idpool

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
)

// The ways to an identity. GetID starts from a pool: it makes a guest, or links the identity of its logins. reach starts from an identity
// that the caller names, for everything that is done with one. Logins are verified
// before the transaction, and what they prove is decided in it.

// GetID returns the id of the identity of logins, and makes it if there is none. Without logins it
// makes a guest. It returns [ErrPoolNotFound], [ErrGuests], an error of the logins, [ErrConflict] if they cannot be linked, and for guests
// [ErrThrottled] and [ErrLimit].
func (s *Service) GetID(ctx context.Context, pool string, logins Logins) (string, error) {
	p, err := s.readPool(ctx, pool)
	if err != nil {
		return "", err
	}
	if _, ok := logins[poolTokens]; ok {
		return "", ErrPoolToken
	}
	if len(logins) == 0 {
		return s.newGuest(ctx, p)
	}
	proofs, err := s.verify(ctx, p, logins)
	if err != nil {
		return "", err
	}
	l, err := s.linking(ctx, p, proofs, identity.Actor{Kind: ActorIdentity})
	if err != nil {
		return "", err
	}
	rec, err := s.run(ctx, l, nil)
	if err != nil {
		return "", err
	}
	return rec.ID, nil
}

// linking prepares a linking of proofs.
func (s *Service) linking(ctx context.Context, p *Pool, proofs []*proof, by identity.Actor) (*linking, error) {
	logins := loginsOf(proofs)
	notes, err := s.notes(ctx, by, logins)
	if err != nil {
		return nil, err
	}
	now := s.now()
	return &linking{s: s, pool: p, logins: logins, now: now, notes: notes, made: &record{ID: newID(regionOf(p.ID)), Pool: p.ID, Created: now, Modified: now}}, nil
}

// linkTries is how often a linking begins anew because another call has linked one of its logins at the same moment.
const linkTries = 4

// run links in a transaction. judge looks at the identity that the call names, and may be nil.
func (s *Service) run(ctx context.Context, l *linking, judge func(store.Tx) error) (rec *record, err error) {
	for range linkTries {
		err = s.store.Update(ctx, func(tx store.Tx) error {
			if _, err := s.pool(tx, l.pool.ID); err != nil { // it may have been deleted since
				return err
			}
			if judge != nil {
				if err := judge(tx); err != nil {
					return err
				}
			}
			rec, err = l.link(tx)
			return err
		})
		if !errors.Is(err, store.ErrExists) {
			return rec, err
		}
	}
	return nil, fmt.Errorf("link logins: %w", store.ErrConflict)
}

// A reached identity is one that a caller has proved to be.
type reached struct {
	record *record
	pool   *Pool
	proofs []*proof
}

// guest reports whether nothing was proved.
func (r *reached) guest() bool { return len(r.proofs) == 0 }

// reach returns the identity that a caller names and proves to be, after it has linked what was not yet linked. It may be
// another one than the one that was named, if the logins belong to that.
func (s *Service) reach(ctx context.Context, id string, logins Logins) (*reached, error) {
	rec, p, err := s.readIdentity(ctx, id)
	if err != nil {
		return nil, err
	}
	if rec.disabled() {
		return nil, about(ErrForbidden, "%s", id)
	}
	if len(logins) == 0 {
		return s.reachGuest(ctx, rec, p)
	}
	proofs, err := s.verify(ctx, p, logins)
	if err != nil {
		return nil, err
	}
	if rec.linked(proofs) {
		return &reached{rec, p, proofs}, nil
	}
	l, err := s.linking(ctx, p, proofs, identity.Actor{Kind: ActorIdentity})
	if err != nil {
		return nil, err
	}
	now := s.now()
	out, err := s.run(ctx, l, func(tx store.Tx) error {
		named, _, err := s.identity(tx, id, now)
		if err != nil {
			return err
		}
		l.named = named
		return named.provenBy(proofs)
	})
	if err != nil {
		return nil, err
	}
	return &reached{out, p, proofs}, nil
}

// linked reports whether all proofs are of the identity already, so that there is nothing to write: a login belongs to one identity alone.
func (r *record) linked(proofs []*proof) bool {
	return !r.loose() && r.provenBy(proofs) == nil && !slices.ContainsFunc(public(proofs), func(p *proof) bool { return !containsLogin(r.Logins, p.login) })
}

// provenBy returns nil if one of the proofs is of the identity, or if it is a guest's, which belongs to whoever names it.
func (r *record) provenBy(proofs []*proof) error {
	if r.disabled() {
		return about(ErrForbidden, "%s", r.ID)
	}
	proven := false
	for _, p := range proofs {
		switch {
		case p.kind == proofPool && p.identity != r.ID:
			return ErrLogins // whoever made the token has vouched for another identity
		case p.kind == proofPool && !p.issued.After(r.NotBefore):
			return ErrTokenInactive
		case p.kind == proofPool:
			if !r.loose() {
				proven = true
			}
		default:
			proven = proven || containsLogin(r.Logins, p.login)
		}
	}
	switch {
	case proven, r.loose() && r.Guest:
		return nil
	case r.loose():
		return about(ErrForbidden, "%s", r.ID) // its last login was unlinked
	default:
		return ErrLogins
	}
}

func containsLogin(all []login, l login) bool {
	for _, have := range all {
		if have == l {
			return true
		}
	}
	return false
}

// reachGuest lets a guest in, and notes that the identity is used.
func (s *Service) reachGuest(ctx context.Context, rec *record, p *Pool) (*reached, error) {
	switch {
	case !rec.loose():
		return nil, ErrLogins
	case !rec.Guest:
		return nil, about(ErrForbidden, "%s", rec.ID)
	case !p.Guests:
		return nil, ErrGuests
	}
	if err := s.used(ctx, rec, p); err != nil {
		return nil, err
	}
	return &reached{record: rec, pool: p}, nil
}
