package webhook

import (
	"context"
	"fmt"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
)

// known are the triggers that have an event here.
var known = []identity.Trigger{
	identity.PreSignUp, identity.PostConfirmation, identity.PreAuthentication, identity.PostAuthentication,
	identity.PreTokenGeneration, identity.PreTokenGenerationV1, identity.CustomMessage, identity.UserMigration,
	identity.CustomEmailSender, identity.CustomSMSSender,
	identity.DefineAuthChallenge, identity.CreateAuthChallenge, identity.VerifyAuthChallenge,
	identity.InboundFederation,
}

// hooks is the table of triggers: how each event is written, and how its answer is read.
func (t *target) hooks() *identity.Hooks {
	return &identity.Hooks{
		PreSignUp:          ask(t, preSignUpEvent, readPreSignUp),
		PostConfirmation:   tell(t, postConfirmationEvent),
		PreAuthentication:  tell(t, preAuthenticationEvent),
		PostAuthentication: tell(t, postAuthenticationEvent),
		PreTokenGeneration: ask(t, preTokenEvent, readTokens),
		CustomMessage:      ask(t, customMessageEvent, readCustomMessage),
		UserMigration:      ask(t, migrationEvent, readMigration),
		CustomEmailSender:  send(t, "customEmailSenderRequestV1", "email"),
		CustomSMSSender:    send(t, "customSMSSenderRequestV1", "phone_number"),

		DefineAuthChallenge:         ask(t, defineEvent, readDefine),
		CreateAuthChallenge:         ask(t, createEvent, readCreate),
		VerifyAuthChallengeResponse: ask(t, verifyEvent, readVerify),

		InboundFederation: ask(t, federationEvent, readFederation),
	}
}

// choose copies the hook of a trigger.
func choose(to, from *identity.Hooks, trigger identity.Trigger) error {
	switch trigger {
	case identity.PreSignUp:
		to.PreSignUp = from.PreSignUp
	case identity.PostConfirmation:
		to.PostConfirmation = from.PostConfirmation
	case identity.PreAuthentication:
		to.PreAuthentication = from.PreAuthentication
	case identity.PostAuthentication:
		to.PostAuthentication = from.PostAuthentication
	case identity.PreTokenGeneration, identity.PreTokenGenerationV1:
		to.PreTokenGeneration = from.PreTokenGeneration
	case identity.CustomMessage:
		to.CustomMessage = from.CustomMessage
	case identity.UserMigration:
		to.UserMigration = from.UserMigration
	case identity.CustomEmailSender:
		to.CustomEmailSender = from.CustomEmailSender
	case identity.CustomSMSSender:
		to.CustomSMSSender = from.CustomSMSSender
	case identity.DefineAuthChallenge:
		to.DefineAuthChallenge = from.DefineAuthChallenge
	case identity.CreateAuthChallenge:
		to.CreateAuthChallenge = from.CreateAuthChallenge
	case identity.VerifyAuthChallenge:
		to.VerifyAuthChallengeResponse = from.VerifyAuthChallengeResponse
	case identity.InboundFederation:
		to.InboundFederation = from.InboundFederation
	default:
		return fmt.Errorf("webhook: there is no event for the trigger %q", trigger)
	}
	return nil
}

// ask is a hook that decides.
func ask[E, D any](t *target, write func(*E) (*envelope, error), read func(*E, members) (D, error)) func(context.Context, *E) (D, error) {
	return func(ctx context.Context, e *E) (D, error) {
		var nothing D
		out, err := write(e)
		if err != nil {
			return nothing, err
		}
		body, err := t.call(ctx, out)
		if err != nil {
			return nothing, err
		}
		response, err := readAnswer(body)
		if err != nil {
			return nothing, err
		}
		return read(e, response)
	}
}

// tell is a hook that can only refuse. Its answer must be the event too.
func tell[E any](t *target, write func(*E) (*envelope, error)) func(context.Context, *E) error {
	decide := ask(t, write, func(*E, members) (struct{}, error) { return struct{}{}, nil })
	return func(ctx context.Context, e *E) error {
		_, err := decide(ctx, e)
		return err
	}
}

// send is a hook that sends a message. What it answers does not matter, unless it is an error.
func send(t *target, kind, attribute string) func(context.Context, *hook.CustomSender) error {
	return func(ctx context.Context, e *hook.CustomSender) error {
		code, err := t.code(ctx, e)
		if err != nil {
			return err
		}
		_, err = t.call(ctx, senderEvent(kind, attribute, e, code))
		return err
	}
}
