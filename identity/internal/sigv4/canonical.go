package sigv4

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// What both sides of a signature do. canonicalRequest writes the request in the one form that
// is signed, see "Create a canonical request" in the documentation of AWS. A difference of one
// byte there makes every signature wrong, so the tests use the published vectors.

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	dateTime   = "20060102T150405Z"
	date       = "20060102"
)

// signature signs a canonical request. The secret is turned into a key for the date, region
// and service, which are the parts of the scope, step by step.
func signature(secret, at, scope, canonical string) string {
	digest := sha256.Sum256([]byte(canonical))
	text := strings.Join([]string{algorithm, at, scope, hex.EncodeToString(digest[:])}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range append(strings.Split(scope, "/"), text) {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return hex.EncodeToString(key)
}

// canonicalRequest is the text of a request that is signed: method, path, query, the signed
// headers with their values, their names, and the hash of the body. The hash is that of the body
// that is there. A hash that a client claims (X-Amz-Content-Sha256) is not looked at. The query is
// given apart: that of a presigned request is signed without its signature.
func canonicalRequest(r *http.Request, query string, signed []string, body []byte) string {
	var headers strings.Builder
	for _, name := range signed {
		headers.WriteString(name + ":" + headerValue(r, name) + "\n")
	}
	digest := sha256.Sum256(body)
	return strings.Join([]string{
		r.Method, canonicalPath(r.URL), canonicalQuery(query), headers.String(), strings.Join(signed, ";"), hex.EncodeToString(digest[:]),
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

// headerValue is the value of a header as it is signed: trimmed, with runs of
// spaces as one, several values joined by commas.
func headerValue(r *http.Request, name string) string {
	switch name {
	case "host":
		return cmp.Or(r.Host, r.URL.Host)
	case "content-length": // not among the headers of a request that Go received
		if r.Header.Get(name) == "" && r.ContentLength >= 0 {
			return strconv.FormatInt(r.ContentLength, 10)
		}
	}
	values := slices.Clone(r.Header.Values(name))
	for i, v := range values {
		values[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(values, ",")
}

// canonicalQuery sorts the parameters of a query and escapes them as AWS does.
func canonicalQuery(raw string) string {
	if raw == "" {
		return ""
	}
	var pairs [][2]string
	for part := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(part, "=")
		pairs = append(pairs, [2]string{escape(name), escape(value)})
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	list := make([]string, len(pairs))
	for i, p := range pairs {
		list[i] = p[0] + "=" + p[1]
	}
	return strings.Join(list, "&")
}

// escape escapes all but the unreserved characters of RFC 3986. What is not
// well escaped stays as it is, and will not match any signature.
func escape(s string) string {
	plain, err := url.QueryUnescape(s)
	if err != nil {
		return s
	}
	return strings.ReplaceAll(url.QueryEscape(plain), "+", "%20")
}
