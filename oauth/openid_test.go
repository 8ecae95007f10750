package oauth_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/oauth"
)

// hinted is a world whose pool has the setting OpenID, with two users.
func hinted(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, func(s *identity.PoolSettings) { s.OpenID = new(true) })
	w.user("ann")
	w.user("bob")
	return w
}

func (w *world) idToken(b *browser, client *identity.AppClient, name string) string {
	w.Helper()
	_, doc, _ := w.post("/oauth2/token", "grant_type", "authorization_code", "client_id", client.ClientID(), "redirect_uri", callback,
		"code", b.code(client, name), "code_verifier", verifier)
	raw, _ := doc["id_token"].(string)
	return raw
}

// An application that names a user gets no other.
func TestHintsNameTheUser(t *testing.T) {
	w := hinted(t)
	annsToken := w.idToken(w.browser(), w.public, "ann")
	annsSub := claims(t, annsToken)["sub"].(string)
	for name, more := range map[string][]string{
		"id_token_hint": {"id_token_hint", annsToken},
		"claims":        {"claims", `{"id_token":{"sub":{"value":"` + annsSub + `"}}}`},
	} {
		b := w.browser()
		b.code(w.public, "bob")
		if _, out := b.get(w.authorizeURL(w.public, append(more, "prompt", "none")...)); refusedAt(out) != "login_required" {
			t.Errorf("%s, silently: %v", name, out)
		}
		if status, out := b.get(w.authorizeURL(w.public, more...)); status != http.StatusOK || out != nil {
			t.Fatalf("%s: %d %v", name, status, out)
		}
		if _, out := b.submit(map[string]string{"username": "bob", "password": password}); refusedAt(out) != "login_required" {
			t.Errorf("%s, and another user signs in: %v", name, out)
		}
		b.get(w.authorizeURL(w.public, more...))
		if _, out := b.submit(map[string]string{"username": "ann", "password": password}); out == nil || out.Query().Get("code") == "" {
			t.Errorf("%s, and the user signs in: %v", name, out)
		}
	}
}

func TestInvalidHintsAndClaims(t *testing.T) {
	w := hinted(t)
	other := hinted(t)
	foreign := other.idToken(other.browser(), other.public, "ann")
	own := w.idToken(w.browser(), w.public, "ann")
	_, doc, _ := w.post("/oauth2/token", "grant_type", "authorization_code", "client_id", w.public.ClientID(), "redirect_uri", callback,
		"code", w.browser().code(w.public, "bob"), "code_verifier", verifier)
	access, _ := doc["access_token"].(string)
	neighbour, err := w.engine.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "neighbour", Region: "us-east-1", Algorithm: "ES256", Defaults: identity.CognitoDefaults, OpenID: new(true)})
	if err != nil {
		t.Fatal(err)
	}
	next := &world{TB: t, engine: w.engine, server: w.server}
	if next.pool, err = w.engine.UserPool(t.Context(), neighbour.ID); err != nil {
		t.Fatal(err)
	}
	app := next.client(func(*identity.ClientSettings) {})
	next.user("ann")
	beside := next.idToken(next.browser(), app, "ann")
	head := own[:strings.LastIndexByte(own, '.')]
	for name, more := range map[string][]string{
		"text":                      {"id_token_hint", "x.y.z"},
		"an access token":           {"id_token_hint", access},
		"without its signature":     {"id_token_hint", head + "."},
		"with another signature":    {"id_token_hint", head + foreign[strings.LastIndexByte(foreign, '.'):]},
		"of another server":         {"id_token_hint", foreign},
		"of another pool":           {"id_token_hint", beside},
		"claims that are text":      {"claims", "name"},
		"a sub that is a number":    {"claims", `{"id_token":{"sub":{"value":5}}}`},
		"claims that are a list":    {"claims", `{"userinfo":[]}`},
		"claims that end too early": {"claims", `{"userinfo":{`},
	} {
		if _, out := w.browser().get(w.authorizeURL(w.public, more...)); refusedAt(out) != "invalid_request" {
			t.Errorf("%s: %v", name, out)
		}
	}
	_, out := w.browser().get(w.authorizeURL(w.public, "id_token_hint", own, "claims", `{"id_token":{"sub":{"value":"another"}}}`))
	if refusedAt(out) != "login_required" {
		t.Errorf("a hint and claims of different users: %v", out)
	}
}

// Pools that are held to Amazon Cognito's behaviour do not know these parameters.
func TestCognitoKnowsNoHints(t *testing.T) {
	w := newWorld(t, nil)
	w.user("ann")
	for _, more := range [][]string{{"id_token_hint", "x"}, {"claims", "x"}, {"claims", `{"userinfo":{"name":null}}`}} {
		b := w.browser()
		b.get(w.authorizeURL(w.public, more...))
		_, out := b.submit(map[string]string{"username": "ann", "password": password})
		if out == nil || out.Query().Get("code") == "" || out.Query().Has("iss") {
			t.Fatalf("%v: %v", more, out)
		}
		_, doc, _ := w.post("/oauth2/token", "grant_type", "authorization_code", "client_id", w.public.ClientID(), "redirect_uri", callback,
			"code", out.Query().Get("code"), "code_verifier", verifier)
		access, _ := doc["access_token"].(string)
		if _, info, _ := w.call(http.MethodGet, "/oauth2/userInfo", nil, "Authorization", "Bearer "+access); info["name"] != nil || info["email_verified"] != "true" {
			t.Errorf("%v: user info is %v", more, info)
		}
	}
	if status, _, h := w.call(http.MethodGet, "/oauth2/userInfo", nil, "Authorization", "Bearer x.y.z"); status != http.StatusUnauthorized || strings.HasPrefix(h.Get("WWW-Authenticate"), "Bearer") {
		t.Errorf("a forged token: %d %v", status, h)
	}
	if status, _, _ := w.post("/oauth2/token", "grant_type", "refresh_token", "refresh_token", "x", "client_id", w.secret.ClientID(), "client_secret", "wrong"); status != http.StatusBadRequest {
		t.Errorf("a wrong secret: %d", status)
	}
}

func TestResourcesAreThoseOfThePool(t *testing.T) {
	w := hinted(t)
	const api = "https://api.example.com"
	if _, out := w.browser().get(w.authorizeURL(w.public, "resource", api)); refusedAt(out) != "invalid_target" {
		t.Errorf("a resource that does not exist: %v", out)
	}
	if _, err := w.pool.Admin().ResourceServers().Create(t.Context(), identity.ResourceServerSettings{Identifier: api, Name: "api"}); err != nil {
		t.Fatal(err)
	}
	_, doc, _ := w.post("/oauth2/token", "grant_type", "authorization_code", "client_id", w.public.ClientID(), "redirect_uri", callback,
		"code", w.browser().code(w.public, "ann", "resource", api), "code_verifier", verifier)
	if aud := claims(t, doc["access_token"])["aud"]; aud != api {
		t.Errorf("aud is %v", aud)
	}
}

// A token of the API has no scope openid: 403 in a pool with the setting OpenID, and 401 from the service.
func TestTokensWithoutOpenID(t *testing.T) {
	for openID, want := range map[bool]int{true: http.StatusForbidden, false: http.StatusUnauthorized} {
		w := newWorld(t, func(s *identity.PoolSettings) { s.OpenID = new(openID) })
		w.user("ann")
		app := w.client(func(c *identity.ClientSettings) { c.AuthFlows = []identity.AuthFlow{identity.AllowUserPassword} })
		in, err := app.SignIn(t.Context(), identity.SignIn{Username: "ann", Password: password})
		if err != nil {
			t.Fatal(err)
		}
		status, doc, h := w.call(http.MethodGet, "/oauth2/userInfo", nil, "Authorization", "Bearer "+string(in.Tokens.Access))
		if status != want || doc["error"] != "insufficient_scope" || strings.HasPrefix(h.Get("WWW-Authenticate"), "Bearer ") != openID {
			t.Errorf("openID %t: %d %v %s", openID, status, doc, h.Get("WWW-Authenticate"))
		}
	}
}

// TestTokensNameTheirScopes is RFC 6749, section 5.1: an answer has scope where it differs from what was asked for. Here it has it always, by
// each grant, and Amazon Cognito's answers have the members of the service and no other.
func TestTokensNameTheirScopes(t *testing.T) {
	for name, openID := range map[string]bool{"OpenID Connect": true, "Amazon Cognito": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(s *identity.PoolSettings) { s.OpenID = new(openID) })
			w.user("ann")
			wants := func(grant string, doc map[string]any, scope string, members ...string) {
				t.Helper()
				if openID {
					members = append(members, "scope")
				}
				if got := slices.Sorted(maps.Keys(doc)); !slices.Equal(got, slices.Sorted(slices.Values(members))) {
					t.Errorf("%s: members %q, want %q", grant, got, members)
				}
				if openID && doc["scope"] != scope || doc["scope"] != nil && doc["scope"] != claims(t, doc["access_token"])["scope"] {
					t.Errorf("%s: scope %q, want %q as in the token: %v", grant, doc["scope"], scope, claims(t, doc["access_token"])["scope"])
				}
			}
			id := w.public.ClientID()
			_, doc, _ := w.post("/oauth2/token", "grant_type", "authorization_code", "client_id", id, "redirect_uri", callback, "code", w.browser().code(w.public, "ann"), "code_verifier", verifier)
			wants("code", doc, "openid email", "id_token", "access_token", "refresh_token", "expires_in", "token_type")
			refresh, _ := doc["refresh_token"].(string)
			_, doc, _ = w.post("/oauth2/token", "grant_type", "refresh_token", "client_id", id, "refresh_token", refresh)
			wants("refresh", doc, "openid email", "id_token", "access_token", "expires_in", "token_type")
			// Without scope a client gets all that it may have, so the answer must say what.
			_, doc, _ = w.post("/oauth2/token", "grant_type", "authorization_code", "client_id", id, "redirect_uri", callback, "code", w.browser().code(w.public, "ann", "scope", ""), "code_verifier", verifier)
			wants("code without scope", doc, "openid profile email phone aws.cognito.signin.user.admin", "id_token", "access_token", "refresh_token", "expires_in", "token_type")

			if _, err := w.pool.Admin().ResourceServers().Create(t.Context(), identity.ResourceServerSettings{Identifier: "api", Name: "api", Scopes: []identity.ResourceScope{{Name: "read", Description: "read"}}}); err != nil {
				t.Fatal(err)
			}
			machine := w.client(func(c *identity.ClientSettings) {
				c.Secret, c.OAuthFlows, c.OAuthScopes = clientSecret, []string{"client_credentials"}, []string{"api/read"}
			})
			_, doc, _ = w.post("/oauth2/token", "grant_type", "client_credentials", "client_id", machine.ClientID(), "client_secret", clientSecret)
			wants("client credentials", doc, "api/read", "access_token", "expires_in", "token_type")

			implicit := w.client(func(c *identity.ClientSettings) { c.OAuthFlows = []string{"implicit"} })
			b := w.browser()
			b.get(w.authorizeURL(implicit, "response_type", "token", "code_challenge", "", "code_challenge_method", ""))
			_, out := b.submit(map[string]string{"username": "ann", "password": password})
			q, err := url.ParseQuery(out.EscapedFragment())
			if err != nil || q.Get("access_token") == "" || q.Has("scope") != openID || openID && q.Get("scope") != "openid email" {
				t.Errorf("implicit: scope %q, %v", q.Get("scope"), err)
			}
		})
	}
}

// TestDiscoveryOfAPlanWithoutLevels: LITE ignores levels, so discovery names none.
func TestDiscoveryOfAPlanWithoutLevels(t *testing.T) {
	for tier, want := range map[identity.Tier]bool{identity.TierLite: false, identity.TierEssentials: true} {
		w := newWorld(t, func(s *identity.PoolSettings) { s.OpenID, s.Tier = new(true), tier })
		w.server.Config.Handler = cognito.NewHandler(w.engine, &cognito.Options{AuthorizationServer: oauth.NewServer(w.engine, nil)})
		_, doc, _ := w.call(http.MethodGet, "/"+w.pool.PoolID()+"/.well-known/openid-configuration", nil)
		if _, has := doc["acr_values_supported"]; has != want || doc["claims_parameter_supported"] != true {
			t.Errorf("%s: acr_values_supported is %v, want it: %v", tier, doc["acr_values_supported"], want)
		}
	}
}
