package identity_test

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/mfa"
	"github.com/cognate-id/cognate/store/memory"
)

// A life is what the rows of TestEveryChangeLeavesAnEvent share.
type life struct {
	*fixture
	t      *testing.T
	pool   *identity.UserPool
	admin  *identity.Admin
	users  identity.Users
	client *identity.AppClient
	second string // client
	subs   map[string]string

	session  *identity.Session
	tokens   *identity.Tokens
	secret   string // id
	key      string
	totp     mfa.Secret
	recovery []identity.Secret
	at       identity.Challenge
	doomed   *identity.Session
	acme     *identity.AppClient // a client that has the provider Acme
	again    identity.Secret     // a refresh token
	job      *identity.ImportJob
}

// An act is one call of a public method, and what it must leave. In want,
// "ada" and "bob" stand for subs.
type act struct {
	method string
	do     func(ctx context.Context, l *life) error
	want   []string
}

func (l *life) code(address string) identity.Secret {
	return identity.Secret(l.outbox.LastCode(address))
}

// totpCode is a code of a time step that was not used yet.
func (l *life) totpCode() identity.Secret {
	l.advance(mfa.Period)
	return identity.Secret(l.totp.Code(l.now()))
}

const (
	adaMail   = "ada@example.com"
	password2 = "another horse battery staple"
	password3 = "a third horse battery staple"
)

var acts = slices.Concat([]act{
	{"Engine.OpenUserPool", func(ctx context.Context, l *life) (err error) {
		s := mfaPool("OPTIONAL")
		s = everyFactor(s)
		s.FirstFactors = append(s.FirstFactors, identity.FirstPasskey)
		s.Passkeys = &identity.PasskeySettings{RelyingParty: passkeyPool.Passkeys.RelyingParty, Factor: &bothFactors}
		s.Algorithm, s.Aliases, s.Defaults = "ES256", []string{"email"}, identity.CognitoDefaults
		if l.pool, err = l.OpenUserPool(ctx, "main", &s); err == nil {
			l.admin = l.pool.Admin()
			l.users = l.admin.Users()
		}
		return err
	}, []string{"PoolCreated operator:AKIA pool", "ClientCreated operator:AKIA client"}},
	{"Engine.CreateUserPool", func(ctx context.Context, l *life) error {
		p, err := l.CreateUserPool(ctx, &identity.PoolSettings{Name: "other", Algorithm: "ES256"})
		if err != nil {
			return err
		}
		other, err := l.UserPool(ctx, p.ID)
		if err != nil {
			return err
		}
		n := 0
		for ev, err := range other.Admin().Events(ctx, identity.EventQuery{}) {
			if n++; err != nil || ev.Kind != identity.EventPoolCreated || ev.Actor.ID != "AKIA" {
				l.t.Errorf("the other pool has the event %+v, %v", ev, err)
			}
		}
		if n != 1 {
			l.t.Errorf("the other pool has %d events", n)
		}
		return nil
	}, nil}, // it is the other pool's
	{"Admin.CreateSenderKey", func(ctx context.Context, l *life) error {
		_, err := l.admin.CreateSenderKey(ctx)
		return err
	}, []string{"SenderKeyCreated operator:AKIA pool"}},
	{"Admin.DeleteSenderKey", func(ctx context.Context, l *life) error {
		if was, err := l.admin.DeleteSenderKey(ctx); err != nil || !was {
			l.t.Errorf("DeleteSenderKey: %t, %v", was, err)
		}
		_, err := l.admin.DeleteSenderKey(ctx)
		return err
	}, []string{"SenderKeyDeleted operator:AKIA pool"}},
	{"Admin.Update", func(ctx context.Context, l *life) error {
		return second(l.admin.Update(ctx, func(s *identity.PoolSettings) error { s.Tags = map[string]string{"a": "b"}; return nil }))
	}, []string{"PoolChanged operator:AKIA pool changed=tags"}},
	{"Admin.UpgradeDefaults", func(ctx context.Context, l *life) error {
		return second(l.admin.UpgradeDefaults(ctx))
	}, nil}, // a new pool has the latest
	{"Engine.EnsureUserPool", func(ctx context.Context, l *life) error {
		_, _, err := l.EnsureUserPool(ctx, "ensured", nil)
		return err
	}, nil}, // it is the other pool's
	{"Clients.Create", func(ctx context.Context, l *life) error {
		c, err := l.admin.Clients().Create(ctx, &identity.ClientSettings{
			Name: "test", AuthFlows: []identity.AuthFlow{identity.AllowUserPassword, identity.AllowUserSRP, identity.AllowAdminPassword, identity.AllowCustom, identity.AllowUser},
			Rotation: &identity.RefreshRotation{Enabled: true, GraceSeconds: ptr(0)},
		})
		l.client = l.pool.Client(c.ID)
		return err
	}, []string{"ClientCreated operator:AKIA client"}},
	{"Clients.Create with a secret", func(ctx context.Context, l *life) error {
		c, err := l.admin.Clients().Create(ctx, &identity.ClientSettings{Name: "second", GenerateSecret: true})
		l.second = c.ID
		return err
	}, []string{"ClientCreated operator:AKIA client"}},
	{"Clients.AddSecret", func(ctx context.Context, l *life) error {
		s, err := l.admin.Clients().AddSecret(ctx, l.second, "")
		l.secret = s.ID
		return err
	}, []string{"ClientSecretAdded operator:AKIA client secret=*"}},
	{"Clients.DeleteSecret", func(ctx context.Context, l *life) error {
		return l.admin.Clients().DeleteSecret(ctx, l.second, l.secret)
	}, []string{"ClientSecretDeleted operator:AKIA client secret=*"}},
	{"Clients.Update", func(ctx context.Context, l *life) error {
		return second(l.admin.Clients().Update(ctx, l.second, func(s *identity.ClientSettings) error { s.Name = "renamed"; return nil }))
	}, []string{"ClientChanged operator:AKIA client changed=name"}},
	{
		"Clients.Delete", func(ctx context.Context, l *life) error { return l.admin.Clients().Delete(ctx, l.second) },
		[]string{"ClientDeleted operator:AKIA client"},
	},
	{"Groups.Create", func(ctx context.Context, l *life) error {
		return second(l.admin.Groups().Create(ctx, identity.GroupSettings{Name: "staff"}))
	}, []string{"GroupCreated operator:AKIA group name=staff"}},
	{"Groups.Update", func(ctx context.Context, l *life) error {
		return second(l.admin.Groups().Update(ctx, "staff", identity.GroupSettings{Description: ptr("all")}))
	}, []string{"GroupChanged operator:AKIA group name=staff"}},
	{"Groups.AddRule", func(ctx context.Context, l *life) error {
		return second(l.admin.Groups().AddRule(ctx, identity.GroupRule{Group: "staff", Attribute: "email", Match: identity.MatchEmailDomain, Value: "staff.example"}))
	}, []string{"GroupRuleAdded operator:AKIA group name=staff rule=*"}},
	{"Groups.ApplyRules", func(ctx context.Context, l *life) error {
		return second(l.admin.Groups().ApplyRules(ctx, nil))
	}, nil}, // nobody is there yet
	{"Groups.RemoveRule", func(ctx context.Context, l *life) error {
		rules, _, err := l.admin.Groups().Rules(ctx)
		check(l.t, "Rules", err)
		return l.admin.Groups().RemoveRule(ctx, rules[0].ID)
	}, []string{"GroupRuleRemoved operator:AKIA group name=staff rule=*"}},
	{"AppClient.SignUp", func(ctx context.Context, l *life) error {
		res, err := l.client.SignUp(ctx, identity.SignUp{Username: "ada", Password: password, Attributes: attrs{"email": adaMail}})
		l.subs["ada"] = res.Sub
		return err
	}, []string{"SignedUp client ada"}},
	{"AppClient.ResendConfirmationCode", func(ctx context.Context, l *life) error {
		return second(l.client.ResendConfirmationCode(ctx, "ada", ""))
	}, []string{"CodeRequested client ada purpose=confirm"}},
	{"AppClient.ConfirmSignUp with a wrong code", func(ctx context.Context, l *life) error {
		wantErr(l.t, "ConfirmSignUp", l.client.ConfirmSignUp(ctx, identity.ConfirmSignUp{Username: "ada", Code: "x"}), identity.ErrCodeMismatch)
		return nil
	}, []string{"CodeRefused client ada WrongCode purpose=confirm"}},
	{"AppClient.ConfirmSignUp of nobody", func(ctx context.Context, l *life) error {
		wantErr(l.t, "ConfirmSignUp", l.pool.ConfirmSignUp(ctx, identity.ConfirmSignUp{Username: "nobody", Code: "x"}), identity.ErrUserNotFound, identity.ErrCodeMismatch, identity.ErrCodeExpired)
		return nil
	}, nil}, // this pool tells who is there, and counts nothing
	{"AppClient.ConfirmByLink in a pool without links", confirmWithoutLinks, nil},
	{"AppClient.ConfirmSignUp", func(ctx context.Context, l *life) error {
		return l.client.ConfirmSignUp(ctx, identity.ConfirmSignUp{Username: "ada", Code: l.code(adaMail)})
	}, []string{"SignUpConfirmed user:ada ada"}},
	{"AppClient.SignIn with a wrong password", func(ctx context.Context, l *life) error {
		_, err := l.open2(ctx, "ada", wrong)
		wantErr(l.t, "SignIn", err, identity.ErrIncorrectCredentials)
		return nil
	}, []string{"SignInFailed client ada WrongPassword"}},
	{"AppClient.SignIn", func(ctx context.Context, l *life) error {
		in, err := l.open2(ctx, "ada", password)
		if err == nil {
			l.tokens = in.Tokens
			l.session, err = l.Session(ctx, in.Tokens.Access)
		}
		return err
	}, []string{"SignedIn user:ada ada", "SigningKeysCreated engine key sign_from=*"}},
	{"Admin.SignIn", func(ctx context.Context, l *life) error {
		in, err := l.admin.SignIn(ctx, l.client.ClientID(), identity.SignIn{Username: "ada", Password: password})
		if err == nil {
			l.again = in.Tokens.Refresh
		}
		return err
	}, []string{"SignedIn operator:AKIA ada"}},
	{"PasswordVerifier.Answer with a wrong proof", func(ctx context.Context, l *life) error {
		ch, err := l.client.StartSRP(ctx, identity.StartSRP{Username: "ada", A: publicA})
		if err == nil {
			_, err = ch.Answer(ctx, identity.PasswordProof{SecretBlock: ch.SecretBlock, Signature: "AAAA", Timestamp: timestamp})
		}
		wantErr(l.t, "Answer", err, identity.ErrIncorrectCredentials)
		return nil
	}, []string{"SignInFailed client ada WrongPassword"}},
}, choiceActs, oauthActs, sessionActs, []act{
	{"AppClient.Refresh", func(ctx context.Context, l *life) error {
		return second(l.client.Refresh(ctx, identity.Refresh{Token: l.again, Rotating: true}))
	}, nil}, // a refresh is no change of the user
	{"AppClient.Refresh with a token that was replaced", func(ctx context.Context, l *life) error {
		_, err := l.client.Refresh(ctx, identity.Refresh{Token: l.again, Rotating: true})
		wantErr(l.t, "Refresh", err, identity.ErrRefreshTokenReused)
		return nil
	}, []string{"RefreshTokenReused client ada TokenReused"}},
	{"AppClient.Revoke", func(ctx context.Context, l *life) error {
		in, err := l.open2(context.WithoutCancel(l.t.Context()), "ada", password)
		if err != nil {
			return err
		}
		return l.client.Revoke(ctx, in.Tokens.Refresh, "")
	}, []string{"SignInRevoked user:ada ada"}},
	{"Session.UpdateAttributes", func(ctx context.Context, l *life) error {
		return second(l.session.UpdateAttributes(ctx, attrs{"nickname": "a", "name": "Ada"}))
	}, []string{"AttributesChanged user:ada ada changed=name,nickname"}},
	{
		"Session.DeleteAttributes", func(ctx context.Context, l *life) error { return l.session.DeleteAttributes(ctx, "nickname") },
		[]string{"AttributesChanged user:ada ada changed=nickname"},
	},
	{"Session.SendVerification", func(ctx context.Context, l *life) error {
		return second(l.session.SendVerification(ctx, "email"))
	}, []string{"CodeRequested user:ada ada purpose=verify email"}},
	{"Session.VerifyAttribute with a wrong code", func(ctx context.Context, l *life) error {
		wantErr(l.t, "VerifyAttribute", l.session.VerifyAttribute(ctx, "email", "x"), identity.ErrCodeMismatch)
		return nil
	}, []string{"CodeRefused user:ada ada WrongCode purpose=verify email"}},
	{"Session.VerifyAttribute", func(ctx context.Context, l *life) error {
		return l.session.VerifyAttribute(ctx, "email", l.code(adaMail))
	}, []string{"AttributeVerified user:ada ada"}},
	{"Session.ChangePassword with a wrong one", func(ctx context.Context, l *life) error {
		wantErr(l.t, "ChangePassword", l.session.ChangePassword(ctx, wrong, password2), identity.ErrIncorrectCredentials)
		return nil
	}, []string{"PasswordChangeFailed user:ada ada WrongPassword"}},
	{
		"Session.ChangePassword", func(ctx context.Context, l *life) error { return l.session.ChangePassword(ctx, password, password2) },
		[]string{"PasswordChanged user:ada ada"},
	},
	{
		"AppClient.ForgotPassword", func(ctx context.Context, l *life) error { return second(l.client.ForgotPassword(ctx, "ada", "")) },
		[]string{"PasswordResetRequested client ada purpose=reset"},
	},
	{"AppClient.ConfirmForgotPassword with a wrong code", func(ctx context.Context, l *life) error {
		err := l.client.ConfirmForgotPassword(ctx, identity.ConfirmForgotPassword{Username: "ada", Code: "x", Password: password3})
		wantErr(l.t, "ConfirmForgotPassword", err, identity.ErrCodeMismatch)
		return nil
	}, []string{"CodeRefused client ada WrongCode purpose=reset"}},
	{"AppClient.ConfirmForgotPassword", func(ctx context.Context, l *life) error {
		return l.client.ConfirmForgotPassword(ctx, identity.ConfirmForgotPassword{Username: "ada", Code: l.code(adaMail), Password: password3})
	}, []string{"PasswordReset user:ada ada"}},
	{
		"Session.EnrollTOTP", func(ctx context.Context, l *life) (err error) { l.totp, err = l.session.EnrollTOTP(ctx); return err },
		[]string{"TOTPEnrollmentStarted user:ada ada"},
	},
	{"Session.VerifyTOTP with a wrong code", func(ctx context.Context, l *life) error {
		wantErr(l.t, "VerifyTOTP", l.session.VerifyTOTP(ctx, "000", ""), identity.ErrTOTPMismatch)
		return nil
	}, []string{"CodeRefused user:ada ada WrongCode purpose=enroll"}},
	{
		"Session.VerifyTOTP", func(ctx context.Context, l *life) error { return l.session.VerifyTOTP(ctx, l.totpCode(), "") },
		[]string{"TOTPEnrolled user:ada ada"},
	},
	{"Session.SetMFA", func(ctx context.Context, l *life) error {
		return l.session.SetMFA(ctx, identity.MFAUpdate{identity.MFATOTP: {Enabled: true}})
	}, []string{"MFAChanged user:ada ada"}},
	{"Session.NewRecoveryCodes", makeRecoveryCodes, []string{"RecoveryCodesMade user:ada ada"}},
}, passkeyActs, []act{
	{"AppClient.SignIn to a challenge", func(ctx context.Context, l *life) error {
		in, err := l.open2(ctx, "ada", password3)
		if err == nil {
			l.at = in.Challenge
		}
		return err
	}, nil}, // nothing is decided yet
	{"TOTPRequired.Answer with a wrong code", func(ctx context.Context, l *life) error {
		_, err := l.at.(*identity.TOTPRequired).Answer(ctx, identity.FactorCode{Code: "000000"})
		wantErr(l.t, "Answer", err, identity.ErrMFACodeMismatch)
		return nil
	}, []string{"MFAFailed client ada WrongCode"}},
	{"TOTPRequired.Answer", func(ctx context.Context, l *life) error {
		return second(l.at.(*identity.TOTPRequired).Answer(ctx, identity.FactorCode{Code: l.totpCode()}))
	}, []string{"SignedIn user:ada ada"}},
	{"CustomChallenge.Answer with a wrong answer, then the right one", func(ctx context.Context, l *life) error {
		h := (&game{}).hooks()
		l.SetHooks(&h)
		defer l.SetHooks(nil)
		in, err := l.client.StartCustom(ctx, identity.StartCustom{Username: "ada"})
		for _, answer := range []identity.Secret{"wrong", "right"} {
			if err != nil {
				return err
			}
			in, err = in.Challenge.(*identity.CustomChallenge).Answer(ctx, identity.CustomAnswer{Answer: answer})
		}
		return err
	}, []string{"SignInFailed client ada WrongPassword", "SignedIn user:ada ada"}},
	{"Users.UpdateAttributes", func(ctx context.Context, l *life) error {
		return l.users.UpdateAttributes(ctx, "ada", attrs{"phone_number": "+15550100", "phone_number_verified": "true"})
	}, []string{"AttributesChanged operator:AKIA ada changed=phone_number,phone_number_verified"}},
	{"SMSOTPRequired.Answer with a wrong code", guessTextedCode, []string{"CodeRequested client ada purpose=sign-in", "SignInFailed client ada WrongCode purpose=sign-in"}},
	{"SMSOTPRequired.Resend", resendTextedCode, []string{"CodeRequested client ada purpose=sign-in"}},
	{
		"Users.DeleteAttributes", func(ctx context.Context, l *life) error { return l.users.DeleteAttributes(ctx, "ada", "name") },
		[]string{"AttributesChanged operator:AKIA ada changed=name"},
	},
	{"Users.SetMFA", func(ctx context.Context, l *life) error {
		return l.users.SetMFA(ctx, "ada", identity.MFAUpdate{identity.MFATOTP: {Enabled: true}, identity.MFASMS: {Enabled: true}})
	}, []string{"MFAChanged operator:AKIA ada"}},
	{"MFAChoiceRequired.Answer", func(ctx context.Context, l *life) error {
		in, err := l.open2(ctx, "ada", password3)
		if err != nil {
			return err
		}
		in, err = in.Challenge.(*identity.MFAChoiceRequired).Answer(ctx, identity.FactorChoice{Method: identity.MFASMS})
		if err == nil {
			l.at = in.Challenge
		}
		return err
	}, nil}, // nothing is decided yet
	{"SMSCodeRequired.Resend", func(ctx context.Context, l *life) error {
		return l.goOn(l.at.(*identity.SMSCodeRequired).Resend(ctx, ""))
	}, nil}, // nothing is decided yet
	{"SMSCodeRequired.Answer", func(ctx context.Context, l *life) error {
		return second(l.at.(*identity.SMSCodeRequired).Answer(ctx, identity.FactorCode{Code: l.code("+15550100")}))
	}, []string{"SignedIn user:ada ada"}},
	{"MFAChoiceRequired.Recover with a wrong code", failToRecover, []string{"MFAFailed client ada WrongCode"}},
	{"MFAChoiceRequired.Recover", recoverBy(), []string{"RecoveryCodeUsed user:ada ada left=9", "SignedIn user:ada ada"}},
	{"TOTPRequired.Recover", recoverBy(identity.MFATOTP), []string{"RecoveryCodeUsed user:ada ada left=8", "SignedIn user:ada ada"}},
	{"SMSCodeRequired.Recover", recoverBy(identity.MFASMS), []string{"RecoveryCodeUsed user:ada ada left=7", "SignedIn user:ada ada"}},
	{"EmailCodeRequired.Recover", recoverBy(identity.MFAEmail), []string{"RecoveryCodeUsed user:ada ada left=6", "SignedIn user:ada ada"}},
	{"EmailCodeRequired.Answer", signInByEmailCode(nil), []string{"MFAChanged program ada", "PoolChanged program pool changed=emailMfa", "PoolChanged program pool changed=emailMfa", "SignedIn user:ada ada"}},
	{"EmailCodeRequired.Resend", signInByEmailCode((*identity.EmailCodeRequired).Resend), []string{"MFAChanged program ada", "PoolChanged program pool changed=emailMfa", "PoolChanged program pool changed=emailMfa", "SignedIn user:ada ada"}},
	{
		"Users.AddToGroup", func(ctx context.Context, l *life) error { return l.users.AddToGroup(ctx, "ada", "staff") },
		[]string{"GroupsChanged operator:AKIA ada added=staff"},
	},
	{
		"Users.RemoveFromGroup", func(ctx context.Context, l *life) error { return l.users.RemoveFromGroup(ctx, "ada", "staff") },
		[]string{"GroupsChanged operator:AKIA ada removed=staff"},
	},
	{
		"Groups.Delete", func(ctx context.Context, l *life) error { return l.admin.Groups().Delete(ctx, "staff") },
		[]string{"GroupDeleted operator:AKIA group name=staff"},
	},
	{"Users.Create", func(ctx context.Context, l *life) error {
		u, err := l.users.Create(ctx, identity.CreateUser{Username: "bob", TemporaryPassword: password, SuppressInvitation: true})
		l.subs["bob"] = u.Sub
		return err
	}, []string{"UserCreated operator:AKIA bob"}},
	{"Users.Create again, to invite", func(ctx context.Context, l *life) error {
		return second(l.users.Create(ctx, identity.CreateUser{Username: "bob", TemporaryPassword: password, ResendInvitation: true}))
	}, []string{"UserInvitedAgain operator:AKIA bob"}},
	{"NewPasswordRequired.Answer", func(ctx context.Context, l *life) error {
		in, err := l.open2(ctx, "bob", password)
		if err != nil {
			return err
		}
		in, err = in.Challenge.(*identity.NewPasswordRequired).Answer(ctx, identity.NewPassword{Password: password2})
		if err == nil {
			l.doomed, err = l.Session(ctx, in.Tokens.Access)
		}
		return err
	}, []string{"TemporaryPasswordReplaced user:bob bob"}},
	{"Users.Create with another's alias", func(ctx context.Context, l *life) error {
		u, err := l.users.Create(ctx, identity.CreateUser{
			Username: "eve", SuppressInvitation: true, ForceAlias: true, TemporaryPassword: password, Attributes: attrs{"email": adaMail, "email_verified": "true"},
		})
		l.subs["eve"] = u.Sub
		return err
	}, []string{"AliasLost operator:AKIA ada", "UserCreated operator:AKIA eve"}},
	{
		"Users.SetPassword", func(ctx context.Context, l *life) error { return l.users.SetPassword(ctx, "ada", password, true) },
		[]string{"PasswordSet operator:AKIA ada"},
	},
	{"Users.ResetPassword", func(ctx context.Context, l *life) error {
		_ = l.users.UpdateAttributes(l.t.Context(), "bob", attrs{"email": "bob@example.com", "email_verified": "true"})
		return l.users.ResetPassword(ctx, "bob")
	}, []string{"PasswordResetRequired operator:AKIA bob"}},
	{
		"Users.Disable", func(ctx context.Context, l *life) error { return l.users.Disable(ctx, "ada") },
		[]string{"UserDisabled operator:AKIA ada"},
	},
	{
		"Users.Enable", func(ctx context.Context, l *life) error { return l.users.Enable(ctx, "ada") },
		[]string{"UserEnabled operator:AKIA ada"},
	},
	{
		"Users.SignOut", func(ctx context.Context, l *life) error { return l.users.SignOut(ctx, "ada") },
		[]string{"SignedOutEverywhere operator:AKIA ada"},
	},
	{
		"Session.SignOutEverywhere", func(ctx context.Context, l *life) error { return l.session.SignOutEverywhere(ctx) },
		[]string{"SignedOutEverywhere user:ada ada"},
	},
	{
		"Session.Delete", func(ctx context.Context, l *life) error { return l.doomed.Delete(ctx) },
		[]string{"UserDeleted user:bob bob"},
	},
	{"Users.Confirm", func(ctx context.Context, l *life) error {
		res, err := l.client.SignUp(l.t.Context(), identity.SignUp{Username: "bob", Password: password, Attributes: attrs{"email": "b2@example.com"}})
		l.subs["bob"] = res.Sub
		if err != nil {
			return err
		}
		return l.users.Confirm(ctx, "bob")
	}, []string{"SignUpConfirmed operator:AKIA bob"}},
	{
		"Users.DeleteTOTP", func(ctx context.Context, l *life) error { return l.users.DeleteTOTP(ctx, "bob") },
		[]string{"MFAChanged operator:AKIA bob"},
	},
	{
		"Users.ResetMFA", func(ctx context.Context, l *life) error { return l.users.ResetMFA(ctx, "bob") },
		[]string{"MFAChanged operator:AKIA bob"},
	},
	{
		"Users.Delete", func(ctx context.Context, l *life) error { return l.users.Delete(ctx, "bob") },
		[]string{"UserDeleted operator:AKIA bob"},
	},
	{"Users.Import", func(ctx context.Context, l *life) error {
		l.subs["bob"] = "00000000-0000-4000-8000-000000000001"
		res, err := l.users.Import(ctx, []*identity.UserRecord{{Sub: l.subs["bob"], Username: "bob", Password: password, Attributes: attrs{"email": "b3@example.com"}}})
		if res.Imported != 1 {
			l.t.Errorf("imported %+v", res)
		}
		return err
	}, []string{"UserImported operator:AKIA bob"}},
	{"ImportJobs.Create", createJob, []string{"ImportJobCreated operator:AKIA importJob name=job"}},
	{"ImportJobs.Upload", uploadJob, nil},
	{"ImportJobs.Start", startJob, []string{"ImportJobStarted operator:AKIA importJob name=job"}},
	{"ImportJobs.Stop", stopJob, []string{"ImportJobStopped operator:AKIA importJob name=job"}},
	{"MFASetupRequired.Enroll", func(ctx context.Context, l *life) error {
		err := second(l.admin.Update(l.t.Context(), func(s *identity.PoolSettings) error { s.MFA = "ON"; return nil }))
		if err != nil {
			return err
		}
		in, err := l.open2(ctx, "bob", password)
		if err != nil {
			return err
		}
		l.at = in.Challenge
		l.totp, err = l.at.(*identity.MFASetupRequired).Enroll(ctx)
		return err
	}, []string{"TOTPEnrollmentStarted user:bob bob"}},
	{"MFASetupRequired.Verify with a wrong code", func(ctx context.Context, l *life) error {
		wantErr(l.t, "Verify", l.at.(*identity.MFASetupRequired).Verify(ctx, "000", ""), identity.ErrTOTPMismatch)
		return nil
	}, []string{"CodeRefused client bob WrongCode purpose=enroll"}},
	{"MFASetupRequired.Verify", func(ctx context.Context, l *life) error {
		return l.at.(*identity.MFASetupRequired).Verify(ctx, l.totpCode(), "")
	}, []string{"TOTPEnrolled user:bob bob"}},
	{"MFASetupRequired.Answer", func(ctx context.Context, l *life) error {
		return second(l.at.(*identity.MFASetupRequired).Answer(ctx, ""))
	}, []string{"SignedIn user:bob bob"}},
	{"MFASetupRequired.AnswerEmail then EmailCodeRequired.Answer", setUpByEmail, []string{
		"MFAFailed client ivo WrongCode", "AttributeVerified user:ivo ivo", "MFAChanged user:ivo ivo", "SignedIn user:ivo ivo",
	}},
	{
		"Admin.RotateKeys", func(ctx context.Context, l *life) error { return l.admin.RotateKeys(ctx, 0) },
		[]string{"SigningKeysCreated operator:AKIA key master=* sign_from=*"},
	},
	{
		"Admin.RevokeKeys", func(ctx context.Context, l *life) error { return l.admin.RevokeKeys(ctx) },
		[]string{"SigningKeysCreated operator:AKIA key master=* revoked=true sign_from=*"},
	},
	{"AccessKeys.Create", func(ctx context.Context, l *life) error {
		k, _, err := l.AccessKeys().Create(ctx, "spare", nil)
		l.key = k.ID
		return err
	}, []string{"AccessKeyCreated operator:AKIA accessKey name=spare role=owner"}},
	{
		"AccessKeys.Revoke", func(ctx context.Context, l *life) error { return second(l.AccessKeys().Revoke(ctx, l.key)) },
		[]string{"AccessKeyRevoked operator:AKIA accessKey"},
	},
}, deviceActs, messageActs, resourceServerActs, providerActs, domainActs, uiActs, brandingActs, termsActs, []act{
	{
		"Admin.Delete", func(ctx context.Context, l *life) error { return l.admin.Delete(ctx) },
		[]string{"PoolDeleted operator:AKIA pool"},
	},
})

// signed are the receivers whose calls are an operator's.
var signed = []string{"Engine", "Admin", "Messages", "Clients", "Groups", "Users", "AccessKeys", "ImportJobs", "ResourceServers", "Providers", "Domains", "Brandings", "Terms"}

// left are the events of a request, as they are written in an act, in order.
func (l *life) left(request string) []string {
	l.t.Helper()
	now := identity.EventQuery{From: l.now()}
	all := []iter.Seq2[*identity.Event, error]{l.Events(l.t.Context(), now)}
	if _, err := l.admin.Describe(l.t.Context()); err == nil {
		all = append(all, l.admin.Events(l.t.Context(), now))
	}
	var out []string
	for _, some := range all {
		for ev, err := range some {
			check(l.t, "Events", err)
			if ev.Request == request {
				out = append(out, l.tell(ev))
			}
		}
	}
	slices.Sort(out)
	return out
}

func (l *life) tell(ev *identity.Event) string {
	words := []string{string(ev.Kind), string(ev.Actor.Kind), l.named(ev.Sub)}
	switch ev.Actor.Kind {
	case identity.ActorUser, identity.ActorOperator:
		words[1] += ":" + l.named(ev.Actor.ID)
	case identity.ActorClient:
		if ev.Actor.ID != l.client.ClientID() {
			l.t.Errorf("the actor of %s is the client %q", ev.Kind, ev.Actor.ID)
		}
	}
	if ev.Subject.Kind != "" {
		words[2] = string(ev.Subject.Kind)
		if ev.Subject.ID == "" || ev.Sub != "" {
			l.t.Errorf("the subject of %s is %+v beside %q", ev.Kind, ev.Subject, ev.Sub)
		}
	}
	if ev.Failure != "" {
		words = append(words, string(ev.Failure))
	}
	for _, name := range sorted(ev.Data) {
		value := ev.Data[name]
		if name == "secret" || name == "session" || name == "device" || name == "rule" || name == "sign_from" || name == "master" {
			value = "*"
		}
		words = append(words, name+"="+value)
	}
	return strings.Join(words, " ")
}

func sorted(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func (l *life) named(sub string) string {
	for name, s := range l.subs {
		if s == sub {
			return name
		}
	}
	return sub
}

func TestEveryChangeLeavesAnEvent(t *testing.T) {
	l := &life{fixture: newEngineOn(t, memory.New()), t: t, subs: map[string]string{}}
	for _, a := range acts {
		receiver, _, _ := strings.Cut(a.method, ".")
		call := identity.Call{RequestID: a.method}
		if slices.Contains(signed, receiver) {
			call.AccessKey = "AKIA"
		}
		if err := a.do(identity.WithCall(t.Context(), call), l); err != nil {
			t.Fatalf("%s: %v", a.method, err)
		}
		slices.Sort(a.want)
		if got := l.left(a.method); !slices.Equal(got, a.want) {
			t.Errorf("%s left %q, want %q", a.method, got, a.want)
		}
		l.advance(time.Second)
	}
}

// A method that changes something must be among the acts.
func TestEveryMethodIsKnownToLeaveEventsOrNone(t *testing.T) {
	known := slices.Clone(readers)
	for _, a := range acts {
		method, _, _ := strings.Cut(a.method, " ")
		known = append(known, method)
	}
	found := exportedMethods(t)
	for _, m := range found {
		if !slices.Contains(known, m) {
			t.Errorf("%s is new: add it to acts in this file with the events that it leaves, or to readers (methods_test.go) if it changes nothing", m)
		}
	}
	for _, m := range known {
		if !slices.Contains(found, m) {
			t.Errorf("%s is among acts or readers in this file, and no exported type has this method", m)
		}
	}
}
