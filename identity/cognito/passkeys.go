package cognito

import (
	"context"
	"encoding/json"
	"iter"
	"slices"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
)

// Passkeys of the signed-in user. StartWebAuthnRegistration returns what a browser's
// PublicKeyCredential.parseCreationOptionsFromJSON takes, and CompleteWebAuthnRegistration takes what toJSON makes of the
// answer. Both members are documents: JSON of any shape. The pool's settings are in mfaconfig.go.

func (s *service) startWebAuthnRegistration(ctx context.Context, in *idp.StartWebAuthnRegistrationRequest) (*idp.StartWebAuthnRegistrationResponse, error) {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return nil, err
	}
	options, err := session.StartPasskey(ctx)
	if err != nil {
		return nil, err
	}
	document, err := json.Marshal(options)
	if err != nil {
		return nil, err
	}
	return &idp.StartWebAuthnRegistrationResponse{CredentialCreationOptions: document}, nil
}

func (s *service) completeWebAuthnRegistration(ctx context.Context, in *idp.CompleteWebAuthnRegistrationRequest) (*idp.CompleteWebAuthnRegistrationResponse, error) {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return nil, err
	}
	if _, err := session.FinishPasskey(ctx, in.Credential); err != nil {
		return nil, err
	}
	return nil, nil
}

// listWebAuthnCredentials lists the oldest first. The service promises no order.
func (s *service) listWebAuthnCredentials(ctx context.Context, in *idp.ListWebAuthnCredentialsRequest) (*idp.ListWebAuthnCredentialsResponse, error) {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return nil, err
	}
	query := session.Claims().Subject
	after, err := readPageToken(ctx, "ListWebAuthnCredentials", query, in.NextToken)
	if err != nil {
		return nil, err
	}
	all, err := session.Passkeys(ctx)
	if err != nil {
		return nil, err
	}
	page, last, err := page(passkeysAfter(all, after), in.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &idp.ListWebAuthnCredentialsResponse{Credentials: make([]idp.WebAuthnCredentialDescription, len(page))} // shown when it is empty
	for i, p := range page {
		out.Credentials[i] = passkeyType(p)
	}
	if last != nil {
		out.NextToken = pageToken("ListWebAuthnCredentials", query, last.ID)
	}
	return out, nil
}

// passkeysAfter yields the passkeys after the one with an id, and all if there is none with it any more.
func passkeysAfter(all []identity.Passkey, id string) iter.Seq2[*identity.Passkey, error] {
	begin := 1 + slices.IndexFunc(all, func(p identity.Passkey) bool { return p.ID == id })
	return func(yield func(*identity.Passkey, error) bool) {
		for i := range all[begin:] {
			if !yield(&all[begin+i], nil) {
				return
			}
		}
	}
}

func passkeyType(p *identity.Passkey) idp.WebAuthnCredentialDescription {
	out := idp.WebAuthnCredentialDescription{
		CredentialId: ptr(p.ID), FriendlyCredentialName: ptr(p.Name), RelyingPartyId: ptr(p.RelyingParty),
		AuthenticatorTransports: append([]string{}, p.Transports...), CreatedAt: date(p.Created),
	}
	if p.Attachment != "" {
		out.AuthenticatorAttachment = ptr(p.Attachment)
	}
	return out
}

func (s *service) deleteWebAuthnCredential(ctx context.Context, in *idp.DeleteWebAuthnCredentialRequest) (*idp.DeleteWebAuthnCredentialResponse, error) {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return nil, err
	}
	return nil, session.DeletePasskey(ctx, text(in.CredentialId))
}
