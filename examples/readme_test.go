// Package examples holds small programs, each about one thing. Every block of
// Go in the README and below docs is a region of one of them; this test holds them together.
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

func TestBlocksAreRegionsOfExamples(t *testing.T) {
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, page := range append(pages, "../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range block.FindAllStringSubmatch(string(text), -1) {
			found++
			file, name, text := b[1], b[2], b[3]
			if file == "" {
				t.Errorf("%s: a block of Go names no source:\n%s", page, text)
				continue
			}
			if want := region(t, file, name); text != want {
				t.Errorf("%s differs from %s#%s:\ngot:\n%s\nwant:\n%s", page, file, name, text, want)
			}
		}
	}
	if found < 5 {
		t.Errorf("found %d blocks of Go, want at least 5: the walk misses pages", found)
	}
}

// link is a link of a page to a file of the project.
var link = regexp.MustCompile(`\]\(([^)#:]*[./][^)#:]*)(?:#[^)]*)?\)`)

func TestLinksLeadToFiles(t *testing.T) {
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	top, err := filepath.Glob("../*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, top...) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), filepath.FromSlash(l[1]))); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", page, l[1])
			}
		}
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
	lines := strings.SplitAfter(strings.TrimRight(strings.TrimLeft(text, "\n"), "\t\n")+"\n", "\n")
	indent := len(lines[0]) - len(strings.TrimLeft(lines[0], "\t"))
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, strings.Repeat("\t", indent))
	}
	return strings.Join(lines, "")
}

// TestNamesOfTestsExist: a page sends its reader to no test that is not there.
func TestNamesOfTestsExist(t *testing.T) {
	tests := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && path != ".." && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".")) {
			return filepath.SkipDir
		}
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for line := range strings.Lines(string(text)) {
			if name, ok := strings.CutPrefix(line, "func Test"); ok {
				name, _, _ = strings.Cut(name, "(")
				tests["Test"+name] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"docs/adding.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/driver.md"} {
		text, err := os.ReadFile(filepath.Join("..", page))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(string(text), -1) {
			if !tests[m[1]] {
				t.Errorf("%s names %s, which is not there", page, m[1])
			}
		}
	}
}

// testName is the name of a test or a fuzz target.
var testName = regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+)`")

// The checklist names tests that there are.
func TestChecklistNamesTests(t *testing.T) {
	text, err := os.ReadFile("../docs/rfc9700.md")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, room := range []string{"oauth", "identity"} {
		files, err := filepath.Glob("../" + room + "/*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			source, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			code.Write(source)
		}
	}
	names := testName.FindAllStringSubmatch(string(text), -1)
	if len(names) < 30 {
		t.Errorf("found %d names of tests: the walk misses them", len(names))
	}
	for _, m := range names {
		if !strings.Contains(code.String(), "\nfunc "+m[1]+"(") {
			t.Errorf("there is no test %s", m[1])
		}
	}
}
