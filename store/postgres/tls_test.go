package postgres_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/store/postgres"
)

// Nothing is sent to another machine before the operator has said how. The context is
// done, so that an address which is accepted is not waited for.
func TestNoClearTextToAnotherMachineUnasked(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name, address, env string
		refused            bool
	}{
		{"another machine", "postgres://me:hidden@db.example.com/db", "", true},
		{"another machine by address", "postgres://me:hidden@192.0.2.1/db", "", true},
		{"another machine by parameter", "postgres:///db?host=db.example.com&user=me", "", true},
		{"the second of two", "postgres://me:hidden@localhost,db.example.com/db", "", true},
		{"an empty mode", "postgres://me:hidden@db.example.com/db?sslmode=", "", true},
		{"a mode", "postgres://me:hidden@db.example.com/db?sslmode=verify-full", "", false},
		{"clear text, as asked for", "postgres://me:hidden@db.example.com/db?sslmode=disable", "", false},
		{"a mode in the environment", "postgres://me:hidden@db.example.com/db", "require", false},
		{"this machine", "postgres://me:hidden@localhost/db", "", false},
		{"this machine by address", "postgres://me:hidden@127.0.0.1/db", "", false},
		{"this machine by IPv6", "postgres://me:hidden@[::1]/db", "", false},
		{"a Unix socket", "postgres:///db?host=/var/run/postgresql&user=me", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("PGSSLMODE", tt.env)
			s, err := postgres.Open(ctx, tt.address, nil)
			if err == nil {
				s.Close()
				t.Fatal("a store was opened with a context that is done")
			}
			if errors.Is(err, postgres.ErrNoTLSMode) != tt.refused {
				t.Errorf("Open = %v, refused: want %v", err, tt.refused)
			}
			if strings.Contains(err.Error(), "hidden") {
				t.Errorf("the error %q has the password", err)
			}
			if tt.refused && !strings.Contains(err.Error(), "sslmode=verify-full") {
				t.Errorf("the error %q names no remedy", err)
			}
		})
	}
}
