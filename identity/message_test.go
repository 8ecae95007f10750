package identity_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
)

// TestMessageInALogHasNoSecret logs a message as a careless program does.
func TestMessageInALogHasNoSecret(t *testing.T) {
	m := &identity.Message{ID: "7", Kind: identity.MessageSignUpCode, Username: "jane", Code: "471147", Subject: "471147 is it", Body: "It is 471147"}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("sent", "message", m)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("sent", "message", m)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		fmt.Fprintf(&log, verb, m)
	}
	if text := log.String(); strings.Contains(text, "471147") || strings.Count(text, "jane") != 7 {
		t.Errorf("the log: %s", text)
	}
}
