package oauth

import (
	"errors"
	"net/http"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth/hosted"
)

// Pages for people who have no account yet, or cannot get into it. Each keeps the request of the
// application in its query, so that the sign-in goes on afterwards.

// formOf reports whether a form came that is the browser's own. Otherwise it has shown page.
func (v *visit) formOf(q *request, page func() hosted.Page) bool {
	if v.r.Method != http.MethodPost {
		v.show(q, http.StatusOK, page())
		return false
	}
	if v.forged() {
		p := page()
		p.Problem = codeForged
		v.show(q, http.StatusForbidden, p)
		return false
	}
	v.knowDevice()
	return true
}

// repeat shows a page again, with what was typed and what went wrong.
func (v *visit) repeat(q *request, page hosted.Page, err error) {
	v.blame(&page, err)
	page.Values = v.form
	status := http.StatusOK
	if page.Problem == codeServer {
		status = http.StatusInternalServerError
	}
	v.show(q, status, page)
}

// signUp is the page of a sign-up.
func (s *Server) signUp(v *visit) {
	q, ok := v.nativeRequest(v.query)
	if !ok {
		return
	}
	set := &q.auth.Pool.Settings
	if set.AdminOnly {
		v.again(q, identity.ErrSignUpDisabled)
		return
	}
	if !v.formOf(q, func() hosted.Page { return v.signUpPage(q) }) {
		return
	}
	in := identity.SignUp{Username: v.form["username"], Password: identity.Secret(v.form["password"]), Attributes: map[string]string{}}
	for _, f := range v.signUpPage(q).Fields {
		if value := v.form[f.Name]; value != "" {
			in.Attributes[f.Name] = value
		} else if f.Required && f.Name == neededForCode(set) {
			page := v.signUpPage(q)
			page.FieldProblems, page.Values = map[string]string{f.Name: "required"}, v.form
			v.show(q, http.StatusOK, page)
			return
		}
	}
	res, err := q.client.Pages().SignUp(v.ctx, in)
	switch {
	case err != nil:
		v.repeat(q, v.signUpPage(q), err)
	case res.Confirmed:
		v.signedUp(q, in)
	default:
		next := v.query.encode() + "&" + encode([]pair{{"username", in.Username}})
		if res.Delivery != nil {
			next += "&" + encode([]pair{{"medium", string(res.Delivery.Medium)}, {"destination", res.Delivery.Destination}})
		}
		v.redirect("/confirm?" + next)
	}
}

// signedUp signs a user in who needs no confirmation.
func (v *visit) signedUp(q *request, in identity.SignUp) {
	res, err := v.begin(q, in.Username, in.Password)
	if err != nil {
		v.again(q, err)
		return
	}
	v.proceed(q, in.Username, res, "")
}

// neededForCode is the address that a code must go to, or "": without one, a user of these pages could never confirm. A function that
// runs before sign-ups may confirm users, and decides then whether there must be an address.
func neededForCode(set *identity.PoolSettings) string {
	verified := set.VerifiedAtSignUp()
	if _, ok := set.Triggers[identity.PreSignUp]; ok || len(verified) != 1 {
		return ""
	}
	return verified[0]
}

// signUpPage asks for what the pool requires, and for the addresses that it verifies.
func (v *visit) signUpPage(q *request) hosted.Page {
	set := &q.auth.Pool.Settings
	page := hosted.Page{Kind: hosted.SignUp, Names: namesOf(set), Rules: rulesOf(set), Links: hosted.Links{SignIn: "/login?" + v.query.encode()}}
	if len(set.UsernameAttributes) == 0 {
		page.Names = []string{"username"}
	}
	for _, a := range ordered(set) {
		asked := a.Required
		for _, name := range set.VerifiedAtSignUp() {
			asked = asked || a.Name == name
		}
		named := len(set.UsernameAttributes) == 1 && set.UsernameAttributes[0] == a.Name
		if !asked || named || !set.Writable(&q.auth.Client.Settings, a.Name) {
			continue
		}
		f := fieldOf(set, a.Name)
		f.Required = a.Required || a.Name == neededForCode(set)
		page.Fields = append(page.Fields, f)
	}
	return page
}

// confirm is the page for the code of a sign-up.
func (s *Server) confirm(v *visit) {
	q, ok := v.nativeRequest(v.query)
	if !ok {
		return
	}
	name := v.query["username"]
	page := func() hosted.Page {
		return hosted.Page{
			Kind: hosted.Confirm, User: name, Links: hosted.Links{SignIn: v.without("/login", "username", "medium", "destination")},
			Sent: hosted.Sent{Medium: strings.ToUpper(v.query["medium"]), Destination: v.query["destination"], Resend: true},
		}
	}
	if !v.formOf(q, page) {
		return
	}
	if v.form["do"] == hosted.DoResend {
		p := page()
		d, err := q.client.Pages().ResendConfirmationCode(v.ctx, name, "")
		if err != nil {
			v.repeat(q, p, err)
			return
		}
		p.Note, p.Sent.Destination = "code-sent", destinationOf(d)
		v.show(q, http.StatusOK, p)
		return
	}
	err := q.client.Pages().ConfirmSignUp(v.ctx, identity.ConfirmSignUp{Username: name, Code: identity.Secret(v.form["code"])})
	if err != nil {
		v.repeat(q, page(), err)
		return
	}
	p := v.firstPage(q)
	p.Note, p.Values = "confirmed", map[string]string{"username": name}
	p.Action = v.without("/login", "username", "medium", "destination")
	v.show(q, http.StatusOK, p)
}

// forgotPassword asks for a name, then for the code that was sent and a new password.
func (s *Server) forgotPassword(v *visit) {
	q, ok := v.nativeRequest(v.query)
	if !ok {
		return
	}
	links := hosted.Links{SignIn: "/login?" + v.query.encode()}
	ask := func() hosted.Page {
		return hosted.Page{Kind: hosted.Forgot, Names: namesOf(&q.auth.Pool.Settings), Links: links}
	}
	if !v.formOf(q, ask) {
		return
	}
	name := v.form[fieldName]
	if name == "" || v.form["do"] == hosted.DoResend {
		if name == "" {
			name = v.form["username"]
		}
		v.sendReset(q, name, ask, links)
		return
	}
	err := q.client.Pages().ConfirmForgotPassword(v.ctx, identity.ConfirmForgotPassword{
		Username: name, Code: identity.Secret(v.form["code"]), Password: identity.Secret(v.form["new_password"]),
	})
	if err != nil {
		v.repeat(q, v.resetPage(q, name, v.form["medium"], v.form["destination"], links), err)
		return
	}
	p := v.firstPage(q)
	p.Note, p.Values, p.Action = "password-reset", map[string]string{"username": name}, "/login?"+v.query.encode()
	v.show(q, http.StatusOK, p)
}

// sendReset sends a code to reset a password.
func (v *visit) sendReset(q *request, name string, ask func() hosted.Page, links hosted.Links) {
	d, err := q.client.Pages().ForgotPassword(v.ctx, name, "")
	if err != nil && !errors.Is(err, identity.ErrUserNotFound) {
		v.repeat(q, ask(), err)
		return
	}
	medium := "EMAIL" // of a user who does not exist, whom a page never tells from others
	if d != nil {
		medium = string(d.Medium)
	}
	v.show(q, http.StatusOK, v.resetPage(q, name, medium, destinationOf(d), links))
}

func (v *visit) resetPage(q *request, name, medium, destination string, links hosted.Links) hosted.Page {
	return hosted.Page{
		Kind: hosted.Reset, User: name, Rules: rulesOf(&q.auth.Pool.Settings), Links: links,
		Sent:   hosted.Sent{Medium: medium, Destination: destination, Resend: true},
		Hidden: map[string]string{fieldName: name, "medium": medium, "destination": destination},
	}
}
