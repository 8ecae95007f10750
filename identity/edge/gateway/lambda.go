package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/cognate-id/cognate/token"
)

// A Lambda authorizer gets an event and answers with a policy. The event says which token the client has
// sent, and which method it calls. An error of the function named "Unauthorized" is 401 for the
// client, a policy that denies is 403, and any other error is 500.

const maxEvent = 256 << 10

// LambdaOptions change what a Lambda authorizer answers. The zero value and nil are good.
type LambdaOptions struct {
	// WholeStage makes policies for all methods of the stage, and not for the one that was called
	// alone. It is for gateways that remember answers by token. Defaults to false.
	WholeStage bool
	// Simple answers HTTP APIs with isAuthorized in place of a policy: it is for authorizers that have
	// simple responses enabled. Defaults to false.
	Simple bool
	// Context is what functions are told of the caller: strings, numbers and booleans. Defaults to
	// sub, client_id, username, scope and groups, which have commas between.
	Context func(*token.Claims) map[string]any
	// Logger gets why a caller was refused. Defaults to slog.Default().
	Logger *slog.Logger
}

type lambda struct {
	verifier *token.Verifier
	o        LambdaOptions
}

// NewLambda returns a Lambda authorizer, for token and request authorizers of REST APIs and request
// authorizers of HTTP APIs in both payloads. It takes the event as the body of a POST, as the Invoke API
// of Lambda does, and reads the token from the header Authorization of the caller. v decides: a
// token that lacks its scopes or groups is denied (403), any other that is not good is
// unauthorized (401). o may be nil.
func NewLambda(v *token.Verifier, o *LambdaOptions) http.Handler {
	l := &lambda{verifier: v}
	if o != nil {
		l.o = *o
	}
	if l.o.Context == nil {
		l.o.Context = callerContext
	}
	if l.o.Logger == nil {
		l.o.Logger = slog.Default()
	}
	return l
}

func callerContext(c *token.Claims) map[string]any {
	out := map[string]any{"sub": c.Subject, "client_id": c.ClientID}
	for name, value := range map[string]string{"username": c.Username, "scope": c.Scope, "groups": strings.Join(c.Groups, ",")} {
		if value != "" {
			out[name] = value
		}
	}
	return out
}

// An event is what the three kinds of events have of the caller.
type event struct {
	Version            string              `json:"version"`
	Type               string              `json:"type"`
	AuthorizationToken string              `json:"authorizationToken"`
	MethodARN          string              `json:"methodArn"`
	RouteARN           string              `json:"routeArn"`
	Headers            map[string]string   `json:"headers"`
	MultiValueHeaders  map[string][]string `json:"multiValueHeaders"`
}

// A Policy is what a Lambda authorizer answers.
type Policy struct {
	PrincipalID string         `json:"principalId"`       // the sub of the caller
	Document    PolicyDocument `json:"policyDocument"`    // what the caller may do
	Context     map[string]any `json:"context,omitempty"` // what functions are told
}

// A PolicyDocument is a policy of IAM.
type PolicyDocument struct {
	Version   string      `json:"Version"`   // 2012-10-17
	Statement []Statement `json:"Statement"` // one
}

// A Statement is one of a policy.
type Statement struct {
	Action   string `json:"Action"`   // execute-api:Invoke
	Effect   string `json:"Effect"`   // Allow or Deny
	Resource string `json:"Resource"` // the ARN of a method, or of all of a stage
}

// simple is the simple response of an HTTP API.
type simple struct {
	IsAuthorized bool           `json:"isAuthorized"`
	Context      map[string]any `json:"context,omitempty"`
}

var (
	errUnauthorized = errors.New("Unauthorized") // the gateway compares this text
	errEvent        = errors.New("the event is not one of an authorizer")
)

// ServeHTTP implements [http.Handler].
func (l *lambda) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	if err != nil {
		http.Error(w, "the event is too long, or was cut off", http.StatusRequestEntityTooLarge)
		return
	}
	out, err := l.decide(r, body)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if err != nil {
		l.o.Logger.InfoContext(r.Context(), "a caller was refused", "error", err)
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		out = map[string]string{"errorMessage": message(err), "errorType": "Error"}
	}
	_ = json.NewEncoder(w).Encode(out)
}

// message is what a gateway is told: Unauthorized, which it turns into 401, or a text that it turns into
// 500.
func message(err error) string {
	if errors.Is(err, errUnauthorized) {
		return errUnauthorized.Error()
	}
	return "the caller cannot be judged"
}

// decide returns the answer for an event.
func (l *lambda) decide(r *http.Request, body []byte) (any, error) {
	var e event
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, fmt.Errorf("%w: %w", errEvent, err)
	}
	arn := e.MethodARN
	if e.Version == "2.0" {
		arn = e.RouteARN
	}
	resource, err := l.resource(arn)
	if err != nil {
		return nil, err
	}
	raw, err := e.token()
	if err != nil {
		return nil, err
	}
	c, err := l.verifier.Verify(r.Context(), raw)
	switch {
	case err == nil:
		return l.answer(&e, c.Subject, "Allow", resource, l.o.Context(c)), nil
	case errors.Is(err, token.ErrScope), errors.Is(err, token.ErrGroup):
		l.o.Logger.InfoContext(r.Context(), "a caller was denied", "error", err)
		return l.answer(&e, "denied", "Deny", resource, nil), nil
	case unavailable(err):
		return nil, err
	}
	return nil, fmt.Errorf("%w: %w", errUnauthorized, err)
}

func (l *lambda) answer(e *event, principal, effect, resource string, context map[string]any) any {
	if e.Version == "2.0" && l.o.Simple {
		return simple{effect == "Allow", context}
	}
	return Policy{principal, PolicyDocument{"2012-10-17", []Statement{{"execute-api:Invoke", effect, resource}}}, context}
}

// resource is what a policy is about. The end of the ARN is the path that the client has called, so an
// asterisk in it would be a policy that the client has written.
func (l *lambda) resource(arn string) (string, error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "execute-api" {
		return "", fmt.Errorf("%w: no ARN of a method", errEvent)
	}
	path := strings.SplitN(parts[5], "/", 4) // API, stage, method, path
	if len(path) < 3 || strings.ContainsAny(strings.Join(path[:3], ""), "*?$ ") {
		return "", fmt.Errorf("%w: no ARN of a method", errEvent)
	}
	if l.o.WholeStage {
		return strings.Join(parts[:5], ":") + ":" + path[0] + "/" + path[1] + "/*", nil
	}
	if strings.ContainsAny(arn, "*?$") {
		return "", fmt.Errorf("%w: the path has a character that a policy reads as a pattern", errUnauthorized)
	}
	return arn, nil
}

// token returns the bearer token of the caller, with or without the word Bearer.
func (e *event) token() (string, error) {
	raw := e.AuthorizationToken
	switch e.Type {
	case "TOKEN":
	case "REQUEST":
		var err error
		if raw, err = e.header("authorization"); err != nil {
			return "", err
		}
	default:
		return "", fmt.Errorf("%w: the type is neither TOKEN nor REQUEST", errEvent)
	}
	if scheme, rest, ok := strings.Cut(raw, " "); ok && strings.EqualFold(scheme, "Bearer") {
		raw = rest
	}
	if raw = strings.TrimSpace(raw); raw == "" {
		return "", fmt.Errorf("%w: %w", errUnauthorized, errNoToken)
	}
	return raw, nil
}

// header returns the one value of a header. HTTP APIs join several by commas, which no token has.
func (e *event) header(name string) (string, error) {
	out, found := "", 0
	for n, values := range e.MultiValueHeaders {
		if strings.EqualFold(n, name) && len(values) > 1 {
			return "", fmt.Errorf("%w: several headers", errUnauthorized)
		}
	}
	for n, value := range e.Headers {
		if strings.EqualFold(n, name) {
			out = value
			found++
		}
	}
	if found != 1 {
		return "", fmt.Errorf("%w: %w", errUnauthorized, errNoToken)
	}
	return out, nil
}
