package main_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/identitytest"
	"github.com/cognate-id/cognate/internal/doctor"
	"github.com/cognate-id/cognate/internal/fake"
)

const (
	callback = "http://localhost:3000/cb"
	secret   = "abcdefghijklmnopqrstuvwxyz0123456789"
)

// A ward is a fake with a client that may use the code grant.
type ward struct {
	*identitytest.Server
	client string
}

func newWard(t *testing.T, edit func(*identity.ClientSettings)) *ward {
	t.Helper()
	pool := fake.ReadyPool()
	pool.Algorithm = "ES256" // costs nothing to make keys for
	s := identitytest.NewServer(t, &identitytest.Options{Pool: pool})
	set := &identity.ClientSettings{
		Name: "web", OAuth: true, OAuthFlows: []string{"code"}, OAuthScopes: []string{"openid", "email"},
		CallbackURLs: []string{"https://app.example.com/", callback}, Secret: secret, AuthFlows: []identity.AuthFlow{identity.AllowUserPassword},
	}
	if edit != nil {
		edit(set)
	}
	c, err := s.Pool().Admin().Clients().Create(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	return &ward{s, c.ID}
}

func (w *ward) issuer() string { return w.URL + "/" + w.PoolID }

func examine(p doctor.Patient) (all []doctor.Finding) {
	doctor.Examine(context.Background(), p, func(f doctor.Finding) { all = append(all, f) })
	return all
}

// wantWrong fails unless one thing is wrong, with a remedy, and its detail has a text.
func wantWrong(t *testing.T, name string, all []doctor.Finding, what, detail string) {
	t.Helper()
	wrong := slices.DeleteFunc(slices.Clone(all), func(f doctor.Finding) bool { return !f.Wrong })
	if len(wrong) != 1 || wrong[0].What != what || !strings.Contains(wrong[0].Detail, detail) || wrong[0].Remedy == "" {
		t.Errorf("%s: %+v, want %s wrong: %q", name, wrong, what, detail)
	}
}

func TestAHealthyApplication(t *testing.T) {
	w := newWard(t, nil)
	w.AddUser("ann", "Passw0rd!", nil)
	in, err := w.Pool().Client(w.client).SignIn(t.Context(), identity.SignIn{Username: "ann", Password: "Passw0rd!", SecretHash: identity.SecretHash(secret, "ann", w.client)})
	if err != nil {
		t.Fatal(err)
	}
	all := examine(doctor.Patient{
		Issuer: w.issuer(), Client: w.client, Secret: secret, RedirectURI: callback, Scope: "openid email", Origin: "http://localhost:5173",
		Token: "Bearer " + string(in.Tokens.Access), Username: "ann", SecretHash: identity.SecretHash(secret, "ann", w.client),
	})
	var seen []string
	for _, f := range all {
		if f.Wrong || f.Remedy != "" {
			t.Errorf("%+v", f)
		}
		seen = append(seen, f.What)
	}
	if want := []string{"clock", "issuer", "keys", "endpoints", "origin", "authorization", "secret", "secret hash", "token"}; !slices.Equal(seen, want) {
		t.Errorf("looked at %q, want %q", seen, want)
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	w := newWard(t, nil)
	off := newWard(t, func(c *identity.ClientSettings) {
		c.OAuth, c.OAuthFlows, c.OAuthScopes, c.CallbackURLs = false, nil, nil, nil
	})
	other := newWard(t, nil)
	w.AddUser("ann", "Passw0rd!", nil)
	other.AddUser("ann", "Passw0rd!", nil)
	token := func(w *ward) string {
		in, err := w.Pool().Client(w.client).SignIn(t.Context(), identity.SignIn{Username: "ann", Password: "Passw0rd!", SecretHash: identity.SecretHash(secret, "ann", w.client)})
		if err != nil {
			t.Fatal(err)
		}
		return string(in.Tokens.Access)
	}
	good := token(w)
	is := w.issuer()
	later := func() time.Time { return time.Now().Add(2 * time.Hour) }
	port := is[strings.LastIndexByte(w.URL, ':'):]
	for name, tt := range map[string]struct {
		p            doctor.Patient
		what, detail string
	}{
		"no address":               {doctor.Patient{Issuer: "us-east-1_x"}, "issuer", "no address"},
		"nobody there":             {doctor.Patient{Issuer: "http://127.0.0.1:1/us-east-1_x"}, "issuer", "cannot be reached"},
		"https in place of http":   {doctor.Patient{Issuer: "https" + strings.TrimPrefix(is, "http")}, "issuer", "cannot be reached"},
		"no pool":                  {doctor.Patient{Issuer: w.URL}, "issuer", "the issuer of identity pools"},
		"an unknown pool":          {doctor.Patient{Issuer: w.URL + "/us-east-1_unknown00"}, "issuer", "no discovery"},
		"a slash too many":         {doctor.Patient{Issuer: is + "/"}, "issuer", "^ here they differ"},
		"an origin with a path":    {doctor.Patient{Issuer: is, Origin: "http://localhost/x"}, "origin", "no origin"},
		"an unknown client":        {doctor.Patient{Issuer: is, Client: "nobody", RedirectURI: callback, Secret: "x"}, "client", "no client"},
		"a redirect URI":           {doctor.Patient{Issuer: is, Client: w.client, RedirectURI: callback + "/"}, "redirect URI", "its:   " + callback + "\n" + strings.Repeat(" ", 7+len(callback)) + "^"},
		"a scope":                  {doctor.Patient{Issuer: is, Client: w.client, RedirectURI: callback, Scope: "openid phone"}, "scope", "phone"},
		"a flow that is off":       {doctor.Patient{Issuer: off.issuer(), Client: off.client}, "client", "code grant"},
		"a wrong secret":           {doctor.Patient{Issuer: is, Client: w.client, Secret: secret + "x"}, "secret", "not the client's"},
		"no secret":                {doctor.Patient{Issuer: is, Client: w.client}, "secret", "sends none"},
		"a secret of none":         {doctor.Patient{Issuer: is, Client: w.ClientID, Secret: "x"}, "client", "code grant"},
		"a token in two parts":     {doctor.Patient{Issuer: is, Token: "a.b"}, "token", "no token"},
		"a token of another pool":  {doctor.Patient{Issuer: is, Token: token(other)}, "token", "another issuer"},
		"an old token":             {doctor.Patient{Issuer: is, Token: good, Now: later}, "token", "expired"},
		"a token of a client":      {doctor.Patient{Issuer: is, Token: good, Client: w.ClientID, Secret: ""}, "token", "was given to the client " + w.client},
		"a changed token":          {doctor.Patient{Issuer: is, Token: good[:len(good)-8] + "AAAAAAAA"}, "token", "signature"},
		"a hash of nothing":        {doctor.Patient{Issuer: is, SecretHash: "x"}, "secret hash", "takes"},
		"a hash the wrong way":     {doctor.Patient{Issuer: is, Client: w.client, Secret: secret, Username: "ann", SecretHash: identity.SecretHash(secret, w.client, "ann")}, "secret hash", "comes first"},
		"a hash of somebody else":  {doctor.Patient{Issuer: is, Client: w.client, Secret: secret, Username: "ann", SecretHash: identity.SecretHash(secret, "bob", w.client)}, "secret hash", "another"},
		"a request that never was": {doctor.Patient{Issuer: w.URL, Request: "0"}, "request", "does not know"},
		"localhost":                {doctor.Patient{Issuer: "http://localhost" + port, Token: good}, "token", "another issuer"},
	} {
		all := examine(tt.p)
		if name == "a token of a client" || name == "an old token" { // the client of the fake may not use the code grant, and the clock is wrong
			all = slices.DeleteFunc(all, func(f doctor.Finding) bool { return f.What == "client" || f.What == "clock" })
		}
		wantWrong(t, name, all, tt.what, tt.detail)
	}
}

// Other servers than the fake do not tell the settings of a client to strangers.
func TestServersThatTellNoSettings(t *testing.T) {
	w := newWard(t, nil)
	to, err := url.Parse(w.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host }}
	front := httptest.NewServer(http.HandlerFunc(func(a http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("X-Amz-Target") != "":
			http.Error(a, "{}", http.StatusBadRequest)
		case r.Method == http.MethodOptions:
			a.WriteHeader(http.StatusNoContent)
		default:
			proxy.ServeHTTP(a, r)
		}
	}))
	defer front.Close()
	is := front.URL + "/" + w.PoolID
	for name, tt := range map[string]struct {
		p            doctor.Patient
		what, detail string
	}{
		"a redirect URI":             {doctor.Patient{Issuer: is, Client: w.client, Secret: secret, RedirectURI: callback + "/"}, "redirect URI", callback},
		"a scope":                    {doctor.Patient{Issuer: is, Client: w.client, Secret: secret, RedirectURI: callback, Scope: "openid phone"}, "authorization", "invalid_scope"},
		"a proxy that takes OPTIONS": {doctor.Patient{Issuer: is, Origin: "http://localhost:5173"}, "origin", "(none)"},
	} {
		wantWrong(t, name, examine(tt.p), tt.what, tt.detail)
	}
}

func TestClocksThatDiffer(t *testing.T) {
	w := newWard(t, nil)
	wantWrong(t, "two minutes", examine(doctor.Patient{Issuer: w.issuer(), Now: func() time.Time { return time.Now().Add(-2 * time.Minute) }}), "clock", "apart")
}

func TestRefusedRequestsAreExplained(t *testing.T) {
	w := newWard(t, nil)
	form := url.Values{"grant_type": {"authorization_code"}, "code": {"x"}, "redirect_uri": {callback}, "client_id": {w.client}, "client_secret": {secret}}
	a, err := http.PostForm(w.URL+"/oauth2/token", form)
	if err != nil {
		t.Fatal(err)
	}
	_ = a.Body.Close()
	all := examine(doctor.Patient{Issuer: w.URL, Request: a.Header.Get("X-Amz-Cognito-Request-Id")})
	wantWrong(t, "a code that does not exist", all, "request", "POST /oauth2/token: invalid_grant")
	if !strings.Contains(all[0].Remedy, "decoded twice") {
		t.Errorf("the remedy is %s", all[0].Remedy)
	}
}
