package mfa_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/pquerna/otp"

	"github.com/cognate-id/cognate/mfa"
)

func TestNewSecret(t *testing.T) {
	a, b := mfa.NewSecret(), mfa.NewSecret()
	if len(a) != 32 || len(a.Text()) != 52 {
		t.Errorf("%d bytes, text of %d, want 32 and 52", len(a), len(a.Text()))
	}
	if bytes.Equal(a, b) || bytes.Equal(a[:16], a[16:]) {
		t.Error("secrets are not random")
	}
}

func TestParseSecret(t *testing.T) {
	const ten = "GEZDGNBVGY3TQOJQ" // 1234567890
	for _, tt := range []struct {
		name, text string
		want       string // "" for an error
	}{
		{"ten bytes", ten, "1234567890"},
		{"lower case", "gezdgnbvgy3tqojq", "1234567890"},
		{"mixed case", "GezdGnbvgy3tqOJQ", "1234567890"},
		{"groups of four", "gezd gnbv gy3t qojq", "1234567890"},
		{"around it", "\r\n\t" + ten + "\u00a0\n", "1234567890"},
		{"no padding", "GEZDGNBVGY3TQOJQGE", "12345678901"},
		{"padding", "GEZDGNBVGY3TQOJQGE======", "12345678901"},
		{"too little padding", "GEZDGNBVGY3TQOJQGE=", "12345678901"},
		{"padding not needed", ten + "========", "1234567890"},
		{"padding in groups", "GEZD GNBV GY3T QOJQ GE== ==", "12345678901"},
		{"bits beyond the last byte", "GEZDGNBVGY3TQOJQGF", "12345678901"},
		{"64 bytes", strings.Repeat("A", 103), strings.Repeat("\x00", 64)},

		{"empty", "", ""},
		{"spaces", "   ", ""},
		{"padding alone", "========", ""},
		{"nine bytes", "GEZDGNBVGY3TQOI", ""},
		{"65 bytes", strings.Repeat("A", 104), ""},
		{"megabyte", strings.Repeat("A", 1<<20), ""},
		{"a letter too few", "GEZDGNBVGY3TQOJQGEZDGN", ""},
		{"a letter too many", ten + "A", ""},
		{"three letters too many", ten + "AAA", ""},
		{"padding inside", "GEZDGNBV========GY3TQOJQGEZDGNBV", ""},
		{"digit one", "1" + ten[1:], ""},
		{"digit zero", "0" + ten[1:], ""},
		{"hyphens", "GEZD-GNBV-GY3T-QOJQ", ""},
		{"dotless i", strings.Repeat("ı", 16), ""},
		{"long s", strings.Repeat("ſ", 16), ""},
		{"no UTF-8", strings.Repeat("\xff", 16), ""},
		{"zero byte", ten + "\x00", ""},
		{"base64", "MTIzNDU2Nzg5MA==", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := mfa.ParseSecret(tt.text)
			if tt.want == "" {
				if got != nil || !errors.Is(err, mfa.ErrInvalidSecret) {
					t.Errorf("ParseSecret = %q, %v, want ErrInvalidSecret", []byte(got), err)
				}
				return
			}
			if err != nil || string(got) != tt.want {
				t.Errorf("ParseSecret = %q, %v, want %q", []byte(got), err, tt.want)
			}
		})
	}
}

func FuzzParseSecret(f *testing.F) {
	f.Add("GEZDGNBVGY3TQOJQ")
	f.Add("gezd gnbv gy3t qojq ge==")
	f.Add("GEZDGNBVGY3TQOJQA")
	f.Add("ı\xff=\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := mfa.ParseSecret(text)
		if err != nil {
			if s != nil || !errors.Is(err, mfa.ErrInvalidSecret) {
				t.Fatalf("%v, with %d bytes", err, len(s))
			}
			return
		}
		if len(s) < 10 || len(s) > 64 {
			t.Fatalf("%d bytes", len(s))
		}
		written := s.Text()
		for _, same := range []string{
			written,
			strings.ToLower(written),
			" " + strings.Join(strings.Split(written, ""), " "),
			written + "==",
		} {
			if again, err := mfa.ParseSecret(same); err != nil || !bytes.Equal(again, s) {
				t.Fatalf("%q reads as %x, %v, want %x", same, []byte(again), err, []byte(s))
			}
		}
	})
}

func TestURI(t *testing.T) {
	const rest = "&algorithm=SHA1&digits=6&period=30"
	const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	for _, tt := range []struct{ name, issuer, account, want string }{
		{
			"plain", "Example", "alice",
			"otpauth://totp/Example:alice?secret=" + secret + "&issuer=Example" + rest,
		},
		{
			"space and at", "ACME Co", "john.doe@email.com",
			"otpauth://totp/ACME%20Co:john.doe%40email.com?secret=" + secret + "&issuer=ACME%20Co" + rest,
		},
		{
			"plus", "A+B", "john+doe",
			"otpauth://totp/A%2BB:john%2Bdoe?secret=" + secret + "&issuer=A%2BB" + rest,
		},
		{
			"what ends a path or a value", "A/B?C&D=E#F;", "g/h%",
			"otpauth://totp/A%2FB%3FC%26D%3DE%23F%3B:g%2Fh%25?secret=" + secret + "&issuer=A%2FB%3FC%26D%3DE%23F%3B" + rest,
		},
		{
			"colons", "Acme: Shop", "urn:alice",
			"otpauth://totp/Acme%20Shop:urn%3Aalice?secret=" + secret + "&issuer=Acme%20Shop" + rest,
		},
		{
			"letters beyond ASCII", "Café", "日",
			"otpauth://totp/Caf%C3%A9:%E6%97%A5?secret=" + secret + "&issuer=Caf%C3%A9" + rest,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := rfcSecret.URI(tt.issuer, tt.account); got != tt.want {
				t.Errorf("URI(%q, %q) =\n%s, want\n%s", tt.issuer, tt.account, got, tt.want)
			}
		})
	}
}

func FuzzURI(f *testing.F) {
	f.Add([]byte(rfcSecret), "Example", "alice@example.com")
	f.Add([]byte{}, "", "")
	f.Add([]byte{0}, "ACME Co: +/?#&=%;", " a:b/c+\xff\n")
	f.Fuzz(func(t *testing.T, secret []byte, issuer, account string) {
		uri := mfa.Secret(secret).URI(issuer, account)
		if strings.ContainsAny(uri, "+ ") {
			t.Fatalf("%s has a space or a plus sign", uri)
		}
		key, err := otp.NewKeyFromURL(uri)
		if err != nil {
			t.Fatal(err)
		}
		issuer = strings.ReplaceAll(issuer, ":", "")
		if key.Type() != "totp" || key.Issuer() != issuer || key.AccountName() != account {
			t.Errorf("%s is %s of %q for %q, want totp of %q for %q",
				uri, key.Type(), key.Issuer(), key.AccountName(), issuer, account)
		}
		if want := mfa.Secret(secret).Text(); key.Secret() != want {
			t.Errorf("secret %q, want %q", key.Secret(), want)
		}
		if key.Algorithm() != otp.AlgorithmSHA1 || key.Digits() != mfa.Digits || key.Period() != 30 {
			t.Errorf("%v, %v digits, %d s", key.Algorithm(), key.Digits(), key.Period())
		}
	})
}

func TestRedacted(t *testing.T) {
	s := rfcSecret
	type user struct {
		Name   string
		Secret mfa.Secret
	}
	u := user{"alice", s}
	printed := map[string]string{
		"Stringer":             s.String(),
		"GoStringer":           s.GoString(),
		"pointer to a struct":  fmt.Sprintf("%+v", &u),
		"struct, Go syntax":    fmt.Sprintf("%#v", u),
		"slice":                fmt.Sprint([]mfa.Secret{s}),
		"map":                  fmt.Sprint(map[string]mfa.Secret{"a": s}),
		"error":                fmt.Errorf("sign in: %v", s).Error(),
		"slog text":            logged(t, false, slog.Any("secret", s)),
		"slog text, of struct": logged(t, false, slog.Any("user", u)),
		"slog JSON":            logged(t, true, slog.Any("secret", s)),
		"slog JSON, group":     logged(t, true, slog.Group("user", "secret", s)),
	}
	for _, verb := range "vsqxXdbcoOUtefg" {
		printed["%"+string(verb)] = fmt.Sprintf("%"+string(verb), s)
		printed["%+"+string(verb)+" of a struct"] = fmt.Sprintf("%+"+string(verb), struct{ Secret mfa.Secret }{s})
	}
	for how, got := range printed {
		if !strings.Contains(got, "[redacted]") {
			t.Errorf("%s: %s", how, got)
		}
		for _, leak := range []string{s.Text(), string(s), "31323334", "49 50 51", base64.StdEncoding.EncodeToString(s)} {
			if strings.Contains(got, leak) {
				t.Errorf("%s shows the secret: %s", how, got)
			}
		}
	}
}

func logged(t *testing.T, asJSON bool, attr slog.Attr) string {
	t.Helper()
	var b strings.Builder
	var h slog.Handler = slog.NewTextHandler(&b, nil)
	if asJSON {
		h = slog.NewJSONHandler(&b, nil)
	}
	slog.New(h).LogAttrs(t.Context(), slog.LevelInfo, "signed in", attr) //nolint:sloglint // the attribute is what is tested
	return b.String()
}

func TestJSON(t *testing.T) {
	b, err := json.Marshal(rfcSecret)
	if want := `"` + base64.StdEncoding.EncodeToString(rfcSecret) + `"`; err != nil || string(b) != want {
		t.Fatalf("%s, %v, want %s", b, err, want)
	}
	var got mfa.Secret
	if err := json.Unmarshal(b, &got); err != nil || !bytes.Equal(got, rfcSecret) {
		t.Errorf("%s reads back as %x, %v", b, []byte(got), err)
	}
}
