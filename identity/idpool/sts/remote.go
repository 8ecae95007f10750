package sts

import (
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cognate-id/cognate/internal/outbound"
)

// Remote sends AssumeRoleWithWebIdentity, which needs no signature, and reads its answer.

// RemoteOptions say where the real STS is.
type RemoteOptions struct {
	// Endpoint is the URL of STS, such as https://sts.us-east-1.amazonaws.com. It has no default.
	Endpoint string
	// Client calls it. Defaults to one that calls public addresses by https alone.
	Client *outbound.Client
}

// A Remote gets credentials from the real STS, in place of a [Service]. They are good for the services of AWS,
// and a Service does not verify them. For each identity it sends an open ID token of this server, so the account
// needs an OpenID Connect provider in IAM with the issuer of the identity pools, and roles that trust
// it. Make one with [NewRemote].
type Remote struct {
	endpoint string
	client   *outbound.Client
}

// NewRemote returns a Remote. It returns an error if the endpoint is not a URL that may be called.
func NewRemote(o *RemoteOptions) (*Remote, error) {
	r := &Remote{strings.TrimSuffix(o.Endpoint, "/") + "/", o.Client}
	if r.client == nil {
		c, err := outbound.New(nil)
		if err != nil {
			return nil, err
		}
		r.client = c
	}
	u, err := url.Parse(r.endpoint)
	if err != nil || u.Host == "" || u.Path != "/" || u.RawQuery != "" || u.User != nil {
		return nil, errors.New("sts: the endpoint must be a URL with a scheme and a host, such as https://sts.us-east-1.amazonaws.com")
	}
	if err := r.client.Check(u); err != nil {
		return nil, fmt.Errorf("sts: endpoint: %w", err)
	}
	return r, nil
}

// guestManagedPolicy is what the service gives guests beside the policy of its guide.
const guestManagedPolicy = "arn:aws:iam::aws:policy/AmazonCognitoUnAuthedIdentitiesSessionPolicy"

// Assume asks STS for credentials. Its refusals are an *[Error] that wraps the same errors as those of
// [Service.Assume]. Tags are in the token; [Assumption].WebIdentityToken makes it.
func (r *Remote) Assume(ctx context.Context, a *Assumption) (*Credentials, error) {
	form, err := r.form(ctx, a)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("sts: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	answer, err := r.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("sts: %w", err)
	}
	if answer.Status != http.StatusOK {
		return nil, remoteError(answer)
	}
	return remoteCredentials(answer.Body)
}

// form is the request.
func (r *Remote) form(ctx context.Context, a *Assumption) (url.Values, error) {
	name := cmp.Or(a.SessionName, DefaultSessionName)
	switch {
	case a.WebIdentityToken == nil:
		return nil, errors.New("sts: there is no web identity token")
	case !ValidRoleARN(a.RoleARN):
		return nil, invalid("%s is invalid", clip(a.RoleARN))
	case !sessionName.MatchString(name):
		return nil, failedConstraint("roleSessionName", name, `[\w+=,.@-]*`)
	case a.Guest && a.SessionPolicy != "":
		return nil, invalid("the session of a guest has a policy already")
	}
	raw, err := a.WebIdentityToken(ctx)
	if err != nil {
		return nil, err
	}
	form := url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {apiVersion}, "RoleArn": {a.RoleARN}, "RoleSessionName": {name}, "WebIdentityToken": {raw},
		"DurationSeconds": {strconv.Itoa(int(cmp.Or(a.Duration, DefaultMaxSession) / time.Second))},
	}
	if a.SessionPolicy != "" {
		form.Set("Policy", a.SessionPolicy)
	}
	if a.Guest {
		form.Set("Policy", Statement(false, guideActions, []string{"*"}))
		form.Set("PolicyArns.member.1.arn", guestManagedPolicy)
	}
	return form, nil
}

// remoteKinds are the errors that a code of STS stands for.
var remoteKinds = map[string]error{
	"AccessDenied":            ErrDenied,
	"ValidationError":         ErrValidation,
	"InvalidIdentityToken":    ErrInvalidToken,
	"ExpiredTokenException":   ErrExpired,
	"PackedPolicyTooLarge":    ErrTooLarge,
	"MalformedPolicyDocument": ErrMalformedPolicy,
}

// remoteError is the error of an answer. A code that is not known is a failure.
func remoteError(answer *outbound.Answer) error {
	var out struct {
		Error struct{ Code, Message string }
	}
	if err := xml.Unmarshal(answer.Body, &out); err != nil {
		return fmt.Errorf("sts: the answer has the status %d and is no error of STS", answer.Status)
	}
	kind, known := remoteKinds[out.Error.Code]
	if !known {
		return fmt.Errorf("sts: the answer has the status %d and the code %q", answer.Status, clip(out.Error.Code))
	}
	return &Error{out.Error.Code, clip(out.Error.Message), answer.Status, kind}
}

// remoteCredentials reads credentials. An answer that lacks a part is a failure.
func remoteCredentials(body []byte) (*Credentials, error) {
	var out struct {
		Result struct {
			Credentials credentialsXML
		} `xml:"AssumeRoleWithWebIdentityResult"`
	}
	if err := xml.Unmarshal(body, &out); err != nil {
		return nil, errors.New("sts: the answer is not XML of STS")
	}
	c := out.Result.Credentials
	expires, err := time.Parse(time.RFC3339, c.Expiration)
	if err != nil || c.AccessKeyId == "" || c.SecretAccessKey == "" || c.SessionToken == "" {
		return nil, errors.New("sts: the answer has no credentials")
	}
	return &Credentials{AccessKeyID: c.AccessKeyId, SecretKey: Secret(c.SecretAccessKey), SessionToken: Secret(c.SessionToken), Expires: expires.UTC()}, nil
}
