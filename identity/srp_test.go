package identity_test

import (
	"context"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/internal/srp"
	"github.com/cognate-id/cognate/internal/few"
)

const timestamp = "Sun Nov 22 09:00:00 UTC 2026"

// An exchange is a client in the middle of a sign-in by SRP.
type exchange struct {
	pool   string
	client *srp.Client
	ch     *identity.PasswordVerifier
}

func beginSRP(ctx context.Context, a *identity.AppClient, pool, name string) (*exchange, error) {
	x := &exchange{pool: pool, client: srp.NewClient()}
	ch, err := a.StartSRP(ctx, identity.StartSRP{Username: name, A: x.client.A()})
	x.ch = ch
	return x, err
}

func mustBeginSRP(t testing.TB, a *identity.AppClient, pool, name string) *exchange {
	t.Helper()
	x, err := beginSRP(t.Context(), a, pool, name)
	check(t, "StartSRP", err)
	return x
}

// proof is what a client answers that was given a password.
func (x *exchange) proof(t testing.TB, password string) identity.PasswordProof {
	t.Helper()
	return x.proofAt(t, password, timestamp)
}

func (x *exchange) proofAt(t testing.TB, password, at string) identity.PasswordProof {
	t.Helper()
	block, err := base64.StdEncoding.DecodeString(x.ch.SecretBlock)
	check(t, "secret block", err)
	_, name, _ := strings.Cut(x.pool, "_")
	signature, err := x.client.Respond(srp.Challenge{
		PoolName: name, UserID: x.ch.UserID, Salt: x.ch.Salt, B: x.ch.B, SecretBlock: block,
	}, password, at)
	check(t, "Respond", err)
	return identity.PasswordProof{
		Signature: base64.StdEncoding.EncodeToString(signature), SecretBlock: x.ch.SecretBlock, Timestamp: at, Session: x.ch.Session,
	}
}

// srpFixture is a pool with verifiers and a user in it.
func srpFixture(t *testing.T) (*fixture, *identity.UserPool) {
	t.Helper()
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{SRP: true})
	f.join(t, pool, "alice", email)
	return f, pool
}

func TestSRPSignsIn(t *testing.T) {
	f, pool := srpFixture(t)
	x := mustBeginSRP(t, pool.AppClient, pool.PoolID(), "ALICE")
	if x.ch.UserID != "alice" || x.ch.Username != "ALICE" || x.ch.State() != x.ch.SecretBlock {
		t.Errorf("challenge names %q and %q, want ALICE and alice", x.ch.Username, x.ch.UserID)
	}
	for _, name := range []string{"ALICE", "alice"} { // as it was typed, or as the client was told
		x := mustBeginSRP(t, pool.AppClient, pool.PoolID(), "ALICE")
		res, err := pool.PasswordVerifier(name).Answer(t.Context(), x.proof(t, password))
		check(t, "Answer as "+name, err)
		if _, err := f.Session(t.Context(), res.Tokens.Access); err != nil {
			t.Errorf("Session: %v", err)
		}
	}
}

func TestSRPRefusesWhatIsNotTheProof(t *testing.T) {
	f, pool := srpFixture(t)
	f.join(t, pool, "bob", "bob@example.com")
	other := f.client(t, pool, identity.ClientSettings{})
	elsewhere, err := f.OpenUserPool(t.Context(), "elsewhere", &identity.PoolSettings{Algorithm: "ES256", SRP: true})
	check(t, "OpenUserPool", err)
	f.join(t, elsewhere, "alice", email)
	begin := func(a *identity.AppClient, pool *identity.UserPool, name string) *exchange {
		return mustBeginSRP(t, a, pool.PoolID(), name)
	}
	for _, tt := range few.Of(3, []struct {
		name string
		as   string
		by   *identity.AppClient
		make func() identity.PasswordProof
	}{
		{"wrong password", "alice", pool.AppClient, func() identity.PasswordProof {
			return begin(pool.AppClient, pool, "alice").proof(t, wrong)
		}},
		{"signature of another exchange", "alice", pool.AppClient, func() identity.PasswordProof {
			p := begin(pool.AppClient, pool, "alice").proof(t, password)
			p.Signature = begin(pool.AppClient, pool, "alice").proof(t, password).Signature
			return p
		}},
		{"signature that is not base64", "alice", pool.AppClient, func() identity.PasswordProof {
			p := begin(pool.AppClient, pool, "alice").proof(t, password)
			p.Signature = "*" + p.Signature[1:]
			return p
		}},
		{"altered block", "alice", pool.AppClient, func() identity.PasswordProof {
			p := begin(pool.AppClient, pool, "alice").proof(t, password)
			p.SecretBlock = flip(p.SecretBlock, len(p.SecretBlock)/2)
			return p
		}},
		{"block that is not base64", "alice", pool.AppClient, func() identity.PasswordProof {
			p := begin(pool.AppClient, pool, "alice").proof(t, password)
			p.SecretBlock = "garbage!"
			return p
		}},
		{"long block", "alice", pool.AppClient, func() identity.PasswordProof {
			p := begin(pool.AppClient, pool, "alice").proof(t, password)
			p.SecretBlock = strings.Repeat("A", 1<<20)
			return p
		}},
		{"block of another client", "alice", pool.AppClient, func() identity.PasswordProof {
			return begin(other, pool, "alice").proof(t, password)
		}},
		{"block of another pool", "alice", pool.AppClient, func() identity.PasswordProof {
			return begin(elsewhere.AppClient, elsewhere, "alice").proof(t, password)
		}},
		{"name of another user", "bob", pool.AppClient, func() identity.PasswordProof {
			return begin(pool.AppClient, pool, "alice").proof(t, password)
		}},
		{"name of nobody", "nobody", pool.AppClient, func() identity.PasswordProof {
			return begin(pool.AppClient, pool, "alice").proof(t, password)
		}},
	}) {
		f.advance(time.Hour) // past any lock
		_, err := tt.by.PasswordVerifier(tt.as).Answer(t.Context(), tt.make())
		wantErr(t, tt.name, err, identity.ErrIncorrectCredentials)
	}
}

// flip changes one character of base64 text.
func flip(text string, at int) string {
	c := byte('A')
	if text[at] == c {
		c = 'B'
	}
	return text[:at] + string(c) + text[at+1:]
}

func TestSRPTimestampHasOneForm(t *testing.T) {
	if testing.Short() {
		t.Skip("proves passwords by SRP many times")
	}
	f, pool := srpFixture(t)
	for at, want := range few.Named(3, map[string]error{
		"Sun Nov 22 09:00:00 UTC 2026": nil,
		"Tue Feb 3 04:05:06 UTC 2026":  nil,
		"Tue Feb 03 04:05:06 UTC 2026": identity.ErrIncorrectCredentials, // leading zero
		"Tue Feb  3 04:05:06 UTC 2026": identity.ErrIncorrectCredentials,
		"Mon Nov 22 09:00:00 UTC 2026": identity.ErrIncorrectCredentials, // wrong weekday
		"Sun Nov 22 09:00:00 CET 2026": identity.ErrIncorrectCredentials,
		"Sun Nov 22 9:00:00 UTC 2026":  identity.ErrIncorrectCredentials,
		"So Nov 22 09:00:00 UTC 2026":  identity.ErrIncorrectCredentials,
		"Sun Nov 31 09:00:00 UTC 2026": identity.ErrIncorrectCredentials,
		"2026-11-22T09:00:00Z":         identity.ErrIncorrectCredentials,
	}) {
		f.advance(time.Hour)
		x := mustBeginSRP(t, pool.AppClient, pool.PoolID(), "alice")
		_, err := x.ch.Answer(t.Context(), x.proofAt(t, password, at))
		wantErr(t, at, err, want)
	}
}

func TestSRPTimestampIsSigned(t *testing.T) {
	_, pool := srpFixture(t)
	x := mustBeginSRP(t, pool.AppClient, pool.PoolID(), "alice")
	p := x.proof(t, password)
	p.Timestamp = "Sun Nov 22 09:00:01 UTC 2026"
	_, err := x.ch.Answer(t.Context(), p)
	wantErr(t, "another timestamp", err, identity.ErrIncorrectCredentials)
}

func TestSRPAnswerCountsOnce(t *testing.T) {
	_, pool := srpFixture(t)
	x := mustBeginSRP(t, pool.AppClient, pool.PoolID(), "alice")
	right := x.proof(t, password)
	_, err := x.ch.Answer(t.Context(), right)
	check(t, "Answer", err)
	_, err = x.ch.Answer(t.Context(), right)
	wantErr(t, "second right answer", err, identity.ErrSessionUsed)

	x = mustBeginSRP(t, pool.AppClient, pool.PoolID(), "alice")
	_, err = x.ch.Answer(t.Context(), x.proof(t, wrong))
	wantErr(t, "wrong answer", err, identity.ErrIncorrectCredentials)
	_, err = x.ch.Answer(t.Context(), x.proof(t, password))
	wantErr(t, "right answer after a wrong one", err, identity.ErrSessionUsed)
}

func TestSRPAnswerIsInTime(t *testing.T) {
	if testing.Short() {
		t.Skip("proves passwords by SRP many times")
	}
	f, pool := srpFixture(t)
	long := f.client(t, pool, identity.ClientSettings{SessionMinutes: ptr(15)})
	for _, tt := range []struct {
		client *identity.AppClient
		life   time.Duration
	}{{pool.AppClient, 3 * time.Minute}, {long, 15 * time.Minute}} {
		x := mustBeginSRP(t, tt.client, pool.PoolID(), "alice")
		f.advance(tt.life - time.Millisecond)
		_, err := x.ch.Answer(t.Context(), x.proof(t, password))
		wantErr(t, "just in time", err, nil)
		x = mustBeginSRP(t, tt.client, pool.PoolID(), "alice")
		f.advance(tt.life)
		_, err = x.ch.Answer(t.Context(), x.proof(t, password))
		wantErr(t, "too late", err, identity.ErrSessionExpired)
	}
}

func TestSRPRefusesAWithAKnownKey(t *testing.T) {
	_, pool := srpFixture(t)
	n := srpPrime()
	for name, a := range map[string]string{
		"0": "0", "00": "00", "N": n.Text(16), "2N": new(big.Int).Lsh(n, 1).Text(16),
		"not a number": "xyz", "negative": "-2", "too long": strings.Repeat("f", 2000), "empty": "",
	} {
		for _, user := range []string{"alice", "nobody"} {
			_, err := pool.StartSRP(t.Context(), identity.StartSRP{Username: user, A: a})
			want := identity.ErrInvalidParameter
			if a == "" {
				want = identity.ErrMissingParameter
			}
			wantErr(t, "A = "+name+" as "+user, err, want)
		}
	}
}

// srpPrime is the prime of group 15 of RFC 3526.
func srpPrime() *big.Int {
	n, _ := new(big.Int).SetString(`FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74`+
		`020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437`+
		`4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED`+
		`EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05`+
		`98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB`+
		`9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B`+
		`E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718`+
		`3995497CEA956AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33`+
		`A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7`+
		`ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864`+
		`D87602733EC86A64521F2B18177B200CBBE117577A615D6C770988C0BAD946E2`+
		`08E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF`, 16)
	return n
}

func TestSRPAnswersForNobodyAsForSomebody(t *testing.T) {
	f, pool := srpFixture(t)
	addresses, err := f.OpenUserPool(t.Context(), "addresses", &identity.PoolSettings{
		Algorithm: "ES256", SRP: true, UsernameAttributes: []string{"email"},
	})
	check(t, "OpenUserPool", err)
	for _, tt := range few.Of(2, []struct {
		pool   *identity.UserPool
		names  []string // which are one name
		userID string   // of the first; "" where it is made up
	}{
		{pool, []string{"nobody", "NOBODY", "Nobody"}, "nobody"},
		{pool, []string{"zo\u00eb", "zoe\u0308", "ZO\u00cb"}, "zo\u00eb"},
		{pool, []string{"nobody@example.com", "Nobody@Example.com"}, "nobody@example.com"},
		{addresses, []string{"nobody@example.com", "NOBODY@example.com"}, ""},
	}) {
		var salt, userID string
		for _, name := range append(tt.names, tt.names...) {
			x := mustBeginSRP(t, tt.pool.AppClient, tt.pool.PoolID(), name)
			if salt == "" {
				salt, userID = x.ch.Salt, x.ch.UserID
			}
			if x.ch.Salt != salt || x.ch.UserID != userID {
				t.Errorf("%q: salt %s and user id %q, want %s and %q as before", name, x.ch.Salt, x.ch.UserID, salt, userID)
			}
			if tt.userID != "" && x.ch.UserID != tt.userID {
				t.Errorf("%q: user id %q, want %q", name, x.ch.UserID, tt.userID)
			}
			if tt.userID == "" && len(x.ch.UserID) != 36 {
				t.Errorf("%q: user id %q, want one like a sub", name, x.ch.UserID)
			}
			if x.ch.Username != name {
				t.Errorf("username %q, want %q as it was given", x.ch.Username, name)
			}
		}
		x := mustBeginSRP(t, tt.pool.AppClient, tt.pool.PoolID(), tt.names[0])
		_, err := x.ch.Answer(t.Context(), x.proof(t, password))
		wantErr(t, "Answer as "+tt.names[0], err, identity.ErrIncorrectCredentials)
	}
}

func TestSRPSaltOfNobodyDiffersByNameAndPool(t *testing.T) {
	f, pool := srpFixture(t)
	other, err := f.OpenUserPool(t.Context(), "other", &identity.PoolSettings{Algorithm: "ES256", SRP: true})
	check(t, "OpenUserPool", err)
	seen := map[string]bool{}
	for _, p := range []*identity.UserPool{pool, other} {
		for _, name := range []string{"nobody", "someone"} {
			seen[mustBeginSRP(t, p.AppClient, p.PoolID(), name).ch.Salt] = true
		}
	}
	if len(seen) != 4 {
		t.Errorf("%d salts for 4 names, want each its own", len(seen))
	}
}

func TestSRPProofIsVoidOnceThePasswordChanges(t *testing.T) {
	f, pool := srpFixture(t)
	for _, next := range []identity.Secret{password, wrong} { // even if to the same one
		x := mustBeginSRP(t, pool.AppClient, pool.PoolID(), "alice")
		f.advance(time.Second)
		check(t, "SetPassword", pool.Admin().Users().SetPassword(t.Context(), "alice", next, true))
		_, err := x.ch.Answer(t.Context(), x.proof(t, password))
		wantErr(t, "Answer", err, identity.ErrIncorrectCredentials)
	}
}

func TestSRPBeginsWithTheNextPasswordSignIn(t *testing.T) {
	if testing.Short() {
		t.Skip("proves passwords by SRP many times")
	}
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	client := f.client(t, pool, identity.ClientSettings{})
	try := func() error {
		x := mustBeginSRP(t, client, pool.PoolID(), "alice")
		_, err := x.ch.Answer(t.Context(), x.proof(t, password))
		return err
	}
	wantErr(t, "pool without SRP", try(), identity.ErrIncorrectCredentials)
	check(t, "SignIn", byPassword(t, client, "alice", password))
	wantErr(t, "pool without SRP, after a sign-in", try(), identity.ErrIncorrectCredentials)

	check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.SRP = true }))
	wantErr(t, "before the sign-in by password", try(), identity.ErrIncorrectCredentials)
	wantErr(t, "wrong password", byPassword(t, client, "alice", wrong), identity.ErrIncorrectCredentials)
	wantErr(t, "after a wrong password", try(), identity.ErrIncorrectCredentials)
	f.advance(time.Hour)
	check(t, "SignIn", byPassword(t, client, "alice", password))
	wantErr(t, "after the sign-in by password", try(), nil)
}

func TestSRPTakesThePasswordAsItWasTyped(t *testing.T) {
	if testing.Short() {
		t.Skip("proves passwords by SRP many times")
	}
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{SRP: true})
	composed, decomposed := "correct horse caf\u00e9", "correct horse cafe\u0301"
	_, err := pool.SignUp(t.Context(), identity.SignUp{
		Username: "alice", Password: identity.Secret(decomposed), Attributes: map[string]string{"email": email},
	})
	check(t, "SignUp", err)
	f.confirm(t, pool, "alice", email)
	for _, tt := range []struct {
		way, password string
		want          error
	}{
		{"password", composed, nil},
		{"password", decomposed, nil},
		{"SRP", decomposed, nil},
		{"SRP", composed, identity.ErrIncorrectCredentials}, // the server cannot normalise what it does not see
	} {
		_, err := allWays[tt.way](t, pool.AppClient, pool.PoolID(), "alice", tt.password)
		wantErr(t, tt.way, err, tt.want)
	}
}
