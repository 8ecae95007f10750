package identity_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/mfa/webauthn/webauthntest"
)

// moved exports alice, through JSON, as a file of `cognate user export` has it.
func moved(t testing.TB, pool *identity.UserPool, secrets bool) *identity.UserRecord {
	t.Helper()
	rec, err := pool.Admin().Users().Export(t.Context(), "alice", secrets)
	check(t, "Export", err)
	text, err := json.Marshal(rec)
	check(t, "JSON", err)
	rec = &identity.UserRecord{}
	check(t, "JSON", json.Unmarshal(text, rec))
	return rec
}

// TestPasskeysMove: a user who is imported into another store signs in with the same passkey, whose counter goes on.
func TestPasskeysMove(t *testing.T) {
	f := newEngine(t)
	phone := &webauthntest.Authenticator{}
	pool, a, s := f.cognitoSigners(t, phone)
	check(t, "a sign-in", second(touch(t, a, phone, "alice")))
	f.setUp(t, s)
	check(t, "SetMFA", s.SetMFA(t.Context(), passkeyOn))
	rec := moved(t, pool, true)
	if len(rec.Secrets.Passkeys) != 1 || len(rec.Secrets.Passkeys[0].PublicKey) == 0 || rec.Secrets.Passkeys[0].Party != "example.com" {
		t.Fatalf("exported %+v", rec.Secrets.Passkeys)
	}
	if shown := moved(t, pool, false); shown.Secrets != nil || len(shown.Passkeys) != 1 || shown.Passkeys[0].PublicKey != nil || shown.Passkeys[0].Name != "Passkey" {
		t.Errorf("exported without secrets: %+v", shown.Passkeys)
	}
	g := newEngine(t)
	there, b, _ := g.cognitoSigners(t, &webauthntest.Authenticator{}) // with another alice
	check(t, "Delete", there.Admin().Users().Delete(t.Context(), "alice"))
	res, err := there.Admin().Users().Import(t.Context(), []*identity.UserRecord{rec})
	if check(t, "Import", err); res.Imported != 1 {
		t.Fatalf("imported %+v", res)
	}
	if got := mfaOf(t, there); got != "[SOFTWARE_TOKEN_MFA WEB_AUTHN_MFA]" {
		t.Errorf("MFA %s", got)
	}
	check(t, "a sign-in there", second(touch(t, b, phone, "alice")))
	again := moved(t, there, true).Secrets.Passkeys[0]
	again.Used, again.Counter = rec.Secrets.Passkeys[0].Used, rec.Secrets.Passkeys[0].Counter
	if fmt.Sprint(again) != fmt.Sprint(rec.Secrets.Passkeys[0]) {
		t.Errorf("there %+v, was %+v", again, rec.Secrets.Passkeys[0])
	}
	phone.Forge = func(f *webauthntest.Forgery) { f.Counter = 1 }
	wantErr(t, "a copy of the key", second(touch(t, b, phone, "alice")), identity.ErrIncorrectCredentials)
}

// TestImportedPasskeysAreChecked has the records of passkeys that an import refuses.
func TestImportedPasskeysAreChecked(t *testing.T) {
	f := newEngine(t)
	pool, _, _ := f.cognitoSigners(t, &webauthntest.Authenticator{})
	good := moved(t, pool, true).Secrets.Passkeys[0]
	other := func(edit func(*identity.PasskeyRecord)) []identity.PasskeyRecord {
		k := good
		k.ID = []byte("another")
		edit(&k)
		return []identity.PasskeyRecord{k}
	}
	keep := func(*identity.PasskeyRecord) {}
	var many []identity.PasskeyRecord
	for i := range 21 {
		many = append(many, other(func(k *identity.PasskeyRecord) { k.ID = fmt.Append(nil, i) })...)
	}
	on := identity.MFAPreference{Methods: []identity.MFAMethod{identity.MFASMS, identity.MFAPasskey}}
	for _, tt := range []struct {
		name string
		keys []identity.PasskeyRecord
		mfa  identity.MFAPreference
		want error
	}{
		{"as it was registered", other(keep), on, nil},
		{"of another user", []identity.PasskeyRecord{good}, on, identity.ErrPasskeyInvalid},
		{"twice", slices.Concat(other(keep), other(keep)), on, identity.ErrInvalidParameter},
		{"21", many, on, identity.ErrInvalidParameter},
		{"no id", other(func(k *identity.PasskeyRecord) { k.ID = nil }), on, identity.ErrInvalidParameter},
		{"a long id", other(func(k *identity.PasskeyRecord) { k.ID = make([]byte, 1024) }), on, identity.ErrInvalidParameter},
		{"no key", other(func(k *identity.PasskeyRecord) { k.PublicKey = nil }), on, identity.ErrInvalidParameter},
		{"another algorithm", other(func(k *identity.PasskeyRecord) { k.Algorithm = -257 }), on, identity.ErrInvalidParameter},
		{"no relying party", other(func(k *identity.PasskeyRecord) { k.Party = "" }), on, identity.ErrInvalidParameter},
		{"a long name", other(func(k *identity.PasskeyRecord) { k.Name = strings.Repeat("x", 513) }), on, identity.ErrInvalidParameter},
		{"a transport that is none", other(func(k *identity.PasskeyRecord) { k.Transports = []string{"A B"} }), on, identity.ErrInvalidParameter},
		{"none, and turned on", nil, on, identity.ErrMFANotReady},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec := &identity.UserRecord{
				Username: "bob", Attributes: map[string]string{"phone_number": phone}, MFA: tt.mfa, Status: identity.StatusConfirmed, Secrets: &identity.UserSecrets{Passkeys: tt.keys},
			}
			res, err := pool.Admin().Users().Import(t.Context(), []*identity.UserRecord{rec})
			check(t, "Import", err)
			if tt.want != nil {
				if len(res.Failed) != 1 {
					t.Fatalf("imported %+v", res)
				}
				wantErr(t, tt.name, res.Failed[0], tt.want)
				return
			}
			u, err := pool.Admin().Users().Get(t.Context(), "bob")
			if err != nil || res.Imported != 1 || u.Status != identity.StatusConfirmed { // nothing but the passkey, and that is enough
				t.Fatalf("imported %+v: %+v, %v", res, u, err)
			}
			check(t, "Delete", pool.Admin().Users().Delete(t.Context(), "bob"))
		})
	}
}

// TestTimesOfImportedPasskeys: times that cannot be stored are taken for now.
func TestTimesOfImportedPasskeys(t *testing.T) {
	f := newEngine(t)
	pool, _, _ := f.cognitoSigners(t, &webauthntest.Authenticator{})
	rec := moved(t, pool, true)
	rec.Secrets.Passkeys[0].Created = time.Time{}
	rec.Secrets.Passkeys[0].Used = time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)
	check(t, "Delete", pool.Admin().Users().Delete(t.Context(), "alice"))
	res, err := pool.Admin().Users().Import(t.Context(), []*identity.UserRecord{rec})
	if check(t, "Import", err); res.Imported != 1 {
		t.Fatalf("imported %+v", res)
	}
	keys, err := pool.Admin().Users().Passkeys(t.Context(), "alice")
	check(t, "Passkeys", err)
	if now := f.now().Truncate(time.Millisecond); len(keys) != 1 || !keys[0].Created.Equal(now) || !keys[0].Used.Equal(now) {
		t.Errorf("passkeys %+v, want both times %v", keys, now)
	}
}
