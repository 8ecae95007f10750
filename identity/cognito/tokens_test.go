package cognito_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
)

// part decodes a part of a compact JWS or JWE, as text.
func part(t testing.TB, token string, i int) string {
	t.Helper()
	parts := strings.Split(token, ".")
	if i >= len(parts) {
		t.Fatalf("token has %d parts, want more than %d", len(parts), i)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[i])
	if err != nil {
		t.Fatalf("part %d of a token: %v", i, err)
	}
	return string(raw)
}

// claimsOf are the claims of a JWS, unverified.
func claimsOf(t testing.TB, token string) obj {
	t.Helper()
	return parse[obj](t, part(t, token, 1))
}

// get fetches a public document.
func (s *server) get(path string) *answer {
	s.t.Helper()
	return s.do(httptest.NewRequestWithContext(s.t.Context(), http.MethodGet, path, nil), path)
}

// wantClaims compares claims; a value of want that is a pattern is matched.
func wantClaims(t *testing.T, got, want obj) {
	t.Helper()
	for name, w := range want {
		g := got[name]
		if form, ok := w.(*regexp.Regexp); ok {
			if text, _ := g.(string); !form.MatchString(text) {
				t.Errorf("claim %s is %v, want %v", name, g, form)
			}
			continue
		}
		if !reflect.DeepEqual(g, w) {
			t.Errorf("claim %s is %#v, want %#v", name, g, w)
		}
	}
	for name, g := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("unexpected claim %s: %v", name, g)
		}
	}
}

// TestTokens has the forms of all tokens. Two RSA keys take long to make: in the short tier the pool signs by ES256.
func TestTokens(t *testing.T) {
	alg := "RS256"
	if testing.Short() {
		alg = "ES256"
	}
	s := newServerWith(t, serverOptions{rsa: alg == "RS256"})
	pool := s.pool(nil)
	c := s.client(pool, nil)
	sub := s.made(pool, "alice", "email", "alice@example.com", "email_verified", "true", "address", "1 Road", "updated_at", "5")
	tokens := c.signIn("alice")
	access, id := str(t, tokens, "AccessToken"), str(t, tokens, "IdToken")
	var keys map[string]*rsa.PublicKey
	if alg == "RS256" {
		keys = keysOf(t, s, pool)
	}
	header := regexp.MustCompile(`^\{"kid":"([A-Za-z0-9+/]{43}=)","alg":"` + alg + `"\}$`)
	kids := []string{}
	for _, token := range []string{access, id} {
		m := header.FindStringSubmatch(part(t, token, 0))
		if m == nil {
			t.Fatalf("header %s, want %v", part(t, token, 0), header)
		}
		kids = append(kids, m[1])
		if alg == "RS256" {
			wantSignature(t, keys[m[1]], token)
		}
	}
	if kids[0] == kids[1] {
		t.Errorf("one key signs access and ID tokens")
	}

	at := float64(epoch.Unix())
	iss := "https://cognito-idp.us-east-1.amazonaws.com/" + pool
	a, i := claimsOf(t, access), claimsOf(t, id)
	wantClaims(t, a, obj{
		"sub": sub, "iss": iss, "client_id": c.id, "origin_jti": uuidForm, "event_id": uuidForm, "token_use": "access",
		"scope": "aws.cognito.signin.user.admin", "auth_time": at, "exp": at + 3600, "iat": at, "jti": uuidForm, "username": "alice",
	})
	wantClaims(t, i, obj{
		"sub": sub, "iss": iss, "cognito:username": "alice", "origin_jti": a["origin_jti"], "event_id": a["event_id"], "aud": c.id,
		"token_use": "id", "auth_time": at, "exp": at + 3600, "iat": at, "jti": uuidForm, "email": "alice@example.com",
		"email_verified": true, "address": obj{"formatted": "1 Road"}, "updated_at": 5.0,
	})
	if a["jti"] == i["jti"] {
		t.Errorf("access and ID token have the same jti")
	}

	refresh := str(t, tokens, "RefreshToken")
	if parts := strings.Split(refresh, "."); len(parts) != 5 {
		t.Errorf("refresh token has %d parts, want the 5 of a JWE", len(parts))
	}
	if h := part(t, refresh, 0); !strings.HasPrefix(h, `{"cty":"JWT","enc":"A256GCM","alg":`) {
		t.Errorf("header of the refresh token: %s", h)
	}
}

// keysOf fetches the keys of a pool, and checks how they are written.
func keysOf(t *testing.T, s *server, pool string) map[string]*rsa.PublicKey {
	t.Helper()
	raw := s.get("/" + pool + "/.well-known/jwks.json").raw
	form := regexp.MustCompile(`^\{"keys":\[(\{"alg":"RS256","e":"AQAB","kid":"[^"]+","kty":"RSA","n":"[\w-]{342}","use":"sig"\},?){2}\]\}$`)
	if !form.MatchString(raw) {
		t.Errorf("JWKS %s, want %v", raw, form)
	}
	var doc struct{ Keys []struct{ Kid, N string } }
	if err := json.Unmarshal([]byte(raw), &doc); err != nil {
		t.Fatalf("JWKS: %v", err)
	}
	out := map[string]*rsa.PublicKey{}
	for _, k := range doc.Keys {
		n, err := base64.RawURLEncoding.DecodeString(k.N)
		if err != nil {
			t.Fatalf("modulus: %v", err)
		}
		out[k.Kid] = &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537}
	}
	return out
}

// wantSignature verifies a signature with nothing but the standard library.
func wantSignature(t *testing.T, key *rsa.PublicKey, token string) {
	t.Helper()
	if key == nil {
		t.Errorf("the JWKS lacks the key of a token")
		return
	}
	signed := token[:strings.LastIndex(token, ".")]
	sum := sha256.Sum256([]byte(signed))
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], []byte(part(t, token, 2))); err != nil {
		t.Errorf("signature: %v", err)
	}
}

func TestTokensWithoutRevocation(t *testing.T) {
	w := newWorld(t)
	c := w.client(w.pool, obj{"EnableTokenRevocation": false})
	tokens := c.signIn("alice")
	for _, name := range []string{"AccessToken", "IdToken"} {
		claims := claimsOf(t, str(t, tokens, name))
		if claims["origin_jti"] != nil || claims["event_id"] == nil {
			t.Errorf("%s has origin_jti %v and event_id %v, want only the latter", name, claims["origin_jti"], claims["event_id"])
		}
	}
	w.ok("GetUser", obj{"AccessToken": tokens["AccessToken"]})
}

// Rotation brings origin_jti back where revocation is off.
func TestTokensOfARotatingClientWithoutRevocation(t *testing.T) {
	w := newWorld(t)
	c := w.client(w.pool, obj{
		"EnableTokenRevocation": false, "RefreshTokenRotation": obj{"Feature": "ENABLED"}, "ExplicitAuthFlows": list{"ALLOW_USER_PASSWORD_AUTH"},
	})
	first := c.signIn("alice")
	next, _ := dig(w.ok("GetTokensFromRefreshToken", obj{"ClientId": c.id, "RefreshToken": first["RefreshToken"]}), "AuthenticationResult").(obj)
	want := str(t, claimsOf(t, str(t, first, "AccessToken")), "origin_jti")
	for _, tokens := range []obj{first, next} {
		for _, name := range []string{"AccessToken", "IdToken"} {
			if got := claimsOf(t, str(t, tokens, name))["origin_jti"]; got != want {
				t.Errorf("origin_jti of an %s is %v, want %s", name, got, want)
			}
		}
	}
	w.ok("GetUser", obj{"AccessToken": next["AccessToken"]})
}

// A client sees in tokens and answers what it may read, and no more.
func TestReadAttributes(t *testing.T) {
	s := newServer(t)
	pool := s.pool(obj{"Schema": list{
		obj{"Name": "plan", "AttributeDataType": "Number"}, obj{"Name": "note", "AttributeDataType": "String", "DeveloperOnlyAttribute": true},
	}})
	s.made(pool, "alice", "email", "a@example.com", "nickname", "al", "custom:plan", "7", "dev:custom:note", "n")
	for _, tt := range []struct {
		read any
		want []string
	}{
		{nil, []string{"custom:plan", "email", "nickname", "sub"}},
		{list{}, []string{"custom:plan", "email", "nickname", "sub"}},
		{list{"email"}, []string{"email", "sub"}},
		{list{"nickname", "custom:plan"}, []string{"custom:plan", "nickname", "sub"}},
	} {
		c := s.client(pool, obj{"ReadAttributes": tt.read})
		tokens := c.signIn("alice")
		user := s.ok("GetUser", obj{"AccessToken": tokens["AccessToken"]})
		id := claimsOf(t, str(t, tokens, "IdToken"))
		got, inToken := []string{}, []string{}
		for name := range attrMap(t, user["UserAttributes"]) {
			got = append(got, name)
		}
		for _, name := range []string{"email", "nickname", "custom:plan", "dev:custom:note", "sub"} {
			if id[name] != nil {
				inToken = append(inToken, name)
			}
		}
		slices.Sort(got)
		slices.Sort(inToken)
		if !slices.Equal(got, tt.want) || !slices.Equal(inToken, tt.want) {
			t.Errorf("read %v: GetUser tells %v, the ID token %v, want %v", tt.read, got, inToken, tt.want)
		}
		if v := id["custom:plan"]; v != nil && v != "7" {
			t.Errorf("custom:plan is %#v, want text", v)
		}
	}
}

func TestDiscovery(t *testing.T) {
	s := newServer(t)
	pool := s.pool(nil)
	iss := "https://cognito-idp.us-east-1.amazonaws.com/" + pool
	a := s.get("/" + pool + "/.well-known/openid-configuration")
	want := `{"authorization_endpoint":"` + iss + `/authorize","id_token_signing_alg_values_supported":["ES256"],"issuer":"` + iss +
		`","jwks_uri":"` + iss + `/.well-known/jwks.json","response_types_supported":["code","token"],` +
		`"scopes_supported":["openid","email","phone","profile"],"subject_types_supported":["public"],"token_endpoint":"` + iss +
		`/token","token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"],"userinfo_endpoint":"` + iss + `/userInfo"}`
	if a.status != http.StatusOK || a.raw != want {
		t.Errorf("discovery\n got %d %s\nwant %s", a.status, a.raw, want)
	}
	if got := a.header.Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("discovery allows the origin %q, want *", got)
	}
}

// The document of a safe pool names nothing that is not served.
func TestDiscoveryOfASafePool(t *testing.T) {
	s := newServer(t)
	pool, err := s.engine.OpenUserPool(t.Context(), "app", &identity.PoolSettings{Algorithm: "ES256"})
	if err != nil {
		t.Fatal(err)
	}
	iss := "https://cognito-idp.us-east-1.amazonaws.com/" + pool.PoolID()
	a := s.get("/" + pool.PoolID() + "/.well-known/openid-configuration")
	want := `{"id_token_signing_alg_values_supported":["ES256"],"issuer":"` + iss + `","jwks_uri":"` + iss + `/.well-known/jwks.json","subject_types_supported":["public"]}`
	if a.status != http.StatusOK || a.raw != want {
		t.Errorf("discovery\n got %d %s\nwant %s", a.status, a.raw, want)
	}
}

// Every answer has the id of its request, those that no SDK asked for too.
func TestRequestIDsOfDocuments(t *testing.T) {
	s := newServer(t)
	pool := s.pool(nil)
	for _, path := range []string{
		"/" + pool + "/.well-known/jwks.json", "/" + pool + "/.well-known/openid-configuration", "/us-east-1_nosuch/.well-known/jwks.json", "/",
	} {
		if id := s.get(path).header.Get("x-amzn-RequestId"); !uuidForm.MatchString(id) {
			t.Errorf("%s: x-amzn-RequestId is %q, want a UUID", path, id)
		}
	}
}

// The issuer of a fake is the address that it was asked at.
func TestSelfIssuer(t *testing.T) {
	s := newServerWith(t, serverOptions{issuer: cognito.SelfIssuer("https://auth.example.com/")})
	pool := s.pool(nil)
	for host, want := range map[string]string{
		"localhost:9229": "http://localhost:9229/", "127.0.0.1:9229": "http://127.0.0.1:9229/", "[::1]:9229": "http://[::1]:9229/",
		"evil.example.com": "https://auth.example.com/", "localhost.example.com": "https://auth.example.com/", "127.0.0.1.example.com": "https://auth.example.com/",
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/"+pool+"/.well-known/openid-configuration", nil)
		r.Host = host
		if got := s.do(r, "discovery").body["issuer"]; got != want+pool {
			t.Errorf("issuer at %s is %v, want %s", host, got, want+pool)
		}
	}
}

func TestUnknownDocuments(t *testing.T) {
	s := newServer(t)
	for _, path := range []string{
		"/us-east-1_nosuch/.well-known/jwks.json", "/us-east-1_nosuch/.well-known/openid-configuration",
		"/" + strings.Repeat("a", 5000) + "/.well-known/jwks.json", "/%00/.well-known/jwks.json", "/%ff%fe/.well-known/jwks.json", "//.well-known/jwks.json",
	} {
		if a := s.get(path); a.status != http.StatusNotFound || a.body["message"] != "User pool does not exist." {
			t.Errorf("%.60s: %d %s, want 404", path, a.status, a.raw)
		}
	}
	const want = `{"code":"BadRequest","message":"The server did not understand the operation that was requested.","type":"client"}`
	for _, tt := range []struct{ method, path string }{
		{"GET", "/"},
		{"PUT", "/"},
		{"POST", "/x"},
		{"GET", "/x/y/.well-known/jwks.json"},
		{"POST", "//"},
		{"POST", "/../"},
		{"GET", "//x"},
		{"POST", "/us-east-1_x/.well-known/jwks.json"},
		{"GET", "/us-east-1_x/.well-known/"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), tt.method, "/", nil)
		r.URL.Path = tt.path
		if a := s.do(r, tt.path); a.status != http.StatusBadRequest || a.raw != want {
			t.Errorf("%s %s: %d %s, want %s", tt.method, tt.path, a.status, a.raw, want)
		}
	}
}

func TestCORS(t *testing.T) {
	s := newServer(t)
	pool := s.pool(nil)
	ask := "content-type,x-amz-target,x-amz-user-agent,cache-control,amz-sdk-request,amz-sdk-invocation-id,authorization"
	for _, path := range []string{"/", "/" + pool + "/.well-known/jwks.json", "/" + pool + "/.well-known/openid-configuration"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodOptions, path, nil)
		r.Header.Set("Origin", "https://app.example.com")
		r.Header.Set("Access-Control-Request-Method", "POST")
		r.Header.Set("Access-Control-Request-Headers", ask)
		a := s.do(r, path)
		if a.status != http.StatusOK || a.header.Get("Access-Control-Allow-Headers") != ask || a.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("preflight of %s: %d %v", path, a.status, a.header)
		}
	}
	for _, a := range []*answer{
		s.call("ListUserPools", obj{"MaxResults": 1}), s.call("ListUserPools", obj{}), s.call("ListGroups", obj{}), s.send("nonsense", "{}"),
	} {
		expose := strings.ToLower(a.header.Get("Access-Control-Expose-Headers"))
		for _, name := range []string{"x-amzn-requestid", "x-amzn-errortype", "x-amzn-errormessage", "date"} {
			if !strings.Contains(expose, name) {
				t.Errorf("%s exposes %q, want %s among them", a.op, expose, name)
			}
		}
		a.wantHeaders(t)
	}
}
