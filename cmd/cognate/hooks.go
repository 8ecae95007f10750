package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/webhook"
)

// hookFlags say which functions decide what users may do. dev and serve have them.
type hookFlags struct {
	Hooks          string       `placeholder:"URL" help:"Post the events of all pools to URL and do as the answers say. The posts are signed with the secrets in the variable COGNATE_HOOK_SECRET, or in --hook-secret-file."`
	Triggers       []string     `name:"hook-trigger" sep:"none" placeholder:"NAME" help:"Trigger whose events go to --hooks, such as PreSignUp. Can be repeated. Default: PreSignUp, PostConfirmation, PreAuthentication, PostAuthentication, PreTokenGeneration and CustomMessage."`
	SecretFile     string       `name:"hook-secret-file" placeholder:"FILE" help:"File with the secrets that sign the posts to --hooks, one a line, in the form whsec_BASE64."`
	Lambda         []lambdaFlag `sep:"none" placeholder:"ARN=URL" help:"Call the function ARN, which a pool names for a trigger, by the Invoke API of AWS Lambda at URL. Can be repeated."`
	LambdaEndpoint string       `name:"lambda-endpoint" placeholder:"URL" help:"Call all other functions at URL. Without it, a flow that would run one fails. Calls are signed if AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set."`
	HookAllow      []string     `name:"hook-allow" sep:"none" placeholder:"HOST:PORT" help:"Host of hooks or functions that may have a private address. Can be repeated."`
}

// A lambdaFlag is a function, and where to call it.
type lambdaFlag struct{ arn, url string }

// UnmarshalText accepts ARN=URL.
func (l *lambdaFlag) UnmarshalText(text []byte) error {
	arn, url, ok := strings.Cut(string(text), "=")
	if !ok || !strings.HasPrefix(arn, "arn:") || url == "" {
		return fmt.Errorf("%q is not ARN=URL, such as arn:aws:lambda:us-east-1:123456789012:function:f=http://127.0.0.1:3001", text)
	}
	*l = lambdaFlag{arn, url}
	return nil
}

// hookTriggers are the triggers of --hooks unless --hook-trigger names others. A hook for
// UserMigration or for a custom sender changes much, so it must be named.
var hookTriggers = []string{"PreSignUp", "PostConfirmation", "PreAuthentication", "PostAuthentication", "PreTokenGeneration", "CustomMessage"}

// Validate returns an error if a URL or a trigger is invalid.
func (h *hookFlags) Validate() error {
	if h.Hooks == "" && (len(h.Triggers) > 0 || h.SecretFile != "") {
		return errors.New("--hook-trigger and --hook-secret-file belong to --hooks: give that too")
	}
	_, err := h.wire(slog.New(slog.DiscardHandler), []identity.Secret{"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})
	return err
}

// maySend reports whether a hook may be a custom sender.
func (h *hookFlags) maySend() bool {
	return h.LambdaEndpoint != "" || len(h.Lambda) > 0 ||
		slices.Contains(h.Triggers, string(identity.CustomEmailSender)) || slices.Contains(h.Triggers, string(identity.CustomSMSSender))
}

// A wiring is what hooks add to the options of an engine.
type wiring struct {
	hooks   *identity.Hooks
	targets identity.TargetCaller
}

// wiring reads the secrets, and returns the hooks of the flags.
func (h *hookFlags) wiring(log *slog.Logger) (wiring, error) {
	if h.Hooks == "" {
		return h.wire(log, nil)
	}
	secrets, err := h.secrets()
	if err != nil {
		return wiring{}, err
	}
	return h.wire(log, secrets)
}

func (h *hookFlags) wire(log *slog.Logger, secrets []identity.Secret) (wiring, error) {
	if h.Hooks == "" && len(h.Lambda) == 0 && h.LambdaEndpoint == "" {
		return wiring{}, nil
	}
	o := &webhook.Options{Endpoint: h.LambdaEndpoint, Endpoints: map[string]string{}, Allow: h.HookAllow, Secrets: secrets, Logger: log}
	if h.LambdaEndpoint != "" || len(h.Lambda) > 0 {
		var err error
		if o.Key, err = lambdaKey(); err != nil {
			return wiring{}, err
		}
	}
	for _, l := range h.Lambda {
		o.Endpoints[l.arn] = l.url
	}
	c, err := webhook.New(o)
	if err != nil {
		return wiring{}, fmt.Errorf("--lambda, --lambda-endpoint: %w", err)
	}
	w := wiring{targets: c.Target}
	if h.Hooks == "" {
		return w, nil
	}
	if w.hooks, err = c.Hooks(h.Hooks, h.chosen()...); err != nil {
		return wiring{}, fmt.Errorf("--hooks: %w", err)
	}
	return w, nil
}

// lambdaKey is the key in the environment that signs calls of functions. There may be none.
func lambdaKey() (webhook.AccessKey, error) {
	k := webhook.AccessKey{
		ID: os.Getenv("AWS_ACCESS_KEY_ID"), Secret: identity.Secret(os.Getenv("AWS_SECRET_ACCESS_KEY")), Token: identity.Secret(os.Getenv("AWS_SESSION_TOKEN")),
	}
	set, missing := "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
	switch {
	case (k.ID == "") == (k.Secret == ""):
		return k, nil
	case k.ID == "":
		set, missing = missing, set
	}
	return k, hint(fmt.Errorf("--lambda, --lambda-endpoint: %s is set, and %s is not", set, missing), "set both, and calls of functions are signed; set none, and they are not")
}

func (h *hookFlags) chosen() []identity.Trigger {
	names := h.Triggers
	if len(names) == 0 {
		names = hookTriggers
	}
	out := make([]identity.Trigger, len(names))
	for i, n := range names {
		out[i] = identity.Trigger(n)
	}
	return out
}

// secrets reads the secrets of posts, which are never flags: whoever lists the processes sees those.
func (h *hookFlags) secrets() ([]identity.Secret, error) {
	text := os.Getenv("COGNATE_HOOK_SECRET")
	if h.SecretFile != "" {
		b, err := os.ReadFile(h.SecretFile)
		if err != nil {
			return nil, fmt.Errorf("--hook-secret-file: %w", err)
		}
		text = string(b)
	}
	var out []identity.Secret
	for _, s := range strings.Fields(text) {
		out = append(out, identity.Secret(s))
	}
	if len(out) == 0 {
		return nil, hint(errors.New("--hooks: there is no secret to sign the posts with"),
			`set COGNATE_HOOK_SECRET="whsec_$(openssl rand -base64 32)", and give the function the same text`)
	}
	return out, nil
}
