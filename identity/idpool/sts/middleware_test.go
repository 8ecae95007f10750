package sts_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity/idpool/sts"
	"github.com/cognate-id/cognate/identity/internal/sigv4"
)

// api is an API behind the middleware that answers with who called and what was sent.
func (w *world) api(o *sts.MiddlewareOptions) http.Handler {
	answer := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		v, ok := sts.FromContext(r.Context())
		body, err := io.ReadAll(r.Body)
		if !ok || err != nil {
			w.t.Errorf("%v, %v", ok, err)
			return
		}
		fmt.Fprintf(rw, "%s %s %s", v.Session.IdentityID, v.Session.RoleName(), body)
	})
	return w.Middleware(o)(w.RequireFunc("execute-api:Invoke", sts.InvokeARN("us-east-1", account, "api", "prod"))(answer))
}

func ask(t *testing.T, h http.Handler, r *http.Request) (status int, kind string, body string) {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	if rec.Code != http.StatusOK {
		var m map[string]string
		if err := json.Unmarshal(rec.Body.Bytes(), &m); err != nil || len(m) != 1 || rec.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%v: %v, %s", err, rec.Header(), rec.Body)
		}
	}
	return rec.Code, rec.Header().Get("X-Amzn-Errortype"), rec.Body.String()
}

func (w *world) request(method, target, body string, k sigv4.Key, service string) *http.Request {
	r := httptest.NewRequest(method, "https://api.example.com"+target, strings.NewReader(body))
	sigv4.Sign(r, []byte(body), k, "us-east-1", service, w.now)
	return r
}

func TestMiddleware(t *testing.T) {
	w := newWorld(t, nil)
	user, visitor := key(w.assume(user())), key(w.assume(guest()))
	broken := user
	broken.Secret = "other"
	foreign := user
	foreign.Token = "FwoGZXIvYXdzEBYaD"
	h := w.api(nil)
	for _, tt := range []struct {
		name   string
		r      *http.Request
		status int
		kind   string
		body   string
	}{
		{"user", w.request("GET", "/things", "x=1", user, "execute-api"), 200, "", identityID + " reader x=1"},
		{"guest", w.request("POST", "/things", "", visitor, "execute-api"), 200, "", identityID + " guest "},
		{
			"not allowed", w.request("POST", "/things", "", user, "execute-api"), 403, "AccessDeniedException",
			`{"Message":"User: arn:aws:sts::000000000000:assumed-role/reader/CognitoIdentityCredentials is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:000000000000:api/prod/POST/things"}`,
		},
		{"unsigned", httptest.NewRequest("GET", "/things", nil), 403, "MissingAuthenticationTokenException", `{"message":"Missing Authentication Token"}`},
		{"other secret", w.request("GET", "/things", "", broken, "execute-api"), 403, "InvalidSignatureException", `{"message":"The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."}`},
		{"token from elsewhere", w.request("GET", "/things", "", foreign, "execute-api"), 403, "UnrecognizedClientException", `{"message":"The security token included in the request is invalid."}`},
		{"other service", w.request("GET", "/things", "", user, "s3"), 403, "InvalidSignatureException", ""},
		{"path that is not clean", w.request("GET", "/a/../things", "", visitor, "execute-api"), 403, "AccessDeniedException", ""},
		{"path with two slashes", w.request("GET", "//things", "", visitor, "execute-api"), 403, "AccessDeniedException", ""},
		{"body too long", w.request("GET", "/things", strings.Repeat("x", 10<<20+1), user, "execute-api"), 413, "", `{"message":"Request Too Long"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, kind, body := ask(t, h, tt.r)
			if status != tt.status || kind != tt.kind || tt.body != "" && body != tt.body {
				t.Errorf("%d %s %s\nwant %d %s %s", status, kind, body, tt.status, tt.kind, tt.body)
			}
		})
	}
	late := w.request("GET", "/things", "", user, "execute-api")
	w.now = w.now.Add(time.Hour)
	sigv4.Sign(late, nil, user, "us-east-1", "execute-api", w.now)
	if status, kind, body := ask(t, h, late); status != 403 || kind != "ExpiredTokenException" || body != `{"message":"The security token included in the request is expired"}` {
		t.Errorf("%d %s %s", status, kind, body)
	}
}

func TestMiddlewareRegions(t *testing.T) {
	w := newWorld(t, nil)
	k := key(w.assume(user()))
	h := w.api(&sts.MiddlewareOptions{Regions: []string{"eu-west-1"}})
	if status, kind, _ := ask(t, h, w.request("GET", "/things", "", k, "execute-api")); status != 403 || kind != "InvalidSignatureException" {
		t.Errorf("%d %s", status, kind)
	}
}

// TestRequireWithoutMiddleware: nobody is let in whose signature was not verified.
func TestRequireWithoutMiddleware(t *testing.T) {
	w := newWorld(t, nil)
	h := w.Require("execute-api:Invoke", thingsARN)(http.NotFoundHandler())
	if status, kind, _ := ask(t, h, w.request("GET", "/things", "", key(w.assume(user())), "execute-api")); status != 403 || kind != "MissingAuthenticationTokenException" {
		t.Errorf("%d %s", status, kind)
	}
}

// TestRequestKeys: policies see the address, and whether the request came by TLS.
func TestRequestKeys(t *testing.T) {
	w := newWorld(t, nil)
	_, err := w.UpdateRole(t.Context(), readerARN, func(r *sts.Role) error {
		r.Policies["main"] = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*",
			"Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.1"},"Bool":{"aws:SecureTransport":"true"}}}}`
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	k := key(w.assume(user()))
	for _, tt := range []struct {
		address string
		tls     bool
		status  int
	}{{"192.0.2.1", true, 200}, {"192.0.2.2", true, 403}, {"192.0.2.1", false, 403}} {
		h := w.api(&sts.MiddlewareOptions{Address: func(*http.Request) netip.Addr { return netip.MustParseAddr(tt.address) }})
		r := w.request("GET", "/things", "", k, "execute-api")
		r.TLS = nil
		if tt.tls {
			r.TLS = &tls.ConnectionState{}
		}
		if status, _, body := ask(t, h, r); status != tt.status {
			t.Errorf("%+v: %d %s", tt, status, body)
		}
	}
}

// FuzzVerify sends what a stranger may send: a request is never taken without the secret.
func FuzzVerify(f *testing.F) {
	w := newWorld(f, nil)
	c, other := w.assume(user()), w.assume(user())
	good := w.signed(c, "")
	f.Add("GET", good.URL.RequestURI(), good.Header.Get("Authorization"), good.Header.Get("X-Amz-Date"), "token", "")
	f.Add("POST", "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0", "", "", string(other.SessionToken), "body")
	f.Fuzz(func(t *testing.T, method, target, authorization, date, token, body string) {
		r, err := http.NewRequest(method, "https://api.example.com/", nil) //nolint:noctx // it is not sent
		if err != nil {
			return
		}
		path, query, _ := strings.Cut(target, "?")
		r.URL.Path, r.URL.RawQuery = path, query
		r.Header = http.Header{"Authorization": {authorization}, "X-Amz-Date": {date}, "X-Amz-Security-Token": {token}}
		v, err := w.Verify(r, []byte(body))
		if err == nil {
			t.Errorf("accepted %+v", v)
		}
		if code(err) == fmt.Sprint(err) {
			t.Errorf("error %v is no refusal", err)
		}
	})
}
