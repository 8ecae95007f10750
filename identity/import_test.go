package identity_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// exported are the records of all users of a pool, as they come out of JSON.
func exported(t testing.TB, pool *identity.UserPool, secrets bool) []*identity.UserRecord {
	t.Helper()
	var out []*identity.UserRecord
	for rec, err := range pool.Admin().Users().ExportAll(t.Context(), "", secrets) {
		check(t, "ExportAll", err)
		raw, err := json.Marshal(rec)
		check(t, "Marshal", err)
		back := new(identity.UserRecord)
		check(t, "Unmarshal", json.Unmarshal(raw, back))
		if !reflect.DeepEqual(rec.Secrets, back.Secrets) {
			t.Errorf("the secrets are lost on the way: %s", raw)
		}
		out = append(out, back)
	}
	return out
}

func imported(t testing.TB, pool *identity.UserPool, recs ...*identity.UserRecord) identity.ImportResult {
	t.Helper()
	res, err := pool.Admin().Users().Import(t.Context(), recs)
	check(t, "Import", err)
	return res
}

// wantImport checks how many records were imported and skipped, and that none failed.
func wantImport(t testing.TB, got identity.ImportResult, made, skipped int) {
	t.Helper()
	if got.Imported != made || got.Skipped != skipped || len(got.Failed) > 0 {
		t.Fatalf("import: %d made, %d skipped, failed %v; want %d and %d", got.Imported, got.Skipped, got.Failed, made, skipped)
	}
}

// inGroup puts a user into a group that there may not be yet.
func inGroup(t testing.TB, f *fixture, pool *identity.UserPool, name, group string) {
	t.Helper()
	check(t, "PutGroup", f.PutGroup(t.Context(), pool.PoolID(), group))
	f.edit(t, pool, name, func(u *identity.User) { u.Groups = append(u.Groups, group+"-id") })
}

// withApp enrolls an authenticator app for a signed-in user and turns it on.
func withApp(t testing.TB, f *fixture, pool *identity.UserPool, access identity.Secret) {
	t.Helper()
	s, err := pool.Session(t.Context(), access)
	check(t, "Session", err)
	key, err := s.EnrollTOTP(t.Context())
	check(t, "EnrollTOTP", err)
	check(t, "VerifyTOTP", s.VerifyTOTP(t.Context(), identity.Secret(key.Code(f.now())), "phone"))
	check(t, "SetMFA", s.SetMFA(t.Context(), identity.MFAUpdate{identity.MFATOTP: {Enabled: true, Preferred: true}}))
}

// populated is a pool with a user in each state.
func populated(t testing.TB, f *fixture) (*identity.UserPool, identity.PoolSettings) {
	t.Helper()
	settings := cognitoPool
	settings.TOTP, settings.MFA = new(true), "OPTIONAL"
	pool := f.open(t, settings)
	f.join(t, pool, "alice", email)
	inGroup(t, f, pool, "alice", "readers")
	c := f.client(t, pool, identity.ClientSettings{})
	withApp(t, f, pool, f.signIn(t, c, "alice").Access)
	f.signUp(t, pool, "una", "una@example.com")
	enroll(t, pool, "fred", map[string]string{"email": "fred@example.com"})
	enroll(t, pool, "rob", map[string]string{"name": "Rob"})
	f.edit(t, pool, "rob", func(u *identity.User) {
		u.Status, u.Disabled, u.Pending = identity.StatusResetRequired, true, map[string]string{"email": "rob@example.com"}
	})
	return pool, settings
}

// What is exported with secrets and imported elsewhere is the same again, but
// for what is bound to the pool.
func TestExportAndImport(t *testing.T) {
	f := newEngine(t)
	pool, settings := populated(t, f)
	recs := exported(t, pool, true)
	if len(recs) != 4 || !slices.IsSortedFunc(recs, func(a, b *identity.UserRecord) int { return strings.Compare(a.Sub, b.Sub) }) {
		t.Fatalf("%d users are exported, want 4 by sub", len(recs))
	}
	other := newEngine(t)
	there := other.open(t, settings)
	check(t, "PutGroup", other.PutGroup(t.Context(), there.PoolID(), "readers"))
	other.advance(time.Minute)
	wantImport(t, imported(t, there, recs...), 4, 0)
	wantImport(t, imported(t, there, recs...), 0, 4)
	check(t, "VerifyIndexes", identity.VerifyIndexes(t.Context(), other.store))
	again := exported(t, there, true)
	for i, rec := range recs {
		if len(rec.Secrets.SRPVerifier) == 0 || len(again[i].Secrets.SRPVerifier) > 0 {
			t.Errorf("%s: a verifier was made for another pool", rec.Username)
		}
		rec.Pool, rec.Secrets.SRPSalt, rec.Secrets.SRPVerifier = there.PoolID(), nil, nil
		if !reflect.DeepEqual(rec, again[i]) {
			t.Errorf("%s comes back as %s, want %s", rec.Username, jsonText(t, again[i]), jsonText(t, rec))
		}
	}
	c := other.client(t, there, identity.ClientSettings{})
	in, err := c.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: password})
	check(t, "SignIn", err)
	if _, ok := in.Challenge.(*identity.TOTPRequired); !ok {
		t.Errorf("the imported user is asked %T, want a code of the app", in.Challenge)
	}
	if got := exported(t, there, true); !slices.ContainsFunc(got, func(r *identity.UserRecord) bool { return len(r.Secrets.SRPVerifier) > 0 }) {
		t.Error("the sign-in by password made no verifier")
	}
}

func jsonText(t testing.TB, v any) string {
	t.Helper()
	raw, err := json.MarshalIndent(v, "", " ")
	check(t, "Marshal", err)
	return string(raw)
}

// A user who comes back to the pool signs in by SRP, and earlier tokens stay dead.
func TestImportIntoTheSamePool(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, cognitoPool)
	joined := f.join(t, pool, "alice", email)
	c := f.client(t, pool, identity.ClientSettings{})
	tokens := f.signIn(t, c, "alice")
	recs := exported(t, pool, true)
	check(t, "Delete", pool.Admin().Users().Delete(t.Context(), joined.Sub))
	f.advance(time.Second)
	wantImport(t, imported(t, pool, recs...), 1, 0)
	_, err := pool.Session(t.Context(), tokens.Access)
	wantErr(t, "Session by a token of the deleted user", err, identity.ErrAccessTokenRevoked)
	e := mustBeginSRP(t, c, pool.PoolID(), "alice")
	_, err = e.ch.Answer(t.Context(), e.proof(t, password))
	check(t, "Answer", err)
}

// Without secrets nothing in the record helps to sign in, and the user must reset the password.
func TestExportWithoutSecrets(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, cognitoPool)
	f.join(t, pool, "alice", email)
	f.signUp(t, pool, "una", "una@example.com")
	recs := exported(t, pool, false)
	if text := jsonText(t, recs); strings.Contains(text, "ecret") || strings.Contains(text, "argon2") {
		t.Errorf("exported without secrets: %s", text)
	}
	there, err := f.OpenUserPool(t.Context(), "there", &cognitoPool)
	check(t, "OpenUserPool", err)
	wantImport(t, imported(t, there, recs...), 2, 0)
	for _, rec := range exported(t, there, true) {
		want := map[string]identity.UserStatus{"alice": identity.StatusResetRequired, "una": identity.StatusUnconfirmed}[rec.Username]
		if rec.Status != want || rec.Secrets.PasswordHash != "" {
			t.Errorf("%s: %s, with the hash %q, want %s and none", rec.Username, rec.Status, rec.Secrets.PasswordHash, want)
		}
	}
}

// Export is all there is of one user, and nothing of another.
func TestExportOfOneUser(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "bob", "bob@example.com")
	joined := f.join(t, pool, "alice", email)
	f.advance(time.Minute)
	f.signIn(t, pool.AppClient, "alice")
	f.signIn(t, pool.AppClient, "bob")
	rec, err := pool.Admin().Users().Export(t.Context(), "ALICE", false)
	check(t, "Export", err)
	if rec.Sub != joined.Sub || rec.Username != "alice" || rec.Secrets != nil || rec.Attributes["email"] != email {
		t.Errorf("the record is %s", jsonText(t, rec))
	}
	var kinds []identity.EventKind
	for _, ev := range rec.Events {
		kinds = append(kinds, ev.Kind)
	}
	slices.Sort(kinds)
	if want := []identity.EventKind{identity.EventSignUpConfirmed, identity.EventSignedIn, identity.EventSignedUp}; !slices.Equal(kinds, want) {
		t.Errorf("events %q, want %q", kinds, want)
	}
	if len(rec.SignIns) != 1 || !rec.SignIns[0].Time.Equal(f.now()) || rec.SignIns[0].Client == "" || !rec.SignIns[0].Expires.After(f.now()) {
		t.Errorf("sign-ins %+v", rec.SignIns)
	}
	_, err = pool.Admin().Users().Export(t.Context(), "nobody", true)
	wantErr(t, "Export of nobody", err, identity.ErrUserNotFound)
}

// An export goes on after the last sub that was seen, and holds no transaction meanwhile.
func TestExportAllGoesOn(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 450 users")
	}
	f := newEngineOn(t, memory.New())
	pool := f.open(t, identity.PoolSettings{})
	us := pool.Admin().Users()
	entries, err := pool.BulkUsers(t.Context(), benchNames(450), password)
	check(t, "BulkUsers", err)
	check(t, "BulkLoad", f.store.(store.BulkLoader).BulkLoad(t.Context(), entries))
	seen, last := map[string]bool{}, ""
	for len(seen) < 450 {
		n := 0
		for rec, err := range us.ExportAll(t.Context(), last, true) {
			check(t, "ExportAll", err)
			if seen[rec.Sub] || rec.Secrets.PasswordHash == "" {
				t.Fatalf("%s comes twice, or without a hash", rec.Sub)
			}
			seen[rec.Sub], last = true, rec.Sub
			if n++; n == 230 {
				check(t, "SetPassword", us.SetPassword(t.Context(), rec.Sub, password, true))
				break
			}
		}
	}
	for _, err := range us.ExportAll(t.Context(), "x", false) {
		wantErr(t, "ExportAll after what is no sub", err, identity.ErrInvalidPosition)
	}
	check(t, "Delete", pool.Admin().Delete(t.Context()))
	for _, err := range us.ExportAll(t.Context(), "", false) {
		wantErr(t, "ExportAll of no pool", err, identity.ErrPoolNotFound)
	}
	_, err = us.Import(t.Context(), []*identity.UserRecord{{Username: "x"}})
	wantErr(t, "Import into no pool", err, identity.ErrPoolNotFound)
}

func TestSecretsOfARecordAreNotPrinted(t *testing.T) {
	rec := &identity.UserRecord{Sub: "s", Password: "hunter2", Secrets: &identity.UserSecrets{PasswordHash: "hunter2", SRPSalt: []byte("hunter2")}}
	var log strings.Builder
	newLogger(&log).Info("x", "record", rec, "copy", *rec, "secrets", *rec.Secrets)
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s", rec, *rec, *rec.Secrets, rec.Secrets), log.String()} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, "aHVudGVyMg") {
			t.Errorf("a secret is printed: %s", text)
		}
	}
}

const (
	aSub  = "11111111-1111-4111-8111-111111111111"
	aHash = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

// A pool is filled for a test from records with passwords in clear.
func TestImportOfPasswords(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, cognitoPool)
	wantImport(t, imported(t, pool,
		&identity.UserRecord{Username: "alice", Password: password, Attributes: map[string]string{"email": email, "name": ""}},
		&identity.UserRecord{Username: "fred", Password: password, Status: identity.StatusForceChangePassword},
		&identity.UserRecord{Username: "hal", Secrets: &identity.UserSecrets{PasswordHash: aHash}, Status: identity.StatusForceChangePassword},
	), 3, 0)
	c := f.client(t, pool, identity.ClientSettings{})
	f.signIn(t, c, "alice")
	for _, rec := range exported(t, pool, true) {
		if temporary := rec.Secrets.PasswordExpires.Equal(f.now().Add(7 * 24 * time.Hour)); temporary != (rec.Username != "alice") {
			t.Errorf("the password of %s expires at %v", rec.Username, rec.Secrets.PasswordExpires)
		}
	}
	if got := listed(t, pool, `cognito:user_status = "CONFIRMED"`, 60); !slices.Equal(got, []string{"alice"}) {
		t.Errorf("%q are confirmed, want alice", got)
	}
}

// Where the username is the sub, records have it as it is stored, or an address.
func TestImportOfAddresses(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{UsernameAttributes: []string{"email"}})
	res := imported(t, pool,
		&identity.UserRecord{Sub: aSub, Username: aSub, Password: password, Attributes: map[string]string{"email": email}},
		&identity.UserRecord{Username: "bob@example.com", Password: password},
		&identity.UserRecord{Password: password, Attributes: map[string]string{"email": "cat@example.com"}},
		&identity.UserRecord{Password: password},
		&identity.UserRecord{Username: "dan", Password: password},
		&identity.UserRecord{Username: email, Password: password},
	)
	if res.Imported != 3 || len(res.Failed) != 3 {
		t.Fatalf("%d are imported, failed %v", res.Imported, res.Failed)
	}
	wantErr(t, "no address", res.Failed[0], identity.ErrInvalidAttributes)
	wantErr(t, "no address as a name", res.Failed[1], identity.ErrInvalidParameter)
	wantErr(t, "address of another", res.Failed[2], identity.ErrAliasExists)
	for _, name := range []string{email, "bob@example.com", "cat@example.com"} {
		f.signIn(t, pool.AppClient, name)
	}
}

// Of two addresses a record tells which is the name.
func TestImportOfUsersWithTwoAddresses(t *testing.T) {
	f := newEngine(t)
	both := []string{"email", "phone_number"}
	pool := f.open(t, identity.PoolSettings{UsernameAttributes: both})
	res := imported(t, pool,
		&identity.UserRecord{Username: email, Password: password, Attributes: map[string]string{"phone_number": phone}},
		&identity.UserRecord{Sub: aSub, Username: aSub, NamedBy: "phone_number", Password: password, Attributes: map[string]string{"email": email, "phone_number": phone}},
		&identity.UserRecord{Username: "bob@example.com", NamedBy: "phone_number", Password: password},
		&identity.UserRecord{Password: password, NamedBy: "phone_number", Attributes: map[string]string{"email": "cat@example.com"}},
	)
	if res.Imported != 3 || len(res.Failed) != 1 {
		t.Fatalf("%d are imported, failed %v", res.Imported, res.Failed)
	}
	wantErr(t, "without the name", res.Failed[0], identity.ErrInvalidAttributes)
	for _, name := range []string{email, phone, "bob@example.com"} {
		f.signIn(t, pool.AppClient, name)
	}
	rec, err := pool.Admin().Users().Export(t.Context(), phone, false)
	check(t, "Export", err)
	if rec.Sub != aSub || rec.NamedBy != "phone_number" {
		t.Errorf("the export of %s is of %s, named by %q", phone, rec.Sub, rec.NamedBy)
	}
}

func TestImportRefuses(t *testing.T) {
	secrets := func(s identity.UserSecrets) *identity.UserSecrets { return &s }
	type attributes = map[string]string
	for _, tt := range few.Of(8, []struct {
		name string
		rec  *identity.UserRecord
		want error
	}{
		{"nothing", nil, identity.ErrMissingParameter},
		{"sub in capitals", &identity.UserRecord{Sub: strings.ToUpper("aaaaaaaa-1111-4111-8111-111111111111"), Username: "x"}, identity.ErrInvalidParameter},
		{"sub that is none", &identity.UserRecord{Sub: "x", Username: "x"}, identity.ErrInvalidParameter},
		{"no username", &identity.UserRecord{}, identity.ErrMissingParameter},
		{"username that cannot be", &identity.UserRecord{Username: "a b"}, identity.ErrInvalidParameter},
		{"username too long", &identity.UserRecord{Username: strings.Repeat("x", 129)}, identity.ErrInvalidParameter},
		{"username like an alias", &identity.UserRecord{Username: "x@example.com"}, identity.ErrInvalidParameter},
		{"username that is the sub", &identity.UserRecord{Sub: aSub, Username: aSub}, identity.ErrInvalidParameter},
		{"attribute not in the schema", &identity.UserRecord{Username: "x", Attributes: attributes{"custom:x": "1"}}, identity.ErrInvalidAttributes},
		{"attribute of the engine", &identity.UserRecord{Username: "x", Attributes: attributes{"sub": aSub}}, identity.ErrInvalidAttributes},
		{"attribute too long", &identity.UserRecord{Username: "x", Attributes: attributes{"name": strings.Repeat("x", 2049)}}, identity.ErrInvalidAttributes},
		{"attributes too long together", &identity.UserRecord{Username: "x", Attributes: attributes{
			"name": strings.Repeat("\x01", 2048), "nickname": strings.Repeat("\x01", 2048), "profile": strings.Repeat("\x01", 2048), "locale": strings.Repeat("\x01", 2048),
		}}, identity.ErrInvalidParameter},
		{"address that is none", &identity.UserRecord{Username: "x", Attributes: attributes{"email": "x"}}, identity.ErrInvalidParameter},
		{"required attribute missing", &identity.UserRecord{Username: "x", Attributes: attributes{"gender": ""}}, identity.ErrInvalidAttributes},
		{"pending that is no address", &identity.UserRecord{Username: "x", Pending: attributes{"name": "y"}}, identity.ErrInvalidParameter},
		{"pending that cannot be", &identity.UserRecord{Username: "x", Pending: attributes{"email": "y"}}, identity.ErrInvalidParameter},
		{"preferred username before confirmation", &identity.UserRecord{Username: "x", Status: identity.StatusUnconfirmed, Attributes: attributes{"preferred_username": "y"}}, identity.ErrInvalidParameter},
		{"unknown status", &identity.UserRecord{Username: "x", Status: "ARCHIVED"}, identity.ErrInvalidParameter},
		{"SMS without a phone", &identity.UserRecord{Username: "x", MFA: identity.MFAPreference{Methods: []identity.MFAMethod{identity.MFASMS}}}, identity.ErrMFANotReady},
		{"app without a key", &identity.UserRecord{Username: "x", MFA: identity.MFAPreference{Methods: []identity.MFAMethod{identity.MFATOTP}}}, identity.ErrMFANotReady},
		{"preferred factor that is off", &identity.UserRecord{Username: "x", MFA: identity.MFAPreference{Preferred: identity.MFATOTP}}, identity.ErrMFAPreference},
		{"unknown group", &identity.UserRecord{Username: "x", Groups: []string{"nowhere"}}, identity.ErrGroupNotFound},
		{"too many groups", &identity.UserRecord{Username: "x", Groups: []string{"a", "b", "c", "b"}}, identity.ErrQuotaExceeded},
		{"password against the policy", &identity.UserRecord{Username: "x", Password: "short"}, identity.ErrInvalidPassword},
		{"password and hash", &identity.UserRecord{Username: "x", Password: password, Secrets: secrets(identity.UserSecrets{PasswordHash: aHash})}, identity.ErrInvalidParameter},
		{"hash that is none", &identity.UserRecord{Username: "x", Secrets: secrets(identity.UserSecrets{PasswordHash: "x"})}, identity.ErrInvalidParameter},
		{"hash that asks for too much", &identity.UserRecord{Username: "x", Secrets: secrets(identity.UserSecrets{PasswordHash: strings.Replace(aHash, "m=19456", "m=9999999", 1)})}, identity.ErrInvalidParameter},
		{"earlier hash that is none", &identity.UserRecord{Username: "x", Secrets: secrets(identity.UserSecrets{PasswordHash: aHash, PasswordHistory: []string{"x"}})}, identity.ErrInvalidParameter},
		{"too many earlier hashes", &identity.UserRecord{Username: "x", Secrets: secrets(identity.UserSecrets{PasswordHash: aHash, PasswordHistory: slices.Repeat([]string{aHash}, 25)})}, identity.ErrInvalidParameter},
		{"earlier hashes alone", &identity.UserRecord{Username: "x", Secrets: secrets(identity.UserSecrets{PasswordHistory: []string{aHash}})}, identity.ErrInvalidParameter},
		{"key too short", &identity.UserRecord{Username: "x", Secrets: secrets(identity.UserSecrets{TOTPKey: make([]byte, 9)})}, identity.ErrInvalidParameter},
		{"device with a zero byte", &identity.UserRecord{Username: "x", Secrets: secrets(identity.UserSecrets{TOTPKey: make([]byte, 20), TOTPDevice: "a\x00"})}, identity.ErrInvalidParameter},
		{"step below zero", &identity.UserRecord{Username: "x", Secrets: secrets(identity.UserSecrets{TOTPKey: make([]byte, 20), TOTPStep: -1})}, identity.ErrInvalidParameter},
		{"name of another", &identity.UserRecord{Username: "alice"}, identity.ErrUsernameExists},
		{"name as another wrote it", &identity.UserRecord{Username: "ALICE"}, identity.ErrUsernameExists},
		{"address of another", &identity.UserRecord{Username: "x", Attributes: attributes{"email": email, "email_verified": "true"}}, identity.ErrAliasExists},
		{"sub of another", &identity.UserRecord{Sub: "ALICE", Username: "x"}, identity.ErrUsernameExists},
		{"name that is the sub of another", &identity.UserRecord{Username: "ALICE"}, identity.ErrUsernameExists},
		{"sub that is the name of another", &identity.UserRecord{Sub: "22222222-2222-4222-8222-222222222222", Username: "x"}, identity.ErrUsernameExists},
		{"name twice in one import", &identity.UserRecord{Username: "first"}, identity.ErrUsernameExists},
	}) {
		t.Run(tt.name, func(t *testing.T) {
			f := newEngineWith(t, twice(memory.New()), func(o *identity.Options) { o.Quotas.GroupsPerUser = 2 })
			schema := identity.StandardSchema()
			i := slices.IndexFunc(schema, func(a identity.SchemaAttribute) bool { return a.Name == "gender" })
			schema[i].Required = true
			pool := f.open(t, identity.PoolSettings{Aliases: []string{"email", "preferred_username"}, SRP: true, Schema: schema})
			alice := enroll(t, pool, "alice", map[string]string{"email": email, "email_verified": "true"})
			enroll(t, pool, "22222222-2222-4222-8222-222222222222", nil)
			good := func(name string) *identity.UserRecord {
				return &identity.UserRecord{Username: name, Password: password, Attributes: attributes{"gender": "x"}}
			}
			if rec := tt.rec; rec != nil {
				if strings.Contains(tt.name, "sub of another") {
					rec.Sub, rec.Username = strings.ReplaceAll(rec.Sub, "ALICE", alice), strings.ReplaceAll(rec.Username, "ALICE", alice)
				}
				if _, given := rec.Attributes["gender"]; !given {
					rec.Attributes = withAttribute(rec.Attributes, "gender", "x")
				}
			}
			res := imported(t, pool, good("first"), tt.rec, good("last"))
			if res.Imported != 2 || res.Skipped != 0 || len(res.Failed) != 1 || res.Failed[0].Index != 1 {
				t.Fatalf("%+v, want the second of three to fail", res)
			}
			wantErr(t, "Import", res.Failed[0], tt.want)
			check(t, "VerifyIndexes", identity.VerifyIndexes(t.Context(), f.store))
		})
	}
}

// withAttribute is attributes and one more.
func withAttribute(attributes map[string]string, name, value string) map[string]string {
	out := map[string]string{name: value}
	for n, v := range attributes {
		out[n] = v
	}
	return out
}

// A verifier that comes from this pool and is none is refused.
func TestImportOfVerifiers(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, cognitoPool)
	for name, s := range map[string]identity.UserSecrets{
		"salt": {PasswordHash: aHash, SRPSalt: []byte{1}, SRPVerifier: []byte{2}},
		"zero": {PasswordHash: aHash, SRPSalt: make([]byte, 16), SRPVerifier: make([]byte, 384)},
	} {
		res := imported(t, pool, &identity.UserRecord{Pool: pool.PoolID(), Username: name, Secrets: &s})
		if len(res.Failed) != 1 {
			t.Fatalf("%s: %+v, want it to fail", name, res)
		}
		wantErr(t, name, res.Failed[0], identity.ErrInvalidParameter)
	}
}

// More records than one transaction takes are told apart by their numbers.
func TestImportInBatches(t *testing.T) {
	if testing.Short() {
		t.Skip("imports 250 users")
	}
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	var recs []*identity.UserRecord
	for i := range 250 {
		recs = append(recs, &identity.UserRecord{Username: benchName(i % 240)})
	}
	res := imported(t, pool, recs...)
	if res.Imported != 240 || len(res.Failed) != 10 || res.Failed[0].Index != 240 || !strings.HasPrefix(res.Failed[9].Error(), "record 249: ") {
		t.Errorf("%d are imported, failed %v", res.Imported, res.Failed)
	}
	check(t, "VerifyIndexes", identity.VerifyIndexes(t.Context(), f.store))
}

// A takenStore finds out when it commits that a name was just taken, as often as it says.
type takenStore struct {
	store.Store
	times int
}

func (s *takenStore) Update(ctx context.Context, fn func(store.Tx) error) error {
	return s.Store.Update(ctx, func(tx store.Tx) error {
		if err := fn(tx); err != nil || s.times == 0 {
			return err
		}
		s.times--
		return store.ErrExists
	})
}

// Whoever takes a name while an import commits costs one record, and not the others.
func TestImportLosesARace(t *testing.T) {
	racing := &takenStore{Store: memory.New()}
	f := newEngineOn(t, racing)
	pool := f.open(t, identity.PoolSettings{})
	racing.times = 2
	res := imported(t, pool, &identity.UserRecord{Username: "a"}, &identity.UserRecord{Username: "b"})
	if res.Imported != 1 || len(res.Failed) != 1 || !errors.Is(res.Failed[0], identity.ErrUsernameExists) {
		t.Errorf("%+v, want one to be imported and one to be taken", res)
	}
}

func newLogger(w *strings.Builder) *slog.Logger { return slog.New(slog.NewJSONHandler(w, nil)) }

// A verifier is dropped where it would be of no use: it is a fast hash of the password.
func TestImportDropsVerifiers(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{SRP: true, UsernameAttributes: []string{"email"}})
	secrets := &identity.UserSecrets{PasswordHash: aHash, SRPSalt: make([]byte, 16), SRPVerifier: []byte{2}}
	kept := func(username string) bool {
		t.Helper()
		rec := &identity.UserRecord{Pool: pool.PoolID(), Sub: aSub, Username: username, Attributes: map[string]string{"email": email}, Secrets: secrets}
		wantImport(t, imported(t, pool, rec), 1, 0)
		got := exported(t, pool, true)[0]
		check(t, "Delete", pool.Admin().Users().Delete(t.Context(), aSub))
		return len(got.Secrets.SRPVerifier) > 0
	}
	if !kept(aSub) || kept(email) {
		t.Error("the verifier is not bound to the username")
	}
	check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.SRP = false }))
	if kept(aSub) {
		t.Error("a verifier is kept in a pool that keeps none")
	}
}

// Who has not chosen a password yet may still lack what is required.
func TestImportOfTheInvited(t *testing.T) {
	f := newEngine(t)
	schema := identity.StandardSchema()
	i := slices.IndexFunc(schema, func(a identity.SchemaAttribute) bool { return a.Name == "gender" })
	schema[i].Required = true
	pool := f.open(t, identity.PoolSettings{Schema: schema})
	enroll(t, pool, "fred", nil)
	recs := exported(t, pool, true)
	check(t, "DeleteUser", pool.Admin().Users().Delete(t.Context(), recs[0].Sub))
	wantImport(t, imported(t, pool, recs...), 1, 0)
}

// The record of a busy pool is read in parts.
func TestExportFindsEventsAmongMany(t *testing.T) {
	if testing.Short() {
		t.Skip("imports 2,100 users")
	}
	f := newEngineOn(t, memory.New())
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	f.advance(time.Second)
	var many []*identity.UserRecord
	for i := range 2100 {
		many = append(many, &identity.UserRecord{Username: benchName(i)})
	}
	wantImport(t, imported(t, pool, many...), 2100, 0)
	f.advance(time.Second)
	f.signIn(t, pool.AppClient, "alice")
	rec, err := pool.Admin().Users().Export(t.Context(), "alice", false)
	check(t, "Export", err)
	if n := len(rec.Events); n != 3 || rec.Events[2].Kind != identity.EventSignedIn {
		t.Errorf("events %+v, want three, the sign-in last", rec.Events)
	}
}
