package main_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBadCommandLines(t *testing.T) {
	if testing.Short() {
		t.Skip("runs each command with a wrong command line, as the scripts do")
	}
	for _, tt := range []struct{ name, args, says string }{
		{"no command", "", `expected one of "dev"`},
		{"unknown command", "run", "run"},
		{"unknown flag", "dev --port 1", "--port"},
		{"argument", "dev now", "now"},
		{"address without port", "dev --addr localhost", "127.0.0.1:9229"},
		{"port too large", "dev --addr 127.0.0.1:99999", "65535"},
		{"port by name", "dev --addr 127.0.0.1:http", "65535"},
		{"URL as address", "dev --addr http://127.0.0.1:9229", "address"},
		{"address with a path", "dev --addr a/b:9229", "IP address"},
		{"region", "dev --region us_east_1", "us-east-1"},
		{"region in capitals", "dev --region US-EAST-1", "us-east-1"},
		{"region without a number", "dev --region us-east", "us-east-1"},
		{"short account", "dev --account 123", "12 digits"},
		{"account with letters", "dev --account 12345678901x", "12 digits"},
		{"issuer", "dev --issuer auth.example.com", "https://auth.example.com"},
		{"issuer with a query", "dev --issuer https://auth.example.com/?a=b", "query"},
		{"issuer with a password", "dev --issuer https://user:hidden@auth.example.com", "user"},
		{"unknown store", "dev --store redis://localhost", "memory, bolt:FILE or postgres://"},
		{"store in another database", "dev --store mysql://me:hidden@localhost/db", "memory, bolt:FILE or postgres://"},
		{"store in words of libpq", "dev --store host=localhost,password=hidden", "memory, bolt:FILE or postgres://"},
		{"store without a file", "dev --store bolt:", "memory, bolt:FILE or postgres://"},
		{"serve in memory", "serve --store memory", "bolt:FILE"},
		{"serve with no issuer to tell", "serve --addr 0.0.0.0:9229", "--issuer https://"},
		{"serve on any port with itself as issuer", "serve --addr 127.0.0.1:0", "--issuer https://"},
		{"keys replaced daily", "serve --rotate-keys 1", "from 2 to 3650 days"},
		{"keys replaced in words", "serve --rotate-keys monthly", "--rotate-keys"},
		{"keys that sign in the past", "pool rotate-keys --lead=-1h", "not negative"},
		{"serve empty", "serve --empty", "--empty"},
		{"log form", "serve --log xml", "json"},
		{"key without a verb", "key", `"create"`},
		{"key in memory", "key list --store memory", "bolt:FILE"},
		{"revoke nothing", "key revoke", "access-key"},
		{"pool without a verb", "pool", `"create"`},
		{"pool in memory", "pool list --store memory", "bolt:FILE"},
		{"pool without a name", "pool create", "<name>"},
		{"pool in no region", "pool create main --region here", "us-east-1"},
		{"set nothing", "pool set", "--settings"},
		{"client without an id", "client show", "<client>"},
		{"group without a user", "group add admins", "<user>"},
		{"precedence in words", "group create admins --precedence first", "--precedence"},
		{"no attribute", "user set alice", "<attributes>"},
		{"attribute without a value", "user set alice email", "email=alice@example.com"},
		{"attribute without a name", "user create alice =x", "email=alice@example.com"},
		{"two passwords", "user create alice --password hidden --password-stdin", "--password-stdin"},
		{"limit in words", "user list --limit few", "--limit"},
		{"negative limit", "user list --limit=-1", "--limit"},
		{"negative limit of members", "group members admins --limit=-1", "--limit"},
		{"resume nothing", "user export --resume", "--out"},
		{"export to memory", "user export --store memory", "bolt:FILE"},
		{"import nothing", "user import", "<file>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			out, errs, code := run(t, dir, strings.Fields(tt.args)...)
			if code != 2 || out != "" {
				t.Errorf("exit code %d, stdout %q, want 2 and nothing", code, out)
			}
			if !strings.HasPrefix(errs, "cognate: ") || !strings.Contains(errs, tt.says) || !strings.Contains(errs, "\n  hint: see cognate ") {
				t.Errorf("stderr = %q, want an error that says %q, and a hint", errs, tt.says)
			}
			if strings.Contains(errs, "hidden") {
				t.Errorf("stderr shows a password: %q", errs)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// The password of a client's certificate is one too.
func TestNoPasswordInTheNameOfAStore(t *testing.T) {
	_, errs, _ := run(t, t.TempDir(), "backup", "b", "--store", "postgres://me@127.0.0.1:1/db?password=hunter2&sslpassword=hunter3&sslkey=none&sslcert=none")
	if !strings.Contains(errs, "sslkey=none") || strings.Contains(errs, "hunter") {
		t.Errorf("stderr = %q", errs)
	}
}

func TestHelpShowsExamples(t *testing.T) {
	if testing.Short() {
		t.Skip("runs each command for its help, as the scripts do")
	}
	for _, tt := range []struct{ args, says string }{
		{"--help", "cognate dev"},
		{"dev --help", "cognate dev --store bolt:dev.db"},
		{"serve --help", "cognate serve --issuer https://auth.example.com"},
		{"key --help", "create"},
		{"key create --help", `eval "$(cognate key create`},
		{"pool --help", "cognate pool set --settings"},
		{"pool list --help", "cognate pool list --json"},
		{"pool create --help", `{"defaults":"cognito","srp":true`},
		{"pool show --help", "cognate pool show"},
		{"pool set --help", `{"mfa":"OPTIONAL","totp":true}`},
		{"pool delete --help", "cognate pool delete --pool main --yes"},
		{"client --help", "cognate client create web"},
		{"client list --help", "cognate client list --pool main"},
		{"client create --help", "cognate client create backend --secret"},
		{"client show --help", "cognate client show 1example"},
		{"client set --help", `{"refreshTokenValidity":null}`},
		{"client delete --help", "--yes"},
		{"client secret --help", "cognate client secret add 1example"},
		{"client secret list --help", "--values --json"},
		{"client secret add --help", "cognate client secret add"},
		{"client secret remove --help", "--yes"},
		{"identity-pool --help", "cognate identity-pool create --name app"},
		{"identity-pool create --help", "--user-pool main/web"},
		{"group --help", "cognate group add admins alice"},
		{"group list --help", "cognate group list --json"},
		{"group create --help", "cognate group create admins --precedence 1"},
		{"group show --help", "cognate group show admins"},
		{"group set --help", "cognate group set admins --precedence 5"},
		{"group delete --help", "cognate group delete admins --yes"},
		{"group add --help", "cognate group add admins alice"},
		{"group remove --help", "cognate group remove admins alice"},
		{"group members --help", "cognate group members admins"},
		{"user --help", "cognate user list --filter 'email ^= \"a\"'"},
		{"user list --help", "cognate user list --filter 'status = \"Disabled\"'"},
		{"user create --help", "--password-stdin < password.txt"},
		{"user show --help", "cognate user show alice@example.com"},
		{"user set --help", "cognate user set alice nickname="},
		{"user password --help", "Other users of this machine"},
		{"user enable --help", "cognate user enable alice"},
		{"user disable --help", "cognate user disable alice"},
		{"user confirm --help", "cognate user confirm alice"},
		{"user signout --help", "cognate user signout alice"},
		{"user delete --help", "cognate user delete alice --yes"},
		{"user export --help", "cognate user export --secrets --out users.jsonl --resume"},
		{"user import --help", "--rejects refused.jsonl"},
		{"version", "cognate "},
	} {
		out, errs, code := run(t, t.TempDir(), strings.Fields(tt.args)...)
		if code != 0 || errs != "" || !strings.Contains(out, tt.says) {
			t.Errorf("cognate %s: %d %q %q, want %q", tt.args, code, out, errs, tt.says)
		}
	}
}

// failure is a run that must fail with exit code 1, an error and a hint.
func failure(t *testing.T, dir, says, hint string, args ...string) {
	t.Helper()
	_, errs, code := run(t, dir, args...)
	first, rest, _ := strings.Cut(errs, "\n")
	if code != 1 || !strings.HasPrefix(first, "cognate: ") || !strings.Contains(first, says) {
		t.Errorf("cognate %q: %d %q, want 1 and %q", args, code, first, says)
	}
	if !strings.HasPrefix(rest, "  hint: ") || !strings.Contains(rest, hint) {
		t.Errorf("cognate %q: %q, want a hint with %q", args, rest, hint)
	}
}

func TestBusyPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr := l.Addr().String()
	failure(t, t.TempDir(), "cannot listen on "+addr+": address already in use", "--addr", "serve", "--addr", addr)
	if testing.Short() { // the fake listens as the server does
		return
	}
	failure(t, t.TempDir(), "cannot listen on "+addr+": address already in use", "--addr", "dev", "--addr", addr)
	failure(t, t.TempDir(), "cannot listen on 192.0.2.1:9229", "--addr", "dev", "--addr", "192.0.2.1:9229")
}

func TestLockedFile(t *testing.T) {
	if testing.Short() {
		t.Skip("waits three seconds for a store that is in use")
	}
	dir := t.TempDir()
	p, _ := serveAt(t, dir)
	failure(t, dir, "cannot open store cognate.db: in use by another process", "stop it first", "serve", "--addr", "127.0.0.1:0", "--issuer", "aws")
	failure(t, dir, "in use by another process", "stop it first", "dev", "--addr", "127.0.0.1:0", "--store", "bolt:cognate.db")
	failure(t, dir, "in use by another process", "stop the server first", "copy", "bolt:cognate.db", "bolt:copy.db")
	p.kill()
	if _, errs, code := run(t, dir, "key", "list"); code != 0 {
		t.Errorf("key list after the server was killed: %d %s", code, errs)
	}
}

func TestDamagedFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the command for each damaged file; `store/bolt` opens damaged files")
	}
	for _, tt := range []struct{ name, content, hint string }{
		{"text", strings.Repeat("this is no store\n", 1000), "restore it"},
		{"empty", "", "restore it"},
		{"short", "x", "restore it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "cognate.db")
			if err := os.WriteFile(file, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			failure(t, dir, "corrupt", tt.hint, "serve", "--addr", "127.0.0.1:0", "--issuer", "aws")
			failure(t, dir, "corrupt", tt.hint, "dev", "--addr", "127.0.0.1:0", "--store", "bolt:cognate.db")
			failure(t, dir, "corrupt", tt.hint, "key", "list")
			if now, err := os.ReadFile(file); err != nil || string(now) != tt.content {
				t.Errorf("the file was changed: %v", err)
			}
		})
	}
	failure(t, t.TempDir(), "no such file", "directory must exist", "dev", "--addr", "127.0.0.1:0", "--store", "bolt:not/there.db")
}

func TestFilesDoNotMix(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a fake and the command twice")
	}
	dir := t.TempDir()
	newSigner(t, dir)
	failure(t, dir, "was made by cognate serve", "file of its own", "dev", "--addr", "127.0.0.1:0", "--store", "bolt:cognate.db")
	dev := start(t, dir, "dev", "--addr", "127.0.0.1:0", "--store", "bolt:dev.db")
	dev.value("Endpoint")
	dev.kill()
	failure(t, dir, "was made by cognate dev", "file of its own", "serve", "--addr", "127.0.0.1:0", "--issuer", "aws", "--store", "bolt:dev.db")
}

// TestCommandsWorkOnAStoreOfDev: the commands see the pool of a fake that was stopped, and
// the fake takes the password that they set. They make no key file.
func TestCommandsWorkOnAStoreOfDev(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a fake and the command several times")
	}
	dir := t.TempDir()
	args := []string{"dev", "--addr", "127.0.0.1:0", "--store", "bolt:dev.db"}
	dev := start(t, dir, args...)
	pool := dev.value("User pool")
	dev.kill()
	on := []string{"--store", "bolt:dev.db"}
	if out := must(t, dir, append([]string{"pool", "list"}, on...)...); !strings.Contains(out, pool) {
		t.Errorf("pool list shows %q, want %s", out, pool)
	}
	must(t, dir, append([]string{"user", "create", "alice"}, on...)...)
	must(t, dir, append([]string{"user", "password", "alice", "--password", "Passw0rd!"}, on...)...)
	if _, err := os.Stat(filepath.Join(dir, "cognate.key")); err == nil {
		t.Error("a key file was made for a store that seals nothing")
	}
	failure(t, dir, "was made by cognate dev", "file of its own", append([]string{"secrets", "status"}, on...)...)
	dev = start(t, dir, args...)
	defer dev.kill()
	body := fmt.Sprintf(`{"ClientId":%q,"AuthFlow":"USER_PASSWORD_AUTH","AuthParameters":{"USERNAME":"alice","PASSWORD":"Passw0rd!"}}`, dev.value("Client"))
	if a := call(t, dev.value("Endpoint"), "InitiateAuth", body, nil); a.status != 200 {
		t.Errorf("the fake answers %d to a sign-in with the password that the command set", a.status)
	}
}

func TestKeyFile(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the command eight times; `store/sealed` refuses bad key files")
	}
	dir := t.TempDir()
	newSigner(t, dir)
	file := filepath.Join(dir, "cognate.key")
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("key file: %v, %v, want mode 0600", info, err)
	}
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	failure(t, dir, "cognate.key of cognate.db is missing", "--key-file", "key", "list")
	if _, err := os.Stat(file); err == nil {
		t.Error("a new key file was made for a used store")
	}
	if _, errs, code := run(t, dir, "key", "list", "--key-file", "cognate.key.away"); code != 0 {
		t.Errorf("key list with the key file moved: %d %s", code, errs)
	}
	newSigner(t, dir, "--store", "bolt:other.db") // makes another key file
	failure(t, dir, "cognate.key is not the key file of cognate.db", "--key-file", "serve", "--addr", "127.0.0.1:0", "--issuer", "aws")
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	failure(t, dir, "others can read it", "chmod 600 cognate.key", "key", "list", "--store", "bolt:other.db")
}

func TestKeys(t *testing.T) {
	if testing.Short() {
		t.Skip("runs each command of `cognate key`, as the scripts do")
	}
	dir := t.TempDir()
	failure(t, dir, "there is no store cognate.db", "key create", "key", "list")
	one, two := newSigner(t, dir, "--name", "ci"), newSigner(t, dir, "--name", "ops\nteam")
	list := func() string {
		t.Helper()
		out, errs, code := run(t, dir, "key", "list")
		if code != 0 {
			t.Fatalf("key list: %d %s", code, errs)
		}
		return out
	}
	out := list()
	if n := strings.Count(out, "\n"); n != 3 {
		t.Errorf("key list has %d lines, want 3:\n%s", n, out)
	}
	for _, want := range []string{one.id, two.id, "ci"} {
		if !strings.Contains(out, want) {
			t.Errorf("key list lacks %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, one.secret) {
		t.Error("key list shows a secret")
	}
	data, err := os.ReadFile(filepath.Join(dir, "cognate.db"))
	if err != nil || strings.Contains(string(data), one.secret) {
		t.Errorf("the file holds a secret in clear, or %v", err)
	}
	if out, errs, code := run(t, dir, "key", "revoke", one.id); code != 0 || !strings.Contains(out, one.id) {
		t.Errorf("key revoke: %d %s%s", code, out, errs)
	}
	if out := list(); strings.Contains(out, one.id) || !strings.Contains(out, two.id) {
		t.Errorf("key list after revoke:\n%s", out)
	}
	failure(t, dir, "there is no access key "+one.id, "key list", "key", "revoke", one.id)
}
