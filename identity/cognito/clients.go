package cognito

import (
	"context"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// App clients: create, describe, update, delete and list. clientSettings turns a
// request into identity.ClientSettings, clientType shows settings again. Providers are
// checked here, since only this package knows of them; all other rules are in package
// settings, and that scopes exist is checked by the engine.
//
// Create, Describe and Update show the client's secret, as the service does; so
// each reads the secrets apart from the settings. secrets.go rotates secrets.

func (s *service) createUserPoolClient(ctx context.Context, in *idp.CreateUserPoolClientRequest) (*idp.CreateUserPoolClientResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	if err := checkNamed(in); err != nil {
		return nil, err
	}
	settings := clientSettings(in)
	if err := settings.CheckService(regionOf(in.UserPoolId)); err != nil {
		return nil, err
	}
	clients := pool.Admin().Clients()
	c, err := clients.Create(ctx, settings)
	if err != nil {
		return nil, err
	}
	secrets, err := clients.Secrets(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	return &idp.CreateUserPoolClientResponse{UserPoolClient: clientType(c, secrets)}, nil
}

func (s *service) describeUserPoolClient(ctx context.Context, in *idp.DescribeUserPoolClientRequest) (*idp.DescribeUserPoolClientResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	clients := pool.Admin().Clients()
	c, err := clients.Get(ctx, text(in.ClientId))
	if err != nil {
		return nil, err
	}
	secrets, err := clients.Secrets(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	return &idp.DescribeUserPoolClientResponse{UserPoolClient: clientType(c, secrets)}, nil
}

// updateUserPoolClient replaces the settings of a client: what the request
// leaves out goes back to its default, but for the name. The secret stays.
func (s *service) updateUserPoolClient(ctx context.Context, in *idp.UpdateUserPoolClientRequest) (*idp.UpdateUserPoolClientResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	asked := clientReplacement(in)
	if err := checkNamed(asked); err != nil {
		return nil, err
	}
	clients := pool.Admin().Clients()
	c, err := clients.Update(ctx, text(in.ClientId), func(set *identity.ClientSettings) error {
		next := clientSettings(asked)
		next.GenerateSecret = set.GenerateSecret
		next.IdleHours, next.ForceAlias = set.IdleHours, set.ForceAlias // ours, which no request names
		next.SSOMinutes = set.SSOMinutes                                // of a request of its own
		if in.ClientName == nil {
			next.Name = set.Name
		}
		*set = *next
		return next.CheckService(regionOf(in.UserPoolId))
	})
	if err != nil {
		return nil, err
	}
	secrets, err := clients.Secrets(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	return &idp.UpdateUserPoolClientResponse{UserPoolClient: clientType(c, secrets)}, nil
}

// clientReplacement is the request for a new client that an update is: the two
// have the same members, but for the secret.
func clientReplacement(in *idp.UpdateUserPoolClientRequest) *idp.CreateUserPoolClientRequest {
	return &idp.CreateUserPoolClientRequest{
		UserPoolId: in.UserPoolId, ClientName: in.ClientName,
		RefreshTokenValidity: in.RefreshTokenValidity, AccessTokenValidity: in.AccessTokenValidity,
		IdTokenValidity: in.IdTokenValidity, TokenValidityUnits: in.TokenValidityUnits,
		ReadAttributes: in.ReadAttributes, WriteAttributes: in.WriteAttributes,
		ExplicitAuthFlows: in.ExplicitAuthFlows, SupportedIdentityProviders: in.SupportedIdentityProviders,
		CallbackURLs: in.CallbackURLs, LogoutURLs: in.LogoutURLs, DefaultRedirectURI: in.DefaultRedirectURI,
		AllowedOAuthFlows: in.AllowedOAuthFlows, AllowedOAuthScopes: in.AllowedOAuthScopes,
		AllowedOAuthFlowsUserPoolClient: in.AllowedOAuthFlowsUserPoolClient,
		AnalyticsConfiguration:          in.AnalyticsConfiguration, PreventUserExistenceErrors: in.PreventUserExistenceErrors,
		EnableTokenRevocation:                    in.EnableTokenRevocation,
		EnablePropagateAdditionalUserContextData: in.EnablePropagateAdditionalUserContextData,
		AuthSessionValidity:                      in.AuthSessionValidity, RefreshTokenRotation: in.RefreshTokenRotation,
		PublishSecretsInAWSSecretsManager: in.PublishSecretsInAWSSecretsManager,
	}
}

func (s *service) deleteUserPoolClient(ctx context.Context, in *idp.DeleteUserPoolClientRequest) error {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return err
	}
	return pool.Admin().Clients().Delete(ctx, text(in.ClientId))
}

// maxPage is how many items a page has where the request does not say.
const maxPage = 60

// listUserPoolClients shows ids and names only, never a secret.
func (s *service) listUserPoolClients(ctx context.Context, in *idp.ListUserPoolClientsRequest) (*idp.ListUserPoolClientsResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	after, err := readPageToken(ctx, "ListUserPoolClients", pool.PoolID(), in.NextToken)
	if err != nil {
		return nil, err
	}
	clients, last, err := page(pool.Admin().Clients().List(ctx, after), in.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &idp.ListUserPoolClientsResponse{UserPoolClients: []idp.UserPoolClientDescription{}}
	if val(in.ClientType) == idp.ClientTypeTypeDcr { // the service filters after paging; no client here was registered by itself
		clients = nil
	}
	if last != nil {
		out.NextToken = pageToken("ListUserPoolClients", pool.PoolID(), last.ID)
	}
	for _, c := range clients {
		out.UserPoolClients = append(out.UserPoolClients, idp.UserPoolClientDescription{
			ClientId: secret(identity.Secret(c.ID)), UserPoolId: ptr(c.Pool), ClientName: ptr(c.Settings.Name),
		})
	}
	return out, nil
}

// regionOf is the region of a pool.
func regionOf(pool *string) string {
	region, _, _ := strings.Cut(text(pool), "_")
	return region
}

// checkNamed checks that what a client names exists. This version has no secret store.
func checkNamed(in *idp.CreateUserPoolClientRequest) error {
	if val(in.PublishSecretsInAWSSecretsManager) {
		return wire.Errorf(idp.OperationNotEnabledException, "Client secrets cannot be published: no secret store is configured.") // text (unsure)
	}
	return nil
}

// clientSettings are the settings that a request asks for. What it leaves out
// stays unset: that is how the service shows it again.
func clientSettings(in *idp.CreateUserPoolClientRequest) *identity.ClientSettings {
	s := &identity.ClientSettings{
		Name: text(in.ClientName), GenerateSecret: val(in.GenerateSecret), Secret: identity.Secret(text(in.ClientSecret)),
		AuthFlows: list[identity.AuthFlow](in.ExplicitAuthFlows), PreventUserExistenceErrors: as[string](in.PreventUserExistenceErrors),
		TokenRevocation:     in.EnableTokenRevocation,
		AccessTokenValidity: number[int](in.AccessTokenValidity), IDTokenValidity: number[int](in.IdTokenValidity),
		RefreshTokenValidity: number[int](in.RefreshTokenValidity), SessionMinutes: number[int](in.AuthSessionValidity),
		ReadAttributes: list[string](in.ReadAttributes), WriteAttributes: list[string](in.WriteAttributes), Providers: list[string](in.SupportedIdentityProviders),
		CallbackURLs: list[string](in.CallbackURLs), LogoutURLs: list[string](in.LogoutURLs), DefaultRedirectURI: in.DefaultRedirectURI,
		OAuth: val(in.AllowedOAuthFlowsUserPoolClient), OAuthFlows: list[string](in.AllowedOAuthFlows), OAuthScopes: list[string](in.AllowedOAuthScopes),
		PropagateContext: in.EnablePropagateAdditionalUserContextData,
	}
	if u := in.TokenValidityUnits; u != nil {
		s.Units = identity.TokenUnits{
			Access: as[string](u.AccessToken), ID: as[string](u.IdToken), Refresh: as[string](u.RefreshToken),
		}
	}
	if r := in.RefreshTokenRotation; r != nil {
		s.Rotation = &identity.RefreshRotation{Enabled: text(r.Feature) == "ENABLED", GraceSeconds: number[int](r.RetryGracePeriodSeconds)}
	}
	if a := in.AnalyticsConfiguration; a != nil {
		s.Analytics = &identity.AnalyticsSettings{
			ApplicationID: a.ApplicationId, ApplicationARN: a.ApplicationArn, RoleARN: a.RoleArn,
			ExternalID: a.ExternalId, UserDataShared: a.UserDataShared,
		}
	}
	return s
}

// clientType is a client as the service shows it. Flows, attributes and
// PreventUserExistenceErrors stay absent unless they were set, although defaults
// apply: complete answers of 2023 and 2025 show it so. Validities appear once they
// were set, with the exception of the refresh token's, which is 30 days or what
// was set.
//
// Of two secrets the first one is shown. Which of them the service shows during a
// rotation is (unsure).
func clientType(c *identity.ClientInfo, secrets []identity.Secret) *idp.UserPoolClientType {
	set := &c.Settings
	out := &idp.UserPoolClientType{
		UserPoolId: ptr(c.Pool), ClientName: ptr(set.Name), ClientId: secret(identity.Secret(c.ID)),
		CreationDate: date(c.Created), LastModifiedDate: date(c.Modified),
		RefreshTokenValidity: ptr(int32(30)), TokenValidityUnits: tokenUnits(set.Units),
		AccessTokenValidity: number[int32](set.AccessTokenValidity), IdTokenValidity: number[int32](set.IDTokenValidity),
		ReadAttributes: set.ReadAttributes, WriteAttributes: set.WriteAttributes,
		ExplicitAuthFlows: list[idp.ExplicitAuthFlowsType](set.AuthFlows), SupportedIdentityProviders: set.Providers,
		CallbackURLs: set.CallbackURLs, LogoutURLs: set.LogoutURLs, DefaultRedirectURI: set.DefaultRedirectURI,
		AllowedOAuthFlows: list[idp.OAuthFlowType](set.OAuthFlows), AllowedOAuthScopes: set.OAuthScopes,
		AllowedOAuthFlowsUserPoolClient:          ptr(set.OAuth),
		PreventUserExistenceErrors:               as[idp.PreventUserExistenceErrorTypes](set.PreventUserExistenceErrors),
		EnableTokenRevocation:                    ptr(or(set.TokenRevocation, true)),
		EnablePropagateAdditionalUserContextData: ptr(or(set.PropagateContext, false)),
		AuthSessionValidity:                      ptr(int32(or(set.SessionMinutes, 3))),
	}
	if len(secrets) > 0 {
		out.ClientSecret = secret(secrets[0])
	}
	if v := set.RefreshTokenValidity; v != nil && *v != 0 {
		out.RefreshTokenValidity = number[int32](v)
	}
	if r := set.Rotation; r != nil {
		out.RefreshTokenRotation = &idp.RefreshTokenRotationType{
			Feature: ptr(idp.FeatureType("DISABLED")), RetryGracePeriodSeconds: number[int32](r.GraceSeconds),
		}
		if r.Enabled {
			out.RefreshTokenRotation.Feature = ptr(idp.FeatureType("ENABLED"))
		}
	}
	if a := set.Analytics; a != nil {
		out.AnalyticsConfiguration = &idp.AnalyticsConfigurationType{
			ApplicationId: a.ApplicationID, ApplicationArn: a.ApplicationARN, RoleArn: a.RoleARN,
			ExternalId: a.ExternalID, UserDataShared: a.UserDataShared,
		}
	}
	return out
}

// tokenUnits are shown as an empty object where none were given.
func tokenUnits(u identity.TokenUnits) *idp.TokenValidityUnitsType {
	return &idp.TokenValidityUnitsType{
		AccessToken: as[idp.TimeUnitsType](u.Access), IdToken: as[idp.TimeUnitsType](u.ID), RefreshToken: as[idp.TimeUnitsType](u.Refresh),
	}
}
