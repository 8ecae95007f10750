package identity

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
)

// In pools whose setting Verification says DefaultByLink, the mail of a sign-up carries a link
// in place of a code. The link leads to the page /confirmUser, below Options.PageURL, and carries
// the code that the user could type too. The page calls ConfirmByLink, which judges the code
// as ConfirmSignUp does, and commits where that does.
//
// Programs that check mail follow its links. So in safe pools the page asks first, and a
// click on its button confirms. In other pools opening the page confirms, as with the service.

var (
	// ErrNoLinks is returned by [AppClient.ConfirmByLink] for a pool that sends no links.
	ErrNoLinks = errors.New("identity: the pool sends no links")
	// ErrNotAsked is returned by [AppClient.ConfirmByLink] if the user has only opened a link, in a
	// pool whose page must ask first. Nothing was read of the user, and nothing counted.
	ErrNotAsked = errors.New("identity: ask the user to confirm first")
)

// ConfirmByLink is the input of [AppClient.ConfirmByLink].
type ConfirmByLink struct {
	Username string // as the link has it
	Code     Secret // as the link has it
	// Asked says that the user has not only opened the link, but pressed a button on the
	// page behind it.
	Asked bool
}

// ConfirmByLink confirms a user by the link in the mail of a sign-up, as
// [AppClient.ConfirmSignUp] does by the code in it, and returns its errors. A client with a
// secret proves nothing here: the link is in the hands of a user. In safe pools the error is
// [ErrNotAsked] unless the user was asked.
func (a *AppClient) ConfirmByLink(ctx context.Context, in ConfirmByLink) error {
	if err := a.confirmByLink(ctx, in); err != nil {
		return fmt.Errorf("confirm by link: %w", err)
	}
	return nil
}

func (a *AppClient) confirmByLink(ctx context.Context, in ConfirmByLink) error {
	s, u, err := a.toConfirm(ctx, in.Username)
	switch {
	case err != nil:
		return err
	case !s.settings.ConfirmsByLink():
		return ErrNoLinks
	case !in.Asked && s.settings.Defaults != CognitoDefaults:
		return ErrNotAsked
	}
	_, err = s.confirmSignUp(ctx, u, ConfirmSignUp{Username: in.Username, Code: in.Code})
	return err
}

// pageURL is where pages are served, without a slash at its end, or "" if nothing serves them.
func (e *Engine) pageURL(ctx context.Context) string {
	if e.pages == nil {
		return ""
	}
	return strings.TrimRight(e.pages(ctx), "/")
}

// checkLinks refuses to turn links on where nothing serves their page. before is nil for a new pool.
func (e *Engine) checkLinks(before, after *PoolSettings) error {
	if e.pages != nil || !after.ConfirmsByLink() || before != nil && before.ConfirmsByLink() {
		return nil
	}
	return &SettingError{Setting: "Verification", Reason: "CONFIRM_WITH_LINK needs an address at which the page of the link is served, and there is none."}
}

// linksTo reports whether the messages of a kind carry a link, with a pool's own texts.
func (p points) linksTo(kind MessageKind, m Medium) bool {
	return m == MediumEmail && (kind == MessageSignUpCode || kind == MessageSignUpCodeAgain) && p.pool.Settings.ConfirmsByLink()
}

// linkForm is the place of a link in a text. {####} is none.
var linkForm = regexp.MustCompile(`\{##([^{}]+?)##\}`)

// link is the address that confirms a user, or "" if nothing serves it.
func (s *scope) link(u *User, code string) string {
	if s.page == "" {
		return ""
	}
	q := func(name, value string) string { return name + "=" + url.QueryEscape(value) }
	return s.page + "/confirmUser?" + strings.Join([]string{q("client_id", s.client.ID), q("user_name", u.Username), q("confirmation_code", code)}, "&")
}

// fillLink writes a link, a name and the code into templates. The mail is HTML then.
func (m *Message) fillLink(subject, body, username, link string) {
	if !markup.MatchString(body) {
		body = strings.ReplaceAll(html.EscapeString(body), "\n", "<br>\n")
	}
	m.HTML = true
	m.Subject = fillIn(subject, username, string(m.Code))
	m.Body = fillIn(linkForm.ReplaceAllStringFunc(body, func(place string) string {
		return `<a href="` + html.EscapeString(link) + `">` + strings.Trim(place, "{#}") + `</a>`
	}), html.EscapeString(username), html.EscapeString(string(m.Code)))
}
