package oauth

import (
	"context"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth/federation/fetch"
	"github.com/cognate-id/cognate/oauth/federation/saml"
)

// BrowserName is the name of the cookie of a browser that is signed in to a pool.
var BrowserName = browserName

// CSRFOf is the token of the forms of a browser with a cookie that are about nobody.
func CSRFOf(secret string) string { return csrfOf(secret, "") }

// Metadata is the metadata of SAML providers that were used before.
type Metadata = metadataOf

// Of is of.
func (all *metadataOf) Of(ctx context.Context, f *fetch.Client, p *identity.Provider, now time.Time) (*saml.Metadata, error) {
	return all.of(ctx, f, p, now)
}
