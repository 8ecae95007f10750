package storetest

import (
	"bufio"
	"fmt"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/store"
)

// killEnv holds the directory of the store, in the process that will be killed.
const killEnv = "COGNATE_STORETEST_KILL"

// Each transaction of a writer changes all its rows, adds an entry to its log and deletes
// an old one, so that a partial transaction is visible.
const (
	killWriters = 4
	killRows    = 6
	killLog     = 20
)

// RunKill tests that acknowledged transactions outlive the process, and that no transaction
// is there in part. It kills a process while the process writes, and opens the store again.
// It does so COGNATE_KILLS times, by default five, once in short tests. open opens the store in dir, which is
// the same each time.
//
// The process is the test binary itself, started again with only the test that calls
// RunKill. Code before the call of RunKill runs in that process too.
func RunKill(t *testing.T, open func(t *testing.T, dir string) store.Store) {
	runKill(t, func(dir string) store.Store { return open(t, dir) })
}

func runKill(t testing.TB, open func(dir string) store.Store) {
	if dir := os.Getenv(killEnv); dir != "" {
		writeUntilKilled(open(dir))
	}
	dir := t.TempDir()
	r := rand.New(rand.NewSource(time.Now().UnixNano()))
	var acknowledged [killWriters]int64
	for range kills() {
		writeAndKill(t, dir, time.Duration(r.Intn(100))*time.Millisecond, &acknowledged)
		s := open(dir)
		compareKilled(t, s, &acknowledged)
		if err := s.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("the writers were acknowledged %v transactions", acknowledged)
}

func kills() int {
	n, err := strconv.Atoi(os.Getenv("COGNATE_KILLS"))
	switch {
	case err == nil:
		return n
	case testing.Short():
		return 1
	}
	return 5
}

// child starts the process that writes. That process ends when this process ends.
func child(t testing.TB, dir string) (cmd *exec.Cmd, out io.Reader) {
	t.Helper()
	var run []string
	for _, part := range strings.Split(t.Name(), "/") {
		run = append(run, "^"+regexp.QuoteMeta(part)+"$")
	}
	cmd = exec.Command(os.Args[0], "-test.run="+strings.Join(run, "/"), "-test.count=1")
	cmd.Env = append(os.Environ(), killEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

// writeAndKill lets a process write for a while, then kills it.
func writeAndKill(t testing.TB, dir string, after time.Duration, acknowledged *[killWriters]int64) {
	t.Helper()
	cmd, out := child(t, dir)
	var said []string
	began := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var writer int
		var n int64
		if _, err := fmt.Sscanf(lines.Text(), "storetest: committed %d %d", &writer, &n); err != nil {
			said = append(said, lines.Text())
			continue
		}
		acknowledged[writer] = n
		if !began {
			began = true
			time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
	}
	err := cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); !began || code != -1 && code != 1 { // 1 means killed on Windows
		t.Fatalf("the process that writes was not killed but ended: %v\n%s", err, strings.Join(said, "\n"))
	}
}

// writeUntilKilled lets the writers continue. They print each transaction that has been
// committed.
func writeUntilKilled(s store.Store) {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // until the parent process has ended
		os.Exit(3)
	}()
	for writer := range killWriters {
		go func() {
			n, err := lastWritten(s, writer)
			for err == nil {
				n++
				if err = update(s, func(tx store.Tx) error { return writeKilled(tx, writer, n) }); err == nil {
					_, err = os.Stdout.WriteString(fmt.Sprintf("storetest: committed %d %d\n", writer, n))
				}
			}
			fmt.Println("storetest:", err)
			os.Exit(3)
		}()
	}
	select {}
}

func lastWritten(s store.Store, writer int) (n int64, err error) {
	err = view(s, func(r store.Reader) error {
		value, err := getIn(r, "table", killKey(writer, 0))
		if err != nil || value == "" {
			return err
		}
		n, err = strconv.ParseInt(value, 10, 64)
		return err
	})
	return n, err
}

func killKey(writer int, n int64) string { return store.Key(strconv.Itoa(writer), store.Int(n)) }

func writeKilled(tx store.Tx, writer int, n int64) error {
	for row := range int64(killRows) {
		if err := tx.Put("table", killKey(writer, row), strconv.AppendInt(nil, n, 10)); err != nil {
			return err
		}
	}
	if err := tx.Delete("people", killKey(writer, n-killLog)); err != nil {
		return err
	}
	text := strings.Repeat("x", int(n*97%3000))
	return tx.Insert("people", killKey(writer, n), asJSON(text))
}

// compareKilled checks the transactions of each writer: all up to some transaction must be
// there, and that one must be the last acknowledged or the one after it.
func compareKilled(t testing.TB, s store.Store, acknowledged *[killWriters]int64) {
	t.Helper()
	mustView(t, s, func(r store.Reader) error {
		for writer := range acknowledged {
			n, err := compareWriter(t, r, writer, acknowledged[writer])
			if err != nil {
				return err
			}
			acknowledged[writer] = n
		}
		return nil
	})
}

func compareWriter(t testing.TB, r store.Reader, writer int, acknowledged int64) (n int64, err error) {
	t.Helper()
	var rows []string
	for e, err := range r.Scan("table", store.Prefix(strconv.Itoa(writer))) {
		if err != nil {
			return 0, err
		}
		rows = append(rows, string(e.Value))
	}
	log, err := keys(r, "people", store.Prefix(strconv.Itoa(writer)))
	if err != nil {
		return 0, err
	}
	if len(rows) > 0 {
		if n, err = strconv.ParseInt(rows[0], 10, 64); err != nil {
			return 0, err
		}
	}
	if n < acknowledged || n > acknowledged+1 {
		t.Errorf("writer %d: transaction %d is the last, but %d was acknowledged", writer, n, acknowledged)
	}
	var wantRows, wantLog []string
	for range min(n, 1) * killRows {
		wantRows = append(wantRows, strconv.FormatInt(n, 10))
	}
	for i := max(1, n-killLog+1); i <= n; i++ {
		wantLog = append(wantLog, killKey(writer, i))
	}
	if fmt.Sprint(rows) != fmt.Sprint(wantRows) || fmt.Sprintf("%q", log) != fmt.Sprintf("%q", wantLog) {
		t.Errorf("writer %d: a part of transaction %d or %d is there: rows %s, log %q, want rows %s, log %q",
			writer, n, n+1, rows, log, wantRows, wantLog)
	}
	return n, nil
}
