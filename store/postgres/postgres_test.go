package postgres_test

import (
	"os"
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
		var secret store.Catalog
		for _, name := range []string{"people", "people.names", "table.x"} {
			secret = secret.With(&store.Table[struct{}]{
				Name: name, Secret: true, Owner: store.OwnedByEngine, Key: func(*struct{}) string { return store.Key("one") },
			})
		}
		return sealed.New(open(t), keys, secret)
	})
}

func TestDurable(t *testing.T) { storetest.RunDurable(t, openAgain(t)) }

func TestKill(t *testing.T) { storetest.RunKill(t, openAgain(t)) }

// openAgain returns a function that opens the same store each time, in the
// processes that a test starts too.
func openAgain(t *testing.T) func(t *testing.T, dir string) store.Store {
	const name = "COGNATE_POSTGRES_SAME"
	address := os.Getenv(name)
	if address == "" {
		address = postgrestest.Address(t)
		t.Setenv(name, address)
	}
	return func(t *testing.T, _ string) store.Store { return postgrestest.Open(t, address, nil) }
}

func TestUnknownOutcome(t *testing.T) {
	storetest.RunUnknownOutcome(t, func(t *testing.T) (store.Store, func(storetest.Fate)) {
		p, address := through(t, postgrestest.Address(t)+"&default_query_exec_mode=exec")
		return postgrestest.Open(t, address, nil), func(f storetest.Fate) {
			cut := map[storetest.Fate]int32{storetest.Committed: cutBeforeAnswer, storetest.Lost: cutBeforeServer}
			p.cut.Store(cut[f])
		}
	})
}
