package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/cognate-id/cognate/identity"
)

type poolSender struct {
	inPool
	confirmed
	New    bool `xor:"change" help:"Make a new key in the place of the one that there is."`
	Delete bool `xor:"change" help:"Delete the key."`
}

// Help returns the details that --help shows.
func (poolSender) Help() string {
	return `If the settings of a pool name a key for custom senders ("triggerKey", or KMSKeyID over the API), their functions get codes encrypted, as on AWS: as messages of the AWS Encryption SDK. A function has two ways to read them. It calls Decrypt of AWS KMS on this server, with an access key; then it needs no key of this command. Or it has a raw key: this command shows it, and makes it the first time.

    cognate pool sender-key
    cognate pool sender-key --new --yes
    cognate pool sender-key --delete --yes

Give the output to the raw AES keyring of the SDK, with AES-256-GCM. Whoever has the key reads the codes that are sent from then on. After --new and --delete, the earlier key reads no later codes.`
}

// Run shows the key, or makes or deletes it.
func (c *poolSender) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		if c.Delete {
			return c.remove(ctx, t, a)
		}
		key, err := a.SenderKey(ctx)
		switch {
		case errors.Is(err, identity.ErrSenderKeyUnknown):
			key, err = a.CreateSenderKey(ctx)
		case err != nil:
		case c.New:
			if err := c.confirm(ctx, t, "Replace the key %s? Functions that have it read no later codes.", key.Name); err != nil {
				return err
			}
			key, err = a.CreateSenderKey(ctx)
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(t.out, "# Raw AES key of codes for custom senders. Whoever has it reads the codes.\nexport COGNATE_SENDER_KEY_NAMESPACE=cognate\n"+
			"export COGNATE_SENDER_KEY_NAME=%s\nexport COGNATE_SENDER_KEY=%s\n", key.Name, string(key.Key))
		return err
	})
}

func (c *poolSender) remove(ctx context.Context, t *terminal, a *identity.Admin) error {
	if err := c.confirm(ctx, t, "Delete the raw key of codes? Functions that have it read no later codes."); err != nil {
		return err
	}
	was, err := a.DeleteSenderKey(ctx)
	if err != nil {
		return err
	}
	if !was {
		return hint(errors.New("the user pool has no raw key of codes"), "cognate pool sender-key makes one")
	}
	_, err = fmt.Fprintln(t.out, "Deleted the raw key of codes.")
	return err
}
