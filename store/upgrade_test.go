package store_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/cognate-id/cognate/store"
)

func TestOlderRecordIsUpgradedAndWrittenAnew(t *testing.T) {
	table := *books
	table.Upgrade = func(_ int, value []byte) ([]byte, error) {
		return bytes.Replace(value, []byte(`"Name"`), []byte(`"Title"`), 1), nil
	}
	s := library(t)
	var stored []byte
	err := s.Update(t.Context(), func(tx store.Tx) error {
		if err := tx.Put("books", store.Key("3"), []byte(`{"v":1,"ISBN":"3","Name":"title 3","Shelf":0,"Until":"1970-01-01T00:00:03Z"}`)); err != nil {
			return err
		}
		b, err := table.Get(tx, store.Key("3"))
		if err != nil {
			return err
		}
		if b.Title != "title 3" {
			t.Errorf("got %+v", b)
		}
		if err := table.Put(tx, b); err != nil {
			return err
		}
		values, err := tx.Get(table.Ref(store.Key("3")))
		stored = values[0]
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(stored, []byte(`{"v":2,`)) {
		t.Errorf("stored %s", stored)
	}
	if _, err := table.Decode([]byte(`{"v":3}`)); !errors.Is(err, store.ErrNewer) {
		t.Errorf("newer: %v", err)
	}
}
