package saml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// limits bounds a document, before anything is built from it.
type limits struct {
	bytes    int
	elements int
	depth    int
	attrs    int // of one element, declarations of namespaces among them
	comments bool
	prefixed bool // attributes of names that we read, with a prefix
}

// A message comes from anybody's browser, metadata from the administrator.
var (
	messageLimits  = limits{bytes: MaxMessage, elements: 4000, depth: 32, attrs: 32}
	metadataLimits = limits{bytes: MaxMetadata, elements: 20000, depth: 32, attrs: 64, comments: true, prefixed: true}
)

// MaxMessage is the greatest length of the value of SAMLResponse, in characters of base64.
const MaxMessage = 100_000

// MaxMetadata is the greatest length of a metadata document, in bytes.
const MaxMetadata = 1 << 20

// absolute begins a namespace that means the same everywhere. Libraries differ on what a relative one is worth.
var absolute = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)

// plain are attributes that messages have without a prefix. Some readers take x:ID, and even xmlns:ID, for ID.
var plain = []string{
	"ID", "Version", "IssueInstant", "Destination", "InResponseTo", "Value", "URI", "Algorithm", "Method", "Recipient",
	"NotBefore", "NotOnOrAfter", "SessionNotOnOrAfter", "SessionIndex", "Format", "NameQualifier", "SPNameQualifier", "Name",
}

// scan reads the tokens of a document and refuses what no message needs: a document type (and so entities),
// processing instructions, comments, relative namespaces, repeated attributes, and anything beyond the limits.
func scan(doc []byte, max limits) error {
	if len(doc) > max.bytes {
		return fmt.Errorf("%w: more than %d bytes", ErrMalformed, max.bytes)
	}
	d := xml.NewDecoder(bytes.NewReader(doc))
	s := scanner{max: max}
	for {
		t, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		if err := s.token(t); err != nil {
			return fmt.Errorf("%w: %w", ErrMalformed, err)
		}
	}
	if s.roots != 1 || s.depth != 0 {
		return fmt.Errorf("%w: not one element with an end", ErrMalformed)
	}
	return nil
}

type scanner struct {
	max                    limits
	tokens                 int
	roots, elements, depth int
}

func (s *scanner) token(t xml.Token) error {
	s.tokens++
	switch t := t.(type) {
	case xml.StartElement:
		return s.start(t)
	case xml.EndElement:
		s.depth--
		if s.depth < 0 {
			return errors.New("an end without a start")
		}
		return nil
	case xml.CharData:
		if s.depth == 0 && len(bytes.TrimSpace(t)) > 0 {
			return errors.New("text outside of the element")
		}
		return nil
	case xml.Comment:
		if s.max.comments {
			return nil
		}
		return errors.New("a comment")
	case xml.ProcInst:
		if t.Target == "xml" && s.tokens == 1 {
			return nil // the declaration; the decoder refuses what is not UTF-8
		}
		return errors.New("a processing instruction")
	case xml.Directive:
		return errors.New("a document type")
	default:
		return fmt.Errorf("a token of type %T", t)
	}
}

func (s *scanner) start(t xml.StartElement) error {
	if s.depth == 0 {
		s.roots++
	}
	s.depth++
	s.elements++
	switch {
	case s.roots > 1:
		return errors.New("a second root")
	case s.depth > s.max.depth:
		return fmt.Errorf("more than %d levels", s.max.depth)
	case s.elements > s.max.elements:
		return fmt.Errorf("more than %d elements", s.max.elements)
	case len(t.Attr) > s.max.attrs:
		return fmt.Errorf("more than %d attributes", s.max.attrs)
	}
	seen := make(map[xml.Name]bool, len(t.Attr))
	for _, a := range t.Attr {
		if seen[a.Name] {
			return fmt.Errorf("the attribute %s twice", a.Name.Local)
		}
		seen[a.Name] = true
		if !s.max.prefixed && a.Name.Space != "" && slices.Contains(plain, a.Name.Local) {
			return fmt.Errorf("the attribute %s:%s", a.Name.Space, a.Name.Local)
		}
		declares := a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns"
		if !declares {
			continue
		}
		if a.Value != "" && !absolute.MatchString(a.Value) {
			return errors.New("a relative namespace")
		}
		if strings.HasPrefix(a.Value, "http://www.w3.org/2001/XInclude") {
			return errors.New("XInclude")
		}
	}
	return nil
}
