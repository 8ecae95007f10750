package policy

import (
	"encoding/base64"
	"errors"
	"math/big"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An operand is a value in a condition of a policy, read for its operator.
type operand struct {
	text    string
	vars    bool // the document's version has variables
	pattern pattern
	number  *big.Rat
	date    time.Time
	binary  string
	prefix  netip.Prefix
	arn     *arnPattern
}

func like(value string, o *operand, c Context) truth { return o.pattern.match(value, c) }

func equalFold(value string, o *operand, c Context) truth {
	want, ok := o.pattern.resolve(c)
	if ok != yes {
		return ok
	}
	return truthOf(strings.EqualFold(value, string(want)))
}

// decimal bounds the work that a number makes: no exponents, 38 digits on each side.
var decimal = regexp.MustCompile(`^[+-]?[0-9]{1,38}(\.[0-9]{1,38})?$`)

func number(s string) (*big.Rat, bool) {
	if !decimal.MatchString(s) {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

func readNumber(o *operand) error {
	n, ok := number(o.text)
	if !ok {
		return errors.New("the value must be a number without an exponent")
	}
	o.number = n
	return nil
}

// compareNumber returns the test whose comparison with the policy's value is one of results.
func compareNumber(results ...int) test {
	return func(value string, o *operand, _ Context) truth {
		n, ok := number(value)
		if !ok {
			return doubt
		}
		return truthOf(slices.Contains(results, n.Cmp(o.number)))
	}
}

// dateLayouts are the forms of ISO 8601 that the W3C's note on dates has, as AWS names it.
var dateLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05.999999999-0700", "2006-01-02", "2006-01", "2006",
}

// date reads a date, or seconds since 1970.
func date(s string) (time.Time, bool) {
	if len(s) > 4 && len(s) <= 12 {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return time.Unix(n, 0), true
		}
	}
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func readDate(o *operand) error {
	t, ok := date(o.text)
	if !ok {
		return errors.New("the value must be a date such as 2026-11-30T12:00:00Z, or seconds since 1970")
	}
	o.date = t
	return nil
}

func compareDate(results ...int) test {
	return func(value string, o *operand, _ Context) truth {
		t, ok := date(value)
		if !ok {
			return doubt
		}
		return truthOf(slices.Contains(results, t.Compare(o.date)))
	}
}

func readBool(o *operand) error {
	if o.text != "true" && o.text != "false" {
		return errors.New("the value must be true or false")
	}
	return nil
}

func readBinary(o *operand) error {
	b, err := base64.StdEncoding.DecodeString(o.text)
	if err != nil {
		return errors.New("the value must be in base64")
	}
	o.binary = string(b)
	return nil
}

func equalBinary(value string, o *operand, _ Context) truth {
	b, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return doubt
	}
	return truthOf(string(b) == o.binary)
}

func readPrefix(o *operand) error {
	p, err := netip.ParsePrefix(o.text)
	if err != nil {
		a, err := netip.ParseAddr(o.text)
		if err != nil || a.Zone() != "" {
			return errors.New("the value must be an address or a network such as 203.0.113.0/24")
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	if p.Addr().Is4In6() {
		return errors.New("write an IPv4 network in its own form")
	}
	o.prefix = p.Masked()
	return nil
}

func inPrefix(value string, o *operand, _ Context) truth {
	a, err := netip.ParseAddr(value)
	if err != nil {
		return doubt
	}
	return truthOf(o.prefix.Contains(a.WithZone("").Unmap()))
}

func readARN(o *operand) (err error) {
	if o.text == "*" {
		return nil
	}
	o.arn, err = parseARN(o.text, o.vars)
	return err
}

func likeARN(value string, o *operand, c Context) truth {
	if o.arn == nil { // the value is *
		return yes
	}
	return o.arn.match(value, c)
}
