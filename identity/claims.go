package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/token"
)

// The claims of a token are a list. The engine adds its own claims in the order
// of the service, a hook may then change those that are not reserved, and
// encode writes the list once, into one buffer.

// claims are the claims of one token, in the order in which they are encoded.
type claims struct {
	use  token.Use
	list []claim
}

// A claim is a name with a value. Its kind says which of the other fields has the value.
type claim struct {
	name  string
	kind  claimKind
	text  string
	num   int64
	words []string
}

type claimKind int

const (
	claimText    claimKind = iota + 1 // text is a string
	claimNumber                       // num is a whole number
	claimBool                         // num is 1 for true and 0 for false
	claimWords                        // words are an array of strings
	claimAddress                      // text is the member "formatted" of an object
	claimRaw                          // text is JSON
)

// roomForClaims is for the claims that most tokens have, the attributes aside.
const roomForClaims = 14

func newClaims(use token.Use, attributes int) *claims {
	return &claims{use, make([]claim, 0, roomForClaims+attributes)}
}

func (c *claims) str(name, value string) {
	c.list = append(c.list, claim{name: name, kind: claimText, text: value})
}

// option adds a string, or nothing if the string is empty.
func (c *claims) option(name, value string) {
	if value != "" {
		c.str(name, value)
	}
}

func (c *claims) num(name string, n int64) {
	c.list = append(c.list, claim{name: name, kind: claimNumber, num: n})
}

func (c *claims) bool(name string, value bool) {
	cl := claim{name: name, kind: claimBool}
	if value {
		cl.num = 1
	}
	c.list = append(c.list, cl)
}

// words adds an array of strings, or nothing if there are none.
func (c *claims) words(name string, values []string) {
	if len(values) > 0 {
		c.list = append(c.list, claim{name: name, kind: claimWords, words: values})
	}
}

// attribute adds an attribute of the user in the type that its claim has.
func (c *claims) attribute(name, value string) {
	switch name {
	case "email_verified", "phone_number_verified":
		c.bool(name, value == "true")
	case "updated_at":
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			c.num(name, n)
		}
	case "address":
		c.list = append(c.list, claim{name: name, kind: claimAddress, text: value})
	case "sub", "identities": // never from an attribute: sub is a claim of the engine
	default:
		c.str(name, value)
	}
}

// apply makes the changes of a hook to the claims that are not reserved, and
// leaves the reserved claims as they are. A claim that is there keeps its place,
// a new one comes last, and Suppress wins over Set. It returns an error for a
// value that the claim cannot have.
func (c *claims) apply(changes hook.Claims) error {
	for _, name := range sortedKeys(changes.Set) {
		if !c.changeable(name) {
			continue
		}
		if err := c.set(name, changes.Set[name]); err != nil {
			return fmt.Errorf("claim %q: %w", name, err)
		}
	}
	for _, name := range changes.Suppress {
		if c.changeable(name) {
			c.list = slices.DeleteFunc(c.list, func(cl claim) bool { return cl.name == name })
		}
	}
	return nil
}

// changeable reports whether a hook may set or suppress a claim. The lists are
// the service's, for ID tokens and for access tokens (those unsure). The scope
// of an access token changes with the grant only.
func (c *claims) changeable(name string) bool {
	switch name {
	case "acr", "amr", "at_hash", "auth_time", "azp", "exp", "iat", "iss", "jti", "nbf", "nonce", "origin_jti", "sub", "token_use":
		return false
	case "cognito:username", "identities":
		return c.use == token.UseAccess
	case "client_id", "device_key", "event_id", "scope", "username", "version":
		return c.use == token.UseID
	case "aud":
		// An access token may get the client as its audience. An audience that
		// it has, or any of an ID token, stays.
		return c.use == token.UseAccess && !slices.ContainsFunc(c.list, func(cl claim) bool { return cl.name == name })
	}
	return true
}

// Errors of values that a hook gives to a claim.
var (
	errClaimValue    = errors.New("the value is not JSON, or null")
	errClaimType     = errors.New("the claim cannot have a value of this type")
	errClaimAudience = errors.New("the audience is not the client")
)

func (c *claims) set(name string, value json.RawMessage) error {
	if !json.Valid(value) || !utf8.Valid(value) {
		return errClaimValue
	}
	var v any
	if err := json.Unmarshal(value, &v); err != nil || v == nil {
		return errClaimValue
	}
	if err := c.checkValue(name, v); err != nil {
		return err
	}
	cl := claim{name: name, kind: claimRaw, text: string(value)}
	if i := slices.IndexFunc(c.list, func(old claim) bool { return old.name == name }); i >= 0 {
		c.list[i] = cl
		return nil
	}
	c.list = append(c.list, cl)
	return nil
}

// checkValue refuses what the service refuses, and what no reader of tokens,
// [token.Parse] among them, would take in this claim.
func (c *claims) checkValue(name string, v any) error {
	switch name {
	case "email_verified", "phone_number_verified", "updated_at", "address":
		switch v.(type) {
		case []any, map[string]any:
			return errClaimType
		}
	case "event_id":
		if _, ok := v.(string); !ok {
			return errClaimType
		}
	case "cognito:groups":
		all, ok := v.([]any)
		if !ok || slices.ContainsFunc(all, func(v any) bool { _, ok := v.(string); return !ok }) {
			return errClaimType
		}
	case "aud":
		if v != c.client() {
			return errClaimAudience
		}
	}
	return nil
}

// client is the value of client_id.
func (c *claims) client() string {
	for _, cl := range c.list {
		if cl.name == "client_id" {
			return cl.text
		}
	}
	return ""
}

// encode returns the claims as a JSON object.
func (c *claims) encode() ([]byte, error) {
	buf := append(make([]byte, 0, 1024), '{')
	for i := range c.list {
		if i > 0 {
			buf = append(buf, ',')
		}
		cl := &c.list[i]
		buf = append(appendQuoted(buf, cl.name), ':')
		switch cl.kind {
		case claimText:
			buf = appendQuoted(buf, cl.text)
		case claimNumber:
			buf = strconv.AppendInt(buf, cl.num, 10)
		case claimBool:
			buf = strconv.AppendBool(buf, cl.num != 0)
		case claimWords:
			buf = appendWords(buf, cl.words)
		case claimAddress:
			buf = append(appendQuoted(append(buf, `{"formatted":`...), cl.text), '}')
		case claimRaw:
			buf = append(buf, cl.text...)
		default:
			return nil, fmt.Errorf("claim %q is of the unknown kind %d", cl.name, cl.kind)
		}
	}
	return append(buf, '}'), nil
}

func appendWords(buf []byte, words []string) []byte {
	buf = append(buf, '[')
	for i, w := range words {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = appendQuoted(buf, w)
	}
	return append(buf, ']')
}

// appendQuoted appends s as a JSON string, as encoding/json writes it. Most
// strings in tokens need no escapes and are copied.
func appendQuoted(buf []byte, s string) []byte {
	for i := range len(s) {
		if b := s[i]; b < ' ' || b >= utf8.RuneSelf || b == '"' || b == '\\' || b == '<' || b == '>' || b == '&' {
			return append(buf, quote(s)...)
		}
	}
	return append(append(append(buf, '"'), s...), '"')
}

// quote is s as a JSON string.
func quote(s string) []byte {
	out, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always marshals
	}
	return out
}
