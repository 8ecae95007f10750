package web_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/web"
	"github.com/cognate-id/cognate/store/memory"
)

const pages = `
{{define "in"}}{{template "top" (.Titled "In")}}<form method="post" action="/in">
<input type="hidden" name="state" value="{{.Value "state"}}">
{{template "field" (.Field "email" "E-mail" "email" "username")}}
{{template "field" ((.Field "new-password" "Password" "password" "new-password").Hinted "long")}}
{{template "field" (.Field "code" "Code" "text" "one-time-code")}}
</form>{{template "bottom"}}{{end}}
{{define "home"}}{{template "top" (.Titled "Home")}}<form method="post">{{template "field" (.Field "note" "Note" "text" "off")}}</form>
{{with .Visit.Session.User}}user {{.Username}}{{end}}{{template "bottom"}}{{end}}
{{define "broken"}}{{template "top" (.Titled "Broken")}}{{.Nothing}}{{end}}
{{define "note-new"}}It is new & good.{{end}}`

var (
	errWrong = errors.New("wrong")
	errOften = errors.New("too often")
	errOver  = errors.New("over")
)

var problems = []web.Problem{
	web.At("new-password", "Wrong.", errWrong), web.TooMany("Later.", errOften), web.Onward("/in?note=new", errOver),
}

// newSite has a form to sign in, which fails as the password says, and a page of a member.
func newSite(t *testing.T) (*app, *web.Site) {
	t.Helper()
	a := start(t, memory.New(), &web.Options{InsecureHTTP: true})
	s, err := web.NewSite(a.visits, "Test", pages, &web.SiteOptions{Problems: problems, Style: ":root { --accent: #123456 }"})
	if err != nil {
		t.Fatal(err)
	}
	s.Page("/in", "in")
	s.Page("/broken", "broken")
	s.Form("/in", "in", func(q *web.Request) (string, error) {
		switch q.Text("new-password") {
		case "wrong":
			return "", errWrong
		case "often":
			return "", errOften
		case "over":
			return "", errOver
		case "weak":
			return "", &identity.PasswordError{Unmet: []identity.PasswordRule{identity.RuleLength, identity.RuleNumber}}
		case "unknown":
			return "", errors.New("a detail of ours")
		case "show":
			return "", q.Show("in", "state", q.Text("email"))
		}
		res, err := a.pool.SignIn(q.Context(), identity.SignIn{Username: "alice", Password: password})
		if err != nil {
			return "", err
		}
		return "/", q.Begin(res.Tokens)
	}, "email", "new-password")
	s.MemberPage("/{$}", "home")
	s.MemberForm("/fail", "home", func(*web.Request) (string, error) { return "", errWrong })
	s.MemberForm("/out", "home", func(q *web.Request) (string, error) { return "/in", q.End() })
	s.MemberForm("/out-everywhere", "home", func(q *web.Request) (string, error) { return "/in", q.EndEverywhere() })
	s.Handle("GET /own", a.visits.Require(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("own")) })))
	return a, s
}

// send sends a form, or gets a page if form is nil, with the cookies of an earlier answer.
func send(s http.Handler, path string, form url.Values, earlier *http.Response, header ...string) *http.Response {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if form != nil {
		r = httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if earlier != nil {
		for _, c := range earlier.Cookies() {
			r.AddCookie(c)
		}
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

func login(password string) url.Values {
	return url.Values{"email": {" a@example.com "}, "new-password": {password}}
}

// wants checks the status of an answer and where it leads or, if it is a page, what is in it.
func wants(t *testing.T, res *http.Response, status int, want string) string {
	t.Helper()
	var body strings.Builder
	if err := res.Write(&body); err != nil {
		t.Fatal(err)
	}
	if text := body.String(); res.StatusCode != status || !strings.Contains(text, want) {
		t.Errorf("status %d, want %d with %q:\n%s", res.StatusCode, status, want, text)
	}
	return body.String()
}

func TestHeaders(t *testing.T) {
	_, s := newSite(t)
	for path, kind := range map[string]string{
		"/in": "text/html; charset=utf-8", "/style.css": "text/css; charset=utf-8", "/page.js": "text/javascript; charset=utf-8", "/nothing": "text/html; charset=utf-8",
	} {
		res := send(s, path, nil, nil)
		caching := "no-store"
		if strings.Contains(path, ".") {
			caching = "max-age=300"
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
			"Referrer-Policy":         "same-origin",
			"X-Content-Type-Options":  "nosniff",
			"Cache-Control":           caching,
			"Content-Type":            kind,
		} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: %s = %q, want %q", path, name, got, want)
			}
		}
	}
	wants(t, send(s, "/style.css", nil, nil), 200, "--accent: #123456")
}

func TestFormsOfOtherSites(t *testing.T) {
	_, s := newSite(t)
	in := send(s, "/in", login("good"), nil)
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		wants(t, send(s, "/out", url.Values{}, in, name, value), http.StatusForbidden, "Nothing was changed")
		wants(t, send(s, "/in", login("wrong"), in, name, value), http.StatusForbidden, "Nothing was changed")
	}
	wants(t, send(s, "/", nil, in), 200, "user alice")
	wants(t, send(s, "/in", url.Values{"email": {strings.Repeat("a", 17<<10)}}, nil), http.StatusBadRequest, "cannot be read")
}

func TestProblems(t *testing.T) {
	_, s := newSite(t)
	text := wants(t, send(s, "/in", login("wrong"), nil), 422, `<p class="problem" id="new-password-problem" role="alert">Wrong.</p>`)
	for _, want := range []string{
		"<title>Error: In – Test</title>", `value="a@example.com"`, `value="wrong"`,
		`aria-describedby="new-password-problem new-password-hint" aria-invalid="true" autofocus`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in:\n%s", want, text)
		}
	}
	wants(t, send(s, "/in", login(""), nil), 422, `id="new-password-problem" role="alert">Fill this in`)
	wants(t, send(s, "/in", login("weak"), nil), 422, `It needs more characters, a digit.`)
	wants(t, send(s, "/in", login("often"), nil), 429, `<p class="problem box" role="alert">Later.</p>`)
	wants(t, send(s, "/in", login("over"), nil), 303, "Location: /in?note=new")
	wants(t, send(s, "/in?note=new", nil, nil), 200, `role="status">It is new & good.</p>`)
	if text := wants(t, send(s, "/in", login("unknown"), nil), 500, "Something went wrong"); strings.Contains(text, "detail") {
		t.Errorf("an error of ours is shown:\n%s", text)
	}
	if text := wants(t, send(s, "/broken", nil, nil), 500, "That did not work"); strings.Contains(text, "Broken") {
		t.Errorf("a page is shown in part:\n%s", text)
	}
	in := send(s, "/in", login("good"), nil)
	wants(t, send(s, "/fail", url.Values{"note": {"kept"}}, in), 422, `<p class="problem box" role="alert">Wrong.</p>`) // the form has no such field
	wants(t, send(s, "/fail", url.Values{"note": {"kept"}}, in), 422, `value="kept"`)
}

func TestCodesHaveNoSpaces(t *testing.T) {
	_, s := newSite(t)
	form := login("wrong")
	form.Set("code", "123 456")
	wants(t, send(s, "/in", form, nil), 422, `type="text" value="123456"`)
}

func TestMarkupIsEscaped(t *testing.T) {
	_, s := newSite(t)
	const script = `"><script>alert(1)</script>`
	for _, password := range []string{"wrong", "show", ""} {
		form := url.Values{"email": {script}, "new-password": {password}}
		res := send(s, "/in", form, nil)
		text := wants(t, res, res.StatusCode, "&lt;script&gt;") + wants(t, send(s, "/in", nil, res), 200, "")
		if strings.Contains(text, "<script>") {
			t.Errorf("markup is not escaped:\n%s", text)
		}
	}
	remembered := send(s, "/in", url.Values{"email": {script}, "new-password": {"wrong"}}, nil)
	wants(t, send(s, "/in", nil, remembered), 200, "&lt;script&gt;")
	if text := wants(t, send(s, "/in?note="+url.QueryEscape(script), nil, nil), 200, ""); strings.Contains(text, "alert(1)") {
		t.Errorf("a note of others is shown:\n%s", text)
	}
}

func TestMembers(t *testing.T) {
	a, s := newSite(t)
	for _, path := range []string{"/", "/own"} {
		wants(t, send(s, path, nil, nil), 303, "Location: /sign-in\r\n")
	}
	wants(t, send(s, "/fail", url.Values{}, nil), 303, "Location: /sign-in\r\n")
	in := send(s, "/in", login("good"), nil)
	wants(t, send(s, "/", nil, in), 200, "user alice")
	wants(t, send(s, "/own", nil, in), 200, "own")
	a.store.down = true
	wants(t, send(s, "/", nil, in), 500, "That did not work")
	a.store.down = false

	out := send(s, "/out", url.Values{}, in)
	if c := out.Cookies(); len(c) != 2 || c[0].Name != "device" || c[1].Name != "visit" || c[1].Value != "" || c[1].MaxAge >= 0 {
		t.Errorf("cookies after the end: %v", c)
	}
	wants(t, send(s, "/", nil, in), 303, "Location: /sign-in\r\n") // the old cookie is good no more

	in, phone := send(s, "/in", login("good"), nil), send(s, "/in", login("good"), nil)
	wants(t, send(s, "/out-everywhere", url.Values{}, in), 303, "Location: /in\r\n")
	wants(t, send(s, "/", nil, phone), 303, "Location: /sign-in\r\n")
}

func TestUnknownPage(t *testing.T) {
	_, s := newSite(t)
	for _, path := range []string{"/nothing", "/in/more", "/out"} {
		wants(t, send(s, path, nil, nil), 404, "This page does not exist")
	}
}

func TestPagesThatCannotBeParsed(t *testing.T) {
	a := start(t, memory.New(), nil)
	if _, err := web.NewSite(a.visits, "Test", `{{define "in"}}{{template`, nil); err == nil {
		t.Error("NewSite takes a template with an error")
	}
}
