package idpool_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/idpool"
	"github.com/cognate-id/cognate/identity/idpool/sts"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/token"
)

// TestChangeRoles: what the function leaves alone stays, and an invalid change changes nothing.
func TestChangeRoles(t *testing.T) {
	w := newWorld(t, nil)
	p := w.pool(idpool.Settings{Social: map[string]string{"accounts.google.com": "web"}})
	mapping := idpool.Mapping{Type: idpool.MappingRules, Ambiguous: idpool.AmbiguousDeny, Rules: []idpool.Rule{{Claim: "sub", Match: idpool.MatchEquals, Value: "ann", Role: userRole}}}
	change := func(fn func(*idpool.Roles)) error {
		return w.pools.Pools().ChangeRoles(t.Context(), p.ID, func(r *idpool.Roles) error {
			fn(r)
			return nil
		})
	}
	if err := change(func(r *idpool.Roles) { r.Mappings = map[string]idpool.Mapping{"accounts.google.com": mapping} }); err != nil {
		t.Fatal(err)
	}
	if err := change(func(r *idpool.Roles) { r.Unauthenticated = "" }); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("refused")
	if err := change(func(r *idpool.Roles) { r.Authenticated = "reader" }); !errors.Is(err, idpool.ErrInvalid) {
		t.Errorf("no ARN: %v", err)
	}
	if err := change(func(r *idpool.Roles) { r.Mappings["www.amazon.com"] = mapping }); !errors.Is(err, idpool.ErrMappingProvider) {
		t.Errorf("a provider that the pool does not have: %v", err)
	}
	err := w.pools.Pools().ChangeRoles(t.Context(), p.ID, func(r *idpool.Roles) error {
		r.Authenticated = ""
		return refused
	})
	if !errors.Is(err, refused) {
		t.Errorf("the function's own error: %v", err)
	}
	got, err := w.pools.Pools().Get(t.Context(), p.ID)
	if err != nil || got.Roles.Authenticated != userRole || got.Roles.Unauthenticated != "" || len(got.Roles.Mappings) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

// One source makes as many guests as it may, and so does a pool. Neither bound keeps others out longer than it says.
func TestGuestsAreBounded(t *testing.T) {
	w := newWorld(t, func(o *idpool.Options) { o.Limits = idpool.Limits{GuestsPerSource: 3, GuestsPerPool: 5} })
	p := w.pool(idpool.Settings{Guests: true})
	make := func(n int) error {
		_, err := w.pools.GetID(from(t.Context(), n), p.ID, nil)
		return err
	}
	for i := range 4 {
		if err := make(1); (err != nil) != (i == 3) || err != nil && !errors.Is(err, idpool.ErrThrottled) {
			t.Errorf("guest %d of one source: %v", i+1, err)
		}
	}
	for i := range 3 {
		if err := make(2); (err != nil) != (i == 2) || err != nil && !errors.Is(err, idpool.ErrLimit) {
			t.Errorf("guest %d of another source: %v", i+1, err)
		}
	}
	if n := w.rows("poolidentities"); n != 5 {
		t.Errorf("there are %d guests, want 5", n)
	}
	w.advance(2 * time.Hour)
	if err := make(1); !errors.Is(err, idpool.ErrLimit) {
		t.Errorf("a guest of a full pool, later: %v", err)
	}
	w.advance(31 * 24 * time.Hour)
	if _, err := w.engine.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := w.rows("poolidentities"); n != 0 {
		t.Errorf("there are %d guests after the sweep, want none", n)
	}
	if err := make(1); err != nil {
		t.Errorf("a guest after the sweep: %v", err)
	}
}

// A guest who is used stays, and one who is not used goes, also before it is swept.
func TestGuestsExpire(t *testing.T) {
	days := func(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }
	for _, tt := range []struct {
		name string
		set  idpool.Settings
		life int
	}{
		{"safe", idpool.Settings{}, 30},
		{"as the service", idpool.Settings{Defaults: identity.CognitoDefaults}, 365},
		{"as set", idpool.Settings{UnusedGuestDays: new(7)}, 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, nil)
			tt.set.Guests = true
			p := w.pool(tt.set)
			id, err := w.pools.GetID(t.Context(), p.ID, nil)
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				w.advance(days(tt.life - 1))
				if _, err := w.pools.Credentials(t.Context(), id, nil, ""); err != nil {
					t.Fatalf("after %d days: %v", tt.life-1, err)
				}
			}
			w.advance(days(tt.life) + time.Second)
			if _, err := w.pools.Credentials(t.Context(), id, nil, ""); !errors.Is(err, idpool.ErrIdentityNotFound) {
				t.Errorf("after %d days unused: %v", tt.life, err)
			}
			if page, _, err := w.pools.Identities().List(t.Context(), p.ID, idpool.Query{}); err != nil || len(page) != 0 {
				t.Errorf("List = %v, %v", page, err)
			}
		})
	}
}

// One login has one identity, however many ask for it at once.
func TestOneIdentityForALogin(t *testing.T) {
	w := newWorld(t, nil)
	p := w.oidcPool()
	logins := idpool.Logins{"idp.example.com": w.idToken(upstreamKey(), nil)}
	var mu sync.Mutex
	got := map[string]int{}
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			id, err := w.pools.GetID(t.Context(), p.ID, logins)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			got[id]++
		})
	}
	all.Wait()
	if len(got) != 1 || w.rows("poolidentities") != 1 {
		t.Errorf("the identities are %v", got)
	}
}

// Somebody who unlinks a login and comes back, again and again, leaves few identities behind.
func TestUnlinkingIsBounded(t *testing.T) {
	w := newWorld(t, nil)
	p := w.oidcPool()
	logins := idpool.Logins{"idp.example.com": w.idToken(upstreamKey(), map[string]any{"exp": w.now().Add(3 * time.Hour).Unix()})}
	round := func() error {
		id, err := w.pools.GetID(t.Context(), p.ID, logins)
		if err != nil {
			t.Fatal(err)
		}
		return w.pools.Unlink(t.Context(), id, logins, []string{"idp.example.com"})
	}
	for i := range 21 {
		if err := round(); (err != nil) != (i == 20) || err != nil && !errors.Is(err, idpool.ErrThrottled) {
			t.Errorf("round %d: %v", i+1, err)
		}
	}
	w.advance(2 * time.Hour)
	if err := round(); err != nil {
		t.Errorf("two hours later: %v", err)
	}
}

// The identities of a deleted pool are swept, in batches.
func TestDeletedPoolsAreSwept(t *testing.T) {
	w := newWorld(t, nil)
	doomed, kept := w.pool(idpool.Settings{Guests: true}), w.pool(idpool.Settings{Guests: true})
	for range 510 {
		if _, err := w.pools.GetID(t.Context(), doomed.ID, nil); err != nil {
			t.Fatal(err)
		}
	}
	last, err := w.pools.GetID(t.Context(), doomed.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.pools.GetID(t.Context(), kept.ID, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.pools.Pools().Delete(t.Context(), doomed.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.pools.Credentials(t.Context(), last, nil, ""); !errors.Is(err, idpool.ErrIdentityNotFound) {
		t.Errorf("Credentials of a deleted pool: %v", err)
	}
	w.check()
	if err := idpool.Job(w.store).Run(t.Context(), w.engine); err != nil {
		t.Fatal(err)
	}
	if n, tombs := w.rows("poolidentities"), w.rows("identitypooltombstones"); n != 1 || tombs != 0 {
		t.Errorf("%d identities and %d tombstones are left, want 1 and none", n, tombs)
	}
}

// A new key signs, the earlier one verifies for as long as its tokens are good, and then goes.
func TestKeysAreReplaced(t *testing.T) {
	if testing.Short() {
		t.Skip("makes RSA keys")
	}
	w := newWorld(t, nil)
	p := w.pool(idpool.Settings{DeveloperProvider: "acme"})
	get := func() string {
		out, err := w.pools.Developers(p.ID).Token(t.Context(), idpool.TokenRequest{Logins: idpool.Logins{"acme": "ada"}, Life: 24 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		return string(out.Token)
	}
	first := get()
	if err := w.pools.RotateKey(t.Context(), "us-east-1"); err != nil {
		t.Fatal(err)
	}
	second := get()
	for n, raw := range []string{first, second} {
		parsed, err := token.ParseAs("JWS", raw)
		if err != nil || parsed.KeyID() != fmt.Sprintf("us-east-1-%d", n+1) {
			t.Errorf("token %d is signed by %q: %v", n+1, parsed.KeyID(), err)
		}
		if _, err := w.pools.VerifyWebIdentity(t.Context(), raw); err != nil {
			t.Errorf("token %d: %v", n+1, err)
		}
	}
	w.advance(24*time.Hour - time.Second)
	if _, err := w.pools.VerifyWebIdentity(t.Context(), first); err != nil {
		t.Errorf("the first token at its end: %v", err)
	}
	w.advance(time.Second)
	if keys, err := w.pools.Keys(t.Context(), ""); err != nil || len(keys) != 1 || keys[0].ID() != "us-east-1-2" {
		t.Errorf("the keys are %v: %v", keys, err)
	}
	if _, err := w.pools.VerifyWebIdentity(t.Context(), first); !errors.Is(err, sts.ErrInvalidToken) {
		t.Errorf("the first token of a key that is gone: %v", err)
	}
}

// Forged tokens of identity pools are refused.
func TestForgedOpenIDTokens(t *testing.T) {
	w := newWorld(t, nil)
	p := w.pool(idpool.Settings{DeveloperProvider: "acme"})
	out, err := w.pools.Developers(p.ID).Token(t.Context(), idpool.TokenRequest{Logins: idpool.Logins{"acme": "ada"}})
	if err != nil {
		t.Fatal(err)
	}
	good := string(out.Token)
	head, rest, _ := strings.Cut(good, ".")
	body, signature, _ := strings.Cut(rest, ".")
	own, err := upstreamKey().Named("us-east-1-1")
	if err != nil {
		t.Fatal(err)
	}
	parsed, _ := token.ParseAs("JWS", good)
	byAnother, err := own.SignAs("JWS", parsed.UnverifiedClaims().Raw)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := own.Sign(parsed.UnverifiedClaims().Raw)
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string]string{
		"another key": byAnother, "no typ": plain, "no signature": head + "." + body + ".", "another signature": head + "." + body + "." + signature[:len(signature)-4] + "AAAA", "nothing": "x",
	} {
		if _, err := w.pools.VerifyWebIdentity(t.Context(), raw); !errors.Is(err, sts.ErrInvalidToken) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := w.pools.Credentials(t.Context(), out.IdentityID, idpool.Logins{"cognito-identity.amazonaws.com": identity.Secret(raw)}, ""); !errors.Is(err, idpool.ErrTokenUnverified) {
			t.Errorf("%s as a login: %v", name, err)
		}
	}
	if _, err := w.pools.VerifyWebIdentity(t.Context(), good); err != nil {
		t.Error(err)
	}
	w.advance(15 * time.Minute)
	if _, err := w.pools.VerifyWebIdentity(t.Context(), good); !errors.Is(err, sts.ErrExpired) {
		t.Errorf("an expired token: %v", err)
	}
}

// Changes leave events. Guests leave none.
func TestEventsOfIdentityPools(t *testing.T) {
	w := newWorld(t, nil)
	p := w.pool(idpool.Settings{Guests: true, OIDC: []string{oidcARN}, DeveloperProvider: "acme"})
	w.oidcPool()
	guest, err := w.pools.GetID(t.Context(), p.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	logins := idpool.Logins{"idp.example.com": w.idToken(upstreamKey(), nil)}
	id, err := w.pools.GetID(t.Context(), p.ID, logins)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		func() error { _, err := w.pools.Credentials(t.Context(), guest, logins, ""); return err }(),
		w.pools.Unlink(t.Context(), id, logins, []string{"idp.example.com"}),
		w.pools.Pools().Delete(t.Context(), p.ID),
		w.pools.Providers().Delete(t.Context(), oidcARN),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"IdentityPoolCreated by program", "IdentityPoolChanged by program", "IAMProviderChanged by program", "IdentityPoolCreated by program", "IdentityPoolChanged by program",
		"PoolIdentityCreated by poolIdentity", "PoolIdentityMerged by poolIdentity", "PoolIdentityLinked by poolIdentity", "PoolIdentityUnlinked by poolIdentity",
		"IdentityPoolDeleted by program", "IAMProviderDeleted by program",
	}
	got := w.kinds()
	for _, kind := range want {
		if !strings.Contains(got, kind) {
			t.Errorf("there is no event %s", kind)
		}
	}
	if n := strings.Count(got, "\n") + 1; n != len(want) {
		t.Errorf("%d events, want %d:\n%s", n, len(want), got)
	}
}

// A store that persists and encrypts nothing gets no keys.
func TestUnsealedStore(t *testing.T) {
	st := &clear{}
	if _, err := idpool.New(identity.New(st, nil), st, nil); !errors.Is(err, store.ErrUnsealed) {
		t.Errorf("New = %v, want %v", err, store.ErrUnsealed)
	}
}

// clear is a store that persists, and is not used.
type clear struct{}

func (clear) View(context.Context, func(store.Reader) error) error { return nil }
func (clear) Update(context.Context, func(store.Tx) error) error   { return nil }
func (clear) Close() error                                         { return nil }

// 100,000 calls of strangers leave as many rows as the limits say, and none after a month.
func TestGrowthUnderStrangers(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 100,000 calls")
	}
	w := newWorld(t, func(o *idpool.Options) { o.Limits = idpool.Limits{GuestsPerPool: 20_000} })
	p := w.pool(idpool.Settings{Guests: true})
	made, refused := 0, 0
	for i := range 100_000 {
		_, err := w.pools.GetID(from(t.Context(), i%500), p.ID, nil)
		switch {
		case err == nil:
			made++
		case errors.Is(err, idpool.ErrThrottled), errors.Is(err, idpool.ErrLimit):
			refused++
		default:
			t.Fatal(err)
		}
		w.advance(100 * time.Millisecond) // so all calls come within three hours
	}
	if n := w.rows("poolidentities"); n > 20_000 || n != made {
		t.Errorf("%d rows, %d made", n, made)
	}
	t.Logf("%d guests made, %d calls refused", made, refused)
	w.advance(31 * 24 * time.Hour)
	if _, err := w.engine.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := w.rows("poolidentities"); n != 0 {
		t.Errorf("%d rows are left after a month", n)
	}
}

// Logins move from one identity to another in one transaction, on a file too.
func TestMergeInAFile(t *testing.T) {
	st, err := bolt.Open(filepath.Join(t.TempDir(), "pools.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	engine := identity.New(st, &identity.Options{Catalog: catalog(), InsecureUnsealed: true, InsecureCheapHashing: true})
	pools, err := idpool.New(engine, st, &idpool.Options{InsecureUnsealed: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Update(t.Context(), func(tx store.Tx) error { return tx.Put(ownKeyRef.Table, ownKeyRef.Key, ownKey()) }); err != nil {
		t.Fatal(err)
	}
	p, err := pools.Pools().Create(t.Context(), "", idpool.Settings{Name: "app", DeveloperProvider: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	users := pools.Developers(p.ID)
	for _, user := range []string{"ada", "bob", "cy"} {
		if _, err := users.Token(t.Context(), idpool.TokenRequest{Logins: idpool.Logins{"acme": identity.Secret(user)}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, source := range []string{"ada", "cy"} {
		if _, err := users.Merge(t.Context(), "acme", source, "bob"); err != nil {
			t.Fatal(err)
		}
	}
	found, err := users.Lookup(t.Context(), "", "ada")
	if err != nil || len(found.Users) != 3 {
		t.Errorf("Lookup = %+v, %v", found, err)
	}
	err = identity.Check(t.Context(), st, catalog(), func(p store.Problem) { t.Errorf("the store has a problem: %+v", p) })
	if err != nil {
		t.Error(err)
	}
}
