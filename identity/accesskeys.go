package identity

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/cognate-id/cognate/store"
)

// Create and Revoke make their values and their event first, and then write
// the access key and the event in one transaction. List and Secret only read.

// AccessKeys are the keys that operators sign their requests with. They belong
// to the whole engine, not to a pool.
type AccessKeys struct{ engine *Engine }

// An AccessKey is the access key of an operator, without its secret.
type AccessKey struct {
	ID      string    // 20 characters, such as AKIA…
	Name    string    // a label for people
	Created time.Time // when it was made
}

// AccessKeys returns a handle on the access keys.
func (e *Engine) AccessKeys() AccessKeys { return AccessKeys{e} }

const (
	upper32   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	secretSet = alnum62 + "+/"
)

// Create makes an access key and returns it with its secret. Keep the secret:
// it is what requests are signed with. [AccessKeys.List] does not show it.
func (a AccessKeys) Create(ctx context.Context, name string) (*AccessKey, Secret, error) {
	id, err := random(rand.Reader, upper32, 16)
	if err != nil {
		return nil, "", err
	}
	secret, err := random(rand.Reader, secretSet, 40)
	if err != nil {
		return nil, "", err
	}
	k := &accessKey{ID: "AKIA" + id, Name: name, Secret: secret, Created: a.engine.now()}
	ev, err := a.happened(ctx, EventAccessKeyCreated, k.ID, k.Created)
	if err != nil {
		return nil, "", err
	}
	err = a.engine.store.Update(ctx, func(tx store.Tx) error {
		if err := accessKeys.Insert(tx, k); err != nil {
			return err
		}
		return events.Insert(tx, ev.with(dataName, name))
	})
	if err != nil {
		return nil, "", fmt.Errorf("create access key: %w", err)
	}
	return k.public(), Secret(secret), nil
}

// happened makes the event of a change to an access key. The event belongs to
// the engine, because access keys belong to no pool.
func (a AccessKeys) happened(ctx context.Context, kind EventKind, id string, now time.Time) (*Event, error) {
	return a.engine.event(ctx, Event{Kind: kind, Time: now, Actor: Actor{Kind: ActorProgram}, Subject: Subject{SubjectAccessKey, id}})
}

func (k *accessKey) public() *AccessKey { return &AccessKey{k.ID, k.Name, k.Created} }

// List returns the access keys, ordered by id.
func (a AccessKeys) List(ctx context.Context) ([]*AccessKey, error) {
	var out []*AccessKey
	err := a.engine.store.View(ctx, func(r store.Reader) error {
		out = nil
		for k, err := range accessKeys.Scan(r, store.Range{}) {
			if err != nil {
				return err
			}
			out = append(out, k.public())
		}
		return nil
	})
	return out, err
}

// Revoke removes an access key at once. It reports whether the key existed.
func (a AccessKeys) Revoke(ctx context.Context, id string) (was bool, err error) {
	ev, err := a.happened(ctx, EventAccessKeyRevoked, id, a.engine.now())
	if err != nil {
		return false, err
	}
	err = a.engine.store.Update(ctx, func(tx store.Tx) (err error) {
		if was, err = accessKeys.Delete(tx, store.Key(id)); err != nil || !was {
			return err
		}
		return events.Insert(tx, ev)
	})
	return was, err
}

// Secret returns the secret of an access key. ok reports whether the key exists.
func (a AccessKeys) Secret(ctx context.Context, id string) (secret Secret, ok bool, err error) {
	if len(id) > 128 {
		return "", false, nil
	}
	err = a.engine.store.View(ctx, func(r store.Reader) error {
		k, err := accessKeys.Get(r, store.Key(id))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil {
			secret, ok = Secret(k.Secret), true
		}
		return err
	})
	return secret, ok, err
}
