package identity_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
)

// TestMessageInALogHasNoSecret logs a message as a careless program does.
func TestMessageInALogHasNoSecret(t *testing.T) {
	m := identity.Message{ID: "7", Kind: identity.MessageSignUpCode, Username: "jane", Code: "471147", Subject: "471147 is it", Body: "It is 471147"}
	for name, v := range map[string]any{"pointer": &m, "value": m, "slice": []identity.Message{m}, "map": map[string]*identity.Message{"m": &m}, "struct": struct{ M identity.Message }{m}} {
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("sent", "message", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("sent", "message", v)
		check(t, "Encode", json.NewEncoder(&log).Encode(v))
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			fmt.Fprintf(&log, verb, v)
		}
		if text := log.String(); strings.Contains(text, "471147") || strings.Count(text, "jane") != 8 {
			t.Errorf("%s: the log: %s", name, text)
		}
	}
}
