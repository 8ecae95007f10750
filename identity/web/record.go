package web

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
)

// A record is a visit as it is stored. Its key is a digest of the cookie, so
// whoever reads the store has no cookie. The tokens are why the table is secret.
type record struct {
	ID      string    `json:"id"`   // SHA-256 of the cookie
	Pool    string    `json:"pool"` // the id of the pool
	Sub     string    `json:"sub"`  // of the user
	Access  string    `json:"access"`
	Refresh string    `json:"refresh,omitempty"`
	Began   time.Time `json:"began"`
	Seen    time.Time `json:"seen"`             // of a request; it is not written at each one
	Expires time.Time `json:"expires"`          // by Life and by Idle
	Renewal time.Time `json:"renewal,omitzero"` // when a process began to renew the tokens
}

var (
	records = &store.Table[record]{
		Name: "visits", Secret: true, Key: func(r *record) string { return store.Key(r.ID) },
		Owner: store.OwnedByUser, OwnerIndex: recordsByUser,
		Expires: func(r *record) time.Time { return r.Expires },
		Indexes: []*store.Index[record]{recordsByUser},
	}
	recordsByUser = &store.Index[record]{Name: "user", Keys: func(r *record) []string {
		return []string{store.Key(r.Pool, r.Sub)}
	}}
)

// Tables returns the table of visits. Add it to the catalog of the store:
// identity.Tables().With(web.Tables()...). The records are encrypted, expire, and are
// deleted with their user.
func Tables() []store.AnyTable { return []store.AnyTable{records} }

// digest returns the id of the record of a cookie.
func digest(cookie string) string {
	sum := sha256.Sum256([]byte(cookie))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// get returns the record of a cookie, or [ErrNoVisit] if there is none that is good.
func (vs *Visits) get(ctx context.Context, cookie string) (rec *record, err error) {
	err = vs.store.View(ctx, func(r store.Reader) (err error) {
		rec, err = vs.read(r, digest(cookie))
		return err
	})
	return rec, err
}

func (vs *Visits) read(r store.Reader, id string) (*record, error) {
	rec, err := records.Get(r, store.Key(id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNoVisit
	}
	if err != nil {
		return nil, err
	}
	if rec.Pool != vs.pool.PoolID() || !vs.options.Clock().Before(rec.Expires) {
		return nil, ErrNoVisit
	}
	return rec, nil
}

// insert writes a new record. It returns [identity.ErrUserNotFound] if the user was
// deleted meanwhile: nothing would delete the record.
func (vs *Visits) insert(ctx context.Context, rec *record) error {
	return vs.store.Update(ctx, func(tx store.Tx) error {
		values, err := tx.Get(identity.UserRef(rec.Pool, rec.Sub))
		if err != nil {
			return err
		}
		if values[0] == nil {
			return identity.ErrUserNotFound
		}
		return records.Insert(tx, rec)
	})
}

// change changes a record that is there. It returns [ErrNoVisit] if the visit has ended
// meanwhile.
func (vs *Visits) change(ctx context.Context, id string, fn func(*record)) (rec *record, err error) {
	err = vs.store.Update(ctx, func(tx store.Tx) (err error) {
		if rec, err = vs.read(tx, id); err != nil {
			return err
		}
		fn(rec)
		return records.Put(tx, rec)
	})
	return rec, err
}

// remove deletes a record and returns it, or nil if there is none.
func (vs *Visits) remove(ctx context.Context, id string) (rec *record, err error) {
	err = vs.store.Update(ctx, func(tx store.Tx) (err error) {
		rec, err = records.Get(tx, store.Key(id))
		if errors.Is(err, store.ErrNotFound) {
			rec = nil
			return nil
		}
		if err == nil {
			_, err = records.Delete(tx, store.Key(id))
		}
		return err
	})
	return rec, err
}

// removeAll deletes the records of a user, some hundred in a transaction.
func (vs *Visits) removeAll(ctx context.Context, sub string) error {
	_, err := store.Catalog(Tables()).Purge(ctx, vs.store, store.OwnedByUser, vs.pool.PoolID(), sub)
	return err
}
