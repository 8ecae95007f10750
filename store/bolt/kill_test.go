package bolt_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/bolt"
)

// childEnv makes a test binary a child process: "write" writes until it is
// killed, "fill" until the disk is full, "ledger" a ledger, "faulty" one although
// calls fail. childPath is the store. childUnlisted, if it is set, has the child
// leave out the list of free pages.
const (
	childEnv      = "COGNATE_BOLT_CHILD"
	childPath     = "COGNATE_BOLT_PATH"
	childUnlisted = "COGNATE_BOLT_UNLISTED"
)

func TestMain(m *testing.M) {
	path := os.Getenv(childPath)
	switch os.Getenv(childEnv) {
	case "write":
		writeForever(path)
	case "fill":
		fillDisk(path)
	case "ledger":
		writeLedger(path)
	case "faulty":
		writeFaulty(path)
	default:
		os.Exit(m.Run())
	}
}

func child(what, path string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+what, childPath+"="+path)
	cmd.Stderr = os.Stderr
	return cmd
}

// childOpens opens the store of a child.
func childOpens(path string) (*bolt.Store, error) {
	s, err := bolt.Open(path, nil)
	if err == nil && os.Getenv(childUnlisted) != "" {
		s.LeaveOutFreelist()
	}
	return s, err
}

// A user has a unique index, one that is not, and an expiry.
type user struct {
	ID   string
	Text string
	N    int
}

var users = &store.Table[user]{
	Name:    "users",
	Key:     func(u *user) string { return store.Key(u.ID) },
	Expires: func(u *user) time.Time { return time.Unix(int64(u.N), 0) },
	Indexes: []*store.Index[user]{
		{Name: "names", Unique: true, Keys: func(u *user) []string { return []string{store.Key("name of " + u.ID)} }},
		{Name: "ns", Keys: func(u *user) []string { return []string{store.Key(store.Int(int64(u.N % 7)))} }},
	},
}

// writeForever has eight writers insert users, change them, and delete some.
// It tells of each user, on a line of its own, when the commit has returned.
func writeForever(path string) {
	s, err := childOpens(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for w := range 8 {
		go func() {
			for n := 0; ; n++ {
				u := user{ID: fmt.Sprintf("%d-%d-%d", os.Getpid(), w, n/3), Text: strings.Repeat("x", 100*w), N: n}
				acknowledge(u, write(s, &u))
			}
		}()
	}
	select {}
}

// write takes the next of three steps with a user: insert, change, delete.
func write(s store.Store, u *user) error {
	return s.Update(context.Background(), func(tx store.Tx) error {
		switch u.N % 3 {
		case 0:
			return users.Insert(tx, u)
		case 1:
			return users.Put(tx, u)
		}
		if u.N%2 == 0 {
			return nil // this one stays
		}
		_, err := users.Delete(tx, users.Key(u))
		return err
	})
}

func acknowledge(u user, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Stdout.WriteString(fmt.Sprintf("%s %d\n", u.ID, u.N))
}

// COGNATE_KILLS says how often the writing process is killed; 20 times by default.
func TestKilledProcessLosesNoAcknowledgedWrite(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a program; TestKill does so too")
	}
	path := filepath.Join(t.TempDir(), "store.db")
	r := rand.New(rand.NewSource(time.Now().UnixNano()))
	acknowledged := make(map[string]int)
	var slowest time.Duration
	for n := range count(t, "COGNATE_KILLS", 20, 3) {
		cmd := child("write", path)
		if n%2 == 1 {
			cmd.Env = append(cmd.Env, childUnlisted+"=1")
		}
		killedRun(t, cmd, time.Duration(r.Intn(120))*time.Millisecond, acknowledged)
		start := time.Now()
		s := open(t, path)
		slowest = max(slowest, time.Since(start))
		compareUsers(t, s, acknowledged)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		checkFile(t, path)
		if t.Failed() {
			return
		}
	}
	t.Logf("%d acknowledged users; the slowest restart took %v", len(acknowledged), slowest)
}

// killedRun lets a child write for a while and kills it.
func killedRun(t *testing.T, cmd *exec.Cmd, after time.Duration, acknowledged map[string]int) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	first := true
	for lines.Scan() {
		if first {
			time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
			first = false
		}
		id, n, _ := strings.Cut(lines.Text(), " ")
		if acknowledged[id], err = strconv.Atoi(n); err != nil {
			t.Fatalf("the child said %q", lines.Text())
		}
	}
	_ = cmd.Wait()
	if first {
		t.Fatal("the child wrote nothing")
	}
}

// compareUsers reads what the last acknowledged step of each user has left;
// the step after it may have been taken too.
func compareUsers(t *testing.T, s store.Store, acknowledged map[string]int) {
	t.Helper()
	err := s.View(t.Context(), func(r store.Reader) error {
		for id, n := range acknowledged {
			last := n - n%3 + 2
			u, err := users.Get(r, store.Key(id))
			switch {
			case errors.Is(err, store.ErrNotFound):
				if n+1 < last || last%2 == 0 {
					t.Errorf("user %s: gone after step %d", id, n)
				}
			case err != nil:
				return err
			case u.N < min(n, last-1), n == last && last%2 != 0:
				t.Errorf("user %s: got step %d, but step %d was acknowledged", id, u.N, n)
			}
		}
		return users.Verify(r)
	})
	if err != nil {
		t.Error(err)
	}
}
