package sts

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity/idpool/policy"
)

// A Session is what temporary credentials stand for. It is sealed into the session token.
type Session struct {
	AccessKeyID string    `json:"key"`    // of the credentials
	RoleARN     string    `json:"role"`   // of the role
	RoleID      string    `json:"roleId"` // AROA and 17 letters and digits
	Name        string    `json:"name"`   // of the session
	Issued      time.Time `json:"iat"`    // when the credentials were made
	Expires     time.Time `json:"exp"`    // when they end
	// Provider is the identity provider: cognito-identity.amazonaws.com, or the name of a user pool.
	// It is empty for a session by AssumeRole, whose policies do not see the provider. The fields below
	// stay those of the first session then.
	Provider string   `json:"idp,omitempty"`
	Aliases  []string `json:"idps,omitempty"` // other names of the provider, as in [WebIdentity]
	Subject  string   `json:"sub,omitempty"`  // whom Provider has named
	Audience string   `json:"aud,omitempty"`  // whom Provider has named the subject to
	// IdentityID and PoolID are those of an identity pool, and empty for others.
	IdentityID string `json:"identity,omitempty"`
	PoolID     string `json:"pool,omitempty"` // see IdentityID
	// AMR is how the identity was authenticated: ["unauthenticated"], or "authenticated" with the providers.
	AMR []string `json:"amr,omitempty"`
	// Tags are the session tags. Transitive are the keys of those that a further AssumeRole keeps.
	Tags       map[string]string `json:"tags,omitempty"`
	Transitive []string          `json:"transitive,omitempty"` // see Tags
	// Policies are session policies. Each takes away from what the role may do.
	Policies []string `json:"policies,omitempty"`
	// Guest says that what guests may never do is taken away too.
	Guest bool `json:"guest,omitempty"`
	// Development says that nobody has set up the role.
	Development bool `json:"dev,omitempty"`
}

// Account returns the account of the role.
func (s *Session) Account() string {
	if parts := strings.Split(s.RoleARN, ":"); len(parts) > 4 {
		return parts[4]
	}
	return ""
}

// RoleName returns the name of the role, without its path.
func (s *Session) RoleName() string { return (&Role{ARN: s.RoleARN}).Name() }

// ARN returns the ARN of the session, such as
// arn:aws:sts::123456789012:assumed-role/reader/CognitoIdentityCredentials.
func (s *Session) ARN() string {
	partition := "aws"
	if parts := strings.Split(s.RoleARN, ":"); len(parts) > 1 {
		partition = parts[1]
	}
	return "arn:" + partition + ":sts::" + s.Account() + ":assumed-role/" + s.RoleName() + "/" + s.Name
}

// UserID returns the id of the caller: the id of the role, a colon, and the name of the session.
func (s *Session) UserID() string { return s.RoleID + ":" + s.Name }

// Authenticated reports whether the identity has proved who it is.
func (s *Session) Authenticated() bool { return slices.Contains(s.AMR, "authenticated") }

// Context returns the condition keys of the session, for [Service.Allows].
func (s *Session) Context(now time.Time) policy.Context {
	c := policy.Context{}
	c.Set("aws:userid", s.UserID())
	c.Set("aws:PrincipalArn", s.RoleARN)
	c.Set("aws:PrincipalAccount", s.Account())
	c.Set("aws:PrincipalType", "AssumedRole")
	c.Set("aws:TokenIssueTime", s.Issued.UTC().Format(time.RFC3339))
	c.Set("aws:CurrentTime", now.UTC().Format(time.RFC3339))
	c.Set("aws:EpochTime", fmt.Sprint(now.Unix()))
	for k, v := range s.Tags {
		c.Set("aws:PrincipalTag/"+k, v)
	}
	if s.Provider != "" {
		c.Set("aws:FederatedProvider", s.Provider)
		setProvider(c, append([]string{s.Provider}, s.Aliases...), s.Subject, s.Audience, s.AMR)
	}
	return c
}

// setProvider sets the keys of an identity provider, under all its names.
func setProvider(c policy.Context, names []string, subject, audience string, amr []string) {
	for _, name := range names {
		c.Set(name+":sub", subject)
		c.Set(name+":aud", audience)
		c.Set(name+":amr", amr...)
	}
}

// maxToken is how many bytes a session token may have. A header of this size passes usual servers.
const maxToken = 8 << 10

// bindToken says what sealed strings of this package are for.
var bindToken = []byte("sts session token")

// A packed session is what is sealed: the text is in a header of each request, so it is short.
type packed struct {
	*Session
	Subject  string `json:"sub,omitempty"` // left out if it is the identity
	Audience string `json:"aud,omitempty"` // left out if it is the pool
	Issued   int64  `json:"iat"`           // nanoseconds since 1970
	Expires  int64  `json:"exp"`           // seconds since 1970
}

func (s *Session) pack() *packed {
	p := &packed{Session: s, Subject: s.Subject, Audience: s.Audience, Issued: s.Issued.UnixNano(), Expires: s.Expires.Unix()}
	if p.Subject == s.IdentityID {
		p.Subject = ""
	}
	if p.Audience == s.PoolID {
		p.Audience = ""
	}
	return p
}

func (p *packed) unpack() *Session {
	s := p.Session
	s.Subject, s.Audience = cmp.Or(p.Subject, s.IdentityID), cmp.Or(p.Audience, s.PoolID)
	s.Issued, s.Expires = time.Unix(0, p.Issued).UTC(), time.Unix(p.Expires, 0).UTC()
	return s
}

func (s *Session) seal(k *openKey) (string, error) {
	plain, err := json.Marshal(s.pack())
	if err != nil {
		return "", err
	}
	sealed := k.box.Seal(plain, bindToken)
	if len(sealed) > maxToken {
		return "", errPacked(len(sealed))
	}
	return sealed, nil
}

// Open returns the session of a session token, for which it asks all that [Service.Verify] asks but
// the signature. It returns an *[Error] for a token that is not from here ([ErrInvalidToken]), has expired
// ([ErrExpired]) or was revoked ([ErrRevoked]).
func (s *Service) Open(ctx context.Context, sessionToken string) (*Session, error) {
	o, err := s.open(ctx, sessionToken)
	if err != nil {
		return nil, err
	}
	if err := s.active(ctx, o); err != nil {
		return nil, err
	}
	return o.session, nil
}

// An opened token, with the role as it is now.
type opened struct {
	session *Session
	role    *compiled
	secret  Secret
}

// open opens a token. Only [Service.active] says whether its session is good.
func (s *Service) open(ctx context.Context, sessionToken string) (*opened, error) {
	if len(sessionToken) > maxToken {
		return nil, errToken()
	}
	keys, _, err := s.load(ctx, "")
	if err != nil {
		return nil, err
	}
	plain, err := boxes(keys).Open(sessionToken, bindToken)
	if err != nil {
		return nil, errToken()
	}
	p := packed{Session: &Session{}}
	if err := json.Unmarshal(plain, &p); err != nil {
		return nil, errToken()
	}
	o := &opened{session: p.unpack()}
	if o.secret, err = secretOf(keys, sessionToken, o.session.AccessKeyID); err != nil {
		return nil, err
	}
	_, o.role, err = s.load(ctx, o.session.RoleARN)
	return o, err
}

// secretOf derives the secret by the key that has sealed the token.
func secretOf(keys []*openKey, sessionToken, accessKey string) (Secret, error) {
	for _, k := range keys {
		if _, err := k.box.Open(sessionToken, bindToken); err == nil {
			return k.secretKey(accessKey), nil
		}
	}
	return "", errToken()
}

// active refuses a session that has expired, or whose role, identity or pool was revoked.
func (s *Service) active(ctx context.Context, o *opened) error {
	x := o.session
	if !s.now().Before(x.Expires) {
		return errExpired()
	}
	switch {
	case o.role == nil && x.Development && s.options.DevelopmentTrust != nil:
	case o.role == nil, o.role.ID != x.RoleID, !x.Issued.After(o.role.NotBefore):
		return errRevoked()
	}
	if s.options.Active == nil {
		return nil
	}
	err := s.options.Active(ctx, x)
	if errors.Is(err, ErrRevoked) || errors.Is(err, ErrExpired) || errors.Is(err, ErrInvalidToken) {
		return errRevoked()
	}
	return err
}

// Allows decides whether a session may do something: by the policies of its role as they are now,
// and those of the session. more has further condition keys, such as aws:SourceIp, and may be
// nil. It does not ask whether the session is still good: [Service.Verify] does. An error is a failure
// of the store, and allows nothing.
func (s *Service) Allows(ctx context.Context, x *Session, action, resource string, more policy.Context) (policy.Decision, error) {
	_, role, err := s.load(ctx, x.RoleARN)
	if err != nil {
		return policy.Decision{}, err
	}
	if role == nil {
		return policy.Decision{Why: "nobody has set up the role " + x.RoleARN}, nil
	}
	if role.ID != x.RoleID {
		return policy.Decision{Why: "the role " + x.RoleARN + " was made again since"}, nil
	}
	sets, err := x.sets(role)
	if err != nil {
		return policy.Decision{}, err
	}
	r := &policy.Request{Action: action, Resource: resource, Context: x.Context(s.now())}
	for k, v := range more {
		if _, ours := r.Context[strings.ToLower(k)]; !ours {
			r.Context.Set(k, v...)
		}
	}
	return policy.Decide(r, sets...), nil
}

// sets returns the policies of the role, those of the session, and those for guests.
func (s *Session) sets(role *compiled) ([]policy.Set, error) {
	sets := []policy.Set{role.policies}
	if len(s.Policies) > 0 {
		var set policy.Set
		for _, text := range s.Policies {
			p, err := policy.Parse(text)
			if err != nil {
				return nil, malformedPolicy(err)
			}
			p.Name = "session policy"
			set = append(set, p)
		}
		sets = append(sets, set)
	}
	if s.Guest {
		guest, err := guestPolicies()
		if err != nil {
			return nil, err
		}
		sets = append(sets, guest)
	}
	return sets, nil
}
