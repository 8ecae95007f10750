package identity_test

import (
	"context"
	"errors"
	"go/ast"
	"go/token"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/memory"
)

const (
	commonPassword   = "1q2W3e4R5t6Y7u8I9o" // in the list, in lower case
	ownPassword      = "Acme Rockét Sledge" // in the operator's list, in other letters
	breachedPassword = "known from a breach"
	goodPassword     = "nobody has this one"
)

// passwordSetters are all ways in which a user gets a new password. Each is given to a pool with
// the users alice, whose password is [password], bob, who has a temporary one, and
// carol, who has a code to reset hers.
var passwordSetters = map[string]func(context.Context, *setting, identity.Secret) error{
	"sign-up": func(ctx context.Context, s *setting, p identity.Secret) error {
		_, err := s.pool.SignUp(ctx, identity.SignUp{Username: "new", Password: p, Attributes: map[string]string{"email": "new@example.com"}})
		return err
	},
	"change": func(ctx context.Context, s *setting, p identity.Secret) error {
		return s.session(s.t, s.pool.AppClient, "alice").ChangePassword(ctx, password, p)
	},
	"reset": func(ctx context.Context, s *setting, p identity.Secret) error {
		return s.pool.ConfirmForgotPassword(ctx, identity.ConfirmForgotPassword{
			Username: "carol", Password: p, Code: identity.Secret(s.outbox.LastCode("carol@example.com")),
		})
	},
	"new password": func(ctx context.Context, s *setting, p identity.Secret) error {
		in, err := s.pool.SignIn(ctx, identity.SignIn{Username: "bob", Password: password})
		check(s.t, "SignIn", err)
		_, err = in.Challenge.(*identity.NewPasswordRequired).Answer(ctx, identity.NewPassword{Password: p})
		return err
	},
	"operator": func(ctx context.Context, s *setting, p identity.Secret) error {
		return s.pool.Admin().Users().SetPassword(ctx, "alice", p, true)
	},
	"operator, temporary": func(ctx context.Context, s *setting, p identity.Secret) error {
		return s.pool.Admin().Users().SetPassword(ctx, "alice", p, false)
	},
	"invitation": func(ctx context.Context, s *setting, p identity.Secret) error {
		_, err := s.pool.Admin().Users().Create(ctx, identity.CreateUser{Username: "new", TemporaryPassword: p, SuppressInvitation: true})
		return err
	},
	"invitation again": func(ctx context.Context, s *setting, p identity.Secret) error {
		_, err := s.pool.Admin().Users().Create(ctx, identity.CreateUser{Username: "bob", TemporaryPassword: p, SuppressInvitation: true, ResendInvitation: true})
		return err
	},
	"import": func(ctx context.Context, s *setting, p identity.Secret) error {
		res, err := s.pool.Admin().Users().Import(ctx, []*identity.UserRecord{{Username: "new", Password: p}})
		if err == nil && len(res.Failed) > 0 {
			return res.Failed[0].Err
		}
		return err
	},
}

// A setting is a pool for passwordSetters.
type setting struct {
	*fixture
	t      *testing.T
	pool   *identity.UserPool
	asked  []identity.Secret // of Breached
	broken error             // what Breached returns
}

func newSetting(t *testing.T, pool identity.PoolSettings) *setting {
	s := &setting{t: t}
	s.fixture = newEngineWith(t, twice(memory.New()), func(o *identity.Options) {
		o.BlockedPasswords = []string{strings.ToUpper(ownPassword)}
		o.Breached = func(ctx context.Context, p identity.Secret) (bool, error) {
			s.asked = append(s.asked, p)
			if until, ok := ctx.Deadline(); !ok || time.Until(until) > 2*time.Second {
				t.Errorf("Breached has until %v, %t, want two seconds", until, ok)
			}
			return p == breachedPassword, s.broken
		}
	})
	s.pool = s.open(t, pool)
	s.join(t, s.pool, "alice", email)
	s.invite(t, s.pool, "bob", nil)
	s.join(t, s.pool, "carol", "carol@example.com")
	_, err := s.pool.ForgotPassword(t.Context(), "carol", "")
	check(t, "ForgotPassword", err)
	s.asked = nil
	return s
}

// signsIn reports whether any user has a password.
func (s *setting) signsIn(p string) bool {
	return slices.ContainsFunc([]string{"alice", "bob", "carol", "new"}, func(name string) bool {
		err := byPassword(s.t, s.pool.AppClient, name, p)
		return err == nil || !errors.Is(err, identity.ErrIncorrectCredentials)
	})
}

func TestEveryWayToSetAPasswordHoldsItToTheRules(t *testing.T) {
	for i, way := range slices.Sorted(maps.Keys(passwordSetters)) {
		set := passwordSetters[way]
		for j, tt := range []struct {
			name, password string
			pool           identity.PoolSettings
			broken         error
			unmet          identity.PasswordRule
			err            error
			asked          bool // Breached
		}{
			{name: "short", password: "short", unmet: identity.RuleLength, err: identity.ErrInvalidPassword},
			{name: "common", password: commonPassword, unmet: identity.RuleCommon, err: identity.ErrInvalidPassword},
			{name: "the operator's", password: ownPassword, unmet: identity.RuleCommon, err: identity.ErrInvalidPassword},
			{name: "the operator's, decomposed", password: strings.ReplaceAll(ownPassword, "é", "e\u0301"), unmet: identity.RuleCommon, err: identity.ErrInvalidPassword},
			{name: "breached", password: breachedPassword, unmet: identity.RuleBreached, err: identity.ErrInvalidPassword, asked: true},
			{name: "service fails", password: goodPassword, broken: errors.New("oops"), err: identity.ErrBreachCheck, asked: true},
			{name: "service says both", password: breachedPassword, broken: errors.New("oops"), err: identity.ErrBreachCheck, asked: true},
			{name: "good", password: goodPassword, asked: true},
			{name: "common, turned off", password: commonPassword, pool: identity.PoolSettings{BlockCommonPasswords: new(false)}},
			{name: "breached, turned off", password: breachedPassword, pool: identity.PoolSettings{BlockCommonPasswords: new(false)}, broken: errors.New("oops")},
		} {
			if testing.Short() && (i+j)%12 > 0 {
				continue
			}
			t.Run(way+"/"+tt.name, func(t *testing.T) {
				s := newSetting(t, tt.pool)
				s.broken = tt.broken
				err := set(t.Context(), s, identity.Secret(tt.password))
				wantErr(t, "the call", err, tt.err)
				if e, ok := errors.AsType[*identity.PasswordError](err); ok && !slices.Equal(e.Unmet, []identity.PasswordRule{tt.unmet}) {
					t.Errorf("unmet = %q, want %q", e.Unmet, tt.unmet)
				}
				if got := slices.Contains(s.asked, identity.Secret(tt.password)); got != tt.asked {
					t.Errorf("Breached was asked: %t, want %t", got, tt.asked)
				}
				if got, want := s.signsIn(tt.password), tt.err == nil; got != want && way != "sign-up" { // who signed up must confirm first
					t.Errorf("the password signs somebody in: %t, want %t", got, want)
				}
			})
		}
	}
}

// TestCommonPasswordsAreForThePoolsThatBlockThem: pools with the service's defaults take them, unless they say otherwise.
func TestCommonPasswordsAreForThePoolsThatBlockThem(t *testing.T) {
	for _, tt := range []struct {
		name string
		pool identity.PoolSettings
		err  error
	}{
		{"Cognito", cognitoPool, nil},
		{"Cognito, turned on", identity.PoolSettings{
			Defaults: identity.CognitoDefaults, AutoVerified: []string{"email"}, PasswordPolicy: cognitoPool.PasswordPolicy, BlockCommonPasswords: new(true),
		}, identity.ErrInvalidPassword},
		{"safe", identity.PoolSettings{}, identity.ErrInvalidPassword},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newEngine(t)
			_, err := f.open(t, tt.pool).SignUp(t.Context(), identity.SignUp{Username: "alice", Password: commonPassword, Attributes: map[string]string{"email": email}})
			wantErr(t, "SignUp", err, tt.err)
		})
	}
}

// TestBreachIsAskedOnlyAfterProof: a stranger who cannot prove anything makes no call of the service.
func TestBreachIsAskedOnlyAfterProof(t *testing.T) {
	s := newSetting(t, identity.PoolSettings{})
	err := s.session(t, s.pool.AppClient, "alice").ChangePassword(t.Context(), wrong, goodPassword)
	wantErr(t, "ChangePassword", err, identity.ErrIncorrectCredentials)
	if len(s.asked) > 0 {
		t.Errorf("Breached was asked after a wrong password")
	}
}

// TestSlowBreachCheckEndsWithTheCaller: a service that does not answer has two seconds, and less if the caller leaves.
func TestSlowBreachCheckEndsWithTheCaller(t *testing.T) {
	f := newEngineWith(t, memory.New(), func(o *identity.Options) {
		o.Breached = func(ctx context.Context, _ identity.Secret) (bool, error) {
			<-ctx.Done()
			return false, ctx.Err()
		}
	})
	pool := f.open(t, identity.PoolSettings{})
	in := identity.SignUp{Username: "alice", Password: goodPassword, Attributes: map[string]string{"email": email}}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := pool.SignUp(ctx, in)
	wantErr(t, "SignUp of a caller who leaves", err, context.DeadlineExceeded)
	if testing.Short() {
		return
	}
	_, err = pool.SignUp(t.Context(), in) // two seconds
	wantErr(t, "SignUp", err, identity.ErrBreachCheck)
}

func TestPasswordRules(t *testing.T) {
	f := newEngineWith(t, memory.New(), func(o *identity.Options) {
		o.Breached = func(context.Context, identity.Secret) (bool, error) {
			t.Error("PasswordRules asks Breached")
			return false, nil
		}
	})
	pool := f.open(t, identity.PoolSettings{PasswordPolicy: &identity.PasswordPolicy{RequireNumbers: true}})
	words := map[identity.PasswordRule]string{
		identity.RuleLength: "at least 15 characters", identity.RuleMaximum: "at most 256 characters", identity.RuleNumber: "a digit",
		identity.RuleSpace: "no space at the start or the end", identity.RuleCommon: "a text that is not a common password",
	}
	all := []identity.PasswordRule{identity.RuleLength, identity.RuleMaximum, identity.RuleNumber, identity.RuleSpace, identity.RuleCommon}
	for _, tt := range []struct {
		name, password string
		unmet          []identity.PasswordRule
	}{
		{"good", "nobody has this 1", nil},
		{"empty", "", []identity.PasswordRule{identity.RuleLength, identity.RuleNumber}},
		{"common", commonPassword, []identity.PasswordRule{identity.RuleCommon}},
		{"common and short", "password", []identity.PasswordRule{identity.RuleLength, identity.RuleNumber, identity.RuleCommon}},
		{"16 MiB", strings.Repeat("1", 16<<20), all},
	} {
		t.Run(tt.name, func(t *testing.T) {
			checks, err := pool.PasswordRules(t.Context(), identity.Secret(tt.password))
			check(t, "PasswordRules", err)
			var unmet, rules []identity.PasswordRule
			for _, c := range checks {
				rules = append(rules, c.Rule)
				if !c.Met {
					unmet = append(unmet, c.Rule)
				}
				if c.Words != words[c.Rule] {
					t.Errorf("%q says %q", c.Rule, c.Words)
				}
			}
			if !slices.Equal(unmet, tt.unmet) || !slices.Equal(rules, all) {
				t.Errorf("rules %q, unmet %q, want %q", rules, unmet, tt.unmet)
			}
			if tt.unmet != nil {
				return
			}
			_, err = newEngine(t).open(t, identity.PoolSettings{}).SignUp(t.Context(), identity.SignUp{
				Username: "alice", Password: identity.Secret(tt.password), Attributes: map[string]string{"email": email},
			})
			check(t, "SignUp with a password that meets all rules", err)
		})
	}
}

// TestPasswordsAreHashedByTheRule: only these functions hash a password that nobody has chosen now. A new
// caller of newCredential calls chosen instead, or says here why it need not.
func TestPasswordsAreHashedByTheRule(t *testing.T) {
	want := []string{
		"chosen",              // the rule
		"migrate",             // the user has the password already
		"temporaryCredential", // a random one
	}
	var got []string
	sources(t, func(room, path string, f *ast.File, _ *token.FileSet) {
		if room != "identity" || strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "newCredential" {
					got = append(got, fn.Name.Name)
				}
				return true
			})
		}
	})
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("newCredential is called by %q, want %q", got, want)
	}
}
