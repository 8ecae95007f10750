package main

import (
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	const want = "mallory is refused: Invalid email domain\nwelcome, alice\nalice is in: true\ncarol is in: true\nasked: We have sent you a code.\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
