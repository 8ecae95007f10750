package sigv4_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity/internal/sigv4"
)

// The access key, and the secret, of the published test suite.
const (
	keyID  = "AKIDEXAMPLE"
	secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

var when = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

func verifier(service string) *sigv4.Verifier {
	return &sigv4.Verifier{
		Service: service,
		Lookup: func(_ context.Context, key string) (string, bool, error) {
			return secret, key == keyID, nil
		},
		Now: func() time.Time { return when },
	}
}

func code(err error) string {
	if e, ok := errors.AsType[*sigv4.Error](err); ok {
		return e.Code
	}
	return fmt.Sprint(err)
}

// TestPublished verifies requests of the test suite that AWS publishes.
func TestPublished(t *testing.T) {
	for _, tt := range []struct {
		name, method, target, signed, signature string
		header                                  map[string]string
		body                                    string
	}{
		{
			name: "get-vanilla", method: "GET", target: "/", signed: "host;x-amz-date",
			signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
		},
		{
			name: "get-vanilla-query-order-key-case", method: "GET", target: "/?Param2=value2&Param1=value1", signed: "host;x-amz-date",
			signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
		},
		{
			name: "get-vanilla-empty-query-key", method: "GET", target: "/?Param1=value1", signed: "host;x-amz-date",
			signature: "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
		},
		{
			name: "post-vanilla", method: "POST", target: "/", signed: "host;x-amz-date",
			signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
		},
		{
			name: "post-header-key-sort", method: "POST", target: "/", signed: "host;my-header1;x-amz-date", header: map[string]string{"My-Header1": "value1"},
			signature: "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
		},
		{
			name: "post-x-www-form-urlencoded", method: "POST", target: "/", signed: "content-type;host;x-amz-date",
			header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, body: "Param1=value1",
			signature: "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.target, strings.NewReader(tt.body))
			r.Host = "example.amazonaws.com"
			r.Header.Set("X-Amz-Date", "20150830T123600Z")
			for name, value := range tt.header {
				r.Header.Set(name, value)
			}
			authorization := "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=" + tt.signed + ", Signature="
			r.Header.Set("Authorization", authorization+tt.signature)
			if key, err := verifier("service").Verify(r, []byte(tt.body)); key != keyID || err != nil {
				t.Errorf("Verify: %q, %v", key, err)
			}
			r.Header.Set("Authorization", authorization+strings.Repeat("0", 64))
			if _, err := verifier("service").Verify(r, []byte(tt.body)); code(err) != "InvalidSignatureException" {
				t.Errorf("Verify of another signature: %v", err)
			}
		})
	}
}

// signed returns a request for GetUser that is signed as AWS describes it,
// written without the package's own code. Headers in extra are signed too.
func signed(key, secret, region, service string, at time.Time, body string, names ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Host = "cognito-idp.us-east-1.amazonaws.com"
	stamp := at.UTC().Format("20060102T150405Z")
	values := map[string]string{
		"host": r.Host, "x-amz-date": stamp, "x-amz-target": "AWSCognitoIdentityProviderService.ListUserPools",
		"content-type": "application/x-amz-json-1.1",
	}
	if names == nil {
		names = []string{"content-type", "host", "x-amz-date", "x-amz-target"}
	}
	canonical := "POST\n/\n\n"
	for _, name := range names {
		canonical += name + ":" + values[name] + "\n"
	}
	canonical += fmt.Sprintf("\n%s\n%x", strings.Join(names, ";"), sha256.Sum256([]byte(body)))
	scope := stamp[:8] + "/" + region + "/" + service + "/aws4_request"
	text := fmt.Sprintf("AWS4-HMAC-SHA256\n%s\n%s\n%x", stamp, scope, sha256.Sum256([]byte(canonical)))
	k := mac(mac(mac(mac([]byte("AWS4"+secret), stamp[:8]), region), service), "aws4_request")
	for name, value := range values {
		r.Header.Set(name, value)
	}
	r.Header.Del("Host")
	r.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%x",
		key, scope, strings.Join(names, ";"), mac(k, text)))
	return r
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func TestVerify(t *testing.T) {
	const region, service, body = "us-east-1", "cognito-idp", `{"MaxResults":5}`
	edit := func(f func(r *http.Request)) *http.Request {
		r := signed(keyID, secret, region, service, when, body)
		f(r)
		return r
	}
	header := func(old, new string) *http.Request {
		return edit(func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
		})
	}
	for _, tt := range []struct {
		name string
		r    *http.Request
		want string // code, "" for accepted
	}{
		{"good", signed(keyID, secret, region, service, when, body), ""},
		{"other region", signed(keyID, secret, "eu-west-3", service, when, body), ""},
		{"just in time", signed(keyID, secret, region, service, when.Add(5*time.Minute), body), ""},
		{"just in time, late", signed(keyID, secret, region, service, when.Add(-5*time.Minute), body), ""},
		{"unsigned", edit(func(r *http.Request) { r.Header.Del("Authorization") }), "MissingAuthenticationTokenException"},
		{"bearer", edit(func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }), "MissingAuthenticationTokenException"},
		{"unknown key", signed("AKIDUNKNOWN", secret, region, service, when, body), "UnrecognizedClientException"},
		{"wrong secret", signed(keyID, "guess", region, service, when, body), "InvalidSignatureException"},
		{"other body", signed(keyID, secret, region, service, when, `{"MaxResults":6}`), "InvalidSignatureException"},
		{"other service", signed(keyID, secret, region, "cognito-identity", when, body), "InvalidSignatureException"},
		{"future", signed(keyID, secret, region, service, when.Add(301*time.Second), body), "InvalidSignatureException"},
		{"past", signed(keyID, secret, region, service, when.Add(-301*time.Second), body), "InvalidSignatureException"},
		{"host not signed", signed(keyID, secret, region, service, when, body, "x-amz-date", "x-amz-target"), "InvalidSignatureException"},
		{"date not signed", signed(keyID, secret, region, service, when, body, "host", "x-amz-target"), "InvalidSignatureException"},
		{"target not signed", signed(keyID, secret, region, service, when, body, "host", "x-amz-date"), "InvalidSignatureException"},
		{"headers not sorted", signed(keyID, secret, region, service, when, body, "x-amz-date", "host", "x-amz-target"), "InvalidSignatureException"},
		{"other operation", edit(func(r *http.Request) {
			r.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService.DeleteUserPool")
		}), "InvalidSignatureException"},
		{"other host", edit(func(r *http.Request) { r.Host = "example.com" }), "InvalidSignatureException"},
		{"other method", edit(func(r *http.Request) { r.Method = "PUT" }), "InvalidSignatureException"},
		{"query added", edit(func(r *http.Request) { r.URL.RawQuery = "a=b" }), "InvalidSignatureException"},
		{"session token", edit(func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "t") }), "UnrecognizedClientException"},
		{"no date", edit(func(r *http.Request) { r.Header.Del("X-Amz-Date") }), "IncompleteSignatureException"},
		{"date of another form", edit(func(r *http.Request) { r.Header.Set("X-Amz-Date", "2015-08-30T12:36:00Z") }), "IncompleteSignatureException"},
		{"scope of another day", header("/20150830/", "/20150829/"), "InvalidSignatureException"},
		{"no terminator", header("/aws4_request", "/aws5_request"), "InvalidSignatureException"},
		{"scope too short", header("/us-east-1", ""), "IncompleteSignatureException"},
		{"empty region", header("/us-east-1/", "//"), "IncompleteSignatureException"},
		{"no signature", header("Signature=", "Sig="), "IncompleteSignatureException"},
		{"no credential", header("Credential=", "Cred="), "IncompleteSignatureException"},
		{"no headers", header("SignedHeaders=", "Headers="), "IncompleteSignatureException"},
		{"other algorithm", header("HMAC-SHA256", "ECDSA-P256-SHA256"), "IncompleteSignatureException"},
		{"signature in capitals", edit(func(r *http.Request) {
			a, s, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
			r.Header.Set("Authorization", a+"Signature="+strings.ToUpper(s))
		}), "InvalidSignatureException"},
		{"signature cut short", edit(func(r *http.Request) {
			a := r.Header.Get("Authorization")
			r.Header.Set("Authorization", a[:len(a)-2])
		}), "InvalidSignatureException"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key, err := verifier(service).Verify(tt.r, []byte(body))
			if tt.want == "" && (err != nil || key != keyID) {
				t.Errorf("Verify: %q, %v", key, err)
			}
			if tt.want != "" && (key != "" || code(err) != tt.want) {
				t.Errorf("Verify: %q, %v, want %s", key, err, tt.want)
			}
		})
	}
}

func TestRegion(t *testing.T) {
	v := verifier("cognito-idp")
	v.Regions = []string{"eu-west-3", "eu-west-1"}
	_, err := v.Verify(signed(keyID, secret, "us-east-1", "cognito-idp", when, ""), nil)
	if err == nil || !strings.Contains(err.Error(), "not 'us-east-1'") {
		t.Errorf("Verify: %v", err)
	}
}

// TestASignedRequestIsNotTakenTwice sends a request again as it was: at once, and until its
// date has passed.
func TestASignedRequestIsNotTakenTwice(t *testing.T) {
	for _, ahead := range []time.Duration{-4 * time.Minute, 0, 4 * time.Minute} {
		now := when
		v := verifier("cognito-idp")
		v.Seen, v.Now = &sigv4.Seen{}, func() time.Time { return now }
		send := func(at time.Time, body string) error {
			_, err := v.Verify(signed(keyID, secret, "us-east-1", "cognito-idp", at, body), []byte(body))
			return err
		}
		if err := send(when.Add(ahead), "{}"); err != nil {
			t.Fatalf("dated %v: %v", ahead, err)
		}
		for now.Before(when.Add(ahead).Add(5 * time.Minute)) {
			if err := send(when.Add(ahead), "{}"); code(err) != "InvalidSignatureException" || !strings.Contains(err.Error(), "received before") {
				t.Fatalf("dated %v, sent again after %v: %v", ahead, now.Sub(when), err)
			}
			if err := send(now, fmt.Sprint(now)); err != nil { // others, which make it forget the oldest
				t.Fatalf("another request after %v: %v", now.Sub(when), err)
			}
			now = now.Add(20 * time.Second)
		}
	}
}

// TestASignedRequestIsRememberedWhileItsDateIsGood: the older half of what is remembered is
// forgotten in the middle of a request's life, and the request is not.
func TestASignedRequestIsRememberedWhileItsDateIsGood(t *testing.T) {
	now := when.Add(-6 * time.Minute)
	v := verifier("cognito-idp")
	v.Seen, v.Now = &sigv4.Seen{}, func() time.Time { return now }
	send := func(at time.Time) error {
		_, err := v.Verify(signed(keyID, secret, "us-east-1", "cognito-idp", at, "{}"), []byte("{}"))
		return err
	}
	if err := send(now); err != nil {
		t.Fatal(err)
	}
	now = when
	ahead := when.Add(4 * time.Minute)
	if err := send(ahead); err != nil {
		t.Fatal(err)
	}
	for ; now.Before(ahead.Add(5 * time.Minute)); now = now.Add(30 * time.Second) {
		if err := send(ahead); code(err) != "InvalidSignatureException" {
			t.Fatalf("sent again after %v: %v", now.Sub(when), err)
		}
	}
}

// TestTwoReadsInOneSecond: equal calls in one second have equal signatures, where the client
// signs nothing random.
func TestTwoReadsInOneSecond(t *testing.T) {
	now := when
	v := verifier("cognito-idp")
	v.Seen, v.Now, v.ReadOnly = &sigv4.Seen{}, func() time.Time { return now }, true
	for _, tt := range []struct {
		after time.Duration
		want  string
	}{{0, ""}, {time.Second, ""}, {2 * time.Second, ""}, {3 * time.Second, "InvalidSignatureException"}} {
		now = when.Add(tt.after)
		_, err := v.Verify(signed(keyID, secret, "us-east-1", "cognito-idp", when, "{}"), []byte("{}"))
		if got := code(err); tt.want == "" && err != nil || tt.want != "" && got != tt.want {
			t.Errorf("after %v: %v, want %q", tt.after, err, tt.want)
		}
	}
}

func TestLookupFails(t *testing.T) {
	down := errors.New("the store is down")
	v := verifier("cognito-idp")
	v.Lookup = func(context.Context, string) (string, bool, error) { return "", false, down }
	if _, err := v.Verify(signed(keyID, secret, "us-east-1", "cognito-idp", when, ""), nil); !errors.Is(err, down) {
		t.Errorf("Verify: %v", err)
	}
}

// TestUnknownKeyWithItsSecret: no secret opens a key that is not there.
func TestUnknownKeyWithItsSecret(t *testing.T) {
	r := signed("AKIDUNKNOWN", "no key has this secret, which only keeps the time equal", "us-east-1", "cognito-idp", when, "")
	if _, err := verifier("cognito-idp").Verify(r, nil); code(err) != "UnrecognizedClientException" {
		t.Errorf("Verify: %v", err)
	}
}

func TestParseScope(t *testing.T) {
	for _, tt := range []struct {
		header, key, region string
		ok                  bool
	}{
		{"AWS4-HMAC-SHA256 Credential=AKID/20261122/eu-west-3/cognito-idp/aws4_request, SignedHeaders=host, Signature=00", "AKID", "eu-west-3", true},
		{"AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/cognito-idp/aws4_request,SignedHeaders=host,Signature=00", "test", "us-east-1", true},
		{"AWS4-HMAC-SHA256 Credential=test/us-east-1", "", "", false},
		{"Bearer x", "", "", false},
		{"", "", "", false},
	} {
		if key, region, ok := sigv4.ParseScope(tt.header); key != tt.key || region != tt.region || ok != tt.ok {
			t.Errorf("ParseScope(%q) = %q, %q, %v", tt.header, key, region, ok)
		}
	}
}

func FuzzVerify(f *testing.F) {
	r := signed(keyID, secret, "us-east-1", "cognito-idp", when, "{}")
	f.Add(r.Header.Get("Authorization"), r.Header.Get("X-Amz-Date"), "", "{}")
	f.Add("AWS4-HMAC-SHA256 Credential=////,SignedHeaders=;;,Signature==", "20150830T123600Z", "a=%zz&&=", "")
	f.Fuzz(func(t *testing.T, authorization, date, query, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.URL.RawQuery = query
		r.Header.Set("Authorization", authorization)
		r.Header.Set("X-Amz-Date", date)
		sigv4.ParseScope(authorization)
		v := verifier("cognito-idp")
		v.Lookup = func(context.Context, string) (string, bool, error) { return "other secret", true, nil }
		key, err := v.Verify(r, []byte(body))
		if err == nil {
			t.Errorf("accepted %q by %q", authorization, key)
		}
		if _, ok := errors.AsType[*sigv4.Error](err); !ok {
			t.Errorf("error %v is none of the service", err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	r := signed(keyID, secret, "us-east-1", "cognito-idp", when, "{}")
	v := verifier("cognito-idp")
	for b.Loop() {
		if _, err := v.Verify(r, []byte("{}")); err != nil {
			b.Fatal(err)
		}
	}
}
