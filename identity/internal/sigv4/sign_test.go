package sigv4_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity/internal/sigv4"
)

// The example of AWS's test suite, get-vanilla.
func TestSignatureOfTheTestSuite(t *testing.T) {
	req, err := http.NewRequestWithContext(t.Context(), "GET", "https://example.amazonaws.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	key := sigv4.Key{ID: "AKIDEXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
	sigv4.Sign(req, nil, key, "us-east-1", "service", time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC))
	want := "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, " +
		"Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
	if got := req.Header.Get("Authorization"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{"arn:aws:lambda:eu-west-1:1:function:f": "arn%3Aaws%3Alambda%3Aeu-west-1%3A1%3Afunction%3Af", "a/../b?c#d%": "a%2F..%2Fb%3Fc%23d%25", "ü": "%C3%BC", "": ""} {
		if got := sigv4.Escape(in); got != want {
			t.Errorf("Escape(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestKeyPrintsNoSecret(t *testing.T) {
	k := sigv4.Key{ID: "id", Secret: "canary", Token: "canary"}
	if got := fmt.Sprintf("%v %+v %#v %s %q %v", k, k, k, k, k, &k); strings.Contains(got, "canary") {
		t.Error(got)
	}
}

// TestSignaturesAreVerified signs requests whose parts need escapes, and verifies them. The order
// of parameters is that of their names: "a-b" comes behind "a", and "a-b=" before "a=".
func TestSignaturesAreVerified(t *testing.T) {
	const body = `{"a":1}`
	for _, target := range []string{"/", "/?a-b=1&a=2&a=1&b=%20+%2B%C3%BC", "/functions/arn%3Aaws%3Alambda/invocations?x"} {
		req := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
		req.Host = "example.amazonaws.com"
		req.Header.Set("Content-Type", "  application/json;  charset=utf-8 ")
		sigv4.Sign(req, []byte(body), sigv4.Key{ID: keyID, Secret: secret}, "us-east-1", "service", when)
		if key, err := verifier("service").Verify(req, []byte(body)); key != keyID || err != nil {
			t.Errorf("%s: %q, %v", target, key, err)
		}
	}
}

// The signature of two parameters one of whose names begins with the other, as botocore makes it.
func TestParametersAreSortedByName(t *testing.T) {
	req := httptest.NewRequest(http.MethodGet, "/?a=1&a-b=2", nil)
	req.Host = "example.amazonaws.com"
	sigv4.Sign(req, nil, sigv4.Key{ID: keyID, Secret: secret}, "us-east-1", "service", when)
	if got := req.Header.Get("Authorization"); !strings.HasSuffix(got, "Signature=321dff75bd2a219c1b95fc5dbc497343614dbe8f73319c9d9c415bca43078ce2") {
		t.Error(got)
	}
}
