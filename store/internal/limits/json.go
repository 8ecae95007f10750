package limits

import "unicode/utf8"

// maxDepth is the maximum nesting of arrays and objects, as in encoding/json.
const maxDepth = 10_000

// validDocument reports whether b is one JSON document that every driver can keep. The
// document must be valid UTF-8, without U+0000 and without a lone surrogate, because
// PostgreSQL accepts neither. Every write is checked here, so validDocument is written to
// be several times as fast as json.Valid. A fuzz test compares the two.
func validDocument(b []byte) bool {
	i, ok := skipValue(b, skipSpace(b, 0), 0)
	return ok && skipSpace(b, i) == len(b) && utf8.Valid(b)
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// skipValue returns the index after the value that begins at i.
func skipValue(b []byte, i, depth int) (int, bool) {
	if i >= len(b) || depth > maxDepth {
		return i, false
	}
	switch b[i] {
	case '"':
		return skipString(b, i+1)
	case '{':
		return skipList(b, i+1, '}', depth+1)
	case '[':
		return skipList(b, i+1, ']', depth+1)
	case 't':
		return skipWord(b, i, "true")
	case 'f':
		return skipWord(b, i, "false")
	case 'n':
		return skipWord(b, i, "null")
	default:
		return skipNumber(b, i)
	}
}

// skipList skips the members of an object or the elements of an array.
func skipList(b []byte, i int, end byte, depth int) (int, bool) {
	i = skipSpace(b, i)
	if i < len(b) && b[i] == end {
		return i + 1, true
	}
	var ok bool
	for ; ; i = skipSpace(b, i+1) {
		if end == '}' {
			if i, ok = skipName(b, i); !ok {
				return i, false
			}
		}
		if i, ok = skipValue(b, i, depth); !ok {
			return i, false
		}
		i = skipSpace(b, i)
		switch {
		case i < len(b) && b[i] == end:
			return i + 1, true
		case i >= len(b) || b[i] != ',':
			return i, false
		}
	}
}

// skipName skips the name of a member and the colon.
func skipName(b []byte, i int) (int, bool) {
	if i >= len(b) || b[i] != '"' {
		return i, false
	}
	i, ok := skipString(b, i+1)
	i = skipSpace(b, i)
	if !ok || i >= len(b) || b[i] != ':' {
		return i, false
	}
	return skipSpace(b, i+1), true
}

func skipWord(b []byte, i int, word string) (int, bool) {
	end := i + len(word)
	return end, end <= len(b) && string(b[i:end]) == word
}

// skipString skips the rest of a string whose opening quote is just before i.
func skipString(b []byte, i int) (int, bool) {
	for i < len(b) {
		switch c := b[i]; {
		case c == '"':
			return i + 1, true
		case c < ' ':
			return i, false
		case c != '\\':
			i++
		default:
			var ok bool
			if i, ok = skipEscape(b, i+1); !ok {
				return i, false
			}
		}
	}
	return i, false
}

// skipEscape skips an escape whose backslash is just before i.
func skipEscape(b []byte, i int) (int, bool) {
	if i >= len(b) {
		return i, false
	}
	switch b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1, true
	case 'u':
		return skipUnit(b, i+1)
	}
	return i, false
}

// skipUnit skips four hexadecimal digits and, after the first half of a surrogate pair, the
// second half.
func skipUnit(b []byte, i int) (int, bool) {
	unit, ok := hex4(b, i)
	i += 4
	switch {
	case !ok, unit == 0, unit >= 0xdc00 && unit < 0xe000:
		return i, false
	case unit < 0xd800 || unit >= 0xe000:
		return i, true
	}
	if i+2 > len(b) || b[i] != '\\' || b[i+1] != 'u' {
		return i, false
	}
	low, ok := hex4(b, i+2)
	return i + 6, ok && low >= 0xdc00 && low < 0xe000
}

func hex4(b []byte, i int) (unit rune, ok bool) {
	if i+4 > len(b) {
		return 0, false
	}
	for _, c := range b[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		unit = unit<<4 | rune(c)
	}
	return unit, true
}

func skipNumber(b []byte, i int) (int, bool) {
	if i < len(b) && b[i] == '-' {
		i++
	}
	whole := i
	i = skipDigits(b, i)
	ok := i > whole && (b[whole] != '0' || i == whole+1)
	if i < len(b) && b[i] == '.' {
		from := i + 1
		i = skipDigits(b, from)
		ok = ok && i > from
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		from := i
		i = skipDigits(b, from)
		ok = ok && i > from
	}
	return i, ok
}

func skipDigits(b []byte, i int) int {
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	return i
}
