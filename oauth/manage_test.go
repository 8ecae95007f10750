package oauth_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/mfa"
)

// managed is a browser on the account page of ann, in a pool with all that the page shows.
func managed(t *testing.T) (*world, *browser, string) {
	t.Helper()
	w := newWorld(t, func(s *identity.PoolSettings) {
		s.MFA, s.TOTP, s.EmailMFA = identity.MFAOptional, new(true), &identity.EmailMFASettings{}
		s.Sessions, s.RecoveryCodes, s.RecentSignInMinutes = &identity.SessionSettings{Tracked: true, MaxPerUser: 20}, true, new(15)
		s.FirstFactors = []identity.FirstFactor{identity.FirstPassword, identity.FirstPasskey}
		s.Email = &identity.EmailSettings{Account: new("DEVELOPER"), SourceARN: new("arn:aws:ses:us-east-1:123456789012:identity/example.com")}
		s.Passkeys = &identity.PasskeySettings{RelyingParty: new("localhost")}
	})
	w.user("ann")
	at := "/account?client_id=" + w.public.ClientID()
	b := w.browser()
	if status, out := b.get(at); status != http.StatusOK || out != nil || b.at.Path != "/login" {
		t.Fatalf("who is not signed in is at %s: %d %v", b.at, status, out)
	}
	b.signInAs("ann", password)
	if b.at.Path != "/account" {
		t.Fatalf("after the sign-in: at %s\n%s", b.at, b.page)
	}
	return w, b, at
}

func (b *browser) signInAs(name, password string) {
	b.Helper()
	b.submit(map[string]string{"username": name, "password": password})
}

// press sends the form of the page that has a button, with what is typed.
func (b *browser) press(do string, typed map[string]string) (int, *url.URL) {
	b.Helper()
	for _, m := range regexp.MustCompile(`(?s)<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>`).FindAllStringSubmatch(b.page, -1) {
		if !strings.Contains(m[2], `value="`+do+`"`) {
			continue
		}
		form := url.Values{"do": {do}}
		for _, h := range regexp.MustCompile(`<input[^>]* name="([^"]*)"[^>]*? value="([^"]*)"`).FindAllStringSubmatch(m[2], -1) {
			form.Set(h[1], h[2])
		}
		for name, value := range typed {
			form.Set(name, value)
		}
		return b.send(http.MethodPost, strings.ReplaceAll(m[1], "&amp;", "&"), form)
	}
	b.Fatalf("there is no button %s:\n%s", do, b.page)
	return 0, nil
}

func TestAccountIsManaged(t *testing.T) {
	w, b, at := managed(t)
	b.sees("Your account")
	b.press("profile", map[string]string{"name": "Ann Newname"})
	b.sees("Your changes are saved")
	if u, err := w.pool.Admin().Users().Get(t.Context(), "ann"); err != nil || u.Attributes["name"] != "Ann Newname" || u.Attributes["email"] != "ann@example.com" {
		t.Errorf("the user is %+v, %v", u, err)
	}
	b.press("password", map[string]string{"password": "wrong", "new_password": "Another-horse-battery-2"})
	b.seesAt("password", "This is not your current password")
	b.press("password", map[string]string{"password": password, "new_password": "short"})
	b.seesAt("new_password", "This password does not meet all the rules below.")
	b.press("password", map[string]string{"password": password, "new_password": "Another-horse-battery-2"})
	b.sees("Your password was changed")

	b.press("add-factor", map[string]string{"factor": "SOFTWARE_TOKEN_MFA"})
	key := regexp.MustCompile(`name="key" value="([A-Z2-7]+)"`).FindStringSubmatch(b.page)
	if key == nil {
		t.Fatalf("there is no key:\n%s", b.page)
	}
	b.submit(map[string]string{"code": "000000"})
	b.seesAt("code", "This code is not right.")
	secret, err := mfa.ParseSecret(key[1])
	if err != nil {
		t.Fatal(err)
	}
	b.submit(map[string]string{"code": secret.Code(w.now())})
	b.sees("second step is on")
	b.press("remove-factor", map[string]string{"factor": "SOFTWARE_TOKEN_MFA"})
	b.sees("second step is off")

	b.press("recovery-codes", nil)
	if n := len(regexp.MustCompile(`<code dir="ltr">[0-9A-Z-]{19}</code>`).FindAllString(b.page, -1)); n != 10 {
		t.Errorf("%d recovery codes", n)
	}
	b.get(at)
	b.press("add-passkey", nil)
	b.sees("Create a passkey")

	other := w.browser()
	other.get(at)
	other.signInAs("ann", "Another-horse-battery-2")
	b.get(at)
	b.press("end-session", nil)
	b.sees("That device is signed out")
	if other.get(at); other.at.Path != "/login" {
		t.Errorf("the other browser is at %s", other.at)
	}
	other.signInAs("ann", "Another-horse-battery-2")
	b.get(at)
	b.press("sign-out-all", nil)
	b.sees("You are signed out")
	for _, c := range []*browser{b, other} {
		if c.get(at); c.at.Path != "/login" {
			t.Errorf("after a sign-out everywhere a browser is at %s", c.at)
		}
	}
}

// A browser is one row of the account page, and ends with the applications in it. An application in the browser of the page is a row with its name.
func TestAccountEndsABrowserWithItsApplications(t *testing.T) {
	w, b, at := managed(t)
	tokens := func(b *browser) string {
		t.Helper()
		_, out := b.get(w.authorizeURL(w.public))
		if out == nil {
			t.Fatalf("no answer:\n%s", b.page)
		}
		_, doc, _ := w.post("/oauth2/token", "grant_type", "authorization_code", "client_id", w.public.ClientID(), "code", out.Query().Get("code"), "redirect_uri", callback, "code_verifier", verifier)
		refresh, _ := doc["refresh_token"].(string)
		return refresh
	}
	other := w.browser()
	other.get(at)
	other.signInAs("ann", password)
	mine, theirs := tokens(b), tokens(other)
	b.get(at)
	rows := regexp.MustCompile(`(?s)<h2>Where you are signed in</h2>(.*?)</section>`).FindStringSubmatch(b.page)
	if rows == nil || strings.Count(rows[1], "<li>") != 3 || strings.Count(rows[1], "<bdi>app</bdi>") != 1 {
		t.Fatalf("the sessions are %v", rows)
	}
	id := regexp.MustCompile(`name="id" value="(sso[^"]*)"`).FindStringSubmatch(rows[1])
	if id == nil {
		t.Fatalf("no browser in %s", rows[1])
	}
	b.press("end-session", map[string]string{"id": id[1]})
	for refresh, want := range map[string]int{mine: http.StatusOK, theirs: http.StatusBadRequest} {
		status, doc, _ := w.post("/oauth2/token", "grant_type", "refresh_token", "client_id", w.public.ClientID(), "refresh_token", refresh)
		if status != want {
			t.Errorf("refresh: %d %v, want %d", status, doc, want)
		}
	}
}

// Forms begin with names and addresses.
func TestAccountAsksForNamesFirst(t *testing.T) {
	_, b, _ := managed(t)
	last := 0
	for _, name := range []string{"name", "given_name", "family_name", "email", "phone_number", "birthdate", "address", "picture"} {
		at := strings.Index(b.page, `name="`+name+`"`)
		if at <= last {
			t.Errorf("%s is at %d, after %d", name, at, last)
		}
		last = at
	}
}

// A new address is confirmed by a code before the account has it.
func TestAccountConfirmsAddresses(t *testing.T) {
	w, b, _ := managed(t)
	b.press("profile", map[string]string{"email": "new@example.com"})
	code := w.outbox.LastCode("new@example.com")
	if code == "" {
		t.Fatalf("no message:\n%s", b.page)
	}
	b.submit(map[string]string{"code": "000000"})
	b.sees("not right")
	b.submit(map[string]string{"code": code})
	b.sees("saved")
	if u, err := w.pool.Admin().Users().Get(t.Context(), "ann"); err != nil || u.Attributes["email"] != "new@example.com" || u.Attributes["email_verified"] != "true" {
		t.Errorf("the user is %+v, %v", u, err)
	}
}

// What weakens an account asks for a recent sign-in, and forged forms change nothing.
func TestAccountIsGuarded(t *testing.T) {
	w, b, at := managed(t)
	if status, _ := b.press("sign-out-all", map[string]string{"_csrf": "forged"}); status != http.StatusForbidden {
		t.Errorf("a forged form: %d", status)
	}
	w.advance(16 * time.Minute)
	b.get(at)
	b.press("password", map[string]string{"password": password, "new_password": "Another-horse-battery-2"})
	if b.at.Path != "/login" || b.at.Query().Get("prompt") != "login" {
		t.Fatalf("an old sign-in may change the password: at %s", b.at)
	}
	b.signInAs("ann", password)
	if b.at.Path != "/account" {
		t.Fatalf("at %s", b.at)
	}
	b.press("password", map[string]string{"password": password, "new_password": "Another-horse-battery-2"})
	b.sees("Your password was changed")
	if status, _ := w.browser().get("/account?client_id=nobody"); status != http.StatusBadRequest {
		t.Errorf("an unknown client: %d", status)
	}
	if status, _ := w.browser().get("/account"); status != http.StatusBadRequest {
		t.Errorf("no client: %d", status)
	}
	machine, err := w.pool.Admin().Clients().Create(t.Context(), &identity.ClientSettings{Name: "api"})
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := w.browser().get("/account?client_id=" + machine.ID); status != http.StatusBadRequest {
		t.Errorf("a client without pages: %d", status)
	}
}

// A client without pages is for programs. Its settings may let them write what users may not.
func TestAccountIsOfClientsWithPages(t *testing.T) {
	w, b, _ := managed(t)
	for name, edit := range map[string]func(*identity.ClientSettings){
		"no OAuth":         func(c *identity.ClientSettings) { *c = identity.ClientSettings{Name: "api"} },
		"no code grant":    func(c *identity.ClientSettings) { c.OAuthFlows = []string{"implicit"} },
		"no callback URLs": func(c *identity.ClientSettings) { c.CallbackURLs, c.OAuthFlows = nil, []string{"client_credentials"} },
	} {
		set := &identity.ClientSettings{Name: "app", OAuth: true, OAuthFlows: []string{"code"}, OAuthScopes: []string{"openid"}, CallbackURLs: []string{callback}}
		edit(set)
		if len(set.OAuthFlows) > 0 && set.OAuthFlows[0] == "client_credentials" {
			set.OAuthScopes, set.Secret = []string{"api/read"}, clientSecret
			if _, err := w.pool.Admin().ResourceServers().Create(t.Context(), identity.ResourceServerSettings{Identifier: "api", Name: "API", Scopes: []identity.ResourceScope{{Name: "read", Description: "x"}}}); err != nil {
				t.Fatal(err)
			}
		}
		c, err := w.pool.Admin().Clients().Create(t.Context(), set)
		if err != nil {
			t.Fatal(err)
		}
		if status, _ := b.get("/account?client_id=" + c.ID); status != http.StatusBadRequest {
			t.Errorf("%s: %d for a user who is signed in", name, status)
		}
	}
}

// Users change custom attributes only where the client names them, on each page.
func TestCustomAttributesOnPages(t *testing.T) {
	w := newWorld(t, func(s *identity.PoolSettings) {
		s.Schema = append(identity.StandardSchema(),
			identity.SchemaAttribute{Name: "custom:role", Type: identity.TypeString, Mutable: true},
			identity.SchemaAttribute{Name: "custom:motto", Type: identity.TypeString, Mutable: true})
	})
	w.user("ann")
	naming := w.client(func(c *identity.ClientSettings) { c.WriteAttributes = []string{"custom:motto", "email", "name"} })
	b := w.browser()
	for _, tt := range []struct {
		client *identity.AppClient
		motto  string
	}{{w.public, ""}, {naming, "x"}} {
		b.get("/account?client_id=" + tt.client.ClientID())
		if b.at.Path == "/login" {
			b.signInAs("ann", password)
		}
		b.press("profile", map[string]string{"custom:role": "admin", "custom:motto": "x"})
		u, err := w.pool.Admin().Users().Get(t.Context(), "ann")
		if err != nil || u.Attributes["custom:role"] != "" || u.Attributes["custom:motto"] != tt.motto {
			t.Errorf("the user is %v, %v", u.Attributes, err)
		}
	}
	if _, err := w.pool.Admin().Users().Create(t.Context(), identity.CreateUser{Username: "eve", TemporaryPassword: password, SuppressInvitation: true}); err != nil {
		t.Fatal(err)
	}
	b = w.browser()
	b.get(w.authorizeURL(w.public))
	b.signInAs("eve", password)
	if _, out := b.submit(map[string]string{"new_password": "Another-horse-battery-2", "required": "custom:role", "custom:role": "admin"}); out == nil {
		t.Fatalf("no code:\n%s", b.page)
	}
	if u, err := w.pool.Admin().Users().Get(t.Context(), "eve"); err != nil || u.Attributes["custom:role"] != "" {
		t.Errorf("with a new password the user is %v, %v", u.Attributes, err)
	}
}

// The page of one user does nothing for the one who has signed in since.
func TestPagesAreOfOneUser(t *testing.T) {
	w, b, at := managed(t)
	w.user("bob")
	b.get(at)
	ofAnn := b.page
	b.get(w.authorizeURL(w.public, "prompt", "login"))
	b.signInAs("bob", password)
	b.page = ofAnn
	if status, _ := b.press("profile", map[string]string{"name": "Ann again"}); status != http.StatusForbidden {
		t.Errorf("the account page of ann, sent by bob: %d", status)
	}
	if u, err := w.pool.Admin().Users().Get(t.Context(), "bob"); err != nil || u.Attributes["name"] != "Ann bob" {
		t.Errorf("bob is %v, %v", u.Attributes, err)
	}
}

// A client that takes no old or idle sign-in does not take it for its account page.
func TestAccountTakesNoOldSignIn(t *testing.T) {
	w := newWorld(t, func(s *identity.PoolSettings) { s.Sessions = &identity.SessionSettings{Tracked: true, MaxPerUser: 20} })
	w.user("ann")
	long := w.client(func(c *identity.ClientSettings) { c.SSOMinutes = new(600) })
	idle := w.client(func(c *identity.ClientSettings) { c.SSOMinutes, c.IdleHours = new(600), new(1) })
	never := w.client(func(c *identity.ClientSettings) { c.SSOMinutes = new(0) })
	for name, tt := range map[string]struct {
		client *identity.AppClient
		want   string
	}{"long": {long, "/account"}, "idle": {idle, "/login"}, "never": {never, "/login"}} {
		b := w.browser()
		at := "/account?client_id=" + tt.client.ClientID()
		b.get(at)
		b.signInAs("ann", password)
		if b.at.Path != "/account" {
			t.Fatalf("%s: after the sign-in at %s", name, b.at)
		}
		w.advance(2 * time.Hour)
		if b.get(at); b.at.Path != tt.want {
			t.Errorf("%s: two hours later at %s, want %s", name, b.at, tt.want)
		}
	}
}

// What a form cannot ask for is no fault of the server.
func TestAccountRefusesWithoutAFault(t *testing.T) {
	for name, edit := range map[string]func(*identity.PoolSettings){
		"nothing is on": nil,
		"tracked":       func(s *identity.PoolSettings) { s.Sessions = &identity.SessionSettings{Tracked: true, MaxPerUser: 20} },
	} {
		w := newWorld(t, edit)
		w.user("ann")
		at := "/account?client_id=" + w.public.ClientID()
		b := w.browser()
		b.get(at)
		b.signInAs("ann", password)
		token := hiddenTag.FindStringSubmatch(b.page)[2]
		own := "x"
		if sessions, _, err := w.pool.Admin().Users().Sessions(t.Context(), "ann", identity.SessionQuery{}); err == nil {
			own = sessions[0].ID
		}
		for _, form := range []url.Values{
			{"do": {"add-factor"}, "factor": {"SOFTWARE_TOKEN_MFA"}},
			{"do": {"add-factor"}, "factor": {"SMS_MFA"}},
			{"do": {"prefer"}, "factor": {"SOFTWARE_TOKEN_MFA"}},
			{"do": {"turn-on"}, "code": {"123456"}},
			{"do": {"add-passkey"}},
			{"do": {"passkey"}, "credential": {"{}"}},
			{"do": {"recovery-codes"}},
			{"do": {"end-session"}, "id": {own}},
		} {
			form.Set("_csrf", token)
			status, _ := b.send(http.MethodPost, at, form)
			if status != http.StatusOK || strings.Contains(b.page, "wrong on our side") {
				t.Errorf("%s: %v: %d\n%s", name, form, status, b.page)
			}
		}
	}
}

// Where everybody has a second factor, the last one stays on, whatever a form asks for.
func TestLastFactorStays(t *testing.T) {
	w := newWorld(t, func(s *identity.PoolSettings) { s.MFA, s.TOTP = identity.MFAOn, new(true) })
	w.user("ann")
	b := w.browser()
	b.get("/account?client_id=" + w.public.ClientID())
	b.signInAs("ann", password)
	key, err := mfa.ParseSecret(secretText(b.page))
	if err != nil {
		t.Fatal(err)
	}
	b.submit(map[string]string{"code": key.Code(w.now())})
	b.press("profile", map[string]string{"do": "remove-factor", "factor": "SOFTWARE_TOKEN_MFA"})
	b.sees("must stay on")
	if u, err := w.pool.Admin().Users().Get(t.Context(), "ann"); err != nil || len(u.MFA.Methods) != 1 {
		t.Errorf("the user has %v, %v", u.MFA, err)
	}
}
