package identity

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// A codePurpose is what a code may be used for, and nothing else.
type codePurpose string

const (
	confirmCode codePurpose = "confirm"
	resetCode   codePurpose = "reset"
)

// Lives and limits of codes, the service's.
const (
	confirmCodeLife = 24 * time.Hour
	codeDigits      = 6
	confirmsPerHour = 15
)

// An errand is what a code is made and sent for.
type errand struct {
	purpose codePurpose
	life    time.Duration
	kind    MessageKind // of the message
	count   string      // the kind of throttle that bounds how often it is asked for
	perHour int
	event   EventKind // that asking leaves
}

var resendErrand = &errand{
	purpose: confirmCode, life: confirmCodeLife, kind: MessageSignUpCodeAgain, count: kindResend, perHour: 5, event: EventCodeRequested,
}

// A recipient is a user at the address that a code goes to. Of one who is made
// up nothing is real but the work.
type recipient struct {
	user               *User
	attribute, address string
	decoy              bool
}

// recipient is the user at the address of an attribute.
func (u *User) recipient(attribute string) *recipient {
	return &recipient{user: u, attribute: attribute, address: u.Attributes[attribute]}
}

func (r *recipient) delivery() *CodeDelivery { return delivery(r.attribute, r.address) }

// CodeDelivery says where a code went, without giving the address away.
type CodeDelivery struct {
	Destination string // masked, such as a***@e***
	Medium      Medium // how it was sent
	Attribute   string // email or phone_number
}

// A Medium is a way that messages reach a user.
type Medium string

// The mediums.
const (
	MediumEmail Medium = "EMAIL"
	MediumSMS   Medium = "SMS"
)

// medium is how messages reach the address in an attribute, or "" if the
// attribute is no address. A message without a medium is not sent.
func medium(attribute string) Medium {
	switch attribute {
	case "phone_number":
		return MediumSMS
	case "email":
		return MediumEmail
	default:
		return ""
	}
}

func delivery(attribute, address string) *CodeDelivery {
	return &CodeDelivery{Destination: mask(attribute, address), Medium: medium(attribute), Attribute: attribute}
}

// codeTarget is where the code of a sign-up goes: to the phone, if the pool
// verifies phones and there is one, else by mail; nil where there is nowhere.
func codeTarget(s *PoolSettings, u *User) *CodeDelivery {
	for _, a := range []string{"phone_number", "email"} {
		if slices.Contains(s.VerifiedAtSignUp(), a) && u.Attributes[a] != "" {
			return delivery(a, u.Attributes[a])
		}
	}
	return nil
}

// newCode makes a code for a recipient and the record of it. No text is right
// for a decoy: that record's MAC is of no purpose.
func (s *scope) newCode(to *recipient, purpose codePurpose, expires time.Time) (string, *code, error) {
	text, err := random(s.engine.rand, digits, codeDigits)
	if err != nil {
		return "", nil, err
	}
	sealedFor := purpose
	if to.decoy {
		sealedFor = ""
	}
	return text, &code{
		Pool: s.pool.ID, Sub: to.user.Sub, Purpose: purpose, Attribute: to.attribute, Value: to.address, Expires: expires,
		MAC: s.codeMAC(to.user.Sub, sealedFor, text),
	}, nil
}

func (s *scope) codeMAC(sub string, purpose codePurpose, text string) []byte {
	return mac(s.ring.code, s.pool.ID, sub, string(purpose), text)
}

// judgeCode tells what is wrong with a code, if anything: c is nil where none
// is outstanding. That there is none, or an old one, is told to whoever has the
// code and, where tells says so, to all: it can tell of an account.
func (s *scope) judgeCode(c *code, sub string, purpose codePurpose, text string, tells bool, now time.Time) error {
	given := s.codeMAC(sub, purpose, text)
	right := c != nil && equal(c.MAC, given)
	expired := c == nil || !now.Before(c.Expires)
	switch {
	case expired && (right || tells):
		return ErrCodeExpired
	case !right:
		return ErrCodeMismatch
	}
	return nil
}

// send hands a message over. The message tells of what is done already.
func (e *Engine) send(ctx context.Context, m *Message) error {
	switch m.Medium {
	case MediumEmail, MediumSMS:
	default:
		return fmt.Errorf("%w: the medium %q of a message", errUnhandled, m.Medium)
	}
	if err := e.sender.Send(ctx, m); err != nil {
		return fmt.Errorf("%w: %w", ErrDelivery, err)
	}
	return nil
}
