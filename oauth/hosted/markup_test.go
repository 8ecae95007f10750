package hosted_test

import (
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A tag is one of a page's: an element begins or ends.
type tag struct {
	name  string
	end   bool
	attrs map[string]string
	text  string // what follows, up to the next tag
}

var (
	tagForm  = regexp.MustCompile(`^<(/?)([a-z][a-z0-9]*)((?:\s+[a-zA-Z-]+(?:="[^"<>]*")?)*)\s*/?>`)
	attrForm = regexp.MustCompile(`([a-zA-Z-]+)(?:="([^"]*)")?`)
)

// parsed reads a page more strictly than a browser does: each < must begin a tag, and each attribute has
// double quotes. What breaks out of a value is an error.
func parsed(page string) ([]tag, error) {
	rest, ok := strings.CutPrefix(page, "<!doctype html>")
	if !ok {
		return nil, fmt.Errorf("no doctype")
	}
	var all []tag
	for {
		at := strings.IndexByte(rest, '<')
		if at < 0 {
			return all, nil
		}
		if len(all) > 0 {
			all[len(all)-1].text = html.UnescapeString(rest[:at])
		}
		rest = rest[at:]
		m := tagForm.FindStringSubmatch(rest)
		if m == nil {
			return nil, fmt.Errorf("no tag: %.80q", rest)
		}
		t := tag{name: m[2], end: m[1] != "", attrs: map[string]string{}}
		for _, a := range attrForm.FindAllStringSubmatch(m[3], -1) {
			if _, twice := t.attrs[a[1]]; twice {
				return nil, fmt.Errorf("%s has %s twice", t.name, a[1])
			}
			t.attrs[a[1]] = html.UnescapeString(a[2])
		}
		all = append(all, t)
		rest = rest[len(m[0]):]
	}
}

// elements are those that pages are made of.
var elements = strings.Fields(`a bdi body button circle code dd details div dl dt footer form h1 h2 head html img input label li link main mark
	meta noscript ol p path rect script section span strong summary svg title ul`)

// attributes are those that elements may have. None runs code.
var attributes = strings.Fields(`action alt aria-controls aria-current aria-describedby aria-hidden aria-invalid aria-label
	autocapitalize autocomplete autofocus charset checked class content cx cy d data-hide data-options data-passkey data-problem data-send
	data-show defer dir disabled for height hidden href id inputmode lang max maxlength method min name r readonly rel
	required role rx spellcheck src target type value viewBox width x y`)

// checkMarkup holds a page to what every page must be.
func checkMarkup(t *testing.T, name, page string) []tag {
	t.Helper()
	tags, err := parsed(page)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return nil
	}
	count := map[string]int{}
	ids := map[string]bool{}
	for i, g := range tags {
		if !slices.Contains(elements, g.name) {
			t.Errorf("%s: element %s", name, g.name)
		}
		for a, v := range g.attrs {
			if !slices.Contains(attributes, a) {
				t.Errorf("%s: %s has the attribute %s", name, g.name, a)
			}
			if a == "id" && ids[v] {
				t.Errorf("%s: the id %s is there twice", name, v)
			}
			if a == "id" {
				ids[v] = true
			}
			if scheme, _, ok := strings.Cut(v, ":"); ok && slices.Contains([]string{"href", "src", "action"}, a) {
				if !slices.Contains([]string{"https", "http", "otpauth", "fernway", "data"}, scheme) || scheme == "data" && (g.name != "img" || !strings.HasPrefix(v, "data:image/")) {
					t.Errorf("%s: %s leads to %.40s", name, g.name, v)
				}
			}
		}
		if !g.end {
			count[g.name]++
		}
		if g.name == "script" && !g.end && (g.attrs["src"] == "" || g.text != "") {
			t.Errorf("%s: there is a script in the page: %q", name, g.text)
		}
		if g.name == "img" && i >= 0 && !hasKey(g.attrs, "alt") {
			t.Errorf("%s: a picture has no alt", name)
		}
	}
	if count["h1"] != 1 || count["main"] != 1 || count["script"] != 1 || count["title"] != 1 {
		t.Errorf("%s: %v, want one h1, main, script and title", name, count)
	}
	checkLabels(t, name, tags, ids)
	return tags
}

// checkLabels holds each field to a label, and each problem to its field.
func checkLabels(t *testing.T, name string, tags []tag, ids map[string]bool) {
	t.Helper()
	labels := map[string]bool{}
	for _, g := range tags {
		labels[g.attrs["for"]] = true
	}
	for i, g := range tags {
		for id := range strings.FieldsSeq(g.attrs["aria-describedby"]) {
			if !ids[id] {
				t.Errorf("%s: %s is described by %s, which is not there", name, g.name, id)
			}
		}
		if g.name == "input" && g.attrs["type"] != "hidden" && !hasKey(g.attrs, "hidden") && !labels[g.attrs["id"]] {
			t.Errorf("%s: the field %s has no label", name, g.attrs["name"])
		}
		if strings.Contains(g.attrs["class"], "problem") && g.name == "p" {
			if id := g.attrs["id"]; !slices.ContainsFunc(tags, func(o tag) bool {
				return hasKey(o.attrs, "aria-invalid") && strings.Contains(o.attrs["aria-describedby"], id)
			}) {
				t.Errorf("%s: no field is described by the problem %s", name, id)
			}
		}
		if g.name == "button" && !g.end && g.attrs["aria-label"] == "" && !hasText(tags[i:]) {
			t.Errorf("%s: a button has no text", name)
		}
	}
}

// hasText reports whether the element that begins has text in it.
func hasText(tags []tag) bool {
	for _, g := range tags {
		if g.end && g.name == tags[0].name {
			return false
		}
		if strings.TrimSpace(g.text) != "" {
			return true
		}
	}
	return false
}

func hasKey(m map[string]string, key string) bool { _, ok := m[key]; return ok }

// find returns the elements of a name whose attribute has a value.
func find(tags []tag, name, attr, value string) []tag {
	var all []tag
	for _, g := range tags {
		if g.name == name && !g.end && (attr == "" || hasKey(g.attrs, attr) && g.attrs[attr] == value) {
			all = append(all, g)
		}
	}
	return all
}
