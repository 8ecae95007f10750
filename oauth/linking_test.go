package oauth_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/mfa"
)

// newLinking returns a world whose pool asks before it links, with the user ann, whose address Northwind vouches for.
func newLinking(t *testing.T) *federation {
	t.Helper()
	f := newFederation(t, nil)
	f.linking(identity.LinkingAsk)
	f.user("ann")
	f.idp.SetUser(map[string]any{"sub": "u-1", "email": "ann@example.com", "email_verified": true, "name": "Ann ann"})
	return f
}

func (f *federation) linking(how identity.Linking) {
	f.Helper()
	if _, err := f.pool.Admin().Update(f.Context(), func(s *identity.PoolSettings) error { s.Linking = how; return nil }); err != nil {
		f.Fatal(err)
	}
}

// identities are how many ann has.
func (f *federation) identities(name string) int {
	f.Helper()
	u, err := f.pool.Admin().Users().Get(f.Context(), name)
	if err != nil {
		f.Fatal(err)
	}
	return len(u.Identities)
}

// subOf is the sub of the user for whom an application has got a code.
func (f *federation) subOf(out *url.URL) any {
	f.Helper()
	if out == nil || out.Query().Get("code") == "" || out.Query().Get("state") != "s t&" {
		f.Fatalf("no code: %v", out)
	}
	status, doc, _ := f.post("/oauth2/token", "grant_type", "authorization_code", "client_id", f.client.ClientID(), "redirect_uri", callback, "code", out.Query().Get("code"), "code_verifier", verifier)
	if status != http.StatusOK {
		f.Fatalf("%d %v", status, doc)
	}
	return claims(f, doc["id_token"])["sub"]
}

var buttonLink = regexp.MustCompile(`<a class="button[^"]*" href="([^"]*)"`)

// asked comes back from Northwind to the page that asks, and returns where its two ways lead.
func (f *federation) asked(b *browser) (link, separate string) {
	f.Helper()
	if status, out := b.get(f.away(b, f.byNorthwind()).String()); out != nil || status != http.StatusOK {
		f.Fatalf("%d, to %v:\n%s", status, out, b.page)
	}
	b.sees("You already have an account")
	b.sees("ann@example.com")
	all := buttonLink.FindAllStringSubmatch(b.page, -1)
	if len(all) != 2 {
		f.Fatalf("%d ways on:\n%s", len(all), b.page)
	}
	return html.UnescapeString(all[0][1]), html.UnescapeString(all[1][1])
}

// TestLinkOnPages: somebody comes by a provider, signs in to the user who has the address, and is linked. The application of the first request gets its answer.
func TestLinkOnPages(t *testing.T) {
	f := newLinking(t)
	b := f.browser()
	link, _ := f.asked(b)
	if strings.Contains(link, "identity_provider") {
		t.Errorf("the sign-in leads to the provider again: %s", link)
	}
	b.get(link)
	if f.identities("ann") != 0 {
		t.Fatal("a question has linked")
	}
	b.submit(map[string]string{"username": "ann", "password": "wrong"})
	if f.identities("ann") != 0 {
		t.Fatal("a wrong password has linked")
	}
	_, out := b.submit(map[string]string{"username": "ann", "password": password})
	ann := f.subOf(out)
	if f.identities("ann") != 1 {
		t.Fatal("nobody is linked")
	}
	b = f.browser() // from then on nobody is asked
	if _, out = b.get(f.away(b, f.byNorthwind()).String()); f.subOf(out) != ann {
		t.Error("somebody else is signed in")
	}
}

// withApp turns an authenticator app on for a user.
func (f *federation) withApp(name string) mfa.Secret {
	f.Helper()
	if _, err := f.pool.Admin().Update(f.Context(), func(s *identity.PoolSettings) error {
		s.MFA, s.TOTP = identity.MFAOptional, new(true)
		return nil
	}); err != nil {
		f.Fatal(err)
	}
	api := f.world.client(func(c *identity.ClientSettings) { c.AuthFlows = []identity.AuthFlow{identity.AllowUserPassword} })
	res, err := api.SignIn(f.Context(), identity.SignIn{Username: name, Password: password})
	if err != nil {
		f.Fatal(err)
	}
	s, err := f.pool.Session(f.Context(), res.Tokens.Access)
	if err != nil {
		f.Fatal(err)
	}
	key, err := s.EnrollTOTP(f.Context())
	if err == nil {
		err = s.VerifyTOTP(f.Context(), identity.Secret(key.Code(f.now())), "")
	}
	if err == nil {
		err = s.SetMFA(f.Context(), identity.MFAUpdate{identity.MFATOTP: {Enabled: true}})
	}
	if err != nil {
		f.Fatal(err)
	}
	f.advance(mfa.Period)
	return key
}

// TestLinkNeedsTheSecondFactor: the sign-in that links asks for all that a sign-in asks for.
func TestLinkNeedsTheSecondFactor(t *testing.T) {
	f := newLinking(t)
	key := f.withApp("ann")
	b := f.browser()
	link, _ := f.asked(b)
	b.get(link)
	if _, out := b.submit(map[string]string{"username": "ann", "password": password}); out != nil || f.identities("ann") != 0 {
		t.Fatalf("the password alone: %v, %d identities", out, f.identities("ann"))
	}
	f.advance(mfa.Period)
	if _, out := b.submit(map[string]string{"code": key.Code(f.now())}); f.subOf(out) == nil || f.identities("ann") != 1 {
		t.Errorf("to %v\n%s", out, b.page)
	}
}

func TestLinkOfOthers(t *testing.T) {
	f := newLinking(t)
	f.user("eve")
	t.Run("another account", func(t *testing.T) {
		b := f.browser()
		link, _ := f.asked(b)
		b.get(link)
		if _, out := b.submit(map[string]string{"username": "eve", "password": password}); out != nil {
			t.Errorf("to %v", out)
		}
		b.sees("another account")
	})
	t.Run("another browser has the address of the page", func(t *testing.T) {
		b, victim := f.browser(), f.browser()
		link, _ := f.asked(b)
		victim.get(link)
		if _, out := victim.submit(map[string]string{"username": "ann", "password": password}); f.subOf(out) == nil {
			t.Error("the sign-in fails")
		}
	})
	t.Run("who was signed in before", func(t *testing.T) {
		b := f.browser()
		b.code(f.client, "ann")
		f.advance(time.Second)
		link, _ := f.asked(b)
		_, query, _ := strings.Cut(link, "?")
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		q.Del("prompt")
		if _, out := b.get("/oauth2/authorize?" + q.Encode()); out != nil {
			t.Errorf("to %v", out)
		}
	})
	if f.identities("ann")+f.identities("eve") != 0 {
		t.Error("somebody is linked")
	}
	t.Run("a user of their own", func(t *testing.T) {
		b := f.browser()
		_, separate := f.asked(b)
		_, out := b.get(f.away(b, separate).String())
		own := f.subOf(out)
		u, err := f.pool.Admin().Users().Get(t.Context(), "ann")
		if err != nil || own == u.Sub {
			t.Errorf("who wants a user of their own is ann: %v", err)
		}
	})
}

// TestAccountPageLinks: users link and remove a provider by themselves.
func TestAccountPageLinks(t *testing.T) {
	f := newLinking(t)
	b := f.browser()
	b.code(f.client, "ann")
	page := "/account?client_id=" + f.client.ClientID()
	b.get(page)
	_, out := b.press("link", map[string]string{"_csrf": "x"})
	if out != nil {
		t.Errorf("a forged form leads to %v", out)
	}
	b.get(page)
	away := func(do string) string {
		t.Helper()
		b.press(do, nil)
		m := regexp.MustCompile(`href="(` + regexp.QuoteMeta(f.idp.URL()) + `/authorize[^"]*)"`).FindStringSubmatch(b.page)
		if m == nil {
			t.Fatal(b.page)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, html.UnescapeString(m[1]), nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := b.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		return answer.Header.Get("Location")
	}
	back := away("link")
	if thief := f.browser(); true {
		status, out := thief.get(back)
		f.lost(thief, status, out)
	}
	b.get(back)
	b.sees("From now on you can sign in this way too.")
	if f.identities("ann") != 1 {
		t.Fatal("nobody is linked")
	}
	other := f.browser()
	if _, out := other.get(f.away(other, f.byNorthwind()).String()); f.subOf(out) == nil {
		t.Error("who is linked is not signed in")
	}
	b.get(page)
	b.press("unlink", nil)
	b.sees("You no longer sign in this way.")
	if f.identities("ann") != 0 {
		t.Error("who was removed is linked")
	}

	// Whoever comes back is linked to the user who has left, and to nobody else.
	b.get(page)
	back = away("link")
	f.user("eve")
	b.get("/logout?client_id=" + f.client.ClientID() + "&logout_uri=https://app.example.com/bye")
	b.code(f.client, "eve")
	if _, out := b.get(back); out != nil || f.identities("eve")+f.identities("ann") != 0 {
		t.Errorf("to %v, %d and %d identities", out, f.identities("eve"), f.identities("ann"))
	}
	f.linking(identity.LinkingOff)
	b.get(page)
	if strings.Contains(b.page, `value="link"`) {
		t.Error("a pool that does not link offers it")
	}
}

// TestAccountPageKeepsAWayIn: the last one cannot be removed.
func TestAccountPageKeepsAWayIn(t *testing.T) {
	f := newLinking(t)
	b := f.browser()
	link, _ := f.asked(b)
	b.get(link)
	_, out := b.submit(map[string]string{"username": "ann", "password": password})
	f.subOf(out)
	if err := f.pool.Admin().Users().Unlink(t.Context(), identity.ProviderUser{Provider: "Cognito", Value: "ann"}); err != nil {
		t.Fatal(err)
	}
	b.get("/account?client_id=" + f.client.ClientID())
	b.press("unlink", nil)
	b.sees("One way to sign in must stay.")
	if f.identities("ann") != 1 {
		t.Error("the last way in is gone")
	}
}

// TestSignOutAtTheProvider: a browser that signs out goes to the provider with the ID token of the sign-in, and from there to where the application wants it.
func TestSignOutAtTheProvider(t *testing.T) {
	policy := func(f *federation, p identity.ProviderPolicy) {
		if _, err := f.pool.Admin().Update(t.Context(), func(s *identity.PoolSettings) error {
			s.ProviderPolicies = map[string]identity.ProviderPolicy{"Northwind": p}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	const bye = "https://app.example.com/bye"
	signedIn := func(f *federation) *browser {
		b := f.browser()
		_, out := b.get(f.away(b, f.byNorthwind()).String())
		f.subOf(out)
		return b
	}
	f := newFederation(t, nil)
	f.idp.SignsOut = true
	logout := "/logout?client_id=" + f.client.ClientID() + "&logout_uri=" + url.QueryEscape(bye)
	if _, out := signedIn(f).get(logout); out == nil || out.String() != bye {
		t.Errorf("without a policy, the browser goes to %v", out)
	}
	policy(f, identity.ProviderPolicy{SignOut: true})
	b := signedIn(f)
	_, out := b.get(logout)
	if out == nil || !strings.HasPrefix(out.String(), f.idp.URL()+"/endsession?") {
		t.Fatalf("the browser goes to %v", out)
	}
	q := out.Query()
	if c := claims(t, q.Get("id_token_hint")); c["sub"] != "u-1" || q.Get("client_id") != "upstream" || q.Get("post_logout_redirect_uri") != f.server.URL+"/oauth2/idplogout" {
		t.Errorf("%v", q)
	}
	if _, again := b.get(f.byNorthwind("prompt", "none")); again == nil || again.Query().Get("error") != "login_required" {
		t.Errorf("before it comes back, the browser is signed in: %v", again)
	}
	back := "/oauth2/idplogout?state=" + url.QueryEscape(q.Get("state"))
	if _, out := b.get(back); out == nil || out.String() != bye {
		t.Errorf("from there, it goes to %v", out)
	}
	for name, state := range map[string]string{"used": q.Get("state"), "none": "", "made up": "x", "made up for the client": f.client.ClientID() + ".x"} {
		if _, out := b.get("/oauth2/idplogout?state=" + url.QueryEscape(state)); out != nil {
			t.Errorf("%s: to %v", name, out)
		}
		b.sees("You are signed out")
	}
	trip := f.away(f.browser(), f.byNorthwind()).Query().Get("state")
	if _, out := b.get("/oauth2/idplogout?state=" + url.QueryEscape(trip)); out != nil {
		t.Errorf("the state of a sign-in leads to %v", out)
	}
	b = signedIn(f)
	_, out = b.get(logout)
	status, lost := b.get("/oauth2/idpresponse?code=x&state=" + url.QueryEscape(out.Query().Get("state")))
	f.lost(b, status, lost)

	b = signedIn(f) // by the button of the account page, which has no application to go to
	b.get("/account?client_id=" + f.client.ClientID())
	b.press("sign-out", nil)
	b.sees(f.idp.URL() + "/endsession?")
	f.user("bob") // who has not signed in by the provider
	b = f.browser()
	b.code(f.client, "bob")
	if _, out := b.get(logout); out == nil || out.String() != bye {
		t.Errorf("who is not signed in by the provider goes to %v", out)
	}
	f = newFederation(t, nil) // a provider without the endpoint
	policy(f, identity.ProviderPolicy{SignOut: true})
	if _, out := signedIn(f).get("/logout?client_id=" + f.client.ClientID() + "&logout_uri=" + url.QueryEscape(bye)); out == nil || out.String() != bye {
		t.Errorf("a provider without the endpoint: to %v", out)
	}
}

// TestAccountPageOfAProvidersUser offers neither factors nor passkeys: they are the provider's.
func TestAccountPageOfAProvidersUser(t *testing.T) {
	f := newFederation(t, nil)
	if _, err := f.pool.Admin().Update(t.Context(), func(s *identity.PoolSettings) error {
		s.MFA, s.TOTP, s.RecoveryCodes = identity.MFAOptional, new(true), true
		s.FirstFactors = []identity.FirstFactor{identity.FirstPassword, identity.FirstPasskey}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	b := f.browser()
	if _, out := b.get(f.away(b, f.byNorthwind()).String()[len(f.server.URL):]); out == nil || out.Query().Get("code") == "" {
		t.Fatalf("%v\n%s", out, b.page)
	}
	if status, _ := b.get("/account?client_id=" + f.client.ClientID()); status != http.StatusOK || !strings.Contains(b.page, "ann@northwind.example") {
		t.Fatalf("%d\n%s", status, b.page)
	}
	for _, do := range []string{"add-factor", "add-passkey", "recovery-codes", "password"} {
		if strings.Contains(b.page, `value="`+do+`"`) {
			t.Errorf("the page offers %s", do)
		}
	}
}
