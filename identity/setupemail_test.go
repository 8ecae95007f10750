package identity_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/mfa"
	"github.com/cognate-id/cognate/store/memory"
)

// addressless opens a pool that demands a factor, with alice, who has no address, and a client.
func (f *fixture) addressless(t testing.TB, edit func(*identity.PoolSettings), client identity.ClientSettings) (*identity.UserPool, *identity.AppClient) {
	t.Helper()
	s := emailPool("ON")
	if edit != nil {
		edit(&s)
	}
	pool := f.open(t, s)
	f.invite(t, pool, "alice", nil)
	check(t, "SetPassword", pool.Admin().Users().SetPassword(t.Context(), "alice", password, true))
	return pool, f.client(t, pool, client)
}

// setUpBy answers the challenge with an address.
func setUpBy(t testing.TB, a *identity.AppClient, address string) *identity.EmailCodeRequired {
	t.Helper()
	res, err := asked[*identity.MFASetupRequired](t, a).AnswerEmail(t.Context(), identity.EmailSetup{Address: address})
	check(t, "AnswerEmail", err)
	return challengeOf[*identity.EmailCodeRequired](t, res)
}

func TestSetupByEmail(t *testing.T) {
	f := newEngine(t)
	pool, a := f.addressless(t, nil, identity.ClientSettings{})
	setup := asked[*identity.MFASetupRequired](t, a)
	if want := []identity.MFAMethod{identity.MFATOTP, identity.MFAEmail}; !slices.Equal(setup.Methods, want) {
		t.Errorf("to set up: %v, want %v", setup.Methods, want)
	}
	res, err := setup.AnswerEmail(t.Context(), identity.EmailSetup{Address: email})
	check(t, "AnswerEmail", err)
	ch := challengeOf[*identity.EmailCodeRequired](t, res)
	if d := ch.Delivery; d.Medium != "EMAIL" || d.Destination != "a***@e***" {
		t.Errorf("delivery %+v", d)
	}
	_, err = setup.AnswerEmail(t.Context(), identity.EmailSetup{Address: email})
	wantErr(t, "the state again", err, identity.ErrSessionUsed)
	code := f.outbox.LastCode(email)
	other := setUpBy(t, a, "mallory@example.com")
	wantErr(t, "the code of another address", answer(t.Context(), other, code), identity.ErrMFACodeMismatch)
	wantErr(t, "a wrong code", answer(t.Context(), ch, "000000"), identity.ErrMFACodeMismatch)
	wantErr(t, "no code", answer(t.Context(), ch, ""), identity.ErrMissingParameter)
	if u := f.user(t, pool, "alice"); len(u.MFA.Methods) != 0 || u.Attributes["email"] != "" {
		t.Errorf("after wrong codes: %+v", u)
	}
	check(t, "the code", answer(t.Context(), a.EmailCode("alice", ch.State()), code))
	u := f.user(t, pool, "alice")
	if got := fmt.Sprintf("%v %s %s", u.MFA.Methods, u.Attributes["email"], u.Attributes["email_verified"]); got != "[EMAIL_OTP] "+email+" true" {
		t.Errorf("after the code: %s", got)
	}
	wantErr(t, "the code again", answer(t.Context(), ch, code), identity.ErrSessionInvalid, identity.ErrSessionUsed)
	wantErr(t, "a set-up of before", answer(t.Context(), other, f.outbox.LastCode("mallory@example.com")), identity.ErrSessionInvalid)
	check(t, "the next sign-in", answer(t.Context(), asked[*identity.EmailCodeRequired](t, a), f.outbox.LastCode(email)))
}

// setUpByEmail has hal, who has no address, set codes by e-mail up.
func setUpByEmail(ctx context.Context, l *life) error {
	byMail := func(m *identity.EmailMFASettings) func(*identity.PoolSettings) error {
		return func(s *identity.PoolSettings) error { s.EmailMFA = m; return nil }
	}
	check(l.t, "Update", second(l.admin.Update(l.t.Context(), byMail(&identity.EmailMFASettings{}))))
	u, err := l.users.Create(l.t.Context(), identity.CreateUser{Username: "ivo", SuppressInvitation: true, TemporaryPassword: password})
	if err != nil {
		return err
	}
	l.subs["ivo"] = u.Sub
	check(l.t, "SetPassword", l.users.SetPassword(l.t.Context(), "ivo", password, true))
	in, err := l.open2(ctx, "ivo", password)
	if err != nil {
		return err
	}
	res, err := in.Challenge.(*identity.MFASetupRequired).AnswerEmail(ctx, identity.EmailSetup{Address: "ivo@example.com"})
	if err != nil {
		return err
	}
	ch := res.Challenge.(*identity.EmailCodeRequired)
	_, err = ch.Answer(ctx, identity.FactorCode{Code: "000"})
	wantErr(l.t, "a wrong code", err, identity.ErrMFACodeMismatch)
	return second(ch.Answer(ctx, identity.FactorCode{Code: l.code("ivo@example.com")}))
}

// TestSetupByEmailIsRefused has what AnswerEmail refuses, and that it then sends nothing.
func TestSetupByEmailIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name    string
		edit    func(*identity.PoolSettings)
		client  identity.ClientSettings
		before  func(t *testing.T, f *fixture, pool *identity.UserPool)
		address string
		want    error
	}{
		{"no address", nil, identity.ClientSettings{}, nil, "", identity.ErrMissingParameter},
		{"no address at all", nil, identity.ClientSettings{}, nil, "alice", identity.ErrInvalidParameter},
		{"not offered", func(s *identity.PoolSettings) { s.EmailMFA = nil }, identity.ClientSettings{}, nil, email, identity.ErrInvalidParameter},
		{"not the client's to write", nil, identity.ClientSettings{WriteAttributes: []string{"name"}}, nil, email, identity.ErrInvalidParameter},
		{"an address that cannot change", func(s *identity.PoolSettings) {
			s.Schema = identity.StandardSchema()
			i := slices.IndexFunc(s.Schema, func(a identity.SchemaAttribute) bool { return a.Name == "email" })
			s.Schema[i].Mutable = false
		}, identity.ClientSettings{}, nil, email, identity.ErrInvalidParameter},
		{"an address by now", nil, identity.ClientSettings{}, func(t *testing.T, f *fixture, pool *identity.UserPool) {
			f.edit(t, pool, "alice", func(u *identity.User) { u.Attributes["email"] = "first@example.com" })
		}, email, identity.ErrSessionInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newEngine(t)
			pool, a := f.addressless(t, tt.edit, tt.client)
			ch := asked[*identity.MFASetupRequired](t, a)
			offered := tt.edit == nil && tt.client.WriteAttributes == nil
			if got := slices.Contains(ch.Methods, identity.MFAEmail); got != offered {
				t.Errorf("to set up: %v", ch.Methods)
			}
			if tt.before != nil {
				tt.before(t, f, pool)
			}
			sent := len(f.outbox.Messages(nil))
			_, err := ch.AnswerEmail(t.Context(), identity.EmailSetup{Address: tt.address})
			wantErr(t, "AnswerEmail", err, tt.want)
			if n := len(f.outbox.Messages(nil)) - sent; n != 0 {
				t.Errorf("%d messages", n)
			}
		})
	}
}

// TestCodeOfASetupIsRefused has what happens between the request and the right code.
func TestCodeOfASetupIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before func(t *testing.T, f *fixture, pool *identity.UserPool)
		want   error
	}{
		{"an address by now", func(t *testing.T, f *fixture, pool *identity.UserPool) {
			f.edit(t, pool, "alice", func(u *identity.User) { u.Attributes["email"] = "first@example.com" })
		}, identity.ErrSessionInvalid},
		{"not offered any more", func(t *testing.T, f *fixture, pool *identity.UserPool) {
			check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.EmailMFA = nil }))
		}, identity.ErrSessionInvalid},
		{"another password", func(t *testing.T, _ *fixture, pool *identity.UserPool) {
			check(t, "SetPassword", pool.Admin().Users().SetPassword(t.Context(), "alice", "a third horse battery staple", true))
		}, identity.ErrSessionInvalid},
		{"an address of another user", func(t *testing.T, f *fixture, pool *identity.UserPool) {
			f.join(t, pool, "bob", email)
		}, identity.ErrAliasExists},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newEngine(t)
			pool, a := f.addressless(t, func(s *identity.PoolSettings) { s.Aliases = []string{"email"} }, identity.ClientSettings{})
			ch := setUpBy(t, a, email)
			code := f.outbox.LastCode(email)
			tt.before(t, f, pool)
			was := fmt.Sprint(f.user(t, pool, "alice").Attributes)
			wantErr(t, "the right code", answer(t.Context(), ch, code), tt.want)
			if u := f.user(t, pool, "alice"); len(u.MFA.Methods) != 0 || fmt.Sprint(u.Attributes) != was {
				t.Errorf("the user is %+v", u)
			}
		})
	}
}

// TestSetupsByEmailAreLimited: whoever knows a password cannot have mail sent to many addresses.
func TestSetupsByEmailAreLimited(t *testing.T) {
	f := newEngine(t)
	_, a := f.addressless(t, nil, identity.ClientSettings{})
	for i := range 5 {
		setUpBy(t, a, fmt.Sprintf("a%d@example.com", i))
	}
	_, err := asked[*identity.MFASetupRequired](t, a).AnswerEmail(t.Context(), identity.EmailSetup{Address: email})
	wantErr(t, "the sixth", err, identity.ErrLimitExceeded)
}

// TestSetupByEmailBesideAnother: who sets an app up in the meantime has a factor, and the set-up by e-mail goes no further.
func TestSetupByEmailBesideAnother(t *testing.T) {
	f := newEngine(t)
	pool, a := f.addressless(t, nil, identity.ClientSettings{})
	early, late := asked[*identity.MFASetupRequired](t, a), setUpBy(t, a, email)
	code := f.outbox.LastCode(email)
	app := asked[*identity.MFASetupRequired](t, a)
	key, err := app.Enroll(t.Context())
	check(t, "Enroll", err)
	f.advance(mfa.Period)
	check(t, "Verify", app.Verify(t.Context(), identity.Secret(key.Code(f.now())), ""))
	check(t, "Answer", second(app.Answer(t.Context(), "")))
	wantErr(t, "an address", second(early.AnswerEmail(t.Context(), identity.EmailSetup{Address: email})), identity.ErrSessionInvalid)
	wantErr(t, "the code", answer(t.Context(), late, code), identity.ErrSessionInvalid)
	if u := f.user(t, pool, "alice"); fmt.Sprint(u.MFA.Methods) != "[SOFTWARE_TOKEN_MFA]" || u.Attributes["email"] != "" {
		t.Errorf("the user is %+v", u)
	}
}

// TestSetupByEmailChangesTheAccount: a set-up ends earlier sign-ins, puts the user into groups by the new address, and tells the owner, by
// the address from before if there is one.
func TestSetupByEmailChangesTheAccount(t *testing.T) {
	for _, tt := range []struct {
		told   string
		outbox *identity.OutboxOptions
	}{{email, nil}, {phone, nil}, {email, &identity.OutboxOptions{}}} {
		told := tt.told
		f := newEngineWith(t, twice(memory.New()), func(o *identity.Options) { o.Outbox = tt.outbox })
		send := func() {
			if tt.outbox != nil {
				check(t, "SendDue", second(f.SendDue(t.Context())))
			}
		}
		pool, a := f.addressless(t, func(s *identity.PoolSettings) {
			s.MFA, s.SMS = identity.MFAOptional, &identity.SMSSettings{CallerARN: "r"}
		}, identity.ClientSettings{})
		groups := pool.Admin().Groups()
		check(t, "Create", second(groups.Create(t.Context(), identity.GroupSettings{Name: "staff"})))
		check(t, "AddRule", second(groups.AddRule(t.Context(), ruleOf("staff", "example.com"))))
		f.edit(t, pool, "alice", func(u *identity.User) {
			u.Pending = attrs{"email": "waits@example.com"}
			if told == phone {
				u.Attributes["phone_number"], u.Attributes["phone_number_verified"] = phone, "true"
			}
		})
		before := f.signIn(t, a, "alice")
		check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) {
			s.MFA, s.SignOutOnFactorChange, s.Notices = identity.MFAOn, new(true), new(true)
		}))
		ch := setUpBy(t, a, email)
		send()
		check(t, "the code", answer(t.Context(), ch, f.outbox.LastCode(email)))
		send()
		wantErr(t, "a sign-in from before", second(pool.Session(t.Context(), before.Access)), identity.ErrAccessTokenRevoked)
		if u := f.user(t, pool, "alice"); len(u.Pending) != 0 {
			t.Errorf("still pending: %v", u.Pending)
		}
		if in, err := pool.Admin().Users().Groups(t.Context(), "alice"); err != nil || len(in) != 1 {
			t.Errorf("groups %v, %v", in, err)
		}
		notices := f.outbox.Messages(func(m *identity.Message) bool { return m.Kind == identity.MessageFactorChanged })
		if len(notices) != 1 || notices[0].To != told {
			t.Errorf("notices %+v, want one to %s", notices, told)
		}
	}
}

// TestSourceOfSetupsByEmail: one source asks for so many codes an hour, whatever the accounts.
func TestSourceOfSetupsByEmail(t *testing.T) {
	f := newEngineWith(t, memory.New(), func(o *identity.Options) { o.Limits = identity.Limits{SourceMessagesPerHour: 1} })
	_, a := f.addressless(t, nil, identity.ClientSettings{})
	ctx := from(t, "203.0.113.7")
	check(t, "the first", second(asked[*identity.MFASetupRequired](t, a).AnswerEmail(ctx, identity.EmailSetup{Address: email})))
	ch := asked[*identity.MFASetupRequired](t, a)
	wantErr(t, "the second", second(ch.AnswerEmail(ctx, identity.EmailSetup{Address: email})), identity.ErrLimitExceeded)
	check(t, "from elsewhere", second(ch.AnswerEmail(from(t, "203.0.113.8"), identity.EmailSetup{Address: email})))
}
