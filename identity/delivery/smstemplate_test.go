package delivery_test

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity/delivery"
)

var environment = map[string]string{"TOKEN": "t0k\"en+/", "ACCOUNT": "AC/1", "LOGIN": "user", "TRICK": "{text}", "LINES": "a\nb", "EMPTY": ""}

func lookup(name string) (string, bool) {
	v, ok := environment[name]
	return v, ok
}

func template(t *testing.T, text string) *delivery.SMSTemplate {
	t.Helper()
	s, err := delivery.NewSMSTemplate(text, &delivery.SMSTemplateOptions{Lookup: lookup})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// hostile is a text that ends whatever is not escaped.
const hostile = "a\"b\\c\n</text>&to=+1 {code} ${TOKEN} ü \u2028%"

// TestTemplatesEscape fills templates of each kind with a hostile text, and reads it back.
func TestTemplatesEscape(t *testing.T) {
	w := newWeb(t)
	for name, test := range map[string]struct {
		template string
		read     func(body string) (to, text string)
	}{
		"JSON": {"Content-Type: application/json\n\n{\"to\": \"{to}\", \"n\": {digits}, \"text\": \"{text}\", \"key\": \"${TOKEN}\"}\n", func(body string) (string, string) {
			var in struct{ To, Text, Key string }
			if err := json.Unmarshal([]byte(body), &in); err != nil || in.Key != environment["TOKEN"] {
				t.Errorf("%q: %v", body, err)
			}
			return in.To, in.Text
		}},
		"a form": {"Content-Type: application/x-www-form-urlencoded\n\nTo={to}&Key=${TOKEN}&Body={text}\n", func(body string) (string, string) {
			in, err := url.ParseQuery(body)
			if err != nil || in.Get("Key") != environment["TOKEN"] || len(in) != 3 {
				t.Errorf("%q: %v", body, err)
			}
			return in.Get("To"), in.Get("Body")
		}},
		"XML": {"Content-Type: text/xml; charset=utf-8\n\n<sms to=\"{to}\"><text>{text}</text></sms>\n", func(body string) (string, string) {
			var in struct {
				To   string `xml:"to,attr"`
				Text string `xml:"text"`
			}
			if err := xml.Unmarshal([]byte(body), &in); err != nil {
				t.Errorf("%q: %v", body, err)
			}
			return in.To, in.Text
		}},
		"plain text": {"Content-Type: text/plain\nX-To: {to}\n\n{text}", func(body string) (string, string) { return w.request.Header.Get("X-To"), body }},
	} {
		s := template(t, "POST "+w.URL+"/messages\n"+test.template)
		m := text("471147")
		m.Body = hostile
		if err := s.Send(t.Context(), m); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if to, got := test.read(w.body); to != m.To || got != hostile {
			t.Errorf("%s: to %q, text %q", name, to, got)
		}
	}
}

// TestTemplatesInURLs has everything in the URL and the headers.
func TestTemplatesInURLs(t *testing.T) {
	w := newWeb(t)
	s := template(t, "GET "+w.URL+"/${ACCOUNT}/{digits}/send?to={to}&text={text}&id={id}&trick=${TRICK}\nAuthorization: Basic ${LOGIN}:${TOKEN}\nIdempotency-Key: {id}\n")
	m := text("471147")
	m.Body, m.ID = hostile, "a b\r\nX: y"
	for range 2 {
		if err := s.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		q := w.request.URL.Query()
		user, pass, _ := w.request.BasicAuth()
		if w.request.Method != "GET" || w.request.URL.EscapedPath() != "/AC%2F1/14155550123/send" || q.Get("to") != m.To || q.Get("text") != hostile ||
			q.Get("trick") != "{text}" || len(q) != 4 || user != "user" || pass != environment["TOKEN"] {
			t.Errorf("%s, %s, %q", w.request.URL, user, pass)
		}
		const id = "9a34b27fbb1ea3dd1cbf5d5d9e3ed0f5"
		if len(q.Get("id")) != len(id) || q.Get("id") != w.request.Header.Get("Idempotency-Key") {
			t.Errorf("the id is %q, and in the header %q", q.Get("id"), w.request.Header.Get("Idempotency-Key"))
		}
	}
	if again := template(t, "GET "+w.URL+"/?to={to}&code={code}\n"); again.Send(t.Context(), m) != nil || w.request.URL.Query().Get("code") != "471147" {
		t.Errorf("%s has no code", w.request.URL)
	}
}

func TestBadTemplates(t *testing.T) {
	const good = "POST https://sms.test/\nContent-Type: application/json\n\n"
	for name, test := range map[string]struct{ template, want string }{
		"empty":                  {"", "METHOD URL"},
		"no URL":                 {"POST\n", "METHOD URL"},
		"another scheme":         {"POST ftp://sms.test/{to}/{text}\n", "METHOD URL"},
		"http":                   {"POST http://sms.test/{to}/{text}\n", "http is for loopback"},
		"a variable as host":     {"POST https://${ACCOUNT}.sms.test/{to}/{text}\n", "host"},
		"a placeholder as host":  {"POST https://{text}/{to}\n", "host"},
		"a password in the URL":  {"POST https://user:t0ken@sms.test/{to}/{text}\n", "password"},
		"an unknown placeholder": {good + `{"to":"{to}","text":"{message}"}`, "{message}"},
		"a variable not set":     {good + `{"to":"{to}","text":"{text}","key":"${NONE}"}`, "NONE"},
		"an empty variable":      {good + `{"to":"{to}","text":"{text}","key":"${EMPTY}"}`, "EMPTY"},
		"no recipient":           {good + `{"text":"{text}"}`, "{to}"},
		"no text":                {good + `{"to":"{to}"}`, "{text}"},
		"no quotes":              {good + `{"to":"{to}","text":{text}}`, "JSON"},
		"JSON with an error":     {good + `{"to":"{to}","text":"{text}"`, "JSON"},
		"XML with an error":      {"POST https://sms.test/\nContent-Type: text/xml\n\n<a>{to}{text}</b>", "XML"},
		"a body without a type":  {"POST https://sms.test/\n\n{to}{text}", "Content-Type"},
		"another type":           {"POST https://sms.test/\nContent-Type: application/octet-stream\n\n{to}{text}", "Content-Type"},
		"a text in a header":     {"POST https://sms.test/{to}\nX-Text: {text}\n", "header X-Text"},
		"lines in a header":      {"POST https://sms.test/{to}/{text}\nX-Key: ${LINES}\n", "line break"},
		"no header":              {"POST https://sms.test/{to}/{text}\nnonsense\n", "NAME: VALUE"},
		"the host as a header":   {"POST https://sms.test/{to}/{text}\nHost: other.test\n", "Host"},
	} {
		s, err := delivery.NewSMSTemplate(test.template, &delivery.SMSTemplateOptions{Lookup: lookup})
		if err == nil || s != nil && err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "t0k") {
			t.Errorf("%s: %v, want %q in it", name, err, test.want)
		}
	}
}

func TestAnswersToTemplates(t *testing.T) {
	w := newWeb(t)
	s := template(t, "POST "+w.URL+"/?to={to}&text={text}\n")
	testMessages(t, s)
	testAnswers(t, w, s, text)
}

// TestTemplatesOfTheDocs reads the templates that users copy.
func TestTemplatesOfTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/mail.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```http\n")[1:]
	if len(blocks) < 2 {
		t.Fatalf("%d templates", len(blocks))
	}
	for _, b := range blocks {
		b, _, _ = strings.Cut(b, "```")
		lookup := func(string) (string, bool) { return "secret", true }
		if _, err := delivery.NewSMSTemplate(b, &delivery.SMSTemplateOptions{Lookup: lookup}); err != nil {
			t.Errorf("%s%v", b, err)
		}
	}
}

// TestAnswersThatTellErrors has a provider that answers 200 to everything.
func TestAnswersThatTellErrors(t *testing.T) {
	answer := ""
	w := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, answer) }))
	defer w.Close()
	s, err := delivery.NewSMSTemplate("POST "+w.URL+"/?to={to}&text={text}\n", &delivery.SMSTemplateOptions{Expect: `"status":"0"`})
	if err != nil {
		t.Fatal(err)
	}
	for _, answer = range []string{`{"status":"0"}`, `{"status":"0","text":"Your code is 471147"}`} {
		if err := s.Send(t.Context(), text("471147")); err != nil {
			t.Errorf("%s: %v", answer, err)
		}
	}
	for _, answer = range []string{"", `{"status":"4","error":"no credit"}`, `{"status": "0"}`} {
		if e := failing(t, s, text("471147")); e != nil && (!e.Temporary || e.Code != http.StatusOK || e.Reply != answer) {
			t.Errorf("%s: %v, code %d, reply %q", answer, e, e.Code, e.Reply)
		}
	}
}
