package scripts

import (
	"os/exec"
	"path"
	"strings"
	"testing"
)

// TestNoStoreIsTracked looks for stores and key files among the files of the repository: a
// command that was tried in the checkout leaves them. Those of testdata are wanted.
func TestNoStoreIsTracked(t *testing.T) {
	cmd := exec.Command("git", "ls-files", "-c")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	for name := range strings.Lines(string(out)) {
		name = strings.TrimSpace(name)
		switch path.Ext(name) {
		case ".db", ".key", ".pem", ".test", ".prof":
			if !strings.Contains(name, "/testdata/") {
				t.Errorf("%s is tracked", name)
			}
		}
	}
}
