package identitytest_test

import (
	"testing"

	"github.com/cognate-id/cognate/identity/identitytest"
)

// A test of a program that signs users in: give it the URL, the region and the
// client of the server in place of those of Amazon Cognito.
func ExampleNewServer() {
	_ = func(t *testing.T) {
		srv := identitytest.NewServer(t, nil)
		srv.AddUser("alice", "Passw0rd!", map[string]string{"email": "alice@example.com"})

		app := newApp(srv.URL, srv.Region, srv.ClientID)
		if err := app.login("alice", "Passw0rd!"); err != nil {
			t.Errorf("login: %v", err)
		}
		if err := app.register("bob", "Passw0rd!", "bob@example.com"); err != nil {
			t.Errorf("register: %v", err)
		}
		if err := app.confirm("bob", srv.LastCode("bob@example.com")); err != nil {
			t.Errorf("confirm: %v", err)
		}
	}
	// Output:
}

// An app stands for the program under test.
type app struct{}

func newApp(url, region, clientID string) *app               { return &app{} }
func (*app) login(username, password string) error           { return nil }
func (*app) register(username, password, email string) error { return nil }
func (*app) confirm(username, code string) error             { return nil }
