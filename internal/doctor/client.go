package doctor

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// What is looked at in an app client: what it may ask for, where its answers go, and its secret.

// clientSettings are what "cognate dev" tells of a client. Other servers want an operator's signature.
type clientSettings struct {
	OAuth     bool     `json:"AllowedOAuthFlowsUserPoolClient"`
	Flows     []string `json:"AllowedOAuthFlows"`
	Scopes    []string `json:"AllowedOAuthScopes"`
	Callbacks []string `json:"CallbackURLs"`
}

// readSettings asks for the settings of the client. It leaves them nil where the server does not tell them.
func (e *examination) readSettings() {
	pool := e.discovery.Issuer[strings.LastIndexByte(e.discovery.Issuer, '/')+1:]
	body, err := json.Marshal(map[string]string{"UserPoolId": pool, "ClientId": e.Client})
	if err != nil {
		return
	}
	r, err := http.NewRequestWithContext(e.ctx, http.MethodPost, e.base+"/", strings.NewReader(string(body)))
	if err != nil {
		return
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService.DescribeUserPoolClient")
	a, err := e.do(r)
	if err != nil || a.status != http.StatusOK {
		return
	}
	var doc struct{ UserPoolClient clientSettings }
	if err := json.Unmarshal(a.body, &doc); err == nil {
		e.settings = &doc.UserPoolClient
	}
}

func (e *examination) client() {
	e.readSettings()
	if e.settings != nil && !e.settingsFit() {
		return
	}
	if e.RedirectURI != "" && !e.authorize() {
		return
	}
	e.secret()
}

// settingsFit reports whether the settings allow the code grant and what the application sends.
func (e *examination) settingsFit() bool {
	s := e.settings
	if !s.OAuth || !slices.Contains(s.Flows, "code") {
		e.wrong("client", "the client may not use the code grant",
			"Set AllowedOAuthFlowsUserPoolClient, AllowedOAuthFlows=code and AllowedOAuthScopes: cognate client set, or aws cognito-idp update-user-pool-client.")
		return false
	}
	if e.RedirectURI != "" && !slices.Contains(s.Callbacks, e.RedirectURI) {
		e.wrong("redirect URI", "it is not one of the client's callback URLs\n"+differ(e.RedirectURI, closest(e.RedirectURI, s.Callbacks)),
			"They are compared byte by byte: scheme, port, path, case and a slash at the end count. Change the one of the application, or add it to CallbackURLs.")
		return false
	}
	for _, scope := range strings.Fields(e.Scope) {
		if !slices.Contains(s.Scopes, scope) {
			e.wrong("scope", "the client may not ask for "+scope+"; it may ask for "+strings.Join(s.Scopes, " "), "Add it to AllowedOAuthScopes. A scope of your own API is IDENTIFIER/NAME, of a resource server that has it.")
			return false
		}
	}
	return true
}

// closest is the one of some texts that begins as a text does for the longest.
func closest(got string, all []string) string {
	best, most := "(none)", -1
	for _, s := range all {
		n := 0
		for n < len(got) && n < len(s) && got[n] == s[n] {
			n++
		}
		if n > most {
			best, most = s, n
		}
	}
	return best
}

// authorize sends the request of the application, and asks for an answer without a
// page. It reports whether the request is good.
func (e *examination) authorize() bool {
	sum := sha256.Sum256([]byte("cognate doctor"))
	q := url.Values{
		"response_type": {"code"}, "client_id": {e.Client}, "redirect_uri": {e.RedirectURI}, "state": {"doctor"}, "prompt": {"none"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	if e.Scope != "" {
		q.Set("scope", e.Scope)
	}
	a, err := e.send(http.MethodGet, e.discovery.AuthorizationEndpoint+"?"+q.Encode(), nil)
	if err != nil {
		e.wrong("authorization", "it cannot be asked for: "+err.Error(), unreachable(err))
		return false
	}
	to, err := url.Parse(a.header.Get("Location"))
	switch {
	case a.status == http.StatusBadRequest:
		e.wrong("client", "there is no client "+e.Client+" on this server", "Look at the id with cognate client list. A fake that starts anew has new ids: pin them by --client-id.")
		return false
	case err != nil || a.status != http.StatusFound:
		e.wrong("authorization", "the answer is "+http.StatusText(a.status), "Look into the log of the server.")
		return false
	case to.Query().Get("error") == "redirect_mismatch":
		e.wrong("redirect URI", "it is not one of the client's callback URLs: "+e.RedirectURI,
			"They are compared byte by byte: scheme, port, path, case and a slash at the end count. cognate client show has the client's.")
		return false
	}
	if code := to.Query().Get("error"); code != "" && code != "login_required" {
		e.wrong("authorization", code+" "+to.Query().Get("error_description"), explain(code+": "+to.Query().Get("error_description")))
		return false
	}
	e.ok("authorization", "the client, its redirect URI and its scopes are good")
	return true
}

// secret tries the secret of the client with a code that does not exist.
func (e *examination) secret() {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {"cognate-doctor"}, "redirect_uri": {"https://doctor.invalid/"}, "client_id": {e.Client}}
	if e.Secret != "" {
		form.Set("client_secret", e.Secret)
	}
	a, err := e.send(http.MethodPost, e.discovery.TokenEndpoint, form)
	if err != nil {
		e.wrong("secret", "the token endpoint cannot be asked: "+err.Error(), unreachable(err))
		return
	}
	var doc struct{ Error string }
	if err := json.Unmarshal(a.body, &doc); err != nil {
		e.wrong("secret", "the token endpoint does not answer with JSON: "+http.StatusText(a.status), "Look whether a proxy answers in its place.")
		return
	}
	switch {
	case doc.Error == "invalid_grant" && e.Secret == "":
		e.ok("secret", "the client has none, and needs none")
	case doc.Error == "invalid_grant":
		e.ok("secret", "it is the client's")
	case doc.Error == "invalid_client" && e.Secret == "":
		e.wrong("secret", "the client has a secret, and the application sends none", "Send it by Basic authentication or as client_secret. An application in a browser or on a phone cannot keep one: give it a client without a secret.")
	case doc.Error == "invalid_client":
		e.wrong("secret", "it is not the client's", "Copy it again, without spaces or a line break at the end: cognate client secret list. A client without a secret refuses any.")
	case doc.Error == "unauthorized_client":
		e.wrong("client", "the client may not use the code grant", "Set AllowedOAuthFlowsUserPoolClient, and AllowedOAuthFlows=code.")
	default:
		e.wrong("secret", "the token endpoint answers "+quoted(doc.Error), "Look into the log of the server.")
	}
}

// secretHash finds out how a SECRET_HASH of the API was made.
func (e *examination) secretHash() {
	if e.Client == "" || e.Secret == "" || e.Username == "" {
		e.wrong("secret hash", "it takes the client, its secret and the user name to look at it", "Give --client-id, --client-secret-file and --username too.")
		return
	}
	sum := func(text string) []byte {
		h := hmac.New(sha256.New, []byte(e.Secret))
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	right := sum(e.Username + e.Client)
	const rule = "It is Base64(HMAC-SHA256(key: client secret, text: user name followed by client id))."
	switch e.SecretHash {
	case base64.StdEncoding.EncodeToString(right):
		e.ok("secret hash", "it is right for this user name, as long as the request has the same name")
	case base64.StdEncoding.EncodeToString(sum(e.Client + e.Username)):
		e.wrong("secret hash", "the client id comes first in it", rule)
	case hex.EncodeToString(right):
		e.wrong("secret hash", "it is in hexadecimal", rule)
	case base64.URLEncoding.EncodeToString(right), base64.RawURLEncoding.EncodeToString(right), base64.RawStdEncoding.EncodeToString(right):
		e.wrong("secret hash", "it is in another Base64: of URLs, or without padding", rule)
	default:
		e.wrong("secret hash", "it was made with another secret, client or user name",
			rule+" In RespondToAuthChallenge the name is the USERNAME of the challenge, and in a refresh it is the sub or user name, not the address that was typed.")
	}
}

// explanations say what to change, by a part of a problem.
var explanations = []struct{ part, remedy string }{
	{"exchanged before", "A code is good once. Browsers that load the callback twice, and retries, use it twice: keep the tokens, and redirect from the callback."},
	{"too old", "A code is good for five minutes. Exchange it at once, and look at the clock."},
	{"another redirect URI", "redirect_uri at the token endpoint is, byte by byte, that of the authorization request."},
	{"verifier", "code_verifier is the text whose SHA-256 was sent as code_challenge, of the same sign-in: keep it by state."},
	{"another client", "The client that exchanges a code is the one that asked for it."},
	{"there is none such", "The code does not exist: it is of another server or pool, was cut off, or was decoded twice."},
	{"redirect_mismatch", "The redirect URI is not one of the client's callback URLs, byte by byte."},
	{"invalid_scope", "A scope is not one of the client's AllowedOAuthScopes, or profile, email and phone were asked for without openid."},
	{"unauthorized_client", "The client may not use the grant: see AllowedOAuthFlowsUserPoolClient and AllowedOAuthFlows."},
	{"Code challenge required", "A client without a secret sends code_challenge and code_challenge_method=S256 (PKCE). Most libraries have an option for it."},
	{"invalid_target", "resource is the identifier of a resource server of the pool."},
	{"invalid_client", "The secret is wrong or missing."},
	{"invalid_token", "The access token has expired, its sign-in has ended, or it is of another server."},
	{"insufficient_scope", "The access token lacks the scope openid."},
	{"login_required", "The user is not signed in in this browser, and prompt=none asks for no page."},
	{"invalid_request", "A parameter is missing, there twice, or malformed."},
}

// explain says what to change about a problem.
func explain(problem string) string {
	for _, x := range explanations {
		if strings.Contains(problem, x.part) {
			return x.remedy
		}
	}
	return "Look into the log of the server."
}
