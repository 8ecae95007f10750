package sts

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/cognate-id/cognate/store"
)

// maxRoles is how many roles a store may have.
const maxRoles = 1_000

// A Change is what was done with a role.
type Change string

// The changes of roles.
const (
	RoleCreated Change = "created"
	RoleChanged Change = "changed"
	RoleRevoked Change = "revoked" // its credentials, by RevokeRole
	RoleDeleted Change = "deleted"
)

// event prepares the event of a change.
func (s *Service) event(ctx context.Context, kind Change, arn string) (func(store.Tx) error, error) {
	if s.options.Event == nil {
		return func(store.Tx) error { return nil }, nil
	}
	return s.options.Event(ctx, kind, arn)
}

// CreateRole makes a role in the store and returns it with its id. It returns [ErrExists] if there is one with
// the ARN, and an *[Error] if the role is invalid.
func (s *Service) CreateRole(ctx context.Context, r *Role) (*Role, error) {
	rec := &roleRecord{Role: *r}
	rec.ID = randomID("AROA", 17)
	rec.Created = s.now()
	c, err := compile(&rec.Role)
	if err != nil {
		return nil, err
	}
	rec.Role = c.Role
	if s.roles[rec.ARN] != nil {
		return nil, fmt.Errorf("%w: %s", ErrExists, rec.ARN)
	}
	note, err := s.event(ctx, RoleCreated, rec.ARN)
	if err != nil {
		return nil, err
	}
	err = s.store.Update(ctx, func(tx store.Tx) error {
		n := 0
		for _, err := range roles.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if n++; n >= maxRoles {
				return invalid("there may be %d roles", maxRoles)
			}
		}
		if err := roles.Insert(tx, rec); err != nil {
			return err
		}
		return note(tx)
	})
	if errors.Is(err, store.ErrExists) {
		return nil, fmt.Errorf("%w: %s", ErrExists, rec.ARN)
	}
	if err != nil {
		return nil, err
	}
	s.options.Logger.InfoContext(ctx, "a role was made", "role", rec.ARN, "id", rec.ID)
	return &c.Role, nil
}

// Roles returns the roles of the program and of the store, sorted by their ARNs.
func (s *Service) Roles(ctx context.Context) ([]*Role, error) {
	var out []*Role
	err := s.store.View(ctx, func(r store.Reader) error {
		out = nil
		for rec, err := range roles.Scan(r, store.Range{}) {
			if err != nil {
				return err
			}
			if s.roles[rec.ARN] == nil {
				out = append(out, &rec.Role)
			}
		}
		return nil
	})
	for _, c := range s.roles {
		out = append(out, c.public())
	}
	slices.SortFunc(out, func(a, b *Role) int { return cmp.Compare(a.ARN, b.ARN) })
	return out, err
}

// Role returns a role by its ARN, or [ErrNotFound].
func (s *Service) Role(ctx context.Context, arn string) (*Role, error) {
	_, c, err := s.load(ctx, arn)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, arn)
	}
	return c.public(), nil
}

// public returns a copy that the caller may change.
func (c *compiled) public() *Role {
	r := c.Role.clone()
	return &r
}

func (r *Role) clone() Role {
	out := *r
	out.Policies = make(map[string]string, len(r.Policies))
	for k, v := range r.Policies {
		out.Policies[k] = v
	}
	return out
}

// UpdateRole changes a role of the store by fn, which must be pure: it may be called more than once. The ARN, the
// id and the date stay. It returns [ErrNotFound], the error of fn, or an *[Error] if the role would be
// invalid; then nothing is changed.
func (s *Service) UpdateRole(ctx context.Context, arn string, fn func(*Role) error) (*Role, error) {
	return s.update(ctx, RoleChanged, arn, fn)
}

func (s *Service) update(ctx context.Context, kind Change, arn string, fn func(*Role) error) (*Role, error) {
	if s.roles[arn] != nil {
		return nil, invalid("the role %s is one of the program: change it there", arn)
	}
	if !ValidRoleARN(arn) {
		return nil, fmt.Errorf("%w: %q", ErrNotFound, clip(arn))
	}
	note, err := s.event(ctx, kind, arn)
	if err != nil {
		return nil, err
	}
	var changed *compiled
	err = s.store.Update(ctx, func(tx store.Tx) error {
		changed = nil
		rec, err := roles.Get(tx, store.Key(arn))
		if err != nil {
			return err
		}
		next := rec.clone()
		if err := fn(&next); err != nil {
			return err
		}
		next.ARN, next.ID, next.Created = rec.ARN, rec.ID, rec.Created
		if changed, err = compile(&next); err != nil {
			return err
		}
		if err := roles.Put(tx, &roleRecord{Role: changed.Role}); err != nil {
			return err
		}
		return note(tx)
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, arn)
	}
	if err != nil {
		return nil, err
	}
	s.options.Logger.InfoContext(ctx, "a role was changed", "role", arn)
	return changed.public(), nil
}

// RevokeRole revokes all credentials of a role that were issued until now. The role stays, and gives
// new ones. It returns [ErrNotFound] if there is no such role in the store.
func (s *Service) RevokeRole(ctx context.Context, arn string) error {
	now := s.now()
	_, err := s.update(ctx, RoleRevoked, arn, func(r *Role) error {
		r.NotBefore = now
		return nil
	})
	return err
}

// DeleteRole deletes a role of the store. Its credentials are worth nothing from then on, also if the
// role is made again. It returns [ErrNotFound] if there is no such role.
func (s *Service) DeleteRole(ctx context.Context, arn string) error {
	if s.roles[arn] != nil {
		return invalid("the role %s is one of the program: remove it there", arn)
	}
	if !ValidRoleARN(arn) {
		return fmt.Errorf("%w: %q", ErrNotFound, clip(arn))
	}
	note, err := s.event(ctx, RoleDeleted, arn)
	if err != nil {
		return err
	}
	was := false
	err = s.store.Update(ctx, func(tx store.Tx) (err error) {
		if was, err = roles.Delete(tx, store.Key(arn)); err != nil || !was {
			return err
		}
		return note(tx)
	})
	if err == nil && !was {
		return fmt.Errorf("%w: %s", ErrNotFound, arn)
	}
	if err == nil {
		s.options.Logger.InfoContext(ctx, "a role was deleted", "role", arn)
	}
	return err
}

// PoolTrust returns the usual trust policy of a role for an identity pool: its guests, or its users who are
// signed in, may assume the role, and have session tags.
func PoolTrust(poolID string, guests bool) string {
	amr := "authenticated"
	if guests {
		amr = "unauthenticated"
	}
	return document(map[string]any{
		"Effect": "Allow", "Principal": map[string]string{"Federated": CognitoIdentity},
		"Action": []string{assumeWithWebIdentity, tagSession},
		"Condition": map[string]any{
			"StringEquals":           map[string]string{CognitoIdentity + ":aud": poolID},
			"ForAnyValue:StringLike": map[string]string{CognitoIdentity + ":amr": amr},
		},
	})
}

// Statement returns a policy with one statement, which allows or denies actions on resources.
func Statement(deny bool, actions, resources []string) string {
	effect := "Allow"
	if deny {
		effect = "Deny"
	}
	return document(map[string]any{"Effect": effect, "Action": actions, "Resource": resources})
}

// document returns the policy of a statement.
func document(statement map[string]any) string {
	text, err := json.Marshal(struct {
		Version   string
		Statement []map[string]any
	}{"2012-10-17", []map[string]any{statement}})
	if err != nil {
		return "" // strings alone: it cannot fail, and an empty policy is refused
	}
	return string(text)
}
