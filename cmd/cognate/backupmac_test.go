package main_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// forged alters a backup as somebody does who can write to it and has no key: the checksum
// is computed again.
func forged(t *testing.T, file string, alter func(body []byte) []byte) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	trailer := bytes.LastIndex(b, []byte(`{"entries":`))
	body := alter(bytes.Clone(b[:trailer]))
	if bytes.Equal(body, b[:trailer]) {
		t.Fatal("the backup was not altered")
	}
	rest := b[trailer:]
	mac := rest[bytes.IndexByte(rest, '\n')+1:]
	body = fmt.Appendf(body, `{"entries":%d,"sha256":"%x"}`+"\n%s", bytes.Count(body, []byte("\n"))-1, sha256.Sum256(body), mac)
	name := file + ".forged"
	if err := os.WriteFile(name, body, 0o600); err != nil {
		t.Fatal(err)
	}
	return filepath.Base(name)
}

// TestNobodyEntersAGroupByAnAlteredBackup swaps the names of a member and another user.
func TestNobodyEntersAGroupByAnAlteredBackup(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the command ten times; `store` refuses altered backups, as the script `backup` does")
	}
	dir, _ := withPool(t, es256)
	must(t, dir, "group", "create", "admins")
	must(t, dir, "user", "create", "mallory")
	must(t, dir, "user", "create", "alice")
	must(t, dir, "group", "add", "admins", "alice")
	must(t, dir, "backup", "b")
	altered := forged(t, filepath.Join(dir, "b"), func(body []byte) []byte {
		for _, swap := range [][2]string{{"alice", "alic-"}, {"mallory", "alice"}, {"alic-", "mallory"}} {
			body = bytes.ReplaceAll(body, []byte(`"username":"`+swap[0]+`"`), []byte(`"username":"`+swap[1]+`"`))
		}
		return body
	})
	failure(t, dir, "MAC does not match", "no store was made", "restore", altered, "--store", "bolt:new.db")
	failure(t, dir, "MAC does not match", "no store was made", "restore", altered, "--store", "bolt:new.db", "--unauthenticated")
	failure(t, dir, "MAC does not match", "no store was made", "user", "restore", altered, "alice")
	older := forged(t, filepath.Join(dir, "b"), func(body []byte) []byte {
		return bytes.Replace(body, []byte(`{"cognateBackup":2`), []byte(`{"cognateBackup":1`), 1)
	})
	failure(t, dir, "is not authenticated", "--unauthenticated", "restore", older, "--store", "bolt:new.db")
	failure(t, dir, "is not authenticated", "--unauthenticated", "user", "restore", older, "alice")
	if left, err := filepath.Glob(filepath.Join(dir, "new.db*")); err != nil || len(left) > 0 {
		t.Errorf("it left %q, %v", left, err)
	}
}

// TestBackupNeedsTheKeyFileOfItsTime holds that an older key file is enough, and that no
// other is.
func TestBackupNeedsTheKeyFileOfItsTime(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the command a dozen times with other keys; the script `backup` restores with an older key file")
	}
	dir, _ := withPool(t, es256)
	must(t, dir, "user", "create", "alice")
	must(t, dir, "backup", "b")
	old := t.TempDir()
	copyKey(t, dir, old)
	must(t, dir, "secrets", "rotate")
	must(t, dir, "restore", "b", "--store", "bolt:with-both.db")
	must(t, dir, "secrets", "reseal")
	must(t, dir, "secrets", "drop-old")
	failure(t, dir, "do not authenticate b", "--key-file", "restore", "b", "--store", "bolt:new.db")
	key := filepath.Join(old, "cognate.key")
	must(t, dir, "restore", "b", "--store", "bolt:new.db", "--key-file", key)
	if out := must(t, dir, "user", "list", "--store", "bolt:new.db", "--key-file", key); !strings.Contains(out, "alice") {
		t.Errorf("users:\n%s", out)
	}
	other := t.TempDir()
	failure(t, other, "the key file cognate.key is missing", "--key-file", "restore", filepath.Join(dir, "b"))
	failure(t, dir, "the key file missing.key of cognate.db is missing", "--key-file", "backup", "c", "--key-file", "missing.key")
}

// TestBackupOfTheFirstFormat opens a backup that a version before the MAC has written.
func TestBackupOfTheFirstFormat(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the command seven times; the script `backup` restores a store")
	}
	dir := t.TempDir()
	for _, name := range []string{"format1.backup", "cognate.key"} {
		data, err := os.ReadFile(filepath.Join("testdata", "backup-format1", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	failure(t, dir, "is not authenticated", "--unauthenticated", "restore", "format1.backup")
	must(t, dir, "restore", "format1.backup", "--unauthenticated")
	if out := must(t, dir, "group", "members", "staff"); !strings.Contains(out, "alice") {
		t.Errorf("members of staff:\n%s", out)
	}
	must(t, dir, "check")
	must(t, dir, "user", "delete", "alice", "--yes")
	failure(t, dir, "is not authenticated", "--unauthenticated", "user", "restore", "format1.backup", "alice")
	must(t, dir, "user", "restore", "format1.backup", "alice", "--unauthenticated")
}

// TestBackupOfAnUnsealedStore has no key.
func TestBackupOfAnUnsealedStore(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a fake, then the command three times")
	}
	dir := t.TempDir()
	p := start(t, dir, "dev", "--addr", "127.0.0.1:0", "--store", "bolt:dev.db")
	p.value("Endpoint")
	p.signal(os.Interrupt)
	p.wait()
	must(t, dir, "backup", "b", "--store", "bolt:dev.db")
	failure(t, dir, "cognate.key is missing", "--key-file", "restore", "b", "--store", "bolt:new.db")
	failure(t, dir, "cognate.key is missing", "such as that of cognate dev, makes backups that nothing authenticates", "restore", "b", "--store", "bolt:new.db")
	must(t, dir, "restore", "b", "--store", "bolt:new.db", "--unauthenticated")
}
