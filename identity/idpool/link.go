package idpool

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
)

// Linking: what becomes of the identities that the verified logins of a call belong to. link runs in a transaction.
// It reads the identities, decides which one survives, and writes that one with all logins. The
// others have none after that, and name it as their parent. The unique indexes
// make a second call at the same time conflict, and that call reads again.

// maxPublicLogins is how many public logins an identity has at most.
const maxPublicLogins = 20

// maxDeveloperUsers is how many names of a developer an identity has at most.
const maxDeveloperUsers = 20

// errGone is returned for an index entry without a record. The store is damaged then.
var errGone = errors.New("idpool: an index leads to no identity")

// owners returns the identities that logins belong to, each once, by the order of the logins.
func owners(r store.Reader, pool string, logins []login, developer string) ([]*record, error) {
	var refs []store.Ref
	for _, l := range logins {
		refs = append(refs, identities.IndexRef(identitiesByLogin, store.Key(pool, l.Provider, l.Subject)))
	}
	if developer != "" {
		refs = append(refs, identities.IndexRef(identitiesByDeveloper, store.Key(pool, developer)))
	}
	if len(refs) == 0 {
		return nil, nil
	}
	values, err := r.Get(refs...)
	if err != nil {
		return nil, err
	}
	var keys []string
	for i, v := range values {
		if v == nil {
			continue
		}
		ix := identitiesByLogin
		if i == len(logins) {
			ix = identitiesByDeveloper
		}
		key, err := identities.DecodeIndex(ix, v)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return records(r, keys)
}

// records reads identities by their keys.
func records(r store.Reader, keys []string) ([]*record, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	refs := make([]store.Ref, len(keys))
	for i, key := range keys {
		refs[i] = identities.Ref(key)
	}
	values, err := r.Get(refs...)
	if err != nil {
		return nil, err
	}
	out := make([]*record, len(values))
	for i, v := range values {
		if v == nil {
			return nil, errGone
		}
		if out[i], err = identities.Decode(v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// loginsOf are the public logins of proofs.
func loginsOf(all []*proof) []login {
	var out []login
	for _, p := range public(all) {
		out = append(out, p.login)
	}
	return out
}

// A linking is one call of link.
type linking struct {
	s         *Service
	pool      *Pool
	logins    []login
	developer string  // a developer's name of the user, or ""
	named     *record // the identity that the call names; nil for none
	made      *record // what to write if there is no identity yet
	now       time.Time
	notes     *notes
}

// notes are the events that a linking may leave, made before its transaction.
type notes struct {
	created, linked, merged *identity.Event
}

// notes makes the events. Public calls are made by nobody in particular until their logins have been verified: the
// identity acts.
func (s *Service) notes(ctx context.Context, by identity.Actor, logins []login) (*notes, error) {
	names := map[string]bool{}
	for _, l := range logins {
		names[l.Provider] = true
	}
	data := map[string]string{"providers": strings.Join(slices.Sorted(maps.Keys(names)), ",")}
	var out notes
	for kind, into := range map[identity.EventKind]**identity.Event{
		EventIdentityCreated: &out.created, EventIdentityLinked: &out.linked, EventIdentityMerged: &out.merged,
	} {
		ev, err := s.engine.NewEvent(ctx, identity.Event{Kind: kind, Actor: by, Data: data})
		if err != nil {
			return nil, err
		}
		*into = ev
	}
	return &out, nil
}

// ActorIdentity is the kind of an actor who has proved to be an identity.
const ActorIdentity identity.ActorKind = "poolIdentity"

// noted returns the event about an identity. n distinguishes the events of one call.
func noted(ev *identity.Event, id, n string, data map[string]string) *identity.Event {
	o := *ev
	o.ID += n
	o.Subject = identity.Subject{Kind: SubjectIdentity, ID: id}
	if o.Actor.Kind == ActorIdentity {
		o.Actor.ID = id
	}
	o.Data = maps.Clone(ev.Data)
	maps.Copy(o.Data, data)
	return &o
}

// link links all logins to one identity, and returns it as it is stored then.
func (l *linking) link(tx store.Tx) (*record, error) {
	found, err := owners(tx, l.pool.ID, l.logins, l.developer)
	if err != nil {
		return nil, err
	}
	keep := l.survivor(found)
	if keep == nil {
		return l.create(tx)
	}
	var merged []*record
	for _, r := range append(found, l.named) {
		if r != nil && r.ID != keep.ID && !slices.ContainsFunc(merged, func(m *record) bool { return m.ID == r.ID }) {
			merged = append(merged, r)
		}
	}
	next, err := l.union(keep, merged)
	if err != nil {
		return nil, err
	}
	if len(merged) == 0 && slices.Equal(next.Logins, keep.Logins) && slices.Equal(next.Developer, keep.Developer) {
		return keep, nil
	}
	next.Modified, next.Guest, next.Expires = l.now, false, time.Time{}
	for _, r := range merged { // before the logins move: each belongs to one identity
		if err := l.retire(tx, r, keep.ID); err != nil {
			return nil, err
		}
	}
	if err := identities.Put(tx, next); err != nil {
		return nil, err
	}
	return next, identity.InsertEvent(tx, noted(l.notes.linked, next.ID, "", nil))
}

// survivor is the identity that stays: the one that the call names, unless it is a guest and a login has an
// identity already, or else the oldest.
func (l *linking) survivor(found []*record) *record {
	if l.named != nil && (!l.named.loose() || len(found) == 0) {
		return l.named
	}
	if len(found) == 0 {
		return nil
	}
	return slices.MinFunc(found, func(a, b *record) int { return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID)) })
}

// create writes a new identity with the logins.
func (l *linking) create(tx store.Tx) (*record, error) {
	next, err := l.union(l.made, nil)
	if err != nil {
		return nil, err
	}
	next.Guest, next.Expires = false, time.Time{}
	if err := identities.Insert(tx, next); err != nil {
		return nil, err
	}
	return next, identity.InsertEvent(tx, noted(l.notes.created, next.ID, "", nil))
}

// union is an identity with the logins of the call and of those that are merged into it. It has one login
// of each provider.
func (l *linking) union(keep *record, merged []*record) (*record, error) {
	next := *keep
	next.Logins, next.Developer = slices.Clone(keep.Logins), slices.Clone(keep.Developer)
	logins, developer := slices.Clone(l.logins), []string{}
	if l.developer != "" {
		developer = append(developer, l.developer)
	}
	for _, m := range merged {
		logins, developer = append(logins, m.Logins...), append(developer, m.Developer...)
	}
	for _, add := range logins {
		i := slices.IndexFunc(next.Logins, func(have login) bool { return have.Provider == add.Provider })
		switch {
		case i < 0:
			next.Logins = append(next.Logins, add)
		case next.Logins[i] != add:
			return nil, about(ErrConflict, "The identity already has a login of %s.", add.Provider)
		}
	}
	for _, add := range developer {
		if !slices.Contains(next.Developer, add) {
			next.Developer = append(next.Developer, add)
		}
	}
	switch {
	case len(next.Logins) > maxPublicLogins:
		return nil, about(ErrConflict, "An identity has at most %d logins.", maxPublicLogins)
	case len(next.Developer) > maxDeveloperUsers:
		return nil, about(ErrConflict, "An identity has at most %d developer user identifiers.", maxDeveloperUsers)
	}
	return &next, nil
}

// retire takes the logins of an identity away, which disables it.
func (l *linking) retire(tx store.Tx, r *record, parent string) error {
	next := *r
	next.Logins, next.Developer, next.Parent, next.Modified = nil, nil, parent, l.now
	next.Expires = l.now.Add(l.pool.unusedLife())
	if err := identities.Put(tx, &next); err != nil {
		return err
	}
	return identity.InsertEvent(tx, noted(l.notes.merged, r.ID, "."+r.ID, map[string]string{"into": parent}))
}
