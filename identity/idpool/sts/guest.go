package sts

import (
	"sync"

	"github.com/cognate-id/cognate/identity/idpool/policy"
)

// guestPolicies are what the enhanced flow takes away from guests, whatever their role says.
var guestPolicies = sync.OnceValue(func() policy.Set {
	p, err := policy.Parse(guestPolicy)
	if err != nil {
		panic(err) // a test parses it
	}
	p.Name = "what guests may do"
	return policy.Set{p}
})

const guestPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["execute-api:*"],"Resource":"*"}]}`
