package identity

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cognate-id/cognate/store"
)

// A sign-in by an ID token that an app has got from a provider by itself. The app makes a nonce, and the provider writes it into the token. A verifier outside of
// the engine verifies the token. Then the token is used up, by a digest of what its signature covers: whoever gets hold of it later
// signs nobody in. All else is as in federation.go.

// A ProviderVerifier is a [ProviderResolver] that verifies ID tokens.
type ProviderVerifier interface {
	// VerifyProviderToken verifies an ID token of a provider: signature, issuer, time, nonce, and that it is for the client_id of the provider or for one of clients. It
	// returns who it is, and when the token expires. It returns an error that wraps [ErrProviderToken] for a token that is good for nothing.
	VerifyProviderToken(ctx context.Context, p *Provider, idToken Secret, nonce string, clients []string) (FederatedIdentity, time.Time, error)
}

var (
	// ErrProviderToken is returned for an ID token of a provider that is malformed, expired, forged, used before, or for somebody else.
	ErrProviderToken = errors.New("identity: ID token of the identity provider is not valid")
	// ErrProviderTokens is returned for a sign-in by an ID token where nothing can verify it: the type of the provider has none, or the engine has no [ProviderVerifier].
	ErrProviderTokens = errors.New("identity: ID tokens of the identity provider cannot be verified")
)

// ProviderSignIn is the input of [AppClient.SignInWithToken].
type ProviderSignIn struct {
	// Provider is the name of the provider in the pool. It must be Google, SignInWithApple, or of the type OIDC.
	Provider string
	// IDToken is what the provider has given the app.
	IDToken Secret
	// Nonce is the claim nonce that the token must have. Required. If the app gives the provider a digest of a random text, as apps do with Apple, this is the digest.
	Nonce string
	// Separate is that of [FederatedIdentity].
	Separate bool
}

// maxIDToken and maxTokenNonce bound what is looked at.
const (
	maxIDToken    = 64 << 10
	maxTokenNonce = 1024
)

// SignInWithToken signs somebody in by an ID token that an app on the user's device has got from a provider of the client by itself. The token must be for the client_id of the provider, or
// for one of the NativeClients of its policy, and it signs in once. The engine needs a [ProviderVerifier] as Options.Providers, such as the Resolver of
// package oauth/federation.
//
// A client that has a secret is asked for no SecretHash: that is a digest over the username, and who it is stands in the token alone. Its nonce and
// that it counts once are what protects the call.
//
// It returns [ErrProviderToken] for a token that is good for nothing, [ErrMissingParameter] without a nonce, [ErrProviderTokens] where none can be verified, and the errors of [AppClient.FederatedSignIn], after which the app needs a new
// token.
func (a *AppClient) SignInWithToken(ctx context.Context, in ProviderSignIn) (*SignInResult, error) {
	res, err := a.signInWithToken(ctx, &in)
	if err != nil {
		return nil, fmt.Errorf("sign in by a token of %s: %w", in.Provider, err)
	}
	return res, nil
}

func (a *AppClient) signInWithToken(ctx context.Context, in *ProviderSignIn) (*SignInResult, error) {
	switch {
	case in.IDToken == "" || in.Nonce == "":
		return nil, ErrMissingParameter
	case len(in.IDToken) > maxIDToken || len(in.Nonce) > maxTokenNonce:
		return nil, ErrProviderToken
	}
	verifier, ok := a.engine.resolver.(ProviderVerifier)
	if !ok {
		return nil, ErrProviderTokens
	}
	var p *providerRecord
	s, err := a.loadWith(ctx, func(r store.Reader, s *scope) (err error) {
		if !s.hasProvider(in.Provider) {
			return &NotFoundError{ErrProviderNotFound, in.Provider}
		}
		p, err = providerOf(r, s.pool.ID, in.Provider)
		return err
	})
	if err != nil {
		return nil, err
	}
	if !p.Type.HasIDTokens() {
		return nil, ErrProviderTokens
	}
	policy := s.settings.Policy(in.Provider)
	who, expires, err := verifier.VerifyProviderToken(ctx, p.shown(), in.IDToken, in.Nonce, policy.NativeClients)
	if err != nil {
		return nil, err
	}
	if err := s.useUpToken(ctx, in, expires); err != nil {
		return nil, err
	}
	who.Provider, who.Separate, who.Tokens = in.Provider, in.Separate, nil
	return a.federatedSignIn(ctx, &who)
}

// useUpToken uses an ID token up. A signature can have several forms, so it is what was signed that counts.
func (s *scope) useUpToken(ctx context.Context, in *ProviderSignIn, expires time.Time) error {
	signed := string(in.IDToken)
	i := strings.LastIndexByte(signed, '.')
	if i <= 0 {
		return ErrProviderToken
	}
	sum := sha256.Sum256([]byte(store.Key("id token", in.Provider, signed[:i])))
	used := &usedState{Pool: s.pool.ID, ID: base64.RawURLEncoding.EncodeToString(sum[:]), Expires: later(expires, s.engine.now()).Add(tokenGrace)}
	err := s.engine.store.Update(ctx, func(tx store.Tx) error { return usedStates.Insert(tx, used) })
	if errors.Is(err, store.ErrExists) {
		return fmt.Errorf("%w: it was used before", ErrProviderToken)
	}
	return err
}

// tokenGrace is how long an ID token is remembered after it has expired: clocks differ.
const tokenGrace = time.Hour
