// Package sigv4 signs requests by AWS Signature Version 4, and verifies the signatures of
// requests to a JSON service.
//
//	sigv4.Sign(req, body, key, "us-east-1", "lambda", time.Now())
//
// Begin with [Sign], and with [Verifier]. [ParseScope] reads who claims to have signed a request,
// and for which region, without verifying it.
//
// # Caveats
//
// S3 has rules of its own for paths and bodies, which are not here. Sign signs the headers host,
// content-type and those that begin with x-amz. A Verifier refuses session tokens and signatures in
// the query, unless [Verifier.Session] and [Verifier.Presigned] are set. The whole body must be in
// memory: a request whose body was left out of the signature (UNSIGNED-PAYLOAD) is refused. Without
// [Verifier.Seen], a request can be sent again as it is for as long as its date is accepted.
package sigv4

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A Key is an access key of AWS. It prints as its id.
type Key struct {
	ID     string // such as AKIDEXAMPLE
	Secret string // of the key
	Token  string // of a session; empty for a lasting key
}

// Format implements fmt.Formatter, so that no verb prints the secret.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.ID) }

// Sign adds the headers X-Amz-Date, X-Amz-Security-Token and Authorization to a request with
// the body. It replaces those of an earlier signature.
func Sign(r *http.Request, body []byte, k Key, region, service string, now time.Time) {
	at := now.UTC().Format(dateTime)
	r.Header.Set("X-Amz-Date", at)
	r.Header.Del("X-Amz-Security-Token")
	if k.Token != "" {
		r.Header.Set("X-Amz-Security-Token", k.Token)
	}
	signed := signedHeaders(r)
	scope := strings.Join([]string{at[:8], region, service, terminator}, "/")
	signature := signature(k.Secret, at, scope, canonicalRequest(r, r.URL.RawQuery, signed, body))
	r.Header.Set("Authorization", algorithm+" Credential="+k.ID+"/"+scope+", SignedHeaders="+strings.Join(signed, ";")+", Signature="+signature)
}

// signedHeaders returns the names of the headers to sign, sorted.
func signedHeaders(r *http.Request) []string {
	names := []string{"host"}
	for name := range r.Header {
		if lower := strings.ToLower(name); lower == "content-type" || strings.HasPrefix(lower, "x-amz-") {
			names = append(names, lower)
		}
	}
	slices.Sort(names)
	return names
}

// Escape escapes a text as one segment of a path: all but letters, digits and - . _ ~ of ASCII.
func Escape(s string) string {
	var out strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			out.WriteByte(c)
			continue
		}
		fmt.Fprintf(&out, "%%%02X", c)
	}
	return out.String()
}
