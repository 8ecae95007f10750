package token_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/token"
)

func TestNewVerifierRefuses(t *testing.T) {
	for name, change := range map[string]func(*setup){
		"no issuer":            func(o *setup) { o.Issuers = nil },
		"empty issuer":         func(o *setup) { o.Issuers = []string{issuer, ""} },
		"no keys":              func(o *setup) { o.Keys = nil },
		"no client":            func(o *setup) { o.ClientIDs = nil },
		"empty client":         func(o *setup) { o.ClientIDs = []string{""} },
		"clients and any":      func(o *setup) { o.AnyClient = true },
		"empty resource":       func(o *setup) { o.Resources = []string{""} },
		"a use and any":        func(o *setup) { o.Use = token.UseAccess },
		"no use":               func(o *setup) { o.AnyUse = false },
		"other use":            func(o *setup) { o.Use, o.AnyUse = "refresh", false },
		"scopes in ID tokens":  func(o *setup) { o.Use, o.AnyUse, o.Scopes = token.UseID, false, []string{"a"} },
		"empty scope":          func(o *setup) { o.Scopes = []string{""} },
		"two scopes in one":    func(o *setup) { o.Scopes = []string{"a b"} },
		"quote in a scope":     func(o *setup) { o.Scopes = []string{`a"`} },
		"line break in scope":  func(o *setup) { o.Scopes = []string{"a\r\nb"} },
		"negative leeway":      func(o *setup) { o.Leeway = -1 },
		"large leeway":         func(o *setup) { o.Leeway = 5*time.Minute + 1 },
		"algorithm none":       func(o *setup) { o.Algorithms = []token.Algorithm{"none"} },
		"symmetric algorithm":  func(o *setup) { o.Algorithms = []token.Algorithm{token.RS256, "HS256"} },
		"algorithm not spelt":  func(o *setup) { o.Algorithms = []token.Algorithm{""} },
		"everything left away": func(o *setup) { *o = setup{} },
	} {
		o := options()
		change(&o)
		if v, err := o.verifier(); err == nil || v != nil {
			t.Errorf("%s: NewVerifier succeeded", name)
		}
	}
}

func TestVerifierAccepts(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*setup)
		c      claims
	}{
		"access":      {nil, accessClaims(nil)},
		"ID":          {nil, idClaims(nil)},
		"ID only":     {func(o *setup) { o.Use, o.AnyUse = token.UseID, false }, idClaims(nil)},
		"access only": {func(o *setup) { o.Use, o.AnyUse = token.UseAccess, false }, accessClaims(nil)},
		"any client": {
			func(o *setup) { o.ClientIDs, o.AnyClient = nil, true },
			accessClaims(claims{"client_id": "other"}),
		},
		"own resource": {
			func(o *setup) { o.Resources = []string{"https://orders.example"} },
			accessClaims(claims{"aud": "https://orders.example"}),
		},
		"resource is the client":   {nil, accessClaims(claims{"aud": clientID})},
		"resource not in token":    {func(o *setup) { o.Resources = []string{"x"} }, accessClaims(nil)},
		"machine":                  {nil, accessClaims(claims{"username": nil, "cognito:groups": nil, "origin_jti": nil, "sub": clientID})},
		"issued in the future":     {nil, accessClaims(claims{"iat": now.Unix() + 2})},
		"ID token with nbf":        {nil, idClaims(claims{"nbf": now.Unix()})},
		"last second":              {nil, accessClaims(claims{"exp": now.Unix() + 1})},
		"claims of any other sort": {nil, accessClaims(claims{"x": []any{nil, 1.5e300, claims{"y": []int{}}}})},
	} {
		o := options()
		if tt.change != nil {
			tt.change(&o)
		}
		if _, err := newVerifier(t, o).Verify(t.Context(), sign(t, token.EdDSA, tt.c)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A program that leaves the kind of tokens out must not accept ID tokens as rights to
// call, and is told what to write.
func TestVerifierAsksForTheKindOfTokens(t *testing.T) {
	o := options()
	for name, given := range map[string]*token.VerifierOptions{"no options": nil, "none of the two": {Leeway: time.Second}} {
		v, err := token.NewVerifier(o.Issuers, o.Keys, o.ClientIDs, given)
		if err == nil || v != nil {
			t.Fatalf("%s: NewVerifier succeeded", name)
		}
		for _, word := range []string{"Use", "UseAccess", "UseID", "AnyUse"} {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: the error %q does not name %s", name, err, word)
			}
		}
	}
}

func TestAlgorithmsOption(t *testing.T) {
	o := options()
	o.Algorithms = []token.Algorithm{token.ES256}
	v := newVerifier(t, o)
	for _, alg := range algorithms {
		_, err := v.Verify(t.Context(), sign(t, alg, accessClaims(nil)))
		if alg == token.ES256 && err != nil || alg != token.ES256 && !errors.Is(err, token.ErrSignature) {
			t.Errorf("%s: %v", alg, err)
		}
	}
}

// A mutable source has keys that can be taken away, and counts how often it is asked.
type mutable struct {
	mu    sync.Mutex
	set   token.Set
	asked int
}

func (m *mutable) Key(ctx context.Context, issuer, kid string) (token.PublicKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	return token.StaticKeys{issuer: m.set}.Key(ctx, issuer, kid)
}

// TestSeenTokensAreJudgedAgain: what is remembered is the signature, and nothing else.
func TestSeenTokensAreJudgedAgain(t *testing.T) {
	var clock atomic.Int64
	clock.Store(now.Unix())
	var revoked atomic.Bool
	unsure := errors.New("store is down")
	source := &mutable{set: token.Set{keys[token.EdDSA]().Public()}}
	o := options()
	o.CacheSize, o.Keys = 0, source
	o.Now = func() time.Time { return time.Unix(clock.Load(), 0) }
	o.Revoked = func(context.Context, *token.Claims) error {
		if revoked.Load() {
			return fmt.Errorf("%w: %w", token.ErrRevoked, unsure)
		}
		return nil
	}
	v := newVerifier(t, o)
	raw := sign(t, token.EdDSA, accessClaims(nil))
	check := func(when string, want error) {
		t.Helper()
		for range 2 {
			if _, err := v.Verify(t.Context(), raw); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", when, err, want)
			}
		}
	}
	check("at first", nil)
	revoked.Store(true)
	check("revoked", token.ErrRevoked)
	check("revoked", unsure)
	revoked.Store(false)
	check("no longer revoked", nil)
	clock.Store(now.Add(time.Hour).Unix())
	check("expired", token.ErrExpired)
	clock.Store(now.Unix())
	source.set = nil
	check("key withdrawn", token.ErrUnknownKey)
	impostor, err := token.NewPublicKey(keys[token.EdDSA]().ID(), keys[token.ES256]().Public().Key())
	if err != nil {
		t.Fatal(err)
	}
	source.set = token.Set{impostor}
	check("key replaced", token.ErrSignature)
	again, err := token.NewPublicKey(keys[token.EdDSA]().ID(), keys[token.EdDSA]().Public().Key())
	if err != nil {
		t.Fatal(err)
	}
	source.set = token.Set{again}
	check("key back, read anew", nil)
}

func TestSeenClaimsAreTheCallers(t *testing.T) {
	o := options()
	o.CacheSize = 4
	v := newVerifier(t, o)
	raw := sign(t, token.EdDSA, accessClaims(nil))
	for range 3 {
		c, err := v.Verify(t.Context(), raw)
		if err != nil {
			t.Fatal(err)
		}
		var more struct{ Username string }
		if err := c.Decode(&more); err != nil {
			t.Fatal(err)
		}
		if c.Subject == "eve" || c.Groups[0] != "admins" || more.Username != "anna" {
			t.Fatalf("claims were changed by an earlier caller: %+v", c)
		}
		c.Subject, c.Groups[0] = "eve", "root"
		copy(c.Raw, `{"username":"eve","x":"`)
	}
}

// TestCacheIsBounded verifies tokens that would take 12 MiB if all were kept.
func TestCacheIsBounded(t *testing.T) {
	o := options()
	o.CacheSize = 8
	v := newVerifier(t, o)
	sent, size := 1000, 6<<10
	if testing.Short() {
		sent, size = 125, 24<<10
	}
	before := heap()
	for i := range sent {
		raw := sign(t, token.EdDSA, accessClaims(claims{"jti": fmt.Sprint(i), "x": strings.Repeat("x", size)}))
		if _, err := v.Verify(t.Context(), raw); err != nil {
			t.Fatal(err)
		}
	}
	if grown := heap() - before; grown > 2<<20 {
		t.Errorf("%d tokens left %d bytes behind", sent, grown)
	}
	runtime.KeepAlive(v)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestSeenTokensAreCheap: no signature is verified, by the allocations that this would
// take.
func TestSeenTokensAreCheap(t *testing.T) {
	o := options()
	o.CacheSize = 2
	v := newVerifier(t, o)
	raw := sign(t, token.RS256, accessClaims(nil))
	if got := testing.AllocsPerRun(50, func() { _, _ = v.Verify(t.Context(), raw) }); got > 6 {
		t.Errorf("%v allocations, want at most 6", got)
	}
}

func TestVerifyConcurrently(t *testing.T) {
	o := options()
	o.CacheSize = 4
	v := newVerifier(t, o)
	raws, each := make([]string, 16), 200
	if testing.Short() {
		each = 40
	}
	for i := range raws {
		raws[i] = sign(t, token.EdDSA, accessClaims(claims{"jti": fmt.Sprint(i)}))
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range each {
				n := (i*7 + g) % len(raws)
				c, err := v.Verify(t.Context(), raws[n])
				if err != nil || c.ID != fmt.Sprint(n) {
					t.Errorf("token %d = %v, %v", n, c, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestVerifyAllocations holds the budget of PERFORMANCE: a figure that does not drift.
func TestVerifyAllocations(t *testing.T) {
	v := newVerifier(t, options())
	for alg, limit := range map[token.Algorithm]float64{token.RS256: 20, token.ES256: 32, token.EdDSA: 12} {
		raw := sign(t, alg, accessClaims(nil))
		got := testing.AllocsPerRun(50, func() {
			if _, err := v.Verify(t.Context(), raw); err != nil {
				t.Error(err)
			}
		})
		if got > limit {
			t.Errorf("%s: %v allocations, want at most %v", alg, got, limit)
		}
	}
}
