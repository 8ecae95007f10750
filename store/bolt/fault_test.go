package bolt_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/store"
)

const faultSteps = 24

// childReopens has a child end the store as a crash would when a call has failed, and open it anew.
const childReopens = "COGNATE_BOLT_REOPENS"

// Each call that changes the file fails in turn, by strace. COGNATE_FAULTS=1
// has every one of them fail; otherwise it is one in COGNATE_FAULTS, by default
// in 37.
func TestFailureOfTheNthCallLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a program for each call that fails; TestPowerFailureLosesNoAcknowledgedWrite loses calls too")
	}
	t.Parallel()
	notUnderRace(t)
	every := max(1, count(t, "COGNATE_FAULTS", 37, 601))
	for _, unlisted := range []string{"", "1"} {
		for _, call := range []string{"pwrite64:error=ENOSPC", "fdatasync:error=EIO", "fsync:error=EIO", "ftruncate:error=ENOSPC"} {
			t.Run(call+"/unlisted="+unlisted, func(t *testing.T) {
				failed := 0
				for n := 1; faultyRun(t, call, unlisted, n); n += every {
					failed++
				}
				t.Logf("%d failures of %s, unlisted=%s", failed, call, unlisted)
				if failed == 0 {
					t.Error("no call failed")
				}
			})
		}
	}
}

// faultyRun has a child write of whose calls one fails. It reports whether there were so many.
func faultyRun(t *testing.T, call, unlisted string, n int) bool {
	t.Helper()
	path, _ := newLedger(t)
	name, _, _ := strings.Cut(call, ":")
	trace := path + ".trace"
	traced(t, child("faulty", path), "-o", trace, "-P", path, "-e", "trace="+name,
		"-e", fmt.Sprintf("inject=%s:when=%d", call, n)).run(t, childUnlisted+"="+unlisted)
	s := open(t, path)
	defer s.Close()
	if last, err := ledger(s); err != nil || last[0] != faultSteps {
		t.Errorf("failure %d: then %d steps, want %d; %v", n, last[0], faultSteps, err)
	}
	calls, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(calls), "(INJECTED)")
}

// writeFaulty is a child process that writes a ledger of one writer, each step
// until it succeeds. strace counts calls by thread, so there is one.
func writeFaulty(path string) {
	runtime.LockOSThread()
	s, err := childOpens(path)
	if err != nil {
		s, err = childOpens(path)
	}
	exitOn(err)
	acks, err := os.Create(path + ".acks")
	exitOn(err)
	for n, failed := 1, 0; n <= faultSteps; {
		err := step(s, 0, n)
		if err != nil {
			if failed++; failed > 1 {
				exitOn(fmt.Errorf("step %d, after one failure: %w", n, err))
			}
			if os.Getenv(childReopens) != "" {
				s.Crash()
				var openErr error
				s, openErr = childOpens(path)
				exitOn(openErr)
			}
		}
		last, damage := ledger(s)
		exitOn(damage)
		exitOn(outcome(err, last[0], n))
		if err == nil {
			_, err = fmt.Fprintf(acks, "0 %d\n", n)
			exitOn(err)
		}
		n = last[0] + 1
	}
	exitOn(s.Close())
	os.Exit(0)
}

// outcome holds what became of a step against what was said.
func outcome(err error, last, n int) error {
	switch {
	case err == nil && last == n:
		return nil
	case errors.Is(err, store.ErrUnknownOutcome) && (last == n || last == n-1):
		return nil
	case err != nil && last == n-1:
		return nil
	}
	return fmt.Errorf("step %d: error %w, but the last that is there is %d", n, err, last)
}
