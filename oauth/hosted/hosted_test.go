package hosted_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/cognate-id/cognate/oauth/hosted"
)

func made(t *testing.T, o *hosted.Options) *hosted.Pages {
	t.Helper()
	p, err := hosted.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// shown renders a page for a request with headers: names and values in turn.
func shown(t *testing.T, p *hosted.Pages, page hosted.Page, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	p.Render(w, r, http.StatusOK, page)
	return w
}

// state returns the page of a state.
// states are made once: the picture of a key takes long.
var states = sync.OnceValue(hosted.States)

func state(t *testing.T, name string) hosted.Page {
	t.Helper()
	for _, s := range states() {
		if s.Name == name {
			return s.Page
		}
	}
	t.Fatalf("there is no state %q", name)
	return hosted.Page{}
}

// TestEachState holds each page in each state and language to the rules for markup. Values that
// try to break out of a page are among the states.
func TestEachState(t *testing.T) {
	p := made(t, nil)
	for i, s := range states() {
		for j, language := range hosted.Languages() {
			if testing.Short() && (i+j)%9 != 0 {
				continue // each state in one or two of the languages
			}
			page := s.Page
			page.Language = language
			w := shown(t, p, page)
			if w.Code != http.StatusOK {
				t.Errorf("%s in %s: %d %s", s.Name, language, w.Code, w.Body)
				continue
			}
			tags := checkMarkup(t, s.Name+" in "+language, w.Body.String())
			dir := "ltr"
			if language == "ar" {
				dir = "rtl"
			}
			if root := find(tags, "html", "lang", language); len(root) != 1 || root[0].attrs["dir"] != dir {
				t.Errorf("%s in %s: the root is %v", s.Name, language, root)
			}
			if strings.Contains(w.Body.String(), "ZgotmplZ") {
				t.Errorf("%s: a value was taken out by html/template", s.Name)
			}
		}
	}
}

func TestStatesHaveEachKind(t *testing.T) {
	names, kinds := map[string]bool{}, map[hosted.Kind]bool{}
	for _, s := range states() {
		if names[s.Name] {
			t.Errorf("%s is there twice", s.Name)
		}
		names[s.Name], kinds[s.Page.Kind] = true, true
	}
	for _, k := range hosted.Kinds() {
		if !kinds[k] || !names[string(k)+"-hostile"] {
			t.Errorf("no state shows %s, or no state shows it with hostile values", k)
		}
	}
}

func TestHeaders(t *testing.T) {
	w := shown(t, made(t, nil), hosted.Page{Kind: hosted.SignIn}, "Accept-Language", "de")
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Content-Language": "de", "Cache-Control": "no-store", "X-Frame-Options": "DENY",
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Vary": "Accept-Language, Cookie",
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'none'; " +
			"base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if c := w.Header().Get("Set-Cookie"); c != "" {
		t.Errorf("a cookie is set: %s", c)
	}
}

func TestPolicyAllowsWhereFormsLead(t *testing.T) {
	p := made(t, nil)
	for _, tt := range []struct {
		leads string
		want  string
	}{
		{"https://app.example/callback", "'self' https:"},
		{"http://localhost:3000/callback", "'self' http://localhost:*"},
		{"http://127.0.0.1/callback", "'self' http://127.0.0.1:*"},
		{"http://[::1]:3000/callback", "'self' http:"},
		{"com.example.app:/callback", "'self' com.example.app:"},
		{"javascript:alert(1)", "'self'"},
		{"/path", "'self'"},
		{"https://x.example; script-src *", "'self'"},
		{"http://x.example'; script-src *", "'self'"},
		{"http://a b/", "'self'"},
	} {
		w := shown(t, p, hosted.Page{Kind: hosted.SignIn, LeadsTo: []string{tt.leads}})
		_, got, _ := strings.Cut(w.Header().Get("Content-Security-Policy"), "form-action ")
		if got != tt.want {
			t.Errorf("%s: form-action %s, want %s", tt.leads, got, tt.want)
		}
	}
	w := shown(t, p, hosted.Page{Kind: hosted.FormPost, Action: "https://app.example/callback"})
	if got := w.Header().Get("Content-Security-Policy"); !strings.HasSuffix(got, "form-action 'self' https:") {
		t.Errorf("form-post: %s", got)
	}
}

// TestSecretsAreNotRepeated fills in what was typed. A page must not show passwords and codes again.
func TestSecretsAreNotRepeated(t *testing.T) {
	p := made(t, nil)
	for _, k := range hosted.Kinds() {
		page := hosted.Page{Kind: k, User: "ada", Values: map[string]string{}, Profile: hosted.Profile{Password: true}}
		for _, name := range []string{"password", "new_password", "code", "credential"} {
			page.Values[name] = "s3cret"
			page.FieldProblems = map[string]string{name: "required"}
		}
		if body := shown(t, p, page).Body.String(); strings.Contains(body, "s3cret") {
			t.Errorf("%s repeats a secret", k)
		}
	}
	page := hosted.Page{Kind: hosted.SignIn, Values: map[string]string{"username": "ada"}}
	if !strings.Contains(shown(t, p, page).Body.String(), `value="ada"`) {
		t.Error("the user name is not repeated")
	}
}

func TestFormsCarryTheirState(t *testing.T) {
	p := made(t, nil)
	for _, s := range states() {
		if strings.HasSuffix(s.Name, "-hostile") {
			continue
		}
		tags, err := parsed(shown(t, p, s.Page).Body.String())
		if err != nil {
			t.Fatal(err)
		}
		forms := find(tags, "form", "", "")
		csrf := find(tags, "input", "name", "_csrf")
		if s.Page.Kind == hosted.FormPost {
			if len(csrf) != 0 {
				t.Errorf("%s tells another site the token of our forms", s.Name)
			}
			continue
		}
		if len(csrf) != len(forms) || len(find(tags, "input", "name", "state")) != len(forms) {
			t.Errorf("%s: %d forms, %d tokens", s.Name, len(forms), len(csrf))
		}
		for _, f := range forms {
			if f.attrs["action"] != s.Page.Action || f.attrs["method"] != "post" {
				t.Errorf("%s: a form is sent by %s to %s", s.Name, f.attrs["method"], f.attrs["action"])
			}
		}
	}
}

func TestFieldsTellBrowsersWhatTheyAre(t *testing.T) {
	p := made(t, nil)
	for _, tt := range []struct{ state, field, attr, want string }{
		{"sign-in", "username", "autocomplete", "username"},
		{"sign-in", "password", "autocomplete", "current-password"},
		{"identify", "username", "type", "email"},
		{"identify-phone", "username", "inputmode", "tel"},
		{"new-password", "new_password", "autocomplete", "new-password"},
		{"sign-up", "password", "autocomplete", "new-password"},
		{"code-sms", "code", "autocomplete", "one-time-code"},
		{"code-sms", "code", "inputmode", "numeric"},
		{"code-hidden", "code", "maxlength", "10"},
		{"sign-up-long", "birthdate", "type", "date"},
		{"sign-up-long", "attribute-books", "type", "number"},
		{"sign-up-long", "attribute-books", "max", "9999"},
		{"sign-up-long", "attribute-shelf", "maxlength", "40"},
		{"sign-up-long", "attribute-since", "type", "datetime-local"},
		{"sign-up-long", "attribute-news", "type", "checkbox"},
		{"sign-up-problems", "email", "aria-describedby", "field-email-problem"},
		{"sign-up-problems", "password", "aria-describedby", "field-password-problem field-password-hint"},
		{"code-sms", "code", "aria-describedby", "lead"},
		{"code-wrong", "code", "aria-describedby", "lead field-code-problem"},
		{"setup-address-sms", "value", "type", "tel"},
	} {
		tags, err := parsed(shown(t, p, state(t, tt.state)).Body.String())
		if err != nil {
			t.Fatal(err)
		}
		if f := find(tags, "input", "name", tt.field); len(f) != 1 || f[0].attrs[tt.attr] != tt.want {
			t.Errorf("%s: %s has %v, want %s=%q", tt.state, tt.field, f, tt.attr, tt.want)
		}
	}
}

// TestPagesBeginWhereSomethingIsWrong: the first field that asks for the focus gets it.
func TestPagesBeginWhereSomethingIsWrong(t *testing.T) {
	p := made(t, nil)
	for name, want := range map[string]string{"sign-in": "username", "sign-in-wrong": "password", "password": "password", "new-password-problem": "new_password", "code-wrong": "code"} {
		page := state(t, name)
		tags, err := parsed(shown(t, p, page).Body.String())
		if err != nil {
			t.Fatal(err)
		}
		if f := find(tags, "input", "autofocus", ""); len(f) == 0 || f[0].attrs["name"] != want {
			t.Errorf("%s begins in %v, want %s", name, f, want)
		}
	}
	page := state(t, "sign-up-problems")
	page.FieldProblems = map[string]string{"email": "invalid-email"}
	tags, err := parsed(shown(t, p, page).Body.String())
	if err != nil {
		t.Fatal(err)
	}
	if f := find(tags, "input", "autofocus", ""); len(f) != 1 || f[0].attrs["name"] != "email" {
		t.Errorf("the page begins in %v, want the field that is wrong", f)
	}
}

func TestProblems(t *testing.T) {
	p := made(t, nil)
	for _, tt := range []struct{ code, want string }{
		{"incorrect", "Incorrect user name or password."},
		{"PreSignUp failed with error <no>.", "PreSignUp failed with error &lt;no&gt;."},
		{"no-such-code", "That did not work. Please try again."},
	} {
		body := shown(t, p, hosted.Page{Kind: hosted.SignIn, Problem: tt.code}).Body.String()
		if !strings.Contains(body, `role="alert"`) || !strings.Contains(body, "<p>"+tt.want+"</p>") || !strings.Contains(body, "<title>Problem: Sign in</title>") {
			t.Errorf("%s: %s", tt.code, body)
		}
		if body := shown(t, p, hosted.Page{Kind: hosted.Error, Problem: tt.code}).Body.String(); !strings.Contains(body, tt.want) {
			t.Errorf("%s on the page of errors: %s", tt.code, body)
		}
	}
	if all := hosted.Problems(); len(all) < 30 || !slices.Contains(all, "incorrect") || !slices.Contains(hosted.Notes(), "saved") {
		t.Errorf("problems: %q", all)
	}
}

// TestPagesAreLight counts what a browser that was never here must load, before compression.
func TestPagesAreLight(t *testing.T) {
	p := made(t, nil)
	const limit = 30_000
	heaviest, which := 0, ""
	for _, s := range states() {
		if strings.HasSuffix(s.Name, "-hostile") {
			continue
		}
		w := shown(t, p, s.Page)
		tags, err := parsed(w.Body.String())
		if err != nil {
			t.Fatal(err)
		}
		size := w.Body.Len()
		for _, g := range tags {
			if address := g.attrs["href"]; g.name == "link" && !strings.HasPrefix(address, "data:") {
				size += len(asset(t, p, address))
			}
			if g.name == "script" && !g.end {
				size += len(asset(t, p, g.attrs["src"]))
			}
		}
		if size > heaviest {
			heaviest, which = size, s.Name
		}
		if size >= limit {
			t.Errorf("%s weighs %d bytes, the limit is %d", s.Name, size, limit)
		}
	}
	t.Logf("the heaviest page is %s: %d bytes", which, heaviest)
}

func asset(t *testing.T, p *hosted.Pages, address string) string {
	t.Helper()
	w := httptest.NewRecorder()
	p.Assets().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, address, nil))
	if w.Code != http.StatusOK {
		t.Errorf("%s: %d", address, w.Code)
	}
	return w.Body.String()
}

func TestAssets(t *testing.T) {
	p := made(t, &hosted.Options{AssetPath: "/static/pages/", Style: ":root{--radius:0}"})
	tags, err := parsed(shown(t, p, hosted.Page{Kind: hosted.SignIn}).Body.String())
	if err != nil {
		t.Fatal(err)
	}
	sheets := find(tags, "link", "rel", "stylesheet")
	if len(sheets) != 2 || asset(t, p, sheets[1].attrs["href"]) != ":root{--radius:0}" {
		t.Errorf("style sheets: %v", sheets)
	}
	for _, tt := range []struct {
		method, path string
		code         int
	}{
		{"GET", sheets[0].attrs["href"], 200},
		{"HEAD", sheets[0].attrs["href"], 200},
		{"POST", sheets[0].attrs["href"], 405},
		{"GET", "/assets/" + strings.TrimPrefix(sheets[0].attrs["href"], "/static/pages/"), 404},
		{"GET", "/static/pages/style.css", 404},
		{"GET", "/static/pages/../pages.go", 404},
		{"GET", "/static/pages/", 404},
	} {
		w := httptest.NewRecorder()
		p.Assets().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, nil))
		if w.Code != tt.code {
			t.Errorf("%s %s: %d, want %d", tt.method, tt.path, w.Code, tt.code)
		}
		kept := w.Header().Get("Cache-Control") == "public, max-age=31536000, immutable"
		if kept != (tt.code == 200) {
			t.Errorf("%s %s: Cache-Control %q", tt.method, tt.path, w.Header().Get("Cache-Control"))
		}
	}
}

func TestTemplatesAreReplacedOneByOne(t *testing.T) {
	var logged bytes.Buffer
	p := made(t, &hosted.Options{
		Logger: slog.New(slog.NewTextHandler(&logged, nil)),
		Templates: fstest.MapFS{
			"signed-out.html": {Data: []byte(`{{define "main"}}<p>Goodbye, {{.Client}}</p>{{end}}`)},
			"parts.html":      {Data: []byte(`{{define "to-sign-up"}}<p>Ask at the desk.</p>{{end}}`)},
			"confirmed.html":  {Data: []byte(`{{define "main"}}{{.T "no.such.text"}}{{end}}`)},
		},
	})
	if body := shown(t, p, hosted.Page{Kind: hosted.SignedOut, Client: "<app>"}).Body.String(); !strings.Contains(body, "<p>Goodbye, &lt;app&gt;</p>") {
		t.Errorf("the template of the program is not used: %s", body)
	}
	if body := shown(t, p, hosted.Page{Kind: hosted.SignIn}).Body.String(); !strings.Contains(body, "Ask at the desk.") || !strings.Contains(body, `name="password"`) {
		t.Errorf("a part is not replaced alone: %s", body)
	}
	w := shown(t, p, hosted.Page{Kind: hosted.Confirmed, Client: "secret app"})
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "no.such.text") || !strings.Contains(logged.String(), "no.such.text") {
		t.Errorf("a template that fails: %d %s, logged %s", w.Code, w.Body, &logged)
	}
	if _, err := hosted.New(&hosted.Options{Templates: fstest.MapFS{"code.html": {Data: []byte(`{{if}}`)}}}); err == nil || !strings.Contains(err.Error(), "code.html") {
		t.Errorf("a template that is no template: %v", err)
	}
	if w := shown(t, p, hosted.Page{Kind: "nothing"}); w.Code != http.StatusInternalServerError {
		t.Errorf("an unknown kind: %d", w.Code)
	}
}

func TestPreview(t *testing.T) {
	preview := made(t, nil).Preview()
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		preview.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return w
	}
	list := get("/").Body.String()
	for i, s := range states() {
		if !strings.Contains(list, `href="/`+s.Name+`"`) {
			t.Errorf("%s is not listed", s.Name)
		}
		if testing.Short() && i%4 != 0 {
			continue
		}
		if w := get("/" + s.Name + "?lang=ja"); w.Code != http.StatusOK || w.Header().Get("Content-Language") != "ja" {
			t.Errorf("%s: %d in %s", s.Name, w.Code, w.Header().Get("Content-Language"))
		}
	}
	if w := get("/nothing"); w.Code != http.StatusNotFound {
		t.Errorf("an unknown state: %d", w.Code)
	}
}
