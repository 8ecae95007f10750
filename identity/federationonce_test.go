package identity_test

import (
	"errors"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
)

// TestMessagesOfProvidersCountOnce: the second time nothing changes, whatever the first time came to.
func TestMessagesOfProvidersCountOnce(t *testing.T) {
	fd := newFederated(t, identity.PoolSettings{}, oidcProvider("Acme", mapsMail))
	sign := func(key, name string) error {
		return second(fd.app.FederatedSignIn(t.Context(), identity.FederatedIdentity{
			Provider: "Acme", Subject: "ann", Claims: map[string]any{"name": name}, ReplayKey: key, ReplayLife: 8 * time.Minute,
		}))
	}
	check(t, "the first time", sign("a", "Ann"))
	check(t, "another", sign("b", "Anne"))
	wantErr(t, "again", sign("a", "Ann"), identity.ErrSessionUsed)
	if name := fd.user(t, "acme_ann").Attributes["name"]; name != "Anne" {
		t.Errorf("a message that was used before has changed the name to %q", name)
	}
	check(t, "Disable", fd.pool.Admin().Users().Disable(t.Context(), "acme_ann"))
	wantErr(t, "disabled", sign("c", "Ann"), identity.ErrUserDisabled)
	check(t, "Enable", fd.pool.Admin().Users().Enable(t.Context(), "acme_ann"))
	wantErr(t, "again after a failure", sign("c", "Ann"), identity.ErrSessionUsed)
	fd.advance(7 * time.Minute)
	check(t, "Sweep", second(fd.Sweep(t.Context())))
	wantErr(t, "within its life", sign("a", "Ann"), identity.ErrSessionUsed)
	fd.advance(24 * time.Hour)
	check(t, "Sweep", second(fd.Sweep(t.Context())))
	check(t, "forgotten, so that the table does not grow", sign("a", "Ann"))
}

func TestMessageCountsOnceOfMany(t *testing.T) {
	fd := newFederated(t, identity.PoolSettings{}, oidcProvider("Acme", mapsMail))
	var all sync.WaitGroup
	var won atomic.Int32
	for range 50 {
		all.Go(func() {
			_, err := fd.app.FederatedSignIn(t.Context(), identity.FederatedIdentity{Provider: "Acme", Subject: "ann", ReplayKey: "a", ReplayLife: time.Minute})
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, identity.ErrSessionUsed):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("one message has signed in %d times", won.Load())
	}
}

func TestBoundsOfMessages(t *testing.T) {
	fd := newFederated(t, identity.PoolSettings{}, oidcProvider("Acme", mapsMail))
	for name, in := range map[string]identity.FederatedIdentity{
		"a long key":    {ReplayKey: strings.Repeat("k", 129), ReplayLife: time.Minute},
		"no key":        {ReplayLife: time.Minute},
		"no life":       {ReplayKey: "k"},
		"a past":        {ReplayKey: "k", ReplayLife: -1},
		"a long life":   {ReplayKey: "k", ReplayLife: time.Hour + 1},
		"long upstream": {Upstream: make([]byte, identity.MaxUpstream+1)},
	} {
		in.Provider, in.Subject = "Acme", "ann"
		wantErr(t, name, second(fd.app.FederatedSignIn(t.Context(), in)), identity.ErrInvalidParameter)
	}
	wantErr(t, "Get", second(fd.pool.Admin().Users().Get(t.Context(), "acme_ann")), identity.ErrUserNotFound)
}

// TestUpstream: what a sign-out at the provider needs is kept with the browser, sealed, and with nothing else.
func TestUpstream(t *testing.T) {
	fd := newFederated(t, identity.PoolSettings{}, oidcProvider("Acme", mapsMail))
	const secret = "the session at the provider"
	in := identity.FederatedIdentity{Provider: "Acme", Subject: "ann", Upstream: []byte(secret)}
	res, err := fd.app.Pages().FederatedSignIn(t.Context(), in)
	check(t, "FederatedSignIn", err)
	check(t, "tokens", second(fd.app.FederatedSignIn(t.Context(), in)))
	b, err := fd.app.Browser(t.Context(), res.Browser)
	check(t, "Browser", err)
	got, err := b.Upstream()
	if check(t, "Upstream", err); string(got) != secret {
		t.Errorf("upstream %q", got)
	}
	kept := 0
	for key, value := range contents(t, fd.store) {
		if strings.Contains(value, secret) {
			t.Errorf("%s has the session in clear text", key)
		}
		kept += strings.Count(value, `"upstream":`)
	}
	if kept != 1 {
		t.Errorf("%d sign-ins have something for a sign-out, want that of the browser alone", kept)
	}
	in.Upstream = nil
	res, err = fd.app.Pages().FederatedSignIn(t.Context(), in)
	check(t, "FederatedSignIn", err)
	b, err = fd.app.Browser(t.Context(), res.Browser)
	check(t, "Browser", err)
	if got, err := b.Upstream(); err != nil || got != nil {
		t.Errorf("%q, %v of a sign-in that has said nothing", got, err)
	}
}

var sealedUpstream = regexp.MustCompile(`"upstream":"([^"]*)"`)

// TestUpstreamOfAnotherBrowser: whoever writes into the store cannot give a browser what another one was sealed, of the same user or not.
func TestUpstreamOfAnotherBrowser(t *testing.T) {
	fd := newFederated(t, identity.PoolSettings{}, oidcProvider("Acme", mapsMail))
	var browsers []identity.Secret
	for _, subject := range []string{"ann", "ann", "bob"} {
		res, err := fd.app.Pages().FederatedSignIn(t.Context(), identity.FederatedIdentity{Provider: "Acme", Subject: subject, Upstream: []byte(subject)})
		check(t, "FederatedSignIn", err)
		browsers = append(browsers, res.Browser)
	}
	check(t, "Update", fd.store.Update(t.Context(), func(tx store.Tx) error {
		var keys, values []string
		for e, err := range tx.Scan("families", store.Range{}) {
			if err != nil {
				return err
			}
			keys, values = append(keys, e.Key), append(values, string(e.Value))
		}
		for i, key := range keys { // each has that of the next one: two of them are ann's
			next := sealedUpstream.FindString(values[(i+1)%len(values)])
			if err := tx.Put("families", key, []byte(sealedUpstream.ReplaceAllLiteralString(values[i], next))); err != nil {
				return err
			}
		}
		return nil
	}))
	for _, browser := range browsers {
		b, err := fd.app.Browser(t.Context(), browser)
		check(t, "Browser", err)
		got, err := b.Upstream()
		wantErr(t, "Upstream", err, identity.ErrSessionInvalid)
		if got != nil {
			t.Errorf("%q", got)
		}
	}
}
