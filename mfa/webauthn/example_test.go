package webauthn_test

import (
	"encoding/json"
	"fmt"
	"log"
	"time"

	"github.com/cognate-id/cognate/mfa/webauthn"
	"github.com/cognate-id/cognate/mfa/webauthn/webauthntest"
)

// A program registers a passkey and has its user sign in with it. An authenticator of package webauthntest
// stands in for the browser.
func Example() {
	party := &webauthn.Party{ID: "example.com", Origins: []string{"https://example.com"}}
	alice := webauthn.User{ID: []byte("4f9e"), Name: "alice@example.com", DisplayName: "Alice"}
	var phone webauthntest.Authenticator

	challenge, err := webauthn.NewChallenge(nil)
	if err != nil {
		log.Fatal(err)
	}
	options, err := json.Marshal(party.Creation(alice, challenge, nil, time.Minute))
	if err != nil {
		log.Fatal(err)
	}
	answer, err := phone.Create("https://example.com", options)
	if err != nil {
		log.Fatal(err)
	}
	registration, err := webauthn.ParseRegistration(answer)
	if err != nil {
		log.Fatal(err)
	}
	credential, err := party.Register(registration, challenge) // store it
	if err != nil {
		log.Fatal(err)
	}

	if challenge, err = webauthn.NewChallenge(nil); err != nil {
		log.Fatal(err)
	}
	if options, err = json.Marshal(party.Request(challenge, nil, time.Minute)); err != nil {
		log.Fatal(err)
	}
	if answer, err = phone.Get("https://example.com", options); err != nil {
		log.Fatal(err)
	}
	assertion, err := webauthn.ParseAssertion(answer)
	if err != nil {
		log.Fatal(err)
	}
	state, err := party.Verify(assertion, challenge, credential) // find the credential by assertion.ID, and store the state
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s has signed %d times, verified: %t\n", assertion.UserHandle(), state.Counter, state.Verified)
	// Output: 4f9e has signed 1 times, verified: true
}
