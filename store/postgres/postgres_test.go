package postgres_test

import (
	"path/filepath"
	"testing"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/postgres"
	"github.com/cognate-id/cognate/store/postgres/postgrestest"
	"github.com/cognate-id/cognate/store/sealed"
	"github.com/cognate-id/cognate/store/storetest"
)

func open(t *testing.T) *postgres.Store { return postgrestest.Open(t, postgrestest.Address(t), nil) }

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t) })
}

func TestContractWithEachFunctionRunTwice(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return storetest.Twice(open(t)) })
}

func TestContractSealed(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		keys, err := sealed.OpenKeyFile(filepath.Join(t.TempDir(), "key"))
		if err != nil {
			t.Fatal(err)
		}
		return sealed.New(open(t), keys, "people", "people.names", "table.x")
	})
}

func TestDurable(t *testing.T) {
	var address string
	storetest.RunDurable(t, func(t *testing.T, _ string) store.Store {
		if address == "" {
			address = postgrestest.Address(t)
		}
		return postgrestest.Open(t, address, nil)
	})
}
