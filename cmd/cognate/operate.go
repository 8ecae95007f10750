package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"syscall"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
)

// A realStore is the store of a server that is not running.
type realStore struct {
	Store storeFlag `default:"bolt:cognate.db" env:"COGNATE_STORE" placeholder:"STORE" help:"Store of the server: bolt:FILE, or postgres://USER:PASSWORD@HOST/DATABASE. Default: ${default}."`
	keyFlags
}

// Validate is called when the command line has been read.
func (s *realStore) Validate() error {
	if s.Store.inMemory() {
		return errors.New("--store: what operators work on is kept in a file or a database: give it as bolt:FILE or postgres://USER@HOST/DATABASE")
	}
	return nil
}

// open calls fn with an engine on the store, which is made if there is none.
func (s *realStore) open(t *terminal, o *identity.Options, fn func(context.Context, *identity.Engine) error) error {
	return s.with(t, o, fn, func(ctx context.Context) (store.Store, error) { return openReal(ctx, t, s.Store, s.keyFlags) })
}

// with calls fn with an engine on the store that open gives it. The context ends
// with the first signal; a second ends the process.
func (s *realStore) with(t *terminal, o *identity.Options, fn func(context.Context, *identity.Engine) error, open func(context.Context) (store.Store, error)) error {
	ctx, stop := signals()
	defer stop()
	context.AfterFunc(ctx, stop)
	st, err := open(ctx)
	if err != nil {
		return err
	}
	if o == nil {
		o = &identity.Options{}
	}
	o.Catalog = catalog()
	o.Logger = slog.New(slog.NewTextHandler(t.err, nil))
	err = plain(fn(ctx, identity.New(st, o)))
	return errors.Join(err, st.Close())
}

// openExisting is open for a store that must be there.
func (s *realStore) openExisting(t *terminal, fn func(context.Context, *identity.Engine) error) error {
	return s.with(t, nil, fn, func(ctx context.Context) (store.Store, error) {
		return openUsed(ctx, t, s.Store, s.keyFlags, "say where it is with --store; cognate key create and cognate pool create make a new one")
	})
}

// A plainError is an error of the engine in the words of the command.
type plainError struct{ error }

func (e plainError) Error() string {
	return oneLine(strings.ReplaceAll(e.error.Error(), "identity: ", ""))
}
func (e plainError) Unwrap() error { return e.error }

// plain says an error in the words of the command, and what to try.
func plain(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*hinted](err); ok {
		return err
	}
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted")
	}
	told := plainError{err}
	for _, known := range []struct {
		err  error
		hint string
	}{
		{identity.ErrClientNotFound, "cognate client list shows those there are"},
		{identity.ErrGroupNotFound, "cognate group list shows those there are"},
		{identity.ErrSecretNotFound, "cognate client secret list shows those there are"},
		{identity.ErrLastSecret, "add another first: cognate client secret add"},
		{identity.ErrUserNotFound, "cognate user list shows those there are"},
		{identity.ErrUsernameExists, "cognate user show tells who has the name"},
		{identity.ErrAliasExists, "cognate user list --filter tells who has the address"},
		{identity.ErrCannotConfirm, "cognate user show tells the state that the user is in"},
		{identity.ErrGroupExists, "cognate group set changes it"},
		{identity.ErrDeletionProtected, `turn it off first: cognate pool set --settings '{"deletionProtection":false}'`},
		{identity.ErrInvalidFilter, `a filter is an attribute, = or ^= (begins with), and a value in quotes, such as 'email ^= "a"'`},
		{identity.ErrInvalidFilterAttribute, "attributes to list by are username, email, phone_number, name, given_name, family_name, preferred_username, sub, status and cognito:user_status"},
		{identity.ErrUnknownAttribute, "cognate pool show shows the schema of the pool, where it is not the standard one"},
		{identity.ErrInvalidAttributes, "cognate pool show shows the schema of the pool, where it is not the standard one"},
		{identity.ErrInvalidPassword, "cognate pool show shows the password policy of the pool, where it is not the standard one"},
		{syscall.ENOSPC, "make room on the disk, or choose another, and run it again"},
		{identity.ErrInvalidSettings, "nothing was changed; the documentation of identity.PoolSettings and identity.ClientSettings tells what each setting takes"},
	} {
		if errors.Is(err, known.err) {
			return hint(told, "%s", known.hint)
		}
	}
	return told
}

// An inPool is a pool in the store of a server that is not running.
type inPool struct {
	realStore
	Pool string `placeholder:"ID|KEY" help:"The pool, by its id or its key. Needed only where the store has several."`
}

// open calls fn with an operator's rights on the pool.
func (p *inPool) open(t *terminal, fn func(context.Context, *identity.Admin) error) error {
	return p.openPool(t, func(ctx context.Context, e *identity.Engine, info *identity.PoolInfo) error {
		pool, err := e.UserPool(ctx, info.ID)
		if err != nil {
			return err
		}
		return fn(ctx, pool.Admin())
	})
}

func (p *inPool) openPool(t *terminal, fn func(context.Context, *identity.Engine, *identity.PoolInfo) error) error {
	return p.openExisting(t, func(ctx context.Context, e *identity.Engine) error {
		info, err := p.choose(ctx, e)
		if err != nil {
			return err
		}
		return fn(ctx, e, info)
	})
}

// choose finds the pool that is meant.
func (p *inPool) choose(ctx context.Context, e *identity.Engine) (*identity.PoolInfo, error) {
	all, err := collect(e.UserPools(ctx, "", ""))
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(info *identity.PoolInfo) bool { return p.Pool != "" && (info.ID == p.Pool || info.Key == p.Pool) })
	switch {
	case i >= 0:
		return all[i], nil
	case len(all) == 0:
		return nil, hint(fmt.Errorf("%s has no user pool", p.Store.name()), "cognate pool create NAME makes one")
	case p.Pool != "":
		return nil, hint(fmt.Errorf("there is no user pool %s", oneLine(p.Pool)), "choose with --pool from %s", poolNames(all))
	case len(all) > 1:
		return nil, hint(fmt.Errorf("%s has %d user pools", p.Store.name(), len(all)), "choose with --pool from %s", poolNames(all))
	}
	return all[0], nil
}

// namedPools is how many pools an error names.
const namedPools = 20

func poolNames(all []*identity.PoolInfo) string {
	var words []string
	for _, info := range all {
		if len(words) == namedPools {
			words = append(words, "and others, see cognate pool list")
			break
		}
		words = append(words, fmt.Sprintf("%s (%s)", info.ID, oneLine(cmp.Or(info.Key, info.Settings.Name))))
	}
	return strings.Join(words, ", ")
}
