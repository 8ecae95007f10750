package delivery

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"net/url"
	"regexp"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/internal/sigv4"
	"github.com/cognate-id/cognate/internal/outbound"
)

// AWSOptions configure [NewSES] and [NewSNS]. A region or an endpoint is required, and a key.
type AWSOptions struct {
	HTTPOptions

	// Region is that of signatures, such as eu-west-1. Empty means the region in the name of
	// the endpoint.
	Region string
	// Endpoint is the URL of the service, or of a program that speaks as it does. Empty means
	// that of AWS for the region.
	Endpoint string

	KeyID  string          // of an access key that may send, such as AKIDEXAMPLE
	Secret identity.Secret // of the key
	Token  identity.Secret // of a session; empty for a lasting key

	// From is the address that mail comes from, with or without a name, for pools that have none.
	// NewSES requires it.
	From string
	// SenderID is the name that text messages come from, where the country allows one: 1 to 11
	// letters, digits and hyphens. Empty means that SNS chooses.
	SenderID string
}

// aws is a service of AWS.
type aws struct {
	*provider

	service, region string
	key             sigv4.Key
}

var (
	regionName     = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
	regionalHost   = regexp.MustCompile(`^[a-z0-9-]+\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$`)
	senderIDFormat = regexp.MustCompile(`^[A-Za-z0-9-]{1,11}$`)
)

// newAWS reads what SES and SNS have in common. The host is the first part of the name of
// the endpoint.
func newAWS(o *AWSOptions, service, host string) (*aws, error) {
	region, endpoint := o.Region, o.Endpoint
	if endpoint == "" {
		if !regionName.MatchString(region) {
			return nil, errors.New("delivery: give a region of AWS, such as eu-west-1, or an endpoint")
		}
		suffix := ".amazonaws.com"
		if strings.HasPrefix(region, "cn-") {
			suffix += ".cn"
		}
		endpoint = "https://" + host + "." + region + suffix
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("delivery: the endpoint is not a URL such as https://email.eu-west-1.amazonaws.com")
	}
	if in := regionalHost.FindStringSubmatch(u.Hostname()); region == "" && in != nil {
		region = in[1]
	}
	switch {
	case !regionName.MatchString(region):
		return nil, errors.New("delivery: give the region that calls of the endpoint are signed for, such as eu-west-1")
	case o.KeyID == "" || o.Secret == "":
		return nil, errors.New("delivery: there is no access key of AWS to sign calls with")
	}
	p, err := newProvider(u, &o.HTTPOptions)
	if err != nil {
		return nil, err
	}
	return &aws{p, service, region, sigv4.Key{ID: o.KeyID, Secret: string(o.Secret), Token: string(o.Token)}}, nil
}

// post signs and sends a request.
func (a *aws) post(ctx context.Context, m *identity.Message, path, contentType string, body []byte, name func(*outbound.Answer) string) (*Receipt, error) {
	u := *a.url
	u.Path = path
	req, err := a.request(ctx, http.MethodPost, &u, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", contentType)
	sigv4.Sign(req, body, a.key, a.region, a.service, a.clock())
	return a.call(req, m, func(answer *outbound.Answer) *Error { return byName(answer, name(answer)) })
}

// passing are the errors of AWS that pass, or that an operator can mend, although their status
// is one of a bad request.
var passing = map[string]bool{
	"AccountSuspendedException": true, "SendingPausedException": true, "MailFromDomainNotVerifiedException": true,
	"LimitExceededException": true, "Throttling": true, "ThrottlingException": true, "RequestExpired": true, "OptInRequired": true,
	"RequestLimitExceeded": true, "ExpiredTokenException": true, "ExpiredToken": true, "UnrecognizedClientException": true,
	"MissingAuthenticationToken": true, "IncompleteSignature": true,
}

var errorName = regexp.MustCompile(`^[A-Za-z]{1,64}$`)

// byName classifies an error by its status and its name.
func byName(answer *outbound.Answer, name string) *Error {
	e := byStatus(answer)
	if passing[name] {
		e.Temporary, e.what = true, "the provider takes no message now"
	}
	if errorName.MatchString(name) {
		e.what += ": " + name
	}
	return e
}

// SES sends mail by the API of Amazon SES, version 2. It is safe for concurrent use.
type SES struct {
	aws  *aws
	from *mail.Address
}

// NewSES returns a sender of mail. It makes no call. It returns an error if an option is invalid.
func NewSES(o *AWSOptions) (*SES, error) {
	from, err := parseAddress(o.From)
	if err != nil {
		return nil, fmt.Errorf("delivery: the address %q that mail comes from is invalid", o.From)
	}
	a, err := newAWS(o, "ses", "email")
	if err != nil {
		return nil, err
	}
	return &SES{a, from}, nil
}

// Sends reports whether the medium is mail.
func (s *SES) Sends(m identity.Medium) bool { return m == identity.MediumEmail }

// Send gives the mail to SES.
func (s *SES) Send(ctx context.Context, m *identity.Message) error {
	_, err := s.Deliver(ctx, m)
	return err
}

// The request of SendEmail, as far as it is used.
type (
	sesRequest struct {
		FromEmailAddress     string
		Destination          sesDestination
		Content              sesContent
		ConfigurationSetName string `json:",omitempty"`
	}
	sesDestination struct{ ToAddresses []string }
	sesContent     struct{ Raw sesRaw }
	sesRaw         struct{ Data []byte } // in Base64
)

// Deliver gives the mail to SES, whole, as an SMTP server would get it, and returns what SES
// answered. The ConfigurationSet is that of the pool.
func (s *SES) Deliver(ctx context.Context, m *identity.Message) (*Receipt, error) {
	if m.Medium != identity.MediumEmail {
		return nil, permanent("SES sends no text messages")
	}
	e, err := compose(m, s.from)
	if err != nil {
		return nil, err
	}
	var raw strings.Builder
	if _, err := e.msg.WriteTo(&raw); err != nil {
		return nil, permanent("the mail cannot be written")
	}
	body, err := json.Marshal(&sesRequest{
		FromEmailAddress: e.sender, Destination: sesDestination{[]string{e.to}}, Content: sesContent{sesRaw{[]byte(raw.String())}},
		ConfigurationSetName: m.ConfigurationSet,
	})
	if err != nil {
		return nil, permanent("the mail cannot be written")
	}
	return s.aws.post(ctx, m, "/v2/email/outbound-emails", "application/json", body, func(a *outbound.Answer) string {
		name, _, _ := strings.Cut(a.Header.Get("X-Amzn-Errortype"), ":")
		return name
	})
}

// Close closes the connections that are idle.
func (s *SES) Close() { s.aws.client.Close() }

// SNS sends text messages by Amazon SNS. It is safe for concurrent use.
type SNS struct {
	aws      *aws
	senderID string
}

// NewSNS returns a sender of text messages. It makes no call. It returns an error if an option is
// invalid.
func NewSNS(o *AWSOptions) (*SNS, error) {
	if o.SenderID != "" && !senderIDFormat.MatchString(o.SenderID) {
		return nil, errors.New("delivery: the name that text messages come from has 1 to 11 letters, digits and hyphens")
	}
	a, err := newAWS(o, "sns", "sns")
	if err != nil {
		return nil, err
	}
	return &SNS{a, o.SenderID}, nil
}

// Sends reports whether the medium is SMS.
func (s *SNS) Sends(m identity.Medium) bool { return m == identity.MediumSMS }

// Send gives the message to SNS.
func (s *SNS) Send(ctx context.Context, m *identity.Message) error {
	_, err := s.Deliver(ctx, m)
	return err
}

// Deliver gives the message to SNS, as one that is transactional, and returns what SNS answered.
func (s *SNS) Deliver(ctx context.Context, m *identity.Message) (*Receipt, error) {
	if err := sendable(m); err != nil {
		return nil, err
	}
	form := url.Values{
		"Action": {"Publish"}, "Version": {"2010-03-31"}, "PhoneNumber": {m.To}, "Message": {m.Body},
	}
	attribute(form, 1, "AWS.SNS.SMS.SMSType", "Transactional")
	if s.senderID != "" {
		attribute(form, 2, "AWS.SNS.SMS.SenderID", s.senderID)
	}
	return s.aws.post(ctx, m, "/", "application/x-www-form-urlencoded; charset=utf-8", []byte(form.Encode()), snsErrorName)
}

func attribute(form url.Values, n int, name, value string) {
	prefix := fmt.Sprintf("MessageAttributes.entry.%d.", n)
	form.Set(prefix+"Name", name)
	form.Set(prefix+"Value.DataType", "String")
	form.Set(prefix+"Value.StringValue", value)
}

// snsErrorName reads the name of an error from its XML.
func snsErrorName(a *outbound.Answer) string {
	var answer struct {
		Code string `xml:"Error>Code"`
	}
	if xml.Unmarshal(a.Body, &answer) != nil {
		return ""
	}
	return answer.Code
}

// Close closes the connections that are idle.
func (s *SNS) Close() { s.aws.client.Close() }
