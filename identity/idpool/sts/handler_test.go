package sts_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity/idpool/sts"
	"github.com/cognate-id/cognate/identity/internal/sigv4"
)

// tokens is a VerifyWebIdentity that knows a few tokens.
func tokens(_ context.Context, raw string) (*sts.WebIdentity, error) {
	who := &sts.WebIdentity{Provider: sts.CognitoIdentity, IdentityID: identityID, PoolID: poolID, Subject: identityID, Audience: poolID, AMR: amr}
	switch raw {
	case "user":
		return who, nil
	case "tagged":
		who.Tags, who.Transitive = map[string]string{"team": "red"}, []string{"team"}
		return who, nil
	case "guest":
		who.AMR = []string{"unauthenticated"}
		return who, nil
	case "pool":
		return &sts.WebIdentity{
			Provider: "cognito-idp.us-east-1.amazonaws.com/us-east-1_Example", Aliases: []string{"127.0.0.1:9229/us-east-1_Example"},
			Subject: "9a4c3b1e", Audience: "client",
		}, nil
	case "old!":
		return nil, fmt.Errorf("token: %w", sts.ErrExpired)
	case "half":
		return &sts.WebIdentity{Provider: sts.CognitoIdentity}, nil
	case "down":
		return nil, errors.New("the store is down")
	default:
		return nil, sts.ErrInvalidToken
	}
}

// An answer is any answer of STS.
type answer struct {
	XMLName xml.Name
	Code    string                                `xml:"Error>Code"`
	Message string                                `xml:"Error>Message"`
	Type    string                                `xml:"Error>Type"`
	Web     result                                `xml:"AssumeRoleWithWebIdentityResult"`
	Role    result                                `xml:"AssumeRoleResult"`
	Caller  struct{ Arn, UserId, Account string } `xml:"GetCallerIdentityResult"`
	status  int
	raw     string
}

type result struct {
	SubjectFromWebIdentityToken, Audience, Provider string
	AssumedRoleUser                                 struct{ Arn, AssumedRoleId string }
	Credentials                                     struct{ AccessKeyId, SecretAccessKey, SessionToken, Expiration string }
}

func (r *result) key() *sigv4.Key {
	return &sigv4.Key{ID: r.Credentials.AccessKeyId, Secret: r.Credentials.SecretAccessKey, Token: r.Credentials.SessionToken}
}

// post calls the API, signed with a key if there is one.
func (w *world) post(k *sigv4.Key, members ...string) *answer {
	w.t.Helper()
	form := url.Values{"Version": {"2011-06-15"}}
	for i := 0; i < len(members); i += 2 {
		form.Set(members[i], members[i+1])
	}
	return w.send(k, form.Encode())
}

func (w *world) send(k *sigv4.Key, body string) *answer {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "https://sts.example.com/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if k != nil {
		sigv4.Sign(r, []byte(body), *k, "us-east-1", "sts", w.now)
	}
	return w.serve(r)
}

func (w *world) serve(r *http.Request) *answer {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	raw, err := io.ReadAll(rec.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	a := &answer{status: rec.Code, raw: string(raw)}
	if err := xml.Unmarshal(raw, a); err != nil {
		w.t.Fatalf("%v: %s", err, raw)
	}
	if a.XMLName.Space != "https://sts.amazonaws.com/doc/2011-06-15/" || rec.Header().Get("Content-Type") != "text/xml" ||
		rec.Header().Get("X-Amzn-Requestid") == "" || !strings.Contains(a.raw, "<RequestId>"+rec.Header().Get("X-Amzn-Requestid")+"</RequestId>") {
		w.t.Errorf("form of the answer: %v, %s", rec.Header(), raw)
	}
	return a
}

func newAPI(t *testing.T) *world {
	t.Helper()
	return newWorld(t, func(o *sts.Options) { o.VerifyWebIdentity = tokens })
}

func TestAssumeRoleWithWebIdentity(t *testing.T) {
	w := newAPI(t)
	a := w.post(nil, "Action", "AssumeRoleWithWebIdentity", "RoleArn", readerARN, "RoleSessionName", "web.app@1", "WebIdentityToken", "user", "DurationSeconds", "900")
	got := a.Web
	if a.status != 200 || a.XMLName.Local != "AssumeRoleWithWebIdentityResponse" || got.SubjectFromWebIdentityToken != identityID || got.Audience != poolID ||
		got.Provider != "cognito-identity.amazonaws.com" || got.AssumedRoleUser.Arn != "arn:aws:sts::000000000000:assumed-role/reader/web.app@1" ||
		!strings.HasSuffix(got.AssumedRoleUser.AssumedRoleId, ":web.app@1") || got.Credentials.Expiration != "2026-11-30T12:15:00Z" {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	who := w.post(got.key(), "Action", "GetCallerIdentity")
	if who.status != 200 || who.Caller.Arn != got.AssumedRoleUser.Arn || who.Caller.UserId != got.AssumedRoleUser.AssumedRoleId || who.Caller.Account != account {
		t.Errorf("%d %s", who.status, who.raw)
	}
}

// TestIDTokenOfAUserPool: a trust policy may name a user pool, as IAM would or by its local issuer.
func TestIDTokenOfAUserPool(t *testing.T) {
	w := newAPI(t)
	for i, principal := range []string{
		"cognito-idp.us-east-1.amazonaws.com/us-east-1_Example",
		"arn:aws:iam::000000000000:oidc-provider/cognito-idp.us-east-1.amazonaws.com/us-east-1_Example",
		"127.0.0.1:9229/us-east-1_Example",
		"arn:aws:iam::000000000000:oidc-provider/127.0.0.1:9229/us-east-1_Example",
	} {
		name := principal[strings.LastIndex(principal, "oidc-provider/")+1:]
		name = strings.TrimPrefix(name, "idc-provider/")
		if i < 2 {
			name = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Example"
		}
		arn := fmt.Sprint("arn:aws:iam::000000000000:role/pool", i)
		_, err := w.CreateRole(t.Context(), &sts.Role{ARN: arn, Trust: `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":"` + principal + `"},
			"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"` + name + `:aud":"client","` + name + `:sub":"9a4c3b1e"}}}}`})
		if err != nil {
			t.Fatal(err)
		}
		call := []string{"Action", "AssumeRoleWithWebIdentity", "RoleArn", arn, "RoleSessionName", "web", "WebIdentityToken"}
		if a := w.post(nil, append(call, "pool")...); a.status != 200 || a.Web.Provider != "cognito-idp.us-east-1.amazonaws.com/us-east-1_Example" {
			t.Errorf("%s: %s", principal, a.raw)
		}
		if a := w.post(nil, append(call, "user")...); a.Code != "AccessDenied" {
			t.Errorf("%s: a token of another provider: %s", principal, a.raw)
		}
	}
	if a := w.post(nil, "Action", "AssumeRoleWithWebIdentity", "RoleArn", readerARN, "RoleSessionName", "web", "WebIdentityToken", "pool"); a.Code != "AccessDenied" {
		t.Errorf("a role that does not name the user pool: %s", a.raw)
	}
}

func TestErrorsOfTheAPI(t *testing.T) {
	w := newAPI(t)
	with := func(extra ...string) []string {
		return append([]string{"Action", "AssumeRoleWithWebIdentity", "RoleArn", readerARN, "RoleSessionName", "web", "WebIdentityToken", "user"}, extra...)
	}
	for _, tt := range []struct {
		name    string
		members []string
		status  int
		code    string
		message string
	}{
		{"trust refuses", with("WebIdentityToken", "guest"), 403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		{"unknown role", with("RoleArn", readerARN+"x"), 403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		{"bad token", with("WebIdentityToken", "evil"), 400, "InvalidIdentityToken", ""},
		{"incomplete token", with("WebIdentityToken", "half"), 400, "InvalidIdentityToken", ""},
		{"expired token", with("WebIdentityToken", "old!"), 400, "ExpiredTokenException", ""},
		{"short token", with("WebIdentityToken", "abc"), 400, "ValidationError", ""},
		{"long token", with("WebIdentityToken", strings.Repeat("a", 20001)), 400, "ValidationError", ""},
		{"no session name", with("RoleSessionName", ""), 400, "ValidationError", ""},
		{"session name with XML", with("RoleSessionName", `<Arn>&"x`), 400, "ValidationError", `Value '<Arn>&"x' at 'roleSessionName'`},
		{"session name that XML cannot have", with("RoleSessionName", "a\x00\x1b\xff"), 400, "ValidationError", ""},
		{"session name too long", with("RoleSessionName", strings.Repeat("a", 65)), 400, "ValidationError", ""},
		{"duration", with("DurationSeconds", "899"), 400, "ValidationError", ""},
		{"duration of the role", with("DurationSeconds", "3601"), 400, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."},
		{"duration is text", with("DurationSeconds", "1h"), 400, "ValidationError", ""},
		{"policy", with("Policy", "{"), 400, "MalformedPolicyDocument", ""},
		{"managed policies", with("PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"), 400, "ValidationError", ""},
		{"failure", with("WebIdentityToken", "down"), 500, "InternalFailure", ""},
		{"unknown operation", []string{"Action", "GetFederationToken"}, 400, "InvalidAction", "Could not find operation GetFederationToken for version 2011-06-15"},
		{"other version", []string{"Action", "GetCallerIdentity", "Version", "2010-05-08"}, 400, "InvalidAction", ""},
		{"unsigned", []string{"Action", "GetCallerIdentity"}, 403, "MissingAuthenticationToken", ""},
		{"unsigned", []string{"Action", "AssumeRole", "RoleArn", readerARN, "RoleSessionName", "x1"}, 403, "MissingAuthenticationToken", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := w.post(nil, tt.members...)
			kind := "Sender"
			if tt.status == 500 {
				kind = "Receiver"
			}
			if a.status != tt.status || a.Code != tt.code || a.Type != kind || !strings.Contains(a.Message, tt.message) || a.Message == "" {
				t.Errorf("%d %s, want %d %s %s", a.status, a.raw, tt.status, tt.code, tt.message)
			}
		})
	}
	for _, body := range []string{"Action=GetCallerIdentity&Action=AssumeRole&Version=2011-06-15", "%zz", strings.Repeat("a", 70<<10)} {
		if a := w.send(nil, body); a.status < 400 || a.status >= 500 || a.Code == "" {
			t.Errorf("%.20s: %s", body, a.raw)
		}
	}
}

// TestHandles: STS takes no request of another API.
func TestHandles(t *testing.T) {
	w := newAPI(t)
	for _, tt := range []struct {
		method, path, kind, target string
		want                       bool
	}{
		{"POST", "/", "application/x-www-form-urlencoded", "", true},
		{"POST", "/", "application/x-www-form-urlencoded; charset=utf-8", "", true},
		{"POST", "/", "application/x-www-form-urlencoded", "AWSCognitoIdentityProviderService.ListUsers", false},
		{"POST", "/", "application/x-amz-json-1.1", "", false},
		{"POST", "/", "", "", false},
		{"POST", "/oauth2/token", "application/x-www-form-urlencoded", "", false},
		{"GET", "/", "application/x-www-form-urlencoded", "", false},
		{"GET", "/?Version=2011-06-15", "", "", false},
		{"GET", "/?Action=GetCallerIdentity", "", "", true},
		{"GET", "/?Action=GetCallerIdentity", "", "AWSCognitoIdentityProviderService.ListUsers", false},
		{"GET", "/things?Action=GetCallerIdentity", "", "", false},
		{"POST", "/?Action=GetCallerIdentity", "", "", false},
		{"PUT", "/?Action=GetCallerIdentity", "application/x-www-form-urlencoded", "", false},
	} {
		r := httptest.NewRequest(tt.method, tt.path, nil)
		r.Header.Set("Content-Type", tt.kind)
		r.Header.Set("X-Amz-Target", tt.target)
		if got := w.Handles(r); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
		if !tt.want {
			if a := w.serve(r); a.Code != "InvalidAction" {
				t.Errorf("%+v: %s", tt, a.raw)
			}
		}
	}
}

// chain makes a role that may assume another, and the other, and returns credentials of the first.
func (w *world) chain(token, trust string) *sigv4.Key {
	w.t.Helper()
	w.role(brokerARN, false, sts.Statement(false, []string{"sts:AssumeRole"}, []string{"arn:aws:iam::000000000000:role/w*"}))
	_, err := w.CreateRole(w.t.Context(), &sts.Role{ARN: writerARN, Trust: trust, MaxSession: 2 * time.Hour})
	if err != nil {
		w.t.Fatal(err)
	}
	a := w.post(nil, "Action", "AssumeRoleWithWebIdentity", "RoleArn", brokerARN, "RoleSessionName", "web", "WebIdentityToken", token)
	if a.status != 200 {
		w.t.Fatal(a.raw)
	}
	return a.Web.key()
}

const trustAccount = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":["sts:AssumeRole","sts:TagSession"],
	"Condition":{"StringEqualsIfExists":{"sts:ExternalId":"x1","aws:RequestTag/team":"red"}}}}`

func TestAssumeRole(t *testing.T) {
	w := newAPI(t)
	k := w.chain("tagged", trustAccount)
	call := func(extra ...string) *answer {
		w.now = w.now.Add(3 * time.Second) // or equal calls would be one
		return w.post(k, append([]string{"Action", "AssumeRole", "RoleArn", writerARN, "RoleSessionName", "hop"}, extra...)...)
	}
	a := call("Tags.member.1.Key", "stage", "Tags.member.1.Value", "prod", "ExternalId", "x1")
	if a.status != 200 || a.Role.AssumedRoleUser.Arn != "arn:aws:sts::000000000000:assumed-role/writer/hop" {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	x, err := w.Open(t.Context(), a.Role.Credentials.SessionToken)
	if err != nil || x.Tags["stage"] != "prod" || x.Tags["team"] != "red" || len(x.Transitive) != 1 || x.IdentityID != identityID || x.Provider != "" {
		t.Errorf("%+v, %v", x, err)
	}
	for _, tt := range []struct {
		name  string
		extra []string
		code  string
	}{
		{"a role that the policy does not name", []string{"RoleArn", readerARN}, "AccessDenied"},
		{"a role that is not there", []string{"RoleArn", writerARN + "x"}, "AccessDenied"},
		{"another external id", []string{"ExternalId", "x2"}, "AccessDenied"},
		{"a transitive tag", []string{"Tags.member.1.Key", "TEAM", "Tags.member.1.Value", "blue"}, "ValidationError"},
		{"a tag twice", []string{"Tags.member.1.Key", "a", "Tags.member.1.Value", "b", "Tags.member.2.Key", "A", "Tags.member.2.Value", "b"}, "ValidationError"},
		{"a gap in the tags", []string{"Tags.member.2.Key", "a", "Tags.member.2.Value", "b"}, "ValidationError"},
		{"too many tags", manyTags(51), "ValidationError"},
		{"over an hour in a chain", []string{"DurationSeconds", "3601"}, "ValidationError"},
		{"session name", []string{"RoleSessionName", "x"}, "ValidationError"},
		{"MFA", []string{"SerialNumber", "arn:aws:iam::000000000000:mfa/ada"}, "ValidationError"},
	} {
		if a := call(tt.extra...); a.Code != tt.code {
			t.Errorf("%s: %s, want %s", tt.name, a.raw, tt.code)
		}
	}
	if err := w.RevokeRole(t.Context(), brokerARN); err != nil {
		t.Fatal(err)
	}
	if a := call(); a.Code != "InvalidClientTokenId" {
		t.Errorf("after the first role was revoked: %s", a.raw)
	}
}

func manyTags(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("Tags.member.%d.Key", i+1), fmt.Sprint("k", i), fmt.Sprintf("Tags.member.%d.Value", i+1), "v")
	}
	return out
}

// TestAssumeRoleNeedsBoth: the policies of the caller, and the trust policy.
func TestAssumeRoleNeedsBoth(t *testing.T) {
	for _, tt := range []struct{ principal, code string }{
		{"arn:aws:iam::000000000000:root", ""},
		{"000000000000", ""},
		{brokerARN, ""},
		{"arn:aws:sts::000000000000:assumed-role/broker/web", ""},
		{"arn:aws:sts::000000000000:assumed-role/broker/other", "AccessDenied"},
		{readerARN, "AccessDenied"},
		{"arn:aws:iam::111122223333:root", "AccessDenied"},
	} {
		w := newAPI(t)
		k := w.chain("user", `{"Statement":{"Effect":"Allow","Principal":{"AWS":"`+tt.principal+`"},"Action":"sts:AssumeRole"}}`)
		if a := w.post(k, "Action", "AssumeRole", "RoleArn", writerARN, "RoleSessionName", "hop"); a.Code != tt.code {
			t.Errorf("%s: %s, want %q", tt.principal, a.raw, tt.code)
		}
		reader := w.post(nil, "Action", "AssumeRoleWithWebIdentity", "RoleArn", readerARN, "RoleSessionName", "web", "WebIdentityToken", "user")
		if a := w.post(reader.Web.key(), "Action", "AssumeRole", "RoleArn", writerARN, "RoleSessionName", "hop"); a.Code != "AccessDenied" ||
			a.Message != "User: arn:aws:sts::000000000000:assumed-role/reader/web is not authorized to perform: sts:AssumeRole on resource: "+writerARN {
			t.Errorf("%s: by a role that may not: %s", tt.principal, a.raw)
		}
	}
}

// TestGuestsChainNothing: sts is not among what guests of the enhanced flow may do.
func TestGuestsChainNothing(t *testing.T) {
	w := newAPI(t)
	w.chain("user", trustAccount)
	_, err := w.UpdateRole(t.Context(), guestARN, func(r *sts.Role) error {
		r.Policies["main"] = sts.Statement(false, []string{"*"}, []string{"*"})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	k := key(w.assume(guest()))
	if a := w.post(&k, "Action", "AssumeRole", "RoleArn", writerARN, "RoleSessionName", "hop"); a.Code != "AccessDenied" {
		t.Error(a.raw)
	}
}

func TestOperatorsKeys(t *testing.T) {
	const id, secret = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	may := true
	w := newWorld(t, func(o *sts.Options) {
		o.Operator = func(_ context.Context, accessKey string) (sts.Operator, bool, error) {
			return sts.Operator{Secret: secret, UserID: id, ARN: "arn:aws:iam::000000000000:user/ada", Assumes: may}, accessKey == id, nil
		}
	})
	if _, err := w.CreateRole(t.Context(), &sts.Role{ARN: writerARN, Trust: trustAccount, MaxSession: 2 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	k := &sigv4.Key{ID: id, Secret: secret}
	if a := w.post(k, "Action", "GetCallerIdentity"); a.Caller.Arn != "arn:aws:iam::000000000000:user/ada" || a.Caller.UserId != id || a.Caller.Account != account {
		t.Error(a.raw)
	}
	if a := w.post(k, "Action", "AssumeRole", "RoleArn", writerARN, "RoleSessionName", "ada", "DurationSeconds", "7200"); a.status != 200 {
		t.Error(a.raw)
	}
	may = false
	if a := w.post(k, "Action", "AssumeRole", "RoleArn", writerARN, "RoleSessionName", "eve"); a.Code != "AccessDenied" {
		t.Error(a.raw)
	}
	if a := w.post(&sigv4.Key{ID: "AKIAUNKNOWN", Secret: secret}, "Action", "GetCallerIdentity"); a.Code != "InvalidClientTokenId" {
		t.Error(a.raw)
	}
	if a := w.post(&sigv4.Key{ID: id, Secret: "other"}, "Action", "GetCallerIdentity"); a.Code != "SignatureDoesNotMatch" {
		t.Error(a.raw)
	}
	if a := w.post(&sigv4.Key{ID: id, Secret: secret, Token: "t"}, "Action", "GetCallerIdentity"); a.Code != "InvalidClientTokenId" {
		t.Error(a.raw)
	}
}

// A fake takes any access key, from where it is told to, but holds sessions of its own to their signatures.
func TestUnsignedOperators(t *testing.T) {
	const id = "AKIAIOSFODNN7EXAMPLE"
	var from error
	w := newWorld(t, func(o *sts.Options) { o.InsecureUnsigned = func(*http.Request) error { return from } })
	if _, err := w.CreateRole(t.Context(), &sts.Role{ARN: writerARN, Trust: trustAccount}); err != nil {
		t.Fatal(err)
	}
	any := &sigv4.Key{ID: id, Secret: "any will do"}
	for name, k := range map[string]*sigv4.Key{"a lasting key": any, "a session of AWS": {ID: id, Secret: "s", Token: "FwoGZXIvYXdzEBYaD"}} {
		if a := w.post(k, "Action", "GetCallerIdentity"); a.Caller.Arn != "arn:aws:iam::"+account+":user/"+id || a.Caller.UserId != id || a.Caller.Account != account {
			t.Errorf("%s: %s", name, a.raw)
		}
	}
	assumed := w.post(any, "Action", "AssumeRole", "RoleArn", writerARN, "RoleSessionName", "ada")
	if assumed.status != 200 {
		t.Fatal(assumed.raw)
	}
	own := assumed.Role.key()
	if a := w.post(own, "Action", "GetCallerIdentity"); a.Caller.Arn != assumed.Role.AssumedRoleUser.Arn {
		t.Error(a.raw)
	}
	own.Secret = "other"
	if a := w.post(own, "Action", "GetCallerIdentity"); a.Code != "SignatureDoesNotMatch" {
		t.Error(a.raw)
	}
	if a := w.post(any, "Action", "AssumeRole", "RoleArn", readerARN, "RoleSessionName", "ada"); a.Code != "AccessDenied" {
		t.Errorf("a role that does not trust operators: %s", a.raw)
	}
	if a := w.post(nil, "Action", "GetCallerIdentity"); a.Code != "MissingAuthenticationToken" {
		t.Error(a.raw)
	}
	if a := w.serve(w.get(any, time.Minute, "Action", "GetCallerIdentity")); a.Caller.UserId != id {
		t.Errorf("presigned: %s", a.raw)
	}
	if a := w.serve(w.get(own, time.Minute, "Action", "GetCallerIdentity")); a.Code != "SignatureDoesNotMatch" {
		t.Errorf("presigned by a session with another secret: %s", a.raw)
	}
	from = errors.New("only from this machine")
	if a := w.post(any, "Action", "GetCallerIdentity"); a.Code != "AccessDenied" || a.Message != "Operators' calls are taken only from this machine." {
		t.Error(a.raw)
	}
}

// TestACallByALastingKeyIsTakenOnce, but for the two seconds in which equal calls have equal signatures.
func TestACallByALastingKeyIsTakenOnce(t *testing.T) {
	k := sigv4.Key{ID: "AKIAIOSFODNN7EXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
	w := newWorld(t, func(o *sts.Options) {
		o.Operator = func(context.Context, string) (sts.Operator, bool, error) {
			return sts.Operator{Secret: sts.Secret(k.Secret), ARN: "arn:aws:iam::000000000000:user/ada"}, true, nil
		}
	})
	const body = "Action=GetCallerIdentity&Version=2011-06-15"
	again := func() *http.Request {
		r := httptest.NewRequest(http.MethodPost, "https://sts.example.com/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		sigv4.Sign(r, []byte(body), k, "us-east-1", "sts", time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC))
		return r
	}
	if a := w.serve(again()); a.status != 200 {
		t.Error(a.raw)
	}
	w.now = w.now.Add(3 * time.Second)
	if a := w.serve(again()); a.Code != "SignatureDoesNotMatch" {
		t.Error(a.raw)
	}
}

// TestCallerIsTakenOnce, where the policies allow the call. What they do not allow is not remembered.
func TestCallerIsTakenOnce(t *testing.T) {
	w := newWorld(t, nil)
	r := httptest.NewRequest(http.MethodPost, "https://auth.example.com/", nil)
	sigv4.Sign(r, nil, key(w.assume(user())), "us-east-1", "cognito-idp", w.now)
	try := func(action string) error {
		_, may, err := w.Caller(r, nil, "cognito-idp", nil, false)
		if err != nil {
			return err
		}
		if err := may(t.Context(), action, thingsARN); err != nil {
			return err
		}
		return may(t.Context(), action, thingsARN)
	}
	for i, tt := range []struct{ action, want string }{
		{"iam:GetRole", "AccessDeniedException"}, {"iam:GetRole", "AccessDeniedException"}, {"execute-api:Invoke", ""}, {"execute-api:Invoke", "InvalidSignatureException"},
	} {
		e, _ := errors.AsType[*sigv4.Error](try(tt.action))
		if got := e; (got == nil) != (tt.want == "") || got != nil && got.Code != tt.want {
			t.Errorf("call %d: %v, want %q", i+1, got, tt.want)
		}
	}
}
