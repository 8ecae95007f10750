package identitytest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/fakeidp"
)

// A Provider is a fake identity provider on a loopback port of its own: an OpenID provider, Google, Facebook, Amazon, Apple or a SAML
// provider. It signs in at once whoever comes, as the user of SetUser. It checks what a real one checks: client, secret, redirect URI,
// PKCE, and that a code is used once; for SAML who asks, where the answer goes, and the signature of the request.
type Provider struct {
	Name string // in the pool
	URL  string // where it is: the issuer of an OpenID provider

	s    *Server
	idp  *fakeidp.Provider // nil for SAML
	saml *fakeidp.SAML     // nil for others
}

// AddProvider starts a fake identity provider, makes it a provider of the ready pool, and lets users of the ready client sign in by it. It
// is closed when the test ends. The name of a provider of type OIDC or SAML is yours, and others are named as their type. The e-mail address, its
// verification and the name are mapped. The client needs the code grant and a callback URL for sign-ins on pages.
//
// A SAML provider gets signed requests, and people who sign out are signed out there too. For sign-ins that it begins, set its detail
// IDPInit, and take COGNITO out of the client's providers; see [Provider.InitiateURL].
func (s *Server) AddProvider(typ identity.ProviderType, name string) *Provider {
	s.t.Helper()
	if typ == identity.ProviderSAML {
		return s.addSAML(name)
	}
	idp := fakeidp.New("fake-client", "fake-secret")
	front := httptest.NewServer(idp)
	s.t.Cleanup(front.Close)
	idp.Serve(front.URL)
	idp.SetUser(map[string]any{"sub": "subject-1", "email": "ann@example.com", "email_verified": true, "name": "Ann Arbor"})
	details, err := idp.Details(string(typ))
	if err != nil {
		s.t.Fatalf("identitytest: add provider %q: %v", name, err)
	}
	s.setProvider(typ, name, details)
	return &Provider{Name: name, URL: front.URL, s: s, idp: idp}
}

func (s *Server) setProvider(typ identity.ProviderType, name string, details map[string]string) {
	s.t.Helper()
	settings := &identity.ProviderSettings{
		Name: name, Type: typ, Details: details, Mapping: map[string]string{"email": "email", "email_verified": "email_verified", "name": "name"},
	}
	if err := s.fake.SetProvider(s.t.Context(), settings); err != nil {
		s.t.Fatalf("identitytest: add provider %q: %v", name, err)
	}
}

// SetUser sets who signs in next, by the claims of the provider. "sub" is the subject of all types: the NameID of SAML, whose attributes
// are the other claims.
func (p *Provider) SetUser(claims map[string]any) {
	if p.saml != nil {
		p.saml.SetUser(claims)
		return
	}
	p.idp.SetUser(claims)
}

// A Misbehavior is a way in which a provider can be wrong.
type Misbehavior string

// The ways in which a provider can be wrong.
const (
	ForgedSignature Misbehavior = "forged signature" // the ID token, or the SAML response, is signed by another key
	UnsignedToken   Misbehavior = "unsigned token"   // the ID token has the algorithm none
	WrongIssuer     Misbehavior = "wrong issuer"     // of the ID token, or of the SAML response
	WrongAudience   Misbehavior = "wrong audience"   // the ID token, or the SAML assertion, is for another client
	WrongNonce      Misbehavior = "wrong nonce"      // the ID token is of another sign-in
	ExpiredToken    Misbehavior = "expired token"    // the ID token
	OtherUserInfo   Misbehavior = "other user info"  // the user info, or the profile, is about somebody else
	OtherClient     Misbehavior = "other client"     // the access token of Facebook or Amazon was issued to another client
	NoKeys          Misbehavior = "no keys"          // the keys cannot be had; the server keeps those that it has had for an hour
	TokenError      Misbehavior = "token error"      // the token endpoint answers 500
	Refusal         Misbehavior = "refusal"          // the user says no
	WrongState      Misbehavior = "wrong state"      // the callback has another state, or the SAML response another RelayState
)

// Misbehave makes the provider wrong in one way, until it is called again. "" makes it right. It ends the test for a way that it does not know.
func (p *Provider) Misbehave(way Misbehavior) {
	p.s.t.Helper()
	var err error
	if p.saml != nil {
		var m fakeidp.MisbehaveSAML
		m, err = misbehaveSAML(way)
		p.saml.Misbehave(m)
	} else {
		var m fakeidp.Misbehave
		m, err = misbehave(way)
		p.idp.Misbehave(m)
	}
	if err != nil {
		p.s.t.Fatalf("identitytest: %v", err)
	}
}

func misbehave(way Misbehavior) (m fakeidp.Misbehave, err error) {
	set := func(name string, value any) func(map[string]any) {
		return func(doc map[string]any) { doc[name] = value }
	}
	switch way {
	case "":
	case ForgedSignature:
		m.Key, err = otherKey()
	case UnsignedToken:
		m.Header = set("alg", "none")
	case WrongIssuer:
		m.Claims = set("iss", "https://other.example.com")
	case WrongAudience:
		m.Claims = set("aud", "another-client")
	case WrongNonce:
		m.Claims = set("nonce", "another-nonce")
	case ExpiredToken:
		m.Claims = set("exp", time.Now().Add(-time.Hour).Unix())
	case OtherUserInfo:
		m.UserInfo = func(doc map[string]any) { doc["sub"], doc["id"], doc["user_id"] = "another", "another", "another" }
	case OtherClient:
		m.Owner = func(doc map[string]any) { doc["app_id"], doc["aud"] = "another", "another" }
	case NoKeys:
		m.Handler = failing("/jwks")
	case TokenError:
		m.Handler = failing("/token")
	case Refusal:
		m.Callback = func(q url.Values) {
			q.Del("code")
			q.Set("error", "access_denied")
		}
	case WrongState:
		m.Callback = func(q url.Values) { q.Set("state", "another-state") }
	default:
		return m, fmt.Errorf("no way to be wrong is called %q", way)
	}
	return m, err
}

func failing(path string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != path {
			return false
		}
		w.WriteHeader(http.StatusInternalServerError)
		return true
	}
}
