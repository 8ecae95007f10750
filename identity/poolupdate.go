package identity

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/cognate-id/cognate/identity/settings"
	"github.com/cognate-id/cognate/store"
)

// A change of a pool's settings makes its event, and then does all in one
// transaction: it reads the pool, lets fn change a copy, checks the copy against
// what was stored, and writes the pool and the event. So two changes at once
// cannot undo each other, and rules about two settings hold for what is stored
// together.

// Update changes the settings of the pool, and returns the pool as it is stored
// then. fn gets the stored settings and changes them in place. It must be pure,
// because it may run again. If fn returns an error, Update returns that error and
// changes nothing. Invalid settings are refused with a [*SettingError]. So is a
// change of what a pool is made with: Region, Defaults, Algorithm, Aliases,
// UsernameAttributes, CaseSensitive, and the attributes of the schema, to which
// only custom ones can be appended. The new settings apply to every call that
// begins afterwards.
func (a *Admin) Update(ctx context.Context, fn func(*PoolSettings) error) (*PoolInfo, error) {
	now := a.engine.now()
	ev, err := a.happened(ctx, EventPoolChanged, Subject{SubjectPool, a.pool}, now)
	if err != nil {
		return nil, err
	}
	var kept *PoolInfo
	err = a.engine.store.Update(ctx, func(tx store.Tx) error {
		kept = nil
		before, p, err := a.forChange(tx)
		if err != nil {
			return err
		}
		if err := fn(&p.Settings); err != nil {
			return err
		}
		if err := p.Settings.CheckChange(&before.Settings); err != nil {
			return err
		}
		if err := a.engine.checkLinks(&before.Settings, &p.Settings); err != nil {
			return err
		}
		p.Modified, kept = now, p
		if err := pools.Put(tx, p); err != nil {
			return err
		}
		was, err := membersOf(&before.Settings)
		if err != nil {
			return err
		}
		return ev.insertChanged(tx, was, &p.Settings)
	})
	if err != nil {
		return nil, fmt.Errorf("update user pool: %w", err)
	}
	return kept, nil
}

// forChange reads the pool twice: as it is, which is shared, and as a copy to change.
func (a *Admin) forChange(r store.Reader) (before, p *PoolInfo, err error) {
	values, err := r.Get(pools.Ref(store.Key(a.pool)))
	if err != nil {
		return nil, nil, err
	}
	if before, err = a.engine.decodePool(a.pool, values[0]); err != nil {
		return nil, nil, err
	}
	p, err = pools.Decode(values[0])
	return before, p, err
}

// EnsureUserPool opens the pool that was made with key, as [Engine.OpenUserPool]
// does, and brings the stored settings in line with those given, nil being the safe
// ones, and with the latest generation of safe defaults. It returns what the pool
// does otherwise now: nothing where it is new or was in line. A setting that is fixed
// when a pool is made is refused with a [*SettingError] that names it, and nothing is changed then.
func (e *Engine) EnsureUserPool(ctx context.Context, key string, given *PoolSettings) (*UserPool, []SettingChange, error) {
	p, made, err := e.openKeyed(ctx, key, given)
	if err != nil {
		return nil, nil, err
	}
	pool := e.handle(p)
	wanted := e.keyedSettings(key, given)
	if made || p.Settings.Generation == settings.LatestGeneration && len(differences(&p.Settings, wanted)) == 0 {
		return pool, nil, nil
	}
	var changes []SettingChange
	_, err = pool.Admin().Update(ctx, func(s *PoolSettings) error {
		before := *s
		*s = *wanted
		s.Generation = before.Generation
		changes = slices.Concat(settingChanges(&before, s), s.Upgrade())
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return pool, changes, nil
}

// UpgradeDefaults moves the pool to the latest generation of safe defaults, and
// returns what that changes. See [PoolSettings.Upgrade].
func (a *Admin) UpgradeDefaults(ctx context.Context) ([]SettingChange, error) {
	p, err := a.Describe(ctx)
	if err != nil {
		return nil, fmt.Errorf("upgrade defaults: %w", err)
	}
	if p.Settings.Generation == settings.LatestGeneration {
		return nil, nil
	}
	var changes []SettingChange
	_, err = a.Update(ctx, func(s *PoolSettings) error {
		changes = s.Upgrade()
		return nil
	})
	return changes, err
}

// differences are the names of the settings that differ, as they are stored.
func differences(stored, given *PoolSettings) (names []string) {
	for _, c := range settingChanges(stored, given) {
		names = append(names, c.Setting)
	}
	return names
}

// settingChanges are the settings that differ, by the names that they are stored
// under, with their JSON. The generation is left out: nobody gives one.
func settingChanges(before, after *PoolSettings) (changes []SettingChange) {
	was, errWas := membersOf(before)
	is, errIs := membersOf(after)
	if errWas != nil || errIs != nil {
		return nil // settings are data that JSON can say: they were read from it, or are written as it
	}
	names := maps.Clone(was)
	maps.Copy(names, is)
	delete(names, "generation")
	for _, name := range sortedKeys(names) {
		if from, to := was[name], is[name]; !bytes.Equal(from, to) {
			changes = append(changes, SettingChange{Setting: name, From: unsetText(from), To: unsetText(to)})
		}
	}
	return changes
}

func unsetText(value []byte) string {
	if value == nil {
		return "unset"
	}
	return string(value)
}
