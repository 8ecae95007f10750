// Package outbound is the one way in which Cognate calls URLs that an operator or a pool
// names: hooks, providers of text messages and mail, sinks of logs.
//
//	c, err := outbound.New(&outbound.Options{Allow: []string{"hooks.internal:8443"}})
//	answer, err := c.Do(req)
//
// Begin with [New] and [Client.Do].
//
// # What it refuses
//
// A URL that somebody else may set must not reach into the operator's own network. So:
//
//   - Each address is checked after the name was looked up, and the connection goes to the
//     address that was checked. A name that changes its address in between gains nothing.
//     Only public unicast addresses pass. See [Public].
//   - Options.Allow names the exceptions as host:port, as the URL has them.
//   - https is required, with TLS 1.2 or later. http is for loopback alone, and only for a
//     host:port in Options.Allow, or with Options.InsecureLoopback.
//   - A redirect is an error, unless Options.Redirects says how many are followed. Each is checked
//     as the first URL is. Proxies of the environment are not used: a proxy would connect to an
//     address that nobody checked.
//   - An answer that is larger than Options.MaxAnswer is an error.
//
// Errors and their texts hold no URL, no header and no body, because these hold secrets.
package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Defaults of [Options].
const (
	DefaultTimeout         = 10 * time.Second
	DefaultMaxAnswer       = 1 << 20
	DefaultMaxConns        = 128
	DefaultMaxConnsPerHost = 16
)

// Options configure a [Client]. The zero value is ready.
type Options struct {
	// Allow names hosts that may have an address which is not public, as host:port as the
	// URL has them; where the URL has no port, it is 443 or 80. A name is in lower case, and
	// in its ASCII form. There are no wildcards.
	Allow []string

	// InsecureLoopback lets calls through to this machine, by http and https and to every port.
	// It is for a server that a developer runs. Defaults to false.
	InsecureLoopback bool

	// Redirects is how many redirects of a GET without an Authorization header are followed.
	// Defaults to none: a redirect is then [ErrRedirect].
	Redirects int

	// Timeout is how long a call may take, from the look-up of the name to the last byte of
	// the answer. 0 means DefaultTimeout. The context of a call may end it sooner.
	Timeout time.Duration

	// MaxAnswer is how many bytes an answer may have. 0 means DefaultMaxAnswer.
	MaxAnswer int64

	// MaxConns is how many calls may run at once, and MaxConnsPerHost how many of them to one
	// host and port. More wait until the timeout. 0 means the defaults.
	MaxConns, MaxConnsPerHost int

	// RootCAs are the authorities that certificates are checked with. Nil means those of the
	// system.
	RootCAs *x509.CertPool

	// Resolver looks names up. Nil means net.DefaultResolver.
	Resolver *net.Resolver
}

// A Client calls URLs. It is safe for concurrent use, and keeps connections for the next call.
type Client struct {
	allowed      map[string]bool
	loopback     bool // may be called
	redirects    int
	timeout      time.Duration
	maxAnswer    int64
	inFlight     chan struct{}
	https, plain *http.Transport
}

// New returns a client. It returns an error if an entry of Options.Allow is not host:port. Nil
// options mean the defaults.
func New(o *Options) (*Client, error) {
	if o == nil {
		o = &Options{}
	}
	c := &Client{
		allowed:   map[string]bool{},
		loopback:  o.InsecureLoopback,
		redirects: o.Redirects,
		timeout:   or(o.Timeout, DefaultTimeout),
		maxAnswer: or(o.MaxAnswer, DefaultMaxAnswer),
		inFlight:  make(chan struct{}, or(o.MaxConns, DefaultMaxConns)),
	}
	for _, entry := range o.Allow {
		if err := checkEntry(entry); err != nil {
			return nil, err
		}
		c.allowed[entry] = true
	}
	c.https = c.transport(o, c.checkPublic)
	c.plain = c.transport(o, checkLoopback)
	return c, nil
}

func or[T comparable](given, fallback T) T {
	var zero T
	if given == zero {
		return fallback
	}
	return given
}

func checkEntry(entry string) error {
	host, port, err := net.SplitHostPort(entry)
	if err != nil || host == "" || !validPort(port) || entry != net.JoinHostPort(host, port) {
		return fmt.Errorf("outbound: %q is not host:port, such as hooks.internal:8443", entry)
	}
	if !plainHost(host) {
		return fmt.Errorf("outbound: write the host of %q in lower case, and in its ASCII form", entry)
	}
	return nil
}

func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0 && strconv.FormatUint(n, 10) == port
}

func plainHost(host string) bool {
	for _, r := range host {
		if r > '~' || r <= ' ' || 'A' <= r && r <= 'Z' || r == '*' {
			return false
		}
	}
	return true
}

// transport makes the pool of connections of one scheme. check judges each address that a
// connection is about to be made to, for the host:port that the URL names.
func (c *Client) transport(o *Options, check func(named, address string) error) *http.Transport {
	dial := func(ctx context.Context, network, named string) (net.Conn, error) {
		d := net.Dialer{
			Timeout: c.timeout, Resolver: o.Resolver,
			// Control runs after the look-up, for each address, before the connection.
			Control: func(_, address string, _ syscall.RawConn) error { return check(named, address) },
		}
		return d.DialContext(ctx, network, named)
	}
	return &http.Transport{
		DialContext:            dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs},
		DisableCompression:     true, // so that an answer is as large as it was sent
		MaxIdleConns:           64,
		MaxConnsPerHost:        or(o.MaxConnsPerHost, DefaultMaxConnsPerHost),
		MaxIdleConnsPerHost:    or(o.MaxConnsPerHost, DefaultMaxConnsPerHost),
		MaxResponseHeaderBytes: 64 << 10,
		IdleConnTimeout:        time.Minute,
	}
}

// checkPublic lets a connection to a public address through, and to any address for a host
// that the operator named.
func (c *Client) checkPublic(named, address string) error {
	if c.allowed[named] {
		return nil
	}
	a, err := parseAddress(address)
	if err != nil {
		return err
	}
	if c.loopback && a.IsLoopback() {
		return nil
	}
	return Public(a)
}

// checkLoopback lets a connection to this machine through. Do has looked at the list of the
// operator already.
func checkLoopback(_, address string) error {
	a, err := parseAddress(address)
	if err != nil {
		return err
	}
	if !a.IsLoopback() {
		return fmt.Errorf("%w: %s is not loopback, and http is for loopback alone", ErrForbidden, a)
	}
	return nil
}

// Check returns an error if no call to the URL can succeed, whatever the address of its host:
// it has no host, another scheme, a user or password, or http without a permission by name. It
// is for the check of settings. Do checks again.
func (c *Client) Check(u *url.URL) error {
	named, err := hostPort(u)
	if err != nil {
		return err
	}
	switch u.Scheme {
	case "https":
		return nil
	case "http":
		if !c.allowed[named] && !c.loopback {
			return &Error{Host: named, err: fmt.Errorf("%w: http is for loopback alone, and only where %s is allowed by name", ErrForbidden, named)}
		}
		return nil
	}
	return &Error{Host: named, err: fmt.Errorf("%w: the scheme is not https", ErrForbidden)}
}

// hostPort is the host and port that a URL names, in the form of Options.Allow.
func hostPort(u *url.URL) (string, error) {
	host, port := u.Hostname(), u.Port()
	switch {
	case u.Opaque != "" || host == "":
		return "", &Error{err: fmt.Errorf("%w: the URL has no host", ErrForbidden)}
	case u.User != nil:
		return "", &Error{err: fmt.Errorf("%w: the URL has a user name or a password", ErrForbidden)}
	case port == "" && u.Scheme == "http":
		port = "80"
	case port == "":
		port = "443"
	}
	named := net.JoinHostPort(strings.ToLower(host), port)
	if !plainHost(strings.ToLower(host)) || !validPort(port) {
		return "", &Error{err: fmt.Errorf("%w: the host is not in its ASCII form, or the port is invalid", ErrForbidden)}
	}
	return named, nil
}

// An Answer is the whole answer to a call. Its status is any except 3xx.
type Answer struct {
	Status int         // e.g. 200
	Header http.Header // of the answer
	Body   []byte      // at most Options.MaxAnswer
}

// Do sends a request and reads the whole answer. Each error is an [*Error]. A status of 4xx or
// 5xx is no error; one of 3xx is [ErrRedirect].
func (c *Client) Do(req *http.Request) (*Answer, error) {
	ctx, cancel := context.WithTimeout(req.Context(), c.timeout)
	defer cancel()
	named, err := hostPort(req.URL)
	if err != nil {
		return nil, err
	}
	select {
	case c.inFlight <- struct{}{}:
		defer func() { <-c.inFlight }()
	case <-ctx.Done():
		return nil, explain(req.Context(), named, ctx.Err())
	}
	return c.follow(req.Context(), req.WithContext(ctx))
}

// follow sends a request, and another for each redirect that may be followed.
func (c *Client) follow(caller context.Context, req *http.Request) (*Answer, error) {
	for n := 0; ; n++ {
		if err := c.Check(req.URL); err != nil {
			return nil, err
		}
		named, err := hostPort(req.URL)
		if err != nil {
			return nil, err
		}
		answer, next, err := c.roundTrip(req)
		switch {
		case err != nil:
			return nil, explain(caller, named, err)
		case answer != nil:
			return answer, nil
		case next == "" || n >= c.redirects || req.Method != http.MethodGet || req.Header.Get("Authorization") != "":
			return nil, explain(caller, named, ErrRedirect)
		}
		to, err := req.URL.Parse(next)
		if err != nil {
			return nil, explain(caller, named, ErrRedirect)
		}
		if req.URL.Scheme == "https" && to.Scheme != "https" {
			return nil, explain(caller, named, ErrRedirect)
		}
		header := req.Header
		if req, err = http.NewRequestWithContext(req.Context(), http.MethodGet, to.String(), nil); err != nil {
			return nil, explain(caller, named, ErrRedirect)
		}
		req.Header = header
	}
}

// roundTrip sends the request. It returns no answer but the Location if that is a redirect.
func (c *Client) roundTrip(req *http.Request) (*Answer, string, error) {
	transport := c.https
	if req.URL.Scheme == "http" {
		transport = c.plain
	}
	// The transport sends the host as the dialer gets it: Check has seen to its form.
	req.URL = lowerHost(req.URL)
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return nil, resp.Header.Get("Location"), nil
	}
	body, err := c.whole(req.Context(), resp.Body)
	if err != nil {
		return nil, "", err
	}
	return &Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, "", nil
}

// whole reads the body of an answer. At the end of ctx the connection is closed. A server that
// sees it may end its answer in the middle, in good form or not, and that end may still arrive.
// So what was read when ctx has ended says nothing.
func (c *Client) whole(ctx context.Context, r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, c.maxAnswer+1))
	if late := ctx.Err(); late != nil {
		return nil, late
	}
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > c.maxAnswer {
		return nil, fmt.Errorf("%w: the limit is %d bytes", ErrTooLarge, c.maxAnswer)
	}
	return body, nil
}

func lowerHost(u *url.URL) *url.URL {
	lower := *u
	lower.Host = strings.ToLower(u.Host)
	return &lower
}

// Close closes the connections that are idle.
func (c *Client) Close() {
	c.https.CloseIdleConnections()
	c.plain.CloseIdleConnections()
}

// Literal returns the host and port of a URL in the form of Options.Allow, if the host is an
// address or "localhost". Whoever wrote such a URL meant that address. So a URL that comes from
// the operator's own command line may be added to Options.Allow. One from the settings of a pool
// must not be.
func Literal(u *url.URL) (named string, ok bool) {
	named, err := hostPort(u)
	if err != nil {
		return "", false
	}
	host := strings.ToLower(u.Hostname())
	return named, host == "localhost" || net.ParseIP(host) != nil
}
