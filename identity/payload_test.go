package identity_test

import (
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
)

// The payloads of a sign-in, byte for byte but for what is random.
func TestPayloadsOfTokens(t *testing.T) {
	f, pool, client := tokenFixture(t, identity.ClientSettings{})
	g := &groupFixture{f, pool, pool.Admin().Groups(), pool.Admin().Users()}
	g.make(t, "<ops>", 0, "arn:aws:iam::123456789012:role/r0")
	g.make(t, `b"q"é`, 1, "arn:aws:iam::123456789012:role/r1")
	g.add(t, "alice", `b"q"é`, "<ops>")
	tokens := f.signIn(t, client, "alice")
	again, err := client.Refresh(t.Context(), identity.Refresh{Token: tokens.Refresh})
	check(t, "Refresh", err)
	const (
		common = `{"sub":"UUID","cognito:groups":["\u003cops\u003e","b\"q\"é"],` +
			`"iss":"https://cognito-idp.us-east-1.amazonaws.com/POOL","origin_jti":"UUID","event_id":"UUID",`
		access = common + `"token_use":"access","auth_time":1795338000,"exp":1795341600,"iat":1795338000,"jti":"UUID",` +
			`"client_id":"CLIENT","scope":"aws.cognito.signin.user.admin","username":"alice"}`
		id = common + `"token_use":"id","auth_time":1795338000,"exp":1795341600,"iat":1795338000,"jti":"UUID",` +
			`"aud":"CLIENT","cognito:username":"alice",` +
			`"cognito:roles":["arn:aws:iam::123456789012:role/r0","arn:aws:iam::123456789012:role/r1"],` +
			`"cognito:preferred_role":"arn:aws:iam::123456789012:role/r0",` +
			`"address":{"formatted":"1 \"Main\" St\n\u003cCity\u003e"},"custom:level":"7","email":"` + email + `","email_verified":true,` +
			`"name":"Alice \u2028 \u0026 Co","phone_number":"+15551234567","phone_number_verified":false,"updated_at":1700000000}`
	)
	for _, tt := range []struct {
		name string
		raw  identity.Secret
		want string
	}{
		{"access token", tokens.Access, access},
		{"ID token", tokens.ID, id},
		{"refreshed access token", again.Access, access},
		{"refreshed ID token", again.ID, id},
	} {
		text, err := base64.RawURLEncoding.DecodeString(strings.Split(string(tt.raw), ".")[1])
		check(t, "decode", err)
		got := anyUUID.ReplaceAllString(string(text), "UUID")
		got = strings.NewReplacer(pool.PoolID(), "POOL", client.ClientID(), "CLIENT").Replace(got)
		if got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

var anyUUID = regexp.MustCompile(strings.Trim(uuidForm.String(), "^$"))
