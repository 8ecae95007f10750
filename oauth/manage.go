package oauth

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth/hosted"
)

// The account page, on which users manage their own account: /account?client_id=ID. The client says
// which pool it is, and gives the page its look. Who is not signed in signs in first, and so does who
// would weaken the account with a sign-in that is not recent: the engine says so.

// A parameter of the sign-in page that leads to the account page, and to no application.
const (
	toParam   = "cognate_page"
	toAccount = "account"
)

// A managing is one request of the account page.
type managing struct {
	*visit
	pool    *identity.PoolInfo
	client  *identity.ClientInfo
	app     *identity.AppClient
	browser *identity.Browser
	session *identity.Session
}

// account is the account page.
func (s *Server) account(v *visit) {
	m, err := v.managing()
	switch {
	case errors.Is(err, identity.ErrNotSignedIn):
		m.signIn("")
		return
	case err != nil:
		v.pageError(err)
		return
	}
	if v.r.Method != http.MethodPost {
		m.overview(hosted.Page{})
		return
	}
	if v.forged() {
		m.overview(hosted.Page{Problem: codeForged})
		return
	}
	do, ok := map[string]func(*managing) error{
		hosted.DoProfile: (*managing).saveProfile, "verify": (*managing).verify, hosted.DoPassword: (*managing).changePassword,
		hosted.DoPrefer: (*managing).preferFactor, hosted.DoRemoveFactor: (*managing).removeFactor, hosted.DoAddFactor: (*managing).addFactor,
		"turn-on": (*managing).turnOnApp, hosted.DoAddPasskey: (*managing).startPasskey, "passkey": (*managing).finishPasskey,
		hosted.DoRemovePasskey: (*managing).removePasskey, hosted.DoRecoveryCodes: (*managing).recoveryCodes,
		hosted.DoLink: (*managing).link, hosted.DoUnlink: (*managing).unlink,
		hosted.DoEndSession: (*managing).endSession, hosted.DoSignOut: (*managing).signOut, hosted.DoSignOutAll: (*managing).signOutAll,
	}[m.action()]
	if !ok {
		m.overview(hosted.Page{})
		return
	}
	switch err := do(m); {
	case err == nil:
	case errors.Is(err, identity.ErrRecentSignInRequired):
		m.signIn("login")
	case gone(err):
		m.signIn("")
	default:
		page := hosted.Page{Kind: hosted.Account, Values: v.form}
		v.blame(&page, err)
		m.overview(page)
	}
}

// gone reports whether an error says that the sign-in of the browser has ended meanwhile.
func gone(err error) bool {
	return errors.Is(err, identity.ErrNotSignedIn) || errors.Is(err, identity.ErrAccessTokenRevoked) ||
		errors.Is(err, identity.ErrUserNotFound) || errors.Is(err, identity.ErrUserDisabled)
}

// action is what the form asks for: its button, or else the step of a page that was shown before.
func (m *managing) action() string {
	if do := m.form["do"]; do != "" {
		return do
	}
	return m.form[fieldStep]
}

// managing reads who manages which account. With [identity.ErrNotSignedIn] it returns all but the user.
func (v *visit) managing() (*managing, error) {
	if v.query["client_id"] == "" {
		return nil, &missingError{"client_id"}
	}
	m := &managing{visit: v}
	var err error
	if m.app, m.pool, m.client, err = v.settingsOf(v.query["client_id"]); err != nil {
		return nil, err
	}
	if !m.hasPages() { // its settings are for programs, and may let them write more than users
		return nil, identity.ErrGrantNotAllowed
	}
	v.openID = m.pool.Settings.FollowsOpenID()
	if m.browser, err = v.browser(m.app); err != nil {
		return m, err
	}
	if !m.browser.Reusable && m.browser.Age > justNow {
		return m, identity.ErrNotSignedIn
	}
	m.session, v.about = m.browser.Session(), m.browser.User.Sub
	return m, nil
}

// hasPages reports whether users can sign in to the client on pages.
func (m *managing) hasPages() bool {
	set := &m.client.Settings
	return set.OAuth && slices.Contains(set.OAuthFlows, identity.GrantCode) && len(set.CallbackURLs) > 0
}

// signIn sends the browser to the sign-in page, from which it comes back.
func (m *managing) signIn(prompt string) {
	q := m.ownRequest()
	if prompt != "" {
		q["prompt"] = prompt
	}
	m.redirect("/login?" + q.encode())
}

// ownRequest is the request of an application that the account page stands for.
func (m *managing) ownRequest() params {
	return params{
		"client_id": m.client.ID, "response_type": "code", "redirect_uri": m.client.Settings.CallbackURLs[0], toParam: toAccount,
		"code_challenge": accountChallenge, "code_challenge_method": "S256",
	}
}

// accountChallenge stands for the challenge of an application: the sign-in gives no code.
const accountChallenge = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// here is the address of the account page.
func (m *managing) here() string { return "/account?" + encode([]pair{{"client_id", m.client.ID}}) }

// display shows a page of the account.
func (m *managing) display(page hosted.Page) {
	page.User, page.Client, page.CSRF, page.Action = m.browser.User.Username, m.client.Settings.Name, m.csrfToken(), m.here()
	if page.Kind != hosted.Account {
		page.Links.Back = m.here()
	} else if m.r.Method != http.MethodPost {
		page.Here = m.here()
	}
	m.dress(&page, m.app)
	status := http.StatusOK
	switch page.Problem {
	case codeForged:
		status = http.StatusForbidden
	case codeServer:
		status = http.StatusInternalServerError
	}
	m.page(status, page)
}

// done shows the account again, after a change.
func (m *managing) done(note string) error {
	b, err := m.visit.browser(m.app)
	if err != nil {
		return err
	}
	m.browser, m.session = b, b.Session()
	m.overview(hosted.Page{Note: note})
	return nil
}

// overview shows the account.
func (m *managing) overview(page hosted.Page) {
	profile, err := m.profile()
	switch {
	case gone(err):
		m.signIn("")
		return
	case err != nil:
		m.failed(err)
		m.page(http.StatusInternalServerError, m.errorOf(codeServer))
		return
	}
	page.Kind, page.Profile, page.Rules = hosted.Account, *profile, rulesOf(&m.pool.Settings)
	typed := page.Values
	page.Values = map[string]string{}
	maps.Copy(page.Values, m.browser.User.Attributes)
	maps.Copy(page.Values, typed)
	m.display(page)
}

// profile reads what the account page shows.
func (m *managing) profile() (*hosted.Profile, error) {
	set, u := &m.pool.Settings, m.browser.User
	p := &hosted.Profile{}
	for _, a := range ordered(set) {
		if !set.Readable(&m.client.Settings, a.Name) || a.Name == "sub" || strings.HasSuffix(a.Name, "_verified") || a.Name == "updated_at" {
			continue
		}
		f := fieldOf(set, a.Name)
		f.Required, f.ReadOnly = a.Required, !a.Mutable || !m.writable(a.Name)
		if f.ReadOnly && u.Attributes[a.Name] == "" {
			continue
		}
		if a.Name == "email" || a.Name == "phone_number" {
			f.Unverified = u.Attributes[a.Name] != "" && u.Attributes[a.Name+"_verified"] != "true"
		}
		p.Fields = append(p.Fields, f)
	}
	if err := m.addLinked(p); err != nil {
		return nil, err
	}
	if u.Status == identity.StatusExternalProvider { // the password and the factors are the provider's
		return p, m.addSessions(p)
	}
	have, err := m.session.Factors(m.ctx)
	if err != nil {
		return nil, err
	}
	p.Password = slices.Contains(have.Configured, identity.FactorPassword)
	p.Factors = m.factors(have)
	if err := m.addPasskeys(p); err != nil {
		return nil, err
	}
	if p.RecoveryOffered = set.RecoveryCodes; p.RecoveryOffered {
		if p.RecoveryCodes, err = m.session.RecoveryCodesLeft(m.ctx); err != nil {
			return nil, err
		}
	}
	return p, m.addSessions(p)
}

// writable reports whether users may change an attribute on the page. Custom ones often hold what an application
// decides by, so the settings of the client must name them.
func (m *managing) writable(name string) bool {
	c := &m.client.Settings
	return m.pool.Settings.Writable(c, name) && (!strings.HasPrefix(name, "custom:") || slices.Contains(c.WriteAttributes, name))
}

// factors are the second factors that are on, and those that can be turned on.
func (m *managing) factors(have *identity.UserFactors) []hosted.Factor {
	set, u := &m.pool.Settings, m.browser.User
	if set.MFA == identity.MFAOff {
		return nil
	}
	var all []hosted.Factor
	add := func(method identity.MFAMethod, offered bool, detail string) {
		on := slices.Contains(have.MFA.Methods, method)
		if offered || on {
			fixed := on && set.MFA == identity.MFAOn && len(have.MFA.Methods) == 1
			all = append(all, hosted.Factor{Name: string(method), Detail: detail, On: on, Preferred: have.MFA.Preferred == method, Fixed: fixed})
		}
	}
	add(identity.MFATOTP, set.AppsOffered(), "")
	add(identity.MFASMS, set.SMSMFA && u.Attributes["phone_number_verified"] == "true", u.Attributes["phone_number"])
	add(identity.MFAEmail, set.EmailMFA != nil && u.Attributes["email_verified"] == "true", u.Attributes["email"])
	return all
}

func (m *managing) addPasskeys(p *hosted.Profile) error {
	p.PasskeysOffered = m.pool.Settings.Tier != identity.TierLite && slices.Contains(m.pool.Settings.FirstFactors, identity.FirstPasskey)
	if !p.PasskeysOffered {
		return nil
	}
	keys, err := m.session.Passkeys(m.ctx)
	if err != nil {
		return err
	}
	for _, k := range keys {
		p.Passkeys = append(p.Passkeys, hosted.PasskeyInfo{ID: k.ID, Name: k.Name, Created: k.Created, Used: k.Used})
	}
	return nil
}

func (m *managing) addSessions(p *hosted.Profile) error {
	page, _, err := m.session.Sessions(m.ctx, identity.SessionQuery{})
	if errors.Is(err, identity.ErrSessionsOff) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, s := range page {
		if m.endsWithBrowser(s, page) {
			continue
		}
		row := hosted.Session{ID: s.ID, Device: s.Device, Address: s.IP, Active: s.Active, Current: s.Current}
		if !s.Browser {
			if row.App, err = m.appName(s.Client); err != nil {
				return err
			}
		}
		p.Sessions = append(p.Sessions, row)
	}
	return nil
}

// endsWithBrowser reports whether a session is one of an application in another browser of the list: the row of that browser
// stands for it, and ends it.
func (m *managing) endsWithBrowser(s *identity.UserSession, all []*identity.UserSession) bool {
	return slices.ContainsFunc(all, func(b *identity.UserSession) bool { return b.Browser && !b.Current && b.ID == s.Origin })
}

// appName is the name of the application that a session is for, or "" for one that was deleted.
func (m *managing) appName(id string) (string, error) {
	if id == m.client.ID {
		return m.client.Settings.Name, nil
	}
	pool, err := m.server.engine.UserPool(m.ctx, m.pool.ID)
	if err != nil {
		return "", err
	}
	info, err := pool.Admin().Clients().Get(m.ctx, id)
	if errors.Is(err, identity.ErrClientNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return info.Settings.Name, nil
}

// saveProfile changes what differs. A new address is confirmed by a code, for which a page asks.
func (m *managing) saveProfile() error {
	profile, err := m.profile()
	if err != nil {
		return err
	}
	changed := map[string]string{}
	for _, f := range profile.Fields {
		value, sent := m.form[f.Name], !f.ReadOnly
		if sent && value != m.browser.User.Attributes[f.Name] {
			changed[f.Name] = value
		}
	}
	if len(changed) == 0 {
		return m.done("saved")
	}
	sent, err := m.session.UpdateAttributes(m.ctx, changed)
	if err != nil {
		return err
	}
	if len(sent) > 0 {
		m.askForCode(sent[0], nil)
		return nil
	}
	return m.done("saved")
}

// askForCode asks for the code of a new address, after an error for the one that is right.
func (m *managing) askForCode(d *identity.CodeDelivery, err error) {
	page := codePageOf(string(d.Medium), d.Destination)
	if err != nil {
		m.blame(&page, err)
	}
	page.Hidden = map[string]string{fieldStep: "verify", "attribute": d.Attribute, "medium": string(d.Medium), "destination": d.Destination}
	m.display(page)
}

func (m *managing) verify() error {
	attribute := m.form["attribute"]
	err := m.session.VerifyAttribute(m.ctx, attribute, identity.Secret(m.form["code"]))
	if errors.Is(err, identity.ErrCodeMismatch) {
		m.askForCode(&identity.CodeDelivery{Attribute: attribute, Medium: identity.Medium(m.form["medium"]), Destination: m.form["destination"]}, err)
		return nil
	}
	if err != nil {
		return err
	}
	return m.done("saved")
}

func (m *managing) changePassword() error {
	err := m.session.ChangePassword(m.ctx, identity.Secret(m.form["password"]), identity.Secret(m.form["new_password"]))
	if errors.Is(err, identity.ErrIncorrectCredentials) {
		m.overview(hosted.Page{FieldProblems: map[string]string{"password": "password-wrong"}})
		return nil
	}
	if err != nil {
		return err
	}
	return m.done("password-changed")
}

func (m *managing) setFactor(s identity.MFASetting, note string) error {
	if err := m.session.SetMFA(m.ctx, identity.MFAUpdate{identity.MFAMethod(m.form["factor"]): s}); err != nil {
		return err
	}
	return m.done(note)
}

func (m *managing) preferFactor() error {
	return m.setFactor(identity.MFASetting{Enabled: true, Preferred: true}, "saved")
}

// removeFactor turns a second factor off, but not the last one where there must be one.
func (m *managing) removeFactor() error {
	have, err := m.session.Factors(m.ctx)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(m.factors(have), func(f hosted.Factor) bool { return f.Name == m.form["factor"] && f.Fixed }); i >= 0 {
		m.overview(hosted.Page{Problem: "last-factor"})
		return nil
	}
	return m.setFactor(identity.MFASetting{}, "factor-off")
}

// addFactor turns a second factor on. An app is set up first.
func (m *managing) addFactor() error {
	if identity.MFAMethod(m.form["factor"]) != identity.MFATOTP {
		return m.setFactor(identity.MFASetting{Enabled: true}, "factor-on")
	}
	key, err := m.session.EnrollTOTP(m.ctx)
	if err != nil {
		return err
	}
	page := keyPageOf(m.pool.Settings.Name, key, m.browser.User.Username)
	page.Hidden[fieldStep] = "turn-on"
	m.display(page)
	return nil
}

func (m *managing) turnOnApp() error {
	err := m.session.VerifyTOTP(m.ctx, identity.Secret(m.form["code"]), "")
	if errors.Is(err, identity.ErrTOTPMismatch) {
		if page, ok := keyPageAgain(m.pool.Settings.Name, m.form["key"], m.browser.User.Username); ok {
			m.blame(&page, err)
			page.Hidden[fieldStep] = "turn-on"
			m.display(page)
			return nil
		}
	}
	if err != nil {
		return err
	}
	if err := m.session.SetMFA(m.ctx, identity.MFAUpdate{identity.MFATOTP: {Enabled: true}}); err != nil {
		return err
	}
	return m.done("factor-on")
}

func (m *managing) startPasskey() error {
	o, err := m.session.StartPasskey(m.ctx)
	if err != nil {
		return err
	}
	options, err := json.Marshal(o)
	if err != nil {
		return err
	}
	m.display(hosted.Page{Kind: hosted.PasskeyEnrol, Options: string(options), Hidden: map[string]string{fieldStep: "passkey"}})
	return nil
}

func (m *managing) finishPasskey() error {
	if _, err := m.session.FinishPasskey(m.ctx, []byte(m.form["credential"])); err != nil {
		return err
	}
	return m.done("passkey-added")
}

func (m *managing) removePasskey() error {
	if err := m.session.DeletePasskey(m.ctx, m.form["id"]); err != nil && !errors.Is(err, identity.ErrPasskeyNotFound) {
		return err
	}
	return m.done("passkey-removed")
}

func (m *managing) recoveryCodes() error {
	codes, err := m.session.NewRecoveryCodes(m.ctx)
	if err != nil {
		return err
	}
	page := hosted.Page{Kind: hosted.RecoveryCodes}
	for _, c := range codes {
		page.Codes = append(page.Codes, string(c))
	}
	m.display(page)
	return nil
}

// endSession ends a session. With a browser, it ends those of the applications in it.
func (m *managing) endSession() error {
	page, _, err := m.session.Sessions(m.ctx, identity.SessionQuery{})
	if err != nil {
		return err
	}
	browser := slices.ContainsFunc(page, func(s *identity.UserSession) bool { return s.Browser && s.ID == m.form["id"] })
	err = m.session.RevokeSession(m.ctx, identity.RevokeSession{ID: m.form["id"], Linked: browser})
	if err != nil && !errors.Is(err, identity.ErrSessionNotFound) {
		return err
	}
	return m.done("session-ended")
}

func (m *managing) signOut() error {
	hint, err := m.browser.ProviderIDToken(m.ctx)
	if err != nil {
		m.failed(err) // the browser is signed out here at least
	}
	frames, err := m.signOutBrowser(m.browser)
	if err != nil {
		return err
	}
	if to := m.providerLogout(m.app, m.browser.Provider, hint, ""); to != "" {
		m.leave(&goodbye{client: m.app, info: m.client, next: to, frames: frames, away: true})
		return nil
	}
	m.signedOut(frames)
	return nil
}

func (m *managing) signOutAll() error {
	told, err := m.browser.Logouts(m.ctx)
	if err != nil {
		return err
	}
	if err := m.session.SignOutEverywhere(m.ctx); err != nil {
		return err
	}
	m.signedOut(m.tell(told))
	return nil
}

func (m *managing) signedOut(frames []string) {
	m.setCookie(browserName(m.pool.ID), "", -1)
	page := hosted.Page{Kind: hosted.SignedOut, Client: m.client.Settings.Name, Links: hosted.Links{SignIn: m.here()}}
	m.dress(&page, m.app)
	m.page(http.StatusOK, framed(page, frames, ""))
}
