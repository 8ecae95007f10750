package identity

import (
	"slices"
	"strings"
	"testing"
)

// TestLevelOfEachPair names, for each first and each second factor, the methods that a sign-in tells and the level that it
// reaches: the service's table of levels, and for pairs that are not in it the highest row that is fully met.
func TestLevelOfEachPair(t *testing.T) {
	first := func(f FirstFactor) proof { return proof{Kind: provedFirst, First: f} }
	second := func(m MFAMethod) proof { return proof{Kind: provedFactor, Method: m} }
	firsts := []struct {
		name   string
		proof  proof
		method string
	}{
		{"password", proof{Kind: provedPassword}, "pwd"},
		{"mail", first(FirstEmailOTP), "email_otp"},
		{"SMS", first(FirstSMSOTP), "sms"},
		{"passkey of a phone", first(FirstPasskey), "swk"},
		{"security key", proof{Kind: provedFirst, First: FirstPasskey, Hardware: true}, "hwk"},
		{"hooks", proof{Kind: provedCustom}, ""},
	}
	seconds := []struct {
		name   string
		proofs []proof
		method string
	}{
		{"nothing", nil, ""},
		{"app", []proof{second(MFATOTP)}, "otp"},
		{"SMS", []proof{second(MFASMS)}, "sms"},
		{"mail", []proof{second(MFAEmail)}, "email_otp"},
		{"device", []proof{{Kind: provedDevice}}, ""},
		{"recovery code", []proof{{Kind: provedRecovery}}, ""},
	}
	levels := map[string]Level{
		"pwd": 1, "pwd otp mfa": 4, "pwd sms mfa": 3, "pwd email_otp mfa": 3,
		"email_otp": 2, "email_otp otp mfa": 2, "email_otp sms mfa": 2,
		"sms": 2, "sms otp mfa": 2, "sms email_otp mfa": 2,
		"swk": 3, "swk otp mfa": 3, "swk sms mfa": 3, "swk email_otp mfa": 3,
		"hwk": 3, "hwk otp mfa": 3, "hwk sms mfa": 3, "hwk email_otp mfa": 3,
		"": 0, "otp": 0,
	}
	for _, f := range firsts {
		for _, s := range seconds {
			var want []string
			for _, m := range []string{f.method, s.method} {
				if m != "" && !slices.Contains(want, m) {
					want = append(want, m)
				}
			}
			if len(want) == 2 {
				want = append(want, "mfa")
			}
			got, err := methodsOfProofs(append([]proof{f.proof}, s.proofs...))
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%s and %s: %q, %v, want %q", f.name, s.name, got, err, want)
			}
			level, ok := levels[strings.Join(got, " ")]
			if !ok || levelOf(got) != level {
				t.Errorf("%s and %s: %q reach level %d, want %d (known: %t)", f.name, s.name, got, levelOf(got), level, ok)
			}
		}
	}
	srp, err := methodsOfProofs([]proof{first(FirstPasswordSRP)})
	if err != nil || !slices.Equal(srp, []string{"pwd"}) {
		t.Errorf("SRP: %q, %v", srp, err)
	}
	if got := joined([]string{"sms", "pwd", "mfa"}, "pwd", "otp"); !slices.Equal(got, []string{"sms", "pwd", "otp", "mfa"}) || levelOf(got) != Level4 {
		t.Errorf("what was proved before and now: %q", got)
	}
}

// A kind that has no method of its own gives an error, so that nothing is told of a sign-in that nobody has thought of.
func TestMethodOfEachProof(t *testing.T) {
	for _, p := range []proof{{}, {Kind: "pigeon"}, {Kind: provedFirst, First: "pigeon"}, {Kind: provedFactor, Method: "PIGEON"}} {
		if m, err := p.method(); err == nil {
			t.Errorf("%+v: %q, want an error", p, m)
		}
	}
	for _, f := range factors {
		if m, err := (proof{Kind: provedFactor, Method: f.method}).method(); err != nil || m == "" {
			t.Errorf("%s: %q, %v, want a method", f.method, m, err)
		}
	}
	for _, f := range firstFactors {
		if m, err := (proof{Kind: provedFirst, First: f.name}).method(); err != nil || m == "" {
			t.Errorf("%s: %q, %v, want a method", f.name, m, err)
		}
	}
}

// A passkey is told to be of hardware only if it cannot be anywhere else.
func TestHardwareOfAPasskey(t *testing.T) {
	for _, tt := range []struct {
		name string
		key  passkey
		want bool
	}{
		{"security key", passkey{Attachment: "cross-platform", Transports: []string{"usb", "nfc"}}, true},
		{"security key of an old browser", passkey{Attachment: "cross-platform"}, true},
		{"security key that nobody has described but by its transports", passkey{Transports: []string{"nfc"}}, true},
		{"platform", passkey{Attachment: "platform", Transports: []string{"internal"}}, false},
		{"phone by a code on the screen", passkey{Attachment: "cross-platform", Transports: []string{"hybrid", "internal"}, Eligible: true, BackedUp: true}, false},
		{"may be backed up", passkey{Attachment: "cross-platform", Transports: []string{"usb"}, Eligible: true}, false},
		{"by transports only, inside too", passkey{Transports: []string{"usb", "internal"}}, false},
		{"not described", passkey{}, false},
		{"a new kind of transport", passkey{Transports: []string{"thought"}}, false},
	} {
		if got := tt.key.hardware(); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.name, got, tt.want)
		}
	}
}
