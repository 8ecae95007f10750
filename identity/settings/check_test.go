package settings_test

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity/settings"
)

func custom(name string) settings.Attribute {
	return settings.Attribute{Name: name, Type: settings.TypeString, Mutable: true}
}

// TestInvalidPools has values beyond the edges of the settings of a pool.
func TestInvalidPools(t *testing.T) {
	var many []settings.Attribute
	for i := range 51 {
		many = append(many, custom("custom:a"+strings.Repeat("x", i%10)+string(rune('a'+i/10))))
	}
	bounded := func(typ settings.AttributeType, least, most string) []settings.Attribute {
		a := custom("custom:a")
		a.Type, a.Bounds = typ, &settings.Bounds{Min: &least, Max: &most}
		return schema(a)
	}
	typed := settings.StandardSchema()
	typed[0].Type = settings.TypeNumber
	required := custom("custom:a")
	required.Required = true
	phone := []string{"phone_number"}
	for setting, all := range map[string][]settings.Pool{
		"Name":               {{Name: strings.Repeat("a", 129)}},
		"Region":             {{Region: "nowhere"}, {Region: "us-east"}},
		"Aliases":            {{Aliases: email, UsernameAttributes: email}, {Aliases: []string{"name"}}},
		"UsernameAttributes": {{UsernameAttributes: []string{"preferred_username"}}},
		"AutoVerified":       {{AutoVerified: []string{"name"}}},
		"VerifyBeforeUpdate": {{VerifyBeforeUpdate: []string{"name"}}, {AutoVerified: email, VerifyBeforeUpdate: phone}},
		"PasswordPolicy": {
			{PasswordPolicy: &settings.PasswordPolicy{MinimumLength: 5}},
			{PasswordPolicy: &settings.PasswordPolicy{MinimumLength: 100}},
			{PasswordPolicy: &settings.PasswordPolicy{TemporaryDays: -1}},
			{PasswordPolicy: &settings.PasswordPolicy{TemporaryDays: 366}},
			{PasswordPolicy: &settings.PasswordPolicy{HistorySize: new(-1)}},
			{PasswordPolicy: &settings.PasswordPolicy{HistorySize: new(25)}},
		},
		"FirstFactors": {{FirstFactors: []settings.FirstFactor{}}, {FirstFactors: []settings.FirstFactor{"EMAIL_OTP"}}, {FirstFactors: []settings.FirstFactor{"PASSWORD", "x"}}},
		"Schema": {
			{Schema: []settings.Attribute{}},
			{Schema: settings.StandardSchema()[1:]},
			{Schema: typed},
			{Schema: schema(settings.StandardSchema()[0])},
			{Schema: schema(custom("colour"))},
			{Schema: schema(custom("custom:"))},
			{Schema: schema(custom("custom:" + strings.Repeat("a", 21)))},
			{Schema: schema(custom("custom:two words"))},
			{Schema: schema(required)},
			{Schema: schema(settings.Attribute{Name: "custom:a", Type: "Blob"})},
			{Schema: schema(many...)},
			{Schema: bounded(settings.TypeString, "0", "2049")},
			{Schema: bounded(settings.TypeString, "5", "4")},
			{Schema: bounded(settings.TypeString, "x", "4")},
			{Schema: bounded(settings.TypeNumber, "5", "4")},
			{Schema: bounded(settings.TypeNumber, "5", "99999999999999999999")},
		},
		"MFA":               {{MFA: "MAYBE"}, {MFA: "ON"}, {MFA: "OPTIONAL"}, {TOTP: new(true)}, {MFA: "OFF", SMSMFA: true}},
		"Recovery":          {{Recovery: []settings.RecoveryOption{{Name: "verified_email", Priority: 1}, {Name: "verified_phone_number", Priority: 1}}}, {Recovery: []settings.RecoveryOption{{Name: "verified_email", Priority: 1}, {Name: "admin_only", Priority: 2}}}, {Recovery: []settings.RecoveryOption{{Name: "pigeon", Priority: 1}}}, {Recovery: []settings.RecoveryOption{{Name: "admin_only"}}}, {Recovery: []settings.RecoveryOption{{Name: "admin_only", Priority: 3}}}},
		"UnusedAccountDays": {{UnusedAccountDays: new(-1)}, {UnusedAccountDays: new(366)}},
		"Algorithm":         {{Algorithm: "HS256"}, {Algorithm: "none"}, {Algorithm: "RS512"}},
		"Issuer":            {{Issuer: "example.com"}, {Issuer: "ftp://example.com"}, {Issuer: "https://example.com/?a"}, {Issuer: "https://example.com/#a"}, {Issuer: "https://"}},
		"PasskeyOrigins": {
			{PasskeyOrigins: []string{""}},
			{PasskeyOrigins: []string{"https://example.com/"}},
			{PasskeyOrigins: []string{"https://Example.com"}},
			{PasskeyOrigins: []string{"http://example.com"}},
			{PasskeyOrigins: []string{"https://*.example.com"}},
			{PasskeyOrigins: []string{"https://a@b.c"}},
			{PasskeyOrigins: []string{"http://localhost:*"}},
			{PasskeyOrigins: []string{"null"}},
			{PasskeyOrigins: slices.Repeat([]string{"https://a.b"}, 21)},
		},
	} {
		for _, s := range all {
			s.Name, s.Region = cmp.Or(s.Name, "test"), cmp.Or(s.Region, "us-east-1")
			err := s.Check()
			if e, ok := errors.AsType[*settings.Error](err); !ok || e.Setting != setting || !errors.Is(err, settings.ErrInvalid) {
				t.Errorf("%s of %+v: %v, want it refused", setting, s, err)
			}
		}
	}
}

// TestInvalidTexts has texts and names that would be of no use to who gets them.
func TestInvalidTexts(t *testing.T) {
	text := func(n int, holds string) *string { return new(strings.Repeat("\u597d", n-len(holds)) + holds) }
	many := map[string]string{}
	for i := range 51 {
		many[fmt.Sprint(i)] = ""
	}
	long := text(141, "{####}")
	for setting, all := range map[string][]settings.Pool{
		"SMSVerificationMessage":   {{SMSVerificationMessage: new("Hello, you")}, {SMSVerificationMessage: long}},
		"SMSAuthenticationMessage": {{SMSAuthenticationMessage: new("{###} is it")}, {SMSAuthenticationMessage: long}},
		"EmailVerificationMessage": {{EmailVerificationMessage: new("Hello, you")}, {EmailVerificationMessage: text(20_001, "{####}")}},
		"EmailVerificationSubject": {{EmailVerificationSubject: new("")}, {EmailVerificationSubject: long}},
		"Verification": {
			{Verification: &settings.VerificationTemplate{SMS: new("Hello, you")}},
			{Verification: &settings.VerificationTemplate{Email: new("Hello, you")}},
			{Verification: &settings.VerificationTemplate{Subject: new("")}},
			{Verification: &settings.VerificationTemplate{EmailByLink: new("Hello, you")}},
			{Verification: &settings.VerificationTemplate{SubjectByLink: long}},
		},
		"Invitation": {
			{Invitation: &settings.MessageTemplate{SMS: new("")}},
			{Invitation: &settings.MessageTemplate{Email: new("short")}},
			{Invitation: &settings.MessageTemplate{Subject: long}},
		},
		"Triggers":         {{Triggers: map[settings.Trigger]settings.TriggerTarget{"Sunset": {ARN: "x"}}}},
		"Tags":             {{Tags: many}, {Tags: map[string]string{"": "v"}}, {Tags: map[string]string{"k": strings.Repeat("v", 257)}}, {Tags: map[string]string{strings.Repeat("k", 129): "v"}}},
		"Tier":             {{Tier: "GOLD"}},
		"Email":            {{Email: &settings.Email{Account: new("MINE")}}},
		"ThreatProtection": {{ThreatProtection: &settings.Threats{}}, {ThreatProtection: &settings.Threats{Mode: "OFF", Flows: &settings.ThreatFlows{CustomAuth: new("OFF")}}}},
		"LevelNames": {
			{LevelNames: map[settings.Level]string{0: "x"}},
			{LevelNames: map[settings.Level]string{5: "x"}},
			{LevelNames: map[settings.Level]string{1: ""}},
			{LevelNames: map[settings.Level]string{1: strings.Repeat("x", 65)}},
			{LevelNames: map[settings.Level]string{1: "a b"}},
			{LevelNames: map[settings.Level]string{1: `a"`}},
			{LevelNames: map[settings.Level]string{1: `a\\`}},
			{LevelNames: map[settings.Level]string{1: "\u00e9"}},
			{LevelNames: map[settings.Level]string{1: "\x7f"}},
			{LevelNames: map[settings.Level]string{1: "\xff"}},
			{LevelNames: map[settings.Level]string{1: "x", 4: "x"}},
			{LevelNames: map[settings.Level]string{1: "urn:cognito:loa:3"}},
		},
		"Passkeys": {{Passkeys: &settings.Passkeys{UserVerification: new("never")}}, {Passkeys: &settings.Passkeys{Factor: new("MANY")}}},
	} {
		for _, s := range all {
			s.Name, s.Region = "test", "us-east-1"
			err := s.Check()
			if e, ok := errors.AsType[*settings.Error](err); !ok || e.Setting != setting {
				t.Errorf("%s of %+v: %v, want it refused", setting, s, err)
			}
		}
	}
}

// TestValidPools has values just within the edges.
func TestValidPools(t *testing.T) {
	least, most := "-5", "5"
	number := settings.Attribute{Name: "custom:n", Type: settings.TypeNumber, Bounds: &settings.Bounds{Min: &least, Max: &most}}
	hidden := settings.Attribute{Name: "dev:custom:h", Type: settings.TypeBoolean, DeveloperOnly: true}
	for _, s := range []settings.Pool{
		{Region: "us-gov-west-1"},
		{PasskeyOrigins: append(slices.Repeat([]string{"https://a.b"}, 17), "http://localhost:3000", "https://a.b:8443", "android:apk-key-hash:Ab_-1")},
		{Region: "cn-north-1"},
		{LevelNames: map[settings.Level]string{1: "urn:cognito:loa:2", 2: "urn:cognito:loa:1", 3: "!", 4: strings.Repeat("~", 64)}},
		{Schema: schema(number, hidden, custom("custom:gr\u00f6\u00dfe"))},
		{Aliases: []string{"email", "phone_number", "preferred_username"}},
		{MFA: "OPTIONAL", SMSMFA: true},
		{MFA: "ON", TOTP: new(true)},
		{MFA: "OFF", TOTP: new(false)},
		{SMSVerificationMessage: new(strings.Repeat("\u597d", 134) + "{####}"), EmailVerificationSubject: new("x")},
		{Verification: &settings.VerificationTemplate{EmailByLink: new("{##Verify\nme##}")}},
		{Invitation: &settings.MessageTemplate{SMS: new("Come in"), Subject: new("x")}},
		{Tags: map[string]string{strings.Repeat("\u597d", 128): strings.Repeat("\u597d", 256)}},
		{Recovery: []settings.RecoveryOption{{Name: "verified_phone_number", Priority: 2}, {Name: "verified_email", Priority: 1}}},
		{PasswordPolicy: &settings.PasswordPolicy{MinimumLength: 6}},
		{PasswordPolicy: &settings.PasswordPolicy{MinimumLength: 99, HistorySize: new(0)}},
		{AutoVerified: []string{"email"}, VerifyBeforeUpdate: []string{"email"}},
		{FirstFactors: []settings.FirstFactor{"EMAIL_OTP", "PASSWORD"}},
	} {
		s.Name, s.Region = "test", cmp.Or(s.Region, "us-east-1")
		if err := s.Check(); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

// TestInvalidClients has values beyond the edges of the settings of a client.
func TestInvalidClients(t *testing.T) {
	pool := &settings.Pool{Name: "test", Region: "us-east-1", Schema: settings.StandardSchema()}
	i := slices.IndexFunc(pool.Schema, func(a settings.Attribute) bool { return a.Name == "name" })
	pool.Schema[i].Required = true
	hours := func(n int) *int { return &n }
	for setting, all := range map[string][]settings.Client{
		"Name":                       {{Name: strings.Repeat("a", 129)}},
		"Secret":                     {{Secret: "short"}, {Secret: settings.Secret(strings.Repeat("a", 65))}, {Secret: settings.Secret(strings.Repeat("-", 30))}, {GenerateSecret: true, Secret: settings.Secret(strings.Repeat("a", 30))}},
		"PropagateContext":           {{PropagateContext: new(true)}},
		"AuthFlows":                  {{AuthFlows: []settings.AuthFlow{"x"}}, {AuthFlows: []settings.AuthFlow{settings.AllowRefresh, settings.LegacyAdminNoSRP}}},
		"Rotation":                   {{AuthFlows: []settings.AuthFlow{settings.AllowRefresh}, Rotation: &settings.RefreshRotation{Enabled: true}}, {Rotation: &settings.RefreshRotation{GraceSeconds: new(61)}}, {Rotation: &settings.RefreshRotation{GraceSeconds: new(-1)}}},
		"SessionMinutes":             {{SessionMinutes: new(2)}, {SessionMinutes: new(16)}},
		"PreventUserExistenceErrors": {{PreventUserExistenceErrors: new("MAYBE")}},
		"AccessTokenValidity": {
			{AccessTokenValidity: hours(25)},
			{AccessTokenValidity: hours(4), Units: settings.TokenUnits{Access: new("minutes")}},
			{IDTokenValidity: hours(25)},
			{AccessTokenValidity: hours(-1)},
			{AccessTokenValidity: hours(math.MaxInt)},
			{RefreshTokenValidity: hours(3651)},
			{RefreshTokenValidity: hours(59), Units: settings.TokenUnits{Refresh: new("minutes")}},
			{RefreshTokenValidity: hours(1<<48 + 30)},
			{RefreshTokenValidity: hours(math.MaxInt)},
			{RefreshTokenValidity: hours(-1<<48 + 30)},
			{AccessTokenValidity: hours(1<<51 + 1)},
		},
		"Units":                {{AccessTokenValidity: hours(1), Units: settings.TokenUnits{Access: new("fortnights")}}, {Units: settings.TokenUnits{Refresh: new("")}}},
		"RefreshTokenValidity": {{RefreshTokenValidity: hours(1), Units: settings.TokenUnits{Refresh: new("hours")}, AccessTokenValidity: hours(2)}},
		"ReadAttributes":       {{ReadAttributes: []string{"colour"}}},
		"WriteAttributes": {
			{WriteAttributes: []string{"name", "sub"}},
			{WriteAttributes: []string{"name", "email_verified"}},
			{WriteAttributes: []string{"name", "colour"}},
			{WriteAttributes: []string{"email"}},
		},
		"OAuthFlows": {{OAuth: true}, {OAuth: true, OAuthFlows: []string{"code"}, CallbackURLs: []string{"https://example.com"}}},
		"OAuthFlow": {
			{OAuthFlows: []string{"client_credentials", "code"}, GenerateSecret: true},
			{OAuthFlows: []string{"client_credentials"}},
			{OAuthFlows: []string{"code"}},
		},
		"CallbackURLs": {
			{CallbackURLs: []string{"/relative"}},
			{CallbackURLs: []string{"http://example.com"}},
			{CallbackURLs: []string{"https://example.com/#a"}},
			{CallbackURLs: []string{"javascript:alert(1)"}},
			{CallbackURLs: []string{"data:text/html,x"}},
			{CallbackURLs: []string{"http://localhost.example.com"}},
			{CallbackURLs: []string{"http://localhost@example.com"}},
		},
		"LogoutURLs":         {{LogoutURLs: []string{"https://"}}},
		"DefaultRedirectURI": {{CallbackURLs: []string{"https://example.com"}, DefaultRedirectURI: new("https://example.com/")}},
	} {
		for _, c := range all {
			c.Name = cmp.Or(c.Name, "test")
			err := c.Check(pool)
			e, ok := errors.AsType[*settings.Error](err)
			if !ok || e.Setting != setting {
				t.Errorf("%s of %+v: %v, want it refused", setting, c, err)
			} else if e.OAuthFlow() != (setting == "OAuthFlow") {
				t.Errorf("%s: OAuthFlow is %t", setting, e.OAuthFlow())
			}
		}
	}
}

// TestValidClients has values just within the edges.
func TestValidClients(t *testing.T) {
	pool := &settings.Pool{Name: "test", Region: "us-east-1"}
	for _, c := range []settings.Client{
		{},
		{GenerateSecret: true},
		{Secret: "abcdefghijklmnopqrstuvwxyz_+09"},
		{RefreshTokenValidity: new(0)},
		{RefreshTokenValidity: new(3650)},
		{AccessTokenValidity: new(24), IDTokenValidity: new(300), Units: settings.TokenUnits{ID: new("seconds")}},
		{CallbackURLs: []string{"https://example.com", "http://localhost:3000/cb", "http://127.0.0.1", "http://[::1]:8080/", "myapp://signed-in"}},
		{WriteAttributes: []string{}, ReadAttributes: []string{"sub", "email_verified"}},
		{OAuth: true, OAuthFlows: []string{"client_credentials"}, OAuthScopes: []string{"a/b"}, GenerateSecret: true},
	} {
		c.Name = "test"
		if err := c.Check(pool); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
