package idpool

import (
	"context"
	"fmt"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/idpool/sts"
	"github.com/cognate-id/cognate/store"
)

// roleEvent makes the event of a change of a role, for sts.Options.
func (s *Service) roleEvent(ctx context.Context, change sts.Change, arn string) (func(store.Tx) error, error) {
	var kind identity.EventKind
	switch change {
	case sts.RoleCreated:
		kind = EventRoleCreated
	case sts.RoleChanged:
		kind = EventRoleChanged
	case sts.RoleRevoked:
		kind = EventRoleRevoked
	case sts.RoleDeleted:
		kind = EventRoleDeleted
	default:
		return nil, fmt.Errorf("idpool: a change of a role of the kind %q", change)
	}
	ev, err := s.operated(ctx, kind, SubjectRole, arn, nil)
	if err != nil {
		return nil, err
	}
	return func(tx store.Tx) error { return identity.InsertEvent(tx, ev) }, nil
}
