package identity_test

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"maps"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

var errInjected = errors.New("injected failure")

// A faultyStore counts what is asked of it: reads, writes and commits. At step
// number at it does what fault says: with an error, that step fails.
type faultyStore struct {
	store.Store
	at, step int // from 1; one goroutine only
	fault    func() error
}

func (s *faultyStore) next() error {
	if s.step++; s.step == s.at {
		return s.fault()
	}
	return nil
}

func (s *faultyStore) View(ctx context.Context, fn func(store.Reader) error) error {
	return s.Store.View(ctx, func(r store.Reader) error { return fn(faultyReader{r, s}) })
}

func (s *faultyStore) Update(ctx context.Context, fn func(store.Tx) error) error {
	return s.Store.Update(ctx, func(tx store.Tx) error {
		t := &faultyTx{faultyReader: faultyReader{tx, s}, tx: tx}
		if err := fn(t); err != nil {
			return err
		}
		if t.err != nil {
			return t.err
		}
		return s.next()
	})
}

type faultyReader struct {
	store.Reader
	s *faultyStore
}

func (r faultyReader) Get(refs ...store.Ref) ([][]byte, error) {
	if err := r.s.next(); err != nil {
		return nil, err
	}
	return r.Reader.Get(refs...)
}

func (r faultyReader) Scan(table string, rng store.Range) iter.Seq2[store.Entry, error] {
	if err := r.s.next(); err != nil {
		return func(yield func(store.Entry, error) bool) { yield(store.Entry{}, err) }
	}
	return r.Reader.Scan(table, rng)
}

// A faultyTx refuses to commit after a failure, as all drivers do.
type faultyTx struct {
	faultyReader
	tx  store.Tx
	err error
}

func (t *faultyTx) write(fn func() error) error {
	if err := t.s.next(); err != nil {
		t.err = err
		return err
	}
	return fn()
}

func (t *faultyTx) Insert(table, key string, value []byte) error {
	return t.write(func() error { return t.tx.Insert(table, key, value) })
}

func (t *faultyTx) Put(table, key string, value []byte) error {
	return t.write(func() error { return t.tx.Put(table, key, value) })
}

func (t *faultyTx) Delete(table, key string) error {
	return t.write(func() error { return t.tx.Delete(table, key) })
}

// contents are all entries of a store.
func contents(t testing.TB, s store.Store) map[string]string {
	t.Helper()
	out := map[string]string{}
	check(t, "View", s.View(t.Context(), func(r store.Reader) error {
		for _, table := range identity.Tables().Tables() {
			for e, err := range r.Scan(table, store.Range{}) {
				if err != nil {
					return err
				}
				out[table+" "+e.Key] = string(e.Value)
			}
		}
		return nil
	}))
	return out
}

// A scenario is a call that writes, to be made in a pool that was prepared for it.
type scenario struct {
	name    string
	prepare func(t *testing.T, f *fixture, pool *identity.UserPool) func(ctx context.Context, pool *identity.UserPool) error
	refused error // what the call comes to without any fault
}

// asAlice is a call in the name of whoever an access token is of.
func asAlice(access identity.Secret, call func(context.Context, *identity.Session) error) func(context.Context, *identity.UserPool) error {
	return func(ctx context.Context, pool *identity.UserPool) error {
		s, err := pool.Session(ctx, access)
		if err != nil {
			return err
		}
		return call(ctx, s)
	}
}

var scenarios = []scenario{
	{"SignUp", func(*testing.T, *fixture, *identity.UserPool) func(context.Context, *identity.UserPool) error {
		return func(ctx context.Context, pool *identity.UserPool) error {
			in := identity.SignUp{Username: "alice", Password: password, Attributes: map[string]string{"email": email}}
			res, err := pool.SignUp(ctx, in)
			if err != nil && res != nil {
				return errors.New("a result comes with the error")
			}
			return err
		}
	}, nil},
	{"ConfirmSignUp", func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		f.mayForce(t, pool)
		f.join(t, pool, "owner", email)
		f.signUp(t, pool, "alice", email)
		code := identity.Secret(f.outbox.LastCode("alice"))
		return func(ctx context.Context, pool *identity.UserPool) error {
			return pool.ConfirmSignUp(ctx, identity.ConfirmSignUp{Username: "alice", Code: code, ForceAlias: true})
		}
	}, nil},
	{"wrong code", func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		f.signUp(t, pool, "alice", email)
		return func(ctx context.Context, pool *identity.UserPool) error {
			return pool.ConfirmSignUp(ctx, identity.ConfirmSignUp{Username: "alice", Code: "none"})
		}
	}, identity.ErrCodeMismatch},
	{"ResendConfirmationCode", func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		f.signUp(t, pool, "alice", email)
		return func(ctx context.Context, pool *identity.UserPool) error {
			return second(pool.ResendConfirmationCode(ctx, "alice", ""))
		}
	}, nil},
	{"SignIn", func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		f.join(t, pool, "alice", email)
		_ = byPassword(t, pool.AppClient, "alice", wrong)
		return func(ctx context.Context, pool *identity.UserPool) error {
			return second(pool.SignIn(ctx, identity.SignIn{Username: "alice", Password: password}))
		}
	}, nil},
	{"wrong password", func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		f.join(t, pool, "alice", email)
		return func(ctx context.Context, pool *identity.UserPool) error {
			return second(pool.SignIn(ctx, identity.SignIn{Username: "alice", Password: wrong}))
		}
	}, identity.ErrIncorrectCredentials},
	{"SRP", func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		f.join(t, pool, "alice", email)
		proof := mustBeginSRP(t, pool.AppClient, pool.PoolID(), "alice").proof(t, password)
		return func(ctx context.Context, pool *identity.UserPool) error {
			return second(pool.PasswordVerifier("alice").Answer(ctx, proof))
		}
	}, nil},
	{"NewPassword", func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		f.invite(t, pool, "alice", nil)
		state := challenge(t, pool.AppClient, "alice").State()
		return func(ctx context.Context, pool *identity.UserPool) error {
			return second(pool.NewPassword("alice", state).Answer(ctx, identity.NewPassword{Password: chosen}))
		}
	}, nil},
	{"Refresh", func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		f.join(t, pool, "alice", email)
		client := f.rotating(t, pool, 0)
		token := f.signIn(t, client, "alice").Refresh
		return func(ctx context.Context, pool *identity.UserPool) error {
			return second(pool.Client(client.ClientID()).Refresh(ctx, identity.Refresh{Token: token, Rotating: true}))
		}
	}, nil},
	{"Import", func(*testing.T, *fixture, *identity.UserPool) func(context.Context, *identity.UserPool) error {
		return func(ctx context.Context, pool *identity.UserPool) error {
			res, err := pool.Admin().Users().Import(ctx, []*identity.UserRecord{{Username: "alice", Password: password}, {Username: "bob"}})
			if err != nil && res.Imported > 0 {
				return errors.New("users are said to be imported although there is an error")
			}
			return err
		}
	}, nil},
	{"Create", func(*testing.T, *fixture, *identity.UserPool) func(context.Context, *identity.UserPool) error {
		return func(ctx context.Context, pool *identity.UserPool) error {
			return second(pool.Admin().Users().Create(ctx, identity.CreateUser{Username: "alice", SuppressInvitation: true}))
		}
	}, nil},
	{"SetPassword", func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		f.join(t, pool, "alice", email)
		return func(ctx context.Context, pool *identity.UserPool) error {
			return pool.Admin().Users().SetPassword(ctx, "alice", chosen, false)
		}
	}, nil},
	{"ForgotPassword", func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		f.join(t, pool, "alice", email)
		return func(ctx context.Context, pool *identity.UserPool) error {
			return second(pool.ForgotPassword(ctx, "alice", ""))
		}
	}, nil},
	{"ConfirmForgotPassword", func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		f.join(t, pool, "alice", email)
		f.signIn(t, pool.AppClient, "alice")
		code := f.forgot(t, pool.AppClient, "alice")
		return func(ctx context.Context, pool *identity.UserPool) error {
			return recoverAs(ctx, pool.AppClient, "alice", code, chosen)
		}
	}, nil},
	{"ResetPassword", func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		f.join(t, pool, "alice", email)
		return func(ctx context.Context, pool *identity.UserPool) error {
			return pool.Admin().Users().ResetPassword(ctx, "alice")
		}
	}, nil},
	{"ChangePassword", func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		f.join(t, pool, "alice", email)
		f.signIn(t, pool.AppClient, "alice")
		access := f.signIn(t, pool.AppClient, "alice").Access
		return asAlice(access, func(ctx context.Context, s *identity.Session) error { return s.ChangePassword(ctx, password, chosen) })
	}, nil},
	{"wrong previous password", func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		f.join(t, pool, "alice", email)
		access := f.signIn(t, pool.AppClient, "alice").Access
		return asAlice(access, func(ctx context.Context, s *identity.Session) error { return s.ChangePassword(ctx, wrong, chosen) })
	}, identity.ErrIncorrectCredentials},
	{"UpdateAttributes", func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		f.join(t, pool, "alice", email)
		access := f.signIn(t, pool.AppClient, "alice").Access
		f.forgot(t, pool.AppClient, "alice")
		f.outbox.Clear()
		return asAlice(access, func(ctx context.Context, s *identity.Session) error {
			return second(s.UpdateAttributes(ctx, attrs{"email": newEmail, "name": "Al"}))
		})
	}, nil},
	{"VerifyAttribute", func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		f.join(t, pool, "alice", email)
		access := f.signIn(t, pool.AppClient, "alice").Access
		s, err := pool.Session(t.Context(), access)
		check(t, "Session", err)
		check(t, "UpdateAttributes", second(s.UpdateAttributes(t.Context(), attrs{"email": newEmail})))
		code := identity.Secret(f.outbox.LastCode(newEmail))
		return asAlice(access, func(ctx context.Context, s *identity.Session) error { return s.VerifyAttribute(ctx, "email", code) })
	}, nil},
	{"Revoke", func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		f.join(t, pool, "alice", email)
		token := f.signIn(t, pool.AppClient, "alice").Refresh
		return func(ctx context.Context, pool *identity.UserPool) error { return pool.Revoke(ctx, token, "") }
	}, nil},
	{"CreateClient", func(*testing.T, *fixture, *identity.UserPool) func(context.Context, *identity.UserPool) error {
		return func(ctx context.Context, pool *identity.UserPool) error {
			return second(pool.Admin().Clients().Create(ctx, &identity.ClientSettings{Name: "new", GenerateSecret: true}))
		}
	}, nil},
	{"RotateKeys", func(*testing.T, *fixture, *identity.UserPool) func(context.Context, *identity.UserPool) error {
		return func(ctx context.Context, pool *identity.UserPool) error { return pool.Admin().RotateKeys(ctx, 0) }
	}, nil},
	{"UpdatePool", func(*testing.T, *fixture, *identity.UserPool) func(context.Context, *identity.UserPool) error {
		return func(ctx context.Context, pool *identity.UserPool) error {
			return second(pool.Admin().Update(ctx, func(s *identity.PoolSettings) error { s.Name = "new"; return nil }))
		}
	}, nil},
	{"UpdateClient", func(*testing.T, *fixture, *identity.UserPool) func(context.Context, *identity.UserPool) error {
		return func(ctx context.Context, pool *identity.UserPool) error {
			rename := func(s *identity.ClientSettings) error { s.Name = "new"; return nil }
			return second(pool.Admin().Clients().Update(ctx, pool.ClientID(), rename))
		}
	}, nil},
	{"DeleteClient", func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		id := f.client(t, pool, identity.ClientSettings{GenerateSecret: true}).ClientID()
		return func(ctx context.Context, pool *identity.UserPool) error {
			return pool.Admin().Clients().Delete(ctx, id)
		}
	}, nil},
	{"AddSecret", func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		id := f.client(t, pool, identity.ClientSettings{GenerateSecret: true}).ClientID()
		return func(ctx context.Context, pool *identity.UserPool) error {
			return second(pool.Admin().Clients().AddSecret(ctx, id, ""))
		}
	}, nil},
	{"DeleteSecret", func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		id := f.client(t, pool, identity.ClientSettings{GenerateSecret: true}).ClientID()
		added, err := pool.Admin().Clients().AddSecret(t.Context(), id, "")
		check(t, "AddSecret", err)
		return func(ctx context.Context, pool *identity.UserPool) error {
			return pool.Admin().Clients().DeleteSecret(ctx, id, added.ID)
		}
	}, nil},
	{"AddToGroup", func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		f.join(t, pool, "alice", email)
		check(t, "Create", second(pool.Admin().Groups().Create(t.Context(), identity.GroupSettings{Name: "admins"})))
		return func(ctx context.Context, pool *identity.UserPool) error {
			return pool.Admin().Users().AddToGroup(ctx, "alice", "admins")
		}
	}, nil},
	{"CreateGroup", func(*testing.T, *fixture, *identity.UserPool) func(context.Context, *identity.UserPool) error {
		return func(ctx context.Context, pool *identity.UserPool) error {
			return second(pool.Admin().Groups().Create(ctx, identity.GroupSettings{Name: "admins"}))
		}
	}, nil},
	{"DeleteGroup", func(t *testing.T, _ *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		check(t, "Create", second(pool.Admin().Groups().Create(t.Context(), identity.GroupSettings{Name: "admins"})))
		return func(ctx context.Context, pool *identity.UserPool) error {
			return pool.Admin().Groups().Delete(ctx, "admins")
		}
	}, nil},
	{"Disable", func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		f.join(t, pool, "alice", email)
		f.signIn(t, pool.AppClient, "alice")
		return func(ctx context.Context, pool *identity.UserPool) error {
			return pool.Admin().Users().Disable(ctx, "alice")
		}
	}, nil},
	{"DeleteUser", func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		f.signUp(t, pool, "alice", email)
		_ = byPassword(t, pool.AppClient, "alice", wrong)
		return func(ctx context.Context, pool *identity.UserPool) error {
			return pool.Admin().Users().Delete(ctx, "alice")
		}
	}, nil},
	{"Delete", func(*testing.T, *fixture, *identity.UserPool) func(context.Context, *identity.UserPool) error {
		return func(ctx context.Context, pool *identity.UserPool) error { return pool.Admin().Delete(ctx) }
	}, nil},
}

// eachStep makes the call of each scenario once for each of its steps, on a
// copy of the prepared store, with a fault at that step. Then it makes the call again without one.
// In the short tier it does so for each thirteenth step of a quarter of the scenarios.
func eachStep(t *testing.T, fault func(cancel context.CancelFunc) func() error, want error) {
	t.Helper()
	stride := 1
	if testing.Short() {
		stride = 13
	}
	for _, sc := range few.Of(4, scenarios) {
		t.Run(sc.name, func(t *testing.T) {
			base := memory.New()
			// Old sign-ins are ended and notices sent after the commit, so a failure of that is not one of
			// the call. TestAFailedNoticeChangesNothing has notices.
			f := newEngineOn(t, base)
			pool := f.open(t, identity.PoolSettings{SRP: true, MaxSignIns: new(0), Notices: new(false), Aliases: []string{"email"}})
			f.join(t, pool, "first", "first@example.com") // so that the pool has its keys
			f.signIn(t, pool.AppClient, "first")
			call := sc.prepare(t, f, pool)
			before := contents(t, base)
			for at := 1; ; at += stride {
				fork, err := base.Fork()
				check(t, "Fork", err)
				ctx, cancel := context.WithCancel(t.Context())
				s := &faultyStore{Store: fork, fault: fault(cancel)}
				e := newEngineOn(t, s)
				again, err := e.UserPool(t.Context(), pool.PoolID())
				s.step, s.at = 0, at
				check(t, "UserPool", err)
				err = call(ctx, again)
				cancel()
				if s.step < at {
					wantErr(t, "without a fault", err, sc.refused)
					t.Logf("%d steps", s.step)
					break
				}
				if !errors.Is(err, want) {
					t.Errorf("step %d: error %v, want %v", at, err, want)
				}
				if !maps.Equal(contents(t, fork), before) {
					t.Errorf("step %d: something was written all the same", at)
				}
				if n := len(e.outbox.Messages(nil)); n > 0 {
					t.Errorf("step %d: %d messages were sent", at, n)
				}
				wantErr(t, "the next try", call(t.Context(), again), sc.refused)
				check(t, "Verify", verify(t, fork))
			}
		})
	}
}

// A failure before the commit of a change is told, and one after it costs the notice alone.
func TestAFailedNoticeChangesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("repeats a change once for each of its steps")
	}
	base := memory.New()
	f := newEngineOn(t, base)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	access := f.signIn(t, pool.AppClient, "alice").Access
	costs := 0
	for at := 1; ; at++ {
		fork, err := base.Fork()
		check(t, "Fork", err)
		s := &faultyStore{Store: fork, fault: func() error { return errInjected }}
		e := newEngineOn(t, s)
		again, err := e.UserPool(t.Context(), pool.PoolID())
		check(t, "UserPool", err)
		s.step, s.at = 0, at
		session, err := again.Session(t.Context(), access)
		if err == nil {
			err = session.ChangePassword(t.Context(), password, chosen)
		}
		notices := len(e.outbox.Messages(nil))
		if s.step < at {
			if err != nil || notices != 1 || costs == 0 {
				t.Errorf("without a fault: %v, %d notices; %d failures cost the notice, want some", err, notices, costs)
			}
			return
		}
		if err == nil {
			costs++
		}
		inForce := password
		if err == nil {
			inForce = chosen
		}
		if e := byPassword(t, again.AppClient, "alice", inForce); e != nil || notices > 0 {
			t.Errorf("step %d, which answered %v: %v, %d notices", at, err, e, notices)
		}
	}
}

func TestFailureOfAnyStepChangesNothing(t *testing.T) {
	eachStep(t, func(context.CancelFunc) func() error { return func() error { return errInjected } }, errInjected)
}

func TestCancellationAtAnyStepChangesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("repeats each flow once for each of its steps, as TestFailureOfAnyStepChangesNothing does")
	}
	eachStep(t, func(cancel context.CancelFunc) func() error { return func() error { cancel(); return nil } }, context.Canceled)
}

func TestFailureOfTheSenderIsToldAndTheUserMade(t *testing.T) {
	f := newEngineWith(t, memory.New(), func(o *identity.Options) {
		o.Sender, o.Logger = brokenSender{}, slog.New(slog.NewTextHandler(t.Output(), nil))
	})
	pool := f.open(t, identity.PoolSettings{ReplaceUnconfirmed: new(false)})
	in := identity.SignUp{Username: "alice", Password: password, Attributes: map[string]string{"email": email}}
	res, err := pool.SignUp(t.Context(), in)
	wantErr(t, "SignUp", err, identity.ErrDelivery)
	wantErr(t, "SignUp, by its cause", err, errInjected)
	if res == nil || res.Delivery == nil || res.Sub == "" {
		t.Errorf("result %+v, want that of a user who was made", res)
	}
	wantErr(t, "SignUp again", second(pool.SignUp(t.Context(), in)), identity.ErrUsernameExists)
	for hide, want := range map[string]error{"LEGACY": identity.ErrDelivery, "ENABLED": nil} { // it would tell who has an account
		client := f.client(t, pool, identity.ClientSettings{PreventUserExistenceErrors: &hide})
		d, err := client.ResendConfirmationCode(t.Context(), "alice", "")
		wantErr(t, "ResendConfirmationCode", err, want)
		if d == nil {
			t.Error("no delivery comes with the error")
		}
	}
}

type brokenSender struct{}

func (brokenSender) Send(context.Context, *identity.Message) error { return errInjected }
