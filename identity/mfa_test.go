package identity_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/mfa"
	"github.com/cognate-id/cognate/store/memory"
)

// mfaPool is a pool whose users may, or must, have second factors.
func mfaPool(mode identity.MFAMode) identity.PoolSettings {
	s := cognitoPool
	s.MFA, s.TOTP, s.SMSMFA = mode, new(true), true
	return s
}

// enroll gives a user who signed in an authenticator app and makes it the preferred factor.
func (f *fixture) enroll(t testing.TB, s *identity.Session) mfa.Secret {
	t.Helper()
	key := f.setUp(t, s)
	check(t, "SetMFA", s.SetMFA(t.Context(), appOn))
	f.advance(mfa.Period)
	return key
}

// appOn turns an authenticator app on.
var appOn = identity.MFAUpdate{identity.MFATOTP: {Enabled: true, Preferred: true}}

// setUp sets an authenticator app up, and does not turn it on.
func (f *fixture) setUp(t testing.TB, s *identity.Session) mfa.Secret {
	t.Helper()
	key, err := s.EnrollTOTP(t.Context())
	check(t, "EnrollTOTP", err)
	check(t, "VerifyTOTP", s.VerifyTOTP(t.Context(), identity.Secret(key.Code(f.now())), "phone"))
	return key
}

// enrolled is a pool with a user, alice, who has an authenticator app.
func (f *fixture) enrolled(t testing.TB, mode identity.MFAMode) (*identity.UserPool, *identity.AppClient, mfa.Secret) {
	t.Helper()
	pool := f.open(t, mfaPool("OPTIONAL"))
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	key := f.enroll(t, f.session(t, a, "alice"))
	check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.MFA = mode }))
	return pool, a, key
}

// asked signs alice in by password and returns the challenge that follows.
func asked[C identity.Challenge](t testing.TB, a *identity.AppClient) C {
	t.Helper()
	in, err := a.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: password})
	check(t, "SignIn", err)
	ch, ok := in.Challenge.(C)
	if !ok {
		t.Fatalf("SignIn = %+v with challenge %T, want %T", in, in.Challenge, ch)
	}
	return ch
}

func answer(ctx context.Context, ch interface {
	Answer(context.Context, identity.FactorCode) (*identity.SignInResult, error)
}, code string,
) error {
	res, err := ch.Answer(ctx, identity.FactorCode{Code: identity.Secret(code)})
	if err == nil && res.Tokens == nil {
		return fmt.Errorf("no tokens but %T", res.Challenge)
	}
	return err
}

func TestSignInAsksForTheApp(t *testing.T) {
	f := newEngine(t)
	_, a, key := f.enrolled(t, "OPTIONAL")
	ch := asked[*identity.TOTPRequired](t, a)
	if ch.Username != "alice" || ch.Device != "phone" {
		t.Errorf("challenge of %q on %q, want alice on phone", ch.Username, ch.Device)
	}
	wantErr(t, "a wrong code", answer(t.Context(), ch, "000000"), identity.ErrMFACodeMismatch)
	wantErr(t, "no code", answer(t.Context(), ch, ""), identity.ErrMissingParameter)
	code := key.Code(f.now())
	check(t, "the right code after wrong ones", answer(t.Context(), ch, code))
	wantErr(t, "the same state again", answer(t.Context(), ch, code), identity.ErrSessionUsed)

	again := asked[*identity.TOTPRequired](t, a)
	wantErr(t, "the same step again", answer(t.Context(), again, code), identity.ErrTOTPUsed)
	wantErr(t, "an older step", answer(t.Context(), again, key.Code(f.now().Add(-mfa.Period))), identity.ErrTOTPUsed)
	f.advance(mfa.Period)
	check(t, "the next step", answer(t.Context(), again, key.Code(f.now())))
}

func TestSecondFactorIsAskedBySRPAndAfterANewPassword(t *testing.T) {
	f := newEngine(t)
	pool, a, key := f.enrolled(t, "ON")
	res, err := a.PasswordVerifier("alice").Answer(t.Context(), mustBeginSRP(t, a, pool.PoolID(), "alice").proof(t, password))
	check(t, "SRP", err)
	ch, ok := res.Challenge.(*identity.TOTPRequired)
	if !ok {
		t.Fatalf("after SRP: %+v, want TOTPRequired", res)
	}
	check(t, "code after SRP", answer(t.Context(), ch, key.Code(f.now())))
	f.advance(mfa.Period)

	users := pool.Admin().Users()
	check(t, "SetPassword", users.SetPassword(t.Context(), "alice", wrong, false))
	in, err := a.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: wrong})
	check(t, "SignIn", err)
	res, err = in.Challenge.(*identity.NewPasswordRequired).Answer(t.Context(), identity.NewPassword{Password: password})
	check(t, "new password", err)
	ch, ok = res.Challenge.(*identity.TOTPRequired)
	if !ok {
		t.Fatalf("after a new password: %+v, want TOTPRequired", res)
	}
	check(t, "code after a new password", answer(t.Context(), ch, key.Code(f.now())))
}

// The new password may be set at the instant of the temporary one, and the code comes after it all the same. A store that runs
// transactions twice hid that it did not.
func TestCodeAfterANewPasswordOfTheSameInstant(t *testing.T) {
	f := newEngineOn(t, memory.New())
	pool, a, key := f.enrolled(t, "ON")
	f.advance(mfa.Period)
	check(t, "SetPassword", pool.Admin().Users().SetPassword(t.Context(), "alice", wrong, false))
	in, err := a.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: wrong})
	check(t, "SignIn", err)
	res, err := in.Challenge.(*identity.NewPasswordRequired).Answer(t.Context(), identity.NewPassword{Password: password})
	check(t, "new password", err)
	check(t, "code", answer(t.Context(), res.Challenge.(*identity.TOTPRequired), key.Code(f.now())))
}

func TestWrongCodesAreLimited(t *testing.T) {
	f := newEngine(t)
	_, a, key := f.enrolled(t, "OPTIONAL")
	ch := asked[*identity.TOTPRequired](t, a)
	for i := range 5 {
		wantErr(t, fmt.Sprintf("wrong code %d", i), answer(t.Context(), ch, "000000"), identity.ErrMFACodeMismatch)
	}
	wantErr(t, "a code in a lock", answer(t.Context(), ch, key.Code(f.now())), identity.ErrTooManyAttempts)
	f.advance(time.Minute)
	wantErr(t, "a sixth code", answer(t.Context(), ch, key.Code(f.now())), identity.ErrSessionInvalid)
	check(t, "a code of another sign-in", answer(t.Context(), asked[*identity.TOTPRequired](t, a), key.Code(f.now())))
}

// The right password does not clear the failures of the second factor, or
// whoever knows it could guess codes without end.
func TestThePasswordDoesNotForgiveWrongCodes(t *testing.T) {
	f := newEngine(t)
	_, a, _ := f.enrolled(t, "OPTIONAL")
	locked := false
	for range 5 {
		ch := asked[*identity.TOTPRequired](t, a)
		err := answer(t.Context(), ch, "000000")
		locked = err != nil && byPassword(t, a, "alice", password) != nil
	}
	if !locked {
		t.Error("five wrong codes in five sign-ins did not lock")
	}
	wantErr(t, "the password in a lock", byPassword(t, a, "alice", password), identity.ErrTooManyAttempts)
}

func TestChallengeIsBound(t *testing.T) {
	f := newEngine(t)
	pool, a, key := f.enrolled(t, "OPTIONAL")
	f.join(t, pool, "bob", "bob@example.com")
	other := f.client(t, pool, identity.ClientSettings{})
	code := func() string { return key.Code(f.now()) }
	state := func() string { return asked[*identity.TOTPRequired](t, a).State() }

	wantErr(t, "another client", answer(t.Context(), other.TOTP("alice", state()), code()), identity.ErrSessionInvalid)
	wantErr(t, "another user", answer(t.Context(), a.TOTP("bob", state()), code()), identity.ErrSessionInvalid)
	wantErr(t, "another challenge", answer(t.Context(), a.SMSCode("alice", state()), code()), identity.ErrSessionInvalid)
	wantErr(t, "garbage", answer(t.Context(), a.TOTP("alice", "garbage"), code()), identity.ErrSessionInvalid)

	old := state()
	f.advance(3 * time.Minute)
	wantErr(t, "too late", answer(t.Context(), a.TOTP("alice", old), code()), identity.ErrSessionExpired)

	before := state()
	check(t, "SetPassword", pool.Admin().Users().SetPassword(t.Context(), "alice", password, true))
	wantErr(t, "a password set since", answer(t.Context(), a.TOTP("alice", before), code()), identity.ErrSessionInvalid)

	before = state()
	f.edit(t, pool, "alice", func(u *identity.User) { u.Disabled = true })
	wantErr(t, "disabled since", answer(t.Context(), a.TOTP("alice", before), code()), identity.ErrUserDisabled)
}

func TestSMSCodes(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, mfaPool("OPTIONAL"))
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	s := f.session(t, a, "alice")
	on := identity.MFAUpdate{identity.MFASMS: {Enabled: true}}
	wantErr(t, "SMS without a number", s.SetMFA(t.Context(), on), identity.ErrMFANotReady)
	f.edit(t, pool, "alice", func(u *identity.User) { u.Attributes["phone_number"] = phone })
	check(t, "SetMFA", s.SetMFA(t.Context(), on))

	first := asked[*identity.SMSCodeRequired](t, a)
	if d := first.Delivery; d.Medium != "SMS" || d.Destination != "+*******4567" {
		t.Errorf("delivery %+v, want SMS to +*******4567", d)
	}
	m := f.outbox.Messages(nil)[0]
	if m.Kind != identity.MessageFactorCode || m.Body != "Your authentication code is "+string(m.Code)+"." || m.To != phone {
		t.Errorf("message %+v", m)
	}
	second := asked[*identity.SMSCodeRequired](t, a)
	wantErr(t, "the code of another sign-in", answer(t.Context(), second, string(m.Code)), identity.ErrMFACodeMismatch)
	check(t, "the code of this sign-in", answer(t.Context(), second, f.outbox.LastCode(phone)))
	check(t, "the code of the first sign-in", answer(t.Context(), first, string(m.Code)))
	u, err := pool.Admin().Users().Get(t.Context(), "alice")
	if err != nil || u.Attributes["phone_number_verified"] != "true" {
		t.Errorf("phone_number_verified = %q, %v, want true", u.Attributes["phone_number_verified"], err)
	}
}

func TestChoiceOfFactors(t *testing.T) {
	f := newEngine(t)
	pool, a, key := f.enrolled(t, "OPTIONAL")
	users := pool.Admin().Users()
	f.edit(t, pool, "alice", func(u *identity.User) { u.Attributes["phone_number"] = phone })
	both := identity.MFAUpdate{identity.MFASMS: {Enabled: true}, identity.MFATOTP: {Enabled: true}}
	check(t, "SetMFA", users.SetMFA(t.Context(), "alice", both))
	ch := asked[*identity.MFAChoiceRequired](t, a)
	if want := []identity.MFAMethod{identity.MFASMS, identity.MFATOTP}; !slices.Equal(ch.Methods, want) {
		t.Errorf("methods %v, want %v", ch.Methods, want)
	}
	_, err := ch.Answer(t.Context(), identity.FactorChoice{Method: "EMAIL_OTP"})
	wantErr(t, "a factor that was not offered", err, identity.ErrInvalidParameter)
	res, err := ch.Answer(t.Context(), identity.FactorChoice{Method: identity.MFATOTP})
	check(t, "choose", err)
	check(t, "code", answer(t.Context(), res.Challenge.(*identity.TOTPRequired), key.Code(f.now())))
	_, err = ch.Answer(t.Context(), identity.FactorChoice{Method: identity.MFASMS})
	wantErr(t, "choose again", err, identity.ErrSessionUsed)
	res, err = asked[*identity.MFAChoiceRequired](t, a).Answer(t.Context(), identity.FactorChoice{Method: identity.MFASMS})
	check(t, "choose SMS", err)
	check(t, "code by SMS", answer(t.Context(), res.Challenge.(*identity.SMSCodeRequired), f.outbox.LastCode(phone)))
}

func TestMFAPreferences(t *testing.T) {
	f := newEngine(t)
	pool, _, _ := f.enrolled(t, "ON")
	users := pool.Admin().Users()
	f.edit(t, pool, "alice", func(u *identity.User) { u.Attributes["phone_number"] = phone })
	set := func(in identity.MFAUpdate) error { return users.SetMFA(t.Context(), "alice", in) }
	on, off, best := identity.MFASetting{Enabled: true}, identity.MFASetting{}, identity.MFASetting{Enabled: true, Preferred: true}
	sms := func(s identity.MFASetting) identity.MFAUpdate { return identity.MFAUpdate{identity.MFASMS: s} }
	totp := func(s identity.MFASetting) identity.MFAUpdate { return identity.MFAUpdate{identity.MFATOTP: s} }
	wantErr(t, "two preferred", set(identity.MFAUpdate{identity.MFASMS: best, identity.MFATOTP: best}), identity.ErrMFAPreference)
	wantErr(t, "preferred and off", set(sms(identity.MFASetting{Preferred: true})), identity.ErrMFAPreference)
	wantErr(t, "the last one off", set(totp(off)), identity.ErrMFARequired)
	wantErr(t, "a factor that there is not", set(identity.MFAUpdate{"PIGEON_MFA": off}), identity.ErrInvalidParameter)
	type methods = []identity.MFAMethod
	for _, step := range []struct {
		name string
		in   identity.MFAUpdate
		want identity.MFAPreference
	}{
		{"nothing", nil, identity.MFAPreference{Methods: methods{identity.MFATOTP}, Preferred: identity.MFATOTP}},
		{"SMS too", sms(on), identity.MFAPreference{Methods: methods{identity.MFASMS, identity.MFATOTP}, Preferred: identity.MFATOTP}},
		{"SMS preferred", sms(best), identity.MFAPreference{Methods: methods{identity.MFASMS, identity.MFATOTP}, Preferred: identity.MFASMS}},
		{"the app off", totp(off), identity.MFAPreference{Methods: methods{identity.MFASMS}, Preferred: identity.MFASMS}},
		{"SMS for the app", identity.MFAUpdate{identity.MFASMS: off, identity.MFATOTP: on}, identity.MFAPreference{Methods: methods{identity.MFATOTP}}},
	} {
		check(t, step.name, set(step.in))
		if u, err := users.Get(t.Context(), "alice"); err != nil || !reflect.DeepEqual(u.MFA, step.want) {
			t.Errorf("%s: %+v, %v, want %+v", step.name, u.MFA, err, step.want)
		}
	}
	wantErr(t, "nobody", users.SetMFA(t.Context(), "bob", identity.MFAUpdate{}), identity.ErrUserNotFound)
	f.join(t, pool, "bob", "bob@example.com")
	err := users.SetMFA(t.Context(), "bob", totp(on))
	wantErr(t, "an app that was never enrolled", err, identity.ErrMFANotReady)
}

func TestEnrollment(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, mfaPool("OPTIONAL"))
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	s := f.session(t, a, "alice")
	verify := func(code string) error { return s.VerifyTOTP(t.Context(), identity.Secret(code), "") }
	wantErr(t, "verify without a key", verify("000000"), identity.ErrTOTPNotFound)
	key, err := s.EnrollTOTP(t.Context())
	check(t, "EnrollTOTP", err)
	wantErr(t, "a wrong code", verify("000000"), identity.ErrTOTPMismatch)
	check(t, "the right code", verify(key.Code(f.now())))
	wantErr(t, "the same code again", verify(key.Code(f.now())), identity.ErrTOTPUsed)
	f.signIn(t, a, "alice") // nothing is turned on yet

	check(t, "SetMFA", s.SetMFA(t.Context(), identity.MFAUpdate{identity.MFATOTP: {Enabled: true}}))
	f.advance(mfa.Period)
	other, err := s.EnrollTOTP(t.Context())
	check(t, "EnrollTOTP", err)
	check(t, "the verified key, while another waits", answer(t.Context(), asked[*identity.TOTPRequired](t, a), key.Code(f.now())))
	check(t, "the other", verify(other.Code(f.now())))
	f.advance(mfa.Period)
	ch := asked[*identity.TOTPRequired](t, a)
	wantErr(t, "the key that was replaced", answer(t.Context(), ch, key.Code(f.now())), identity.ErrMFACodeMismatch)
	check(t, "the key that replaced it", answer(t.Context(), ch, other.Code(f.now())))
	key, err = s.EnrollTOTP(t.Context())
	check(t, "EnrollTOTP", err)
	for range 20 {
		wantErr(t, "a wrong code", verify("000000"), identity.ErrTOTPMismatch)
	}
	wantErr(t, "the right code after many wrong ones", verify(key.Code(f.now())), identity.ErrTOTPMismatch)
}

func TestEnrollmentNeedsAPoolWithApps(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, cognitoPool)
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	_, err := f.session(t, a, "alice").EnrollTOTP(t.Context())
	wantErr(t, "EnrollTOTP", err, identity.ErrTOTPDisabled)
}

func TestSetupOfARequiredFactor(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, mfaPool("ON"))
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	ch, spare := asked[*identity.MFASetupRequired](t, a), asked[*identity.MFASetupRequired](t, a)
	_, err := a.MFASetup("alice", ch.State()).Answer(t.Context(), "")
	wantErr(t, "an answer before enrolling", err, identity.ErrSessionInvalid)

	setup, err := f.MFASetup(t.Context(), ch.State())
	check(t, "MFASetup", err)
	key, err := setup.Enroll(t.Context())
	check(t, "Enroll", err)
	wantErr(t, "a wrong code", setup.Verify(t.Context(), "000000", ""), identity.ErrTOTPMismatch)
	_, err = a.MFASetup("alice", setup.State()).Answer(t.Context(), "")
	wantErr(t, "an answer before verifying", err, identity.ErrSessionInvalid)
	check(t, "Verify", setup.Verify(t.Context(), identity.Secret(key.Code(f.now())), "phone"))
	res, err := a.MFASetup("alice", setup.State()).Answer(t.Context(), "")
	if err != nil || res.Tokens == nil {
		t.Fatalf("Answer = %+v, %v, want tokens", res, err)
	}
	_, err = a.MFASetup("alice", setup.State()).Answer(t.Context(), "")
	wantErr(t, "an answer again", err, identity.ErrSessionUsed)

	// The password alone does not replace the app.
	late, err := f.MFASetup(t.Context(), spare.State())
	check(t, "MFASetup", err)
	_, err = late.Enroll(t.Context())
	wantErr(t, "another set-up", err, identity.ErrSessionInvalid)
	f.advance(mfa.Period)
	check(t, "the next sign-in", answer(t.Context(), asked[*identity.TOTPRequired](t, a), key.Code(f.now())))
	for _, state := range []string{"", "x", "x.y", a.ClientID() + ".y"} {
		setup, err := f.MFASetup(t.Context(), state)
		if err == nil {
			_, err = setup.Enroll(t.Context())
		}
		wantErr(t, "state "+state, err, identity.ErrSessionInvalid)
	}
}

// Where everybody needs a factor, one that is enrolled is asked for even if it
// was never turned on.
func TestEnrolledAppIsAskedForWhereMFAIsRequired(t *testing.T) {
	f := newEngine(t)
	pool, a, key := f.enrolled(t, "ON")
	f.edit(t, pool, "alice", func(u *identity.User) { u.MFA = identity.MFAPreference{} })
	check(t, "code", answer(t.Context(), asked[*identity.TOTPRequired](t, a), key.Code(f.now())))
}

func TestOperatorsProgramSignsIn(t *testing.T) {
	f := newEngine(t)
	pool, _, key := f.enrolled(t, "OPTIONAL")
	server := f.client(t, pool, identity.ClientSettings{GenerateSecret: true, AuthFlows: []identity.AuthFlow{identity.AllowAdminPassword}})
	secrets, err := pool.Admin().Clients().Secrets(t.Context(), server.ClientID())
	check(t, "Secrets", err)
	in := identity.SignIn{Username: "alice", Password: password, SecretHash: identity.SecretHash(secrets[0], "alice", server.ClientID())}
	_, err = server.SignIn(t.Context(), in)
	wantErr(t, "the public flow", err, identity.ErrFlowNotEnabled)
	res, err := pool.Admin().SignIn(t.Context(), server.ClientID(), in)
	check(t, "SignIn", err)
	ch := res.Challenge.(*identity.TOTPRequired)
	wantErr(t, "no secret hash", answer(t.Context(), ch, key.Code(f.now())), identity.ErrSecretHashMissing)
	res, err = ch.Answer(t.Context(), identity.FactorCode{Code: identity.Secret(key.Code(f.now())), SecretHash: in.SecretHash})
	if err != nil || res.Tokens == nil {
		t.Errorf("Answer = %+v, %v, want tokens", res, err)
	}
	_, err = pool.Admin().SignIn(t.Context(), f.client(t, pool, identity.ClientSettings{}).ClientID(), in)
	wantErr(t, "a client without the flow", err, identity.ErrFlowNotEnabled)
}

func TestOneOfManyAnswersToOneChallengeWins(t *testing.T) {
	for _, back := range backEnds {
		t.Run(back.name, func(t *testing.T) {
			f := newEngineOn(t, back.open(t))
			_, a, key := f.enrolled(t, "OPTIONAL")
			ch := asked[*identity.TOTPRequired](t, a)
			code := key.Code(f.now())
			errs := together(crowd, func(int) error { return answer(t.Context(), ch, code) })
			wantOneWinner(t, errs, identity.ErrSessionUsed)
		})
	}
}

func TestOneOfManySignInsWithOneStepWins(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a crowd of sign-ins")
	}
	for _, back := range backEnds {
		t.Run(back.name, func(t *testing.T) {
			f := newEngineOn(t, back.open(t))
			_, a, key := f.enrolled(t, "OPTIONAL")
			states := make([]*identity.TOTPRequired, crowd)
			for i := range states {
				states[i] = asked[*identity.TOTPRequired](t, a)
			}
			code := key.Code(f.now())
			errs := together(crowd, func(i int) error { return answer(t.Context(), states[i], code) })
			wantOneWinner(t, errs, identity.ErrTOTPUsed)
			check(t, "Verify", verify(t, f.store))
		})
	}
}
