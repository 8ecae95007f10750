package cognito

import (
	"context"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// The look of the classic pages: CSS and a logo, for all clients of a pool or for one. The CSS and
// the file are checked by the engine.

// allClients stands for all clients that have no look of their own.
const allClients = "ALL"

// uiClient is the client that a request is about; empty for all.
func uiClient(id *wire.Secret) string {
	if c := text(id); c != allClients {
		return c
	}
	return ""
}

func (s *service) getUICustomization(ctx context.Context, in *idp.GetUICustomizationRequest) (*idp.GetUICustomizationResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	c, err := pool.Admin().UICustomization(ctx, uiClient(in.ClientId))
	if err != nil {
		return nil, err
	}
	if c == nil { // what is shown then is (unsure)
		return &idp.GetUICustomizationResponse{UICustomization: &idp.UICustomizationType{UserPoolId: in.UserPoolId, ClientId: secret(allClients)}}, nil
	}
	return &idp.GetUICustomizationResponse{UICustomization: uiType(c)}, nil
}

// setUICustomization replaces CSS and logo, as infrastructure tools expect that remove either.
func (s *service) setUICustomization(ctx context.Context, in *idp.SetUICustomizationRequest) (*idp.SetUICustomizationResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	domains, err := pool.Admin().Domains().List(ctx)
	if err != nil {
		return nil, err
	}
	if len(domains) == 0 {
		return nil, wire.Errorf(idp.InvalidParameterException, "A domain must be associated with this user pool.") // the exception is (unsure)
	}
	c, err := pool.Admin().SetUICustomization(ctx, uiClient(in.ClientId), text(in.CSS), in.ImageFile)
	if err != nil {
		return nil, err
	}
	return &idp.SetUICustomizationResponse{UICustomization: uiType(c)}, nil
}

// uiType is the look as the service shows it. Nothing answers at the URL of the logo.
func uiType(c *identity.UICustomization) *idp.UICustomizationType {
	client := c.Client
	if client == "" {
		client = allClients
	}
	version := c.Modified.UTC().Format("20060102150405")
	out := &idp.UICustomizationType{
		UserPoolId: ptr(c.Pool), ClientId: secret(identity.Secret(client)), CSSVersion: ptr(version),
		CreationDate: date(c.Created), LastModifiedDate: date(c.Modified),
	}
	if c.CSS != "" {
		out.CSS = ptr(c.CSS)
	}
	if kind := c.ImageType(); kind != "" {
		parts := []string{"https:/", distribution(c.Pool), c.Pool, client, version, "assets/images/image." + strings.TrimPrefix(kind, "image/")}
		out.ImageUrl = ptr(strings.Join(parts, "/"))
	}
	return out
}
