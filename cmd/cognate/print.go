package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// A listing says in which form to write a list.
type listing struct {
	JSON bool `name:"json" help:"Write one JSON object on each line instead of a table."`
}

// A limited list has a maximum length.
type limited struct {
	Limit uint32 `placeholder:"NUMBER" help:"Maximum number to list. Default: all."`
}

// flushRows is how many rows of a table share their column widths. So many rows are held
// back until the widths are known.
const flushRows = 500

// list writes at most limit elements of seq, or all if limit is 0.
func list[T any](t *terminal, how listing, limit int, seq iter.Seq2[T, error], header string, row func(T) []string) error {
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	if !how.JSON {
		fmt.Fprintln(w, strings.ReplaceAll(header, ", ", "\t"))
	}
	n := 0
	for v, err := range seq {
		if err != nil && n == 0 {
			return err // do not write the header
		}
		if err != nil {
			return cmp.Or(w.Flush(), err)
		}
		if err := writeItem(t.out, w, how, v, row); err != nil {
			return err
		}
		if n++; n == limit {
			break
		}
		if n%flushRows == 0 {
			if err := w.Flush(); err != nil {
				return err
			}
		}
	}
	return w.Flush()
}

func writeItem[T any](out, table io.Writer, how listing, v T, row func(T) []string) error {
	if how.JSON {
		return writeJSON(out, v, "")
	}
	cells := row(v)
	for i, c := range cells {
		cells[i] = oneLine(c)
	}
	_, err := fmt.Fprintln(table, strings.Join(cells, "\t"))
	return err
}

// show writes a stored value as JSON, for people and programs.
func (t *terminal) show(v any) error { return writeJSON(t.out, v, "  ") }

// writeJSON writes a value as JSON and a line break.
func writeJSON(w io.Writer, v any, indent string) error {
	line, err := encodeJSON(v, indent)
	if err != nil {
		return err
	}
	_, err = w.Write(line)
	return err
}

// encodeJSON returns a value as JSON, with a line break at its end.
func encodeJSON(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return escaped(b.Bytes()), nil
}

// escaped returns JSON in which every character that could control a terminal is written as
// \uXXXX. The meaning is the same. encoding/json escapes such characters only up to U+001F.
func escaped(text []byte) []byte {
	steers := func(r rune) bool { return r != '\n' && !unicode.IsGraphic(r) }
	if !bytes.ContainsFunc(text, steers) {
		return text
	}
	var out []byte
	for _, r := range string(text) {
		switch {
		case !steers(r):
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, hi, lo)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}

func collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for v, err := range seq {
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// each yields the values of a slice, as a sequence that could return an error.
func each[T any](values []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range values {
			if !yield(v, nil) {
				return
			}
		}
	}
}

func orNone[T any](v *T) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprint(*v)
}

func yesNo(v bool) string {
	if v {
		return "yes"
	}
	return "no"
}

func stamp(at time.Time) string { return at.Format(time.RFC3339) }

func orDash(s string) string { return cmp.Or(s, "-") }
