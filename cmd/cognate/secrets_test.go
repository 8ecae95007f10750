package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/store/postgres/postgrestest"
)

func TestSecretsChangeTheirKey(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the command several times; the script `secrets` rotates the keys")
	}
	dir := t.TempDir()
	failure(t, dir, "there is no store cognate.db", "--store", "secrets", "rotate")
	newSigner(t, dir)
	changeKey(t, dir)
}

func TestSecretsChangeTheirKeyInPostgreSQL(t *testing.T) {
	dir := t.TempDir()
	where := postgrestest.Address(t)
	signer := newSigner(t, dir, "--store", where)
	server, url := serveAt(t, dir, "--store", where)
	must(t, dir, "secrets", "rotate", "--store", where)
	must(t, dir, "secrets", "reseal", "--store", where)
	if a := call(t, url, "CreateUserPool", `{"PoolName":"main"}`, signer); a.status != 200 { // reads the secret of the signer
		t.Errorf("a server that runs meanwhile: %+v", a)
	}
	failure(t, dir, "may not have noticed", "secrets reseal", "secrets", "drop-old", "--store", where)
	server.kill()
	back := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "cognate.key"), back, back); err != nil {
		t.Fatal(err)
	}
	changeKey(t, dir, "--store", where)
}

// changeKey changes the key of a store that holds one secret or more.
func changeKey(t *testing.T, dir string, flags ...string) {
	t.Helper()
	with := func(args ...string) []string { return append(args, flags...) }
	file := filepath.Join(dir, "cognate.key")
	state := func(want string) {
		t.Helper()
		if out := must(t, dir, with("secrets", "status")...); !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("secrets status:\n%s\nwant %s", out, want)
		}
	}
	must(t, dir, with("secrets", "rotate")...)
	back := time.Now().Add(-time.Hour) // a database must wait
	if err := os.Chtimes(file, back, back); err != nil {
		t.Fatal(err)
	}
	state(`\w{16} +0 +seals\n\w{16} +[1-9]\d* +opens`)
	failure(t, dir, "are still sealed under an old key", "secrets reseal", with("secrets", "drop-old")...)
	if _, errs, code := run(t, dir, with("secrets", "reseal")...); code != 0 || !strings.Contains(errs, "0 were under the current key") {
		t.Errorf("reseal: %d %s", code, errs)
	}
	state(`\w{16} +[1-9]\d* +seals\n\w{16} +0 +opens`)
	must(t, dir, with("secrets", "drop-old")...)
	state(`\w{16} +[1-9]\d* +seals$`)
	must(t, dir, with("key", "list")...)
	if text, err := os.ReadFile(file); err != nil || strings.Count(string(text), "\naes256gcm ") != 1 {
		t.Errorf("the key file does not hold one key, or %v", err)
	}
}

func TestKeysInTheEnvironment(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the command a dozen times")
	}
	dir := t.TempDir()
	newSigner(t, dir)
	file := filepath.Join(dir, "cognate.key")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	const other = "aes256gcm YWJjZGVmZ2hpamFiY2RlZmdoaWphYmNkZWZnaGlqYWI="
	t.Setenv("COGNATE_KEYS", string(text))
	t.Setenv("OTHER", other)
	must(t, dir, "key", "list")
	failure(t, dir, "OTHER does not hold the keys of cognate.db", "--key-env", "key", "list", "--key-env", "OTHER")
	failure(t, dir, "NOPE is not set", "key file", "key", "list", "--key-env", "NOPE")
	failure(t, dir, "key file other.key of cognate.db is missing", "--key-file", "key", "list", "--key-file", "other.key")
	failure(t, dir, "COGNATE_KEYS, which cognate cannot change", "--key-file", "secrets", "rotate")
	t.Setenv("COGNATE_KEYS", other)
	t.Setenv("OTHER", other+"\n"+string(text))
	must(t, dir, "key", "list", "--key-env", "OTHER")
	failure(t, dir, "COGNATE_KEYS does not hold the keys", "--key-env", "serve", "--addr", "127.0.0.1:0", "--issuer", "aws")
	must(t, dir, "secrets", "reseal", "--key-env", "OTHER")
	must(t, dir, "key", "list")
	if _, err := os.Stat(file); err == nil {
		t.Error("a key file was made beside keys in the environment")
	}
}
