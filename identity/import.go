package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/store"
)

// Import works on batches of up to 100 records. For each batch:
//
//  1. arrive checks each record and makes the user, the credential and the
//     event. Passwords in clear are hashed here. A record that fails is refused
//     alone.
//  2. commitImport writes the users that are left in one transaction. It looks
//     for users, names and groups that are in the way before it inserts, and
//     refuses the record concerned.
//  3. If an insert still fails because somebody takes a name at that moment, the
//     users of the batch are written again, each in a transaction of its own.
//
// A batch that is committed stays, even if a later one fails.

// An ImportResult says what became of the records of an import.
type ImportResult struct {
	Imported int            // users who were created
	Skipped  int            // users who exist already, with the same sub and username
	Failed   []*ImportError // the records that were not imported, in their order
}

// An ImportError says why one record was not imported.
type ImportError struct {
	Index int   // the index of the record, from 0
	Err   error // why it was not imported
}

func (e *ImportError) Error() string { return fmt.Sprintf("record %d: %v", e.Index, e.Err) }
func (e *ImportError) Unwrap() error { return e.Err }

// importUsers is how many users one transaction of an import creates at most.
const importUsers = 100

// Import creates users from records. A record is imported completely or not at
// all. The rules for records are those of [AppClient.SignUp]; a record that
// breaks one is reported in the result, with the error that SignUp would return.
// To go on with an import that was interrupted, run it again: users who exist
// already are skipped.
//
//   - A record without a sub gets a new one.
//   - The username is that of the record. In pools with UsernameAttributes it is
//     the sub, or an address as at sign-up. If it is the sub and the pool takes
//     two kinds of addresses, NamedBy says which address is the name; without
//     NamedBy both are.
//   - Groups must exist. Otherwise the error is [ErrGroupNotFound].
//   - Without a status, a user who has a password is confirmed. A user without a
//     password must reset it ([StatusResetRequired]), unless the user is
//     unconfirmed. A temporary password expires when the record says, or else
//     after the time that the pool says.
//   - SRP verifiers are imported only into the pool that they were made in. In
//     other pools a new one is made when the user signs in by password.
//   - If an authenticator app is turned on, the record must have its key.
//     Otherwise the error is [ErrMFANotReady].
//   - Passkeys of Secrets go on working for their relying party. A passkey that another user of the pool has is [ErrPasskeyInvalid].
//     Recovery codes are in no record: the user makes new ones.
//   - Identities go on working for providers of the same names. An identity that another user of the pool has is [ErrLinkSourceExists].
//   - SignIns and Events are not imported. Tokens of an earlier user with the
//     same sub stay invalid.
//
// If Import itself fails, such as with [ErrPoolNotFound] or an error of the
// store, it returns the error together with the result so far.
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
	engine  *Engine
	user    *User
	groups  []string    // names of groups
	cred    *credential // nil for a user without a password
	totp    *totp       // nil if no app is enrolled
	keys    *passkeySet // nil for a user without passkeys
	event   *Event
	room    int   // how many groups the user may be in, see [Quotas]
	refused error // why the record is not imported; nil if it is

	line  *csvLine // of an import job
	early error    // why the row of an import job is refused whatever the store has
}

// errPresent is the refusal of a user who exists already.
var errPresent = errors.New("identity: user is there already")

// importBatch imports the records of one transaction, and adds to the result.
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

// arrive makes the arrival of a record. An invalid record sets refused. An error
// that arrive returns ends the import.
func (a *Admin) arrive(ctx context.Context, p *PoolInfo, rec *UserRecord, now time.Time) (*arrival, error) {
	if rec == nil {
		rec = &UserRecord{}
	}
	sub, err := a.engine.uuid()
	if err != nil {
		return nil, err
	}
	in := &arrival{engine: a.engine, room: cmp.Or(a.engine.quotas.GroupsPerUser, serviceQuotas.GroupsPerUser)}
	sub = cmp.Or(rec.Sub, sub)
	if in.event, err = a.engine.changed(ctx, origin{pool: p, sub: sub, now: now}, EventUserImported); err != nil {
		return nil, err
	}
	if in.refused = in.check(p, rec, sub, now); in.refused != nil || rec.Password == "" {
		return in, nil //nolint:nilerr // it refuses this record alone
	}
	in.cred, err = a.engine.chosen(ctx, &p.Settings, in.user, rec.Password, false, now)
	if errors.Is(err, ErrInvalidPassword) {
		in.refused = err // of this record alone
		return in, nil
	}
	if err != nil {
		return nil, err
	}
	in.cred.Expires = in.expires(p, time.Time{}, now)
	return in, nil
}

// commitImport writes users in one transaction. It sets refused for a user that
// cannot be written.
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
	case errors.Is(err, store.ErrExists): // somebody takes a name at this moment: write one by one to find which record it is
		for i := range all {
			if err := a.commitImport(ctx, p, all[i:i+1]); err != nil {
				return err
			}
		}
		return nil
	}
	return err
}

// commit writes the user. It reads before it inserts, because an insert that
// fails would end the transaction for all other users.
func (in *arrival) commit(tx store.Tx, p *PoolInfo) (refused, err error) {
	u := in.user.clone()
	if refused, err := in.present(tx, p); err != nil || refused != nil {
		return refused, err
	}
	if u.Groups, refused, err = groupIDs(tx, p.ID, in.groups); err != nil || refused != nil {
		return refused, err
	}
	if u, err = in.engine.ruledIn(tx, p, u, in.event); err != nil {
		return nil, err
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
	if in.keys != nil {
		if err := passkeys.Insert(tx, in.keys); err != nil {
			return nil, err
		}
	}
	return nil, events.Insert(tx, in.event)
}

// passkeyTaken reports whether a user of the pool has one of the passkeys.
func (in *arrival) passkeyTaken(r store.Reader) (bool, error) {
	if in.keys == nil {
		return false, nil
	}
	var refs []store.Ref
	for _, key := range passkeyIDs(in.keys) {
		refs = append(refs, passkeys.IndexRef(passkeysByID, key))
	}
	values, err := r.Get(refs...)
	return slices.ContainsFunc(values, func(v []byte) bool { return v != nil }), err
}

// identityTaken reports whether a user of the pool has one of the identities.
func (in *arrival) identityTaken(r store.Reader) (bool, error) {
	for _, key := range identityKeys(in.user) {
		values, err := r.Get(users.IndexRef(usersByIdentity, key))
		if err != nil || values[0] != nil {
			return true, err
		}
	}
	return false, nil
}

// present returns errPresent if the user exists already, and a [*NameTakenError]
// if another user has the sub or one of the names. The sub is checked like a
// name, because users are found by it too.
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
	if taken, err := in.identityTaken(r); err != nil || taken {
		return ErrLinkSourceExists, err
	}
	if taken, err := in.passkeyTaken(r); err != nil || taken {
		return ErrPasskeyInvalid, err
	}
	return nil, nil
}

// nameTaken reports whether another user has a name as a name or as the sub. u
// does not exist yet.
func nameTaken(r store.Reader, u *User, name string) (bool, error) {
	taken, err := isSubOfAnother(r, u, name)
	if err != nil || taken {
		return taken, err
	}
	values, err := r.Get(users.IndexRef(usersByName, nameKey(u.Pool, name)))
	return err == nil && values[0] != nil, err
}

// groupIDs returns the ids of groups, found by name. A group that does not exist
// is a refusal.
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
