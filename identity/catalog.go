package identity

import "github.com/cognate-id/cognate/store"

// catalog is all that the engine keeps, with what each record belongs to.
// Sign-ins and codes may outlive their user, or be for nobody: they expire.
func catalog() []kept {
	type refs = [][]store.Ref
	return []kept{
		free(pools), free(graves), free(accessKeys), free(leases),
		of(clients, func(c *ClientInfo) refs { return refs{ofPool(c.Pool)} }),
		of(clientSecrets, func(s *clientSecret) refs { return refs{{clients.Ref(store.Key(s.Client))}} }),
		of(keyrings, func(k *keyring) refs { return refs{ofPool(k.Pool)} }),
		of(users, userOwners),
		of(groups, func(g *Group) refs { return refs{ofPool(g.Pool)} }),
		of(deadGroups, func(g *deadGroup) refs { return refs{ofPool(g.Pool)} }),
		of(totps, func(t *totp) refs { return refs{ofUser(t.Pool, t.Sub)} }),
		of(credentials, func(c *credential) refs { return refs{ofUser(c.Pool, c.Sub)} }),
		of(codes, func(c *code) refs { return refs{ofPool(c.Pool)} }),
		of(families, func(f *family) refs { return refs{ofPool(f.Pool)} }),
		of(spent, func(s *spentState) refs { return refs{ofPool(s.Pool)} }),
		free(throttles),
		of(events, eventOwners),
	}
}

// Tables are the names of all tables that the engine keeps, with those of
// their indexes. It is what a backup is made of, see store.Backup.
func Tables() []string {
	var out []string
	for _, t := range catalog() {
		out = append(out, t.Tables()...)
	}
	return out
}
