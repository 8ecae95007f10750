package web

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/cognate-id/cognate/identity"
)

// rememberSeconds is how long the address is filled in on the pages that come next.
const rememberSeconds = 15 * 60

// A Step does what a form asks for, and returns the address to go on at, or "" after
// [Request.Show]. If it returns an error, the page is shown again, with the [Problem]
// of the error.
type Step func(*Request) (next string, err error)

// A Request is one request to a [Site], and its answer to be.
type Request struct {
	*http.Request
	// Visit is that of a user who is signed in. It is nil for the steps of [Site.Form].
	Visit *Visit

	site  *Site
	w     http.ResponseWriter
	page  string
	begun bool
}

// Text is a field of the form. [FieldEmail] is without space around it, and [FieldCode] without
// any, since apps show 123 456.
func (q *Request) Text(field string) string {
	text := q.PostFormValue(field)
	switch field {
	case FieldEmail:
		return strings.TrimSpace(text)
	case FieldCode:
		return strings.ReplaceAll(text, " ", "")
	}
	return text
}

// Secret is a field of the form that is a password or a code, see [Request.Text].
func (q *Request) Secret(field string) identity.Secret { return identity.Secret(q.Text(field)) }

// Show answers with another page, whose form has a hidden field by [Page.Value].
func (q *Request) Show(page, field, value string) error {
	return q.write(http.StatusOK, page, &Page{Form: url.Values{field: {value}}})
}

// ShowPasskey answers with a page that asks the browser for a passkey, see [Page.Passkeys]. options are those of a registration or of a
// sign-in. state is that of the challenge, and empty for a registration.
func (q *Request) ShowPasskey(page string, options any, state string) error {
	text, err := json.Marshal(options)
	if err != nil {
		return fmt.Errorf("options of a passkey: %w", err)
	}
	return q.write(http.StatusOK, page, &Page{Form: url.Values{"options": {string(text)}, "state": {state}}})
}

// Begin signs the browser in, see [Visits.Begin].
func (q *Request) Begin(t *identity.Tokens) error {
	q.begun = true
	return q.site.visits.Begin(q.w, q.Request, t)
}

// End signs the browser out, see [Visits.End]. Call it too after the user was deleted.
func (q *Request) End() error { return q.site.visits.End(q.w, q.Request) }

// EndEverywhere signs the user out everywhere, see [Visits.EndEverywhere].
func (q *Request) EndEverywhere() error { return q.site.visits.EndEverywhere(q.w, q.Request) }

func (q *Request) show() {
	note, err := q.note()
	if err != nil {
		q.fail(err)
		return
	}
	q.answer(http.StatusOK, &Page{Form: q.remembered(), Note: note})
}

// note is the text of the template that the address names, if it names one of ours.
func (q *Request) note() (template.HTML, error) {
	note := q.site.pages.Lookup("note-" + q.FormValue("note"))
	if note == nil {
		return "", nil
	}
	var out strings.Builder
	err := note.Execute(&out, nil)
	return template.HTML(out.String()), err
}

func (q *Request) submit(do Step, required []string) {
	if err := q.ParseForm(); err != nil {
		q.page = "error"
		q.answer(http.StatusBadRequest, &Page{Problem: "The form cannot be read."})
		return
	}
	for _, field := range required {
		if q.Text(field) == "" {
			q.PostForm.Set(field, "") // it is wrong too if it was not sent at all
			q.refuse(Problem{Status: http.StatusUnprocessableEntity, Field: field, Text: "Fill this in, please."})
			return
		}
	}
	next, err := do(q)
	if q.PostForm.Has(FieldEmail) && !q.begun {
		q.remember(q.Text(FieldEmail))
	}
	switch {
	case err != nil:
		q.refuse(q.explain(err))
	case next != "":
		http.Redirect(q.w, q.Request, next, http.StatusSeeOther)
	}
}

// refuse shows the page of a form again, as it was sent, with a problem.
func (q *Request) refuse(p Problem) {
	if p.Next != "" {
		http.Redirect(q.w, q.Request, p.Next, http.StatusSeeOther)
		return
	}
	form := url.Values{}
	for field := range q.PostForm {
		form.Set(field, q.Text(field))
	}
	if !form.Has(p.Field) {
		p.Field = "" // the form has no such field, so the text is for the top of the page
	}
	q.answer(p.Status, &Page{Form: form, Problem: p.Text, Wrong: p.Field})
}

// remember fills the address in on the pages that come next.
func (q *Request) remember(email string) {
	vs := q.site.visits
	setCookie(q.w, vs.cookie("email"), url.QueryEscape(email), rememberSeconds, !vs.options.InsecureHTTP)
}

func (q *Request) remembered() url.Values {
	c, err := q.Cookie(q.site.visits.cookie("email"))
	if err != nil {
		return nil
	}
	email, err := url.QueryUnescape(c.Value)
	if err != nil {
		return nil
	}
	return url.Values{FieldEmail: {email}}
}
