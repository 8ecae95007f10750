package delivery

import (
	"html"
	"regexp"
	"strings"
)

var (
	hiddenParts = regexp.MustCompile(`(?is)<(?:style|script|head|title)\b.*?</(?:style|script|head|title)\s*>|<!--.*?-->`)
	links       = regexp.MustCompile(`(?is)<a\s[^>]*?href\s*=\s*["']?(https?://[^"'\s>]+)["']?[^>]*>(.*?)</a\s*>`)
	lineEnds    = regexp.MustCompile(`(?i)<br\s*/?>|</(?:p|div|tr|li|h[1-6]|table|ul|ol)\s*>`)
	tags        = regexp.MustCompile(`(?s)</?[a-zA-Z!][^>]*>`)
	spaces      = regexp.MustCompile(`[ \t\r\n\x{a0}]+`)
	emptyLines  = regexp.MustCompile(`\n{3,}`)
)

// plainText is what a mail of HTML says, for programs that show no HTML. The address of a link
// follows its text.
func plainText(s string) string {
	s = hiddenParts.ReplaceAllString(s, " ")
	s = spaces.ReplaceAllString(s, " ")
	s = links.ReplaceAllString(s, "$2 ( $1 )")
	s = lineEnds.ReplaceAllString(s, "\n")
	s = html.UnescapeString(tags.ReplaceAllString(s, ""))
	var lines []string
	for line := range strings.SplitSeq(s, "\n") {
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.TrimSpace(emptyLines.ReplaceAllString(strings.Join(lines, "\n"), "\n\n")) + "\n"
}
