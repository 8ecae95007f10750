package oauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/oauth/hosted"
)

// Errors. An error of the engine goes to one of three readers: an application by a redirect
// (refusalOf), an application by JSON (tokenError), or a person on a page (problemOf).

// Codes of problems, as package hosted has their texts.
const (
	codeUnknown  = "unknown"
	codeNotFound = "not-found"
	codeRequest  = "request"
	codeClient   = "client"
	codeRedirect = "redirect"
	codeServer   = "server"
	codeForged   = "forged"
	codeExpired  = "expired"
)

// A missingError is told on a page, because no application can be told.
type missingError struct {
	missing string // a parameter
}

func (e *missingError) Error() string {
	return fmt.Sprintf("Required String parameter '%s' is not present", e.missing)
}

// refusals are the errors of the engine that an application is told.
var refusals = []struct {
	err  error
	code string
	text string
}{
	{identity.ErrGrantNotAllowed, errUnauthorizedClient, ""},
	{identity.ErrScopeNotAllowed, errInvalidScope, ""},
	{identity.ErrResourceServerNotFound, errInvalidTarget, ""}, // the code is RFC 8707's; what the service says is not known
	{identity.ErrChallengeRequired, errInvalidRequest, "Code challenge required"},
	{identity.ErrInvalidParameter, errInvalidRequest, ""},
	{identity.ErrNotSignedIn, errLoginRequired, "the user is not signed in"},
	{identity.ErrLevelRequired, errUnmet, "the user has not reached the authentication level"},
	{identity.ErrLevelUnreachable, errUnmet, "the user cannot reach the authentication level"},
	{identity.ErrConsentRequired, errConsentRequired, ""},
	{identity.ErrUserDisabled, errInvalidRequest, "User is not enabled"},
}

// refusalOf is what an application is told of an error: without a code if it is told nothing.
func (v *visit) refusalOf(err error) refusal {
	var r *refusal
	if errors.As(err, &r) {
		return *r
	}
	if text := hookText(err); text != "" {
		return refusal{errInvalidRequest, text}
	}
	for _, row := range refusals {
		if errors.Is(err, row.err) {
			return refusal{row.code, row.text}
		}
	}
	v.failed(err)
	return refusal{errServer, ""}
}

// hookText is what a reader is told of a hook that has ended the call, as the service says it of a function, or "". What went
// wrong inside the program's own hook is not told.
func hookText(err error) string {
	e, ok := errors.AsType[*identity.HookError](err)
	if !ok {
		return ""
	}
	name := string(e.Trigger)
	refused, isRefusal := errors.AsType[*hook.RefusalError](err)
	failure, isFailure := errors.AsType[*hook.FailureError](err)
	switch {
	case isRefusal:
		return name + " failed with error " + refused.Reason + "."
	case errors.Is(err, identity.ErrHookDecision):
		return "Unrecognizable lambda output"
	case !isFailure:
		return name + " invocation failed due to error InternalError."
	case failure.Name == "":
		return name + " failed with error Socket timeout while invoking Lambda function."
	default:
		return name + " invocation failed due to error " + failure.Name + "."
	}
}

// failed logs what nobody is told.
func (v *visit) failed(err error) {
	v.server.log.ErrorContext(v.ctx, "a request failed", "request", v.id, "method", v.r.Method, "path", v.r.URL.Path, "error", err)
}

// encode is a query, in the order of its parameters.
func encode(all []pair) string {
	var b strings.Builder
	for i, p := range all {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(p.name) + "=" + url.QueryEscape(p.value))
	}
	return b.String()
}

// refuseRequest answers a request whose parameters cannot be read.
func (v *visit) refuseRequest(api bool, err error) {
	if api {
		v.tokenRefusal(http.StatusBadRequest, refusal{errInvalidRequest, ""})
		return
	}
	status := http.StatusBadRequest
	if errors.Is(err, errTooLarge) {
		status = http.StatusRequestEntityTooLarge
	}
	v.query, v.form = params{}, params{}
	v.page(status, v.errorOf(codeRequest))
}

// pageError tells a person what no application can be told.
func (v *visit) pageError(err error) {
	var missing *missingError
	v.explain("page", err)
	switch {
	case errors.Is(err, errHint):
		v.problemPage(codeRequest, hosted.Finding{Title: "id_token_hint is not an ID token of the client"})
	case errors.As(err, &missing):
		v.problemPage(codeRequest, hosted.Finding{Title: missing.Error()})
	case errors.Is(err, identity.ErrClientNotFound):
		v.problemPage(codeClient, hosted.Finding{Title: "The client does not exist", Got: v.asked("client_id")})
	case errors.Is(err, identity.ErrGrantNotAllowed):
		v.problemPage(codeClient, hosted.Finding{Title: "The client may not use the code grant, so it has no pages", Got: v.asked("client_id")})
	case errors.Is(err, identity.ErrRedirectMismatch):
		to := []pair{{"error", "redirect_mismatch"}, {"client_id", v.asked("client_id")}}
		if v.server.options.Explain { // for the page, which shows the difference
			to = append(to, v.askedURI())
		}
		v.redirect("/error?" + encode(to))
	default:
		v.failed(err)
		v.page(http.StatusInternalServerError, v.errorOf(codeServer))
	}
}

// asked is a parameter of the request of an application, by GET or POST.
func (v *visit) asked(name string) string {
	if value := v.query[name]; value != "" {
		return value
	}
	return v.form[name]
}

// askedURI is the address that a request wants the browser to go to.
func (v *visit) askedURI() pair {
	if strings.HasSuffix(v.r.URL.Path, "/logout") {
		for _, name := range []string{"logout_uri", "post_logout_redirect_uri"} {
			if uri := v.asked(name); uri != "" {
				return pair{"logout_uri", uri}
			}
		}
	}
	return pair{"redirect_uri", v.asked("redirect_uri")}
}

// problemPage shows a problem, and to developers what they got wrong.
func (v *visit) problemPage(code string, findings ...hosted.Finding) {
	page := v.errorOf(code)
	if v.server.options.Explain {
		page.Findings = findings
	}
	v.page(http.StatusBadRequest, page)
}

func (v *visit) errorOf(code string) hosted.Page {
	return hosted.Page{Kind: hosted.Error, Problem: code, RequestID: v.id}
}

// page shows a page.
func (v *visit) page(status int, p hosted.Page) {
	for _, to := range []*string{&p.Action, &p.Here, &p.Links.SignIn, &p.Links.SignUp, &p.Links.Forgot, &p.Links.NotYou, &p.Links.Back, &p.Links.App} {
		*to = v.rooted(*to)
	}
	v.server.pages.Render(v.w, v.r, status, p)
}

// rooted is an address of the server below Options.Path, or the address of another site as it is.
func (v *visit) rooted(to string) string {
	if strings.HasPrefix(to, "/") {
		return v.server.options.Path + to
	}
	return to
}

// errorPage is where a browser ends that must not be sent back to an application. It tells no
// more than its parameter says, which anybody can write: only codes that are known have a text.
func (s *Server) errorPage(v *visit) {
	switch v.query["error"] {
	case "redirect_mismatch":
		v.problemPage(codeRedirect, v.redirectFinding())
	case errUnauthorizedClient:
		v.problemPage(codeClient)
	default:
		v.problemPage(codeRequest)
	}
}

// redirectFinding shows a developer which redirect URIs the client has, or which it has for sign-outs.
func (v *visit) redirectFinding() hosted.Finding {
	f := hosted.Finding{Title: "The redirect URI is not one of the client's callback URLs, byte by byte", Got: v.query["redirect_uri"]}
	out := v.query["logout_uri"]
	if out != "" {
		f = hosted.Finding{Title: "The URI of the sign-out is not one of the client's logout URLs, byte by byte", Got: out}
	}
	if !v.server.options.Explain {
		return f
	}
	client, err := v.appClient(v.query["client_id"])
	if err != nil {
		return f
	}
	pool, err := v.server.engine.UserPool(v.ctx, client.PoolID())
	if err != nil {
		return f
	}
	if info, err := pool.Admin().Clients().Get(v.ctx, client.ClientID()); err == nil {
		f.Want = info.Settings.CallbackURLs
		if out != "" {
			f.Want = info.Settings.LogoutURLs
		}
	}
	return f
}

// problems are the errors of the engine that people are told on the page where they happen.
var problems = []struct {
	err  error
	code string
}{
	{identity.ErrIncorrectCredentials, "incorrect"},
	{identity.ErrUserNotFound, "incorrect"},
	{identity.ErrUserDisabled, "disabled"},
	{identity.ErrFederatedUser, codeRequest}, // the page offers nothing that a provider decides
	{identity.ErrUserNotConfirmed, "not-confirmed"},
	{identity.ErrLinkUser, "link-other"},
	{identity.ErrLinkSourceExists, "link-taken"},
	{identity.ErrLastWayIn, "last-way"},
	{identity.ErrProviderNotFound, "unavailable"},
	{identity.ErrProviderSubject, "not-allowed"},
	{identity.ErrQuotaExceeded, "not-allowed"},
	{identity.ErrPasswordResetRequired, "reset-required"},
	{identity.ErrTemporaryPasswordExpired, codeExpired},
	{identity.ErrTooManyAttempts, "too-many"},
	{identity.ErrLimitExceeded, "too-many"},
	{identity.ErrBusy, "busy"},
	{identity.ErrMFACodeMismatch, "code-wrong"},
	{identity.ErrTOTPMismatch, "code-wrong"},
	{identity.ErrTOTPUsed, "code-used"},
	{identity.ErrCodeMismatch, "code-wrong"},
	{identity.ErrCodeExpired, "code-expired"},
	{identity.ErrRecoveryCodeMismatch, "recovery-wrong"},
	{identity.ErrPasswordReused, "password-reused"},
	{identity.ErrInvalidPassword, "password-policy"},
	{identity.ErrUsernameExists, "name-taken"},
	{identity.ErrAliasExists, "alias-taken"},
	{identity.ErrSignUpDisabled, "no-sign-up"},
	{identity.ErrDelivery, "not-sent"},
	{identity.ErrNoSender, "not-sent"},
	{identity.ErrNoRecovery, "not-allowed"},
	{identity.ErrRecoveryByAdmin, "not-allowed"},
	{identity.ErrCannotReset, "not-allowed"},
	{identity.ErrNothingToVerify, "not-allowed"},
	{identity.ErrSessionExpired, codeExpired},
	{identity.ErrSessionInvalid, codeExpired},
	{identity.ErrSessionUsed, codeExpired},
	{identity.ErrPasskeyInvalid, "passkey-failed"},
	{identity.ErrPasskeyChallenge, "passkey-failed"},
	{identity.ErrFlowNotEnabled, "not-allowed"},
	{identity.ErrMFANotReady, "not-allowed"},
	{identity.ErrTOTPDisabled, "not-allowed"},
	{identity.ErrPasskeysDisabled, "not-allowed"},
	{identity.ErrRecoveryCodesDisabled, "not-allowed"},
	{identity.ErrSessionsOff, "not-allowed"},
	{identity.ErrOwnSession, "not-allowed"},
	{identity.ErrInvalidAttributes, "invalid"},
	{identity.ErrInvalidParameter, "invalid"},
	{identity.ErrMissingParameter, "required"},
}

// problemOf is what a person is told of an error: a code, or a sentence about a hook.
func (v *visit) problemOf(err error) string {
	if text := hookText(err); text != "" {
		return text
	}
	for _, row := range problems {
		if errors.Is(err, row.err) {
			return row.code
		}
	}
	v.failed(err)
	return codeServer
}

// blame says on a page what went wrong: beside the field that it is about, if the page has that field, and else above the form.
func (v *visit) blame(page *hosted.Page, err error) {
	code := v.problemOf(err)
	if field := fieldAtFault(page.Kind, code); field != "" {
		page.FieldProblems = map[string]string{field: code}
		return
	}
	page.Problem = code
}

// fieldAtFault is the field of a page that a problem is about, or "".
func fieldAtFault(kind hosted.Kind, code string) string {
	fields := map[hosted.Kind]string{}
	switch code {
	case "code-wrong", "code-expired", "code-used":
		fields = map[hosted.Kind]string{hosted.Code: "code", hosted.Confirm: "code", hosted.Reset: "code", hosted.SetupTOTP: "code"}
	case "recovery-wrong":
		fields[hosted.RecoveryCode] = "code"
	case "password-policy", "password-reused":
		fields = map[hosted.Kind]string{hosted.SignUp: "password", hosted.NewPassword: "new_password", hosted.Reset: "new_password", hosted.Account: "new_password"}
	case "name-taken":
		fields[hosted.SignUp] = "username"
	}
	return fields[kind]
}

// over reports whether a sign-in must begin again after an error.
func over(err error) bool {
	for _, e := range []error{
		identity.ErrSessionExpired, identity.ErrSessionInvalid, identity.ErrSessionUsed, identity.ErrUserNotFound, identity.ErrUserDisabled, identity.ErrLevelUnreachable,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// tokenRefusal answers a program.
func (v *visit) tokenRefusal(status int, r refusal) {
	v.json(status, struct {
		Error       string `json:"error"`
		Description string `json:"error_description,omitempty"`
	}{r.code, r.description})
}

// json answers with a document.
func (v *visit) json(status int, doc any) {
	body, err := json.Marshal(doc)
	if err != nil {
		v.failed(err)
		status, body = http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	v.w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(body)
}

// tokenErrors are the errors of the engine that the endpoints for programs answer with.
var tokenErrors = []struct {
	err    error
	status int
	code   string
	text   string
}{
	{identity.ErrClientNotFound, http.StatusBadRequest, errInvalidClient, ""},
	{identity.ErrSecretHashMissing, http.StatusBadRequest, errInvalidClient, "invalid_client_secret"},
	{identity.ErrSecretHashMismatch, http.StatusBadRequest, errInvalidClient, "invalid_client_secret"},
	{identity.ErrGrantNotAllowed, http.StatusBadRequest, errUnauthorizedClient, ""},
	{identity.ErrFlowNotEnabled, http.StatusBadRequest, errUnauthorizedClient, ""},
	{identity.ErrScopeNotAllowed, http.StatusBadRequest, errInvalidScope, ""},
	{identity.ErrInvalidAuthCode, http.StatusBadRequest, errInvalidGrant, ""},
	{identity.ErrInvalidRefreshToken, http.StatusBadRequest, errInvalidGrant, ""},
	{identity.ErrRefreshTokenRevoked, http.StatusBadRequest, errInvalidGrant, ""},
	{identity.ErrRefreshTokenExpired, http.StatusBadRequest, errInvalidGrant, ""},
	{identity.ErrRefreshTokenReused, http.StatusBadRequest, errInvalidGrant, ""},
	{identity.ErrUserDisabled, http.StatusBadRequest, errInvalidGrant, ""},
	{identity.ErrUserNotFound, http.StatusBadRequest, errInvalidGrant, ""},
	{identity.ErrRevocationDisabled, http.StatusBadRequest, errInvalidRequest, ""},
	{identity.ErrWrongTokenType, http.StatusBadRequest, errUnsupportedTokenType, ""},
	{identity.ErrForeignToken, http.StatusBadRequest, errInvalidRequest, ""},
	{identity.ErrMissingParameter, http.StatusBadRequest, errInvalidRequest, ""},
}

// tokenError answers a program with an error of the engine.
func (v *visit) tokenError(err error) {
	var r *refusal
	if errors.As(err, &r) {
		v.explain(r.code, err)
		v.tokenRefusal(http.StatusBadRequest, *r)
		return
	}
	if text := hookText(err); text != "" {
		v.tokenRefusal(http.StatusBadRequest, refusal{errInvalidRequest, text})
		return
	}
	for _, row := range tokenErrors {
		if !errors.Is(err, row.err) {
			continue
		}
		v.explain(row.code, err)
		if row.code == errInvalidClient && v.pool != "" && v.follows(v.pool) {
			v.challengeClient(refusal{row.code, row.text})
			return
		}
		v.tokenRefusal(row.status, refusal{row.code, row.text})
		return
	}
	v.failed(err)
	v.tokenRefusal(http.StatusInternalServerError, refusal{errServer, ""})
}
