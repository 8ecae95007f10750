// Package fakeidp is an identity provider for tests and for developers: an OpenID provider that
// speaks the forms of Google, Apple, Facebook and Login with Amazon too, and that can be made to
// misbehave.
//
//	idp := fakeidp.New("client", "secret")
//	idp.Serve(httptest.NewServer(idp).URL)
//	idp.SetUser(map[string]any{"sub": "1", "email": "ann@example.com"})
//
// It checks what a real one checks: client, secret, redirect URI, PKCE, and that a code is used once.
// Whoever comes is signed in as the user that was set, without a page.
package fakeidp

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

// Misbehave are ways in which a provider can be wrong. Each function may change what is about to be
// sent. Nil functions change nothing.
type Misbehave struct {
	// Discovery changes the discovery document.
	Discovery func(map[string]any)
	// Callback changes the parameters of the callback.
	Callback func(url.Values)
	// Claims changes the claims of the ID token, Header its header, and Raw the token itself.
	Claims, Header func(map[string]any)
	Raw            func(string) string
	// Key signs the ID token in place of the provider's key.
	Key crypto.Signer
	// Token changes the answer of the token endpoint, UserInfo that of the user info and of profiles, Owner
	// that of Facebook's and Amazon's questions whose a token is.
	Token, UserInfo, Owner func(map[string]any)
	// Handler answers in place of the provider where it returns true.
	Handler func(http.ResponseWriter, *http.Request) bool
}

// A Provider is an identity provider. Make one with [New].
type Provider struct {
	// ClientID and ClientSecret are those of the one client.
	ClientID, ClientSecret string
	// Key signs ID tokens by RS256. KeyID is its id.
	Key   *rsa.PrivateKey
	KeyID string
	// AppleKey is that of a client whose secret is a JWT, as Apple wants it. Nil for others.
	AppleKey *ecdsa.PublicKey
	// PlainSecret lets such a client show ClientSecret too.
	PlainSecret bool
	// Refreshes gives refresh tokens. Each is good once, and gives the next one.
	Refreshes bool
	// SignsOut has an end_session_endpoint.
	SignsOut bool
	// Ask shows a page on which whoever comes says who they are, in place of the user that was set. Title is its heading.
	Ask   bool
	Title string
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time

	mu    sync.Mutex
	url   string
	user  map[string]any
	info  map[string]any // the user info, where it differs from the user
	wrong Misbehave
	codes map[string]grant
	seen  map[string]int // requests by path
	last  map[string]url.Values
	how   map[string]string         // the method of the last request by path
	keeps map[string]map[string]any // whose a refresh token is
}

// A grant is what a code is for.
type grant struct {
	redirectURI, nonce, challenge string
	user                          map[string]any
}

// New returns a provider with a new key.
func New(clientID, clientSecret string) *Provider {
	return &Provider{ClientID: clientID, ClientSecret: clientSecret, Key: firstKey(), KeyID: "key-1", Now: time.Now, codes: map[string]grant{}, seen: map[string]int{}, last: map[string]url.Values{}, how: map[string]string{}, keeps: map[string]map[string]any{}}
}

// InsecureKeyFile is a file of PEM with the key that each provider of the process begins with. Tests set it, before they make
// the first provider. Defaults to none: then there is a new key.
var InsecureKeyFile string

// firstKey is the key that each provider of the process begins with: to make one takes long.
var firstKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := readKey(InsecureKeyFile)
	if InsecureKeyFile == "" {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		panic(err) // the size is good, and so is the file of the tests
	}
	return key
})

// readKey returns the RSA key of a file.
func readKey(file string) (*rsa.PrivateKey, error) {
	text, err := os.ReadFile(file) //nolint:gosec // tests name it
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("fakeidp: no PEM in " + file)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	return key.(*rsa.PrivateKey), nil
}

// Serve says at which URL the provider is reached: its issuer.
func (p *Provider) Serve(at string) { p.locked(func() { p.url = at }) }

// URL is the issuer.
func (p *Provider) URL() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.url
}

// SetUser sets the claims of the user who signs in. "sub" is the subject of all kinds.
func (p *Provider) SetUser(claims map[string]any) { p.locked(func() { p.user = claims }) }

// SetUserInfo sets what only the user info says.
func (p *Provider) SetUserInfo(claims map[string]any) { p.locked(func() { p.info = claims }) }

// Misbehave sets in which ways the provider is wrong.
func (p *Provider) Misbehave(m Misbehave) { p.locked(func() { p.wrong = m }) }

// Requests is how many requests there were for a path.
func (p *Provider) Requests(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[path]
}

// Last returns the parameters of the last request for a path.
func (p *Provider) Last(path string) url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last[path]
}

// Method returns the method of the last request for a path.
func (p *Provider) Method(path string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.how[path]
}

// Forget makes all refresh tokens good for nothing.
func (p *Provider) Forget() { p.locked(func() { clear(p.keeps) }) }

func (p *Provider) locked(do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	do()
}

// ServeHTTP implements [http.Handler].
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	p.mu.Lock()
	p.seen[r.URL.Path]++
	p.last[r.URL.Path], p.how[r.URL.Path] = r.Form, r.Method
	wrong := p.wrong
	p.mu.Unlock()
	if wrong.Handler != nil && wrong.Handler(w, r) {
		return
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		p.discovery(w, &wrong)
	case "/jwks":
		answer(w, http.StatusOK, map[string]any{"keys": []any{JWK(&p.Key.PublicKey, p.KeyID)}})
	case "/authorize":
		p.authorize(w, r, &wrong)
	case "/token":
		p.token(w, r, &wrong)
	case "/userinfo", "/me":
		p.userInfo(w, r, &wrong)
	case "/endsession":
		http.Redirect(w, r, r.Form.Get("post_logout_redirect_uri")+"?"+url.Values{"state": {r.Form.Get("state")}}.Encode(), http.StatusFound)
	case "/app":
		p.app(w, r)
	case "/debug_token", "/tokeninfo", "/auth/o2/tokeninfo":
		p.owner(w, r, &wrong)
	default:
		http.NotFound(w, r)
	}
}

func (p *Provider) discovery(w http.ResponseWriter, wrong *Misbehave) {
	at := p.URL()
	doc := map[string]any{
		"issuer": at, "authorization_endpoint": at + "/authorize", "token_endpoint": at + "/token", "userinfo_endpoint": at + "/userinfo",
		"jwks_uri": at + "/jwks", "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256", "ES256"},
	}
	if p.SignsOut {
		doc["end_session_endpoint"] = at + "/endsession"
	}
	change(wrong.Discovery, doc)
	answer(w, http.StatusOK, doc)
}

// authorize signs the user in and sends the browser back, by a form if that is asked for.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request, wrong *Misbehave) {
	q := r.Form
	if q.Get("client_id") != p.ClientID || q.Get("response_type") != "code" || q.Get("redirect_uri") == "" {
		http.Error(w, "invalid request", http.StatusBadRequest)
		return
	}
	if p.Ask && r.Method != http.MethodPost {
		p.ask(w)
		return
	}
	code := rand.Text()
	p.mu.Lock()
	user := p.user
	if p.Ask {
		user = asked(r)
		p.user = user // the user info is about the last who came
	}
	p.codes[code] = grant{q.Get("redirect_uri"), q.Get("nonce"), q.Get("code_challenge"), user}
	p.mu.Unlock()
	back := url.Values{"code": {code}, "state": {q.Get("state")}}
	if name, ok := user["apple_user"].(string); ok {
		back.Set("user", name)
	}
	if wrong.Callback != nil {
		wrong.Callback(back)
	}
	if q.Get("response_mode") == "form_post" {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = formPost.Execute(w, map[string]any{"To": q.Get("redirect_uri"), "Fields": back})
		return
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

// token gives tokens for a code. Facebook asks by GET.
func (p *Provider) token(w http.ResponseWriter, r *http.Request, wrong *Misbehave) {
	q := r.Form
	if q.Get("grant_type") == "refresh_token" {
		p.refresh(w, q, wrong)
		return
	}
	p.mu.Lock()
	g, ok := p.codes[q.Get("code")]
	delete(p.codes, q.Get("code"))
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(q.Get("code_verifier")))
	switch {
	case !p.authenticated(q):
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client", "error_description": "The client is not authenticated"})
		return
	case !ok, g.redirectURI != q.Get("redirect_uri"), q.Get("grant_type") != "authorization_code",
		g.challenge != "" && g.challenge != base64.RawURLEncoding.EncodeToString(sum[:]):
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	doc := p.tokens(g.user)
	doc["id_token"] = p.IDToken(g.user, g.nonce, wrong)
	change(wrong.Token, doc)
	answer(w, http.StatusOK, doc)
}

// tokens gives tokens of a user.
func (p *Provider) tokens(user map[string]any) map[string]any {
	subject, _ := user["sub"].(string)
	access := base64.RawURLEncoding.EncodeToString([]byte(subject)) + "." + rand.Text()
	doc := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 3600}
	if p.Refreshes {
		refresh := rand.Text()
		p.locked(func() { p.keeps[refresh] = user })
		doc["refresh_token"] = refresh
	}
	return doc
}

// refresh gives tokens for a refresh token, which is good once.
func (p *Provider) refresh(w http.ResponseWriter, q url.Values, wrong *Misbehave) {
	p.mu.Lock()
	user, ok := p.keeps[q.Get("refresh_token")]
	delete(p.keeps, q.Get("refresh_token"))
	p.mu.Unlock()
	switch {
	case !p.authenticated(q):
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
	case !ok:
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
	default:
		doc := p.tokens(user)
		change(wrong.Token, doc)
		answer(w, http.StatusOK, doc)
	}
}

// authenticated reports whether a client has shown its secret.
func (p *Provider) authenticated(q url.Values) bool {
	if p.AppleKey == nil || p.PlainSecret && q.Get("client_secret") == p.ClientSecret {
		return q.Get("client_id") == p.ClientID && (q.Get("client_secret") == p.ClientSecret || p.ClientSecret == "")
	}
	parts := strings.Split(q.Get("client_secret"), ".")
	if len(parts) != 3 {
		return false
	}
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	return err == nil && len(sig) == 64 && ecdsa.Verify(p.AppleKey, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
}

// IDToken makes an ID token of a user. wrong may be nil.
func (p *Provider) IDToken(user map[string]any, nonce string, wrong *Misbehave) string {
	if wrong == nil {
		wrong = &Misbehave{}
	}
	now := p.Now()
	claims := map[string]any{"iss": p.URL(), "aud": p.ClientID, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	maps.Copy(claims, user)
	delete(claims, "apple_user")
	if nonce != "" {
		claims["nonce"] = nonce
	}
	change(wrong.Claims, claims)
	head := map[string]any{"alg": "RS256", "kid": p.KeyID, "typ": "JWT"}
	change(wrong.Header, head)
	var key crypto.Signer = p.Key
	if wrong.Key != nil {
		key = wrong.Key
	}
	raw := Sign(key, head, claims)
	if wrong.Raw != nil {
		raw = wrong.Raw(raw)
	}
	return raw
}

// userInfo is the user info, and the profile of Facebook and Amazon.
func (p *Provider) userInfo(w http.ResponseWriter, r *http.Request, wrong *Misbehave) {
	access, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer {
		access = r.Form.Get("access_token")
	}
	sub, ok := subjectOf(access)
	if !ok {
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	doc := map[string]any{"sub": sub, "id": sub, "user_id": sub}
	p.mu.Lock()
	if p.user["sub"] == sub {
		maps.Copy(doc, p.user)
	}
	maps.Copy(doc, p.info)
	p.mu.Unlock()
	delete(doc, "apple_user")
	change(wrong.UserInfo, doc)
	answer(w, http.StatusOK, doc)
}

// owner tells whose an access token is.
func (p *Provider) owner(w http.ResponseWriter, r *http.Request, wrong *Misbehave) {
	if strings.HasSuffix(r.URL.Path, "/tokeninfo") {
		sub, ok := subjectOf(r.Form.Get("access_token"))
		if !ok && r.URL.Path == "/auth/o2/tokeninfo" {
			answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_token"})
			return
		}
		doc := map[string]any{"aud": p.ClientID, "user_id": sub, "iss": "https://www.amazon.com", "exp": 3600}
		change(wrong.Owner, doc)
		answer(w, http.StatusOK, doc)
		return
	}
	if r.Form.Get("access_token") != p.ClientID+"|"+p.ClientSecret {
		answer(w, http.StatusBadRequest, map[string]any{"error": map[string]any{"type": "OAuthException"}})
		return
	}
	sub, ok := subjectOf(r.Form.Get("input_token"))
	data := map[string]any{"app_id": p.ClientID, "is_valid": ok, "user_id": sub}
	change(wrong.Owner, data)
	answer(w, http.StatusOK, map[string]any{"data": data})
}

// app tells for which application Facebook has made an access token.
func (p *Provider) app(w http.ResponseWriter, r *http.Request) {
	if _, ok := subjectOf(r.Form.Get("access_token")); !ok {
		answer(w, http.StatusBadRequest, map[string]any{"error": map[string]any{"type": "OAuthException"}})
		return
	}
	answer(w, http.StatusOK, map[string]any{"id": p.ClientID})
}

func subjectOf(access string) (string, bool) {
	name, _, ok := strings.Cut(access, ".")
	sub, err := base64.RawURLEncoding.DecodeString(name)
	return string(sub), ok && err == nil
}

func change(f func(map[string]any), doc map[string]any) {
	if f != nil {
		f(doc)
	}
}

func answer(w http.ResponseWriter, status int, doc map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(doc)
}

// Sign makes a JWT, by RS256 or ES256 as the key is, whatever its header says.
func Sign(key crypto.Signer, head, claims map[string]any) string {
	rawHead, _ := json.Marshal(head)
	rawClaims, _ := json.Marshal(claims)
	return SignRaw(key, string(rawHead), string(rawClaims))
}

// SignRaw makes a JWT of a header and a payload as they are.
func SignRaw(key crypto.Signer, head, claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	input := encode([]byte(head)) + "." + encode([]byte(claims))
	sum := sha256.Sum256([]byte(input))
	if ec, ok := key.(*ecdsa.PrivateKey); ok {
		r, s, err := ecdsa.Sign(rand.Reader, ec, sum[:])
		if err != nil {
			panic(err)
		}
		return input + "." + encode(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
	}
	sig, err := key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		panic(err)
	}
	return input + "." + encode(sig)
}

// JWK is a public key as a provider publishes it.
func JWK(key crypto.PublicKey, id string) map[string]any {
	encode := base64.RawURLEncoding.EncodeToString
	switch k := key.(type) {
	case *rsa.PublicKey:
		return map[string]any{"kty": "RSA", "kid": id, "use": "sig", "alg": "RS256", "n": encode(k.N.Bytes()), "e": encode(big.NewInt(int64(k.E)).Bytes())}
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			point, _ := k.Bytes()
			return map[string]any{"kty": "EC", "kid": id, "use": "sig", "alg": "ES256", "crv": "P-256", "x": encode(point[1:33]), "y": encode(point[33:])}
		}
	}
	panic("fakeidp: no JWK for the key")
}
