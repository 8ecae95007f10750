package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/store/memory"
)

// A desk is the API with an access log, a log at debug level, and what went through it.
type desk struct {
	t           *testing.T
	engine      *identity.Engine
	handler     http.Handler
	log, access bytes.Buffer
	calls       int
	secrets     []string
}

func newDesk(t *testing.T) (*desk, *identity.Outbox) {
	d, outbox := &desk{t: t}, identity.NewOutbox(0)
	logger := slog.New(slog.NewJSONHandler(&d.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	engine := identity.New(memory.New(), &identity.Options{Sender: outbox, Logger: logger, InsecureCheapHashing: true})
	api := cognito.NewHandler(engine, &cognito.Options{Logger: logger, Hints: true})
	l := &accessLog{client: func(r *http.Request) string { return api.Client(r).String() }, log: logger, out: &d.access}
	d.engine = engine
	d.handler = l.logged(withHealth(api, memory.New(), api.Saturated))
	return d, outbox
}

// call makes a call of an operator on this machine, or of a user. It returns the answer.
func (d *desk) call(op, query string, body map[string]any) map[string]any {
	d.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		d.t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/"+query, bytes.NewReader(text))
	r.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+op)
	r.Header.Set("Authorization", "Bearer "+deskPassword) // put there by mistake
	r.Header.Set("Cookie", "session="+deskPassword)
	r.RemoteAddr, r.Host = "127.0.0.1:4711", "localhost"
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	d.calls++
	var out map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		d.t.Fatalf("%s: %s", op, w.Body)
	}
	return out
}

// keep keeps the secrets at the members of an answer.
func (d *desk) keep(answer any, members ...string) map[string]string {
	d.t.Helper()
	out := map[string]string{}
	for _, m := range members {
		v, _ := answer.(map[string]any)[m].(string)
		if v == "" {
			d.t.Fatalf("no %s in %v", m, answer)
		}
		out[m] = v
		d.secrets = append(d.secrets, v)
	}
	return out
}

const deskPassword = "Desk/Passw0rd?&"

// The access log has neither bodies nor queries nor headers that prove something, so it has
// no secret of users, clients and operators, in no form.
func TestAccessLogHasNoSecret(t *testing.T) {
	d, outbox := newDesk(t)
	d.secrets = []string{deskPassword}
	made, err := d.engine.CreateUserPool(t.Context(), &identity.PoolSettings{
		Name: "p", Region: "us-east-1", Defaults: identity.CognitoDefaults, AutoVerified: []string{"email"}, Algorithm: "ES256", // RSA keys take long to make
	})
	if err != nil {
		t.Fatal(err)
	}
	pool := made.ID
	d.call("SetUserPoolMfaConfig", "", map[string]any{"UserPoolId": pool, "MfaConfiguration": "OPTIONAL", "SoftwareTokenMfaConfiguration": map[string]any{"Enabled": true}})
	client := d.call("CreateUserPoolClient", "", map[string]any{
		"UserPoolId": pool, "ClientName": "c", "GenerateSecret": true,
		"ExplicitAuthFlows": []string{"ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"},
	})["UserPoolClient"]
	id := client.(map[string]any)["ClientId"].(string)
	hash := identity.SecretHash(identity.Secret(d.keep(client, "ClientSecret")["ClientSecret"]), "jane", id)
	d.secrets = append(d.secrets, hash)
	who := func(more map[string]any) map[string]any {
		out := map[string]any{"ClientId": id, "Username": "jane", "SecretHash": hash}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	d.call("SignUp", "?password="+url.QueryEscape(deskPassword), who(map[string]any{
		"Password":       deskPassword,
		"UserAttributes": []map[string]string{{"Name": "email", "Value": "jane@example.com"}},
	}))
	code := outbox.LastCode("jane")
	d.call("ConfirmSignUp", "?code="+code, who(map[string]any{"ConfirmationCode": "000000"}))
	d.call("ConfirmSignUp", "?code="+code, who(map[string]any{"ConfirmationCode": code}))
	in := d.call("InitiateAuth", "", map[string]any{
		"ClientId": id, "AuthFlow": "USER_PASSWORD_AUTH",
		"AuthParameters": map[string]string{"USERNAME": "jane", "PASSWORD": deskPassword, "SECRET_HASH": hash},
	})
	tokens := d.keep(in["AuthenticationResult"], "AccessToken", "IdToken", "RefreshToken")
	app := d.call("AssociateSoftwareToken", "?token="+tokens["AccessToken"], map[string]any{"AccessToken": tokens["AccessToken"]})
	d.keep(app, "SecretCode")
	d.call("GetUser", "?"+tokens["AccessToken"], map[string]any{"AccessToken": tokens["AccessToken"] + "x"})
	d.call("RevokeToken", "", map[string]any{"ClientId": id, "Token": tokens["RefreshToken"], "ClientSecret": "x"})
	d.call("ForgotPassword", "", who(nil))
	d.call("ConfirmForgotPassword", "", who(map[string]any{"ConfirmationCode": outbox.LastCode("jane"), "Password": deskPassword + "2"}))
	for _, m := range outbox.Messages(nil) {
		d.secrets = append(d.secrets, `"`+string(m.Code)+`"`, "="+string(m.Code), " "+string(m.Code), m.Body)
	}
	if lines := strings.Count(d.access.String(), "\n"); lines != d.calls {
		t.Errorf("%d lines for %d calls", lines, d.calls)
	}
	for name, log := range map[string]string{"access log": d.access.String(), "log": d.log.String()} {
		for _, secret := range d.secrets {
			for _, form := range []string{
				secret, url.QueryEscape(secret), url.PathEscape(secret), hex.EncodeToString([]byte(secret)), fmt.Sprintf("%q", secret),
				base64.RawStdEncoding.EncodeToString([]byte(secret))[:len(secret)/3*4], base64.RawURLEncoding.EncodeToString([]byte(secret))[:len(secret)/3*4],
			} {
				if strings.Contains(log, form) {
					t.Errorf("the %s shows the secret %s as %s", name, secret, form)
				}
			}
		}
	}
}
