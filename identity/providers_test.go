package identity_test

import (
	"context"

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
	{"Users.Unlink", func(ctx context.Context, l *life) error {
		return l.users.Unlink(ctx, identity.ProviderUser{Provider: "Acme", Value: "linked"})
	}, []string{"IdentityUnlinked operator:AKIA fay provider=Acme"}},
	{
		"Providers.Delete", func(ctx context.Context, l *life) error { return l.admin.Providers().Delete(ctx, "Acme") },
		[]string{"ProviderDeleted operator:AKIA provider"},
	},
}
