package main_test

import (
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
)

// signIn signs a user of the only pool in dir in, through a client of its own.
func signIn(t *testing.T, e *identity.Engine, name, password string) (*identity.SignInResult, error) {
	t.Helper()
	for info, err := range e.UserPools(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		return signInTo(t, e, info.ID, name, password)
	}
	t.Fatal("there is no pool")
	return nil, nil
}

func signInTo(t *testing.T, e *identity.Engine, id, name, password string) (*identity.SignInResult, error) {
	t.Helper()
	pool, err := e.UserPool(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	client, err := pool.Admin().Clients().Create(t.Context(), &identity.ClientSettings{Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return pool.Client(client.ID).SignIn(t.Context(), identity.SignIn{Username: name, Password: identity.Secret(password)})
}

const es256 = `{"algorithm":"ES256"}`

func TestUserCreate(t *testing.T) {
	if testing.Short() {
		t.Skip("runs `cognate user create` in many ways, as the scripts do")
	}
	dir, _ := withPool(t, es256)
	out := strings.Fields(must(t, dir, "user", "create", "alice", "email=alice@example.com", "email_verified=true", "name=Alice, the first=1"))
	if len(out) != 2 {
		t.Fatalf("user create = %q, want a sub and a password", out)
	}
	if _, errs, code := feed(t, dir, password+"\r\nmore", "user", "create", "bob", "--password-stdin"); code != 0 {
		t.Fatalf("user create --password-stdin: %d %s", code, errs)
	}
	must(t, dir, "user", "create", "carol", "--password", password, "--temporary")
	failure(t, dir, "must have at least 15 characters", "password policy", "user", "create", "dave", "--password", "short")
	failure(t, dir, "user already exists", "user show", "user", "create", "alice")
	alice := shown[identity.UserRecord](t, dir, "user", "show", "alice")
	if alice.Sub != out[0] || alice.Attributes["name"] != "Alice, the first=1" || alice.Attributes["email_verified"] != "true" {
		t.Errorf("alice = %+v", alice)
	}
	if rows := must(t, dir, "user", "list"); strings.Count(rows, "\n") != 3 {
		t.Errorf("user list:\n%s", rows)
	}
	inStore(t, dir, func(e *identity.Engine) {
		for _, tt := range []struct {
			name, password string
			challenged     bool
		}{{"alice", out[1], true}, {"bob", password, false}, {"carol", password, true}} {
			in, err := signIn(t, e, tt.name, tt.password)
			if err != nil || (in.Tokens == nil) != tt.challenged {
				t.Errorf("%s signs in: %+v, %v", tt.name, in, err)
			}
		}
	})
}

func TestUserPassword(t *testing.T) {
	if testing.Short() {
		t.Skip("runs `cognate user password` in many ways, as the scripts do")
	}
	dir, _ := withPool(t, es256)
	must(t, dir, "user", "create", "alice")
	failure(t, dir, "no password on standard input", "< FILE", "user", "password", "alice")
	failure(t, dir, "there is no user bob", "user list", "user", "password", "bob")
	if _, errs, code := feed(t, dir, password+"\n", "user", "password", "alice"); code != 0 || strings.Contains(errs, password) {
		t.Fatalf("user password: %d %s", code, errs)
	}
	inStore(t, dir, func(e *identity.Engine) {
		if in, err := signIn(t, e, "alice", password); err != nil || in.Tokens == nil {
			t.Errorf("SignIn = %+v, %v", in, err)
		}
	})
	must(t, dir, "user", "password", "alice", "--password", password+"!", "--temporary")
	if rec := shown[identity.UserRecord](t, dir, "user", "show", "alice"); rec.Status != identity.StatusForceChangePassword {
		t.Errorf("status = %s", rec.Status)
	}
}

func TestUserVerbs(t *testing.T) {
	if testing.Short() {
		t.Skip("runs each command of `cognate user`, as the scripts do")
	}
	dir, _ := withPool(t, es256)
	must(t, dir, "user", "create", "alice", "email=alice@example.com", "nickname=al", "--password", password)
	must(t, dir, "user", "set", "alice", "nickname=", "name=Alice")
	rec := shown[identity.UserRecord](t, dir, "user", "show", "alice")
	if _, ok := rec.Attributes["nickname"]; ok || rec.Attributes["name"] != "Alice" {
		t.Errorf("attributes = %v", rec.Attributes)
	}
	failure(t, dir, "custom:team", "", "user", "set", "alice", "name=Bob", "custom:team=x")
	if _, errs, code := run(t, dir, "user", "set", "alice", "name=a", "name=b"); code != 2 || !strings.Contains(errs, "given twice") {
		t.Errorf("user set of one attribute twice: %d %s", code, errs)
	}
	if rec := shown[identity.UserRecord](t, dir, "user", "show", "alice"); rec.Attributes["name"] != "Alice" {
		t.Errorf("a set that was refused changed attributes: %v", rec.Attributes)
	}
	must(t, dir, "user", "disable", "alice")
	inStore(t, dir, func(e *identity.Engine) {
		if _, err := signIn(t, e, "alice", password); err == nil {
			t.Error("a disabled user signs in")
		}
	})
	if out := must(t, dir, "user", "list", "--filter", `status = "Disabled"`); !strings.Contains(out, "alice") {
		t.Errorf("user list:\n%s", out)
	}
	must(t, dir, "user", "enable", "alice")
	must(t, dir, "user", "signout", "alice")
	failure(t, dir, "cannot be confirmed", "", "user", "confirm", "alice")
	failure(t, dir, "invalid filter", `'email ^= "a"'`, "user", "list", "--filter", "email")
	failure(t, dir, "cannot be searched", "family_name", "user", "list", "--filter", `birthdate = "x"`)
	failure(t, dir, "Delete the user alice", "--yes", "user", "delete", "alice")
	must(t, dir, "user", "delete", "alice", "--yes")
	for _, verb := range []string{"show", "enable", "disable", "confirm", "signout", "delete", "password"} {
		failure(t, dir, "there is no user alice", "user list", "user", verb, "alice")
	}
}

func TestUserConfirm(t *testing.T) {
	if testing.Short() {
		t.Skip("runs `cognate user confirm`, as the scripts do")
	}
	dir, id := withPool(t, es256)
	inStore(t, dir, func(e *identity.Engine) {
		pool, err := e.UserPool(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		c, err := pool.Admin().Clients().Create(t.Context(), &identity.ClientSettings{Name: "web"})
		if err != nil {
			t.Fatal(err)
		}
		in := identity.SignUp{Username: "alice", Password: password, Attributes: map[string]string{"email": "alice@example.com"}}
		if _, err := pool.Client(c.ID).SignUp(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	})
	must(t, dir, "user", "confirm", "alice")
	inStore(t, dir, func(e *identity.Engine) {
		if in, err := signIn(t, e, "alice", password); err != nil || in.Tokens == nil {
			t.Errorf("SignIn = %+v, %v", in, err)
		}
	})
}

// TestNothingSteersTheTerminal holds that what users chose is written in no
// form that a terminal obeys.
func TestNothingSteersTheTerminal(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the command two dozen times with hostile text in the store")
	}
	dir, _ := withPool(t, es256)
	const evil = "a\x1b]0;owned\x07\u009b2J\u202ex"
	must(t, dir, "user", "create", "alice", "name="+evil, "nickname="+evil)
	for _, args := range [][]string{
		{"user", "list"},
		{"user", "list", "--json"},
		{"user", "show", "alice"},
		{"user", "export"},
		{"user", "set", "alice", evil + "=x"},
		{"user", "show", evil},
		{"pool", "show", "--pool", evil},
		{"user", "set", "alice", evil},
		{"client", "show", evil},
		{"group", "show", evil},
		{"pool", "set", "--settings", `{"` + evil + `":1}`},
	} {
		out, errs, _ := run(t, dir, args...)
		for _, bad := range []string{"\x1b", "\x07", "\u009b", "\u202e"} {
			if strings.Contains(out+errs, bad) {
				t.Errorf("cognate %q writes %q", args, bad)
			}
		}
	}
	if rec := shown[identity.UserRecord](t, dir, "user", "show", "alice"); rec.Attributes["name"] != evil {
		t.Errorf("name = %q, want %q", rec.Attributes["name"], evil)
	}
}
