package oidc

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/cognate-id/cognate/oauth/federation/fetch"
)

// A Secret prints as [redacted].
type Secret string

// String implements fmt.Stringer.
func (Secret) String() string { return "[redacted]" }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return "[redacted]" }

// Format implements fmt.Formatter.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[redacted]")) }

// MarshalText implements encoding.TextMarshaler.
func (Secret) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// A Config describes an identity provider, and our client there.
type Config struct {
	// Kind is the type of the provider. Required.
	Kind Kind
	// Name is the provider's name, for sentences that people read. Defaults to Kind.
	Name string
	// ClientID is our client at the provider. Required.
	ClientID string
	// ClientSecret is sent as client_secret_post. Required, unless Kind is Apple or ClientKey is set.
	ClientSecret Secret
	// ClientKey authenticates us by private_key_jwt in place of ClientSecret. It is for Kind OIDC.
	ClientKey *ClientKey
	// Apple makes the client secret of Kind Apple, for which it is required.
	Apple *AppleKey
	// Scopes are asked for. "openid" is added for Kind OIDC and Google if it is missing.
	Scopes []string
	// Issuer is the provider's, without a trailing slash. Required for Kind OIDC. For Google and Apple it
	// defaults to theirs; others have none.
	Issuer string
	// AuthorizeURL, TokenURL, AttributesURL and JWKSURL default to those of the kind. For Kind OIDC those
	// that are missing come from the issuer's discovery document, unless all four are given.
	AuthorizeURL, TokenURL, AttributesURL, JWKSURL string
	// APIVersion is that of Facebook's API. Defaults to "v17.0".
	APIVersion string
	// AttributesMethod is GET or POST: how user info is asked for. Defaults to GET.
	AttributesMethod string
	// TokenMethod is GET or POST: how tokens are asked for. Defaults to GET for Kind Facebook, and to POST for others.
	TokenMethod string
	// NoAttributeNames keeps Attributes out of AttributesURL, for Kind Google and Facebook with an
	// AttributesURL that needs none.
	NoAttributeNames bool
	// AddAttributeNames appends Attributes to AttributesURL, with commas between them, for the kinds that do not do so anyway.
	AddAttributeNames bool
	// Attributes are the provider's names of what is mapped: Google and Facebook are asked for these alone.
	Attributes []string
	// Algorithms may sign ID tokens. Defaults to RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384
	// and ES512. Others cannot be named.
	Algorithms []string
	// InsecurePlain sends neither nonce nor PKCE challenge, as Amazon Cognito does. Defaults to false.
	InsecurePlain bool
	// Clock returns the time. Defaults to time.Now.
	Clock func() time.Time
}

// A ClientKey signs assertions of private_key_jwt (RFC 7523).
type ClientKey struct {
	// ID is the key's, for the header kid.
	ID string
	// Signer is an ECDSA key on P-256, for ES256, or an RSA key of 2048 bits or more, for RS256.
	Signer crypto.Signer
}

// An AppleKey signs the client secret that Apple wants: a JWT, which is made anew for each request and
// is good for 5 minutes.
type AppleKey struct {
	// TeamID and KeyID are Apple's names of our team and of the key.
	TeamID, KeyID string
	// Key is the private key. See [ParseAppleKey].
	Key *ecdsa.PrivateKey
}

// A Provider signs people in at an identity provider. Make one with [New]. It is safe for concurrent
// use.
type Provider struct {
	config Config
	fetch  *fetch.Client
	http   *http.Client

	mu    sync.Mutex
	known discovered
	keys  *keySet
	lock  chan struct{} // is held during discovery
}

// algorithms are those that may sign ID tokens.
var algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"}

// New returns a provider. It calls nobody: discovery waits for the first sign-in. It returns an error
// that wraps [ErrConfig] for a configuration that cannot work.
func New(c Config, f *fetch.Client) (*Provider, error) {
	p := &Provider{config: c, fetch: f, http: f.HTTP(), lock: make(chan struct{}, 1)}
	if c.Name == "" {
		p.config.Name = string(c.Kind)
	}
	if c.Clock == nil {
		p.config.Clock = time.Now
	}
	if len(c.Algorithms) == 0 {
		p.config.Algorithms = algorithms
	}
	if err := p.config.check(f); err != nil {
		return nil, failure(ErrConfig, "", err)
	}
	p.config.Scopes = slices.Clone(c.Scopes)
	if (c.Kind == OIDC || c.Kind == Google) && !slices.Contains(c.Scopes, "openid") {
		p.config.Scopes = append([]string{"openid"}, c.Scopes...)
	}
	return p, nil
}

func (c *Config) check(f *fetch.Client) error {
	if _, ok := defaults(c.Kind, c.APIVersion); !ok {
		return fmt.Errorf("the kind %q is unknown", c.Kind)
	}
	switch {
	case c.ClientID == "":
		return errors.New("there is no client id")
	case c.Kind == OIDC && c.Issuer == "":
		return errors.New("there is no issuer")
	case c.ClientKey != nil && c.Kind != OIDC:
		return fmt.Errorf("%s takes no private_key_jwt", c.Kind)
	case (c.Kind == Apple) != (c.Apple != nil):
		return errors.New("an AppleKey is for Apple, and for nobody else")
	case c.Kind != Apple && c.ClientKey == nil && c.ClientSecret == "":
		return errors.New("there is no client secret")
	case c.AttributesMethod != "" && c.AttributesMethod != http.MethodGet && c.AttributesMethod != http.MethodPost:
		return errors.New("the method of user info is GET or POST")
	case c.TokenMethod != "" && c.TokenMethod != http.MethodGet && c.TokenMethod != http.MethodPost:
		return errors.New("the method of token requests is GET or POST")
	}
	for _, alg := range c.Algorithms {
		if !slices.Contains(algorithms, alg) {
			return fmt.Errorf("the algorithm %q cannot be used", alg)
		}
	}
	if err := c.checkKeys(); err != nil {
		return err
	}
	for _, to := range []string{c.Issuer, c.AuthorizeURL, c.TokenURL, c.AttributesURL, c.JWKSURL} {
		if to == "" {
			continue
		}
		if err := f.Check(to); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) checkKeys() error {
	if c.Apple != nil {
		if c.Apple.Key == nil || c.Apple.TeamID == "" || c.Apple.KeyID == "" {
			return errors.New("the AppleKey is not complete")
		}
		if _, err := algorithmOf(c.Apple.Key); err != nil {
			return err
		}
	}
	if c.ClientKey != nil {
		if c.ClientKey.Signer == nil {
			return errors.New("the ClientKey has no signer")
		}
		_, err := algorithmOf(c.ClientKey.Signer)
		return err
	}
	return nil
}

// A Login is what one sign-in keeps from [Provider.AuthURL] to [Provider.Exchange]. It has secrets:
// seal it, bind it to the browser, use it once.
type Login struct {
	// RedirectURI is where the provider sends the browser back to.
	RedirectURI string `json:"redirect_uri"`
	// State comes back in the callback.
	State string `json:"state"`
	// Nonce is in the ID token.
	Nonce string `json:"nonce"`
	// Verifier is that of PKCE.
	Verifier string `json:"verifier"`
}

// NewLogin returns a login with random values. The caller may set another State.
func NewLogin(redirectURI string) *Login {
	return &Login{RedirectURI: redirectURI, State: oauth2.GenerateVerifier(), Nonce: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier()}
}

// Hints are what an application asks a provider for. Only Kind OIDC is told.
type Hints struct {
	// LoginHint is the name that the user has given.
	LoginHint string
	// Prompt is a list of prompts. "none" is left out: it would be an error without a page.
	Prompt []string
}

// AuthURL returns where to send the browser. It may have to fetch the discovery document.
func (p *Provider) AuthURL(ctx context.Context, l *Login, h Hints) (string, error) {
	if l.State == "" || l.RedirectURI == "" || !p.config.InsecurePlain && (l.Nonce == "" || l.Verifier == "") {
		return "", failure(ErrConfig, "", errors.New("the login is not complete"))
	}
	e, err := p.Endpoints(ctx)
	if err != nil {
		return "", err
	}
	var options []oauth2.AuthCodeOption
	set := func(name, value string) { options = append(options, oauth2.SetAuthURLParam(name, value)) }
	if !p.config.InsecurePlain {
		options = append(options, oauth2.S256ChallengeOption(l.Verifier))
		if p.config.Kind.idTokens() {
			set("nonce", l.Nonce)
		}
	}
	if p.config.Kind == Apple && len(p.config.Scopes) > 0 {
		set("response_mode", "form_post") // Apple refuses scopes without it
	}
	if p.config.Kind == OIDC {
		if h.LoginHint != "" {
			set("login_hint", h.LoginHint)
		}
		if prompts := slices.DeleteFunc(slices.Clone(h.Prompt), func(s string) bool { return s == "none" }); len(prompts) > 0 {
			set("prompt", strings.Join(prompts, " "))
		}
	}
	return p.client(e, l.RedirectURI).AuthCodeURL(l.State, options...), nil
}

// client is our client, for the library.
func (p *Provider) client(e *Endpoints, redirectURI string) *oauth2.Config {
	scopes := p.config.Scopes
	if p.config.Kind == Facebook && len(scopes) > 0 {
		scopes = []string{strings.Join(scopes, ",")}
	}
	return &oauth2.Config{
		ClientID: p.config.ClientID, Scopes: scopes, RedirectURL: redirectURI,
		Endpoint: oauth2.Endpoint{AuthURL: e.Authorize, TokenURL: e.Token, AuthStyle: oauth2.AuthStyleInParams},
	}
}

// A Callback is what a browser brings back from the provider.
type Callback struct {
	// State and Code are "" if they are not there.
	State, Code string
	// Issuer is the parameter iss of RFC 9207. "" if there is none.
	Issuer string
	// Error and Description are set if the provider has refused.
	Error, Description string
	// User is what Apple says of a user once, at the first sign-in: JSON. "" otherwise.
	User string
}

// ParseCallback reads the query or the form of a callback.
func ParseCallback(v url.Values) Callback {
	return Callback{State: v.Get("state"), Code: v.Get("code"), Issuer: v.Get("iss"), Error: v.Get("error"), Description: v.Get("error_description"), User: v.Get("user")}
}
