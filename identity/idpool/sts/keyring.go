package sts

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/token"
)

// The newest key seals session tokens, and each key opens what names it. A key lapses when nothing
// that it has sealed can be valid any more: after the longest session, and an hour for clocks that
// differ.
const (
	keyLife  = 30 * 24 * time.Hour // after which RotateKeys makes another
	lapse    = MaxMaxSession + time.Hour
	maxKeys  = 8
	ringName = "temporary"
)

// A keyRing is the keys of temporary credentials.
type keyRing struct {
	Name string      `json:"name"`
	Keys []masterKey `json:"keys"` // newest first

	once   sync.Once
	opened []*openKey
	err    error
}

// A masterKey is a key that others are derived from.
type masterKey struct {
	ID     string    `json:"id"`  // 8 letters and digits
	Key    []byte    `json:"key"` // 32 bytes
	Made   time.Time `json:"made"`
	Lapses time.Time `json:"lapses,omitzero"` // zero for the newest
}

// keyRings: the one ring of keys, from which credentials are derived.
var keyRings = &store.Table[keyRing]{
	Name: "stskeys", Secret: true, Key: func(k *keyRing) string { return store.Key(k.Name) }, Owner: store.OwnedByEngine,
}

// An openKey is what is derived from a master key.
type openKey struct {
	id     string
	box    *token.Box
	secret []byte // derives the secrets of access keys
}

func newMaster(now time.Time) masterKey {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never returns an error: a failure ends the process
	return masterKey{ID: rand.Text()[:8], Key: key, Made: now}
}

func (m *masterKey) open() (*openKey, error) {
	if len(m.Key) != 32 {
		return nil, fmt.Errorf("key %s has %d bytes", m.ID, len(m.Key))
	}
	sealing, err := hkdf.Key(sha256.New, m.Key, nil, "session token", 32)
	if err != nil {
		return nil, err
	}
	secret, err := hkdf.Key(sha256.New, m.Key, nil, "temporary secret key", 32)
	if err != nil {
		return nil, err
	}
	box, err := token.NewNamedBox(m.ID, sealing)
	return &openKey{m.ID, box, secret}, err
}

// read derives the keys of a ring, once.
func (k *keyRing) read() ([]*openKey, error) {
	k.once.Do(func() {
		for i := range k.Keys {
			o, err := k.Keys[i].open()
			if err != nil {
				k.err = err
				return
			}
			k.opened = append(k.opened, o)
		}
	})
	if k.err != nil || len(k.opened) == 0 {
		return nil, fmt.Errorf("keys of temporary credentials: %w: %w", store.ErrCorrupt, orNone(k.err))
	}
	return k.opened, nil
}

func orNone(err error) error {
	if err == nil {
		return errors.New("there is no key")
	}
	return err
}

// secretKey is the secret of an access key, 40 characters.
func (o *openKey) secretKey(accessKey string) Secret {
	mac := hmac.New(sha256.New, o.secret)
	mac.Write([]byte(accessKey))
	return Secret(base64.StdEncoding.EncodeToString(mac.Sum(nil)[:30]))
}

func boxes(keys []*openKey) token.Boxes {
	out := make(token.Boxes, len(keys))
	for i, k := range keys {
		out[i] = k.box
	}
	return out
}

// RotateKeys makes another key if the newest is a month old, and removes keys that nothing good is
// sealed with. Run it as a job, once a day or more often. With force, it makes another key at once.
func (s *Service) RotateKeys(ctx context.Context, force bool) error {
	now := s.now()
	next := newMaster(now)
	return s.store.Update(ctx, func(tx store.Tx) error {
		k, err := keyRings.Get(tx, store.Key(ringName))
		if errors.Is(err, store.ErrNotFound) {
			return nil // the first credentials make it
		}
		if err != nil {
			return err
		}
		before := len(k.Keys)
		k.Keys = slices.DeleteFunc(k.Keys, func(m masterKey) bool { return !m.Lapses.IsZero() && !now.Before(m.Lapses) })
		old := len(k.Keys) > 0 && now.Sub(k.Keys[0].Made) >= keyLife
		if (old || force) && len(k.Keys) < maxKeys {
			k.Keys[0].Lapses = now.Add(lapse)
			k.Keys = append([]masterKey{next}, k.Keys...)
		} else if len(k.Keys) == before {
			return nil
		}
		return keyRings.Put(tx, k)
	})
}

// firstKey makes the ring, unless there is one. If several are made at once, the first that commits
// wins and all use it.
func (s *Service) firstKey(ctx context.Context) error {
	first := newMaster(s.now())
	err := s.store.Update(ctx, func(tx store.Tx) error {
		return keyRings.Insert(tx, &keyRing{Name: ringName, Keys: []masterKey{first}})
	})
	if errors.Is(err, store.ErrExists) {
		return nil
	}
	return err
}

// load reads the keys and a role in one round trip. The keys are nil if there are none yet, and the role is nil if
// it is not there.
func (s *Service) load(ctx context.Context, arn string) (keys []*openKey, role *compiled, err error) {
	refs := []store.Ref{keyRings.Ref(store.Key(ringName))}
	fixed := s.roles[arn]
	if fixed == nil && ValidRoleARN(arn) {
		refs = append(refs, roles.Ref(store.Key(arn)))
	}
	err = s.store.View(ctx, func(r store.Reader) error {
		keys, role = nil, fixed
		values, err := r.Get(refs...)
		if err != nil {
			return err
		}
		ring, err := s.rings.Decode(refs[0].Key, values[0])
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return err
		default:
			if keys, err = ring.read(); err != nil {
				return err
			}
		}
		if len(refs) == 1 {
			return nil
		}
		rec, err := s.cached.Decode(refs[1].Key, values[1])
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		role, err = rec.read()
		return err
	})
	return keys, role, err
}
