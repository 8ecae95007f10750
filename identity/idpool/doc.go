// Package idpool has identity pools: users of identity providers, and guests, exchange the
// proof of who they are for an identity, and the identity for temporary credentials of a role.
// It does what the service does under the name cognito-identity.
//
//	pools, err := idpool.New(engine, store, nil)
//	pool, err := pools.Pools().Create(ctx, "", idpool.Settings{Name: "app", UserPools: users})
//	id, err := pools.GetID(ctx, pool.ID, idpool.Logins{name: idToken})
//	c, err := pools.Credentials(ctx, id, idpool.Logins{name: idToken}, "")
//
// Begin with [New], [Pools.Create], [Service.GetID] and [Service.Credentials]. Add [Tables] to
// the catalog of the store, identity.Tables().With(idpool.Tables()...), and [Job] to the jobs of
// the engine.
//
// # Logins
//
// A login is the name of a provider and a token of it. [Service.GetID] finds or makes the
// identity of a login. [Service.Credentials] and [Service.OpenIDToken] take an identity with
// its logins, and link logins that are new, or merge the identities of several. Every token
// must verify. One that does not fails the call, and nothing changes.
//
// # Caveats
//
//   - Whoever knows the id of a guest is the guest.
//   - An ID token is good until it expires, whatever happens to its user, unless the pool
//     asks the user pool about it, see [UserPool].ServerSideTokenCheck.
//   - Guests are rows that strangers make. [Limits] bound them.
package idpool
