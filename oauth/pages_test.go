package oauth_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/mfa"
	"github.com/cognate-id/cognate/oauth"
)

// signedIn fails unless the browser is sent to the application with a code that is good.
func (b *browser) signedIn(client *identity.AppClient, out *url.URL) map[string]any {
	b.Helper()
	if out == nil || out.Query().Get("code") == "" {
		b.Fatalf("not signed in: %v at %s\n%s", out, b.at, b.page)
	}
	status, got, _ := b.post("/oauth2/token", "grant_type", "authorization_code", "client_id", client.ClientID(), "code", out.Query().Get("code"), "redirect_uri", callback, "code_verifier", verifier)
	if status != http.StatusOK {
		b.Fatalf("%d %v", status, got)
	}
	return claims(b.TB, got["id_token"])
}

var secretText = func() func(page string) string {
	return func(page string) string {
		for _, h := range hiddenTag.FindAllStringSubmatch(page, -1) {
			if h[1] == "key" {
				return h[2]
			}
		}
		return ""
	}
}()

// Sign-up, mailed code, an authenticator app that the pool demands, and the next sign-in with it.
func TestFromSignUpToSecondFactor(t *testing.T) {
	w := newWorld(t, func(p *identity.PoolSettings) { p.MFA, p.TOTP = "ON", new(true) })
	b := w.browser()
	b.get(strings.Replace(w.authorizeURL(w.public), "/oauth2/authorize", "/signup", 1))
	if status, _ := b.submit(map[string]string{"username": "ann", "password": "short", "email": "ann@example.com"}); status != http.StatusOK {
		t.Fatalf("a short password: %d", status)
	}
	b.seesAt("password", "This password does not meet all the rules below.")
	b.submit(map[string]string{"username": "ann", "password": password, "email": "ann@example.com"})
	if b.at.Path != "/confirm" {
		t.Fatalf("at %s\n%s", b.at, b.page)
	}
	b.submit(map[string]string{"code": "000000"})
	b.seesAt("code", "This code is not right.")
	b.submit(map[string]string{"code": w.outbox.LastCode("ann@example.com")})
	b.sees("Your account is confirmed.")
	b.submit(map[string]string{"username": "ann", "password": password})
	key, err := mfa.ParseSecret(secretText(b.page))
	if err != nil {
		t.Fatalf("%v\n%s", err, b.page)
	}
	b.submit(map[string]string{"code": "000000"})
	b.seesAt("code", "This code is not right.")
	_, out := b.submit(map[string]string{"code": key.Code(w.now())})
	if id := b.signedIn(w.public, out); id["email_verified"] != true {
		t.Errorf("ID token %v", id)
	}

	w.advance(time.Minute)
	again := w.browser()
	again.get(w.authorizeURL(w.public))
	again.submit(map[string]string{"username": "ann", "password": password})
	if strings.Contains(again.page, `value="resend"`) {
		t.Error("a code of an app could be sent again")
	}
	again.submit(map[string]string{"code": "000000"})
	again.seesAt("code", "This code is not right.")
	used := key.Code(w.now())
	_, out = again.submit(map[string]string{"code": used})
	again.signedIn(w.public, out)

	third := w.browser()
	third.get(w.authorizeURL(w.public))
	third.submit(map[string]string{"username": "ann", "password": password})
	third.submit(map[string]string{"code": used})
	third.seesAt("code", "This code was used before.")
}

// Where nobody may sign up, the page of a sign-up is that of a sign-in, and its form signs in.
func TestSignUpWhereNobodyMay(t *testing.T) {
	w := newWorld(t, func(p *identity.PoolSettings) { p.AdminOnly = true })
	w.user("ann")
	b := w.browser()
	b.get(strings.Replace(w.authorizeURL(w.public), "/oauth2/authorize", "/signup", 1))
	b.sees("New accounts cannot be created here.")
	_, out := b.submit(map[string]string{"username": "ann", "password": password})
	b.signedIn(w.public, out)
}

// Without the address that codes go to, a user of the pages could never confirm.
func TestSignUpAsksForTheAddressOfTheCode(t *testing.T) {
	w := newWorld(t, nil)
	b := w.browser()
	b.get(strings.Replace(w.authorizeURL(w.public), "/oauth2/authorize", "/signup", 1))
	b.submit(map[string]string{"username": "ann", "password": password})
	b.seesAt("email", "Please fill this in.")
	if _, err := w.pool.Admin().Users().Get(t.Context(), "ann"); !errors.Is(err, identity.ErrUserNotFound) {
		t.Errorf("there is a user: %v", err)
	}
	b.submit(map[string]string{"username": "ann", "password": password, "email": "ann@example.com"})
	if b.at.Path != "/confirm" {
		t.Errorf("at %s\n%s", b.at, b.page)
	}
}

func TestForgottenPassword(t *testing.T) {
	w := newWorld(t, nil)
	w.user("ann")
	const next = "Another-horse-battery-staple-1"
	b := w.browser()
	b.get(strings.Replace(w.authorizeURL(w.public), "/oauth2/authorize", "/forgotPassword", 1))
	b.submit(map[string]string{"username": "ann"})
	b.submit(map[string]string{"code": "000000", "new_password": next})
	b.seesAt("code", "This code is not right.")
	b.submit(map[string]string{"code": w.outbox.LastCode("ann@example.com"), "new_password": next})
	b.sees("Your password was changed.")
	_, out := b.submit(map[string]string{"username": "ann", "password": next})
	b.signedIn(w.public, out)
}

func TestTemporaryPassword(t *testing.T) {
	w := newWorld(t, nil)
	if _, err := w.pool.Admin().Users().Create(t.Context(), identity.CreateUser{Username: "ann", Attributes: map[string]string{"email": "ann@example.com"}, TemporaryPassword: "Temporary-password-1", SuppressInvitation: true}); err != nil {
		t.Fatal(err)
	}
	b := w.browser()
	b.get(w.authorizeURL(w.public))
	b.submit(map[string]string{"username": "ann", "password": "Temporary-password-1"})
	b.submit(map[string]string{"new_password": "short"})
	b.seesAt("new_password", "This password does not meet all the rules below.")
	_, out := b.submit(map[string]string{"new_password": password})
	b.signedIn(w.public, out)
}

// A client with choice-based sign-in asks for the name first. Nobody sees who exists.
func TestMailedCodeAsFirstFactor(t *testing.T) {
	w := newWorld(t, func(p *identity.PoolSettings) {
		p.FirstFactors = []identity.FirstFactor{identity.FirstPassword, identity.FirstEmailOTP}
	})
	w.user("ann")
	client := w.client(func(c *identity.ClientSettings) {
		c.AuthFlows, c.PreventUserExistenceErrors = []identity.AuthFlow{identity.AllowUser}, new("ENABLED")
	})
	b := w.browser()
	b.get(w.authorizeURL(client))
	b.submit(map[string]string{"username": "ann"})
	b.submit(map[string]string{"factor": "EMAIL_OTP"})
	b.submit(map[string]string{"code": "00000000"})
	b.seesAt("code", "This code is not right.")
	_, out := b.submit(map[string]string{"code": w.outbox.LastCode("ann@example.com")})
	b.signedIn(client, out)

	none := w.browser()
	none.get(w.authorizeURL(client))
	none.submit(map[string]string{"username": "nobody"})
	none.submit(map[string]string{"factor": "PASSWORD"})
	none.submit(map[string]string{"password": "wrong password"})
	none.sees("Incorrect user name or password.")
}

// A form that another site sends, or that has no token of the browser's, changes nothing.
func TestForgery(t *testing.T) {
	w := newWorld(t, nil)
	w.user("ann")
	for name, spoil := range map[string]func(url.Values, http.Header){
		"no token":       func(f url.Values, _ http.Header) { f.Del("_csrf") },
		"another token":  func(f url.Values, _ http.Header) { f.Set("_csrf", strings.Repeat("a", 43)) },
		"no cookie":      func(_ url.Values, h http.Header) { h.Del("Cookie") },
		"another site":   func(_ url.Values, h http.Header) { h.Set("Sec-Fetch-Site", "cross-site") },
		"another origin": func(_ url.Values, h http.Header) { h.Set("Origin", "https://evil.example") },
		"nothing":        func(url.Values, http.Header) {},
	} {
		b := w.browser()
		b.get(w.authorizeURL(w.public))
		m := hiddenTag.FindStringSubmatch(b.page)
		if m == nil || m[1] != "_csrf" {
			t.Fatalf("no token in\n%s", b.page)
		}
		form := url.Values{"_csrf": {m[2]}, "username": {"ann"}, "password": {password}}
		header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
		for _, c := range b.http.Jar.Cookies(b.at) {
			header.Add("Cookie", c.String())
		}
		spoil(form, header)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.at.String(), strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = header
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		want := http.StatusForbidden
		if name == "nothing" {
			want = http.StatusFound
		}
		if answer.StatusCode != want {
			t.Errorf("%s: %d, want %d", name, answer.StatusCode, want)
		}
	}
}

// Headers of every page keep browsers safe.
func TestPageHeaders(t *testing.T) {
	w := newWorld(t, nil)
	for _, at := range []string{w.authorizeURL(w.public), "/error", "/nowhere", "/logout", "/oauth2/authorize"} {
		b := w.browser()
		b.get(at)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.at.String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		h := answer.Header
		csp := h.Get("Content-Security-Policy")
		if h.Get("X-Frame-Options") != "DENY" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") == "" ||
			!strings.Contains(h.Get("Cache-Control"), "no-store") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s has %v", at, h)
		}
		for _, c := range answer.Cookies() {
			if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
				t.Errorf("%s sets %v", at, c)
			}
		}
	}
}

// The challenge of a page cannot be answered by the API, whose settings may forbid the flow, nor the
// other way round.
func TestChallengesOfPagesAreTheirOwn(t *testing.T) {
	w := newWorld(t, func(p *identity.PoolSettings) { p.MFA, p.TOTP = "ON", new(true) })
	w.user("ann")
	b := w.browser()
	b.get(w.authorizeURL(w.public))
	b.submit(map[string]string{"username": "ann", "password": password})
	state := ""
	for _, h := range hiddenTag.FindAllStringSubmatch(b.page, -1) {
		if h[1] == "session" {
			state = h[2]
		}
	}
	if err := w.public.MFASetup("ann", state).Verify(t.Context(), "000000", ""); err == nil || !strings.Contains(err.Error(), identity.ErrSessionInvalid.Error()) {
		t.Errorf("the API takes the state of a page: %v", err)
	}
	if err := w.public.Pages().MFASetup("ann", state).Verify(t.Context(), "000000", ""); err == nil || strings.Contains(err.Error(), identity.ErrSessionInvalid.Error()) {
		t.Errorf("a page does not take its own state: %v", err)
	}
}

// In development the error page shows what the redirect URI should have been. Elsewhere it tells nobody.
func TestErrorPagesExplain(t *testing.T) {
	for _, explain := range []bool{true, false} {
		w := newWorld(t, nil)
		w.server.Config.Handler = oauth.NewServer(w.engine, &oauth.Options{InsecureHTTP: true, Explain: explain})
		b := w.browser()
		status, out := b.get(w.authorizeURL(w.public, "redirect_uri", "https://app.example.com/cb/"))
		if status != http.StatusBadRequest || out != nil {
			t.Fatalf("%d %v", status, out)
		}
		if strings.Contains(b.page, "byte by byte") != explain || strings.Contains(b.page, "app.example.com") != explain {
			t.Errorf("explain %v:\n%s", explain, b.page)
		}
		b.get("/logout?client_id=" + w.public.ClientID() + "&logout_uri=https://app.example.com/nowhere")
		if strings.Contains(b.page, "logout URLs") != explain || strings.Contains(b.page, "app.example.com") != explain {
			t.Errorf("with Explain %v a sign-out to a foreign address is\n%s", explain, b.page)
		}
		b.sees("Request ID")
	}
}

// Requests beyond the bound are refused at once, and who owes a body takes no slot.
func TestRequestsInFlightAreBounded(t *testing.T) {
	w := newWorld(t, nil)
	entered, leave := make(chan struct{}), make(chan struct{})
	server := oauth.NewServer(w.engine, &oauth.Options{InsecureHTTP: true, MaxInFlight: 1, Logger: slog.New(slog.DiscardHandler)})
	hold := func() { entered <- struct{}{}; <-leave }
	w.hold.Store(&hold)
	body, owed := io.Pipe()
	owes := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oauth2/token", body)
	owes.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	done := make(chan int)
	go func() {
		a := httptest.NewRecorder()
		server.ServeHTTP(a, owes)
		done <- a.Code
	}()
	ask := func(method, path string) *httptest.ResponseRecorder {
		a := httptest.NewRecorder()
		server.ServeHTTP(a, httptest.NewRequestWithContext(t.Context(), method, path, nil))
		return a
	}
	if a := ask(http.MethodGet, "/error"); a.Code != http.StatusBadRequest {
		t.Errorf("beside a request that owes its body: %d", a.Code)
	}
	go func() { ask(http.MethodGet, w.authorizeURL(w.public)) }()
	<-entered
	if a := ask(http.MethodGet, "/error"); a.Code != http.StatusServiceUnavailable || a.Header().Get("Retry-After") == "" {
		t.Errorf("a page beyond the bound: %d %v", a.Code, a.Header())
	}
	if a := ask(http.MethodPost, "/oauth2/token"); a.Code != http.StatusServiceUnavailable || !strings.Contains(a.Body.String(), "temporarily_unavailable") {
		t.Errorf("a program beyond the bound: %d %s", a.Code, a.Body)
	}
	close(leave)
	_ = owed.Close()
	<-done
}

// A recovery code stands in for an app that is lost, on its own page.
func TestRecoveryCodeOnPages(t *testing.T) {
	w := newWorld(t, func(s *identity.PoolSettings) { s.MFA, s.TOTP, s.RecoveryCodes = identity.MFAOptional, new(true), true })
	w.user("ann")
	b := w.browser()
	b.get("/account?client_id=" + w.public.ClientID())
	b.submit(map[string]string{"username": "ann", "password": password})
	b.press("add-factor", map[string]string{"factor": "SOFTWARE_TOKEN_MFA"})
	key, err := mfa.ParseSecret(secretText(b.page))
	if err != nil {
		t.Fatal(err)
	}
	b.submit(map[string]string{"code": key.Code(w.now())})
	b.press("recovery-codes", nil)
	code := regexp.MustCompile(`<code dir="ltr">([0-9A-Z-]{19})</code>`).FindStringSubmatch(b.page)
	if code == nil {
		t.Fatalf("no recovery codes:\n%s", b.page)
	}
	c := w.browser()
	c.get(w.authorizeURL(w.public))
	c.submit(map[string]string{"username": "ann", "password": password})
	c.press("recovery", nil)
	c.sees("Recovery code")
	c.submit(map[string]string{"code": "AAAA-AAAA-AAAA-AAAA"})
	c.sees("This recovery code is not right")
	_, out := c.submit(map[string]string{"code": code[1]})
	c.signedIn(w.public, out)

	plain := newWorld(t, func(s *identity.PoolSettings) { s.MFA, s.TOTP = identity.MFAOptional, new(true) })
	plain.user("ann")
	d := plain.browser()
	d.get("/account?client_id=" + plain.public.ClientID())
	d.submit(map[string]string{"username": "ann", "password": password})
	d.press("add-factor", map[string]string{"factor": "SOFTWARE_TOKEN_MFA"})
	if key, err = mfa.ParseSecret(secretText(d.page)); err != nil {
		t.Fatal(err)
	}
	d.submit(map[string]string{"code": key.Code(plain.now())})
	e := plain.browser()
	e.get(plain.authorizeURL(plain.public))
	e.submit(map[string]string{"username": "ann", "password": password})
	if strings.Contains(e.page, `value="recovery"`) {
		t.Error("a pool without recovery codes offers one")
	}
}

// Where a second factor must be set up, the user chooses which.
func TestSetUpOfAChosenFactor(t *testing.T) {
	w := newWorld(t, func(s *identity.PoolSettings) {
		s.MFA, s.TOTP, s.EmailMFA = identity.MFAOn, new(true), &identity.EmailMFASettings{}
		s.Email = &identity.EmailSettings{Account: new("DEVELOPER"), SourceARN: new("arn:aws:ses:us-east-1:123456789012:identity/example.com")}
		s.Recovery = []identity.RecoveryOption{{Name: "admin_only", Priority: 1}}
		s.AutoVerified = nil
	})
	if _, err := w.pool.Admin().Users().Create(t.Context(), identity.CreateUser{Username: "bob", SuppressInvitation: true}); err != nil {
		t.Fatal(err)
	}
	if err := w.pool.Admin().Users().SetPassword(t.Context(), "bob", password, true); err != nil {
		t.Fatal(err)
	}
	for _, factor := range []string{"EMAIL_OTP", "SOFTWARE_TOKEN_MFA"} {
		b := w.browser()
		b.get(w.authorizeURL(w.public))
		b.submit(map[string]string{"username": "bob", "password": password})
		b.sees("Protect your account")
		if status, out := b.submit(map[string]string{"factor": "SMS_MFA"}); status != http.StatusOK || out != nil {
			t.Errorf("a factor that cannot be set up: %d %v", status, out)
		}
		b.get(w.authorizeURL(w.public))
		b.submit(map[string]string{"username": "bob", "password": password})
		b.submit(map[string]string{"factor": factor})
		if factor == "SOFTWARE_TOKEN_MFA" {
			key, err := mfa.ParseSecret(secretText(b.page))
			if err != nil {
				t.Fatal(err)
			}
			_, out := b.submit(map[string]string{"code": key.Code(w.now())})
			b.signedIn(w.public, out)
			continue
		}
		b.submit(map[string]string{"value": "not an address"})
		b.sees("not possible here")
		b.submit(map[string]string{"value": "bob@example.com"})
		if w.outbox.LastCode("bob@example.com") == "" {
			t.Fatalf("no code was sent:\n%s", b.page)
		}
		b.sees("b***@e***")
	}
}

// Below a path, every page, redirect, picture and asset is below the path.
func TestBelowAPath(t *testing.T) {
	w := newWorld(t, nil)
	w.user("ann")
	if _, err := w.pool.Admin().Domains().Create(t.Context(), identity.DomainSettings{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.pool.Admin().SetUICustomization(t.Context(), "", ".submitButton-customizable { background-color: #5B3FA8; }", png); err != nil {
		t.Fatal(err)
	}
	server := oauth.NewServer(w.engine, &oauth.Options{InsecureHTTP: true, Path: "/auth"})
	mux := http.NewServeMux()
	mux.Handle("/auth/", server)
	w.server.Config.Handler = mux
	b := w.browser()
	status, out := b.get("/auth" + w.authorizeURL(w.public))
	if status != http.StatusOK || out != nil || b.at.Path != "/auth/login" {
		t.Fatalf("%d %v at %s", status, out, b.at)
	}
	links := regexp.MustCompile(`(?:href|src|action)="([^"]*)"`).FindAllStringSubmatch(b.page, -1)
	if len(links) < 6 {
		t.Errorf("the page has the links %q", links)
	}
	for _, l := range links {
		if !strings.HasPrefix(l[1], "/auth/") {
			t.Errorf("a link is not below the path: %s", l[1])
		}
		if strings.HasPrefix(l[1], "/auth/assets/") || strings.HasPrefix(l[1], "/auth/branding/") {
			if status, _, _ := w.call(http.MethodGet, l[1], nil); status != http.StatusOK || !server.Serves(l[1]) {
				t.Errorf("%s: %d", l[1], status)
			}
		}
	}
	if _, out = b.submit(map[string]string{"username": "ann", "password": password}); out == nil || out.Query().Get("code") == "" {
		t.Fatalf("no code: %v at %s", out, b.at)
	}
	b.get("/auth/account?client_id=" + w.public.ClientID())
	b.sees("Your account")
	b.press("sign-out", nil)
	if server.Serves("/login") || !server.Serves("/auth/login") {
		t.Error("Serves does not know the path")
	}
}

// A path names no other host, and a number of requests that is none counts as not given.
func TestOddOptions(t *testing.T) {
	w := newWorld(t, nil)
	for given, path := range map[string]string{"//evil.example": "/evil.example", "/auth/": "/auth", "auth": "/auth", "/": "", "/x/../auth": "/auth"} {
		server := oauth.NewServer(w.engine, &oauth.Options{Path: given, MaxInFlight: -1})
		a := httptest.NewRecorder()
		server.ServeHTTP(a, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path+w.authorizeURL(w.public), nil))
		if to := a.Header().Get("Location"); !strings.HasPrefix(to, path+"/login?") || !server.Serves(path+"/login") {
			t.Errorf("%s: %d to %s", given, a.Code, to)
		}
	}
}

// The name of a user, which the form of each step has, is not the attribute name.
func TestNewPasswordWithAName(t *testing.T) {
	w := newWorld(t, func(p *identity.PoolSettings) {
		p.Schema = identity.StandardSchema()
		for i := range p.Schema {
			p.Schema[i].Required = p.Schema[i].Name == "name"
		}
	})
	if _, err := w.pool.Admin().Users().Create(t.Context(), identity.CreateUser{Username: "eve", TemporaryPassword: password, SuppressInvitation: true}); err != nil {
		t.Fatal(err)
	}
	b := w.browser()
	b.get(w.authorizeURL(w.public))
	b.submit(map[string]string{"username": "eve", "password": password})
	if n := strings.Count(b.page, `name="name"`); n != 1 {
		t.Errorf("%d fields have the name name", n)
	}
	b.submit(map[string]string{"new_password": "Another-horse-battery-2", "name": "Eve"})
	if u, err := w.pool.Admin().Users().Get(t.Context(), "eve"); err != nil || u.Attributes["name"] != "Eve" {
		t.Errorf("the user is %v, %v", u.Attributes, err)
	}
}
