package lambdatest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// A kind is a kind of event: the type of the library, and the file of its test data.
type kind struct {
	trigger, version, file string
	event                  func() any
	// more are members that our events have, as the types of TypeScript do, and those of Go do not.
	more []string
}

var kinds = map[string]kind{
	"PreSignUp":                   {"PreSignUp", "", "presignup", func() any { return new(events.CognitoEventUserPoolsPreSignup) }, nil},
	"PostConfirmation":            {"PostConfirmation", "", "postconfirmation", func() any { return new(events.CognitoEventUserPoolsPostConfirmation) }, nil},
	"PreAuthentication":           {"PreAuthentication", "", "preauthentication", func() any { return new(events.CognitoEventUserPoolsPreAuthentication) }, nil},
	"PostAuthentication":          {"PostAuthentication", "", "postauthentication", func() any { return new(events.CognitoEventUserPoolsPostAuthentication) }, nil},
	"DefineAuthChallenge":         {"DefineAuthChallenge", "", "define-auth-challenge", func() any { return new(events.CognitoEventUserPoolsDefineAuthChallenge) }, nil},
	"CreateAuthChallenge":         {"CreateAuthChallenge", "", "create-auth-challenge", func() any { return new(events.CognitoEventUserPoolsCreateAuthChallenge) }, nil},
	"VerifyAuthChallengeResponse": {"VerifyAuthChallengeResponse", "", "verify-auth-challenge", func() any { return new(events.CognitoEventUserPoolsVerifyAuthChallenge) }, nil},
	"UserMigration":               {"UserMigration", "", "migrateuser", func() any { return new(events.CognitoEventUserPoolsMigrateUser) }, []string{"request.userAttributes", "response.enableSMSMFA"}},
	"CustomMessage":               {"CustomMessage", "", "custommessage", func() any { return new(events.CognitoEventUserPoolsCustomMessage) }, []string{"request.linkParameter"}},
}

var tokenKinds = map[string]kind{
	"V1_0": {"PreTokenGenerationConfig", "V1_0", "pretokengen", func() any { return new(events.CognitoEventUserPoolsPreTokenGen) }, nil},
	"V2_0": {"PreTokenGenerationConfig", "V2_0", "pretokengen-v2_0", func() any { return new(events.CognitoEventUserPoolsPreTokenGenV2_0) }, nil},
	"V3_0": {"PreTokenGenerationConfig", "V3_0", "pretokengen-v2_0", func() any { return new(events.CognitoEventUserPoolsPreTokenGenV2_0) }, nil},
}

// testdata is the folder of the library's test data.
var testdata = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-lambda-go").Output()
	return filepath.Join(strings.TrimSpace(string(out)), "events", "testdata"), err
})

func TestEventsAreThoseOfTheLibrary(t *testing.T) {
	run := func(source string, k kind, attribute string, flow func(*world) string) {
		t.Run(strings.TrimSuffix(source+" "+k.version, " "), func(t *testing.T) {
			w := newWorld(t, k.trigger, k.version, attribute, "")
			if strings.HasPrefix(source, "UserMigration") {
				w.response[source] = `{"userAttributes":{"email":"carol@example.com","email_verified":"true"},"finalUserStatus":"CONFIRMED"}`
			}
			if strings.HasPrefix(source, "VerifyAuthChallenge") {
				w.response[source] = `{"answerCorrect":true}`
			}
			if problem := flow(w); problem != "" {
				t.Error(problem)
			}
			event := w.last(source)
			if event == "" {
				t.Fatal("the function was not called")
			}
			k.check(t, event)
		})
	}
	for source, flow := range flows {
		trigger, _, _ := strings.Cut(source, "_")
		if trigger == "TokenGeneration" {
			for _, k := range tokenKinds {
				run(source, k, "email", flow)
			}
			continue
		}
		run(source, kinds[trigger], "email", flow)
	}
	for name, flow := range messages {
		run("CustomMessage_"+name, kinds["CustomMessage"], "email", flow)
	}
	run("CustomMessage_Authentication", kinds["CustomMessage"], "phone_number", (*world).smsSignIn)
	run("CustomMessage_Authentication", kinds["CustomMessage"], "email", (*world).emailSignIn)
}

// check holds an event to the test data, and to the type: nothing of it is lost there.
func (k *kind) check(t *testing.T, event string) {
	t.Helper()
	dir, err := testdata()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "cognito-event-userpools-"+k.file+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var want, got obj
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(event), &got); err != nil {
		t.Fatal(err)
	}
	if got["version"] != map[string]string{"": "1", "V1_0": "1", "V2_0": "2", "V3_0": "3"}[k.version] {
		t.Errorf("version %v", got["version"])
	}
	for _, problem := range append(k.differ(got, "", want, got), k.lost(got)...) {
		t.Errorf("%s\n%s", problem, event)
	}
}

// optional are members that the service leaves out of its events where there is nothing to say.
// A password is sent at a sign-in alone.
var optional = []string{"request.clientMetadata"}

func (k *kind) lacks(event obj, path string) bool {
	return slices.Contains(optional, path) || path == "request.password" && event["triggerSource"] == "UserMigration_ForgotPassword"
}

// differ lists what is not shaped alike in two events.
func (k *kind) differ(event obj, path string, want, got obj) (problems []string) {
	for name, v := range got {
		p := strings.TrimPrefix(path+"."+name, ".")
		w, ok := want[name]
		switch {
		case !ok && !slices.Contains(k.more, p) && !k.lacks(event, p):
			problems = append(problems, "the test data has no "+p)
		case !ok || v == nil || w == nil || name == "userAttributes":
		case reflect.TypeOf(v) != reflect.TypeOf(w):
			problems = append(problems, fmt.Sprintf("%s is a %T, want a %T", p, v, w))
		case p == "request" || p == "response" || p == "callerContext" || p == "request.groupConfiguration":
			problems = append(problems, k.differ(event, p, w.(obj), v.(obj))...)
		}
	}
	for name := range maps.Keys(want) {
		p := strings.TrimPrefix(path+"."+name, ".")
		if _, ok := got[name]; !ok && !k.lacks(event, p) {
			problems = append(problems, "there is no "+p)
		}
	}
	return problems
}

// lost lists what the type of the library loses of an event.
func (k *kind) lost(event obj) (problems []string) {
	for _, p := range k.more {
		part, name, _ := strings.Cut(p, ".")
		delete(event[part].(obj), name)
	}
	text, err := json.Marshal(event)
	if err != nil {
		return []string{err.Error()}
	}
	typed := k.event()
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(typed); err != nil {
		return []string{fmt.Sprintf("%T: %v", typed, err)}
	}
	if text, err = json.Marshal(typed); err != nil {
		return []string{err.Error()}
	}
	var back obj
	if err := json.Unmarshal(text, &back); err != nil {
		return []string{err.Error()}
	}
	return missing("", event, back)
}

func missing(path string, want, got any) (problems []string) {
	if list, ok := want.([]any); ok {
		g, _ := got.([]any)
		for i, v := range list {
			if i >= len(g) {
				return append(problems, path+" is shorter")
			}
			problems = append(problems, missing(path, v, g[i])...)
		}
		return problems
	}
	w, ok := want.(obj)
	if !ok {
		if want != nil && !reflect.DeepEqual(want, got) {
			return []string{fmt.Sprintf("%s is lost: %v, want %v", path, got, want)}
		}
		return nil
	}
	g, _ := got.(obj)
	for name, v := range w {
		problems = append(problems, missing(path+"."+name, v, g[name])...)
	}
	return problems
}

// TestSenders holds that a custom sender gets each kind of message.
func TestSenders(t *testing.T) {
	for trigger, attribute := range map[string]string{"CustomEmailSender": "email", "CustomSMSSender": "phone_number"} {
		all := maps.Clone(messages)
		all["Authentication"] = (*world).emailSignIn
		if trigger == "CustomSMSSender" {
			all["Authentication"] = (*world).smsSignIn
		}
		for name, flow := range all {
			t.Run(trigger+"_"+name, func(t *testing.T) {
				w := newWorld(t, trigger, "", attribute, "")
				if problem := flow(w); problem != "" {
					t.Error(problem)
				}
				var e obj
				if err := json.Unmarshal([]byte(w.last(trigger+"_"+name)), &e); err != nil {
					t.Fatal(err)
				}
				request := e["request"].(obj)
				if code, _ := request["code"].(string); len(code) < 300 || request["type"] != strings.ToLower(trigger[:1])+trigger[1:]+"RequestV1" {
					t.Errorf("request %v", request)
				}
				if to, _ := request["userAttributes"].(obj)[attribute].(string); to == "" || e["response"] != nil {
					t.Errorf("event %v", e)
				}
			})
		}
	}
}

// failures are what may go wrong with a function, and how the caller is told.
var failures = map[string]struct {
	answer func(http.ResponseWriter)
	want   string // of the service, with the name of the trigger for %s
}{
	"refuses":    {body(200, `{"errorMessage":"no","errorType":"Error"}`), "UserLambdaValidationException: %s failed with error no."},
	"is missing": {body(404, ""), "UnexpectedLambdaException: %s invocation failed due to error ResourceNotFoundException."},
	"is denied":  {body(403, ""), "UnexpectedLambdaException: %s invocation failed due to error AccessDeniedException."},
	"throttles":  {body(429, ""), "UnexpectedLambdaException: %s invocation failed due to error TooManyRequestsException."},
	"garbage":    {body(200, "<html>"), "InvalidLambdaResponseException: Unrecognizable lambda output"},
	"null":       {body(200, "null"), "InvalidLambdaResponseException: Unrecognizable lambda output"},
	"lost":       {body(200, `{"response":{}}`), "InvalidLambdaResponseException: Unrecognizable lambda output"},
	"a redirect": {body(302, ""), "InvalidLambdaResponseException: Unrecognizable lambda output"},
	"hangs":      {hang, "UnexpectedLambdaException: %s failed with error Socket timeout while invoking Lambda function."},
	"a megabyte": {body(200, strings.Repeat(" ", 1<<20)+"{}"), "InvalidLambdaResponseException: Unrecognizable lambda output"},
}

func body(status int, text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text))
	}
}

// hang answers after the caller has given up.
func hang(http.ResponseWriter) { time.Sleep(2 * patience) }

// TestFailuresOfEachSource fails the function at each source, in each way.
func TestFailuresOfEachSource(t *testing.T) {
	all := maps.Clone(flows)
	for name, flow := range messages {
		all["CustomMessage_"+name] = flow
	}
	for source, flow := range all {
		trigger, _, _ := strings.Cut(source, "_")
		config, version := trigger, ""
		if trigger == "TokenGeneration" {
			trigger, config, version = "PreTokenGeneration", "PreTokenGenerationConfig", "V1_0"
		}
		t.Run(source, func(t *testing.T) {
			for name, f := range failures {
				w := newWorldWithin(t, patience, config, version, "email", "")
				w.fail[source] = f.answer
				want := f.want
				if strings.Contains(want, "%s") {
					want = fmt.Sprintf(want, trigger)
				}
				if trigger == "UserMigration" && name == "refuses" {
					want = "UserNotFoundException: Exception migrating user in app client " + w.ClientID
				}
				if got := flow(w); got != want {
					t.Errorf("%s: got %s\nwant %s", name, got, want)
				}
			}
		})
	}
}

// TestFailuresOfSenders fails the function that sends a message, at each kind of message. The
// fake sends at once, so the caller is told. What the message tells of is done.
func TestFailuresOfSenders(t *testing.T) {
	all := maps.Clone(messages)
	all["Authentication"] = (*world).emailSignIn
	for name, flow := range all {
		t.Run(name, func(t *testing.T) {
			for failure, f := range failures {
				w := newWorldWithin(t, patience, "CustomEmailSender", "", "email", "")
				w.fail["CustomEmailSender_"+name] = f.answer
				want := f.want
				if strings.Contains(want, "%s") {
					want = fmt.Sprintf(want, "CustomEmailSender")
				}
				if slices.Contains([]string{"garbage", "null", "lost"}, failure) {
					want = "" // nobody reads what a sender answers
				}
				if got := flow(w); got != want {
					t.Errorf("%s: got %s\nwant %s", failure, got, want)
				}
			}
		})
	}
}
