package cognito_test

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// newPool is what CreateUserPool with nothing but a name makes, without the
// members that differ each time and the schema.
const newPool = `{
	"Name": "p",
	"Policies": {
		"PasswordPolicy": {
			"MinimumLength": 8, "RequireUppercase": true, "RequireLowercase": true, "RequireNumbers": true,
			"RequireSymbols": true, "TemporaryPasswordValidityDays": 7
		},
		"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD"]}
	},
	"DeletionProtection": "INACTIVE",
	"LambdaConfig": {},
	"VerificationMessageTemplate": {"DefaultEmailOption": "CONFIRM_WITH_CODE"},
	"MfaConfiguration": "OFF",
	"EstimatedNumberOfUsers": 0,
	"EmailConfiguration": {"EmailSendingAccount": "COGNITO_DEFAULT"},
	"AdminCreateUserConfig": {"AllowAdminCreateUserOnly": false, "UnusedAccountValidityDays": 7},
	"UserPoolTier": "ESSENTIALS",
	"AcrConfiguration": {
		"Level1": {"AcrValue": "urn:cognito:loa:1"}, "Level2": {"AcrValue": "urn:cognito:loa:2"},
		"Level3": {"AcrValue": "urn:cognito:loa:3"}, "Level4": {"AcrValue": "urn:cognito:loa:4"}
	}
}`

// standardSchema is the schema of a new pool, in its order.
var standardSchema = func() list {
	attribute := func(name, kind string, mutable, required bool, more obj) obj {
		return with(obj{
			"Name": name, "AttributeDataType": kind, "DeveloperOnlyAttribute": false, "Mutable": mutable, "Required": required,
		}, more)
	}
	length := func(least, most string) obj {
		return obj{"StringAttributeConstraints": obj{"MinLength": least, "MaxLength": most}}
	}
	text := func(name string) obj { return attribute(name, "String", true, false, length("0", "2048")) }
	return list{
		text("profile"), text("address"), attribute("birthdate", "String", true, false, length("10", "10")), text("gender"),
		text("preferred_username"), attribute("updated_at", "Number", true, false, obj{"NumberAttributeConstraints": obj{"MinValue": "0"}}),
		text("website"), text("picture"), attribute("identities", "String", true, false, obj{"StringAttributeConstraints": obj{}}),
		attribute("sub", "String", false, true, length("1", "2048")), text("phone_number"),
		attribute("phone_number_verified", "Boolean", true, false, nil), text("zoneinfo"), text("locale"), text("email"),
		attribute("email_verified", "Boolean", true, false, nil), text("given_name"), text("family_name"), text("middle_name"),
		text("name"), text("nickname"),
	}
}()

// wantSame compares two JSON values, member by member.
func wantSame(t testing.TB, what string, got, want any) {
	t.Helper()
	g, gok := got.(obj)
	w, wok := want.(obj)
	if !gok || !wok {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n got %s\nwant %s", what, jsonText(got), jsonText(want))
		}
		return
	}
	for _, name := range slices.Sorted(maps.Keys(with(g, w))) {
		gv, in := g[name]
		wv, wanted := w[name]
		switch {
		case !in:
			t.Errorf("%s lacks %s: %s", what, name, jsonText(wv))
		case !wanted:
			t.Errorf("%s has %s: %s, which is not due", what, name, jsonText(gv))
		default:
			wantSame(t, what+"."+name, gv, wv)
		}
	}
}

func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// asJSON is v after a way through JSON, as answers are.
func asJSON[T any](t testing.TB, v T) T { return parse[T](t, jsonText(v)) }

// wantPool checks what Create and Describe tell of a pool.
func wantPool(t testing.TB, s *server, request, want obj) {
	t.Helper()
	made := dig(s.ok("CreateUserPool", request), "UserPool")
	id := str(t, made, "Id")
	wantSame(t, "CreateUserPool", volatile(t, made, "Id", "Arn"), want)
	if want["UserPoolTags"] == nil {
		want = with(want, obj{"UserPoolTags": obj{}}) // absent in Create, empty in Describe
	}
	wantSame(t, "DescribeUserPool", volatile(t, dig(s.ok("DescribeUserPool", obj{"UserPoolId": id}), "UserPool"), "Id", "Arn"), want)
}

// volatile is a noun of an answer without the members that differ each time, which must be there.
func volatile(t testing.TB, v any, ids ...string) obj {
	t.Helper()
	o, ok := v.(obj)
	if !ok {
		t.Fatalf("no settings: %v", v)
	}
	o = with(o)
	for _, name := range append(ids, "CreationDate", "LastModifiedDate") {
		if o[name] == nil {
			t.Errorf("%s is missing", name)
		}
		delete(o, name)
	}
	return o
}

func TestDefaultsOfAPool(t *testing.T) {
	wantPool(t, newServer(t), obj{"PoolName": "p"}, asJSON(t, with(parse[obj](t, newPool), obj{"SchemaAttributes": standardSchema})))
}

// Lists and objects that are given and empty are as good as not given.
func TestEmptyPoolSettings(t *testing.T) {
	want := asJSON(t, with(parse[obj](t, newPool), obj{"SchemaAttributes": standardSchema}))
	wantPool(t, newServer(t), obj{
		"PoolName": "p", "Policies": obj{}, "LambdaConfig": obj{}, "AutoVerifiedAttributes": list{}, "AliasAttributes": list{},
		"UsernameAttributes": list{}, "VerificationMessageTemplate": obj{}, "EmailConfiguration": obj{}, "UserPoolTags": obj{},
		"AdminCreateUserConfig": obj{}, "AccountRecoverySetting": obj{},
	}, want)
	policy := obj{ // but not the policy, whose absent switches are off
		"MinimumLength": 8.0, "RequireUppercase": false, "RequireLowercase": false, "RequireNumbers": false,
		"RequireSymbols": false, "TemporaryPasswordValidityDays": 7.0,
	}
	want["Policies"] = obj{"PasswordPolicy": policy, "SignInPolicy": dig(want, "Policies", "SignInPolicy")}
	wantPool(t, newServer(t), obj{"PoolName": "p", "Policies": obj{"PasswordPolicy": obj{}}}, want)
}

// rounds is how many random settings are tried of each noun.
func rounds() int {
	if testing.Short() {
		return 15
	}
	return 300
}

// A chooser makes random choices that a seed repeats.
type chooser struct{ *rand.Rand }

func newChooser(t *testing.T) chooser {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return chooser{rand.New(rand.NewPCG(seed, 0))}
}

func (c chooser) coin() bool { return c.IntN(2) == 0 }

func (c chooser) one(of ...any) any { return of[c.IntN(len(of))] }

// some is a random part of a list, in a random order, not empty.
func (c chooser) some(of ...any) list {
	out := slices.Clone(of)
	c.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out[:1+c.IntN(len(out))]
}

// text is a text with characters that want care.
func (c chooser) text(n int) string {
	letters := []rune("abcXYZ 019-_.,;:<>&\"'\\/{}é漢😀\u05d0")
	out := make([]rune, 1+c.IntN(n))
	for i := range out {
		out[i] = letters[c.IntN(len(letters))]
	}
	return string(out)
}

// maybe keeps each member with a chance of one half.
func (c chooser) maybe(members obj) obj {
	out := obj{}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if c.coin() {
			out[name] = members[name]
		}
	}
	return out
}

func TestPoolSettingsComeBack(t *testing.T) {
	c, s := newChooser(t), newServer(t)
	for range rounds() {
		request := c.poolRequest()
		want := expectedPool(t, asJSON(t, request))
		wantPool(t, s, request, want)
		if t.Failed() {
			t.Fatalf("settings %s", jsonText(request))
		}
	}
}

// poolRequest is a valid CreateUserPool of random settings.
func (c chooser) poolRequest() obj {
	arn := "arn:aws:iam::123456789012:role/r"
	message := func() string { return "a {####} " + strings.ReplaceAll(c.text(20), "\n", "") }
	in := c.maybe(obj{
		"DeletionProtection":       c.one("ACTIVE", "INACTIVE"),
		"LambdaConfig":             c.lambdaConfig(),
		"SmsVerificationMessage":   message(),
		"EmailVerificationMessage": message(),
		"EmailVerificationSubject": "subject " + c.text(20),
		"SmsAuthenticationMessage": message(),
		"VerificationMessageTemplate": c.maybe(obj{
			"SmsMessage": message(), "EmailMessage": message(), "EmailSubject": "s " + c.text(20),
			"EmailMessageByLink": "{##Verify##} " + c.text(9), "EmailSubjectByLink": "s " + c.text(20),
			"DefaultEmailOption": c.one("CONFIRM_WITH_LINK", "CONFIRM_WITH_CODE"),
		}),
		"DeviceConfiguration": c.maybe(obj{"ChallengeRequiredOnNewDevice": c.coin(), "DeviceOnlyRememberedOnUserPrompt": c.coin()}),
		"EmailConfiguration": with(
			c.one(obj{}, obj{"EmailSendingAccount": "COGNITO_DEFAULT"}, obj{"EmailSendingAccount": "DEVELOPER", "SourceArn": mailSource}).(obj),
			c.maybe(obj{"ReplyToEmailAddress": "a@example.com", "From": c.one("a@example.com", "A <a@example.com>"), "ConfigurationSet": "set_1"}),
		),
		"SmsConfiguration": with(obj{"SnsCallerArn": arn}, c.maybe(obj{"ExternalId": c.text(20), "SnsRegion": "us-east-1"})),
		"UserPoolTags":     obj{"k": c.text(9), "K" + c.text(9): ""},
		"AdminCreateUserConfig": c.maybe(obj{
			"AllowAdminCreateUserOnly": c.coin(), "UnusedAccountValidityDays": c.IntN(3),
			"InviteMessageTemplate": c.maybe(obj{"SMSMessage": "{username} {####}", "EmailMessage": "{username} {####} " + c.text(9), "EmailSubject": "s " + c.text(9)}),
		}),
		"Schema": c.schema(),
		"UserPoolAddOns": with(obj{"AdvancedSecurityMode": c.one("OFF", "AUDIT", "ENFORCED")},
			c.maybe(obj{"AdvancedSecurityAdditionalFlows": c.maybe(obj{"CustomAuthMode": c.one("AUDIT", "ENFORCED")})})),
		"UsernameConfiguration": obj{"CaseSensitive": c.coin()},
		"AccountRecoverySetting": obj{"RecoveryMechanisms": c.one(
			list{obj{"Name": "admin_only", "Priority": 1}},
			list{obj{"Name": "verified_email", "Priority": 1}, obj{"Name": "verified_phone_number", "Priority": 2}},
		)},
		"UserPoolTier": c.one("LITE", "ESSENTIALS", "PLUS"),
		"AcrConfiguration": c.maybe(obj{
			"Level1": obj{"AcrValue": "urn:cognito:loa:1"}, "Level2": obj{"AcrValue": "silver!"},
			"Level3": obj{"AcrValue": c.one("urn:example:3", "~")}, "Level4": obj{"AcrValue": strings.Repeat("4", 64)},
		}),
	})
	in["PoolName"] = "p"
	if c.coin() {
		in["AutoVerifiedAttributes"] = list{"email"}
		if in["SmsConfiguration"] != nil {
			in["AutoVerifiedAttributes"] = c.some("email", "phone_number")
		}
		if c.coin() {
			in["UserAttributeUpdateSettings"] = obj{"AttributesRequireVerificationBeforeUpdate": c.one(list{}, in["AutoVerifiedAttributes"])}
		}
	}
	switch c.IntN(3) {
	case 0:
		in["AliasAttributes"] = c.some("email", "phone_number", "preferred_username")
	case 1:
		in["UsernameAttributes"] = c.some("email", "phone_number")
	}
	if in["SmsConfiguration"] != nil {
		in["MfaConfiguration"] = c.one("OFF", "OPTIONAL", "ON")
	}
	c.policies(in)
	if policies, ok := in["Policies"].(obj); ok && in["MfaConfiguration"] == "ON" {
		delete(policies, "SignInPolicy") // no code begins a sign-in there, and a passkey only if it is both factors
	}
	fitPlan(in, in["UserPoolTier"])
	return in
}

// fitPlan takes out of a request what a plan does not include.
func fitPlan(in obj, plan any) {
	if addOns, ok := in["UserPoolAddOns"].(obj); ok && plan != "PLUS" {
		addOns["AdvancedSecurityMode"] = "OFF"
	}
	if plan != "LITE" {
		return
	}
	if hook, ok := dig(in, "LambdaConfig", "PreTokenGenerationConfig").(obj); ok {
		hook["LambdaVersion"] = "V1_0"
	}
	if policies, ok := in["Policies"].(obj); ok {
		delete(policies, "SignInPolicy")
	}
	delete(in, "AcrConfiguration")
}

func (c chooser) policies(in obj) {
	policies := obj{}
	if c.coin() {
		policies["PasswordPolicy"] = c.maybe(obj{
			"MinimumLength": 6 + c.IntN(94), "RequireUppercase": c.coin(), "RequireLowercase": c.coin(), "RequireNumbers": c.coin(),
			"RequireSymbols": c.coin(), "PasswordHistorySize": 0, "TemporaryPasswordValidityDays": c.IntN(366),
		})
		if dig(policies, "PasswordPolicy", "TemporaryPasswordValidityDays") != nil {
			if admin, ok := in["AdminCreateUserConfig"].(obj); ok {
				delete(admin, "UnusedAccountValidityDays") // one or the other
			}
		}
	}
	if c.coin() {
		policies["SignInPolicy"] = obj{"AllowedFirstAuthFactors": append(list{"PASSWORD"}, c.some("EMAIL_OTP", "SMS_OTP", "WEB_AUTHN")...)}
	}
	if len(policies) > 0 {
		in["Policies"] = policies
	}
}

func (c chooser) lambdaConfig() obj {
	out := obj{}
	for _, name := range []string{
		"PreSignUp", "CustomMessage", "PostConfirmation", "PreAuthentication", "PostAuthentication", "DefineAuthChallenge",
		"CreateAuthChallenge", "VerifyAuthChallengeResponse", "PreTokenGeneration", "UserMigration", "KMSKeyID",
	} {
		out[name] = function + c.one("1", "2").(string)
	}
	out["PreTokenGenerationConfig"] = obj{"LambdaArn": out["PreTokenGeneration"], "LambdaVersion": c.one("V1_0", "V2_0", "V3_0")}
	for _, name := range []string{"CustomSMSSender", "CustomEmailSender", "InboundFederation"} {
		out[name] = obj{"LambdaArn": function, "LambdaVersion": "V1_0"}
	}
	given := c.maybe(out)
	if given["CustomSMSSender"] != nil || given["CustomEmailSender"] != nil {
		given["KMSKeyID"] = out["KMSKeyID"]
	}
	return given
}

// schema overrides standard attributes and adds custom ones of all types.
func (c chooser) schema() list {
	out := list{}
	for _, name := range c.some("email", "name", "birthdate", "preferred_username", "updated_at") {
		a := obj{"Name": name, "Required": c.coin(), "Mutable": c.coin()}
		if name == "updated_at" {
			a["NumberAttributeConstraints"] = c.maybe(obj{"MinValue": "1", "MaxValue": "9"})
		} else if c.coin() {
			a["AttributeDataType"] = "String"
			a["StringAttributeConstraints"] = c.maybe(obj{"MinLength": "7", "MaxLength": "256"})
		}
		out = append(out, a)
	}
	for i, kind := range c.some("String", "Number", "DateTime", "Boolean") {
		a := c.maybe(obj{"DeveloperOnlyAttribute": c.coin(), "Mutable": c.coin(), "Required": false})
		a["Name"], a["AttributeDataType"] = "c"+string(rune('0'+i)), kind
		switch kind {
		case "String":
			a["StringAttributeConstraints"] = c.maybe(obj{"MinLength": "1", "MaxLength": "2048"})
		case "Number":
			a["NumberAttributeConstraints"] = c.maybe(obj{"MinValue": "-5", "MaxValue": "5"})
		}
		out = append(out, a)
	}
	return out
}

// expectedPool is what the service shows of a pool that was asked for.
func expectedPool(t testing.TB, in obj) obj {
	t.Helper()
	want := parse[obj](t, newPool)
	for name, v := range in {
		switch name {
		case "PoolName", "Policies", "Schema", "AdminCreateUserConfig", "EmailConfiguration", "VerificationMessageTemplate", "AcrConfiguration":
		default:
			want[name] = v
		}
	}
	for _, name := range []string{"AdminCreateUserConfig", "EmailConfiguration", "VerificationMessageTemplate", "AcrConfiguration"} {
		given, _ := in[name].(obj)
		want[name] = with(want[name].(obj), given)
	}
	admin := want["AdminCreateUserConfig"].(obj)
	policies := want["Policies"].(obj)
	if given, ok := dig(in, "Policies", "SignInPolicy").(obj); ok {
		policies["SignInPolicy"] = given
	}
	if given, ok := dig(in, "Policies", "PasswordPolicy").(obj); ok {
		policies["PasswordPolicy"] = with(obj{ // what is not given is off
			"MinimumLength": 8.0, "RequireUppercase": false, "RequireLowercase": false, "RequireNumbers": false,
			"RequireSymbols": false, "TemporaryPasswordValidityDays": 7.0,
		}, given)
	}
	// The two lives of a temporary password are one; 0 is the default, 7 days.
	policy := policies["PasswordPolicy"].(obj)
	if given, ok := dig(in, "AdminCreateUserConfig", "UnusedAccountValidityDays").(float64); ok {
		policy["TemporaryPasswordValidityDays"] = given
	}
	if policy["TemporaryPasswordValidityDays"] == 0.0 {
		policy["TemporaryPasswordValidityDays"] = 7.0
	}
	if dig(in, "AdminCreateUserConfig", "UnusedAccountValidityDays") == nil {
		admin["UnusedAccountValidityDays"] = policy["TemporaryPasswordValidityDays"]
	}
	if hooks, ok := want["LambdaConfig"].(obj); ok {
		want["LambdaConfig"] = mirrorTokenTrigger(hooks)
	}
	mirrorTexts(want, want["VerificationMessageTemplate"].(obj))
	given, _ := in["Schema"].(list)
	want["SchemaAttributes"] = expectedSchema(t, given)
	return want
}

// mirrorTexts copies texts between the template and the older members for
// them, whichever were given: acceptance tests of Terraform hold the service to both ways.
func mirrorTexts(pool, template obj) {
	for older, name := range map[string]string{
		"SmsVerificationMessage": "SmsMessage", "EmailVerificationMessage": "EmailMessage", "EmailVerificationSubject": "EmailSubject",
	} {
		switch {
		case pool[older] == nil && template[name] != nil:
			pool[older] = template[name]
		case pool[older] != nil && template[name] == nil:
			template[name] = pool[older]
		}
	}
}

// mirrorTokenTrigger has the function before tokens in both its settings, whichever was given.
func mirrorTokenTrigger(hooks obj) obj {
	arn, config := hooks["PreTokenGeneration"], hooks["PreTokenGenerationConfig"]
	switch {
	case arn == nil && config != nil:
		return with(hooks, obj{"PreTokenGeneration": config.(obj)["LambdaArn"]})
	case arn != nil && config == nil:
		return with(hooks, obj{"PreTokenGenerationConfig": obj{"LambdaArn": arn, "LambdaVersion": "V1_0"}})
	}
	return hooks
}

func expectedSchema(t testing.TB, given list) list {
	t.Helper()
	schema := asJSON(t, standardSchema)
	for _, item := range given {
		a := item.(obj)
		i := slices.IndexFunc(schema, func(known any) bool { return dig(known, "Name") == a["Name"] })
		if i >= 0 {
			schema[i] = with(schema[i].(obj), a)
			continue
		}
		prefix := "custom:"
		if a["DeveloperOnlyAttribute"] == true {
			prefix = "dev:custom:"
		}
		schema = append(schema, with(obj{"DeveloperOnlyAttribute": false, "Mutable": true, "Required": false}, a,
			obj{"Name": prefix + a["Name"].(string)}))
	}
	return schema
}
