package token_test

import (
	"bytes"
	"encoding/asn1"
	"encoding/json"
	"math/big"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/cognate-id/cognate/token"
)

// go-jose is the second opinion: what either side makes, the other must read.

func toDER(t testing.TB, signature []byte) []byte {
	t.Helper()
	der, err := asn1.Marshal(struct{ R, S *big.Int }{
		new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]),
	})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestGoJOSEVerifiesOurs(t *testing.T) {
	for _, alg := range algorithms {
		t.Run(string(alg), func(t *testing.T) {
			raw := sign(t, alg, accessClaims(nil))
			parsed, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
			if err != nil {
				t.Fatal(err)
			}
			var set jose.JSONWebKeySet
			if err := json.Unmarshal(marshal(t, token.Set{keys[alg]().Public()}), &set); err != nil {
				t.Fatal(err)
			}
			var got jwt.Claims
			if err := parsed.Claims(set, &got); err != nil {
				t.Fatal(err)
			}
			if err := got.Validate(jwt.Expected{Issuer: issuer, Time: now}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWeVerifyGoJOSEs(t *testing.T) {
	v := newVerifier(t, options())
	for _, alg := range algorithms {
		t.Run(string(alg), func(t *testing.T) {
			raw := joseSign(t, alg, accessClaims(nil), (&jose.SignerOptions{}).WithType("JWT"))
			got, err := v.Verify(t.Context(), raw)
			if err != nil {
				t.Fatal(err)
			}
			if got.Username != "anna" {
				t.Errorf("Username = %q, want anna", got.Username)
			}
		})
	}
}

// joseSign signs by go-jose, which puts into a header whatever it is told.
func joseSign(t testing.TB, alg token.Algorithm, c claims, o *jose.SignerOptions) string {
	t.Helper()
	data, err := keys[alg]().MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	return joseSignWith(t, jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: key}, c, o)
}

func joseSignWith(t testing.TB, key jose.SigningKey, c claims, o *jose.SignerOptions) string {
	t.Helper()
	signer, err := jose.NewSigner(key, o)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jwt.Signed(signer).Claims(map[string]any(c)).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestGoJOSEOpensOurs(t *testing.T) {
	secret := bytes.Repeat([]byte{7}, 32)
	box, err := token.NewBox(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, plain := range []string{"", "x", "a refresh token"} {
		jwe, err := jose.ParseEncryptedCompact(box.SealJWE([]byte(plain)),
			[]jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256GCM})
		if err != nil {
			t.Fatal(err)
		}
		got, err := jwe.Decrypt(secret)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != plain {
			t.Errorf("Decrypt = %q, want %q", got, plain)
		}
	}
}
