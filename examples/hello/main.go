// Command hello signs a user up and in within its own process: no server, no
// container, one file. It is the first block of the README.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/bolt"
)

func main() {
	if err := run(context.Background(), "users.db"); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, file string) error {
	// region embed
	db, err := bolt.Open(file, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	outbox := identity.NewOutbox(0) // stands in for mail: it keeps what would be sent
	pool, err := identity.New(db, &identity.Options{Sender: outbox}).OpenUserPool(ctx, "main", nil)
	if err != nil {
		return err
	}

	alice := identity.SignUp{Username: "alice", Password: "correct horse battery staple"}
	alice.Attributes = map[string]string{"email": "alice@example.com"}
	if _, err := pool.SignUp(ctx, alice); err != nil {
		return err
	}
	code := identity.Secret(outbox.LastCode("alice@example.com"))
	if err := pool.ConfirmSignUp(ctx, identity.ConfirmSignUp{Username: "alice", Code: code}); err != nil {
		return err
	}

	in, err := pool.SignIn(ctx, identity.SignIn{Username: "alice", Password: alice.Password})
	if err != nil {
		return err
	}
	session, err := pool.Session(ctx, in.Tokens.Access) // verified, and not signed out since
	if err != nil {
		return err
	}
	fmt.Println("signed in:", session.Claims().Username)
	// endregion
	return nil
}
