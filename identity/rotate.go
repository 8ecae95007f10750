package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/store"
)

// New keys in the place of old ones: of RotateKeys, of RevokeKeys and of the job of
// Maintain.

// RotateKeys makes new signing keys, and a new master key, from which the keys of
// refresh tokens, challenge states and codes are derived.
//
// The signing keys are published at once and begin to sign
// after lead, which must not be negative. Choose lead longer than verifiers cache
// the JWKS, so that they never meet an unknown key. The keys in use stay
// published until no token that they signed can be valid. Keys of an earlier
// call that would begin to sign after the new ones are dropped.
//
// The master key is used at once, on all engines. What was made with earlier ones
// stays valid, and [Engine.Maintain] removes each when that has ended: for refresh
// tokens, after the longest life that an app client of the pool allows. If eight
// master keys are in use, no new one is made.
func (a *Admin) RotateKeys(ctx context.Context, lead time.Duration) error {
	if lead < 0 {
		return invalid("lead", "must not be negative")
	}
	_, err := a.rotateKeys(ctx, lead, func(*keyring) bool { return true })
	return err
}

// RevokeKeys makes new keys, which are used at once, and drops all others at once. Call it if
// the keys of the pool were stolen: afterwards they are worth nothing.
//
// Earlier signing keys leave the JWKS, and the engine accepts none of the tokens that they
// signed. Other verifiers accept them until they fetch the JWKS again. Earlier master keys
// are dropped too, because whoever has one can make refresh tokens and pass any challenge.
// So refresh tokens, sign-ins that wait for an answer, and codes that were sent are refused:
// all users sign in again, and ask for new codes.
//
// What answers say about unknown users changes once, because otherwise the thief could tell
// them from users. Somebody who has written such answers down before can tell that these names are
// unknown.
func (a *Admin) RevokeKeys(ctx context.Context) error {
	pool, err := a.Describe(ctx)
	if err != nil {
		return err
	}
	e := a.engine
	pair, err := e.newKeys(pool.Settings.SigningAlgorithm(), e.now())
	if err != nil {
		return err
	}
	ev, err := e.keysEvent(ctx, pool.ID, pair, Actor{Kind: ActorProgram})
	if err != nil {
		return err
	}
	fresh, decoy, digest := newMaster(e.now()), newKey(), newKey()
	ev = ev.with(dataRevoked, "true").with(dataMaster, fresh.ID)
	_, err = e.changeRing(ctx, pool, func(k *keyring) (bool, *Event) {
		k.Keys, k.Masters, k.Decoy = pair, []master{fresh}, decoy
		if k.Digest == nil { // else it stays: no answer depends on it, and accounts go on knowing their sources
			k.Digest = digest
		}
		return true, ev
	})
	if err != nil {
		return fmt.Errorf("revoke keys: %w", err)
	}
	return nil
}

// rotateKeys rotates the keys of a pool if due, called with the stored keyring
// in the transaction, returns true. It reports whether it did.
func (a *Admin) rotateKeys(ctx context.Context, lead time.Duration, due func(*keyring) bool) (done bool, err error) {
	pool, err := a.Describe(ctx)
	if err != nil {
		return false, err
	}
	e := a.engine
	if _, err := e.loadRing(ctx, pool.ID); err != nil {
		return false, err
	}
	now := e.now()
	from := now.Add(lead)
	pair, err := e.newKeys(pool.Settings.SigningAlgorithm(), from)
	if err != nil {
		return false, err
	}
	ev, err := e.keysEvent(ctx, pool.ID, pair, Actor{Kind: ActorProgram})
	if err != nil {
		return false, err
	}
	life, err := e.sealedLife(ctx, pool.ID)
	if err != nil {
		return false, err
	}
	fresh, full := newMaster(now), false
	withMaster := ev.with(dataMaster, fresh.ID)
	_, err = e.changeRing(ctx, pool, func(k *keyring) (bool, *Event) {
		full = false
		if done = due(k); !done {
			return false, nil
		}
		k.sign(pair, from, now)
		if full = !k.succeed(fresh, life); full {
			return true, ev
		}
		return true, withMaster
	})
	if err == nil && full {
		e.log.WarnContext(ctx, "no new master key: all that a pool may have are in use", "pool", pool.ID, "max", maxMasters)
	}
	return done && err == nil, err
}

// sign adds a pair of signing keys that signs from a time, and retires those before it.
func (k *keyring) sign(pair []storedKey, from, now time.Time) {
	k.Keys = slices.DeleteFunc(k.Keys, func(s storedKey) bool {
		return !s.Retire.IsZero() && !s.Retire.After(now) || s.From.After(from)
	})
	for i := range k.Keys {
		if k.Keys[i].Retire.IsZero() {
			k.Keys[i].Retire = from.Add(maxTokenLife)
		}
	}
	k.Keys = append(k.Keys, pair...)
}

// keyLead is how long keys that Maintain makes are published before they sign.
// It is longer than verifiers cache a JWKS.
const keyLead = 24 * time.Hour

// rotateOldKeys replaces the keys of every pool whose newest signing keys are
// older than Options.RotateKeysAfter. If several engines do so at once, one of
// them succeeds and the others change nothing.
func (e *Engine) rotateOldKeys(ctx context.Context) error {
	if e.rotateAfter == 0 {
		return nil
	}
	limit := e.now().Add(-e.rotateAfter)
	due := func(k *keyring) bool {
		return len(k.Keys) > 0 && !slices.ContainsFunc(k.Keys, func(s storedKey) bool { return s.From.After(limit) })
	}
	var old []string
	err := e.store.View(ctx, func(r store.Reader) error {
		old = nil
		for k, err := range keyrings.Scan(r, store.Range{}) {
			if err != nil {
				return err
			}
			if due(k) {
				old = append(old, k.Pool)
			}
		}
		return nil
	})
	for _, pool := range old {
		done, failed := (&Admin{engine: e, pool: pool}).rotateKeys(ctx, keyLead, due)
		switch {
		case errors.Is(failed, ErrPoolNotFound): // the pool is deleted and not yet swept
		case failed != nil:
			err = errors.Join(err, fmt.Errorf("rotate keys: %w", failed))
		case done:
			e.log.Info("new signing keys", "pool", pool, "signFrom", e.now().Add(keyLead))
		}
	}
	return err
}
