package cognito_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity/idpool/sts"
)

// session gets credentials and opens their token.
func (f *federation) session(body obj) *sts.Session {
	f.t.Helper()
	out := f.ok(fed("GetCredentialsForIdentity"), body)
	s, err := f.idpools.STS().Open(f.t.Context(), str(f.t, out, "Credentials", "SessionToken"))
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

// mapped sets the role mapping of the client.
func (f *federation) mapped(mapping obj) *answer {
	f.t.Helper()
	return f.call(fed("SetIdentityPoolRoles"), obj{
		"IdentityPoolId": f.id, "Roles": obj{"authenticated": userRole, "unauthenticated": guestRole}, "RoleMappings": obj{f.key + ":" + f.client.id: mapping},
	})
}

func rules(ambiguous string, all ...list) obj {
	out := list{}
	for _, r := range all {
		out = append(out, obj{"Claim": r[0], "MatchType": r[1], "Value": r[2], "RoleARN": r[3]})
	}
	return obj{"Type": "Rules", "AmbiguousRoleResolution": ambiguous, "RulesConfiguration": obj{"Rules": out}}
}

func TestRoleByRules(t *testing.T) {
	f := newServer(t).federation(nil)
	f.made(f.client.pool, "anna", "email", "anna@example.com", "email_verified", "true")
	f.ok("CreateGroup", obj{"UserPoolId": f.client.pool, "GroupName": "admins"})
	f.ok("CreateGroup", obj{"UserPoolId": f.client.pool, "GroupName": "staff"})
	for _, group := range []string{"admins", "staff"} {
		f.ok("AdminAddUserToGroup", obj{"UserPoolId": f.client.pool, "Username": "anna", "GroupName": group})
	}
	logins := f.logins("anna")
	id := f.identity(logins)
	denied := problem{"NotAuthorizedException", "The ambiguous role mapping rules for: " + f.key + ":" + f.client.id + " denied this request.", 0}
	const other = "arn:aws:iam::123456789012:role/others"
	for _, tt := range []struct {
		name    string
		mapping obj
		custom  string
		role    string  // "" for a refusal
		want    problem // the refusal
	}{
		{"equals", rules("Deny", list{"email", "Equals", "anna@example.com", adminRole}), "", adminRole, problem{}},
		{"equals another", rules("Deny", list{"email", "Equals", "anna@example.co", adminRole}), "", "", denied},
		{"another, and the default", rules("AuthenticatedRole", list{"email", "Equals", "x", adminRole}), "", userRole, problem{}},
		{"starts with", rules("Deny", list{"email", "StartsWith", "anna@", adminRole}), "", adminRole, problem{}},
		{"contains", rules("Deny", list{"email", "Contains", "example", adminRole}), "", adminRole, problem{}},
		{"contains a group", rules("Deny", list{"cognito:groups", "Contains", "admins", adminRole}), "", adminRole, problem{}},
		{"contains a part of a group", rules("Deny", list{"cognito:groups", "Contains", "admin", adminRole}), "", "", denied},
		{"is not equal", rules("Deny", list{"email", "NotEqual", "x", adminRole}), "", adminRole, problem{}},
		{"is equal", rules("Deny", list{"email", "NotEqual", "anna@example.com", adminRole}), "", "", denied},
		{"not equal, and missing", rules("Deny", list{"custom:x", "NotEqual", "x", adminRole}), "", "", denied},
		{"the first", rules("Deny", list{"email", "Contains", "anna", adminRole}, list{"email", "Contains", "@", other}), "", adminRole, problem{}},
		{"the second", rules("Deny", list{"email", "Contains", "bert", adminRole}, list{"email", "Contains", "@", other}), "", other, problem{}},
		{"chosen of those that match", rules("Deny", list{"email", "Contains", "anna", adminRole}, list{"email", "Contains", "@", other}), other, other, problem{}},
		{"chosen of one that does not match", rules("AuthenticatedRole", list{"email", "Contains", "anna", adminRole}, list{"email", "Contains", "#", other}), other, "", noCustomRole},
		{"chosen of none", rules("AuthenticatedRole", list{"email", "Contains", "anna", adminRole}), guestRole, "", noCustomRole},
		{"the default is not to be chosen", rules("AuthenticatedRole", list{"email", "Contains", "anna", adminRole}), userRole, "", noCustomRole},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.mapped(tt.mapping).wantOK(t)
			body := obj{"IdentityId": id, "Logins": logins}
			if tt.custom != "" {
				body["CustomRoleArn"] = tt.custom
			}
			if tt.role == "" {
				f.call(fed("GetCredentialsForIdentity"), body).want(t, tt.want)
				return
			}
			if s := f.session(body); s.RoleARN != tt.role {
				t.Errorf("the role is %s, want %s", s.RoleARN, tt.role)
			}
		})
	}
	f.wantCredentials(f.identity(nil), nil) // mappings say nothing of guests
}

func TestRoleByToken(t *testing.T) {
	f := newServer(t).federation(nil)
	for name, roles := range map[string][]string{"none": nil, "one": {adminRole}, "two": {adminRole, userRole}, "tie": {adminRole, userRole}} {
		f.made(f.client.pool, name)
		for i, role := range roles {
			group := fmt.Sprint(name, i)
			precedence := i
			if name == "tie" {
				precedence = 1
			}
			f.ok("CreateGroup", obj{"UserPoolId": f.client.pool, "GroupName": group, "RoleArn": role, "Precedence": precedence})
			f.ok("AdminAddUserToGroup", obj{"UserPoolId": f.client.pool, "Username": name, "GroupName": group})
		}
	}
	denied := problem{"NotAuthorizedException", "The ambiguous role mapping rules for: " + f.key + ":" + f.client.id + " denied this request.", 0}
	for _, tt := range []struct {
		user, ambiguous, custom, role string
		want                          problem
	}{
		{"none", "Deny", "", "", denied},
		{"none", "AuthenticatedRole", "", userRole, problem{}},
		{"none", "AuthenticatedRole", userRole, "", noCustomRole},
		{"one", "Deny", "", adminRole, problem{}},
		{"two", "Deny", "", adminRole, problem{}}, // preferred
		{"two", "Deny", userRole, userRole, problem{}},
		{"two", "Deny", guestRole, "", noCustomRole},
		{"tie", "Deny", "", "", denied},
		{"tie", "AuthenticatedRole", "", userRole, problem{}},
	} {
		t.Run(tt.user+" "+tt.ambiguous+" "+tt.custom, func(t *testing.T) {
			f.mapped(obj{"Type": "Token", "AmbiguousRoleResolution": tt.ambiguous}).wantOK(t)
			logins := f.logins(tt.user)
			body := obj{"IdentityId": f.identity(logins), "Logins": logins}
			if tt.custom != "" {
				body["CustomRoleArn"] = tt.custom
			}
			if tt.role == "" {
				f.call(fed("GetCredentialsForIdentity"), body).want(t, tt.want)
				return
			}
			if s := f.session(body); s.RoleARN != tt.role {
				t.Errorf("the role is %s, want %s", s.RoleARN, tt.role)
			}
		})
	}
}

func TestRolesAreChecked(t *testing.T) {
	f := newServer(t).federation(nil)
	good := rules("Deny", list{"email", "Equals", "x", adminRole})
	many := []list{}
	for range 26 {
		many = append(many, list{"email", "Equals", "x", adminRole})
	}
	key := f.key + ":" + f.client.id
	set := func(roles, mappings obj) *answer {
		return f.call(fed("SetIdentityPoolRoles"), obj{"IdentityPoolId": f.id, "Roles": roles, "RoleMappings": mappings})
	}
	f.store.written()
	for name, tt := range map[string]struct {
		mappings obj
		text     string
	}{
		"a provider of nobody":       {obj{"accounts.google.com": good}, "(accounts.google.com) is not a valid RoleMapping ProviderName or is not a configured provider."},
		"with a scheme":              {obj{"https://" + key: good}, "(https://" + key + ") is not a valid RoleMapping ProviderName or is not a configured provider."},
		"without a client":           {obj{f.key: good}, "(" + f.key + ") is not a valid RoleMapping ProviderName or is not a configured provider."},
		"another client":             {obj{f.key + ":x": good}, "(" + f.key + ":x) is not a valid RoleMapping ProviderName or is not a configured provider."},
		"too many rules":             {obj{key: rules("Deny", many...)}, "The number of rules in the request exceeded 25."},
		"rules without rules":        {obj{key: obj{"Type": "Rules", "AmbiguousRoleResolution": "Deny"}}, "RulesConfiguration is required for the role mapping of " + key + "."},
		"rules without a resolution": {obj{key: obj{"Type": "Rules", "RulesConfiguration": good["RulesConfiguration"]}}, "AmbiguousRoleResolution is required for the role mapping of " + key + "."},
		"token without a resolution": {obj{key: obj{"Type": "Token"}}, "AmbiguousRoleResolution is required for the role mapping of " + key + "."},
		"a rule with no role":        {obj{key: rules("Deny", list{"email", "Equals", "x", "arn:aws:s3:::a-bucket-of-somebody"})}, `Invalid ARN of a role: "arn:aws:s3:::a-bucket-of-somebody".`},
	} {
		t.Run(name, func(t *testing.T) {
			set(obj{"authenticated": userRole}, tt.mappings).want(t, problem{"InvalidParameterException", tt.text, 0})
		})
	}
	set(obj{"authenticated": "arn:aws:s3:::a-bucket-of-somebody"}, nil).want(t, problem{"InvalidParameterException", `Invalid ARN of a role: "arn:aws:s3:::a-bucket-of-somebody".`, 0})
	if written := f.store.written(); len(written) != 0 {
		t.Errorf("wrote %v", written)
	}
	// Both are replaced, and read back as they were set.
	set(obj{"authenticated": userRole}, obj{key: good}).wantOK(t)
	got := f.ok(fed("GetIdentityPoolRoles"), obj{"IdentityPoolId": f.id})
	if fmt.Sprint(got["Roles"]) != fmt.Sprint(obj{"authenticated": userRole}) || jsonText(dig(got, "RoleMappings", key)) != jsonText(good) {
		t.Errorf("the roles are %v", got)
	}
	set(obj{"unauthenticated": guestRole}, nil).wantOK(t)
	got = f.ok(fed("GetIdentityPoolRoles"), obj{"IdentityPoolId": f.id})
	if fmt.Sprint(got["Roles"]) != fmt.Sprint(obj{"unauthenticated": guestRole}) || got["RoleMappings"] != nil {
		t.Errorf("the roles are %v", got)
	}
	// A mapping goes with its provider.
	set(obj{"authenticated": userRole}, obj{key: good}).wantOK(t)
	f.ok(fed("UpdateIdentityPool"), with(f.settings, obj{"CognitoIdentityProviders": list{}}))
	if got := f.ok(fed("GetIdentityPoolRoles"), obj{"IdentityPoolId": f.id}); got["RoleMappings"] != nil {
		t.Errorf("the roles are %v", got)
	}
}

func TestPrincipalTags(t *testing.T) {
	f := newServer(t).federation(nil)
	sub := f.made(f.client.pool, "anna", "email", "anna@example.com", "email_verified", "true", "name", strings.Repeat("n", 300))
	logins := f.logins("anna")
	body := obj{"IdentityId": f.identity(logins), "Logins": logins}
	set := func(more obj) obj {
		return f.ok(fed("SetPrincipalTagAttributeMap"), with(obj{"IdentityPoolId": f.id, "IdentityProviderName": f.key}, more))
	}
	if got := f.session(body).Tags; len(got) != 0 {
		t.Errorf("without a map the tags are %v", got)
	}
	set(obj{"UseDefaults": true, "PrincipalTags": obj{"x": "email"}})
	if got, want := fmt.Sprint(f.session(body).Tags), fmt.Sprint(map[string]string{"client": f.client.id, "username": sub}); got != want {
		t.Errorf("the default tags are %s, want %s", got, want)
	}
	set(obj{"PrincipalTags": obj{"mail": "email", "none": "custom:none", "long": "name"}})
	if got := fmt.Sprint(f.session(body).Tags); got != "map[mail:anna@example.com]" {
		t.Errorf("the tags are %s", got)
	}
	got := f.ok(fed("GetPrincipalTagAttributeMap"), obj{"IdentityPoolId": f.id, "IdentityProviderName": f.key})
	if got["UseDefaults"] != false || fmt.Sprint(got["PrincipalTags"]) != "map[long:name mail:email none:custom:none]" {
		t.Errorf("the map is %v", got)
	}
	f.call(fed("SetPrincipalTagAttributeMap"), obj{"IdentityPoolId": f.id, "IdentityProviderName": "accounts.google.com"}).
		want(t, problem{"InvalidParameterException", "accounts.google.com is not a provider of the identity pool.", 0})
	token := str(t, f.ok(fed("GetOpenIdToken"), body), "Token")
	web, err := f.idpools.VerifyWebIdentity(t.Context(), token)
	if err != nil || web.Tags["mail"] != "anna@example.com" || fmt.Sprint(web.Transitive) != "[mail]" {
		t.Errorf("the web identity is %+v: %v", web, err)
	}
}
