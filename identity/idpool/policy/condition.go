package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A condition is one key under one operator. All conditions of a statement must hold.
type condition struct {
	operator string // as it was written, for errors
	key      string // in lower case
	test     test
	negated  bool // no value of the policy may match, rather than one must
	quantity quantity
	ifExists bool
	null     *bool // of the operator Null: whether the key must be absent
	values   []operand
}

// A quantity says how many values of the request must pass.
type quantity int

const (
	single quantity = iota // the key must have one value
	anyOf                  // ForAnyValue
	allOf                  // ForAllValues
)

// A test compares a value of a request with a value of a policy.
type test func(value string, o *operand, c Context) truth

// An operator is what the first level of a Condition names.
type operator struct {
	negated bool
	vars    bool // values may have variables
	wild    bool // values may have wildcards
	read    func(o *operand) error
	test    test
}

// operators are all operators but Null.
var operators = map[string]operator{
	"StringEquals":              {vars: true, test: like},
	"StringNotEquals":           {vars: true, negated: true, test: like},
	"StringEqualsIgnoreCase":    {vars: true, test: equalFold},
	"StringNotEqualsIgnoreCase": {vars: true, negated: true, test: equalFold},
	"StringLike":                {vars: true, wild: true, test: like},
	"StringNotLike":             {vars: true, wild: true, negated: true, test: like},
	"NumericEquals":             {read: readNumber, test: compareNumber(0)},
	"NumericNotEquals":          {read: readNumber, negated: true, test: compareNumber(0)},
	"NumericLessThan":           {read: readNumber, test: compareNumber(-1)},
	"NumericLessThanEquals":     {read: readNumber, test: compareNumber(-1, 0)},
	"NumericGreaterThan":        {read: readNumber, test: compareNumber(1)},
	"NumericGreaterThanEquals":  {read: readNumber, test: compareNumber(1, 0)},
	"DateEquals":                {read: readDate, test: compareDate(0)},
	"DateNotEquals":             {read: readDate, negated: true, test: compareDate(0)},
	"DateLessThan":              {read: readDate, test: compareDate(-1)},
	"DateLessThanEquals":        {read: readDate, test: compareDate(-1, 0)},
	"DateGreaterThan":           {read: readDate, test: compareDate(1)},
	"DateGreaterThanEquals":     {read: readDate, test: compareDate(1, 0)},
	"Bool":                      {read: readBool, test: equalFold},
	"BinaryEquals":              {read: readBinary, test: equalBinary},
	"IpAddress":                 {read: readPrefix, test: inPrefix},
	"NotIpAddress":              {read: readPrefix, negated: true, test: inPrefix},
	"ArnEquals":                 {vars: true, wild: true, read: readARN, test: likeARN},
	"ArnLike":                   {vars: true, wild: true, read: readARN, test: likeARN},
	"ArnNotEquals":              {vars: true, wild: true, negated: true, read: readARN, test: likeARN},
	"ArnNotLike":                {vars: true, wild: true, negated: true, read: readARN, test: likeARN},
}

func (r *reader) conditions(v any) ([]condition, error) {
	o, ok := v.(object)
	if !ok {
		return nil, errors.New("a Condition must be an object")
	}
	var out []condition
	for _, m := range o {
		keys, ok := m.value.(object)
		if !ok || len(keys) == 0 {
			return nil, fmt.Errorf("condition: %s must be an object with a key", m.name)
		}
		seen := map[string]bool{}
		for _, k := range keys {
			c, err := r.condition(m.name, k)
			if err != nil {
				return nil, fmt.Errorf("condition: %s: %w", m.name, err)
			}
			if seen[c.key] {
				return nil, fmt.Errorf("condition: %s: the key %q appears twice", m.name, k.name)
			}
			seen[c.key] = true
			out = append(out, *c)
		}
	}
	return out, nil
}

func (r *reader) condition(written string, m member) (*condition, error) {
	c := &condition{operator: written, key: strings.ToLower(m.name)}
	if !validKey(c.key) {
		return nil, fmt.Errorf("%q is not a condition key", m.name)
	}
	name := written
	if rest, ok := strings.CutPrefix(name, "ForAnyValue:"); ok {
		c.quantity, name = anyOf, rest
	} else if rest, ok := strings.CutPrefix(name, "ForAllValues:"); ok {
		c.quantity, name = allOf, rest
	}
	if name == "Null" && c.quantity == single {
		return c, c.readNull(m.value)
	}
	name, c.ifExists = strings.CutSuffix(name, "IfExists")
	op, ok := operators[name]
	if !ok {
		return nil, errors.New("unknown operator")
	}
	c.test, c.negated = op.test, op.negated
	if err := r.operands(c, op, m.value); err != nil {
		return nil, err
	}
	if name == "Bool" && c.quantity == single && len(c.values) > 1 {
		return nil, errors.New("there must be one value")
	}
	return c, nil
}

func (c *condition) readNull(v any) error {
	texts, err := operandTexts(v)
	if err != nil {
		return err
	}
	if len(texts) != 1 || texts[0] != "true" && texts[0] != "false" {
		return errors.New("the value must be true or false")
	}
	absent := texts[0] == "true"
	c.null = &absent
	return nil
}

func (r *reader) operands(c *condition, op operator, v any) error {
	texts, err := operandTexts(v)
	if err != nil {
		return err
	}
	for _, text := range texts {
		o := operand{text: text}
		if op.vars {
			if err := r.checkVariables(text); err != nil {
				return err
			}
		} else if strings.Contains(text, "${") {
			return errors.New("the operator takes no variables")
		}
		if o.pattern, err = parsePattern(text, op.wild, op.vars && r.vars); err != nil {
			return err
		}
		o.vars = r.vars
		if op.read != nil {
			if err := op.read(&o); err != nil {
				return err
			}
		}
		c.values = append(c.values, o)
	}
	return nil
}

// operandTexts returns the values of a condition. Numbers and booleans may be without quotes, but
// all values of a list are of one type.
func operandTexts(v any) ([]string, error) {
	l := list(v)
	if len(l) == 0 {
		return nil, errors.New("there is no value")
	}
	out := make([]string, len(l))
	for i, v := range l {
		if fmt.Sprintf("%T", v) != fmt.Sprintf("%T", l[0]) {
			return nil, errors.New("the values must be of one type")
		}
		switch v := v.(type) {
		case string:
			out[i] = v
		case json.Number:
			out[i] = v.String()
		case bool:
			out[i] = fmt.Sprint(v)
		default:
			return nil, errors.New("a value must be a string, a number or a boolean")
		}
	}
	return out, nil
}

// holds evaluates the condition.
func (c *condition) holds(ctx Context) truth {
	values := ctx.values(c.key)
	switch {
	case c.null != nil:
		return c.absent(values)
	case len(values) == 0:
		return c.withoutKey()
	case c.quantity != single && empty(values):
		return truthOf(c.quantity == allOf)
	}
	switch c.quantity {
	case single:
		if len(values) > 1 {
			return doubt
		}
		return c.passes(values[0], ctx)
	case anyOf:
		out := no
		for _, v := range values {
			out = one(out, c.passes(v, ctx))
		}
		return out
	case allOf:
		out := yes
		for _, v := range values {
			out = all(out, c.passes(v, ctx))
		}
		return out
	}
	return doubt
}

// absent evaluates the operator Null. An empty value is null, so it is not there for "false". For
// "true", which is also about a key that does not exist, it is in doubt.
func (c *condition) absent(values []string) truth {
	switch {
	case len(values) == 0:
		return truthOf(*c.null)
	case !empty(values):
		return truthOf(!*c.null)
	case *c.null:
		return doubt
	default:
		return no
	}
}

// withoutKey is what holds for a request that does not have the key.
func (c *condition) withoutKey() truth {
	switch c.quantity {
	case allOf:
		return yes
	case anyOf:
		if c.ifExists { // one page says false of ForAnyValue, another one true of IfExists
			return doubt
		}
		return no
	case single:
	}
	return truthOf(c.negated || c.ifExists)
}

// empty reports whether values are a null data set: empty strings only.
func empty(values []string) bool {
	return !slices.ContainsFunc(values, func(v string) bool { return v != "" })
}

// passes compares one value of the request with all values of the policy.
func (c *condition) passes(value string, ctx Context) truth {
	out := no
	for i := range c.values {
		out = one(out, c.test(value, &c.values[i], ctx))
	}
	if c.negated {
		return out.not()
	}
	return out
}
