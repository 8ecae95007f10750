package webauthn_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/mfa/webauthn"
	"github.com/cognate-id/cognate/mfa/webauthn/webauthntest"
)

const origin = "https://auth.example.com"

var everything = []webauthn.Algorithm{webauthn.ES256, webauthn.EdDSA, webauthn.RS256}

func party() *webauthn.Party {
	return &webauthn.Party{ID: "example.com", Origins: []string{"https://example.com", origin}, Algorithms: everything}
}

var alice = webauthn.User{ID: []byte("handle of alice"), Name: "alice@example.com", DisplayName: "Alice"}

func challenge(t testing.TB) []byte {
	t.Helper()
	c, err := webauthn.NewChallenge(nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func asJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// create has an authenticator answer a registration, and registers it.
func create(t testing.TB, p *webauthn.Party, a *webauthntest.Authenticator) (*webauthn.Credential, error) {
	t.Helper()
	c := challenge(t)
	answer, err := a.Create(origin, asJSON(t, p.Creation(alice, c, nil, time.Minute)))
	if err != nil {
		t.Fatal(err)
	}
	return register(p, answer, c)
}

func register(p *webauthn.Party, answer, challenge []byte) (*webauthn.Credential, error) {
	read, err := webauthn.ParseRegistration(answer)
	if err != nil {
		return nil, err
	}
	return p.Register(read, challenge)
}

// get has an authenticator answer a request, and verifies it.
func get(t testing.TB, p *webauthn.Party, a *webauthntest.Authenticator, c *webauthn.Credential) (webauthn.State, error) {
	t.Helper()
	asked := challenge(t)
	answer, err := a.Get(origin, asJSON(t, p.Request(asked, []webauthn.Descriptor{{ID: c.ID}}, time.Minute)))
	if err != nil {
		t.Fatal(err)
	}
	read, err := webauthn.ParseAssertion(answer)
	if err != nil {
		return webauthn.State{}, err
	}
	return p.Verify(read, asked, c)
}

func must(t testing.TB, p *webauthn.Party, a *webauthntest.Authenticator) *webauthn.Credential {
	t.Helper()
	c, err := create(t, p, a)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRegisterAndSignIn(t *testing.T) {
	for _, algorithm := range everything {
		for _, attested := range []bool{false, true} {
			a := &webauthntest.Authenticator{Algorithm: int(algorithm), Attested: attested}
			p := party()
			c := must(t, p, a)
			if c.Algorithm != algorithm || len(c.ID) != 32 || c.Attachment != "platform" || !c.Verified || c.BackupEligible ||
				!slices.Equal(c.Transports, []string{"internal", "hybrid"}) || c.Counter != 0 {
				t.Errorf("%d: the credential is %+v", algorithm, c)
			}
			for n := uint32(1); n <= 3; n++ {
				next, err := get(t, p, a, c)
				if err != nil || next.Counter != n || !next.Verified {
					t.Fatalf("%d: sign-in %d: %+v, %v", algorithm, n, next, err)
				}
				c.State = next
			}
		}
	}
}

func TestSyncedPasskeyHasNoCounter(t *testing.T) {
	a, p := &webauthntest.Authenticator{Synced: true}, party()
	c := must(t, p, a)
	if !c.BackupEligible || !c.BackedUp {
		t.Errorf("the credential is %+v", c)
	}
	for range 2 {
		next, err := get(t, p, a, c)
		if err != nil || next.Counter != 0 {
			t.Fatalf("%+v, %v", next, err)
		}
		c.State = next
	}
}

// A lie is one that an authenticator or a page tells, and the reason to refuse it.
type lie struct {
	name string
	tell func(*webauthntest.Forgery)
	want error
}

// lies are told in both ceremonies, each alone.
var lies = []lie{
	{"another type", func(f *webauthntest.Forgery) { f.ClientData["type"] = "payment.get" }, webauthn.ErrCeremony},
	{"no type", func(f *webauthntest.Forgery) { delete(f.ClientData, "type") }, webauthn.ErrCeremony},
	{"another challenge", func(f *webauthntest.Forgery) { f.ClientData["challenge"] = strings.Repeat("A", 43) }, webauthn.ErrChallenge},
	{"a challenge with padding", func(f *webauthntest.Forgery) { f.ClientData["challenge"] = f.ClientData["challenge"].(string) + "=" }, webauthn.ErrChallenge},
	{"no challenge", func(f *webauthntest.Forgery) { delete(f.ClientData, "challenge") }, webauthn.ErrChallenge},
	{"another origin", from("https://example.org"), webauthn.ErrOrigin},
	{"an origin that ends alike", from("https://evilexample.com"), webauthn.ErrOrigin},
	{"an origin that begins alike", from("https://example.com.evil.org"), webauthn.ErrOrigin},
	{"a sub-domain", from("https://www.example.com"), webauthn.ErrOrigin},
	{"another port", from("https://example.com:8443"), webauthn.ErrOrigin},
	{"http", from("http://example.com"), webauthn.ErrOrigin},
	{"an origin in capitals", from("https://EXAMPLE.com"), webauthn.ErrOrigin},
	{"an origin with a path", from("https://example.com/a"), webauthn.ErrOrigin},
	{"an origin with a user", from("https://x@example.com"), webauthn.ErrOrigin},
	{"no origin", from(""), webauthn.ErrOrigin},
	{"null", from("null"), webauthn.ErrOrigin},
	{"a page in a frame", func(f *webauthntest.Forgery) { f.ClientData["crossOrigin"] = true }, webauthn.ErrOrigin},
	{"a page in a frame of our own", func(f *webauthntest.Forgery) { f.ClientData["crossOrigin"], f.ClientData["topOrigin"] = true, origin }, webauthn.ErrOrigin},
	{"a top origin alone", func(f *webauthntest.Forgery) { f.ClientData["topOrigin"] = "https://evil.org" }, webauthn.ErrOrigin},
	{"another relying party", func(f *webauthntest.Forgery) { f.RPID = "example.org" }, webauthn.ErrParty},
	{"a domain of the relying party", func(f *webauthntest.Forgery) { f.RPID = "auth.example.com" }, webauthn.ErrParty},
	{"nobody present", func(f *webauthntest.Forgery) { f.Flags &^= 1 }, webauthn.ErrPresence},
	{"backed up and not eligible", func(f *webauthntest.Forgery) { f.Flags |= 16 }, webauthn.ErrBackup},
	{"trailing bytes", func(f *webauthntest.Forgery) { f.Trailing = []byte{0} }, webauthn.ErrMalformed},
	{"extensions that are not there", func(f *webauthntest.Forgery) { f.Flags |= 128 }, webauthn.ErrMalformed},
	{"extensions that are no map", func(f *webauthntest.Forgery) { f.Flags |= 128; f.Trailing = []byte{0x81, 0x01} }, webauthn.ErrMalformed},
	{"extensions with a key twice", func(f *webauthntest.Forgery) {
		f.Flags |= 128
		f.Trailing = []byte{0xa2, 0x61, 'a', 0x01, 0x61, 'a', 0x01}
	}, webauthn.ErrMalformed},
}

func from(o string) func(*webauthntest.Forgery) {
	return func(f *webauthntest.Forgery) { f.ClientData["origin"] = o }
}

func TestRegistrationsThatLie(t *testing.T) {
	for _, l := range slices.Concat(lies, registrationLies) {
		t.Run(l.name, func(t *testing.T) {
			got, err := create(t, party(), &webauthntest.Authenticator{Forge: l.tell})
			if !errors.Is(err, l.want) || got != nil {
				t.Errorf("%v, %v, want %v", got, err, l.want)
			}
		})
	}
}

// registrationLies are about the key, its id and the attestation.
var registrationLies = []lie{
	{"an answer to a request", func(f *webauthntest.Forgery) { f.ClientData["type"] = "webauthn.get" }, webauthn.ErrCeremony},
	{"no key", func(f *webauthntest.Forgery) { f.Flags &^= 64 }, webauthn.ErrMalformed},
	{"an id of 1024 bytes", func(f *webauthntest.Forgery) { f.ID = make([]byte, 1024) }, webauthn.ErrMalformed},
	{"no id", func(f *webauthntest.Forgery) { f.ID = nil }, webauthn.ErrMalformed},
	{"bytes after the object", func(f *webauthntest.Forgery) { f.After = []byte{0} }, webauthn.ErrMalformed},
	{"an unknown attestation", func(f *webauthntest.Forgery) { f.Format = "secret" }, webauthn.ErrUnsupported},
	{"an attestation with certificates", func(f *webauthntest.Forgery) {
		f.Format, f.Statement = "packed", []byte{0xa1, 0x63, 'x', '5', 'c', 0x80}
	}, webauthn.ErrUnsupported},
	{"the attestation of a TPM", func(f *webauthntest.Forgery) { f.Format = "tpm" }, webauthn.ErrUnsupported},
	{"no attestation and a statement", func(f *webauthntest.Forgery) { f.Statement = []byte{0xa1, 0x61, 'a', 0x01} }, webauthn.ErrMalformed},
	{"self attestation that is not signed", func(f *webauthntest.Forgery) {
		f.Format, f.Statement = "packed", []byte{0xa2, 0x63, 'a', 'l', 'g', 0x26, 0x63, 's', 'i', 'g', 0x41, 0x00}
	}, webauthn.ErrMalformed},
	{"a statement with a key twice", func(f *webauthntest.Forgery) {
		f.Statement = []byte{0xa2, 0x61, 'a', 0x01, 0x61, 'a', 0x01}
	}, webauthn.ErrMalformed},
	{"a deep statement", func(f *webauthntest.Forgery) {
		f.Statement = append([]byte{0xa1, 0x61, 'a'}, append(bytes.Repeat([]byte{0x81}, 4000), 0)...)
	}, webauthn.ErrMalformed},
	{"a statement that says it is long", func(f *webauthntest.Forgery) {
		f.Statement = []byte{0xa1, 0x61, 'a', 0x9b, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff}
	}, webauthn.ErrMalformed},
	{"a statement without an end", func(f *webauthntest.Forgery) { f.Statement = []byte{0xbf, 0xff} }, webauthn.ErrMalformed},
	{"a key with a name twice", func(f *webauthntest.Forgery) {
		f.PublicKey = append([]byte{0xa6, 0x01, 0x02}, f.PublicKey[1:]...)
	}, webauthn.ErrMalformed},
	{"a point off the curve", func(f *webauthntest.Forgery) { f.PublicKey[len(f.PublicKey)-1] ^= 1 }, webauthn.ErrUnsupported},
	{"a key with another algorithm", func(f *webauthntest.Forgery) { f.PublicKey[4] = 0x27 }, webauthn.ErrUnsupported},
	{"an RSA key of 1024 bits", rsa(128, 1), webauthn.ErrUnsupported},
	{"an RSA key of 8192 bits", rsa(1024, 1), webauthn.ErrUnsupported},
	{"an RSA key with an even modulus", rsa(256, 2), webauthn.ErrUnsupported},
	{"an RSA key with the exponent 1", func(f *webauthntest.Forgery) { f.PublicKey = webauthntest.RSAKey(modulus(256, 1), []byte{1}) }, webauthn.ErrUnsupported},
	{"an RSA key with a long exponent", func(f *webauthntest.Forgery) {
		f.PublicKey = webauthntest.RSAKey(modulus(256, 1), []byte{1, 0, 0, 0, 1})
	}, webauthn.ErrUnsupported},
}

func rsa(size int, last byte) func(*webauthntest.Forgery) {
	return func(f *webauthntest.Forgery) { f.PublicKey = webauthntest.RSAKey(modulus(size, last), []byte{1, 0, 1}) }
}

func modulus(size int, last byte) []byte {
	n := bytes.Repeat([]byte{0xff}, size)
	n[size-1] = last
	return n
}

func TestRegisterTakesTheLongestID(t *testing.T) {
	a, p := &webauthntest.Authenticator{IDSize: webauthn.MaxCredentialID}, party()
	c := must(t, p, a)
	if _, err := get(t, p, a, c); err != nil {
		t.Error(err)
	}
}

// TestRegisterOnlyWhatIsOffered: an algorithm that the party does not offer is refused, even if a browser sends it.
func TestRegisterOnlyWhatIsOffered(t *testing.T) {
	p := party()
	p.Algorithms = nil
	if got := p.Creation(alice, challenge(t), nil, time.Minute).PubKeyCredParams; len(got) != 2 || got[0].Alg != -7 || got[1].Alg != -257 {
		t.Errorf("offered by default: %v", got)
	}
	if _, err := create(t, p, &webauthntest.Authenticator{Algorithm: -8}); !errors.Is(err, webauthn.ErrUnsupported) {
		t.Errorf("EdDSA: %v", err)
	}
}

func TestSignInsThatLie(t *testing.T) {
	for _, l := range slices.Concat(lies, signInLies) {
		t.Run(l.name, func(t *testing.T) {
			a, p := &webauthntest.Authenticator{}, party()
			c := must(t, p, a)
			a.Forge = l.tell
			if got, err := get(t, p, a, c); !errors.Is(err, l.want) || got != (webauthn.State{}) {
				t.Errorf("%v, %v, want %v", got, err, l.want)
			}
			a.Forge = nil
			if _, err := get(t, p, a, c); err != nil {
				t.Errorf("the truth: %v", err)
			}
		})
	}
}

var signInLies = []lie{
	{"an answer to a registration", func(f *webauthntest.Forgery) { f.ClientData["type"] = "webauthn.create" }, webauthn.ErrCeremony},
	{"another credential", func(f *webauthntest.Forgery) { f.ID = []byte("another") }, webauthn.ErrSignature},
	{"a changed signature", func(f *webauthntest.Forgery) {
		f.Signature = func(s []byte) []byte { s[len(s)-1] ^= 1; return s }
	}, webauthn.ErrSignature},
	{"no signature", func(f *webauthntest.Forgery) { f.Signature = func([]byte) []byte { return nil } }, webauthn.ErrSignature},
	{"bytes after the signature", func(f *webauthntest.Forgery) {
		f.Signature = func(s []byte) []byte { return append(s, 0) }
	}, webauthn.ErrSignature},
	{"eligible for backup all at once", func(f *webauthntest.Forgery) { f.Flags |= 8 }, webauthn.ErrBackup},
	{"an id of 1024 bytes", func(f *webauthntest.Forgery) { f.ID = make([]byte, 1024) }, webauthn.ErrMalformed},
}

func TestEligibilityForBackupStays(t *testing.T) {
	a, p := &webauthntest.Authenticator{Synced: true}, party()
	c := must(t, p, a)
	a.Forge = func(f *webauthntest.Forgery) { f.Flags &^= 8 | 16 }
	if _, err := get(t, p, a, c); !errors.Is(err, webauthn.ErrBackup) {
		t.Errorf("no longer eligible: %v", err)
	}
	a.Forge = func(f *webauthntest.Forgery) { f.Flags &^= 16 }
	if next, err := get(t, p, a, c); err != nil || next.BackedUp {
		t.Errorf("no longer backed up: %v, %v", next, err)
	}
}

func TestVerificationAsRequired(t *testing.T) {
	p, strict := party(), party()
	strict.Verification = webauthn.Required
	a := &webauthntest.Authenticator{Unverified: true}
	c := must(t, p, a)
	if c.Verified {
		t.Error("it verified the user")
	}
	if _, err := get(t, p, a, c); err != nil {
		t.Errorf("preferred: %v", err)
	}
	if _, err := create(t, strict, a.Clone()); !errors.Is(err, webauthn.ErrVerification) {
		t.Errorf("required at the registration: %v", err)
	}
	if _, err := get(t, strict, a, c); !errors.Is(err, webauthn.ErrVerification) {
		t.Errorf("required at the sign-in: %v", err)
	}
	strict.Verification = "never"
	if _, err := get(t, strict, a, c); !errors.Is(err, webauthn.ErrVerification) {
		t.Errorf("a kind that there is not: %v", err)
	}
}

func TestCopyOfAKeyIsRefused(t *testing.T) {
	a, p := &webauthntest.Authenticator{}, party()
	c := must(t, p, a)
	thief := a.Clone()
	for range 2 {
		next, err := get(t, p, a, c)
		if err != nil {
			t.Fatal(err)
		}
		c.State = next
	}
	for n := 1; n <= 2; n++ { // one less than the owner's count, and the same
		if _, err := get(t, p, thief, c); !errors.Is(err, webauthn.ErrCounter) {
			t.Errorf("the copy's signature %d: %v", n, err)
		}
	}
	a.Forge = func(f *webauthntest.Forgery) { f.Counter = 0 }
	if _, err := get(t, p, a, c); !errors.Is(err, webauthn.ErrCounter) {
		t.Errorf("a count that begins anew: %v", err)
	}
}

func TestSignatureOfAnotherKey(t *testing.T) {
	a, p := &webauthntest.Authenticator{}, party()
	c, other := must(t, p, a), must(t, p, &webauthntest.Authenticator{})
	c.PublicKey = other.PublicKey
	if _, err := get(t, p, a, c); !errors.Is(err, webauthn.ErrSignature) {
		t.Error(err)
	}
}

func TestShortChallengeIsRefused(t *testing.T) {
	a, p, short := &webauthntest.Authenticator{}, party(), make([]byte, webauthn.MinChallenge-1)
	answer, err := a.Create(origin, asJSON(t, p.Creation(alice, short, nil, time.Minute)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := register(p, answer, short); !errors.Is(err, webauthn.ErrMalformed) {
		t.Errorf("registration: %v", err)
	}
	c := must(t, p, a)
	if answer, err = a.Get(origin, asJSON(t, p.Request(short, nil, time.Minute))); err != nil {
		t.Fatal(err)
	}
	read, err := webauthn.ParseAssertion(answer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Verify(read, short, c); !errors.Is(err, webauthn.ErrMalformed) {
		t.Errorf("sign-in: %v", err)
	}
}

func TestLongAnswerIsRefused(t *testing.T) {
	long := append([]byte(`{"id":"`), append(bytes.Repeat([]byte("A"), webauthn.MaxAnswer), `"}`...)...)
	if _, err := register(party(), long, challenge(t)); !errors.Is(err, webauthn.ErrMalformed) || !strings.Contains(err.Error(), "more than") {
		t.Errorf("registration: %v", err)
	}
	if _, err := webauthn.ParseAssertion(long); !errors.Is(err, webauthn.ErrMalformed) || !strings.Contains(err.Error(), "more than") {
		t.Errorf("sign-in: %v", err)
	}
}

func TestOrigins(t *testing.T) {
	p := party()
	p.Origins = []string{"https://*.example.com", "http://localhost:*", "android:apk-key-hash:abc"}
	for o, want := range map[string]bool{
		"https://a.example.com": true, "https://a.b.example.com": true, "https://example.com": false, "https://.example.com": false,
		"http://a.example.com": false, "https://a.example.com:8443": false, "https://evil.org/.example.com": false,
		"https://evil.org?.example.com": false, "https://A.example.com": false, "https://a..example.com": false,
		"https://evil.org#.example.com": false, "https://a.example.com.": false, "https://xexample.com": false,
		"http://localhost": true, "http://localhost:3000": true, "https://localhost:3000": false, "http://localhost:": false,
		"http://localhost:3000/a": false, "http://localhost:x": false, "http://localhost.evil.org": false, "http://localhost:123456": false,
		"http://127.0.0.1:3000": false, "android:apk-key-hash:abc": true, "android:apk-key-hash:abcd": false, "": false,
	} {
		_, err := create(t, p, &webauthntest.Authenticator{Forge: from(o)})
		if got := err == nil; got != want || err != nil && !errors.Is(err, webauthn.ErrOrigin) {
			t.Errorf("%q: %v, want %t", o, err, want)
		}
	}
}

// TestOptions compares the options with what the service's clients read: parseCreationOptionsFromJSON of browsers, and Amplify.
func TestOptions(t *testing.T) {
	p := party()
	p.Algorithms, p.Verification = nil, webauthn.Required
	c := bytes.Repeat([]byte{1}, 16)
	taken := []webauthn.Descriptor{{ID: []byte{1, 2, 3}, Transports: []string{"usb"}}}
	const creation = `{"authenticatorSelection":{"requireResidentKey":true,"residentKey":"required","userVerification":"required"},` +
		`"challenge":"AQEBAQEBAQEBAQEBAQEBAQ","excludeCredentials":[{"id":"AQID","transports":["usb"],"type":"public-key"}],` +
		`"pubKeyCredParams":[{"alg":-7,"type":"public-key"},{"alg":-257,"type":"public-key"}],` +
		`"rp":{"id":"example.com","name":"example.com"},"timeout":60000,` +
		`"user":{"displayName":"Alice","id":"aGFuZGxlIG9mIGFsaWNl","name":"alice@example.com"}}`
	if got := string(asJSON(t, p.Creation(alice, c, taken, time.Minute))); got != creation {
		t.Errorf("creation:\n%s, want\n%s", got, creation)
	}
	const request = `{"allowCredentials":[{"id":"AQID","transports":["usb"],"type":"public-key"}],"challenge":"AQEBAQEBAQEBAQEBAQEBAQ",` +
		`"rpId":"example.com","timeout":60000,"userVerification":"required"}`
	if got := string(asJSON(t, p.Request(c, taken, time.Minute))); got != request {
		t.Errorf("request:\n%s, want\n%s", got, request)
	}
	if got := string(asJSON(t, p.Request(c, nil, time.Minute))); !strings.Contains(got, `"allowCredentials":[]`) {
		t.Errorf("request of any passkey: %s", got)
	}
}

func TestChallengeOfARegistration(t *testing.T) {
	a, p, c := &webauthntest.Authenticator{}, party(), challenge(t)
	for _, tt := range []struct {
		says any
		want []byte
	}{{nil, c}, {"AQID", []byte{1, 2, 3}}, {"***", nil}} {
		a.Forge = func(f *webauthntest.Forgery) {
			if tt.says != nil {
				f.ClientData["challenge"] = tt.says
			}
		}
		answer, err := a.Create(origin, asJSON(t, p.Creation(alice, c, nil, time.Minute)))
		if err != nil {
			t.Fatal(err)
		}
		read, err := webauthn.ParseRegistration(answer)
		if err != nil || !bytes.Equal(read.Challenge(), tt.want) {
			t.Errorf("%v: %q, %v", tt.says, read.Challenge(), err)
		}
	}
}

func TestUserHandle(t *testing.T) {
	a, p := &webauthntest.Authenticator{}, party()
	must(t, p, a)
	answer, err := a.Get(origin, asJSON(t, p.Request(challenge(t), nil, time.Minute)))
	if err != nil {
		t.Fatal(err)
	}
	read, err := webauthn.ParseAssertion(answer)
	if err != nil || !bytes.Equal(read.UserHandle(), alice.ID) {
		t.Errorf("%q, %v", read.UserHandle(), err)
	}
}

func TestTransports(t *testing.T) {
	var answer map[string]any
	a, p, c := &webauthntest.Authenticator{}, party(), challenge(t)
	made, err := a.Create(origin, asJSON(t, p.Creation(alice, c, nil, time.Minute)))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(made, &answer); err != nil {
		t.Fatal(err)
	}
	answer["response"].(map[string]any)["transports"] = []string{
		"usb", "usb", "", "<b>", strings.Repeat("a", 33), "new-kind", "a", "b", "c", "d", "e", "f", "g", "h",
	}
	got, err := register(p, asJSON(t, answer), c)
	if want := []string{"usb", "new-kind", "a", "b", "c", "d", "e", "f"}; err != nil || !slices.Equal(got.Transports, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}
