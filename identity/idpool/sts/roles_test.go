package sts_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity/idpool/sts"
	"github.com/cognate-id/cognate/store/memory"
)

func TestRolesOfTheProgram(t *testing.T) {
	fixed := sts.Role{ARN: "arn:aws:iam::000000000000:role/service/fixed", Trust: sts.PoolTrust(poolID, false)}
	w := newWorld(t, func(o *sts.Options) { o.Roles = []sts.Role{fixed} })
	a := user()
	a.RoleARN = fixed.ARN
	c := w.assume(a)
	if c.Session.ARN() != "arn:aws:sts::000000000000:assumed-role/fixed/CognitoIdentityCredentials" {
		t.Error(c.Session.ARN())
	}
	if _, err := w.Verify(w.signed(c, ""), nil); err != nil {
		t.Error(err)
	}
	if _, err := w.CreateRole(t.Context(), &fixed); !errors.Is(err, sts.ErrExists) {
		t.Errorf("create: %v", err)
	}
	if _, err := w.UpdateRole(t.Context(), fixed.ARN, func(*sts.Role) error { return nil }); code(err) != "ValidationError" {
		t.Errorf("update: %v", err)
	}
	if err := w.DeleteRole(t.Context(), fixed.ARN); code(err) != "ValidationError" {
		t.Errorf("delete: %v", err)
	}
	all, err := w.Roles(t.Context())
	if err != nil || len(all) != 3 || all[2].ARN != fixed.ARN {
		t.Errorf("%v, %v", all, err)
	}
	for _, bad := range [][]sts.Role{{fixed, fixed}, {{ARN: "x"}}, {{ARN: fixed.ARN}}} {
		if _, err := sts.New(memory.New(), &sts.Options{Roles: bad}); err == nil {
			t.Errorf("New took %v", bad)
		}
	}
}

func TestRoles(t *testing.T) {
	w := newWorld(t, nil)
	good := sts.Role{ARN: "arn:aws:iam::000000000000:role/r", Trust: sts.PoolTrust(poolID, false)}
	for _, tt := range []struct {
		name string
		edit func(*sts.Role)
		want string
	}{
		{"ARN of a user", func(r *sts.Role) { r.ARN = "arn:aws:iam::000000000000:user/r" }, "ValidationError"},
		{"no name", func(r *sts.Role) { r.ARN = "arn:aws:iam::000000000000:role/" }, "ValidationError"},
		{"name with a quote", func(r *sts.Role) { r.ARN += `"` }, "ValidationError"},
		{"no trust", func(r *sts.Role) { r.Trust = "" }, "MalformedPolicyDocument"},
		{"trust is no trust policy", func(r *sts.Role) { r.Trust = sts.Statement(false, []string{"*"}, []string{"*"}) }, "MalformedPolicyDocument"},
		{"policy", func(r *sts.Role) { r.Policies = map[string]string{"p": "x"} }, "MalformedPolicyDocument"},
		{"name of a policy", func(r *sts.Role) {
			r.Policies = map[string]string{"a b": sts.Statement(true, []string{"*"}, []string{"*"})}
		}, "ValidationError"},
		{"policies too large", func(r *sts.Role) {
			r.Policies = map[string]string{}
			for i := range 3 {
				r.Policies[fmt.Sprint(i)] = sts.Statement(false, []string{"s3:" + strings.Repeat("a", 4000)}, []string{"*"})
			}
		}, "ValidationError"},
		{"too many policies", func(r *sts.Role) {
			r.Policies = map[string]string{}
			for i := range 21 {
				r.Policies[fmt.Sprint(i)] = sts.Statement(false, []string{"*"}, []string{"*"})
			}
		}, "ValidationError"},
		{"session too long", func(r *sts.Role) { r.MaxSession = 13 * time.Hour }, "ValidationError"},
		{"session too short", func(r *sts.Role) { r.MaxSession = time.Minute }, "ValidationError"},
		{"description", func(r *sts.Role) { r.Description = strings.Repeat("x", 1001) }, "ValidationError"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := good
			tt.edit(&r)
			if made, err := w.CreateRole(t.Context(), &r); made != nil || code(err) != tt.want {
				t.Errorf("create: %+v, %v", made, err)
			}
		})
	}
	made, err := w.CreateRole(t.Context(), &good)
	if err != nil || made.MaxSession != time.Hour || len(made.ID) != 21 {
		t.Fatalf("%+v, %v", made, err)
	}
	if _, err := w.CreateRole(t.Context(), &good); !errors.Is(err, sts.ErrExists) {
		t.Errorf("again: %v", err)
	}
	_, err = w.UpdateRole(t.Context(), good.ARN, func(r *sts.Role) error {
		r.Trust, r.ID = "{}", "AROA"
		return nil
	})
	if code(err) != "MalformedPolicyDocument" {
		t.Errorf("update: %v", err)
	}
	if r, err := w.Role(t.Context(), good.ARN); err != nil || r.Trust != good.Trust || r.ID != made.ID {
		t.Errorf("after an update that failed: %+v, %v", r, err)
	}
	for _, arn := range []string{good.ARN + "x", "", "x"} {
		if _, err := w.Role(t.Context(), arn); !errors.Is(err, sts.ErrNotFound) {
			t.Errorf("Role %q: %v", arn, err)
		}
		if err := w.DeleteRole(t.Context(), arn); !errors.Is(err, sts.ErrNotFound) {
			t.Errorf("DeleteRole %q: %v", arn, err)
		}
		if err := w.RevokeRole(t.Context(), arn); !errors.Is(err, sts.ErrNotFound) {
			t.Errorf("RevokeRole %q: %v", arn, err)
		}
	}
}
