package sealed_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/store/sealed"
)

func openKeys(t testing.TB, path string) sealed.Keys {
	t.Helper()
	keys, err := sealed.OpenKeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func rotate(t testing.TB, path string) {
	t.Helper()
	if err := sealed.RotateKeyFile(path); err != nil {
		t.Fatal(err)
	}
}

func mustPut(t testing.TB, s store.Store, key string) {
	t.Helper()
	if err := put(t, s, "secrets", key, `"hunter2"`); err != nil {
		t.Fatal(err)
	}
}

// sealedUnder is what names the key of a value below a sealed store.
func sealedUnder(t testing.TB, inner store.Store, key string) string {
	t.Helper()
	value, err := get(t, inner, "secrets", key)
	if err != nil {
		t.Fatal(err)
	}
	id, _, _ := strings.Cut(value, `","sealed"`)
	return id
}

func TestRotationReachesARunningStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	inner := memory.New()
	running := sealed.New(inner, openKeys(t, path), secretTables("secrets"))
	mustPut(t, running, "old")
	rotate(t, path)
	started := sealed.New(inner, openKeys(t, path), secretTables("secrets"))
	mustPut(t, started, "new")
	if sealedUnder(t, inner, "old") == sealedUnder(t, inner, "new") {
		t.Error("the new key does not seal")
	}
	for _, key := range []string{"old", "new"} {
		for name, s := range map[string]store.Store{"running": running, "started": started} {
			if got, err := get(t, s, "secrets", key); err != nil || got != `"hunter2"` {
				t.Errorf("%s reads %s: %s, %v", name, key, got, err)
			}
		}
	}
	mustPut(t, running, "later")
	if sealedUnder(t, inner, "later") != sealedUnder(t, inner, "new") {
		t.Error("a running store that met the new key does not seal under it")
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, %v, want 0600", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("the directory holds %v, want the key file alone", entries)
	}
}

func TestRotationsDoNotLoseKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	openKeys(t, path)
	var all sync.WaitGroup
	var done atomic.Int32
	for range 16 {
		all.Go(func() {
			err := sealed.RotateKeyFile(path)
			if err == nil {
				done.Add(1)
			} else if !strings.Contains(err.Error(), "another process") {
				t.Error(err)
			}
		})
	}
	all.Wait()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\naes256gcm "); n != int(done.Load())+1 || done.Load() == 0 {
		t.Errorf("%d keys after %d rotations", n, done.Load())
	}
}

func TestRotationFollowsALink(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "key"), filepath.Join(dir, "link")
	openKeys(t, path)
	if err := os.Symlink(path, link); err != nil {
		t.Skip(err)
	}
	rotate(t, link)
	if text, _ := os.ReadFile(path); strings.Count(string(text), "\naes256gcm ") != 2 {
		t.Error("the file that the link leads to was not changed")
	}
}

// source is keys that come from a func.
type source struct {
	text  atomic.Pointer[string]
	fails atomic.Pointer[error]
	asked atomic.Int32
}

func (s *source) set(text string) { s.text.Store(&text) }

func (s *source) keys(t testing.TB) sealed.Keys {
	t.Helper()
	keys, err := sealed.KeysFrom(t.Context(), func(context.Context) ([]byte, error) {
		s.asked.Add(1)
		if err := s.fails.Load(); err != nil {
			return nil, *err
		}
		return []byte(*s.text.Load()), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

const (
	oneKey     = "aes256gcm MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n"
	anotherKey = "aes256gcm YWJjZGVmZ2hpamFiY2RlZmdoaWphYmNkZWZnaGlqYWI=\n"
)

func TestUnknownKeyIsAskedForOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var one, another source
		one.set(oneKey)
		another.set(anotherKey)
		inner := memory.New()
		mustPut(t, sealed.New(inner, another.keys(t), secretTables("secrets")), "key")
		s := sealed.New(inner, one.keys(t), secretTables("secrets"))
		storm := func() {
			var all sync.WaitGroup
			for range 100 {
				all.Go(func() {
					if _, err := get(t, s, "secrets", "key"); !errors.Is(err, sealed.ErrWrongKey) {
						t.Errorf("got %v, want %v", err, sealed.ErrWrongKey)
					}
				})
			}
			all.Wait()
		}
		storm()
		storm()
		if n := one.asked.Load(); n != 2 { // when it was opened, and once
			t.Errorf("asked %d times, want 2", n)
		}
		time.Sleep(1001 * time.Millisecond)
		storm()
		if n := one.asked.Load(); n != 3 {
			t.Errorf("asked %d times a second later, want 3", n)
		}
		down := errors.New("key service is down")
		one.fails.Store(&down)
		time.Sleep(1001 * time.Millisecond)
		if _, err := get(t, s, "secrets", "key"); !errors.Is(err, sealed.ErrWrongKey) || !errors.Is(err, down) {
			t.Errorf("got %v, want that %v", err, down)
		}
		one.fails.Store(nil)
		one.set(oneKey + anotherKey)
		time.Sleep(1001 * time.Millisecond)
		if _, err := get(t, s, "secrets", "key"); err != nil {
			t.Errorf("with the key at last: %v", err)
		}
	})
}

func TestASecondUnknownKeyIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var one, another, both source
		one.set(oneKey)
		another.set(anotherKey)
		both.set("aes256gcm " + strings.Repeat("A", 43) + "=\n")
		inner := memory.New()
		mustPut(t, sealed.New(inner, one.keys(t), secretTables("secrets")), "one")
		mustPut(t, sealed.New(inner, another.keys(t), secretTables("secrets")), "another")
		s := sealed.New(inner, both.keys(t), secretTables("secrets"))
		if _, err := get(t, s, "secrets", "one"); !errors.Is(err, sealed.ErrWrongKey) {
			t.Errorf("got %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		err := s.View(ctx, func(r store.Reader) error {
			_, err := r.Get(store.Ref{Table: "secrets", Key: "another"})
			return err
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the end of the context", err)
		}
		both.set(anotherKey)
		if _, err := get(t, s, "secrets", "another"); err != nil {
			t.Errorf("a key that came within the second: %v", err)
		}
	})
}

func TestAWritingStoreLooksForANewKeyEachMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var src source
		src.set(oneKey)
		inner := memory.New()
		s := sealed.New(inner, src.keys(t), secretTables("secrets"))
		mustPut(t, s, "1")
		src.set(anotherKey + oneKey)
		mustPut(t, s, "2")
		if n := src.asked.Load(); n != 1 {
			t.Errorf("asked %d times at once, want 1", n)
		}
		time.Sleep(61 * time.Second)
		mustPut(t, s, "3")
		if sealedUnder(t, inner, "3") == sealedUnder(t, inner, "2") {
			t.Error("a minute later the old key seals")
		}
		down := errors.New("down")
		src.fails.Store(&down)
		time.Sleep(61 * time.Second)
		mustPut(t, s, "4")
	})
}

func TestKeysFromEnv(t *testing.T) {
	t.Setenv("SEALED_KEYS", anotherKey+oneKey)
	keys, err := sealed.KeysFromEnv("SEALED_KEYS")
	if err != nil {
		t.Fatal(err)
	}
	inner := memory.New()
	mustPut(t, sealed.New(inner, keys, secretTables("secrets")), "key")
	var src source
	src.set(anotherKey)
	if _, err := get(t, sealed.New(inner, src.keys(t), secretTables("secrets")), "secrets", "key"); err != nil {
		t.Errorf("the first key does not seal: %v", err)
	}
	t.Setenv("SEALED_KEYS", "aes256gcm hunter2")
	for _, name := range []string{"SEALED_KEYS", "SEALED_KEYS_NOT_SET"} {
		_, err := sealed.KeysFromEnv(name)
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want an error that names it", name, err)
		}
	}
}
