package sts_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity/idpool/policy"
	"github.com/cognate-id/cognate/identity/idpool/sts"
	"github.com/cognate-id/cognate/internal/outbound"
)

func near(t *testing.T) *outbound.Client {
	t.Helper()
	c, err := outbound.New(&outbound.Options{InsecureLoopback: true})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestRemote gets credentials from another service, as a server would from the real STS.
func TestRemote(t *testing.T) {
	w := newAPI(t)
	var asked url.Values
	there := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		copied := r.Clone(r.Context())
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		asked = r.PostForm
		form := url.Values{}
		for k, v := range asked {
			if !strings.HasPrefix(k, "PolicyArns") { // which a Service does not have
				form[k] = v
			}
		}
		copied.Body = http.NoBody
		forward := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(form.Encode()))
		forward.Header = copied.Header
		w.ServeHTTP(rw, forward)
	}))
	defer there.Close()
	remote, err := sts.NewRemote(&sts.RemoteOptions{Endpoint: there.URL, Client: near(t)})
	if err != nil {
		t.Fatal(err)
	}
	with := func(token string, a *sts.Assumption) *sts.Assumption {
		a.WebIdentityToken = func(context.Context) (string, error) { return token, nil }
		return a
	}
	c, err := remote.Assume(t.Context(), with("user", user()))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := w.Verify(w.signed(c, ""), nil); err != nil || v.Session.IdentityID != identityID || !c.Expires.Equal(w.now.Add(time.Hour)) || c.Session != nil {
		t.Errorf("%+v, %+v, %v", c, v, err)
	}
	if asked.Get("DurationSeconds") != "3600" || asked.Get("RoleSessionName") != "CognitoIdentityCredentials" || asked.Has("Policy") {
		t.Errorf("asked for %v", asked)
	}
	if _, err := remote.Assume(t.Context(), with("guest", guest())); err != nil {
		t.Error(err)
	}
	if len(asked.Get("Policy")) > policy.MaxSessionSize || !strings.Contains(asked.Get("Policy"), "execute-api:*") ||
		asked.Get("PolicyArns.member.1.arn") != "arn:aws:iam::aws:policy/AmazonCognitoUnAuthedIdentitiesSessionPolicy" {
		t.Errorf("of a guest: %v", asked)
	}
	for token, want := range map[string]error{"guest": sts.ErrDenied, "evil": sts.ErrInvalidToken, "old!": sts.ErrExpired} {
		if _, err := remote.Assume(t.Context(), with(token, user())); !errors.Is(err, want) {
			t.Errorf("%s: %v", token, err)
		}
	}
	down := errors.New("the store is down")
	a := user()
	a.WebIdentityToken = func(context.Context) (string, error) { return "", down }
	if _, err := remote.Assume(t.Context(), a); !errors.Is(err, down) {
		t.Error(err)
	}
	a.WebIdentityToken = nil
	if _, err := remote.Assume(t.Context(), a); err == nil {
		t.Error("assumed without a token")
	}
}

// TestRemoteAnswers: an answer that is not understood is a failure, and no refusal.
func TestRemoteAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		body   string
	}{
		"nothing":        {200, ""},
		"no XML":         {200, "{}"},
		"no credentials": {200, "<AssumeRoleWithWebIdentityResponse/>"},
		"half":           {200, "<R><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIA</AccessKeyId></Credentials></AssumeRoleWithWebIdentityResult></R>"},
		"other error":    {400, "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>"},
		"no error":       {502, "bad gateway"},
	} {
		t.Run(name, func(t *testing.T) {
			there := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
				rw.WriteHeader(tt.status)
				_, _ = rw.Write([]byte(tt.body))
			}))
			defer there.Close()
			remote, err := sts.NewRemote(&sts.RemoteOptions{Endpoint: there.URL + "/", Client: near(t)})
			if err != nil {
				t.Fatal(err)
			}
			a := user()
			a.WebIdentityToken = func(context.Context) (string, error) { return "token", nil }
			c, err := remote.Assume(t.Context(), a)
			if _, refused := errors.AsType[*sts.Error](err); err == nil || refused {
				t.Errorf("%v, %v", c, err)
			}
		})
	}
}

func TestRemoteEndpoints(t *testing.T) {
	for _, bad := range []string{"", "sts.amazonaws.com", "https://", "https://sts.amazonaws.com/path", "https://a:b@sts.amazonaws.com", "http://sts.amazonaws.com", "ftp://sts.amazonaws.com"} {
		if _, err := sts.NewRemote(&sts.RemoteOptions{Endpoint: bad}); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	if _, err := sts.NewRemote(&sts.RemoteOptions{Endpoint: "https://sts.us-east-1.amazonaws.com"}); err != nil {
		t.Error(err)
	}
}

func TestGuestActions(t *testing.T) {
	all := sts.GuestActions()
	if _, err := policy.Parse(sts.Statement(false, all, []string{"*"})); err != nil {
		t.Error(err)
	}
	if slices.ContainsFunc(all, func(a string) bool { return a == "*" || strings.HasPrefix(a, "iam:") || strings.HasPrefix(a, "sts:") }) {
		t.Errorf("guests may do too much: %v", all)
	}
}
