package fake

import (
	"cmp"
	"fmt"

	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/identity/idpool"
	"github.com/cognate-id/cognate/identity/idpool/samllogin"
	"github.com/cognate-id/cognate/internal/outbound"
)

// identityPools makes the identity pools of the fake. Providers may be on this machine, and a role that nobody has set up may be assumed
// if a pool names it: its credentials verify, and allow nothing.
func (s *Server) identityPools(o *Options) (*idpool.Service, error) {
	near, err := outbound.New(&outbound.Options{InsecureLoopback: true})
	if err != nil {
		return nil, fmt.Errorf("identity pools: %w", err)
	}
	limits := idpool.Limits{}
	if o.Limits == nil {
		limits.GuestsPerSource = -1
	}
	access := o.Access
	pools, err := idpool.New(s.engine, s.store, &idpool.Options{
		Roles: o.Roles, DevelopmentTrust: true, InsecureUnsigned: access.Check, InsecureUnsealed: true, Issuer: cognito.SelfIssuer(cmp.Or(o.URL, "http://localhost")),
		SAML: &samllogin.Verifier{}, Fetch: near, Endpoints: o.Social, Limits: limits, Clock: s.clock.now, Logger: o.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("identity pools: %w", err)
	}
	return pools, nil
}
