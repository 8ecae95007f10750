package settings

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Safe defaults grow stricter from one version to the next. A pool keeps the
// defaults that it was made with: its settings say which generation of them that
// is, and each default of a later generation has a row in the table below.
// Engine.EnsureUserPool and "cognate pool upgrade-defaults" move a pool to the
// latest generation and say what that changes.

// LatestGeneration is the generation of the defaults of a pool that is made now.
// Pools of versions before there were generations have 0.
const LatestGeneration = 2

// A Change is a setting whose effect is another one than before.
type Change struct {
	Setting string // a field of [Pool] or [Client]
	From    string // the effect before, for people
	To      string // the effect now, for people
}

// since reports whether an unset setting has the safe default of a generation.
func (s *Pool) since(generation int) bool {
	return s.Defaults == SafeDefaults && s.Generation >= generation
}

// given is a setting that may be unset, in which case it is the safe default of a generation.
func (s *Pool) given(setting *bool, generation int) bool {
	if setting != nil {
		return *setting
	}
	return s.since(generation)
}

// grown are the settings whose safe default differs between generations.
var grown = []struct {
	setting string
	effect  func(s *Pool) string
}{
	{"UnconfirmedDays", func(s *Pool) string { return lifeText(s.UnconfirmedLife()) }},
	{"ReplaceUnconfirmed", func(s *Pool) string { return onText(s.ReplacesUnconfirmed()) }},
	{"ProveNames", func(s *Pool) string { return onText(s.ProvesNames()) }},
	{"PrepareNames", func(s *Pool) string { return onText(s.PreparesNames()) }},
	{"HideSignUp", func(s *Pool) string { return onText(s.HidesSignUp()) }},
	{"Notices", func(s *Pool) string { return onText(s.NotifiesOwners()) }},
	{"SignOutOnFactorChange", func(s *Pool) string { return onText(s.SignsOutOnFactorChange()) }},
	{"MaxSignIns", func(s *Pool) string { return countText(s.SignInLimit()) }},
	{"ForceAlias", func(s *Pool) string { return onText(s.MayForceAlias(&Client{})) }},
	{"Rotation", func(s *Pool) string { return onText(s.Rotates(&Client{})) }},
	{"IdleHours", func(s *Pool) string { return lifeText(s.IdleLife(&Client{})) }},
	{"RecentSignInMinutes", func(s *Pool) string { return lifeText(s.RecentSignIn()) }},
	{"OpenID", func(s *Pool) string { return onText(s.FollowsOpenID()) }},
	{"BlockCommonPasswords", func(s *Pool) string { return onText(s.BlocksCommonPasswords()) }},
	{"Sessions", func(s *Pool) string { return onText(s.TracksSessions()) }},
}

func onText(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func countText(n int) string {
	if n == 0 {
		return "no limit"
	}
	return strconv.Itoa(n)
}

func lifeText(d time.Duration) string {
	switch {
	case d == 0:
		return "no limit"
	case d%(24*time.Hour) == 0:
		return strconv.Itoa(int(d/(24*time.Hour))) + " days"
	case d < time.Hour && d%time.Minute == 0:
		return strconv.Itoa(int(d/time.Minute)) + " minutes"
	}
	return d.String()
}

// Upgrade moves the settings to the latest generation of defaults, and returns
// what that changes. Settings that were given stay as they are. So do the
// settings of pools with CognitoDefaults, whose defaults are the service's.
func (s *Pool) Upgrade() []Change {
	before := *s
	s.Generation = LatestGeneration
	var changes []Change
	for _, g := range grown {
		if from, to := g.effect(&before), g.effect(s); from != to {
			changes = append(changes, Change{Setting: g.setting, From: from, To: to})
		}
	}
	return changes
}

// UnconfirmedLife is how long a user who signed up has to confirm before the
// user expires. Zero means that such users do not expire.
func (s *Pool) UnconfirmedLife() time.Duration {
	days := 0
	switch {
	case s.UnconfirmedDays != nil:
		days = *s.UnconfirmedDays
	case s.since(1):
		days = 7
	}
	return time.Duration(days) * 24 * time.Hour
}

// ReplacesUnconfirmed reports whether a sign-up with the name of an unconfirmed
// user replaces that user.
func (s *Pool) ReplacesUnconfirmed() bool { return s.given(s.ReplaceUnconfirmed, 1) }

// ProvesNames reports whether an address that is a sign-in name counts only once it is verified.
func (s *Pool) ProvesNames() bool { return s.given(s.ProveNames, 1) }

// PreparesNames reports whether new names are prepared by RFC 8265.
func (s *Pool) PreparesNames() bool { return s.given(s.PrepareNames, 1) }

// VerifiesFirst reports whether a new value of an address replaces the earlier one only once it is verified.
func (s *Pool) VerifiesFirst(attribute string) bool {
	return slices.Contains(s.VerifyBeforeUpdate, attribute) || s.ProvesNames() && slices.Contains(s.UsernameAttributes, attribute)
}

// HidesSignUp reports whether a sign-up does not reveal that the address has an account.
func (s *Pool) HidesSignUp() bool { return s.given(s.HideSignUp, 1) }

// FollowsOpenID reports whether the authorization server keeps to OpenID Connect where Amazon Cognito differs.
func (s *Pool) FollowsOpenID() bool { return s.given(s.OpenID, 2) }

// NotifiesOwners reports whether users are told of changes of their account.
func (s *Pool) NotifiesOwners() bool { return s.given(s.Notices, 1) }

// SignsOutOnFactorChange reports whether a change of the factors of a user ends the user's other sign-ins.
func (s *Pool) SignsOutOnFactorChange() bool { return s.given(s.SignOutOnFactorChange, 1) }

// BlocksCommonPasswords reports whether users may choose no password that many people use.
func (s *Pool) BlocksCommonPasswords() bool { return s.given(s.BlockCommonPasswords, 2) }

// TracksSessions reports whether the sessions of users are on record.
func (s *Pool) TracksSessions() bool {
	if s.Sessions != nil {
		return s.Sessions.Tracked
	}
	return s.since(2)
}

// RecentSignIn is how old a sign-in may be that changes how its user signs in. Zero means any age.
func (s *Pool) RecentSignIn() time.Duration {
	minutes := 0
	switch {
	case s.RecentSignInMinutes != nil:
		minutes = *s.RecentSignInMinutes
	case s.since(2):
		minutes = 15
	}
	return time.Duration(minutes) * time.Minute
}

// SignInLimit is how many sign-ins of a user may stand at the same time. Zero means that
// there is no limit.
func (s *Pool) SignInLimit() int {
	switch {
	case s.MaxSignIns != nil:
		return *s.MaxSignIns
	case s.since(1):
		return 100
	}
	return 0
}

// MayForceAlias reports whether users of a client may take over an alias that
// another user has verified. An operator always may.
func (s *Pool) MayForceAlias(c *Client) bool {
	if c.ForceAlias != nil {
		return *c.ForceAlias
	}
	return !s.since(1)
}

// Rotates reports whether each refresh of a sign-in with a client gives a new
// refresh token. A client that is given AllowRefresh does not rotate, because
// that flow returns no refresh token.
func (s *Pool) Rotates(c *Client) bool {
	if c.Rotation != nil {
		return c.Rotation.Enabled
	}
	return s.since(1) && !slices.Contains(c.AuthFlows, AllowRefresh)
}

// HasOriginID reports whether tokens of a client have an origin_jti. With the service,
// rotation brings it as well as revocation.
func (s *Pool) HasOriginID(c *Client) bool { return c.Revocable() || s.Rotates(c) }

// IdleLife is how long a sign-in with a client lasts without a refresh. Zero means that
// only the validity of the refresh token ends it.
func (s *Pool) IdleLife(c *Client) time.Duration {
	switch {
	case c.IdleHours != nil:
		return time.Duration(*c.IdleHours) * time.Hour
	case s.Rotates(c) && s.since(1):
		return 14 * 24 * time.Hour
	}
	return 0
}

// SendsSMSTo reports whether text messages may go to a number in E.164 form.
func (s *Pool) SendsSMSTo(number string) bool {
	return s.SMSCountries == nil || slices.ContainsFunc(s.SMSCountries, func(code string) bool { return strings.HasPrefix(number, code) })
}

// checkGrown checks the settings above.
func (s *Pool) checkGrown() error {
	if s.Generation < 0 || s.Generation > LatestGeneration {
		return plain("Generation", "This version knows the generations 0 to %d of defaults, and not %d.", LatestGeneration, s.Generation)
	}
	if d := s.UnconfirmedDays; d != nil && (*d < 0 || *d > 365) {
		return plain("UnconfirmedDays", "Unconfirmed users expire after 1 to 365 days, or never, which is 0.")
	}
	if n := s.MaxSignIns; n != nil && (*n < 0 || *n > 1000) {
		return plain("MaxSignIns", "A user has 1 to 1000 sign-ins at the same time, or any number, which is 0.")
	}
	if m := s.RecentSignInMinutes; m != nil && (*m < 0 || *m > 24*60) {
		return plain("RecentSignInMinutes", "A sign-in is recent for 1 to 1440 minutes, or always, which is 0.")
	}
	if err := s.checkLinking(); err != nil {
		return err
	}
	for _, code := range s.SMSCountries {
		if !callingCode(code) {
			return plain("SMSCountries", "%q is not a calling code such as +49: a plus sign and 1 to 7 digits, of which the first is not 0.", code)
		}
	}
	return nil
}

func callingCode(code string) bool {
	digits, ok := strings.CutPrefix(code, "+")
	return ok && len(digits) >= 1 && len(digits) <= 7 && digits[0] != '0' && strings.Trim(digits, "0123456789") == ""
}
