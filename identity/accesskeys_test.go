package identity_test

import (
	"slices"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
)

func TestExpiredAccessKeyIsNobodys(t *testing.T) {
	f := newEngine(t)
	k, _, err := f.AccessKeys().Create(t.Context(), "ci", &identity.AccessKeyOptions{Expires: f.now().Add(time.Hour)})
	check(t, "Create", err)
	f.advance(time.Hour - time.Second)
	if _, ok, err := f.AccessKeys().Secret(t.Context(), k.ID); !ok || err != nil {
		t.Errorf("a second before its end: %t, %v", ok, err)
	}
	f.advance(time.Second)
	if found, secret, err := f.AccessKeys().Find(t.Context(), k.ID); found != nil || secret != "" || err != nil {
		t.Errorf("at its end: %v, %v", found, err)
	}
	if all, err := f.AccessKeys().List(t.Context()); err != nil || len(all) != 1 || !all[0].Expired(f.now()) {
		t.Errorf("List = %v, %v, want the key that has ended", all, err)
	}
}

// TestUseOfAnAccessKeyIsNotedOnceAnHour keeps the commits few.
func TestUseOfAnAccessKeyIsNotedOnceAnHour(t *testing.T) {
	f := newEngine(t)
	keys := f.AccessKeys()
	k, _, err := keys.Create(t.Context(), "ci", nil)
	check(t, "Create", err)
	use := func() time.Time {
		t.Helper()
		found, _, err := keys.Find(t.Context(), k.ID)
		check(t, "Find", err)
		check(t, "Used", keys.Used(t.Context(), found))
		found, _, err = keys.Find(t.Context(), k.ID)
		check(t, "Find", err)
		return found.LastUsed
	}
	if !k.LastUsed.IsZero() {
		t.Errorf("a new key was used at %v", k.LastUsed)
	}
	first := use()
	if !first.Equal(f.now()) {
		t.Errorf("the first use was at %v, want now", first)
	}
	f.advance(time.Hour - time.Second)
	if got := use(); !got.Equal(first) {
		t.Errorf("within the hour the last use is %v, want %v", got, first)
	}
	f.advance(time.Second)
	if got := use(); !got.Equal(f.now()) {
		t.Errorf("after an hour the last use is %v, want now", got)
	}
	found, _, err := keys.Find(t.Context(), k.ID)
	check(t, "Find", err)
	_, err = keys.Revoke(t.Context(), k.ID)
	check(t, "Revoke", err)
	f.advance(2 * time.Hour)
	check(t, "Used", keys.Used(t.Context(), found))
	if all, err := keys.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("the use of a revoked key brings it back: %v, %v", all, err)
	}
}

func TestAccessKeyOptions(t *testing.T) {
	f := newEngine(t)
	for name, o := range map[string]*identity.AccessKeyOptions{
		"an unknown role":        {Role: "king"},
		"an end that is past":    {Expires: f.now()},
		"a pool outside regions": {Pools: []string{"us-east-1_AbCdEf123"}, Regions: []string{"eu-west-1"}},
	} {
		_, _, err := f.AccessKeys().Create(t.Context(), "x", o)
		wantErr(t, name, err, identity.ErrInvalidParameter)
	}
	roles := identity.AccessRoles()
	for i, r := range roles {
		for j, least := range roles {
			if r.Includes(least) != (i >= j) {
				t.Errorf("%s includes %s: %t", r, least, r.Includes(least))
			}
		}
	}
	if identity.AccessRole("").Includes(identity.RoleAuditor) || identity.RoleOwner.Includes("king") {
		t.Error("an unknown role includes something")
	}
}

// TestAccessKeyOfAnEarlierVersionIsAnOwners reads a record without a role.
func TestAccessKeyOfAnEarlierVersionIsAnOwners(t *testing.T) {
	f := newEngine(t)
	const id = "AKIAAAAAAAAAAAAAAAAA"
	check(t, "Update", f.store.Update(t.Context(), func(tx store.Tx) error {
		return tx.Put("accesskeys", store.Key(id), []byte(`{"v":1,"id":"`+id+`","name":"old","secret":"s","created":"2026-01-01T00:00:00Z"}`))
	}))
	k, secret, err := f.AccessKeys().Find(t.Context(), id)
	check(t, "Find", err)
	if k.Role != identity.RoleOwner || secret != "s" || !k.AllowsPool("us-east-1_x") || !k.AllowsPool("us-east-1:157d6171-ee37-c0dd-c6c5-ce7afc0154ab") || k.Expired(f.now()) {
		t.Errorf("the key is %+v", k)
	}
	if all, err := f.AccessKeys().List(t.Context()); err != nil || !slices.ContainsFunc(all, func(k *identity.AccessKey) bool { return k.Role == identity.RoleOwner }) {
		t.Errorf("List = %v, %v", all, err)
	}
}
