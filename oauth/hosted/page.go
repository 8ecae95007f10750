package hosted

import "time"

// A Kind says which page is shown. Its text is the name of the page's template too.
type Kind string

// The kinds of pages. The names of their fields are in parentheses. Names of hidden fields
// are those that the caller sets.
const (
	SignIn        Kind = "sign-in"        // user name and password on one page (username, password)
	Identify      Kind = "identify"       // user name first (username)
	Password      Kind = "password"       // then the password (password)
	ChooseFactor  Kind = "choose"         // one of [Page.Factors] (factor)
	Code          Kind = "code"           // a code of an app or a message (code), with do=resend too
	Passkey       Kind = "passkey"        // the answer of an authenticator (credential)
	RecoveryCode  Kind = "recovery-code"  // a recovery code (code)
	NewPassword   Kind = "new-password"   // the operator or the age of the password asks for another (new_password, and [Page.Fields])
	SetupChoice   Kind = "setup-choice"   // one of [Page.Factors] to set up (factor), or do=skip
	SetupTOTP     Kind = "setup-totp"     // the secret of an authenticator app (code)
	SetupAddress  Kind = "setup-address"  // an address or number for codes (value)
	SignUp        Kind = "sign-up"        // [Page.Fields] (username, password, and their names)
	Confirm       Kind = "confirm"        // the code of a sign-up (code), with do=resend too
	Resent        Kind = "resent"         // a link was sent, and the page says where
	Forgot        Kind = "forgot"         // whose password is forgotten (username)
	Reset         Kind = "reset"          // the code of a reset (code, new_password), with do=resend too
	Consent       Kind = "consent"        // do=allow or do=deny
	Account       Kind = "account"        // a user's own settings: see the constants that begin with Do
	Recent        Kind = "recent"         // what weakens an account asks for the password again (password)
	PasskeyEnrol  Kind = "passkey-enrol"  // a new passkey (credential), or do=skip
	RecoveryCodes Kind = "recovery-codes" // new recovery codes, shown once
	Accounts      Kind = "accounts"       // continue as a user of [Page.Accounts] (account)
	SignOut       Kind = "sign-out"       // do=sign-out, or back
	SignedOut     Kind = "signed-out"     // the user has signed out
	Error         Kind = "error"          // [Page.Problem] and [Page.RequestID], and [Page.Findings] for developers
	Unavailable   Kind = "unavailable"    // a login option that does not work now
	FormPost      Kind = "form-post"      // sends [Page.Hidden] to [Page.Action], which is another site
	ConfirmLink   Kind = "confirm-link"   // asks whoever has opened the link of a mail to confirm an account
	Confirmed     Kind = "confirmed"      // a link or a code has confirmed an address
	LinkInvalid   Kind = "link-invalid"   // the link of a mail confirms nothing
	LinkAccount   Kind = "link-account"   // the account of [Page.User] is there, and [Page.Provider] could be linked to it: Links.SignIn, or Links.Another for another account
)

// Kinds returns all kinds.
func Kinds() []Kind {
	return []Kind{
		SignIn, Identify, Password, ChooseFactor, Code, Passkey, RecoveryCode, NewPassword, SetupChoice, SetupTOTP,
		SetupAddress, SignUp, Confirm, Resent, Forgot, Reset, Consent, Account, Recent, PasskeyEnrol, RecoveryCodes,
		Accounts, SignOut, SignedOut, Error, Unavailable, FormPost, ConfirmLink, Confirmed, LinkInvalid, LinkAccount,
	}
}

// Values of the field do: which button of a page was pressed.
const (
	DoResend         = "resend"          // send the code again
	DoSkip           = "skip"            // do not set up anything now
	DoRecovery       = "recovery"        // give a recovery code instead
	DoAllow          = "allow"           // consent
	DoDeny           = "deny"            // refuse consent
	DoProfile        = "profile"         // change the attributes of [Profile.Fields]
	DoPassword       = "password"        // change the password (password, new_password)
	DoPrefer         = "prefer"          // ask for this factor first (factor)
	DoRemoveFactor   = "remove-factor"   // turn a factor off (factor)
	DoAddFactor      = "add-factor"      // set a factor up (factor)
	DoAddPasskey     = "add-passkey"     // begin to enrol a passkey
	DoRemovePasskey  = "remove-passkey"  // delete a passkey (id)
	DoRecoveryCodes  = "recovery-codes"  // make new recovery codes
	DoLink           = "link"            // link an identity provider (provider)
	DoUnlink         = "unlink"          // remove what is linked (id)
	DoEndSession     = "end-session"     // end one session (id)
	DoSignOut        = "sign-out"        // end this session
	DoSignOutAll     = "sign-out-all"    // end all sessions
	DoForgetAccount  = "forget-account"  // on the page Accounts: sign an account out of this browser (account)
	DoAnotherAccount = "another-account" // on the page Accounts: sign in as somebody else
)

// A Page is what one page shows. Fields that its kind does not use are ignored.
type Page struct {
	// Kind says which page it is.
	Kind Kind

	// Look replaces that of [Options]. Defaults to nil.
	Look *Look
	// Language is the tag of the page's language, one of [Languages]. It defaults to what [Language]
	// finds in the request.
	Language string
	// Client is the name of the app that a user signs in to. Defaults to none.
	Client string
	// Action is the target of forms, with its query.
	Action string
	// CSRF is the value of the hidden field _csrf of each form. Defaults to none.
	CSRF string
	// Hidden are further hidden fields of each form, such as the state of a challenge.
	Hidden map[string]string
	// LeadsTo are URLs that answers to the forms may redirect to. See the caveats of the package.
	LeadsTo []string
	// Here is the address of this page, with its query, if a browser can load it by GET. Then the page
	// offers other languages. Defaults to none.
	Here string

	// Problem is what went wrong: one of [Problems], or a sentence, which is shown as it is.
	Problem string
	// FieldProblems are what is wrong with fields, by name, as in Problem.
	FieldProblems map[string]string
	// Note is what went well: one of [Notes].
	Note string
	// Values are what was typed, by the name of the field. Those of passwords and codes are not shown.
	Values map[string]string
	// Links are where else to go.
	Links Links

	// User is the name that the user has given, for pages after it was asked for.
	User string
	// Skip offers to go on without what SetupChoice and PasskeyEnrol ask for (do=skip).
	Skip bool
	// NoPassword leaves the password out of SignUp.
	NoPassword bool
	// Recoverable offers the pages Code and ChooseFactor a recovery code in place of what they ask for (do=recovery).
	Recoverable bool
	// Remember offers the box "remember this device" (remember=on) on the page Code.
	Remember bool
	// Names are the kinds of names that the field username takes, for its label and keyboard: "username",
	// "email" and "phone_number". Defaults to "username".
	Names []string
	// Providers are the buttons of other ways to sign in.
	Providers []Provider
	// NoForm leaves the form out of SignIn: people sign in by Providers alone.
	NoForm bool
	// Fields are what a sign-up or a new password asks for beside the password, in order.
	Fields []Field
	// Rules are those of new passwords.
	Rules PasswordRules
	// Factors are those to choose from.
	Factors []Factor
	// Sent says where a code or a link went. It is for Code, Confirm, Resent and Reset.
	Sent Sent
	// Medium is that of SetupAddress: "EMAIL" or "SMS".
	Medium string
	// TOTP is what SetupTOTP shows.
	TOTP TOTP
	// Options are the options of a passkey, as JSON: of navigator.credentials.get for Passkey, of create for
	// PasskeyEnrol.
	Options string
	// Scopes are what Consent asks for.
	Scopes []Scope
	// Terms are shown where people sign up and consent.
	Terms Terms
	// Profile is what Account shows.
	Profile Profile
	// Accounts are those that this browser is signed in to.
	Accounts []SignedIn
	// Codes are new recovery codes.
	Codes []string
	// RequestID names the request for the operator's logs, on the page Error.
	RequestID string
	// Findings explain an error to developers. Set them in development alone.
	Findings []Finding
	// Provider is the name of the login option on the pages Unavailable and LinkAccount.
	Provider string
	// Still keeps FormPost from sending itself, so that people can look at it.
	Still bool
	// Frames are pages of applications that SignedOut loads unseen: each tells its application of the sign-out. If
	// Links.App is there too, the page leads on to it after two seconds.
	Frames []string
	// First reports that ChooseFactor asks for the first factor of a sign-in, not for a second one.
	First bool
}

// Links are addresses that a page leads to. A link that is empty is not shown.
type Links struct {
	SignIn  string // to sign in, or back to it
	SignUp  string // to make an account
	Forgot  string // to reset a password
	Another string // to another way to sign in
	NotYou  string // to sign in under another name
	Passkey string // to sign in with a passkey
	Back    string // to the page before, or out of what was begun
	App     string // to the app. Its scheme may be that of an app on a phone
	Home    string // to the site of the product, from its name
	Help    string // to help
}

// A Provider is a way to sign in at another site.
type Provider struct {
	Name string // shown, as in "Continue with Name"
	Href string // where the button leads
	Icon string // a path on this host or a data URI of a picture; "" for none
	// Brand is one that has rules for its button. Icon is not used then, nor is Name on the button of Amazon. Defaults to none.
	Brand Brand
}

// A Brand is a provider whose button has words, colours and a logo that its guide sets.
type Brand string

// The brands.
const (
	NoBrand  Brand = ""
	Amazon   Brand = "amazon"
	Apple    Brand = "apple"
	Facebook Brand = "facebook"
	Google   Brand = "google"
)

// A Field is one that a user fills in.
type Field struct {
	// Name is that of the form's field.
	Name string
	// Attribute is the standard attribute, which sets label, keyboard and autocompletion. Defaults to Name.
	Attribute string
	// Label is shown for attributes that are not standard. Defaults to Attribute in words.
	Label string
	Type  string // "String", "Number", "DateTime" or "Boolean"; defaults to String
	// Required fields must be filled in.
	Required bool
	// ReadOnly fields are shown and cannot be changed.
	ReadOnly bool
	// Min and Max are lengths of strings and bounds of numbers, as in a schema. Defaults to none.
	Min, Max string
	// Unverified says of an address that it was not confirmed yet, on the page Account.
	Unverified bool
}

// PasswordRules are what a new password must have.
type PasswordRules struct {
	Min     int  // the least number of characters
	Upper   bool // one of A to Z
	Lower   bool // one of a to z
	Digit   bool // one of 0 to 9
	Symbols bool // one symbol
}

// A Factor is a way to prove who one is.
type Factor struct {
	// Name is sent as factor: PASSWORD, EMAIL_OTP, SMS_OTP, SMS_MFA, SOFTWARE_TOKEN_MFA, WEB_AUTHN or RECOVERY_CODE.
	Name string
	// Detail is shown below the name, such as a masked address. Defaults to a text of the package.
	Detail string
	// On, Preferred and Fixed are for the page Account. A fixed factor cannot be turned off.
	On, Preferred, Fixed bool
}

// Sent says where a message went.
type Sent struct {
	// Medium is "EMAIL", "SMS", or "TOTP" for an authenticator app.
	Medium string
	// Destination is masked. Defaults to none.
	Destination string
	// Digits is the length of the code. Defaults to 6.
	Digits int
	// Resend offers to send another.
	Resend bool
}

// TOTP is the secret that a user gives an authenticator app.
type TOTP struct {
	Secret string // in base32
	URI    string // otpauth:, a link for phones
	QR     []byte // a picture of the URI, as PNG
}

// A Scope is one that a client asks for.
type Scope struct {
	Name string // as in the request
	// Description is shown for scopes that are not standard.
	Description string
}

// Terms are documents that people agree to. They are shown if both are there.
type Terms struct {
	Use, Privacy string // URLs
}

// Profile is a user's own settings.
type Profile struct {
	Fields   []Field  // the attributes of the user
	Password bool     // the user has one, which can be changed
	Factors  []Factor // those that are on, and those that can be set up
	// Passkeys are nil if the pool has none.
	Passkeys []PasskeyInfo
	// PasskeysOffered shows the part for passkeys, and a button for another one.
	PasskeysOffered bool
	Sessions        []Session // the signed-in browsers and apps
	Linked          []Linked  // who signs in to the account by an identity provider
	Linkable        []string  // the names of providers that can be linked, sent as provider
	RecoveryCodes   int       // how many are left
	RecoveryOffered bool      // shows the part for recovery codes
}

// PasskeyInfo describes a passkey to its user.
type PasskeyInfo struct {
	ID      string    // sent as id
	Name    string    // that the user knows it by
	Created time.Time // when it was registered
	Used    time.Time // when it was used last; zero if never
}

// Linked is somebody whom an identity provider signs in to the account.
type Linked struct {
	ID       string    // sent as id
	Provider string    // its name
	Created  time.Time // when it was linked
	Fixed    bool      // it cannot be removed
}

// A Session is one of the user's.
type Session struct {
	ID      string    // sent as id
	Device  string    // the browser and system, or an app
	App     string    // the application that is signed in; empty for the browser itself
	Address string    // where it was used from last
	Active  time.Time // when it was used last
	Current bool      // it is the one that shows the page
}

// SignedIn is an account that this browser is signed in to.
type SignedIn struct {
	ID     string // sent as account
	Name   string // of the user
	Detail string // such as an address; "" for none
	// Expired says that it must sign in again.
	Expired bool
}

// A Finding explains to a developer what is wrong with a request.
type Finding struct {
	Title  string // what is wrong, in a few words
	Detail string // what to do about it; "" for nothing
	Got    string // what was sent
	// Want is what would have been right. The page marks where each of Want
	// differs, and where Got differs from the one that is closest.
	Want []string
}
