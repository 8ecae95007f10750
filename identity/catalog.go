package identity

// A kept is a table of any type.
type kept interface {
	Tables() []string
}

// catalog is all that the engine keeps.
func catalog() []kept {
	return []kept{
		pools, clients, clientSecrets, keyrings, users, groups, deadGroups, totps, credentials,
		codes, families, spent, throttles, events, accessKeys, leases, graves,
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
