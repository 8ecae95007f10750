package wire

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Strings, and the words for values of the wrong type. A string without escapes,
// which is nearly every one, is a slice of the request: nothing is copied until a
// typed value is made of it.

// text reads a string. The result is valid until the next call.
func (d *Decoder) text() []byte {
	d.pos++ // the quotation mark
	n := bytes.IndexByte(d.buf[d.pos:], '"')
	if n < 0 {
		d.fail()
		return nil
	}
	s := d.buf[d.pos : d.pos+n]
	if bytes.IndexByte(s, '\\') >= 0 {
		return d.escaped()
	}
	if hasControl(s) {
		d.fail()
		return nil
	}
	d.pos += n + 1
	return s
}

// hasControl reports whether s has a byte below a space, eight at a time.
func hasControl(s []byte) bool {
	const (
		low  = 0x0101010101010101
		high = 0x8080808080808080
	)
	for ; len(s) >= 8; s = s[8:] {
		w := binary.LittleEndian.Uint64(s)
		if (w-low*' ')&^w&high != 0 {
			return true
		}
	}
	for _, c := range s {
		if c < ' ' {
			return true
		}
	}
	return false
}

// escaped reads the rest of a string that has escapes in it.
func (d *Decoder) escaped() []byte {
	var out []byte
	for d.pos < len(d.buf) {
		c := d.buf[d.pos]
		d.pos++
		switch {
		case c == '"':
			return out
		case c < ' ':
			d.fail()
		case c == '\\':
			out = d.escape(out)
		default:
			out = append(out, c)
		}
	}
	d.fail()
	return nil
}

// escape reads what follows a backslash and adds it to out.
func (d *Decoder) escape(out []byte) []byte {
	if d.pos == len(d.buf) {
		return out
	}
	c := d.buf[d.pos]
	d.pos++
	switch c {
	case '"', '\\', '/':
		return append(out, c)
	case 'b':
		return append(out, '\b')
	case 'f':
		return append(out, '\f')
	case 'n':
		return append(out, '\n')
	case 'r':
		return append(out, '\r')
	case 't':
		return append(out, '\t')
	case 'u':
		return d.unicode(out)
	}
	d.fail()
	return out
}

// unicode reads the four digits after \u, and the second half of a pair. A half
// alone has no meaning and is refused, and so is U+0000, which PostgreSQL cannot
// store.
func (d *Decoder) unicode(out []byte) []byte {
	r := d.hex4()
	if utf16.IsSurrogate(r) {
		if !bytes.HasPrefix(d.buf[d.pos:], []byte(`\u`)) {
			d.fail()
			return out
		}
		d.pos += 2
		r = utf16.DecodeRune(r, d.hex4())
		if r == utf8.RuneError {
			d.fail()
			return out
		}
	}
	if r == 0 {
		d.fail()
		return out
	}
	return utf8.AppendRune(out, r)
}

// hex4 reads four hexadecimal digits.
func (d *Decoder) hex4() rune {
	if len(d.buf)-d.pos < 4 {
		d.fail()
		return 0
	}
	n, err := strconv.ParseUint(string(d.buf[d.pos:d.pos+4]), 16, 32)
	if err != nil {
		d.fail()
		return 0
	}
	d.pos += 4
	return rune(n)
}

// Texts recorded from the service itself.
const (
	startOfMap  = "Start of structure or map found where not expected."
	expectedMap = "Expected map or null"
)

// Texts by analogy with those: what the service says here is not known.
const (
	startOfList  = "Start of list found where not expected."
	expectedList = "Expected list or null"
)

// mismatch refuses the next value, which is of the wrong type. Where a scalar
// is due, name says which; where a list or map is due, text is what to say.
// The texts with _VALUE in them are recorded from the same decoder in DynamoDB.
func (d *Decoder) mismatch(name, text string) {
	c := d.peek()
	switch {
	case c == '{' && text != expectedMap:
		d.wrongType(startOfMap)
	case text != "":
		d.checked(text)
	case c == '[':
		d.wrongType(startOfList)
	case c == '"' && name == "Boolean":
		d.checked("Unexpected token received from parser")
	case c == '"':
		d.checked("STRING_VALUE cannot be converted to " + name)
	case c == 't':
		d.checked("TRUE_VALUE cannot be converted to " + name)
	case c == 'f':
		d.checked("FALSE_VALUE cannot be converted to " + name)
	default:
		_, integer := d.number()
		if integer {
			d.wrongType("NUMBER_VALUE cannot be converted to " + name)
		} else {
			d.wrongType("DECIMAL_VALUE cannot be converted to " + name)
		}
	}
}

// checked says text of a value that is well-formed, and otherwise fails.
func (d *Decoder) checked(text string) {
	d.Skip()
	d.wrongType(text)
}

// wrongType ends the reading of what is JSON but not of the type that the model
// has. The service's decoder names the message "Message" here, with a capital.
func (d *Decoder) wrongType(text string) {
	d.stop(&Error{Type: serializationException, Message: text, Status: 400, capital: true})
}

// fail ends the reading of what is not JSON.
func (d *Decoder) fail() { d.stop(malformed()) }

// stop keeps the first error and goes to the end, where nothing more is read.
func (d *Decoder) stop(err *Error) {
	if d.err == nil {
		d.err = err
	}
	d.pos = len(d.buf)
}

// malformed is the answer to what is no JSON. The service gives no message.
func malformed() *Error { return &Error{Type: serializationException, Status: 400} }
