package identity_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
)

// In safe pools names that look alike for technical reasons are one name.
func TestNamesOfSafePoolsArePrepared(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "ａｌｉｃｅ", email) // in full-width letters
	u, err := pool.Admin().Users().Get(t.Context(), "alice")
	check(t, "Get by the prepared name", err)
	if u.Username != "alice" {
		t.Errorf("username %q", u.Username)
	}
	for _, typed := range []string{"alice", "ALICE", "ａｌｉｃｅ", "Ａlice"} {
		f.signIn(t, pool.AppClient, typed)
		_, err := pool.SignUp(t.Context(), identity.SignUp{Username: typed, Password: password, Attributes: map[string]string{"email": "eve@example.com"}})
		wantErr(t, "sign-up as "+typed, err, identity.ErrUsernameExists)
	}
	f.join(t, pool, "re\u0301ne\u0301", "rene@example.com")
	f.signIn(t, pool.AppClient, "r\u00e9n\u00e9")
}

func TestNamesThatSafePoolsRefuse(t *testing.T) {
	f := newEngine(t)
	safe := f.open(t, identity.PoolSettings{})
	other := cognitoPool
	other.Algorithm = "ES256"
	wire, err := f.OpenUserPool(t.Context(), "wire", &other)
	check(t, "OpenUserPool", err)
	for what, name := range map[string]string{
		"two directions": "alice\u05d0", "a symbol": "al€ce", "an emoji": "alice\U0001F600", "an old sign of numbers": "alice\u2160",
		"a ligature": "\ufb01sh", "a letter with compatible form": "\u210alice",
	} {
		in := identity.CreateUser{Username: name, SuppressInvitation: true}
		var p *identity.ParameterError
		if _, err := safe.Admin().Users().Create(t.Context(), in); !errors.As(err, &p) || p.Name != "username" {
			t.Errorf("%s: got %v", what, err)
		}
		_, err := wire.Admin().Users().Create(t.Context(), in)
		check(t, what+" in a pool with the service's defaults", err)
	}
	for _, name := range []string{"alice", "Ólafur", "алиса", "أليس", "アリス", "a.b-c_d!"} {
		_, err := safe.Admin().Users().Create(t.Context(), identity.CreateUser{Username: name, SuppressInvitation: true})
		check(t, name, err)
	}
}

// Users who are older than the setting keep their names, and are found by them.
func TestOlderNamesAreFoundAfterAnUpgrade(t *testing.T) {
	f := newEngine(t)
	off := identity.PoolSettings{PrepareNames: ptr(false)}
	pool := f.open(t, off)
	f.join(t, pool, "ａｌｉｃｅ", email)
	f.join(t, pool, "alice€", "euro@example.com")
	turnOn := func(s *identity.PoolSettings) error { s.PrepareNames = nil; return nil }
	_, err := pool.Admin().Update(t.Context(), turnOn)
	check(t, "Update", err)
	f.signIn(t, pool.AppClient, "ａｌｉｃｅ")
	f.signIn(t, pool.AppClient, "alice€")
	check(t, "a change", pool.Admin().Users().UpdateAttributes(t.Context(), "ａｌｉｃｅ", map[string]string{"name": "Alice"}))
	f.join(t, pool, "alice", "new@example.com") // another name, then as now
	for typed, want := range map[string]string{"ａｌｉｃｅ": "ａｌｉｃｅ", "alice": "alice"} {
		u, err := pool.Admin().Users().Get(t.Context(), typed)
		check(t, "Get", err)
		if u.Username != want {
			t.Errorf("%s finds %s", typed, u.Username)
		}
	}
	check(t, "Verify", verify(t, f.store))
}

// The domain of an address has no case. What precedes it keeps its case, as its host may tell it apart.
func TestDomainsOfNamesAreFolded(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{UsernameAttributes: []string{"email"}, CaseSensitive: ptr(true)})
	typed := "Alice@EXAMPLE.com"
	_, err := pool.SignUp(t.Context(), identity.SignUp{Username: typed, Password: password, Attributes: map[string]string{"email": typed}})
	check(t, "SignUp", err)
	f.confirm(t, pool, typed, "Alice@example.com")
	f.signIn(t, pool.AppClient, "Alice@Example.Com")
	wantErr(t, "another mailbox", byPassword(t, pool.AppClient, "alice@example.com", password), identity.ErrIncorrectCredentials)
}

func TestPreferredUsernamesArePrepared(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{Aliases: []string{"preferred_username"}})
	f.join(t, pool, "alice", email)
	f.join(t, pool, "bob", "bob@example.com")
	for _, v := range []string{"ａｌｉｃｅ", "bob€"} {
		err := pool.Admin().Users().UpdateAttributes(t.Context(), "bob", map[string]string{"preferred_username": v})
		wantErr(t, v, err, identity.ErrInvalidParameter)
	}
	check(t, "a plain one", pool.Admin().Users().UpdateAttributes(t.Context(), "bob", map[string]string{"preferred_username": "Bobby"}))
}

func FuzzPreparedNames(f *testing.F) {
	for _, s := range []string{"alice", "Alice@EXAMPLE.com", "ａｌｉｃｅ", "＋４９１", strings.Repeat("é", 9)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		once, err := identity.Prepared(name)
		if err != nil {
			return
		}
		if twice, err := identity.Prepared(once); err != nil || twice != once {
			t.Errorf("%q is %q and then %q, %v", name, once, twice, err)
		}
	})
}
