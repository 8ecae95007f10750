package memory_test

import (
	"testing"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/store/storetest"
)

func TestContract(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return memory.New() })
}

func TestContractWithEachFunctionRunTwice(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the contract again; TestContract has run it once")
	}
	storetest.Run(t, func(*testing.T) store.Store { return storetest.Twice(memory.New()) })
}
