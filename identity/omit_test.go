package identity_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/store/sealed"
)

// What a program gets that leaves something out: it must be safe.

// A wrapped store passes on what is inside.
type wrapped struct{ store.Store }

func (w wrapped) Unwrap() store.Store { return w.Store }

// A mute store does not say what is inside.
type mute struct{ store.Store }

func TestNoSecretReachesADiskInClear(t *testing.T) {
	if testing.Short() {
		t.Skip("reads whole files; TestNoSecretIsInASealedStore reads the entries")
	}
	keys, err := sealed.OpenKeyFile(filepath.Join(t.TempDir(), "key"))
	check(t, "OpenKeyFile", err)
	seal := func(s store.Store) store.Store { return sealed.New(s, keys, identity.Tables()) }
	for _, tt := range []struct {
		name    string
		store   store.Store
		options identity.Options
		want    error
	}{
		{"bare", openBolt(t), identity.Options{}, store.ErrUnsealed},
		{"bare, wrapped", wrapped{openBolt(t)}, identity.Options{}, store.ErrUnsealed},
		{"of an unknown kind", mute{memory.New()}, identity.Options{}, store.ErrUnsealed},
		{"bare, as asked for", openBolt(t), identity.Options{InsecureUnsealed: true}, nil},
		{"sealed", seal(openBolt(t)), identity.Options{}, nil},
		{"sealed, wrapped", wrapped{seal(openBolt(t))}, identity.Options{}, nil},
		{"in memory", memory.New(), identity.Options{}, nil},
		{"in memory, wrapped", wrapped{memory.New()}, identity.Options{}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.options.InsecureCheapHashing, tt.options.Sender = true, identity.NewOutbox(0)
			pool, err := identity.New(tt.store, &tt.options).OpenUserPool(t.Context(), "main", &identity.PoolSettings{Algorithm: "ES256"})
			check(t, "OpenUserPool", err)
			_, err = pool.SignUp(t.Context(), identity.SignUp{Username: "alice", Password: password, Attributes: map[string]string{"email": email}})
			if tt.want == nil {
				check(t, "SignUp", err)
				return
			}
			wantErr(t, "SignUp", err, tt.want)
			for _, remedy := range []string{"store/sealed", "Options.InsecureUnsealed"} {
				if !strings.Contains(fmt.Sprint(err), remedy) {
					t.Errorf("the error %v does not name %s", err, remedy)
				}
			}
			if n := recordsIn(t, tt.store); n != 0 {
				t.Errorf("the refused call left %d secrets and users", n)
			}
		})
	}
}

// recordsIn counts the records in the secret tables of a store, and the users.
func recordsIn(t *testing.T, s store.Store) (n int) {
	t.Helper()
	check(t, "View", s.View(t.Context(), func(r store.Reader) error {
		for _, table := range append(identity.Tables().SecretTables(), "users") {
			for _, err := range r.Scan(table, store.Range{}) {
				if err != nil {
					return err
				}
				n++
			}
		}
		return nil
	}))
	return n
}

// A store whose secrets are in clear already can be read without the option, so
// that a program can move what is in it.
func TestUnsealedStoreCanBeRead(t *testing.T) {
	s := openBolt(t)
	pool, err := identity.New(s, &identity.Options{InsecureUnsealed: true, InsecureCheapHashing: true}).OpenUserPool(t.Context(), "main", &identity.PoolSettings{Algorithm: "ES256"})
	check(t, "OpenUserPool", err)
	later := identity.New(s, nil)
	found, err := later.OpenUserPool(context.Background(), "main", nil)
	check(t, "OpenUserPool again", err)
	if found.PoolID() != pool.PoolID() {
		t.Errorf("pool = %s, want %s", found.PoolID(), pool.PoolID())
	}
	_, _, err = later.AccessKeys().Create(t.Context(), "deploy", nil)
	wantErr(t, "AccessKeys.Create", err, store.ErrUnsealed)
}

// Each operation that owes a message, without a way to send one: it says so, and
// leaves the store as it was.
func TestNoMessageIsOwedInSilence(t *testing.T) {
	f := newEngineWith(t, twice(memory.New()), func(*identity.Options) {})
	pool := f.open(t, identity.PoolSettings{
		Defaults: identity.CognitoDefaults, AutoVerified: []string{"email", "phone_number"}, SMSMFA: true, TOTP: new(true), MFA: identity.MFAOptional,
		PasswordPolicy: &identity.PasswordPolicy{MinimumLength: 8},
	})
	hidden := f.client(t, pool, identity.ClientSettings{PreventUserExistenceErrors: ptr("ENABLED")})
	f.join(t, pool, "alice", email)
	f.signUp(t, pool, "ursula", "ursula@example.com")
	f.join(t, pool, "sam", "sam@example.com")
	admin := pool.Admin().Users()
	check(t, "UpdateAttributes", admin.UpdateAttributes(t.Context(), "sam", map[string]string{"phone_number": "+15550100", "phone_number_verified": "true"}))
	check(t, "SetMFA", admin.SetMFA(t.Context(), "sam", identity.MFAUpdate{identity.MFASMS: {Enabled: true}}))
	f.join(t, pool, "carol", "carol@example.com")
	f.enroll(t, f.session(t, hidden, "carol"))
	f.edit(t, pool, "carol", func(u *identity.User) { u.Attributes["phone_number"] = phone })
	check(t, "SetMFA", admin.SetMFA(t.Context(), "carol", identity.MFAUpdate{identity.MFASMS: {Enabled: true}, identity.MFATOTP: {Enabled: true}}))
	_, err := admin.Create(t.Context(), identity.CreateUser{Username: "ina", Attributes: map[string]string{"email": "ina@example.com"}, SuppressInvitation: true})
	check(t, "Create", err)
	in, err := hidden.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: password})
	check(t, "SignIn", err)

	mute := identity.New(f.store, &identity.Options{Clock: f.now, InsecureCheapHashing: true})
	pool, err = mute.UserPool(t.Context(), pool.PoolID())
	check(t, "UserPool", err)
	admin = pool.Admin().Users()
	client := pool.Client(hidden.ClientID())
	session, err := pool.Session(t.Context(), in.Tokens.Access)
	check(t, "Session", err)
	choice, err := client.SignIn(t.Context(), identity.SignIn{Username: "carol", Password: password})
	check(t, "SignIn", err)
	mail := []identity.Medium{identity.MediumEmail}
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"SignUp": func() error {
			return second(client.SignUp(ctx, identity.SignUp{Username: "new", Password: password, Attributes: map[string]string{"email": "new@example.com"}}))
		},
		"ResendConfirmationCode":            func() error { return second(client.ResendConfirmationCode(ctx, "ursula", "")) },
		"ResendConfirmationCode for nobody": func() error { return second(client.ResendConfirmationCode(ctx, "nobody", "")) },
		"ForgotPassword":                    func() error { return second(client.ForgotPassword(ctx, "alice", "")) },
		"ForgotPassword for nobody":         func() error { return second(client.ForgotPassword(ctx, "nobody", "")) },
		"ForgotPassword for an unconfirmed": func() error { return second(client.ForgotPassword(ctx, "ursula", "")) },
		"SignIn with a code by SMS":         func() error { return byPassword(t, client, "sam", password) },
		"the choice of a code by SMS": func() error {
			return second(client.MFAChoice("carol", choice.Challenge.State()).Answer(ctx, identity.FactorChoice{Method: identity.MFASMS}))
		},
		"SendVerification": func() error { return second(session.SendVerification(ctx, "email")) },
		"UpdateAttributes": func() error {
			return second(session.UpdateAttributes(ctx, map[string]string{"email": "other@example.com"}))
		},
		"UpdateAttributes by an operator": func() error {
			return admin.UpdateAttributes(ctx, "ursula", map[string]string{"email": "other@example.com"})
		},
		"ResetPassword": func() error { return admin.ResetPassword(ctx, "alice") },
		"Create": func() error {
			return second(admin.Create(ctx, identity.CreateUser{Username: "new", Attributes: map[string]string{"email": "new@example.com"}, Mediums: mail}))
		},
		"Create, to invite again": func() error {
			return second(admin.Create(ctx, identity.CreateUser{Username: "ina", ResendInvitation: true, Mediums: mail}))
		},
	} {
		before := everything(t, f.store)
		wantErr(t, name, call(), identity.ErrNoSender)
		if !maps.Equal(before, everything(t, f.store)) {
			t.Errorf("%s changes the store", name)
		}
	}
	wantErr(t, "SignIn with a wrong password", byPassword(t, client, "sam", wrong), identity.ErrIncorrectCredentials)
	check(t, "SignIn without a code", byPassword(t, client, "alice", password))
}

// everything returns all that is in the tables of a store.
func everything(t *testing.T, s store.Store) map[store.Ref]string {
	t.Helper()
	all := map[store.Ref]string{}
	check(t, "View", s.View(t.Context(), func(r store.Reader) error {
		for _, table := range identity.Tables().Tables() {
			for e, err := range r.Scan(table, store.Range{}) {
				if err != nil {
					return err
				}
				all[store.Ref{Table: table, Key: e.Key}] = string(e.Value)
			}
		}
		return nil
	}))
	return all
}
