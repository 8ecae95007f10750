package federation_test

import (
	"os"
	"testing"

	"github.com/cognate-id/cognate/internal/fakeidp"
)

// TestMain has fake providers with a ready key.
func TestMain(m *testing.M) {
	fakeidp.InsecureKeyFile = "../../internal/fakeidp/testdata/key.pem"
	os.Exit(m.Run())
}
