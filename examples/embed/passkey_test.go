package main

import (
	"html"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cognate-id/cognate/mfa/webauthn/webauthntest"
)

const localhost = "http://localhost:8080"

// openLocal opens a browser at localhost, for which passkeys are.
func openLocal(t *testing.T) *browser {
	t.Helper()
	b := open(t, false)
	b.site = localhost
	b.join()
	return b
}

// options are those that a page has for the browser.
func (b *browser) options(a *answer) []byte {
	b.Helper()
	text := html.UnescapeString(find(a.body, `data-options="([^"]*)"`))
	if text == "" {
		b.Fatalf("no options in the page:\n%s", a.body)
	}
	return []byte(text)
}

// register has an authenticator make a passkey, for the user who is signed in.
func (b *browser) register(device *webauthntest.Authenticator) *answer {
	b.Helper()
	page := b.shows(b.post("/passkeys/new"), 200, "Create a passkey")
	made, err := device.Create(b.site, b.options(page))
	if err != nil {
		b.Fatal(err)
	}
	return b.post("/passkeys/add", "credential", string(made), "options", html.UnescapeString(find(page.body, `name="options" value="([^"]*)"`)))
}

// bring answers the page that asks for a passkey.
func (b *browser) bring(device *webauthntest.Authenticator, page *answer) *answer {
	b.Helper()
	used, err := device.Get(b.site, b.options(page))
	if err != nil {
		b.Fatal(err)
	}
	return b.post("/passkey/use", "state", find(page.body, `name="state" value="([^"]*)"`), "credential", string(used), "options", html.UnescapeString(find(page.body, `name="options" value="([^"]*)"`)))
}

func TestPasskeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, device := openLocal(t), &webauthntest.Authenticator{}
		b.signIn()
		if page := b.shows(b.register(device), 200, "Your passkeys"); !strings.Contains(page.body, ">Delete</button>") {
			t.Errorf("no passkey in the list:\n%s", page.body)
		}
		b.post("/sign-out")

		page := b.shows(b.post("/passkey", "email", alice), 200, "Use your passkey")
		b.shows(b.bring(device, page), 200, "Your account")
		page = b.shows(b.get("/passkeys"), 200, "Your passkeys")
		if !strings.Contains(page.body, "last used on") {
			t.Errorf("the list does not say that the passkey was used:\n%s", page.body)
		}
		id := find(page.body, `name="id" value="([^"]*)"`)
		if page = b.shows(b.post("/passkeys/delete", "id", id), 200, "Your passkeys"); strings.Contains(page.body, ">Delete</button>") {
			t.Errorf("the deleted passkey is in the list:\n%s", page.body)
		}
		b.refuses(b.post("/passkeys/delete", "id", id), 422, "Your passkeys", "", "deleted before")
		b.post("/sign-out")
		b.shows(b.post("/passkey", "email", alice), 200, "Use your passkey")
	})
}

// TestPasskeyAndApp holds that the app is asked for after a passkey too.
func TestPasskeyAndApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, device := openLocal(t), &webauthntest.Authenticator{}
		b.signIn()
		b.register(device)
		key := b.enroll()
		b.post("/sign-out")
		time.Sleep(time.Minute)
		page := b.shows(b.bring(device, b.post("/passkey", "email", alice)), 200, "Enter your code")
		b.shows(b.post("/factor", "state", find(page.body, `name="state" value="([^"]*)"`), "code", key.Code(time.Now())), 200, "Your account")
	})
}

func TestWrongPasskey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, device := openLocal(t), &webauthntest.Authenticator{}
		b.signIn()
		b.refuses(b.post("/passkeys/add", "credential", "{}", "options", "{}"), 422, "Create a passkey", "", "not accepted")
		b.register(device)
		again := b.shows(b.post("/passkeys/new"), 200, "Create a passkey")
		if _, err := device.Create(b.site, b.options(again)); err == nil {
			t.Error("the device makes a second passkey for the account")
		}
		b.post("/sign-out")

		stranger := device.Clone()
		stranger.Forge = func(f *webauthntest.Forgery) { f.Signature = func(s []byte) []byte { s[len(s)-1] ^= 1; return s } }
		page := b.shows(b.post("/passkey", "email", alice), 200, "Use your passkey")
		page = b.refuses(b.bring(stranger, page), 422, "Use your passkey", "", "does not belong to the account")
		b.shows(b.bring(device, page), 200, "Your account") // the page that is shown again can be answered
	})
}

// TestPasskeyOfNobody holds that the page is the same whether there is an account or not.
func TestPasskeyOfNobody(t *testing.T) {
	b := openLocal(t)
	page := b.shows(b.post("/passkey", "email", "nobody@example.com"), 200, "Use your passkey")
	if known := b.shows(b.post("/passkey", "email", alice), 200, "Use your passkey"); len(known.body)-len(page.body) > 64 || len(page.body)-len(known.body) > 64 {
		t.Errorf("the page has %d bytes for a user, and %d for nobody", len(known.body), len(page.body))
	}
	b.refuses(b.post("/passkey", "email", ""), 422, "Sign in", "email", "Fill this in")
}

func TestPasskeysOfOldSignIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := openLocal(t)
		b.signIn()
		time.Sleep(20 * time.Minute)
		b.refuses(b.post("/passkeys/new"), 422, "Your passkeys", "", "too long ago")
	})
}

// TestAddressByNumber holds that the pages say what to open, without JavaScript too.
func TestAddressByNumber(t *testing.T) {
	for site, want := range map[string]string{
		localhost: "", "http://app.example": "", "http://192.0.2.1:8080": "",
		"http://127.0.0.1:8080": localhost, "http://127.0.0.1": "http://localhost", "http://[::1]:8080": localhost, "http://[::1]": "http://localhost",
	} {
		b := open(t, false)
		b.site = site
		b.join()
		b.signIn()
		for _, page := range []*answer{b.get("/passkeys"), b.post("/passkeys/new"), b.post("/passkey", "email", alice)} {
			if got := find(page.body, `do not work at this address. Open <a href="([^"]*)"`); got != want {
				t.Errorf("%s%s says %q, want %q", site, page.path, got, want)
			}
			if !strings.Contains(page.body, "<noscript>") {
				t.Errorf("%s%s does not say that passkeys need JavaScript", site, page.path)
			}
		}
	}
}
