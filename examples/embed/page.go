package main

import (
	"bytes"
	_ "embed"
	"errors"
	"html/template"
	"log"
	"net/http"
	"net/url"
	"strings"

	"github.com/cognate-id/cognate/identity"
)

var (
	//go:embed pages.html
	pageText string
	//go:embed style.css
	style []byte

	pages = template.Must(template.New("").Parse(pageText))
)

// A page is what the templates are filled with.
type page struct {
	Title   string
	Note    string     // what has just happened
	Problem problem    // what is wrong with the form
	Form    url.Values // what was sent, for the visitor to put right
	State   string     // of a sign-in between its steps, sealed by the engine
	Email   string     // of the member, as is all below
	App     bool
	Key     string
	URI     template.URL
}

// write sends a page, or an error if the template fails: none is sent in part.
func (p *page) write(w http.ResponseWriter, status int, name string) {
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, name, p); err != nil {
		log.Printf("page %s: %v", name, err)
		http.Error(w, "The page cannot be shown.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(out.Bytes())
}

// Titled gives the page its title.
func (p *page) Titled(title string) *page {
	p.Title = title
	return p
}

// Field is an input of the page's form, with the problem that it has. Passwords
// are not filled in again, nor is a code that was wrong.
func (p *page) Field(name, label, kind, autocomplete string) field {
	f := field{Name: name, Label: label, Kind: kind, Autocomplete: autocomplete}
	if name == "email" || name == "code" && p.Problem.Field != "" && p.Problem.Field != name {
		f.Value = p.Form.Get(name)
	}
	if name == p.Problem.Field {
		f.Problem = p.Problem.Text
	}
	return f
}

// Groups is the key in groups of four, which are easier to type.
func (p *page) Groups() string {
	var out strings.Builder
	for i, c := range p.Key {
		if i > 0 && i%4 == 0 {
			out.WriteByte(' ')
		}
		out.WriteRune(c)
	}
	return out.String()
}

type field struct{ Name, Label, Kind, Autocomplete, Value, Problem string }

// A problem is an error in words, beside the field that it is about; the field
// is empty where it is about none.
type problem struct {
	status      int
	Field, Text string
}

var wrong = problem{http.StatusUnprocessableEntity, "password", "The address or the password is wrong, or the address was not confirmed yet."}

// problems are the errors that users can do something about.
var problems = []struct {
	err error
	problem
}{
	// Told apart, these two would tell who has an account: sign up with the address and a password, then in.
	{identity.ErrIncorrectCredentials, wrong},
	{identity.ErrUserNotConfirmed, wrong},
	{identity.ErrTooManyAttempts, problem{http.StatusTooManyRequests, "", "There were too many wrong tries. Wait a while, then try again."}},
	{identity.ErrLimitExceeded, problem{http.StatusTooManyRequests, "", "There were too many tries. Wait an hour, then try again."}},
	{identity.ErrInvalidPassword, problem{http.StatusUnprocessableEntity, "password", "Choose a password of 15 to 256 characters that neither begins nor ends with a space."}},
	{identity.ErrInvalidParameter, problem{http.StatusUnprocessableEntity, "email", "Enter an e-mail address, such as name@example.com."}},
	{identity.ErrCodeMismatch, problem{http.StatusUnprocessableEntity, "code", "This code is wrong or too old. Look for the newest message."}},
	{identity.ErrCodeExpired, problem{http.StatusUnprocessableEntity, "code", "This code is wrong or too old. Look for the newest message."}},
	{identity.ErrMFACodeMismatch, problem{http.StatusUnprocessableEntity, "code", "This code is wrong. Enter the one that the app shows now."}},
	{identity.ErrTOTPMismatch, problem{http.StatusUnprocessableEntity, "code", "This code is wrong. Enter the one that the app shows now."}},
	{identity.ErrTOTPUsed, problem{http.StatusUnprocessableEntity, "code", "This code was used before. Wait until the app shows the next one."}},
}

func explain(err error) problem {
	for _, p := range problems {
		if errors.Is(err, p.err) {
			return p.problem
		}
	}
	return problem{http.StatusInternalServerError, "", "Something went wrong here. Please try again later."}
}

// notes are shown at the top of a page, by the value of note in its address.
var notes = map[string]string{
	"sent":      "If there is an account to send a code to, it is on its way.",
	"confirmed": "Your e-mail address is confirmed. You can sign in now.",
	"reset":     "Your password was changed. You can sign in with it now.",
	"again":     "That took too long, or too many tries. Please sign in again.",
	"app":       "From now on you are asked for a code of your app when you sign in.",
	"out":       "You are signed out.",
}
