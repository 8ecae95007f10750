package cognito_test

import (
	"strings"
	"testing"
	"time"
)

// Errors of sign-up that several situations share.
var (
	taken       = problem{"UsernameExistsException", "User already exists", 0}
	adminTaken  = problem{"UsernameExistsException", "User account already exists", 0}
	wrongCode   = problem{"CodeMismatchException", "Invalid verification code provided, please try again.", 0}
	expiredCode = problem{"ExpiredCodeException", "Invalid code provided, please request a code again.", 0}
	noNameOrID  = problem{"UserNotFoundException", "Username/client id combination not found.", 0}
	tooMany     = problem{"LimitExceededException", "Attempt limit exceeded, please try after some time.", 0}
	notWritable = problem{"NotAuthorizedException", "A client attempted to write unauthorized attribute", 0}
)

func invalid(message string) problem { return problem{"InvalidParameterException", message, 0} }

func schemaProblem(lines ...string) problem {
	return invalid("Attributes did not conform to the schema: " + strings.Join(lines, "\n") + "\n")
}

func givenEmail(exception string) problem {
	return problem{exception, "An account with the given email already exists.", 0}
}

// register signs a user up in a pool of given settings.
func register(settings obj, name string, pairs ...string) func(*world) *answer {
	return func(w *world) *answer {
		c := w.client(w.server.pool(settings), nil)
		return w.call("SignUp", c.signUpBody(name, pairs...))
	}
}

func signUpWith(change obj) func(*world) *answer {
	return func(w *world) *answer { return w.call("SignUp", with(w.open.signUpBody("new"), change)) }
}

func signUpPassword(password string) func(*world) *answer {
	return signUpWith(obj{"Password": password})
}

func policyProblem(text string) problem {
	return problem{"InvalidPasswordException", "Password did not conform with policy: " + text, 0}
}

var (
	byEmail = obj{"UsernameAttributes": list{"email"}}
	byPhone = obj{"UsernameAttributes": list{"phone_number"}}
	aliases = obj{"AliasAttributes": list{"email", "phone_number", "preferred_username"}}
)

func TestErrorsOfNames(t *testing.T) {
	checkFacts(t, []fact{
		{"username taken", recorded, signUpWith(obj{"Username": "alice"}), taken},
		{"username taken by an unconfirmed user", recorded, signUpWith(obj{"Username": "una"}), taken},
		{"address taken", recorded, func(w *world) *answer {
			c := w.client(w.server.pool(byEmail), nil)
			c.signUp("eve@example.com")
			return w.call("SignUp", c.signUpBody("eve@example.com"))
		}, givenEmail("UsernameExistsException")},
		{"phone taken", recorded, func(w *world) *answer {
			c := w.client(w.server.pool(byPhone), nil)
			c.signUp("+15550100")
			return w.call("SignUp", c.signUpBody("+15550100"))
		}, problem{"UsernameExistsException", "An account with the given phone_number already exists.", 0}},
		{
			"only operators make users", recorded, register(obj{"AdminCreateUserConfig": obj{"AllowAdminCreateUserOnly": true}}, "new"),
			problem{"NotAuthorizedException", "SignUp is not permitted for this user pool", 0},
		},
		{
			"username like an address, e-mail alias", recorded, register(aliases, "eve@example.com"),
			invalid("Username cannot be of email format, since user pool is configured for email alias."),
		},
		{
			"username like a phone number, phone alias", recorded, register(aliases, "+15550100"),
			invalid("Username cannot be of phone number format, since user pool is configured for phone number alias."),
		},
		{"username is no address", recorded, register(byEmail, "eve"), invalid("Username should be an email.")},
		{"username is no phone number", known, register(byPhone, "eve"), invalid("Username should be a phone number.")},
		{
			"username is neither", recorded, register(obj{"UsernameAttributes": list{"email", "phone_number"}}, "eve"),
			invalid("Username should be either an email or a phone number."),
		},
		{
			"attribute differs from the username", unsure, register(byEmail, "eve@example.com", "email", "bob@example.com"),
			invalid("The username and the attribute email differ."),
		},
		{
			"required attribute missing", recorded, register(obj{"Schema": list{obj{"Name": "email", "Required": true}}}, "new"),
			schemaProblem("email: The attribute is required"),
		},
		{
			"required attributes missing", recorded, register(obj{"Schema": list{obj{"Name": "family_name", "Required": true}, obj{"Name": "email", "Required": true}}}, "new"),
			schemaProblem("email: The attribute is required", "name.familyName: The attribute name.familyName is required"),
		},
		{
			"required given name missing", recorded, register(obj{"Schema": list{obj{"Name": "given_name", "Required": true}}}, "new"),
			schemaProblem("name.givenName: The attribute name.givenName is required"),
		},
		{
			"required name missing", recorded, register(obj{"Schema": list{obj{"Name": "name", "Required": true}}}, "new"),
			schemaProblem("name.formatted: The attribute name.formatted is required"),
		},
		{
			"required attribute empty", recorded, register(obj{"Schema": list{obj{"Name": "email", "Required": true}}}, "new", "email", ""),
			schemaProblem("email: The attribute is required"),
		},
		{"unknown attribute", recorded, signUpWith(obj{"UserAttributes": attrs("custom:x", "1")}), schemaProblem("custom:x: Attribute does not exist in the schema.")},
		{
			"unknown attributes", recorded, signUpWith(obj{"UserAttributes": attrs("b", "1", "a", "1")}),
			schemaProblem("b: Attribute does not exist in the schema.", "a: Attribute does not exist in the schema."),
		},
	})
}

func TestErrorsOfSignUp(t *testing.T) {
	checkFacts(t, []fact{
		{"bad phone number", recorded, signUpWith(obj{"UserAttributes": attrs("phone_number", "555-0100")}), invalid("Invalid phone number format.")},
		{"bad e-mail address", recorded, signUpWith(obj{"UserAttributes": attrs("email", "eve")}), invalid("Invalid email address format.")},
		{"bad birthdate", unsure, signUpWith(obj{"UserAttributes": attrs("birthdate", "01.02.2003")}), invalid("Invalid birthdate format, please use YYYY-MM-DD.")},
		{"verified flag", recorded, signUpWith(obj{"UserAttributes": attrs("email", "eve@example.com", "email_verified", "true")}), notWritable},
		{"the sub", unsure, signUpWith(obj{"UserAttributes": attrs("sub", "x")}), notWritable},
		{"identities", unsure, signUpWith(obj{"UserAttributes": attrs("identities", "[]")}), notWritable},
		{
			"preferred_username as an alias", unsure, register(aliases, "new", "preferred_username", "eve"),
			invalid("preferred_username can only be set for confirmed users."),
		},
		{"password too short", recorded, signUpPassword("Aa1!"), policyProblem("Password not long enough")},
		{"password without a capital", recorded, signUpPassword("passw0rd!"), policyProblem("Password must have uppercase characters")},
		{"password without a small letter", recorded, signUpPassword("PASSW0RD!"), policyProblem("Password must have lowercase characters")},
		{"password without a digit", recorded, signUpPassword("Password!"), policyProblem("Password must have numeric characters")},
		{"password without a symbol", recorded, signUpPassword("Passw0rdd"), policyProblem("Password must have symbol characters")},
		{
			"password that ends with a space", recorded, signUpPassword("Passw0rd! "), // inner spaces are taken
			invalid(`1 validation error detected: Value at 'password' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[\S]+.*[\S]+$`),
		},
		{
			"password too long", recorded, signUpPassword(strings.Repeat("aA1!", 65)),
			invalid("1 validation error detected: Value at 'password' failed to satisfy constraint: Member must have length less than or equal to 256"),
		},
		{"no password", ours, signUpWith(obj{"Password": nil}), policyProblem("Password not long enough")},
		{"unknown client", recorded, signUpWith(obj{"ClientId": "nosuchclient"}), noClient("nosuchclient")},
		{
			"a trigger that cannot be called", recorded, register(obj{"LambdaConfig": obj{"PreSignUp": function}}, "new"),
			problem{"UnexpectedLambdaException", "PreSignUp invocation failed due to error ResourceNotFoundException.", 0},
		},
	})
}

const function = "arn:aws:lambda:us-east-1:123456789012:function:f"

// Constraints of the schema, and what a client may write.
func TestErrorsOfAttributes(t *testing.T) {
	schema := obj{"Schema": list{
		obj{"Name": "s", "AttributeDataType": "String", "StringAttributeConstraints": obj{"MinLength": "3", "MaxLength": "5"}},
		obj{"Name": "n", "AttributeDataType": "Number", "NumberAttributeConstraints": obj{"MinValue": "3", "MaxValue": "5"}},
		obj{"Name": "d", "AttributeDataType": "DateTime"},
		obj{"Name": "b", "AttributeDataType": "Boolean"},
		obj{"Name": "x", "AttributeDataType": "String", "DeveloperOnlyAttribute": true},
	}}
	set := func(name, value string) func(*world) *answer { return register(schema, "new", name, value) }
	checkFacts(t, []fact{
		{"text too long", recorded, set("custom:s", "123456"), schemaProblem("custom:s: String must be no longer than 5 characters")},
		{"text too short", unsure, set("custom:s", "12"), schemaProblem("custom:s: String must be longer than 3")},
		{"number too large", ours, set("custom:n", "6"), schemaProblem("custom:n: Number must be no greater than 5")},
		{"number too small", ours, set("custom:n", "2"), schemaProblem("custom:n: Number must be no less than 3")},
		{"no number", ours, set("custom:n", "many"), schemaProblem("custom:n: Attribute value must be a number")},
		{"no boolean", ours, set("custom:b", "yes"), schemaProblem("custom:b: Attribute value must be true or false")},
		{"no date", ours, set("custom:d", "today"), schemaProblem("custom:d: Attribute value must be a date and time")},
		{"developer attribute", unsure, set("dev:custom:x", "1"), notWritable},
		{"not in the list of what the client may write", recorded, func(w *world) *answer {
			c := w.client(w.pool, obj{"WriteAttributes": list{"email"}})
			return w.call("SignUp", c.signUpBody("new", "email", "new@example.com", "nickname", "n"))
		}, notWritable},
		{
			"value longer than any", recorded, set("nickname", strings.Repeat("a", 2049)),
			invalid("1 validation error detected: Value at 'userAttributes.1.member.value' failed to satisfy constraint: Member must have length less than or equal to 2048"),
		},
		{"NEW_PASSWORD_REQUIRED, not writable", recorded, func(w *world) *answer {
			w.open = w.client(w.pool, obj{"WriteAttributes": list{"email"}})
			return w.call("RespondToAuthChallenge", w.open.newPassword("fred", obj{"userAttributes.nickname": "n"}))
		}, notWritable},
		{
			"AdminCreateUser, unknown attribute", recorded, createUser(nil, obj{"UserAttributes": attrs("custom:x", "1")}),
			schemaProblem("custom:x: Attribute does not exist in the schema."),
		},
		{
			"AdminCreateUser, the sub", unsure, createUser(nil, obj{"UserAttributes": attrs("sub", "x")}),
			schemaProblem("sub: Attribute does not exist in the schema."),
		},
		{
			"AdminCreateUser, identities", unsure, createUser(nil, obj{"UserAttributes": attrs("identities", "[]")}),
			schemaProblem("identities: Attribute does not exist in the schema."),
		},
		{
			"AdminCreateUser, flag that is neither", ours, createUser(nil, obj{"UserAttributes": attrs("email_verified", "yes")}),
			schemaProblem("email_verified: Attribute value must be true or false"),
		},
		{
			"AdminCreateUser, bad phone number", recorded, createUser(nil, obj{"UserAttributes": attrs("phone_number", "555")}),
			invalid("Invalid phone number format."),
		},
	})
}

func TestErrorsOfConfirmation(t *testing.T) {
	confirm := func(c func(*world) *client, name, code string) func(*world) *answer {
		return func(w *world) *answer { return w.call("ConfirmSignUp", c(w).confirmBody(name, code)) }
	}
	open, hidden := func(w *world) *client { return w.open }, func(w *world) *client { return w.hidden }
	confirmed := problem{"NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED", 0}
	checkFacts(t, []fact{
		{"wrong code", recorded, confirm(open, "una", "000"), wrongCode},
		{"code too old", recorded, func(w *world) *answer {
			w.advance(24 * time.Hour)
			return w.call("ConfirmSignUp", w.open.confirmBody("una", w.outbox.LastCode("una")))
		}, expiredCode},
		{"no code outstanding", recorded, func(w *world) *answer {
			w.remove("codes", w.pool, w.subs["una"], "confirm")
			return confirm(open, "una", "000000")(w)
		}, expiredCode},
		{"already confirmed", recorded, confirm(open, "alice", "000000"), confirmed},
		{"already confirmed, existence hidden", recorded, confirm(hidden, "alice", "000000"), confirmed},
		{
			"invited", recorded, confirm(open, "fred", "000000"),
			problem{"NotAuthorizedException", "User cannot be confirmed. Current status is FORCE_CHANGE_PASSWORD", 0},
		},
		{"confirm twice", recorded, func(w *world) *answer {
			body := w.open.confirmBody("una", w.outbox.LastCode("una"))
			w.ok("ConfirmSignUp", body)
			return w.call("ConfirmSignUp", body)
		}, confirmed},
		{"unknown user", recorded, confirm(open, "nobody", "000000"), noNameOrID},
		{"unknown user, existence hidden", unsure, confirm(hidden, "nobody", "000000"), wrongCode},
		{"too many codes", recorded, func(w *world) *answer {
			for range 15 {
				confirm(open, "una", "000")(w)
			}
			return confirm(open, "una", w.outbox.LastCode("una"))(w)
		}, tooMany},
		{"unknown client", recorded, func(w *world) *answer {
			w.open.id = "nosuchclient"
			return confirm(open, "una", "000000")(w)
		}, noClient("nosuchclient")},
		{"alias taken by a verified other user", recorded, func(w *world) *answer {
			pool := w.server.pool(obj{"AliasAttributes": list{"email"}, "AutoVerifiedAttributes": list{"email"}})
			c := w.client(pool, nil)
			c.join("first", "shared@example.com")
			c.signUp("second", "email", "shared@example.com")
			return w.call("ConfirmSignUp", c.confirmBody("second", w.outbox.LastCode("second")))
		}, givenEmail("AliasExistsException")},
		{"no code at all", recorded, func(w *world) *answer {
			return w.call("ConfirmSignUp", obj{"ClientId": w.open.id, "Username": "una"})
		}, invalid("1 validation error detected: Value null at 'confirmationCode' failed to satisfy constraint: Member must not be null")},
	})
}

func TestErrorsOfResending(t *testing.T) {
	resend := func(name string) func(*world) *answer {
		return func(w *world) *answer {
			return w.call("ResendConfirmationCode", obj{"ClientId": w.open.id, "Username": name})
		}
	}
	nothingToSend := invalid("Cannot resend codes. Auto verification not turned on.")
	checkFacts(t, []fact{
		{"resend, already confirmed", recorded, resend("alice"), invalid("User is already confirmed.")},
		{"resend, unknown user", recorded, resend("nobody"), noNameOrID},
		{"resend, no address", recorded, func(w *world) *answer {
			w.editUser("una", func(u obj) { delete(u["attributes"].(obj), "email") })
			return resend("una")(w)
		}, nothingToSend},
		{"resend, nothing verified", recorded, func(w *world) *answer {
			c := w.client(w.server.pool(nil), nil)
			c.signUp("new", "email", "new@example.com")
			return w.call("ResendConfirmationCode", obj{"ClientId": c.id, "Username": "new"})
		}, nothingToSend},
		{"resend too often", recorded, func(w *world) *answer {
			for range 5 {
				resend("una")(w)
			}
			return resend("una")(w)
		}, tooMany},
		{"resend, unknown client", recorded, func(w *world) *answer {
			w.open.id = "nosuchclient"
			return resend("una")(w)
		}, noClient("nosuchclient")},
	})
}

// createUser makes a user as an operator does, in a pool of given settings.
func createUser(settings, body obj) func(*world) *answer {
	return func(w *world) *answer {
		return w.call("AdminCreateUser", with(obj{"UserPoolId": w.server.pool(settings), "Username": "new"}, body))
	}
}

func TestErrorsOfOperators(t *testing.T) {
	ask := func(op string, body obj) func(*world) *answer {
		return func(w *world) *answer { return w.call(op, with(obj{"UserPoolId": w.pool, "Username": "alice"}, body)) }
	}
	policy := problem{"InvalidPasswordException", "Password does not conform to policy: Password not long enough", 0}
	noPool := problem{"ResourceNotFoundException", "User pool us-east-1_nosuch does not exist.", 0}
	facts := []fact{
		{"username taken", recorded, ask("AdminCreateUser", nil), adminTaken},
		{"address taken", recorded, func(w *world) *answer {
			pool := w.server.pool(obj{"UsernameAttributes": list{"email"}})
			w.invited(pool, "eve@example.com")
			return w.call("AdminCreateUser", obj{"UserPoolId": pool, "Username": "eve@example.com"})
		}, adminTaken},
		{"alias taken", recorded, func(w *world) *answer {
			pool := w.server.pool(obj{"AliasAttributes": list{"email"}})
			pairs := []string{"email", "eve@example.com", "email_verified", "true"}
			w.invited(pool, "eve", pairs...)
			return w.call("AdminCreateUser", obj{"UserPoolId": pool, "Username": "bob", "UserAttributes": attrs(pairs...)})
		}, givenEmail("UsernameExistsException")},
		{"username is no address", recorded, createUser(obj{"UsernameAttributes": list{"email"}}, nil), invalid("Username should be an email.")},
		{
			"username like an address", recorded, createUser(obj{"AliasAttributes": list{"email"}}, obj{"Username": "eve@example.com"}),
			invalid("Username cannot be of email format, since user pool is configured for email alias."),
		},
		{"temporary password too short", recorded, ask("AdminCreateUser", obj{"Username": "new", "TemporaryPassword": "short"}), policy},
		{
			"resend to a confirmed user", recorded, ask("AdminCreateUser", obj{"MessageAction": "RESEND"}),
			problem{"UnsupportedUserStateException", "Resend not possible. alice status is not FORCE_CHANGE_PASSWORD", 0},
		},
		{"resend to an unknown user", recorded, ask("AdminCreateUser", obj{"Username": "nobody", "MessageAction": "RESEND"}), noUser},
		{
			"a trigger that cannot be called", recorded, createUser(obj{"LambdaConfig": obj{"PreSignUp": function}}, nil),
			problem{"UnexpectedLambdaException", "PreSignUp invocation failed due to error ResourceNotFoundException.", 0},
		},
		{"get an unknown user", recorded, ask("AdminGetUser", obj{"Username": "nobody"}), noUser},
		{"set the password of an unknown user", recorded, ask("AdminSetUserPassword", obj{"Username": "nobody", "Password": goodPass}), noUser},
		{"set a short password", recorded, ask("AdminSetUserPassword", obj{"Password": "short"}), policy},
	}
	for op, body := range map[string]obj{
		"AdminCreateUser": nil, "AdminGetUser": nil, "AdminSetUserPassword": {"Password": goodPass},
		"DescribeUserPool": nil, "DeleteUserPool": nil, "CreateUserPoolClient": {"ClientName": "c"}, "DescribeUserPoolClient": {"ClientId": "c"},
	} {
		facts = append(facts, fact{"unknown pool, " + op, recorded, ask(op, with(obj{"UserPoolId": "us-east-1_nosuch"}, body)), noPool})
	}
	facts = append(
		facts,
		fact{"unknown client", recorded, ask("DescribeUserPoolClient", obj{"ClientId": "nosuchclient"}), noClient("nosuchclient")},
		fact{"client of another pool", recorded, func(w *world) *answer {
			w.open.pool = w.server.pool(nil)
			a := w.call("DescribeUserPoolClient", obj{"UserPoolId": w.open.pool, "ClientId": w.open.id})
			return a.without(w.open.id)
		}, noClient("ID")},
		fact{"protected pool", recorded, func(w *world) *answer {
			return w.call("DeleteUserPool", obj{"UserPoolId": w.server.pool(obj{"DeletionProtection": "ACTIVE"})})
		}, invalid("The user pool cannot be deleted because deletion protection is activated. Deletion protection must be inactivated first.")},
	)
	checkFacts(t, facts)
}
