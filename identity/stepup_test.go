package identity_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/mfa"
)

// TestStepUp: what an earlier sign-in has proved is not asked for again.
func TestStepUp(t *testing.T) {
	for _, tt := range few.Of(3, []struct {
		name   string
		before identity.FirstFactor // of the earlier sign-in, which names level 1
		levels []string
		prefer identity.FirstFactor
		want   string
		level  string
		amr    []string
	}{
		{"an app after a password", byWord, []string{loa4}, noFactor, "TOTPRequired", loa4, []string{"pwd", "otp", "mfa"}},
		{"an app after SRP", bySRP, []string{loa4, loa3}, noFactor, "TOTPRequired", loa4, []string{"pwd", "otp", "mfa"}},
		{"a choice after a password", byWord, []string{loa3}, noFactor, "MFAChoiceRequired[SOFTWARE_TOKEN_MFA EMAIL_OTP]", "", nil},
		{"a code as a first factor, by preference", byWord, []string{loa3}, byMail, "EmailOTPRequired", loa3, []string{"pwd", "email_otp", "mfa"}},
		{"a preference that does not lead there", byWord, []string{loa4}, byMail, "TOTPRequired", loa4, []string{"pwd", "otp", "mfa"}},
		{"a preference that was proved before", byWord, []string{loa4}, byWord, "TOTPRequired", loa4, []string{"pwd", "otp", "mfa"}},
		{"a password after a code", byMail, []string{loa3}, byWord, "PasswordRequired", loa3, []string{"email_otp", "pwd", "mfa"}},
		{"a password by SRP after a code", byMail, []string{loa3}, bySRP, "SRPRequired", loa3, []string{"email_otp", "pwd", "mfa"}},
		{"a choice after a code", byMail, []string{loa3}, noFactor, "FirstFactorRequired[PASSWORD_SRP PASSWORD]", "", nil},
		{"a password and an app after a code", byMail, []string{loa4}, byWord, "PasswordRequired", loa4, []string{"email_otp", "pwd", "otp", "mfa"}},
	}) {
		t.Run(tt.name, func(t *testing.T) {
			c := newClimber(t, levelPool(), false).withApp(false)
			in := c.to(loa1)
			in.Preferred = tt.before
			old := c.prove(c.begin(in))
			c.advance(time.Minute)
			in = c.to(tt.levels...)
			in.Access, in.Preferred = old.Access, tt.prefer
			res, err := c.begin(in)
			wantStep(t, "Begin", res, err, tt.want)
			if tt.level == "" {
				return
			}
			tokens := c.prove(res, err)
			wantLevel(t, "the step-up", tokens, tt.level, tt.amr...)
			_, before := parts(t, old.Access)
			_, after := parts(t, tokens.Access)
			if before["origin_jti"] == after["origin_jti"] || before["auth_time"] == after["auth_time"] || tokens.Refresh == "" || tokens.Refresh == old.Refresh {
				t.Errorf("the step-up is of the earlier sign-in: %v, %v", before, after)
			}
			again, err := c.a.Refresh(t.Context(), identity.Refresh{Token: tokens.Refresh})
			check(t, "Refresh", err)
			wantLevel(t, "the refresh", again, tt.level, tt.amr...)
			if _, err := c.pool.Session(t.Context(), old.Access); err != nil {
				t.Errorf("the earlier sign-in: %v, want it to stand", err)
			}
		})
	}
}

// A token of a sign-in that has named no level counts too, by what its sign-in has proved.
func TestStepUpFromAPlainSignIn(t *testing.T) {
	c := newClimber(t, levelPool(), false).withApp(false)
	plain := c.client(t, c.pool, identity.ClientSettings{AuthFlows: append(slices.Clone(allFlows), identity.AllowUser)})
	c.a = plain
	in := c.to(loa4)
	in.Access = c.signIn(t, plain, "alice").Access
	res, err := c.begin(in)
	wantStep(t, "Begin", res, err, "TOTPRequired")
	wantLevel(t, "the step-up", c.prove(res, err), loa4, "pwd", "otp", "mfa")
}

// TestTokensThatHaveTheLevel: a step-up is no refresh.
func TestTokensThatHaveTheLevel(t *testing.T) {
	c := newClimber(t, levelPool(), false).withApp(false)
	high := c.up(loa4)
	for _, levels := range [][]string{{loa4}, {loa1}, {loa4, loa1}, {loa3, loa2}} {
		in := c.to(levels...)
		in.Access = high.Access
		wantErr(t, fmt.Sprint(levels), second(c.begin(in)), identity.ErrLevelReached)
	}
	low := c.up(loa1)
	in := c.to(loa1)
	in.Access = low.Access
	wantErr(t, "level 1", second(c.begin(in)), identity.ErrLevelReached)
	for _, tt := range []struct {
		age, most time.Duration
		want      string
	}{
		{time.Minute, time.Minute, "TOTPRequired"},
		{time.Second, time.Minute, "FirstFactorRequired[PASSWORD_SRP PASSWORD]"},
		{time.Second, 0, "FirstFactorRequired[PASSWORD_SRP PASSWORD]"},
	} {
		c.advance(tt.age)
		in := c.to(loa4)
		in.Access, in.MaxAge = low.Access, &tt.most
		res, err := c.begin(in)
		wantStep(t, fmt.Sprint("at most ", tt.most), res, err, tt.want)
	}
	in = c.to(loa4)
	in.Access, in.MaxAge = high.Access, ptr(time.Duration(0))
	res, err := c.begin(in)
	wantStep(t, "a token that is too old has no level", res, err, "FirstFactorRequired[PASSWORD_SRP PASSWORD]")
	if _, err := c.pool.Session(t.Context(), high.Access); err != nil {
		t.Errorf("the token that was too old: %v, want it valid", err)
	}
}

// TestRenamedLevels: a token with a name that levels had before has no level, and what it has proved counts all the same.
func TestRenamedLevels(t *testing.T) {
	c := newClimber(t, levelPool(), false).withApp(false)
	low, high := c.up(loa1), c.up(loa4)
	check(t, "EditPool", c.EditPool(t.Context(), c.pool.PoolID(), func(s *identity.PoolSettings) {
		s.LevelNames = map[identity.Level]string{identity.Level1: loa4, identity.Level4: "gold"}
	}))
	in := c.to("gold")
	in.Access = low.Access
	res, err := c.begin(in)
	wantStep(t, "the lower token", res, err, "TOTPRequired")
	wantLevel(t, "the step-up", c.prove(res, err), "gold", "pwd", "otp", "mfa")
	in.Access = high.Access // its acr is the name of level 1 now
	res, err = c.begin(in)
	wantStep(t, "the higher token", res, err, "FirstFactorRequired[PASSWORD_SRP PASSWORD]")
	again, err := c.a.Refresh(t.Context(), identity.Refresh{Token: high.Refresh})
	check(t, "Refresh", err)
	wantLevel(t, "a refresh keeps the name", again, loa4, "pwd", "otp", "mfa")
	wantErr(t, "the old name", second(c.begin(c.to(loa2+"x"))), identity.ErrInvalidParameter)
}

// TestStepUpsRefuse has what a step-up does not take.
func TestStepUpsRefuse(t *testing.T) {
	c := newClimber(t, levelPool(), false).withApp(false)
	c.join(t, c.pool, "bob", otherMail)
	low := c.up(loa1)
	other := c.choosing(t, c.pool, false)
	res, err := other.Begin(t.Context(), identity.BeginSignIn{Username: "alice", Levels: []string{loa1}, Preferred: byWord, Password: password})
	check(t, "Begin", err)
	elsewhere := newClimber(t, levelPool(), false).up(loa1)
	ended := c.up(loa1)
	check(t, "Revoke", c.a.Revoke(t.Context(), ended.Refresh, ""))
	with := func(access identity.Secret, levels ...string) identity.BeginSignIn {
		in := c.to(levels...)
		in.Access = access
		return in
	}
	named := func(in identity.BeginSignIn, name string) identity.BeginSignIn {
		in.Username = name
		return in
	}
	aged := func(age time.Duration) identity.BeginSignIn {
		in := c.to(loa1)
		in.MaxAge = &age
		return in
	}
	for _, tt := range []struct {
		name string
		in   identity.BeginSignIn
		want error
	}{
		{"a token without a level", with(low.Access), identity.ErrInvalidParameter},
		{"no level", identity.BeginSignIn{Username: "alice", Levels: []string{}}, identity.ErrInvalidParameter},
		{"no level that there is", c.to("gold", "urn:cognito:loa:5", "urn:cognito:loa:0"), identity.ErrInvalidParameter},
		{"a negative age", aged(-time.Second), identity.ErrInvalidParameter},
		{"garbage", with("garbage", loa4), identity.ErrInvalidAccessToken},
		{"an ID token", with(low.ID, loa4), identity.ErrInvalidAccessToken},
		{"a refresh token", with(low.Refresh, loa4), identity.ErrInvalidAccessToken},
		{"a token of another pool", with(elsewhere.Access, loa4), identity.ErrInvalidAccessToken},
		{"a token of another client", with(res.Tokens.Access, loa4), identity.ErrInvalidAccessToken},
		{"a token of another user", named(with(low.Access, loa4), "bob"), identity.ErrInvalidAccessToken},
		{"a token, and a name that nobody has", named(with(low.Access, loa4), "nobody"), identity.ErrInvalidAccessToken},
		{"a token of a sign-in that was ended", with(ended.Access, loa4), identity.ErrAccessTokenRevoked},
		{"a token without the scope", with(forge(t, c.a, low.Access, map[string]any{"scope": "openid"}), loa4), identity.ErrAccessTokenScope},
		{"a token with a forged level", with(forge(t, c.a, low.Access, map[string]any{"acr": loa4, "amr": []string{"pwd", "otp"}}), loa1), identity.ErrLevelReached},
	} {
		wantErr(t, tt.name, second(c.begin(tt.in)), tt.want)
	}
	res, err = c.begin(with(forge(t, c.a, low.Access, map[string]any{"acr": loa4, "amr": []string{"pwd", "otp"}}), loa4))
	wantStep(t, "a token that says more than its sign-in", res, err, "TOTPRequired")
	c.advance(2 * time.Hour)
	wantErr(t, "a token that has expired", second(c.begin(with(low.Access, loa4))), identity.ErrAccessTokenExpired)
	lite := levelPool()
	lite.Tier = identity.TierLite
	cheap := newClimber(t, lite, false)
	wantErr(t, "LITE", second(cheap.begin(cheap.to(loa1))), identity.ErrPlan)
}

// TestStepUpsEnd: a step-up does not outlive what it counts.
func TestStepUpsEnd(t *testing.T) {
	for _, tt := range few.Of(2, []struct {
		name string
		end  func(c *climber, low *identity.Tokens) error
		want error
	}{
		{"the earlier sign-in", func(c *climber, low *identity.Tokens) error { return c.a.Revoke(c.t.Context(), low.Refresh, "") }, identity.ErrSessionInvalid},
		{"all sign-ins", func(c *climber, _ *identity.Tokens) error {
			return c.pool.Admin().Users().SignOut(c.t.Context(), "alice")
		}, identity.ErrSessionInvalid},
		{"the password", func(c *climber, _ *identity.Tokens) error {
			c.advance(time.Second)
			return c.pool.Admin().Users().SetPassword(c.t.Context(), "alice", goodPassword, true)
		}, identity.ErrSessionInvalid},
		{"the account", func(c *climber, _ *identity.Tokens) error {
			return c.pool.Admin().Users().Disable(c.t.Context(), "alice")
		}, identity.ErrUserDisabled},
		{"the factor", func(c *climber, _ *identity.Tokens) error {
			return c.pool.Admin().Users().DeleteTOTP(c.t.Context(), "alice")
		}, identity.ErrSessionInvalid},
		{"nothing", func(*climber, *identity.Tokens) error { return nil }, nil},
	}) {
		c := newClimber(t, levelPool(), false).withApp(false)
		low := c.up(loa1)
		in := c.to(loa4)
		in.Access = low.Access
		res, err := c.begin(in)
		check(t, "Begin", err)
		ch := challengeOf[*identity.TOTPRequired](t, res)
		check(t, tt.name, tt.end(c, low))
		c.advance(mfa.Period)
		wantErr(t, tt.name, answer(t.Context(), ch, c.key.Code(c.now())), tt.want)
	}
}

// A password that was replaced since is no longer proved.
func TestOldPasswordsCountForNothing(t *testing.T) {
	c := newClimber(t, levelPool(), false).withApp(false)
	low := c.up(loa1)
	c.advance(time.Second)
	check(t, "SetPassword", c.pool.Admin().Users().SetPassword(t.Context(), "alice", goodPassword, true))
	in := c.to(loa4)
	in.Access = low.Access
	res, err := c.begin(in)
	wantStep(t, "Begin", res, err, "FirstFactorRequired[PASSWORD_SRP PASSWORD]")
}

// TestStepUpIsWhole: nothing is issued on the way, and nothing stands in for a factor of the level.
func TestStepUpIsWhole(t *testing.T) {
	s := levelPool()
	s.RecoveryCodes = true
	c := newClimber(t, s, false).withApp(true)
	session, err := c.pool.Session(t.Context(), c.up(loa1).Access)
	check(t, "Session", err)
	codes, err := session.NewRecoveryCodes(t.Context())
	check(t, "NewRecoveryCodes", err)
	in := c.to(loa4)
	in.Preferred, in.Password = byWord, password
	res, err := c.begin(in)
	check(t, "Begin", err)
	ch := challengeOf[*identity.TOTPRequired](t, res)
	wantErr(t, "a recovery code", second(ch.Recover(t.Context(), identity.FactorCode{Code: codes[0]})), identity.ErrUnsupported)
	wantErr(t, "a wrong code", answer(t.Context(), ch, "000000"), identity.ErrMFACodeMismatch)
	wantLevel(t, "the right code", c.prove(res, nil), loa4, "pwd", "otp", "mfa")
}

// TestTwoFactorsAreNotAskedForAgain: a sign-in that had a second factor has met what the user demands.
func TestTwoFactorsAreNotAskedForAgain(t *testing.T) {
	c := newClimber(t, levelPool(), false).withApp(true)
	in := c.to(loa4)
	in.Access = c.up(loa4).Access
	wantErr(t, "the same level", second(c.begin(in)), identity.ErrLevelReached)
	in.Levels = []string{loa1}
	wantErr(t, "a lower one", second(c.begin(in)), identity.ErrLevelReached)
}

// TestTargetsOfUsersWhoAreHidden: before a first factor was proved, everybody is asked for the same, and after it the
// target is enforced.
func TestTargetsOfUsersWhoAreHidden(t *testing.T) {
	if testing.Short() {
		t.Skip("signs in for each of several targets")
	}
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
				for _, preferred := range few.Of(2, []identity.FirstFactor{noFactor, byWord, bySRP, byMail, byPasskey}) {
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

// TestApplicationsGetTheLevelOfTheBrowser: tokens through a browser tell what was proved on pages.
func TestApplicationsGetTheLevelOfTheBrowser(t *testing.T) {
	c := newClimber(t, levelPool(), false).withApp(false)
	set := identity.ClientSettings{AuthFlows: []identity.AuthFlow{identity.AllowUser}}
	oauthSettings(&set)
	c.a = c.client(t, c.pool, set).Pages()
	in := c.to(loa4)
	in.Preferred, in.Password = byWord, password
	res, err := c.begin(in)
	check(t, "Begin", err)
	ch := challengeOf[*identity.TOTPRequired](t, res)
	res, err = ch.Answer(t.Context(), c.code(c.key.Code(c.now())))
	check(t, "Answer", err)
	auth, err := c.pool.Client(c.a.ClientID()).Authorization(t.Context(), identity.AuthorizationRequest{Grant: identity.GrantImplicit, RedirectURI: redirect, Scopes: []string{"openid"}})
	check(t, "Authorization", err)
	tokens, err := auth.Tokens(t.Context(), res.Browser)
	check(t, "Tokens", err)
	wantLevel(t, "the application", tokens, loa4, "pwd", "otp", "mfa")
}
