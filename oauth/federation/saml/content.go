package saml

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	crewjam "github.com/crewjam/saml"
)

// maxAge is how long after it was issued an assertion is accepted, as the service has it for those that no request asked for.
const maxAge = 6 * time.Minute

// bearer is the one method of confirmation: whoever brings the assertion is the subject.
const bearer = "urn:oasis:names:tc:SAML:2.0:cm:bearer"

// assertion returns what a verified assertion says, once its times, its subject and its content are checked.
func (p *Provider) assertion(a *crewjam.Assertion, requestID string, now time.Time) (*Assertion, error) {
	expires, err := p.times(a, requestID, now)
	if err != nil {
		return nil, err
	}
	if a.Subject == nil || a.Subject.NameID == nil {
		return nil, fmt.Errorf("%w: no NameID", ErrContent)
	}
	name := a.Subject.NameID
	if err := checkNameID(name.Value); err != nil {
		return nil, fmt.Errorf("%w: NameID: %w", ErrContent, err)
	}
	attributes, err := attributesOf(a)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrContent, err)
	}
	sum := sha256.Sum256([]byte(a.Issuer.Value + "\x00" + a.ID))
	out := &Assertion{
		ID: a.ID, ReplayKey: hex.EncodeToString(sum[:]), Expires: expires,
		Issuer: a.Issuer.Value, NameID: name.Value, NameIDFormat: name.Format,
		NameQualifier: name.NameQualifier, SPNameQualifier: name.SPNameQualifier,
		Attributes: attributes,
	}
	if len(a.AuthnStatements) > 0 {
		s := a.AuthnStatements[0]
		out.SessionIndex, out.AuthnInstant = s.SessionIndex, s.AuthnInstant
		if s.SessionNotOnOrAfter != nil {
			out.SessionNotOnOrAfter = *s.SessionNotOnOrAfter
		}
		if c := s.AuthnContext.AuthnContextClassRef; c != nil {
			out.AuthnContextClassRef = strings.TrimSpace(c.Value)
		}
	}
	return out, nil
}

// recent refuses what was issued too long ago, or will be.
func (p *Provider) recent(issued, now time.Time) error {
	if issued.After(now.Add(p.c.Skew)) {
		return fmt.Errorf("%w: it was issued in the future, at %v", ErrTime, issued)
	}
	if !now.Before(issued.Add(maxAge + p.c.Skew)) {
		return fmt.Errorf("%w: it was issued at %v", ErrTime, issued)
	}
	return nil
}

// times checks the times of an assertion, and returns when it ends to be acceptable.
func (p *Provider) times(a *crewjam.Assertion, requestID string, now time.Time) (time.Time, error) {
	if err := p.recent(a.IssueInstant, now); err != nil {
		return time.Time{}, err
	}
	end, err := p.confirmed(a.Subject, requestID, now)
	if err != nil {
		return time.Time{}, err
	}
	end = earlier(end, a.IssueInstant.Add(maxAge))
	if c := a.Conditions; c != nil {
		if c.NotBefore.After(now.Add(p.c.Skew)) {
			return time.Time{}, fmt.Errorf("%w: NotBefore is %v", ErrTime, c.NotBefore)
		}
		if !c.NotOnOrAfter.IsZero() {
			end = earlier(end, c.NotOnOrAfter)
		}
	}
	for _, s := range a.AuthnStatements {
		if s.SessionNotOnOrAfter != nil {
			end = earlier(end, *s.SessionNotOnOrAfter)
		}
	}
	end = end.Add(p.c.Skew)
	if !now.Before(end) {
		return time.Time{}, fmt.Errorf("%w: it ended at %v", ErrTime, end)
	}
	return end, nil
}

// confirmed looks for a confirmation of the subject that is meant for us, for this request and for now, and returns its end.
func (p *Provider) confirmed(s *crewjam.Subject, requestID string, now time.Time) (time.Time, error) {
	reason := fmt.Errorf("%w: no confirmation of the subject", ErrContent)
	if s == nil {
		return time.Time{}, reason
	}
	for _, c := range s.SubjectConfirmations {
		d := c.SubjectConfirmationData
		switch {
		case c.Method != bearer:
			continue
		case d == nil:
			reason = fmt.Errorf("%w: a confirmation without data", ErrContent)
		case d.Recipient != p.c.ACS:
			reason = fmt.Errorf("%w: %q", ErrRecipient, d.Recipient)
		case d.InResponseTo != requestID:
			reason = fmt.Errorf("%w: %q", ErrRequest, d.InResponseTo)
		case d.NotBefore.After(now.Add(p.c.Skew)):
			reason = fmt.Errorf("%w: the confirmation is not valid before %v", ErrTime, d.NotBefore)
		case d.NotOnOrAfter.IsZero() || !now.Before(d.NotOnOrAfter.Add(p.c.Skew)):
			reason = fmt.Errorf("%w: the confirmation ended at %v", ErrTime, d.NotOnOrAfter)
		default:
			return d.NotOnOrAfter, nil
		}
	}
	return time.Time{}, reason
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// checkNameID refuses a subject that is empty, or that two programs may take for different ones.
func checkNameID(s string) error {
	switch {
	case s == "":
		return errors.New("it is empty")
	case len(s) > MaxNameID:
		return fmt.Errorf("more than %d bytes", MaxNameID)
	case s != strings.TrimSpace(s):
		return errors.New("blanks around it")
	case strings.ContainsFunc(s, unicode.IsControl):
		return errors.New("a control character")
	default:
		return characters(s)
	}
}

// characters refuses what the service refuses: characters of four bytes in UTF-8.
func characters(s string) error {
	if !utf8.ValidString(s) {
		return errors.New("not UTF-8")
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r > 0xffff }) {
		return errors.New("a character of four bytes")
	}
	return nil
}

// attributesOf returns the attributes by name.
func attributesOf(a *crewjam.Assertion) (map[string][]string, error) {
	out := map[string][]string{}
	for _, s := range a.AttributeStatements {
		for _, attr := range s.Attributes {
			if attr.Name == "" {
				return nil, errors.New("an attribute without a name")
			}
			values := out[attr.Name]
			for _, v := range attr.Values {
				value := v.Value
				switch {
				case v.Nil:
					continue
				case v.NameID != nil:
					value = v.NameID.Value // as in eduPersonTargetedID
				}
				if err := characters(value); err != nil {
					return nil, fmt.Errorf("the attribute %q: %w", attr.Name, err)
				}
				values = append(values, value)
			}
			out[attr.Name] = values
		}
	}
	return out, nil
}
