package store

import "fmt"

// A Follow names a value by way of an index: it is at the key that is made
// from the primary key in the entry Index, see [Table.IndexRef].
type Follow struct {
	Index  Ref    // an entry of a unique index
	Table  string // where the value is
	Cut    int    // bytes of the primary key that are left out at its beginning
	Prefix string // what stands there instead
}

// Key is the key that an entry of the index leads to, "" where value is nil.
func (f Follow) Key(value []byte) (string, error) {
	if value == nil {
		return "", nil
	}
	primary, err := decodeKey(value)
	if err != nil {
		return "", err
	}
	if len(primary) < f.Cut {
		return "", fmt.Errorf("%w: the key in an entry of %s is too short", ErrCorrupt, f.Index.Table)
	}
	return f.Prefix + primary[f.Cut:], nil
}

// A Follower is a [Reader] that looks in an index, and at what it leads to, in
// one round trip. [GetFollowing] makes do without.
type Follower interface {
	GetFollowing(refs []Ref, follow []Follow) (values [][]byte, followed []Entry, err error)
}

// GetFollowing is [Reader.Get], and returns with it what some entries of
// indexes lead to, in their order: the key, "" where the index has no such entry, and
// the value, nil where there is none.
func GetFollowing(r Reader, refs []Ref, follow []Follow) (values [][]byte, followed []Entry, err error) {
	if f, ok := r.(Follower); ok && len(follow) > 0 {
		return f.GetFollowing(refs, follow)
	}
	all := append([]Ref(nil), refs...)
	for _, f := range follow {
		all = append(all, f.Index)
	}
	values, err = r.Get(all...)
	if err != nil || len(follow) == 0 {
		return values, nil, err
	}
	followed, err = getFollowed(r, follow, values[len(refs):])
	return values[:len(refs)], followed, err
}

func getFollowed(r Reader, follow []Follow, entries [][]byte) ([]Entry, error) {
	followed := make([]Entry, len(follow))
	var refs []Ref
	var at []int
	for i, f := range follow {
		key, err := f.Key(entries[i])
		if err != nil {
			return nil, err
		}
		if key == "" {
			continue
		}
		followed[i].Key = key
		refs, at = append(refs, Ref{f.Table, key}), append(at, i)
	}
	if len(refs) == 0 {
		return followed, nil
	}
	values, err := r.Get(refs...)
	if err != nil {
		return nil, err
	}
	for i, value := range values {
		followed[at[i]].Value = value
	}
	return followed, nil
}
