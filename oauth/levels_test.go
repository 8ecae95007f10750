package oauth_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/mfa"
)

const (
	loa1 = "urn:cognito:loa:1"
	loa2 = "urn:cognito:loa:2"
	loa3 = "urn:cognito:loa:3"
	loa4 = "urn:cognito:loa:4"
)

// A levelWorld has ann, who has an authenticator app that is turned off, and bob, who has none.
type levelWorld struct {
	*world
	key mfa.Secret
}

func newLevelWorld(t testing.TB, edit func(*identity.PoolSettings)) *levelWorld {
	t.Helper()
	w := &levelWorld{world: newWorld(t, func(p *identity.PoolSettings) {
		p.MFA, p.TOTP = identity.MFAOptional, new(true)
		if edit != nil {
			edit(p)
		}
	})}
	w.user("ann")
	w.user("bob")
	api := w.client(func(c *identity.ClientSettings) { c.AuthFlows = []identity.AuthFlow{identity.AllowUserPassword} })
	res, err := api.SignIn(t.Context(), identity.SignIn{Username: "ann", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	s, err := w.pool.Session(t.Context(), res.Tokens.Access)
	if err != nil {
		t.Fatal(err)
	}
	if w.key, err = s.EnrollTOTP(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.VerifyTOTP(t.Context(), identity.Secret(w.key.Code(w.now())), ""); err != nil {
		t.Fatal(err)
	}
	w.advance(mfa.Period)
	return w
}

// app is the code that ann's app shows next.
func (w *levelWorld) app() map[string]string {
	w.advance(mfa.Period)
	return map[string]string{"code": w.key.Code(w.now())}
}

// asks goes to the authorization endpoint with levels.
func (w *levelWorld) asks(b *browser, levels string, more ...string) *url.URL {
	w.Helper()
	_, out := b.get(w.authorizeURL(w.public, append([]string{"acr_values", levels}, more...)...))
	return out
}

// wantLevel exchanges a code, and checks both claims in both tokens. They are the same after a refresh.
func (b *browser) wantLevel(out *url.URL, level any, amr ...string) map[string]any {
	b.Helper()
	if out == nil || out.Query().Get("code") == "" {
		b.Fatalf("no code: %v at %s\n%s", out, b.at, b.page)
	}
	id := b.public.ClientID()
	_, got, _ := b.post("/oauth2/token", "grant_type", "authorization_code", "client_id", id, "code", out.Query().Get("code"), "redirect_uri", callback, "code_verifier", verifier)
	refresh, _ := got["refresh_token"].(string)
	_, again, _ := b.post("/oauth2/token", "grant_type", "refresh_token", "client_id", id, "refresh_token", refresh)
	for _, raw := range []any{got["id_token"], got["access_token"], again["id_token"], again["access_token"]} {
		b.wantClaims(claims(b.TB, raw), level, amr)
	}
	return claims(b.TB, got["id_token"])
}

func (b *browser) wantClaims(c map[string]any, level any, amr []string) {
	b.Helper()
	var methods []string
	list, _ := c["amr"].([]any)
	for _, m := range list {
		methods = append(methods, m.(string))
	}
	if c["acr"] != level || !slices.Equal(methods, amr) {
		b.Errorf("%s token with acr %v and amr %q, want %v and %q", c["token_use"], c["acr"], methods, level, amr)
	}
}

var right = map[string]string{"username": "ann", "password": password}

// TestLevelsOnPages signs in to a level, gets it again without a page, and goes up from there.
func TestLevelsOnPages(t *testing.T) {
	w := newLevelWorld(t, nil)
	b := w.browser()
	if out := w.asks(b, loa1, "prompt", "none"); refusedAt(out) != "login_required" {
		t.Errorf("nobody is signed in: %v", out)
	}
	w.asks(b, loa1)
	_, out := b.submit(right)
	first := b.wantLevel(out, loa1, "pwd")
	b.wantLevel(w.asks(b, loa1, "prompt", "none"), loa1, "pwd")
	b.wantLevel(w.asks(b, "gold "+loa4+" "+loa1, "prompt", "none"), loa1, "pwd")
	for _, levels := range []string{loa2, loa3, loa4, loa4 + " " + loa2} {
		if out := w.asks(b, levels, "prompt", "none"); refusedAt(out) != "login_required" {
			t.Errorf("%s without a page: %v", levels, out)
		}
	}

	for _, levels := range []string{loa4 + " " + loa1, loa4} {
		if out := w.asks(b, levels); out != nil || b.at.Path != "/login" || strings.Contains(b.page, `name="password"`) {
			t.Fatalf("%s: %v at %s\n%s", levels, out, b.at, b.page)
		}
		b.sees(`value="ann"`)
	}
	b.submit(map[string]string{"username": "ann"})
	b.submit(map[string]string{"code": "000000"})
	b.sees("This code is not right.")
	_, out = b.submit(w.app())
	high := b.wantLevel(out, loa4, "pwd", "otp", "mfa")
	if high["auth_time"].(float64) <= first["auth_time"].(float64) {
		t.Errorf("auth_time %v after the step-up, was %v", high["auth_time"], first["auth_time"])
	}
	for _, levels := range []string{loa4, loa1, loa1 + " " + loa4, loa3, "gold", ""} {
		b.wantLevel(w.asks(b, levels), loa4, "pwd", "otp", "mfa")
	}
}

// TestBrowsersThatNamedNoLevel count by what they have proved. Their applications are told only if they ask.
func TestBrowsersThatNamedNoLevel(t *testing.T) {
	w := newLevelWorld(t, nil)
	b := w.browser()
	w.asks(b, "gold")
	_, out := b.submit(right)
	b.wantLevel(out, nil)
	b.wantLevel(w.asks(b, loa1), loa1, "pwd")
	b.wantLevel(w.asks(b, ""), nil)
}

// TestNewSignInsForALevel: what asks for the password again though the browser is signed in.
func TestNewSignInsForALevel(t *testing.T) {
	type again struct {
		more   []string
		before func(w *levelWorld)
	}
	for name, tt := range few.Named(2, map[string]again{
		"prompt":                {[]string{"prompt", "login"}, func(*levelWorld) {}},
		"another account":       {[]string{"prompt", "select_account"}, func(*levelWorld) {}},
		"an age that is passed": {[]string{"max_age", "59"}, func(*levelWorld) {}},
		"another password": {nil, func(w *levelWorld) {
			if err := w.pool.Admin().Users().SetPassword(w.Context(), "ann", password, true); err != nil {
				w.Fatal(err)
			}
		}},
		"signed out": {nil, func(w *levelWorld) {
			if err := w.pool.Admin().Users().SignOut(w.Context(), "ann"); err != nil {
				w.Fatal(err)
			}
		}},
	}) {
		t.Run(name, func(t *testing.T) {
			w := newLevelWorld(t, nil)
			b := w.browser()
			w.asks(b, loa1)
			b.submit(right)
			w.advance(time.Minute)
			tt.before(w)
			w.asks(b, loa4, tt.more...)
			if _, out := b.submit(map[string]string{"username": "ann"}); out != nil || !strings.Contains(b.page, `name="password"`) {
				t.Fatalf("no password is asked for: %v\n%s", out, b.page)
			}
			b.submit(right)
			_, out := b.submit(w.app())
			b.wantLevel(out, loa4, "pwd", "otp", "mfa")
		})
	}
	w := newLevelWorld(t, nil)
	b := w.browser()
	w.asks(b, loa1)
	b.submit(right)
	w.advance(time.Minute)
	w.asks(b, loa4, "max_age", "61")
	b.submit(map[string]string{"username": "ann"})
	_, out := b.submit(w.app())
	b.wantLevel(out, loa4, "pwd", "otp", "mfa")
}

// TestOldPasswordsReachNoLevel: the browser stays signed in, but not for what asks for a level.
func TestOldPasswordsReachNoLevel(t *testing.T) {
	w := newLevelWorld(t, nil)
	b := w.browser()
	w.asks(b, loa1)
	b.submit(right)
	w.advance(time.Minute)
	if err := w.pool.Admin().Users().SetPassword(t.Context(), "ann", password, true); err != nil {
		t.Fatal(err)
	}
	if out := w.asks(b, loa1, "prompt", "none"); refusedAt(out) != "login_required" {
		t.Errorf("level 1: %v", out)
	}
	if out := w.asks(b, "", "prompt", "none"); out == nil || out.Query().Get("code") == "" {
		t.Errorf("no level: %v", out)
	}
}

// TestLevelsOutOfReach: the application is told, and nobody is signed in.
func TestLevelsOutOfReach(t *testing.T) {
	w := newLevelWorld(t, nil)
	bob := map[string]string{"username": "bob", "password": password}
	const unmet = "unmet_authentication_requirements"
	b := w.browser()
	w.asks(b, loa4)
	if _, out := b.submit(bob); refusedAt(out) != unmet || out.Query().Get("state") != "s t&" {
		t.Errorf("level 4: %v\n%s", out, b.page)
	}
	if out := w.asks(b, "", "prompt", "none"); refusedAt(out) != "login_required" {
		t.Errorf("after that: %v", out)
	}
	w.asks(b, loa1)
	b.submit(bob)
	if out := w.asks(b, loa4, "prompt", "none"); refusedAt(out) != unmet {
		t.Errorf("without a page: %v", out)
	}
	b.wantLevel(w.asks(b, loa4+" "+loa1, "prompt", "none"), loa1, "pwd")
	w.asks(b, loa4)
	if _, out := b.submit(map[string]string{"username": "bob"}); refusedAt(out) != unmet {
		t.Errorf("a step-up: %v\n%s", out, b.page)
	}
	w.asks(b, loa4) // it is bob's browser, and ann's name
	b.submit(map[string]string{"username": "ann"})
	b.submit(map[string]string{"password": password})
	_, out := b.submit(w.app())
	if id := b.wantLevel(out, loa4, "pwd", "otp", "mfa"); id["cognito:username"] != "ann" {
		t.Errorf("ID token %v", id)
	}
}

// TestRequestsThatChangeOnTheWay: a level that comes into the query after the first page has to be reached, too.
func TestRequestsThatChangeOnTheWay(t *testing.T) {
	w := newLevelWorld(t, func(p *identity.PoolSettings) {
		p.FirstFactors = []identity.FirstFactor{identity.FirstPassword, identity.FirstEmailOTP}
	})
	w.public = w.client(func(c *identity.ClientSettings) { c.AuthFlows = []identity.AuthFlow{identity.AllowUser} })
	for _, asked := range []string{loa1, ""} {
		b := w.browser()
		w.asks(b, asked)
		b.submit(map[string]string{"username": "bob"})
		b.submit(map[string]string{"factor": "PASSWORD"})
		b.page = strings.ReplaceAll(b.page, "acr_values="+url.QueryEscape(loa1)+"&amp;", "")
		b.page = strings.Replace(b.page, `action="/login?`, `action="/login?acr_values=`+url.QueryEscape(loa3)+"&amp;", 1)
		if _, out := b.submit(map[string]string{"password": password}); refusedAt(out) != "unmet_authentication_requirements" {
			t.Errorf("from %q: %v\n%s", asked, out, b.page)
		}
	}
}

// TestLevelOfAnotherPage: a page that waits for a level which the browser has reached elsewhere goes on.
func TestLevelOfAnotherPage(t *testing.T) {
	w := newLevelWorld(t, nil)
	b := w.browser()
	w.asks(b, loa1)
	b.submit(right)
	w.asks(b, loa4)
	waiting := *b
	b.submit(map[string]string{"username": "ann"})
	b.submit(w.app())
	_, out := waiting.submit(map[string]string{"username": "ann"})
	waiting.wantLevel(out, loa4, "pwd", "otp", "mfa")
}

// TestLevelsOfChoice: a client with factors to choose from offers those that lead to the level.
func TestLevelsOfChoice(t *testing.T) {
	w := newLevelWorld(t, func(p *identity.PoolSettings) {
		p.FirstFactors = []identity.FirstFactor{identity.FirstPassword, identity.FirstEmailOTP}
	})
	w.public = w.client(func(c *identity.ClientSettings) { c.AuthFlows = []identity.AuthFlow{identity.AllowUser} })
	b := w.browser()
	w.asks(b, loa2)
	b.submit(map[string]string{"username": "ann"})
	b.submit(map[string]string{"factor": "EMAIL_OTP"}) // or the password, and the app
	_, out := b.submit(map[string]string{"code": w.outbox.LastCode("ann@example.com")})
	b.wantLevel(out, loa2, "email_otp")
	w.asks(b, loa4)
	b.submit(map[string]string{"username": "ann"})
	if strings.Contains(b.page, "EMAIL_OTP") {
		t.Errorf("the mailed code counts already, and leads to no level 4:\n%s", b.page)
	}
	b.submit(map[string]string{"factor": "PASSWORD"})
	b.submit(map[string]string{"password": password})
	_, out = b.submit(w.app())
	b.wantLevel(out, loa4, "email_otp", "pwd", "otp", "mfa")
}

// TestLevelsOfUsersWhoAreHidden: the application is told only after a first factor was proved.
func TestLevelsOfUsersWhoAreHidden(t *testing.T) {
	w := newLevelWorld(t, func(p *identity.PoolSettings) {
		p.FirstFactors = []identity.FirstFactor{identity.FirstPassword, identity.FirstEmailOTP}
	})
	w.public = w.client(func(c *identity.ClientSettings) {
		c.AuthFlows, c.PreventUserExistenceErrors = []identity.AuthFlow{identity.AllowUser}, new("ENABLED")
	})
	for _, name := range []string{"bob", "nobody"} {
		b := w.browser()
		w.asks(b, loa4)
		b.submit(map[string]string{"username": name})
		b.submit(map[string]string{"factor": "PASSWORD"})
		if _, out := b.submit(map[string]string{"password": "wrong password"}); out != nil {
			t.Fatalf("%s: %v", name, out)
		}
		b.sees("Incorrect user name or password.")
		if _, out := b.submit(map[string]string{"password": password}); name == "bob" && refusedAt(out) != "unmet_authentication_requirements" {
			t.Errorf("the right password: %v\n%s", out, b.page)
		}
	}
}

// TestLevelsOfTheImplicitGrant: its tokens come without a code.
func TestLevelsOfTheImplicitGrant(t *testing.T) {
	w := newLevelWorld(t, nil)
	client := w.client(func(c *identity.ClientSettings) { c.OAuthFlows = []string{"implicit"} })
	more := []string{"response_type", "token", "code_challenge", "", "code_challenge_method", "", "acr_values", loa1}
	b := w.browser()
	b.get(w.authorizeURL(client, more...))
	_, out := b.submit(right)
	q, err := url.ParseQuery(out.EscapedFragment())
	if err != nil {
		t.Fatal(err)
	}
	b.wantClaims(claims(t, q.Get("id_token")), loa1, []string{"pwd"})
	b.wantClaims(claims(t, q.Get("access_token")), loa1, []string{"pwd"})
	_, out = b.get(w.authorizeURL(client, append(more, "acr_values", loa4, "prompt", "none")...))
	if q, err := url.ParseQuery(out.EscapedFragment()); err != nil || q.Get("error") != "login_required" || q.Get("access_token") != "" {
		t.Errorf("level 4: %v", out)
	}
}

// confirming confirms who signs up.
func confirming(context.Context, *hook.PreSignUp) (hook.PreSignUpDecision, error) {
	return hook.PreSignUpDecision{Confirm: true, VerifyEmail: true}, nil
}

// TestLevelsAfterASignUp: who has just signed up reaches level 1 at once, and no other.
func TestLevelsAfterASignUp(t *testing.T) {
	w := newLevelWorld(t, func(p *identity.PoolSettings) { p.EmailMFA = &identity.EmailMFASettings{} })
	w.hooks.PreSignUp = confirming
	for level, want := range map[string]string{loa1: "", loa4: "unmet_authentication_requirements", loa3: "nothing"} {
		b := w.browser()
		b.get(strings.Replace(w.authorizeURL(w.public, "acr_values", level), "/oauth2/authorize", "/signup", 1))
		_, out := b.submit(map[string]string{"username": "eve" + level, "password": password, "email": "eve@example.com"})
		if refusedAt(out) != want {
			t.Errorf("%s: %v\n%s", level, out, b.page)
		}
		if level == loa3 {
			_, out = b.submit(map[string]string{"code": w.outbox.LastCode("eve@example.com")})
			b.wantLevel(out, loa3, "pwd", "email_otp", "mfa")
		}
	}
}

// TestNameOfAStepUp: the page shows the name by which the user signs in, and no id.
func TestNameOfAStepUp(t *testing.T) {
	w := newWorld(t, func(p *identity.PoolSettings) {
		p.UsernameAttributes, p.MFA, p.EmailMFA = []string{"email"}, identity.MFAOptional, &identity.EmailMFASettings{}
	})
	const name = "ann@example.com"
	users := w.pool.Admin().Users()
	if _, err := users.Create(t.Context(), identity.CreateUser{Username: name, Attributes: map[string]string{"email": name, "email_verified": "true"}, SuppressInvitation: true}); err != nil {
		t.Fatal(err)
	}
	if err := users.SetPassword(t.Context(), name, password, true); err != nil {
		t.Fatal(err)
	}
	w.advance(time.Second) // the second password is younger than the first
	b := w.browser()
	b.get(w.authorizeURL(w.public))
	b.submit(map[string]string{"username": name, "password": password})
	b.get(w.authorizeURL(w.public, "acr_values", loa3))
	b.sees(`value="` + name + `"`)
	b.submit(map[string]string{"username": name})
	_, out := b.submit(map[string]string{"code": w.outbox.LastCode(name)})
	b.wantLevel(out, loa3, "pwd", "email_otp", "mfa")
}

// TestNameWithoutAPassword: the page says what is missing.
func TestNameWithoutAPassword(t *testing.T) {
	w := newLevelWorld(t, nil)
	for _, levels := range []string{"", loa1} {
		b := w.browser()
		w.asks(b, levels)
		b.submit(map[string]string{"username": "ann"})
		b.sees("Please fill this in.")
	}
}

// TestNobodySkipsTheChoice: the first page of a client with factors to choose from takes no password.
func TestNobodySkipsTheChoice(t *testing.T) {
	w := newLevelWorld(t, func(p *identity.PoolSettings) {
		p.FirstFactors = []identity.FirstFactor{identity.FirstPassword, identity.FirstEmailOTP}
	})
	w.public = w.client(func(c *identity.ClientSettings) { c.AuthFlows = []identity.AuthFlow{identity.AllowUser} })
	for _, levels := range []string{"", loa1} {
		b := w.browser()
		w.asks(b, levels)
		if _, out := b.submit(right); out != nil || !strings.Contains(b.page, "EMAIL_OTP") {
			t.Errorf("levels %q: %v\n%s", levels, out, b.page)
		}
	}
}

// TestPlanWithoutLevels: LITE ignores them.
func TestPlanWithoutLevels(t *testing.T) {
	w := newLevelWorld(t, func(p *identity.PoolSettings) { p.Tier = identity.TierLite })
	b := w.browser()
	w.asks(b, loa4)
	_, out := b.submit(right)
	b.wantLevel(out, nil)
	b.wantLevel(w.asks(b, loa4, "prompt", "none"), nil)
}

// TestMalformedLevels redirects nobody, or is as if it were not there.
func TestMalformedLevels(t *testing.T) {
	w := newLevelWorld(t, nil)
	b := w.browser()
	w.asks(b, "")
	b.submit(right)
	good := w.authorizeURL(w.public, "prompt", "none")
	for name, value := range map[string]string{
		"twice": loa1 + "&acr_values=" + loa1, "NUL": "%00", "10 KB": strings.Repeat("a", 10<<10), "not UTF-8": "%ff", "a line break": loa4 + "%0a" + loa1,
	} {
		if status, out := b.get(good + "&acr_values=" + value); status != http.StatusBadRequest || out != nil {
			t.Errorf("%s: %d, to %v", name, status, out)
		}
	}
	for name, value := range map[string]string{
		"unknown": "gold", "many": strings.Repeat("x ", 4000), "another case": strings.ToUpper(loa4), "spaces": "   ", "a number": "4", "part of a name": loa4[:len(loa4)-1],
	} {
		b.wantLevel(w.asks(b, value, "prompt", "none"), nil)
		if t.Failed() {
			t.Fatal(name)
		}
	}
	if out := w.asks(b, strings.Repeat("x ", 2000)+loa4, "prompt", "none"); refusedAt(out) != "login_required" {
		t.Errorf("a level after many names: %v", out)
	}
}
