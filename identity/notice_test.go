package identity_test

import (
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/mfa/webauthn/webauthntest"
	"github.com/cognate-id/cognate/store/memory"
)

// noticeKinds are the kinds of messages that carry no code.
var noticeKinds = []identity.MessageKind{
	identity.MessagePasswordChanged, identity.MessageFactorChanged, identity.MessageAddressChanged, identity.MessageAccountExists, identity.MessageIdentityLinked, identity.MessageIdentityUnlinked,
	identity.MessageNewDevice, identity.MessagePasskeyAdded, identity.MessagePasskeyRemoved,
}

// notices are the notices sent since the outbox was cleared, each as "kind to address".
func (f *fixture) notices(t *testing.T) (all []string) {
	t.Helper()
	for _, m := range f.outbox.Messages(nil) {
		if !slices.Contains(noticeKinds, m.Kind) {
			continue
		}
		all = append(all, string(m.Kind)+" to "+m.To)
		if m.Code != "" || m.Body == "" || m.Subject == "" || strings.Contains(m.Subject+m.Body, "{") {
			t.Errorf("%s has the code %q, the subject %q and the text %q", m.Kind, string(m.Code), m.Subject, m.Body)
		}
	}
	slices.Sort(all)
	return all
}

// An owner is a signed-in user who changes the account.
type owner struct {
	*fixture
	pool *identity.UserPool
	s    *identity.Session
}

const otherPassword = identity.Secret(password + "2")

// ownersChanges are changes of an account, each with the notices that it owes.
var ownersChanges = []struct {
	name string
	do   func(t *testing.T, o owner) error
	want []string
}{
	{"password changed", func(t *testing.T, o owner) error {
		return o.s.ChangePassword(t.Context(), password, otherPassword)
	}, []string{"PasswordChanged to " + email}},
	{"password set by an operator", func(t *testing.T, o owner) error {
		return o.pool.Admin().Users().SetPassword(t.Context(), "alice", otherPassword, true)
	}, []string{"PasswordChanged to " + email}},
	{"password reset by a code", func(t *testing.T, o owner) error {
		code := identity.Secret(o.forgot(t, o.pool.AppClient, "alice"))
		return o.pool.ConfirmForgotPassword(t.Context(), identity.ConfirmForgotPassword{Username: "alice", Code: code, Password: otherPassword})
	}, []string{"PasswordChanged to " + email}},
	{"address changed", func(t *testing.T, o owner) error {
		return second(o.s.UpdateAttributes(t.Context(), attrs{"email": newEmail}))
	}, []string{"AddressChanged to " + email}},
	{"address deleted", func(t *testing.T, o owner) error {
		return o.s.DeleteAttributes(t.Context(), "email")
	}, []string{"AddressChanged to " + email}},
	{"name changed", func(t *testing.T, o owner) error {
		return second(o.s.UpdateAttributes(t.Context(), attrs{"name": "Mallory"}))
	}, nil},
	{"app set up and turned on", func(t *testing.T, o owner) error {
		o.enroll(t, o.s)
		return nil
	}, []string{"FactorChanged to " + email}},
	{"app set up and not turned on", func(t *testing.T, o owner) error {
		o.setUp(t, o.s)
		return nil
	}, []string{"FactorChanged to " + email}},
	{"app turned on after more than an hour", func(t *testing.T, o owner) error {
		o.setUp(t, o.s)
		o.outbox.Clear()
		o.advance(time.Hour)
		return o.session(t, o.pool.AppClient, "alice").SetMFA(t.Context(), appOn)
	}, []string{"FactorChanged to " + email}},
	{"app turned on by an operator", func(t *testing.T, o owner) error {
		o.setUp(t, o.s)
		o.outbox.Clear()
		return o.pool.Admin().Users().SetMFA(t.Context(), "alice", appOn)
	}, []string{"FactorChanged to " + email}},
	{"app turned on, off and on again", func(t *testing.T, o owner) error {
		o.enroll(t, o.s)
		check(t, "off", o.s.SetMFA(t.Context(), identity.MFAUpdate{identity.MFATOTP: {}}))
		o.outbox.Clear()
		return o.s.SetMFA(t.Context(), appOn)
	}, []string{"FactorChanged to " + email}},
	{"app replaced, turned off and on again", func(t *testing.T, o owner) error {
		o.enroll(t, o.s)
		o.setUp(t, o.s)
		check(t, "off", o.s.SetMFA(t.Context(), identity.MFAUpdate{identity.MFATOTP: {}}))
		o.outbox.Clear()
		return o.s.SetMFA(t.Context(), appOn)
	}, []string{"FactorChanged to " + email}},
	{"app turned off by an operator and on again", func(t *testing.T, o owner) error {
		o.setUp(t, o.s)
		for _, in := range []identity.MFAUpdate{appOn, {identity.MFATOTP: {}}} {
			check(t, "by an operator", o.pool.Admin().Users().SetMFA(t.Context(), "alice", in))
		}
		o.outbox.Clear()
		return o.s.SetMFA(t.Context(), appOn)
	}, []string{"FactorChanged to " + email}},
	{"app turned on, and another factor off", func(t *testing.T, o owner) error {
		add := attrs{"phone_number": phone, "phone_number_verified": "true"}
		check(t, "UpdateAttributes", o.pool.Admin().Users().UpdateAttributes(t.Context(), "alice", add))
		check(t, "SMS on", o.s.SetMFA(t.Context(), identity.MFAUpdate{identity.MFASMS: {Enabled: true}}))
		o.setUp(t, o.s)
		o.outbox.Clear()
		return o.s.SetMFA(t.Context(), identity.MFAUpdate{identity.MFATOTP: {Enabled: true}, identity.MFASMS: {}})
	}, []string{"FactorChanged to " + email}},
	{"app turned off", func(t *testing.T, o owner) error {
		o.enroll(t, o.s)
		o.outbox.Clear()
		return o.s.SetMFA(t.Context(), identity.MFAUpdate{identity.MFATOTP: {}})
	}, []string{"FactorChanged to " + email}},
	{"app off as it was", func(t *testing.T, o owner) error {
		return o.s.SetMFA(t.Context(), identity.MFAUpdate{identity.MFATOTP: {}})
	}, nil},
	{"passkey added", func(t *testing.T, o owner) error {
		addPasskey(t, o.s, &webauthntest.Authenticator{})
		return nil
	}, []string{"PasskeyAdded to " + email}},
	{"passkey deleted", func(t *testing.T, o owner) error {
		made := addPasskey(t, o.s, &webauthntest.Authenticator{})
		o.outbox.Clear()
		return o.s.DeletePasskey(t.Context(), made.ID)
	}, []string{"PasskeyRemoved to " + email}},
	{"passkey deleted by an operator", func(t *testing.T, o owner) error {
		made := addPasskey(t, o.s, &webauthntest.Authenticator{})
		o.outbox.Clear()
		return o.pool.Admin().Users().DeletePasskey(t.Context(), "alice", made.ID)
	}, []string{"PasskeyRemoved to " + email}},
	{"wrong password", func(t *testing.T, o owner) error {
		wantErr(t, "ChangePassword", o.s.ChangePassword(t.Context(), wrong, otherPassword), identity.ErrIncorrectCredentials)
		return nil
	}, nil},
}

// TestOwnersAreToldOfChanges makes each change that a thief of an account would make.
func TestOwnersAreToldOfChanges(t *testing.T) {
	for _, tt := range few.Of(6, ownersChanges) {
		for _, on := range []bool{true, false} {
			t.Run(tt.name, func(t *testing.T) {
				f := newEngine(t)
				pool := f.open(t, identity.PoolSettings{
					MFA: identity.MFAOptional, TOTP: new(true), SMSMFA: true, Notices: &on,
					FirstFactors: passkeyPool.FirstFactors, Passkeys: passkeyPool.Passkeys,
				})
				f.join(t, pool, "alice", email)
				s := f.session(t, pool.AppClient, "alice")
				f.outbox.Clear()
				check(t, tt.name, tt.do(t, owner{f, pool, s}))
				want := tt.want
				if !on {
					want = nil
				}
				if got := f.notices(t); !slices.Equal(got, want) {
					t.Errorf("notices %v: %q, want %q", on, got, want)
				}
			})
		}
	}
}

// TestAddressThatWaitsLeavesTheOldOneItsNotice: the notice goes out when the new
// address takes the place of the old one.
func TestAddressThatWaitsLeavesTheOldOneItsNotice(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{AutoVerified: []string{"email"}, VerifyBeforeUpdate: []string{"email"}})
	f.join(t, pool, "alice", email)
	s := f.session(t, pool.AppClient, "alice")
	check(t, "UpdateAttributes", second(s.UpdateAttributes(t.Context(), attrs{"email": newEmail})))
	if got := f.notices(t); got != nil {
		t.Errorf("before the new address is proved: %q", got)
	}
	check(t, "VerifyAttribute", s.VerifyAttribute(t.Context(), "email", identity.Secret(f.outbox.LastCode(newEmail))))
	if got, want := f.notices(t), []string{"AddressChanged to " + email}; !slices.Equal(got, want) {
		t.Errorf("notices %q, want %q", got, want)
	}
}

// TestAppSetUpAtSignInIsTold: who sets an app up in the middle of a sign-in replaces none, and the owner is told all the same.
func TestAppSetUpAtSignInIsTold(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{MFA: identity.MFAOn, TOTP: new(true)})
	f.join(t, pool, "alice", email)
	res, err := pool.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: password})
	check(t, "SignIn", err)
	setup, ok := res.Challenge.(*identity.MFASetupRequired)
	if !ok {
		t.Fatalf("challenge %T", res.Challenge)
	}
	secret, err := setup.Enroll(t.Context())
	check(t, "EnrollTOTP", err)
	check(t, "Verify", setup.Verify(t.Context(), identity.Secret(secret.Code(f.now())), ""))
	if got, want := f.notices(t), []string{"FactorChanged to " + email}; !slices.Equal(got, want) {
		t.Errorf("notices %q, want %q", got, want)
	}
}

// TestAppThatNobodyWasToldOfIsTold: where notices were off when an app was set up, the owner
// is told once it is turned on.
func TestAppThatNobodyWasToldOfIsTold(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before bool // notices are on when the app is set up
		want   []string
	}{{"told", true, nil}, {"not told", false, []string{"FactorChanged to " + email}}} {
		t.Run(tt.name, func(t *testing.T) {
			f := newEngine(t)
			pool := f.open(t, identity.PoolSettings{MFA: identity.MFAOptional, TOTP: new(true), Notices: &tt.before})
			f.join(t, pool, "alice", email)
			s := f.session(t, pool.AppClient, "alice")
			secret, err := s.EnrollTOTP(t.Context())
			check(t, "EnrollTOTP", err)
			check(t, "VerifyTOTP", s.VerifyTOTP(t.Context(), identity.Secret(secret.Code(f.now())), ""))
			f.outbox.Clear()
			check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(p *identity.PoolSettings) { p.Notices = new(true) }))
			s = f.session(t, pool.AppClient, "alice")
			check(t, "SetMFA", s.SetMFA(t.Context(), identity.MFAUpdate{identity.MFATOTP: {Enabled: true}}))
			if got := f.notices(t); !slices.Equal(got, tt.want) {
				t.Errorf("notices %q, want %q", got, tt.want)
			}
		})
	}
}

// TestBrokenSenderFailsNoChange: a notice is owed, and not a condition.
func TestBrokenSenderFailsNoChange(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	s := f.session(t, pool.AppClient, "alice")
	f.outbox.Next = brokenSender{}
	check(t, "ChangePassword", s.ChangePassword(t.Context(), password, password+"2"))
}

// TestNoticeWithoutASenderIsNoError: a program without a Sender knows so from its start.
// Its log has no ERROR for each password that an operator sets.
func TestNoticeWithoutASenderIsNoError(t *testing.T) {
	var log strings.Builder
	f := newEngineWith(t, memory.New(), func(o *identity.Options) {
		o.Sender, o.Logger = nil, slog.New(slog.NewTextHandler(&log, nil))
	})
	users := f.open(t, identity.PoolSettings{}).Admin().Users()
	in := identity.CreateUser{Username: "alice", Attributes: attrs{"email": email, "email_verified": "true"}, SuppressInvitation: true}
	check(t, "Create", second(users.Create(t.Context(), in)))
	check(t, "SetPassword", users.SetPassword(t.Context(), "alice", password, true))
	check(t, "SetPassword again", users.SetPassword(t.Context(), "alice", password+"2", true))
	if got := log.String(); !strings.Contains(got, "level=WARN") || !strings.Contains(got, "kind=PasswordChanged") || strings.Contains(got, "level=ERROR") {
		t.Errorf("log:\n%s", got)
	}
}

// TestOwnersAreToldOfANewDevice: a sign-in from where the account was never signed in to
// is told, and neither the first sign-in nor one from a known place is.
func TestOwnersAreToldOfANewDevice(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	from := func(address string) (told int) {
		t.Helper()
		f.outbox.Clear()
		ctx := identity.WithCall(t.Context(), identity.Call{Address: netip.MustParseAddr(address)})
		_, err := pool.SignIn(ctx, identity.SignIn{Username: "alice", Password: password})
		check(t, "SignIn from "+address, err)
		return len(f.notices(t))
	}
	for _, tt := range []struct {
		what, address string
		told          int
	}{
		{"the first", "192.0.2.1", 0},
		{"the same", "192.0.2.1", 0},
		{"another", "198.51.100.7", 1},
		{"the other again", "198.51.100.7", 0},
		{"an IPv6 network", "2001:db8::1", 1},
		{"the same network", "2001:db8::2", 0},
	} {
		if got := from(tt.address); got != tt.told {
			t.Errorf("%s: %d notices, want %d", tt.what, got, tt.told)
		}
	}
	f.advance(100 * 24 * time.Hour)
	if got := from("192.0.2.1"); got != 0 {
		t.Errorf("where all sources were forgotten: %d notices, want none", got)
	}
}
