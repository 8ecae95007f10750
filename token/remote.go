package token

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// RemoteOptions change how [RemoteKeys] fetches and keeps keys. The zero value has good
// defaults.
type RemoteOptions struct {
	// URLs are the URLs of key sets, by issuer. An issuer that is not in the map has its
	// key set at ISSUER/.well-known/jwks.json, as with Cognito.
	URLs map[string]string
	// Client makes the requests. Defaults to one that follows no redirects.
	Client *http.Client
	// Timeout bounds one fetch, body included. Defaults to 5 seconds.
	Timeout time.Duration
	// MaxAge is how long a key set counts as fresh. Defaults to 1 hour.
	MaxAge time.Duration
	// MaxStale is how long after its last fetch a key set is used while new fetches fail.
	// Defaults to 24 hours, and is never less than MaxAge.
	MaxStale time.Duration
	// Cooldown is the minimum time between the starts of two fetches for one issuer,
	// whatever key ids are asked for. Defaults to 10 seconds.
	Cooldown time.Duration
	// InsecureHTTP allows URLs without TLS. Anyone on the network path can then choose the
	// keys. URLs of this machine (localhost, 127.0.0.1, ::1) do not need InsecureHTTP.
	InsecureHTTP bool
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// RemoteKeys is a [KeySource] that fetches key sets over HTTP when they are first needed
// and keeps them. It is made by [NewRemoteKeys].
//
// Up to MaxAge after its fetch, a set answers at once. Up to twice MaxAge it also answers
// at once, and is fetched again in the background. After that, a caller waits for the
// fetch. If a fetch fails, the set is used until MaxStale. A key id that is not in the set
// causes a fetch, because the issuer may have changed its keys, but not within Cooldown of
// the last fetch. Callers that need the same set share one fetch.
//
// RemoteKeys fetches only from the URLs that it was made with. Nothing in a token chooses
// a URL.
type RemoteKeys struct {
	o       RemoteOptions
	issuers map[string]*remoteSet
}

// NewRemoteKeys returns a source of the keys of issuers. o may be nil. It fetches nothing
// yet. It returns an error for a URL that is invalid or not https.
func NewRemoteKeys(issuers []string, o *RemoteOptions) (*RemoteKeys, error) {
	k := &RemoteKeys{issuers: make(map[string]*remoteSet, len(issuers))}
	if o != nil {
		k.o = *o
	}
	k.o.defaults()
	urls := maps.Clone(k.o.URLs)
	for _, issuer := range issuers {
		address, ok := urls[issuer]
		if !ok {
			address = issuer + "/.well-known/jwks.json"
		}
		if err := k.o.allows(address); err != nil {
			return nil, fmt.Errorf("token: keys of %q: %w", issuer, err)
		}
		k.issuers[issuer] = &remoteSet{url: address}
	}
	return k, nil
}

func (o *RemoteOptions) defaults() {
	if o.Client == nil {
		o.Client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}}
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&o.Timeout, 5 * time.Second},
		{&o.MaxAge, time.Hour},
		{&o.MaxStale, 24 * time.Hour},
		{&o.Cooldown, 10 * time.Second},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	o.MaxStale = max(o.MaxStale, o.MaxAge)
	if o.Now == nil {
		o.Now = time.Now
	}
}

func (o *RemoteOptions) allows(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	if u.Host == "" || u.User != nil {
		return errors.New("not an address")
	}
	if u.Scheme == "https" || u.Scheme == "http" && (o.InsecureHTTP || isLoopback(u.Hostname())) {
		return nil
	}
	return errors.New("not https")
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// Key returns the key, from memory or after a fetch; see [RemoteKeys] for when it waits. It
// stops waiting when ctx ends: the error is then [ErrKeysUnavailable] and the error of ctx.
// Other errors are [ErrIssuer] for an issuer that the source was not made for,
// [ErrUnknownKey], and [ErrKeysUnavailable].
func (k *RemoteKeys) Key(ctx context.Context, issuer, kid string) (PublicKey, error) {
	r, ok := k.issuers[issuer]
	if !ok {
		return PublicKey{}, ErrIssuer
	}
	key, flight, err := k.lookup(ctx, r, kid)
	if flight == nil {
		return key, err
	}
	select {
	case <-flight:
		return k.settle(r, kid)
	case <-ctx.Done():
		return PublicKey{}, fmt.Errorf("%w: %w", ErrKeysUnavailable, ctx.Err())
	}
}

// A remoteSet is the key set of one issuer.
type remoteSet struct {
	url string

	mu      sync.Mutex
	set     Set
	fetched time.Time     // time of the last success; zero if there was none
	tried   time.Time     // start of the last fetch; zero if there was none
	err     error         // error of the last fetch
	flight  chan struct{} // closed when the running fetch ends; nil if none is running
}

// lookup returns the key or an error. If a fetch is needed first, it returns a flight to
// wait for.
func (k *RemoteKeys) lookup(ctx context.Context, r *remoteSet, kid string) (PublicKey, <-chan struct{}, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := k.o.Now()
	key, err := k.find(r, kid, now)
	age := now.Sub(r.fetched)
	if err == nil && age <= k.o.MaxAge {
		return key, nil, nil
	}
	k.launch(ctx, r, now)
	wait := err != nil || age > 2*k.o.MaxAge && r.err == nil
	if wait && r.flight != nil {
		return PublicKey{}, r.flight, nil
	}
	return key, nil, err
}

// settle returns the key, or the error, after a fetch.
func (k *RemoteKeys) settle(r *remoteSet, kid string) (PublicKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return k.find(r, kid, k.o.Now())
}

// find looks for the key in the present set. r must be locked.
func (k *RemoteKeys) find(r *remoteSet, kid string, now time.Time) (PublicKey, error) {
	usable := !r.fetched.IsZero() && now.Sub(r.fetched) <= k.o.MaxStale
	if key, ok := r.set.Key(kid); ok && usable {
		return key, nil
	}
	if usable && r.err == nil {
		return PublicKey{}, fmt.Errorf("%w: no such key of the issuer", ErrUnknownKey)
	}
	if r.err != nil {
		// Not %w: a malformed key set says nothing about the token.
		return PublicKey{}, fmt.Errorf("%w: %s", ErrKeysUnavailable, r.err.Error())
	}
	return PublicKey{}, ErrKeysUnavailable
}

// launch starts a fetch, unless one is running or the last one was too recent. r must be
// locked. The fetch outlives ctx, because other callers may wait for it.
func (k *RemoteKeys) launch(ctx context.Context, r *remoteSet, now time.Time) {
	// A last fetch in the future means that the clock has been set back.
	if since := now.Sub(r.tried); r.flight != nil || !r.tried.IsZero() && since >= 0 && since < k.o.Cooldown {
		return
	}
	flight := make(chan struct{})
	r.flight, r.tried = flight, now
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.o.Timeout)
	go func() {
		defer cancel()
		set, err := k.fetch(ctx, r.url)
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.flight, r.err = nil, err; err == nil {
			r.set, r.fetched = set, now
		}
		close(flight)
	}()
}

func (k *RemoteKeys) fetch(ctx context.Context, address string) (Set, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	res, err := k.o.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetch keys: status %d", res.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, maxSet+1))
	if err != nil {
		return nil, fmt.Errorf("fetch keys: %w", err)
	}
	return ParseSet(data)
}
