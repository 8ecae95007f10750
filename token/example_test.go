package token_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/cognate-id/cognate/token"
)

// An API accepts the access tokens of one app client of a user pool. The keys are fetched
// from the issuer when the first token comes.
func ExampleNewVerifier() {
	issuers := []string{"https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEf123"}
	keys, err := token.NewRemoteKeys(issuers, nil)
	if err != nil {
		log.Fatal(err)
	}
	v, err := token.NewVerifier(issuers, keys, []string{"1example23456789abcdefghij"}, &token.VerifierOptions{Use: token.UseAccess})
	if err != nil {
		log.Fatal(err)
	}
	_, err = v.Verify(context.Background(), "not a token")
	fmt.Println(err)
	// Output: token: malformed: not three parts
}

// A handler behind Require finds the claims in the context of its request.
func ExampleVerifier_Require() {
	v, key := exampleVerifier(&token.VerifierOptions{Use: token.UseAccess, Scopes: []string{"orders/read"}})
	mux := http.NewServeMux()
	mux.Handle("GET /orders", v.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := token.FromContext(r.Context()) // always there behind Require
		_, _ = fmt.Fprintf(w, "orders of %s", c.Username)
	})))
	get := func(authorization string) {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/orders", nil)
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	}
	get("Bearer " + accessToken(key, "orders/read orders/write"))
	get("Bearer " + accessToken(key, "invoices/read"))
	get("")
	// Output:
	// 200 orders of anna
	// 403 the token does not allow this
	// 401 a bearer token is needed
}

// A program that has the keys verifies without a network.
func ExampleVerifier_Verify() {
	v, key := exampleVerifier(&token.VerifierOptions{Use: token.UseAccess})
	raw := accessToken(key, "orders/read")
	c, err := v.Verify(context.Background(), raw)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Username, c.HasScope("orders/read"), c.InGroup("admins"))

	_, err = v.Verify(context.Background(), raw[:len(raw)-4]+"AAAA")
	fmt.Println(errors.Is(err, token.ErrSignature))
	// Output:
	// anna true false
	// true
}

const exampleIssuer = "https://auth.example.com/eu-central-1_AbCdEf123"

// exampleVerifier returns a verifier of access tokens that are signed by the key.
func exampleVerifier(o *token.VerifierOptions) (*token.Verifier, *token.Key) {
	key, err := token.GenerateKey(token.ES256)
	if err != nil {
		log.Fatal(err)
	}
	keys := token.StaticKeys{exampleIssuer: token.Set{key.Public()}}
	v, err := token.NewVerifier([]string{exampleIssuer}, keys, []string{"web"}, o)
	if err != nil {
		log.Fatal(err)
	}
	return v, key
}

// accessToken signs an access token that expires in an hour.
func accessToken(key *token.Key, scope string) string {
	raw, err := key.Sign(fmt.Appendf(nil,
		`{"sub":"42","iss":%q,"client_id":"web","token_use":"access","username":"anna","scope":%q,"exp":%d}`,
		exampleIssuer, scope, time.Now().Add(time.Hour).Unix()))
	if err != nil {
		log.Fatal(err)
	}
	return raw
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

// A JWKS is published by encoding a Set and read by ParseSet.
func ExampleSet() {
	key, err := token.GenerateKey(token.ES256)
	if err != nil {
		log.Fatal(err)
	}
	published, err := json.Marshal(token.Set{key.Public()}) // {"keys":[…]}
	if err != nil {
		log.Fatal(err)
	}
	set, err := token.ParseSet(published)
	if err != nil {
		log.Fatal(err)
	}
	public, ok := set.Key(key.ID())
	fmt.Println(ok, public.Algorithm(), public.Equal(key.Public()))
	// Output: true ES256 true
}
