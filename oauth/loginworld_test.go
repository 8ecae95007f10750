package oauth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"html"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/oauth"
	"github.com/cognate-id/cognate/oauth/login"
	"github.com/cognate-id/cognate/store/memory"
)

const (
	loginPassword     = "Correct-horse-battery-staple-1"
	loginClientSecret = "abcdefghijklmnopqrstuvwxyz0123456789"
)

var (
	loginStart = time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)
	keyOne     = []byte("0123456789abcdef0123456789abcdef")
	keyTwo     = []byte("another key, 32 bytes in length.")
)

// Package login is tested here, beside the server that it needs.

// A loginWorld is an authorization server with a pool, and a web program that signs people in.
type loginWorld struct {
	testing.TB
	offset  atomic.Int64
	engine  *identity.Engine
	pool    *identity.UserPool
	oauth   *oauth.Server
	idp     *httptest.Server
	app     *httptest.Server
	wire    http.RoundTripper   // of all browsers
	client  *identity.AppClient // with a secret, rotating
	issuer  string
	options login.Options // of the program
	handler atomic.Pointer[http.Handler]

	tokenCalls atomic.Int64
	down       atomic.Bool
	slow       atomic.Int64 // nanoseconds of a call of the token endpoint
}

func (w *loginWorld) now() time.Time          { return loginStart.Add(time.Duration(w.offset.Load())) }
func (w *loginWorld) advance(d time.Duration) { w.offset.Add(int64(d)) }

// newLoginWorld returns a world whose program has the options that edit makes.
func newLoginWorld(t testing.TB, edit func(*login.Options)) *loginWorld {
	t.Helper()
	w := &loginWorld{TB: t}
	w.idp = httptest.NewUnstartedServer(http.HandlerFunc(w.serveIDP))
	w.idp.Start()
	t.Cleanup(w.idp.Close)
	w.engine = identity.New(memory.New(), &identity.Options{
		Sender: identity.NewOutbox(0), Clock: w.now, InsecureCheapHashing: true, InsecureUnsealed: true, Limits: identity.NoMessageLimits,
		PasswordWait: time.Hour, Issuer: identity.FixedIssuer(w.idp.URL), Logger: slog.New(slog.DiscardHandler),
	})
	info, err := w.engine.CreateUserPool(t.Context(), &identity.PoolSettings{
		Name: "pool", Region: "us-east-1", Defaults: identity.CognitoDefaults, Algorithm: "ES256", AutoVerified: []string{"email"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if w.pool, err = w.engine.UserPool(t.Context(), info.ID); err != nil {
		t.Fatal(err)
	}
	w.issuer = w.engine.Issuer(t.Context(), info)
	w.oauth = oauth.NewServer(w.engine, &oauth.Options{InsecureHTTP: true})
	api := cognito.NewHandler(w.engine, &cognito.Options{AuthorizationServer: w.oauth, Clock: w.now, URL: w.idp.URL})
	var h http.Handler = api
	w.handler.Store(&h)
	w.serveApp()
	w.client = w.newClient(func(*identity.ClientSettings) {})
	w.options = login.Options{Secret: loginClientSecret, Clock: w.now, Logger: slog.New(slog.DiscardHandler), Scopes: []string{"openid", "email"}}
	if testing.Short() {
		w.options.Client = &http.Client{Transport: w.wire}
	}
	if edit != nil {
		edit(&w.options)
	}
	w.app.Config.Handler = program(w.middleware(w.options, keyOne))
	w.user("ann", "readers")
	w.user("bob")
	return w
}

// certificate is of an ECDSA key, with which a connection costs little, for the programs of all worlds.
var certificate = sync.OnceValues(func() (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: cert}, roots
})

// serveApp starts the server of the program, and the connections of browsers to it.
func (w *loginWorld) serveApp() {
	cert, roots := certificate()
	w.app = httptest.NewUnstartedServer(nil)
	w.app.Listener = tls.NewListener(w.app.Listener, &tls.Config{Certificates: []tls.Certificate{cert}})
	w.app.Start()
	w.app.URL = "https" + strings.TrimPrefix(w.app.URL, "http")
	w.Cleanup(w.app.Close)
	wire := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	w.Cleanup(wire.CloseIdleConnections)
	w.wire = wire
	if testing.Short() {
		w.wire = nearby{
			w.app.URL: func() http.Handler { return w.app.Config.Handler },
			w.idp.URL: func() http.Handler { return w.idp.Config.Handler },
		}
	}
}

// serveIDP is the authorization server, which counts calls and can be down.
func (w *loginWorld) serveIDP(rw http.ResponseWriter, r *http.Request) {
	if w.down.Load() {
		http.Error(rw, "down", http.StatusBadGateway)
		return
	}
	if r.URL.Path == "/oauth2/token" {
		w.tokenCalls.Add(1)
		time.Sleep(time.Duration(w.slow.Load()))
	}
	(*w.handler.Load()).ServeHTTP(rw, r)
}

// callback is the callback of the program.
func (w *loginWorld) callback() string { return w.app.URL + "/callback" }

func (w *loginWorld) newClient(edit func(*identity.ClientSettings)) *identity.AppClient {
	w.Helper()
	set := &identity.ClientSettings{
		Name: "app", Secret: loginClientSecret, OAuth: true, OAuthFlows: []string{"code"}, OAuthScopes: []string{"openid", "email", "aws.cognito.signin.user.admin"},
		CallbackURLs: []string{w.callback(), "http://127.0.0.1/callback"}, LogoutURLs: []string{w.app.URL + "/"}, Rotation: &identity.RefreshRotation{Enabled: true},
		TokenRevocation: new(true),
	}
	edit(set)
	info, err := w.pool.Admin().Clients().Create(w.Context(), set)
	if err != nil {
		w.Fatal(err)
	}
	return w.pool.Client(info.ID)
}

func (w *loginWorld) middleware(o login.Options, keys ...[]byte) *login.Middleware {
	w.Helper()
	m, err := login.New(w.issuer, w.client.ClientID(), w.callback(), keys, &o)
	if err != nil {
		w.Fatal(err)
	}
	return m
}

// program is what the middleware protects.
func program(m *login.Middleware) http.Handler {
	mux := http.NewServeMux()
	hello := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		s, _ := login.FromContext(r.Context())
		_, _ = io.WriteString(rw, "hello "+s.ID.Username)
	})
	mux.HandleFunc("/", func(rw http.ResponseWriter, r *http.Request) {
		s, err := m.Current(rw, r)
		if err != nil {
			_, _ = io.WriteString(rw, "hello stranger")
			return
		}
		_, _ = io.WriteString(rw, "hello again "+s.ID.Username)
	})
	mux.Handle("/me", m.Require(hello, nil))
	mux.Handle("/readers", m.Require(hello, &login.Rights{Groups: []string{"readers", "writers"}}))
	mux.Handle("/writers", m.Require(hello, &login.Rights{Groups: []string{"writers"}}))
	mux.Handle("/mail", m.Require(hello, &login.Rights{Scopes: []string{"openid", "email"}}))
	mux.Handle("/admin", m.Require(hello, &login.Rights{Scopes: []string{"email", "aws.cognito.signin.user.admin"}}))
	mux.Handle("/both", m.Require(m.Require(hello, &login.Rights{Groups: []string{"writers"}}), &login.Rights{Groups: []string{"readers"}}))
	return m.Handler(mux)
}

func (w *loginWorld) user(name string, groups ...string) {
	w.Helper()
	admin := w.pool.Admin()
	_, err := admin.Users().Create(w.Context(), identity.CreateUser{
		Username: name, Attributes: map[string]string{"email": name + "@example.com", "email_verified": "true"}, SuppressInvitation: true,
	})
	if err == nil {
		err = admin.Users().SetPassword(w.Context(), name, loginPassword, true)
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

// large makes a user whose tokens need several cookies.
func (w *loginWorld) large(name string) {
	var groups []string
	for i := range 8 {
		groups = append(groups, name+strings.Repeat(string(rune('a'+i)), 100))
	}
	w.user(name, groups...)
}

// A loginBrowser keeps cookies, and follows redirects only where it is told to.
type loginBrowser struct {
	*loginWorld
	http *http.Client
}

// An answer is what a browser got.
type answer struct {
	status   int
	body     string
	location string
	header   http.Header
	cookies  []*http.Cookie
}

func (w *loginWorld) browser() *loginBrowser {
	w.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.Fatal(err)
	}
	return &loginBrowser{w, &http.Client{Transport: w.wire, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// send sends a request, with headers by name and value. A browser asks for pages.
func (b *loginBrowser) send(method, to string, form url.Values, header ...string) *answer {
	b.Helper()
	a, err := b.try(b.Context(), method, to, form, header...)
	if err != nil {
		b.Fatal(err)
	}
	return a
}

func (b *loginBrowser) try(ctx context.Context, method, to string, form url.Values, header ...string) (*answer, error) {
	if strings.HasPrefix(to, "/") {
		to = b.app.URL + to
	}
	r, err := http.NewRequestWithContext(ctx, method, to, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "text/html")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := b.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return &answer{res.StatusCode, string(body), res.Header.Get("Location"), res.Header, res.Cookies()}, err
}

func (b *loginBrowser) get(to string, header ...string) *answer {
	b.Helper()
	return b.send(http.MethodGet, to, nil, header...)
}

var (
	loginFormTag   = regexp.MustCompile(`(?s)<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>`)
	loginHiddenTag = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
)

// authorized goes from an address of the authorization server to the callback, which it returns.
func (b *loginBrowser) authorized(to, name string) string {
	b.Helper()
	for range 10 {
		a := b.get(to)
		if m := loginFormTag.FindStringSubmatch(a.body); a.location == "" && m != nil {
			form := url.Values{"username": {name}, "password": {loginPassword}}
			for _, h := range loginHiddenTag.FindAllStringSubmatch(m[2], -1) {
				form.Set(html.UnescapeString(h[1]), html.UnescapeString(h[2]))
			}
			a = b.send(http.MethodPost, b.idp.URL+html.UnescapeString(m[1]), form)
		}
		switch {
		case strings.HasPrefix(a.location, b.callback()):
			return a.location
		case strings.HasPrefix(a.location, "/"):
			to = b.idp.URL + a.location
		default:
			b.Fatalf("%d to %q\n%s", a.status, a.location, a.body)
		}
	}
	b.Fatal("too many redirects")
	return ""
}

// begin begins a sign-in, and returns the callback with its code.
func (b *loginBrowser) begin(name string) string {
	b.Helper()
	a := b.get("/sign-in?return_to=/me")
	if a.status != http.StatusSeeOther || !strings.HasPrefix(a.location, b.idp.URL+"/oauth2/authorize?") {
		b.Fatalf("sign-in: %d to %q\n%s", a.status, a.location, a.body)
	}
	return b.authorized(a.location, name)
}

func (b *loginBrowser) signIn(name string) {
	b.Helper()
	if a := b.get(b.begin(name)); a.status != http.StatusSeeOther || a.location != "/me" {
		b.Fatalf("callback: %d to %q\n%s", a.status, a.location, a.body)
	}
}

// in checks who is signed in: nobody if name is "".
func (b *loginBrowser) in(name string) {
	b.Helper()
	a := b.get("/me")
	switch {
	case name != "" && (a.status != http.StatusOK || a.body != "hello "+name):
		b.Errorf("GET /me: %d %q to %q, want the page of %s", a.status, a.body, a.location, name)
	case name == "" && (a.status != http.StatusSeeOther || a.location != "/sign-in?return_to=%2Fme"):
		b.Errorf("GET /me: %d %q to %q, want the way to the sign-in", a.status, a.body, a.location)
	}
}

func (b *loginBrowser) url() *url.URL {
	u, err := url.Parse(b.app.URL)
	if err != nil {
		b.Fatal(err)
	}
	return u
}

// cookies are those of the middleware, by name.
func (b *loginBrowser) cookies() map[string]string {
	out := map[string]string{}
	for _, c := range b.http.Jar.Cookies(b.url()) {
		if strings.Contains(c.Name, "login-") {
			out[c.Name] = c.Value
		}
	}
	return out
}

// plant sets cookies of the middleware, as somebody would who can write to the browser.
func (b *loginBrowser) plant(cookies map[string]string) {
	var all []*http.Cookie
	for name, value := range cookies {
		all = append(all, &http.Cookie{Name: name, Value: value, Path: "/", Secure: true})
	}
	b.http.Jar.SetCookies(b.url(), all)
}

// head is the name of the first cookie of a sign-in.
func (b *loginBrowser) head() string {
	b.Helper()
	head := ""
	for name := range b.cookies() {
		if head == "" || len(name) < len(head) {
			head = name
		}
	}
	if head == "" {
		b.Fatal("the browser has no cookie")
	}
	return head
}

// forget deletes the cookies of the program, and not those of the authorization server.
func (b *loginBrowser) forget() {
	for name := range b.cookies() {
		b.http.Jar.SetCookies(b.url(), []*http.Cookie{{Name: name, Path: "/", Secure: true, MaxAge: -1}})
	}
}
