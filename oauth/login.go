package oauth

import (
	"errors"
	"net/http"
	"slices"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth/hosted"
)

// A sign-in on pages. The request of the application travels in the query of each page, and the
// state of a challenge in a hidden field of its form: the server keeps nothing. The last step
// gives the browser its cookie, and the application its answer.

// Hidden fields of forms.
const (
	fieldStep  = "step"    // a row of stepOf; empty for the first page
	fieldState = "session" // the state of the challenge that is answered
	fieldName  = "user"    // the name of the user; "name" is an attribute

	fieldNameFirst = "name_first" // the page asks for the name, and the password comes later

	fieldRecover = "recover" // a recovery code comes in place of the code that was asked for
)

// login is the sign-in page.
func (s *Server) login(v *visit) {
	q, ok := v.request(v.query)
	if !ok {
		return
	}
	if v.leads(q) {
		return
	}
	if v.formOf(q, func() hosted.Page { return v.firstPage(q) }) {
		v.step(q)
	}
}

// step takes the form of one step of a sign-in.
func (v *visit) step(q *request) {
	name := v.form[fieldStep]
	if name == "" {
		v.first(q)
		return
	}
	st := stepOf(name)
	if st == nil {
		v.again(q, identity.ErrSessionInvalid)
		return
	}
	a := &answering{visit: v, q: q, client: q.client.Pages(), name: v.form[fieldName], state: v.form[fieldState]}
	answer, page, note := st.answer, st.page, ""
	switch do := v.form["do"]; {
	case do == hosted.DoRecovery && st.recover != nil:
		a.shows(name, a.state, recoveryPage(a))
		return
	case do == hosted.DoResend && st.resend != nil:
		answer, note = st.resend, "code-sent"
	case v.form[fieldRecover] != "" && st.recover != nil:
		answer, page = st.recover, recoveryPage
	}
	res, err := answer(a)
	switch {
	case a.shown:
	case err == nil:
		v.proceed(q, a.name, res, note)
	case over(err) || page == nil:
		v.again(q, err)
	default:
		p := page(a)
		v.blame(&p, err)
		v.showStep(q, http.StatusOK, p, name, a.name, a.state)
	}
}

// recoveryPage asks for a recovery code in place of what the challenge asks for.
func recoveryPage(*answering) hosted.Page {
	return hosted.Page{Kind: hosted.RecoveryCode, Hidden: map[string]string{fieldRecover: "on"}}
}

// first takes the form of the first page.
func (v *visit) first(q *request) {
	name, password := v.form["username"], identity.Secret(v.form["password"])
	if password == "" && v.form[fieldNameFirst] != "" {
		v.named(q, name)
		return
	}
	if v.chooses(q) { // the page has no field for it
		password = ""
	}
	res, err := v.begin(q, name, password)
	switch {
	case errors.Is(err, identity.ErrLevelReached): // on another page of the browser, in the meantime
		v.give(q, v.browserCookie(q))
	case errors.Is(err, identity.ErrUserNotConfirmed):
		v.redirect("/confirm?" + v.query.encode() + "&" + encode([]pair{{"username", name}}))
	case err != nil:
		v.again(q, err)
	default:
		v.proceed(q, name, res, "")
	}
}

// named takes the form of a page that asks for a name first, because the name may lead to a provider.
func (v *visit) named(q *request, name string) {
	if v.leadsHome(q, name) {
		return
	}
	if v.chooses(q) {
		delete(v.form, fieldNameFirst)
		v.first(q)
		return
	}
	page := v.firstPage(q)
	page.Kind, page.Values = hosted.SignIn, map[string]string{"username": name}
	delete(page.Hidden, fieldNameFirst)
	v.show(q, http.StatusOK, page)
}

// begin begins a sign-in with a name, and with the password unless the user chooses a factor or is signed in already.
func (v *visit) begin(q *request, name string, password identity.Secret) (*identity.SignInResult, error) {
	pages, levels := q.client.Pages(), q.auth.Levels
	in := identity.BeginSignIn{Username: name, Levels: levels}
	if levels != nil && !q.anew() {
		in.Browser = v.browserCookie(q)
	}
	if q.maxAge >= 0 {
		in.MaxAge = &q.maxAge
	}
	chooses := v.chooses(q)
	switch {
	case name == "", password == "" && in.Browser == "" && !chooses:
		return nil, identity.ErrMissingParameter
	case password != "" && levels == nil:
		return pages.SignIn(v.ctx, identity.SignIn{Username: name, Password: password})
	case password != "" || !chooses:
		in.Preferred, in.Password = identity.FirstPassword, password
	}
	return pages.Begin(v.ctx, in)
}

// again shows the first page once more, with what went wrong. If the sign-in cannot be what the application asks for, the
// application is told.
func (v *visit) again(q *request, err error) {
	if errors.Is(err, identity.ErrLevelUnreachable) {
		v.refuse(q, err)
		return
	}
	page := v.firstPage(q)
	page.Problem, page.Action = v.problemOf(err), v.without("/login", "lang") // also from the page of a sign-up
	status := http.StatusOK
	if page.Problem == codeServer {
		status = http.StatusInternalServerError
	}
	page.Values = map[string]string{"username": v.form["username"]}
	v.show(q, status, page)
}

// proceed goes on after a step that succeeded. note is for the next page of the sign-in, and may be empty.
func (v *visit) proceed(q *request, name string, res *identity.SignInResult, note string) {
	if res.Browser != "" {
		v.endBefore(q)
		v.setCookie(browserName(q.client.PoolID()), string(res.Browser), q.auth.Pool.BrowserLife())
		v.give(q, res.Browser)
		return
	}
	step, page, err := v.challengePage(q, res)
	if err != nil {
		v.again(q, err)
		return
	}
	page.Note = note
	v.showStep(q, http.StatusOK, page, step, name, res.Challenge.State())
}

// endBefore ends the sign-in that the browser had in the pool: one who has its cookie from
// before is not signed in again.
func (v *visit) endBefore(q *request) {
	b, err := v.browser(q.client)
	if err == nil {
		err = b.SignOut(v.ctx)
	}
	if err != nil && !errors.Is(err, identity.ErrNotSignedIn) {
		v.failed(err) // it ends by itself
	}
}

// chooses reports whether a sign-in begins with a factor of the user's choice.
func (v *visit) chooses(q *request) bool {
	set := &q.auth.Pool.Settings
	return set.Tier != identity.TierLite && set.Allows(&q.auth.Client.Settings, identity.AllowUser) &&
		slices.ContainsFunc(set.FirstFactors, func(f identity.FirstFactor) bool {
			return f != identity.FirstPassword && f != identity.FirstPasswordSRP
		})
}

// firstPage is the page that a sign-in begins with.
func (v *visit) firstPage(q *request) hosted.Page {
	page := hosted.Page{Kind: hosted.SignIn, Names: namesOf(&q.auth.Pool.Settings)}
	name := v.stepsUp(q)
	if name != "" || v.chooses(q) {
		page.Kind = hosted.Identify
	}
	if name != "" {
		page.Values = map[string]string{"username": name}
	}
	if hint := v.query["login_hint"]; hint != "" {
		page.Values = map[string]string{"username": hint}
	}
	page.Links = hosted.Links{Forgot: "/forgotPassword?" + v.query.encode()}
	if v.offer(q, &page) {
		page.Kind, page.Hidden = hosted.Identify, map[string]string{fieldNameFirst: "on"}
	}
	if !q.auth.Pool.Settings.AdminOnly && !page.NoForm {
		page.Links.SignUp = "/signup?" + v.query.encode()
	}
	return page
}

// stepsUp returns a name of the user who is signed in, if more is to be asked of that user for what the application wants: then
// the first page needs no password.
func (v *visit) stepsUp(q *request) string {
	if q.auth.Levels == nil {
		return ""
	}
	b, level, err := v.current(q)
	if err != nil && !errors.Is(err, identity.ErrNotSignedIn) {
		v.failed(err)
	}
	if level != identity.LevelMet && level != identity.LevelBelow {
		return ""
	}
	for _, name := range q.auth.Pool.Settings.UsernameAttributes {
		if value := b.User.Attributes[name]; value != "" {
			return value
		}
	}
	return b.User.Username
}

// namesOf are the kinds of names by which the users of a pool sign in.
func namesOf(set *identity.PoolSettings) []string {
	if len(set.UsernameAttributes) > 0 {
		return set.UsernameAttributes
	}
	names := []string{"username"}
	for _, alias := range set.Aliases {
		if alias == "email" || alias == "phone_number" {
			names = append(names, alias)
		}
	}
	return names
}

// show shows a page of a request, whose forms come back to where it is.
func (v *visit) show(q *request, status int, page hosted.Page) {
	page.Client, page.CSRF, page.LeadsTo = q.auth.Client.Settings.Name, v.csrfToken(), []string{q.auth.RedirectURI}
	v.dress(&page, q.client)
	if page.Action == "" {
		page.Action = v.r.URL.Path + "?" + v.query.encode("lang")
	}
	if v.r.Method != http.MethodPost {
		page.Here = page.Action
	}
	v.page(status, page)
}

// showStep shows the page of a challenge.
func (v *visit) showStep(q *request, status int, page hosted.Page, step, name, state string) {
	if page.Hidden == nil {
		page.Hidden = map[string]string{}
	}
	page.Hidden[fieldStep], page.Hidden[fieldState], page.Hidden[fieldName] = step, state, name
	page.User = name
	if st := stepOf(step); st != nil && page.Kind != hosted.RecoveryCode {
		page.Recoverable = st.recover != nil && q.auth.Pool.Settings.RecoveryCodes
		page.Sent.Resend = st.resend != nil
	}
	page.Links.NotYou = v.without("/login", "login_hint")
	page.Action = v.without("/login", "lang") // also from the page of a sign-up
	v.show(q, status, page)
}

// without is the address of a page of the same request, but for some parameters.
func (v *visit) without(path string, names ...string) string {
	return path + "?" + v.query.encode(names...)
}
