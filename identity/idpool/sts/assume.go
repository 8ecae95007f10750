package sts

import (
	"cmp"
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cognate-id/cognate/identity/idpool/policy"
)

// Assume checks what it was given, reads the keys and the role, asks the trust policy, and then seals
// the session. It writes nothing but the first key.

// CognitoIdentity is the provider of identity pools.
const CognitoIdentity = "cognito-identity.amazonaws.com"

// DefaultSessionName is the name of sessions that an identity pool makes.
const DefaultSessionName = "CognitoIdentityCredentials"

const (
	assumeWithWebIdentity = "sts:AssumeRoleWithWebIdentity"
	tagSession            = "sts:TagSession"
)

// An Assumption asks for credentials of a role, for an identity that was verified already.
type Assumption struct {
	// RoleARN is the role.
	RoleARN string
	// SessionName is 2 to 64 letters, digits and +=,.@_-. Defaults to [DefaultSessionName].
	SessionName string
	// Provider is who has verified the identity. Defaults to [CognitoIdentity]. Aliases are further
	// names that a trust policy may use for it.
	Provider string
	Aliases  []string // see Provider
	// IdentityID and PoolID are those of an identity pool.
	IdentityID, PoolID string
	// Subject and Audience are compared with the condition keys PROVIDER:sub and PROVIDER:aud. They default
	// to IdentityID and PoolID.
	Subject, Audience string
	// AMR is how the identity was authenticated, for the condition key PROVIDER:amr.
	AMR []string
	// Tags are session tags, at most 50: keys of 1 to 128 characters, values of up to 256. The trust policy
	// must allow sts:TagSession. Transitive are keys of Tags.
	Tags       map[string]string
	Transitive []string // see Tags
	// SessionPolicy takes away from what the role may do, at most 2,048 bytes. Defaults to none.
	SessionPolicy string
	// Guest takes away all but what guests of the enhanced flow may do, see [GuestActions].
	Guest bool
	// Duration is how long the credentials are good, at least 15 minutes and at most what
	// the role allows. Defaults to one hour.
	Duration time.Duration
	// WebIdentityToken makes the token that [Remote] sends. A [Service] does not call it.
	WebIdentityToken func(ctx context.Context) (string, error)
}

// A WebIdentity is what a web identity token says, once it is verified.
type WebIdentity struct {
	// Provider is [CognitoIdentity] for an open ID token, and the name of the user pool for an ID
	// token, such as cognito-idp.us-east-1.amazonaws.com/us-east-1_Example.
	Provider string
	// Aliases are further names that a policy may use for the provider, such as the issuer of a
	// local user pool without its scheme. Defaults to none.
	Aliases []string
	// IdentityID and PoolID are those of an identity pool, and empty for a user pool.
	IdentityID, PoolID string
	// Subject and Audience are the claims sub and aud.
	Subject, Audience string
	// AMR is the claim amr.
	AMR []string
	// Tags and Transitive are those of the claim https://aws.amazon.com/tags.
	Tags       map[string]string
	Transitive []string // see Tags
}

// Credentials are an access key for a while.
type Credentials struct {
	AccessKeyID  string    // ASIA and 16 letters and digits
	SecretKey    Secret    // signs requests
	SessionToken Secret    // goes with each request
	Expires      time.Time // in whole seconds
	// Session is what the credentials stand for. It is nil for those of [Remote].
	Session *Session
}

var sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)

// Assume returns credentials for a role if its trust policy lets the identity have them. It returns
// an *[Error]: [ErrDenied] if the role is unknown or its trust policy refuses, [ErrValidation],
// [ErrMalformedPolicy] or [ErrTooLarge].
func (s *Service) Assume(ctx context.Context, a *Assumption) (*Credentials, error) {
	b := *a
	a = &b
	a.SessionName = cmp.Or(a.SessionName, DefaultSessionName)
	a.Provider = cmp.Or(a.Provider, CognitoIdentity)
	a.Subject = cmp.Or(a.Subject, a.IdentityID)
	a.Audience = cmp.Or(a.Audience, a.PoolID)
	a.Duration = cmp.Or(a.Duration, DefaultMaxSession)
	if err := a.check(); err != nil {
		return nil, err
	}
	keys, role, err := s.ready(ctx, a.RoleARN)
	if err != nil {
		return nil, err
	}
	x := a.session()
	if role == nil {
		if err := s.developmentTrust(ctx, a); err != nil {
			return nil, err
		}
		x.Development, x.RoleID = true, derivedID(a.RoleARN)
		return s.issue(keys[0], x, a.Duration)
	}
	if a.Duration > role.MaxSession {
		return nil, invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	x.RoleID = role.ID
	if err := s.trusts(ctx, role, a); err != nil {
		return nil, err
	}
	return s.issue(keys[0], x, a.Duration)
}

// ready loads the keys and a role, and makes the first key.
func (s *Service) ready(ctx context.Context, arn string) ([]*openKey, *compiled, error) {
	keys, role, err := s.load(ctx, arn)
	if err != nil || keys != nil {
		return keys, role, err
	}
	if err := s.firstKey(ctx); err != nil {
		return nil, nil, err
	}
	return s.load(ctx, arn)
}

// developmentTrust decides about a role that nobody has set up.
func (s *Service) developmentTrust(ctx context.Context, a *Assumption) error {
	if s.options.DevelopmentTrust == nil || a.Provider != CognitoIdentity {
		s.explain(ctx, "a role was not assumed", "role", a.RoleARN, "reason", "nobody has set up the role")
		return denied(assumeWithWebIdentity)
	}
	ok, err := s.options.DevelopmentTrust(ctx, a)
	if err == nil && !ok {
		err = denied(assumeWithWebIdentity)
	}
	return err
}

// trusts asks the trust policy of a role.
func (s *Service) trusts(ctx context.Context, role *compiled, a *Assumption) error {
	actions := []string{assumeWithWebIdentity}
	if len(a.Tags) > 0 {
		actions = append(actions, tagSession)
	}
	c := policy.Context{}
	names := append([]string{a.Provider}, a.Aliases...)
	setProvider(c, names, a.Subject, a.Audience, a.AMR)
	setRequest(c, a.SessionName, a.Tags, a.Transitive, s.now())
	if a.Provider != CognitoIdentity { // IAM names it so
		for _, name := range slices.Clone(names) {
			names = append(names, "arn:aws:iam::"+role.account()+":oidc-provider/"+name)
		}
	}
	return s.ask(ctx, role, &policy.Request{Context: c, Principal: policy.Principal{Federated: names}}, actions)
}

// setRequest sets the condition keys of a call of STS.
func setRequest(c policy.Context, name string, tags map[string]string, transitive []string, now time.Time) {
	c.Set("sts:RoleSessionName", name)
	c.Set("aws:CurrentTime", now.UTC().Format(time.RFC3339))
	if len(tags) == 0 { // nor are any transitive
		return
	}
	for k, v := range tags {
		c.Set("aws:RequestTag/"+k, v)
	}
	c.Set("aws:TagKeys", slices.Sorted(maps.Keys(tags))...)
	c.Set("sts:TransitiveTagKeys", transitive...)
}

// ask asks a trust policy for each of the actions. The first is the one that a refusal names.
func (s *Service) ask(ctx context.Context, role *compiled, r *policy.Request, actions []string) error {
	for _, action := range actions {
		r.Action = action
		if d := policy.Decide(r, policy.Set{role.trust}); !d.Allowed {
			s.explain(ctx, "a role was not assumed", "role", role.ARN, "action", action, "reason", "trust policy: "+d.Why)
			return denied(actions[0])
		}
	}
	return nil
}

// session is what is granted, without what the role and the clock decide.
func (a *Assumption) session() *Session {
	x := &Session{
		RoleARN: a.RoleARN, Name: a.SessionName, Provider: a.Provider, Aliases: slices.Clone(a.Aliases), Subject: a.Subject, Audience: a.Audience,
		IdentityID: a.IdentityID, PoolID: a.PoolID, AMR: slices.Clone(a.AMR), Tags: maps.Clone(a.Tags), Transitive: slices.Clone(a.Transitive), Guest: a.Guest,
	}
	if a.SessionPolicy != "" {
		x.Policies = []string{a.SessionPolicy}
	}
	return x
}

// issue completes and seals a session.
func (s *Service) issue(k *openKey, x *Session, d time.Duration) (*Credentials, error) {
	x.Issued = s.now()
	x.Expires = x.Issued.Add(d).Truncate(time.Second)
	x.AccessKeyID = randomID("ASIA", 16)
	sealed, err := x.seal(k)
	if err != nil {
		return nil, err
	}
	return &Credentials{x.AccessKeyID, k.secretKey(x.AccessKeyID), Secret(sealed), x.Expires, x}, nil
}

func (a *Assumption) check() error {
	switch {
	case !ValidRoleARN(a.RoleARN):
		return invalid("%s is invalid", clip(a.RoleARN))
	case a.SessionName != DefaultSessionName && !sessionName.MatchString(a.SessionName):
		return failedConstraint("roleSessionName", a.SessionName, `[\w+=,.@-]*`)
	case a.Duration < MinSession || a.Duration > MaxMaxSession:
		return invalid("DurationSeconds must be from %d to %d", MinSession/time.Second, MaxMaxSession/time.Second)
	case a.Subject == "" || a.Audience == "" || len(a.AMR) > 16:
		return invalid("the identity is incomplete")
	}
	if err := checkTags(a.Tags, a.Transitive); err != nil {
		return err
	}
	return checkSessionPolicy(a.SessionPolicy)
}

// failedConstraint is how the service refuses a value that does not match a pattern.
func failedConstraint(name, value, pattern string) *Error {
	return invalid("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", clip(value), name, pattern)
}

// clip shortens what a caller has sent, for a message.
func clip(s string) string {
	if len(s) > 128 {
		s = s[:128]
	}
	return strings.ToValidUTF8(s, "?")
}

// Limits of session tags.
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

// checkTags checks session tags. Keys that differ in case only are one key for a policy, so there may not be two.
func checkTags(tags map[string]string, transitive []string) error {
	if len(tags) > maxTags {
		return invalid("there may be %d tags", maxTags)
	}
	seen := map[string]bool{}
	for k, v := range tags {
		folded := strings.ToLower(k)
		switch {
		case k == "" || utf8.RuneCountInString(k) > maxTagKey || utf8.RuneCountInString(v) > maxTagValue || !plain(k) || !plain(v):
			return invalid("a tag is invalid: a key has 1 to %d characters, a value up to %d", maxTagKey, maxTagValue)
		case strings.HasPrefix(folded, "aws:"):
			return invalid("the key of a tag must not begin with aws:")
		case seen[folded]:
			return invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[folded] = true
	}
	for _, k := range transitive {
		if _, ok := tags[k]; !ok {
			return invalid("a transitive tag key is not among the tags")
		}
	}
	return nil
}

// plain reports whether s is valid UTF-8 without control characters.
func plain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f && r <= 0x9f })
}

func checkSessionPolicy(text string) error {
	if text == "" {
		return nil
	}
	if len(text) > policy.MaxSessionSize {
		return invalid("1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to %d", policy.MaxSessionSize)
	}
	if _, err := policy.Parse(text); err != nil {
		return malformedPolicy(err)
	}
	return nil
}
