package identitytest_test

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/identitytest"
)

const appCallback = "https://app.example.com/cb"

func pagesServer(t *testing.T) *identitytest.Server {
	return identitytest.NewServer(t, &identitytest.Options{
		Pool:   &identity.PoolSettings{Defaults: identity.CognitoDefaults, Algorithm: "ES256"},
		Client: &identity.ClientSettings{OAuth: true, OAuthFlows: []string{"code"}, OAuthScopes: []string{"openid", "email"}, CallbackURLs: []string{appCallback}},
	})
}

var formAction = regexp.MustCompile(`action="([^"]*)"`)

var hiddenField = regexp.MustCompile(`name="([^"]*)" value="([^"]*)"`)

// byProvider signs in by a provider, and returns what the application gets. It is nil if a page says that something is wrong.
func byProvider(t *testing.T, srv *identitytest.Server, name string) url.Values {
	t.Helper()
	return follow(t, newBrowser(t), srv.URL+"/oauth2/authorize?"+askFor(srv, name).Encode())
}

// askFor is a request of the application.
func askFor(srv *identitytest.Server, name string) url.Values {
	return url.Values{"client_id": {srv.ClientID}, "response_type": {"code"}, "redirect_uri": {appCallback}, "scope": {"openid email"}, "identity_provider": {name}}
}

// newBrowser keeps cookies, and stops where an application begins.
func newBrowser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host == "app.example.com" {
			return http.ErrUseLastResponse
		}
		return nil
	}}
}

// follow goes to an address, sends the form that sends itself, and returns what the application gets, or nil.
func follow(t *testing.T, c *http.Client, to string) url.Values {
	t.Helper()
	answer, err := c.Get(to)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(body), "document.forms[0].submit()") { // Apple's and SAML's form
		form := url.Values{}
		for _, m := range hiddenField.FindAllStringSubmatch(string(body), -1) {
			form.Set(m[1], html.UnescapeString(m[2]))
		}
		if answer, err = c.PostForm(html.UnescapeString(formAction.FindStringSubmatch(string(body))[1]), form); err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	out, err := answer.Location()
	if err != nil {
		return nil
	}
	return out.Query()
}

// TestProviders signs in by a fake of each type, and by each in each way that it can be wrong.
func TestProviders(t *testing.T) {
	tokens := []identitytest.Misbehavior{
		identitytest.ForgedSignature, identitytest.UnsignedToken, identitytest.WrongIssuer, identitytest.WrongAudience, identitytest.WrongNonce,
		identitytest.ExpiredToken,
	}
	for typ, ways := range map[identity.ProviderType][]identitytest.Misbehavior{
		identity.ProviderOIDC: append([]identitytest.Misbehavior{identitytest.OtherUserInfo}, tokens...), identity.ProviderGoogle: append([]identitytest.Misbehavior{identitytest.OtherUserInfo}, tokens...),
		identity.ProviderApple: tokens, identity.ProviderFacebook: {identitytest.OtherUserInfo, identitytest.OtherClient}, identity.ProviderAmazon: {identitytest.OtherUserInfo, identitytest.OtherClient},
	} {
		t.Run(string(typ), func(t *testing.T) {
			t.Parallel()
			srv, name := pagesServer(t), string(typ)
			if typ == identity.ProviderOIDC {
				name = "Northwind"
			}
			p := srv.AddProvider(typ, name)
			for _, way := range append(ways, identitytest.TokenError, identitytest.Refusal) {
				p.Misbehave(way)
				if q := byProvider(t, srv, name); q == nil || q.Get("error") == "" || q.Get("code") != "" {
					t.Errorf("%s: the application gets %v", way, q)
				}
			}
			p.Misbehave(identitytest.WrongState)
			if q := byProvider(t, srv, name); q != nil {
				t.Errorf("another state: the application gets %v", q)
			}
			p.Misbehave("")
			if q := byProvider(t, srv, name); q.Get("code") == "" {
				t.Errorf("the application gets %v", q)
			}
		})
		t.Run(string(typ)+" is right", func(t *testing.T) {
			t.Parallel()
			srv, name := pagesServer(t), string(typ)
			if typ == identity.ProviderOIDC {
				name = "Northwind"
			}
			p := srv.AddProvider(typ, name)
			p.SetUser(map[string]any{"sub": "s-1", "email": "eve@example.com", "email_verified": true, "name": "Eve"})
			if q := byProvider(t, srv, name); q.Get("code") == "" {
				t.Fatalf("the application gets %v", q)
			}
			u, err := srv.Pool().Admin().Users().Get(t.Context(), name+"_s-1")
			if err != nil {
				u, err = srv.Pool().Admin().Users().Get(t.Context(), strings.ToLower(name)+"_s-1")
			}
			if err != nil || u.Attributes["email"] != "eve@example.com" || u.Attributes["name"] != "Eve" {
				t.Fatalf("%+v, %v", u, err)
			}
			vouched := typ == identity.ProviderOIDC || typ == identity.ProviderGoogle || typ == identity.ProviderApple
			if (u.Attributes["email_verified"] == "true") != vouched {
				t.Errorf("email_verified %q", u.Attributes["email_verified"])
			}
		})
	}
}

func TestProviderWithoutKeys(t *testing.T) {
	srv := pagesServer(t)
	srv.AddProvider(identity.ProviderGoogle, "Google").Misbehave(identitytest.NoKeys)
	if q := byProvider(t, srv, "Google"); q.Get("error_description") != "Error in calling jwks uri" {
		t.Errorf("the application gets %v", q)
	}
}

func TestProviderThatMisbehaves(t *testing.T) {
	srv := pagesServer(t)
	// region misbehave
	p := srv.AddProvider(identity.ProviderGoogle, "Google")
	p.SetUser(map[string]any{"sub": "1234", "email": "ann@example.com", "email_verified": true})
	p.Misbehave(identitytest.WrongNonce) // the application must get an error
	// endregion
	if q := byProvider(t, srv, "Google"); q.Get("error") == "" || q.Get("code") != "" {
		t.Errorf("the application gets %v", q)
	}
}
