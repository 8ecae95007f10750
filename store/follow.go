package store

import (
	"cmp"
	"fmt"
)

// A Follow names a value by way of a unique index. The entry Index holds a primary key, see
// [TableOf.IndexRef]. The key of the value is that primary key with its first Cut bytes
// replaced by Prefix.
type Follow struct {
	Index  Ref    // an entry of a unique index
	Table  string // the table that holds the value
	Cut    int    // number of bytes to cut from the beginning of the primary key
	Prefix string // replaces the bytes that were cut
}

// Key returns the key that the index entry with this value leads to. It returns "" for a
// nil value: there is no such entry.
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

// A Follower is a [Reader] that reads index entries and the values they lead to in one
// round trip. [GetFollowing] also works with readers that are not Followers.
type Follower interface {
	// GetFollowing is the function [GetFollowing] in one round trip.
	GetFollowing(refs []Ref, follow []Follow) (values [][]byte, followed []Entry, err error)
}

// GetFollowing returns the values at refs, as [Reader.Get] does. It also returns, for each
// follow in order, the entry that the index leads to. Its Key is "" if the index has no
// such entry. Its Value is nil if nothing exists at that key.
//
// It costs one round trip with a [Follower], otherwise two.
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

// getFollowed reads what the entries lead to. It reads as many values where there is no
// entry, so that the time of a read does not tell whether there is one.
func getFollowed(r Reader, follow []Follow, entries [][]byte) ([]Entry, error) {
	followed, refs := make([]Entry, len(follow)), make([]Ref, len(follow))
	for i, f := range follow {
		instead := f.Prefix + f.Index.Key
		key, err := f.Key(entries[i])
		if err != nil {
			return nil, err
		}
		followed[i].Key, refs[i] = key, Ref{f.Table, cmp.Or(key, instead)}
	}
	values, err := r.Get(refs...)
	if err != nil {
		return nil, err
	}
	for i, value := range values {
		if followed[i].Key != "" {
			followed[i].Value = value
		}
	}
	return followed, nil
}
