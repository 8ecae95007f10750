package delivery_test

import (
	"context"
	"log"
	"os"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/delivery"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// region mail

// newEngine makes an engine that sends its mail by SMTP. The outbox keeps each message in the store until
// the server of the provider has taken it.
func newEngine(s store.Store) (*identity.Engine, error) {
	mail, err := delivery.NewSMTP(&delivery.SMTPOptions{
		Host: "smtp.example.com", Username: "acme", Password: os.Getenv("SMTP_PASSWORD"),
		From: "Acme <no-reply@example.com>",
	})
	if err != nil {
		return nil, err
	}
	return identity.New(s, &identity.Options{Sender: &delivery.Router{Email: mail}, Outbox: &identity.OutboxOptions{}}), nil
}

// endregion

func ExampleNewSMTP() {
	engine, err := newEngine(memory.New())
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go engine.Maintain(ctx) // sends what waits
	// Output:
}
