package identity_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
)

var (
	ownStyle    = identity.BrandingSettings{Settings: json.RawMessage(`{"color":"red"}`)}
	termsOfUse  = identity.TermsSettings{Name: "terms-of-use", Links: map[string]string{"cognito:default": "https://example.com/terms"}}
	privacyTerm = identity.TermsSettings{Name: "privacy-policy", Links: termsOfUse.Links}
)

// brandingActs are the changes of styles.
var brandingActs = []act{
	{"Brandings.Create", func(ctx context.Context, l *life) error {
		return second(l.admin.Brandings().Create(ctx, l.client.ClientID(), ownStyle))
	}, []string{"BrandingCreated operator:AKIA client"}},
	{"Brandings.Update", func(ctx context.Context, l *life) error {
		b, err := l.admin.Brandings().OfClient(ctx, l.client.ClientID())
		check(l.t, "OfClient", err)
		return second(l.admin.Brandings().Update(ctx, b.ID, func(s *identity.BrandingSettings) error { return s.Merge(ownStyle) }))
	}, []string{"BrandingChanged operator:AKIA client"}},
	{"Brandings.Delete", func(ctx context.Context, l *life) error {
		b, err := l.admin.Brandings().OfClient(ctx, l.client.ClientID())
		check(l.t, "OfClient", err)
		return l.admin.Brandings().Delete(ctx, b.ID)
	}, []string{"BrandingDeleted operator:AKIA client"}},
}

// termsActs are the changes of terms.
var termsActs = []act{
	{"Terms.Create", func(ctx context.Context, l *life) error {
		return second(l.admin.Terms().Create(ctx, l.client.ClientID(), termsOfUse))
	}, []string{"TermsCreated operator:AKIA client name=terms-of-use"}},
	{"Terms.Update", func(ctx context.Context, l *life) error {
		d, err := l.admin.Terms().OfClient(ctx, l.client.ClientID(), "terms-of-use")
		check(l.t, "OfClient", err)
		return second(l.admin.Terms().Update(ctx, d.ID, func(s *identity.TermsSettings) error { s.Name = "privacy-policy"; return nil }))
	}, []string{"TermsChanged operator:AKIA client name=privacy-policy"}},
	{"Terms.Delete", func(ctx context.Context, l *life) error {
		d, err := l.admin.Terms().OfClient(ctx, l.client.ClientID(), "privacy-policy")
		check(l.t, "OfClient", err)
		return l.admin.Terms().Delete(ctx, d.ID)
	}, []string{"TermsDeleted operator:AKIA client name=privacy-policy"}},
}

func TestBrandings(t *testing.T) {
	f := newEngine(t)
	pool, other := f.open(t, identity.PoolSettings{}), f.another(t)
	styles, client := pool.Admin().Brandings(), pool.ClientID()
	large := func(n int) json.RawMessage {
		return json.RawMessage(`{"x":"` + strings.Repeat("a", n) + `"}`)
	}
	most := 1_200_000 // in three parts
	if testing.Short() {
		most = 50_000 // in one
	}
	made, err := styles.Create(t.Context(), client, identity.BrandingSettings{Settings: large(most)})
	check(t, "Create", err)
	_, err = styles.Create(t.Context(), client, ownStyle)
	wantErr(t, "Create again", err, identity.ErrBrandingExists)
	_, err = styles.Create(t.Context(), "nobody", ownStyle)
	wantErr(t, "Create for no client", err, identity.ErrClientNotFound)
	_, err = other.Admin().Brandings().Create(t.Context(), client, ownStyle)
	wantErr(t, "Create for a client of another pool", err, identity.ErrClientNotFound)
	for _, size := range few.Of(4, []int{10, 1_200_000, 1_500_000, 600_000}) {
		changed, err := styles.Update(t.Context(), made.ID, func(s *identity.BrandingSettings) error { s.Settings = large(size); return nil })
		check(t, "Update", err)
		got, err := styles.Get(t.Context(), made.ID)
		check(t, "Get", err)
		if !bytes.Equal(got.Settings.Settings, large(size)) || got.ID != made.ID || got.Client != client || got.Created != made.Created || got.Modified != changed.Modified {
			t.Errorf("a style of %d bytes is read as one of %d", size, len(got.Settings.Settings))
		}
	}
	_, err = styles.Update(t.Context(), made.ID, func(s *identity.BrandingSettings) error { s.Defaults = true; return nil })
	wantErr(t, "Update to both", err, identity.ErrInvalidSettings)
	_, err = other.Admin().Brandings().Get(t.Context(), made.ID)
	wantErr(t, "Get of another pool", err, identity.ErrBrandingNotFound)
	wantErr(t, "Delete of another pool", other.Admin().Brandings().Delete(t.Context(), made.ID), identity.ErrBrandingNotFound)
	check(t, "Delete", styles.Delete(t.Context(), made.ID))
	_, err = styles.OfClient(t.Context(), client)
	wantErr(t, "OfClient", err, identity.ErrBrandingNotFound)
	check(t, "Verify", verify(t, f.store))

	check(t, "Create", second(styles.Create(t.Context(), client, identity.BrandingSettings{Settings: large(most)})))
	check(t, "Delete the client", pool.Admin().Clients().Delete(t.Context(), client))
	check(t, "Verify", verify(t, f.store))
	again, err := pool.Admin().Clients().Create(t.Context(), &identity.ClientSettings{Name: "again", ID: client})
	check(t, "Create the client again", err)
	_, err = styles.OfClient(t.Context(), again.ID)
	wantErr(t, "the style of the client that was", err, identity.ErrBrandingNotFound)
}

func TestTerms(t *testing.T) {
	f := newEngine(t)
	pool, other := f.open(t, identity.PoolSettings{}), f.another(t)
	terms, client := pool.Admin().Terms(), pool.ClientID()
	use, err := terms.Create(t.Context(), client, termsOfUse)
	check(t, "Create", err)
	privacy, err := terms.Create(t.Context(), client, privacyTerm)
	check(t, "Create another", err)
	_, err = terms.Create(t.Context(), client, termsOfUse)
	wantErr(t, "Create again", err, identity.ErrTermsExist)
	_, err = other.Admin().Terms().Create(t.Context(), client, termsOfUse)
	wantErr(t, "Create for a client of another pool", err, identity.ErrClientNotFound)
	_, err = terms.Update(t.Context(), privacy.ID, func(s *identity.TermsSettings) error { s.Name = "terms-of-use"; return nil })
	wantErr(t, "Update to a name that is taken", err, identity.ErrTermsExist)
	_, err = terms.Update(t.Context(), privacy.ID, func(s *identity.TermsSettings) error { s.Links = nil; return nil })
	wantErr(t, "Update without links", err, identity.ErrInvalidSettings)

	var ids []string
	for d, err := range terms.List(t.Context(), "") {
		check(t, "List", err)
		ids = append(ids, d.ID)
	}
	want := []string{use.ID, privacy.ID}
	slices.Sort(want)
	if !slices.Equal(ids, want) {
		t.Errorf("list %v, want %v", ids, want)
	}
	for d, err := range terms.List(t.Context(), want[0]) {
		if err != nil || d.ID != want[1] {
			t.Errorf("after the first: %v, %v", d, err)
		}
	}
	got, err := terms.OfClient(t.Context(), client, "privacy-policy")
	if err != nil || got.ID != privacy.ID {
		t.Errorf("OfClient: %v, %v", got, err)
	}
	_, err = other.Admin().Terms().Get(t.Context(), use.ID)
	wantErr(t, "Get of another pool", err, identity.ErrTermsNotFound)
	check(t, "Delete", terms.Delete(t.Context(), use.ID))
	_, err = terms.Get(t.Context(), use.ID)
	wantErr(t, "Get", err, identity.ErrTermsNotFound)
	if e, ok := errors.AsType[*identity.NotFoundError](err); !ok || e.ID != use.ID {
		t.Errorf("error %v does not name the document", err)
	}
	_, err = terms.Update(t.Context(), privacy.ID, func(s *identity.TermsSettings) error { s.Name = "terms-of-use"; return nil })
	check(t, "Update to a name that is free", err)
	_, err = terms.OfClient(t.Context(), client, "privacy-policy")
	wantErr(t, "the former name", err, identity.ErrTermsNotFound)
	check(t, "Delete the client", pool.Admin().Clients().Delete(t.Context(), client))
	check(t, "Verify", verify(t, f.store))
	for d, err := range terms.List(t.Context(), "") {
		t.Errorf("a client that is gone has terms: %v, %v", d, err)
	}
}
