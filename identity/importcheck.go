package identity

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity/internal/passhash"
	"github.com/cognate-id/cognate/identity/internal/srp"
	"github.com/cognate-id/cognate/identity/settings"
	"github.com/cognate-id/cognate/mfa"
)

// The checks of one record of an import, before the transaction. They read
// nothing from the store.

// check makes the user of a record. It returns an error if the record is invalid.
func (in *arrival) check(p *PoolInfo, rec *UserRecord, sub string, now time.Time) error {
	if !isUUID(sub) {
		return invalid("sub", "The sub must be a UUID in lower case.")
	}
	in.user = &User{
		Pool: p.ID, Sub: sub, Username: rec.Username, Disabled: rec.Disabled, MFA: rec.MFA,
		Attributes: given(rec.Attributes), Pending: given(rec.Pending), Status: rec.status(), Identities: slices.Clone(rec.Identities),
		Created: stamp(rec.Created, now), Modified: stamp(rec.Modified, now),
		NotBefore: now, // invalidates tokens of an earlier user with the same sub
	}
	for _, check := range []func(*PoolInfo, *UserRecord) error{in.checkIdentities, in.checkUsername, in.checkAttributes, in.checkState, in.checkGroups} {
		if err := check(p, rec); err != nil {
			return err
		}
	}
	in.user.rename(&p.Settings)
	if rec.Password != "" {
		if rec.Secrets != nil && rec.Secrets.PasswordHash != "" {
			return invalid("password", "A record must not have both a password and the hash of one.")
		}
		if err := in.engine.checkPassword(&p.Settings, rec.Password, false); err != nil {
			return err
		}
	}
	if rec.Secrets != nil {
		return in.takeSecrets(p, rec, now)
	}
	return nil
}

// given returns the attributes that have a value.
func given(attributes map[string]string) map[string]string {
	out := map[string]string{}
	maps.Copy(out, attributes)
	maps.DeleteFunc(out, func(_, v string) bool { return v == "" })
	return out
}

// stamp returns a time as it is stored, in UTC and cut to the millisecond. It
// returns now if t is zero or outside of the years 1 to 9999.
func stamp(t, now time.Time) time.Time {
	if t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return now
	}
	return t.UTC().Truncate(time.Millisecond)
}

func (rec *UserRecord) hasPassword() bool {
	return rec.Password != "" || rec.Secrets != nil && rec.Secrets.PasswordHash != ""
}

// status returns the state that the user will have.
func (rec *UserRecord) status() UserStatus {
	if rec.Status == StatusConfirmed && rec.Secrets != nil && len(rec.Secrets.Passkeys) > 0 {
		return StatusConfirmed // signs in with a passkey
	}
	if rec.Status == StatusExternalProvider && len(rec.Identities) > 0 && !rec.hasPassword() {
		return StatusExternalProvider
	}
	if !rec.hasPassword() && rec.Status != StatusUnconfirmed && (rec.Status == "" || rec.Status.known()) {
		return StatusResetRequired
	}
	return cmp.Or(rec.Status, StatusConfirmed)
}

func (s UserStatus) known() bool {
	return slices.Contains([]UserStatus{StatusUnconfirmed, StatusConfirmed, StatusForceChangePassword, StatusResetRequired}, s)
}

// checkIdentities checks who the user is with identity providers. The providers need not exist yet.
func (in *arrival) checkIdentities(_ *PoolInfo, rec *UserRecord) error {
	primary := 0
	for i := range rec.Identities {
		id := &rec.Identities[i]
		attribute, value := id.names()
		if id.Primary {
			primary++
		}
		if id.Provider == "" || strings.EqualFold(id.Provider, poolItself) || attribute == "" || value == "" || id.Primary && id.Subject == "" {
			return invalid("identities", "An identity has a provider, and a subject or an attribute with its value.")
		}
	}
	if primary > 1 || len(rec.Identities) > maxIdentities {
		return invalid("identities", "A user has at most 5 identities, and one that is primary.")
	}
	return nil
}

// checkUsername accepts a username as sign-up does. In pools whose usernames are
// subs, it also accepts the sub, which is what the store has.
func (in *arrival) checkUsername(p *PoolInfo, rec *UserRecord) error {
	u, s := in.user, &p.Settings
	stored := u.Username == "" || u.Username == u.Sub
	switch {
	case u.primary() != nil: // a provider has made the name
		if !usernameForm(u.Username) || u.Username == "" {
			return invalid("username", "Username should be 1 to 128 letters, marks, symbols, numbers or punctuation characters.")
		}
		return nil
	case len(s.UsernameAttributes) == 0 && u.Username == u.Sub:
		return invalid("username", "The username must not be the sub: in this pool users have usernames of their own.")
	case len(s.UsernameAttributes) == 0 || !stored:
		return u.takeUsername(s)
	}
	u.Username, u.NamedBy = u.Sub, s.NamedBy(rec.NamedBy)
	names := u.nameAttributes(s)
	if !slices.ContainsFunc(names, func(a string) bool { return u.Attributes[a] != "" }) {
		return nonconforming(AttributeProblem{Name: names[0], Code: settings.AttributeRequired})
	}
	return nil
}

func (in *arrival) checkAttributes(p *PoolInfo, _ *UserRecord) error {
	u, s := in.user, &p.Settings
	for _, name := range sortedKeys(u.Pending) {
		if name != "email" && name != "phone_number" {
			return invalid("pending", "Only email and phone_number can be pending.")
		}
	}
	if err := checkInvited(s, u.Pending); err != nil {
		return err
	}
	if u.Status == StatusForceChangePassword { // the user adds missing attributes with the first password
		return checkInvited(s, u.Attributes)
	}
	if u.Status == StatusUnconfirmed && slices.Contains(s.Aliases, "preferred_username") && u.Attributes["preferred_username"] != "" {
		return invalid("preferred_username", "preferred_username can only be set for confirmed users.")
	}
	return checkNew(s, u.Attributes)
}

func (in *arrival) checkState(_ *PoolInfo, rec *UserRecord) error {
	external := in.user.Status == StatusExternalProvider && len(in.user.Identities) > 0
	if !in.user.Status.known() && !external {
		return invalid("status", fmt.Sprintf("%q is not the status of a user.", rec.Status))
	}
	m := rec.MFA
	var e enrolled
	if rec.Secrets != nil {
		e.totp = &totp{Secret: rec.Secrets.TOTPKey}
	}
	for _, method := range m.Methods {
		if method == MFAPasskey {
			if rec.Secrets == nil || len(rec.Secrets.Passkeys) == 0 {
				return &MFAError{method}
			}
			continue
		}
		f, err := factorOf(method)
		if err != nil {
			return invalid("mfa", fmt.Sprintf("%q is not a second factor.", method))
		}
		if !f.ready(in.user, e) {
			return &MFAError{method}
		}
	}
	if m.Preferred != MFANone && !m.Has(m.Preferred) {
		return ErrMFAPreference
	}
	return nil
}

// checkGroups removes duplicate groups and checks the quota. The transaction
// checks whether the groups exist.
func (in *arrival) checkGroups(_ *PoolInfo, rec *UserRecord) error {
	for _, name := range rec.Groups {
		if !slices.Contains(in.groups, name) && !slices.Contains(rec.Ruled, name) {
			in.groups = append(in.groups, name)
		}
	}
	if in.room >= 0 && len(in.groups) > in.room {
		return &QuotaError{"groups of a user", in.room}
	}
	return nil
}

// takeSecrets checks the secrets of a record and takes them over.
func (in *arrival) takeSecrets(p *PoolInfo, rec *UserRecord, now time.Time) error {
	s := rec.Secrets
	if s.PasswordHash == "" && len(s.PasswordHistory) > 0 {
		return invalid("passwordHistory", "A record with earlier passwords must have the hash of the present one.")
	}
	if len(s.PasswordHistory) > maxHistory {
		return invalid("passwordHistory", fmt.Sprintf("A record must not have more than %d earlier passwords.", maxHistory))
	}
	for _, hash := range append(slices.Clone(s.PasswordHistory), s.PasswordHash) {
		if hash != "" && passhash.Check(hash) != nil {
			return invalid("passwordHash", "The hash of a password must be one of Argon2id, bcrypt, scrypt or PBKDF2 with SHA-256, with parameters within the limits.")
		}
	}
	if s.PasswordHash != "" {
		in.cred = &credential{
			Pool: p.ID, Sub: in.user.Sub, Hash: s.PasswordHash, History: s.PasswordHistory,
			Changed: stamp(s.PasswordChanged, now), Expires: in.expires(p, s.PasswordExpires, now),
		}
		if in.cred.Changed.After(now) { // a time in the future would make the next password seem older
			in.cred.Changed = now
		}
		if err := in.takeVerifier(p, rec); err != nil {
			return err
		}
	}
	if err := in.takePasskeys(s, now); err != nil {
		return err
	}
	return in.takeTOTP(s)
}

// takePasskeys takes the passkeys over. What no authenticator makes would be stored, and never work.
func (in *arrival) takePasskeys(s *UserSecrets, now time.Time) error {
	if len(s.Passkeys) == 0 {
		return nil
	}
	if len(s.Passkeys) > maxPasskeys {
		return invalid("passkeys", fmt.Sprintf("A record must not have more than %d passkeys.", maxPasskeys))
	}
	in.keys = &passkeySet{Pool: in.user.Pool, Sub: in.user.Sub}
	for _, rec := range s.Passkeys {
		k := passkey(rec)
		if k.credential().Check() != nil || k.Party == "" || checkDevice(k.Name) != nil || in.keys.index(k.ID) >= 0 {
			return invalid("passkeys", "A passkey must have an id of its own, a key, a relying party, and a name of at most 512 bytes.")
		}
		k.Created = stamp(k.Created, now)
		if !k.Used.IsZero() {
			k.Used = stamp(k.Used, now)
		}
		in.keys.Keys = append(in.keys.Keys, k)
	}
	return nil
}

// maxHistory is how many earlier passwords a policy can keep at most.
const maxHistory = 24

// expires returns when the user's password expires. A temporary password always
// expires. Another one expires only if the record says so.
func (in *arrival) expires(p *PoolInfo, at, now time.Time) time.Time {
	if at.IsZero() && in.user.Status != StatusForceChangePassword {
		return time.Time{}
	}
	return stamp(at, now.Add(p.Settings.TemporaryPasswordLife()))
}

// takeVerifier takes the SRP verifier over if it was made for this pool and
// username.
func (in *arrival) takeVerifier(p *PoolInfo, rec *UserRecord) error {
	s := rec.Secrets
	if len(s.SRPVerifier) == 0 || !p.Settings.SRP || rec.Pool != p.ID || rec.Username != in.user.Username {
		return nil
	}
	if len(s.SRPSalt) != srp.SaltSize || srp.CheckVerifier(s.SRPVerifier) != nil {
		return invalid("srpVerifier", "The SRP verifier or its salt is malformed.")
	}
	in.cred.Salt, in.cred.Verifier = s.SRPSalt, s.SRPVerifier
	return nil
}

func (in *arrival) takeTOTP(s *UserSecrets) error {
	if len(s.TOTPKey) == 0 {
		return nil
	}
	if _, err := mfa.ParseSecret(s.TOTPKey.Text()); err != nil {
		return invalid("totpKey", "The key of the authenticator app must have 10 to 64 bytes.")
	}
	if s.TOTPStep < 0 || checkDevice(s.TOTPDevice) != nil {
		return invalid("totpDevice", "The authenticator app must have a time step that is not negative, and a name of at most 512 bytes of valid UTF-8.")
	}
	in.totp = &totp{Pool: in.user.Pool, Sub: in.user.Sub, Secret: s.TOTPKey, Last: s.TOTPStep, Name: s.TOTPDevice}
	return nil
}
