package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

const root = "../.."

func check(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// Two checkouts at different places give the same bytes, and the command in the
// archive says which version it is.
func TestReleaseIsReproducible(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command twice")
	}
	host := []target{{runtime.GOOS, runtime.GOARCH}}
	if !slices.Contains(targets, host[0]) {
		t.Fatalf("there is no archive for %s/%s", host[0].os, host[0].arch)
	}
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	copyTree(t, elsewhere)
	var built [2]map[string][]byte
	for i, from := range []string{root, elsewhere} {
		r := release{root: from, dist: filepath.Join(t.TempDir(), "dist"), version: "v1.2.3-rc.1", mtime: time.Unix(1.8e9, 0).UTC()}
		check(t, "build", r.build(t.Context(), host))
		built[i] = filesIn(t, r.dist)
	}
	for name, data := range built[0] {
		if !bytes.Equal(data, built[1][name]) {
			t.Errorf("%s differs between two builds", name)
		}
	}
	if len(built[0]) != 2 || len(built[1]) != 2 {
		t.Errorf("%d and %d files, want an archive and SHA256SUMS", len(built[0]), len(built[1]))
	}
	checkSums(t, built[0])
	dir := "cognate_1.2.3-rc.1_" + runtime.GOOS + "_" + runtime.GOARCH
	out := unpack(t, built[0][dir+".tar.gz"])
	got, err := exec.CommandContext(t.Context(), filepath.Join(out, dir, "cognate"), "--version").CombinedOutput()
	if string(got) != "cognate v1.2.3-rc.1\n" || err != nil {
		t.Errorf("cognate --version says %q, %v", got, err)
	}
}

// checkSums reads SHA256SUMS as sha256sum does.
func checkSums(t *testing.T, files map[string][]byte) {
	t.Helper()
	for line := range strings.Lines(string(files["SHA256SUMS"])) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if want := fmt.Sprintf("%x", sha256.Sum256(files[name])); !ok || files[name] == nil || sum != want {
			t.Errorf("SHA256SUMS has %q, want %s of %s", line, want, name)
		}
	}
	if n := bytes.Count(files["SHA256SUMS"], []byte("\n")); n != len(files)-1 {
		t.Errorf("SHA256SUMS has %d lines for %d files", n, len(files)-1)
	}
}

func filesIn(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	entries, err := os.ReadDir(dir)
	check(t, "ReadDir", err)
	for _, e := range entries {
		files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name()))
		check(t, "ReadFile", err)
	}
	return files
}

// unpack unpacks a tar.gz and returns where.
func unpack(t *testing.T, data []byte) string {
	t.Helper()
	out := t.TempDir()
	z, err := gzip.NewReader(bytes.NewReader(data))
	check(t, "gzip", err)
	r := tar.NewReader(z)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		check(t, "tar", err)
		text, err := io.ReadAll(r)
		check(t, "tar", err)
		path := filepath.Join(out, filepath.FromSlash(h.Name))
		check(t, "MkdirAll", os.MkdirAll(filepath.Dir(path), 0o755))
		check(t, "WriteFile", os.WriteFile(path, text, h.FileInfo().Mode()))
	}
}

func TestArchives(t *testing.T) {
	at := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	files := []file{{"dir/cognate", []byte("binary"), 0o755}, {"dir/LICENSE", []byte("text"), 0o644}}
	const want = "dir/cognate -rwxr-xr-x 2026-11-28T12:00:00Z binary\ndir/LICENSE -rw-r--r-- 2026-11-28T12:00:00Z text\n"
	line := func(name string, info fs.FileInfo, r io.Reader) string {
		text, err := io.ReadAll(r)
		check(t, name, err)
		return fmt.Sprintln(name, info.Mode(), info.ModTime().UTC().Format(time.RFC3339), string(text))
	}

	var buf bytes.Buffer
	check(t, "writeTar", writeTar(&buf, files, at))
	z, err := gzip.NewReader(&buf)
	check(t, "gzip", err)
	got, r := "", tar.NewReader(z)
	for h, err := r.Next(); err == nil; h, err = r.Next() {
		got += line(h.Name, h.FileInfo(), r)
	}
	if got != want {
		t.Errorf("tar has\n%swant\n%s", got, want)
	}

	buf.Reset()
	check(t, "writeZip", writeZip(&buf, files, at))
	zr, err := zip.NewReader(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	check(t, "zip", err)
	got = ""
	for _, f := range zr.File {
		r, err := f.Open()
		check(t, f.Name, err)
		got += line(f.Name, f.FileInfo(), r)
	}
	if got != want {
		t.Errorf("zip has\n%swant\n%s", got, want)
	}
}

func TestBuildRefuses(t *testing.T) {
	used := t.TempDir()
	check(t, "WriteFile", os.WriteFile(filepath.Join(used, "old.zip"), nil, 0o644))
	for _, tt := range []struct{ name, version, dist, want string }{
		{"no version", "", t.TempDir(), "version is"},
		{"without v", "1.2.3", t.TempDir(), "version is"},
		{"two numbers", "v1.2", t.TempDir(), "version is"},
		{"flag of the linker", "v1.2.3 -X main.x=y", t.TempDir(), "version is"},
		{"used directory", "v1.2.3", used, "is not empty"},
	} {
		r := release{root: root, dist: tt.dist, version: tt.version}
		if err := r.build(t.Context(), nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	for _, epoch := range []string{"x", "-1", "0"} {
		if at, err := modTime(epoch); err == nil {
			t.Errorf("SOURCE_DATE_EPOCH=%s gives %v, want an error", epoch, at)
		}
	}
}

// tree lists the files of the checkout, committed or about to be.
func tree(t *testing.T) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "-co", "--exclude-standard", "--deduplicate")
	cmd.Dir = root
	out, err := cmd.Output()
	check(t, "git ls-files", err)
	return slices.DeleteFunc(strings.Split(strings.TrimSpace(string(out)), "\n"), func(name string) bool {
		_, err := os.Stat(filepath.Join(root, name))
		return errors.Is(err, fs.ErrNotExist)
	})
}

func copyTree(t *testing.T, to string) {
	t.Helper()
	for _, name := range tree(t) {
		data, err := os.ReadFile(filepath.Join(root, name))
		check(t, "ReadFile", err)
		path := filepath.Join(to, name)
		check(t, "MkdirAll", os.MkdirAll(filepath.Dir(path), 0o755))
		check(t, "WriteFile", os.WriteFile(path, data, 0o644))
	}
}
