package cognito_test

import (
	"context"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/store/memory"
)

// visit opens a page, with a form for POST.
func (s *server) visit(method, target string, form url.Values) *httptest.ResponseRecorder {
	s.t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		s.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(s.t.Context(), method, u.RequestURI(), strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		"Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'", "Content-Type": "text/html; charset=utf-8",
	} {
		if got := w.Header().Get(name); got != want {
			s.t.Errorf("%s %s: %s is %q", method, u.Path, name, got)
		}
	}
	return w
}

var hrefForm = regexp.MustCompile(`<a href="([^"]+)">([^<]+)</a>`)

// link returns the link of the newest mail to an address, and its text.
func (s *server) link(to string) (target, text string) {
	s.t.Helper()
	all := s.outbox.Messages(func(m *identity.Message) bool { return m.To == to })
	if len(all) == 0 {
		s.t.Fatalf("no mail to %s", to)
	}
	found := hrefForm.FindStringSubmatch(all[0].Body)
	if found == nil || !all[0].HTML {
		s.t.Fatalf("no link in %q", all[0].Body)
	}
	if strings.Contains(strings.ReplaceAll(found[1], "&amp;", ""), "&") {
		s.t.Errorf("the link is not escaped: %s", found[1])
	}
	return html.UnescapeString(found[1]), found[2]
}

// linkPool makes a pool that sends links, over the wire, and a client.
func linkPool(s *server, template obj, secret bool) (pool, client string) {
	s.t.Helper()
	pool = dig(s.ok("CreateUserPool", obj{
		"PoolName": "links", "AutoVerifiedAttributes": list{"email"}, "VerificationMessageTemplate": with(obj{"DefaultEmailOption": "CONFIRM_WITH_LINK"}, template),
	}), "UserPool", "Id").(string)
	client = dig(s.ok("CreateUserPoolClient", obj{"UserPoolId": pool, "ClientName": "web", "GenerateSecret": secret}), "UserPoolClient", "ClientId").(string)
	return pool, client
}

func (s *server) status(pool, name string) any {
	s.t.Helper()
	return s.ok("AdminGetUser", obj{"UserPoolId": pool, "Username": name})["UserStatus"]
}

func signUpAt(client, name, email string) obj {
	return obj{"ClientId": client, "Username": name, "Password": "Passw0rd!", "UserAttributes": list{obj{"Name": "email", "Value": email}}}
}

// TestLinkConfirms opens the links of pools that are held to the service's behaviour.
func TestLinkConfirms(t *testing.T) {
	s := newServer(t)
	pool, client := linkPool(s, obj{}, false)
	const name = `a"l&ice<b>+ü`
	s.ok("SignUp", signUpAt(client, name, "alice@example.com"))
	link, text := s.link("alice@example.com")
	if text != "Verify Email" || !strings.HasPrefix(link, "https://auth.example.com/confirmUser?client_id="+client+"&user_name=") {
		t.Errorf("the link is %q, %q", link, text)
	}
	if w := s.visit(http.MethodHead, link, nil); w.Code != http.StatusOK || s.status(pool, name) != "UNCONFIRMED" {
		t.Errorf("HEAD: %d, the user is %v", w.Code, s.status(pool, name))
	}
	w := s.visit(http.MethodGet, link, nil)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "<h1>Confirmed</h1>") || s.status(pool, name) != "CONFIRMED" {
		t.Errorf("%d %s, the user is %v", w.Code, w.Body, s.status(pool, name))
	}
	if got := attributesOf(s.ok("AdminGetUser", obj{"UserPoolId": pool, "Username": name}))["email_verified"]; got != "true" {
		t.Errorf("email_verified is %v", got)
	}
	s.ok("SignUp", signUpAt(client, "bob", "bob@example.com"))
	s.ok("ResendConfirmationCode", obj{"ClientId": client, "Username": "bob"})
	link, _ = s.link("bob@example.com")
	if w := s.visit(http.MethodGet, link, nil); w.Code != http.StatusOK || s.status(pool, "bob") != "CONFIRMED" {
		t.Errorf("a link that was asked for again: %d, the user is %v", w.Code, s.status(pool, "bob"))
	}
	s.ok("ForgotPassword", obj{"ClientId": client, "Username": "bob"}) // whoever resets a password must type the code
	if m := s.outbox.Messages(nil)[0]; m.HTML || m.Body != "Your verification code is "+string(m.Code) {
		t.Errorf("the mail of a reset is %q", m.Body)
	}
}

func attributesOf(user obj) map[string]string {
	out := map[string]string{}
	for _, a := range user["UserAttributes"].([]any) {
		out[dig(a, "Name").(string)] = dig(a, "Value").(string)
	}
	return out
}

// TestLinkOfAClientWithASecret has texts of its own, one of them without markup.
func TestLinkOfAClientWithASecret(t *testing.T) {
	s := newServer(t)
	pool, client := linkPool(s, obj{"EmailMessageByLink": "Hi <you> & all\n{##Go##} or {####}", "EmailSubjectByLink": "Welcome"}, true)
	in := signUpAt(client, "alice", "alice@example.com")
	in["SecretHash"] = secretHash(s, pool, client, "alice")
	s.ok("SignUp", in)
	m := s.outbox.Messages(nil)[0]
	if m.Subject != "Welcome" || !strings.HasPrefix(m.Body, "Hi <you> & all") || !strings.HasSuffix(m.Body, " or "+string(m.Code)) {
		t.Errorf("%q, %q", m.Subject, m.Body)
	}
	link, _ := s.link("alice@example.com")
	if w := s.visit(http.MethodGet, link, nil); w.Code != http.StatusOK || s.status(pool, "alice") != "CONFIRMED" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// secretHash is the proof of a client's secret.
func secretHash(s *server, pool, client, name string) string {
	secret := dig(s.ok("DescribeUserPoolClient", obj{"UserPoolId": pool, "ClientId": client}), "UserPoolClient", "ClientSecret").(string)
	return identity.SecretHash(identity.Secret(secret), name, client)
}

// TestBadLinks holds every link that confirms nobody to one page.
func TestBadLinks(t *testing.T) {
	s := newServer(t)
	pool, client := linkPool(s, obj{}, false)
	for _, name := range []string{"alice", "bob", "carol"} {
		s.ok("SignUp", signUpAt(client, name, name+"@example.com"))
	}
	used, _ := s.link("alice@example.com")
	s.visit(http.MethodGet, used, nil)
	good, _ := s.link("bob@example.com")
	codes := dig(s.ok("CreateUserPool", obj{"PoolName": "codes", "AutoVerifiedAttributes": list{"email"}}), "UserPool", "Id").(string)
	other := dig(s.ok("CreateUserPoolClient", obj{"UserPoolId": codes, "ClientName": "web"}), "UserPoolClient", "ClientId").(string)
	s.ok("SignUp", signUpAt(other, "dora", "dora@example.com"))
	byHand := url.Values{"client_id": {other}, "user_name": {"dora"}, "confirmation_code": {s.outbox.LastCode("dora")}}
	edit := func(name, value string) string {
		u, _ := url.Parse(good)
		q := u.Query()
		q.Set(name, value)
		u.RawQuery = q.Encode()
		return u.String()
	}
	wrong := "000000"
	if strings.Contains(good, wrong) {
		wrong = "111111"
	}
	page := ""
	for name, link := range map[string]string{
		"used": used, "a wrong code": edit("confirmation_code", wrong), "no code": edit("confirmation_code", ""), "nobody": edit("user_name", "nobody"),
		"no user": edit("user_name", ""), "no such client": edit("client_id", "x"), "no client": edit("client_id", ""), "another's code": edit("user_name", "carol"),
		"a pool without links": "/confirmUser?" + byHand.Encode(), "nothing": "/confirmUser", "a long name": edit("user_name", strings.Repeat("x", 5000)),
	} {
		w := s.visit(http.MethodGet, link, nil)
		if w.Code != http.StatusBadRequest || page != "" && w.Body.String() != page {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		page = w.Body.String()
	}
	if w := s.visit(http.MethodPost, "/confirmUser", url.Values{"x": {strings.Repeat("x", 10_000)}}); w.Code != http.StatusBadRequest || w.Body.String() != page {
		t.Errorf("a long form: %d", w.Code)
	}
	if w := s.visit(http.MethodPut, good, nil); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("PUT: %d", w.Code)
	}
	if s.status(pool, "bob") != "UNCONFIRMED" || s.status(pool, "carol") != "UNCONFIRMED" || s.status(codes, "dora") != "UNCONFIRMED" {
		t.Error("a bad link confirmed somebody")
	}
	s.advance(24*time.Hour + time.Second)
	if w := s.visit(http.MethodGet, good, nil); w.Code != http.StatusBadRequest || w.Body.String() != page {
		t.Errorf("an old link: %d %s", w.Code, w.Body)
	}
}

// TestSafePoolsAskBeforeALinkConfirms: programs that check mail follow its links.
func TestSafePoolsAskBeforeALinkConfirms(t *testing.T) {
	s := newServer(t)
	p, err := s.engine.OpenUserPool(t.Context(), "main", &identity.PoolSettings{
		Algorithm: "ES256", AutoVerified: []string{"email"}, Verification: &identity.VerificationTemplate{DefaultByLink: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.SignUp(t.Context(), identity.SignUp{Username: "alice", Password: "correct horse battery staple", Attributes: map[string]string{"email": "alice@example.com"}}); err != nil {
		t.Fatal(err)
	}
	link, _ := s.link("alice@example.com")
	u, _ := url.Parse(link)
	for range 20 { // more often than codes may be tried
		w := s.visit(http.MethodGet, link, nil)
		if w.Code != http.StatusOK || s.status(p.PoolID(), "alice") != "UNCONFIRMED" {
			t.Fatalf("%d %s, the user is %v", w.Code, w.Body, s.status(p.PoolID(), "alice"))
		}
		for name := range u.Query() {
			if !strings.Contains(w.Body.String(), `name="`+name+`" value="`+html.EscapeString(u.Query().Get(name))+`"`) {
				t.Errorf("the form lacks %s: %s", name, w.Body)
			}
		}
	}
	nobody := s.visit(http.MethodGet, strings.Replace(link, "alice", "nobody", 1), nil).Body.String()
	if somebody := s.visit(http.MethodGet, link, nil).Body.String(); strings.Replace(somebody, "alice", "nobody", 1) != nobody {
		t.Errorf("the page tells who has an account: %s", nobody)
	}
	if w := s.visit(http.MethodGet, "/confirmUser?client_id="+u.Query().Get("client_id")+"&user_name=%22%3E%3Cscript%3E", nil); strings.Contains(w.Body.String(), "<script>") {
		t.Errorf("the page shows what it should escape: %s", w.Body)
	}
	if w := s.visit(http.MethodPost, "/confirmUser", u.Query()); w.Code != http.StatusOK || s.status(p.PoolID(), "alice") != "CONFIRMED" {
		t.Errorf("%d %s, the user is %v", w.Code, w.Body, s.status(p.PoolID(), "alice"))
	}
}

// TestLinksNeedAPage: without an address for the page the setting is refused. A pool that has it
// sends codes.
func TestLinksNeedAPage(t *testing.T) {
	byLink := obj{"PoolName": "links", "AutoVerifiedAttributes": list{"email"}, "VerificationMessageTemplate": obj{"DefaultEmailOption": "CONFIRM_WITH_LINK"}}
	s := newServer(t)
	pool, client := linkPool(s, obj{}, false)
	plain := s.ok("CreateUserPool", obj{"PoolName": "codes"})
	s.reopen(identity.Options{})
	reason := "CONFIRM_WITH_LINK needs an address at which the page of the link is served, and there is none."
	s.call("CreateUserPool", byLink).want(t, invalid(reason))
	update := with(byLink, obj{"UserPoolId": dig(plain, "UserPool", "Id")})
	delete(update, "PoolName")
	s.call("UpdateUserPool", update).want(t, invalid(reason))
	update["UserPoolId"] = pool
	s.ok("UpdateUserPool", update)
	s.ok("SignUp", signUpAt(client, "alice", "alice@example.com"))
	if m := s.outbox.Messages(nil)[0]; m.HTML || m.Body != "Your verification code is "+string(m.Code) {
		t.Errorf("the mail is %q", m.Body)
	}
}

// reopen makes another engine on the store.
func (s *server) reopen(o identity.Options) {
	o.Sender, o.Logger, o.InsecureCheapHashing, o.InsecureUnsealed, o.Clock = s.outbox, s.logger(), true, true, s.now
	s.engine = identity.New(s.store, &o)
	s.handler = cognito.NewHandler(s.engine, &cognito.Options{Logger: o.Logger, Clock: s.now})
}

// TestHookWritesTheLink has a hook that writes the mail itself.
func TestHookWritesTheLink(t *testing.T) {
	s := newServer(t)
	s.store.Store = memory.New()
	body := "{##Click Here##}"
	s.reopen(identity.Options{
		PageURL: func(context.Context) string { return "https://auth.example.com/" },
		Hooks: &identity.Hooks{CustomMessage: func(context.Context, *hook.CustomMessage) (hook.CustomMessageDecision, error) {
			return hook.CustomMessageDecision{Subject: "Hello", Body: body}, nil
		}},
	})
	_, client := linkPool(s, obj{}, false)
	s.ok("SignUp", signUpAt(client, "alice", "alice@example.com"))
	if link, text := s.link("alice@example.com"); text != "Click Here" || !strings.HasPrefix(link, "https://auth.example.com/confirmUser?") {
		t.Errorf("%q, %q", link, text)
	}
	body = "Your code is {####}."
	s.ok("SignUp", signUpAt(client, "bob", "bob@example.com"))
	if m := s.outbox.Messages(nil)[0]; m.HTML || m.Body != "Your code is "+string(m.Code)+"." {
		t.Errorf("the mail is %q", m.Body)
	}
}

// TestPageOfALinkIsInTheLanguageOfTheBrowser asks for the page of a link that is not valid, and of one that is.
func TestPageOfALinkIsInTheLanguageOfTheBrowser(t *testing.T) {
	s := newServer(t)
	_, client := linkPool(s, obj{}, false)
	s.ok("SignUp", signUpAt(client, "alice", "alice@example.com"))
	good, _ := s.link("alice@example.com")
	page := func(target, languages string) string {
		u, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, u.RequestURI(), nil)
		r.Header.Set("Accept-Language", languages)
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		return w.Body.String()
	}
	seen := map[string]bool{}
	for _, lang := range []string{"de", "en", "es", "fr", "ja", "pt"} {
		nobody, client := page("/confirmUser?client_id="+client+"&user_name=nobody&confirmation_code=1", lang), page("/confirmUser", lang)
		if !strings.Contains(nobody, `<html lang="`+lang+`">`) || nobody != client || seen[nobody[30:]] {
			t.Errorf("%s: %s", lang, nobody)
		}
		seen[nobody[30:]] = true
	}
	for languages, want := range map[string]string{
		"": "en", "de-AT,de;q=0.9,en;q=0.8": "de", "zh-CN, fr;q=0.5, es;q=0.7": "es", "PT-br": "pt", "de;q=0, ja;q=0.1": "ja", "de;q=x": "en", "fr;q=7": "en",
		"*": "en", ";;,,": "en", "de;q=NaN": "en", strings.Repeat("x,", 20) + "de": "en", strings.Repeat("x,", 19) + "de": "de",
	} {
		if got := page("/confirmUser", languages); !strings.Contains(got, `<html lang="`+want+`">`) {
			t.Errorf("%q: want %s: %s", languages, want, got)
		}
	}
	if got := page(good, "de"); !strings.Contains(got, "<h1>Bestätigt</h1>") {
		t.Errorf("a good link: %s", got)
	}
}

// TestNameInALinkMailIsNoMarkup has a text with the name of the user.
func TestNameInALinkMailIsNoMarkup(t *testing.T) {
	s := newServer(t)
	_, client := linkPool(s, obj{"EmailMessageByLink": "<p>{username}: {##Go##}</p>", "EmailSubjectByLink": "For {username}"}, false)
	s.ok("SignUp", signUpAt(client, "<b>&ob", "bob@example.com"))
	if m := s.outbox.Messages(nil)[0]; !strings.HasPrefix(m.Body, "<p>&lt;b&gt;&amp;ob: <a href=") || m.Subject != "For <b>&ob" {
		t.Errorf("%q, %q", m.Subject, m.Body)
	}
}
