package login

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/cognate-id/cognate/store"
)

// A record is a sign-in as it is stored. Its key is a digest of the cookie, and the tokens are
// sealed with the keys of the program. So whoever reads the store has neither.
type record struct {
	ID      string    `json:"id"`      // SHA-256 of the cookie
	App     string    `json:"app"`     // SHA-256 of issuer, client and callback
	Sealed  string    `json:"sealed"`  // a signedIn
	Tokens  int       `json:"tokens"`  // how often the tokens were renewed
	Expires time.Time `json:"expires"` // by Life and by Idle
	Renewal time.Time `json:"renewal,omitzero"`
}

var records = &store.Table[record]{
	Name: "logins", Key: func(r *record) string { return store.Key(r.ID) },
	Owner: store.OwnedByNobody, Expires: func(r *record) time.Time { return r.Expires },
}

// Tables returns the table of [Options].Store. Add it to the catalog of the store, or make one of
// it: store.Catalog(login.Tables()). The sweep of the engine deletes what has expired. A program
// without an engine calls Sweep of its catalog now and then.
func Tables() []store.AnyTable { return []store.AnyTable{records} }

const (
	renewalTime = 2 * callTime // after it, another process may renew the tokens
	renewalPoll = 20 * time.Millisecond
	cookieSize  = 26 // of rand.Text: 130 bits
)

// A storeKeeper keeps tokens in the store.
type storeKeeper struct{ m *Middleware }

// id returns the id of the record of a request.
func (k *storeKeeper) id(r *http.Request) (string, error) {
	c, err := r.Cookie(k.m.name)
	if err != nil || len(c.Value) != cookieSize {
		return "", ErrSignedOut
	}
	return digest(c.Value), nil
}

// read returns a record of this program, or [ErrSignedOut].
func (k *storeKeeper) read(r store.Reader, id string) (*record, error) {
	rec, err := records.Get(r, store.Key(id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrSignedOut
	}
	if err != nil {
		return nil, err
	}
	if rec.App != digest(k.m.bind) {
		return nil, ErrSignedOut
	}
	return rec, nil
}

// opened returns what a record has.
func (k *storeKeeper) opened(rec *record) (*kept, error) {
	out := &kept{cookie: rec.ID, tokens: rec.Tokens}
	if err := k.m.open("record "+rec.ID, rec.Sealed, &out.signedIn); err != nil {
		return nil, ErrSignedOut
	}
	return out, nil
}

func (k *storeKeeper) load(r *http.Request) (*kept, error) {
	id, err := k.id(r)
	if err != nil {
		return nil, err
	}
	rec, err := k.view(r.Context(), id)
	if err != nil {
		return nil, err
	}
	out, err := k.opened(rec)
	if err != nil {
		return nil, err
	}
	if !k.m.lives(&out.signedIn) {
		return nil, ErrSignedOut
	}
	return out, nil
}

func (k *storeKeeper) view(ctx context.Context, id string) (rec *record, err error) {
	err = k.m.options.Store.View(ctx, func(r store.Reader) (err error) {
		rec, err = k.read(r, id)
		return err
	})
	return rec, unavailable(err)
}

// unavailable marks the errors of a store.
func unavailable(err error) error {
	if err == nil || errors.Is(err, ErrSignedOut) {
		return err
	}
	return fmt.Errorf("%w: the store: %w", ErrUnavailable, err)
}

func (k *storeKeeper) begin(w http.ResponseWriter, r *http.Request, s *signedIn) (*signedIn, error) {
	former, err := k.drop(r)
	if err != nil {
		return nil, err
	}
	cookie := rand.Text()
	rec := &record{ID: digest(cookie), App: digest(k.m.bind), Expires: k.m.expires(s)}
	if rec.Sealed, err = k.m.seal("record "+rec.ID, s); err != nil {
		return nil, err
	}
	err = k.m.options.Store.Update(r.Context(), func(tx store.Tx) error { return records.Insert(tx, rec) })
	if err != nil {
		return nil, unavailable(err)
	}
	k.m.setCookie(w, k.m.name, cookie, 0)
	return former, nil
}

// touch leaves a record alone whose tokens were renewed meanwhile: it was seen then.
func (k *storeKeeper) touch(_ http.ResponseWriter, r *http.Request, had *kept) error {
	s := had.signedIn
	s.Seen = k.m.options.Clock()
	sealed, err := k.m.seal("record "+had.cookie, &s)
	if err != nil {
		return err
	}
	_, err = k.change(r.Context(), had.cookie, func(rec *record) {
		if rec.Tokens == had.tokens {
			rec.Sealed, rec.Expires = sealed, k.m.expires(&s)
		}
	})
	return err
}

// change changes a record that is there. It returns [ErrSignedOut] if there is none any more.
func (k *storeKeeper) change(ctx context.Context, id string, fn func(*record)) (rec *record, err error) {
	err = k.m.options.Store.Update(ctx, func(tx store.Tx) (err error) {
		if rec, err = k.read(tx, id); err != nil {
			return err
		}
		fn(rec)
		return records.Put(tx, rec)
	})
	return rec, unavailable(err)
}

// renew has one request of one process fetch tokens. The claim to fetch is a commit, and so is what
// comes of it.
func (k *storeKeeper) renew(_ http.ResponseWriter, r *http.Request, had *kept) (*kept, error) {
	return k.m.flights.do(r.Context(), "refresh\x00"+digest(had.Refresh), func(ctx context.Context) (*kept, error) {
		for {
			mine, now := false, k.m.options.Clock()
			rec, err := k.change(ctx, had.cookie, func(rec *record) {
				mine = rec.Tokens == had.tokens && now.Sub(rec.Renewal).Abs() >= renewalTime
				if mine {
					rec.Renewal = now
				}
			})
			switch {
			case err != nil:
				return nil, err
			case mine:
				return k.fetch(ctx, had)
			case rec.Tokens != had.tokens:
				return k.opened(rec)
			}
			time.Sleep(renewalPoll)
		}
	})
}

// fetch fetches tokens and keeps them. If the browser was signed out meanwhile, they are ended.
// After an error that may pass, the next request may try.
func (k *storeKeeper) fetch(ctx context.Context, had *kept) (*kept, error) {
	s, err := k.m.refresh(ctx, &had.signedIn)
	if err != nil {
		_, _ = k.change(ctx, had.cookie, func(rec *record) { rec.Renewal = time.Time{} })
		return nil, err
	}
	sealed, err := k.m.seal("record "+had.cookie, s)
	if err != nil {
		return nil, err
	}
	rec, err := k.change(ctx, had.cookie, func(rec *record) {
		rec.Sealed, rec.Tokens, rec.Renewal, rec.Expires = sealed, had.tokens+1, time.Time{}, k.m.expires(s)
	})
	if errors.Is(err, ErrSignedOut) {
		k.m.revoke(ctx, s)
	}
	if err != nil {
		return nil, err
	}
	return &kept{signedIn: *s, cookie: rec.ID, tokens: rec.Tokens}, nil
}

func (k *storeKeeper) end(w http.ResponseWriter, r *http.Request) (*signedIn, error) {
	s, err := k.drop(r)
	if _, none := r.Cookie(k.m.name); none == nil && err == nil {
		k.m.setCookie(w, k.m.name, "", -1)
	}
	return s, err
}

// drop deletes the record of a request, and returns what it had.
func (k *storeKeeper) drop(r *http.Request) (*signedIn, error) {
	id, err := k.id(r)
	if err != nil {
		return nil, nil //nolint:nilerr // the browser was not signed in
	}
	var rec *record
	err = k.m.options.Store.Update(r.Context(), func(tx store.Tx) (err error) {
		if rec, err = k.read(tx, id); err != nil {
			return err
		}
		_, err = records.Delete(tx, store.Key(id))
		return err
	})
	if err != nil && !errors.Is(err, ErrSignedOut) {
		return nil, unavailable(err)
	}
	if err != nil {
		return nil, nil //nolint:nilerr // there is no record of this program
	}
	s, err := k.opened(rec)
	if err != nil {
		return nil, nil //nolint:nilerr // a key that the program has no more sealed it: nothing can be revoked
	}
	return &s.signedIn, nil
}
