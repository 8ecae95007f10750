package identity_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/mfa/webauthn/webauthntest"
	"github.com/cognate-id/cognate/store/memory"
)

const byPasskey = identity.FirstPasskey

// signers opens a pool in which alice has a passkey on the phone, and a client that may begin with any factor.
func (f *fixture) signers(t testing.TB, edit func(*identity.PoolSettings), phone *webauthntest.Authenticator, hidden bool) (*identity.UserPool, *identity.AppClient, *identity.Session) {
	t.Helper()
	settings := passkeyPool
	party := *passkeyPool.Passkeys
	settings.Passkeys = &party
	if edit != nil {
		edit(&settings)
	}
	pool := f.open(t, settings)
	f.join(t, pool, "alice", email)
	s := f.session(t, f.client(t, pool, identity.ClientSettings{}), "alice")
	addPasskey(t, s, phone)
	return pool, f.choosing(t, pool, hidden), s
}

// withPasskeys are settings with passkeys among the first factors, if on says so.
func withPasskeys(s identity.PoolSettings, on bool) identity.PoolSettings {
	if on {
		s.FirstFactors, s.Passkeys = append(s.FirstFactors, byPasskey), passkeyPool.Passkeys
	}
	return s
}

// passkeyOfNobody is an answer by a passkey that nobody has registered.
var passkeyOfNobody = func() func(testing.TB) []byte {
	var answer []byte
	var once sync.Once
	return func(t testing.TB) []byte {
		once.Do(func() {
			var phone webauthntest.Authenticator
			_, err := phone.Create(pageOrigin, []byte(`{"rp":{"id":"example.com"},"pubKeyCredParams":[{"alg":-7}]}`))
			check(t, "Create", err)
			answer, err = phone.Get(pageOrigin, []byte(`{"rpId":"example.com","challenge":"AAAAAAAAAAAAAAAAAAAAAA"}`))
			check(t, "Get", err)
		})
		return answer
	}
}()

// askedPasskey begins a sign-in of a user with a passkey.
func askedPasskey(t testing.TB, a *identity.AppClient, name string) (*identity.PasskeyRequired, []byte) {
	t.Helper()
	ch := begun[*identity.PasskeyRequired](t, a, name, byPasskey)
	options, err := json.Marshal(ch.Options)
	check(t, "options", err)
	return ch, options
}

// touch has an authenticator answer a challenge.
func touch(t testing.TB, a *identity.AppClient, phone *webauthntest.Authenticator, name string) (*identity.SignInResult, error) {
	t.Helper()
	ch, options := askedPasskey(t, a, name)
	answer, err := phone.Get(pageOrigin, options)
	check(t, "Get", err)
	return ch.Answer(t.Context(), identity.PasskeyAnswer{Credential: answer})
}

// passkeyFlow answers a challenge with a passkey.
func passkeyFlow(t *testing.T, f *fixture) (*identity.UserPool, hooked) {
	phone := &webauthntest.Authenticator{}
	pool, a, _ := f.signers(t, nil, phone, false)
	ch, options := askedPasskey(t, a, "alice")
	answer, err := phone.Get(pageOrigin, options)
	check(t, "Get", err)
	return pool, func(ctx context.Context, _ string) error {
		return second(ch.Answer(ctx, identity.PasskeyAnswer{Credential: answer}))
	}
}

func TestSignInByPasskey(t *testing.T) {
	for _, algorithm := range few.Of(3, []int{-7, -8, -257}) { // an RSA key takes a while
		for _, hidden := range []bool{false, true} {
			f := newEngineOn(t, twice(memory.New()))
			phone := &webauthntest.Authenticator{Algorithm: algorithm}
			pool, a, s := f.signers(t, nil, phone, hidden)
			res, err := a.Begin(t.Context(), identity.BeginSignIn{Username: "alice"})
			check(t, "Begin", err)
			if want := []identity.FirstFactor{byWord, byPasskey}; !slices.Equal(res.Available, want) {
				t.Errorf("available %v, want %v", res.Available, want)
			}
			res, err = choose(t, challengeOf[*identity.FirstFactorRequired](t, res), byPasskey)
			check(t, "choose", err)
			challengeOf[*identity.PasskeyRequired](t, res)
			for range 3 {
				f.advance(time.Minute)
				res, err = touch(t, a, phone, "alice")
				wantTokens(t, "the passkey", res, err)
			}
			if used := wantPasskeys(t, s, 1)[0].Used; !used.Equal(f.now()) {
				t.Errorf("used at %v, want %v", used, f.now())
			}
			if _, err := pool.Session(t.Context(), res.Tokens.Access); err != nil {
				t.Errorf("the session: %v", err)
			}
		}
	}
}

func TestPasskeyAnswerCountsOnce(t *testing.T) {
	f := newEngine(t)
	phone := &webauthntest.Authenticator{Synced: true} // without a counter, which would refuse the second answer too
	_, a, _ := f.signers(t, nil, phone, false)
	ch, options := askedPasskey(t, a, "alice")
	answer, err := phone.Get(pageOrigin, options)
	check(t, "Get", err)
	res, err := ch.Answer(t.Context(), identity.PasskeyAnswer{Credential: answer})
	wantTokens(t, "the passkey", res, err)
	_, err = ch.Answer(t.Context(), identity.PasskeyAnswer{Credential: answer})
	wantErr(t, "again", err, identity.ErrSessionUsed)
	other, _ := askedPasskey(t, a, "alice")
	_, err = other.Answer(t.Context(), identity.PasskeyAnswer{Credential: answer})
	wantErr(t, "to another challenge", err, identity.ErrIncorrectCredentials)
	f.advance(time.Hour)
	_, err = other.Answer(t.Context(), identity.PasskeyAnswer{Credential: answer})
	wantErr(t, "too late", err, identity.ErrSessionExpired)
}

// TestPasskeyAnswersAtTheSameTime: of answers to one challenge at once, one signs in.
func TestPasskeyAnswersAtTheSameTime(t *testing.T) {
	f := newEngineOn(t, memory.New())
	phone := &webauthntest.Authenticator{Synced: true}
	_, a, _ := f.signers(t, nil, phone, false)
	ch, options := askedPasskey(t, a, "alice")
	answer, err := phone.Get(pageOrigin, options)
	check(t, "Get", err)
	var wg sync.WaitGroup
	won := make(chan bool, 8)
	for range cap(won) {
		wg.Go(func() {
			_, err := ch.Answer(t.Context(), identity.PasskeyAnswer{Credential: answer})
			if err == nil {
				won <- true
				return
			}
			wantErr(t, "at the same time", err, identity.ErrSessionUsed, identity.ErrIncorrectCredentials)
		})
	}
	wg.Wait()
	if len(won) != 1 {
		t.Errorf("%d answers signed in", len(won))
	}
}

// TestPasskeySignInsThatLie: whatever is wrong, the answer says no more than that. After it the owner gets in.
func TestPasskeySignInsThatLie(t *testing.T) {
	for name, forge := range few.Named(6, map[string]func(*webauthntest.Forgery){
		"another origin":        func(f *webauthntest.Forgery) { f.ClientData["origin"] = "https://example.org" },
		"another relying party": func(f *webauthntest.Forgery) { f.RPID = "example.org" },
		"another challenge":     func(f *webauthntest.Forgery) { f.ClientData["challenge"] = strings.Repeat("A", 43) },
		"another ceremony":      func(f *webauthntest.Forgery) { f.ClientData["type"] = "webauthn.create" },
		"a page in a frame":     func(f *webauthntest.Forgery) { f.ClientData["crossOrigin"] = true },
		"nobody present":        func(f *webauthntest.Forgery) { f.Flags &^= 1 },
		"not verified":          func(f *webauthntest.Forgery) { f.Flags &^= 4 },
		"eligible for backup":   func(f *webauthntest.Forgery) { f.Flags |= 8 },
		"a handle of another":   func(f *webauthntest.Forgery) { f.UserHandle = []byte("bob") },
		"another passkey":       func(f *webauthntest.Forgery) { f.ID = []byte("another") },
		"a wrong signature":     func(f *webauthntest.Forgery) { f.Signature = func(s []byte) []byte { s[len(s)-1] ^= 1; return s } },
		"an old counter":        func(f *webauthntest.Forgery) { f.Counter = 0 },
	}) {
		t.Run(name, func(t *testing.T) {
			f := newEngine(t)
			phone := &webauthntest.Authenticator{}
			_, a, s := f.signers(t, nil, phone, false)
			check(t, "the first time", second(touch(t, a, phone, "alice")))
			before := fmt.Sprint(wantPasskeys(t, s, 1))
			failed := f.events(t, identity.EventSignInFailed)
			phone.Forge = forge
			_, err := touch(t, a, phone, "alice")
			wantErr(t, name, err, identity.ErrIncorrectCredentials)
			if after := fmt.Sprint(wantPasskeys(t, s, 1)); after != before {
				t.Errorf("the passkey is %s, was %s", after, before)
			}
			if n := f.events(t, identity.EventSignInFailed) - failed; n != 1 {
				t.Errorf("%d events", n)
			}
			phone.Forge = nil
			check(t, "the truth", second(touch(t, a, phone, "alice")))
		})
	}
}

// TestHandleMayBeMissing: an authenticator that was given a list may leave the handle out.
func TestHandleMayBeMissing(t *testing.T) {
	f := newEngine(t)
	phone := &webauthntest.Authenticator{}
	_, a, _ := f.signers(t, nil, phone, false)
	phone.Forge = func(f *webauthntest.Forgery) { f.UserHandle = nil }
	check(t, "without a handle", second(touch(t, a, phone, "alice")))
}

// TestPasskeyOfOneUserIsNotAnothers: bob's passkey does not answer alice's challenge.
func TestPasskeyOfOneUserIsNotAnothers(t *testing.T) {
	f := newEngine(t)
	pool, a, _ := f.signers(t, nil, &webauthntest.Authenticator{}, false)
	f.join(t, pool, "bob", "bob@example.com")
	bobs := &webauthntest.Authenticator{}
	addPasskey(t, f.session(t, pool.AppClient, "bob"), bobs)
	ch, options := askedPasskey(t, a, "alice")
	if _, err := bobs.Get(pageOrigin, options); err == nil {
		t.Error("bob's passkey is in alice's list")
	}
	var o map[string]any
	check(t, "JSON", json.Unmarshal(options, &o))
	o["allowCredentials"] = []any{}
	options, err := json.Marshal(o)
	check(t, "JSON", err)
	answer, err := bobs.Get(pageOrigin, options)
	check(t, "Get", err)
	_, err = ch.Answer(t.Context(), identity.PasskeyAnswer{Credential: answer})
	wantErr(t, "bob's passkey", err, identity.ErrIncorrectCredentials)
}

// TestUnusablePasskeys: a passkey that was deleted, or made for another relying party, a disabled user, and a pool that stops
// offering passkeys.
func TestUnusablePasskeys(t *testing.T) {
	for _, tt := range few.Of(3, []struct {
		name string
		do   func(t *testing.T, pool *identity.UserPool, s *identity.Session)
		want error
	}{
		{"deleted", func(t *testing.T, _ *identity.UserPool, s *identity.Session) {
			check(t, "DeletePasskey", s.DeletePasskey(t.Context(), wantPasskeys(t, s, 1)[0].ID))
		}, identity.ErrIncorrectCredentials},
		{"another relying party", func(t *testing.T, pool *identity.UserPool, _ *identity.Session) {
			check(t, "Update", second(pool.Admin().Update(t.Context(), func(s *identity.PoolSettings) error {
				s.Passkeys.RelyingParty = new("example.net")
				return nil
			})))
		}, identity.ErrIncorrectCredentials},
		{"disabled", func(t *testing.T, pool *identity.UserPool, _ *identity.Session) {
			check(t, "Disable", pool.Admin().Users().Disable(t.Context(), "alice"))
		}, identity.ErrIncorrectCredentials},
		{"a temporary password", func(t *testing.T, pool *identity.UserPool, _ *identity.Session) {
			check(t, "SetPassword", pool.Admin().Users().SetPassword(t.Context(), "alice", goodPassword, false))
		}, identity.ErrIncorrectCredentials},
		{"a second factor is demanded", func(t *testing.T, pool *identity.UserPool, _ *identity.Session) {
			check(t, "Update", second(pool.Admin().Update(t.Context(), func(s *identity.PoolSettings) error {
				s.MFA, s.TOTP = identity.MFAOn, new(true)
				return nil
			})))
		}, identity.ErrIncorrectCredentials},
		{"no longer offered", func(t *testing.T, pool *identity.UserPool, _ *identity.Session) {
			check(t, "Update", second(pool.Admin().Update(t.Context(), func(s *identity.PoolSettings) error {
				s.FirstFactors = nil
				return nil
			})))
		}, identity.ErrPasskeysDisabled},
	}) {
		t.Run(tt.name, func(t *testing.T) {
			f := newEngine(t)
			phone := &webauthntest.Authenticator{}
			pool, a, s := f.signers(t, nil, phone, false)
			ch, options := askedPasskey(t, a, "alice")
			answer, err := phone.Get(pageOrigin, options)
			check(t, "Get", err)
			tt.do(t, pool, s)
			_, err = ch.Answer(t.Context(), identity.PasskeyAnswer{Credential: answer})
			wantErr(t, tt.name, err, tt.want)
		})
	}
}

// TestPasskeysOfAnotherParty: once the pool has another relying party, no sign-in begins with the passkeys from before.
func TestPasskeysOfAnotherParty(t *testing.T) {
	f := newEngine(t)
	pool, a, s := f.cognitoSigners(t, &webauthntest.Authenticator{}) // where the choice depends on the user
	for party, want := range map[string]bool{"example.com": true, "example.net": false} {
		check(t, "Update", second(pool.Admin().Update(t.Context(), func(s *identity.PoolSettings) error {
			s.Passkeys.RelyingParty = &party
			return nil
		})))
		res, err := a.Begin(t.Context(), identity.BeginSignIn{Username: "alice"})
		check(t, "Begin", err)
		if got := slices.Contains(res.Available, byPasskey); got != want {
			t.Errorf("%s: available %v, want the passkey: %v", party, res.Available, want)
		}
		if options := passkeyOptions(t, f.session(t, f.client(t, pool, identity.ClientSettings{}), "alice")); strings.Contains(string(options), `"id":"`+wantPasskeys(t, s, 1)[0].ID) != want {
			t.Errorf("%s: options %s", party, options)
		}
	}
}

// TestPasskeysOfADisabledUser: nobody sees that the account is disabled. The passkeys that are asked for are decoys.
func TestPasskeysOfADisabledUser(t *testing.T) {
	f := newEngine(t)
	pool, a, s := f.signers(t, nil, &webauthntest.Authenticator{}, true)
	id := wantPasskeys(t, s, 1)[0].ID
	if _, options := askedPasskey(t, a, "alice"); !strings.Contains(string(options), id) {
		t.Fatalf("options %s", options)
	}
	check(t, "Disable", pool.Admin().Users().Disable(t.Context(), "alice"))
	if _, options := askedPasskey(t, a, "alice"); strings.Contains(string(options), id) {
		t.Errorf("of a disabled user: %s", options)
	}
}

// TestCounterOfPasskeysAtTheSameTime: of two copies that give the same count, the one that is committed first counts.
func TestCounterOfPasskeysAtTheSameTime(t *testing.T) {
	f := newEngine(t)
	phone := &webauthntest.Authenticator{}
	_, a, _ := f.signers(t, nil, phone, false)
	copied := phone.Clone()
	answers := func(by *webauthntest.Authenticator) func() error {
		ch, options := askedPasskey(t, a, "alice")
		credential, err := by.Get(pageOrigin, options)
		check(t, "Get", err)
		return func() error { return second(ch.Answer(t.Context(), identity.PasskeyAnswer{Credential: credential})) }
	}
	owner, thief := answers(phone), answers(copied)
	meanwhile := func() error { return owner() }
	f.SetHooks(&identity.Hooks{PostAuthentication: func(context.Context, *hook.PostAuthentication) error { // after the first judgement, before the commit
		do := meanwhile
		meanwhile = func() error { return nil }
		return do()
	}})
	wantErr(t, "the copy", thief(), identity.ErrIncorrectCredentials)
}

// TestPasskeysOfNobody: a client that may not know who has an account is asked for passkeys by everybody, and the answers do not
// differ. The decoys stay the same.
func TestPasskeysOfNobody(t *testing.T) {
	f := newEngine(t)
	pool, a, _ := f.signers(t, nil, &webauthntest.Authenticator{}, true)
	f.join(t, pool, "bob", "bob@example.com") // without a passkey
	lists := map[string]string{}
	for _, name := range []string{"nobody", "bob", "nobody", "bob", "somebody"} {
		ch, options := askedPasskey(t, a, name)
		var o struct {
			Allow []struct {
				ID, Type   string
				Transports []string
			} `json:"allowCredentials"`
			Challenge, RPID, UserVerification string
			Timeout                           int
		}
		check(t, "JSON", json.Unmarshal(options, &o))
		if len(o.Allow) != 1 || len(o.Allow[0].Transports) == 0 || len(o.Challenge) != 43 || o.RPID != "example.com" {
			t.Fatalf("%s is asked %s", name, options)
		}
		list := fmt.Sprint(o.Allow)
		if was := lists[name]; was != "" && was != list {
			t.Errorf("the decoys of %s have changed: %s, %s", name, was, list)
		}
		lists[name] = list
		id := o.Allow[0].ID
		thief := &webauthntest.Authenticator{Forge: func(f *webauthntest.Forgery) { f.ID = []byte(decoded(t, id)) }}
		_, err := thief.Create(pageOrigin, []byte(`{"rp":{"id":"example.com"},"pubKeyCredParams":[{"alg":-7}]}`))
		check(t, "Create", err)
		answer, err := thief.Get(pageOrigin, options)
		check(t, "Get", err)
		_, err = ch.Answer(t.Context(), identity.PasskeyAnswer{Credential: answer})
		wantErr(t, name, err, identity.ErrIncorrectCredentials)
	}
	if len(lists) != 3 || lists["nobody"] == lists["bob"] || lists["nobody"] == lists["somebody"] {
		t.Errorf("the lists are %v", lists)
	}
}

func TestMalformedPasskeyAnswers(t *testing.T) {
	f := newEngine(t)
	_, a, _ := f.signers(t, nil, &webauthntest.Authenticator{}, false)
	ch, _ := askedPasskey(t, a, "alice")
	for _, answer := range []string{"null", "{}", "x", `{"id":"AQID","rawId":"AQID","type":"public-key","response":{}}`} {
		_, err := ch.Answer(t.Context(), identity.PasskeyAnswer{Credential: []byte(answer)})
		wantErr(t, answer, err, identity.ErrPasskeyInvalid)
	}
	_, err := ch.Answer(t.Context(), identity.PasskeyAnswer{})
	wantErr(t, "no answer", err, identity.ErrMissingParameter)
}

// TestPasskeyTries: five answers are judged for one challenge. They do not lock the owner out.
func TestPasskeyTries(t *testing.T) {
	f := newEngine(t)
	phone := &webauthntest.Authenticator{}
	pool, a, _ := f.signers(t, nil, phone, false)
	ch, options := askedPasskey(t, a, "alice")
	phone.Forge = func(f *webauthntest.Forgery) { f.Flags &^= 1 }
	for range 5 {
		answer, err := phone.Get(pageOrigin, options)
		check(t, "Get", err)
		_, err = ch.Answer(t.Context(), identity.PasskeyAnswer{Credential: answer})
		wantErr(t, "a lie", err, identity.ErrIncorrectCredentials)
	}
	phone.Forge = nil
	answer, err := phone.Get(pageOrigin, options)
	check(t, "Get", err)
	_, err = ch.Answer(t.Context(), identity.PasskeyAnswer{Credential: answer})
	wantErr(t, "the sixth answer", err, identity.ErrIncorrectCredentials)
	check(t, "the owner's password", byPassword(t, f.client(t, pool, identity.ClientSettings{}), "alice", password))
	check(t, "another challenge", second(touch(t, a, phone, "alice")))
}

// TestPasskeysAndSecondFactors: what follows a passkey.
func TestPasskeysAndSecondFactors(t *testing.T) {
	both := new("MULTI_FACTOR_WITH_USER_VERIFICATION")
	for _, tt := range few.Of(2, []struct {
		name   string
		mode   identity.MFAMode
		factor *string
		app    bool
		want   string
	}{
		{"off", identity.MFAOff, nil, false, "tokens"},
		{"optional, and the user has none", identity.MFAOptional, nil, false, "tokens"},
		{"optional, and the user has an app", identity.MFAOptional, nil, true, "*identity.TOTPRequired"},
		{"optional, and the passkey is both", identity.MFAOptional, both, true, "tokens"},
		{"on", identity.MFAOn, nil, true, "not offered"},
		{"on, and the passkey is both", identity.MFAOn, both, true, "tokens"},
	}) {
		t.Run(tt.name, func(t *testing.T) {
			f := newEngine(t)
			phone := &webauthntest.Authenticator{}
			pool, a, s := f.signers(t, func(s *identity.PoolSettings) { s.MFA, s.TOTP = identity.MFAOptional, new(true) }, phone, false)
			if tt.app {
				f.enroll(t, s)
			}
			check(t, "Update", second(pool.Admin().Update(t.Context(), func(s *identity.PoolSettings) error {
				s.MFA, s.Passkeys.Factor = tt.mode, tt.factor
				s.TOTP = new(tt.mode != identity.MFAOff)
				return nil
			})))
			res, err := a.Begin(t.Context(), identity.BeginSignIn{Username: "alice", Preferred: byPasskey})
			check(t, "Begin", err)
			got := "not offered"
			if ch, ok := res.Challenge.(*identity.PasskeyRequired); ok {
				options, err := json.Marshal(ch.Options)
				check(t, "JSON", err)
				answer, err := phone.Get(pageOrigin, options)
				check(t, "Get", err)
				res, err = ch.Answer(t.Context(), identity.PasskeyAnswer{Credential: answer})
				check(t, "Answer", err)
				if got = "tokens"; res.Tokens == nil {
					got = fmt.Sprintf("%T", res.Challenge)
				}
			}
			if got != tt.want {
				t.Errorf("%s follows, want %s", got, tt.want)
			}
		})
	}
}

// TestPasskeyProofEndsWithThePasskey: between the passkey and the second factor, the passkey is deleted.
func TestPasskeyProofEndsWithThePasskey(t *testing.T) {
	for _, deleted := range []bool{false, true} {
		f := newEngine(t)
		phone := &webauthntest.Authenticator{}
		pool, a, s := f.signers(t, func(s *identity.PoolSettings) { s.MFA, s.TOTP = identity.MFAOptional, new(true) }, phone, false)
		secret := f.enroll(t, s)
		all, err := pool.Admin().Users().Passkeys(t.Context(), "alice")
		check(t, "Passkeys", err)
		first := all[0]
		addPasskey(t, s, &webauthntest.Authenticator{})
		res, err := touch(t, a, phone, "alice")
		check(t, "the passkey", err)
		ch := challengeOf[*identity.TOTPRequired](t, res)
		if deleted {
			check(t, "DeletePasskey", pool.Admin().Users().DeletePasskey(t.Context(), "alice", first.ID))
		}
		f.advance(time.Minute)
		_, err = ch.Answer(t.Context(), identity.FactorCode{Code: identity.Secret(secret.Code(f.now()))})
		if deleted {
			wantErr(t, "without the passkey", err, identity.ErrSessionInvalid)
			continue
		}
		check(t, "with the passkey", err)
	}
}
