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
// unknown members and operators, members that appear twice, NotPrincipal, a resource that is
// neither * nor an ARN with six parts, a variable in a document whose Version is not 2012-10-17, and values that do
// not fit their operator. A document has at most [MaxSize] bytes.
//
// # What is refused when a policy is evaluated
//
// Nothing is allowed but by a statement that allows it, and a Deny wins. A part of a
// statement that cannot be evaluated, such as a variable without a value, is in doubt: an Allow
// does then not apply, and a Deny does.
//
// # Caveats
//
// ForAllValues is true if the request has no value at all, as at AWS. Add a Null condition to an
// Allow that uses it.
package policy
