package saml_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/cognate-id/cognate/oauth/federation/saml"
)

// A sign-in: send the browser away, and verify what it comes back with.
func Example() {
	metadata, err := saml.ParseMetadata([]byte(goodDocument().entity()), start)
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := saml.New(saml.Config{
		PoolID: "eu-west-1_Abc123",
		ACS:    "https://auth.example.com/saml2/idpresponse",
		IdP:    metadata,
		Now:    func() time.Time { return start }, // leave it out
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	request, err := p.AuthnRequest("sealed state")
	if err != nil {
		fmt.Println(err)
		return
	}
	// Keep request.ID in the state of this browser, and redirect it to request.URL.

	m := valid() // the identity provider answers
	m.responseTo, m.confirmTo = request.ID, request.ID
	a, err := p.Response(encode(m.xml()), request.ID)
	switch {
	case errors.Is(err, saml.ErrStatus):
		fmt.Println("the identity provider said no")
	case err != nil:
		fmt.Println("refused")
	default:
		// Store a.ReplayKey until a.Expires, and refuse a key that is there.
		fmt.Println(a.NameID, a.Attributes["groups"])
	}
	// Output: alice@example.com [a b]
}
