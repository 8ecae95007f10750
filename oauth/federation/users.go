package federation

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth/federation/oidc"
)

// What the engine asks of a provider about its users: whose an ID token is, and new tokens by a refresh token.

// VerifyProviderToken implements [identity.ProviderVerifier], for providers with ID tokens.
func (r *Resolver) VerifyProviderToken(ctx context.Context, p *identity.Provider, idToken identity.Secret, nonce string, clients []string) (identity.FederatedIdentity, time.Time, error) {
	if !p.Type.HasIDTokens() {
		return identity.FederatedIdentity{}, time.Time{}, identity.ErrProviderTokens
	}
	rp, err := r.party(p)
	if err != nil {
		return identity.FederatedIdentity{}, time.Time{}, err
	}
	who, err := rp.Verify(ctx, oidc.Secret(idToken), nonce, clients...)
	switch {
	case err == nil:
	case errors.Is(err, oidc.ErrIDToken):
		return identity.FederatedIdentity{}, time.Time{}, fmt.Errorf("%w: %w", identity.ErrProviderToken, err)
	default:
		return identity.FederatedIdentity{}, time.Time{}, r.unreachable(ctx, err)
	}
	return Identity(p, who), who.Expires, nil
}

// RefreshProvider implements [identity.ProviderRefresher], for all types but SAML.
func (r *Resolver) RefreshProvider(ctx context.Context, p *identity.Provider, refresh identity.Secret) (*identity.ProviderTokens, error) {
	rp, err := r.party(p)
	if err != nil {
		return nil, err
	}
	t, err := rp.Refresh(ctx, oidc.Secret(refresh))
	switch {
	case err == nil:
		return tokensOf(t), nil
	case errors.Is(err, oidc.ErrRefused):
		return nil, identity.ErrNoProviderToken
	default:
		return nil, r.unreachable(ctx, err)
	}
}

// unreachable is the error of a call that came to nothing, for the engine.
func (r *Resolver) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", identity.ErrProviderUnreachable, err)
}

// Identity is what the engine is told of a user. Tokens of the provider are there by the names that can be mapped.
func Identity(p *identity.Provider, who *oidc.Identity) identity.FederatedIdentity {
	in := identity.FederatedIdentity{Provider: p.Name, Subject: who.Subject, Claims: who.Claims, IDToken: Raw(who.IDToken), UserInfo: Raw(who.UserInfo), Tokens: tokensOf(&who.Tokens)}
	in.ACR, _ = who.IDToken["acr"].(string)
	methods, _ := who.IDToken["amr"].([]any)
	for _, m := range methods {
		if name, ok := m.(string); ok {
			in.AMR = append(in.AMR, name)
		}
	}
	var mapped []string
	for _, from := range p.Mapping {
		mapped = append(mapped, from)
	}
	response := map[string]any{}
	for name, token := range map[string]oidc.Secret{"access_token": who.Tokens.Access, "id_token": who.Tokens.ID, "refresh_token": who.Tokens.Refresh} {
		if token == "" {
			continue
		}
		response[name] = string(token)
		if name != "refresh_token" && slices.Contains(mapped, name) {
			in.Claims[name] = string(token)
		}
	}
	in.TokenResponse = Raw(response)
	return in
}

func tokensOf(t *oidc.Tokens) *identity.ProviderTokens {
	return &identity.ProviderTokens{
		Access: identity.Secret(t.Access), ID: identity.Secret(t.ID), Refresh: identity.Secret(t.Refresh), Expires: t.Expires, Scope: t.Scope,
	}
}

// Raw are claims as the hook InboundFederation gets them. It returns nil for nil.
func Raw(claims map[string]any) map[string]json.RawMessage {
	if claims == nil {
		return nil
	}
	raw := make(map[string]json.RawMessage, len(claims))
	for name, value := range claims {
		if text, err := json.Marshal(value); err == nil {
			raw[name] = text
		}
	}
	return raw
}

// parties are relying parties that were used before, with their keys and endpoints, by a digest of the settings of the provider.
type parties struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]*oidc.Provider
}

// maxParties is how many are kept. They can be made again.
const maxParties = 1000

// party returns the relying party of a provider.
func (r *Resolver) party(p *identity.Provider) (*oidc.Provider, error) {
	raw, err := json.Marshal([]any{p.Pool, p.Name, p.Type, map[string]string(p.Details), p.Mapping})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	r.parties.mu.Lock()
	defer r.parties.mu.Unlock()
	if rp, ok := r.parties.known[sum]; ok {
		return rp, nil
	}
	c, err := Config(&p.ProviderSettings)
	if err != nil {
		return nil, err
	}
	if r.ClientKey != nil && c.Kind == oidc.OIDC {
		c.ClientKey = r.ClientKey(p.Pool, p.Name)
	}
	rp, err := oidc.New(c, r.Fetch) // it calls nobody
	if err != nil {
		return nil, err
	}
	if r.parties.known == nil {
		r.parties.known = map[[sha256.Size]byte]*oidc.Provider{}
	}
	for other := range r.parties.known {
		if len(r.parties.known) < maxParties {
			break
		}
		delete(r.parties.known, other)
	}
	r.parties.known[sum] = rp
	return rp, nil
}
