// Package identity is an identity engine: user pools with registration,
// verification, sign-in by password and by SRP, tokens, and their
// administration, over any [store.Store].
//
// Begin with [New] and [Engine.OpenUserPool]. What anyone may do is on
// [UserPool] (for its default client) and [AppClient]; what a signed-in user
// may do is on [Session]; what an operator may do is on [Admin]. Code without
// the value cannot make the call.
//
//	engine := identity.New(memory.New(), nil)
//	pool, err := engine.OpenUserPool(ctx, "main", nil)
//	...
//	_, err = pool.SignUp(ctx, identity.SignUp{Username: "alice", Password: "a long enough passphrase"})
//
// # Caveats
//
//   - The zero value of every setting is the safe one: passwords of 15
//     characters, names without regard to case, nothing disclosed about who
//     has an account. Pools with [CognitoDefaults] behave as Amazon Cognito does.
//   - Messages (codes, invitations) go to [Options.Sender] after the
//     transaction that they tell of. Without a Sender they are written to the log.
//   - Values returned by the engine may be shared: treat what you did not make as read-only.
package identity
