package token_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/cognate-id/cognate/token"
)

func TestGenerateKey(t *testing.T) {
	for _, alg := range algorithms {
		k := keys[alg]()
		if k.Algorithm() != alg || k.Public().Algorithm() != alg {
			t.Errorf("algorithm = %s and %s, want %s", k.Algorithm(), k.Public().Algorithm(), alg)
		}
		if k.ID() != k.Public().ID() || len(k.ID()) != 44 || !strings.HasSuffix(k.ID(), "=") {
			t.Errorf("%s: id = %q, want 44 characters of base64 for both halves", alg, k.ID())
		}
		if sum, err := base64.StdEncoding.DecodeString(k.ID()); err != nil || len(sum) != 32 {
			t.Errorf("%s: id is %d bytes, %v; want 32", alg, len(sum), err)
		}
		if testing.Short() && alg == token.RS256 {
			continue // a second RSA key takes its time
		}
		other, err := token.GenerateKey(alg)
		if err != nil {
			t.Fatal(err)
		}
		if other.ID() == k.ID() || other.Public().Equal(k.Public()) {
			t.Errorf("%s: two keys are the same", alg)
		}
	}
	if key := keys[token.RS256]().Public().Key().(*rsa.PublicKey); key.N.BitLen() != 2048 {
		t.Errorf("RSA key has %d bits, want 2048", key.N.BitLen())
	}
	for _, alg := range []token.Algorithm{"", "none", "HS256", "PS256"} {
		if _, err := token.GenerateKey(alg); err == nil {
			t.Errorf("GenerateKey(%q) succeeded", alg)
		}
	}
}

func TestSignHeaderAndPayload(t *testing.T) {
	for _, alg := range algorithms {
		payload := ` {"sub" : "\u0061", "x":[1,{"y":null}]} `
		raw, err := keys[alg]().Sign([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		h, p, _ := parts(t, raw)
		want := fmt.Sprintf(`{"kid":"%s","alg":"%s"}`, keys[alg]().ID(), alg)
		if got := decode(t, h); got != want {
			t.Errorf("header = %s, want %s", got, want)
		}
		if got := decode(t, p); got != payload {
			t.Errorf("payload = %s, want %s", got, payload)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	k := keys[token.EdDSA]()
	for _, payload := range []string{
		"", "x", "null", "[]", `{"a":1,"a":1}`, `{"sub":1}`, `{"exp":-1}`, `{"a":1}x`, `{"aud":["a","b"]}`,
		`{"a":"` + strings.Repeat("x", token.MaxLength*3/4) + `"}`,
	} {
		if raw, err := k.Sign([]byte(payload)); !errors.Is(err, token.ErrMalformed) || raw != "" {
			t.Errorf("Sign(%.20s) = %.20q, %v; want ErrMalformed", payload, raw, err)
		}
	}
	long := []byte(`{"a":"` + strings.Repeat("x", 48_000) + `"}`)
	raw, err := k.Sign(long)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := token.Parse(raw); err != nil {
		t.Errorf("Parse of a token of %d bytes: %v", len(raw), err)
	}
}

func TestPrivateRoundTrip(t *testing.T) {
	for _, alg := range algorithms {
		data, err := keys[alg]().MarshalPrivate()
		if err != nil {
			t.Fatal(err)
		}
		k, err := token.ParsePrivate(data)
		if err != nil {
			t.Fatal(err)
		}
		if !k.Public().Equal(keys[alg]().Public()) {
			t.Errorf("%s: another public key", alg)
		}
		raw, err := k.Sign([]byte(`{"sub":"x"}`))
		if err != nil {
			t.Fatal(err)
		}
		p, err := token.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Verify(keys[alg]().Public()); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
	}
}

func TestParsePrivateRefuses(t *testing.T) {
	private := func(key any, id, alg string) []byte {
		return marshal(t, jose.JSONWebKey{Key: key, KeyID: id, Algorithm: alg})
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"empty": nil, "null": []byte("null"), "garbage": []byte("{"),
		"public":        private(ed.Public(), "a", "EdDSA"),
		"symmetric":     private([]byte("secret secret secret secret secret"), "a", "HS256"),
		"P-384":         private(p384, "a", "ES384"),
		"short RSA":     private(short, "a", "RS256"),
		"no id":         private(ed, "", "EdDSA"),
		"odd id":        private(ed, `a"b`, "EdDSA"),
		"other alg":     private(ed, "a", "RS256"),
		"too long":      bytes.Repeat([]byte(" "), token.MaxLength+1),
		"member twice":  bytes.Replace(private(ed, "a", "EdDSA"), []byte("{"), []byte(`{"kid":"b",`), 1),
		"wrong private": bytes.Replace(private(ed, "a", "EdDSA"), []byte(`"d":"`), []byte(`"d":"AAAA`), 1),
	} {
		k, err := token.ParsePrivate(data)
		if !errors.Is(err, token.ErrMalformed) || k != nil {
			t.Errorf("%s: ParsePrivate = %v, %v; want ErrMalformed", name, k, err)
		}
	}
	if _, err := token.ParsePrivate(private(ed, "a", "")); err != nil {
		t.Errorf("without alg: %v", err)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	box, err := token.NewBox([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	for _, alg := range algorithms {
		k := keys[alg]()
		type holder struct {
			K  *token.Key
			V  token.Key
			B  token.Box
			PB *token.Box
		}
		h := holder{k, *k, *box, box}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T|%v"} {
			for _, v := range []any{k, *k, box, *box} {
				got := fmt.Sprintf(strings.TrimPrefix(verb, "%T|"), v)
				if got != "[redacted]" {
					t.Errorf("%s prints %.60s", verb, got)
				}
			}
			if got := fmt.Sprintf(strings.TrimPrefix(verb, "%T|"), h); strings.Count(got, "[redacted]") != 4 {
				t.Errorf("%s of a struct prints %.200s", verb, got)
			}
		}
		// Unexported fields are out of reach of Format: they must not show what is inside
		// either.
		hidden := fmt.Sprintf("%+v %#v", struct{ k token.Key }{*k}, struct{ k token.Key }{*k})
		if strings.Contains(hidden, k.ID()) || len(hidden) > 200 {
			t.Errorf("an unexported field prints %.200s", hidden)
		}
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", k, "value", *k)
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", k, "value", *k)
		if strings.Count(log.String(), "[redacted]") != 4 {
			t.Errorf("slog writes %s", log.String())
		}
		for _, v := range []any{k, *k} {
			if got := string(marshal(t, v)); got != `"[redacted]"` {
				t.Errorf("json writes %s", got)
			}
		}
	}
}

func TestZeroKeys(t *testing.T) {
	var k token.Key
	if k.ID() != "" || k.Algorithm() != "" || k.Public() != (token.PublicKey{}) {
		t.Error("the zero Key is somebody")
	}
	if _, err := k.Sign([]byte("{}")); err == nil {
		t.Error("the zero Key signs")
	}
	if _, err := k.MarshalPrivate(); err == nil {
		t.Error("the zero Key has a private half")
	}
	var p token.PublicKey
	if _, err := json.Marshal(p); err == nil {
		t.Error("the zero PublicKey marshals")
	}
	if p.Equal(keys[token.EdDSA]().Public()) || keys[token.EdDSA]().Public().Equal(p) {
		t.Error("the zero PublicKey equals a key")
	}
	same, err := token.NewPublicKey("other", keys[token.EdDSA]().Public().Key())
	if err != nil {
		t.Fatal(err)
	}
	if same.Equal(keys[token.EdDSA]().Public()) {
		t.Error("keys of different ids are equal")
	}
	parsed, err := token.Parse(sign(t, token.EdDSA, accessClaims(nil)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parsed.Verify(p); !errors.Is(err, token.ErrUnknownKey) {
		t.Errorf("Verify by the zero PublicKey = %v, want ErrUnknownKey", err)
	}
}

// A key that was stored signs as cheaply as one just made.
func TestParsedKeySignsAsCheaply(t *testing.T) {
	for _, alg := range algorithms {
		made := keys[alg]()
		data, err := made.MarshalPrivate()
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := token.ParsePrivate(data)
		if err != nil {
			t.Fatal(err)
		}
		allocs := func(k *token.Key) float64 {
			return testing.AllocsPerRun(10, func() {
				if _, err := k.Sign([]byte(`{"sub":"a"}`)); err != nil {
					t.Fatal(err)
				}
			})
		}
		if a, b := allocs(parsed), allocs(made); a > b+5 {
			t.Errorf("%s: a parsed key allocates %v times to sign, one just made %v", alg, a, b)
		}
	}
}
