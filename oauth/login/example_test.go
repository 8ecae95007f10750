package login_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/cognate-id/cognate/oauth/login"
)

// region program
func newProgram(issuer, clientID string, key []byte) (http.Handler, error) {
	m, err := login.New(issuer, clientID, "https://app.example.com/callback", [][]byte{key}, nil)
	if err != nil {
		return nil, err
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := login.FromContext(r.Context()) // always there behind Require
		fmt.Fprintf(w, "hello %s", s.ID.Username)
	})
	mux := http.NewServeMux()
	mux.Handle("GET /me", m.Require(hello, nil))
	mux.Handle("GET /desk", m.Require(hello, &login.Rights{Groups: []string{"operators"}}))
	return m.Handler(mux), nil
}

// endregion

// A program whose pages are for people who are signed in.
func ExampleNew() {
	key := []byte("32 random bytes: openssl rand 32")
	program, err := newProgram("https://auth.example.com/us-east-1_AbCdEf123", "1example23456789abcdefghij", key)
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "https://app.example.com/me", nil)
	r.Header.Set("Accept", "text/html")
	res := httptest.NewRecorder()
	program.ServeHTTP(res, r)
	fmt.Println(res.Code, res.Header().Get("Location"))
	// Output: 303 /sign-in?return_to=%2Fme
}
