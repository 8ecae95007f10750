package cognito

import (
	"context"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
	"github.com/cognate-id/cognate/identity/hook"
)

// Each request becomes one [identity.Call]: withCall makes it after the request
// was authorized and read, and before its handler runs. Handlers hand their
// context on; none of them looks at ClientMetadata, ValidationData,
// UserContextData or ContextData.

// Limits of what a client writes about itself, in bytes. What is longer is cut.
const (
	maxUserAgent   = 1024
	maxContextText = 1024 // of a name, a path, or the name or value of a header in ContextData
	maxHeaders     = 100  // in ContextData
)

type signerKey struct{}

// withSigner returns a context that carries the access key of a verified signature.
func withSigner(ctx context.Context, key *identity.AccessKey) context.Context {
	return context.WithValue(ctx, signerKey{}, key)
}

// signer returns the access key of the verified signature of a call, or nil.
func signer(ctx context.Context) *identity.AccessKey {
	key, _ := ctx.Value(signerKey{}).(*identity.AccessKey)
	return key
}

// withCall returns ctx with the call that a request makes. Its access key is
// there only if the signature was verified: anyone can write one that is not.
func (s *service) withCall(ctx context.Context, in wire.Request) context.Context {
	info := wire.RequestFrom(ctx)
	from := s.proxies.client(info.RemoteAddr, info.Forwarded)
	c := identity.Call{RequestID: info.ID, Address: from, UserAgent: line(info.UserAgent, maxUserAgent)}
	if key := signer(ctx); key != nil {
		c.AccessKey = key.ID
	}
	if t := temporarySigner(ctx); t != nil {
		c.AccessKey = t.accessKey
	}
	describe(&c, in)
	return identity.WithCall(ctx, c)
}

// describe fills in what the members of a request say about the call.
//
// The metadata of InitiateAuth and AdminInitiateAuth is validation data: the
// service gives it to PreAuthentication and UserMigration under that name, and
// to no other trigger.
func describe(c *identity.Call, in wire.Request) {
	switch in := in.(type) {
	case *idp.SignUpRequest:
		c.ClientMetadata, c.ValidationData, c.Context = in.ClientMetadata, validation(in.ValidationData), userContext(in.UserContextData)
	case *idp.ConfirmSignUpRequest:
		c.ClientMetadata, c.Context = in.ClientMetadata, userContext(in.UserContextData)
	case *idp.ResendConfirmationCodeRequest:
		c.ClientMetadata, c.Context = in.ClientMetadata, userContext(in.UserContextData)
	case *idp.ForgotPasswordRequest:
		c.ClientMetadata, c.Context = in.ClientMetadata, userContext(in.UserContextData)
	case *idp.ConfirmForgotPasswordRequest:
		c.ClientMetadata, c.Context = in.ClientMetadata, userContext(in.UserContextData)
	case *idp.InitiateAuthRequest:
		c.ValidationData, c.Context = in.ClientMetadata, userContext(in.UserContextData)
	case *idp.AdminInitiateAuthRequest:
		c.ValidationData, c.Context = in.ClientMetadata, operatorContext(in.ContextData)
	case *idp.RespondToAuthChallengeRequest:
		c.ClientMetadata, c.Context = in.ClientMetadata, userContext(in.UserContextData)
	case *idp.AdminRespondToAuthChallengeRequest:
		c.ClientMetadata, c.Context = in.ClientMetadata, operatorContext(in.ContextData)
	case *idp.GetClientTokenRequest:
		c.ClientMetadata = in.ClientMetadata
	case *idp.GetTokensFromRefreshTokenRequest:
		c.ClientMetadata = in.ClientMetadata
	case *idp.UpdateUserAttributesRequest:
		c.ClientMetadata = in.ClientMetadata
	case *idp.GetUserAttributeVerificationCodeRequest:
		c.ClientMetadata = in.ClientMetadata
	case *idp.AdminCreateUserRequest:
		c.ClientMetadata, c.ValidationData = in.ClientMetadata, validation(in.ValidationData)
	case *idp.AdminConfirmSignUpRequest:
		c.ClientMetadata = in.ClientMetadata
	case *idp.AdminResetUserPasswordRequest:
		c.ClientMetadata = in.ClientMetadata
	case *idp.AdminUpdateUserAttributesRequest:
		c.ClientMetadata = in.ClientMetadata
	default: // TestCallOfEachRequest finds a request with such members that is not here
	}
}

// validation reads validation data; of several with one name the last counts.
func validation(in []idp.AttributeType) map[string]string {
	if len(in) == 0 {
		return nil
	}
	out := make(map[string]string, len(in))
	for _, a := range in {
		out[text(a.Name)] = text(a.Value)
	}
	return out
}

// userContext is what a client's library collects about the device of its user.
func userContext(in *idp.UserContextDataType) *hook.ContextData {
	if in == nil {
		return nil
	}
	return &hook.ContextData{Encoded: text(in.EncodedData), Address: address(text(in.IpAddress))}
}

// operatorContext is what an operator's program says about the request of its user.
func operatorContext(in *idp.ContextDataType) *hook.ContextData {
	if in == nil {
		return nil
	}
	c := &hook.ContextData{
		Encoded: text(in.EncodedData), Address: address(text(in.IpAddress)),
		ServerName: line(text(in.ServerName), maxContextText), ServerPath: line(text(in.ServerPath), maxContextText),
	}
	for _, h := range in.HttpHeaders[:min(len(in.HttpHeaders), maxHeaders)] {
		c.Headers = append(c.Headers, hook.Header{
			Name: line(text(h.HeaderName), maxContextText), Value: line(text(h.HeaderValue), maxContextText),
		})
	}
	return c
}

// peer is the address at the other end of a connection, or the zero Addr if it has none.
func peer(remote string) netip.Addr {
	p, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	return plain(p.Addr())
}

// address is an address that a client wrote, or the zero Addr if it is malformed.
func address(s string) netip.Addr {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return plain(a)
}

// plain is an address without a zone, which has no meaning on another machine,
// and an IPv4 address in its own form.
func plain(a netip.Addr) netip.Addr { return a.WithZone("").Unmap() }

// line is text of a client's, made fit for one line of a log: at most limit
// bytes, valid UTF-8, with a space for whatever is not printable.
func line(s string, limit int) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s[:min(len(s), limit)]) // half a character at the cut is invalid, so a space too
}
