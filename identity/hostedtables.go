package identity

import "github.com/cognate-id/cognate/store"

// The tables of what pages look like and link to. What is of a client goes with the client.
var (
	// uiDefaults: the look of the classic pages of a pool.
	uiDefaults = &store.Table[UICustomization]{
		Name: "uidefaults", Key: func(c *UICustomization) string { return store.Key(c.Pool) },
		Owner: store.OwnedByPool,
	}
	// uiCustomizations: that of one client.
	uiCustomizations = &store.Table[UICustomization]{
		Name: "uicustomizations", Key: func(c *UICustomization) string { return store.Key(c.Client) },
		Owner: store.OwnedByClient,
	}

	// brandings: the style of the pages of managed login of a client.
	brandings = &store.Table[branding]{
		Name: "brandings", Key: func(b *branding) string { return store.Key(b.Client) },
		Owner: store.OwnedByClient, Indexes: []*store.Index[branding]{brandingsByID},
	}
	brandingsByID = &store.Index[branding]{Name: "id", Unique: true, Keys: func(b *branding) []string {
		return []string{store.Key(b.Pool, b.ID)}
	}}
	// brandingParts: the settings and the files of a style, which may be larger than one value.
	brandingParts = &store.Table[brandingPart]{
		Name: "brandingparts", Key: func(p *brandingPart) string { return store.Key(p.Client, store.Int(int64(p.N))) },
		Owner: store.OwnedByClient,
	}

	// terms: the links to the terms of use and the privacy policy of a client.
	terms = &store.Table[TermsDocument]{
		Name: "terms", Key: func(t *TermsDocument) string { return store.Key(t.Client, t.ID) },
		Owner: store.OwnedByClient, Indexes: []*store.Index[TermsDocument]{termsByID, termsByName},
	}
	termsByID = &store.Index[TermsDocument]{Name: "id", Unique: true, Keys: func(t *TermsDocument) []string {
		return []string{store.Key(t.Pool, t.ID)}
	}}
	// termsByName: one document of each name.
	termsByName = &store.Index[TermsDocument]{Name: "name", Unique: true, Keys: func(t *TermsDocument) []string {
		return []string{store.Key(t.Client, string(t.Settings.Name))}
	}}
)
