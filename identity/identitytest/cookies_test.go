package identitytest_test

import (
	"strings"
	"testing"

	"github.com/cognate-id/cognate/internal/fake"
)

// The cookies of the sign-in pages are for https alone where the fake is called by https, and
// can be set elsewhere too.
func TestCookiesOfPages(t *testing.T) {
	for url, secure := range map[string]bool{"": false, "http://127.0.0.1:9229": false, "https://127.0.0.1:9229": true} {
		client := fake.ReadyClient()
		client.OAuth, client.OAuthFlows, client.OAuthScopes = true, []string{"code"}, []string{"openid"}
		client.CallbackURLs = []string{"http://localhost:3000/cb"}
		f := newFake(t, &fake.Options{URL: url, Client: client})
		w := ask(f, "GET", "/login?response_type=code&redirect_uri=http://localhost:3000/cb&client_id="+f.Pool().ClientID(), "")
		cookies := w.Result().Cookies()
		if len(cookies) == 0 {
			t.Fatalf("%s: no cookie: %d %s", url, w.Code, w.Body)
		}
		for _, c := range cookies {
			if c.Secure != secure || strings.HasPrefix(c.Name, "__Host-") != secure {
				t.Errorf("%s: the cookie %v", url, c)
			}
		}
	}
}
