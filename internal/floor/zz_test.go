package floor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/internal/floor"
)

func BenchmarkZZ(b *testing.B) {
	for _, alg := range []string{"RS256", "ES256"} {
		for _, kind := range []string{"product", "floor"} {
			b.Run(alg+"/"+kind, func(b *testing.B) { zz(b, alg, kind) })
		}
	}
}

func zz(b *testing.B, alg, kind string) {
	var h http.Handler
	var err error
	if kind == "product" {
		h, err = product(alg, "memory")
	} else {
		h, err = floor.New(alg, floor.DefaultCost)
	}
	if err != nil {
		b.Fatal(err)
	}
	s := httptest.NewServer(h)
	defer s.Close()
	c := &floor.Client{URL: s.URL}
	if kind == "product" {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/ids", nil))
		f := strings.Fields(w.Body.String())
		c.PoolID, c.ClientID, identityPoolID = f[0], f[1], f[2]
	}
	ctx := context.Background()
	if err := c.CreateUser(ctx, username, password); err != nil {
		b.Fatal(err)
	}
	tok, err := c.SignInPassword(ctx, username, password)
	if err != nil {
		b.Fatal(err)
	}
	logins := map[string]string{"cognito-idp.us-east-1.amazonaws.com/" + c.PoolID: tok.IDToken}
	id := "us-east-1:00000000-0000-0000-0000-000000000000"
	if kind == "product" {
		var found struct{ IdentityId string }
		if err := c.Call(ctx, "GetId", map[string]any{"IdentityPoolId": identityPoolID, "Logins": logins}, &found); err != nil {
			b.Fatal(err)
		}
		id = found.IdentityId
	}
	body, _ := json.Marshal(map[string]any{"IdentityId": id, "Logins": logins})
	call := func() {
		r := httptest.NewRequest("POST", "/", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		r.Header.Set("X-Amz-Target", "AWSCognitoIdentityService.GetCredentialsForIdentity")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 200 {
			b.Fatal(w.Body.String())
		}
	}
	call()
	b.ResetTimer()
	for b.Loop() {
		call()
	}
}
