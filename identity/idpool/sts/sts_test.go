package sts_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity/idpool/policy"
	"github.com/cognate-id/cognate/identity/idpool/sts"
	"github.com/cognate-id/cognate/identity/internal/sigv4"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

const (
	poolID     = "us-east-1:157d6171-ee37-c0dd-c6c5-ce7afc0154ab"
	identityID = "us-east-1:0cb9e4d5-a6ee-4f14-8ca5-5e1f8d2dbb3f"
	account    = "000000000000"
	readerARN  = "arn:aws:iam::000000000000:role/reader"
	guestARN   = "arn:aws:iam::000000000000:role/guest"
	thingsARN  = "arn:aws:execute-api:us-east-1:000000000000:api/prod/GET/things"
	sub        = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Example:CognitoSignIn:9a4c3b1e"
)

var amr = []string{"authenticated", "cognito-idp.us-east-1.amazonaws.com/us-east-1_Example", sub}

// A world is a service with two roles of the store, on a clock of its own.
type world struct {
	*sts.Service
	t     testing.TB
	store store.Store
	now   time.Time
	log   *bytes.Buffer
}

func newWorld(t testing.TB, change func(*sts.Options)) *world {
	t.Helper()
	w := &world{t: t, store: memory.New(), now: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC), log: &bytes.Buffer{}}
	o := &sts.Options{Account: account, Clock: func() time.Time { return w.now }, Logger: slog.New(slog.NewTextHandler(w.log, nil))}
	if change != nil {
		change(o)
	}
	var err error
	if w.Service, err = sts.New(w.store, o); err != nil {
		t.Fatal(err)
	}
	w.role(readerARN, false, sts.Statement(false, []string{"execute-api:Invoke"}, []string{"arn:aws:execute-api:*:*:api/prod/GET/*"}))
	w.role(guestARN, true, sts.Statement(false, []string{"execute-api:Invoke", "iam:GetRole"}, []string{"*"}))
	return w
}

func (w *world) role(arn string, guests bool, document string) *sts.Role {
	w.t.Helper()
	r, err := w.CreateRole(w.t.Context(), &sts.Role{ARN: arn, Trust: sts.PoolTrust(poolID, guests), Policies: map[string]string{"main": document}})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// user is the assumption of a user of the pool.
func user() *sts.Assumption {
	return &sts.Assumption{RoleARN: readerARN, IdentityID: identityID, PoolID: poolID, AMR: amr}
}

func guest() *sts.Assumption {
	return &sts.Assumption{RoleARN: guestARN, IdentityID: identityID, PoolID: poolID, AMR: []string{"unauthenticated"}, Guest: true}
}

func (w *world) assume(a *sts.Assumption) *sts.Credentials {
	w.t.Helper()
	c, err := w.Assume(w.t.Context(), a)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func key(c *sts.Credentials) sigv4.Key {
	return sigv4.Key{ID: c.AccessKeyID, Secret: string(c.SecretKey), Token: string(c.SessionToken)}
}

// signed is a request to an API, signed with credentials.
func (w *world) signed(c *sts.Credentials, body string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "https://api.example.com/things?a=b", strings.NewReader(body))
	sigv4.Sign(r, []byte(body), key(c), "us-east-1", "execute-api", w.now)
	return r
}

// code is the code of an error of the package.
func code(err error) string {
	if e, ok := errors.AsType[*sts.Error](err); ok {
		return e.Code
	}
	return fmt.Sprint(err)
}

func TestCredentialsWork(t *testing.T) {
	w := newWorld(t, nil)
	c := w.assume(user())
	if len(c.AccessKeyID) != 20 || !strings.HasPrefix(c.AccessKeyID, "ASIA") || len(c.SecretKey) != 40 || !c.Expires.Equal(w.now.Add(time.Hour)) {
		t.Errorf("credentials %+v", c)
	}
	v, err := w.Verify(w.signed(c, "body"), []byte("body"))
	if err != nil {
		t.Fatal(err)
	}
	x := v.Session
	if x.IdentityID != identityID || x.PoolID != poolID || !x.Authenticated() || x.RoleARN != readerARN ||
		x.ARN() != "arn:aws:sts::000000000000:assumed-role/reader/CognitoIdentityCredentials" ||
		!strings.HasPrefix(x.UserID(), "AROA") || !strings.HasSuffix(x.UserID(), ":CognitoIdentityCredentials") ||
		v.Service != "execute-api" || v.Region != "us-east-1" || v.Presigned {
		t.Errorf("verified %+v of %+v", v, x)
	}
	opened, err := w.Open(t.Context(), string(c.SessionToken))
	if err != nil || opened.AccessKeyID != c.AccessKeyID {
		t.Errorf("Open: %+v, %v", opened, err)
	}
}

// TestAnotherServerVerifies: what was issued by one service is good at another on the same store, and nothing
// was kept but the keys and the roles.
func TestAnotherServerVerifies(t *testing.T) {
	w := newWorld(t, nil)
	c := w.assume(user())
	other, err := sts.New(w.store, &sts.Options{Clock: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Verify(w.signed(c, ""), nil); err != nil {
		t.Error(err)
	}
	before := count(t, w.store)
	for range 5 {
		w.assume(user())
	}
	if after := count(t, w.store); after != before || before != 3 {
		t.Errorf("%d entries, then %d", before, after)
	}
}

func count(t *testing.T, s store.Store) (n int) {
	t.Helper()
	err := s.View(t.Context(), func(r store.Reader) error {
		n = 0
		for _, table := range store.Catalog(sts.Tables()).Tables() {
			for _, err := range r.Scan(table, store.Range{}) {
				if err != nil {
					return err
				}
				n++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestBadRequests(t *testing.T) {
	w := newWorld(t, nil)
	c, other := w.assume(user()), w.assume(user())
	mixed := *c
	mixed.SessionToken = other.SessionToken
	cut := *c
	cut.SessionToken = c.SessionToken[:len(c.SessionToken)-4]
	long := *c
	long.SessionToken += sts.Secret(strings.Repeat("A", 9000))
	wrong := *c
	wrong.SecretKey = other.SecretKey
	bare := *c
	bare.SessionToken = ""
	edit := func(f func(*http.Request)) *http.Request {
		r := w.signed(c, "body")
		f(r)
		return r
	}
	for _, tt := range []struct {
		name string
		r    *http.Request
		want string
		kind error
	}{
		{"token of another key", w.signed(&mixed, "body"), "InvalidClientTokenId", sts.ErrInvalidToken},
		{"token cut", w.signed(&cut, "body"), "InvalidClientTokenId", sts.ErrInvalidToken},
		{"token too long", w.signed(&long, "body"), "InvalidClientTokenId", sts.ErrInvalidToken},
		{"no token", w.signed(&bare, "body"), "InvalidClientTokenId", sts.ErrInvalidToken},
		{"other secret", w.signed(&wrong, "body"), "SignatureDoesNotMatch", sts.ErrSignature},
		{"no signature", edit(func(r *http.Request) { r.Header.Del("Authorization") }), "MissingAuthenticationToken", sts.ErrSignature},
		{"half a signature", edit(func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x") }), "IncompleteSignature", sts.ErrSignature},
		{"other body", w.signed(c, "other"), "SignatureDoesNotMatch", sts.ErrSignature},
		{"other host", edit(func(r *http.Request) { r.Host = "evil.example.com" }), "SignatureDoesNotMatch", sts.ErrSignature},
		{"header unsigned", edit(func(r *http.Request) { r.Header.Set("X-Amz-Role", "admin") }), "SignatureDoesNotMatch", sts.ErrSignature},
		{"date twice", edit(func(r *http.Request) { r.Header.Add("X-Amz-Date", r.Header.Get("X-Amz-Date")) }), "IncompleteSignature", sts.ErrSignature},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, err := w.Verify(tt.r, []byte("body"))
			if v != nil || code(err) != tt.want || !errors.Is(err, tt.kind) {
				t.Errorf("Verify: %+v, %v, want %s", v, err, tt.want)
			}
		})
	}
	w.now = w.now.Add(5*time.Minute + time.Second)
	if _, err := w.Verify(edit(func(*http.Request) {}), []byte("body")); err != nil {
		t.Errorf("signed now: %v", err)
	}
	late := w.signed(c, "body")
	w.now = w.now.Add(5*time.Minute + time.Second)
	if _, err := w.Verify(late, []byte("body")); code(err) != "SignatureDoesNotMatch" {
		t.Errorf("signed 5 minutes and a second ago: %v", err)
	}
}

func TestPresigned(t *testing.T) {
	w := newWorld(t, nil)
	c := w.assume(user())
	presign := func(d time.Duration) *http.Request {
		r := httptest.NewRequest(http.MethodGet, "https://api.example.com/things?a=b", nil)
		sigv4.Presign(r, nil, key(c), "us-east-1", "execute-api", w.now, d)
		return r
	}
	week := presign(7 * 24 * time.Hour)
	if v, err := w.Verify(week, nil); err != nil || !v.Presigned {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := w.Verify(presign(7*24*time.Hour+time.Second), nil); code(err) != "IncompleteSignature" {
		t.Errorf("over a week: %v", err)
	}
	w.now = w.now.Add(time.Hour)
	if _, err := w.Verify(week, nil); code(err) != "ExpiredToken" {
		t.Errorf("after the credentials: %v", err)
	}
}

func TestCredentialsEnd(t *testing.T) {
	w := newWorld(t, nil)
	c := w.assume(user())
	use := func() error {
		_, err := w.Verify(w.signed(c, ""), nil)
		return err
	}
	w.now = w.now.Add(time.Hour - time.Second)
	if err := use(); err != nil {
		t.Errorf("a second before: %v", err)
	}
	w.now = w.now.Add(time.Second)
	if err := use(); code(err) != "ExpiredToken" || !errors.Is(err, sts.ErrExpired) {
		t.Errorf("at the end: %v", err)
	}
}

func TestRevoke(t *testing.T) {
	w := newWorld(t, nil)
	c := w.assume(user())
	use := func() error {
		_, err := w.Verify(w.signed(c, ""), nil)
		return err
	}
	w.now = w.now.Add(time.Second)
	if err := w.RevokeRole(t.Context(), readerARN); err != nil {
		t.Fatal(err)
	}
	if err := use(); code(err) != "InvalidClientTokenId" || !errors.Is(err, sts.ErrRevoked) {
		t.Errorf("revoked: %v", err)
	}
	w.now = w.now.Add(time.Second)
	c = w.assume(user())
	if err := use(); err != nil {
		t.Errorf("issued after: %v", err)
	}
	if err := w.DeleteRole(t.Context(), readerARN); err != nil {
		t.Fatal(err)
	}
	if err := use(); !errors.Is(err, sts.ErrRevoked) {
		t.Errorf("role deleted: %v", err)
	}
	w.role(readerARN, false, sts.Statement(false, []string{"*"}, []string{"*"}))
	if err := use(); !errors.Is(err, sts.ErrRevoked) {
		t.Errorf("role made again: %v", err)
	}
	if d, err := w.Allows(t.Context(), c.Session, "execute-api:Invoke", thingsARN, nil); err != nil || d.Allowed {
		t.Errorf("policies of the role that was made again: %+v, %v", d, err)
	}
}

// TestActive: the identity pool has the last word.
func TestActive(t *testing.T) {
	var answer error
	var asked *sts.Session
	w := newWorld(t, func(o *sts.Options) {
		o.Active = func(_ context.Context, x *sts.Session) error {
			asked = x
			return answer
		}
	})
	c := w.assume(user())
	down := errors.New("the store is down")
	for _, tt := range []struct{ give, want error }{{nil, nil}, {sts.ErrRevoked, sts.ErrRevoked}, {fmt.Errorf("identity: %w", sts.ErrRevoked), sts.ErrRevoked}, {down, down}} {
		answer = tt.give
		if v, err := w.Verify(w.signed(c, ""), nil); !errors.Is(err, tt.want) || (err != nil) != (v == nil) {
			t.Errorf("Active says %v: %+v, %v", tt.give, v, err)
		}
		if x, err := w.Open(t.Context(), string(c.SessionToken)); !errors.Is(err, tt.want) || (err != nil) != (x == nil) {
			t.Errorf("Active says %v: Open %+v, %v", tt.give, x, err)
		}
	}
	if asked.IdentityID != identityID || asked.Issued.IsZero() {
		t.Errorf("asked about %+v", asked)
	}
}

func TestTrustPolicy(t *testing.T) {
	w := newWorld(t, nil)
	edit := func(f func(*sts.Assumption)) *sts.Assumption {
		a := user()
		f(a)
		return a
	}
	for _, tt := range []struct {
		name string
		a    *sts.Assumption
		want string
	}{
		{"user", user(), "<nil>"},
		{"guest", guest(), "<nil>"},
		{"guest in the role of users", edit(func(a *sts.Assumption) { a.AMR = []string{"unauthenticated"} }), "AccessDenied"},
		{"user in the role of guests", edit(func(a *sts.Assumption) { a.RoleARN = guestARN }), "AccessDenied"},
		{"other pool", edit(func(a *sts.Assumption) { a.PoolID = "us-east-1:other" }), "AccessDenied"},
		{"no amr", edit(func(a *sts.Assumption) { a.AMR = nil }), "AccessDenied"},
		{"other provider", edit(func(a *sts.Assumption) { a.Provider = "accounts.google.com" }), "AccessDenied"},
		{"unknown role", edit(func(a *sts.Assumption) { a.RoleARN += "x" }), "AccessDenied"},
		{"no role", edit(func(a *sts.Assumption) { a.RoleARN = "reader" }), "ValidationError"},
		{"too long", edit(func(a *sts.Assumption) { a.Duration = time.Hour + time.Second }), "ValidationError"},
		{"too short", edit(func(a *sts.Assumption) { a.Duration = time.Minute }), "ValidationError"},
		{"session name with XML", edit(func(a *sts.Assumption) { a.SessionName = "<a>&" }), "ValidationError"},
		{"session name with a line", edit(func(a *sts.Assumption) { a.SessionName = "ab\n" }), "ValidationError"},
		{"session name with a slash", edit(func(a *sts.Assumption) { a.SessionName = "a/b" }), "ValidationError"},
		{"no identity", edit(func(a *sts.Assumption) { a.IdentityID = "" }), "ValidationError"},
		{"policy that is none", edit(func(a *sts.Assumption) { a.SessionPolicy = "{}" }), "MalformedPolicyDocument"},
		{"policy too large", edit(func(a *sts.Assumption) {
			a.SessionPolicy = sts.Statement(false, []string{"s3:" + strings.Repeat("a", 2048)}, []string{"*"})
		}), "ValidationError"},
		{"tags", edit(func(a *sts.Assumption) { a.Tags = map[string]string{"team": "red"} }), "<nil>"},
		{"tag of AWS", edit(func(a *sts.Assumption) { a.Tags = map[string]string{"AWS:team": "red"} }), "ValidationError"},
		{"tags that differ in case", edit(func(a *sts.Assumption) { a.Tags = map[string]string{"team": "red", "Team": "red"} }), "ValidationError"},
		{"tag with a control character", edit(func(a *sts.Assumption) { a.Tags = map[string]string{"team": "r\x00d"} }), "ValidationError"},
		{"transitive key of no tag", edit(func(a *sts.Assumption) { a.Transitive = []string{"team"} }), "ValidationError"},
		{"tags too large together", edit(func(a *sts.Assumption) {
			a.Tags = map[string]string{}
			for i := range 50 {
				a.Tags[fmt.Sprint("k", i)] = strings.Repeat("v", 256)
			}
		}), "PackedPolicyTooLarge"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := w.Assume(t.Context(), tt.a)
			if code(err) != tt.want || (c == nil) != (err != nil) {
				t.Errorf("Assume: %v, %v, want %s", c, err, tt.want)
			}
		})
	}
}

// TestTagsNeedTrust: the trust policy must allow sts:TagSession beside the other action.
func TestTagsNeedTrust(t *testing.T) {
	w := newWorld(t, nil)
	_, err := w.UpdateRole(t.Context(), readerARN, func(r *sts.Role) error {
		r.Trust = strings.Replace(r.Trust, `,"sts:TagSession"`, "", 1)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.assume(user())
	a := user()
	a.Tags = map[string]string{"team": "red"}
	if _, err := w.Assume(t.Context(), a); code(err) != "AccessDenied" || !strings.Contains(err.Error(), "sts:AssumeRoleWithWebIdentity") {
		t.Error(err)
	}
	if !strings.Contains(w.log.String(), "sts:TagSession") {
		t.Errorf("the log does not say why: %s", w.log)
	}
}

// TestDevelopmentTrust: a role that nobody has set up is for a fake, and may do nothing.
func TestDevelopmentTrust(t *testing.T) {
	a := user()
	a.RoleARN = "arn:aws:iam::000000000000:role/unknown"
	var asked *sts.Assumption
	says := true
	w := newWorld(t, func(o *sts.Options) {
		o.DevelopmentTrust = func(_ context.Context, a *sts.Assumption) (bool, error) {
			asked = a
			return says, nil
		}
	})
	c := w.assume(a)
	if asked.PoolID != poolID || asked.RoleARN != a.RoleARN {
		t.Errorf("asked about %+v", asked)
	}
	v, err := w.Verify(w.signed(c, ""), nil)
	if err != nil || v.Session.RoleID != c.Session.RoleID {
		t.Fatalf("%+v, %v", v, err)
	}
	if d, err := w.Allows(t.Context(), v.Session, "execute-api:Invoke", thingsARN, nil); err != nil || d.Allowed {
		t.Errorf("a role without policies: %+v, %v", d, err)
	}
	real, err := sts.New(w.store, &sts.Options{Clock: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := real.Verify(w.signed(c, ""), nil); !errors.Is(err, sts.ErrRevoked) {
		t.Errorf("a real server on the store: %v", err)
	}
	if _, err := real.Assume(t.Context(), a); code(err) != "AccessDenied" {
		t.Errorf("a real server: %v", err)
	}
	says = false
	if _, err := w.Assume(t.Context(), a); code(err) != "AccessDenied" {
		t.Errorf("the pool does not name it: %v", err)
	}
	says, a.Provider = true, "accounts.google.com"
	if _, err := w.Assume(t.Context(), a); code(err) != "AccessDenied" {
		t.Errorf("not of a pool: %v", err)
	}
}

func TestAllows(t *testing.T) {
	w := newWorld(t, nil)
	narrow := user()
	narrow.SessionPolicy = sts.Statement(false, []string{"execute-api:Invoke"}, []string{thingsARN})
	const otherARN = "arn:aws:execute-api:us-east-1:000000000000:api/prod/GET/other"
	for _, tt := range []struct {
		name             string
		a                *sts.Assumption
		action, resource string
		want             bool
	}{
		{"user", user(), "execute-api:Invoke", thingsARN, true},
		{"user elsewhere", user(), "execute-api:Invoke", strings.Replace(thingsARN, "GET", "POST", 1), false},
		{"user otherwise", user(), "iam:GetRole", readerARN, false},
		{"user, session policy", narrow, "execute-api:Invoke", thingsARN, true},
		{"user, beside the session policy", narrow, "execute-api:Invoke", otherARN, false},
		{"guest", guest(), "execute-api:Invoke", thingsARN, true},
		{"guest, beyond what guests may", guest(), "iam:GetRole", guestARN, false},
	} {
		d, err := w.Allows(t.Context(), w.assume(tt.a).Session, tt.action, tt.resource, nil)
		if err != nil || d.Allowed != tt.want || d.Why == "" {
			t.Errorf("%s: %+v, %v", tt.name, d, err)
		}
	}
}

// TestKeysOfTheSession: policies see the identity and its tags, and a caller's keys cannot replace these.
func TestKeysOfTheSession(t *testing.T) {
	w := newWorld(t, nil)
	own := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject",
		"Resource":"arn:aws:s3:::b/${aws:PrincipalTag/team}/${cognito-identity.amazonaws.com:sub}/*",
		"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"` + poolID + `","aws:PrincipalType":"AssumedRole"},
		"StringLike":{"aws:userid":"AROA*:CognitoIdentityCredentials"},
		"ForAnyValue:StringEquals":{"cognito-identity.amazonaws.com:amr":"` + sub + `"},
		"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}]}`
	w.role("arn:aws:iam::000000000000:role/own", false, own)
	a := user()
	a.RoleARN, a.Tags = "arn:aws:iam::000000000000:role/own", map[string]string{"team": "red"}
	x := w.assume(a).Session
	allows := func(resource string, more policy.Context) bool {
		d, err := w.Allows(t.Context(), x, "s3:GetObject", resource, more)
		if err != nil {
			t.Fatal(err)
		}
		return d.Allowed
	}
	home := policy.NewContext(map[string][]string{"aws:SourceIp": {"192.0.2.7"}})
	if !allows("arn:aws:s3:::b/red/"+identityID+"/x", home) {
		t.Error("the own folder is refused")
	}
	if allows("arn:aws:s3:::b/red/"+identityID+"/x", nil) {
		t.Error("allowed without an address")
	}
	if allows("arn:aws:s3:::b/blue/"+identityID+"/x", home) || allows("arn:aws:s3:::b/red/other/x", home) {
		t.Error("a folder of others is allowed")
	}
	home.Set("aws:PrincipalTag/team", "blue")
	if allows("arn:aws:s3:::b/blue/"+identityID+"/x", home) {
		t.Error("a key of the request has replaced a tag")
	}
}

func TestRotateKeys(t *testing.T) {
	w := newWorld(t, nil)
	if err := w.RotateKeys(t.Context(), true); err != nil {
		t.Errorf("before the first key: %v", err)
	}
	_, err := w.UpdateRole(t.Context(), readerARN, func(r *sts.Role) error {
		r.MaxSession = sts.MaxMaxSession
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	a := user()
	a.Duration = sts.MaxMaxSession
	old := w.assume(a)
	if err := w.RotateKeys(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	fresh := w.assume(a)
	if old.SessionToken[:10] == fresh.SessionToken[:10] {
		t.Error("the new token names the old key")
	}
	for i, c := range []*sts.Credentials{old, fresh} {
		if _, err := w.Verify(w.signed(c, ""), nil); err != nil {
			t.Errorf("credentials %d: %v", i, err)
		}
	}
	w.now = w.now.Add(sts.MaxMaxSession + time.Hour)
	if err := w.RotateKeys(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Verify(w.signed(old, ""), nil); code(err) != "InvalidClientTokenId" {
		t.Errorf("after the key has lapsed: %v", err)
	}
	if _, err := w.Verify(w.signed(fresh, ""), nil); code(err) != "ExpiredToken" {
		t.Errorf("of the newest key: %v", err)
	}
	for range 20 {
		if err := w.RotateKeys(t.Context(), true); err != nil {
			t.Fatal(err)
		}
	}
	w.assume(user())
}

func TestCatalog(t *testing.T) {
	if err := store.Catalog(sts.Tables()).Err(); err != nil {
		t.Error(err)
	}
}

// TestSecretsPrintNothing: no verb prints a secret of credentials.
func TestSecretsPrintNothing(t *testing.T) {
	w := newWorld(t, nil)
	c := w.assume(user())
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", *c), fmt.Sprintf("%s %q %x", c.SecretKey, c.SessionToken, c.SecretKey)} {
		if strings.Contains(text, string(c.SecretKey)) || strings.Contains(text, string(c.SessionToken)) {
			t.Error(text)
		}
	}
}
