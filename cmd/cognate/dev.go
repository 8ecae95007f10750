package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"
	"unicode"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/internal/fake"
	"github.com/cognate-id/cognate/store"
)

// The command opens the store, listens, makes the fake server with its ready pool, prints
// what is ready, and serves until a signal comes. The signing keys are made in the
// background meanwhile. A socket beside a store file serves other commands.

type devCommand struct {
	Addr    address    `default:"127.0.0.1:9229" placeholder:"HOST:PORT" help:"Where to listen; port 0 takes any free one. Default: ${default}."`
	Store   storeFlag  `default:"memory" placeholder:"STORE" help:"Where to keep data: memory, bolt:FILE, or postgres://USER@HOST/DATABASE. Default: ${default}."`
	Region  region     `default:"us-east-1" placeholder:"REGION" help:"Region of pools that are made without one. Default: ${default}."`
	Account account    `default:"123456789012" placeholder:"NUMBER" help:"Account number in ARNs. Default: ${default}."`
	Issuer  issuerFlag `default:"self" placeholder:"ISSUER" help:"The iss of tokens: self (the address that was called), aws (as from Amazon), or a URL. Default: ${default}."`
	Empty   bool       `help:"Start without a ready pool and client."`
	Limits  bool       `help:"Limit connections, messages, and failures by address, as serve does. Without it there are no such limits."`
	Hosts   []nameFlag `name:"allow-host" sep:"none" placeholder:"NAME" help:"Name that requests may be sent to beside loopback names, such as the name of a container. Can be repeated."`
	devTLSFlags
	hookFlags
	senderFlags
	logFlags
	logoutFlags
	Providers string `enum:"none,fake" default:"none" placeholder:"fake" help:"With fake, users of the ready client sign in by fakes of Google, Facebook, Amazon, Apple, an OpenID provider and a SAML provider too, without a network. Identity pools take tokens of these fakes, in place of those of the real providers."`
	Remote    bool   `name:"allow-remote" help:"Let other machines in, as in a container: every program that can connect is an operator."`

	PoolID    string    `placeholder:"ID" help:"Id of the ready pool: the region, an underscore, and letters or digits, such as us-east-1_test1. Default: a random one."`
	ClientID  string    `placeholder:"ID" help:"Id of the ready client, such as web1. Default: a random one."`
	ReadyFile readyFile `placeholder:"FILE" help:"File to write when the fake serves: the endpoint and the ids, as JSON. It is removed when the fake stops."`
}

// Help returns the details that --help shows.
func (devCommand) Help() string {
	return `The fake starts with one user pool and one app client, so the first request can be a sign-up. It is not for real users: it accepts any signature, or none, and hashes passwords cheaply. It shows codes on the terminal and in the outbox. With --smtp and the other flags of "cognate serve" it sends them too. If it keeps its data in a file, the commands of pool, client, group, user and key work on that file meanwhile. The page at / says that the fake runs.

Operators' calls and the paths below /_cognate are for programs on this machine, which call a loopback name such as localhost. Pages of other origins are refused. Users' calls come from everywhere. In a container, give --allow-remote.

Examples:

    cognate dev
    cognate dev --addr 127.0.0.1:0 --ready-file ready.json
    cognate dev --pool-id us-east-1_test1 --client-id web1
    cognate dev --store bolt:dev.db
    cognate dev --issuer aws
    cognate dev --tls
    cognate dev --providers fake
    cognate dev --lambda-endpoint http://127.0.0.1:3001
    cognate dev --addr 0.0.0.0:9229 --allow-remote --allow-host cognito.test

For test programs:

    curl localhost:9229/_cognate/health
    curl localhost:9229/_cognate/outbox?username=alice
    curl -X POST localhost:9229/_cognate/reset
    curl -X POST localhost:9229/_cognate/clock -d '{"advance":"1h"}'`
}

// Validate returns an error if the command line is invalid.
func (c *devCommand) Validate() error {
	if c.Empty && (c.PoolID != "" || c.ClientID != "") {
		return errors.New("--pool-id and --client-id are of the ready pool and client, and --empty has none: give one or the other")
	}
	if c.Empty && c.Providers != "none" {
		return errors.New("--providers is about the ready pool, and --empty has none: give one or the other")
	}
	if err := cmp.Or(c.devTLSFlags.Validate(), c.hookFlags.Validate()); err != nil {
		return err
	}
	if c.TLS && len(c.Hosts) > 0 {
		return errors.New("--allow-host: the certificate of --tls is for localhost, 127.0.0.1 and ::1: give one or the other")
	}
	if err := (&identity.PoolSettings{Name: "dev", Region: string(c.Region), ID: c.PoolID}).Check(); err != nil {
		return fmt.Errorf("--pool-id: %w", err)
	}
	if err := (&identity.ClientSettings{Name: "dev", ID: c.ClientID}).Check(&identity.PoolSettings{}); err != nil {
		return fmt.Errorf("--client-id: %w", err)
	}
	return nil
}

// stock is how many RSA keys dev keeps ready for new pools.
const stock = 2

// Run serves until a signal comes.
func (c *devCommand) Run(t *terminal) error {
	ctx := context.Background()
	log := slog.New(slog.NewTextHandler(t.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	hooks, err := c.wiring(log)
	if err != nil {
		return err
	}
	sender, err := c.sender()
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
	st, err := c.open(ctx)
	if err != nil {
		return err
	}
	if st != nil {
		defer st.Close()
	}
	sink, err := c.sink(log)
	if err != nil {
		return err
	}
	defer sink.Close() //nolint:errcheck // it drops what it could not write, and says so in the log
	secure, ca, err := c.secureDev()
	if err != nil {
		return err
	}
	url := c.url(l)
	tell, err := c.logoutFlags.sender()
	if err != nil {
		return err
	}
	providers, err := c.startProviders(url)
	if err != nil {
		return err
	}
	defer providers.close()
	f, err := fake.New(ctx, &fake.Options{
		Providers: providers.settings, Client: providers.client, Social: providers.social,
		BackChannel: tell.Send,
		Hooks:       hooks.hooks, Targets: hooks.targets, Logs: sink,
		Store: st, Region: string(c.Region), Account: string(c.Account), Issuer: c.Issuer.forTests(url),
		Logger: log, Empty: c.Empty, PoolID: c.PoolID, ClientID: c.ClientID, Limits: c.limits(), KeyStock: identity.NewKeyStock(stock), Version: version(), OnMessage: t.message, Sender: sender, URL: url,
		Access: c.access(),
	})
	if errors.Is(err, fake.ErrOtherID) {
		return hint(err, "leave out --pool-id and --client-id, or choose another file with --store")
	}
	if err != nil {
		return err
	}
	if c.Store.file != "" {
		defer offerStore(log, c.Store.file, st)()
	}
	ctx, stop := signals()
	defer stop()
	ready := c.readiness(ctx, f, url)
	ready.CA = ca
	if err := c.ReadyFile.write(ready); err != nil {
		return err
	}
	defer c.ReadyFile.remove()
	c.greet(t, f, l, ready)
	providers.greet(t, f, url)
	if c.Limits {
		l = bounded(l, maxConnections, maxConnectionsOfOne, nil)
	}
	return serve(ctx, stop, l, f, log, secure, func(ctx context.Context) { background(ctx, f, log) })
}

// url returns the URL of the fake for clients on this machine.
func (c *devCommand) url(l net.Listener) string {
	url := c.Addr.url(l)
	if c.TLS {
		url = "https://" + strings.TrimPrefix(url, "http://")
	}
	return url
}

// warmDelay gives the engine time to put two keys in stock, which the ready pool then
// takes. If the ready pool made its own keys at the same time, a small machine would have
// no core for the first requests.
const warmDelay = 150 * time.Millisecond

func background(ctx context.Context, f *fake.Server, log *slog.Logger) {
	select {
	case <-time.After(warmDelay):
	case <-ctx.Done():
		return
	}
	if err := f.Warm(ctx); err != nil && ctx.Err() == nil {
		log.Error("keys could not be made ahead", "error", err)
	}
	f.Engine().Maintain(ctx)
}

// sender returns what gets each message beside the outbox, or nil.
func (c *devCommand) sender() (identity.Sender, error) {
	r, err := c.router()
	if err != nil || r == nil {
		return nil, err
	}
	return r, nil
}

// access says who is an operator.
func (c *devCommand) access() cognito.Access {
	a := cognito.Access{InsecureAnyPeer: c.Remote}
	for _, h := range c.Hosts {
		a.Hosts = append(a.Hosts, string(h))
	}
	return a
}

// limits returns the limits of production if they are asked for, or nil.
func (c *devCommand) limits() *identity.Limits {
	if c.Limits {
		return &identity.Limits{}
	}
	return nil
}

// open returns nil for a store in memory.
func (c *devCommand) open(ctx context.Context) (store.Store, error) {
	if c.Store.inMemory() {
		return nil, nil
	}
	return openTests(ctx, c.Store)
}

func (i issuerFlag) forTests(url string) identity.IssuerFunc {
	if i == issuerSelf {
		return cognito.SelfIssuer(url)
	}
	return i.fixed("")
}

// pages returns where pages are served: at the issuer, or at self, the server's own URL. It is nil
// if the issuer is Amazon.
func (i issuerFlag) pages(self string) func(context.Context) string {
	if i == issuerAWS {
		return nil
	}
	return func(ctx context.Context) string { return i.fixed(self)(ctx, "") }
}

// fixed returns an issuer that does not depend on the request. self is the issuer for the
// server's own URL.
func (i issuerFlag) fixed(self string) identity.IssuerFunc {
	switch i {
	case issuerAWS:
		return identity.AWSIssuer
	case issuerSelf:
		return identity.FixedIssuer(self)
	}
	return identity.FixedIssuer(string(i))
}

// url returns the URL that clients call the server by, or "" if the issuer does not say.
func (i issuerFlag) url() string {
	if i == issuerAWS || i == issuerSelf {
		return ""
	}
	return string(i)
}

// readiness says what the server has.
func (c *devCommand) readiness(ctx context.Context, f *fake.Server, url string) readiness {
	r := readiness{Endpoint: url, Region: f.Engine().Region(), Outbox: url + "/_cognate/outbox"}
	pool := f.Pool()
	if pool == nil {
		return r
	}
	r.UserPoolID, r.ClientID = pool.PoolID(), pool.ClientID()
	if info, err := pool.Admin().Describe(ctx); err == nil {
		r.Issuer = f.Engine().Issuer(ctx, info)
	}
	r.JWKS = url + "/" + pool.PoolID() + "/.well-known/jwks.json"
	return r
}

// greet prints what the server has and what to try.
func (c *devCommand) greet(t *terminal, f *fake.Server, l net.Listener, r readiness) {
	tcp, ok := l.Addr().(*net.TCPAddr)
	open := ok && !tcp.IP.IsLoopback()
	switch {
	case c.Remote:
		fmt.Fprintf(t.err, "cognate: WARNING: --allow-remote: %s is open to other machines. Every program that can connect is an operator "+
			"and can read all codes.\n  hint: use it in a network that only your tests can reach\n", l.Addr())
	case open:
		fmt.Fprintf(t.err, "cognate: WARNING: %s is open to other machines. They may make users' calls. Operators' calls and the outbox "+
			"are for this machine.\n  hint: in a container, give --allow-remote; elsewhere, listen on 127.0.0.1\n", l.Addr())
	}
	fmt.Fprintf(t.out, "Cognate, a fake of Amazon Cognito. Not for real users:\n"+
		"any signature is accepted, and passwords are hashed cheaply.\n%s\n", c.limitsLine())
	for _, row := range [][2]string{
		{"Endpoint", r.Endpoint},
		{"Region", r.Region},
		{"Store", c.Store.String()},
		{"User pool", r.UserPoolID},
		{"Client", r.ClientID},
		{"Issuer", r.Issuer},
		{"JWKS", r.JWKS},
		{"Outbox", r.Outbox},
		{"Authority", r.CA},
	} {
		if row[1] != "" {
			fmt.Fprintf(t.out, "  %-10s %s\n", row[0], row[1])
		}
	}
	if r.CA != "" {
		fmt.Fprint(t.out, trustLines(r.CA))
	}
	fmt.Fprintf(t.out, "\nTry:\n\n  %s\n\nCodes are shown here. Ctrl-C stops.\n\n", tryLine(f, r.Endpoint))
}

// limitsLine says whether there are limits.
func (c *devCommand) limitsLine() string {
	if c.Limits {
		return "Connections are limited, and so are messages and failures by address, as with cognate serve.\n"
	}
	return "Connections are not limited, nor are messages and failures by address; --limits limits them.\n"
}

// tryLine returns a command of the AWS CLI that works unchanged.
func tryLine(f *fake.Server, url string) string {
	common := " --endpoint-url " + url + " --region " + f.Engine().Region() + " --no-sign-request"
	if f.Pool() == nil {
		return "aws cognito-idp create-user-pool" + common + " --pool-name test --auto-verified-attributes email"
	}
	return "aws cognito-idp sign-up" + common + " --client-id " + f.Pool().ClientID() +
		" --username alice --password 'Passw0rd!' --user-attributes Name=email,Value=alice@example.com"
}

// message prints a message and its code on one line.
func (t *terminal) message(m *identity.Message) {
	fmt.Fprintf(t.out, "%s  %-16s %s <%s>  code %s\n",
		time.Now().Format(time.TimeOnly), m.Kind, oneLine(m.Username), oneLine(m.To), oneLine(string(m.Code)))
}

// oneLine escapes control characters, so that a name chosen by a user cannot move the
// cursor of the terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
