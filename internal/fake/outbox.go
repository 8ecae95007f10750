package fake

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity"
)

// A letter is a message in the form of the control API.
type letter struct {
	ID         string    `json:"id"`
	Time       time.Time `json:"time"`
	UserPoolID string    `json:"userPoolId"`
	ClientID   string    `json:"clientId"`
	Username   string    `json:"username"`
	To         string    `json:"to"`
	Medium     string    `json:"medium"`
	Kind       string    `json:"kind"`
	Code       string    `json:"code"`
	Subject    string    `json:"subject"`
	Body       string    `json:"body"`
}

func newLetter(m *identity.Message) letter {
	return letter{
		ID: m.ID, Time: m.Time, UserPoolID: m.Pool, ClientID: m.Client, Username: m.Username,
		To: m.To, Medium: string(m.Medium), Kind: string(m.Kind), Code: string(m.Code),
		Subject: m.Subject, Body: m.Body,
	}
}

// A filter selects the messages that equal it in each field that is not empty. username is
// any name of the user.
type filter struct {
	pool, username, to, kind string
	limit                    int
}

// kinds are the kinds of messages. A request for an unknown kind gets an error, not an
// empty list.
var kinds = []string{
	"SignUp", "ResendCode", "ForgotPassword", "AdminCreateUser",
	"UpdateUserAttribute", "VerifyUserAttribute", "Authentication",
	"PasswordChanged", "AddressChanged", "FactorChanged", "AccountExists", "NewDevice", "RecoveryCodeUsed",
	"PasskeyAdded", "PasskeyRemoved", "IdentityLinked", "IdentityUnlinked",
}

// maxLetters is the maximum number of messages in an answer.
const maxLetters = 1000

func parseFilter(query url.Values) (filter, error) {
	f := filter{limit: maxLetters}
	for name, values := range query {
		if len(values) > 1 {
			return f, refuse(http.StatusBadRequest, "%s is given %d times", name, len(values))
		}
		switch v := values[0]; name {
		case "userPoolId":
			f.pool = v
		case "username":
			f.username = v
		case "to":
			f.to = v
		case "kind":
			f.kind = v
		case "limit":
			if v == "" { // as with the others, it was left open
				continue
			}
			n, err := strconv.Atoi(v)
			if err != nil || n < 1 || n > maxLetters {
				return f, refuse(http.StatusBadRequest, "limit is a number from 1 to %d, not %q", maxLetters, v)
			}
			f.limit = n
		default:
			return f, refuse(http.StatusBadRequest, "there is no parameter %q; there are userPoolId, username, to, kind and limit", name)
		}
	}
	if f.kind != "" && !slices.Contains(kinds, f.kind) {
		return f, refuse(http.StatusBadRequest, "there is no kind %q; there are %s", f.kind, strings.Join(kinds, ", "))
	}
	return f, nil
}

func (f filter) keeps(m *identity.Message) bool {
	same := func(want, have string) bool { return want == "" || want == have }
	return same(f.pool, m.Pool) && same(f.to, m.To) && same(f.kind, string(m.Kind))
}

// query parses the query of the URL. A "+" is not a space but a part of a phone number or
// an address, as people type it.
func query(r *http.Request) (url.Values, error) {
	values, err := url.ParseQuery(strings.ReplaceAll(r.URL.RawQuery, "+", "%2B"))
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "the query cannot be read: %v", err)
	}
	return values, nil
}

func (s *Server) listOutbox(r *http.Request) (any, error) {
	values, err := query(r)
	if err != nil {
		return nil, err
	}
	f, err := parseFilter(values)
	if err != nil {
		return nil, err
	}
	letters := []letter{}
	user := newFinder(s.engine, f.username)
	for _, m := range s.outbox.Messages(f.keeps) {
		if len(letters) == f.limit {
			break
		}
		if f.username != "" {
			ok, err := user.addressed(r.Context(), m)
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
		}
		letters = append(letters, newLetter(m))
	}
	return letters, nil
}

func (s *Server) clearOutbox(r *http.Request) (any, error) {
	if r.URL.RawQuery != "" {
		return nil, refuse(http.StatusBadRequest, "DELETE forgets all messages and takes no parameters")
	}
	s.outbox.Clear()
	return nil, nil
}
