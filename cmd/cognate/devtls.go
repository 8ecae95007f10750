package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// With --tls, dev has a certificate of an authority of its own. The authority makes this one certificate, and its
// key is thrown away at once: whoever reads the disk finds the key of a server on this machine, and nothing
// that vouches for another. Constraints say the same to clients. Certificate and key are kept in one file, so
// that they always fit, and so that the authority needs to be trusted only once.

const (
	devCertLife  = 397 * 24 * time.Hour // what browsers take
	devCertSpare = 30 * 24 * time.Hour  // before its end, a new one is made
	devBundle    = "server.pem"
	devCA        = "ca.pem"
)

// devTLSFlags are the flags of dev for TLS.
type devTLSFlags struct {
	TLS    bool   `name:"tls" help:"Serve with TLS, as localhost, with a certificate of an authority that is made for this machine. The fake says how to trust it."`
	TLSDir string `name:"tls-dir" placeholder:"DIR" help:"Directory for the certificate of --tls. Default: cognate/dev-tls in your directory for settings."`
}

// Validate returns an error if the flags do not go together.
func (f *devTLSFlags) Validate() error {
	if !f.TLS && f.TLSDir != "" {
		return errors.New("--tls-dir needs --tls")
	}
	return nil
}

// secureDev returns what serves TLS, and the file with the authority. It returns nil and "" without --tls.
func (f *devTLSFlags) secureDev() (*secured, string, error) {
	if !f.TLS {
		return nil, "", nil
	}
	dir := f.TLSDir
	if dir == "" {
		settings, err := os.UserConfigDir()
		if err != nil {
			return nil, "", hint(err, "name a directory with --tls-dir")
		}
		dir = filepath.Join(settings, "cognate", "dev-tls")
	}
	dir, err := filepath.Abs(dir) // other programs need the path
	if err != nil {
		return nil, "", err
	}
	cert, err := devCertificate(dir, time.Now())
	if err != nil {
		return nil, "", hint(fmt.Errorf("--tls: %w", err), "remove %s for a new certificate, or choose another directory with --tls-dir", filepath.Join(dir, devBundle))
	}
	return &secured{config: &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{*cert},
	}}, filepath.Join(dir, devCA), nil
}

// devCertificate returns the certificate in a directory. It makes one if there is none, or if that one ends soon.
func devCertificate(dir string, now time.Time) (*tls.Certificate, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, devBundle)
	cert, ca, err := readBundle(file)
	if err == nil && now.After(cert.Leaf.NotAfter.Add(-devCertSpare)) {
		err = errors.Join(fs.ErrNotExist, os.Remove(file))
	}
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeBundle(file, now); err != nil {
			return nil, err
		}
		cert, ca, err = readBundle(file) // another fake may have made it
	}
	if err != nil {
		return nil, err
	}
	if err := checkDevCertificate(cert, ca, now); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return cert, replaceFile(filepath.Join(dir, devCA), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}))
}

// readBundle reads the certificate, its key and its authority.
func readBundle(file string) (*tls.Certificate, *x509.Certificate, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, nil, err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, nil, fmt.Errorf("%s has a key, and others can read it: its mode must be 0600", file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	cert, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, nil, err
	}
	if len(cert.Certificate) != 2 {
		return nil, nil, fmt.Errorf("%s has %d certificates, not 2", file, len(cert.Certificate))
	}
	ca, err := x509.ParseCertificate(cert.Certificate[1])
	cert.Certificate = cert.Certificate[:1] // clients have the authority
	return &cert, ca, err
}

// checkDevCertificate returns an error for a certificate that clients would refuse.
func checkDevCertificate(cert *tls.Certificate, ca *x509.Certificate, now time.Time) error {
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
		if _, err := cert.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: now}); err != nil {
			return err
		}
	}
	return nil
}

// makeBundle writes a new certificate, unless another process has written one meanwhile.
func makeBundle(file string, now time.Time) error {
	text, err := newBundle(now)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".tls-*") // its mode is 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(text)
	if err := errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), file); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// newBundle makes an authority and a certificate for this machine. The key of the authority is forgotten.
func newBundle(now time.Time) ([]byte, error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	ca := devAuthority(now)
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return nil, err
	}
	leaf := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1).To4(), net.IPv6loopback},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for _, b := range []*pem.Block{{Type: "CERTIFICATE", Bytes: leafDER}, {Type: "CERTIFICATE", Bytes: caDER}, {Type: "PRIVATE KEY", Bytes: private}} {
		if err := pem.Encode(&out, b); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// devAuthority is an authority for names of this machine alone.
func devAuthority(now time.Time) *x509.Certificate {
	host, _ := os.Hostname() // "" is fine: it tells people whose authority it is
	return &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{Organization: []string{"Cognate, for tests"}, CommonName: strings.TrimSpace("cognate dev " + host)},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(devCertLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: []string{"localhost"},
		PermittedIPRanges: []*net.IPNet{
			{IP: net.IPv4(127, 0, 0, 1).To4(), Mask: net.CIDRMask(32, 32)}, {IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)},
		},
	}
}

func serial() *big.Int {
	var raw [16]byte
	_, _ = rand.Read(raw[:])
	raw[0] &= 0x7f
	return new(big.Int).SetBytes(raw[:])
}

// replaceFile writes a file that everybody may read. Nobody sees a part of it.
func replaceFile(file string, text []byte) error {
	if had, err := os.ReadFile(file); err == nil && bytes.Equal(had, text) {
		return nil
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".tls-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(text)
	if err := errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), file)
}

// trustLines say how programs trust an authority.
func trustLines(ca string) string {
	return "\nPrograms must trust the authority of the certificate:\n\n" +
		"  export NODE_EXTRA_CA_CERTS=" + shellWord(ca) + " # Node.js\n" +
		"  export SSL_CERT_FILE=" + shellWord(ca) + "       # Go, curl, Ruby\n" +
		"  export REQUESTS_CA_BUNDLE=" + shellWord(ca) + "  # Python with requests\n" +
		"  export AWS_CA_BUNDLE=" + shellWord(ca) + "       # the AWS CLI and SDKs\n\n" +
		"All but the first take the place of the authorities that a program has: unset them for other servers.\n" +
		"For browsers, import the file as an authority for websites. It can vouch for this machine alone: its key is thrown away.\n"
}

// shellWord quotes a path for a shell, if it needs that.
func shellWord(path string) string {
	if strings.Trim(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-+") == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
