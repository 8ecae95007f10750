package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/store"
)

// Styles of the pages of managed login, one a client. A style may be larger than a value of a store,
// so its settings and files are kept in parts beside its record. Create, Update and Delete make the
// event first, and then commit one transaction, which writes the record, all parts and the event.

// A Branding is the style of the pages of a client.
type Branding struct {
	ID       string           // unique in its pool
	Pool     string           // the id of the pool
	Client   string           // the id of the app client
	Created  time.Time        // when it was made
	Modified time.Time        // when it was changed last
	Settings BrandingSettings // what the pages look like
}

// A branding is a style as it is stored, without its settings.
type branding struct {
	ID       string    `json:"id"`
	Pool     string    `json:"pool"`
	Client   string    `json:"client"`
	Created  time.Time `json:"created"`
	Modified time.Time `json:"modified"`
	Parts    int       `json:"parts"` // how many parts the settings are in
}

// A brandingPart is a part of the JSON of a style's settings.
type brandingPart struct {
	Client string `json:"client"`
	N      int    `json:"n"` // 0 and up
	Data   []byte `json:"data"`
}

// brandingPartSize is how many bytes a part has. Base64 makes them a third more.
const brandingPartSize = 512 << 10

// Brandings has what an operator may do with the styles of the pages of a pool's clients.
type Brandings struct{ admin *Admin }

// Brandings returns a handle on the styles of the clients of the pool.
func (a *Admin) Brandings() Brandings { return Brandings{a} }

// Create makes the style of a client. It returns [ErrBrandingExists] if the client has one.
func (bs Brandings) Create(ctx context.Context, client string, settings BrandingSettings) (*Branding, error) {
	b, err := bs.create(ctx, client, settings)
	if errors.Is(err, store.ErrExists) {
		err = ErrBrandingExists
	}
	if err != nil {
		return nil, fmt.Errorf("create branding: %w", err)
	}
	return b, nil
}

func (bs Brandings) create(ctx context.Context, client string, settings BrandingSettings) (*Branding, error) {
	if err := settings.Check(); err != nil {
		return nil, err
	}
	e, now := bs.admin.engine, bs.admin.engine.now()
	id, err := e.uuid()
	if err != nil {
		return nil, err
	}
	b := &Branding{ID: id, Pool: bs.admin.pool, Client: client, Created: now, Modified: now, Settings: settings}
	rec, parts, err := b.stored()
	if err != nil {
		return nil, err
	}
	ev, err := bs.admin.happened(ctx, EventBrandingCreated, Subject{SubjectClient, client}, now)
	if err != nil {
		return nil, err
	}
	err = e.store.Update(ctx, func(tx store.Tx) error {
		if _, _, err := bs.admin.Clients().forChange(tx, client); err != nil {
			return err
		}
		if err := brandings.Insert(tx, rec); err != nil {
			return err
		}
		if err := putParts(tx, parts); err != nil {
			return err
		}
		return events.Insert(tx, ev)
	})
	return b, err
}

// stored is the record of a style, and its parts.
func (b *Branding) stored() (*branding, []*brandingPart, error) {
	data, err := json.Marshal(&b.Settings)
	if err != nil {
		return nil, nil, err
	}
	var parts []*brandingPart
	for chunk := range slices.Chunk(data, brandingPartSize) {
		parts = append(parts, &brandingPart{Client: b.Client, N: len(parts), Data: chunk})
	}
	return &branding{ID: b.ID, Pool: b.Pool, Client: b.Client, Created: b.Created, Modified: b.Modified, Parts: len(parts)}, parts, nil
}

func putParts(tx store.Tx, parts []*brandingPart) error {
	for _, p := range parts {
		if err := brandingParts.Put(tx, p); err != nil {
			return err
		}
	}
	return nil
}

// deleteParts deletes the parts of a client's style from one number up to another.
func deleteParts(tx store.Tx, client string, from, to int) error {
	for n := from; n < to; n++ {
		if _, err := brandingParts.Delete(tx, brandingParts.Key(&brandingPart{Client: client, N: n})); err != nil {
			return err
		}
	}
	return nil
}

// Get returns a style by its id, or [ErrBrandingNotFound].
func (bs Brandings) Get(ctx context.Context, id string) (*Branding, error) {
	var b *Branding
	err := bs.admin.engine.store.View(ctx, func(r store.Reader) error {
		rec, err := bs.admin.branding(r, id)
		if err == nil {
			b, err = rec.whole(r)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("get branding: %w", err)
	}
	return b, nil
}

// OfClient returns the style of an app client, or [ErrBrandingNotFound].
func (bs Brandings) OfClient(ctx context.Context, client string) (*Branding, error) {
	var b *Branding
	err := bs.admin.engine.store.View(ctx, func(r store.Reader) error {
		if _, _, err := bs.admin.Clients().forChange(r, client); err != nil {
			return err
		}
		rec, err := orNil(brandings.Get(r, store.Key(client)))
		if err == nil && rec == nil {
			err = &NotFoundError{ErrBrandingNotFound, client}
		}
		if err == nil {
			b, err = rec.whole(r)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("get branding: %w", err)
	}
	return b, nil
}

// branding reads the pool and the record of one of its styles.
func (a *Admin) branding(r store.Reader, id string) (*branding, error) {
	if err := a.exists(r); err != nil {
		return nil, err
	}
	rec, err := orNil(brandings.Find(r, brandingsByID, store.Key(a.pool, id)))
	if err == nil && rec == nil {
		err = &NotFoundError{ErrBrandingNotFound, id}
	}
	return rec, err
}

// whole reads the parts of a style.
func (b *branding) whole(r store.Reader) (*Branding, error) {
	refs := make([]store.Ref, b.Parts)
	for n := range refs {
		refs[n] = brandingParts.Ref(brandingParts.Key(&brandingPart{Client: b.Client, N: n}))
	}
	values, err := r.Get(refs...)
	if err != nil {
		return nil, err
	}
	var data []byte
	for _, v := range values {
		part, err := brandingParts.Decode(v)
		if err != nil {
			return nil, err
		}
		data = append(data, part.Data...)
	}
	out := &Branding{ID: b.ID, Pool: b.Pool, Client: b.Client, Created: b.Created, Modified: b.Modified}
	if err := json.Unmarshal(data, &out.Settings); err != nil {
		return nil, fmt.Errorf("style %s: %w", b.ID, err)
	}
	return out, nil
}

// Update changes a style with fn, and returns the style as it is stored then. What is said of fn at
// [Admin.Update] holds here too. To change only some settings, call [BrandingSettings.Merge] in fn.
func (bs Brandings) Update(ctx context.Context, id string, fn func(*BrandingSettings) error) (*Branding, error) {
	now := bs.admin.engine.now()
	ev, err := bs.admin.happened(ctx, EventBrandingChanged, Subject{}, now)
	if err != nil {
		return nil, err
	}
	var kept *Branding
	err = bs.admin.engine.store.Update(ctx, func(tx store.Tx) error {
		kept = nil
		was, err := bs.admin.branding(tx, id)
		if err != nil {
			return err
		}
		b, err := was.whole(tx)
		if err != nil {
			return err
		}
		if err := fn(&b.Settings); err != nil {
			return err
		}
		if err := b.Settings.Check(); err != nil {
			return err
		}
		b.Modified, kept = now, b
		rec, parts, err := b.stored()
		if err != nil {
			return err
		}
		if err := brandings.Put(tx, rec); err != nil {
			return err
		}
		if err := putParts(tx, parts); err != nil {
			return err
		}
		if err := deleteParts(tx, b.Client, rec.Parts, was.Parts); err != nil {
			return err
		}
		return events.Insert(tx, ev.of(Subject{SubjectClient, b.Client}))
	})
	if err != nil {
		return nil, fmt.Errorf("update branding: %w", err)
	}
	return kept, nil
}

// Delete removes a style.
func (bs Brandings) Delete(ctx context.Context, id string) error {
	ev, err := bs.admin.happened(ctx, EventBrandingDeleted, Subject{}, bs.admin.engine.now())
	if err != nil {
		return err
	}
	err = bs.admin.engine.store.Update(ctx, func(tx store.Tx) error {
		rec, err := bs.admin.branding(tx, id)
		if err != nil {
			return err
		}
		if _, err := brandings.Delete(tx, brandings.Key(rec)); err != nil {
			return err
		}
		if err := deleteParts(tx, rec.Client, 0, rec.Parts); err != nil {
			return err
		}
		return events.Insert(tx, ev.of(Subject{SubjectClient, rec.Client}))
	})
	if err != nil {
		return fmt.Errorf("delete branding: %w", err)
	}
	return nil
}
