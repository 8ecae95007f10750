// Command machine has two programs without people: a service that takes access tokens with its own
// scopes, and a caller that gets a token by its client secret.
//
//	machine -issuer ISSUER -clients ID,ID                     # the service
//	CLIENT_SECRET=… machine -issuer ISSUER -clients ID -call http://localhost:8081/orders
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/cognate-id/cognate/token"
)

func main() {
	issuer := flag.String("issuer", "", "the iss of tokens, such as http://127.0.0.1:9229/us-east-1_test1")
	clients := flag.String("clients", "", "ids of the clients that may call, with commas between; of the caller, its own")
	addr := flag.String("addr", "localhost:8081", "where the service listens")
	call := flag.String("call", "", "call this address of the service, and end")
	flag.Parse()
	if err := run(context.Background(), *issuer, strings.Split(*clients, ","), *addr, *call); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, issuer string, clients []string, addr, call string) error {
	if call != "" {
		c := &caller{issuer: issuer, id: clients[0], secret: os.Getenv("CLIENT_SECRET"), scope: "orders/read"}
		body, err := c.get(ctx, call)
		if err == nil {
			fmt.Println(body)
		}
		return err
	}
	service, err := newService(issuer, clients)
	if err != nil {
		return err
	}
	server := &http.Server{Addr: addr, Handler: service, ReadHeaderTimeout: 5 * time.Second}
	return server.ListenAndServe()
}

// region service
// newService accepts access tokens of some clients, each path with a scope of the resource server "orders".
func newService(issuer string, clients []string) (http.Handler, error) {
	issuers := []string{issuer}
	keys, err := token.NewRemoteKeys(issuers, nil)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for pattern, scope := range map[string]string{"GET /orders": "orders/read", "POST /orders": "orders/write"} {
		v, err := token.NewVerifier(issuers, keys, clients, &token.VerifierOptions{Use: token.UseAccess, Scopes: []string{scope}})
		if err != nil {
			return nil, err
		}
		mux.Handle(pattern, v.Require(http.HandlerFunc(orders)))
	}
	return mux, nil
}

// endregion

func orders(w http.ResponseWriter, r *http.Request) {
	c, _ := token.FromContext(r.Context()) // always there behind Require
	fmt.Fprintf(w, "orders for %s", c.ClientID)
}

// A caller gets tokens for itself.
type caller struct {
	issuer, id, secret, scope string

	token   string
	expires time.Time
}

// get calls an address with an access token, which it gets anew a minute before it expires.
func (c *caller) get(ctx context.Context, address string) (string, error) {
	if time.Until(c.expires) < time.Minute {
		if err := c.fetch(ctx); err != nil {
			return "", fmt.Errorf("get a token: %w", err)
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	body, err := do(r)
	return string(body), err
}

// region fetch
// fetch gets an access token by the client's secret (RFC 6749, section 4.4).
func (c *caller) fetch(ctx context.Context) error {
	var server struct {
		Token string `json:"token_endpoint"`
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.issuer+"/.well-known/openid-configuration", nil)
	if err != nil {
		return err
	}
	if err := decode(r, &server); err != nil {
		return err
	}
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {c.scope}}
	r, err = http.NewRequestWithContext(ctx, http.MethodPost, server.Token, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(c.id), url.QueryEscape(c.secret))
	var got struct {
		Token   string `json:"access_token"`
		Seconds int    `json:"expires_in"`
	}
	if err := decode(r, &got); err != nil {
		return err
	}
	c.token, c.expires = got.Token, time.Now().Add(time.Duration(got.Seconds)*time.Second)
	return nil
}

// endregion

func decode(r *http.Request, v any) error {
	body, err := do(r)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, v)
}

func do(r *http.Request) ([]byte, error) {
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err == nil && res.StatusCode != http.StatusOK {
		err = errors.New(res.Status + ": " + string(body))
	}
	return body, err
}
