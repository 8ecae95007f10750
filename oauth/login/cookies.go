package login

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
)

// Without a store, the tokens are sealed into one text, which is cut into pieces for several
// cookies. The first cookie begins with how many there are. The text opens only as a whole, so
// pieces of two sign-ins do not fit together.

const (
	maxPiece  = 3800 // browsers keep cookies of 4096 bytes, name included
	maxPieces = 4
)

// A cookieKeeper keeps tokens in cookies.
type cookieKeeper struct{ m *Middleware }

// digest names what is secret.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// pieceName is the name of the cookie of a piece.
func (c *cookieKeeper) pieceName(i int) string {
	if i == 0 {
		return c.m.name
	}
	return c.m.name + "-" + strconv.Itoa(i)
}

// pieces cuts a sealed text.
func pieces(sealed string) ([]string, error) {
	n := (len(sealed) + 2 + maxPiece - 1) / maxPiece
	if n > maxPieces {
		return nil, ErrTooLarge
	}
	rest := strconv.Itoa(n) + "." + sealed
	var out []string
	for range n {
		cut := min(maxPiece, len(rest))
		out = append(out, rest[:cut])
		rest = rest[cut:]
	}
	return out, nil
}

// text joins the pieces that a request has.
func (c *cookieKeeper) text(r *http.Request) (string, error) {
	head, err := r.Cookie(c.pieceName(0))
	if err != nil {
		return "", ErrSignedOut
	}
	count, rest, ok := strings.Cut(head.Value, ".")
	n, err := strconv.Atoi(count)
	if !ok || err != nil || n < 1 || n > maxPieces || len(head.Value) > maxPiece {
		return "", ErrSignedOut
	}
	text := rest
	for i := 1; i < n; i++ {
		next, err := r.Cookie(c.pieceName(i))
		if err != nil || len(next.Value) > maxPiece {
			return "", ErrSignedOut
		}
		text += next.Value
	}
	return text, nil
}

// peek returns what the cookies of a request have, however old they are.
func (c *cookieKeeper) peek(r *http.Request) (*kept, error) {
	sealed, err := c.text(r)
	if err != nil {
		return nil, err
	}
	k := &kept{cookie: sealed}
	if err := c.m.open("session", sealed, &k.signedIn); err != nil {
		return nil, ErrSignedOut
	}
	return k, nil
}

func (c *cookieKeeper) load(r *http.Request) (*kept, error) {
	k, err := c.peek(r)
	if err != nil {
		return nil, err
	}
	if !c.m.lives(&k.signedIn) {
		return nil, ErrSignedOut
	}
	return k, nil
}

// pack seals a sign-in, and makes sure that it fits.
func (c *cookieKeeper) pack(s *signedIn) (*kept, error) {
	sealed, err := c.m.seal("session", s)
	if err != nil {
		return nil, err
	}
	if _, err := pieces(sealed); err != nil {
		return nil, err
	}
	return &kept{signedIn: *s, cookie: sealed}, nil
}

// write sets the cookies of a sign-in, and deletes pieces that the browser has from a longer one.
func (c *cookieKeeper) write(w http.ResponseWriter, r *http.Request, k *kept) error {
	all, err := pieces(k.cookie)
	if err != nil {
		return err
	}
	for i, piece := range all {
		c.m.setCookie(w, c.pieceName(i), piece, 0)
	}
	c.remove(w, r, len(all))
	return nil
}

// remove deletes the pieces that the browser has, from one on.
func (c *cookieKeeper) remove(w http.ResponseWriter, r *http.Request, from int) {
	for i := from; i < maxPieces; i++ {
		if _, err := r.Cookie(c.pieceName(i)); err == nil {
			c.m.setCookie(w, c.pieceName(i), "", -1)
		}
	}
}

func (c *cookieKeeper) begin(w http.ResponseWriter, r *http.Request, s *signedIn) (*signedIn, error) {
	k, err := c.pack(s)
	if err != nil {
		return nil, err
	}
	former, err := c.peek(r)
	if err := c.write(w, r, k); err != nil {
		return nil, err
	}
	if err != nil {
		return nil, nil //nolint:nilerr // there was no sign-in before
	}
	return &former.signedIn, nil
}

// touch gives all requests that have one cookie the same new one, so that pieces of two do not mix.
func (c *cookieKeeper) touch(w http.ResponseWriter, r *http.Request, k *kept) error {
	next, err := c.m.flights.do(r.Context(), "touch\x00"+digest(k.cookie), func(context.Context) (*kept, error) {
		s := k.signedIn
		s.Seen = c.m.options.Clock()
		return c.pack(&s)
	})
	if err != nil {
		return err
	}
	return c.write(w, r, next)
}

func (c *cookieKeeper) renew(w http.ResponseWriter, r *http.Request, k *kept) (*kept, error) {
	next, err := c.m.flights.do(r.Context(), "refresh\x00"+digest(k.Refresh), func(ctx context.Context) (*kept, error) {
		s, err := c.m.refresh(ctx, &k.signedIn)
		if err != nil {
			return nil, err
		}
		return c.pack(s)
	})
	if err != nil {
		return nil, err
	}
	return next, c.write(w, r, next)
}

func (c *cookieKeeper) end(w http.ResponseWriter, r *http.Request) (*signedIn, error) {
	k, err := c.peek(r)
	c.remove(w, r, 0)
	if err != nil {
		return nil, nil //nolint:nilerr // the browser was not signed in
	}
	return &k.signedIn, nil
}
