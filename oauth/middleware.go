package oauth

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth/login"
	"github.com/cognate-id/cognate/token"
)

// Middleware returns the middleware of a program that serves s itself, at [Options].Path of the host of
// callback: people sign in to the program as users of the pool of client. It is as [login.New],
// which has the rest, but calls s without a network, takes keys from the engine, and notices at
// once that a sign-in has ended. Programs that do not run the engine call login.New.
//
// o may be nil. If s is at another host, set Endpoints. If the engine has a clock of its own, set
// Clock.
func (s *Server) Middleware(ctx context.Context, client *identity.AppClient, callback string, keys [][]byte, o *login.Options) (*login.Middleware, error) {
	var own login.Options
	if o != nil {
		own = *o
	}
	issuer, err := s.verifiers(ctx, client, &own)
	if err != nil {
		return nil, fmt.Errorf("middleware: %w", err)
	}
	if own.Endpoints == nil {
		u, err := url.Parse(callback)
		if err != nil {
			return nil, fmt.Errorf("middleware: the callback: %w", err)
		}
		base := u.Scheme + "://" + u.Host + s.options.Path
		own.Endpoints = &login.Endpoints{
			Authorization: base + "/oauth2/authorize", Token: base + "/oauth2/token",
			Revocation: base + "/oauth2/revoke", EndSession: base + "/logout",
		}
	}
	if own.Client == nil {
		own.Client = &http.Client{Transport: inProcess{s}}
	}
	return login.New(issuer, client.ClientID(), callback, keys, &own)
}

// verifiers sets the verifiers of the engine, and returns the issuer of the pool.
func (s *Server) verifiers(ctx context.Context, client *identity.AppClient, o *login.Options) (issuer string, err error) {
	pool, err := s.engine.UserPool(ctx, client.PoolID())
	if err != nil {
		return "", err
	}
	info, err := pool.Admin().Describe(ctx)
	if err != nil {
		return "", err
	}
	issuer = s.engine.Issuer(ctx, info)
	if o.IDTokens != nil || o.AccessTokens != nil {
		return issuer, nil
	}
	access := &token.VerifierOptions{Use: token.UseAccess, Now: o.Clock}
	if resource := o.Parameters["resource"]; resource != "" {
		access.Resources = []string{resource}
	}
	clients := []string{client.ClientID()}
	if o.AccessTokens, err = s.engine.Verifier(ctx, client.PoolID(), clients, access); err != nil {
		return "", err
	}
	o.IDTokens, err = s.engine.Verifier(ctx, client.PoolID(), clients, &token.VerifierOptions{Use: token.UseID, Now: o.Clock})
	return issuer, err
}

// inProcess calls a handler of the same process.
type inProcess struct{ http.Handler }

// RoundTrip implements [http.RoundTripper].
func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	defer in.Body.Close()
	w := &answer{header: http.Header{}}
	p.ServeHTTP(w, in)
	w.WriteHeader(http.StatusOK) // unless it has a status
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

// An answer is an [http.ResponseWriter] in memory.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements [http.ResponseWriter].
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write implements [http.ResponseWriter].
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}
