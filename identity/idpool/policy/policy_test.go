package policy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity/idpool/policy"
)

// An example is a policy of AWS's documentation, with requests that it decides. The policies have the
// documentation's shape and names of ours.
type example struct {
	Page    string // its address
	Section string // the heading, and what of it after a colon
	Trust   bool
	Policy  json.RawMessage
	With    json.RawMessage // another policy beside it
	Session json.RawMessage // a policy of a session, or a boundary
	Cases   []struct {
		Action, Resource string
		Context          map[string][]string
		Federated, AWS   []string
		Allowed          bool
		Explicit         bool
		By               string
	}
}

func examples(t testing.TB) (out []example) {
	t.Helper()
	readTestdata(t, "examples.json", &out)
	return out
}

func readTestdata(t testing.TB, name string, v any) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func TestExamplesOfTheDocumentation(t *testing.T) {
	for _, e := range examples(t) {
		parse := policy.Parse
		if e.Trust {
			parse = policy.ParseTrust
		}
		p, err := parse(string(e.Policy))
		if err != nil {
			t.Errorf("%s, %s: %v", e.Page, e.Section, err)
			continue
		}
		sets := []policy.Set{{p}}
		if e.With != nil {
			sets[0] = append(sets[0], must(t, string(e.With)))
		}
		if e.Session != nil {
			sets = append(sets, policy.Set{must(t, string(e.Session))})
		}
		allowed := 0
		for i, c := range e.Cases {
			if c.Allowed {
				allowed++
			}
			d := policy.Decide(&policy.Request{
				Action: c.Action, Resource: c.Resource, Context: policy.NewContext(c.Context),
				Principal: policy.Principal{Federated: c.Federated, AWS: c.AWS},
			}, sets...)
			if d.Allowed != c.Allowed || d.Explicit != c.Explicit || c.By != "" && d.Statement != c.By || d.Why == "" {
				t.Errorf("%s, %s: case %d, %s on %q with %v: %+v", e.Page, e.Section, i+1, c.Action, c.Resource, c.Context, d)
			}
		}
		if allowed == 0 || allowed == len(e.Cases) || !strings.HasPrefix(e.Page, "https://docs.aws.amazon.com/") || e.Section == "" {
			t.Errorf("%s, %s: %d of %d cases are allowed; there must be both, and a page with a section", e.Page, e.Section, allowed, len(e.Cases))
		}
	}
}

// TestWhatTheDocumentationRefuses: what AWS does not take, or we do not support, is an error when
// it is read, and one that says what is wrong.
func TestWhatTheDocumentationRefuses(t *testing.T) {
	var refused []struct {
		Page, Section string
		Trust         bool
		Policy        json.RawMessage
		Error         string // what the error must say
		Instead       json.RawMessage
	}
	readTestdata(t, "refused.json", &refused)
	for _, e := range refused {
		parse := policy.Parse
		if e.Trust {
			parse = policy.ParseTrust
		}
		if _, err := parse(string(e.Policy)); !errors.Is(err, policy.ErrMalformed) || e.Error == "" || !strings.Contains(err.Error(), e.Error) {
			t.Errorf("%s, %s: %v, want %q", e.Page, e.Section, err, e.Error)
		}
		if _, err := parse(string(e.Instead)); err != nil { // or the policy is refused for another reason
			t.Errorf("%s, %s: %v", e.Page, e.Section, err)
		}
	}
}

func must(t testing.TB, text string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p
}

// statement is a policy with a statement that has these members beside Effect.
func statement(members string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + members + `}]}`
}

// TestInDoubt: what cannot be evaluated, or what the documentation does not decide, allows nothing, and a
// Deny denies.
func TestInDoubt(t *testing.T) {
	const any = `"Action":"shop:Buy","Resource":"*"`
	condition := func(c string) string { return any + `,"Condition":` + c }
	resource := func(name, arn string) string { return `"Action":"shop:Buy","` + name + `":"` + arn + `"` }
	for _, tt := range []struct {
		name, members, resource, key string
		values                       []string
	}{
		{"several values", condition(`{"StringEquals":{"a:b":"x"}}`), "*", "a:b", []string{"x", "x"}},
		{"several values, negated", condition(`{"StringNotEquals":{"a:b":"y"}}`), "*", "a:b", []string{"x", "x"}},
		{"no date", condition(`{"DateLessThan":{"a:b":"2030"}}`), "*", "a:b", []string{"soon"}},
		{"no number", condition(`{"NumericNotEquals":{"a:b":"1"}}`), "*", "a:b", []string{"1e0"}},
		{"no address", condition(`{"NotIpAddress":{"a:b":"192.0.2.0/24"}}`), "*", "a:b", []string{"192.0.2.1, 192.0.2.2"}},
		{"not base64", condition(`{"BinaryEquals":{"a:b":"c2hvcA=="}}`), "*", "a:b", []string{"shop!"}},
		{"variable with several values", resource("Resource", "arn:aws:shop:::${a:b}"), "arn:aws:shop:::x", "a:b", []string{"x", "x"}},
		{"variable with an empty value", resource("Resource", "arn:aws:shop:::x${a:b}"), "arn:aws:shop:::x", "a:b", []string{""}},
		{"variable with an empty value and a default", resource("Resource", "arn:aws:shop:::${a:b, 'x'}"), "arn:aws:shop:::x", "a:b", []string{""}},
		{"variable of a condition with an empty value", condition(`{"StringNotEquals":{"a:b":"${a:b}y"}}`), "*", "a:b", []string{""}},
		{"NotResource with a variable without a value", resource("NotResource", "arn:aws:shop:::${a:c}"), "arn:aws:shop:::x", "a:b", []string{"x"}},
		{"ForAnyValue if it exists", condition(`{"ForAnyValue:StringEqualsIfExists":{"a:c":"x"}}`), "*", "a:b", []string{"x"}},
		{"empty value that must not be there", condition(`{"Null":{"a:b":"true"}}`), "*", "a:b", []string{""}},
		{"a * beyond a colon", resource("Resource", "arn:aws:shop:*:*:order/*"), "arn:aws:shop:eu:1:item/x:1:order/2", "a:b", []string{"x"}},
		{"a * beyond a colon of a NotResource", resource("NotResource", "arn:aws:shop:*:*:order/*"), "arn:aws:shop:eu:1:item/x:1:order/2", "a:b", []string{"x"}},
	} {
		allow := must(t, statement(tt.members))
		deny := must(t, strings.Replace(statement(tt.members), "Allow", "Deny", 1))
		r := &policy.Request{Action: "shop:Buy", Resource: tt.resource, Context: policy.NewContext(map[string][]string{tt.key: tt.values})}
		if d := policy.Decide(r, policy.Set{allow}); d.Allowed || d.Explicit {
			t.Errorf("%s: Allow: %+v", tt.name, d)
		}
		if d := policy.Decide(r, policy.Set{deny, must(t, statement(any))}); !d.Explicit {
			t.Errorf("%s: Deny: %+v", tt.name, d)
		}
	}
}

func TestMalformedPolicies(t *testing.T) {
	const good = `"Action":"s3:GetObject","Resource":"*"`
	must(t, statement(good))
	condition := func(c string) string { return statement(good + `,"Condition":` + c) }
	for _, tt := range []struct{ name, text, want string }{
		{"empty", ``, "not valid JSON"},
		{"array", `[]`, "not a JSON object"},
		{"rest", statement(good) + `{}`, "behind its end"},
		{"cut", strings.TrimSuffix(statement(good), "}"), "not valid JSON"},
		{"not UTF-8", statement(good + ",\"Sid\":\"\xff\""), "UTF-8"},
		{"no statement", `{"Version":"2012-10-17"}`, "no Statement"},
		{"empty statements", `{"Statement":[]}`, "no Statement"},
		{"statement is text", `{"Statement":["x"]}`, "not an object"},
		{"version", `{"Version":"2020-01-01","Statement":[]}`, "Version"},
		{"unknown member", `{"Statments":[]}`, `unknown member "Statments"`},
		{"member in another case", `{"statement":[]}`, "unknown member"},
		{"member twice", `{"Version":"2012-10-17","Version":"2012-10-17"}`, "twice"},
		{"unknown member of a statement", statement(good + `,"Resources":"*"`), `unknown member "Resources"`},
		{"effect twice", statement(good + `,"Effect":"Deny"`), "twice"},
		{"no effect", `{"Statement":[{` + good + `}]}`, "no Effect"},
		{"effect in lower case", `{"Statement":[{"Effect":"allow",` + good + `}]}`, "Effect must be"},
		{"no action", statement(`"Resource":"*"`), "Action or NotAction"},
		{"action and not", statement(good + `,"NotAction":"s3:*"`), "Action or NotAction"},
		{"no resource", statement(`"Action":"s3:*"`), "Resource or NotResource"},
		{"resource and not", statement(good + `,"NotResource":"*"`), "Resource or NotResource"},
		{"principal", statement(good + `,"Principal":"*"`), "only a trust policy"},
		{"not principal", statement(good + `,"NotPrincipal":"*"`), "NotPrincipal is not supported"},
		{"action without a service", statement(`"Action":"GetObject","Resource":"*"`), "service:action"},
		{"service with a wildcard", statement(`"Action":"s*:GetObject","Resource":"*"`), "service:action"},
		{"action with a variable", statement(`"Action":"s3:${aws:userid}","Resource":"*"`), "service:action"},
		{"empty list", statement(`"Action":[],"Resource":"*"`), "empty"},
		{"null", statement(`"Action":null,"Resource":"*"`), "string"},
		{"resource is no ARN", statement(`"Action":"s3:*","Resource":"bucket/*"`), "six parts"},
		{"ARN too short", statement(`"Action":"s3:*","Resource":"arn:aws:s3*"`), "six parts"},
		{"ARN with a wildcard first", statement(`"Action":"s3:*","Resource":"*:aws:s3:::x"`), "six parts"},
		{"ARN by a variable", statement(`"Action":"s3:*","Resource":"${aws:PrincipalTag/x}"`), "before the fifth colon"},
		{"ARN of a condition by a variable", condition(`{"ArnLike":{"aws:SourceArn":"${aws:PrincipalTag/x}"}}`), "six parts"},
		{"variable without an end", statement(`"Action":"s3:*","Resource":"arn:aws:s3:::${aws:userid"`), "no end"},
		{"variable without a name", statement(`"Action":"s3:*","Resource":"arn:aws:s3:::${}"`), "invalid key"},
		{"default without quotes", statement(`"Action":"s3:*","Resource":"arn:aws:s3:::${aws:userid, x}"`), "single quotes"},
		{"variable in the old version", `{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${aws:userid}"}]}`, "2012-10-17"},
		{"condition is text", condition(`"x"`), "object"},
		{"unknown operator", condition(`{"StringMatches":{"aws:userid":"x"}}`), "unknown operator"},
		{"operator in lower case", condition(`{"stringequals":{"aws:userid":"x"}}`), "unknown operator"},
		{"unknown quantity", condition(`{"ForSomeValues:StringEquals":{"aws:userid":"x"}}`), "unknown operator"},
		{"Null if it exists", condition(`{"NullIfExists":{"aws:userid":"true"}}`), "unknown operator"},
		{"Null of any", condition(`{"ForAnyValue:Null":{"aws:userid":"true"}}`), "unknown operator"},
		{"Null of text", condition(`{"Null":{"aws:userid":"yes"}}`), "true or false"},
		{"key without a prefix", condition(`{"StringEquals":{"userid":"x"}}`), "not a condition key"},
		{"key twice in other cases", condition(`{"StringEquals":{"aws:userid":"x","aws:UserId":"y"}}`), "twice"},
		{"no key", condition(`{"StringEquals":{}}`), "object with a key"},
		{"no value", condition(`{"StringEquals":{"aws:userid":[]}}`), "no value"},
		{"value is an object", condition(`{"StringEquals":{"aws:userid":{"a":"b"}}}`), "a value must be"},
		{"number", condition(`{"NumericEquals":{"s3:max-keys":"ten"}}`), "number"},
		{"number with a large exponent", condition(`{"NumericEquals":{"s3:max-keys":1e999999999}}`), "number"},
		{"date", condition(`{"DateLessThan":{"aws:CurrentTime":"tomorrow"}}`), "date"},
		{"boolean", condition(`{"Bool":{"aws:SecureTransport":"yes"}}`), "true or false"},
		{"address", condition(`{"IpAddress":{"aws:SourceIp":"203.0.113.0/33"}}`), "network"},
		{"ARN", condition(`{"ArnLike":{"aws:SourceArn":"topic"}}`), "six parts"},
		{"binary", condition(`{"BinaryEquals":{"aws:x":"%"}}`), "base64"},
		{"variable in a date", condition(`{"DateLessThan":{"aws:CurrentTime":"${aws:TokenIssueTime}"}}`), "no variables"},
		{"two statements with one Sid", `{"Statement":[{"Sid":"a","Effect":"Allow",` + good + `},{"Sid":"a","Effect":"Deny",` + good + `}]}`, "Sid"},
		{"deep", `{"Statement":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, "deep"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := policy.Parse(tt.text)
			if p != nil || !errors.Is(err, policy.ErrMalformed) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Parse: %v, %v, want %q", p, err, tt.want)
			}
		})
	}
}

func TestMalformedTrustPolicies(t *testing.T) {
	const good = `"Action":"sts:AssumeRole","Principal":{"AWS":"123456789012"}`
	if _, err := policy.ParseTrust(statement(good)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ text, want string }{
		{statement(`"Action":"sts:AssumeRole"`), "no Principal"},
		{statement(good + `,"Resource":"*"`), "no Resource"},
		{statement(`"Action":"sts:AssumeRole","Principal":"x"`), "Principal must be"},
		{statement(`"Action":"sts:AssumeRole","Principal":{}`), "Principal must be"},
		{statement(`"Action":"sts:AssumeRole","Principal":{"Cognito":"x"}`), `unknown member "Cognito"`},
		{statement(`"Action":"sts:AssumeRole","Principal":{"Federated":"*"}`), "wildcard"},
		{statement(`"Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::1:role/*"}`), "wildcard"},
	} {
		if _, err := policy.ParseTrust(tt.text); !errors.Is(err, policy.ErrMalformed) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.text, err, tt.want)
		}
	}
}

func TestTooLarge(t *testing.T) {
	fits := statement(`"Action":"s3:*","Resource":"*"`)
	fits += strings.Repeat(" ", policy.MaxSize-len(fits))
	must(t, fits)
	if _, err := policy.Parse(fits + " "); !errors.Is(err, policy.ErrTooLarge) {
		t.Error(err)
	}
}

// TestSetsIntersect: a session policy takes away and never adds, and a Deny in either wins.
func TestSetsIntersect(t *testing.T) {
	allow := func(action string) *policy.Policy { return must(t, statement(`"Action":"`+action+`","Resource":"*"`)) }
	deny := must(t, strings.Replace(allow("s3:Get*").String(), "Allow", "Deny", 1))
	for _, tt := range []struct {
		name     string
		sets     []policy.Set
		allowed  bool
		explicit bool
	}{
		{"none", nil, false, false},
		{"empty", []policy.Set{{}}, false, false},
		{"role", []policy.Set{{allow("s3:*")}}, true, false},
		{"role and session", []policy.Set{{allow("s3:*")}, {allow("s3:GetObject")}}, true, false},
		{"session allows other", []policy.Set{{allow("s3:*")}, {allow("s3:PutObject")}}, false, false},
		{"only the session", []policy.Set{{allow("s3:PutObject")}, {allow("s3:*")}}, false, false},
		{"empty session", []policy.Set{{allow("s3:*")}, {}}, false, false},
		{"role denies", []policy.Set{{allow("s3:*"), deny}, {allow("s3:*")}}, false, true},
		{"session denies", []policy.Set{{allow("s3:*")}, {allow("s3:*"), deny}}, false, true},
		{"role denies before it allows", []policy.Set{{deny, allow("s3:*")}}, false, true},
	} {
		d := policy.Decide(&policy.Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k"}, tt.sets...)
		if d.Allowed != tt.allowed || d.Explicit != tt.explicit || d.Why == "" {
			t.Errorf("%s: %+v", tt.name, d)
		}
	}
}

// TestDecisionIsExplained: an operator sees which statement of which policy decided.
func TestDecisionIsExplained(t *testing.T) {
	p := must(t, `{"Version":"2012-10-17","Statement":[{"Sid":"Read","Effect":"Allow","Action":"s3:Get*","Resource":"*"},{"Effect":"Deny","Action":"s3:GetObject","Resource":"arn:aws:s3:::secret/*"}]}`)
	p.Name = "reader"
	for resource, want := range map[string]string{
		"arn:aws:s3:::open/x":   `Read of policy "reader" allows s3:GetObject on "arn:aws:s3:::open/x"`,
		"arn:aws:s3:::secret/x": `statement 2 of policy "reader" denies s3:GetObject on "arn:aws:s3:::secret/x"`,
	} {
		if d := policy.Decide(&policy.Request{Action: "s3:GetObject", Resource: resource}, policy.Set{p}); d.Why != want || d.Policy != "reader" {
			t.Errorf("%+v, want %s", d, want)
		}
	}
	if d := policy.Decide(&policy.Request{Action: "s3:PutObject", Resource: "*"}, policy.Set{p}); d.Why != `no statement of the policies allows s3:PutObject on "*"` {
		t.Errorf("%+v", d)
	}
}

// TestManyWildcards: a pattern with many wildcards costs no more than a loop.
func TestManyWildcards(t *testing.T) {
	p := must(t, statement(`"Action":"s3:*","Resource":"arn:aws:s3:::`+strings.Repeat("*a", 2000)+`"`))
	if d := policy.Decide(&policy.Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::" + strings.Repeat("a", 1999) + "b"}, policy.Set{p}); d.Allowed {
		t.Errorf("%+v", d)
	}
}

func ExampleDecide() {
	p, err := policy.Parse(`{
		"Version": "2012-10-17",
		"Statement": [{
			"Sid": "OwnFolder", "Effect": "Allow", "Action": "s3:GetObject",
			"Resource": "arn:aws:s3:::photos/${cognito-identity.amazonaws.com:sub}/*"
		}]
	}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	keys := policy.Context{}
	keys.Set("cognito-identity.amazonaws.com:sub", "us-east-1:1f3a")
	for _, folder := range []string{"us-east-1:1f3a", "us-east-1:2b4c"} {
		d := policy.Decide(&policy.Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::photos/" + folder + "/cat.png", Context: keys}, policy.Set{p})
		fmt.Println(d.Allowed, d.Statement)
	}
	// Output:
	// true OwnFolder
	// false
}

// FuzzParse: whatever is read as a policy decides without a panic, denies what no Allow is about, and reads the
// same again.
func FuzzParse(f *testing.F) {
	for _, e := range examples(f) {
		f.Add(string(e.Policy), "s3:GetObject", "arn:aws:s3:::b/k", "aws:userid", "x")
	}
	f.Add(statement(`"Action":"*","Resource":"arn:*:s3:*:*:${a:b, 'c'}${*}"`), "a:b", "arn:::::", "a:b", "*?${")
	f.Fuzz(func(t *testing.T, text, action, resource, key, value string) {
		p, err := policy.Parse(text)
		if err != nil {
			if !errors.Is(err, policy.ErrMalformed) && !errors.Is(err, policy.ErrTooLarge) {
				t.Errorf("error %v is none of the package", err)
			}
			p, err = policy.ParseTrust(text)
		}
		if err != nil {
			return
		}
		r := &policy.Request{Action: action, Resource: resource, Context: policy.NewContext(map[string][]string{key: {value}}), Principal: policy.Principal{AWS: []string{value}}}
		d := policy.Decide(r, policy.Set{p})
		if closed := policy.Decide(r, policy.Set{p}, policy.Set{}); closed.Allowed {
			t.Errorf("an empty set allows: %+v", closed)
		}
		if strings.Contains(text, "\\") { // the words may be escaped
			return
		}
		if d.Allowed && (d.Explicit || !strings.Contains(text, "Allow")) || d.Explicit && !strings.Contains(text, "Deny") {
			t.Errorf("%+v by %s", d, text)
		}
	})
}
