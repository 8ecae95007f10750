package sigv4_test

import (
	"fmt"
	"net/http"
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
