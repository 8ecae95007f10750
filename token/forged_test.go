package token_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/cognate-id/cognate/token"
)

// forge signs any header over any payload by our own key, so that the signature is good
// and only the rule under test can refuse the token.
func forge(t testing.TB, alg token.Algorithm, header, payload string) string {
	t.Helper()
	signed := encode(header) + "." + encode(payload)
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature(t, alg, signed))
}

func signature(t testing.TB, alg token.Algorithm, signed string) []byte {
	t.Helper()
	data, err := keys[alg]().MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256([]byte(signed))
	var sig []byte
	switch key := jwk.Key.(type) {
	case *rsa.PrivateKey:
		sig, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, hash[:])
	case *ecdsa.PrivateKey:
		var r, s *big.Int
		if r, s, err = ecdsa.Sign(rand.Reader, key, hash[:]); err == nil {
			sig = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		}
	case ed25519.PrivateKey:
		sig = ed25519.Sign(key, []byte(signed))
	}
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// header is the right header of alg's key, with further members after it.
func header(alg token.Algorithm, more string) string {
	return fmt.Sprintf(`{"kid":"%s","alg":"%s"%s}`, keys[alg]().ID(), alg, more)
}

// A forgery is a token that must be refused, and why.
type forgery struct {
	name, raw string
	want      error
}

func refuseAll(t *testing.T, v *token.Verifier, all []forgery) {
	t.Helper()
	for _, f := range all {
		t.Run(f.name, func(t *testing.T) {
			c, err := v.Verify(t.Context(), f.raw)
			if !errors.Is(err, f.want) {
				t.Fatalf("Verify = %v, want %v", err, f.want)
			}
			if c != nil {
				t.Error("Verify returned claims with an error")
			}
			if leak := echoed(err.Error(), f.raw); leak != "" {
				t.Errorf("error %q repeats %q of the token", err, leak)
			}
		})
	}
}

// echoed returns a stretch of a token, encoded or not, that is in text.
func echoed(text, raw string) string {
	text = strings.ReplaceAll(text, "cognito:username", "") // a name of ours
	for part := range strings.SplitSeq(raw, ".") {
		plain, _ := base64.RawURLEncoding.DecodeString(part)
		for _, s := range []string{part, string(plain)} {
			for i := 0; i+16 <= len(s); i++ {
				if strings.Contains(text, s[i:i+16]) {
					return s[i : i+16]
				}
			}
		}
	}
	return ""
}

func TestForgeIsAcceptedWhenNothingIsWrong(t *testing.T) {
	v := newVerifier(t, options())
	for _, alg := range algorithms {
		for _, more := range []string{"", `,"typ":"JWT"`, " "} {
			raw := forge(t, alg, header(alg, more), string(marshal(t, accessClaims(nil))))
			if _, err := v.Verify(t.Context(), raw); err != nil {
				t.Errorf("%s, header with %q: %v", alg, more, err)
			}
		}
	}
}

func TestForgedAlgorithm(t *testing.T) {
	payload := string(marshal(t, accessClaims(nil)))
	kid := keys[token.RS256]().ID()
	var all []forgery
	for _, alg := range []string{
		"none", "None", "NONE", "nOnE", "none ", "", "HS256", "HS384", "HS512", "hs256", "rs256", "RS256 ",
		"RS384", "RS512", "PS256", "ES384", "ES512", "ES256K", "Ed25519", "RSA1_5", "dir", "null",
	} {
		h := fmt.Sprintf(`{"kid":"%s","alg":"%s"}`, kid, alg)
		all = append(all, forgery{"signed, " + alg, forge(t, token.RS256, h, payload), token.ErrSignature})
		none := token.ErrSignature
		if alg == string(token.RS512) { // which the package has
			none = token.ErrMalformed
		}
		all = append(all, forgery{"no signature, " + alg, encode(h) + "." + encode(payload) + ".", none})
	}
	for _, alg := range []string{"null", "1", "true", `["RS256"]`, `{"a":"RS256"}`} {
		h := fmt.Sprintf(`{"kid":"%s","alg":%s}`, kid, alg)
		all = append(all, forgery{"alg is " + alg, forge(t, token.RS256, h, payload), token.ErrMalformed})
	}
	all = append(all, forgery{"no alg", forge(t, token.RS256, `{"kid":"`+kid+`"}`, payload), token.ErrSignature})
	for _, alg := range algorithms { // the key decides, whatever the header says
		for _, other := range algorithms {
			if alg != other {
				h := fmt.Sprintf(`{"kid":"%s","alg":"%s"}`, keys[alg]().ID(), other)
				all = append(all, forgery{
					fmt.Sprintf("%s key, %s header", alg, other), forge(t, alg, h, payload), token.ErrSignature,
				})
			}
		}
	}
	refuseAll(t, newVerifier(t, options()), all)
}

func TestForgedByPublicKeyAsSecret(t *testing.T) {
	payload := string(marshal(t, accessClaims(nil)))
	public := keys[token.RS256]().Public()
	der, err := x509.MarshalPKIXPublicKey(public.Key())
	if err != nil {
		t.Fatal(err)
	}
	var all []forgery
	for name, secret := range map[string][]byte{
		"DER": der, "empty": nil, "kid": []byte(public.ID()),
		"PEM":     pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		"JWK":     marshal(t, public),
		"modulus": public.Key().(*rsa.PublicKey).N.Bytes(),
	} {
		for _, alg := range []string{"HS256", "RS256"} {
			signed := encode(fmt.Sprintf(`{"kid":"%s","alg":"%s"}`, public.ID(), alg)) + "." + encode(payload)
			mac := hmac.New(sha256.New, secret)
			mac.Write([]byte(signed))
			all = append(all, forgery{name + ", " + alg, signed + "." + encode(string(mac.Sum(nil))), token.ErrSignature})
		}
	}
	refuseAll(t, newVerifier(t, options()), all)
}

func TestForgedHeader(t *testing.T) {
	const alg = token.ES256
	payload := string(marshal(t, accessClaims(nil)))
	jwk := string(marshal(t, keys[alg]().Public()))
	var all []forgery
	for _, more := range []string{
		`,"jku":"https://evil.example/jwks.json"`, `,"x5u":"https://evil.example/c.pem"`,
		`,"jwk":` + jwk, `,"x5c":["MIIB"]`, `,"x5t":"abc"`, `,"x5t#S256":"abc"`,
		`,"crit":["exp"]`, `,"crit":[]`, `,"b64":false`, `,"b64":true`, `,"zip":"DEF"`, `,"enc":"A256GCM"`,
		`,"cty":"JWT"`, `,"unknown":"x"`, `,"typ":"jose"`, `,"typ":"at+jwt"`, `,"typ":"jwt"`, `,"typ":""`, `,"typ":null`, `,"typ":["JWT"]`,
		`,"alg":"ES256"`, `,"alg":"none"`, `,"kid":"` + keys[alg]().ID() + `"`, `,"\u0061lg":"ES256"`, `,"typ":"JWT","typ":"JWT"`,
		`,"Alg":"none"`, `,"KID":"x"`, `,`, `,"a"`, `}{`, `} x`, `}` + "\x00", `,"typ":"J` + "\xff" + `WT"`,
		strings.Repeat(" ", 600),
	} {
		name := more[:min(len(more), 24)]
		all = append(all, forgery{name, forge(t, alg, header(alg, more), payload), token.ErrMalformed})
	}
	for _, h := range []string{"", "{}x", "null", "[]", `"x"`, "1", "\xef\xbb\xbf" + header(alg, ""), "[" + header(alg, "") + "]"} {
		all = append(all, forgery{"header " + h[:min(len(h), 8)], forge(t, alg, h, payload), token.ErrMalformed})
	}
	refuseAll(t, newVerifier(t, options()), all)
}

func TestForgedKeyID(t *testing.T) {
	const alg = token.ES256
	payload := string(marshal(t, accessClaims(nil)))
	other := keys[token.EdDSA]().ID()
	for _, tt := range []struct {
		name, kid string // kid is JSON
		want      error
	}{
		{"unknown", `"AAAA"`, token.ErrUnknownKey},
		{"path", `"../../../../dev/null"`, token.ErrUnknownKey},
		{"absolute path", `"/dev/null"`, token.ErrUnknownKey},
		{"address", `"https://evil.example/key"`, token.ErrUnknownKey},
		{"case", `"` + strings.ToLower(keys[alg]().ID()) + `"`, token.ErrUnknownKey},
		{"prefix", `"` + keys[alg]().ID()[:43] + `"`, token.ErrUnknownKey},
		{"of another key", `"` + other + `"`, token.ErrSignature},
		{"SQL", `"x' UNION SELECT 'key';--"`, token.ErrMalformed},
		{"shell", `"x|/usr/bin/id"`, token.ErrMalformed},
		{"long", `"` + strings.Repeat("A", 129) + `"`, token.ErrMalformed},
		{"very long", `"` + strings.Repeat("A", 60000) + `"`, token.ErrMalformed},
		{"NUL", `"a\u0000"`, token.ErrMalformed},
		{"line break", `"a\nb"`, token.ErrMalformed},
		{"raw control character", "\"a\x01b\"", token.ErrMalformed},
		{"not ASCII", `"ключ"`, token.ErrMalformed},
		{"empty", `""`, token.ErrMalformed},
		{"null", `null`, token.ErrMalformed},
		{"number", `1`, token.ErrMalformed},
		{"array", `["a"]`, token.ErrMalformed},
	} {
		h := fmt.Sprintf(`{"kid":%s,"alg":"%s"}`, tt.kid, alg)
		refuseAll(t, newVerifier(t, options()), []forgery{{tt.name, forge(t, alg, h, payload), tt.want}})
	}
	refuseAll(t, newVerifier(t, options()), []forgery{
		{"missing", forge(t, alg, `{"alg":"ES256"}`, payload), token.ErrMalformed},
	})
}

func TestForgedEncoding(t *testing.T) {
	const alg = token.EdDSA
	good := sign(t, alg, accessClaims(nil))
	h, p, s := parts(t, good)
	all := []forgery{
		{"empty", "", token.ErrMalformed},
		{"one dot", h + "." + p, token.ErrMalformed},
		{"no signature part", h + "." + p + ".", token.ErrMalformed},
		{"four parts", good + "." + s, token.ErrMalformed},
		{"five parts, a JWE", strings.Join([]string{h, p, s, s, s}, "."), token.ErrMalformed},
		{"only dots", "..", token.ErrMalformed},
		{"dot in front", "." + good, token.ErrMalformed},
		{"dot behind", good + ".", token.ErrMalformed},
		{"many dots", strings.Repeat(".", token.MaxLength), token.ErrMalformed},
		{"padding", good + "=", token.ErrMalformed},
		{"padding twice", good + "==", token.ErrMalformed},
		{"space in front", " " + good, token.ErrMalformed},
		{"space behind", good + " ", token.ErrMalformed},
		{"line break behind", good + "\n", token.ErrMalformed},
		{"carriage return within", h + ".\r" + p + "." + s, token.ErrMalformed},
		{"line break in the signature", h + "." + p + "." + s[:8] + "\n" + s[8:], token.ErrMalformed},
		{"NUL behind", good + "\x00", token.ErrMalformed},
		{"standard alphabet", h + "." + p + "." + "+/+/" + s[4:], token.ErrMalformed},
		{"percent", strings.Replace(good, ".", "%2E", 1), token.ErrMalformed},
		{"quotes", `"` + good + `"`, token.ErrMalformed},
		{"too long", good + strings.Repeat("A", token.MaxLength), token.ErrMalformed},
		{"JSON serialization", `{"payload":"` + p + `","protected":"` + h + `","signature":"` + s + `"}`, token.ErrMalformed},
		{"long signature", h + "." + p + "." + strings.Repeat("A", 4096), token.ErrMalformed},
	}
	// 64 bytes are 85 characters and two bits; the other four bits must be 0.
	last := strings.IndexByte(alphabet, s[len(s)-1])
	for i := 1; i < 16; i++ {
		loose := h + "." + p + "." + s[:len(s)-1] + string(alphabet[last+i])
		all = append(all, forgery{fmt.Sprintf("trailing bits %d", i), loose, token.ErrMalformed})
	}
	refuseAll(t, newVerifier(t, options()), all)
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func TestTooLong(t *testing.T) {
	payload := string(marshal(t, accessClaims(claims{"x": strings.Repeat("x", token.MaxLength*3/4-640)})))
	raw := forge(t, token.EdDSA, header(token.EdDSA, ""), payload)
	refuseAll(t, newVerifier(t, options()), []forgery{{"Verify", raw, token.ErrMalformed}})
	if _, err := token.Parse(raw); !errors.Is(err, token.ErrMalformed) {
		t.Errorf("Parse of %d bytes = %v, want ErrMalformed", len(raw), err)
	}
}

func TestForgedSignature(t *testing.T) {
	v := newVerifier(t, options())
	for _, alg := range algorithms {
		h, p, s := parts(t, sign(t, alg, accessClaims(nil)))
		_, p2, s2 := parts(t, sign(t, alg, accessClaims(claims{"username": "eve"})))
		sig := []byte(decode(t, s))
		with := func(sig []byte) string { return h + "." + p + "." + encode(string(sig)) }
		all := []forgery{
			{"other payload", h + "." + p2 + "." + s, token.ErrSignature},
			{"other signature", h + "." + p + "." + s2, token.ErrSignature},
			{"swapped header", encode(header(alg, " ")) + "." + p + "." + s, token.ErrSignature},
			{"one byte", with([]byte{1}), token.ErrSignature},
			{"shorter", with(sig[:len(sig)-1]), token.ErrSignature},
			{"longer", with(append(bytes.Clone(sig), 0)), token.ErrSignature},
			{"zero in front", with(append([]byte{0}, sig...)), token.ErrSignature},
			{"zeros", with(make([]byte, len(sig))), token.ErrSignature},
			{"ones", with(bytes.Repeat([]byte{0xff}, len(sig))), token.ErrSignature},
		}
		for i := 0; i < len(sig); i += 7 {
			bad := bytes.Clone(sig)
			bad[i] ^= 1 << (i % 8)
			all = append(all, forgery{fmt.Sprintf("bit of byte %d", i), with(bad), token.ErrSignature})
		}
		t.Run(string(alg), func(t *testing.T) { refuseAll(t, v, all) })
	}
}

func TestForgedECDSA(t *testing.T) {
	h, p, s := parts(t, sign(t, token.ES256, accessClaims(nil)))
	sig := []byte(decode(t, s))
	r, sInt := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
	n := elliptic.P256().Params().N
	zero := new(big.Int)
	raw := func(r, s *big.Int) string {
		if r.BitLen() > 256 || s.BitLen() > 256 {
			return h + "." + p + "." + encode(string(append(r.Bytes(), s.Bytes()...)))
		}
		return h + "." + p + "." + encode(string(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)))
	}
	wide := append(append(make([]byte, 1), sig[:32]...), append(make([]byte, 1), sig[32:]...)...)
	refuseAll(t, newVerifier(t, options()), []forgery{
		{"r is 0", raw(zero, sInt), token.ErrSignature},
		{"s is 0", raw(r, zero), token.ErrSignature},
		{"both are 0", raw(zero, zero), token.ErrSignature},
		{"r is n", raw(n, sInt), token.ErrSignature},
		{"s is n", raw(r, n), token.ErrSignature},
		{"r is r+n", raw(new(big.Int).Add(r, n), sInt), token.ErrSignature},
		{"s is s+n", raw(r, new(big.Int).Add(sInt, n)), token.ErrSignature},
		{"r and s swapped", raw(sInt, r), token.ErrSignature},
		{"r and s are 1", raw(big.NewInt(1), big.NewInt(1)), token.ErrSignature},
		{"DER", h + "." + p + "." + encode(string(toDER(t, sig))), token.ErrSignature},
		{"33 bytes each", h + "." + p + "." + encode(string(wide)), token.ErrSignature},
	})
}

// TestShortIntegers signs until r and s have leading zeros, which DER drops and JOSE
// keeps.
func TestShortIntegers(t *testing.T) {
	v := newVerifier(t, options())
	payload := marshal(t, accessClaims(nil))
	for short := 0; short < 4; {
		raw, err := keys[token.ES256]().Sign(payload)
		if err != nil {
			t.Fatal(err)
		}
		_, _, s := parts(t, raw)
		if sig := decode(t, s); sig[0] == 0 || sig[32] == 0 {
			short++
			if _, err := v.Verify(t.Context(), raw); err != nil {
				t.Errorf("Verify of %x: %v", sig, err)
			}
		}
	}
}

func TestForgedEd25519(t *testing.T) {
	h, p, s := parts(t, sign(t, token.EdDSA, accessClaims(nil)))
	sig := []byte(decode(t, s))
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	scalar := bytes.Clone(sig[32:])
	reverse(scalar)
	wide := new(big.Int).Add(new(big.Int).SetBytes(scalar), order).FillBytes(make([]byte, 32))
	reverse(wide)
	malleable := append(bytes.Clone(sig[:32]), wide...)
	refuseAll(t, newVerifier(t, options()), []forgery{
		{"S plus the order", h + "." + p + "." + encode(string(malleable)), token.ErrSignature},
	})
}

func reverse(b []byte) {
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
}

func TestForgedClaims(t *testing.T) {
	access := string(marshal(t, accessClaims(nil)))
	with := func(more string) string { return access[:len(access)-1] + more + "}" }
	var all []forgery
	for name, payload := range map[string]string{
		"duplicate":               with(`,"sub":"eve"`),
		"duplicate, escaped":      with(`,"\u0073ub":"eve"`),
		"duplicate, unknown name": with(`,"x":1,"x":1`),
		"duplicate, nested":       with(`,"x":{"a":1,"a":2}`),
		"duplicate, in an array":  with(`,"x":[{"a":1,"a":2}]`),
		"duplicate, among many":   with(many(200) + `,"m7":0`),
		"trailing data":           access + "x",
		"trailing object":         access + access,
		"trailing NUL":            access + "\x00",
		"array":                   "[" + access + "]",
		"null":                    "null",
		"empty":                   "",
		"string":                  `"x"`,
		"byte order mark":         "\xef\xbb\xbf" + access,
		"invalid UTF-8":           with(`,"x":"` + "\xff" + `"`),
		"lone surrogate":          with(`,"x":"\ud800"`),
		"lone low surrogate":      with(`,"x":"\udc00"`),
		"half a pair":             with(`,"x":"\ud800\u0041"`),
		"surrogates swapped":      with(`,"x":"\udc00\ud800"`),
		"control character":       with(",\"x\":\"a\x01\""),
		"bad escape":              with(`,"x":"\x41"`),
		"short escape":            with(`,"x":"\u12"`),
		"unclosed":                access[:len(access)-1],
		"trailing comma":          with(","),
		"comment":                 with("/* */"),
		"single quotes":           with(`,'x':1`),
		"deep arrays":             with(`,"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40)),
		"very deep arrays":        with(`,"x":` + strings.Repeat("[", 20000)),
		"deep objects":            with(`,"x":` + strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)),
		"leading zero":            with(`,"x":01`),
		"plus":                    with(`,"x":+1`),
		"NaN":                     with(`,"x":NaN`),
		"Infinity":                with(`,"x":Infinity`),
		"hexadecimal":             with(`,"x":0x10`),
		"point without digits":    with(`,"x":1.`),
		"exponent without digits": with(`,"x":1e`),
	} {
		all = append(all, forgery{name, forge(t, token.EdDSA, header(token.EdDSA, ""), payload), token.ErrMalformed})
	}
	refuseAll(t, newVerifier(t, options()), all)
}

// many returns n members m0, m1, and so on.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"m%d":%d`, i, i)
	}
	return b.String()
}

func TestForgedTypes(t *testing.T) {
	access, id := string(marshal(t, accessClaims(nil))), string(marshal(t, idClaims(nil)))
	var all []forgery
	for payload, names := range map[string][]string{
		access: {
			"sub", "iss", "jti", "origin_jti", "event_id", "client_id", "username", "scope", "token_use",
			"cognito:groups", "exp", "iat", "auth_time",
		},
		id: {"aud", "cognito:username"},
	} {
		for _, name := range names {
			for _, value := range []string{"null", "true", "{}", "[1]", "-1", `["a","b",null]`} {
				all = append(all, forgery{name + " " + value, retyped(t, payload, name, value), token.ErrMalformed})
			}
		}
	}
	for _, value := range []string{
		`"1800003600"`, "1e9", "1.8E9", "1e400", "-0", "9223372036854775808", "253402300800",
		"99999999999999999999999999", strings.Repeat("9", 5000), "1." + strings.Repeat("9", 10), "[1800003600]",
	} {
		for _, name := range []string{"exp", "iat", "nbf", "auth_time"} {
			all = append(all, forgery{name + " " + value[:min(20, len(value))], retyped(t, access, name, value), token.ErrMalformed})
		}
	}
	for _, value := range []string{"[]", `["a","b"]`, `["` + clientID + `","` + clientID + `"]`, `[["a"]]`} {
		all = append(all, forgery{"aud " + value, retyped(t, id, "aud", value), token.ErrMalformed})
	}
	all = append(all, forgery{"groups as text", retyped(t, access, "cognito:groups", `"admins"`), token.ErrMalformed})
	refuseAll(t, newVerifier(t, options()), all)
}

// retyped replaces a claim of payload by any JSON text.
func retyped(t testing.TB, payload, name, value string) string {
	t.Helper()
	const alg = token.EdDSA
	return forge(t, alg, header(alg, ""), replaceMember(t, payload, name, value))
}

func TestForgedMeaning(t *testing.T) {
	long := "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEf124"
	both := []forgery{
		{"expired", sign(t, token.ES256, accessClaims(claims{"exp": now.Unix() - 1})), token.ErrExpired},
		{"expires now", sign(t, token.ES256, accessClaims(claims{"exp": now.Unix()})), token.ErrExpired},
		{"expires at 0", sign(t, token.ES256, accessClaims(claims{"exp": 0})), token.ErrExpired},
		{"never expires", sign(t, token.ES256, accessClaims(claims{"exp": nil})), token.ErrExpired},
		{"not yet valid", sign(t, token.ES256, accessClaims(claims{"nbf": now.Unix() + 1})), token.ErrNotYetValid},
		{"other issuer", sign(t, token.ES256, accessClaims(claims{"iss": long})), token.ErrIssuer},
		{"issuer with a slash", sign(t, token.ES256, accessClaims(claims{"iss": issuer + "/"})), token.ErrIssuer},
		{"issuer in capitals", sign(t, token.ES256, accessClaims(claims{"iss": strings.ToUpper(issuer)})), token.ErrIssuer},
		{"prefix of the issuer", sign(t, token.ES256, accessClaims(claims{"iss": issuer[:len(issuer)-1]})), token.ErrIssuer},
		{"no issuer", sign(t, token.ES256, accessClaims(claims{"iss": nil})), token.ErrIssuer},
		{"other client", sign(t, token.ES256, accessClaims(claims{"client_id": "other"})), token.ErrAudience},
		{"no client", sign(t, token.ES256, accessClaims(claims{"client_id": nil})), token.ErrAudience},
		{"client by aud", sign(t, token.ES256, accessClaims(claims{"client_id": nil, "aud": clientID})), token.ErrAudience},
		{"other audience", sign(t, token.ES256, idClaims(claims{"aud": "other"})), token.ErrAudience},
		{"no audience", sign(t, token.ES256, idClaims(claims{"aud": nil})), token.ErrAudience},
		{"audience by client_id", sign(t, token.ES256, idClaims(claims{"aud": nil, "client_id": clientID})), token.ErrAudience},
		{"other resource", sign(t, token.ES256, accessClaims(claims{"aud": "https://other.example"})), token.ErrAudience},
		{"no use", sign(t, token.ES256, accessClaims(claims{"token_use": nil})), token.ErrUse},
		{"refresh", sign(t, token.ES256, accessClaims(claims{"token_use": "refresh"})), token.ErrUse},
		{"use in capitals", sign(t, token.ES256, accessClaims(claims{"token_use": "Access"})), token.ErrUse},
		{"no subject", sign(t, token.ES256, accessClaims(claims{"sub": nil})), token.ErrMalformed},
		{"empty subject", sign(t, token.ES256, accessClaims(claims{"sub": ""})), token.ErrMalformed},
	}
	t.Run("either use", func(t *testing.T) { refuseAll(t, newVerifier(t, options()), both) })

	o := options()
	o.AnyUse, o.Use, o.Scopes, o.Groups = false, token.UseAccess, []string{"openid", "orders/read"}, []string{"root", "staff"}
	v := newVerifier(t, o)
	if _, err := v.Verify(t.Context(), sign(t, token.ES256, accessClaims(nil))); err != nil {
		t.Fatal(err)
	}
	refuseAll(t, v, []forgery{
		{"ID as access", sign(t, token.ES256, idClaims(claims{"client_id": clientID, "scope": "openid orders/read"})), token.ErrUse},
		{"one scope missing", sign(t, token.ES256, accessClaims(claims{"scope": "openid orders"})), token.ErrScope},
		{"scope as part", sign(t, token.ES256, accessClaims(claims{"scope": "openid orders/readwrite xorders/read"})), token.ErrScope},
		{"no scope", sign(t, token.ES256, accessClaims(claims{"scope": nil})), token.ErrScope},
		{"other group", sign(t, token.ES256, accessClaims(claims{"cognito:groups": []string{"staffs", "Root"}})), token.ErrGroup},
		{"no group", sign(t, token.ES256, accessClaims(claims{"cognito:groups": nil})), token.ErrGroup},
	})
	o.Use, o.Scopes = token.UseID, nil
	refuseAll(t, newVerifier(t, o), []forgery{
		{"access as ID", sign(t, token.ES256, accessClaims(claims{"aud": clientID})), token.ErrUse},
	})
}

func TestForeignKeyOfAnotherIssuer(t *testing.T) {
	const other = "https://other.example"
	o := options()
	o.Issuers = append(o.Issuers, other)
	o.Keys = token.StaticKeys{
		issuer: {keys[token.ES256]().Public()},
		other:  {keys[token.EdDSA]().Public()},
	}
	v := newVerifier(t, o)
	if _, err := v.Verify(t.Context(), sign(t, token.EdDSA, accessClaims(claims{"iss": other}))); err != nil {
		t.Fatal(err)
	}
	refuseAll(t, v, []forgery{
		{"key of the other", sign(t, token.EdDSA, accessClaims(nil)), token.ErrUnknownKey},
		{"issuer of the other", sign(t, token.ES256, accessClaims(claims{"iss": other})), token.ErrUnknownKey},
	})
}

func TestForgedJWE(t *testing.T) {
	enc, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{
		Algorithm: jose.RSA_OAEP, Key: keys[token.RS256]().Public().Key(), KeyID: keys[token.RS256]().ID(),
	}, &jose.EncrypterOptions{Compression: jose.DEFLATE})
	if err != nil {
		t.Fatal(err)
	}
	jwe, err := enc.Encrypt(bytes.Repeat([]byte(sign(t, token.RS256, accessClaims(nil))), 1000))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jwe.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	refuseAll(t, newVerifier(t, options()), []forgery{{"compressed JWE", raw, token.ErrMalformed}})
}

func TestLeeway(t *testing.T) {
	o := options()
	o.Leeway = 30 * time.Second
	v := newVerifier(t, o)
	for _, tt := range []struct {
		name string
		over claims
		want error
	}{
		{"expired within", claims{"exp": now.Unix() - 29}, nil},
		{"expired beyond", claims{"exp": now.Unix() - 30}, token.ErrExpired},
		{"early within", claims{"nbf": now.Unix() + 30}, nil},
		{"early beyond", claims{"nbf": now.Unix() + 31}, token.ErrNotYetValid},
	} {
		if _, err := v.Verify(t.Context(), sign(t, token.EdDSA, accessClaims(tt.over))); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}
