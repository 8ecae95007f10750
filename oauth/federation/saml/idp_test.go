package saml_test

import (
	"encoding/base64"
	"html"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/crewjam/saml/samlidp"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/cognate-id/cognate/oauth/federation/saml"
)

// An idp is crewjam's samlidp: an identity provider that we did not write. It shares code with what we verify with,
// which is why it is not the only counterpart.
type idp struct {
	t       *testing.T
	handler http.Handler
	cookies []*http.Cookie
}

func newIDP(t *testing.T) *idp {
	t.Helper()
	s, err := samlidp.New(samlidp.Options{
		URL: url.URL{Scheme: "https", Host: "idp.example.com"}, Key: pairs().idp.key, Certificate: pairs().idp.cert,
		Logger: log.New(io.Discard, "", 0), Store: &samlidp.MemoryStore{}, Clock: dsig.NewFakeClockAt(start),
	})
	if err != nil {
		t.Fatal(err)
	}
	i := &idp{t: t, handler: s}
	i.do(http.MethodPut, "/users/alice", `{"name":"alice","email":"`+alice+`","password":"hunter2","groups":["a","b"]}`)
	return i
}

func (i *idp) do(method, target, body string) *http.Response {
	i.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "idp.example.com"
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range i.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	i.handler.ServeHTTP(w, r)
	res := w.Result()
	if res.StatusCode >= 400 {
		i.t.Fatalf("%s %s: %d %s", method, target, res.StatusCode, w.Body)
	}
	i.cookies = append(i.cookies, res.Cookies()...)
	return res
}

// metadata returns what the provider says of itself, as we read it.
func (i *idp) metadata() *saml.Metadata {
	i.t.Helper()
	doc, err := io.ReadAll(i.do(http.MethodGet, "/metadata", "").Body)
	if err != nil {
		i.t.Fatal(err)
	}
	m, err := saml.ParseMetadata(doc, start)
	if err != nil {
		i.t.Fatal(err)
	}
	return m
}

// provider returns ours, which the provider knows by our metadata document.
func (i *idp) provider(change func(*saml.Config)) *saml.Provider {
	i.t.Helper()
	m := i.metadata()
	p := newProvider(i.t, func(c *saml.Config) {
		c.IdP = m
		change(c)
	})
	doc, err := p.Metadata()
	if err != nil {
		i.t.Fatal(err)
	}
	i.do(http.MethodPut, "/services/pool", string(doc))
	return p
}

var input = regexp.MustCompile(`name="(\w+)" value="([^"]*)"`)

// form returns the fields of the form in an answer.
func (i *idp) form(res *http.Response) map[string]string {
	i.t.Helper()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		i.t.Fatal(err)
	}
	fields := map[string]string{}
	for _, m := range input.FindAllStringSubmatch(string(page), -1) {
		fields[m[1]] = html.UnescapeString(m[2])
	}
	return fields
}

// signIn types the password, follows a request, and returns the form that is posted to us. The password comes first,
// because samlidp's page does not repeat the signature of a request.
func (i *idp) signIn(r *saml.Request) map[string]string {
	i.t.Helper()
	i.do(http.MethodPost, "/login", url.Values{"user": {"alice"}, "password": {"hunter2"}}.Encode())
	return i.form(i.do(http.MethodGet, r.URL, ""))
}

func TestCounterpart(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*saml.Config)
	}{
		{"plain", func(c *saml.Config) {
			c.DecryptionKeys, c.EncryptionCertificate, c.SigningKey, c.SigningCertificate = nil, nil, nil, nil
		}},
		{"signed requests", func(c *saml.Config) { c.RequestSigningAlgorithm, c.DecryptionKeys = saml.RSASHA256, nil }},
		{"encrypted", func(c *saml.Config) { c.EncryptedResponses = true }},
		{"all", func(c *saml.Config) { c.RequestSigningAlgorithm, c.EncryptedResponses = saml.RSASHA256, true }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := newIDP(t)
			p := i.provider(tt.change)
			r, err := p.AuthnRequest(saml.NewID(), "opaque & sealed")
			if err != nil {
				t.Fatal(err)
			}
			form := i.signIn(r)
			if form["RelayState"] != "opaque & sealed" {
				t.Errorf("RelayState: got %q", form["RelayState"])
			}
			a, err := p.Response(form["SAMLResponse"], r.ID)
			if err != nil {
				t.Fatal(err)
			}
			if a.NameID == "" || a.SessionIndex == "" || len(a.Attributes["urn:oid:1.3.6.1.4.1.5923.1.1.1.1"]) != 2 {
				t.Errorf("got %+v", a)
			}
			if _, err := p.Response(form["SAMLResponse"], "_other"); err == nil {
				t.Error("accepted for another request")
			}
		})
	}
}

func TestCounterpartUnsolicited(t *testing.T) {
	i := newIDP(t)
	p := i.provider(func(c *saml.Config) { c.IDPInit = true })
	i.do(http.MethodPut, "/shortcuts/pool", `{"name":"pool","service_provider":"`+spID+`","relay_state":"client_id=1"}`)
	i.do(http.MethodPost, "/login", url.Values{"user": {"alice"}, "password": {"hunter2"}}.Encode())
	form := i.form(i.do(http.MethodGet, "/login/pool", ""))
	a, err := p.Unsolicited(form["SAMLResponse"])
	if err != nil {
		t.Fatal(err)
	}
	if a.NameID == "" || form["RelayState"] != "client_id=1" {
		t.Errorf("got %+v, %q", a, form["RelayState"])
	}
}

func TestCounterpartLogout(t *testing.T) {
	i := newIDP(t)
	p := i.provider(func(c *saml.Config) { c.IDPSignout = true })
	r, err := p.AuthnRequest(saml.NewID(), "")
	if err != nil {
		t.Fatal(err)
	}
	a, err := p.Response(i.signIn(r)["SAMLResponse"], r.ID)
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.LogoutRequest(saml.NewID(), a.Subject(), "state")
	if err != nil {
		t.Fatal(err)
	}
	form := i.form(i.do(http.MethodGet, out.URL, ""))
	if form["RelayState"] != "state" {
		t.Errorf("RelayState: got %q", form["RelayState"])
	}
	if err := p.LogoutResponse(form["SAMLResponse"], out.ID); err != nil {
		t.Fatal(err)
	}
	if err := p.LogoutResponse(form["SAMLResponse"], "_other"); err == nil {
		t.Error("accepted for another request")
	}
}

// TestCounterpartForged shows that a genuine response with one changed byte is refused, whichever byte it is.
func TestCounterpartForged(t *testing.T) {
	i := newIDP(t)
	p := i.provider(func(c *saml.Config) { c.DecryptionKeys, c.EncryptionCertificate = nil, nil })
	r, err := p.AuthnRequest(saml.NewID(), "")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := base64.StdEncoding.DecodeString(i.signIn(r)["SAMLResponse"])
	if err != nil {
		t.Fatal(err)
	}
	genuine, err := p.Response(base64.StdEncoding.EncodeToString(doc), r.ID)
	if err != nil {
		t.Fatal(err)
	}
	step := 7
	if testing.Short() {
		step = 71
	}
	began := time.Now()
	for at := 0; at < len(doc); at += step {
		changed := append([]byte(nil), doc...)
		changed[at] ^= 1
		a, err := p.Response(base64.StdEncoding.EncodeToString(changed), r.ID)
		if err == nil && (a.NameID != genuine.NameID || a.ID != genuine.ID || len(a.Attributes) != len(genuine.Attributes)) {
			t.Errorf("byte %d: accepted as %+v", at, a)
		}
	}
	t.Logf("%d changes in %v", len(doc)/step, time.Since(began))
}
