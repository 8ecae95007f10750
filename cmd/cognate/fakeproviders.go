package main

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/idpool"
	"github.com/cognate-id/cognate/internal/fake"
	"github.com/cognate-id/cognate/internal/fakeidp"
)

// fakeProviders are the identity providers of cognate dev: one server on a port of its own, with a path for each.
type fakeProviders struct {
	server   *http.Server // nil without --providers
	settings []identity.ProviderSettings
	client   *identity.ClientSettings // the ready client, which then has pages; nil for the default
	social   idpool.Endpoints         // those of the providers that identity pools know by name
	at       string                   // the URL that their paths are below
}

// The client of each fake but that of SAML. That of Apple takes the JWT of a user pool too.
const fakeClient, fakeSecret = "fake-client", "fake-secret"

// startProviders starts the providers that the flags ask for. self is the URL of cognate dev.
func (c *devCommand) startProviders(self string) (*fakeProviders, error) {
	p := &fakeProviders{}
	if c.Providers != "fake" {
		return p, nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("--providers: %w", err)
	}
	mux := http.NewServeMux()
	p.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go p.server.Serve(l) //nolint:errcheck // it ends by close
	p.at = "http://" + l.Addr().String()
	for _, typ := range []identity.ProviderType{identity.ProviderGoogle, identity.ProviderFacebook, identity.ProviderAmazon, identity.ProviderApple, identity.ProviderOIDC, identity.ProviderSAML} {
		if err := p.add(mux, p.at, typ); err != nil {
			p.close()
			return nil, fmt.Errorf("--providers: %w", err)
		}
	}
	p.client = fake.ReadyClient()
	p.client.OAuth, p.client.OAuthFlows, p.client.OAuthScopes = true, []string{"code"}, []string{"openid", "email", "profile"}
	p.client.CallbackURLs, p.client.LogoutURLs = []string{self + "/"}, []string{self + "/"}
	return p, nil
}

// add serves one provider below the path of its name.
func (p *fakeProviders) add(mux *http.ServeMux, at string, typ identity.ProviderType) (err error) {
	name := string(typ)
	var idp http.Handler
	var details map[string]string
	switch typ {
	case identity.ProviderSAML:
		name = "Contoso"
		contoso := fakeidp.NewSAML()
		contoso.Ask, contoso.Title = true, name
		contoso.Serve(at + "/" + name)
		idp, details = contoso, contoso.Details()
	case identity.ProviderOIDC:
		name = "Northwind"
		fallthrough
	case identity.ProviderGoogle, identity.ProviderFacebook, identity.ProviderAmazon, identity.ProviderApple:
		other := fakeidp.New(fakeClient, fakeSecret)
		other.Ask, other.Title, other.PlainSecret = true, name, true
		other.Serve(at + "/" + name)
		idp = other
		details, err = other.Details(string(typ))
	default:
		return fmt.Errorf("no fake of the type %q", typ)
	}
	p.point(typ, at+"/"+name)
	mux.Handle("/"+name+"/", http.StripPrefix("/"+name, idp))
	p.settings = append(p.settings, identity.ProviderSettings{
		Name: name, Type: typ, Details: details, Mapping: map[string]string{"email": "email", "email_verified": "email_verified", "name": "name"},
	})
	return err
}

// point has identity pools ask the fake of a provider that they know by name.
func (p *fakeProviders) point(typ identity.ProviderType, at string) {
	switch typ {
	case identity.ProviderGoogle:
		p.social.Google, p.social.GoogleIssuer = at+"/jwks", at
	case identity.ProviderApple:
		p.social.Apple, p.social.AppleIssuer = at+"/jwks", at
	case identity.ProviderFacebook:
		p.social.Facebook = at
	case identity.ProviderAmazon:
		p.social.Amazon = at
	}
}

func (p *fakeProviders) close() {
	if p.server != nil {
		_ = p.server.Close()
	}
}

// greet says where the buttons are.
func (p *fakeProviders) greet(t *terminal, f *fake.Server, self string) {
	if p.server == nil || f.Pool() == nil {
		return
	}
	q := url.Values{"client_id": {f.Pool().ClientID()}, "response_type": {"code"}, "scope": {"openid email"}, "redirect_uri": {self + "/"}}
	fmt.Fprintf(t.out, "Fake providers:\n\n  %s/login?%s\n\n", self, q.Encode())
	fmt.Fprintf(t.out, "Each is below %s by its name, such as %s/Google/authorize and %s/Google/token,\nfor the client %s with the secret %s. Identity pools take its tokens.\n\n", p.at, p.at, p.at, fakeClient, fakeSecret)
}
