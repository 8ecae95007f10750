package identity_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/mfa"
	"github.com/cognate-id/cognate/store"
)

// A step that nobody handles gives an error, and no tokens.
func TestNoStepFailsOpen(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	u, err := pool.Admin().Users().Get(t.Context(), "alice")
	check(t, "Get", err)
	for _, tt := range []struct {
		name    string
		step    identity.Step
		method  identity.MFAMethod
		written bool
	}{
		{"no decision", identity.StepUndecided, "", true},
		{"a step that is not there yet", identity.StepDevice + 1, "", true},
		{"done, with nothing written", identity.StepDone, "", false},
		{"a factor that there is not", identity.StepFactor, "PIGEON_MFA", true},
		{"a factor without a name", identity.StepFactor, "", true},
	} {
		res, err := pool.Proceed(t.Context(), u, tt.step, tt.method, tt.written)
		if err == nil || res != nil {
			t.Errorf("%s: %+v, %v, want an error", tt.name, res, err)
		}
	}
	res, err := pool.Proceed(t.Context(), u, identity.StepDone, "", true)
	if err != nil || res.Tokens == nil {
		t.Errorf("done: %+v, %v, want tokens", res, err)
	}
}

func TestPolicyNamesEveryCase(t *testing.T) {
	user := func(s identity.UserStatus) *identity.User { return &identity.User{Status: s} }
	confirmed := user(identity.StatusConfirmed)
	const password, factor = "password", "factor"
	for _, tt := range []struct {
		name   string
		mfa    identity.PoolSettings
		user   *identity.User
		proved []string
		want   identity.Step // 0 for an error
	}{
		{"nothing proved", identity.PoolSettings{}, confirmed, nil, 0},
		{"a factor alone", identity.PoolSettings{MFA: "ON"}, confirmed, []string{factor}, 0},
		{"a device alone", identity.PoolSettings{MFA: "ON"}, confirmed, []string{"device"}, 0},
		{"a proof of another kind", identity.PoolSettings{}, confirmed, []string{"pigeon"}, 0},
		{"a mode that there is not", identity.PoolSettings{MFA: "SOMETIMES"}, confirmed, []string{password}, 0},
		{"unconfirmed", identity.PoolSettings{}, user(identity.StatusUnconfirmed), []string{password}, 0},
		{"reset required", identity.PoolSettings{}, user(identity.StatusResetRequired), []string{password}, 0},
		{"a status that there is not", identity.PoolSettings{}, user("ARCHIVED"), []string{password}, 0},
		{"temporary password", identity.PoolSettings{MFA: "ON"}, user(identity.StatusForceChangePassword), []string{password}, identity.StepNewPassword},
		{"no MFA", identity.PoolSettings{}, confirmed, []string{password}, identity.StepDone},
		{"MFA off", identity.PoolSettings{MFA: "OFF"}, confirmed, []string{password}, identity.StepDone},
		{"optional, and none", identity.PoolSettings{MFA: "OPTIONAL"}, confirmed, []string{password}, identity.StepDone},
		{"required, and none", identity.PoolSettings{MFA: "ON"}, confirmed, []string{password}, identity.StepSetup},
		{"required and proved", identity.PoolSettings{MFA: "ON"}, confirmed, []string{password, factor}, identity.StepDone},
	} {
		got, err := identity.NextStep(&tt.mfa, tt.user, tt.proved...)
		if got != tt.want || (err == nil) != (tt.want != identity.StepUndecided) {
			t.Errorf("%s: step %d, %v, want %d", tt.name, got, err, tt.want)
		}
	}
	if ok, err := identity.ProofHolds("pigeon"); ok || err == nil {
		t.Errorf("a proof of another kind holds: %t, %v", ok, err)
	}
	for _, kind := range []string{"", "srp", "choose-mfa", "pigeon"} {
		if identity.FactorOfState(kind) == nil {
			t.Errorf("a challenge of kind %q asks for a code of some factor", kind)
		}
	}
}

func TestLengthOfAStateTellsNothing(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{SRP: true})
	for _, name := range []string{"a", "alice@example.com", "\u2028\"<>", string(make([]byte, 128))} {
		user, decoy, err := pool.StateLengths(t.Context(), name)
		check(t, "seal", err)
		if user != decoy {
			t.Errorf("%q: a state of a user has %d characters, one of a decoy %d", name, user, decoy)
		}
	}
}

// usersV1 are records of users as version 1 wrote them, a line each. They are
// never written again: a later version must read them.
const usersV1 = "testdata/users-v1.jsonl"

func TestUsersOfVersion1(t *testing.T) {
	for _, back := range backEnds {
		t.Run(back.name, func(t *testing.T) {
			f := newEngineOn(t, back.open(t))
			pool := f.open(t, identity.PoolSettings{MFA: "OPTIONAL", TOTP: new(true), SMSMFA: true})
			want := map[string]identity.MFAPreference{
				"none":   {},
				"app":    {Methods: []identity.MFAMethod{identity.MFATOTP}, Preferred: identity.MFATOTP},
				"text":   {Methods: []identity.MFAMethod{identity.MFASMS}},
				"either": {Methods: []identity.MFAMethod{identity.MFASMS, identity.MFATOTP}, Preferred: identity.MFASMS},
			}
			for _, line := range lines(t, usersV1) {
				sub, username := f.plantUser(t, pool, line)
				u, err := pool.Admin().Users().Get(t.Context(), sub)
				check(t, username, err)
				if !reflect.DeepEqual(u.MFA, want[username]) {
					t.Errorf("%s: second factors %+v, want %+v", username, u.MFA, want[username])
				}
				check(t, "SetPassword", pool.Admin().Users().SetPassword(t.Context(), sub, password, true)) // writes the record anew
				res, err := pool.SignIn(t.Context(), identity.SignIn{Username: username, Password: password})
				check(t, "SignIn", err)
				if asked := res.Tokens == nil; asked != (username == "text" || username == "either") { // no app was enrolled
					t.Errorf("%s: %+v, asked for a factor: %t", username, res, asked)
				}
				again, err := pool.Admin().Users().Get(t.Context(), sub)
				check(t, "Get", err)
				if !reflect.DeepEqual(again.MFA, want[username]) {
					t.Errorf("%s, written anew: second factors %+v, want %+v", username, again.MFA, want[username])
				}
			}
		})
	}
}

// plantUser writes a record as it stands, with its entry in the index of names.
func (f *fixture) plantUser(t *testing.T, pool *identity.UserPool, line string) (sub, username string) {
	t.Helper()
	var rec map[string]any
	check(t, "record", json.Unmarshal([]byte(line), &rec))
	rec["pool"] = pool.PoolID()
	value, err := json.Marshal(rec)
	check(t, "record", err)
	sub, username = rec["sub"].(string), rec["username"].(string)
	key := store.Key(pool.PoolID(), sub)
	check(t, "write", f.store.Update(t.Context(), func(tx store.Tx) error {
		name := []byte(`"` + base64.RawURLEncoding.EncodeToString([]byte(key)) + `"`)
		return errors.Join(tx.Insert("users", key, value), tx.Insert("users.names", store.Key(pool.PoolID(), username), name))
	}))
	return sub, username
}

func lines(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.Open(file)
	check(t, "open", err)
	defer text.Close()
	var out []string
	for in := bufio.NewScanner(text); in.Scan(); {
		out = append(out, in.Text())
	}
	if len(out) == 0 {
		t.Fatalf("%s is empty", file)
	}
	return out
}

// Exports of earlier versions have a bool for each factor.
func TestExportsOfBoolsAreRead(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{MFA: "OPTIONAL", TOTP: new(true)})
	rec := &identity.UserRecord{}
	key, err := json.Marshal(mfa.NewSecret())
	check(t, "Marshal", err)
	check(t, "Unmarshal", json.Unmarshal([]byte(`{"username":"alice","status":"CONFIRMED",
		"mfa":{"totp":true,"preferred":"SOFTWARE_TOKEN_MFA"},"secrets":{"totpKey":`+string(key)+`}}`), rec))
	rec.Password = password
	_, err = pool.Admin().Users().Import(t.Context(), []*identity.UserRecord{rec})
	check(t, "Import", err)
	f.advance(time.Minute)
	res, err := pool.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: password})
	check(t, "SignIn", err)
	if _, ok := res.Challenge.(*identity.TOTPRequired); !ok {
		t.Errorf("SignIn = %+v, want to be asked for a code", res)
	}
}
