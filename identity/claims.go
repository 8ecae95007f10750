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

// The claims of a token are a list. First the engine adds its own claims, in
// the order that the service has. Then a hook may change the claims that are not
// reserved. At last encode writes the list into one buffer.

// claims are the claims of one token, in the order in which they are encoded.
type claims struct {
	use  token.Use
	list []claim
}

// A claim is a name with a value. The kind says which of the other fields holds
// the value.
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

// roomForClaims is how many claims most tokens have, not counting attributes.
const roomForClaims = 14

func newClaims(use token.Use, attributes int) *claims {
	return &claims{use, make([]claim, 0, roomForClaims+attributes)}
}

func (c *claims) str(name, value string) {
	c.list = append(c.list, claim{name: name, kind: claimText, text: value})
}

// textOf returns the value of a claim that is a string, or "" if there is none.
func (c *claims) textOf(name string) string {
	for i := range c.list {
		if c.list[i].name == name && c.list[i].kind == claimText {
			return c.list[i].text
		}
	}
	return ""
}

// option adds a string. It adds nothing if the string is empty.
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

// words adds an array of strings. It adds nothing if there are no strings.
func (c *claims) words(name string, values []string) {
	if len(values) > 0 {
		c.list = append(c.list, claim{name: name, kind: claimWords, words: values})
	}
}

// raw adds a value in JSON.
func (c *claims) raw(name, text string) {
	c.list = append(c.list, claim{name: name, kind: claimRaw, text: text})
}

// attribute adds an attribute of the user, converted to the type of its claim.
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

// apply makes the changes of a hook. It ignores changes of reserved claims. A
// claim that exists keeps its place, a new one comes last, and Suppress wins over
// Set. It returns an error if a value is invalid for its claim.
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
// those of the service, for ID tokens and for access tokens (unsure for access
// tokens). A hook changes the scope of an access token through the grant, not
// as a claim.
func (c *claims) changeable(name string) bool {
	switch name {
	case "acr", "amr", "at_hash", "auth_time", "azp", "exp", "iat", "iss", "jti", "nbf", "nonce", "origin_jti", "sid", "sub", "token_use":
		return false
	case "cognito:username", "identities":
		return c.use == token.UseAccess
	case "client_id", "device_key", "event_id", "scope", "username", "version":
		return c.use == token.UseID
	case "aud":
		// An access token without an audience may get the client as its audience.
		// The audience of an ID token never changes.
		return c.use == token.UseAccess && !slices.ContainsFunc(c.list, func(cl claim) bool { return cl.name == name })
	}
	return true
}

// Errors for the values that a hook gives to claims.
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

// checkValue refuses values that the service refuses, and values of a type that
// readers of tokens, such as [token.Parse], do not accept in this claim.
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

// client returns the value of the claim client_id, or "".
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

// appendQuoted appends s as a JSON string, as encoding/json writes it. It copies
// strings that need no escapes, as most strings in tokens do.
func appendQuoted(buf []byte, s string) []byte {
	for i := range len(s) {
		if b := s[i]; b < ' ' || b >= utf8.RuneSelf || b == '"' || b == '\\' || b == '<' || b == '>' || b == '&' {
			return append(buf, quote(s)...)
		}
	}
	return append(append(append(buf, '"'), s...), '"')
}

// quote returns s as a JSON string.
func quote(s string) []byte {
	out, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always marshals
	}
	return out
}
