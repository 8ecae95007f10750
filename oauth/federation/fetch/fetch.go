// Package fetch is the client for what is fetched about identity providers: discovery documents,
// keys, tokens, user info, SAML metadata.
//
//	c, err := fetch.New(nil)
//	body, err := c.Get(ctx, "https://idp.example.com/metadata")
//
// Begin with [New] and [Client.Get]. [Client.HTTP] is for libraries that want an http.Client.
//
// An administrator of a pool names these URLs, and may be somebody else than the operator of the
// server. So calls do not reach into the operator's network: see package internal/outbound for
// what is checked. On top of it, a call takes at most 5 seconds, an answer has at most 1 MiB, 32
// calls run at once, and a GET follows at most 5 redirects, each checked like the first URL.
//
// # Caveats
//
// An error says which host could not be read, and why. Log it; do not show it to whoever named the
// URL, for whom it would be a port scanner.
package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cognate-id/cognate/internal/outbound"
)

// Bounds of a call.
const (
	Timeout     = 5 * time.Second
	MaxAnswer   = 1 << 20 // bytes
	maxInFlight = 32
	maxPerHost  = 8
	redirects   = 5
	userAgent   = "Cognate"
)

// ErrStatus is returned by [Client.Get] for an answer other than 200.
var ErrStatus = errors.New("fetch: the answer is not 200")

// Options are the wiring of a [Client]. The zero value is good for a server on the Internet.
type Options struct {
	// Allow names hosts in the operator's own network that may be called, as host:port, such as
	// "idp.internal:443". Defaults to none.
	Allow []string
	// InsecureLoopback lets http and https calls to this machine through, for a developer's server.
	// Defaults to false.
	InsecureLoopback bool
}

// A Client fetches. Make one with [New]. It is safe for concurrent use.
type Client struct {
	out  *outbound.Client
	http *http.Client
}

// New returns a client. It returns an error if an entry of Options.Allow is not host:port. o may
// be nil.
func New(o *Options) (*Client, error) {
	if o == nil {
		o = &Options{}
	}
	out, err := outbound.New(&outbound.Options{
		Allow: o.Allow, InsecureLoopback: o.InsecureLoopback, Redirects: redirects,
		Timeout: Timeout, MaxAnswer: MaxAnswer, MaxConns: maxInFlight, MaxConnsPerHost: maxPerHost,
	})
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	c := &Client{out: out}
	c.http = &http.Client{Transport: transport{out}, Timeout: Timeout}
	return c, nil
}

// HTTP returns the client as an http.Client, for libraries. Whatever it calls is checked and
// bounded as above. An answer beyond the bound is an error of the call, not of reading the body.
func (c *Client) HTTP() *http.Client { return c.http }

// Check returns an error if a URL can never be fetched, whatever the address of its host. It is for
// the check of settings: calls check again.
func (c *Client) Check(raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return errors.New("fetch: the URL is malformed")
	}
	return c.out.Check(u)
}

// Get returns the body of an answer to a GET. It returns [ErrStatus] unless the status is 200.
func (c *Client) Get(ctx context.Context, to string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to, nil)
	if err != nil {
		return nil, errors.New("fetch: the URL is malformed")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: %d", ErrStatus, resp.StatusCode)
	}
	return io.ReadAll(resp.Body)
}

// withoutURL takes the URL out of an error of net/http: it may have secrets in its query.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// transport sends requests of net/http by the client of package outbound.
type transport struct{ out *outbound.Client }

// RoundTrip implements [http.RoundTripper].
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	sent := req.Clone(req.Context())
	sent.Header.Set("User-Agent", userAgent)
	a, err := t.out.Do(sent)
	if req.Body != nil {
		_ = req.Body.Close()
	}
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: strconv.Itoa(a.Status) + " " + http.StatusText(a.Status), StatusCode: a.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: a.Header, Request: req,
		Body: io.NopCloser(bytes.NewReader(a.Body)), ContentLength: int64(len(a.Body)),
	}, nil
}
