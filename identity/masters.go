package identity

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/token"
)

// A pool has up to maxMasters master keys. Keys for single purposes are derived
// from each: for challenge states, for refresh tokens, and for codes. The newest
// seals. Whatever is sealed names its master, and the master that it names opens
// it. The name is the id of the boxes of package token, or a member of the record
// of a code. The key of decoys and the key of digests are no part of a master,
// because what depends on them must outlive each.
//
// A master lapses when nothing that was made with it can be valid any more. Codes
// and challenge states are valid for at most a day. A refresh token is valid until
// its sign-in ends, and when that is was decided when the sign-in began. So
// RotateKeys takes the longest of these times, by the present settings of the app
// clients, and adds clockSlack for engines whose clocks differ. The settings may
// have allowed more when a sign-in began. So before dropLapsed removes a master, it
// looks for a sign-in that began while the master sealed and has not ended. If there
// is one, the master stays until it ends.

// maxMasters is how many master keys a pool has at most.
const maxMasters = 8

// A master is a key from which a pool's keys for single purposes are derived.
type master struct {
	// ID is 8 letters and digits. It is empty for the master of a pool that an earlier
	// version made, in which no string and no code names its master.
	ID     string    `json:"id,omitempty"`
	Key    []byte    `json:"master"`          // 32 bytes
	Made   time.Time `json:"made,omitzero"`   // unknown for a master without an id
	Lapses time.Time `json:"lapses,omitzero"` // not before; zero for the newest
}

// keyringVersion is the version of keyrings. Version 1 had one master.
const keyringVersion = 2

// upgradeKeyring reads keyrings of version 1. In these the keys of decoys and of digests were one,
// derived from the only master. They stay what they were, so that no answer changes.
// A keyring that has no master gets one, see [Engine.ring].
func upgradeKeyring(_ int, value []byte) ([]byte, error) {
	var old struct {
		Pool   string      `json:"pool"`
		Master []byte      `json:"master"`
		Keys   []storedKey `json:"keys"`
	}
	if err := json.Unmarshal(value, &old); err != nil {
		return nil, err
	}
	k := &keyring{Pool: old.Pool, Keys: old.Keys}
	if len(old.Master) > 0 {
		decoy := derive(old.Master, "unknown user")
		k.Masters, k.Decoy, k.Digest = []master{{Key: old.Master}}, decoy, decoy
	}
	return json.Marshal(k)
}

// newKey makes the 32 bytes of a secret key.
func newKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never returns an error: a failure ends the process
	return key
}

func newMaster(now time.Time) master {
	return master{ID: rand.Text()[:8], Key: newKey(), Made: now}
}

// firstMaster returns a change that gives a keyring a master key, and the keys of
// decoys and digests, if it has none. If several are made at once, the first that
// commits wins and all use it.
func firstMaster(now time.Time) func(*keyring) (bool, *Event) {
	m, decoy, digest := newMaster(now), newKey(), newKey()
	return func(k *keyring) (bool, *Event) {
		if len(k.Masters) > 0 {
			return false, nil
		}
		k.Masters, k.Decoy, k.Digest = []master{m}, decoy, digest
		return true, nil
	}
}

// succeed makes m the newest master, and has the one before lapse after life. It reports
// whether there was room for another. A master that is to open something is never
// removed to make room.
func (k *keyring) succeed(m master, life time.Duration) bool {
	if len(k.Masters) >= maxMasters {
		return false
	}
	if len(k.Masters) > 0 {
		k.Masters[0].Lapses = m.Made.Add(life)
	}
	k.Masters = append([]master{m}, k.Masters...)
	return true
}

// A macKey is the key of codes that is derived from a master.
type macKey struct {
	id  string // of the master
	key []byte
}

// openMasters derives the keys of all masters.
func (r *ring) openMasters(k *keyring) error {
	if len(k.Masters) == 0 {
		return fmt.Errorf("%w: keyring of pool %s: no master key", store.ErrCorrupt, k.Pool)
	}
	for _, secret := range [][]byte{k.Decoy, k.Digest} {
		if len(secret) != 32 {
			return fmt.Errorf("%w: keyring of pool %s: a key has %d bytes", store.ErrCorrupt, k.Pool, len(secret))
		}
	}
	r.decoy, r.digest = k.Decoy, k.Digest
	for _, m := range k.Masters {
		if len(m.Key) != 32 {
			return fmt.Errorf("%w: keyring of pool %s: a master key has %d bytes", store.ErrCorrupt, k.Pool, len(m.Key))
		}
		state, err := m.box("challenge state")
		if err != nil {
			return err
		}
		refresh, err := m.box("refresh token")
		if err != nil {
			return err
		}
		wrapping, err := m.box("code for a sender")
		if err != nil {
			return err
		}
		r.state, r.refresh, r.wrapping = append(r.state, state), append(r.refresh, refresh), append(r.wrapping, wrapping)
		r.codes = append(r.codes, macKey{m.ID, derive(m.Key, "code")})
	}
	return nil
}

// box returns the box for one purpose.
func (m master) box(purpose string) (*token.Box, error) {
	if m.ID == "" {
		return token.NewBox(derive(m.Key, purpose))
	}
	return token.NewNamedBox(m.ID, derive(m.Key, purpose))
}

// derive derives a key for one purpose from a master key, by HKDF-Expand (RFC 5869).
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

// codeKey returns the key of codes of a master, or nil if the master is gone.
func (r *ring) codeKey(master string) []byte {
	for _, k := range r.codes {
		if k.id == master {
			return k.key
		}
	}
	return nil
}

// codeMAC returns a MAC under the key of codes of a master, or nil if the master is gone.
func (r *ring) codeMAC(master string, parts ...string) []byte {
	key := r.codeKey(master)
	if key == nil {
		return nil
	}
	return mac(key, parts...)
}

// sameMAC compares two MACs. One that is missing is the same as none.
func sameMAC(a, b []byte) bool { return len(a) > 0 && len(b) > 0 && equal(a, b) }

// sealedLife is how long anything that is sealed now may be valid, by the present
// settings of the pool's app clients.
func (e *Engine) sealedLife(ctx context.Context, pool string) (life time.Duration, err error) {
	err = e.store.View(ctx, func(r store.Reader) error {
		life = max(confirmCodeLife, verifyCodeLife)
		var refs []store.Ref
		for key, err := range clients.ScanIndex(r, clientsByPool, store.Prefix(pool)) {
			if err != nil {
				return err
			}
			refs = append(refs, clients.Ref(key))
		}
		values, err := r.Get(refs...)
		if err != nil {
			return err
		}
		for _, value := range values {
			c, err := clients.Decode(value)
			if err != nil {
				return err
			}
			life = max(life, c.Settings.RefreshTokenLife(), c.Settings.SessionLife())
		}
		return nil
	})
	return life + clockSlack, err
}

// dropLapsed removes the masters that have lapsed, in all pools.
func (e *Engine) dropLapsed(ctx context.Context) error {
	now := e.now()
	var due []*keyring
	err := e.store.View(ctx, func(r store.Reader) error {
		due = nil
		for k, err := range keyrings.Scan(r, store.Range{}) {
			if err != nil {
				return err
			}
			if slices.ContainsFunc(k.Masters, func(m master) bool { return m.due(now) }) {
				due = append(due, k)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, k := range due {
		if err := e.dropLapsedOf(ctx, k, now); err != nil {
			return fmt.Errorf("remove lapsed master keys of pool %s: %w", k.Pool, err)
		}
	}
	return nil
}

// due reports whether a master lapses now, unless a sign-in is left.
func (m master) due(now time.Time) bool { return !m.Lapses.IsZero() && !m.Lapses.After(now) }

// dropLapsedOf removes the masters of a pool that have lapsed. A master that is
// needed longer than was thought stays until then.
func (e *Engine) dropLapsedOf(ctx context.Context, k *keyring, now time.Time) error {
	needed, err := e.neededUntil(ctx, k, now)
	if err != nil {
		return err
	}
	dropped := 0
	_, err = e.changeRing(ctx, &PoolInfo{ID: k.Pool}, func(k *keyring) (changed bool, _ *Event) {
		kept := k.Masters[:0]
		dropped = 0
		for _, m := range k.Masters {
			until, asked := needed[m.ID]
			switch {
			case !asked || !m.due(now):
			case until.After(now):
				m.Lapses, changed = until, true
			default:
				dropped++
				continue
			}
			kept = append(kept, m)
		}
		k.Masters = kept
		return changed || dropped > 0, nil
	})
	if errors.Is(err, ErrPoolNotFound) { // the pool is deleted and not yet swept
		return nil
	}
	if err == nil && dropped > 0 {
		e.log.InfoContext(ctx, "lapsed master keys removed", "pool", k.Pool, "count", dropped)
	}
	return err
}

// neededUntil returns, for each master that is due, when the last of the sign-ins ends that
// began while it sealed. It reads all sign-ins of the pool, sweepBatch at a time.
func (e *Engine) neededUntil(ctx context.Context, k *keyring, now time.Time) (map[string]time.Time, error) {
	needed := map[string]time.Time{}
	sealedUntil := map[string]time.Time{}
	for i, m := range k.Masters {
		if i > 0 && m.due(now) {
			needed[m.ID], sealedUntil[m.ID] = time.Time{}, k.Masters[i-1].Made.Add(clockSlack)
		}
	}
	rng := store.Prefix(k.Pool)
	for {
		batch, err := batchOf(ctx, e.store, families, rng)
		if err != nil {
			return nil, err
		}
		for _, f := range batch {
			for id, end := range sealedUntil {
				if !f.AuthTime.After(end) {
					needed[id] = later(needed[id], f.Expires.Add(clockSlack))
				}
			}
		}
		if len(batch) < sweepBatch {
			return needed, nil
		}
		rng.From = families.Key(batch[len(batch)-1]) + "\x00"
	}
}
