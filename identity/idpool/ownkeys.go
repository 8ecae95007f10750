package idpool

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/token"
)

// The keys that sign open ID tokens. Each region has its own, apart from those of user pools. The first is made when a token first
// needs it. A new one signs at once: verifiers find a key that they do not know by its id. The one before stays
// published for as long as its tokens can be valid.

// A keyRecord has the signing keys of a region, the newest last.
type keyRecord struct {
	Region string      `json:"region"`
	Next   int         `json:"next"` // the number of the next key
	Keys   []storedKey `json:"keys"`
}

// A storedKey is a signing key as a private JWK.
type storedKey struct {
	Key    []byte    `json:"key"`
	Retire time.Time `json:"retire,omitzero"` // when nothing that it signed is valid any more; zero for the present key
}

// ownKeys keeps the keys that were read last.
type ownKeys struct {
	cache *store.Cache[keyRecord]

	mu     sync.Mutex
	opened map[*keyRecord][]*token.Key
}

// maxTokenLife is the longest life of an open ID token.
const maxTokenLife = 24 * time.Hour

// open parses the keys of a record, once for each record.
func (o *ownKeys) open(rec *keyRecord) ([]*token.Key, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if keys, ok := o.opened[rec]; ok {
		return keys, nil
	}
	keys := make([]*token.Key, len(rec.Keys))
	for i, k := range rec.Keys {
		var err error
		if keys[i], err = token.ParsePrivate(k.Key); err != nil {
			return nil, fmt.Errorf("key of identity pools in %s: %w", rec.Region, err)
		}
	}
	if o.opened == nil || len(o.opened) >= regionCache {
		o.opened = map[*keyRecord][]*token.Key{}
	}
	o.opened[rec] = keys
	return keys, nil
}

// keyring reads the keys of a region. rec is nil if there are none.
func (s *Service) keyring(ctx context.Context, region string) (rec *keyRecord, err error) {
	err = s.store.View(ctx, func(r store.Reader) error {
		values, err := r.Get(keyRecords.Ref(store.Key(region)))
		if err != nil || values[0] == nil {
			rec = nil
			return err
		}
		rec, err = s.own.cache.Decode(store.Key(region), values[0])
		return err
	})
	return rec, err
}

// signer returns the key that signs in a region now, and makes the first.
func (s *Service) signer(ctx context.Context, region string) (*token.Key, error) {
	rec, err := s.keyring(ctx, region)
	if err != nil {
		return nil, err
	}
	if rec == nil || len(rec.Keys) == 0 {
		if err := s.newKey(ctx, region, false); err != nil {
			return nil, err
		}
		if rec, err = s.keyring(ctx, region); err != nil {
			return nil, err
		}
	}
	if rec == nil || len(rec.Keys) == 0 {
		return nil, errors.New("idpool: no signing key")
	}
	keys, err := s.own.open(rec)
	if err != nil {
		return nil, err
	}
	return keys[len(keys)-1], nil
}

// RotateKey makes a new key that signs open ID tokens of a region. Tokens of the key before stay valid.
func (s *Service) RotateKey(ctx context.Context, region string) error {
	return s.newKey(ctx, region, true)
}

// newKey makes a key and writes it. Unless it replaces one, it leaves a key that is there alone.
func (s *Service) newKey(ctx context.Context, region string, replaces bool) error {
	made, err := token.GenerateKey(token.RS512)
	if err != nil {
		return err
	}
	ev, err := s.engine.NewEvent(ctx, identity.Event{Kind: EventSigningKeyCreated, Actor: identity.Actor{Kind: identity.ActorEngine}, Subject: identity.Subject{Kind: identity.SubjectKey, ID: region}})
	if err != nil {
		return err
	}
	now := s.now()
	return s.store.Update(ctx, func(tx store.Tx) error {
		rec, err := keyRecords.Get(tx, store.Key(region))
		if errors.Is(err, store.ErrNotFound) {
			rec, err = &keyRecord{Region: region, Next: 1}, nil
		}
		if err != nil {
			return err
		}
		if len(rec.Keys) > 0 && !replaces {
			return nil
		}
		next := &keyRecord{Region: region, Next: rec.Next + 1}
		for _, k := range rec.Keys {
			if k.Retire.IsZero() {
				k.Retire = now.Add(maxTokenLife)
			}
			if now.Before(k.Retire) {
				next.Keys = append(next.Keys, k)
			}
		}
		named, err := made.Named(fmt.Sprintf("%s-%d", region, rec.Next)) // as us-east-1-7
		if err != nil {
			return err
		}
		private, err := named.MarshalPrivate()
		if err != nil {
			return err
		}
		next.Keys = append(next.Keys, storedKey{Key: private})
		if err := keyRecords.Put(tx, next); err != nil {
			return err
		}
		return identity.InsertEvent(tx, ev)
	})
}

// Keys returns the public keys that verify open ID tokens of a region, or of all regions if it is empty.
func (s *Service) Keys(ctx context.Context, region string) (token.Set, error) {
	now := s.now()
	var all []*keyRecord
	err := s.store.View(ctx, func(r store.Reader) error {
		all = nil
		for rec, err := range keyRecords.Scan(r, store.Range{}) {
			if err != nil {
				return err
			}
			if region == "" || rec.Region == region {
				all = append(all, rec)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out token.Set
	for _, rec := range all {
		for _, k := range rec.Keys {
			if !k.Retire.IsZero() && !now.Before(k.Retire) {
				continue
			}
			key, err := token.ParsePrivate(k.Key)
			if err != nil {
				return nil, fmt.Errorf("key of identity pools in %s: %w", rec.Region, err)
			}
			out = append(out, key.Public())
		}
	}
	return out, nil
}
