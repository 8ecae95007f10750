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

func newBox(t testing.TB, fill byte) *token.Box {
	t.Helper()
	box, err := token.NewBox(bytes.Repeat([]byte{fill}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func TestNewBoxTakes32Bytes(t *testing.T) {
	for _, n := range []int{0, 16, 24, 31, 33, 64} {
		if _, err := token.NewBox(make([]byte, n)); err == nil {
			t.Errorf("NewBox took a key of %d bytes", n)
		}
	}
}

func TestBoxRoundTrip(t *testing.T) {
	box := newBox(t, 1)
	for _, n := range []int{0, 1, 200, 49_000} {
		plain := bytes.Repeat([]byte("x"), n)
		for _, bind := range []string{"", "pool/user"} {
			s := box.Seal(plain, []byte(bind))
			if strings.ContainsAny(s, "+/=") {
				t.Errorf("Seal = %.30q, want base64url without padding", s)
			}
			got, err := box.Open(s, []byte(bind))
			if err != nil || !bytes.Equal(got, plain) {
				t.Errorf("Open of %d bytes = %d bytes, %v", n, len(got), err)
			}
		}
		got, err := box.OpenJWE(box.SealJWE(plain))
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("OpenJWE of %d bytes = %d bytes, %v", n, len(got), err)
		}
	}
	if first := box.Seal(nil, nil); first == box.Seal(nil, nil) {
		t.Error("two seals are equal")
	}
}

func TestBoxRefuses(t *testing.T) {
	box := newBox(t, 1)
	plain, bind := []byte("session of anna"), []byte("pool")
	s := box.Seal(plain, bind)
	data, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{
		"empty": "", "garbage": "!", "one byte": "AA", "27 bytes": s[:36], "cut": s[:len(s)-4], "longer": s + "AAAA",
		"padding": s + "=", "line break": s[:8] + "\n" + s[8:], "line break behind": s + "\r\n", "space": s + " ",
		"other key": newBox(t, 2).Seal(plain, bind), "other bind": box.Seal(plain, []byte("pool2")),
		"no bind": box.Seal(plain, nil), "JWE": box.SealJWE(plain), "too long": strings.Repeat("A", token.MaxLength+1),
		"trailing bits": loosen(s),
	}
	for i := range data {
		bad := bytes.Clone(data)
		bad[i] ^= 0x10
		all["byte "+string(rune('a'+i))] = base64.RawURLEncoding.EncodeToString(bad)
	}
	for name, s := range all {
		if got, err := box.Open(s, bind); err != token.ErrSealed || got != nil { //nolint:errorlint // exactly this one, so that nothing leaks
			t.Errorf("%s: Open = %q, %v; want ErrSealed", name, got, err)
		}
	}
	if _, err := box.Open(box.Seal(bytes.Repeat([]byte("x"), 50_000), bind), bind); !errors.Is(err, token.ErrSealed) {
		t.Errorf("beyond the length: %v, want ErrSealed", err)
	}
}

// loosen sets bits of the last character that encode nothing; s encodes 3n+1 bytes.
func loosen(s string) string {
	at := strings.IndexByte(alphabet, s[len(s)-1])
	return s[:len(s)-1] + string(alphabet[at+1])
}

// TestSealedIsNoJWE makes both of one text and tries to pass one as the other.
func TestSealedIsNoJWE(t *testing.T) {
	box := newBox(t, 1)
	head, rest, _ := strings.Cut(box.SealJWE([]byte("token")), "..")
	p := strings.Split(rest, ".")
	var whole []byte
	for _, part := range p {
		whole = append(whole, decode(t, part)...)
	}
	if _, err := box.Open(base64.RawURLEncoding.EncodeToString(whole), []byte(head)); !errors.Is(err, token.ErrSealed) {
		t.Errorf("Open of a JWE = %v, want ErrSealed", err)
	}
	sealed := decode(t, box.Seal([]byte("token"), []byte(head)))
	jwe := head + ".." + encode(sealed[:12]) + "." + encode(sealed[12:17]) + "." + encode(sealed[17:])
	if _, err := box.OpenJWE(jwe); !errors.Is(err, token.ErrSealed) {
		t.Errorf("OpenJWE of a sealed string = %v, want ErrSealed", err)
	}
}

func TestJWEForm(t *testing.T) {
	s := newBox(t, 1).SealJWE([]byte("x"))
	p := strings.Split(s, ".")
	if len(p) != 5 || p[1] != "" || len(decode(t, p[2])) != 12 || len(decode(t, p[4])) != 16 {
		t.Fatalf("SealJWE = %s", s)
	}
	if got, want := decode(t, p[0]), `{"cty":"JWT","enc":"A256GCM","alg":"dir"}`; got != want {
		t.Errorf("header = %s, want %s", got, want)
	}
}

func TestJWERefuses(t *testing.T) {
	box := newBox(t, 1)
	s := box.SealJWE([]byte("refresh token 1")) // 15 bytes, so that a part can be cut between characters
	p := strings.Split(s, ".")
	join := func(p ...string) string { return strings.Join(p, ".") }
	all := map[string]string{
		"empty": "", "four parts": join(p[0], p[2], p[3], p[4]), "six parts": s + ".AA", "cut": s[:len(s)-2],
		"encrypted key": join(p[0], "AA", p[2], p[3], p[4]), "no tag": join(p[0], "", p[2], p[3], ""),
		"short tag": join(p[0], "", p[2], p[3], p[4][:20]), "short nonce": join(p[0], "", p[2][:12], p[3], p[4]),
		"long nonce": join(p[0], "", p[2]+"AAAA", p[3], p[4]), "no text": join(p[0], "", p[2], "", p[4]),
		"other key":         newBox(t, 2).SealJWE([]byte("refresh token")),
		"other header":      join(encode(`{"alg":"dir","enc":"A256GCM"}`), "", p[2], p[3], p[4]),
		"header with space": join(encode(`{"cty":"JWT","enc":"A256GCM","alg":"dir"} `), "", p[2], p[3], p[4]),
		"line break":        s[:len(s)-4] + "\n" + s[len(s)-4:], "padding": s + "=", "trailing bits": loosen(s),
		"moved dot": join(p[0], "", p[2], p[3]+p[4][:4], p[4][4:]), "sealed": box.Seal([]byte("refresh token"), nil),
		"too long": box.SealJWE(make([]byte, 49_100)),
	}
	for i := range p[3] {
		bad := []byte(p[3])
		bad[i] = alphabet[(strings.IndexByte(alphabet, bad[i])+16)%64]
		all["character "+string(rune('a'+i))] = join(p[0], "", p[2], string(bad), p[4])
	}
	for name, s := range all {
		if got, err := box.OpenJWE(s); !errors.Is(err, token.ErrSealed) || got != nil {
			t.Errorf("%s: OpenJWE = %q, %v; want ErrSealed", name, got, err)
		}
	}
}

// TestJWEBombs has go-jose make, under our own key, what we must not open.
func TestJWEBombs(t *testing.T) {
	secret := bytes.Repeat([]byte{1}, 32)
	box := newBox(t, 1)
	for name, tt := range map[string]struct {
		alg  jose.KeyAlgorithm
		opts *jose.EncrypterOptions
	}{
		"compressed":   {jose.DIRECT, &jose.EncrypterOptions{Compression: jose.DEFLATE}},
		"wrapped key":  {jose.A256GCMKW, nil},
		"plain header": {jose.DIRECT, nil},
	} {
		enc, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: tt.alg, Key: secret}, tt.opts)
		if err != nil {
			t.Fatal(err)
		}
		jwe, err := enc.Encrypt(make([]byte, 1<<20))
		if err != nil {
			t.Fatal(err)
		}
		s, err := jwe.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := box.OpenJWE(s); !errors.Is(err, token.ErrSealed) {
			t.Errorf("%s: OpenJWE = %v, want ErrSealed", name, err)
		}
	}
}
