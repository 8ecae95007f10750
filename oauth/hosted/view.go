package hosted

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// functions are those of templates. All else are methods of view and of what it returns.
var functions = template.FuncMap{"href": href}

// A view is what templates are filled with: a page, in a language and a look.
type view struct {
	*Page
	Language string
	texts    texts
	look     *Look
	pages    *Pages
}

func (p *Pages) view(r *http.Request, page *Page) *view {
	v := &view{Page: page, Language: page.Language, look: page.Look, pages: p}
	if v.look == nil {
		v.look = &p.options.Look
	}
	if !slices.Contains(tags, v.Language) {
		v.Language = Language(r)
	}
	v.texts = p.languages[v.Language]
	return v
}

// Title is the heading of the page.
func (v *view) Title() (template.HTML, error) { return v.T(v.titleKey(), v.titleValues()...) }

// DocumentTitle is that of the browser's window. People who hear the page hear first that something
// is wrong.
func (v *view) DocumentTitle() (string, error) {
	title, err := v.S(v.titleKey(), v.titleValues()...)
	if err == nil && (v.Problem != "" || len(v.FieldProblems) > 0) && v.Kind != Error {
		title, err = v.S("title.problem", "title", title)
	}
	if name := cmp.Or(v.look.Name, v.Client); err == nil && name != "" {
		title += " · " + name
	}
	return title, err
}

func (v *view) titleKey() string {
	key := string(v.Kind) + ".title"
	switch v.Kind {
	case ChooseFactor:
		if v.First {
			key += ".first"
		}
	case SetupAddress:
		key += "." + v.medium(v.Medium)
	case Consent, FormPost:
		if v.Client == "" {
			key += ".nobody"
		}
	default: // the others have one title
	}
	return key
}

func (v *view) titleValues() []string { return []string{"client", v.Client, "provider", v.Provider} }

// medium returns the part of a key for a medium.
func (v *view) medium(m string) string {
	switch m {
	case "SMS":
		return "sms"
	case "TOTP":
		return "totp"
	default:
		return "email"
	}
}

// Lead is the sentence below the heading, or "".
func (v *view) Lead() (template.HTML, error) {
	switch v.Kind {
	case SignIn, Identify, SignUp, Password:
		if v.Client == "" || v.Client == v.Brand() { // it stands above
			return "", nil
		}
		return v.T("lead.client", "client", v.Client)
	case Code, Confirm, Reset, Resent:
		return v.sentLead()
	case SetupAddress:
		return v.T("setup-address.lead." + v.medium(v.Medium))
	case ChooseFactor:
		return "", nil
	case LinkAccount:
		return v.T("link-account.lead", "user", v.User, "provider", v.Provider)
	case SignedOut:
		if v.Client == "" {
			return "", nil
		}
		return v.T("signed-out.lead", "client", v.Client)
	case Error:
		return v.problem(cmp.Or(v.Problem, "unknown"))
	case Consent:
		if v.Client == "" {
			return "", nil
		}
		return v.T("consent.lead", "client", v.Client)
	default:
		return v.T(string(v.Kind)+".lead", "client", v.Client, "provider", v.Provider)
	}
}

func (v *view) sentLead() (template.HTML, error) {
	key := "sent.code"
	switch {
	case v.Sent.Medium == "TOTP":
		return v.T("sent.totp")
	case v.Kind == Resent:
		key = "sent.link"
	}
	if v.Sent.Destination == "" {
		return v.T(key + ".somewhere")
	}
	return v.T(key, "destination", v.Sent.Destination)
}

// Dir is the direction of the script.
func (v *view) Dir() (string, error) { return v.S("dir") }

// Brand is the name at the top of the page.
func (v *view) Brand() string { return cmp.Or(v.look.Name, v.Client) }

// OwnMark reports whether the mark of Cognate stands beside the name.
func (v *view) OwnMark() bool { return v.look.Name == "" }

// Logo, LogoDark and Background are pictures of the look, or "".
func (v *view) Logo() template.URL { return picture(v.look.Logo) }

// LogoDark is the logo of dark pages.
func (v *view) LogoDark() template.URL { return picture(v.look.LogoDark) }

// Background is the picture behind the page.
func (v *view) Background() template.URL { return picture(v.look.Background) }

// Favicon is the icon of the browser's window.
func (v *view) Favicon() template.URL {
	return cmp.Or(picture(v.look.Favicon), template.URL(v.pages.assets.favicon))
}

// Styles are the addresses of the style sheets, in order.
func (v *view) Styles() []string {
	a := v.pages.assets
	all := []string{a.style}
	if f := v.look.colourFile(); f != "" {
		all = append(all, a.path+f)
	}
	if a.own != "" {
		all = append(all, a.own)
	}
	if isPath(v.look.Style) {
		all = append(all, v.look.Style)
	}
	return all
}

// Script is the address of the script.
func (v *view) Script() string { return v.pages.assets.script }

// Wide reports whether the page has more than a form.
func (v *view) Wide() bool { return v.Kind == Account || v.Kind == Error && len(v.Findings) > 0 }

// ProblemText is what went wrong, or "".
func (v *view) ProblemText() (template.HTML, error) {
	if v.Problem == "" || v.Kind == Error {
		return "", nil
	}
	return v.problem(v.Problem)
}

// problem returns the text of a code, or a sentence as it is. A code that has no text, which has no space
// in it, is told in general words.
func (v *view) problem(code string) (template.HTML, error) {
	if _, ok := v.find("problem." + code); ok {
		return v.T("problem." + code)
	}
	if strings.ContainsFunc(code, unicode.IsSpace) {
		return template.HTML(template.HTMLEscapeString(code)), nil
	}
	return v.T("problem.unknown")
}

// NoteText is what went well, or "".
func (v *view) NoteText() (template.HTML, error) {
	if v.Note == "" {
		return "", nil
	}
	if _, ok := v.find("note." + v.Note); !ok {
		return template.HTML(template.HTMLEscapeString(v.Note)), nil
	}
	return v.T("note." + v.Note)
}

// Problems returns the codes that [Page.Problem] and [Page.FieldProblems] take.
func Problems() []string { return codes("problem.") }

// Notes returns the codes that [Page.Note] takes.
func Notes() []string { return codes("note.") }

func codes(prefix string) []string {
	all, err := languages()
	if err != nil {
		return nil
	}
	var found []string
	for key := range all[tags[0]] {
		if code, ok := strings.CutPrefix(key, prefix); ok {
			found = append(found, code)
		}
	}
	slices.Sort(found)
	return found
}

// initial stands for a person beside the name.
func initial(name string) string {
	for _, r := range name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return "•"
}

// Initial stands for the user.
func (v *view) Initial() string { return initial(v.User) }

// QR is the picture of the secret.
func (v *view) QR() template.URL {
	if len(v.TOTP.QR) == 0 {
		return ""
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(v.TOTP.QR))
}

// SecretGroups is the secret in groups of four letters, which are easier to type.
func (v *view) SecretGroups() string {
	var groups []string
	for g := range slices.Chunk([]byte(v.TOTP.Secret), 4) {
		groups = append(groups, string(g))
	}
	return strings.Join(groups, " ")
}

// TOTPLink opens an app for codes on a phone. It is "" for what is no such link.
func (v *view) TOTPLink() template.URL {
	if !strings.HasPrefix(v.TOTP.URI, "otpauth://") {
		return ""
	}
	return href(v.TOTP.URI)
}

// A choice is a factor as a page shows it.
type choice struct {
	Factor
	Title  string
	Detail string
	Icon   string
}

// Choices are the factors to choose from.
func (v *view) Choices() ([]choice, error) { return v.choices(v.Factors) }

// OwnFactors are the factors of the page Account that are on, and OtherFactors those that are not.
func (v *view) OwnFactors() ([]choice, error) { return v.choices(only(v.Profile.Factors, true)) }

// OtherFactors are the factors of the page Account that may be set up.
func (v *view) OtherFactors() ([]choice, error) { return v.choices(only(v.Profile.Factors, false)) }

func only(all []Factor, on bool) []Factor {
	return slices.DeleteFunc(slices.Clone(all), func(f Factor) bool { return f.On != on })
}

// icons are the names of the icons of factors, which are the parts of keys of their texts too.
var icons = map[string]string{
	"PASSWORD": "password", "PASSWORD_SRP": "password", "EMAIL_OTP": "email", "SMS_OTP": "sms", "SMS_MFA": "sms",
	"SOFTWARE_TOKEN_MFA": "totp", "WEB_AUTHN": "passkey", "RECOVERY_CODE": "recovery",
}

func (v *view) choices(factors []Factor) ([]choice, error) {
	var all []choice
	for _, f := range factors {
		icon, ok := icons[f.Name]
		if !ok {
			return nil, fmt.Errorf("there is no factor %q", f.Name)
		}
		title, err := v.S("factor." + icon)
		if err != nil {
			return nil, err
		}
		detail := f.Detail
		if detail == "" {
			if detail, err = v.S("factor." + icon + ".detail"); err != nil {
				return nil, err
			}
		}
		all = append(all, choice{f, title, detail, icon})
	}
	return all, nil
}

// ScopeText says what a scope lets a client do.
func (v *view) ScopeText(s Scope) (template.HTML, error) {
	if _, ok := v.find("scope." + s.Name); ok && s.Description == "" {
		return v.T("scope." + s.Name)
	}
	return template.HTML(template.HTMLEscapeString(cmp.Or(s.Description, s.Name))), nil
}

// TermsText is the sentence on terms with its links, or "".
func (v *view) TermsText() (template.HTML, error) {
	if v.Terms.Use == "" || v.Terms.Privacy == "" {
		return "", nil
	}
	t, err := v.S(string(v.Kind)+".terms", "client", v.Client)
	if err != nil {
		return "", err
	}
	text := template.HTMLEscapeString(t)
	for name, to := range map[string]string{"terms": v.Terms.Use, "privacy": v.Terms.Privacy} {
		label, err := v.S("link." + name)
		if err != nil {
			return "", err
		}
		link := `<a href="` + template.HTMLEscapeString(string(href(to))) + `" target="_blank" rel="noopener noreferrer">` + template.HTMLEscapeString(label) + "</a>"
		text = strings.ReplaceAll(text, "{"+name+"}", link)
	}
	return template.HTML(text), nil
}

// A piece is a part of a text that is marked, or not.
type piece struct {
	Text   string
	Marked bool
}

// Differences marks in each text of Want what is not so in Got.
func (f Finding) Differences() [][]piece {
	var all [][]piece
	for _, w := range f.Want {
		all = append(all, difference(f.Got, w))
	}
	return all
}

// GotMarked marks in Got what is not so in the closest text of Want.
func (f Finding) GotMarked() []piece {
	best := []piece{{f.Got, false}}
	least := len(f.Got) + 1
	for _, w := range f.Want {
		pieces, n := difference(w, f.Got), 0
		for _, d := range [][]piece{pieces, difference(f.Got, w)} {
			for _, p := range d {
				if p.Marked {
					n += len(p.Text)
				}
			}
		}
		if n < least {
			best, least = pieces, n
		}
	}
	return best
}

// difference cuts the beginning and the end that two texts share off the second one.
func difference(got, want string) []piece {
	g, w := []rune(got), []rune(want)
	begin := 0
	for begin < len(g) && begin < len(w) && g[begin] == w[begin] {
		begin++
	}
	end := 0
	for end < len(g)-begin && end < len(w)-begin && g[len(g)-1-end] == w[len(w)-1-end] {
		end++
	}
	var all []piece
	for _, p := range []piece{{string(w[:begin]), false}, {string(w[begin : len(w)-end]), true}, {string(w[len(w)-end:]), false}} {
		if p.Text != "" {
			all = append(all, p)
		}
	}
	return all
}

// InitialOf stands for a person.
func (v *view) InitialOf(name string) string { return initial(name) }

// Picture is a picture as it may stand in a page, or "".
func (v *view) Picture(address string) template.URL { return picture(address) }

// RecoveryLeft says how many recovery codes are left.
func (v *view) RecoveryLeft() (template.HTML, error) {
	if v.Profile.RecoveryCodes == 0 {
		return v.T("account.recovery.none")
	}
	return v.T("account.recovery.left", "count", strconv.Itoa(v.Profile.RecoveryCodes))
}

// FrameLinks are the frames that tell applications of a sign-out.
func (v *view) FrameLinks() (all []template.URL) {
	for _, f := range v.Frames {
		if origin(f) != "" {
			all = append(all, template.URL(f))
		}
	}
	return all
}

// Onward is where a page with frames leads by itself, or "".
func (v *view) Onward() template.URL {
	if len(v.Frames) == 0 || v.Links.App == "" {
		return ""
	}
	return href(v.Links.App)
}
