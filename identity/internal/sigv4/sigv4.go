// Package sigv4 signs requests to services of AWS, and to whatever speaks their language,
// with AWS Signature Version 4.
//
//	sigv4.Sign(req, body, key, "us-east-1", "lambda", time.Now())
//
// # Caveats
//
// S3 has rules of its own for paths and bodies, which are not here. The headers host, content-type
// and those that begin with x-amz are signed.
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	dateTime   = "20060102T150405Z"
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
	signed, canonical := canonicalRequest(r, body)
	scope := strings.Join([]string{at[:8], region, service, terminator}, "/")
	digest := sha256.Sum256([]byte(canonical))
	text := strings.Join([]string{algorithm, at, scope, hex.EncodeToString(digest[:])}, "\n")
	key := []byte("AWS4" + k.Secret)
	for _, part := range []string{at[:8], region, service, terminator, text} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	r.Header.Set("Authorization", algorithm+" Credential="+k.ID+"/"+scope+", SignedHeaders="+signed+", Signature="+hex.EncodeToString(key))
}

// canonicalRequest returns the names of the signed headers, and the text that stands for the request.
func canonicalRequest(r *http.Request, body []byte) (signed, text string) {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	values := map[string]string{"host": host}
	for name, v := range r.Header {
		if lower := strings.ToLower(name); lower == "content-type" || strings.HasPrefix(lower, "x-amz-") {
			values[lower] = strings.Join(strings.Fields(strings.Join(v, ",")), " ")
		}
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	var headers strings.Builder
	for _, name := range names {
		headers.WriteString(name + ":" + values[name] + "\n")
	}
	signed = strings.Join(names, ";")
	digest := sha256.Sum256(body)
	return signed, strings.Join([]string{
		r.Method, canonicalPath(r.URL), canonicalQuery(r.URL), headers.String(), signed, hex.EncodeToString(digest[:]),
	}, "\n")
}

// canonicalPath is the path as it is sent, with each segment escaped once more.
func canonicalPath(u *url.URL) string {
	path := u.EscapedPath()
	if path == "" {
		return "/"
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = Escape(s)
	}
	return strings.Join(segments, "/")
}

func canonicalQuery(u *url.URL) string {
	var pairs []string
	for name, values := range u.Query() {
		for _, v := range values {
			pairs = append(pairs, Escape(name)+"="+Escape(v))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
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
