package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/delivery"
)

// senderFlags say how messages are sent. dev and serve have them.
type senderFlags struct {
	mailFlags
	smsFlags
	allowFlags
}

// allowFlags name the hosts of providers in a network of one's own.
type allowFlags struct {
	Allow []string `name:"sender-allow" sep:"none" placeholder:"HOST:PORT" help:"Host of --ses, --sns or --sms-http that may have a private address. Can be repeated."`
}

// smsFlags say how text messages are sent.
type smsFlags struct {
	SMSHTTP  string `name:"sms-http" placeholder:"FILE" help:"Send text messages by the HTTP request that FILE has a template of; see docs/mail.md. $${NAME} in it is a variable of the environment."`
	SMSTaken string `name:"sms-http-taken" placeholder:"TEXT" help:"Text that the answer of the provider of --sms-http has if it has taken the message. For providers that answer 200 with an error in it."`
	SNS      string `name:"sns" placeholder:"REGION" help:"Send text messages by Amazon SNS in this region, such as eu-west-1, or at this URL. The key is in the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."`
	SenderID string `name:"sns-sender-id" placeholder:"NAME" help:"Name that text messages of --sns come from, in countries that allow one: 1 to 11 letters, digits and hyphens."`
}

// A deliverer sends messages by one medium, and says what the provider answered.
type deliverer interface {
	identity.MediumSender
	Deliver(ctx context.Context, m *identity.Message) (*delivery.Receipt, error)
}

// sms returns the sender of text messages, or nil without --sms-http and --sns.
func (f *smsFlags) sms(allow []string) (deliverer, error) {
	switch {
	case f.SMSHTTP != "" && f.SNS != "":
		return nil, errors.New("--sms-http, --sns: text messages are sent by one of them: give one")
	case f.SMSTaken != "" && f.SMSHTTP == "":
		return nil, errors.New("--sms-http-taken belongs to --sms-http: give that too")
	case f.SenderID != "" && f.SNS == "":
		return nil, errors.New("--sns-sender-id belongs to --sns: give that too")
	case f.SMSHTTP != "":
		return f.template(allow)
	case f.SNS == "":
		return nil, nil //nolint:nilnil // without the flags there is no sender
	}
	o := awsOptions(f.SNS, allow)
	o.SenderID = f.SenderID
	s, err := delivery.NewSNS(o)
	if err != nil {
		return nil, awsError("--sns", err)
	}
	return s, nil
}

func (f *smsFlags) template(allow []string) (deliverer, error) {
	text, err := os.ReadFile(f.SMSHTTP)
	if err != nil {
		return nil, fmt.Errorf("--sms-http: %w", err)
	}
	s, err := delivery.NewSMSTemplate(string(text), &delivery.SMSTemplateOptions{HTTPOptions: delivery.HTTPOptions{Allow: allow}, Expect: f.SMSTaken})
	if err != nil {
		return nil, fmt.Errorf("--sms-http %s: %w", f.SMSHTTP, err)
	}
	return s, nil
}

// awsOptions reads a region or the URL of an endpoint, and the key from the environment.
func awsOptions(where string, allow []string) *delivery.AWSOptions {
	o := &delivery.AWSOptions{
		HTTPOptions: delivery.HTTPOptions{Allow: allow}, KeyID: os.Getenv("AWS_ACCESS_KEY_ID"),
		Secret: identity.Secret(os.Getenv("AWS_SECRET_ACCESS_KEY")), Token: identity.Secret(os.Getenv("AWS_SESSION_TOKEN")),
	}
	if !strings.Contains(where, "://") {
		o.Region = where
		return o
	}
	o.Endpoint = where
	if !strings.Contains(where, ".amazonaws.com") {
		o.Region = cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"))
	}
	return o
}

func awsError(flag string, err error) error {
	return hint(fmt.Errorf("%s: %w", flag, err), "the key is in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and the region of an endpoint outside AWS in AWS_REGION")
}

// router returns the senders of the flags, or nil if there are none.
func (f *senderFlags) router() (*delivery.Router, error) {
	mail, err := f.mail(f.Allow)
	if err != nil {
		return nil, err
	}
	sms, err := f.sms(f.Allow)
	if err != nil {
		return nil, err
	}
	if len(f.Allow) > 0 && f.SES == "" && sms == nil {
		return nil, errors.New("--sender-allow belongs to --ses, --sns or --sms-http: give one of them too")
	}
	if mail == nil && sms == nil {
		return nil, nil //nolint:nilnil // without the flags there is no sender
	}
	r := &delivery.Router{}
	if mail != nil {
		r.Email = mail
	}
	if sms != nil {
		r.SMS = sms
	}
	return r, nil
}

// sends reports whether a flag names something that sends messages.
func (f *senderFlags) sends() bool {
	return f.SMTP != "" || f.SES != "" || f.SMSHTTP != "" || f.SNS != ""
}

// sender returns what sends messages, or nil if the operator named nothing. With
// --insecure-log-codes, the log gets what nothing else sends.
func (c *serveCommand) sender(log *slog.Logger) (identity.Sender, error) {
	r, err := c.router()
	switch {
	case err != nil:
		return nil, err
	case r == nil && c.LogCodes:
		return identity.InsecureLogSender{Logger: log}, nil
	case r == nil:
		return nil, nil //nolint:nilnil // an engine without a sender refuses what owes a message
	case !c.LogCodes:
		return r, nil
	}
	if r.Email == nil {
		r.Email = identity.InsecureLogSender{Logger: log}
	}
	if r.SMS == nil {
		r.SMS = identity.InsecureLogSender{Logger: log}
	}
	return r, nil
}

// outbox turns the outbox on if anything but the log sends messages. Only one process can have a file open.
func (c *serveCommand) outbox(s identity.Sender) *identity.OutboxOptions {
	_, log := s.(identity.InsecureLogSender)
	if (s == nil || log) && !c.maySend() {
		return nil
	}
	return &identity.OutboxOptions{Alone: c.Store.file != ""}
}
