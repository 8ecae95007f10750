package oauth_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
)

// BenchmarkToken compares the token endpoint with its floor, the RS256 signatures that an answer needs: two for a
// refresh, one for a program. Both run in turn, and the metric is the ratio of their medians.
func BenchmarkToken(b *testing.B) {
	w := newWorld(b, func(s *identity.PoolSettings) { s.Algorithm = "RS256" })
	w.user("ann")
	if _, err := w.pool.Admin().ResourceServers().Create(b.Context(), identity.ResourceServerSettings{
		Identifier: "api", Name: "api", Scopes: []identity.ResourceScope{{Name: "read", Description: "Read"}},
	}); err != nil {
		b.Fatal(err)
	}
	machine := w.client(func(c *identity.ClientSettings) {
		c.Secret, c.OAuthFlows, c.OAuthScopes, c.CallbackURLs, c.LogoutURLs = clientSecret, []string{"client_credentials"}, []string{"api/read"}, nil, nil
	})
	_, doc, _ := w.post("/oauth2/token", "grant_type", "authorization_code", "client_id", w.public.ClientID(), "redirect_uri", callback,
		"code", w.browser().code(w.public, "ann"), "code_verifier", verifier)
	refresh, _ := doc["refresh_token"].(string)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	for _, bb := range []struct {
		name       string
		signatures int
		form       url.Values
	}{
		{"refresh", 2, url.Values{"grant_type": {"refresh_token"}, "client_id": {w.public.ClientID()}, "refresh_token": {refresh}}},
		{"client_credentials", 1, url.Values{"grant_type": {"client_credentials"}, "client_id": {machine.ClientID()}, "client_secret": {clientSecret}}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			body := bb.form.Encode()
			ask := func() {
				r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/oauth2/token", strings.NewReader(body))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				a := httptest.NewRecorder()
				if w.handler.ServeHTTP(a, r); a.Code != http.StatusOK {
					b.Fatalf("%d %s", a.Code, a.Body)
				}
			}
			sum := sha256.Sum256([]byte("floor"))
			sign := func() {
				for range bb.signatures {
					if _, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:]); err != nil {
						b.Fatal(err)
					}
				}
			}
			var floor, all []time.Duration
			for i := 0; b.Loop(); i++ {
				first, second := sign, ask
				if i%2 == 1 {
					first, second = ask, sign
				}
				one, two := took(first), took(second)
				if i%2 == 1 {
					one, two = two, one
				}
				floor, all = append(floor, one), append(all, two)
			}
			b.ReportMetric(float64(median(all))/float64(median(floor)), "×floor")
			b.ReportMetric(float64(median(all))/1e3, "µs/answer")
		})
	}
}

func took(fn func()) time.Duration {
	begun := time.Now()
	fn()
	return time.Since(begun)
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// BenchmarkSignInByPage signs a user in from the request of the application to its tokens, as a browser with an empty
// cache does: requests, bytes of the answers, and milliseconds, over the loopback address. Passwords are hashed cheaply here.
func BenchmarkSignInByPage(b *testing.B) {
	w := newWorld(b, func(s *identity.PoolSettings) { s.Algorithm = "RS256" })
	w.user("ann")
	requests, size := 0, 0
	asset := regexp.MustCompile(`(?:href|src)="(/assets/[^"]*)"`)
	for b.Loop() {
		c := w.browser()
		count := counting{http.DefaultTransport, &requests, &size}
		c.http.Transport = count
		c.get(w.authorizeURL(w.public))
		for _, m := range asset.FindAllStringSubmatch(c.page, -1) {
			page, at := c.page, c.at
			c.get(m[1])
			c.page, c.at = page, at
		}
		_, out := c.submit(map[string]string{"username": "ann", "password": password})
		requests++ // the exchange, which the application makes
		if status, doc, _ := w.post("/oauth2/token", "grant_type", "authorization_code", "client_id", w.public.ClientID(), "redirect_uri", callback,
			"code", out.Query().Get("code"), "code_verifier", verifier); status != http.StatusOK {
			b.Fatalf("%d %v", status, doc)
		}
	}
	b.ReportMetric(float64(requests)/float64(b.N), "requests/op")
	b.ReportMetric(float64(size)/float64(b.N), "B-of-pages/op")
}

// counting counts requests, and the bytes of their bodies.
type counting struct {
	http.RoundTripper
	requests, size *int
}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	a, err := c.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(a.Body)
	*c.requests++
	*c.size += len(body)
	a.Body = io.NopCloser(bytes.NewReader(body))
	return a, err
}
