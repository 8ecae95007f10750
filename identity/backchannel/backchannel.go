// Package backchannel tells applications on their servers that a user has signed out, by OpenID
// Connect Back-Channel Logout 1.0.
//
//	s, err := backchannel.New(nil)
//	server := oauth.NewServer(engine, &oauth.Options{BackChannel: s.Send})
//
// The applications of a client are told at [identity.ClientSettings].BackChannelLogoutURI. Only public addresses are
// called, by https, without redirects. [Options].Allow names exceptions.
package backchannel

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/outbound"
)

// Options are the wiring of a [Sender]. The zero value and nil are good for applications on the Internet.
type Options struct {
	// Allow names hosts that may have an address which is not public, as host:port. http is for
	// the loopback address alone, and only for a host:port in it.
	Allow []string
}

// A Sender tells applications. It is safe for concurrent use.
type Sender struct{ client *outbound.Client }

// New returns a sender. It returns an error if an entry of Options.Allow is not host:port.
func New(o *Options) (*Sender, error) {
	if o == nil {
		o = &Options{}
	}
	c, err := outbound.New(&outbound.Options{Allow: o.Allow})
	if err != nil {
		return nil, fmt.Errorf("back-channel logout: %w", err)
	}
	return &Sender{c}, nil
}

// Send posts a logout token. It returns an error unless the answer is 200 or 204
// (Back-Channel Logout, section 2.8).
func (s *Sender) Send(ctx context.Context, uri string, token identity.Secret) error {
	body := url.Values{"logout_token": {string(token)}}.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, uri, bytes.NewReader([]byte(body)))
	if err != nil {
		return fmt.Errorf("back-channel logout: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a, err := s.client.Do(r)
	if err != nil {
		return fmt.Errorf("back-channel logout: %w", err)
	}
	if a.Status != http.StatusOK && a.Status != http.StatusNoContent {
		return fmt.Errorf("back-channel logout: the application answers %d", a.Status)
	}
	return nil
}
