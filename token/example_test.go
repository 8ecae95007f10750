package token_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/cognate-id/cognate/token"
)

// An API accepts access tokens of one user pool.
func ExampleVerifier_Require() {
	const issuer = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEf123"
	keys, err := token.NewRemoteKeys([]string{issuer}, nil)
	if err != nil {
		log.Fatal(err)
	}
	v, err := token.NewVerifier(token.VerifierOptions{
		Issuers:   []string{issuer},
		Keys:      keys,
		ClientIDs: []string{"1example23456789abcdefghij"},
		Use:       token.UseAccess,
		Scopes:    []string{"orders/read"},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /orders", v.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := token.FromContext(r.Context()) // always there behind Require
		_, _ = fmt.Fprintf(w, "orders of %s\n", c.Username)
	})))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/orders", nil))
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	// Output: 401 Bearer realm="api"
}

// Whoever holds the keys can sign and verify without a server.
func ExampleVerifier_Verify() {
	const issuer = "https://auth.example.com/eu-central-1_AbCdEf123"
	key, err := token.GenerateKey(token.ES256)
	if err != nil {
		log.Fatal(err)
	}
	raw, err := key.Sign(fmt.Appendf(nil,
		`{"sub":"42","iss":%q,"client_id":"web","token_use":"access","username":"anna","exp":%d}`,
		issuer, time.Now().Add(time.Hour).Unix()))
	if err != nil {
		log.Fatal(err)
	}
	v, err := token.NewVerifier(token.VerifierOptions{
		Issuers:   []string{issuer},
		Keys:      token.StaticKeys{issuer: token.Set{key.Public()}},
		ClientIDs: []string{"web"},
	})
	if err != nil {
		log.Fatal(err)
	}
	c, err := v.Verify(context.Background(), raw)
	fmt.Println(c.Username, err)
	_, err = v.Verify(context.Background(), raw[:len(raw)-4]+"AAAA")
	fmt.Println(errors.Is(err, token.ErrSignature))
	// Output:
	// anna <nil>
	// true
}

// An engine finds the key for one of its own tokens by what the token says of itself.
func ExampleParse() {
	key, err := token.GenerateKey(token.EdDSA)
	if err != nil {
		log.Fatal(err)
	}
	raw, err := key.Sign([]byte(`{"sub":"42","token_use":"access"}`))
	if err != nil {
		log.Fatal(err)
	}
	p, err := token.Parse(raw)
	if err != nil {
		log.Fatal(err)
	}
	public, ok := token.Set{key.Public()}.Key(p.KeyID())
	if !ok {
		log.Fatal(token.ErrUnknownKey)
	}
	c, err := p.Verify(public)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Subject, c.ValidAt(time.Now(), 0))
	// Output: 42 token: expired
}

func ExampleBox() {
	box, err := token.NewBox(make([]byte, 32)) // a secret key, in earnest
	if err != nil {
		log.Fatal(err)
	}
	s := box.Seal([]byte("challenge state"), []byte("pool/client"))
	plain, err := box.Open(s, []byte("pool/client"))
	fmt.Printf("%s %v\n", plain, err)
	_, err = box.Open(s, []byte("pool/other client"))
	fmt.Println(err)
	// Output:
	// challenge state <nil>
	// token: sealed string cannot be opened
}

func ExampleSet() {
	data, err := json.Marshal(token.Set{})
	fmt.Println(string(data), err)
	// Output: {"keys":[]} <nil>
}
