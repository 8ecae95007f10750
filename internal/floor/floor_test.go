package floor_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/internal/floor"
)

const (
	username = "ada"
	password = "Passw0rd!"

	// serveEnv makes the test binary a server, with the algorithm it names.
	serveEnv = "COGNATE_FLOOR_SERVE"
)

func TestMain(m *testing.M) {
	alg := os.Getenv(serveEnv)
	if alg == "" {
		os.Exit(m.Run())
	}
	h, err := server(alg)
	if err == nil {
		err = floor.Serve(h)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// server is the floor, or the product if the environment names a store.
func server(alg string) (http.Handler, error) {
	if file := os.Getenv(storeEnv); file != "" {
		return product(alg, file)
	}
	return floor.New(alg, floor.DefaultCost)
}

// startServer runs the floor in a process of its own.
func startServer(t testing.TB, alg string) (*floor.Process, *floor.Client) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveEnv+"="+alg)
	cmd.Stderr = os.Stderr
	p, err := floor.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, &floor.Client{URL: p.URL}
}

// inProcess returns a client of a floor in this process.
func inProcess(t testing.TB, alg string, cost floor.Cost) *floor.Client {
	t.Helper()
	h, err := floor.New(alg, cost)
	if err != nil {
		t.Fatal(err)
	}
	return floor.InProcess(h)
}

func TestCalls(t *testing.T) {
	for _, alg := range []string{floor.RS256, floor.ES256} {
		t.Run(alg, func(t *testing.T) {
			ctx, c := t.Context(), inProcess(t, alg, floor.CheapCost)
			if err := c.CreateUser(ctx, username, password); err != nil {
				t.Fatal(err)
			}
			byPassword, err := c.SignInPassword(ctx, username, password)
			if err != nil {
				t.Fatal(err)
			}
			bySRP, err := c.SignInSRP(ctx, username, password)
			if err != nil {
				t.Fatal(err)
			}
			refreshed, err := c.Refresh(ctx, bySRP.RefreshToken)
			if err != nil {
				t.Fatal(err)
			}
			for _, tokens := range []*floor.Tokens{byPassword, bySRP, refreshed} {
				if err := c.GetUser(ctx, tokens.AccessToken); err != nil {
					t.Error(err)
				}
				if err := c.GetUser(ctx, tokens.IDToken); err == nil {
					t.Error("the ID token passes for the access token")
				}
				if err := c.GetCredentials(ctx, tokens.IDToken); err != nil {
					t.Error(err)
				}
				if err := c.GetCredentials(ctx, tokens.AccessToken); err == nil {
					t.Error("the access token passes for the ID token")
				}
			}
			if err := c.SignUp(ctx, "grace", password); err != nil {
				t.Fatal(err)
			}
			if _, err := c.SignInPassword(ctx, "grace", password); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	ctx, c := t.Context(), inProcess(t, floor.ES256, floor.CheapCost)
	if err := c.CreateUser(ctx, username, password); err != nil {
		t.Fatal(err)
	}
	tokens, err := c.SignInPassword(ctx, username, password)
	if err != nil {
		t.Fatal(err)
	}
	dot := strings.LastIndexByte(tokens.AccessToken, '.') + 1
	flipped := "A"
	if tokens.AccessToken[dot] == 'A' {
		flipped = "B"
	}
	forged := tokens.AccessToken[:dot] + flipped + tokens.AccessToken[dot+1:]
	for _, tt := range []struct {
		name string
		call func() error
	}{
		{"wrong password", func() error { _, err := c.SignInPassword(ctx, username, "other"); return err }},
		{"wrong password by SRP", func() error { _, err := c.SignInSRP(ctx, username, "other"); return err }},
		{"nobody", func() error { _, err := c.SignInPassword(ctx, "nobody", password); return err }},
		{"nobody by SRP", func() error { _, err := c.SignInSRP(ctx, "nobody", password); return err }},
		{"bad refresh token", func() error { _, err := c.Refresh(ctx, "nobody"); return err }},
		{"bad signature", func() error { return c.GetUser(ctx, forged) }},
		{"credentials for a bad signature", func() error { return c.GetCredentials(ctx, forged) }},
		{"credentials for no token", func() error { return c.Call(ctx, "GetCredentialsForIdentity", struct{}{}, nil) }},
		{"no token", func() error { return c.GetUser(ctx, "") }},
		{"other operation", func() error { return c.Call(ctx, "DeleteUser", struct{}{}, nil) }},
		{"other flow", func() error { return c.Call(ctx, "InitiateAuth", map[string]string{"AuthFlow": "NONE"}, nil) }},
		{"no JSON object", func() error { return c.Call(ctx, "GetUser", 5, nil) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.call(); err == nil || !strings.Contains(err.Error(), "status 400") {
				t.Errorf("got %v, want status 400", err)
			}
		})
	}
}

func TestUnknownAlgorithm(t *testing.T) {
	if _, err := floor.New("none", floor.CheapCost); err == nil {
		t.Error("no error")
	}
}

// TestProcess runs the server in a process of its own and reads its time.
func TestProcess(t *testing.T) {
	p, c := startServer(t, floor.ES256)
	if err := c.CreateUser(t.Context(), username, password); err != nil {
		t.Fatal(err)
	}
	before, err := p.CPU()
	if err != nil {
		t.Skip(err)
	}
	for range 3 { // each hashes for more than a tick
		if _, err := c.SignInPassword(t.Context(), username, password); err != nil {
			t.Fatal(err)
		}
	}
	if after, err := p.CPU(); err != nil || after <= before {
		t.Errorf("3 sign-ins: processor time was %v and is %v, %v", before, after, err)
	}
	if now, most, err := p.Memory(); err != nil || now < 1<<20 || most < now {
		t.Errorf("memory %d, at most %d, %v", now, most, err)
	}
}

func TestStartFails(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveEnv+"=none")
	if _, err := floor.Start(cmd); err == nil {
		t.Error("a server without URL is no error")
	}
}

func TestRatio(t *testing.T) {
	var clock time.Duration
	runs := ""
	side := func(name string, cost time.Duration) floor.Side {
		return floor.Side{
			CPU: func() (time.Duration, error) { return clock, nil },
			Op:  func() error { clock += cost; runs += name; return nil },
		}
	}
	got, err := floor.Ratio(5, 2, side("p", 3*time.Millisecond), side("b", 2*time.Millisecond))
	if err != nil || got != 1.5 {
		t.Errorf("Ratio = %v, %v, want 1.5", got, err)
	}
	if want := "ppbbbbppppbbbbppppbb"; runs != want {
		t.Errorf("order %s, want %s", runs, want)
	}
	failing := floor.Side{CPU: func() (time.Duration, error) { return 0, nil }, Op: func() error { return os.ErrInvalid }}
	if _, err := floor.Ratio(5, 2, failing, side("b", 1)); err == nil {
		t.Error("an operation fails and Ratio does not")
	}
}
