package identity

import (
	"context"
	"fmt"

	"github.com/cognate-id/cognate/store"
)

// ResetMFA forgets a user's second factors, for a user who has lost the
// authenticator app or the phone. One transaction deletes the key of the app and the recovery codes, turns
// all factors off and, in safe pools, ends all sign-ins. Where the pool demands a
// second factor, the next sign-in asks to set one up: make sure first who asks,
// because whoever has the password can do that.
func (us Users) ResetMFA(ctx context.Context, name string) error {
	now := us.admin.engine.now()
	_, err := us.admin.change(ctx, name, EventMFAChanged, func(tx store.Tx, p *PoolInfo, u *User) (refused, err error) {
		if _, err := totps.Delete(tx, store.Key(u.Pool, u.Sub)); err != nil {
			return nil, err
		}
		if _, err := recoverySets.Delete(tx, store.Key(u.Pool, u.Sub)); err != nil {
			return nil, err
		}
		u.MFA = MFAPreference{}
		return nil, u.signOutSafely(tx, &p.Settings, now)
	})
	if err != nil {
		return fmt.Errorf("reset MFA: %w", err)
	}
	return nil
}
