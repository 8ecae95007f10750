package login_test

import (
	"crypto/rand"
	"fmt"
	"log"
	"net/http"

	"github.com/cognate-id/cognate/oauth/login"
)

// A program whose pages are for people who are signed in.
func ExampleNew() {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // keep it: with another key, everybody has to sign in again
	m, err := login.New("https://auth.example.com/us-east-1_AbCdEf123", "1example23456789abcdefghij", "https://app.example.com/callback", [][]byte{key}, nil)
	if err != nil {
		log.Fatal(err)
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := login.FromContext(r.Context()) // always there behind Require
		fmt.Fprintf(w, "hello %s", s.ID.Username)
	})
	mux := http.NewServeMux()
	mux.Handle("GET /me", m.Require(hello, nil))
	mux.Handle("GET /desk", m.Require(hello, &login.Rights{Groups: []string{"operators"}}))
	res := serve(m.Handler(mux), http.MethodGet, "https://app.example.com/me", nil, "Accept", "text/html")
	fmt.Println(res.StatusCode, res.Header.Get("Location"))
	// Output: 303 /sign-in?return_to=%2Fme
}
