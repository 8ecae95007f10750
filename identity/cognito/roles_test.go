package cognito_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// signed says which operations an access key may be needed for.
func signed(op *wire.Operation) bool {
	return op.Caller == wire.Operator || op.Caller == wire.AnyClient
}

// TestEachOperationHasARole holds the table of roles to the operations of the model.
func TestEachOperationHasARole(t *testing.T) {
	in := map[string]int{}
	for role, names := range cognito.OperationsOf {
		if !slices.Contains(identity.AccessRoles(), role) {
			t.Errorf("%q is no role", role)
		}
		for _, name := range names {
			in[name]++
		}
	}
	for _, s := range append(cognito.Services(), cognito.KMS()) {
		for _, op := range s.Operations {
			name := map[string]string{"cognito-identity": "identity:", "kms": "kms:"}[s.Name] + op.Name
			want := 0
			if signed(&op) {
				want = 1
			}
			if in[name] != want {
				t.Errorf("%s is in the table %d times, want %d", name, in[name], want)
			}
			delete(in, name)
		}
	}
	if len(in) > 0 {
		t.Errorf("the table has %q, which are no operations", slices.Sorted(maps.Keys(in)))
	}
}

// A keyed server verifies signatures.
type keyed struct {
	*server
	model *model
}

func newKeyed(t *testing.T) *keyed {
	return &keyed{newServerWith(t, serverOptions{handler: cognito.Options{VerifySignatures: true}}), readModel(t)}
}

// each calls each operation of operators that is served, about a pool, with a new key.
func (k *keyed) each(pool *identity.PoolInfo, o *identity.AccessKeyOptions, check func(op *wire.Operation, a *answer)) {
	k.t.Helper()
	key, secret, err := k.engine.AccessKeys().Create(k.t.Context(), "key", o)
	if err != nil {
		k.t.Fatal(err)
	}
	n := 0
	for _, op := range cognito.Services()[0].Operations {
		if !op.Served() || op.Caller != wire.Operator {
			continue
		}
		n++
		body := k.model.filled(k.model.Operations[op.Name].Input.Shape).(obj)
		for member, value := range map[string]any{"UserPoolId": pool.ID, "ResourceArn": k.engine.ARN(pool), "Domain": "theirs"} {
			if _, has := k.model.Shapes[k.model.Operations[op.Name].Input.Shape].Members[member]; has {
				body[member] = value
			}
		}
		r := k.request(op.Name, body)
		k.sign(r, body, key.ID, string(secret))
		check(&op, k.do(r, op.Name))
	}
	if n < 40 {
		k.t.Errorf("%d operations of operators were called, want at least 40", n)
	}
}

func denied(a *answer) bool {
	kind, _ := a.body["__type"].(string)
	return a.status == http.StatusBadRequest && strings.HasSuffix(kind, "AccessDeniedException")
}

// TestRoleForbidsEachOperationAboveIt calls each operation with a key of each role.
func TestRoleForbidsEachOperationAboveIt(t *testing.T) {
	k := newKeyed(t)
	for _, role := range identity.AccessRoles() {
		pool, err := k.engine.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "p", Defaults: identity.CognitoDefaults})
		if err != nil {
			t.Fatal(err)
		}
		k.each(pool, &identity.AccessKeyOptions{Role: role}, func(op *wire.Operation, a *answer) {
			least, ok := cognito.RoleFor(op)
			if !ok || denied(a) == role.Includes(least) {
				t.Errorf("%s with a key of the role %s, which needs %s: %d %s", op.Name, role, least, a.status, a.raw)
			}
		})
	}
}

// TestKeyOfAnotherPoolOpensNothing calls each operation about a pool that the key is not for.
func TestKeyOfAnotherPoolOpensNothing(t *testing.T) {
	k := newKeyed(t)
	var pools []*identity.PoolInfo
	for _, name := range []string{"mine", "theirs"} {
		p, err := k.engine.CreateUserPool(t.Context(), &identity.PoolSettings{Name: name, Defaults: identity.CognitoDefaults})
		if err != nil {
			t.Fatal(err)
		}
		pools = append(pools, p)
	}
	theirs, err := k.engine.UserPool(t.Context(), pools[1].ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := theirs.Admin().Domains().Create(t.Context(), identity.DomainSettings{Name: "theirs"}); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]*identity.AccessKeyOptions{
		"pools":   {Pools: []string{pools[0].ID}},
		"regions": {Regions: []string{"eu-west-1"}},
	} {
		k.each(pools[1], o, func(op *wire.Operation, a *answer) {
			if op.Name == "ListUserPools" && o.Pools != nil {
				if a.status != http.StatusOK || !strings.Contains(a.raw, pools[0].ID) || strings.Contains(a.raw, pools[1].ID) {
					t.Errorf("ListUserPools: %d %s, want the pool of the key alone", a.status, a.raw)
				}
				return
			}
			if !denied(a) {
				t.Errorf("%s of a pool, with a key for other %s: %d %s", op.Name, name, a.status, a.raw)
			}
		})
	}
}

// TestExpiredAndRevokedKeysAreRefusedAtOnce looks at the store for each request.
func TestExpiredAndRevokedKeysAreRefusedAtOnce(t *testing.T) {
	k := newKeyed(t)
	key, secret, err := k.engine.AccessKeys().Create(t.Context(), "ops", nil)
	if err != nil {
		t.Fatal(err)
	}
	list := func() *answer {
		body := obj{"MaxResults": 1}
		r := k.request("ListUserPools", body)
		k.sign(r, body, key.ID, string(secret))
		return k.do(r, "ListUserPools")
	}
	if a := list(); a.status != http.StatusOK {
		t.Fatalf("ListUserPools: %d %s", a.status, a.raw)
	}
	if used, _, err := k.engine.AccessKeys().Find(t.Context(), key.ID); err != nil || !used.LastUsed.Equal(k.now()) {
		t.Errorf("the key was last used at %v, %v, want now", used.LastUsed, err)
	}
	if _, err := k.engine.AccessKeys().Revoke(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	if a := list(); a.body["__type"] != "UnrecognizedClientException" {
		t.Errorf("with a revoked key: %d %s", a.status, a.raw)
	}
}

// TestKeyThatHasExpiredOpensNothing: the end of a key is that of the server's clock.
func TestKeyThatHasExpiredOpensNothing(t *testing.T) {
	k := newKeyed(t)
	key, secret, err := k.engine.AccessKeys().Create(t.Context(), "ops", &identity.AccessKeyOptions{Expires: k.now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		after time.Duration
		want  int
	}{{59 * time.Minute, http.StatusOK}, {time.Minute, http.StatusBadRequest}} {
		k.advance(tt.after)
		body := obj{"MaxResults": 1}
		r := k.request("ListUserPools", body)
		k.sign(r, body, key.ID, string(secret))
		if a := k.do(r, "ListUserPools"); a.status != tt.want || tt.want != http.StatusOK && a.body["__type"] != "UnrecognizedClientException" {
			t.Errorf("at %v: %d %s", k.now(), a.status, a.raw)
		}
	}
}

// TestListHidesThePoolsOfOtherKeys asks for all pools at once.
func TestListHidesThePoolsOfOtherKeys(t *testing.T) {
	k := newKeyed(t)
	var ids []string
	for _, name := range []string{"mine", "theirs", "others"} {
		p, err := k.engine.CreateUserPool(t.Context(), &identity.PoolSettings{Name: name, Defaults: identity.CognitoDefaults})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, p.ID)
	}
	key, secret, err := k.engine.AccessKeys().Create(t.Context(), "ops", &identity.AccessKeyOptions{Pools: ids[:1]})
	if err != nil {
		t.Fatal(err)
	}
	body := obj{"MaxResults": 60}
	r := k.request("ListUserPools", body)
	k.sign(r, body, key.ID, string(secret))
	if a := k.do(r, "ListUserPools"); !strings.Contains(a.raw, ids[0]) || strings.Contains(a.raw, ids[1]) || strings.Contains(a.raw, ids[2]) {
		t.Errorf("ListUserPools: %d %s, want %s alone", a.status, a.raw, ids[0])
	}
}
