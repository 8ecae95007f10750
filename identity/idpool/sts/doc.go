// Package sts issues temporary credentials and verifies the requests that they sign. It does what
// AWS STS does for identity pools, and knows roles and their policies.
//
//	service, err := sts.New(store, &sts.Options{Roles: roles, VerifyWebIdentity: pools.VerifyToken, Active: pools.Active})
//	credentials, err := service.Assume(ctx, &sts.Assumption{RoleARN: arn, PoolID: pool, IdentityID: id, AMR: amr})
//	verified, err := service.Verify(request, body)
//
// Begin with [New], [Service.Assume] and [Service.Verify], and with [Service.Middleware] for an API of
// your own. [Service.ServeHTTP] serves the API of STS.
//
// # How credentials are kept
//
// They are not. The session token is a sealed string with everything that was granted. The secret
// key is derived from the access key id, by a key that is in the store. So what is verified is
// the key ring and the role, which are read each time, and never a table of credentials.
// [Service.RotateKeys] changes the key; older credentials stay good until they expire.
//
// # Caveats
//
// Policies here decide about requests to this program. A service of AWS knows nothing of credentials
// from here; use [Remote] where it must.
package sts
