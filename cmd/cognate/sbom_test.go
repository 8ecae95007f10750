package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"testing"
)

// TestSBOM holds the list of what a binary is made of to what the binary says of itself.
func TestSBOM(t *testing.T) {
	for _, program := range []string{"bash", "awk", "go"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "bash", "../../.ci/sbom", self).Output()
	if err != nil {
		t.Fatal(err)
	}
	type part struct {
		Name, Version, Purl string
		Properties          []struct{ Name, Value string }
	}
	var list struct {
		BomFormat  string
		Metadata   struct{ Component part }
		Components []part
	}
	if err := json.Unmarshal(out, &list); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || len(info.Deps) == 0 {
		t.Fatal("the test says nothing of itself")
	}
	if list.BomFormat != "CycloneDX" || list.Metadata.Component.Name != info.Main.Path || len(list.Components) != len(info.Deps)+1 {
		t.Errorf("%s of %s with %d parts, want %s with %d", list.BomFormat, list.Metadata.Component.Name, len(list.Components), info.Main.Path, len(info.Deps)+1)
	}
	for _, d := range info.Deps {
		if !slices.ContainsFunc(list.Components, func(p part) bool {
			return p.Name == d.Path && p.Version == d.Version && p.Purl == "pkg:golang/"+d.Path+"@"+d.Version && len(p.Properties) == 1 && p.Properties[0].Value == d.Sum
		}) {
			t.Errorf("%s %s is not listed", d.Path, d.Version)
		}
	}
	if !slices.ContainsFunc(list.Components, func(p part) bool { return p.Name == "std" && p.Version == info.GoVersion }) {
		t.Errorf("the standard library of %s is not listed", info.GoVersion)
	}
}
