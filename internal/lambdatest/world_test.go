// Package lambdatest holds the events of triggers to the library for functions in Go and to its
// test data, and runs a function in the Runtime Interface Emulator.
package lambdatest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/identitytest"
	"github.com/cognate-id/cognate/identity/webhook"
)

const (
	functionARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
	keyARN      = "arn:aws:kms:us-east-1:123456789012:key/k"
	password    = "Passw0rd!"
)

type obj = map[string]any

// A function is behind the Invoke API. It answers the event that it gets, with the response
// of its source if the test has one.
type function struct {
	*httptest.Server
	mu       sync.Mutex
	events   []string
	response map[string]string                      // by source, as JSON
	fail     map[string]func(w http.ResponseWriter) // by source
}

func serve(t *testing.T) *function {
	t.Helper()
	f := &function{response: map[string]string{}, fail: map[string]func(http.ResponseWriter){}}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var e obj
		if err := json.Unmarshal(body, &e); err != nil {
			t.Errorf("the event is no JSON: %v", err)
		}
		source := e["triggerSource"].(string)
		f.mu.Lock()
		f.events = append(f.events, string(body))
		response, fail := f.response[source], f.fail[source]
		f.mu.Unlock()
		if fail != nil {
			fail(w)
			return
		}
		if response == "" && strings.HasPrefix(source, "DefineAuthChallenge_") {
			response = `{"challengeName":"CUSTOM_CHALLENGE"}`
			if len(e["request"].(obj)["session"].([]any)) > 0 {
				response = `{"issueTokens":true}`
			}
		}
		if response != "" {
			e["response"] = json.RawMessage(response)
		}
		_ = json.NewEncoder(w).Encode(e)
	}))
	t.Cleanup(f.Close)
	return f
}

// last is the newest event of a source, or "".
func (f *function) last(source string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.events) - 1; i >= 0; i-- {
		if strings.Contains(f.events[i], `"triggerSource":"`+source+`"`) {
			return f.events[i]
		}
	}
	return ""
}

// A world is a fake whose pool names the function for a trigger.
type world struct {
	*identitytest.Server
	*function
	t         *testing.T
	attribute string // that codes go to
}

func newWorld(t *testing.T, trigger, version, attribute string, endpoint string) *world {
	t.Helper()
	return newWorldWithin(t, 5*time.Second, trigger, version, attribute, endpoint)
}

// patience is how long functions that fail are waited for.
const patience = 200 * time.Millisecond

func newWorldWithin(t *testing.T, timeout time.Duration, trigger, version, attribute string, endpoint string) *world {
	t.Helper()
	f := serve(t)
	if endpoint == "" {
		endpoint = f.URL
	}
	caller, err := webhook.New(&webhook.Options{Endpoint: endpoint, Endpoints: map[string]string{}, Timeout: timeout, Tries: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(caller.Close)
	w := &world{function: f, t: t, attribute: attribute}
	w.Server = identitytest.NewServer(t, &identitytest.Options{
		Targets: caller.Target,
		Pool: &identity.PoolSettings{
			Name: "p", Algorithm: "ES256", Defaults: identity.CognitoDefaults, AutoVerified: []string{attribute},
			SMS: &identity.SMSSettings{CallerARN: "arn:aws:iam::123456789012:role/sms"},
		},
		Client: &identity.ClientSettings{Name: "c", AuthFlows: []identity.AuthFlow{identity.AllowUserPassword, identity.AllowRefresh, identity.AllowCustom}},
	})
	w.AddUser("alice", password, w.contact("alice"))
	config := obj{trigger: functionARN}
	switch {
	case trigger == "PreTokenGenerationConfig":
		config = obj{trigger: obj{"LambdaArn": functionARN, "LambdaVersion": version}}
	case strings.HasPrefix(trigger, "Custom") && strings.HasSuffix(trigger, "Sender"):
		config = obj{trigger: obj{"LambdaArn": functionARN, "LambdaVersion": "V1_0"}, "KMSKeyID": keyARN}
	case strings.Contains(trigger, "AuthChallenge"):
		config = obj{"DefineAuthChallenge": functionARN, "CreateAuthChallenge": functionARN, "VerifyAuthChallengeResponse": functionARN}
	}
	w.must("UpdateUserPool", obj{
		"UserPoolId": w.PoolID, "LambdaConfig": config, "AutoVerifiedAttributes": []string{attribute},
		"SmsConfiguration":   obj{"SnsCallerArn": "arn:aws:iam::123456789012:role/sms"},
		"EmailConfiguration": obj{"EmailSendingAccount": "DEVELOPER", "SourceArn": "arn:aws:ses:us-east-1:123456789012:identity/no-reply@example.com"},
	})
	return w
}

// contact are the attributes of a user.
func (w *world) contact(name string) map[string]string {
	if w.attribute == "phone_number" {
		n := 0
		for _, c := range name {
			n = n*7 + int(c)
		}
		return map[string]string{"phone_number": "+1555" + strings.Repeat("0", 3) + string(rune('0'+n%10)) + string(rune('0'+n/10%10)) + string(rune('0'+n/100%10)) + "1"}
	}
	return map[string]string{"email": name + "@example.com"}
}

func (w *world) attributes(name string) []obj {
	var out []obj
	for k, v := range w.contact(name) {
		out = append(out, obj{"Name": k, "Value": v})
	}
	return out
}

// call calls an operation. It returns "" or the name and the message of its error.
func (w *world) call(operation string, in obj) (problem string, out obj) {
	w.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		w.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.Server.URL+"/", bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+operation)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil && err != io.EOF {
		w.t.Fatal(err)
	}
	if res.StatusCode == http.StatusOK {
		return "", out
	}
	message, _ := out["message"].(string)
	return out["__type"].(string) + ": " + message, nil
}

func (w *world) must(operation string, in obj) obj {
	w.t.Helper()
	problem, out := w.call(operation, in)
	if problem != "" {
		w.t.Fatalf("%s: %s", operation, problem)
	}
	return out
}
