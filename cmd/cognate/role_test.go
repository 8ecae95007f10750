package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A shownRole is what `cognate role show` shows.
type shownRole struct {
	ARN, ID, Description, MaxSession string
	Trust                            json.RawMessage
	Policies                         map[string]json.RawMessage
}

const aRole = "arn:aws:iam::123456789012:role/reader"

// TestRoleVerbs runs each command beside a server that has the store open.
func TestRoleVerbs(t *testing.T) {
	if testing.Short() {
		t.Skip("runs each command of `cognate role`, beside a server")
	}
	dir, _ := withPool(t, es256)
	serveAt(t, dir)
	if got := must(t, dir, "role", "create", "reader", "--identity-pool", "us-east-1:1f3a", "--description", "reads", "--max-session", "2h"); got != aRole {
		t.Errorf("role create printed %q", got)
	}
	failure(t, dir, "the role exists", "role set", "role", "create", "reader", "--identity-pool", "us-east-1:1f3a")
	must(t, dir, "role", "allow", "reader", "s3:GetObject", "s3:PutObject", "--on", "arn:aws:s3:::photos/${cognito-identity.amazonaws.com:sub}/*")
	must(t, dir, "role", "deny", aRole, "s3:PutObject", "--on", "arn:aws:s3:::photos/*/locked", "--as", "locked")
	r := shown[shownRole](t, dir, "role", "show", "reader")
	if r.ARN != aRole || !strings.HasPrefix(r.ID, "AROA") || r.Description != "reads" || r.MaxSession != "2h0m0s" || len(r.Policies) != 2 ||
		!strings.Contains(string(r.Trust), "us-east-1:1f3a") || !strings.Contains(string(r.Policies["allow1"]), `"s3:PutObject"`) {
		t.Errorf("role show: %+v", r)
	}
	try := []string{"role", "try", "reader", "s3:PutObject", "arn:aws:s3:::photos/us-east-1:2b4c/x", "--identity"}
	if out := must(t, dir, append(try, "us-east-1:2b4c")...); !strings.Contains(out, `policy "allow1" allows`) {
		t.Errorf("role try: %s", out)
	}
	for _, tt := range []struct {
		says string
		args []string
	}{
		{"denied: no statement", append(try, "us-east-1:other")},
		{`policy "locked" denies`, []string{"role", "try", "reader", "s3:PutObject", "arn:aws:s3:::photos/us-east-1:2b4c/locked", "--identity", "us-east-1:2b4c"}},
		{"six parts", []string{"role", "allow", "reader", "s3:GetObject", "--on", "photos"}},
		{"1 to 12 hours", []string{"role", "set", "reader", "--max-session", "13h"}},
		{`has no policy "x"`, []string{"role", "set", "reader", "--remove-policy", "x"}},
		{"cannot ask", []string{"role", "delete", "reader"}},
		{"no such role", []string{"role", "show", "nobody"}},
		{"no such file", []string{"role", "set", "reader", "--trust", "nothing.json"}},
	} {
		if _, errs, code := run(t, dir, tt.args...); code != 1 || !strings.Contains(errs, tt.says) {
			t.Errorf("cognate %q: %d %s, want %q", tt.args, code, errs, tt.says)
		}
	}
	for _, args := range [][]string{
		{"role", "create", "x"},
		{"role", "create", "x", "--guests", "--trust", "t.json"},
		{"role", "set", "reader", "--guests"},
		{"role", "create", "x", "--identity-pool", "p", "--trust", "t.json"},
		{"role", "allow", "reader", "s3:GetObject"},
	} {
		if _, errs, code := run(t, dir, args...); code != 2 {
			t.Errorf("cognate %q: %d %s, want 2", args, code, errs)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "large.json"), make([]byte, 11<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := run(t, dir, "role", "set", "reader", "--policy", "p=large.json"); code != 1 || !strings.Contains(errs, "too large") {
		t.Errorf("a large policy: %d %s", code, errs)
	}
	if again := shown[shownRole](t, dir, "role", "show", "reader"); len(again.Policies) != 2 || again.MaxSession != "2h0m0s" {
		t.Errorf("what was refused has changed the role: %+v", again)
	}
	must(t, dir, "role", "set", "reader", "--remove-policy", "locked")
	must(t, dir, "role", "revoke", "reader")
	if out := must(t, dir, "role", "list"); !strings.Contains(out, aRole+"  allow1    2h0m0s") || strings.Contains(out, "  -  ") {
		t.Errorf("role list:\n%s", out)
	}
	must(t, dir, "role", "delete", "reader", "--yes")
	if out := must(t, dir, "role", "list", "--json"); out != "" {
		t.Errorf("role list after delete: %s", out)
	}
}
