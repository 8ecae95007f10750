package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"
	"unicode/utf8"

	"github.com/cognate-id/cognate/identity/settings"
	"github.com/cognate-id/cognate/store"
)

// Create, Update and Delete check their input and make the event first. Then
// one transaction checks that the pool exists, writes the group and inserts the
// event. Members keep the id of their group in the user's record. Delete
// therefore leaves a tombstone, and the sweep takes the id out of the records of
// the members, in several transactions, before it deletes the tombstone.

// Groups has what an operator may do with the groups of a pool. To change who is
// in a group, call [Users.AddToGroup] and [Users.RemoveFromGroup].
type Groups struct{ admin *Admin }

// Groups returns a handle on the groups of the pool.
func (a *Admin) Groups() Groups { return Groups{a} }

// GroupSettings are the settings of a group. All except the name may be nil.
type GroupSettings struct {
	// Name has 1 to 128 characters and no white space. Case counts. It never changes.
	Name string
	// Description has at most 2,048 characters.
	Description *string
	// RoleARN is the ARN of a role that members may assume. It appears in the
	// claims cognito:roles and cognito:preferred_role, and has at most 2,048
	// characters.
	RoleARN *string
	// Precedence orders the groups in tokens: the lowest comes first, and its role
	// is the preferred one. It is 0 to 2^31-1. Groups without a precedence come last.
	Precedence *int
}

// check returns an error if a setting other than the name is invalid.
func (s *GroupSettings) check() error {
	switch {
	case s.Description != nil && utf8.RuneCountInString(*s.Description) > 2048:
		return invalid("Description", "The description of a group must have at most 2048 characters.")
	case s.RoleARN != nil && utf8.RuneCountInString(*s.RoleARN) > 2048:
		return invalid("RoleArn", "The ARN of a role must have at most 2048 characters.")
	case s.Precedence != nil && (*s.Precedence < 0 || *s.Precedence > math.MaxInt32):
		return invalid("Precedence", "The precedence of a group must be between 0 and 2147483647.")
	}
	return nil
}

func checkGroupName(name string) error {
	if n := utf8.RuneCountInString(name); n == 0 || n > 128 || !settings.Printable(name) {
		return invalid("GroupName", "The name of a group must have 1 to 128 characters and no white space.")
	}
	return nil
}

// set changes the settings that are not nil.
func (g *Group) set(s *GroupSettings, now time.Time) {
	if s.Description != nil {
		g.Description = s.Description
	}
	if s.RoleARN != nil {
		g.RoleARN = s.RoleARN
	}
	if s.Precedence != nil {
		g.Precedence = s.Precedence
	}
	g.Modified = now
}

// Create makes a group without members. It returns [ErrGroupExists] if the name
// is taken, and [ErrQuotaExceeded] if the pool has as many groups as it may have.
func (gs Groups) Create(ctx context.Context, settings GroupSettings) (*Group, error) {
	g, err := gs.admin.createGroup(ctx, &settings)
	if err != nil {
		return nil, fmt.Errorf("create group: %w", err)
	}
	return g, nil
}

func (a *Admin) createGroup(ctx context.Context, s *GroupSettings) (*Group, error) {
	if err := cmp.Or(checkGroupName(s.Name), s.check()); err != nil {
		return nil, err
	}
	e := a.engine
	if err := e.checkLimit(ctx, "groups", e.quotas.Groups, serviceQuotas.Groups, groups.Name, store.Prefix(a.pool)); err != nil {
		return nil, err
	}
	id, err := e.uuid()
	if err != nil {
		return nil, err
	}
	now := e.now()
	g := &Group{Pool: a.pool, ID: id, Name: s.Name, Created: now}
	g.set(s, now)
	ev, err := a.happened(ctx, EventGroupCreated, Subject{SubjectGroup, id}, now)
	if err != nil {
		return nil, err
	}
	err = e.store.Update(ctx, func(tx store.Tx) error {
		if err := a.exists(tx); err != nil {
			return err
		}
		if err := groups.Insert(tx, g); err != nil {
			return err
		}
		return events.Insert(tx, ev.with(dataName, g.Name))
	})
	if errors.Is(err, store.ErrExists) {
		err = &GroupError{ErrGroupExists, s.Name}
	}
	return g, err
}

// exists returns [ErrPoolNotFound] if the pool does not exist.
func (a *Admin) exists(r store.Reader) error {
	values, err := r.Get(pools.Ref(store.Key(a.pool)))
	if err != nil {
		return err
	}
	_, err = a.engine.decodePool(a.pool, values[0])
	return err
}

// Get returns a group by its name, or [ErrGroupNotFound].
func (gs Groups) Get(ctx context.Context, name string) (*Group, error) {
	var g *Group
	err := gs.admin.engine.store.View(ctx, func(r store.Reader) (err error) {
		g, err = gs.admin.group(r, name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("get group: %w", err)
	}
	return g, nil
}

// group reads the pool, and finds a group of it by name.
func (a *Admin) group(r store.Reader, name string) (*Group, error) {
	values, err := r.Get(pools.Ref(store.Key(a.pool)), groups.IndexRef(groupsByName, nameKey(a.pool, name)))
	if err != nil {
		return nil, err
	}
	if _, err := a.engine.decodePool(a.pool, values[0]); err != nil {
		return nil, err
	}
	if values[1] == nil {
		return nil, &NotFoundError{ErrGroupNotFound, name}
	}
	key, err := groups.DecodeIndex(groupsByName, values[1])
	if err != nil {
		return nil, err
	}
	return groups.Get(r, key)
}

// Update changes the settings of a group that are not nil, and returns the group
// as it is stored then. settings.Name must be empty or the name of the group,
// because a group cannot be renamed. Update returns [ErrGroupNotFound] if there
// is no such group.
func (gs Groups) Update(ctx context.Context, name string, settings GroupSettings) (*Group, error) {
	g, err := gs.admin.updateGroup(ctx, name, &settings)
	if err != nil {
		return nil, fmt.Errorf("update group: %w", err)
	}
	return g, nil
}

func (a *Admin) updateGroup(ctx context.Context, name string, s *GroupSettings) (*Group, error) {
	if s.Name != "" && s.Name != name {
		return nil, invalid("GroupName", "A group cannot be renamed.")
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	now := a.engine.now()
	ev, err := a.happened(ctx, EventGroupChanged, Subject{}, now)
	if err != nil {
		return nil, err
	}
	var g *Group
	err = a.engine.store.Update(ctx, func(tx store.Tx) (err error) {
		if g, err = a.group(tx, name); err != nil {
			return err
		}
		g.set(s, now)
		if err := groups.Put(tx, g); err != nil {
			return err
		}
		return events.Insert(tx, ev.of(Subject{SubjectGroup, g.ID}).with(dataName, g.Name))
	})
	return g, err
}

// Delete removes a group and its rules. From then on no user is a member of it. A new group
// with the same name has no members.
func (gs Groups) Delete(ctx context.Context, name string) error {
	ev, err := gs.admin.happened(ctx, EventGroupDeleted, Subject{}, gs.admin.engine.now())
	if err != nil {
		return err
	}
	err = gs.admin.engine.store.Update(ctx, func(tx store.Tx) error {
		g, err := gs.admin.group(tx, name)
		if err != nil {
			return err
		}
		if _, err := groups.Delete(tx, groups.Key(g)); err != nil {
			return err
		}
		if err := gs.admin.dropRules(tx, g); err != nil {
			return err
		}
		if err := groupTombstones.Insert(tx, &groupTombstone{Pool: g.Pool, ID: g.ID}); err != nil {
			return err
		}
		return events.Insert(tx, ev.of(Subject{SubjectGroup, g.ID}).with(dataName, g.Name))
	})
	if err != nil {
		return fmt.Errorf("delete group: %w", err)
	}
	return nil
}

// sweepGroups takes deleted groups out of the records of their members, and then
// deletes their tombstones. It returns how many tombstones it deleted.
func (e *Engine) sweepGroups(ctx context.Context) (int, error) {
	dead, err := firstOf(ctx, e.store, groupTombstones)
	if err != nil {
		return 0, err
	}
	for i, g := range dead {
		for more := true; more; {
			if more, err = e.disband(ctx, g); err != nil {
				return i, fmt.Errorf("remove what is left of group %s: %w", g.ID, err)
			}
		}
	}
	return len(dead), nil
}

// sweepSize is about how many bytes of records one transaction of a sweep rewrites.
const sweepSize = 2 << 20

// disband takes a deleted group out of the records of some of its members, in
// one transaction, and reports whether there may be more members. If it finds
// none, it deletes the tombstone of the group.
func (e *Engine) disband(ctx context.Context, g *groupTombstone) (more bool, err error) {
	err = e.store.Update(ctx, func(tx store.Tx) error {
		n, size := 0, 0
		rng := store.Prefix(g.Pool, g.ID)
		rng.Limit = sweepBatch
		for key, err := range users.ScanIndex(tx, usersByGroup, rng) {
			if err != nil {
				return err
			}
			values, err := tx.Get(users.Ref(key))
			if err != nil {
				return err
			}
			u, err := users.Decode(values[0])
			if err != nil {
				return err
			}
			u.leave(g.ID)
			if err := users.Put(tx, u); err != nil {
				return err
			}
			n, size = n+1, size+len(values[0])
			if size > sweepSize {
				break
			}
		}
		if more = n > 0; more {
			return nil
		}
		_, err := groupTombstones.Delete(tx, groupTombstones.Key(g))
		return err
	})
	return more, err
}

// List yields the groups of the pool, ordered by name. It begins after the name
// in after; an empty string means from the beginning. It ends after the first
// error.
func (gs Groups) List(ctx context.Context, after string) iter.Seq2[*Group, error] {
	a := gs.admin
	return batches(ctx, a.engine.store, after, func(r store.Reader, after string) ([]*Group, error) {
		if err := a.exists(r); err != nil {
			return nil, err
		}
		rng := store.Prefix(a.pool)
		if after != "" {
			rng.From = nameKey(a.pool, after) + "\x00"
		}
		return batch(r, groups, groupsByName, rng)
	}, func(g *Group) string { return g.Name })
}

// Members yields the users in a group, ordered by sub. It begins after the sub
// in after; an empty string means from the beginning. It ends after the first
// error, such as [ErrGroupNotFound], also if the group is deleted meanwhile.
func (gs Groups) Members(ctx context.Context, name, after string) iter.Seq2[*User, error] {
	a := gs.admin
	return batches(ctx, a.engine.store, after, func(r store.Reader, after string) ([]*User, error) {
		g, err := a.group(r, name)
		if err != nil {
			return nil, err
		}
		rng := store.Prefix(g.Pool, g.ID)
		if after != "" {
			rng.From += store.Key(g.Pool, after) + "\x00"
		}
		return batch(r, users, usersByGroup, rng)
	}, func(u *User) string { return u.Sub })
}
