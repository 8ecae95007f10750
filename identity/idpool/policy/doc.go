// Package policy reads and evaluates policies in the language of AWS IAM: who may do what, on
// which resource, under which conditions.
//
//	p, err := policy.Parse(text)
//	d := policy.Decide(&policy.Request{Action: "s3:GetObject", Resource: arn, Context: keys}, policy.Set{p})
//	if !d.Allowed {
//		return errors.New(d.Why)
//	}
//
// Begin with [Parse] for a policy of a role or of a session, [ParseTrust] for the policy that says
// who may assume a role, and [Decide].
//
// # What is refused when a policy is written
//
// A policy that is not understood in full is an error, so that no part of it is silently ignored:
// unknown members and operators, members that appear twice, NotPrincipal, an Id in a policy that is not a
// trust policy, a resource that is neither * nor an ARN with six parts, a wildcard in its service, a variable
// before its fifth colon, a variable in a document whose Version is not 2012-10-17, the key of a tag without the
// tag's name, and values that do not fit their operator. A document has at most [MaxSize] bytes.
// testdata/refused.json has them all, with the pages of AWS's documentation that refuse them.
//
// # What is refused when a policy is evaluated
//
// Nothing is allowed but by a statement that allows it, and a Deny wins. A part of a
// statement that cannot be evaluated is in doubt: an Allow does then not apply, and a Deny does. In doubt are
//
//   - a value that the operator cannot read, such as a date that is none,
//   - a key with several values under an operator without ForAnyValue or ForAllValues,
//   - a variable whose key has several values, or an empty one,
//   - a NotResource with a variable without a value,
//   - ForAnyValue with IfExists, if the request does not have the key,
//   - Null with true, if the value is empty,
//   - a resource that a pattern matches only if a * at the end of a part reaches beyond the colon.
//
// For all but the first two, AWS's documentation says two things, or nothing.
//
// # Caveats
//
// ForAllValues is true if the request has no value at all, or empty ones only, as at AWS. Add a Null
// condition to an Allow that uses it.
//
// A variable without a value and without a default matches nothing, as at AWS: a Deny on a Resource
// with it denies nothing, and StringNotEquals with it holds.
//
// Whether a condition key exists is not known here. A key that no request has is not an error.
package policy
