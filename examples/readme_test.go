// Package examples holds small programs, each about one thing. Every block of
// Go in the README is a region of one of them; this test holds the two together.
package examples

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// block is a fenced block of Go, after a comment that names its source.
var block = regexp.MustCompile("(?s)(?:<!-- (\\S+)#(\\w+) -->\n)?```go\n(.*?)```")

func TestREADME(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := block.FindAllStringSubmatch(string(readme), -1)
	if len(blocks) < 2 {
		t.Fatalf("README has %d blocks of Go, want at least 2", len(blocks))
	}
	for _, b := range blocks {
		file, name, text := b[1], b[2], b[3]
		if file == "" {
			t.Errorf("a block of Go names no source:\n%s", text)
			continue
		}
		if want := region(t, file, name); text != want {
			t.Errorf("README differs from %s#%s:\ngot:\n%s\nwant:\n%s", file, name, text, want)
		}
	}
}

// TestFirstBlockIsShort counts the lines of the first block that are the
// caller's own: without error returns, blank lines and comments.
func TestFirstBlockIsShort(t *testing.T) {
	text := region(t, "examples/hello/main.go", "embed")
	text = regexp.MustCompile(`(?m)^(if err != nil \{\n\treturn err\n\}|\treturn err|\})\n`).ReplaceAllString(text, "")
	n := 0
	for line := range strings.Lines(text) {
		if line := strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			n++
		}
	}
	if n > 12 {
		t.Errorf("the first block has %d lines of the caller's own, want at most 12", n)
	}
}

// region reads a region of an example, without its indentation.
func region(t *testing.T, file, name string) string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(source), "// region "+name+"\n")
	text, _, ends := strings.Cut(rest, "// endregion")
	if !ok || !ends {
		t.Fatalf("%s has no region %s", file, name)
	}
	lines := strings.SplitAfter(strings.TrimRight(text, "\t\n")+"\n", "\n")
	indent := len(lines[0]) - len(strings.TrimLeft(lines[0], "\t"))
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, strings.Repeat("\t", indent))
	}
	return strings.Join(lines, "")
}
