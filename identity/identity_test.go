package identity_test

import (
	"errors"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/store/memory"
)

// A fixture is an engine with what its tests look at.
type fixture struct {
	*identity.Engine
	store  store.Store
	outbox *identity.Outbox
	offset atomic.Int64 // of the engine's clock

	meanwhile func() // called by begin
}

// start is when the clocks of the tests begin.
var start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func (f *fixture) now() time.Time { return start.Add(time.Duration(f.offset.Load())) }

func (f *fixture) advance(d time.Duration) { f.offset.Add(int64(d)) }

// newEngine returns an engine on a store that runs every transaction twice, so
// that one which is not pure shows.
func newEngine(t testing.TB) *fixture {
	t.Helper()
	return newEngineOn(t, twice(memory.New()))
}

func newEngineOn(t testing.TB, s store.Store) *fixture {
	t.Helper()
	return newEngineWith(t, s, func(*identity.Options) {})
}

// sameKeys has RSA keys for all tests.
var sameKeys = identity.InsecureKeyStock(2)

// newEngineWith returns an engine whose options were changed by edit.
func newEngineWith(t testing.TB, s store.Store, edit func(*identity.Options)) *fixture {
	t.Helper()
	f := &fixture{store: s, outbox: identity.NewOutbox(0)}
	o := &identity.Options{
		Sender: f.outbox, Clock: f.now, InsecureCheapHashing: true, InsecureUnsealed: true, Limits: identity.NoMessageLimits,
		PasswordWait: time.Hour, // a crowd waits, however slow the machine is
	}
	edit(o)
	if o.KeyStock == nil {
		o.KeyStock = sameKeys
	}
	f.Engine = identity.New(s, o)
	return f
}

// backEnds are the stores on which promises about races are held.
var backEnds = []struct {
	name string
	open func(t testing.TB) store.Store
}{
	{"memory", func(testing.TB) store.Store { return memory.New() }},
	{"bolt", openBolt},
}

func openBolt(t testing.TB) store.Store {
	t.Helper()
	s, err := bolt.Open(filepath.Join(t.TempDir(), "store"), &bolt.Options{InsecureNoSync: true})
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

const (
	password = "correct horse battery staple"
	wrong    = "incorrect horse battery staple"
	email    = "alice@example.com"
)

// open opens a pool with ES256 keys, which cost nothing to make.
func (f *fixture) open(t testing.TB, settings identity.PoolSettings) *identity.UserPool {
	t.Helper()
	if settings.Algorithm == "" {
		settings.Algorithm = "ES256"
	}
	pool, err := f.OpenUserPool(t.Context(), t.Name(), &settings)
	if err != nil {
		t.Fatalf("OpenUserPool: %v", err)
	}
	return pool
}

// cognitoPool is a pool as its users know it from Amazon.
var cognitoPool = identity.PoolSettings{
	Defaults: identity.CognitoDefaults, SRP: true, AutoVerified: []string{"email"},
	PasswordPolicy: &identity.PasswordPolicy{MinimumLength: 8},
}

// allFlows lets a client sign in by password and by SRP.
var allFlows = []identity.AuthFlow{identity.AllowUserPassword, identity.AllowUserSRP, identity.AllowRefresh}

// client makes an app client that may use all flows unless its settings say otherwise.
func (f *fixture) client(t testing.TB, pool *identity.UserPool, c identity.ClientSettings) *identity.AppClient {
	t.Helper()
	c.Name = "test"
	if c.AuthFlows == nil && c.Rotation == nil {
		c.AuthFlows = allFlows
	}
	made, err := pool.Admin().Clients().Create(t.Context(), &c)
	if err != nil {
		t.Fatalf("Create client: %v", err)
	}
	return pool.Client(made.ID)
}

// join signs a user up and confirms.
func (f *fixture) join(t testing.TB, pool *identity.UserPool, name, address string) *identity.SignUpResult {
	t.Helper()
	res := f.signUp(t, pool, name, address)
	f.confirm(t, pool, name, address)
	return res
}

func (f *fixture) signUp(t testing.TB, pool *identity.UserPool, name, address string) *identity.SignUpResult {
	t.Helper()
	in := identity.SignUp{Username: name, Password: password, Attributes: map[string]string{"email": address}}
	res, err := pool.SignUp(t.Context(), in)
	if err != nil {
		t.Fatalf("SignUp(%q): %v", name, err)
	}
	return res
}

func (f *fixture) confirm(t testing.TB, pool *identity.UserPool, name, address string) {
	t.Helper()
	code := identity.Secret(f.outbox.LastCode(address))
	if err := pool.ConfirmSignUp(t.Context(), identity.ConfirmSignUp{Username: name, Code: code}); err != nil {
		t.Fatalf("ConfirmSignUp(%q): %v", name, err)
	}
}

// signIn signs a user in by password.
func (f *fixture) signIn(t testing.TB, a *identity.AppClient, name string) *identity.Tokens {
	t.Helper()
	in, err := a.SignIn(t.Context(), identity.SignIn{Username: name, Password: password})
	if err != nil || in.Tokens == nil {
		t.Fatalf("SignIn(%q) = %+v, %v, want tokens", name, in, err)
	}
	return in.Tokens
}

// byPassword tries to sign in by password.
func byPassword(t testing.TB, a *identity.AppClient, name, password string) error {
	t.Helper()
	_, err := a.SignIn(t.Context(), identity.SignIn{Username: name, Password: identity.Secret(password)})
	return err
}

// edit changes the record of a user.
func (f *fixture) edit(t testing.TB, pool *identity.UserPool, name string, edit func(*identity.User)) {
	t.Helper()
	if err := f.EditUser(t.Context(), pool.PoolID(), name, edit); err != nil {
		t.Fatalf("EditUser(%q): %v", name, err)
	}
}

// wantErr checks that an error is one of those wanted.
func wantErr(t *testing.T, what string, got error, want ...error) {
	t.Helper()
	if !slices.ContainsFunc(want, func(w error) bool { return errors.Is(got, w) }) {
		t.Errorf("%s: error %v, want %v", what, got, want)
	}
}

func check(t testing.TB, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func ptr[T any](v T) *T { return &v }

func TestLifeOfAUser(t *testing.T) {
	liveAsUser(t, newEngine(t))
}

// liveAsUser takes a user through the whole of a life.
func liveAsUser(t *testing.T, f *fixture) {
	t.Helper()
	pool := f.open(t, identity.PoolSettings{})
	joined := f.join(t, pool, "Alice", email)
	if joined.Delivery == nil || joined.Delivery.Destination != "a***@e***" {
		t.Errorf("delivery = %+v, want to a***@e***", joined.Delivery)
	}

	in, err := pool.SignIn(t.Context(), identity.SignIn{Username: "ALICE", Password: password})
	if err != nil || in.Tokens == nil {
		t.Fatalf("SignIn = %+v, %v, want tokens", in, err)
	}
	session, err := pool.Session(t.Context(), in.Tokens.Access)
	if err != nil {
		t.Fatalf("Session: %v", err)
	}
	u, err := session.User()
	if err != nil || u.Username != "Alice" || u.Attributes["email_verified"] != "true" || u.Sub != joined.Sub {
		t.Fatalf("User = %+v, %v", u, err)
	}

	again, err := pool.Refresh(t.Context(), identity.Refresh{Token: in.Tokens.Refresh, Rotating: true})
	if err != nil || again.Refresh == "" || again.Refresh == in.Tokens.Refresh {
		t.Fatalf("Refresh = %+v, %v, want tokens with a new refresh token", again, err)
	}
	if err := session.SignOutEverywhere(t.Context()); err != nil {
		t.Fatalf("SignOutEverywhere: %v", err)
	}
	_, err = pool.Session(t.Context(), again.Access)
	wantErr(t, "Session after sign-out", err, identity.ErrAccessTokenRevoked)
	_, err = pool.Refresh(t.Context(), identity.Refresh{Token: again.Refresh, Rotating: true})
	wantErr(t, "Refresh after sign-out", err, identity.ErrRefreshTokenRevoked)
}
