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

// A memory keeps what was made of the settings of providers, by pool and name. It forgets what was made of other settings.
type memory[T any] struct {
	mu    sync.Mutex
	known map[string]remembered[T]
}

type remembered[T any] struct {
	settings [sha256.Size]byte // a digest
	made     T
}

// maxRemembered is how many are kept. They can be made again.
const maxRemembered = 1000

func memoryKey(p *identity.Provider) string { return p.Pool + "\x00" + p.Name }

// get returns what was made of the settings of a provider with a digest.
func (m *memory[T]) get(p *identity.Provider, settings [sha256.Size]byte) (made T, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.known[memoryKey(p)]
	if !ok || r.settings != settings {
		return made, false
	}
	return r.made, true
}

func (m *memory[T]) put(p *identity.Provider, settings [sha256.Size]byte, made T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil {
		m.known = map[string]remembered[T]{}
	}
	for other := range m.known {
		if len(m.known) < maxRemembered {
			break
		}
		delete(m.known, other)
	}
	m.known[memoryKey(p)] = remembered[T]{settings, made}
}

// relyingParties are those that were used before, with their keys and endpoints.
type relyingParties struct{ memory[*oidc.Provider] }

// of returns the relying party of a provider.
func (all *relyingParties) of(p *identity.Provider, f *Federation) (*oidc.Provider, error) {
	raw, err := json.Marshal(map[string]any{"type": p.Type, "details": map[string]string(p.Details), "mapping": p.Mapping})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	if rp, ok := all.get(p, sum); ok {
		return rp, nil
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
	all.put(p, sum, made)
	return made, nil
}
