package sealed

import "github.com/cognate-id/cognate/store"

// Inner returns the store below one that New made, in which secrets are sealed:
// what a backup is made of. Any other store is returned as it is.
func Inner(s store.Store) store.Store {
	if s, ok := s.(interface{ below() store.Store }); ok {
		return s.below()
	}
	return s
}

func (s *sealing) below() store.Store { return s.inner }
