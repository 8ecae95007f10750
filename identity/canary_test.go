package identity_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/store/sealed"
)

// A lived is what stays when an engine on a file has lived.
type lived struct {
	file, log []byte              // file is what is beside the store too
	backup    []byte              // of the store as it is
	secrets   []string            // that were handed out
	stored    map[string][]string // that are in secret tables, by the name of their field
}

// A failingSender keeps what it is given, and fails when it is down.
type failingSender struct {
	identity.Sender
	down bool
}

func (s *failingSender) Send(ctx context.Context, m *identity.Message) error {
	if err := s.Sender.Send(ctx, m); err != nil || !s.down {
		return err
	}
	return errInjected
}

// liveOnFile lives through all that handles secrets, on a store in a file.
func liveOnFile(t *testing.T, seal func(store.Store) store.Store) lived {
	t.Helper()
	dir := t.TempDir()
	inner, err := bolt.Open(filepath.Join(dir, "store"), &bolt.Options{InsecureNoSync: true})
	check(t, "Open", err)
	outer := seal(inner)
	var log bytes.Buffer
	var sender failingSender
	f := newEngineWith(t, outer, func(o *identity.Options) {
		o.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		sender.Sender = o.Sender
		o.Sender = &sender
	})
	pool := f.open(t, identity.PoolSettings{SRP: true, MFA: "OPTIONAL", TOTP: new(true)})
	l := lived{secrets: spill(t, f, pool), stored: make(map[string][]string)}
	f.join(t, pool, "dave", "dave@example.com")
	l.stored["totp"] = []string{string(f.enroll(t, f.session(t, pool.AppClient, "dave")))}
	sender.down = true // which is logged
	f.forgot(t, pool.AppClient, "dave")
	code := f.lastOf(identity.MessageResetCode)
	l.secrets = append(l.secrets, `"`+code+`"`, " "+code, "="+code)
	later := newEngineWith(t, outer, func(o *identity.Options) {
		o.Logger, o.Clock, o.Sender, o.Outbox = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), f.now, &sender, &identity.OutboxOptions{}
	})
	f.advance(time.Hour)
	client, err := later.AppClient(t.Context(), pool.ClientID())
	check(t, "AppClient", err)
	f.forgot(t, client, "dave")
	check(t, "SendDue", second(later.SendDue(t.Context())))
	code = f.lastOf(identity.MessageResetCode)
	l.secrets = append(l.secrets, `"`+code+`"`, " "+code, "="+code)
	l.readStored(t, outer)
	var backup bytes.Buffer
	_, err = store.Backup(t.Context(), inner, &backup, identity.Tables(), nil)
	check(t, "Backup", err)
	l.backup = backup.Bytes()
	check(t, "Close", outer.Close())
	files, err := os.ReadDir(dir)
	check(t, "ReadDir", err)
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join(dir, file.Name()))
		check(t, "ReadFile", err)
		l.file = append(l.file, data...)
	}
	l.log = log.Bytes()
	return l
}

// readStored collects what the engine made by itself: hashes and keys.
func (l *lived) readStored(t *testing.T, s store.Store) {
	t.Helper()
	check(t, "View", s.View(t.Context(), func(r store.Reader) error {
		for _, table := range identity.Tables().SecretTables() {
			for e, err := range r.Scan(table, store.Range{}) {
				if err != nil {
					return err
				}
				var doc any
				check(t, "Unmarshal", json.Unmarshal(e.Value, &doc))
				l.collect(doc)
			}
		}
		return nil
	}))
}

func (l *lived) collect(doc any) {
	switch doc := doc.(type) {
	case []any:
		for _, v := range doc {
			l.collect(v)
		}
	case map[string]any:
		for name, v := range doc {
			text, ok := v.(string)
			switch {
			case !ok:
				l.collect(v)
			case name == "hash" || name == "value" || name == "body":
				l.stored[name] = append(l.stored[name], text)
			case slices.Contains([]string{"verifier", "master", "decoy", "digest", "d", "p", "q", "dp", "dq", "qi"}, name):
				raw, err := base64.RawURLEncoding.DecodeString(strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(text))
				if err == nil {
					l.stored[name] = append(l.stored[name], string(raw))
				}
			}
		}
	}
}

// shows tells in which form a secret is in data, if it is.
func shows(data []byte, secret string) string {
	for form, text := range formsOf(secret) {
		if bytes.Contains(data, []byte(text)) {
			return form
		}
	}
	return ""
}

// formsOf are the ways in which a secret may be written. In Base64 it looks
// different after zero, one and two bytes of something else.
func formsOf(secret string) map[string]string {
	forms := map[string]string{
		"raw": secret, "hex": hex.EncodeToString([]byte(secret)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(secret))),
	}
	if escaped, err := json.Marshal(secret); err == nil && string(escaped) != `"`+secret+`"` {
		forms["JSON"] = string(escaped[1 : len(escaped)-1])
	}
	for name, enc := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
		for shift := range 3 {
			whole := (shift + len(secret)) / 3 * 4 // what follows may share the last character
			from := (shift*8 + 5) / 6              // and what is before the first
			text := enc.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
			forms[name+" "+string(rune('0'+shift))] = text[from:whole]
		}
	}
	return forms
}

func TestNoSecretIsInASealedFile(t *testing.T) {
	if testing.Short() {
		t.Skip("reads whole files; TestNoSecretIsInASealedStore reads the entries")
	}
	keys, err := sealed.OpenKeyFile(filepath.Join(t.TempDir(), "key"))
	check(t, "OpenKeyFile", err)
	l := liveOnFile(t, func(s store.Store) store.Store { return sealed.New(s, keys, identity.Tables()) })
	for _, name := range []string{"hash", "value", "body", "totp", "verifier", "master", "decoy", "digest", "d"} {
		if len(l.stored[name]) == 0 {
			t.Errorf("there is no %s to look for", name)
		}
	}
	l.stored["secret that was handed out"] = l.secrets
	for place, data := range map[string][]byte{"file": l.file, "backup": l.backup, "log": l.log} {
		for name, secrets := range l.stored {
			for _, s := range secrets {
				if form := shows(data, s); form != "" {
					t.Errorf("the %s shows a %s, as %s", place, name, form)
				}
			}
		}
		if place != "log" && !bytes.Contains(data, []byte("dave@example.com")) {
			t.Errorf("an address that is not secret is not found in the %s: the search is blind", place)
		}
	}
	if len(l.log) == 0 {
		t.Error("nothing was logged: the search is blind")
	}
}

// The search of the test above finds what is not sealed.
func TestSecretsAreFoundInAnUnsealedFile(t *testing.T) {
	if testing.Short() {
		t.Skip("reads whole files")
	}
	l := liveOnFile(t, func(s store.Store) store.Store { return s })
	for _, name := range []string{"hash", "value", "body", "totp", "verifier", "master", "decoy", "digest", "d"} {
		for place, data := range map[string][]byte{"file": l.file, "backup": l.backup} {
			if !slices.ContainsFunc(l.stored[name], func(s string) bool { return shows(data, s) != "" }) {
				t.Errorf("no %s of %d is found in a %s in clear", name, len(l.stored[name]), place)
			}
		}
	}
	if shows(l.file, "canary_client_secret_abcdefg") != "raw" {
		t.Error("the client secret is not found in a file in clear")
	}
	for i, text := range []string{"x", "xy", "xyz"} {
		for name, data := range map[string]string{
			"base64": base64.StdEncoding.EncodeToString([]byte(text + canary + "??")), "base64url": base64.URLEncoding.EncodeToString([]byte(text + canary + "??")),
			"hex": hex.EncodeToString([]byte(text + canary)),
		} {
			if shows([]byte(data), canary) == "" {
				t.Errorf("%s after %d bytes is not found", name, i+1)
			}
		}
	}
	if shows([]byte(`{"a": "\u003ccanary"}`), "<canary") != "JSON" {
		t.Error("what JSON escapes is not found")
	}
}
