package identity_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/store/memory"
)

// forgot asks for a reset code and returns it.
func (f *fixture) forgot(t testing.TB, a *identity.AppClient, name string) string {
	t.Helper()
	d, err := a.ForgotPassword(t.Context(), name, "")
	if err != nil || d == nil {
		t.Fatalf("ForgotPassword(%q) = %+v, %v", name, d, err)
	}
	return f.lastOf(identity.MessageResetCode)
}

// lastOf is the code of the newest message of a kind.
func (f *fixture) lastOf(kind identity.MessageKind) string {
	for _, m := range f.outbox.Messages(func(m *identity.Message) bool { return m.Kind == kind }) {
		return string(m.Code)
	}
	return ""
}

// recoverAs tries to set a password by a code.
func recoverAs(ctx context.Context, a *identity.AppClient, name, code, password string) error {
	return a.ConfirmForgotPassword(ctx, identity.ConfirmForgotPassword{
		Username: name, Code: identity.Secret(code), Password: identity.Secret(password),
	})
}

func TestRecoveryReplacesThePassword(t *testing.T) {
	for name, tt := range map[string]struct {
		settings identity.PoolSettings
		session  error // what becomes of earlier sign-ins
	}{
		"safe":    {identity.PoolSettings{SRP: true}, identity.ErrAccessTokenRevoked},
		"Cognito": {cognitoPool, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newEngine(t)
			pool := f.open(t, tt.settings)
			client := f.client(t, pool, identity.ClientSettings{})
			f.join(t, pool, "alice", email)
			before := f.signIn(t, client, "alice")
			f.advance(time.Minute)
			for range 6 {
				_ = byPassword(t, client, "alice", wrong)
			}
			code := f.forgot(t, client, "alice")
			m := f.outbox.Messages(nil)[0]
			if m.To != email || m.Medium != "EMAIL" || m.Client != client.ClientID() || !strings.Contains(m.Body, " is "+code) {
				t.Errorf("message %+v, want the code by mail", m)
			}
			wantErr(t, "wrong code", recoverAs(t.Context(), client, "alice", otherCode(code), chosen), identity.ErrCodeMismatch)
			wantErr(t, "bad password", recoverAs(t.Context(), client, "alice", code, "short"), identity.ErrInvalidPassword)
			check(t, "right code", recoverAs(t.Context(), client, "alice", code, chosen))
			for how, try := range ways { // although there was a lock-out
				_, err := try(t, client, pool.PoolID(), "alice", chosen)
				wantErr(t, "the new password by "+how, err, nil)
				_, err = try(t, client, pool.PoolID(), "alice", password)
				wantErr(t, "the old one by "+how, err, identity.ErrIncorrectCredentials)
			}
			_, err := pool.Session(t.Context(), before.Access)
			wantErr(t, "an earlier sign-in", err, tt.session)
			wantErr(t, "the code again", recoverAs(t.Context(), client, "alice", code, chosen), identity.ErrCodeMismatch, identity.ErrCodeExpired)
			check(t, "Verify", verify(t, f.store))
		})
	}
}

func TestResetCodeIsInTimeAndTheNewest(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	f.join(t, pool, "bob", "bob@example.com")
	old := f.forgot(t, pool.AppClient, "alice")
	code := f.forgot(t, pool.AppClient, "alice")
	if old != code {
		wantErr(t, "the code before", recoverAs(t.Context(), pool.AppClient, "alice", old, chosen), identity.ErrCodeMismatch)
	}
	f.forgot(t, pool.AppClient, "bob")
	wantErr(t, "another user's", recoverAs(t.Context(), pool.AppClient, "bob", code, chosen), identity.ErrCodeMismatch)
	wantErr(t, "as a confirmation", confirmAs(t, pool, "alice", code), identity.ErrCodeMismatch)
	f.advance(time.Hour)
	wantErr(t, "an hour later", recoverAs(t.Context(), pool.AppClient, "alice", code, chosen), identity.ErrCodeExpired)
	code = f.forgot(t, pool.AppClient, "alice")
	f.advance(time.Hour - time.Millisecond)
	wantErr(t, "just in time", recoverAs(t.Context(), pool.AppClient, "alice", code, chosen), nil)
}

const phone = "+15551234567"

func TestRecoveryGoesTheWayOfThePool(t *testing.T) {
	both := map[string]string{"email": email, "email_verified": "true", "phone_number": phone, "phone_number_verified": "true"}
	mail := map[string]string{"email": email, "email_verified": "true", "phone_number": phone}
	text := map[string]string{"email": email, "phone_number": phone, "phone_number_verified": "true"}
	option := func(names ...identity.RecoveryName) (out []identity.RecoveryOption) {
		for i, n := range names {
			out = append(out, identity.RecoveryOption{Name: n, Priority: len(names) - i})
		}
		return out
	}
	sms := identity.PoolSettings{Defaults: identity.CognitoDefaults, MFA: "OPTIONAL", SMSMFA: true, TOTP: new(true)}
	must := sms
	must.MFA = "ON"
	mailed := identity.PoolSettings{Defaults: identity.CognitoDefaults, MFA: "OPTIONAL", EmailMFA: &identity.EmailMFASettings{}, SMS: &identity.SMSSettings{CallerARN: "r"}}
	for _, tt := range []struct {
		name       string
		settings   identity.PoolSettings
		attributes map[string]string
		on         identity.MFAMethod
		to         string
		err        error
	}{
		{"safe", identity.PoolSettings{}, both, "", email, nil},
		{"safe, phone only", identity.PoolSettings{}, text, "", phone, nil},
		{"Cognito", identity.PoolSettings{Defaults: identity.CognitoDefaults, SMS: &identity.SMSSettings{CallerARN: "r"}}, both, "", phone, nil},
		{"Cognito, mail only", identity.PoolSettings{Defaults: identity.CognitoDefaults}, mail, "", email, nil},
		{"by priority", identity.PoolSettings{Recovery: option("verified_email", "verified_phone_number")}, both, "", phone, nil},
		{"second choice", identity.PoolSettings{Recovery: option("verified_email", "verified_phone_number")}, mail, "", email, nil},
		{"one way only", identity.PoolSettings{Defaults: identity.CognitoDefaults, Recovery: option("verified_email")}, text, "", "", identity.ErrNoRecovery},
		{"nothing", identity.PoolSettings{Defaults: identity.CognitoDefaults}, nil, "", "", identity.ErrNoRecovery},
		{"operator only", identity.PoolSettings{Recovery: option("admin_only")}, both, "", "", identity.ErrRecoveryByAdmin},
		{"SMS is a factor", sms, both, identity.MFASMS, email, nil},
		{"SMS is a factor, phone only", sms, text, identity.MFASMS, "", identity.ErrNoRecovery},
		{"SMS may be a factor", sms, both, "", phone, nil},
		{"SMS must be a factor", must, both, "", email, nil},
		{"mail is a factor", mailed, both, identity.MFAEmail, phone, nil},
		{"mail is a factor, mail only", mailed, mail, identity.MFAEmail, "", identity.ErrNoRecovery},
		{"mail may be a factor", mailed, mail, "", email, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newEngine(t)
			tt.settings.PasswordPolicy = &identity.PasswordPolicy{}
			pool := f.open(t, tt.settings)
			f.invite(t, pool, "alice", tt.attributes)
			check(t, "SetPassword", pool.Admin().Users().SetPassword(t.Context(), "alice", password, true))
			f.edit(t, pool, "alice", func(u *identity.User) {
				if tt.on != "" {
					u.MFA.Methods = []identity.MFAMethod{tt.on}
				}
			})
			d, err := pool.ForgotPassword(t.Context(), "alice", "")
			wantErr(t, "ForgotPassword", err, tt.err)
			if tt.err != nil {
				if n := len(f.outbox.Messages(nil)); n != 0 {
					t.Errorf("%d messages were sent", n)
				}
				if errors.Is(tt.err, identity.ErrRecoveryByAdmin) { // who may
					check(t, "ResetPassword", pool.Admin().Users().ResetPassword(t.Context(), "alice"))
					check(t, "ConfirmForgotPassword", recoverAs(t.Context(), pool.AppClient, "alice", f.lastOf(identity.MessageResetCode), chosen))
				}
				return
			}
			if m := f.outbox.Messages(nil)[0]; m.To != tt.to || m.Medium != d.Medium {
				t.Errorf("message to %s by %s, want %s", m.To, d.Medium, tt.to)
			}
		})
	}
}

// TestRecoveryTellsWhatItMay holds the answers for users in each state to what the client may tell.
func TestRecoveryTellsWhatItMay(t *testing.T) {
	type outcome struct{ ask, try error }
	hidden := outcome{nil, identity.ErrCodeMismatch}
	legacy := map[string]outcome{
		"confirmed": {nil, identity.ErrCodeMismatch}, "reset": {nil, identity.ErrCodeMismatch},
		"nobody": {identity.ErrUserNotFound, identity.ErrUserNotFound}, "disabled": {identity.ErrUserDisabled, identity.ErrUserDisabled},
		"invited": {identity.ErrCannotReset, identity.ErrCodeExpired}, "unconfirmed": {identity.ErrNoRecovery, identity.ErrCodeExpired},
	}
	cognitoHidden := map[string]outcome{
		"confirmed": hidden, "reset": hidden, "nobody": hidden, "disabled": hidden, "unconfirmed": hidden,
		"invited": {identity.ErrCannotReset, identity.ErrCodeExpired},
	}
	safe := map[string]outcome{}
	for name := range legacy {
		safe[name] = hidden
	}
	for _, tt := range []struct {
		name     string
		settings identity.PoolSettings
		hide     string
		want     map[string]outcome
	}{
		{"safe", identity.PoolSettings{}, "ENABLED", safe},
		{"Cognito", cognitoPool, "LEGACY", legacy},
		{"Cognito, hiding", cognitoPool, "ENABLED", cognitoHidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newEngine(t)
			pool := f.open(t, tt.settings)
			client := f.client(t, pool, identity.ClientSettings{PreventUserExistenceErrors: &tt.hide})
			states(t, f, pool)
			for name, want := range tt.want {
				d, err := client.ForgotPassword(t.Context(), name, "")
				wantErr(t, name+" asks", err, want.ask)
				if want.ask == nil && (d == nil || d.Attribute != "email") {
					t.Errorf("%s: delivery %+v, want one by mail", name, d)
				}
				wantErr(t, name+" tries", recoverAs(t.Context(), client, name, "none", chosen), want.try)
			}
		})
	}
}

// Under the service's rules a code that was never asked for has expired, for everybody.
func TestCodeThatWasNotAskedForHasExpired(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, cognitoPool)
	client := f.client(t, pool, identity.ClientSettings{PreventUserExistenceErrors: ptr("ENABLED")})
	f.join(t, pool, "alice", email)
	for _, name := range lockable {
		wantErr(t, name, recoverAs(t.Context(), client, name, "000000", chosen), identity.ErrCodeExpired)
		_, err := client.ForgotPassword(t.Context(), name, "")
		check(t, "ForgotPassword", err)
		wantErr(t, name+" after asking", recoverAs(t.Context(), client, name, "none", chosen), identity.ErrCodeMismatch)
		f.advance(time.Hour)
		wantErr(t, name+" too late", recoverAs(t.Context(), client, name, "none", chosen), identity.ErrCodeExpired)
	}
}

func TestRecoveryIsAskedForFiveTimesAndTriedFifteenTimesAnHour(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	for _, name := range lockable {
		for range 15 {
			wantErr(t, name, recoverAs(t.Context(), pool.AppClient, name, "none", chosen), identity.ErrCodeMismatch)
		}
		wantErr(t, name+" tries once more", recoverAs(t.Context(), pool.AppClient, name, "none", chosen), identity.ErrLimitExceeded)
		for range 5 {
			_, err := pool.ForgotPassword(t.Context(), name, "")
			check(t, "ForgotPassword", err)
		}
		_, err := pool.ForgotPassword(t.Context(), name, "")
		wantErr(t, name+" asks once more", err, identity.ErrLimitExceeded)
	}
	check(t, "the right code", recoverAs(t.Context(), pool.AppClient, "alice", f.lastOf(identity.MessageResetCode), chosen))
	f.advance(66 * time.Minute)
	check(t, "an hour later", recoverAs(t.Context(), pool.AppClient, "alice", f.forgot(t, pool.AppClient, "alice"), chosen))
}

// The address that the code went to is verified; if it is the user's no more, the code is void.
func TestResetVerifiesTheAddressOfTheCode(t *testing.T) {
	for name, tt := range map[string]struct {
		edit func(*identity.User)
		err  error
		want string
	}{
		"unchanged": {func(u *identity.User) { u.Attributes["email_verified"] = "false" }, nil, "true"},
		"other address": {func(u *identity.User) {
			u.Attributes["email"], u.Attributes["email_verified"] = "new@example.com", "false"
		}, identity.ErrCodeExpired, "false"},
	} {
		f := newEngine(t)
		pool := f.open(t, identity.PoolSettings{Aliases: []string{"email"}})
		f.join(t, pool, "alice", email)
		code := f.forgot(t, pool.AppClient, "alice")
		f.edit(t, pool, "alice", func(u *identity.User) { u.Status = identity.StatusUnconfirmed; tt.edit(u) })
		wantErr(t, name, recoverAs(t.Context(), pool.AppClient, "alice", code, chosen), tt.err)
		u, err := pool.Admin().Users().Get(t.Context(), "alice")
		if err != nil || u.Attributes["email_verified"] != tt.want || (u.Status == identity.StatusConfirmed) != (tt.err == nil) {
			t.Errorf("%s: user %+v, %v, want the address verified: %s", name, u, err, tt.want)
		}
	}
}

// A code of sign-up verifies no address but the one that it went to.
func TestConfirmationVerifiesTheAddressOfTheCode(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.signUp(t, pool, "alice", email)
	f.edit(t, pool, "alice", func(u *identity.User) { u.Attributes["email"] = "victim@example.com" })
	f.confirm(t, pool, "alice", email)
	u, err := pool.Admin().Users().Get(t.Context(), "alice")
	if err != nil || u.Attributes["email_verified"] == "true" {
		t.Errorf("user %+v, %v, want the other address unverified", u, err)
	}
}

func TestOperatorResetsThePassword(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, cognitoPool)
	client := f.client(t, pool, identity.ClientSettings{})
	states(t, f, pool)
	users := pool.Admin().Users()
	for name, want := range map[string]error{
		"nobody": identity.ErrUserNotFound, "disabled": identity.ErrUserDisabled, "unconfirmed": identity.ErrCannotReset, "invited": identity.ErrCannotReset,
	} {
		wantErr(t, name, users.ResetPassword(t.Context(), name), want)
	}
	for range 2 { // again, for a user who must reset already
		check(t, "ResetPassword", users.ResetPassword(t.Context(), "confirmed"))
	}
	for how, try := range ways {
		_, err := try(t, client, pool.PoolID(), "confirmed", password)
		wantErr(t, "the old password by "+how, err, identity.ErrPasswordResetRequired)
	}
	m := f.outbox.Messages(nil)[0]
	if m.Kind != identity.MessageResetCode || m.Client != "" || m.Username != "confirmed" {
		t.Errorf("message %+v, want a code for the user", m)
	}
	check(t, "ConfirmForgotPassword", recoverAs(t.Context(), client, "confirmed", string(m.Code), chosen))
	check(t, "the new password", byPassword(t, client, "confirmed", chosen))

	f.edit(t, pool, "confirmed", func(u *identity.User) { u.Attributes["email_verified"] = "false" })
	wantErr(t, "no verified address", users.ResetPassword(t.Context(), "confirmed"), identity.ErrNoRecovery)
	wantErr(t, "and the password still signs in", byPassword(t, client, "confirmed", chosen), nil)
}

func TestRecoveryThatCannotBeSent(t *testing.T) {
	f := newEngineWith(t, memory.New(), func(o *identity.Options) {
		o.Sender, o.Logger = brokenSender{}, slog.New(slog.NewTextHandler(t.Output(), nil))
	})
	pool := f.open(t, cognitoPool)
	f.invite(t, pool, "alice", map[string]string{"email": email, "email_verified": "true"})
	check(t, "SetPassword", pool.Admin().Users().SetPassword(t.Context(), "alice", password, true))
	for hide, want := range map[string]error{"LEGACY": identity.ErrDelivery, "ENABLED": nil} {
		client := f.client(t, pool, identity.ClientSettings{PreventUserExistenceErrors: &hide})
		d, err := client.ForgotPassword(t.Context(), "alice", "")
		wantErr(t, hide, err, want)
		if d == nil {
			t.Errorf("%s: no delivery comes with the answer", hide)
		}
	}
	wantErr(t, "ResetPassword", pool.Admin().Users().ResetPassword(t.Context(), "alice"), identity.ErrDelivery)
	u, err := pool.Admin().Users().Get(t.Context(), "alice")
	if err != nil || u.Status != identity.StatusResetRequired {
		t.Errorf("user %+v, %v, want RESET_REQUIRED", u, err)
	}
}

func TestOneOfManyUsesOfAResetCodeWins(t *testing.T) {
	onBackEnds(t, identity.PoolSettings{Recovery: []identity.RecoveryOption{{Name: "verified_email", Priority: 1}}}, func(t *testing.T, f *fixture, pool *identity.UserPool) {
		f.join(t, pool, "alice", email)
		code := f.forgot(t, pool.AppClient, "alice")
		errs := together(crowd, func(i int) error {
			return recoverAs(t.Context(), pool.AppClient, "alice", code, fmt.Sprintf("%s %d", chosen, i))
		})
		wantOneWinner(t, errs, identity.ErrCodeMismatch, identity.ErrLimitExceeded)
		for i, err := range errs {
			if err == nil {
				wantErr(t, "the winner's password", byPassword(t, pool.AppClient, "alice", fmt.Sprintf("%s %d", chosen, i)), nil)
			}
		}
		check(t, "Verify", verify(t, f.store))
	})
}

// historic is a pool that remembers n passwords.
func historic(n int) identity.PoolSettings {
	return identity.PoolSettings{PasswordPolicy: &identity.PasswordPolicy{HistorySize: &n}}
}

// begin calls meanwhile, once.
func (f *fixture) begin() {
	if fn := f.meanwhile; fn != nil {
		f.meanwhile = nil
		fn()
	}
}

// passwordOf is which of the passwords of these tests is alice's.
func (f *fixture) passwordOf(t *testing.T, pool *identity.UserPool) identity.Secret {
	t.Helper()
	for _, p := range []string{password, chosen, chosen + "0", chosen + "1", chosen + "2"} {
		f.advance(time.Hour) // past any lock
		if byPassword(t, pool.AppClient, "alice", p) == nil {
			return identity.Secret(p)
		}
	}
	t.Fatal("alice has none of the passwords")
	return ""
}

// setters are the ways to set a password of a user who is confirmed.
var setters = map[string]func(t *testing.T, f *fixture, pool *identity.UserPool, password string) error{
	"SetPassword": func(t *testing.T, f *fixture, pool *identity.UserPool, password string) error {
		f.begin()
		return pool.Admin().Users().SetPassword(t.Context(), "alice", identity.Secret(password), true)
	},
	"ChangePassword": func(t *testing.T, f *fixture, pool *identity.UserPool, next string) error {
		previous := f.passwordOf(t, pool)
		in, err := pool.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: previous})
		check(t, "SignIn", err)
		s, err := pool.Session(t.Context(), in.Tokens.Access)
		check(t, "Session", err)
		f.begin()
		return s.ChangePassword(t.Context(), previous, identity.Secret(next))
	},
	"ConfirmForgotPassword": func(t *testing.T, f *fixture, pool *identity.UserPool, password string) error {
		f.advance(13 * time.Minute)
		code := f.forgot(t, pool.AppClient, "alice")
		f.begin()
		return recoverAs(t.Context(), pool.AppClient, "alice", code, password)
	},
}

func TestPasswordDoesNotReturnTooSoon(t *testing.T) {
	if testing.Short() {
		t.Skip("sets many passwords in each way")
	}
	for how, set := range setters {
		for _, n := range few.Of(2, []int{0, 1, 2, 3}) {
			t.Run(fmt.Sprint(how, " ", n), func(t *testing.T) {
				f := newEngine(t)
				pool := f.open(t, historic(n))
				f.join(t, pool, "alice", email)
				current := password
				for i := range n {
					for j := range i + 1 { // all that there were so far
						old := []string{password, chosen + "0", chosen + "1"}[j]
						wantErr(t, fmt.Sprintf("%d: %q", i, old), set(t, f, pool, old), identity.ErrPasswordReused)
					}
					f.advance(time.Hour)
					wantErr(t, "the present one", byPassword(t, pool.AppClient, "alice", current), nil)
					current = fmt.Sprint(chosen, i)
					check(t, "another", set(t, f, pool, current))
				}
				f.advance(2 * time.Hour)
				wantErr(t, "the first one", set(t, f, pool, password), nil)
			})
		}
	}
}

// A history that the policy no longer looks at is forgotten when the password changes.
func TestHistoryShrinks(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, historic(3))
	f.join(t, pool, "alice", email)
	set := setters["SetPassword"]
	check(t, "the second", set(t, f, pool, chosen))
	resize := func(n int) {
		check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.PasswordPolicy.HistorySize = &n }))
	}
	resize(1)
	check(t, "the first", set(t, f, pool, password))
	resize(3)
	wantErr(t, "the present one", set(t, f, pool, password), identity.ErrPasswordReused)
	check(t, "one that was forgotten", set(t, f, pool, chosen))
}

func TestInvitationKeepsTheHistory(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, historic(3))
	f.join(t, pool, "alice", email)
	users := pool.Admin().Users()
	check(t, "SetPassword", users.SetPassword(t.Context(), "alice", "a temporary password 1", false))
	_, err := users.Create(t.Context(), identity.CreateUser{Username: "alice", ResendInvitation: true, TemporaryPassword: "a temporary password 2", SuppressInvitation: true})
	check(t, "Create", err)
	res, err := pool.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: "a temporary password 2"})
	check(t, "SignIn", err)
	for _, old := range []string{password, "a temporary password 1", "a temporary password 2"} {
		_, err := pool.NewPassword("alice", res.Challenge.State()).Answer(t.Context(), identity.NewPassword{Password: identity.Secret(old)})
		wantErr(t, old, err, identity.ErrPasswordReused)
	}
	_, err = pool.NewPassword("alice", res.Challenge.State()).Answer(t.Context(), identity.NewPassword{Password: chosen})
	check(t, "a new one", err)
}

// A wrong code does not tell what the user's passwords were, nor does its time.
func TestHistoryIsToldToWhoeverHasTheCode(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, historic(5))
	f.join(t, pool, "alice", email)
	code := f.forgot(t, pool.AppClient, "alice")
	wantErr(t, "wrong code", recoverAs(t.Context(), pool.AppClient, "alice", otherCode(code), password), identity.ErrCodeMismatch)
	wantErr(t, "right code", recoverAs(t.Context(), pool.AppClient, "alice", code, password), identity.ErrPasswordReused)
	check(t, "and the code is still good", recoverAs(t.Context(), pool.AppClient, "alice", code, chosen))
}

// A password that was set while another was held against the history is in the
// history too, whichever transaction it comes before.
func TestHistorySeesWhatChangesMeanwhile(t *testing.T) {
	for how, set := range setters {
		for before := range 2 {
			s := &hookedStore{Store: memory.New()}
			f := newEngineOn(t, s)
			pool := f.open(t, historic(5))
			f.join(t, pool, "alice", email)
			done := false
			change := func() {
				done = true
				f.advance(time.Second)
				check(t, how, setters["SetPassword"](t, f, pool, chosen))
			}
			arm := func() { s.hook = change }
			for range before {
				next := arm
				arm = func() { s.hook = next }
			}
			f.meanwhile = arm
			err := set(t, f, pool, chosen)
			want := identity.ErrPasswordReused
			if how == "ChangePassword" { // what was proved is the password no more
				want = identity.ErrIncorrectCredentials
			}
			if before == 1 && how == "ChangePassword" {
				continue // it takes one transaction
			}
			if !done || !errors.Is(err, want) {
				t.Errorf("%s, transaction %d: %v, want a refusal", how, before, err)
			}
		}
	}
}

// A try counts once, although a history makes it take two transactions.
func TestLastTryOfAResetCodeMayBeRight(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, historic(5))
	f.join(t, pool, "alice", email)
	code := f.forgot(t, pool.AppClient, "alice")
	for range 4 {
		wantErr(t, "wrong code", recoverAs(t.Context(), pool.AppClient, "alice", "none", chosen), identity.ErrCodeMismatch)
	}
	check(t, "right code", recoverAs(t.Context(), pool.AppClient, "alice", code, chosen))
}

// zeros are random until they are turned on.
type zeros struct{ on bool }

func (z *zeros) Read(b []byte) (int, error) {
	if !z.on {
		return rand.Read(b)
	}
	clear(b)
	return len(b), nil
}

// No code fits for a user who was told of a delivery that was made up.
func TestMadeUpResetCodeFitsNobody(t *testing.T) {
	random := &zeros{}
	f := newEngineWith(t, memory.New(), func(o *identity.Options) { o.Rand = random })
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	random.on = true
	for _, tt := range []struct {
		verified string
		want     error
	}{{"false", identity.ErrCodeMismatch}, {"true", nil}} {
		f.advance(time.Second)
		f.edit(t, pool, "alice", func(u *identity.User) { u.Attributes["email_verified"] = tt.verified })
		check(t, "ForgotPassword", second(pool.ForgotPassword(t.Context(), "alice", "")))
		f.advance(time.Second)
		wantErr(t, "verified "+tt.verified, recoverAs(t.Context(), pool.AppClient, "alice", "000000", chosen), tt.want)
	}
}

// TestWrongResetCodesCountForTheAddress: whoever has several accounts with one address has no more guesses of codes that go there.
func TestWrongResetCodesCountForTheAddress(t *testing.T) {
	if testing.Short() {
		t.Skip("sends twenty codes, each of them tried")
	}
	f := newEngineWith(t, twice(memory.New()), func(o *identity.Options) {
		o.Limits.AddressPerDay, o.Limits.AddressPerHour = 1000, 1000
	})
	pool := f.open(t, identity.PoolSettings{})
	names := []string{"alice", "bob", "carol", "dave", "erin", "fay"}
	for _, name := range names {
		f.join(t, pool, name, name+"@example.org")
		f.edit(t, pool, name, func(u *identity.User) { u.Attributes["email"] = email })
	}
	guesses := 0
	for range 8 {
		for _, name := range names {
			before := len(f.outbox.Messages(nil))
			if _, err := pool.ForgotPassword(t.Context(), name, ""); err != nil {
				wantErr(t, name, err, identity.ErrLimitExceeded)
			}
			for range 5 * (len(f.outbox.Messages(nil)) - before) {
				if errors.Is(recoverAs(t.Context(), pool.AppClient, name, "000000", goodPassword), identity.ErrCodeMismatch) {
					guesses++
				}
			}
		}
		f.advance(61 * time.Minute) // accounts are locked for a moment after wrong codes
	}
	if guesses > 100 || guesses < 90 {
		t.Errorf("%d guesses of codes that went to one address, want 90 to 100", guesses)
	}
}
