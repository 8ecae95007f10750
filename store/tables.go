package store

// Tables returns the names of the tables that t is kept in: its own, and those of its indexes.
func (t *TableOf[P]) Tables() []string { return append([]string{t.Name}, t.indexTables()...) }
