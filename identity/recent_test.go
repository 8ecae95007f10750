package identity_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
)

// sessionMethods are all methods of Session. Those with a change ask for a recent sign-in: each call would
// succeed, or be refused by something that is checked later, if the sign-in were recent. Of the
// others, free says why they need not ask.
var sessionMethods = []struct {
	method, free string
	change       func(context.Context, *identity.Session) error
}{
	{method: "ChangePassword", change: func(ctx context.Context, s *identity.Session) error {
		return s.ChangePassword(ctx, password, goodPassword)
	}},
	{method: "UpdateAttributes", change: func(ctx context.Context, s *identity.Session) error {
		_, err := s.UpdateAttributes(ctx, map[string]string{"email": "eve@example.com"})
		return err
	}},
	{method: "UpdateAttributes", change: func(ctx context.Context, s *identity.Session) error {
		_, err := s.UpdateAttributes(ctx, map[string]string{"phone_number": phone, "name": "Alice"})
		return err
	}},
	{method: "UpdateAttributes", change: func(ctx context.Context, s *identity.Session) error {
		_, err := s.UpdateAttributes(ctx, map[string]string{"preferred_username": "eve"}) // an alias of the pool
		return err
	}},
	{method: "DeleteAttributes", change: func(ctx context.Context, s *identity.Session) error {
		return s.DeleteAttributes(ctx, "phone_number", "preferred_username", "email")
	}},
	{method: "EnrollTOTP", change: func(ctx context.Context, s *identity.Session) error {
		_, err := s.EnrollTOTP(ctx)
		return err
	}},
	{method: "VerifyTOTP", change: func(ctx context.Context, s *identity.Session) error { return s.VerifyTOTP(ctx, "123456", "") }},
	{method: "SetMFA", change: func(ctx context.Context, s *identity.Session) error {
		return s.SetMFA(ctx, identity.MFAUpdate{identity.MFASMS: {Enabled: true}})
	}},

	{method: "NewRecoveryCodes", change: func(ctx context.Context, s *identity.Session) error {
		_, err := s.NewRecoveryCodes(ctx)
		return err
	}},

	{method: "ConfirmDevice", change: func(ctx context.Context, s *identity.Session) error {
		_, err := s.ConfirmDevice(ctx, identity.ConfirmDevice{Key: "us-east-1_00000000-0000-4000-8000-000000000000"})
		return err
	}},
	{method: "SetDeviceStatus", change: func(ctx context.Context, s *identity.Session) error {
		return s.SetDeviceStatus(ctx, "us-east-1_00000000-0000-4000-8000-000000000000", identity.DeviceRemembered)
	}},

	{method: "StartPasskey", change: func(ctx context.Context, s *identity.Session) error { return second(s.StartPasskey(ctx)) }},
	{method: "FinishPasskey", change: func(ctx context.Context, s *identity.Session) error { return second(s.FinishPasskey(ctx, nil)) }},
	{method: "DeletePasskey", change: func(ctx context.Context, s *identity.Session) error { return s.DeletePasskey(ctx, "AQID") }},

	{method: "Link", change: func(ctx context.Context, s *identity.Session) error {
		return s.Link(ctx, identity.FederatedIdentity{Provider: "Acme", Subject: "1"})
	}},
	{method: "Unlink", change: func(ctx context.Context, s *identity.Session) error {
		return s.Unlink(ctx, identity.ProviderUser{Provider: "Acme", Value: "1"})
	}},

	{method: "AcceptLink", free: "its state demands a sign-in that is younger than the state, and it asks as Link does after that"},
	{method: "MayLink", free: "it changes nothing"},
	{method: "ProviderToken", free: "it changes nothing of how the user signs in"},
	{method: "Passkeys", free: "it changes nothing"},
	{method: "VerifyAttribute", free: "the address was given by UpdateAttributes, and the code shows who has it"},
	{method: "SendVerification", free: "it sends a code to an address that was given before"},
	{method: "SignOutEverywhere", free: "whoever suspects a theft must be able to, at once"},
	{method: "Delete", free: "it takes nothing over; a program that wants a recent sign-in looks at auth_time"},
	{method: "ForgetDevice", free: "it only takes a factor away"},
	{method: "Device", free: "it changes nothing"},
	{method: "Devices", free: "it changes nothing"},
	{method: "Sessions", free: "it changes nothing"},
	{method: "RevokeSession", free: "whoever sees a session that is not theirs must be able to, at once"},
	{method: "Claims", free: "it changes nothing"},
	{method: "RecoveryCodesLeft", free: "it changes nothing"},
	{method: "Factors", free: "it changes nothing"},
	{method: "Level", free: "it changes nothing"},
	{method: "RequireLevel", free: "it changes nothing"},
	{method: "User", free: "it changes nothing"},
	{method: "UserInfo", free: "it changes nothing"},
}

// TestEachMethodOfASessionIsKnownToAskForARecentSignIn: add a new method to the table above, and let it
// begin with settle if it changes how the user signs in.
func TestEachMethodOfASessionIsKnownToAskForARecentSignIn(t *testing.T) {
	var known []string
	for _, m := range sessionMethods {
		known = append(known, m.method)
		if (m.free == "") == (m.change == nil) {
			t.Errorf("%s: say either how it is called, or why it is free", m.method)
		}
	}
	for m := range reflect.TypeFor[*identity.Session]().Methods() {
		if !slices.Contains(known, m.Name) {
			t.Errorf("Session.%s is new: add it to sessionMethods in this file", m.Name)
		}
	}
}

func TestOldSignInsChangeNothing(t *testing.T) {
	for i, tt := range []struct {
		name   string
		pool   identity.PoolSettings
		age    time.Duration
		within time.Duration // of the error; 0 for none
	}{
		{"new", identity.PoolSettings{}, 0, 0},
		{"just in time", identity.PoolSettings{}, 15 * time.Minute, 0},
		{"old", identity.PoolSettings{}, 15*time.Minute + time.Millisecond, 15 * time.Minute},
		{"set", identity.PoolSettings{RecentSignInMinutes: new(30)}, 30 * time.Minute, 0},
		{"set, old", identity.PoolSettings{RecentSignInMinutes: new(30)}, 31 * time.Minute, 30 * time.Minute},
		{"turned off", identity.PoolSettings{RecentSignInMinutes: new(0)}, 40 * time.Minute, 0},
		{"Cognito", identity.PoolSettings{Defaults: identity.CognitoDefaults, AutoVerified: []string{"email"}, PasswordPolicy: cognitoPool.PasswordPolicy}, 40 * time.Minute, 0},
	} {
		for j, m := range sessionMethods {
			if m.change == nil || testing.Short() && (i+j)%12 > 0 {
				continue
			}
			t.Run(tt.name+"/"+m.method, func(t *testing.T) {
				f := newEngine(t)
				tt.pool.MFA, tt.pool.TOTP, tt.pool.SMSMFA, tt.pool.RecoveryCodes = identity.MFAOptional, new(true), true, true
				tt.pool.SMS = &identity.SMSSettings{CallerARN: "r"}
				tt.pool.Aliases = []string{"preferred_username"}
				pool := f.open(t, tt.pool)
				f.invite(t, pool, "alice", map[string]string{"email": email, "phone_number": "+15550000001", "preferred_username": "al"})
				check(t, "SetPassword", pool.Admin().Users().SetPassword(t.Context(), "alice", password, true))
				client := f.client(t, pool, identity.ClientSettings{}) // with all flows, in pools of the service too
				access := f.signIn(t, client, "alice").Access
				f.advance(tt.age)
				s, err := pool.Session(t.Context(), access)
				check(t, "Session", err)
				before := f.user(t, pool, "alice")
				err = m.change(t.Context(), s)
				e, ok := errors.AsType[*identity.RecentSignInError](err)
				if ok != (tt.within > 0) || ok && (e.Within != tt.within || !errors.Is(err, identity.ErrRecentSignInRequired)) {
					t.Fatalf("error %v, want one within %s", err, tt.within)
				}
				if after := f.user(t, pool, "alice"); ok && !reflect.DeepEqual(after, before) {
					t.Errorf("the user has changed:\n%+v\nwant\n%+v", after, before)
				}
				if ok {
					check(t, "the old password", byPassword(t, client, "alice", password))
				}
			})
		}
	}
}

// TestOldSignInsChangeWhatIsNoName: a profile is saved at any time, also with the addresses that the user has.
func TestOldSignInsChangeWhatIsNoName(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	s := f.session(t, pool.AppClient, "alice")
	f.advance(20 * time.Minute)
	for name, attributes := range map[string]map[string]string{
		"a name":                {"name": "Alice"},
		"the same address":      {"name": "Alice", "email": email},
		"preferred, no alias":   {"preferred_username": "al"},
		"no phone, as it is so": {"phone_number": ""},
	} {
		_, err := s.UpdateAttributes(t.Context(), attributes)
		check(t, name, err)
	}
}

// TestRefreshIsNoSignIn: new tokens of an old sign-in do not make it recent, a new sign-in is, and so is one
// that has just changed the password.
func TestRefreshIsNoSignIn(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	tokens := f.signIn(t, pool.AppClient, "alice")
	f.advance(14 * time.Minute)
	s, err := f.Session(t.Context(), tokens.Access)
	check(t, "Session", err)
	check(t, "ChangePassword", s.ChangePassword(t.Context(), password, goodPassword))
	f.advance(14 * time.Minute)
	s, err = f.Session(t.Context(), tokens.Access)
	check(t, "Session", err)
	check(t, "ChangePassword, which renewed the sign-in", s.ChangePassword(t.Context(), goodPassword, password))
	f.advance(16 * time.Minute)
	fresh, err := pool.Refresh(t.Context(), identity.Refresh{Token: tokens.Refresh, Rotating: true})
	check(t, "Refresh", err)
	s, err = f.Session(t.Context(), fresh.Access)
	check(t, "Session", err)
	wantErr(t, "after a refresh", s.ChangePassword(t.Context(), password, goodPassword), identity.ErrRecentSignInRequired)
	check(t, "after a sign-in", f.session(t, pool.AppClient, "alice").ChangePassword(t.Context(), password, goodPassword))
}
