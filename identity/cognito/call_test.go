package cognito_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
	"github.com/cognate-id/cognate/identity/hook"
)

const maxText = 1024 // bytes of what a client writes about itself

func ref[T any](v T) *T { return &v }

// What the members about the call hold in TestCallOfEachRequest, by their type.
var (
	metadata     = map[string]string{"shop": "berlin"}
	fromUser     = &idp.UserContextDataType{EncodedData: ref(wire.Secret("opaque")), IpAddress: ref(wire.Secret("203.0.113.9"))}
	fromOperator = &idp.ContextDataType{
		EncodedData: ref("opaque"), IpAddress: ref("203.0.113.9"), ServerName: ref("shop.example.com"), ServerPath: ref("/login"),
		HttpHeaders: []idp.HttpHeader{{HeaderName: ref("Accept"), HeaderValue: ref("*/*")}},
	}
	validated = []idp.AttributeType{{Name: ref("email_verified"), Value: ref(wire.Secret("True"))}}
)

// Each operation of the model whose request has a member about the call brings
// it to the engine.
func TestCallOfEachRequest(t *testing.T) {
	found := 0
	for _, service := range cognito.Services() {
		for _, op := range service.Operations {
			in := op.Input()
			want := identity.Call{}
			if !fillCall(t, op.Name, in, &want) {
				continue
			}
			found++
			if got := cognito.CallOf(t.Context(), in); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: the call is\n%+v, want\n%+v", op.Name, got, want)
			}
		}
	}
	if found < 16 {
		t.Errorf("found %d requests with members about the call, want 16 or more", found)
	}
}

// fillCall sets the members of a request that are about the call, and what must
// become of them. It reports whether there are any.
func fillCall(t *testing.T, op string, in wire.Request, want *identity.Call) (found bool) {
	t.Helper()
	v := reflect.ValueOf(in).Elem()
	set := func(name string, value any) bool {
		f := v.FieldByName(name)
		if !f.IsValid() {
			return false
		}
		found = true
		f.Set(reflect.ValueOf(value)) // panics where the model gives the member another type
		return true
	}
	address := netip.MustParseAddr("203.0.113.9")
	if set("UserContextData", fromUser) {
		want.Context = &hook.ContextData{Encoded: "opaque", Address: address}
	}
	if set("ContextData", fromOperator) {
		want.Context = &hook.ContextData{
			Encoded: "opaque", Address: address, ServerName: "shop.example.com", ServerPath: "/login",
			Headers: []hook.Header{{Name: "Accept", Value: "*/*"}},
		}
	}
	if set("ValidationData", validated) {
		want.ValidationData = map[string]string{"email_verified": "True"}
	}
	switch {
	case !set("ClientMetadata", metadata):
	case op == "InitiateAuth", op == "AdminInitiateAuth":
		want.ValidationData = metadata
	default:
		want.ClientMetadata = metadata
	}
	return found
}

// A callSender records the calls that messages are sent in.
type callSender struct {
	mu    sync.Mutex
	calls []identity.Call
}

func (s *callSender) Send(ctx context.Context, _ *identity.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, identity.CallFrom(ctx))
	return nil
}

// last is the call of the message that was sent last, which must be the n-th.
func (s *callSender) last(t *testing.T, n int) identity.Call {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.calls) != n {
		t.Fatalf("%d messages were sent, want %d", len(s.calls), n)
	}
	return s.calls[n-1]
}

// A call of the API is the call that the engine sees.
func TestCallReachesTheEngine(t *testing.T) {
	sender := &callSender{}
	s := newServerWith(t, serverOptions{sender: sender})
	c := s.client(s.pool(obj{"AutoVerifiedAttributes": list{"email"}}), nil)
	body := with(c.signUpBody("jane", "email", "jane@example.com"), obj{
		"ClientMetadata": obj{"shop": "berlin"}, "ValidationData": attrs("invite", "4711"),
		"UserContextData": obj{"EncodedData": "opaque", "IpAddress": "fe80::7%eth0"},
	})
	r := s.request("SignUp", body)
	r.RemoteAddr = "[::ffff:198.51.100.4%eth0]:4711"
	r.Header.Set("User-Agent", "shop/1.0 (berlin)")
	r.Header.Set("X-Forwarded-For", "192.0.2.66")
	a := s.do(r, "SignUp")
	if a.status != http.StatusOK {
		t.Fatalf("SignUp: %d %s", a.status, a.raw)
	}
	want := identity.Call{
		RequestID: a.header.Get("x-amzn-RequestId"), Address: netip.MustParseAddr("198.51.100.4"), UserAgent: "shop/1.0 (berlin)",
		ClientMetadata: map[string]string{"shop": "berlin"}, ValidationData: map[string]string{"invite": "4711"},
		Context: &hook.ContextData{Encoded: "opaque", Address: netip.MustParseAddr("fe80::7")},
	}
	if got := sender.last(t, 1); !reflect.DeepEqual(got, want) {
		t.Errorf("the call is\n%+v, want\n%+v", got, want)
	}
	r = s.request("ResendConfirmationCode", obj{"ClientId": c.id, "Username": "jane"})
	if s.do(r, "ResendConfirmationCode"); sender.last(t, 2).ClientMetadata != nil {
		t.Errorf("a call has what another call brought: %+v", sender.last(t, 2))
	}
}

// The access key is that of a signature that was verified, and no other.
func TestCallNamesTheVerifiedKey(t *testing.T) {
	for _, verify := range []bool{true, false} {
		sender := &callSender{}
		s := newServerWith(t, serverOptions{sender: sender, handler: cognito.Options{VerifySignatures: verify}})
		key, secret, err := s.engine.AccessKeys().Create(t.Context(), "ops", nil)
		if err != nil {
			t.Fatal(err)
		}
		p, err := s.engine.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "p", Defaults: identity.CognitoDefaults})
		if err != nil {
			t.Fatal(err)
		}
		body := obj{
			"UserPoolId": p.ID, "Username": "jane", "UserAttributes": attrs("email", "jane@example.com"), "DesiredDeliveryMediums": list{"EMAIL"},
		}
		r := s.request("AdminCreateUser", body)
		s.sign(r, body, key.ID, string(secret))
		if a := s.do(r, "AdminCreateUser"); a.status != http.StatusOK {
			t.Fatalf("AdminCreateUser: %d %s", a.status, a.raw)
		}
		want := key.ID
		if !verify {
			want = ""
		}
		if got := sender.last(t, 1).AccessKey; got != want {
			t.Errorf("verified %t: the access key of the call is %q, want %q", verify, got, want)
		}
	}
}

// sign signs a request as an operator's SDK does (AWS Signature Version 4).
func (s *server) sign(r *http.Request, body obj, key, secret string) {
	s.t.Helper()
	s.signFor("us-east-1", r, body, key, secret)
}

// signFor is sign for a region.
func (s *server) signFor(region string, r *http.Request, body obj, key, secret string) {
	s.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	sum := func(text []byte) string { return fmt.Sprintf("%x", sha256.Sum256(text)) }
	at := s.now().Format("20060102T150405Z")
	r.Header.Set("X-Amz-Date", at)
	service := "cognito-idp"
	if strings.HasPrefix(r.Header.Get("X-Amz-Target"), fedidPrefix) {
		service = "cognito-identity"
	}
	scope := at[:8] + "/" + region + "/" + service + "/aws4_request"
	canonical := "POST\n/\n\nhost:" + r.Host + "\nx-amz-date:" + at + "\nx-amz-target:" + r.Header.Get("X-Amz-Target") +
		"\n\nhost;x-amz-date;x-amz-target\n" + sum(raw)
	signature := []byte("AWS4" + secret)
	for _, part := range append(strings.Split(scope, "/"), "AWS4-HMAC-SHA256\n"+at+"\n"+scope+"\n"+sum([]byte(canonical))) {
		mac := hmac.New(sha256.New, signature)
		mac.Write([]byte(part))
		signature = mac.Sum(nil)
	}
	r.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=host;x-amz-date;x-amz-target, Signature=%x",
		key, scope, signature))
}

// What clients write about themselves is bounded and cannot break a line, and
// what is no address is none.
func TestHostileCalls(t *testing.T) {
	const hostile = "a\r\nSet-Cookie: x\x00\x1b[31m\x7f\u0085\u2028\u202e\xff."
	const harmless = "a  Set-Cookie: x  [31m     ."
	long := strings.Repeat("a", maxText-1) + "é" // the character is cut in two
	short := long[:maxText-1] + " "
	headers := []idp.HttpHeader{{HeaderName: ref(hostile), HeaderValue: ref(long)}}
	for range 500 {
		headers = append(headers, idp.HttpHeader{HeaderName: ref("n")})
	}
	in := &idp.AdminInitiateAuthRequest{ContextData: &idp.ContextDataType{
		ServerName: ref(hostile), ServerPath: ref(long), HttpHeaders: headers,
	}}
	got := cognito.CallOf(t.Context(), in).Context
	if got.ServerName != harmless || got.ServerPath != short || got.Headers[0] != (hook.Header{Name: harmless, Value: short}) {
		t.Errorf("the context is %.200q", fmt.Sprint(got))
	}
	if len(got.Headers) != 100 {
		t.Errorf("%d headers are kept, want 100", len(got.Headers))
	}
	for _, ip := range []string{hostile, long, "", "203.0.113.9:80", "203.0.113.9/24", "203.0.113.9\n", "localhost", "::ffff:1.2.3"} {
		in.ContextData.IpAddress = ref(ip)
		if a := cognito.CallOf(t.Context(), in).Context.Address; a.IsValid() {
			t.Errorf("the address %.40q is read as %v", ip, a)
		}
	}

	sender := &callSender{}
	s := newServerWith(t, serverOptions{sender: sender})
	c := s.client(s.pool(obj{"AutoVerifiedAttributes": list{"email"}}), nil)
	for i, remote := range []string{"", "@", "/run/cognate.sock", "a.example.com:80", hostile, long} {
		agent, want := hostile, harmless
		if i%2 == 0 {
			agent, want = long, short
		}
		name := fmt.Sprintf("jane%d", i)
		r := s.request("SignUp", c.signUpBody(name, "email", name+"@example.com"))
		r.RemoteAddr, r.Header["User-Agent"] = remote, []string{agent}
		if a := s.do(r, "SignUp"); a.status != http.StatusOK {
			t.Fatalf("SignUp from %.40q: %d %s", remote, a.status, a.raw)
		}
		if got := sender.last(t, i+1); got.UserAgent != want || got.Address.IsValid() {
			t.Errorf("from %.40q: user agent %.60q, address %v", remote, got.UserAgent, got.Address)
		}
	}
}
