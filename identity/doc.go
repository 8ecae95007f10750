// Package identity is an identity engine. It keeps user pools in any
// [store.Store] and does for them what Amazon Cognito does: registration,
// verification of addresses, sign-in by password and by SRP, second factors,
// tokens, groups and administration.
//
// Begin with three names: [New] makes an [Engine] over a store,
// [Engine.OpenUserPool] makes or finds a pool, and [Engine.Maintain] removes
// what has expired. The value that you hold says what you may do:
//
//   - [UserPool] has what anyone may do, through the default client of the pool.
//   - [AppClient] has the same, through another client of the pool.
//   - [Session] has what a signed-in user may do. [UserPool.Session] makes one
//     from an access token.
//   - [Admin] has what an operator may do. [UserPool.Admin] returns it.
//
// This program registers a user, confirms the address and signs the user in:
//
//	outbox := identity.NewOutbox(0) // keeps messages in memory; a real Sender sends them
//	engine := identity.New(memory.New(), &identity.Options{Sender: outbox})
//	go engine.Maintain(ctx) // until ctx ends
//
//	pool, err := engine.OpenUserPool(ctx, "main", nil) // nil: the safe settings
//	...
//	_, err = pool.SignUp(ctx, identity.SignUp{
//		Username: "alice", Password: "a long enough passphrase",
//		Attributes: map[string]string{"email": "alice@example.com"},
//	})
//	...
//	code := outbox.LastCode("alice@example.com") // what the user reads in the mail
//	err = pool.ConfirmSignUp(ctx, identity.ConfirmSignUp{Username: "alice", Code: identity.Secret(code)})
//	...
//	res, err := pool.SignIn(ctx, identity.SignIn{Username: "alice", Password: "a long enough passphrase"})
//	...
//	if res.Challenge == nil {
//		use(res.Tokens)
//	}
//
// A sign-in returns either tokens or a [Challenge]. [*TOTPRequired], for example,
// asks for a code of an authenticator app. A program switches over the type of
// the challenge and calls its Answer method, until there are tokens.
//
// Compare errors with [errors.Is]: errors.go lists every error that a caller
// may want to branch on.
//
// # Caveats
//
//   - The zero value of every setting is the safe one: passwords have at least
//     15 characters, the case of usernames does not count, and no answer
//     discloses who has an account. Give [CognitoDefaults] to a pool that must
//     behave as Amazon Cognito does.
//   - Codes and invitations go to [Options.Sender] after they are committed to
//     the store. Without a Sender, an operation that owes a code or an
//     invitation returns [ErrNoSender] and changes nothing.
//   - Expired records stay in the store until [Engine.Maintain] removes them.
//     Run it in every program on the store: one does the work, and the others
//     take over if it ends.
//   - Values that the engine returns may be shared. Do not change a value that
//     you did not make.
package identity
