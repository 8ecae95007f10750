package hosted

import "time"

// Values that try to break out of text, attributes, addresses and scripts.
const (
	hostileText = `"><script>alert(1)</script><img src=x onerror=alert(2)>' onfocus=alert(3) autofocus x='{{.}}</title></textarea>` + "\u202e<!--"
	hostileLink = "javascript:alert(4)//\"><script>alert(5)</script>"
)

// hostileStates has one page of each kind whose every value is hostile.
func hostileStates(all []State) []State {
	var out []State
	seen := map[Kind]bool{}
	for _, s := range all {
		if !seen[s.Page.Kind] {
			seen[s.Page.Kind] = true
			out = append(out, State{string(s.Page.Kind) + "-hostile", hostile(s.Page.Kind, s.Name)})
		}
	}
	return out
}

func hostile(kind Kind, name string) Page {
	names := map[string]string{"username": hostileText, "password": hostileText, "code": hostileText, "value": hostileText, hostileText: hostileText}
	link := Links{
		SignIn: hostileLink, SignUp: hostileLink, Forgot: hostileLink, Another: hostileLink, NotYou: hostileLink,
		Passkey: hostileLink, Back: hostileLink, App: hostileLink, Home: hostileLink, Help: hostileLink,
	}
	fields := []Field{{Name: hostileText, Attribute: hostileText, Label: hostileText, Type: hostileText, Min: hostileText, Max: hostileText, Required: true}}
	factors := []Factor{{Name: "EMAIL_OTP", Detail: hostileText, On: true}, {Name: "SMS_MFA", Detail: hostileText}}
	day := time.Date(2026, time.March, 9, 12, 0, 0, 0, time.UTC)
	return Page{
		Kind: kind, Still: true, Client: hostileText, Action: hostileLink, CSRF: hostileText, Hidden: map[string]string{hostileText: hostileText}, Here: "/" + name,
		LeadsTo: []string{hostileLink, "https://a.example; script-src *"},
		Look:    &Look{Name: hostileText, Logo: hostileLink, LogoDark: hostileLink, Favicon: hostileLink, Background: hostileLink, Style: "//evil.example/x.css", Light: Colours{Accent: hostileText}, Dark: Colours{Page: "red;}"}},
		Problem: hostileText, FieldProblems: names, Note: hostileText, Values: names, Links: link, User: hostileText, Names: []string{hostileText},
		Providers: []Provider{{Name: hostileText, Href: hostileLink, Icon: hostileLink}}, Fields: fields, Rules: sampleRules, Factors: factors,
		Sent: Sent{Medium: hostileText, Destination: hostileText, Resend: true}, Medium: hostileText, Remember: true, Skip: true,
		TOTP: TOTP{Secret: hostileText, URI: hostileLink, QR: []byte(hostileText)}, Options: hostileText,
		Scopes: []Scope{{Name: hostileText}, {Name: "x", Description: hostileText}}, Terms: Terms{Use: hostileLink, Privacy: hostileLink},
		Profile: Profile{
			Fields: fields, Password: true, Factors: factors, PasskeysOffered: true, RecoveryOffered: true,
			Passkeys: []PasskeyInfo{{ID: hostileText, Name: hostileText, Created: day}},
			Linked:   []Linked{{ID: hostileText, Provider: hostileText, Created: day}}, Linkable: []string{hostileText},
			Sessions: []Session{{ID: hostileText, Device: hostileText, Address: hostileText, Active: day}},
		},
		Accounts: []SignedIn{{ID: hostileText, Name: hostileText, Detail: hostileText}}, Codes: []string{hostileText}, RequestID: hostileText,
		Findings: []Finding{{Title: hostileText, Detail: hostileText, Got: hostileText, Want: []string{hostileLink, hostileText}}}, Provider: hostileText,
	}
}
