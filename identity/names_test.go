package identity_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
)

func TestAliasSignsInOnceItIsVerified(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{SRP: true, Aliases: []string{"email"}})
	f.signUp(t, pool, "alice", email)
	f.edit(t, pool, "alice", func(u *identity.User) { u.Status = identity.StatusConfirmed })
	for how, try := range ways {
		_, err := try(t, pool.AppClient, pool.PoolID(), email, password)
		wantErr(t, "unverified, by "+how, err, identity.ErrIncorrectCredentials)
	}
	f.edit(t, pool, "alice", func(u *identity.User) { u.Attributes["email_verified"] = "true" })
	for how, try := range ways {
		_, err := try(t, pool.AppClient, pool.PoolID(), "Alice@Example.com", password)
		wantErr(t, "verified, by "+how, err, nil)
	}
	x := mustBeginSRP(t, pool.AppClient, pool.PoolID(), email)
	if x.ch.UserID != "alice" {
		t.Errorf("user id for SRP %q, want the username", x.ch.UserID)
	}
}

func TestAliasHasOneOwner(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{Aliases: []string{"email"}})
	f.join(t, pool, "alice", email)
	f.signUp(t, pool, "bob", email)
	code := identity.Secret(f.outbox.LastCode("bob"))
	err := pool.ConfirmSignUp(t.Context(), identity.ConfirmSignUp{Username: "bob", Code: code})
	wantErr(t, "second owner", err, identity.ErrAliasExists)
	if taken, ok := errors.AsType[*identity.NameTakenError](err); !ok || taken.Attribute != "email" {
		t.Errorf("error %v, want one that names the attribute", err)
	}
	wantErr(t, "sign-in of the refused", byPassword(t, pool.AppClient, "bob", password), identity.ErrUserNotConfirmed)

	f.mayForce(t, pool)
	in := identity.ConfirmSignUp{Username: "bob", Code: code, ForceAlias: true}
	check(t, "ConfirmSignUp by force", pool.ConfirmSignUp(t.Context(), in))
	tokens := f.signIn(t, pool.AppClient, email)
	session, err := pool.Session(t.Context(), tokens.Access)
	check(t, "Session", err)
	if u, err := session.User(); err != nil || u.Username != "bob" {
		t.Errorf("the alias signs in %+v, %v, want bob", u, err)
	}
	alice, err := pool.Admin().Users().Get(t.Context(), "alice")
	if err != nil || alice.Attributes["email_verified"] != "false" || alice.Attributes["email"] != email {
		t.Errorf("former owner %+v, %v, want the address kept and unverified", alice, err)
	}
	f.signIn(t, pool.AppClient, "alice")
}

func TestSignUpDoesNotTellOfATakenAlias(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{Aliases: []string{"email"}})
	f.join(t, pool, "alice", email)
	f.signUp(t, pool, "bob", email)
}

func TestUsernameAttributeIsTheName(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{SRP: true, UsernameAttributes: []string{"email"}, HideSignUp: new(false)})
	res, err := pool.SignUp(t.Context(), identity.SignUp{Username: "Alice@example.com", Password: password})
	check(t, "SignUp", err)
	f.confirm(t, pool, email, "Alice@example.com")
	u, err := pool.Admin().Users().Get(t.Context(), email)
	check(t, "Get", err)
	if u.Username != res.Sub || u.Attributes["email"] != "Alice@example.com" {
		t.Errorf("user %+v, want the sub as username and the address as an attribute", u)
	}
	for how, try := range ways {
		for _, name := range []string{email, "ALICE@EXAMPLE.COM", res.Sub} {
			_, err := try(t, pool.AppClient, pool.PoolID(), name, password)
			wantErr(t, name+" by "+how, err, nil)
		}
	}
	if x := mustBeginSRP(t, pool.AppClient, pool.PoolID(), email); x.ch.UserID != res.Sub {
		t.Errorf("user id for SRP %q, want the sub %s", x.ch.UserID, res.Sub)
	}
	_, err = pool.SignUp(t.Context(), identity.SignUp{Username: "ALICE@example.com", Password: password})
	wantErr(t, "second sign-up", err, identity.ErrUsernameExists)
	if taken, ok := errors.AsType[*identity.NameTakenError](err); !ok || taken.Attribute != "email" {
		t.Errorf("error %v, want one that names the attribute", err)
	}
}

func TestUsernameHasTheFormOfThePool(t *testing.T) {
	f := newEngine(t)
	both := []string{"email", "phone_number"}
	plain := identity.PoolSettings{Algorithm: "ES256", AutoVerified: []string{}}
	aliases, addresses, mail, phones := plain, plain, plain, plain
	aliases.Aliases, addresses.UsernameAttributes = both, both
	mail.UsernameAttributes, phones.UsernameAttributes = both[:1], both[1:]
	invalid, missing := identity.ErrInvalidParameter, identity.ErrMissingParameter
	for _, tt := range []struct {
		pool       string
		settings   identity.PoolSettings
		name       string
		attributes map[string]string
		want       error
	}{
		{"plain", plain, "", nil, missing},
		{"plain", plain, "a", nil, nil},
		{"plain", plain, strings.Repeat("\u00e4", 128), nil, nil},
		{"plain", plain, strings.Repeat("a", 129), nil, invalid},
		{"plain", plain, strings.Repeat("a", 1<<20), nil, invalid},
		{"plain", plain, "a\xff", nil, invalid},
		{"plain", plain, "a\x00b", nil, invalid},
		{"plain", plain, "two words", nil, invalid},
		{"plain", plain, "new\nline", nil, invalid},
		{"plain", plain, "right\u202eleft", nil, invalid},
		{"plain", plain, "bob@example.com", nil, nil},
		{"aliases", aliases, "bob@example.com", nil, invalid},
		{"aliases", aliases, "+15551234567", nil, invalid},
		{"aliases", aliases, "bob", nil, nil},
		{"addresses", addresses, "bob", nil, invalid},
		{"addresses", addresses, "bob@example.com", nil, nil},
		{"addresses", addresses, "+15551234567", nil, nil},
		{"addresses", addresses, "carol@example.com", map[string]string{"email": "dave@example.com"}, invalid},
		{"addresses", addresses, "carol@example.com", map[string]string{"email": "CAROL@example.com"}, nil},
		{"mail", mail, "+15551234567", nil, invalid},
		{"mail", mail, "Bob <bob@example.com>", nil, invalid},
		{"phones", phones, "bob@example.com", nil, invalid},
		{"phones", phones, "+1 555", nil, invalid},
	} {
		pool, err := f.OpenUserPool(t.Context(), tt.pool, &tt.settings)
		check(t, "OpenUserPool", err)
		_, err = pool.SignUp(t.Context(), identity.SignUp{Username: tt.name, Password: password, Attributes: tt.attributes})
		wantErr(t, tt.pool+": "+clip(tt.name), err, tt.want)
	}
}

func clip(s string) string { return s[:min(len(s), 20)] }

func TestSubSignsInByPasswordOnly(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{SRP: true})
	sub := f.join(t, pool, "alice", email).Sub
	check(t, "by password", byPassword(t, pool.AppClient, sub, password))
	_, err := srpWay(t, pool.AppClient, pool.PoolID(), sub, password)
	wantErr(t, "by SRP", err, identity.ErrIncorrectCredentials)
}

func TestNamesAreComparedAsThePoolSays(t *testing.T) {
	for _, tt := range []struct {
		name     string
		settings identity.PoolSettings
		as       map[string]bool // whether it signs Zoë in
	}{
		{"safe", identity.PoolSettings{}, map[string]bool{"Zo\u00eb": true, "zo\u00eb": true, "ZO\u00cb": true, "Zoe\u0308": true, "ZOE\u0308": true, "Zoe": false}},
		{"case-sensitive", identity.PoolSettings{CaseSensitive: ptr(true)}, map[string]bool{"Zo\u00eb": true, "zo\u00eb": false, "Zoe\u0308": true, "zoe\u0308": false}},
		{"Cognito", cognitoPool, map[string]bool{"Zo\u00eb": true, "zo\u00eb": false}},
		{"Cognito without case", identity.PoolSettings{
			Defaults: identity.CognitoDefaults, AutoVerified: []string{"email"}, CaseSensitive: ptr(false), PasswordPolicy: cognitoPool.PasswordPolicy,
		}, map[string]bool{"Zo\u00eb": true, "zo\u00eb": true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newEngine(t)
			pool := f.open(t, tt.settings)
			client := f.client(t, pool, identity.ClientSettings{PreventUserExistenceErrors: ptr("ENABLED")})
			f.join(t, pool, "Zo\u00eb", email)
			for name, ok := range tt.as {
				want := identity.ErrIncorrectCredentials
				if ok {
					want = nil
				}
				wantErr(t, name, byPassword(t, client, name, password), want)
				in := identity.SignUp{Username: name, Password: password, Attributes: map[string]string{"email": "z@example.com"}}
				if ok {
					_, err := pool.SignUp(t.Context(), in)
					wantErr(t, "second sign-up as "+name, err, identity.ErrUsernameExists)
				}
			}
		})
	}
}

func TestUserKeepsTheNameAsItWasGiven(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "Alice", email)
	u, err := pool.Admin().Users().Get(t.Context(), "aLICE")
	if err != nil || u.Username != "Alice" {
		t.Errorf("Get = %+v, %v, want Alice", u, err)
	}
}

func TestLongNameIsFoundAndNobodyElse(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	one, two := strings.Repeat("\u597d", 127)+"1", strings.Repeat("\u597d", 127)+"2" // alike in the first 256 bytes
	f.join(t, pool, one, "one@example.com")
	wantErr(t, "the other", byPassword(t, pool.AppClient, two, password), identity.ErrIncorrectCredentials)
	f.join(t, pool, two, "two@example.com")
	f.signIn(t, pool.AppClient, one)
	f.signIn(t, pool.AppClient, two)
	wantErr(t, "longer than any", byPassword(t, pool.AppClient, strings.Repeat("a", 1<<20), password), identity.ErrIncorrectCredentials)
	wantErr(t, "zero bytes", byPassword(t, pool.AppClient, strings.Repeat("\x00", 512), password), identity.ErrIncorrectCredentials)
}

func TestPreferredUsernameWaitsForConfirmation(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{Aliases: []string{"preferred_username"}})
	_, err := pool.SignUp(t.Context(), identity.SignUp{
		Username: "alice", Password: password, Attributes: map[string]string{"email": email, "preferred_username": "al"},
	})
	wantErr(t, "SignUp", err, identity.ErrInvalidParameter)
}
