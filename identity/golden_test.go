package identity_test

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/bolt"
)

// goldenFiles are store files as each version with a format of its own wrote
// them. They are never written again: a later version must open each.
var goldenFiles = []string{"testdata/store-format1.db.gz"}

const goldenPassword = "correct horse battery staple"

// makeGolden writes the newest of them, for whoever adds a format:
//
//	COGNATE_GOLDEN=testdata/store-formatN.db go test ./identity -run Golden && gzip -9 identity/testdata/store-formatN.db
func makeGolden(t *testing.T, path string) {
	t.Helper()
	s, err := bolt.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	outbox := identity.NewOutbox(0)
	pool, err := identity.New(s, &identity.Options{Sender: outbox, InsecureCheapHashing: true, InsecureUnsealed: true}).OpenUserPool(t.Context(), "main", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"alice", "bob"} {
		_, err := pool.SignUp(t.Context(), identity.SignUp{
			Username: name, Password: goldenPassword, Attributes: map[string]string{"email": name + "@example.com"},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	code := identity.Secret(outbox.LastCode("alice@example.com"))
	if err := pool.ConfirmSignUp(t.Context(), identity.ConfirmSignUp{Username: "alice", Code: code}); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Admin().Groups().Create(t.Context(), identity.GroupSettings{Name: "staff"}); err != nil {
		t.Fatal(err)
	}
	if err := pool.Admin().Users().AddToGroup(t.Context(), "alice", "staff"); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: goldenPassword}); err != nil {
		t.Fatal(err)
	}
}

func unpack(t *testing.T, from, to string) {
	t.Helper()
	f, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestGoldenFilesAreOpened(t *testing.T) {
	if path := os.Getenv("COGNATE_GOLDEN"); path != "" {
		makeGolden(t, path)
	}
	for _, golden := range goldenFiles {
		t.Run(filepath.Base(golden), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store.db")
			unpack(t, golden, path)
			s, err := bolt.Open(path, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := identity.Check(t.Context(), s, identity.Tables(), func(p store.Problem) { t.Error(p) }); err != nil {
				t.Fatal(err)
			}
			pool, err := identity.New(s, &identity.Options{InsecureCheapHashing: true, InsecureUnsealed: true}).OpenUserPool(t.Context(), "main", nil)
			if err != nil {
				t.Fatal(err)
			}
			in, err := pool.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: goldenPassword})
			if err != nil {
				t.Fatal(err)
			}
			session, err := pool.Session(t.Context(), in.Tokens.Access)
			if err != nil {
				t.Fatal(err)
			}
			if groups := session.Claims().Groups; len(groups) != 1 || groups[0] != "staff" {
				t.Errorf("alice is in the groups %q, want staff", groups)
			}
			bob, err := pool.Admin().Users().Get(t.Context(), "bob@example.com")
			if err == nil {
				t.Errorf("bob is found by an address that was never verified: %v", bob.Username)
			}
			if bob, err = pool.Admin().Users().Get(t.Context(), "bob"); err != nil || bob.Status != identity.StatusUnconfirmed {
				t.Errorf("bob: %+v, %v", bob, err)
			}
		})
	}
}
