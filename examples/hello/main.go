// region program

// Command hello signs a user up and in within its own process: no server, no
// container, two files.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/store/sealed"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	keys, err := sealed.OpenKeyFile("users.key") // made by the first run: keep it
	if err != nil {
		return err
	}
	db, err := bolt.Open("users.db", nil)
	if err != nil {
		return err
	}
	store := sealed.New(db, keys, identity.Tables()) // encrypts secrets
	defer store.Close()
	outbox := identity.NewOutbox(0) // stands in for mail: it keeps what would be sent
	pool, err := identity.New(store, &identity.Options{Sender: outbox}).OpenUserPool(ctx, "main", nil)
	if err != nil {
		return err
	}

	alice := identity.SignUp{Username: "alice", Password: "correct horse battery staple"}
	alice.Attributes = map[string]string{"email": "alice@example.com"}
	_, err = pool.SignUp(ctx, alice)
	if err == nil { // the first run: alice proves that the address is hers
		code := identity.Secret(outbox.LastCode("alice@example.com"))
		err = pool.ConfirmSignUp(ctx, identity.ConfirmSignUp{Username: "alice", Code: code})
	}
	if err != nil && !errors.Is(err, identity.ErrUsernameExists) {
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
	return nil
}

// endregion
