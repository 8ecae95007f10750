package oauth

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Parameters of requests. A parameter that comes twice, or that has control characters, is
// refused (RFC 6749, section 3.1): two programs that read it differently would disagree.

const (
	maxQuery = 16 << 10 // bytes of a query
	maxForm  = 64 << 10 // bytes of a body
	maxParam = 8 << 10  // bytes of one value

	maxSAML     = 100_000   // characters of a SAMLResponse
	maxSAMLForm = 384 << 10 // bytes of the body that brings it: each character may be three bytes
)

var (
	errParams      = errors.New("a parameter is malformed, too long, or there twice")
	errContentType = errors.New("the Content-Type is not application/x-www-form-urlencoded")
	errTooLarge    = errors.New("the request is too large")
)

// params are the parameters of a request, each there once.
type params map[string]string

// parseParams reads a query, or a body that has the form of one. Parameters without a value
// count as left out (RFC 6749, section 3.1).
func parseParams(raw string) (params, error) { return parseLarge(raw, "") }

// parseLarge is parseParams with one parameter that may be as long as a SAMLResponse, and may have ends of lines, as base64 often does.
func parseLarge(raw, large string) (params, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, errParams
	}
	p := params{}
	for name, list := range values {
		if len(list) > 1 || !acceptable(name) {
			return nil, errParams
		}
		if name == large && large != "" {
			list[0] = strings.NewReplacer("\r", "", "\n", "").Replace(list[0])
			if len(list[0]) > maxSAML || !printable(list[0]) {
				return nil, errParams
			}
		} else if !acceptable(list[0]) {
			return nil, errParams
		}
		if list[0] != "" {
			p[name] = list[0]
		}
	}
	return p, nil
}

func acceptable(s string) bool {
	return len(s) <= maxParam && printable(s)
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// parse reads the query and the form of a request.
func (v *visit) parse(rt route) (err error) {
	if len(v.r.URL.RawQuery) > maxQuery {
		return errTooLarge
	}
	if v.query, err = parseParams(v.r.URL.RawQuery); err != nil && !rt.api {
		return err
	}
	v.form = params{}
	if v.r.Method != http.MethodPost {
		return nil
	}
	control := http.NewResponseController(v.w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTime)) // a server without deadlines has others
	defer func() { _ = control.SetReadDeadline(time.Time{}) }()
	kind, _, err := mime.ParseMediaType(v.r.Header.Get("Content-Type"))
	limit, large := int64(maxForm), ""
	if rt.posted {
		limit, large = maxSAMLForm, "SAMLResponse"
	}
	body, readErr := io.ReadAll(http.MaxBytesReader(v.w, v.r.Body, limit))
	if readErr != nil {
		return errTooLarge
	}
	if err != nil || kind != "application/x-www-form-urlencoded" {
		if len(body) == 0 {
			return nil
		}
		return errContentType
	}
	v.form, err = parseLarge(string(body), large)
	return err
}

// words are the words of a parameter that is a list.
func (p params) words(name string) []string { return strings.Fields(p[name]) }

// encode is the query that parameters come from, but for those that are left out.
func (p params) encode(without ...string) string {
	values := url.Values{}
	for name, value := range p {
		if !slices.Contains(without, name) {
			values.Set(name, value)
		}
	}
	return values.Encode()
}
