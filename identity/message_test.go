package identity_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/memory"
)

// TestMessageInALogHasNoSecret logs a message as a careless program does.
func TestMessageInALogHasNoSecret(t *testing.T) {
	m := identity.Message{ID: "7", Kind: identity.MessageSignUpCode, Username: "jane", Code: "471147", Subject: "471147 is it", Body: "It is 471147"}
	for name, v := range map[string]any{"pointer": &m, "value": m, "slice": []identity.Message{m}, "map": map[string]*identity.Message{"m": &m}, "struct": struct{ M identity.Message }{m}} {
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("sent", "message", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("sent", "message", v)
		check(t, "Encode", json.NewEncoder(&log).Encode(v))
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			fmt.Fprintf(&log, verb, v)
		}
		if text := log.String(); strings.Contains(text, "471147") || strings.Count(text, "jane") != 8 {
			t.Errorf("%s: the log: %s", name, text)
		}
	}
}

// TestMailSaysWhomItIsFrom gives a sender what the settings of the pool say of mail.
func TestMailSaysWhomItIsFrom(t *testing.T) {
	arn := "arn:aws:ses:us-east-1:123456789012:identity/"
	for name, test := range map[string]struct {
		settings *identity.EmailSettings
		from     string
	}{
		"nothing":                  {nil, ""},
		"an address":               {&identity.EmailSettings{From: new("Acme <no-reply@acme.test>")}, "Acme <no-reply@acme.test>"},
		"an address of Amazon SES": {&identity.EmailSettings{SourceARN: new(arn + "no-reply@acme.test")}, "no-reply@acme.test"},
		"both":                     {&identity.EmailSettings{SourceARN: new(arn + "other@acme.test"), From: new("no-reply@acme.test")}, "no-reply@acme.test"},
		"a domain of Amazon SES":   {&identity.EmailSettings{SourceARN: new(arn + "acme.test")}, ""},
	} {
		f := newEngine(t)
		if test.settings != nil {
			test.settings.Account = new("DEVELOPER")
			test.settings.ReplyTo, test.settings.ConfigurationSet = new("help@acme.test"), new("codes")
			if test.settings.SourceARN == nil {
				test.settings.SourceARN = new(arn + "acme.test")
			}
		}
		pool := f.open(t, identity.PoolSettings{AutoVerified: []string{"email"}, Email: test.settings})
		f.signUp(t, pool, "alice", email)
		m := f.outbox.Messages(nil)[0]
		if m.From != test.from {
			t.Errorf("%s: from %q, want %q", name, m.From, test.from)
		}
		if set := test.settings != nil; set != (m.ReplyTo == "help@acme.test") || set != (m.ConfigurationSet == "codes") {
			t.Errorf("%s: reply to %q, configuration set %q", name, m.ReplyTo, m.ConfigurationSet)
		}
	}
}

// sendsOnly is a sender that sends by one medium.
type sendsOnly struct {
	identity.Sender
	medium identity.Medium
}

func (s sendsOnly) Sends(m identity.Medium) bool { return m == s.medium }

// TestASenderOfAnotherMedium signs nobody up who cannot get the code.
func TestASenderOfAnotherMedium(t *testing.T) {
	for medium, want := range map[identity.Medium]error{identity.MediumEmail: nil, identity.MediumSMS: identity.ErrNoSender} {
		f := newEngineWith(t, memory.New(), func(o *identity.Options) { o.Sender = sendsOnly{o.Sender, medium} })
		pool := f.open(t, identity.PoolSettings{AutoVerified: []string{"email"}})
		in := identity.SignUp{Username: "alice", Password: password, Attributes: map[string]string{"email": email}}
		_, err := pool.SignUp(t.Context(), in)
		wantErr(t, "a sign-up with a sender of "+string(medium), err, want)
		_, err = pool.Admin().Users().Get(t.Context(), "alice")
		if (err == nil) != (want == nil) {
			t.Errorf("%s: the user: %v", medium, err)
		}
	}
}

// TestANameIsNoMarkup signs a user up whose name is a link, in pools whose mail is HTML and is not.
func TestANameIsNoMarkup(t *testing.T) {
	name := `<a/href=//evil.test>here</a>&amp;`
	for template, want := range map[string]struct {
		body string
		html bool
	}{
		"Dear {username}: {####}":       {"Dear " + name + ": ", false},
		"A < B & C, {username}: {####}": {"A < B & C, " + name + ": ", false},
		"<p>{username}</p> {####}":      {"<p>&lt;a/href=//evil.test&gt;here&lt;/a&gt;&amp;amp;</p> ", true},
		"{username}&nbsp;{####}":        {"&lt;a/href=//evil.test&gt;here&lt;/a&gt;&amp;amp;&nbsp;", true},
	} {
		f := newEngine(t)
		pool := f.open(t, identity.PoolSettings{
			AutoVerified: []string{"email"}, Verification: &identity.VerificationTemplate{Email: &template},
		})
		f.signUp(t, pool, name, email)
		m := f.outbox.Messages(nil)[0]
		if m.HTML != want.html || m.Body != want.body+string(m.Code) {
			t.Errorf("%s: HTML %t, %s", template, m.HTML, m.Body)
		}
	}
}
