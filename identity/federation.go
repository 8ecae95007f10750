package identity

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/store"
)

// A sign-in by an identity provider. The authorization server has verified the provider's answer, and tells the engine what it says:
//
//  1. federation.read reads in one snapshot the provider, and the user whom the answer names: by the subject, or by a link
//     (identities.go). The client must name the provider.
//     A message that may count only once is used up (federationonce.go).
//  2. The hook InboundFederation may change what the provider has said. mapClaims makes the user's attributes of it (federatedattributes.go).
//  3. For somebody new, federation.join looks whether they are to be linked to a user who is there (linking.go). If not, federation.register runs the hook PreSignUp, looks again whether the hook has linked somebody, writes the profile in a
//     transaction of its own, and runs PostConfirmation. A refusal of PostConfirmation leaves the profile.
//     For somebody known, federation.renew runs PreAuthentication and writes the attributes that have changed.
//  4. federation.finish writes the sign-in. Its transaction reads user, provider and link again. PostAuthentication runs before, but not
//     for somebody new.
//
// The pool asks for no factor of its own: that is the provider's affair.

// A FederatedIdentity is what an identity provider has said of somebody, verified.
type FederatedIdentity struct {
	// Provider is the name of the provider in the pool.
	Provider string
	// Subject is who it is there, exactly as the provider writes it: sub, id, user_id or NameID.
	Subject string
	// Claims are what the provider says, by its own names. Values are strings, booleans, numbers, lists or objects, as
	// encoding/json decodes them. The claims of an ID token win over those of user info.
	Claims map[string]any
	// AMR is how the person has signed in there, if the provider says so. Tokens tell it, and it raises no level.
	AMR []string
	// ACR is the authentication context that the provider tells, if it does. See AcrMapping of [ProviderSettings].
	ACR string
	// TokenResponse, IDToken, UserInfo and SAMLResponse are for the hook InboundFederation: from where Claims come. If all are
	// nil, the hook gets the claims as those of user info, or of the assertion.
	TokenResponse, IDToken, UserInfo, SAMLResponse map[string]json.RawMessage
	// ReplayKey stands for the message that says all this, if the message may count only once: at most 128 bytes. Empty for an answer that
	// nobody can bring twice, such as one for a code.
	ReplayKey string
	// ReplayLife is for how long the pool remembers ReplayKey: at most an hour, and needed with it.
	ReplayLife time.Duration
	// Upstream is what a sign-out at the provider will need, at most [MaxUpstream] bytes. It is kept encrypted with the browser, see
	// [Browser.Upstream], and not kept for tokens. Nil for nothing.
	Upstream []byte
	// Tokens are the provider's, to be kept where the policy of the provider says so, see [ProviderPolicy]. Nil for none.
	Tokens *ProviderTokens
	// Separate makes a user of their own of somebody who is new, where the pool would ask to link or would link, see [LinkRequiredError].
	Separate bool
}

// sources is where the claims come from. If nobody has said, all come from user info, or from the assertion.
func (in *FederatedIdentity) sources(t ProviderType) (tokens, id, info, assertion map[string]json.RawMessage) {
	if len(in.TokenResponse)+len(in.IDToken)+len(in.UserInfo)+len(in.SAMLResponse) > 0 {
		return in.TokenResponse, in.IDToken, in.UserInfo, in.SAMLResponse
	}
	all := map[string]json.RawMessage{}
	for name, value := range in.Claims {
		if text, err := json.Marshal(value); err == nil {
			all[name] = text
		}
	}
	if t == ProviderSAML {
		return nil, nil, nil, all
	}
	return nil, nil, all, nil
}

// FederatedSignIn signs somebody in by an identity provider of the client. The first time it makes a user, whose username is the
// name of the provider, an underscore and the subject; after that it writes what the provider says by now. Somebody who is linked to a user signs in as that user.
//
// On [AppClient.Pages] the result is a browser, and otherwise tokens. Errors are, beside those of hooks,
//
//   - [ErrProviderNotFound] if the client does not have the provider,
//   - [ErrProviderSubject] for a subject that can be no username, [ErrProviderAmbiguous] if links name two users, and [ErrUsernameExists]
//     if a user of another subject has the name,
//   - [ErrInvalidAttributes] if a required attribute is missing or a value is not of its type, [ErrAttributeImmutable] if an
//     attribute would change that must not, and [ErrAliasExists] if a linked user would get the address of another,
//   - [ErrUserDisabled], [ErrUserNotConfirmed] and [ErrProviderDisabled],
//   - [ErrSessionUsed] if the message with the ReplayKey has counted before. It is used up even if the sign-in fails.
//   - a [*LinkRequiredError] in pools that ask before they link, see Linking of [PoolSettings].
//
// Whoever calls it must have verified the answer of the provider: the engine believes every word.
func (a *AppClient) FederatedSignIn(ctx context.Context, in FederatedIdentity) (*SignInResult, error) {
	res, err := a.federatedSignIn(ctx, &in)
	if err != nil {
		return nil, fmt.Errorf("sign in by %s: %w", in.Provider, err)
	}
	return res, nil
}

// federation is one sign-in by an identity provider.
type federation struct {
	scope    *scope
	in       *FederatedIdentity
	provider *providerRecord
	claims   map[string]any    // after the hook
	values   map[string]string // of attributes; an empty one deletes
	user     *User             // nil for somebody new
	now      time.Time
}

func (a *AppClient) federatedSignIn(ctx context.Context, in *FederatedIdentity) (*SignInResult, error) {
	fd := &federation{in: in, claims: in.Claims}
	s, err := a.loadWith(ctx, func(r store.Reader, s *scope) error {
		fd.scope = s
		return fd.read(r)
	})
	if err != nil {
		return nil, err
	}
	fd.now = s.engine.now()
	if err := fd.ready(); err != nil {
		return nil, err
	}
	if err := fd.useUp(ctx); err != nil {
		return nil, err
	}
	if err := fd.inbound(ctx); err != nil {
		return nil, err
	}
	if err := fd.mapClaims(); err != nil {
		return nil, err
	}
	if err := fd.look(ctx); err != nil { // the hook may have changed what a link compares
		return nil, err
	}
	if fd.user == nil {
		if err := fd.join(ctx); err != nil {
			return nil, err
		}
	}
	if fd.user == nil {
		err = fd.register(ctx)
	} else {
		err = fd.renew(ctx)
	}
	if err != nil {
		return nil, err
	}
	return fd.finish(ctx)
}

// read reads the provider, and the user whom the answer names.
func (fd *federation) read(r store.Reader) (err error) {
	if !fd.scope.hasProvider(fd.in.Provider) {
		return &NotFoundError{ErrProviderNotFound, fd.in.Provider}
	}
	if fd.provider, err = providerOf(r, fd.scope.pool.ID, fd.in.Provider); err != nil {
		return err
	}
	if fd.in.Subject == "" || strings.ContainsRune(fd.in.Subject, 0) {
		return ErrProviderSubject
	}
	fd.user, err = fd.find(r)
	return err
}

// look reads the user again.
func (fd *federation) look(ctx context.Context) error {
	return fd.scope.engine.store.View(ctx, func(r store.Reader) (err error) {
		fd.user, err = fd.find(r)
		return err
	})
}

// find finds the user whom the answer names: by the subject, or else by links that compare an attribute. It returns [ErrProviderAmbiguous] if links name two users.
func (fd *federation) find(r store.Reader) (*User, error) {
	find := func(attribute, value string) (*User, error) {
		u, err := orNil(users.Find(r, usersByIdentity, identityKey(fd.scope.pool.ID, fd.in.Provider, attribute, value)))
		if err != nil || u == nil || u.identity(fd.in.Provider, attribute, value) == nil { // an index may have a digest
			return nil, err
		}
		return u, nil
	}
	u, err := find(subjectAttribute, fd.in.Subject)
	if err != nil || u != nil {
		return u, err
	}
	compared := fd.compared()
	for _, attribute := range sortedKeys(compared) {
		other, err := find(attribute, compared[attribute])
		switch {
		case err != nil:
			return nil, err
		case u == nil:
			u = other
		case other != nil && other.Sub != u.Sub:
			return nil, ErrProviderAmbiguous
		}
	}
	return u, nil
}

// identityOf returns the identity of a user that this sign-in is by, or nil.
func (fd *federation) identityOf(u *User) *Identity {
	if id := u.identity(fd.in.Provider, subjectAttribute, fd.in.Subject); id != nil {
		return id
	}
	for attribute, value := range fd.compared() {
		if id := u.identity(fd.in.Provider, attribute, value); id != nil {
			return id
		}
	}
	return nil
}

// ready checks the triggers of both orders: which of them runs is known only after the first.
func (fd *federation) ready() error {
	return fd.scope.points().callable(append([]Trigger{InboundFederation, PreSignUp, PostConfirmation, PreAuthentication}, tokenTriggers...)...)
}

// inbound runs the hook that may change what the provider has said.
func (fd *federation) inbound(ctx context.Context) error {
	d, err := fd.scope.points().inboundFederation(ctx, fd)
	if err != nil || len(d.Attributes) == 0 {
		return err
	}
	fd.claims = map[string]any{}
	for name, value := range d.Attributes {
		fd.claims[name] = value
	}
	return nil
}

// username is the username of the profile that the first sign-in makes.
func (fd *federation) username() (string, error) {
	name := fd.in.Provider + "_" + fd.in.Subject
	if !fd.scope.settings.DistinguishesCase() {
		name = strings.ToLower(name)
	}
	if !usernameForm(name) {
		return "", ErrProviderSubject
	}
	return name, nil
}

// profile makes the user of a first sign-in.
func (fd *federation) profile() (*User, error) {
	s := fd.scope
	name, err := fd.username()
	if err != nil {
		return nil, err
	}
	sub, err := s.engine.uuid()
	if err != nil {
		return nil, err
	}
	u := &User{Pool: s.pool.ID, Sub: sub, Username: name, Status: StatusExternalProvider, Created: fd.now, Modified: fd.now, Attributes: map[string]string{}}
	for name, value := range fd.values {
		u.set(name, value)
	}
	if err := checkNew(s.settings, u.Attributes); err != nil {
		return nil, err
	}
	return u, nil
}

// register makes the user of a first sign-in. If the hook before it, or another call, has linked or made the user meanwhile, it goes on with that user.
func (fd *federation) register(ctx context.Context) error {
	s := fd.scope
	u, err := fd.profile()
	if err != nil {
		return err
	}
	if _, err := s.points().preSignUp(ctx, hook.SignUpByProvider, u); err != nil {
		return err
	}
	if err := fd.look(ctx); err != nil {
		return err
	}
	if fd.user != nil {
		return fd.renew(ctx)
	}
	u.Identities = []Identity{{
		Provider: fd.in.Provider, Type: fd.provider.Type, Subject: fd.in.Subject, Issuer: fd.provider.EntityID, Primary: true, Created: fd.now,
	}}
	u.rename(s.settings)
	taken, err := s.engine.takeSeat(ctx, s.pool, fd.now)
	if err != nil {
		return err
	}
	made := false
	defer func() { taken.leave(made, made, fd.now) }()
	if made, err = fd.insert(ctx, u); err != nil {
		return err
	}
	if !made {
		return fd.renew(ctx)
	}
	s.newcomer = true
	return s.points().postConfirmation(ctx, hook.ConfirmSignUp, fd.user)
}

// insert writes the profile of a first sign-in. It returns false if another call has written it.
func (fd *federation) insert(ctx context.Context, u *User) (bool, error) {
	s := fd.scope
	ev, err := s.proved(ctx, u.Sub, EventProfileCreated, fd.now)
	if err != nil {
		return false, err
	}
	group, err := s.engine.providerGroup(s.pool.ID, fd.in.Provider, fd.now)
	if err != nil {
		return false, err
	}
	var kept *User
	err = s.engine.store.Update(ctx, func(tx store.Tx) error {
		if err := s.stillThere(tx); err != nil {
			return err
		}
		if _, err := providerOf(tx, s.pool.ID, fd.in.Provider); err != nil {
			return err
		}
		in, err := groupOnce(tx, group)
		if err != nil {
			return err
		}
		kept = u.clone()
		kept.Groups = []string{in.ID}
		return s.engine.insertUser(tx, s.pool, kept, nil, nil, ev.with(dataProvider, fd.in.Provider))
	})
	if errors.Is(err, store.ErrExists) {
		if err := fd.look(ctx); err != nil || fd.user != nil {
			return false, err
		}
		return false, &NameTakenError{Err: ErrUsernameExists}
	}
	fd.user = kept
	return err == nil, err
}

// renew writes what the provider says by now of a user who is known.
func (fd *federation) renew(ctx context.Context) error {
	s := fd.scope
	if err := fd.admits(fd.user); err != nil {
		return err
	}
	if err := s.points().preAuthentication(ctx, fd.user, fd.user.Username); err != nil {
		return err
	}
	by := s.originOf(fd.user, fd.now)
	by.data = map[string]string{dataProvider: fd.in.Provider, dataChanged: strings.Join(sortedKeys(fd.values), ",")}
	kept, err := s.engine.changeUser(ctx, by, EventAttributesChanged, fd.apply)
	if err != nil {
		return err
	}
	fd.user = kept
	return nil
}

// admits says why a user may not sign in by the provider.
func (fd *federation) admits(u *User) error {
	if u == nil {
		return ErrUserNotFound
	}
	switch id := fd.identityOf(u); {
	case id == nil: // the link was removed meanwhile
		return ErrProviderDisabled
	case id.Disabled:
		return ErrProviderDisabled
	}
	return u.mayBegin()
}

// finish writes the sign-in, and gives the browser or the tokens.
func (fd *federation) finish(ctx context.Context) (*SignInResult, error) {
	s := fd.scope
	s.untracked = true
	f, err := s.newFamily(fd.user.Sub, fd.now)
	if err != nil {
		return nil, err
	}
	f.Provider, f.Level = fd.in.Provider, fd.provider.LevelFor(fd.in.ACR)
	f.Upstream = s.sealUpstream(f, fd.in.Upstream)
	ev, err := s.proved(ctx, fd.user.Sub, EventSignedIn, fd.now)
	if err != nil {
		return nil, err
	}
	ev = ev.with(dataProvider, fd.in.Provider)
	if err := s.beforeTokens(ctx, hook.TokensOfPages, f, func(tx store.Tx) (*outcome, error) { return fd.decide(tx) }); err != nil {
		return nil, err
	}
	var o *outcome
	err = s.engine.store.Update(ctx, func(tx store.Tx) (err error) {
		if o, err = fd.decide(tx); err != nil || o.refused != nil {
			return err
		}
		return cmp.Or(s.insertFamily(tx, f, o.user, fd.now), fd.keepTokens(tx, o.user), events.Insert(tx, ev))
	})
	switch {
	case err != nil:
		return nil, err
	case o.refused != nil:
		return nil, o.refused
	}
	return s.proceed(ctx, o, o.user.Username, f, fd.now)
}

// decide reads the user and the provider as they are now, and says what comes of the sign-in.
func (fd *federation) decide(tx store.Reader) (*outcome, error) {
	s := fd.scope
	if _, err := providerOf(tx, s.pool.ID, fd.in.Provider); err != nil {
		return nil, err
	}
	u, err := orNil(users.Get(tx, store.Key(s.pool.ID, fd.user.Sub)))
	if err != nil {
		return nil, err
	}
	o := &outcome{user: u, proved: []proof{{Kind: provedProvider, Provider: fd.in.Provider, AMR: fd.in.AMR}}}
	if o.refused = fd.admits(u); o.refused == nil {
		err = o.decide(tx, s)
	}
	if err != nil || o.refused != nil {
		return o, err
	}
	if o.step != stepDone {
		return nil, fmt.Errorf("%w: the step %d after an identity provider", errUnhandled, o.step)
	}
	return o, nil
}
