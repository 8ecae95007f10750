package oidc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Who the user is: the ID token, the user info, and the profiles of Facebook, Amazon and Google's People
// API.

const lateUserInfo = "Read timed out"

// byIDToken verifies the ID token, and adds the user info.
func (p *Provider) byIDToken(ctx context.Context, e *Endpoints, nonce string, who *Identity) error {
	if p.config.InsecurePlain {
		nonce = ""
	}
	if who.Tokens.ID == "" {
		return refusedToken("the provider has sent none")
	}
	claims, err := p.verify(ctx, string(who.Tokens.ID), nonce, string(who.Tokens.Access))
	if err != nil {
		return err
	}
	who.Subject, who.IDToken, who.Claims = text(claims, "sub"), claims, claims
	who.Expires, _ = timeOf(claims, "exp") // verify has read it
	to := p.userInfoURL(e)
	if to == "" {
		return nil
	}
	info, err := p.userInfo(ctx, to, who.Tokens.Access)
	if err != nil {
		return err
	}
	sub, there := info["sub"]
	if there && sub != any(who.Subject) || !there && p.config.Kind == OIDC {
		return failure(ErrUserInfo, "Invalid user info response", errors.New("its sub is not that of the ID token"))
	}
	if p.config.Kind == Google {
		info = flatPeople(info)
	}
	who.UserInfo, who.Claims = info, merged(claims, info)
	return nil
}

// byProfile asks whose the access token is, and then for the profile.
func (p *Provider) byProfile(ctx context.Context, e *Endpoints, who *Identity) error {
	owner, err := p.ownerOf(ctx, e, who.Tokens.Access)
	if err != nil {
		return err
	}
	info, err := p.userInfo(ctx, p.userInfoURL(e), who.Tokens.Access)
	if err != nil {
		return err
	}
	sub := text(info, p.config.Kind.subject())
	if sub != owner {
		return failure(ErrUserInfo, "Invalid user info response", errors.New("the profile is of another user than the access token"))
	}
	if err := checkSubject(sub); err != nil {
		return failure(ErrUserInfo, "Invalid user info response", err)
	}
	who.Subject, who.UserInfo, who.Claims = sub, info, merged(nil, info)
	delete(who.Claims, "email_verified") // they say nothing of the sort
	return nil
}

// ownerOf returns the user of an access token, which must have been issued to our client.
func (p *Provider) ownerOf(ctx context.Context, e *Endpoints, access Secret) (string, error) {
	refused := func(err error) error {
		return callFailure(ErrUserInfo, lateUserInfo, "Invalid access token", err)
	}
	q := url.Values{"access_token": {string(access)}}
	if p.config.Kind == Facebook {
		q = url.Values{"input_token": {string(access)}, "access_token": {p.config.ClientID + "|" + string(p.config.ClientSecret)}}
	}
	status, doc, err := p.askJSON(ctx, http.MethodGet, withQuery(e.TokenInfo, q), "")
	if err != nil {
		return "", refused(err)
	}
	if status != http.StatusOK {
		return "", refused(fmt.Errorf("status %d", status))
	}
	switch p.config.Kind {
	case Facebook:
		data, _ := doc["data"].(map[string]any)
		if !isTrue(data, "is_valid") || text(data, "app_id") != p.config.ClientID || text(data, "user_id") == "" {
			return "", refused(errors.New("the access token is not for our app"))
		}
		return text(data, "user_id"), nil
	case Amazon:
		if text(doc, "aud") != p.config.ClientID || text(doc, "user_id") == "" {
			return "", refused(errors.New("the access token is not for our client"))
		}
		return text(doc, "user_id"), nil
	case OIDC, Google, Apple: // they have ID tokens
	}
	return "", refused(fmt.Errorf("no way to ask %s whose a token is", p.config.Kind))
}

// userInfoURL is where the user info is, with the names of what is asked for. "" if there is none.
func (p *Provider) userInfoURL(e *Endpoints) string {
	if p.config.NoAttributeNames {
		return e.Attributes
	}
	switch p.config.Kind {
	case Google:
		var fields []string
		for _, name := range p.config.Attributes {
			if field, ok := peopleFields[name]; ok {
				fields = append(fields, field)
			}
		}
		if len(fields) == 0 {
			return "" // the ID token has all that is mapped
		}
		return e.Attributes + strings.Join(fields, ",")
	case Facebook:
		fields := []string{"id"}
		for _, name := range p.config.Attributes {
			if name != "id" && name != "access_token" && name != "id_token" && plainName(name) {
				fields = append(fields, name)
			}
		}
		return e.Attributes + strings.Join(fields, ",")
	case OIDC, Apple, Amazon:
		if e.Attributes == "" || !p.config.AddAttributeNames {
			return e.Attributes
		}
		names := slices.Sorted(slices.Values(p.config.Attributes))
		for i := range names {
			names[i] = url.QueryEscape(names[i])
		}
		return e.Attributes + strings.Join(slices.Compact(names), ",")
	}
	return ""
}

// plainName reports whether a name can stand in a list in a query.
func plainName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
}

// userInfo asks for the claims of a user by an access token.
func (p *Provider) userInfo(ctx context.Context, to string, access Secret) (map[string]any, error) {
	method, bearer := p.config.AttributesMethod, string(access)
	if method == "" {
		method = http.MethodGet
	}
	if p.config.Kind == Facebook {
		to, bearer = withQuery(to, url.Values{"access_token": {bearer}}), ""
	}
	status, doc, err := p.askJSON(ctx, method, to, bearer)
	if err != nil {
		return nil, callFailure(ErrUserInfo, lateUserInfo, "Invalid user info response", err)
	}
	if status != http.StatusOK {
		return nil, failure(ErrUserInfo, fmt.Sprintf("%s Error - %d error getting user info", p.config.Name, status), fmt.Errorf("status %d", status))
	}
	return doc, nil
}

// askJSON calls the provider. The answer is a JSON object, whatever its status is.
func (p *Provider) askJSON(ctx context.Context, method, to, bearer string) (int, map[string]any, error) {
	req, err := http.NewRequestWithContext(ctx, method, to, nil)
	if err != nil {
		return 0, nil, errors.New("the URL is malformed")
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	return p.answer(req)
}

// postForm sends the provider a form. The answer is a JSON object, whatever its status is.
func (p *Provider) postForm(ctx context.Context, to string, form url.Values) (int, map[string]any, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, nil, errors.New("the URL is malformed")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return p.answer(req)
}

// answer sends a request, and reads the JSON object that it is answered with.
func (p *Provider) answer(req *http.Request) (int, map[string]any, error) {
	req.Header.Set("Accept", "application/json")
	resp, err := p.http.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // the URL may have a token in it
		}
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil, err
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	doc, err := decodeObject(body)
	switch {
	case resp.StatusCode != http.StatusOK && err != nil:
		return resp.StatusCode, nil, nil
	case err != nil:
		return 0, nil, err
	case resp.StatusCode == http.StatusOK && kind != "application/json" && kind != "text/javascript": // Facebook's
		return 0, nil, errors.New("the answer is not JSON")
	}
	return resp.StatusCode, doc, nil
}

// merged are the claims of both. Those of the ID token win. Only the ID token says by whom and for whom
// claims are, and no claim stands in for a token.
func merged(idToken, info map[string]any) map[string]any {
	all := make(map[string]any, len(idToken)+len(info))
	for name, value := range info {
		if !slices.Contains(ofTokens, name) {
			all[name] = value
		}
	}
	for name, value := range idToken {
		if name != "access_token" && name != "id_token" {
			all[name] = value
		}
	}
	for _, name := range []string{"email", "phone_number"} {
		dropForeignProof(all, idToken, info, name)
	}
	return all
}

// dropForeignProof drops the claim that an address is verified if another source says so than the one
// whose address is taken, and of another address.
func dropForeignProof(all, idToken, info map[string]any, name string) {
	from, other := info, idToken
	if _, there := idToken[name]; there {
		from, other = idToken, info
	}
	if _, said := from[name+"_verified"]; said {
		all[name+"_verified"] = from[name+"_verified"]
	} else if _, said := other[name+"_verified"]; said && text(other, name) != text(from, name) {
		delete(all, name+"_verified")
	}
}

// ofTokens are claims that no user info may bring.
var ofTokens = []string{"iss", "aud", "azp", "exp", "iat", "nbf", "nonce", "at_hash", "c_hash", "acr", "amr", "auth_time", "access_token", "id_token"}

// addAppleUser adds the name that Apple sends once, by the browser. It is what the user has typed, so it
// adds nothing but a name.
func addAppleUser(claims map[string]any, user string) {
	if user == "" || len(user) > 4096 {
		return
	}
	doc, err := decodeObject([]byte(user))
	if err != nil {
		return
	}
	name, _ := doc["name"].(map[string]any)
	first, last := text(name, "firstName"), text(name, "lastName")
	for claim, value := range map[string]string{"firstName": first, "lastName": last, "name": strings.TrimSpace(first + " " + last)} {
		if _, there := claims[claim]; !there && value != "" {
			claims[claim] = value
		}
	}
}
