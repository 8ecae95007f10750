package oauth_test

import (
	"context"
	"errors"
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
	"github.com/cognate-id/cognate/oauth"
	"github.com/cognate-id/cognate/oauth/hosted"
)

// byLink makes the mails of sign-ups carry a link.
func byLink(p *identity.PoolSettings) {
	p.Verification = &identity.VerificationTemplate{DefaultByLink: true}
}

// safely is byLink in a safe pool.
func safely(p *identity.PoolSettings) {
	byLink(p)
	p.Defaults = ""
}

var mailedLink = regexp.MustCompile(`<a href="[^"]*?(/confirmUser\?[^"]*)"`)

// signUp signs a user up, and returns the link in the mail.
func (w *world) signUp(client *identity.AppClient, name string) string {
	w.Helper()
	_, err := client.Pages().SignUp(w.Context(), identity.SignUp{Username: name, Password: password, Attributes: map[string]string{"email": name + "@example.com"}})
	if err != nil {
		w.Fatal(err)
	}
	mails := w.outbox.Messages(func(m *identity.Message) bool { return m.To == name+"@example.com" })
	if len(mails) == 0 {
		w.Fatalf("no mail to %s", name)
	}
	found := mailedLink.FindStringSubmatch(mails[0].Body)
	if found == nil {
		w.Fatalf("no link in %q", mails[0].Body)
	}
	return html.UnescapeString(found[1])
}

// confirmed reports whether a user is.
func (w *world) confirmed(name string) bool {
	w.Helper()
	u, err := w.pool.Admin().Users().Get(w.Context(), name)
	if err != nil {
		w.Fatal(err)
	}
	return u.Status == identity.StatusConfirmed
}

// edited is a link with another value of a parameter.
func edited(link, name, value string) string {
	u, _ := url.Parse(link)
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

// In pools that are held to the service's behaviour, opening a link confirms, on a page with the look of the client.
func TestLinkConfirmsOnPageWithLook(t *testing.T) {
	w := newWorld(t, byLink)
	if _, err := w.pool.Admin().Brandings().Create(t.Context(), w.public.ClientID(), identity.BrandingSettings{Settings: []byte(styleOfAConsole)}); err != nil {
		t.Fatal(err)
	}
	link := w.signUp(w.public, "ann")
	b := w.browser()
	if status, _ := b.send(http.MethodHead, link, nil); status != http.StatusOK || w.confirmed("ann") {
		t.Errorf("HEAD: %d, confirmed: %v", status, w.confirmed("ann"))
	}
	if status, _ := b.get(edited(link, "lang", "de")); status != http.StatusOK || !w.confirmed("ann") {
		t.Fatalf("%d, confirmed: %v\n%s", status, w.confirmed("ann"), b.page)
	}
	b.sees(`<html lang="de"`)
	b.sees("Ihr Konto ist bestätigt")
	b.sees("look.lp")
	b.sees(`href="/account?client_id=` + w.public.ClientID())
	if strings.Contains(b.page, "confirmation_code") {
		t.Errorf("the page has the code:\n%s", b.page)
	}
}

// In safe pools a link asks, in every language, and the button confirms, in a browser that keeps no cookies.
func TestLinkAsksInSafePools(t *testing.T) {
	w := newWorld(t, safely)
	link := w.signUp(w.public, "ann")
	b := w.browser()
	b.http.Jar = nil
	leads := map[string]bool{}
	for _, language := range hosted.Languages() {
		if status, _ := b.get(edited(link, "lang", language)); status != http.StatusOK || w.confirmed("ann") {
			t.Fatalf("%s: %d, confirmed: %v", language, status, w.confirmed("ann"))
		}
		b.sees(`<html lang="` + language + `"`)
		leads[regexp.MustCompile(`<p class="lead"[^>]*>[^<]*`).FindString(b.page)] = true
	}
	if len(leads) != len(hosted.Languages()) {
		t.Errorf("the question is in %d languages", len(leads))
	}
	b.get(edited(link, "lang", "fr"))
	b.sees(`lang=ja`) // the page offers other languages
	if status, _ := b.submit(nil); status != http.StatusOK || !w.confirmed("ann") {
		t.Fatalf("%d, confirmed: %v\n%s", status, w.confirmed("ann"), b.page)
	}
	b.sees("Votre compte est confirmé")
}

// Whatever is wrong with a link of a client, the page is the same.
func TestLinksThatConfirmNobodyGetOnePage(t *testing.T) {
	for name, edit := range map[string]func(*identity.PoolSettings){"wire": byLink, "safe": safely} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, edit)
			b := w.browser()
			open := func(link string) (int, string) {
				status, _ := b.get(link)
				if name == "safe" && status == http.StatusOK {
					b.sees("Press the button")
					status, _ = b.submit(nil)
				}
				return status, b.page
			}
			used, good := w.signUp(w.public, "ann"), w.signUp(w.public, "bob")
			w.signUp(w.public, "eve")
			open(used)
			want := ""
			for what, link := range map[string]string{
				"used": used, "wrong": edited(good, "confirmation_code", "x"), "nobody": edited(good, "user_name", "nobody"), "another user": edited(good, "user_name", "eve"),
				"no code": edited(good, "confirmation_code", ""), "no user": edited(good, "user_name", ""), "a long name": edited(good, "user_name", strings.Repeat("x", 5000)),
			} {
				status, page := open(link)
				if want == "" {
					want = page
				}
				if status != http.StatusBadRequest || page != want {
					t.Errorf("%s: %d\n%s", what, status, page)
				}
			}
			b.sees("This link does not work")
			for what, link := range map[string]string{"no client": edited(good, "client_id", ""), "no such client": edited(good, "client_id", "x"), "nothing": "/confirmUser"} {
				if status, page := open(link); status != http.StatusBadRequest || !strings.Contains(page, "This link does not work") {
					t.Errorf("%s: %d\n%s", what, status, page)
				}
			}
			w.advance(25 * time.Hour)
			if status, page := open(good); status != http.StatusBadRequest || page != want || w.confirmed("bob") {
				t.Errorf("an old link: %d\n%s", status, page)
			}
		})
	}
}

// A pool that sends codes confirms nobody by a link that somebody has made of one.
func TestLinkNeedsThePoolToSendLinks(t *testing.T) {
	w := newWorld(t, nil)
	if _, err := w.public.Pages().SignUp(t.Context(), identity.SignUp{Username: "ann", Password: password, Attributes: map[string]string{"email": "ann@example.com"}}); err != nil {
		t.Fatal(err)
	}
	q := url.Values{"client_id": {w.public.ClientID()}, "user_name": {"ann"}, "confirmation_code": {w.outbox.LastCode("ann@example.com")}}
	b := w.browser()
	if status, _ := b.get("/confirmUser?" + q.Encode()); status != http.StatusBadRequest || w.confirmed("ann") {
		t.Errorf("%d, confirmed: %v", status, w.confirmed("ann"))
	}
}

// A hook that fails after a user was confirmed does not say that the link is bad.
func TestLinkConfirmsThoughTheHookFails(t *testing.T) {
	w := newWorld(t, byLink)
	w.hooks.PostConfirmation = func(context.Context, *hook.PostConfirmation) error { return errors.New("out of order") }
	b := w.browser()
	if status, _ := b.get(w.signUp(w.public, "ann")); status != http.StatusOK || !w.confirmed("ann") {
		t.Errorf("%d, confirmed: %v\n%s", status, w.confirmed("ann"), b.page)
	}
}

// Beside the authorization server, identity/cognito leaves the page to it.
func TestLinkIsServedByTheAuthorizationServer(t *testing.T) {
	w := newWorld(t, byLink)
	link := w.signUp(w.public, "ann")
	for _, with := range []bool{false, true} {
		o := &cognito.Options{}
		if with {
			o.AuthorizationServer = oauth.NewServer(w.engine, &oauth.Options{InsecureHTTP: true})
		}
		a := httptest.NewRecorder()
		cognito.NewHandler(w.engine, o).ServeHTTP(a, httptest.NewRequestWithContext(t.Context(), http.MethodGet, edited(link, "confirmation_code", "x"), nil))
		if a.Code != http.StatusBadRequest || strings.Contains(a.Body.String(), `rel="stylesheet"`) != with {
			t.Errorf("with the authorization server: %v: %d\n%s", with, a.Code, a.Body)
		}
	}
}

// A link on the domain of another pool is bad.
func TestLinkOnTheDomainOfAnotherPool(t *testing.T) {
	w := newWorld(t, byLink)
	link := w.signUp(w.public, "ann")
	info, err := w.engine.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "other", Region: "us-east-1", Defaults: identity.CognitoDefaults, Algorithm: "ES256"})
	if err != nil {
		t.Fatal(err)
	}
	other, err := w.engine.UserPool(t.Context(), info.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Admin().Domains().Create(t.Context(), identity.DomainSettings{Name: "elsewhere"}); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, link, nil)
	r.Host = "elsewhere.auth.example.com"
	a := httptest.NewRecorder()
	w.handler.ServeHTTP(a, r)
	if a.Code != http.StatusBadRequest || w.confirmed("ann") {
		t.Errorf("%d, confirmed: %v", a.Code, w.confirmed("ann"))
	}
}
