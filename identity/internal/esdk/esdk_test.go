package esdk_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity/internal/esdk"
	"github.com/cognate-id/cognate/identity/internal/esdk/esdktest"
)

// The SDKs for JavaScript and Python read such messages in internal/clients.
func TestEncrypt(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 32)
	for _, plain := range []string{"", "123456", strings.Repeat("x", 4095)} {
		message, err := esdk.Encrypt([]byte(plain), map[string]string{"userpool-id": "us-east-1_x", "zürich": "ö"}, esdk.RawAES("own", "name", key))
		if err != nil {
			t.Fatal(err)
		}
		text := base64.StdEncoding.EncodeToString(message)
		m, err := esdktest.Read(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := m.OpenRaw("own", "name", key); err != nil || got != plain {
			t.Errorf("%d bytes are %q: %v", len(plain), got, err)
		}
		if m.Context["userpool-id"] != "us-east-1_x" || len(m.Context) != 3 || len(m.Keys) != 1 {
			t.Errorf("context %v, keys %v", m.Context, m.Keys)
		}
		if _, err := m.OpenRaw("own", "name", make([]byte, 32)); err == nil {
			t.Error("another key opens the message")
		}
	}
}

func TestEncryptRefuses(t *testing.T) {
	wrap := esdk.RawAES("own", "name", make([]byte, 32))
	for name, try := range map[string]func() ([]byte, error){
		"a long text": func() ([]byte, error) { return esdk.Encrypt(make([]byte, 4096), nil, wrap) },
		"nobody":      func() ([]byte, error) { return esdk.Encrypt(nil, nil) },
		"a short key": func() ([]byte, error) { return esdk.Encrypt(nil, nil, esdk.RawAES("own", "name", make([]byte, 16))) },
		"a long context": func() ([]byte, error) {
			return esdk.Encrypt(nil, map[string]string{"a": strings.Repeat("x", 65536)}, wrap)
		},
		"a failing key": func() ([]byte, error) {
			return esdk.Encrypt(nil, nil, func([]byte, map[string]string) (esdk.Wrapped, error) { return esdk.Wrapped{}, errors.New("no") })
		},
	} {
		if out, err := try(); err == nil || out != nil {
			t.Errorf("%s: %d bytes, %v", name, len(out), err)
		}
	}
}
