package identity_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/store/memory"
)

// samples is how many known and how many unknown users the statistics compare.
func samples(t testing.TB) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("COGNATE_DISCLOSURE_SAMPLES"))
	if err != nil {
		return 500
	}
	return n
}

// A probe is a call that anyone may make in somebody's name. It returns what
// the caller sees of the answer, in a form that must be the same for everybody.
type probe func(t testing.TB, p *probed, name string) string

// probed is a pool whose users are probed.
type probed struct {
	*fixture
	pool   *identity.UserPool
	client *identity.AppClient

	// first is the factor that sign-ins begin with before a probe, nil for none; states are theirs, by name.
	first  *identity.FirstFactor
	states map[string]string
}

var probes = map[string]probe{
	"SignIn": func(t testing.TB, p *probed, name string) string {
		return kindOf(byPassword(t, p.client, name, wrong))
	},
	"SignInOnADevice": func(t testing.TB, p *probed, name string) string {
		_, err := p.client.SignIn(t.Context(), identity.SignIn{Username: name, Password: wrong, DeviceKey: "us-east-1_0"})
		return kindOf(err)
	},
	"SRP": func(t testing.TB, p *probed, name string) string {
		// A client that has no password to prove, which costs this test nothing.
		ch, err := p.client.StartSRP(t.Context(), identity.StartSRP{Username: name, A: publicA})
		if err != nil {
			return kindOf(err)
		}
		_, err = ch.Answer(t.Context(), identity.PasswordProof{
			Signature: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", SecretBlock: ch.SecretBlock, Timestamp: timestamp,
		})
		return fmt.Sprintf("block of %d, a salt: %t, user id of %d, %s", len(ch.SecretBlock), len(ch.Salt) > 20, len(ch.UserID), kindOf(err))
	},
	"ConfirmSignUp": func(t testing.TB, p *probed, name string) string {
		return kindOf(confirmAs(t, p.pool, name, "not a code"))
	},
	"ForgotPassword": func(t testing.TB, p *probed, name string) string {
		d, err := p.client.ForgotPassword(t.Context(), name, "")
		if err != nil {
			return kindOf(err)
		}
		return d.Attribute + string(d.Medium) + fmt.Sprint(len(d.Destination))
	},
	"ConfirmForgotPassword": func(t testing.TB, p *probed, name string) string {
		return kindOf(recoverAs(t.Context(), p.client, name, "not a code", chosen))
	},
	"ResendConfirmationCode": func(t testing.TB, p *probed, name string) string {
		d, err := p.client.ResendConfirmationCode(t.Context(), name, "")
		if err != nil {
			return kindOf(err)
		}
		return d.Attribute + string(d.Medium) + fmt.Sprint(len(d.Destination))
	},
	"Begin": func(t testing.TB, p *probed, name string) string {
		res, err := p.client.Begin(t.Context(), identity.BeginSignIn{Username: name})
		return shown(res, err)
	},
	"Begin with a password": func(t testing.TB, p *probed, name string) string {
		return shown(p.client.Begin(t.Context(), identity.BeginSignIn{Username: name, Preferred: byWord, Password: wrong}))
	},
	"Begin by SRP": func(t testing.TB, p *probed, name string) string {
		return shown(p.client.Begin(t.Context(), identity.BeginSignIn{Username: name, Preferred: bySRP, A: publicA}))
	},
	"Begin by mail": func(t testing.TB, p *probed, name string) string {
		return shown(p.client.Begin(t.Context(), identity.BeginSignIn{Username: name, Preferred: byMail}))
	},
	"Begin by passkey": func(t testing.TB, p *probed, name string) string {
		return shown(p.client.Begin(t.Context(), identity.BeginSignIn{Username: name, Preferred: byPasskey}))
	},
	"Begin for a level": func(t testing.TB, p *probed, name string) string {
		return shown(p.client.Begin(t.Context(), identity.BeginSignIn{Username: name, Levels: []string{loa4, loa1}}))
	},
	"Begin for a level with a password": func(t testing.TB, p *probed, name string) string {
		return shown(p.client.Begin(t.Context(), identity.BeginSignIn{Username: name, Levels: []string{loa1}, Preferred: byWord, Password: wrong}))
	},
	"Begin for a level that is out of reach": func(t testing.TB, p *probed, name string) string {
		return shown(p.client.Begin(t.Context(), identity.BeginSignIn{Username: name, Levels: []string{loa4}}))
	},
	"answer a passkey": func(t testing.TB, p *probed, name string) string {
		state := p.stateOf(t, name, byPasskey)
		if state == "" {
			return "no state"
		}
		return shown(p.client.Passkey(name, state).Answer(t.Context(), identity.PasskeyAnswer{Credential: passkeyOfNobody(t)}))
	},
	"answer a choice with a password": func(t testing.TB, p *probed, name string) string {
		res, err := p.client.FirstFactor(name, p.stateOf(t, name, stateOfChoice)).Answer(t.Context(), identity.FirstChoice{Factor: byWord, Password: wrong})
		return shown(res, err)
	},
	"answer a choice by mail": func(t testing.TB, p *probed, name string) string {
		return shown(p.client.FirstFactor(name, p.stateOf(t, name, stateOfChoice)).Answer(t.Context(), identity.FirstChoice{Factor: byMail}))
	},
	"answer a choice by SRP": func(t testing.TB, p *probed, name string) string {
		return shown(p.client.FirstFactor(name, p.stateOf(t, name, stateOfChoice)).Answer(t.Context(), identity.FirstChoice{Factor: bySRP, A: publicA}))
	},
	"answer a password": func(t testing.TB, p *probed, name string) string {
		return shown(p.client.Password(name, p.stateOf(t, name, byWord)).Answer(t.Context(), identity.PasswordAnswer{Password: wrong}))
	},
	"answer a code": func(t testing.TB, p *probed, name string) string {
		state := p.stateOf(t, name, byMail)
		if state == "" {
			return "no state"
		}
		return shown(p.client.EmailOTP(name, state).Answer(t.Context(), identity.FactorCode{Code: "00000000"}))
	},
	"answer by asking for another code": func(t testing.TB, p *probed, name string) string {
		state := p.stateOf(t, name, byMail)
		if state == "" {
			return "no state"
		}
		return shown(p.client.EmailOTP(name, state).Resend(t.Context(), ""))
	},
}

const stateOfChoice = noFactor

// stateOf is the state of a sign-in that began with a factor. A probe is timed without this: it is made
// before, see compareTimes.
func (p *probed) stateOf(t testing.TB, name string, f identity.FirstFactor) string {
	t.Helper()
	if state, ok := p.states[name]; ok {
		return state
	}
	res, err := p.client.Begin(t.Context(), identity.BeginSignIn{Username: name, Preferred: f})
	if err != nil {
		return ""
	}
	return res.Challenge.State()
}

// beginsWith is the factor of the sign-in that a probe answers a challenge of.
var beginsWith = map[string]*identity.FirstFactor{
	"answer a choice with a password": ptr(stateOfChoice), "answer a choice by mail": ptr(stateOfChoice), "answer a choice by SRP": ptr(stateOfChoice),
	"answer a password": ptr(byWord), "answer a code": ptr(byMail), "answer by asking for another code": ptr(byMail), "answer a passkey": ptr(byPasskey),
}

// prepare begins the sign-in that a probe answers a challenge of.
func (p *probed) prepare(t testing.TB, name string) {
	t.Helper()
	if p.first != nil {
		p.states = nil
		p.states = map[string]string{name: p.stateOf(t, name, *p.first)}
	}
}

// shown is what a caller sees of the result of a step.
func shown(res *identity.SignInResult, err error) string {
	if err != nil {
		return kindOf(err)
	}
	out := fmt.Sprintf("%T, a state of %d, available %v", res.Challenge, len(res.Challenge.State()), res.Available)
	switch ch := res.Challenge.(type) {
	case *identity.FirstFactorRequired:
		return fmt.Sprint(out, len(ch.Username), ch.Available)
	case *identity.PasswordRequired:
		return fmt.Sprint(out, len(ch.Username))
	case *identity.SRPRequired:
		return fmt.Sprint(out, len(ch.Username))
	case *identity.PasswordVerifier:
		return fmt.Sprint(out, len(ch.UserID), len(ch.Salt) > 20, len(ch.SecretBlock))
	case *identity.EmailOTPRequired:
		return fmt.Sprint(out, len(ch.Username), ch.Delivery.Attribute, ch.Delivery.Medium, len(ch.Delivery.Destination))
	case *identity.PasskeyRequired:
		options, err := json.Marshal(ch.Options)
		return fmt.Sprint(out, len(ch.Username), len(ch.Options.AllowCredentials), len(options) > 200, err)
	default:
		return fmt.Sprint(out, " which is an error")
	}
}

// publicA is the public value of a client: any number will do.
const publicA = "123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0"

// kindOf is an error as the wire tells it.
func kindOf(err error) string {
	for _, k := range knownErrors {
		if errors.Is(err, k) {
			return k.Error()
		}
	}
	return fmt.Sprint("unknown error ", err)
}

// newProbed makes a pool with n users whose names begin with user, unless nobody is to be confirmed.
func newProbed(t testing.TB, settings identity.PoolSettings, n int, confirmed bool) *probed {
	t.Helper()
	p := &probed{fixture: newEngineOn(t, memory.New())}
	p.pool = p.open(t, settings)
	p.client = p.fixture.client(t, p.pool, identity.ClientSettings{
		PreventUserExistenceErrors: ptr("ENABLED"), AuthFlows: append(slices.Clone(allFlows), identity.AllowUser),
	})
	p.pool.AppClient = p.client
	for i := range n {
		name := fmt.Sprintf("user%04d", i)
		if confirmed {
			p.join(t, p.pool, name, name+"@example.com")
		} else {
			p.signUp(t, p.pool, name, name+"@example.com")
		}
	}
	p.advance(2 * time.Hour) // until the attempts of confirming count no longer
	return p
}

// disclosing are the cases in which the answers to somebody and to nobody must not differ.
func disclosing(t *testing.T, test func(t *testing.T, call string, settings identity.PoolSettings, confirmed bool)) {
	t.Helper()
	cognito := cognitoPool
	cognito.CaseSensitive = ptr(false)
	run := func(call, defaults string, settings identity.PoolSettings, confirmed bool) {
		state := map[bool]string{true: "confirmed", false: "unconfirmed"}[confirmed]
		t.Run(call+"/"+defaults+"/"+state, func(t *testing.T) { test(t, call, settings, confirmed) })
	}
	for _, tt := range few.Of(5, []struct {
		call      string
		defaults  string
		settings  identity.PoolSettings
		confirmed bool
	}{
		{"SignIn", "safe", identity.PoolSettings{SRP: true}, true},
		{"SignIn", "safe", identity.PoolSettings{SRP: true}, false},
		{"SignIn", "Cognito", cognito, true},
		{"SignInOnADevice", "safe", identity.PoolSettings{Devices: &identity.DeviceSettings{ChallengeNew: new(true)}}, true},
		{"SRP", "safe", identity.PoolSettings{SRP: true}, true},
		{"SRP", "safe", identity.PoolSettings{SRP: true}, false},
		{"SRP", "safe, no verifiers", identity.PoolSettings{}, false},
		{"SRP", "Cognito", cognito, true},
		{"ConfirmSignUp", "safe", identity.PoolSettings{}, true},
		{"ConfirmSignUp", "safe", identity.PoolSettings{}, false},
		{"ConfirmSignUp", "Cognito", cognito, false},
		{"ForgotPassword", "safe", identity.PoolSettings{}, true},
		{"ForgotPassword", "safe", identity.PoolSettings{}, false},
		{"ForgotPassword", "Cognito", cognito, true},
		{"ForgotPassword", "Cognito", cognito, false},
		{"ConfirmForgotPassword", "safe", identity.PoolSettings{}, true},
		{"ConfirmForgotPassword", "safe, history", historic(5), true},
		{"ConfirmForgotPassword", "safe", identity.PoolSettings{}, false},
		{"ConfirmForgotPassword", "Cognito", cognito, true},
		{"ResendConfirmationCode", "safe", identity.PoolSettings{}, true},
		{"ResendConfirmationCode", "safe", identity.PoolSettings{}, false},
		{"ResendConfirmationCode", "Cognito", cognito, false},
	}) {
		run(tt.call, tt.defaults, tt.settings, tt.confirmed)
	}
	for call := range few.Named(5, probes) {
		if strings.HasPrefix(call, "Begin") || strings.HasPrefix(call, "answer") {
			passkeys := strings.HasSuffix(call, "passkey")
			run(call, "safe", withPasskeys(everyFactor(identity.PoolSettings{}), passkeys), true)
			run(call, "safe", withPasskeys(everyFactor(identity.PoolSettings{}), passkeys), false)
			run(call, "Cognito", withPasskeys(everyFactor(cognito), passkeys), true)
		}
	}
}

// TestAnswersDoNotTellWhoHasAnAccount asks 25 times for each name, past every limit.
func TestAnswersDoNotTellWhoHasAnAccount(t *testing.T) {
	tries := 25
	if testing.Short() {
		tries = 6 // past the first lock
	}
	disclosing(t, func(t *testing.T, call string, settings identity.PoolSettings, confirmed bool) {
		p := newProbed(t, settings, 1, confirmed)
		var known, unknown []string
		for range tries {
			known = append(known, probes[call](t, p, "user0000"))
			unknown = append(unknown, probes[call](t, p, "none0000"))
			p.advance(100 * time.Millisecond)
		}
		if !reflect.DeepEqual(known, unknown) {
			t.Errorf("answers to a user:\n%q\nto nobody:\n%q", known, unknown)
		}
	})
}

// TestTimesDoNotTellWhoHasAnAccount compares how long the answers to users and
// to nobody take, by the rank statistic of Mann and Whitney: the share of pairs
// in which the user's answer took longer. Hashes are cheap here, so that the
// work around them shows. Other processes disturb it, so it has five tries.
func TestTimesDoNotTellWhoHasAnAccount(t *testing.T) {
	if testing.Short() {
		t.Skip("compares the times of thousands of calls")
	}
	if raceEnabled {
		t.Skip("the race detector has times of its own")
	}
	disclosing(t, func(t *testing.T, call string, settings identity.PoolSettings, confirmed bool) {
		n := samples(t)
		if call == "SRP" && !confirmed {
			n = min(n, 200) // they take long, and confirmed users have the full number
		}
		var rank float64
		for range 5 { // each with a pool of its own, since where its records happen to lie counts too
			p := newProbed(t, settings, n, confirmed)
			for i := range 50 { // warm up on names of neither kind
				probes[call](t, p, fmt.Sprintf("warm%04d", i))
			}
			p.first = beginsWith[call]
			rank = compareTimes(t, p, probes[call], n)
			if 0.40 <= rank && rank <= 0.60 {
				t.Logf("rank statistic %.3f", rank)
				return
			}
		}
		t.Errorf("rank statistic %.3f, want 0.40 to 0.60: the time tells users from nobody", rank)
	})
}

// TestTimesOnAFullTableDoNotTellWhoHasAnAccount has strangers fill the rows that names
// which nobody has share, and probes then.
func TestTimesOnAFullTableDoNotTellWhoHasAnAccount(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("compares the times of thousands of calls")
	}
	for _, call := range []string{"SignIn", "ConfirmSignUp", "ForgotPassword", "ResendConfirmationCode"} {
		t.Run(call, func(t *testing.T) {
			n := samples(t)
			p := newProbed(t, identity.PoolSettings{}, n, true)
			for i := range 8000 {
				probes[call](t, p, fmt.Sprintf("flood%05d", i))
			}
			var rank float64
			for range 3 {
				if rank = compareTimes(t, p, probes[call], n); 0.40 <= rank && rank <= 0.60 {
					t.Logf("rank statistic %.3f", rank)
					return
				}
				p.advance(2 * time.Hour)
			}
			t.Errorf("rank statistic %.3f, want 0.40 to 0.60: the time tells users from nobody", rank)
		})
	}
}

// compareTimes probes n users and n names that nobody has, in pairs of either order.
func compareTimes(t *testing.T, p *probed, try probe, n int) float64 {
	t.Helper()
	runtime.GC()
	times := [2][]time.Duration{make([]time.Duration, n), make([]time.Duration, n)}
	prefix := [2]string{"user", "none"}
	for i := range n {
		first := rand.IntN(2)
		for _, who := range []int{first, 1 - first} {
			name := fmt.Sprintf("%s%04d", prefix[who], i)
			p.prepare(t, name)
			begin := time.Now()
			try(t, p, name)
			times[who][i] = time.Since(begin)
		}
	}
	return mannWhitney(times[0], times[1])
}

// mannWhitney is the share of pairs of which the first is greater; ties count half.
func mannWhitney(a, b []time.Duration) float64 {
	b = slices.Sorted(slices.Values(b))
	sum := 0.0
	for _, x := range a {
		less, _ := slices.BinarySearch(b, x)
		more, _ := slices.BinarySearch(b, x+1)
		sum += float64(less) + float64(more-less)/2
	}
	return sum / float64(len(a)) / float64(len(b))
}

// TestTimesOfRealHashesDoNotTellWhoHasAnAccount has the hash of production, and fewer samples.
func TestTimesOfRealHashesDoNotTellWhoHasAnAccount(t *testing.T) {
	if raceEnabled || os.Getenv("COGNATE_DISCLOSURE_SAMPLES") == "" {
		t.Skip("only where COGNATE_DISCLOSURE_SAMPLES says how many samples")
	}
	n := samples(t)
	p := &probed{fixture: newEngineWith(t, memory.New(), func(o *identity.Options) { o.InsecureCheapHashing = false })}
	p.pool = p.open(t, identity.PoolSettings{})
	p.client = p.pool.AppClient
	for i := range n {
		name := fmt.Sprintf("user%04d", i)
		p.signUp(t, p.pool, name, name+"@example.com")
	}
	if rank := compareTimes(t, p, probes["SignIn"], n); rank < 0.40 || rank > 0.60 {
		t.Errorf("rank statistic %.3f, want 0.40 to 0.60", rank)
	}
}

// TestMadeUpDeliveryIsAlwaysTheSame holds the answer for a name that nobody has to one destination.
func TestMadeUpDeliveryIsAlwaysTheSame(t *testing.T) {
	p := newProbed(t, identity.PoolSettings{}, 0, true)
	first, err := p.client.ResendConfirmationCode(t.Context(), "nobody", "")
	check(t, "ResendConfirmationCode", err)
	again, err := p.client.ResendConfirmationCode(t.Context(), "NOBODY", "")
	if err != nil || *again != *first {
		t.Errorf("delivery %+v, %v, want %+v as before", again, err, first)
	}
}
