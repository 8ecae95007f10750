package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/cognate-id/cognate/store"
)

// Links: somebody whom an identity provider vouches for signs in as a user who is there already. An operator makes them here, and users and the setting
// Linking of the pool make them in linking.go. A link names
// the person by the subject, or for SAML and OIDC by an attribute, which is compared with what the provider says, case included. The first
// sign-in by a link of an attribute binds it to the subject.

// A ProviderUser names a user as an identity provider knows the user.
type ProviderUser struct {
	// Provider is the name of the provider, or Cognito for a user of the pool itself.
	Provider string
	// Attribute is what Value is of: Cognito_Subject, which an empty Attribute stands for too, or an attribute that the provider maps.
	Attribute string
	// Value is the subject or the value of the attribute. For a user of the pool itself it is the username.
	Value string
}

// poolItself is how links call the pool itself. No provider has this name.
const poolItself = "Cognito"

func (u *ProviderUser) native() bool { return strings.EqualFold(u.Provider, poolItself) }

func (u *ProviderUser) attribute() string {
	if u.Attribute == "" {
		return subjectAttribute
	}
	return u.Attribute
}

// maxLinkAttributes is by how many attributes the links of a provider name people at most.
const maxLinkAttributes = 5

// Link lets somebody whom an identity provider vouches for sign in as a user who exists. The sign-ins write what the provider says into that user.
// It returns [ErrLinkSource] if source is a user of the pool itself, [ErrLinkSourceExists] if somebody has signed in with it or it
// is linked to another user, [ErrAlreadyLinked] if it is linked to this one, and [ErrQuotaExceeded] if the user has five identities.
func (us Users) Link(ctx context.Context, destination, source ProviderUser) error {
	if err := us.link(ctx, &destination, &source); err != nil {
		return fmt.Errorf("link user: %w", err)
	}
	return nil
}

func (us Users) link(ctx context.Context, destination, source *ProviderUser) error {
	a := us.admin
	if source.native() {
		return ErrLinkSource
	}
	provider, err := a.Providers().read(ctx, func(r store.Reader) (*providerRecord, error) { return a.provider(r, source.Provider) })
	if err != nil {
		return err
	}
	if err := provider.mayLinkBy(source); err != nil {
		return err
	}
	pool, u, err := a.findProviderUser(ctx, destination)
	if err != nil {
		return err
	}
	now := a.engine.now()
	by := origin{pool: pool, sub: u.Sub, now: now, data: map[string]string{dataProvider: source.Provider}}
	_, err = a.engine.changeUser(ctx, by, EventIdentityLinked, func(tx store.Tx, u *User) (refused, err error) {
		return linkIn(tx, u, source, now)
	})
	if errors.Is(err, store.ErrExists) {
		return ErrLinkSourceExists
	}
	return err
}

// linkIn links somebody to a user, whom the caller writes.
func linkIn(tx store.Tx, u *User, source *ProviderUser, now time.Time) (refused, err error) {
	p, err := providerOf(tx, u.Pool, source.Provider)
	if err != nil {
		return nil, err
	}
	if u.identity(source.Provider, source.attribute(), source.Value) != nil {
		return ErrAlreadyLinked, nil
	}
	other, err := orNil(users.Find(tx, usersByIdentity, identityKey(u.Pool, source.Provider, source.attribute(), source.Value)))
	switch {
	case err != nil:
		return nil, err
	case other != nil:
		return ErrLinkSourceExists, nil
	case len(u.Identities) >= maxIdentities:
		return &QuotaError{"identities of a user", maxIdentities}, nil
	}
	u.Identities = append(u.Identities, p.newLink(source, now))
	return p.linkBy(tx, source)
}

// mayLinkBy returns an error unless links of the provider can name people so.
func (p *providerRecord) mayLinkBy(u *ProviderUser) error {
	if u.Value == "" || strings.ContainsFunc(u.Value, unicode.IsControl) {
		return invalid("ProviderAttributeValue", "The value of the attribute that a link names is empty or not text.")
	}
	attribute := u.attribute()
	if attribute == subjectAttribute {
		return nil
	}
	_, mapped := p.Mapping[attribute]
	for _, from := range p.Mapping {
		mapped = mapped || from == attribute
	}
	if p.Type.Social() || !mapped || attribute == "username" {
		return invalid("ProviderAttributeName", "The provider attribute "+attribute+" cannot be used to link users of "+p.Name+".")
	}
	return nil
}

// newLink is the identity of a link.
func (p *providerRecord) newLink(u *ProviderUser, now time.Time) Identity {
	id := Identity{Provider: p.Name, Type: p.Type, Issuer: p.EntityID, Created: now}
	if id.Attribute, id.Value = u.attribute(), u.Value; id.Attribute == subjectAttribute {
		id.Subject, id.Attribute, id.Value = u.Value, "", ""
	}
	return id
}

// linkBy notes by which attribute a link names somebody. It refuses one attribute too many.
func (p *providerRecord) linkBy(tx store.Tx, u *ProviderUser) (refused, err error) {
	attribute := u.attribute()
	if attribute == subjectAttribute || slices.Contains(p.LinkedBy, attribute) {
		return nil, nil
	}
	if len(p.LinkedBy) >= maxLinkAttributes {
		return &QuotaError{"attributes of links", maxLinkAttributes}, nil
	}
	more := *p
	more.LinkedBy = append(slices.Clone(p.LinkedBy), attribute)
	return nil, providers.Put(tx, &more)
}

// findProviderUser finds a user as an identity provider knows the user.
func (a *Admin) findProviderUser(ctx context.Context, u *ProviderUser) (*PoolInfo, *User, error) {
	if u.native() {
		return a.find(ctx, u.Value)
	}
	pool, err := a.Describe(ctx)
	if err != nil {
		return nil, nil, err
	}
	var found *User
	err = a.engine.store.View(ctx, func(r store.Reader) (err error) {
		found, err = orNil(users.Find(r, usersByIdentity, identityKey(a.pool, u.Provider, u.attribute(), u.Value)))
		return err
	})
	if err == nil && (found == nil || found.identity(u.Provider, u.attribute(), u.Value) == nil) {
		err = ErrUserNotFound
	}
	return pool, found, err
}

// Unlink ends that a user signs in by a provider. A link is removed: whoever signed in by it gets a user of their own at the next sign-in.
// For a user whom the first sign-in by the provider has made, signing in is turned off until [Users.Enable]. For a user of the pool
// itself, the provider Cognito, the password is deleted: the user signs in by links alone. It returns [ErrUserNotFound] if there is no such user or link.
func (us Users) Unlink(ctx context.Context, who ProviderUser) error {
	a := us.admin
	pool, u, err := a.findProviderUser(ctx, &who)
	if err != nil {
		return fmt.Errorf("unlink user: %w", err)
	}
	by := origin{pool: pool, sub: u.Sub, now: a.engine.now(), data: map[string]string{dataProvider: who.Provider}}
	_, err = a.engine.changeUser(ctx, by, EventIdentityUnlinked, func(tx store.Tx, u *User) (refused, err error) {
		if who.native() {
			return nil, u.dropPassword(tx)
		}
		id := u.identity(who.Provider, who.attribute(), who.Value)
		switch {
		case id == nil:
			return ErrUserNotFound, nil
		case id.Primary && id.Disabled:
			return errUnchanged, nil
		}
		if err := u.dropTokens(tx, who.Provider, id.Subject); err != nil {
			return nil, err
		}
		if id.Primary {
			id.Disabled = true
			return nil, u.signOut(tx, by.now)
		}
		u.drop(id)
		return nil, nil
	})
	if err != nil {
		return fmt.Errorf("unlink user: %w", err)
	}
	return nil
}

// dropPassword leaves a user with no way in but identity providers. A password that an operator sets undoes it.
func (u *User) dropPassword(tx store.Tx) error {
	u.Status = StatusExternalProvider
	values, err := tx.Get(credentials.Ref(store.Key(u.Pool, u.Sub)))
	if err != nil || values[0] == nil {
		return err
	}
	_, err = credentials.Delete(tx, store.Key(u.Pool, u.Sub))
	return err
}
