package sigv4_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity/internal/sigv4"
)

const sessionToken = "token+of/a=session"

// temporary verifies requests of one temporary key, for any service.
func temporary() *sigv4.Verifier {
	return &sigv4.Verifier{
		Presigned: true, Now: func() time.Time { return when },
		Session: func(_ context.Context, key, token string) (string, bool, error) {
			return secret, key == keyID && token == sessionToken, nil
		},
	}
}

func presignedRequest(t *testing.T, expires time.Duration) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/stage/things?a=b%20c&a=a", nil)
	r.Host = "api.example.com"
	r.Header.Set("X-Amz-Meta", "m")
	sigv4.Presign(r, nil, sigv4.Key{ID: keyID, Secret: secret, Token: sessionToken}, "eu-west-1", "execute-api", when, expires)
	return r
}

func TestPresigned(t *testing.T) {
	edit := func(name, value string) func(*http.Request) {
		return func(r *http.Request) {
			q := r.URL.Query()
			q.Set(name, value)
			r.URL.RawQuery = q.Encode()
		}
	}
	twice := func(name string) func(*http.Request) {
		return func(r *http.Request) {
			r.URL.RawQuery += "&" + name + "=" + url.QueryEscape(r.URL.Query().Get(name))
		}
	}
	for _, tt := range []struct {
		name string
		edit func(*http.Request)
		want string
	}{
		{"good", func(*http.Request) {}, ""},
		{"parameter added", func(r *http.Request) { r.URL.RawQuery += "&c=d" }, "InvalidSignatureException"},
		{"path", func(r *http.Request) { r.URL.Path = "/stage/other" }, "InvalidSignatureException"},
		{"host", func(r *http.Request) { r.Host = "other.example.com" }, "InvalidSignatureException"},
		{"signed header", func(r *http.Request) { r.Header.Set("X-Amz-Meta", "n") }, "InvalidSignatureException"},
		{"header that is not signed", func(r *http.Request) { r.Header.Set("X-Amz-Target", "n") }, "InvalidSignatureException"},
		{"longer than a week", edit("X-Amz-Expires", "604801"), "IncompleteSignatureException"},
		{"no time", edit("X-Amz-Expires", "0"), "IncompleteSignatureException"},
		{"negative time", edit("X-Amz-Expires", "-1"), "IncompleteSignatureException"},
		{"overflow", edit("X-Amz-Expires", "18446744073709551617"), "IncompleteSignatureException"},
		{"another time", edit("X-Amz-Expires", "601"), "InvalidSignatureException"},
		{"another token", edit("X-Amz-Security-Token", "t"), "UnrecognizedClientException"},
		{"no token", edit("X-Amz-Security-Token", ""), "UnrecognizedClientException"},
		{"another algorithm", edit("X-Amz-Algorithm", "AWS4-ECDSA-P256-SHA256"), "IncompleteSignatureException"},
		{"host unsigned", edit("X-Amz-SignedHeaders", "x-amz-meta"), "InvalidSignatureException"},
		{"header signed twice", edit("X-Amz-SignedHeaders", "host;host;x-amz-meta"), "InvalidSignatureException"},
		{"credential too short", edit("X-Amz-Credential", keyID), "IncompleteSignatureException"},
		{"date of another form", edit("X-Amz-Date", "2015-08-30T12:36:00Z"), "IncompleteSignatureException"},
		{"date twice", twice("X-Amz-Date"), "IncompleteSignatureException"},
		{"signature twice", twice("X-Amz-Signature"), "IncompleteSignatureException"},
		{"malformed query", func(r *http.Request) { r.URL.RawQuery += "&%zz" }, "IncompleteSignatureException"},
		{"both forms", func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x") }, "IncompleteSignatureException"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := presignedRequest(t, 10*time.Minute)
			tt.edit(r)
			s, err := temporary().Check(r, nil)
			if tt.want != "" {
				if s != nil || code(err) != tt.want {
					t.Errorf("Check: %+v, %v, want %s", s, err, tt.want)
				}
				return
			}
			if err != nil || s.AccessKey != keyID || s.Region != "eu-west-1" || s.Service != "execute-api" || !s.Time.Equal(when) || !s.Presigned || !s.Temporary {
				t.Errorf("Check: %+v, %v", s, err)
			}
		})
	}
}

// TestHeadersAreSignedOnce: a name that is there twice is refused, whatever the signature is.
func TestHeadersAreSignedOnce(t *testing.T) {
	r := presignedRequest(t, time.Minute)
	q := r.URL.Query()
	q.Set("X-Amz-SignedHeaders", "host;host;x-amz-meta")
	r.URL.RawQuery = q.Encode()
	if _, err := temporary().Check(r, nil); err == nil || !strings.Contains(err.Error(), "each must be there once") {
		t.Error(err)
	}
}

func TestPresignedBody(t *testing.T) {
	if _, err := temporary().Check(presignedRequest(t, time.Hour), []byte("x")); code(err) != "InvalidSignatureException" {
		t.Errorf("with another body: %v", err)
	}
}

// TestPresignedIsGoodForItsTime is at the edges of the time, to the second.
func TestPresignedIsGoodForItsTime(t *testing.T) {
	for _, tt := range []struct {
		expires, after time.Duration
		good           bool
	}{
		{time.Minute, 59 * time.Second, true},
		{time.Minute, time.Minute, false},
		{7 * 24 * time.Hour, 7*24*time.Hour - time.Second, true},
		{time.Hour, -5 * time.Minute, true},
		{time.Hour, -5*time.Minute - time.Second, false},
	} {
		v := temporary()
		v.Now = func() time.Time { return when.Add(tt.after) }
		if _, err := v.Check(presignedRequest(t, tt.expires), nil); (err == nil) != tt.good {
			t.Errorf("good for %v, after %v: %v", tt.expires, tt.after, err)
		}
	}
}

// TestPresignedIsRefusedWhereNobodyExpectsIt: operators' calls have headers.
// TestPresignedMax: a request is good no longer than the verifier says, and need not say how long.
func TestPresignedMax(t *testing.T) {
	silent := httptest.NewRequest(http.MethodGet, "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="+keyID+"%2F"+when.Format("20060102")+"%2Feu-west-1%2Fsts%2Faws4_request&X-Amz-Date="+
		when.Format("20060102T150405Z")+"&X-Amz-SignedHeaders=host&X-Amz-Signature=0", nil)
	for _, tt := range []struct {
		name string
		r    *http.Request
		max  time.Duration
		at   time.Duration
		want string
	}{
		{"an hour", presignedRequest(t, time.Hour), 15 * time.Minute, 15*time.Minute - time.Second, ""},
		{"an hour, too late", presignedRequest(t, time.Hour), 15 * time.Minute, 15 * time.Minute, "Signature expired"},
		{"a minute", presignedRequest(t, time.Minute), 15 * time.Minute, time.Minute, "Signature expired"},
		{"silent", silent, 15 * time.Minute, 15*time.Minute - time.Second, "UnrecognizedClient"}, // its date is good
		{"silent, too late", silent, 15 * time.Minute, 15 * time.Minute, "Signature expired"},
		{"silent, without a limit", silent, 0, 0, "must include 'X-Amz-Expires'"},
		{"of no time", edited(presignedRequest(t, time.Hour), "Expires=3600", "Expires="), 15 * time.Minute, 0, "must include 'X-Amz-Expires'"},
	} {
		v := temporary()
		v.PresignedMax, v.Now = tt.max, func() time.Time { return when.Add(tt.at) }
		if _, err := v.Check(tt.r, nil); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func edited(r *http.Request, from, to string) *http.Request {
	r.URL.RawQuery = strings.Replace(r.URL.RawQuery, from, to, 1)
	return r
}

func TestPresignedIsRefusedWhereNobodyExpectsIt(t *testing.T) {
	v := temporary()
	v.Presigned = false
	if _, err := v.Check(presignedRequest(t, time.Hour), nil); code(err) != "MissingAuthenticationTokenException" {
		t.Error(err)
	}
}

// TestTemporaryKey signs by headers.
func TestTemporaryKey(t *testing.T) {
	for _, tt := range []struct {
		name string
		key  sigv4.Key
		edit func(*http.Request)
		want string
	}{
		{"good", sigv4.Key{keyID, secret, sessionToken}, func(*http.Request) {}, ""},
		{"without its token", sigv4.Key{keyID, secret, ""}, func(*http.Request) {}, "UnrecognizedClientException"},
		{"with another token", sigv4.Key{keyID, secret, "t"}, func(*http.Request) {}, "UnrecognizedClientException"},
		{"with another key", sigv4.Key{"AKIDOTHER", secret, sessionToken}, func(*http.Request) {}, "UnrecognizedClientException"},
		{"with another secret", sigv4.Key{keyID, "s", sessionToken}, func(*http.Request) {}, "InvalidSignatureException"},
		{"header unsigned", sigv4.Key{keyID, secret, sessionToken}, func(r *http.Request) { r.Header.Set("X-Amz-Meta", "m") }, "InvalidSignatureException"},
		{"header of a network", sigv4.Key{keyID, secret, sessionToken}, func(r *http.Request) { r.Header.Set("X-Amz-Cf-Id", "m") }, ""},
		{"token twice", sigv4.Key{keyID, secret, sessionToken}, func(r *http.Request) { r.Header.Add("X-Amz-Security-Token", sessionToken) }, "IncompleteSignatureException"},
		{"date twice", sigv4.Key{keyID, secret, sessionToken}, func(r *http.Request) { r.Header.Add("X-Amz-Date", r.Header.Get("X-Amz-Date")) }, "IncompleteSignatureException"},
		{"signature twice", sigv4.Key{keyID, secret, sessionToken}, func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) }, "IncompleteSignatureException"},
		{"body", sigv4.Key{keyID, secret, sessionToken}, func(r *http.Request) { r.Method = http.MethodPut }, "InvalidSignatureException"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/stage/things", strings.NewReader("body"))
			sigv4.Sign(r, []byte("body"), tt.key, "eu-west-1", "execute-api", when)
			tt.edit(r)
			s, err := temporary().Check(r, []byte("body"))
			if tt.want == "" && (err != nil || s.AccessKey != keyID || !s.Temporary || s.Presigned) || tt.want != "" && code(err) != tt.want {
				t.Errorf("Check: %+v, %v, want %q", s, err, tt.want)
			}
		})
	}
}

// TestTokenUnsigned: a token that the signature leaves out could be put in the place of another.
func TestTokenUnsigned(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	sigv4.Sign(r, nil, sigv4.Key{ID: keyID, Secret: secret}, "eu-west-1", "execute-api", when)
	r.Header.Set("X-Amz-Security-Token", sessionToken)
	if _, err := temporary().Check(r, nil); code(err) != "InvalidSignatureException" {
		t.Error(err)
	}
}

// The query was made by botocore's SigV4QueryAuth, with the keys of the published test suite.
func TestPresignedOfBotocore(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fexecute-api%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Security-Token=token%2Bof%2Fa%3Dsession&X-Amz-Signature=138f5034d79bcbedb6b7a36f9083403fbc8836469a121a193d6c44ca81d93b77", nil)
	r.Host = "examplebucket.amazonaws.com"
	if _, err := temporary().Check(r, nil); err != nil {
		t.Error(err)
	}
}

func FuzzPresigned(f *testing.F) {
	good := httptest.NewRequest(http.MethodGet, "/", nil)
	sigv4.Presign(good, nil, sigv4.Key{ID: keyID, Secret: secret, Token: sessionToken}, "us-east-1", "execute-api", when, time.Hour)
	f.Add(good.URL.RawQuery, "X-Amz-Meta", "m", "")
	f.Add("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=&&%zz", "Authorization", "AWS4-", "body")
	f.Fuzz(func(t *testing.T, query, name, value, body string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL.RawQuery = query
		r.Header.Set(name, value)
		v := temporary()
		v.Session = func(context.Context, string, string) (string, bool, error) { return "other secret", true, nil }
		s, err := v.Check(r, []byte(body))
		if err == nil {
			t.Errorf("accepted %q: %+v", query, s)
		}
		if _, ok := errors.AsType[*sigv4.Error](err); !ok {
			t.Errorf("error %v is none of the service", err)
		}
	})
}
