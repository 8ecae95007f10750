package identity_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
)

func certificateOf(t *testing.T, text string) *x509.Certificate {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(text)
	check(t, "DecodeString", err)
	cert, err := x509.ParseCertificate(der)
	check(t, "ParseCertificate", err)
	return cert
}

// TestSAMLCertificatesOfEachYear: a new certificate each year, for ten years, of the same key. The service's guide says so, and that the
// earlier ones stay valid.
func TestSAMLCertificatesOfEachYear(t *testing.T) {
	if testing.Short() {
		t.Skip("makes two RSA keys")
	}
	const year = 365 * 24 * time.Hour
	fd := newFederated(t, identity.PoolSettings{}, identity.ProviderSettings{Name: "Corp", Type: identity.ProviderSAML, Details: map[string]string{"MetadataFile": "<x/>"}})
	providers := fd.pool.Admin().Providers()
	signing := func() *x509.Certificate {
		text, err := providers.SigningCertificate(t.Context())
		check(t, "SigningCertificate", err)
		return certificateOf(t, text)
	}
	encryption := func() *x509.Certificate {
		p, err := providers.Get(t.Context(), "Corp")
		check(t, "Get", err)
		return certificateOf(t, p.Details["ActiveEncryptionCertificate"])
	}
	keys := func() *identity.SAMLKeys {
		keys, err := fd.app.SAMLKeys(t.Context(), "Corp")
		check(t, "SAMLKeys", err)
		return keys
	}
	first, firstEncryption := signing(), encryption()
	fd.advance(year - time.Second)
	if keys(); !signing().Equal(first) || !encryption().Equal(firstEncryption) {
		t.Error("a certificate is renewed before a year is over")
	}
	fd.advance(time.Second)
	check(t, "Update", second(providers.Update(t.Context(), "Corp", func(p *identity.ProviderSettings) error { p.Identifiers = []string{"corp"}; return nil })))
	all := keys()
	for name, tt := range map[string]struct {
		first, next *x509.Certificate
		key         identity.SAMLKey
	}{"signing": {first, signing(), all.Signing}, "encryption": {firstEncryption, encryption(), all.Encryption[0]}} {
		if tt.next.Equal(tt.first) || !tt.first.PublicKey.(*rsa.PublicKey).Equal(tt.next.PublicKey) {
			t.Errorf("%s: after a year the certificate is not another one of the same key", name)
		}
		if got := tt.next.NotAfter.Sub(fd.now()); got != 10*year || tt.next.Subject.String() != "CN="+fd.pool.PoolID() {
			t.Errorf("%s: a certificate of %s for %v", name, tt.next.Subject, got)
		}
		if len(tt.key.Earlier) != 1 || string(tt.key.Earlier[0]) != string(tt.first.Raw) || tt.key.CertificateText() != base64.StdEncoding.EncodeToString(tt.next.Raw) {
			t.Errorf("%s: %d earlier certificates", name, len(tt.key.Earlier))
		}
	}
	if again := keys(); string(again.Signing.Certificate) != string(all.Signing.Certificate) {
		t.Error("each use makes a certificate")
	}
	for range 12 {
		fd.advance(year)
		all = keys()
	}
	if n := len(all.Signing.Earlier); n != 9 {
		t.Errorf("%d earlier certificates after many years, want the 9 that are valid", n)
	}
	if string(keys().Signing.Private) != string(all.Signing.Private) || len(keys().Encryption) != 1 {
		t.Error("the key has changed")
	}
}
