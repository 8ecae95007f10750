package cognito_test

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity/identitytest"
	"github.com/cognate-id/cognate/mfa"
)

// trackDevices are the settings of a pool whose remembered devices replace a second factor.
var trackDevices = obj{"DeviceConfiguration": obj{"ChallengeRequiredOnNewDevice": true, "DeviceOnlyRememberedOnUserPrompt": false}}

var (
	noDevice   = problem{"ResourceNotFoundException", "Device does not exist.", 0}
	devicesOff = problem{"InvalidParameterException", "Device tracking not currently enabled for this pool.", 0}
)

// deviceWorld is a client of a pool that tracks devices, with the user alice.
func deviceWorld(t testing.TB, settings obj) *client {
	t.Helper()
	s := newServer(t)
	c := s.client(s.pool(settings), nil)
	s.made(c.pool, "alice", "email", "alice@example.com", "email_verified", "true")
	return c
}

// newDevice is the device of NewDeviceMetadata.
func newDevice(t testing.TB, tokens obj) *identitytest.Device {
	t.Helper()
	return identitytest.NewDevice(str(t, tokens, "NewDeviceMetadata", "DeviceKey"), str(t, tokens, "NewDeviceMetadata", "DeviceGroupKey"))
}

func confirmBody(tokens obj, d *identitytest.Device) obj {
	return obj{"AccessToken": tokens["AccessToken"], "DeviceKey": d.Key, "DeviceName": "phone", "DeviceSecretVerifierConfig": obj{
		"Salt": base64.StdEncoding.EncodeToString(d.Salt), "PasswordVerifier": base64.StdEncoding.EncodeToString(d.Verifier),
	}}
}

// onNewDevice signs alice in on a new device, which is confirmed.
func (c *client) onNewDevice() (obj, *identitytest.Device) {
	c.t.Helper()
	tokens := c.signIn("alice")
	d := newDevice(c.t, tokens)
	c.ok("ConfirmDevice", confirmBody(tokens, d))
	return tokens, d
}

// passwordOn is a sign-in of alice by password on a device.
func (c *client) passwordOn(key any) obj {
	return c.auth("USER_PASSWORD_AUTH", obj{"USERNAME": "alice", "PASSWORD": goodPass, "DEVICE_KEY": key})
}

// validDeviceBodies are the valid bodies about devices. They are about a pool that tracks them.
func (w *world) validDeviceBodies() map[string]obj {
	c := w.server.client(w.server.pool(trackDevices), nil)
	w.made(c.pool, "alice")
	tokens, d := c.onNewDevice()
	another := c.signIn("alice")
	_, doomed := c.onNewDevice()
	_, outcast := c.onNewDevice()
	alice := obj{"UserPoolId": c.pool, "Username": "alice"}
	return map[string]obj{
		"ConfirmDevice":           confirmBody(another, newDevice(w.t, another)),
		"GetDevice":               {"AccessToken": tokens["AccessToken"], "DeviceKey": d.Key},
		"ListDevices":             {"AccessToken": tokens["AccessToken"]},
		"UpdateDeviceStatus":      {"AccessToken": tokens["AccessToken"], "DeviceKey": d.Key, "DeviceRememberedStatus": "not_remembered"},
		"ForgetDevice":            {"AccessToken": tokens["AccessToken"], "DeviceKey": doomed.Key},
		"AdminGetDevice":          with(alice, obj{"DeviceKey": d.Key}),
		"AdminListDevices":        alice,
		"AdminUpdateDeviceStatus": with(alice, obj{"DeviceKey": d.Key, "DeviceRememberedStatus": "remembered"}),
		"AdminForgetDevice":       with(alice, obj{"DeviceKey": outcast.Key}),
	}
}

func TestDevices(t *testing.T) {
	c := deviceWorld(t, trackDevices)
	tokens := c.signIn("alice")
	d := newDevice(t, tokens)
	if !regexp.MustCompile(`^us-east-1_[0-9a-f-]{36}$`).MatchString(d.Key) || !regexp.MustCompile(`^-[0-9A-Za-z]{8}$`).MatchString(d.Group) {
		t.Errorf("NewDeviceMetadata is %v", tokens["NewDeviceMetadata"])
	}
	if got := claimsOf(t, str(t, tokens, "AccessToken"))["device_key"]; got != d.Key {
		t.Errorf("device_key is %v, want %s", got, d.Key)
	}
	if out := c.ok("ConfirmDevice", confirmBody(tokens, d)); out["UserConfirmationNecessary"] != false {
		t.Errorf("ConfirmDevice: %v", out)
	}
	c.call("ConfirmDevice", confirmBody(tokens, d)).want(t, problem{"DeviceKeyExistsException", "Device already exists.", 0}) // text (unsure)

	mine, theirs := obj{"AccessToken": tokens["AccessToken"]}, obj{"UserPoolId": c.pool, "Username": "alice"}
	key := obj{"DeviceKey": d.Key}
	want := "[device_status=valid device_name=phone" +
		" dev:device_arn=arn:aws:cognito-idp:us-east-1:" + c.engine.Account() + ":owner/alice." + c.pool + "/device/" + d.Key +
		" dev:device_owner=alice." + c.pool + " last_ip_used=127.0.0.1 dev:device_remembered_status=remembered dev:device_sdk=aws-sdk-unknown-unknown]"
	for op, got := range map[string]any{
		"GetDevice": c.ok("GetDevice", with(mine, key))["Device"], "AdminGetDevice": c.ok("AdminGetDevice", with(theirs, key))["Device"],
		"ListDevices": c.ok("ListDevices", mine)["Devices"].(list)[0], "AdminListDevices": c.ok("AdminListDevices", theirs)["Devices"].(list)[0],
	} {
		var attributes []string
		for _, a := range dig(got, "DeviceAttributes").(list) {
			attributes = append(attributes, str(t, a, "Name")+"="+str(t, a, "Value"))
		}
		if fmt.Sprint(attributes) != want {
			t.Errorf("%s:\n%s, want\n%s", op, attributes, want)
		}
		for _, date := range []string{"DeviceCreateDate", "DeviceLastModifiedDate", "DeviceLastAuthenticatedDate"} {
			if dig(got, date) != float64(c.now().UnixMilli())/1000 {
				t.Errorf("%s: %s is %v, want now", op, date, dig(got, date))
			}
		}
		if dig(got, "DeviceKey") != d.Key {
			t.Errorf("%s: %v", op, got)
		}
	}
	for op, by := range map[string]obj{"UpdateDeviceStatus": mine, "AdminUpdateDeviceStatus": theirs} {
		c.ok(op, with(by, key, obj{"DeviceRememberedStatus": "not_remembered"}))
		if got := attrMap(t, dig(c.ok("GetDevice", with(mine, key)), "Device", "DeviceAttributes"))["dev:device_remembered_status"]; got != "not_remembered" {
			t.Errorf("after %s it is %s", op, got)
		}
		c.call(op, with(by, key)).want(t, problem{"InvalidParameterException", "Missing required parameter DeviceRememberedStatus", 0}) // (unsure)
		c.ok(op, with(by, key, obj{"DeviceRememberedStatus": "remembered"}))
	}
	if a := c.call("ForgetDevice", with(mine, key)); a.status != 200 || a.raw != "" {
		t.Errorf("ForgetDevice: %d %q, want an empty body", a.status, a.raw)
	}
	for _, op := range []string{"GetDevice", "UpdateDeviceStatus", "ForgetDevice"} {
		c.call(op, with(mine, key, obj{"DeviceRememberedStatus": "remembered"})).want(t, noDevice)
		c.call("Admin"+op, with(theirs, key, obj{"DeviceRememberedStatus": "remembered"})).want(t, noDevice)
	}
	for op, by := range map[string]obj{"ListDevices": mine, "AdminListDevices": theirs} {
		if a := c.call(op, by); a.raw != `{"Devices":[]}` {
			t.Errorf("%s without devices: %s", op, a.raw)
		}
	}
	_, d = c.onNewDevice()
	if a := c.call("AdminForgetDevice", with(theirs, obj{"DeviceKey": d.Key})); a.status != 200 || a.raw != "" {
		t.Errorf("AdminForgetDevice: %d %q, want an empty body", a.status, a.raw)
	}
}

func TestPagesOfDevices(t *testing.T) {
	c := deviceWorld(t, trackDevices)
	tokens, _ := c.onNewDevice()
	c.onNewDevice()
	c.onNewDevice()
	for op, by := range map[string]obj{"ListDevices": {"AccessToken": tokens["AccessToken"]}, "AdminListDevices": {"UserPoolId": c.pool, "Username": "alice"}} {
		first := c.ok(op, with(by, obj{"Limit": 2}))
		next := c.ok(op, with(by, obj{"Limit": 2, "PaginationToken": first["PaginationToken"]}))
		keys := map[any]bool{}
		for _, page := range []obj{first, next} {
			for _, d := range page["Devices"].(list) {
				keys[dig(d, "DeviceKey")] = true
			}
		}
		if len(first["Devices"].(list)) != 2 || len(next["Devices"].(list)) != 1 || len(keys) != 3 || next["PaginationToken"] != nil {
			t.Errorf("%s: %v, then %v", op, first, next)
		}
		c.call(op, with(by, obj{"PaginationToken": "garbage"})).want(t, problem{"InvalidParameterException", "Invalid pagination token given.", 0})
	}
}

func TestDevicesThatUsersAskFor(t *testing.T) {
	c := deviceWorld(t, obj{"DeviceConfiguration": obj{"DeviceOnlyRememberedOnUserPrompt": true}})
	tokens := c.signIn("alice")
	d := newDevice(t, tokens)
	if out := c.ok("ConfirmDevice", confirmBody(tokens, d)); out["UserConfirmationNecessary"] != true {
		t.Errorf("ConfirmDevice: %v", out)
	}
	out := c.ok("GetDevice", obj{"AccessToken": tokens["AccessToken"], "DeviceKey": d.Key})
	if got := attrMap(t, dig(out, "Device", "DeviceAttributes"))["dev:device_remembered_status"]; got != "not_remembered" {
		t.Errorf("the device is %s", got)
	}
}

func TestDevicesAreOff(t *testing.T) {
	c := deviceWorld(t, nil)
	tokens := c.signIn("alice")
	if tokens["NewDeviceMetadata"] != nil || claimsOf(t, str(t, tokens, "AccessToken"))["device_key"] != nil {
		t.Errorf("a device where none are tracked: %v", tokens)
	}
	key := obj{"DeviceKey": "us-east-1_0", "DeviceRememberedStatus": "remembered"}
	d := identitytest.NewDevice("us-east-1_0", "-g")
	c.call("ConfirmDevice", confirmBody(tokens, d)).want(t, devicesOff)
	for _, op := range []string{"GetDevice", "ListDevices", "UpdateDeviceStatus", "ForgetDevice"} {
		c.call(op, with(key, obj{"AccessToken": tokens["AccessToken"]})).want(t, devicesOff)
		c.call("Admin"+op, with(key, obj{"UserPoolId": c.pool, "Username": "alice"})).want(t, devicesOff)
	}
	c.ok("InitiateAuth", c.passwordOn("us-east-1_0"))
}

func TestConfirmDeviceRefuses(t *testing.T) {
	c := deviceWorld(t, trackDevices)
	tokens := c.signIn("alice")
	good := confirmBody(tokens, newDevice(t, tokens))
	config := func(edit obj) obj {
		return with(good, obj{"DeviceSecretVerifierConfig": with(good["DeviceSecretVerifierConfig"].(obj), edit)})
	}
	invalid := func(text string) problem { return problem{"InvalidParameterException", text, 0} } // texts (unsure)
	for _, tt := range []struct {
		body obj
		want problem
	}{
		{with(good, obj{"DeviceKey": "us-east-1_0"}), noDevice},
		{with(good, obj{"DeviceSecretVerifierConfig": nil}), invalid("Missing required parameter Salt")},
		{config(obj{"Salt": ""}), invalid("Missing required parameter Salt")},
		{config(obj{"PasswordVerifier": nil}), invalid("Missing required parameter PasswordVerifier")},
		{config(obj{"Salt": "*"}), invalid("Salt is not valid base64.")},
		{config(obj{"PasswordVerifier": "*"}), invalid("PasswordVerifier is not valid base64.")},
		{config(obj{"PasswordVerifier": "AQ=="}), invalid("The verifier of a device is not valid.")},
		{config(obj{"PasswordVerifier": strings.Repeat("AAAA", 30_000)}), invalid("The verifier of a device is not valid.")},
		{with(good, obj{"AccessToken": "garbage"}), problem{"NotAuthorizedException", "Invalid Access Token", 0}},
	} {
		c.call("ConfirmDevice", tt.body).want(t, tt.want)
	}
	c.ok("ConfirmDevice", good)
}

// A client whose device does not exist any more sends the same proof again without it, and may
// write null for it.
func TestUnknownDeviceOfASignIn(t *testing.T) {
	c := deviceWorld(t, trackDevices)
	c.call("InitiateAuth", c.passwordOn("us-east-1_0")).want(t, noDevice)
	c.call("InitiateAuth", c.auth("USER_PASSWORD_AUTH", obj{"USERNAME": "alice", "PASSWORD": otherPass, "DEVICE_KEY": "us-east-1_0"})).
		want(t, problem{"NotAuthorizedException", "Incorrect username or password.", 0})
	_, answer := c.startSRP("alice")
	proof := answer(goodPass)
	responses := proof["ChallengeResponses"].(obj)
	c.call("RespondToAuthChallenge", with(proof, obj{"ChallengeResponses": with(responses, obj{"DEVICE_KEY": "us-east-1_0"})})).want(t, noDevice)
	out := c.ok("RespondToAuthChallenge", with(proof, obj{"ChallengeResponses": with(responses, obj{"DEVICE_KEY": nil})}))
	newDevice(t, out["AuthenticationResult"].(obj))
}

// withApp gives alice an authenticator app. It returns a function that makes codes.
func (c *client) withApp(tokens obj) (code func() string) {
	c.t.Helper()
	out := c.ok("AssociateSoftwareToken", obj{"AccessToken": tokens["AccessToken"]})
	key, err := mfa.ParseSecret(str(c.t, out, "SecretCode"))
	if err != nil {
		c.t.Fatal(err)
	}
	code = func() string {
		c.advance(mfa.Period)
		return key.Code(c.now())
	}
	c.ok("VerifySoftwareToken", obj{"AccessToken": tokens["AccessToken"], "UserCode": code()})
	c.ok("SetUserMFAPreference", obj{"AccessToken": tokens["AccessToken"], "SoftwareTokenMfaSettings": obj{"Enabled": true, "PreferredMfa": true}})
	return code
}

// rememberedWorld is alice with an authenticator app and a remembered device.
func rememberedWorld(t testing.TB, settings obj) (*client, *identitytest.Device, func() string) {
	t.Helper()
	c := deviceWorld(t, trackDevices)
	c = c.server.client(c.pool, settings)
	c.ok("SetUserPoolMfaConfig", obj{"UserPoolId": c.pool, "MfaConfiguration": "OPTIONAL", "SoftwareTokenMfaConfiguration": obj{"Enabled": true}})
	tokens, d := c.onNewDevice()
	return c, d, c.withApp(tokens)
}

// startDevice is the answer to DEVICE_SRP_AUTH.
func (c *client) startDevice(session string, d *identitytest.Device) (obj, *identitytest.DeviceProof) {
	proof := d.Begin()
	return c.respond("DEVICE_SRP_AUTH", session, c.hashed(obj{"USERNAME": "alice", "DEVICE_KEY": d.Key, "SRP_A": proof.A})), proof
}

// proveDevice is the answer to DEVICE_PASSWORD_VERIFIER.
func (c *client) proveDevice(ch obj, d *identitytest.Device, proof *identitytest.DeviceProof) obj {
	c.t.Helper()
	text := func(name string) string { return str(c.t, ch, "ChallengeParameters", name) }
	signature, at, err := proof.Prove(text("SALT"), text("SRP_B"), text("SECRET_BLOCK"), c.now())
	if err != nil {
		c.t.Fatal(err)
	}
	return c.respond("DEVICE_PASSWORD_VERIFIER", str(c.t, ch, "Session"), c.hashed(obj{
		"USERNAME": text("USERNAME"), "DEVICE_KEY": d.Key, "TIMESTAMP": at,
		"PASSWORD_CLAIM_SECRET_BLOCK": text("SECRET_BLOCK"), "PASSWORD_CLAIM_SIGNATURE": signature,
	}))
}

// hashed adds the hash of the client's secret to answers.
func (c *client) hashed(responses obj) obj {
	if c.secret != "" {
		responses["SECRET_HASH"] = c.hash("alice")
	}
	return responses
}

func TestDeviceChallenges(t *testing.T) {
	for name, settings := range map[string]obj{"without a secret": nil, "with a secret": {"GenerateSecret": true}} {
		t.Run(name, func(t *testing.T) {
			c, d, code := rememberedWorld(t, settings)
			if out := c.ok("InitiateAuth", c.passwordAuth("alice", goodPass)); out["ChallengeName"] != "SOFTWARE_TOKEN_MFA" {
				t.Errorf("without the device: %v", out)
			}
			out := c.ok("InitiateAuth", c.passwordOn(d.Key))
			if p, ok := out["ChallengeParameters"].(obj); out["ChallengeName"] != "DEVICE_SRP_AUTH" || !ok || len(p) != 0 {
				t.Fatalf("on the device: %v", out)
			}
			start, proof := c.startDevice(str(t, out, "Session"), d)
			ch := c.ok("RespondToAuthChallenge", start)
			p := ch["ChallengeParameters"].(obj)
			if ch["ChallengeName"] != "DEVICE_PASSWORD_VERIFIER" || len(p) != 5 || p["USERNAME"] != "alice" || p["DEVICE_KEY"] != d.Key {
				t.Fatalf("after DEVICE_SRP_AUTH: %v", ch)
			}
			answer := c.proveDevice(ch, d, proof)
			responses := answer["ChallengeResponses"].(obj)
			wrongProof := problem{"NotAuthorizedException", "Incorrect username or password.", 0} // (unsure)
			c.call("RespondToAuthChallenge", with(answer, obj{"ChallengeResponses": with(responses, obj{"PASSWORD_CLAIM_SIGNATURE": "AAAA"})})).want(t, wrongProof)
			c.call("RespondToAuthChallenge", with(answer, obj{"ChallengeResponses": with(responses, obj{"DEVICE_KEY": "us-east-1_0"})})).want(t, noDevice)
			tokens, ok := c.ok("RespondToAuthChallenge", answer)["AuthenticationResult"].(obj)
			if !ok || tokens["NewDeviceMetadata"] != nil || claimsOf(t, str(t, tokens, "AccessToken"))["device_key"] != d.Key {
				t.Errorf("tokens: %v", tokens)
			}
			c.call("RespondToAuthChallenge", answer).want(t, problem{"NotAuthorizedException", "Invalid session for the user, session can only be used once.", 0})

			out = c.ok("InitiateAuth", c.passwordAuth("alice", goodPass))
			tokens = c.ok("RespondToAuthChallenge", c.respond("SOFTWARE_TOKEN_MFA", str(t, out, "Session"), c.hashed(obj{"USERNAME": "alice", "SOFTWARE_TOKEN_MFA_CODE": code()})))["AuthenticationResult"].(obj)
			newDevice(t, tokens)
		})
	}
}

func TestDeviceChallengesRefuse(t *testing.T) {
	c, d, _ := rememberedWorld(t, nil)
	session := str(t, c.ok("InitiateAuth", c.passwordOn(d.Key)), "Session")
	start, _ := c.startDevice(session, d)
	invalid := func(text string) problem { return problem{"InvalidParameterException", text, 0} } // texts (unsure)
	for _, tt := range []struct {
		edit obj
		want problem
	}{
		{obj{"SRP_A": nil}, invalid("Missing required parameter SRP_A")},
		{obj{"SRP_A": "0"}, invalid("SRP_A is not a valid public value.")},
		{obj{"DEVICE_KEY": nil}, invalid("Missing required parameter DEVICE_KEY")},
		{obj{"USERNAME": nil}, invalid("Missing required parameter USERNAME")},
		{obj{"USERNAME": "bob"}, problem{"NotAuthorizedException", "Invalid session for the user.", 0}},
	} {
		c.call("RespondToAuthChallenge", with(start, obj{"ChallengeResponses": with(start["ChallengeResponses"].(obj), tt.edit)})).want(t, tt.want)
	}
	c.call("RespondToAuthChallenge", c.respond("DEVICE_SRP_AUTH", "", start["ChallengeResponses"].(obj))).want(t, invalid("Missing required parameter Session"))
	c.call("RespondToAuthChallenge", c.respond("DEVICE_PASSWORD_VERIFIER", session, obj{
		"USERNAME": "alice", "DEVICE_KEY": d.Key, "TIMESTAMP": timestamp, "PASSWORD_CLAIM_SECRET_BLOCK": "AAAA", "PASSWORD_CLAIM_SIGNATURE": "AAAA",
	})).want(t, problem{"NotAuthorizedException", "Invalid session for the user.", 0})
	c.ok("RespondToAuthChallenge", start)
}

// The longest names fit into the Session that a client may send.
func TestSessionsOfDevicesFit(t *testing.T) {
	s := newServer(t)
	c := s.client(s.pool(trackDevices), nil)
	name := strings.Repeat("漢", 128)
	s.made(c.pool, name)
	c.ok("SetUserPoolMfaConfig", obj{"UserPoolId": c.pool, "MfaConfiguration": "OPTIONAL", "SoftwareTokenMfaConfiguration": obj{"Enabled": true}})
	tokens := c.signIn(name)
	d := newDevice(t, tokens)
	c.ok("ConfirmDevice", confirmBody(tokens, d))
	c.withApp(tokens)
	out := c.ok("InitiateAuth", c.auth("USER_PASSWORD_AUTH", obj{"USERNAME": name, "PASSWORD": goodPass, "DEVICE_KEY": d.Key}))
	proof := d.Begin()
	ch := c.ok("RespondToAuthChallenge", c.respond("DEVICE_SRP_AUTH", str(t, out, "Session"), obj{"USERNAME": name, "DEVICE_KEY": d.Key, "SRP_A": proof.A}))
	c.ok("RespondToAuthChallenge", c.proveDevice(ch, d, proof))
}

func TestRefreshNeedsTheDevice(t *testing.T) {
	badToken := problem{"NotAuthorizedException", "Invalid Refresh Token.", 0}
	c := deviceWorld(t, trackDevices)
	tokens := c.signIn("alice")
	d := newDevice(t, tokens)
	forms := map[string]func(key any) (string, obj){
		"REFRESH_TOKEN_AUTH": func(key any) (string, obj) {
			return "InitiateAuth", c.auth("REFRESH_TOKEN_AUTH", obj{"REFRESH_TOKEN": tokens["RefreshToken"], "DEVICE_KEY": key})
		},
		"REFRESH_TOKEN": func(key any) (string, obj) {
			return "InitiateAuth", c.auth("REFRESH_TOKEN", obj{"REFRESH_TOKEN": tokens["RefreshToken"], "DEVICE_KEY": key})
		},
		"GetTokensFromRefreshToken": func(key any) (string, obj) {
			return "GetTokensFromRefreshToken", obj{"ClientId": c.id, "RefreshToken": tokens["RefreshToken"], "DeviceKey": key}
		},
	}
	for name, form := range forms {
		op, body := form(d.Key)
		if a := c.call(op, body); a.status != 400 || a.body["message"] != badToken.message {
			t.Errorf("%s before the device is confirmed: %d %s", name, a.status, a.raw)
		}
	}
	c.ok("ConfirmDevice", confirmBody(tokens, d))
	for name, form := range forms {
		for _, key := range []any{nil, "us-east-1_0"} {
			op, body := form(key)
			if a := c.call(op, body); a.status != 400 || a.body["message"] != badToken.message {
				t.Errorf("%s with the key %v: %d %s", name, key, a.status, a.raw)
			}
		}
		out := c.ok(form(d.Key))["AuthenticationResult"].(obj)
		if claimsOf(t, str(t, out, "AccessToken"))["device_key"] != d.Key || out["NewDeviceMetadata"] != nil {
			t.Errorf("%s: %v", name, out)
		}
	}
	c.ok("ForgetDevice", obj{"AccessToken": tokens["AccessToken"], "DeviceKey": d.Key})
	for _, form := range forms {
		op, body := form(d.Key)
		c.call(op, body).want(t, badToken)
	}
}
