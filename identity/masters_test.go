package identity_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
)

// A storedRing is what these tests read of the record of a pool's keys.
type storedRing struct {
	Version int `json:"v"`
	Masters []struct {
		ID     string    `json:"id"`
		Key    []byte    `json:"master"`
		Made   time.Time `json:"made"`
		Lapses time.Time `json:"lapses"`
	} `json:"masters"`
	Decoy, Digest []byte
}

func (f *fixture) ring(t testing.TB, pool string) *storedRing {
	t.Helper()
	k := &storedRing{}
	check(t, "View", f.store.View(t.Context(), func(r store.Reader) error {
		values, err := r.Get(store.Ref{Table: "keyrings", Key: store.Key(pool)})
		if err != nil {
			return err
		}
		return json.Unmarshal(values[0], k)
	}))
	return k
}

// wantMasters checks how many master keys a pool has.
func (f *fixture) wantMasters(t *testing.T, what string, pool *identity.UserPool, n int) {
	t.Helper()
	if got := len(f.ring(t, pool.PoolID()).Masters); got != n {
		t.Errorf("%s: %d master keys, want %d", what, got, n)
	}
}

// masterOf is the master key that a refresh token names.
func masterOf(t *testing.T, refresh identity.Secret) string {
	t.Helper()
	head, _, _ := strings.Cut(string(refresh), ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	check(t, "header", err)
	var header struct{ Kid string }
	check(t, "header", json.Unmarshal(raw, &header))
	return header.Kid
}

// beside is an app client in another engine on the same store, which has run before.
func (f *fixture) beside(t *testing.T, of *identity.UserPool, a *identity.AppClient) *identity.AppClient {
	t.Helper()
	pool, err := newEngineWith(t, f.store, func(o *identity.Options) { o.Sender, o.Clock = f.outbox, f.now }).UserPool(t.Context(), of.PoolID())
	check(t, "UserPool", err)
	client := pool.Client(a.ClientID())
	wantErr(t, "a wrong password", byPassword(t, client, "nobody", wrong), identity.ErrIncorrectCredentials, identity.ErrUserNotFound)
	return client
}

// A use is a try of something that was made with a master key.
type use struct {
	what    string
	try     func(ctx context.Context, c *identity.AppClient) error
	refused error // once the master is dropped
}

// madeBefore makes one of each kind of thing that a master key is for.
func (f *fixture) madeBefore(t *testing.T) (*identity.UserPool, *identity.AppClient, []use) {
	t.Helper()
	pool, a, _ := f.texted(t, mfaPool("OPTIONAL"))
	f.join(t, pool, "dave", "dave@example.com")
	f.signUp(t, pool, "bob", "bob@example.com")
	confirm := f.outbox.LastCode("bob@example.com")
	f.invite(t, pool, "carol", map[string]string{"email": "carol@example.com"})
	invited := challenge(t, a, "carol").State()
	texted, sms := asked[*identity.SMSCodeRequired](t, a).State(), f.outbox.LastCode(phone)
	refresh := f.signIn(t, a, "dave").Refresh
	rotating := f.rotating(t, pool, 0)
	first := f.signIn(t, rotating, "dave").Refresh
	exchange := mustBeginSRP(t, a, pool.PoolID(), "dave")
	reset := f.forgot(t, a, "dave")
	return pool, a, []use{
		{"a refresh token", func(ctx context.Context, c *identity.AppClient) error {
			return second(c.Refresh(ctx, identity.Refresh{Token: refresh}))
		}, identity.ErrInvalidRefreshToken},
		{"a refresh token that rotates", func(ctx context.Context, c *identity.AppClient) error {
			return second(f.beside(t, pool, rotating).Refresh(ctx, identity.Refresh{Token: first, Rotating: true}))
		}, identity.ErrInvalidRefreshToken},
		{"an exchange of SRP", func(ctx context.Context, c *identity.AppClient) error {
			return second(c.PasswordVerifier("dave").Answer(ctx, exchange.proof(t, password)))
		}, identity.ErrIncorrectCredentials},
		{"a challenge for a new password", func(ctx context.Context, c *identity.AppClient) error {
			return second(c.NewPassword("carol", invited).Answer(ctx, identity.NewPassword{Password: chosen}))
		}, identity.ErrSessionInvalid},
		{"a code of a second factor", func(ctx context.Context, c *identity.AppClient) error {
			return answer(ctx, c.SMSCode("alice", texted), sms)
		}, identity.ErrSessionInvalid},
		{"a code of a sign-up", func(ctx context.Context, c *identity.AppClient) error {
			return c.ConfirmSignUp(ctx, identity.ConfirmSignUp{Username: "bob", Code: identity.Secret(confirm)})
		}, identity.ErrCodeExpired},
		{"a code of a recovery", func(ctx context.Context, c *identity.AppClient) error {
			return recoverAs(ctx, c, "dave", reset, chosen)
		}, identity.ErrCodeExpired},
	}
}

// Whatever an earlier master made works after rotations, on an engine that was running, and
// the newest master makes what is new.
func TestWhatEarlierMastersMadeWorksAfterRotations(t *testing.T) {
	f := newEngine(t)
	pool, a, uses := f.madeBefore(t)
	other := f.beside(t, pool, a)
	for range 2 {
		check(t, "RotateKeys", pool.Admin().RotateKeys(t.Context(), 0))
	}
	for _, u := range uses {
		check(t, u.what, u.try(t.Context(), other))
	}
	k := f.ring(t, pool.PoolID())
	if len(k.Masters) != 3 || !k.Masters[0].Lapses.IsZero() || k.Masters[0].ID == k.Masters[1].ID {
		t.Fatalf("master keys: %+v", k.Masters)
	}
	tokens, err := other.SignIn(t.Context(), identity.SignIn{Username: "dave", Password: chosen})
	check(t, "SignIn", err)
	if got := masterOf(t, tokens.Tokens.Refresh); got != k.Masters[0].ID {
		t.Errorf("a new refresh token names the master %s, want the newest of %+v", got, k.Masters)
	}
}

// Once the masters are dropped, nothing that they made is worth anything, on any engine.
func TestRevokedMastersOpenNothing(t *testing.T) {
	f := newEngine(t)
	pool, a, uses := f.madeBefore(t)
	check(t, "RotateKeys", pool.Admin().RotateKeys(t.Context(), 0))
	other := f.beside(t, pool, a)
	check(t, "RevokeKeys", pool.Admin().RevokeKeys(t.Context()))
	f.wantMasters(t, "after a revocation", pool, 1)
	for _, u := range uses {
		wantErr(t, u.what, u.try(t.Context(), other), u.refused)
		wantErr(t, u.what, u.try(t.Context(), a), u.refused)
	}
	f.signIn(t, a, "dave")
	code := f.forgot(t, a, "dave")
	check(t, "a code of after", recoverAs(t.Context(), other, "dave", code, chosen))
}

// A safe pool sends no second code within two minutes, unless the first is worth nothing.
func TestANewCodeIsSentAtOnceAfterARevocation(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	f.forgot(t, pool.AppClient, "alice")
	f.outbox.Clear()
	if code := f.forgot(t, pool.AppClient, "alice"); code != "" {
		t.Fatal("the first code does not keep a second one back")
	}
	check(t, "RevokeKeys", pool.Admin().RevokeKeys(t.Context()))
	code := f.forgot(t, pool.AppClient, "alice")
	check(t, "the code", recoverAs(t.Context(), pool.AppClient, "alice", code, chosen))
}

// The keys of a pool are never derived from nothing, even if the first call is a revocation.
func TestRevocationOfAPoolWithoutKeys(t *testing.T) {
	f := newEngine(t)
	p, err := f.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "new", Algorithm: "ES256"})
	check(t, "CreateUserPool", err)
	pool, err := f.UserPool(t.Context(), p.ID)
	check(t, "UserPool", err)
	check(t, "RevokeKeys", pool.Admin().RevokeKeys(t.Context()))
	k := f.ring(t, p.ID)
	if len(k.Masters) != 1 || len(k.Masters[0].Key) != 32 || len(k.Decoy) != 32 || len(k.Digest) != 32 {
		t.Errorf("keyring %+v, want 32 random bytes for each key", k)
	}
}

func TestLapsedMasterIsRemovedByTheSweep(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	client := f.client(t, pool, identity.ClientSettings{RefreshTokenValidity: ptr(40)})
	f.join(t, pool, "alice", email)
	begun := f.now()
	tokens := f.signIn(t, client, "alice")
	check(t, "RotateKeys", pool.Admin().RotateKeys(t.Context(), 0))
	const life = 40*24*time.Hour + time.Hour
	if got := f.ring(t, pool.PoolID()).Masters[1].Lapses; !got.Equal(begun.Add(life)) {
		t.Errorf("the master lapses at %v, want %v", got, begun.Add(life))
	}
	f.advance(life - time.Hour - time.Second)
	f.sweep(t)
	check(t, "the last second of the token", second(client.Refresh(t.Context(), identity.Refresh{Token: tokens.Refresh})))
	f.advance(time.Hour)
	f.sweep(t)
	f.wantMasters(t, "a second before", pool, 2)
	f.advance(time.Second)
	check(t, "Delete", pool.Admin().Clients().Delete(t.Context(), pool.ClientID()))
	f.sweep(t)
	f.wantMasters(t, "at the time", pool, 1)
	f.signIn(t, client, "alice")
}

// A client whose tokens had a longer life when a sign-in began does not lose that sign-in.
func TestMasterStaysWhileASignInNeedsIt(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	client := f.client(t, pool, identity.ClientSettings{RefreshTokenValidity: ptr(300)})
	f.join(t, pool, "alice", email)
	f.join(t, pool, "bob", "bob@example.com")
	tokens := f.signIn(t, client, "alice")
	day := 24 * time.Hour
	check(t, "EditClient", f.EditClient(t.Context(), client.ClientID(), func(c *identity.ClientSettings) { c.RefreshTokenValidity = ptr(1) }))
	check(t, "RotateKeys", pool.Admin().RotateKeys(t.Context(), 0))
	f.advance(40 * day)
	f.sweep(t)
	f.wantMasters(t, "while a sign-in is left", pool, 2)
	check(t, "Refresh", second(client.Refresh(t.Context(), identity.Refresh{Token: tokens.Refresh})))
	f.advance(261 * day)
	f.signIn(t, client, "bob") // began after the rotation
	f.sweep(t)
	f.wantMasters(t, "when it has ended", pool, 1)
}

// A ring has a bound, and a rotation beyond it takes no key away that is in use.
func TestRingIsBounded(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	client := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	tokens := f.signIn(t, client, "alice")
	for range 7 {
		check(t, "RotateKeys", pool.Admin().RotateKeys(t.Context(), 0))
	}
	full := f.ring(t, pool.PoolID())
	before := kid(t, f.signIn(t, client, "alice").Access)
	check(t, "RotateKeys", pool.Admin().RotateKeys(t.Context(), 0))
	if kid(t, f.signIn(t, client, "alice").Access) == before {
		t.Error("a full ring keeps signing keys from being replaced")
	}
	k := f.ring(t, pool.PoolID())
	if len(full.Masters) != 8 || len(k.Masters) != 8 || k.Masters[0].ID != full.Masters[0].ID {
		t.Errorf("master keys %+v, want the 8 of before", k.Masters)
	}
	check(t, "Refresh", second(client.Refresh(t.Context(), identity.Refresh{Token: tokens.Refresh})))
	f.advance(31 * 24 * time.Hour)
	f.sweep(t)
	f.wantMasters(t, "when the others have lapsed", pool, 1)
}

// Maintain replaces master keys too.
func TestOldMasterIsReplacedWithTheSigningKeys(t *testing.T) {
	f, pool, client := tokenFixture(t, identity.ClientSettings{})
	f.signIn(t, client, "alice")
	const after = 30 * 24 * time.Hour
	f.advance(after)
	e := identity.New(f.store, &identity.Options{Clock: f.now, RotateKeysAfter: after})
	check(t, "RotateOldKeys", e.RotateOldKeys(t.Context()))
	f.wantMasters(t, "after the job", pool, 2)
}

// told is what somebody is told about a name.
func told(t *testing.T, a *identity.AppClient, name string) [3]string {
	t.Helper()
	x, err := a.StartSRP(t.Context(), identity.StartSRP{Username: name, A: strings.Repeat("ab", 384)})
	check(t, "StartSRP", err)
	d, err := a.ForgotPassword(t.Context(), name, "")
	check(t, "ForgotPassword", err)
	return [3]string{x.UserID, x.Salt, d.Destination}
}

// If answers about an unknown name changed with a rotation, they would tell it from a user.
func TestDecoysAnswerAlikeAfterARotation(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{SRP: true, UsernameAttributes: []string{"email"}})
	for range 5 {
		wantErr(t, "a wrong password", byPassword(t, pool.AppClient, "ghost@example.com", wrong), identity.ErrIncorrectCredentials)
	}
	before := told(t, pool.AppClient, "nobody@example.com")
	check(t, "RotateKeys", pool.Admin().RotateKeys(t.Context(), 0))
	if after := told(t, pool.AppClient, "nobody@example.com"); after != before {
		t.Errorf("after a rotation: %q, want %q", after, before)
	}
	wantErr(t, "the lock", byPassword(t, pool.AppClient, "ghost@example.com", wrong), identity.ErrTooManyAttempts)
	check(t, "RevokeKeys", pool.Admin().RevokeKeys(t.Context()))
	if after := told(t, pool.AppClient, "nobody@example.com"); after[0] == before[0] || after[1] == before[1] {
		t.Errorf("a thief of the keys still knows the answer %q about nobody", after)
	}
}

// Accounts go on knowing where they were signed in from: nobody is told of a new device.
func TestSourcesStayKnownAfterARevocation(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	ctx := identity.WithCall(t.Context(), identity.Call{Address: netip.MustParseAddr("192.0.2.1")})
	signIn := func() {
		t.Helper()
		check(t, "SignIn", second(pool.SignIn(ctx, identity.SignIn{Username: "alice", Password: password})))
	}
	signIn()
	check(t, "RotateKeys", pool.Admin().RotateKeys(t.Context(), 0))
	check(t, "RevokeKeys", pool.Admin().RevokeKeys(t.Context()))
	f.outbox.Clear()
	signIn()
	if n := len(f.notices(t)); n != 0 {
		t.Errorf("%d notices of a new device, want none", n)
	}
}

// A code lives on although nobody has signed in, so that no sign-in keeps its master.
func TestMasterStaysWhileACodeNeedsIt(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.signUp(t, pool, "alice", email)
	check(t, "RotateKeys", pool.Admin().RotateKeys(t.Context(), 0))
	f.advance(24*time.Hour - time.Second)
	f.sweep(t)
	f.confirm(t, pool, "alice", email)
}
