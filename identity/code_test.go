package identity_test

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
)

// confirmAs tries to confirm a sign-up with a code.
func confirmAs(t testing.TB, pool *identity.UserPool, name, code string) error {
	t.Helper()
	return pool.ConfirmSignUp(t.Context(), identity.ConfirmSignUp{Username: name, Code: identity.Secret(code)})
}

// otherCode is a well-formed code that is not the given one.
func otherCode(code string) string {
	return fmt.Sprintf("%06d", (number(code)+1)%1_000_000)
}

func number(code string) (n int) {
	_, err := fmt.Sscanf(code, "%d", &n)
	if err != nil {
		panic(err)
	}
	return n
}

// tellingPool has a client that may tell who has an account.
func tellingPool(t *testing.T, f *fixture) *identity.UserPool {
	t.Helper()
	pool := f.open(t, cognitoPool)
	check(t, "EditClient", f.EditClient(t.Context(), pool.ClientID(), func(c *identity.ClientSettings) { c.AuthFlows = allFlows }))
	return pool
}

func TestCodeIsSixDigits(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.signUp(t, pool, "alice", email)
	m := f.outbox.Messages(nil)[0]
	if !regexp.MustCompile(`^[0-9]{6}$`).MatchString(string(m.Code)) {
		t.Errorf("code %q, want 6 digits", string(m.Code))
	}
	if m.To != email || m.Medium != "EMAIL" || m.Kind != identity.MessageSignUpCode || m.Username != "alice" || m.Body != "Your verification code is "+string(m.Code) {
		t.Errorf("message %+v, want the code by mail to alice", m)
	}
}

// TestCodesAreUniform counts the digits at each place of 10,000 codes. The sum
// over six places with nine degrees of freedom each passes 111 about once in 10^5 runs.
func TestCodesAreUniform(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 10,000 codes")
	}
	const n = 10_000
	var counts [6][10]int
	seen := map[string]bool{}
	for range n {
		code, err := identity.NewCode()
		check(t, "NewCode", err)
		for place := range code {
			counts[place][code[place]-'0']++
		}
		seen[code] = true
	}
	chi := 0.0
	for _, place := range counts {
		for _, c := range place {
			chi += math.Pow(float64(c)-n/10, 2) / (n / 10)
		}
	}
	if chi > 111 {
		t.Errorf("chi-square %.1f with 54 degrees of freedom: codes are not uniform", chi)
	}
	if len(seen) < n-150 { // 50 repeats are to be expected
		t.Errorf("%d codes differ among %d", len(seen), n)
	}
}

func TestCodeConfirmsOnce(t *testing.T) {
	f := newEngine(t)
	pool := tellingPool(t, f)
	f.signUp(t, pool, "alice", email)
	code := f.outbox.LastCode(email)
	check(t, "ConfirmSignUp", confirmAs(t, pool, "alice", code))
	err := confirmAs(t, pool, "alice", code)
	wantErr(t, "again", err, identity.ErrCannotConfirm)
	if e, ok := errors.AsType[*identity.StatusError](err); !ok || e.Status != identity.StatusConfirmed {
		t.Errorf("error %v, want one that names the status", err)
	}
	f.edit(t, pool, "alice", func(u *identity.User) { u.Status = identity.StatusUnconfirmed })
	wantErr(t, "again, were the user unconfirmed", confirmAs(t, pool, "alice", code), identity.ErrCodeExpired)
}

func TestCodeIsOfOneUser(t *testing.T) {
	f := newEngine(t)
	pool := tellingPool(t, f)
	f.signUp(t, pool, "alice", email)
	f.signUp(t, pool, "bob", "bob@example.com")
	wantErr(t, "another user's code", confirmAs(t, pool, "bob", f.outbox.LastCode("alice")), identity.ErrCodeMismatch)
	wantErr(t, "the own code", confirmAs(t, pool, "bob", f.outbox.LastCode("bob")), nil)
}

func TestCodeIsOfOnePurpose(t *testing.T) {
	f := newEngine(t)
	pool := tellingPool(t, f)
	f.signUp(t, pool, "alice", email)
	u := f.invite(t, pool, "bob", map[string]string{"email": "bob@example.com"})
	f.edit(t, pool, "bob", func(u *identity.User) { u.Status = identity.StatusUnconfirmed })
	wantErr(t, "temporary password as a code", confirmAs(t, pool, "bob", password), identity.ErrCodeExpired)
	wantErr(t, "sub as a code", confirmAs(t, pool, "bob", u.Sub), identity.ErrCodeExpired)
	wantErr(t, "code as a password", byPassword(t, pool.AppClient, "alice", f.outbox.LastCode("alice")), identity.ErrUserNotConfirmed)
}

func TestCodeIsGoodForADay(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after time.Duration
		sweep bool
		want  error
	}{
		{"just in time", 24*time.Hour - time.Millisecond, false, nil},
		{"just in time, after a sweep", 24*time.Hour - time.Millisecond, true, nil},
		{"too late", 24 * time.Hour, false, identity.ErrCodeExpired},
		{"too late, after a sweep", 24 * time.Hour, true, identity.ErrCodeExpired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newEngine(t)
			pool := tellingPool(t, f)
			f.signUp(t, pool, "alice", email)
			f.advance(tt.after)
			if tt.sweep {
				_, err := f.Sweep(t.Context())
				check(t, "Sweep", err)
			}
			wantErr(t, "ConfirmSignUp", confirmAs(t, pool, "alice", f.outbox.LastCode("alice")), tt.want)
		})
	}
}

func TestWrongCodesAreJudgedFifteenTimesAnHour(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.signUp(t, pool, "alice", email)
	code := f.outbox.LastCode("alice")
	for _, name := range []string{"alice", "nobody"} {
		for range 15 {
			wantErr(t, name+": wrong code", confirmAs(t, pool, name, otherCode(code)), identity.ErrCodeMismatch)
		}
		wantErr(t, name+": one more", confirmAs(t, pool, name, otherCode(code)), identity.ErrLimitExceeded)
		check(t, name+" asks again", second(pool.ResendConfirmationCode(t.Context(), name, "")))
		wantErr(t, name+": wrong again", confirmAs(t, pool, name, otherCode(code)), identity.ErrLimitExceeded)
	}
	wantErr(t, "the right one of the new code", confirmAs(t, pool, "ALICE", f.outbox.LastCode("alice")), nil)
}

func TestResendKeepsTheEarlierCode(t *testing.T) {
	for name, settings := range map[string]identity.PoolSettings{"safe": {}, "wire": cognitoPool} {
		f := newEngine(t)
		pool := f.open(t, settings)
		f.signUp(t, pool, "alice", email)
		first := f.outbox.LastCode("alice")
		for i := range 5 {
			f.advance(2 * time.Minute)
			d, err := pool.ResendConfirmationCode(t.Context(), "alice", "")
			check(t, "ResendConfirmationCode", err)
			if want := (identity.CodeDelivery{Destination: "a***@e***", Medium: "EMAIL", Attribute: "email"}); *d != want {
				t.Errorf("delivery %+v, want %+v", *d, want)
			}
			if n := len(f.outbox.Messages(nil)); n != i+2 {
				t.Errorf("%s: %d messages, want %d", name, n, i+2)
			}
		}
		wantErr(t, name+": the earliest code", confirmAs(t, pool, "alice", first), nil)
	}
}

func TestResendGivesADayAnew(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.signUp(t, pool, "alice", email)
	f.advance(30 * time.Hour)
	_, err := pool.ResendConfirmationCode(t.Context(), "alice", "")
	check(t, "ResendConfirmationCode", err)
	f.advance(23 * time.Hour)
	wantErr(t, "ConfirmSignUp", confirmAs(t, pool, "alice", f.outbox.LastCode("alice")), nil)
}

func TestResendIsFiveTimesAnHour(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.signUp(t, pool, "alice", email)
	f.join(t, pool, "bob", "bob@example.com")
	for _, name := range []string{"alice", "bob", "nobody"} {
		for range 5 {
			f.advance(2 * time.Minute)
			_, err := pool.ResendConfirmationCode(t.Context(), name, "")
			wantErr(t, name, err, nil)
		}
		_, err := pool.ResendConfirmationCode(t.Context(), name, "")
		wantErr(t, name+": one more", err, identity.ErrLimitExceeded)
	}
	if n := len(f.outbox.Messages(func(m *identity.Message) bool { return m.Kind == identity.MessageSignUpCodeAgain })); n != 5 {
		t.Errorf("%d messages were sent, want 5, to alice only", n)
	}
	f.advance(66 * time.Minute)
	_, err := pool.ResendConfirmationCode(t.Context(), "alice", "")
	wantErr(t, "an hour later", err, nil)
}

func TestResendTellsWhatItMay(t *testing.T) {
	f := newEngine(t)
	pool := tellingPool(t, f)
	f.signUp(t, pool, "alice", email)
	f.join(t, pool, "bob", "bob@example.com")
	_, err := pool.SignUp(t.Context(), identity.SignUp{Username: "carol", Password: password})
	check(t, "SignUp", err)
	for name, want := range map[string]error{
		"alice": nil, "bob": identity.ErrAlreadyConfirmed, "carol": identity.ErrNothingToVerify, "nobody": identity.ErrUserNotFound,
	} {
		_, err := pool.ResendConfirmationCode(t.Context(), name, "")
		wantErr(t, name, err, want)
	}
}

// TestResendToNobodyLooksReal names nobody in each form that a name has, in
// pools that verify each thing that a pool can.
func TestResendToNobodyLooksReal(t *testing.T) {
	for name, tt := range map[string]struct {
		settings  identity.PoolSettings
		user      string
		attribute string
		want      string // a form of the destination
		err       error
	}{
		"name":                     {identity.PoolSettings{}, "nobody", "email", `^[a-z]\*\*\*@[a-z]\*\*\*$`, nil},
		"address":                  {identity.PoolSettings{}, "nobody@example.com", "email", `^n\*\*\*@e\*\*\*$`, nil},
		"number, mail verified":    {identity.PoolSettings{}, "+15551234567", "email", `^[a-z]\*\*\*@[a-z]\*\*\*$`, nil},
		"name, phone verified":     {identity.PoolSettings{AutoVerified: []string{"phone_number"}}, "nobody", "phone_number", `^\+\*{7}\d{4}$`, nil},
		"address, phone verified":  {identity.PoolSettings{AutoVerified: []string{"phone_number"}}, "nobody@example.com", "phone_number", `^\+\*{7}\d{4}$`, nil},
		"number, phone verified":   {identity.PoolSettings{AutoVerified: []string{"phone_number"}}, "+15551234567", "phone_number", `^\+\*{7}4567$`, nil},
		"nothing verified":         {identity.PoolSettings{AutoVerified: []string{}}, "nobody", "", "", identity.ErrNothingToVerify},
		"Cognito, nothing at all":  {identity.PoolSettings{Defaults: identity.CognitoDefaults}, "nobody", "", "", identity.ErrNothingToVerify},
		"Cognito, number":          {cognitoPool, "+15551234567", "email", `^[a-z]\*\*\*@[a-z]\*\*\*$`, nil},
		"address as username":      {identity.PoolSettings{UsernameAttributes: []string{"email"}}, "nobody@example.com", "email", `^n\*\*\*@e\*\*\*$`, nil},
		"number as username, mail": {identity.PoolSettings{UsernameAttributes: []string{"email", "phone_number"}}, "+15551234567", "email", `^[a-z]\*\*\*@[a-z]\*\*\*$`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newEngine(t)
			client := f.client(t, f.open(t, tt.settings), identity.ClientSettings{PreventUserExistenceErrors: ptr("ENABLED")})
			d, err := client.ResendConfirmationCode(t.Context(), tt.user, "")
			wantErr(t, "ResendConfirmationCode", err, tt.err)
			if tt.err != nil {
				return
			}
			if d == nil || d.Attribute != tt.attribute || !regexp.MustCompile(tt.want).MatchString(d.Destination) {
				t.Fatalf("delivery %+v, want %s of the form %s", d, tt.attribute, tt.want)
			}
			again, err := client.ResendConfirmationCode(t.Context(), tt.user, "")
			if err != nil || *again != *d {
				t.Errorf("delivery %+v, %v, want %+v as before", again, err, d)
			}
			if n := len(f.outbox.Messages(nil)); n != 0 {
				t.Errorf("%d messages were sent to nobody", n)
			}
		})
	}
}

func TestCodeIsNotToldToWhoeverAsks(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.signUp(t, pool, "alice", email)
	f.join(t, pool, "bob", "bob@example.com")
	late := f.outbox.LastCode("alice")
	f.advance(25 * time.Hour)
	for _, swept := range []bool{false, true} {
		if swept {
			_, err := f.Sweep(t.Context())
			check(t, "Sweep", err)
		}
		for _, name := range []string{"alice", "bob", "nobody"} { // one whose code is too old, one confirmed, one who does not exist
			wantErr(t, fmt.Sprintf("%s, swept %t", name, swept), confirmAs(t, pool, name, otherCode(late)), identity.ErrCodeMismatch)
		}
	}
}
