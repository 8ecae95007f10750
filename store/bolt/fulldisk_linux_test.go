package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/bolt"
)

// The child has name spaces of its own, so that it may mount a small file
// system without rights, and nothing of it is left.
func TestFullDiskRecovers(t *testing.T) {
	if testing.Short() {
		t.Skip("fills a disk in a child process")
	}
	notUnderRace(t)
	for _, unlisted := range []string{"", "1"} {
		t.Run("unlisted="+unlisted, func(t *testing.T) {
			cmd := child("fill", t.TempDir())
			cmd.Env = append(cmd.Env, childUnlisted+"="+unlisted)
			runFill(t, cmd)
		})
	}
}

func runFill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("no name spaces here: %v", err)
	}
	var exit interface{ ExitCode() int }
	if err := cmd.Wait(); errors.As(err, &exit) && exit.ExitCode() == skipped {
		t.Skip("no mount here")
	} else if err != nil {
		t.Error(err)
	}
}

// skipped is the exit code of a child that may not mount.
const skipped = 77

func fillDisk(dir string) {
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=4m"); err != nil {
		os.Exit(skipped)
	}
	if err := fillAndRecover(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// fillAndRecover writes until the disk is full, several times over, makes
// room, and looks whether all that was acknowledged is there and nothing else.
func fillAndRecover(dir string) error {
	path, ballast := filepath.Join(dir, "store.db"), filepath.Join(dir, "ballast")
	s, err := childOpens(path)
	if err != nil {
		return err
	}
	written, full := 0, 0
	for round := range 6 {
		if err := os.WriteFile(ballast, make([]byte, (10-round)<<18), 0o600); err != nil {
			return err
		}
		if full, err = fillUp(s, &written, full); err != nil {
			return err
		}
		if err := os.Truncate(ballast, 0); err != nil {
			return err
		}
		if err := insert(s, written); err != nil {
			return fmt.Errorf("there is room again: %w", err)
		}
		written++
		if err := verifyFilled(s, written); err != nil {
			return err
		}
	}
	if full == 0 {
		return errors.New("the disk was never full")
	}
	if err := loadTooMuch(s, dir); err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	if s, err = childOpens(path); err != nil {
		return err
	}
	return errors.Join(verifyFilled(s, written), s.Close())
}

// fillUp inserts until it has failed three times in a row.
func fillUp(s *bolt.Store, written *int, full int) (int, error) {
	for failed := 0; failed < 3; {
		err := insert(s, *written)
		switch {
		case err == nil:
			*written++
			failed = 0
		case errors.Is(err, syscall.ENOSPC) && !errors.Is(err, store.ErrUnknownOutcome):
			failed++
			full++
		default:
			return full, fmt.Errorf("on a full disk: %w", err)
		}
	}
	return full, nil
}

// loadTooMuch loads what neither the disk holds nor memory, in no order.
func loadTooMuch(s *bolt.Store, dir string) error {
	err := s.BulkLoad(context.Background(), pairs(rand.New(rand.NewSource(1)).Perm(manyPairs), "first"))
	if !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("a bulk load larger than the disk: %w", err)
	}
	files, err := os.ReadDir(dir)
	if err == nil && len(files) != 2 {
		err = fmt.Errorf("left behind by a bulk load: %v", files)
	}
	return err
}

func insert(s store.Store, n int) error {
	u := user{ID: fmt.Sprint(n), Text: strings.Repeat("x", 5000), N: n}
	return s.Update(context.Background(), func(tx store.Tx) error { return users.Insert(tx, &u) })
}

func verifyFilled(s *bolt.Store, written int) error {
	n := 0
	err := s.View(context.Background(), func(r store.Reader) error {
		for _, err := range users.Scan(r, store.Range{}) {
			if err != nil {
				return err
			}
			n++
		}
		return users.Verify(r)
	})
	if err == nil && n != written {
		err = fmt.Errorf("%d users, but %d were acknowledged", n, written)
	}
	return errors.Join(err, s.Check(context.Background()))
}
