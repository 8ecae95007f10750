package webhook_test

import (
	"testing"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/identity/webhook"
)

// The events of custom sign-ins.
func TestCustomEvents(t *testing.T) {
	f := serve(t, echo)
	h := hooks(t, f, webhook.Options{})
	e := common("X_Authentication")
	rounds := []hook.Round{{Challenge: "SRP_A", Correct: true}, {Challenge: "CUSTOM_CHALLENGE", Metadata: "m"}}
	session := `"session":[{"challengeName":"SRP_A","challengeResult":true,"challengeMetadata":null},{"challengeName":"CUSTOM_CHALLENGE","challengeResult":false,"challengeMetadata":"m"}]`
	wantEvents(t, f, map[string]sent{
		"Define": {func() error {
			_, err := h.DefineAuthChallenge(t.Context(), &hook.DefineAuthChallenge{Event: e, Rounds: rounds, UserNotFound: true})
			return err
		}, envelope("1", "X_Authentication", `"request":{`+attributesOf+`,`+session+`,`+metadata+`,"userNotFound":true},`+
			`"response":{"challengeName":null,"issueTokens":null,"failAuthentication":null}`)},
		"Create": {func() error {
			_, err := h.CreateAuthChallenge(t.Context(), &hook.CreateAuthChallenge{Event: e, Challenge: "CUSTOM_CHALLENGE"})
			return err
		}, envelope("1", "X_Authentication", `"request":{`+attributesOf+`,"challengeName":"CUSTOM_CHALLENGE","session":[],`+metadata+`,"userNotFound":false},`+
			`"response":{"publicChallengeParameters":null,"privateChallengeParameters":null,"challengeMetadata":null}`)},
		"Verify": {func() error {
			_, err := h.VerifyAuthChallengeResponse(t.Context(), &hook.VerifyAuthChallenge{Event: e, Private: map[string]string{"a": "b"}, Answer: "c"})
			return err
		}, envelope("1", "X_Authentication", `"request":{`+attributesOf+`,"privateChallengeParameters":{"a":"b"},"challengeAnswer":"c",`+metadata+`,"userNotFound":false},`+
			`"response":{"answerCorrect":null}`)},
	})
}
