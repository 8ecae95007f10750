package identity

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cognate-id/cognate/identity/hook"
)

// Messages with codes and invitations. A flow makes the text before or after its
// transaction and hands it to the Sender after the commit, never within. What a
// message says comes from the settings of the pool, and where these say nothing,
// from the service's texts.

// A Sender delivers messages to users. Send is called outside of any
// transaction, after the commit of what the message is about. The caller gets an
// error of Send as [ErrDelivery]. Send should put the message into a queue and
// return: the caller can measure how long it takes, and nothing is sent for a
// user who does not exist.
type Sender interface {
	Send(ctx context.Context, m *Message) error
}

// A MediumSender is a [Sender] that cannot send by every [Medium]. If it does not send by a
// medium, an operation that owes such a message returns [ErrNoSender] and changes nothing, as
// without a Sender.
type MediumSender interface {
	Sender
	// Sends reports whether messages are sent by the medium. It is the same for as long
	// as the engine runs.
	Sends(Medium) bool
}

// sends reports whether a sender, which may be nil, sends by a medium.
func sends(s Sender, m Medium) bool {
	if by, ok := s.(MediumSender); ok {
		return by.Sends(m)
	}
	return s != nil
}

// A Message is a code or an invitation on its way to a user.
type Message struct {
	ID       string      // unique, and the same at each try; empty if nothing has set it
	Time     time.Time   // when it was handed over
	Pool     string      // the id of the pool
	Client   string      // the app client that asked; empty for an operator
	Username string      // of the user
	To       string      // an address or a phone number
	Medium   Medium      // how it is sent
	Kind     MessageKind // why it is sent
	Code     Secret      // the code, or the temporary password of an invitation
	Subject  string      // of a mail
	Body     string      // the whole text, with the code in it
	HTML     bool        // whether Body is HTML; only of a mail

	// What the settings of the pool say of its mail. A Sender has defaults for what is empty.
	From             string // an address, with or without a name
	ReplyTo          string // the address that answers go to
	ConfigurationSet string // a name in Amazon SES
}

// addressed sets what the settings of a pool say of its mail. Without From, the identity of
// SourceARN is the address, if it is one and not a domain.
func (m *Message) addressed(e *EmailSettings) {
	if m.Medium != MediumEmail || e == nil {
		return
	}
	_, from, _ := strings.Cut(pick(e.SourceARN, nil, ""), ":identity/")
	if !strings.Contains(from, "@") {
		from = ""
	}
	m.From = pick(e.From, nil, from)
	m.ReplyTo, m.ConfigurationSet = pick(e.ReplyTo, nil, ""), pick(e.ConfigurationSet, nil, "")
}

// LogValue is the message without its secrets, for package slog: no code, and neither subject
// nor body, which have the code in them.
func (m Message) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", m.ID), slog.String("kind", string(m.Kind)), slog.String("pool", m.Pool),
		slog.String("username", m.Username), slog.String("medium", string(m.Medium)))
}

// Format writes the message without its secrets, whatever the verb.
func (m Message) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "message %s of kind %s for %s in %s", m.ID, m.Kind, m.Username, m.Pool)
}

// MarshalJSON writes "[redacted]" for code, subject and body, because logs write JSON. A
// Sender that puts messages in a queue reads the fields that it needs.
func (m Message) MarshalJSON() ([]byte, error) {
	type fields Message // without this method
	out := fields(m)
	out.Subject, out.Body = m.Code.String(), m.Code.String()
	return json.Marshal(out)
}

// redacted is what a provider or a hook said of a message, without its code, which it may quote. It has
// at most so many bytes.
func redacted(text string, code Secret, most int) string {
	if code != "" {
		text = strings.ReplaceAll(text, string(code), code.String())
	}
	return strings.ToValidUTF8(text[:min(len(text), most)], "")
}

// A MessageKind says why a message is sent.
type MessageKind string

// The kinds of messages.
const (
	MessageSignUpCode      MessageKind = "SignUp"
	MessageSignUpCodeAgain MessageKind = "ResendCode"
	MessageInvitation      MessageKind = "AdminCreateUser"
	MessageResetCode       MessageKind = "ForgotPassword"
	MessageNewAddressCode  MessageKind = "UpdateUserAttribute" // an address was changed
	MessageAddressCode     MessageKind = "VerifyUserAttribute" // a code was asked for
	MessageFactorCode      MessageKind = "Authentication"      // a first or a second factor of a sign-in

	// Notices carry no code. Pools with the setting Notices send them.
	MessagePasskeyAdded     MessageKind = "PasskeyAdded"     // a passkey was registered
	MessagePasskeyRemoved   MessageKind = "PasskeyRemoved"   // a passkey was deleted
	MessagePasswordChanged  MessageKind = "PasswordChanged"  // to the owner, whoever changed it
	MessageAddressChanged   MessageKind = "AddressChanged"   // to the previous address
	MessageFactorChanged    MessageKind = "FactorChanged"    // a second factor was set up, turned on or off
	MessageRecoveryCodeUsed MessageKind = "RecoveryCodeUsed" // a recovery code has signed the user in
	// MessageNewDevice tells of a sign-in from an address or a device that the account was
	// not signed in to from in the last 90 days. The first sign-in of an account sends none.
	MessageNewDevice        MessageKind = "NewDevice"
	MessageIdentityLinked   MessageKind = "IdentityLinked"   // an identity provider signs somebody in to the account from now on
	MessageIdentityUnlinked MessageKind = "IdentityUnlinked" // an identity provider no longer does
	// MessageAccountExists tells the owner of an address that somebody signed up with
	// it. Pools with the setting HideSignUp send it.
	MessageAccountExists MessageKind = "AccountExists"
)

// A MessageError says by which medium a message should have reached a user. It is
// [ErrNoSender] or [ErrDelivery].
type MessageError struct {
	Err    error  // ErrNoSender or ErrDelivery
	Medium Medium // of the message
	Cause  error  // the error of the [Sender], or ErrNoSMS; nil for ErrNoSender
}

// Error implements error.
func (e *MessageError) Error() string {
	text := e.Err.Error() + ": " + strings.ToLower(string(e.Medium))
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap makes Err and Cause visible to [errors.Is].
func (e *MessageError) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Err}
	}
	return []error{e.Err, e.Cause}
}

// An InsecureLogSender writes messages, codes and all, to a log instead of sending
// them: whoever reads the log can take accounts over. It is for development, and
// for trying an engine out before it has a way to send mail. It is the only Sender
// here that prints a code.
type InsecureLogSender struct {
	Logger *slog.Logger // that messages are written to; nil means slog.Default()
}

// Send writes the message to the log, as a warning.
func (s InsecureLogSender) Send(ctx context.Context, m *Message) error {
	log := s.Logger
	if log == nil {
		log = slog.Default()
	}
	log.WarnContext(ctx, "a message was not sent but written to this log with its code: protect the log", "kind", m.Kind, "pool", m.Pool, "username", m.Username,
		"to", m.To, "medium", m.Medium, "code", string(m.Code))
	return nil
}

// An Outbox keeps messages in memory instead of sending them: for tests and
// for a fake. It forgets the oldest beyond its size.
type Outbox struct {
	// Next, where it is set, gets each message too.
	Next Sender

	mu   sync.Mutex
	size int
	n    int
	kept []*Message
}

// NewOutbox returns an outbox that keeps up to size messages; 0 means 1,000.
func NewOutbox(size int) *Outbox {
	if size <= 0 {
		size = 1000
	}
	return &Outbox{size: size}
}

// Send keeps the message.
func (o *Outbox) Send(ctx context.Context, m *Message) error {
	o.mu.Lock()
	o.n++
	kept := *m
	kept.ID = strconv.Itoa(o.n)
	if len(o.kept) == o.size {
		o.kept = slices.Delete(o.kept, 0, 1)
	}
	o.kept = append(o.kept, &kept)
	o.mu.Unlock()
	if o.Next != nil {
		return o.Next.Send(ctx, &kept)
	}
	return nil
}

// Messages returns the messages that keep accepts, newest first; nil accepts all.
func (o *Outbox) Messages(keep func(*Message) bool) []*Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []*Message
	for _, m := range slices.Backward(o.kept) {
		if keep == nil || keep(m) {
			out = append(out, m)
		}
	}
	return out
}

// LastCode returns the newest code sent to a username or an address, or "".
func (o *Outbox) LastCode(to string) string {
	for _, m := range o.Messages(func(m *Message) bool { return m.Username == to || m.To == to }) {
		return string(m.Code)
	}
	return ""
}

// Clear forgets all messages.
func (o *Outbox) Clear() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept = nil
}

// The places of the code and of the name in a text.
const (
	codePlaceholder = "{####}"
	namePlaceholder = "{username}"
)

// verificationMessage is the message that carries a code to the address that it is bound to.
// Words of a hook come before those of the pool.
func (s *scope) verificationMessage(u *User, kind MessageKind, c *code, words hook.CustomMessageDecision, text string, now time.Time) *Message {
	v := s.settings.Verification
	if v == nil {
		v = &VerificationTemplate{}
	}
	own := wordsFor(s.settings, u, kind)
	body, subject := pick(v.SMS, s.settings.SMSVerificationMessage, own.body), ""
	if medium(c.Attribute) == MediumEmail {
		body = pick(v.Email, s.settings.EmailVerificationMessage, own.body)
		subject = pick(v.Subject, s.settings.EmailVerificationSubject, own.subject)
	}
	m := &Message{
		Time: now, Pool: s.pool.ID, Client: s.client.ID, Username: u.Username,
		To: c.Value, Medium: medium(c.Attribute), Kind: kind, Code: Secret(text),
	}
	link := ""
	if s.points().linksTo(kind, m.Medium) {
		link = s.link(u, text)
	}
	own = wordsFor(s.settings, u, linkWords)
	linkSubject := cmp.Or(words.Subject, pick(v.SubjectByLink, nil, own.subject))
	switch {
	case link != "" && words.Body == "":
		m.fillLink(linkSubject, pick(v.EmailByLink, nil, own.body), u.Username, link)
	case link != "" && linkForm.MatchString(words.Body):
		m.fillLink(linkSubject, words.Body, u.Username, link)
	default:
		m.fill(cmp.Or(words.Subject, subject), cmp.Or(words.Body, body), u.Username)
	}
	return m
}

// signInMessage is the message that carries the second factor of a sign-in.
func (s *scope) signInMessage(u *User, d *CodeDelivery, words codeWords, code string, now time.Time) *Message {
	m := &Message{
		Time: now, Pool: s.pool.ID, Client: s.client.ID, Username: u.Username,
		To: u.Attributes[d.Attribute], Medium: d.Medium, Kind: MessageFactorCode, Code: Secret(code),
	}
	m.fill(words.subject, words.body, u.Username)
	return m
}

// invitation is the message that carries a temporary password.
func (a *Admin) invitation(p *PoolInfo, u *User, attribute string, words hook.CustomMessageDecision, password string, now time.Time) *Message {
	t := p.Settings.Invitation
	if t == nil {
		t = &MessageTemplate{}
	}
	m := &Message{
		Time: now, Pool: p.ID, Username: u.Username, To: u.Attributes[attribute],
		Medium: medium(attribute), Kind: MessageInvitation, Code: Secret(password),
	}
	name := u.Username
	if len(p.Settings.UsernameAttributes) > 0 {
		name = m.To // the sub means nothing to its owner
	}
	own, template := wordsFor(&p.Settings, u, MessageInvitation), t
	if password == "" { // and so templates, which tell a password, are of no use
		own, template = wordsFor(&p.Settings, u, welcomeWords), &MessageTemplate{}
	}
	body, subject := pick(template.SMS, nil, own.body), ""
	if m.Medium == MediumEmail {
		body = pick(template.Email, nil, own.body)
		subject = cmp.Or(words.Subject, pick(template.Subject, nil, own.subject))
	}
	m.fill(subject, cmp.Or(words.Body, body), name)
	return m
}

func pick(first, second *string, fallback string) string {
	switch {
	case first != nil:
		return *first
	case second != nil:
		return *second
	}
	return fallback
}

// markup is what makes a template HTML: a tag, or a character by its name or number.
var markup = regexp.MustCompile(`<[a-zA-Z/!]|&(?:[a-zA-Z][a-zA-Z0-9]*|#[0-9]+|#x[0-9a-fA-F]+);`)

// fill writes a name and the code into templates. Whether a mail is HTML depends on its template
// alone. In HTML, name and code are escaped: a user chooses the name, and could otherwise put
// links into a mail that this pool sends to somebody else.
func (m *Message) fill(subject, body, username string) {
	m.Subject = fillIn(subject, username, string(m.Code))
	m.HTML = m.Medium == MediumEmail && markup.MatchString(body)
	if m.HTML {
		m.Body = fillIn(body, html.EscapeString(username), html.EscapeString(string(m.Code)))
		return
	}
	m.Body = fillIn(body, username, string(m.Code))
}

func fillIn(text, username, code string) string {
	return strings.NewReplacer(codePlaceholder, code, namePlaceholder, username).Replace(text)
}
