package oauth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/cognate-id/cognate/identity"
)

// Cookies. By https each has the prefix __Host-, so that no other host can set it. The cookie of a
// browser that is signed in has the id of its pool in its name: on a host with several pools, a
// browser may be signed in to each of them.

const (
	deviceLife  = 90 * 24 * time.Hour // an account forgets its devices after that time, too
	csrfLife    = 12 * time.Hour
	tokenLength = 26 // of rand.Text: 130 bits
)

// cookieName is the full name of a cookie.
func (s *Server) cookieName(name string) string {
	if s.options.InsecureHTTP {
		return name
	}
	return "__Host-" + name
}

// browserName is the name of the cookie of a browser that is signed in to a pool.
func browserName(pool string) string {
	sum := sha256.Sum256([]byte(pool))
	return "cognito-" + hex.EncodeToString(sum[:8])
}

func (v *visit) cookie(name string) string {
	c, err := v.r.Cookie(v.server.cookieName(name))
	if err != nil {
		return ""
	}
	return c.Value
}

// setCookie sets a cookie, or deletes it if life is negative.
func (v *visit) setCookie(name, value string, life time.Duration) {
	seconds := int(life / time.Second)
	if life < 0 {
		seconds = -1
	}
	http.SetCookie(v.w, &http.Cookie{
		Name: v.server.cookieName(name), Value: value, Path: "/", MaxAge: seconds,
		HttpOnly: true, Secure: !v.server.options.InsecureHTTP, SameSite: http.SameSiteLaxMode,
	})
}

// browser returns the browser that is signed in to the pool of a client.
func (v *visit) browser(client *identity.AppClient) (*identity.Browser, error) {
	cookie := v.cookie(browserName(client.PoolID()))
	if cookie == "" {
		return nil, identity.ErrNotSignedIn
	}
	return client.Browser(v.ctx, identity.Secret(cookie))
}

// browserCookie is the cookie by which a browser is signed in to the pool of a request, or "".
func (v *visit) browserCookie(q *request) identity.Secret {
	return identity.Secret(v.cookie(browserName(q.client.PoolID())))
}

// device returns the random text by which an account knows the browser, or "".
func (v *visit) device() string {
	if d := v.cookie("device"); len(d) == tokenLength {
		return d
	}
	return ""
}

// knowDevice gives a browser that sends a form a text to be known by.
func (v *visit) knowDevice() {
	device := v.device()
	if device == "" {
		device = rand.Text()
	}
	v.setCookie("device", device, deviceLife)
}

// Forgery. A form has a token that is derived from a cookie of the browser. Another site can
// neither read the cookie nor set it. Where a form acts for the user who is signed in, the token is of that
// user too: a page that was shown to one user does nothing for the next one.

// csrfToken returns the token of the browser's forms, and gives the browser a cookie if it has none.
func (v *visit) csrfToken() string {
	secret := v.cookie("XSRF-TOKEN")
	if len(secret) != tokenLength {
		secret = rand.Text()
		v.setCookie("XSRF-TOKEN", secret, csrfLife)
	}
	return csrfOf(secret, v.about)
}

func csrfOf(secret, about string) string {
	sum := sha256.Sum256([]byte("form\x00" + secret + about))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// forged reports whether a form may come from another site.
func (v *visit) forged() bool {
	secret := v.cookie("XSRF-TOKEN")
	if v.server.origins.Check(v.r) != nil || len(secret) != tokenLength {
		return true
	}
	return subtle.ConstantTimeCompare([]byte(v.form["_csrf"]), []byte(csrfOf(secret, v.about))) != 1
}
