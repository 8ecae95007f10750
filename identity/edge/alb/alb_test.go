package alb_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity/edge/alb"
	"github.com/cognate-id/cognate/token"
)

const (
	arn    = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/edge/0123456789abcdef"
	theirs = "arn:aws:elasticloadbalancing:us-east-1:999999999999:loadbalancer/app/evil/0123456789abcdef"
	issuer = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEf123"
	client = "1example23456789"
	sub    = "11111111-2222-4333-8444-555555555555"
)

var (
	now    = time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	secret = []byte("0123456789abcdef0123456789abcdef")
	second = []byte("another key, 32 bytes in length.")
)

func signer(t testing.TB, arn, issuer, client string, secrets ...[]byte) *alb.Signer {
	t.Helper()
	s, err := alb.NewSigner(arn, issuer, client, secrets, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sign(t testing.TB, s *alb.Signer) string {
	t.Helper()
	data, err := s.Sign(map[string]any{"sub": sub, "email": "ann@example.com", "email_verified": "true", "username": "ann", "name": "Ann <a&b> Ä"})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func verifier(t testing.TB, keys http.Handler, clock func() time.Time) *alb.Verifier {
	t.Helper()
	server := httptest.NewServer(keys)
	t.Cleanup(server.Close)
	v, err := alb.NewVerifier(server.URL+"/oauth2/keys", []string{arn}, issuer, client, &alb.Options{Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func at(moment time.Time) func() time.Time { return func() time.Time { return moment } }

// The form is the recorded one: members and their order, padding, and the key in PEM.
func TestForm(t *testing.T) {
	s := signer(t, arn, issuer, client, secret, second)
	parts := strings.Split(sign(t, s), ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	var texts [3][]byte
	for i, p := range parts {
		var err error
		if texts[i], err = base64.URLEncoding.Strict().DecodeString(p); err != nil || len(p)%4 != 0 {
			t.Errorf("part %d is not base64url with padding: %v", i, err)
		}
	}
	form := `^\{"typ":"JWT","kid":"([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})","alg":"ES256","iss":"` + issuer + `","client":"` + client + `","signer":"` + arn + `","exp":1796029320\}$`
	m := regexp.MustCompile(form).FindSubmatch(texts[0])
	if m == nil {
		t.Fatalf("the header is %s", texts[0])
	}
	var claims map[string]any
	if err := json.Unmarshal(texts[1], &claims); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{"sub": sub, "email_verified": "true", "username": "ann", "name": "Ann <a&b> Ä", "iss": issuer, "exp": 1796029320.0} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/keys/"+string(m[1]), nil))
	block, _ := pem.Decode(rec.Body.Bytes())
	if rec.Code != 200 || block == nil || block.Type != "PUBLIC KEY" {
		t.Fatalf("the key: %d %s", rec.Code, rec.Body)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil || key.(*ecdsa.PublicKey).Curve != elliptic.P256() {
		t.Errorf("the key: %v", err)
	}
	for _, path := range []string{"/keys/", "/keys", "/keys/x", "/", "/keys/" + strings.ToUpper(string(m[1]))} {
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if rec.Code != 404 {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
	if again := signer(t, arn, issuer, client, secret); !strings.HasPrefix(sign(t, again), parts[0]) {
		t.Error("two processes with one secret have two keys")
	}
}

func TestVerify(t *testing.T) {
	old := signer(t, arn, issuer, client, second)
	rotated := signer(t, arn, issuer, client, secret, second)
	v := verifier(t, rotated, at(now.Add(time.Minute)))
	for name, s := range map[string]*alb.Signer{"the key": rotated, "an earlier key": old} {
		c, err := v.Verify(t.Context(), sign(t, s))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var more struct{ Email, Username string }
		if err := c.Decode(&more); err != nil || c.Subject != sub || more.Email != "ann@example.com" || more.Username != "ann" || !c.Expires.Equal(now.Add(2*time.Minute)) {
			t.Errorf("%s: %+v %+v, %v", name, c, more, err)
		}
	}
}

// forge signs parts of whatever form with a key that the verifier can fetch.
func forge(t testing.TB, key *ecdsa.PrivateKey, head, claims string, coding *base64.Encoding) string {
	t.Helper()
	signed := coding.EncodeToString([]byte(head)) + "." + coding.EncodeToString([]byte(claims))
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signed + "." + coding.EncodeToString(signature)
}

const kid = "01234567-89ab-4cde-8f01-23456789abcd"

// A forgery is refused with an error.
type forgery struct {
	data string
	want error
}

// loose is data whose last character has bits that say nothing.
func loose(data string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(data) - 3 // before two equals signs
	return data[:last] + string(alphabet[strings.IndexByte(alphabet, data[last])|1]) + "=="
}

// forgeries are data that a verifier refuses. head and claims are those of good data, and key is one that
// the verifier can fetch.
func forgeries(t *testing.T, key *ecdsa.PrivateKey, head, claims string) map[string]forgery {
	t.Helper()
	exp := now.Add(time.Minute).Unix()
	good := forge(t, key, head, claims, base64.URLEncoding)
	with := func(old, to string) string {
		if !strings.Contains(head, old) {
			t.Fatalf("no %s", old)
		}
		return forge(t, key, strings.Replace(head, old, to, 1), claims, base64.URLEncoding)
	}
	payload := func(c string) string { return forge(t, key, head, c, base64.URLEncoding) }
	parts := strings.Split(good, ".")
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]forgery{
		"empty":                {"", alb.ErrMalformed},
		"not canonical":        {loose(good), alb.ErrMalformed},
		"two parts":            {parts[0] + "." + parts[1], alb.ErrMalformed},
		"four parts":           {good + ".", alb.ErrMalformed},
		"very long":            {good + strings.Repeat("A", 40<<10), alb.ErrMalformed},
		"no padding":           {forge(t, key, head, claims, base64.RawURLEncoding), alb.ErrMalformed},
		"base64":               {forge(t, key, head+" ", claims, base64.StdEncoding) + "+", alb.ErrMalformed},
		"another key":          {forge(t, stranger, head, claims, base64.URLEncoding), alb.ErrSignature},
		"no signature":         {parts[0] + "." + parts[1] + ".", alb.ErrMalformed},
		"zero signature":       {parts[0] + "." + parts[1] + "." + base64.URLEncoding.EncodeToString(make([]byte, 64)), alb.ErrSignature},
		"short signature":      {parts[0] + "." + parts[1] + "." + base64.URLEncoding.EncodeToString(make([]byte, 32)), alb.ErrMalformed},
		"other claims":         {parts[0] + "." + base64.URLEncoding.EncodeToString([]byte(`{"sub":"x"}`)) + "." + parts[2], alb.ErrSignature},
		"alg none":             {with(`"ES256"`, `"none"`), alb.ErrMalformed},
		"alg HS256":            {with(`"ES256"`, `"HS256"`), alb.ErrMalformed},
		"alg twice":            {with(`"alg":"ES256"`, `"alg":"none","alg":"ES256"`), alb.ErrMalformed},
		"another load":         {with(arn, theirs), alb.ErrSigner},
		"another issuer":       {with(issuer, issuer+"4"), alb.ErrSigner},
		"another client":       {with(client, client+"0"), alb.ErrSigner},
		"no signer":            {with(`"signer":"`+arn+`",`, ``), alb.ErrMalformed},
		"signer is null":       {with(`"`+arn+`"`, `null`), alb.ErrMalformed},
		"signer is a list":     {with(`"`+arn+`"`, `["`+arn+`"]`), alb.ErrMalformed},
		"a path as key id":     {with(kid, "../../x"), alb.ErrMalformed},
		"a query in a key id":  {with(kid, kid[:35]+"?"), alb.ErrMalformed},
		"jku":                  {with(`"typ":"JWT"`, `"typ":"JWT","jku":"https://evil.example"`), alb.ErrMalformed},
		"crit":                 {with(`"typ":"JWT"`, `"typ":"JWT","crit":["x"]`), alb.ErrMalformed},
		"another case":         {with(`"signer"`, `"Signer"`), alb.ErrMalformed},
		"typ":                  {with(`"JWT"`, `"JWS"`), alb.ErrMalformed},
		"expired":              {with(fmt.Sprint(exp), fmt.Sprint(now.Unix())), alb.ErrExpired},
		"exp is a fraction":    {with(fmt.Sprint(exp), fmt.Sprint(exp)+".5"), alb.ErrMalformed},
		"exp is a text":        {with(fmt.Sprint(exp), fmt.Sprintf("%q", fmt.Sprint(exp))), alb.ErrMalformed},
		"negative exp":         {with(fmt.Sprint(exp), "-1"), alb.ErrExpired},
		"header is a list":     {forge(t, key, `[]`, claims, base64.URLEncoding), alb.ErrMalformed},
		"two headers":          {forge(t, key, head+head, claims, base64.URLEncoding), alb.ErrMalformed},
		"claims of another":    {payload(strings.Replace(claims, issuer, "https://evil.example", 1)), alb.ErrSigner},
		"claims live longer":   {payload(strings.Replace(claims, fmt.Sprint(exp), fmt.Sprint(exp+1), 1)), alb.ErrMalformed},
		"no sub":               {payload(`{}`), alb.ErrMalformed},
		"empty sub":            {payload(`{"sub":""}`), alb.ErrMalformed},
		"sub twice":            {payload(`{"sub":"a","sub":"b"}`), alb.ErrMalformed},
		"sub is a number":      {payload(`{"sub":1}`), alb.ErrMalformed},
		"claims are no object": {payload(`"x"`), alb.ErrMalformed},
		"claims are cut":       {payload(`{"sub":"x"`), alb.ErrMalformed},
	}
}

func TestForged(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	v := verifier(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/oauth2/keys/"+kid {
			t.Errorf("asked for %s", r.URL.Path)
		}
		_ = pem.Encode(w, &pem.Block{Type: "PUBLIC KEY", Bytes: der})
	}), at(now))
	exp := now.Add(time.Minute).Unix()
	head := fmt.Sprintf(`{"typ":"JWT","kid":%q,"alg":"ES256","iss":%q,"client":%q,"signer":%q,"exp":%d}`, kid, issuer, client, arn, exp)
	claims := fmt.Sprintf(`{"sub":%q,"exp":%d,"iss":%q}`, sub, exp, issuer)
	good := forge(t, key, head, claims, base64.URLEncoding)
	if _, err := v.Verify(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	for name, tt := range forgeries(t, key, head, claims) {
		if c, err := v.Verify(t.Context(), tt.data); !errors.Is(err, tt.want) || c != nil {
			t.Errorf("%s: %v, %v, want %v", name, c, err, tt.want)
		}
	}
}

// Made-up key ids cause a fetch a second at most, and a key in use is known all the same.
func TestKeys(t *testing.T) {
	s := signer(t, arn, issuer, client, secret)
	var calls atomic.Int64
	moment := now
	v := verifier(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { calls.Add(1); s.ServeHTTP(w, r) }), func() time.Time { return moment })
	data := sign(t, s)
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := v.Verify(context.Background(), data); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if calls.Load() != 1 {
		t.Errorf("%d fetches for 20 requests at once", calls.Load())
	}
	for i, want := range []error{alb.ErrUnknownKey, alb.ErrUnavailable, alb.ErrUnavailable} {
		made := signer(t, arn, issuer, client, []byte(fmt.Sprintf("%032d", i)))
		if _, err := v.Verify(t.Context(), sign(t, made)); !errors.Is(err, want) {
			t.Errorf("key %d: %v, want %v", i, err, want)
		}
	}
	if _, err := v.Verify(t.Context(), data); err != nil || calls.Load() != 2 {
		t.Errorf("the key in use: %v after %d fetches", err, calls.Load())
	}
	moment = now.Add(time.Second)
	if _, err := v.Verify(t.Context(), sign(t, signer(t, arn, issuer, client, second))); !errors.Is(err, alb.ErrUnknownKey) {
		t.Errorf("a second later: %v", err)
	}
}

func TestKeysThatAreNone(t *testing.T) {
	rsa := "-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAL\n-----END PUBLIC KEY-----\n"
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&p384.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, answer := range map[string]func(http.ResponseWriter){
		"status 500":    func(w http.ResponseWriter) { w.WriteHeader(500) },
		"redirect":      func(w http.ResponseWriter) { w.Header().Set("Location", "https://evil.example"); w.WriteHeader(302) },
		"no PEM":        func(w http.ResponseWriter) { _, _ = io.WriteString(w, "x") },
		"malformed key": func(w http.ResponseWriter) { _, _ = io.WriteString(w, rsa) },
		"another curve": func(w http.ResponseWriter) { _ = pem.Encode(w, &pem.Block{Type: "PUBLIC KEY", Bytes: der}) },
		"private key":   func(w http.ResponseWriter) { _ = pem.Encode(w, &pem.Block{Type: "PRIVATE KEY", Bytes: der}) },
		"very long":     func(w http.ResponseWriter) { _, _ = io.WriteString(w, strings.Repeat("x", 1<<20)) },
	} {
		v := verifier(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w) }), at(now))
		if _, err := v.Verify(t.Context(), sign(t, signer(t, arn, issuer, client, secret))); !errors.Is(err, alb.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRequire(t *testing.T) {
	s := signer(t, arn, issuer, client, secret)
	v := verifier(t, s, at(now))
	h := v.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := alb.FromContext(r.Context())
		_, _ = io.WriteString(w, c.Subject)
	}))
	data := sign(t, s)
	for _, tt := range []struct {
		name string
		head []string
		want int
	}{
		{"all", []string{alb.DataHeader, data, alb.IdentityHeader, sub}, 200},
		{"data alone", []string{alb.DataHeader, data}, 200},
		{"identity alone", []string{alb.IdentityHeader, sub}, 401},
		{"none", nil, 401},
		{"another identity", []string{alb.DataHeader, data, alb.IdentityHeader, "x"}, 401},
		{"two identities", []string{alb.DataHeader, data, alb.IdentityHeader, sub, alb.IdentityHeader, sub}, 401},
		{"two data", []string{alb.DataHeader, data, alb.DataHeader, data}, 401},
		{"nonsense", []string{alb.DataHeader, "x"}, 401},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		for i := 0; i < len(tt.head); i += 2 {
			r.Header.Add(tt.head[i], tt.head[i+1])
		}
		rec := httptest.NewRecorder()
		if h.ServeHTTP(rec, r); rec.Code != tt.want || tt.want == 200 && rec.Body.String() != sub {
			t.Errorf("%s: %d %s", tt.name, rec.Code, rec.Body)
		}
	}
}

func TestBadArguments(t *testing.T) {
	for name, a := range map[string]struct{ arn, issuer, client, secret string }{
		"ARN": {"arn:aws:s3:::x", issuer, client, string(secret)}, "line break": {arn + "\n", issuer, client, string(secret)},
		"issuer": {arn, "", client, string(secret)}, "client": {arn, issuer, "", string(secret)}, "secret": {arn, issuer, client, "short"},
	} {
		if _, err := alb.NewSigner(a.arn, a.issuer, a.client, [][]byte{[]byte(a.secret)}, nil); err == nil {
			t.Errorf("%s: a signer", name)
		}
	}
	for name, a := range map[string]struct {
		url     string
		signers []string
		issuer  string
	}{
		"http": {"http://keys.example", []string{arn}, issuer}, "no URL": {"keys", []string{arn}, issuer}, "query": {"https://keys.example/?x", []string{arn}, issuer},
		"no signer": {"https://keys.example", nil, issuer}, "signer": {"https://keys.example", []string{"x"}, issuer}, "issuer": {"https://keys.example", []string{arn}, ""},
	} {
		if _, err := alb.NewVerifier(a.url, a.signers, a.issuer, client, nil); err == nil {
			t.Errorf("%s: a verifier", name)
		}
	}
}

// The claims are those of userInfo of the service: about the user, and strings.
func TestUserInfo(t *testing.T) {
	key, err := token.GenerateKey(token.ES256)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := key.Sign([]byte(`{"sub":"` + sub + `","iss":"` + issuer + `","aud":"c","token_use":"id","exp":1796029320,"iat":1,"auth_time":1,"jti":"j","origin_jti":"o","nonce":"n","at_hash":"h",
		"cognito:username":"ann","cognito:groups":["a","b"],"email":"ann@example.com","email_verified":true,"custom:level":"3","address":{"formatted": "x"},"identities":[{"userId": "1"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	p, err := token.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	got, err := alb.UserInfo(p.UnverifiedClaims())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"address":"{\"formatted\":\"x\"}","custom:level":"3","email":"ann@example.com","email_verified":"true","identities":"[{\"userId\":\"1\"}]","sub":"` + sub + `","username":"ann"}`
	if text, err := json.Marshal(got); err != nil || string(text) != want {
		t.Errorf("%s, want %s", text, want)
	}
}

func FuzzVerify(f *testing.F) {
	s := signer(f, arn, issuer, client, secret)
	v := verifier(f, s, at(now))
	good := sign(f, s)
	f.Add(good)
	f.Add(strings.Replace(good, ".", "..", 1))
	f.Add("e30=.e30=.")
	signed := good[:strings.LastIndexByte(good, '.')]
	f.Fuzz(func(t *testing.T, data string) {
		_, err := v.Verify(context.Background(), data)
		if err == nil && data[:strings.LastIndexByte(data, '.')] != signed {
			t.Errorf("%q is good", data)
		}
		if err != nil && data == good {
			t.Error(err)
		}
	})
}
