package filter_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cognate-id/cognate/identity/internal/filter"
)

// attributes are those that can be searched for.
var attributes = []string{
	"username", "email", "phone_number", "name", "given_name", "family_name",
	"preferred_username", "cognito:user_status", "status", "sub",
}

func TestParse(t *testing.T) {
	long := strings.Repeat("é", 256)
	for _, tt := range []struct {
		name, text string
		want       filter.Filter
	}{
		{"empty", "", filter.Filter{}},
		{"white space", " \t\r\n ", filter.Filter{}},
		{"exact", `email = "a@b.c"`, filter.Filter{Attribute: "email", Value: "a@b.c"}},
		{"prefix", `email ^= "a@"`, filter.Filter{Attribute: "email", Prefix: true, Value: "a@"}},
		{"no space", `sub="1"`, filter.Filter{Attribute: "sub", Value: "1"}},
		{"no space, prefix", `sub^="1"`, filter.Filter{Attribute: "sub", Prefix: true, Value: "1"}},
		{"space everywhere", "\t name\r\n ^= \"x\" ", filter.Filter{Attribute: "name", Prefix: true, Value: "x"}},
		{"space before the operator", `name ="x"`, filter.Filter{Attribute: "name", Value: "x"}},
		{"space in the value", `name = " a  b "`, filter.Filter{Attribute: "name", Value: " a  b "}},
		{"empty value", `name = ""`, filter.Filter{Attribute: "name"}},
		{"empty prefix", `name ^= ""`, filter.Filter{Attribute: "name", Prefix: true}},
		{"quote", `name = "a\"b"`, filter.Filter{Attribute: "name", Value: `a"b`}},
		{"quote alone", `name = "\""`, filter.Filter{Attribute: "name", Value: `"`}},
		{"backslash", `name = "a\\b"`, filter.Filter{Attribute: "name", Value: `a\b`}},
		{"backslash at the end", `name = "a\\"`, filter.Filter{Attribute: "name", Value: `a\`}},
		{"backslash and quote", `name = "\\\""`, filter.Filter{Attribute: "name", Value: `\"`}},
		{"condition in the value", `name = "x\" or sub = \"y"`, filter.Filter{Attribute: "name", Value: `x" or sub = "y`}},
		{"operators in the value", `name = "a = b ^= c"`, filter.Filter{Attribute: "name", Value: "a = b ^= c"}},
		{"newline in the value", "name = \"a\nb\"", filter.Filter{Attribute: "name", Value: "a\nb"}},
		{"zero byte in the value", "name = \"a\x00b\"", filter.Filter{Attribute: "name", Value: "a\x00b"}},
		{"256 characters", `name = "` + long + `"`, filter.Filter{Attribute: "name", Value: long}},
		{"megabyte", `name = "` + strings.Repeat(`\\`, 1<<19) + `"`, filter.Filter{Attribute: "name", Value: strings.Repeat(`\`, 1<<19)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := filter.Parse(tt.text); err != nil || got != tt.want {
				t.Errorf("Parse(%.80q) = %.80q, %v, want %.80q", tt.text, got, err, tt.want)
			}
		})
	}
	for _, name := range attributes {
		want := filter.Filter{Attribute: name, Value: "x"}
		if got, err := filter.Parse(name + ` = "x"`); err != nil || got != want {
			t.Errorf("Parse for %s = %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestSyntax(t *testing.T) {
	for _, tt := range []struct{ name, text string }{
		{"name alone", `name`},
		{"value alone", `"x"`},
		{"no name", `= "x"`},
		{"no operator", `name "x"`},
		{"no value", `name =`},
		{"no value, prefix", `name ^=`},
		{"no quotes", `name = x`},
		{"single quotes", `name = 'x'`},
		{"typographic quotes", `name = “x”`},
		{"no quote at the end", `name = "x`},
		{"no quote at the beginning", `name = x"`},
		{"one quote", `name = "`},
		{"quote in the value", `name = "a"b"`},
		{"doubled quote", `name = "a""b"`},
		{"escaped quote at the end", `name = "x\"`},
		{"backslash at the end", `name = "x\`},
		{"lone backslash", `name = "DOMAIN\user"`},
		{"other escape", `name = "a\nb"`},
		{"rest", `name = "x" y`},
		{"rest without space", `name = "x"y`},
		{"comment", `name = "x" --`},
		{"two conditions", `name = "x" and sub = "y"`},
		{"two conditions, or", `name = "x" or name ^= ""`},
		{"two conditions, comma", `name = "x", sub = "y"`},
		{"parentheses", `(name = "x")`},
		{"name with one quote", `"name = "x"`},
		{"name with a quote at its end", `name" = "x"`},
		{"no name in quotes", `"" = "x"`},
		{"space in a quoted name", `"name " = "x"`},
		{"quoted operator", `name "=" "x"`},
		{"two names", `given name = "x"`},
		{"not equal", `name != "x"`},
		{"not equal, no space", `name!="x"`},
		{"equal twice", `name == "x"`},
		{"split operator", `name ^ = "x"`},
		{"operator the other way", `name =^ "x"`},
		{"caret alone", `name ^ "x"`},
		{"SCIM", `name sw "x"`},
		{"star", `*`},
		{"zero byte before", "\x00name = \"x\""},
		{"zero byte after", "name = \"x\"\x00"},
		{"byte order mark", "\ufeffname = \"x\""},
		{"space that is not ASCII", "name\u00a0= \"x\""},
		{"space alone that is not ASCII", "\u00a0"},
		{"name without UTF-8", "name\xff = \"x\""},
		{"value without UTF-8", "name = \"x\xff\""},
		{"rest, of no such attribute", `custom:foo = "x" y`},
		{"no quote at the end, of no such attribute", `custom:foo = "x`},
		{"megabyte", `name = "` + strings.Repeat("x", 1<<20)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := filter.Parse(tt.text); !errors.Is(err, filter.ErrSyntax) || got != (filter.Filter{}) {
				t.Errorf("Parse(%.80q) = %.80q, %v, want ErrSyntax", tt.text, got, err)
			}
		})
	}
}

func TestNotSearchable(t *testing.T) {
	for _, name := range []string{
		"custom:foo", "custom:größe", "custom:foo-bar", "dev:custom:foo", "address", "Email", "EMAIL",
		"user_status", "email_verified", "cognito:user_status2", "1",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := filter.Parse(name + ` ^= "x"`)
			var attr *filter.AttributeError
			if !errors.As(err, &attr) || attr.Name != name || got != (filter.Filter{}) {
				t.Errorf("Parse = %q, %v, want an AttributeError for %s", got, err, name)
			}
			if !strings.Contains(err.Error(), name) {
				t.Errorf("the error does not name %s: %v", name, err)
			}
		})
	}
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		name, filter, value string
		want                bool
	}{
		{"all", "", "x", true},
		{"all, empty value", "", "", true},
		{"equal", `name = "abc"`, "abc", true},
		{"shorter", `name = "abc"`, "ab", false},
		{"longer", `name = "abc"`, "abcd", false},
		{"empty", `name = ""`, "", true},
		{"not empty", `name = ""`, "a", false},
		{"prefix", `name ^= "abc"`, "abcd", true},
		{"prefix, equal", `name ^= "abc"`, "abc", true},
		{"prefix, shorter", `name ^= "abc"`, "ab", false},
		{"prefix, not at the beginning", `name ^= "abc"`, "xabc", false},
		{"prefix, empty", `name ^= ""`, "", true},
		{"prefix, any", `name ^= ""`, "x", true},
		{"no pattern", `name ^= "a.*"`, "abc", false},
		{"escapes", `name = "a\"\\b"`, `a"\b`, true},
		{"case", `username = "Alice"`, "alice", false},
		{"case, prefix", `email ^= "A"`, "alice@example.com", false},
		{"not normalised", "name = \"cafe\u0301\"", "caf\u00e9", false},
		{"status", `status = "Enabled"`, "Enabled", true},
		{"status, case", `status = "enabled"`, "Enabled", false},
		{"user status", `cognito:user_status = "CONFIRMED"`, "CONFIRMED", true},
		{"user status, case", `cognito:user_status = "Confirmed"`, "CONFIRMED", true},
		{"user status, prefix", `cognito:user_status ^= "force_"`, "FORCE_CHANGE_PASSWORD", true},
		{"user status, other", `cognito:user_status = "UNCONFIRMED"`, "CONFIRMED", false},
		{"user status, prefix too long", `cognito:user_status ^= "confirmed_"`, "CONFIRMED", false},
		{"user status, beside the letters", "cognito:user_status = \"[\"", "{", false},
		{"user status, Kelvin sign", "cognito:user_status = \"un\u212anown\"", "UNKNOWN", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := filter.Parse(tt.filter)
			if err != nil {
				t.Fatal(err)
			}
			if got := f.Matches(tt.value); got != tt.want {
				t.Errorf("%s: Matches(%q) = %v, want %v", tt.filter, tt.value, got, tt.want)
			}
		})
	}
}

// loose is how a filter is read elsewhere. What [filter.Parse] takes, it takes too.
var loose = regexp.MustCompile(`(?s)^\s*"?([\w:]+)"?\s*(=|\^=)\s*"(.*)"\s*$`)

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"", " ", `email = "a@b.c"`, "\tcognito:user_status^=\"x\"\n", `name = "a\"b\\"`,
		`name = "a"b"`, `"name" = "x"`, `custom:ü = "x"`, `name = "x" and sub = "y"`, `name = "\`, "name = \"\xff\"",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := filter.Parse(text)
		if err != nil {
			var attr *filter.AttributeError
			if got != (filter.Filter{}) || !errors.Is(err, filter.ErrSyntax) && !errors.As(err, &attr) {
				t.Fatalf("%q, %v", got, err)
			}
			return
		}
		if got == (filter.Filter{}) {
			if strings.Trim(text, " \t\r\n") != "" {
				t.Fatalf("%q selects all", text)
			}
			return
		}
		if again, err := filter.Parse(got.String()); err != nil || again != got {
			t.Fatalf("%q is written as %s and reads back as %q, %v", got, got.String(), again, err)
		}
		parts := loose.FindStringSubmatch(text)
		if parts == nil || parts[1] != got.Attribute || (parts[2] == "^=") != got.Prefix {
			t.Fatalf("%q reads elsewhere as %q", got, parts)
		}
		if !strings.Contains(text, `\`) && parts[3] != got.Value {
			t.Fatalf("the value of %q reads elsewhere as %q", got, parts[3])
		}
	})
}

func FuzzString(f *testing.F) {
	f.Add(byte(0), false, "alice")
	f.Add(byte(7), true, "\"\\\n\x00é")
	f.Add(byte(3), true, "\xff")
	f.Fuzz(func(t *testing.T, attribute byte, prefix bool, value string) {
		want := filter.Filter{
			Attribute: attributes[int(attribute)%len(attributes)],
			Prefix:    prefix,
			Value:     value,
		}
		got, err := filter.Parse(want.String())
		if !utf8.ValidString(value) {
			if !errors.Is(err, filter.ErrSyntax) {
				t.Fatalf("%q, %v, want ErrSyntax", got, err)
			}
			return
		}
		if err != nil || got != want {
			t.Fatalf("%s reads as %q, %v, want %q", want, got, err, want)
		}
		if !got.Matches(value) || got.Matches(value+"x") != prefix {
			t.Errorf("%s matches %q %v, and more of it %v", got, value, got.Matches(value), got.Matches(value+"x"))
		}
	})
}
