package oauth

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth/hosted"
)

// A browser comes with the request of an application. An error before the redirect URI is known
// to be the client's goes to a page, and redirects nobody. All others go to the application.

// A request is what an application asks for, on any page that leads to its answer.
type request struct {
	client *identity.AppClient
	auth   *identity.Authorization
	params params
	prompt []string
	maxAge time.Duration // -1 for none
	asked  claimsParam
}

// The errors of RFC 6749, section 4.1.2.1, and of OpenID Connect Core, section 3.1.2.6. For errUnmet see also RFC 9470, section 5.
const (
	errInvalidRequest       = "invalid_request"
	errUnauthorizedClient   = "unauthorized_client"
	errUnsupportedResponse  = "unsupported_response_type"
	errInvalidScope         = "invalid_scope"
	errInvalidTarget        = "invalid_target" // of RFC 8707
	errServer               = "server_error"
	errLoginRequired        = "login_required"
	errConsentRequired      = "consent_required"
	errAccessDenied         = "access_denied"
	errUnmet                = "unmet_authentication_requirements"
	errRequestNotSupported  = "request_not_supported"
	errRequestURINot        = "request_uri_not_supported"
	errInvalidClient        = "invalid_client"
	errInvalidGrant         = "invalid_grant"
	errUnsupportedGrantType = "unsupported_grant_type"
	errUnsupportedTokenType = "unsupported_token_type"
	errInvalidToken         = "invalid_token"
	errInsufficientScope    = "insufficient_scope"
)

// A refusal goes to an application.
type refusal struct{ code, description string }

func (e *refusal) Error() string { return e.code + ": " + e.description }

// request reads and checks the request of an application, or answers that it is refused.
func (v *visit) request(p params) (*request, bool) {
	q, err := v.readRequest(p)
	switch {
	case q == nil:
		v.pageError(err)
		return nil, false
	case err != nil:
		v.refuse(q, err)
		return nil, false
	}
	return q, true
}

// readRequest returns nil if there is no redirect URI to tell an error to.
func (v *visit) readRequest(p params) (*request, error) {
	if p["client_id"] == "" {
		return nil, &missingError{"client_id"}
	}
	client, err := v.appClient(p["client_id"])
	if err != nil {
		return nil, err
	}
	q := &request{client: client, params: p, maxAge: -1, asked: parseClaims(p["claims"])}
	q.auth, err = client.Authorization(v.ctx, identity.AuthorizationRequest{
		Grant: grantOf(p["response_type"]), RedirectURI: p["redirect_uri"], Scopes: p.words("scope"),
		Nonce: p["nonce"], Challenge: p["code_challenge"], Resource: p["resource"], Levels: p.words("acr_values"),
		Claims: q.asked.request,
	})
	if q.auth == nil {
		return nil, err
	}
	v.openID = q.openID()
	if refused := q.read(); refused != nil {
		return q, refused
	}
	if err != nil {
		return q, err
	}
	return q, v.readOpenID(q)
}

// grantOf is the grant of a response type, or one that no client has.
func grantOf(responseType string) string {
	switch responseType {
	case "code":
		return identity.GrantCode
	case "token":
		return identity.GrantImplicit
	}
	return ""
}

// read reads the parameters that the settings of the client have no part in.
func (q *request) read() error {
	p := q.params
	switch {
	case p["request"] != "":
		return &refusal{errRequestNotSupported, "request objects are not supported"}
	case p["request_uri"] != "":
		return &refusal{errRequestURINot, "request objects are not supported"}
	case p["response_type"] == "":
		return &refusal{errInvalidRequest, "Missing response_type"}
	case grantOf(p["response_type"]) == "":
		return &refusal{errUnsupportedResponse, "Invalid response_type"}
	case (p["code_challenge"] != "") != (p["code_challenge_method"] != ""):
		return &refusal{errInvalidRequest, "code_challenge and code_challenge_method go together"}
	case p["code_challenge"] != "" && p["code_challenge_method"] != "S256":
		return &refusal{errInvalidRequest, "Transform algorithm not supported"}
	}
	if _, ok := responseModes[p["response_mode"]]; !ok {
		return &refusal{errInvalidRequest, "Invalid response_mode"}
	}
	if p["response_mode"] == "query" && p["response_type"] == "token" {
		return &refusal{errInvalidRequest, "tokens are not sent in a query"}
	}
	q.prompt = p.words("prompt")
	for _, name := range q.prompt {
		if !slices.Contains([]string{"none", "login", "select_account", "consent"}, name) || name == "none" && len(q.prompt) > 1 {
			return &refusal{errInvalidRequest, "Invalid prompt"}
		}
	}
	if p["max_age"] != "" {
		n, err := strconv.ParseInt(p["max_age"], 10, 32)
		if err != nil || n < 0 {
			return &refusal{errInvalidRequest, "Invalid max_age"}
		}
		q.maxAge = time.Duration(n) * time.Second
	}
	return nil
}

func (q *request) prompts(name string) bool { return slices.Contains(q.prompt, name) }

// authorize is the authorization endpoint.
func (s *Server) authorize(v *visit) {
	p := v.query
	if v.r.Method == http.MethodPost {
		p = v.form
	}
	q, ok := v.request(p)
	if !ok {
		return
	}
	if v.r.Method == http.MethodPost { // by GET the browser sends its cookies, whatever site it comes from
		v.redirect("/oauth2/authorize?" + p.encode())
		return
	}
	w, ok := v.chosenWay(q)
	if !ok {
		return
	}
	b, level, err := v.current(q)
	if err == nil && !w.matches(b) {
		err = identity.ErrNotSignedIn
	}
	silent := q.prompts("none")
	switch {
	case err != nil && !errors.Is(err, identity.ErrNotSignedIn):
		v.refuse(q, err)
	case err != nil && silent:
		v.refuse(q, identity.ErrNotSignedIn)
	case err != nil && w.provider != nil:
		v.depart(q, w.provider)
	case err != nil:
		v.redirect("/login?" + p.encode())
	case level == identity.LevelBest, level == identity.LevelMet && silent:
		v.give(q, v.browserCookie(q))
	case level == identity.LevelBeyond && silent:
		v.refuse(q, identity.ErrLevelUnreachable)
	case silent:
		v.refuse(q, identity.ErrNotSignedIn)
	default:
		v.redirect("/login?" + p.encode())
	}
}

// current returns the browser that is signed in, and how far that is from what the application asks for. It
// returns [identity.ErrNotSignedIn] if the application wants a new sign-in.
func (v *visit) current(q *request) (*identity.Browser, identity.BrowserLevel, error) {
	b, err := v.browser(q.client)
	if err != nil {
		return nil, 0, err
	}
	another := q.auth.Subject != "" && q.auth.Subject != b.User.Sub
	if another || !b.Reusable || q.anew() || q.maxAge >= 0 && b.Age > q.maxAge {
		return nil, 0, identity.ErrNotSignedIn
	}
	level, err := q.auth.Level(v.ctx, v.browserCookie(q))
	return b, level, err
}

// anew reports whether an application wants a new sign-in, whoever is signed in.
func (q *request) anew() bool { return q.prompts("login") || q.prompts("select_account") }

// give answers a request with what was asked for, for the user of a browser.
func (v *visit) give(q *request, cookie identity.Secret) {
	if !v.acceptLink(q, cookie) {
		return
	}
	if q.params[toParam] == toAccount {
		v.redirect("/account?" + encode([]pair{{"client_id", q.client.ClientID()}}))
		return
	}
	if !v.asks(q, cookie) {
		v.grantTo(q, cookie)
	}
}

// grantTo gives what was asked for.
func (v *visit) grantTo(q *request, cookie identity.Secret) {
	if q.params["response_type"] == "token" {
		t, err := q.auth.Tokens(v.ctx, cookie)
		if err != nil {
			v.refuse(q, err)
			return
		}
		v.answer(q, tokenParams(t))
		return
	}
	code, err := q.auth.Code(v.ctx, cookie)
	if err != nil {
		v.refuse(q, err)
		return
	}
	v.answer(q, []pair{{"code", string(code)}})
}

func tokenParams(t *identity.Tokens) []pair {
	var all []pair
	if t.ID != "" {
		all = append(all, pair{"id_token", string(t.ID)})
	}
	all = append(all, pair{"access_token", string(t.Access)},
		pair{"expires_in", strconv.Itoa(int(t.ExpiresIn / time.Second))}, pair{"token_type", "Bearer"})
	if t.Scope != "" { // RFC 6749, section 4.2.2
		all = append(all, pair{"scope", t.Scope})
	}
	return all
}

// refuse tells the application why it gets nothing.
func (v *visit) refuse(q *request, err error) {
	r := v.refusalOf(err)
	if r.code == "" {
		v.pageError(err)
		return
	}
	v.explain(r.code, err)
	var all []pair
	if r.description != "" {
		all = append(all, pair{"error_description", r.description})
	}
	v.answer(q, append(all, pair{"error", r.code}))
}

// A pair is a parameter of an answer, in the order in which it is sent.
type pair struct{ name, value string }

// responseModes are where parameters of an answer may stand. The empty one is the default of
// the response type.
var responseModes = map[string]func(*visit, *request, []pair){
	"":          (*visit).answerByDefault,
	"query":     (*visit).answerInQuery,
	"fragment":  (*visit).answerInFragment,
	"form_post": (*visit).answerInForm,
}

// answer sends the browser back to the application.
func (v *visit) answer(q *request, all []pair) {
	if state := q.params["state"]; state != "" {
		all = append(all, pair{"state", state})
	}
	if q.openID() {
		all = append(all, pair{"iss", v.server.engine.Issuer(v.ctx, q.auth.Pool)}) // RFC 9207
	}
	send, ok := responseModes[q.params["response_mode"]]
	if !ok || q.params["response_mode"] == "query" && q.params["response_type"] == "token" {
		send = (*visit).answerByDefault
	}
	send(v, q, all)
}

func (v *visit) answerByDefault(q *request, all []pair) {
	if q.params["response_type"] == "token" {
		v.answerInFragment(q, all)
		return
	}
	v.answerInQuery(q, all)
}

func (v *visit) answerInQuery(q *request, all []pair) {
	v.redirect(appendQuery(q.auth.RedirectURI, all))
}

// appendQuery adds parameters to an address. The settings of clients allow none with a fragment.
func appendQuery(uri string, all []pair) string {
	sep := "?"
	if strings.Contains(uri, "?") {
		sep = "&"
	}
	return uri + sep + encode(all)
}

func (v *visit) answerInFragment(q *request, all []pair) {
	v.redirect(q.auth.RedirectURI + "#" + encode(all))
}

func (v *visit) answerInForm(q *request, all []pair) {
	page := hosted.Page{Kind: hosted.FormPost, Client: q.auth.Client.Settings.Name, Action: q.auth.RedirectURI, Hidden: map[string]string{}}
	for _, p := range all {
		page.Hidden[p.name] = p.value
	}
	page.LeadsTo = []string{q.auth.RedirectURI}
	v.page(http.StatusOK, page)
}

// redirect sends a browser on by GET, whatever it came by. After a form that is 303 in pools with
// the setting OpenID (RFC 9700, section 4.12), and 302 otherwise, as from the service.
func (v *visit) redirect(uri string) {
	status := http.StatusFound
	if v.openID && v.r.Method == http.MethodPost {
		status = http.StatusSeeOther
	}
	v.w.Header().Set("Location", v.rooted(uri))
	v.w.WriteHeader(status)
}
