package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity/edge"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/store/postgres"
	"github.com/cognate-id/cognate/store/sealed"
)

// edge reads its configuration, opens a store for sign-ins with a key file beside it, and answers
// gateways until a signal comes. Sign-ins that have expired are deleted meanwhile.

type edgeCommand struct {
	Config     string        `arg:"" placeholder:"CONFIG" help:"File with the sites and their rules, in JSON."`
	Addr       address       `default:"127.0.0.1:9230" placeholder:"HOST:PORT" help:"Where to listen. Default: ${default}."`
	Store      storeFlag     `default:"bolt:cognate-edge.db" placeholder:"STORE" help:"Where to keep sign-ins: bolt:FILE, postgres://USER:PASSWORD@HOST/DATABASE, or memory. Default: ${default}."`
	KeyFile    string        `placeholder:"FILE" help:"File with the keys that encrypt sign-ins; made by the first start. Default: cognate-edge.key beside the store."`
	SecretFile string        `name:"client-secret-file" placeholder:"FILE" help:"File with the secret of the app client. Default: the client has none."`
	Life       time.Duration `default:"24h" placeholder:"TIME" help:"How long after the sign-in a browser is signed out. Default: ${default}."`
	Idle       time.Duration `default:"1h" placeholder:"TIME" help:"How long after the last request a browser is signed out. Default: ${default}."`
	TLSCert    string        `name:"tls-cert" placeholder:"FILE" help:"Serve with TLS: file with the certificate and its chain, in PEM. It is read again when it changes."`
	TLSKey     string        `name:"tls-key" placeholder:"FILE" help:"File with the key of --tls-cert, in PEM."`
	connectionFlags
	ReadyFile readyFile `placeholder:"FILE" help:"File to write when the edge serves: the endpoint, as JSON. It is removed when the edge stops."`
	Explain   string    `placeholder:"URL" help:"Print the rules for a URL of a site, and end."`
	Log       string    `default:"text" enum:"text,json" placeholder:"FORMAT" help:"Format of the log on standard error: text or json. Default: ${default}."`
}

// Help returns the details that --help shows.
func (edgeCommand) Help() string {
	return `A gateway asks the edge before it hands a request on: nginx by auth_request, Traefik by ForwardAuth, Caddy by forward_auth, Envoy by ext_authz over HTTP. The edge signs browsers in, takes access tokens of programs, decides by the rules in CONFIG, and tells the gateway who it is. docs/edge.md has a configuration of each gateway. Use it as it stands there: the gateway must remove headers of identity that a client sends.

A small CONFIG:

    {
      "issuer": "https://auth.example.com/us-east-1_AbCdEf123",
      "clientId": "1example23456789",
      "proxies": ["127.0.0.1"],
      "sites": [{
        "url": "https://app.example.com",
        "rules": [
          {"path": "/"},
          {"path": "/admin", "groups": ["admins"]},
          {"path": "/api", "scopes": ["api/read"]},
          {"path": "/status", "access": "anyone"}
        ]
      }]
    }

The longest path decides. A rule without access is for whoever is signed in; "anyone" and "nobody" are the others. What no rule names is forbidden. With --explain, the edge says which rules a URL has.

The app client needs the code grant, the scopes openid, email and profile, the callback URL https://app.example.com/oauth2/callback and the logout URL https://app.example.com/ for each site:

    cognate client create edge --settings '{"oauth":true,"oauthFlows":["code"],"oauthScopes":["openid","email","profile"],"callbackUrls":["https://app.example.com/oauth2/callback"],"logoutUrls":["https://app.example.com/"]}'

Examples:

    cognate edge edge.json --explain https://app.example.com/admin/users
    cognate edge edge.json
    cognate edge edge.json --client-secret-file client.secret --log json
    cognate edge edge.json --addr 10.0.0.5:9230 --tls-cert cert.pem --tls-key key.pem
    cognate edge edge.json --store postgres://edge@db.example.com/edge?sslmode=verify-full --key-file /etc/cognate-edge.key

Several edges can run on one PostgreSQL database. Give each of them a copy of the same key file. With --store memory, a restart signs everybody out.

On SIGINT or SIGTERM, the edge answers the requests in flight (for at most 10 seconds) and stops. A second signal stops it at once.`
}

// Validate returns an error if the command line is invalid.
func (c *edgeCommand) Validate() error {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key: give both or neither")
	}
	if c.Life <= 0 || c.Idle <= 0 {
		return errors.New("--life and --idle: give a time such as 30m or 12h")
	}
	return c.connectionFlags.Validate()
}

// Run serves until a signal comes.
func (c *edgeCommand) Run(t *terminal) error {
	config, err := c.config()
	if err != nil {
		return err
	}
	if c.Explain != "" {
		return c.explain(t, config)
	}
	secret, err := textOf("--client-secret-file", c.SecretFile)
	if err != nil {
		return err
	}
	l, err := listen(c.Addr)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := c.ReadyFile.clear(); err != nil {
		return err
	}
	st, keys, err := c.open(context.Background())
	if err != nil {
		return err
	}
	defer st.Close()
	log := c.logger(t)
	e, err := edge.New(config, keys, st, &edge.Options{Secret: secret, Life: c.Life, Idle: c.Idle, Logger: log})
	if err != nil {
		return c.bad(err)
	}
	files := &tlsFlags{TLSCert: c.TLSCert, TLSKey: c.TLSKey}
	secure, err := files.secure(log, st)
	if err != nil {
		return err
	}
	ctx, stop := signals()
	defer stop()
	if err := c.ReadyFile.write(readiness{Endpoint: files.url(c.Addr, l)}); err != nil {
		return err
	}
	defer c.ReadyFile.remove()
	c.report(log, config, l.Addr().String())
	handler := withHealth(e, st, func() bool { return false })
	if err := serve(ctx, stop, c.bounded(l, proxiesOf(config)), handler, log, secure, func(ctx context.Context) { sweepSignIns(ctx, st, log) }); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// maxEdgeConfig is more than a configuration may have, in bytes.
const maxEdgeConfig = 2 << 20

// config reads the configuration.
func (c *edgeCommand) config() (*edge.Config, error) {
	f, err := os.Open(c.Config)
	if err != nil {
		return nil, hint(fmt.Errorf("read the configuration: %w", err), "see cognate edge --help for a small one")
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxEdgeConfig))
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	config, err := edge.ParseConfig(text)
	if err != nil {
		return nil, c.bad(err)
	}
	return config, nil
}

func (c *edgeCommand) bad(err error) error {
	return hint(fmt.Errorf("%s: %w", c.Config, err), "see cognate edge --help and docs/edge.md")
}

// explain prints the rules of a URL. The edge that it asks calls nobody and keeps nothing.
func (c *edgeCommand) explain(t *terminal, config *edge.Config) error {
	e, err := edge.New(config, [][]byte{make([]byte, edgeKeySize)}, memory.New(), nil)
	if err != nil {
		return c.bad(err)
	}
	rules, err := e.Rules(c.Explain)
	if err != nil {
		return fmt.Errorf("%s is refused: %w", escaped([]byte(c.Explain)), err)
	}
	for _, r := range rules {
		line := fmt.Sprintf("%s: %s", r.Path, r.Access)
		if len(r.Groups) > 0 {
			line += ", in one of the groups " + strings.Join(r.Groups, ", ")
		}
		if len(r.Scopes) > 0 {
			line += ", with the scopes " + strings.Join(r.Scopes, ", ")
		}
		if _, err := fmt.Fprintln(t.out, line); err != nil {
			return err
		}
	}
	if len(rules) > 1 {
		_, err = fmt.Fprintln(t.out, "Servers read this path in several ways, so a request must satisfy all these rules.")
	}
	return err
}

func (c *edgeCommand) logger(t *terminal) *slog.Logger {
	if c.Log == "json" {
		return slog.New(slog.NewJSONHandler(t.err, nil))
	}
	return slog.New(slog.NewTextHandler(t.err, nil))
}

// report logs what an operator must know at the start.
func (c *edgeCommand) report(log *slog.Logger, config *edge.Config, addr string) {
	var sites []string
	for _, s := range config.Sites {
		sites = append(sites, s.URL)
	}
	log.Info("serving", "addr", addr, "sites", sites, "store", c.Store.String(), "version", version(), "tls", c.TLSCert != "")
	if len(config.Proxies) == 0 {
		log.Warn("the configuration names no proxies, so every gateway is refused", "hint", `add "proxies": ["127.0.0.1"]`)
	}
}

// edgeCatalog are the tables of an edge.
func edgeCatalog() store.Catalog { return store.Catalog(edge.Tables()).With(purposes) }

// open opens the store and the keys, or makes them.
func (c *edgeCommand) open(ctx context.Context) (store.Store, [][]byte, error) {
	var st store.Store
	var err error
	switch {
	case c.Store.file != "":
		st, err = bolt.Open(c.Store.file, nil)
	case c.Store.url != "":
		st, err = postgres.Open(ctx, c.Store.url, nil)
	default:
		st = memory.New()
	}
	if err != nil {
		return nil, nil, storeError(err)
	}
	err = claim(ctx, st, c.Store.name(), forEdge)
	if err == nil {
		var keys [][]byte
		if keys, err = c.keys(); err == nil {
			return st, keys, nil
		}
	}
	return nil, nil, errors.Join(err, st.Close())
}

// edgeKeySize is the size of a key of sign-ins, in bytes.
const edgeKeySize = 32

// keys reads the keys from a key file, which has the format of those of stores. Without its keys,
// the sign-ins in the store are lost and nothing else, so a new key file is no error.
func (c *edgeCommand) keys() ([][]byte, error) {
	file := c.KeyFile
	if file == "" {
		file = filepath.Join(filepath.Dir(c.Store.file), "cognate-edge.key")
	}
	if _, err := sealed.OpenKeyFile(file); err != nil {
		return nil, hint(fmt.Errorf("cannot open %w", err), "nobody else may read the file (chmod 600), and its directory must exist; choose another file with --key-file")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the key file: %w", err)
	}
	var keys [][]byte
	for line := range strings.Lines(string(text)) {
		if _, encoded, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(line, "#") {
			key, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil {
				return nil, fmt.Errorf("key file %s: malformed", file)
			}
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// proxiesOf are the networks that may open many connections. [edge.ParseConfig] has checked them.
func proxiesOf(config *edge.Config) []netip.Prefix {
	var out []netip.Prefix
	for _, text := range config.Proxies {
		var p proxyFlag
		if p.UnmarshalText([]byte(text)) == nil {
			out = append(out, netip.Prefix(p))
		}
	}
	return out
}

// signInSweep is how often sign-ins that have expired are deleted.
const signInSweep = 10 * time.Minute

func sweepSignIns(ctx context.Context, st store.Store, log *slog.Logger) {
	for {
		if _, err := edgeCatalog().Sweep(ctx, st, time.Now()); err != nil && ctx.Err() == nil {
			log.Error("sign-ins that have expired could not be deleted", "error", err)
		}
		select {
		case <-time.After(signInSweep):
		case <-ctx.Done():
			return
		}
	}
}
