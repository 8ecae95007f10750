package wire

import (
	"bytes"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"time"
)

// A Secret is a string that the model marks as sensitive. It prints as
// [redacted] whatever the verb, and is plain text in JSON.
type Secret string

const redacted = "[redacted]"

// Format implements [fmt.Formatter].
func (Secret) Format(s fmt.State, _ rune) { fmt.Fprint(s, redacted) }

// String returns [redacted]; the text is string(s).
func (Secret) String() string { return redacted }

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// A Time is a time on the wire: seconds since 1970 as a JSON number with up to
// three decimals.
type Time struct{ time.Time }

// MarshalJSON implements [encoding/json.Marshaler].
func (t Time) MarshalJSON() ([]byte, error) {
	ms := t.UnixMilli()
	if ms%1000 == 0 {
		return strconv.AppendInt(nil, ms/1000, 10), nil
	}
	// Dividing an int64 of milliseconds is exact enough for any date up to the year 287396.
	return strconv.AppendFloat(nil, float64(ms)/1000, 'f', -1, 64), nil
}

// UnmarshalJSON implements [encoding/json.Unmarshaler], for tests in Go that
// read answers.
func (t *Time) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	s, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return fmt.Errorf("read a time: %w", err)
	}
	t.Time = time.UnixMilli(int64(math.Round(s * 1000))).UTC()
	return nil
}
