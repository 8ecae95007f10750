package idpool_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/idpool"
	"github.com/cognate-id/cognate/token"
)

// oidcPool has an OIDC provider that is set up.
func (w *world) oidcPool() *idpool.Pool {
	w.t.Helper()
	err := w.pools.Providers().Set(w.t.Context(), idpool.Provider{ARN: oidcARN, OIDC: &idpool.OIDCProvider{ClientIDs: []string{"web", "app"}, JWKS: w.upstream.URL + "/keys"}})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.pool(idpool.Settings{OIDC: []string{oidcARN}})
}

func TestOIDC(t *testing.T) {
	w := newWorld(t, nil)
	p := w.oidcPool()
	minute := func(n int) int64 { return w.now().Add(time.Duration(n) * time.Minute).Unix() }
	for _, tt := range []struct {
		name   string
		change map[string]any
		want   error
	}{
		{"good", nil, nil},
		{"another client", map[string]any{"aud": "app"}, nil},
		{"the authorized party counts", map[string]any{"aud": "elsewhere", "azp": "web"}, nil},
		{"expired within the skew", map[string]any{"exp": minute(-4)}, nil},
		{"not yet valid within the skew", map[string]any{"nbf": minute(4)}, nil},
		{"client of somebody else", map[string]any{"aud": "elsewhere"}, idpool.ErrTokenAudience},
		{"authorized party of somebody else", map[string]any{"azp": "elsewhere"}, idpool.ErrTokenAudience},
		{"authorized party that is no text", map[string]any{"azp": 5}, idpool.ErrTokenAudience},
		{"authorized party that is empty", map[string]any{"azp": ""}, idpool.ErrTokenAudience},
		{"no audience", map[string]any{"aud": nil}, idpool.ErrTokenClaim},
		{"no subject", map[string]any{"sub": nil}, idpool.ErrTokenClaim},
		{"another issuer", map[string]any{"iss": "https://evil.example.com"}, idpool.ErrTokenIssuer},
		{"issuer by http", map[string]any{"iss": "http://idp.example.com"}, idpool.ErrTokenIssuer},
		{"issuer with a slash", map[string]any{"iss": "https://idp.example.com/"}, idpool.ErrTokenIssuer},
		{"no issuer", map[string]any{"iss": nil}, idpool.ErrTokenIssuer},
		{"expired", map[string]any{"exp": minute(-6)}, idpool.ErrTokenExpired},
		{"never expires", map[string]any{"exp": nil}, idpool.ErrTokenExpired},
		{"not yet valid", map[string]any{"nbf": minute(6)}, idpool.ErrTokenUnverified},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := w.pools.GetID(t.Context(), p.ID, idpool.Logins{"idp.example.com": w.idToken(upstreamKey(), tt.change)})
			if !errors.Is(err, tt.want) {
				t.Errorf("GetID = %v, want %v", err, tt.want)
			}
		})
	}
	for name, raw := range map[string]identity.Secret{"another key": w.idToken(strayKey(), nil), "no token": "x", "empty parts": ".."} {
		if _, err := w.pools.GetID(t.Context(), p.ID, idpool.Logins{"idp.example.com": raw}); !errors.Is(err, idpool.ErrTokenUnverified) {
			t.Errorf("%s: GetID = %v", name, err)
		}
	}
	if n := w.asked.Load(); n > 2 { // one fetch, and one more at most for the key that nobody knows
		t.Errorf("the keys were fetched %d times", n)
	}
	if n := w.rows("poolidentities"); n != 1 {
		t.Errorf("there are %d identities, want one", n)
	}
}

// Providers have habits of their own: Microsoft Entra ID names its certificate in the header, Keycloak has several audiences.
func TestOIDCOfOtherHabits(t *testing.T) {
	w := newWorld(t, nil)
	p := w.oidcPool()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := token.NewPublicKey("their-key", &key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	w.answer("/keys", token.Set{public})
	get := func(header, aud, azp string) error {
		claims := fmt.Sprintf(`{"iss":"https://idp.example.com","sub":"ann","exp":%d,"scope":["a"],"aud":%s%s}`, w.now().Add(time.Hour).Unix(), aud, azp)
		signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
		hash := sha256.Sum256([]byte(signed))
		r, s, err := ecdsa.Sign(rand.Reader, key, hash[:])
		if err != nil {
			t.Fatal(err)
		}
		signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		raw := signed + "." + base64.RawURLEncoding.EncodeToString(signature)
		_, err = w.pools.GetID(t.Context(), p.ID, idpool.Logins{"idp.example.com": identity.Secret(raw)})
		return err
	}
	const plain = `{"alg":"ES256","kid":"their-key"}`
	const entra = `{"typ":"JWT","alg":"ES256","x5t":"their-key","kid":"their-key"}`
	for _, tt := range []struct {
		name, header, aud, azp string
		want                   error
	}{
		{"Entra ID", entra, `"web"`, "", nil},
		{"several audiences", plain, `["account","web"]`, `,"azp":"web"`, nil},
		{"several audiences, for somebody else", plain, `["web","account"]`, `,"azp":"account"`, idpool.ErrTokenAudience},
		{"several audiences, for nobody in particular", plain, `["web","account"]`, "", idpool.ErrTokenAudience},
		{"no audience", plain, `[]`, "", idpool.ErrTokenClaim},
		{"brings a key", `{"alg":"ES256","kid":"their-key","jku":"https://evil.example.com"}`, `"web"`, "", idpool.ErrTokenUnverified},
		{"an extension that must be understood", `{"alg":"ES256","kid":"their-key","crit":["x"]}`, `"web"`, "", idpool.ErrTokenUnverified},
	} {
		if err := get(tt.header, tt.aud, tt.azp); !errors.Is(err, tt.want) {
			t.Errorf("%s: GetID = %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestOIDCOfNobody(t *testing.T) {
	w := newWorld(t, nil)
	p := w.pool(idpool.Settings{OIDC: []string{oidcARN}})
	logins := idpool.Logins{"idp.example.com": w.idToken(upstreamKey(), nil)}
	if _, err := w.pools.GetID(t.Context(), p.ID, logins); !errors.Is(err, idpool.ErrUnsupportedProvider) {
		t.Errorf("GetID with a provider that is not set up = %v", err)
	}
	if _, err := w.pools.GetID(t.Context(), w.pool(idpool.Settings{}).ID, logins); !errors.Is(err, idpool.ErrUnsupportedProvider) {
		t.Errorf("GetID of a pool without the provider = %v", err)
	}
	if n := w.asked.Load(); n > 0 {
		t.Errorf("the provider was asked %d times", n)
	}
}

// Without a URL of the keys, the discovery document has it. One of another issuer is not believed, and a provider that does
// not answer is asked seldom.
func TestDiscovery(t *testing.T) {
	w := newWorld(t, nil)
	issuer := w.upstream.URL
	arn := "arn:aws:iam::123456789012:oidc-provider/" + strings.TrimPrefix(issuer, "http://")
	if err := w.pools.Providers().Set(t.Context(), idpool.Provider{ARN: arn, OIDC: &idpool.OIDCProvider{ClientIDs: []string{"web"}, Issuer: issuer}}); err != nil {
		t.Fatal(err)
	}
	p := w.pool(idpool.Settings{OIDC: []string{arn}})
	get := func() error {
		_, err := w.pools.GetID(t.Context(), p.ID, idpool.Logins{strings.TrimPrefix(issuer, "http://"): w.idToken(upstreamKey(), map[string]any{"iss": issuer})})
		return err
	}
	for range 3 {
		if err := get(); !errors.Is(err, idpool.ErrExternalService) {
			t.Errorf("GetID without a document = %v", err)
		}
	}
	if n := w.asked.Load(); n != 1 {
		t.Errorf("asked %d times, want once", n)
	}
	w.answer("/.well-known/openid-configuration", map[string]any{"issuer": "https://evil.example.com", "jwks_uri": issuer + "/keys"})
	w.advance(11 * time.Second)
	if err := get(); !errors.Is(err, idpool.ErrExternalService) {
		t.Errorf("GetID with the document of another issuer = %v", err)
	}
	w.answer("/.well-known/openid-configuration", map[string]any{"issuer": issuer, "jwks_uri": issuer + "/keys"})
	w.advance(11 * time.Second)
	if err := get(); err != nil {
		t.Error(err)
	}
}

func TestGoogleAndApple(t *testing.T) {
	w := newWorld(t, nil)
	p := w.pool(idpool.Settings{Social: map[string]string{"accounts.google.com": "1.apps;2.apps", "appleid.apple.com": "com.example.app"}})
	for _, tt := range []struct {
		name, key, iss, aud string
		want                error
	}{
		{"Google", "accounts.google.com", "https://accounts.google.com", "1.apps", nil},
		{"Google, the older form", "accounts.google.com", "accounts.google.com", "2.apps", nil},
		{"Google, of another app", "accounts.google.com", "https://accounts.google.com", "1.apps;2.apps", idpool.ErrTokenAudience},
		{"Google, of Apple", "accounts.google.com", "https://appleid.apple.com", "1.apps", idpool.ErrTokenIssuer},
		{"Apple", "appleid.apple.com", "https://appleid.apple.com", "com.example.app", nil},
		{"Apple, of another app", "appleid.apple.com", "https://appleid.apple.com", "1.apps", idpool.ErrTokenAudience},
	} {
		_, err := w.pools.GetID(t.Context(), p.ID, idpool.Logins{tt.key: w.idToken(upstreamKey(), map[string]any{"iss": tt.iss, "aud": tt.aud})})
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: GetID = %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestFacebookAndAmazon(t *testing.T) {
	w := newWorld(t, nil)
	p := w.pool(idpool.Settings{Social: map[string]string{"graph.facebook.com": "7346241598935555", "www.amazon.com": "amzn1.application"}})
	get := func(key string) (string, error) {
		return w.pools.GetID(t.Context(), p.ID, idpool.Logins{key: "EAAC token & more"})
	}
	want := func(what, key string, want error) {
		t.Helper()
		if _, err := get(key); !errors.Is(err, want) {
			t.Errorf("%s: GetID = %v, want %v", what, err, want)
		}
	}
	w.answer("/app", map[string]any{"id": "7346241598935555", "name": "App"})
	w.answer("/me", map[string]any{"id": "1001"})
	want("Facebook", "graph.facebook.com", nil)
	w.answer("/app", map[string]any{"id": "1"})
	want("of another app", "graph.facebook.com", idpool.ErrTokenAudience)
	w.answer("/app", map[string]any{"error": map[string]any{"code": 190}})
	want("of no app", "graph.facebook.com", idpool.ErrTokenAudience)
	w.refuse("/app", http.StatusBadRequest)
	want("that is none", "graph.facebook.com", idpool.ErrTokenUnverified)
	w.refuse("/app", http.StatusInternalServerError)
	want("without an answer", "graph.facebook.com", idpool.ErrExternalService)
	w.answer("/app", map[string]any{"id": "7346241598935555"})
	w.answer("/me", map[string]any{})
	want("of nobody", "graph.facebook.com", idpool.ErrExternalService)

	info := func(aud, user string, exp int) {
		w.answer("/auth/o2/tokeninfo", map[string]any{"aud": aud, "user_id": user, "exp": exp, "iss": "https://www.amazon.com"})
	}
	info("amzn1.application", "amzn1.account.A", 3000)
	want("Amazon", "www.amazon.com", nil)
	info("amzn1.other", "amzn1.account.A", 3000)
	want("of another app", "www.amazon.com", idpool.ErrTokenAudience)
	info("amzn1.application", "amzn1.account.A", 0)
	want("that has expired", "www.amazon.com", idpool.ErrTokenUnverified)
	w.refuse("/auth/o2/tokeninfo", http.StatusUnauthorized)
	want("that is none", "www.amazon.com", idpool.ErrTokenUnverified)
}

// The guarded client does not call this machine, unless it is told to.
func TestProvidersOfTheOwnNetworkAreNotCalled(t *testing.T) {
	w := newWorld(t, func(o *idpool.Options) { o.Fetch = nil })
	p := w.oidcPool()
	_, err := w.pools.GetID(t.Context(), p.ID, idpool.Logins{"idp.example.com": w.idToken(upstreamKey(), nil)})
	if !errors.Is(err, idpool.ErrExternalService) || w.asked.Load() > 0 {
		t.Errorf("GetID = %v, asked %d times", err, w.asked.Load())
	}
}

func TestSAML(t *testing.T) {
	w := newWorld(t, nil)
	metadata, err := os.ReadFile("testdata/saml-metadata.xml")
	if err != nil {
		t.Fatal(err)
	}
	good := samlResponse(t, w.now(), nil)
	p := w.pool(idpool.Settings{SAML: []string{samlARN}})
	if _, err := w.pools.GetID(t.Context(), p.ID, idpool.Logins{samlARN: identity.Secret(good)}); !errors.Is(err, idpool.ErrUnsupportedProvider) {
		t.Errorf("GetID with a provider that is not set up = %v", err)
	}
	if err := w.pools.Providers().Set(t.Context(), idpool.Provider{ARN: samlARN, SAML: &idpool.SAMLProvider{Metadata: string(metadata)}}); err != nil {
		t.Fatal(err)
	}
	roles := idpool.Roles{Authenticated: userRole, Mappings: map[string]idpool.Mapping{samlARN: {Type: idpool.MappingToken, Ambiguous: idpool.AmbiguousDeny}}}
	if err := w.pools.Pools().SetRoles(t.Context(), p.ID, roles); err != nil {
		t.Fatal(err)
	}
	if _, err := w.pools.Pools().SetPrincipalTags(t.Context(), p.ID, samlARN, idpool.PrincipalTags{UseDefaults: true}); err != nil {
		t.Fatal(err)
	}
	logins := idpool.Logins{samlARN: identity.Secret(good)}
	id, err := w.pools.GetID(t.Context(), p.ID, logins)
	if err != nil {
		t.Fatal(err)
	}
	c, err := w.pools.Credentials(t.Context(), id, logins, "")
	if err != nil {
		t.Fatal(err)
	}
	if c.Session.RoleARN != "arn:aws:iam::123456789012:role/staff" || c.Session.Tags["username"] != "ann" {
		t.Errorf("the session is %+v", c.Session)
	}
	for name, change := range map[string]func(string) string{
		"another audience": func(s string) string {
			return strings.Replace(s, "urn:amazon:webservices", "urn:amazon:cognito:sp:x", 1)
		},
		"another recipient": func(s string) string { return strings.ReplaceAll(s, "signin.aws.amazon.com", "evil.example.com") },
		"changed later":     nil,
	} {
		raw := samlResponse(t, w.now(), change)
		if change == nil {
			doc, _ := base64.StdEncoding.DecodeString(good)
			raw = base64.StdEncoding.EncodeToString([]byte(strings.Replace(string(doc), ">ann<", ">bob<", 1)))
		}
		if _, err := w.pools.GetID(t.Context(), p.ID, idpool.Logins{samlARN: identity.Secret(raw)}); !errors.Is(err, idpool.ErrTokenUnverified) {
			t.Errorf("%s: GetID = %v", name, err)
		}
	}
	w.advance(time.Hour)
	if _, err := w.pools.GetID(t.Context(), p.ID, logins); !errors.Is(err, idpool.ErrTokenUnverified) {
		t.Errorf("GetID an hour later = %v", err)
	}
}
