package identitytest_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/identitytest"
	"github.com/cognate-id/cognate/mfa"
)

// call calls an operation as an SDK does, and returns the status and the answer.
func call(t testing.TB, srv *identitytest.Server, operation string, in map[string]any) (int, map[string]any) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL+"/", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+operation)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s: %v", operation, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(answer, &out); err != nil {
		t.Fatalf("%s answered %d %q", operation, res.StatusCode, answer)
	}
	return res.StatusCode, out
}

func signIn(t testing.TB, srv *identitytest.Server, username, password string) (int, map[string]any) {
	t.Helper()
	return call(t, srv, "InitiateAuth", map[string]any{
		"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": srv.ClientID,
		"AuthParameters": map[string]string{"USERNAME": username, "PASSWORD": password},
	})
}

func TestAddedUserSignsIn(t *testing.T) {
	srv := identitytest.NewServer(t, nil)
	sub := srv.AddUser("alice", "Passw0rd!", map[string]string{"email": "alice@example.com"})
	status, answer := signIn(t, srv, "alice", "Passw0rd!")
	result, _ := answer["AuthenticationResult"].(map[string]any)
	if status != 200 || result["AccessToken"] == nil || result["RefreshToken"] == nil {
		t.Fatalf("sign-in answered %d %v", status, answer)
	}
	status, user := call(t, srv, "GetUser", map[string]any{"AccessToken": result["AccessToken"]})
	attributes, _ := json.Marshal(user["UserAttributes"])
	for _, want := range []string{sub, "alice@example.com", `"email_verified","Value":"true"`} {
		if status != 200 || !strings.Contains(string(attributes), want) {
			t.Errorf("GetUser answered %d %s, want it to have %s", status, attributes, want)
		}
	}
	if status, answer := signIn(t, srv, "alice", "wrong"); status != 400 || answer["__type"] != "NotAuthorizedException" {
		t.Errorf("sign-in with a wrong password answered %d %v", status, answer)
	}
}

func TestLastCodeAndAdvance(t *testing.T) {
	srv := identitytest.NewServer(t, nil)
	register := func(name string) {
		t.Helper()
		status, answer := call(t, srv, "SignUp", map[string]any{
			"ClientId": srv.ClientID, "Username": name, "Password": "Passw0rd!",
			"UserAttributes": []map[string]string{{"Name": "email", "Value": name + "@example.com"}},
		})
		if status != 200 {
			t.Fatalf("SignUp answered %d %v", status, answer)
		}
	}
	confirm := func(name, code string) string {
		t.Helper()
		_, answer := call(t, srv, "ConfirmSignUp", map[string]any{"ClientId": srv.ClientID, "Username": name, "ConfirmationCode": code})
		kind, _ := answer["__type"].(string)
		return kind
	}
	register("alice")
	register("bob")
	if got := confirm("alice", srv.LastCode("alice@example.com")); got != "" {
		t.Errorf("ConfirmSignUp(alice) answered %s", got)
	}
	srv.Advance(25 * time.Hour)
	if got := confirm("bob", srv.LastCode("bob")); got != "ExpiredCodeException" {
		t.Errorf("ConfirmSignUp(bob) a day later answered %q, want ExpiredCodeException", got)
	}
}

// cheapKeys are settings of a pool whose keys cost nothing to make.
func cheapKeys() *identity.PoolSettings {
	return &identity.PoolSettings{Defaults: identity.CognitoDefaults, Algorithm: "ES256"}
}

func TestPoolAndEngine(t *testing.T) {
	srv := identitytest.NewServer(t, &identitytest.Options{Issuer: identity.AWSIssuer, Pool: cheapKeys()})
	srv.AddUser("alice", "Passw0rd!", nil)
	step, err := srv.Pool().SignIn(t.Context(), identity.SignIn{Username: "alice", Password: "Passw0rd!"})
	if err != nil {
		t.Fatalf("SignIn through the pool: %v", err)
	}
	if step == nil {
		t.Error("SignIn returned nothing")
	}
	info, err := srv.Pool().Admin().Describe(t.Context())
	if err != nil || info.ID != srv.PoolID || srv.Pool().ClientID() != srv.ClientID {
		t.Errorf("Pool() = %v, %v, want %s", info, err, srv.PoolID)
	}
	if got, want := srv.Engine().Issuer(t.Context(), info), "https://cognito-idp.us-east-1.amazonaws.com/"+srv.PoolID; got != want {
		t.Errorf("issuer = %s, want %s", got, want)
	}
}

func TestIssuerIsTheServer(t *testing.T) {
	srv := identitytest.NewServer(t, &identitytest.Options{Pool: &identity.PoolSettings{Algorithm: "ES256"}})
	res, err := http.Get(srv.URL + "/" + srv.PoolID + "/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var doc struct{ Issuer string }
	if err := json.NewDecoder(res.Body).Decode(&doc); err != nil || doc.Issuer != srv.URL+"/"+srv.PoolID {
		t.Errorf("discovery: %+v, %v, want issuer %s/%s", doc, err, srv.URL, srv.PoolID)
	}
}

// A failing is a testing.TB that remembers a failure in place of ending the test.
type failing struct {
	testing.TB
	failed bool
}

var errFatal = errors.New("fatal")

func (f *failing) Fatalf(string, ...any) {
	f.failed = true
	panic(errFatal)
}

func TestMisuseFailsTheTest(t *testing.T) {
	for _, tt := range []struct {
		name string
		use  func(*identitytest.Server)
	}{
		{"no code", func(s *identitytest.Server) { s.LastCode("nobody") }},
		{"weak password", func(s *identitytest.Server) { s.AddUser("alice", "weak", nil) }},
		{"user twice", func(s *identitytest.Server) {
			s.AddUser("alice", "Passw0rd!", nil)
			s.AddUser("alice", "Passw0rd!", nil)
		}},
		{"back in time", func(s *identitytest.Server) { s.Advance(-time.Hour) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &failing{TB: t}
			srv := identitytest.NewServer(f, nil)
			defer func() {
				if p := recover(); p != nil && p != any(errFatal) {
					panic(p)
				}
				if !f.failed {
					t.Error("the test did not fail")
				}
			}()
			tt.use(srv)
		})
	}
}

func TestServersShareNothing(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	n := 100
	if testing.Short() {
		n = 10
	}
	pools := make([]string, n)
	for i := range pools {
		wg.Go(func() { pools[i] = identitytest.NewServer(t, nil).PoolID })
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, id := range pools {
		if seen[id] || id == "" {
			t.Errorf("pool %q twice", id)
		}
		seen[id] = true
	}
}

// BenchmarkHundredServers starts a hundred servers at once.
func BenchmarkHundredServers(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { identitytest.NewServer(b, nil) })
		}
		wg.Wait()
	}
}

// TestApp sets an app up by its key and signs in with its codes, on the clock of the server.
func TestApp(t *testing.T) {
	srv := identitytest.NewServer(t, &identitytest.Options{Pool: cheapKeys()})
	srv.AddUser("alice", "Passw0rd!", map[string]string{"email": "alice@example.com"})
	_, err := srv.Pool().Admin().Update(t.Context(), func(s *identity.PoolSettings) error {
		s.MFA, s.TOTP = identity.MFAOn, new(true)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	answer := func(challenge string, out map[string]any, responses map[string]any) map[string]any {
		t.Helper()
		responses["USERNAME"] = "alice"
		status, next := call(t, srv, "RespondToAuthChallenge", map[string]any{
			"ClientId": srv.ClientID, "ChallengeName": challenge, "Session": out["Session"], "ChallengeResponses": responses,
		})
		if status != http.StatusOK {
			t.Fatalf("%s: %v", challenge, next)
		}
		return next
	}
	_, out := signIn(t, srv, "alice", "Passw0rd!")
	_, out = call(t, srv, "AssociateSoftwareToken", map[string]any{"Session": out["Session"]})
	key, _ := out["SecretCode"].(string)
	app := srv.NewTOTP(key)
	_, out = call(t, srv, "VerifySoftwareToken", map[string]any{"Session": out["Session"], "UserCode": app.Code()})
	if out = answer("MFA_SETUP", out, map[string]any{}); out["AuthenticationResult"] == nil {
		t.Fatalf("after the set-up: %v", out)
	}
	srv.Advance(mfa.Period)
	scanned := srv.NewTOTP("otpauth://totp/Example:alice?issuer=Example&secret=" + key)
	if scanned.Code() != app.Code() {
		t.Error("the app that scanned the code shows another one")
	}
	_, out = signIn(t, srv, "alice", "Passw0rd!")
	if out = answer("SOFTWARE_TOKEN_MFA", out, map[string]any{"SOFTWARE_TOKEN_MFA_CODE": scanned.Code()}); out["AuthenticationResult"] == nil {
		t.Errorf("after the code: %v", out)
	}
}
