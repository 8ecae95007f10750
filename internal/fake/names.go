package fake

import (
	"context"
	"errors"
	"strings"

	"github.com/cognate-id/cognate/identity"
)

// A message has the username of its user. A test may know the user by another name: the
// sub, an address, or a spelling in other case. So the filter looks the name up in each
// pool that a message is from.

// A finder finds the usernames that a name stands for, once for each pool.
type finder struct {
	engine *identity.Engine
	name   string
	known  map[string]map[string]bool // pool id → usernames
}

func newFinder(e *identity.Engine, name string) *finder {
	return &finder{engine: e, name: name, known: map[string]map[string]bool{}}
}

// addressed reports whether a message is for the user who has the name.
func (f *finder) addressed(ctx context.Context, m *identity.Message) (bool, error) {
	if m.Username == f.name || m.To == f.name {
		return true, nil
	}
	names, ok := f.known[m.Pool]
	if !ok {
		var err error
		if names, err = f.find(ctx, m.Pool); err != nil {
			return false, err
		}
		f.known[m.Pool] = names
	}
	return names[m.Username], nil
}

// find returns the usernames of the users of a pool who have the name. Several users may
// have one address.
func (f *finder) find(ctx context.Context, id string) (map[string]bool, error) {
	pool, err := f.engine.UserPool(ctx, id)
	if errors.Is(err, identity.ErrPoolNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	users := pool.Admin().Users()
	u, err := users.Get(ctx, f.name)
	if err == nil {
		names[u.Username] = true
	} else if !errors.Is(err, identity.ErrUserNotFound) {
		return nil, err
	}
	query := f.addressQuery()
	if query == "" {
		return names, nil
	}
	for u, err := range users.All(ctx, query) {
		if err != nil {
			return nil, err
		}
		names[u.Username] = true
	}
	return names, nil
}

// addressQuery returns the filter for users whose address is the name, or "".
func (f *finder) addressQuery() string {
	quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(f.name) + `"`
	switch {
	case strings.Contains(f.name, "@"):
		return "email = " + quoted
	case strings.HasPrefix(f.name, "+"):
		return "phone_number = " + quoted
	}
	return ""
}
