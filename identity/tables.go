package identity

import (
	"encoding/json"
	"time"

	"github.com/cognate-id/cognate/identity/internal/throttle"
	"github.com/cognate-id/cognate/mfa"
	"github.com/cognate-id/cognate/store"
)

// The whole data model. What each table is keyed by stands in its Key; tables
// marked Secret are encrypted by store/sealed. Index keys hold names in clear. Each
// table says whose its records are: see catalog.go for what follows from that.
var (
	pools = &store.Table[PoolInfo]{
		Name: "pools", Version: poolVersion, Upgrade: upgradePool, Key: func(p *PoolInfo) string { return store.Key(p.ID) },
		Owner: store.OwnedByEngine, Views: []store.View{poolsView},
		Indexes: []*store.Index[PoolInfo]{poolsByKey, poolsByRegion},
	}
	poolsByKey    = &store.Index[PoolInfo]{Name: "key", Unique: true, Keys: poolKeys}
	poolsByRegion = &store.Index[PoolInfo]{Name: "region", Keys: func(p *PoolInfo) []string {
		return []string{store.Key(p.Settings.Region)}
	}}

	clients = &store.Table[ClientInfo]{
		Name: "clients", Key: func(c *ClientInfo) string { return store.Key(c.ID) },
		Owner: store.OwnedByPool, OwnerIndex: clientsByPool, Views: []store.View{clientsView},
		Indexes: []*store.Index[ClientInfo]{clientsByPool},
	}
	clientsByPool = &store.Index[ClientInfo]{Name: "pool", Keys: func(c *ClientInfo) []string {
		return []string{store.Key(c.Pool)}
	}}

	// resourceServers: the APIs of a pool, and the scopes that tokens may carry for them.
	resourceServers = &store.Table[ResourceServer]{
		Name: "resourceservers", Key: func(s *ResourceServer) string { return store.Key(s.Pool, s.Settings.Identifier) },
		Owner: store.OwnedByPool,
	}

	// domains: the prefixes and custom domains of pools. A name is unique in the store.
	domains = &store.Table[Domain]{
		Name: "domains", Key: func(d *Domain) string { return store.Key(d.Settings.Name) },
		Owner: store.OwnedByPool, OwnerIndex: domainsBySlot, Indexes: []*store.Index[Domain]{domainsBySlot},
	}
	// domainsBySlot: one prefix and one custom domain of each pool.
	domainsBySlot = &store.Index[Domain]{Name: "slot", Unique: true, Keys: func(d *Domain) []string { return []string{d.slot()} }}

	clientSecrets = &store.Table[clientSecret]{
		Name: "clientsecrets", Secret: true, Key: func(s *clientSecret) string { return store.Key(s.Client) },
		Owner: store.OwnedByClient,
	}

	// keyrings: a pool's signing keys and the keys that everything else is derived from.
	keyrings = &store.Table[keyring]{
		Name: "keyrings", Version: keyringVersion, Upgrade: upgradeKeyring, Secret: true, Key: func(k *keyring) string { return store.Key(k.Pool) },
		Owner: store.OwnedByPool,
	}

	// senderKeys: the keys of codes for custom senders that an operator has a copy of.
	senderKeys = &store.Table[senderKey]{
		Name: "senderkeys", Secret: true, Key: func(k *senderKey) string { return store.Key(k.Pool) },
		Owner: store.OwnedByPool,
	}

	users = &store.Table[User]{
		Name: "users", Version: userVersion, Upgrade: upgradeUser, Key: func(u *User) string { return store.Key(u.Pool, u.Sub) },
		Owner: store.OwnedByPool, Refs: (*User).namedGroups, Views: []store.View{usersView},
		Indexes: []*store.Index[User]{usersByName, usersBySearch, usersByGroup, usersByIdentity},
	}
	// usersByIdentity: who each user is with identity providers.
	usersByIdentity = &store.Index[User]{Name: "identities", Unique: true, Keys: identityKeys}
	// usersByName: whatever a user signs in with, folded.
	usersByName = &store.Index[User]{Name: "names", Unique: true, Keys: func(u *User) []string {
		keys := make([]string, len(u.Names))
		for i, n := range u.Names {
			keys[i] = nameKey(u.Pool, n)
		}
		return keys
	}}

	// usersBySearch: the attributes that users can be listed by, see [UserQuery].
	usersBySearch = &store.Index[User]{Name: "search", Keys: (*User).searchKeys}
	// usersByGroup: the members of each group. It names groups that were deleted too, until they are swept.
	usersByGroup = &store.Index[User]{Name: "groups", Keys: func(u *User) []string {
		keys := make([]string, len(u.Groups))
		for i, g := range u.Groups {
			keys[i] = store.Key(u.Pool, g)
		}
		return keys
	}}

	groups = &store.Table[Group]{
		Name: "groups", Key: func(g *Group) string { return store.Key(g.Pool, g.ID) },
		Owner: store.OwnedByPool, Views: []store.View{groupsView, membershipsView},
		Indexes: []*store.Index[Group]{groupsByName},
	}
	groupsByName = &store.Index[Group]{Name: "names", Unique: true, Keys: func(g *Group) []string {
		return []string{nameKey(g.Pool, g.Name)}
	}}

	// groupTombstones: groups that were deleted and whose id is still in records of
	// users. A group made again under the same name has another id.
	groupTombstones = &store.Table[groupTombstone]{
		Name: "deadgroups", Key: func(g *groupTombstone) string { return store.Key(g.Pool, g.ID) },
		Owner: store.OwnedByPool,
	}

	// groupRuns: how far the rules of a pool have been applied to its users.
	groupRuns = &store.Table[groupRun]{
		Name: "groupruns", Key: func(r *groupRun) string { return store.Key(r.Pool) }, Owner: store.OwnedByPool,
	}

	// totps: what authenticator apps share with us.
	totps = &store.Table[totp]{
		Name: "totps", Secret: true, Key: func(t *totp) string { return store.Key(t.Pool, t.Sub) },
		Owner: store.OwnedByUser,
	}

	// devices: the devices that users have confirmed, with what each device proves itself by.
	devices = &store.Table[device]{
		Name: "devices", Secret: true, Key: func(d *device) string { return store.Key(d.Pool, d.Sub, d.Key) },
		Owner:   store.OwnedByUser,
		Expires: func(d *device) time.Time { return d.Expires },
	}

	// consents: what users let applications have, if these ask for it. A client that was deleted leaves its own with the user.
	consents = &store.Table[consent]{
		Name: "scopeconsents", Key: func(c *consent) string { return store.Key(c.Pool, c.Sub, c.Client) },
		Owner: store.OwnedByUser,
	}

	// recoverySets: digests of the recovery codes of each user that are left.
	recoverySets = &store.Table[recoverySet]{
		Name: "recoverycodes", Secret: true, Key: func(r *recoverySet) string { return store.Key(r.Pool, r.Sub) },
		Owner: store.OwnedByUser,
	}

	// passkeys: all of a user are one record. Public keys are no secrets: the encryption keeps others from being put in their place.
	passkeys = &store.Table[passkeySet]{
		Name: "passkeys", Secret: true, Key: func(s *passkeySet) string { return store.Key(s.Pool, s.Sub) },
		Owner:   store.OwnedByUser,
		Indexes: []*store.Index[passkeySet]{passkeysByID},
	}
	// passkeysByID: an id belongs to one user of a pool.
	passkeysByID = &store.Index[passkeySet]{Name: "ids", Unique: true, Keys: passkeyIDs}

	credentials = &store.Table[credential]{
		Name: "credentials", Secret: true, Key: func(c *credential) string { return store.Key(c.Pool, c.Sub) },
		Owner: store.OwnedByUser,
	}

	// codes: the outstanding codes of each user and purpose.
	codes = &store.Table[code]{
		Name: "codes", Key: func(c *code) string { return codeKey(c.Pool, c.Sub, c.Purpose) },
		Owner:   store.OwnedByUser,
		Expires: func(c *code) time.Time { return c.Expires },
	}

	// families: all tokens that come from one sign-in. An access token may outlive the refresh token.
	families = &store.Table[family]{
		Name: "families", Key: func(f *family) string { return store.Key(f.Pool, f.Sub, f.ID) },
		Owner: store.OwnedByUser, Views: []store.View{familiesView},
		Expires: func(f *family) time.Time { return f.Expires.Add(maxTokenLife) },
	}

	// authCodes: authorization codes, under their digests.
	authCodes = &store.Table[authCode]{
		Name: "authcodes", Key: func(c *authCode) string { return store.Key(c.Pool, c.Digest) },
		Owner: store.OwnedByPool, Indexes: []*store.Index[authCode]{authCodesByBrowser},
		Expires: func(c *authCode) time.Time { return c.Expires },
	}
	// authCodesByBrowser: the codes of each browser, by when they expire.
	authCodesByBrowser = &store.Index[authCode]{Name: "browsers", Keys: func(c *authCode) []string {
		return []string{store.Key(c.Pool, c.Sub, c.Browser, store.Time(c.Expires))}
	}}

	// authGrants: the sign-ins that authorization codes were exchanged for. A code that
	// comes a second time ends its sign-in.
	authGrants = &store.Table[authGrant]{
		Name: "authgrants", Key: func(g *authGrant) string { return store.Key(g.Pool, g.Digest) },
		Owner:   store.OwnedByPool,
		Expires: func(g *authGrant) time.Time { return g.Expires }, Slack: clockSlack,
	}

	// spent: challenge states that were answered.
	usedStates = &store.Table[usedState]{
		Name: "spent", Key: func(s *usedState) string { return store.Key(s.Pool, s.ID) },
		Owner:   store.OwnedByPool,
		Expires: func(s *usedState) time.Time { return s.Expires }, Slack: clockSlack,
	}

	// sources: where each user has signed in from.
	sources = &store.Table[sourceList]{
		Name: "sources", Key: func(l *sourceList) string { return store.Key(l.Pool, l.Sub) },
		Owner:   store.OwnedByUser,
		Expires: (*sourceList).expires,
	}

	// throttles: wrong passwords, and codes asked for and tried, by user and by address.
	// Names that nobody has share a fixed number of rows, see decoythrottles.go.
	throttles = &store.Table[throttleRecord]{
		Name: "throttles", Key: func(t *throttleRecord) string { return throttleKey(t.Pool, t.Kind, t.Who) },
		Owner: store.OwnedByUser, UserKeys: userThrottleKeys,
		Expires: func(t *throttleRecord) time.Time { return t.Expires },
	}

	// events: what happened, by pool and time. Those of the whole engine have
	// the pool "", which sorts first; they outlive all pools and only expire.
	events = &store.Table[Event]{
		Name: "events", Key: func(e *Event) string { return store.Key(e.Pool, store.Time(e.Time), e.ID) },
		Owner: store.OwnedByPool, Views: []store.View{eventsView},
		Expires: (*Event).expires,
	}

	// echoes: what is written in the place of an event of a name that nobody has, in a fixed number of rows.
	echoes = &store.Table[Event]{
		Name: "echoes", Key: echoKey,
		Owner: store.OwnedByPool,
	}

	// outboxes: messages that wait to be sent, and those that could not be. Messages to names that
	// nobody has are among them until the worker deletes them.
	outboxes = &store.Table[queued]{
		Name: "outbox", Secret: true, Key: func(q *queued) string { return store.Key(q.Pool, q.Sub, q.ID) },
		Owner: store.OwnedByUser, Indexes: []*store.Index[queued]{outboxByDue, outboxByState},
		Expires: func(q *queued) time.Time { return q.Expires },
	}
	// outboxByDue: the messages that wait, by medium and by when they are to be tried.
	outboxByDue = &store.Index[queued]{Name: "due", Keys: func(q *queued) []string {
		if q.state() != queuedWaiting {
			return nil
		}
		return []string{store.Key(string(q.Medium), store.Time(q.Due))}
	}}
	// outboxByState: what is counted of each pool.
	outboxByState = &store.Index[queued]{Name: "state", Keys: func(q *queued) []string {
		return []string{store.Key(q.Pool, q.state())}
	}}

	// suppressions: addresses that nothing is sent to, because a message to them came back.
	suppressions = &store.Table[suppression]{
		Name: "suppressions", Key: func(s *suppression) string { return store.Key(s.Pool, s.Address) },
		Owner: store.OwnedByPool,
	}

	accessKeys = &store.Table[accessKey]{
		Name: "accesskeys", Secret: true, Key: func(k *accessKey) string { return store.Key(k.ID) },
		Owner: store.OwnedByEngine,
	}

	// formats: which form each index is in whose entries have changed their form, see [Upgrade].
	formats = &store.Table[format]{
		Name: "formats", Key: func(f *format) string { return store.Key(f.Name) },
		Owner: store.OwnedByEngine,
	}

	// leases: what one of several engines on a store does for all.
	leases = &store.Table[lease]{
		Name: "leases", Key: func(l *lease) string { return store.Key(l.Name) },
		Owner: store.OwnedByEngine,
	}

	// poolTombstones: pools that were deleted and are still being swept. Ids are never used again.
	poolTombstones = &store.Table[poolTombstone]{
		Name: "graves", Key: func(g *poolTombstone) string { return store.Key(g.Pool) },
		Owner: store.OwnedByEngine,
	}

	// tombstones: users and clients that were deleted, with too many records for one
	// transaction. The rest is still being swept. Ids are never used again.
	tombstones = &store.Table[tombstone]{
		Name: "tombstones", Key: func(t *tombstone) string { return tombstoneKey(t.Owner, t.ID...) },
		Owner: store.OwnedByEngine,
	}
)

// PoolInfo is a user pool as it is stored.
type PoolInfo struct {
	ID       string       `json:"id"`               // REGION_ and nine characters; never used again
	Key      string       `json:"key,omitempty"`    // given to OpenUserPool
	Created  time.Time    `json:"created"`          // when it was made
	Modified time.Time    `json:"modified"`         // when it was changed last
	Client   string       `json:"client,omitempty"` // the default app client
	Settings PoolSettings `json:"settings"`         // as they were set, without defaults filled in
	// ExpiringSince is when the engine first saw that unconfirmed users of the pool expire; zero if they do not.
	ExpiringSince time.Time `json:"expiringSince,omitzero"`
	// GroupRules put users into groups by their attributes, see [Groups.AddRule].
	GroupRules []GroupRule `json:"groupRules,omitempty"`
	// SSOMinutes is the largest SSOMinutes that a client was ever given, if it is more than 60: see [PoolInfo.BrowserLife].
	SSOMinutes int `json:"ssoMinutes,omitempty"`
}

func poolKeys(p *PoolInfo) []string {
	if p.Key == "" {
		return nil
	}
	return []string{store.Key(p.Key)}
}

// ClientInfo is an app client as it is stored.
type ClientInfo struct {
	ID        string         `json:"id"`                  // 26 letters and digits; never used again
	Pool      string         `json:"pool"`                // the id of the pool
	Created   time.Time      `json:"created"`             // when it was made
	Modified  time.Time      `json:"modified"`            // when it was changed last
	HasSecret bool           `json:"hasSecret,omitempty"` // requests must prove that they know a secret
	Settings  ClientSettings `json:"settings"`            // as they were set, without defaults filled in
}

type clientSecret struct {
	Client string         `json:"client"`
	Values []storedSecret `json:"values"` // one, or two while they are being rotated; the older first
	Last   time.Time      `json:"last"`   // when the newest was made, even if it is gone: ids are made of it
}

type storedSecret struct {
	ID      string    `json:"id"`
	Value   string    `json:"value"`
	Created time.Time `json:"created"`
}

// UserStatus is the state of an account.
type UserStatus string

// The states that a user can be in.
const (
	StatusUnconfirmed         UserStatus = "UNCONFIRMED"
	StatusConfirmed           UserStatus = "CONFIRMED"
	StatusForceChangePassword UserStatus = "FORCE_CHANGE_PASSWORD"
	StatusResetRequired       UserStatus = "RESET_REQUIRED"
	// StatusExternalProvider is of a user who signs in by an identity provider alone.
	StatusExternalProvider UserStatus = "EXTERNAL_PROVIDER"
)

// User is a user as it is stored, without credentials.
type User struct {
	Pool       string            `json:"pool"`                 // the id of the pool
	Sub        string            `json:"sub"`                  // the id of the user, which never changes
	Username   string            `json:"username"`             // unique in the pool; it never changes
	Names      []string          `json:"names"`                // folded; whatever the user signs in with
	Attributes map[string]string `json:"attributes,omitempty"` // by name, without the sub
	Status     UserStatus        `json:"status"`               // whether the user is confirmed, and may keep the password
	Disabled   bool              `json:"disabled,omitempty"`   // the user cannot sign in
	Created    time.Time         `json:"created"`              // when it was made
	Modified   time.Time         `json:"modified"`             // when it was changed last
	NotBefore  time.Time         `json:"notBefore,omitzero"`   // tokens issued earlier are refused
	Pending    map[string]string `json:"pending,omitempty"`    // new addresses that count once they are verified
	MFA        MFAPreference     `json:"mfa,omitzero"`         // the second factors that are turned on
	Groups     []string          `json:"groups,omitempty"`     // ids, some of which may be of groups that were deleted
	Ruled      []string          `json:"ruled,omitempty"`      // ids of the groups that rules have put the user into
	NamedBy    string            `json:"namedBy,omitempty"`    // the address that is the name, where a pool takes two kinds
	Identities []Identity        `json:"identities,omitempty"` // who the user is with identity providers
}

// MFAMethod is a second factor.
type MFAMethod string

// The second factors, and what stands for none.
const (
	MFANone  MFAMethod = ""
	MFASMS   MFAMethod = "SMS_MFA"
	MFATOTP  MFAMethod = "SOFTWARE_TOKEN_MFA"
	MFAEmail MFAMethod = "EMAIL_OTP"
	// MFAPasskey is asked for in no sign-in. It lets a passkey be both factors of a user, see [MFAUpdate].
	MFAPasskey MFAMethod = "WEB_AUTHN_MFA"
)

// Group is a group of users, as it is stored.
type Group struct {
	Pool        string    `json:"pool"`                  // the id of the pool
	ID          string    `json:"id"`                    // never used again, not even by a group of the same name
	Name        string    `json:"name"`                  // 1 to 128 characters
	Description *string   `json:"description,omitempty"` // for people
	RoleARN     *string   `json:"role,omitempty"`        // ARN of a role that members may take
	Precedence  *int      `json:"precedence,omitempty"`  // 0 and up; the lowest counts most, none least
	Created     time.Time `json:"created"`               // when it was made
	Modified    time.Time `json:"modified"`              // when it was changed last
}

type groupTombstone struct {
	Pool string `json:"pool"`
	ID   string `json:"id"`
}

type totp struct {
	Pool    string     `json:"pool"`
	Sub     string     `json:"sub"`
	Secret  mfa.Secret `json:"secret,omitempty"`  // verified, and asked for at sign-in
	Pending mfa.Secret `json:"pending,omitempty"` // not verified yet
	Last    int64      `json:"last,omitempty"`    // the newest time step that counted
	Name    string     `json:"name,omitempty"`    // of the device, for people
	// Told is when the owner was told that the key was set up. It is zero once the factor was
	// turned on or off after that, and for keys of earlier versions.
	Told time.Time `json:"told,omitzero"`
}

type device struct {
	Pool       string    `json:"pool"`
	Sub        string    `json:"sub"`
	Key        string    `json:"key"`
	Group      string    `json:"group"` // takes the place of the pool's name in proofs
	Name       string    `json:"name,omitempty"`
	Salt       []byte    `json:"salt"`
	Verifier   []byte    `json:"verifier"`
	Remembered bool      `json:"remembered,omitempty"`
	IP         string    `json:"ip,omitempty"` // of the last sign-in
	Created    time.Time `json:"created"`      // when it was confirmed
	Modified   time.Time `json:"modified"`
	Used       time.Time `json:"used"` // the last sign-in
	Expires    time.Time `json:"expires"`
}

type credential struct {
	Pool     string    `json:"pool"`
	Sub      string    `json:"sub"`
	Hash     string    `json:"hash,omitempty"`
	Salt     []byte    `json:"salt,omitempty"`     // of the SRP verifier
	Verifier []byte    `json:"verifier,omitempty"` // for SRP; none where the pool keeps none
	Changed  time.Time `json:"changed"`
	Expires  time.Time `json:"expires,omitzero"`  // of a temporary password
	History  []string  `json:"history,omitempty"` // hashes of earlier passwords, newest first
}

// A code has the outstanding codes of one purpose: the newest, and those before it.
type code struct {
	Pool    string      `json:"pool"`
	Sub     string      `json:"sub"`
	Purpose codePurpose `json:"purpose"`
	sentTo
	Earlier []sentTo `json:"earlier,omitempty"` // that are good still, newest first
}

// A sentTo is one code that was sent.
type sentTo struct {
	MAC       []byte    `json:"mac"`
	Master    string    `json:"masterId,omitempty"` // the id of the master key that the MAC is made with
	Attribute string    `json:"attribute"`          // what the code went to, and verifies
	Value     string    `json:"value"`              // the address itself: a code verifies no other
	Expires   time.Time `json:"expires"`
	Sent      time.Time `json:"sent,omitzero"`
	// Misses and Since are those of the record of throttles when the code was made.
	// The wrong tries since then are those of this code.
	Misses int       `json:"misses,omitempty"`
	Since  time.Time `json:"since,omitzero"`
}

func codeKey(pool, who string, purpose codePurpose) string {
	return store.Key(pool, decoyRow(who), string(purpose))
}

type usedState struct {
	Pool    string    `json:"pool"`
	ID      string    `json:"id"`
	Expires time.Time `json:"expires"`
}

type throttleRecord struct {
	Pool string `json:"pool"`
	Kind string `json:"kind"`
	Who  string `json:"who"` // sub, or a digest of an address or of a name that nobody has
	counts
	// Decoys are of a row that names which nobody has share: each a decoyCounts, the newest
	// first. One of them at most is decoded.
	Decoys []json.RawMessage `json:"decoys,omitempty"`

	shared *throttleRecord // the row that this record of such a name is in
	first  bool            // there is no such row yet
}

// counts are what a record of throttles counts.
type counts struct {
	Expires time.Time       `json:"expires"`
	State   throttle.State  `json:"state,omitzero"`
	Window  throttle.Window `json:"window,omitzero"`
	Day     throttle.Window `json:"day,omitzero"`     // messages to an address
	Misses  int             `json:"misses,omitempty"` // wrong tries of codes since Since
	Since   time.Time       `json:"since,omitzero"`
}

// The states of messages in the outbox. They are part of keys that are stored.
const (
	queuedWaiting = "waiting"
	queuedFailed  = "failed"
)

// A queued is a message in the outbox.
type queued struct {
	Pool     string            `json:"pool"`
	Sub      string            `json:"sub"`
	ID       string            `json:"id"`
	Time     time.Time         `json:"time"`
	Client   string            `json:"client,omitempty"`
	Username string            `json:"username"`
	To       string            `json:"to"`
	Medium   Medium            `json:"medium"`
	Kind     MessageKind       `json:"kind"`
	Code     string            `json:"code,omitempty"`
	Subject  string            `json:"subject,omitempty"`
	Body     string            `json:"body"`
	HTML     bool              `json:"html,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"` // of the call, for a custom sender
	Decoy    bool              `json:"decoy,omitempty"`    // it goes to nobody
	worth

	Due    time.Time `json:"due"`              // when it is tried next; while it is being sent, when the lease ends
	GiveUp time.Time `json:"giveUp"`           // when it is not tried any more, unless worth.Until is sooner
	Holder string    `json:"holder,omitempty"` // the engine that is sending it
	Tries  int       `json:"tries,omitempty"`
	Failed time.Time `json:"failed,omitzero"` // it is not tried any more
	Error  string    `json:"error,omitempty"` // of the last try
	// Expires is when it is deleted, sent or not.
	Expires time.Time `json:"expires"`
}

func (q *queued) state() string {
	if q.Failed.IsZero() {
		return queuedWaiting
	}
	return queuedFailed
}

type suppression struct {
	Pool    string    `json:"pool"`
	Address string    `json:"address"` // a digest
	Reason  string    `json:"reason"`
	Time    time.Time `json:"time"`
}

func throttleKey(pool, kind, who string) string { return store.Key(pool, kind, decoyRow(who)) }

type accessKey struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Secret  string    `json:"secret"`
	Created time.Time `json:"created"`

	LastUsed time.Time `json:"lastUsed,omitzero"`
	AccessKeyOptions
}

type lease struct {
	Name   string    `json:"name"`
	Holder string    `json:"holder"` // the engine
	Until  time.Time `json:"until"`
}

type poolTombstone struct {
	Pool    string    `json:"pool"`
	Clients []string  `json:"clients,omitempty"`
	Deleted time.Time `json:"deleted"`
}

type tombstone struct {
	Owner   store.Owner `json:"owner"`
	ID      []string    `json:"id"`
	Deleted time.Time   `json:"deleted"`
}

func tombstoneKey(owner store.Owner, id ...string) string {
	return store.Key(string(owner)) + store.Key(id...)
}

type keyring struct {
	Pool    string      `json:"pool"`
	Masters []master    `json:"masters"` // the newest first, at most maxMasters
	Decoy   []byte      `json:"decoy"`   // 32 bytes, see ring
	Digest  []byte      `json:"digest"`  // 32 bytes, see ring
	Keys    []storedKey `json:"keys"`
}

type senderKey struct {
	Pool    string    `json:"pool"`
	ID      string    `json:"id"`  // 8 letters and digits, a part of the key's name
	Key     []byte    `json:"key"` // 32 bytes
	Created time.Time `json:"created"`
}

type storedKey struct {
	Use    string          `json:"use"` // "access" or "id"
	Key    json.RawMessage `json:"key"` // private JWK
	From   time.Time       `json:"from"`
	Retire time.Time       `json:"retire,omitzero"` // leaves the JWKS
}
