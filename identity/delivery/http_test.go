package delivery_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/delivery"
)

// deliverer is what all senders have in common.
type deliverer interface {
	identity.MediumSender
	Deliver(context.Context, *identity.Message) (*delivery.Receipt, error)
}

// A web is a provider that answers as its test says, and remembers the last request.
type web struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	header http.Header
	answer string
	wait   time.Duration

	request *http.Request
	body    string
}

func newWeb(t *testing.T) *web {
	t.Helper()
	w := &web{status: http.StatusOK, header: http.Header{}}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.mu.Lock()
		w.request, w.body = r, string(body)
		status, answer, wait := w.status, w.answer, w.wait
		for name, v := range w.header {
			rw.Header()[name] = v
		}
		w.mu.Unlock()
		select {
		case <-time.After(wait):
		case <-r.Context().Done():
			return
		}
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, answer)
	}))
	t.Cleanup(w.Close)
	return w
}

func text(code string) *identity.Message {
	return &identity.Message{
		ID: "m1", Medium: identity.MediumSMS, Kind: identity.MessageSignUpCode, Username: "alice", To: "+14155550123",
		Code: identity.Secret(code), Body: "Your code is " + code,
	}
}

// answers are what providers say, and what the error says then.
var answers = []struct {
	name      string
	status    int
	temporary bool
}{
	{"bad request", 400, false},
	{"unauthorized", 401, true},
	{"payment", 402, true},
	{"forbidden", 403, true},
	{"not found", 404, false},
	{"gone", 410, false},
	{"timeout", 408, true},
	{"unprocessable", 422, false},
	{"too many", 429, true},
	{"fails", 500, true},
	{"busy", 503, true},
}

// testAnswers holds a sender by HTTP to its errors.
func testAnswers(t *testing.T, w *web, s deliverer, m func(code string) *identity.Message) {
	t.Helper()
	w.answer = `{"queued":"q1"}`
	for _, status := range []int{200, 201, 202, 204} {
		w.status = status
		r, err := s.Deliver(t.Context(), m("471147"))
		if err != nil || r.Code != status || status != 204 && r.Reply != w.answer {
			t.Errorf("%d: %v, %v", status, r, err)
		}
	}
	for _, a := range answers {
		w.status, w.answer = a.status, `{"message":"no such number +14155550123"}`
		e := failing(t, s, m("471147"))
		if e == nil {
			continue
		}
		if e.Temporary != a.temporary || e.Code != a.status || !strings.Contains(e.Reply, "no such number") {
			t.Errorf("%s: temporary %t, code %d, reply %q: %v", a.name, e.Temporary, e.Code, e.Reply, e)
		}
		w.answer = `you sent "471147" to +14155550123`
		if e := failing(t, s, m("471147")); e != nil && (e.Reply != "" || strings.Contains(e.Error(), "471147")) {
			t.Errorf("%s: the error shows the code: %v, %q", a.name, e, e.Reply)
		}
		w.answer = `you sent "pa&#x26;ss"`
		if e := failing(t, s, m("pa&ss")); e != nil && e.Reply != "" {
			t.Errorf("%s: the error shows a password in another form: %q", a.name, e.Reply)
		}
	}
	testNoAnswers(t, w, s, m)
}

func testNoAnswers(t *testing.T, w *web, s deliverer, m func(code string) *identity.Message) {
	t.Helper()
	w.status, w.answer = 302, ""
	w.header.Set("Location", "http://127.0.0.1:1/elsewhere")
	if e := failing(t, s, m("471147")); e != nil && !e.Temporary {
		t.Errorf("a redirect: %v", e)
	}
	w.header.Del("Location")
	w.status, w.answer = 200, strings.Repeat("x", 1<<20+1)
	if e := failing(t, s, m("471147")); e != nil && e.Temporary {
		t.Errorf("a long answer, behind which the message was sent: %v", e)
	}
	w.answer, w.wait = "", time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := s.Send(ctx, m("471147"))
	if e, ok := errors.AsType[*delivery.Error](err); !ok || !e.Temporary || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no answer: %v", err)
	}
	w.Close()
	if e := failing(t, s, m("471147")); e != nil && !e.Temporary {
		t.Errorf("no server: %v", e)
	}
}

// failing sends a message, which must fail.
func failing(t *testing.T, s deliverer, m *identity.Message) *delivery.Error {
	t.Helper()
	err := s.Send(t.Context(), m)
	e, ok := errors.AsType[*delivery.Error](err)
	if !ok {
		t.Errorf("error %v is no delivery.Error", err)
	}
	return e
}

// testMessages holds a sender of text messages to what it cannot send.
func testMessages(t *testing.T, s deliverer) {
	t.Helper()
	if s.Sends(identity.MediumEmail) || !s.Sends(identity.MediumSMS) {
		t.Error("it sends by the wrong medium")
	}
	mail := text("471147")
	mail.Medium, mail.To = identity.MediumEmail, "alice@example.com"
	if e := failing(t, s, mail); e != nil && e.Temporary {
		t.Errorf("a mail: %v", e)
	}
	for _, to := range []string{"", "14155550123", "+1 415", "+1415555012&x=1", "+14155550123\r\nX: y", "+12345678901234567"} {
		m := text("471147")
		m.To = to
		if e := failing(t, s, m); e != nil && e.Temporary {
			t.Errorf("to %q: %v", to, e)
		}
	}
}

// TestHTTPSendersKeepToPublicAddresses calls this machine by its name, which has no public address.
func TestHTTPSendersKeepToPublicAddresses(t *testing.T) {
	name, err := os.Hostname()
	if err != nil {
		t.Skip(err)
	}
	if a, err := net.DefaultResolver.LookupNetIP(t.Context(), "ip", name); err != nil || !slices.ContainsFunc(a, netip.Addr.IsLoopback) {
		t.Skipf("the name of this machine has no loopback address: %v, %v", a, err)
	}
	w := httptest.NewTLSServer(http.NotFoundHandler())
	defer w.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(w.URL, "https://"), ":")
	host := strings.ToLower(name) + ":" + port
	for want, allow := range map[string][]string{
		"forbidden":   {strings.ToLower(name) + ":1"},
		"certificate": {host}, // it was called, and its certificate is for another name
	} {
		s, err := delivery.NewSMSTemplate("POST https://"+host+"/?to={to}&text={text}\n", &delivery.SMSTemplateOptions{HTTPOptions: delivery.HTTPOptions{Allow: allow}})
		if err != nil {
			t.Fatal(err)
		}
		if e := failing(t, s, text("471147")); e != nil && (!e.Temporary || !strings.Contains(e.Error(), want)) {
			t.Errorf("allowed %v: %v, want %q in it", allow, e, want)
		}
	}
}
