package identity_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/mfa"
	"github.com/cognate-id/cognate/store/memory"
)

const victims = "+15559876543"

// texted is a pool with a user, alice, whose second factor is text messages.
func (f *fixture) texted(t testing.TB, settings identity.PoolSettings) (*identity.UserPool, *identity.AppClient, *identity.Session) {
	t.Helper()
	pool := f.open(t, settings)
	a := f.client(t, pool, identity.ClientSettings{})
	s := f.member(t, pool, a, "alice", attrs{"phone_number": phone, "email": email, "email_verified": "true"})
	check(t, "SetMFA", s.SetMFA(t.Context(), identity.MFAUpdate{identity.MFASMS: {Enabled: true}}))
	return pool, a, s
}

// A code of a sign-in verifies no number but the one that it was sent to, and
// is good only while that is the user's.
func TestCodeOfASignInIsOfOneNumber(t *testing.T) {
	f := newEngine(t)
	settings := mfaPool("OPTIONAL")
	settings.Aliases = []string{"phone_number"}
	pool, a, s := f.texted(t, settings)
	ch := asked[*identity.SMSCodeRequired](t, a)
	code := f.outbox.LastCode(phone)
	check(t, "UpdateAttributes", second(s.UpdateAttributes(t.Context(), attrs{"phone_number": victims})))
	wantErr(t, "the code to the other number", answer(t.Context(), ch, code), identity.ErrMFACodeMismatch)
	if got := f.user(t, pool, "alice").Attributes["phone_number_verified"]; got == "true" {
		t.Error("a number was verified by a code that went to another")
	}
}

// A factor that was turned off in favour of another proves nothing any more.
func TestOpenChallengeOfAFactorTurnedOff(t *testing.T) {
	f := newEngine(t)
	pool, a, key := f.enrolled(t, "OPTIONAL")
	users := pool.Admin().Users()
	f.edit(t, pool, "alice", func(u *identity.User) { u.Attributes["phone_number"] = phone })
	on, off := identity.MFASetting{Enabled: true}, identity.MFASetting{}
	set := func(sms, totp identity.MFASetting) {
		t.Helper()
		check(t, "SetMFA", users.SetMFA(t.Context(), "alice", identity.MFAUpdate{identity.MFASMS: sms, identity.MFATOTP: totp}))
	}

	set(on, off)
	texted := asked[*identity.SMSCodeRequired](t, a)
	code := f.outbox.LastCode(phone)
	set(on, on)
	choice := asked[*identity.MFAChoiceRequired](t, a)
	set(off, on)
	_, err := choice.Answer(t.Context(), identity.FactorChoice{Method: identity.MFASMS})
	wantErr(t, "the choice of a phone that was lost", err, identity.ErrSessionInvalid)
	wantErr(t, "the code of a phone that was lost", answer(t.Context(), texted, code), identity.ErrSessionInvalid)

	app := asked[*identity.TOTPRequired](t, a)
	set(on, off)
	wantErr(t, "the app that was turned off", answer(t.Context(), app, key.Code(f.now())), identity.ErrSessionInvalid)
	set(on, on)
	check(t, "a factor that is on, if not the preferred one", answer(t.Context(), app, key.Code(f.now())))
}

// Who began to set a factor up when the user had none does not end it when the user has one.
func TestSetupIsForUsersWithoutAFactor(t *testing.T) {
	for name, steps := range map[string]int{"begun": 0, "enrolled": 1, "verified": 2} {
		f := newEngine(t)
		pool := f.open(t, mfaPool("ON"))
		a := f.client(t, pool, identity.ClientSettings{})
		f.join(t, pool, "alice", email)
		ch := asked[*identity.MFASetupRequired](t, a)
		var key mfa.Secret
		var err error
		step := func(i int) {
			switch i {
			case 0:
				key, err = ch.Enroll(t.Context())
			case 1:
				err = ch.Verify(t.Context(), identity.Secret(key.Code(f.now())), "")
			}
		}
		for i := range steps {
			if step(i); err != nil {
				t.Fatalf("%s: step %d: %v", name, i, err)
			}
		}
		f.edit(t, pool, "alice", func(u *identity.User) {
			u.Attributes["phone_number"], u.MFA = phone, identity.MFAPreference{Methods: []identity.MFAMethod{identity.MFASMS}, Preferred: identity.MFASMS}
		})
		if step(steps); steps == 2 {
			_, err = a.MFASetup("alice", ch.State()).Answer(t.Context(), "")
		}
		wantErr(t, name, err, identity.ErrSessionInvalid)
	}
}

// Resetting the password, which a mailbox is enough for, gives no more guesses of the second factor.
func TestResetsGiveNoMoreGuessesOfTheFactor(t *testing.T) {
	if testing.Short() {
		t.Skip("resets a password a hundred times")
	}
	f := newEngine(t)
	_, a, _ := f.enrolled(t, "OPTIONAL")
	judged := 0
	for end := f.now().Add(24 * time.Hour); f.now().Before(end); f.advance(14 * time.Minute) {
		check(t, "ConfirmForgotPassword", recoverAs(t.Context(), a, "alice", f.forgot(t, a, "alice"), password))
		for range 2 {
			in, err := a.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: password})
			if err != nil {
				break
			}
			for errors.Is(answer(t.Context(), in.Challenge.(*identity.TOTPRequired), "000000"), identity.ErrMFACodeMismatch) {
				judged++
			}
			f.advance(time.Second)
		}
	}
	if judged > 100 {
		t.Errorf("%d codes were judged in a day, want 100 at most", judged)
	}
}

// Addresses that come with a first password are not verified, whatever was there before.
func TestAddressWithAFirstPasswordIsUnverified(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{Aliases: []string{"email"}})
	f.invite(t, pool, "mallory", attrs{"email_verified": "true"})
	_, err := challenge(t, pool.AppClient, "mallory").Answer(t.Context(), identity.NewPassword{Password: chosen, Attributes: attrs{"email": email}})
	check(t, "Answer", err)
	if u := f.user(t, pool, "mallory"); u.Attributes["email_verified"] == "true" {
		t.Errorf("user %+v, want the address unverified", u)
	}
	_, err = pool.Admin().Users().Get(t.Context(), email)
	wantErr(t, "the alias", err, identity.ErrUserNotFound)
}

// What a user has got meanwhile is not replaced with a first password either.
func TestFirstPasswordDoesNotReplaceWhatCameMeanwhile(t *testing.T) {
	s := &hookedStore{Store: memory.New()}
	f := newEngineOn(t, s)
	pool := f.open(t, identity.PoolSettings{})
	f.invite(t, pool, "mallory", nil)
	ch := challenge(t, pool.AppClient, "mallory")
	s.hook = func() {
		check(t, "UpdateAttributes", pool.Admin().Users().UpdateAttributes(t.Context(), "mallory", attrs{"email": email, "email_verified": "true"}))
	}
	_, err := ch.Answer(t.Context(), identity.NewPassword{Password: chosen, Attributes: attrs{"email": newEmail}})
	wantErr(t, "Answer", err, identity.ErrAttributeProvided)
	if u := f.user(t, pool, "mallory"); u.Attributes["email"] != email {
		t.Errorf("user %+v, want the operator's address", u)
	}
}

// A reset code is void once the address that it went to is not the user's.
func TestVerifiedChangeOfAddressVoidsTheResetCode(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{VerifyBeforeUpdate: []string{"email"}, AutoVerified: []string{"email"}})
	s := f.member(t, pool, pool.AppClient, "alice", attrs{"email": email, "email_verified": "true"})
	check(t, "UpdateAttributes", second(s.UpdateAttributes(t.Context(), attrs{"email": newEmail})))
	code := f.forgot(t, pool.AppClient, "alice")
	check(t, "VerifyAttribute", s.VerifyAttribute(t.Context(), "email", identity.Secret(f.outbox.LastCode(newEmail))))
	wantErr(t, "the old mailbox", recoverAs(t.Context(), pool.AppClient, "alice", code, chosen), identity.ErrCodeExpired)
}

// A password that was replaced within the millisecond ends what the one before had begun.
func TestReplacedPasswordEndsChallengesAtOnce(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.invite(t, pool, "alice", nil)
	ch := challenge(t, pool.AppClient, "alice")
	check(t, "SetPassword", pool.Admin().Users().SetPassword(t.Context(), "alice", wrong, false))
	_, err := ch.Answer(t.Context(), identity.NewPassword{Password: chosen})
	wantErr(t, "Answer", err, identity.ErrSessionInvalid)
}

// A creation that is refused takes nothing from anybody.
func TestRefusedCreationTakesNoAlias(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{Aliases: []string{"email", "preferred_username"}})
	users := pool.Admin().Users()
	f.join(t, pool, "alice", email)
	f.join(t, pool, "bob", "bob@example.com")
	_, err := users.Create(t.Context(), identity.CreateUser{
		Username: "carol", ForceAlias: true, SuppressInvitation: true,
		Attributes: attrs{"email": email, "email_verified": "true", "preferred_username": "bob"},
	})
	wantErr(t, "Create", err, identity.ErrAliasExists)
	if u, err := users.Get(t.Context(), email); err != nil || u.Username != "alice" {
		t.Errorf("the alias is of %+v, %v, want alice", u, err)
	}
}

// How a name is written does not change where a code seems to go, as it does not for users.
func TestDestinationDoesNotFollowTheCaseOfTheName(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{UsernameAttributes: []string{"email"}})
	f.join(t, pool, email, email)
	for _, name := range []string{strings.ToUpper(email), "AMELIA@EXAMPLE.COM"} {
		for call, ask := range map[string]func() (*identity.CodeDelivery, error){
			"forgot": func() (*identity.CodeDelivery, error) { return pool.ForgotPassword(t.Context(), name, "") },
			"resend": func() (*identity.CodeDelivery, error) { return pool.ResendConfirmationCode(t.Context(), name, "") },
		} {
			if d, err := ask(); err != nil || d.Destination != "a***@e***" {
				t.Errorf("%s %s: %+v, %v, want a***@e***", call, name, d, err)
			}
		}
	}
}

// That an unconfirmed user has no address is not told where it is not told that there is one.
func TestResendDoesNotTellOfUsersWithoutAnAddress(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.signUp(t, pool, "alice", email)
	check(t, "DeleteAttributes", pool.Admin().Users().DeleteAttributes(t.Context(), "alice", "email"))
	for _, name := range []string{"alice", "nobody"} {
		d, err := pool.ResendConfirmationCode(t.Context(), name, "")
		if err != nil || d.Attribute != "email" {
			t.Errorf("%s: %+v, %v, want a made-up delivery", name, d, err)
		}
	}
}

// What is stored of a device can be imported again, and is of a reasonable length.
func TestNameOfADeviceIsBounded(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, mfaPool("OPTIONAL"))
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	s := f.session(t, a, "alice")
	key, err := s.EnrollTOTP(t.Context())
	check(t, "EnrollTOTP", err)
	for _, name := range []string{strings.Repeat("x", 513), "a\x00b", "\xff"} {
		wantErr(t, name[:1], s.VerifyTOTP(t.Context(), identity.Secret(key.Code(f.now())), name), identity.ErrInvalidParameter)
	}
	check(t, "VerifyTOTP", s.VerifyTOTP(t.Context(), identity.Secret(key.Code(f.now())), strings.Repeat("x", 512)))
}

// An operator who sets a password, or has it reset, ends in safe pools what somebody else may have begun.
func TestOperatorsPasswordEndsSignInsInSafePools(t *testing.T) {
	for name, tt := range map[string]struct {
		settings identity.PoolSettings
		want     error
	}{"safe": {identity.PoolSettings{}, identity.ErrAccessTokenRevoked}, "Cognito": {cognitoPool, nil}} {
		f := newEngine(t)
		pool := f.open(t, tt.settings)
		a := f.client(t, pool, identity.ClientSettings{})
		users := pool.Admin().Users()
		f.join(t, pool, "alice", email)
		for how, act := range map[string]func() error{
			"reset": func() error { return users.ResetPassword(t.Context(), "alice") },
			"set":   func() error { return users.SetPassword(t.Context(), "alice", password, true) },
		} {
			check(t, "SetPassword", users.SetPassword(t.Context(), "alice", password, true))
			access := f.signIn(t, a, "alice").Access
			check(t, how, act())
			_, err := pool.Session(t.Context(), access)
			wantErr(t, name+": "+how, err, tt.want)
		}
	}
}

// A user's own updates do not send texts to strangers without end.
func TestUpdatesSendTwentyCodesAnHour(t *testing.T) {
	if testing.Short() {
		t.Skip("sends codes until they are used up")
	}
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{AutoVerified: []string{"phone_number"}})
	s := f.member(t, pool, pool.AppClient, "mallory", attrs{"phone_number": phone})
	update := func(i int) error {
		return second(s.UpdateAttributes(t.Context(), attrs{"phone_number": fmt.Sprintf("+1555%07d", i)}))
	}
	for i := range 20 {
		check(t, "UpdateAttributes", update(i))
	}
	wantErr(t, "one too many", update(20), identity.ErrLimitExceeded)
	check(t, "the same again", update(19))
	check(t, "another attribute", second(s.UpdateAttributes(t.Context(), attrs{"name": "Mallory"})))
	if n := len(f.outbox.Messages(nil)); n != 20 {
		t.Errorf("%d codes were sent, want 20", n)
	}
	check(t, "an operator", pool.Admin().Users().UpdateAttributes(t.Context(), "mallory", attrs{"phone_number": victims}))
	f.advance(2 * time.Hour)
	check(t, "later", second(f.session(t, pool.AppClient, "mallory").UpdateAttributes(t.Context(), attrs{"phone_number": phone})))
}
