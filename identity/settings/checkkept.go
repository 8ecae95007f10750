package settings

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// A choice is a setting that has one of a few values; nil is unset.
type choice struct {
	setting string
	value   *string
	from    []string
}

// checkKept returns an error if a setting that is stored and shown has a value
// that is not one of its values.
func (s *Pool) checkKept() error {
	var choices []choice
	switch s.Tier {
	case "", TierLite, TierEssentials, TierPlus:
	default:
		return plain("Tier", "%q is not one of LITE, ESSENTIALS, PLUS.", s.Tier)
	}
	if e := s.Email; e != nil {
		choices = append(choices, choice{"Email", e.Account, []string{"COGNITO_DEFAULT", "DEVELOPER"}})
	}
	if t := s.ThreatProtection; t != nil {
		choices = append(choices, choice{"ThreatProtection", &t.Mode, []string{"OFF", "AUDIT", "ENFORCED"}})
		if f := t.Flows; f != nil {
			choices = append(choices, choice{"ThreatProtection", f.CustomAuth, []string{"AUDIT", "ENFORCED"}})
		}
	}
	if p := s.Passkeys; p != nil {
		choices = append(choices,
			choice{"Passkeys", p.UserVerification, []string{"required", "preferred"}},
			choice{"Passkeys", p.Factor, []string{"SINGLE_FACTOR", "MULTI_FACTOR_WITH_USER_VERIFICATION"}})
	}
	if k := s.EncryptionKey; k != nil {
		choices = append(choices, choice{"EncryptionKey", k.Type, []string{"AWS_OWNED_KEY", "CUSTOMER_MANAGED_KEY"}})
		if k.Type != nil && *k.Type == "CUSTOMER_MANAGED_KEY" && k.ARN == nil {
			return plain("EncryptionKey", "A customer managed key has an ARN.")
		}
	}
	if m := s.SMS; m != nil && m.EUMS != nil {
		if m.CallerARN != "" {
			return plain("SMS", "Text messages go through SNS or through EUMS, not both.")
		}
		if r := m.EUMS.Region; r != nil && *r != s.Region {
			return plain("SMS", "The region of EUMS is that of the pool, %s.", s.Region)
		}
	}
	for _, c := range choices {
		if c.value != nil && !slices.Contains(c.from, *c.value) {
			return plain(c.setting, "%q is not one of %s.", *c.value, strings.Join(c.from, ", "))
		}
	}
	return nil
}

// What the texts of messages must hold to be of use.
var (
	holdsCode = regexp.MustCompile(`\{####\}`)
	holdsLink = regexp.MustCompile(`(?s)\{##.*##\}`)
	holdsAny  = regexp.MustCompile(``)
)

// The longest texts of messages, in characters, and the shortest.
const (
	longestSMS     = 140
	longestMail    = 20_000
	longestSubject = 140
	shortestText   = 6
)

// A messageText is a text of the operator's for messages; nil is unset.
type messageText struct {
	setting     string
	text        *string
	least, most int
	holds       *regexp.Regexp
}

// checkTexts holds the texts of messages to their lengths, and to what they
// must hold: a message without its code would be of no use to who gets it.
func (s *Pool) checkTexts() error {
	for _, t := range s.texts() {
		if t.text == nil {
			continue
		}
		if n := utf8.RuneCountInString(*t.text); n < t.least || n > t.most {
			return plain(t.setting, "The text has %d to %d characters.", t.least, t.most)
		}
		if !t.holds.MatchString(*t.text) {
			return plain(t.setting, "The text lacks the place of the code, {####}, or of the link, {##text##}.")
		}
	}
	return nil
}

func (s *Pool) texts() []messageText {
	texts := []messageText{
		{"SMSVerificationMessage", s.SMSVerificationMessage, shortestText, longestSMS, holdsCode},
		{"SMSAuthenticationMessage", s.SMSAuthenticationMessage, shortestText, longestSMS, holdsCode},
		{"EmailVerificationMessage", s.EmailVerificationMessage, shortestText, longestMail, holdsCode},
		{"EmailVerificationSubject", s.EmailVerificationSubject, 1, longestSubject, holdsAny},
	}
	if m := s.EmailMFA; m != nil {
		texts = append(texts,
			messageText{"EmailMFA", m.Message, shortestText, longestMail, holdsCode},
			messageText{"EmailMFA", m.Subject, 1, longestSubject, holdsAny})
	}
	if v := s.Verification; v != nil {
		texts = append(texts,
			messageText{"Verification", v.SMS, shortestText, longestSMS, holdsCode},
			messageText{"Verification", v.Email, shortestText, longestMail, holdsCode},
			messageText{"Verification", v.Subject, 1, longestSubject, holdsAny},
			messageText{"Verification", v.EmailByLink, shortestText, longestMail, holdsLink},
			messageText{"Verification", v.SubjectByLink, 1, longestSubject, holdsAny})
	}
	if i := s.Invitation; i != nil { // the service asks no more of them
		texts = append(texts,
			messageText{"Invitation", i.SMS, shortestText, longestSMS, holdsAny},
			messageText{"Invitation", i.Email, shortestText, longestMail, holdsAny},
			messageText{"Invitation", i.Subject, 1, longestSubject, holdsAny})
	}
	return texts
}

var knownTriggers = []Trigger{
	PreSignUp, PostConfirmation, PreAuthentication, PostAuthentication, CustomMessage, PreTokenGeneration, PreTokenGenerationV1,
	UserMigration, DefineAuthChallenge, CreateAuthChallenge, VerifyAuthChallenge, CustomSMSSender, CustomEmailSender, InboundFederation,
}

// checkTriggers returns an error if a trigger is unknown. Its function would never run.
func (s *Pool) checkTriggers() error {
	for _, t := range sortedKeys(s.Triggers) {
		if !slices.Contains(knownTriggers, t) {
			return plain("Triggers", "There is no trigger %q.", t)
		}
	}
	return nil
}

const (
	maxTags     = 50
	maxTagKey   = 128 // characters
	maxTagValue = 256
)

func (s *Pool) checkTags() error {
	if len(s.Tags) > maxTags {
		return plain("Tags", "A user pool has at most %d tags.", maxTags)
	}
	for _, key := range sortedKeys(s.Tags) {
		if n := utf8.RuneCountInString(key); n == 0 || n > maxTagKey || utf8.RuneCountInString(s.Tags[key]) > maxTagValue {
			return plain("Tags", "The key of a tag has 1 to 128 characters, its value up to 256.")
		}
	}
	return nil
}

// maxPasskeyOrigins is how many further origins may use the passkeys of a pool.
const maxPasskeyOrigins = 20

// passkeyOriginForm is an origin as browsers write it, or as Android names an app.
var passkeyOriginForm = regexp.MustCompile(`^(https://[a-z0-9.-]+(:[0-9]{1,5})?|http://localhost(:[0-9]{1,5})?|android:apk-key-hash:[A-Za-z0-9_-]{1,64})$`)

func (s *Pool) checkPasskeyOrigins() error {
	if len(s.PasskeyOrigins) > maxPasskeyOrigins {
		return plain("PasskeyOrigins", "There are at most %d origins.", maxPasskeyOrigins)
	}
	for _, o := range s.PasskeyOrigins {
		if !passkeyOriginForm.MatchString(o) {
			return plain("PasskeyOrigins", "%q is no origin, such as https://app.example.org, in lower case and without a path.", o)
		}
	}
	return nil
}
