package web

import (
	"html/template"
	"log"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A Step does what a form asks for and says at which address to go on; "" after
// [Request.Show]. What it changes in the Visit of a member is kept unless it fails.
type Step[V any] func(*Request[V]) (next string, err error)

// A Request is one request to a [Site] and its answer to be.
type Request[V any] struct {
	*http.Request
	Visit V // of a member; otherwise the zero value

	site  *Site[V]
	w     http.ResponseWriter
	page  string
	visit string // the id of Visit
	begun bool
}

// Text is a field of the form: an address ("email") is without space around it,
// a code ("code") without any, since apps show 123 456.
func (q *Request[V]) Text(field string) string {
	text := q.PostFormValue(field)
	switch field {
	case "email":
		return strings.TrimSpace(text)
	case "code":
		return strings.ReplaceAll(text, " ", "")
	}
	return text
}

// Show answers with another page, whose form has a hidden field by [Page.Value].
func (q *Request[V]) Show(page, field, value string) error {
	return q.write(http.StatusOK, page, &Page{Form: url.Values{field: {value}}})
}

// Begin signs the browser in for some time, under an id that is new each time.
func (q *Request[V]) Begin(v V, life time.Duration) {
	q.begun = true
	q.setCookie(q.visitCookie(), q.site.visits.begin(v, life), 0)
}

// End signs the browser out.
func (q *Request[V]) End() {
	q.site.visits.end(q.visit)
	q.setCookie(q.visitCookie(), "", -1)
}

// enter finds the visit of a request.
func (q *Request[V]) enter() error {
	c, err := q.Cookie(q.visitCookie())
	if err != nil {
		return err
	}
	if q.Visit, err = q.site.visits.get(c.Value); err != nil {
		return err
	}
	q.visit = c.Value
	if q.site.Check == nil {
		return nil
	}
	return q.site.Check(q.Context(), &q.Visit)
}

func (q *Request[V]) show() {
	page := &Page{Form: q.remembered()}
	if note := q.site.pages.Lookup("note-" + q.FormValue("note")); note != nil {
		var out strings.Builder
		if err := note.Execute(&out, nil); err != nil {
			q.fail(err)
			return
		}
		page.Note = template.HTML(out.String())
	}
	if err := q.write(http.StatusOK, q.page, page); err != nil {
		q.fail(err)
	}
}

func (q *Request[V]) fail(err error) {
	log.Printf("%s %s: %v", q.Method, q.URL.Path, err)
	http.Error(q.w, "The page cannot be shown.", http.StatusInternalServerError)
}

func (q *Request[V]) submit(do Step[V], required []string) {
	if err := q.ParseForm(); err != nil {
		http.Error(q.w, "The form cannot be read.", http.StatusBadRequest)
		return
	}
	for _, field := range required {
		if q.Text(field) == "" {
			q.refuse(At(field, "Fill this in, please."))
			return
		}
	}
	next, err := do(q)
	if q.PostForm.Has("email") && !q.begun {
		q.remember(q.Text("email"))
	}
	switch {
	case err != nil:
		q.refuse(q.explain(err))
	case next != "":
		q.site.visits.put(q.visit, q.Visit)
		http.Redirect(q.w, q.Request, next, http.StatusSeeOther)
	}
}

// refuse shows the page of a form again, with a problem.
func (q *Request[V]) refuse(p Problem) {
	if p.next != "" {
		http.Redirect(q.w, q.Request, p.next, http.StatusSeeOther)
		return
	}
	form := url.Values{}
	for field := range q.PostForm {
		form.Set(field, q.Text(field))
	}
	if err := q.write(p.status, q.page, &Page{Form: form, Problem: p.text, Wrong: p.field}); err != nil {
		q.fail(err)
	}
}

func (q *Request[V]) explain(err error) Problem {
	for _, p := range q.site.problems {
		if p.explains(err) {
			return p
		}
	}
	log.Printf("%s %s: %v", q.Method, q.URL.Path, err)
	return Problem{status: http.StatusInternalServerError, text: "Something went wrong here. Please try again later."}
}
