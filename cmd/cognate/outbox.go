package main

import (
	"context"
	"fmt"
	"time"

	"github.com/cognate-id/cognate/identity"
)

type outboxCommand struct {
	List    outboxList    `cmd:"" help:"List the messages that wait to be sent, and those that could not be."`
	Retry   outboxRetry   `cmd:"" help:"Try messages again now."`
	Drop    outboxDrop    `cmd:"" help:"Delete messages."`
	Bounced outboxBounced `cmd:"" help:"Send nothing to an address any more."`
	Lift    outboxLift    `cmd:"" help:"Send to an address again."`
}

// Help returns the details that --help shows.
func (outboxCommand) Help() string {
	return `A server writes messages to its store and sends them from there. If the mail server is down, they wait and are tried again. A message that the provider refuses is kept for 7 days, for you to see why.

    cognate outbox list
    cognate outbox retry --all
    cognate outbox bounced alice@example.com`
}

type outboxList struct {
	inPool
	listing
}

// Help returns the details that --help shows.
func (outboxList) Help() string {
	return `Texts and codes are not shown.

    cognate outbox list
    cognate outbox list --json | jq -r 'select(.Error != "") | .Error'`
}

// Run lists the messages.
func (c *outboxList) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		return list(t, c.listing, 0, a.Messages().List(ctx), "MESSAGE, WRITTEN, KIND, USERNAME, TO, TRIES, STATE, ERROR", func(m *identity.QueuedMessage) []string {
			return []string{m.ID, stamp(m.Time), string(m.Kind), m.Username, m.To, fmt.Sprint(m.Tries), stateOf(m), m.Error}
		})
	})
}

func stateOf(m *identity.QueuedMessage) string {
	switch {
	case !m.Failed.IsZero():
		return "failed"
	case m.Sending:
		return "sending"
	case m.Tries > 0:
		return "next " + m.Next.UTC().Format(time.TimeOnly)
	}
	return "waits"
}

// theMessages are messages of a pool.
type theMessages struct {
	inPool
	IDs []string `arg:"" optional:"" name:"message" help:"Ids of messages, as cognate outbox list shows them."`
	All bool     `help:"All messages that could not be sent."`
}

// Validate returns an error if the command line is invalid.
func (c *theMessages) Validate() error {
	if c.All == (len(c.IDs) > 0) {
		return fmt.Errorf("give the ids of messages, or --all for those that could not be sent")
	}
	return c.inPool.Validate()
}

// change calls fn with the ids of the messages and says how many there were.
func (c *theMessages) change(t *terminal, done string, fn func(identity.Messages, context.Context, ...string) error) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		ids := c.IDs
		if c.All {
			for m, err := range a.Messages().List(ctx) {
				if err != nil {
					return err
				}
				if !m.Failed.IsZero() {
					ids = append(ids, m.ID)
				}
			}
		}
		if err := fn(a.Messages(), ctx, ids...); err != nil {
			return err
		}
		_, err := fmt.Fprintf(t.out, "%s %s.\n", done, counted(len(ids), "message"))
		return err
	})
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

type outboxRetry struct{ theMessages }

// Help returns the details that --help shows.
func (outboxRetry) Help() string {
	return `The server sends them within 5 seconds. A code that has expired is not sent.

    cognate outbox retry 1f0c9a52-6a5e-4f0e-9d5c-2b7f3c1d8e90
    cognate outbox retry --all`
}

// Run makes messages due.
func (c *outboxRetry) Run(t *terminal) error {
	return c.change(t, "The server tries", identity.Messages.Retry)
}

type outboxDrop struct{ theMessages }

// Help returns the details that --help shows.
func (outboxDrop) Help() string {
	return `A message that is being sent may arrive all the same.

    cognate outbox drop 1f0c9a52-6a5e-4f0e-9d5c-2b7f3c1d8e90
    cognate outbox drop --all`
}

// Run deletes messages.
func (c *outboxDrop) Run(t *terminal) error {
	return c.change(t, "Deleted", identity.Messages.Drop)
}

type outboxBounced struct {
	inPool
	Address   string `arg:"" help:"E-mail address, or phone number such as +14155550123."`
	Complaint bool   `help:"The owner has complained, or has marked a message as spam."`
}

// Help returns the details that --help shows.
func (outboxBounced) Help() string {
	return `Call this if your provider reports that a message came back, or that its owner has complained. The store keeps a digest of the address.

    cognate outbox bounced alice@example.com
    cognate outbox bounced alice@example.com --complaint`
}

// Run stops messages to an address.
func (c *outboxBounced) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		why := identity.Bounced
		if c.Complaint {
			why = identity.Complained
		}
		if err := a.Messages().Suppress(ctx, c.Address, why); err != nil {
			return err
		}
		_, err := fmt.Fprintf(t.out, "Nothing is sent to %s any more.\n", oneLine(c.Address))
		return err
	})
}

type outboxLift struct {
	inPool
	Address string `arg:"" help:"E-mail address, or phone number such as +14155550123."`
}

// Help returns the details that --help shows.
func (outboxLift) Help() string { return `    cognate outbox lift alice@example.com` }

// Run allows messages to an address again.
func (c *outboxLift) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		was, err := a.Messages().Lift(ctx, c.Address)
		if err != nil {
			return err
		}
		text := "Messages are sent to %s again.\n"
		if !was {
			text = "Messages to %s were not stopped.\n"
		}
		_, err = fmt.Fprintf(t.out, text, oneLine(c.Address))
		return err
	})
}
