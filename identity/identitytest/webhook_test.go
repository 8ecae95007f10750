package identitytest_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/identitytest"
	"github.com/cognate-id/cognate/identity/webhook"
)

// Functions behind URLs, as clients of the API see them. Package webhook tests what is sent to them.

// A function is a server that stands for a function, and what was sent to it.
type function struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
}

// serve starts a function. answer gets the body of the event.
func serve(t testing.TB, answer func(w http.ResponseWriter, body []byte)) *function {
	t.Helper()
	f := &function{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		f.bodies = append(f.bodies, string(body))
		f.mu.Unlock()
		answer(w, body)
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *function) sent() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.bodies)
}

func echo(w http.ResponseWriter, body []byte) { _, _ = w.Write(body) }

// text answers with a status and a text.
func text(status int, body string) func(http.ResponseWriter, []byte) {
	return func(w http.ResponseWriter, _ []byte) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// responding answers with the event, and a response.
func responding(response string) func(http.ResponseWriter, []byte) {
	return func(w http.ResponseWriter, body []byte) {
		var all map[string]json.RawMessage
		_ = json.Unmarshal(body, &all)
		all["response"] = json.RawMessage(response)
		_ = json.NewEncoder(w).Encode(all)
	}
}

// A world is a server whose pool names a function for each trigger of a test.
type world struct {
	*identitytest.Server
	t *testing.T
}

func newWorld(t *testing.T, answer func(http.ResponseWriter, []byte), version string, triggers ...identity.Trigger) (*world, *function) {
	t.Helper()
	return newWorldWithin(t, 10*time.Second, answer, version, triggers...)
}

// newWorldWithin is newWorld with a timeout of the function.
func newWorldWithin(t *testing.T, timeout time.Duration, answer func(http.ResponseWriter, []byte), version string, triggers ...identity.Trigger) (*world, *function) {
	t.Helper()
	f := serve(t, answer)
	c, err := webhook.New(&webhook.Options{Endpoint: f.URL, Timeout: timeout, Tries: 1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	w := &world{identitytest.NewServer(t, &identitytest.Options{Targets: c.Target, Pool: &identity.PoolSettings{
		Name: "p", Algorithm: "ES256", Defaults: identity.CognitoDefaults, AutoVerified: []string{"email"},
	}}), t}
	w.AddUser("alice", "Passw0rd!", map[string]string{"email": "alice@example.com"})
	arn := "arn:aws:lambda:us-east-1:123456789012:function:f"
	config := map[string]any{}
	for _, trigger := range triggers {
		config[string(trigger)] = arn
		if trigger == identity.PreTokenGeneration {
			delete(config, string(trigger))
			config["PreTokenGenerationConfig"] = map[string]string{"LambdaArn": arn, "LambdaVersion": version}
		}
	}
	in := map[string]any{"UserPoolId": w.PoolID, "LambdaConfig": config, "AutoVerifiedAttributes": []string{"email"}}
	if problem, _ := w.call("UpdateUserPool", in); problem != "" {
		t.Fatal(problem)
	}
	return w, f
}

// call calls an operation. It returns "" or the name and the message of its error.
func (w *world) call(operation string, in map[string]any) (problem string, out map[string]any) {
	w.t.Helper()
	body, _ := json.Marshal(in)
	req, err := http.NewRequestWithContext(w.t.Context(), "POST", w.URL+"/", bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+operation)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		w.t.Fatal(err)
	}
	if res.StatusCode == 200 {
		return "", out
	}
	return out["__type"].(string) + ": " + out["message"].(string), nil
}

func (w *world) signUp(name string) string {
	w.t.Helper()
	problem, _ := w.call("SignUp", map[string]any{
		"ClientId": w.ClientID, "Username": name, "Password": "Passw0rd!",
		"UserAttributes": []map[string]string{{"Name": "email", "Value": name + "@example.com"}},
		"ClientMetadata": map[string]string{"from": "metadata"}, "ValidationData": []map[string]string{{"Name": "from", "Value": "validation"}},
	})
	return problem
}

// signIn returns the claims of the ID token and of the access token.
func (w *world) signIn() (problem string, id, access map[string]any) {
	w.t.Helper()
	problem, out := w.call("InitiateAuth", map[string]any{
		"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": w.ClientID,
		"AuthParameters": map[string]string{"USERNAME": "alice", "PASSWORD": "Passw0rd!"}, "ClientMetadata": map[string]string{"from": "sign-in"},
	})
	if problem != "" {
		return problem, nil, nil
	}
	result := out["AuthenticationResult"].(map[string]any)
	return "", claims(w.t, result["IdToken"].(string)), claims(w.t, result["AccessToken"].(string))
}

func claims(t *testing.T, token string) (out map[string]any) {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(payload, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// What goes wrong with a function is told as the service tells it, and nobody is signed up.
func TestBadFunctionsOverTheWire(t *testing.T) {
	if testing.Short() {
		t.Skip("makes a server for each way to fail; the tests of `identity/webhook` have them all")
	}
	t.Parallel()
	end := make(chan struct{})
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, []byte)
		want   string
	}{
		"refuses":    {text(200, `{"errorMessage":"Invalid email domain","errorType":"Error"}`), "UserLambdaValidationException: PreSignUp failed with error Invalid email domain."},
		"hangs":      {func(http.ResponseWriter, []byte) { <-end }, "UnexpectedLambdaException: PreSignUp failed with error Socket timeout while invoking Lambda function."},
		"is missing": {text(404, ""), "UnexpectedLambdaException: PreSignUp invocation failed due to error ResourceNotFoundException."},
		"is denied":  {text(403, ""), "UnexpectedLambdaException: PreSignUp invocation failed due to error AccessDeniedException."},
		"throttles":  {text(429, ""), "UnexpectedLambdaException: PreSignUp invocation failed due to error TooManyRequestsException."},
		"garbage":    {text(200, "garbage"), "InvalidLambdaResponseException: Unrecognizable lambda output"},
		"HTML":       {text(200, "<html>"), "InvalidLambdaResponseException: Unrecognizable lambda output"},
		"a megabyte": {text(200, strings.Repeat(" ", 1<<20)+"{}"), "InvalidLambdaResponseException: Unrecognizable lambda output"},
		"a redirect": {text(302, ""), "InvalidLambdaResponseException: Unrecognizable lambda output"},
		"lost":       {text(200, `{"response":{"autoConfirmUser":true}}`), "InvalidLambdaResponseException: Unrecognizable lambda output"},
	} {
		t.Run(name, func(t *testing.T) {
			timeout := 10 * time.Second // for a busy machine
			if name == "hangs" {
				timeout = 200 * time.Millisecond
			}
			w, _ := newWorldWithin(t, timeout, c.answer, "", identity.PreSignUp)
			if name == "hangs" {
				t.Cleanup(func() { close(end) }) // before the function closes
			}
			if got := w.signUp("bob"); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if _, err := w.Pool().Admin().Users().Get(t.Context(), "bob"); err == nil {
				t.Error("bob is there")
			}
		})
	}
}

// Metadata and validation data reach the triggers that they reach on the service.
func TestMetadataReaches(t *testing.T) {
	w, f := newWorld(t, echo, "V2_0", identity.PreSignUp, identity.PreAuthentication, identity.PostAuthentication, identity.PreTokenGeneration, identity.CustomMessage)
	if problem := w.signUp("bob"); problem != "" {
		t.Fatal(problem)
	}
	if problem, _, _ := w.signIn(); problem != "" {
		t.Fatal(problem)
	}
	for _, body := range f.sent() {
		var e struct {
			TriggerSource string
			Request       struct{ ClientMetadata, ValidationData map[string]string }
		}
		if err := json.Unmarshal([]byte(body), &e); err != nil {
			t.Fatal(err)
		}
		got := e.Request.ValidationData["from"] + " " + e.Request.ClientMetadata["from"]
		want, ok := map[string]string{
			"PreSignUp_SignUp": "validation metadata", "CustomMessage_SignUp": " metadata", "PreAuthentication_Authentication": "sign-in ",
			"PostAuthentication_Authentication": " ", "TokenGeneration_Authentication": " ",
		}[e.TriggerSource]
		if !ok || got != want {
			t.Errorf("%s has %q, want %q", e.TriggerSource, got, want)
		}
	}
	if n := len(f.sent()); n != 5 {
		t.Errorf("%d events", n)
	}
}

// The versions change what they may change, and no claim that must stay.
func TestVersionsOverTheWire(t *testing.T) {
	forbidden := `"sub":"x","iss":"x","token_use":"x","exp":"1"`
	v1 := `{"claimsOverrideDetails":{"claimsToAddOrOverride":{"tenant":"t1",` + forbidden + `},"claimsToSuppress":["email","sub"],"groupOverrideDetails":{"groupsToOverride":["g"],"iamRolesToOverride":[],"preferredRole":null}}}`
	of := `{"claimsToAddOrOverride":{"tenant":{"id":1}},"claimsToSuppress":["sub"]`
	v2 := `{"claimsAndScopeOverrideDetails":{"idTokenGeneration":` + of + `},"accessTokenGeneration":` + of + `,"scopesToAdd":["orders/read"],"scopesToSuppress":["aws.cognito.signin.user.admin"]}}}`
	for version, response := range map[string]string{"V1_0": v1, "V2_0": v2, "V3_0": v2} {
		t.Run(version, func(t *testing.T) {
			w, _ := newWorld(t, responding(response), version, identity.PreTokenGeneration)
			problem, id, access := w.signIn()
			if problem != "" {
				t.Fatal(problem)
			}
			if id["sub"] == "x" || id["sub"] == nil || id["iss"] == "x" || id["token_use"] != "id" || access["sub"] == nil {
				t.Errorf("a claim was changed that must stay: %v %v", id, access)
			}
			v1 := version == "V1_0"
			if id["tenant"] == nil || (access["tenant"] == nil) != v1 || (access["scope"] != "orders/read") != v1 || (id["email"] == nil) != v1 {
				t.Errorf("tokens %v %v", id, access)
			}
			if v1 && (id["cognito:groups"] == nil || access["cognito:groups"] == nil) {
				t.Errorf("groups %v %v", id, access)
			}
		})
	}
	w, _ := newWorld(t, responding(`{"claimsOverrideDetails":{"claimsToAddOrOverride":{"a":["b"]}}}`), "V1_0", identity.PreTokenGeneration)
	if problem, _, _ := w.signIn(); problem != "InvalidLambdaResponseException: Unrecognizable lambda output" {
		t.Errorf("a list in V1: %s", problem)
	}
}

// A function that throws while it is asked for a user has no such user. The service names the
// client then; of clients that hide who exists, it says what it says of a wrong password.
func TestMigrationFunctionThatThrows(t *testing.T) {
	w, f := newWorld(t, text(200, `{"errorMessage":"Bad password","errorType":"Error"}`), "", identity.UserMigration)
	signIn := func() string {
		problem, _ := w.call("InitiateAuth", map[string]any{
			"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": w.ClientID, "AuthParameters": map[string]string{"USERNAME": "bob", "PASSWORD": "Passw0rd!"},
		})
		return problem
	}
	forgot := func() string {
		problem, _ := w.call("ForgotPassword", map[string]any{"ClientId": w.ClientID, "Username": "bob"})
		return problem
	}
	want := "UserNotFoundException: Exception migrating user in app client " + w.ClientID
	for name, got := range map[string]string{"sign-in": signIn(), "forgotten": forgot()} {
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	problem, _ := w.call("UpdateUserPoolClient", map[string]any{
		"UserPoolId": w.PoolID, "ClientId": w.ClientID, "PreventUserExistenceErrors": "ENABLED",
		"ExplicitAuthFlows": []string{"ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"},
	})
	if problem != "" {
		t.Fatal(problem)
	}
	if got, want := signIn(), "NotAuthorizedException: Incorrect username or password."; got != want {
		t.Errorf("hidden: sign-in: %s, want %s", got, want)
	}
	if got := forgot(); got != "" {
		t.Errorf("hidden: forgotten: %s", got)
	}
	if n := len(f.sent()); n != 4 {
		t.Errorf("the function was called %d times, want 4", n)
	}
}

// A function decides a custom sign-in over the wire: a wrong answer, then the right one.
func TestCustomAuthOverTheWire(t *testing.T) {
	w, _ := newWorld(t, func(out http.ResponseWriter, body []byte) {
		var e map[string]any
		if err := json.Unmarshal(body, &e); err != nil {
			t.Error(err)
		}
		request, response := e["request"].(map[string]any), e["response"].(map[string]any)
		switch e["triggerSource"] {
		case "DefineAuthChallenge_Authentication":
			rounds := request["session"].([]any)
			if n := len(rounds); n > 0 && rounds[n-1].(map[string]any)["challengeResult"] == true {
				response["issueTokens"] = true
			} else {
				response["challengeName"] = "CUSTOM_CHALLENGE"
			}
		case "CreateAuthChallenge_Authentication":
			response["publicChallengeParameters"] = map[string]string{"riddle": "what?"}
			response["privateChallengeParameters"] = map[string]string{"answer": "right"}
			response["challengeMetadata"] = "riddle"
		case "VerifyAuthChallengeResponse_Authentication":
			response["answerCorrect"] = request["challengeAnswer"] == request["privateChallengeParameters"].(map[string]any)["answer"]
		default:
			t.Errorf("a call for %s", e["triggerSource"])
		}
		if err := json.NewEncoder(out).Encode(e); err != nil {
			t.Error(err)
		}
	}, "", identity.DefineAuthChallenge, identity.CreateAuthChallenge, identity.VerifyAuthChallenge)
	client, err := w.Pool().Admin().Clients().Create(t.Context(), &identity.ClientSettings{Name: "custom", AuthFlows: []identity.AuthFlow{identity.AllowCustom}})
	if err != nil {
		t.Fatal(err)
	}
	problem, out := w.call("InitiateAuth", map[string]any{
		"AuthFlow": "CUSTOM_AUTH", "ClientId": client.ID, "AuthParameters": map[string]string{"USERNAME": "alice"},
	})
	for _, answer := range []string{"wrong", "right"} {
		if problem != "" {
			t.Fatal(problem)
		}
		parameters := out["ChallengeParameters"].(map[string]any)
		if out["ChallengeName"] != "CUSTOM_CHALLENGE" || parameters["riddle"] != "what?" || parameters["USERNAME"] != "alice" || len(parameters) != 2 {
			t.Errorf("challenge %v with %v", out["ChallengeName"], parameters)
		}
		problem, out = w.call("RespondToAuthChallenge", map[string]any{
			"ChallengeName": "CUSTOM_CHALLENGE", "ClientId": client.ID, "Session": out["Session"],
			"ChallengeResponses": map[string]string{"USERNAME": "alice", "ANSWER": answer},
		})
	}
	if problem != "" || out["AuthenticationResult"] == nil {
		t.Errorf("the right answer: %s %v", problem, out)
	}
}
