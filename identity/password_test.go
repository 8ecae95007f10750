package identity_test

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/store/memory"
)

func TestPasswordMeetsThePolicy(t *testing.T) {
	long := func(n int) string { return strings.Repeat("a", n) }
	all := &identity.PasswordPolicy{MinimumLength: 8, RequireUppercase: true, RequireLowercase: true, RequireNumbers: true, RequireSymbols: true}
	for _, tt := range []struct {
		name     string
		policy   *identity.PasswordPolicy
		password string
		unmet    []identity.PasswordRule
	}{
		{"15 characters", nil, long(15), nil},
		{"14 characters", nil, long(14), []identity.PasswordRule{identity.RuleLength}},
		{"64 characters", nil, long(64), nil},
		{"256 characters", nil, long(256), nil},
		{"257 characters", nil, long(257), []identity.PasswordRule{identity.RuleMaximum}},
		{"256 characters of 4 bytes", nil, strings.Repeat("\U0001f40e", 256), nil},
		{"257 characters of 4 bytes", nil, strings.Repeat("\U0001f40e", 257), []identity.PasswordRule{identity.RuleMaximum}},
		{"14 characters of two code points", nil, strings.Repeat("e\u0301", 14), []identity.PasswordRule{identity.RuleLength}},
		{"15 characters of 4 bytes", nil, strings.Repeat("\U0001f40e", 15), nil},
		{"128 KiB", nil, long(128 << 10), []identity.PasswordRule{identity.RuleMaximum}},
		{"space inside", nil, "correct horse battery", nil},
		{"space at the end", nil, "correct horse battery ", []identity.PasswordRule{identity.RuleSpace}},
		{"empty", nil, "", []identity.PasswordRule{identity.RuleLength}},
		{"all kinds", all, "Passw0rd!", nil},
		{"space is a symbol", all, "Passw0rd x", nil},
		{"no kinds", all, "\u00c9\u00e9\u00e8\u00e0\u00fc\u00f6\u00e4\u0661", []identity.PasswordRule{
			identity.RuleUppercase, identity.RuleLowercase, identity.RuleNumber, identity.RuleSymbol,
		}},
		{"5 characters", &identity.PasswordPolicy{MinimumLength: 6}, long(5), []identity.PasswordRule{identity.RuleLength}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newEngine(t)
			pool := f.open(t, identity.PoolSettings{PasswordPolicy: tt.policy, BlockCommonPasswords: new(false)})
			_, err := pool.SignUp(t.Context(), identity.SignUp{
				Username: "alice", Password: identity.Secret(tt.password), Attributes: map[string]string{"email": email},
			})
			e, ok := errors.AsType[*identity.PasswordError](err)
			if ok != (tt.unmet != nil) || ok && (!slices.Equal(e.Unmet, tt.unmet) || !e.SignUp) {
				t.Errorf("error %v, want %q unmet", err, tt.unmet)
			}
			if tt.unmet == nil {
				f.confirm(t, pool, "alice", email)
				check(t, "SignIn", byPassword(t, pool.AppClient, "alice", tt.password))
			}
		})
	}
}

func TestWholePasswordCounts(t *testing.T) {
	right := strings.Repeat("a", 73)
	for how, try := range ways {
		f := newEngine(t) // of its own: five wrong passwords in a row would lock the account
		pool := f.open(t, identity.PoolSettings{SRP: true})
		_, err := pool.SignUp(t.Context(), identity.SignUp{
			Username: "alice", Password: identity.Secret(right), Attributes: map[string]string{"email": email},
		})
		check(t, "SignUp", err)
		f.confirm(t, pool, "alice", email)
		for name, tt := range few.Named(2, map[string]struct {
			password string
			want     error
		}{
			"as it was set":       {right, nil},
			"the first 72 bytes":  {right[:72], identity.ErrIncorrectCredentials},
			"another 73rd":        {right[:72] + "b", identity.ErrIncorrectCredentials},
			"with a zero at last": {right + "\x00", identity.ErrIncorrectCredentials},
		}) {
			f.advance(time.Hour) // past any lock
			_, err := try(t, pool.AppClient, pool.PoolID(), "alice", tt.password)
			wantErr(t, name+" by "+how, err, tt.want)
		}
	}
}

func TestPasswordIsNormalised(t *testing.T) {
	composed, decomposed := "correct horse caf\u00e9", "correct horse cafe\u0301"
	for _, set := range []string{composed, decomposed} {
		f := newEngine(t)
		pool := f.open(t, identity.PoolSettings{})
		f.join(t, pool, "alice", email)
		check(t, "SetPassword", pool.Admin().Users().SetPassword(t.Context(), "alice", identity.Secret(set), true))
		for _, typed := range []string{composed, decomposed} {
			wantErr(t, "SignIn", byPassword(t, pool.AppClient, "alice", typed), nil)
		}
		wantErr(t, "compatible character", byPassword(t, pool.AppClient, "alice", "correct horse cafe"), identity.ErrIncorrectCredentials)
	}
}

// allocated is how many bytes fn allocates: a password hash takes 19 MiB.
func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestPasswordIsHashedWhereItMustBeAndNowhereElse(t *testing.T) {
	if testing.Short() {
		t.Skip("hashes passwords at full cost")
	}
	const hash = 19 << 20
	f := newEngineWith(t, memory.New(), func(o *identity.Options) { o.InsecureCheapHashing = false })
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	f.signUp(t, pool, "unconfirmed", "unconfirmed@example.com")
	f.join(t, pool, "imported", "imported@example.com")
	u, err := pool.Admin().Users().Get(t.Context(), "imported")
	check(t, "Get", err)
	check(t, "DropCredential", f.DropCredential(t.Context(), pool.PoolID(), u.Sub))
	long := strings.Repeat("a", 128<<10)
	signUp := func(name, password string) {
		_, _ = pool.SignUp(t.Context(), identity.SignUp{
			Username: name, Password: identity.Secret(password), Attributes: map[string]string{"email": email},
		})
	}
	signIn := func(name, password string) { _ = byPassword(t, pool.AppClient, name, password) }
	for _, tt := range []struct {
		name   string
		call   func()
		hashes uint64
	}{
		{"right password", func() { signIn("alice", password) }, 1},
		{"wrong password", func() { signIn("alice", wrong) }, 1},
		{"nobody", func() { signIn("nobody", password) }, 1},
		{"unconfirmed", func() { signIn("unconfirmed", wrong) }, 1},
		{"without a password", func() { signIn("imported", password) }, 1},
		{"long password", func() { signIn("alice", long) }, 1},
		{"long password of nobody", func() { signIn("nobody", long) }, 1},
		{"sign-up", func() { signUp("bob", password) }, 1},
		{"sign-up with a long password", func() { signUp("carol", long) }, 0},
		{"sign-up under a taken name", func() { signUp("alice", password) }, 0},
		{"locked", func() {
			for range 3 {
				signIn("alice", wrong)
			}
		}, 3},
		{"while locked", func() { signIn("alice", password) }, 0},
	} {
		got := allocated(tt.call)
		if got < tt.hashes*hash || got >= tt.hashes*hash+hash/2 {
			t.Errorf("%s: allocates %d KiB, want %d times a hash", tt.name, got>>10, tt.hashes)
		}
	}
}
