package web

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/cognate-id/cognate/mfa"
)

//go:embed pages.html
var layout string

// A Page is what the templates are filled with.
type Page struct {
	Site    string        // the name of the site
	Title   string        // as Titled gave it
	Note    template.HTML // what has just happened, of a template of yours
	Problem string        // what is wrong with the form, if anything
	Wrong   string        // the field that Problem is about, or ""
	Form    url.Values    // what was sent, for the visitor to put right
	Visit   *Visit        // of a user who is signed in, on the pages of MemberPage and MemberForm; otherwise nil

	focused bool     // a field has the focus already
	request *Request // that the page answers
}

// Titled gives the page its title.
func (p *Page) Titled(title string) *Page {
	p.Title = title
	return p
}

// Value is what was sent in a field, for hidden ones.
func (p *Page) Value(field string) string { return p.Form.Get(field) }

// A Field is an input of a page, for the template "field".
type Field struct {
	Name, Label, Kind, Autocomplete string // of the input
	Value                           string // what is filled in
	Problem                         string // what is wrong with it, if anything
	Hint                            string // see Hinted
	Focus                           bool   // it has the focus when the page is shown
}

// Field is an input of the page. What was sent is filled in again. The focus is at the field that is
// wrong or, if none is, at the first one that is empty.
func (p *Page) Field(name, label, kind, autocomplete string) Field {
	f := Field{Name: name, Label: label, Kind: kind, Autocomplete: autocomplete, Value: p.Form.Get(name)}
	if name == p.Wrong {
		f.Problem = p.Problem
	}
	if name == p.Wrong || p.Wrong == "" && !p.focused && f.Value == "" {
		f.Focus, p.focused = true, true
	}
	return f
}

// Hinted gives the field a hint for those who fill it in.
func (f Field) Hinted(hint string) Field {
	f.Hint = hint
	return f
}

func parse(pages string) (*template.Template, error) {
	t, err := template.New("").Funcs(template.FuncMap{
		"groups": groups, "qr": picture, "app": appLink,
	}).Parse(layout)
	if err != nil {
		return nil, err
	}
	return t.Parse(pages)
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

// picture is the address of a QR code, which is the picture itself. The key comes from a hidden
// field, so it may be anything: for what is no key there is no picture.
func picture(key, issuer, account string) (template.URL, error) {
	secret, err := mfa.ParseSecret(key)
	if err != nil {
		return "", nil //nolint:nilerr // the browser gets back what it sent
	}
	image, err := secret.QR(issuer, account)
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(image)), err
}

// appLink is the address that an app on the same device opens, or "" for what is no key.
func appLink(key, issuer, account string) template.URL {
	secret, err := mfa.ParseSecret(key)
	if err != nil {
		return ""
	}
	return template.URL(secret.URI(issuer, account))
}

// write sends a page, or returns an error if the template fails: none is sent in part.
func (q *Request) write(status int, name string, p *Page) error {
	p.Site, p.Visit, p.request = q.site.name, q.Visit, q
	var out bytes.Buffer
	if err := q.site.pages.ExecuteTemplate(&out, name, p); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	q.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	q.w.WriteHeader(status)
	q.w.Write(out.Bytes())
	return nil
}

// answer is write for the end of a request.
func (q *Request) answer(status int, p *Page) {
	if err := q.write(status, q.page, p); err != nil {
		q.fail(err)
	}
}

// fail answers a request that failed for a reason of ours.
func (q *Request) fail(err error) {
	q.site.visits.log(q.Request, err)
	p := &Page{Problem: "Please try again later."}
	if err := q.write(http.StatusInternalServerError, "error", p); err != nil {
		q.site.visits.log(q.Request, err)
		http.Error(q.w, "The page cannot be shown.", http.StatusInternalServerError)
	}
}
