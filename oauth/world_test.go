package oauth_test

import (
	"cmp"
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth"
	resolving "github.com/cognate-id/cognate/oauth/federation"
	"github.com/cognate-id/cognate/oauth/federation/fetch"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/store/storetest"
)

const (
	password = "Correct-horse-battery-staple-1"
	callback = "https://app.example.com/cb"
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // of RFC 7636, appendix B
)

var challenge = func() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}()

// A world is an authorization server with a pool and two clients.
type world struct {
	testing.TB
	engine  *identity.Engine
	outbox  *identity.Outbox
	hooks   identity.Hooks
	pool    *identity.UserPool
	public  *identity.AppClient // without a secret
	secret  *identity.AppClient // with the secret that it is made with
	handler http.Handler
	server  *httptest.Server
	wire    http.RoundTripper // nil is the network
	offset  atomic.Int64
	hold    atomic.Pointer[func()] // is called once, where the time is read first
}

const clientSecret = "abcdefghijklmnopqrstuvwxyz0123456789"

var start = time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)

func (w *world) now() time.Time {
	if hold := w.hold.Swap(nil); hold != nil {
		(*hold)()
	}
	return start.Add(time.Duration(w.offset.Load()))
}

func (w *world) advance(d time.Duration) { w.offset.Add(int64(d)) }

// sameKeys has RSA keys for all tests.
var sameKeys = identity.InsecureKeyStock(2, readyKeys()...)

// readyKeys are the RSA keys of a file, because one takes long to make.
func readyKeys() (keys []*rsa.PrivateKey) {
	text, err := os.ReadFile("testdata/keys.pem")
	if err != nil {
		panic(err)
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			panic(err)
		}
		keys = append(keys, key.(*rsa.PrivateKey))
	}
	return keys
}

// backing finds transactions that are not pure, which the short tier does without.
func backing() store.Store {
	if testing.Short() {
		return memory.New()
	}
	return storetest.Twice(memory.New())
}

// newWorld returns a world whose pool has the service's defaults, changed by edit.
func newWorld(t testing.TB, edit func(*identity.PoolSettings)) *world {
	t.Helper()
	w := &world{TB: t, outbox: identity.NewOutbox(0)}
	near, err := fetch.New(&fetch.Options{InsecureLoopback: true})
	if err != nil {
		t.Fatal(err)
	}
	w.engine = identity.New(backing(), &identity.Options{
		Sender: w.outbox, Clock: w.now, KeyStock: sameKeys, InsecureCheapHashing: true, InsecureUnsealed: true, Limits: identity.NoMessageLimits, PasswordWait: time.Hour, Hooks: &w.hooks,
		PageURL: func(context.Context) string { return "https://auth.example.com" }, Providers: &resolving.Resolver{Fetch: near},
	})
	set := &identity.PoolSettings{Name: "pool", Region: "us-east-1", Defaults: identity.CognitoDefaults, AutoVerified: []string{"email"}, Algorithm: "ES256"}
	if edit != nil {
		edit(set)
	}
	info, err := w.engine.CreateUserPool(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	if w.pool, err = w.engine.UserPool(t.Context(), info.ID); err != nil {
		t.Fatal(err)
	}
	w.public = w.client(func(*identity.ClientSettings) {})
	w.secret = w.client(func(c *identity.ClientSettings) { c.Secret = clientSecret })
	w.handler = w.served(true)
	w.server = httptest.NewServer(w.handler)
	t.Cleanup(w.server.Close)
	if testing.Short() {
		w.wire = nearby{w.server.URL: func() http.Handler { return w.server.Config.Handler }}
	}
	return w
}

// nearby brings requests to the handlers of servers without a network, which the short tier does without.
type nearby map[string]func() http.Handler // by the URL of the server

func (n nearby) RoundTrip(r *http.Request) (*http.Response, error) {
	handler := n[r.URL.Scheme+"://"+r.URL.Host]
	if handler == nil {
		return http.DefaultTransport.RoundTrip(r)
	}
	body := io.Reader(http.NoBody)
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }()
		body = r.Body
	}
	in := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.RequestURI(), body)
	in.Host, in.Header, in.ContentLength, in.RemoteAddr = cmp.Or(r.Host, r.URL.Host), r.Header.Clone(), r.ContentLength, "127.0.0.1:4711"
	if r.URL.Scheme == "https" {
		in.TLS = &tls.ConnectionState{}
	}
	out := httptest.NewRecorder()
	handler().ServeHTTP(out, in)
	answer := out.Result()
	answer.Request = r
	return answer, nil
}

// served is a server of the engine's, for browsers that come by http or by https alone.
func (w *world) served(insecure bool) http.Handler {
	w.Helper()
	near, err := fetch.New(&fetch.Options{InsecureLoopback: true})
	if err != nil {
		w.Fatal(err)
	}
	return oauth.NewServer(w.engine, &oauth.Options{InsecureHTTP: insecure, Federation: oauth.Federation{Fetch: near}})
}

// client makes an app client that may use the code grant.
func (w *world) client(edit func(*identity.ClientSettings)) *identity.AppClient {
	w.Helper()
	set := &identity.ClientSettings{
		Name: "app", OAuth: true, OAuthFlows: []string{"code"}, OAuthScopes: []string{"openid", "profile", "email", "phone", "aws.cognito.signin.user.admin"},
		CallbackURLs: []string{callback, "https://app.example.com/other?x=1"}, LogoutURLs: []string{"https://app.example.com/bye"},
	}
	edit(set)
	info, err := w.pool.Admin().Clients().Create(w.Context(), set)
	if err != nil {
		w.Fatal(err)
	}
	return w.pool.Client(info.ID)
}

// user makes a user who is confirmed and has a password.
func (w *world) user(name string) *identity.User {
	w.Helper()
	u, err := w.pool.Admin().Users().Create(w.Context(), identity.CreateUser{
		Username: name, Attributes: map[string]string{"email": name + "@example.com", "email_verified": "true", "name": "Ann " + name}, SuppressInvitation: true,
	})
	if err != nil {
		w.Fatal(err)
	}
	if err := w.pool.Admin().Users().SetPassword(w.Context(), name, password, true); err != nil {
		w.Fatal(err)
	}
	return u
}

// A browser keeps cookies, and follows no redirect by itself.
type browser struct {
	*world
	http *http.Client
	page string // the last answer
	at   *url.URL
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.Fatal(err)
	}
	return &browser{world: w, http: &http.Client{Transport: w.wire, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// get goes to an address, and on to where it leads on this server. It returns the status of the
// last answer, and where that leads elsewhere.
func (b *browser) get(to string) (int, *url.URL) {
	b.Helper()
	return b.send(http.MethodGet, to, nil)
}

func (b *browser) send(method, to string, form url.Values) (int, *url.URL) {
	b.Helper()
	for range 10 {
		u, err := url.Parse(b.server.URL)
		if err != nil {
			b.Fatal(err)
		}
		if u, err = u.Parse(to); err != nil {
			b.Fatal(err)
		}
		r, err := http.NewRequestWithContext(b.Context(), method, u.String(), strings.NewReader(form.Encode()))
		if err != nil {
			b.Fatal(err)
		}
		if form != nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		answer, err := b.http.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil {
			b.Fatal(err)
		}
		b.page, b.at = string(body), u
		next := answer.Header.Get("Location")
		if next == "" {
			return answer.StatusCode, nil
		}
		if !strings.HasPrefix(next, "/") {
			out, err := url.Parse(next)
			if err != nil {
				b.Fatal(err)
			}
			return answer.StatusCode, out
		}
		method, to, form = http.MethodGet, next, nil
	}
	b.Fatal("too many redirects")
	return 0, nil
}

var (
	formTag   = regexp.MustCompile(`(?s)<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>`)
	hiddenTag = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
)

// submit sends the first form of the page, with what is typed.
func (b *browser) submit(typed map[string]string) (int, *url.URL) {
	b.Helper()
	m := formTag.FindStringSubmatch(b.page)
	if m == nil {
		b.Fatalf("there is no form on %s:\n%s", b.at, b.page)
	}
	form := url.Values{}
	for _, h := range hiddenTag.FindAllStringSubmatch(m[2], -1) {
		form.Set(html.UnescapeString(h[1]), html.UnescapeString(h[2]))
	}
	for name, value := range typed {
		form.Set(name, value)
	}
	return b.send(http.MethodPost, html.UnescapeString(m[1]), form)
}

// sees fails unless the page has a text.
func (b *browser) sees(text string) {
	b.Helper()
	if !strings.Contains(html.UnescapeString(b.page), text) {
		b.Fatalf("%s does not say %q:\n%s", b.at, text, b.page)
	}
}

// seesAt fails the test unless the page says text beside the field, and begins there.
func (b *browser) seesAt(field, text string) {
	b.Helper()
	b.sees(`id="field-` + field + `-problem">` + text)
	_, input, _ := strings.Cut(b.page, `<input id="field-`+field+`"`)
	if input, _, _ = strings.Cut(input, ">"); !strings.Contains(input, " autofocus") {
		b.Fatalf("%s does not begin in the field %s:\n%s", b.at, field, b.page)
	}
}

// authorizeURL is a request of the public client.
func (w *world) authorizeURL(client *identity.AppClient, more ...string) string {
	q := url.Values{
		"response_type": {"code"}, "client_id": {client.ClientID()}, "redirect_uri": {callback}, "state": {"s t&"},
		"scope": {"openid email"}, "nonce": {"n-1"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(more); i += 2 {
		if more[i+1] == "" {
			q.Del(more[i])
			continue
		}
		q.Set(more[i], more[i+1])
	}
	return "/oauth2/authorize?" + q.Encode()
}

// code signs a user in and returns the code that the application gets.
func (b *browser) code(client *identity.AppClient, name string, more ...string) string {
	b.Helper()
	status, out := b.get(b.authorizeURL(client, more...))
	if out == nil {
		if status != http.StatusOK {
			b.Fatalf("%d\n%s", status, b.page)
		}
		_, out = b.submit(map[string]string{"username": name, "password": password})
	}
	if out == nil || out.Query().Get("code") == "" {
		b.Fatalf("no code: %v\n%s", out, b.page)
	}
	return out.Query().Get("code")
}

// post calls an endpoint for programs. A value "" leaves a parameter out.
func (w *world) post(path string, fields ...string) (int, map[string]any, http.Header) {
	w.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
		if fields[i+1] == "" {
			form.Del(fields[i])
		}
	}
	return w.call(http.MethodPost, path, strings.NewReader(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
}

func (w *world) call(method, path string, body io.Reader, header ...string) (int, map[string]any, http.Header) {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), method, w.server.URL+path, body)
	if err != nil {
		w.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := (&http.Client{Transport: w.wire}).Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		w.Fatal(err)
	}
	doc := map[string]any{}
	if len(raw) > 0 && strings.HasPrefix(answer.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(raw, &doc); err != nil {
			w.Fatalf("%s: %v", raw, err)
		}
	}
	return answer.StatusCode, doc, answer.Header
}

// claims are those of a token, unverified.
func claims(t testing.TB, raw any) map[string]any {
	t.Helper()
	text, _ := raw.(string)
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		t.Fatalf("no token: %v", raw)
	}
	plain, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	c := map[string]any{}
	if err := json.Unmarshal(plain, &c); err != nil {
		t.Fatal(err)
	}
	return c
}
