package examples

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/store/sealed"
)

const password = "correct-horse-battery-staple" // over the wire, passwords have no spaces

// A served is the program server, and what it tells its operator.
type served struct {
	*testing.T
	*program
	bin, dir, url, pool, client string
}

// start starts the program in its directory, where it may have run before.
func (s *served) start() {
	s.Helper()
	addr := freeAddress(s.T)
	s.url = "http://" + addr
	s.program = run(s.T, s.bin, s.dir, "-addr", addr, "-url", s.url)
	m := s.says(`endpoint (\S+), user pool (\S+), client (\S+)\n`)
	if m[0] != s.url {
		s.Errorf("endpoint %s, want %s", m[0], s.url)
	}
	s.pool, s.client = m[1], m[2]
	s.listens(addr)
}

// call calls an operation over the wire, without a signature, as SDKs do for users.
func (s *served) call(operation string, in map[string]any) (status int, out map[string]any) {
	s.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		s.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.Context(), http.MethodPost, s.url, strings.NewReader(string(body)))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+operation)
	return s.do(req)
}

// get asks the server's own API.
func (s *served) get(path, token string) (status int, out map[string]any) {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		s.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return s.do(req)
}

func (s *served) do(req *http.Request) (status int, out map[string]any) {
	s.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	json.NewDecoder(res.Body).Decode(&out) // refusals of the middleware are plain text
	return res.StatusCode, out
}

func (s *served) join() {
	s.Helper()
	if status, out := s.call("SignUp", map[string]any{
		"ClientId": s.client, "Username": "alice", "Password": password,
		"UserAttributes": []map[string]string{{"Name": "email", "Value": "alice@example.com"}},
	}); status != 200 {
		s.Fatalf("SignUp: %d, %v", status, out)
	}
	if status, out := s.call("ConfirmSignUp", map[string]any{
		"ClientId": s.client, "Username": "alice", "ConfirmationCode": s.says(`username=alice .*code=(\d+)\n`)[0],
	}); status != 200 {
		s.Fatalf("ConfirmSignUp: %d, %v", status, out)
	}
}

// signIn returns the tokens of alice, by name.
func (s *served) signIn() map[string]any {
	s.Helper()
	status, out := s.call("InitiateAuth", map[string]any{
		"ClientId": s.client, "AuthFlow": "USER_PASSWORD_AUTH",
		"AuthParameters": map[string]string{"USERNAME": "alice", "PASSWORD": password},
	})
	tokens, ok := out["AuthenticationResult"].(map[string]any)
	if status != 200 || !ok {
		s.Fatalf("InitiateAuth: %d, %v", status, out)
	}
	return tokens
}

// TestServer starts the program twice. The second start finds what the first has made.
func TestServer(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program and runs it; vet compiles it")
	}
	s := &served{T: t, bin: build(t, "server"), dir: t.TempDir()}
	s.start()
	s.says(`AWS_ACCESS_KEY_ID=\S+\nAWS_SECRET_ACCESS_KEY=\S+\n`)
	pool, client := s.pool, s.client
	s.join()
	t.Run("own API", s.ownAPI)
	t.Run("operators sign", s.operatorsSign)
	t.Run("documents", s.documents)
	t.Run("an API elsewhere", s.apiElsewhere)
	s.stop()

	s.addToGroup("alice", "operators")
	s.start()
	if s.pool != pool || s.client != client || strings.Contains(s.written(), "AWS_ACCESS_KEY_ID") {
		t.Errorf("the second start has made another pool, client or access key:\n%s", s.written())
	}
	access := s.signIn()["AccessToken"].(string) // groups are in the token
	if status, out := s.get("/users", access); status != 200 || out["users"] != 1.0 {
		t.Errorf("GET /users = %d, %v, want 200 and one user", status, out)
	}
	s.stop()
}

func (s *served) ownAPI(t *testing.T) {
	tokens := s.signIn()
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
			if status, out := s.get(tt.path, tt.token); status != tt.status {
				t.Errorf("GET %s = %d, %v, want %d", tt.path, status, out, tt.status)
			}
		})
	}
	if _, out := s.get("/me", access); out["username"] != "alice" {
		t.Errorf("GET /me = %v, want alice", out)
	}
}

func (s *served) operatorsSign(t *testing.T) {
	status, out := s.call("ListUserPools", map[string]any{"MaxResults": 1})
	if status == 200 || out["UserPools"] != nil {
		t.Errorf("ListUserPools without a signature = %d, %v", status, out)
	}
}

func (s *served) documents(t *testing.T) {
	_, out := s.get("/"+s.pool+"/.well-known/jwks.json", "")
	if keys, _ := out["keys"].([]any); len(keys) == 0 {
		t.Errorf("key set = %v", out)
	}
}

// addToGroup opens the store of the program, which does not run.
func (s *served) addToGroup(user, group string) {
	s.Helper()
	file := filepath.Join(s.dir, "server.db")
	keys, err := sealed.OpenKeyFile(file + ".key")
	if err != nil {
		s.Fatal(err)
	}
	db, err := bolt.Open(file, nil)
	if err != nil {
		s.Fatal(err)
	}
	defer db.Close()
	pool, err := identity.New(sealed.New(db, keys, identity.Tables()), nil).OpenUserPool(s.Context(), "main", nil)
	if err == nil {
		err = pool.Admin().Users().AddToGroup(s.Context(), user, group)
	}
	if err != nil {
		s.Fatal(err)
	}
}
