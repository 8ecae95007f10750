package oauth_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
)

// consenting is a world with a client that asks for consent, and a user.
func consenting(t *testing.T, openID bool) (*world, *identity.AppClient) {
	t.Helper()
	w := newWorld(t, func(s *identity.PoolSettings) { s.OpenID = new(openID) })
	w.user("ann")
	if _, err := w.pool.Admin().ResourceServers().Create(t.Context(), identity.ResourceServerSettings{
		Identifier: "orders", Name: "Orders", Scopes: []identity.ResourceScope{{Name: "read", Description: "See your orders"}},
	}); err != nil {
		t.Fatal(err)
	}
	return w, w.client(func(c *identity.ClientSettings) {
		c.Consent, c.OAuthScopes = true, append(c.OAuthScopes, "orders/read")
	})
}

// Nobody's data goes to a client that asks for consent before they have given it, and nobody is asked twice.
func TestConsentIsAskedOnce(t *testing.T) {
	w, client := consenting(t, false)
	b := w.browser()
	b.get(w.authorizeURL(client))
	if _, out := b.submit(map[string]string{"username": "ann", "password": password}); out != nil || b.at.Path != "/oauth2/consent" {
		t.Fatalf("after the sign-in: at %s, to %v", b.at, out)
	}
	if _, out := b.get(w.authorizeURL(client, "prompt", "none")); refusedAt(out) != "consent_required" {
		t.Errorf("silently: %v", out)
	}
	b.get(w.authorizeURL(client))
	if _, out := b.submit(map[string]string{"do": "deny"}); refusedAt(out) != "access_denied" || stateOf(out) != "s t&" {
		t.Errorf("refused: %v", out)
	}
	b.get(w.authorizeURL(client))
	if status, out := b.submit(map[string]string{"do": "perhaps"}); status != http.StatusOK || out != nil {
		t.Errorf("neither: %d %v", status, out)
	}
	if _, out := b.submit(map[string]string{"do": "allow"}); out == nil || out.Query().Get("code") == "" {
		t.Fatalf("allowed: %v", out)
	}
	if _, out := b.get(w.authorizeURL(client)); out == nil || out.Query().Get("code") == "" {
		t.Errorf("the second time: %v", out)
	}
	b.get(w.authorizeURL(client, "scope", "openid email orders/read"))
	b.sees("See your orders")
	if strings.Contains(b.page, "email address") {
		t.Error("what was allowed before is asked for again")
	}
	if _, out := b.submit(map[string]string{"do": "allow"}); out == nil || out.Query().Get("code") == "" {
		t.Errorf("one more scope: %v", out)
	}
	other := w.browser()
	w.user("bob")
	other.get(w.authorizeURL(client))
	if _, out := other.submit(map[string]string{"username": "bob", "password": password}); out != nil {
		t.Errorf("another user is not asked: %v", out)
	}
}

// The engine holds codes and tokens to it, whatever pages do.
func TestConsentHoldsForCodesAndTokens(t *testing.T) {
	w, _ := consenting(t, false)
	client := w.client(func(c *identity.ClientSettings) { c.Consent, c.OAuthFlows = true, []string{"code", "implicit"} })
	in, err := client.Pages().SignIn(t.Context(), identity.SignIn{Username: "ann", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	authorize := func(client *identity.AppClient, grant string) *identity.Authorization {
		auth, err := client.Authorization(t.Context(), identity.AuthorizationRequest{Grant: grant, RedirectURI: callback, Scopes: []string{"openid"}})
		if err != nil {
			t.Fatal(err)
		}
		return auth
	}
	if _, err := authorize(client, "code").Code(t.Context(), in.Browser); err == nil || !strings.Contains(err.Error(), "consented") {
		t.Errorf("Code: %v", err)
	}
	if _, err := authorize(client, "implicit").Tokens(t.Context(), in.Browser); err == nil || !strings.Contains(err.Error(), "consented") {
		t.Errorf("Tokens: %v", err)
	}
	if err := authorize(client, "code").Consent(t.Context(), in.Browser); err != nil {
		t.Fatal(err)
	}
	if _, err := authorize(client, "code").Code(t.Context(), in.Browser); err != nil {
		t.Errorf("Code: %v", err)
	}
	// A client made again under the same id starts without consent.
	id := client.ClientID()
	info, err := w.pool.Admin().Clients().Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.pool.Admin().Clients().Delete(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	w.advance(time.Second)
	set := info.Settings
	set.ID = id
	if _, err := w.pool.Admin().Clients().Create(t.Context(), &set); err != nil {
		t.Fatal(err)
	}
	in, err = client.Pages().SignIn(t.Context(), identity.SignIn{Username: "ann", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	if missing, err := authorize(client, "code").Unconsented(t.Context(), in.Browser); err != nil || !slices.Equal(missing, []string{"openid"}) {
		t.Errorf("another client with the id: %v, %v", missing, err)
	}
}

// prompt=consent asks in pools with the setting OpenID, and forged forms give nothing.
func TestPromptConsent(t *testing.T) {
	w, _ := consenting(t, true)
	b := w.browser()
	b.get(w.authorizeURL(w.public, "prompt", "consent"))
	b.submit(map[string]string{"username": "ann", "password": password})
	if b.at.Path != "/oauth2/consent" {
		t.Fatalf("at %s", b.at)
	}
	if status, out := b.submit(map[string]string{"do": "allow", "_csrf": "forged"}); status != http.StatusForbidden || out != nil {
		t.Errorf("a forged form: %d %v", status, out)
	}
	asks := w.client(func(c *identity.ClientSettings) { c.Consent = true })
	b.get(w.authorizeURL(asks))
	b.submit(map[string]string{"do": "allow", "_csrf": "forged"})
	if b.get(w.authorizeURL(asks)); b.at.Path != "/oauth2/consent" {
		t.Errorf("a forged form has given consent: at %s", b.at)
	}
	b.get(w.authorizeURL(w.public, "prompt", "consent"))
	if _, out := b.submit(map[string]string{"do": "allow"}); out == nil || out.Query().Get("code") == "" {
		t.Errorf("allowed: %v", out)
	}
	w.advance(11 * time.Minute)
	b.get(strings.Replace(w.authorizeURL(w.public, "prompt", "login consent"), "/oauth2/authorize", "/oauth2/consent", 1))
	if b.at.Path != "/login" {
		t.Errorf("an old sign-in passes prompt=login at %s", b.at)
	}
	wire := newWorld(t, nil)
	wire.user("ann")
	c := wire.browser()
	c.get(wire.authorizeURL(wire.public, "prompt", "consent"))
	if _, out := c.submit(map[string]string{"username": "ann", "password": password}); out == nil || out.Query().Get("code") == "" {
		t.Errorf("as Amazon Cognito: %v", out)
	}
}

// Consent is that of the user whom the page has named, to the scopes that it has shown.
func TestConsentIsToWhatThePageShows(t *testing.T) {
	w, client := consenting(t, false)
	w.user("bob")
	b := w.browser()
	b.get(w.authorizeURL(client, "scope", ""))
	b.submit(map[string]string{"username": "ann", "password": password})
	b.sees("ann")
	ofAnn := b.page
	info, err := w.pool.Admin().Clients().Get(t.Context(), client.ClientID())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.pool.Admin().ResourceServers().Create(t.Context(), identity.ResourceServerSettings{
		Identifier: "bank", Name: "Bank", Scopes: []identity.ResourceScope{{Name: "pay", Description: "Pay from your account"}},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.pool.Admin().Clients().Update(t.Context(), client.ClientID(), func(c *identity.ClientSettings) error {
		c.OAuthScopes = append(slices.Clone(info.Settings.OAuthScopes), "bank/pay")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if status, out := b.submit(map[string]string{"do": "allow"}); status != http.StatusForbidden || out != nil {
		t.Errorf("a scope that was not shown: %d %v", status, out)
	}
	b.sees("Pay from your account")
	if _, out := b.submit(map[string]string{"do": "allow"}); out == nil || out.Query().Get("code") == "" {
		t.Errorf("after it was shown: %v", out)
	}
	b.get(w.authorizeURL(client, "prompt", "login"))
	b.submit(map[string]string{"username": "bob", "password": password})
	b.page = ofAnn
	if status, out := b.submit(map[string]string{"do": "allow"}); status != http.StatusForbidden || out != nil {
		t.Errorf("the page of ann, sent by bob: %d %v", status, out)
	}
}
