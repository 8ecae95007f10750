package oauth

import (
	"crypto/sha256"
	"encoding/json"
	"sync"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth/federation"
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

// relyingParties are those that were used before, with their keys and endpoints. One whose settings have changed is made anew.
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
	c, err := federation.Config(&p.ProviderSettings)
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
