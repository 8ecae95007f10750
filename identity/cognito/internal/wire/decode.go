package wire

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// The reader of requests. encoding/json is not used for three reasons: its
// messages are not the service's, it accepts what the service refuses (invalid
// UTF-8, lone surrogates), and it needs reflection. A generated Decode method
// drives the Decoder: it asks for an object, goes from member to member, and reads
// each value by a function for its type. Text and wrong types are in
// decode_text.go.

// maxDepth is how deep a request may nest. The deepest shape of the models
// nests 6 levels; branding settings, which are free JSON, about 15.
const maxDepth = 64

// A Request is what the generated types of requests can do.
type Request interface {
	Decode(d *Decoder)
	Validate(v *Validator)
}

// A Decoder reads one JSON document, token by token, into typed values. The
// first thing that is wrong ends the reading: every later call returns a zero
// value, so generated code needs to look for no error. The texts of its errors
// are the service's.
//
// As with the service, null is the same as absent, unknown members are skipped,
// and of a member that is given twice the last one counts. Refused are, beyond
// what JSON refuses: invalid UTF-8, lone surrogates, anything after the
// document, more than 64 levels, null in a list, and the character U+0000,
// which no store keeps.
type Decoder struct {
	buf   []byte
	pos   int
	depth int
	fresh bool // before the first member or item
	key   []byte
	err   *Error
}

// decodeRequest reads body into r.
func (d *Decoder) decodeRequest(body []byte, r Request) *Error {
	*d = Decoder{buf: body}
	if !utf8.Valid(body) {
		return malformed()
	}
	// An empty body is no JSON document. The service of the same family whose
	// answers are recorded (DynamoDB) refuses it too.
	switch d.peek() {
	case '{':
		r.Decode(d)
	case '[', '"', 't', 'f', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		d.mismatch("", expectedMap)
	default:
		d.fail()
	}
	if d.peek() != 0 || d.pos < len(d.buf) {
		d.fail()
	}
	return d.err
}

// Object begins the reading of an object. It is followed by calls of Next.
func (d *Decoder) Object() { d.enter('{') }

// Next goes to the next member and reports whether there is one. Its value
// must be read, or skipped, before Next is called again.
func (d *Decoder) Next() bool {
	if !d.more('}') {
		return false
	}
	if d.peek() != '"' {
		d.fail()
		return false
	}
	d.key = d.text()
	if d.peek() != ':' {
		d.fail()
		return false
	}
	d.pos++
	return true
}

// Key is the name of the member that Next found. It is valid until the next
// call of any method.
func (d *Decoder) Key() []byte { return d.key }

// null consumes a null and reports whether there was one.
func (d *Decoder) null() bool {
	if d.peek() != 'n' {
		return false
	}
	d.literal("null")
	return true
}

// enter consumes the opening bracket of an object or list.
func (d *Decoder) enter(open byte) {
	if d.peek() != open || d.depth == maxDepth {
		d.fail()
		return
	}
	d.pos++
	d.depth++
	d.fresh = true
}

// more stands between the items of an object or list: it consumes a comma, or
// the closing bracket, after which it reports false.
func (d *Decoder) more(end byte) bool {
	c := d.peek()
	if c == end {
		d.pos++
		d.depth--
		d.fresh = false
		return false
	}
	if d.fresh {
		d.fresh = false
		return d.err == nil
	}
	if c != ',' {
		d.fail()
		return false
	}
	d.pos++
	if c = d.peek(); c == end {
		d.fail()
		return false
	}
	return true
}

// peek skips white space and returns the next byte, or 0 at the end.
func (d *Decoder) peek() byte {
	for d.pos < len(d.buf) {
		switch c := d.buf[d.pos]; c {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return c
		}
	}
	return 0
}

// literal consumes true, false or null.
func (d *Decoder) literal(s string) {
	if end := d.pos + len(s); end <= len(d.buf) && string(d.buf[d.pos:end]) == s {
		d.pos = end
		return
	}
	d.fail()
}

// Skip reads a value of any kind and drops it.
func (d *Decoder) Skip() {
	switch d.peek() {
	case '{':
		for d.Object(); d.Next(); {
			d.Skip()
		}
	case '[':
		for d.enter('['); d.more(']'); {
			d.Skip()
		}
	case '"':
		d.text()
	case 't':
		d.literal("true")
	case 'f':
		d.literal("false")
	case 'n':
		d.literal("null")
	default:
		d.number()
	}
}

// number reads a number and reports whether it is written as an integer.
func (d *Decoder) number() (text []byte, integer bool) {
	start, integer := d.pos, true
	if d.at('-') {
		d.pos++
	}
	if d.at('0') {
		d.pos++
	} else {
		d.digits()
	}
	if d.at('.') {
		integer = false
		d.pos++
		d.digits()
	}
	if d.at('e') || d.at('E') {
		integer = false
		d.pos++
		if d.at('+') || d.at('-') {
			d.pos++
		}
		d.digits()
	}
	if d.err != nil {
		return nil, false
	}
	return d.buf[start:d.pos], integer
}

// digits reads one digit or more.
func (d *Decoder) digits() {
	start := d.pos
	for d.pos < len(d.buf) && '0' <= d.buf[d.pos] && d.buf[d.pos] <= '9' {
		d.pos++
	}
	if d.pos == start {
		d.fail()
	}
}

// at reports whether c is the next byte, without skipping white space: within a
// number there is none.
func (d *Decoder) at(c byte) bool { return d.pos < len(d.buf) && d.buf[d.pos] == c }

// Str reads a string.
func Str[T ~string](d *Decoder) *T {
	switch d.peek() {
	case '"':
		if s := d.text(); d.err == nil {
			return new(T(s))
		}
	case 'n':
		d.literal("null")
	default:
		d.mismatch("String", "")
	}
	return nil
}

// Bool reads a boolean.
func Bool(d *Decoder) *bool {
	switch d.peek() {
	case 't':
		d.literal("true")
		return new(true)
	case 'f':
		d.literal("false")
		return new(false)
	case 'n':
		d.literal("null")
	default:
		d.mismatch("Boolean", "")
	}
	return nil
}

// Int32 reads an integer of 32 bits.
func Int32(d *Decoder) *int32 {
	if n, ok := d.integer(32, "Integer"); ok {
		return new(int32(n))
	}
	return nil
}

// Int64 reads an integer of 64 bits.
func Int64(d *Decoder) *int64 {
	if n, ok := d.integer(64, "Long"); ok {
		return &n
	}
	return nil
}

// integer reads an integer of some bits, or a null. name is what messages call its
// type.
func (d *Decoder) integer(bits int, name string) (int64, bool) {
	c := d.peek()
	if c == 'n' {
		d.literal("null")
		return 0, false
	}
	if c != '-' && (c < '0' || c > '9') {
		d.mismatch(name, "")
		return 0, false
	}
	text, integer := d.number()
	if d.err != nil {
		return 0, false
	}
	// The service may cut a decimal off; a request that means it is not known.
	if !integer {
		d.wrongType("DECIMAL_VALUE cannot be converted to " + name)
		return 0, false
	}
	n, err := strconv.ParseInt(string(text), 10, bits)
	if err != nil {
		d.wrongType("NUMBER_VALUE cannot be converted to " + name)
	}
	return n, err == nil
}

// Blob reads a string of base64.
func Blob(d *Decoder) []byte {
	switch d.peek() {
	case '"':
	case 'n':
		d.literal("null")
		return nil
	case '{':
		d.wrongType(startOfMap)
		return nil
	default:
		d.checked("only base-64-encoded strings are convertible to bytes")
		return nil
	}
	s := d.text()
	if d.err != nil {
		return nil
	}
	if len(s)%4 != 0 {
		d.wrongType("Base64 encoded length is expected a multiple of 4 bytes but found: " + strconv.Itoa(len(s)))
		return nil
	}
	b := make([]byte, base64.StdEncoding.DecodedLen(len(s)))
	n, err := base64.StdEncoding.Strict().Decode(b, s)
	if err != nil {
		d.wrongType("Invalid Base64 character")
		return nil
	}
	return b[:n]
}

// Timestamp reads a time: seconds since 1970, an integer or a fraction. What is
// finer than a millisecond is dropped. Times are those of the years 1 to 9999.
func Timestamp(d *Decoder) *Time {
	c := d.peek()
	if c == 'n' {
		d.literal("null")
		return nil
	}
	if c != '-' && (c < '0' || c > '9') {
		d.mismatch("Timestamp", "")
		return nil
	}
	text, _ := d.number()
	if d.err != nil {
		return nil
	}
	const first, last = -62135596800, 253402300799
	seconds, err := strconv.ParseFloat(string(text), 64)
	if err != nil || seconds < first || seconds > last {
		d.wrongType("NUMBER_VALUE cannot be converted to Timestamp") // text (unsure)
		return nil
	}
	return &Time{time.UnixMicro(int64(math.Round(seconds * 1e6))).UTC().Truncate(time.Millisecond)}
}

// Document reads a value of any kind as it stands.
func Document(d *Decoder) json.RawMessage {
	if d.null() {
		return nil
	}
	d.peek()
	start := d.pos
	d.Skip()
	if d.err != nil {
		return nil
	}
	return append(json.RawMessage(nil), d.buf[start:d.pos]...)
}

// Struct reports whether a structure follows, which is then to be read. Where
// there is none, it has consumed what there is. It is called before the structure
// is made, so that null leaves the member nil.
func (d *Decoder) Struct() bool {
	switch d.peek() {
	case '{':
		return true
	case 'n':
		d.literal("null")
	default:
		d.mismatch("", expectedMap)
	}
	return false
}

// Structs reads a list of structures.
func Structs[T any, P interface {
	*T
	Decode(d *Decoder)
}](d *Decoder) []T {
	if !d.list() {
		return nil
	}
	list := []T{}
	for d.more(']') {
		if !d.Struct() {
			d.fail() // null, or already failed
			break
		}
		list = append(list, *new(T))
		P(&list[len(list)-1]).Decode(d)
	}
	return list
}

// Strs reads a list of strings.
func Strs[T ~string](d *Decoder) []T {
	if !d.list() {
		return nil
	}
	list := []T{}
	for d.more(']') {
		if s := Str[T](d); s != nil {
			list = append(list, *s)
		} else {
			d.fail() // null, or already failed
		}
	}
	return list
}

// list enters a list and reports whether there is one.
func (d *Decoder) list() bool {
	switch d.peek() {
	case '[':
		d.enter('[')
		return d.err == nil
	case 'n':
		d.literal("null")
	default:
		d.mismatch("", expectedList)
	}
	return false
}

// StrMap reads a map of strings. An entry with the value null is absent.
func StrMap[T ~string](d *Decoder) map[string]T {
	if !d.mapping() {
		return nil
	}
	m := map[string]T{}
	for d.Next() {
		key := string(d.Key())
		if s := Str[T](d); s != nil {
			m[key] = *s
		} else {
			delete(m, key)
		}
	}
	return m
}

// StructMap reads a map of structures. An entry with the value null is absent.
func StructMap[T any, P interface {
	*T
	Decode(d *Decoder)
}](d *Decoder) map[string]T {
	if !d.mapping() {
		return nil
	}
	m := map[string]T{}
	for d.Next() {
		key := string(d.Key())
		if !d.Struct() {
			delete(m, key)
			continue
		}
		x := new(T)
		P(x).Decode(d)
		m[key] = *x
	}
	return m
}

// mapping enters a map and reports whether there is one.
func (d *Decoder) mapping() bool {
	switch d.peek() {
	case '{':
		d.Object()
		return d.err == nil
	case 'n':
		d.literal("null")
	default:
		d.mismatch("", expectedMap)
	}
	return false
}
