package identity_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/memory"
)

func TestDisabledUserIsOutUntilEnabled(t *testing.T) {
	f, pool, client := tokenFixture(t, identity.ClientSettings{})
	users := pool.Admin().Users()
	before := f.signIn(t, client, "alice")
	f.advance(time.Second)
	for range 2 {
		check(t, "Disable", users.Disable(t.Context(), "alice"))
		u, err := users.Get(t.Context(), "alice")
		if err != nil || !u.Disabled || u.Status != identity.StatusConfirmed || !u.Modified.Equal(start.Add(time.Second)) {
			t.Errorf("user %+v, %v, want one who was disabled after a second", u, err)
		}
		f.advance(time.Second) // so that the second time would show
	}
	_, err := pool.Session(t.Context(), before.Access)
	wantErr(t, "access token", err, identity.ErrAccessTokenRevoked)
	_, err = client.Refresh(t.Context(), identity.Refresh{Token: before.Refresh})
	wantErr(t, "refresh token", err, identity.ErrUserDisabled)
	for how, try := range ways {
		_, err := try(t, client, pool.PoolID(), "alice", password)
		wantErr(t, "sign-in by "+how, err, identity.ErrUserDisabled)
	}
	if n := f.events(t, identity.EventUserDisabled); n != 1 {
		t.Errorf("%d events, want one of what changed something", n)
	}

	for range 2 {
		check(t, "Enable", users.Enable(t.Context(), "alice"))
	}
	if n := f.events(t, identity.EventUserEnabled); n != 1 {
		t.Errorf("%d events, want one of what changed something", n)
	}
	_, err = pool.Session(t.Context(), before.Access)
	wantErr(t, "access token of before", err, identity.ErrAccessTokenRevoked)
	_, err = client.Refresh(t.Context(), identity.Refresh{Token: before.Refresh})
	wantErr(t, "refresh token of before", err, identity.ErrRefreshTokenRevoked)
	_, err = pool.Session(t.Context(), f.signIn(t, client, "alice").Access)
	wantErr(t, "a new sign-in", err, nil)
}

// events counts the events of a kind.
func (f *fixture) events(t testing.TB, kind identity.EventKind) int {
	t.Helper()
	n := 0
	for _, e := range entries(t, f.store, `"kind":"`+string(kind)+`"`) {
		if strings.HasPrefix(e, "events ") {
			n++
		}
	}
	return n
}

// Sign-ins beyond those that one transaction deletes must not come back to
// life when the user is enabled again.
func TestDisablingEndsMoreSignInsThanOneTransactionTakes(t *testing.T) {
	if testing.Short() {
		t.Skip("needs 505 sign-ins")
	}
	f, pool, client := tokenFixture(t, identity.ClientSettings{})
	users := pool.Admin().Users()
	var all []*identity.Tokens
	for range 505 {
		all = append(all, f.signIn(t, client, "alice"))
	}
	f.advance(time.Millisecond)
	check(t, "Disable", users.Disable(t.Context(), "alice"))
	check(t, "Enable", users.Enable(t.Context(), "alice"))
	for _, tokens := range all {
		_, err := pool.Session(t.Context(), tokens.Access)
		wantErr(t, "access token", err, identity.ErrAccessTokenRevoked)
		_, err = client.Refresh(t.Context(), identity.Refresh{Token: tokens.Refresh, Rotating: true})
		wantErr(t, "refresh token", err, identity.ErrRefreshTokenRevoked)
	}
}

func TestOperatorSignsAUserOut(t *testing.T) {
	f, pool, client := tokenFixture(t, identity.ClientSettings{})
	users := pool.Admin().Users()
	f.join(t, pool, "bob", "bob@example.com")
	alice, bob := f.signIn(t, client, "alice"), f.signIn(t, client, "bob")
	was, err := users.Get(t.Context(), "alice")
	check(t, "Get", err)
	f.advance(time.Second)
	for range 2 {
		check(t, "SignOut", users.SignOut(t.Context(), "alice"))
	}
	_, err = pool.Session(t.Context(), alice.Access)
	wantErr(t, "access token", err, identity.ErrAccessTokenRevoked)
	_, err = client.Refresh(t.Context(), identity.Refresh{Token: alice.Refresh})
	wantErr(t, "refresh token", err, identity.ErrRefreshTokenRevoked)
	for name, tokens := range map[string]*identity.Tokens{"another user": bob, "a later sign-in": f.signIn(t, client, "alice")} {
		_, err = pool.Session(t.Context(), tokens.Access)
		wantErr(t, name, err, nil)
	}
	if u, err := users.Get(t.Context(), "alice"); err != nil || !u.Modified.Equal(was.Modified) {
		t.Errorf("user %+v, %v, want one who was not modified", u, err)
	}
	if n := f.events(t, identity.EventSignedOutEverywhere); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
}

func TestOperatorConfirmsASignUp(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, cognitoPool)
	users := pool.Admin().Users()
	client := f.client(t, pool, identity.ClientSettings{})
	f.signUp(t, pool, "alice", email)
	code := identity.Secret(f.outbox.LastCode(email))
	f.advance(time.Second)
	check(t, "Confirm", users.Confirm(t.Context(), "alice"))
	u, err := users.Get(t.Context(), "alice")
	if err != nil || u.Status != identity.StatusConfirmed || u.Attributes["email_verified"] == "true" || !u.Modified.Equal(f.now()) {
		t.Errorf("user %+v, %v, want one who is confirmed and whose address is not verified", u, err)
	}
	f.signIn(t, client, "alice")
	if left := entries(t, f.store, `"purpose":"confirm"`); len(left) > 0 {
		t.Errorf("the code is left: %q", left)
	}
	check(t, "EditUser", f.EditUser(t.Context(), pool.PoolID(), "alice", func(u *identity.User) { u.Status = identity.StatusUnconfirmed }))
	err = pool.ConfirmSignUp(t.Context(), identity.ConfirmSignUp{Username: "alice", Code: code})
	wantErr(t, "the code that is void", err, identity.ErrCodeExpired)
}

func TestOperatorConfirmsOnlyWhoIsUnconfirmed(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	users := pool.Admin().Users()
	f.join(t, pool, "alice", email)
	for _, status := range []identity.UserStatus{identity.StatusConfirmed, identity.StatusForceChangePassword, identity.StatusResetRequired} {
		f.edit(t, pool, "alice", func(u *identity.User) { u.Status = status })
		err := users.Confirm(t.Context(), "alice")
		if e, ok := errors.AsType[*identity.StatusError](err); !ok || e.Status != status || e.Username != "alice" || !errors.Is(err, identity.ErrCannotConfirm) {
			t.Errorf("error %v, want one that names the status %s", err, status)
		}
	}
	f.signUp(t, pool, "bob", "bob@example.com")
	check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) {
		s.Triggers = map[identity.Trigger]identity.TriggerTarget{identity.PostConfirmation: {ARN: "arn:aws:lambda:us-east-1:123456789012:function:f"}}
	}))
	wantErr(t, "with a trigger that cannot run", users.Confirm(t.Context(), "bob"), identity.ErrTrigger)
	wantErr(t, "with a trigger, past confirmation", users.Confirm(t.Context(), "alice"), identity.ErrCannotConfirm)
}

// deletions are the two ways to delete a user.
var deletions = map[string]func(t *testing.T, pool *identity.UserPool, tokens *identity.Tokens) error{
	"by the operator": func(t *testing.T, pool *identity.UserPool, _ *identity.Tokens) error {
		return pool.Admin().Users().Delete(t.Context(), "alice")
	},
	"by the user": func(t *testing.T, pool *identity.UserPool, tokens *identity.Tokens) error {
		session, err := pool.Session(t.Context(), tokens.Access)
		check(t, "Session", err)
		return session.Delete(t.Context())
	},
}

// All that is a user's alone goes with the user; the record of it stays for its time.
func TestDeletedUserLeavesNothingBehind(t *testing.T) {
	for name, remove := range deletions {
		t.Run(name, func(t *testing.T) {
			f := newEngine(t)
			pool := f.open(t, identity.PoolSettings{SRP: true, TOTP: new(true), MFA: "OPTIONAL", Aliases: []string{"email"}})
			f.join(t, pool, "bob", "bob@example.com")
			before := len(entries(t, f.store, ""))
			sub := f.join(t, pool, "alice", email).Sub
			wantErr(t, "wrong password", byPassword(t, pool.AppClient, "alice", wrong), identity.ErrIncorrectCredentials)
			tokens := f.signIn(t, pool.AppClient, "alice")
			f.leave(t, pool, sub, tokens)
			check(t, "delete", remove(t, pool, tokens))
			for _, left := range entries(t, f.store, sub) {
				if !strings.HasPrefix(left, "events") {
					t.Errorf("%q is left behind", left)
				}
			}
			check(t, "Verify", verify(t, f.store))
			if n := f.events(t, identity.EventUserDeleted); n != 1 {
				t.Errorf("%d events, want 1", n)
			}
			_, err := pool.Admin().Users().Get(t.Context(), "alice")
			wantErr(t, "Get", err, identity.ErrUserNotFound)
			_, err = pool.Session(t.Context(), tokens.Access)
			wantErr(t, "access token", err, identity.ErrUserNotFound)
			_, err = pool.Refresh(t.Context(), identity.Refresh{Token: tokens.Refresh, Rotating: true})
			wantErr(t, "refresh token", err, identity.ErrRefreshTokenRevoked)
			if again := f.join(t, pool, "alice", email).Sub; again == sub {
				t.Error("a user of the same name has the same sub")
			}
			check(t, "Delete", pool.Admin().Users().Delete(t.Context(), "alice"))
			f.advance(100 * 24 * time.Hour)
			check(t, "Sweep", second(f.Sweep(t.Context())))
			if after := len(entries(t, f.store, "")); after > before {
				t.Errorf("%d entries are left, want at most the %d of before: %q", after, before, entries(t, f.store, ""))
			}
		})
	}
}

// leave makes each kind of record that a user who has joined may leave behind.
func (f *fixture) leave(t *testing.T, pool *identity.UserPool, sub string, tokens *identity.Tokens) {
	t.Helper()
	check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.RecoveryCodes = true }))
	session, err := pool.Session(t.Context(), tokens.Access)
	check(t, "Session", err)
	_, err = session.NewRecoveryCodes(t.Context())
	check(t, "NewRecoveryCodes", err)
	_, err = session.EnrollTOTP(t.Context())
	check(t, "EnrollTOTP", err)
	wantErr(t, "VerifyTOTP", session.VerifyTOTP(t.Context(), "000000", ""), identity.ErrTOTPMismatch, nil)
	f.edit(t, pool, "alice", func(u *identity.User) { u.Status = identity.StatusUnconfirmed })
	check(t, "Resend", second(pool.ResendConfirmationCode(t.Context(), "alice", "")))
	f.edit(t, pool, "alice", func(u *identity.User) { u.Status = identity.StatusConfirmed })
	check(t, "Create group", second(pool.Admin().Groups().Create(t.Context(), identity.GroupSettings{Name: "admins"})))
	check(t, "AddToGroup", pool.Admin().Users().AddToGroup(t.Context(), sub, "admins"))
	check(t, "Delete group", pool.Admin().Groups().Delete(t.Context(), "admins"))
	kinds := map[string]bool{}
	for _, e := range entries(t, f.store, sub) {
		table, _, _ := strings.Cut(e, " ")
		kinds[table] = true
	}
	for _, table := range []string{"users", "users.search", "users.groups", "credentials", "totps", "recoverycodes", "codes", "families", "throttles"} {
		if !kinds[table] {
			t.Errorf("nothing in %s to be left behind", table)
		}
	}
}

func TestDeletionNeedsTheScope(t *testing.T) {
	f, pool, client := tokenFixture(t, identity.ClientSettings{})
	tokens := f.signIn(t, client, "alice")
	session, err := pool.Session(t.Context(), forge(t, client, tokens.Access, map[string]any{"scope": "openid"}))
	check(t, "Session", err)
	wantErr(t, "Delete", session.Delete(t.Context()), identity.ErrAccessTokenScope)
	_, err = pool.Session(t.Context(), tokens.Access)
	wantErr(t, "the sign-in after that", err, nil)
}

// verbs are what an operator may do to a user.
var verbs = map[string]func(t *testing.T, users identity.Users, name string) error{
	"Enable":  func(t *testing.T, us identity.Users, name string) error { return us.Enable(t.Context(), name) },
	"Disable": func(t *testing.T, us identity.Users, name string) error { return us.Disable(t.Context(), name) },
	"Confirm": func(t *testing.T, us identity.Users, name string) error { return us.Confirm(t.Context(), name) },
	"SignOut": func(t *testing.T, us identity.Users, name string) error { return us.SignOut(t.Context(), name) },
	"Delete":  func(t *testing.T, us identity.Users, name string) error { return us.Delete(t.Context(), name) },
}

func TestVerbsFindTheUserByAnyName(t *testing.T) {
	for verb, do := range verbs {
		f := newEngine(t)
		pool := f.open(t, identity.PoolSettings{Aliases: []string{"email"}})
		users := pool.Admin().Users()
		sub := f.signUp(t, pool, "alice", email).Sub
		f.edit(t, pool, "alice", func(u *identity.User) { u.Attributes["email_verified"] = "true" })
		wantErr(t, verb+" by alias", do(t, users, email), nil)
		if verb != "Delete" && verb != "Confirm" {
			wantErr(t, verb+" by sub", do(t, users, sub), nil)
		}
		wantErr(t, verb+" of nobody", do(t, users, "nobody"), identity.ErrUserNotFound)
		check(t, "Delete pool", pool.Admin().Delete(t.Context()))
		wantErr(t, verb+" in a deleted pool", do(t, users, "alice"), identity.ErrPoolNotFound)
	}
}

// A user who goes after the verb has found it, and before it writes, stays gone.
func TestUserDeletedMeanwhileStaysGone(t *testing.T) {
	verbs := map[string]func(t *testing.T, users identity.Users, name string) error{
		"AddToGroup": func(t *testing.T, us identity.Users, name string) error {
			return us.AddToGroup(t.Context(), name, "admins")
		},
		"Delete": verbs["Delete"], "Disable": verbs["Disable"], "Enable": verbs["Enable"], "Confirm": verbs["Confirm"], "SignOut": verbs["SignOut"],
	}
	for verb, do := range verbs {
		s := &hookedStore{Store: memory.New()}
		f := newEngineOn(t, s)
		pool := f.open(t, identity.PoolSettings{})
		users := pool.Admin().Users()
		check(t, "Create group", second(pool.Admin().Groups().Create(t.Context(), identity.GroupSettings{Name: "admins"})))
		sub := f.signUp(t, pool, "alice", email).Sub
		s.hook = func() { check(t, "Delete", users.Delete(t.Context(), "alice")) }
		wantErr(t, verb, do(t, users, "alice"), identity.ErrUserNotFound)
		for _, left := range entries(t, s, sub) {
			if !strings.HasPrefix(left, "events") {
				t.Errorf("%s leaves %q", verb, left)
			}
		}
	}
}

func TestSignInsRaceADisabling(t *testing.T) {
	if testing.Short() {
		t.Skip("races sign-ins with a disabling")
	}
	onBackEnds(t, identity.PoolSettings{}, func(t *testing.T, f *fixture, pool *identity.UserPool) {
		f.join(t, pool, "alice", email)
		tokens := make([]*identity.Tokens, 40)
		errs := together(len(tokens), func(i int) error {
			if i == len(tokens)/2 {
				return pool.Admin().Users().Disable(t.Context(), "alice")
			}
			res, err := pool.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: password})
			if err == nil {
				tokens[i] = res.Tokens
			}
			return err
		})
		tally(t, errs, identity.ErrUserDisabled, nil)
		check(t, "Enable", pool.Admin().Users().Enable(t.Context(), "alice"))
		for i, got := range tokens {
			if got != nil {
				_, err := pool.Session(t.Context(), got.Access)
				wantErr(t, fmt.Sprintf("sign-in %d, before the user was disabled", i), err, identity.ErrAccessTokenRevoked)
			}
		}
	})
}
