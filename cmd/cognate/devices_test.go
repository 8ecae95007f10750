package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/identitytest"
)

// withDevice has alice sign in on a device and confirm it, and returns its key.
func withDevice(t *testing.T, dir, pool string) (key string) {
	t.Helper()
	inStore(t, dir, func(e *identity.Engine) {
		p, err := e.UserPool(t.Context(), pool)
		if err != nil {
			t.Fatal(err)
		}
		c, err := p.Admin().Clients().Create(t.Context(), &identity.ClientSettings{Name: "web", AuthFlows: []identity.AuthFlow{identity.AllowUserPassword, identity.AllowRefresh}})
		if err != nil {
			t.Fatal(err)
		}
		in, err := p.Client(c.ID).SignIn(t.Context(), identity.SignIn{Username: "alice", Password: "correct horse battery staple"})
		if err != nil {
			t.Fatal(err)
		}
		d := identitytest.NewDevice(in.Tokens.NewDevice.Key, in.Tokens.NewDevice.Group)
		s, err := p.Session(t.Context(), in.Tokens.Access)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.ConfirmDevice(t.Context(), identity.ConfirmDevice{Key: d.Key, Name: "old\x1b[2Jphone", Salt: d.Salt, Verifier: d.Verifier}); err != nil {
			t.Fatal(err)
		}
		key = d.Key
	})
	return key
}

func TestUserDevices(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the command a dozen times; the script `user` lists devices")
	}
	dir, pool := withPool(t, `{"algorithm":"ES256","devices":{"challengeNew":true}}`)
	must(t, dir, "user", "create", "alice", "email=alice@example.com", "email_verified=true", "--password", "correct horse battery staple")
	must(t, dir, "user", "create", "bob")
	key := withDevice(t, dir, pool)
	list := must(t, dir, "user", "devices", "list", "alice@example.com")
	if !strings.Contains(list, key) || !strings.Contains(list, "phone") || !strings.Contains(list, "  remembered  ") || strings.Contains(list, "\x1b") {
		t.Errorf("user devices list:\n%s", list)
	}
	if list := must(t, dir, "user", "devices", "list", "bob"); strings.Contains(list, key) || strings.Contains(list, "\n") {
		t.Errorf("devices of bob:\n%s", list)
	}
	status := func() identity.DeviceStatus {
		return shown[identity.Device](t, dir, "user", "devices", "list", "alice", "--json").Status
	}
	if out := must(t, dir, "user", "devices", "remember", "alice", key, "--off"); !strings.HasPrefix(out, "No longer remembered "+key+" of alice") || status() != identity.DeviceNotRemembered {
		t.Errorf("%s: the device is %s", out, status())
	}
	if out := must(t, dir, "user", "devices", "remember", "alice", key); !strings.HasPrefix(out, "Remembered "+key+" of alice") || status() != identity.DeviceRemembered {
		t.Errorf("%s: the device is %s", out, status())
	}
	failure(t, dir, "device does not exist", "cognate user devices list", "user", "devices", "forget", "bob", key)
	must(t, dir, "user", "devices", "forget", "alice", key)
	if list := must(t, dir, "user", "devices", "list", "alice"); strings.Contains(list, key) {
		t.Errorf("forgotten, and listed:\n%s", list)
	}
	failure(t, dir, "device does not exist", "cognate user devices list", "user", "devices", "remember", "alice", key)
	must(t, dir, "pool", "set", "--settings", `{"devices":null}`)
	failure(t, dir, "devices are not tracked", "rememberOnPrompt", "user", "devices", "list", "alice")
}

// The commands that set passwords read an operator's own list, as the server does.
func TestCommandsRefuseBlockedPasswords(t *testing.T) {
	if testing.Short() {
		t.Skip("runs `cognate user password` in many ways, as the scripts do")
	}
	dir, _ := withPool(t, `{"algorithm":"ES256"}`)
	if err := os.WriteFile(filepath.Join(dir, "ours.txt"), []byte("Acme-Rocket-Sledge\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, dir, "user", "create", "alice")
	for _, args := range [][]string{{"user", "password", "alice"}, {"user", "create", "bob"}} {
		args = append(args, "--password", "acme-rocket-sledge", "--blocked-passwords")
		failure(t, dir, "password", "cognate pool show shows the password policy", append(args, "ours.txt")...)
		if _, errs, code := run(t, dir, append(args, "none")...); code != 1 || !strings.Contains(errs, "--blocked-passwords: open none") {
			t.Errorf("without the file: %d %s", code, errs)
		}
	}
	failure(t, dir, "there is no user bob", "", "user", "show", "bob")
	must(t, dir, "user", "password", "alice", "--password", "acme-rocket-sledge") // without the list
}
