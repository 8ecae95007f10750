package sigv4

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Reading a signature. parse takes the Authorization header apart and refuses what
// is malformed; Verify (sigv4.go) then checks scope, date and signature.
// canonicalRequest writes the request in the one form that both sides sign, see
// "Create a canonical request" in the documentation of AWS. A difference of one
// byte there makes every signature wrong, so the tests use the published vectors.

// An authorization is what the Authorization header says.
type authorization struct {
	accessKey, date, region, service, terminator string

	signed    []string // names of headers, lower-case, sorted, each once
	signature string
	time      time.Time

	presigned bool          // it was read from the query
	expires   time.Duration // of a presigned request, from time on
	token     string        // of a session; empty for a lasting key
}

// maxSigned limits how many headers a signature may cover. SDKs sign fewer than
// ten.
const maxSigned = 64

// ParseScope returns the access key and region that an Authorization header
// claims, which is all that a server needs that takes any signature.
func ParseScope(header string) (accessKey, region string, ok bool) {
	if !strings.HasPrefix(header, algorithm+" ") {
		return "", "", false
	}
	a := &authorization{}
	if !a.setCredential(parameters(header)["Credential"]) {
		return "", "", false
	}
	return a.accessKey, a.region, true
}

// Claimed returns the access key and the session token that a request claims to be signed with, in the header or, if that has
// no signature, in the query. It is for a server that takes any signature.
func Claimed(r *http.Request) (accessKey, token string, ok bool) {
	if header := r.Header.Get("Authorization"); header != "" {
		accessKey, _, ok = ParseScope(header)
		return accessKey, r.Header.Get("X-Amz-Security-Token"), ok
	}
	query := r.URL.Query()
	a := &authorization{}
	ok = a.setCredential(query.Get("X-Amz-Credential"))
	return a.accessKey, query.Get("X-Amz-Security-Token"), ok
}

// parse reads an Authorization header and the date that goes with it. It refuses,
// in the service's words:
//
//   - a header that lacks a part, or has another algorithm,
//   - a credential that has not five parts,
//   - a date in another form than that of X-Amz-Date,
//   - signed headers that are too many, not in lower case or not sorted.
func parse(header, at string) (*authorization, error) {
	var missing string
	given := parameters(header)
	for _, name := range []string{"Credential", "Signature", "SignedHeaders"} {
		if given[name] == "" {
			missing += "Authorization header requires '" + name + "' parameter. "
		}
	}
	if at == "" {
		missing += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
	}
	if missing != "" {
		return nil, incomplete(missing + "Authorization=" + algorithm)
	}
	if !strings.HasPrefix(header, algorithm+" ") {
		return nil, incomplete("Unsupported AWS 'algorithm'")
	}
	a := &authorization{signature: given["Signature"]}
	if !a.setCredential(given["Credential"]) {
		return nil, incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term")
	}
	t, err := time.Parse(dateTime, at)
	if err != nil {
		return nil, incomplete("Date must be in ISO-8601 'basic format'. Got a date that is not. See http://en.wikipedia.org/wiki/ISO_8601")
	}
	a.time = t
	return a, a.setSigned(given["SignedHeaders"])
}

// setSigned reads the names of the signed headers.
func (a *authorization) setSigned(names string) error {
	a.signed = strings.Split(names, ";")
	if len(a.signed) > maxSigned || !slices.IsSorted(a.signed) || names != strings.ToLower(names) ||
		len(slices.Compact(slices.Clone(a.signed))) != len(a.signed) {
		return invalid("SignedHeaders must be in lower case, sorted, and each must be there once.")
	}
	return nil
}

// incomplete is the refusal of a header that cannot be read at all.
func incomplete(message string) *Error {
	return &Error{"IncompleteSignatureException", message}
}

// parameters splits the header into its parts, after the algorithm. SDKs separate
// the parts by a comma with or without a space. Of a part that is there twice, the
// last one counts.
func parameters(header string) map[string]string {
	m := map[string]string{}
	_, rest, _ := strings.Cut(header, " ")
	for part := range strings.SplitSeq(rest, ",") {
		if name, value, ok := strings.Cut(strings.TrimSpace(part), "="); ok {
			m[name] = value
		}
	}
	return m
}

// setCredential reads KEY/DATE/REGION/SERVICE/aws4_request, and reports whether it
// has that form.
func (a *authorization) setCredential(s string) bool {
	parts := strings.Split(s, "/")
	if len(parts) != 5 || slices.Contains(parts, "") {
		return false
	}
	a.accessKey, a.date, a.region, a.service, a.terminator = parts[0], parts[1], parts[2], parts[3], parts[4]
	return true
}

func (a *authorization) signs(name string) bool { return slices.Contains(a.signed, name) }

// scope is the credential without the access key, as it is signed.
func (a *authorization) scope() string {
	return strings.Join([]string{a.date, a.region, a.service, a.terminator}, "/")
}
