package sigv4

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Presign puts a signature into the query of a request with the body, which is then good for as
// long as expires, in whole seconds. It signs the headers that [Sign] signs, but for the date and
// the token, which are in the query too.
func Presign(r *http.Request, body []byte, k Key, region, service string, now time.Time, expires time.Duration) {
	at := now.UTC().Format(dateTime)
	for _, name := range []string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token"} {
		r.Header.Del(name)
	}
	signed := signedHeaders(r)
	scope := strings.Join([]string{at[:8], region, service, terminator}, "/")
	query := [][2]string{
		{"X-Amz-Algorithm", algorithm},
		{"X-Amz-Credential", k.ID + "/" + scope},
		{"X-Amz-Date", at},
		{"X-Amz-Expires", strconv.Itoa(int(expires / time.Second))},
		{"X-Amz-SignedHeaders", strings.Join(signed, ";")},
	}
	if k.Token != "" {
		query = append(query, [2]string{"X-Amz-Security-Token", k.Token})
	}
	var parts []string
	if raw := r.URL.RawQuery; raw != "" {
		parts = append(parts, raw)
	}
	for _, q := range query {
		parts = append(parts, q[0]+"="+url.QueryEscape(q[1]))
	}
	raw := strings.Join(parts, "&")
	r.URL.RawQuery = raw + "&" + signatureName + "=" + signature(k.Secret, at, scope, canonicalRequest(r, raw, signed, body))
}
