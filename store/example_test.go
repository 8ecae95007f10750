package store_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// A Pet is kept under its id and found by its name, which is its alone.
type Pet struct{ ID, Name, Kind string }

var (
	petNames = &store.Index[Pet]{Name: "names", Unique: true, Keys: func(p *Pet) []string { return []string{store.Key(p.Name)} }}
	petKinds = &store.Index[Pet]{Name: "kinds", Keys: func(p *Pet) []string { return []string{store.Key(p.Kind)} }}
	pets     = &store.Table[Pet]{
		Name:    "pets",
		Key:     func(p *Pet) string { return store.Key(p.ID) },
		Indexes: []*store.Index[Pet]{petNames, petKinds},
	}
)

func ExampleTable() {
	ctx, s := context.Background(), memory.New()
	defer s.Close()
	for _, p := range []Pet{{"1", "Rex", "dog"}, {"2", "Tom", "cat"}, {"3", "Rex", "cat"}} {
		err := s.Update(ctx, func(tx store.Tx) error { return pets.Insert(tx, &p) })
		if errors.Is(err, store.ErrExists) {
			fmt.Println(p.Name, "is taken")
		}
	}
	err := s.View(ctx, func(r store.Reader) error {
		rex, err := pets.Find(r, petNames, store.Key("Rex"))
		if err != nil {
			return err
		}
		fmt.Println("Rex is a", rex.Kind)
		for key, err := range pets.ScanIndex(r, petKinds, store.Prefix("cat")) {
			if err != nil {
				return err
			}
			cat, err := pets.Get(r, key)
			if err != nil {
				return err
			}
			fmt.Println(cat.Name, "is a cat")
		}
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// Rex is taken
	// Rex is a dog
	// Tom is a cat
}
