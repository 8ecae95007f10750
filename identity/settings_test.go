package identity_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
)

// with is the standard schema and more.
func with(more ...identity.SchemaAttribute) []identity.SchemaAttribute {
	return append(identity.StandardSchema(), more...)
}

func custom(name string) identity.SchemaAttribute {
	return identity.SchemaAttribute{Name: name, Type: identity.TypeString, Mutable: true}
}

func TestPoolSettingsThatCannotBeAreRefused(t *testing.T) {
	var many []identity.SchemaAttribute
	for i := range 51 {
		many = append(many, custom("custom:a"+strings.Repeat("x", i%10)+string(rune('a'+i/10))))
	}
	bounded := func(typ identity.AttributeType, least, most string) []identity.SchemaAttribute {
		a := custom("custom:a")
		a.Type, a.Bounds = typ, &identity.AttributeBounds{Min: &least, Max: &most}
		return with(a)
	}
	typed := identity.StandardSchema()
	typed[0].Type = identity.TypeNumber
	required := custom("custom:a")
	required.Required = true
	email, phone := []string{"email"}, []string{"phone_number"}
	for setting, all := range map[string][]identity.PoolSettings{
		"Name":               {{Name: strings.Repeat("a", 129)}},
		"Region":             {{Region: "nowhere"}, {Region: "us-east"}},
		"Aliases":            {{Aliases: email, UsernameAttributes: email}, {Aliases: []string{"name"}}},
		"UsernameAttributes": {{UsernameAttributes: []string{"preferred_username"}}},
		"AutoVerified":       {{AutoVerified: []string{"name"}}},
		"VerifyBeforeUpdate": {{VerifyBeforeUpdate: []string{"name"}}, {AutoVerified: email, VerifyBeforeUpdate: phone}},
		"PasswordPolicy": {
			{PasswordPolicy: &identity.PasswordPolicy{MinimumLength: 5}},
			{PasswordPolicy: &identity.PasswordPolicy{MinimumLength: 100}},
			{PasswordPolicy: &identity.PasswordPolicy{TemporaryDays: -1}},
			{PasswordPolicy: &identity.PasswordPolicy{TemporaryDays: 366}},
			{PasswordPolicy: &identity.PasswordPolicy{HistorySize: ptr(-1)}},
			{PasswordPolicy: &identity.PasswordPolicy{HistorySize: ptr(25)}},
		},
		"FirstFactors": {{FirstFactors: []identity.FirstFactor{}}, {FirstFactors: []identity.FirstFactor{"EMAIL_OTP"}}, {FirstFactors: []identity.FirstFactor{"PASSWORD", "x"}}},
		"Schema": {
			{Schema: []identity.SchemaAttribute{}},
			{Schema: identity.StandardSchema()[1:]},
			{Schema: typed},
			{Schema: with(identity.StandardSchema()[0])},
			{Schema: with(custom("colour"))},
			{Schema: with(custom("custom:"))},
			{Schema: with(custom("custom:" + strings.Repeat("a", 21)))},
			{Schema: with(custom("custom:two words"))},
			{Schema: with(required)},
			{Schema: with(identity.SchemaAttribute{Name: "custom:a", Type: "Blob"})},
			{Schema: with(many...)},
			{Schema: bounded(identity.TypeString, "0", "2049")},
			{Schema: bounded(identity.TypeString, "5", "4")},
			{Schema: bounded(identity.TypeString, "x", "4")},
			{Schema: bounded(identity.TypeNumber, "5", "4")},
			{Schema: bounded(identity.TypeNumber, "5", "99999999999999999999")},
		},
		"MFA":               {{MFA: "MAYBE"}, {MFA: "ON"}, {MFA: "OPTIONAL"}, {TOTP: new(true)}, {MFA: "OFF", SMSMFA: true}},
		"Recovery":          {{Recovery: []identity.RecoveryOption{{Name: "verified_email", Priority: 1}, {Name: "verified_phone_number", Priority: 1}}}, {Recovery: []identity.RecoveryOption{{Name: "verified_email", Priority: 1}, {Name: "admin_only", Priority: 2}}}, {Recovery: []identity.RecoveryOption{{Name: "pigeon", Priority: 1}}}, {Recovery: []identity.RecoveryOption{{Name: "admin_only"}}}, {Recovery: []identity.RecoveryOption{{Name: "admin_only", Priority: 3}}}},
		"UnusedAccountDays": {{UnusedAccountDays: ptr(-1)}, {UnusedAccountDays: ptr(366)}},
		"Algorithm":         {{Algorithm: "HS256"}, {Algorithm: "none"}, {Algorithm: "RS512"}},
		"Issuer":            {{Issuer: "example.com"}, {Issuer: "ftp://example.com"}, {Issuer: "https://example.com/?a"}, {Issuer: "https://example.com/#a"}, {Issuer: "https://"}},
	} {
		for _, s := range all {
			if s.Name == "" {
				s.Name = "test"
			}
			_, err := newEngine(t).CreateUserPool(t.Context(), &s)
			if e, ok := errors.AsType[*identity.SettingError](err); !ok || e.Setting != setting || !errors.Is(err, identity.ErrInvalidSettings) {
				t.Errorf("%s of %+v: %v, want it refused", setting, s, err)
			}
		}
	}
}

func TestPoolSettingsThatNobodyCouldObeyAreRefused(t *testing.T) {
	text := func(n int, holds string) *string { return ptr(strings.Repeat("\u597d", n-len(holds)) + holds) }
	many := map[string]string{}
	for i := range 51 {
		many[fmt.Sprint(i)] = ""
	}
	long := text(141, "{####}")
	for setting, all := range map[string][]identity.PoolSettings{
		"SMSVerificationMessage":   {{SMSVerificationMessage: ptr("Hello, you")}, {SMSVerificationMessage: long}},
		"SMSAuthenticationMessage": {{SMSAuthenticationMessage: ptr("{###} is it")}, {SMSAuthenticationMessage: long}},
		"EmailVerificationMessage": {{EmailVerificationMessage: ptr("Hello, you")}, {EmailVerificationMessage: text(20_001, "{####}")}},
		"EmailVerificationSubject": {{EmailVerificationSubject: ptr("")}, {EmailVerificationSubject: long}},
		"Verification": {
			{Verification: &identity.VerificationTemplate{SMS: ptr("Hello, you")}},
			{Verification: &identity.VerificationTemplate{Email: ptr("Hello, you")}},
			{Verification: &identity.VerificationTemplate{Subject: ptr("")}},
			{Verification: &identity.VerificationTemplate{EmailByLink: ptr("Hello, you")}},
			{Verification: &identity.VerificationTemplate{SubjectByLink: long}},
		},
		"Invitation": {
			{Invitation: &identity.MessageTemplate{SMS: ptr("")}},
			{Invitation: &identity.MessageTemplate{Email: ptr("short")}},
			{Invitation: &identity.MessageTemplate{Subject: long}},
		},
		"Triggers":         {{Triggers: map[identity.Trigger]identity.TriggerTarget{"Sunset": {ARN: "x"}}}},
		"Tags":             {{Tags: many}, {Tags: map[string]string{"": "v"}}, {Tags: map[string]string{"k": strings.Repeat("v", 257)}}, {Tags: map[string]string{strings.Repeat("k", 129): "v"}}},
		"Tier":             {{Tier: "GOLD"}},
		"Email":            {{Email: &identity.EmailSettings{Account: ptr("MINE")}}},
		"ThreatProtection": {{ThreatProtection: &identity.ThreatSettings{}}, {ThreatProtection: &identity.ThreatSettings{Mode: "OFF", Flows: &identity.ThreatFlows{CustomAuth: ptr("OFF")}}}},
		"Passkeys":         {{Passkeys: &identity.PasskeySettings{UserVerification: ptr("never")}}, {Passkeys: &identity.PasskeySettings{Factor: ptr("MANY")}}},
	} {
		for _, s := range all {
			s.Name = "test"
			_, err := newEngine(t).CreateUserPool(t.Context(), &s)
			if e, ok := errors.AsType[*identity.SettingError](err); !ok || e.Setting != setting {
				t.Errorf("%s of %+v: %v, want it refused", setting, s, err)
			}
		}
	}
}

func TestPoolNeedsAName(t *testing.T) {
	f := newEngine(t)
	_, err := f.CreateUserPool(t.Context(), &identity.PoolSettings{})
	wantErr(t, "CreateUserPool", err, identity.ErrInvalidSettings)
	_, err = f.OpenUserPool(t.Context(), "", nil)
	wantErr(t, "OpenUserPool", err, identity.ErrInvalidParameter)
	_, err = f.CreateUserPool(t.Context(), nil)
	wantErr(t, "CreateUserPool without settings", err, identity.ErrInvalidSettings)
	_, err = f.open(t, identity.PoolSettings{}).Admin().Clients().Create(t.Context(), nil)
	wantErr(t, "Create without settings", err, identity.ErrInvalidSettings)
}

func TestPoolSettingsThatMayBe(t *testing.T) {
	least, most := "-5", "5"
	number := identity.SchemaAttribute{Name: "custom:n", Type: identity.TypeNumber, Bounds: &identity.AttributeBounds{Min: &least, Max: &most}}
	hidden := identity.SchemaAttribute{Name: "dev:custom:h", Type: identity.TypeBoolean, DeveloperOnly: true}
	for _, s := range []identity.PoolSettings{
		{Region: "us-gov-west-1"},
		{Region: "cn-north-1"},
		{Schema: with(number, hidden, custom("custom:gr\u00f6\u00dfe"))},
		{Aliases: []string{"email", "phone_number", "preferred_username"}},
		{MFA: "OPTIONAL", SMSMFA: true},
		{MFA: "ON", TOTP: new(true)},
		{MFA: "OFF", TOTP: new(false)},
		{SMSVerificationMessage: ptr(strings.Repeat("\u597d", 134) + "{####}"), EmailVerificationSubject: ptr("x")},
		{Verification: &identity.VerificationTemplate{EmailByLink: ptr("{##Verify\nme##}")}},
		{Invitation: &identity.MessageTemplate{SMS: ptr("Come in"), Subject: ptr("x")}},
		{Tags: map[string]string{strings.Repeat("\u597d", 128): strings.Repeat("\u597d", 256)}},
		{Recovery: []identity.RecoveryOption{{Name: "verified_phone_number", Priority: 2}, {Name: "verified_email", Priority: 1}}},
		{PasswordPolicy: &identity.PasswordPolicy{MinimumLength: 6}},
		{PasswordPolicy: &identity.PasswordPolicy{MinimumLength: 99, HistorySize: ptr(0)}},
		{AutoVerified: []string{"email"}, VerifyBeforeUpdate: []string{"email"}},
		{FirstFactors: []identity.FirstFactor{"EMAIL_OTP", "PASSWORD"}},
	} {
		s.Name = "test"
		if _, err := newEngine(t).CreateUserPool(t.Context(), &s); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

func TestClientSettingsThatCannotBeAreRefused(t *testing.T) {
	f := newEngine(t)
	settings := identity.PoolSettings{Schema: identity.StandardSchema()}
	require(&settings, "name")
	pool := f.open(t, settings)
	hours := func(n int) *int { return &n }
	for setting, all := range map[string][]identity.ClientSettings{
		"Name":                       {{Name: strings.Repeat("a", 129)}},
		"Secret":                     {{Secret: "short"}, {Secret: identity.Secret(strings.Repeat("a", 65))}, {Secret: identity.Secret(strings.Repeat("-", 30))}, {GenerateSecret: true, Secret: identity.Secret(strings.Repeat("a", 30))}},
		"PropagateContext":           {{PropagateContext: ptr(true)}},
		"AuthFlows":                  {{AuthFlows: []identity.AuthFlow{"x"}}, {AuthFlows: []identity.AuthFlow{identity.AllowRefresh, identity.LegacyAdminNoSRP}}},
		"Rotation":                   {{AuthFlows: []identity.AuthFlow{identity.AllowRefresh}, Rotation: &identity.RefreshRotation{Enabled: true}}, {Rotation: &identity.RefreshRotation{GraceSeconds: ptr(61)}}, {Rotation: &identity.RefreshRotation{GraceSeconds: ptr(-1)}}},
		"SessionMinutes":             {{SessionMinutes: ptr(2)}, {SessionMinutes: ptr(16)}},
		"PreventUserExistenceErrors": {{PreventUserExistenceErrors: ptr("MAYBE")}},
		"AccessTokenValidity": {
			{AccessTokenValidity: hours(25)},
			{AccessTokenValidity: hours(4), Units: identity.TokenUnits{Access: ptr("minutes")}},
			{IDTokenValidity: hours(25)},
			{AccessTokenValidity: hours(-1)},
			{AccessTokenValidity: hours(math.MaxInt)},
			{RefreshTokenValidity: hours(3651)},
			{RefreshTokenValidity: hours(59), Units: identity.TokenUnits{Refresh: ptr("minutes")}},
			{RefreshTokenValidity: hours(1<<48 + 30)},
			{RefreshTokenValidity: hours(math.MaxInt)},
			{RefreshTokenValidity: hours(-1<<48 + 30)},
			{AccessTokenValidity: hours(1<<51 + 1)},
		},
		"Units":                {{AccessTokenValidity: hours(1), Units: identity.TokenUnits{Access: ptr("fortnights")}}, {Units: identity.TokenUnits{Refresh: ptr("")}}},
		"RefreshTokenValidity": {{RefreshTokenValidity: hours(1), Units: identity.TokenUnits{Refresh: ptr("hours")}, AccessTokenValidity: hours(2)}},
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
		"DefaultRedirectURI": {{CallbackURLs: []string{"https://example.com"}, DefaultRedirectURI: ptr("https://example.com/")}},
	} {
		for _, c := range all {
			if c.Name == "" {
				c.Name = "test"
			}
			_, err := pool.Admin().Clients().Create(t.Context(), &c)
			e, ok := errors.AsType[*identity.SettingError](err)
			if !ok || e.Setting != setting {
				t.Errorf("%s of %+v: %v, want it refused", setting, c, err)
			} else if e.OAuthFlow() != (setting == "OAuthFlow") {
				t.Errorf("%s: OAuthFlow is %t", setting, e.OAuthFlow())
			}
		}
	}
}

func TestClientSettingsThatMayBe(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	for _, c := range []identity.ClientSettings{
		{},
		{GenerateSecret: true},
		{Secret: "abcdefghijklmnopqrstuvwxyz_+09"},
		{RefreshTokenValidity: ptr(0)},
		{RefreshTokenValidity: ptr(3650)},
		{AccessTokenValidity: ptr(24), IDTokenValidity: ptr(300), Units: identity.TokenUnits{ID: ptr("seconds")}},
		{CallbackURLs: []string{"https://example.com", "http://localhost:3000/cb", "http://127.0.0.1", "http://[::1]:8080/", "myapp://signed-in"}},
		{WriteAttributes: []string{}, ReadAttributes: []string{"sub", "email_verified"}},
		{OAuth: true, OAuthFlows: []string{"client_credentials"}, OAuthScopes: []string{"a/b"}, GenerateSecret: true},
	} {
		c.Name = "test"
		if _, err := pool.Admin().Clients().Create(t.Context(), &c); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestSettingsAreReadBackAsTheyWereSet(t *testing.T) {
	f := newEngine(t)
	for name, list := range map[string][]string{"unset": nil, "none": {}, "email": {"email"}} {
		pool, err := f.OpenUserPool(t.Context(), name, &identity.PoolSettings{Algorithm: "ES256", AutoVerified: list})
		check(t, "OpenUserPool", err)
		info, err := pool.Admin().Describe(t.Context())
		if err != nil || (info.Settings.AutoVerified == nil) != (list == nil) || len(info.Settings.AutoVerified) != len(list) {
			t.Errorf("%s: %#v, %v, want %#v", name, info.Settings.AutoVerified, err, list)
		}
	}
}

func TestAttributesFollowTheSchema(t *testing.T) {
	f := newEngine(t)
	least, most := "2", "5"
	word := custom("custom:word")
	word.Bounds = &identity.AttributeBounds{Min: &least, Max: &most}
	number := identity.SchemaAttribute{Name: "custom:number", Type: identity.TypeNumber, Bounds: &identity.AttributeBounds{Min: &least, Max: &most}}
	settings := identity.PoolSettings{AutoVerified: []string{}, Schema: with(word, number, custom("custom:free"),
		identity.SchemaAttribute{Name: "custom:time", Type: identity.TypeDateTime}, identity.SchemaAttribute{Name: "custom:flag", Type: identity.TypeBoolean},
		identity.SchemaAttribute{Name: "dev:custom:hidden", Type: identity.TypeString, DeveloperOnly: true})}
	pool := f.open(t, settings)
	bad, invalid := identity.ErrInvalidAttributes, identity.ErrInvalidParameter
	for i, tt := range []struct {
		name, value string
		want        error
	}{
		{"custom:word", "ab", nil},
		{"custom:word", "a", bad},
		{"custom:word", "abcdef", bad},
		{"custom:word", "\u00e4\u00f6\u00fc\u00df\u00e9", nil},
		{"custom:number", "3", nil},
		{"custom:number", "1", bad},
		{"custom:number", "6", bad},
		{"custom:number", "three", bad},
		{"custom:number", "3.5", bad},
		{"custom:time", "2026-11-22T09:00:00Z", nil},
		{"custom:time", "yesterday", bad},
		{"custom:flag", "true", nil},
		{"custom:flag", "yes", bad},
		{"custom:free", strings.Repeat("a", 2048), nil},
		{"custom:free", strings.Repeat("a", 2049), bad},
		{"custom:free", "a\x00", bad},
		{"custom:free", "a\xff", bad},
		{"name", strings.Repeat("\u597d", 2048), nil},
		{"name", strings.Repeat("\u597d", 2049), bad},
		{"colour", "red", bad},
		{"identities", "x", identity.ErrAttributeNotWritable},
		{"email", "nowhere", invalid},
		{"email", "a@b@c", invalid},
		{"email", "A <a@example.com>", invalid},
		{"email", "a@example.com\r\nBcc: b@example.com", invalid},
		{"phone_number", "555", invalid},
		{"phone_number", "+", invalid},
		{"phone_number", "+1234567890123456", invalid},
		{"phone_number", "+15551234567", nil},
		{"birthdate", "2000-02-29", nil},
		{"birthdate", "2001-02-29", invalid},
		{"birthdate", "2001", bad},
		{"updated_at", "-1", bad},
		{"updated_at", "x", bad},
		{"sub", "x", identity.ErrAttributeNotWritable},
		{"email_verified", "true", identity.ErrAttributeNotWritable},
		{"phone_number_verified", "true", identity.ErrAttributeNotWritable},
		{"dev:custom:hidden", "x", identity.ErrAttributeNotWritable},
	} {
		_, err := pool.SignUp(t.Context(), identity.SignUp{
			Username: fmt.Sprint("user", i), Password: password, Attributes: map[string]string{tt.name: tt.value},
		})
		wantErr(t, tt.name+" "+clip(tt.value), err, tt.want)
	}
}

func TestClientWritesWhatItMay(t *testing.T) {
	f := newEngine(t)
	settings := identity.PoolSettings{AutoVerified: []string{}, Schema: identity.StandardSchema()}
	pool := f.open(t, settings)
	client := f.client(t, pool, identity.ClientSettings{WriteAttributes: []string{"name"}})
	for name, want := range map[string]error{"name": nil, "nickname": identity.ErrAttributeNotWritable, "colour": identity.ErrInvalidAttributes} {
		_, err := client.SignUp(t.Context(), identity.SignUp{Username: name, Password: password, Attributes: map[string]string{name: "x"}})
		wantErr(t, name, err, want)
	}
}
