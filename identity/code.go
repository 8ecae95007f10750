package identity

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/store"
)

// A code is six digits that the engine sends to an address. The store keeps
// only a MAC of the code. newCode makes a code before the transaction that
// writes the record (commitCode for one that was asked for), tryCode judges a
// code that a user gives (codetry.go), and the flows (confirm.go, recovery.go,
// attributes.go) write and delete the records.

// A codePurpose is the one thing that a code may be used for.
type codePurpose string

const (
	confirmCode codePurpose = "confirm"
	resetCode   codePurpose = "reset"
)

// Lifetimes and limits of codes, as the service has them.
const (
	confirmCodeLife = 24 * time.Hour
	codeDigits      = 6
	asksPerHour     = 5
	triesPerHour    = 15
	triesPerCode    = 5
	// outstanding is how many codes of one purpose are good at once: all that may be asked
	// for in an hour, and the one before. Whoever asks again does not void another's code.
	outstanding = asksPerHour + 1
	// askPause is how long asking again sends nothing, in safe pools.
	askPause = 2 * time.Minute
)

// An errand says how codes of one purpose are made, counted and sent.
type errand struct {
	purpose codePurpose
	life    time.Duration
	kind    MessageKind // the kind of the message
	count   string      // the kind of throttle that limits how often users ask for a code
	perHour int
	event   EventKind // the event of asking for a code
}

var resendErrand = &errand{
	purpose: confirmCode, life: confirmCodeLife, kind: MessageSignUpCodeAgain, count: kindResend, perHour: asksPerHour, event: EventCodeRequested,
}

// A recipient is a user with the address that a code goes to. A decoy takes the
// place of a user who does not exist: the work is done for it as for a user, and
// no message is sent.
type recipient struct {
	user               *User
	attribute, address string
	decoy              bool
}

// recipient returns the user with the address in an attribute.
func (u *User) recipient(attribute string) *recipient {
	return &recipient{user: u, attribute: attribute, address: u.Attributes[attribute]}
}

func (r *recipient) delivery() *CodeDelivery { return delivery(r.attribute, r.address) }

// CodeDelivery says where a code was sent, without disclosing the address.
type CodeDelivery struct {
	Destination string // the address, masked, such as a***@e***
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

// medium returns how messages reach the address in an attribute, or "" if the
// attribute is not an address. A message without a medium is not sent.
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

// codeTarget returns where the code of a sign-up goes. With the setting ProveNames it
// is the address that the user signs in with, if there is one. Otherwise it is the phone if the
// pool verifies phone numbers and the user has one. Otherwise it is the email
// address, under the same conditions. Otherwise it is nil.
func codeTarget(s *PoolSettings, u *User) *CodeDelivery {
	if s.ProvesNames() {
		for _, a := range u.nameAttributes(s) {
			if u.Attributes[a] != "" {
				return delivery(a, u.Attributes[a])
			}
		}
	}
	for _, a := range []string{"phone_number", "email"} {
		if slices.Contains(s.VerifiedAtSignUp(), a) && u.Attributes[a] != "" {
			return delivery(a, u.Attributes[a])
		}
	}
	return nil
}

// newCode makes a code for a recipient, and its record. The MAC in the record of
// a decoy is made for no purpose, so no code that anybody gives is ever right.
func (s *scope) newCode(to *recipient, purpose codePurpose, expires time.Time) (string, *code, error) {
	text, err := random(s.engine.rand, digits, codeDigits)
	if err != nil {
		return "", nil, err
	}
	sealedFor := purpose
	if to.decoy {
		sealedFor = ""
	}
	newest := s.ring.codes[0].id
	sent := sentTo{
		MAC: s.codeMAC(newest, to.user.Sub, sealedFor, text), Master: newest, Attribute: to.attribute, Value: to.address,
		Expires: expires, Sent: s.engine.now(),
	}
	return text, &code{Pool: s.pool.ID, Sub: to.user.Sub, Purpose: purpose, sentTo: sent}, nil
}

// codeMAC returns the MAC of a code under the key of a master, or nil if the master is gone.
func (s *scope) codeMAC(master, sub string, purpose codePurpose, text string) []byte {
	return s.ring.codeMAC(master, s.pool.ID, sub, string(purpose), text)
}

// put writes a code that replaces all earlier ones. tries counts those of its purpose.
func (c *code) put(tx store.Tx, tries *throttleRecord) error {
	c.Misses, c.Since = tries.Misses, tries.Since
	return codes.Put(tx, c)
}

// replaceCode writes a code that replaces all earlier ones of its purpose.
func (s *scope) replaceCode(tx store.Tx, c *code) error {
	kind, err := triesOf(c.Purpose)
	if err != nil {
		return err
	}
	tries, err := getThrottle(tx, c.Pool, kind, c.Sub)
	if err != nil {
		return err
	}
	return c.put(tx, tries)
}

// all returns the codes that are outstanding, the newest first.
func (c *code) all() []sentTo {
	if c == nil {
		return nil
	}
	return append([]sentTo{c.sentTo}, c.Earlier...)
}

// alive returns the codes that may still be tried. Those of a master that is gone may not.
func (c *code) alive(r *ring, tries *throttleRecord, now time.Time) []sentTo {
	return slices.DeleteFunc(c.all(), func(s sentTo) bool {
		return s.dead(tries) || !now.Before(s.Expires) || r.codeKey(s.Master) == nil
	})
}

// dead reports whether a code has had all its tries.
func (s sentTo) dead(tries *throttleRecord) bool {
	missed := tries.Misses
	if s.Since.Equal(tries.Since) {
		missed -= s.Misses
	}
	return missed >= triesPerCode
}

// send gives a message to the sender. It runs after the commit of what the
// message is about.
func (e *Engine) send(ctx context.Context, m *Message) error {
	switch m.Medium {
	case MediumEmail, MediumSMS:
	default:
		return fmt.Errorf("%w: the medium %q of a message", errUnhandled, m.Medium)
	}
	if !sends(e.sender, m.Medium) {
		return &MessageError{Err: ErrNoSender, Medium: m.Medium}
	}
	if err := e.sender.Send(ctx, m); err != nil {
		return &MessageError{Err: ErrDelivery, Medium: m.Medium, Cause: err}
	}
	return nil
}
