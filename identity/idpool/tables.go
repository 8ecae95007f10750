package idpool

import (
	"time"

	"github.com/cognate-id/cognate/identity/idpool/sts"
	"github.com/cognate-id/cognate/store"
)

// The tables. An identity has its logins in its record, and two unique indexes find it by
// them: so a login belongs to one identity at most, whoever writes at the same time.

var (
	poolRecords = &store.Table[Pool]{
		Name: "identitypools", Key: func(p *Pool) string { return store.Key(p.ID) },
		Owner: store.OwnedByEngine,
	}

	// A tombstone says that a pool was deleted, and that its identities are still there.
	tombstones = &store.Table[tombstone]{
		Name: "identitypooltombstones", Key: func(t *tombstone) string { return store.Key(t.Pool) },
		Owner: store.OwnedByEngine,
	}

	identities = &store.Table[record]{
		Name: "poolidentities", Key: func(r *record) string { return store.Key(r.ID) },
		Owner:   store.OwnedByEngine,
		Expires: func(r *record) time.Time { return r.Expires },
		Indexes: []*store.Index[record]{identitiesByPool, identitiesByLogin, identitiesByDeveloper, guestsByPool},
		Refs: func(r *record) [][]store.Ref {
			return [][]store.Ref{{poolRecords.Ref(store.Key(r.Pool)), tombstones.Ref(store.Key(r.Pool))}}
		},
	}
	identitiesByPool = &store.Index[record]{Name: "pool", Keys: func(r *record) []string {
		return []string{store.Key(r.Pool)} // the entries are sorted by the id, which follows
	}}
	identitiesByLogin = &store.Index[record]{Name: "logins", Unique: true, Keys: func(r *record) []string {
		var keys []string
		for _, l := range r.Logins {
			keys = append(keys, store.Key(r.Pool, l.Provider, l.Subject))
		}
		return keys
	}}
	identitiesByDeveloper = &store.Index[record]{Name: "developer", Unique: true, Keys: func(r *record) []string {
		var keys []string
		for _, user := range r.Developer {
			keys = append(keys, store.Key(r.Pool, user))
		}
		return keys
	}}
	// guestsByPool counts what strangers can make.
	guestsByPool = &store.Index[record]{Name: "guests", Keys: func(r *record) []string {
		if !r.loose() {
			return nil
		}
		return []string{store.Key(r.Pool)}
	}}

	keyRecords = &store.Table[keyRecord]{
		Name: "identitykeys", Secret: true, Key: func(k *keyRecord) string { return store.Key(k.Region) },
		Owner: store.OwnedByEngine,
	}

	providerRecords = &store.Table[Provider]{
		Name: "iamproviders", Key: func(p *Provider) string { return store.Key(p.ARN) },
		Owner: store.OwnedByEngine,
	}
)

type tombstone struct {
	Pool    string    `json:"pool"`
	Deleted time.Time `json:"deleted"`
}

// Tables returns the tables of identity pools, and those of package sts. Add them to the catalog of the store:
// identity.Tables().With(idpool.Tables()...).
func Tables() []store.AnyTable {
	return append([]store.AnyTable{poolRecords, tombstones, identities, keyRecords, providerRecords}, sts.Tables()...)
}

// A record is an identity as it is stored.
type record struct {
	ID   string `json:"id"`
	Pool string `json:"pool"`
	// Logins are the public ones, in the order in which they were linked.
	Logins []login `json:"logins,omitempty"`
	// Developer are the developer's names of the user.
	Developer []string  `json:"developer,omitempty"`
	Created   time.Time `json:"created"`
	Modified  time.Time `json:"modified"`
	// Guest says that there never was a login.
	Guest bool `json:"guest,omitempty"`
	// Parent is the identity that this one was merged into, which disables this one.
	Parent string `json:"parent,omitempty"`
	// NotBefore revokes what was issued until then.
	NotBefore time.Time `json:"notBefore,omitzero"`
	// Expires is when an identity without logins goes, unless it is used. Zero means never.
	Expires time.Time `json:"expires,omitzero"`
}

// A login is a user of a provider.
type login struct {
	Provider string `json:"provider"` // the name that the service has for it
	Subject  string `json:"subject"`
}

// loose reports whether nobody can prove to be the identity.
func (r *record) loose() bool { return len(r.Logins) == 0 && len(r.Developer) == 0 }

// revoked reports whether what was issued to the identity at a time was revoked since, for the identity or for its pool.
func (r *record) revoked(p *Pool, issued time.Time) bool {
	return !issued.After(r.NotBefore) || !issued.After(p.NotBefore)
}

func (r *record) disabled() bool { return r.Parent != "" }
