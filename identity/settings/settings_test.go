package settings_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity/settings"
)

// codes returns the values of the constants of type Code in problem.go.
func codes(t *testing.T) []settings.Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "problem.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []settings.Code
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); !ok || typ.Name != "Code" {
			return true
		}
		text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, settings.Code(text))
		return true
	})
	if len(all) == 0 {
		t.Fatal("problem.go has no codes")
	}
	return all
}

// Each rule of problem.go is broken by a case of the tables below.
func TestEveryCodeIsProduced(t *testing.T) {
	// Package identity knows what a user had before, and what is missing.
	produced := []settings.Code{settings.AttributeRequired, settings.AttributeImmutable, settings.AttributeKept}
	for _, tt := range badCSS {
		produced = append(produced, tt.code)
	}
	for _, tt := range badPages {
		produced = append(produced, tt.code)
	}
	produced = append(produced, settings.ImageMalformed) // the engine's own: TestLookOfClassicPages
	for _, tt := range badDomains {
		produced = append(produced, tt.code)
	}
	for _, tt := range badDomainsForService {
		produced = append(produced, tt.code)
	}
	for _, tt := range badResourceServers {
		produced = append(produced, tt.code)
	}
	for _, tt := range badPools {
		produced = append(produced, tt.code)
	}
	for _, tt := range badClients {
		produced = append(produced, tt.code)
	}
	for _, tt := range badAttributes {
		produced = append(produced, tt.code)
	}
	for _, tt := range badForService {
		produced = append(produced, tt.code)
	}
	for _, tt := range badAnalytics {
		produced = append(produced, tt.code)
	}
	for _, c := range codes(t) {
		if !slices.Contains(produced, c) {
			t.Errorf("no case breaks the rule %q", c)
		}
	}
}

// schema is the standard schema with custom attributes.
func schema(custom ...settings.Attribute) []settings.Attribute {
	return append(settings.StandardSchema(), custom...)
}

func bounded(name string, typ settings.AttributeType, least, most string) []settings.Attribute {
	return schema(settings.Attribute{Name: name, Type: typ, Bounds: &settings.Bounds{Min: &least, Max: &most}})
}

// fixed is the standard schema with an attribute that only operators see.
func fixed() []settings.Attribute {
	s := settings.StandardSchema()
	s[0].DeveloperOnly = true
	return s
}

var email = []string{"email"}

// badPools are settings of pools, each with the setting and the rule that it breaks.
var badPools = []struct {
	name, setting string
	code          settings.Code
	about         string
	pool          settings.Pool
}{
	{"no region", "Region", "", "", settings.Pool{Region: "nowhere"}},
	{"defaults", "Defaults", "", "", settings.Pool{Defaults: "other"}},
	{"aliases and names", "Aliases", settings.AliasesExclusive, "", settings.Pool{Aliases: email, UsernameAttributes: email}},
	{"not auto-verified", "VerifyBeforeUpdate", settings.NotAutoVerified, "email", settings.Pool{VerifyBeforeUpdate: email}},
	{"no password", "FirstFactors", settings.PasswordMissing, "", settings.Pool{FirstFactors: []settings.FirstFactor{settings.FirstPasskey}}},
	{"levels of one name", "LevelNames", settings.LevelNameTwice, "urn:cognito:loa:3", settings.Pool{LevelNames: map[settings.Level]string{settings.Level1: "urn:cognito:loa:3"}}},
	{"unknown factor", "FirstFactors", "", "", settings.Pool{FirstFactors: []settings.FirstFactor{settings.FirstPassword, "x"}}},
	{"attribute twice", "Schema", settings.AttributeTwice, "email", settings.Pool{Schema: schema(settings.Attribute{Name: "email"})}},
	{"standard attribute", "Schema", settings.StandardFixed, "profile", settings.Pool{Schema: fixed()}},
	{"type", "Schema", settings.TypeUnknown, "custom:a", settings.Pool{Schema: schema(settings.Attribute{Name: "custom:a", Type: "Blob"})}},
	{"required", "Schema", settings.CustomRequired, "custom:a", settings.Pool{Schema: schema(settings.Attribute{Name: "custom:a", Type: settings.TypeString, Required: true})}},
	{"string bounds", "Schema", settings.StringBoundsMalformed, "custom:a", settings.Pool{Schema: bounded("custom:a", settings.TypeString, "x", "4")}},
	{"negative length", "Schema", settings.StringBoundsMalformed, "custom:a", settings.Pool{Schema: bounded("custom:a", settings.TypeString, "-1", "4")}},
	{"number bounds", "Schema", settings.NumberBoundsMalformed, "custom:a", settings.Pool{Schema: bounded("custom:a", settings.TypeNumber, "1", "y")}},
	{"bounds of a bool", "Schema", settings.BoundsMalformed, "custom:a", settings.Pool{Schema: bounded("custom:a", settings.TypeBoolean, "x", "1")}},
	{"long string", "Schema", settings.StringTooLong, "a", settings.Pool{Schema: bounded("custom:a", settings.TypeString, "0", "2049")}},
	{"string bounds reversed", "Schema", settings.StringBoundsReversed, "custom:a", settings.Pool{Schema: bounded("custom:a", settings.TypeString, "5", "4")}},
	{"number bounds reversed", "Schema", settings.NumberBoundsReversed, "custom:a", settings.Pool{Schema: bounded("custom:a", settings.TypeNumber, "5", "-4")}},
	{"factors and no MFA", "MFA", settings.FactorsWithoutMFA, "", settings.Pool{TOTP: new(true)}},
	{"MFA and no factors", "MFA", settings.MFAWithoutFactor, "", settings.Pool{MFA: settings.MFAOptional, TOTP: new(false)}},
	{"MFA mode", "MFA", "", "", settings.Pool{MFA: "MAYBE"}},
	{"priority twice", "Recovery", settings.RecoveryPriorityTwice, "", settings.Pool{Recovery: []settings.RecoveryOption{{Name: settings.RecoverByEmail, Priority: 1}, {Name: settings.RecoverByPhone, Priority: 1}}}},
	{"by admin and more", "Recovery", settings.RecoveryByAdminAndMore, "", settings.Pool{Recovery: []settings.RecoveryOption{{Name: settings.RecoverByEmail, Priority: 1}, {Name: settings.RecoverByAdmin, Priority: 2}}}},
	{"recovery", "Recovery", "", "", settings.Pool{Recovery: []settings.RecoveryOption{{Name: "pigeon", Priority: 1}}}},
	{"tier", "Tier", "", "", settings.Pool{Tier: "GOLD"}},
	{"threats", "ThreatProtection", "", "", settings.Pool{ThreatProtection: &settings.Threats{Mode: "OFF", Flows: &settings.ThreatFlows{CustomAuth: new("OFF")}}}},
}

func TestPoolCheck(t *testing.T) {
	good := settings.Pool{Name: "test", Region: "us-east-1"}
	if err := good.Check(); err != nil {
		t.Errorf("the least settings: %v", err)
	}
	for _, tt := range badPools {
		s := tt.pool
		s.Name = "test"
		if s.Region == "" {
			s.Region = "us-east-1"
		}
		wantError(t, tt.name, s.Check(), tt.setting, tt.code, tt.about)
	}
}

func wantError(t *testing.T, name string, err error, setting string, code settings.Code, about string) {
	t.Helper()
	e, ok := errors.AsType[*settings.Error](err)
	if !ok || !errors.Is(err, settings.ErrInvalid) || e.Reason == "" {
		t.Errorf("%s: %v, want an Error with a reason", name, err)
		return
	}
	if e.Setting != setting || e.Code != code || e.About != about {
		t.Errorf("%s: setting %q, code %q about %q, want %q, %q about %q", name, e.Setting, e.Code, e.About, setting, code, about)
	}
}

// badClients are settings of clients, each with the setting and the rule that it breaks.
var badClients = []struct {
	name, setting string
	code          settings.Code
	about         string
	client        settings.Client
}{
	{"secret twice", "Secret", settings.SecretGivenAndMade, "", settings.Client{Secret: settings.Secret(strings.Repeat("a", 24)), GenerateSecret: true}},
	{"short secret", "Secret", "", "", settings.Client{Secret: "a"}},
	{"context", "PropagateContext", settings.ContextWithoutSecret, "", settings.Client{PropagateContext: new(true)}},
	{"flow names", "AuthFlows", settings.FlowNamesMixed, "", settings.Client{AuthFlows: []settings.AuthFlow{settings.AllowRefresh, settings.LegacyAdminNoSRP}}},
	{"flow", "AuthFlows", "", "", settings.Client{AuthFlows: []settings.AuthFlow{"x"}}},
	{"rotation", "Rotation", settings.RotationAndRefreshFlow, "", settings.Client{AuthFlows: []settings.AuthFlow{settings.AllowRefresh}, Rotation: &settings.RefreshRotation{Enabled: true}}},
	{"validity", "AccessTokenValidity", settings.ValidityOutOfRange, "", settings.Client{AccessTokenValidity: new(25)}},
	{"refresh shorter than access", "RefreshTokenValidity", settings.RefreshTooShort, "", settings.Client{RefreshTokenValidity: new(2), AccessTokenValidity: new(12), Units: settings.TokenUnits{Refresh: new("hours")}}},
	{"http callback", "CallbackURLs", settings.URLInsecure, "http://example.com/cb", settings.Client{CallbackURLs: []string{"http://example.com/cb"}}},
	{"http logout", "LogoutURLs", settings.URLInsecure, "http://example.com/out", settings.Client{CallbackURLs: []string{"https://example.com"}, LogoutURLs: []string{"http://example.com/out"}}},
	{"fragment", "CallbackURLs", settings.URLFragment, "https://example.com/#x", settings.Client{CallbackURLs: []string{"https://example.com/#x"}}},
	{"no URL", "CallbackURLs", "", "", settings.Client{CallbackURLs: []string{"/back"}}},
	{"readable", "ReadAttributes", settings.NotReadable, "colour", settings.Client{ReadAttributes: []string{"colour"}}},
	{"writable", "WriteAttributes", settings.NotWritable, "", settings.Client{WriteAttributes: []string{"sub"}}},
	{"no grants", "OAuthFlows", settings.OAuthIncomplete, "", settings.Client{OAuth: true}},
	{"grants", "OAuthFlow", settings.GrantsExclusive, "", settings.Client{OAuthFlows: []string{"client_credentials", "code"}}},
	{"grant without secret", "OAuthFlow", settings.GrantNeedsSecret, "", settings.Client{OAuthFlows: []string{"client_credentials"}}},
	{"grant without callback", "OAuthFlow", settings.GrantNeedsCallback, "", settings.Client{OAuthFlows: []string{"code"}}},
	{"redirect", "DefaultRedirectURI", settings.RedirectNotListed, "https://example.com", settings.Client{DefaultRedirectURI: new("https://example.com")}},
}

func TestClientCheck(t *testing.T) {
	pool := &settings.Pool{Name: "test", Region: "us-east-1"}
	if err := (&settings.Client{Name: "test"}).Check(pool); err != nil {
		t.Errorf("the least settings: %v", err)
	}
	for _, tt := range badClients {
		c := tt.client
		c.Name = "test"
		wantError(t, tt.name, c.Check(pool), tt.setting, tt.code, tt.about)
	}
}

// attributePool has an attribute of each type.
var attributePool = settings.Pool{
	Aliases: []string{"email", "preferred_username"},
	Schema: slices.Concat(bounded("custom:word", settings.TypeString, "2", "5"), []settings.Attribute{
		{Name: "custom:number", Type: settings.TypeNumber, Bounds: &settings.Bounds{Min: new("-5"), Max: new("5")}},
		{Name: "custom:time", Type: settings.TypeDateTime},
		{Name: "custom:flag", Type: settings.TypeBoolean},
		{Name: "custom:blob", Type: "Blob"},
	}),
}

// badAttributes are values of attributes, each with the rule that it breaks.
var badAttributes = []struct {
	name, value string
	code        settings.Code
	limit       int
}{
	{"colour", "red", settings.AttributeUnknown, 0},
	{"sub", "x", settings.AttributeUnknown, 0}, // only the engine sets it
	{"preferred_username", "a@example.com", settings.AttributeIsAddress, 0},
	{"custom:flag", "yes", settings.NotBoolean, 0},
	{"custom:time", "noon", settings.NotDateTime, 0},
	{"custom:number", "1.5", settings.NotNumber, 0},
	{"custom:word", "a\x00b", settings.NotText, 0},
	{"custom:word", "abcdef", settings.TooLong, 5},
	{"name", strings.Repeat("a", 2049), settings.TooLong, 2048},
	{"custom:word", "a", settings.TooShort, 2},
	{"custom:number", "6", settings.TooGreat, 5},
	{"custom:number", "-6", settings.TooSmall, -5},
	{"custom:blob", "x", settings.TypeUnknown, 0},
}

func TestProblems(t *testing.T) {
	for _, tt := range badAttributes {
		want := []settings.AttributeProblem{{Name: tt.name, Code: tt.code, Limit: tt.limit}}
		got := attributePool.Problems(map[string]string{tt.name: tt.value})
		if !slices.Equal(got, want) {
			t.Errorf("%s=%.10q: %+v, want %+v", tt.name, tt.value, got, want)
		}
		if text := want[0].String(); !strings.HasPrefix(text, tt.name+": ") {
			t.Errorf("%+v says %q", want[0], text)
		}
	}
	good := map[string]string{"custom:word": "abcde", "custom:number": "-5", "custom:time": "2026-01-02T15:04:05Z", "custom:flag": "false", "preferred_username": "alice"}
	if got := attributePool.Problems(good); got != nil {
		t.Errorf("%v: %+v, want no problem", slices.Sorted(maps.Keys(good)), got)
	}
	two := attributePool.Problems(map[string]string{"custom:word": "a", "custom:flag": "yes"})
	if len(two) != 2 || two[0].Name != "custom:flag" || two[1].Name != "custom:word" {
		t.Errorf("two problems = %+v, want them by name", two)
	}
}

func TestPasswordPolicy(t *testing.T) {
	cognito := settings.CognitoPasswordPolicy()
	safe := (&settings.Pool{}).EffectivePasswordPolicy()
	must := (&settings.Pool{MFA: settings.MFAOn}).EffectivePasswordPolicy()
	for _, tt := range []struct {
		name, password string
		policy         settings.PasswordPolicy
		unmet          []settings.PasswordRule
	}{
		{"15 characters", "correct horse b", safe, nil},
		{"14 characters", "correct horse ", safe, []settings.PasswordRule{settings.RuleLength, settings.RuleSpace}},
		{"8 characters beside a factor", "abcdefgh", must, nil},
		{"7 characters beside a factor", "abcdefg", must, []settings.PasswordRule{settings.RuleLength}},
		{"all kinds", "Abcdef1!", cognito, nil},
		{"an inner space is a symbol", "Abc def1", cognito, nil},
		{"no kind", "________", settings.PasswordPolicy{RequireUppercase: true, RequireLowercase: true, RequireNumbers: true}, []settings.PasswordRule{settings.RuleUppercase, settings.RuleLowercase, settings.RuleNumber}},
		{"no symbol", "Abcdefg1", cognito, []settings.PasswordRule{settings.RuleSymbol}},
		{"256 characters", strings.Repeat("好", 256), safe, nil},
		{"257 characters", strings.Repeat("a", 257), safe, []settings.PasswordRule{settings.RuleMaximum}},
		{"a letter and its accent are one", strings.Repeat("e\u0301", 8), settings.PasswordPolicy{MinimumLength: 9}, []settings.PasswordRule{settings.RuleLength}},
	} {
		if got := tt.policy.Unmet(settings.Secret(tt.password)); !slices.Equal(got, tt.unmet) {
			t.Errorf("%s: unmet %q, want %q", tt.name, got, tt.unmet)
		}
	}
}

// The upgrade leaves its argument and settings of today alone. The golden
// records in package identity hold what it changes.
func TestUpgradePoolLeavesTheArgument(t *testing.T) {
	old := func() map[string]any {
		return map[string]any{
			"totpGiven": true, "threatProtection": map[string]any{"flows": true, "customAuth": "AUDIT"},
			"schema": []any{map[string]any{"constrained": true, "min": "1"}},
		}
	}
	in := old()
	once := settings.UpgradePool(in)
	if !reflect.DeepEqual(in, old()) {
		t.Errorf("the argument became %v", in)
	}
	want := map[string]any{
		"totp": false, "threatProtection": map[string]any{"flows": map[string]any{"customAuth": "AUDIT"}},
		"schema": []any{map[string]any{"bounds": map[string]any{"min": "1"}}},
	}
	if !reflect.DeepEqual(once, want) {
		t.Errorf("UpgradePool = %v, want %v", once, want)
	}
	if twice := settings.UpgradePool(once); !reflect.DeepEqual(twice, once) {
		t.Errorf("twice = %v, want %v", twice, once)
	}
}
