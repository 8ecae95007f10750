package web_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cognate-id/cognate/examples/internal/web"
)

const pages = `
{{define "in"}}{{template "top" (.Titled "In")}}<form method="post" action="/in">
<input type="hidden" name="state" value="{{.Value "state"}}">
{{template "field" (.Field "email" "E-mail" "email" "username")}}
{{template "field" ((.Field "password" "Password" "password" "new-password").Hinted "long")}}
{{template "field" (.Field "code" "Code" "text" "one-time-code")}}
</form>{{template "bottom"}}{{end}}
{{define "home"}}{{template "top" (.Titled "Home")}}count {{.Visit}}{{template "bottom"}}{{end}}
{{define "broken"}}{{template "top" (.Titled "Broken")}}{{.Visit.Nothing}}{{end}}
{{define "note-new"}}It is new & good.{{end}}`

var (
	errWrong = errors.New("wrong")
	errOften = errors.New("too often")
	errOver  = errors.New("over")
)

var problems = []web.Problem{
	web.At("password", "Wrong.", errWrong), web.TooMany("Later.", errOften), web.Onward("/in?note=new", errOver),
}

// newSite has a form to sign in, which fails as the password says, and a member's page that counts.
func newSite(https bool) *web.Site[int] {
	s := web.New[int]("Test", pages, problems, web.Options{HTTPS: https})
	s.Pages("in", "broken")
	s.Form("/in", "in", func(q *web.Request[int]) (string, error) {
		switch q.Text("password") {
		case "wrong":
			return "", errWrong
		case "often":
			return "", errOften
		case "over":
			return "", errOver
		case "unknown":
			return "", errors.New("a detail of ours")
		case "show":
			return "", q.Show("in", "state", q.Text("email"))
		}
		q.Begin(1, time.Hour)
		return "/", nil
	}, "email", "password")
	s.MemberPage("/{$}", "home")
	s.MemberForm("/more", "home", func(q *web.Request[int]) (string, error) {
		q.Visit++
		return "/", nil
	})
	s.MemberForm("/fail", "home", func(q *web.Request[int]) (string, error) {
		q.Visit = 100
		return "", errWrong
	})
	s.MemberForm("/out", "home", func(q *web.Request[int]) (string, error) {
		q.End()
		return "/in", nil
	})
	return s
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
	return url.Values{"email": {" a@example.com "}, "password": {password}}
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
	s := newSite(false)
	for path, kind := range map[string]string{"/in": "text/html; charset=utf-8", "/style.css": "text/css; charset=utf-8"} {
		res := send(s, path, nil, nil)
		wants(t, res, 200, "")
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
			"Referrer-Policy":         "same-origin",
			"X-Content-Type-Options":  "nosniff",
			"Cache-Control":           "no-store",
			"Content-Type":            kind,
		} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: %s = %q, want %q", path, name, got, want)
			}
		}
	}
}

func TestCookies(t *testing.T) {
	for https, want := range map[bool]string{
		false: `^visit=[A-Z2-7]{26}; Path=/; HttpOnly; SameSite=Lax$`,
		true:  `^__Host-visit=[A-Z2-7]{26}; Path=/; HttpOnly; Secure; SameSite=Lax$`,
	} {
		s := newSite(https)
		in := send(s, "/in", login("good"), nil)
		wants(t, in, http.StatusSeeOther, "Location: /\r\n")
		cookies := in.Header.Values("Set-Cookie")
		if len(cookies) != 1 || !regexp.MustCompile(want).MatchString(cookies[0]) {
			t.Errorf("Set-Cookie = %q, want one like %q", cookies, want)
		}
		if again := send(s, "/in", login("good"), in).Header.Get("Set-Cookie"); again == cookies[0] {
			t.Error("two sign-ins have the same visit")
		}
	}
}

func TestOtherSites(t *testing.T) {
	s := newSite(false)
	in := send(s, "/in", login("good"), nil)
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		wants(t, send(s, "/out", url.Values{}, in, name, value), http.StatusForbidden, "")
	}
	wants(t, send(s, "/", nil, in), 200, "count 1")
	wants(t, send(s, "/in", url.Values{"email": {strings.Repeat("a", 17<<10)}}, nil), http.StatusBadRequest, "cannot be read")
}

func TestProblems(t *testing.T) {
	s := newSite(false)
	text := wants(t, send(s, "/in", login("wrong"), nil), 422, `<p class="problem" id="password-problem" role="alert">Wrong.</p>`)
	for _, want := range []string{
		"<title>Error: In – Test</title>", `value="a@example.com"`,
		`aria-describedby="password-problem password-hint" aria-invalid="true" autofocus`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in:\n%s", want, text)
		}
	}
	if strings.Contains(text, `value="wrong"`) {
		t.Errorf("the page repeats the password:\n%s", text)
	}
	wants(t, send(s, "/in", login(""), nil), 422, `id="password-problem" role="alert">Fill this in`)
	wants(t, send(s, "/in", login("often"), nil), 429, `<p class="problem box" role="alert">Later.</p>`)
	wants(t, send(s, "/in", login("over"), nil), 303, "Location: /in?note=new")
	wants(t, send(s, "/in?note=new", nil, nil), 200, `role="status">It is new & good.</p>`)
	if text := wants(t, send(s, "/in", login("unknown"), nil), 500, "Something went wrong"); strings.Contains(text, "detail") {
		t.Errorf("an error of ours is shown:\n%s", text)
	}
	if text := wants(t, send(s, "/broken", nil, nil), 500, "cannot be shown"); strings.Contains(text, "<h1>") {
		t.Errorf("a page is shown in part:\n%s", text)
	}
}

func TestCodesAreFilledInUnlessWrong(t *testing.T) {
	s := newSite(false)
	form := login("wrong")
	form.Set("code", "123 456")
	wants(t, send(s, "/in", form, nil), 422, `type="text" value="123456"`)
}

func TestMarkupIsEscaped(t *testing.T) {
	s := newSite(false)
	const script = `"><script>alert(1)</script>`
	for _, password := range []string{"wrong", "show", ""} {
		form := url.Values{"email": {script}, "password": {password}}
		res := send(s, "/in", form, nil)
		text := wants(t, res, res.StatusCode, "&lt;script&gt;") + wants(t, send(s, "/in", nil, res), 200, "")
		if strings.Contains(text, "<script") {
			t.Errorf("markup is not escaped:\n%s", text)
		}
	}
	remembered := send(s, "/in", url.Values{"email": {script}, "password": {"wrong"}}, nil)
	wants(t, send(s, "/in", nil, remembered), 200, "&lt;script&gt;")
	if text := wants(t, send(s, "/in?note="+url.QueryEscape(script), nil, nil), 200, ""); strings.Contains(text, "script") {
		t.Errorf("a note of others is shown:\n%s", text)
	}
}

func TestVisits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(false)
		wants(t, send(s, "/", nil, nil), 303, "Location: /sign-in\r\n")
		in := send(s, "/in", login("good"), nil)
		wants(t, send(s, "/more", url.Values{}, in), 303, "Location: /\r\n")
		wants(t, send(s, "/fail", url.Values{}, in), 422, "")
		wants(t, send(s, "/", nil, in), 200, "count 2")
		time.Sleep(time.Hour + time.Second)
		wants(t, send(s, "/", nil, in), 303, "Location: /sign-in\r\n")

		in = send(s, "/in", login("good"), nil)
		out := send(s, "/out", url.Values{}, in)
		if c := out.Cookies(); len(c) != 1 || c[0].Value != "" || c[0].MaxAge >= 0 {
			t.Errorf("cookies after the end: %v", c)
		}
		wants(t, send(s, "/", nil, in), 303, "Location: /sign-in\r\n") // the old cookie is good no more
	})
}

func TestCheck(t *testing.T) {
	s := newSite(false)
	in := send(s, "/in", login("good"), nil)
	s.Check = func(_ context.Context, v *int) error { *v = 7; return nil }
	wants(t, send(s, "/", nil, in), 200, "count 7")
	s.Check = func(context.Context, *int) error { return errOver }
	wants(t, send(s, "/", nil, in), 303, "Location: /sign-in\r\n")
	wants(t, send(s, "/more", url.Values{}, in), 303, "Location: /sign-in\r\n")
}
