package token_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/cognate-id/cognate/token"
)

// Tokens of identity pools are signed by RS512, with a key that has a name and a typ that
// others must not take for theirs.
func TestRS512(t *testing.T) {
	key := named(t, "us-east-1-1")
	claims := marshal(t, accessClaims(nil))
	raw, err := key.SignAs("JWS", claims)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := token.ParseAs("JWS", raw)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parsed.Verify(key.Public()); err != nil || parsed.Algorithm() != token.RS512 || parsed.KeyID() != "us-east-1-1" {
		t.Errorf("Verify = %v, %s by %q", err, parsed.Algorithm(), parsed.KeyID())
	}
	if h, _, _ := parts(t, raw); h != encode(`{"kid":"us-east-1-1","typ":"JWS","alg":"RS512"}`) {
		t.Errorf("the header is %s", h)
	}
	if _, err := token.Parse(raw); !errors.Is(err, token.ErrMalformed) {
		t.Errorf("Parse of another typ = %v", err)
	}
	plain, err := key.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := token.ParseAs("JWS", plain); !errors.Is(err, token.ErrMalformed) {
		t.Errorf("ParseAs without a typ = %v", err)
	}
	// The same pair of keys under the other algorithm verifies neither's tokens.
	other, err := token.NewPublicKey("us-east-1-1", key.Public().Key())
	if err != nil || other.Algorithm() != token.RS256 || other.Equal(key.Public()) {
		t.Fatalf("NewPublicKey = %v, %v", other.Algorithm(), err)
	}
	if _, err := parsed.Verify(other); !errors.Is(err, token.ErrSignature) {
		t.Errorf("Verify with the key for RS256 = %v", err)
	}
}

// A verifier takes RS512 if it is told to, and the JWKS and the private form keep the algorithm.
func TestRS512IsForThoseWhoAskForIt(t *testing.T) {
	key := named(t, "a-1")
	private, err := key.MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	again, err := token.ParsePrivate(private)
	if err != nil || again.Algorithm() != token.RS512 || !again.Public().Equal(key.Public()) {
		t.Fatalf("ParsePrivate = %v", err)
	}
	data, err := json.Marshal(token.Set{key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	set, err := token.ParseSet(data)
	if err != nil || len(set) != 1 || set[0].Algorithm() != token.RS512 {
		t.Fatalf("ParseSet = %v, %v", set, err)
	}
	raw, err := key.Sign(marshal(t, accessClaims(nil)))
	if err != nil {
		t.Fatal(err)
	}
	for alg, want := range map[token.Algorithm]error{"": token.ErrSignature, token.RS512: nil} {
		o := &token.VerifierOptions{Use: token.UseAccess, AnyClient: true, Now: func() time.Time { return now }}
		if alg != "" {
			o.Algorithms = []token.Algorithm{alg}
		}
		v, err := token.NewVerifier([]string{issuer}, token.StaticKeys{issuer: set}, nil, o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(t.Context(), raw); !errors.Is(err, want) {
			t.Errorf("Algorithms %q: Verify = %v, want %v", alg, err, want)
		}
	}
}

// named is the RSA key of the tests, for RS512.
func named(t *testing.T, id string) *token.Key {
	t.Helper()
	data, err := keys[token.RS256]().MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	var jwk map[string]string
	if err := json.Unmarshal(data, &jwk); err != nil {
		t.Fatal(err)
	}
	jwk["alg"] = string(token.RS512)
	if data, err = json.Marshal(jwk); err != nil {
		t.Fatal(err)
	}
	key, err := token.ParsePrivate(data)
	if err != nil {
		t.Fatal(err)
	}
	if key, err = key.Named(id); err != nil {
		t.Fatal(err)
	}
	return key
}
