package cognito_test

import (
	"maps"
	"slices"
	"testing"
	"time"
)

// fixed are the members of CreateUserPool that UpdateUserPool does not have.
var fixed = []string{"Schema", "UsernameConfiguration", "AliasAttributes", "UsernameAttributes"}

// An update replaces: the pool is as if it had been made so, but for what is fixed or left alone.
func TestUpdatedPoolIsAsIfItWasMadeSo(t *testing.T) {
	c, s := newChooser(t), newServer(t)
	for range rounds() {
		made, update := c.poolRequest(), c.poolRequest()
		for _, name := range fixed {
			delete(update, name)
		}
		if update["MfaConfiguration"] == "ON" && made["MfaConfiguration"] != "ON" {
			update["MfaConfiguration"] = "OPTIONAL"
		}
		kept := obj{}
		for _, name := range append(slices.Clone(fixed), "UserPoolTier", "UserPoolTags") {
			if v, ok := made[name]; ok && update[name] == nil {
				kept[name] = v
			}
		}
		if made["UserAttributeUpdateSettings"] != nil && update["UserAttributeUpdateSettings"] == nil {
			kept["UserAttributeUpdateSettings"] = obj{"AttributesRequireVerificationBeforeUpdate": list{}}
		}
		fitPlan(update, with(update, kept)["UserPoolTier"])
		if dig(made, "Policies", "SignInPolicy") != nil && dig(update, "Policies", "SignInPolicy") == nil { // kept otherwise
			policy := obj{"SignInPolicy": obj{"AllowedFirstAuthFactors": list{"PASSWORD"}}}
			policies, _ := update["Policies"].(obj)
			update["Policies"] = with(policy, policies)
		}
		update["PoolName"] = c.one("p", "renamed")
		want := expectedPool(t, asJSON(t, with(update, kept)))
		want["Name"] = update["PoolName"]
		if update["PoolName"] == "p" {
			delete(update, "PoolName")
		}
		wantUpdated(t, s, made, update, want)
		if t.Failed() {
			t.Fatalf("made with %s\nupdated with %s", jsonText(made), jsonText(update))
		}
	}
}

// wantUpdated makes a pool, updates it, and checks what is shown of it then.
func wantUpdated(t testing.TB, s *server, made, update, want obj) {
	t.Helper()
	pool := dig(s.ok("CreateUserPool", made), "UserPool")
	id := obj{"UserPoolId": str(t, pool, "Id")}
	s.advance(time.Second)
	if a := s.call("UpdateUserPool", with(update, id)); a.status != 200 || a.raw != "{}" {
		t.Fatalf("UpdateUserPool: %d %s", a.status, a.raw)
	}
	if want["UserPoolTags"] == nil {
		want = with(want, obj{"UserPoolTags": obj{}})
	}
	shown := dig(s.ok("DescribeUserPool", id), "UserPool")
	wantSame(t, "DescribeUserPool", volatile(t, shown, "Id", "Arn"), want)
	if before, after := dig(pool, "LastModifiedDate").(float64), dig(shown, "LastModifiedDate").(float64); after < before+1 {
		t.Errorf("LastModifiedDate went from %v to %v, want a second later", before, after)
	}
	if before, after := dig(pool, "CreationDate"), dig(shown, "CreationDate"); before != after {
		t.Errorf("CreationDate went from %v to %v", before, after)
	}
}

func TestUpdatedClientIsAsIfItWasMadeSo(t *testing.T) {
	c, s := newChooser(t), newServer(t)
	pool := s.pool(obj{"Schema": list{
		obj{"Name": "plan", "AttributeDataType": "String"}, obj{"Name": "email", "AttributeDataType": "String", "Required": true},
	}})
	for range rounds() {
		made, update := c.clientRequest(pool), c.clientRequest(pool)
		confidential := update["GenerateSecret"] == true || update["ClientSecret"] != nil
		if has := made["GenerateSecret"] == true || made["ClientSecret"] != nil; has != confidential {
			made = obj{"UserPoolId": pool, "ClientName": "c", "GenerateSecret": confidential}
		}
		delete(update, "GenerateSecret")
		delete(update, "ClientSecret")
		update["ClientName"] = c.one("c", "renamed")
		want := with(parse[obj](t, newClient), asJSON(t, update))
		delete(want, "UserPoolId")
		if want["RefreshTokenValidity"] == 0.0 {
			want["RefreshTokenValidity"] = 30.0
		}
		if update["ClientName"] == "c" {
			delete(update, "ClientName")
		}
		wantUpdatedClient(t, s, made, update, want)
		if t.Failed() {
			t.Fatalf("made with %s\nupdated with %s", jsonText(made), jsonText(update))
		}
	}
}

// wantUpdatedClient makes a client, updates it, and checks what is shown of it then.
func wantUpdatedClient(t testing.TB, s *server, made, update, want obj) {
	t.Helper()
	client := dig(s.ok("CreateUserPoolClient", made), "UserPoolClient")
	id := obj{"UserPoolId": str(t, client, "UserPoolId"), "ClientId": str(t, client, "ClientId")}
	if secret := dig(client, "ClientSecret"); secret != nil {
		want = with(want, obj{"ClientSecret": secret})
	}
	s.advance(time.Second)
	answer := dig(s.ok("UpdateUserPoolClient", with(update, id)), "UserPoolClient")
	shown := dig(s.ok("DescribeUserPoolClient", id), "UserPoolClient")
	for what, v := range map[string]any{"UpdateUserPoolClient": answer, "DescribeUserPoolClient": shown} {
		wantSame(t, what, volatile(t, v, "UserPoolId", "ClientId"), want)
		if before, after := dig(client, "LastModifiedDate").(float64), dig(v, "LastModifiedDate").(float64); after < before+1 {
			t.Errorf("%s: LastModifiedDate went from %v to %v, want a second later", what, before, after)
		}
	}
}

// A pool that was made in Go stays as safe as it was where an update says nothing of it.
func TestUpdateOfAPoolMadeInGo(t *testing.T) {
	s := newServer(t)
	pool, err := s.engine.OpenUserPool(t.Context(), "app", nil)
	if err != nil {
		t.Fatal(err)
	}
	before, err := pool.Admin().Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.ok("UpdateUserPool", obj{"UserPoolId": pool.PoolID(), "UserPoolTags": obj{"k": "v"}})
	after, err := pool.Admin().Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if after.Settings.PasswordPolicy != nil || after.Settings.SRP || after.Settings.Defaults != before.Settings.Defaults ||
		after.Key != "app" || after.Settings.Name != "app" || !maps.Equal(after.Settings.Tags, map[string]string{"k": "v"}) {
		t.Errorf("after an update the pool is %+v, was %+v", after, before)
	}
	policy := obj{"PasswordPolicy": obj{"MinimumLength": 9}}
	s.ok("UpdateUserPool", obj{"UserPoolId": pool.PoolID(), "Policies": policy})
	if after, err = pool.Admin().Describe(t.Context()); err != nil || after.Settings.PasswordPolicy == nil {
		t.Errorf("a policy that was asked for is not there: %+v, %v", after, err)
	}
}
