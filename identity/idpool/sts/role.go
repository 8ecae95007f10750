package sts

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cognate-id/cognate/identity/idpool/policy"
	"github.com/cognate-id/cognate/store"
)

// Limits of roles.
const (
	DefaultMaxSession = time.Hour      // how long a session of a role may last unless the role says more
	MaxMaxSession     = 12 * time.Hour // the most that a role may allow
	MinSession        = 15 * time.Minute

	maxRolePolicies = 20
	maxDescription  = 1_000
)

// A Role is what an identity may become: the policies say what its credentials are good for, and the trust
// policy who may have them.
type Role struct {
	// ARN names the role, such as arn:aws:iam::123456789012:role/reader. It is never changed.
	ARN string `json:"arn"`
	// ID is AROA and 17 letters and digits. A role that is deleted and made again has another one, so
	// that credentials of the first are worth nothing. Defaults to a random id in the store, and to
	// one that follows from the ARN for roles of a program.
	ID string `json:"id"`
	// Description is for people, at most 1,000 characters.
	Description string `json:"description,omitempty"`
	// Trust is the policy that says who may assume the role.
	Trust string `json:"trust"`
	// Policies are the policies of the role, by their names. All together may have
	// [policy.MaxSize] bytes. Defaults to none: nothing is allowed.
	Policies map[string]string `json:"policies,omitempty"`
	// MaxSession is how long a session may last, from one to twelve hours. Defaults to one hour.
	MaxSession time.Duration `json:"maxSession,omitempty"`
	// NotBefore revokes all credentials that were issued until then. Defaults to none.
	NotBefore time.Time `json:"notBefore,omitzero"`
	// Created is when the role was made.
	Created time.Time `json:"created,omitzero"`
	// Fixed says that the role is one of the program, which the store cannot change.
	Fixed bool `json:"-"`
}

// Name returns the last part of the ARN.
func (r *Role) Name() string { return r.ARN[strings.LastIndexByte(r.ARN, '/')+1:] }

// account returns the account in the ARN.
func (r *Role) account() string { return strings.Split(r.ARN, ":")[4] }

var (
	policyName = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)
	roleID     = regexp.MustCompile(`^AROA[A-Z0-9]{17}$`)
)

// ValidRoleARN reports whether s has the form of the ARN of a role, at most 2,048 bytes:
// ^arn:aws[a-z-]{0,16}:iam::[0-9]{12}:role/([\x21-\x7e]{1,512}/)?[\w+=,.@-]{1,64}$
func ValidRoleARN(s string) bool { // asked in each call, so it is no regular expression
	partition, rest, ok := strings.Cut(s, ":iam::")
	account, name, named := strings.Cut(rest, ":role/")
	variant, aws := strings.CutPrefix(partition, "arn:aws")
	if !ok || !named || !aws || len(s) > 2048 || !consists(variant, 0, 16, lowerOrDash) || !consists(account, 12, 12, digit) {
		return false
	}
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		if !consists(name[:i], 1, 512, visible) {
			return false
		}
		name = name[i+1:]
	}
	return consists(name, 1, 64, ofName)
}

// consists reports whether s has so many bytes, each of a kind.
func consists(s string, least, most int, is func(byte) bool) bool {
	if len(s) < least || len(s) > most {
		return false
	}
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return true
}

func lowerOrDash(b byte) bool { return b >= 'a' && b <= 'z' || b == '-' }
func digit(b byte) bool       { return b >= '0' && b <= '9' }
func visible(b byte) bool     { return b >= 0x21 && b <= 0x7e }

func ofName(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || digit(b) || strings.IndexByte("_+=,.@-", b) >= 0
}

// A roleRecord is a role in the store.
type roleRecord struct {
	Role

	once     sync.Once
	compiled *compiled
	err      error
}

// roles: what identities may become.
var roles = &store.Table[roleRecord]{
	Name: "stsroles", Key: func(r *roleRecord) string { return store.Key(r.ARN) }, Owner: store.OwnedByEngine,
}

// A compiled role has its policies read. It is shared: do not change it.
type compiled struct {
	Role
	trust    *policy.Policy
	policies policy.Set
}

// compile checks a role and reads its policies. It returns [ErrValidation] or
// [ErrMalformedPolicy].
func compile(r *Role) (*compiled, error) {
	c := &compiled{Role: *r}
	c.Policies = maps.Clone(r.Policies)
	if c.MaxSession == 0 {
		c.MaxSession = DefaultMaxSession
	}
	if c.ID == "" {
		c.ID = derivedID(c.ARN)
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	var err error
	if c.trust, err = policy.ParseTrust(c.Trust); err != nil {
		return nil, malformedPolicy(fmt.Errorf("trust policy: %w", err))
	}
	size := 0
	for _, name := range slices.Sorted(maps.Keys(c.Policies)) {
		p, err := policy.Parse(c.Policies[name])
		if err != nil {
			return nil, malformedPolicy(fmt.Errorf("policy %q: %w", name, err))
		}
		p.Name = name
		c.policies = append(c.policies, p)
		size += len(c.Policies[name])
	}
	if size > policy.MaxSize {
		return nil, invalid("the policies of a role may have %d bytes together, not %d", policy.MaxSize, size)
	}
	return c, nil
}

func (r *Role) check() error {
	switch {
	case !ValidRoleARN(r.ARN):
		return invalid("%q is not the ARN of a role, such as arn:aws:iam::123456789012:role/reader", r.ARN)
	case !roleID.MatchString(r.ID):
		return invalid("the id of a role must be AROA and 17 capital letters and digits")
	case r.MaxSession < DefaultMaxSession || r.MaxSession > MaxMaxSession:
		return invalid("a session of a role may last from 1 to 12 hours at most, not %v", r.MaxSession)
	case len(r.Description) > maxDescription:
		return invalid("the description may have %d bytes", maxDescription)
	case len(r.Policies) > maxRolePolicies:
		return invalid("a role may have %d policies", maxRolePolicies)
	}
	for name := range r.Policies {
		if !policyName.MatchString(name) {
			return invalid("%q is not the name of a policy: up to 128 letters, digits and +=,.@_-", name)
		}
	}
	return nil
}

// read returns the role of a record with its policies read, once.
func (r *roleRecord) read() (*compiled, error) {
	r.once.Do(func() { r.compiled, r.err = compile(&r.Role) })
	if r.err != nil {
		return nil, fmt.Errorf("role %s: %w: %w", r.ARN, store.ErrCorrupt, r.err)
	}
	return r.compiled, nil
}

// upperDigits are the letters of ids.
var upperDigits = base32.StdEncoding.WithPadding(base32.NoPadding)

// randomID returns a prefix and n random letters and digits.
func randomID(prefix string, n int) string {
	b := make([]byte, 20)
	_, _ = rand.Read(b) // never returns an error: a failure ends the process
	return prefix + upperDigits.EncodeToString(b)[:n]
}

// derivedID is the id of a role that has none: always the same for one ARN.
func derivedID(arn string) string {
	sum := sha256.Sum256([]byte("role id\x00" + arn))
	return "AROA" + upperDigits.EncodeToString(sum[:])[:17]
}
