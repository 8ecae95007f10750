package cognito_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity/cognito"
)

// crossSite takes the place of an origin where a browser names the site alone.
const crossSite = "cross-site"

// TestPagesAndOtherMachinesAreNoOperators holds who may make an operator's call without a
// signature that was verified. Users' calls come from everywhere.
func TestPagesAndOtherMachinesAreNoOperators(t *testing.T) {
	const here, there = "127.0.0.1:4711", "192.0.2.7:4711"
	named, open := cognito.Access{Hosts: []string{"fake.internal.example"}}, cognito.Access{InsecureAnyPeer: true}
	both := cognito.Access{Hosts: named.Hosts, InsecureAnyPeer: true}
	for _, tt := range []struct {
		name               string
		access             cognito.Access
		peer, host, origin string
		ok                 bool
	}{
		{"script of another site that hides its origin", cognito.Access{}, here, "localhost:9229", crossSite, false},
		{"a program", cognito.Access{}, here, "localhost:9229", "", true},
		{"IPv6", cognito.Access{}, "[::1]:4711", "[::1]:9229", "", true},
		{"a socket", cognito.Access{}, "@", "localhost", "", true},
		{"the program itself", cognito.Access{}, "", "localhost", "", true},
		{"own page", cognito.Access{}, here, "localhost:9229", "http://localhost:9229", true},
		{"foreign page", cognito.Access{}, here, "localhost:9229", "https://evil.example", false},
		{"page on another port", cognito.Access{}, here, "localhost:9229", "http://localhost:3000", false},
		{"sandboxed page", cognito.Access{}, here, "localhost:9229", "null", false},
		{"rebound name", cognito.Access{}, here, "evil.example:9229", "", false},
		{"page of a rebound name", cognito.Access{}, here, "evil.example:9229", "http://evil.example:9229", false},
		{"no host", cognito.Access{}, here, "", "", false},
		{"another machine", cognito.Access{}, there, "localhost:9229", "", false},
		{"another machine with a host of ours", named, there, "fake.internal.example", "", false},
		{"named host", named, here, "Fake.Internal.Example:9229", "", true},
		{"page of the named host", named, here, "fake.internal.example:9229", "http://fake.internal.example:9229", true},
		{"other name", named, here, "evil.example", "", false},
		{"open to other machines", open, there, "10.1.2.3:9229", "", true},
		{"open, by the name of a container", open, there, "cognate:9229", "", true},
		{"open, by a rebound name", open, there, "evil.example:9229", "http://evil.example:9229", false},
		{"open, by a foreign page", open, there, "cognate:9229", "http://evil.example", false},
		{"open, without a host", open, there, "", "", false},
		{"open and named", both, there, "fake.internal.example", "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServerWith(t, serverOptions{mayFail: true, handler: cognito.Options{Unsigned: tt.access}})
			send := func(op string, body obj) *answer {
				r := s.request(op, body)
				r.RemoteAddr, r.Host = tt.peer, tt.host
				switch tt.origin {
				case "":
				case crossSite:
					r.Header.Set("Sec-Fetch-Site", crossSite)
				default:
					r.Header.Set("Origin", tt.origin)
				}
				return s.do(r, op)
			}
			a := send("CreateUserPool", obj{"PoolName": "p"})
			if written := len(s.store.written()) > 0; written != tt.ok || (a.status == http.StatusOK) != tt.ok {
				t.Errorf("CreateUserPool: %d %s, wrote %v, want it taken: %v", a.status, a.raw, written, tt.ok)
			}
			if refused := strings.Contains(s.log.String(), "an operator's call was refused"); refused == tt.ok {
				t.Errorf("the log: %s", s.log.String())
			}
			if !tt.ok && a.body["__type"] != "AccessDeniedException" {
				t.Errorf("CreateUserPool: %s", a.raw)
			}
			if a := send("GetUser", obj{"AccessToken": "e30.e30.x"}); a.body["message"] != "Invalid Access Token" {
				t.Errorf("a user's call: %s", a.raw)
			}
		})
	}
}
