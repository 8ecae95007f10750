package delivery

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/outbound"
)

// HTTPOptions say how a sender calls its provider. The zero value and nil are good.
type HTTPOptions struct {
	// Allow names hosts that may have an address which is not public, as host:port. A loopback
	// address, or localhost, in the URL of the sender is allowed without that. http is for
	// loopback alone.
	Allow []string
	// Timeout is how long a call may take. 0 means 30 s.
	Timeout time.Duration
	// RootCAs are the authorities that certificates are checked with. Nil means the system's.
	RootCAs *x509.CertPool
	// Clock is the time of signatures. Nil means time.Now.
	Clock func() time.Time
}

// provider is the other end of a sender that speaks HTTP.
type provider struct {
	url    *url.URL
	client *outbound.Client
	clock  func() time.Time
	expect string // what an answer of 2xx has; empty for anything
}

// newProvider reads the URL of a provider. The text of a URL may have a secret in it, so no
// error shows it.
func newProvider(u *url.URL, o *HTTPOptions) (*provider, error) {
	if o == nil {
		o = &HTTPOptions{}
	}
	if o.Timeout < 0 {
		return nil, errors.New("delivery: the timeout is negative")
	}
	allow := slices.Clone(o.Allow)
	if named, ok := outbound.Literal(u); ok {
		allow = append(allow, named)
	}
	c, err := outbound.New(&outbound.Options{Allow: allow, Timeout: or(o.Timeout, 30*time.Second), RootCAs: o.RootCAs})
	if err != nil {
		return nil, fmt.Errorf("delivery: %w", err)
	}
	if err := c.Check(u); err != nil {
		return nil, fmt.Errorf("delivery: %w", err)
	}
	p := &provider{url: u, client: c, clock: o.Clock}
	if p.clock == nil {
		p.clock = time.Now
	}
	return p, nil
}

// request makes a request to the provider. The URL may have other parts than the provider's
// own, and the same host.
func (p *provider) request(ctx context.Context, method string, u *url.URL, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, permanent("the request is malformed") // the cause would show the URL
	}
	req.Header.Set("User-Agent", "cognate")
	return req, nil
}

// call sends a request. classify says what an answer means that is not 2xx.
func (p *provider) call(req *http.Request, m *identity.Message, classify func(*outbound.Answer) *Error) (*Receipt, error) {
	answer, err := p.client.Do(req)
	if err != nil {
		return nil, uncalled(req.Context(), err)
	}
	good := answer.Status >= 200 && answer.Status < 300
	if good && strings.Contains(string(answer.Body), p.expect) {
		return &Receipt{Code: answer.Status, Reply: replyWithout(m, string(answer.Body))}, nil
	}
	e := &Error{Temporary: true, what: "the provider does not say that it has taken the message"}
	if !good {
		e = classify(answer)
	}
	e.Code, e.Reply = answer.Status, replyWithout(m, string(answer.Body))
	return nil, e
}

// uncalled is the error of a call without an answer. Whether the provider has taken the
// message is unknown then. Where the answer was too large, it probably has.
func uncalled(ctx context.Context, err error) *Error {
	e := &Error{Temporary: !errors.Is(err, outbound.ErrTooLarge), what: "the provider was not reached", cause: err}
	if ctx.Err() != nil {
		e.cause = ctx.Err()
	}
	return e
}

// byStatus classifies an answer by its status: 429 and 5xx pass, and so does what an operator
// can mend, such as a wrong password. Any other means that this message will never be taken.
func byStatus(a *outbound.Answer) *Error {
	e := &Error{what: "the provider refuses the message"}
	switch a.Status {
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden, http.StatusProxyAuthRequired:
		e.Temporary, e.what = true, "the provider refuses the account"
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		e.Temporary, e.what = true, "the provider takes no message now"
	default:
		if a.Status >= 500 {
			e.Temporary, e.what = true, "the provider fails"
		}
	}
	return e
}

var phoneNumber = regexp.MustCompile(`^\+[1-9][0-9]{4,14}$`)

// sendable returns an error unless m is a text message to a phone number.
func sendable(m *identity.Message) error {
	switch {
	case m.Medium != identity.MediumSMS:
		return permanent("the sender of text messages sends no mail")
	case !phoneNumber.MatchString(m.To):
		return permanent("the phone number of the user is invalid")
	}
	return nil
}
