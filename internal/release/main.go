// Command release builds the archives of a release, one for each platform, and
// the file SHA256SUMS. The same checkout, version and Go toolchain give the
// same bytes. `.ci/release VERSION` runs it.
package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A target is a platform that the command is built for.
type target struct{ os, arch string }

var targets = []target{
	{"linux", "amd64"},
	{"linux", "arm64"},
	{"darwin", "amd64"},
	{"darwin", "arm64"},
	{"windows", "amd64"},
	{"windows", "arm64"},
}

func main() {
	log.SetFlags(0)
	root := flag.String("root", ".", "the checkout")
	dist := flag.String("dist", "dist", "the new directory for the archives")
	flag.Parse()
	mtime, err := modTime(os.Getenv("SOURCE_DATE_EPOCH"))
	if err == nil {
		r := release{root: *root, dist: *dist, version: flag.Arg(0), mtime: mtime}
		err = r.build(context.Background(), targets)
	}
	if err != nil {
		log.Fatalf("release: %v", err)
	}
}

// modTime is the time that all files in the archives have. epoch is in Unix
// seconds; empty means 1980, the first year that a zip file knows.
func modTime(epoch string) (time.Time, error) {
	first := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	if epoch == "" {
		return first, nil
	}
	n, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil || n < first.Unix() {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH is %q, want Unix seconds since 1980", epoch)
	}
	return time.Unix(n, 0).UTC(), nil
}

// A release is what is built, and where.
type release struct {
	root, dist, version string
	mtime               time.Time
}

var versionForm = regexp.MustCompile(`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$`)

// build writes an archive for each target, and then SHA256SUMS. The directory
// for the archives must be new or empty, so that no file of another release is in it.
func (r *release) build(ctx context.Context, targets []target) error {
	if !versionForm.MatchString(r.version) {
		return fmt.Errorf("version is %q, want one like v1.2.3 or v1.2.3-rc.1", r.version)
	}
	if err := os.MkdirAll(r.dist, 0o755); err != nil {
		return err
	}
	if found, err := os.ReadDir(r.dist); err != nil || len(found) > 0 {
		return errors.Join(err, fmt.Errorf("%s is not empty", r.dist))
	}
	sums := make([]string, 0, len(targets))
	for _, t := range targets {
		name, data, err := r.archive(ctx, t)
		if err != nil {
			return fmt.Errorf("%s/%s: %w", t.os, t.arch, err)
		}
		if err := os.WriteFile(filepath.Join(r.dist, name), data, 0o644); err != nil {
			return err
		}
		sums = append(sums, fmt.Sprintf("%x  %s\n", sha256.Sum256(data), name))
		fmt.Println(filepath.Join(r.dist, name))
	}
	slices.SortFunc(sums, func(a, b string) int { return strings.Compare(a[2*sha256.Size:], b[2*sha256.Size:]) })
	return os.WriteFile(filepath.Join(r.dist, "SHA256SUMS"), []byte(strings.Join(sums, "")), 0o644)
}

// archive returns the archive of a target: a directory with the command, the
// licence and the README, as a zip file for Windows and as a tar file for others.
func (r *release) archive(ctx context.Context, t target) (name string, data []byte, err error) {
	command := "cognate"
	if t.os == "windows" {
		command += ".exe"
	}
	binary, err := r.compile(ctx, t)
	if err != nil {
		return "", nil, err
	}
	files := []file{{command, binary, 0o755}}
	for _, name := range []string{"LICENSE", "README.md"} {
		text, err := os.ReadFile(filepath.Join(r.root, name))
		if err != nil {
			return "", nil, err
		}
		files = append(files, file{name, text, 0o644})
	}
	dir := fmt.Sprintf("cognate_%s_%s_%s", strings.TrimPrefix(r.version, "v"), t.os, t.arch)
	for i := range files {
		files[i].name = dir + "/" + files[i].name
	}
	var buf bytes.Buffer
	if t.os == "windows" {
		err = writeZip(&buf, files, r.mtime)
		return dir + ".zip", buf.Bytes(), err
	}
	err = writeTar(&buf, files, r.mtime)
	return dir + ".tar.gz", buf.Bytes(), err
}

// compile returns the command for a target. Nothing of this machine gets into
// it: neither paths nor the state of the checkout.
func (r *release) compile(ctx context.Context, t target) ([]byte, error) {
	dir, err := os.MkdirTemp("", "cognate-release")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "cognate")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-mod=readonly",
		"-ldflags", "-s -w -X main.release="+r.version, "-o", out, "./cmd/cognate")
	cmd.Dir = r.root
	cmd.Env = append(os.Environ(), "GOOS="+t.os, "GOARCH="+t.arch, "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off",
		"GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, text)
	}
	return os.ReadFile(out)
}

// A file is an entry of an archive.
type file struct {
	name string
	data []byte
	mode int64
}

func writeTar(w io.Writer, files []file, mtime time.Time) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	for _, f := range files {
		h := &tar.Header{Format: tar.FormatUSTAR, Name: f.name, Mode: f.mode, Size: int64(len(f.data)), ModTime: mtime}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(f.data); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return z.Close()
}

func writeZip(w io.Writer, files []file, mtime time.Time) error {
	z := zip.NewWriter(w)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: mtime}
		h.SetMode(os.FileMode(f.mode))
		out, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := out.Write(f.data); err != nil {
			return err
		}
	}
	return z.Close()
}
