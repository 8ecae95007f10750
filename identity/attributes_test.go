package identity_test

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/store/memory"
)

type attrs = map[string]string

// user reads a user by a name.
func (f *fixture) user(t testing.TB, pool *identity.UserPool, name string) *identity.User {
	t.Helper()
	u, err := pool.Admin().Users().Get(t.Context(), name)
	check(t, "Get", err)
	return u
}

// member makes a confirmed user with attributes, and signs in.
func (f *fixture) member(t testing.TB, pool *identity.UserPool, client *identity.AppClient, name string, attributes attrs) *identity.Session {
	t.Helper()
	u := f.invite(t, pool, name, attributes)
	check(t, "SetPassword", pool.Admin().Users().SetPassword(t.Context(), u.Sub, password, true))
	return f.session(t, client, u.Sub)
}

const newEmail = "new@example.com"

// TestAddressIsVerifiedAnew changes an address in pools of each kind, as a user and as an operator.
func TestAddressIsVerifiedAnew(t *testing.T) {
	none, auto, wait := identity.PoolSettings{AutoVerified: []string{}}, identity.PoolSettings{}, identity.PoolSettings{
		AutoVerified: []string{"email"}, VerifyBeforeUpdate: []string{"email"},
	}
	verified := func(address string) attrs { return attrs{"email": address, "email_verified": "true"} }
	unverified := func(address string) attrs { return attrs{"email": address, "email_verified": "false"} }
	for _, tt := range few.Of(2, []struct {
		name     string
		settings identity.PoolSettings
		change   attrs
		operator bool
		want     attrs
		pending  string
		sent     bool
	}{
		{"not verified by the pool", none, attrs{"email": newEmail}, false, unverified(newEmail), "", false},
		{"verified by the pool", auto, attrs{"email": newEmail}, false, unverified(newEmail), "", true},
		{"verified before the update", wait, attrs{"email": newEmail}, false, verified(email), newEmail, true},
		{"the same", auto, attrs{"email": email}, false, verified(email), "", false},
		{"the same, before the update", wait, attrs{"email": email}, false, verified(email), "", false},
		{"deleted", auto, attrs{"email": ""}, false, attrs{}, "", false},
		{"by an operator", auto, attrs{"email": newEmail}, true, unverified(newEmail), "", true},
		{"by an operator, before the update", wait, attrs{"email": newEmail}, true, verified(email), newEmail, true},
		{"vouched for", auto, attrs{"email": newEmail, "email_verified": "true"}, true, verified(newEmail), "", false},
		{"vouched for, before the update", wait, attrs{"email": newEmail, "email_verified": "true"}, true, verified(newEmail), "", false},
		{"said to be unverified", auto, attrs{"email_verified": "false"}, true, unverified(email), "", false},
	}) {
		t.Run(tt.name, func(t *testing.T) {
			f := newEngine(t)
			tt.settings.Notices = new(false) // only codes are counted here
			pool := f.open(t, tt.settings)
			s := f.member(t, pool, pool.AppClient, "alice", verified(email))
			var sent []*identity.CodeDelivery
			var err error
			if tt.operator {
				err = pool.Admin().Users().UpdateAttributes(t.Context(), "alice", tt.change)
			} else {
				sent, err = s.UpdateAttributes(t.Context(), tt.change)
			}
			check(t, "UpdateAttributes", err)
			u := f.user(t, pool, "alice")
			if !maps.Equal(u.Attributes, tt.want) || u.Pending["email"] != tt.pending {
				t.Errorf("attributes %v, pending %v, want %v and %q", u.Attributes, u.Pending, tt.want, tt.pending)
			}
			messages := f.outbox.Messages(nil)
			if (len(messages) == 1) != tt.sent || !tt.operator && (len(sent) == 1) != tt.sent {
				t.Fatalf("messages %v, told %v, want one: %t", messages, sent, tt.sent)
			}
			if !tt.sent {
				return
			}
			if m := messages[0]; m.To != newEmail || m.Kind != identity.MessageNewAddressCode {
				t.Errorf("message %+v, want one to the new address", m)
			}
			wantErr(t, "wrong code", s.VerifyAttribute(t.Context(), "email", "none"), identity.ErrCodeMismatch)
			check(t, "VerifyAttribute", s.VerifyAttribute(t.Context(), "email", messages[0].Code))
			if u := f.user(t, pool, "alice"); !maps.Equal(u.Attributes, verified(newEmail)) || len(u.Pending) > 0 {
				t.Errorf("afterwards %v, pending %v", u.Attributes, u.Pending)
			}
			wantErr(t, "the code again", s.VerifyAttribute(t.Context(), "email", messages[0].Code), identity.ErrCodeMismatch)
		})
	}
}

// A code verifies the address that it went to, and no other.
func TestVerificationIsOfOneAddress(t *testing.T) {
	for name, settings := range map[string]identity.PoolSettings{
		"at once": {Aliases: []string{"email"}},
		"before":  {Aliases: []string{"email"}, AutoVerified: []string{"email"}, VerifyBeforeUpdate: []string{"email"}},
	} {
		f := newEngine(t)
		pool := f.open(t, settings)
		s := f.member(t, pool, pool.AppClient, "alice", attrs{"email": email, "email_verified": "true"})
		set := func(address string) string {
			check(t, name, second(s.UpdateAttributes(t.Context(), attrs{"email": address})))
			return f.outbox.LastCode(address)
		}
		first := set("one@example.com")
		latest := set("two@example.com")
		if first != latest {
			wantErr(t, name+": the code of the first", s.VerifyAttribute(t.Context(), "email", identity.Secret(first)), identity.ErrCodeMismatch)
		}
		check(t, "UpdateAttributes", pool.Admin().Users().UpdateAttributes(t.Context(), "alice", attrs{"email": "victim@example.com", "email_verified": ""}))
		f.edit(t, pool, "alice", func(u *identity.User) { // as if the operator's change had sent no code
			u.Attributes["email"], u.Pending = "victim@example.com", nil
		})
		wantErr(t, name+": the code of the second", s.VerifyAttribute(t.Context(), "email", identity.Secret(latest)), identity.ErrCodeMismatch)
		u := f.user(t, pool, "alice")
		_, err := pool.Admin().Users().Get(t.Context(), "two@example.com")
		if wantErr(t, name, err, identity.ErrUserNotFound); u.Attributes["email"] == "two@example.com" {
			t.Errorf("%s: user %+v", name, u)
		}
	}
}

func TestVerificationIsSentFiveTimesAndTriedFifteenTimesAnHour(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	s := f.member(t, pool, pool.AppClient, "alice", attrs{"email": email})
	for range 5 {
		d, err := s.SendVerification(t.Context(), "email")
		if err != nil || d.Destination != "a***@e***" {
			t.Fatalf("SendVerification = %+v, %v", d, err)
		}
	}
	_, err := s.SendVerification(t.Context(), "email")
	wantErr(t, "a sixth", err, identity.ErrLimitExceeded)
	if m := f.outbox.Messages(nil)[0]; m.Kind != identity.MessageAddressCode || m.To != email {
		t.Errorf("message %+v", m)
	}
	code := f.lastOf(identity.MessageAddressCode)
	for range 15 {
		wantErr(t, "wrong", s.VerifyAttribute(t.Context(), "email", "none"), identity.ErrCodeMismatch)
	}
	wantErr(t, "right, too late", s.VerifyAttribute(t.Context(), "email", identity.Secret(code)), identity.ErrLimitExceeded)
	f.advance(66 * time.Minute)
	s = f.session(t, pool.AppClient, "alice")
	check(t, "SendVerification", second(s.SendVerification(t.Context(), "email")))
	f.advance(24 * time.Hour)
	s = f.session(t, pool.AppClient, "alice")
	late := identity.Secret(f.lastOf(identity.MessageAddressCode))
	wantErr(t, "right, a day later", s.VerifyAttribute(t.Context(), "email", late), identity.ErrCodeExpired)
	_, err = s.SendVerification(t.Context(), "phone_number")
	wantErr(t, "no address", err, identity.ErrNoAddress)
	_, err = s.SendVerification(t.Context(), "nickname")
	wantErr(t, "no such address", err, identity.ErrInvalidParameter)
	wantErr(t, "no such address", s.VerifyAttribute(t.Context(), "nickname", "000000"), identity.ErrInvalidParameter)
}

// writers are the paths by which a client could set an attribute of a user.
var writers = map[string]func(t *testing.T, f *fixture, pool *identity.UserPool, a *identity.AppClient, name, value string) error{
	"SignUp": func(t *testing.T, _ *fixture, _ *identity.UserPool, a *identity.AppClient, name, value string) error {
		_, err := a.SignUp(t.Context(), identity.SignUp{Username: "new", Password: password, Attributes: attrs{"email": email, name: value}})
		return err
	},
	"UpdateAttributes": func(t *testing.T, f *fixture, pool *identity.UserPool, a *identity.AppClient, name, value string) error {
		return second(f.member(t, pool, a, "new", attrs{"email": email}).UpdateAttributes(t.Context(), attrs{name: value}))
	},
	"DeleteAttributes": func(t *testing.T, f *fixture, pool *identity.UserPool, a *identity.AppClient, name, _ string) error {
		return f.member(t, pool, a, "new", attrs{"email": email}).DeleteAttributes(t.Context(), name)
	},
	"NewPassword": func(t *testing.T, f *fixture, pool *identity.UserPool, a *identity.AppClient, name, value string) error {
		f.invite(t, pool, "new", attrs{"email": email})
		_, err := challenge(t, a, "new").Answer(t.Context(), identity.NewPassword{Password: chosen, Attributes: attrs{name: value}})
		return err
	},
}

// TestAttributesThatAClientMayNotWrite are refused on every path.
func TestAttributesThatAClientMayNotWrite(t *testing.T) {
	schema := append(identity.StandardSchema(),
		identity.SchemaAttribute{Name: "dev:custom:note", Type: identity.TypeString, Mutable: true},
		identity.SchemaAttribute{Name: "custom:fixed", Type: identity.TypeString},
	)
	for how, write := range few.Named(4, writers) {
		for name, want := range map[string][]error{
			"sub":             {identity.ErrAttributeNotWritable},
			"identities":      {identity.ErrAttributeNotWritable},
			"email_verified":  {identity.ErrAttributeNotWritable},
			"dev:custom:note": {identity.ErrAttributeNotWritable},
			"nickname":        {identity.ErrAttributeNotWritable}, // not among what the client writes
			"custom:none":     {identity.ErrUnknownAttribute, identity.ErrInvalidAttributes},
			"custom:fixed":    {identity.ErrAttributeImmutable},
			"name":            {nil},
		} {
			if name == "custom:fixed" && (how == "SignUp" || how == "NewPassword") {
				want = []error{nil} // it has no value yet
			}
			f := newEngine(t)
			pool := f.open(t, identity.PoolSettings{Schema: schema})
			client := f.client(t, pool, identity.ClientSettings{WriteAttributes: []string{"email", "name", "custom:fixed"}})
			wantErr(t, how+" of "+name, write(t, f, pool, client, name, "true"), want...)
			if u, err := pool.Admin().Users().Get(t.Context(), "new"); err == nil && want[0] != nil && u.Attributes[name] == "true" {
				t.Errorf("%s of %s was refused and done", how, name)
			}
		}
	}
}

func TestOperatorWritesWhatClientsMayNot(t *testing.T) {
	schema := append(identity.StandardSchema(),
		identity.SchemaAttribute{Name: "dev:custom:note", Type: identity.TypeString, Mutable: true},
		identity.SchemaAttribute{Name: "custom:fixed", Type: identity.TypeString},
		identity.SchemaAttribute{Name: "custom:n", Type: identity.TypeNumber, Mutable: true},
	)
	f := newEngine(t)
	settings := identity.PoolSettings{Schema: schema}
	require(&settings, "given_name")
	pool := f.open(t, settings)
	f.invite(t, pool, "alice", attrs{"email": email, "given_name": "Alice", "custom:fixed": "1"})
	users := pool.Admin().Users()
	long := strings.Repeat("a", 2049)
	for _, tt := range []struct {
		name, value string
		want        error
	}{
		{"dev:custom:note", "vip", nil},
		{"dev:custom:note", "", nil},
		{"email_verified", "true", nil},
		{"email_verified", "perhaps", identity.ErrInvalidAttributes},
		{"sub", "x", identity.ErrAttributeImmutable},
		{"identities", "[]", identity.ErrUnknownAttribute},
		{"custom:fixed", "2", identity.ErrAttributeImmutable},
		{"custom:fixed", "", identity.ErrAttributeImmutable},
		{"custom:none", "1", identity.ErrUnknownAttribute},
		{"custom:none", "", identity.ErrUnknownAttribute},
		{"custom:n", "many", identity.ErrInvalidAttributes},
		{"nickname", long, identity.ErrInvalidAttributes},
		{"given_name", "", identity.ErrInvalidAttributes},
		{"given_name", "Ada", nil},
		{"email", "nobody", identity.ErrInvalidParameter},
		{"phone_number", "555", identity.ErrInvalidParameter},
		{"birthdate", "2001-99-99", identity.ErrInvalidParameter},
	} {
		err := users.UpdateAttributes(t.Context(), "alice", attrs{tt.name: tt.value})
		wantErr(t, tt.name+" = "+clip(tt.value), err, tt.want)
		if u := f.user(t, pool, "alice"); tt.want == nil && u.Attributes[tt.name] != tt.value {
			t.Errorf("%s is %q, want %q", tt.name, u.Attributes[tt.name], tt.value)
		}
	}
	wantErr(t, "DeleteAttributes", users.DeleteAttributes(t.Context(), "alice", "email", "given_name"), identity.ErrInvalidAttributes)
	if u := f.user(t, pool, "alice"); u.Attributes["email"] == "" {
		t.Error("a deletion that was refused was done in part")
	}
	wantErr(t, "nobody", users.UpdateAttributes(t.Context(), "nobody", attrs{"name": "x"}), identity.ErrUserNotFound)
	big := attrs{}
	for _, a := range []string{"name", "nickname", "profile", "picture", "website", "zoneinfo", "locale", "family_name", "middle_name", "gender"} {
		big[a] = strings.Repeat("\u0001", 2048) // six bytes each in JSON
	}
	wantErr(t, "too long together", users.UpdateAttributes(t.Context(), "alice", big), identity.ErrInvalidParameter)
}

func TestAliasFollowsTheAttribute(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{Aliases: []string{"email", "preferred_username"}})
	alice := f.member(t, pool, pool.AppClient, "alice", attrs{"email": email, "email_verified": "true"})
	bob := f.member(t, pool, pool.AppClient, "bob", nil)
	set := func(s *identity.Session, attributes attrs) error {
		return second(s.UpdateAttributes(t.Context(), attributes))
	}
	finds := func(name, want string) {
		t.Helper()
		u, err := pool.Admin().Users().Get(t.Context(), name)
		if want == "" {
			wantErr(t, name, err, identity.ErrUserNotFound)
		} else if err != nil || u.Username != want {
			t.Errorf("%s is the name of %+v, %v, want %s", name, u, err, want)
		}
	}
	check(t, "an address that is another's, unverified", set(bob, attrs{"email": email}))
	finds(email, "alice")
	code := identity.Secret(f.outbox.LastCode("bob"))
	wantErr(t, "verified", bob.VerifyAttribute(t.Context(), "email", code), identity.ErrAliasExists)
	if u := f.user(t, pool, "bob"); u.Attributes["email_verified"] == "true" {
		t.Errorf("user %+v, want the address unverified", u)
	}
	wantErr(t, "an operator, preferred_username", pool.Admin().Users().UpdateAttributes(t.Context(), "bob", attrs{"email_verified": "true", "preferred_username": "robert"}), identity.ErrAliasExists)

	check(t, "deletion", alice.DeleteAttributes(t.Context(), "email"))
	finds(email, "")
	check(t, "the same code, once the name is free", bob.VerifyAttribute(t.Context(), "email", code))
	finds(email, "bob")

	check(t, "preferred_username", set(alice, attrs{"preferred_username": "al"}))
	finds("AL", "alice")
	wantErr(t, "taken", set(bob, attrs{"preferred_username": "Al"}), identity.ErrAliasExists)
	err := set(bob, attrs{"preferred_username": "Alice"})
	wantErr(t, "a username", err, identity.ErrAliasExists)
	if taken, ok := errors.AsType[*identity.NameTakenError](err); !ok || taken.Attribute != "preferred_username" {
		t.Errorf("error %v, want one that names the attribute", err)
	}
	wantErr(t, "a sub", set(bob, attrs{"preferred_username": f.user(t, pool, "alice").Sub}), identity.ErrAliasExists)
	check(t, "an empty value", set(alice, attrs{"preferred_username": ""}))
	check(t, "free again", set(bob, attrs{"preferred_username": "al"}))
	finds("al", "bob")
	f.signUp(t, pool, "carol", "carol@example.com")
	wantErr(t, "not confirmed", pool.Admin().Users().UpdateAttributes(t.Context(), "carol", attrs{"preferred_username": "c"}), identity.ErrInvalidParameter)
	check(t, "Verify", verify(t, f.store))
}

// A refused update leaves an outstanding code as it was.
func TestRefusedUpdateLeavesTheCode(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{Aliases: []string{"preferred_username"}})
	f.member(t, pool, pool.AppClient, "alice", attrs{"preferred_username": "al"})
	bob := f.member(t, pool, pool.AppClient, "bob", attrs{"email": "bob@example.com"})
	check(t, "SendVerification", second(bob.SendVerification(t.Context(), "email")))
	code := identity.Secret(f.outbox.LastCode("bob"))
	_, err := bob.UpdateAttributes(t.Context(), attrs{"email": newEmail, "preferred_username": "al"})
	wantErr(t, "UpdateAttributes", err, identity.ErrAliasExists)
	check(t, "VerifyAttribute", bob.VerifyAttribute(t.Context(), "email", code))
}

func TestUsernameAttributeStaysAName(t *testing.T) {
	for name, wait := range map[string][]string{"at once": nil, "before the update": {"email"}} {
		f := newEngine(t)
		pool := f.open(t, identity.PoolSettings{
			UsernameAttributes: []string{"email", "phone_number"}, AutoVerified: []string{"email"}, VerifyBeforeUpdate: wait,
			ProveNames: new(false),
		})
		s := f.member(t, pool, pool.AppClient, email, nil)
		f.member(t, pool, pool.AppClient, "bob@example.com", nil)
		set := func(attributes attrs) error { return second(s.UpdateAttributes(t.Context(), attributes)) }
		check(t, name, set(attrs{"email": newEmail}))
		if wait != nil {
			wantErr(t, "the new name, not verified", byPassword(t, pool.AppClient, newEmail, password), identity.ErrIncorrectCredentials)
			check(t, "VerifyAttribute", s.VerifyAttribute(t.Context(), "email", identity.Secret(f.outbox.LastCode(newEmail))))
		} else {
			wantErr(t, "another's", set(attrs{"email": "BOB@example.com"}), identity.ErrAliasExists)
		}
		wantErr(t, "the new name", byPassword(t, pool.AppClient, newEmail, password), nil)
		wantErr(t, "the old name", byPassword(t, pool.AppClient, email, password), identity.ErrIncorrectCredentials)
		wantErr(t, "no name at all", s.DeleteAttributes(t.Context(), "email"), identity.ErrInvalidAttributes)
		wantErr(t, "a number for an address", set(attrs{"email": phone}), identity.ErrInvalidParameter)
	}
}

func TestPhoneNumberTakesTheFactorAlong(t *testing.T) {
	for name, tt := range map[string]struct {
		mfa  identity.MFAMode
		want error
	}{"optional": {"OPTIONAL", nil}, "required": {"ON", identity.ErrInvalidParameter}} {
		f := newEngine(t)
		pool := f.open(t, identity.PoolSettings{})
		f.member(t, pool, pool.AppClient, "alice", attrs{"phone_number": phone, "phone_number_verified": "true"})
		access := f.signIn(t, pool.AppClient, "alice").Access
		f.edit(t, pool, "alice", func(u *identity.User) {
			u.MFA = identity.MFAPreference{Methods: []identity.MFAMethod{identity.MFASMS}, Preferred: identity.MFASMS}
		})
		check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.MFA, s.SMSMFA, s.TOTP = tt.mfa, true, new(true) }))
		s, err := pool.Session(t.Context(), access)
		check(t, "Session", err)
		wantErr(t, name, s.DeleteAttributes(t.Context(), "phone_number"), tt.want)
		u := f.user(t, pool, "alice")
		if kept := tt.want != nil; u.MFA.Has(identity.MFASMS) != kept || (u.Attributes["phone_number"] != "") != kept || (u.MFA.Preferred == identity.MFASMS) != kept {
			t.Errorf("%s: user %+v", name, u)
		}
	}
}

// A code that resets the password is void once the address is the user's no more.
func TestChangeOfAddressVoidsTheResetCode(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	s := f.member(t, pool, pool.AppClient, "alice", attrs{"email": email, "email_verified": "true"})
	code := f.forgot(t, pool.AppClient, "alice")
	check(t, "another attribute", second(s.UpdateAttributes(t.Context(), attrs{"name": "Alice"})))
	check(t, "the same address", second(s.UpdateAttributes(t.Context(), attrs{"email": email})))
	check(t, "ConfirmForgotPassword", recoverAs(t.Context(), pool.AppClient, "alice", code, password))
	code = f.forgot(t, pool.AppClient, "alice")
	check(t, "UpdateAttributes", pool.Admin().Users().UpdateAttributes(t.Context(), "alice", attrs{"email": newEmail}))
	wantErr(t, "the old mailbox", recoverAs(t.Context(), pool.AppClient, "alice", code, chosen), identity.ErrCodeMismatch)
}

func TestUpdateThatCannotBeSent(t *testing.T) {
	f := newEngineWith(t, memory.New(), func(o *identity.Options) {
		o.Sender, o.Logger = brokenSender{}, slog.New(slog.NewTextHandler(t.Output(), nil))
	})
	pool := f.open(t, identity.PoolSettings{})
	s := f.member(t, pool, pool.AppClient, "alice", attrs{"email": email})
	sent, err := s.UpdateAttributes(t.Context(), attrs{"email": newEmail})
	if wantErr(t, "UpdateAttributes", err, identity.ErrDelivery); len(sent) != 1 {
		t.Errorf("told of %v, want one code", sent)
	}
	if u := f.user(t, pool, "alice"); u.Attributes["email"] != newEmail {
		t.Errorf("user %+v, want the new address", u)
	}
	d, err := s.SendVerification(t.Context(), "email")
	if wantErr(t, "SendVerification", err, identity.ErrDelivery); d == nil {
		t.Error("no delivery comes with the error")
	}
}

func TestOneOfManyUsesOfAVerificationWins(t *testing.T) {
	onBackEnds(t, identity.PoolSettings{}, func(t *testing.T, f *fixture, pool *identity.UserPool) {
		s := f.member(t, pool, pool.AppClient, "alice", attrs{"email": email})
		check(t, "SendVerification", second(s.SendVerification(t.Context(), "email")))
		code := identity.Secret(f.outbox.LastCode("alice"))
		errs := together(crowd, func(int) error { return s.VerifyAttribute(t.Context(), "email", code) })
		wantOneWinner(t, errs, identity.ErrCodeMismatch, identity.ErrLimitExceeded)
	})
}

func TestOneOfManyVerificationsOfOneAliasWins(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a crowd of users who are signed in")
	}
	onBackEnds(t, identity.PoolSettings{Aliases: []string{"email"}}, func(t *testing.T, f *fixture, pool *identity.UserPool) {
		name := func(i int) string { return fmt.Sprintf("user%d", i) }
		sessions := make([]*identity.Session, crowd)
		for i := range crowd {
			sessions[i] = f.member(t, pool, pool.AppClient, name(i), nil)
			check(t, "UpdateAttributes", second(sessions[i].UpdateAttributes(t.Context(), attrs{"email": email})))
		}
		errs := together(crowd, func(i int) error {
			return sessions[i].VerifyAttribute(t.Context(), "email", identity.Secret(f.outbox.LastCode(name(i))))
		})
		wantOneWinner(t, errs, identity.ErrAliasExists)
		wantOneOwner(t, pool, crowd, name)
		check(t, "Verify", verify(t, f.store))
	})
}

// An operator gives a user an alias of another: the alias moves, and the former
// owner keeps the address without its verification. Nobody else can.
func TestAnOperatorMovesAnAlias(t *testing.T) {
	for _, defaults := range []identity.Defaults{identity.SafeDefaults, identity.CognitoDefaults} {
		f := newEngine(t)
		pool := f.open(t, identity.PoolSettings{Defaults: defaults, Aliases: []string{"email", "preferred_username"}, PasswordPolicy: &identity.PasswordPolicy{}})
		us := pool.Admin().Users()
		f.invite(t, pool, "old", attrs{"email": "x@example.com", "email_verified": "true", "preferred_username": "ex"})
		f.invite(t, pool, "new", attrs{"email": "y@example.com", "email_verified": "true"})
		check(t, "UpdateAttributes", us.UpdateAttributes(t.Context(), "new", attrs{"email": "x@example.com", "email_verified": "true"}))
		if u, err := us.Get(t.Context(), "x@example.com"); err != nil || u.Username != "new" {
			t.Errorf("the alias is of %+v, %v, want the new owner", u, err)
		}
		if u := f.user(t, pool, "old"); u.Attributes["email"] != "x@example.com" || u.Attributes["email_verified"] != "false" {
			t.Errorf("the former owner is %+v, want the address unverified", u)
		}
		check(t, "back, by the flag alone", us.UpdateAttributes(t.Context(), "old", attrs{"email_verified": "true"}))
		if u, err := us.Get(t.Context(), "x@example.com"); err != nil || u.Username != "old" {
			t.Errorf("the alias is of %+v, %v, want the first owner", u, err)
		}
		wantErr(t, "preferred_username", us.UpdateAttributes(t.Context(), "new", attrs{"preferred_username": "ex"}), identity.ErrAliasExists)
		if u := f.user(t, pool, "old"); u.Attributes["preferred_username"] != "ex" {
			t.Errorf("user %+v lost the preferred username", u)
		}
	}
}
