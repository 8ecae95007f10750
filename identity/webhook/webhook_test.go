package webhook_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/identity/webhook"
)

// canary is in each event and in each answer. No log and no error may have it.
const canary = "s3cr3t-canary"

const arn = "arn:aws:lambda:eu-west-1:123456789012:function:f"

var secret = identity.Secret("whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef")))

// all are the triggers that have an event.
var all = []identity.Trigger{
	identity.DefineAuthChallenge, identity.CreateAuthChallenge, identity.VerifyAuthChallenge, identity.InboundFederation,
	identity.PreSignUp, identity.PostConfirmation, identity.PreAuthentication, identity.PostAuthentication,
	identity.PreTokenGeneration, identity.CustomMessage, identity.UserMigration, identity.CustomEmailSender, identity.CustomSMSSender,
}

// A function is a server that stands for a function, and what was sent to it.
type function struct {
	*httptest.Server
	mu     sync.Mutex
	calls  []*http.Request
	bodies []string
}

// serve starts a function. answer gets the body of the event.
func serve(t testing.TB, answer func(w http.ResponseWriter, body []byte)) *function {
	t.Helper()
	f := &function{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		f.calls, f.bodies = append(f.calls, r), append(f.bodies, string(body))
		f.mu.Unlock()
		answer(w, body)
	}))
	t.Cleanup(f.Close)
	return f
}

// last is the last event that was sent.
func (f *function) last() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.bodies[len(f.bodies)-1]
}

func (f *function) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.bodies)
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

// A fixture is a caller with a log.
type fixture struct {
	*webhook.Caller
	log bytes.Buffer
}

func newCaller(t *testing.T, o webhook.Options) *fixture {
	t.Helper()
	f := &fixture{}
	o.Secrets = append(o.Secrets, secret)
	o.Logger = slog.New(slog.NewTextHandler(&f.log, nil))
	c, err := webhook.New(&o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	f.Caller = c
	t.Cleanup(func() {
		if strings.Contains(f.log.String(), canary) {
			t.Errorf("the log has a secret: %s", f.log.String())
		}
	})
	return f
}

// hooks are the hooks that post to a function.
func hooks(t *testing.T, f *function, o webhook.Options) *identity.Hooks {
	t.Helper()
	h, err := newCaller(t, o).Hooks(f.URL+"/hook", all...)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// invoked are the hooks that invoke a function.
func invoked(t *testing.T, f *function, o webhook.Options) *identity.Hooks {
	t.Helper()
	o.Endpoint = f.URL
	h := newCaller(t, o).Target(&identity.PoolInfo{}, identity.PreSignUp, identity.TriggerTarget{ARN: arn})
	if h == nil {
		t.Fatal("there is no target")
	}
	return h
}

// common is what the events of tests have in common.
func common(source hook.Source) hook.Event {
	return hook.Event{
		Source: source, Pool: "eu-west-1_abc", Client: "client1", Username: "alice", Sub: "sub1", Status: "CONFIRMED",
		Attributes: map[string]string{"email": "a<b&c>@example.com", "nickname": canary},
		Aliases:    map[string]string{"email": "a<b&c>@example.com"},
		Call:       hook.Call{ClientMetadata: map[string]string{"k": "m"}, ValidationData: map[string]string{"k": "v"}},
	}
}

func preSignUp() *hook.PreSignUp { return &hook.PreSignUp{Event: common(hook.SignUp)} }

func tokens(version string) *hook.PreTokenGeneration {
	return &hook.PreTokenGeneration{
		Event: common(hook.TokensOfSignIn), Version: version, Groups: []hook.Group{{Name: "g", RoleARN: "arn:r"}, {Name: "h"}},
		PreferredRole: "arn:r", Scopes: []string{"aws.cognito.signin.user.admin"},
	}
}

// wantFailure checks that an error is a failure with a name, and tells no secret.
func wantFailure(t *testing.T, what string, err error, name string) {
	t.Helper()
	f, ok := errors.AsType[*hook.FailureError](err)
	if !ok || f.Name != name {
		t.Errorf("%s: %v, want a failure named %q", what, err, name)
	}
	noCanary(t, err)
}

func noCanary(t *testing.T, err error) {
	t.Helper()
	if err != nil && strings.Contains(err.Error(), canary) {
		t.Errorf("the error has a secret: %v", err)
	}
}

func wantInvalid(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, hook.ErrInvalidDecision) {
		t.Errorf("%s: %v, want %v", what, err, hook.ErrInvalidDecision)
	}
	noCanary(t, err)
}

func TestRefusals(t *testing.T) {
	handled := func(w http.ResponseWriter, _ []byte) {
		w.Header().Set("X-Amz-Function-Error", "Handled")
		_, _ = io.WriteString(w, `{"errorMessage":"Invalid email domain","errorType":"Error"}`)
	}
	cases := map[string]struct {
		answer  func(http.ResponseWriter, []byte)
		posted  bool
		invoked bool
		reason  string
	}{
		"an error of Lambda":              {handled, true, true, "Invalid email domain"},
		"an error of the emulator":        {text(200, `{"errorMessage":"no","errorType":"E"}`), true, true, "no"},
		"4xx with a reason":               {text(403, `{"errorMessage":"no"}`), true, false, "no"},
		"an error without a message":      {func(w http.ResponseWriter, _ []byte) { w.Header().Set("X-Amz-Function-Error", "Unhandled") }, true, true, ""},
		"a reason that is much too long":  {text(200, `{"errorMessage":"`+strings.Repeat("ä", 2000)+`"}`), true, true, strings.Repeat("ä", 1024)},
		"a reason in 5xx":                 {text(500, `{"errorMessage":"no"}`), false, false, ""},
		"a reason that is not text":       {text(200, `{"errorMessage":1}`), false, false, ""},
		"a reason in a response is none":  {responding(`{"errorMessage":"no"}`), false, false, ""},
		"4xx with a message of something": {text(403, `{"message":"no"}`), false, false, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := serve(t, c.answer)
			for how, h := range map[string]*identity.Hooks{"posted": hooks(t, f, webhook.Options{}), "invoked": invoked(t, f, webhook.Options{})} {
				_, err := h.PreSignUp(t.Context(), preSignUp())
				r, ok := errors.AsType[*hook.RefusalError](err)
				if want := how == "posted" && c.posted || how == "invoked" && c.invoked; ok != want || ok && r.Reason != c.reason {
					t.Errorf("%s: %v, want a refusal: %t with %q", how, err, want, c.reason)
				}
			}
		})
	}
}

func TestFailures(t *testing.T) {
	withHeader := func(status int, value string) func(http.ResponseWriter, []byte) {
		return func(w http.ResponseWriter, _ []byte) {
			w.Header().Set("X-Amzn-ErrorType", value)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"Message":"`+canary+`"}`)
		}
	}
	cases := map[string]struct {
		answer func(http.ResponseWriter, []byte)
		name   string
		tries  int
	}{
		"no such function":       {withHeader(404, "ResourceNotFoundException:http://internal.amazon.com/"), "ResourceNotFoundException", 1},
		"while it is created":    {withHeader(409, "ResourceConflictException"), "ResourceConflictException", 1},
		"throttled":              {withHeader(429, "TooManyRequestsException"), "TooManyRequestsException", 1},
		"a name that is hostile": {withHeader(403, "<b>"+canary), "AccessDeniedException", 1},
		"403":                    {text(403, canary), "AccessDeniedException", 1},
		"404":                    {text(404, canary), "ResourceNotFoundException", 1},
		"429":                    {text(429, canary), "TooManyRequestsException", 1},
		"400":                    {text(400, canary), "InvalidRequestContentException", 1},
		"500":                    {text(500, canary), "ServiceException", 3},
		"503 named":              {withHeader(503, "EC2ThrottledException"), "EC2ThrottledException", 3},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := serve(t, c.answer)
			for how, h := range map[string]*identity.Hooks{"posted": hooks(t, f, webhook.Options{}), "invoked": invoked(t, f, webhook.Options{})} {
				before := f.count()
				wantFailure(t, how, h.PostConfirmation(t.Context(), &hook.PostConfirmation{Event: common(hook.ConfirmSignUp)}), c.name)
				if got := f.count() - before; got != c.tries {
					t.Errorf("%s: %d tries, want %d", how, got, c.tries)
				}
			}
		})
	}
	gone := serve(t, echo)
	h := hooks(t, gone, webhook.Options{})
	gone.Close()
	_, err := h.PreSignUp(t.Context(), preSignUp())
	wantFailure(t, "nobody listens", err, "ServiceException")
}

// What is not the event is invalid, for every hook that waits for an answer.
func TestAnswersThatAreNoEvent(t *testing.T) {
	t.Parallel()
	event := func(change string, to string) func(http.ResponseWriter, []byte) {
		return func(w http.ResponseWriter, body []byte) {
			var all map[string]json.RawMessage
			_ = json.Unmarshal(body, &all)
			delete(all, change)
			if to != "" {
				all[change] = json.RawMessage(to)
			}
			_ = json.NewEncoder(w).Encode(all)
		}
	}
	cases := map[string]func(http.ResponseWriter, []byte){
		"nothing": text(200, ""),
		"null":    text(200, "null"),
		"garbage": text(200, "\x00\xff{"+canary),
		"HTML":    text(200, "<html><body>"+canary+"</body></html>"),
		"a list":  text(200, "[]"),
		"half":    text(200, `{"version":"1"`),
		"two":     func(w http.ResponseWriter, body []byte) { _, _ = w.Write(append(body, body...)) },
		"a megabyte": func(w http.ResponseWriter, body []byte) {
			_, _ = w.Write(append(body, bytes.Repeat([]byte(" "), 1<<20)...))
		},
		"a redirect": func(w http.ResponseWriter, _ []byte) {
			w.Header().Set("Location", "https://example.com/"+canary)
			w.WriteHeader(307)
		},
		"a null response": event("response", "null"),
		"another case":    event("response", "{}"),
	}
	cases["another case"] = func(w http.ResponseWriter, body []byte) {
		_, _ = w.Write(bytes.Replace(body, []byte(`"userName"`), []byte(`"username"`), 1))
	}
	for _, name := range []string{"version", "triggerSource", "region", "userPoolId", "userName", "callerContext", "request", "response"} {
		cases["without "+name] = event(name, "")
		cases[name+" is a number"] = event(name, "1")
		cases[name+" is null"] = event(name, "null")
	}
	large := []string{"a megabyte"} // which one hook is enough for
	for name, answer := range cases {
		t.Run(name, func(t *testing.T) {
			f := serve(t, answer)
			_, err := invoked(t, f, webhook.Options{}).PreSignUp(t.Context(), preSignUp())
			wantInvalid(t, "invoked", err)
			h := hooks(t, f, webhook.Options{})
			if slices.Contains(large, name) {
				wantInvalid(t, "posted", h.PostConfirmation(t.Context(), &hook.PostConfirmation{Event: common(hook.ConfirmSignUp)}))
				return
			}
			for trigger, err := range runAll(t.Context(), h) {
				if trigger != identity.CustomEmailSender && trigger != identity.CustomSMSSender {
					wantInvalid(t, string(trigger), err)
				}
			}
		})
	}
}

// runAll runs each hook once.
func runAll(ctx context.Context, h *identity.Hooks) map[identity.Trigger]error {
	out := map[identity.Trigger]error{}
	_, out[identity.PreSignUp] = h.PreSignUp(ctx, preSignUp())
	out[identity.PostConfirmation] = h.PostConfirmation(ctx, &hook.PostConfirmation{Event: common(hook.ConfirmSignUp)})
	out[identity.PreAuthentication] = h.PreAuthentication(ctx, &hook.PreAuthentication{Event: common(hook.BeforeSignIn)})
	out[identity.PostAuthentication] = h.PostAuthentication(ctx, &hook.PostAuthentication{Event: common(hook.AfterSignIn)})
	_, out[identity.PreTokenGeneration] = h.PreTokenGeneration(ctx, tokens("V2_0"))
	_, out[identity.CustomMessage] = h.CustomMessage(ctx, &hook.CustomMessage{Event: common("CustomMessage_SignUp"), Medium: "EMAIL"})
	_, out[identity.UserMigration] = h.UserMigration(ctx, &hook.UserMigration{Event: common(hook.MigrateSignIn), Password: canary})
	out[identity.CustomEmailSender] = h.CustomEmailSender(ctx, &hook.CustomSender{Event: common("CustomEmailSender_SignUp"), Code: canary})
	out[identity.CustomSMSSender] = h.CustomSMSSender(ctx, &hook.CustomSender{Event: common("CustomSMSSender_SignUp"), Code: canary})
	return out
}

// An echoed event changes nothing, and is no error.
func TestEchoedEventChangesNothing(t *testing.T) {
	f := serve(t, echo)
	h := hooks(t, f, webhook.Options{})
	for trigger, err := range runAll(t.Context(), h) {
		if err != nil {
			t.Errorf("%s: %v", trigger, err)
		}
	}
	for _, version := range []string{"V1_0", "V2_0", "V3_0"} {
		d, err := h.PreTokenGeneration(t.Context(), tokens(version))
		if err != nil || d.Groups != nil || len(d.ID.Set)+len(d.Access.Set)+len(d.AddScopes) != 0 {
			t.Errorf("%s: %+v, %v", version, d, err)
		}
	}
	if _, err := h.PreTokenGeneration(t.Context(), tokens("V4_0")); err == nil {
		t.Error("an unknown version passes")
	}
}

func TestNew(t *testing.T) {
	for name, o := range map[string]webhook.Options{
		"http elsewhere":   {Endpoint: "http://hooks.example.com"},
		"no URL":           {Endpoint: "hooks.example.com"},
		"a query":          {Endpoint: "https://hooks.example.com/?a=b"},
		"a user":           {Endpoint: "https://u:p@hooks.example.com/"},
		"another scheme":   {Endpoint: "file:///etc/passwd"},
		"no ARN":           {Endpoints: map[string]string{"f": "https://hooks.example.com"}},
		"a bad one of ARN": {Endpoints: map[string]string{arn: "http://hooks.example.com"}},
		"a short secret":   {Secrets: []identity.Secret{"whsec_AAAA"}},
		"no Base64":        {Secrets: []identity.Secret{"whsec_" + identity.Secret(strings.Repeat("!", 40))}},
		"a bad exception":  {Allow: []string{"*"}},
		"negative":         {Timeout: -time.Second},
	} {
		if _, err := webhook.New(&o); err == nil {
			t.Errorf("%s: passes", name)
		}
	}
	c, err := webhook.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Target(&identity.PoolInfo{}, identity.PreSignUp, identity.TriggerTarget{ARN: arn}) != nil {
		t.Error("an ARN without an endpoint can be called")
	}
	if _, err := c.Hooks("https://hooks.example.com", identity.PreSignUp); !errors.Is(err, webhook.ErrNoSecret) {
		t.Errorf("hooks without a secret: %v", err)
	}
}

func TestTarget(t *testing.T) {
	f := serve(t, echo)
	key := "arn:aws:kms:eu-west-1:1:key/k"
	pool := &identity.PoolInfo{Settings: identity.PoolSettings{TriggerKey: &key}}
	in := identity.TriggerTarget{ARN: arn}
	plain := newCaller(t, webhook.Options{Endpoint: f.URL})
	for _, trigger := range []identity.Trigger{identity.CustomEmailSender, identity.CustomSMSSender} {
		h, e := plain.Target(pool, trigger, in), &hook.CustomSender{Event: common("CustomEmailSender_SignUp"), To: "new@example.com", Code: "123456"}
		send := map[identity.Trigger]func(context.Context, *hook.CustomSender) error{identity.CustomEmailSender: h.CustomEmailSender, identity.CustomSMSSender: h.CustomSMSSender}[trigger]
		if err := send(t.Context(), e); err == nil || f.count() != 0 {
			t.Errorf("%s gets codes in clear, although the pool has a key: %v", trigger, err)
		}
		if plain.Target(&identity.PoolInfo{}, trigger, in) == nil {
			t.Errorf("%s cannot be called in a pool without a key", trigger)
		}
	}
	if plain.Target(pool, "HostedAuth", in) != nil || plain.Target(pool, identity.PreSignUp, identity.TriggerTarget{ARN: "../f"}) != nil {
		t.Error("what has no event, or no ARN, can be called")
	}
	encrypting := newCaller(t, webhook.Options{Endpoint: f.URL, Encrypt: func(_ context.Context, p *identity.PoolInfo, code identity.Secret) (string, error) {
		return "encrypted " + *p.Settings.TriggerKey + " " + string(code), nil
	}})
	h := encrypting.Target(pool, identity.CustomEmailSender, in)
	e := &hook.CustomSender{Event: common("CustomEmailSender_AdminCreateUser"), To: "new@example.com", Code: "<1&2>"}
	if err := h.CustomEmailSender(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if got := f.last(); !strings.Contains(got, `"code":"encrypted `+key+` &lt;1&amp;2&gt;"`) {
		t.Errorf("event %s", got)
	}
	failing := newCaller(t, webhook.Options{Endpoint: f.URL, Encrypt: func(context.Context, *identity.PoolInfo, identity.Secret) (string, error) {
		return "", errors.New("no key")
	}})
	before := f.count()
	if err := failing.Target(pool, identity.CustomEmailSender, in).CustomEmailSender(t.Context(), e); err == nil || f.count() != before {
		t.Errorf("a code that cannot be encrypted is sent: %v", err)
	}
}

// A notice has no code, so there is nothing to encrypt: a function must not take the encryption of
// nothing for a code.
func TestNoticeHasNoCode(t *testing.T) {
	f := serve(t, echo)
	key := "arn:aws:kms:eu-west-1:1:key/k"
	c := newCaller(t, webhook.Options{Endpoint: f.URL, Encrypt: func(context.Context, *identity.PoolInfo, identity.Secret) (string, error) {
		return "encrypted", nil
	}})
	h := c.Target(&identity.PoolInfo{Settings: identity.PoolSettings{TriggerKey: &key}}, identity.CustomEmailSender, identity.TriggerTarget{ARN: arn})
	if err := h.CustomEmailSender(t.Context(), &hook.CustomSender{Event: common("CustomEmailSender_PasswordChanged"), To: "a@example.com"}); err != nil {
		t.Fatal(err)
	}
	if got := f.last(); !strings.Contains(got, `"code":null`) {
		t.Errorf("event %s", got)
	}
}

// A message that the outbox sends again has the same id in each call, so that a function can tell.
func TestIDOfAMessageIsThatOfItsPosts(t *testing.T) {
	f := serve(t, echo)
	h, err := newCaller(t, webhook.Options{Secrets: []identity.Secret{secret}}).Hooks(f.URL, identity.CustomEmailSender)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := h.CustomEmailSender(t.Context(), &hook.CustomSender{Event: common("CustomEmailSender_SignUp"), ID: "one", To: "a@example.com", Code: "123456"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.CustomEmailSender(t.Context(), &hook.CustomSender{Event: common("CustomEmailSender_SignUp"), To: "a@example.com", Code: "123456"}); err != nil {
		t.Fatal(err)
	}
	ids := make([]string, len(f.calls))
	for i, r := range f.calls {
		ids[i] = r.Header.Get("Webhook-Id")
	}
	if len(ids) != 3 || ids[0] != "msg_one" || ids[1] != ids[0] || ids[2] == ids[0] || ids[2] == "" {
		t.Errorf("ids %q", ids)
	}
}

// An ARN of a pool's settings is one segment of the path, whatever is in it.
func TestARNIsOneSegment(t *testing.T) {
	f := serve(t, echo)
	own := "arn:own"
	c := newCaller(t, webhook.Options{
		Endpoint:  f.URL + "/base/",
		Endpoints: map[string]string{own: f.URL + "/2015-03-31/functions/function/invocations"},
		Key:       webhook.AccessKey{ID: "AKIDEXAMPLE", Secret: "secret", Token: "token"},
	})
	for arn, want := range map[string]string{
		arn:                    "/base/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Af/invocations",
		"arn:a/../../x?y#z%2F": "/base/2015-03-31/functions/arn%3Aa%2F..%2F..%2Fx%3Fy%23z%252F/invocations",
		own:                    "/2015-03-31/functions/function/invocations",
	} {
		h := c.Target(&identity.PoolInfo{}, identity.PreSignUp, identity.TriggerTarget{ARN: arn})
		if _, err := h.PreSignUp(t.Context(), preSignUp()); err != nil {
			t.Errorf("%s: %v", arn, err)
		}
		r := f.calls[len(f.calls)-1]
		if r.RequestURI != want || r.Method != "POST" {
			t.Errorf("%s %s, want %s", r.Method, r.RequestURI, want)
		}
		if got := r.Header; got.Get("X-Amz-Invocation-Type") != "RequestResponse" || got.Get("X-Amz-Security-Token") != "token" ||
			!strings.HasPrefix(got.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") {
			t.Errorf("headers %v", got)
		}
		if region := strings.Split(r.Header.Get("Authorization"), "/")[2]; region != map[bool]string{true: "eu-west-1", false: "us-east-1"}[strings.Contains(arn, "eu-west-1")] {
			t.Errorf("%s is signed for %s", arn, region)
		}
	}
	if slices.ContainsFunc(f.calls, func(r *http.Request) bool { return r.Header.Get("Webhook-Signature") != "" }) {
		t.Error("a call of the Invoke API is signed as a post")
	}
}

// TestCloseClosesIdleConnections holds for calls of functions and for posts.
func TestCloseClosesIdleConnections(t *testing.T) {
	idle, closed := make(chan struct{}, 10), make(chan struct{}, 10)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateIdle:
			idle <- struct{}{}
		case http.StateClosed:
			closed <- struct{}{}
		}
	}
	s.Start()
	defer s.Close()
	c, err := webhook.New(&webhook.Options{Endpoint: s.URL, Secrets: []identity.Secret{"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}})
	if err != nil {
		t.Fatal(err)
	}
	posts, err := c.Hooks(s.URL, identity.PreAuthentication)
	if err != nil {
		t.Fatal(err)
	}
	target := c.Target(&identity.PoolInfo{}, identity.PreAuthentication, identity.TriggerTarget{ARN: "arn:aws:lambda:us-east-1:123456789012:function:f"})
	for _, h := range []*identity.Hooks{posts, target} {
		if err := h.PreAuthentication(t.Context(), &hook.PreAuthentication{}); err != nil {
			t.Fatal(err)
		}
		<-idle
	}
	c.Close()
	for range 2 {
		select {
		case <-closed:
		case <-time.After(10 * time.Second):
			t.Fatal("a connection is open after Close")
		}
	}
}

// TestHalfAKeyIsRefused holds New to keys that can sign.
func TestHalfAKeyIsRefused(t *testing.T) {
	for _, key := range []webhook.AccessKey{{ID: "AKIDEXAMPLE"}, {Secret: "secret"}} {
		if _, err := webhook.New(&webhook.Options{Key: key}); err == nil {
			t.Errorf("%+v is taken", key)
		}
	}
}
