package webhook

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/internal/sigv4"
	"github.com/cognate-id/cognate/internal/outbound"
)

// Defaults of [Options].
const (
	DefaultTimeout    = 5 * time.Second
	DefaultTries      = 3
	DefaultInFlight   = 64
	DefaultOfOne      = 16
	DefaultBreakAfter = 5
	DefaultBreakFor   = 30 * time.Second
)

// Options configure a [Caller]. The zero value calls no function.
type Options struct {
	// Endpoints are the URLs of functions, by ARN. A URL whose path ends in /invocations is
	// called as it is. To any other, the path of the Invoke API for the ARN is added, such as
	// /2015-03-31/functions/ARN/invocations. Defaults to none.
	Endpoints map[string]string
	// Endpoint is the URL for all other ARNs. Empty means that these cannot be called, and
	// that the flows that would call them fail.
	Endpoint string
	// Key signs calls of the Invoke API with AWS Signature Version 4. The zero value does
	// not sign them.
	Key AccessKey
	// Secrets sign the events that [Caller.Hooks] posts, in the form whsec_BASE64 with 24 to
	// 64 bytes. There is one signature for each, so that a new secret can be added before the
	// old one is removed. Hooks returns an error without one.
	Secrets []identity.Secret
	// Encrypt encrypts the code of a custom sender that is called by the Invoke API, in a pool
	// that has a key for codes. Defaults to [hook.CustomSender].Encrypt: the engine's own way,
	// for which the function needs an access key of the engine, or a raw key.
	Encrypt Encrypter

	// Allow names hosts that may have an address which is not public, as host:port. A loopback
	// address, or localhost, in one of the URLs above is allowed without that.
	Allow []string
	// Timeout is how long one try may take. 0 means DefaultTimeout.
	Timeout time.Duration
	// Tries is how often a function is called that does not answer in time or answers with
	// 5xx. 0 means DefaultTries.
	Tries int
	// InFlight is how many calls of one target may run at once. 0 means DefaultInFlight. More
	// fail with TooManyRequestsException.
	InFlight int
	// OfOne is how many of all calls in flight may come from one source: an IPv4 address or
	// an IPv6 /64. 0 means DefaultOfOne. Calls from this machine are not counted.
	OfOne int
	// BreakAfter is how many calls of a target in a row have no answer in time before the
	// target is left alone. 0 means DefaultBreakAfter, a negative number means never.
	BreakAfter int
	// BreakFor is how long it is left alone. Then one call tries it out. 0 means DefaultBreakFor.
	BreakFor time.Duration
	// Logger gets a line if a target is left alone. Defaults to slog.Default().
	Logger *slog.Logger
	// Clock is the time of signatures and of BreakFor. Defaults to time.Now.
	Clock func() time.Time
}

// An AccessKey is a key of AWS.
type AccessKey struct {
	ID     string          // such as AKIDEXAMPLE; empty for no key
	Secret identity.Secret // of the key
	Token  identity.Secret // of a session; empty for a lasting key
}

// An Encrypter encrypts a code for a custom sender, under the key that the pool's settings
// name. The result is the text of the event's code.
type Encrypter func(ctx context.Context, pool *identity.PoolInfo, code identity.Secret) (string, error)

// ErrNoSecret is returned by [Caller.Hooks] if there is no secret to sign with.
var ErrNoSecret = errors.New("webhook: posts are signed, and there is no secret")

// A Caller calls functions. It is safe for concurrent use.
type Caller struct {
	options   Options
	endpoints map[string]*url.URL
	endpoint  *url.URL // nil for none
	secrets   [][]byte
	posters   *posters // of Hooks
	key       sigv4.Key
	client    *outbound.Client
	bounds    *bounds
	log       *slog.Logger
}

// New returns a caller. It returns an error if a URL or a secret is malformed, or if no call to
// a URL can succeed. Nil options mean the zero value.
func New(o *Options) (*Caller, error) {
	if o == nil {
		o = &Options{}
	}
	if (o.Key.ID == "") != (o.Key.Secret == "") {
		return nil, errors.New("webhook: an access key is an id and a secret, and one of them is missing")
	}
	c := &Caller{options: *o, endpoints: map[string]*url.URL{}, posters: &posters{}, key: sigv4.Key{ID: o.Key.ID, Secret: string(o.Key.Secret), Token: string(o.Key.Token)}}
	c.options.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	c.options.Tries = cmp.Or(o.Tries, DefaultTries)
	c.log = cmp.Or(o.Logger, slog.Default())
	if c.options.Clock == nil {
		c.options.Clock = time.Now
	}
	if o.Timeout < 0 || o.Tries < 0 || o.InFlight < 0 || o.OfOne < 0 || o.BreakFor < 0 {
		return nil, errors.New("webhook: a bound is negative")
	}
	c.bounds = newBounds(&c.options)
	for _, s := range o.Secrets {
		key, err := readSecret(s)
		if err != nil {
			return nil, err
		}
		c.secrets = append(c.secrets, key)
	}
	return c, c.open(o)
}

// open reads the URLs, and makes the client that may call them.
func (c *Caller) open(o *Options) error {
	allow := slices.Clone(o.Allow)
	for arn, raw := range o.Endpoints {
		u, err := readURL(raw)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(arn, "arn:") {
			return fmt.Errorf("webhook: %q is not an ARN", arn)
		}
		c.endpoints[arn] = u
		allow = appendLiteral(allow, u)
	}
	if o.Endpoint != "" {
		u, err := readURL(o.Endpoint)
		if err != nil {
			return err
		}
		c.endpoint, allow = u, appendLiteral(allow, u)
	}
	if err := c.dial(allow); err != nil {
		return err
	}
	for _, u := range c.endpoints {
		if err := c.client.Check(u); err != nil {
			return fmt.Errorf("webhook: %w", err)
		}
	}
	if c.endpoint == nil {
		return nil
	}
	if err := c.client.Check(c.endpoint); err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	return nil
}

// maxConns is how many calls run at once to all targets. More wait until their timeout.
const maxConns = 512

func (c *Caller) dial(allow []string) (err error) {
	c.client, err = outbound.New(&outbound.Options{
		Allow: allow, Timeout: c.options.Timeout, MaxAnswer: maxAnswer, MaxConns: maxConns, MaxConnsPerHost: maxConns, RootCAs: nil,
	})
	if err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	return nil
}

// Close closes the connections that are idle, also those of the hooks that [Caller.Hooks] has returned.
func (c *Caller) Close() {
	c.client.Close()
	c.posters.close()
}

// posters are the clients of hooks that post.
type posters struct {
	mu  sync.Mutex
	all []*outbound.Client
}

func (p *posters) add(c *outbound.Client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, c)
}

func (p *posters) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.all {
		c.Close()
	}
}

func readURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("webhook: a URL is malformed: give one such as https://hooks.example.com/cognate, without a query")
	}
	return u, nil
}

// appendLiteral allows an address that the program itself wrote down.
func appendLiteral(allow []string, u *url.URL) []string {
	if named, ok := outbound.Literal(u); ok {
		return append(allow, named)
	}
	return allow
}

// Lengths of secrets, in bytes.
const (
	minSecret = 24
	maxSecret = 64
)

func readSecret(s identity.Secret) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(string(s), "whsec_"))
	if err != nil || len(key) < minSecret || len(key) > maxSecret {
		return nil, fmt.Errorf("webhook: a secret is not whsec_ and the Base64 of %d to %d bytes", minSecret, maxSecret)
	}
	return key, nil
}
