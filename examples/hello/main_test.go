package main

import (
	"path/filepath"
	"testing"

	"github.com/cognate-id/cognate/store/bolt"
)

func TestRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users.db")
	if err := run(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(file, nil)
	if err != nil {
		t.Fatalf("the file cannot be opened again: %v", err)
	}
	db.Close()
}
