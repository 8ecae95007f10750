// Package doctor looks at an authorization server from outside, as an application sees it, and says
// in plain words what a developer got wrong. It is what "cognate doctor" runs.
package doctor

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cognate-id/cognate/token"
)

// A Patient is what is looked at. Only Issuer is required: what is not given is not looked at.
type Patient struct {
	// Issuer is the issuer of a pool, as the application has it.
	Issuer string
	// Client is the id of the app client, and Secret its secret.
	Client, Secret string
	// RedirectURI and Scope are what the application sends to the authorization endpoint.
	RedirectURI, Scope string
	// Origin is that of an application in a browser, such as http://localhost:5173.
	Origin string
	// Token is a token that the application was refused.
	Token string
	// Username and SecretHash are what the application sends to the API.
	Username, SecretHash string
	// Request is the id of a request that "cognate dev" has refused.
	Request string
	// HTTP sends the requests, without following redirects. Defaults to a client with a deadline of ten seconds.
	HTTP *http.Client
	// Now is the time of this machine. Defaults to time.Now.
	Now func() time.Time
}

// A Finding is one thing that was looked at.
type Finding struct {
	What   string // in a word or two
	Wrong  bool   // something must be changed
	Detail string // what was seen
	Remedy string // what to change; empty if nothing is wrong
}

// An examination collects what is found.
type examination struct {
	Patient
	ctx       context.Context
	report    func(Finding)
	discovery token.Discovery
	keys      token.Set
	base      string          // where the endpoints are
	settings  *clientSettings // nil if the server does not tell them
}

func (e *examination) ok(what, format string, args ...any) {
	e.report(Finding{What: what, Detail: fmt.Sprintf(format, args...)})
}

func (e *examination) wrong(what, detail, remedy string) {
	e.report(Finding{What: what, Wrong: true, Detail: detail, Remedy: remedy})
}

// Examine looks at everything that a patient has, and reports each finding as it is made. What
// the server must have for the rest comes first: if that is wrong, the rest is left out.
func Examine(ctx context.Context, p Patient, report func(Finding)) {
	if p.HTTP == nil {
		p.HTTP = &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	e := &examination{Patient: p, ctx: ctx, report: report}
	if p.Request != "" {
		e.request()
		return
	}
	if !e.discover() {
		return
	}
	e.jwks()
	e.endpoints()
	if p.Origin != "" {
		e.cors()
	}
	if p.Client != "" {
		e.client()
	}
	if p.SecretHash != "" {
		e.secretHash()
	}
	if p.Token != "" {
		e.token()
	}
}

// maxAnswer is how much of an answer is read.
const maxAnswer = 1 << 20

// An answer is that of the server.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// send sends a request. A form makes it a POST.
func (e *examination) send(method, to string, form url.Values, header ...string) (*answer, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(e.ctx, method, to, body)
	if err != nil {
		return nil, err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return e.do(r)
}

func (e *examination) do(r *http.Request) (*answer, error) {
	a, err := e.HTTP.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = a.Body.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(a.Body, maxAnswer))
	return &answer{a.StatusCode, a.Header, text}, err
}

// differ shows two texts below each other, and marks where they begin to differ.
func differ(got, want string) string {
	n := 0
	for n < len(got) && n < len(want) && got[n] == want[n] {
		n++
	}
	mark := len([]rune(strings.ToValidUTF8(got[:n], "?")))
	return fmt.Sprintf("yours: %s\nits:   %s\n       %s^ here they differ", got, want, strings.Repeat(" ", mark))
}
