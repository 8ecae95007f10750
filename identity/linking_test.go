package identity_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// newLinking returns a pool with alice, who has a password, whose client has Acme and the pool itself.
func newLinking(t *testing.T, pool identity.PoolSettings, edit ...func(*identity.Options)) *federated {
	t.Helper()
	fd := newFederated(t, pool, oidcProvider("Acme", mapsMail), edit...)
	fd.app = fd.client(t, fd.pool, identity.ClientSettings{Providers: []string{"Acme", "COGNITO"}})
	fd.join(t, fd.pool, "alice", email)
	return fd
}

func asking() identity.PoolSettings { return identity.PoolSettings{Linking: identity.LinkingAsk} }

func trusting(domains ...string) identity.PoolSettings {
	return identity.PoolSettings{
		Linking: identity.LinkingAutomatic, ProviderPolicies: map[string]identity.ProviderPolicy{"Acme": {TrustedDomains: domains}},
	}
}

// required is the state of a sign-in that asks to link.
func (fd *federated) required(t *testing.T, subject string) *identity.LinkRequiredError {
	t.Helper()
	_, err := fd.in(t.Context(), subject, aliceThere)
	e, ok := errors.AsType[*identity.LinkRequiredError](err)
	if !ok || !errors.Is(err, identity.ErrLinkRequired) {
		t.Fatalf("the sign-in is not asked to link: %v", err)
	}
	return e
}

// TestLinkingByAddress: who is linked at once, who is asked, and who gets a user of their own.
func TestLinkingByAddress(t *testing.T) {
	const linked, asked, own = "linked", "asked", "own"
	upper := map[string]any{"email": "ALICE@Example.com", "email_verified": "true"}
	for name, tt := range few.Named(3, map[string]struct {
		pool   identity.PoolSettings
		claims map[string]any
		before func(*testing.T, *federated)
		want   string
	}{
		"off":                     {identity.PoolSettings{}, aliceThere, nil, own},
		"off, trusted":            {identity.PoolSettings{ProviderPolicies: trusting("example.com").ProviderPolicies}, aliceThere, nil, own},
		"ask":                     {asking(), aliceThere, nil, asked},
		"ask, another writing":    {asking(), upper, nil, asked},
		"ask, not verified there": {asking(), map[string]any{"email": email}, nil, own},
		"ask, false there":        {asking(), map[string]any{"email": email, "email_verified": false}, nil, own},
		"ask, yes there":          {asking(), map[string]any{"email": email, "email_verified": "yes"}, nil, own},
		"ask, another address":    {asking(), map[string]any{"email": "eve@example.com", "email_verified": true}, nil, own},
		"ask, not verified here": {asking(), aliceThere, func(t *testing.T, fd *federated) {
			check(t, "Update", fd.pool.Admin().Users().UpdateAttributes(t.Context(), "alice", map[string]string{"email_verified": "false"}))
		}, own},
		"ask, two have it": {asking(), aliceThere, func(t *testing.T, fd *federated) { fd.join(t, fd.pool, "bob", email) }, own},
		"ask, a client without the pool": {asking(), aliceThere, func(t *testing.T, fd *federated) {
			fd.app = fd.client(t, fd.pool, identity.ClientSettings{Providers: []string{"Acme"}})
		}, own},
		"automatic":                       {trusting("example.com"), aliceThere, nil, linked},
		"automatic, another writing":      {trusting("example.com"), upper, nil, linked},
		"automatic, another domain":       {trusting("example.org", "e.example.com", "le.com"), aliceThere, nil, asked},
		"automatic, nobody is trusted":    {identity.PoolSettings{Linking: identity.LinkingAutomatic}, aliceThere, nil, asked},
		"automatic, not verified there":   {trusting("example.com"), map[string]any{"email": email}, nil, own},
		"automatic, verified first":       {identity.PoolSettings{Linking: identity.LinkingAutomatic, ProviderPolicies: trusting("example.com").ProviderPolicies, AutoVerified: []string{"email"}, VerifyBeforeUpdate: []string{"email"}}, upper, nil, linked},
		"automatic, others are linked":    {trusting("example.com"), aliceThere, linkOther, asked},
		"automatic, others, also trusted": {bothTrusted(), aliceThere, linkOther, linked},
	}) {
		t.Run(name, func(t *testing.T) {
			fd := newLinking(t, tt.pool)
			if tt.before != nil {
				tt.before(t, fd)
			}
			alice := fd.user(t, "alice")
			for range 2 { // the first sign-in and the next one
				res, err := fd.in(t.Context(), "1", tt.claims)
				got := own
				switch {
				case errors.Is(err, identity.ErrLinkRequired):
					got = asked
				case err != nil:
					t.Fatal(err)
				case claimsOf(t, res.Tokens.ID)["sub"] == alice.Sub:
					got = linked
				}
				if got != tt.want {
					t.Errorf("%s, want %s", got, tt.want)
				}
			}
			if tt.want == asked && len(fd.user(t, "alice").Identities) != len(alice.Identities) {
				t.Error("a question links")
			}
		})
	}
}

// linkOther links somebody of the provider Other to alice.
func linkOther(t *testing.T, fd *federated) {
	t.Helper()
	check(t, "Create", second(fd.pool.Admin().Providers().Create(t.Context(), oidcProvider("Other", mapsMail))))
	check(t, "Link", fd.link(t, identity.ProviderUser{Provider: "Other", Value: "o"}))
}

func bothTrusted() identity.PoolSettings {
	s := trusting("example.com")
	s.ProviderPolicies["Other"] = identity.ProviderPolicy{TrustedDomains: []string{"example.com"}}
	return s
}

// TestLinkingWithUsersOfProviders: a user whom another provider has brought is asked for, and never linked at once to somebody else's provider.
func TestLinkingWithUsersOfProviders(t *testing.T) {
	fd := newFederated(t, trusting("example.com"), oidcProvider("Acme", mapsMail))
	check(t, "Create", second(fd.pool.Admin().Providers().Create(t.Context(), oidcProvider("Other", mapsMail))))
	fd.app = fd.client(t, fd.pool, identity.ClientSettings{Providers: []string{"Acme", "Other"}})
	res, err := fd.app.FederatedSignIn(t.Context(), identity.FederatedIdentity{Provider: "Other", Subject: "squatter", Claims: aliceThere})
	check(t, "FederatedSignIn", err)
	fd.advance(time.Second)
	e := fd.required(t, "1")
	if e.By != "Other" || e.Address != email || e.Provider != "Acme" {
		t.Errorf("%+v", e)
	}
	s, err := fd.pool.Session(t.Context(), res.Tokens.Access)
	check(t, "Session", err)
	wantErr(t, "a sign-in from before", second(s.AcceptLink(t.Context(), e.State)), identity.ErrRecentSignInRequired)
	fd.app = fd.client(t, fd.pool, identity.ClientSettings{Providers: []string{"Acme"}})
	check(t, "a client without Other", second(fd.in(t.Context(), "1", aliceThere)))
}

// TestAcceptLink: both ends are proved, within minutes, by one program, once.
func TestAcceptLink(t *testing.T) {
	fd := newLinking(t, asking())
	fd.join(t, fd.pool, "eve", "eve@example.com")
	old := fd.session(t, fd.app, "alice")
	fd.advance(time.Second)
	e := fd.required(t, "1")
	accept := func(s *identity.Session, state identity.Secret) error {
		return second(s.AcceptLink(t.Context(), state))
	}
	wantErr(t, "a sign-in from before", accept(old, e.State), identity.ErrRecentSignInRequired)
	s := fd.session(t, fd.app, "alice")
	wantErr(t, "another user", accept(fd.session(t, fd.app, "eve"), e.State), identity.ErrLinkUser)
	wantErr(t, "another client", accept(fd.session(t, fd.client(t, fd.pool, identity.ClientSettings{Providers: []string{"Acme", "COGNITO"}}), "alice"), e.State), identity.ErrSessionInvalid)
	wantErr(t, "made up", accept(s, "x"), identity.ErrSessionInvalid)
	name, err := s.AcceptLink(t.Context(), e.State)
	check(t, "AcceptLink", err)
	if name != "Acme" || fd.signedIn(t, "1", aliceThere) != fd.user(t, "alice").Sub {
		t.Errorf("%s is linked to somebody else", name)
	}
	check(t, "Unlink", s.Unlink(t.Context(), bySubject("1")))
	wantErr(t, "again", accept(s, e.State), identity.ErrSessionUsed)
	e = fd.required(t, "1")
	fd.advance(identity.LinkLife)
	wantErr(t, "late", accept(fd.session(t, fd.app, "alice"), e.State), identity.ErrSessionExpired)
	res, err := fd.app.FederatedSignIn(t.Context(), identity.FederatedIdentity{Provider: "Acme", Subject: "1", Claims: aliceThere, Separate: true})
	check(t, "a user of their own", err)
	if claimsOf(t, res.Tokens.ID)["sub"] == fd.user(t, "alice").Sub {
		t.Error("who wants a user of their own is alice")
	}
}

// TestSessionLinks: users link and unlink, and keep a way in.
func TestSessionLinks(t *testing.T) {
	fd := newLinking(t, identity.PoolSettings{})
	who := func(subject string) identity.FederatedIdentity {
		return identity.FederatedIdentity{Provider: "Acme", Subject: subject}
	}
	alice := fd.user(t, "alice")
	other := fd.signIn(t, fd.app, "alice")
	fd.advance(time.Second)
	s := fd.session(t, fd.app, "alice")
	check(t, "Link", s.Link(t.Context(), who("1")))
	wantErr(t, "again", s.Link(t.Context(), who("1")), identity.ErrAlreadyLinked)
	wantErr(t, "no subject", s.Link(t.Context(), who("")), identity.ErrProviderSubject)
	check(t, "Create", second(fd.pool.Admin().Providers().Create(t.Context(), oidcProvider("Other", mapsMail))))
	wantErr(t, "no provider of the client", s.Link(t.Context(), identity.FederatedIdentity{Provider: "Other", Subject: "1"}), identity.ErrProviderNotFound)
	if fd.signedIn(t, "1", nil) != alice.Sub {
		t.Error("the first sign-in of who is linked is not alice's")
	}
	check(t, "somebody else", second(fd.in(t.Context(), "2", nil)))
	wantErr(t, "somebody else's", s.Link(t.Context(), who("2")), identity.ErrLinkSourceExists)
	for _, subject := range []string{"3", "4", "5"} {
		check(t, "Link", s.Link(t.Context(), who(subject)))
	}
	once := who("6")
	once.ReplayKey, once.ReplayLife = "a message", time.Minute
	check(t, "Link by a message that counts once", s.Link(t.Context(), once))
	wantErr(t, "a sign-in by that message", second(fd.app.FederatedSignIn(t.Context(), once)), identity.ErrSessionUsed)
	wantErr(t, "a sixth", s.Link(t.Context(), who("7")), identity.ErrQuotaExceeded)

	check(t, "Unlink", s.Unlink(t.Context(), bySubject("1")))
	wantErr(t, "again", s.Unlink(t.Context(), bySubject("1")), identity.ErrUserNotFound)
	wantErr(t, "somebody else's", s.Unlink(t.Context(), bySubject("2")), identity.ErrUserNotFound)
	_, err := fd.pool.Session(t.Context(), other.Access)
	wantErr(t, "another sign-in", err, identity.ErrAccessTokenRevoked)
	if fd.signedIn(t, "1", nil) == alice.Sub {
		t.Error("who is linked no more is alice")
	}

	check(t, "no password", fd.unlink(t, identity.ProviderUser{Provider: "Cognito", Value: "alice"}))
	res, err := fd.in(t.Context(), "3", nil)
	check(t, "FederatedSignIn", err)
	s, err = fd.pool.Session(t.Context(), res.Tokens.Access)
	check(t, "Session", err)
	for _, subject := range []string{"4", "5", "6"} {
		check(t, "Unlink", s.Unlink(t.Context(), bySubject(subject)))
	}
	wantErr(t, "the last way in", s.Unlink(t.Context(), bySubject("3")), identity.ErrLastWayIn)
	check(t, "Link", s.Link(t.Context(), who("8")))
	check(t, "Delete", fd.pool.Admin().Providers().Delete(t.Context(), "Acme"))
	wantErr(t, "the provider is gone", s.Unlink(t.Context(), bySubject("3")), identity.ErrLastWayIn)

	fd = newLinking(t, identity.PoolSettings{})
	res, err = fd.in(t.Context(), "1", nil)
	check(t, "FederatedSignIn", err)
	s, err = fd.pool.Session(t.Context(), res.Tokens.Access)
	check(t, "Session", err)
	check(t, "a profile links", s.Link(t.Context(), who("2")))
	wantErr(t, "what the user was made with", s.Unlink(t.Context(), bySubject("1")), identity.ErrLastWayIn)
	check(t, "the other", s.Unlink(t.Context(), bySubject("2")))
}

// TestDisabledUsersAreNotLinked: neither at once nor by a session that is there still.
func TestDisabledUsersAreNotLinked(t *testing.T) {
	fd := newLinking(t, trusting("example.com"))
	s := fd.session(t, fd.app, "alice")
	fd.edit(t, fd.pool, "alice", func(u *identity.User) { u.Disabled = true })
	wantErr(t, "by the address", second(fd.in(t.Context(), "1", aliceThere)), identity.ErrUserDisabled)
	wantErr(t, "Link", s.Link(t.Context(), identity.FederatedIdentity{Provider: "Acme", Subject: "2"}), identity.ErrUserDisabled)
	if n := len(fd.user(t, "alice").Identities); n != 0 {
		t.Errorf("a disabled user is linked with %d", n)
	}
}

// A heldStore does something once, before its next transaction.
type heldStore struct {
	store.Store
	before func()
}

func (s *heldStore) Update(ctx context.Context, fn func(store.Tx) error) error {
	if before := s.before; before != nil {
		s.before = nil
		before()
	}
	return s.Store.Update(ctx, fn)
}

// TestLinkAtOnceLooksAgain: what makes a link safe must be so when it is written, and not only when it was looked at.
func TestLinkAtOnceLooksAgain(t *testing.T) {
	for name, meanwhile := range map[string]func(*testing.T, *federated){
		"the address is verified no more": func(t *testing.T, fd *federated) {
			fd.edit(t, fd.pool, "alice", func(u *identity.User) { u.Attributes["email_verified"] = "false" })
		},
		"somebody of a provider that is not trusted is linked": linkOther,
	} {
		t.Run(name, func(t *testing.T) {
			held := &heldStore{Store: memory.New()}
			fd := &federated{fixture: newEngineWith(t, held, func(*identity.Options) {})}
			fd.pool = fd.open(t, trusting("example.com"))
			check(t, "Create", second(fd.pool.Admin().Providers().Create(t.Context(), oidcProvider("Acme", mapsMail))))
			fd.app = fd.client(t, fd.pool, identity.ClientSettings{Providers: []string{"Acme", "COGNITO"}})
			fd.join(t, fd.pool, "alice", email)
			held.before = func() { meanwhile(t, fd) }
			_, err := fd.in(t.Context(), "1", aliceThere)
			if held.before != nil || err == nil {
				t.Errorf("signed in, by no transaction or in spite of it: %v", err)
			}
			for _, id := range fd.user(t, "alice").Identities {
				if id.Provider == "Acme" {
					t.Error("alice is linked")
				}
			}
		})
	}
}

// TestWaysIn: what a user could not sign in by is no way in.
func TestWaysIn(t *testing.T) {
	noPassword := func(t *testing.T, fd *federated) {
		t.Helper()
		check(t, "Link", fd.link(t, bySubject("2")))
		check(t, "no password", fd.unlink(t, identity.ProviderUser{Provider: "Cognito", Value: "alice"}))
	}
	for name, tt := range map[string]struct {
		pool   identity.PoolSettings
		before func(*testing.T, *federated)
	}{
		"the provider was turned off": {identity.PoolSettings{}, func(t *testing.T, fd *federated) {
			res, err := fd.in(t.Context(), "1", nil)
			check(t, "FederatedSignIn", err)
			s, err := fd.pool.Session(t.Context(), res.Tokens.Access)
			check(t, "Session", err)
			check(t, "Link", s.Link(t.Context(), identity.FederatedIdentity{Provider: "Acme", Subject: "2"}))
			check(t, "Unlink", fd.unlink(t, bySubject("1")))
			fd.advance(time.Second)
		}},
		"a link that nobody has signed in by": {identity.PoolSettings{}, func(t *testing.T, fd *federated) {
			check(t, "Link", fd.link(t, identity.ProviderUser{Provider: "Acme", Attribute: "email", Value: "nobody@example.com"}))
			noPassword(t, fd)
		}},
		"codes, for a user of providers alone": {identity.PoolSettings{FirstFactors: []identity.FirstFactor{identity.FirstPassword, identity.FirstEmailOTP}}, noPassword},
		"a user of the pool without a password": {identity.PoolSettings{}, func(t *testing.T, fd *federated) {
			noPassword(t, fd)
			fd.edit(t, fd.pool, "alice", func(u *identity.User) { u.Status = identity.StatusConfirmed })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			fd := newLinking(t, tt.pool)
			tt.before(t, fd)
			res, err := fd.in(t.Context(), "2", aliceThere)
			check(t, "FederatedSignIn", err)
			s, err := fd.pool.Session(t.Context(), res.Tokens.Access)
			check(t, "Session", err)
			wantErr(t, "Unlink", s.Unlink(t.Context(), bySubject("2")), identity.ErrLastWayIn)
			check(t, "and nothing has changed", second(fd.in(t.Context(), "2", aliceThere)))
		})
	}
}

// TestOwnersHearOfLinks: each link and unlink is told to the verified address, whoever makes it.
func TestOwnersHearOfLinks(t *testing.T) {
	fd := newLinking(t, trusting("example.com"))
	heard := func() (kinds []identity.MessageKind) {
		for _, m := range fd.outbox.Messages(nil) {
			if m.Kind == identity.MessageIdentityLinked || m.Kind == identity.MessageIdentityUnlinked {
				if m.To != email {
					t.Errorf("a message goes to %s", m.To)
				}
				kinds = append(kinds, m.Kind)
			}
		}
		return kinds
	}
	for i, act := range []func(context.Context, *identity.Session) error{
		func(ctx context.Context, _ *identity.Session) error { return second(fd.in(ctx, "1", aliceThere)) },
		func(ctx context.Context, s *identity.Session) error { return s.Unlink(ctx, bySubject("1")) },
		func(context.Context, *identity.Session) error { return fd.link(t, bySubject("2")) },
		func(context.Context, *identity.Session) error { return fd.unlink(t, bySubject("2")) },
		func(ctx context.Context, s *identity.Session) error {
			return s.Link(ctx, identity.FederatedIdentity{Provider: "Acme", Subject: "3"})
		},
	} {
		check(t, "act", act(t.Context(), fd.session(t, fd.app, "alice")))
		if got := heard(); len(got) != i+1 {
			t.Errorf("after %d acts the owner has heard %v", i+1, got)
		}
	}
}
