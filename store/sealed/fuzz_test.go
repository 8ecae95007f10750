package sealed_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/store/sealed"
)

const (
	zeroKey  = "aes256gcm AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
	firstKey = "aes256gcm AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
)

func keysIn(t *testing.T, text string) (sealed.Keys, error) {
	t.Helper()
	return sealed.KeysFrom(t.Context(), func(context.Context) ([]byte, error) { return []byte(text), nil })
}

// FuzzKeys reads key files. What one of them sealed, it opens.
func FuzzKeys(f *testing.F) {
	for _, text := range []string{zeroKey, zeroKey + "# old\n" + firstKey, "", "# nothing\n", "aes256gcm \n", strings.TrimSpace(zeroKey), "\r\n" + zeroKey} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := keysIn(t, text)
		if err != nil {
			return
		}
		s := sealed.New(memory.New(), keys, secretTables("table"))
		defer s.Close()
		ref := store.Ref{Table: "table", Key: "k"}
		if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Put(ref.Table, ref.Key, []byte("1")) }); err != nil {
			t.Fatal(err)
		}
		err = s.View(t.Context(), func(r store.Reader) error {
			values, err := r.Get(ref)
			if err == nil && string(values[0]) != "1" {
				t.Errorf("got %q", values[0])
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// FuzzSealedValue reads what somebody put into a store that is sealed: it is
// never taken for a value, and the error says what it is.
func FuzzSealedValue(f *testing.F) {
	f.Add([]byte(`{"key":"d2a84f4b8b650937","sealed":"AAAA"}`))
	f.Add([]byte(`{"key":"","sealed":""}`))
	f.Add([]byte(`1`))
	f.Fuzz(func(t *testing.T, value []byte) {
		inner := memory.New()
		defer inner.Close()
		ref := store.Ref{Table: "table", Key: "k"}
		if inner.Update(t.Context(), func(tx store.Tx) error { return tx.Put(ref.Table, ref.Key, value) }) != nil {
			return // no document
		}
		keys, err := keysIn(t, zeroKey)
		if err != nil {
			t.Fatal(err)
		}
		s := sealed.New(inner, keys, secretTables(ref.Table))
		err = s.View(t.Context(), func(r store.Reader) error {
			_, err := r.Get(ref)
			return err
		})
		if !errors.Is(err, store.ErrCorrupt) && !errors.Is(err, sealed.ErrWrongKey) {
			t.Errorf("Get = %v, want ErrCorrupt or ErrWrongKey", err)
		}
	})
}
