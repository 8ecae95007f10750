package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/cognate-id/cognate/identity/delivery"
)

// smtpPassword is the variable that has the password of the SMTP server, if no file has it.
const smtpPassword = "COGNATE_SMTP_PASSWORD"

// mailFlags say how mail is sent.
type mailFlags struct {
	SES          string `name:"ses" placeholder:"REGION" help:"Send mail by the API of Amazon SES in this region, such as eu-west-1, or at this URL. The key is in the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."`
	SMTP         string `name:"smtp" placeholder:"URL" help:"Send mail by this server: smtp://USER@HOST:PORT with STARTTLS, or smtps://USER@HOST:PORT. The password is in the variable COGNATE_SMTP_PASSWORD, or in the file that --smtp-password-file names."`
	MailFrom     string `name:"mail-from" placeholder:"ADDRESS" help:"The address that mail comes from, such as \"Acme <no-reply@acme.test>\", for pools that have none of their own."`
	PasswordFile string `name:"smtp-password-file" placeholder:"FILE" help:"File with the password of the SMTP server."`
	ClearText    bool   `name:"insecure-smtp-clear-text" help:"Send mail without TLS, to a server on this machine only."`
}

// mail returns the sender of mail, or nil without --smtp and --ses. allow are the hosts that
// may have a private address.
func (f *mailFlags) mail(allow []string) (deliverer, error) {
	switch {
	case f.SMTP != "" && f.SES != "":
		return nil, errors.New("--smtp, --ses: mail is sent by one of them: give one")
	case f.SES != "" && (f.PasswordFile != "" || f.ClearText):
		return nil, errors.New("--smtp-password-file and --insecure-smtp-clear-text belong to --smtp, and mail is sent by --ses")
	case f.SMTP == "" && f.SES == "" && (f.MailFrom != "" || f.PasswordFile != "" || f.ClearText):
		return nil, errors.New("--smtp: name the server that sends mail, such as smtp://user@smtp.example.com:587, or give --ses")
	case f.SMTP != "":
		return f.smtp()
	case f.SES != "":
		return f.ses(allow)
	}
	return nil, nil //nolint:nilnil // without the flags there is no sender
}

func (f *mailFlags) smtp() (deliverer, error) {
	o, err := f.options()
	if err != nil {
		return nil, err
	}
	if o.Username != "" {
		if o.Password, err = f.password(); err != nil {
			return nil, err
		}
	}
	s, err := delivery.NewSMTP(o)
	if err != nil {
		return nil, fmt.Errorf("--smtp: %w", err)
	}
	return s, nil
}

func (f *mailFlags) ses(allow []string) (deliverer, error) {
	if f.MailFrom == "" {
		return nil, errNoFrom
	}
	o := awsOptions(f.SES, allow)
	o.From = f.MailFrom
	s, err := delivery.NewSES(o)
	if err != nil {
		return nil, awsError("--ses", err)
	}
	return s, nil
}

var errNoFrom = errors.New("--mail-from: give the address that mail comes from, such as \"Acme <no-reply@acme.test>\"")

// options reads the URL of the server. Its text may have a password, so no error shows it.
func (f *mailFlags) options() (*delivery.SMTPOptions, error) {
	u, err := url.Parse(f.SMTP)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return nil, errors.New("--smtp: give smtp://USER@HOST:PORT or smtps://USER@HOST:PORT")
	}
	if _, given := u.User.Password(); given {
		return nil, fmt.Errorf("--smtp: other users of this machine see the command line: put the password into the variable %s, or into a file for --smtp-password-file", smtpPassword)
	}
	if f.MailFrom == "" {
		return nil, errNoFrom
	}
	o := &delivery.SMTPOptions{Host: u.Hostname(), Username: u.User.Username(), From: f.MailFrom, ImplicitTLS: u.Scheme == "smtps", InsecureClearText: f.ClearText}
	if port := u.Port(); port != "" {
		if o.Port, err = strconv.Atoi(port); err != nil || o.Port == 0 {
			return nil, errors.New("--smtp: the port is invalid")
		}
	}
	return o, nil
}

func (f *mailFlags) password() (string, error) {
	text := os.Getenv(smtpPassword)
	if f.PasswordFile != "" {
		b, err := os.ReadFile(f.PasswordFile)
		if err != nil {
			return "", fmt.Errorf("--smtp-password-file: %w", err)
		}
		text = strings.TrimRight(string(b), "\r\n")
	}
	if text == "" {
		return "", fmt.Errorf("--smtp: there is no password: set the variable %s, or give --smtp-password-file", smtpPassword)
	}
	return text, nil
}
