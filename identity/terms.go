package identity

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"time"

	"github.com/cognate-id/cognate/store"
)

// Terms of use and privacy policies that pages link to, for each app client. A client has one
// document of each name, which a unique index keeps. Create, Update and Delete make the event
// first, and then commit one transaction.

// A TermsDocument is one document of an app client, as it is stored.
type TermsDocument struct {
	ID       string        `json:"id"`       // unique in its pool
	Pool     string        `json:"pool"`     // the id of the pool
	Client   string        `json:"client"`   // the id of the app client
	Created  time.Time     `json:"created"`  // when it was made
	Modified time.Time     `json:"modified"` // when it was changed last
	Settings TermsSettings `json:"settings"` // its name and its links
}

// Terms has what an operator may do with the terms of the app clients of a pool.
type Terms struct{ admin *Admin }

// Terms returns a handle on the terms of the app clients of the pool.
func (a *Admin) Terms() Terms { return Terms{a} }

// Create makes a document of a client. It returns [ErrTermsExist] if the client has one of the name.
func (ts Terms) Create(ctx context.Context, client string, settings TermsSettings) (*TermsDocument, error) {
	t, err := ts.create(ctx, client, settings)
	if errors.Is(err, store.ErrExists) {
		err = ErrTermsExist
	}
	if err != nil {
		return nil, fmt.Errorf("create terms: %w", err)
	}
	return t, nil
}

func (ts Terms) create(ctx context.Context, client string, settings TermsSettings) (*TermsDocument, error) {
	if err := settings.Check(); err != nil {
		return nil, err
	}
	e, now := ts.admin.engine, ts.admin.engine.now()
	id, err := e.uuid()
	if err != nil {
		return nil, err
	}
	settings.Links = maps.Clone(settings.Links)
	t := &TermsDocument{ID: id, Pool: ts.admin.pool, Client: client, Created: now, Modified: now, Settings: settings}
	ev, err := ts.admin.happened(ctx, EventTermsCreated, Subject{SubjectClient, client}, now)
	if err != nil {
		return nil, err
	}
	err = e.store.Update(ctx, func(tx store.Tx) error {
		if _, _, err := ts.admin.Clients().forChange(tx, client); err != nil {
			return err
		}
		if err := terms.Insert(tx, t); err != nil {
			return err
		}
		return events.Insert(tx, ev.with(dataName, string(settings.Name)))
	})
	return t, err
}

// Get returns a document by its id, or [ErrTermsNotFound].
func (ts Terms) Get(ctx context.Context, id string) (*TermsDocument, error) {
	var t *TermsDocument
	err := ts.admin.engine.store.View(ctx, func(r store.Reader) (err error) {
		t, err = ts.admin.terms(r, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("get terms: %w", err)
	}
	return t, nil
}

// terms reads the pool and one document of its clients.
func (a *Admin) terms(r store.Reader, id string) (*TermsDocument, error) {
	if err := a.exists(r); err != nil {
		return nil, err
	}
	return foundTerms(id)(terms.Find(r, termsByID, store.Key(a.pool, id)))
}

// foundTerms makes of what a look-up returns an error that names what was looked for.
func foundTerms(what string) func(*TermsDocument, error) (*TermsDocument, error) {
	return func(t *TermsDocument, err error) (*TermsDocument, error) {
		if errors.Is(err, store.ErrNotFound) {
			return nil, &NotFoundError{ErrTermsNotFound, what}
		}
		return t, err
	}
}

// OfClient returns the document of an app client that has a name, or [ErrTermsNotFound].
func (ts Terms) OfClient(ctx context.Context, client string, name TermsName) (*TermsDocument, error) {
	var t *TermsDocument
	err := ts.admin.engine.store.View(ctx, func(r store.Reader) (err error) {
		if _, _, err := ts.admin.Clients().forChange(r, client); err != nil {
			return err
		}
		t, err = foundTerms(string(name))(terms.Find(r, termsByName, store.Key(client, string(name))))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("get terms: %w", err)
	}
	return t, nil
}

// Update changes a document with fn, and returns it as it is stored then. What is said of fn at
// [Admin.Update] holds here too. It returns [ErrTermsExist] if the client has another document of the name.
func (ts Terms) Update(ctx context.Context, id string, fn func(*TermsSettings) error) (*TermsDocument, error) {
	now := ts.admin.engine.now()
	ev, err := ts.admin.happened(ctx, EventTermsChanged, Subject{}, now)
	if err != nil {
		return nil, err
	}
	var kept *TermsDocument
	err = ts.admin.engine.store.Update(ctx, func(tx store.Tx) error {
		kept = nil
		t, err := ts.admin.terms(tx, id)
		if err != nil {
			return err
		}
		was := t.Settings.Name
		if err := fn(&t.Settings); err != nil {
			return err
		}
		if err := t.Settings.Check(); err != nil {
			return err
		}
		if t.Settings.Name != was {
			if _, err := terms.Find(tx, termsByName, store.Key(t.Client, string(t.Settings.Name))); !errors.Is(err, store.ErrNotFound) {
				return orExists(err)
			}
		}
		t.Modified, kept = now, t
		if err := terms.Put(tx, t); err != nil {
			return err
		}
		return events.Insert(tx, ev.of(Subject{SubjectClient, t.Client}).with(dataName, string(t.Settings.Name)))
	})
	if errors.Is(err, store.ErrExists) { // made at the same moment
		err = ErrTermsExist
	}
	if err != nil {
		return nil, fmt.Errorf("update terms: %w", err)
	}
	return kept, nil
}

// orExists is the error of a look-up that should have found nothing.
func orExists(err error) error {
	if err == nil {
		return ErrTermsExist
	}
	return err
}

// Delete removes a document.
func (ts Terms) Delete(ctx context.Context, id string) error {
	ev, err := ts.admin.happened(ctx, EventTermsDeleted, Subject{}, ts.admin.engine.now())
	if err != nil {
		return err
	}
	err = ts.admin.engine.store.Update(ctx, func(tx store.Tx) error {
		t, err := ts.admin.terms(tx, id)
		if err != nil {
			return err
		}
		if _, err := terms.Delete(tx, terms.Key(t)); err != nil {
			return err
		}
		return events.Insert(tx, ev.of(Subject{SubjectClient, t.Client}).with(dataName, string(t.Settings.Name)))
	})
	if err != nil {
		return fmt.Errorf("delete terms: %w", err)
	}
	return nil
}

// List yields the documents of all clients of the pool, ordered by id. It begins after the id in
// after; an empty string means from the beginning. It ends after the first error.
func (ts Terms) List(ctx context.Context, after string) iter.Seq2[*TermsDocument, error] {
	a := ts.admin
	return batches(ctx, a.engine.store, after, func(r store.Reader, after string) ([]*TermsDocument, error) {
		if err := a.exists(r); err != nil {
			return nil, fmt.Errorf("list terms: %w", err)
		}
		rng := store.Prefix(a.pool)
		if after != "" {
			rng.From = store.Key(a.pool, after) + "\x00"
		}
		return batch(r, terms, termsByID, rng)
	}, func(t *TermsDocument) string { return t.ID })
}
