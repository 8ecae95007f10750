package webhook_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/cognate-id/cognate/identity"
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

// A function decides a custom sign-in over the wire: a wrong answer, then the right one.
func TestCustomAuthOverTheWire(t *testing.T) {
	w, _ := newWorld(t, func(out http.ResponseWriter, body []byte) {
		var e map[string]any
		if err := json.Unmarshal(body, &e); err != nil {
			t.Error(err)
		}
		request, response := e["request"].(map[string]any), e["response"].(map[string]any)
		switch e["triggerSource"] {
		case "DefineAuthChallenge_Authentication":
			rounds := request["session"].([]any)
			if n := len(rounds); n > 0 && rounds[n-1].(map[string]any)["challengeResult"] == true {
				response["issueTokens"] = true
			} else {
				response["challengeName"] = "CUSTOM_CHALLENGE"
			}
		case "CreateAuthChallenge_Authentication":
			response["publicChallengeParameters"] = map[string]string{"riddle": "what?"}
			response["privateChallengeParameters"] = map[string]string{"answer": "right"}
			response["challengeMetadata"] = "riddle"
		case "VerifyAuthChallengeResponse_Authentication":
			response["answerCorrect"] = request["challengeAnswer"] == request["privateChallengeParameters"].(map[string]any)["answer"]
		default:
			t.Errorf("a call for %s", e["triggerSource"])
		}
		if err := json.NewEncoder(out).Encode(e); err != nil {
			t.Error(err)
		}
	}, "", identity.DefineAuthChallenge, identity.CreateAuthChallenge, identity.VerifyAuthChallenge)
	client, err := w.Pool().Admin().Clients().Create(t.Context(), &identity.ClientSettings{Name: "custom", AuthFlows: []identity.AuthFlow{identity.AllowCustom}})
	if err != nil {
		t.Fatal(err)
	}
	problem, out := w.call("InitiateAuth", map[string]any{
		"AuthFlow": "CUSTOM_AUTH", "ClientId": client.ID, "AuthParameters": map[string]string{"USERNAME": "alice"},
	})
	for _, answer := range []string{"wrong", "right"} {
		if problem != "" {
			t.Fatal(problem)
		}
		parameters := out["ChallengeParameters"].(map[string]any)
		if out["ChallengeName"] != "CUSTOM_CHALLENGE" || parameters["riddle"] != "what?" || parameters["USERNAME"] != "alice" || len(parameters) != 2 {
			t.Errorf("challenge %v with %v", out["ChallengeName"], parameters)
		}
		problem, out = w.call("RespondToAuthChallenge", map[string]any{
			"ChallengeName": "CUSTOM_CHALLENGE", "ClientId": client.ID, "Session": out["Session"],
			"ChallengeResponses": map[string]string{"USERNAME": "alice", "ANSWER": answer},
		})
	}
	if problem != "" || out["AuthenticationResult"] == nil {
		t.Errorf("the right answer: %s %v", problem, out)
	}
}
