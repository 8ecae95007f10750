package identity_test

import (
	"fmt"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/memory"
)

// BenchmarkAdminCreateUser is a user made by an operator with a password of the
// engine's, whose verifier is made with it, as over the wire.
func BenchmarkAdminCreateUser(b *testing.B) {
	f := newEngineOn(b, memory.New())
	pool := f.open(b, cognitoPool)
	users, i := pool.Admin().Users(), 0
	for b.Loop() {
		i++
		_, err := users.Create(b.Context(), identity.CreateUser{
			Username: fmt.Sprintf("new%07d", i), SuppressInvitation: true,
			Attributes: map[string]string{"email": fmt.Sprintf("new%07d@example.com", i)},
		})
		check(b, "Create", err)
	}
}
