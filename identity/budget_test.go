package identity_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/store/memory"
)

const victim = "victim@example.com"

// newLimited returns an engine with the limits of production, which other tests do not have.
func newLimited(t testing.TB) *fixture {
	t.Helper()
	return newEngineWith(t, memory.New(), func(o *identity.Options) { o.Limits = identity.Limits{} })
}

// from is the context of a call from an address.
func from(t testing.TB, address string) context.Context {
	t.Helper()
	return identity.WithCall(t.Context(), identity.Call{Address: netip.MustParseAddr(address)})
}

// host is the i-th of many addresses.
func host(i int) string { return fmt.Sprintf("198.%d.%d.%d", 18+i>>16, i>>8&255, i&255) }

func signInFrom(t testing.TB, a *identity.AppClient, address, name, password string) error {
	t.Helper()
	_, err := a.SignIn(from(t, address), identity.SignIn{Username: name, Password: identity.Secret(password)})
	return err
}

// manySignUps registers n accounts with one address, as long as the engine lets it.
func manySignUps(t *testing.T, pool *identity.UserPool, prefix string, n int) (names []string) {
	t.Helper()
	for i := range n {
		name := fmt.Sprintf("%s%03d", prefix, i)
		_, err := pool.SignUp(t.Context(), identity.SignUp{Username: name, Password: password, Attributes: attrs{"email": victim}})
		wantErr(t, name, err, nil, identity.ErrLimitExceeded)
		if err == nil {
			names = append(names, name)
		}
	}
	return names
}

func TestManyAccountsWithOneAddressDoNotMultiplyTheGuesses(t *testing.T) {
	if testing.Short() {
		t.Skip("signs 960 users up and guesses 19200 codes")
	}
	f := newLimited(t)
	pool := tellingPool(t, f) // it tells a wrong code from one that is dead
	judged := 0
	for hour := range 24 {
		for _, name := range manySignUps(t, pool, fmt.Sprintf("mallory%02d", hour), 40) {
			code := otherCode(f.outbox.LastCode(name))
			for range 20 {
				if errors.Is(confirmAs(t, pool, name, code), identity.ErrCodeMismatch) {
					judged++
				}
			}
		}
		f.advance(time.Hour)
	}
	t.Logf("%d guesses of codes that went to one address in a day", judged)
	if judged > 100 {
		t.Errorf("%d guesses of codes that went to one address in a day, want at most 100", judged)
	}
}

func TestACodeDoesNotOutliveFiveWrongTries(t *testing.T) {
	for _, tries := range []int{4, 5} {
		f := newLimited(t)
		pool := f.open(t, identity.PoolSettings{})
		f.signUp(t, pool, "alice", email)
		right := f.outbox.LastCode(email)
		for range tries {
			wantErr(t, "wrong", confirmAs(t, pool, "alice", otherCode(right)), identity.ErrCodeMismatch)
		}
		want := map[int]error{4: nil, 5: identity.ErrCodeMismatch}[tries]
		wantErr(t, fmt.Sprintf("confirmation after %d wrong ones", tries), confirmAs(t, pool, "alice", right), want)

		f.join(t, pool, "bob", "bob@example.com")
		right = f.forgot(t, pool.AppClient, "bob")
		for range tries {
			wantErr(t, "wrong", recoverAs(t.Context(), pool.AppClient, "bob", otherCode(right), chosen), identity.ErrCodeMismatch)
		}
		wantErr(t, fmt.Sprintf("reset after %d wrong ones", tries), recoverAs(t.Context(), pool.AppClient, "bob", right, chosen), want)

		s := f.member(t, pool, pool.AppClient, "carol", attrs{"email": "carol@example.com"})
		_, err := s.SendVerification(t.Context(), "email")
		check(t, "SendVerification", err)
		right = f.lastOf(identity.MessageAddressCode)
		for range tries {
			wantErr(t, "wrong", s.VerifyAttribute(t.Context(), "email", identity.Secret(otherCode(right))), identity.ErrCodeMismatch)
		}
		wantErr(t, fmt.Sprintf("verification after %d wrong ones", tries), s.VerifyAttribute(t.Context(), "email", identity.Secret(right)), want)
	}
}

func TestWrongCodesAreGuessesOfTheAccount(t *testing.T) {
	if testing.Short() {
		t.Skip("guesses two hundred codes")
	}
	f := newLimited(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	for _, name := range lockable {
		for range 7 {
			for range 15 {
				_ = recoverAs(t.Context(), pool.AppClient, name, "none", chosen)
			}
			f.advance(66 * time.Minute)
		}
		wantErr(t, name+" after 105 wrong codes", byPassword(t, pool.AppClient, name, wrong), identity.ErrTooManyAttempts)
	}
}

func TestSignUpsDoNotFloodAnAddress(t *testing.T) {
	if testing.Short() {
		t.Skip("signs 60 users up")
	}
	f := newLimited(t)
	pool := f.open(t, identity.PoolSettings{})
	manySignUps(t, pool, "mallory", 60)
	if n := len(f.outbox.Messages(nil)); n > 10 {
		t.Errorf("60 sign-ups sent %d mails to one address, want at most 10", n)
	}
}

func TestSignInsDoNotFloodAPhone(t *testing.T) {
	if testing.Short() {
		t.Skip("signs in a hundred times")
	}
	f := newLimited(t)
	pool := f.open(t, identity.PoolSettings{MFA: identity.MFAOn, SMSMFA: true})
	enroll(t, pool, "alice", attrs{"phone_number": phone, "phone_number_verified": "true"})
	check(t, "SetPassword", pool.Admin().Users().SetPassword(t.Context(), "alice", password, true))
	for range 100 {
		_ = byPassword(t, pool.AppClient, "alice", password)
	}
	if n := len(f.outbox.Messages(nil)); n > 10 {
		t.Errorf("100 sign-ins sent %d text messages, want at most 10", n)
	}
}

func TestSignUpsDoNotPumpMessagesToARangeOfNumbers(t *testing.T) {
	if testing.Short() {
		t.Skip("signs 300 users up")
	}
	f := newLimited(t)
	pool := f.open(t, identity.PoolSettings{AutoVerified: []string{"phone_number"}})
	for i := range 300 {
		_, err := pool.SignUp(t.Context(), identity.SignUp{
			Username: fmt.Sprintf("pump%03d", i), Password: password, Attributes: attrs{"phone_number": fmt.Sprintf("+24206%06d", i)},
		})
		wantErr(t, "SignUp", err, nil, identity.ErrLimitExceeded)
	}
	if n := len(f.outbox.Messages(nil)); n > 100 {
		t.Errorf("300 sign-ups sent %d text messages to one range of numbers, want at most 100", n)
	}
}

// TestStrangersDoNotKeepTheOwnerOut has a stranger give one wrong password a minute for a
// day, while the owner signs in every five minutes.
func TestStrangersDoNotKeepTheOwnerOut(t *testing.T) {
	if testing.Short() {
		t.Skip("guesses a password each minute of a day")
	}
	f := newLimited(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	check(t, "the owner's first sign-in", signInFrom(t, pool.AppClient, "192.0.2.1", "alice", password))
	hours := 24
	in, judged := 0, 0
	for minute := range hours * 60 {
		if errors.Is(signInFrom(t, pool.AppClient, "203.0.113.7", "alice", wrong), identity.ErrIncorrectCredentials) {
			judged++
		}
		if minute%5 == 0 && signInFrom(t, pool.AppClient, "192.0.2.1", "alice", password) == nil {
			in++
		}
		f.advance(time.Minute)
	}
	t.Logf("the owner signed in %d of %d times; %d guesses were judged", in, hours*12, judged)
	if in != hours*12 || judged > 100 {
		t.Errorf("the owner signed in %d of %d times and %d guesses were judged, want all and at most 100", in, hours*12, judged)
	}
}

func TestAThousandSourcesGetNoMoreThanAHundredGuesses(t *testing.T) {
	if testing.Short() {
		t.Skip("guesses from a thousand addresses")
	}
	f := newLimited(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	check(t, "the owner's first sign-in", signInFrom(t, pool.AppClient, "2001:db8::1", "alice", password))
	judged, begin := 0, f.now()
	for i := range 1000 {
		if errors.Is(signInFrom(t, pool.AppClient, host(i), "alice", wrong), identity.ErrIncorrectCredentials) {
			judged++
		}
		if i%10 == 0 {
			check(t, "the owner, from the same network", signInFrom(t, pool.AppClient, "2001:db8::abcd:1", "alice", password))
		}
		f.advance(80 * time.Second)
	}
	for range 200 { // the source that is known guesses too
		if errors.Is(signInFrom(t, pool.AppClient, "2001:db8::1", "alice", wrong), identity.ErrIncorrectCredentials) {
			judged++
		}
		f.advance(time.Second)
	}
	t.Logf("%d guesses were judged in %v", judged, f.now().Sub(begin))
	if judged > 100 || judged < 90 {
		t.Errorf("%d guesses were judged in a day, want at most 100, and not far fewer", judged)
	}
}

func TestStrangersDoNotUseUpTheOwnersCode(t *testing.T) {
	if testing.Short() {
		t.Skip("asks for two hundred codes")
	}
	for name, settings := range map[string]identity.PoolSettings{"safe": {}, "wire": cognitoPool} {
		f := newLimited(t)
		pool := f.open(t, settings)
		client := f.client(t, pool, identity.ClientSettings{PreventUserExistenceErrors: ptr("ENABLED")})
		f.join(t, pool, "alice", email)
		code := f.forgot(t, client, "alice")
		for range 100 { // strangers ask again
			_, _ = client.ForgotPassword(t.Context(), "alice", "")
		}
		for range 4 {
			wantErr(t, "wrong", recoverAs(t.Context(), client, "alice", otherCode(code), chosen), identity.ErrCodeMismatch)
		}
		wantErr(t, name+": the right code", recoverAs(t.Context(), client, "alice", code, chosen), nil)
	}
}

func TestAskingAgainSendsNothingForTwoMinutes(t *testing.T) {
	f := newLimited(t)
	pool := f.open(t, identity.PoolSettings{})
	f.signUp(t, pool, "alice", email)
	code := f.outbox.LastCode(email)
	f.outbox.Clear()
	for _, name := range lockable {
		d, err := pool.ResendConfirmationCode(t.Context(), name, "")
		if err != nil || d == nil {
			t.Errorf("%s: %+v, %v, want an answer as ever", name, d, err)
		}
	}
	if n := len(f.outbox.Messages(nil)); n != 0 {
		t.Errorf("%d messages within two minutes, want none", n)
	}
	f.advance(2 * time.Minute)
	check(t, "ask", second(pool.ResendConfirmationCode(t.Context(), "alice", "")))
	if n := len(f.outbox.Messages(nil)); n != 1 {
		t.Errorf("%d messages after two minutes, want 1", n)
	}
	check(t, "the first code is good still", confirmAs(t, pool, "alice", code))
}

// hostileRequests is how many hostile requests TestStrangersDoNotGrowTheStore makes.
func hostileRequests() int {
	if n, err := strconv.Atoi(os.Getenv("COGNATE_HOSTILE_REQUESTS")); err == nil {
		return n
	}
	return 10_000
}

// TestStrangersDoNotGrowTheStore makes requests, each for another name that nobody has, and
// looks at what they leave.
func TestStrangersDoNotGrowTheStore(t *testing.T) {
	if testing.Short() {
		t.Skip("sends 10000 requests, which takes ten seconds")
	}
	path := filepath.Join(t.TempDir(), "store")
	s, err := bolt.Open(path, &bolt.Options{InsecureNoSync: true})
	check(t, "Open", err)
	defer s.Close()
	f := newEngineOn(t, s)
	pool := f.open(t, everyFactor(identity.PoolSettings{}))
	choosing := f.choosing(t, pool, true)
	before := f.rows(t)
	n := hostileRequests()
	for i := range n {
		name := fmt.Sprintf("nobody%06d", i)
		switch i % 6 {
		case 0:
			_ = byPassword(t, pool.AppClient, name, wrong)
		case 1:
			_ = confirmAs(t, pool, name, "000000")
		case 2:
			_, _ = pool.ForgotPassword(t.Context(), name, "")
		case 3:
			_, _ = pool.ResendConfirmationCode(t.Context(), name, "")
		case 4:
			_ = recoverAs(t.Context(), pool.AppClient, name, "000000", chosen)
		case 5:
			_ = missAll(t, choosing, name)
		}
	}
	rows, bytes := 0, 0
	for table, c := range f.rows(t) {
		if grown := c.rows - before[table].rows; grown > 8*1024 { // one row of 1,024 for each of eight kinds, at most
			t.Errorf("%d requests left %d rows in %s", n, grown, table)
		}
		rows, bytes = rows+c.rows-before[table].rows, bytes+c.bytes-before[table].bytes
	}
	info, err := os.Stat(path)
	check(t, "Stat", err)
	t.Logf("%d requests left %d rows of %d bytes; the file has %d", n, rows, bytes, info.Size())
	if each := bytes / rows; each > 400 { // a row has the counts of four names, from the first on
		t.Errorf("%d requests left %d bytes in a row", n, each)
	}
	if bytes > 12<<20 || info.Size() > 64<<20 {
		t.Errorf("%d requests left %d bytes, and a file of %d", n, bytes, info.Size())
	}
}

// What is counted for nobody is the same after a restart and on a second server.
func TestCountsOfNobodyOutliveTheProcess(t *testing.T) {
	s := memory.New()
	f := newEngineOn(t, s)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	for _, name := range lockable {
		for range 5 {
			wantErr(t, name, byPassword(t, pool.AppClient, name, wrong), identity.ErrIncorrectCredentials)
		}
		again, err := newEngineOn(t, s).UserPool(t.Context(), pool.PoolID())
		check(t, "UserPool", err)
		wantErr(t, name+" on a second server", byPassword(t, again.AppClient, name, wrong), identity.ErrTooManyAttempts)
	}
}

func TestOneSourceDoesNotTryManyAccounts(t *testing.T) {
	if testing.Short() {
		t.Skip("guesses three hundred passwords")
	}
	f := newLimited(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	const nat = "203.0.113.7"
	check(t, "alice", signInFrom(t, pool.AppClient, nat, "alice", password))
	judged := 0
	for i := range 300 {
		if errors.Is(signInFrom(t, pool.AppClient, nat, fmt.Sprintf("user%03d", i), wrong), identity.ErrIncorrectCredentials) {
			judged++
		}
	}
	if judged != 100 {
		t.Errorf("one source had %d guesses judged at 300 accounts, want 100", judged)
	}
	check(t, "an account that knows the source", signInFrom(t, pool.AppClient, nat, "alice", password))
	wantErr(t, "another source", signInFrom(t, pool.AppClient, "203.0.113.8", "user299", wrong), identity.ErrIncorrectCredentials)
	f.advance(66 * time.Minute)
	wantErr(t, "an hour later", signInFrom(t, pool.AppClient, nat, "user299", wrong), identity.ErrIncorrectCredentials)
}

// An operator's own address, and a loopback address, are those of a program and of no user.
func TestSourceOfACall(t *testing.T) {
	user, program := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.9")
	for name, tt := range few.Named(2, map[string]struct {
		first, second identity.Call
		known         bool
	}{
		"the same address":      {identity.Call{Address: user}, identity.Call{Address: user}, true},
		"another address":       {identity.Call{Address: user}, identity.Call{Address: program}, false},
		"the same network":      {identity.Call{Address: netip.MustParseAddr("2001:db8:1::1")}, identity.Call{Address: netip.MustParseAddr("2001:db8:1::2")}, true},
		"another network":       {identity.Call{Address: netip.MustParseAddr("2001:db8:1::1")}, identity.Call{Address: netip.MustParseAddr("2001:db8:1:1::1")}, false},
		"no address":            {identity.Call{}, identity.Call{}, false},
		"loopback":              {identity.Call{Address: netip.MustParseAddr("127.0.0.1")}, identity.Call{Address: netip.MustParseAddr("127.0.0.1")}, false},
		"an operator's program": {identity.Call{Address: program, AccessKey: "AK"}, identity.Call{Address: program, AccessKey: "AK"}, false},
		"what it reports": {
			identity.Call{Address: program, AccessKey: "AK", Context: &hook.ContextData{Address: user}},
			identity.Call{Address: program, AccessKey: "AK", Context: &hook.ContextData{Address: user}},
			true,
		},
		"what anybody reports": {
			identity.Call{Address: program, Context: &hook.ContextData{Address: user}}, identity.Call{Address: user}, false,
		},
		"a device on a known network": {identity.Call{Address: user}, identity.Call{Address: user, Device: "d"}, true},
		"another device":              {identity.Call{Address: user, Device: "d"}, identity.Call{Address: program, Device: "e"}, false},
		"a device":                    {identity.Call{Address: user, Device: "d"}, identity.Call{Address: program, Device: "d"}, true},
	}) {
		f := newEngine(t)
		pool := f.open(t, identity.PoolSettings{})
		f.join(t, pool, "alice", email)
		in := identity.SignIn{Username: "alice", Password: password}
		check(t, "SignIn", second(pool.SignIn(identity.WithCall(t.Context(), tt.first), in)))
		for range 5 { // a stranger locks all who are not known
			_ = byPassword(t, pool.AppClient, "alice", wrong)
		}
		_, err := pool.SignIn(identity.WithCall(t.Context(), tt.second), in)
		if known := err == nil; known != tt.known {
			t.Errorf("%s: known %v, want %v", name, known, tt.known)
		}
	}
}

func TestAnAccountKnowsItsLastEightSourcesForNinetyDays(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	known := func(i int) bool {
		t.Helper()
		for range 5 {
			_ = byPassword(t, pool.AppClient, "alice", wrong)
		}
		err := signInFrom(t, pool.AppClient, host(i), "alice", wrong) // of a known source it is judged
		f.advance(26 * time.Hour)
		return errors.Is(err, identity.ErrIncorrectCredentials)
	}
	for i := range 9 {
		check(t, "SignIn", signInFrom(t, pool.AppClient, host(i), "alice", password))
		f.advance(25 * time.Hour)
	}
	for i, want := range map[int]bool{0: false, 1: true, 8: true} {
		if got := known(i); got != want {
			t.Errorf("source %d is known: %v, want %v", i, got, want)
		}
	}
	f.advance(91 * daily)
	if known(8) {
		t.Error("a source is known after 91 days")
	}
}
