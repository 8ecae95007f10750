package identity

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/token"
)

// Applications that are told of a sign-out (OpenID Connect Front-Channel and Back-Channel Logout). A
// browser knows its applications by their families, whose parent it is. The claim sid of their ID
// tokens names the browser, and so do the calls that tell them.

// logoutLife is how long a logout token is good.
const logoutLife = 2 * time.Minute

// A Logout tells an application that the user of a browser has signed out.
type Logout struct {
	Client       string // the id of the app client
	FrontChannel string // the address of a frame for the browser; empty for none
	BackChannel  string // where Token is posted to; empty for none
	Token        Secret // a logout token, good for two minutes
}

// Logouts returns whom to tell when the user of the browser signs out: the applications that have got tokens
// through it, and whose clients have a FrontChannelLogoutURI or a BackChannelLogoutURI. Call it before
// [Browser.SignOut].
func (b *Browser) Logouts(ctx context.Context) ([]Logout, error) {
	s := b.scope
	var told []*ClientInfo
	err := s.engine.store.View(ctx, func(r store.Reader) error {
		var ids []string
		for f, err := range families.Scan(r, store.Prefix(s.pool.ID, b.User.Sub)) {
			if err != nil {
				return err
			}
			if f.Parent == b.family.ID && !slices.Contains(ids, f.Client) {
				ids = append(ids, f.Client)
			}
		}
		told = told[:0]
		for _, id := range ids {
			c, err := orNil(clients.Get(r, store.Key(id)))
			if err != nil {
				return err
			}
			if c != nil && c.Pool == s.pool.ID && c.Settings.ToldOfLogouts() {
				told = append(told, c)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("logouts: %w", err)
	}
	all := make([]Logout, len(told))
	for i, c := range told {
		if all[i], err = b.logout(ctx, c); err != nil {
			return nil, fmt.Errorf("logouts: %w", err)
		}
	}
	return all, nil
}

func (b *Browser) logout(ctx context.Context, client *ClientInfo) (Logout, error) {
	s := b.scope
	iss, sid := s.engine.Issuer(ctx, s.pool), sessionID(browserSession, b.family.ID)
	l := Logout{Client: client.ID, FrontChannel: pick(client.Settings.FrontChannelLogoutURI, nil, ""), BackChannel: pick(client.Settings.BackChannelLogoutURI, nil, "")}
	if l.FrontChannel != "" {
		u, err := url.Parse(l.FrontChannel)
		if err != nil {
			return l, err
		}
		q := u.Query()
		q.Set("iss", iss)
		q.Set("sid", sid)
		u.RawQuery = q.Encode()
		l.FrontChannel = u.String()
	}
	if l.BackChannel == "" {
		return l, nil
	}
	jti, err := s.engine.uuid()
	if err != nil {
		return l, err
	}
	now, c := s.engine.now(), newClaims(token.UseID, 0)
	c.str("iss", iss)
	c.str("sub", b.User.Sub)
	c.str("aud", client.ID)
	c.num("iat", now.Unix())
	c.num("exp", now.Add(logoutLife).Unix())
	c.str("jti", jti)
	c.list = append(c.list, claim{name: "events", kind: claimRaw, text: `{"http://schemas.openid.net/event/backchannel-logout":{}}`})
	c.str("sid", sid)
	payload, err := c.encode()
	if err != nil {
		return l, err
	}
	raw, err := s.ring.signer(string(token.UseID), now).SignAs("logout+jwt", payload)
	l.Token = Secret(raw)
	return l, err
}
