package identity_test

import (
	"context"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
)

// A hooked is one flow of the table in hooks.go, in the middle: what is left
// of it comes to the hooks. It tries for the user of a name, which is alice
// unless there must be no such user.
type hooked func(ctx context.Context, name string) error

// hookFlows has, for each flow of the table in hooks.go, ways to come to it.
var hookFlows = map[string]map[string]func(*testing.T, *fixture) (*identity.UserPool, hooked){
	"federation.ready": {
		"the first":   func(t *testing.T, f *fixture) (*identity.UserPool, hooked) { return f.federatedFlow(t, 0) },
		"a later one": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) { return f.federatedFlow(t, 1) },
	},
	"attempt.untriggered": {
		"by password": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
			pool, a := f.hookPool(t)
			return pool, func(ctx context.Context, name string) error {
				_, err := a.SignIn(ctx, identity.SignIn{Username: name, Password: password})
				return err
			}
		},
		"by SRP": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
			pool, a := f.hookPool(t)
			return pool, func(ctx context.Context, name string) error {
				_, err := beginSRP(ctx, a, pool.PoolID(), name)
				return err
			}
		},
		"of choice": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
			pool, a := f.choicePool(t)
			return pool, func(ctx context.Context, name string) error {
				return begin(ctx, a, identity.BeginSignIn{Username: name, Preferred: byWord, Password: password})
			}
		},
	},
	"firstStep.byPassword": {"": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
		pool, a := f.choicePool(t)
		ch := begun[*identity.PasswordRequired](t, a, "alice", byWord)
		return pool, func(ctx context.Context, _ string) error {
			return second(ch.Answer(ctx, identity.PasswordAnswer{Password: password}))
		}
	}},
	"pending.proveFirst": {"": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
		pool, a := f.choicePool(t)
		ch := begun[*identity.EmailOTPRequired](t, a, "alice", byMail)
		return pool, func(ctx context.Context, _ string) error { return answer(ctx, ch, f.outbox.LastCode(email)) }
	}},
	"PasskeyRequired.answer": {"": passkeyFlow},
	"scope.firstWords": {"": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
		pool, a := f.choicePool(t)
		f.edit(t, pool, "alice", func(u *identity.User) {
			u.Attributes["phone_number"], u.Attributes["phone_number_verified"] = phone, "true"
		})
		ch := begun[*identity.FirstFactorRequired](t, a, "alice", noFactor)
		return pool, func(ctx context.Context, _ string) error {
			return second(ch.Answer(ctx, identity.FirstChoice{Factor: byText}))
		}
	}},
	"scope.setFirstPassword": {"": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
		pool, a := f.hookPool(t)
		check(t, "SetPassword", pool.Admin().Users().SetPassword(t.Context(), "alice", wrong, false))
		in, err := a.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: wrong})
		check(t, "SignIn", err)
		return pool, func(ctx context.Context, _ string) error {
			_, err := in.Challenge.(*identity.NewPasswordRequired).Answer(ctx, identity.NewPassword{Password: chosen})
			return err
		}
	}},
	"secondStep.proveBy": {"": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
		pool, a, key := f.enrolled(t, "OPTIONAL")
		ch := asked[*identity.TOTPRequired](t, a)
		return pool, func(ctx context.Context, _ string) error { return answer(ctx, ch, key.Code(f.now())) }
	}},
	"secondStep.proveRecovery": {"": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
		pool, a, codes := f.withCodes(t)
		check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.Notices = nil })) // for whose messages there are hooks too
		ch := asked[*identity.TOTPRequired](t, a)
		return pool, func(ctx context.Context, _ string) error {
			return recovered(ch.Recover(ctx, identity.FactorCode{Code: codes[0]}))
		}
	}},
	"secondStep.proveRound": {"": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
		_, pool, a, key := f.factorPool(t, func(rounds []hook.Round) hook.DefineAuthChallengeDecision {
			if len(rounds) == 0 {
				return factorRounds(nil)
			}
			return hook.DefineAuthChallengeDecision{IssueTokens: true}
		})
		ch := startFactor(t, a)
		return pool, func(ctx context.Context, _ string) error { return answer(ctx, ch, key.Code(f.now())) }
	}},
	"MFASetupRequired.Answer": {"": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
		pool, a := f.hookPool(t)
		check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.MFA = "ON" }))
		ch := asked[*identity.MFASetupRequired](t, a)
		key, err := ch.Enroll(t.Context())
		check(t, "Enroll", err)
		check(t, "Verify", ch.Verify(t.Context(), identity.Secret(key.Code(f.now())), ""))
		return pool, func(ctx context.Context, _ string) error {
			_, err := ch.Answer(ctx, "")
			return err
		}
	}},
	"AppClient.refresh": {"": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
		pool, a := f.hookPool(t)
		tokens := f.signIn(t, a, "alice")
		return pool, func(ctx context.Context, _ string) error {
			_, err := a.Refresh(ctx, identity.Refresh{Token: tokens.Refresh})
			return err
		}
	}},
	"Browser.give": {
		"for a code": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
			pool, a, auth, browser := f.signedInBrowser(t, identity.GrantCode)
			code, err := auth.Code(t.Context(), browser)
			check(t, "Code", err)
			return pool, func(ctx context.Context, _ string) error {
				return second(a.Exchange(ctx, identity.CodeExchange{Code: code, RedirectURI: redirect}))
			}
		},
		"at once": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
			pool, a, _, browser := f.signedInBrowser(t, identity.GrantImplicit)
			return pool, func(ctx context.Context, _ string) error {
				auth, err := a.Authorization(ctx, identity.AuthorizationRequest{Grant: identity.GrantImplicit, RedirectURI: redirect})
				check(t, "Authorization", err)
				return second(auth.Tokens(ctx, browser))
			}
		},
	},
	"scope.issueClient": {"": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
		pool, _ := f.hookPool(t)
		check(t, "Create", second(pool.Admin().ResourceServers().Create(t.Context(), machineServer)))
		a := f.client(t, pool, machineSettings)
		return pool, func(ctx context.Context, _ string) error {
			check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) {
				if to, ok := s.Triggers[identity.PreTokenGeneration]; ok {
					to.Version = "V3_0"
					s.Triggers[identity.PreTokenGeneration] = to
				}
			}))
			return second(a.ClientToken(ctx, identity.ClientTokenRequest{Secret: machineSettings.Secret}))
		}
	}},
	"AppClient.startCustom": {"": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
		pool, a := f.customPool(t)
		return pool, func(ctx context.Context, _ string) error {
			_, err := a.StartCustom(ctx, identity.StartCustom{Username: "alice"})
			return err
		}
	}},
	"CustomChallenge.answer": {"": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
		pool, a := f.customPool(t)
		ch := riddle(t, a, "alice")
		return pool, func(ctx context.Context, _ string) error {
			_, err := ch.Answer(ctx, identity.CustomAnswer{Answer: "right"})
			return err
		}
	}},
	"PasswordVerifier.answerCustom": {"": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
		pool, a := f.customPool(t)
		x, err := beginCustomSRP(t.Context(), a, pool.PoolID(), "alice")
		check(t, "StartCustom", err)
		return pool, func(ctx context.Context, _ string) error {
			_, err := x.ch.Answer(ctx, x.proof(t, password))
			return err
		}
	}},
	"scope.newSignUp": {"": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) { return f.signUpHooked(t) }},
	"scope.decideSignUp": {"": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
		pool, rest := f.signUpHooked(t)
		h := decideSignUp(hook.PreSignUpDecision{Confirm: true})
		f.SetHooks(&h)
		return pool, rest
	}},
	"scope.confirmSignUp": {"": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
		pool, a := f.hookPool(t)
		f.signUp(t, pool, "carol", "carol@example.com")
		code := identity.Secret(f.outbox.LastCode("carol@example.com"))
		return pool, func(ctx context.Context, _ string) error {
			return a.ConfirmSignUp(ctx, identity.ConfirmSignUp{Username: "carol", Code: code})
		}
	}},
	"Users.Confirm": {"": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
		pool, _ := f.hookPool(t)
		f.signUp(t, pool, "carol", "carol@example.com")
		return pool, func(ctx context.Context, _ string) error { return pool.Admin().Users().Confirm(ctx, "carol") }
	}},
	"AppClient.resend": {"": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
		pool, a := f.hookPool(t)
		f.signUp(t, pool, "carol", "carol@example.com")
		return pool, func(ctx context.Context, _ string) error {
			_, err := a.ResendConfirmationCode(ctx, "carol", "")
			return err
		}
	}},
	"AppClient.forgotPassword": {"": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
		pool, a := f.hookPool(t)
		return pool, func(ctx context.Context, name string) error {
			_, err := a.ForgotPassword(ctx, name, "")
			return err
		}
	}},
	"AppClient.confirmForgotPassword": {"": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
		pool, a := f.hookPool(t)
		code := f.forgot(t, a, "alice")
		return pool, func(ctx context.Context, _ string) error { return recoverAs(ctx, a, "alice", code, chosen) }
	}},
	"Admin.resetPassword": {"": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
		pool, _ := f.hookPool(t)
		return pool, func(ctx context.Context, _ string) error { return pool.Admin().Users().ResetPassword(ctx, "alice") }
	}},
	"Admin.createUser": {"": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
		pool, _ := f.hookPool(t)
		return pool, func(ctx context.Context, _ string) error {
			_, err := pool.Admin().Users().Create(ctx, invited("bob"))
			return err
		}
	}},
	"Admin.reinvite": {"": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
		pool, _ := f.hookPool(t)
		in := invited("bob")
		_, err := pool.Admin().Users().Create(t.Context(), in)
		check(t, "Create", err)
		in.ResendInvitation = true
		return pool, func(ctx context.Context, _ string) error {
			_, err := pool.Admin().Users().Create(ctx, in)
			return err
		}
	}},
	"update.makeCodes": {
		"by the user": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
			pool, a := f.hookPool(t)
			tokens := f.signIn(t, a, "alice")
			return pool, func(ctx context.Context, _ string) error {
				s, err := f.Session(ctx, tokens.Access) // which reads the settings of now
				check(t, "Session", err)
				_, err = s.UpdateAttributes(ctx, map[string]string{"email": "new@example.com"})
				return err
			}
		},
		"by an operator": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
			pool, _ := f.hookPool(t)
			return pool, func(ctx context.Context, _ string) error {
				return pool.Admin().Users().UpdateAttributes(ctx, "alice", map[string]string{"email": "new@example.com"})
			}
		},
	},
	"Session.sendVerification": {"": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
		pool, a := f.hookPool(t)
		tokens := f.signIn(t, a, "alice")
		return pool, func(ctx context.Context, _ string) error {
			s, err := f.Session(ctx, tokens.Access) // which reads the settings of now
			check(t, "Session", err)
			_, err = s.SendVerification(ctx, "email")
			return err
		}
	}},
	"scope.sendFactorCode": {"": func(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
		pool, a, _ := f.enrolled(t, "OPTIONAL")
		f.edit(t, pool, "alice", func(u *identity.User) { u.Attributes["phone_number"] = phone })
		both := identity.MFAUpdate{identity.MFASMS: {Enabled: true}, identity.MFATOTP: {Enabled: true}}
		check(t, "SetMFA", pool.Admin().Users().SetMFA(t.Context(), "alice", both))
		ch := asked[*identity.MFAChoiceRequired](t, a)
		return pool, func(ctx context.Context, _ string) error {
			_, err := ch.Answer(ctx, identity.FactorChoice{Method: identity.MFASMS})
			return err
		}
	}},
}

func (f *fixture) signUpHooked(t *testing.T) (*identity.UserPool, hooked) {
	pool, a := f.hookPool(t)
	return pool, func(ctx context.Context, _ string) error {
		_, err := a.SignUp(ctx, identity.SignUp{Username: "bob", Password: password, Attributes: map[string]string{"email": "bob@example.com"}})
		return err
	}
}

// hookPool is a pool with a user, alice, and a client for all flows.
func (f *fixture) hookPool(t *testing.T) (*identity.UserPool, *identity.AppClient) {
	t.Helper()
	pool := f.open(t, mfaPool("OPTIONAL"))
	f.join(t, pool, "alice", email)
	return pool, f.client(t, pool, identity.ClientSettings{})
}

// federatedFlow is a sign-in by an identity provider, after so many.
func (f *fixture) federatedFlow(t *testing.T, before int) (*identity.UserPool, hooked) {
	t.Helper()
	pool := f.open(t, identity.PoolSettings{})
	check(t, "Create provider", second(pool.Admin().Providers().Create(t.Context(), oidcProvider("Acme", nil))))
	app := f.client(t, pool, identity.ClientSettings{Providers: []string{"Acme"}})
	signIn := func(ctx context.Context, _ string) error {
		return second(app.FederatedSignIn(ctx, identity.FederatedIdentity{Provider: "Acme", Subject: "alice"}))
	}
	for range before {
		check(t, "FederatedSignIn", signIn(t.Context(), ""))
	}
	return pool, signIn
}

// choicePool is a hookPool whose users begin with a factor of their choice.
func (f *fixture) choicePool(t *testing.T) (*identity.UserPool, *identity.AppClient) {
	t.Helper()
	pool, _ := f.hookPool(t)
	check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { *s = everyFactor(*s) }))
	return pool, f.choosing(t, pool, false)
}

func invited(name string) identity.CreateUser {
	return identity.CreateUser{Username: name, Attributes: map[string]string{"email": name + "@example.com"}, Mediums: []identity.Medium{"EMAIL"}}
}
