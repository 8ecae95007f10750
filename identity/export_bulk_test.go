package identity

import (
	"context"
	"iter"
	"math/rand/v2"

	"github.com/cognate-id/cognate/store"
)

// BulkRecords yields what the store holds of users, each with a verifier of
// its own, but all with one password: for stores that are filled in bulk. It
// calls made with each user before it goes out, to be changed there.
func (a *AppClient) BulkRecords(ctx context.Context, n int, password Secret, made func(i int, u *User)) (iter.Seq2[store.Ref, []byte], error) {
	s, err := a.load(ctx)
	if err != nil {
		return nil, err
	}
	now := a.engine.now()
	model, err := a.engine.newCredential(ctx, s.settings, &User{Pool: s.pool.ID}, password, now)
	if err != nil {
		return nil, err
	}
	noise := rand.NewChaCha8([32]byte{})
	return func(yield func(store.Ref, []byte) bool) {
		for i := range n {
			u := &User{Pool: s.pool.ID, Status: StatusConfirmed, Created: now, Modified: now}
			made(i, u)
			u.rename(s.settings)
			cred := *model
			cred.Sub, cred.Salt, cred.Verifier = u.Sub, make([]byte, len(model.Salt)), make([]byte, len(model.Verifier))
			noise.Read(cred.Salt)
			noise.Read(cred.Verifier)
			if !yieldEntries(yield, users, u) || !yieldEntries(yield, credentials, &cred) {
				return
			}
		}
	}, nil
}
