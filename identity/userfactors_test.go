package identity_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/cognate-id/cognate/identity"
)

func TestFactorsOfAUser(t *testing.T) {
	f := newEngine(t)
	settings := emailPool("OPTIONAL")
	settings.FirstFactors = []identity.FirstFactor{identity.FirstPassword, identity.FirstEmailOTP, identity.FirstSMSOTP}
	pool := f.open(t, settings)
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	s := f.session(t, a, "alice")
	users := pool.Admin().Users()
	want := func(name string, want ...identity.AuthFactor) {
		t.Helper()
		u, err := users.Factors(t.Context(), "alice")
		check(t, "Factors", err)
		own, err := s.Factors(t.Context())
		check(t, "Factors of the session", err)
		if !slices.Equal(u.Configured, want) || u.Username != "alice" {
			t.Errorf("%s: %+v, want %v", name, u, want)
		}
		if !reflect.DeepEqual(own.Configured, u.Configured) {
			t.Errorf("%s: the user sees %v, the operator %v", name, own.Configured, u.Configured)
		}
	}
	want("joined", identity.FactorPassword, identity.FactorEmail)
	f.enroll(t, s)
	want("enrolled", identity.FactorPassword, identity.FactorEmail, identity.FactorApp)
	f.edit(t, pool, "alice", func(u *identity.User) { u.Attributes["phone_number"] = phone })
	want("a phone that is not verified", identity.FactorPassword, identity.FactorEmail, identity.FactorApp)

	check(t, "DeleteTOTP", users.DeleteTOTP(t.Context(), "alice"))
	if u := f.user(t, pool, "alice"); len(u.MFA.Methods) > 0 || u.MFA.Preferred != "" {
		t.Errorf("after DeleteTOTP: %+v", u.MFA)
	}
	want("the app is gone", identity.FactorPassword, identity.FactorEmail)
	check(t, "SignIn", byPassword(t, a, "alice", password))
	check(t, "DeleteTOTP again", users.DeleteTOTP(t.Context(), "alice"))
	check(t, "the sign-in of before", second(s.EnrollTOTP(t.Context())))
	wantErr(t, "nobody", users.DeleteTOTP(t.Context(), "nobody"), identity.ErrUserNotFound)

	check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.FirstFactors = nil }))
	u, err := users.Factors(t.Context(), "alice")
	if err != nil || !slices.Equal(u.Configured, []identity.AuthFactor{identity.FactorPassword}) {
		t.Errorf("a pool without codes as first factors: %+v, %v", u, err)
	}
}

func TestAppOfAnUnconfirmedUserStays(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, emailPool("OPTIONAL"))
	f.join(t, pool, "alice", email)
	f.enroll(t, f.session(t, f.client(t, pool, identity.ClientSettings{}), "alice"))
	f.edit(t, pool, "alice", func(u *identity.User) { u.Status = identity.StatusUnconfirmed })
	users := pool.Admin().Users()
	wantErr(t, "DeleteTOTP", users.DeleteTOTP(t.Context(), "alice"), identity.ErrUserNotConfirmed)
	if u, err := users.Factors(t.Context(), "alice"); err != nil || !slices.Contains(u.Configured, identity.FactorApp) {
		t.Errorf("%+v, %v: the app is gone", u, err)
	}
}
