package sts

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// TestFormOfRoleARNs compares ValidRoleARN with the regular expression that its comment states.
func TestFormOfRoleARNs(t *testing.T) {
	form := regexp.MustCompile(`^arn:aws[a-z-]{0,16}:iam::[0-9]{12}:role/([\x21-\x7e]{1,512}/)?[\w+=,.@-]{1,64}$`)
	good := []string{
		"arn:aws:iam::123456789012:role/reader", "arn:aws-us-gov:iam::123456789012:role/a/b/reader", "arn:aws:iam::123456789012:role/:role/x+=,.@-",
		"arn:aws:iam::123456789012:role/" + strings.Repeat("p", 512) + "/" + strings.Repeat("n", 64),
	}
	for _, arn := range good {
		if !ValidRoleARN(arn) {
			t.Errorf("ValidRoleARN(%q) = false", arn)
		}
	}
	const bytes = "aZ09-_+/: \n\x00é="
	valid, cases := 0, 50_000
	if testing.Short() {
		cases = 5_000
	}
	for range cases {
		arn := []byte(good[rand.N(len(good))])
		for range rand.N(3) {
			i := rand.N(len(arn))
			switch b := bytes[rand.N(len(bytes))]; rand.N(3) {
			case 0:
				arn[i] = b
			case 1:
				arn = append(arn[:i], append([]byte{b}, arn[i:]...)...)
			default:
				arn = append(arn[:i], arn[i+1:]...)
			}
		}
		want := form.Match(arn)
		if got := ValidRoleARN(string(arn)); got != want {
			t.Fatalf("ValidRoleARN(%q) = %t", arn, got)
		}
		if want {
			valid++
		}
	}
	if valid < cases/50 {
		t.Errorf("only %d of the ARNs were valid", valid)
	}
}
