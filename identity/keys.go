package identity

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/token"
)

// A pool has master keys, from which keys for single purposes are derived
// (masters.go), and pairs of signing keys, one for access tokens and one for ID
// tokens. They are in one record, the keyring, and are made when they are first
// needed: the first master key by ring, the first pair by signing. Further ones
// come from RotateKeys, RevokeKeys and the job of Maintain (rotate.go).
//
// New keys are made before the transaction, because making them is slow.
// changeRing then reads the keyring and the pool, decides whether the change is
// still wanted, and writes the keyring and the event, in one transaction. If
// several engines make keys at the same moment, one commits and the others use
// its keys.

// maxTokenLife is the longest life of an access or ID token. A retired key stays
// in the JWKS for this time.
const maxTokenLife = 24 * time.Hour

// A ring has the keys of a pool, parsed and ready for use.
type ring struct {
	pool     string
	keys     []ringKey
	state    token.Boxes // seal challenge states
	refresh  token.Boxes // seal refresh tokens
	codes    []macKey    // of codes, of the newest master first
	wrapping token.Boxes // wrap the keys of codes for custom senders, see codekey.go
	decoy    []byte      // key of what answers show about users who do not exist
	digest   []byte      // key of the digests that addresses and sources are counted by
}

type ringKey struct {
	storedKey
	key *token.Key
}

func openRing(k *keyring) (*ring, error) {
	r := &ring{pool: k.Pool}
	for _, s := range k.Keys {
		key, err := token.ParsePrivate(s.Key)
		if err != nil {
			return nil, fmt.Errorf("signing key of pool %s: %w", k.Pool, err)
		}
		r.keys = append(r.keys, ringKey{s, key})
	}
	return r, r.openMasters(k)
}

// signer returns the key that signs tokens of a use now: the newest whose time to
// sign has begun. If this clock is behind the clock of the engine that made the
// keys, perhaps none has begun; then it is the oldest.
func (r *ring) signer(use string, now time.Time) *token.Key {
	var begun, oldest *ringKey
	for i := range r.keys {
		k := &r.keys[i]
		if k.Use != use {
			continue
		}
		if oldest == nil || k.From.Before(oldest.From) {
			oldest = k
		}
		if !k.From.After(now) && (begun == nil || !k.From.Before(begun.From)) {
			begun = k
		}
	}
	if begun == nil {
		begun = oldest
	}
	return begun.key
}

// public returns the keys that verify tokens of a use. An empty use means all.
func (r *ring) public(use string, now time.Time) token.Set {
	var set token.Set
	for _, k := range r.keys {
		if (use == "" || k.Use == use) && (k.Retire.IsZero() || now.Before(k.Retire)) {
			set = append(set, k.key.Public())
		}
	}
	return set
}

// ringCache keeps opened rings for as long as their records stay the same.
type ringCache struct {
	mu    sync.Mutex
	rings map[*keyring]*ring
}

// open returns the ring of a decoded record. The cache of keyrings decodes equal
// records to the same pointer, so the pointer serves as the key.
func (c *ringCache) open(k *keyring) (*ring, error) {
	c.mu.Lock()
	r, ok := c.rings[k]
	c.mu.Unlock()
	if ok {
		return r, nil
	}
	r, err := openRing(k)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rings == nil || len(c.rings) >= recordCache {
		c.rings = map[*keyring]*ring{}
	}
	c.rings[k] = r
	return r, nil
}

// ring returns the keys of a pool, given the value of its keyring. If there is
// no master key, ring makes one, in a transaction. It makes no signing keys: see
// signing.
func (e *Engine) ring(ctx context.Context, pool *PoolInfo, value []byte) (*ring, error) {
	if r, err := e.ringOf(pool, value); err != nil || r != nil {
		return r, err
	}
	k, err := e.changeRing(ctx, pool, firstMaster(e.now()))
	if err != nil {
		return nil, fmt.Errorf("keys of pool %s: %w", pool.ID, err)
	}
	return e.rings.open(k)
}

// ringOf returns the keys in the value of a keyring, or nil if there is no master key.
func (e *Engine) ringOf(pool *PoolInfo, value []byte) (*ring, error) {
	k, err := orNil(e.keyrings.Decode(keyringKey(pool.ID), value))
	if err != nil {
		return nil, fmt.Errorf("keys of pool %s: %w", pool.ID, err)
	}
	if k == nil || len(k.Masters) == 0 {
		return nil, nil //nolint:nilnil // there is nothing to return, and no error
	}
	return e.rings.open(k)
}

// signing returns a pool's keys, and makes the first pair of signing keys if
// there is none. Making a pair takes tens of milliseconds, and a pool in which
// nobody signs in needs none.
func (e *Engine) signing(ctx context.Context, pool *PoolInfo, r *ring) (*ring, error) {
	if len(r.keys) > 0 {
		return r, nil
	}
	select {
	case e.making <- struct{}{}:
		defer func() { <-e.making }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	r, err := e.storedRing(ctx, pool) // another goroutine or engine may have made the pair meanwhile
	if err != nil || len(r.keys) > 0 {
		return r, err
	}
	pair, err := e.newKeys(pool.Settings.SigningAlgorithm(), e.now())
	if err != nil {
		return nil, err
	}
	ev, err := e.keysEvent(ctx, pool.ID, pair, Actor{Kind: ActorEngine})
	if err != nil {
		return nil, err
	}
	k, err := e.changeRing(ctx, pool, func(k *keyring) (bool, *Event) {
		if len(k.Keys) > 0 {
			return false, nil
		}
		k.Keys = pair
		return true, ev
	})
	if err != nil {
		return nil, fmt.Errorf("signing keys of pool %s: %w", pool.ID, err)
	}
	return e.rings.open(k)
}

// storedRing returns the keys of a pool as they are stored now.
func (e *Engine) storedRing(ctx context.Context, pool *PoolInfo) (*ring, error) {
	var value []byte
	err := e.store.View(ctx, func(r store.Reader) error {
		values, err := r.Get(keyrings.Ref(keyringKey(pool.ID)))
		if err == nil {
			value = values[0]
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return e.ring(ctx, pool, value)
}

func keyringKey(pool string) string { return store.Key(pool) }

// changeRing changes the keyring of a pool in a transaction, and returns it as
// it is stored then. change reports whether it has changed anything; if so, the
// keyring is written, and the event that change returns. The event is nil for the
// first master key and for masters that lapse: neither is visible outside of the
// engine. A keyring without a master is never written, because its keys would be
// derived from nothing.
func (e *Engine) changeRing(ctx context.Context, pool *PoolInfo, change func(*keyring) (bool, *Event)) (*keyring, error) {
	var stored *keyring
	err := e.store.Update(ctx, func(tx store.Tx) error {
		values, err := tx.Get(keyrings.Ref(keyringKey(pool.ID)), pools.Ref(store.Key(pool.ID)))
		if err != nil {
			return err
		}
		if values[1] == nil {
			return &NotFoundError{ErrPoolNotFound, pool.ID}
		}
		if stored, err = orNil(keyrings.Decode(values[0])); err != nil {
			return err
		}
		if stored == nil {
			stored = &keyring{Pool: pool.ID}
		}
		changed, ev := change(stored)
		if !changed {
			return nil
		}
		if len(stored.Masters) == 0 {
			return fmt.Errorf("%w: a keyring without a master key", errUnhandled)
		}
		if err := keyrings.Put(tx, stored); err != nil || ev == nil {
			return err
		}
		return events.Insert(tx, ev)
	})
	return stored, err
}

// keysEvent makes the event of a new pair of signing keys. Its subject is the
// first key of the pair, which signs access tokens.
func (e *Engine) keysEvent(ctx context.Context, pool string, pair []storedKey, by Actor) (*Event, error) {
	key, err := token.ParsePrivate(pair[0].Key)
	if err != nil {
		return nil, err
	}
	return e.event(ctx, Event{
		Pool: pool, Kind: EventSigningKeysCreated, Time: e.now(), Actor: by, Subject: Subject{SubjectKey, key.ID()},
		Data: map[string]string{dataSignFrom: pair[0].From.Format(time.RFC3339)},
	})
}

// newKeys makes a key for access tokens and one for ID tokens.
func (e *Engine) newKeys(alg token.Algorithm, from time.Time) ([]storedKey, error) {
	var out []storedKey
	for _, use := range []string{"access", "id"} {
		key, err := e.stock.take(alg)
		if err != nil {
			return nil, err
		}
		private, err := key.MarshalPrivate()
		if err != nil {
			return nil, err
		}
		out = append(out, storedKey{Use: use, Key: private, From: from})
	}
	return out, nil
}

// loadRing reads a pool's keys. It makes signing keys if there are none.
func (e *Engine) loadRing(ctx context.Context, poolID string) (*ring, error) {
	var pool *PoolInfo
	var value []byte
	err := e.store.View(ctx, func(r store.Reader) error {
		values, err := r.Get(pools.Ref(store.Key(poolID)), keyrings.Ref(keyringKey(poolID)))
		if err != nil {
			return err
		}
		value = values[1]
		pool, err = e.decodePool(poolID, values[0])
		return err
	})
	if err != nil {
		return nil, err
	}
	r, err := e.ring(ctx, pool, value)
	if err != nil {
		return nil, err
	}
	return e.signing(ctx, pool, r)
}
