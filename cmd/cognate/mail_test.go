package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMailFlags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("s3cr3t\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const from = "Acme <no-reply@acme.test>"
	for name, test := range map[string]struct {
		flags   mailFlags
		env     string
		problem string // in the error; empty for none
	}{
		"nothing":             {mailFlags{}, "", ""},
		"a variable":          {mailFlags{SMTP: "smtp://acme@smtp.test:587", MailFrom: from}, "s3cr3t", ""},
		"a file":              {mailFlags{SMTP: "smtps://acme%40x@smtp.test", MailFrom: from, PasswordFile: file}, "", ""},
		"no user":             {mailFlags{SMTP: "smtp://127.0.0.1:25", MailFrom: from, ClearText: true}, "", ""},
		"no password":         {mailFlags{SMTP: "smtp://acme@smtp.test", MailFrom: from}, "", "no password"},
		"no such file":        {mailFlags{SMTP: "smtp://acme@smtp.test", MailFrom: from, PasswordFile: file + "x"}, "", "--smtp-password-file"},
		"password in the URL": {mailFlags{SMTP: "smtp://acme:s3cr3t@smtp.test", MailFrom: from}, "", "command line"},
		"invalid URL":         {mailFlags{SMTP: "smtp://acme:s3cr3t@smtp.test:x", MailFrom: from}, "", "smtp://USER@HOST:PORT"},
		"another scheme":      {mailFlags{SMTP: "https://smtp.test", MailFrom: from}, "", "smtp://USER@HOST:PORT"},
		"no from":             {mailFlags{SMTP: "smtp://acme@smtp.test"}, "s3cr3t", "--mail-from"},
		"a bad from":          {mailFlags{SMTP: "smtp://acme@smtp.test", MailFrom: "acme"}, "s3cr3t", "invalid"},
		"both kinds":          {mailFlags{SMTP: "smtps://acme@smtp.test", MailFrom: from, ClearText: true}, "s3cr3t", "choose one"},
		"no server":           {mailFlags{MailFrom: from}, "", "--smtp"},
	} {
		t.Setenv(smtpPassword, test.env)
		sender, err := test.flags.mail(nil)
		if test.problem == "" {
			if err != nil || (sender != nil) != (test.flags.SMTP != "") {
				t.Errorf("%s: %v, %v", name, sender, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), test.problem) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v, want %q in it", name, err, test.problem)
		}
	}
}
