package oauth

import (
	"errors"
	"net/http"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth/hosted"
)

// The page behind the link in the mail of a sign-up. In pools that are held to the service's behaviour, opening it confirms
// the user. In safe pools it shows a button, and a press on that confirms: programs that check mail follow links. HEAD
// confirms nobody. Whatever is wrong with a link, the page is the same, so that it tells nobody who has an account.
//
// The form has no token against forgery: who has the code of the link needs no other browser to use it. So the page
// needs no cookie, and works in the window of a mail program.

// linkPath is the path of the page. The engine writes it into mails.
const linkPath = "/confirmUser"

// linkFields are what a link carries, and what the button behind it sends.
var linkFields = []string{"client_id", "user_name", "confirmation_code"}

// confirmUser is the page behind the link of a mail.
func (s *Server) confirmUser(v *visit) {
	in, asked := v.query, v.r.Method == http.MethodPost
	switch v.r.Method {
	case http.MethodHead:
		v.page(http.StatusOK, hosted.Page{Kind: hosted.ConfirmLink})
		return
	case http.MethodPost:
		in = v.form
	}
	client, page, err := v.linkPage(in["client_id"])
	if err == nil {
		err = client.ConfirmByLink(v.ctx, identity.ConfirmByLink{Username: in["user_name"], Code: identity.Secret(in["confirmation_code"]), Asked: asked})
	}
	switch {
	case err == nil:
	case errors.Is(err, identity.ErrNotAsked):
		v.askToConfirm(page, in)
		return
	case confirmedAllTheSame(err):
		v.failed(err)
	default:
		v.linkRefused(page, err)
		return
	}
	page.Kind = hosted.Confirmed
	v.page(http.StatusOK, page)
}

// linkPage is what all pages behind a link have: the look of the client, and where its users sign in.
func (v *visit) linkPage(id string) (*identity.AppClient, hosted.Page, error) {
	var page hosted.Page
	client, pool, info, err := v.settingsOf(id)
	if err != nil {
		return nil, page, err
	}
	m := &managing{visit: v, pool: pool, client: info, app: client}
	page.Client = info.Settings.Name
	if m.hasPages() {
		page.Links.SignIn = m.here()
	}
	v.dress(&page, client)
	return client, page, nil
}

// askToConfirm shows the button.
func (v *visit) askToConfirm(page hosted.Page, in params) {
	page.Kind, page.Action, page.Here, page.Hidden = hosted.ConfirmLink, linkPath, linkPath+"?"+in.encode("lang"), map[string]string{}
	if lang := in["lang"]; lang != "" {
		page.Action += "?" + encode([]pair{{"lang", lang}})
	}
	for _, name := range linkFields {
		page.Hidden[name] = in[name]
	}
	v.page(http.StatusOK, page)
}

// linkRefused shows what is wrong: with the link, or with the server.
func (v *visit) linkRefused(page hosted.Page, err error) {
	status := http.StatusBadRequest
	switch code := linkProblem(err); code {
	case "":
		v.explain("link", err)
		page.Kind = hosted.LinkInvalid
	case "busy":
		status, page.Kind, page.Problem, page.RequestID = http.StatusServiceUnavailable, hosted.Error, code, v.id
	default:
		v.failed(err)
		status, page.Kind, page.Problem, page.RequestID = http.StatusInternalServerError, hosted.Error, code, v.id
	}
	v.page(status, page)
}

// linkProblem is what is wrong with the server, or "" if it is the link that is wrong.
func linkProblem(err error) string {
	for _, e := range []error{identity.ErrNoLinks, identity.ErrClientNotFound, identity.ErrCannotConfirm} {
		if errors.Is(err, e) {
			return ""
		}
	}
	for _, row := range problems {
		switch {
		case !errors.Is(err, row.err):
		case row.code == "busy":
			return row.code
		default:
			return ""
		}
	}
	return codeServer
}

// confirmedAllTheSame reports whether an error is that of a hook behind the commit.
func confirmedAllTheSame(err error) bool {
	h, ok := errors.AsType[*identity.HookError](err)
	return ok && h.Trigger == identity.PostConfirmation
}
