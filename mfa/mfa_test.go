package mfa_test

import (
	"testing"
	"time"

	"github.com/pquerna/otp/hotp"

	"github.com/cognate-id/cognate/mfa"
)

// The key of appendix B of RFC 6238 and of appendix D of RFC 4226.
var rfcSecret = mfa.Secret("12345678901234567890")

// noon is the first second of a step.
var noon = time.Date(2026, 2, 3, 12, 0, 0, 0, time.UTC)

const noonStep = 1_770_120_000 / 30

// verify fails the test unless the code is for wantStep with the result want.
func verify(t *testing.T, s mfa.Secret, code string, at time.Time, last, wantStep int64, want mfa.Result) {
	t.Helper()
	if step, got := s.Verify(code, at, last); step != wantStep || got != want {
		t.Errorf("Verify(%q, %v, %d) = %d, %d, want %d, %d", code, at, last, step, got, wantStep, want)
	}
}

func TestRFC6238(t *testing.T) {
	for _, tt := range []struct {
		seconds int64
		code    string // the last 6 of the RFC's 8 digits
	}{
		{59, "287082"},
		{1111111109, "081804"},
		{1111111111, "050471"},
		{1234567890, "005924"},
		{2000000000, "279037"},
		{20000000000, "353130"},
	} {
		at := time.Unix(tt.seconds, 0)
		if got := rfcSecret.Code(at); got != tt.code {
			t.Errorf("Code at %d = %q, want %q", tt.seconds, got, tt.code)
		}
		verify(t, rfcSecret, tt.code, at, 0, tt.seconds/30, mfa.Right)
	}
}

func TestRFC4226(t *testing.T) {
	for counter, want := range []string{
		"755224", "287082", "359152", "969429", "338314",
		"254676", "287922", "162583", "399871", "520489",
	} {
		if got := rfcSecret.Code(time.Unix(int64(counter)*30, 0)); got != want {
			t.Errorf("Code of step %d = %q, want %q", counter, got, want)
		}
	}
}

func TestWindow(t *testing.T) {
	s := mfa.NewSecret()
	code := s.Code(noon)
	for _, tt := range []struct {
		name  string
		after time.Duration
		right bool
	}{
		{"two steps early", -31 * time.Second, false},
		{"just too early", -30*time.Second - time.Nanosecond, false},
		{"first second of the step before", -30 * time.Second, true},
		{"last second of the step before", -time.Second, true},
		{"first second", 0, true},
		{"last second", 29 * time.Second, true},
		{"first second of the step after", 30 * time.Second, true},
		{"last second of the step after", 60*time.Second - time.Nanosecond, true},
		{"two steps late", 60 * time.Second, false},
		{"an hour late", time.Hour, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			step, result := int64(0), mfa.Wrong
			if tt.right {
				step, result = noonStep, mfa.Right
			}
			verify(t, s, code, noon.Add(tt.after), 0, step, result)
		})
	}
}

func TestReplayIsRefused(t *testing.T) {
	s := mfa.NewSecret()
	step, _ := s.Verify(s.Code(noon), noon, 0)
	for after := -30 * time.Second; after < 60*time.Second; after += time.Second {
		verify(t, s, s.Code(noon), noon.Add(after), step, 0, mfa.Used)
	}
}

func TestStepsCountInOrder(t *testing.T) {
	s := mfa.NewSecret()
	before, present, after := s.Code(noon.Add(-mfa.Period)), s.Code(noon), s.Code(noon.Add(mfa.Period))
	for _, tt := range []struct {
		name, code string
		last, step int64
		want       mfa.Result
	}{
		{"before, after what came before it", before, noonStep - 2, noonStep - 1, mfa.Right},
		{"before, again", before, noonStep - 1, 0, mfa.Used},
		{"before, after the present one", before, noonStep, 0, mfa.Used},
		{"before, after the next", before, noonStep + 1, 0, mfa.Used},
		{"present, after what came before it", present, noonStep - 1, noonStep, mfa.Right},
		{"present, after the next", present, noonStep + 1, 0, mfa.Used},
		{"next, after the present one", after, noonStep, noonStep + 1, mfa.Right},
		{"next, again", after, noonStep + 1, 0, mfa.Used},
		{"after a clock far ahead", present, noonStep + 1e6, 0, mfa.Used},
	} {
		t.Run(tt.name, func(t *testing.T) {
			verify(t, s, tt.code, noon, tt.last, tt.step, tt.want)
		})
	}
}

// TestOneCodeOfTwoSteps is a code that two steps of one window share: that it
// counted must make it used for both.
func TestOneCodeOfTwoSteps(t *testing.T) {
	const step, code = 153568, "468457" // has neighbours that share the code
	at := time.Unix(step*30, 0)
	for _, beside := range []time.Time{at.Add(-mfa.Period), at.Add(mfa.Period)} {
		if got := rfcSecret.Code(beside); got != code {
			t.Fatalf("Code at %v = %q, want %q", beside, got, code)
		}
	}
	verify(t, rfcSecret, code, at, 0, step+1, mfa.Right)
	verify(t, rfcSecret, code, at, step-1, step+1, mfa.Right)
	verify(t, rfcSecret, code, at, step+1, 0, mfa.Used)
}

func TestWrongCodes(t *testing.T) {
	s := rfcSecret
	at := time.Unix(1234567890, 0) // 005924
	for _, tt := range []struct{ name, code string }{
		{"empty", ""},
		{"other", "005925"},
		{"other first digit", "105924"},
		{"without leading zeros", "5924"},
		{"five digits", "05924"},
		{"seven digits", "0005924"},
		{"the RFC's eight", "89005924"},
		{"leading space", " 005924"},
		{"trailing newline", "005924\n"},
		{"in groups", "005 924"},
		{"space for zero", "  5924"},
		{"sign", "+05924"},
		{"letter", "OO5924"},
		{"fullwidth", "００５９２４"},
		{"Arabic digits", "٠٠٥٩٢٤"},
		{"three Arabic digits", "٠٠٥"}, // 6 bytes
		{"zero bytes", "\x00\x00\x00\x00\x00\x00"},
		{"megabyte", string(make([]byte, 1<<20))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			verify(t, s, tt.code, at, 0, 0, mfa.Wrong)
			verify(t, s, tt.code, at, at.Unix(), 0, mfa.Wrong)
		})
	}
	verify(t, s, "005924", at, 0, at.Unix()/30, mfa.Right)
}

// TestWork counts allocations for what timing shows: an ill-formed code costs
// nothing, and a well-formed one all the codes of the window, wherever it is
// right. (The race detector makes the count vary by a few; a code is a third.)
func TestWork(t *testing.T) {
	allocs := func(code string) float64 {
		return testing.AllocsPerRun(100, func() { rfcSecret.Verify(code, noon, 0) })
	}
	for _, code := range []string{"", "12345", "1234567", "12345a", string(make([]byte, 1<<20))} {
		if n := allocs(code); n != 0 {
			t.Errorf("%v allocations for the ill-formed code %.10q", n, code)
		}
	}
	wrong := allocs("000000")
	for step := -2; step <= 2; step++ {
		code := rfcSecret.Code(noon.Add(time.Duration(step) * mfa.Period))
		if n := allocs(code); n < wrong*5/6 || n > wrong*7/6 {
			t.Errorf("%v allocations for the code %d steps away, %v for a wrong one", n, step, wrong)
		}
	}
}

func TestOtherSecret(t *testing.T) {
	verify(t, mfa.Secret("12345678901234567891"), rfcSecret.Code(noon), noon, 0, 0, mfa.Wrong)
}

// TestNoSecret checks that a user without a secret has no right code, although anyone can
// compute the code of an empty key.
func TestNoSecret(t *testing.T) {
	for _, s := range []mfa.Secret{nil, {}, mfa.Secret("123456789")} {
		code, err := hotp.GenerateCode(s.Text(), noonStep)
		if err != nil {
			t.Fatal(err)
		}
		verify(t, s, code, noon, 0, 0, mfa.Wrong)
		if got := s.Code(noon); got != "" {
			t.Errorf("Code of %d bytes = %q, want none", len(s), got)
		}
	}
}

func TestClocks(t *testing.T) {
	s := mfa.NewSecret()
	for _, tt := range []struct {
		name string
		at   time.Time
	}{
		{"1970", time.Unix(0, 0)},
		{"second before 1970", time.Unix(-1, 0)},
		{"steps before 1970", time.Unix(-61, 0)},
		{"zero time", time.Time{}},
		{"least", time.Unix(-1<<63, 0)},
		{"greatest", time.Unix(1<<63-1, 0)},
		{"other zone", noon.In(time.FixedZone("", 5*3600+45*60))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code := s.Code(tt.at)
			if _, got := s.Verify(code, tt.at, -1<<63); got != mfa.Right {
				t.Errorf("Verify of the code %q at that time = %d, want Right", code, got)
			}
		})
	}
	t.Run("before 1970 is before 0", func(t *testing.T) {
		at := time.Unix(-1, 0)
		verify(t, s, s.Code(at), at, 0, 0, mfa.Used)
		verify(t, s, s.Code(at), at, -2, -1, mfa.Right)
	})
}

func BenchmarkVerify(b *testing.B) {
	s := mfa.NewSecret()
	b.ReportAllocs()
	for b.Loop() {
		s.Verify("000000", noon, 0)
	}
}
