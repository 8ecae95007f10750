package cognito

import (
	"context"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
)

// Rotation of client secrets. A client has up to two secrets, and both are valid
// wherever a secret or a secret hash is asked for. So a new secret is added first,
// the programs move to it, and then the old one is deleted. The last secret of a
// client cannot be deleted. No list shows a value.

// addUserPoolClientSecret tells the value of a secret that was made here, this
// once, and never one that the caller chose.
func (s *service) addUserPoolClientSecret(ctx context.Context, in *idp.AddUserPoolClientSecretRequest) (*idp.AddUserPoolClientSecretResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	added, err := pool.Admin().Clients().AddSecret(ctx, text(in.ClientId), identity.Secret(text(in.ClientSecret)))
	if err != nil {
		return nil, err
	}
	out := secretDescriptor(added)
	if in.ClientSecret == nil {
		out.ClientSecretValue = secret(added.Value)
	}
	return &idp.AddUserPoolClientSecretResponse{ClientSecretDescriptor: &out}, nil
}

// secretDescriptor is a secret without its value.
func secretDescriptor(info identity.SecretInfo) idp.ClientSecretDescriptorType {
	return idp.ClientSecretDescriptorType{ClientSecretId: ptr(info.ID), ClientSecretCreateDate: date(info.Created)}
}

func (s *service) deleteUserPoolClientSecret(ctx context.Context, in *idp.DeleteUserPoolClientSecretRequest) (*idp.DeleteUserPoolClientSecretResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	if err := pool.Admin().Clients().DeleteSecret(ctx, text(in.ClientId), text(in.ClientSecretId)); err != nil {
		return nil, err
	}
	return &idp.DeleteUserPoolClientSecretResponse{}, nil
}

// listUserPoolClientSecrets has one page, so that no token is valid for another.
func (s *service) listUserPoolClientSecrets(ctx context.Context, in *idp.ListUserPoolClientSecretsRequest) (*idp.ListUserPoolClientSecretsResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	if in.NextToken != nil {
		return nil, badPageToken()
	}
	infos, err := pool.Admin().Clients().SecretInfos(ctx, text(in.ClientId))
	if err != nil {
		return nil, err
	}
	out := &idp.ListUserPoolClientSecretsResponse{ClientSecrets: []idp.ClientSecretDescriptorType{}}
	for _, info := range infos {
		out.ClientSecrets = append(out.ClientSecrets, secretDescriptor(info))
	}
	return out, nil
}
