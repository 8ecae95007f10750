package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/cognate-id/cognate/identity"
)

type groupRule struct {
	Add    groupRuleAdd    `cmd:"" help:"Put users into a group by an attribute."`
	List   groupRuleList   `cmd:"" help:"List the rules of all groups."`
	Remove groupRuleRemove `cmd:"" help:"Remove a rule. Users whom it has put into its group leave the group."`
}

// Help returns the details that --help shows.
func (groupRule) Help() string {
	return `A rule puts each user into a group whose attribute has a value: at sign-up, and whenever the attribute is changed or verified. A rule takes nobody out of a group whom somebody has put in with "cognate group add".

    cognate group rule add staff --email-domain acme.com
    cognate group rule list
    cognate group rule remove r4nd0m1d`
}

type groupRuleAdd struct {
	theGroup
	Attribute   string  `default:"email" placeholder:"NAME" help:"The attribute. Default: ${default}."`
	EmailDomain *string `xor:"match" required:"" placeholder:"DOMAIN" help:"The e-mail address is of this domain, such as acme.com. Subdomains are others; case does not count."`
	EqualTo     *string `xor:"match" required:"" placeholder:"TEXT" help:"The attribute has this value."`
	StartsWith  *string `xor:"match" required:"" placeholder:"TEXT" help:"The attribute starts with this text."`
	Contains    *string `xor:"match" required:"" placeholder:"TEXT" help:"The attribute contains this text."`
	Unverified  bool    `help:"Take values that nobody has verified, which users can often write themselves. Needed for each attribute but email and phone_number."`
}

// Help returns the details that --help shows.
func (groupRuleAdd) Help() string {
	return `Case counts, except in the attribute email. The rule is applied to all users at once, which may take a while; "cognate group rule list" says how far it is. If the command is cut off, a running server goes on within ten minutes.

    cognate group rule add staff --email-domain acme.com
    cognate group rule add german --attribute phone_number --starts-with +49
    cognate group rule add ops --attribute custom:team --equal-to ops --unverified`
}

// Run adds a rule and applies it.
func (c *groupRuleAdd) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		rule := identity.GroupRule{Group: c.Name, Attribute: c.Attribute, Unverified: c.Unverified}
		for match, value := range map[identity.GroupMatch]*string{
			identity.MatchEmailDomain: c.EmailDomain, identity.MatchEquals: c.EqualTo,
			identity.MatchStartsWith: c.StartsWith, identity.MatchContains: c.Contains,
		} {
			if value != nil {
				rule.Match, rule.Value = match, *value
			}
		}
		made, err := a.Groups().AddRule(ctx, rule)
		if bad, ok := errors.AsType[*identity.ParameterError](err); ok && bad.Name == "Unverified" {
			return hint(plainError{err}, "--unverified says so")
		}
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(t.out, "Added rule %s.\n", made.ID); err != nil {
			return err
		}
		return applyRules(ctx, t, a)
	})
}

// applyRules applies the rules to all users and says what that changed.
func applyRules(ctx context.Context, t *terminal, a *identity.Admin) error {
	p := newProgress(t, "looked at", false)
	far, err := a.Groups().ApplyRules(ctx, func(far identity.RuleProgress) { p.at(far.Users, 0) })
	if err != nil {
		return hint(err, "the rules are changed, and a server applies them to all users; or change them again")
	}
	_, err = fmt.Fprintf(t.out, "The rules are applied. Users looked at: %d. Users whose groups have changed: %d.\n", far.Users, far.Moved)
	return err
}

type groupRuleList struct {
	inPool
	listing
}

// Help returns the details that --help shows.
func (groupRuleList) Help() string {
	return `    cognate group rule list
    cognate group rule list --json | jq -r .id`
}

// Run lists the rules, and says on standard error if they are being applied.
func (c *groupRuleList) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		rules, far, err := a.Groups().Rules(ctx)
		if err != nil {
			return err
		}
		if !far.Done {
			fmt.Fprintf(t.err, "The rules are being applied: %d users so far, of whom the groups of %d have changed.\n", far.Users, far.Moved)
		}
		seq := func(yield func(*identity.GroupRule, error) bool) {
			for i := range rules {
				if !yield(&rules[i], nil) {
					return
				}
			}
		}
		return list(t, c.listing, 0, seq, "RULE, GROUP, ATTRIBUTE, MATCH, VALUE, UNVERIFIED", func(r *identity.GroupRule) []string {
			return []string{r.ID, r.Group, r.Attribute, string(r.Match), oneLine(r.Value), fmt.Sprint(r.Unverified)}
		})
	})
}

type groupRuleRemove struct {
	inPool
	ID string `arg:"" name:"rule" help:"Id of the rule, as cognate group rule list shows it."`
}

// Help returns the details that --help shows.
func (groupRuleRemove) Help() string { return `    cognate group rule remove r4nd0m1d` }

// Run removes a rule and applies the others.
func (c *groupRuleRemove) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		if err := a.Groups().RemoveRule(ctx, c.ID); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(t.out, "Removed rule %s.\n", c.ID); err != nil {
			return err
		}
		return applyRules(ctx, t, a)
	})
}
