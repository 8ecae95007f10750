package oauth_test

import (
	"context"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/identity/edge"
	"github.com/cognate-id/cognate/oauth"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

const (
	edgePassword     = "Correct-horse-battery-staple-1"
	edgeClientSecret = "abcdefghijklmnopqrstuvwxyz0123456789"
	edgeApp          = "https://app.example.com"
	edgeOther        = "https://other.example.com"
	edgeGateway      = "10.1.2.3:5555"
)

var (
	edgeStart = time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	edgeKey   = []byte("0123456789abcdef0123456789abcdef")
)

// Package edge is tested here, beside the server that it needs.

// An edgeWorld is an authorization server with a pool, and an edge of two sites.
type edgeWorld struct {
	testing.TB
	offset atomic.Int64
	down   atomic.Bool
	pool   *identity.UserPool
	idp    *httptest.Server
	client *identity.AppClient
	config edge.Config
	store  store.Store
	edge   *edge.Edge
	log    *strings.Builder
	wire   http.RoundTripper // of all browsers. Nil for the network
	calls  *http.Client      // of the edge. Nil for its own
}

func (w *edgeWorld) now() time.Time { return edgeStart.Add(time.Duration(w.offset.Load())) }

// newEdgeWorld returns a world whose edge has the configuration that edit makes.
func newEdgeWorld(t testing.TB, edit func(*edge.Config)) *edgeWorld {
	t.Helper()
	w := &edgeWorld{TB: t, store: memory.New(), log: &strings.Builder{}}
	var api http.Handler
	w.idp = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.down.Load() {
			http.Error(rw, "down", http.StatusBadGateway)
			return
		}
		api.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.idp.Close)
	if testing.Short() {
		w.wire = nearby{w.idp.URL: func() http.Handler { return w.idp.Config.Handler }}
		w.calls = &http.Client{Transport: w.wire}
	}
	quiet := slog.New(slog.DiscardHandler)
	engine := identity.New(memory.New(), &identity.Options{
		Sender: identity.NewOutbox(0), Clock: w.now, InsecureCheapHashing: true, InsecureUnsealed: true, Limits: identity.NoMessageLimits,
		PasswordWait: time.Hour, Issuer: identity.FixedIssuer(w.idp.URL), Logger: quiet,
	})
	info, err := engine.CreateUserPool(t.Context(), &identity.PoolSettings{
		Name: "pool", Region: "us-east-1", Defaults: identity.CognitoDefaults, Algorithm: "ES256", AutoVerified: []string{"email"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if w.pool, err = engine.UserPool(t.Context(), info.ID); err != nil {
		t.Fatal(err)
	}
	pages := oauth.NewServer(engine, &oauth.Options{InsecureHTTP: true, Logger: quiet})
	api = cognito.NewHandler(engine, &cognito.Options{AuthorizationServer: pages, Clock: w.now, URL: w.idp.URL, Logger: quiet})
	w.client = w.newClient()
	w.config = edge.Config{
		Issuer: engine.Issuer(t.Context(), info), ClientID: w.client.ClientID(), Proxies: []string{"10.1.2.3"},
		Sites: []edge.Site{
			{URL: edgeApp, Rules: []edge.Rule{
				{Path: "/"},
				{Path: "/admin", Groups: []string{"admins", "owners"}},
				{Path: "/admin/help", Access: edge.Anyone},
				{Path: "/public", Access: edge.Anyone},
				{Path: "/mail", Scopes: []string{"openid", "email"}},
				{Path: "/secret", Access: edge.Nobody},
				{Path: "/users", Scopes: []string{"aws.cognito.signin.user.admin"}},
			}},
			{URL: edgeOther, Rules: []edge.Rule{{Path: "/only"}}},
		},
	}
	if edit != nil {
		edit(&w.config)
	}
	w.edge = w.newEdge(&w.config)
	w.user("ann", "admins", "staff")
	w.user("bob")
	return w
}

func (w *edgeWorld) newEdge(c *edge.Config) *edge.Edge {
	w.Helper()
	e, err := edge.New(c, [][]byte{edgeKey}, w.store, &edge.Options{
		Client: w.calls, Secret: edgeClientSecret, Clock: w.now, Logger: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		w.Fatal(err)
	}
	return e
}

func (w *edgeWorld) newClient() *identity.AppClient {
	w.Helper()
	info, err := w.pool.Admin().Clients().Create(w.Context(), &identity.ClientSettings{
		Name: "edge", Secret: edgeClientSecret, OAuth: true, OAuthFlows: []string{"code"}, OAuthScopes: []string{"openid", "email", "profile"},
		CallbackURLs: []string{edgeApp + "/oauth2/callback", edgeOther + "/oauth2/callback"}, LogoutURLs: []string{edgeApp + "/", edgeOther + "/"},
		Rotation: &identity.RefreshRotation{Enabled: true}, TokenRevocation: new(true), AuthFlows: []identity.AuthFlow{identity.AllowUserPassword},
	})
	if err != nil {
		w.Fatal(err)
	}
	return w.pool.Client(info.ID)
}

func (w *edgeWorld) user(name string, groups ...string) {
	w.Helper()
	admin := w.pool.Admin()
	_, err := admin.Users().Create(w.Context(), identity.CreateUser{
		Username: name, SuppressInvitation: true, Attributes: map[string]string{"email": name + "@example.com", "email_verified": "true", "name": "Dr. " + name},
	})
	if err == nil {
		err = admin.Users().SetPassword(w.Context(), name, edgePassword, true)
	}
	for _, g := range groups {
		if err == nil {
			_, err = admin.Groups().Create(w.Context(), identity.GroupSettings{Name: g})
		}
		if err == nil {
			err = admin.Users().AddToGroup(w.Context(), name, g)
		}
	}
	if err != nil {
		w.Fatal(err)
	}
}

// token returns an access token and an ID token of a user, by a sign-in without a browser.
func (w *edgeWorld) token(name string) (access, id string) {
	w.Helper()
	res, err := w.client.SignIn(w.Context(), identity.SignIn{Username: name, Password: edgePassword, SecretHash: identity.SecretHash(edgeClientSecret, name, w.client.ClientID())})
	if err != nil {
		w.Fatal(err)
	}
	return string(res.Tokens.Access), string(res.Tokens.ID)
}

// send sends a request to the edge, as the gateway unless peer says otherwise. head is names and
// values; a name may come twice.
func (w *edgeWorld) send(method, target string, head ...string) *http.Response {
	return w.sendTo(w.edge, edgeGateway, method, target, head...)
}

func (w *edgeWorld) sendTo(h http.Handler, peer, method, target string, head ...string) *http.Response {
	r := httptest.NewRequestWithContext(context.Background(), method, "http://edge.internal/", nil)
	r.RequestURI, r.RemoteAddr, r.Host = target, peer, "edge.internal:9230"
	path, query, _ := strings.Cut(target, "?")
	r.URL = &url.URL{Path: path, RawQuery: query}
	if u, err := url.ParseRequestURI(target); err == nil {
		r.URL = u
	}
	for i := 0; i < len(head); i += 2 {
		if head[i] == "Host" {
			r.Host = head[i+1]
			continue
		}
		r.Header[http.CanonicalHeaderKey(head[i])] = append(r.Header[http.CanonicalHeaderKey(head[i])], head[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Result()
}

// The three conventions, as the gateways send them.
func nginx(method, address string, head ...string) []string {
	return append([]string{"/oauth2/auth", "X-Original-URL", address, "X-Original-Method", method}, head...)
}

func traefik(method, address string, head ...string) []string {
	u, _ := strings.CutPrefix(address, "https://")
	end := strings.IndexByte(u, '/')
	return append([]string{
		"/oauth2/forward-auth", "X-Forwarded-Method", method, "X-Forwarded-Proto", "https", "X-Forwarded-Host", u[:end], "X-Forwarded-Uri", u[end:],
		"X-Forwarded-For", "203.0.113.9", "X-Forwarded-Port", "443", "X-Forwarded-Server", "edge-1",
	}, head...)
}

func (w *edgeWorld) ask(request []string) *http.Response {
	w.Helper()
	return w.send(http.MethodGet, request[0], request[1:]...)
}

func (w *edgeWorld) askEnvoy(method, address string, head ...string) *http.Response {
	w.Helper()
	u, _ := strings.CutPrefix(address, "https://")
	end := strings.IndexByte(u, '/')
	return w.send(method, "/oauth2/ext-authz"+u[end:], append([]string{"Host", u[:end], "X-Forwarded-Proto", "https"}, head...)...)
}

// An edgeBrowser keeps the cookies of each site, and those of the authorization server.
type edgeBrowser struct {
	*edgeWorld
	cookies map[string]map[string]string // by origin
	idps    *http.Client
}

func (w *edgeWorld) browser() *edgeBrowser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.Fatal(err)
	}
	return &edgeBrowser{w, map[string]map[string]string{edgeApp: {}, edgeOther: {}}, &http.Client{
		Transport: w.wire, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// cookie is what the browser sends to a site.
func (b *edgeBrowser) cookie(origin string) string {
	var all []string
	for name, value := range b.cookies[origin] {
		all = append(all, name+"="+value)
	}
	return strings.Join(all, "; ")
}

// page asks a site for a page of the edge.
func (b *edgeBrowser) page(method, origin, target string, head ...string) *http.Response {
	b.Helper()
	res := b.send(method, target, append([]string{"Host", strings.TrimPrefix(origin, "https://"), "Cookie", b.cookie(origin), "Accept", "text/html"}, head...)...)
	for _, c := range res.Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies[origin], c.Name)
			continue
		}
		if c.Domain != "" || !c.Secure || !c.HttpOnly || !strings.HasPrefix(c.Name, "__Host-") {
			b.Errorf("the cookie %v is not bound to the host", c)
		}
		b.cookies[origin][c.Name] = c.Value
	}
	return res
}

var (
	edgeFormTag   = regexp.MustCompile(`(?s)<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>`)
	edgeHiddenTag = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
)

// authorize goes from an address of the authorization server to the callback, which it returns.
func (b *edgeBrowser) authorize(to, name string) string {
	b.Helper()
	form, method := url.Values{}, http.MethodGet
	for range 10 {
		r, err := http.NewRequestWithContext(b.Context(), method, to, strings.NewReader(form.Encode()))
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Accept", "text/html")
		res, err := b.idps.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err := res.Body.Close(); err != nil {
			b.Fatal(err)
		}
		if err != nil {
			b.Fatal(err)
		}
		location := res.Header.Get("Location")
		m := edgeFormTag.FindStringSubmatch(string(body))
		switch {
		case strings.HasPrefix(location, "https://"):
			return location
		case strings.HasPrefix(location, "/"):
			to, method, form = b.idp.URL+location, http.MethodGet, url.Values{}
		case m != nil:
			to, method, form = b.idp.URL+html.UnescapeString(m[1]), http.MethodPost, url.Values{"username": {name}, "password": {edgePassword}}
			for _, h := range edgeHiddenTag.FindAllStringSubmatch(m[2], -1) {
				form.Set(html.UnescapeString(h[1]), html.UnescapeString(h[2]))
			}
		default:
			b.Fatalf("%d at %s\n%s", res.StatusCode, to, body)
		}
	}
	b.Fatal("too many redirects")
	return ""
}

// signIn signs in at a site, and returns where the browser is sent.
func (b *edgeBrowser) signIn(origin, rd, name string) string {
	b.Helper()
	res := b.page(http.MethodGet, origin, "/oauth2/sign_in?rd="+url.QueryEscape(rd))
	to := res.Header.Get("Location")
	if res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, b.idp.URL+"/oauth2/authorize?") {
		b.Fatalf("sign-in: %d to %q", res.StatusCode, to)
	}
	back := b.authorize(to, name)
	target, ok := strings.CutPrefix(back, origin)
	if !ok {
		b.Fatalf("the callback is %q", back)
	}
	res = b.page(http.MethodGet, origin, target)
	if res.StatusCode != http.StatusSeeOther {
		b.Fatalf("callback: %d", res.StatusCode)
	}
	return res.Header.Get("Location")
}
