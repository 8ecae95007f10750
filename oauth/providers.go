package oauth

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth/federation/fetch"
	"github.com/cognate-id/cognate/oauth/federation/oidc"
)

// Federation is how a [Server] deals with identity providers. The zero value is good for a server on the Internet.
type Federation struct {
	// Fetch calls the providers. Defaults to fetch.New(nil), which calls public addresses alone.
	Fetch *fetch.Client
	// InsecurePlain sends neither nonce nor PKCE challenge to providers, as Amazon Cognito does. Defaults to false.
	InsecurePlain bool
	// ClientKey returns the key by which a client authenticates at an OpenID provider in place of its secret
	// (private_key_jwt), or nil. Defaults to none.
	ClientKey func(pool, provider string) *oidc.ClientKey
}

// providers are those that were used before, with their keys and endpoints. One whose settings have changed is made anew.
type relyingParties struct {
	mu    sync.Mutex
	known map[string]relyingParty // by pool and name
}

type relyingParty struct {
	settings [sha256.Size]byte // a digest
	provider *oidc.Provider
}

// maxRelyingParties is how many are kept. They can be made again.
const maxRelyingParties = 1000

// of returns the relying party of a provider.
func (all *relyingParties) of(p *identity.Provider, f *Federation) (*oidc.Provider, error) {
	raw, err := json.Marshal(map[string]any{"type": p.Type, "details": map[string]string(p.Details), "mapping": p.Mapping})
	if err != nil {
		return nil, err
	}
	id, sum := p.Pool+"\x00"+p.Name, sha256.Sum256(raw)
	all.mu.Lock()
	defer all.mu.Unlock()
	if rp, ok := all.known[id]; ok && rp.settings == sum {
		return rp.provider, nil
	}
	c, err := configOf(p)
	if err != nil {
		return nil, err
	}
	c.InsecurePlain = f.InsecurePlain
	if f.ClientKey != nil && c.Kind == oidc.OIDC {
		c.ClientKey = f.ClientKey(p.Pool, p.Name)
	}
	made, err := oidc.New(c, f.Fetch)
	if err != nil {
		return nil, err
	}
	if all.known == nil {
		all.known = map[string]relyingParty{}
	}
	for other := range all.known {
		if len(all.known) < maxRelyingParties {
			break
		}
		delete(all.known, other)
	}
	all.known[id] = relyingParty{sum, made}
	return made, nil
}

// kindOf is a type of provider, as the relying party calls it.
func kindOf(t identity.ProviderType) (oidc.Kind, error) {
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
		return "", fmt.Errorf("oauth: %s speaks no OpenID Connect", t)
	default:
		return "", fmt.Errorf("oauth: no relying party for a provider of type %q", t)
	}
}

// configOf makes a configuration of what is stored.
func configOf(p *identity.Provider) (oidc.Config, error) {
	kind, err := kindOf(p.Type)
	if err != nil {
		return oidc.Config{}, err
	}
	d := p.Details
	c := oidc.Config{
		Kind: kind, Name: p.Name, ClientID: d["client_id"], ClientSecret: oidc.Secret(d["client_secret"]), Issuer: d["oidc_issuer"],
		AuthorizeURL: d["authorize_url"], TokenURL: d["token_url"], AttributesURL: d["attributes_url"], JWKSURL: d["jwks_uri"], APIVersion: d["api_version"],
		AttributesMethod: d["attributes_request_method"], NoAttributeNames: d["attributes_url_add_attributes"] == "false",
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
