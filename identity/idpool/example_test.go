package idpool_test

import (
	"context"
	"fmt"
	"log"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/idpool"
	"github.com/cognate-id/cognate/identity/idpool/sts"
	"github.com/cognate-id/cognate/store/memory"
)

// A guest gets temporary credentials of a role that the program has.
func Example() {
	ctx, st := context.Background(), memory.New()
	engine := identity.New(st, &identity.Options{
		Catalog: identity.Tables().With(idpool.Tables()...), Jobs: []identity.Job{idpool.Job(st)},
	})
	const role = "arn:aws:iam::123456789012:role/guests"
	pools, err := idpool.New(engine, st, &idpool.Options{Roles: []sts.Role{{ARN: role, Trust: `{
		"Version": "2012-10-17",
		"Statement": [{"Effect": "Allow", "Principal": {"Federated": "cognito-identity.amazonaws.com"}, "Action": "sts:AssumeRoleWithWebIdentity"}]
	}`}}})
	if err != nil {
		log.Fatal(err)
	}
	pool, err := pools.Pools().Create(ctx, "", idpool.Settings{Name: "app", Guests: true})
	if err != nil {
		log.Fatal(err)
	}
	if err := pools.Pools().SetRoles(ctx, pool.ID, idpool.Roles{Unauthenticated: role}); err != nil {
		log.Fatal(err)
	}
	id, err := pools.GetID(ctx, pool.ID, nil)
	if err != nil {
		log.Fatal(err)
	}
	c, err := pools.Credentials(ctx, id, nil, "")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Session.RoleName(), c.AccessKeyID[:4])
	// Output: guests ASIA
}
