package identity_test

import (
	"context"
	"slices"
	"testing"

	"github.com/cognate-id/cognate/identity"
)

// emailPool is a pool whose users may, or must, have codes by e-mail as a second factor.
func emailPool(mode identity.MFAMode) identity.PoolSettings {
	s := mfaPool(mode)
	s.SMSMFA, s.EmailMFA = false, &identity.EmailMFASettings{}
	return s
}

var emailOn = identity.MFAUpdate{identity.MFAEmail: {Enabled: true}}

func TestEmailCodes(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, emailPool("OPTIONAL"))
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	s := f.session(t, a, "alice")
	check(t, "SetMFA", s.SetMFA(t.Context(), emailOn))

	first := asked[*identity.EmailCodeRequired](t, a)
	if d := first.Delivery; d.Medium != "EMAIL" || d.Attribute != "email" || d.Destination != "a***@e***" {
		t.Errorf("delivery %+v, want EMAIL to a***@e***", d)
	}
	m := f.outbox.Messages(nil)[0]
	if m.Kind != identity.MessageFactorCode || m.Subject != "Your authentication code" || m.Body != "Your authentication code is "+string(m.Code)+"." || m.To != email || len(m.Code) != 6 {
		t.Errorf("message %+v", m)
	}
	second := asked[*identity.EmailCodeRequired](t, a)
	wantErr(t, "the code of another sign-in", answer(t.Context(), second, string(m.Code)), identity.ErrMFACodeMismatch)
	f.edit(t, pool, "alice", func(u *identity.User) { u.Attributes["email_verified"] = "false" })
	check(t, "the code of this sign-in", answer(t.Context(), second, f.outbox.LastCode(email)))
	if u := f.user(t, pool, "alice"); u.Attributes["email_verified"] != "true" {
		t.Error("the code did not verify the address")
	}
	f.edit(t, pool, "alice", func(u *identity.User) { u.Attributes["email"] = "new@example.com" })
	wantErr(t, "a code that went to an earlier address", answer(t.Context(), first, string(m.Code)), identity.ErrMFACodeMismatch)
	wantErr(t, "a code for another factor", answer(t.Context(), a.SMSCode("alice", asked[*identity.EmailCodeRequired](t, a).State()), f.outbox.LastCode("new@example.com")), identity.ErrSessionInvalid)
}

func TestWordsOfEmailCodes(t *testing.T) {
	f := newEngine(t)
	s := emailPool("ON")
	s.EmailMFA = &identity.EmailMFASettings{Message: new("<b>{####}</b> for you"), Subject: new("Sign in")}
	pool := f.open(t, s)
	f.join(t, pool, "alice", email)
	asked[*identity.EmailCodeRequired](t, f.client(t, pool, identity.ClientSettings{}))
	if m := f.outbox.Messages(nil)[0]; m.Subject != "Sign in" || !m.HTML || m.Body != "<b>"+string(m.Code)+"</b> for you" {
		t.Errorf("message %+v", m)
	}
}

// In a pool that demands a factor, the strongest that the user has is asked for. Mail is the weakest:
// a mailbox is where a forgotten password is reset, too.
func TestTheStrongestFactorIsAskedFor(t *testing.T) {
	f := newEngine(t)
	s := emailPool("ON")
	s.SMSMFA = true
	pool := f.open(t, s)
	a := f.client(t, pool, identity.ClientSettings{})
	f.invite(t, pool, "alice", nil)
	check(t, "SetPassword", pool.Admin().Users().SetPassword(t.Context(), "alice", password, true))
	all := []identity.MFAMethod{identity.MFASMS, identity.MFATOTP, identity.MFAEmail}
	if ch := asked[*identity.MFASetupRequired](t, a); !slices.Equal(ch.Methods, all) {
		t.Errorf("to set up: %v, want %v", ch.Methods, all)
	}
	f.edit(t, pool, "alice", func(u *identity.User) { u.Attributes["email"] = email })
	asked[*identity.EmailCodeRequired](t, a)
	f.edit(t, pool, "alice", func(u *identity.User) { u.Attributes["phone_number"] = phone })
	asked[*identity.SMSCodeRequired](t, a)
}

func TestEmailCodesEndWithTheirSetting(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, emailPool("OPTIONAL"))
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	check(t, "SetMFA", pool.Admin().Users().SetMFA(t.Context(), "alice", emailOn))
	pending := asked[*identity.EmailCodeRequired](t, a)
	check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.EmailMFA = nil }))
	wantErr(t, "a challenge of before", answer(t.Context(), pending, f.outbox.LastCode(email)), identity.ErrSessionInvalid)
	check(t, "SignIn", byPassword(t, a, "alice", password))
}

// signInByEmailCode has ada sign in by a code by mail, which the pool offers for that long.
func signInByEmailCode(first func(*identity.EmailCodeRequired, context.Context, string) (*identity.SignInResult, error)) func(context.Context, *life) error {
	return func(ctx context.Context, l *life) error {
		byMail := func(m *identity.EmailMFASettings) func(*identity.PoolSettings) error {
			return func(s *identity.PoolSettings) error { s.EmailMFA = m; return nil }
		}
		check(l.t, "Update", second(l.admin.Update(ctx, byMail(&identity.EmailMFASettings{}))))
		defer l.admin.Update(ctx, byMail(nil))
		check(l.t, "SetMFA", l.users.SetMFA(ctx, "ada", identity.MFAUpdate{identity.MFAEmail: {Enabled: true, Preferred: true}}))
		in, err := l.open2(ctx, "ada", password3)
		if err == nil && first != nil {
			in, err = first(in.Challenge.(*identity.EmailCodeRequired), ctx, "")
		}
		if err != nil {
			return err
		}
		return second(in.Challenge.(*identity.EmailCodeRequired).Answer(ctx, identity.FactorCode{Code: l.code(adaMail)}))
	}
}
