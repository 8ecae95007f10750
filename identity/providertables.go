package identity

import "github.com/cognate-id/cognate/store"

// The tables of identity providers.
var (
	// providers: the identity providers of a pool, with what the pool proves itself by to them.
	providers = &store.Table[providerRecord]{
		Name: "providers", Secret: true, Key: func(p *providerRecord) string { return store.Key(p.Pool, p.Name) },
		Owner: store.OwnedByPool, Indexes: []*store.Index[providerRecord]{providersByIdentifier},
	}
	// providersByIdentifier: an identifier belongs to one provider of a pool.
	providersByIdentifier = &store.Index[providerRecord]{Name: "identifiers", Unique: true, Keys: func(p *providerRecord) []string {
		keys := make([]string, len(p.Identifiers))
		for i, id := range p.Identifiers {
			keys[i] = store.Key(p.Pool, id)
		}
		return keys
	}}
	// samlSignings: what a pool signs its requests to SAML providers with.
	samlSignings = &store.Table[samlSigning]{
		Name: "samlsignings", Secret: true, Key: func(k *samlSigning) string { return store.Key(k.Pool) },
		Owner: store.OwnedByPool,
	}
)
