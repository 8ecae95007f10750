package cognito_test

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity/identitytest"
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
