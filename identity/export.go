package identity

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"time"

	"github.com/cognate-id/cognate/mfa"
	"github.com/cognate-id/cognate/mfa/webauthn"
	"github.com/cognate-id/cognate/store"
)

// Export reads everything about one user: the user and the secrets in one
// transaction, and then the events, batch by batch. ExportAll reads users in
// batches of 200, each in a transaction of its own. Both only read.

// A UserRecord is everything that is stored about one user, in a form for JSON.
// [Users.Export] and [Users.ExportAll] make records, and [Users.Import] reads them.
type UserRecord struct {
	Pool       string            `json:"pool,omitempty"`       // the id of the pool that the record comes from
	Sub        string            `json:"sub,omitempty"`        // the id of the user, which never changes; if it is empty, an import makes one
	Username   string            `json:"username,omitempty"`   // unique in the pool
	Attributes map[string]string `json:"attributes,omitempty"` // without the sub
	NamedBy    string            `json:"namedBy,omitempty"`    // "email" or "phone_number", in pools where either may be the username
	Identities []Identity        `json:"identities,omitempty"` // who the user is with identity providers
	Pending    map[string]string `json:"pending,omitempty"`    // new addresses that wait for verification
	Status     UserStatus        `json:"status,omitempty"`     // such as CONFIRMED
	Disabled   bool              `json:"disabled,omitempty"`   // the user cannot sign in
	Created    time.Time         `json:"created,omitzero"`     // when the user was created
	Modified   time.Time         `json:"modified,omitzero"`    // when the user was last changed
	MFA        MFAPreference     `json:"mfa,omitzero"`         // the second factors that are turned on
	Groups     []string          `json:"groups,omitempty"`     // names, highest precedence first
	// Ruled are those of Groups that rules of the pool have put the user into. Import
	// leaves them to the rules of its own pool.
	Ruled []string `json:"ruled,omitempty"`

	// SignIns are the sign-ins that have not expired, oldest first. Only Export
	// writes SignIns and Events.
	SignIns []SignInRecord `json:"signIns,omitempty"`
	// Devices are those that the user has confirmed, without what they prove themselves by.
	// Only Export writes them, and Import leaves them out.
	Devices []DeviceRecord `json:"devices,omitempty"`
	// Passkeys are the user's, without their keys. Only Export writes them. Import reads those of Secrets.
	Passkeys []PasskeyRecord `json:"passkeys,omitempty"`
	Events   []EventRecord   `json:"events,omitempty"` // the events that are still kept, oldest first

	// Password is a password in clear, for filling pools in tests. The pool's
	// policy applies to it. Import reads it, and nothing writes it: JSON shows it
	// as [redacted].
	Password Secret `json:"password,omitempty"`
	// Secrets are set only if the caller of the export asked for them.
	Secrets *UserSecrets `json:"secrets,omitempty"`
}

// LogValue returns the sub. Without it, handlers that log JSON would log the secrets.
func (r UserRecord) LogValue() slog.Value { return slog.StringValue(r.Sub) }

// A SignInRecord is a sign-in whose tokens may still be valid.
type SignInRecord struct {
	ID      string    `json:"id"`      // the claim origin_jti
	Client  string    `json:"client"`  // the id of the app client
	Time    time.Time `json:"time"`    // when the user signed in
	Expires time.Time `json:"expires"` // when its refresh token expires

	// What is on record of it as a session, see [UserSession].
	Browser bool      `json:"browser,omitempty"` // it is a browser
	Active  time.Time `json:"active,omitzero"`   // when it was used last
	Device  string    `json:"device,omitempty"`  // the system and the program
	IP      string    `json:"ip,omitempty"`      // where it was used last
}

// A DeviceRecord is a device that the user has confirmed.
type DeviceRecord struct {
	Key           string       `json:"key"`              // REGION_ and a UUID
	Name          string       `json:"name,omitempty"`   // that the client gave
	Status        DeviceStatus `json:"status"`           // whether the device may replace a second factor
	LastIP        string       `json:"lastIp,omitempty"` // where the last sign-in came from
	Created       time.Time    `json:"created"`          // when it was confirmed
	Modified      time.Time    `json:"modified"`         // when its status was changed last
	Authenticated time.Time    `json:"authenticated"`    // the last sign-in
}

// A PasskeyRecord is a passkey of a user. It can be used for its relying party alone, whichever pool it is in.
type PasskeyRecord struct {
	ID         []byte             `json:"id"`                   // chosen by the authenticator
	PublicKey  []byte             `json:"key,omitempty"`        // COSE_Key
	Algorithm  webauthn.Algorithm `json:"alg"`                  // of the key
	Party      string             `json:"rp"`                   // the relying party
	Name       string             `json:"name"`                 // for people
	Attachment string             `json:"attachment,omitempty"` // as the browser said
	Transports []string           `json:"transports,omitempty"` // how the authenticator can be reached
	Created    time.Time          `json:"created"`              // when it was registered
	Used       time.Time          `json:"used,omitzero"`        // when a sign-in used it last
	Counter    uint32             `json:"counter,omitempty"`    // of signatures
	Eligible   bool               `json:"eligible,omitempty"`   // it may be on several devices
	BackedUp   bool               `json:"backedUp,omitempty"`   // it is on several devices, or in a backup
	Verified   bool               `json:"verified,omitempty"`   // the authenticator has verified the user
}

// An EventRecord is something that happened to a user.
type EventRecord struct {
	Kind   EventKind `json:"kind"`             // what happened
	Time   time.Time `json:"time"`             // when it happened
	Client string    `json:"client,omitempty"` // empty for an operator
}

// UserSecrets are the secrets of a user: password hashes, SRP verifier, the
// key of the authenticator app, and the passkeys. They print as [redacted], but JSON holds them in
// clear: keep an export with secrets as safe as the store. An SRP verifier is a
// fast hash of the password. It is valid only for the pool and the username that
// it was made for.
type UserSecrets struct {
	PasswordHash    string     `json:"passwordHash,omitempty"`    // Argon2id, as $argon2id$v=19$m=…,t=…,p=…$salt$key
	PasswordChanged time.Time  `json:"passwordChanged,omitzero"`  // when the password was set
	PasswordExpires time.Time  `json:"passwordExpires,omitzero"`  // when a temporary password expires
	PasswordHistory []string   `json:"passwordHistory,omitempty"` // hashes of earlier passwords, newest first
	SRPSalt         []byte     `json:"srpSalt,omitempty"`         // the salt of SRPVerifier
	SRPVerifier     []byte     `json:"srpVerifier,omitempty"`     // what the server keeps for sign-ins by SRP; empty in pools without SRP
	TOTPKey         mfa.Secret `json:"totpKey,omitempty"`         // the key of the authenticator app
	TOTPStep        int64      `json:"totpStep,omitempty"`        // the newest time step whose code was used
	TOTPDevice      string     `json:"totpDevice,omitempty"`      // the name of the app, for people
	// Passkeys are at most 20, the oldest first. Import refuses one that another user of the pool has.
	Passkeys []PasskeyRecord `json:"passkeys,omitempty"`
}

// Format writes "[redacted]" whatever the verb.
func (UserSecrets) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[redacted]") }

// LogValue returns "[redacted]".
func (UserSecrets) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// Sizes of the batches of an export. Each batch is a transaction of its own.
const (
	exportUsers  = 200
	exportEvents = 2000
)

// Export returns everything that is stored about the user who has a name or a
// sub, such as for a request of the user for a copy of the data. It is slow in a
// large pool: it reads the events of the whole pool since the user was created.
// It returns [ErrPoolNotFound] or [ErrUserNotFound].
func (us Users) Export(ctx context.Context, name string, secrets bool) (*UserRecord, error) {
	rec, err := us.admin.export(ctx, name, secrets)
	if err != nil {
		return nil, fmt.Errorf("export user: %w", err)
	}
	return rec, nil
}

func (a *Admin) export(ctx context.Context, name string, secrets bool) (*UserRecord, error) {
	_, u, err := a.find(ctx, name)
	if err != nil {
		return nil, err
	}
	var rec *UserRecord
	err = a.engine.store.View(ctx, func(r store.Reader) error {
		u, err := orNil(users.Get(r, users.Key(u)))
		if err != nil {
			return err
		}
		if u == nil {
			return ErrUserNotFound
		}
		recs, err := userRecords(r, []*User{u}, secrets)
		if err != nil {
			return err
		}
		rec = recs[0]
		if rec.Devices, err = deviceRecords(r, u); err != nil {
			return err
		}
		have, err := getPasskeys(r, u.Pool, u.Sub)
		if err != nil {
			return err
		}
		rec.Passkeys = have.records()
		for i := range rec.Passkeys {
			rec.Passkeys[i].PublicKey = nil
		}
		rec.SignIns, err = signInsOf(r, u)
		return err
	})
	if err != nil {
		return nil, err
	}
	rec.Events, err = a.eventsOf(ctx, u)
	return rec, err
}

// ExportAll yields all users, ordered by sub, without sign-ins and events. It
// begins after the sub in after; "" means from the beginning. To go on with an
// export that was interrupted, give the last sub that it yielded. ExportAll ends
// after the first error, such as [ErrPoolNotFound], or [ErrInvalidPosition] if
// after is not a sub. It holds no transaction while the caller is busy.
func (us Users) ExportAll(ctx context.Context, after string, secrets bool) iter.Seq2[*UserRecord, error] {
	return func(yield func(*UserRecord, error) bool) {
		for {
			recs, err := us.admin.exportAfter(ctx, after, secrets)
			if err != nil {
				yield(nil, fmt.Errorf("export users: %w", err))
				return
			}
			for _, rec := range recs {
				if !yield(rec, nil) {
					return
				}
			}
			if len(recs) < exportUsers {
				return
			}
			after = recs[len(recs)-1].Sub
		}
	}
}

// exportAfter exports a batch of users.
func (a *Admin) exportAfter(ctx context.Context, after string, secrets bool) ([]*UserRecord, error) {
	rng := store.Prefix(a.pool)
	rng.Limit = exportUsers
	if after != "" {
		if !isUUID(after) {
			return nil, ErrInvalidPosition
		}
		rng.From = store.Key(a.pool, after) + "\x00"
	}
	var recs []*UserRecord
	err := a.engine.store.View(ctx, func(r store.Reader) error {
		values, err := r.Get(pools.Ref(store.Key(a.pool)))
		if err != nil {
			return err
		}
		if _, err := a.engine.decodePool(a.pool, values[0]); err != nil {
			return err
		}
		var batch []*User
		for u, err := range users.Scan(r, rng) {
			if err != nil {
				return err
			}
			batch = append(batch, u)
		}
		recs, err = userRecords(r, batch, secrets)
		return err
	})
	return recs, err
}

// ruledNames are the names of the groups that rules have put a user into.
func ruledNames(u *User, in []*Group) []string {
	return groupNames(slices.DeleteFunc(slices.Clone(in), func(g *Group) bool { return !slices.Contains(u.Ruled, g.ID) }))
}

// userRecords makes the records of some users of one pool.
func userRecords(r store.Reader, us []*User, secrets bool) ([]*UserRecord, error) {
	recs := make([]*UserRecord, len(us))
	for i, u := range us {
		in, err := u.memberships(r)
		if err != nil {
			return nil, err
		}
		recs[i] = &UserRecord{
			Pool: u.Pool, Sub: u.Sub, Username: u.Username, Attributes: u.Attributes, NamedBy: u.NamedBy, Identities: u.Identities, Pending: u.Pending,
			Status: u.Status, Disabled: u.Disabled, Created: u.Created, Modified: u.Modified,
			MFA: u.MFA, Groups: groupNames(in), Ruled: ruledNames(u, in),
		}
	}
	if !secrets {
		return recs, nil
	}
	return recs, readSecrets(r, recs)
}

// readSecrets adds the secrets to records, in one round trip.
func readSecrets(r store.Reader, recs []*UserRecord) error {
	var refs []store.Ref
	for _, rec := range recs {
		refs = append(refs, credentials.Ref(store.Key(rec.Pool, rec.Sub)), totps.Ref(store.Key(rec.Pool, rec.Sub)), passkeys.Ref(store.Key(rec.Pool, rec.Sub)))
	}
	values, err := r.Get(refs...)
	if err != nil {
		return err
	}
	for i, rec := range recs {
		c, err := orNil(credentials.Decode(values[3*i]))
		if err != nil {
			return err
		}
		t, err := orNil(totps.Decode(values[3*i+1]))
		if err != nil {
			return err
		}
		keys, err := orNil(passkeys.Decode(values[3*i+2]))
		if err != nil {
			return err
		}
		rec.Secrets = secretsOf(c, t)
		rec.Secrets.Passkeys = keys.records()
	}
	return nil
}

// secretsOf returns the secrets in a credential and in the record of an
// authenticator app. Either may be nil.
func secretsOf(c *credential, t *totp) *UserSecrets {
	out := &UserSecrets{}
	if c != nil {
		out.PasswordHash, out.PasswordChanged, out.PasswordExpires, out.PasswordHistory = c.Hash, c.Changed, c.Expires, c.History
		out.SRPSalt, out.SRPVerifier = c.Salt, c.Verifier
	}
	if t != nil && len(t.Secret) > 0 {
		out.TOTPKey, out.TOTPStep, out.TOTPDevice = t.Secret, t.Last, t.Name
	}
	return out
}

// records are the passkeys of the set, which may be nil.
func (s *passkeySet) records() []PasskeyRecord {
	if s == nil {
		return nil
	}
	var out []PasskeyRecord
	for _, k := range s.Keys {
		out = append(out, PasskeyRecord(k))
	}
	return out
}

func deviceRecords(r store.Reader, u *User) ([]DeviceRecord, error) {
	var out []DeviceRecord
	for d, err := range devices.Scan(r, store.Prefix(u.Pool, u.Sub)) {
		if err != nil {
			return nil, err
		}
		out = append(out, DeviceRecord(*d.shown()))
	}
	return out, nil
}

func signInsOf(r store.Reader, u *User) ([]SignInRecord, error) {
	var out []SignInRecord
	for f, err := range families.Scan(r, store.Prefix(u.Pool, u.Sub)) {
		if err != nil {
			return nil, err
		}
		out = append(out, SignInRecord{
			ID: f.ID, Client: f.Client, Time: f.AuthTime, Expires: f.Expires, Browser: f.Browser, Active: f.Active, Device: f.Agent, IP: f.IP,
		})
	}
	slices.SortFunc(out, func(a, b SignInRecord) int { return a.Time.Compare(b.Time) })
	return out, nil
}

// eventsOf reads the pool's events in batches and returns those of the user.
func (a *Admin) eventsOf(ctx context.Context, u *User) ([]EventRecord, error) {
	rng := store.Prefix(u.Pool)
	rng.From, rng.Limit = store.Key(u.Pool, store.Time(u.Created)), exportEvents
	var out []EventRecord
	for {
		var read []*Event
		err := a.engine.store.View(ctx, func(r store.Reader) error {
			read = nil
			for ev, err := range events.Scan(r, rng) {
				if err != nil {
					return err
				}
				read = append(read, ev)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		for _, ev := range read {
			if ev.Sub == u.Sub {
				out = append(out, EventRecord{Kind: ev.Kind, Time: ev.Time, Client: ev.Client})
			}
		}
		if len(read) < exportEvents {
			return out, nil
		}
		rng.From = events.Key(read[len(read)-1]) + "\x00"
	}
}
