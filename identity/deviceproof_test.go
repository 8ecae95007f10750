package identity_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/identity/identitytest"
	"github.com/cognate-id/cognate/identity/internal/srp"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/mfa"
)

// remembered is alice, who has an authenticator app and a remembered device.
func (f *fixture) remembered(t testing.TB, settings identity.PoolSettings) (*identity.UserPool, *identity.AppClient, *identitytest.Device, mfa.Secret) {
	t.Helper()
	mode := settings.MFA
	settings.MFA = identity.MFAOptional
	pool := f.open(t, settings)
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	tokens := signInOn(t, a, "")
	d := f.confirmIn(t, tokens)
	s, err := f.Session(t.Context(), tokens.Access)
	check(t, "Session", err)
	key := f.enroll(t, s)
	check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.MFA = mode }))
	return pool, a, d, key
}

// askedDevice signs alice in on a device and returns the challenge, which must be for the device.
func askedDevice(t testing.TB, a *identity.AppClient, key string) *identity.DeviceRequired {
	t.Helper()
	res, err := on(t, a, key)
	check(t, "SignIn", err)
	ch, ok := res.Challenge.(*identity.DeviceRequired)
	if !ok {
		t.Fatalf("SignIn = %+v with challenge %T, want DeviceRequired", res, res.Challenge)
	}
	return ch
}

// beginDevice answers the first challenge for a device. prove makes the answer to the second.
func beginDevice(t testing.TB, ch *identity.DeviceRequired, d *identitytest.Device) (next *identity.DeviceVerifier, prove func() identity.DeviceProof) {
	t.Helper()
	p := d.Begin()
	res, err := ch.Answer(t.Context(), identity.StartDevice{A: p.A, DeviceKey: d.Key})
	check(t, "start device", err)
	next, ok := res.Challenge.(*identity.DeviceVerifier)
	if !ok {
		t.Fatalf("%T, want DeviceVerifier", res.Challenge)
	}
	return next, func() identity.DeviceProof {
		signature, at, err := p.Prove(next.Salt, next.B, next.SecretBlock, start)
		check(t, "Prove", err)
		return identity.DeviceProof{Signature: signature, SecretBlock: next.SecretBlock, Timestamp: at, DeviceKey: d.Key}
	}
}

// proveDevice answers both challenges for a device.
func proveDevice(t testing.TB, ch *identity.DeviceRequired, d *identitytest.Device) (*identity.SignInResult, error) {
	t.Helper()
	next, prove := beginDevice(t, ch, d)
	return next.Answer(t.Context(), prove())
}

func TestRememberedDeviceReplacesTheSecondFactor(t *testing.T) {
	f := newEngine(t)
	pool, a, d, key := f.remembered(t, tracking("ON"))
	ch := askedDevice(t, a, d.Key)
	if ch.DeviceKey != d.Key || ch.Username != "alice" {
		t.Errorf("challenge %+v", ch)
	}
	next, prove := beginDevice(t, ch, d)
	if next.DeviceKey != d.Key || next.Username != "alice" || next.State() == "" || next.State() == ch.State() {
		t.Errorf("challenge %+v", next)
	}
	res, err := next.Answer(t.Context(), prove())
	check(t, "Answer", err)
	if got := deviceClaim(t, f, res.Tokens.Access); got != d.Key || res.Tokens.NewDevice != nil {
		t.Errorf("device_key = %v, new %+v", got, res.Tokens.NewDevice)
	}
	if n := f.events(t, identity.EventSignedIn); n != 2 {
		t.Errorf("%d events of sign-ins, want 2", n)
	}

	proof := mustBeginSRP(t, a, pool.PoolID(), "alice").proof(t, password)
	proof.DeviceKey = d.Key
	res, err = a.PasswordVerifier("alice").Answer(t.Context(), proof)
	check(t, "SRP", err)
	res, err = proveDevice(t, res.Challenge.(*identity.DeviceRequired), d)
	check(t, "after SRP", err)
	if res.Tokens == nil {
		t.Errorf("after SRP: %T", res.Challenge)
	}

	f.advance(mfa.Period)
	res, err = on(t, a, "")
	check(t, "SignIn on a new device", err)
	res, err = res.Challenge.(*identity.TOTPRequired).Answer(t.Context(), identity.FactorCode{Code: identity.Secret(key.Code(f.now()))})
	check(t, "code on a new device", err)
	if res.Tokens.NewDevice == nil {
		t.Error("no new device after a code")
	}
}

// What a device does not replace, and which devices replace nothing.
func TestWhatDevicesDoNotReplace(t *testing.T) {
	f := newEngine(t)
	pool, a, d, key := f.remembered(t, tracking("ON"))
	users := pool.Admin().Users()
	wantChallenge := func(what string, want identity.Challenge) *identity.SignInResult {
		t.Helper()
		res, err := on(t, a, d.Key)
		check(t, what, err)
		if fmt.Sprintf("%T", res.Challenge) != fmt.Sprintf("%T", want) {
			t.Fatalf("%s: %T, want %T", what, res.Challenge, want)
		}
		return res
	}
	edit := func(fn func(*identity.PoolSettings)) {
		check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), fn))
	}
	wantChallenge("remembered", &identity.DeviceRequired{})
	_, err := a.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: wrong, DeviceKey: d.Key})
	wantErr(t, "a wrong password", err, identity.ErrIncorrectCredentials)

	check(t, "SetDeviceStatus", users.SetDeviceStatus(t.Context(), "alice", d.Key, identity.DeviceNotRemembered))
	res := wantChallenge("not remembered", &identity.TOTPRequired{})
	f.advance(mfa.Period)
	res, err = res.Challenge.(*identity.TOTPRequired).Answer(t.Context(), identity.FactorCode{Code: identity.Secret(key.Code(f.now()))})
	check(t, "code", err)
	if got := deviceClaim(t, f, res.Tokens.Access); got != d.Key || res.Tokens.NewDevice != nil {
		t.Errorf("not remembered: device_key = %v, new %+v", got, res.Tokens.NewDevice)
	}
	check(t, "SetDeviceStatus", users.SetDeviceStatus(t.Context(), "alice", d.Key, identity.DeviceRemembered))

	edit(func(s *identity.PoolSettings) { s.Devices.ChallengeNew = new(false) })
	wantChallenge("where it replaces nothing", &identity.TOTPRequired{})
	edit(func(s *identity.PoolSettings) { s.Devices = nil })
	wantChallenge("where none are tracked", &identity.TOTPRequired{})
	edit(func(s *identity.PoolSettings) { s.Devices = tracking("ON").Devices })

	check(t, "SetPassword", users.SetPassword(t.Context(), "alice", wrong, false))
	in, err := a.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: wrong, DeviceKey: d.Key})
	check(t, "SignIn", err)
	in, err = in.Challenge.(*identity.NewPasswordRequired).Answer(t.Context(), identity.NewPassword{Password: password})
	check(t, "NewPassword", err)
	if _, ok := in.Challenge.(*identity.DeviceRequired); !ok {
		t.Errorf("after a new password: %T", in.Challenge)
	}

	check(t, "ResetMFA", users.ResetMFA(t.Context(), "alice"))
	wantChallenge("a user without a factor", &identity.MFASetupRequired{})
}

func TestDeviceChallengesRefuse(t *testing.T) {
	f := newEngine(t)
	pool, a, d, _ := f.remembered(t, tracking("ON"))
	other := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "bob", "bob@example.com")
	ch := askedDevice(t, a, d.Key)
	zero := strings.Repeat("0", 10)
	for _, tt := range []struct {
		name string
		ch   *identity.DeviceRequired
		in   identity.StartDevice
		want error
	}{
		{"no A", ch, identity.StartDevice{DeviceKey: d.Key}, identity.ErrMissingParameter},
		{"an A of 0", ch, identity.StartDevice{A: zero, DeviceKey: d.Key}, identity.ErrInvalidParameter},
		{"an A of N", ch, identity.StartDevice{A: srpPrime().Text(16), DeviceKey: d.Key}, identity.ErrInvalidParameter},
		{"an A that is no number", ch, identity.StartDevice{A: "xyz", DeviceKey: d.Key}, identity.ErrInvalidParameter},
		{"no key", ch, identity.StartDevice{A: d.Begin().A}, identity.ErrMissingParameter},
		{"another key", ch, identity.StartDevice{A: d.Begin().A, DeviceKey: "us-east-1_0"}, identity.ErrDeviceNotFound},
		{"another user", a.Device("bob", ch.State()), identity.StartDevice{A: d.Begin().A, DeviceKey: d.Key}, identity.ErrSessionInvalid},
		{"another client", other.Device("alice", ch.State()), identity.StartDevice{A: d.Begin().A, DeviceKey: d.Key}, identity.ErrSessionInvalid},
		{"a state that is none", a.Device("alice", "garbage"), identity.StartDevice{A: d.Begin().A, DeviceKey: d.Key}, identity.ErrSessionInvalid},
	} {
		_, err := tt.ch.Answer(t.Context(), tt.in)
		wantErr(t, tt.name, err, tt.want)
	}
	_, err := a.TOTP("alice", ch.State()).Answer(t.Context(), identity.FactorCode{Code: "123456"})
	wantErr(t, "as a code", err, identity.ErrSessionInvalid)
}

func TestDeviceProofsRefuse(t *testing.T) {
	f := newEngine(t)
	_, a, d, _ := f.remembered(t, tracking("ON"))
	ch := askedDevice(t, a, d.Key)
	next, prove := beginDevice(t, ch, d)
	good := prove()
	_, foreign := beginDevice(t, askedDevice(t, a, d.Key), d)
	before := f.events(t, identity.EventDeviceFailed)
	for _, tt := range few.Of(2, []struct {
		name string
		edit func(*identity.DeviceProof)
		want error
	}{
		{"no signature", func(in *identity.DeviceProof) { in.Signature = "" }, identity.ErrMissingParameter},
		{"no block", func(in *identity.DeviceProof) { in.SecretBlock = "" }, identity.ErrMissingParameter},
		{"no time", func(in *identity.DeviceProof) { in.Timestamp = "" }, identity.ErrMissingParameter},
		{"no key", func(in *identity.DeviceProof) { in.DeviceKey = "" }, identity.ErrMissingParameter},
		{"another key", func(in *identity.DeviceProof) { in.DeviceKey = "us-east-1_0" }, identity.ErrDeviceNotFound},
		{"the block of another challenge", func(in *identity.DeviceProof) { *in = foreign() }, identity.ErrIncorrectCredentials},
		{"an altered block", func(in *identity.DeviceProof) { in.SecretBlock = flip(in.SecretBlock, 50) }, identity.ErrIncorrectCredentials},
		{"a long block", func(in *identity.DeviceProof) { in.SecretBlock = strings.Repeat("A", 100_000) }, identity.ErrIncorrectCredentials},
	}) {
		in := good
		tt.edit(&in)
		_, err := next.Answer(t.Context(), in)
		wantErr(t, tt.name, err, tt.want)
	}
	if n := f.events(t, identity.EventDeviceFailed) - before; n != 0 {
		t.Errorf("%d failures are counted that guess nothing", n)
	}
	for name, edit := range map[string]func(*identity.DeviceProof){
		"a signature that is none": func(in *identity.DeviceProof) { in.Signature = "*" },
		"another time":             func(in *identity.DeviceProof) { in.Timestamp = "Sun Nov 22 09:00:01 UTC 2026" },
		"the device of another secret": func(in *identity.DeviceProof) {
			_, p := beginDevice(t, ch, identitytest.NewDevice(d.Key, d.Group))
			*in = p()
		},
	} {
		in := good
		edit(&in)
		_, err := next.Answer(t.Context(), in)
		wantErr(t, name, err, identity.ErrIncorrectCredentials)
	}
	if n := f.events(t, identity.EventDeviceFailed) - before; n != 3 {
		t.Errorf("%d failures are counted, want 3", n)
	}
	res, err := next.Answer(t.Context(), good)
	check(t, "the right proof after wrong ones", err)
	if res.Tokens == nil {
		t.Errorf("%T", res.Challenge)
	}
	_, err = next.Answer(t.Context(), good)
	wantErr(t, "the same again", err, identity.ErrSessionUsed)
	_, err = ch.Answer(t.Context(), identity.StartDevice{A: d.Begin().A, DeviceKey: d.Key})
	wantErr(t, "the first challenge again", err, identity.ErrSessionUsed)
}

// The time of a proof has one form, as that of the password, also where the signature is right.
func TestTimesOfDevicesHaveOneForm(t *testing.T) {
	if testing.Short() {
		t.Skip("proves with each form of a time that it is a device")
	}
	const secret = "a secret of the device"
	f := newEngine(t)
	pool := f.open(t, tracking("OPTIONAL"))
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	tokens := signInOn(t, a, "")
	d, salt := tokens.NewDevice, []byte("a salt of a sort")
	session, err := f.Session(t.Context(), tokens.Access)
	check(t, "Session", err)
	_, err = session.ConfirmDevice(t.Context(), identity.ConfirmDevice{Key: d.Key, Salt: salt, Verifier: srp.Verifier(d.Group, d.Key, secret, salt)})
	check(t, "ConfirmDevice", err)
	f.enroll(t, session)
	for _, tt := range []struct {
		at   string
		want error
	}{
		{"Tue Feb 03 04:05:06 UTC 2026", identity.ErrIncorrectCredentials},
		{"Mon Feb 3 04:05:06 UTC 2026", identity.ErrIncorrectCredentials}, // it was a Tuesday
		{"2026-02-03T04:05:06Z", identity.ErrIncorrectCredentials},
		{"Tue Feb 3 04:05:06 UTC 2026", nil},
	} {
		client := srp.NewClient()
		res, err := askedDevice(t, a, d.Key).Answer(t.Context(), identity.StartDevice{A: client.A(), DeviceKey: d.Key})
		check(t, "start device", err)
		next := challengeOf[*identity.DeviceVerifier](t, res)
		block, err := base64.StdEncoding.DecodeString(next.SecretBlock)
		check(t, "secret block", err)
		signature, err := client.Respond(srp.Challenge{PoolName: d.Group, UserID: d.Key, Salt: next.Salt, B: next.B, SecretBlock: block}, secret, tt.at)
		check(t, "Respond", err)
		_, err = next.Answer(t.Context(), identity.DeviceProof{
			Signature: base64.StdEncoding.EncodeToString(signature), SecretBlock: next.SecretBlock, Timestamp: tt.at, DeviceKey: d.Key,
		})
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: error %v, want %v", tt.at, err, tt.want)
		}
	}
}

// A sign-in that begins with a factor of the user's choice is on a device too, whichever call names it.
func TestChosenFactorsAreOnDevices(t *testing.T) {
	f := newEngine(t)
	pool, _, d, _ := f.remembered(t, everyFactor(tracking("OPTIONAL")))
	a := f.choosing(t, pool, false)
	for name, begin := range few.Named(4, map[string]func(key string) (*identity.SignInResult, error){
		"a password at once": func(key string) (*identity.SignInResult, error) {
			return a.Begin(t.Context(), identity.BeginSignIn{Username: "alice", Preferred: byWord, Password: password, DeviceKey: key})
		},
		"a password after a device": func(key string) (*identity.SignInResult, error) {
			res, err := a.Begin(t.Context(), identity.BeginSignIn{Username: "alice", Preferred: byWord, DeviceKey: key})
			check(t, "Begin", err)
			return challengeOf[*identity.PasswordRequired](t, res).Answer(t.Context(), identity.PasswordAnswer{Password: password})
		},
		"a password with a device": func(key string) (*identity.SignInResult, error) {
			return begun[*identity.PasswordRequired](t, a, "alice", byWord).Answer(t.Context(), identity.PasswordAnswer{Password: password, DeviceKey: key})
		},
		"a choice with a device": func(key string) (*identity.SignInResult, error) {
			return begun[*identity.FirstFactorRequired](t, a, "alice", "").Answer(t.Context(), identity.FirstChoice{Factor: byWord, Password: password, DeviceKey: key})
		},
		"a code with a device": func(key string) (*identity.SignInResult, error) {
			ch := begun[*identity.EmailOTPRequired](t, a, "alice", byMail)
			return ch.Answer(t.Context(), identity.FactorCode{Code: identity.Secret(f.outbox.LastCode(email)), DeviceKey: key})
		},
		"a code after a device": func(key string) (*identity.SignInResult, error) {
			res, err := a.Begin(t.Context(), identity.BeginSignIn{Username: "alice", Preferred: byMail, DeviceKey: key})
			check(t, "Begin", err)
			return challengeOf[*identity.EmailOTPRequired](t, res).Answer(t.Context(), identity.FactorCode{Code: identity.Secret(f.outbox.LastCode(email))})
		},
	}) {
		t.Run(name, func(t *testing.T) {
			f.advance(25 * time.Hour) // an account gets few codes a day
			_, err := begin("us-east-1_0")
			wantErr(t, "an unknown device", err, identity.ErrDeviceNotFound)
			res, err := begin("")
			check(t, "no device", err)
			challengeOf[*identity.TOTPRequired](t, res)
			res, err = begin(d.Key)
			check(t, "a remembered device", err)
			res, err = proveDevice(t, challengeOf[*identity.DeviceRequired](t, res), d)
			check(t, "proof", err)
			if got := deviceClaim(t, f, res.Tokens.Access); got != d.Key {
				t.Errorf("device_key = %v", got)
			}
		})
	}
}

// A state takes five wrong proofs, and wrong proofs lock the user out as wrong passwords do.
func TestWrongProofsOfDevicesAreCounted(t *testing.T) {
	if testing.Short() {
		t.Skip("proves many times that it is a device")
	}
	f := newEngine(t)
	_, a, d, _ := f.remembered(t, tracking("ON"))
	ch := askedDevice(t, a, d.Key)
	thief := identitytest.NewDevice(d.Key, d.Group)
	for range 5 {
		_, err := proveDevice(t, ch, thief)
		wantErr(t, "a wrong proof", err, identity.ErrIncorrectCredentials)
	}
	_, err := proveDevice(t, ch, d)
	wantErr(t, "the right proof in the lock-out", err, identity.ErrTooManyAttempts)
	_, err = on(t, a, d.Key)
	wantErr(t, "a password in the lock-out", err, identity.ErrTooManyAttempts)
	f.advance(2 * time.Second)
	_, err = proveDevice(t, ch, d)
	wantErr(t, "the right proof after five wrong ones of a state", err, identity.ErrSessionInvalid)
	res, err := proveDevice(t, askedDevice(t, a, d.Key), d)
	check(t, "another state", err)
	if res.Tokens == nil {
		t.Errorf("%T", res.Challenge)
	}
}

// What is asked of a device holds only as long as nothing has changed meanwhile.
func TestDeviceChallengesAreOfTheirTime(t *testing.T) {
	for name, tt := range few.Named(4, map[string]struct {
		change func(*fixture, *testing.T, *identity.UserPool, *identitytest.Device)
		want   error
	}{
		"forgotten": {func(_ *fixture, t *testing.T, pool *identity.UserPool, d *identitytest.Device) {
			check(t, "ForgetDevice", pool.Admin().Users().ForgetDevice(t.Context(), "alice", d.Key))
		}, identity.ErrDeviceNotFound},
		"not remembered": {func(_ *fixture, t *testing.T, pool *identity.UserPool, d *identitytest.Device) {
			check(t, "SetDeviceStatus", pool.Admin().Users().SetDeviceStatus(t.Context(), "alice", d.Key, identity.DeviceNotRemembered))
		}, identity.ErrSessionInvalid},
		"replaces nothing": {func(f *fixture, t *testing.T, pool *identity.UserPool, _ *identitytest.Device) {
			check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.Devices.ChallengeNew = nil }))
		}, identity.ErrSessionInvalid},
		"another password": {func(_ *fixture, t *testing.T, pool *identity.UserPool, _ *identitytest.Device) {
			check(t, "SetPassword", pool.Admin().Users().SetPassword(t.Context(), "alice", wrong, true))
		}, identity.ErrSessionInvalid},
		"disabled": {func(_ *fixture, t *testing.T, pool *identity.UserPool, _ *identitytest.Device) {
			check(t, "Disable", pool.Admin().Users().Disable(t.Context(), "alice"))
		}, identity.ErrUserDisabled},
		"too late": {func(f *fixture, _ *testing.T, _ *identity.UserPool, _ *identitytest.Device) {
			f.advance(3 * time.Minute)
		}, identity.ErrSessionExpired},
	}) {
		t.Run(name, func(t *testing.T) {
			f := newEngine(t)
			pool, a, d, _ := f.remembered(t, tracking("ON"))
			ch := askedDevice(t, a, d.Key)
			f.advance(time.Minute)
			next, prove := beginDevice(t, ch, d)
			tt.change(f, t, pool, d)
			_, err := ch.Answer(t.Context(), identity.StartDevice{A: d.Begin().A, DeviceKey: d.Key})
			wantErr(t, "the first challenge", err, tt.want)
			_, err = next.Answer(t.Context(), prove())
			wantErr(t, "the second challenge", err, tt.want)
		})
	}
}

// Of all proofs that begin with one challenge, one signs in.
func TestOneProofOfADeviceSignsIn(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a crowd of proofs of a device")
	}
	for _, back := range backEnds {
		t.Run(back.name, func(t *testing.T) {
			f := newEngineOn(t, back.open(t))
			_, a, d, _ := f.remembered(t, tracking("ON"))
			ch := askedDevice(t, a, d.Key)
			var wg sync.WaitGroup
			errs := make([]error, 8)
			nexts, proofs := make([]*identity.DeviceVerifier, len(errs)), make([]identity.DeviceProof, len(errs))
			for i := range errs {
				next, prove := beginDevice(t, ch, d)
				nexts[i], proofs[i] = next, prove()
			}
			for i := range errs {
				wg.Go(func() { _, errs[i] = nexts[i].Answer(t.Context(), proofs[i]) })
			}
			wg.Wait()
			won := 0
			for _, err := range errs {
				if err == nil {
					won++
				} else {
					wantErr(t, "the others", err, identity.ErrSessionUsed)
				}
			}
			if won != 1 {
				t.Errorf("%d proofs have signed in, want 1", won)
			}
		})
	}
}

// Hooks learn that a sign-in is on a new device, and that a device has proved itself.
func TestHooksOfDevices(t *testing.T) {
	var sources []hook.Source
	var news []bool
	f := newEngine(t)
	_, a, d, key := f.remembered(t, tracking("ON"))
	f.SetHooks(&identity.Hooks{
		PostAuthentication: func(_ context.Context, e *hook.PostAuthentication) error {
			news = append(news, e.NewDevice)
			return nil
		},
		PreTokenGeneration: func(_ context.Context, e *hook.PreTokenGeneration) (hook.PreTokenGenerationDecision, error) {
			sources = append(sources, e.Source)
			return hook.PreTokenGenerationDecision{}, nil
		},
	})
	_, err := proveDevice(t, askedDevice(t, a, d.Key), d)
	check(t, "proof", err)
	f.advance(mfa.Period)
	res, err := on(t, a, "")
	check(t, "SignIn", err)
	_, err = res.Challenge.(*identity.TOTPRequired).Answer(t.Context(), identity.FactorCode{Code: identity.Secret(key.Code(f.now()))})
	check(t, "code", err)
	if fmt.Sprint(sources, news) != "[TokenGeneration_AuthenticateDevice TokenGeneration_Authentication] [false true]" {
		t.Errorf("%v %v", sources, news)
	}
}

// In a pool that tracks devices, a refresh needs the key of the device of the sign-in, which is
// confirmed.
func TestRefreshNeedsItsDevice(t *testing.T) {
	for _, rotating := range []bool{false, true} {
		t.Run(fmt.Sprintf("rotating %t", rotating), func(t *testing.T) {
			f := newEngine(t)
			pool := f.open(t, tracking("OPTIONAL"))
			a := f.client(t, pool, identity.ClientSettings{})
			if rotating {
				a = f.rotatingToo(t, pool)
			}
			f.join(t, pool, "alice", email)
			users := pool.Admin().Users()
			refresh := func(tokens *identity.Tokens, key string) error {
				next, err := a.Refresh(t.Context(), identity.Refresh{Token: tokens.Refresh, DeviceKey: key, Rotating: rotating})
				if err == nil {
					if got := deviceClaim(t, f, next.Access); key != "" && got != key {
						t.Errorf("device_key = %v after a refresh, want %s", got, key)
					}
					if next.NewDevice != nil {
						t.Error("a refresh has a new device")
					}
					if rotating {
						tokens.Refresh = next.Refresh
					}
				}
				return err
			}
			first, second := signInOn(t, a, ""), signInOn(t, a, "")
			wantErr(t, "a device that is not confirmed", refresh(first, first.NewDevice.Key), identity.ErrInvalidRefreshToken)
			d, other := f.confirmIn(t, first), f.confirmIn(t, second)
			check(t, "its device", refresh(first, d.Key))
			wantErr(t, "no device", refresh(first, ""), identity.ErrInvalidRefreshToken)
			wantErr(t, "another device of the user", refresh(first, other.Key), identity.ErrInvalidRefreshToken)
			wantErr(t, "a device that there is not", refresh(first, "us-east-1_0"), identity.ErrInvalidRefreshToken)
			check(t, "SetDeviceStatus", users.SetDeviceStatus(t.Context(), "alice", d.Key, identity.DeviceNotRemembered))
			check(t, "its device, not remembered", refresh(first, d.Key))
			again := signInOn(t, a, d.Key)
			check(t, "a later sign-in on it", refresh(again, d.Key))

			check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.Devices = nil }))
			check(t, "no device where none are tracked", refresh(first, ""))
			check(t, "ForgetDevice is off", errorsAs(users.ForgetDevice(t.Context(), "alice", d.Key), identity.ErrDevicesOff))
			untracked := signInOn(t, a, "")
			check(t, "a sign-in where none are tracked", refresh(untracked, ""))
			check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.Devices = tracking("ON").Devices }))
			wantErr(t, "a sign-in from before devices were tracked", refresh(untracked, ""), identity.ErrInvalidRefreshToken)

			check(t, "ForgetDevice", users.ForgetDevice(t.Context(), "alice", d.Key))
			wantErr(t, "a forgotten device", refresh(first, d.Key), identity.ErrInvalidRefreshToken)
			wantErr(t, "a forgotten device of a later sign-in", refresh(again, d.Key), identity.ErrInvalidRefreshToken)
			check(t, "the device that is left", refresh(second, other.Key))
			check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.Devices = nil }))
			wantErr(t, "a forgotten device, where none are tracked any more", refresh(first, d.Key), identity.ErrInvalidRefreshToken)
			if _, err := f.Session(t.Context(), first.Access); err != nil {
				t.Errorf("the access token of a forgotten device: %v", err)
			}
		})
	}
}

// errorsAs is nil for the error that is wanted.
func errorsAs(err, want error) error {
	if errors.Is(err, want) {
		return nil
	}
	return fmt.Errorf("%w, want %w", err, want)
}

func (f *fixture) rotatingToo(t testing.TB, pool *identity.UserPool) *identity.AppClient {
	t.Helper()
	return f.client(t, pool, identity.ClientSettings{
		AuthFlows: []identity.AuthFlow{identity.AllowUserPassword, identity.AllowUserSRP}, Rotation: &identity.RefreshRotation{Enabled: true, GraceSeconds: new(60)},
	})
}

// Tokens of the flow of operators by password cannot be refreshed where devices are tracked.
func TestOperatorsSignInIsNotRefreshed(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, tracking("OPTIONAL"))
	f.join(t, pool, "alice", email)
	id := f.adminClient(t, pool)
	res, err := pool.Admin().SignIn(t.Context(), id, identity.SignIn{Username: "alice", Password: password})
	check(t, "SignIn", err)
	_, err = pool.Client(id).Refresh(t.Context(), identity.Refresh{Token: res.Tokens.Refresh})
	wantErr(t, "Refresh", err, identity.ErrInvalidRefreshToken)
}
