// Package federation joins the settings of identity providers, as a pool has them, with the rooms that speak to the
// providers: oidc for OpenID Connect and its relatives, and saml.
//
// Begin with [Resolver], which looks at a provider when it is set up:
//
//	f, err := fetch.New(nil)
//	engine := identity.New(store, &identity.Options{Providers: &federation.Resolver{Fetch: f}})
//
// # Caveats
//
// A resolver calls whatever URL the operator of a pool names. See package fetch for what is not called.
package federation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth/federation/fetch"
	"github.com/cognate-id/cognate/oauth/federation/oidc"
)

// A Resolver looks at identity providers over the network. It is for the field Providers of [identity.Options]. It also verifies
// ID tokens for [identity.AppClient.SignInWithToken], and refreshes tokens for [identity.Session.ProviderToken]. It is safe for concurrent use.
type Resolver struct {
	// Fetch calls the providers. Required.
	Fetch *fetch.Client
	// ClientKey is that of oauth.Federation. Defaults to none.
	ClientKey func(pool, provider string) *oidc.ClientKey

	parties parties
}

// ResolveProvider implements [identity.ProviderResolver]. For an OIDC provider it reads the issuer's discovery document, and returns
// [identity.ErrProviderUnreachable] if that cannot be used, whatever the reason. For a SAML provider it reads the metadata, see [Metadata].
func (r *Resolver) ResolveProvider(ctx context.Context, p *identity.ProviderSettings) (identity.ResolvedProvider, error) {
	switch p.Type {
	case identity.ProviderOIDC:
		return identity.ResolvedProvider{}, r.discover(ctx, p)
	case identity.ProviderSAML:
		m, err := Metadata(ctx, r.Fetch, p, time.Now())
		if err != nil {
			return identity.ResolvedProvider{}, err
		}
		return identity.ResolvedProvider{EntityID: m.EntityID, SSORedirect: m.SSORedirect, SLORedirect: m.SLORedirect}, nil
	case identity.ProviderGoogle, identity.ProviderFacebook, identity.ProviderAmazon, identity.ProviderApple:
		return identity.ResolvedProvider{}, nil // their endpoints are known
	default:
		return identity.ResolvedProvider{}, fmt.Errorf("federation: no way to look at a provider of type %q", p.Type)
	}
}

func (r *Resolver) discover(ctx context.Context, p *identity.ProviderSettings) error {
	c, err := Config(p)
	if err != nil {
		return err
	}
	rp, err := oidc.New(c, r.Fetch)
	if err == nil {
		_, err = rp.Endpoints(ctx)
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return identity.ErrProviderUnreachable // and no word of what has answered
	}
	return nil
}

// Kind is a type of provider as package oidc calls it. It returns an error for SAML.
func Kind(t identity.ProviderType) (oidc.Kind, error) {
	switch t {
	case identity.ProviderOIDC:
		return oidc.OIDC, nil
	case identity.ProviderGoogle:
		return oidc.Google, nil
	case identity.ProviderFacebook:
		return oidc.Facebook, nil
	case identity.ProviderAmazon:
		return oidc.Amazon, nil
	case identity.ProviderApple:
		return oidc.Apple, nil
	case identity.ProviderSAML:
		return "", errors.New("federation: SAML is not OpenID Connect")
	default:
		return "", fmt.Errorf("federation: no relying party for a provider of type %q", t)
	}
}

// Config makes the configuration of a relying party of the settings of a provider.
func Config(p *identity.ProviderSettings) (oidc.Config, error) {
	kind, err := Kind(p.Type)
	if err != nil {
		return oidc.Config{}, err
	}
	d := p.Details
	c := oidc.Config{
		Kind: kind, Name: p.Name, ClientID: d["client_id"], ClientSecret: oidc.Secret(d["client_secret"]), Issuer: d["oidc_issuer"],
		AuthorizeURL: d["authorize_url"], TokenURL: d["token_url"], AttributesURL: d["attributes_url"], JWKSURL: d["jwks_uri"], APIVersion: d["api_version"],
		AttributesMethod: d["attributes_request_method"], TokenMethod: d["token_request_method"],
		NoAttributeNames: d["attributes_url_add_attributes"] == "false", AddAttributeNames: d["attributes_url_add_attributes"] == "true",
		Scopes: strings.FieldsFunc(d["authorize_scopes"], func(r rune) bool { return r == ' ' || r == ',' }),
	}
	for _, from := range p.Mapping {
		c.Attributes = append(c.Attributes, from)
	}
	if kind == oidc.Apple {
		key, err := oidc.ParseAppleKey(oidc.Secret(d["private_key"]))
		if err != nil {
			return oidc.Config{}, err
		}
		c.ClientSecret, c.Apple = "", &oidc.AppleKey{TeamID: d["team_id"], KeyID: d["key_id"], Key: key}
	}
	return c, nil
}
