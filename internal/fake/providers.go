package fake

import (
	"context"
	"errors"
	"slices"

	"github.com/cognate-id/cognate/identity"
)

// SetProvider makes or changes an identity provider of the ready pool, and lets users of the ready client sign in by it, beside
// the ways that the client has.
func (s *Server) SetProvider(ctx context.Context, p *identity.ProviderSettings) error {
	admin := s.ready.Admin()
	_, err := admin.Providers().Create(ctx, *p)
	if errors.Is(err, identity.ErrProviderExists) {
		_, err = admin.Providers().Update(ctx, p.Name, func(old *identity.ProviderSettings) error {
			old.Details, old.Mapping = p.Details, p.Mapping
			return nil
		})
	}
	if err != nil {
		return err
	}
	_, err = admin.Clients().Update(ctx, s.ready.ClientID(), func(c *identity.ClientSettings) error {
		if len(c.Providers) == 0 {
			c.Providers = []string{"COGNITO"}
		}
		if !slices.Contains(c.Providers, p.Name) {
			c.Providers = append(c.Providers, p.Name)
		}
		return nil
	})
	return err
}
