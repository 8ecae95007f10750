package identity_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/cognate-id/cognate/identity"
)

// TestPagesWithoutTheFlowBeginWithAPassword: pages need no flow of the client to reach a level, but without the flow for choices a
// sign-in begins with a password alone, whatever else the pool has.
func TestPagesWithoutTheFlowBeginWithAPassword(t *testing.T) {
	c := newClimber(t, levelPool(), false)
	plain := c.client(t, c.pool, identity.ClientSettings{AuthFlows: []identity.AuthFlow{identity.AllowUserPassword}})
	in := c.to(loa1)
	res, err := plain.Pages().Begin(t.Context(), in)
	wantStep(t, "pages", res, err, "FirstFactorRequired[PASSWORD]")
	_, err = plain.Begin(t.Context(), in)
	wantErr(t, "no pages", err, identity.ErrFlowNotEnabled)
	in.Levels = nil
	_, err = plain.Pages().Begin(t.Context(), in)
	wantErr(t, "no level", err, identity.ErrFlowNotEnabled)

	mailed := levelPool()
	mailed.EmailMFA = nil
	c = newClimber(t, mailed, false)
	plain = c.client(t, c.pool, identity.ClientSettings{AuthFlows: []identity.AuthFlow{identity.AllowUserPassword}})
	res, err = plain.Pages().Begin(t.Context(), c.to(loa2, loa1))
	wantStep(t, "a code begins no sign-in, so it leads to no level", res, err, "FirstFactorRequired[PASSWORD]")
	_, err = plain.Pages().Begin(t.Context(), c.to(loa2))
	wantErr(t, "level 2 alone", err, identity.ErrLevelUnreachable)
}

// TestBrowsersCountOnPages: elsewhere a browser is refused.
func TestBrowsersCountOnPages(t *testing.T) {
	c := newClimber(t, levelPool(), false).withApp(false)
	in := c.to(loa1)
	in.Preferred, in.Password = byWord, password
	res, err := c.a.Pages().Begin(t.Context(), in)
	check(t, "Begin", err)
	up := c.to(loa4)
	up.Browser = res.Browser
	wantErr(t, "no pages", second(c.begin(up)), identity.ErrInvalidParameter)
	next, err := c.a.Pages().Begin(t.Context(), up)
	wantStep(t, "pages", next, err, "TOTPRequired")
	plain := up
	plain.Levels = nil
	next, err = c.a.Pages().Begin(t.Context(), plain)
	wantStep(t, "no level", next, err, "FirstFactorRequired[PASSWORD_SRP PASSWORD EMAIL_OTP]")
	up.Browser += "x"
	next, err = c.a.Pages().Begin(t.Context(), up)
	wantStep(t, "a browser that nobody signed in", next, err, "FirstFactorRequired[PASSWORD_SRP PASSWORD]")
}

// TestAuthorizationsWantTheirLevel: neither a code nor tokens are given to a browser that has reached none of the levels.
func TestAuthorizationsWantTheirLevel(t *testing.T) {
	c := newClimber(t, levelPool(), false).withApp(false)
	in := c.to(loa1)
	in.Preferred, in.Password = byWord, password
	res, err := c.a.Pages().Begin(t.Context(), in)
	check(t, "Begin", err)
	for _, grant := range []string{identity.GrantCode, identity.GrantImplicit} {
		set := identity.ClientSettings{}
		oauthSettings(&set)
		client := c.client(t, c.pool, set)
		give := func(levels ...string) (identity.BrowserLevel, error) {
			auth, err := client.Authorization(t.Context(), identity.AuthorizationRequest{Grant: grant, RedirectURI: redirect, Scopes: []string{"openid"}, Levels: levels})
			check(t, "Authorization", err)
			if len(auth.Levels) > 4 || slices.Contains(auth.Levels, "gold") {
				t.Errorf("levels %q of %q", auth.Levels, levels)
			}
			level, err := auth.Level(t.Context(), res.Browser)
			if err != nil {
				return 0, err
			}
			if grant == identity.GrantCode {
				return level, second(auth.Code(t.Context(), res.Browser))
			}
			return level, second(auth.Tokens(t.Context(), res.Browser))
		}
		for _, tt := range []struct {
			levels []string
			level  identity.BrowserLevel
			least  identity.Level // of the error; 0 for none
		}{
			{nil, identity.LevelBest, 0},
			{[]string{"gold"}, identity.LevelBest, 0},
			{[]string{loa1}, identity.LevelBest, 0},
			{slices.Repeat([]string{loa1, "gold"}, 5), identity.LevelBest, 0},
			{[]string{loa4, loa1}, identity.LevelMet, 0},
			{[]string{loa4}, identity.LevelBelow, identity.Level4},
			{[]string{loa4, loa2}, identity.LevelBelow, identity.Level2},
		} {
			level, err := give(tt.levels...)
			if level != tt.level {
				t.Errorf("%s, %v: level %d, want %d", grant, tt.levels, level, tt.level)
			}
			if e, ok := errors.AsType[*identity.LevelError](err); ok != (tt.least != 0) || ok && e.Level != tt.least || !ok && err != nil {
				t.Errorf("%s, %v: error %v, want level %d", grant, tt.levels, err, tt.least)
			}
		}
		signedIn := res.Browser
		res.Browser += "x"
		_, err := give(loa1)
		wantErr(t, "nobody", err, identity.ErrNotSignedIn)
		auth, err := client.Authorization(t.Context(), identity.AuthorizationRequest{Grant: grant, RedirectURI: redirect, Levels: []string{loa1}})
		check(t, "Authorization", err)
		if grant == identity.GrantCode {
			wantErr(t, "a code for nobody", second(auth.Code(t.Context(), res.Browser)), identity.ErrNotSignedIn)
		} else {
			wantErr(t, "tokens for nobody", second(auth.Tokens(t.Context(), res.Browser)), identity.ErrNotSignedIn)
		}
		res.Browser = signedIn
	}
	refused, err := c.client(t, c.pool, identity.ClientSettings{CallbackURLs: []string{redirect}}).Authorization(t.Context(), identity.AuthorizationRequest{Grant: identity.GrantCode, RedirectURI: redirect})
	wantErr(t, "Authorization", err, identity.ErrGrantNotAllowed)
	_, err = refused.Level(t.Context(), res.Browser)
	wantErr(t, "a request that was refused", err, identity.ErrGrantNotAllowed)
}
