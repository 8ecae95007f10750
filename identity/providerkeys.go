package identity

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"time"

	"github.com/cognate-id/cognate/store"
)

// What a pool proves itself by to SAML providers: one key that signs its requests, and one for each provider that
// assertions are encrypted to. Both are made when they are first needed, with a certificate that is valid for ten years: nobody verifies these by their issuer.

// samlKeyLife is how long a certificate is valid.
const samlKeyLife = 10 * 365 * 24 * time.Hour

// A SAMLKey is a key with its certificate. It is printed as its certificate's length alone.
type SAMLKey struct {
	Private     []byte `json:"private"`     // PKCS #8
	Certificate []byte `json:"certificate"` // DER
}

// CertificateText returns the certificate as the service shows it: base64 without the lines of PEM.
func (k *SAMLKey) CertificateText() string { return base64.StdEncoding.EncodeToString(k.Certificate) }

// String implements [fmt.Stringer].
func (k SAMLKey) String() string { return "[redacted]" }

// GoString implements [fmt.GoStringer].
func (k SAMLKey) GoString() string { return "[redacted]" }

// Signer returns the private key.
func (k *SAMLKey) Signer() (crypto.Signer, error) {
	key, err := x509.ParsePKCS8PrivateKey(k.Private)
	if err != nil {
		return nil, fmt.Errorf("key of a SAML provider: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%w: a key of the type %T", errUnhandled, key)
	}
	return signer, nil
}

// newSAMLKey makes a key and its certificate, which names the pool.
func (e *Engine) newSAMLKey(pool string) (*SAMLKey, error) {
	now := e.now()
	key, err := e.stock.takeRSA()
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	cert := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: pool}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(samlKeyLife),
		SignatureAlgorithm: x509.SHA256WithRSA,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	return &SAMLKey{private, der}, err
}

// A samlSigning is what a pool signs its requests to SAML providers with.
type samlSigning struct {
	Pool string  `json:"pool"`
	Key  SAMLKey `json:"key"`
}

// newSigning makes the signing key of a pool. It returns nil if the pool has one.
func (e *Engine) newSigning(ctx context.Context, pool string) (*samlSigning, error) {
	k, err := e.signingOf(ctx, pool)
	if err != nil || k != nil {
		return nil, err
	}
	key, err := e.newSAMLKey(pool)
	if err != nil {
		return nil, err
	}
	return &samlSigning{pool, *key}, nil
}

func (e *Engine) signingOf(ctx context.Context, pool string) (k *samlSigning, err error) {
	err = e.store.View(ctx, func(r store.Reader) (err error) {
		k, err = orNil(samlSignings.Get(r, store.Key(pool)))
		return err
	})
	return k, err
}

// putOnce writes the key, unless somebody else has written one meanwhile. It does nothing for nil.
func (k *samlSigning) putOnce(tx store.Tx) error {
	if k == nil {
		return nil
	}
	values, err := tx.Get(samlSignings.Ref(store.Key(k.Pool)))
	if err != nil || values[0] != nil {
		return err
	}
	return samlSignings.Put(tx, k)
}

// SigningCertificate returns the certificate by which SAML providers verify the requests of the pool, in base64 of its DER. It returns [ErrNoSigningCertificate] if
// the pool never had a SAML provider.
func (ps Providers) SigningCertificate(ctx context.Context) (string, error) {
	if _, err := ps.admin.Describe(ctx); err != nil {
		return "", fmt.Errorf("signing certificate: %w", err)
	}
	k, err := ps.admin.engine.signingOf(ctx, ps.admin.pool)
	if err == nil && k == nil {
		err = ErrNoSigningCertificate
	}
	if err != nil {
		return "", fmt.Errorf("signing certificate: %w", err)
	}
	return k.Key.CertificateText(), nil
}

// SAMLKeys are what a pool proves itself by to a SAML provider.
type SAMLKeys struct {
	Signing    SAMLKey   // signs requests
	Encryption []SAMLKey // what assertions may be encrypted to, the newest first
}

// SAMLKeys returns the keys for a SAML provider of the client.
func (a *AppClient) SAMLKeys(ctx context.Context, provider string) (*SAMLKeys, error) {
	p, err := a.providerRecord(ctx, provider)
	if err != nil {
		return nil, fmt.Errorf("keys of a SAML provider: %w", err)
	}
	k, err := a.engine.signingOf(ctx, p.Pool)
	if err == nil && k == nil {
		err = ErrNoSigningCertificate
	}
	if err != nil {
		return nil, fmt.Errorf("keys of a SAML provider: %w", err)
	}
	return &SAMLKeys{k.Key, p.Encryption}, nil
}
