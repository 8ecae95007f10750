package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/idpool"
	"github.com/cognate-id/cognate/identity/idpool/policy"
	"github.com/cognate-id/cognate/identity/idpool/sts"
	"github.com/cognate-id/cognate/store"
)

type roleCommand struct {
	List   roleList   `cmd:"" help:"List roles."`
	Create roleCreate `cmd:"" help:"Make a role."`
	Show   roleShow   `cmd:"" help:"Show a role and its policies as they are stored."`
	Set    roleSet    `cmd:"" help:"Change a role: who may assume it, and its policies."`
	Allow  roleAllow  `cmd:"" help:"Add a policy that allows actions."`
	Deny   roleDeny   `cmd:"" help:"Add a policy that denies actions, whatever others allow."`
	Try    roleTry    `cmd:"" help:"Say whether a role may do something, and why."`
	Revoke roleRevoke `cmd:"" help:"Revoke all credentials of a role that were issued until now."`
	Delete roleDelete `cmd:"" help:"Delete a role. Its credentials are worth nothing from then on."`
}

// Help returns the details that --help shows.
func (roleCommand) Help() string {
	return `Identities of identity pools get temporary credentials of a role. The trust policy of a role says which identities may have them, and its policies say what the credentials are good for. A server that runs sees changes at its next request.

    cognate role create reader --identity-pool us-east-1:157d6171-ee37-c0dd-c6c5-ce7afc0154ab
    cognate role allow reader execute-api:Invoke --on "arn:aws:execute-api:*:*:api/prod/GET/*"
    cognate role try reader execute-api:Invoke arn:aws:execute-api:us-east-1:123456789012:api/prod/GET/things`
}

// A roleStore is the store of the roles.
type roleStore struct{ realStore }

// open calls fn with the roles of the store, which must exist.
func (s *roleStore) open(t *terminal, fn func(context.Context, *sts.Service) error) error {
	var st store.Store
	return s.with(t, nil, func(ctx context.Context, e *identity.Engine) error {
		// The store of cognate dev is the only one without encryption.
		pools, err := idpool.New(e, st, &idpool.Options{Logger: slog.New(slog.DiscardHandler), InsecureUnsealed: true})
		if err != nil {
			return err
		}
		return roleError(fn(ctx, pools.STS()))
	}, func(ctx context.Context, o *identity.Options) (_ store.Store, err error) {
		inner, err := openThere(ctx, s.Store, "say where it is with --store; cognate key create and cognate pool create make a new one", openShared)
		if err != nil {
			return nil, err
		}
		st, err = s.unlock(ctx, t, inner, o)
		return st, err
	})
}

// roleError puts an error of roles in the words of the command.
func roleError(err error) error {
	var text string
	switch e, ok := errors.AsType[*sts.Error](err); {
	case err == nil:
		return nil
	case ok:
		text = e.Message
	default:
		text = err.Error()
	}
	text = strings.ReplaceAll(strings.TrimPrefix(text, "sts: "), ": policy: ", ": ")
	shown := &textError{text, err}
	switch {
	case errors.Is(err, sts.ErrNotFound):
		return hint(shown, "cognate role list shows all roles")
	case errors.Is(err, sts.ErrExists):
		return hint(shown, "choose another name; cognate role set changes the role that is there")
	default:
		return shown
	}
}

// A theRole is a role, by its name or its ARN.
type theRole struct {
	roleStore
	Name    string  `arg:"" name:"role" help:"Name of the role, or its ARN."`
	Account account `default:"123456789012" placeholder:"NUMBER" help:"Account number in the ARN, if ROLE is a name: that of cognate serve. Default: ${default}."`
}

func (r *theRole) arn() string { return roleARN(r.Name, r.Account) }

// roleARN returns the ARN of a role that is given by its name or its ARN.
func roleARN(name string, number account) string {
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	return "arn:aws:iam::" + string(number) + ":role/" + name
}

type roleFlags struct {
	IdentityPool   string        `name:"identity-pool" placeholder:"POOL" help:"Id of the identity pool whose users may assume the role."`
	Guests         bool          `help:"With --identity-pool, its guests may assume the role, in place of users who are signed in."`
	Trust          string        `placeholder:"FILE" help:"File with the trust policy as JSON, or - for standard input, in place of --identity-pool."`
	Policy         []string      `sep:"none" placeholder:"NAME=FILE" help:"A policy as JSON in a file, or - for standard input. It replaces the policy with that name. Repeat it for more."`
	Description    string        `placeholder:"TEXT" help:"Description for people."`
	SessionMaximum time.Duration `name:"max-session" placeholder:"DURATION" help:"How long credentials may be valid at most, from 1h to 12h. Default of a new role: 1h."`
}

// Validate returns an error if the command line is invalid.
func (f *roleFlags) Validate() error {
	if f.Trust != "" && f.IdentityPool != "" {
		return errors.New("--trust and --identity-pool both say who may assume the role: give one or the other")
	}
	if f.Guests && f.IdentityPool == "" {
		return errors.New("--guests is about an identity pool: give --identity-pool too")
	}
	return nil
}

// read returns the change that the flags ask for.
func (f *roleFlags) read(t *terminal) (func(*sts.Role), error) {
	trust := ""
	if f.IdentityPool != "" {
		trust = sts.PoolTrust(f.IdentityPool, f.Guests)
	}
	if f.Trust != "" {
		text, err := readDocument(t, f.Trust)
		if err != nil {
			return nil, err
		}
		trust = text
	}
	policies := map[string]string{}
	for _, given := range f.Policy {
		name, file, ok := strings.Cut(given, "=")
		if !ok {
			return nil, fmt.Errorf("--policy: give a name and a file, as in read=read.json, not %q", given)
		}
		text, err := readDocument(t, file)
		if err != nil {
			return nil, err
		}
		policies[name] = text
	}
	return func(r *sts.Role) {
		if trust != "" {
			r.Trust = trust
		}
		if f.Description != "" {
			r.Description = f.Description
		}
		if f.SessionMaximum != 0 {
			r.MaxSession = f.SessionMaximum
		}
		for name, text := range policies {
			setPolicy(r, name, text)
		}
	}, nil
}

func setPolicy(r *sts.Role, name, text string) {
	if r.Policies == nil {
		r.Policies = map[string]string{}
	}
	r.Policies[name] = text
}

func readDocument(t *terminal, file string) (string, error) {
	text, err := readText(t, file, policy.MaxSize)
	if err != nil {
		return "", fmt.Errorf("read a policy: %w", err)
	}
	return text, nil
}

// readText reads a file, or standard input for "-". One byte more than the limit shows that the text is too large.
func readText(t *terminal, file string, limit int64) (string, error) {
	in := t.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, limit+1))
	return string(text), err
}

type roleList struct {
	roleStore
	listing
}

// Help returns the details that --help shows.
func (roleList) Help() string {
	return `    cognate role list
    cognate role list --json | jq -r .arn`
}

// Run lists the roles.
func (c *roleList) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, roles *sts.Service) error {
		all, err := roles.Roles(ctx)
		if err != nil {
			return err
		}
		seq := func(yield func(*sts.Role, error) bool) {
			for _, r := range all {
				if !yield(r, nil) {
					return
				}
			}
		}
		if c.JSON {
			return list(t, c.listing, 0, func(yield func(*shownRole, error) bool) {
				for _, r := range all {
					if !yield(shown(r), nil) {
						return
					}
				}
			}, "", nil)
		}
		return list(t, c.listing, 0, seq, "ARN, POLICIES, MAX SESSION, REVOKED, DESCRIPTION", func(r *sts.Role) []string {
			return []string{r.ARN, orDash(strings.Join(policyNames(r), " ")), r.MaxSession.String(), stampOrDash(r.NotBefore), r.Description}
		})
	})
}

func policyNames(r *sts.Role) []string {
	var names []string
	for name := range r.Policies {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

type roleCreate struct {
	theRole
	roleFlags
}

// Help returns the details that --help shows.
func (roleCreate) Help() string {
	return `A new role allows nothing until it has a policy: see "cognate role allow".

    cognate role create reader --identity-pool us-east-1:157d6171-ee37-c0dd-c6c5-ce7afc0154ab
    cognate role create visitor --identity-pool us-east-1:157d6171-ee37-c0dd-c6c5-ce7afc0154ab --guests
    cognate role create writer --trust trust.json --policy write=write.json --max-session 2h`
}

// Validate returns an error if the command line is invalid.
func (c *roleCreate) Validate() error {
	if c.Trust == "" && c.IdentityPool == "" {
		return errors.New("say who may assume the role, with --identity-pool or --trust")
	}
	if err := c.roleFlags.Validate(); err != nil {
		return err
	}
	return c.realStore.Validate()
}

// Run makes a role.
func (c *roleCreate) Run(t *terminal) error {
	change, err := c.read(t)
	if err != nil {
		return err
	}
	return c.open(t, func(ctx context.Context, roles *sts.Service) error {
		r := &sts.Role{ARN: c.arn()}
		change(r)
		made, err := roles.CreateRole(ctx, r)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(t.out, made.ARN)
		return err
	})
}

type roleShow struct{ theRole }

// Help returns the details that --help shows.
func (roleShow) Help() string {
	return `    cognate role show reader
    cognate role show reader | jq .policies.allow1`
}

// Run shows a role.
func (c *roleShow) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, roles *sts.Service) error {
		r, err := roles.Role(ctx, c.arn())
		if err != nil {
			return err
		}
		return t.show(shown(r))
	})
}

// A shownRole is a role with its policies as JSON, and not as text.
type shownRole struct {
	ARN         string                     `json:"arn"`
	ID          string                     `json:"id"`
	Description string                     `json:"description,omitempty"`
	Trust       json.RawMessage            `json:"trust"`
	Policies    map[string]json.RawMessage `json:"policies"`
	MaxSession  string                     `json:"maxSession"`
	NotBefore   time.Time                  `json:"notBefore,omitzero"`
	Created     time.Time                  `json:"created,omitzero"`
}

func shown(r *sts.Role) *shownRole {
	out := &shownRole{r.ARN, r.ID, r.Description, json.RawMessage(r.Trust), map[string]json.RawMessage{}, r.MaxSession.String(), r.NotBefore, r.Created}
	for name, text := range r.Policies {
		out.Policies[name] = json.RawMessage(text)
	}
	return out
}

type roleSet struct {
	theRole
	roleFlags
	Remove []string `name:"remove-policy" placeholder:"NAME" help:"Name of a policy to remove. Repeat it for more."`
}

// Help returns the details that --help shows.
func (roleSet) Help() string {
	return `What is not given does not change. Changes count for credentials that were issued before, too.

    cognate role set reader --policy read=read.json --remove-policy write
    cognate role set reader --trust trust.json --max-session 12h`
}

// Validate returns an error if the command line is invalid.
func (c *roleSet) Validate() error {
	if err := c.roleFlags.Validate(); err != nil {
		return err
	}
	return c.realStore.Validate()
}

// Run changes a role.
func (c *roleSet) Run(t *terminal) error {
	change, err := c.read(t)
	if err != nil {
		return err
	}
	return c.update(t, func(r *sts.Role) error {
		for _, name := range c.Remove {
			if _, ok := r.Policies[name]; !ok {
				return fmt.Errorf("the role has no policy %q; it has: %s", name, orDash(strings.Join(policyNames(r), " ")))
			}
			delete(r.Policies, name)
		}
		change(r)
		return nil
	})
}

// update changes the role, and says so.
func (r *theRole) update(t *terminal, change func(*sts.Role) error) error {
	return r.open(t, func(ctx context.Context, roles *sts.Service) error {
		if _, err := roles.UpdateRole(ctx, r.arn(), change); err != nil {
			return err
		}
		_, err := fmt.Fprintf(t.out, "Changed role %s.\n", r.arn())
		return err
	})
}

// statementFlags are those of one more policy with one statement.
type statementFlags struct {
	Actions []string `arg:"" name:"action" help:"Actions, such as s3:GetObject or cognito-idp:List*."`
	On      []string `required:"" sep:"none" placeholder:"ARN" help:"ARN of what the actions are done to, with * and ?; * alone is anything. Repeat it for more."`
	As      string   `placeholder:"NAME" help:"Name of the policy. A policy with that name is replaced. Default: allow or deny with the next free number."`
}

// add adds the policy to a role.
func (f *statementFlags) add(r *sts.Role, deny bool) {
	name, prefix := f.As, "allow"
	if deny {
		prefix = "deny"
	}
	for i := 1; name == ""; i++ {
		next := fmt.Sprint(prefix, i)
		if _, taken := r.Policies[next]; !taken {
			name = next
		}
	}
	setPolicy(r, name, sts.Statement(deny, f.Actions, f.On))
}

type roleAllow struct {
	theRole
	statementFlags
}

// Help returns the details that --help shows.
func (roleAllow) Help() string {
	return `Policies with conditions are JSON: see "cognate role set --policy". In an ARN, ${cognito-identity.amazonaws.com:sub} stands for the id of the identity; put it in single quotes.

    cognate role allow reader execute-api:Invoke --on "arn:aws:execute-api:*:*:api/prod/GET/*"
    cognate role allow reader s3:GetObject s3:PutObject --on 'arn:aws:s3:::photos/${cognito-identity.amazonaws.com:sub}/*' --as own-photos
    cognate role allow support cognito-idp:AdminGetUser cognito-idp:ListUsers --on arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_AbCdEf123`
}

// Run adds a policy that allows.
func (c *roleAllow) Run(t *terminal) error {
	return c.update(t, func(r *sts.Role) error {
		c.add(r, false)
		return nil
	})
}

type roleDeny struct {
	theRole
	statementFlags
}

// Help returns the details that --help shows.
func (roleDeny) Help() string {
	return `    cognate role deny reader execute-api:Invoke --on "arn:aws:execute-api:*:*:api/prod/*/admin/*"`
}

// Run adds a policy that denies.
func (c *roleDeny) Run(t *terminal) error {
	return c.update(t, func(r *sts.Role) error {
		c.add(r, true)
		return nil
	})
}

type roleTry struct {
	theRole
	Action   string   `arg:"" help:"Action, such as s3:GetObject."`
	Resource string   `arg:"" help:"ARN of what the action is done to, or *."`
	Identity string   `placeholder:"ID" help:"Id of an identity, for policies that ask about it."`
	Tags     []string `name:"tag" sep:"none" placeholder:"KEY=VALUE" help:"Principal tag of the identity. Repeat it for more."`
	Keys     []string `name:"key" sep:"none" placeholder:"KEY=VALUE" help:"Condition key of the request, such as aws:SourceIp=192.0.2.1. Repeat it for more values."`
}

// Help returns the details that --help shows.
func (roleTry) Help() string {
	return `The exit code is 1 if the role may not. Nobody assumes the role, and its trust policy is not asked.

    cognate role try reader execute-api:Invoke arn:aws:execute-api:us-east-1:123456789012:api/prod/GET/things
    cognate role try reader s3:GetObject arn:aws:s3:::photos/us-east-1:1f3a/cat.png --identity us-east-1:1f3a --tag team=red --key aws:SourceIp=192.0.2.1`
}

// Run decides a request.
func (c *roleTry) Run(t *terminal) error {
	keys := policy.Context{}
	for _, given := range c.Keys {
		k, v, ok := strings.Cut(given, "=")
		if !ok {
			return fmt.Errorf("--key: give a key and a value, as in aws:SourceIp=192.0.2.1, not %q", given)
		}
		keys.Set(k, append(keys[strings.ToLower(k)], v)...)
	}
	x := &sts.Session{Name: sts.DefaultSessionName, Issued: time.Now(), Tags: map[string]string{}}
	if c.Identity != "" {
		x.Provider, x.Subject, x.IdentityID = sts.CognitoIdentity, c.Identity, c.Identity
	}
	for _, given := range c.Tags {
		k, v, ok := strings.Cut(given, "=")
		if !ok {
			return fmt.Errorf("--tag: give a key and a value, as in team=red, not %q", given)
		}
		x.Tags[k] = v
	}
	return c.open(t, func(ctx context.Context, roles *sts.Service) error {
		r, err := roles.Role(ctx, c.arn())
		if err != nil {
			return err
		}
		x.RoleARN, x.RoleID = r.ARN, r.ID
		d, err := roles.Allows(ctx, x, c.Action, c.Resource, keys)
		if err != nil {
			return err
		}
		if !d.Allowed {
			return errors.New("denied: " + d.Why)
		}
		_, err = fmt.Fprintln(t.out, "Allowed:", d.Why)
		return err
	})
}

type roleRevoke struct{ theRole }

// Help returns the details that --help shows.
func (roleRevoke) Help() string {
	return `The role stays, and identities may get new credentials. To keep one identity out, delete the identity or disable its user.

    cognate role revoke reader`
}

// Run revokes the credentials of a role.
func (c *roleRevoke) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, roles *sts.Service) error {
		if err := roles.RevokeRole(ctx, c.arn()); err != nil {
			return err
		}
		_, err := fmt.Fprintf(t.out, "Revoked the credentials of role %s.\n", c.arn())
		return err
	})
}

type roleDelete struct {
	theRole
	confirmed
}

// Help returns the details that --help shows.
func (roleDelete) Help() string {
	return `    cognate role delete reader
    cognate role delete reader --yes`
}

// Run deletes a role.
func (c *roleDelete) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, roles *sts.Service) error {
		if _, err := roles.Role(ctx, c.arn()); err != nil {
			return err
		}
		if err := c.confirm(ctx, t, "Delete the role %s?", c.arn()); err != nil {
			return err
		}
		if err := roles.DeleteRole(ctx, c.arn()); err != nil {
			return err
		}
		_, err := fmt.Fprintf(t.out, "Deleted role %s.\n", c.arn())
		return err
	})
}
