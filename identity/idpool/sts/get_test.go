package sts_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity/idpool/sts"
	"github.com/cognate-id/cognate/identity/internal/sigv4"
)

// get is a GET, signed with a key if there is one: for d in the query, or in the header if d is 0.
func (w *world) get(k *sigv4.Key, d time.Duration, members ...string) *http.Request {
	w.t.Helper()
	form := url.Values{"Version": {"2011-06-15"}}
	for i := 0; i < len(members); i += 2 {
		form.Set(members[i], members[i+1])
	}
	r := httptest.NewRequest(http.MethodGet, "https://sts.example.com/?"+form.Encode(), nil)
	switch {
	case k == nil:
	case d == 0:
		sigv4.Sign(r, nil, *k, "us-east-1", "sts", w.now)
	default:
		sigv4.Presign(r, nil, *k, "us-east-1", "sts", w.now, d)
	}
	return r
}

func (w *world) wantCode(what string, r *http.Request, want string) {
	w.t.Helper()
	if a := w.serve(r); a.Code != want || (want == "") != (a.status == 200) {
		w.t.Errorf("%s: %d %s, want %q", what, a.status, a.raw, want)
	}
}

// TestGET: parameters in the query are held to what those of a form are.
func TestGET(t *testing.T) {
	w := newAPI(t)
	members := []string{"Action", "AssumeRoleWithWebIdentity", "RoleArn", readerARN, "RoleSessionName", "web", "WebIdentityToken", "user"}
	a := w.serve(w.get(nil, 0, members...))
	if a.status != 200 || a.Web.SubjectFromWebIdentityToken != identityID {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	k := a.Web.key()
	if a := w.serve(w.get(k, 0, "Action", "GetCallerIdentity")); a.status != 200 || a.Caller.Account != account {
		t.Errorf("signed in the header: %d %s", a.status, a.raw)
	}
	altered := w.get(k, 0, "Action", "GetCallerIdentity")
	altered.URL.RawQuery += "&a=b"
	w.wantCode("altered", altered, "SignatureDoesNotMatch")
	w.wantCode("unsigned", w.get(nil, 0, "Action", "GetCallerIdentity"), "MissingAuthenticationToken")
	w.wantCode("the trust policy", w.get(nil, 0, append(members, "WebIdentityToken", "guest")...), "AccessDenied")
	w.wantCode("an unknown operation", w.get(nil, 0, "Action", "GetFederationToken"), "InvalidAction")
	w.wantCode("without a version", httptest.NewRequest(http.MethodGet, "/?Action=GetCallerIdentity", nil), "InvalidAction")
	twice := w.get(nil, 0, members...)
	twice.URL.RawQuery += "&RoleArn=" + url.QueryEscape(guestARN)
	w.wantCode("a parameter twice", twice, "ValidationError")
	malformed := w.get(nil, 0, members...)
	malformed.URL.RawQuery += "&a=%zz"
	w.wantCode("a malformed query", malformed, "MalformedQueryString")
	w.wantCode("a long query", w.get(nil, 0, append(members, "Policy", strings.Repeat("a", 70<<10))...), "RequestEntityTooLarge")
	body := httptest.NewRequest(http.MethodGet, "/?"+w.get(nil, 0, members...).URL.RawQuery, strings.NewReader("a=b"))
	w.wantCode("a body", body, "ValidationError")
}

// TestPOSTHasNoQuery but a signature.
func TestPOSTHasNoQuery(t *testing.T) {
	w := newAPI(t)
	k := key(w.assume(user()))
	const body = "Action=GetCallerIdentity&Version=2011-06-15"
	for query, want := range map[string]string{"": "", "?DurationSeconds=900": "ValidationError", "?X-Amz-Date=a&X-Amz-Date=b": "ValidationError", "?a=%zz": "MalformedQueryString"} {
		r := httptest.NewRequest(http.MethodPost, "https://sts.example.com/"+query, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		sigv4.Presign(r, []byte(body), k, "us-east-1", "sts", w.now, time.Minute)
		w.wantCode(query, r, want)
	}
}

// TestPresignedCall: whoever has one may show it again, for a quarter of an hour at most.
func TestPresignedCall(t *testing.T) {
	w := newAPI(t)
	k := key(w.assume(user()))
	call := func(d time.Duration) *http.Request { return w.get(&k, d, "Action", "GetCallerIdentity") }
	if a := w.serve(call(time.Minute)); a.status != 200 || a.Caller.Arn != "arn:aws:sts::000000000000:assumed-role/reader/CognitoIdentityCredentials" {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	edit := func(from, to string) *http.Request {
		r := call(time.Minute)
		if !strings.Contains(r.URL.RawQuery, from) {
			t.Fatalf("no %s in %s", from, r.URL.RawQuery)
		}
		r.URL.RawQuery = strings.Replace(r.URL.RawQuery, from, to, 1)
		return r
	}
	w.wantCode("longer", edit("Expires=60", "Expires=600"), "SignatureDoesNotMatch")
	w.wantCode("another action", edit("Action=GetCallerIdentity", "Action=AssumeRole&RoleArn="+url.QueryEscape(readerARN)+"&RoleSessionName=eve"), "SignatureDoesNotMatch")
	w.wantCode("a parameter more", edit("Version=", "a=b&Version="), "SignatureDoesNotMatch")
	w.wantCode("no signature", edit("X-Amz-Signature", "X-Amz-Nothing"), "IncompleteSignature")
	w.wantCode("a parameter twice", edit("Version=", "Version=2011-06-15&Version="), "ValidationError")
	both := call(time.Minute)
	sigv4.Sign(both, nil, k, "us-east-1", "sts", w.now)
	w.wantCode("signed twice", both, "IncompleteSignature")
	api := w.get(nil, 0, "Action", "GetCallerIdentity")
	sigv4.Presign(api, nil, k, "us-east-1", "execute-api", w.now, time.Minute)
	w.wantCode("signed for another service", api, "SignatureDoesNotMatch")

	minute, hour := call(time.Minute), call(time.Hour)
	w.now = w.now.Add(59 * time.Second)
	w.wantCode("before its end", minute, "")
	w.now = w.now.Add(time.Second)
	w.wantCode("after its end", minute, "SignatureDoesNotMatch")
	w.now = w.now.Add(13 * time.Minute)
	w.wantCode("of an hour, after 14 minutes", hour, "")
	w.now = w.now.Add(time.Minute)
	w.wantCode("of an hour, after 15 minutes", hour, "SignatureDoesNotMatch")
}

// TestPresignedByALastingKey: GetCallerIdentity may be shown again, and AssumeRole counts once.
func TestPresignedByALastingKey(t *testing.T) {
	k := &sigv4.Key{ID: "AKIAIOSFODNN7EXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
	w := newWorld(t, func(o *sts.Options) {
		o.Operator = func(_ context.Context, accessKey string) (sts.Operator, bool, error) {
			return sts.Operator{Secret: sts.Secret(k.Secret), ARN: "arn:aws:iam::000000000000:user/ada", Assumes: true}, accessKey == k.ID, nil
		}
	})
	if _, err := w.CreateRole(t.Context(), &sts.Role{ARN: writerARN, Trust: trustAccount}); err != nil {
		t.Fatal(err)
	}
	w.wantCode("another secret", w.get(&sigv4.Key{ID: k.ID, Secret: "other"}, time.Minute, "Action", "GetCallerIdentity"), "SignatureDoesNotMatch")
	w.wantCode("a call before, so that signatures are about to be forgotten", w.get(k, 0, "Action", "GetCallerIdentity"), "")
	w.now = w.now.Add(9 * time.Minute)
	caller := w.get(k, 15*time.Minute, "Action", "GetCallerIdentity")
	assume := w.get(k, 15*time.Minute, "Action", "AssumeRole", "RoleArn", writerARN, "RoleSessionName", "ada")
	w.wantCode("first", assume, "")
	for range 7 {
		w.wantCode("GetCallerIdentity", caller, "")
		w.now = w.now.Add(2*time.Minute + time.Second)
		w.wantCode("AssumeRole again", assume, "SignatureDoesNotMatch")
		w.wantCode("another", w.get(k, time.Minute, "Action", "AssumeRole", "RoleArn", writerARN, "RoleSessionName", "ada"), "")
	}
}

const brokerARN, writerARN = "arn:aws:iam::000000000000:role/broker", "arn:aws:iam::000000000000:role/writer"
