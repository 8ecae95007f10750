package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cognate-id/cognate/store"
)

// An ImportResult says what became of the records of an import.
type ImportResult struct {
	Imported int            // users who are new in the pool
	Skipped  int            // users who were there already, with the same sub and username
	Failed   []*ImportError // in the order of the records
}

// An ImportError says why one record was not imported.
type ImportError struct {
	Index int   // of the record, from 0
	Err   error // why it was not imported
}

func (e *ImportError) Error() string { return fmt.Sprintf("record %d: %v", e.Index, e.Err) }
func (e *ImportError) Unwrap() error { return e.Err }

// importUsers is how many users one transaction of an import makes at most.
const importUsers = 100

// Import makes users from records, each wholly or not at all. Records are held
// to what [AppClient.SignUp] holds users to, and one that cannot be imported
// is reported in the result, by the error that SignUp has for it. So an import
// that was interrupted is run again: who was there before is skipped.
//
//   - A record without a sub gets one. The username is that of the record; in
//     pools with UsernameAttributes it is the sub, or an address as at sign-up; with
//     the sub, NamedBy tells which of two addresses is the name, else both are.
//   - Groups must exist; otherwise the error is [ErrGroupNotFound].
//   - Without a status, a user who has a password is confirmed. Who has none
//     must reset it ([StatusResetRequired]), unless unconfirmed. A temporary
//     password lives as long as the record or else the pool says.
//   - SRP verifiers count only in the pool that they were made in. They are
//     made anew when a user signs in by password.
//   - An authenticator app that is turned on needs its key ([ErrMFANotReady]).
//   - SignIns and Events are not imported, and no token of an earlier user with the sub counts.
//
// An error of Import itself, such as [ErrPoolNotFound] or one of the store,
// comes with the result so far.
func (us Users) Import(ctx context.Context, recs []*UserRecord) (ImportResult, error) {
	var res ImportResult
	for first := 0; first < len(recs); first += importUsers {
		batch := recs[first:min(first+importUsers, len(recs))]
		if err := us.admin.importBatch(ctx, batch, first, &res); err != nil {
			return res, fmt.Errorf("import users: %w", err)
		}
	}
	return res, nil
}

// An arrival is a user who is being imported.
type arrival struct {
	user    *User
	groups  []string    // names
	cred    *credential // nil for a user without a password
	totp    *totp       // nil where no app is enrolled
	event   *Event
	room    int   // for groups, see [Quotas]
	refused error // why there will be no such user
}

// errPresent is the refusal of a user who was imported before.
var errPresent = errors.New("identity: user is there already")

// importBatch imports what goes into one transaction, and adds to the result.
func (a *Admin) importBatch(ctx context.Context, recs []*UserRecord, first int, res *ImportResult) error {
	p, err := a.Describe(ctx)
	if err != nil {
		return err
	}
	now := a.engine.now()
	all := make([]*arrival, len(recs))
	var good []*arrival
	for i, rec := range recs {
		if all[i], err = a.arrive(ctx, p, rec, now); err != nil {
			return err
		}
		if all[i].refused == nil {
			good = append(good, all[i])
		}
	}
	if err := a.commitImport(ctx, p, good); err != nil {
		return err
	}
	for i, in := range all {
		switch {
		case in.refused == nil:
			res.Imported++
		case errors.Is(in.refused, errPresent):
			res.Skipped++
		default:
			res.Failed = append(res.Failed, &ImportError{first + i, in.refused})
		}
	}
	return nil
}

// arrive makes an arrival of a record. Its error ends the import.
func (a *Admin) arrive(ctx context.Context, p *PoolInfo, rec *UserRecord, now time.Time) (*arrival, error) {
	if rec == nil {
		rec = &UserRecord{}
	}
	sub, err := a.engine.uuid()
	if err != nil {
		return nil, err
	}
	in := &arrival{room: cmp.Or(a.engine.quotas.GroupsPerUser, serviceQuotas.GroupsPerUser)}
	sub = cmp.Or(rec.Sub, sub)
	if in.event, err = a.engine.changed(ctx, origin{pool: p.ID, sub: sub, now: now}, EventUserImported); err != nil {
		return nil, err
	}
	if in.refused = in.check(p, rec, sub, now); in.refused != nil || rec.Password == "" {
		return in, nil //nolint:nilerr // it refuses this record alone
	}
	in.cred, err = a.engine.newCredential(ctx, &p.Settings, in.user, rec.Password, now)
	if err != nil {
		return nil, err
	}
	in.cred.Expires = in.expires(p, time.Time{}, now)
	return in, nil
}

// commitImport writes users, or leaves the refusal of those who cannot be written.
func (a *Admin) commitImport(ctx context.Context, p *PoolInfo, all []*arrival) error {
	err := a.engine.store.Update(ctx, func(tx store.Tx) error {
		if _, err := pools.Get(tx, store.Key(p.ID)); err != nil {
			return err
		}
		for _, in := range all {
			var err error
			if in.refused, err = in.commit(tx, p); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return &NotFoundError{ErrPoolNotFound, p.ID}
	case errors.Is(err, store.ErrExists) && len(all) == 1:
		all[0].refused = &NameTakenError{Err: ErrUsernameExists}
		return nil
	case errors.Is(err, store.ErrExists): // somebody took a name at this moment; find out who is in the way
		for i := range all {
			if err := a.commitImport(ctx, p, all[i:i+1]); err != nil {
				return err
			}
		}
		return nil
	}
	return err
}

// commit writes the user. It looks before it inserts, because an insert
// that fails would end the transaction for all the others.
func (in *arrival) commit(tx store.Tx, p *PoolInfo) (refused, err error) {
	u := in.user.clone()
	if refused, err := in.present(tx, p); err != nil || refused != nil {
		return refused, err
	}
	if u.Groups, refused, err = groupIDs(tx, p.ID, in.groups); err != nil || refused != nil {
		return refused, err
	}
	if err := users.Insert(tx, u); err != nil {
		return nil, err
	}
	if in.cred != nil {
		if err := credentials.Insert(tx, in.cred); err != nil {
			return nil, err
		}
	}
	if in.totp != nil {
		if err := totps.Insert(tx, in.totp); err != nil {
			return nil, err
		}
	}
	return nil, events.Insert(tx, in.event)
}

// present tells whether the user is there already, or what another user has of
// the sub and the names. The sub is a name too: users are found by it.
func (in *arrival) present(r store.Reader, p *PoolInfo) (refused, err error) {
	u := in.user
	there, err := orNil(users.Get(r, users.Key(u)))
	switch {
	case err != nil:
		return nil, err
	case there != nil && there.Username == u.Username:
		return errPresent, nil
	case there != nil:
		return &NameTakenError{Err: ErrUsernameExists}, nil
	}
	if taken, err := nameTaken(r, u, u.Sub); err != nil || taken {
		return &NameTakenError{Err: ErrUsernameExists}, err
	}
	for _, name := range u.Names {
		if taken, err := nameTaken(r, u, name); err != nil || taken {
			return u.taken(&p.Settings, name), err
		}
	}
	return nil, nil
}

// nameTaken tells whether a user, who is not there yet, has a name that is another's name or sub.
func nameTaken(r store.Reader, u *User, name string) (bool, error) {
	taken, err := isSubOfAnother(r, u, name)
	if err != nil || taken {
		return taken, err
	}
	values, err := r.Get(users.IndexRef(usersByName, nameKey(u.Pool, name)))
	return err == nil && values[0] != nil, err
}

// groupIDs finds groups by their names.
func groupIDs(r store.Reader, pool string, names []string) (ids []string, refused, err error) {
	for _, name := range names {
		g, err := orNil(groups.Find(r, groupsByName, nameKey(pool, name)))
		if err != nil {
			return nil, nil, err
		}
		if g == nil {
			return nil, &NotFoundError{ErrGroupNotFound, name}, nil
		}
		ids = append(ids, g.ID)
	}
	return ids, nil, nil
}
