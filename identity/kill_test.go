package identity_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/bolt"
)

// killedStore makes this test binary a child process that signs users up in the store there.
const killedStore = "COGNATE_KILLED_STORE"

func kills(t *testing.T) int {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv("COGNATE_KILLS")); err == nil {
		return n
	}
	return 5
}

func onDisk(t *testing.T, path string) (*fixture, *bolt.Store, *identity.UserPool) {
	t.Helper()
	s, err := bolt.Open(path, nil)
	check(t, "Open", err)
	f := newEngineOn(t, s)
	pool, err := f.OpenUserPool(t.Context(), "killed", &identity.PoolSettings{Algorithm: "ES256"})
	check(t, "OpenUserPool", err)
	return f, s, pool
}

// TestKilledEngineChild is the child of TestKilledEngineLosesNothing: it tells
// the name of each user whose SignUp has returned.
func TestKilledEngineChild(t *testing.T) {
	path := os.Getenv(killedStore)
	if path == "" {
		return
	}
	_, _, pool := onDisk(t, path)
	for w := range 8 {
		go func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("u%d-%d-%d", os.Getpid(), w, i)
				_, err := pool.SignUp(context.Background(), identity.SignUp{
					Username: name, Password: password, Attributes: map[string]string{"email": name + "@example.com"},
				})
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				os.Stdout.WriteString("signed up: " + name + "\n")
			}
		}()
	}
	select {}
}

// An engine is killed in the middle of sign-ups that share their commits. Who
// was told to be registered is there, once, under each of their names.
// COGNATE_KILLS says how often; 5 times by default.
func TestKilledEngineLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("kills programs that sign users up")
	}
	dir, known := t.TempDir(), 0
	for n := range kills(t) {
		path := filepath.Join(dir, fmt.Sprint(n/20)) // a large store takes long to verify
		names := killedSignUps(t, path, time.Duration(rand.IntN(100))*time.Millisecond)
		f, s, pool := onDisk(t, path)
		check(t, "Check", s.Check(t.Context()))
		check(t, "Verify", verify(t, s))
		for _, name := range names {
			u, err := pool.Admin().Users().Get(t.Context(), name)
			if err != nil || u.Attributes["email"] != name+"@example.com" {
				t.Fatalf("%s has signed up, and now it is %+v, %v", name, u, err)
			}
		}
		known += len(names)
		last := names[len(names)-1]
		check(t, "Confirm", pool.Admin().Users().Confirm(t.Context(), last))
		f.signIn(t, pool.AppClient, last)
		check(t, "Close", s.Close())
	}
	t.Logf("%d sign-ups were acknowledged", known)
}

// killedSignUps has a child sign users up, kills it some time after the first, and returns their names.
func killedSignUps(t *testing.T, path string, after time.Duration) (names []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestKilledEngineChild$")
	cmd.Env = append(os.Environ(), killedStore+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	check(t, "StdoutPipe", err)
	check(t, "Start", cmd.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var name string
		if _, err := fmt.Sscanf(lines.Text(), "signed up: %s", &name); err != nil {
			t.Fatalf("the child says %q", lines.Text())
		}
		if names = append(names, name); len(names) == 1 {
			time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
	}
	_ = cmd.Wait()
	if len(names) == 0 {
		t.Fatal("nobody has signed up")
	}
	return names
}
