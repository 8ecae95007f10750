// Package delivery sends the messages of an engine to users.
//
//	mail, err := delivery.NewSMTP(&delivery.SMTPOptions{Host: "smtp.example.com", Username: "acme", Password: password, From: "Acme <no-reply@acme.test>"})
//	sms, err := delivery.NewSMSTemplate(template, nil)
//	engine := identity.New(store, &identity.Options{Sender: &delivery.Router{Email: mail, SMS: sms}})
//
// Begin with [NewSMTP] or [NewSES] for mail, with [NewSMSTemplate] or [NewSNS] for text messages,
// and with [Router], which chooses a sender by the medium. Each sender is an [identity.Sender]:
// Send returns when the provider has taken the message. Deliver does the same, and returns what the
// provider answered. Each error of a sender is an [*Error], which says whether to try again.
// Senders do not try again themselves.
//
// Senders that speak HTTP connect to public addresses only, unless [HTTPOptions] or the URL names an
// exception, and follow no redirect.
//
// Mail is HTML with a plain text beside it where the template of the pool is HTML, and plain text
// otherwise.
package delivery

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/cognate-id/cognate/identity"
)

// An Error says why a message was not sent. Its text has no code, no password and no address.
type Error struct {
	// Temporary says that the same message may be sent later. It is set unless the provider
	// refused this very message or its address, so also if there is no connection, or if
	// the provider refused the password of the sender: an operator can mend that.
	Temporary bool
	Code      int    // the reply of the SMTP server or the status of HTTP; 0 without an answer
	Reply     string // what the provider said. It may hold the address of the user, and no code
	what      string
	cause     error
}

// Error implements error.
func (e *Error) Error() string {
	text := "delivery: " + e.what
	if e.Code != 0 {
		text += ": " + strconv.Itoa(e.Code)
	}
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap returns the cause, such as context.Canceled. It may be nil.
func (e *Error) Unwrap() error { return e.cause }

// Permanent reports whether the message can never be sent. The outbox of an engine does not try it again.
func (e *Error) Permanent() bool { return !e.Temporary }

// Detail returns what the provider said, for operators.
func (e *Error) Detail() string { return e.Reply }

// A Receipt is what a provider answered that took a message.
type Receipt struct {
	Code  int    // the reply of the SMTP server, or the status of HTTP
	Reply string // its text, cut to 300 bytes. It may hold the address of the user
}

// maxReply is how much is kept of an answer, in bytes.
const maxReply = 300

// reply is the text of an answer, on one line.
func reply(text string) string {
	return strings.TrimSpace(oneLine(strings.ToValidUTF8(text[:min(len(text), maxReply)], "")))
}

// replyWithout is the text of an answer to a message, unless it may have the code in it: a
// provider may answer with the message. Only a code of digits is sure to be found.
func replyWithout(m *identity.Message, text string) string {
	code := string(m.Code)
	if code != "" && (strings.Contains(text, code) || strings.Trim(code, "0123456789") != "") {
		return ""
	}
	return reply(text)
}

// permanent is the error of a message that can never be sent.
func permanent(what string) *Error { return &Error{what: what} }

// A Router sends each message by the sender of its medium. A nil sender means that there is
// none: an operation that owes such a message returns [identity.ErrNoSender].
type Router struct {
	Email identity.Sender // sends mail
	SMS   identity.Sender // sends text messages
}

// Sends reports whether there is a sender for the medium. It implements [identity.MediumSender].
func (r *Router) Sends(m identity.Medium) bool {
	_, err := r.of(m)
	return err == nil
}

// of returns the sender for a medium, or [identity.ErrNoSender].
func (r *Router) of(m identity.Medium) (s identity.Sender, err error) {
	switch m {
	case identity.MediumEmail:
		s = r.Email
	case identity.MediumSMS:
		s = r.SMS
	default:
		return nil, fmt.Errorf("delivery: the medium %q is unknown: %w", m, identity.ErrNoSender)
	}
	if s == nil {
		return nil, fmt.Errorf("delivery: %w", identity.ErrNoSender)
	}
	return s, nil
}

// Send sends the message. Without a sender for the medium it returns [identity.ErrNoSender].
func (r *Router) Send(ctx context.Context, m *identity.Message) error {
	s, err := r.of(m.Medium)
	if err != nil {
		return err
	}
	return s.Send(ctx, m)
}
