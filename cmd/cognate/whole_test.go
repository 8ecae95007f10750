package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// A file that cannot be written whole is none, and what is wrong is said once.
func TestWriteWholeFails(t *testing.T) {
	dir, full := t.TempDir(), errors.New("full")
	err := writeWhole(filepath.Join(dir, "b"), func(w io.Writer) error {
		w.(*bufio.Writer).Reset(brokenWriter{full})
		_, err := w.Write(make([]byte, 1<<19))
		return err
	})
	if !errors.Is(err, full) || err.Error() != "full" {
		t.Errorf("got %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

type brokenWriter struct{ err error }

func (b brokenWriter) Write([]byte) (int, error) { return 0, b.err }
