package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/mfa"
	"github.com/cognate-id/cognate/oauth/hosted"
)

// The steps of a sign-in after the first page: one row for each kind of challenge. A row shows
// the challenge, and answers it with what comes back in the form.

// An answering is the form of one step.
type answering struct {
	*visit
	q      *request
	client *identity.AppClient // of pages
	name   string
	state  string
	shown  bool // a page was shown, and there is no result
}

// A stepRow is one kind of challenge.
type stepRow struct {
	// answer answers the challenge.
	answer func(*answering) (*identity.SignInResult, error)
	// page shows the challenge again after a wrong answer. Without it the sign-in begins again.
	page func(*answering) hosted.Page
	// recover answers by a recovery code. Nil where none is taken.
	recover func(*answering) (*identity.SignInResult, error)
	// resend has the code sent again. Nil where none is sent.
	resend func(*answering) (*identity.SignInResult, error)
}

// stepOf returns the row of a kind of challenge, by the name in the field step. It returns nil
// for a name that no page has sent.
func stepOf(name string) *stepRow {
	code := func(continued func(*answering) codeChallenge, medium string) *stepRow {
		return &stepRow{
			answer: func(a *answering) (*identity.SignInResult, error) { return continued(a).Answer(a.ctx, a.code()) },
			page:   func(a *answering) hosted.Page { return codePageOf(medium, a.form["destination"]) },
		}
	}
	sent := func(continued func(*answering) sentChallenge, medium string) *stepRow {
		row := code(func(a *answering) codeChallenge { return continued(a) }, medium)
		row.resend = func(a *answering) (*identity.SignInResult, error) { return continued(a).Resend(a.ctx, "") }
		return row
	}
	recovers := func(row *stepRow, continued func(*answering) factorChallenge) *stepRow {
		row.recover = func(a *answering) (*identity.SignInResult, error) { return continued(a).Recover(a.ctx, a.code()) }
		return row
	}
	app := func(a *answering) *identity.TOTPRequired { return a.client.TOTP(a.name, a.state) }
	text := func(a *answering) *identity.SMSCodeRequired { return a.client.SMSCode(a.name, a.state) }
	mail := func(a *answering) *identity.EmailCodeRequired { return a.client.EmailCode(a.name, a.state) }
	return map[string]*stepRow{
		"choose-first": {answer: (*answering).chooseFirst},
		"password": {
			answer: func(a *answering) (*identity.SignInResult, error) {
				return a.client.Password(a.name, a.state).Answer(a.ctx, identity.PasswordAnswer{Password: a.secret("password")})
			},
			page: func(*answering) hosted.Page { return hosted.Page{Kind: hosted.Password} },
		},
		"email-otp": sent(func(a *answering) sentChallenge { return a.client.EmailOTP(a.name, a.state) }, "EMAIL"),
		"sms-otp":   sent(func(a *answering) sentChallenge { return a.client.SMSOTP(a.name, a.state) }, "SMS"),
		"passkey": {answer: func(a *answering) (*identity.SignInResult, error) {
			return a.client.Passkey(a.name, a.state).Answer(a.ctx, identity.PasskeyAnswer{Credential: []byte(a.form["credential"])})
		}},
		"new-password": {answer: (*answering).newPassword, page: (*answering).newPasswordPage},
		"choose-factor": {answer: (*answering).chooseFactor, recover: func(a *answering) (*identity.SignInResult, error) {
			return a.client.MFAChoice(a.name, a.state).Recover(a.ctx, a.code())
		}},
		"totp":         recovers(code(func(a *answering) codeChallenge { return app(a) }, "TOTP"), func(a *answering) factorChallenge { return app(a) }),
		"sms-mfa":      recovers(sent(func(a *answering) sentChallenge { return text(a) }, "SMS"), func(a *answering) factorChallenge { return text(a) }),
		"email-mfa":    recovers(sent(func(a *answering) sentChallenge { return mail(a) }, "EMAIL"), func(a *answering) factorChallenge { return mail(a) }),
		"setup":        {answer: (*answering).setUp, page: (*answering).setUpPage},
		"setup-choice": {answer: (*answering).chooseSetUp},
		"setup-email":  {answer: (*answering).setUpEmail, page: func(*answering) hosted.Page { return hosted.Page{Kind: hosted.SetupAddress, Medium: "EMAIL"} }},
	}[name]
}

// A codeChallenge is answered by a code.
type codeChallenge interface {
	Answer(ctx context.Context, in identity.FactorCode) (*identity.SignInResult, error)
}

// A sentChallenge is one whose code was sent, and can be sent again.
type sentChallenge interface {
	codeChallenge
	Resend(ctx context.Context, secretHash string) (*identity.SignInResult, error)
}

// A factorChallenge is one that a recovery code answers too.
type factorChallenge interface {
	codeChallenge
	Recover(ctx context.Context, in identity.FactorCode) (*identity.SignInResult, error)
}

func (a *answering) secret(name string) identity.Secret { return identity.Secret(a.form[name]) }

func (a *answering) code() identity.FactorCode { return identity.FactorCode{Code: a.secret("code")} }

// codePageOf asks for a code. The page keeps where the code went, which it shows, in its form.
func codePageOf(medium, destination string) hosted.Page {
	page := hosted.Page{Kind: hosted.Code, Sent: hosted.Sent{Medium: medium, Destination: destination}}
	if destination != "" {
		page.Hidden = map[string]string{"destination": destination}
	}
	return page
}

// challengePage is the page of a challenge, and the step that its form comes back to.
func (v *visit) challengePage(q *request, res *identity.SignInResult) (step string, page hosted.Page, err error) {
	switch c := res.Challenge.(type) {
	case *identity.FirstFactorRequired:
		page = hosted.Page{Kind: hosted.ChooseFactor, First: true}
		for _, f := range c.Available {
			if f != identity.FirstPasswordSRP || !slices.Contains(c.Available, identity.FirstPassword) {
				page.Factors = append(page.Factors, hosted.Factor{Name: string(f)})
			}
		}
		return "choose-first", page, nil
	case *identity.PasswordRequired:
		return "password", hosted.Page{Kind: hosted.Password}, nil
	case *identity.EmailOTPRequired:
		return "email-otp", codePageOf("EMAIL", destinationOf(c.Delivery)), nil
	case *identity.SMSOTPRequired:
		return "sms-otp", codePageOf("SMS", destinationOf(c.Delivery)), nil
	case *identity.PasskeyRequired:
		options, err := json.Marshal(c.Options)
		return "passkey", hosted.Page{Kind: hosted.Passkey, Options: string(options)}, err
	case *identity.NewPasswordRequired:
		page := v.newPasswordPage(q, c.Required)
		return "new-password", page, nil
	case *identity.TOTPRequired:
		return "totp", codePageOf("TOTP", ""), nil
	case *identity.SMSCodeRequired:
		return "sms-mfa", codePageOf("SMS", destinationOf(c.Delivery)), nil
	case *identity.EmailCodeRequired:
		return "email-mfa", codePageOf("EMAIL", destinationOf(c.Delivery)), nil
	case *identity.MFAChoiceRequired:
		page = hosted.Page{Kind: hosted.ChooseFactor}
		for _, m := range c.Methods {
			page.Factors = append(page.Factors, hosted.Factor{Name: string(m)})
		}
		return "choose-factor", page, nil
	case *identity.MFASetupRequired:
		return v.setUpPage(q, c)
	}
	return "", page, fmt.Errorf("oauth: no page for the challenge %T", res.Challenge)
}

func destinationOf(d *identity.CodeDelivery) string {
	if d == nil {
		return ""
	}
	return d.Destination
}

func (a *answering) chooseFirst() (*identity.SignInResult, error) {
	return a.client.FirstFactor(a.name, a.state).Answer(a.ctx, identity.FirstChoice{Factor: identity.FirstFactor(a.form["factor"])})
}

func (a *answering) chooseFactor() (*identity.SignInResult, error) {
	return a.client.MFAChoice(a.name, a.state).Answer(a.ctx, identity.FactorChoice{Method: identity.MFAMethod(a.form["factor"])})
}

// newPassword takes a password in place of a temporary one, with the attributes that the pool requires.
func (a *answering) newPassword() (*identity.SignInResult, error) {
	attributes := map[string]string{}
	for _, name := range a.required() {
		if value := a.form[name]; value != "" {
			attributes[name] = value
		}
	}
	return a.client.NewPassword(a.name, a.state).Answer(a.ctx, identity.NewPassword{Password: a.secret("new_password"), Attributes: attributes})
}

func (a *answering) newPasswordPage() hosted.Page {
	page := a.visit.newPasswordPage(a.q, a.required())
	page.Values = a.form
	return page
}

// required are the attributes that the page has asked for. Its form may name others, which the user may not set here.
func (a *answering) required() []string {
	return slices.DeleteFunc(a.form.words("required"), func(name string) bool {
		attribute, ok := a.q.auth.Pool.Settings.Attribute(name)
		return !ok || !attribute.Required
	})
}

func (v *visit) newPasswordPage(q *request, required []string) hosted.Page {
	page := hosted.Page{Kind: hosted.NewPassword, Rules: rulesOf(&q.auth.Pool.Settings), Hidden: map[string]string{}}
	names := ""
	for _, name := range required {
		page.Fields = append(page.Fields, fieldOf(&q.auth.Pool.Settings, name))
		names += name + " "
	}
	if names != "" {
		page.Hidden["required"] = names
	}
	return page
}

// setUp takes the first code of an authenticator app.
func (a *answering) setUp() (*identity.SignInResult, error) {
	c := a.client.MFASetup(a.name, a.state)
	if err := c.Verify(a.ctx, a.secret("code"), ""); err != nil {
		return nil, err
	}
	return c.Answer(a.ctx, "")
}

// setUpPage shows the key once more, which the form has kept.
func (a *answering) setUpPage() hosted.Page {
	if page, ok := keyPageAgain(a.q.auth.Pool.Settings.Name, a.form["key"], a.name); ok {
		return page
	}
	return hosted.Page{Kind: hosted.Code, Sent: hosted.Sent{Medium: "TOTP"}}
}

// chooseSetUp goes on to the factor that the user has chosen to set up.
func (a *answering) chooseSetUp() (*identity.SignInResult, error) {
	c := a.client.MFASetup(a.name, a.state)
	switch identity.MFAMethod(a.form["factor"]) {
	case identity.MFATOTP:
		key, err := c.Enroll(a.ctx)
		if err != nil {
			return nil, err
		}
		a.shows("setup", c.State(), keyPageOf(a.q.auth.Pool.Settings.Name, key, a.name))
		return nil, nil
	case identity.MFAEmail:
		a.shows("setup-email", a.state, hosted.Page{Kind: hosted.SetupAddress, Medium: "EMAIL"})
		return nil, nil
	case identity.MFASMS, identity.MFAPasskey: // nobody sets these up at a sign-in
	}
	return nil, identity.ErrInvalidParameter
}

func (a *answering) setUpEmail() (*identity.SignInResult, error) {
	return a.client.MFASetup(a.name, a.state).AnswerEmail(a.ctx, identity.EmailSetup{Address: a.form["value"]})
}

// shows shows a page that goes on with the challenge, which has neither ended nor failed.
func (a *answering) shows(step, state string, page hosted.Page) {
	a.shown = true
	a.showStep(a.q, http.StatusOK, page, step, a.name, state)
}

// setUpPage is the page for setting up a factor, and the step that its form comes back to.
func (v *visit) setUpPage(q *request, c *identity.MFASetupRequired) (string, hosted.Page, error) {
	app, mail := slices.Contains(c.Methods, identity.MFATOTP), slices.Contains(c.Methods, identity.MFAEmail)
	switch {
	case app && mail:
		return "setup-choice", hosted.Page{Kind: hosted.SetupChoice, Factors: []hosted.Factor{{Name: string(identity.MFATOTP)}, {Name: string(identity.MFAEmail)}}}, nil
	case mail:
		return "setup-email", hosted.Page{Kind: hosted.SetupAddress, Medium: "EMAIL"}, nil
	case !app:
		return "", hosted.Page{}, errors.New("oauth: the pool offers no second factor that a page can set up")
	}
	key, err := c.Enroll(v.ctx)
	if err != nil {
		return "", hosted.Page{}, err
	}
	return "setup", keyPageOf(q.auth.Pool.Settings.Name, key, c.Username), nil
}

// keyPageAgain shows a key that a form has kept, and reports whether it has.
func keyPageAgain(issuer, text, name string) (hosted.Page, bool) {
	key, err := mfa.ParseSecret(text)
	if err != nil {
		return hosted.Page{}, false
	}
	return keyPageOf(issuer, key, name), true
}

// keyPageOf shows the key of an authenticator app.
func keyPageOf(issuer string, key mfa.Secret, name string) hosted.Page {
	page := hosted.Page{Kind: hosted.SetupTOTP, TOTP: hosted.TOTP{Secret: key.Text(), URI: key.URI(issuer, name)}, Hidden: map[string]string{"key": key.Text()}}
	if qr, err := key.QR(issuer, name); err == nil {
		page.TOTP.QR = qr
	}
	return page
}

// rulesOf are the rules of new passwords of a pool.
func rulesOf(set *identity.PoolSettings) hosted.PasswordRules {
	p := set.EffectivePasswordPolicy()
	return hosted.PasswordRules{Min: p.MinimumLength, Upper: p.RequireUppercase, Lower: p.RequireLowercase, Digit: p.RequireNumbers, Symbols: p.RequireSymbols}
}

// fieldOrder is the order in which forms ask for standard attributes. Others come after these.
var fieldOrder = []string{
	"name", "given_name", "middle_name", "family_name", "nickname", "preferred_username", "email", "phone_number",
	"birthdate", "gender", "address", "locale", "zoneinfo", "website", "profile", "picture",
}

// ordered returns the attributes of a pool in the order of forms.
func ordered(set *identity.PoolSettings) []identity.SchemaAttribute {
	rank := func(a identity.SchemaAttribute) int {
		if i := slices.Index(fieldOrder, a.Name); i >= 0 {
			return i
		}
		return len(fieldOrder)
	}
	return slices.SortedStableFunc(slices.Values(set.Attributes()), func(a, b identity.SchemaAttribute) int { return rank(a) - rank(b) })
}

// fieldOf is the field of an attribute.
func fieldOf(set *identity.PoolSettings, name string) hosted.Field {
	f := hosted.Field{Name: name, Required: true}
	if a, ok := set.Attribute(name); ok {
		f.Type = string(a.Type)
		if a.Bounds != nil && a.Bounds.Min != nil {
			f.Min = *a.Bounds.Min
		}
		if a.Bounds != nil && a.Bounds.Max != nil {
			f.Max = *a.Bounds.Max
		}
	}
	return f
}
