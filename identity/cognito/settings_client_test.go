package cognito_test

import "testing"

// newClient is what CreateUserPoolClient with nothing but a name makes,
// without the members that differ each time.
const newClient = `{
	"ClientName": "c",
	"RefreshTokenValidity": 30,
	"TokenValidityUnits": {},
	"AllowedOAuthFlowsUserPoolClient": false,
	"EnableTokenRevocation": true,
	"EnablePropagateAdditionalUserContextData": false,
	"AuthSessionValidity": 3
}`

// wantClient checks what Create and Describe tell of a client.
func wantClient(t testing.TB, s *server, request, want obj) {
	t.Helper()
	made := dig(s.ok("CreateUserPoolClient", request), "UserPoolClient")
	id := obj{"UserPoolId": str(t, made, "UserPoolId"), "ClientId": str(t, made, "ClientId")}
	described := dig(s.ok("DescribeUserPoolClient", id), "UserPoolClient")
	if request["GenerateSecret"] == true {
		want = with(want, obj{"ClientSecret": str(t, made, "ClientSecret")})
	}
	for what, v := range map[string]any{"CreateUserPoolClient": made, "DescribeUserPoolClient": described} {
		wantSame(t, what, volatile(t, v, "UserPoolId", "ClientId"), want)
	}
}

func TestDefaultsOfAClient(t *testing.T) {
	s := newServer(t)
	pool := s.pool(nil)
	wantClient(t, s, obj{"UserPoolId": pool, "ClientName": "c"}, parse[obj](t, newClient))
	wantClient(t, s, obj{
		"UserPoolId": pool, "ClientName": "c", "ExplicitAuthFlows": list{}, "ReadAttributes": list{}, "WriteAttributes": list{},
		"CallbackURLs": list{}, "LogoutURLs": list{}, "AllowedOAuthFlows": list{}, "AllowedOAuthScopes": list{}, "SupportedIdentityProviders": list{},
	}, parse[obj](t, newClient)) // empty lists count as not given
	t.Run("SRP works where no flows are given", func(t *testing.T) {
		s.made(pool, "alice")
		for _, flows := range []any{nil, list{}} {
			c := s.client(pool, obj{"ExplicitAuthFlows": flows})
			_, answer := c.startSRP("alice")
			s.ok("RespondToAuthChallenge", answer(goodPass))
		}
	})
}

func TestClientSettingsComeBack(t *testing.T) {
	c, s := newChooser(t), newServer(t)
	pool := s.pool(obj{"Schema": list{
		obj{"Name": "plan", "AttributeDataType": "String"}, obj{"Name": "email", "AttributeDataType": "String", "Required": true},
	}})
	for range rounds() {
		request := c.clientRequest(pool)
		want := with(parse[obj](t, newClient), asJSON(t, request))
		delete(want, "UserPoolId")
		delete(want, "GenerateSecret")
		if want["RefreshTokenValidity"] == 0.0 {
			want["RefreshTokenValidity"] = 30.0
		}
		wantClient(t, s, request, want)
		if t.Failed() {
			t.Fatalf("settings %s", jsonText(request))
		}
	}
}

// clientRequest is a valid CreateUserPoolClient of random settings.
func (c chooser) clientRequest(pool string) obj {
	callbacks := c.some("https://example.com/", "http://localhost:3000/back", "http://127.0.0.1/", "http://[::1]:8/x", "myapp://back", "https://example.com/?a=b&c=d")
	in := c.maybe(obj{
		"ReadAttributes":             c.some("email", "email_verified", "custom:plan", "sub", "name"),
		"WriteAttributes":            append(list{"email"}, c.some("custom:plan", "name", "nickname")...),
		"SupportedIdentityProviders": list{"COGNITO"},
		"CallbackURLs":               callbacks,
		"LogoutURLs":                 c.some("https://example.com/out", "myapp://out"),
		"AllowedOAuthScopes":         c.some("phone", "email", "openid", "profile", "aws.cognito.signin.user.admin"),
		"AnalyticsConfiguration": with(c.one(
			obj{"ApplicationId": "0123456789abcdef0123456789abcdef", "RoleArn": "arn:aws:iam::123456789012:role/r", "ExternalId": c.text(20)},
			obj{"ApplicationArn": function},
		).(obj), c.maybe(obj{"UserDataShared": c.coin()})),
		"PreventUserExistenceErrors": c.one("ENABLED", "LEGACY"),
		"EnableTokenRevocation":      c.coin(),
		"AuthSessionValidity":        3 + c.IntN(13),
	})
	in["UserPoolId"], in["ClientName"] = pool, "c"
	if c.coin() {
		in["ExplicitAuthFlows"] = c.one(
			c.some("ALLOW_CUSTOM_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_USER_AUTH"),
			c.some("ADMIN_NO_SRP_AUTH", "CUSTOM_AUTH_FLOW_ONLY", "USER_PASSWORD_AUTH"),
		)
		if c.coin() {
			in["RefreshTokenRotation"] = with(obj{"Feature": c.one("ENABLED", "DISABLED")}, c.maybe(obj{"RetryGracePeriodSeconds": c.IntN(61)}))
		}
	}
	if in["CallbackURLs"] != nil && c.coin() {
		in["DefaultRedirectURI"] = callbacks[0]
	}
	c.secret(in)
	c.grants(in)
	c.validity(in)
	return in
}

func (c chooser) secret(in obj) {
	switch c.IntN(3) {
	case 0:
		in["GenerateSecret"] = true
	case 1:
		in["ClientSecret"] = "my+own_secret0123456789ABC"
	default:
		return
	}
	if c.coin() {
		in["EnablePropagateAdditionalUserContextData"] = c.coin()
	}
}

func (c chooser) grants(in obj) {
	hasSecret := in["GenerateSecret"] == true || in["ClientSecret"] != nil
	switch {
	case in["CallbackURLs"] != nil && c.coin():
		in["AllowedOAuthFlows"] = c.some("code", "implicit")
	case hasSecret && c.coin():
		in["AllowedOAuthFlows"] = list{"client_credentials"}
	default:
		return
	}
	if in["AllowedOAuthScopes"] != nil {
		in["AllowedOAuthFlowsUserPoolClient"] = c.coin()
	}
}

func (c chooser) validity(in obj) {
	switch c.IntN(4) {
	case 0:
		in["AccessTokenValidity"], in["RefreshTokenValidity"] = 1+c.IntN(24), c.one(0, 1, 3650)
	case 1:
		in["IdTokenValidity"] = 5 + c.IntN(1000)
		in["TokenValidityUnits"] = with(obj{"IdToken": "minutes"}, c.maybe(obj{"RefreshToken": "days", "AccessToken": "hours"}))
	case 2:
		in["AccessTokenValidity"], in["RefreshTokenValidity"] = 300+c.IntN(3000), 60+c.IntN(1000)
		in["TokenValidityUnits"] = obj{"AccessToken": "seconds", "RefreshToken": "minutes"}
		in["IdTokenValidity"] = 1
	}
}

// What a client's settings say of tokens is how long they live.
func TestTokenValidity(t *testing.T) {
	s := newServer(t)
	pool := s.pool(nil)
	s.made(pool, "alice")
	c := s.client(pool, obj{
		"AccessTokenValidity": 10, "IdTokenValidity": 1, "RefreshTokenValidity": 2,
		"TokenValidityUnits": obj{"AccessToken": "minutes", "IdToken": "days", "RefreshToken": "days"},
	})
	tokens := c.signIn("alice")
	for name, want := range map[string]float64{"AccessToken": 600, "IdToken": 86400} {
		claims := claimsOf(t, str(t, tokens, name))
		if got := claims["exp"].(float64) - claims["iat"].(float64); got != want {
			t.Errorf("%s lives %v s, want %v", name, got, want)
		}
	}
	if got := tokens["ExpiresIn"]; got != 600.0 {
		t.Errorf("ExpiresIn is %v, want 600", got)
	}
}
