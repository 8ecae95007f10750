// Package scripts tests the command line by scripts: what a user types, what
// comes out, and what is on the disk afterwards. The scripts are in testdata.
//
// It is a module of its own, so that testscript is no dependency of Cognate.
package scripts

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// bin is the directory of the command under test, which is built once.
var bin string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if bin, err = os.MkdirTemp("", "cognate-scripts-*"); err != nil {
			panic(err)
		}
		defer os.RemoveAll(bin)
		build := exec.Command("go", "build", "-o", filepath.Join(bin, "cognate"), "./cmd/cognate")
		build.Dir = "../.."
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", bin+string(filepath.ListSeparator)+e.Getenv("PATH"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fails": fails, "keep": keep, "await": await, "post": post, "get": get, "provider": provider,
		},
	})
}

// fails runs cognate, which must end with an exit code, one error and no
// output, and must leave every file as it was:
//
//	fails CODE ARGUMENT…
func fails(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: fails CODE ARGUMENT…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	before := files(ts)
	err = ts.Exec("cognate", args[1:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != want {
		ts.Fatalf("cognate ended with %v, want exit code %d", cmp.Or(err, errors.New("exit code 0")), want)
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("a command that failed wrote to standard output: %q", out)
	}
	if told := ts.ReadFile("stderr"); !strings.HasPrefix(told, "cognate: ") || strings.Contains(told, "goroutine ") {
		ts.Fatalf("standard error is %q, want an error of cognate", told)
	}
	if after := files(ts); !maps.Equal(before, after) {
		ts.Fatalf("a command that failed changed files: before %v, after %v", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
	}
}

// files returns the hash of each file of a script, by path.
func files(ts *testscript.TestScript) map[string][sha256.Size]byte {
	all := make(map[string][sha256.Size]byte)
	ts.Check(filepath.WalkDir(ts.MkAbs("."), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		all[path] = sha256.Sum256(text)
		return err
	}))
	return all
}

// keep sets a variable to the first line of what the last command wrote, or to
// what a group of a regular expression matches in it:
//
//	keep NAME [REGEXP]
func keep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args) > 2 {
		ts.Fatalf("usage: keep NAME [REGEXP]")
	}
	form := `(.+)`
	if len(args) == 2 {
		form = args[1]
	}
	found := regexp.MustCompile(form).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) != 2 {
		ts.Fatalf("nothing matches %s", form)
	}
	ts.Setenv(args[0], found[1])
}

// limit is how long a server may take to start, on a busy machine.
const limit = time.Minute

// await waits until a file that a server writes has a text, and sets a variable to it:
//
//	await FILE NAME REGEXP
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: await FILE NAME REGEXP")
	}
	form := regexp.MustCompile(args[2])
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		text, _ := os.ReadFile(ts.MkAbs(args[0])) // it may not be there yet
		if found := form.FindSubmatch(text); len(found) == 2 {
			ts.Setenv(args[1], string(found[1]))
			return
		}
	}
	ts.Fatalf("nothing in %s matches %s", args[0], form)
}

// post calls an operation of a server, and writes the status and the answer to standard output:
//
//	post URL OPERATION BODY
func post(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: post URL OPERATION BODY")
	}
	req, err := http.NewRequest("POST", args[0], strings.NewReader(args[2]))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+args[1])
	resp, err := (&http.Client{Timeout: limit}).Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d %s\n", resp.StatusCode, body)
}

// get asks a server for a page, and writes the status and the page to standard output:
//
//	get URL
func get(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: get URL")
	}
	resp, err := http.Get(args[0])
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d %s\n", resp.StatusCode, body)
}

// TestEachCommandHasAScript holds the scripts to what each command needs: a run
// that succeeds, one that fails, and its help.
func TestEachCommandHasAScript(t *testing.T) {
	var scripts strings.Builder
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		scripts.Write(text)
	}
	all := commands(t)
	if len(all) < 30 {
		t.Fatalf("found %d commands in the help, want at least 30: %q", len(all), all)
	}
	for _, c := range all {
		for what, form := range map[string]string{
			"succeeds": `(?m)^exec (sh -c 'exec )?cognate ` + c + `( [^-].*| --[^h].*)?$`,
			"fails":    `(?m)^fails [12] ` + c + `( |$)`,
			"helps":    `(?m)^exec cognate ` + c + ` --help$`,
		} {
			if !regexp.MustCompile(form).MatchString(scripts.String()) {
				t.Errorf("no script shows how cognate %s %s: there is no line like %s", c, what, form)
			}
		}
	}
}

// commands lists the commands that the help names.
func commands(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command(filepath.Join(bin, "cognate"), "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(out), "Commands:\n")
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z]\S*(?: [a-z]\S*)*)(?:  |$)`).FindAllStringSubmatch(list, -1) {
		all = append(all, m[1])
	}
	return all
}

// aside are the commands that have nothing to do with a store of a server.
var aside = []string{"version", "mail test", "sms test", "pages preview", "doctor", "edge"}

// TestEachCommandSaysWhatItDoesWhileAServerRuns holds the script running.txtar to a line for
// each command: those that work on a store do so, and the others fail.
func TestEachCommandSaysWhatItDoesWhileAServerRuns(t *testing.T) {
	text, err := os.ReadFile("testdata/running.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range commands(t) {
		form := `(?m)^fails 1 ` + c + `( |$)`
		switch first, _, _ := strings.Cut(c, " "); {
		case slices.Contains(aside, c):
			continue
		case slices.Contains([]string{"pool", "client", "resource-server", "provider", "role", "identity-pool", "group", "user", "key", "secrets", "check", "backup", "outbox"}, first):
			form = `(?m)^exec cognate ` + c + `( [^-].*| --[^h].*)?$`
		}
		if !regexp.MustCompile(form).Match(text) {
			t.Errorf("running.txtar does not show what cognate %s does while a server runs: there is no line like %s", c, form)
		}
	}
}
