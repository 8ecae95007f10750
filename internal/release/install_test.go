package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

const (
	modulePath = "github.com/cognate-id/cognate"
	tested     = "v0.0.1" // the one version in the proxy of the test
)

// The commands of README, on a machine that has Go and nothing else: with empty
// HOME, GOPATH and GOCACHE. The module comes from a proxy that is made of the
// checkout, and what it depends on from this machine's module cache or proxy.
func TestInstall(t *testing.T) {
	if testing.Short() {
		t.Skip("builds everything with an empty cache")
	}
	commands := installCommands(t)
	m := newMachine(t)

	// A new module with README's program, which runs twice on the same store.
	program, err := os.ReadFile(filepath.Join(root, "examples/hello/main.go"))
	check(t, "ReadFile", err)
	check(t, "WriteFile", os.WriteFile(filepath.Join(m.dir, "main.go"), program, 0o644))
	m.run("go mod init example.com/hello")
	for _, c := range commands {
		m.run(c)
	}
	m.run("go build -o hello .")
	for range 2 {
		if got := m.run("./hello"); !strings.Contains(got, "signed in: alice") {
			t.Errorf("the program says %q", got)
		}
	}
	if got := m.run(`"$GOPATH/bin/cognate" --version`); got != "cognate "+tested+"\n" {
		t.Errorf("cognate --version says %q, want version %s", got, tested)
	}
}

var installLine = regexp.MustCompile(`(?m)^go (?:get|install|mod tidy)[^#\n]*`)

// installCommands are the lines of README that install from a release.
func installCommands(t *testing.T) []string {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	check(t, "ReadFile", err)
	var lines []string
	for _, line := range installLine.FindAllString(string(readme), -1) {
		if !strings.Contains(line, "./") { // for a checkout
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	for _, want := range []string{"go get " + modulePath + "@latest", "go install " + modulePath + "/cmd/cognate@latest"} {
		if !strings.Contains(strings.Join(lines, "\n"), want) {
			t.Fatalf("README has the commands %q, want %q among them", lines, want)
		}
	}
	return lines
}

// A machine runs commands in a directory, with an environment of its own.
type machine struct {
	t   *testing.T
	dir string
	env []string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	home := t.TempDir()
	m := &machine{t, filepath.Join(home, "hello"), nil}
	check(t, "Mkdir", os.Mkdir(m.dir, 0o755))
	proxies := []string{"file://" + newProxy(t), "file://" + filepath.Join(goEnv(t, "GOMODCACHE"), "cache", "download"), goEnv(t, "GOPROXY")}
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "GO") && !strings.HasPrefix(e, "XDG_") {
			m.env = append(m.env, e)
		}
	}
	m.env = append(m.env, "HOME="+home, "GOPATH="+filepath.Join(home, "go"), "GOCACHE="+filepath.Join(home, "cache"),
		"GOPROXY="+strings.Join(proxies, ","), "GONOSUMDB="+modulePath, "GOSUMDB="+goEnv(t, "GOSUMDB"), "GOTOOLCHAIN=local", "GOFLAGS=-modcacherw")
	return m
}

// run runs a command as a person would type it, and returns what it prints.
func (m *machine) run(line string) string {
	m.t.Helper()
	since := time.Now()
	cmd := exec.CommandContext(m.t.Context(), "sh", "-c", line)
	cmd.Dir, cmd.Env = m.dir, m.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		m.t.Fatalf("%s: %v\n%s", line, err, out)
	}
	m.t.Logf("%s: %v", line, time.Since(since).Round(time.Millisecond))
	return string(out)
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	check(t, "go env "+name, err)
	return strings.TrimSpace(string(out))
}

// newProxy makes a directory in the layout of a module proxy, with the checkout
// as the one version of the module.
func newProxy(t *testing.T) string {
	t.Helper()
	proxy := t.TempDir()
	dir := filepath.Join(proxy, modulePath, "@v")
	check(t, "MkdirAll", os.MkdirAll(dir, 0o755))
	write := func(name string, data []byte) {
		check(t, "WriteFile", os.WriteFile(filepath.Join(dir, name), data, 0o644))
	}
	info, err := json.Marshal(map[string]any{"Version": tested, "Time": time.Now().UTC()})
	check(t, "Marshal", err)
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	check(t, "ReadFile", err)
	write("list", []byte(tested+"\n"))
	write(tested+".info", info)
	write(tested+".mod", mod)
	out, err := os.Create(filepath.Join(dir, tested+".zip"))
	check(t, "Create", err)
	checkout := filepath.Join(t.TempDir(), "checkout")
	copyTree(t, checkout)
	check(t, "zip", zip.CreateFromDir(out, module.Version{Path: modulePath, Version: tested}, checkout))
	check(t, "Close", out.Close())
	return proxy
}
