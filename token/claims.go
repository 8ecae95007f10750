package token

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Use is the kind of a token, by its claim token_use.
type Use string

// The kinds of token that are a JWS. A refresh token is not.
const (
	UseAccess Use = "access" // for APIs
	UseID     Use = "id"     // for the app client itself
)

// Claims are the claims of a token. A string is empty, and a time is zero, if the token
// does not have the claim.
type Claims struct {
	Subject  string   // sub: the user, or the client of a machine's token
	Issuer   string   // iss
	Audience string   // aud: the client of an ID token, the resource of an access token that is bound to one
	ClientID string   // the app client: aud of an ID token, client_id of any other
	Use      Use      // token_use
	Username string   // cognito:username of an ID token, username of any other
	Scope    string   // scope: names with spaces between; ID tokens have none
	Groups   []string // cognito:groups
	ID       string   // jti
	OriginID string   // origin_jti: the same in all tokens of one sign-in
	EventID  string   // event_id
	ACR      string   // acr: the name of the level that the sign-in has reached
	AMR      []string // amr: what the user has proved, such as pwd and otp

	IssuedAt  time.Time // iat; all times are UTC
	Expires   time.Time // exp
	AuthTime  time.Time // auth_time: when the user signed in
	NotBefore time.Time // nbf

	// Raw is the whole payload, a JSON object; [Claims.Decode] reads it.
	Raw json.RawMessage
}

// Decode stores the payload in the value that v points to, as encoding/json does. Use it
// for claims that have no field in Claims.
func (c *Claims) Decode(v any) error {
	if err := json.Unmarshal(c.Raw, v); err != nil {
		return fmt.Errorf("token: decode claims: %w", err)
	}
	return nil
}

// HasScope reports whether name is one of the token's scopes.
func (c *Claims) HasScope(name string) bool {
	for s := range strings.SplitSeq(c.Scope, " ") {
		if s == name && name != "" {
			return true
		}
	}
	return false
}

// InGroup reports whether the user is in the group name, by cognito:groups.
func (c *Claims) InGroup(name string) bool { return slices.Contains(c.Groups, name) }

// ValidAt returns [ErrExpired] at and after Expires, and [ErrNotYetValid] before NotBefore.
// A token without exp counts as expired. leeway, for clocks that differ, is added after
// Expires and before NotBefore.
func (c *Claims) ValidAt(now time.Time, leeway time.Duration) error {
	if !now.Before(c.Expires.Add(leeway)) {
		return ErrExpired
	}
	if now.Before(c.NotBefore.Add(-leeway)) {
		return ErrNotYetValid
	}
	return nil
}

// clone returns a copy that shares nothing that a caller can change.
func (c *Claims) clone() *Claims {
	out := *c
	out.Groups, out.AMR = slices.Clone(c.Groups), slices.Clone(c.AMR)
	out.Raw = slices.Clone(c.Raw)
	return &out
}

// read sets c from the payload of a token, except for Raw. foreign is as in [ParseForeign].
func (c *Claims) read(payload string, foreign bool) error {
	var room [fewMembers]member
	members, err := readObject(payload, room[:0])
	if err != nil {
		return fmt.Errorf("%w: claims: %w", ErrMalformed, err)
	}
	var d dependent
	for i := range members {
		if foreign && !registered(members[i].name) {
			continue
		}
		if !c.set(members[i], &d) {
			return wrongType(members[i].name) // the name is one that set knows, so it reveals nothing
		}
	}
	if foreign {
		var ok bool
		if c.Audience, ok = firstAudience(d.aud); !ok {
			return wrongType("aud")
		}
		return nil
	}
	return d.apply(c)
}

// registered reports whether a claim is one that all issuers mean the same by: RFC 7519, section 4.1.
func registered(name string) bool {
	switch name {
	case "iss", "sub", "aud", "exp", "nbf", "iat", "jti":
		return true
	}
	return false
}

func wrongType(name string) error {
	return fmt.Errorf("%w: claims: %s is of the wrong type", ErrMalformed, name)
}

// set stores a claim and reports whether it has the right type.
func (c *Claims) set(m member, d *dependent) (ok bool) {
	switch m.name {
	case "sub":
		c.Subject, ok = readString(m.value)
	case "iss":
		c.Issuer, ok = readString(m.value)
	case "token_use":
		var use string
		use, ok = readString(m.value)
		c.Use = Use(use)
	case "jti":
		c.ID, ok = readString(m.value)
	case "origin_jti":
		c.OriginID, ok = readString(m.value)
	case "event_id":
		c.EventID, ok = readString(m.value)
	case "cognito:groups":
		c.Groups, ok = readStrings(m.value)
	case "acr": // of another type it is no level: whoever requires one refuses the token
		c.ACR, _ = readString(m.value)
		ok = true
	case "amr":
		c.AMR, _ = readStrings(m.value)
		ok = true
	case "iat":
		c.IssuedAt, ok = readTime(m.value)
	case "exp":
		c.Expires, ok = readTime(m.value)
	case "auth_time":
		c.AuthTime, ok = readTime(m.value)
	case "nbf":
		c.NotBefore, ok = readTime(m.value)
	default:
		d.set(m)
		ok = true
	}
	return ok
}

// dependent holds the claims whose meaning depends on token_use, which may come last.
// Cognito sets no client_id, username or scope in an ID token, but a trigger may have set
// them to values of any type.
type dependent struct{ aud, clientID, idUsername, username, scope string }

func (d *dependent) set(m member) {
	switch m.name {
	case "aud":
		d.aud = m.value
	case "client_id":
		d.clientID = m.value
	case "cognito:username":
		d.idUsername = m.value
	case "username":
		d.username = m.value
	case "scope":
		d.scope = m.value
	}
}

func (d *dependent) apply(c *Claims) error {
	var ok bool
	if c.Audience, ok = readAudience(d.aud); !ok {
		return wrongType("aud")
	}
	if c.Use == UseID {
		c.ClientID = c.Audience
		if c.Username, ok = readOptional(d.idUsername); !ok {
			return wrongType("cognito:username")
		}
		return nil
	}
	if c.ClientID, ok = readOptional(d.clientID); !ok {
		return wrongType("client_id")
	}
	if c.Username, ok = readOptional(d.username); !ok {
		return wrongType("username")
	}
	if c.Scope, ok = readOptional(d.scope); !ok {
		return wrongType("scope")
	}
	return nil
}

func readOptional(value string) (string, bool) {
	if value == "" {
		return "", true
	}
	return readString(value)
}

// readAudience reads aud: a string, or an array of one string. It rejects several
// audiences. A pool issues no such token, and OpenID Connect Core 3.1.3.7 requires that
// tokens with untrusted audiences are rejected.
func readAudience(value string) (string, bool) {
	if value == "" || value[0] != '[' {
		return readOptional(value)
	}
	all, ok := readStrings(value)
	if !ok || len(all) != 1 {
		return "", false
	}
	return all[0], true
}

// firstAudience is readAudience for a token that may be for several.
func firstAudience(value string) (string, bool) {
	if value == "" || value[0] != '[' {
		return readOptional(value)
	}
	all, ok := readStrings(value)
	if !ok || len(all) == 0 {
		return "", ok
	}
	return all[0], true
}

// lastTime is the end of the year 9999 in Unix seconds.
const lastTime = 253402300799

// readTime reads a NumericDate: digits with an optional fraction of a second. It rejects a
// sign and an exponent, which issuers do not use and which can overflow.
func readTime(value string) (time.Time, bool) {
	whole, fraction, _ := strings.Cut(value, ".")
	if len(whole) > len("253402300799") || len(fraction) > 9 {
		return time.Time{}, false
	}
	seconds, ok := readDigits(whole)
	if !ok || seconds > lastTime {
		return time.Time{}, false
	}
	if fraction == "" {
		return time.Unix(seconds, 0).UTC(), true
	}
	nanos, ok := readDigits((fraction + "00000000")[:9])
	return time.Unix(seconds, nanos).UTC(), ok
}

func readDigits(s string) (n int64, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = 10*n + int64(s[i]-'0')
	}
	return n, s != ""
}
