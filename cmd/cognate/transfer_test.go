package main_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/mfa"
)

const withTOTP = `{"algorithm":"ES256","mfa":"OPTIONAL","totp":true,"srp":true}`

// enroll gives a user an authenticator app and returns its key.
func enroll(t *testing.T, e *identity.Engine, id, name string) mfa.Secret {
	t.Helper()
	in, err := signInTo(t, e, id, name, password)
	if err != nil || in.Tokens == nil {
		t.Fatalf("SignIn = %+v, %v", in, err)
	}
	pool, err := e.UserPool(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	s, err := pool.Session(t.Context(), in.Tokens.Access)
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.EnrollTOTP(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// The code of the step before is good too, and leaves the present one for the sign-in that follows.
	if err := s.VerifyTOTP(t.Context(), identity.Secret(key.Code(time.Now().Add(-mfa.Period))), "phone"); err != nil {
		t.Fatal(err)
	}
	if err := s.SetMFA(t.Context(), identity.MFAUpdate{identity.MFATOTP: {Enabled: true, Preferred: true}}); err != nil {
		t.Fatal(err)
	}
	return key
}

// TestRoundTrip moves users to another store, where they sign in as before.
func TestRoundTrip(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the command two dozen times; the script `transfer` exports and imports users")
	}
	dir, id := withPool(t, withTOTP)
	must(t, dir, "group", "create", "admins")
	must(t, dir, "user", "create", "alice", "email=alice@example.com", "--password", password)
	must(t, dir, "user", "create", "bob", "--password", password+"2")
	must(t, dir, "group", "add", "admins", "alice")
	must(t, dir, "user", "disable", "bob")
	var key mfa.Secret
	inStore(t, dir, func(e *identity.Engine) { key = enroll(t, e, id, "alice") })
	_, errs, code := run(t, dir, "user", "export", "--secrets", "--out", "users.jsonl")
	if code != 0 || !strings.Contains(errs, "WARNING") || !strings.Contains(errs, "exported 2 users") {
		t.Fatalf("user export: %d %s", code, errs)
	}
	file := filepath.Join(dir, "users.jsonl")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("export: %v, %v, want mode 0600", info, err)
	}

	other, _ := withPool(t, withTOTP)
	must(t, other, "group", "create", "admins")
	if _, errs, code := run(t, other, "user", "import", file); code != 0 || !strings.Contains(errs, "imported 2 users (0 there already, 0 rejected)") {
		t.Fatalf("user import: %d %s", code, errs)
	}
	if out := must(t, other, "group", "members", "admins"); !strings.Contains(out, "alice") || strings.Contains(out, "bob") {
		t.Errorf("members:\n%s", out)
	}
	must(t, other, "user", "enable", "bob")
	inStore(t, other, func(e *identity.Engine) {
		if in, err := signIn(t, e, "bob", password+"2"); err != nil || in.Tokens == nil {
			t.Errorf("bob signs in: %+v, %v", in, err)
		}
		in, err := signIn(t, e, "alice", password)
		if err != nil {
			t.Fatalf("alice signs in: %v", err)
		}
		ch, ok := in.Challenge.(*identity.TOTPRequired)
		if !ok {
			t.Fatalf("alice is asked for %T, want the app", in.Challenge)
		}
		in, err = ch.Answer(t.Context(), identity.FactorCode{Code: identity.Secret(key.Code(time.Now()))})
		if err != nil || in.Tokens == nil {
			t.Errorf("alice answers with the app: %+v, %v", in, err)
		}
	})
	if _, errs, code := run(t, other, "user", "import", file); code != 0 || !strings.Contains(errs, "imported 0 users (2 there already, 0 rejected)") {
		t.Errorf("user import again: %d %s", code, errs)
	}
}

func TestExportWithoutSecrets(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the command a dozen times; the script `transfer` exports and imports users")
	}
	dir, _ := withPool(t, es256)
	must(t, dir, "user", "create", "alice", "--password", password)
	out := must(t, dir, "user", "export")
	if strings.Contains(out, "secrets") || strings.Contains(out, "argon2id") || !strings.Contains(out, `"username":"alice"`) {
		t.Errorf("user export: %s", out)
	}
	other, _ := withPool(t, es256)
	if _, errs, code := feed(t, other, out, "user", "import", "-"); code != 0 {
		t.Fatalf("user import: %d %s", code, errs)
	}
	if rec := shown[identity.UserRecord](t, other, "user", "show", "alice"); rec.Status != identity.StatusResetRequired {
		t.Errorf("status = %s", rec.Status)
	}
}

// record is a line of an import.
func record(n int) string {
	return fmt.Sprintf(`{"sub":"00000000-0000-4000-8000-%012d","username":"user%d","attributes":{"email":"user%d@example.com","email_verified":"true","name":"User %d"}}`+"\n", n, n, n, n)
}

func records(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(record(i))
	}
	return b.String()
}

// imported makes users of numbers from 0.
func imported(t testing.TB, dir string, n int) {
	t.Helper()
	if _, errs, code := feed(t, dir, records(n), "user", "import", "-"); code != 0 {
		t.Fatalf("user import: %d %s", code, errs)
	}
}

// TestResume cuts an export at each kind of place and goes on with it.
func TestResume(t *testing.T) {
	if testing.Short() {
		t.Skip("cuts an export off at many places")
	}
	dir, _ := withPool(t, es256)
	imported(t, dir, 450)
	whole := must(t, dir, "user", "export") + "\n"
	if n := strings.Count(whole, "\n"); n != 450 {
		t.Fatalf("the export has %d lines, want 450", n)
	}
	file := filepath.Join(dir, "part.jsonl")
	second := strings.Index(whole, "\n") + 1
	for _, tt := range []struct {
		name string
		at   int
	}{
		{"not begun", 0},
		{"in the first line", 10},
		{"after a line", second},
		{"before a line break", second - 1},
		{"within", len(whole) / 2},
		{"in the last line", len(whole) - 5},
		{"finished", len(whole)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.WriteFile(file, []byte(whole[:tt.at]), 0o600); err != nil {
				t.Fatal(err)
			}
			must(t, dir, "user", "export", "--out", "part.jsonl", "--resume")
			if got, err := os.ReadFile(file); err != nil || string(got) != whole {
				t.Errorf("the export differs from one in a piece: %d bytes, want %d, %v", len(got), len(whole), err)
			}
		})
	}
	must(t, dir, "user", "export", "--out", "new.jsonl", "--resume")
	failure(t, dir, "new.jsonl exists already", "--resume", "user", "export", "--out", "new.jsonl")
}

// TestResumeOfSomethingElse holds that what is no export of this pool is left alone.
func TestResumeOfSomethingElse(t *testing.T) {
	if testing.Short() {
		t.Skip("exports a store several times")
	}
	dir, _ := withPool(t, es256)
	imported(t, dir, 2)
	file := filepath.Join(dir, "file")
	own := must(t, dir, "user", "export") + "\n"
	var rec identity.UserRecord
	if err := json.Unmarshal([]byte(strings.Split(own, "\n")[0]), &rec); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, content, says, flag string }{
		{"text", "hello\nworld\n", "is not an export of users", ""},
		{"another pool", strings.ReplaceAll(own, rec.Pool, "us-east-1_AAAAAAAAA"), "is an export of the user pool us-east-1_AAAAAAAAA", ""},
		{"without secrets", own, "--secrets", "--secrets"},
		{"one long line", strings.Repeat("x", 3<<20), "last line is too long", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.WriteFile(file, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			args := strings.Fields("user export --out file --resume " + tt.flag)
			if _, errs, code := run(t, dir, args...); code != 1 || !strings.Contains(errs, tt.says) {
				t.Errorf("%d %s, want 1 and %q", code, errs, tt.says)
			}
			if now, err := os.ReadFile(file); err != nil || string(now) != tt.content {
				t.Errorf("the file was changed, %v", err)
			}
		})
	}
	if _, errs, code := run(t, dir, "user", "export", "--resume"); code != 2 || !strings.Contains(errs, "--out") {
		t.Errorf("--resume without a file: %d %s", code, errs)
	}
}

// TestInterruptedImport ends an import between its batches, and runs it again.
func TestInterruptedImport(t *testing.T) {
	if testing.Short() {
		t.Skip("interrupts imports of many users")
	}
	for _, tt := range []struct {
		name string
		by   os.Signal
	}{{"SIGINT", os.Interrupt}, {"SIGTERM", syscall.SIGTERM}, {"SIGKILL", os.Kill}} {
		t.Run(tt.name, func(t *testing.T) {
			dir, _ := withPool(t, es256)
			cmd := exec.Command(binary, "user", "import", "-")
			cmd.Dir = dir
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			errs, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = cmd.Process.Kill() }() // it may have ended
			// Who refuses line 251 has imported two batches before, and waits for the third.
			if _, err := io.WriteString(in, records(250)+"no JSON\n"); err != nil {
				t.Fatal(err)
			}
			said := bufio.NewReader(errs)
			if text, err := said.ReadString('\n'); err != nil || !strings.Contains(text, "line 251: it is not a user as JSON") {
				t.Fatalf("stderr = %q, %v", text, err)
			}
			if err := cmd.Process.Signal(tt.by); err != nil {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Millisecond) // until the signal is there: nothing tells
			in.Close()
			rest, _ := io.ReadAll(said)
			_ = cmd.Wait() // its state tells
			if code := cmd.ProcessState.ExitCode(); tt.by != os.Kill && (code != 1 || !bytes.Contains(rest, []byte("run it again"))) {
				t.Errorf("exit code %d, stderr %s, want 1 and a hint", code, rest)
			}
			if n := countUsers(t, dir); n != 200 {
				t.Errorf("%d users after the interruption, want 200", n)
			}
			_, again, code := feed(t, dir, records(300), "user", "import", "-")
			if code != 0 || !strings.Contains(again, "imported 100 users (200 there already, 0 rejected)") {
				t.Errorf("import again: %d %s", code, again)
			}
			if n := countUsers(t, dir); n != 300 {
				t.Errorf("%d users, want 300", n)
			}
		})
	}
}

func countUsers(t testing.TB, dir string) int {
	t.Helper()
	return strings.Count(must(t, dir, "user", "list", "--json"), `"sub"`)
}

// TestRejects imports what can be imported, and keeps the rest to be mended.
func TestRejects(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the command six times; the script `transfer` keeps rejected lines")
	}
	dir, _ := withPool(t, es256)
	bad := []string{
		`{"username":"eve","attributes":{"custom:none":"x"}}`,
		`{"username":"eve","attributes":{"emial":`,
		`{"username":"eve","colour":"red"}`,
		`{"username":"user0"}`,
		`{"username":"eve","groups":["none"]}`,
		`{"username":"eve","status":"HAPPY"}`,
		`[]`,
		"\x1b[2J",
	}
	in := record(0) + strings.Join(bad, "\n") + "\n\n" + strings.Repeat("x", 2<<20) + "\n" + strings.TrimSpace(record(1))
	out, errs, code := feed(t, dir, in, "user", "import", "-", "--rejects", "bad.jsonl")
	if code != 1 || out != "" || strings.Contains(errs, "\x1b") {
		t.Errorf("user import: %d %q %q", code, out, errs)
	}
	for n := range bad {
		if want := fmt.Sprintf("cognate: line %d", n+2); strings.Count(errs, want) != 1 {
			t.Errorf("stderr lacks %q:\n%s", want, errs)
		}
	}
	for _, want := range []string{
		"line 11: the line is longer than 1 MiB", "imported 2 users (0 there already, 9 rejected)", "hint: correct the lines in bad.jsonl", "line 5 (user0)",
	} {
		if !strings.Contains(errs, want) {
			t.Errorf("stderr lacks %q:\n%s", want, errs)
		}
	}
	kept, err := os.ReadFile(filepath.Join(dir, "bad.jsonl"))
	if err != nil || len(strings.Split(strings.TrimSpace(string(kept)), "\n")) != len(bad) {
		t.Errorf("rejects = %q, %v, want %d lines", kept, err, len(bad))
	}
	if info, err := os.Stat(filepath.Join(dir, "bad.jsonl")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("rejects: %v, %v, want mode 0600", info, err)
	}
	failure(t, dir, "bad.jsonl exists already", "--rejects", "user", "import", "bad.jsonl", "--rejects", "bad.jsonl")
	imported(t, dir, 2)
	if _, errs, code := feed(t, dir, record(2), "user", "import", "-", "--rejects", "none.jsonl"); code != 0 {
		t.Errorf("user import: %d %s", code, errs)
	}
	if _, err := os.Stat(filepath.Join(dir, "none.jsonl")); err == nil {
		t.Error("a file of rejects is left though nothing was refused")
	}
	failure(t, dir, "cannot read users", "standard input", "user", "import", "missing.jsonl")
}

// TestImportedPassword fills a pool for a test.
func TestImportedPassword(t *testing.T) {
	if testing.Short() {
		t.Skip("hashes passwords at full cost")
	}
	dir, _ := withPool(t, es256)
	in := fmt.Sprintf(`{"username":"alice","status":"CONFIRMED","password":%q}`, password)
	if _, errs, code := feed(t, dir, in, "user", "import", "-"); code != 0 || strings.Contains(errs, password) {
		t.Fatalf("user import: %d %s", code, errs)
	}
	inStore(t, dir, func(e *identity.Engine) {
		if in, err := signIn(t, e, "alice", password); err != nil || in.Tokens == nil {
			t.Errorf("SignIn = %+v, %v", in, err)
		}
	})
}

// TestManyUsers tells how fast users are moved.
func TestManyUsers(t *testing.T) {
	if testing.Short() {
		t.Skip("imports and exports 20 000 users")
	}
	const n = 20_000
	dir, _ := withPool(t, es256)
	if err := os.WriteFile(filepath.Join(dir, "users.jsonl"), []byte(records(n)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"user import users.jsonl --progress", "user import users.jsonl", "user export --out out.jsonl"} {
		_, errs, code := run(t, dir, strings.Fields(args)...)
		if code != 0 {
			t.Fatalf("%s: %d %s", args, code, errs)
		}
		t.Logf("cognate %s\n%s", args, errs)
	}
	out, err := os.ReadFile(filepath.Join(dir, "out.jsonl"))
	if err != nil || bytes.Count(out, []byte("\n")) != n {
		t.Errorf("the export has %d lines, want %d, %v", bytes.Count(out, []byte("\n")), n, err)
	}
}
