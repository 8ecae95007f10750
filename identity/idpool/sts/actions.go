package sts

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity/idpool/policy"
	"github.com/cognate-id/cognate/identity/internal/sigv4"
)

const (
	assumeRole        = "sts:AssumeRole"
	getCallerIdentity = "GetCallerIdentity" // the Action
)

// maxWebIdentity is how many bytes a web identity token may have.
const maxWebIdentity = 20_000

// assumeRoleWithWebIdentity gives credentials to whoever has a good token of an identity.
func (s *Service) assumeRoleWithWebIdentity(c *call) (any, error) {
	ctx := c.r.Context()
	if err := c.checkUnsupported(); err != nil {
		return nil, err
	}
	d, err := c.duration()
	if err != nil {
		return nil, err
	}
	if name := c.get("RoleSessionName"); !sessionName.MatchString(name) {
		return nil, failedConstraint("roleSessionName", name, `[\w+=,.@-]*`)
	}
	if arn := c.get("RoleArn"); !ValidRoleARN(arn) {
		return nil, invalid("%s is invalid", clip(arn))
	}
	who, err := s.webIdentity(ctx, c.get("WebIdentityToken"))
	if err != nil {
		return nil, err
	}
	got, err := s.Assume(ctx, &Assumption{
		RoleARN: c.get("RoleArn"), SessionName: c.get("RoleSessionName"), Provider: who.Provider, Aliases: who.Aliases,
		IdentityID: who.IdentityID, PoolID: who.PoolID, Subject: who.Subject, Audience: who.Audience, AMR: who.AMR,
		Tags: who.Tags, Transitive: who.Transitive, SessionPolicy: c.get("Policy"), Duration: d,
	})
	if err != nil {
		return nil, err
	}
	return struct {
		SubjectFromWebIdentityToken, Audience string
		AssumedRoleUser                       roleUserXML
		Credentials                           credentialsXML
		Provider                              string
	}{who.Subject, who.Audience, roleUserXML{got.Session.UserID(), got.Session.ARN()}, credentials(got), who.Provider}, nil
}

// webIdentity verifies a web identity token.
func (s *Service) webIdentity(ctx context.Context, raw string) (*WebIdentity, error) {
	if len(raw) < 4 || len(raw) > maxWebIdentity {
		return nil, invalid("1 validation error detected: Value at 'webIdentityToken' failed to satisfy constraint: Member must have length between 4 and %d", maxWebIdentity)
	}
	if s.options.VerifyWebIdentity == nil {
		return nil, errWebIdentity()
	}
	who, err := s.options.VerifyWebIdentity(ctx, raw)
	switch {
	case errors.Is(err, ErrExpired):
		return nil, &Error{"ExpiredTokenException", "The web identity token that was passed is expired or is not valid.", http.StatusBadRequest, ErrExpired}
	case errors.Is(err, ErrInvalidToken):
		return nil, errWebIdentity()
	case err != nil:
		return nil, err
	case who == nil || who.Provider == "" || who.Subject == "" || who.Audience == "":
		return nil, errWebIdentity()
	}
	return who, nil
}

func errWebIdentity() *Error {
	return &Error{"InvalidIdentityToken", "The web identity token that was passed could not be validated.", http.StatusBadRequest, ErrInvalidToken}
}

// A caller is who has signed a call of STS: a session, or an operator.
type caller struct {
	session  *Session // nil for an operator
	operator *Operator
	account  string
}

// presignedMax is how long a presigned call is good.
const presignedMax = 15 * time.Minute

// caller verifies the signature of a call. A call by a lasting key is taken once, but for two seconds in which
// equal calls have equal signatures. Those of sessions are not remembered: guests have sessions, and what a call
// returns is for its signer alone. Nor is a presigned GetCallerIdentity: whoever has it shows it to say who signed it, and more than once.
func (s *Service) caller(c *call) (*caller, error) {
	if s.options.InsecureUnsigned != nil {
		key, token, _ := sigv4.Claimed(c.r)
		_, err := s.open(c.r.Context(), token)
		if errors.Is(err, ErrInvalidToken) {
			return s.unsigned(c, key)
		}
		if err != nil {
			return nil, err
		}
	}
	var o *opened
	var operator *Operator
	v := sigv4.Verifier{Service: "sts", Now: s.options.Clock, Presigned: true, PresignedMax: presignedMax, Session: s.secretFor(&o)}
	if s.options.Operator != nil {
		v.Lookup = func(ctx context.Context, accessKey string) (string, bool, error) {
			found, ok, err := s.options.Operator(ctx, accessKey)
			operator = &found
			return string(found.Secret), ok, err
		}
	}
	sig, err := v.Check(c.r, c.body)
	if err != nil {
		return nil, refused(err)
	}
	if !sig.Temporary && !(sig.Presigned && c.get("Action") == getCallerIdentity) {
		if err := s.seen.Accept(sig, s.now(), true); err != nil {
			return nil, refused(err)
		}
	}
	if o == nil {
		if operator == nil {
			return nil, errToken()
		}
		return &caller{operator: operator, account: s.options.Account}, nil
	}
	if err := s.active(c.r.Context(), o); err != nil {
		return nil, err
	}
	return &caller{session: o.session, account: o.session.Account()}, nil
}

// unsigned is the operator whom the access key of a call names, without a look at the signature.
func (s *Service) unsigned(c *call, key string) (*caller, error) {
	if err := s.options.InsecureUnsigned(c.r); err != nil {
		return nil, &Error{"AccessDenied", "Operators' calls are taken " + err.Error() + ".", http.StatusForbidden, ErrDenied}
	}
	if key == "" {
		return nil, &Error{"MissingAuthenticationToken", "Request is missing Authentication Token", http.StatusForbidden, ErrSignature}
	}
	key = clip(key)
	account := s.options.Account
	return &caller{operator: &Operator{UserID: key, ARN: "arn:aws:iam::" + account + ":user/" + key, Assumes: true}, account: account}, nil
}

func (s *Service) getCallerIdentity(c *call) (any, error) {
	who, err := s.caller(c)
	if err != nil {
		return nil, err
	}
	type identity struct{ Arn, UserId, Account string }
	if who.session == nil {
		return identity{who.operator.ARN, who.operator.UserID, who.account}, nil
	}
	return identity{who.session.ARN(), who.session.UserID(), who.account}, nil
}

// assumeRole gives credentials of another role to a session or an operator. The policies of the caller and
// the trust policy of the role must both allow it.
func (s *Service) assumeRole(c *call) (any, error) {
	ctx := c.r.Context()
	if err := c.checkUnsupported(); err != nil {
		return nil, err
	}
	who, err := s.caller(c)
	if err != nil {
		return nil, err
	}
	x, d, err := c.asked(who)
	if err != nil {
		return nil, err
	}
	if err := s.mayAssume(ctx, who, x.RoleARN); err != nil {
		return nil, err
	}
	keys, role, err := s.ready(ctx, x.RoleARN)
	if err != nil {
		return nil, err
	}
	if role == nil {
		return nil, who.denied(x.RoleARN)
	}
	x.RoleID = role.ID
	if err := s.trustsCaller(ctx, role, who, x, c.get("ExternalId")); err != nil {
		return nil, who.denied(x.RoleARN)
	}
	if d > role.MaxSession {
		return nil, invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	got, err := s.issue(keys[0], x, d)
	if err != nil {
		return nil, err
	}
	return struct {
		AssumedRoleUser roleUserXML
		Credentials     credentialsXML
	}{roleUserXML{x.UserID(), x.ARN()}, credentials(got)}, nil
}

// asked reads what a call of AssumeRole asks for. Tags that an earlier session hands on are kept, and
// the identity stays known for revoking.
func (c *call) asked(who *caller) (*Session, time.Duration, error) {
	x := &Session{RoleARN: c.get("RoleArn"), Name: c.get("RoleSessionName"), Tags: map[string]string{}}
	d, err := c.duration()
	if err != nil {
		return nil, 0, err
	}
	if d == 0 {
		d = DefaultMaxSession
	}
	switch {
	case !ValidRoleARN(x.RoleARN):
		return nil, 0, invalid("%s is invalid", clip(x.RoleARN))
	case !sessionName.MatchString(x.Name):
		return nil, 0, failedConstraint("roleSessionName", x.Name, `[\w+=,.@-]*`)
	case who.session != nil && d > DefaultMaxSession:
		return nil, 0, invalid("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	if err := c.tags(x); err != nil {
		return nil, 0, err
	}
	if from := who.session; from != nil {
		x.Subject, x.Audience, x.IdentityID, x.PoolID, x.AMR = from.Subject, from.Audience, from.IdentityID, from.PoolID, from.AMR
		for _, k := range from.Transitive {
			if hasTag(x.Tags, k) {
				return nil, 0, invalid("One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
			}
			x.Tags[k] = from.Tags[k]
			x.Transitive = append(x.Transitive, k)
		}
	}
	if err := checkTags(x.Tags, x.Transitive); err != nil {
		return nil, 0, err
	}
	text := c.get("Policy")
	if text != "" {
		x.Policies = []string{text}
	}
	return x, d, checkSessionPolicy(text)
}

// hasTag reports whether there is a tag with the key, in any case.
func hasTag(tags map[string]string, key string) bool {
	for k := range tags {
		if strings.EqualFold(k, key) {
			return true
		}
	}
	return false
}

// tags reads Tags.member.N.Key and .Value, and TransitiveTagKeys.member.N. There are no gaps.
func (c *call) tags(x *Session) error {
	read := 0
	for i := 1; i <= maxTags; i++ {
		name := "Tags.member." + strconv.Itoa(i)
		if !c.form.Has(name + ".Key") {
			break
		}
		k := c.get(name + ".Key")
		if hasTag(x.Tags, k) {
			return invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		x.Tags[k] = c.get(name + ".Value")
		read++
		if c.form.Has(name + ".Value") {
			read++
		}
	}
	for i := 1; i <= maxTags; i++ {
		name := "TransitiveTagKeys.member." + strconv.Itoa(i)
		if !c.form.Has(name) {
			break
		}
		x.Transitive = append(x.Transitive, c.get(name))
		read++
	}
	for name := range c.form {
		if strings.HasPrefix(name, "Tags.") || strings.HasPrefix(name, "TransitiveTagKeys.") {
			read--
		}
	}
	if read != 0 {
		return invalid("The lists of tags are malformed, or have more than %d members", maxTags)
	}
	return nil
}

// mayAssume asks the policies of the caller.
func (s *Service) mayAssume(ctx context.Context, who *caller, arn string) error {
	if who.session == nil {
		if who.operator.Assumes {
			return nil
		}
		return who.denied(arn)
	}
	d, err := s.Allows(ctx, who.session, assumeRole, arn, nil)
	if err != nil {
		return err
	}
	if !d.Allowed {
		s.explain(ctx, "a role was not assumed", "caller", who.session.ARN(), "role", arn, "reason", d.Why)
		return who.denied(arn)
	}
	return nil
}

func (who *caller) arn() string {
	if who.session != nil {
		return who.session.ARN()
	}
	return who.operator.ARN
}

// denied is the refusal of AssumeRole.
func (who *caller) denied(arn string) *Error {
	return &Error{"AccessDenied", "User: " + who.arn() + " is not authorized to perform: " + assumeRole + " on resource: " + arn, http.StatusForbidden, ErrDenied}
}

// trustsCaller asks the trust policy of a role about a caller with an access key. An account stands for
// all its callers.
func (s *Service) trustsCaller(ctx context.Context, role *compiled, who *caller, x *Session, externalID string) error {
	names := []string{who.account, "arn:aws:iam::" + who.account + ":root"}
	names = append(names, who.arn())
	c := policy.Context{}
	if who.session != nil {
		names = append(names, who.session.RoleARN)
		c = who.session.Context(s.now())
	}
	setRequest(c, x.Name, x.Tags, x.Transitive, s.now())
	if externalID != "" {
		c.Set("sts:ExternalId", externalID)
	}
	actions := []string{assumeRole}
	if len(x.Tags) > 0 {
		actions = append(actions, tagSession)
	}
	return s.ask(ctx, role, &policy.Request{Context: c, Principal: policy.Principal{AWS: slices.Clone(names)}}, actions)
}
