package oauth_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/oauth"
	"github.com/cognate-id/cognate/token"
)

// The modules of the OpenID Foundation's conformance suite that apply to an OpenID provider with static
// clients and the code flow, each as a test of ours with its name. The names are those of the plans Basic OP, Config OP,
// Form Post OP and RP-Initiated Logout OP. They hold in pools with the setting OpenID. The suite itself runs against a
// public https address, and is not run here.

// A provider is a world whose pool keeps to OpenID Connect, with discovery.
type provider struct {
	*world
	issuer string
	config map[string]any
}

var everyClaim = map[string]string{
	"email": "ann@example.com", "email_verified": "true", "phone_number": "+4930123456", "phone_number_verified": "true",
	"name": "Ann Example", "given_name": "Ann", "family_name": "Example", "middle_name": "B", "nickname": "annie", "preferred_username": "ann.example",
	"profile": "https://example.com/ann", "picture": "https://example.com/ann.png", "website": "https://example.com", "gender": "female",
	"birthdate": "1990-01-02", "zoneinfo": "Europe/Berlin", "locale": "de-DE", "updated_at": "1700000000",
}

// signingAlg is the algorithm of the provider's pool. RSA keys take long to make: the short tier has none.
func signingAlg() string {
	if testing.Short() {
		return "ES256"
	}
	return "RS256"
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{}
	var server *httptest.Server
	p.world = newWorld(t, func(s *identity.PoolSettings) {
		s.OpenID, s.Algorithm = new(true), token.Algorithm(signingAlg())
		s.Issuer = "" // that of the server
	})
	handler := cognito.NewHandler(p.engine, &cognito.Options{AuthorizationServer: oauth.NewServer(p.engine, &oauth.Options{InsecureHTTP: true})})
	server = httptest.NewServer(handler)
	t.Cleanup(server.Close)
	p.server = server
	p.user("ann")
	if err := p.pool.Admin().Users().UpdateAttributes(t.Context(), "ann", everyClaim); err != nil {
		t.Fatal(err)
	}
	p.advance(time.Second) // a sign-in at the very moment of a new password counts for no level
	status, doc, _ := p.call(http.MethodGet, "/"+p.public.PoolID()+"/.well-known/openid-configuration", nil)
	if status != http.StatusOK {
		t.Fatalf("discovery: %d", status)
	}
	p.config = doc
	p.issuer, _ = doc["issuer"].(string)
	return p
}

// exchange gets tokens for a code, by Basic.
func (p *provider) exchange(code string, more ...string) (int, map[string]any) {
	p.Helper()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	r, err := http.NewRequestWithContext(p.Context(), http.MethodPost, p.server.URL+"/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		p.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(p.secret.ClientID(), clientSecret)
	a, err := (&http.Client{Transport: p.wire}).Do(r)
	if err != nil {
		p.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	raw, err := io.ReadAll(a.Body)
	doc := map[string]any{}
	if err == nil {
		err = json.Unmarshal(raw, &doc)
	}
	if err != nil {
		p.Fatalf("%d %s: %v", a.StatusCode, raw, err)
	}
	return a.StatusCode, doc
}

// tokens signs ann in by a browser and exchanges the code.
func (p *provider) tokens(b *browser, more ...string) map[string]any {
	p.Helper()
	status, doc := p.exchange(b.code(p.secret, "ann", more...))
	if status != http.StatusOK {
		p.Fatalf("exchange: %d %v", status, doc)
	}
	return doc
}

func (p *provider) info(access any) map[string]any {
	p.Helper()
	text, _ := access.(string)
	status, doc, _ := p.call(http.MethodGet, "/oauth2/userInfo", nil, "Authorization", "Bearer "+text)
	if status != http.StatusOK {
		p.Fatalf("user info: %d %v", status, doc)
	}
	return doc
}

func (p *provider) sub() string {
	u, err := p.pool.Admin().Users().Get(p.Context(), "ann")
	if err != nil {
		p.Fatal(err)
	}
	return u.Sub
}

// shown are the claims of a document that are attributes.
func shown(doc map[string]any) []string {
	return slices.Sorted(func(yield func(string) bool) {
		for name := range doc {
			if _, ok := everyClaim[name]; ok && !yield(name) {
				return
			}
		}
	})
}

var byScope = map[string][]string{
	"openid":         nil,
	"openid email":   {"email", "email_verified"},
	"openid phone":   {"phone_number", "phone_number_verified"},
	"openid profile": profileClaims(),
}

func profileClaims() []string {
	all := slices.Sorted(maps.Keys(everyClaim))
	return slices.DeleteFunc(all, func(name string) bool { return strings.HasPrefix(name, "email") || strings.HasPrefix(name, "phone") })
}

func TestConformance(t *testing.T) {
	p := newProvider(t)
	scope := func(name string) func(*testing.T) {
		return func(t *testing.T) {
			doc := p.tokens(p.browser(), "scope", name)
			info := p.info(doc["access_token"])
			if !slices.Equal(shown(info), byScope[name]) || info["sub"] != p.sub() {
				t.Errorf("user info shows %v, want %v", shown(info), byScope[name])
			}
		}
	}
	none := func(t *testing.T) { // the suite skips these for a server without the scope address
		t.Helper()
		if slices.Contains(list(p.config["scopes_supported"]), "address") {
			t.Error("discovery has the scope address")
		}
	}
	harmless := func(more ...string) func(*testing.T) {
		return func(t *testing.T) { p.checkID(t, p.tokens(p.browser(), more...)["id_token"]) }
	}
	for name, test := range map[string]func(*testing.T){
		"oidcc-discovery-endpoint-verification":                     p.discovery,
		"oidcc-server":                                              harmless(),
		"oidcc-alternate-happy-flow":                                harmless("response_mode", "query"),
		"oidcc-response-type-missing":                               p.refused("invalid_request", "response_type", ""),
		"oidcc-userinfo-get":                                        p.userInfo(http.MethodGet, true),
		"oidcc-userinfo-post-header":                                p.userInfo(http.MethodPost, true),
		"oidcc-userinfo-post-body":                                  p.userInfo(http.MethodPost, false),
		"oidcc-ensure-request-without-nonce-succeeds-for-code-flow": harmless("nonce", ""),
		"oidcc-scope-profile":                                       scope("openid profile"),
		"oidcc-scope-email":                                         scope("openid email"),
		"oidcc-scope-phone":                                         scope("openid phone"),
		"oidcc-scope-address":                                       none,
		"oidcc-scope-all":                                           none,
		"oidcc-ensure-other-scope-order-succeeds":                   harmless("scope", "email openid"),
		"oidcc-display-page":                                        harmless("display", "page"),
		"oidcc-display-popup":                                       harmless("display", "popup"),
		"oidcc-ui-locales":                                          harmless("ui_locales", "se en"),
		"oidcc-claims-locales":                                      harmless("claims_locales", "se"),
		"oidcc-login-hint":                                          harmless("login_hint", "ann@example.com"),
		"oidcc-ensure-request-with-acr-values-succeeds":             harmless("acr_values", "urn:cognito:loa:1 urn:cognito:loa:2"),
		"oidcc-ensure-request-with-unknown-parameter-succeeds":      harmless("extra", "foobar"),
		"oidcc-ensure-request-with-valid-pkce-succeeds":             harmless(),
		"oidcc-prompt-login":                                        p.promptLogin,
		"oidcc-prompt-none-not-logged-in":                           p.refused("login_required", "prompt", "none"),
		"oidcc-prompt-none-logged-in":                               p.promptNone,
		"oidcc-id-token-hint":                                       p.promptNone,
		"oidcc-max-age-1":                                           p.maxAge,
		"oidcc-max-age-10000":                                       p.maxAge,
		"oidcc-codereuse":                                           p.codeReuse(0),
		"oidcc-codereuse-30seconds":                                 p.codeReuse(30 * time.Second),
		"oidcc-ensure-registered-redirect-uri":                      p.unregistered,
		"oidcc-ensure-post-request-succeeds":                        p.postRequest,
		"oidcc-server-client-secret-post":                           p.secretPost,
		"oidcc-claims-essential":                                    p.claimsEssential,
		"oidcc-refresh-token":                                       p.refreshToken,
		"oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported": p.refused("request_not_supported", "request", "eyJhbGciOiJub25lIn0.e30."),
		"oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported":    p.refused("request_uri_not_supported", "request_uri", "https://app.example.com/request"),
		"oidcc-ensure-request-object-with-redirect-uri":                                p.refused("request_not_supported", "request", "eyJhbGciOiJub25lIn0.e30."),
	} {
		t.Run(name, test)
	}
}

func list(v any) (all []string) {
	items, _ := v.([]any)
	for _, i := range items {
		s, _ := i.(string)
		all = append(all, s)
	}
	return all
}

// checkID checks the claims of an ID token.
func (p *provider) checkID(t *testing.T, raw any) {
	t.Helper()
	c := claims(t, raw)
	now := float64(p.now().Unix())
	exp, _ := c["exp"].(float64)
	at, _ := c["auth_time"].(float64)
	if c["iss"] != p.issuer || c["aud"] != p.secret.ClientID() || c["sub"] != p.sub() || exp <= now || at > now || at == 0 || c["at_hash"] == nil {
		t.Errorf("the ID token has %v", c)
	}
}

func (p *provider) refused(want string, more ...string) func(*testing.T) {
	return func(t *testing.T) {
		_, out := p.browser().get(p.authorizeURL(p.secret, more...))
		if refusedAt(out) != want || stateOf(out) != "s t&" || out.Query().Get("iss") != p.issuer {
			t.Errorf("%v, want %s", out, want)
		}
	}
}

func (p *provider) discovery(t *testing.T) {
	for _, name := range []string{"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint", "revocation_endpoint"} {
		if s, _ := p.config[name].(string); !strings.HasPrefix(s, "http") {
			t.Errorf("%s is %v", name, p.config[name])
		}
	}
	for name, want := range map[string]string{
		"response_types_supported": "code", "subject_types_supported": "public", "id_token_signing_alg_values_supported": signingAlg(),
		"scopes_supported": "openid", "grant_types_supported": "refresh_token", "response_modes_supported": "form_post",
		"code_challenge_methods_supported": "S256", "claims_supported": "sub", "prompt_values_supported": "none", "token_endpoint_auth_methods_supported": "none",
	} {
		if !slices.Contains(list(p.config[name]), want) {
			t.Errorf("%s is %v, without %s", name, p.config[name], want)
		}
	}
	if p.config["request_uri_parameter_supported"] != false || p.config["claims_parameter_supported"] != true || p.config["authorization_response_iss_parameter_supported"] != true {
		t.Errorf("the abilities are %v", p.config)
	}
	for _, path := range []string{"/" + p.public.PoolID() + "/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/" + p.public.PoolID()} {
		if status, doc, _ := p.call(http.MethodGet, path, nil); status != http.StatusOK || doc["issuer"] != p.issuer {
			t.Errorf("%s: %d %v", path, status, doc)
		}
	}
}

func (p *provider) userInfo(method string, header bool) func(*testing.T) {
	return func(t *testing.T) {
		access, _ := p.tokens(p.browser(), "scope", "openid profile email phone")["access_token"].(string)
		var status int
		var doc map[string]any
		if header {
			status, doc, _ = p.call(method, "/oauth2/userInfo", nil, "Authorization", "Bearer "+access)
		} else {
			status, doc, _ = p.post("/oauth2/userInfo", "access_token", access)
		}
		if status != http.StatusOK || doc["sub"] != p.sub() || doc["email_verified"] != true || doc["phone_number_verified"] != true || doc["updated_at"] != 1.7e9 {
			t.Errorf("%d %v", status, doc)
		}
	}
}

func (p *provider) promptLogin(t *testing.T) {
	b := p.browser()
	first := claims(t, p.tokens(b)["id_token"])
	p.advance(2 * time.Second)
	if status, out := b.get(p.authorizeURL(p.secret, "prompt", "login")); out != nil || status != http.StatusOK || b.at.Path != "/login" {
		t.Fatalf("prompt=login: %d %v", status, out)
	}
	status, out := b.submit(map[string]string{"username": "ann", "password": password})
	if status != http.StatusSeeOther { // RFC 9700, section 4.12
		t.Errorf("after the form: %d", status)
	}
	_, doc := p.exchange(out.Query().Get("code"))
	if second := claims(t, doc["id_token"]); second["auth_time"].(float64) <= first["auth_time"].(float64) || second["sub"] != first["sub"] {
		t.Errorf("auth_time %v, then %v", first["auth_time"], second["auth_time"])
	}
}

func (p *provider) promptNone(t *testing.T) {
	b := p.browser()
	first := p.tokens(b)
	raw, _ := first["id_token"].(string)
	p.advance(2 * time.Second)
	for _, more := range [][]string{{"prompt", "none"}, {"prompt", "none", "id_token_hint", raw}} {
		_, out := b.get(p.authorizeURL(p.secret, more...))
		_, doc := p.exchange(out.Query().Get("code"))
		one, two := claims(t, raw), claims(t, doc["id_token"])
		if one["sub"] != two["sub"] || one["auth_time"] != two["auth_time"] {
			t.Errorf("%v: %v, then %v", more, one, two)
		}
	}
}

func (p *provider) maxAge(t *testing.T) {
	b := p.browser()
	first := claims(t, p.tokens(b)["id_token"])
	p.advance(2 * time.Second)
	_, out := b.get(p.authorizeURL(p.secret, "max_age", "10000"))
	_, doc := p.exchange(out.Query().Get("code"))
	if again := claims(t, doc["id_token"]); again["auth_time"] != first["auth_time"] {
		t.Errorf("max_age=10000: auth_time %v, then %v", first["auth_time"], again["auth_time"])
	}
	if _, out := b.get(p.authorizeURL(p.secret, "max_age", "1")); out != nil {
		t.Fatalf("max_age=1 is silent: %v", out)
	}
	_, out = b.submit(map[string]string{"username": "ann", "password": password})
	_, doc = p.exchange(out.Query().Get("code"))
	if again := claims(t, doc["id_token"]); again["auth_time"].(float64) < float64(p.now().Unix())-1 {
		t.Errorf("max_age=1: auth_time %v", again["auth_time"])
	}
}

func (p *provider) codeReuse(after time.Duration) func(*testing.T) {
	return func(t *testing.T) {
		code := p.browser().code(p.secret, "ann")
		_, doc := p.exchange(code)
		p.advance(after)
		if status, again := p.exchange(code); status != http.StatusBadRequest || again["error"] != "invalid_grant" {
			t.Errorf("the second time: %d %v", status, again)
		}
		access, _ := doc["access_token"].(string)
		if status, _, h := p.call(http.MethodGet, "/oauth2/userInfo", nil, "Authorization", "Bearer "+access); status != http.StatusUnauthorized || !strings.HasPrefix(h.Get("WWW-Authenticate"), "Bearer error=") {
			t.Errorf("what the code gave is good still: %d, %s", status, h.Get("WWW-Authenticate"))
		}
	}
}

func (p *provider) unregistered(t *testing.T) {
	if status, out := p.browser().get(p.authorizeURL(p.secret, "redirect_uri", callback+"/x")); status != http.StatusBadRequest || out != nil {
		t.Errorf("%d, to %v", status, out)
	}
}

func (p *provider) postRequest(t *testing.T) {
	b := p.browser()
	request, err := url.Parse(p.authorizeURL(p.secret))
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := b.send(http.MethodPost, "/oauth2/authorize", request.Query()); status != http.StatusOK {
		t.Fatalf("POST: %d", status)
	}
	if _, out := b.submit(map[string]string{"username": "ann", "password": password}); out == nil || out.Query().Get("code") == "" {
		t.Errorf("no code: %v", out)
	}
}

func (p *provider) secretPost(t *testing.T) {
	code := p.browser().code(p.secret, "ann")
	status, doc, _ := p.post("/oauth2/token", "grant_type", "authorization_code", "code", code, "redirect_uri", callback,
		"code_verifier", verifier, "client_id", p.secret.ClientID(), "client_secret", clientSecret)
	if status != http.StatusOK {
		t.Fatalf("%d %v", status, doc)
	}
	p.checkID(t, doc["id_token"])
	status, doc, h := p.post("/oauth2/token", "grant_type", "authorization_code", "code", code, "redirect_uri", callback,
		"client_id", p.secret.ClientID(), "client_secret", clientSecret+"x")
	if status != http.StatusUnauthorized || doc["error"] != "invalid_client" || !strings.HasPrefix(h.Get("WWW-Authenticate"), "Basic ") {
		t.Errorf("a wrong secret: %d %v %v", status, doc, h)
	}
}

func (p *provider) claimsEssential(t *testing.T) {
	doc := p.tokens(p.browser(), "scope", "openid", "claims", `{"userinfo":{"name":{"essential":true}},"id_token":{"nickname":null,"auth_time":{"essential":true}}}`)
	if got := shown(p.info(doc["access_token"])); !slices.Equal(got, []string{"name"}) {
		t.Errorf("user info shows %v", got)
	}
	if got := shown(claims(t, doc["id_token"])); !slices.Equal(got, []string{"nickname"}) {
		t.Errorf("the ID token shows %v", got)
	}
}

func (p *provider) refreshToken(t *testing.T) {
	doc := p.tokens(p.browser())
	refresh, _ := doc["refresh_token"].(string)
	status, again, _ := p.post("/oauth2/token", "grant_type", "refresh_token", "refresh_token", refresh, "client_id", p.secret.ClientID(), "client_secret", clientSecret)
	if status != http.StatusOK || claims(t, again["id_token"])["sub"] != p.sub() {
		t.Errorf("%d %v", status, again)
	}
	if status, other, _ := p.post("/oauth2/token", "grant_type", "refresh_token", "refresh_token", refresh, "client_id", p.public.ClientID()); status != http.StatusBadRequest || other["error"] != "invalid_grant" {
		t.Errorf("by another client: %d %v", status, other)
	}
}

// The plan for response_mode=form_post.
func TestConformanceFormPost(t *testing.T) {
	p := newProvider(t)
	b := p.browser()
	b.get(p.authorizeURL(p.secret, "response_mode", "form_post"))
	b.submit(map[string]string{"username": "ann", "password": password})
	fields := map[string]string{}
	for _, m := range hiddenTag.FindAllStringSubmatch(b.page, -1) {
		fields[m[1]] = m[2]
	}
	if fields["code"] == "" || fields["state"] != "s t&amp;" || fields["iss"] != p.issuer || !strings.Contains(b.page, `action="`+callback+`"`) {
		t.Fatalf("the form has %v:\n%s", fields, b.page)
	}
	if status, doc := p.exchange(fields["code"]); status != http.StatusOK {
		t.Errorf("exchange: %d %v", status, doc)
	}
}

// The plan for RP-initiated logout.
func TestConformanceLogout(t *testing.T) {
	const bye = "https://app.example.com/bye"
	p := newProvider(t)
	for name, tt := range map[string]struct {
		hint   func(raw string) string // nil for none
		more   []string
		to     string // where the browser goes; empty for a page
		status int
		ends   bool // without a question
	}{
		"oidcc-rp-initiated-logout":                                         {same, []string{"post_logout_redirect_uri", bye, "state", "s&1"}, bye + "?state=s%261", 302, true},
		"oidcc-rp-initiated-logout-no-state":                                {same, []string{"post_logout_redirect_uri", bye}, bye, 302, true},
		"oidcc-rp-initiated-logout-no-post-logout-redirect-uri":             {same, nil, "", 200, true},
		"oidcc-rp-initiated-logout-bad-post-logout-redirect-uri":            {same, []string{"post_logout_redirect_uri", bye + "/x"}, "", 400, false},
		"oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri": {same, []string{"post_logout_redirect_uri", bye + "?x=1"}, "", 400, false},
		"oidcc-rp-initiated-logout-modified-id-token-hint":                  {modified, []string{"post_logout_redirect_uri", bye}, "", 400, false},
		"oidcc-rp-initiated-logout-bad-id-token-hint":                       {func(string) string { return "bad" }, []string{"post_logout_redirect_uri", bye}, "", 400, false},
		"oidcc-rp-initiated-logout-no-id-token-hint":                        {nil, []string{"client_id", p.secret.ClientID(), "post_logout_redirect_uri", bye}, "", 200, false},
		"oidcc-rp-initiated-logout-no-params":                               {nil, nil, "", 400, false},
		"oidcc-rp-initiated-logout-only-state":                              {nil, []string{"state", "s"}, "", 400, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := p.browser()
			raw, _ := p.tokens(b)["id_token"].(string)
			q := url.Values{}
			if tt.hint != nil {
				q.Set("id_token_hint", tt.hint(raw))
			}
			for i := 0; i < len(tt.more); i += 2 {
				q.Set(tt.more[i], tt.more[i+1])
			}
			status, out := b.get("/logout?" + q.Encode())
			to := ""
			if out != nil {
				to = out.String()
			}
			if status != tt.status || to != tt.to {
				t.Errorf("%d to %q, want %d to %q", status, to, tt.status, tt.to)
			}
			if tt.status == http.StatusOK && !tt.ends {
				if _, out := b.submit(map[string]string{"do": "sign-out"}); out == nil || out.String() != bye {
					t.Errorf("after the question: %v", out)
				}
				tt.ends = true
			}
			_, out = b.get(p.authorizeURL(p.secret, "prompt", "none"))
			if ended := refusedAt(out) == "login_required"; ended != tt.ends {
				t.Errorf("signed out: %t, want %t", ended, tt.ends)
			}
		})
	}
}

func same(raw string) string { return raw }

func modified(raw string) string {
	i := strings.IndexByte(raw, '.') + 5
	return raw[:i] + "x" + raw[i+1:]
}

// The question of a sign-out is answered by the browser's own form alone, and a hint is of the client that sends it.
func TestLogoutIsNotForged(t *testing.T) {
	p := newProvider(t)
	b := p.browser()
	raw, _ := p.tokens(b)["id_token"].(string)
	b.get("/logout?client_id=" + p.secret.ClientID())
	if status, out := b.submit(map[string]string{"do": "sign-out", "_csrf": "forged"}); status != http.StatusOK || out != nil {
		t.Errorf("a forged form: %d to %v", status, out)
	}
	if status, out := b.get("/logout?" + url.Values{"client_id": {p.public.ClientID()}, "id_token_hint": {raw}}.Encode()); status != http.StatusBadRequest || out != nil {
		t.Errorf("a hint of another client: %d to %v", status, out)
	}
	if _, out := b.get(p.authorizeURL(p.secret, "prompt", "none")); out == nil || out.Query().Get("code") == "" {
		t.Errorf("the browser is signed out: %v", out)
	}
}
