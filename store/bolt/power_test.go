package bolt_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cognate-id/cognate/store/bolt"
)

// A power failure is replayed. A child process writes a ledger under strace,
// which records each write to the file with its bytes, each flush, and each
// acknowledgement, in their order. A cut is a place in that record. At a cut all
// is on the disk that was flushed before. Of what came after the last flush that
// returned, anything may be there: any of the writes, in any order, each of them
// whole or only some of its sectors, and the file longer or not.

// An event is one line of a record.
type event struct {
	kind eventKind
	at   int64 // where a write begins, and the size that the file is given
	data []byte
}

type eventKind string

const (
	wrote   eventKind = "write"
	resized eventKind = "resize"
	flushed eventKind = "flush"
	lost    eventKind = "failed flush"
	acked   eventKind = "ack" // data is "writer number"
)

const sector = 512

// COGNATE_CUTS says how many cuts are tried; 60 by default.
func TestPowerFailureLosesNoAcknowledgedWrite(t *testing.T) {
	notUnderRace(t)
	endings := []string{"", "1"}
	if testing.Short() {
		endings = endings[1:]
	}
	for i, unlisted := range endings {
		t.Run("unlisted="+unlisted, func(t *testing.T) {
			cuts := count(t, "COGNATE_CUTS", 60, 6) / 2
			base, events := record(t, "ledger", unlisted, min(15+cuts/10, 60))
			last := powerCuts(t, base, events, 0, cuts, rand.New(rand.NewSource(int64(i))))
			t.Logf("%d cuts in %d events, %v acknowledged", cuts, len(events), last)
			if slices.Min(last[:]) == 0 {
				t.Error("the record is not complete")
			}
		})
	}
}

// A flush fails, in turn each of them, and the power too some time later.
// COGNATE_CUTS says how many cuts are tried, and how many flushes fail.
func TestPowerFailureAfterAFailedFlushLosesNoAcknowledgedWrite(t *testing.T) {
	if testing.Short() {
		t.Skip("replays every write; TestPowerFailureLosesNoAcknowledgedWrite does so too")
	}
	notUnderRace(t)
	cuts := count(t, "COGNATE_CUTS", 60, 6)
	flushes, tried := min(2+cuts/30, 30), 0
	for n := range flushes {
		t.Setenv(childReopens, "1"[:n%2])
		base, events := record(t, "faulty", fmt.Sprint(n % 2)[:n%2], 0, "-e", fmt.Sprintf("inject=fdatasync:error=EIO:when=%d", n+3))
		failure := slices.IndexFunc(events, func(e event) bool { return e.kind == lost })
		if failure < 0 {
			t.Fatalf("flush %d did not fail", n+3)
		}
		events = events[:min(len(events), failure+25)]
		r := rand.New(rand.NewSource(int64(n)))
		for range 1 + cuts/flushes/4 { // another part is lost each time
			powerCuts(t, base, events, failure, 4, r)
			tried += 4
		}
	}
	t.Logf("%d cuts after %d failed flushes", tried, flushes)
}

// record returns the file before the child has written, and what it did.
func record(t *testing.T, what, unlisted string, steps int, options ...string) (base []byte, events []event) {
	t.Helper()
	path, base := newLedger(t)
	trace := path + ".trace"
	options = append(options, "-o", trace, "-y", "-xx", "-s", "10000000",
		"-e", "trace=pwrite64,write,ftruncate,fsync,fdatasync")
	traced(t, child(what, path), options...).run(t,
		childUnlisted+"="+unlisted, fmt.Sprintf("%s=%d", childSteps, steps))
	return base, readTrace(t, trace, path)
}

type tracedCmd struct{ *exec.Cmd }

// traced has a command run under strace, or skips the test.
func traced(t *testing.T, cmd *exec.Cmd, options ...string) tracedCmd {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed, which records the writes that a power failure is replayed from (Debian: strace)")
	}
	flags, err := straceFlags()
	if err != nil {
		t.Skipf("strace may not trace here, so that no power failure can be replayed: %v", err)
	}
	cmd.Path, cmd.Args = strace, slices.Concat([]string{"strace"}, flags, []string{"-e", "signal=none"}, options, cmd.Args)
	return tracedCmd{cmd}
}

// straceFlags returns how strace follows threads here. If it can, it stops
// them only at the calls that it traces.
var straceFlags = sync.OnceValues(func() ([]string, error) {
	var err error
	for _, flags := range [][]string{{"-f", "--seccomp-bpf"}, {"-f"}} {
		probe := append(slices.Clone(flags), "-o", os.DevNull, "-e", "trace=fsync", "true")
		if err = exec.Command("strace", probe...).Run(); err == nil {
			return flags, nil
		}
	}
	return nil, err
})

func (c tracedCmd) run(t *testing.T, env ...string) {
	t.Helper()
	c.Env = append(c.Env, env...)
	if err := c.Run(); err != nil {
		t.Fatalf("%v: %v", c.Args, err)
	}
}

// readTrace reads what strace wrote of the calls for a file and its acknowledgements.
func readTrace(t *testing.T, trace, path string) (events []event) {
	t.Helper()
	f, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	names := map[string]bool{hexed(path): true, hexed(path + ".acks"): true}
	flushing := make(map[string]bool) // threads whose flush has begun
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		thread, call, _ := strings.Cut(lines.Text(), " ")
		call = strings.TrimSpace(call)
		if strings.HasPrefix(call, "<... f") && flushing[thread] {
			delete(flushing, thread)
			events = append(events, flush(call))
			continue
		}
		name, rest, _ := strings.Cut(call, "(")
		_, rest, _ = strings.Cut(rest, "<")
		file, args, ok := strings.Cut(rest, ">")
		if !ok || !names[file] {
			continue
		}
		if name == "fsync" || name == "fdatasync" {
			if strings.Contains(args, "<unfinished") {
				flushing[thread] = true
				continue
			}
		}
		events = append(events, parseCall(t, name, args))
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return events
}

func hexed(s string) string {
	var out strings.Builder
	for _, b := range []byte(s) {
		fmt.Fprintf(&out, `\x%02x`, b)
	}
	return out.String()
}

// unhexed undoes hexed.
func unhexed(s string) ([]byte, error) {
	const each = len(`\x00`)
	digits := make([]byte, 0, len(s)/2)
	for i := 0; i < len(s); i += each {
		if len(s) < i+each || s[i:i+2] != `\x` {
			return nil, fmt.Errorf("%.80q is not in hex", s[i:])
		}
		digits = append(digits, s[i+2], s[i+3])
	}
	n, err := hex.Decode(digits, digits)
	return digits[:n], err
}

func flush(call string) event {
	if strings.Contains(call, "(INJECTED)") {
		return event{kind: lost}
	}
	return event{kind: flushed}
}

// parseCall reads what comes after the file: `, "\x..", 4096, 8192) = 4096`.
func parseCall(t *testing.T, name, args string) event {
	t.Helper()
	if name == "fsync" || name == "fdatasync" {
		return flush(args)
	}
	args, result, _ := strings.Cut(args, ") ")
	args, _, _ = strings.Cut(args, " <unfinished")
	if strings.Contains(result, "= -") {
		t.Fatalf("%s failed: %s", name, result)
	}
	numbers, data := strings.Split(args, ", "), []byte(nil)
	if i := slices.IndexFunc(numbers, func(s string) bool { return strings.HasPrefix(s, `"`) }); i >= 0 {
		var err error
		if data, err = unhexed(strings.Trim(numbers[i], `"`)); err != nil {
			t.Fatal(err)
		}
	}
	switch last, err := strconv.ParseInt(numbers[len(numbers)-1], 10, 64); {
	case err != nil:
		t.Fatalf("%s%.80s: %v", name, args, err)
	case name == "write":
		return event{kind: acked, data: data}
	case name == "pwrite64":
		return event{kind: wrote, at: last, data: data}
	case name == "ftruncate":
		return event{kind: resized, at: last}
	}
	t.Fatalf("call of %s", name)
	return event{}
}

func powerCuts(t *testing.T, durable []byte, events []event, from, cuts int, r *rand.Rand) (acknowledged [ledgerWriters]int) {
	t.Helper()
	durable = bytes.Clone(durable)
	places := make(map[int]int)
	for range cuts {
		places[from+r.Intn(len(events)+1-from)]++
	}
	var pending []event
	uncertain := 0 // steps that may be there without an acknowledgement
	for i := 0; i <= len(events); i++ {
		for range places[i] {
			tryCut(t, crashed(durable, pending, r), acknowledged, 1+uncertain, fmt.Sprintf("cut after %d events, %d not flushed", i, len(pending)))
		}
		if i == len(events) {
			break
		}
		switch e := events[i]; e.kind {
		case flushed:
			for _, p := range pending {
				durable = p.apply(durable, nil)
			}
			pending = nil
		case lost: // the system holds what was not flushed for clean, and flushes it no more
			durable, pending, uncertain = crashed(durable, pending, r), nil, uncertain+1
		case acked:
			var w, n int
			if _, err := fmt.Fscan(bytes.NewReader(e.data), &w, &n); err != nil {
				t.Fatal(err)
			}
			acknowledged[w] = n
		default:
			pending = append(pending, e)
		}
	}
	return acknowledged
}

// crashed is what may be on a disk when the power fails.
func crashed(durable []byte, pending []event, r *rand.Rand) []byte {
	file := bytes.Clone(durable)
	whole, some := r.Float64(), r.Float64()
	for _, i := range r.Perm(len(pending)) {
		if r.Float64() < whole {
			file = pending[i].apply(file, nil)
			continue
		}
		file = pending[i].apply(file, func() bool { return r.Float64() < some })
	}
	return file
}

// apply does to a file what the event did. If kept is given, it tells of each
// sector, or of the change of the size, whether it took place.
func (e event) apply(file []byte, kept func() bool) []byte {
	if e.kind == resized {
		if kept == nil || kept() {
			file = resize(file, int(e.at))
		}
		return file
	}
	for from := 0; from < len(e.data); from += sector {
		if kept != nil && !kept() {
			continue
		}
		part := e.data[from:min(from+sector, len(e.data))]
		at := int(e.at) + from
		if at+len(part) > len(file) {
			file = resize(file, at+len(part))
		}
		copy(file[at:], part)
	}
	return file
}

func resize(file []byte, size int) []byte {
	if size <= len(file) {
		return file[:size]
	}
	return append(file, make([]byte, size-len(file))...)
}

// tryCut opens what is left, and then goes on writing. A writer waits for its
// acknowledgement, so there are only a few steps more than it had.
func tryCut(t *testing.T, file []byte, acknowledged [ledgerWriters]int, more int, what string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(path)
	s, err := bolt.Open(path, &bolt.Options{InsecureNoSync: true}) // there is no second power failure
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	defer s.Close()
	last, err := ledger(s)
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	for w, n := range last {
		if n < acknowledged[w] || n > acknowledged[w]+more {
			t.Errorf("%s: writer %d has come to %d, %d was acknowledged", what, w, n, acknowledged[w])
		}
		if err := step(s, w, n+1); err != nil {
			t.Errorf("%s: the next write: %v", what, err)
		}
	}
	if _, err := ledger(s); err != nil {
		t.Errorf("%s: after the next write: %v", what, err)
	}
}

// A new file is on the disk before it has its name, and its name before the
// first write is acknowledged: no cut leaves a part of a file, or no file where
// something was acknowledged.
func TestNewFileIsOnTheDiskBeforeItIsUsed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	trace := filepath.Join(t.TempDir(), "trace")
	traced(t, child("ledger", path), "-o", trace, "-y", "-s", "0",
		"-e", "trace=pwrite64,write,ftruncate,fsync,fdatasync,linkat,renameat,rename,link").run(t, childSteps+"=1")
	data, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	var content, names bool            // are on the disk
	flushing := make(map[string]*bool) // by threads that have not returned from a flush
	var named, acknowledged int        // how often
	for line := range strings.Lines(string(data)) {
		thread, call, _ := strings.Cut(line, " ")
		call = strings.TrimSpace(call)
		name, _, _ := strings.Cut(call, "(")
		switch {
		case strings.HasPrefix(call, "<... f") && flushing[thread] != nil:
			*flushing[thread] = true
			delete(flushing, thread)
		case name == "fsync" || name == "fdatasync":
			what := &content
			if strings.Contains(call, "<"+filepath.Dir(path)+">") {
				what = &names
			}
			if strings.Contains(call, "<unfinished") {
				flushing[thread] = what
				break
			}
			*what = true
		case strings.HasPrefix(name, "link") || strings.HasPrefix(name, "rename"):
			named, names = named+1, false
			if !content {
				t.Error("the file has its name before all of it is on the disk")
			}
		case strings.Contains(call, path+".acks"):
			acknowledged++
			if named == 0 || !names {
				t.Error("a write is acknowledged before the name of the file is on the disk")
			}
		case strings.Contains(call, path):
			content = false
		}
	}
	if named != 1 || acknowledged != ledgerWriters {
		t.Errorf("the file was named %d times, and %d writes acknowledged:\n%s", named, acknowledged, data)
	}
}
