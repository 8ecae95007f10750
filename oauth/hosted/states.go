package hosted

import (
	"time"

	"github.com/cognate-id/cognate/mfa"
)

// A State is a page in one of its states, with sample data.
type State struct {
	Name string // such as "sign-in-wrong"; unique
	Page Page   // what is rendered
}

// States returns every page in every state, with sample data. The states whose names end in
// -hostile have values that try to break out of the page.
func States() []State {
	all := append(signInStates(), accountStates()...)
	for i := range all {
		p := &all[i].Page
		if p.Action == "" {
			p.Action = "/" + string(p.Kind) + "?client_id=abc123"
		}
		if p.Here == "" && p.Kind != FormPost {
			p.Here = "/" + all[i].Name
		}
		p.CSRF = "sample-csrf"
		p.Hidden = with(p.Hidden, "state", "sample-state")
	}
	return append(all, hostileStates(all)...)
}

func with(m map[string]string, name, value string) map[string]string {
	out := map[string]string{name: value}
	for k, v := range m {
		out[k] = v
	}
	return out
}

const (
	sampleClient = "Fernway Books"
	sampleUser   = "ada@example.com"
)

var (
	sampleRules = PasswordRules{Min: 12, Lower: true, Upper: true, Digit: true, Symbols: true}
	sampleTerms = Terms{Use: "https://fernway.example/terms", Privacy: "https://fernway.example/privacy"}
	sampleMail  = Sent{Medium: "EMAIL", Destination: "a***@e***", Resend: true}
	sampleSMS   = Sent{Medium: "SMS", Destination: "+*******0199", Resend: true}
	back        = Links{Back: "/sign-in"}
)

// sampleProviders are those without a brand, and those with one.
func sampleProviders() (plain, branded []Provider) {
	const to = "/oauth2/authorize?identity_provider="
	return []Provider{{Name: "Northwind ID", Href: to + "Northwind"}, {Name: "Example Corp", Href: to + "Example"}}, []Provider{
		{Name: "Google", Brand: Google, Href: to + "Google"},
		{Name: "Apple", Brand: Apple, Href: to + "SignInWithApple"},
		{Name: "Facebook", Brand: Facebook, Href: to + "Facebook"},
		{Name: "Amazon", Brand: Amazon, Href: to + "LoginWithAmazon"},
	}
}

func signInStates() []State {
	links := Links{Forgot: "/forgot", SignUp: "/sign-up", Passkey: "/passkey", Help: "https://fernway.example/help"}
	providers, brands := sampleProviders()
	chosen := Links{NotYou: "/identify", Another: "/choose", Forgot: "/forgot"}
	second := Links{Another: "/choose"}
	client := func(p Page) Page {
		p.Client = sampleClient
		return p
	}
	user := func(p Page) Page {
		p.User = sampleUser
		return client(p)
	}
	return []State{
		{"sign-in", client(Page{Kind: SignIn, Links: Links{Forgot: "/forgot", SignUp: "/sign-up"}})},
		{"sign-in-all", client(Page{Kind: SignIn, Links: links, Names: []string{"username", "email"}, Providers: providers})},
		{"sign-in-providers", client(Page{Kind: SignIn, NoForm: true, Providers: providers})},
		{"sign-in-brands", client(Page{Kind: SignIn, Links: links, Providers: append(brands, providers[0])})},
		{"sign-in-brands-only", client(Page{Kind: SignIn, NoForm: true, Providers: brands})},
		{"sign-in-brands-look", client(Page{Kind: SignIn, NoForm: true, Providers: brands, Look: sampleLook()})},
		{"sign-in-wrong", client(Page{Kind: SignIn, Links: links, Problem: "incorrect", Values: map[string]string{"username": "ada"}})},
		{"sign-in-refused", client(Page{Kind: SignIn, Problem: "PreAuthentication failed with error Ask your teacher first."})},
		{"sign-in-after-reset", client(Page{Kind: SignIn, Note: "password-reset", User: "ada"})},
		{"sign-in-no-client", Page{Kind: SignIn}},
		{"sign-in-look", client(Page{Kind: SignIn, Links: links, Look: sampleLook()})},
		{"identify", client(Page{Kind: Identify, Names: []string{"email"}, Links: links})},
		{"identify-brands", client(Page{Kind: Identify, Names: []string{"email"}, Providers: brands[:2]})},
		{"identify-problem", client(Page{Kind: Identify, Names: []string{"email", "phone_number"}, FieldProblems: map[string]string{"username": "required"}})},
		{"identify-phone", client(Page{Kind: Identify, Names: []string{"phone_number"}})},
		{"password", user(Page{Kind: Password, Links: chosen})},
		{"password-wrong", user(Page{Kind: Password, Links: chosen, Problem: "incorrect"})},
		{"password-too-many", user(Page{Kind: Password, Links: chosen, Problem: "too-many"})},
		{"choose-first", user(Page{Kind: ChooseFactor, First: true, Links: Links{NotYou: "/identify"}, Factors: []Factor{
			{Name: "WEB_AUTHN"}, {Name: "PASSWORD"}, {Name: "EMAIL_OTP", Detail: "a***@e***"}, {Name: "SMS_OTP", Detail: "+*******0199"},
		}})},
		{"choose-second", user(Page{Kind: ChooseFactor, Links: Links{Back: "/code"}, Factors: []Factor{
			{Name: "SOFTWARE_TOKEN_MFA"}, {Name: "SMS_MFA", Detail: "+*******0199"}, {Name: "EMAIL_OTP"}, {Name: "RECOVERY_CODE"},
		}})},
		{"code-email", user(Page{Kind: Code, Sent: sampleMail, Links: second, Recoverable: true})},
		{"code-sms", user(Page{Kind: Code, Sent: sampleSMS, Links: second, Note: "code-sent"})},
		{"code-totp", user(Page{Kind: Code, Sent: Sent{Medium: "TOTP"}, Links: second, Recoverable: true, Remember: true})},
		{"code-wrong", user(Page{Kind: Code, Sent: sampleSMS, Links: second, FieldProblems: map[string]string{"code": "code-wrong"}, Values: map[string]string{"code": "000000"}})},
		{"code-hidden", user(Page{Kind: Code, Sent: Sent{Medium: "EMAIL", Digits: 8}, Problem: "expired"})},
		{"passkey", user(Page{Kind: Passkey, Links: chosen, Options: sampleGet})},
		{"passkey-wrong", user(Page{Kind: Passkey, Links: chosen, Options: sampleGet, Problem: "incorrect"})},
		{"recovery-code", user(Page{Kind: RecoveryCode, Links: Links{Another: "/choose"}})},
		{"recovery-code-wrong", user(Page{Kind: RecoveryCode, FieldProblems: map[string]string{"code": "recovery-wrong"}})},
		{"new-password", user(Page{Kind: NewPassword, Rules: sampleRules})},
		{"new-password-problem", user(Page{Kind: NewPassword, Rules: sampleRules, Fields: sampleFields()[:2], FieldProblems: map[string]string{"new_password": "password-policy", "given_name": "required"}})},
		{"setup-choice", user(Page{Kind: SetupChoice, Skip: true, Factors: []Factor{{Name: "SOFTWARE_TOKEN_MFA"}, {Name: "SMS_MFA"}, {Name: "WEB_AUTHN"}}})},
		{"setup-totp", user(Page{Kind: SetupTOTP, TOTP: sampleTOTP(), Links: back})},
		{"setup-totp-wrong", user(Page{Kind: SetupTOTP, TOTP: sampleTOTP(), FieldProblems: map[string]string{"code": "code-wrong"}})},
		{"setup-address-email", user(Page{Kind: SetupAddress, Medium: "EMAIL", Links: back})},
		{"setup-address-sms", user(Page{Kind: SetupAddress, Medium: "SMS", FieldProblems: map[string]string{"value": "invalid-phone"}, Values: map[string]string{"value": "555"}})},
		{"consent", user(Page{Kind: Consent, Terms: sampleTerms, Links: Links{NotYou: "/identify"}, LeadsTo: []string{"https://fernway.example/callback"}, Scopes: []Scope{
			{Name: "openid"},
			{Name: "email"},
			{Name: "profile"},
			{Name: "phone"},
			{Name: "aws.cognito.signin.user.admin"},
			{Name: "https://api.fernway.example/orders.read", Description: "Read your orders"},
			{Name: "shelf/write"},
		}})},
		{"accounts", client(Page{Kind: Accounts, Accounts: []SignedIn{{ID: "1", Name: "ada", Detail: sampleUser}, {ID: "2", Name: "grace.hopper@navy.example", Expired: true}}})},
		{"sign-out", client(Page{Kind: SignOut, Links: Links{App: "https://fernway.example/"}})},
		{"signed-out", client(Page{Kind: SignedOut, Links: Links{SignIn: "/sign-in", App: "https://fernway.example/"}})},
		{"signed-out-no-client", Page{Kind: SignedOut}},
		{"unavailable", client(Page{Kind: Unavailable, Provider: "Northwind ID", Links: Links{SignIn: "/sign-in", App: "fernway://home"}})},
		{"form-post-sent", client(Page{Kind: FormPost, Action: "/confirmed"})},
		{"form-post", client(Page{Kind: FormPost, Still: true, Action: "https://fernway.example/callback", Hidden: map[string]string{"code": "5f1c0e2a-0000-4000-8000-000000000000", "iss": "https://idp.example"}})},
		{"error", Page{Kind: Error, Problem: "server", RequestID: "0f0e0d0c-0b0a-4908-8706-050403020100"}},
		{"error-client", client(Page{Kind: Error, Problem: "redirect", RequestID: "0f0e0d0c-0b0a-4908-8706-050403020100", Links: Links{App: "https://fernway.example/", SignIn: "/sign-in"}})},
		{"error-dev", client(Page{Kind: Error, Problem: "redirect", RequestID: "0f0e0d0c-0b0a-4908-8706-050403020100", Findings: sampleFindings()})},
	}
}

func accountStates() []State {
	fields := sampleFields()
	return []State{
		{"sign-up", Page{Kind: SignUp, Client: sampleClient, Names: []string{"email"}, Rules: PasswordRules{Min: 15}, Terms: sampleTerms, Links: Links{SignIn: "/sign-in"}}},
		{"sign-up-long", Page{Kind: SignUp, Client: sampleClient, Fields: append(fields, moreFields()...), Rules: sampleRules, Terms: sampleTerms, Links: Links{SignIn: "/sign-in"}}},
		{"sign-up-problems", Page{
			Kind: SignUp, Client: sampleClient, Fields: fields, Rules: sampleRules, Links: Links{SignIn: "/sign-in"},
			Values:        map[string]string{"username": "ada", "email": "ada at example", "given_name": "Ada"},
			FieldProblems: map[string]string{"username": "name-taken", "email": "invalid-email", "password": "password-common"},
		}},
		{"sign-up-no-password", Page{Kind: SignUp, Client: sampleClient, Names: []string{"email"}, NoPassword: true}},
		{"confirm", Page{Kind: Confirm, Client: sampleClient, User: sampleUser, Sent: sampleMail, Links: back}},
		{"confirm-wrong", Page{Kind: Confirm, Client: sampleClient, User: sampleUser, Sent: sampleMail, FieldProblems: map[string]string{"code": "code-expired"}}},
		{"confirm-again", Page{Kind: Confirm, Client: sampleClient, User: sampleUser, Sent: sampleMail, Note: "code-sent"}},
		{"resent", Page{Kind: Resent, Client: sampleClient, User: sampleUser, Sent: sampleMail, Links: Links{SignIn: "/sign-in"}}},
		{"resent-hidden", Page{Kind: Resent, Client: sampleClient}},
		{"confirm-link", Page{Kind: ConfirmLink, Client: sampleClient}},
		{"confirm-link-look", Page{Kind: ConfirmLink, Client: sampleClient, Look: sampleLook()}},
		{"confirmed", Page{Kind: Confirmed, Client: sampleClient, Links: Links{SignIn: "/sign-in", App: "https://fernway.example/"}}},
		{"confirmed-no-pages", Page{Kind: Confirmed, Client: sampleClient}},
		{"link-invalid", Page{Kind: LinkInvalid, Client: sampleClient, Links: Links{SignIn: "/sign-in"}}},
		{"link-invalid-nobody", Page{Kind: LinkInvalid}},
		{"link-account", Page{Kind: LinkAccount, Client: sampleClient, User: sampleUser, Provider: "Northwind ID", Links: Links{SignIn: "/sign-in", Another: "/oauth2/authorize"}}},
		{"forgot", Page{Kind: Forgot, Client: sampleClient, Names: []string{"username", "email"}, Links: Links{SignIn: "/sign-in"}}},
		{"forgot-problem", Page{Kind: Forgot, Client: sampleClient, Problem: "too-many", Values: map[string]string{"username": "ada"}}},
		{"reset", Page{Kind: Reset, Client: sampleClient, User: sampleUser, Sent: sampleMail, Rules: sampleRules, Links: Links{SignIn: "/sign-in"}}},
		{"reset-wrong", Page{Kind: Reset, Client: sampleClient, User: sampleUser, Sent: sampleSMS, Rules: sampleRules, FieldProblems: map[string]string{"code": "code-wrong", "new_password": "password-reused"}}},
		{"account", Page{Kind: Account, User: sampleUser, Client: sampleClient, Profile: sampleProfile(), Rules: sampleRules, Values: map[string]string{"given_name": "Ada", "email": sampleUser, "preferred_username": "ada"}, Links: Links{App: "https://fernway.example/"}}},
		{"account-saved", Page{Kind: Account, User: "ada", Note: "saved", Profile: Profile{Fields: fields[:1]}}},
		{"account-problems", Page{Kind: Account, User: "ada", Profile: Profile{Fields: fields, Password: true, PasskeysOffered: true, RecoveryOffered: true}, FieldProblems: map[string]string{"password": "password-wrong", "email": "invalid-email"}, Problem: "unknown"}},
		{"recent", Page{Kind: Recent, Client: sampleClient, User: sampleUser, Links: Links{Another: "/choose", Back: "/account"}}},
		{"recent-wrong", Page{Kind: Recent, Client: sampleClient, User: sampleUser, FieldProblems: map[string]string{"password": "password-wrong"}}},
		{"passkey-enrol", Page{Kind: PasskeyEnrol, Client: sampleClient, User: sampleUser, Options: sampleCreate, Skip: true}},
		{"passkey-enrol-failed", Page{Kind: PasskeyEnrol, Client: sampleClient, User: sampleUser, Options: sampleCreate, Problem: "passkey-failed", Links: Links{Back: "/account"}}},
		{"recovery-codes", Page{Kind: RecoveryCodes, Client: sampleClient, Links: Links{Back: "/account"}, Codes: []string{
			"7KQ2-MZ8R", "T4VX-9CJH", "P6NB-2WDS", "H8RA-5YKE", "C3GM-7TQL", "X9FZ-4BVN", "J2WS-6PHD", "M5EK-8RXA", "V7TC-3NQG", "B4YL-9JZF",
		}}},
	}
}

func sampleFields() []Field {
	return []Field{
		{Name: "given_name", Required: true, Max: "64"},
		{Name: "email", Required: true, Max: "2048"},
		{Name: "phone_number"},
	}
}

func moreFields() []Field {
	return []Field{
		{Name: "birthdate"},
		{Name: "website"},
		{Name: "attribute-shelf", Attribute: "custom:favourite_shelf", Required: true, Min: "1", Max: "40"},
		{Name: "attribute-books", Attribute: "custom:books", Type: "Number", Min: "0", Max: "9999"},
		{Name: "attribute-since", Attribute: "custom:since", Label: "Reader since", Type: "DateTime"},
		{Name: "attribute-news", Attribute: "custom:newsletter", Label: "Send me the newsletter", Type: "Boolean"},
	}
}

func sampleTOTP() TOTP {
	secret := mfa.Secret("a sample that everybody may know") // 32 bytes
	qr, err := secret.QR(sampleClient, sampleUser)
	if err != nil {
		qr = nil // the page is shown without the picture
	}
	return TOTP{Secret: secret.Text(), URI: secret.URI(sampleClient, sampleUser), QR: qr}
}

func sampleProfile() Profile {
	day := time.Date(2026, time.March, 9, 12, 0, 0, 0, time.UTC)
	fields := append(sampleFields(), Field{Name: "preferred_username", ReadOnly: true})
	fields[1].Unverified = true
	return Profile{
		Fields: fields, Password: true, PasskeysOffered: true, RecoveryOffered: true, RecoveryCodes: 8,
		Factors: []Factor{
			{Name: "SOFTWARE_TOKEN_MFA", On: true, Preferred: true},
			{Name: "SMS_MFA", Detail: "+*******0199", On: true},
			{Name: "EMAIL_OTP", Detail: "a***@e***"},
		},
		Passkeys: []PasskeyInfo{{ID: "k1", Name: "Ada’s phone", Created: day, Used: day.AddDate(0, 2, 3)}, {ID: "k2", Name: "Security key", Created: day}},
		Linked:   []Linked{{ID: "l1", Provider: "Northwind ID", Created: day}}, Linkable: []string{"Example Corp"},
		Sessions: []Session{
			{ID: "s1", Device: "Firefox on Linux", Address: "192.0.2.14", Active: day.AddDate(0, 3, 0), Current: true},
			{ID: "s2", Device: "Safari on iPhone", Address: "2001:db8::7", Active: day.AddDate(0, 2, 28)},
		},
	}
}

func sampleFindings() []Finding {
	return []Finding{{
		Title: "The redirect URI is not registered",
		Detail: "The client “web” lists these callback URLs. A redirect URI must be one of them, character for character. " +
			"Change what the app sends, or add the URI to the client.",
		Got:  "http://localhost:3000/callback/",
		Want: []string{"http://localhost:3000/callback", "https://fernway.example/callback"},
	}, {Title: "Only development servers show this explanation", Detail: "On other servers, give the request ID to “cognate doctor”."}}
}

const (
	sampleGet    = `{"challenge":"c2FtcGxlLWNoYWxsZW5nZQ","rpId":"localhost","timeout":60000,"userVerification":"preferred","allowCredentials":[{"type":"public-key","id":"c2FtcGxl"}]}`
	sampleCreate = `{"challenge":"c2FtcGxlLWNoYWxsZW5nZQ","rp":{"id":"localhost","name":"Sample"},"user":{"id":"YWRh","name":"ada","displayName":"Ada"},` +
		`"pubKeyCredParams":[{"type":"public-key","alg":-7},{"type":"public-key","alg":-257}],"timeout":60000,"authenticatorSelection":{"residentKey":"required","userVerification":"required"},"excludeCredentials":[]}`
	sampleLogo = "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHZpZXdCb3g9IjAgMCAxNDAgMzIiPjxwYXRoIGQ9Ik0yIDI4QzIgMTIgMTIgNCAyOCA0YzAgMTYtMTAgMjQtMjYgMjR6IiBmaWxsPSIjNWIzZmE4Ii8+PHRleHQgeD0iMzgiIHk9IjIzIiBmb250LWZhbWlseT0ic2Fucy1zZXJpZiIgZm9udC13ZWlnaHQ9IjcwMCIgZm9udC1zaXplPSIyMCIgZmlsbD0iIzViM2ZhOCI+RmVybndheTwvdGV4dD48L3N2Zz4="
	sampleDark = "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHZpZXdCb3g9IjAgMCAxNDAgMzIiPjxwYXRoIGQ9Ik0yIDI4QzIgMTIgMTIgNCAyOCA0YzAgMTYtMTAgMjQtMjYgMjR6IiBmaWxsPSIjYmRhOGZmIi8+PHRleHQgeD0iMzgiIHk9IjIzIiBmb250LWZhbWlseT0ic2Fucy1zZXJpZiIgZm9udC13ZWlnaHQ9IjcwMCIgZm9udC1zaXplPSIyMCIgZmlsbD0iI2JkYThmZiI+RmVybndheTwvdGV4dD48L3N2Zz4="
)

// sampleLook is that of a product.
func sampleLook() *Look {
	return &Look{
		Name: "Fernway", Logo: sampleLogo, LogoDark: sampleDark,
		Light: Colours{Page: "#f4f1fb", Accent: "#5b3fa8"},
		Dark:  Colours{Page: "#15121d", Card: "#1f1b2a", Accent: "#bda8ff"},
		Texts: map[string]map[string]string{"": {"sign-in.title": "Welcome back"}},
	}
}
