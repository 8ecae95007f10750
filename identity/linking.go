package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/identity/settings"
	"github.com/cognate-id/cognate/store"
)

// Linking by an address: somebody signs in by a provider for the first time, and a user of the pool has the same verified e-mail address. The setting
// Linking of the pool says what comes of it (federation.join):
//
//   - off: a user of their own, as with the service.
//   - ask: [LinkRequiredError], which has a sealed state. The person signs in to the user who is there, and [Session.AcceptLink] links
//     them. So both were proved within minutes, by one program: the address alone links nobody.
//   - automatic: they are linked at once, if the provider is trusted for the domain of the address. Whoever else can sign in as the user
//     must be somebody whom such a provider vouches for: otherwise somebody could make a user with the address of another, and wait.
//
// Only an address counts that the provider says is verified, by a claim that is mapped to the flag.

// How pools link, see Linking of [PoolSettings].
const (
	LinkingOff       = settings.LinkingOff
	LinkingAsk       = settings.LinkingAsk
	LinkingAutomatic = settings.LinkingAutomatic
)

var (
	// ErrLinkRequired is returned by a sign-in by a provider in pools that ask before they link. It is a [*LinkRequiredError].
	ErrLinkRequired = errors.New("identity: a user has the address that the identity provider vouches for")
	// ErrLinkUser is returned for a link to another user than the one who is signed in.
	ErrLinkUser = errors.New("identity: the link is to another user")
	// ErrLastWayIn is returned for the removal of the only way in which a user can sign in.
	ErrLastWayIn = errors.New("identity: the user has no other way to sign in")
)

// A LinkRequiredError says that a user of the pool has the verified address of somebody who has just signed in by a provider for
// the first time. Let the person sign in to that user, and give State to [Session.AcceptLink]. Or repeat the sign-in with
// Separate of [FederatedIdentity], which makes a user of their own. It is [ErrLinkRequired].
type LinkRequiredError struct {
	// State goes to [Session.AcceptLink]. It is good for [LinkLife], once. Keep it where only the browser or the program of this person
	// has it: whoever signs in with it links the person to their user.
	State Secret
	// Provider is the name of the provider.
	Provider string
	// Address is the e-mail address that the provider vouches for.
	Address string
	// By is the provider by which the user who is there signs in, or "" if the user is one of the pool itself.
	By string
}

func (e *LinkRequiredError) Error() string { return fmt.Sprintf("%v: %s", ErrLinkRequired, e.Provider) }

func (e *LinkRequiredError) Unwrap() error { return ErrLinkRequired }

// LinkLife is how long the state of a [LinkRequiredError] is good.
const LinkLife = 15 * time.Minute

const stateLink = "link"

// linkState is the content of the state of a [LinkRequiredError].
type linkState struct {
	ID       string    `json:"i"`
	Begun    time.Time `json:"b"`
	Expires  time.Time `json:"e"`
	Sub      string    `json:"u"` // of the user who has the address
	Provider string    `json:"p"`
	Subject  string    `json:"s"`
}

// join looks whether a user has the address of somebody who is new, and links them or asks.
func (fd *federation) join(ctx context.Context) error {
	s := fd.scope
	address := fd.vouched()
	if s.settings.Linking == LinkingOff || address == "" || fd.in.Separate {
		return nil
	}
	owner, err := fd.ownerOf(ctx, address)
	if err != nil || owner == nil {
		return err
	}
	if s.settings.Linking == LinkingAutomatic && fd.trusted(owner, address) {
		return fd.linkAtOnce(ctx, owner, address)
	}
	if !fd.canAsk(owner) {
		return nil
	}
	e, err := fd.askToLink(owner, address)
	if err != nil {
		return err
	}
	return e
}

// vouched is the e-mail address that the provider says is verified, or "". What the client may write does not matter: it is not written.
func (fd *federation) vouched() string {
	address, ok := textOfClaim(fd.claims[fd.provider.Mapping["email"]])
	flag, verified := textOfClaim(fd.claims[fd.provider.Mapping["email_verified"]])
	if !ok || !verified || flag != "true" || len(address) > longestMapped || checkFormats(map[string]string{"email": address}) != nil {
		return ""
	}
	return address
}

// sameAddress reports whether a user has a verified address.
func (fd *federation) sameAddress(u *User, address string) bool {
	sensitive := fd.scope.settings.DistinguishesCase()
	return u.verified("email") && fold(u.Attributes["email"], sensitive) == fold(address, sensitive)
}

// maxOwners is among how many users who have an address its owner is looked for. In pools where it is a name, one has it.
const maxOwners = 20

// ownerOf finds the one user whose verified address it is: a user of the pool itself, or else one whom a provider has brought. It
// returns nil if there is none or more than one.
func (fd *federation) ownerOf(ctx context.Context, address string) (*User, error) {
	var native, brought []*User
	err := fd.scope.engine.store.View(ctx, func(r store.Reader) error {
		native, brought = nil, nil
		rng := store.Prefix(fd.scope.pool.ID, "email", store.Clip(foldValue("email", address)))
		rng.Limit = maxOwners + 1
		found, err := indexed(r, users, usersBySearch, rng)
		if err != nil {
			return err
		}
		if len(found) > maxOwners {
			return nil
		}
		for _, u := range found {
			switch {
			case !fd.sameAddress(u, address):
			case u.primary() == nil:
				native = append(native, u)
			default:
				brought = append(brought, u)
			}
		}
		return nil
	})
	if len(native) == 0 {
		native = brought
	}
	if err != nil || len(native) != 1 {
		return nil, err
	}
	return native[0], nil
}

// trusted reports whether everybody who vouches for the user decides about the domain of the address.
func (fd *federation) trusted(owner *User, address string) bool {
	all := []string{fd.in.Provider}
	for i := range owner.Identities {
		all = append(all, owner.Identities[i].Provider)
	}
	return !slices.ContainsFunc(all, func(name string) bool {
		p := fd.scope.settings.Policy(name)
		return !p.Trusts(address)
	})
}

// canAsk reports whether the user can sign in to the client in another way than by the provider.
func (fd *federation) canAsk(owner *User) bool {
	names := fd.scope.client.Settings.Providers
	if p := owner.primary(); p != nil {
		return slices.Contains(names, p.Provider)
	}
	return slices.Contains(names, nativeProvider)
}

func (fd *federation) askToLink(owner *User, address string) (*LinkRequiredError, error) {
	s := fd.scope
	id, err := s.engine.uuid()
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(linkState{id, fd.now, fd.now.Add(LinkLife), owner.Sub, fd.in.Provider, fd.in.Subject})
	if err != nil {
		return nil, err
	}
	e := &LinkRequiredError{State: Secret(s.ring.state.Seal(plain, s.bind(stateLink))), Provider: fd.in.Provider, Address: address}
	if p := owner.primary(); p != nil {
		e.By = p.Provider
	}
	return e, nil
}

// linkAtOnce links somebody to the user who has the address. The transaction looks again whether it may.
func (fd *federation) linkAtOnce(ctx context.Context, owner *User, address string) error {
	s := fd.scope
	if err := owner.mayBegin(); err != nil {
		return err
	}
	source := &ProviderUser{Provider: fd.in.Provider, Value: fd.in.Subject}
	by := s.originOf(owner, fd.now)
	by.data = map[string]string{dataProvider: fd.in.Provider}
	kept, err := s.engine.changeUser(ctx, by, EventIdentityLinked, func(tx store.Tx, u *User) (refused, err error) {
		if !fd.sameAddress(u, address) || !fd.trusted(u, address) {
			return store.ErrConflict, nil
		}
		return linkIn(tx, u, source, fd.now)
	})
	if errors.Is(err, ErrLinkSourceExists) || errors.Is(err, ErrAlreadyLinked) || errors.Is(err, store.ErrExists) { // another call was faster
		return fd.look(ctx)
	}
	fd.user = kept
	return err
}

// Link lets the signed-in user sign in by a provider too: as the person whom in names. in must be verified, and just now: whoever it names
// gets into the account. The client must have the provider. It needs a recent sign-in where the pool demands one. The attributes that the
// provider tells are written at the next sign-in by it. It returns [ErrProviderNotFound], [ErrProviderSubject], [ErrSessionUsed] for a
// message that has counted before, and the errors of [Users.Link].
func (s *Session) Link(ctx context.Context, in FederatedIdentity) error {
	once, err := in.once(s.pool.ID, s.engine.now())
	if err == nil {
		err = s.link(ctx, in.Provider, in.Subject, once)
	}
	if err != nil {
		return fmt.Errorf("link: %w", err)
	}
	return nil
}

// MayLink returns an error if the session may not change by whom its user signs in: [ErrRecentSignInRequired] if the sign-in is too old. Ask it before you send the
// user to a provider.
func (s *Session) MayLink() error { return s.settle() }

// AcceptLink links the signed-in user with whoever has got a [LinkRequiredError], and returns the name of the provider. It returns [ErrLinkUser] if
// another user is signed in than the one who has the address, [ErrRecentSignInRequired] if the user has not signed in since then, [ErrSessionInvalid], [ErrSessionExpired] and
// [ErrSessionUsed] for a state that is good for nothing, and the errors of [Session.Link].
func (s *Session) AcceptLink(ctx context.Context, state Secret) (provider string, err error) {
	st, err := s.openLink(state)
	if err != nil {
		return "", fmt.Errorf("accept link: %w", err)
	}
	if err := s.link(ctx, st.Provider, st.Subject, &usedState{Pool: s.pool.ID, ID: st.ID, Expires: st.Expires}); err != nil {
		return st.Provider, fmt.Errorf("accept link: %w", err)
	}
	return st.Provider, nil
}

// openLink opens the state of a [LinkRequiredError] that is for the user of the session.
func (s *Session) openLink(state Secret) (*linkState, error) {
	var st linkState
	plain, err := s.ring.state.Open(string(state), s.scope().bind(stateLink))
	if err != nil {
		return nil, ErrSessionInvalid
	}
	if err := json.Unmarshal(plain, &st); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSessionInvalid, err)
	}
	now := s.engine.now()
	switch {
	case !now.Before(st.Expires):
		return nil, ErrSessionExpired
	case st.Sub != s.user.Sub:
		return nil, ErrLinkUser
	case s.authTime.Before(st.Begun):
		return nil, &RecentSignInError{Within: now.Sub(st.Begun)}
	}
	return &st, nil
}

// link links the user with a subject of a provider. used is the state that it uses up, or nil.
func (s *Session) link(ctx context.Context, provider, subject string, used *usedState) error {
	if err := s.settle(); err != nil {
		return err
	}
	if !s.scope().hasProvider(provider) {
		return &NotFoundError{ErrProviderNotFound, provider}
	}
	source := &ProviderUser{Provider: provider, Value: subject}
	if subject == "" || (&providerRecord{}).mayLinkBy(source) != nil {
		return ErrProviderSubject
	}
	by := s.origin()
	by.data = map[string]string{dataProvider: provider}
	_, err := s.engine.changeUser(ctx, by, EventIdentityLinked, func(tx store.Tx, u *User) (refused, err error) {
		if used != nil {
			if err := usedStates.Insert(tx, used); err != nil {
				return nil, err
			}
		}
		if refused := u.mayBegin(); refused != nil {
			return refused, nil
		}
		return linkIn(tx, u, source, by.now)
	})
	if used != nil {
		return spentOr(err, nil)
	}
	return err
}

// Unlink ends that the signed-in user signs in by a link. All other sign-ins of the user end, since they may be of whoever was linked. It needs a recent sign-in
// where the pool demands one. It returns [ErrUserNotFound] if there is no such link, and [ErrLastWayIn] if the user could not sign in any
// more: that is so of the identity with which the user was made, too.
func (s *Session) Unlink(ctx context.Context, who ProviderUser) error {
	if err := s.unlink(ctx, &who); err != nil {
		return fmt.Errorf("unlink: %w", err)
	}
	return nil
}

func (s *Session) unlink(ctx context.Context, who *ProviderUser) error {
	if err := s.settle(); err != nil {
		return err
	}
	by := s.origin()
	by.data = map[string]string{dataProvider: who.Provider}
	_, err := s.engine.changeUser(ctx, by, EventIdentityUnlinked, func(tx store.Tx, u *User) (refused, err error) {
		id := u.identity(who.Provider, who.attribute(), who.Value)
		switch {
		case id == nil:
			return ErrUserNotFound, nil
		case id.Primary:
			return ErrLastWayIn, nil
		}
		subject := id.Subject
		u.drop(id)
		if in, err := s.engine.hasWayIn(tx, &s.pool.Settings, u); err != nil || !in {
			return ErrLastWayIn, err
		}
		if err := u.dropTokens(tx, who.Provider, subject); err != nil {
			return nil, err
		}
		return s.endOthers(tx, u, by.now)
	})
	return err
}

// drop removes an identity.
func (u *User) drop(id *Identity) {
	gone := *id
	u.Identities = slices.DeleteFunc(slices.Clone(u.Identities), func(i Identity) bool { return i == gone })
}

// hasWayIn reports whether a user can sign in: by what the user has in the pool, or by a provider that there is.
func (e *Engine) hasWayIn(tx store.Tx, s *PoolSettings, u *User) (bool, error) {
	for i := range u.Identities {
		id := &u.Identities[i]
		if id.Disabled || id.Subject == "" {
			continue
		}
		if _, err := providerOf(tx, u.Pool, id.Provider); err == nil || !errors.Is(err, ErrProviderNotFound) {
			return err == nil, err
		}
	}
	if u.Status == StatusExternalProvider {
		return false, nil
	}
	key := store.Key(u.Pool, u.Sub)
	values, err := tx.Get(credentials.Ref(key), passkeys.Ref(key))
	if err != nil {
		return false, err
	}
	cred, err := orNil(credentials.Decode(values[0]))
	if err != nil {
		return false, err
	}
	keys, err := orNil(passkeys.Decode(values[1]))
	if err != nil {
		return false, err
	}
	own := owned{cred, e.countPasskeys(s, keys)}
	return slices.ContainsFunc(firstFactors[:], func(f *firstFactor) bool { return f.usable(s, u, own) }), nil
}
