package wire_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity/cognito/internal/fedid"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// keep sets every handler to one that hands its input to fn and answers nothing.
func keep(handlers any, fn func(in any)) {
	v := reflect.ValueOf(handlers).Elem()
	for i := range v.NumField() {
		typ := v.Field(i).Type()
		v.Field(i).Set(reflect.MakeFunc(typ, func(args []reflect.Value) []reflect.Value {
			fn(args[1].Interface())
			var out []reflect.Value
			for j := range typ.NumOut() {
				out = append(out, reflect.Zero(typ.Out(j)))
			}
			return out
		}))
	}
}

// FuzzDecode sends any bytes to any operation. What a handler is given must be
// JSON, must encode, and must be taken again; everything else is a 4xx.
func FuzzDecode(f *testing.F) {
	var got any
	seen := func(in any) { got = in }
	pools, federation := &idp.Handlers{}, &fedid.Handlers{}
	keep(pools, seen)
	keep(federation, seen)
	services := []*wire.Service{idp.Service(pools), fedid.Service(federation)}
	h := wire.NewHandler(&wire.Options{Logger: quiet()}, services...)
	var targets []string
	for _, s := range services {
		for _, op := range s.Operations {
			targets = append(targets, s.TargetPrefix+"."+op.Name)
			f.Add(len(targets)-1, []byte(`{"AccessToken":"x","UserPoolId":"us-east-1_a","Username":"ann"}`))
		}
	}
	f.Add(0, []byte(`{"UserPoolId":"us-east-1_a","CustomAttributes":[{"Name":"n","StringAttributeConstraints":{"MinLength":"1"}}],"é":[-1.5e+3]}`))
	f.Add(1, []byte("{\"UserPoolId\":\"\\u0075\\ud83d\\ude00\",\"ClientId\":null,\"ClientId\":\"c\"}"))
	f.Fuzz(func(t *testing.T, op int, body []byte) {
		target := targets[uint(op)%uint(len(targets))]
		got = nil
		if status := post(t, h, target, body); status != 200 && (status < 400 || status > 499) {
			t.Fatalf("%s: status %d", target, status)
		}
		if got == nil {
			return
		}
		if !json.Valid(body) {
			t.Fatalf("%s: taken, but no JSON: %q", target, body)
		}
		first, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		got = nil
		post(t, h, target, first)
		if again, _ := json.Marshal(got); !bytes.Equal(first, again) {
			t.Fatalf("%s: %s is read back as %s", target, first, again)
		}
	})
}

func post(t *testing.T, h http.Handler, target string, body []byte) int {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	r.Header.Set("X-Amz-Target", target)
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	if b := rec.Body.Bytes(); len(b) > 0 && !json.Valid(b) {
		t.Fatalf("%s: the answer is no JSON: %q", target, b)
	}
	return rec.Code
}

// jwt is as long as an access token is.
var jwt = strings.Repeat("eyJraWQiOiJ", 93) + "."

var benchmarks = []struct{ name, body string }{
	{"GetUser", `{"AccessToken":"` + jwt + `"}`},
	{"SignUp", `{"ClientId":"1example23456789abcdefghij","Username":"ann@example.com","Password":"Correct-horse-7",` +
		`"UserAttributes":[{"Name":"email","Value":"ann@example.com"},{"Name":"given_name","Value":"Ann"}],` +
		`"ClientMetadata":{"source":"web"},"UserContextData":{"IpAddress":"192.0.2.1","EncodedData":"abc"}}`},
	{"InitiateAuth", `{"AuthFlow":"USER_SRP_AUTH","ClientId":"1example23456789abcdefghij","AuthParameters":` +
		`{"USERNAME":"ann@example.com","SRP_A":"` + strings.Repeat("0123456789abcdef", 48) + `"},"ClientMetadata":{}}`},
}

// BenchmarkParse reads a request and holds it against its model.
func BenchmarkParse(b *testing.B) {
	for _, bb := range benchmarks {
		b.Run(bb.name, func(b *testing.B) {
			ops := idp.Operations(everything())
			op := ops[indexOf(ops, bb.name)]
			body := []byte(bb.body)
			b.ReportAllocs()
			for b.Loop() {
				if err := wire.Parse(body, op); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkServe is the whole way through the handler.
func BenchmarkServe(b *testing.B) {
	h := wire.NewHandler(nil, idp.Service(everything()))
	for _, bb := range benchmarks {
		b.Run(bb.name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodPost, "/", nil)
			r.Header.Set("X-Amz-Target", idpPrefix+bb.name)
			r.ContentLength = int64(len(bb.body))
			w := &sink{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				r.Body = reader{strings.NewReader(bb.body)}
				h.ServeHTTP(w, r)
			}
			if w.status != 200 {
				b.Fatal(w.status)
			}
		})
	}
}

func everything() *idp.Handlers {
	h := &idp.Handlers{}
	keep(h, func(any) {})
	return h
}

func indexOf(ops []wire.Operation, name string) int {
	for i, op := range ops {
		if op.Name == name {
			return i
		}
	}
	panic("no operation " + name)
}

type reader struct{ *strings.Reader }

func (reader) Close() error { return nil }

// A sink is an http.ResponseWriter that keeps the status.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
