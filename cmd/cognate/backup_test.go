package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/bolt"
)

// copyKey puts the key file of one store beside another.
func copyKey(t *testing.T, from, to string) {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(from, "cognate.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, "cognate.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
}

// restored restores a backup in dir to a new directory.
func restored(t *testing.T, dir, backup string) string {
	t.Helper()
	to := t.TempDir()
	copyKey(t, dir, to)
	must(t, to, "restore", filepath.Join(dir, backup))
	return to
}

// TestRestoreLeavesOthersAlone does not remove what is in the way of its unfinished file.
func TestRestoreLeavesOthersAlone(t *testing.T) {
	if testing.Short() {
		t.Skip("backs up and restores a store several times")
	}
	dir, _ := withPool(t, es256)
	must(t, dir, "backup", "b")
	precious := filepath.Join(dir, "dir.db.part", "precious")
	if err := os.MkdirAll(precious, 0o700); err != nil {
		t.Fatal(err)
	}
	failure(t, dir, "dir.db.part is in the way", "move it away", "restore", "b", "--store", "bolt:dir.db")
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
	part := filepath.Join(dir, "new.db.part")
	other, err := bolt.Open(part, nil)
	if err != nil {
		t.Fatal(err)
	}
	failure(t, dir, "another restore is writing new.db.part", "wait", "restore", "b", "--store", "bolt:new.db")
	if _, err := os.Stat(part); err != nil {
		t.Error(err)
	}
	other.Close()
	must(t, dir, "restore", "b", "--store", "bolt:new.db")
	if err := os.WriteFile(part, []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(part, filepath.Join(dir, "last.db.part")); err != nil {
		t.Fatal(err)
	}
	must(t, dir, "restore", "b", "--store", "bolt:last.db")
}

// TestBackupRestore brings a store back, whose users sign in as before.
func TestBackupRestore(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the command a dozen times; the script `backup` backs up and restores a store")
	}
	dir, _ := withPool(t, es256)
	must(t, dir, "user", "create", "alice", "--password", password)
	_, errs, code := run(t, dir, "backup", "b")
	if code != 0 || !strings.Contains(errs, "backed up") {
		t.Fatalf("backup: %d %s", code, errs)
	}
	b, err := os.ReadFile(filepath.Join(dir, "b"))
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "b")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("backup: %v, %v, want mode 0600", info, err)
	}
	if bytes.Contains(b, []byte("argon2id")) || !bytes.Contains(b, []byte(`"sealed":`)) {
		t.Error("the secrets in the backup are not sealed")
	}
	failure(t, dir, "b exists already", "choose another", "backup", "b")
	failure(t, dir, "the store cognate.db exists already", "choose another", "restore", "b")
	to := restored(t, dir, "b")
	inStore(t, to, func(e *identity.Engine) {
		if in, err := signIn(t, e, "alice", password); err != nil || in.Tokens == nil {
			t.Errorf("alice signs in: %+v, %v", in, err)
		}
	})
}

// TestRestoreRefusesCut holds that no store is made of a part of a backup.
func TestRestoreRefusesCut(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the command four times; `store` refuses backups that are cut off")
	}
	dir, _ := withPool(t, es256)
	must(t, dir, "backup", "b")
	b, err := os.ReadFile(filepath.Join(dir, "b"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cut"), b[:len(b)-100], 0o600); err != nil {
		t.Fatal(err)
	}
	failure(t, dir, "cut off", "no store was made", "restore", "cut", "--store", "bolt:new.db")
	left, err := filepath.Glob(filepath.Join(dir, "new.db*"))
	if err != nil || len(left) > 0 {
		t.Errorf("it left %q, %v", left, err)
	}
}

// TestBackupOfRunningServer takes a backup while users sign up.
func TestBackupOfRunningServer(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a server, takes backups while users sign up, and restores them; the script `running` takes one")
	}
	dir := t.TempDir()
	op := newSigner(t, dir)
	socket := filepath.Join(dir, "cognate.db.sock")
	if err := os.WriteFile(socket, nil, 0o666); err != nil { // as a crash leaves one
		t.Fatal(err)
	}
	p, url := serveAt(t, dir)
	a := call(t, url, "CreateUserPool", `{"PoolName":"main"}`, op)
	client := call(t, url, "CreateUserPoolClient", fmt.Sprintf(`{"UserPoolId":%q,"ClientName":"web"}`, a.UserPool.Id), op)
	signUp := func(name string) {
		if a := call(t, url, "SignUp", signUpBody(client.UserPoolUser.ClientId, name), nil); a.status != 200 {
			t.Errorf("SignUp: %+v", a)
		}
	}
	signUp("alice")
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v, %v, want mode 0600", info, err)
	}
	must(t, dir, "backup", "b")
	p.stderr.await(t, p.done, "backed up")
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(filepath.Join(dir, "cognate.db"), link); err != nil {
		t.Fatal(err)
	}
	must(t, dir, "backup", "by-link", "--store", "bolt:"+link)
	signUp("bob")
	to := restored(t, dir, "b")
	if out := must(t, to, "user", "list"); !strings.Contains(out, "alice") || strings.Contains(out, "bob") {
		t.Errorf("users of the backup:\n%s", out)
	}
}

// TestBackupThatNoServerGives checks the error if a process has the file open but does not
// answer at the socket.
func TestBackupThatNoServerGives(t *testing.T) {
	if testing.Short() {
		t.Skip("waits a second for a store that is in use")
	}
	dir, _ := withPool(t, es256)
	other, err := bolt.Open(filepath.Join(dir, "cognate.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	failure(t, dir, "in use by another process", "no server answers at cognate.db.sock", "backup", "b")
}

// TestBackupInADeepDirectory holds that a long path is no hindrance, though
// sockets have short ones.
func TestBackupInADeepDirectory(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a server and the command; the script `running` takes a backup of a server")
	}
	if runtime.GOOS != "linux" {
		t.Skip("a socket has a path of about 100 bytes, and only Linux a shorter one to the same file: see inReach")
	}
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", 100), strings.Repeat("e", 100))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	newSigner(t, dir)
	p, _ := serveAt(t, dir)
	must(t, dir, "backup", "b")
	p.kill()
	if out := must(t, restored(t, dir, "b"), "key", "list"); !strings.Contains(out, "AKIA") {
		t.Errorf("keys of the backup:\n%s", out)
	}
}

// TestBackupsUnderLoad takes backups while eight connections sign users up.
// Each can be restored, is whole, and holds all that was acknowledged before it
// began. COGNATE_BACKUPS says how many; 3 by default.
func TestBackupsUnderLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("takes backups while a server is under load")
	}
	backups := 3
	if n, err := strconv.Atoi(os.Getenv("COGNATE_BACKUPS")); err == nil {
		backups = n
	}
	dir := t.TempDir()
	op := newSigner(t, dir)
	_, url := serveAt(t, dir)
	pool := call(t, url, "CreateUserPool", `{"PoolName":"main"}`, op)
	client := call(t, url, "CreateUserPoolClient", fmt.Sprintf(`{"UserPoolId":%q,"ClientName":"web"}`, pool.UserPool.Id), op)
	var mu sync.Mutex
	var known []string // acknowledged
	acknowledged := func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(known)
	}
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				name := fmt.Sprintf("w%d-%d", w, i)
				a, err := try(t.Context(), url, "SignUp", signUpBody(client.UserPoolUser.ClientId, name), nil)
				if err != nil || a.status != 200 {
					t.Errorf("SignUp(%s): %+v, %v", name, a, err)
					return
				}
				mu.Lock()
				known = append(known, name)
				mu.Unlock()
			}
		})
	}
	for i := range backups {
		before := acknowledged()
		name := fmt.Sprint("b", i)
		must(t, dir, "backup", name)
		to := restored(t, dir, name)
		if out := must(t, to, "check"); !strings.Contains(out, "nothing is wrong") {
			t.Errorf("check of backup %d:\n%s", i, out)
		}
		there := make(map[string]bool)
		for line := range strings.Lines(must(t, to, "user", "list", "--json")) {
			var u struct{ Username string }
			if err := json.Unmarshal([]byte(line), &u); err != nil {
				t.Fatal(err)
			}
			there[u.Username] = true
		}
		for _, user := range before {
			if !there[user] {
				t.Errorf("%s was acknowledged before backup %d, and is not in it", user, i)
			}
		}
	}
	close(stop)
	writers.Wait()
	t.Logf("%d backups beside %d sign-ups", backups, len(acknowledged()))
}

// killed runs a command and kills it, at some moment of the time that it takes.
func killed(t *testing.T, dir string, takes time.Duration, args ...string) (finished bool) {
	t.Helper()
	p := start(t, dir, args...)
	select {
	case <-time.After(time.Duration(rand.Int63n(int64(takes)))):
		p.kill()
	case <-p.done:
	}
	return p.cmd.ProcessState.ExitCode() == 0
}

// TestKilledCopies kills a copy, a backup and a restore at any moment: none
// leaves under its name what is not whole, and each can be run again.
func TestKilledCopies(t *testing.T) {
	if testing.Short() {
		t.Skip("kills copies, backups and restores at many moments")
	}
	dir, _ := withPool(t, es256)
	imported(t, dir, 1000)
	takes := make(map[string]time.Duration)
	for name, args := range map[string][]string{"backup": {"whole.backup"}, "copy": {"bolt:cognate.db", "bolt:copied.db"}} {
		began := time.Now()
		must(t, dir, append([]string{name}, args...)...)
		takes[name] = time.Since(began)
	}
	began := time.Now()
	must(t, dir, "restore", "whole.backup", "--store", "bolt:restored.db")
	takes["restore"] = time.Since(began)
	whole, err := os.ReadFile(filepath.Join(dir, "whole.backup"))
	if err != nil {
		t.Fatal(err)
	}
	// same reports whether a store holds what was backed up.
	same := func(what, file string) {
		t.Helper()
		os.Remove(filepath.Join(dir, "again.backup")) // of the last time
		must(t, dir, "backup", "again.backup", "--store", "bolt:"+file)
		if again, err := os.ReadFile(filepath.Join(dir, "again.backup")); err != nil || !bytes.Equal(again, whole) {
			t.Errorf("%s: %s holds something else, or %v", what, file, err)
		}
	}
	same("a restore", "restored.db")
	same("a copy", "copied.db")

	ended, unfinished, copies := 0, 0, 0
	for round := range 1 + kills(t)/4 {
		backup, restored, copied := fmt.Sprint(round, ".backup"), fmt.Sprint("r", round, ".db"), fmt.Sprint("c", copies, ".db")
		for name, args := range map[string][]string{
			backup:   {"backup", backup},
			restored: {"restore", "whole.backup", "--store", "bolt:" + restored},
		} {
			killed(t, dir, takes[args[0]], args...)
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				ended++
				must(t, dir, args...)
			}
		}
		if data, err := os.ReadFile(filepath.Join(dir, backup)); err != nil || !bytes.Equal(data, whole) {
			t.Errorf("round %d: the backup differs, or %v", round, err)
		}
		same("a restore after a kill", restored)

		// A copy is killed, and goes on, until it comes to its end.
		done := killed(t, dir, takes["copy"]*5/4, "copy", "bolt:cognate.db", "bolt:"+copied)
		_, errs, code := run(t, dir, "pool", "list", "--store", "bolt:"+copied)
		switch {
		case code == 0:
			same("a copy after kills", copied)
			copies++
		case done:
			t.Errorf("a copy that came to its end: %s", errs)
		case strings.Contains(errs, "unfinished copy"):
			unfinished++
		}
	}
	last := fmt.Sprint("c", copies, ".db")
	must(t, dir, "copy", "bolt:cognate.db", "bolt:"+last)
	same("a copy after kills", last)
	t.Logf("%d backups and restores were killed before their end, and %d copies in the middle", ended, unfinished)
	if ended == 0 {
		t.Error("none was killed before its end")
	}
}
