package identity_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/memory"
)

func TestInvitationCarriesAPasswordThatWorks(t *testing.T) {
	phone := map[string]string{"email": email, "phone_number": "+15551234567"}
	for name, tt := range map[string]struct {
		in   identity.CreateUser
		sent []string // over which media, the last first
	}{
		"by default by mail": {identity.CreateUser{Attributes: phone}, []string{"EMAIL"}},
		"over SMS to others": {identity.CreateUser{Attributes: map[string]string{"phone_number": "+15551234567"}}, []string{"SMS"}},
		"over SMS":           {identity.CreateUser{Attributes: phone, Mediums: []identity.Medium{"SMS"}}, []string{"SMS"}},
		"by mail":            {identity.CreateUser{Attributes: phone, Mediums: []identity.Medium{"EMAIL"}}, []string{"EMAIL"}},
		"over both":          {identity.CreateUser{Attributes: phone, Mediums: []identity.Medium{"EMAIL", "SMS"}}, []string{"EMAIL", "SMS"}},
		"without an address": {identity.CreateUser{TemporaryPassword: password}, nil},
		"suppressed":         {identity.CreateUser{Attributes: phone, TemporaryPassword: password, SuppressInvitation: true}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newEngine(t)
			pool := f.open(t, identity.PoolSettings{PasswordPolicy: &identity.PasswordPolicy{
				MinimumLength: 20, RequireUppercase: true, RequireLowercase: true, RequireNumbers: true, RequireSymbols: true,
			}})
			tt.in.Username = "alice"
			if tt.in.TemporaryPassword != "" {
				tt.in.TemporaryPassword = "A temporary password, no. 1"
			}
			u, err := pool.Admin().Users().Create(t.Context(), tt.in)
			check(t, "Create", err)
			if u.Status != identity.StatusForceChangePassword {
				t.Errorf("status %s, want FORCE_CHANGE_PASSWORD", u.Status)
			}
			given := string(tt.in.TemporaryPassword)
			messages := f.outbox.Messages(nil)
			if len(messages) != len(tt.sent) {
				t.Fatalf("%d messages, want %v", len(messages), tt.sent)
			}
			for i, m := range messages {
				given = string(m.Code)
				if string(m.Medium) != tt.sent[i] || m.Kind != identity.MessageInvitation || m.Client != "" ||
					m.Body != "Your username is alice and temporary password is "+given+"." {
					t.Errorf("message %+v, want an invitation by %s", m, tt.sent[i])
				}
			}
			res, err := pool.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: identity.Secret(given)})
			if err != nil || res.Challenge == nil {
				t.Errorf("SignIn = %+v, %v, want a challenge", res, err)
			}
		})
	}
}

func TestInvitationIsSentAgain(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	users := pool.Admin().Users()
	again := identity.CreateUser{Username: "alice", ResendInvitation: true, Mediums: []identity.Medium{"EMAIL"}}
	_, err := users.Create(t.Context(), again)
	wantErr(t, "nobody", err, identity.ErrUserNotFound)
	f.invite(t, pool, "alice", map[string]string{"email": email})
	old := challenge(t, pool.AppClient, "alice")
	f.advance(8 * 24 * time.Hour)
	wantErr(t, "the first password", byPassword(t, pool.AppClient, "alice", password), identity.ErrTemporaryPasswordExpired)
	_, err = users.Create(t.Context(), again)
	check(t, "Create", err)
	wantErr(t, "the first password", byPassword(t, pool.AppClient, "alice", password), identity.ErrIncorrectCredentials)
	res, err := pool.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: identity.Secret(f.outbox.LastCode("alice"))})
	check(t, "SignIn", err)
	_, err = old.Answer(t.Context(), identity.NewPassword{Password: chosen})
	wantErr(t, "challenge of before", err, identity.ErrSessionExpired)
	_, err = pool.NewPassword("alice", res.Challenge.State()).Answer(t.Context(), identity.NewPassword{Password: chosen})
	check(t, "Answer", err)
	_, err = users.Create(t.Context(), again)
	if e, ok := errors.AsType[*identity.StatusError](err); !ok || e.Status != identity.StatusConfirmed || !errors.Is(err, identity.ErrResendNotPossible) {
		t.Errorf("error %v, want one that names the status", err)
	}
}

func TestCreatedUserTakesNoNameOfAnother(t *testing.T) {
	f := newEngine(t)
	verified := map[string]string{"email": email, "email_verified": "true"}
	pool := f.open(t, identity.PoolSettings{Aliases: []string{"email", "preferred_username"}})
	users := pool.Admin().Users()
	f.join(t, pool, "alice", email)
	create := func(in identity.CreateUser) error {
		in.SuppressInvitation = true
		return second(users.Create(t.Context(), in))
	}
	wantErr(t, "username", create(identity.CreateUser{Username: "ALICE"}), identity.ErrUsernameExists)
	wantErr(t, "username by force", create(identity.CreateUser{Username: "ALICE", ForceAlias: true}), identity.ErrUsernameExists)
	wantErr(t, "address", create(identity.CreateUser{Username: "bob", Attributes: verified}), identity.ErrAliasExists)
	wantErr(t, "address by force", create(identity.CreateUser{Username: "bob", Attributes: verified, ForceAlias: true}), nil)
	u, err := users.Get(t.Context(), email)
	if err != nil || u.Username != "bob" {
		t.Errorf("the address finds %+v, %v, want bob", u, err)
	}
	wantErr(t, "preferred name", create(identity.CreateUser{Username: "carol", Attributes: map[string]string{"preferred_username": "cc"}}), nil)
	wantErr(t, "preferred name by force", create(identity.CreateUser{
		Username: "dave", Attributes: map[string]string{"preferred_username": "cc"}, ForceAlias: true,
	}), nil)
	carol, err := users.Get(t.Context(), "carol")
	if err != nil || len(carol.Attributes) != 0 {
		t.Errorf("carol has %v, %v, want the preferred name gone", carol.Attributes, err)
	}
	check(t, "Verify", verify(t, f.store))

	other, err := f.OpenUserPool(t.Context(), "other", &identity.PoolSettings{Algorithm: "ES256", UsernameAttributes: []string{"email"}})
	check(t, "OpenUserPool", err)
	f.invite(t, other, email, nil)
	_, err = other.Admin().Users().Create(t.Context(), identity.CreateUser{Username: email, ForceAlias: true})
	wantErr(t, "address as username", err, identity.ErrUsernameExists, identity.ErrAliasExists)
}

func TestSubOfAnotherIsNoName(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{Aliases: []string{"preferred_username"}})
	sub := f.join(t, pool, "alice", email).Sub
	_, err := pool.SignUp(t.Context(), identity.SignUp{Username: sub, Password: password, Attributes: map[string]string{"email": email}})
	wantErr(t, "SignUp", err, identity.ErrUsernameExists)
	for _, in := range []identity.CreateUser{
		{Username: sub},
		{Username: "bob", Attributes: map[string]string{"preferred_username": sub}},
		{Username: "bob", Attributes: map[string]string{"preferred_username": sub}, ForceAlias: true},
	} {
		in.SuppressInvitation = true
		_, err := pool.Admin().Users().Create(t.Context(), in)
		wantErr(t, "Create", err, identity.ErrUsernameExists, identity.ErrAliasExists)
	}
	u, err := pool.Admin().Users().Get(t.Context(), sub)
	if err != nil || u.Username != "alice" {
		t.Errorf("Get = %+v, %v, want alice", u, err)
	}
}

func TestSetPasswordMeetsThePolicyAndEndsALock(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	users := pool.Admin().Users()
	f.signUp(t, pool, "alice", email)
	wantErr(t, "short", users.SetPassword(t.Context(), "alice", "short", true), identity.ErrInvalidPassword)
	wantErr(t, "nobody", users.SetPassword(t.Context(), "nobody", chosen, true), identity.ErrUserNotFound)
	for range 5 {
		wantErr(t, "SignIn", byPassword(t, pool.AppClient, "alice", wrong), identity.ErrIncorrectCredentials)
	}
	wantErr(t, "locked", byPassword(t, pool.AppClient, "alice", wrong), identity.ErrTooManyAttempts)
	check(t, "SetPassword", users.SetPassword(t.Context(), "alice", chosen, true))
	wantErr(t, "SignIn", byPassword(t, pool.AppClient, "alice", chosen), nil) // which it has confirmed, too
}

func TestMessagesHaveTheTextsOfThePool(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{
		AutoVerified: []string{"email", "phone_number"}, UsernameAttributes: []string{"email", "phone_number"},
		Verification: &identity.VerificationTemplate{Email: ptr("{username}: {####}"), Subject: ptr("Code {####}"), SMS: ptr("SMS {####}")},
		Invitation:   &identity.MessageTemplate{Email: ptr("{username} has {####}"), Subject: ptr("For {username}"), SMS: ptr("{username} {####}")},
	})
	res, err := pool.SignUp(t.Context(), identity.SignUp{Username: email, Password: password})
	check(t, "SignUp", err)
	m := f.outbox.Messages(nil)[0]
	if code := string(m.Code); m.Body != res.Sub+": "+code || m.Subject != "Code "+code {
		t.Errorf("message %+v, want the texts of the pool", m)
	}
	_, err = pool.SignUp(t.Context(), identity.SignUp{Username: "+15551234567", Password: password})
	check(t, "SignUp", err)
	if m := f.outbox.Messages(nil)[0]; m.Body != "SMS "+string(m.Code) || m.Subject != "" || m.Medium != "SMS" {
		t.Errorf("message %+v, want the text of the pool", m)
	}
	_, err = pool.Admin().Users().Create(t.Context(), identity.CreateUser{Username: "bob@example.com", Mediums: []identity.Medium{"EMAIL"}})
	check(t, "Create", err)
	if m := f.outbox.Messages(nil)[0]; m.Body != "bob@example.com has "+string(m.Code) || m.Subject != "For bob@example.com" {
		t.Errorf("message %+v, want the texts of the pool and the address as the name", m)
	}
}

func TestOutboxForgetsTheOldest(t *testing.T) {
	next := identity.NewOutbox(0)
	o := identity.NewOutbox(2)
	o.Next = next
	for _, to := range []string{"a", "b", "c"} {
		check(t, "Send", o.Send(t.Context(), &identity.Message{To: to, Code: identity.Secret(to)}))
	}
	if got := o.Messages(nil); len(got) != 2 || got[0].To != "c" || got[1].To != "b" || got[0].ID == got[1].ID {
		t.Errorf("messages %+v, want c and b", got)
	}
	if o.LastCode("a") != "" || o.LastCode("b") != "b" || next.LastCode("a") != "a" {
		t.Error("the wrong messages were kept")
	}
	o.Clear()
	if len(o.Messages(nil)) != 0 || len(next.Messages(nil)) != 3 {
		t.Error("Clear forgets the messages of its own outbox, and no others")
	}
}

func TestInsecureLogSenderWritesCodes(t *testing.T) {
	var log bytes.Buffer
	f := newEngineWith(t, memory.New(), func(o *identity.Options) {
		o.Sender = identity.InsecureLogSender{Logger: slog.New(slog.NewTextHandler(&log, nil))}
	})
	f.signUp(t, f.open(t, identity.PoolSettings{}), "alice", email)
	if !strings.Contains(log.String(), "to="+email) || !strings.Contains(log.String(), "code=") || !strings.Contains(log.String(), "level=WARN") || strings.Contains(log.String(), "redacted") {
		t.Errorf("log %s, want the code", &log)
	}
}

func TestClientIsFoundByItsID(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	for range 2 { // read, then remembered
		client, err := f.AppClient(t.Context(), pool.ClientID())
		check(t, "AppClient", err)
		f.signIn(t, client, "alice")
	}
	_, err := f.AppClient(t.Context(), "none")
	wantErr(t, "AppClient", err, identity.ErrClientNotFound)
	info, err := pool.Admin().Clients().Get(t.Context(), pool.ClientID())
	if err != nil || info.Settings.Name != "default" || info.Pool != pool.PoolID() {
		t.Errorf("Get = %+v, %v, want the default client", info, err)
	}
	_, err = pool.Admin().Clients().Get(t.Context(), "none")
	wantErr(t, "Get", err, identity.ErrClientNotFound)
	check(t, "Delete", pool.Admin().Delete(t.Context()))
	client, err := f.AppClient(t.Context(), pool.ClientID())
	if err == nil {
		err = byPassword(t, client, "alice", password)
	}
	wantErr(t, "client of a deleted pool", err, identity.ErrClientNotFound)
}

func TestFlowWithoutAWayIsRefused(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	client := f.client(t, pool, identity.ClientSettings{AuthFlows: []identity.AuthFlow{identity.AllowCustom, identity.AllowUser}})
	_, err := client.StartCustom(t.Context(), identity.StartCustom{Username: "alice"})
	wantErr(t, "custom, without triggers", err, identity.ErrFlowNotEnabled)
	check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) {
		s.Triggers = map[identity.Trigger]identity.TriggerTarget{identity.DefineAuthChallenge: {ARN: "arn:aws:lambda:us-east-1:123456789012:function:f"}}
	}))
	_, err = client.StartCustom(t.Context(), identity.StartCustom{Username: "alice"})
	wantErr(t, "custom", err, identity.ErrTrigger)
}

func TestKeyStockIsUsedUp(t *testing.T) {
	if testing.Short() {
		t.Skip("makes eight RSA keys, which takes a second")
	}
	stock := identity.NewKeyStock(2)
	for range 3 {
		f := newEngineWith(t, memory.New(), func(o *identity.Options) { o.KeyStock = stock })
		pool := f.open(t, identity.PoolSettings{Algorithm: "RS256"})
		f.join(t, pool, "alice", email)
		f.signIn(t, pool.AppClient, "alice")
		if n := len(kids(t, f, pool)); n != 2 {
			t.Errorf("%d keys, want 2", n)
		}
	}
}

func TestHashOfOtherCostIsRenewed(t *testing.T) {
	if testing.Short() {
		t.Skip("hashes passwords at full cost")
	}
	s := memory.New()
	cheap := newEngineOn(t, s)
	pool := cheap.open(t, identity.PoolSettings{})
	cheap.join(t, pool, "alice", email)
	dear := newEngineWith(t, s, func(o *identity.Options) { o.InsecureCheapHashing = false })
	again, err := dear.UserPool(context.Background(), pool.PoolID())
	check(t, "UserPool", err)
	wantErr(t, "wrong password", byPassword(t, again.AppClient, "alice", wrong), identity.ErrIncorrectCredentials)
	if n := len(entries(t, s, "m=19456")); n != 0 {
		t.Error("a wrong password renews the hash")
	}
	dear.signIn(t, again.AppClient, "alice")
	if n := len(entries(t, s, "m=19456")); n != 1 {
		t.Error("the right password does not renew the hash")
	}
	dear.signIn(t, again.AppClient, "alice")
}
