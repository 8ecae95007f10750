package cognito_test

import (
	"fmt"
	"testing"
	"time"
)

// as asks in the name of a user who signs in.
func as(name, op string, body obj) func(*world) *answer {
	return func(w *world) *answer {
		return w.call(op, with(obj{"AccessToken": w.open.access(name)}, body))
	}
}

func TestErrorsOfChangePassword(t *testing.T) {
	change := func(previous, proposed string) obj {
		return obj{"PreviousPassword": previous, "ProposedPassword": proposed}
	}
	// since changes alice between her sign-in and the call.
	since := func(edit func(u obj)) func(*world) *answer {
		return func(w *world) *answer {
			access := w.open.access("alice")
			w.editUser("alice", edit)
			return w.call("ChangePassword", with(obj{"AccessToken": access}, change(goodPass, otherPass)))
		}
	}
	checkFacts(t, []fact{
		{"previous wrong", recorded, as("alice", "ChangePassword", change("wrong", otherPass)), incorrect},
		{"previous left out", unsure, as("alice", "ChangePassword", obj{"ProposedPassword": otherPass}), incorrect},
		{"password breaks the policy", recorded, as("alice", "ChangePassword", change(goodPass, "passw0rd!")), problem{
			"InvalidPasswordException", "Password does not conform to policy: Password must have uppercase characters", 0,
		}},
		{"wrong too often", recorded, func(w *world) *answer {
			access := w.open.access("alice")
			for range 5 {
				w.call("ChangePassword", with(obj{"AccessToken": access}, change("wrong", otherPass))).want(w.t, incorrect)
			}
			return w.call("ChangePassword", with(obj{"AccessToken": access}, change(goodPass, otherPass)))
		}, tooMany},
		{"locked out", unsure, func(w *world) *answer {
			access := w.open.access("alice")
			for range 5 {
				byPassword("alice", "wrong")(w)
			}
			return w.call("ChangePassword", with(obj{"AccessToken": access}, change(goodPass, otherPass)))
		}, problem{"NotAuthorizedException", "Password attempts exceeded", 0}},
		{"must reset", unsure, since(func(u obj) { u["status"] = "RESET_REQUIRED" }), mustReset},
		{"not confirmed", unsure, since(func(u obj) { u["status"] = "UNCONFIRMED" }), unconfirmed},
		{"temporary password", ours, since(func(u obj) { u["status"] = "FORCE_CHANGE_PASSWORD" }), cannotReset},
		{"no access token", recorded, func(w *world) *answer {
			return w.call("ChangePassword", with(obj{"AccessToken": "garbage"}, change(goodPass, otherPass)))
		}, badAccess},
	})
}

func TestErrorsOfAttributeUpdates(t *testing.T) {
	set := func(pairs ...string) func(*world) *answer {
		return as("alice", "UpdateUserAttributes", obj{"UserAttributes": attrs(pairs...)})
	}
	drop := func(names ...any) func(*world) *answer {
		return as("alice", "DeleteUserAttributes", obj{"UserAttributeNames": names})
	}
	admin := func(pairs ...string) func(*world) *answer {
		return func(w *world) *answer {
			return w.call("AdminUpdateUserAttributes", obj{"UserPoolId": w.pool, "Username": "alice", "UserAttributes": attrs(pairs...)})
		}
	}
	adminDrop := func(user string, names ...any) func(*world) *answer {
		return func(w *world) *answer {
			return w.call("AdminDeleteUserAttributes", obj{"UserPoolId": w.pool, "Username": user, "UserAttributeNames": names})
		}
	}
	unknown := invalid("Invalid user attributes: user.custom:foo: Attribute does not exist in the schema.\n")
	two := invalid("Invalid user attributes: user.custom:foo: Attribute does not exist in the schema.\nuser.custom:bar: Attribute does not exist in the schema.\n")
	checkFacts(t, []fact{
		{"unknown attribute", moto, set("custom:foo", "1"), unknown},
		{"delete an unknown attribute", moto, drop("custom:foo"), unknown},
		{"delete unknown attributes", moto, drop("custom:foo", "custom:bar"), two},
		{"operator, unknown attribute", moto, admin("custom:foo", "1"), unknown},
		{"operator deletes an unknown attribute", moto, adminDrop("alice", "custom:foo"), unknown},
		{"verified flag", recorded, set("email_verified", "true"), notWritable},
		{"delete the verified flag", recorded, drop("email_verified"), notWritable},
		{"the sub", unsure, set("sub", "x"), notWritable},
		{"operator, the sub", unsure, admin("sub", "x"), invalid("user.sub: Attribute cannot be updated.")},
		{"operator, identities", unsure, admin("identities", "[]"), invalid("Invalid user attributes: user.identities: Attribute does not exist in the schema.\n")},
		{"bad e-mail address", recorded, set("email", "alice"), invalid("Invalid email address format.")},
		{"bad phone number", recorded, admin("phone_number", "555-0100"), invalid("Invalid phone number format.")},
		{"operator, flag that is neither", ours, admin("email_verified", "yes"), schemaProblem("email_verified: Attribute value must be true or false")},
		{"operator, unknown user", recorded, adminDrop("nobody", "name"), noUser},
		{"no access token", recorded, func(w *world) *answer {
			return w.call("UpdateUserAttributes", obj{"AccessToken": "garbage", "UserAttributes": attrs("name", "x")})
		}, badAccess},
	})
}

// Errors that depend on the settings of the pool, or on other users.
func TestErrorsOfAttributeUpdatesInOtherPools(t *testing.T) {
	immutable := obj{"Schema": list{
		obj{"Name": "email", "Required": true, "Mutable": false},
		obj{"Name": "x", "AttributeDataType": "String", "Mutable": false},
	}}
	in := func(settings obj, ask func(c *client, access string) *answer, pairs ...string) func(*world) *answer {
		return func(w *world) *answer {
			c := w.client(w.server.pool(settings), nil)
			w.made(c.pool, "eve", pairs...)
			w.made(c.pool, "bob", "email", "bob@example.com", "email_verified", "true", "preferred_username", "bobby")
			return ask(c, c.access("eve"))
		}
	}
	set := func(pairs ...string) func(*client, string) *answer {
		return func(c *client, access string) *answer {
			return c.call("UpdateUserAttributes", obj{"AccessToken": access, "UserAttributes": attrs(pairs...)})
		}
	}
	admin := func(op string, body obj) func(*client, string) *answer {
		return func(c *client, _ string) *answer {
			return c.call(op, with(obj{"UserPoolId": c.pool, "Username": "eve"}, body))
		}
	}
	checkFacts(t, []fact{
		{"immutable", recorded, in(immutable, set("email", "new@example.com"), "email", "eve@example.com"), invalid("user.email: Attribute cannot be updated.")},
		{
			"operator, immutable", recorded, in(immutable, admin("AdminUpdateUserAttributes", obj{"UserAttributes": attrs("email", "new@example.com")}), "email", "eve@example.com"),
			invalid("user.email: Attribute cannot be updated."),
		},
		{
			"operator, two that are immutable", ours, in(immutable, admin("AdminDeleteUserAttributes", obj{"UserAttributeNames": list{"email", "custom:x"}}), "email", "eve@example.com"),
			invalid("user.email: Attribute cannot be updated.\nuser.custom:x: Attribute cannot be updated."),
		},
		{
			"required, emptied", unsure, in(obj{"Schema": list{obj{"Name": "email", "Required": true, "Mutable": true}}}, set("email", ""), "email", "eve@example.com"),
			schemaProblem("email: The attribute is required"),
		},
		{"alias taken", unsure, in(aliases, set("preferred_username", "bobby")), problem{
			"AliasExistsException", "An account with the given preferred_username already exists.", 0,
		}},
		{"operator, alias taken", unsure, in(aliases, admin("AdminUpdateUserAttributes", obj{
			"UserAttributes": attrs("preferred_username", "bobby"),
		})), problem{"AliasExistsException", "An account with the given preferred_username already exists.", 0}},
		{"trigger that cannot be called", recorded, in(
			obj{"AutoVerifiedAttributes": list{"email"}, "LambdaConfig": obj{"CustomMessage": function}}, set("email", "new@example.com"),
		), problem{"UnexpectedLambdaException", "CustomMessage invocation failed due to error ResourceNotFoundException.", 0}},
	})
}

func TestErrorsOfVerification(t *testing.T) {
	ask := func(attribute string) obj { return obj{"AttributeName": attribute} }
	try := func(code string) obj { return obj{"AttributeName": "email", "Code": code} }
	checkFacts(t, []fact{
		{"wrong code", recorded, func(w *world) *answer {
			as("alice", "GetUserAttributeVerificationCode", ask("email"))(w).wantOK(w.t)
			return as("alice", "VerifyUserAttribute", try("000"))(w)
		}, wrongCode},
		{"no code was asked for", recorded, as("alice", "VerifyUserAttribute", try("000000")), expiredCode},
		{"code too old", recorded, func(w *world) *answer {
			as("alice", "GetUserAttributeVerificationCode", ask("email"))(w).wantOK(w.t)
			w.advance(24 * time.Hour)
			return as("alice", "VerifyUserAttribute", try(w.outbox.LastCode("alice")))(w)
		}, expiredCode},
		{"tried too often", recorded, func(w *world) *answer {
			body := with(obj{"AccessToken": w.open.access("alice")}, try("000"))
			for range 15 {
				w.call("VerifyUserAttribute", body).want(w.t, expiredCode)
			}
			return w.call("VerifyUserAttribute", body)
		}, tooMany},
		{"asked for too often", recorded, func(w *world) *answer {
			body := with(obj{"AccessToken": w.open.access("alice")}, ask("email"))
			for range 5 {
				w.call("GetUserAttributeVerificationCode", body).wantOK(w.t)
			}
			return w.call("GetUserAttributeVerificationCode", body)
		}, tooMany},
		{"sent too often by updates", ours, func(w *world) *answer {
			access := w.open.access("alice")
			update := func(i int) *answer {
				return w.call("UpdateUserAttributes", obj{"AccessToken": access, "UserAttributes": attrs("email", fmt.Sprintf("%d@example.com", i))})
			}
			for i := range 20 {
				update(i).wantOK(w.t)
			}
			return update(20)
		}, problem{"TooManyRequestsException", tooMany.message, 0}},
		{"no address", unsure, as("alice", "GetUserAttributeVerificationCode", ask("phone_number")), invalid("User does not have a valid registered phone number")},
		{"no such address", recorded, as("alice", "GetUserAttributeVerificationCode", ask("name")), invalid("Invalid attribute name. Only phone_number and email can be verified.")},
		{"no such address to verify", unsure, as("alice", "VerifyUserAttribute", with(ask("name"), obj{"Code": "123456"})), invalid("Invalid attribute name. Only phone_number and email can be verified.")},
	})
}

// The life of an address that must be verified before it counts.
func TestUpdateOfAnAddress(t *testing.T) {
	s := newServer(t)
	pool := s.pool(obj{
		"AutoVerifiedAttributes": list{"email"}, "AliasAttributes": list{"email"},
		"UserAttributeUpdateSettings": obj{"AttributesRequireVerificationBeforeUpdate": list{"email"}},
	})
	c := s.client(pool, nil)
	c.join("eve", "eve@example.com")
	access := c.access("eve")
	a := s.call("UpdateUserAttributes", obj{"AccessToken": access, "UserAttributes": attrs("email", "new@example.com", "name", "Eve")})
	wantSame(t, "deliveries", a.body["CodeDeliveryDetailsList"], any(list{obj{
		"AttributeName": "email", "DeliveryMedium": "EMAIL", "Destination": "n***@e***",
	}}))
	got := attrMap(t, s.ok("GetUser", obj{"AccessToken": access})["UserAttributes"])
	if got["email"] != "eve@example.com" || got["email_verified"] != "true" || got["name"] != "Eve" {
		t.Errorf("attributes %v, want the old address until the new one is verified", got)
	}
	s.ok("VerifyUserAttribute", obj{"AccessToken": access, "AttributeName": "email", "Code": s.outbox.LastCode("new@example.com")})
	if claims := claimsOf(t, str(t, c.signIn("new@example.com"), "IdToken")); claims["email"] != "new@example.com" || claims["email_verified"] != true {
		t.Errorf("claims %v, want the new address", claims)
	}
	s.ok("DeleteUserAttributes", obj{"AccessToken": access, "UserAttributeNames": list{"email"}})
	s.call("InitiateAuth", c.passwordAuth("new@example.com", goodPass)).want(t, noUser)
}
