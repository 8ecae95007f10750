package main_test

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestOneUserComesBackFromABackup(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the command two dozen times; the script `backup` restores a user")
	}
	dir := t.TempDir()
	must := func(args ...string) string {
		t.Helper()
		out, errs, code := run(t, dir, args...)
		if code != 0 {
			t.Fatalf("%q: %d\n%s%s", args, code, out, errs)
		}
		return out
	}
	must("pool", "create", "main", "--settings", es256)
	must("group", "create", "staff")
	must("user", "create", "alice", "email=alice@example.com")
	must("group", "add", "staff", "alice")
	must("user", "create", "bob", "email=bob@example.com")
	before := must("user", "export", "--secrets")
	must("backup", "b.backup")

	refused := func(want string, args ...string) {
		t.Helper()
		if out, errs, code := run(t, dir, args...); code != 1 || !strings.Contains(errs, want) {
			t.Errorf("%q: %d\n%s%s", args, code, out, errs)
		}
	}
	refused("is there already", "user", "restore", "b.backup", "alice")
	refused("has no user carol", "user", "restore", "b.backup", "carol")
	must("user", "delete", "alice", "--yes")
	must("user", "restore", "b.backup", "alice")
	line := func(all string) string {
		for l := range strings.Lines(all) {
			if strings.Contains(l, "alice@example.com") {
				return l
			}
		}
		return ""
	}
	after := must("user", "export", "--secrets")
	if got, want := line(after), line(before); got == "" || got != want {
		t.Errorf("alice came back as\n%s, want\n%s", got, want)
	}
	must("check")

	must("user", "delete", "alice", "--yes")
	must("user", "create", "alice")
	refused("cannot be restored", "user", "restore", "b.backup", "alice")

	must("user", "delete", "alice", "--yes")
	old := t.TempDir()
	copyKey(t, dir, old)
	must("secrets", "rotate")
	must("secrets", "reseal")
	must("secrets", "drop-old")
	refused("with --backup-key-file", "user", "restore", "b.backup", "alice")
	must("user", "restore", "b.backup", "alice", "--backup-key-file", filepath.Join(old, "cognate.key"))
}
