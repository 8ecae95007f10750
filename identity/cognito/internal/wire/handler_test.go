package wire_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cognate-id/cognate/identity/cognito/internal/fedid"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
	"github.com/cognate-id/cognate/identity/internal/sigv4"
)

const (
	idpPrefix   = "AWSCognitoIdentityProviderService."
	fedidPrefix = "AWSCognitoIdentityService."
)

// handlers answer just enough to be seen.
var handlers = &idp.Handlers{
	GetUser: func(ctx context.Context, in *idp.GetUserRequest) (*idp.GetUserResponse, error) {
		return &idp.GetUserResponse{Username: new(wire.Secret("ann")), UserAttributes: []idp.AttributeType{}}, nil
	},
	DeleteUser: func(context.Context, *idp.DeleteUserRequest) error { return nil },
	GlobalSignOut: func(context.Context, *idp.GlobalSignOutRequest) (*idp.GlobalSignOutResponse, error) {
		return nil, nil
	},
	RevokeToken: func(context.Context, *idp.RevokeTokenRequest) (*idp.RevokeTokenResponse, error) {
		return nil, &wire.Error{Type: idp.UnauthorizedException, Message: "no\r\nX-Evil: 1 é"}
	},
	SignUp: func(_ context.Context, in *idp.SignUpRequest) (*idp.SignUpResponse, error) {
		panic("the handler must not see " + string(*in.Username))
	},
	ConfirmSignUp: func(context.Context, *idp.ConfirmSignUpRequest) (*idp.ConfirmSignUpResponse, error) {
		return nil, errBase
	},
	ForgotPassword: func(ctx context.Context, _ *idp.ForgotPasswordRequest) (*idp.ForgotPasswordResponse, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	},
}

var errBase = errors.New("the disk is full")

type call struct {
	method, path, target, body string
	header                     map[string]string
}

func (c call) do(t testing.TB, h http.Handler) *http.Response {
	t.Helper()
	method, path := c.method, c.path
	if method == "" {
		method, path = http.MethodPost, "/"
	}
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(c.body))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1; charset=utf-8")
	r.Header.Set("X-Amz-Target", c.target)
	for name, value := range c.header {
		r.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Result()
}

func text(t testing.TB, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func newHandler(o *wire.Options) *wire.Handler {
	if o == nil {
		o = &wire.Options{Logger: quiet()}
	}
	return wire.NewHandler(o, idp.Service(handlers), fedid.Service(nil))
}

func TestAnswers(t *testing.T) {
	h := newHandler(nil)
	const token = `{"AccessToken":"a.b.c"}`
	for _, tt := range []struct {
		name   string
		call   call
		status int
		body   string
		typ    string // x-amzn-ErrorType, without the colon
	}{
		{"output", call{target: idpPrefix + "GetUser", body: token}, 200, `{"Username":"ann","UserAttributes":[]}`, ""},
		{"no output", call{target: idpPrefix + "DeleteUser", body: token}, 200, ``, ""},
		{"empty output", call{target: idpPrefix + "GlobalSignOut", body: token}, 200, `{}`, ""},
		{
			"error with a status",
			call{target: idpPrefix + "RevokeToken", body: `{"Token":"a","ClientId":"c"}`},
			401,
			"{\"__type\":\"UnauthorizedException\",\"message\":\"no\\r\\nX-Evil: 1 é\"}", "UnauthorizedException",
		},
		{
			"panic",
			call{target: idpPrefix + "SignUp", body: `{"ClientId":"c","Username":"u"}`},
			500,
			`{"__type":"InternalErrorException"}`, "InternalErrorException",
		},
		{
			"unexpected error",
			call{target: idpPrefix + "ConfirmSignUp", body: `{"ClientId":"c","Username":"u","ConfirmationCode":"1"}`},
			500,
			`{"__type":"InternalErrorException"}`, "InternalErrorException",
		},
		{"no target", call{}, 400, `{"__type":"UnknownOperationException"}`, "UnknownOperationException"},
		{"wrong prefix", call{target: fedidPrefix + "GetUser"}, 400, `{"__type":"UnknownOperationException"}`, "UnknownOperationException"},
		{"unknown operation", call{target: idpPrefix + "getUser"}, 400, `{"__type":"UnknownOperationException"}`, "UnknownOperationException"},
		{
			"not served",
			call{target: fedidPrefix + "GetId", body: `{`},
			400,
			`{"__type":"UnknownOperationException","message":"The operation GetId is not served by this version."}`, "UnknownOperationException",
		},
		{"malformed", call{target: idpPrefix + "GetUser", body: `{"AccessToken"`}, 400, `{"__type":"SerializationException"}`, "SerializationException"},
		{"empty body", call{target: idpPrefix + "GetUser"}, 400, `{"__type":"SerializationException"}`, "SerializationException"},
		{
			"wrong type",
			call{target: idpPrefix + "GetUser", body: `{"AccessToken":{}}`},
			400,
			`{"__type":"SerializationException","Message":"Start of structure or map found where not expected."}`, "SerializationException",
		},
		{
			"constraint",
			call{target: idpPrefix + "GetUser", body: `{}`},
			400,
			`{"__type":"InvalidParameterException","message":"1 validation error detected: Value null at 'accessToken' failed to satisfy constraint: Member must not be null"}`,
			"InvalidParameterException",
		},
		{
			"get",
			call{method: "GET", path: "/"},
			400,
			`{"code":"BadRequest","message":"The server did not understand the operation that was requested.","type":"client"}`, "",
		},
		{
			"other path",
			call{method: "POST", path: "/x", target: idpPrefix + "GetUser", body: token},
			400,
			`{"code":"BadRequest","message":"The server did not understand the operation that was requested.","type":"client"}`, "",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			checkAnswer(t, tt.call.do(t, h), tt.status, tt.body, tt.typ)
		})
	}
}

func checkAnswer(t *testing.T, resp *http.Response, status int, body, typ string) {
	t.Helper()
	if got := text(t, resp); got != body || resp.StatusCode != status {
		t.Errorf("answer %d %s\nwant   %d %s", resp.StatusCode, got, status, body)
	}
	if typ != "" {
		typ += ":"
	}
	if got := resp.Header.Get("x-amzn-ErrorType"); got != typ {
		t.Errorf("x-amzn-ErrorType = %q, want %q", got, typ)
	}
	checkHeaders(t, resp)
}

var uuid4 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func checkHeaders(t *testing.T, resp *http.Response) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Type":                  "application/x-amz-json-1.1",
		"Access-Control-Allow-Origin":   "*",
		"Access-Control-Expose-Headers": "x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date",
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if id := resp.Header.Get("x-amzn-RequestId"); !uuid4.MatchString(id) {
		t.Errorf("x-amzn-RequestId = %q, want a UUID of version 4", id)
	}
	for name, values := range resp.Header {
		for _, v := range values {
			if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("header %s: %q is not printable ASCII", name, v)
			}
		}
	}
}

func TestPreflight(t *testing.T) {
	resp := call{method: "OPTIONS", path: "/", header: map[string]string{
		"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST",
		"Access-Control-Request-Headers": "cache-control,content-type,x-amz-target,x-amz-user-agent",
	}}.do(t, newHandler(nil))
	if got := text(t, resp); resp.StatusCode != 200 || got != "" {
		t.Errorf("answer %d %q, want 200 and nothing", resp.StatusCode, got)
	}
	for name, want := range map[string]string{
		"Access-Control-Allow-Headers": "cache-control,content-type,x-amz-target,x-amz-user-agent",
		"Access-Control-Allow-Methods": "POST",
		"Access-Control-Max-Age":       "172800",
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	checkHeaders(t, resp)
}

func TestTooLarge(t *testing.T) {
	h := newHandler(nil)
	body := `{"AccessToken":"` + strings.Repeat("a", 256<<10) + `"}`
	resp := call{target: idpPrefix + "GetUser", body: body}.do(t, h)
	if got := text(t, resp); resp.StatusCode != 413 || !strings.HasPrefix(got, `{"__type":"RequestEntityTooLargeException"`) {
		t.Errorf("answer %d %s", resp.StatusCode, got)
	}
}

func TestAuthorize(t *testing.T) {
	type key struct{}
	type read struct{}
	var seen *wire.RequestInfo
	h := wire.NewHandler(&wire.Options{
		Logger: quiet(),
		Context: func(ctx context.Context, in wire.Request) context.Context {
			text := *in.(*idp.GetUserRequest).AccessToken
			return context.WithValue(ctx, read{}, string(text))
		},
		Authorize: func(ctx context.Context, r *http.Request, op *wire.Operation, body []byte) (context.Context, error) {
			if op.Caller == wire.Operator {
				return nil, &sigv4.Error{Code: "MissingAuthenticationTokenException", Message: "Missing Authentication Token"}
			}
			return context.WithValue(ctx, key{}, string(body)), nil
		},
	}, idp.Service(&idp.Handlers{
		GetUser: func(ctx context.Context, in *idp.GetUserRequest) (*idp.GetUserResponse, error) {
			seen = wire.RequestFrom(ctx)
			if got := ctx.Value(read{}); got != "x" {
				t.Errorf("the request as Context saw it: %v", got)
			}
			if got := ctx.Value(key{}); got != `{"AccessToken":"x"}` {
				t.Errorf("the body as Authorize saw it: %v", got)
			}
			return nil, nil
		},
		AdminGetUser: func(context.Context, *idp.AdminGetUserRequest) (*idp.AdminGetUserResponse, error) {
			t.Error("an unsigned call reached its handler")
			return nil, nil
		},
	}))
	resp := call{target: idpPrefix + "AdminGetUser", body: `{`}.do(t, h)
	if got, want := text(t, resp), `{"__type":"MissingAuthenticationTokenException","message":"Missing Authentication Token"}`; got != want || resp.StatusCode != 400 {
		t.Errorf("answer %d %s, want 400 %s", resp.StatusCode, got, want)
	}
	call{target: idpPrefix + "GetUser", body: `{"AccessToken":"x"}`, header: map[string]string{
		"Authorization": "AWS4-HMAC-SHA256 Credential=AKID/20261122/eu-west-3/cognito-idp/aws4_request, SignedHeaders=host, Signature=00",
	}}.do(t, h)
	if seen == nil || seen.Region != "eu-west-3" || seen.AccessKey != "AKID" || seen.Operation.Name != "GetUser" || !uuid4.MatchString(seen.ID) {
		t.Errorf("RequestFrom: %+v", seen)
	}
	if wire.RequestFrom(t.Context()) == nil {
		t.Error("RequestFrom outside of a request is nil")
	}
}

func TestMapError(t *testing.T) {
	var undeclared []string
	h := newHandler(&wire.Options{
		Logger: quiet(),
		MapError: func(_ context.Context, op *wire.Operation, err error) *wire.Error {
			return wire.Errorf(idp.GroupExistsException, "%s: %v", op.Name, err)
		},
		Undeclared: func(op *wire.Operation, err *wire.Error) { undeclared = append(undeclared, op.Name+" "+err.Type) },
	})
	resp := call{target: idpPrefix + "ConfirmSignUp", body: `{"ClientId":"c","Username":"u","ConfirmationCode":"1"}`}.do(t, h)
	if got, want := text(t, resp), `{"__type":"GroupExistsException","message":"ConfirmSignUp: the disk is full"}`; got != want || resp.StatusCode != 400 {
		t.Errorf("answer %d %s, want 400 %s", resp.StatusCode, got, want)
	}
	call{target: idpPrefix + "ConfirmSignUp", body: `[]`}.do(t, h)
	if len(undeclared) != 1 || undeclared[0] != "ConfirmSignUp GroupExistsException" {
		t.Errorf("undeclared errors: %q", undeclared)
	}
}

// TestADeadlineIsNo500: a request that found no time is to be sent again, later.
func TestADeadlineIsNo500(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var log bytes.Buffer
		h := newHandler(&wire.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		resp := call{target: idpPrefix + "ForgotPassword", body: `{"ClientId":"c","Username":"u"}`}.do(t, h)
		if took := time.Since(start); took != 30*time.Second || resp.StatusCode != 400 || !strings.Contains(text(t, resp), "TooManyRequestsException") {
			t.Errorf("answer %d after %v, want a TooManyRequestsException after 30s", resp.StatusCode, took)
		}
		if !strings.Contains(log.String(), "deadline exceeded") {
			t.Errorf("log: %s", log.String())
		}
	})
}

// TestPanicIsLogged: the log has the panic, the answer does not.
func TestPanicIsLogged(t *testing.T) {
	var log bytes.Buffer
	h := newHandler(&wire.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	resp := call{target: idpPrefix + "SignUp", body: `{"ClientId":"c","Username":"ann"}`}.do(t, h)
	if got := text(t, resp); strings.Contains(got, "ann") {
		t.Errorf("the answer tells of the panic: %s", got)
	}
	if !strings.Contains(log.String(), "must not see ann") || !strings.Contains(log.String(), "SignUp") {
		t.Errorf("the log does not tell of the panic: %s", log.String())
	}
}

func TestOutput(t *testing.T) {
	out := idp.AdminGetUserResponse{
		UserCreateDate: &wire.Time{Time: time.UnixMilli(1470957431965)},
		UserAttributes: []idp.AttributeType{{Name: new("email"), Value: new(wire.Secret("<a&b>@x"))}},
		UserStatus:     new(idp.UserStatusTypeConfirmed),
		Enabled:        new(false),
	}
	h := wire.NewHandler(nil, idp.Service(&idp.Handlers{
		AdminGetUser: func(context.Context, *idp.AdminGetUserRequest) (*idp.AdminGetUserResponse, error) { return &out, nil },
	}))
	resp := call{target: idpPrefix + "AdminGetUser", body: `{"UserPoolId":"us-east-1_A","Username":"u"}`}.do(t, h)
	const want = `{"UserAttributes":[{"Name":"email","Value":"<a&b>@x"}],"UserCreateDate":1470957431.965,"Enabled":false,"UserStatus":"CONFIRMED"}`
	got := text(t, resp)
	if got != want {
		t.Errorf("answer %s\nwant   %s", got, want)
	}
	var back idp.AdminGetUserResponse
	if err := json.Unmarshal([]byte(got), &back); err != nil || !back.UserCreateDate.Equal(out.UserCreateDate.Time) {
		t.Errorf("read back: %v %v", back.UserCreateDate, err)
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	if err := wire.WriteTable(&b, idp.Operations(handlers), nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| `GetUser` | access token | yes |\n", "| `AdminGetUser` | SigV4 | not yet |\n", "| `SignUp` | public client | yes |\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no line %q", want)
		}
	}
	if got := strings.Count(b.String(), "\n"); got != 153+2 {
		t.Errorf("%d lines, want 153 operations and 2", got)
	}
}

// TestOverHTTP goes through a real server: bodies of unknown length, answers
// without any, and a handler that aborts.
func TestOverHTTP(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for connections that the server gives up")
	}
	t.Parallel()
	server := httptest.NewServer(wire.NewHandler(&wire.Options{Logger: quiet()}, idp.Service(&idp.Handlers{
		DeleteUser: func(context.Context, *idp.DeleteUserRequest) error { return nil },
		GlobalSignOut: func(context.Context, *idp.GlobalSignOutRequest) (*idp.GlobalSignOutResponse, error) {
			panic(http.ErrAbortHandler)
		},
	})))
	defer server.Close()
	send := func(op, body string) (*http.Response, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, struct{ io.Reader }{strings.NewReader(body)})
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Amz-Target", idpPrefix+op)
		return http.DefaultClient.Do(r)
	}
	for _, tt := range []struct {
		body   string
		status int
		length int64
	}{
		{`{"AccessToken":"a"}`, 200, 0},
		{`{"AccessToken":"` + strings.Repeat("a", 255<<10) + `"}`, 200, 0},
		{`{"AccessToken":"` + strings.Repeat("a", 257<<10) + `"}`, 413, 96},
	} {
		resp, err := send("DeleteUser", tt.body)
		if err != nil {
			t.Fatal(err)
		}
		got := text(t, resp)
		resp.Body.Close()
		if resp.StatusCode != tt.status || resp.ContentLength != tt.length || int64(len(got)) != tt.length {
			t.Errorf("answer %d of length %d to %d bytes: %s", resp.StatusCode, resp.ContentLength, len(tt.body), got)
		}
	}
	if resp, err := send("GlobalSignOut", `{"AccessToken":"a"}`); err == nil {
		t.Errorf("answer %d from a handler that aborts", resp.StatusCode)
	}
}

func TestTooManyAtOnce(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	h := wire.NewHandler(&wire.Options{MaxInFlight: 1}, idp.Service(&idp.Handlers{
		ListUserPools: func(context.Context, *idp.ListUserPoolsRequest) (*idp.ListUserPoolsResponse, error) {
			entered <- struct{}{}
			<-release
			return &idp.ListUserPoolsResponse{}, nil
		},
	}))
	call := func() *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{"MaxResults":1}`))
		r.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService.ListUserPools")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	first := make(chan int)
	go func() { first <- call().Code }()
	<-entered
	if w := call(); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "TooManyRequestsException") {
		t.Errorf("second call at once = %d %s, want a TooManyRequestsException", w.Code, w.Body)
	}
	close(release)
	if code := <-first; code != http.StatusOK {
		t.Errorf("first call = %d, want 200", code)
	}
	go func() { <-entered }()
	if w := call(); w.Code != http.StatusOK {
		t.Errorf("call after the first = %d, want 200", w.Code)
	}
}
