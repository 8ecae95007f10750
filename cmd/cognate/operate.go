package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"syscall"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
)

// Operators' commands open the store of a server, or use that of a server that runs (see
// openShared), make an engine on it, choose the pool, and call the engine. Errors of the engine get a
// hint in the words of the command.

// A realStore is the store of a real server.
type realStore struct {
	Store storeFlag `default:"bolt:cognate.db" env:"COGNATE_STORE" placeholder:"STORE" help:"Store of the server: bolt:FILE, or postgres://USER:PASSWORD@HOST/DATABASE. Default: ${default}."`
	keyFlags

	blocked []string // passwords that the command refuses, from its own flag
}

// Validate returns an error if the command line is invalid.
func (s *realStore) Validate() error {
	if s.Store.inMemory() {
		return errors.New("--store: the data of a server is kept in a file or a database: give it as bolt:FILE or postgres://USER@HOST/DATABASE")
	}
	return nil
}

// open calls fn with an engine on the store. It makes the store if it does not exist.
func (s *realStore) open(t *terminal, o *identity.Options, fn func(context.Context, *identity.Engine) error) error {
	return s.with(t, o, fn, func(ctx context.Context, o *identity.Options) (store.Store, error) {
		inner, err := openShared(ctx, s.Store)
		if err != nil {
			return nil, err
		}
		return s.unlock(ctx, t, inner, o)
	})
}

// with calls fn with an engine on the store that open returns. The first signal ends the
// context; a second one ends the process.
func (s *realStore) with(t *terminal, o *identity.Options, fn func(context.Context, *identity.Engine) error, open func(context.Context, *identity.Options) (store.Store, error)) error {
	ctx, stop := signals()
	defer stop()
	context.AfterFunc(ctx, stop)
	if o == nil {
		o = &identity.Options{}
	}
	st, err := open(ctx, o)
	if err != nil {
		return err
	}
	o.Catalog, o.BlockedPasswords = catalog(), s.blocked
	o.PageURL = func(context.Context) string { return "" } // the server knows
	o.Logger = slog.New(slog.NewTextHandler(t.err, nil))
	err = plain(fn(byUser(ctx, st), identity.New(st, o)))
	return errors.Join(err, st.Close())
}

// byUser returns a context whose events name the user who runs the command: the one whom
// the running server sees, or else the user of this process.
func byUser(ctx context.Context, st store.Store) context.Context {
	who, _ := lentBy(st)
	return identity.WithCall(ctx, identity.Call{SystemUser: cmp.Or(who, self())})
}

// openExisting is open for a store that must exist.
func (s *realStore) openExisting(t *terminal, fn func(context.Context, *identity.Engine) error) error {
	return s.with(t, nil, fn, func(ctx context.Context, o *identity.Options) (store.Store, error) {
		inner, err := openThere(ctx, s.Store, "say where it is with --store; cognate key create and cognate pool create make a new one", openShared)
		if err != nil {
			return nil, err
		}
		return s.unlock(ctx, t, inner, o)
	})
}

// unlock puts the keys in front of a store. The store of cognate dev has none: the engine
// does there what dev does, and hashes passwords cheaply.
func (s *realStore) unlock(ctx context.Context, t *terminal, inner store.Store, o *identity.Options) (store.Store, error) {
	made, err := madeBy(ctx, inner)
	if err == nil && made == forTests {
		o.InsecureUnsealed, o.InsecureCheapHashing = true, true
		err = identity.Upgrade(ctx, inner)
	}
	if err != nil {
		return nil, errors.Join(storeError(fmt.Errorf("open store %s: %w", s.Store.name(), err)), inner.Close())
	}
	if made == forTests {
		return inner, nil
	}
	return unlockOrClose(ctx, t, inner, s.Store, s.keyFlags)
}

// A plainError is an error of the engine in the words of the command.
type plainError struct{ error }

func (e plainError) Error() string {
	return oneLine(strings.ReplaceAll(e.error.Error(), "identity: ", ""))
}
func (e plainError) Unwrap() error { return e.error }

// plain puts an error in the words of the command and adds a hint.
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
	shown := plainError{err}
	for _, known := range []struct {
		err  error
		hint string
	}{
		{identity.ErrClientNotFound, "cognate client list shows all app clients"},
		{identity.ErrResourceServerNotFound, "cognate resource-server list shows all resource servers"},
		{identity.ErrDomainNotFound, "cognate pool domain list shows the domains of a user pool"},
		{identity.ErrPoolHasDomain, "cognate pool domain remove takes a domain away"},
		{identity.ErrGroupNotFound, "cognate group list shows all groups"},
		{identity.ErrGroupRuleNotFound, "cognate group rule list shows all rules"},
		{identity.ErrImportJobNotFound, "cognate import list shows all import jobs"},
		{identity.ErrSecretNotFound, "cognate client secret list shows all secrets of the client"},
		{identity.ErrLastSecret, "add another first: cognate client secret add"},
		{identity.ErrUserNotFound, "cognate user list shows all users"},
		{identity.ErrNoSender, "this command sends no codes: say that the address is verified, with email_verified=true or phone_number_verified=true"},
		{identity.ErrUsernameExists, "choose another name; cognate user show shows who has this one"},
		{identity.ErrAliasExists, "choose another address; cognate user list --filter shows who has this one"},
		{identity.ErrCannotConfirm, "cognate user show shows the status of the user"},
		{identity.ErrSessionsOff, `turn the tracking of sessions on: cognate pool set --settings '{"sessions":{"tracked":true,"maxPerUser":20}}'`},
		{identity.ErrSessionNotFound, "cognate user sessions list shows the sessions of the user"},
		{identity.ErrDevicesOff, `turn the tracking of devices on: cognate pool set --settings '{"devices":{"rememberOnPrompt":true}}'`},
		{identity.ErrDeviceNotFound, "cognate user devices list shows the devices of the user"},
		{identity.ErrMessageNotFound, "cognate outbox list shows all messages; one that was sent is not kept"},
		{identity.ErrGroupExists, "choose another name, or change the group with cognate group set"},
		{identity.ErrDeletionProtected, `turn it off first: cognate pool set --settings '{"deletionProtection":false}'`},
		{identity.ErrInvalidFilter, `a filter is an attribute, = or ^= (begins with), and a value in quotes, such as 'email ^= "a"'`},
		{identity.ErrInvalidFilterAttribute, "attributes to list by are username, email, phone_number, name, given_name, family_name, preferred_username, sub, status and cognito:user_status"},
		{identity.ErrUnknownAttribute, "cognate pool show shows the schema of the pool, unless it is the standard schema"},
		{identity.ErrInvalidAttributes, "cognate pool show shows the schema of the pool, unless it is the standard schema"},
		{identity.ErrInvalidPassword, "cognate pool show shows the password policy of the pool, unless it is the standard policy"},
		{syscall.ENOSPC, "make room on the disk, or choose another disk, and run the command again"},
		{identity.ErrInvalidSettings, "nothing was changed; the documentation of identity.PoolSettings and identity.ClientSettings says which values each setting accepts"},
	} {
		if errors.Is(err, known.err) {
			return hint(shown, "%s", known.hint)
		}
	}
	return shown
}

// An inPool is a pool in the store of a real server.
type inPool struct {
	realStore
	Pool string `placeholder:"POOL" help:"The pool, by its id, its key, or its name if no other pool has it. Needed only if the store has several pools."`
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

// choose returns the pool that --pool names, or the only pool of the store.
func (p *inPool) choose(ctx context.Context, e *identity.Engine) (*identity.PoolInfo, error) {
	all, err := collect(e.UserPools(ctx, "", ""))
	if err != nil {
		return nil, err
	}
	called := poolsCalled(all, p.Pool)
	switch {
	case len(called) == 1:
		return called[0], nil
	case len(called) > 1:
		return nil, hint(fmt.Errorf("%d user pools have the name %s", len(called), oneLine(p.Pool)), "choose with --pool from %s", poolNames(called))
	case len(all) == 0:
		return nil, hint(fmt.Errorf("%s has no user pool", p.Store.name()), "make one with cognate pool create NAME")
	case p.Pool != "":
		return nil, hint(fmt.Errorf("there is no user pool %s", oneLine(p.Pool)), "choose with --pool from %s", poolNames(all))
	case len(all) > 1:
		return nil, hint(fmt.Errorf("%s has %d user pools", p.Store.name(), len(all)), "choose with --pool from %s", poolNames(all))
	}
	return all[0], nil
}

// poolsCalled returns the pool with the id or the key, or else all pools with the name:
// several pools may have one name.
func poolsCalled(all []*identity.PoolInfo, name string) (found []*identity.PoolInfo) {
	if name == "" {
		return nil
	}
	for _, info := range all {
		if info.ID == name || info.Key == name {
			return []*identity.PoolInfo{info}
		}
		if info.Settings.Name == name {
			found = append(found, info)
		}
	}
	return found
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
