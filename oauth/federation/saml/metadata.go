package saml

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	crewjam "github.com/crewjam/saml"
)

// Metadata is what a service provider needs to know of an identity provider.
type Metadata struct {
	// EntityID is the name of the identity provider, which its messages are issued by.
	EntityID string
	// SSORedirect is the URL of sign-in by HTTP-Redirect. It is never empty.
	SSORedirect string
	// SLORedirect is the URL of sign-out by HTTP-Redirect, or empty if the provider has none.
	SLORedirect string
	// SLOPost is the URL of sign-out by HTTP-POST, or empty if the provider has none. It is used without SLORedirect.
	SLOPost string
	// Keys are the certificates of the keys that sign, 1 to [MaxKeys], none of which has expired when the document
	// is read. A message signed by any of them is accepted while that certificate is valid.
	Keys []*x509.Certificate
	// ValidUntil is the time after which the document must be read again, or zero if it does not say.
	ValidUntil time.Time
	// WantsSignedRequests reports whether the provider asks for signed requests.
	WantsSignedRequests bool
}

// MaxKeys is the greatest number of signing certificates of an identity provider.
const MaxKeys = 10

// maxCertificate is the greatest length of a certificate in base64, as the service has it.
const maxCertificate = 4096

// ParseMetadata reads the metadata document of an identity provider, of at most [MaxMetadata] bytes. Keys
// that have expired at now are left out. A document without sign-in by HTTP-Redirect, without a key that is valid,
// or that has itself expired is not accepted. Each error is a [*MetadataError].
func ParseMetadata(doc []byte, now time.Time) (*Metadata, error) {
	doc = bytes.TrimSpace(bytes.TrimPrefix(doc, []byte("\xef\xbb\xbf"))) // some documents begin with a byte order mark
	if err := scan(doc, metadataLimits); err != nil {
		return nil, &MetadataError{fmt.Sprintf("The metadata document cannot be read: %v.", err)}
	}
	entity, err := entityOf(doc)
	if err != nil {
		return nil, err
	}
	role := entity.IDPSSODescriptors[0]
	m := &Metadata{EntityID: entity.EntityID, ValidUntil: entity.ValidUntil}
	if role.ValidUntil != nil && (m.ValidUntil.IsZero() || role.ValidUntil.Before(m.ValidUntil)) {
		m.ValidUntil = *role.ValidUntil
	}
	if !m.ValidUntil.IsZero() && !now.Before(m.ValidUntil) {
		return nil, &MetadataError{fmt.Sprintf("The metadata document expired at %s.", m.ValidUntil.UTC().Format(time.RFC3339))}
	}
	m.WantsSignedRequests = role.WantAuthnRequestsSigned != nil && *role.WantAuthnRequestsSigned
	m.SSORedirect = place(role.SingleSignOnServices, crewjam.HTTPRedirectBinding)
	m.SLORedirect = place(role.SingleLogoutServices, crewjam.HTTPRedirectBinding)
	m.SLOPost = place(role.SingleLogoutServices, crewjam.HTTPPostBinding)
	if m.SSORedirect == "" {
		return nil, &MetadataError{"No SingleSignOn Http redirect binding location found in metadata."} // recorded from the service
	}
	m.Keys, err = signingKeys(role.KeyDescriptors, now)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// entityOf returns the one identity provider of a document.
func entityOf(doc []byte) (*crewjam.EntityDescriptor, error) {
	var entities []crewjam.EntityDescriptor
	var one crewjam.EntityDescriptor
	var many crewjam.EntitiesDescriptor
	if err := xml.Unmarshal(doc, &one); err == nil {
		entities = append(entities, one)
	} else if xml.Unmarshal(doc, &many) == nil {
		entities = many.EntityDescriptors
	} else {
		return nil, &MetadataError{fmt.Sprintf("The metadata document cannot be read: %v.", err)}
	}
	var found *crewjam.EntityDescriptor
	for i := range entities {
		if len(entities[i].IDPSSODescriptors) == 0 {
			continue
		}
		if found != nil || len(entities[i].IDPSSODescriptors) > 1 {
			return nil, &MetadataError{"The metadata document has more than one identity provider."}
		}
		found = &entities[i]
	}
	if found == nil {
		return nil, &MetadataError{"The metadata document has no identity provider."}
	}
	if id := found.EntityID; id == "" || len(id) > 1024 || id != strings.TrimSpace(id) {
		return nil, &MetadataError{"The entity id of the metadata document is empty, too long or has spaces around it."}
	}
	return found, nil
}

// place returns the first place of a binding that is a URL of the web, or nothing.
func place(endpoints []crewjam.Endpoint, binding string) string {
	for _, e := range endpoints {
		if e.Binding == binding && webURL(e.Location) {
			return e.Location
		}
	}
	return ""
}

// webURL reports whether s is an absolute URL that a browser may be sent to.
func webURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil && u.Fragment == ""
}

func signingKeys(descriptors []crewjam.KeyDescriptor, now time.Time) ([]*x509.Certificate, error) {
	var keys []*x509.Certificate
	all := 0
	for _, d := range descriptors {
		if d.Use != "" && d.Use != "signing" {
			continue
		}
		for _, c := range d.KeyInfo.X509Data.X509Certificates {
			all++
			if all > MaxKeys {
				return nil, &MetadataError{fmt.Sprintf("The metadata document has more than %d signing certificates.", MaxKeys)}
			}
			cert, err := certificate(c.Data)
			if err != nil {
				return nil, &MetadataError{fmt.Sprintf("A signing certificate of the metadata document is not accepted: %v.", err)}
			}
			if !now.After(cert.NotAfter) {
				keys = append(keys, cert)
			}
		}
	}
	if all == 0 {
		return nil, &MetadataError{"The metadata document has no signing certificate."}
	}
	if len(keys) == 0 {
		return nil, &MetadataError{"The signing certificate of the metadata document has expired."}
	}
	return keys, nil
}

// certificate reads a certificate whose key is strong enough to sign.
func certificate(data string) (*x509.Certificate, error) {
	data = strings.Join(strings.Fields(data), "")
	if len(data) > maxCertificate {
		return nil, fmt.Errorf("more than %d characters", maxCertificate)
	}
	der, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < minRSA {
			return nil, fmt.Errorf("an RSA key of less than %d bits", minRSA)
		}
		return cert, nil
	case *ecdsa.PublicKey:
		return cert, nil
	default:
		return nil, errors.New("a key that is neither RSA nor ECDSA")
	}
}

// minRSA is the least length of an RSA key, in bits.
const minRSA = 2048
