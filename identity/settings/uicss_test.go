package settings_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity/settings"
)

// badCSS breaks rules that have a code.
var badCSS = []struct {
	css  string
	code settings.Code
}{
	{"body { color: red }", settings.CSSClass},
	{".banner { color: red }", settings.CSSClass},
	{".other-customizable { color: red }", settings.CSSClass},
	{".banner-customizable, p { color: red }", settings.CSSClass},
	{".banner-customizable p { color: red }", settings.CSSClass},
	{`.inputField-customizable[value^="a"] { color: red }`, settings.CSSClass},
	{"{ color: red }", settings.CSSClass},
	{"} .banner-customizable {", settings.CSSMalformed},
	{".banner-customizable { color: red", settings.CSSMalformed},
	{".banner-customizable { color }", settings.CSSMalformed},
	{".banner-customizable { color: }", settings.CSSMalformed},
	{".banner-customizable { a{b: c }", settings.CSSMalformed},
	{".banner-customizable { : red }", settings.CSSMalformed},
	{"color: red", settings.CSSMalformed},
	{"/* open .banner-customizable {}", settings.CSSClass},
	{"@import 'x';", settings.CSSForbidden},
	{".banner-customizable { color: red } @media print { }", settings.CSSForbidden},
	{"</style><script>alert(1)</script>", settings.CSSForbidden},
	{".banner-customizable { color: \\72 ed }", settings.CSSForbidden},
	{".banner-customizable { background: url(JavaScript:alert(1)) }", settings.CSSForbidden},
	{".banner-customizable { width: expression (1) expression(1) }", settings.CSSForbidden},
	{strings.Repeat(" ", settings.MaxCSS+1), ""},
}

func TestCheckCSS(t *testing.T) {
	for _, tt := range badCSS {
		if e, ok := errors.AsType[*settings.Error](settings.CheckCSS(tt.css)); !ok || e.Code != tt.code {
			t.Errorf("%.60q: error %v, want the code %q", tt.css, settings.CheckCSS(tt.css), tt.code)
		}
	}
	for _, css := range []string{
		"", " \n", "/* nothing */", ".banner-customizable {}",
		".logo-customizable {\n\tmax-width: 60%;\n\tmax-height: 30%;\n}\n.banner-customizable { padding: 25px 0px 25px 0px; background-color: #fafafa }",
		".submitButton-customizable:hover, .idpButton-customizable:focus { color: #fff !important; }",
		".passwordCheck-notValid-customizable{color:#DF3312}.passwordCheck-valid-customizable{color:#19BF00}",
		".inputField-customizable::placeholder { -webkit-box-shadow: none; --x: 1 }",
		".background-customizable { background: url(https://example.com/a.png) }",
	} {
		if err := settings.CheckCSS(css); err != nil {
			t.Errorf("%q: error %v, want none", css, err)
		}
	}
}
