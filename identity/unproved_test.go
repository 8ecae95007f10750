package identity_test

import (
	"fmt"
	"testing"

	"github.com/cognate-id/cognate/identity"
)

// TestNobodyHoldsAnUnprovedName: a stranger who signs up first with the name and
// the address of another, which is pre-registration, gets nothing of what the owner gets.
func TestNobodyHoldsAnUnprovedName(t *testing.T) {
	for _, tt := range []struct {
		name     string
		settings identity.PoolSettings
		username string
	}{
		{"a name", identity.PoolSettings{}, "alice"},
		{"an address", identity.PoolSettings{UsernameAttributes: []string{"email"}}, email},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newEngine(t)
			pool := f.open(t, tt.settings)
			stranger, err := pool.SignUp(t.Context(), identity.SignUp{
				Username: tt.username, Password: "the password of a stranger", Attributes: attrs{"email": email, "name": "Mallory", "nickname": "m"},
			})
			check(t, "the stranger's SignUp", err)
			first := f.outbox.LastCode(email)
			check(t, "Create group", second(pool.Admin().Groups().Create(t.Context(), identity.GroupSettings{Name: "staff"})))
			check(t, "Add", pool.Admin().Users().AddToGroup(t.Context(), tt.username, "staff"))

			owner, err := pool.SignUp(t.Context(), identity.SignUp{Username: tt.username, Password: password, Attributes: attrs{"email": email}})
			check(t, "the owner's SignUp", err)
			if owner.Sub == stranger.Sub {
				t.Error("the owner has the stranger's sub")
			}
			wantErr(t, "the stranger's code", pool.ConfirmSignUp(t.Context(), identity.ConfirmSignUp{Username: tt.username, Code: identity.Secret(first)}),
				identity.ErrCodeMismatch)
			f.confirm(t, pool, tt.username, email)
			wantErr(t, "the stranger's password", byPassword(t, pool.AppClient, tt.username, "the password of a stranger"), identity.ErrIncorrectCredentials)
			f.signIn(t, pool.AppClient, tt.username)
			u, err := pool.Admin().Users().Get(t.Context(), tt.username)
			check(t, "Get", err)
			if u.Attributes["name"] != "" || u.Attributes["nickname"] != "" {
				t.Errorf("the owner has attributes of the stranger: %v", u.Attributes)
			}
			if groups, err := pool.Admin().Users().Groups(t.Context(), tt.username); err != nil || len(groups) > 0 {
				t.Errorf("the owner is in groups of the stranger's account: %v, %v", groups, err)
			}
			if n, err := pool.Admin().CountUsers(t.Context()); n != 1 || err != nil {
				t.Errorf("%d users, %v, want 1", n, err)
			}
			if n := f.events(t, identity.EventSignUpReplaced); n != 1 {
				t.Errorf("%d events of the replaced user, want 1", n)
			}
			check(t, "Verify", verify(t, f.store))
		})
	}
}

// TestConfirmedUserIsNotReplaced: only names that nobody has proved are free.
func TestConfirmedUserIsNotReplaced(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	_, err := pool.SignUp(t.Context(), identity.SignUp{Username: "alice", Password: password + "2", Attributes: attrs{"email": newEmail}})
	wantErr(t, "SignUp", err, identity.ErrUsernameExists)
	f.signIn(t, pool.AppClient, "alice")
}

// TestOneOfManySignUpsStays: of sign-ups at once under one unproved name the last one stays, whole.
func TestOneOfManySignUpsStays(t *testing.T) {
	onBackEnds(t, identity.PoolSettings{}, func(t *testing.T, f *fixture, pool *identity.UserPool) {
		together(20, func(i int) error {
			_, err := pool.SignUp(t.Context(), identity.SignUp{
				Username: "alice", Password: password, Attributes: attrs{"email": fmt.Sprintf("%d@example.com", i)},
			})
			return err
		})
		if n, err := pool.Admin().CountUsers(t.Context()); n != 1 || err != nil {
			t.Errorf("the pool has %d users, %v, want 1", n, err)
		}
		u, err := pool.Admin().Users().Get(t.Context(), "alice")
		check(t, "Get", err)
		f.confirm(t, pool, "alice", u.Attributes["email"])
		f.signIn(t, pool.AppClient, "alice")
		check(t, "Verify", verify(t, f.store))
	})
}

// TestSignUpTellsNobodyWhoHasAnAccount: an address with an account is answered as any other.
func TestSignUpTellsNobodyWhoHasAnAccount(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{UsernameAttributes: []string{"email"}})
	f.join(t, pool, email, email)
	f.outbox.Clear()
	known, err := pool.SignUp(t.Context(), identity.SignUp{Username: email, Password: password + "2"})
	check(t, "SignUp with a known address", err)
	other, err := pool.SignUp(t.Context(), identity.SignUp{Username: "al@example.com", Password: password + "2"})
	check(t, "SignUp with a new address", err)
	if len(known.Sub) != len(other.Sub) || known.Confirmed != other.Confirmed || known.Delivery == nil || *known.Delivery != *other.Delivery {
		t.Errorf("known %+v, new %+v", known, other)
	}
	if got := f.notices(t); len(got) != 1 || got[0] != "AccountExists to "+email {
		t.Errorf("notices %q, want one to the owner", got)
	}
	for _, name := range []string{email, known.Sub, "al@example.com"} {
		err := pool.ConfirmSignUp(t.Context(), identity.ConfirmSignUp{Username: name, Code: "000000"})
		wantErr(t, "ConfirmSignUp of "+name, err, identity.ErrCodeMismatch)
	}
	f.signIn(t, pool.AppClient, email)
	for range 10 {
		check(t, "SignUp again", second(pool.SignUp(t.Context(), identity.SignUp{Username: email, Password: password + "2"})))
	}
	if got := f.notices(t); len(got) > 5 {
		t.Errorf("the owner got %d notices in an hour", len(got))
	}
	if n, err := pool.Admin().CountUsers(t.Context()); n != 2 || err != nil {
		t.Errorf("%d users, %v, want 2", n, err)
	}
}

// TestAddressCountsOnceItIsProved: where an address is the name to sign in with, a
// code goes to it, and a new one replaces it only when it is verified.
func TestAddressCountsOnceItIsProved(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{UsernameAttributes: []string{"email"}, AutoVerified: []string{"phone_number"}})
	res, err := pool.SignUp(t.Context(), identity.SignUp{Username: email, Password: password, Attributes: attrs{"phone_number": phone}})
	check(t, "SignUp", err)
	if res.Delivery == nil || res.Delivery.Attribute != "email" {
		t.Fatalf("the code went to %+v, want the address that is the name", res.Delivery)
	}
	f.confirm(t, pool, email, email)
	s := f.session(t, pool.AppClient, email)
	sent, err := s.UpdateAttributes(t.Context(), attrs{"email": newEmail})
	check(t, "UpdateAttributes", err)
	if len(sent) != 1 {
		t.Errorf("sent %+v, want a code to the new address", sent)
	}
	f.signIn(t, pool.AppClient, email)
	wantErr(t, "the new name", byPassword(t, pool.AppClient, newEmail, password), identity.ErrIncorrectCredentials)
	check(t, "VerifyAttribute", s.VerifyAttribute(t.Context(), "email", identity.Secret(f.outbox.LastCode(newEmail))))
	f.signIn(t, pool.AppClient, newEmail)
	wantErr(t, "the old name", byPassword(t, pool.AppClient, email, password), identity.ErrIncorrectCredentials)
}
