package identitytest_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/identitytest"
)

// samlServer has a SAML provider, which the pool requires an e-mail address of.
func samlServer(t *testing.T) (*identitytest.Server, *identitytest.Provider) {
	t.Helper()
	schema := identity.StandardSchema()
	for i := range schema {
		schema[i].Required = schema[i].Required || schema[i].Name == "email"
	}
	srv := identitytest.NewServer(t, &identitytest.Options{
		Pool:   &identity.PoolSettings{Defaults: identity.CognitoDefaults, Algorithm: "ES256", Schema: schema},
		Client: &identity.ClientSettings{OAuth: true, OAuthFlows: []string{"code"}, OAuthScopes: []string{"openid", "email"}, CallbackURLs: []string{appCallback}, LogoutURLs: []string{appCallback}},
	})
	return srv, srv.AddProvider(identity.ProviderSAML, "Contoso")
}

// change changes the provider and the client.
func change(t *testing.T, srv *identitytest.Server, details map[string]string, providers ...string) {
	t.Helper()
	admin := srv.Pool().Admin()
	_, err := admin.Providers().Update(t.Context(), "Contoso", func(s *identity.ProviderSettings) error {
		for name, value := range details {
			s.Details[name] = value
		}
		return nil
	})
	if err == nil && len(providers) > 0 {
		_, err = admin.Clients().Update(t.Context(), srv.ClientID, func(c *identity.ClientSettings) error { c.Providers = providers; return nil })
	}
	if err != nil {
		t.Fatal(err)
	}
}

const (
	page = "a page" // where no application can be told
	code = "a code"
)

// told is what the application is told.
func told(q url.Values) string {
	switch {
	case q == nil:
		return page
	case q.Get("code") != "":
		return code
	}
	return strings.TrimPrefix(q.Get("error_description"), "Invalid SAML response received: ")
}

// TestSAMLProviderMisbehaves signs in in each way that a SAML provider can be wrong: with a request, and without.
func TestSAMLProviderMisbehaves(t *testing.T) {
	if testing.Short() {
		t.Skip("makes two RSA keys; `oauth/federation/saml` has its keys in a file")
	}
	srv, p := samlServer(t)
	change(t, srv, map[string]string{"IDPInit": "true"}, "Contoso")
	for way, want := range map[identitytest.Misbehavior][2]string{ // with a request, without
		"":                             {code, code},
		identitytest.ForgedSignature:   {"SAML Assertion signature is invalid. ", "SAML Assertion signature is invalid. "},
		identitytest.UnsignedAssertion: {"SAML Assertion signature is invalid. ", "SAML Assertion signature is invalid. "},
		identitytest.TamperedAssertion: {"SAML Assertion signature is invalid. ", "SAML Assertion signature is invalid. "},
		identitytest.WrongIssuer:       {"Issuer is invalid. ", "Issuer is invalid. "},
		identitytest.WrongAudience:     {"Audience restriction in SAML Assertion does not allow it. ", "Audience restriction in SAML Assertion does not allow it. "},
		identitytest.WrongRecipient:    {"Recipient is invalid. ", "Recipient is invalid. "},
		identitytest.WrongDestination:  {"Recipient is invalid. ", "Recipient is invalid. "},
		identitytest.ExpiredAssertion:  {"SAML Assertion is not valid at this time. ", "SAML Assertion is not valid at this time. "},
		identitytest.EarlyAssertion:    {"SAML Assertion is not valid at this time. ", "SAML Assertion is not valid at this time. "},
		identitytest.WrongInResponseTo: {"InResponseTo is invalid. ", "InResponseTo is invalid. "},
		identitytest.NoInResponseTo:    {"InResponseTo is invalid. ", code},
		identitytest.TransientNameID:   {code, code},
		identitytest.NoNameID:          {"SAML response is malformed. ", "SAML response is malformed. "},
		identitytest.NoAttributes:      {code, code}, // the user is there already, and keeps the address
		identitytest.WrongState:        {page, page},
		identitytest.Refusal: {
			"Error in SAML Identity Provider; urn:oasis:names:tc:SAML:2.0:status:RequestDenied: No SAML assertion found in the SAML response. ",
			"Error in SAML Identity Provider; urn:oasis:names:tc:SAML:2.0:status:RequestDenied: No SAML assertion found in the SAML response. ",
		},
		identitytest.ReplayedAssertion: {"InResponseTo is invalid. ", "SAML Assertion was used before. "},
	} {
		for i, begin := range []string{srv.URL + "/oauth2/authorize?" + askFor(srv, "Contoso").Encode(), p.InitiateURL(askFor(srv, "Contoso"))} {
			p.SetUser(map[string]any{"sub": "subject-1", "email": "ann@example.com"})
			p.Misbehave("")
			if got := told(follow(t, newBrowser(t), begin)); got != code { // also the response that is replayed
				t.Fatalf("before %s: the application is told %q", way, got)
			}
			p.Misbehave(way)
			if got := told(follow(t, newBrowser(t), begin)); got != want[i] {
				t.Errorf("%s, way %d: the application is told %q, want %q", way, i, got, want[i])
			}
		}
	}
	p.Misbehave(identitytest.NoAttributes)
	p.SetUser(map[string]any{"sub": "subject-2"})
	if got := told(byProvider(t, srv, "Contoso")); got != "Invalid user attributes: email: The attribute is required" {
		t.Errorf("somebody new without an address: %q", got)
	}
}

// TestSAMLProviderBeginsNothingByDefault has a provider begin a sign-in that is not set to, and for a client that has other ways to sign in.
func TestSAMLProviderBeginsNothingByDefault(t *testing.T) {
	if testing.Short() {
		t.Skip("makes two RSA keys; `oauth/federation/saml` has its keys in a file")
	}
	srv, p := samlServer(t)
	for _, tt := range []struct {
		name, init string
		providers  []string
		want       string
	}{
		{"off", "false", []string{"Contoso"}, page},
		{"on, with COGNITO", "true", []string{"COGNITO", "Contoso"}, page},
		{"on", "true", []string{"Contoso"}, code},
	} {
		change(t, srv, map[string]string{"IDPInit": tt.init}, tt.providers...)
		if got := told(follow(t, newBrowser(t), p.InitiateURL(askFor(srv, "Contoso")))); got != tt.want {
			t.Errorf("%s: the application is told %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestSAMLProviderSignsOut signs out in each way in which the provider's answer can be wrong.
func TestSAMLProviderSignsOut(t *testing.T) {
	if testing.Short() {
		t.Skip("makes two RSA keys; `oauth/federation/saml` has its keys in a file")
	}
	srv, p := samlServer(t)
	for way, back := range map[identitytest.Misbehavior]bool{
		"": true, identitytest.LogoutUnsigned: false, identitytest.LogoutForged: false, identitytest.LogoutWrongRequest: false, identitytest.LogoutWrongIssuer: false,
		identitytest.LogoutDestination: false, identitytest.LogoutFailed: false, identitytest.NoLogoutAnswer: false, identitytest.WrongState: true, // which it is for a sign-in alone
	} {
		p.Misbehave("")
		b := newBrowser(t)
		begin := srv.URL + "/oauth2/authorize?" + askFor(srv, "Contoso").Encode()
		if got := told(follow(t, b, begin)); got != code {
			t.Fatalf("%s: the application is told %q", way, got)
		}
		p.Misbehave(way)
		before := p.SignedIn()
		q := follow(t, b, srv.URL+"/logout?"+url.Values{"client_id": {srv.ClientID}, "logout_uri": {appCallback}, "state": {"bye"}}.Encode())
		if (q != nil) != back || back && q.Get("state") != "bye" {
			t.Errorf("%s: the application gets %v", way, q)
		}
		if p.SignedIn() != before-1 {
			t.Errorf("%s: nobody has signed out at the provider", way)
		}
		silent := askFor(srv, "Contoso")
		silent.Set("prompt", "none")
		if q := follow(t, b, srv.URL+"/oauth2/authorize?"+silent.Encode()); q.Get("error") != "login_required" {
			t.Errorf("%s: the browser is signed in still: %v", way, q)
		}
	}
}
