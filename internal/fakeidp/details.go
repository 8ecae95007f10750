package fakeidp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"fmt"
)

// Details returns the details by which a pool reaches the provider as one of a type: OIDC, Google, Facebook, LoginWithAmazon or
// SignInWithApple. It returns an error for other types. For Apple it gives the client a new key.
func (p *Provider) Details(typ string) (map[string]string, error) {
	at := p.URL()
	d := map[string]string{"client_id": p.ClientID, "client_secret": p.ClientSecret, "authorize_url": at + "/authorize", "token_url": at + "/token"}
	switch typ {
	case "OIDC":
		d["oidc_issuer"], d["authorize_scopes"], d["attributes_request_method"] = at, "openid email profile", "GET"
		delete(d, "authorize_url") // they are in its discovery document
		delete(d, "token_url")
	case "Google":
		d["oidc_issuer"], d["jwks_uri"], d["authorize_scopes"] = at, at+"/jwks", "openid email profile"
		d["attributes_url"], d["attributes_url_add_attributes"] = at+"/userinfo", "false"
	case "Facebook":
		d["authorize_scopes"], d["attributes_url"] = "public_profile,email", at+"/me?fields="
	case "LoginWithAmazon":
		d["authorize_scopes"], d["attributes_url"] = "profile", at+"/userinfo"
	case "SignInWithApple":
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, err
		}
		p.AppleKey = &key.PublicKey
		delete(d, "client_secret")
		d["team_id"], d["key_id"], d["private_key"] = "TEAM123456", "KEY1234567", base64.StdEncoding.EncodeToString(der)
		d["oidc_issuer"], d["jwks_uri"], d["authorize_scopes"] = at, at+"/jwks", "email name"
	default:
		return nil, fmt.Errorf("fakeidp: no fake provider of type %q", typ)
	}
	return d, nil
}
