package identity_test

import (
	"context"

	"github.com/cognate-id/cognate/identity"
)

// confirmWithoutLinks is an act of event_test.go.
func confirmWithoutLinks(ctx context.Context, l *life) error {
	wantErr(l.t, "ConfirmByLink", l.client.ConfirmByLink(ctx, identity.ConfirmByLink{Username: "ada", Code: "x", Asked: true}), identity.ErrNoLinks)
	return nil
}
