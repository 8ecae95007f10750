package identity_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/mfa"
	"github.com/cognate-id/cognate/store/memory"
)

// firstFactorPool is a pool whose hooks name a second factor first. alice has all factors, plain has none, stale has
// all and is disabled.
func (f *fixture) firstFactorPool(t *testing.T, method string) (*identity.UserPool, mfa.Secret) {
	t.Helper()
	settings := mfaPool("OPTIONAL")
	settings.Defaults, settings.Notices, settings.EmailMFA = identity.SafeDefaults, ptr(false), &identity.EmailMFASettings{}
	pool := f.open(t, settings)
	a := f.client(t, pool, identity.ClientSettings{})
	users := pool.Admin().Users()
	var key mfa.Secret
	for i, name := range []string{"stale", "alice"} {
		f.join(t, pool, name, name+"@example.com")
		key = f.enroll(t, f.session(t, a, name))
		check(t, "UpdateAttributes", users.UpdateAttributes(t.Context(), name, map[string]string{
			"phone_number": fmt.Sprintf("+4915112345%03d", i), "phone_number_verified": "true",
		}))
		check(t, "SetMFA", users.SetMFA(t.Context(), name, identity.MFAUpdate{
			identity.MFATOTP: {Enabled: true}, identity.MFASMS: {Enabled: true}, identity.MFAEmail: {Enabled: true},
		}))
	}
	check(t, "Disable", users.Disable(t.Context(), "stale"))
	f.join(t, pool, "plain", "plain@example.com")
	h := (&game{define: func(e *hook.DefineAuthChallenge) hook.DefineAuthChallengeDecision {
		if len(e.Rounds) == 0 {
			return hook.DefineAuthChallengeDecision{Challenge: method}
		}
		return hook.DefineAuthChallengeDecision{IssueTokens: true}
	}}).hooks()
	f.SetHooks(&h)
	return pool, key
}

// asksCode is what the three challenges have in common.
type asksCode interface {
	identity.Challenge
	Answer(context.Context, identity.FactorCode) (*identity.SignInResult, error)
}

// toldStranger is all that a stranger learns who begins a custom sign-in and answers with wrong codes.
func toldStranger(t *testing.T, a *identity.AppClient, name string) string {
	t.Helper()
	in, err := a.StartCustom(t.Context(), identity.StartCustom{Username: name})
	if err != nil {
		return err.Error()
	}
	out := []string{fmt.Sprintf("%T", in.Challenge), fmt.Sprint(len(in.Challenge.State()))}
	switch c := in.Challenge.(type) {
	case *identity.TOTPRequired:
		out = append(out, c.Device)
	case *identity.SMSCodeRequired:
		out = append(out, string(c.Delivery.Medium), c.Delivery.Attribute, fmt.Sprint(strings.HasPrefix(c.Delivery.Destination, "+*****")))
	case *identity.EmailCodeRequired:
		out = append(out, string(c.Delivery.Medium), c.Delivery.Attribute, fmt.Sprint(strings.Contains(c.Delivery.Destination, "***@")))
	}
	for range 7 {
		out = append(out, answer(t.Context(), in.Challenge.(asksCode), "000000").Error())
	}
	return strings.Join(out, "\n")
}

// A factor that the hooks name first is asked of everybody, and a stranger is told the same of all: of a user, of one without
// the factor, of one who is disabled and of nobody.
func TestFirstFactorOfACustomSignInTellsNobody(t *testing.T) {
	if testing.Short() {
		t.Skip("guesses past all tries as four kinds of users")
	}
	for _, method := range few.Of(3, []string{"SOFTWARE_TOKEN_MFA", "SMS_MFA", "EMAIL_OTP"}) {
		t.Run(method, func(t *testing.T) {
			f := newEngine(t)
			pool, _ := f.firstFactorPool(t, method)
			a := f.customClient(t, pool, true)
			before := len(f.outbox.Messages(nil))
			want := toldStranger(t, a, "alice")
			if got := strings.Count(want, identity.ErrMFACodeMismatch.Error()); got != 5 {
				t.Errorf("alice may try %d codes: %s", got, want)
			}
			sent := len(f.outbox.Messages(nil)) - before
			if want := map[string]int{"SOFTWARE_TOKEN_MFA": 0, "SMS_MFA": 1, "EMAIL_OTP": 1}[method]; sent != want {
				t.Errorf("%d codes sent to alice, want %d", sent, want)
			}
			for _, name := range []string{"stale", "plain", "nobod"} {
				if got := toldStranger(t, a, name); got != want {
					t.Errorf("of %s it tells\n%s\nand of alice\n%s", name, got, want)
				}
			}
			if n := len(f.outbox.Messages(nil)) - before - sent; n != 0 {
				t.Errorf("%d codes sent to who cannot use the factor", n)
			}
		})
	}
}

// The right code of who may not sign in is a wrong one, so that nobody is told about the account before its end.
func TestRightCodeOfADisabledUser(t *testing.T) {
	f := newEngine(t)
	pool, key := f.firstFactorPool(t, "SOFTWARE_TOKEN_MFA")
	a := f.customClient(t, pool, true)
	ch := startFactor(t, a)
	check(t, "Disable", pool.Admin().Users().Disable(t.Context(), "alice"))
	wantErr(t, "a right code", answer(t.Context(), ch, key.Code(f.now())), identity.ErrMFACodeMismatch)
	check(t, "Enable", pool.Admin().Users().Enable(t.Context(), "alice"))
	check(t, "a right code", second(a.TOTP("alice", ch.State()).Answer(t.Context(), identity.FactorCode{Code: identity.Secret(key.Code(f.now()))})))
}

// In the answer only the name is accepted that the sign-in began with: another would tell whose names they are.
func TestFirstFactorOfACustomSignInTakesNoOtherName(t *testing.T) {
	f := newEngine(t)
	pool, key := f.firstFactorPool(t, "SOFTWARE_TOKEN_MFA")
	a := f.customClient(t, pool, true)
	sub := f.user(t, pool, "alice").Sub
	state := startFactor(t, a).State()
	wantErr(t, "by the sub", answer(t.Context(), a.TOTP(sub, state), key.Code(f.now())), identity.ErrSessionInvalid)
	check(t, "by the name", second(a.TOTP("alice", state).Answer(t.Context(), identity.FactorCode{Code: identity.Secret(key.Code(f.now()))})))
}

// A client that may know who has an account gets errors: they are of use to who writes the hooks. So does anybody in a pool
// where nobody can use the factor.
func TestFirstFactorThatCannotBeUsed(t *testing.T) {
	f := newEngine(t)
	pool, _ := f.firstFactorPool(t, "SMS_MFA")
	hidden := f.customClient(t, pool, true)
	open := f.client(t, pool, identity.ClientSettings{AuthFlows: []identity.AuthFlow{identity.AllowCustom}, PreventUserExistenceErrors: ptr("LEGACY")})
	begin := func(a *identity.AppClient, name string) error {
		return second(a.StartCustom(t.Context(), identity.StartCustom{Username: name}))
	}
	wantErr(t, "plain", begin(open, "plain"), identity.ErrHookDecision)
	wantErr(t, "nobody", begin(open, "nobody"), identity.ErrUserNotFound)
	check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.SMSMFA = false }))
	for _, name := range []string{"alice", "plain", "nobody"} {
		wantErr(t, name, begin(hidden, name), identity.ErrHookDecision)
	}
}

// Strangers who begin custom sign-ins with a code by text message use up a budget of their own, for users and for
// nobody alike, and none of the owner's sign-ins.
func TestStrangersDoNotUseUpTheCodesOfSignIns(t *testing.T) {
	if testing.Short() {
		t.Skip("begins sign-ins until their codes are used up")
	}
	f := newEngineWith(t, memory.New(), func(o *identity.Options) { o.Limits = identity.Limits{CustomSignInsPerHour: -1} })
	pool, _ := f.firstFactorPool(t, "SMS_MFA")
	a := f.customClient(t, pool, true)
	from := func(n byte) error {
		ctx := identity.WithCall(t.Context(), identity.Call{Address: netip.AddrFrom4([4]byte{198, 51, 100, n})})
		return second(a.StartCustom(ctx, identity.StartCustom{Username: "alice"}))
	}
	f.advance(25 * time.Hour)
	for n := range byte(5) {
		check(t, "a stranger", from(n))
	}
	for n := range byte(20) {
		wantErr(t, "another stranger", from(10+n), identity.ErrLimitExceeded)
	}
	var nobody int
	for range 8 {
		if err := second(a.StartCustom(t.Context(), identity.StartCustom{Username: "nobody"})); err == nil {
			nobody++
		}
	}
	if nobody != 5 {
		t.Errorf("%d codes are sent to nobody in an hour, want 5", nobody)
	}
	check(t, "SetMFA", pool.Admin().Users().SetMFA(t.Context(), "alice", identity.MFAUpdate{
		identity.MFASMS: {Enabled: true, Preferred: true}, identity.MFATOTP: {}, identity.MFAEmail: {},
	}))
	before := len(f.outbox.Messages(nil))
	asked[*identity.SMSCodeRequired](t, a)
	if n := len(f.outbox.Messages(nil)) - before; n != 1 {
		t.Errorf("%d codes sent to alice who has given her password", n)
	}
}

// The length of a state tells nothing of the user, however much the hooks put into it.
func TestLongStateTellsNobody(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, cognitoPool)
	f.join(t, pool, "alice", email)
	size := 0
	h := (&game{create: func(*hook.CreateAuthChallenge) hook.CreateAuthChallengeDecision {
		return hook.CreateAuthChallengeDecision{Private: map[string]string{"answer": strings.Repeat("x", size)}}
	}}).hooks()
	f.SetHooks(&h)
	a := f.customClient(t, pool, true)
	for size = 100; size < 1000; size += 43 {
		if got, want := len(riddle(t, a, "nobod").State()), len(riddle(t, a, "alice").State()); got != want {
			t.Errorf("with %d bytes of the hooks: %d for nobody, %d for alice", size, got, want)
		}
	}
}

// Tries of codes that nobody was sent are counted in the rows that unknown names share, so that they
// do not make the store grow.
func TestFirstFactorOfNobodyIsCountedInSharedRows(t *testing.T) {
	f := newEngine(t)
	pool, _ := f.firstFactorPool(t, "EMAIL_OTP")
	a := f.customClient(t, pool, true)
	rows := func() (own, shared int) {
		for key := range contents(t, f.store) {
			switch {
			case !strings.HasPrefix(key, "throttles "):
			case strings.Contains(key, "?"):
				shared++
			default:
				own++
			}
		}
		return own, shared
	}
	own, shared := rows()
	toldStranger(t, a, "nobody")
	if gotOwn, gotShared := rows(); gotOwn != own || gotShared <= shared {
		t.Errorf("%d rows of its own and %d shared, before there were %d and %d", gotOwn, gotShared, own, shared)
	}
}
