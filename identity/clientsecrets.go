package identity

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/identity/settings"
	"github.com/cognate-id/cognate/store"
)

// A secret is rotated in three steps: AddSecret adds the new one, the programs
// that use the client change over, and DeleteSecret removes the old one. Each
// call reads the client and its secrets, changes them and writes the event, all
// in one transaction.

// maxSecrets is how many secrets a client can have: an old one and a new one
// during a rotation.
const maxSecrets = 2

// SecretInfo is a secret of an app client.
type SecretInfo struct {
	ID      string    // the client's id, two hyphens and a time in milliseconds; never given out twice
	Created time.Time // when it was added
	Value   Secret    // set by [Clients.AddSecret] only
}

// SecretInfos returns the secrets of an app client without their values, oldest
// first: none, one, or two during a rotation.
func (c Clients) SecretInfos(ctx context.Context, id string) ([]SecretInfo, error) {
	var out []SecretInfo
	err := c.admin.engine.store.View(ctx, func(r store.Reader) error {
		out = nil
		_, rec, err := c.secrets(r, id)
		if err != nil {
			return err
		}
		for _, v := range rec.Values {
			out = append(out, SecretInfo{ID: v.ID, Created: v.Created})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list secrets: %w", err)
	}
	return out, nil
}

// secrets reads an app client and the record of its secrets. The record is empty
// if the client has none.
func (c Clients) secrets(r store.Reader, id string) (*ClientInfo, *clientSecret, error) {
	_, client, err := c.forChange(r, id)
	if err != nil {
		return nil, nil, err
	}
	rec, err := orNil(clientSecrets.Get(r, store.Key(id)))
	if rec == nil {
		rec = &clientSecret{Client: id}
	}
	return client, rec, err
}

// AddSecret gives an app client a second secret, to rotate the first one. Both
// are valid until [Clients.DeleteSecret] removes one. value has 24 to 64
// letters, digits, underscores and plus signs; if it is empty, a random one is
// made. AddSecret returns [ErrQuotaExceeded] for a third secret, and
// [ErrInvalidSettings] if the client was created without a secret.
func (c Clients) AddSecret(ctx context.Context, id string, value Secret) (SecretInfo, error) {
	info, err := c.addSecret(ctx, id, value)
	if err != nil {
		return SecretInfo{}, fmt.Errorf("add secret: %w", err)
	}
	return info, nil
}

func (c Clients) addSecret(ctx context.Context, id string, value Secret) (SecretInfo, error) {
	if value == "" {
		made, err := newSecret()
		if err != nil {
			return SecretInfo{}, err
		}
		value = made
	}
	if err := settings.CheckSecret(value); err != nil {
		return SecretInfo{}, err
	}
	now := c.admin.engine.now()
	ev, err := c.admin.happened(ctx, EventClientSecretAdded, Subject{SubjectClient, id}, now)
	if err != nil {
		return SecretInfo{}, err
	}
	var added storedSecret
	err = c.admin.engine.store.Update(ctx, func(tx store.Tx) error {
		client, rec, err := c.secrets(tx, id)
		if err != nil {
			return err
		}
		if !client.HasSecret {
			return &SettingError{Setting: "Secret", Reason: "A client that was made without a secret cannot be given one."}
		}
		if len(rec.Values) >= maxSecrets {
			return &QuotaError{quotaSecrets, maxSecrets}
		}
		added = rec.add(string(value), now)
		if err := clientSecrets.Put(tx, rec); err != nil {
			return err
		}
		return events.Insert(tx, ev.with(dataSecret, added.ID))
	})
	return SecretInfo{added.ID, added.Created, value}, err
}

// add appends a secret. The id contains the time, so the time is later than that
// of every earlier secret, deleted ones included: no id is used twice.
func (r *clientSecret) add(value string, now time.Time) storedSecret {
	r.Last = later(now, r.Last.Add(time.Millisecond))
	added := storedSecret{secretID(r.Client, r.Last), value, r.Last}
	r.Values = append(r.Values, added)
	return added
}

// DeleteSecret removes a secret of an app client. It returns [ErrLastSecret] if
// the client has no other secret, and [ErrSecretNotFound] if the client does not
// have this secret.
func (c Clients) DeleteSecret(ctx context.Context, id, secretID string) error {
	ev, err := c.admin.happened(ctx, EventClientSecretDeleted, Subject{SubjectClient, id}, c.admin.engine.now())
	if err != nil {
		return err
	}
	err = c.admin.engine.store.Update(ctx, func(tx store.Tx) error {
		_, rec, err := c.secrets(tx, id)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(rec.Values, func(v storedSecret) bool { return v.ID == secretID })
		if i < 0 {
			return &NotFoundError{ErrSecretNotFound, secretID}
		}
		if len(rec.Values) == 1 {
			return ErrLastSecret
		}
		rec.Values = slices.Delete(rec.Values, i, i+1)
		if err := clientSecrets.Put(tx, rec); err != nil {
			return err
		}
		return events.Insert(tx, ev.with(dataSecret, secretID))
	})
	if err != nil {
		return fmt.Errorf("delete secret: %w", err)
	}
	return nil
}

// newSecret makes the secret of a client: 52 random digits and lower-case letters.
func newSecret() (Secret, error) {
	value, err := random(rand.Reader, lower36, 52)
	return Secret(value), err
}
