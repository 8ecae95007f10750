package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity/edge/gateway"
	"github.com/cognate-id/cognate/token"
)

const (
	issuer = "https://cognito-idp.ap-northeast-1.amazonaws.com/ap-northeast-1_AbCdEf123"
	client = "1example23456789"
	sub    = "11111111-2222-4333-8444-555555555555"
	arn    = "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/GET/pets/7"
)

var now = time.Date(2026, 7, 2, 11, 40, 0, 0, time.UTC)

// A world has a key, and verifiers of its tokens.
type world struct {
	testing.TB
	key                *token.Key
	ids, accesses, any *token.Verifier
}

func newWorld(t testing.TB) *world {
	t.Helper()
	key, err := token.GenerateKey(token.ES256)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{TB: t, key: key}
	w.ids, w.accesses = w.verifier(&token.VerifierOptions{Use: token.UseID}), w.verifier(&token.VerifierOptions{Use: token.UseAccess})
	w.any = w.verifier(&token.VerifierOptions{AnyUse: true})
	return w
}

func (w *world) verifier(o *token.VerifierOptions) *token.Verifier {
	w.Helper()
	o.Now = func() time.Time { return now }
	v, err := token.NewVerifier([]string{issuer}, token.StaticKeys{issuer: token.Set{w.key.Public()}}, []string{client}, o)
	if err != nil {
		w.Fatal(err)
	}
	return v
}

func (w *world) sign(claims string) string {
	w.Helper()
	raw, err := w.key.Sign([]byte(claims))
	if err != nil {
		w.Fatal(err)
	}
	return raw
}

// The claims of tokens as pools issue them. exp of both is Thu Jul 02 12:39:49 UTC 2026.
func id(more string) string {
	return fmt.Sprintf(`{"sub":%q,"cognito:groups":["admin","power user"],"email_verified":true,"iss":%q,"cognito:username":"ann","origin_jti":"o","aud":%q,"event_id":"e","token_use":"id","auth_time":1782992389,"exp":1782995989,"iat":1782992389,"jti":"j","email":"ann@example.com"%s}`, sub, issuer, client, more)
}

func access(scope, more string) string {
	return fmt.Sprintf(`{"sub":%q,"cognito:groups":["admin"],"iss":%q,"version":2,"client_id":%q,"token_use":"access","scope":%q,"auth_time":1782992389,"exp":1782995989,"iat":1782992389,"jti":"j","username":"ann"%s}`, sub, issuer, client, scope, more)
}

func request(t testing.TB, authorization ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	for _, a := range authorization {
		r.Header.Add("Authorization", a)
	}
	return r
}

// same compares JSON with a form that was recorded from the service.
func same(t testing.TB, name string, got any, want string) {
	t.Helper()
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var compact any
	if err := json.Unmarshal([]byte(want), &compact); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	sorted, err := json.Marshal(compact)
	if err != nil {
		t.Fatal(err)
	}
	var again any
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if text, err = json.Marshal(again); err != nil || string(text) != string(sorted) {
		t.Errorf("%s:\ngot  %s\nwant %s", name, text, sorted)
	}
}

func TestCognitoAuthorizer(t *testing.T) {
	w := newWorld(t)
	open := &gateway.CognitoAuthorizer{IDs: w.ids, Accesses: w.accesses}
	scoped := &gateway.CognitoAuthorizer{IDs: w.ids, Accesses: w.accesses, Scopes: []string{"api/read", "api/write"}}
	const want = `{"claims":{"sub":"` + sub + `","cognito:groups":"admin,power user","email_verified":"true","iss":"` + issuer + `","cognito:username":"ann","origin_jti":"o",
		"aud":"` + client + `","event_id":"e","token_use":"id","auth_time":"1782992389","exp":"Thu Jul 02 12:39:49 UTC 2026","iat":"Thu Jul 02 11:39:49 UTC 2026","jti":"j","email":"ann@example.com"}}`
	for _, authorization := range []string{w.sign(id("")), "Bearer " + w.sign(id("")), "bearer " + w.sign(id(`,"x":null`))} {
		got, err := open.Authorize(request(t, authorization))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "an ID token", got, want)
	}
	got, err := scoped.Authorize(request(t, w.sign(access("openid api/write", ""))))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "an access token", got, `{"claims":{"sub":"`+sub+`","cognito:groups":"admin","iss":"`+issuer+`","version":"2","client_id":"`+client+`","token_use":"access",
		"scope":"openid api/write","auth_time":"1782992389","exp":"Thu Jul 02 12:39:49 UTC 2026","iat":"Thu Jul 02 11:39:49 UTC 2026","jti":"j","username":"ann"}}`)
	expired := strings.Replace(id(""), `"exp":1782995989`, `"exp":1782992399`, 1)
	for name, tt := range map[string]struct {
		a       *gateway.CognitoAuthorizer
		head    []string
		message string
	}{
		"none":                           {open, nil, "Unauthorized"},
		"two":                            {open, []string{w.sign(id("")), w.sign(id(""))}, "Unauthorized"},
		"empty":                          {open, []string{"Bearer "}, "Unauthorized"},
		"nonsense":                       {open, []string{"Bearer x"}, "Unauthorized"},
		"expired":                        {open, []string{w.sign(expired)}, "The incoming token has expired"},
		"an access token without scopes": {open, []string{w.sign(access("api/read", ""))}, "Unauthorized"},
		"an ID token with scopes":        {scoped, []string{w.sign(id(""))}, "Unauthorized"},
		"no scope of the method":         {scoped, []string{w.sign(access("openid", ""))}, "Unauthorized"},
		"a scope that begins alike":      {scoped, []string{w.sign(access("api/reader", ""))}, "Unauthorized"},
		"no verifier":                    {&gateway.CognitoAuthorizer{}, []string{w.sign(id(""))}, "Unauthorized"},
	} {
		_, err := tt.a.Authorize(request(t, tt.head...))
		refused, ok := errors.AsType[*gateway.RefusedError](err)
		if !ok || refused.Status != 401 || refused.Message != tt.message {
			t.Errorf("%s: %v", name, err)
			continue
		}
		rec := httptest.NewRecorder()
		if refused.Write(rec); rec.Code != 401 || rec.Body.String() != `{"message":"`+tt.message+"\"}\n" {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
	}
}

func TestJWTAuthorizer(t *testing.T) {
	w := newWorld(t)
	open := &gateway.JWTAuthorizer{Tokens: w.any}
	scoped := &gateway.JWTAuthorizer{Tokens: w.any, Scopes: []string{"api/read"}}
	got, err := open.Authorize(request(t, "Bearer "+w.sign(id(`,"nothing":null,"address":{"formatted":"a <b>"},"identities":[{"userId":"1","primary":true,"issuer":null}],"levels":[1,2.5]`))))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "an ID token", got, `{"jwt":{"claims":{"sub":"`+sub+`","cognito:groups":"[admin power user]","email_verified":"true","iss":"`+issuer+`","cognito:username":"ann",
		"origin_jti":"o","aud":"`+client+`","event_id":"e","token_use":"id","auth_time":"1782992389","exp":"1782995989","iat":"1782992389","jti":"j","email":"ann@example.com",
		"address":"{\"formatted\":\"a <b>\"}","identities":"[map[issuer:<nil> primary:true userId:1]]","levels":"[1 2.5]"},"scopes":null}}`)
	got, err = scoped.Authorize(request(t, "bearer "+w.sign(access("openid api/read", ""))))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "an access token", got, `{"jwt":{"claims":{"sub":"`+sub+`","cognito:groups":"[admin]","iss":"`+issuer+`","version":"2","client_id":"`+client+`","token_use":"access",
		"scope":"openid api/read","auth_time":"1782992389","exp":"1782995989","iat":"1782992389","jti":"j","username":"ann"},"scopes":["openid","api/read"]}}`)
	expired := strings.Replace(id(""), `"exp":1782995989`, `"exp":1782992399`, 1)
	for name, tt := range map[string]struct {
		a         *gateway.JWTAuthorizer
		head      []string
		status    int
		challenge string
	}{
		"none":                   {open, nil, 401, "Bearer"},
		"two":                    {open, []string{"Bearer " + w.sign(id("")), "Bearer " + w.sign(id(""))}, 401, "Bearer"},
		"no scheme":              {open, []string{w.sign(id(""))}, 401, "Bearer"},
		"another scheme":         {open, []string{"Basic eDp5"}, 401, "Bearer"},
		"nonsense":               {open, []string{"Bearer x"}, 401, `Bearer scope="" error="invalid_token" error_description="the token is not valid here"`},
		"expired":                {scoped, []string{"Bearer " + w.sign(expired)}, 401, `Bearer scope="api/read" error="invalid_token" error_description="the token has expired"`},
		"no scope of the route":  {scoped, []string{"Bearer " + w.sign(access("openid", ""))}, 403, `Bearer scope="api/read" error="insufficient_scope" error_description="the token does not allow this"`},
		"an ID token has no one": {scoped, []string{"Bearer " + w.sign(id(""))}, 403, `Bearer scope="api/read" error="insufficient_scope" error_description="the token does not allow this"`},
		"no verifier":            {&gateway.JWTAuthorizer{}, []string{"Bearer " + w.sign(id(""))}, 401, "Bearer"},
	} {
		_, err := tt.a.Authorize(request(t, tt.head...))
		refused, ok := errors.AsType[*gateway.RefusedError](err)
		if !ok || refused.Status != tt.status {
			t.Errorf("%s: %v", name, err)
			continue
		}
		rec := httptest.NewRecorder()
		if refused.Write(rec); rec.Code != tt.status || rec.Header().Get("WWW-Authenticate") != tt.challenge {
			t.Errorf("%s: %d %q", name, rec.Code, rec.Header().Get("WWW-Authenticate"))
		}
	}
	broken := &gateway.JWTAuthorizer{Tokens: w.verifier(&token.VerifierOptions{AnyUse: true, Revoked: revoked})}
	if _, err := broken.Authorize(request(t, "Bearer "+w.sign(id("")))); !strings.Contains(fmt.Sprint(err), "nobody knows") {
		t.Errorf("a verifier that cannot find out: %v", err)
	} else if refused, _ := errors.AsType[*gateway.RefusedError](err); refused.Status != 503 {
		t.Errorf("a verifier that cannot find out: %d", refused.Status)
	}
}

// The forms were recorded from REST APIs and HTTP APIs.
func TestCaller(t *testing.T) {
	const provider = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123"
	user := gateway.Caller{
		AccessKey: "ASIAEXAMPLE", Account: "123456789012", ARN: "arn:aws:sts::123456789012:assumed-role/reader/CognitoIdentityCredentials",
		UserID: "AROAEXAMPLE:CognitoIdentityCredentials", IdentityID: "eu-west-1:i", PoolID: "eu-west-1:p", AMR: []string{"authenticated", provider, provider + ":CognitoSignIn:" + sub},
	}
	same(t, "a user, REST", user.REST("203.0.113.9", "curl"), `{"cognitoIdentityPoolId":"eu-west-1:p","accountId":"123456789012","cognitoIdentityId":"eu-west-1:i",
		"caller":"AROAEXAMPLE:CognitoIdentityCredentials","sourceIp":"203.0.113.9","principalOrgId":null,"accessKey":"ASIAEXAMPLE","cognitoAuthenticationType":"authenticated",
		"cognitoAuthenticationProvider":"`+provider+`,`+provider+`:CognitoSignIn:`+sub+`","userArn":"arn:aws:sts::123456789012:assumed-role/reader/CognitoIdentityCredentials",
		"userAgent":"curl","user":"AROAEXAMPLE:CognitoIdentityCredentials","apiKey":null}`)
	same(t, "a user, HTTP", user.HTTP(), `{"iam":{"accessKey":"ASIAEXAMPLE","accountId":"123456789012","callerId":"AROAEXAMPLE:CognitoIdentityCredentials",
		"cognitoIdentity":{"amr":["authenticated","`+provider+`","`+provider+`:CognitoSignIn:`+sub+`"],"identityId":"eu-west-1:i","identityPoolId":"eu-west-1:p"},
		"principalOrgId":"","userArn":"arn:aws:sts::123456789012:assumed-role/reader/CognitoIdentityCredentials","userId":"AROAEXAMPLE:CognitoIdentityCredentials"}}`)
	same(t, "a user, Lambda", user.Lambda(), `{"cognitoIdentityId":"eu-west-1:i","cognitoIdentityPoolId":"eu-west-1:p"}`)

	guest := user
	guest.AMR, guest.OrgID = []string{"unauthenticated"}, "o-1"
	same(t, "a guest, REST", guest.REST("203.0.113.9", "curl"), `{"cognitoIdentityPoolId":"eu-west-1:p","accountId":"123456789012","cognitoIdentityId":"eu-west-1:i",
		"caller":"AROAEXAMPLE:CognitoIdentityCredentials","sourceIp":"203.0.113.9","principalOrgId":"o-1","accessKey":"ASIAEXAMPLE","cognitoAuthenticationType":"unauthenticated",
		"cognitoAuthenticationProvider":null,"userArn":"arn:aws:sts::123456789012:assumed-role/reader/CognitoIdentityCredentials","userAgent":"curl",
		"user":"AROAEXAMPLE:CognitoIdentityCredentials","apiKey":null}`)

	same(t, "nobody, REST", gateway.Caller{}.REST("203.0.113.9", ""), `{"cognitoIdentityPoolId":null,"accountId":null,"cognitoIdentityId":null,"caller":null,"sourceIp":"203.0.113.9",
		"principalOrgId":null,"accessKey":null,"cognitoAuthenticationType":null,"cognitoAuthenticationProvider":null,"userArn":null,"userAgent":"","user":null,"apiKey":null}`)
	operator := gateway.Caller{AccessKey: "AKIAEXAMPLE", Account: "123456789012", ARN: "arn:aws:iam::123456789012:user/ann", UserID: "AIDAEXAMPLE"}
	same(t, "an operator, HTTP", operator.HTTP(), `{"iam":{"accessKey":"AKIAEXAMPLE","accountId":"123456789012","callerId":"AIDAEXAMPLE","cognitoIdentity":null,"principalOrgId":"",
		"userArn":"arn:aws:iam::123456789012:user/ann","userId":"AIDAEXAMPLE"}}`)
	if operator.Lambda() != nil {
		t.Error("an operator is an identity of a pool")
	}
}

// call sends an event to a Lambda authorizer.
func call(t testing.TB, h http.Handler, event string) *httptest.ResponseRecorder {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/2015-03-31/functions/authorizer/invocations", strings.NewReader(event)))
	return rec
}

func TestLambda(t *testing.T) {
	w := newWorld(t)
	quiet := slog.New(slog.DiscardHandler)
	h := gateway.NewLambda(w.verifier(&token.VerifierOptions{Use: token.UseAccess, Scopes: []string{"api/read"}}), &gateway.LambdaOptions{Logger: quiet})
	stage := gateway.NewLambda(w.accesses, &gateway.LambdaOptions{Logger: quiet, WholeStage: true})
	easy := gateway.NewLambda(w.verifier(&token.VerifierOptions{Use: token.UseAccess, Scopes: []string{"api/read"}}), &gateway.LambdaOptions{Logger: quiet, Simple: true})
	good, poor := w.sign(access("api/read", "")), w.sign(access("openid", ""))
	byToken := func(token, arn string) string {
		return fmt.Sprintf(`{"type":"TOKEN","authorizationToken":%q,"methodArn":%q}`, token, arn)
	}
	byRequest := func(headers string) string {
		return `{"type":"REQUEST","methodArn":"` + arn + `","resource":"/pets/{id}","path":"/pets/7","httpMethod":"GET","headers":` + headers + `,"multiValueHeaders":{}}`
	}
	second := func(token string) string {
		return fmt.Sprintf(`{"version":"2.0","type":"REQUEST","routeArn":%q,"identitySource":[%q],"routeKey":"GET /pets/{id}","rawPath":"/pets/7","headers":{"authorization":%q},"requestContext":{}}`, arn, token, token)
	}
	const told = `,"context":{"client_id":"` + client + `","groups":"admin","scope":"api/read","sub":"` + sub + `","username":"ann"}`
	allow := func(resource string) string {
		return `{"principalId":"` + sub + `","policyDocument":{"Version":"2012-10-17","Statement":[{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"` + resource + `"}]}` + told + `}`
	}
	const deny = `{"principalId":"denied","policyDocument":{"Version":"2012-10-17","Statement":[{"Action":"execute-api:Invoke","Effect":"Deny","Resource":"` + arn + `"}]}}`
	const unauthorized = `{"errorMessage":"Unauthorized","errorType":"Error"}`
	const failed = `{"errorMessage":"the caller cannot be judged","errorType":"Error"}`
	for _, tt := range []struct {
		name  string
		h     http.Handler
		event string
		want  string
	}{
		{"token", h, byToken("Bearer "+good, arn), allow(arn)},
		{"raw token", h, byToken(good, arn), allow(arn)},
		{"request", h, byRequest(`{"Authorization":"Bearer ` + good + `"}`), allow(arn)},
		{"request, HTTP API", h, second("Bearer " + good), allow(arn)},
		{"simple", easy, second("Bearer " + good), `{"isAuthorized":true` + told + `}`},
		{"simple, denied", easy, second("Bearer " + poor), `{"isAuthorized":false}`},
		{"simple, payload 1.0", easy, byToken(good, arn), allow(arn)},
		{"whole stage", stage, byToken(good, arn), allow("arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/*")},
		{"whole stage, a pattern in the path", stage, byToken(good, arn+"*"), allow("arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/*")},
		{"a scope is missing", h, byToken(poor, arn), deny},
		{"no token", h, byToken("", arn), unauthorized},
		{"no header", h, byRequest(`{}`), unauthorized},
		{"two headers", h, byRequest(`{"Authorization":"Bearer ` + good + `","authorization":"Bearer ` + good + `"}`), unauthorized},
		{"two values", h, strings.Replace(byRequest(`{"Authorization":"Bearer `+good+`"}`), `"multiValueHeaders":{}`, `"multiValueHeaders":{"Authorization":["Bearer x","Bearer `+good+`"]}`, 1), unauthorized},
		{"nonsense", h, byToken("Bearer x", arn), unauthorized},
		{"an ID token", h, byToken(w.sign(id("")), arn), unauthorized},
		{"a pattern in the path", h, byToken(good, arn+"/*"), unauthorized},
		{"a question mark in the path", h, byToken(good, arn+"/?"), unauthorized},
		{"a variable in the path", h, byToken(good, arn+"/${aws:username}"), unauthorized},
		{"a pattern as the stage", stage, byToken(good, "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/*/GET/x"), failed},
		{"another service", h, byToken(good, "arn:aws:s3:::bucket"), failed},
		{"no ARN", h, byToken(good, ""), failed},
		{"another type", h, strings.Replace(byToken(good, arn), "TOKEN", "OTHER", 1), failed},
		{"no JSON", h, `x`, failed},
		{"a list", h, `[]`, failed},
	} {
		rec := call(t, tt.h, tt.event)
		if rec.Code != 200 || rec.Body.String() != tt.want+"\n" {
			t.Errorf("%s: %d\ngot  %swant %s", tt.name, rec.Code, rec.Body, tt.want)
		}
		if failed := rec.Header().Get("X-Amz-Function-Error") == "Unhandled"; failed != strings.Contains(tt.want, "errorMessage") {
			t.Errorf("%s: X-Amz-Function-Error is %q", tt.name, rec.Header().Get("X-Amz-Function-Error"))
		}
	}
	if rec := call(t, h, byToken(strings.Repeat("x", 300<<10), arn)); rec.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a very long event: %d", rec.Code)
	}
	rec := httptest.NewRecorder()
	if h.ServeHTTP(rec, request(t)); rec.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", rec.Code)
	}
	broken := gateway.NewLambda(w.verifier(&token.VerifierOptions{Use: token.UseAccess, Revoked: revoked}), &gateway.LambdaOptions{Logger: quiet})
	if rec := call(t, broken, byToken(good, arn)); rec.Body.String() != failed+"\n" {
		t.Errorf("a verifier that cannot find out: %s", rec.Body)
	}
}

func FuzzLambda(f *testing.F) {
	w := newWorld(f)
	h := gateway.NewLambda(w.accesses, &gateway.LambdaOptions{Logger: slog.New(slog.DiscardHandler)})
	f.Add(`{"type":"TOKEN","authorizationToken":"x","methodArn":"` + arn + `"}`)
	f.Add(`{"version":"2.0","type":"REQUEST","routeArn":"` + arn + `","headers":{"authorization":"x"}}`)
	f.Fuzz(func(t *testing.T, event string) {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(event)))
		if rec.Code >= 500 || strings.Contains(rec.Body.String(), "Allow") {
			t.Errorf("%q: %d %s", event, rec.Code, rec.Body)
		}
	})
}

// revoked cannot find out whether a token was revoked.
func revoked(context.Context, *token.Claims) error { return errors.New("nobody knows") }
