package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/cognate-id/cognate/store"
	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// A server with TLS takes its certificate from two files, which it reads again when they
// change, or from an ACME authority such as Let's Encrypt. The authority verifies a host by
// a connection to its port 443 (the challenge tls-alpn-01), so there is no second port.

// tlsFlags say where the certificate of the server comes from.
type tlsFlags struct {
	TLSCert       string     `name:"tls-cert" xor:"tls" placeholder:"FILE" help:"Serve with TLS: file with the certificate and its chain, in PEM. It is read again when it changes."`
	TLSKey        string     `name:"tls-key" placeholder:"FILE" help:"File with the key of --tls-cert, in PEM."`
	ACMEHosts     []hostFlag `name:"acme-host" xor:"tls" sep:"none" placeholder:"NAME" help:"Serve with TLS: get a certificate for this name from Let's Encrypt, and renew it. You accept the terms of the authority. Can be repeated."`
	ACMECache     string     `name:"acme-cache" placeholder:"DIR" help:"Directory for the certificates of --acme-host. Default: the store."`
	ACMEEmail     string     `name:"acme-email" placeholder:"ADDRESS" help:"Address at which the authority may reach you."`
	ACMEDirectory string     `name:"acme-directory" default:"https://acme-v02.api.letsencrypt.org/directory" placeholder:"URL" help:"Directory of another ACME authority. Default: ${default}."`
}

// A hostFlag is a DNS name.
type hostFlag string

// UnmarshalText accepts a DNS name with a dot, because no public authority certifies others.
func (h *hostFlag) UnmarshalText(text []byte) error {
	name := strings.ToLower(string(text))
	u, err := url.Parse("https://" + name)
	if err != nil || u.Host != name || u.Port() != "" || net.ParseIP(name) != nil || !strings.Contains(strings.Trim(name, "."), ".") || strings.ContainsAny(name, "*:") {
		return fmt.Errorf("%q is not a host such as auth.example.com", text)
	}
	*h = hostFlag(name)
	return nil
}

// Validate returns an error if the flags do not go together.
func (f *tlsFlags) Validate() error {
	if (f.TLSCert == "") != (f.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key: give both or neither")
	}
	if len(f.ACMEHosts) == 0 && (f.ACMECache != "" || f.ACMEEmail != "" || f.ACMEDirectory != "" && f.ACMEDirectory != acme.LetsEncryptURL) {
		return errors.New("--acme-cache, --acme-email and --acme-directory need --acme-host")
	}
	if u, err := url.Parse(f.ACMEDirectory); len(f.ACMEHosts) > 0 && (err != nil || u.Scheme != "https" || u.Host == "") {
		return fmt.Errorf("--acme-directory: %q is not a URL such as %s", f.ACMEDirectory, acme.LetsEncryptURL)
	}
	return nil
}

// on reports whether the server serves with TLS.
func (f *tlsFlags) on() bool { return f.TLSCert != "" || len(f.ACMEHosts) > 0 }

// url returns the URL for clients: that of the first host, or else of the listener.
func (f *tlsFlags) url(a address, l net.Listener) string {
	if !f.on() {
		return a.url(l)
	}
	if len(f.ACMEHosts) == 0 {
		return "https://" + strings.TrimPrefix(a.url(l), "http://")
	}
	host := string(f.ACMEHosts[0])
	if _, port, _ := net.SplitHostPort(l.Addr().String()); port != "443" {
		host = net.JoinHostPort(host, port)
	}
	return "https://" + host
}

// A secured is what serves TLS.
type secured struct {
	config *tls.Config
	warm   func(context.Context) // gets the certificates before the first client comes; nil if there is nothing to do
}

// secure returns nil without TLS. It returns an error if the certificate cannot be used.
func (f *tlsFlags) secure(log *slog.Logger, st store.Store) (*secured, error) {
	switch {
	case f.TLSCert != "":
		r := &reloader{certFile: f.TLSCert, keyFile: f.TLSKey, log: log}
		if err := r.load(); err != nil {
			return nil, hint(fmt.Errorf("cannot use the certificate: %w", err), "--tls-cert wants the certificate and its chain in PEM, and --tls-key its key")
		}
		return &secured{config: &tls.Config{
			MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: r.certificate,
		}}, nil
	case len(f.ACMEHosts) > 0:
		return f.acme(log, st), nil
	}
	return nil, nil
}

func (f *tlsFlags) acme(log *slog.Logger, st store.Store) *secured {
	var hosts []string
	for _, h := range f.ACMEHosts {
		hosts = append(hosts, string(h))
	}
	m := &autocert.Manager{
		Prompt: autocert.AcceptTOS, HostPolicy: autocert.HostWhitelist(hosts...), Email: f.ACMEEmail,
		Client: &acme.Client{DirectoryURL: f.ACMEDirectory, UserAgent: "cognate/" + version()}, Cache: storeCache{st},
	}
	if f.ACMECache != "" {
		m.Cache = autocert.DirCache(f.ACMECache)
	}
	config := m.TLSConfig()
	config.MinVersion = tls.VersionTLS12
	return &secured{config: config, warm: func(ctx context.Context) { warmHosts(ctx, m, hosts, log) }}
}

// warmHosts gets the certificate of each host and begins its renewal, so that the log says
// at the start what is wrong, and a certificate is renewed without any client.
func warmHosts(ctx context.Context, m *autocert.Manager, hosts []string, log *slog.Logger) {
	for _, host := range hosts {
		if ctx.Err() != nil {
			return
		}
		cert, err := m.GetCertificate(&tls.ClientHelloInfo{
			ServerName: host, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
		})
		if err != nil {
			log.Error("no certificate", "host", host, "error", err, "hint", "the authority connects to port 443 of the host: it must lead to this server")
			continue
		}
		log.Info("certificate", "host", host, "until", cert.Leaf.NotAfter.Format(time.RFC3339))
	}
}

// An acmeEntry is what the ACME client keeps: the key of the account, the certificates with
// their keys, and what answers a challenge. Servers that share a store share it, so each of
// them can answer the authority.
type acmeEntry struct {
	Name string `json:"name"`
	Data []byte `json:"data"`
}

var acmeEntries = &store.Table[acmeEntry]{
	Name: "acme", Secret: true, Key: func(e *acmeEntry) string { return store.Key(e.Name) }, Owner: store.OwnedByEngine,
}

// A storeCache is an [autocert.Cache] in a store.
type storeCache struct{ store.Store }

// Get implements [autocert.Cache].
func (c storeCache) Get(ctx context.Context, name string) (data []byte, err error) {
	err = c.View(ctx, func(r store.Reader) error {
		e, err := acmeEntries.Get(r, store.Key(name))
		if errors.Is(err, store.ErrNotFound) {
			return autocert.ErrCacheMiss
		}
		if err == nil {
			data = e.Data
		}
		return err
	})
	return data, err
}

// Put implements [autocert.Cache].
func (c storeCache) Put(ctx context.Context, name string, data []byte) error {
	return c.Update(ctx, func(tx store.Tx) error { return acmeEntries.Put(tx, &acmeEntry{name, data}) })
}

// Delete implements [autocert.Cache].
func (c storeCache) Delete(ctx context.Context, name string) error {
	return c.Update(ctx, func(tx store.Tx) error {
		_, err := acmeEntries.Delete(tx, store.Key(name))
		return err
	})
}

// checkFiles is how long a certificate is served before its files are looked at again.
const checkFiles = time.Second

// A reloader serves the certificate in two files. If the files change and cannot be used,
// such as between the writes of the two, it goes on with the certificate that it has.
type reloader struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex
	cert    *tls.Certificate
	seen    [2]fileStamp // of the files that were tried last
	checked time.Time
}

// A fileStamp changes when a file is written or replaced.
type fileStamp struct {
	changed time.Time
	size    int64
}

func stampOf(file string) fileStamp {
	info, err := os.Stat(file)
	if err != nil {
		return fileStamp{}
	}
	return fileStamp{info.ModTime(), info.Size()}
}

// load reads the files. The caller holds the lock, or has the reloader alone.
func (r *reloader) load() error {
	r.seen = [2]fileStamp{stampOf(r.certFile), stampOf(r.keyFile)}
	r.checked = time.Now()
	cert, err := tls.LoadX509KeyPair(r.certFile, r.keyFile)
	if err != nil {
		return err
	}
	r.cert = &cert
	return nil
}

// certificate is a [tls.Config] GetCertificate.
func (r *reloader) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.checked) < checkFiles {
		return r.cert, nil
	}
	r.checked = time.Now()
	if r.seen == [2]fileStamp{stampOf(r.certFile), stampOf(r.keyFile)} {
		return r.cert, nil
	}
	if err := r.load(); err != nil {
		r.log.Error("the files of the certificate changed and cannot be used: the server goes on with the old one", "error", err)
		return r.cert, nil
	}
	r.log.Info("the certificate was read anew", "until", r.cert.Leaf.NotAfter.Format(time.RFC3339))
	return r.cert, nil
}
