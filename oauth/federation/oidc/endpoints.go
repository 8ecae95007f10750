package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
)

// Discovery. What a configuration does not say comes from the issuer's document, which is kept for an
// hour. After that it is fetched again by the next sign-in, while others wait for it.

const discoveryLife = time.Hour

// Endpoints are the URLs of a provider.
type Endpoints struct {
	// Issuer is "" for Facebook and Amazon.
	Issuer string
	// Authorize is where browsers go.
	Authorize string
	// Token gives tokens for a code.
	Token string
	// Attributes is the user info. "" if the provider has none.
	Attributes string
	// Keys are the provider's keys. "" for Facebook and Amazon.
	Keys string
	// TokenInfo tells whose an access token is, at Facebook and Amazon alone.
	TokenInfo string
	// EndSession signs browsers out (OpenID Connect RP-Initiated Logout). "" if the discovery document names none, or was not needed.
	EndSession string
}

// discovered is what a provider is known to be.
type discovered struct {
	endpoints  *Endpoints
	until      time.Time // zero for ever
	algorithms []string  // that sign ID tokens
	iss        bool      // callbacks have the parameter iss
}

// Endpoints returns the URLs of the provider: those of the configuration, of its kind, or of the
// discovery document, in that order. It returns an error that wraps [ErrDiscovery].
func (p *Provider) Endpoints(ctx context.Context) (*Endpoints, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return nil, err
	}
	return d.endpoints, nil
}

func (p *Provider) discover(ctx context.Context) (discovered, error) {
	if d, ok := p.cached(); ok {
		return d, nil
	}
	select {
	case p.lock <- struct{}{}:
		defer func() { <-p.lock }()
	case <-ctx.Done():
		return discovered{}, failure(ErrDiscovery, unreachable, ctx.Err())
	}
	if d, ok := p.cached(); ok {
		return d, nil
	}
	d := discovered{endpoints: p.config.endpoints(), algorithms: p.config.Algorithms}
	if p.config.Kind == OIDC && !d.endpoints.complete() {
		if err := p.readDiscovery(ctx, &d); err != nil {
			return discovered{}, failure(ErrDiscovery, unreachable, err)
		}
		d.until = p.config.Clock().Add(discoveryLife)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keys == nil || p.keys.url != d.endpoints.Keys {
		p.keys = newKeySet(p.fetch, d.endpoints.Keys, p.config.Clock)
	}
	p.known = d
	return d, nil
}

// EndSessionURL returns where to send a browser that is to be signed out at the provider too, or "" if the provider has no such endpoint. idToken is the
// provider's, of this user. redirectURI is where the provider sends the browser back to, with state; the provider must know it.
func (p *Provider) EndSessionURL(ctx context.Context, idToken Secret, redirectURI, state string) (string, error) {
	e, err := p.Endpoints(ctx)
	if err != nil || e.EndSession == "" {
		return "", err
	}
	return withQuery(e.EndSession, url.Values{
		"id_token_hint": {string(idToken)}, "client_id": {p.config.ClientID}, "post_logout_redirect_uri": {redirectURI}, "state": {state},
	}), nil
}

// unreachable is the service's sentence.
const unreachable = "Unable to contact well-known endpoint"

func (p *Provider) cached() (discovered, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.known
	return d, d.endpoints != nil && (d.until.IsZero() || p.config.Clock().Before(d.until))
}

// endpoints are those that need no discovery.
func (c *Config) endpoints() *Endpoints {
	e, _ := defaults(c.Kind, c.APIVersion)
	for _, own := range []struct {
		field *string
		value string
	}{{&e.Issuer, c.Issuer}, {&e.Authorize, c.AuthorizeURL}, {&e.Token, c.TokenURL}, {&e.Attributes, c.AttributesURL}, {&e.Keys, c.JWKSURL}} {
		if own.value != "" {
			*own.field = own.value
		}
	}
	switch c.Kind { // the settings have no key for it: it is beside a URL that they have
	case Facebook:
		if c.AttributesURL != "" {
			e.TokenInfo = sibling(c.AttributesURL, "debug_token")
		}
	case Amazon:
		if c.TokenURL != "" {
			e.TokenInfo = sibling(c.TokenURL, "tokeninfo")
		}
	case OIDC, Google, Apple:
	}
	return &e
}

func (e *Endpoints) complete() bool {
	return e.Authorize != "" && e.Token != "" && e.Attributes != "" && e.Keys != ""
}

// readDiscovery reads the issuer's document, and fills in what is missing.
func (p *Provider) readDiscovery(ctx context.Context, d *discovered) error {
	doc, err := gooidc.NewProvider(gooidc.ClientContext(ctx, p.http), d.endpoints.Issuer)
	if err != nil {
		return errors.New("the document cannot be read, or is of another issuer") // the library's text has the answer in it
	}
	var more struct {
		Keys       string   `json:"jwks_uri"`
		UserInfo   string   `json:"userinfo_endpoint"`
		Algorithms []string `json:"id_token_signing_alg_values_supported"`
		Iss        bool     `json:"authorization_response_iss_parameter_supported"`
		EndSession string   `json:"end_session_endpoint"`
	}
	if err := doc.Claims(&more); err != nil {
		return errors.New("the document is malformed")
	}
	d.iss = more.Iss
	for _, own := range []struct {
		name, found string
		field       *string
		optional    bool
	}{
		{"authorization_endpoint", doc.Endpoint().AuthURL, &d.endpoints.Authorize, false},
		{"token_endpoint", doc.Endpoint().TokenURL, &d.endpoints.Token, false},
		{"jwks_uri", more.Keys, &d.endpoints.Keys, false},
		{"userinfo_endpoint", more.UserInfo, &d.endpoints.Attributes, true},
		{"end_session_endpoint", more.EndSession, &d.endpoints.EndSession, true},
	} {
		if *own.field != "" {
			continue
		}
		if own.found == "" && own.optional {
			continue
		}
		if err := p.fetch.Check(own.found); err != nil {
			if own.field == &d.endpoints.EndSession {
				continue // people sign in without it
			}
			return fmt.Errorf("%s: %w", own.name, err)
		}
		*own.field = own.found
	}
	if len(more.Algorithms) > 0 {
		d.algorithms = slices.DeleteFunc(slices.Clone(p.config.Algorithms), func(alg string) bool { return !slices.Contains(more.Algorithms, alg) })
		if len(d.algorithms) == 0 {
			return errors.New("the provider signs ID tokens by no algorithm that may be used")
		}
	}
	return nil
}
