package delivery_test

import (
	"context"
	"encoding/json"
	"mime"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/delivery"
	"github.com/cognate-id/cognate/identity/internal/sigv4"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func awsOptions(endpoint string) *delivery.AWSOptions {
	return &delivery.AWSOptions{
		HTTPOptions: delivery.HTTPOptions{Clock: func() time.Time { return noon }}, Endpoint: endpoint, Region: "eu-west-1",
		KeyID: "AKIDEXAMPLE", Secret: password, From: "Acme <no-reply@acme.test>", SenderID: "ACME",
	}
}

// verify checks the signature of the last request.
func (w *web) verify(t *testing.T, service string) {
	t.Helper()
	v := sigv4.Verifier{
		Service: service, Regions: []string{"eu-west-1"}, Now: func() time.Time { return noon },
		Lookup: func(context.Context, string) (string, bool, error) { return password, true, nil },
	}
	if _, err := v.Verify(w.request, []byte(w.body)); err != nil {
		t.Error(err)
	}
}

func TestSES(t *testing.T) {
	w := newWeb(t)
	s, err := delivery.NewSES(awsOptions(w.URL))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m := letter("471147")
	m.ConfigurationSet = "tracked"
	if err := s.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	w.verify(t, "ses")
	var in struct {
		FromEmailAddress     string
		Destination          struct{ ToAddresses []string }
		Content              struct{ Raw struct{ Data []byte } }
		ConfigurationSetName string
	}
	if err := json.Unmarshal([]byte(w.body), &in); err != nil {
		t.Fatal(err)
	}
	if w.request.URL.Path != "/v2/email/outbound-emails" || in.FromEmailAddress != `"Acme" <no-reply@acme.test>` || in.ConfigurationSetName != "tracked" ||
		len(in.Destination.ToAddresses) != 1 || in.Destination.ToAddresses[0] != m.To {
		t.Errorf("%s: %+v", w.request.URL, in)
	}
	mail, err := readMail(string(in.Content.Raw.Data))
	if err != nil || mail.Header.Get("Message-Id") != "<m1@acme.test>" || mail.Header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("%s: %v", in.Content.Raw.Data, err)
	}
	if s.Sends(identity.MediumSMS) || !s.Sends(identity.MediumEmail) {
		t.Error("it sends by the wrong medium")
	}
	if e := failing(t, s, text("471147")); e != nil && e.Temporary {
		t.Errorf("a text message: %v", e)
	}
	w.status = 400
	for name, temporary := range map[string]bool{"MessageRejected": false, "BadRequestException": false, "SendingPausedException": true, "LimitExceededException": true} {
		w.header.Set("X-Amzn-Errortype", name+":http://internal.amazon.com/")
		if e := failing(t, s, m); e != nil && (e.Temporary != temporary || !strings.Contains(e.Error(), name)) {
			t.Errorf("%s: temporary %t: %v", name, e.Temporary, e)
		}
	}
	w.header.Del("X-Amzn-Errortype")
	testAnswers(t, w, s, letter)
}

func letter(code string) *identity.Message {
	m := text(code)
	m.Medium, m.To, m.Subject, m.Time = identity.MediumEmail, "alice@example.com", "Your code", noon
	return m
}

func TestSNS(t *testing.T) {
	w := newWeb(t)
	s, err := delivery.NewSNS(awsOptions(w.URL))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m := text("471147")
	m.Body = hostile
	if err := s.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	w.verify(t, "sns")
	in, err := url.ParseQuery(w.body)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Action": "Publish", "Version": "2010-03-31", "PhoneNumber": m.To, "Message": hostile,
		"MessageAttributes.entry.1.Name": "AWS.SNS.SMS.SMSType", "MessageAttributes.entry.1.Value.DataType": "String", "MessageAttributes.entry.1.Value.StringValue": "Transactional",
		"MessageAttributes.entry.2.Name": "AWS.SNS.SMS.SenderID", "MessageAttributes.entry.2.Value.StringValue": "ACME",
	} {
		if in.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, in.Get(name), want)
		}
	}
	w.status = 400
	for name, temporary := range map[string]bool{"InvalidParameter": false, "Throttling": true, "OptInRequired": true} {
		w.answer = "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>Sender</Type><Code>" + name + "</Code></Error></ErrorResponse>"
		if e := failing(t, s, m); e != nil && (e.Temporary != temporary || !strings.Contains(e.Error(), name)) {
			t.Errorf("%s: temporary %t: %v", name, e.Temporary, e)
		}
	}
	testMessages(t, s)
	testAnswers(t, w, s, text)
}

func TestAWSOptions(t *testing.T) {
	for name, test := range map[string]struct {
		edit func(*delivery.AWSOptions)
		want string // in the error; empty for none
	}{
		"a region":             {func(o *delivery.AWSOptions) { o.Endpoint = "" }, ""},
		"a region in China":    {func(o *delivery.AWSOptions) { o.Endpoint, o.Region = "", "cn-north-1" }, ""},
		"the endpoint's":       {func(o *delivery.AWSOptions) { o.Endpoint, o.Region = "https://sns.us-gov-west-1.amazonaws.com", "" }, ""},
		"no region":            {func(o *delivery.AWSOptions) { o.Endpoint, o.Region = "", "" }, "region"},
		"no region to sign":    {func(o *delivery.AWSOptions) { o.Endpoint, o.Region = "https://sns.example.com", "" }, "signed for"},
		"a region with a host": {func(o *delivery.AWSOptions) { o.Endpoint, o.Region = "", "evil.test/x-1" }, "region"},
		"no key":               {func(o *delivery.AWSOptions) { o.KeyID = "" }, "access key"},
		"no secret":            {func(o *delivery.AWSOptions) { o.Secret = "" }, "access key"},
		"http":                 {func(o *delivery.AWSOptions) { o.Endpoint = "http://sns.example.com" }, "http is for loopback"},
		"a path":               {func(o *delivery.AWSOptions) { o.Endpoint = "https://sns.example.com/x" }, "endpoint"},
		"a bad name":           {func(o *delivery.AWSOptions) { o.SenderID = "Acme & Co" }, "letters"},
		"a timeout":            {func(o *delivery.AWSOptions) { o.Timeout = -1 }, "timeout"},
	} {
		o := awsOptions("https://sns.example.com")
		test.edit(o)
		_, err := delivery.NewSNS(o)
		if (err == nil) != (test.want == "") || err != nil && (!strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), password)) {
			t.Errorf("%s: %v, want %q in it", name, err, test.want)
		}
	}
	o := awsOptions("https://email.example.com")
	o.From = ""
	if _, err := delivery.NewSES(o); err == nil {
		t.Error("SES without an address that mail comes from")
	}
}

// TestSubjectsAreNotDecodedTwice has subjects that look as if they were encoded.
func TestSubjectsAreNotDecodedTwice(t *testing.T) {
	w := newWeb(t)
	s, err := delivery.NewSES(awsOptions(w.URL))
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"Hello =?utf-8?q?eve=0D=0ABcc:x?=", "Hello =?utf-8?b?w6Q=?= " + strings.Repeat("ä", 60), "Hällo =?utf-8?q?=61?=", "Hello"} {
		m := letter("471147")
		m.Subject = subject
		if err := s.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		var in struct {
			Content struct{ Raw struct{ Data []byte } }
		}
		if err := json.Unmarshal([]byte(w.body), &in); err != nil {
			t.Fatal(err)
		}
		mail, err := readMail(string(in.Content.Raw.Data))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := new(mime.WordDecoder).DecodeHeader(mail.Header.Get("Subject")); err != nil || got != subject {
			t.Errorf("the subject %q is read as %q, %v", subject, got, err)
		}
	}
}

// TestEncodedSubjectsAreCutBetweenCharacters holds each word of a subject to 75 characters, and to whole
// characters: a program decodes each by itself.
func TestEncodedSubjectsAreCutBetweenCharacters(t *testing.T) {
	w := newWeb(t)
	s, err := delivery.NewSES(awsOptions(w.URL))
	if err != nil {
		t.Fatal(err)
	}
	m := letter("471147")
	m.Subject = "=?" + strings.Repeat("ä", 60) + "日本語" + strings.Repeat("x", 60)
	if err := s.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	var in struct {
		Content struct{ Raw struct{ Data []byte } }
	}
	if err := json.Unmarshal([]byte(w.body), &in); err != nil {
		t.Fatal(err)
	}
	mail, err := readMail(string(in.Content.Raw.Data))
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, word := range strings.Fields(mail.Header.Get("Subject")) {
		part, err := new(mime.WordDecoder).Decode(word)
		if err != nil || len(word) > 75 || !utf8.ValidString(part) || strings.ContainsRune(part, utf8.RuneError) {
			t.Errorf("the word %q of %d characters is read as %q, %v", word, len(word), part, err)
		}
		text += part
	}
	if text != m.Subject {
		t.Errorf("the subject is read as %q", text)
	}
}
