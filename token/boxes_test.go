package token_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/cognate-id/cognate/token"
)

func namedBox(t testing.TB, id string, fill byte) *token.Box {
	t.Helper()
	box, err := token.NewNamedBox(id, bytes.Repeat([]byte{fill}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func TestNewNamedBoxTakesEightLettersAndDigits(t *testing.T) {
	for _, id := range []string{"", "SEVEN77", "NINE99999", `ABC"DEFG`, "ABCDEFG ", "ABCDEFG\x00", "ABCDEFé"} {
		if _, err := token.NewNamedBox(id, make([]byte, 32)); err == nil {
			t.Errorf("NewNamedBox took the id %q", id)
		}
	}
	if _, err := token.NewNamedBox("ABCDEF12", make([]byte, 16)); err == nil {
		t.Error("NewNamedBox took a key of 16 bytes")
	}
}

// The box that a string names opens it, and a string that names none is opened by the box without an id.
func TestBoxesOpenWhatEachHasSealed(t *testing.T) {
	newest, older, oldest := namedBox(t, "ABCDEF12", 1), namedBox(t, "12345678", 2), newBox(t, 3)
	boxes := token.Boxes{newest, older, oldest}
	bind := []byte("pool")
	for name, box := range map[string]interface {
		Seal(plain, bind []byte) string
		SealJWE(plain []byte) string
	}{"newest": newest, "older": older, "oldest": oldest, "all": boxes} {
		if plain, err := boxes.Open(box.Seal([]byte(name), bind), bind); err != nil || string(plain) != name {
			t.Errorf("%s: Open = %q, %v", name, plain, err)
		}
		if plain, err := boxes.OpenJWE(box.SealJWE([]byte(name))); err != nil || string(plain) != name {
			t.Errorf("%s: OpenJWE = %q, %v", name, plain, err)
		}
	}
	if _, err := newest.Open(boxes.Seal(nil, bind), bind); err != nil {
		t.Errorf("the first box does not seal: %v", err)
	}
	if _, err := newest.OpenJWE(boxes.SealJWE(nil)); err != nil {
		t.Errorf("the first box does not seal: %v", err)
	}
}

func TestBoxesRefuse(t *testing.T) {
	newest, older, oldest := namedBox(t, "ABCDEF12", 1), namedBox(t, "12345678", 2), newBox(t, 3)
	gone, bind, plain := namedBox(t, "GONEGONE", 4), []byte("pool"), []byte("plain")
	sealed, err := base64.RawURLEncoding.DecodeString(newest.Seal(plain, bind))
	if err != nil {
		t.Fatal(err)
	}
	renamed := append([]byte("12345678"), sealed[8:]...)
	for name, boxes := range map[string]token.Boxes{"named": {newest, older}, "one without an id": {newest, oldest}, "none": nil} {
		for what, s := range map[string]string{
			"empty": "", "short": "AAAA", "of a box that is gone": gone.Seal(plain, bind), "bound to something else": newest.Seal(plain, nil),
			"renamed": base64.RawURLEncoding.EncodeToString(renamed), "without its id": base64.RawURLEncoding.EncodeToString(sealed[8:]),
			"a JWE": newest.SealJWE(plain), "another key under the id": namedBox(t, "ABCDEF12", 9).Seal(plain, bind), "garbage": strings.Repeat("!", 80),
		} {
			if got, err := boxes.Open(s, bind); !errors.Is(err, token.ErrSealed) || got != nil {
				t.Errorf("%s, %s: Open = %q, %v; want ErrSealed", name, what, got, err)
			}
			if got, err := newest.Open(s, bind); !errors.Is(err, token.ErrSealed) || got != nil {
				t.Errorf("%s: Open of the box alone = %q, %v; want ErrSealed", what, got, err)
			}
		}
		_, rest, _ := strings.Cut(newest.SealJWE(plain), "..")
		head, _, _ := strings.Cut(older.SealJWE(plain), "..")
		for what, s := range map[string]string{
			"empty": "", "of a box that is gone": gone.SealJWE(plain), "renamed": head + ".." + rest, "sealed": newest.Seal(plain, nil),
			"another key under the id": namedBox(t, "ABCDEF12", 9).SealJWE(plain),
			"another member":           encode(`{"cty":"JWT","enc":"A256GCM","alg":"dir","kid":"ABCDEF12","zip":"DEF"}`) + ".." + rest,
		} {
			if got, err := boxes.OpenJWE(s); !errors.Is(err, token.ErrSealed) || got != nil {
				t.Errorf("%s, %s: OpenJWE = %q, %v; want ErrSealed", name, what, got, err)
			}
			if got, err := newest.OpenJWE(s); !errors.Is(err, token.ErrSealed) || got != nil {
				t.Errorf("%s: OpenJWE of the box alone = %q, %v; want ErrSealed", what, got, err)
			}
		}
	}
}

// Another JOSE library opens the JWE of a named box, and finds its key by kid.
func TestNamedJWEForm(t *testing.T) {
	s := namedBox(t, "ABCDEF12", 1).SealJWE([]byte("x"))
	if got, want := decode(t, s[:strings.IndexByte(s, '.')]), `{"cty":"JWT","enc":"A256GCM","alg":"dir","kid":"ABCDEF12"}`; got != want {
		t.Errorf("header = %s, want %s", got, want)
	}
	jwe, err := jose.ParseEncryptedCompact(s, []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := jwe.Decrypt(bytes.Repeat([]byte{1}, 32))
	if err != nil || string(plain) != "x" || jwe.Header.KeyID != "ABCDEF12" {
		t.Errorf("Decrypt = %q, %v, with the key id %q", plain, err, jwe.Header.KeyID)
	}
}
