package idpool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/cognate-id/cognate/internal/outbound"
	"github.com/cognate-id/cognate/token"
)

// Keys of providers elsewhere. Each set is fetched when a token first needs it, and kept by token.RemoteKeys,
// which bounds how often it is fetched. Only providers that an operator has named get here, and never more than
// maxIssuers of them are kept.

// An issuerKeys says where the keys of an issuer are.
type issuerKeys struct {
	issuer string
	// jwks is the URL of the keys. Empty means that the issuer's discovery document has it.
	jwks string
}

// maxIssuers is how many sets of keys are kept.
const maxIssuers = 256

// discoveryLife is how long the URL in a discovery document is used.
const discoveryLife = 24 * time.Hour

// discoveryCooldown is how long a discovery that has failed is not tried again.
const discoveryCooldown = 10 * time.Second

// issuers keeps keys of providers.
type issuers struct {
	fetch *outbound.Client
	now   func() time.Time

	mu    sync.Mutex
	known map[issuerKeys]*issuerSet
}

// An issuerSet has the keys of one issuer.
type issuerSet struct {
	mu     sync.Mutex // while the discovery document is read
	keys   *token.RemoteKeys
	until  time.Time // when keys, or err, must be made anew
	failed error
}

// verify verifies the signature of a token by the keys of an issuer.
func (i *issuers) verify(ctx context.Context, at issuerKeys, parsed *token.Parsed) (*token.Claims, error) {
	keys, err := i.of(ctx, at)
	if err != nil {
		return nil, err
	}
	key, err := keys.Key(ctx, at.issuer, parsed.KeyID())
	switch {
	case errors.Is(err, token.ErrUnknownKey):
		return nil, ErrTokenUnverified
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrExternalService, err)
	}
	c, err := parsed.Verify(key)
	if err != nil {
		return nil, ErrTokenUnverified
	}
	return c, nil
}

// of returns the source of the keys of an issuer.
func (i *issuers) of(ctx context.Context, at issuerKeys) (*token.RemoteKeys, error) {
	i.mu.Lock()
	if i.known == nil || len(i.known) >= maxIssuers && i.known[at] == nil {
		i.known = map[issuerKeys]*issuerSet{}
	}
	set := i.known[at]
	if set == nil {
		set = &issuerSet{}
		i.known[at] = set
	}
	i.mu.Unlock()

	set.mu.Lock()
	defer set.mu.Unlock()
	if i.now().Before(set.until) {
		return set.keys, set.failed
	}
	keys, err := i.find(ctx, at)
	switch {
	case err == nil:
		set.keys, set.failed, set.until = keys, nil, i.now().Add(discoveryLife)
	case ctx.Err() != nil: // the caller has gone: that says nothing about the issuer
		return nil, fmt.Errorf("%w: %w", ErrExternalService, err)
	case set.keys != nil: // the keys of before are better than none
		set.until = i.now().Add(discoveryCooldown)
	default:
		set.failed, set.until = fmt.Errorf("%w: %w", ErrExternalService, err), i.now().Add(discoveryCooldown)
	}
	return set.keys, set.failed
}

// find finds where the keys of an issuer are.
func (i *issuers) find(ctx context.Context, at issuerKeys) (*token.RemoteKeys, error) {
	url := at.jwks
	if url == "" {
		var doc struct {
			Issuer string `json:"issuer"`
			JWKS   string `json:"jwks_uri"`
		}
		if err := i.getJSON(ctx, at.issuer+"/.well-known/openid-configuration", &doc); err != nil {
			return nil, err
		}
		if doc.Issuer != at.issuer { // OpenID Connect Discovery, section 4.3
			return nil, errors.New("the discovery document is of another issuer")
		}
		url = doc.JWKS
	}
	// The client checks each address, and decides about http.
	return token.NewRemoteKeys([]string{at.issuer}, &token.RemoteOptions{
		URLs: map[string]string{at.issuer: url}, Client: &http.Client{Transport: transport{i.fetch}, CheckRedirect: noRedirect}, InsecureHTTP: true, Now: i.now,
	})
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// getJSON reads a JSON document.
func (i *issuers) getJSON(ctx context.Context, url string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return errors.New("the URL is invalid")
	}
	req.Header.Set("Accept", "application/json")
	answer, err := i.fetch.Do(req)
	if err != nil {
		return err
	}
	if answer.Status != http.StatusOK {
		return &statusError{answer.Status}
	}
	if err := json.Unmarshal(answer.Body, into); err != nil {
		return errors.New("the answer is not JSON")
	}
	return nil
}

// A statusError is an answer of a provider that is not 200.
type statusError struct{ status int }

func (e *statusError) Error() string { return fmt.Sprintf("the answer has the status %d", e.status) }
