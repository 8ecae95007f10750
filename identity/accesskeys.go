package identity

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/store"
)

// Create and Revoke make their values and their event first, and then write
// the access key and the event in one transaction. List, Find and Secret only
// read. Used writes at most once an hour for each key.

// AccessKeys are the keys that operators sign their requests with. They belong
// to the whole engine, not to a pool.
type AccessKeys struct{ engine *Engine }

// An AccessKey is the access key of an operator, without its secret.
type AccessKey struct {
	ID      string    // 20 characters, such as AKIA…
	Name    string    // a label for people
	Created time.Time // when it was made
	// LastUsed is when the key last signed a request that was accepted. It may be an
	// hour too early. It is zero if the key was never used.
	LastUsed time.Time
	AccessKeyOptions
}

// AccessKeyOptions say what an access key is good for. The zero value is a key
// for everything that never expires.
type AccessKeyOptions struct {
	// Role says which operations the key may call. Defaults to RoleOwner.
	Role AccessRole `json:"role,omitempty"`
	// Expires is when the key ends. Defaults to never.
	Expires time.Time `json:"expires,omitzero"`
	// Pools are the ids of the user pools and identity pools that the key is good for. Such
	// a key makes no pools. Defaults to all pools.
	Pools []string `json:"pools,omitempty"`
	// Regions are the regions of pools that the key is good for, such as
	// us-east-1. Defaults to all regions.
	Regions []string `json:"regions,omitempty"`
}

// An AccessRole says which operations an access key may call. Each role may call
// what the roles below it may.
type AccessRole string

// The roles, from the highest to the lowest. The wire package has the table of
// the operations of each role.
const (
	RoleOwner    AccessRole = "owner"    // all operations
	RoleOperator AccessRole = "operator" // users, groups and their sign-ins; not settings of pools and app clients
	RoleSupport  AccessRole = "support"  // help for users who cannot sign in, without setting passwords or addresses
	RoleAuditor  AccessRole = "auditor"  // reads; sees no secret
)

// AccessRoles returns all roles, from the lowest to the highest.
func AccessRoles() []AccessRole {
	return []AccessRole{RoleAuditor, RoleSupport, RoleOperator, RoleOwner}
}

// Includes reports whether a key with role r may call what role least may. An
// unknown role includes nothing.
func (r AccessRole) Includes(least AccessRole) bool {
	all := AccessRoles()
	i, j := slices.Index(all, r), slices.Index(all, least)
	return i >= 0 && j >= 0 && i >= j
}

// AllowsPool reports whether the key is good for a user pool or an identity pool. The region
// of a pool is the part of its id before the underscore, or before the colon.
func (o *AccessKeyOptions) AllowsPool(id string) bool {
	region, _, _ := strings.Cut(strings.Replace(id, ":", "_", 1), "_")
	return o.AllowsRegion(region) && (len(o.Pools) == 0 || slices.Contains(o.Pools, id))
}

// AllowsRegion reports whether the key is good for a region.
func (o *AccessKeyOptions) AllowsRegion(region string) bool {
	return len(o.Regions) == 0 || slices.Contains(o.Regions, region)
}

// Expired reports whether the key has ended.
func (o *AccessKeyOptions) Expired(now time.Time) bool {
	return !o.Expires.IsZero() && !now.Before(o.Expires)
}

// AccessKeys returns a handle on the access keys.
func (e *Engine) AccessKeys() AccessKeys { return AccessKeys{e} }

const (
	upper32   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	secretSet = alnum62 + "+/"
)

// Create makes an access key and returns it with its secret. Keep the secret:
// it is what requests are signed with. [AccessKeys.List] does not show it. A nil o
// is a pointer to the zero value: a key for everything.
func (a AccessKeys) Create(ctx context.Context, name string, o *AccessKeyOptions) (*AccessKey, Secret, error) {
	good, err := a.checked(o)
	if err != nil {
		return nil, "", err
	}
	id, err := random(rand.Reader, upper32, 16)
	if err != nil {
		return nil, "", err
	}
	secret, err := random(rand.Reader, secretSet, 40)
	if err != nil {
		return nil, "", err
	}
	k := &accessKey{ID: "AKIA" + id, Name: name, Secret: secret, Created: a.engine.now(), AccessKeyOptions: *good}
	ev, err := a.happened(ctx, EventAccessKeyCreated, k.ID, k.Created)
	if err != nil {
		return nil, "", err
	}
	err = a.engine.store.Update(ctx, func(tx store.Tx) error {
		if err := accessKeys.Insert(tx, k); err != nil {
			return err
		}
		return events.Insert(tx, ev.with(dataName, name).with(dataRole, string(good.Role)))
	})
	if err != nil {
		return nil, "", fmt.Errorf("create access key: %w", err)
	}
	return k.public(), Secret(secret), nil
}

// checked returns the options with their defaults, or an error if one is invalid.
func (a AccessKeys) checked(o *AccessKeyOptions) (*AccessKeyOptions, error) {
	if o == nil {
		o = &AccessKeyOptions{}
	}
	good := AccessKeyOptions{cmp.Or(o.Role, RoleOwner), o.Expires, slices.Clone(o.Pools), slices.Clone(o.Regions)}
	switch {
	case !slices.Contains(AccessRoles(), good.Role):
		return nil, invalid("role", "must be owner, operator, support or auditor")
	case good.Expired(a.engine.now()):
		return nil, invalid("expires", "must be in the future")
	}
	for _, pool := range good.Pools {
		if !good.AllowsPool(pool) {
			return nil, invalid("pools", "must be in one of the regions")
		}
	}
	return &good, nil
}

// happened makes the event of a change to an access key. The event belongs to
// the engine, because access keys belong to no pool.
func (a AccessKeys) happened(ctx context.Context, kind EventKind, id string, now time.Time) (*Event, error) {
	return a.engine.event(ctx, Event{Kind: kind, Time: now, Actor: Actor{Kind: ActorProgram}, Subject: Subject{SubjectAccessKey, id}})
}

// public returns the key without its secret. Keys of earlier versions have no role.
func (k *accessKey) public() *AccessKey {
	o := k.AccessKeyOptions
	o.Role = cmp.Or(o.Role, RoleOwner)
	return &AccessKey{k.ID, k.Name, k.Created, k.LastUsed, o}
}

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

// Secret returns the secret of an access key. ok reports whether the key exists and
// has not expired.
func (a AccessKeys) Secret(ctx context.Context, id string) (secret Secret, ok bool, err error) {
	k, secret, err := a.Find(ctx, id)
	return secret, k != nil, err
}

// Find returns an access key with its secret, or nil if there is no such key or if
// it has expired.
func (a AccessKeys) Find(ctx context.Context, id string) (found *AccessKey, secret Secret, err error) {
	if len(id) > 128 {
		return nil, "", nil
	}
	err = a.engine.store.View(ctx, func(r store.Reader) error {
		found, secret = nil, ""
		k, err := accessKeys.Get(r, store.Key(id))
		if errors.Is(err, store.ErrNotFound) || err == nil && k.Expired(a.engine.now()) {
			return nil
		}
		if err == nil {
			found, secret = k.public(), Secret(k.Secret)
		}
		return err
	})
	return found, secret, err
}

// usedEvery is how exact the time of the last use of an access key is. Each request
// would be a commit otherwise.
const usedEvery = time.Hour

// Used notes that a key, which [AccessKeys.Find] has returned, has signed a request.
func (a AccessKeys) Used(ctx context.Context, k *AccessKey) error {
	now := a.engine.now()
	if now.Sub(k.LastUsed) < usedEvery {
		return nil
	}
	return a.engine.store.Update(ctx, func(tx store.Tx) error {
		stored, err := accessKeys.Get(tx, store.Key(k.ID))
		if errors.Is(err, store.ErrNotFound) { // revoked meanwhile
			return nil
		}
		if err != nil || now.Sub(stored.LastUsed) < usedEvery {
			return err
		}
		stored.LastUsed = now
		return accessKeys.Put(tx, stored)
	})
}
