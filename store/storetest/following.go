package storetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/store"
)

// A nickname is a record that is found by its nickname.
type nickname struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

var (
	nicknames = &store.Table[nickname]{
		Name: "nicknames", Key: func(n *nickname) string { return store.Key("in", n.ID) },
		Indexes: []*store.Index[nickname]{nicknamesByName},
	}
	nicknamesByName = &store.Index[nickname]{Name: "names", Unique: true, Keys: func(n *nickname) []string {
		return []string{store.Key(n.Name)}
	}}
)

// following checks that GetFollowing returns the same in one round trip as in two, for
// primary keys of each length, because a store may decode the keys itself.
func following(t testing.TB, s store.Store) {
	const longest = 40
	id := func(i int) string { return strings.Repeat("ÿ?>é~", i)[:i] }
	mustUpdate(t, s, func(tx store.Tx) error {
		for i := range longest {
			if err := nicknames.Insert(tx, &nickname{strings.ToValidUTF8(id(i), "_"), fmt.Sprint(i)}); err != nil {
				return err
			}
			key := store.Key("beside", strings.ToValidUTF8(id(i), "_"))
			if i%2 == 0 {
				if err := tx.Put("beside", key, fmt.Appendf(nil, "%d", i)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	cut, prefix := len(store.Key("in")), store.Key("beside")
	mustView(t, s, func(r store.Reader) error {
		for i := range longest + 1 {
			index := nicknames.IndexRef(nicknamesByName, store.Key(fmt.Sprint(i)))
			values, followed, err := store.GetFollowing(r, []store.Ref{index}, []store.Follow{
				{Index: index, Table: nicknames.Name},
				{Index: index, Table: "beside", Cut: cut, Prefix: prefix},
			})
			if err != nil {
				return err
			}
			checkFollowed(t, i, i < longest, values[0], followed)
		}
		return nil
	})
}

func checkFollowed(t testing.TB, i int, there bool, entry []byte, followed []store.Entry) {
	t.Helper()
	if there != (entry != nil) || there != (followed[0].Key != "") || there != (followed[1].Key != "") {
		t.Errorf("record %d: entry %q leads to keys %q and %q", i, entry, followed[0].Key, followed[1].Key)
		return
	}
	if !there {
		return
	}
	rec, err := nicknames.Decode(followed[0].Value)
	if err != nil || rec.Name != fmt.Sprint(i) || nicknames.Key(rec) != followed[0].Key {
		t.Errorf("record %d: the index leads to %s at %q, %v", i, followed[0].Value, followed[0].Key, err)
	}
	want := ""
	if i%2 == 0 {
		want = fmt.Sprint(i)
	}
	if got := string(followed[1].Value); got != want {
		t.Errorf("record %d: beside it is %q, want %q", i, got, want)
	}
}
