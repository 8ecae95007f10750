package identity

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/cognate-id/cognate/identity/settings"
	"github.com/cognate-id/cognate/store"
)

// The look of the classic pages: CSS and a logo, for a pool and for each of its clients. What a
// client has is a record of the client, so that it goes with the client. Set makes the event first,
// and then commits one transaction.

// A UICustomization is the look of the classic pages, as it is stored.
type UICustomization struct {
	Pool     string    `json:"pool"`             // the id of the pool
	Client   string    `json:"client,omitempty"` // the id of the app client; empty for all clients that have no look of their own
	CSS      string    `json:"css,omitempty"`    // rules of the classes of the pages, see [settings.CheckCSS]
	Image    []byte    `json:"image,omitempty"`  // the logo: a PNG or JPEG file
	Created  time.Time `json:"created"`          // when it was set first
	Modified time.Time `json:"modified"`         // when it was set last
}

// MaxLogo is how many bytes the logo of the classic pages may have.
const MaxLogo = 131072

// ImageType is the media type of the logo, or empty if there is none.
func (c *UICustomization) ImageType() string { return logoType(c.Image) }

func logoType(image []byte) string {
	switch {
	case bytes.HasPrefix(image, []byte("\x89PNG\r\n\x1a\n")):
		return "image/png"
	case bytes.HasPrefix(image, []byte("\xff\xd8\xff")):
		return "image/jpeg"
	}
	return ""
}

// table is the table of the look of a client, or of a pool.
func (c *UICustomization) table() *store.Table[UICustomization] {
	if c.Client == "" {
		return uiDefaults
	}
	return uiCustomizations
}

// SetUICustomization replaces the look of the classic pages: of a client, or if client is empty of
// all clients that have none of their own. Without CSS and image, it takes the look away.
func (a *Admin) SetUICustomization(ctx context.Context, client, css string, image []byte) (*UICustomization, error) {
	c, err := a.setUICustomization(ctx, client, css, image)
	if err != nil {
		return nil, fmt.Errorf("set look of pages: %w", err)
	}
	return c, nil
}

func (a *Admin) setUICustomization(ctx context.Context, client, css string, image []byte) (*UICustomization, error) {
	if err := settings.CheckCSS(css); err != nil {
		return nil, err
	}
	if len(image) > MaxLogo || len(image) > 0 && logoType(image) == "" {
		return nil, &SettingError{Setting: "Image", Code: settings.ImageMalformed, Reason: "The logo is a PNG or JPEG file of at most 128 KiB."}
	}
	now := a.engine.now()
	what := Subject{SubjectPool, a.pool}
	if client != "" {
		what = Subject{SubjectClient, client}
	}
	ev, err := a.happened(ctx, EventUICustomized, what, now)
	if err != nil {
		return nil, err
	}
	var c *UICustomization
	err = a.engine.store.Update(ctx, func(tx store.Tx) error {
		c = &UICustomization{Pool: a.pool, Client: client, CSS: css, Image: image, Created: now, Modified: now}
		was, err := a.uiOf(tx, client)
		if err != nil {
			return err
		}
		if was != nil {
			c.Created = was.Created
		}
		if css == "" && len(image) == 0 {
			_, err = c.table().Delete(tx, c.table().Key(c))
		} else {
			err = c.table().Put(tx, c)
		}
		if err != nil {
			return err
		}
		return events.Insert(tx, ev)
	})
	return c, err
}

// uiOf reads the look of a client of the pool, or of the pool; nil if there is none.
func (a *Admin) uiOf(r store.Reader, client string) (*UICustomization, error) {
	if client == "" {
		if err := a.exists(r); err != nil {
			return nil, err
		}
		return orNil(uiDefaults.Get(r, store.Key(a.pool)))
	}
	if _, _, err := a.Clients().forChange(r, client); err != nil {
		return nil, err
	}
	return orNil(uiCustomizations.Get(r, store.Key(client)))
}

// UICustomization returns the look of the classic pages of a client. A client without one has that
// of the pool, and so has an empty id. UICustomization returns nil if neither was set.
func (a *Admin) UICustomization(ctx context.Context, client string) (*UICustomization, error) {
	var c *UICustomization
	err := a.engine.store.View(ctx, func(r store.Reader) (err error) {
		if c, err = a.uiOf(r, client); err == nil && c == nil && client != "" {
			c, err = a.uiOf(r, "")
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look of pages: %w", err)
	}
	return c, nil
}
