package main_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/identitytest"
)

// steps counts the round trips of the steps of a sign-in.
type steps struct {
	*testing.T
	h *house
}

// step runs one step, which takes so many round trips at most.
func (s *steps) step(name string, most int64, run func() (*identity.SignInResult, error)) *identity.SignInResult {
	s.Helper()
	s.h.trips.n.Store(0)
	res, err := run()
	trips := s.h.trips.n.Load()
	if err != nil {
		s.Fatalf("%s: %v", name, err)
	}
	s.Logf("%s takes %d round trips", name, trips)
	if trips > most {
		s.Errorf("%s takes %d round trips, want %d at most", name, trips, most)
	}
	return res
}

// factored is a house whose pool has every first factor.
func factored(t *testing.T) *steps {
	t.Helper()
	h := newHouse(t)
	admin := h.pool.Admin()
	_, err := admin.Update(t.Context(), func(s *identity.PoolSettings) error {
		s.FirstFactors = []identity.FirstFactor{identity.FirstPassword, identity.FirstEmailOTP, identity.FirstPasskey}
		s.Passkeys = &identity.PasskeySettings{RelyingParty: new("localhost")}
		s.MFA, s.TOTP = identity.MFAOptional, new(true)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = admin.Clients().Update(t.Context(), h.pool.ClientID(), func(c *identity.ClientSettings) error {
		c.AuthFlows = []identity.AuthFlow{identity.AllowUser, identity.AllowUserPassword, identity.AllowRefresh}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	h.signIn(t) // makes the keys of the pool
	return &steps{t, h}
}

func TestRoundTripsOfAPasskey(t *testing.T) {
	s := factored(t)
	pool, phone := s.h.pool, &identitytest.Authenticator{}
	const origin = "http://localhost:3000"
	in, err := pool.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	var options []byte
	s.step("the start of a registration", 3, func() (*identity.SignInResult, error) {
		session, err := pool.Session(t.Context(), in.Tokens.Access)
		if err != nil {
			return nil, err
		}
		o, err := session.StartPasskey(t.Context())
		if err != nil {
			return nil, err
		}
		options, err = json.Marshal(o)
		return nil, err
	})
	made, err := phone.Create(origin, options)
	if err != nil {
		t.Fatal(err)
	}
	// In a safe pool it also ends the user's other sign-ins, and asks whether the address takes mail: the owner is told.
	s.step("the end of a registration", 6, func() (*identity.SignInResult, error) {
		session, err := pool.Session(t.Context(), in.Tokens.Access)
		if err != nil {
			return nil, err
		}
		_, err = session.FinishPasskey(t.Context(), made)
		return nil, err
	})
	res := s.step("the start of a sign-in by passkey", 3, func() (*identity.SignInResult, error) {
		return pool.Begin(t.Context(), identity.BeginSignIn{Username: "alice", Preferred: identity.FirstPasskey})
	})
	ch := res.Challenge.(*identity.PasskeyRequired)
	if options, err = json.Marshal(ch.Options); err != nil {
		t.Fatal(err)
	}
	used, err := phone.Get(origin, options)
	if err != nil {
		t.Fatal(err)
	}
	res = s.step("the answer of a passkey", 3, func() (*identity.SignInResult, error) {
		return ch.Answer(t.Context(), identity.PasskeyAnswer{Credential: used})
	})
	if res.Tokens == nil {
		t.Errorf("the passkey leads to %T", res.Challenge)
	}
}

func TestRoundTripsOfACodeByMail(t *testing.T) {
	s := factored(t)
	pool := s.h.pool
	// Budgets, code, message and event are read and written one after the other: a mail takes far longer.
	res := s.step("the start of a sign-in by a code", 8, func() (*identity.SignInResult, error) {
		return pool.Begin(t.Context(), identity.BeginSignIn{Username: "alice", Preferred: identity.FirstEmailOTP})
	})
	code := identity.Secret(s.h.outbox.LastCode("alice@example.com"))
	res = s.step("the answer of a code", 3, func() (*identity.SignInResult, error) {
		return res.Challenge.(*identity.EmailOTPRequired).Answer(t.Context(), identity.FactorCode{Code: code})
	})
	if res.Tokens == nil {
		t.Errorf("the code leads to %T", res.Challenge)
	}
}

func TestRoundTripsOfADevice(t *testing.T) {
	s := factored(t)
	pool := s.h.pool
	_, err := pool.Admin().Update(t.Context(), func(p *identity.PoolSettings) error {
		p.Devices = &identity.DeviceSettings{ChallengeNew: new(true)}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	in, err := pool.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	session, err := pool.Session(t.Context(), in.Tokens.Access)
	if err != nil {
		t.Fatal(err)
	}
	device := identitytest.NewDevice(in.Tokens.NewDevice.Key, in.Tokens.NewDevice.Group)
	if _, err := session.ConfirmDevice(t.Context(), identity.ConfirmDevice{Key: device.Key, Salt: device.Salt, Verifier: device.Verifier}); err != nil {
		t.Fatal(err)
	}
	key, err := session.EnrollTOTP(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := session.VerifyTOTP(t.Context(), identity.Secret(key.Code(time.Now())), ""); err != nil {
		t.Fatal(err)
	}
	if err := session.SetMFA(t.Context(), identity.MFAUpdate{identity.MFATOTP: {Enabled: true}}); err != nil {
		t.Fatal(err)
	}
	res := s.step("a password on a device", 3, func() (*identity.SignInResult, error) {
		return pool.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: password, DeviceKey: device.Key})
	})
	proof := device.Begin()
	res = s.step("the start of the device's proof", 3, func() (*identity.SignInResult, error) {
		return res.Challenge.(*identity.DeviceRequired).Answer(t.Context(), identity.StartDevice{A: proof.A, DeviceKey: device.Key})
	})
	ch := res.Challenge.(*identity.DeviceVerifier)
	signature, timestamp, err := proof.Prove(ch.Salt, ch.B, ch.SecretBlock, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	res = s.step("the device's proof", 5, func() (*identity.SignInResult, error) {
		return ch.Answer(t.Context(), identity.DeviceProof{Signature: signature, SecretBlock: ch.SecretBlock, Timestamp: timestamp, DeviceKey: device.Key})
	})
	if res.Tokens == nil {
		t.Errorf("the proof leads to %T", res.Challenge)
	}
}
