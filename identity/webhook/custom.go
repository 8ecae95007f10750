package webhook

import "github.com/cognate-id/cognate/identity/hook"

// The events of custom sign-ins. That responses come with null is as seen in published logs of
// functions (unsure).
type (
	round struct {
		ChallengeName     string  `json:"challengeName"`
		ChallengeResult   bool    `json:"challengeResult"`
		ChallengeMetadata *string `json:"challengeMetadata"`
	}

	// roundsRequest is that of DefineAuthChallenge and of CreateAuthChallenge.
	roundsRequest struct {
		UserAttributes map[string]string `json:"userAttributes"`
		ChallengeName  string            `json:"challengeName,omitempty"` // of CreateAuthChallenge
		Session        []round           `json:"session"`
		ClientMetadata map[string]string `json:"clientMetadata,omitempty"`
		UserNotFound   bool              `json:"userNotFound"`
	}
	defineResponse struct {
		ChallengeName      *string `json:"challengeName"`
		IssueTokens        *bool   `json:"issueTokens"`
		FailAuthentication *bool   `json:"failAuthentication"`
	}

	createResponse struct {
		PublicChallengeParameters  *empty  `json:"publicChallengeParameters"`
		PrivateChallengeParameters *empty  `json:"privateChallengeParameters"`
		ChallengeMetadata          *string `json:"challengeMetadata"`
	}

	verifyRequest struct {
		UserAttributes             map[string]string `json:"userAttributes"`
		PrivateChallengeParameters map[string]string `json:"privateChallengeParameters"`
		ChallengeAnswer            string            `json:"challengeAnswer"`
		ClientMetadata             map[string]string `json:"clientMetadata,omitempty"`
		UserNotFound               bool              `json:"userNotFound"`
	}
	verifyResponse struct {
		AnswerCorrect *bool `json:"answerCorrect"`
	}
)

func roundsOf(in []hook.Round) []round {
	out := make([]round, len(in))
	for i, r := range in {
		out[i] = round{ChallengeName: r.Challenge, ChallengeResult: r.Correct}
		if r.Metadata != "" {
			out[i].ChallengeMetadata = &r.Metadata
		}
	}
	return out
}

func defineEvent(e *hook.DefineAuthChallenge) (*envelope, error) {
	request := roundsRequest{attributes(&e.Event), "", roundsOf(e.Rounds), e.Call.ClientMetadata, e.UserNotFound}
	return enclose(&e.Event, request, defineResponse{}), nil
}

func createEvent(e *hook.CreateAuthChallenge) (*envelope, error) {
	request := roundsRequest{attributes(&e.Event), e.Challenge, roundsOf(e.Rounds), e.Call.ClientMetadata, e.UserNotFound}
	return enclose(&e.Event, request, createResponse{}), nil
}

func verifyEvent(e *hook.VerifyAuthChallenge) (*envelope, error) {
	request := verifyRequest{attributes(&e.Event), e.Private, string(e.Answer), e.Call.ClientMetadata, e.UserNotFound}
	return enclose(&e.Event, request, verifyResponse{}), nil
}

func readDefine(_ *hook.DefineAuthChallenge, r members) (d hook.DefineAuthChallengeDecision, err error) {
	var out hook.DefineAuthChallengeDecision
	if out.Challenge, err = r.text("challengeName"); err != nil {
		return d, err
	}
	if out.IssueTokens, err = r.flag("issueTokens"); err != nil {
		return d, err
	}
	if out.Fail, err = r.flag("failAuthentication"); err != nil {
		return d, err
	}
	return out, nil
}

func readCreate(_ *hook.CreateAuthChallenge, r members) (d hook.CreateAuthChallengeDecision, err error) {
	var out hook.CreateAuthChallengeDecision
	if out.Public, err = r.strings("publicChallengeParameters"); err != nil {
		return d, err
	}
	if out.Private, err = r.strings("privateChallengeParameters"); err != nil {
		return d, err
	}
	if out.Metadata, err = r.text("challengeMetadata"); err != nil {
		return d, err
	}
	return out, nil
}

func readVerify(_ *hook.VerifyAuthChallenge, r members) (hook.VerifyAuthChallengeDecision, error) {
	correct, err := r.flag("answerCorrect")
	if err != nil {
		return hook.VerifyAuthChallengeDecision{}, err
	}
	return hook.VerifyAuthChallengeDecision{Correct: correct}, nil
}
