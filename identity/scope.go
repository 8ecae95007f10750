package identity

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/store"
)

// What every call through an app client begins with: load reads the pool, the
// client with its secrets, and the keys, in one snapshot and one round trip. Flows
// add what they need to the same snapshot by loadWith. Nothing is written, with
// one exception: if the pool has no keys yet, they are made and committed after
// the reading.

// A scope is what a call through an app client begins with.
type scope struct {
	engine    *Engine
	pool      *PoolInfo
	client    *ClientInfo
	secrets   []string
	ring      *ring
	settings  *PoolSettings // of the pool
	user      string        // the sub of the user whose session it is, empty in other calls
	admin     bool          // it is an operator's call
	page      string        // where pages are served, see Engine.pageURL
	source    string        // where the call comes from, see callSource
	device    string        // what it comes from, see scope.from
	ip        netip.Addr    // of its user, if that is known
	agent     string        // the User-Agent of its user's program, if that is known
	strange   bool          // a sign-in was written from a source that is new to the account, which knows others
	deviceKey string        // the device of the pool's that the client names, see devicesignin.go; empty for none
	untracked bool          // the flow tracks no devices
	unasked   bool          // hooks must run before a sign-in gets tokens, and have not yet
	newcomer  bool          // an identity provider has just brought the user, see federation.go
	pages     bool          // it is a call of sign-in pages: a sign-in ends with a browser that is signed in

	levels  []Level // that the sign-in has named, the best first, see stepup.go; nil for none
	earlier []proof // names an earlier sign-in that counts; nil for none

	amr []string // what the sign-in has proved, see outcome.decide
	acr string   // the name of the level that it has reached, if it has named one

	changes *hook.PreTokenGenerationDecision // what hooks change in the tokens; nil for nothing
}

// load reads the pool, the client and the keys of a call.
func (a *AppClient) load(ctx context.Context) (*scope, error) {
	return a.loadWith(ctx, func(store.Reader, *scope) error { return nil })
}

// loadWith reads, in one snapshot, what load does and what fn does with it. If the
// pool has no keys yet, they are made first, and everything is read again.
// What fn is likely to ask for first is read at once with the rest.
func (a *AppClient) loadWith(ctx context.Context, fn func(store.Reader, *scope) error, likely ...prefetchPlan) (*scope, error) {
	s, err := a.tryLoad(ctx, fn, likely...)
	if err != nil || s.ring != nil {
		return s, err
	}
	if _, err := a.engine.ring(ctx, s.pool, nil); err != nil {
		return nil, err
	}
	if s, err = a.tryLoad(ctx, fn, likely...); err == nil && s.ring == nil {
		return nil, fmt.Errorf("%w: a pool without keys", errUnhandled)
	}
	return s, err
}

// tryLoad reads as loadWith does. Without keys it leaves the ring nil and does not call fn.
func (a *AppClient) tryLoad(ctx context.Context, fn func(store.Reader, *scope) error, likely ...prefetchPlan) (*scope, error) {
	var s *scope
	err := a.engine.store.View(ctx, func(r store.Reader) error {
		r = prefetch(r, likely...)
		values, err := r.Get(
			pools.Ref(store.Key(a.pool)), clients.Ref(store.Key(a.id)),
			clientSecrets.Ref(store.Key(a.id)), keyrings.Ref(keyringKey(a.pool)),
		)
		if err != nil {
			return err
		}
		if s, err = a.decodeScope(values); err != nil {
			return err
		}
		s.page = a.engine.pageURL(ctx)
		s.from(ctx)
		if s.ring, err = a.engine.ringOf(s.pool, values[3]); err != nil || s.ring == nil {
			return err
		}
		a.engine.lastRings.Store(a.pool, s.ring)
		return fn(r, s)
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (a *AppClient) decodeScope(values [][]byte) (*scope, error) {
	gone := &NotFoundError{ErrClientNotFound, a.id}
	pool, err := a.engine.decodePool(a.pool, values[0])
	if errors.Is(err, ErrPoolNotFound) {
		return nil, gone
	}
	if err != nil {
		return nil, err
	}
	client, err := a.engine.decodeClient(a.id, values[1])
	if err != nil {
		return nil, err
	}
	if client.Pool != pool.ID {
		a.engine.homes.Delete(a.id) // another process may have made the client anew, in another pool
		return nil, gone
	}
	s := &scope{engine: a.engine, pool: pool, client: client, settings: &pool.Settings, admin: a.admin, pages: a.pages, untracked: a.pages}
	if client.HasSecret {
		secret, err := clientSecrets.Decode(values[2])
		if err != nil {
			return nil, err
		}
		for _, v := range secret.Values {
			s.secrets = append(s.secrets, v.Value)
		}
	}
	return s, nil
}

// checkHash checks a client's proof of its secret: HMAC-SHA256 under the
// secret over the username as it was sent and the client id, in base64. A
// client without a secret needs none, and one that is sent all the same is ignored.
func (s *scope) checkHash(username, hash string) error {
	if len(s.secrets) == 0 || s.pages { // pages are no client: whoever uses them has no secret
		return nil
	}
	if hash == "" {
		return &ClientError{Err: ErrSecretHashMissing, Client: s.client.ID}
	}
	for _, secret := range s.secrets {
		if equal(SecretHash(Secret(secret), username, s.client.ID), hash) {
			return nil
		}
	}
	return &ClientError{Err: ErrSecretHashMismatch, Client: s.client.ID}
}

// checkSecret checks the plain secret of a client that has one.
func (s *scope) checkSecret(secret Secret) error {
	if len(s.secrets) == 0 {
		return nil
	}
	if secret == "" {
		return &ClientError{Err: ErrSecretHashMissing, Client: s.client.ID, Refresh: true}
	}
	for _, known := range s.secrets {
		if equal(known, string(secret)) {
			return nil
		}
	}
	return &ClientError{Err: ErrSecretHashMismatch, Client: s.client.ID, Refresh: true}
}

// SecretHash is the proof of a client's secret that goes with a username.
func SecretHash(secret Secret, username, clientID string) string {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(username + clientID))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}
