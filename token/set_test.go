package token_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/cognate-id/cognate/token"
)

func TestSetMembersInOrder(t *testing.T) {
	for alg, want := range map[token.Algorithm]string{
		token.RS256: `^\{"keys":\[\{"alg":"RS256","e":"AQAB","kid":"[^"]{43}=","kty":"RSA","n":"[\w-]{342}","use":"sig"\}\]\}$`,
		token.ES256: `^\{"keys":\[\{"alg":"ES256","crv":"P-256","kid":"[^"]{43}=","kty":"EC","use":"sig","x":"[\w-]{43}","y":"[\w-]{43}"\}\]\}$`,
		token.EdDSA: `^\{"keys":\[\{"alg":"EdDSA","crv":"Ed25519","kid":"[^"]{43}=","kty":"OKP","use":"sig","x":"[\w-]{43}"\}\]\}$`,
	} {
		got := marshal(t, token.Set{keys[alg]().Public()})
		if !regexp.MustCompile(want).Match(got) {
			t.Errorf("%s: %s", alg, got)
		}
	}
	if got := string(marshal(t, token.Set(nil))); got != `{"keys":[]}` {
		t.Errorf("nil Set = %s", got)
	}
}

func TestSetRoundTrip(t *testing.T) {
	var set token.Set
	for _, alg := range algorithms {
		set = append(set, keys[alg]().Public())
	}
	var got token.Set
	if err := json.Unmarshal(marshal(t, set), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(set) {
		t.Fatalf("%d keys, want %d", len(got), len(set))
	}
	for i := range set {
		if !got[i].Equal(set[i]) {
			t.Errorf("key %d differs", i)
		}
		if key, ok := got.Key(set[i].ID()); !ok || !key.Equal(set[i]) {
			t.Errorf("Key(%q) = %v", set[i].ID(), ok)
		}
	}
	if _, ok := got.Key("other"); ok {
		t.Error("Key found an unknown id")
	}
	if _, ok := (token.Set{{}}).Key(""); ok {
		t.Error("Key found the empty id")
	}
}

func TestParseSetReadsGoJOSE(t *testing.T) {
	data := marshal(t, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: keys[token.RS256]().Public().Key(), KeyID: "1", Use: "sig"},
		{Key: keys[token.ES256]().Public().Key(), KeyID: "2", Algorithm: "ES256"},
		{Key: keys[token.EdDSA]().Public().Key(), KeyID: "3"},
	}})
	set, err := token.ParseSet(data)
	if err != nil {
		t.Fatal(err)
	}
	for i, alg := range algorithms {
		if set[i].Algorithm() != alg {
			t.Errorf("key %d is %s, want %s", i, set[i].Algorithm(), alg)
		}
	}
}

func b64(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }

// rsaJWK returns a key with any modulus and exponent.
func rsaJWK(n *big.Int, e int64) string {
	return fmt.Sprintf(`{"kty":"RSA","kid":"a","n":"%s","e":"%s"}`, b64(n), b64(big.NewInt(e)))
}

func TestParseSetRefuses(t *testing.T) {
	n := keys[token.RS256]().Public().Key().(*rsa.PublicKey).N
	good := rsaJWK(n, 65537)
	ec := string(marshal(t, keys[token.ES256]().Public()))
	private, err := keys[token.ES256]().MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	odd := func(bits uint) *big.Int { // an odd number of so many bits
		return new(big.Int).SetBit(new(big.Int).SetBit(new(big.Int), int(bits)-1, 1), 0, 1)
	}
	set := func(key string) string { return `{"keys":[` + key + `]}` }
	loose := `{"kty":"OKP","crv":"Ed25519","kid":"b","x":"` + strings.Repeat("b", 42) + `A"}` // without what is wrong below
	if _, err := token.ParseSet([]byte(set(good + "," + loose))); err != nil {
		t.Fatal(err)
	}
	for name, doc := range map[string]string{
		"empty": "", "null": "null", "no keys": "{}", "keys null": `{"keys":null}`, "keys object": `{"keys":{}}`,
		"array": "[" + good + "]", "key is null": set("null"), "key is text": set(`"x"`), "trailing": set(good) + "x",
		"keys twice":         `{"keys":[],"keys":[` + good + `]}`,
		"kid twice":          set(good + "," + good),
		"member twice":       set(strings.Replace(good, "{", `{"kid":"b",`, 1)),
		"no kty":             set(strings.Replace(good, `"kty":"RSA",`, "", 1)),
		"no kid":             set(strings.Replace(good, `"kid":"a",`, "", 1)),
		"empty kid":          set(strings.Replace(good, `"kid":"a"`, `"kid":""`, 1)),
		"odd kid":            set(strings.Replace(good, `"kid":"a"`, `"kid":"a b"`, 1)),
		"long kid":           set(strings.Replace(good, `"kid":"a"`, `"kid":"`+strings.Repeat("a", 129)+`"`, 1)),
		"kid is a number":    set(strings.Replace(good, `"kid":"a"`, `"kid":1`, 1)),
		"private":            set(string(private)),
		"d alone":            set(strings.Replace(good, "{", `{"d":"AQ",`, 1)),
		"d is null":          set(strings.Replace(good, "{", `{"d":null,`, 1)),
		"symmetric":          set(`{"kty":"oct","kid":"a","k":"AAAA","alg":"HS256"}`),
		"symmetric, no k":    set(`{"kty":"oct","kid":"a"}`),
		"alg of others":      set(strings.Replace(good, "{", `{"alg":"ES256",`, 1)),
		"1024 bits":          set(rsaJWK(odd(1024), 65537)),
		"2047 bits":          set(rsaJWK(odd(2047), 65537)),
		"8193 bits":          set(rsaJWK(odd(8193), 65537)),
		"leading zeros":      set(fmt.Sprintf(`{"kty":"RSA","kid":"a","n":"%s","e":"AQAB"}`, encode(strings.Repeat("\x00", 1100)+"x"))),
		"even modulus":       set(rsaJWK(new(big.Int).Lsh(odd(2047), 1), 65537)),
		"exponent 1":         set(rsaJWK(n, 1)),
		"exponent 3":         set(rsaJWK(n, 3)),
		"even exponent":      set(rsaJWK(n, 65538)),
		"large exponent":     set(rsaJWK(n, 1<<31+1)),
		"very large":         set(rsaJWK(n, 1<<40+1)),
		"no n":               set(`{"kty":"RSA","kid":"a","e":"AQAB"}`),
		"no e":               set(`{"kty":"RSA","kid":"a","n":"` + b64(n) + `"}`),
		"n padded":           set(strings.Replace(good, b64(n), b64(n)+"==", 1)),
		"n with line break":  set(strings.Replace(good, b64(n), b64(n)[:4]+`\n`+b64(n)[4:], 1)),
		"point off curve":    set(`{"kty":"EC","crv":"P-256","kid":"a","x":"` + encode(strings.Repeat("a", 32)) + `","y":"` + encode(strings.Repeat("b", 32)) + `"}`),
		"point at infinity":  set(`{"kty":"EC","crv":"P-256","kid":"a","x":"` + encode(strings.Repeat("\x00", 32)) + `","y":"` + encode(strings.Repeat("\x00", 32)) + `"}`),
		"short coordinate":   set(`{"kty":"EC","crv":"P-256","kid":"a","x":"AQ","y":"AQ"}`),
		"x loose":            set(`{"kty":"OKP","crv":"Ed25519","kid":"a","x":"` + strings.Repeat("b", 42) + `B"}`),
		"x with line break":  set(`{"kty":"OKP","crv":"Ed25519","kid":"a","x":"` + strings.Repeat("b", 42) + `\nA"}`),
		"no y":               set(ec[:strings.Index(ec, `,"y"`)] + "}"),
		"short Ed25519":      set(`{"kty":"OKP","crv":"Ed25519","kid":"a","x":"AQ"}`),
		"low order Ed25519":  set(`{"kty":"OKP","crv":"Ed25519","kid":"a","x":"` + encode("\x01"+strings.Repeat("\x00", 31)) + `"}`),
		"more than 100 keys": set(strings.Repeat(`{"kty":"x"},`, 100) + `{"kty":"x"}`),
		"too long":           set(good) + strings.Repeat(" ", 256<<10),
		"deep":               `{"keys":` + strings.Repeat("[", 100000),
	} {
		got, err := token.ParseSet([]byte(doc))
		if !errors.Is(err, token.ErrMalformed) || got != nil {
			t.Errorf("%s: ParseSet = %d keys, %v; want ErrMalformed", name, len(got), err)
		}
	}
}

func TestParseSetLeavesOut(t *testing.T) {
	good := rsaJWK(keys[token.RS256]().Public().Key().(*rsa.PublicKey).N, 65537)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]string{
		"unknown kty":   `{"kty":"AKP","kid":"b","alg":"ML-DSA-44","pub":"AAAA"}`,
		"no kid either": `{"kty":"AKP"}`,
		"P-384":         string(marshal(t, jose.JSONWebKey{Key: p384.Public(), KeyID: "b"})),
		"X25519":        `{"kty":"OKP","crv":"X25519","kid":"b","x":"AAAA"}`,
		"encryption":    strings.Replace(good, "{", `{"use":"enc",`, 1),
		"PS256":         strings.Replace(good, "{", `{"alg":"PS256",`, 1),
		"RSA-OAEP":      strings.Replace(good, "{", `{"alg":"RSA-OAEP",`, 1),
	} {
		set, err := token.ParseSet([]byte(`{"x":1,"keys":[` + key + "," + good + `]}`))
		if err != nil || len(set) != 1 {
			t.Errorf("%s: ParseSet = %d keys, %v; want the good one", name, len(set), err)
		}
	}
	certificate := strings.Replace(good, "{", `{"x5c":["not a certificate"],"x5u":"http://evil.example","x5t":"x",`, 1)
	if set, err := token.ParseSet([]byte(`{"keys":[` + certificate + `]}`)); err != nil || len(set) != 1 {
		t.Errorf("with certificates: %d keys, %v; want 1", len(set), err)
	}
}

func TestNewPublicKeyRefuses(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []any{
		nil, "x", []byte("secret"), (*rsa.PublicKey)(nil), &rsa.PublicKey{}, (*ecdsa.PublicKey)(nil), &ecdsa.PublicKey{},
		&p384.PublicKey, &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)}, //nolint:staticcheck // a point that no other way can make
		keys[token.EdDSA](), &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 8192, 1), E: 65537},
	} {
		if _, err := token.NewPublicKey("a", key); !errors.Is(err, token.ErrMalformed) {
			t.Errorf("NewPublicKey(%T) = %v, want ErrMalformed", key, err)
		}
	}
	if _, err := token.NewPublicKey("", keys[token.EdDSA]().Public().Key()); !errors.Is(err, token.ErrMalformed) {
		t.Errorf("NewPublicKey without id = %v, want ErrMalformed", err)
	}
}
