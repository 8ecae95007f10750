package driver_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/driver"
	"github.com/cognate-id/cognate/store/memory"
)

func TestOverlayYieldsTheLastWritesInOrder(t *testing.T) {
	err := memory.New().View(t.Context(), func(r store.Reader) error {
		o := driver.NewOverlay(r)
		err := errors.Join(o.Put("b", "2", []byte("1")), o.Put("b", "1", []byte("1")), o.Put("a", "9", []byte("1")),
			o.Put("b", "2", []byte("22")), o.Delete("b", "3"), o.Insert("b", "0", []byte("1")))
		var got []string
		for w := range o.Writes() {
			got = append(got, fmt.Sprintf("%s/%s=%s", w.Table, w.Key, w.Value))
		}
		if want := []string{"a/9=1", "b/0=1", "b/1=1", "b/2=22", "b/3="}; !slices.Equal(got, want) {
			t.Errorf("Writes: got %q, want %q", got, want)
		}
		if got, want := o.Size(), 2+2+2+3+1; got != want {
			t.Errorf("Size: got %d, want %d", got, want)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestOverlayFailsAfterItsFirstError(t *testing.T) {
	_ = memory.New().View(t.Context(), func(r store.Reader) error {
		o := driver.NewOverlay(r)
		if err := o.Put("table", "key", []byte("1")); err != nil {
			t.Error(err)
		}
		first := o.Insert("table", "key", []byte("2"))
		_, get := o.Get(store.Ref{Table: "table", Key: "key"})
		var scan error
		for _, err := range o.Scan("table", store.Range{}) {
			scan = err
		}
		for what, err := range map[string]error{
			"Insert": first, "Get": get, "Scan": scan, "Put": o.Put("table", "other", []byte("1")),
			"Delete": o.Delete("table", "other"), "Err": o.Err(),
		} {
			if !errors.Is(err, store.ErrExists) {
				t.Errorf("%s: got %v, want %v", what, err, store.ErrExists)
			}
		}
		return nil
	})
}

// FuzzOverlay makes statements of the input and compares scans with a map.
func FuzzOverlay(f *testing.F) {
	f.Add([]byte("abcdefgh"), []byte("a1b2d3"), byte(0), byte(255), byte(2))
	f.Add([]byte("aaa"), []byte("\x01a\x00b"), byte('b'), byte('a'), byte(0x81))
	f.Fuzz(func(t *testing.T, under, over []byte, from, to, how byte) {
		if len(under)+len(over) > 64 {
			t.Skip()
		}
		have := make(map[string]bool)
		s := memory.New()
		err := s.Update(t.Context(), func(tx store.Tx) error {
			for _, c := range under {
				have[string(c)+"k"] = true
				if err := tx.Put("table", string(c)+"k", []byte("1")); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		_ = s.View(t.Context(), func(r store.Reader) error {
			o := driver.NewOverlay(r)
			rng := store.Range{From: string(from), To: string(to), Limit: int(how & 7), Reverse: how&0x80 != 0}
			for i, c := range over {
				key := string(c) + "k"
				if i%3 == 0 {
					delete(have, key)
					err = o.Delete("table", key)
				} else {
					have[key] = true
					err = o.Put("table", key, []byte("2"))
				}
				if err != nil {
					t.Fatal(err)
				}
				compareOverlay(t, o, have, rng)
			}
			return nil
		})
	})
}

func compareOverlay(t *testing.T, o *driver.Overlay, have map[string]bool, rng store.Range) {
	t.Helper()
	var want, got []string
	for _, key := range slices.Sorted(maps.Keys(have)) {
		if holds(rng, key) {
			want = append(want, key)
		}
	}
	if rng.Reverse {
		slices.Reverse(want)
	}
	if rng.Limit > 0 && len(want) > rng.Limit {
		want = want[:rng.Limit]
	}
	for e, err := range o.Scan("table", rng) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.Key)
	}
	if !slices.Equal(got, want) {
		t.Errorf("scan %q: got %q, want %q", rng.From+"…"+rng.To, got, want)
	}
}

// FuzzCheck compares what is accepted as a value with what encoding/json makes of it.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,null,"\u00e9\ud83d\ude00"]}`, `"\u0000"`, `"\\u0000"`, `"\\\u0000"`, `"\ud800"`, `"\ud800\ud800"`, `"\udc00"`, `1 2`,
		` [ ] `, `{ "a" : -0.1e+7 , "b" : [ true , false , null , {} ] }`, `01`, `-`, `1.`, `1e`, `[1,]`, `{"a"}`, `{"a":}`, `"\x"`, `"\u12g4"`, "\"\x1f\"", `tru`, strings.Repeat("[", 300),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		err := driver.Check(store.Ref{Table: "table", Key: "key"}, value)
		if !json.Valid(value) || !utf8.Valid(value) {
			if err == nil {
				t.Errorf("%q was accepted", value)
			}
			return
		}
		var v any
		d := json.NewDecoder(bytes.NewReader(value))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			t.Skip()
		}
		// encoding/json makes U+FFFD of half a surrogate pair.
		text := flatten(v)
		bad := strings.Contains(text, "\x00") || strings.Count(text, "\ufffd") > replacements(string(value))
		if bad != (err != nil) && !strings.Contains(string(value), `\\`) && !duplicates(value) {
			t.Errorf("%q: got error %v, want one: %v", value, err, bad)
		}
	})
}

// duplicates reports whether members of an object may hide one another.
func duplicates(value []byte) bool { return bytes.Count(value, []byte(":")) > 1 }

// replacements counts the replacement characters that are written out.
func replacements(s string) int {
	return strings.Count(s, "\ufffd") + strings.Count(strings.ToLower(s), `\ufffd`)
}

// flatten joins all strings of a document.
func flatten(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		var b strings.Builder
		for _, e := range v {
			b.WriteString(flatten(e))
		}
		return b.String()
	case map[string]any:
		var b strings.Builder
		for k, e := range v {
			b.WriteString(k + flatten(e))
		}
		return b.String()
	}
	return ""
}

// holds reports whether a key is in a range.
func holds(r store.Range, key string) bool { return key >= r.From && (r.To == "" || key < r.To) }

func BenchmarkCheck(b *testing.B) {
	value := []byte(`{"v":2,"Title":"` + strings.Repeat("x", 450) + `","Attributes":{"email":"user@example.com","name":"a \u00e9 b"},"More":"` + strings.Repeat("y", 450) + `"}`)
	b.SetBytes(int64(len(value)))
	for b.Loop() {
		_ = driver.Check(store.Ref{Table: "table", Key: "key"}, value)
	}
}
