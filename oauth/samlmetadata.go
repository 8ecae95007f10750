package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth/federation"
	"github.com/cognate-id/cognate/oauth/federation/fetch"
	"github.com/cognate-id/cognate/oauth/federation/saml"
)

// metadataLife is how long metadata from a URL is used. After that it is read again, and before if it says so itself. What could not be read is not
// tried again for a minute: metadata that is held is used meanwhile, until the time that it names, and without any, sign-ins fail. So strangers who
// ask for sign-ins do not make the server call a provider for each of them.
const (
	metadataLife  = 6 * time.Hour
	metadataPause = time.Minute
)

// metadataOf is the metadata of SAML providers that were used before, at most maxRemembered.
type metadataOf struct {
	memory[heldMetadata]
	reading singleflight.Group // by provider and settings: those who come meanwhile wait for the one who reads
}

type heldMetadata struct {
	document *saml.Metadata // nil if there is none
	err      error          // of the last read
	next     time.Time      // when it is read again
}

// usable reports whether there is a document that has not expired.
func (h *heldMetadata) usable(now time.Time) bool {
	return h.document != nil && (h.document.ValidUntil.IsZero() || now.Before(h.document.ValidUntil))
}

// of returns the metadata of a provider.
func (all *metadataOf) of(ctx context.Context, f *fetch.Client, p *identity.Provider, now time.Time) (*saml.Metadata, error) {
	raw, err := json.Marshal(map[string]string{"url": p.Details["MetadataURL"], "file": p.Details["MetadataFile"]})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	if m, err, ok := all.remembered(p, sum, now); ok {
		return m, err
	}
	answer := all.reading.DoChan(memoryKey(p)+string(sum[:]), func() (any, error) {
		if m, err, ok := all.remembered(p, sum, now); ok { // who came first has read it
			return m, err
		}
		return all.read(context.WithoutCancel(ctx), f, p, sum, now)
	})
	select {
	case got := <-answer:
		m, _ := got.Val.(*saml.Metadata)
		return m, got.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// remembered returns what a provider's last read gave, if it is not time for another one.
func (all *metadataOf) remembered(p *identity.Provider, sum [sha256.Size]byte, now time.Time) (*saml.Metadata, error, bool) {
	held, ok := all.get(p, sum)
	switch {
	case !ok, !now.Before(held.next):
		return nil, nil, false
	case held.usable(now):
		return held.document, nil, true
	case held.err != nil:
		return nil, held.err, true
	}
	return nil, nil, false // it has expired, and was not tried again since
}

// read reads the metadata. The client of f bounds the time and the size.
func (all *metadataOf) read(ctx context.Context, f *fetch.Client, p *identity.Provider, sum [sha256.Size]byte, now time.Time) (*saml.Metadata, error) {
	m, err := federation.Metadata(ctx, f, &p.ProviderSettings, now)
	if err == nil {
		all.put(p, sum, heldMetadata{document: m, next: now.Add(metadataLife)})
		return m, nil
	}
	held, _ := all.get(p, sum)
	held.err, held.next = err, now.Add(metadataPause)
	all.put(p, sum, held)
	if held.usable(now) {
		return held.document, nil
	}
	return nil, err
}
