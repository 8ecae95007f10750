// Package postgrestest opens stores in a PostgreSQL server for tests.
package postgrestest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"testing"

	"github.com/cognate-id/cognate/store/postgres"
)

// Address returns the URL of the server for tests, with a new schema that is dropped when
// the test ends. It skips the test if there is no server.
func Address(t testing.TB) string {
	t.Helper()
	server := os.Getenv("COGNATE_POSTGRES")
	if server == "" {
		t.Skip("COGNATE_POSTGRES is not set to the URL of a PostgreSQL server: skipped; run .ci/postgres go test ./...")
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("COGNATE_POSTGRES: %v", err)
	}
	query := u.Query()
	query.Set("schema", "test_"+rand.Text())
	u.RawQuery = query.Encode()
	t.Cleanup(func() {
		if err := postgres.Drop(context.Background(), u.String()); err != nil {
			t.Errorf("drop the schema: %v", err)
		}
	})
	return u.String()
}

// Open opens a store at an address.
func Open(t testing.TB, address string, o *postgres.Options) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), address, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
