package main

import (
	"context"
	"encoding/json"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/memory"
)

const password = "correct-horse-battery-staple" // over the wire, passwords have no spaces

// A world is a server, and what a test needs beside it.
type world struct {
	*testing.T
	url    string
	pool   *identity.UserPool
	outbox *identity.Outbox
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, outbox: identity.NewOutbox(0)}
	server := httptest.NewUnstartedServer(nil)
	t.Cleanup(server.Close)
	engine := identity.New(memory.New(), &identity.Options{
		Sender: w.outbox, InsecureCheapHashing: true, Logger: slog.New(slog.DiscardHandler), Issuer: identity.FixedIssuer("http://" + server.Listener.Addr().String()),
	})
	// The pool has keys that are made at once. TestRunStops makes RSA keys.
	_, err := engine.OpenUserPool(t.Context(), "main", &identity.PoolSettings{SRP: true, Algorithm: "ES256"})
	if err != nil {
		t.Fatal(err)
	}
	if w.pool, err = open(t.Context(), engine); err != nil {
		t.Fatal(err)
	}
	handler, err := newHandler(t.Context(), engine, w.pool)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = handler
	server.Start()
	w.url = server.URL
	return w
}

// call calls an operation over the wire, without a signature, as SDKs do for users.
func (w *world) call(operation string, in map[string]any) (status int, out map[string]any) {
	w.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		w.Fatal(err)
	}
	req, err := http.NewRequestWithContext(w.Context(), http.MethodPost, w.url, strings.NewReader(string(body)))
	if err != nil {
		w.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+operation)
	return w.do(req)
}

// get asks the server's own API.
func (w *world) get(path, token string) (status int, out map[string]any) {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), http.MethodGet, w.url+path, nil)
	if err != nil {
		w.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return w.do(req)
}

func (w *world) do(req *http.Request) (status int, out map[string]any) {
	w.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer res.Body.Close()
	json.NewDecoder(res.Body).Decode(&out) // refusals of the middleware are plain text
	return res.StatusCode, out
}

func (w *world) join() {
	w.Helper()
	if status, out := w.call("SignUp", map[string]any{
		"ClientId": w.pool.ClientID(), "Username": "alice", "Password": password,
		"UserAttributes": []map[string]string{{"Name": "email", "Value": "alice@example.com"}},
	}); status != 200 {
		w.Fatalf("SignUp: %d, %v", status, out)
	}
	if status, out := w.call("ConfirmSignUp", map[string]any{
		"ClientId": w.pool.ClientID(), "Username": "alice", "ConfirmationCode": w.outbox.LastCode("alice"),
	}); status != 200 {
		w.Fatalf("ConfirmSignUp: %d, %v", status, out)
	}
}

// signIn returns the tokens of alice, by name.
func (w *world) signIn() map[string]any {
	w.Helper()
	status, out := w.call("InitiateAuth", map[string]any{
		"ClientId": w.pool.ClientID(), "AuthFlow": "USER_PASSWORD_AUTH",
		"AuthParameters": map[string]string{"USERNAME": "alice", "PASSWORD": password},
	})
	tokens, ok := out["AuthenticationResult"].(map[string]any)
	if status != 200 || !ok {
		w.Fatalf("InitiateAuth: %d, %v", status, out)
	}
	return tokens
}

func TestOwnAPI(t *testing.T) {
	w := start(t)
	w.join()
	tokens := w.signIn()
	access, id := tokens["AccessToken"].(string), tokens["IdToken"].(string)
	for _, tt := range []struct {
		name, path, token string
		status            int
	}{
		{"no token", "/me", "", 401},
		{"no token of ours", "/me", "eyJ.e30.x", 401},
		{"an ID token", "/me", id, 401},
		{"an access token", "/me", access, 200},
		{"no operator", "/users", access, 403},
		{"no such path", "/elsewhere", access, 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if status, out := w.get(tt.path, tt.token); status != tt.status {
				t.Errorf("GET %s = %d, %v, want %d", tt.path, status, out, tt.status)
			}
		})
	}
	if _, out := w.get("/me", access); out["username"] != "alice" {
		t.Errorf("GET /me = %v, want alice", out)
	}

	if err := w.pool.Admin().Users().AddToGroup(t.Context(), "alice", operators); err != nil {
		t.Fatal(err)
	}
	access = w.signIn()["AccessToken"].(string) // groups are in the token
	if status, out := w.get("/users", access); status != 200 || out["users"] != 1.0 {
		t.Errorf("GET /users = %d, %v, want 200 and one user", status, out)
	}
}

func TestOperatorsSign(t *testing.T) {
	w := start(t)
	status, out := w.call("ListUserPools", map[string]any{"MaxResults": 1})
	if status == 200 || out["UserPools"] != nil {
		t.Errorf("ListUserPools without a signature = %d, %v", status, out)
	}
}

func TestDocuments(t *testing.T) {
	w := start(t)
	w.join()
	w.signIn() // makes the keys
	_, out := w.get("/"+w.pool.PoolID()+"/.well-known/jwks.json", "")
	if keys, _ := out["keys"].([]any); len(keys) == 0 {
		t.Errorf("key set = %v", out)
	}
}

// A cue is a log: it is called when the server tells its endpoint.
type cue func()

func (c cue) Write(line []byte) (int, error) {
	if strings.Contains(string(line), "endpoint ") {
		c()
	}
	return len(line), nil
}

func TestRunStops(t *testing.T) {
	file := filepath.Join(t.TempDir(), "server.db")
	before := log.Writer()
	defer log.SetOutput(before)
	for range 2 { // the second finds what the first has made
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		log.SetOutput(cue(stop))
		if err := run(ctx, "127.0.0.1:0", file, "http://localhost"); err != nil {
			t.Fatal(err)
		}
		stop()
	}
}
