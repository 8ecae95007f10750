package main

import "testing"

func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the program")
	}
	if err := run(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
}
