package storetest

import (
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"testing"
	"time"

	"github.com/cognate-id/cognate/store"
)

// A person is a record with a unique index, an index with several keys for each record, and
// an expiry.
type person struct {
	ID    string
	Names []string
	Tags  []string
	Until time.Time
}

var (
	byName = &store.Index[person]{Name: "names", Unique: true, Keys: func(p *person) []string { return partKeys(p.Names) }}
	byTag  = &store.Index[person]{Name: "tags", Keys: func(p *person) []string { return partKeys(p.Tags) }}
	people = &store.Table[person]{
		Name:    "people",
		Version: 3,
		Key:     func(p *person) string { return store.Key("pool", p.ID) },
		Expires: func(p *person) time.Time { return p.Until },
		Indexes: []*store.Index[person]{byName, byTag},
	}
)

func partKeys(parts []string) []string {
	var out []string
	for _, part := range parts {
		out = append(out, store.Key("pool", part))
	}
	return out
}

// epoch is the time of the tests.
var epoch = time.Unix(1_700_000_000, 0).UTC()

// A model is what a table of people should hold.
type model struct {
	rand   *rand.Rand
	people map[string]person
}

func newModel(seed int64) *model {
	return &model{rand.New(rand.NewSource(seed)), make(map[string]person)}
}

// steps makes random changes to a store and to the model, and compares the results.
func (m *model) steps(t testing.TB, s store.Store, n int) {
	t.Helper()
	for range n {
		p := m.person()
		_, exists := m.people[p.ID]
		switch m.rand.Intn(4) {
		case 0:
			m.insert(t, s, p, exists)
		case 1:
			m.remove(t, s, p.ID, exists)
		default:
			m.put(t, s, p)
		}
	}
}

func (m *model) person() person {
	p := person{ID: fmt.Sprint("id", m.rand.Intn(30))}
	for range m.rand.Intn(3) {
		p.Names = append(p.Names, fmt.Sprint("name", m.rand.Intn(60)))
		p.Tags = append(p.Tags, fmt.Sprint("tag", m.rand.Intn(4)))
	}
	if m.rand.Intn(2) == 0 {
		p.Until = epoch.Add(time.Duration(m.rand.Intn(100)-50) * time.Hour)
	}
	slices.Sort(p.Names)
	slices.Sort(p.Tags)
	p.Names, p.Tags = slices.Compact(p.Names), slices.Compact(p.Tags)
	return p
}

// taken reports whether another person has one of the names of p.
func (m *model) taken(p person) bool {
	for _, other := range m.people {
		if other.ID != p.ID && slices.ContainsFunc(p.Names, func(n string) bool { return slices.Contains(other.Names, n) }) {
			return true
		}
	}
	return false
}

func (m *model) insert(t testing.TB, s store.Store, p person, exists bool) {
	t.Helper()
	var want error
	if exists || m.taken(p) {
		want = store.ErrExists
	} else {
		m.people[p.ID] = p
	}
	wantErr(t, "Insert of "+p.ID, update(s, func(tx store.Tx) error { return people.Insert(tx, &p) }), want)
}

func (m *model) put(t testing.TB, s store.Store, p person) {
	t.Helper()
	var want error
	if m.taken(p) {
		want = store.ErrExists
	} else {
		m.people[p.ID] = p
	}
	wantErr(t, "Put of "+p.ID, update(s, func(tx store.Tx) error { return people.Put(tx, &p) }), want)
}

func (m *model) remove(t testing.TB, s store.Store, id string, exists bool) {
	t.Helper()
	delete(m.people, id)
	mustUpdate(t, s, func(tx store.Tx) error {
		got, err := people.Delete(tx, store.Key("pool", id))
		if err == nil && got != exists {
			t.Errorf("Delete of %s: got %v, want %v", id, got, exists)
		}
		return err
	})
}

// compare reads the store in every possible way and compares it with the model.
func (m *model) compare(t testing.TB, s store.Store) {
	t.Helper()
	mustView(t, s, func(r store.Reader) error {
		ids := slices.Sorted(maps.Keys(m.people))
		var got []string
		for p, err := range people.Scan(r, store.Prefix("pool")) {
			if err != nil {
				return err
			}
			got = append(got, p.ID)
			if want := m.people[p.ID]; fmt.Sprint(*p) != fmt.Sprint(want) {
				t.Errorf("record %s: got %v, want %v", p.ID, *p, want)
			}
		}
		if !slices.Equal(got, ids) {
			t.Errorf("scan: got %d records %.200q…, want %d %.200q…", len(got), got, len(ids), ids)
		}
		return errors.Join(people.Verify(r), m.compareNames(t, r), m.compareTags(t, r))
	})
}

func (m *model) compareNames(t testing.TB, r store.Reader) error {
	for _, p := range m.people {
		for _, name := range p.Names {
			got, err := people.Find(r, byName, store.Key("pool", name))
			if err != nil {
				return err
			}
			if got.ID != p.ID {
				t.Errorf("Find(%q): got %s, want %s", name, got.ID, p.ID)
			}
		}
	}
	_, err := people.Find(r, byName, store.Key("pool", "nobody"))
	wantErr(t, "Find of an unknown name", err, store.ErrNotFound)
	_, err = people.Get(r, store.Key("pool", "nobody"))
	wantErr(t, "Get of an unknown key", err, store.ErrNotFound)
	return nil
}

func (m *model) compareTags(t testing.TB, r store.Reader) error {
	for tag := range 4 {
		tag := fmt.Sprint("tag", tag)
		var want, got []string
		for _, id := range slices.Sorted(maps.Keys(m.people)) {
			if slices.Contains(m.people[id].Tags, tag) {
				want = append(want, store.Key("pool", id))
			}
		}
		for key, err := range people.ScanIndex(r, byTag, store.Prefix("pool", tag)) {
			if err != nil {
				return err
			}
			got = append(got, key)
		}
		if !slices.Equal(got, want) {
			t.Errorf("index scan of %s: got %d records %.200q…, want %d %.200q…", tag, len(got), got, len(want), want)
		}
	}
	return nil
}

func tablesAndIndexes(t testing.TB, s store.Store) {
	m := newModel(3)
	for range times(5, 2) {
		m.steps(t, s, 60)
		m.compare(t, s)
	}
}

// expiry sweeps expired records, a few at a time.
func expiry(t testing.TB, s store.Store) {
	m := newModel(4)
	m.steps(t, s, times(150, 60))
	want := 0
	for id, p := range m.people {
		if !p.Until.IsZero() && !p.Until.After(epoch) {
			delete(m.people, id)
			want++
		}
	}
	got := 0
	for {
		n, err := people.Sweep(t.Context(), s, epoch, 3)
		if err != nil {
			t.Fatal(err)
		}
		if n > 3 {
			t.Fatalf("a sweep of at most 3 deleted %d", n)
		}
		if n == 0 {
			break
		}
		got += n
	}
	if got != want {
		t.Errorf("swept %d records, want %d", got, want)
	}
	m.compare(t, s)
}

func deleteRange(t testing.TB, s store.Store) {
	all := times(1234, 734) // more than one transaction deletes
	first, end := 10, all-34
	for from := 0; from < all; from += 200 {
		mustUpdate(t, s, func(tx store.Tx) error {
			for i := from; i < min(all, from+200); i++ {
				p := person{ID: fmt.Sprintf("%05d", i), Names: []string{fmt.Sprint("n", i)}, Until: epoch}
				if err := people.Insert(tx, &p); err != nil {
					return err
				}
			}
			return nil
		})
	}
	rng := store.Range{From: store.Key("pool", fmt.Sprintf("%05d", first)), To: store.Key("pool", fmt.Sprintf("%05d", end))}
	rng.Limit = 7
	for _, want := range []int{7, end - first - 7, 0} {
		n, err := people.DeleteRange(t.Context(), s, rng)
		if err != nil || n != want {
			t.Errorf("DeleteRange: got %d, %v, want %d", n, err, want)
		}
		rng.Limit = 0
	}
	mustView(t, s, func(r store.Reader) error {
		left, err := keys(r, people.Name, store.Range{})
		if want := all - (end - first); len(left) != want {
			t.Errorf("%d records are left, want %d", len(left), want)
		}
		return errors.Join(err, people.Verify(r))
	})
}
