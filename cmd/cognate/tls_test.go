package main_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writeCert writes a certificate for this machine, and its key, and returns the certificate.
func writeCert(t *testing.T, dir string, serial int64) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}, &x509.Certificate{Subject: pkix.Name{CommonName: "localhost"}}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert
}

// serialOf asks for health over TLS and returns the serial number of the server's certificate.
func serialOf(t *testing.T, url string, roots *x509.CertPool) int64 {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost"}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Get(url + "/_cognate/health")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK || res.ProtoMajor != 2 || res.TLS.Version < tls.VersionTLS12 {
		t.Errorf("health over TLS: %s by %s, TLS %x", res.Status, res.Proto, res.TLS.Version)
	}
	return res.TLS.PeerCertificates[0].SerialNumber.Int64()
}

// A certificate that is renewed on the disk is served without a restart, and files that
// do not fit together leave the old one in place.
func TestServeReadsItsCertificateAnew(t *testing.T) {
	if testing.Short() {
		t.Skip("waits until a server reads its certificate again")
	}
	dir := t.TempDir()
	roots := x509.NewCertPool()
	roots.AddCert(writeCert(t, dir, 1))
	p, url := serveAt(t, dir, "--tls-cert", "cert.pem", "--tls-key", "key.pem")
	url = strings.Replace(url, "http://", "https://", 1)
	if got := serialOf(t, url, roots); got != 1 {
		t.Fatalf("serial number %d, want 1", got)
	}
	whole, err := os.ReadFile(filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "key.pem"), []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond) // the files are looked at once a second
	if got := serialOf(t, url, roots); got != 1 {
		t.Errorf("with a broken key: serial number %d, want 1", got)
	}
	p.stderr.await(t, p.done, "the server goes on with the old one")
	if err := os.WriteFile(filepath.Join(dir, "key.pem"), whole, 0o600); err != nil {
		t.Fatal(err)
	}
	roots.AddCert(writeCert(t, dir, 2))
	deadline := time.Now().Add(limit)
	for serialOf(t, url, roots) != 2 {
		if time.Now().After(deadline) {
			t.Fatal("the new certificate is not served")
		}
		time.Sleep(100 * time.Millisecond)
	}
	if res, err := http.Get("http" + strings.TrimPrefix(url, "https") + "/_cognate/health"); err == nil {
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			t.Error("the port answers in clear text too")
		}
	}
}

func TestServeTLSFlags(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the command for each of nine combinations of flags that do not fit")
	}
	dir := t.TempDir()
	for _, tt := range []struct{ name, args, want string }{
		{"a certificate without a key", "--tls-cert cert.pem", "give both or neither"},
		{"a key without a certificate", "--tls-key key.pem", "give both or neither"},
		{"both ways", "--tls-cert cert.pem --tls-key key.pem --acme-host auth.example.com", "acme-host"},
		{"a cache for nothing", "--acme-cache certs", "need --acme-host"},
		{"an address as a host", "--acme-host 192.0.2.1", "not a host"},
		{"a host with a port", "--acme-host auth.example.com:443", "not a host"},
		{"a wildcard", "--acme-host *.example.com", "not a host"},
		{"an authority in clear text", "--acme-host auth.example.com --acme-directory http://acme.example/dir", "not a URL"},
		{"files that are not there", "--tls-cert cert.pem --tls-key key.pem", "cannot use the certificate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := append([]string{"serve", "--addr", "127.0.0.1:0", "--issuer", "aws"}, strings.Fields(tt.args)...)
			if _, errs, code := run(t, dir, args...); code == 0 || !strings.Contains(errs, tt.want) {
				t.Errorf("exit %d, %q, want %q", code, errs, tt.want)
			}
		})
	}
}
