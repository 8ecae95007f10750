package main_test

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
)

// TestCommandsWorkWhileTheServerRuns holds that the server and a command see what the other
// writes, and that the event names the user who ran the command.
func TestCommandsWorkWhileTheServerRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("runs commands beside a server")
	}
	dir := t.TempDir()
	op := newSigner(t, dir)
	p, url := serveAt(t, dir)
	pool := must(t, dir, "pool", "create", "main", "--settings", es256)
	client := must(t, dir, "client", "create", "web")
	must(t, dir, "user", "create", "alice", "--password", password)
	if a := call(t, url, "AdminGetUser", fmt.Sprintf(`{"UserPoolId":%q,"Username":"alice"}`, pool), op); a.status != 200 {
		t.Errorf("the server does not see the user that a command made: %+v", a)
	}
	if a := call(t, url, "SignUp", signUpBody(client, "bob"), nil); a.status != 200 && a.Type != "CodeDeliveryFailureException" && a.Type != "InvalidPasswordException" {
		t.Errorf("SignUp: %+v", a)
	}
	p.kill()
	must(t, dir, "group", "create", "staff") // as it is without a server
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	want := identity.Actor{Kind: identity.ActorSystem, ID: me.Username}
	seen := map[identity.EventKind]bool{}
	inStore(t, dir, func(e *identity.Engine) {
		up, err := e.UserPool(t.Context(), pool)
		if err != nil {
			t.Fatal(err)
		}
		for ev, err := range up.Admin().Events(t.Context(), identity.EventQuery{}) {
			if err != nil {
				t.Fatal(err)
			}
			switch ev.Kind {
			case identity.EventUserCreated, identity.EventClientCreated, identity.EventGroupCreated:
				seen[ev.Kind] = true
				if ev.Actor != want {
					t.Errorf("%s was done by %+v, want %+v", ev.Kind, ev.Actor, want)
				}
			default: // events of what a user did
			}
		}
	})
	if len(seen) != 3 {
		t.Errorf("events of commands are %v, want three kinds", seen)
	}
}

// TestCommandsWorkWhileDevRuns holds that a fake on a file and a command see what the other
// writes, that a backup of it can be had, and that no key file is made.
func TestCommandsWorkWhileDevRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("runs commands beside a fake")
	}
	dir := t.TempDir()
	dev := start(t, dir, "dev", "--addr", "127.0.0.1:0", "--store", "bolt:dev.db")
	client, url := dev.value("Client"), dev.value("Endpoint")
	t.Setenv("COGNATE_STORE", "bolt:dev.db")
	must(t, dir, "user", "create", "alice", "--password", "Passw0rd!")
	body := fmt.Sprintf(`{"ClientId":%q,"AuthFlow":"USER_PASSWORD_AUTH","AuthParameters":{"USERNAME":"alice","PASSWORD":"Passw0rd!"}}`, client)
	if a := call(t, url, "InitiateAuth", body, nil); a.status != 200 {
		t.Errorf("a user whom a command made signs in: %+v", a)
	}
	if a := call(t, url, "SignUp", signUpBody(client, "bob"), nil); a.status != 200 {
		t.Fatalf("SignUp: %+v", a)
	}
	must(t, dir, "user", "confirm", "bob")
	if rec := shown[identity.UserRecord](t, dir, "user", "show", "bob@example.com"); rec.Status != identity.StatusConfirmed {
		t.Errorf("a command shows a user of the fake with the status %s", rec.Status)
	}
	must(t, dir, "backup", "b")
	failure(t, dir, "shows whether b was altered", "--key-file", "restore", "b", "--store", "bolt:other.db")
	must(t, dir, "restore", "b", "--store", "bolt:other.db", "--unauthenticated")
	must(t, dir, "user", "show", "bob", "--store", "bolt:other.db")
	failure(t, dir, "was made by cognate dev", "file of its own", "secrets", "status")
	dev.signal(os.Interrupt)
	<-dev.done
	for _, name := range []string{"dev.db.sock", "cognate.key"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s is there when the fake has stopped", name)
		}
	}
	must(t, dir, "user", "list") // as it is without the fake
}

// TestAccessKeyIsRevokedWhileTheServerRuns holds that a stolen key ends at once.
func TestAccessKeyIsRevokedWhileTheServerRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a server, and the command beside it")
	}
	dir := t.TempDir()
	op := newSigner(t, dir)
	_, url := serveAt(t, dir)
	if a := call(t, url, "ListUserPools", `{"MaxResults":1}`, op); a.status != 200 {
		t.Fatalf("ListUserPools: %+v", a)
	}
	must(t, dir, "key", "revoke", op.id)
	if a := call(t, url, "ListUserPools", `{"MaxResults":1}`, op); !strings.HasSuffix(a.Type, "UnrecognizedClientException") {
		t.Errorf("with a key that was revoked: %+v", a)
	}
	next := newSigner(t, dir, "--role", "auditor")
	if a := call(t, url, "ListUserPools", `{"MaxResults":1}`, next); a.status != 200 {
		t.Errorf("with a key that was made while the server runs: %+v", a)
	}
	if a := call(t, url, "CreateUserPool", `{"PoolName":"x"}`, next); !strings.HasSuffix(a.Type, "AccessDeniedException") {
		t.Errorf("an auditor makes a pool: %+v", a)
	}
}

// TestSocketHasTheRightsOfTheFile lets the group of the file use the socket too, and nobody
// else.
func TestSocketHasTheRightsOfTheFile(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a server; the script `running` uses its socket")
	}
	if runtime.GOOS == "windows" {
		t.Skip("files have no modes: see peer_other.go")
	}
	modes := []os.FileMode{0o660, 0o600, 0o640}
	if testing.Short() {
		modes = modes[:1]
	}
	for _, mode := range modes {
		dir := t.TempDir()
		newSigner(t, dir)
		if err := os.Chmod(filepath.Join(dir, "cognate.db"), mode); err != nil {
			t.Fatal(err)
		}
		group := -1
		if os.Getuid() == 0 { // else the group of the file is the only one that is sure to be ours
			group = 4711
			if err := os.Chown(filepath.Join(dir, "cognate.db"), -1, group); err != nil {
				t.Fatal(err)
			}
		}
		p, _ := serveAt(t, dir)
		info, err := os.Stat(filepath.Join(dir, "cognate.db.sock"))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("the socket of a file with mode %o: %v, %v", mode, info.Mode(), err)
		}
		if got := groupOf(info); group >= 0 && got != group {
			t.Errorf("the socket has the group %d, want that of the file, %d", got, group)
		}
		p.kill()
	}
}

// TestServerKeepsItsSecretsFromCommands: what goes through the socket is sealed.
func TestServerKeepsItsSecretsFromCommands(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a server and the command five times; the script `running` runs commands beside a server")
	}
	dir := t.TempDir()
	newSigner(t, dir)
	serveAt(t, dir)
	failure(t, dir, "the key file missing.key of cognate.db is missing", "--key-file", "key", "list", "--key-file", "missing.key")
	other := t.TempDir()
	newSigner(t, other)
	failure(t, dir, "is not the key file of cognate.db", "--key-file", "key", "list", "--key-file", filepath.Join(other, "cognate.key"))
	if out := must(t, dir, "key", "list"); !strings.Contains(out, "AKIA") {
		t.Errorf("key list: %s", out)
	}
}
