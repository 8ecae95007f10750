package cognito_test

import (
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
	"github.com/cognate-id/cognate/identity/idpool"
)

// signedCall makes a call of identity pools with a new access key.
func (k *keyed) signedCall(t *testing.T, o *identity.AccessKeyOptions, op string, body obj) *answer {
	t.Helper()
	key, secret, err := k.engine.AccessKeys().Create(t.Context(), "key", o)
	if err != nil {
		t.Fatal(err)
	}
	r := k.request(fed(op), body)
	k.sign(r, body, key.ID, string(secret))
	return k.do(r, fed(op))
}

// The operations of operators need a signature. Those of users and guests need none.
func TestSignaturesOfIdentityPools(t *testing.T) {
	w := newServerWith(t, serverOptions{handler: cognito.Options{VerifySignatures: true}})
	for _, op := range cognito.Services()[1].Operations {
		a := w.call(fed(op.Name), "{}")
		unsigned := a.body["__type"] == "MissingAuthenticationTokenException" || a.body["__type"] == "IncompleteSignatureException" || a.body["__type"] == "InvalidSignatureException" || a.body["__type"] == "UnrecognizedClientException"
		if want := op.Caller == wire.Operator; unsigned != want {
			t.Errorf("%s without a signature: %d %s", op.Name, a.status, a.raw)
		}
	}
}

// A signed request counts once, if it changes something.
func TestTokensOfDevelopersAreNoReads(t *testing.T) {
	if cognito.ReadOnly("GetOpenIdTokenForDeveloperIdentity") || !cognito.ReadOnly("GetIdentityPoolRoles") {
		t.Error("an operation that makes a token is taken for one that reads, or the reverse")
	}
}

// An access key for some pools, or some regions, is good for no other identity pool.
func TestAccessKeysOfIdentityPools(t *testing.T) {
	w := &keyed{newServerWith(t, serverOptions{handler: cognito.Options{VerifySignatures: true, Regions: []string{"eu-west-1"}}}), readModelOf(t, "cognito-identity")}
	create := func(name string) string {
		p, err := w.idpools.Pools().Create(t.Context(), "", idpool.Settings{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		return p.ID
	}
	mine, other := create("mine"), create("other")
	for _, tt := range []struct {
		name   string
		o      identity.AccessKeyOptions
		pool   string
		wanted bool
	}{
		{"any", identity.AccessKeyOptions{}, other, true},
		{"its pool", identity.AccessKeyOptions{Pools: []string{mine}}, mine, true},
		{"another pool", identity.AccessKeyOptions{Pools: []string{mine}}, other, false},
		{"user pools alone", identity.AccessKeyOptions{Pools: []string{"us-east-1_x"}}, mine, false},
		{"its region", identity.AccessKeyOptions{Regions: []string{"us-east-1"}}, mine, true},
		{"another region", identity.AccessKeyOptions{Regions: []string{"eu-west-1"}}, mine, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := w.signedCall(t, &tt.o, "DescribeIdentityPool", obj{"IdentityPoolId": tt.pool})
			if ok := a.status == 200; ok != tt.wanted {
				t.Errorf("%d %s, want success: %v", a.status, a.raw, tt.wanted)
			}
		})
	}
	limited := &identity.AccessKeyOptions{Pools: []string{mine}}
	if a := w.signedCall(t, limited, "CreateIdentityPool", obj{"IdentityPoolName": "p", "AllowUnauthenticatedIdentities": false}); a.body["__type"] != "AccessDeniedException" {
		t.Errorf("CreateIdentityPool by a key for some pools: %d %s", a.status, a.raw)
	}
	if got := w.signedCall(t, limited, "ListIdentityPools", obj{"MaxResults": 10}).body["IdentityPools"].(list); len(got) != 1 {
		t.Errorf("a key for one pool lists %v", got)
	}
}
