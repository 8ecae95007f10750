package identity_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
)

// providerActs are the changes of identity providers, and of users by them.
var providerActs = []act{
	{"Providers.Create", func(ctx context.Context, l *life) error {
		return second(l.admin.Providers().Create(ctx, oidcProvider("Acme", mapsMail)))
	}, []string{"ProviderCreated operator:AKIA provider"}},
	{"Providers.Update", func(ctx context.Context, l *life) error {
		return second(l.admin.Providers().Update(ctx, "Acme", func(s *identity.ProviderSettings) error { s.Identifiers = []string{"acme"}; return nil }))
	}, []string{"ProviderChanged operator:AKIA provider changed=identifiers"}},
	{"AppClient.FederatedSignIn", func(ctx context.Context, l *life) error {
		c, err := l.admin.Clients().Create(ctx, &identity.ClientSettings{Name: "fed", Providers: []string{"Acme"}})
		if err != nil {
			return err
		}
		app := l.pool.Client(c.ID)
		l.acme = app
		for _, name := range []string{"Fay", "Faye"} {
			in := identity.FederatedIdentity{Provider: "Acme", Subject: "fay", Claims: map[string]any{"name": name}}
			if _, err := app.FederatedSignIn(ctx, in); err != nil {
				return err
			}
		}
		u, err := l.users.Get(ctx, "Acme_fay")
		if err == nil {
			l.subs["fay"] = u.Sub
		}
		return err
	}, []string{
		"ClientCreated program client", "ProfileCreated user:fay fay provider=Acme", "SignedIn user:fay fay provider=Acme",
		"AttributesChanged user:fay fay changed=name provider=Acme", "SignedIn user:fay fay provider=Acme",
	}},
	{"Users.Link", func(ctx context.Context, l *life) error {
		return l.users.Link(ctx, identity.ProviderUser{Provider: "Acme", Value: "fay"}, identity.ProviderUser{Provider: "Acme", Value: "linked"})
	}, []string{"IdentityLinked operator:AKIA fay provider=Acme"}},
	{"Session.Link", func(ctx context.Context, l *life) error {
		return l.fay().Link(ctx, identity.FederatedIdentity{Provider: "Acme", Subject: "more"})
	}, []string{"IdentityLinked user:fay fay provider=Acme"}},
	{"Session.Unlink", func(ctx context.Context, l *life) error {
		return l.fay().Unlink(ctx, identity.ProviderUser{Provider: "Acme", Value: "more"})
	}, []string{"IdentityUnlinked user:fay fay provider=Acme"}},
	{"Session.AcceptLink", func(ctx context.Context, l *life) error {
		check(l.t, "Update", second(l.admin.Update(ctx, func(s *identity.PoolSettings) error { s.Linking = identity.LinkingAsk; return nil })))
		check(l.t, "UpdateAttributes", l.users.UpdateAttributes(ctx, "Acme_fay", attrs{"email": "fay@example.com", "email_verified": "true"}))
		_, err := l.acme.FederatedSignIn(ctx, identity.FederatedIdentity{
			Provider: "Acme", Subject: "again", Claims: map[string]any{"email": "fay@example.com", "email_verified": true},
		})
		e, ok := errors.AsType[*identity.LinkRequiredError](err)
		if !ok {
			return err
		}
		return second(l.fay().AcceptLink(ctx, e.State))
	}, []string{
		"PoolChanged program pool changed=linking", "AttributesChanged program fay changed=email,email_verified", "IdentityLinked user:fay fay provider=Acme",
	}},
	{"Session.ProviderToken", func(ctx context.Context, l *life) error { // nothing is kept
		wantErr(l.t, "ProviderToken", second(l.fay().ProviderToken(ctx, "Acme")), identity.ErrNoProviderToken)
		return nil
	}, nil},
	{"AppClient.SignInWithToken", func(ctx context.Context, l *life) error { // nobody verifies; else it leaves what FederatedSignIn does
		_, err := l.acme.SignInWithToken(ctx, identity.ProviderSignIn{Provider: "Acme", IDToken: "h.p.s", Nonce: "n"})
		wantErr(l.t, "SignInWithToken", err, identity.ErrProviderTokens)
		return nil
	}, nil},
	{"Users.Unlink", func(ctx context.Context, l *life) error {
		return l.users.Unlink(ctx, identity.ProviderUser{Provider: "Acme", Value: "linked"})
	}, []string{"IdentityUnlinked operator:AKIA fay provider=Acme"}},
	{
		"Providers.Delete", func(ctx context.Context, l *life) error { return l.admin.Providers().Delete(ctx, "Acme") },
		[]string{"ProviderDeleted operator:AKIA provider"},
	},
}

// fay signs fay in by the provider Acme.
func (l *life) fay() *identity.Session {
	ctx := l.t.Context()
	in, err := l.acme.FederatedSignIn(ctx, identity.FederatedIdentity{Provider: "Acme", Subject: "fay"})
	check(l.t, "FederatedSignIn", err)
	s, err := l.pool.Session(ctx, in.Tokens.Access)
	check(l.t, "Session", err)
	return s
}

// A lookedUp is a resolver that answers what its function says, and remembers whom it was asked about.
type lookedUp struct {
	asked []string
	fn    func(*identity.ProviderSettings) (identity.ResolvedProvider, error)
}

func (l *lookedUp) ResolveProvider(_ context.Context, p *identity.ProviderSettings) (identity.ResolvedProvider, error) {
	l.asked = append(l.asked, p.Name)
	p.Details["client_id"] = "changed by the resolver" // its copy
	return l.fn(p)
}

// TestResolversLookAtProviders: they are asked where the details do not tell, and their errors leave nothing.
func TestResolversLookAtProviders(t *testing.T) {
	if testing.Short() {
		t.Skip("makes two RSA keys")
	}
	l := &lookedUp{fn: func(*identity.ProviderSettings) (identity.ResolvedProvider, error) {
		return identity.ResolvedProvider{EntityID: "https://idp.example.com/e", SSORedirect: "https://idp.example.com/sso"}, nil
	}}
	fd := newFederated(t, identity.PoolSettings{}, oidcProvider("Acme", nil), func(o *identity.Options) { o.Providers = l })
	providers := fd.pool.Admin().Providers()
	discovered := oidcProvider("Found", nil)
	delete(discovered.Details, "jwks_uri")
	saml := identity.ProviderSettings{Name: "Corp", Type: identity.ProviderSAML, Details: map[string]string{
		"MetadataFile": "<x/>", "SSORedirectBindingURI": "https://evil.example.com", "SLORedirectBindingURI": "https://evil.example.com",
	}}
	google := identity.ProviderSettings{Name: "Google", Type: identity.ProviderGoogle, Details: map[string]string{"client_id": "a", "client_secret": "b", "authorize_scopes": "openid"}}
	for _, p := range []identity.ProviderSettings{discovered, saml, google} {
		check(t, "Create", second(providers.Create(t.Context(), p)))
	}
	if got := strings.Join(l.asked, " "); got != "Found Corp" {
		t.Errorf("asked about %s, want Found Corp", got)
	}
	got, err := providers.Get(t.Context(), "Corp")
	check(t, "Get", err)
	if got.EntityID != "https://idp.example.com/e" || got.Details["SSORedirectBindingURI"] != "https://idp.example.com/sso" || got.Details["SLORedirectBindingURI"] != "" {
		t.Errorf("provider %+v with %q", got, got.Details["SSORedirectBindingURI"])
	}
	if got, err = providers.Get(t.Context(), "Found"); err != nil || got.Details["client_id"] != "app" {
		t.Errorf("provider with client_id %q, %v", got.Details["client_id"], err)
	}
	l.fn = func(*identity.ProviderSettings) (identity.ResolvedProvider, error) {
		return identity.ResolvedProvider{}, identity.ErrProviderUnreachable
	}
	discovered.Name = "Lost"
	wantErr(t, "Create", second(providers.Create(t.Context(), discovered)), identity.ErrProviderUnreachable)
	wantErr(t, "Get", second(providers.Get(t.Context(), "Lost")), identity.ErrProviderNotFound)
	wantErr(t, "Update", second(providers.Update(t.Context(), "Found", func(*identity.ProviderSettings) error { return nil })), identity.ErrProviderUnreachable)
}

// TestProvidersOfAClient: what pages and relying parties get.
func TestProvidersOfAClient(t *testing.T) {
	p := oidcProvider("Acme", nil)
	p.Identifiers = []string{"acme.example.com"}
	fd := newFederated(t, identity.PoolSettings{}, p)
	other := oidcProvider("Other", nil)
	other.Identifiers = []string{"other.example.com"}
	check(t, "Create", second(fd.pool.Admin().Providers().Create(t.Context(), other)))
	for _, tt := range []struct {
		names  []string
		native bool
		want   string
	}{
		{nil, true, ""},
		{[]string{"COGNITO"}, true, ""},
		{[]string{"Other", "Acme"}, false, "Other Acme"},
		{[]string{"Acme", "COGNITO"}, true, "Acme"},
	} {
		app := fd.client(t, fd.pool, identity.ClientSettings{Providers: tt.names})
		got, err := app.Providers(t.Context())
		check(t, "Providers", err)
		var names []string
		for _, p := range got.Providers {
			names = append(names, p.Name)
		}
		if got.Native != tt.native || strings.Join(names, " ") != tt.want {
			t.Errorf("%q: native %v, %q", tt.names, got.Native, names)
		}
	}
	got, err := fd.app.ProviderByIdentifier(t.Context(), "acme.example.com")
	if err != nil || got.Name != "Acme" || got.Details["client_secret"] == "" {
		t.Errorf("ByIdentifier %v, %v", got, err)
	}
	wantErr(t, "an identifier of another", second(fd.app.ProviderByIdentifier(t.Context(), "other.example.com")), identity.ErrProviderNotFound)
	wantErr(t, "a provider of others", second(fd.app.Provider(t.Context(), "Other")), identity.ErrProviderNotFound)
	wantErr(t, "keys of others", second(fd.app.SAMLKeys(t.Context(), "Other")), identity.ErrProviderNotFound)
	_, err = fd.pool.Admin().Clients().Create(t.Context(), &identity.ClientSettings{Name: "x", Providers: []string{"Nobody"}})
	wantErr(t, "a client of nobody", err, identity.ErrProviderUnknown)
}
