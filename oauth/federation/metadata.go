package federation

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth/federation/fetch"
	"github.com/cognate-id/cognate/oauth/federation/saml"
)

// Metadata reads the metadata of a SAML provider: the file in its settings, or else what its URL answers. It returns
// an [*identity.ProviderError] of [identity.ErrProviderMetadata] if that cannot be used, whatever the reason.
func Metadata(ctx context.Context, f *fetch.Client, p *identity.ProviderSettings, now time.Time) (*saml.Metadata, error) {
	doc, from := []byte(p.Details["MetadataFile"]), ""
	if len(doc) == 0 {
		from = p.Details["MetadataURL"]
		var err error
		if doc, err = f.Get(ctx, from); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, unread(from) // and no word of what has answered
		}
	}
	m, err := saml.ParseMetadata(doc, now)
	if err != nil {
		return nil, unread(from)
	}
	return m, nil
}

func unread(from string) error {
	return &identity.ProviderError{Err: identity.ErrProviderMetadata, Name: from}
}

// The paths of a service provider, below its address: where responses are posted to, and where answers to sign-outs are.
const (
	SAMLResponsePath = "/saml2/idpresponse"
	SAMLLogoutPath   = "/saml2/logout"
)

// ServiceProvider makes the service provider for a SAML provider with metadata. at is its address, such as https://auth.example.com,
// without a slash at its end.
func ServiceProvider(p *identity.Provider, m *saml.Metadata, keys *identity.SAMLKeys, at string, now func() time.Time) (*saml.Provider, error) {
	d := p.Details
	c := saml.Config{
		PoolID: p.Pool, ACS: at + SAMLResponsePath, Logout: at + SAMLLogoutPath, IdP: m, Now: now,
		RequestSigningAlgorithm: d["RequestSigningAlgorithm"], EncryptedResponses: d["EncryptedResponses"] == "true",
		IDPInit: d["IDPInit"] == "true", IDPSignout: d["IDPSignout"] == "true",
	}
	var err error
	if c.SigningKey, c.SigningCertificate, err = pairOf(&keys.Signing); err != nil {
		return nil, err
	}
	if len(keys.Signing.Earlier) > 0 {
		last, err := x509.ParseCertificate(keys.Signing.Earlier[0])
		if err != nil {
			return nil, fmt.Errorf("federation: earlier certificate for SAML: %w", err)
		}
		c.EarlierCertificate = last
	}
	for i := range keys.Encryption {
		key, cert, err := pairOf(&keys.Encryption[i])
		if err != nil {
			return nil, err
		}
		if i == 0 {
			c.EncryptionCertificate = cert
		}
		c.DecryptionKeys = append(c.DecryptionKeys, key)
	}
	return saml.New(c)
}

func pairOf(k *identity.SAMLKey) (*rsa.PrivateKey, *x509.Certificate, error) {
	signer, err := k.Signer()
	if err != nil {
		return nil, nil, fmt.Errorf("federation: %w", err)
	}
	key, ok := signer.(*rsa.PrivateKey)
	if !ok {
		return nil, nil, errors.New("federation: the key for SAML is not one of RSA")
	}
	cert, err := x509.ParseCertificate(k.Certificate)
	if err != nil {
		return nil, nil, fmt.Errorf("federation: certificate for SAML: %w", err)
	}
	return key, cert, nil
}
