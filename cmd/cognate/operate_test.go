package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/store/sealed"
	"github.com/cognate-id/cognate/token"
)

const password = "correct horse battery staple"

// feed runs the command with something on standard input.
func feed(t testing.TB, dir, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		if _, ok := errors.AsType[*exec.ExitError](err); !ok {
			t.Fatalf("cognate %q: %v", args, err)
		}
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// must runs a command that must work, and returns what it writes, trimmed.
func must(t testing.TB, dir string, args ...string) string {
	t.Helper()
	out, errs, code := run(t, dir, args...)
	if code != 0 {
		t.Fatalf("cognate %q: %d\n%s%s", args, code, out, errs)
	}
	return strings.TrimSpace(out)
}

// shown is what a command shows as JSON.
func shown[V any](t testing.TB, dir string, args ...string) V {
	t.Helper()
	var v V
	if err := json.Unmarshal([]byte(must(t, dir, args...)), &v); err != nil {
		t.Fatalf("cognate %q: %v", args, err)
	}
	return v
}

// inStore opens the store in a directory for a while.
func inStore(t testing.TB, dir string, fn func(*identity.Engine)) {
	t.Helper()
	keys, err := sealed.OpenKeyFile(filepath.Join(dir, "cognate.key"))
	if err != nil {
		t.Fatal(err)
	}
	st, err := bolt.Open(filepath.Join(dir, "cognate.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	fn(identity.New(sealed.New(st, keys, identity.Tables()), &identity.Options{Sender: identity.NewOutbox(0)}))
}

// withPool is a directory with a store that has one pool.
func withPool(t testing.TB, settings string) (dir, pool string) {
	t.Helper()
	dir = t.TempDir()
	return dir, must(t, dir, "pool", "create", "main", "--settings", settings)
}

func TestPools(t *testing.T) {
	if testing.Short() {
		t.Skip("runs each command of `cognate pool`, as the scripts do")
	}
	dir := t.TempDir()
	failure(t, dir, "there is no store cognate.db", "pool create", "pool", "list")
	newSigner(t, dir)
	failure(t, dir, "cognate.db has no user pool", "pool create", "pool", "show")
	one := must(t, dir, "pool", "create", "one", "--settings", `{"mfa":"OPTIONAL","totp":true,"tags":{"a":"1","b":"2"}}`)
	two := must(t, dir, "pool", "create", "two", "--region", "eu-west-1")
	if !strings.HasPrefix(one, "us-east-1_") || !strings.HasPrefix(two, "eu-west-1_") {
		t.Fatalf("pools = %s, %s", one, two)
	}
	if out := must(t, dir, "pool", "list"); !strings.Contains(out, one) || !strings.Contains(out, two) || strings.Count(out, "\n") != 2 {
		t.Errorf("pool list:\n%s", out)
	}
	failure(t, dir, "cognate.db has 2 user pools", one+" (one)", "pool", "show")
	failure(t, dir, "there is no user pool three", two+" (two)", "pool", "show", "--pool", "three")
	if out := must(t, dir, "pool", "set", "--pool", one, "--settings", `{"totp":null,"mfa":null,"tags":{"b":null,"c":"3"},"deletionProtection":true}`); !strings.Contains(out, one) {
		t.Errorf("pool set: %s", out)
	}
	s := shown[identity.PoolInfo](t, dir, "pool", "show", "--pool", one).Settings
	if s.TOTP != nil || s.MFA != "" || len(s.Tags) != 2 || s.Tags["a"] != "1" || s.Tags["c"] != "3" || s.Name != "one" {
		t.Errorf("settings = %+v", s)
	}
	failure(t, dir, "deletion protection", "pool set", "pool", "delete", "--pool", one, "--yes")
	failure(t, dir, "cannot ask", "--yes", "pool", "delete", "--pool", two)
	must(t, dir, "pool", "delete", "--pool", two, "--yes")
	if info := shown[identity.PoolInfo](t, dir, "pool", "show"); info.ID != one {
		t.Errorf("what is left is %s, want %s", info.ID, one)
	}
}

func TestPoolByKey(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the command six times; the script `pool` shows pools")
	}
	dir, _ := withPool(t, es256)
	inStore(t, dir, func(e *identity.Engine) {
		if _, err := e.OpenUserPool(t.Context(), "keyed", &identity.PoolSettings{Algorithm: "ES256"}); err != nil {
			t.Fatal(err)
		}
	})
	if info := shown[identity.PoolInfo](t, dir, "pool", "show", "--pool", "keyed"); info.Key != "keyed" {
		t.Errorf("pool = %+v", info)
	}
	must(t, dir, "user", "create", "alice", "--pool", "keyed")
	failure(t, dir, "has 2 user pools", "(keyed)", "user", "list")
}

// TestBadSettings holds that settings are all taken or none, and named when they are wrong.
func TestBadSettings(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the command for each setting that is invalid; `identity/settings` checks them all")
	}
	dir, _ := withPool(t, `{"algorithm":"ES256","tags":{"a":"1"}}`)
	before := must(t, dir, "pool", "show")
	for _, tt := range []struct{ name, settings, says, hint string }{
		{"unknown", `{"mfa":"OPTIONAL","totp":true,"colour":"red"}`, `unknown setting "colour"`, "caseSensitive"},
		{"unknown and null", `{"colour":null}`, `unknown setting "colour"`, "nothing was changed"},
		{"by another case", `{"MFA":"ON"}`, `unknown setting "MFA"`, "mfa"},
		{"unknown below", `{"passwordPolicy":{"length":12}}`, `unknown setting "passwordPolicy.length"`, "minimumLength"},
		{"unknown in an array", `{"schema":[{"name":"email","kind":"String"}]}`, `unknown setting "schema[0].kind"`, "type"},
		{"string for a number", `{"passwordPolicy":{"minimumLength":"12"}}`, "passwordPolicy.minimumLength: it must be a number, not the JSON type string", "nothing was changed"},
		{"object for a flag", `{"totp":{}}`, "totp: it must be true or false, not the JSON type object", "nothing was changed"},
		{"value that cannot be", `{"totp":true,"mfa":"SOMETIMES"}`, "SOMETIMES", ""},
		{"what cannot be changed", `{"caseSensitive":true}`, "cannot be changed", ""},
		{"no JSON", `mfa=ON`, "--settings", "JSON object"},
		{"an array", `[1]`, "not a JSON object", "JSON object"},
		{"two objects", `{} {}`, "text after the JSON value", "JSON object"},
		{"no file", `@missing.json`, "missing.json", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, errs, code := run(t, dir, "pool", "set", "--settings", tt.settings)
			if code != 1 || !strings.Contains(errs, tt.says) || !strings.Contains(errs, tt.hint) {
				t.Errorf("pool set: %d %q, want 1, %q and %q", code, errs, tt.says, tt.hint)
			}
			if now := must(t, dir, "pool", "show"); now != before {
				t.Errorf("the pool was changed:\n%s", now)
			}
		})
	}
}

// What an earlier version showed as settings makes a pool, and changes one.
func TestSettingsOfEarlierVersions(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the command eight times")
	}
	dir, id := withPool(t, `{"algorithm":"ES256","autoVerified":["email"],"verifyBeforeUpdate":["email"]}`)
	old := `{"algorithm":"ES256","totpGiven":true,"updateSettings":true,"threatProtection":{"mode":"AUDIT","flows":true,"customAuth":"AUDIT"},
		"schema":[{"name":"custom:team","type":"String","mutable":true,"constrained":true,"min":"1"}]}`
	made := must(t, dir, "pool", "create", "copy", "--settings", old)
	must(t, dir, "pool", "set", "--pool", id, "--settings", old)
	for pool, before := range map[string][]string{made: {}, id: {"email"}} { // a flag is no list
		s := shown[identity.PoolInfo](t, dir, "pool", "show", "--pool", pool).Settings
		if s.TOTP == nil || s.AppsOffered() || s.VerifyBeforeUpdate == nil || !slices.Equal(s.VerifyBeforeUpdate, before) {
			t.Errorf("settings = %+v, want factors and updates that were given", s)
		}
		if f := s.ThreatProtection.Flows; f == nil || f.CustomAuth == nil || *f.CustomAuth != "AUDIT" {
			t.Errorf("flows = %+v", f)
		}
		if b := s.Schema[len(s.Schema)-1].Bounds; b == nil || b.Min == nil || *b.Min != "1" || b.Max != nil {
			t.Errorf("bounds = %+v", b)
		}
	}
	failure(t, dir, "totpGiven", "nothing was changed", "pool", "set", "--pool", id, "--settings", `{"totpGiven":"yes"}`)
}

func TestSettingsFromElsewhere(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the command eight times; the script `pool` reads settings from a file")
	}
	dir, _ := withPool(t, `{"algorithm":"ES256","schema":[{"name":"custom:team","type":"String","mutable":true}],"passwordPolicy":{"minimumLength":10}}`)
	all := shown[struct{ Settings json.RawMessage }](t, dir, "pool", "show").Settings
	if err := os.WriteFile(filepath.Join(dir, "settings.json"), all, 0o600); err != nil {
		t.Fatal(err)
	}
	copied := must(t, dir, "pool", "create", "copy", "--settings", "@settings.json")
	want := shown[identity.PoolInfo](t, dir, "pool", "show", "--pool", copied)
	if want.Settings.Name != "copy" || want.Settings.EffectivePasswordPolicy().MinimumLength != 10 {
		t.Errorf("copy = %+v", want.Settings)
	}
	if _, errs, code := feed(t, dir, `{"tier":"LITE"}`, "pool", "set", "--pool", copied, "--settings", "-"); code != 0 {
		t.Fatalf("pool set from standard input: %d %s", code, errs)
	}
	if s := shown[identity.PoolInfo](t, dir, "pool", "show", "--pool", copied).Settings; s.Tier != "LITE" || len(s.Schema) != len(want.Settings.Schema) {
		t.Errorf("settings = %+v", s)
	}
	must(t, dir, "pool", "set", "--pool", copied, "--settings", `{"schema":[{"name":"custom:more","type":"Number","mutable":true}]}`)
	schema := shown[identity.PoolInfo](t, dir, "pool", "show", "--pool", copied).Settings.Schema
	if n := len(want.Settings.Schema); len(schema) != n+1 || schema[n-1].Name != "custom:team" || schema[n].Name != "custom:more" {
		t.Errorf("schema with an attribute more = %+v", schema)
	}
}

func TestClients(t *testing.T) {
	if testing.Short() {
		t.Skip("runs each command of `cognate client`, as the scripts do")
	}
	dir, _ := withPool(t, es256)
	web := must(t, dir, "client", "create", "web", "--settings", `{"sessionMinutes":5}`)
	made := strings.Fields(must(t, dir, "client", "create", "backend", "--secret"))
	if len(made) != 2 {
		t.Fatalf("client create --secret = %q, want an id and a secret", made)
	}
	backend := made[0]
	must(t, dir, "client", "set", backend, "--settings", `{"name":"server","accessTokenValidity":2}`)
	c := shown[identity.ClientInfo](t, dir, "client", "show", backend)
	if !c.HasSecret || c.Settings.Name != "server" || *c.Settings.AccessTokenValidity != 2 {
		t.Errorf("client = %+v", c)
	}
	if named := shown[identity.ClientInfo](t, dir, "client", "show", "server"); named.ID != backend {
		t.Errorf("the client by its name = %+v", named)
	}
	second := must(t, dir, "client", "secret", "add", "server")
	out := must(t, dir, "client", "secret", "list", backend)
	if strings.Contains(out, second) || strings.Count(out, backend+"--") != 2 {
		t.Errorf("client secret list:\n%s", out)
	}
	if out := must(t, dir, "client", "secret", "list", backend, "--values"); !strings.Contains(out, second) || !strings.Contains(out, made[1]) {
		t.Errorf("client secret list --values:\n%s", out)
	}
	first := strings.Fields(strings.Split(out, "\n")[1])[0]
	must(t, dir, "client", "secret", "remove", backend, first, "--yes")
	failure(t, dir, "does not exist", "client secret list", "client", "secret", "remove", backend, first, "--yes")
	twin := must(t, dir, "client", "create", "web")
	failure(t, dir, "2 app clients have the name web", "client list", "client", "delete", "web", "--yes")
	must(t, dir, "client", "delete", twin, "--yes")
	must(t, dir, "client", "delete", web, "--yes")
	failure(t, dir, "app client does not exist: web", "client list", "client", "show", "web")
	failure(t, dir, "app client does not exist", "client list", "client", "show", web)
	if out := must(t, dir, "client", "list"); strings.Contains(out, web) || !strings.Contains(out, "server") {
		t.Errorf("client list:\n%s", out)
	}
}

func TestGroups(t *testing.T) {
	if testing.Short() {
		t.Skip("runs each command of `cognate group`, as the scripts do")
	}
	dir, _ := withPool(t, es256)
	must(t, dir, "user", "create", "alice")
	must(t, dir, "group", "create", "admins", "--precedence", "1", "--description", "all\x1b[2Jof it")
	must(t, dir, "group", "set", "admins", "--precedence", "2")
	g := shown[identity.Group](t, dir, "group", "show", "admins")
	if *g.Precedence != 2 || g.Description == nil {
		t.Errorf("group = %+v", g)
	}
	if out := must(t, dir, "group", "list"); strings.Contains(out, "\x1b") || !strings.Contains(out, "admins") {
		t.Errorf("group list:\n%q", out)
	}
	must(t, dir, "group", "add", "admins", "alice")
	if out := must(t, dir, "group", "members", "admins"); !strings.Contains(out, "alice") {
		t.Errorf("group members:\n%s", out)
	}
	failure(t, dir, "there is no user bob", "user list", "group", "add", "admins", "bob")
	failure(t, dir, "group does not exist", "group list", "group", "add", "owners", "alice")
	must(t, dir, "group", "remove", "admins", "alice")
	if out := must(t, dir, "group", "members", "admins", "--json"); out != "" {
		t.Errorf("group members after remove:\n%s", out)
	}
	must(t, dir, "group", "delete", "admins", "--yes")
	failure(t, dir, "group does not exist", "group list", "group", "members", "admins")
}

// TestRotateKeys replaces the keys of a pool, which a user has signed in to.
func TestRotateKeys(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server and the command several times; the script `pool` rotates keys")
	}
	dir, id := withPool(t, es256)
	must(t, dir, "user", "create", "alice", "--password", password)
	key := func() (kid string) {
		t.Helper()
		inStore(t, dir, func(e *identity.Engine) {
			in, err := signInTo(t, e, id, "alice", password)
			if err != nil || in.Tokens == nil {
				t.Fatalf("SignIn = %+v, %v", in, err)
			}
			parsed, err := token.Parse(string(in.Tokens.Access))
			if err != nil {
				t.Fatal(err)
			}
			kid = parsed.KeyID()
		})
		return kid
	}
	first := key()
	if out := must(t, dir, "pool", "rotate-keys"); !strings.Contains(out, "are published, and sign from ") {
		t.Errorf("rotate-keys: %s", out)
	}
	if key() != first {
		t.Error("the new key signs at once")
	}
	must(t, dir, "pool", "rotate-keys", "--lead", "0s")
	second := key()
	if second == first {
		t.Error("the old key still signs")
	}
	if out := must(t, dir, "pool", "rotate-keys", "--revoke", "--yes"); !strings.Contains(out, "revoked") {
		t.Errorf("rotate-keys --revoke: %s", out)
	}
	if k := key(); k == first || k == second {
		t.Error("a revoked key signs")
	}
}
