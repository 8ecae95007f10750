package cognito_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

const bannerCSS = ".banner-customizable { color: red }"

var (
	pngFile   = base64.StdEncoding.EncodeToString([]byte("\x89PNG\r\n\x1a\n..."))
	testLinks = obj{"cognito:default": "https://example.com/terms", "cognito:french": "https://example.com/fr"}
	formLogo  = obj{"Category": "FORM_LOGO", "ColorMode": "LIGHT", "Extension": "PNG", "Bytes": pngFile}
)

// about is a body about the pool and a client.
func (w *world) about(c *client, more ...obj) obj {
	return with(obj{"UserPoolId": w.pool, "ClientId": c.id}, more...)
}

func (w *world) style(c *client, more obj) (body, made obj) {
	w.t.Helper()
	made = w.ok("CreateManagedLoginBranding", w.about(c, obj{"Settings": obj{"color": "red"}}, more))["ManagedLoginBranding"].(obj)
	return obj{"UserPoolId": w.pool, "ManagedLoginBrandingId": made["ManagedLoginBrandingId"]}, made
}

func (w *world) termsOf(c *client, name string) (body, made obj) {
	w.t.Helper()
	made = w.ok("CreateTerms", w.about(c, obj{"TermsName": name, "TermsSource": "LINK", "Enforcement": "NONE", "Links": testLinks}))["Terms"].(obj)
	return obj{"UserPoolId": w.pool, "TermsId": made["TermsId"]}, made
}

// validPageBodies are the valid bodies about pages and sessions. The pool has a domain.
func (w *world) validPageBodies() map[string]obj {
	style, _ := w.style(w.open, nil)
	doomed, _ := w.style(w.hidden, nil)
	terms, _ := w.termsOf(w.open, "terms-of-use")
	doomedTerms, _ := w.termsOf(w.hidden, "terms-of-use")
	tracking := obj{"UserPoolId": w.pool, "UserSessionTracking": "ENABLED", "TokenSession": obj{"MaxPerUser": 20}}
	w.ok("SetUserPoolSessionConfiguration", tracking)
	return map[string]obj{
		"GetUICustomization":                    w.about(w.open),
		"SetUICustomization":                    w.about(w.open, obj{"CSS": bannerCSS, "ImageFile": pngFile}),
		"CreateManagedLoginBranding":            w.about(w.keeper, obj{"Settings": obj{"a": 1}, "Assets": list{formLogo}}),
		"DescribeManagedLoginBranding":          style,
		"DescribeManagedLoginBrandingByClient":  w.about(w.open),
		"UpdateManagedLoginBranding":            with(style, obj{"Settings": obj{"b": 2}, "Assets": list{formLogo}}),
		"DeleteManagedLoginBranding":            doomed,
		"CreateTerms":                           w.about(w.open, obj{"TermsName": "privacy-policy", "TermsSource": "LINK", "Enforcement": "NONE", "Links": testLinks}),
		"DescribeTerms":                         terms,
		"DescribeTermsByClient":                 w.about(w.open, obj{"TermsName": "terms-of-use"}),
		"UpdateTerms":                           with(terms, obj{"Links": testLinks}),
		"DeleteTerms":                           doomedTerms,
		"ListTerms":                             {"UserPoolId": w.pool},
		"GetUserPoolSessionConfiguration":       {"UserPoolId": w.pool},
		"SetUserPoolSessionConfiguration":       tracking,
		"GetUserPoolClientSessionConfiguration": w.about(w.open),
		"SetUserPoolClientSessionConfiguration": w.about(w.open, obj{"SSOSession": obj{"MaxValidityMinutes": 5}}),
	}
}

func TestUICustomization(t *testing.T) {
	w := newWorld(t)
	all := obj{"UserPoolId": w.pool}
	get := func(body obj) obj { return w.ok("GetUICustomization", body)["UICustomization"].(obj) }
	wantSame(t, "nothing is set", get(w.about(w.open)), obj{"UserPoolId": w.pool, "ClientId": "ALL"})
	w.call("SetUICustomization", with(all, obj{"CSS": bannerCSS})).
		want(t, problem{"InvalidParameterException", "A domain must be associated with this user pool.", 0})
	w.domain("example", nil)
	set := w.ok("SetUICustomization", with(all, obj{"CSS": bannerCSS}))["UICustomization"].(obj)
	wantSame(t, "SetUICustomization", set, obj{
		"UserPoolId": w.pool, "ClientId": "ALL", "CSS": bannerCSS, "CSSVersion": "20261122090507",
		"CreationDate": set["CreationDate"], "LastModifiedDate": set["CreationDate"],
	})
	wantSame(t, "a client without a look", get(w.about(w.open)), set)
	wantSame(t, "by the name of all", get(with(all, obj{"ClientId": "ALL"})), set)
	w.advance(time.Second)
	own := w.ok("SetUICustomization", w.about(w.open, obj{"ImageFile": pngFile}))["UICustomization"].(obj)
	if url := str(t, own, "ImageUrl"); !strings.HasPrefix(url, "https://d") || !strings.HasSuffix(url, "/"+w.pool+"/"+w.open.id+"/20261122090508/assets/images/image.png") || own["CSS"] != nil {
		t.Errorf("the client has %v", own)
	}
	wantSame(t, "the client's", get(w.about(w.open)), own)
	wantSame(t, "the pool's", get(all), set)
	w.ok("SetUICustomization", w.about(w.open))
	wantSame(t, "the client's is gone", get(w.about(w.open)), set)
	for css, message := range map[string]string{
		"body { color: red }":    "The CSS class body is not in the list of allowed classes.",
		"@import 'x';":           "The CSS contains @, which is not allowed.",
		".banner-customizable {": "The CSS could not be parsed.",
	} {
		w.call("SetUICustomization", with(all, obj{"CSS": css})).want(t, problem{"InvalidParameterException", message, 0})
	}
	w.call("SetUICustomization", with(all, obj{"ImageFile": base64.StdEncoding.EncodeToString([]byte("<svg/>"))})).
		want(t, problem{"InvalidParameterException", "The image file must be a PNG or JPEG file of at most 131072 bytes.", 0})
	w.call("GetUICustomization", with(all, obj{"ClientId": "nobody"})).
		want(t, problem{"ResourceNotFoundException", "User pool client nobody does not exist.", 0})
}

func TestManagedLoginBranding(t *testing.T) {
	w := newWorld(t)
	body, made := w.style(w.open, obj{"Assets": list{formLogo}})
	wantSame(t, "CreateManagedLoginBranding", made, obj{
		"ManagedLoginBrandingId": made["ManagedLoginBrandingId"], "UserPoolId": w.pool, "UseCognitoProvidedValues": false,
		"Settings": obj{"color": "red"}, "Assets": list{formLogo}, "CreationDate": made["CreationDate"], "LastModifiedDate": made["CreationDate"],
	})
	wantSame(t, "DescribeManagedLoginBranding", w.ok("DescribeManagedLoginBranding", body)["ManagedLoginBranding"], any(made))
	wantSame(t, "DescribeManagedLoginBrandingByClient", w.ok("DescribeManagedLoginBrandingByClient", w.about(w.open))["ManagedLoginBranding"], any(made))
	changed := w.ok("UpdateManagedLoginBranding", with(body, obj{"Settings": obj{"size": 2}}))["ManagedLoginBranding"].(obj)
	wantSame(t, "merged settings", changed["Settings"], any(obj{"color": "red", "size": 2.0}))
	wantSame(t, "kept assets", changed["Assets"], any(list{formLogo}))
	changed = w.ok("UpdateManagedLoginBranding", with(body, obj{"UseCognitoProvidedValues": true}))["ManagedLoginBranding"].(obj)
	if changed["Settings"] != nil || changed["Assets"] != nil || changed["UseCognitoProvidedValues"] != true {
		t.Errorf("with the service's values: %v", changed)
	}

	both := "useCognitoProvidedValues or settings should be specified (but not both)"
	w.call("CreateManagedLoginBranding", w.about(w.hidden)).want(t, problem{"InvalidParameterException", both, 0})
	w.call("CreateManagedLoginBranding", w.about(w.hidden, obj{"UseCognitoProvidedValues": true, "Settings": obj{}})).
		want(t, problem{"InvalidParameterException", both, 0})
	w.call("UpdateManagedLoginBranding", with(body, obj{"UseCognitoProvidedValues": true, "Settings": obj{}})).
		want(t, problem{"InvalidParameterException", both, 0})
	w.call("CreateManagedLoginBranding", w.about(w.open, obj{"UseCognitoProvidedValues": true})).
		want(t, problem{"ManagedLoginBrandingExistsException", "Managed login branding already exists for the user pool client.", 0})
	w.call("CreateManagedLoginBranding", w.about(w.hidden, obj{"Settings": obj{}, "Assets": list{with(formLogo, obj{"Extension": "SVG"})}})).
		want(t, problem{"InvalidParameterException", "The file of the asset FORM_LOGO is not of the type SVG.", 0})
	if a := w.call("DeleteManagedLoginBranding", body); a.status != 200 || a.raw != "" {
		t.Errorf("DeleteManagedLoginBranding: %d %q, want no body", a.status, a.raw)
	}
	gone := problem{"ResourceNotFoundException", "Managed login branding " + body["ManagedLoginBrandingId"].(string) + " does not exist.", 0}
	for _, op := range []string{"DescribeManagedLoginBranding", "DeleteManagedLoginBranding", "UpdateManagedLoginBranding"} {
		w.call(op, body).want(t, gone)
	}
	w.call("DescribeManagedLoginBrandingByClient", w.about(w.open)).
		want(t, problem{"ResourceNotFoundException", "Managed login branding " + w.open.id + " does not exist.", 0})
}

func TestTermsOfClients(t *testing.T) {
	w := newWorld(t)
	body, made := w.termsOf(w.open, "terms-of-use")
	wantSame(t, "CreateTerms", made, obj{
		"TermsId": made["TermsId"], "UserPoolId": w.pool, "ClientId": w.open.id, "TermsName": "terms-of-use", "TermsSource": "LINK",
		"Enforcement": "NONE", "Links": testLinks, "CreationDate": made["CreationDate"], "LastModifiedDate": made["CreationDate"],
	})
	wantSame(t, "DescribeTerms", w.ok("DescribeTerms", body)["Terms"], any(made))
	wantSame(t, "DescribeTermsByClient", w.ok("DescribeTermsByClient", w.about(w.open, obj{"TermsName": "terms-of-use"}))["Terms"], any(made))
	w.termsOf(w.open, "privacy-policy")
	page := w.ok("ListTerms", obj{"UserPoolId": w.pool, "MaxResults": 1})
	wantMembers(t, "ListTerms", page["Terms"].(list)[0].(obj), "CreationDate", "Enforcement", "LastModifiedDate", "TermsId", "TermsName")
	page = w.ok("ListTerms", obj{"UserPoolId": w.pool, "NextToken": page["NextToken"]})
	if n := len(page["Terms"].(list)); n != 1 || page["NextToken"] != nil {
		t.Errorf("the second page has %d documents", n)
	}
	exists := problem{"TermsExistsException", "Terms with the name already exist for the user pool client.", 0}
	w.call("UpdateTerms", with(body, obj{"TermsName": "privacy-policy"})).want(t, exists)
	new := w.about(w.open, obj{"TermsName": "terms-of-use", "TermsSource": "LINK", "Enforcement": "NONE", "Links": testLinks})
	w.call("CreateTerms", new).want(t, exists)
	w.call("CreateTerms", with(new, obj{"Links": obj{"cognito:french": "https://example.com"}})).
		want(t, problem{"InvalidParameterException", "Links must contain a link for cognito:default.", 0})
	w.call("CreateTerms", with(new, obj{"Links": obj{"cognito:default": "javascript:alert(1)"}})).
		want(t, problem{"InvalidParameterException", "The link for cognito:default is not a valid URL.", 0})
	links := obj{"cognito:default": "https://example.org"}
	wantSame(t, "UpdateTerms", dig(w.ok("UpdateTerms", with(body, obj{"Links": links})), "Terms", "Links"), any(links))
	if a := w.call("DeleteTerms", body); a.status != 200 || a.raw != "" {
		t.Errorf("DeleteTerms: %d %q, want no body", a.status, a.raw)
	}
	w.call("DescribeTerms", body).want(t, problem{"ResourceNotFoundException", "Terms " + body["TermsId"].(string) + " do not exist.", 0})
	w.call("DescribeTermsByClient", w.about(w.open, obj{"TermsName": "terms-of-use"})).
		want(t, problem{"ResourceNotFoundException", "Terms terms-of-use do not exist.", 0})
}

func TestSessionConfiguration(t *testing.T) {
	w := newWorld(t)
	pool := obj{"UserPoolId": w.pool}
	ssoSession := obj{"SSOSession": obj{"MaxValidityMinutes": 0}}
	wantSame(t, "never set", w.ok("GetUserPoolSessionConfiguration", pool),
		obj{"UserPoolId": w.pool, "UserSessionTracking": "DISABLED", "TokenSession": obj{"MaxPerUser": 20.0}})
	wantSame(t, "never set", w.ok("GetUserPoolClientSessionConfiguration", w.about(w.open)), w.about(w.open, obj{"SSOSession": obj{"MaxValidityMinutes": 60.0}}))
	w.call("SetUserPoolClientSessionConfiguration", w.about(w.open, ssoSession)).
		want(t, problem{"OperationNotEnabledException", "User session tracking is not enabled for the user pool.", 0})
	tracking := with(pool, obj{"UserSessionTracking": "ENABLED", "TokenSession": obj{"MaxPerUser": 3.0}})
	wantSame(t, "SetUserPoolSessionConfiguration", w.ok("SetUserPoolSessionConfiguration", tracking), tracking)
	wantSame(t, "GetUserPoolSessionConfiguration", w.ok("GetUserPoolSessionConfiguration", pool), tracking)
	never := w.about(w.open, obj{"SSOSession": obj{"MaxValidityMinutes": 0.0}})
	wantSame(t, "SetUserPoolClientSessionConfiguration", w.ok("SetUserPoolClientSessionConfiguration", w.about(w.open, ssoSession)), never)
	w.ok("SetUserPoolSessionConfiguration", with(tracking, obj{"UserSessionTracking": "DISABLED"}))
	wantSame(t, "while nothing is tracked", w.ok("GetUserPoolClientSessionConfiguration", w.about(w.open)), never)
	w.ok("UpdateUserPool", pool)
	wantSame(t, "after an update of the pool", w.ok("GetUserPoolSessionConfiguration", pool), with(tracking, obj{"UserSessionTracking": "DISABLED"}))
}

// What a plan lacks is refused, and what it has is not.
func TestFeaturesOfPlans(t *testing.T) {
	s := newServer(t)
	unavailable := func(feature string) string {
		return "The following feature is not available for the LITE pricing tier configured: " + feature
	}
	n := 0
	for _, tt := range []struct {
		name, op string
		in       obj
		lite     string // the message to a pool on LITE; empty where it has the feature
	}{
		{"domain of classic pages", "CreateUserPoolDomain", obj{"ManagedLoginVersion": 1}, ""},
		{"domain of managed login", "CreateUserPoolDomain", obj{"ManagedLoginVersion": 2}, unavailable("Managed Login Version 2")},
		{"session tracking", "SetUserPoolSessionConfiguration", obj{"UserSessionTracking": "ENABLED", "TokenSession": obj{"MaxPerUser": 1}}, unavailable("User Session Tracking")},
		{"reading of session tracking", "GetUserPoolSessionConfiguration", nil, ""},
		{"resource server", "CreateResourceServer", obj{"Identifier": "api", "Name": "API"}, ""},
		{"style of pages", "CreateManagedLoginBranding", obj{"ClientId": true, "UseCognitoProvidedValues": true}, ""},
		{"terms", "CreateTerms", obj{"ClientId": true, "TermsName": "terms-of-use", "TermsSource": "LINK", "Enforcement": "NONE", "Links": testLinks}, ""},
		{"sessions of a client", "SetUserPoolClientSessionConfiguration", obj{"ClientId": true, "SSOSession": obj{"MaxValidityMinutes": 1}}, unavailable("User Session Tracking")},
	} {
		for _, plan := range []string{"LITE", "ESSENTIALS", "PLUS"} {
			t.Run(tt.name+" on "+plan, func(t *testing.T) {
				pool := s.pool(obj{"UserPoolTier": plan})
				in := with(obj{"UserPoolId": pool}, tt.in)
				if tt.op == "CreateUserPoolDomain" {
					n++
					in["Domain"] = "plan" + string(rune('a'+n))
				}
				if in["ClientId"] != nil {
					in["ClientId"] = s.client(pool, nil).id
				}
				if tt.op == "SetUserPoolClientSessionConfiguration" && plan != "LITE" {
					s.ok("SetUserPoolSessionConfiguration", obj{"UserPoolId": pool, "UserSessionTracking": "ENABLED", "TokenSession": obj{"MaxPerUser": 1}})
				}
				a := s.call(tt.op, in)
				if plan == "LITE" && tt.lite != "" {
					a.want(t, problem{"FeatureUnavailableInTierException", tt.lite, 0})
					return
				}
				a.wantOK(t)
			})
		}
	}
}
