package store

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// Each part of a key ends with the bytes 00 01. A zero byte within a part is written as 00
// FF. So keys sort as their parts do, and no part runs into the next.
const (
	partEnd    = "\x00\x01"
	escapedNUL = "\x00\xff"
)

// Key joins parts to a key. Keys sort as their parts do: by the first part, then by the
// second, and so on. Keys that begin with the same parts share a prefix, see [Prefix].
func Key(parts ...string) string {
	var b strings.Builder
	n := 0
	for _, p := range parts {
		n += len(p) + len(partEnd)
	}
	b.Grow(n)
	for _, p := range parts {
		if strings.IndexByte(p, 0) >= 0 {
			p = strings.ReplaceAll(p, "\x00", escapedNUL)
		}
		b.WriteString(p)
		b.WriteString(partEnd)
	}
	return b.String()
}

// Prefix returns the range of all keys that begin with parts.
func Prefix(parts ...string) Range {
	p := Key(parts...)
	return Range{From: p, To: after(p)}
}

// StartsWith returns the range of all keys that begin with parts and whose next part begins
// with text.
func StartsWith(text string, parts ...string) Range {
	p := Key(parts...) + strings.ReplaceAll(text, "\x00", escapedNUL)
	return Range{From: p, To: after(p)}
}

// after returns the least string that is greater than every string that begins with p, or
// "" if there is no such string.
func after(p string) string {
	b := []byte(p)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] < 0xff {
			b[i]++
			return string(b[:i+1])
		}
	}
	return ""
}

// Split returns the parts of a key. It is the inverse of [Key] and returns an error if Key
// did not make the key.
func Split(key string) ([]string, error) {
	var parts []string
	for key != "" {
		part, rest, err := cutPart(key)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
		key = rest
	}
	return parts, nil
}

func cutPart(key string) (part, rest string, err error) {
	for i := 0; i+1 < len(key); i++ {
		if key[i] != 0 {
			continue
		}
		switch key[i+1] {
		case 0x01:
			return strings.ReplaceAll(key[:i], escapedNUL, "\x00"), key[i+2:], nil
		case 0xff:
			i++
		default:
			return "", "", errBadKey
		}
	}
	return "", "", errBadKey
}

var errBadKey = errors.New("store: not a key made by Key")

// Int returns n as a part of a key: eight bytes that sort as the numbers do.
func Int(n int64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n)^1<<63)
	return string(b[:])
}

// Time returns t as a part of a key, to the nanosecond. The zero time comes first. Times
// before 1678 and after 2262 are clamped to the ends of that span.
func Time(t time.Time) string {
	switch {
	case t.Before(firstTime):
		return Int(math.MinInt64)
	case t.After(lastTime):
		return Int(math.MaxInt64)
	}
	return Int(t.UnixNano())
}

// The span of time that nanoseconds in 64 bits can tell.
var (
	firstTime = time.Unix(0, math.MinInt64)
	lastTime  = time.Unix(0, math.MaxInt64)
)

// Clip cuts s to [MaxIndex] bytes, the length that an index key uses, without splitting a
// character. A program that finds a record by a clipped value must compare the whole value
// afterwards.
func Clip(s string) string {
	if len(s) <= MaxIndex {
		return s
	}
	n := MaxIndex
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// encodeKey returns a key as a JSON document. A key has zero bytes, which a document must
// not have, so the document is a string in URL-safe base64.
func encodeKey(key string) []byte {
	out := make([]byte, 0, base64.RawURLEncoding.EncodedLen(len(key))+2)
	out = append(out, '"')
	out = base64.RawURLEncoding.AppendEncode(out, []byte(key))
	return append(out, '"')
}

func decodeKey(value []byte) (string, error) {
	if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' {
		return "", fmt.Errorf("%w: an index entry is not a string", ErrCorrupt)
	}
	key, err := base64.RawURLEncoding.AppendDecode(nil, value[1:len(value)-1])
	if err != nil {
		return "", fmt.Errorf("%w: an index entry is not a key", ErrCorrupt)
	}
	return string(key), nil
}
