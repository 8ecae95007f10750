package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"slices"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/cognate-id/cognate/token"
)

// Each benchmark has the bare primitive beside it: only the ratio of the two, from one
// run, carries a claim.

func BenchmarkSign(b *testing.B) {
	payload := marshal(b, accessClaims(nil))
	for _, alg := range algorithms {
		key := stored(b, keys[alg]())
		b.Run(string(alg), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := key.Sign(payload); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(string(alg)+"/raw", func(b *testing.B) {
			rawSign := rawSigner(b, alg)
			b.ReportAllocs()
			for b.Loop() {
				rawSign(payload)
			}
		})
	}
}

// stored is a key as an engine has it: read from a store.
func stored(b *testing.B, key *token.Key) *token.Key {
	b.Helper()
	data, err := key.MarshalPrivate()
	if err != nil {
		b.Fatal(err)
	}
	if key, err = token.ParsePrivate(data); err != nil {
		b.Fatal(err)
	}
	return key
}

func rawSigner(b *testing.B, alg token.Algorithm) func([]byte) {
	b.Helper()
	switch alg {
	case token.RS256:
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			b.Fatal(err)
		}
		return func(msg []byte) {
			hash := sha256.Sum256(msg)
			_, _ = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, hash[:])
		}
	case token.ES256:
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		return func(msg []byte) {
			hash := sha256.Sum256(msg)
			_, _ = ecdsa.SignASN1(rand.Reader, key, hash[:])
		}
	default:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		return func(msg []byte) { ed25519.Sign(key, msg) }
	}
}

func BenchmarkVerify(b *testing.B) {
	v := newVerifier(b, options())
	for _, alg := range algorithms {
		raw := sign(b, alg, accessClaims(nil))
		b.Run(string(alg), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(b.Context(), raw); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(string(alg)+"/raw", func(b *testing.B) {
			rawVerify := rawVerifier(b, alg, raw)
			b.ReportAllocs()
			for b.Loop() {
				if !rawVerify() {
					b.Fatal("refused")
				}
			}
		})
	}
}

// BenchmarkVerifyRatio alternates between Verify and the primitive, so that a busy machine
// slows both, and reports the median of the ratios.
func BenchmarkVerifyRatio(b *testing.B) {
	v := newVerifier(b, options())
	for _, alg := range algorithms {
		b.Run(string(alg), func(b *testing.B) {
			raw := sign(b, alg, accessClaims(nil))
			rawVerify := rawVerifier(b, alg, raw)
			var ratios []float64
			for b.Loop() {
				start := time.Now()
				for range 20 {
					rawVerify()
				}
				middle := time.Now()
				for range 20 {
					_, _ = v.Verify(b.Context(), raw)
				}
				ratios = append(ratios, float64(time.Since(middle))/float64(middle.Sub(start)))
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "x-raw")
		})
	}
}

// rawVerifier returns the least that must be done: hash and primitive, everything else
// prepared.
func rawVerifier(b *testing.B, alg token.Algorithm, raw string) func() bool {
	b.Helper()
	header, payload, encoded := parts(b, raw)
	signed, signature := []byte(header+"."+payload), []byte(decode(b, encoded))
	switch key := keys[alg]().Public().Key().(type) {
	case *rsa.PublicKey:
		return func() bool {
			hash := sha256.Sum256(signed)
			return rsa.VerifyPKCS1v15(key, crypto.SHA256, hash[:], signature) == nil
		}
	case *ecdsa.PublicKey:
		der := toDER(b, signature)
		return func() bool {
			hash := sha256.Sum256(signed)
			return ecdsa.VerifyASN1(key, hash[:], der)
		}
	case ed25519.PublicKey:
		return func() bool { return ed25519.Verify(key, signed, signature) }
	}
	b.Fatal("no such key")
	return nil
}

// BenchmarkVerifySeen verifies a token that is in the cache.
func BenchmarkVerifySeen(b *testing.B) {
	o := options()
	o.CacheSize = 0
	v := newVerifier(b, o)
	raw := sign(b, token.RS256, accessClaims(nil))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(b.Context(), raw); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGoJOSE is a peer: signature and claims by go-jose.
func BenchmarkGoJOSE(b *testing.B) {
	raw := sign(b, token.RS256, accessClaims(nil))
	key := keys[token.RS256]().Public().Key()
	b.ReportAllocs()
	for b.Loop() {
		s, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.RS256})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Verify(key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBox(b *testing.B) {
	box, err := token.NewBox(make([]byte, 32))
	if err != nil {
		b.Fatal(err)
	}
	plain := make([]byte, 200)
	b.Run("Seal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			box.Seal(plain, nil)
		}
	})
	b.Run("SealJWE", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			box.SealJWE(plain)
		}
	})
	sealed := box.SealJWE(plain)
	b.Run("OpenJWE", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := box.OpenJWE(sealed); err != nil {
				b.Fatal(err)
			}
		}
	})
}
