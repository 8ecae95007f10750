package main_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// readPEM returns the certificates of a file, and the types of its blocks.
func readPEM(t *testing.T, file string) (certs []*x509.Certificate, kinds []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		kinds = append(kinds, block.Type)
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		certs = append(certs, c)
	}
	return certs, kinds
}

// A fake with TLS is trusted by whoever has its authority, which vouches for this machine alone and stays.
func TestDevTLS(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir, "dev", "--addr", "127.0.0.1:0", "--tls", "--tls-dir", "tls", "--ready-file", "ready.json")
	url, ca := p.value("Endpoint"), p.value("Authority")
	if !strings.HasPrefix(url, "https://127.0.0.1:") || p.value("Issuer") != url+"/"+p.value("User pool") {
		t.Errorf("endpoint %s, issuer %s", url, p.value("Issuer"))
	}
	p.stdout.await(t, p.done, "export NODE_EXTRA_CA_CERTS="+ca)
	var ready struct{ Endpoint, Issuer, CA string }
	text, err := os.ReadFile(filepath.Join(dir, "ready.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &ready); err != nil || ready.CA != ca || ready.Endpoint != url {
		t.Errorf("ready file: %s, %v", text, err)
	}
	authorities, kinds := readPEM(t, ca)
	if len(authorities) != 1 || len(kinds) != 1 {
		t.Fatalf("the file of the authority has %v", kinds)
	}
	checkAuthority(t, authorities[0])
	roots := x509.NewCertPool()
	roots.AddCert(authorities[0])
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	for _, name := range []string{"127.0.0.1", "localhost"} {
		checkDiscovery(t, client, strings.Replace(url, "127.0.0.1", name, 1), p.value("User pool"))
	}
	if _, err := http.Get(url + "/_cognate/health"); err == nil {
		t.Error("a client without the authority trusts the fake")
	}

	info, err := os.Stat(filepath.Join(dir, "tls", "server.pem"))
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if _, kinds := readPEM(t, filepath.Join(dir, "tls", "server.pem")); strings.Count(strings.Join(kinds, " "), "PRIVATE KEY") != 1 {
		t.Errorf("server.pem has %v", kinds) // the server's key, and not the authority's
	}
	if testing.Short() { // a second start is left out
		return
	}
	p.kill()
	again := start(t, dir, "dev", "--addr", "127.0.0.1:0", "--tls", "--tls-dir", "tls")
	later, _ := readPEM(t, again.value("Authority"))
	if !later[0].Equal(authorities[0]) {
		t.Error("after a restart the authority is another one")
	}
}

func checkAuthority(t *testing.T, ca *x509.Certificate) {
	t.Helper()
	if !ca.IsCA || !ca.MaxPathLenZero || ca.KeyUsage != x509.KeyUsageCertSign || !ca.PermittedDNSDomainsCritical {
		t.Errorf("the authority is %+v", ca)
	}
	if len(ca.PermittedDNSDomains) != 1 || ca.PermittedDNSDomains[0] != "localhost" || len(ca.PermittedIPRanges) != 2 ||
		ca.PermittedIPRanges[0].String() != "127.0.0.1/32" || ca.PermittedIPRanges[1].String() != "::1/128" {
		t.Errorf("the authority may vouch for %v and %v", ca.PermittedDNSDomains, ca.PermittedIPRanges)
	}
}

// checkDiscovery reads the discovery document and the sign-in page over TLS.
func checkDiscovery(t *testing.T, client *http.Client, url, pool string) {
	t.Helper()
	res, err := client.Get(url + "/" + pool + "/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"issuer":"` + url + "/" + pool + `"`, `"authorization_endpoint":"` + url + `/oauth2/authorize"`} {
		if !strings.Contains(string(body), want) {
			t.Errorf("the document lacks %s: %s", want, body)
		}
	}
	page, err := client.Get(url + "/error")
	if err != nil {
		t.Fatal(err)
	}
	defer page.Body.Close()
	if page.StatusCode >= 500 || page.Header.Get("Strict-Transport-Security") != "" {
		t.Errorf("%d %v: other programs on localhost would be asked for TLS", page.StatusCode, page.Header)
	}
}

func TestDevTLSRefuses(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the command for each flag that does not fit")
	}
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "open"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"open/server.pem": "x", "server.pem": "x"} {
		mode := os.FileMode(0o600)
		if strings.HasPrefix(name, "open") {
			mode = 0o644
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		says string
		code int
		args []string
	}{
		{"--tls-dir needs --tls", 2, []string{"--tls-dir", "x"}},
		{"--allow-host", 2, []string{"--tls", "--allow-host", "cognito.test"}},
		{"--tls:", 1, []string{"--tls", "--tls-dir", "."}},
		{"its mode must be 0600", 1, []string{"--tls", "--tls-dir", "open"}},
		{"--tls:", 1, []string{"--tls", "--tls-dir", "server.pem/x"}},
	} {
		if _, errs, code := run(t, dir, append([]string{"dev", "--addr", "127.0.0.1:0"}, tt.args...)...); code != tt.code || !strings.Contains(errs, tt.says) {
			t.Errorf("%v: %d %s", tt.args, code, errs)
		}
	}
	if text, err := os.ReadFile(filepath.Join(dir, "server.pem")); err != nil || string(text) != "x" {
		t.Errorf("the file was changed: %q, %v", text, err)
	}
}
