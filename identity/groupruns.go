package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/store"
)

// AddRule and RemoveRule write the rules into the record of the pool and begin a run over
// its users, in one transaction. A job of Maintain does the run, or ApplyRules does: batch by batch,
// each user in a transaction of its own, with the progress in a row of grouprun. So it goes on
// after a crash, and two at once do no harm. A sign-up that had read the pool before the change may
// commit after the run has passed by. So the job runs once more, ruleSettle after the change or later.

// ruleSettle is how long after a change of the rules no call has the earlier ones any more.
const ruleSettle = time.Minute

// A groupRun is a run of the rules of a pool over its users.
type groupRun struct {
	Pool    string    `json:"pool"`
	Changed time.Time `json:"changed"` // when the rules were changed last
	Began   time.Time `json:"began,omitzero"`
	After   string    `json:"after,omitempty"` // the sub of the last user of the present run
	Users   int       `json:"users,omitempty"` // that the present or last run has looked at
	Moved   int       `json:"moved,omitempty"` // of them, those whose groups changed
	Whole   time.Time `json:"whole,omitzero"`  // when the last whole run began
}

// due reports whether a run is to begin or go on, for a job that comes by now.
func (r *groupRun) due(now time.Time) bool {
	return r.After != "" || r.Whole.Before(r.Changed) || r.Whole.Before(r.Changed.Add(ruleSettle)) && !now.Before(r.Changed.Add(ruleSettle))
}

// A RuleProgress says how far the rules of a pool have been applied to its users.
type RuleProgress struct {
	Users int  // how many users were looked at since the rules were changed
	Moved int  // of them, how many came into a group or out of one
	Done  bool // all users of the pool were looked at
}

func (r *groupRun) progress() RuleProgress {
	return RuleProgress{Users: r.Users, Moved: r.Moved, Done: r.After == "" && !r.Whole.Before(r.Changed)}
}

// AddRule has users put into a group by an attribute: from now on at each change of the attribute, and all
// users of the pool by a job of [Engine.Maintain], or by [Groups.ApplyRules]. A user whom
// the rule does not take any more leaves the group, unless somebody has put the user in by
// [Users.AddToGroup]. A user who is in as many groups as [Quotas] allow is put into no more.
// It returns the rule with its id; [ErrGroupNotFound]; [ErrQuotaExceeded] if
// the pool has 100 rules; and an error that is [ErrInvalidParameter] if the rule is invalid or the group has it already.
func (gs Groups) AddRule(ctx context.Context, rule GroupRule) (*GroupRule, error) {
	a := gs.admin
	id, err := random(a.engine.rand, lower36, 8)
	if err != nil {
		return nil, err
	}
	err = a.changeRules(ctx, EventGroupRuleAdded, func(tx store.Tx, p *PoolInfo) (*GroupRule, error) {
		g, err := a.group(tx, rule.Group)
		if err != nil {
			return nil, err
		}
		rule.ID, rule.GroupID = id, g.ID
		if err := rule.check(&p.Settings); err != nil {
			return nil, err
		}
		if len(p.GroupRules) >= maxGroupRules {
			return nil, &QuotaError{"group rules", maxGroupRules}
		}
		if slices.ContainsFunc(p.GroupRules, func(r GroupRule) bool { return r.same(&rule) }) {
			return nil, invalid("Value", "The group has this rule already.")
		}
		p.GroupRules = append(p.GroupRules, rule)
		return &rule, nil
	})
	if err != nil {
		return nil, fmt.Errorf("add group rule: %w", err)
	}
	return &rule, nil
}

// RemoveRule removes a rule by its id. Users whom it has put into its group, and no other rule
// does, leave the group as [Groups.AddRule] says. It returns [ErrGroupRuleNotFound] if there is no such rule.
func (gs Groups) RemoveRule(ctx context.Context, id string) error {
	err := gs.admin.changeRules(ctx, EventGroupRuleRemoved, func(_ store.Tx, p *PoolInfo) (*GroupRule, error) {
		i := slices.IndexFunc(p.GroupRules, func(r GroupRule) bool { return r.ID == id })
		if i < 0 {
			return nil, &NotFoundError{ErrGroupRuleNotFound, id}
		}
		rule := p.GroupRules[i]
		p.GroupRules = slices.Delete(p.GroupRules, i, i+1)
		return &rule, nil
	})
	if err != nil {
		return fmt.Errorf("remove group rule: %w", err)
	}
	return nil
}

// changeRules changes the rules of the pool and begins a run.
func (a *Admin) changeRules(ctx context.Context, kind EventKind, fn func(tx store.Tx, p *PoolInfo) (*GroupRule, error)) error {
	now := a.engine.now()
	ev, err := a.happened(ctx, kind, Subject{}, now)
	if err != nil {
		return err
	}
	err = a.engine.store.Update(ctx, func(tx store.Tx) error {
		_, p, err := a.forChange(tx)
		if err != nil {
			return err
		}
		rule, err := fn(tx, p)
		if err != nil {
			return err
		}
		if err := pools.Put(tx, p); err != nil {
			return err
		}
		if err := groupRuns.Put(tx, &groupRun{Pool: a.pool, Changed: now}); err != nil {
			return err
		}
		return events.Insert(tx, ev.of(Subject{SubjectGroup, rule.GroupID}).with(dataName, rule.Group).with(dataRule, rule.ID))
	})
	if err == nil {
		select {
		case a.engine.ruleRuns <- struct{}{}:
		default:
		}
	}
	return err
}

// dropRules removes the rules of a group that is deleted. Its members leave it by the sweep.
func (a *Admin) dropRules(tx store.Tx, g *Group) error {
	_, p, err := a.forChange(tx)
	if err != nil {
		return err
	}
	n := len(p.GroupRules)
	p.GroupRules = slices.DeleteFunc(p.GroupRules, func(r GroupRule) bool { return r.GroupID == g.ID })
	if len(p.GroupRules) == n {
		return nil
	}
	return pools.Put(tx, p)
}

// Rules returns the rules of the pool in the order in which they were added, and how far they
// have been applied.
func (gs Groups) Rules(ctx context.Context) (rules []GroupRule, far RuleProgress, err error) {
	a := gs.admin
	err = a.engine.store.View(ctx, func(r store.Reader) error {
		values, err := r.Get(pools.Ref(store.Key(a.pool)), groupRuns.Ref(store.Key(a.pool)))
		if err != nil {
			return err
		}
		p, err := a.engine.decodePool(a.pool, values[0])
		if err != nil {
			return err
		}
		run, err := orNil(groupRuns.Decode(values[1]))
		if err != nil {
			return err
		}
		if rules, far = slices.Clone(p.GroupRules), (RuleProgress{Done: true}); run != nil {
			far = run.progress()
		}
		return nil
	})
	if err != nil {
		return nil, RuleProgress{}, fmt.Errorf("group rules: %w", err)
	}
	return rules, far, nil
}

// ApplyRules applies the rules to all users of the pool now, and returns when that is done. told
// is called after each few hundred users, unless it is nil.
func (gs Groups) ApplyRules(ctx context.Context, told func(RuleProgress)) (RuleProgress, error) {
	a := gs.admin
	now := a.engine.now()
	err := a.engine.store.Update(ctx, func(tx store.Tx) error {
		if err := a.exists(tx); err != nil {
			return err
		}
		run, err := orNil(groupRuns.Get(tx, store.Key(a.pool)))
		if err != nil {
			return err
		}
		if run == nil {
			run = &groupRun{Pool: a.pool, Changed: now}
		}
		run.restart(now)
		return groupRuns.Put(tx, run)
	})
	var far RuleProgress
	for err == nil && !far.Done {
		if far, err = a.applySome(ctx); err == nil && told != nil {
			told(far)
		}
	}
	if err != nil {
		return far, fmt.Errorf("apply group rules: %w", err)
	}
	return far, nil
}

func (r *groupRun) restart(now time.Time) {
	r.Began, r.After, r.Users, r.Moved, r.Whole = now, "", 0, 0, time.Time{}
}

// runGroupRules is the job: it does the runs that are due.
func (e *Engine) runGroupRules(ctx context.Context) error {
	runs, err := e.dueRuns(ctx)
	if err != nil {
		return err
	}
	for _, run := range runs {
		a := &Admin{engine: e, pool: run.Pool}
		for far := (RuleProgress{}); !far.Done; {
			if far, err = a.applySome(ctx); errors.Is(err, ErrPoolNotFound) { // it is deleted, and not yet swept
				break
			}
			if err != nil {
				return fmt.Errorf("apply the group rules of pool %s: %w", run.Pool, err)
			}
		}
	}
	return nil
}

func (e *Engine) groupRulesDue(ctx context.Context) (bool, error) {
	runs, err := e.dueRuns(ctx)
	return len(runs) > 0, err
}

func (e *Engine) dueRuns(ctx context.Context) (due []*groupRun, err error) {
	now := e.now()
	err = e.store.View(ctx, func(r store.Reader) error {
		due = nil
		for run, err := range groupRuns.Scan(r, store.Range{}) {
			if err != nil {
				return err
			}
			if run.due(now) {
				due = append(due, run)
			}
		}
		return nil
	})
	return due, err
}

// applySome applies the rules to the next users of the run, and writes how far it is. A run
// that is whole begins anew.
func (a *Admin) applySome(ctx context.Context) (RuleProgress, error) {
	e, now := a.engine, a.engine.now()
	run, p, err := a.currentRun(ctx)
	if err != nil {
		return RuleProgress{}, err
	}
	changed := run.Changed
	if run.After == "" {
		run.restart(now)
	}
	rng := store.Prefix(a.pool)
	if run.After != "" {
		rng.From = store.Key(a.pool, run.After) + "\x00"
	}
	found, err := batchOf(ctx, e.store, users, rng)
	if err != nil {
		return RuleProgress{}, err
	}
	for _, u := range found {
		moved, err := e.ruleUser(ctx, p, u, now)
		if err != nil {
			return RuleProgress{}, err
		}
		if moved {
			run.Moved++
		}
		run.After = u.Sub
	}
	run.Users += len(found)
	if len(found) < sweepBatch {
		run.After, run.Whole = "", run.Began
	}
	anew := false
	err = e.store.Update(ctx, func(tx store.Tx) error {
		stored, err := orNil(groupRuns.Get(tx, store.Key(a.pool)))
		if err != nil || stored == nil {
			return err
		}
		if anew = !stored.Changed.Equal(changed); anew {
			return nil
		}
		return groupRuns.Put(tx, run)
	})
	if anew { // the rules were changed meanwhile
		return RuleProgress{}, err
	}
	return run.progress(), err
}

// currentRun reads the run of the pool, and the pool.
func (a *Admin) currentRun(ctx context.Context) (run *groupRun, p *PoolInfo, err error) {
	err = a.engine.store.View(ctx, func(r store.Reader) error {
		values, err := r.Get(pools.Ref(store.Key(a.pool)), groupRuns.Ref(store.Key(a.pool)))
		if err != nil {
			return err
		}
		if p, err = a.engine.decodePool(a.pool, values[0]); err != nil {
			return err
		}
		run, err = groupRuns.Decode(values[1])
		return err
	})
	return run, p, err
}

// ruleUser applies the rules to one user, and reports whether that changed the user's groups. p
// and u may be stale: they only say whether a transaction is worth it.
func (e *Engine) ruleUser(ctx context.Context, p *PoolInfo, u *User, now time.Time) (moved bool, err error) {
	if len(u.Ruled) == 0 && !slices.ContainsFunc(p.GroupRules, func(r GroupRule) bool { return r.takes(u) && !slices.Contains(u.Groups, r.GroupID) }) {
		return false, nil
	}
	ev, err := e.event(ctx, Event{Pool: u.Pool, Sub: u.Sub, Kind: EventGroupsChanged, Time: now, Actor: Actor{Kind: ActorProgram}})
	if err != nil {
		return false, err
	}
	err = e.store.Update(ctx, func(tx store.Tx) error {
		moved = false
		stored, err := orNil(users.Get(tx, users.Key(u)))
		if err != nil || stored == nil {
			return err
		}
		next, err := e.ruled(tx, stored, ev)
		if err != nil || next == stored {
			return err
		}
		moved = true
		return users.Put(tx, next)
	})
	return moved, err
}
