package sqlite_test

import (
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/cognate-id/cognate/examples/sqlite"
	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/storetest"
)

func open(t *testing.T, dir string) store.Store {
	t.Helper()
	s, err := sqlite.Open(filepath.Join(dir, "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// region contract
func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, t.TempDir()) })
}

// endregion

func TestDurable(t *testing.T) { storetest.RunDurable(t, open) }

func TestKill(t *testing.T) { storetest.RunKill(t, open) }

// SQLite has no connection to lose. A driver for a server cuts a real one here.
func TestUnknownOutcome(t *testing.T) {
	storetest.RunUnknownOutcome(t, func(t *testing.T) (store.Store, func(storetest.Fate)) {
		var next atomic.Int32
		s := storetest.Unsure(open(t, t.TempDir()), func() storetest.Fate { return storetest.Fate(next.Swap(0)) })
		return s, func(f storetest.Fate) { next.Store(int32(f)) }
	})
}

func TestSignUpAndSignIn(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	s := open(t, dir)
	outbox := identity.NewOutbox(0)
	options := &identity.Options{Sender: outbox, InsecureCheapHashing: true, InsecureUnsealed: true}
	pool, err := identity.New(storetest.Twice(s), options).OpenUserPool(ctx, "main", nil)
	if err != nil {
		t.Fatal(err)
	}
	alice := identity.SignUp{Username: "alice", Password: "correct horse battery staple"}
	alice.Attributes = map[string]string{"email": "alice@example.com"}
	if _, err := pool.SignUp(ctx, alice); err != nil {
		t.Fatal(err)
	}
	code := identity.Secret(outbox.LastCode("alice@example.com"))
	if err := pool.ConfirmSignUp(ctx, identity.ConfirmSignUp{Username: "alice", Code: code}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, dir)
	defer s.Close()
	if pool, err = identity.New(s, options).OpenUserPool(ctx, "main", nil); err != nil {
		t.Fatal(err)
	}
	in, err := pool.SignIn(ctx, identity.SignIn{Username: "alice", Password: alice.Password})
	if err != nil {
		t.Fatal(err)
	}
	session, err := pool.Session(ctx, in.Tokens.Access)
	if err != nil || session.Claims().Username != "alice" {
		t.Errorf("Session = %v, %v, want that of alice", session, err)
	}
}
