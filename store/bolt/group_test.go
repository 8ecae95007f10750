package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/bolt"
)

var errMine = errors.New("an error of the caller's own")

// queue has n Updates wait behind one that is held up, then lets them go.
func queue(t *testing.T, s *bolt.Store, n int, each func(i int)) {
	t.Helper()
	inside, leave := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		err := s.Update(context.Background(), func(tx store.Tx) error {
			close(inside)
			<-leave
			return tx.Put("table", "first", []byte("1"))
		})
		if err != nil {
			t.Errorf("the first: %v", err)
		}
	})
	<-inside
	for i := range n {
		all.Go(func() { each(i) })
	}
	for s.Waiting() < n {
		runtime.Gosched()
	}
	close(leave)
	all.Wait()
}

func TestWaitingUpdatesShareOneCommit(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	defer s.Close()
	before := s.Commits()
	queue(t, s, 50, func(i int) {
		if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Insert("table", fmt.Sprint(i), []byte("1")) }); err != nil {
			t.Error(err)
		}
	})
	// One, were it not for the bound on how long a group stays open.
	if got := s.Commits() - before; got > 5 {
		t.Errorf("51 Updates took %d commits", got)
	}
}

func TestEachMemberOfAGroupGetsItsOwnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path)
	queue(t, s, 90, func(i int) {
		ended := false
		defer func() {
			if r := recover(); (r != nil) != (i%3 == 2) {
				t.Errorf("%d: recovered %v, ended %v", i, r, ended)
			}
		}()
		err := s.Update(t.Context(), func(tx store.Tx) error {
			if err := tx.Insert("table", fmt.Sprint(i), []byte("1")); err != nil {
				return err
			}
			switch i % 3 {
			case 1:
				return errMine
			case 2:
				panic("bolt_test: the function panics")
			}
			return nil
		})
		ended = true
		if want := []error{nil, errMine}[i%3]; !errors.Is(err, want) {
			t.Errorf("%d: got %v, want %v", i, err, want)
		}
	})
	err := s.View(t.Context(), func(r store.Reader) error {
		for i := range 90 {
			values, err := r.Get(store.Ref{Table: "table", Key: fmt.Sprint(i)})
			if err != nil {
				return err
			}
			if got, want := values[0] != nil, i%3 == 0; got != want {
				t.Errorf("%d: written %v, want %v", i, got, want)
			}
		}
		return nil
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Error(err)
	}
	checkFile(t, path)
}

// An Update that fails because of what another in its group has written must
// not return before that is on the disk; here the group is one commit, so both
// return with it.
func TestFailedUpdateSeesTheGroupBeforeIt(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	defer s.Close()
	queue(t, s, 1, func(int) {
		err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Insert("table", "first", []byte("2")) })
		if !errors.Is(err, store.ErrExists) {
			t.Errorf("got %v, want %v", err, store.ErrExists)
		}
		durable := s.Commits()
		_ = s.View(t.Context(), func(r store.Reader) error {
			values, err := r.Get(store.Ref{Table: "table", Key: "first"})
			if err != nil || values[0] == nil {
				t.Errorf("told that the key is taken, but transaction %d holds %s, %v", durable, values, err)
			}
			return nil
		})
	})
}

func TestUpdateThatWritesNothingCommitsNothing(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	defer s.Close()
	before := s.Commits()
	for range 3 {
		if err := s.Update(t.Context(), func(tx store.Tx) error { _, err := tx.Get(store.Ref{Table: "table", Key: "key"}); return err }); err != nil {
			t.Error(err)
		}
	}
	if got := s.Commits(); got != before {
		t.Errorf("%d commits for nothing", got-before)
	}
}
