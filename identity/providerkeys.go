package identity

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
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
//
// A key gets a new certificate a year after the last one, when it is next used or asked for (renewed). As on the service, the key stays, and earlier
// certificates are good until they expire: a provider that has one of them goes on to verify requests, and to encrypt, without being told.

// samlKeyLife is how long a certificate is valid, and samlKeyYear after which time there is a new one.
const (
	samlKeyLife = 10 * samlKeyYear
	samlKeyYear = 365 * 24 * time.Hour
)

// A SAMLKey is a key with its certificates. It is printed as [redacted].
type SAMLKey struct {
	Private     []byte   `json:"private"`           // PKCS #8
	Certificate []byte   `json:"certificate"`       // DER
	Earlier     [][]byte `json:"earlier,omitempty"` // certificates of the key that were issued before and are valid, the newest first
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
func newSAMLKey(pool string, now time.Time) (*SAMLKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	der, err := certify(pool, key, now)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	return &SAMLKey{Private: private, Certificate: der}, err
}

// certify makes a certificate of a key by itself.
func certify(pool string, key crypto.Signer, now time.Time) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	cert := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: pool}, NotBefore: now.Add(-samlKeyEarly), NotAfter: now.Add(samlKeyLife),
		SignatureAlgorithm: x509.SHA256WithRSA,
	}
	return x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
}

// samlKeyEarly is how long before it is made a certificate is valid, for providers whose clock is late.
const samlKeyEarly = time.Hour

// renewed returns the key with a new certificate if a year is over, and otherwise the key itself.
func (k *SAMLKey) renewed(pool string, now time.Time) (*SAMLKey, error) {
	last, err := x509.ParseCertificate(k.Certificate)
	if err != nil {
		return nil, fmt.Errorf("certificate of a SAML provider: %w", err)
	}
	if now.Before(last.NotBefore.Add(samlKeyEarly + samlKeyYear)) {
		return k, nil
	}
	key, err := k.Signer()
	if err != nil {
		return nil, err
	}
	der, err := certify(pool, key, now)
	if err != nil {
		return nil, err
	}
	next := &SAMLKey{Private: k.Private, Certificate: der}
	for _, old := range append([][]byte{k.Certificate}, k.Earlier...) {
		if cert, err := x509.ParseCertificate(old); err == nil && now.Before(cert.NotAfter) {
			next.Earlier = append(next.Earlier, old)
		}
	}
	return next, nil
}

// sameAs reports whether two keys have the same newest certificate.
func (k *SAMLKey) sameAs(other *SAMLKey) bool { return bytes.Equal(k.Certificate, other.Certificate) }

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
	key, err := newSAMLKey(pool, e.now())
	if err != nil {
		return nil, err
	}
	return &samlSigning{pool, *key}, nil
}

// renewSigning returns the signing key of a pool with a certificate of this year. If a new one cannot be stored, the last one is good.
func (e *Engine) renewSigning(ctx context.Context, k *samlSigning) *samlSigning {
	next, err := k.Key.renewed(k.Pool, e.now())
	if err == nil && next == &k.Key {
		return k
	}
	kept := k
	if err == nil {
		err = e.store.Update(ctx, func(tx store.Tx) (err error) {
			if kept, err = samlSignings.Get(tx, store.Key(k.Pool)); err != nil || !kept.Key.sameAs(&k.Key) {
				return err // somebody else has stored one
			}
			kept = &samlSigning{k.Pool, *next}
			return samlSignings.Put(tx, kept)
		})
	}
	if err != nil {
		e.log.ErrorContext(ctx, "the signing certificate for SAML is not renewed", "pool", k.Pool, "error", err)
		return k
	}
	return kept
}

// renewEncryption returns a provider whose encryption key has a certificate of this year, as renewSigning does.
func (e *Engine) renewEncryption(ctx context.Context, p *providerRecord) *providerRecord {
	if len(p.Encryption) == 0 {
		return p
	}
	next, err := p.Encryption[0].renewed(p.Pool, e.now())
	if err == nil && next == &p.Encryption[0] {
		return p
	}
	kept := p
	if err == nil {
		err = e.store.Update(ctx, func(tx store.Tx) (err error) {
			if kept, err = providerOf(tx, p.Pool, p.Name); err != nil || len(kept.Encryption) == 0 || !kept.Encryption[0].sameAs(&p.Encryption[0]) {
				return err
			}
			changed := *kept
			changed.Encryption = append([]SAMLKey{*next}, kept.Encryption[1:]...)
			kept = &changed
			return providers.Put(tx, kept)
		})
	}
	if err != nil {
		e.log.ErrorContext(ctx, "the encryption certificate for SAML is not renewed", "pool", p.Pool, "provider", p.Name, "error", err)
		return p
	}
	return kept
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

// SigningCertificate returns the certificate by which SAML providers verify the requests of the pool, in base64 of its DER. Each year it is another one, of
// the same key. It returns [ErrNoSigningCertificate] if the pool never had a SAML provider.
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
	return ps.admin.engine.renewSigning(ctx, k).Key.CertificateText(), nil
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
	return &SAMLKeys{a.engine.renewSigning(ctx, k).Key, a.engine.renewEncryption(ctx, p).Encryption}, nil
}
