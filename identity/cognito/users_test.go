package cognito_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
)

// wantDelivery checks where a code went.
func wantDelivery(t testing.TB, v any, attribute, medium, destination string) {
	t.Helper()
	want := obj{"AttributeName": attribute, "DeliveryMedium": medium, "Destination": destination}
	wantSame(t, "CodeDeliveryDetails", v, want)
}

func TestAnswerOfSignUp(t *testing.T) {
	both := list{"email", "phone_number"}
	for _, tt := range []struct {
		name                           string
		verified                       list
		pairs                          []string
		attribute, medium, destination string
	}{
		{"nothing verified", nil, []string{"email", "jane@example.com"}, "", "", ""},
		{"no address", list{"email"}, nil, "", "", ""},
		{"e-mail", list{"email"}, []string{"email", "jane@example.com"}, "email", "EMAIL", "j***@e***"},
		{"e-mail of one letter", list{"email"}, []string{"email", "j@e.co"}, "email", "EMAIL", "j***@e***"},
		{"phone", list{"phone_number"}, []string{"phone_number", "+15550101234"}, "phone_number", "SMS", "+*******1234"},
		{"both, both verified", both, []string{"phone_number", "+15550101234", "email", "j@e.co"}, "phone_number", "SMS", "+*******1234"},
		{"both, e-mail verified", list{"email"}, []string{"phone_number", "+15550101234", "email", "j@e.co"}, "email", "EMAIL", "j***@e***"},
		{"e-mail of both verified", both, []string{"email", "j@e.co"}, "email", "EMAIL", "j***@e***"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t)
			c := s.client(s.pool(obj{"AutoVerifiedAttributes": tt.verified}), nil)
			out := c.signUp("jane", tt.pairs...)
			wantForm(t, "UserSub", out["UserSub"], uuidForm.String())
			if out["UserConfirmed"] != false {
				t.Errorf("UserConfirmed is %v, want false", out["UserConfirmed"])
			}
			messages := s.outbox.Messages(nil)
			if tt.attribute == "" {
				wantMembers(t, "SignUp", out, "UserConfirmed", "UserSub")
				if len(messages) != 0 {
					t.Errorf("a message was sent: %v", messages)
				}
				return
			}
			wantDelivery(t, out["CodeDeliveryDetails"], tt.attribute, tt.medium, tt.destination)
			if len(messages) != 1 || string(messages[0].Medium) != tt.medium {
				t.Fatalf("messages %v, want one by %s", messages, tt.medium)
			}
			wantForm(t, "code", string(messages[0].Code), `^\d{6}$`)
			resent := s.ok("ResendConfirmationCode", obj{"ClientId": c.id, "Username": "jane"})
			wantMembers(t, "ResendConfirmationCode", resent, "CodeDeliveryDetails")
			wantDelivery(t, resent["CodeDeliveryDetails"], tt.attribute, tt.medium, tt.destination)
			c.confirm("jane", "jane")
			user := s.ok("AdminGetUser", obj{"UserPoolId": c.pool, "Username": "jane"})
			if a := attrMap(t, user["UserAttributes"]); a[tt.attribute+"_verified"] != "true" || user["UserStatus"] != "CONFIRMED" {
				t.Errorf("after confirmation %v", user)
			}
		})
	}
}

// A code goes to a made-up address for a user who does not exist, the same each time.
func TestResendingToNobody(t *testing.T) {
	w := newWorld(t)
	ask := func(name string) any {
		return w.ok("ResendConfirmationCode", obj{"ClientId": w.hidden.id, "Username": name})["CodeDeliveryDetails"]
	}
	sent := len(w.outbox.Messages(nil))
	first := ask("nobody")
	wantSame(t, "the second answer", ask("nobody"), first)
	wantForm(t, "Destination", dig(first, "Destination"), `^[a-z]\*\*\*@[a-z]\*\*\*$`)
	wantDelivery(t, ask("nobody@example.com"), "email", "EMAIL", "n***@e***")
	if n := len(w.outbox.Messages(nil)); n != sent {
		t.Errorf("%d messages were sent to nobody", n-sent)
	}
}

func TestUsernameAttributes(t *testing.T) {
	s := newServer(t)
	pool := s.pool(obj{"UsernameAttributes": list{"email", "phone_number"}, "AutoVerifiedAttributes": list{"email", "phone_number"}})
	c := s.client(pool, nil)
	for name, attribute := range map[string]string{"jane@example.com": "email", "+15550101234": "phone_number"} {
		sub := str(t, c.signUp(name), "UserSub")
		c.confirm(name, name)
		for _, ask := range []string{name, sub} {
			user := s.ok("AdminGetUser", obj{"UserPoolId": pool, "Username": ask})
			if user["Username"] != sub || attrMap(t, user["UserAttributes"])[attribute] != name {
				t.Errorf("AdminGetUser of %s is %v, want the username %s", ask, user, sub)
			}
		}
		access := claimsOf(t, c.access(name))
		if access["username"] != sub {
			t.Errorf("access token of %s has the username %v, want the sub", name, access["username"])
		}
		_, answer := c.startSRP(name)
		s.ok("RespondToAuthChallenge", answer(goodPass))
	}
}

// A user is named by the kind of address that came as username, for good.
func TestUsernameAttributesOfTwoKinds(t *testing.T) {
	s := newServer(t)
	pool := s.pool(obj{"UsernameAttributes": list{"email", "phone_number"}})
	c := s.client(pool, nil)
	const mail, later, number = "jane@example.com", "jane@example.org", "+15550101234"
	signedUp := func(username string, more ...string) {
		s.ok("SignUp", c.signUpBody(username, more...))
		s.ok("AdminConfirmSignUp", obj{"UserPoolId": pool, "Username": username})
	}
	signIn := func(name string) *answer { return s.call("InitiateAuth", c.passwordAuth(name, goodPass)) }
	nobody := problem{"UserNotFoundException", "User does not exist.", 0}

	signedUp(mail, "phone_number", number)
	signIn(number).want(t, nobody)
	signedUp(number) // an attribute of another's is no name of hers
	signIn(number).wantOK(t)
	at := c.access(mail)
	s.ok("UpdateUserAttributes", obj{"AccessToken": at, "UserAttributes": attrs("email", later)})
	signIn(later).wantOK(t)
	signIn(mail).want(t, nobody)
	if a := s.call("DeleteUserAttributes", obj{"AccessToken": at, "UserAttributeNames": list{"email"}}); a.status == 200 {
		t.Errorf("the e-mail address was deleted, and the name with it")
	}
	s.ok("DeleteUserAttributes", obj{"AccessToken": at, "UserAttributeNames": list{"phone_number"}})
}

func TestCaseOfNames(t *testing.T) {
	for _, tt := range []struct {
		name      string
		sensitive any
		found     bool // in another case
	}{{"sensitive", true, false}, {"insensitive", false, true}, {"not said", nil, false}} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t)
			settings := obj{"AliasAttributes": list{"email"}}
			if tt.sensitive != nil {
				settings["UsernameConfiguration"] = obj{"CaseSensitive": tt.sensitive}
			}
			pool := s.pool(settings)
			c := s.client(pool, nil)
			s.made(pool, "Jane", "email", "Jane@Example.com", "email_verified", "true")
			for _, name := range []string{"JANE", "JANE@EXAMPLE.COM"} {
				a := s.call("InitiateAuth", c.passwordAuth(name, goodPass))
				if found := a.status == 200; found != tt.found {
					t.Errorf("sign-in as %s: %d, want found %v", name, a.status, tt.found)
				}
			}
			for _, name := range []string{"Jane", "Jane@Example.com"} {
				s.call("InitiateAuth", c.passwordAuth(name, goodPass)).wantOK(t)
			}
			user := s.ok("AdminGetUser", obj{"UserPoolId": pool, "Username": "Jane"})
			if user["Username"] != "Jane" || attrMap(t, user["UserAttributes"])["email"] != "Jane@Example.com" {
				t.Errorf("user is %v, want the case that was given", user)
			}
			again := s.call("SignUp", c.signUpBody("jane"))
			if tt.found {
				again.want(t, taken)
			} else {
				again.wantOK(t)
			}
		})
	}
}

// An alias counts once it is verified, for one user at a time.
func TestAliases(t *testing.T) {
	s := newServer(t)
	pool := s.pool(obj{"AliasAttributes": list{"email"}, "AutoVerifiedAttributes": list{"email"}})
	c := s.client(pool, nil)
	const shared = "shared@example.com"
	c.signUp("first", "email", shared)
	s.call("InitiateAuth", c.passwordAuth(shared, goodPass)).want(t, noUser) // not verified yet
	c.confirm("first", "first")
	s.call("InitiateAuth", c.passwordAuth(shared, goodPass)).wantOK(t)

	c.signUp("second", "email", shared) // tells nobody that there is another
	code := s.outbox.LastCode("second")
	s.call("ConfirmSignUp", c.confirmBody("second", code)).want(t, givenEmail("AliasExistsException"))
	s.ok("ConfirmSignUp", with(c.confirmBody("second", code), obj{"ForceAliasCreation": true}))
	if got := claimsOf(t, c.access(shared))["username"]; got != "second" {
		t.Errorf("the alias is that of %v, want second", got)
	}
	first := attrMap(t, s.ok("AdminGetUser", obj{"UserPoolId": pool, "Username": "first"})["UserAttributes"])
	if first["email"] != shared || first["email_verified"] != "false" {
		t.Errorf("the loser has %v, want the address, not verified", first)
	}

	pairs := attrs("email", shared, "email_verified", "true")
	create := obj{"UserPoolId": pool, "Username": "third", "UserAttributes": pairs, "MessageAction": "SUPPRESS"}
	s.call("AdminCreateUser", create).want(t, givenEmail("UsernameExistsException"))
	s.ok("AdminCreateUser", with(create, obj{"ForceAliasCreation": true}))
	if got := s.ok("AdminGetUser", obj{"UserPoolId": pool, "Username": shared})["Username"]; got != "third" {
		t.Errorf("the alias is that of %v, want third", got)
	}
	s.ok("AdminCreateUser", obj{"UserPoolId": pool, "Username": "fourth", "UserAttributes": attrs("email", shared)}) // not verified
}

// A username of one user is no alias of another, with force or without.
func TestAliasIsNoUsername(t *testing.T) {
	s := newServer(t)
	pool := s.pool(obj{"AliasAttributes": list{"preferred_username"}})
	s.made(pool, "alice")
	for _, force := range []bool{false, true} {
		s.call("AdminCreateUser", obj{
			"UserPoolId": pool, "Username": "eve", "UserAttributes": attrs("preferred_username", "alice"), "ForceAliasCreation": force,
		}).want(t, problem{"UsernameExistsException", "An account with the given preferred_username already exists.", 0})
	}
}

func TestAdminCreateUser(t *testing.T) {
	s := newServer(t)
	pool := s.pool(nil)
	a := s.call("AdminCreateUser", obj{"UserPoolId": pool, "Username": "jane", "UserAttributes": attrs("name", "J", "email", "jane@example.com", "email_verified", "true")})
	user := a.body["User"]
	wantMembers(t, "User", user, "Attributes", "Enabled", "UserCreateDate", "UserLastModifiedDate", "UserStatus", "Username")
	if dig(user, "Enabled") != true || dig(user, "UserStatus") != "FORCE_CHANGE_PASSWORD" || dig(user, "Username") != "jane" {
		t.Errorf("user is %v", user)
	}
	names := []any{}
	for _, attribute := range dig(user, "Attributes").(list) {
		names = append(names, dig(attribute, "Name"))
	}
	wantSame(t, "attributes", any(names), any(list{"email", "email_verified", "name", "sub"}))
	got := s.ok("AdminGetUser", obj{"UserPoolId": pool, "Username": "jane"})
	wantMembers(t, "AdminGetUser", got, "Enabled", "UserAttributes", "UserCreateDate", "UserLastModifiedDate", "UserStatus", "Username")
	wantSame(t, "attributes of AdminGetUser", got["UserAttributes"], dig(user, "Attributes"))
}

// What registers has its flags from the beginning; who is made by an operator
// has those that were given, in whatever case (known of the live service).
func TestFlagsOfAddresses(t *testing.T) {
	s := newServer(t)
	pool := s.pool(nil)
	c := s.client(pool, nil)
	c.signUp("jane", "email", "jane@example.com", "phone_number", "+15550101234")
	c.signUp("june", "email", "")
	s.invited(pool, "jack", "email", "jack@example.com")
	s.invited(pool, "jill", "email", "jill@example.com", "email_verified", "True")
	for name, want := range map[string][2]string{
		"jane": {"false", "false"}, "june": {}, "jack": {}, "jill": {"true", ""},
	} {
		got := attrMap(t, s.ok("AdminGetUser", obj{"UserPoolId": pool, "Username": name})["UserAttributes"])
		if got["email_verified"] != want[0] || got["phone_number_verified"] != want[1] {
			t.Errorf("attributes of %s are %v, want the flags %q", name, got, want)
		}
	}
	s.ok("AdminConfirmSignUp", obj{"UserPoolId": pool, "Username": "jane"})
	if got := claimsOf(t, str(t, c.signIn("jane"), "IdToken")); got["email_verified"] != false || got["phone_number_verified"] != false {
		t.Errorf("claims are %v, want both flags false", got)
	}
}

func TestInvitations(t *testing.T) {
	pairs := attrs("email", "jane@example.com", "phone_number", "+15550101234")
	for _, tt := range []struct {
		name string
		body obj
		to   []string
	}{
		{"by SMS if nothing is said", nil, []string{"+15550101234"}},
		{"by mail", obj{"DesiredDeliveryMediums": list{"EMAIL"}}, []string{"jane@example.com"}},
		{"by both", obj{"DesiredDeliveryMediums": list{"EMAIL", "SMS"}}, []string{"jane@example.com", "+15550101234"}},
		{"suppressed", obj{"MessageAction": "SUPPRESS"}, nil},
		{"nowhere to send to", obj{"UserAttributes": list{}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t)
			pool := s.pool(obj{"SmsConfiguration": smsSettings, "AdminCreateUserConfig": obj{"InviteMessageTemplate": obj{"EmailMessage": "hi {username}: {####}", "EmailSubject": "welcome"}}})
			s.ok("AdminCreateUser", with(obj{"UserPoolId": pool, "Username": "jane", "UserAttributes": pairs, "TemporaryPassword": goodPass}, tt.body))
			var to []string
			for _, m := range s.outbox.Messages(nil) {
				to = append(to, m.To)
				if m.Code != goodPass || m.Medium == "EMAIL" && (m.Body != "hi jane: "+goodPass || m.Subject != "welcome") {
					t.Errorf("invitation to %s: %q, %q", m.To, m.Subject, m.Body)
				}
			}
			wantSame(t, "recipients", any(to), any(tt.to))
		})
	}
}

// RESEND gives a new password, and new time for it, to a user who has not used the first.
func TestInvitedAgain(t *testing.T) {
	s := newServer(t)
	pool := s.pool(nil)
	c := s.client(pool, nil)
	s.invited(pool, "jane", "email", "jane@example.com")
	s.advance(8 * 24 * time.Hour)
	again := s.ok("AdminCreateUser", obj{"UserPoolId": pool, "Username": "jane", "MessageAction": "RESEND", "DesiredDeliveryMediums": list{"EMAIL"}})
	if dig(again, "User", "UserStatus") != "FORCE_CHANGE_PASSWORD" {
		t.Errorf("user is %v", again)
	}
	s.call("InitiateAuth", c.passwordAuth("jane", goodPass)).want(t, incorrect)
	out := s.ok("InitiateAuth", c.passwordAuth("jane", s.outbox.LastCode("jane@example.com")))
	if out["ChallengeName"] != "NEW_PASSWORD_REQUIRED" {
		t.Errorf("sign-in gives %v, want a challenge", out)
	}
}

func TestAdminSetUserPassword(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"una", "fred", "rita", "alice"} {
		for permanent, want := range map[bool]string{true: "CONFIRMED", false: "FORCE_CHANGE_PASSWORD"} {
			w.ok("AdminSetUserPassword", obj{"UserPoolId": w.pool, "Username": name, "Password": otherPass, "Permanent": permanent})
			if got := w.ok("AdminGetUser", obj{"UserPoolId": w.pool, "Username": name})["UserStatus"]; got != want {
				t.Errorf("%s, permanent %v: status %v, want %s", name, permanent, got, want)
			}
		}
	}
}

// A user is made although the message could not be sent; the answer says so.
func TestMessageNotDelivered(t *testing.T) {
	s := newServerWith(t, serverOptions{sender: failingSender{}})
	pool := s.pool(obj{"AutoVerifiedAttributes": list{"email"}})
	c := s.client(pool, nil)
	failed := problem{"CodeDeliveryFailureException", "Invalid email provided/Unable to send the email", 0}
	s.call("SignUp", c.signUpBody("jane", "email", "jane@example.com")).want(t, failed)
	s.call("ResendConfirmationCode", obj{"ClientId": c.id, "Username": "jane"}).want(t, failed)
	s.call("AdminCreateUser", obj{
		"UserPoolId": pool, "Username": "joe", "UserAttributes": attrs("email", "joe@example.com"), "DesiredDeliveryMediums": list{"EMAIL"},
	}).want(t, failed)
	for _, name := range []string{"jane", "joe"} {
		s.ok("AdminGetUser", obj{"UserPoolId": pool, "Username": name})
	}
}

type panicSender struct{}

func (panicSender) Send(context.Context, *identity.Message) error { panic("the relay is on fire") }

type failingSender struct{}

func (failingSender) Send(context.Context, *identity.Message) error {
	return errors.New("relay smtp.internal refused the password hunter2")
}

// Developer attributes are an operator's to set, and no client sees them.
func TestDeveloperAttributes(t *testing.T) {
	s := newServer(t)
	pool := s.pool(obj{"Schema": list{obj{"Name": "note", "AttributeDataType": "String", "DeveloperOnlyAttribute": true, "Mutable": true}}})
	s.made(pool, "alice", "dev:custom:note", "vip")
	got := attrMap(t, s.ok("AdminGetUser", obj{"UserPoolId": pool, "Username": "alice"})["UserAttributes"])
	if got["dev:custom:note"] != "vip" {
		t.Errorf("an operator sees %v, want the note", got)
	}
	user := attrMap(t, s.ok("GetUser", obj{"AccessToken": s.client(pool, nil).access("alice")})["UserAttributes"])
	if len(user) != 1 || user["sub"] == "" {
		t.Errorf("the user sees %v, want only the sub", user)
	}
}
