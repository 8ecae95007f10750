package identity_test

import (
	"context"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
)

// alice makes a user of the pool itself, and links somebody to her.
func (fd *federated) alice(t *testing.T, links ...identity.ProviderUser) *identity.User {
	t.Helper()
	fd.join(t, fd.pool, "alice", email)
	for _, source := range links {
		check(t, "Link", fd.link(t, source))
	}
	return fd.user(t, "alice")
}

func (fd *federated) link(t *testing.T, source identity.ProviderUser) error {
	t.Helper()
	return fd.pool.Admin().Users().Link(t.Context(), identity.ProviderUser{Provider: "Cognito", Value: "alice"}, source)
}

func (fd *federated) unlink(t *testing.T, who identity.ProviderUser) error {
	t.Helper()
	return fd.pool.Admin().Users().Unlink(t.Context(), who)
}

func bySubject(subject string) identity.ProviderUser {
	return identity.ProviderUser{Provider: "Acme", Attribute: "Cognito_Subject", Value: subject}
}

// signedIn is the sub of whom somebody signs in as.
func (fd *federated) signedIn(t *testing.T, subject string, claims map[string]any) string {
	t.Helper()
	res, err := fd.in(t.Context(), subject, claims)
	check(t, "FederatedSignIn of "+subject, err)
	return claimsOf(t, res.Tokens.ID)["sub"].(string)
}

// TestLinkedSignIn: somebody who is linked signs in as the user, and not as a user of their own.
func TestLinkedSignIn(t *testing.T) {
	fd := newFederated(t, identity.PoolSettings{}, oidcProvider("Acme", mapsMail))
	alice := fd.alice(t, bySubject("Her"))
	if got := fd.signedIn(t, "Her", map[string]any{"name": "Alice", "email": email}); got != alice.Sub {
		t.Errorf("signed in %s, want alice", got)
	}
	u := fd.user(t, "alice")
	if u.Status != identity.StatusConfirmed || u.Attributes["name"] != "Alice" || u.Attributes["email_verified"] != "false" || len(u.Groups) != 0 {
		t.Errorf("user %+v", u)
	}
	for _, subject := range []string{"her", "HER", "other"} {
		if fd.signedIn(t, subject, nil) == alice.Sub {
			t.Errorf("%s is alice", subject)
		}
		check(t, "Delete", fd.pool.Admin().Users().Delete(t.Context(), "acme_"+subject))
	}
	check(t, "by password", byPassword(t, fd.client(t, fd.pool, identity.ClientSettings{}), "alice", password))
	check(t, "Unlink", fd.unlink(t, bySubject("Her")))
	if fd.signedIn(t, "Her", nil) == alice.Sub {
		t.Error("the link is still there")
	}
}

// TestLinkByAttribute: the first sign-in binds the link to the subject.
func TestLinkByAttribute(t *testing.T) {
	for _, attribute := range []string{"email", "mail"} {
		t.Run(attribute, func(t *testing.T) {
			fd := newFederated(t, identity.PoolSettings{}, oidcProvider("Acme", map[string]string{"email": "mail"}))
			alice := fd.alice(t, identity.ProviderUser{Provider: "Acme", Attribute: attribute, Value: "her@example.com"})
			if fd.signedIn(t, "0", map[string]any{"mail": "Her@example.com"}) == alice.Sub {
				t.Error("the case of the value does not count")
			}
			if fd.signedIn(t, "1", map[string]any{"mail": "her@example.com"}) != alice.Sub {
				t.Error("the first is not alice")
			}
			if fd.signedIn(t, "2", map[string]any{"mail": "her@example.com"}) == alice.Sub {
				t.Error("another subject with the address is alice")
			}
			if fd.signedIn(t, "1", map[string]any{"mail": "new@example.com"}) != alice.Sub {
				t.Error("the subject with another address is not alice")
			}
			wantErr(t, "by the attribute", fd.unlink(t, identity.ProviderUser{Provider: "Acme", Attribute: attribute, Value: "her@example.com"}), identity.ErrUserNotFound)
			check(t, "by the subject", fd.unlink(t, bySubject("1")))
		})
	}
}

// TestLinksOfTwoUsers: an answer that names two users signs nobody in.
func TestLinksOfTwoUsers(t *testing.T) {
	fd := newFederated(t, identity.PoolSettings{}, oidcProvider("Acme", map[string]string{"email": "mail", "nickname": "nick"}))
	fd.alice(t, identity.ProviderUser{Provider: "Acme", Attribute: "mail", Value: "her@example.com"})
	fd.join(t, fd.pool, "bob", "bob@example.com")
	check(t, "Link", fd.pool.Admin().Users().Link(t.Context(), identity.ProviderUser{Provider: "Cognito", Value: "bob"}, identity.ProviderUser{Provider: "Acme", Attribute: "nickname", Value: "bob"}))
	wantErr(t, "both", second(fd.in(t.Context(), "1", map[string]any{"mail": "her@example.com", "nick": "bob"})), identity.ErrProviderAmbiguous)
}

// TestLinkedUsersWhoMayNotSignIn: the provider vouches for somebody, and not for the account.
func TestLinkedUsersWhoMayNotSignIn(t *testing.T) {
	fd := newFederated(t, identity.PoolSettings{Aliases: []string{"email"}}, oidcProvider("Acme", mapsMail))
	fd.alice(t, bySubject("1"))
	fd.edit(t, fd.pool, "alice", func(u *identity.User) { u.Status = identity.StatusUnconfirmed })
	wantErr(t, "unconfirmed", second(fd.in(t.Context(), "1", nil)), identity.ErrUserNotConfirmed)
	fd.edit(t, fd.pool, "alice", func(u *identity.User) { u.Status, u.Disabled = identity.StatusConfirmed, true })
	wantErr(t, "disabled", second(fd.in(t.Context(), "1", nil)), identity.ErrUserDisabled)
	fd.edit(t, fd.pool, "alice", func(u *identity.User) { u.Disabled = false })

	fd.join(t, fd.pool, "bob", "bob@example.com")
	wantErr(t, "the alias of another", second(fd.in(t.Context(), "1", map[string]any{"email": "bob@example.com", "email_verified": true})), identity.ErrAliasExists)
	check(t, "not verified, so no alias", second(fd.in(t.Context(), "1", map[string]any{"email": "bob@example.com"})))
}

// TestLinkedAddressThatIsVerifiedFirst: a provider does not get around the verification of a new address.
func TestLinkedAddressThatIsVerifiedFirst(t *testing.T) {
	fd := newFederated(t, identity.PoolSettings{AutoVerified: []string{"email"}, VerifyBeforeUpdate: []string{"email"}}, oidcProvider("Acme", mapsMail))
	fd.alice(t, bySubject("1"))
	check(t, "the same address", second(fd.in(t.Context(), "1", map[string]any{"email": email, "email_verified": true})))
	wantErr(t, "another", second(fd.in(t.Context(), "1", map[string]any{"email": "new@example.com", "email_verified": true})), identity.ErrInvalidParameter)
}

// TestLinkDuringTheFirstSignIn: a hook that links somebody before the first sign-in signs them in as that user.
func TestLinkDuringTheFirstSignIn(t *testing.T) {
	var fd *federated
	fd = newFederated(t, identity.PoolSettings{}, oidcProvider("Acme", nil), func(o *identity.Options) {
		o.Hooks = &identity.Hooks{PreSignUp: func(_ context.Context, e *hook.PreSignUp) (hook.PreSignUpDecision, error) {
			if e.Source != hook.SignUpByProvider {
				return hook.PreSignUpDecision{}, nil
			}
			return hook.PreSignUpDecision{}, fd.link(t, bySubject("1"))
		}}
	})
	alice := fd.alice(t)
	if fd.signedIn(t, "1", nil) != alice.Sub {
		t.Error("the sign-in that made the link is not alice's")
	}
	_, err := fd.pool.Admin().Users().Get(t.Context(), "acme_1")
	wantErr(t, "a profile", err, identity.ErrUserNotFound)
}

// TestTurnedOffProfiles: an operator turns a provider off for a user whom it has brought, and on again.
func TestTurnedOffProfiles(t *testing.T) {
	fd := newFederated(t, identity.PoolSettings{}, oidcProvider("Acme", nil))
	sub := fd.signedIn(t, "1", nil)
	check(t, "Unlink", fd.unlink(t, bySubject("1")))
	wantErr(t, "turned off", second(fd.in(t.Context(), "1", nil)), identity.ErrProviderDisabled)
	check(t, "Enable", fd.pool.Admin().Users().Enable(t.Context(), "acme_1"))
	if fd.signedIn(t, "1", nil) != sub {
		t.Error("another user")
	}
}

// TestWhatProvidersUsersMayNotDo: passwords and factors are the provider's affair, until an operator gives the user a password.
func TestWhatProvidersUsersMayNotDo(t *testing.T) {
	pool := levelPool()
	pool.MFA, pool.RecoveryCodes = "OPTIONAL", true
	fd := newFederated(t, pool, oidcProvider("Acme", mapsMail))
	res, err := fd.in(t.Context(), "1", aliceThere)
	check(t, "FederatedSignIn", err)
	session, err := fd.pool.Session(t.Context(), res.Tokens.Access)
	check(t, "Session", err)
	native := fd.choosing(t, fd.pool, false)
	users := fd.pool.Admin().Users()
	name := "Acme_1"

	wantErr(t, "by password", byPassword(t, fd.client(t, fd.pool, identity.ClientSettings{}), name, password), identity.ErrIncorrectCredentials)
	wantErr(t, "ChangePassword", session.ChangePassword(t.Context(), password, wrong), identity.ErrFederatedUser)
	wantErr(t, "EnrollTOTP", second(session.EnrollTOTP(t.Context())), identity.ErrFederatedUser)
	wantErr(t, "SetMFA", session.SetMFA(t.Context(), identity.MFAUpdate{}), identity.ErrFederatedUser)
	wantErr(t, "StartPasskey", second(session.StartPasskey(t.Context())), identity.ErrFederatedUser)
	wantErr(t, "NewRecoveryCodes", second(session.NewRecoveryCodes(t.Context())), identity.ErrFederatedUser)
	wantErr(t, "ResetPassword", users.ResetPassword(t.Context(), name), identity.ErrCannotReset)
	sent := len(fd.outbox.Messages(nil))
	if ch, err := native.Begin(t.Context(), identity.BeginSignIn{Username: name, Preferred: identity.FirstEmailOTP}); err == nil {
		if otp, ok := ch.Challenge.(*identity.EmailOTPRequired); ok {
			wantErr(t, "a code by mail", second(otp.Answer(t.Context(), identity.FactorCode{Code: "123456"})), identity.ErrCodeMismatch)
		}
	}
	if n := len(fd.outbox.Messages(nil)); n != sent {
		t.Errorf("%d codes were sent", n-sent)
	}

	check(t, "SetPassword", users.SetPassword(t.Context(), name, password, true))
	if got := fd.user(t, name).Status; got != identity.StatusConfirmed {
		t.Errorf("status %s", got)
	}
	check(t, "by password", byPassword(t, fd.client(t, fd.pool, identity.ClientSettings{}), name, password))
	check(t, "by the provider", second(fd.in(t.Context(), "1", nil)))
	check(t, "Unlink the password", fd.unlink(t, identity.ProviderUser{Provider: "Cognito", Value: name}))
	wantErr(t, "by password again", byPassword(t, fd.client(t, fd.pool, identity.ClientSettings{}), name, password), identity.ErrIncorrectCredentials)
	check(t, "by the provider still", second(fd.in(t.Context(), "1", nil)))
}

// TestLevelsOfProviders: what a provider says of how somebody has signed in is told, and raises no level.
func TestLevelsOfProviders(t *testing.T) {
	provider := oidcProvider("Acme", nil)
	provider.AcrMapping = map[string]string{"Level2": "two", "Level3": "strong", "Level4": "strong"}
	for _, tt := range []struct {
		name   string
		amr    []string
		acr    string
		level  identity.Level
		told   []string
		reach  string // a level that an application gets
		beyond string // one that it does not get
	}{
		{"nothing", nil, "", identity.Level1, []string{"fed"}, loa1, loa2},
		{"methods alone", []string{"pwd", "otp", "face"}, "", identity.Level1, []string{"pwd", "otp", "mfa"}, loa1, loa2},
		{"unknown methods", []string{"face", "mfa"}, "strange", identity.Level1, []string{"fed"}, loa1, loa4},
		{"a context", []string{"pwd"}, "two", identity.Level2, []string{"pwd"}, loa2, loa3},
		{"a context of two levels", nil, "strong", identity.Level3, []string{"fed"}, loa3, loa4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fd := newFederated(t, identity.PoolSettings{}, provider)
			set := identity.ClientSettings{Providers: []string{"Acme"}}
			oauthSettings(&set)
			app := fd.client(t, fd.pool, set)
			res, err := app.Pages().FederatedSignIn(t.Context(), identity.FederatedIdentity{Provider: "Acme", Subject: "1", AMR: tt.amr, ACR: tt.acr})
			check(t, "FederatedSignIn", err)
			tokens := func(level string) (*identity.Tokens, error) {
				auth, err := app.Authorization(t.Context(), identity.AuthorizationRequest{
					Grant: identity.GrantImplicit, RedirectURI: redirect, Scopes: []string{"openid"}, Levels: []string{level},
				})
				check(t, "Authorization", err)
				return auth.Tokens(t.Context(), res.Browser)
			}
			got, err := tokens(tt.reach)
			check(t, "Tokens", err)
			wantLevel(t, "an application", got, tt.reach, tt.told...)
			wantErr(t, "beyond", second(tokens(tt.beyond)), identity.ErrLevelRequired)
			session, err := fd.pool.Session(t.Context(), got.Access)
			check(t, "Session", err)
			if got := session.Level(); got != tt.level {
				t.Errorf("level %d, want %d", got, tt.level)
			}
		})
	}
}

// TestStepUpAfterAProvider: what a provider says of others counts for no factor of the pool.
func TestStepUpAfterAProvider(t *testing.T) {
	c := newClimber(t, levelPool(), false).withApp(false)
	check(t, "Create", second(c.pool.Admin().Providers().Create(t.Context(), oidcProvider("Acme", nil))))
	check(t, "Link", c.pool.Admin().Users().Link(t.Context(), identity.ProviderUser{Provider: "Cognito", Value: "alice"}, bySubject("1")))
	check(t, "Update", second(c.pool.Admin().Clients().Update(t.Context(), c.a.ClientID(), func(s *identity.ClientSettings) error {
		s.Providers = []string{"Acme", "COGNITO"}
		return nil
	})))
	res, err := c.a.Pages().FederatedSignIn(t.Context(), identity.FederatedIdentity{Provider: "Acme", Subject: "1", AMR: []string{"pwd"}})
	check(t, "FederatedSignIn", err)
	in := c.to(loa4)
	in.Browser = res.Browser
	next, err := c.a.Pages().Begin(t.Context(), in)
	wantStep(t, "level 4", next, err, "FirstFactorRequired[PASSWORD_SRP PASSWORD]")
}

// TestExportsHaveIdentities: users of providers move to another pool, and sign in there.
func TestExportsHaveIdentities(t *testing.T) {
	fd := newFederated(t, identity.PoolSettings{}, oidcProvider("Acme", mapsMail))
	alice := fd.alice(t, bySubject("2"))
	sub := fd.signedIn(t, "1", aliceThere)
	recs := exported(t, fd.pool, true)
	to := newFederated(t, identity.PoolSettings{}, oidcProvider("Acme", mapsMail))
	for _, rec := range recs {
		rec.Groups = nil // its name has the id of the pool
	}
	wantImport(t, imported(t, to.pool, recs...), 2, 0)
	if to.signedIn(t, "1", nil) != sub || to.signedIn(t, "2", nil) != alice.Sub {
		t.Error("they are others there")
	}
	if u := to.user(t, "acme_1"); u.Status != identity.StatusExternalProvider {
		t.Errorf("status %s", u.Status)
	}
	one := identity.Identity{Provider: "Acme", Type: identity.ProviderOIDC, Subject: "3", Primary: true}
	for name, rec := range map[string]*identity.UserRecord{
		"the identity of another": {Username: "acme_2", Status: identity.StatusExternalProvider, Identities: []identity.Identity{{Provider: "Acme", Subject: "2", Primary: true}}},
		"no identity":             {Username: "acme_3", Status: identity.StatusExternalProvider, Password: password},
		"two that are primary":    {Username: "acme_3", Status: identity.StatusExternalProvider, Identities: []identity.Identity{one, one}},
		"no subject":              {Username: "acme_3", Status: identity.StatusExternalProvider, Identities: []identity.Identity{{Provider: "Acme", Primary: true}}},
		"the pool itself":         {Username: "acme_3", Status: identity.StatusExternalProvider, Identities: []identity.Identity{{Provider: "Cognito", Subject: "1"}}},
	} {
		if res := imported(t, to.pool, rec); res.Imported != 0 {
			t.Errorf("%s was imported", name)
		}
	}
}

// TestCustomSignInsOfProvidersUsers: hooks let nobody in whom a provider vouches for.
func TestCustomSignInsOfProvidersUsers(t *testing.T) {
	fd := newFederated(t, identity.PoolSettings{}, oidcProvider("Acme", nil), func(o *identity.Options) {
		o.Hooks = &identity.Hooks{DefineAuthChallenge: func(context.Context, *hook.DefineAuthChallenge) (hook.DefineAuthChallengeDecision, error) {
			return hook.DefineAuthChallengeDecision{IssueTokens: true}, nil
		}}
	})
	check(t, "FederatedSignIn", second(fd.in(t.Context(), "1", nil)))
	fd.alice(t)
	custom := fd.client(t, fd.pool, identity.ClientSettings{AuthFlows: []identity.AuthFlow{identity.AllowCustom}})
	check(t, "alice", second(custom.StartCustom(t.Context(), identity.StartCustom{Username: "alice"})))
	wantErr(t, "a provider's user", second(custom.StartCustom(t.Context(), identity.StartCustom{Username: "acme_1"})), identity.ErrIncorrectCredentials)
}
