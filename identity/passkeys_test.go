package identity_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/mfa/webauthn/webauthntest"
	"github.com/cognate-id/cognate/store/memory"
)

const pageOrigin = "https://www.example.com"

// passkeyPool offers passkeys.
var passkeyPool = identity.PoolSettings{
	FirstFactors: []identity.FirstFactor{identity.FirstPassword, identity.FirstPasskey},
	Passkeys:     &identity.PasskeySettings{RelyingParty: new("example.com")},
}

// passkeyUser opens a pool that offers passkeys, and signs alice in.
func (f *fixture) passkeyUser(t testing.TB) (*identity.UserPool, *identity.Session) {
	t.Helper()
	pool := f.open(t, passkeyPool)
	f.join(t, pool, "alice", email)
	return pool, f.session(t, pool.AppClient, "alice")
}

// options begins a registration.
func passkeyOptions(t testing.TB, s *identity.Session) []byte {
	t.Helper()
	o, err := s.StartPasskey(t.Context())
	check(t, "StartPasskey", err)
	options, err := json.Marshal(o)
	check(t, "options", err)
	return options
}

// created begins a registration and has an authenticator answer it.
func created(t testing.TB, s *identity.Session, a *webauthntest.Authenticator) []byte {
	t.Helper()
	answer, err := a.Create(pageOrigin, passkeyOptions(t, s))
	check(t, "Create", err)
	return answer
}

// addPasskey registers a passkey.
func addPasskey(t testing.TB, s *identity.Session, a *webauthntest.Authenticator) *identity.Passkey {
	t.Helper()
	made, err := s.FinishPasskey(t.Context(), created(t, s, a))
	check(t, "FinishPasskey", err)
	return made
}

// wantPasskeys checks the number of a user's passkeys.
func wantPasskeys(t testing.TB, s *identity.Session, n int) []identity.Passkey {
	t.Helper()
	all, err := s.Passkeys(t.Context())
	if err != nil || len(all) != n {
		t.Fatalf("passkeys %+v, %v, want %d", all, err, n)
	}
	return all
}

func decoded(t testing.TB, text string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(text)
	check(t, "base64", err)
	return string(raw)
}

func TestPasskeys(t *testing.T) {
	f := newEngine(t)
	pool, s := f.passkeyUser(t)
	phone, stick := &webauthntest.Authenticator{Synced: true}, &webauthntest.Authenticator{Algorithm: -8}
	first := addPasskey(t, s, phone)
	want := identity.Passkey{
		ID: first.ID, Name: "Passkey", RelyingParty: "example.com", Attachment: "platform", Transports: []string{"internal", "hybrid"},
		Created: f.now(), Synced: true,
	}
	if fmt.Sprint(*first) != fmt.Sprint(want) {
		t.Errorf("registered %+v, want %+v", *first, want)
	}
	f.advance(time.Minute)
	second := addPasskey(t, s, stick)
	all := wantPasskeys(t, s, 2)
	if all[0].ID != first.ID || all[1].ID != second.ID || !all[1].Created.After(all[0].Created) {
		t.Errorf("passkeys %+v", all)
	}
	if byOperator, err := pool.Admin().Users().Passkeys(t.Context(), "alice"); err != nil || fmt.Sprint(byOperator) != fmt.Sprint(all) {
		t.Errorf("to the operator: %+v, %v", byOperator, err)
	}
	factors, err := s.Factors(t.Context())
	if err != nil || !slices.Contains(factors.Configured, identity.FactorPasskey) {
		t.Errorf("factors %+v, %v", factors, err)
	}
	if _, err := phone.Create(pageOrigin, passkeyOptions(t, s)); err == nil { // it is excluded
		t.Error("one authenticator made two passkeys")
	}
	check(t, "DeletePasskey", s.DeletePasskey(t.Context(), first.ID))
	if left := wantPasskeys(t, s, 1); left[0].ID != second.ID {
		t.Errorf("left %+v", left)
	}
	check(t, "DeletePasskey", pool.Admin().Users().DeletePasskey(t.Context(), "alice", second.ID))
	wantPasskeys(t, s, 0)
	for _, id := range []string{first.ID, "", "***", "AQID"} {
		wantErr(t, "delete "+id, s.DeletePasskey(t.Context(), id), identity.ErrPasskeyNotFound)
		wantErr(t, "delete "+id, pool.Admin().Users().DeletePasskey(t.Context(), "alice", id), identity.ErrPasskeyNotFound)
	}
}

// TestPasskeyOptions: the handle is the sub, and a name that is the sub is not shown to people.
func TestPasskeyOptions(t *testing.T) {
	f := newEngine(t)
	settings := passkeyPool
	settings.UsernameAttributes = []string{"email"}
	pool := f.open(t, settings)
	sub := f.join(t, pool, email, email).Sub
	s := f.session(t, pool.AppClient, email)
	o, err := s.StartPasskey(t.Context())
	check(t, "StartPasskey", err)
	text, err := json.Marshal(o)
	check(t, "JSON", err)
	var got struct {
		User      struct{ ID, Name, DisplayName string }
		Challenge string
		Params    []struct{ Alg int }               `json:"pubKeyCredParams"`
		Selection struct{ UserVerification string } `json:"authenticatorSelection"`
	}
	check(t, "JSON", json.Unmarshal(text, &got))
	if raw := decoded(t, got.User.ID); raw != sub || got.User.Name != email || got.User.DisplayName != email {
		t.Errorf("user %q, %+v", raw, got.User)
	}
	if n := len(decoded(t, got.Challenge)); n < 128 || n > 1024 {
		t.Errorf("the challenge has %d bytes", n)
	}
	if got.Selection.UserVerification != "required" || len(got.Params) != 3 || got.Params[1].Alg != -8 {
		t.Errorf("a safe pool offers %+v", got)
	}
	again, err := s.StartPasskey(t.Context())
	if check(t, "StartPasskey", err); again.Challenge == o.Challenge {
		t.Error("two challenges are the same")
	}
}

// TestPasskeyChallenges has the answer of alice's phone arrive where or when it must not.
func TestPasskeyChallenges(t *testing.T) {
	for _, tt := range few.Of(3, []struct {
		name string
		// to returns the session that finishes what s began
		to   func(t *testing.T, f *fixture, pool *identity.UserPool, s *identity.Session, answer []byte) *identity.Session
		want error
	}{
		{"of another user", func(t *testing.T, f *fixture, pool *identity.UserPool, _ *identity.Session, _ []byte) *identity.Session {
			f.join(t, pool, "bob", "bob@example.com")
			return f.session(t, pool.AppClient, "bob")
		}, identity.ErrPasskeyChallenge},
		{"of another sign-in", func(t *testing.T, f *fixture, pool *identity.UserPool, _ *identity.Session, _ []byte) *identity.Session {
			return f.session(t, pool.AppClient, "alice")
		}, identity.ErrPasskeyChallenge},
		{"of another client", func(t *testing.T, f *fixture, pool *identity.UserPool, _ *identity.Session, _ []byte) *identity.Session {
			return f.session(t, f.client(t, pool, identity.ClientSettings{}), "alice")
		}, identity.ErrPasskeyClient},
		{"too old", func(_ *testing.T, f *fixture, _ *identity.UserPool, s *identity.Session, _ []byte) *identity.Session {
			f.advance(5 * time.Minute)
			return s
		}, identity.ErrPasskeyChallenge},
		{"used before", func(t *testing.T, _ *fixture, _ *identity.UserPool, s *identity.Session, answer []byte) *identity.Session {
			made, err := s.FinishPasskey(t.Context(), answer)
			check(t, "FinishPasskey", err)
			check(t, "DeletePasskey", s.DeletePasskey(t.Context(), made.ID))
			return s
		}, identity.ErrPasskeyChallenge},
	}) {
		t.Run(tt.name, func(t *testing.T) {
			f := newEngine(t)
			pool, s := f.passkeyUser(t)
			answer := created(t, s, &webauthntest.Authenticator{})
			to := tt.to(t, f, pool, s, answer)
			_, err := to.FinishPasskey(t.Context(), answer)
			wantErr(t, tt.name, err, tt.want)
			wantPasskeys(t, to, 0)
		})
	}
}

func TestPasskeyChallengeThatNobodyGave(t *testing.T) {
	f := newEngine(t)
	_, s := f.passkeyUser(t)
	for _, challenge := range []string{"", strings.Repeat("A", 43), strings.Repeat("A", 400)} {
		forge := func(f *webauthntest.Forgery) { f.ClientData["challenge"] = challenge }
		_, err := s.FinishPasskey(t.Context(), created(t, s, &webauthntest.Authenticator{Forge: forge}))
		wantErr(t, challenge, err, identity.ErrPasskeyChallenge)
	}
	wantPasskeys(t, s, 0)
}

// TestPasskeysThatLie: each refusal has an error of its own, and changes nothing.
func TestPasskeysThatLie(t *testing.T) {
	f := newEngine(t)
	_, s := f.passkeyUser(t)
	before := f.events(t, identity.EventPasskeyAdded)
	for _, tt := range []struct {
		name string
		a    *webauthntest.Authenticator
		want error
	}{
		{"another origin", &webauthntest.Authenticator{Forge: func(f *webauthntest.Forgery) { f.ClientData["origin"] = "https://example.org" }}, identity.ErrPasskeyOrigin},
		{"another relying party", &webauthntest.Authenticator{Forge: func(f *webauthntest.Forgery) { f.RPID = "example.org" }}, identity.ErrPasskeyRelyingParty},
		{"a certificate", &webauthntest.Authenticator{Forge: func(f *webauthntest.Forgery) { f.Format = "tpm" }}, identity.ErrPasskeyUnsupported},
		{"not verified", &webauthntest.Authenticator{Unverified: true}, identity.ErrPasskeyInvalid},
		{"nobody present", &webauthntest.Authenticator{Forge: func(f *webauthntest.Forgery) { f.Flags &^= 1 }}, identity.ErrPasskeyInvalid},
	} {
		_, err := s.FinishPasskey(t.Context(), created(t, s, tt.a))
		wantErr(t, tt.name, err, tt.want)
	}
	for _, answer := range []string{"", "null", "{}", "[]", "x", `{"id":"AQID"}`} {
		_, err := s.FinishPasskey(t.Context(), []byte(answer))
		wantErr(t, answer, err, identity.ErrPasskeyInvalid)
	}
	wantPasskeys(t, s, 0)
	if n := f.events(t, identity.EventPasskeyAdded) - before; n != 0 {
		t.Errorf("%d events of passkeys that were refused", n)
	}
}

// TestPasskeyOfAnotherUser: an id belongs to one user of the pool, and may come again in another pool.
func TestPasskeyOfAnotherUser(t *testing.T) {
	f := newEngine(t)
	pool, s := f.passkeyUser(t)
	id := []byte("the id of a passkey")
	thief := &webauthntest.Authenticator{Forge: func(f *webauthntest.Forgery) { f.ID = id }}
	addPasskey(t, s, thief)
	f.join(t, pool, "bob", "bob@example.com")
	bob := f.session(t, pool.AppClient, "bob")
	for _, who := range []*identity.Session{bob, s} {
		forged := &webauthntest.Authenticator{Forge: thief.Forge}
		_, err := who.FinishPasskey(t.Context(), created(t, who, forged))
		wantErr(t, "an id that is taken", err, identity.ErrPasskeyInvalid)
	}
	wantPasskeys(t, bob, 0)
	wantPasskeys(t, s, 1)
	check(t, "Delete", pool.Admin().Users().Delete(t.Context(), "alice"))
	addPasskey(t, bob, &webauthntest.Authenticator{Forge: thief.Forge}) // the id is free again
}

// TestPasskeysAtTheSameTime: of many answers at once with one id, one is registered, and none twice.
func TestPasskeysAtTheSameTime(t *testing.T) {
	for _, b := range backEnds {
		t.Run(b.name, func(t *testing.T) {
			f := newEngineOn(t, b.open(t))
			pool, _ := f.passkeyUser(t)
			id := []byte("the id of a passkey")
			var wg sync.WaitGroup
			won := make(chan string, 40)
			for n := range 4 {
				name := fmt.Sprintf("user%d", n)
				f.join(t, pool, name, name+"@example.com")
				s := f.session(t, pool.AppClient, name)
				answer := created(t, s, &webauthntest.Authenticator{Forge: func(f *webauthntest.Forgery) { f.ID = id }})
				for range 3 {
					wg.Go(func() {
						_, err := s.FinishPasskey(t.Context(), answer)
						if err == nil {
							won <- name
							return
						}
						wantErr(t, "at the same time", err, identity.ErrPasskeyInvalid, identity.ErrPasskeyChallenge)
					})
				}
			}
			wg.Wait()
			if len(won) != 1 {
				t.Errorf("%d registrations of one id", len(won))
			}
		})
	}
}

func TestAtMostTwentyPasskeys(t *testing.T) {
	if testing.Short() {
		t.Skip("registers 21 passkeys")
	}
	f := newEngineOn(t, memory.New())
	_, s := f.passkeyUser(t)
	late := created(t, s, &webauthntest.Authenticator{})
	for range 20 {
		addPasskey(t, s, &webauthntest.Authenticator{})
	}
	_, err := s.StartPasskey(t.Context())
	wantErr(t, "StartPasskey", err, identity.ErrTooManyPasskeys)
	_, err = s.FinishPasskey(t.Context(), late)
	wantErr(t, "FinishPasskey", err, identity.ErrTooManyPasskeys)
	all := wantPasskeys(t, s, 20)
	check(t, "DeletePasskey", s.DeletePasskey(t.Context(), all[0].ID))
	addPasskey(t, s, &webauthntest.Authenticator{})
}

// TestPasskeysOfAPool: who may register, and for which relying party.
func TestPasskeysOfAPool(t *testing.T) {
	for _, tt := range few.Of(3, []struct {
		name    string
		engine  string // Options.RelyingParty
		edit    func(*identity.PoolSettings)
		origin  string
		another *webauthntest.Authenticator
		want    error // of StartPasskey or FinishPasskey
	}{
		{"not offered", "", func(s *identity.PoolSettings) { s.FirstFactors = nil }, "", nil, identity.ErrPasskeysDisabled},
		{"no relying party", "", func(s *identity.PoolSettings) { s.Passkeys = nil }, "", nil, identity.ErrPasskeyParty},
		{"empty settings", "", func(s *identity.PoolSettings) { s.Passkeys = &identity.PasskeySettings{} }, "", nil, identity.ErrPasskeyParty},
		{"that of the engine", "example.net", func(s *identity.PoolSettings) { s.Passkeys = nil }, "https://example.net", nil, nil},
		{"its own before that of the engine", "example.net", func(*identity.PoolSettings) {}, "https://example.com", nil, nil},
		{"its own alone", "example.net", func(*identity.PoolSettings) {}, "https://example.net", nil, identity.ErrPasskeyOrigin},
		{"in capitals", "", func(s *identity.PoolSettings) { s.Passkeys.RelyingParty = new("Example.COM") }, "https://example.com", nil, nil},
		{"localhost on any port", "localhost", func(s *identity.PoolSettings) { s.Passkeys = nil }, "http://localhost:5173", nil, nil},
		{"an address for localhost", "localhost", func(s *identity.PoolSettings) { s.Passkeys = nil }, "http://127.0.0.1:5173", nil, identity.ErrPasskeyOrigin},
		{"http elsewhere", "", func(*identity.PoolSettings) {}, "http://example.com", nil, identity.ErrPasskeyOrigin},
		{"a further origin", "", func(s *identity.PoolSettings) { s.PasskeyOrigins = []string{"https://app.example.org:8443"} }, "https://app.example.org:8443", nil, nil},
		{"no sub-domain of a further origin", "", func(s *identity.PoolSettings) { s.PasskeyOrigins = []string{"https://example.org"} }, "https://a.example.org", nil, identity.ErrPasskeyOrigin},
		{"verification preferred", "", func(s *identity.PoolSettings) { s.Passkeys.UserVerification = new("preferred") }, pageOrigin, &webauthntest.Authenticator{Unverified: true}, nil},
		{"verification required", "", func(s *identity.PoolSettings) { s.Passkeys.UserVerification = new("required") }, pageOrigin, &webauthntest.Authenticator{Unverified: true}, identity.ErrPasskeyInvalid},
		{"both factors", "", func(s *identity.PoolSettings) {
			s.Passkeys.UserVerification, s.Passkeys.Factor = new("preferred"), new("MULTI_FACTOR_WITH_USER_VERIFICATION")
		}, pageOrigin, &webauthntest.Authenticator{Unverified: true}, identity.ErrPasskeyInvalid},
		{"as the service has it", "", func(s *identity.PoolSettings) {
			s.Defaults, s.AutoVerified, s.PasswordPolicy = identity.CognitoDefaults, []string{"email"}, cognitoPool.PasswordPolicy
		}, pageOrigin, &webauthntest.Authenticator{Unverified: true}, nil},
		{"EdDSA in a pool as the service has it", "", func(s *identity.PoolSettings) {
			s.Defaults, s.AutoVerified, s.PasswordPolicy = identity.CognitoDefaults, []string{"email"}, cognitoPool.PasswordPolicy
		}, pageOrigin, &webauthntest.Authenticator{Algorithm: -8}, identity.ErrPasskeyUnsupported},
		{"EdDSA in a safe pool", "", func(*identity.PoolSettings) {}, pageOrigin, &webauthntest.Authenticator{Algorithm: -8}, nil},
	}) {
		t.Run(tt.name, func(t *testing.T) {
			f := newEngineWith(t, memory.New(), func(o *identity.Options) { o.RelyingParty = tt.engine })
			settings := passkeyPool
			party := *passkeyPool.Passkeys
			settings.Passkeys = &party
			tt.edit(&settings)
			pool := f.open(t, settings)
			f.join(t, pool, "alice", email)
			s := f.session(t, f.client(t, pool, identity.ClientSettings{}), "alice")
			a := tt.another
			if a == nil {
				a = &webauthntest.Authenticator{}
			}
			o, err := s.StartPasskey(t.Context())
			if err == nil {
				var options, answer []byte
				options, err = json.Marshal(o)
				check(t, "JSON", err)
				answer, err = a.Create(tt.origin, options)
				check(t, "Create", err)
				_, err = s.FinishPasskey(t.Context(), answer)
			}
			if tt.want == nil {
				check(t, tt.name, err)
				return
			}
			wantErr(t, tt.name, err, tt.want)
		})
	}
}

// TestPasskeysEndOtherSignIns: who adds or deletes a passkey may be somebody else than the owner.
func TestPasskeysEndOtherSignIns(t *testing.T) {
	for _, on := range []bool{true, false} {
		f := newEngine(t)
		settings := passkeyPool
		settings.SignOutOnFactorChange = &on
		pool := f.open(t, settings)
		f.join(t, pool, "alice", email)
		var made *identity.Passkey
		s := f.session(t, pool.AppClient, "alice")
		for _, do := range []func(){
			func() { made = addPasskey(t, s, &webauthntest.Authenticator{}) },
			func() { check(t, "DeletePasskey", s.DeletePasskey(t.Context(), made.ID)) },
		} {
			other := f.signIn(t, pool.AppClient, "alice")
			f.advance(time.Second)
			do()
			_, err := pool.Session(t.Context(), other.Access)
			if ended := err != nil; ended != on {
				t.Errorf("on %t: the other sign-in has ended: %t, %v", on, ended, err)
			}
			_, err = s.Passkeys(t.Context())
			check(t, "the sign-in that did it", err)
		}
	}
}

// TestPasskeyNames: a well-known make gives the passkey its name.
func TestPasskeyNames(t *testing.T) {
	f := newEngineOn(t, twice(memory.New()))
	_, s := f.passkeyUser(t)
	known := []byte{0xba, 0xda, 0x55, 0x66, 0xa7, 0xaa, 0x40, 0x1f, 0xbd, 0x96, 0x45, 0x61, 0x9a, 0x55, 0x12, 0x0d}
	made := addPasskey(t, s, &webauthntest.Authenticator{AAGUID: [16]byte(known)})
	if made.Name != "1Password" {
		t.Errorf("the name is %q", made.Name)
	}
}

// adasPhone has the passkey of ada in TestEveryChangeLeavesAnEvent.
var adasPhone = &webauthntest.Authenticator{}

// passkeyActs are those of TestEveryChangeLeavesAnEvent.
var passkeyActs = []act{
	{"Session.FinishPasskey", func(ctx context.Context, l *life) error {
		return second(l.session.FinishPasskey(ctx, created(l.t, l.session, adasPhone)))
	}, []string{"PasskeyAdded user:ada ada name=Passkey"}},
	{"Session.SetMFA with a passkey", func(ctx context.Context, l *life) error { return l.session.SetMFA(ctx, passkeyOn) }, []string{"MFAChanged user:ada ada"}},
	{"PasskeyRequired.Answer with a lie, then with the truth", func(ctx context.Context, l *life) error {
		for _, forge := range []func(*webauthntest.Forgery){func(f *webauthntest.Forgery) { f.Flags &^= 1 }, nil} {
			ch, options := askedPasskey(l.t, l.client, "ada")
			adasPhone.Forge = forge
			answer, err := adasPhone.Get(pageOrigin, options)
			check(l.t, "Get", err)
			_, err = ch.Answer(ctx, identity.PasskeyAnswer{Credential: answer})
			if forge == nil {
				return err
			}
			wantErr(l.t, "nobody present", err, identity.ErrIncorrectCredentials)
		}
		return nil
	}, []string{"SignInFailed client ada WrongPassword purpose=first-passkey", "SignedIn user:ada ada"}},
	{"Session.DeletePasskey", func(ctx context.Context, l *life) error {
		all, err := l.session.Passkeys(ctx)
		if err != nil {
			return err
		}
		return l.session.DeletePasskey(ctx, all[0].ID)
	}, []string{"PasskeyRemoved user:ada ada name=Passkey"}},
	{"Users.DeletePasskey", func(ctx context.Context, l *life) error {
		made, err := l.session.FinishPasskey(ctx, created(l.t, l.session, &webauthntest.Authenticator{}))
		if err != nil {
			return err
		}
		return l.users.DeletePasskey(ctx, "ada", made.ID)
	}, []string{"PasskeyAdded user:ada ada name=Passkey", "PasskeyRemoved operator:AKIA ada name=Passkey"}},
}
