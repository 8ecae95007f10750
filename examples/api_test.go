package examples

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cognate-id/cognate/token"
)

// region api
func newAPI(issuer, clientID string) (http.Handler, error) {
	issuers := []string{issuer}                    // such as https://auth.example.com/us-east-1_AbCdEf123
	keys, err := token.NewRemoteKeys(issuers, nil) // fetches the keys when the first token comes
	if err != nil {
		return nil, err
	}
	verifier, err := token.NewVerifier(issuers, keys, []string{clientID}, &token.VerifierOptions{Use: token.UseAccess})
	if err != nil {
		return nil, err
	}
	hello := func(w http.ResponseWriter, r *http.Request) {
		claims, _ := token.FromContext(r.Context()) // always there behind Require
		fmt.Fprintf(w, "hello %s", claims.Username)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /hello", verifier.Require(http.HandlerFunc(hello)))
	return mux, nil
}

// endregion

// An API in another process than the server fetches the keys from it.
func (s *served) apiElsewhere(t *testing.T) {
	tokens := s.signIn()
	api, err := newAPI(s.url+"/"+s.pool, s.client)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api)
	defer server.Close()
	for _, tt := range []struct {
		name, token string
		status      int
		body        string
	}{
		{"an access token", tokens["AccessToken"].(string), 200, "hello alice"},
		{"an ID token", tokens["IdToken"].(string), 401, ""},
		{"no token", "", 401, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/hello", nil)
			if err != nil {
				t.Fatal(err)
			}
			if tt.token != "" {
				req.Header.Set("Authorization", "Bearer "+tt.token)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != tt.status || (tt.body != "" && string(body) != tt.body) {
				t.Errorf("GET /hello = %d %q, %v, want %d %q", res.StatusCode, body, err, tt.status, tt.body)
			}
		})
	}
}
