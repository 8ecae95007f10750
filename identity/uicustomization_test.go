package identity_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
)

const bannerCSS = ".banner-customizable { color: red }"

var pngFile = append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 100)...)

// uiActs are the changes of the look of pages.
var uiActs = []act{
	{"Admin.SetUICustomization", func(ctx context.Context, l *life) error {
		return second(l.admin.SetUICustomization(ctx, "", bannerCSS, nil))
	}, []string{"UICustomized operator:AKIA pool"}},
	{"Admin.SetUICustomization of a client", func(ctx context.Context, l *life) error {
		return second(l.admin.SetUICustomization(ctx, l.client.ClientID(), bannerCSS, pngFile))
	}, []string{"UICustomized operator:AKIA client"}},
}

func TestLookOfClassicPages(t *testing.T) {
	f := newEngine(t)
	pool, other := f.open(t, identity.PoolSettings{}), f.another(t)
	admin, client := pool.Admin(), pool.ClientID()
	look := func(client string) (css string, image []byte) {
		t.Helper()
		c, err := admin.UICustomization(t.Context(), client)
		check(t, "UICustomization", err)
		if c == nil {
			return "", nil
		}
		return c.CSS, c.Image
	}
	want := func(what, client, css string, image []byte) {
		t.Helper()
		if gotCSS, got := look(client); gotCSS != css || !bytes.Equal(got, image) {
			t.Errorf("%s: CSS %q and %d bytes of an image, want %q and %d", what, gotCSS, len(got), css, len(image))
		}
	}
	want("nothing is set", client, "", nil)
	made, err := admin.SetUICustomization(t.Context(), "", bannerCSS, nil)
	check(t, "Set for the pool", err)
	want("the pool's, for a client", client, bannerCSS, nil)
	check(t, "Set for a client", second(admin.SetUICustomization(t.Context(), client, "", pngFile)))
	want("the client's", client, "", pngFile)
	want("the pool's", "", bannerCSS, nil)
	f.advance(time.Second)
	again, err := admin.SetUICustomization(t.Context(), "", "", pngFile)
	check(t, "Set again", err)
	if again.Created != made.Created || !again.Modified.After(made.Modified) || again.ImageType() != "image/png" || made.ImageType() != "" {
		t.Errorf("set again: %+v", again)
	}
	want("what replaces it whole", "", "", pngFile)
	check(t, "take away", second(admin.SetUICustomization(t.Context(), client, "", nil)))
	check(t, "take away", second(admin.SetUICustomization(t.Context(), "", "", nil)))
	want("nothing is left", client, "", nil)

	for what, image := range map[string][]byte{"a GIF": []byte("GIF89a"), "SVG": []byte("<svg/>"), "too long": append(pngFile, make([]byte, identity.MaxLogo)...)} {
		_, err := admin.SetUICustomization(t.Context(), "", "", image)
		wantErr(t, what, err, identity.ErrInvalidSettings)
	}
	_, err = admin.SetUICustomization(t.Context(), "", "body {}", nil)
	wantErr(t, "bad CSS", err, identity.ErrInvalidSettings)
	_, err = other.Admin().SetUICustomization(t.Context(), client, bannerCSS, nil)
	wantErr(t, "a client of another pool", err, identity.ErrClientNotFound)
	_, err = other.Admin().UICustomization(t.Context(), client)
	wantErr(t, "a client of another pool", err, identity.ErrClientNotFound)

	check(t, "Set for a client", second(admin.SetUICustomization(t.Context(), client, bannerCSS, nil)))
	check(t, "Delete the client", admin.Clients().Delete(t.Context(), client))
	check(t, "Verify", verify(t, f.store))
}
