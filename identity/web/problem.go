package web

import (
	"cmp"
	"errors"
	"net/http"
	"strings"

	"github.com/cognate-id/cognate/identity"
)

// The names of fields that the package knows. They are the words that browsers and
// password managers know for autocomplete, apart from FieldEmail and FieldCode.
const (
	FieldEmail           = "email"            // an address; the next pages have it filled in
	FieldCode            = "code"             // a one-time code
	FieldCurrentPassword = "current-password" // the password that the user has
	FieldNewPassword     = "new-password"     // the password that the user chooses
)

// A Problem is what people are told about some errors.
type Problem struct {
	Errs   []error            // the errors that it explains
	Field  string             // the field that the text is shown beside; "" means at the top of the page
	Text   string             // what is wrong, and what to do
	Detail func(error) string // takes the place of Text, for an error with details; nil for none
	Status int                // of the answer; 0 means 422
	Next   string             // the address to go on at instead of showing the page again; "" for none
}

// At is a problem of one field, which people can put right.
func At(field, text string, errs ...error) Problem {
	return Problem{Field: field, Text: text, Errs: errs}
}

// TooMany is a problem of no field, with status 429: it takes time.
func TooMany(text string, errs ...error) Problem {
	return Problem{Status: http.StatusTooManyRequests, Text: text, Errs: errs}
}

// Onward is no problem for the form: the browser goes on at another address.
func Onward(next string, errs ...error) Problem { return Problem{Next: next, Errs: errs} }

// Problems returns what people are told about the errors of package identity that they can do
// something about. [Site] adds it to yours. A wrong password and an address that was not
// confirmed have one text: told apart, they would tell who has an account.
func Problems() []Problem {
	return []Problem{
		At(FieldPasskey, "This passkey does not belong to the account. Try another one.", identity.ErrIncorrectCredentials),
		At(FieldPasskey, "The passkey was not accepted. Please begin again.", identity.ErrPasskeyInvalid, identity.ErrPasskeyChallenge, identity.ErrPasskeyOrigin, identity.ErrPasskeyRelyingParty, identity.ErrPasskeyUnsupported),
		{Text: "You have 20 passkeys. Delete one before you add another.", Errs: []error{identity.ErrTooManyPasskeys}},
		{Text: "This passkey was deleted before.", Errs: []error{identity.ErrPasskeyNotFound}},
		At(FieldCurrentPassword, "The address or the password is wrong, or the address was not confirmed yet.", identity.ErrIncorrectCredentials, identity.ErrUserNotConfirmed),
		TooMany("There were too many wrong tries. Wait a while, then try again.", identity.ErrTooManyAttempts),
		TooMany("There were too many tries. Wait an hour, then try again.", identity.ErrLimitExceeded),
		{Field: FieldNewPassword, Detail: unmet, Errs: []error{identity.ErrInvalidPassword}},
		At(FieldNewPassword, "You had this password before. Choose another one.", identity.ErrPasswordReused),
		{Field: FieldNewPassword, Text: "The password could not be checked. Please try again later.", Status: http.StatusServiceUnavailable, Errs: []error{identity.ErrBreachCheck}},
		{Text: "You have signed in too long ago to change this. Sign out, sign in again, and repeat the change.", Errs: []error{identity.ErrRecentSignInRequired}},
		At(FieldEmail, "Enter an e-mail address, such as name@example.com.", identity.ErrInvalidParameter),
		At(FieldCode, "This code is wrong or too old. Look for the newest message.", identity.ErrCodeMismatch, identity.ErrCodeExpired),
		At(FieldCode, "This code is wrong. Enter the one that the app shows now.", identity.ErrMFACodeMismatch, identity.ErrTOTPMismatch),
		At(FieldCode, "This recovery code is wrong, or was used before.", identity.ErrRecoveryCodeMismatch),
		At(FieldCode, "This code was used before. Wait until the app shows the next one.", identity.ErrTOTPUsed),
	}
}

// unmetWords say what a password needs that breaks a rule.
var unmetWords = map[identity.PasswordRule]string{
	identity.RuleLength: "more characters", identity.RuleMaximum: "at most 256 characters", identity.RuleUppercase: "an uppercase letter",
	identity.RuleLowercase: "a lowercase letter", identity.RuleNumber: "a digit", identity.RuleSymbol: "a symbol",
	identity.RuleSpace: "no space at the start or the end", identity.RuleCommon: "a text that is not a common password",
	identity.RuleBreached: "a text that is not known from a data breach",
}

func unmet(err error) string {
	var broken *identity.PasswordError
	if !errors.As(err, &broken) {
		return "Choose another password."
	}
	words := make([]string, len(broken.Unmet))
	for i, rule := range broken.Unmet {
		words[i] = cmp.Or(unmetWords[rule], string(rule))
	}
	return "Choose another password. It needs " + strings.Join(words, ", ") + "."
}

// explain returns the problem of an error.
func (q *Request) explain(err error) Problem {
	for _, p := range q.site.problems {
		if !isAny(err, p.Errs) || p.Field == FieldPasskey && !q.PostForm.Has(FieldPasskey) {
			continue
		}
		if p.Detail != nil {
			p.Text = p.Detail(err)
		}
		p.Status = cmp.Or(p.Status, http.StatusUnprocessableEntity)
		return p
	}
	q.site.visits.log(q.Request, err)
	return Problem{Status: http.StatusInternalServerError, Text: "Something went wrong here. Please try again later."}
}
