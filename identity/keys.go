package identity

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/token"
)

// A pool has a master key, from which keys for single purposes are derived, and
// pairs of signing keys, one for access tokens and one for ID tokens. They are
// in one record, the keyring, and are made when they are first needed: the
// master key by ring, the first pair by signing. Further pairs come from
// RotateKeys and from the job of Maintain.
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
	pool    string
	keys    []ringKey
	state   *token.Box // seals challenge states
	refresh *token.Box // seals refresh tokens
	code    []byte     // key of the MACs of codes
	decoy   []byte     // key of what answers show about users who do not exist
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
	var err error
	if r.state, err = token.NewBox(derive(k.Master, "challenge state")); err != nil {
		return nil, err
	}
	if r.refresh, err = token.NewBox(derive(k.Master, "refresh token")); err != nil {
		return nil, err
	}
	r.code, r.decoy = derive(k.Master, "code"), derive(k.Master, "unknown user")
	return r, nil
}

// derive derives a key for one purpose from a pool's master key, by HKDF-Expand
// (RFC 5869).
func derive(master []byte, purpose string) []byte {
	key, err := hkdf.Expand(sha256.New, master, "cognate "+purpose, 32)
	if err != nil {
		panic(err) // cannot happen: the length is constant
	}
	return key
}

func mac(key []byte, parts ...string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(store.Key(parts...)))
	return h.Sum(nil)
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
// no keyring, ring makes the master key. It makes no signing keys: see signing.
func (e *Engine) ring(ctx context.Context, pool *PoolInfo, value []byte) (*ring, error) {
	k, err := e.keyrings.Decode(keyringKey(pool.ID), value)
	if errors.Is(err, store.ErrNotFound) {
		k, err = e.changeRing(ctx, pool, nil, newMaster())
	}
	if err != nil {
		return nil, fmt.Errorf("keys of pool %s: %w", pool.ID, err)
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
	k, err := e.changeRing(ctx, pool, ev, func(k *keyring) bool {
		if len(k.Keys) > 0 {
			return false
		}
		k.Keys = pair
		return true
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

// newMaster returns a change that gives a keyring a master key if it has none. If
// several are made at once, the first that commits wins and all use it.
func newMaster() func(*keyring) bool {
	master := make([]byte, 32)
	rand.Read(master)
	return func(k *keyring) bool {
		if k.Master != nil {
			return false
		}
		k.Master = master
		return true
	}
}

// changeRing changes the keyring of a pool in a transaction, and returns it as
// it is stored then. change reports whether it has changed anything; if so, the
// keyring and ev are written. ev is nil for a new master key, which leaves no
// event, because it is never visible outside of the engine.
func (e *Engine) changeRing(ctx context.Context, pool *PoolInfo, ev *Event, change func(*keyring) bool) (*keyring, error) {
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
		if !change(stored) {
			return nil
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

// RotateKeys makes new signing keys. They are published at once and begin to sign
// after lead, which must not be negative. Choose lead longer than verifiers cache
// the JWKS, so that they never meet an unknown key. The keys in use stay
// published until no token that they signed can be valid. Keys of an earlier
// call that would begin to sign after the new ones are dropped.
func (a *Admin) RotateKeys(ctx context.Context, lead time.Duration) error {
	if lead < 0 {
		return invalid("lead", "must not be negative")
	}
	_, err := a.rotateKeys(ctx, lead, func(*keyring) bool { return true })
	return err
}

// RevokeKeys makes new signing keys, which sign at once, and drops all others at once: they
// leave the JWKS, and the engine accepts none of the tokens that they signed. Call it if a
// signing key was stolen. Users keep their sign-ins, and get new tokens with their refresh
// tokens. Other verifiers accept the old tokens until they fetch the JWKS again.
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
	_, err = e.changeRing(ctx, pool, ev.with(dataRevoked, "true"), func(k *keyring) bool {
		k.Keys = pair
		return true
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
	_, err = e.changeRing(ctx, pool, ev, func(k *keyring) bool {
		if done = due(k); !done {
			return false
		}
		k.Keys = slices.DeleteFunc(k.Keys, func(s storedKey) bool {
			return !s.Retire.IsZero() && !s.Retire.After(now) || s.From.After(from)
		})
		for i := range k.Keys {
			if k.Keys[i].Retire.IsZero() {
				k.Keys[i].Retire = from.Add(maxTokenLife)
			}
		}
		k.Keys = append(k.Keys, pair...)
		return true
	})
	return done && err == nil, err
}

// keyLead is how long keys that Maintain makes are published before they sign.
// It is longer than verifiers cache a JWKS.
const keyLead = 24 * time.Hour

// rotateOldKeys replaces the signing keys of every pool whose newest keys are
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

// A KeyStock keeps a few RSA keys ready. It makes them in the background, because
// one takes tens of milliseconds. Several engines may share a stock. A nil stock
// is always empty.
type KeyStock struct {
	keys chan *token.Key
	mu   sync.Mutex
	busy bool
}

// NewKeyStock returns a stock of size keys, at least one, and begins to fill it.
func NewKeyStock(size int) *KeyStock {
	s := &KeyStock{keys: make(chan *token.Key, max(size, 1))}
	s.fill()
	return s
}

// take returns a new key. It takes RSA keys from the stock if there are any.
func (s *KeyStock) take(alg token.Algorithm) (*token.Key, error) {
	if s == nil || alg != token.RS256 {
		return token.GenerateKey(alg)
	}
	defer s.fill()
	select {
	case k := <-s.keys:
		return k, nil
	default:
		return token.GenerateKey(alg)
	}
}

// fill makes keys in the background until the stock is full.
func (s *KeyStock) fill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy {
		return
	}
	s.busy = true
	go func() {
		defer func() { s.mu.Lock(); s.busy = false; s.mu.Unlock() }()
		for len(s.keys) < cap(s.keys) {
			k, err := token.GenerateKey(token.RS256)
			if err != nil {
				return // take makes a key itself and returns the error
			}
			select {
			case s.keys <- k:
			default:
				return
			}
		}
	}()
}
