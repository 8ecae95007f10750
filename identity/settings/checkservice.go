package settings

import (
	"net/mail"
	"regexp"
	"slices"
	"strings"
)

// What Amazon's service asks of settings that have no effect here, such as the
// region of a function. A protocol that answers as the service does asks for it
// with the request that gives such a setting. [Pool.Check] does not, so pools
// that were made in Go, or before a rule was known, can be used and changed.

// CheckService returns an [*Error] about the first of some settings that the
// service would refuse in a pool of an account. The settings are named as in
// [Error.Setting]: AutoVerified, Email, SMS, Triggers, Recovery, Passkeys or FirstFactors.
// What [Pool.Check] finds is not looked for.
func (s *Pool) CheckService(account string, about ...string) error {
	for _, check := range []struct {
		setting string
		check   func(account string) error
	}{
		{"AutoVerified", s.checkSMSThere},
		{"Email", s.checkEmail},
		{"SMS", s.checkSMSSender},
		{"Triggers", s.checkTargets},
		{"Recovery", s.checkRecoveryNames},
		{"Passkeys", s.checkRelyingParty},
		{"FirstFactors", s.checkFirstFactors},
	} {
		if !slices.Contains(about, check.setting) {
			continue
		}
		if err := check.check(account); err != nil {
			return err
		}
	}
	return nil
}

// checkFirstFactors refuses first factors that begin no sign-in where a second factor is demanded.
func (s *Pool) checkFirstFactors(string) error {
	if s.MFA != MFAOn {
		return nil
	}
	if slices.Contains(s.FirstFactors, FirstEmailOTP) || slices.Contains(s.FirstFactors, FirstSMSOTP) {
		return invalid("FirstFactors", FirstFactorWithMFA, "", "Where a second factor is demanded, sign-ins begin with a password or a passkey.")
	}
	if s.OffersPasskeys() && !s.PasskeysAreBothFactors() {
		return invalid("FirstFactors", PasskeyIsOneFactor, "", "Where a second factor is demanded, a passkey must be both factors.")
	}
	return nil
}

// checkSMSThere refuses codes by SMS without the means to send one.
func (s *Pool) checkSMSThere(string) error {
	if s.SMS == nil && slices.Contains(s.AutoVerified, "phone_number") {
		return invalid("AutoVerified", SMSMissing, "", "Codes to phone numbers need settings of SMS.")
	}
	return nil
}

// mailRegions are the regions from which the service sends mail for pools of
// any region. The region of the pool itself is believed to do too (unsure).
var mailRegions = []string{"eu-west-1", "us-east-1", "us-west-2"}

func (s *Pool) checkEmail(string) error {
	e := s.Email
	if e == nil {
		return nil
	}
	if e.From != nil {
		if _, err := mail.ParseAddress(*e.From); err != nil {
			return invalid("Email", MailFromMalformed, "", "The sender is an address, with a name or without.")
		}
	}
	switch own := e.Account != nil && *e.Account == "DEVELOPER"; {
	case own && e.SourceARN == nil:
		return invalid("Email", MailSourceMissing, "", "Mail of the developer's has an ARN that it is sent from.")
	case !own && e.SourceARN != nil:
		return invalid("Email", MailSourceNotYours, "", "Mail of the service's has no ARN of its own.")
	case own:
		regions := slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(mailRegions), s.Region))))
		if !slices.Contains(regions, arnPart(*e.SourceARN, arnRegion)) {
			return invalid("Email", MailSourceRegion, strings.Join(regions, ", "), "Mail cannot be sent from that region.")
		}
	}
	return nil
}

// smsRegions are regions that the service sends text messages from for pools of
// another region, as its guide lists them. Pools send from their own region, too.
var smsRegions = map[string]string{
	"ap-northeast-2": "ap-northeast-1", "ap-south-1": "ap-southeast-1", "ca-central-1": "us-east-1",
	"eu-central-1": "eu-west-1", "eu-west-2": "eu-west-1", "us-east-2": "us-east-1",
}

func (s *Pool) checkSMSSender(account string) error {
	m := s.SMS
	if m == nil {
		return nil
	}
	roles := []string{m.CallerARN}
	if m.EUMS != nil {
		roles = append(roles, m.EUMS.CallerARN)
	}
	for _, role := range roles {
		if role != "" && !OwnRole(role, account) {
			return invalid("SMS", RoleForeign, "", "The role that sends text messages is of another account.")
		}
	}
	if m.Region != nil && *m.Region != s.Region && *m.Region != smsRegions[s.Region] {
		return invalid("SMS", SMSRegion, s.Region, "Text messages are sent from the region of the pool.")
	}
	return nil
}

// OwnRole reports whether a role is of an account; ARNs that name no account are.
func OwnRole(arn, account string) bool {
	of := arnPart(arn, arnAccount)
	return of == "" || of == account
}

func (s *Pool) checkTargets(string) error {
	for _, t := range sortedKeys(s.Triggers) {
		if r := arnPart(s.Triggers[t].ARN, arnRegion); r != "" && r != s.Region {
			return invalid("Triggers", TriggerRegion, "", "The function of the trigger "+string(t)+" is in another region.")
		}
	}
	old, current := s.Triggers[PreTokenGenerationV1].ARN, s.Triggers[PreTokenGeneration].ARN
	if old != "" && current != "" && old != current {
		return invalid("Triggers", TriggersDiffer, "", "The two settings of the trigger before tokens name two functions.")
	}
	_, sms := s.Triggers[CustomSMSSender]
	_, email := s.Triggers[CustomEmailSender]
	if !sms && !email {
		return nil
	}
	if s.TriggerKey == nil {
		return invalid("Triggers", TriggerKeyMissing, "", "Custom senders need a key that codes are encrypted under.")
	}
	if r := arnPart(*s.TriggerKey, arnRegion); r != "" && r != s.Region {
		return invalid("Triggers", TriggerKeyRegion, r, "The key of custom senders is in another region.")
	}
	return nil
}

// checkRecoveryNames refuses a way to recover an account that is there twice. Twice
// the same priority is refused by checkRecovery.
func (s *Pool) checkRecoveryNames(string) error {
	seen := map[RecoveryName]bool{}
	for _, r := range s.Recovery {
		if seen[r.Name] {
			return invalid("Recovery", RecoveryNameTwice, "", "A way to recover an account is there twice.")
		}
		seen[r.Name] = true
	}
	return nil
}

// relyingPartyForm has the characters of a domain's name. What the service asks
// beyond that is not known.
var relyingPartyForm = regexp.MustCompile(`^[A-Za-z0-9.-]+$`)

func (s *Pool) checkRelyingParty(string) error {
	if p := s.Passkeys; p != nil && p.RelyingParty != nil && !relyingPartyForm.MatchString(*p.RelyingParty) {
		return invalid("Passkeys", RelyingPartyMalformed, "", "The relying party is the name of a domain, such as example.com.")
	}
	return nil
}

// CheckService returns an [*Error] if the service would refuse the analytics of
// a client in a pool of a region. What [Client.Check] finds is not looked for.
func (c *Client) CheckService(region string) error {
	a := c.Analytics
	if a == nil {
		return nil
	}
	byID := a.ApplicationID != nil && a.RoleARN != nil && a.ExternalID != nil && a.ApplicationARN == nil
	byARN := a.ApplicationARN != nil && a.ApplicationID == nil && a.RoleARN == nil && a.ExternalID == nil
	if !byID && !byARN {
		return invalid("Analytics", AnalyticsAmbiguous, "", "Analytics name an application by its ARN, or by its id with a role and an external id.")
	}
	if byARN {
		if r := arnPart(*a.ApplicationARN, arnRegion); r != "" && r != region {
			return invalid("Analytics", AnalyticsRegion, r, "The application of the analytics is in another region.")
		}
	}
	return nil
}

// The parts of an ARN: arn:partition:service:region:account:resource.
const (
	arnRegion  = 3
	arnAccount = 4
)

// arnPart is a part of an ARN, "" where it is empty or the text is no ARN.
func arnPart(arn string, part int) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		return ""
	}
	return parts[part]
}
