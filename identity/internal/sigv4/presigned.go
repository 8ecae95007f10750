package sigv4

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A presigned request has its signature in the query. It says itself how long it is good. The
// signature covers the whole query but the parameter X-Amz-Signature.

// maxExpires is how long a presigned request may be good.
const maxExpires = 7 * 24 * time.Hour

const signatureName = "X-Amz-Signature"

// isPresigned reports whether a query has a signature, good or not.
func isPresigned(raw string) bool {
	for part := range strings.SplitSeq(raw, "&") {
		name, _, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); err == nil && (plain == signatureName || plain == "X-Amz-Algorithm") {
			return true
		}
	}
	return false
}

// unsignedQuery is the query without the signature.
func unsignedQuery(raw string) string {
	var out []string
	for part := range strings.SplitSeq(raw, "&") {
		name, _, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); err != nil || plain != signatureName {
			out = append(out, part)
		}
	}
	return strings.Join(out, "&")
}

// presigned reads the signature of a query. It refuses a query that lacks a part, has one twice, or
// is good for more than seven days. If there is a limit, the request is good no longer, and need not say how long.
func presigned(raw string, limit time.Duration) (*authorization, error) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return nil, incomplete("The query is malformed.")
	}
	a := &authorization{presigned: true}
	given := map[string]string{}
	for _, name := range []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", signatureName, "X-Amz-Security-Token"} {
		values := query[name]
		switch {
		case len(values) > 1:
			return nil, incomplete("The parameter '" + name + "' is there twice.")
		case len(values) == 1 && values[0] != "":
			given[name] = values[0]
		case name == "X-Amz-Expires" && limit > 0 && len(values) == 0:
			given[name] = strconv.Itoa(int(limit / time.Second))
		case name != "X-Amz-Security-Token":
			return nil, incomplete("AWS query-string parameters must include '" + name + "'.")
		}
	}
	a.signature, a.token = given[signatureName], given["X-Amz-Security-Token"]
	if given["X-Amz-Algorithm"] != algorithm {
		return nil, incomplete("Unsupported AWS 'algorithm'")
	}
	if !a.setCredential(given["X-Amz-Credential"]) {
		return nil, incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term")
	}
	if a.time, err = time.Parse(dateTime, given["X-Amz-Date"]); err != nil {
		return nil, incomplete("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
	}
	seconds, err := strconv.ParseUint(given["X-Amz-Expires"], 10, 32)
	if err != nil || seconds == 0 || seconds > uint64(maxExpires/time.Second) {
		return nil, incomplete("X-Amz-Expires must be from 1 to 604800, which is a week in seconds")
	}
	a.expires = time.Duration(seconds) * time.Second
	if limit > 0 {
		a.expires = min(a.expires, limit)
	}
	return a, a.setSigned(given["X-Amz-SignedHeaders"])
}

// checkExpiry refuses a presigned request before its date, but for a clock that is ahead, and from
// its end on.
func (a *authorization) checkExpiry(now time.Time) error {
	if end := a.time.Add(a.expires); !now.Before(end) {
		return invalid("Signature expired: %s is now later than %s", now.Format(dateTime), end.Format(dateTime))
	}
	if late := now.Add(maxSkew); a.time.After(late) {
		return invalid("Signature not yet current: %s is still later than %s (%s + 5 min.)",
			a.time.Format(dateTime), late.Format(dateTime), now.Format(dateTime))
	}
	return nil
}
