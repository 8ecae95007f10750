package token_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/cognate-id/cognate/token"
)

// fixedKeys are the same in each process that fuzzes, or seeds would mean nothing to it.
func fixedKeys(t testing.TB) []*token.Key {
	t.Helper()
	seed := bytes.Repeat([]byte{7}, 32)
	ec, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed)
	if err != nil {
		t.Fatal(err)
	}
	var out []*token.Key
	for _, key := range []jose.JSONWebKey{
		{Key: ed25519.NewKeyFromSeed(seed), KeyID: "ed"}, {Key: ec, KeyID: "ec"},
	} {
		k, err := token.ParsePrivate(marshal(t, key))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, k)
	}
	return out
}

// FuzzVerify: no header and payload but those that were signed are accepted.
func FuzzVerify(f *testing.F) {
	o := options()
	o.AnyClient, o.ClientIDs = true, nil
	signed := make(map[string]bool)
	var set token.Set
	for _, key := range fixedKeys(f) {
		set = append(set, key.Public())
		for _, c := range []claims{accessClaims(nil), idClaims(nil), accessClaims(claims{"exp": 1})} {
			raw, err := key.Sign(marshal(f, c))
			if err != nil {
				f.Fatal(err)
			}
			h, p, s := parts(f, raw)
			signed[h+"."+p] = true
			head := decode(f, h)
			head = head[:len(head)-1]
			for _, seed := range []string{
				raw, raw + "=", raw[:len(raw)-1], encode(`{"alg":"none"}`) + "." + p + ".",
				encode(head+`,"typ":"JWT"}`) + "." + p + "." + s, encode(head+`,"crit":["x"]}`) + "." + p + "." + s,
				h + "." + encode(`{"sub":1,"exp":1e99}`) + "." + s, h + "." + encode(strings.Repeat("[", 99)) + "." + s,
			} {
				f.Add(seed)
			}
		}
	}
	o.Keys = token.StaticKeys{issuer: set}
	v := newVerifier(f, o)
	f.Fuzz(func(t *testing.T, raw string) {
		if _, err := token.Parse(raw); err == nil {
			if _, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA}); err != nil {
				t.Errorf("go-jose refuses what Parse takes: %v", err)
			}
		}
		if _, err := v.Verify(t.Context(), raw); err == nil && !signed[raw[:strings.LastIndexByte(raw, '.')]] {
			t.Errorf("accepted: %q", raw)
		}
	})
}

// FuzzHeader signs whatever header there is: one that Parse takes has kid, alg and perhaps
// typ, and encoding/json reads the same from it.
func FuzzHeader(f *testing.F) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	for _, s := range []string{
		`{"kid":"ed","alg":"EdDSA"}`, ` {"alg" : "EdDSA", "typ":"JWT","kid":"\u0065d"} `, `{"alg":"none"}`,
		`{"kid":"ed","alg":"EdDSA","jku":"x"}`, `{"kid":"ed","alg":"EdDSA","alg":"none"}`, `{"KID":"ed","alg":"EdDSA"}`,
		`{"kid":"ed","alg":"EdDSA","x5t":"x","n":[1]}`, `{"kid":"ed","alg":"EdDSA","typ":"jwt"}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		signed := encode(header) + "." + encode(`{"sub":"x"}`)
		raw := signed + "." + encode(string(ed25519.Sign(key, []byte(signed))))
		foreign(t, header, raw)
		p, err := token.Parse(raw)
		if err != nil {
			return
		}
		var got map[string]string
		if err := json.Unmarshal([]byte(header), &got); err != nil {
			t.Fatalf("encoding/json refuses what Parse took: %v", err)
		}
		want := map[string]string{"kid": p.KeyID(), "alg": string(p.Algorithm())}
		if _, ok := got["typ"]; ok {
			want["typ"] = "JWT"
		}
		if !maps.Equal(got, want) {
			t.Errorf("header %q: encoding/json reads %q, Parse %q", header, got, want)
		}
	})
}

// foreign: a header that ParseForeign takes has nothing that counts but kid, alg and typ.
func foreign(t *testing.T, header, raw string) {
	p, err := token.ParseForeign(raw)
	if err != nil {
		return
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(header), &got); err != nil {
		t.Fatalf("encoding/json refuses what ParseForeign took: %v", err)
	}
	for _, name := range []string{"jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc"} {
		if _, ok := got[name]; ok {
			t.Errorf("header %q: ParseForeign took %s", header, name)
		}
	}
	if got["kid"] != p.KeyID() || got["alg"] != string(p.Algorithm()) {
		t.Errorf("header %q: ParseForeign reads kid %q and alg %q", header, p.KeyID(), p.Algorithm())
	}
}

// FuzzSign: what Sign signs is JSON to encoding/json too, and Parse reads the same claims
// from it.
func FuzzSign(f *testing.F) {
	key := fixedKeys(f)[0]
	for _, c := range []claims{accessClaims(nil), idClaims(nil)} {
		f.Add(marshal(f, c))
	}
	for _, s := range []string{
		`{}`, ` {"a":[1,-0.5e+3,true,null,"\ud83d\ude00\u00e4\n"],"b":{"c":{}}} `, `{"a":1,"a":2}`, `{"sub":"\ud800"}`,
		`{"exp":1.5}`, `{"cognito:groups":["a" , "b"]}`, `{"aud":["a"]}`, `{"sub":"\u0061\/"}`, "{\"a\":\"\xff\"}", `{"a":01}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		raw, err := key.Sign(payload)
		if err != nil {
			return
		}
		p, err := token.Parse(raw)
		if err != nil {
			t.Fatalf("Parse refuses what Sign signed: %v", err)
		}
		c, err := p.Verify(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(c.Raw, payload) {
			t.Error("another payload")
		}
		var want map[string]any
		if err := json.Unmarshal(payload, &want); err != nil {
			t.Fatalf("encoding/json refuses what Sign took: %v", err)
		}
		if sub, _ := want["sub"].(string); sub != c.Subject {
			t.Errorf("Subject = %q, encoding/json says %q", c.Subject, sub)
		}
		groups, _ := want["cognito:groups"].([]any)
		if len(groups) != len(c.Groups) {
			t.Errorf("Groups = %q, encoding/json says %q", c.Groups, groups)
		}
		for i := range groups {
			if groups[i] != c.Groups[i] {
				t.Errorf("Groups = %q, encoding/json says %q", c.Groups, groups)
			}
		}
	})
}

// FuzzParseSet: what is read can be written, and reads the same again.
func FuzzParseSet(f *testing.F) {
	var set token.Set
	for _, alg := range algorithms {
		set = append(set, keys[alg]().Public())
		f.Add(marshal(f, token.Set{keys[alg]().Public()}))
		private, err := keys[alg]().MarshalPrivate()
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(`{"keys":[` + string(private) + `]}`))
	}
	f.Add(marshal(f, set))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AA","kid":"a"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"AKP"},null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := token.ParseSet(data)
		if err != nil {
			return
		}
		again, err := token.ParseSet(marshal(t, set))
		if err != nil || len(again) != len(set) {
			t.Fatalf("%d keys became %d: %v", len(set), len(again), err)
		}
		for i := range set {
			if !set[i].Equal(again[i]) {
				t.Errorf("key %d changed", i)
			}
		}
	})
}

// FuzzBox: nothing opens but what was sealed.
func FuzzBox(f *testing.F) {
	box := newBox(f, 1)
	// Sealed once and for all: each process that fuzzes would make other ones.
	const (
		sealed = "jYm7dgRRUW4KVGro-JpDQGf-G0gYT6uKnbnBlXLggaUp"
		jwe    = "eyJjdHkiOiJKV1QiLCJlbmMiOiJBMjU2R0NNIiwiYWxnIjoiZGlyIn0..RsdpAcjAavtD2dgf.709mChw.dUpcQl-2y82eKKk1rD6XVQ"
	)
	if plain, err := box.Open(sealed, []byte("bind")); err != nil || string(plain) != "plain" {
		f.Fatalf("Open = %q, %v", plain, err)
	}
	if plain, err := box.OpenJWE(jwe); err != nil || string(plain) != "plain" {
		f.Fatalf("OpenJWE = %q, %v", plain, err)
	}
	for _, s := range []string{"", sealed, jwe, sealed + "=", jwe[1:], "....", strings.Repeat("A", 40)} {
		f.Add(s, []byte("bind"))
	}
	f.Fuzz(func(t *testing.T, s string, bind []byte) {
		if plain, err := box.Open(s, bind); err == nil && (s != sealed || string(bind) != "bind") {
			t.Errorf("Open(%q) = %q", s, plain)
		}
		if plain, err := box.OpenJWE(s); err == nil && s != jwe {
			t.Errorf("OpenJWE(%q) = %q", s, plain)
		}
		if plain, err := box.Open(box.Seal([]byte(s), bind), bind); len(s) < 48_000 && (err != nil || string(plain) != s) {
			t.Errorf("round trip of %q = %q, %v", s, plain, err)
		}
	})
}
