package webhook

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/cognate-id/cognate/identity/hook"
)

// FuzzAnswer gives each reader any answer. An error is ErrInvalidDecision and comes with no
// decision. Claims that are accepted are JSON other than null, and texts in V1.
func FuzzAnswer(f *testing.F) {
	common := `"version":"1","triggerSource":"s","region":"r","userPoolId":"p","userName":"u","callerContext":{},"request":{},"response":`
	for _, response := range []string{
		`{}`, `null`, `{"autoConfirmUser":true}`, `{"emailMessage":"{####}"}`, `{"userAttributes":{"a":"b"},"finalUserStatus":"CONFIRMED"}`,
		`{"claimsOverrideDetails":{"claimsToAddOrOverride":{"a":"b"},"claimsToSuppress":["c"],"groupOverrideDetails":null}}`,
		`{"claimsAndScopeOverrideDetails":{"accessTokenGeneration":{"claimsToAddOrOverride":{"a":[1]},"scopesToAdd":["s"]}}}`,
	} {
		f.Add([]byte("{" + common + response + "}"))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := readAnswer(body)
		if err != nil {
			if !errors.Is(err, hook.ErrInvalidDecision) {
				t.Fatal(err)
			}
			return
		}
		_, e1 := readPreSignUp(nil, r)
		_, e2 := readCustomMessage(&hook.CustomMessage{Medium: "EMAIL"}, r)
		m, e3 := readMigration(nil, r)
		v1, e4 := readTokens(&hook.PreTokenGeneration{Version: "V1_0"}, r)
		v2, e5 := readTokens(&hook.PreTokenGeneration{Version: "V2_0"}, r)
		for _, err := range []error{e1, e2, e3, e4, e5} {
			if err != nil && !errors.Is(err, hook.ErrInvalidDecision) {
				t.Error(err)
			}
		}
		if e3 == nil && m.Status != "" && m.Status != "CONFIRMED" && m.Status != "RESET_REQUIRED" {
			t.Errorf("status %q", m.Status)
		}
		if len(v1.Access.Set)+len(v1.AddScopes)+len(v1.SuppressScopes) > 0 {
			t.Error("V1 changes the access token")
		}
		for _, raw := range v1.ID.Set {
			if raw[0] != '"' {
				t.Errorf("V1 sets a claim to %s", raw)
			}
		}
		for _, raw := range v2.Access.Set {
			if !json.Valid(raw) || string(raw) == "null" {
				t.Errorf("V2 sets a claim to %s", raw)
			}
		}
	})
}
