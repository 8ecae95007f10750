package login

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A sign-in begins with an attempt: a state, a nonce and a verifier of PKCE, sealed into a cookie
// that is named after the state. So several tabs may sign in at once, and nothing is stored. The
// callback uses the attempt up.

const (
	attemptLife = time.Hour // people sign up meanwhile, and wait for codes
	maxAttempts = 5         // of one browser
	maxReturnTo = 1024
	stateLength = 26 // of rand.Text: 130 bits
	nameLength  = 8  // of the state, in the name of the cookie
)

// An attempt is a sign-in that has begun.
type attempt struct {
	State    string    `json:"s"`
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"`
	ReturnTo string    `json:"r"`
	Began    time.Time `json:"b"`
}

// signIn sends a browser to the authorization server.
func (m *Middleware) signIn(w http.ResponseWriter, r *http.Request) error {
	to, err := returnTo(r.URL.Query())
	if err != nil {
		return err
	}
	e, err := m.server.endpoints(r.Context())
	if err != nil {
		return err
	}
	a := &attempt{
		State: rand.Text(), Nonce: rand.Text(), Verifier: rand.Text() + rand.Text(), ReturnTo: to, Began: m.options.Clock(),
	}
	sealed, err := m.seal("attempt", a)
	if err != nil {
		return err
	}
	m.boundAttempts(w, r)
	m.setCookie(w, m.attemptName(a.State), sealed, attemptLife)
	seeOther(w, m.authorize(e, a))
	return nil
}

// authorize is the address that a browser is sent to.
func (m *Middleware) authorize(e *Endpoints, a *attempt) string {
	sum := sha256.Sum256([]byte(a.Verifier))
	q := url.Values{
		"response_type": {"code"}, "client_id": {m.clientID}, "redirect_uri": {m.callback}, "scope": {strings.Join(m.options.Scopes, " ")},
		"state": {a.State}, "nonce": {a.Nonce}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	for name, value := range m.options.Parameters {
		q.Set(name, value)
	}
	return withQuery(e.Authorization, q)
}

// seeOther sends a browser on. Unlike [http.Redirect] it does not clean the path of the address.
func seeOther(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// withQuery adds parameters to an address.
func withQuery(address string, q url.Values) string {
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	return address + separator + q.Encode()
}

// returnTo is where a browser goes after the sign-in: "/" if the request does not say.
func returnTo(q url.Values) (string, error) {
	values, ok := q["return_to"]
	if !ok {
		return "/", nil
	}
	if len(values) != 1 || !IsLocal(values[0]) {
		return "", errReturnTo
	}
	return values[0], nil
}

// IsLocal reports whether an address is a path of the same site, with a query perhaps, of at most 1024 bytes: a browser that is
// sent there stays at the site. Browsers take // and /\ for the beginning of a host, and drop tabs and line breaks.
func IsLocal(to string) bool {
	if len(to) > maxReturnTo || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
		return false
	}
	for i := range len(to) {
		if to[i] <= ' ' || to[i] >= 0x7f || to[i] == '\\' {
			return false
		}
	}
	u, err := url.Parse(to)
	return err == nil && u.Scheme == "" && u.Host == "" && u.User == nil
}

// attemptName is the name of the cookie of an attempt.
func (m *Middleware) attemptName(state string) string { return m.name + "-try-" + state[:nameLength] }

// boundAttempts deletes the cookies of attempts that are over, and of the oldest if there are too many.
func (m *Middleware) boundAttempts(w http.ResponseWriter, r *http.Request) {
	type found struct {
		name  string
		began time.Time
	}
	var open []found
	for _, c := range r.Cookies() {
		if !strings.HasPrefix(c.Name, m.name+"-try-") {
			continue
		}
		a, err := m.openAttempt(c.Value)
		if err != nil {
			m.setCookie(w, c.Name, "", -1)
			continue
		}
		open = append(open, found{c.Name, a.Began})
	}
	slices.SortFunc(open, func(a, b found) int { return b.began.Compare(a.began) })
	for i := maxAttempts - 1; i < len(open); i++ {
		m.setCookie(w, open[i].name, "", -1)
	}
}

// openAttempt opens the cookie of an attempt that is not over.
func (m *Middleware) openAttempt(sealed string) (*attempt, error) {
	a := &attempt{}
	if err := m.open("attempt", sealed, a); err != nil {
		return nil, errAttempt
	}
	if age := m.options.Clock().Sub(a.Began); age >= attemptLife || age < -time.Minute {
		return nil, errAttempt
	}
	return a, nil
}

// useUp returns the attempt that a callback answers, and deletes its cookie.
func (m *Middleware) useUp(w http.ResponseWriter, r *http.Request, state string) (*attempt, error) {
	if len(state) != stateLength || strings.Trim(state, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		return nil, errAttempt
	}
	c, err := r.Cookie(m.attemptName(state))
	if err != nil {
		return nil, errAttempt
	}
	m.setCookie(w, c.Name, "", -1)
	a, err := m.openAttempt(c.Value)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare([]byte(a.State), []byte(state)) != 1 {
		return nil, errAttempt
	}
	return a, nil
}

// seal encrypts a value for this program and a purpose.
func (m *Middleware) seal(purpose string, v any) (string, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	if len(plain) > maxPlain {
		return "", ErrTooLarge
	}
	return m.boxes.Seal(plain, []byte(purpose+"\x00"+m.bind)), nil
}

// maxPlain is what a box takes.
const maxPlain = 32 << 10

// open decrypts what seal has made.
func (m *Middleware) open(purpose, sealed string, v any) error {
	plain, err := m.boxes.Open(sealed, []byte(purpose+"\x00"+m.bind))
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, v)
}

// setCookie sets a cookie, or deletes it if life is negative. A life of 0 means until the browser
// is closed.
func (m *Middleware) setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	seconds := int(life / time.Second)
	if life < 0 {
		seconds = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, Secure: m.secure, SameSite: http.SameSiteLaxMode,
	})
}
