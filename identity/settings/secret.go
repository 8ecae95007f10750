package settings

import (
	"fmt"
	"log/slog"
)

// A Secret is a password, a token or a key. It prints as [redacted], and so it
// does in JSON: who means to write it converts it to a string.
type Secret string

// String returns "[redacted]".
func (Secret) String() string { return "[redacted]" }

// GoString returns "[redacted]".
func (Secret) GoString() string { return "[redacted]" }

// Format writes "[redacted]" whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[redacted]") }

// LogValue returns "[redacted]".
func (Secret) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// MarshalJSON writes "[redacted]", so that a secret inside some other value
// does not get out by accident.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"[redacted]"`), nil }
