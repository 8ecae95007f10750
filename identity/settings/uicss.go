package settings

import (
	"regexp"
	"slices"
	"strings"
)

// MaxCSS is how many characters the CSS of the classic pages may have.
const MaxCSS = 131072

// uiClasses are the classes that the classic pages have, without the ending -customizable.
var uiClasses = []string{
	"background", "banner", "errorMessage", "idpButton", "idpDescription", "inputField", "label", "legalText", "logo",
	"passwordCheck-notValid", "passwordCheck-valid", "redirect", "socialButton", "submitButton", "textDescription",
}

var (
	cssComment  = regexp.MustCompile(`(?s)/\*.*?\*/`)
	cssSelector = regexp.MustCompile(`^\.([A-Za-z-]+)-customizable(?::{1,2}[a-z-]+)*$`)
	cssProperty = regexp.MustCompile(`^-{0,2}[A-Za-z][A-Za-z0-9-]*$`)
)

// CheckCSS returns an [*Error] if CSS is not of the form that the classic pages take: rules of their
// classes, such as .banner-customizable or .submitButton-customizable:hover, and nothing
// that could end a style sheet, load another one or run a script.
func CheckCSS(css string) error {
	if len(css) > MaxCSS {
		return plain("CSS", "CSS has at most %d bytes.", MaxCSS)
	}
	rest := strings.TrimSpace(cssComment.ReplaceAllString(css, " "))
	if i := strings.IndexAny(rest, "<@\\"); i >= 0 {
		return invalid("CSS", CSSForbidden, rest[i:i+1], "CSS has no @-rules, no backslashes and no <.")
	}
	if low := strings.ToLower(rest); strings.Contains(low, "javascript:") || strings.Contains(low, "expression(") {
		return invalid("CSS", CSSForbidden, "a script", "CSS has no scripts.")
	}
	for rest != "" {
		selectors, after, open := strings.Cut(rest, "{")
		body, next, closed := strings.Cut(after, "}")
		if !open || !closed {
			return invalid("CSS", CSSMalformed, "", "A rule of the CSS has no end.")
		}
		if err := checkSelectors(selectors); err != nil {
			return err
		}
		if err := checkDeclarations(body); err != nil {
			return err
		}
		rest = strings.TrimSpace(next)
	}
	return nil
}

func checkSelectors(selectors string) error {
	for s := range strings.SplitSeq(selectors, ",") {
		s = strings.TrimSpace(s)
		if m := cssSelector.FindStringSubmatch(s); m == nil || !slices.Contains(uiClasses, m[1]) {
			return invalid("CSS", CSSClass, s, s+" is not a class of the pages.")
		}
	}
	return nil
}

// checkDeclarations checks what stands between the braces of a rule.
func checkDeclarations(body string) error {
	for d := range strings.SplitSeq(body, ";") {
		if d = strings.TrimSpace(d); d == "" {
			continue
		}
		name, value, ok := strings.Cut(d, ":")
		if !ok || !cssProperty.MatchString(strings.TrimSpace(name)) || strings.TrimSpace(value) == "" || strings.Contains(value, "{") {
			return invalid("CSS", CSSMalformed, "", "A declaration of the CSS has no name or no value.")
		}
	}
	return nil
}
