package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestUpToDate: go generate would change nothing.
func TestUpToDate(t *testing.T) {
	for service, dir := range map[string]string{"cognito-idp": "idp", "cognito-identity": "fedid"} {
		files, err := generate(filepath.Join("..", "model"), service)
		if err != nil {
			t.Fatal(err)
		}
		found, err := filepath.Glob(filepath.Join("..", dir, "*_gen.go"))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) != len(files) {
			t.Errorf("%s has %d generated files, want %q", dir, len(found), slices.Sorted(maps.Keys(files)))
		}
		for name, want := range files {
			got, err := os.ReadFile(filepath.Join("..", dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s/%s is not what go generate would write", dir, name)
			}
		}
	}
}

// TestSame: each run writes the same bytes.
func TestSame(t *testing.T) {
	first, err := generate(filepath.Join("..", "model"), "cognito-identity")
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, err := generate(filepath.Join("..", "model"), "cognito-identity")
		if err != nil {
			t.Fatal(err)
		}
		if !maps.EqualFunc(first, again, bytes.Equal) {
			t.Fatal("two runs differ")
		}
	}
}

const (
	smallModel = `{"version":"2.0","metadata":{"protocol":"json","jsonVersion":"1.1","targetPrefix":"T"},
"operations":{"Do":{"name":"Do","http":{"method":"POST","requestUri":"/"},"input":{"shape":"DoRequest"},"output":{"shape":"DoResponse"},
"errors":[{"shape":"BadException"}]}},
"shapes":{"DoRequest":{"type":"structure","required":["A"],"members":{"A":{"shape":"Text"},"B":{"shape":"Other"}}},
"DoResponse":{"type":"structure","members":{}},
"BadException":{"type":"structure","exception":true,"members":{"message":{"shape":"Text"}}},
"Text":{"type":"string","min":1,"max":9,"pattern":"[a-z]+"},
"Other":{"type":"string"}}}`
	smallFacts = `{"s":{"package":"p","validationError":"V","callers":{"SigV4":["Do"]}}}`
)

func generateSmall(t *testing.T, model, facts string) error {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"s.json": model, "facts.json": facts} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := generate(dir, "s")
	return err
}

// TestNotUnderstood: what the generator does not understand fails, and the
// error says what it was.
func TestNotUnderstood(t *testing.T) {
	if err := generateSmall(t, smallModel, smallFacts); err != nil {
		t.Fatal(err)
	}
	other := `"Other":{"type":"string"}`
	for _, tt := range []struct{ name, old, new, want string }{
		{"trait of a shape", other, `"Other":{"type":"string","uniqueItems":true}`, "uniqueItems"},
		{"trait of a member", `{"shape":"Other"}`, `{"shape":"Other","location":"header"}`, "location"},
		{"trait of an operation", `"name":"Do"`, `"name":"Do","idempotent":true`, "idempotent"},
		{"trait of the model", `"version":"2.0"`, `"version":"2.0","clientContextParams":{}`, "clientContextParams"},
		{"type", other, `"Other":{"type":"float"}`, `type "float"`},
		{"constraint on another type", other, `"Other":{"type":"boolean","min":1}`, `trait "min" is not understood on a boolean`},
		{"pattern on a list", other, `"Other":{"type":"list","member":{"shape":"Text"},"pattern":"x"}`, `trait "pattern"`},
		{"list of numbers", other, `"Other":{"type":"list","member":{"shape":"N"}},"N":{"type":"integer"}`, "a list of anything but"},
		{"list of lists", other, `"Other":{"type":"list","member":{"shape":"L"}},"L":{"type":"list","member":{"shape":"Text"}}`, "a list of anything but"},
		{"map of numbers", other, `"Other":{"type":"map","key":{"shape":"Text"},"value":{"shape":"N"}},"N":{"type":"integer"}`, "a map of anything but"},
		{"enum with a limit", other, `"Other":{"type":"string","enum":["X"],"max":3}`, "an enum with further constraints"},
		{"nested in itself", other, `"Other":{"type":"structure","members":{"O":{"shape":"Other"}}}`, "contains itself"},
		{"secret structure", other, `"Other":{"type":"structure","sensitive":true,"members":{"N":{"shape":"N"}}},"N":{"type":"integer"}`, "a sensitive structure of anything but"},
		{"binary data below", other, `"Other":{"type":"structure","members":{"B":{"shape":"B"}}},"B":{"type":"blob","max":9}`, "how long a request may be"},
		{"unlimited binary data", other, `"Other":{"type":"blob"}`, "how long a request may be"},
		{"negative limit", `"min":1`, `"min":-1`, "negative"},
		{"missing shape", `{"shape":"Other"}`, `{"shape":"Nowhere"}`, "Nowhere"},
		{"missing member", `"required":["A"]`, `"required":["C"]`, "requires C"},
		{"odd name of a member", `"B":{`, `"b-c":{`, `"b-c"`},
		{"member of an error", `"message":{`, `"retryAfter":{`, "retryAfter"},
		{"other path", `"/"`, `"/do"`, "POST /do"},
		{"other protocol", `"1.1"`, `"1.0"`, "protocol"},
		{"other authentication", `"name":"Do"`, `"name":"Do","authtype":"bearer"`, "bearer"},
		{"no input", `"input":{"shape":"DoRequest"},`, ``, "without input"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if strings.Count(smallModel, tt.old) == 0 {
				t.Fatalf("the model has no %s", tt.old)
			}
			err := generateSmall(t, strings.Replace(smallModel, tt.old, tt.new, 1), smallFacts)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that tells of %q", err, tt.want)
			}
		})
	}
}

func TestFactsNotUnderstood(t *testing.T) {
	for _, tt := range []struct{ name, old, new, want string }{
		{"member", `"package"`, `"pakage":"","package"`, "pakage"},
		{"caller", `"SigV4"`, `"anyone"`, `"anyone"`},
		{"caller against the model", `"SigV4"`, `"public client"`, "authtype"},
		{"operation without caller", `["Do"]`, `[]`, "callers are named for 0"},
		{"two callers", `["Do"]`, `["Do","Do"]`, "two callers"},
		{"status", `"package"`, `"statuses":{"DoRequest":403},"package"`, "DoRequest"},
		{"order", `"package"`, `"enumOrder":{"Text":["x"]},"package"`, "Text"},
		{"pattern of nothing", `"package"`, `"patterns":{"Nowhere":{"pattern":"x","evidence":"y"}},"package"`, "Nowhere"},
		{"pattern without evidence", `"package"`, `"patterns":{"Text":{"pattern":"x"}},"package"`, "evidence"},
		{"pattern of the model", `"package"`, `"patterns":{"Text":{"pattern":"[a-z]+","evidence":"y"}},"package"`, "the one of the model"},
		{"value of no enum", `"package"`, `"enumValues":{"Text":{"values":["x"],"evidence":"y"}},"package"`, "no enum"},
		{"length", `"package"`, `"maxBody":{"Undo":1},"package"`, "Undo"},
		{"service", `"s"`, `"z"`, "no facts"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := generateSmall(t, smallModel, strings.Replace(smallFacts, tt.old, tt.new, 1))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that tells of %q", err, tt.want)
			}
		})
	}
}

func TestPatternsNotUnderstood(t *testing.T) {
	for _, pattern := range []string{
		`(?=a)b`, `(?!a)b`, `(?<=a)b`, `(?<!\.)`, `^[0-9A-Za-z\.\-_]*(?<!\.)$`, `(?i)a`, `a(?s).`, `\b-a`, `a\b`, `a\bb`, `a?\b-`, `a{0}\b-`, `[a-]\b-`, `a\b-*`, `-\b-`, `(a)\1`, `\bword`, `\h`, `\R`, `\Qa\E`, `\cA`,
		`a*+`, `a+?`, `a{2}?`, `a{2,}`, `[a-z&&[^b]]`, `[a[b]]`, `[a^b]`, `[\w-z]`, `[z-a]`, `[a`, `(a`, `a)`, `a^b`, `a$b`, `(a$)`, `^a|b$`,
		`\p{Lu}`, `\P{L}`, `\p{IsGreek}`, `*a`, `a{x}`, `é`, `[é]`, `\`, `[\xZZ]`, `\xff`,
	} {
		if p, err := parsePattern(pattern); err == nil {
			t.Errorf("%s is understood as %s", pattern, p.source(pattern))
		} else if !strings.Contains(err.Error(), "not understood") {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}

func TestPatterns(t *testing.T) {
	for _, tt := range []struct{ pattern, want string }{
		{`[\w+]+`, "wire.Pattern{Text: `[\\w+]+`, Class: wire.Class{ASCII: \"++09AZ__az\"}}"},
		{`[A-Za-z0-9-_=.]+`, "wire.Pattern{Text: `[A-Za-z0-9-_=.]+`, Class: wire.Class{ASCII: \"-.09==AZ__az\"}}"},
		{`\d*`, "wire.Pattern{Text: `\\d*`, Class: wire.Class{ASCII: \"09\", Empty: true}}"},
		{`[\w-]+_[0-9a-f-]+`, "wire.Pattern{Text: `[\\w-]+_[0-9a-f-]+`, Class: wire.Class{ASCII: \"--09AZ__az\"}, Sep: \"_\", Tail: wire.Class{ASCII: \"--09af\"}}"},
		// The separator may be in the tail: no short form.
		{`[\w-]+_\w+`, "wire.Pattern{Text: `[\\w-]+_\\w+`, Expr: `[\\x2d\\x30-\\x39\\x41-\\x5a\\x5f\\x61-\\x7a]+_[\\x30-\\x39\\x41-\\x5a\\x5f\\x61-\\x7a]+`}"},
		{`a.b`, "wire.Pattern{Text: `a.b`, Expr: `a[^\\n\\r\\x{85}\\x{2028}\\x{2029}]b`}"},
		{`(?s)a(?s).b`, "wire.Pattern{Text: `(?s)a(?s).b`, Expr: `a(?s:.)b`}"},
		{`^a{8}\b-\b[0-9]$`, "wire.Pattern{Text: `^a{8}\\b-\\b[0-9]$`, Expr: `a{8}-[\\x30-\\x39]`}"},
		{`(?s)a.b`, "wire.Pattern{Text: `(?s)a.b`, Expr: `a(?s:.)b`}"},
		{`^(a|b{2})$`, "wire.Pattern{Text: `^(a|b{2})$`, Expr: `(?:a|b{2})`}"},
		{`a|b`, "wire.Pattern{Text: `a|b`, Expr: `a|b`}"},
	} {
		p, err := parsePattern(tt.pattern)
		if err != nil {
			t.Errorf("%s: %v", tt.pattern, err)
			continue
		}
		if got := p.source(tt.pattern); got != tt.want {
			t.Errorf("%s: %s\nwant %s", tt.pattern, got, tt.want)
		}
	}
}
