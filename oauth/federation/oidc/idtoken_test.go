package oidc_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/internal/fakeidp"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/oauth/federation/oidc"
)

var strangersKey = sync.OnceValue(func() *rsa.PrivateKey {
	file, err := os.ReadFile("testdata/stranger.pem")
	if err != nil {
		panic(err)
	}
	block, _ := pem.Decode(file)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		panic(err)
	}
	return key.(*rsa.PrivateKey)
})

func set(name string, value any) func(map[string]any) {
	return func(m map[string]any) { m[name] = value }
}

func unset(name string) func(map[string]any) {
	return func(m map[string]any) { delete(m, name) }
}

// hmacOf signs a token with the provider's public key as the secret of HS256.
func hmacOf(secret []byte) func(string) string {
	return func(raw string) string {
		_, rest, _ := strings.Cut(raw, ".")
		payload, _, _ := strings.Cut(rest, ".")
		input := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","kid":"key-1"}`)) + "." + payload
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(input))
		return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
}

// payload replaces the payload of a token by the text of its claims after a change, signed.
func payload(key *rsa.PrivateKey, edit func(string) string) func(string) string {
	return func(raw string) string {
		parts := strings.Split(raw, ".")
		plain, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil {
			panic(err)
		}
		return fakeidp.SignRaw(key, `{"alg":"RS256","kid":"key-1"}`, edit(string(plain)))
	}
}

// forgeries are ID tokens that are refused, each for one reason.
func forgeries(idp *fakeidp.Provider) map[string]fakeidp.Misbehave {
	now := time.Now()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	public := x509.MarshalPKCS1PublicKey(&idp.Key.PublicKey)
	own := fakeidp.JWK(&strangersKey().PublicKey, "key-1")
	both := func(fs ...func(map[string]any)) func(map[string]any) {
		return func(m map[string]any) {
			for _, f := range fs {
				f(m)
			}
		}
	}
	return map[string]fakeidp.Misbehave{
		"none":                  {Header: set("alg", "none"), Raw: func(raw string) string { return raw[:strings.LastIndexByte(raw, '.')+1] }},
		"none with signature":   {Header: set("alg", "none")},
		"no signature":          {Raw: func(raw string) string { return raw[:strings.LastIndexByte(raw, '.')+1] }},
		"HMAC of the key":       {Raw: hmacOf(public)},
		"HMAC of the secret":    {Raw: hmacOf([]byte(secret))},
		"no alg":                {Header: unset("alg")},
		"alg of another type":   {Header: set("alg", "ES256")},
		"a stranger's key":      {Key: strangersKey()},
		"a stranger's EC key":   {Key: ec, Header: set("alg", "ES256")},
		"changed":               {Raw: func(raw string) string { return strings.Replace(raw, ".ey", ".eyJ4IjoxLC", 1) }},
		"an embedded key":       {Key: strangersKey(), Header: set("jwk", own)},
		"a signed embedded key": {Header: set("jwk", own)},
		"jku":                   {Header: set("jku", "https://evil.example/jwks")},
		"x5u":                   {Header: set("x5u", "https://evil.example/cert")},
		"crit":                  {Header: both(set("crit", []string{"b64"}), set("b64", false))},
		"no kid":                {Header: unset("kid")},
		"an unknown kid":        {Header: set("kid", "key-2")},
		"kid is a path":         {Header: set("kid", "../../dev/null")},
		"typ of access tokens":  {Header: set("typ", "at+jwt")},
		"typ of logout tokens":  {Header: set("typ", "logout+jwt")},
		"another issuer":        {Claims: set("iss", "https://evil.example")},
		"issuer with slash":     {Claims: set("iss", idp.URL()+"/")},
		"no issuer":             {Claims: unset("iss")},
		"another audience":      {Claims: set("aud", "client-2")},
		"no audience":           {Claims: unset("aud")},
		"two, no azp":           {Claims: set("aud", []string{clientID, "client-2"})},
		"azp another":           {Claims: set("azp", "client-2")},
		"two, azp another":      {Claims: both(set("aud", []string{clientID, "client-2"}), set("azp", "client-2"))},
		"azp is no text":        {Claims: set("azp", 1)},
		"expired":               {Claims: both(set("exp", now.Add(-2*time.Minute).Unix()), set("iat", now.Add(-time.Hour).Unix()))},
		"no exp":                {Claims: unset("exp")},
		"exp is a text":         {Claims: set("exp", "9999999999")},
		"no iat":                {Claims: unset("iat")},
		"iat in the future":     {Claims: set("iat", now.Add(5*time.Minute).Unix())},
		"nbf in the future":     {Claims: set("nbf", now.Add(2*time.Minute).Unix())},
		"another nonce":         {Claims: set("nonce", "n-2")},
		"no nonce":              {Claims: unset("nonce")},
		"no sub":                {Claims: unset("sub")},
		"sub is empty":          {Claims: set("sub", "")},
		"sub is a number":       {Claims: set("sub", 1)},
		"sub is long":           {Claims: set("sub", strings.Repeat("x", 256))},
		"sub has a line":        {Claims: set("sub", "u-1\nadmin")},
		"another at_hash":       {Claims: set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA")},
		"sub twice":             {Raw: payload(idp.Key, func(s string) string { return `{"sub":"admin",` + s[1:] })},
		"Sub beside sub":        {Raw: payload(idp.Key, func(s string) string { return s[:len(s)-1] + `,"SUB":"admin"}` })},
		"AUD beside aud":        {Raw: payload(idp.Key, func(s string) string { return strings.Replace(s, `"aud"`, `"AUD"`, 1) })},
		"a list":                {Raw: payload(idp.Key, func(s string) string { return "[" + s + "]" })},
		"nested too deep": {Raw: payload(idp.Key, func(s string) string {
			return s[:len(s)-1] + `,"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`
		})},
		"too long":       {Claims: set("x", strings.Repeat("x", 70<<10))},
		"five parts":     {Raw: func(raw string) string { return raw + ".x.y" }},
		"JSON in place":  {Raw: func(string) string { return `{"payload":"e30","signatures":[]}` }},
		"there is none":  {Raw: func(string) string { return "" }},
		"header is junk": {Raw: func(raw string) string { return "x" + raw }},
	}
}

// TestForgedIDTokens holds that each is refused, and that the provider signs in well otherwise.
func TestForgedIDTokens(t *testing.T) {
	w := newWorld(t, nil)
	w.signedIn()
	for name, wrong := range few.Named(3, forgeries(w.idp)) {
		t.Run(name, func(t *testing.T) {
			w.idp.Misbehave(wrong)
			who, err := w.signIn()
			(&world{TB: t}).isRefusal(who, err, oidc.ErrIDToken, "Invalid ID token")
		})
	}
	w.idp.Misbehave(fakeidp.Misbehave{})
	w.signedIn()
}

// TestAlgorithmsAreThoseOfTheList has good tokens by algorithms that are not on the list of our client, or of the provider.
func TestAlgorithmsAreThoseOfTheList(t *testing.T) {
	w := newWorld(t, func(_ *world, c *oidc.Config) { c.Algorithms = []string{"ES256", "PS256"} })
	w.refused(oidc.ErrIDToken, "Invalid ID token")
	w = newWorld(t, nil)
	w.idp.Misbehave(fakeidp.Misbehave{Discovery: set("id_token_signing_alg_values_supported", []string{"ES256"})})
	w.refused(oidc.ErrIDToken, "Invalid ID token")
}

// TestIDTokensThatAreTaken are at the edges of the rules.
func TestIDTokensThatAreTaken(t *testing.T) {
	w := newWorld(t, nil)
	now := time.Now()
	for name, wrong := range map[string]fakeidp.Misbehave{
		"a bit late":         {Claims: set("exp", now.Add(-30*time.Second).Unix()), Header: set("x", 1)},
		"a bit early":        {Claims: set("iat", now.Add(30*time.Second).Unix())},
		"two audiences":      {Claims: func(m map[string]any) { m["aud"], m["azp"] = []string{"x", clientID}, clientID }},
		"a list of one":      {Claims: set("aud", []string{clientID})},
		"no typ":             {Header: unset("typ")},
		"typ in small":       {Header: set("typ", "jwt")},
		"a thumbprint":       {Header: set("x5t", "abc")},
		"time with fraction": {Claims: set("iat", float64(now.Unix())+0.5)},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "a bit late" {
				claims := wrong.Claims
				wrong.Claims = func(m map[string]any) { m["iat"] = now.Add(-time.Hour).Unix(); claims(m) }
			}
			w.idp.Misbehave(wrong)
			if _, err := w.signIn(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestVerify(t *testing.T) {
	w := newWorld(t, nil)
	user := map[string]any{"sub": "u-1", "email": "ann@example.com", "email_verified": true}
	raw := oidc.Secret(w.idp.IDToken(user, "n-1", nil))
	if who, err := w.p.Verify(t.Context(), raw, "n-1"); err != nil || who.Subject != "u-1" || !who.EmailVerified {
		t.Errorf("%+v, %v", who, err)
	}
	for _, nonce := range []string{"", "n-2"} {
		who, err := w.p.Verify(t.Context(), raw, nonce)
		w.isRefusal(who, err, oidc.ErrIDToken, "")
	}
	who, err := w.p.Verify(t.Context(), oidc.Secret(w.idp.IDToken(user, "", nil)), "")
	w.isRefusal(who, err, oidc.ErrIDToken, "")
	p := mustNew(t, oidc.Config{Kind: oidc.Facebook, ClientID: clientID, ClientSecret: secret})
	who, err = p.Verify(t.Context(), raw, "n-1")
	w.isRefusal(who, err, oidc.ErrIDToken, "")
}

func TestKeysAreCachedAndRefreshed(t *testing.T) {
	w := newWorld(t, nil)
	w.signedIn()
	w.signedIn()
	if n := w.idp.Requests("/jwks"); n != 1 {
		t.Errorf("%d requests for keys", n)
	}
	w.idp.KeyID = "key-2" // the provider has a new key
	w.idp.Now = w.now
	w.offset.Store(int64(11 * time.Second))
	w.signedIn()
	if n := w.idp.Requests("/jwks"); n != 2 {
		t.Errorf("%d requests for keys after a new one", n)
	}
	w.offset.Store(int64(90 * time.Minute))
	w.signedIn()
	if n := w.idp.Requests("/jwks"); n != 3 {
		t.Errorf("%d requests for keys after an hour", n)
	}
}

// TestFloodOfUnknownKeys has 200 tokens with made-up key ids, at once.
func TestFloodOfUnknownKeys(t *testing.T) {
	w := newWorld(t, nil)
	w.signedIn()
	w.offset.Store(int64(20 * time.Second))
	var all sync.WaitGroup
	tokens := 200
	if testing.Short() {
		tokens = 20
	}
	for range tokens {
		all.Go(func() {
			raw := w.idp.IDToken(map[string]any{"sub": "u-1"}, "n", &fakeidp.Misbehave{Header: set("kid", rand.Text())})
			who, err := w.p.Verify(t.Context(), oidc.Secret(raw), "n")
			w.isRefusal(who, err, oidc.ErrIDToken, "")
		})
	}
	all.Wait()
	if n := w.idp.Requests("/jwks"); n > 2 {
		t.Errorf("%d requests for keys", n)
	}
	w.signedIn()
}

func TestKeysThatCannotBeUsed(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // weak on purpose
	if err != nil {
		t.Skip("the toolchain makes no small keys")
	}
	keys := func(all ...map[string]any) string {
		raw, _ := json.Marshal(map[string]any{"keys": all})
		return string(raw)
	}
	with := func(m map[string]any, name string, value any) map[string]any {
		m = maps.Clone(m)
		m[name] = value
		return m
	}
	for _, tt := range []struct {
		name string
		body func(idp *fakeidp.Provider) string
		want error
	}{
		{"10 MB", func(*fakeidp.Provider) string { return `{"keys":[],"x":"` + strings.Repeat("x", 10<<20) + `"}` }, oidc.ErrKeys},
		{"not JSON", func(*fakeidp.Provider) string { return "<html>" }, oidc.ErrKeys},
		{"no list", func(*fakeidp.Provider) string { return `{}` }, oidc.ErrKeys},
		{"too many", func(*fakeidp.Provider) string { return `{"keys":[` + strings.Repeat(`{},`, 200) + `{}]}` }, oidc.ErrKeys},
		{"two of one id", func(i *fakeidp.Provider) string {
			return keys(fakeidp.JWK(&i.Key.PublicKey, "key-1"), fakeidp.JWK(&strangersKey().PublicKey, "key-1"))
		}, oidc.ErrKeys},
		{"for encryption", func(i *fakeidp.Provider) string {
			return keys(with(fakeidp.JWK(&i.Key.PublicKey, "key-1"), "use", "enc"))
		}, oidc.ErrIDToken},
		{"for another algorithm", func(i *fakeidp.Provider) string {
			return keys(with(fakeidp.JWK(&i.Key.PublicKey, "key-1"), "alg", "PS256"))
		}, oidc.ErrIDToken},
		{"a secret", func(*fakeidp.Provider) string { return keys(map[string]any{"kty": "oct", "kid": "key-1", "k": "AAAA"}) }, oidc.ErrIDToken},
		{"a weak exponent", func(i *fakeidp.Provider) string {
			return keys(with(fakeidp.JWK(&i.Key.PublicKey, "key-1"), "e", "AQ"))
		}, oidc.ErrIDToken},
		{"off the curve", func(*fakeidp.Provider) string {
			return keys(map[string]any{"kty": "EC", "kid": "key-1", "crv": "P-256", "x": strings.Repeat("A", 43), "y": strings.Repeat("A", 43)})
		}, oidc.ErrIDToken},
		{"a small key", func(i *fakeidp.Provider) string {
			i.Key = small
			return keys(fakeidp.JWK(&small.PublicKey, "key-1"))
		}, oidc.ErrIDToken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, nil)
			body := tt.body(w.idp)
			w.idp.Misbehave(fakeidp.Misbehave{Handler: onPath("/jwks", "application/json", body)})
			w.refused(tt.want, "")
		})
	}
	w := newWorld(t, nil)
	w.idp.Misbehave(fakeidp.Misbehave{Handler: func(rw http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/jwks" {
			http.Error(rw, "down", http.StatusServiceUnavailable)
		}
		return r.URL.Path == "/jwks"
	}})
	w.refused(oidc.ErrKeys, "Error in calling jwks uri")
	w.refused(oidc.ErrKeys, "Error in calling jwks uri")
	if n := w.idp.Requests("/jwks"); n != 1 {
		t.Errorf("a provider that is down was asked %d times", n)
	}
}

// FuzzIDToken changes good tokens. Whatever is taken says what the provider has signed.
func FuzzIDToken(f *testing.F) {
	w := newWorld(f, nil)
	user := map[string]any{"sub": "u-1", "email": "ann@example.com"}
	good := w.idp.IDToken(user, "n-1", nil)
	f.Add(good)
	if !testing.Short() { // TestForgedIDTokens has them all
		for _, wrong := range few.Named(3, forgeries(w.idp)) {
			f.Add(w.idp.IDToken(user, "n-1", &wrong))
		}
	}
	f.Fuzz(func(t *testing.T, raw string) {
		who, err := w.p.Verify(t.Context(), oidc.Secret(raw), "n-1")
		if err != nil {
			return
		}
		if who.Subject != "u-1" || who.Claims["aud"] != clientID || raw != good && !signedBefore(raw) {
			t.Errorf("%q is taken: %+v", raw, who)
		}
	})
}

// signedBefore reports whether a token has a payload that the provider may have signed.
func signedBefore(raw string) bool {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return false
	}
	plain, err := base64.RawURLEncoding.DecodeString(parts[1])
	return err == nil && strings.Contains(string(plain), `"sub":"u-1"`)
}
