package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/identity/idpool"
	"github.com/cognate-id/cognate/internal/fake"
	"github.com/cognate-id/cognate/oauth"
	"github.com/cognate-id/cognate/oauth/federation"
	"github.com/cognate-id/cognate/oauth/federation/fetch"
	"github.com/cognate-id/cognate/store"
)

// serve opens the store with its keys, makes the engine, listens, logs what an operator
// must know, and answers requests until a signal comes. Background work, such as sweeping
// and rotating keys, ends with the requests. A socket beside the store file serves backups
// and other commands meanwhile.

type serveCommand struct {
	Addr  address   `default:"127.0.0.1:9229" placeholder:"HOST:PORT" help:"Where to listen. Default: ${default}."`
	Store storeFlag `default:"bolt:cognate.db" env:"COGNATE_STORE" placeholder:"STORE" help:"Where to keep data: bolt:FILE, or postgres://USER:PASSWORD@HOST/DATABASE. Default: ${default}."`
	keyFlags
	tlsFlags
	Region  region     `default:"us-east-1" placeholder:"REGION" help:"Region of pools that are made without one. Default: ${default}."`
	Account account    `default:"123456789012" placeholder:"NUMBER" help:"Account number in ARNs. Default: ${default}."`
	Issuer  issuerFlag `default:"self" placeholder:"ISSUER" help:"The iss of tokens: the URL that clients use, aws (as from Amazon), or self (the HOST:PORT of --addr, or the first --acme-host). Default: ${default}."`
	Rotate  int        `name:"rotate-keys" default:"0" placeholder:"DAYS" help:"Replace the keys of a pool when they are DAYS days old (at least 2); 0 means never. Default: ${default}."`
	connectionFlags
	userFlags
	passwordFlags
	hookFlags
	senderFlags
	logFlags
	logoutFlags
	providerFlags
	guestFlags
	STS       string      `name:"sts-endpoint" placeholder:"URL" help:"Get the credentials of identity pools from the real STS, such as https://sts.us-east-1.amazonaws.com. Default: they are those of this server."`
	Proxies   []proxyFlag `name:"trusted-proxy" sep:"none" placeholder:"NETWORK" help:"Address or network of a proxy in front, such as 127.0.0.1 or 10.0.0.0/8: the server takes the addresses of users from its X-Forwarded-For. Can be repeated."`
	Regions   []region    `name:"also-region" sep:"none" placeholder:"REGION" help:"Another region that operators may sign for. Can be repeated."`
	AccessLog string      `name:"access-log" placeholder:"FILE" help:"Append a line of JSON for each request to FILE, or write it to standard output if FILE is -."`
	LogCodes  bool        `name:"insecure-log-codes" help:"Write codes and invitations to the log where nothing sends them: mail without --smtp and --ses, text messages without --sms-http and --sns. Whoever reads the log can take accounts over. Without it, operations that owe a message fail."`
	Log       string      `default:"text" enum:"text,json" placeholder:"FORMAT" help:"Format of the log on standard error: text or json. Default: ${default}."`
}

// maxRotate is ten years, in days.
const maxRotate = 3650

// Help returns the details that --help shows.
func (serveCommand) Help() string {
	return `Operators sign their requests with access keys, see "cognate key create --help". Users do not need access keys.

Give the server a certificate with --tls-cert and --tls-key, or let it get one from Let's Encrypt with --acme-host. Otherwise put a proxy with TLS in front of it, and give the URL of the proxy with --issuer. For --acme-host, port 443 of the host must lead to the server. The certificates are in the store, unless --acme-cache names a directory, and are renewed after two thirds of their life.

With --smtp or --ses the server sends mail, and with --sms-http or --sns it sends text messages; see docs/mail.md. Try the flags with "cognate mail test" and "cognate sms test". Operations that owe a user a message that cannot be sent, such as a sign-up or a forgotten password, fail and change nothing. With --insecure-log-codes they succeed, and the codes are in the log.

Examples:

    cognate key create
    cognate serve --issuer https://auth.example.com
    cognate serve --issuer https://auth.example.com --smtp smtp://acme@smtp.example.com:587 --mail-from "Acme <no-reply@acme.test>"
    cognate serve --addr 0.0.0.0:443 --acme-host auth.example.com
    cognate serve --addr 0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem --issuer https://auth.example.com
    cognate serve --issuer https://auth.example.com --lambda-endpoint https://lambda.us-east-1.amazonaws.com
    cognate serve --addr 0.0.0.0:8080 --store bolt:/var/lib/cognate/cognate.db --issuer https://auth.example.com --log json
    cognate serve --addr 0.0.0.0:8080 --store postgres://cognate@db.example.com/cognate?sslmode=verify-full --key-file /etc/cognate.key --issuer https://auth.example.com

Several servers can run on one PostgreSQL database. Give every server the same --issuer and a copy of the same key file. To keep the password of the database out of the list of processes, put the address in the environment variable COGNATE_STORE. The keys can be in the variable COGNATE_KEYS, or in the variable that --key-env names, in the format of a key file.

With --rotate-keys 90, the server replaces the signing and master keys of each pool every 90 days. New signing keys are published for a day before they sign. If several servers share a database, one of them rotates the keys.

If a proxy is in front, give its address with --trusted-proxy, so that limits by address count the users and not the proxy.

Functions decide what users may do if --hooks or --lambda names them; see docs/hooks.md. Without --lambda or --lambda-endpoint, a flow that would run a function of its pool fails.

Signatures of operators must be for the region of --region, of --also-region, or of a pool in the store.

On SIGHUP, the server opens the access log anew. On SIGINT or SIGTERM, the server answers the requests in flight (for at most 10 seconds) and stops. A second signal stops it at once.`
}

// Validate returns an error if the command line is invalid.
func (c *serveCommand) Validate() error {
	if c.Store.inMemory() {
		return errors.New("--store: serve keeps its data in a file or a database: give it as bolt:FILE or postgres://USER@HOST/DATABASE")
	}
	if c.Rotate < 0 || c.Rotate == 1 || c.Rotate > maxRotate {
		return fmt.Errorf("--rotate-keys: give 0 for never, or from 2 to %d days", maxRotate)
	}
	if err := cmp.Or(c.tlsFlags.Validate(), c.connectionFlags.Validate(), c.userFlags.Validate(), c.hookFlags.Validate(), c.guestFlags.Validate()); err != nil {
		return err
	}
	if c.Issuer == issuerSelf && len(c.ACMEHosts) == 0 && (c.Addr.everywhere() || strings.HasSuffix(string(c.Addr), ":0")) {
		return fmt.Errorf("--issuer: self means the address in --addr, but clients cannot use the address %s: give the URL that clients use, such as --issuer https://auth.example.com, or give aws", c.Addr)
	}
	return nil
}

// Run serves until a signal comes.
func (c *serveCommand) Run(t *terminal) error {
	ctx := context.Background()
	log := c.logger(t)
	hooks, err := c.wiring(log)
	if err != nil {
		return err
	}
	sender, err := c.sender(log)
	if err != nil {
		return err
	}
	sink, err := c.sink(log)
	if err != nil {
		return err
	}
	defer sink.Close() //nolint:errcheck // it drops what it could not write, and says so in the log
	blocked, err := c.blocked()
	if err != nil {
		return err
	}
	l, err := listen(c.Addr)
	if err != nil {
		return err
	}
	defer l.Close()
	st, err := openReal(ctx, t, c.Store, c.keyFlags)
	if err != nil {
		return err
	}
	defer st.Close()
	if c.Store.file != "" {
		defer offerStore(log, c.Store.file, st)()
	}
	secure, err := c.secure(log, st)
	if err != nil {
		return err
	}
	fetcher, err := c.providerFlags.fetcher()
	if err != nil {
		return err
	}
	engine := identity.New(st, &identity.Options{
		Providers: &federation.Resolver{Fetch: fetcher},
		Catalog:   catalog(), Logger: log, Region: string(c.Region), Account: string(c.Account), Issuer: c.Issuer.fixed(c.url(c.Addr, l)),
		RotateKeysAfter: time.Duration(c.Rotate) * 24 * time.Hour, Sender: sender, Outbox: c.outbox(sender),
		Hooks: hooks.hooks, Targets: hooks.targets, PageURL: c.Issuer.pages(c.url(c.Addr, l)),
		Logs: sink, BlockedPasswords: blocked,
		Jobs:   []identity.Job{idpool.Job(st)},
		Quotas: identity.Quotas{Users: c.Users, Unconfirmed: c.Unconfirmed},
	})
	api, err := c.api(ctx, log, engine, st, fetcher, c.url(c.Addr, l))
	if err != nil {
		return err
	}
	handler, closeLog, err := c.logged(t, log, api, withHealth(api, st, api.Saturated))
	if err != nil {
		return err
	}
	defer closeLog()
	ctx, stop := signals()
	defer stop()
	if err := c.report(ctx, log, engine, l); err != nil {
		return err
	}
	if err := serve(ctx, stop, c.bounded(l, networks(c.Proxies)), handler, log, secure, engine.Maintain); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// api returns what serves the API, the pages and the identity pools. self is the server's own URL.
func (c *serveCommand) api(ctx context.Context, log *slog.Logger, engine *identity.Engine, st store.Store, fetcher *fetch.Client, self string) (api *cognito.Handler, err error) {
	regions, err := c.regions(ctx, engine)
	if err != nil {
		return nil, err
	}
	tell, err := c.logoutFlags.sender()
	if err != nil {
		return nil, err
	}
	idpools, err := c.identityPools(log, engine, st, self)
	if err != nil {
		return nil, err
	}
	pages := oauth.NewServer(engine, &oauth.Options{Logger: log, Federation: oauth.Federation{Fetch: fetcher}, BackChannel: tell.Send, Address: func(r *http.Request) netip.Addr { return api.Client(r) }})
	api = cognito.NewHandler(engine, &cognito.Options{
		VerifySignatures: true, Regions: regions, TrustedProxies: networks(c.Proxies), Logger: log, URL: c.Issuer.url(), AuthorizationServer: pages, IdentityPools: idpools,
	})
	return api, nil
}

// logged returns next with an access log, if the operator wants one, and what closes the log.
func (c *serveCommand) logged(t *terminal, log *slog.Logger, api *cognito.Handler, next http.Handler) (h http.Handler, done func(), err error) {
	if c.AccessLog == "" {
		return next, func() {}, nil
	}
	access, err := openAccessLog(t, c.AccessLog, log, func(r *http.Request) string { return api.Client(r).String() })
	if err != nil {
		return nil, nil, err
	}
	stop := access.reopenAtHangup()
	return access.logged(next), func() {
		stop()
		if err := access.Close(); err != nil {
			log.Error("the access log cannot be closed", "error", err)
		}
	}, nil
}

// regions returns the regions that signatures may be for, beside the engine's: those of
// flags, and those of pools that there are, which earlier versions took from signatures.
func (c *serveCommand) regions(ctx context.Context, e *identity.Engine) ([]string, error) {
	var out []string
	for _, r := range c.Regions {
		out = append(out, string(r))
	}
	for p, err := range e.UserPools(ctx, "", "") {
		if err != nil {
			return nil, fmt.Errorf("list the regions of pools: %w", err)
		}
		if !slices.Contains(out, p.Settings.Region) {
			out = append(out, p.Settings.Region)
		}
	}
	return out, nil
}

// healthPatience is how long the store may take to answer a health check.
const healthPatience = 2 * time.Second

// withHealth serves the paths below /_cognate and passes all others to the API. It does not
// use [http.ServeMux], which redirects unclean paths with pages that an SDK cannot read.
func withHealth(api http.Handler, st store.Store, saturated func() bool) http.Handler {
	health := fake.Health(version(), func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, healthPatience)
		defer cancel()
		_, err := isUsed(ctx, st)
		return err
	}, saturated)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/"); first == "_cognate" {
			health.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
}

func (c *serveCommand) logger(t *terminal) *slog.Logger {
	if c.Log == "json" {
		return slog.New(slog.NewJSONHandler(t.err, nil))
	}
	return slog.New(slog.NewTextHandler(t.err, nil))
}

// report logs what an operator must know at the start.
func (c *serveCommand) report(ctx context.Context, log *slog.Logger, e *identity.Engine, l net.Listener) error {
	keys, err := e.AccessKeys().List(ctx)
	if err != nil {
		return fmt.Errorf("list access keys: %w", err)
	}
	iss := c.Issuer.fixed(c.url(c.Addr, l))(ctx, e.Region())
	log.Info("serving", "addr", l.Addr().String(), "store", c.Store.String(), "version", version(), "tls", c.on(), "accessKeys", len(keys))
	log.Info("tokens have as iss this URL and the pool id", "iss", iss+"/POOL_ID")
	if u, err := url.Parse(iss); err == nil && u.Scheme == "http" && !cognito.Loopback(u.Host) {
		log.Warn("the issuer is not https: serve with --tls-cert or --acme-host, or put a proxy with TLS in front and give its URL by --issuer")
	}
	if len(keys) == 0 {
		log.Warn("there is no access key, so operators' calls are refused", "hint", "run cognate key create")
	}
	if c.LogCodes {
		log.Warn("--insecure-log-codes: codes and invitations are written to this log: whoever reads it can take accounts over")
	} else if !c.sends() && !c.maySend() {
		log.Warn("the server cannot send mail: operations that owe a message fail", "hint", "name a mail server with --smtp; --insecure-log-codes writes codes to this log")
	}
	return nil
}
