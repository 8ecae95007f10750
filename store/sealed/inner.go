package sealed

import "github.com/cognate-id/cognate/store"

// Inner returns the store below a store that [New] returned. Values of secret tables in it
// are sealed. Use it for a backup. Inner returns any other store unchanged.
func Inner(s store.Store) store.Store {
	if s, ok := s.(interface{ below() store.Store }); ok {
		return s.below()
	}
	return s
}

func (s *sealing) below() store.Store { return s.inner }
