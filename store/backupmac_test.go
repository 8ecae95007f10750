package store_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"slices"
	"testing"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// macKeys are keys by id. The first id makes new backups.
type macKeys []string

var errNoSuchKey = errors.New("no such key")

// BackupMAC implements store.BackupKeys.
func (k macKeys) BackupMAC(_ context.Context, id string) (string, hash.Hash, error) {
	if id == "" {
		id = k[0]
	}
	if !slices.Contains(k, id) {
		return "", nil, errNoSuchKey
	}
	return id, hmac.New(sha256.New, []byte("key of "+id)), nil
}

func authenticated(t *testing.T, s store.Store, keys store.BackupKeys) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := store.Backup(t.Context(), s, &out, backupTables, &store.BackupOptions{Keys: keys}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// summed returns the lines of a backup, which are without the trailer, with a trailer whose
// checksum agrees, and with the MAC line of another backup.
func summed(lines []byte, mac []byte) []byte { return append(withTrailer(lines), mac...) }

// TestAlteredBackupIsRefusedThoughItsChecksumAgrees alters each part of a backup as
// somebody does who cannot make the MAC.
func TestAlteredBackupIsRefusedThoughItsChecksumAgrees(t *testing.T) {
	s := filled(t)
	b := authenticated(t, s, macKeys{"new"})
	lines := bytes.SplitAfter(b, []byte("\n"))
	lines = lines[:len(lines)-1]
	body, trailer, mac := bytes.Join(lines[:len(lines)-2], nil), lines[len(lines)-2], lines[len(lines)-1]
	if !bytes.Equal(summed(body, mac), b) {
		t.Fatal("the test does not make the trailer as Backup does")
	}
	other := authenticated(t, s, macKeys{"other"})
	foreign := other[bytes.LastIndexByte(other[:len(other)-1], '\n')+1:]
	cut := bytes.Join(lines[:len(lines)-3], nil)
	replaced := func(old, new string) []byte {
		out := bytes.Replace(body, []byte(old), []byte(new), 1)
		if bytes.Equal(out, body) {
			t.Fatalf("the backup has no %q", old)
		}
		return out
	}
	for _, tt := range []struct {
		name string
		b    []byte
		want error
	}{
		{"an entry", summed(replaced("<&>", "<&!"), mac), store.ErrCorrupt},
		{"an entry less", summed(cut, mac), store.ErrCorrupt},
		{"an entry more", summed(append(slices.Clone(body), `{"t":"b","k":"eg==","v":1}`+"\n"...), mac), store.ErrCorrupt},
		{"the tables", summed(replaced(`"tables":["a"`, `"tables":["b","a"`), mac), store.ErrCorrupt},
		{"the trailer", slices.Concat(body, bytes.Replace(trailer, []byte("{"), []byte("{ "), 1), mac), store.ErrCorrupt},
		{"the MAC of another key", summed(body, foreign), store.ErrCorrupt},
		{"the MAC is empty", summed(body, []byte(`{"mac":""}`+"\n")), store.ErrCorrupt},
		{"without the MAC", summed(body, nil), store.ErrCorrupt},
		{"cut in the MAC", b[:len(b)-10], store.ErrCorrupt},
		{"followed by more", append(slices.Clone(b), 'x'), store.ErrCorrupt},
		{"without a key", summed(replaced(`,"key":"new"`, ""), nil), store.ErrUnauthenticated},
		{"as of the first format", summed(replaced(`{"cognateBackup":2`, `{"cognateBackup":1`), nil), store.ErrUnauthenticated},
		{"another key", summed(replaced(`"key":"new"`, `"key":"none"`), mac), errNoSuchKey},
	} {
		t.Run(tt.name, func(t *testing.T) {
			to := memory.New()
			defer to.Close()
			if _, err := store.Restore(t.Context(), to, bytes.NewReader(tt.b), backupTables, &store.RestoreOptions{Keys: macKeys{"new"}}); !errors.Is(err, tt.want) {
				t.Errorf("Restore = %v, want %v", err, tt.want)
			}
			if got := contents(t, to); len(got) > 0 {
				t.Errorf("it wrote %d entries", len(got))
			}
		})
	}
}

// TestBackupNeedsItsKeys holds which options accept which backups.
func TestBackupNeedsItsKeys(t *testing.T) {
	s := filled(t)
	with, without := authenticated(t, s, macKeys{"old"}), backedUp(t, s)
	lines := without[bytes.IndexByte(without, '\n')+1:]
	lines = lines[:bytes.LastIndexByte(lines[:len(lines)-1], '\n')+1]
	first := withTrailer(append([]byte(`{"cognateBackup":1,"tables":["a","a.names","b"]}`+"\n"), lines...))
	for _, tt := range []struct {
		name string
		b    []byte
		o    *store.RestoreOptions
		want error
	}{
		{"its key", with, &store.RestoreOptions{Keys: macKeys{"old"}}, nil},
		{"its key among others", with, &store.RestoreOptions{Keys: macKeys{"new", "old"}}, nil},
		{"another key", with, &store.RestoreOptions{Keys: macKeys{"new"}}, errNoSuchKey},
		{"another key, unauthenticated", with, &store.RestoreOptions{Keys: macKeys{"new"}, InsecureUnauthenticated: true}, errNoSuchKey},
		{"no key", with, &store.RestoreOptions{}, store.ErrUnauthenticated},
		{"no options", with, nil, store.ErrUnauthenticated},
		{"no key, unauthenticated", with, unauthenticated, nil},
		{"no MAC", without, &store.RestoreOptions{Keys: macKeys{"old"}}, store.ErrUnauthenticated},
		{"no MAC, no options", without, nil, store.ErrUnauthenticated},
		{"no MAC, unauthenticated", without, &store.RestoreOptions{Keys: macKeys{"old"}, InsecureUnauthenticated: true}, nil},
		{"the first format", first, &store.RestoreOptions{Keys: macKeys{"old"}}, store.ErrUnauthenticated},
		{"the first format, unauthenticated", first, unauthenticated, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, err := store.VerifyBackup(t.Context(), bytes.NewReader(tt.b), backupTables, tt.o)
			if !errors.Is(err, tt.want) || err == nil && n != 302 {
				t.Errorf("VerifyBackup = %d, %v, want %v", n, err, tt.want)
			}
		})
	}
	if _, err := store.Backup(t.Context(), s, &bytes.Buffer{}, backupTables, &store.BackupOptions{Keys: failingKeys{}}); !errors.Is(err, errNoSuchKey) {
		t.Errorf("Backup without its key = %v", err)
	}
}

type failingKeys struct{}

// BackupMAC implements store.BackupKeys.
func (failingKeys) BackupMAC(context.Context, string) (string, hash.Hash, error) {
	return "", nil, fmt.Errorf("keys: %w", errNoSuchKey)
}
