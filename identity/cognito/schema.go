package cognito

import (
	"context"
	"slices"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// The schema of a pool. CreateUserPool begins with the standard attributes,
// changes those that the request names and adds the others as custom ones.
// AddCustomAttributes appends to the stored schema in one transaction. No
// operation removes an attribute. Limits, names and duplicates are checked by
// package settings.

// addCustomAttributes adds all attributes or none. A pool that never got a schema
// has the standard one, which is written out before something is added to it.
func (s *service) addCustomAttributes(ctx context.Context, in *idp.AddCustomAttributesRequest) (*idp.AddCustomAttributesResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	if err := s.notImporting(ctx, pool); err != nil {
		return nil, err
	}
	_, err = pool.Admin().Update(ctx, func(set *identity.PoolSettings) error {
		if set.Schema == nil {
			set.Schema = identity.StandardSchema()
		}
		for _, a := range in.CustomAttributes {
			set.Schema = append(set.Schema, customAttribute(a))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &idp.AddCustomAttributesResponse{}, nil
}

// setSchema puts a request's attributes into the standard schema: a standard
// name changes that attribute, another name adds a custom one.
func setSchema(s *identity.PoolSettings, in []idp.SchemaAttributeType) error {
	if in == nil {
		return nil
	}
	standard := identity.StandardSchema()
	s.Schema = slices.Clone(standard)
	for _, a := range in {
		i := slices.IndexFunc(standard, func(known identity.SchemaAttribute) bool { return known.Name == text(a.Name) })
		if i < 0 {
			s.Schema = append(s.Schema, customAttribute(a))
			continue
		}
		if err := changeStandard(&s.Schema[i], a); err != nil {
			return err
		}
	}
	return nil
}

// changeStandard applies what a request says about a standard attribute: whether
// it is mutable and required, and its bounds. Type and kind are fixed, and sub is
// fixed altogether. The text of the refusal is known from another emulator only.
func changeStandard(known *identity.SchemaAttribute, a idp.SchemaAttributeType) error {
	if known.Name == "sub" {
		return nil // it is what it is
	}
	if a.AttributeDataType != nil && text(a.AttributeDataType) != string(known.Type) || val(a.DeveloperOnlyAttribute) {
		return wire.Errorf(idp.InvalidParameterException,
			"You can not change AttributeDataType or set developerOnlyAttribute for standard schema attribute %s", known.Name)
	}
	known.Mutable, known.Required = or(a.Mutable, true), val(a.Required)
	if c := a.StringAttributeConstraints; c != nil && known.Type == identity.TypeString {
		known.Bounds = &identity.AttributeBounds{Min: c.MinLength, Max: c.MaxLength}
	}
	if c := a.NumberAttributeConstraints; c != nil && known.Type == identity.TypeNumber {
		known.Bounds = &identity.AttributeBounds{Min: c.MinValue, Max: c.MaxValue}
	}
	return nil
}

// customAttribute is an attribute under its full name. The service adds the
// prefixes custom: and dev: itself; a request that has custom: already means the
// same. An attribute is mutable where the request does not say (unsure).
func customAttribute(a idp.SchemaAttributeType) identity.SchemaAttribute {
	out := identity.SchemaAttribute{
		Name: "custom:" + strings.TrimPrefix(text(a.Name), "custom:"), Type: identity.AttributeType(text(a.AttributeDataType)),
		Mutable: or(a.Mutable, true), Required: val(a.Required), DeveloperOnly: val(a.DeveloperOnlyAttribute),
	}
	if out.DeveloperOnly {
		out.Name = "dev:" + out.Name
	}
	switch out.Type {
	case identity.TypeString:
		out.Bounds = &identity.AttributeBounds{}
		if c := a.StringAttributeConstraints; c != nil {
			out.Bounds.Min, out.Bounds.Max = c.MinLength, c.MaxLength
		}
	case identity.TypeNumber:
		out.Bounds = &identity.AttributeBounds{}
		if c := a.NumberAttributeConstraints; c != nil {
			out.Bounds.Min, out.Bounds.Max = c.MinValue, c.MaxValue
		}
	case identity.TypeBoolean, identity.TypeDateTime: // nothing bounds them; other types are refused with the settings
	}
	return out
}
