package saml

import (
	"bytes"
	"cmp"
	"crypto/rsa"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	crewjam "github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"
)

// RSASHA256 is the value of [Config.RequestSigningAlgorithm] that signs requests.
const RSASHA256 = "rsa-sha256"

// EntityID returns the name of a user pool as a service provider. The administrator of the identity provider enters it there.
func EntityID(poolID string) string { return "urn:amazon:cognito:sp:" + poolID }

// Config describes a service provider, and the identity provider that it talks to. The names of the switches are
// those of ProviderDetails.
type Config struct {
	// PoolID is the id of the user pool. It is needed unless EntityID is set: the entity id is made of it.
	PoolID string
	// EntityID is our name, which the audience of assertions must have. Defaults to that of the user pool, see [EntityID].
	EntityID string
	// ACS is the URL that responses are posted to, such as https://auth.example.com/saml2/idpresponse. It is needed.
	ACS string
	// Logout is the URL that answers to sign-outs are posted to, such as https://auth.example.com/saml2/logout. It
	// is needed with IDPSignout.
	Logout string
	// IdP is the metadata of the identity provider. It is needed, and must not change while the provider is in use.
	IdP *Metadata

	// RequestSigningAlgorithm is empty, which leaves requests for sign-in unsigned, or [RSASHA256].
	RequestSigningAlgorithm string
	// EncryptedResponses refuses assertions that are not encrypted. Defaults to false, which accepts both if there are DecryptionKeys.
	EncryptedResponses bool
	// IDPInit accepts responses that no request asked for. Defaults to false.
	IDPInit bool
	// IDPSignout signs people out at the identity provider too. Defaults to false.
	IDPSignout bool

	// SigningKey signs requests. It has at least 2048 bits and is needed with RequestSigningAlgorithm and with IDPSignout.
	SigningKey *rsa.PrivateKey
	// SigningCertificate is the certificate of SigningKey, for our metadata. It is needed with SigningKey.
	SigningCertificate *x509.Certificate
	// EarlierCertificate is a certificate of SigningKey that was issued before, for our metadata. Defaults to none.
	EarlierCertificate *x509.Certificate
	// DecryptionKeys decrypt assertions: the current key first, then old ones. At most 4. Needed with EncryptedResponses.
	DecryptionKeys []*rsa.PrivateKey
	// EncryptionCertificate is the certificate of the first of DecryptionKeys, for our metadata. It is needed with them.
	EncryptionCertificate *x509.Certificate

	// Skew is the difference between the clocks that is tolerated. Defaults to 2 minutes, and is 3 minutes at most.
	Skew time.Duration
	// Now returns the time. Defaults to [time.Now].
	Now func() time.Time
}

// The bounds of [Config].
const (
	defaultSkew       = 2 * time.Minute
	maxSkew           = 3 * time.Minute
	maxDecryptionKeys = 4
)

// A Provider is a service provider that talks to one identity provider. It does not change, and may be used concurrently.
type Provider struct {
	c           Config
	acs, logout url.URL
}

// New returns a provider. Each of its errors is [ErrConfig].
func New(c Config) (*Provider, error) {
	if c.Skew == 0 {
		c.Skew = defaultSkew
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	acs, err := url.Parse(c.ACS)
	if err != nil {
		return nil, fmt.Errorf("%w: ACS: %w", ErrConfig, err)
	}
	logout, err := url.Parse(c.Logout)
	if err != nil {
		return nil, fmt.Errorf("%w: logout: %w", ErrConfig, err)
	}
	return &Provider{c: c, acs: *acs, logout: *logout}, nil
}

// Issuer returns the entity id of the identity provider.
func (p *Provider) Issuer() string { return p.c.IdP.EntityID }

func (c *Config) check() error {
	signs := c.RequestSigningAlgorithm != "" || c.IDPSignout
	switch {
	case c.PoolID == "" && c.EntityID == "":
		return errors.New("no pool id")
	case !webURL(c.ACS):
		return errors.New("ACS is not a URL")
	case c.IDPSignout && !webURL(c.Logout):
		return errors.New("logout is not a URL")
	case c.IDPSignout && c.Logout == c.ACS:
		return errors.New("ACS and logout are one URL")
	case c.IdP == nil || c.IdP.EntityID == "" || len(c.IdP.Keys) == 0 || len(c.IdP.Keys) > MaxKeys || !webURL(c.IdP.SSORedirect):
		return errors.New("the metadata of the identity provider is incomplete")
	case c.RequestSigningAlgorithm != "" && c.RequestSigningAlgorithm != RSASHA256:
		return fmt.Errorf("the algorithm %q", c.RequestSigningAlgorithm)
	case signs && c.SigningKey == nil:
		return errors.New("no signing key")
	case c.SigningKey != nil && !pair(c.SigningKey, c.SigningCertificate):
		return errors.New("the signing key is too short, or the certificate is not of it")
	case c.EarlierCertificate != nil && !pair(c.SigningKey, c.EarlierCertificate):
		return errors.New("the earlier certificate is not of the signing key")
	case c.EncryptedResponses && len(c.DecryptionKeys) == 0:
		return errors.New("no decryption key")
	case len(c.DecryptionKeys) > maxDecryptionKeys:
		return fmt.Errorf("more than %d decryption keys", maxDecryptionKeys)
	case len(c.DecryptionKeys) > 0 && !pair(c.DecryptionKeys[0], c.EncryptionCertificate):
		return errors.New("the decryption key is too short, or the certificate is not of it")
	case slices.ContainsFunc(c.DecryptionKeys, func(k *rsa.PrivateKey) bool { return k == nil || k.N.BitLen() < minRSA }):
		return errors.New("an old decryption key is missing or too short")
	case c.Skew < 0 || c.Skew > maxSkew:
		return fmt.Errorf("a skew of %v", c.Skew)
	default:
		return nil
	}
}

// pair reports whether cert is of key, which is long enough.
func pair(key *rsa.PrivateKey, cert *x509.Certificate) bool {
	return key != nil && key.N.BitLen() >= minRSA && cert != nil && key.PublicKey.Equal(cert.PublicKey)
}

// library returns the provider of the library for one message. v verifies signatures, and at is the time that the
// library takes it to be. See [Provider.pinned].
func (p *Provider) library(v crewjam.SignatureVerifier, at time.Time) *crewjam.ServiceProvider {
	sp := &crewjam.ServiceProvider{
		EntityID:                    cmp.Or(p.c.EntityID, EntityID(p.c.PoolID)),
		AcsURL:                      p.acs,
		SloURL:                      p.logout,
		IDPMetadata:                 p.c.IdP.library(),
		SignatureVerifier:           v,
		RejectUnknownConditions:     true,
		RejectSHA1Signatures:        true,
		RequireSignedResponseForCBC: true,
		LogoutSignatureMethod:       dsig.RSASHA256SignatureMethod,
		Clock:                       dsig.NewFakeClockAt(at),
		MetadataOmitValidUntil:      true, // it is entered by hand, and changes with the keys only

		AssertionConsumerServiceBindings: []string{crewjam.HTTPPostBinding},
	}
	if p.c.RequestSigningAlgorithm == RSASHA256 {
		sp.SignatureMethod = dsig.RSASHA256SignatureMethod
	}
	if p.c.SigningKey != nil {
		sp.Key, sp.Certificate = p.c.SigningKey, p.c.SigningCertificate
	}
	if len(p.c.DecryptionKeys) > 0 {
		sp.EncryptionKey, sp.DecryptionKeys = p.c.DecryptionKeys[0], p.c.DecryptionKeys[1:]
		sp.EncryptionCertificate = p.c.EncryptionCertificate
	}
	if p.c.IDPSignout {
		sp.LogoutBindings = []string{crewjam.HTTPPostBinding}
	}
	return sp
}

// library returns the part of the metadata that the library looks at. It gets the keys from our verifier.
func (m *Metadata) library() *crewjam.EntityDescriptor {
	var keys []crewjam.KeyDescriptor
	for _, k := range m.Keys {
		keys = append(keys, crewjam.KeyDescriptor{Use: "signing", KeyInfo: keyInfo(k)})
	}
	return &crewjam.EntityDescriptor{
		EntityID: m.EntityID,
		IDPSSODescriptors: []crewjam.IDPSSODescriptor{{
			SSODescriptor: crewjam.SSODescriptor{RoleDescriptor: crewjam.RoleDescriptor{KeyDescriptors: keys}},
		}},
	}
}

// Metadata returns our metadata document, which an identity provider may be set up with. The service publishes none.
func (p *Provider) Metadata() ([]byte, error) {
	d := p.library(nil, p.c.Now()).Metadata()
	role := &d.SPSSODescriptors[0]
	role.NameIDFormats = nil // any
	role.KeyDescriptors = nil
	if p.c.SigningKey != nil {
		role.KeyDescriptors = append(role.KeyDescriptors, crewjam.KeyDescriptor{Use: "signing", KeyInfo: keyInfo(p.c.SigningCertificate)})
	}
	if p.c.EarlierCertificate != nil {
		role.KeyDescriptors = append(role.KeyDescriptors, crewjam.KeyDescriptor{Use: "signing", KeyInfo: keyInfo(p.c.EarlierCertificate)})
	}
	if len(p.c.DecryptionKeys) > 0 {
		k := crewjam.KeyDescriptor{Use: "encryption", KeyInfo: keyInfo(p.c.EncryptionCertificate)}
		for _, m := range append(encryptionMethods[:len(encryptionMethods):len(encryptionMethods)], transportMethods...) {
			k.EncryptionMethods = append(k.EncryptionMethods, crewjam.EncryptionMethod{Algorithm: m})
		}
		role.KeyDescriptors = append(role.KeyDescriptors, k)
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	e := xml.NewEncoder(&b)
	e.Indent("", "  ")
	if err := e.Encode(d); err != nil {
		return nil, fmt.Errorf("saml: metadata: %w", err)
	}
	return b.Bytes(), nil
}
