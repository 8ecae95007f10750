package settings_test

import (
	"testing"

	"github.com/cognate-id/cognate/identity/settings"
)

const (
	account  = "123456789012"
	function = "arn:aws:lambda:us-east-1:123456789012:function:f"
	mailbox  = ":123456789012:identity/box@example.com"
	myRole   = "arn:aws:iam::123456789012:role/r"
	foreign  = "arn:aws:iam::999999999999:role/r"
)

// all are the settings that [settings.Pool.CheckService] has rules for.
var all = []string{"AutoVerified", "Email", "SMS", "Triggers", "Recovery", "Passkeys", "FirstFactors"}

func triggers(pairs ...string) map[settings.Trigger]settings.TriggerTarget {
	out := map[settings.Trigger]settings.TriggerTarget{}
	for i := 0; i < len(pairs); i += 2 {
		out[settings.Trigger(pairs[i])] = settings.TriggerTarget{ARN: pairs[i+1]}
	}
	return out
}

func developer(arn string) *settings.Email {
	return &settings.Email{Account: new("DEVELOPER"), SourceARN: &arn}
}

// badForService are settings that the service alone refuses.
var badForService = []struct {
	name, setting string
	code          settings.Code
	about         string
	pool          settings.Pool
}{
	{"phone number without SMS", "AutoVerified", settings.SMSMissing, "", settings.Pool{AutoVerified: []string{"email", "phone_number"}}},
	{"From", "Email", settings.MailFromMalformed, "", settings.Pool{Email: &settings.Email{From: new("no address")}}},
	{"mail of the developer's", "Email", settings.MailSourceMissing, "", settings.Pool{Email: &settings.Email{Account: new("DEVELOPER")}}},
	{"mail of the service's", "Email", settings.MailSourceNotYours, "", settings.Pool{Email: &settings.Email{Account: new("COGNITO_DEFAULT"), SourceARN: new("arn:aws:ses:us-east-1" + mailbox)}}},
	{"mail of nobody's", "Email", settings.MailSourceNotYours, "", settings.Pool{Email: &settings.Email{SourceARN: new("arn:aws:ses:us-east-1" + mailbox)}}},
	{"mail from elsewhere", "Email", settings.MailSourceRegion, "eu-west-1, us-east-1, us-west-2", settings.Pool{Email: developer("arn:aws:ses:eu-central-1" + mailbox)}},
	{"mail from no ARN", "Email", settings.MailSourceRegion, "eu-west-1, us-east-1, us-west-2", settings.Pool{Email: developer("box@example.com")}},
	{"mail from elsewhere, region of its own", "Email", settings.MailSourceRegion, "eu-west-1, sa-east-1, us-east-1, us-west-2", settings.Pool{Region: "sa-east-1", Email: developer("arn:aws:ses:eu-central-1" + mailbox)}},
	{"role of another account", "SMS", settings.RoleForeign, "", settings.Pool{SMS: &settings.SMS{CallerARN: foreign}}},
	{"role of another account for EUMS", "SMS", settings.RoleForeign, "", settings.Pool{SMS: &settings.SMS{EUMS: &settings.EUMS{CallerARN: foreign}}}},
	{"SMS from elsewhere", "SMS", settings.SMSRegion, "us-east-1", settings.Pool{SMS: &settings.SMS{CallerARN: myRole, Region: new("eu-west-1")}}},
	{"function elsewhere", "Triggers", settings.TriggerRegion, "", settings.Pool{Triggers: triggers("PreSignUp", "arn:aws:lambda:eu-west-1:123456789012:function:f")}},
	{"two functions before tokens", "Triggers", settings.TriggersDiffer, "", settings.Pool{Triggers: triggers("PreTokenGenerationV1", function, "PreTokenGeneration", function+"2")}},
	{"SMS sender without a key", "Triggers", settings.TriggerKeyMissing, "", settings.Pool{Triggers: triggers("CustomSMSSender", function)}},
	{"mail sender without a key", "Triggers", settings.TriggerKeyMissing, "", settings.Pool{Triggers: triggers("CustomEmailSender", function)}},
	{"key elsewhere", "Triggers", settings.TriggerKeyRegion, "ap-northeast-1", settings.Pool{Triggers: triggers("CustomEmailSender", function), TriggerKey: new("arn:aws:kms:ap-northeast-1:123456789012:key/k")}},
	{"recovery twice", "Recovery", settings.RecoveryNameTwice, "", settings.Pool{Recovery: []settings.RecoveryOption{{Name: settings.RecoverByEmail, Priority: 1}, {Name: settings.RecoverByEmail, Priority: 2}}}},
	{"relying party with a scheme", "Passkeys", settings.RelyingPartyMalformed, "", settings.Pool{Passkeys: &settings.Passkeys{RelyingParty: new("https://example.com")}}},
	{"relying party with a port", "Passkeys", settings.RelyingPartyMalformed, "", settings.Pool{Passkeys: &settings.Passkeys{RelyingParty: new("example.com:443")}}},
	{"code first with MFA", "FirstFactors", settings.FirstFactorWithMFA, "", settings.Pool{MFA: settings.MFAOn, SMSMFA: true, FirstFactors: []settings.FirstFactor{settings.FirstPassword, settings.FirstSMSOTP}}},
	{"passkey as one factor with MFA", "FirstFactors", settings.PasskeyIsOneFactor, "", settings.Pool{MFA: settings.MFAOn, SMSMFA: true, FirstFactors: []settings.FirstFactor{settings.FirstPassword, settings.FirstPasskey}}},
}

func TestPoolCheckService(t *testing.T) {
	for _, tt := range badForService {
		s := tt.pool
		s.Name = "test"
		if s.Region == "" {
			s.Region = "us-east-1"
		}
		wantError(t, tt.name, s.CheckService(account, all...), tt.setting, tt.code, tt.about)
		if err := s.Check(); err != nil {
			t.Errorf("%s: %v, want it to be the service's rule alone", tt.name, err)
		}
		for _, other := range all {
			if err := s.CheckService(account, other); other != tt.setting && err != nil {
				t.Errorf("%s: %v, although only %s is asked about", tt.name, err, other)
			}
		}
	}
}

// What the service takes, CheckService takes.
func TestPoolCheckServiceTakes(t *testing.T) {
	for name, s := range map[string]settings.Pool{
		"nothing":            {},
		"codes by SMS":       {AutoVerified: []string{"phone_number"}, SMS: &settings.SMS{CallerARN: myRole, Region: new("us-east-1")}},
		"EUMS":               {SMS: &settings.SMS{EUMS: &settings.EUMS{CallerARN: myRole}}},
		"mail of the own":    {Email: developer("arn:aws:ses:us-west-2" + mailbox)},
		"mail with a name":   {Email: &settings.Email{From: new("Acme <no-reply@example.com>")}},
		"functions":          {Triggers: triggers("PreTokenGenerationV1", function, "PreTokenGeneration", function, "PreSignUp", "f")},
		"senders":            {Triggers: triggers("CustomSMSSender", function, "CustomEmailSender", function), TriggerKey: new("arn:aws:kms:us-east-1:123456789012:key/k")},
		"key by its alias":   {Triggers: triggers("CustomSMSSender", function), TriggerKey: new("alias/key")},
		"recovery":           {Recovery: []settings.RecoveryOption{{Name: settings.RecoverByEmail, Priority: 1}, {Name: settings.RecoverByPhone, Priority: 2}}},
		"relying party":      {Passkeys: &settings.Passkeys{RelyingParty: new("auth.example.com")}},
		"no relying party":   {Passkeys: &settings.Passkeys{}},
		"SMS of old regions": {Region: "eu-central-1", SMS: &settings.SMS{CallerARN: myRole, Region: new("eu-west-1")}},
		"mail of its region": {Region: "eu-central-1", Email: developer("arn:aws:ses:eu-central-1" + mailbox)},
	} {
		if s.Region == "" {
			s.Region = "us-east-1"
		}
		if err := s.CheckService(account, all...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// badAnalytics are analytics that the service refuses.
var badAnalytics = []struct {
	name      string
	code      settings.Code
	about     string
	analytics settings.Analytics
}{
	{"id alone", settings.AnalyticsAmbiguous, "", settings.Analytics{ApplicationID: new("a")}},
	{"id and role", settings.AnalyticsAmbiguous, "", settings.Analytics{ApplicationID: new("a"), RoleARN: new(myRole)}},
	{"id and ARN", settings.AnalyticsAmbiguous, "", settings.Analytics{ApplicationID: new("a"), ApplicationARN: new("arn:aws:mobiletargeting:us-east-1:123456789012:apps/a")}},
	{"nothing", settings.AnalyticsAmbiguous, "", settings.Analytics{}},
	{"ARN of elsewhere", settings.AnalyticsRegion, "ap-northeast-1", settings.Analytics{ApplicationARN: new("arn:aws:mobiletargeting:ap-northeast-1:123456789012:apps/a")}},
}

func TestClientCheckService(t *testing.T) {
	for _, tt := range badAnalytics {
		c := settings.Client{Analytics: &tt.analytics}
		wantError(t, tt.name, c.CheckService("us-east-1"), "Analytics", tt.code, tt.about)
	}
	for _, a := range []*settings.Analytics{
		nil,
		{ApplicationARN: new("arn:aws:mobiletargeting:us-east-1:123456789012:apps/a"), UserDataShared: new(true)},
		{ApplicationID: new("a"), RoleARN: new(myRole), ExternalID: new("x")},
	} {
		if err := (&settings.Client{Analytics: a}).CheckService("us-east-1"); err != nil {
			t.Errorf("%+v: %v", a, err)
		}
	}
}

// The names of flows without ALLOW_ add to refresh and SRP; CUSTOM_AUTH_FLOW_ONLY takes SRP away.
func TestLegacyFlows(t *testing.T) {
	for _, tt := range []struct {
		flows                []settings.AuthFlow
		srp, refresh, custom bool
	}{
		{[]settings.AuthFlow{settings.LegacyUserPassword}, true, true, false},
		{[]settings.AuthFlow{settings.LegacyAdminNoSRP}, true, true, false},
		{[]settings.AuthFlow{settings.LegacyCustomOnly}, false, true, true},
		{[]settings.AuthFlow{settings.LegacyCustomOnly, settings.LegacyAdminNoSRP}, false, true, true},
		{[]settings.AuthFlow{settings.AllowUserPassword}, false, false, false},
		{[]settings.AuthFlow{settings.AllowUserSRP}, true, false, false},
	} {
		pool, c := &settings.Pool{}, &settings.Client{AuthFlows: tt.flows}
		if srp, refresh, custom := pool.Allows(c, settings.AllowUserSRP), pool.Allows(c, settings.AllowRefresh), pool.Allows(c, settings.AllowCustom); srp != tt.srp || refresh != tt.refresh || custom != tt.custom {
			t.Errorf("%v: SRP %t, refresh %t, custom %t", tt.flows, srp, refresh, custom)
		}
		for _, f := range tt.flows {
			if !pool.Allows(c, f) {
				t.Errorf("%v: %s is not allowed", tt.flows, f)
			}
		}
	}
}
