package identity_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
)

// TestTargetsOfUsersWhoAreHidden: before a first factor was proved, everybody is asked for the same, and after it the
// target is enforced.
func TestTargetsOfUsersWhoAreHidden(t *testing.T) {
	for _, s := range []identity.PoolSettings{levelPool(), func() identity.PoolSettings { s := levelPool(); s.Defaults = identity.SafeDefaults; return s }()} {
		for _, app := range []bool{false, true} {
			c := newClimber(t, s, true)
			if app {
				c.withApp(false)
			}
			for _, levels := range [][]string{{loa4}, {loa4, loa2}, {loa3}, {loa1}} {
				if s.Defaults == identity.CognitoDefaults { // what a user may begin with is told there, as without a target
					break
				}
				for _, preferred := range []identity.FirstFactor{noFactor, byWord, bySRP, byMail, byPasskey} {
					in := c.to(levels...)
					in.Preferred = preferred
					alice := shown(c.begin(in))
					in.Username = "allan"
					if nobody := shown(c.begin(in)); alice != nobody {
						t.Errorf("app %t, %v by %q:\nalice  %s\nnobody %s", app, levels, preferred, alice, nobody)
					}
				}
			}
			in := c.to(loa4)
			in.Preferred, in.Password = byWord, password
			res, err := c.begin(in)
			if app {
				wantStep(t, "level 4", res, err, "TOTPRequired")
			} else {
				wantErr(t, "level 4 without an app", err, identity.ErrLevelUnreachable)
			}
			in.Password = "wrong password"
			wantErr(t, "a wrong password", second(c.begin(in)), identity.ErrIncorrectCredentials)
			in = c.to(loa4, loa2)
			in.Preferred = byMail
			res, err = c.begin(in)
			check(t, "Begin", err)
			res, err = challengeOf[*identity.EmailOTPRequired](t, res).Answer(t.Context(), c.code(c.sent(email)))
			if app { // the best level that she can reach is enforced
				wantErr(t, "a code, where more is due", err, identity.ErrLevelUnreachable)
			} else {
				wantLevel(t, "a code", c.prove(res, err), loa2, "email_otp")
			}
		}
	}
}

// TestNoHookChangesTheLevel: the function before tokens can neither change nor suppress the claims.
func TestNoHookChangesTheLevel(t *testing.T) {
	c := newClimber(t, levelPool(), false).withApp(true)
	c.SetHooks(changingLevels)
	wantLevel(t, "with a hook", c.up(loa4), loa4, "pwd", "otp", "mfa")
	plain := c.to()
	plain.Levels, plain.Preferred, plain.Password = nil, byWord, password
	wantLevel(t, "with a hook, and no target", c.prove(c.begin(plain)), "")
}

// TestStepUpIsARecentSignIn: a change that wants a recent sign-in works after a step-up.
func TestStepUpIsARecentSignIn(t *testing.T) {
	s := levelPool()
	s.RecentSignInMinutes = new(15)
	c := newClimber(t, s, false).withApp(false)
	low := c.up(loa1)
	c.advance(30 * time.Minute)
	old, err := c.pool.Session(t.Context(), low.Access)
	check(t, "Session", err)
	wantErr(t, "the old session", old.ChangePassword(t.Context(), password, goodPassword), identity.ErrRecentSignInRequired)
	in := c.to(loa4)
	in.Access = low.Access
	renewed, err := c.pool.Session(t.Context(), c.prove(c.begin(in)).Access)
	check(t, "Session", err)
	check(t, "the new session", renewed.ChangePassword(t.Context(), password, goodPassword))
}

// TestRequireLevel: a program asks a session for a level.
func TestRequireLevel(t *testing.T) {
	c := newClimber(t, levelPool(), false).withApp(false)
	c.a = c.client(t, c.pool, identity.ClientSettings{AuthFlows: append(slices.Clone(allFlows), identity.AllowUser)})
	session := func(tokens *identity.Tokens) *identity.Session {
		s, err := c.pool.Session(t.Context(), tokens.Access)
		check(t, "Session", err)
		return s
	}
	plain, high := session(c.signIn(t, c.a, "alice")), session(c.up(loa4))
	for _, tt := range []struct {
		name    string
		session *identity.Session
		level   identity.Level
		within  time.Duration
		want    error
	}{
		{"password, level 1", plain, 1, 0, nil},
		{"password, level 2", plain, 2, 0, identity.ErrLevelRequired},
		{"app, level 4", high, 4, 0, nil},
		{"app, level 3", high, 3, time.Minute, nil},
		{"no level", high, 0, 0, identity.ErrLevelRequired},
		{"a level that there is not", high, 5, 0, identity.ErrLevelRequired},
	} {
		wantErr(t, tt.name, tt.session.RequireLevel(tt.level, tt.within), tt.want)
	}
	c.advance(2 * time.Minute)
	err := high.RequireLevel(identity.Level3, time.Minute)
	if e, ok := errors.AsType[*identity.LevelError](err); !ok || e.Level != 3 || e.Name != loa3 || e.MaxAge != time.Minute {
		t.Errorf("an old sign-in: %v, want a LevelError of level 3 within a minute", err)
	}
	if plain.Level() != identity.Level1 || high.Level() != identity.Level4 {
		t.Errorf("levels %d and %d, want 1 and 4", plain.Level(), high.Level())
	}
}

// changingLevels is a hook that would change both claims, and suppress them.
var changingLevels = &identity.Hooks{PreTokenGeneration: func(context.Context, *hook.PreTokenGeneration) (hook.PreTokenGenerationDecision, error) {
	changes := hook.Claims{
		Set:      map[string]json.RawMessage{"acr": json.RawMessage(`"gold"`), "amr": json.RawMessage(`["magic"]`)},
		Suppress: []string{"acr", "amr"},
	}
	return hook.PreTokenGenerationDecision{Access: changes, ID: changes}, nil
}}
