package saml

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/beevik/etree"
	crewjam "github.com/crewjam/saml"
)

// An Assertion is what a verified response says of a person.
type Assertion struct {
	// ID is the id of the assertion.
	ID string
	// ReplayKey stands for the assertion among those of all identity providers: 64 characters. The caller stores it
	// once, and refuses the assertion if it is there.
	ReplayKey string
	// Expires is the time until which ReplayKey must be kept. After it the assertion is refused as too old.
	Expires time.Time

	// Issuer is the entity id of the identity provider.
	Issuer string
	// NameID is the subject, as the provider writes it: compare it exactly. It has 1 to [MaxNameID] bytes.
	NameID string
	// NameIDFormat is the URI of the format, or empty.
	NameIDFormat string
	// NameQualifier and SPNameQualifier are those of the NameID, or empty. A sign-out repeats them.
	NameQualifier, SPNameQualifier string
	// SessionIndex is that of the first statement of authentication, or empty.
	SessionIndex string
	// AuthnContextClassRef is the URI of how the person has signed in there, or empty.
	AuthnContextClassRef string
	// AuthnInstant is when the person has signed in there, or zero.
	AuthnInstant time.Time
	// SessionNotOnOrAfter is when the session there ends, or zero.
	SessionNotOnOrAfter time.Time
	// Attributes are the values by the Name of the attribute, in the order of the document. A value that is null is left out.
	Attributes map[string][]string
}

// MaxNameID is the greatest length of a NameID, in bytes.
const MaxNameID = 2048

// Response verifies the value of SAMLResponse, which a browser posted to the ACS. requestID is the id of the
// request that this browser was sent with, as its state says, and not as the response does.
func (p *Provider) Response(encoded, requestID string) (*Assertion, error) {
	if requestID == "" {
		return nil, fmt.Errorf("%w: there is none", ErrRequest)
	}
	return p.respond(encoded, requestID)
}

// Unsolicited verifies the value of SAMLResponse of a sign-in that began at the identity provider. It returns
// [ErrUnsolicited] unless [Config.IDPInit] is set, and refuses a response that answers a request.
func (p *Provider) Unsolicited(encoded string) (*Assertion, error) {
	if !p.c.IDPInit {
		return nil, ErrUnsolicited
	}
	return p.respond(encoded, "")
}

// respond verifies a response to the request with the id, or to none if it is empty.
func (p *Provider) respond(encoded, requestID string) (*Assertion, error) {
	doc, err := decode(encoded)
	if err != nil {
		return nil, err
	}
	parts, err := parse(doc, "Response")
	if err != nil {
		return nil, err
	}
	if err := p.checkParts(parts); err != nil {
		return nil, err
	}
	now := p.c.Now()
	at, err := p.pinned(parts.root, now)
	if err != nil {
		return nil, err
	}
	v := &verifier{keys: p.c.IdP.Keys, now: now, covered: map[string]bool{}}
	sp := p.library(v, at)
	var requests []string
	if requestID == "" {
		sp.AllowIDPInitiated = true // and as no id is allowed, no response to a request
	} else {
		requests = append(requests, requestID)
	}
	a, err := sp.ParseXMLResponse(doc, requests, p.acs)
	if err != nil {
		return nil, refusal(parts.root, v, err)
	}
	if !v.covers(parts.root.SelectAttrValue("ID", ""), a.ID) {
		return nil, fmt.Errorf("%w: it does not cover the assertion", ErrSignature)
	}
	return p.assertion(a, requestID, now)
}

// checkParts refuses what the settings do not allow, by the shape alone.
func (p *Provider) checkParts(parts *parts) error {
	success := status(parts.root) == crewjam.StatusSuccess
	switch {
	case success && parts.assertions+parts.encrypted == 0:
		return fmt.Errorf("%w: no assertion", ErrMalformed)
	case parts.assertions == 1 && !parts.signed:
		return fmt.Errorf("%w: there is none", ErrSignature)
	case parts.assertions == 1 && p.c.EncryptedResponses:
		return fmt.Errorf("%w: it is not encrypted", ErrEncryption)
	case parts.encrypted == 1 && len(p.c.DecryptionKeys) == 0:
		return fmt.Errorf("%w: there is no key", ErrEncryption)
	default:
		return nil
	}
}

// pinned returns the time that the library verifies at: that of the message, once it is known to be recent. The
// library gives a message 90 seconds, by a variable of the whole program, which is not ours to change. With its clock at
// the time of the message it has nothing to say of its age. [Provider.times] looks at the real time.
func (p *Provider) pinned(root *etree.Element, now time.Time) (time.Time, error) {
	issued, err := time.Parse(time.RFC3339, root.SelectAttrValue("IssueInstant", ""))
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: IssueInstant: %w", ErrMalformed, err)
	}
	if err := p.recent(issued, now); err != nil {
		return time.Time{}, err
	}
	return issued, nil
}

// refusal returns why the library refused a message.
func refusal(root *etree.Element, v *verifier, err error) error {
	var bad crewjam.ErrBadStatus
	if errors.As(err, &bad) {
		return &StatusError{Code: innermost(root)}
	}
	reason, known := translate(err)
	if !known && len(v.covered) == 0 {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return reason
}

// uri is what a status code may be for us to repeat it.
var uri = regexp.MustCompile(`^[A-Za-z0-9:/.#_-]{1,200}$`)

// status returns the outermost status code of a message, which is not verified.
func status(root *etree.Element) string {
	if code := root.FindElement("./Status/StatusCode"); code != nil {
		return code.SelectAttrValue("Value", "")
	}
	return ""
}

// innermost returns the innermost status code of a message, or nothing if it is not a URI. It is not verified.
func innermost(root *etree.Element) string {
	value := ""
	for code := root.FindElement("./Status/StatusCode"); code != nil; code = code.FindElement("./StatusCode") {
		value = code.SelectAttrValue("Value", "")
	}
	if !uri.MatchString(value) {
		return ""
	}
	return value
}
