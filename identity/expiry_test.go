package identity_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/memory"
)

const daily = 24 * time.Hour

func TestUnconfirmedUsersExpire(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	check(t, "the first run, which notes the time", f.ExpireUnconfirmed(t.Context()))
	ghosts := 150
	if testing.Short() {
		ghosts = 10
	}
	for i := range ghosts {
		f.signUp(t, pool, fmt.Sprintf("ghost%03d", i), fmt.Sprintf("ghost%03d@example.com", i))
	}
	f.join(t, pool, "alice", email)
	f.advance(6 * daily)
	f.signUp(t, pool, "late", "late@example.com")
	check(t, "after six days", f.ExpireUnconfirmed(t.Context()))
	check(t, "a ghost", second(pool.Admin().Users().Get(t.Context(), "ghost000")))
	f.advance(25 * time.Hour)
	check(t, "after seven days", f.ExpireUnconfirmed(t.Context()))
	names, _ := page(t, pool, identity.UserQuery{})
	if fmt.Sprint(names) != "[alice late]" && fmt.Sprint(names) != "[late alice]" {
		t.Errorf("users %q, want alice and late", names)
	}
	f.signUp(t, pool, "ghost000", "ghost000@example.com") // the name is free
	_, all := collect(t, pool.Admin(), identity.EventQuery{})
	deleted := 0
	for _, ev := range all {
		if ev.Kind == identity.EventUserDeleted && ev.Actor == (identity.Actor{Kind: identity.ActorEngine, ID: "expire-users"}) {
			deleted++
		}
	}
	if deleted != ghosts {
		t.Errorf("%d events of deletions, want %d", deleted, ghosts)
	}
	check(t, "Verify", verify(t, f.store))
}

// The users of a pool that had no such setting have the full time once it is turned on.
func TestAnUpgradeDeletesNobody(t *testing.T) {
	f := newEngineOn(t, memory.New())
	old := cognitoPool
	pool := f.open(t, old)
	f.signUp(t, pool, "old", email)
	f.advance(100 * daily)
	check(t, "without the setting", f.ExpireUnconfirmed(t.Context()))
	turn := func(days int) {
		t.Helper()
		_, err := pool.Admin().Update(t.Context(), func(s *identity.PoolSettings) error { s.UnconfirmedDays = &days; return nil })
		check(t, "Update", err)
	}
	turn(7)
	there := func(what string, want error) {
		t.Helper()
		check(t, what, f.ExpireUnconfirmed(t.Context()))
		wantErr(t, what, second(pool.Admin().Users().Get(t.Context(), "old")), want)
	}
	there("on the day it is turned on", nil)
	f.advance(6 * daily)
	there("six days later", nil)
	turn(0)
	there("turned off", nil)
	f.advance(50 * daily)
	turn(7)
	there("turned on again", nil)
	f.advance(6 * daily)
	there("six days after that", nil)
	f.advance(25 * time.Hour)
	there("in the end", identity.ErrUserNotFound)
}

func TestOnlyClientsThatMayForceAnAlias(t *testing.T) {
	for name, tt := range map[string]struct {
		pool  identity.PoolSettings
		force *bool
		want  error
	}{
		"safe pool":                    {identity.PoolSettings{Aliases: []string{"email"}}, nil, identity.ErrAliasExists},
		"safe pool, the client may":    {identity.PoolSettings{Aliases: []string{"email"}}, ptr(true), nil},
		"wire":                         {identity.PoolSettings{Defaults: identity.CognitoDefaults, Aliases: []string{"email"}, AutoVerified: []string{"email"}}, nil, nil},
		"wire, and the client may not": {identity.PoolSettings{Defaults: identity.CognitoDefaults, Aliases: []string{"email"}, AutoVerified: []string{"email"}}, ptr(false), identity.ErrAliasExists},
	} {
		f := newEngine(t)
		pool := f.open(t, tt.pool)
		client := f.client(t, pool, identity.ClientSettings{ForceAlias: tt.force})
		in := identity.SignUp{Username: "owner", Password: "Passw0rd! and more of it", Attributes: attrs{"email": email}}
		check(t, "SignUp", second(client.SignUp(t.Context(), in)))
		check(t, "confirm", client.ConfirmSignUp(t.Context(), identity.ConfirmSignUp{Username: "owner", Code: identity.Secret(f.outbox.LastCode("owner"))}))
		in.Username = "thief"
		check(t, "SignUp", second(client.SignUp(t.Context(), in)))
		err := client.ConfirmSignUp(t.Context(), identity.ConfirmSignUp{Username: "thief", Code: identity.Secret(f.outbox.LastCode("thief")), ForceAlias: true})
		wantErr(t, name, err, tt.want)
	}
}

func TestTextMessagesGoOnlyToCountriesOfTheSetting(t *testing.T) {
	for name, tt := range map[string]struct {
		countries []string
		want      error
	}{"all": {nil, nil}, "this one": {[]string{"+49", "+1555"}, nil}, "others": {[]string{"+49"}, identity.ErrDelivery}, "none": {[]string{}, identity.ErrDelivery}} {
		f := newEngine(t)
		pool := f.open(t, identity.PoolSettings{AutoVerified: []string{"phone_number"}, SMSCountries: tt.countries})
		in := identity.SignUp{Username: "alice", Password: password, Attributes: attrs{"phone_number": "+15551234567"}}
		_, err := pool.SignUp(t.Context(), in)
		wantErr(t, name, err, tt.want)
		if n := len(f.outbox.Messages(nil)); n > 0 != (tt.want == nil) {
			t.Errorf("%s: %d messages", name, n)
		}
	}
}

// mayForce lets the default client of a pool force aliases.
func (f *fixture) mayForce(t testing.TB, pool *identity.UserPool) {
	t.Helper()
	check(t, "EditClient", f.EditClient(t.Context(), pool.ClientID(), func(c *identity.ClientSettings) { c.ForceAlias = ptr(true) }))
}
