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

// A listing says how a list is written.
type listing struct {
	JSON bool `name:"json" help:"Write one JSON object a line instead of a table."`
}

// A limited list may end early.
type limited struct {
	Limit uint32 `placeholder:"NUMBER" help:"How many to list at most. Default: all."`
}

// flushRows is how many rows of a table share their widths, and are held back until they are known.
const flushRows = 500

// list writes up to limit of what seq yields, or all where limit is 0.
func list[T any](t *terminal, how listing, limit int, seq iter.Seq2[T, error], header string, row func(T) []string) error {
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	if !how.JSON {
		fmt.Fprintln(w, strings.ReplaceAll(header, ", ", "\t"))
	}
	n := 0
	for v, err := range seq {
		if err != nil && n == 0 {
			return err // without a header
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

// show writes what is stored, for people and programs.
func (t *terminal) show(v any) error { return writeJSON(t.out, v, "  ") }

// writeJSON writes a value and a line break.
func writeJSON(w io.Writer, v any, indent string) error {
	line, err := encodeJSON(v, indent)
	if err != nil {
		return err
	}
	_, err = w.Write(line)
	return err
}

// encodeJSON is a value as JSON, with a line break at its end.
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

// escaped is JSON in which all that could steer a terminal is written as
// \uXXXX, which means the same: encoding/json does so only up to U+001F.
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

// each yields values that are all there, as a list that could fail.
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
