package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/delivery"
)

// The commands mail test and sms test send one message with the flags that serve has, and print
// what the provider answered.

type mailCommand struct {
	Test mailTestCommand `cmd:"" help:"Send a test mail, and print what the server answered."`
}

type smsCommand struct {
	Test smsTestCommand `cmd:"" help:"Send a test message by SMS, and print what the provider answered."`
}

type mailTestCommand struct {
	To string `arg:"" help:"The address that the mail goes to."`
	mailFlags
	allowFlags
}

// Help returns the details that --help shows.
func (mailTestCommand) Help() string {
	return `The flags are those of "cognate serve". No server has to run.

Examples:

    cognate mail test you@example.com --smtp smtp://acme@smtp.example.com:587 --mail-from "Acme <no-reply@acme.test>"
    cognate mail test you@example.com --ses eu-west-1 --mail-from no-reply@acme.test`
}

// Run sends the mail.
func (c *mailTestCommand) Run(t *terminal) error {
	if a, err := mail.ParseAddress(c.To); err != nil || a.Name != "" {
		return fmt.Errorf("%q is not an address such as you@example.com", c.To)
	}
	s, err := c.mail(c.Allow)
	if err != nil {
		return err
	}
	if s == nil {
		return hint(errors.New("there is nothing to send mail by"), "give --smtp or --ses, as for cognate serve")
	}
	m := testMessage(c.To, identity.MediumEmail)
	m.Subject = "Test of mail"
	return t.try(s, m)
}

type smsTestCommand struct {
	To string `arg:"" help:"The phone number that the message goes to, such as +14155550100."`
	smsFlags
	allowFlags
}

// Help returns the details that --help shows.
func (smsTestCommand) Help() string {
	return `The flags are those of "cognate serve". No server has to run. The provider may charge for the message.

Examples:

    cognate sms test +14155550100 --sms-http sms.http
    cognate sms test +14155550100 --sns eu-west-1`
}

// Run sends the message.
func (c *smsTestCommand) Run(t *terminal) error {
	s, err := c.sms(c.Allow)
	if err != nil {
		return err
	}
	if s == nil {
		return hint(errors.New("there is nothing to send text messages by"), "give --sms-http or --sns, as for cognate serve")
	}
	return t.try(s, testMessage(c.To, identity.MediumSMS))
}

func testMessage(to string, by identity.Medium) *identity.Message {
	return &identity.Message{
		ID: rand.Text(), Time: time.Now(), Username: "test", To: to, Medium: by,
		Body: "This is a test message of Cognate. It arrived, so codes can arrive too.",
	}
}

// testPatience is how long a test message may take.
const testPatience = time.Minute

// try sends a message and prints what the provider answered.
func (t *terminal) try(s deliverer, m *identity.Message) error {
	ctx, cancel := context.WithTimeout(context.Background(), testPatience)
	defer cancel()
	r, err := s.Deliver(ctx, m)
	if err != nil {
		return failed(m, err)
	}
	answer := strings.TrimSpace(fmt.Sprintf("%d %s", r.Code, oneLine(r.Reply)))
	_, err = fmt.Fprintf(t.out, "The message to %s was taken. The answer was:\n\n  %s\n\nIf it does not arrive, look into the folder for spam, and into the log of the provider.\n", m.To, answer)
	return err
}

// failed says why a test message was not sent, and what to try.
func failed(m *identity.Message, err error) error {
	e, ok := errors.AsType[*delivery.Error](err)
	if !ok {
		return err
	}
	text := fmt.Errorf("the message to %s was not sent: %w", m.To, err)
	if e.Reply != "" {
		text = fmt.Errorf("%w: %s", text, oneLine(e.Reply))
	}
	if e.Temporary {
		return hint(text, "cognate serve would fail with these flags too: check the flags, the password and the network, or try again later")
	}
	return hint(text, "the provider refuses this message: check the addresses that it goes to and comes from")
}
