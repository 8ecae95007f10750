package delivery

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/cognate-id/cognate/identity"
)

// SMSTemplateOptions configure [NewSMSTemplate]. The zero value and nil are good.
type SMSTemplateOptions struct {
	HTTPOptions

	// Expect is a text that an answer of 2xx has if the provider has taken the message, such as
	// "status":"0". It is for providers that tell errors in such answers. Without the
	// text the message is tried again, as after a 5xx. Empty means that 2xx is enough.
	Expect string
	// Lookup returns the value of ${NAME}. Nil means os.LookupEnv.
	Lookup func(name string) (value string, ok bool)
}

// An SMSTemplate sends text messages by an HTTP request of any form. It is safe for concurrent
// use.
type SMSTemplate struct {
	*provider

	method  string
	url     text
	headers []header
	body    text
}

type header struct {
	name  string
	value text
}

// NewSMSTemplate returns a sender that makes its request from a template. The template is the
// text of a request: the method and the URL, a line for each header, an empty line, and the body.
//
//	POST https://sms.example.com/v1/messages
//	Authorization: Bearer ${SMS_TOKEN}
//	Content-Type: application/json
//
//	{"to": "{to}", "text": "{text}"}
//
// ${NAME} is a value of the environment. Placeholders are {to}, the phone number such as
// +14155550100; {digits}, the number without +; {text}, the text of the message; {code}, the
// code in it, empty in a notice; and {id}, which is the same at each try of one message. Each
// value is escaped for its place: in a URL, by percent signs; in a body, by the Content-Type, which
// is application/json, application/x-www-form-urlencoded, application/xml, text/xml or text/plain. In
// a header stand only {to}, {digits}, {id} and ${NAME}. The host stands there as it is.
//
// The value of "Authorization: Basic USER:PASSWORD" is encoded.
//
// An answer of 2xx means that the provider has taken the message, if it has the text of
// SMSTemplateOptions.Expect. NewSMSTemplate returns an error
// if the template is malformed, or a variable is not set.
func NewSMSTemplate(template string, o *SMSTemplateOptions) (*SMSTemplate, error) {
	if o == nil {
		o = &SMSTemplateOptions{}
	}
	lookup := o.Lookup
	if lookup == nil {
		lookup = os.LookupEnv
	}
	s, err := parseTemplate(template, lookup)
	if err != nil {
		return nil, fmt.Errorf("delivery: the template of text messages: %w", err)
	}
	u, err := s.check()
	if err != nil {
		return nil, fmt.Errorf("delivery: the template of text messages: %w", err)
	}
	if s.provider, err = newProvider(u, &o.HTTPOptions); err != nil {
		return nil, err
	}
	s.expect = o.Expect
	return s, nil
}

var (
	firstLine  = regexp.MustCompile(`^([A-Z]+) (https?://\S+)$`)
	headerName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
)

func parseTemplate(template string, lookup func(string) (string, bool)) (*SMSTemplate, error) {
	s := &SMSTemplate{}
	head, body, _ := strings.Cut(strings.TrimLeft(strings.ReplaceAll(template, "\r\n", "\n"), "\n"), "\n\n")
	lines := bufio.NewScanner(strings.NewReader(head))
	lines.Buffer(nil, len(head)+1)
	lines.Scan()
	first := firstLine.FindStringSubmatch(strings.TrimSpace(lines.Text()))
	if first == nil {
		return nil, errors.New("the first line is not METHOD URL, such as POST https://sms.example.com/messages")
	}
	s.method = first[1]
	var err error
	if s.url, err = parseURL(first[2], lookup); err != nil {
		return nil, err
	}
	escape := escaper(nil)
	for lines.Scan() {
		h, err := parseHeader(lines.Text(), lookup)
		if err != nil {
			return nil, err
		}
		if http.CanonicalHeaderKey(h.name) == "Content-Type" {
			escape = escaperOf(h.value.literal())
		}
		s.headers = append(s.headers, *h)
	}
	body = strings.TrimSuffix(body, "\n")
	if body != "" && escape == nil {
		return nil, errors.New("give the Content-Type of the body: application/json, application/x-www-form-urlencoded, application/xml, text/xml or text/plain")
	}
	if s.body, err = parseText(body, escape, lookup); err != nil {
		return nil, fmt.Errorf("the body: %w", err)
	}
	return s, nil
}

// parseURL keeps the host as it is: a host that a message or the environment could choose
// would be no address of the operator's.
func parseURL(raw string, lookup func(string) (string, bool)) (text, error) {
	scheme, rest, _ := strings.Cut(raw, "://")
	host, _, _ := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, "?")
	if strings.ContainsAny(host, "{}$@") {
		return nil, errors.New("the host has a placeholder, a variable or a password in it: write the host down, and give passwords in a header")
	}
	t, err := parseText(strings.TrimPrefix(raw, scheme+"://"+host), percent, lookup)
	if err != nil {
		return nil, fmt.Errorf("the URL: %w", err)
	}
	return append(text{{literal: scheme + "://" + host}}, t...), nil
}

func parseHeader(line string, lookup func(string) (string, bool)) (*header, error) {
	name, value, ok := strings.Cut(line, ":")
	if !ok || !headerName.MatchString(name) {
		return nil, errors.New("a line above the body is not NAME: VALUE")
	}
	if strings.EqualFold(name, "Host") || strings.EqualFold(name, "Content-Length") || strings.EqualFold(name, "Transfer-Encoding") {
		return nil, fmt.Errorf("leave out the header %s", name)
	}
	t, err := parseText(strings.TrimSpace(value), plain, lookup)
	if err != nil {
		return nil, fmt.Errorf("the header %s: %w", name, err)
	}
	for _, p := range t {
		if p.name == "text" || p.name == "code" {
			return nil, fmt.Errorf("the header %s: {%s} cannot be in a header", name, p.name)
		}
		if strings.ContainsFunc(p.literal, func(r rune) bool { return r < ' ' || r > '~' }) {
			return nil, fmt.Errorf("the header %s has a character that headers cannot have: perhaps there is a line break at the end of a variable", name)
		}
	}
	return &header{name, basic(name, t)}, nil
}

// basic encodes USER:PASSWORD. What is encoded already has no colon.
func basic(name string, t text) text {
	if !strings.EqualFold(name, "Authorization") {
		return t
	}
	scheme, login, _ := strings.Cut(t.literal(), " ")
	if !strings.EqualFold(scheme, "Basic") || !strings.Contains(login, ":") {
		return t
	}
	return text{{literal: "Basic " + base64.StdEncoding.EncodeToString([]byte(strings.TrimSpace(login)))}}
}

// An escaper escapes a value for its place.
type escaper func(string) string

func plain(s string) string { return s }

// percent escapes for a path, a query and a form alike.
func percent(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func inJSON(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string can be encoded
	quoted := strings.TrimSuffix(b.String(), "\n")
	return quoted[1 : len(quoted)-1]
}

func inXML(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder takes everything
	return b.String()
}

// escaperOf returns the escaper of a Content-Type, or nil if there is none.
func escaperOf(contentType string) escaper {
	kind, _, _ := mime.ParseMediaType(contentType)
	switch {
	case kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json"):
		return inJSON
	case kind == "application/x-www-form-urlencoded":
		return percent
	case kind == "application/xml" || kind == "text/xml":
		return inXML
	case kind == "text/plain":
		return plain
	}
	return nil
}

// A text is a part of a template, taken apart. Values of the environment are literals in it, so
// that a placeholder in such a value is none.
type text []part

// A part is a literal, or else a placeholder.
type part struct {
	literal string
	name    string  // such as "to"
	escape  escaper // of the value
}

// literal is the text without placeholders.
func (t text) literal() string {
	var b strings.Builder
	for _, p := range t {
		b.WriteString(p.literal)
	}
	return b.String()
}

var token = regexp.MustCompile(`\$\{([^}\n]*)\}|\{([a-z_]+)\}`)

func parseText(s string, escape escaper, lookup func(string) (string, bool)) (t text, err error) {
	rest := 0
	for _, at := range token.FindAllStringSubmatchIndex(s, -1) {
		t = append(t, part{literal: s[rest:at[0]]})
		rest = at[1]
		if at[2] < 0 {
			name := s[at[4]:at[5]]
			if !known(name) {
				return nil, fmt.Errorf("the placeholder {%s} is unknown: there are {to}, {digits}, {text}, {code} and {id}", name)
			}
			t = append(t, part{name: name, escape: escape})
			continue
		}
		name := s[at[2]:at[3]]
		value, ok := lookup(name)
		if !ok || value == "" {
			return nil, fmt.Errorf("the variable %s is not set in the environment", name)
		}
		t = append(t, part{literal: escape(value)})
	}
	return append(t, part{literal: s[rest:]}), nil
}

func known(name string) bool {
	_, ok := valuesOf(&identity.Message{})[name]
	return ok
}

// valuesOf are the values of the placeholders.
func valuesOf(m *identity.Message) map[string]string {
	return map[string]string{
		"to": m.To, "digits": strings.TrimPrefix(m.To, "+"), "text": m.Body, "code": string(m.Code), "id": m.ID,
	}
}

func (t text) fill(values map[string]string) string {
	var b strings.Builder
	for _, p := range t {
		if p.name == "" {
			b.WriteString(p.literal)
			continue
		}
		b.WriteString(p.escape(values[p.name]))
	}
	return b.String()
}

// holds reports whether one of the placeholders is in the request.
func (s *SMSTemplate) holds(names ...string) bool {
	for _, t := range append([]text{s.url, s.body}, s.values()...) {
		for _, p := range t {
			for _, name := range names {
				if p.name == name {
					return true
				}
			}
		}
	}
	return false
}

func (s *SMSTemplate) values() (all []text) {
	for _, h := range s.headers {
		all = append(all, h.value)
	}
	return all
}

// check fills the template for a message with all that must be escaped, and returns the URL.
func (s *SMSTemplate) check() (*url.URL, error) {
	if !s.holds("to", "digits") {
		return nil, errors.New("there is no {to} and no {digits}: nobody would get the message")
	}
	if !s.holds("text", "code") {
		return nil, errors.New("there is no {text} and no {code}: the message would say nothing")
	}
	values := valuesOf(&identity.Message{To: "+14155550100", Body: "a \"b\"\\\n<c>&", Code: "123456", ID: "1"})
	u, err := url.Parse(s.url.fill(values))
	if err != nil || u.Host == "" || u.Fragment != "" {
		return nil, errors.New("the URL is malformed")
	}
	body := []byte(s.body.fill(values))
	switch kind, _, _ := mime.ParseMediaType(s.contentType()); {
	case len(body) == 0:
	case strings.HasSuffix(kind, "json") && !json.Valid(body):
		return nil, errors.New("the body is no JSON: put placeholders between quotes, such as {\"to\": \"{to}\"}")
	case strings.HasSuffix(kind, "xml") && !validXML(body):
		return nil, errors.New("the body is no XML")
	}
	return u, nil
}

func (s *SMSTemplate) contentType() string {
	for _, h := range s.headers {
		if strings.EqualFold(h.name, "Content-Type") {
			return h.value.literal()
		}
	}
	return ""
}

func validXML(b []byte) bool {
	d := xml.NewDecoder(bytes.NewReader(b))
	for {
		if _, err := d.Token(); err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}

// Sends reports whether the medium is SMS.
func (s *SMSTemplate) Sends(m identity.Medium) bool { return m == identity.MediumSMS }

// Send gives the message to the provider.
func (s *SMSTemplate) Send(ctx context.Context, m *identity.Message) error {
	_, err := s.Deliver(ctx, m)
	return err
}

// Deliver gives the message to the provider, and returns what that answered.
func (s *SMSTemplate) Deliver(ctx context.Context, m *identity.Message) (*Receipt, error) {
	if err := sendable(m); err != nil {
		return nil, err
	}
	values := valuesOf(m)
	values["id"] = plainIdentifier(m.ID)
	u, err := url.Parse(s.url.fill(values))
	if err != nil {
		return nil, permanent("the URL is malformed")
	}
	req, err := s.request(ctx, s.method, u, []byte(s.body.fill(values)))
	if err != nil {
		return nil, err
	}
	for _, h := range s.headers {
		req.Header.Set(h.name, h.value.fill(values))
	}
	return s.call(req, m, byStatus)
}

// Close closes the connections that are idle.
func (s *SMSTemplate) Close() { s.client.Close() }
