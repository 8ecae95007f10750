package oidc_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/cognate-id/cognate/internal/fakeidp"
	"github.com/cognate-id/cognate/oauth/federation/fetch"
	"github.com/cognate-id/cognate/oauth/federation/oidc"
)

// A program sends a browser to a provider, and learns who comes back. It keeps the login in between, where only that browser can
// come back to it.
func Example() {
	idp := fakeidp.New("my-client", "my-secret")
	server := httptest.NewServer(idp)
	defer server.Close()
	idp.Serve(server.URL)
	idp.SetUser(map[string]any{"sub": "1234", "email": "ann@example.com", "email_verified": true})

	calls, err := fetch.New(&fetch.Options{InsecureLoopback: true}) // nil for providers on the Internet
	if err != nil {
		log.Fatal(err)
	}
	p, err := oidc.New(oidc.Config{Kind: oidc.OIDC, Name: "Northwind", Issuer: server.URL, ClientID: "my-client", ClientSecret: "my-secret", Scopes: []string{"email"}}, calls)
	if err != nil {
		log.Fatal(err)
	}
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

	login := oidc.NewLogin("https://app.example.com/callback")
	ctx := context.Background()
	to, err := p.AuthURL(ctx, login, oidc.Hints{})
	if err != nil {
		log.Fatal(err)
	}
	answer, err := browser.Get(to)
	if err != nil {
		log.Fatal(err)
	}
	back, err := answer.Location()
	if err != nil {
		log.Fatal(err)
	}
	who, err := p.Exchange(ctx, login, oidc.ParseCallback(back.Query()))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(who.Subject, who.Claims["email"], who.EmailVerified)
	// Output: 1234 ann@example.com true
}
