package cognito

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// The wire has a pointer for whatever may be left out. These turn its types
// into the domain's and back.

func ptr[T any](v T) *T { return &v }

// val is what p points to, or the zero value.
func val[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// text is the text of a member, or "".
func text[T ~string](p *T) string { return string(val(p)) }

// as turns an optional string of one type into one of another.
func as[To, From ~string](p *From) *To {
	if p == nil {
		return nil
	}
	return ptr(To(*p))
}

// tags are the tags of a pool, nil where there are none.
func tags(in map[string]string) map[string]string {
	if len(in) == 0 {
		return nil
	}
	return in
}

// list turns a list of strings of one type into one of another. An empty list
// becomes nil: with the service too it is as good as none.
func list[To, From ~string](in []From) []To {
	if len(in) == 0 {
		return nil
	}
	out := make([]To, len(in))
	for i, v := range in {
		out[i] = To(v)
	}
	return out
}

// number turns an optional integer of one type into one of another.
func number[To, From ~int | ~int32](p *From) *To {
	if p == nil {
		return nil
	}
	return ptr(To(*p))
}

// date shows a time; wire.Time writes seconds with up to three decimals.
func date(t time.Time) *wire.Time { return &wire.Time{Time: t} }

// secret shows a secret: the answer to a client or operator is one of the few
// places where its text leaves the process.
func secret(s identity.Secret) *wire.Secret { return ptr(wire.Secret(s)) }

// attributes reads a list of attributes; of several with one name the last
// counts. The service takes "True" for a flag, which is what Python prints.
func attributes(in []idp.AttributeType) map[string]string {
	out := make(map[string]string, len(in))
	for _, a := range in {
		name, value := text(a.Name), text(a.Value)
		if name == "email_verified" || name == "phone_number_verified" {
			value = strings.ToLower(value)
		}
		out[name] = value
	}
	return out
}

// attributeList writes a user's attributes by name, the sub last. Where the service has identities among them is (unsure).
func attributeList(u *identity.User) []idp.AttributeType {
	out := make([]idp.AttributeType, 0, len(u.Attributes)+2)
	for _, name := range slices.Sorted(maps.Keys(u.Attributes)) {
		out = append(out, attribute(name, u.Attributes[name]))
	}
	if text := u.IdentitiesAttribute(); text != "" {
		out = append(out, attribute("identities", text))
	}
	return append(out, attribute("sub", u.Sub))
}

func attribute(name, value string) idp.AttributeType {
	return idp.AttributeType{Name: ptr(name), Value: ptr(wire.Secret(value))}
}

// delivery is where a code went: the masked address, the medium and the attribute.
func delivery(d *identity.CodeDelivery) *idp.CodeDeliveryDetailsType {
	if d == nil {
		return nil
	}
	return &idp.CodeDeliveryDetailsType{
		Destination: ptr(d.Destination), AttributeName: ptr(d.Attribute),
		DeliveryMedium: ptr(idp.DeliveryMediumType(d.Medium)),
	}
}

// or is the value of a member, or what it means to leave it out.
func or[T comparable](p *T, absent T) T {
	if p == nil {
		return absent
	}
	return *p
}

// positive is n, or fallback where n is zero.
func positive(n *int32, fallback int) int { return cmp.Or(int(val(n)), fallback) }
