package alb

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// The errors of a Verifier.
var (
	// ErrMalformed is returned for what is no x-amzn-oidc-data.
	ErrMalformed = errors.New("alb: malformed")
	// ErrSignature is returned if the signature is not that of the key.
	ErrSignature = errors.New("alb: the signature is not valid")
	// ErrSigner is returned for another load balancer, issuer or client.
	ErrSigner = errors.New("alb: it is of another load balancer, issuer or client")
	// ErrExpired is returned for what has expired.
	ErrExpired = errors.New("alb: it has expired")
	// ErrUnknownKey is returned if there is no such key.
	ErrUnknownKey = errors.New("alb: there is no such key")
	// ErrUnavailable is returned if the key could not be fetched.
	ErrUnavailable = errors.New("alb: the key could not be fetched")
)

const (
	maxData   = 32 << 10
	maxPEM    = 4 << 10
	maxKeys   = 16 // that a Verifier remembers
	fetchTime = 5 * time.Second
	// fetchPause is the least time between two fetches that strangers can cause by made-up key
	// ids.
	fetchPause = time.Second
)

// Options change how a [Verifier] works. The zero value and nil are good.
type Options struct {
	// Client fetches keys. It must follow no redirect. Defaults to one with a timeout of five
	// seconds.
	Client *http.Client
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// A Verifier verifies x-amzn-oidc-data. Make one with [NewVerifier]. Its methods are safe for
// concurrent use.
type Verifier struct {
	keysURL          string
	signers          []string
	issuer, clientID string
	o                Options

	mu      sync.Mutex
	keys    map[string]*ecdsa.PublicKey
	order   []string // of keys, as they came
	flights map[string]*flight
	tried   time.Time // when the last fetch began
}

// NewVerifier returns a Verifier. keysURL is where the keys are, without the key id: for AWS
// https://public-keys.auth.elb.REGION.amazonaws.com, for an edge the URL of a site with /oauth2/keys. It is
// https, or http on this machine. signers are the ARNs of the load balancers that are taken, issuer and
// clientID those of the tokens. o may be nil. NewVerifier fetches nothing yet.
func NewVerifier(keysURL string, signers []string, issuer, clientID string, o *Options) (*Verifier, error) {
	u, err := url.Parse(keysURL)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return nil, fmt.Errorf("alb: %q is not the https URL of keys", keysURL)
	}
	if len(signers) == 0 || slices.ContainsFunc(signers, func(s string) bool { return !isARN(s) }) {
		return nil, errors.New("alb: the ARN of a load balancer is needed: others sign with keys of the same address")
	}
	if issuer == "" || clientID == "" {
		return nil, errors.New("alb: an issuer and a client are needed")
	}
	v := &Verifier{
		keysURL: strings.TrimSuffix(keysURL, "/"), signers: slices.Clone(signers), issuer: issuer, clientID: clientID,
		keys: map[string]*ecdsa.PublicKey{}, flights: map[string]*flight{},
	}
	if o != nil {
		v.o = *o
	}
	if v.o.Now == nil {
		v.o.Now = time.Now
	}
	if v.o.Client == nil {
		v.o.Client = &http.Client{Timeout: fetchTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return v, nil
}

func isLoopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// Claims are what a load balancer says of a user.
type Claims struct {
	// Subject is the sub.
	Subject string
	// Expires is when the claims are no longer good.
	Expires time.Time
	// Raw is the whole payload: claims of userInfo, with exp and iss.
	Raw json.RawMessage
}

// Decode stores the claims in the value that v points to, as encoding/json does.
func (c *Claims) Decode(v any) error { return json.Unmarshal(c.Raw, v) }

// Verify returns the claims of x-amzn-oidc-data, or one of the errors of this package, wrapped.
func (v *Verifier) Verify(ctx context.Context, data string) (*Claims, error) {
	parts := strings.Split(data, ".")
	if len(data) > maxData || len(parts) != 3 {
		return nil, ErrMalformed
	}
	head, err := parseHeader(parts[0])
	if err != nil {
		return nil, err
	}
	if !slices.Contains(v.signers, head.Signer) || head.Issuer != v.issuer || head.Client != v.clientID {
		return nil, ErrSigner
	}
	if !v.o.Now().Before(time.Unix(head.Expires, 0)) {
		return nil, ErrExpired
	}
	signature, err := decode(parts[2])
	if err != nil || len(signature) != 2*keySize {
		return nil, fmt.Errorf("%w: the signature", ErrMalformed)
	}
	key, err := v.key(ctx, head.KeyID)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(signature[:keySize]), new(big.Int).SetBytes(signature[keySize:])) {
		return nil, ErrSignature
	}
	return v.claims(parts[1], head)
}

// decode decodes base64url with padding, in its one canonical form.
func decode(s string) ([]byte, error) { return base64.URLEncoding.Strict().DecodeString(s) }

// parseHeader reads a header, which has all its members, each once, and no other.
func parseHeader(part string) (*header, error) {
	members, err := object(part)
	if err != nil {
		return nil, fmt.Errorf("%w: the header: %w", ErrMalformed, err)
	}
	h := &header{}
	for name, to := range map[string]any{
		"typ": &h.Type, "kid": &h.KeyID, "alg": &h.Algorithm, "iss": &h.Issuer, "client": &h.Client, "signer": &h.Signer, "exp": &h.Expires,
	} {
		raw, ok := members[name]
		if !ok || string(raw) == "null" || json.Unmarshal(raw, to) != nil {
			return nil, fmt.Errorf("%w: the header has no %s, or one of the wrong type", ErrMalformed, name)
		}
		delete(members, name)
	}
	if len(members) > 0 || h.Type != "JWT" || h.Algorithm != "ES256" || !isUUID(h.KeyID) {
		return nil, fmt.Errorf("%w: the header", ErrMalformed)
	}
	return h, nil
}

// isUUID keeps a key id from being a path.
func isUUID(s string) bool {
	for i := range len(s) {
		c := s[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) == 36
}

// object reads a part that is a JSON object, whose members come once each.
func object(part string) (map[string]json.RawMessage, error) {
	text, err := decode(part)
	if err != nil {
		return nil, errors.New("no canonical base64url with padding")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("no object")
	}
	out := map[string]json.RawMessage{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, ok := name.(string)
		if _, twice := out[key]; !ok || twice {
			return nil, errors.New("a member comes twice")
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		out[key] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something after the object")
	}
	return out, nil
}

// claims reads the payload. exp and iss of the payload must be those of the header, if they are
// there.
func (v *Verifier) claims(part string, h *header) (*Claims, error) {
	members, err := object(part)
	if err != nil {
		return nil, fmt.Errorf("%w: the claims: %w", ErrMalformed, err)
	}
	c := &Claims{Expires: time.Unix(h.Expires, 0)}
	if json.Unmarshal(members["sub"], &c.Subject) != nil || c.Subject == "" {
		return nil, fmt.Errorf("%w: the claims have no sub", ErrMalformed)
	}
	issuer, expires := h.Issuer, h.Expires
	if raw, ok := members["iss"]; ok && json.Unmarshal(raw, &issuer) != nil || issuer != h.Issuer {
		return nil, ErrSigner
	}
	if raw, ok := members["exp"]; ok && json.Unmarshal(raw, &expires) != nil || expires != h.Expires {
		return nil, fmt.Errorf("%w: exp", ErrMalformed)
	}
	c.Raw, err = decode(part)
	return c, err
}

// A flight is a fetch that others wait for.
type flight struct {
	done chan struct{}
	key  *ecdsa.PublicKey
	err  error
}

// key returns a public key, which is fetched once for all who need it.
func (v *Verifier) key(ctx context.Context, id string) (*ecdsa.PublicKey, error) {
	key, f, mine, err := v.board(id)
	if key != nil || err != nil {
		return key, err
	}
	if mine {
		f.key, f.err = v.fetch(context.WithoutCancel(ctx), id)
		v.land(id, f)
		return f.key, f.err
	}
	select {
	case <-f.done:
		return f.key, f.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
}

// board returns a key that is known, or a flight that brings it: the caller's own, if mine is true.
func (v *Verifier) board(id string) (key *ecdsa.PublicKey, f *flight, mine bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if key, ok := v.keys[id]; ok {
		return key, nil, false, nil
	}
	if f, ok := v.flights[id]; ok {
		return nil, f, false, nil
	}
	now := v.o.Now()
	if since := now.Sub(v.tried); !v.tried.IsZero() && since >= 0 && since < fetchPause {
		return nil, nil, false, fmt.Errorf("%w: another one was fetched just now", ErrUnavailable)
	}
	f = &flight{done: make(chan struct{})}
	v.tried, v.flights[id] = now, f
	return nil, f, true, nil
}

// land keeps the key of a flight, and wakes those who wait.
func (v *Verifier) land(id string, f *flight) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.flights, id)
	close(f.done)
	if f.err != nil {
		return
	}
	v.tried = time.Time{} // it was no made-up id
	v.keys[id], v.order = f.key, append(v.order, id)
	if len(v.order) > maxKeys {
		delete(v.keys, v.order[0])
		v.order = v.order[1:]
	}
}

func (v *Verifier) fetch(ctx context.Context, id string) (*ecdsa.PublicKey, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, v.keysURL+"/"+id, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	res, err := v.o.Client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer res.Body.Close()
	switch res.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusForbidden, http.StatusGone:
		return nil, ErrUnknownKey
	default:
		return nil, fmt.Errorf("%w: status %d", ErrUnavailable, res.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxPEM))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	block, _ := pem.Decode(body)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, fmt.Errorf("%w: no public key in PEM", ErrUnavailable)
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: no public key", ErrUnavailable)
	}
	key, ok := public.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%w: no key of ES256", ErrUnavailable)
	}
	return key, nil
}

type contextKey struct{}

// FromContext returns the claims that [Verifier.Require] put into the context of a request, and
// reports whether there are any.
func FromContext(ctx context.Context) (*Claims, bool) {
	c, ok := ctx.Value(contextKey{}).(*Claims)
	return c, ok
}

// Require is middleware for programs behind a load balancer. It passes a request on whose
// x-amzn-oidc-data is good, with the claims in its context. It answers 401 to all others, and 503 if
// the key cannot be fetched now. Where x-amzn-oidc-identity is there, it must be the sub.
func (v *Verifier) Require(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data := r.Header.Values(DataHeader)
		if len(data) != 1 {
			http.Error(w, "not signed in", http.StatusUnauthorized)
			return
		}
		c, err := v.Verify(r.Context(), data[0])
		if errors.Is(err, ErrUnavailable) {
			http.Error(w, "who is signed in cannot be checked now", http.StatusServiceUnavailable)
			return
		}
		identity := r.Header.Values(IdentityHeader)
		if err != nil || len(identity) > 1 || len(identity) == 1 && identity[0] != c.Subject {
			http.Error(w, "not signed in", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, c)))
	})
}
