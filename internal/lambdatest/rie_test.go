package lambdatest

import (
	"context"
	"net"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestRuntimeInterfaceEmulator has a function in Go decide, which the emulator of AWS runs.
func TestRuntimeInterfaceEmulator(t *testing.T) {
	dir := t.TempDir()
	build := func(name, pkg string) string {
		out := filepath.Join(dir, name)
		if text, err := exec.CommandContext(t.Context(), "go", "build", "-o", out, pkg).CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", name, err, text)
		}
		return out
	}
	emulator, handler := build("rie", "github.com/aws/aws-lambda-runtime-interface-emulator/cmd/aws-lambda-rie"), build("handler", "./handler")
	address, api := free(t), free(t)
	cmd := exec.Command(emulator, "--runtime-interface-emulator-address", address, "--runtime-api-address", api, handler)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	await(t, address)

	// The emulator knows its function by one name, whatever the ARN is.
	w := newWorld(t, "PreSignUp", "", "email", "http://"+address+"/2015-03-31/functions/function/invocations")
	if problem := w.signUp("bob"); problem != "" {
		t.Fatal(problem)
	}
	if u := w.must("AdminGetUser", obj{"UserPoolId": w.PoolID, "Username": "bob"}); u["UserStatus"] != "CONFIRMED" {
		t.Errorf("user %v", u)
	}
	problem, _ := w.call("SignUp", obj{
		"ClientId": w.ClientID, "Username": "mallory", "Password": password, "UserAttributes": []obj{{"Name": "email", "Value": "m@example.net"}},
	})
	if want := "UserLambdaValidationException: PreSignUp failed with error Invalid email domain."; problem != want {
		t.Errorf("got %s, want %s", problem, want)
	}
	if len(w.events) != 0 {
		t.Errorf("another function was called: %v", w.events)
	}
}

// free is an address of this machine that nobody listens at.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func await(t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var d net.Dialer
	for ctx.Err() == nil {
		if c, err := d.DialContext(ctx, "tcp", address); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("nothing listens at %s", address)
}
