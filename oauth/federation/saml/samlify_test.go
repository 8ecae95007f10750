package saml_test

import (
	"os"
	"testing"
	"time"

	"github.com/cognate-id/cognate/oauth/federation/saml"
)

// TestSamlify verifies what samlify 2.13.1, a library for Node.js that shares nothing with ours, has made with the
// keys of testdata: its metadata, and a response in each form.
func TestSamlify(t *testing.T) {
	read := func(name string) []byte {
		doc, err := os.ReadFile("testdata/samlify/" + name + ".xml")
		if err != nil {
			t.Fatal(err)
		}
		return doc
	}
	metadata, err := saml.ParseMetadata(read("metadata"), start)
	if err != nil {
		t.Fatal(err)
	}
	if metadata.EntityID != idpID || metadata.SLORedirect != "https://idp.example.com/slo" {
		t.Errorf("metadata: got %+v", metadata)
	}
	for name, encrypted := range map[string]bool{"assertion": false, "both": false, "cbc": true, "gcm": true} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t, func(c *saml.Config) {
				c.IdP, c.EncryptedResponses = metadata, encrypted
				c.Now = func() time.Time { return start.Add(time.Minute) }
			})
			a, err := p.Response(encode(string(read(name))), requestID)
			if err != nil {
				t.Fatal(err)
			}
			if a.NameID != alice || a.SessionIndex != "_session" || len(a.Attributes["email"]) != 1 || a.Attributes["email"][0] != alice {
				t.Errorf("got %+v", a)
			}
		})
	}
}
