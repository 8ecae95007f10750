package delivery

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/mail"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"

	"github.com/cognate-id/cognate/identity"
)

// An envelope is a mail with the addresses that SMTP needs.
type envelope struct {
	from, to string
	sender   string // from, with its name
	utf8     bool   // whether an address is not ASCII
	msg      *gomail.Msg
}

// compose makes the mail of a message. The address and the name that it comes from are those of
// the pool, or else fallback.
func compose(m *identity.Message, fallback *mail.Address) (*envelope, error) {
	to, err := parseAddress(m.To)
	if err != nil || to.Name != "" {
		return nil, permanent("the address of the user is invalid")
	}
	from := fallback
	if m.From != "" {
		if from, err = parseAddress(m.From); err != nil {
			return nil, permanent("the pool has an invalid From")
		}
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithEncoding(gomail.EncodingQP))
	msg.FromMailAddress(from)
	msg.ToMailAddress(to)
	e := &envelope{from: from.Address, to: to.Address, sender: from.String(), msg: msg, utf8: !ascii(from.Address + to.Address)}
	if m.ReplyTo != "" {
		reply, err := parseAddress(m.ReplyTo)
		if err != nil {
			return nil, permanent("the pool has an invalid ReplyTo")
		}
		msg.ReplyToMailAddress(reply)
		e.utf8 = e.utf8 || !ascii(reply.Address)
	}
	msg.Subject(literal(oneLine(m.Subject)))
	at := m.Time
	if at.IsZero() {
		at = time.Now()
	}
	msg.SetDateWithValue(at)
	msg.SetMessageIDWithValue(messageID(m.ID, from.Address))
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	if !m.HTML {
		msg.SetBodyString(gomail.TypeTextPlain, m.Body)
		return e, nil
	}
	msg.SetBodyString(gomail.TypeTextPlain, plainText(m.Body))
	msg.AddAlternativeString(gomail.TypeTextHTML, m.Body)
	return e, nil
}

// parseAddress reads an address. It refuses control characters, which could end a line.
func parseAddress(s string) (*mail.Address, error) {
	a, err := mail.ParseAddress(s)
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(s+a.Address+a.Name, unicode.IsControl) || strings.ContainsAny(a.Address, "<> ") {
		return nil, permanent("the address has a control character, a bracket or a space")
	}
	return a, nil
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}

// literal encodes a header that looks as if it were encoded already. A user may have such a name,
// and a program that shows mail would decode it: to another name, or to several lines.
func literal(s string) string {
	if !strings.Contains(s, "=?") {
		return s
	}
	const most = 45 // bytes in one word, which has at most 75 characters
	var words []string
	for len(s) > 0 {
		n := min(most, len(s))
		for n < len(s) && !utf8.RuneStart(s[n]) {
			n--
		}
		words = append(words, "=?UTF-8?B?"+base64.StdEncoding.EncodeToString([]byte(s[:n]))+"?=")
		s = s[n:]
	}
	return strings.Join(words, " ")
}

// oneLine replaces what could end a header.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}

var plainID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// messageID is the same for each try of a message. So a mail that arrives twice is known as one.
func messageID(id, from string) string {
	domain := from[strings.LastIndexByte(from, '@')+1:]
	if !ascii(domain) {
		domain = "cognate.invalid"
	}
	return plainIdentifier(id) + "@" + domain
}

// plainIdentifier is the id of a message in letters and digits, or a new one if it has none.
func plainIdentifier(id string) string {
	switch {
	case id == "":
		return rand.Text()
	case !plainID.MatchString(id):
		sum := sha256.Sum256([]byte(id))
		return hex.EncodeToString(sum[:16])
	}
	return id
}
