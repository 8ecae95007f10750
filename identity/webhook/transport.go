package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/identity/internal/sigv4"
)

// Target is an [identity.TargetCaller]: it returns hooks that call the function of a trigger by
// the Invoke API of AWS Lambda. It returns nil if there is no endpoint for its ARN, or if this package
// has no event for the trigger.
func (c *Caller) Target(pool *identity.PoolInfo, trigger identity.Trigger, in identity.TriggerTarget) *identity.Hooks {
	u := c.invokeURL(in.ARN)
	if u == nil || !slices.Contains(known, trigger) {
		return nil
	}
	t := &target{caller: c, name: in.ARN, url: u, prepare: c.invoking(region(in.ARN)), code: plainCode}
	if sends(trigger) && pool.Settings.TriggerKey != nil {
		t.code = c.encryptedCode(pool)
	}
	return t.hooks()
}

// Hooks returns hooks that post the events of some triggers to a URL. The URL needs https; http
// is for a loopback address, or localhost. Hooks returns [ErrNoSecret] without Options.Secrets,
// and an error for a trigger that it has no event for. Codes of custom senders stand in the event
// as they are.
func (c *Caller) Hooks(to string, triggers ...identity.Trigger) (*identity.Hooks, error) {
	if len(c.secrets) == 0 {
		return nil, ErrNoSecret
	}
	u, err := readURL(to)
	if err != nil {
		return nil, err
	}
	poster := *c
	if err := poster.dial(appendLiteral(slices.Clone(c.options.Allow), u)); err != nil {
		return nil, err
	}
	if err := poster.client.Check(u); err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	c.posters.add(poster.client)
	all := (&target{caller: &poster, name: u.String(), url: u, prepare: c.posting, refuses: true, code: plainCode}).hooks()
	return choose(all, triggers)
}

// invokeURL is where a function is called, or nil if there is no endpoint for it. The ARN comes
// from the settings of a pool, so it is escaped as one segment of the path.
func (c *Caller) invokeURL(arn string) *url.URL {
	base := c.endpoints[arn]
	if base == nil {
		base = c.endpoint
	}
	if base == nil || !strings.HasPrefix(arn, "arn:") {
		return nil
	}
	u := *base
	if strings.HasSuffix(u.Path, "/invocations") {
		return &u
	}
	prefix := "/2015-03-31/functions/"
	u.RawPath = strings.TrimSuffix(base.EscapedPath(), "/") + prefix + sigv4.Escape(arn) + "/invocations"
	u.Path = strings.TrimSuffix(base.Path, "/") + prefix + arn + "/invocations"
	return &u
}

// region is the region of an ARN, or us-east-1 if it has none.
func region(arn string) string {
	if parts := strings.Split(arn, ":"); len(parts) > 3 && parts[3] != "" {
		return parts[3]
	}
	return "us-east-1"
}

// invoking prepares a request of the Invoke API. It waits for the result of the function.
func (c *Caller) invoking(region string) func(*http.Request, string, []byte) {
	return func(r *http.Request, _ string, body []byte) {
		r.Header.Set("X-Amz-Invocation-Type", "RequestResponse")
		if c.key.ID != "" {
			sigv4.Sign(r, body, c.key, region, "lambda", c.options.Clock())
		}
	}
}

// posting adds the headers of the Standard Webhooks. The id is that of the call, and the same at each try.
func (c *Caller) posting(r *http.Request, id string, body []byte) {
	at := strconv.FormatInt(c.options.Clock().Unix(), 10)
	var signatures []string
	for _, key := range c.secrets {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + at + "."))
		mac.Write(body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	r.Header.Set("Webhook-Id", id)
	r.Header.Set("Webhook-Timestamp", at)
	r.Header.Set("Webhook-Signature", strings.Join(signatures, " "))
}

func newID() string { return "msg_" + rand.Text() }

// sends reports whether a trigger is told codes.
func sends(t identity.Trigger) bool {
	return t == identity.CustomEmailSender || t == identity.CustomSMSSender
}

func plainCode(_ context.Context, e *hook.CustomSender) (string, error) { return string(e.Code), nil }

// encryptedCode encrypts codes for a pool. The service escapes temporary passwords as HTML first.
func (c *Caller) encryptedCode(pool *identity.PoolInfo) func(context.Context, *hook.CustomSender) (string, error) {
	return func(ctx context.Context, e *hook.CustomSender) (string, error) {
		if e.Code == "" { // a notice
			return "", nil
		}
		encrypt := e.Encrypt
		if c.options.Encrypt != nil {
			encrypt = func(ctx context.Context, code identity.Secret) (string, error) {
				return c.options.Encrypt(ctx, pool, code)
			}
		}
		if encrypt == nil {
			return "", errNoEncrypter
		}
		code := e.Code
		if strings.HasSuffix(string(e.Source), "_AdminCreateUser") {
			code = identity.Secret(html.EscapeString(string(code)))
		}
		out, err := encrypt(ctx, code)
		if err != nil {
			return "", fmt.Errorf("webhook: encrypt a code: %w", err)
		}
		return out, nil
	}
}

var errNoEncrypter = errors.New("webhook: the pool has a key for codes, and the event cannot encrypt them")
