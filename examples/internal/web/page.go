package web

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

//go:embed layout.html
var layout string

// A Problem is what people are told about some errors.
type Problem struct {
	status            int
	field, text, next string
	errs              []error
}

// At is a problem of one field, which they can put right: the text is shown beside it, with status 422.
func At(field, text string, errs ...error) Problem {
	return Problem{status: http.StatusUnprocessableEntity, field: field, text: text, errs: errs}
}

// TooMany is a problem of no field, with status 429: it takes time.
func TooMany(text string, errs ...error) Problem {
	return Problem{status: http.StatusTooManyRequests, text: text, errs: errs}
}

// Onward is what is no problem for this form: the browser goes on to another address.
func Onward(next string, errs ...error) Problem { return Problem{next: next, errs: errs} }

func (p Problem) explains(err error) bool {
	for _, e := range p.errs {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// A Page is what the templates are filled with.
type Page struct {
	Site    string        // the name of the site
	Title   string        // as Titled gave it
	Note    template.HTML // what has just happened, of a template of ours
	Problem string        // what is wrong with the form, if anything
	Wrong   string        // the field that Problem is about, or ""
	Form    url.Values    // what was sent, for the visitor to put right
	Visit   any           // of the member
}

// Titled gives the page its title.
func (p *Page) Titled(title string) *Page {
	p.Title = title
	return p
}

// Value is what was sent in a field, for hidden ones.
func (p *Page) Value(field string) string { return p.Form.Get(field) }

// A Field is an input of a page, with its label and the problem that it has.
type Field struct{ Name, Label, Kind, Autocomplete, Value, Problem, Hint string }

// Field is an input of the page. Passwords are not filled in again, nor is a code that was wrong.
func (p *Page) Field(name, label, kind, autocomplete string) Field {
	f := Field{Name: name, Label: label, Kind: kind, Autocomplete: autocomplete}
	if name == "email" || name == "code" && p.Wrong != "" && p.Wrong != name {
		f.Value = p.Form.Get(name)
	}
	if name == p.Wrong {
		f.Problem = p.Problem
	}
	return f
}

// Hinted gives the field a hint for those who fill it in.
func (f Field) Hinted(hint string) Field {
	f.Hint = hint
	return f
}

func parse(pages string) *template.Template {
	return template.Must(template.Must(template.New("").Funcs(template.FuncMap{
		"groups": groups,
		"link":   func(uri string) template.URL { return template.URL(uri) }, // for those that no visitor has made
	}).Parse(layout)).Parse(pages))
}

// groups is a key in groups of four, which are easier to type.
func groups(key string) string {
	var out strings.Builder
	for i, c := range key {
		if i > 0 && i%4 == 0 {
			out.WriteByte(' ')
		}
		out.WriteRune(c)
	}
	return out.String()
}

// write sends a page, or an error if the template fails: none is sent in part.
func (q *Request[V]) write(status int, name string, p *Page) error {
	p.Site, p.Visit = q.site.name, q.Visit
	var out bytes.Buffer
	if err := q.site.pages.ExecuteTemplate(&out, name, p); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	q.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	q.w.WriteHeader(status)
	q.w.Write(out.Bytes())
	return nil
}
