package idpool

import (
	"context"
	"slices"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
)

// Users whom a developer's own program vouches for. All of it is an operator's: whoever calls may be any user.

// Developers has what an operator may do with the users of the developer provider of a pool.
type Developers struct {
	s    *Service
	pool string
}

// Developers returns a handle on the users of the developer provider of a pool.
func (s *Service) Developers(pool string) Developers { return Developers{s, pool} }

// maxDeveloperUser is how long the name of a user is, in characters.
const maxDeveloperUser = 1024

// developerLife is how long a token is good, unless the call says.
const developerLife = 15 * time.Minute

// A TokenRequest asks for a token of a developer's user.
type TokenRequest struct {
	// Logins have the user under the name of the developer provider, and perhaps logins of public providers to link. The first is needed.
	Logins Logins
	// IdentityID is the identity to link the user to. Defaults to that of the user, or a new one.
	IdentityID string
	// Life is how long the token is good, from a second to 24 hours. Defaults to 15 minutes.
	Life time.Duration
	// PrincipalTags become tags of the session.
	PrincipalTags map[string]string
}

// Token returns a token of the identity of a user, which is made if there is none. The program passes the token on to its user, who gives it as the login
// cognito-identity.amazonaws.com. It returns [ErrDeveloperRegistered] if the user has another identity than the one that is named, and [ErrConflict] if that
// identity is of another pool or another user.
func (d Developers) Token(ctx context.Context, in TokenRequest) (*OpenIDToken, error) {
	s := d.s
	p, err := s.readPool(ctx, d.pool)
	if err != nil {
		return nil, err
	}
	if err := in.check(p); err != nil {
		return nil, err
	}
	user := string(in.Logins[p.DeveloperProvider])
	others := Logins{}
	for name, raw := range in.Logins {
		if name != p.DeveloperProvider {
			others[name] = raw
		}
	}
	if _, ok := others[poolTokens]; ok {
		return nil, ErrPoolToken
	}
	proofs, err := s.verify(ctx, p, others)
	if err != nil {
		return nil, err
	}
	l, err := s.linking(ctx, p, proofs, identity.Actor{Kind: identity.ActorProgram})
	if err != nil {
		return nil, err
	}
	l.developer = user
	rec, err := s.run(ctx, l, func(tx store.Tx) error { return d.name(tx, l, in.IdentityID) })
	if err != nil {
		return nil, err
	}
	who := &reached{record: rec, pool: p, proofs: append(proofs, &proof{kind: proofPool, amr: []string{p.DeveloperProvider, p.DeveloperProvider + ":" + p.ID + ":" + user}})}
	return s.sign(ctx, rec.ID, p.ID, who.amr(), in.PrincipalTags, in.Life)
}

func (in *TokenRequest) check(p *Pool) error {
	if p.DeveloperProvider == "" {
		return invalid("The identity pool has no developer provider.")
	}
	if !within(string(in.Logins[p.DeveloperProvider]), 1, maxDeveloperUser) {
		return invalid("Logins must have the developer provider %s, and a user identifier of 1 to %d characters.", p.DeveloperProvider, maxDeveloperUser)
	}
	if in.Life == 0 {
		in.Life = developerLife
	}
	if in.Life < time.Second || in.Life > maxTokenLife {
		return invalid("TokenDuration is from 1 to 86400.")
	}
	if len(in.PrincipalTags) > maxPrincipal {
		return invalid("A session has at most %d principal tags.", maxPrincipal)
	}
	size := 0
	for key, value := range in.PrincipalTags {
		if !within(key, 1, 128) || !within(value, 1, 256) {
			return invalid("The principal tag %.128q is invalid.", key)
		}
		size += len(value)
	}
	if size > maxTagsSize {
		return invalid("The principal tags have %d bytes, and may have %d.", size, maxTagsSize)
	}
	return nil
}

// name reads the identity that a request names, and judges whether the user may have it.
func (d Developers) name(tx store.Tx, l *linking, id string) error {
	l.named = nil
	if id == "" {
		return nil
	}
	named, p, err := d.s.identity(tx, id, l.now)
	switch {
	case err != nil:
		return err
	case p.ID != d.pool:
		return about(ErrConflict, "The identity belongs to another identity pool.")
	case named.disabled():
		return about(ErrForbidden, "%s", id)
	}
	found, err := owners(tx, d.pool, nil, l.developer)
	switch {
	case err != nil:
		return err
	case len(found) > 0 && found[0].ID != id:
		return ErrDeveloperRegistered
	case len(found) == 0 && len(named.Developer) > 0:
		return about(ErrConflict, "The identity belongs to another developer user identifier.")
	}
	l.named = named
	return nil
}

// A Lookup is an identity and the names that the developer has for it.
type Lookup struct {
	IdentityID string   // of the identity
	Users      []string // in the order of their texts
}

// Lookup finds an identity by its id, by a user, or by both, which must belong together: otherwise it returns [ErrConflict].
func (d Developers) Lookup(ctx context.Context, id, user string) (*Lookup, error) {
	s := d.s
	if id == "" && user == "" {
		return nil, invalid("Either IdentityId or DeveloperUserIdentifier is required.")
	}
	now := s.now()
	var rec *record
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		if _, err := s.pool(r, d.pool); err != nil {
			return err
		}
		if id == "" {
			rec, err = d.owner(r, user)
			return err
		}
		var p *Pool
		rec, p, err = s.identity(r, id, now)
		if err == nil && (p.ID != d.pool || user != "" && !slices.Contains(rec.Developer, user)) {
			err = about(ErrConflict, "The identity and the developer user identifier do not belong together.")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &Lookup{rec.ID, slices.Sorted(slices.Values(rec.Developer))}, nil
}

// owner returns the identity of a user, or [ErrDeveloperNotFound].
func (d Developers) owner(r store.Reader, user string) (*record, error) {
	found, err := owners(r, d.pool, nil, user)
	if err == nil && len(found) == 0 {
		err = about(ErrDeveloperNotFound, "%s", user)
	}
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// developed returns nil if a name is that of the developer provider.
func (p *Pool) developed(provider string) error {
	if p.DeveloperProvider == "" || p.DeveloperProvider != provider {
		return invalid("%.128s is not the developer provider of the identity pool.", provider)
	}
	return nil
}

// Merge merges the identity of a user into that of another one, and returns the id of the latter, by which both users are known then. It
// returns [ErrConflict] if both identities have a login of one provider, or more than 20 together.
func (d Developers) Merge(ctx context.Context, provider, source, destination string) (string, error) {
	s := d.s
	p, err := s.readPool(ctx, d.pool)
	if err != nil {
		return "", err
	}
	if err := p.developed(provider); err != nil {
		return "", err
	}
	if source == destination {
		return "", invalid("The source and the destination are the same developer user identifier.")
	}
	l, err := s.linking(ctx, p, nil, identity.Actor{Kind: identity.ActorProgram})
	if err != nil {
		return "", err
	}
	err = s.store.Update(ctx, func(tx store.Tx) error {
		from, err := d.owner(tx, source)
		if err != nil {
			return err
		}
		if l.named, err = d.owner(tx, destination); err != nil || from.ID == l.named.ID {
			return err
		}
		for _, a := range from.Logins { // union takes two equal ones for one
			if slices.ContainsFunc(l.named.Logins, func(b login) bool { return a.Provider == b.Provider }) {
				return about(ErrConflict, "Both identities have a login of %s.", a.Provider)
			}
		}
		l.developer = source
		_, err = l.link(tx)
		return err
	})
	if err != nil {
		return "", err
	}
	return l.named.ID, nil
}

// Unlink takes a user away from an identity. If it was the last login, the identity is out of reach. It returns [ErrConflict] if the user is not
// of the identity.
func (d Developers) Unlink(ctx context.Context, id, provider, user string) error {
	s := d.s
	ev, err := s.engine.NewEvent(ctx, identity.Event{Kind: EventIdentityUnlinked, Actor: identity.Actor{Kind: identity.ActorProgram}, Data: map[string]string{"providers": provider}})
	if err != nil {
		return err
	}
	now := s.now()
	return s.store.Update(ctx, func(tx store.Tx) error {
		if p, err := s.pool(tx, d.pool); err != nil {
			return err
		} else if err := p.developed(provider); err != nil {
			return err
		}
		rec, p, err := s.identity(tx, id, now)
		if err != nil {
			return err
		}
		i := slices.Index(rec.Developer, user)
		if p.ID != d.pool || i < 0 {
			return about(ErrConflict, "The developer user identifier is not of the identity.")
		}
		next := *rec
		next.Developer = slices.Delete(slices.Clone(rec.Developer), i, i+1)
		return s.unlinked(tx, p, &next, ev, now)
	})
}
