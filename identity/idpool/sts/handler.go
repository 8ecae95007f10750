package sts

import (
	"bytes"
	"crypto/rand"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The API of STS is AWS's Query protocol: a form in a POST to /, or in the query of a GET, and XML back. No other call of the
// server looks so: the JSON API names its operation in X-Amz-Target, and pages have paths of their own.

const (
	apiVersion = "2011-06-15"
	namespace  = "https://sts.amazonaws.com/doc/2011-06-15/"
	// maxForm is how many bytes a request may have. A web identity token may have 20,000.
	maxForm = 64 << 10
)

// Handles reports whether a request is for STS: a form that is posted to the root, without an X-Amz-Target, or a GET of the root
// with an Action in its query.
func (s *Service) Handles(r *http.Request) bool {
	if r.URL.Path != "/" || r.Header.Get("X-Amz-Target") != "" {
		return false
	}
	if r.Method == http.MethodGet {
		return r.URL.RawQuery != "" && r.URL.Query().Has("Action")
	}
	if r.Method != http.MethodPost {
		return false
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/x-www-form-urlencoded"
}

// A call is a request to the API.
type call struct {
	r    *http.Request
	body []byte
	form url.Values
}

// get returns a parameter, or "".
func (c *call) get(name string) string { return c.form.Get(name) }

// actions are the operations, with what they return.
var actions = map[string]func(*Service, *call) (any, error){
	"AssumeRole":                (*Service).assumeRole,
	"AssumeRoleWithWebIdentity": (*Service).assumeRoleWithWebIdentity,
	getCallerIdentity:           (*Service).getCallerIdentity,
}

// ServeHTTP serves AssumeRoleWithWebIdentity, AssumeRole and GetCallerIdentity.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := requestID()
	result, name, err := s.call(w, r)
	if err != nil {
		s.fail(w, r, id, err)
		return
	}
	s.write(w, http.StatusOK, id, response{
		XMLName: xml.Name{Local: name + "Response"}, Namespace: namespace,
		Result: named{xml.Name{Local: name + "Result"}, result}, Metadata: metadata{id},
	})
}

func (s *Service) call(w http.ResponseWriter, r *http.Request) (result any, name string, err error) {
	c, err := s.read(w, r)
	if err != nil {
		return nil, "", err
	}
	name = c.get("Action")
	act := actions[name]
	if act == nil || c.get("Version") != apiVersion {
		return nil, "", &Error{"InvalidAction", fmt.Sprintf("Could not find operation %s for version %s", clip(name), clip(c.get("Version"))), http.StatusBadRequest, ErrValidation}
	}
	result, err = act(s, c)
	return result, name, err
}

// read reads the parameters of a call, each of which may be there once: those of the body or, of a GET, of the query. Only a
// signature is in the query of a POST.
func (s *Service) read(w http.ResponseWriter, r *http.Request) (*call, error) {
	if !s.Handles(r) {
		return nil, &Error{"InvalidAction", "Post a form to / with Action and Version", http.StatusBadRequest, ErrValidation}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil || len(r.URL.RawQuery) > maxForm {
		return nil, &Error{"RequestEntityTooLarge", "The request cannot be read, or has more than " + strconv.Itoa(maxForm) + " bytes", http.StatusRequestEntityTooLarge, ErrValidation}
	}
	query, err := parameters(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	if r.Method == http.MethodGet {
		if len(body) > 0 {
			return nil, invalid("A GET has its parameters in the query, and no body")
		}
		return &call{r, body, query}, nil
	}
	for name := range query {
		if !strings.HasPrefix(name, "X-Amz-") {
			return nil, invalid("The parameter %s is in the query, and those of a POST belong in its body", clip(name))
		}
	}
	form, err := parameters(string(body))
	return &call{r, body, form}, err
}

func parameters(text string) (url.Values, error) {
	form, err := url.ParseQuery(text)
	if err != nil {
		return nil, &Error{"MalformedQueryString", "The form is malformed", http.StatusBadRequest, ErrValidation}
	}
	for name, values := range form {
		if len(values) != 1 {
			return nil, invalid("The parameter %s is there twice", clip(name))
		}
	}
	return form, nil
}

type (
	response struct {
		XMLName   xml.Name
		Namespace string `xml:"xmlns,attr"`
		Result    named
		Metadata  metadata `xml:"ResponseMetadata"`
	}
	named struct {
		XMLName xml.Name
		Members any
	}
	metadata struct{ RequestId string }

	errorResponse struct {
		XMLName   xml.Name `xml:"ErrorResponse"`
		Namespace string   `xml:"xmlns,attr"`
		Error     struct{ Type, Code, Message string }
		RequestId string
	}
	credentialsXML struct{ AccessKeyId, SecretAccessKey, SessionToken, Expiration string }
	roleUserXML    struct{ AssumedRoleId, Arn string }
)

// MarshalXML writes the members without an element around them.
func (n named) MarshalXML(e *xml.Encoder, _ xml.StartElement) error {
	return e.EncodeElement(n.Members, xml.StartElement{Name: n.XMLName})
}

// fail answers with an error. What is not a refusal is logged, and not told.
func (s *Service) fail(w http.ResponseWriter, r *http.Request, id string, err error) {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		s.options.Logger.ErrorContext(r.Context(), "a call of STS failed", "error", err)
		e = &Error{Code: "InternalFailure", Message: "The request processing has failed because of an unknown error.", Status: http.StatusInternalServerError}
	}
	out := errorResponse{Namespace: namespace, RequestId: id}
	out.Error.Type, out.Error.Code, out.Error.Message = "Sender", e.Code, e.Message
	if e.Status >= http.StatusInternalServerError {
		out.Error.Type = "Receiver"
	}
	s.write(w, e.Status, id, out)
}

func (s *Service) write(w http.ResponseWriter, status int, id string, v any) {
	var out bytes.Buffer
	if err := xml.NewEncoder(&out).Encode(v); err != nil {
		s.options.Logger.Error("an answer of STS cannot be written", "error", err)
		status = http.StatusInternalServerError
		out.Reset()
	}
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Amzn-Requestid", id)
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // the client has gone
}

// requestID returns a random UUID.
func requestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never returns an error: a failure ends the process
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// credentials are credentials as XML has them.
func credentials(c *Credentials) credentialsXML {
	return credentialsXML{c.AccessKeyID, string(c.SecretKey), string(c.SessionToken), c.Expires.UTC().Format(time.RFC3339)}
}

// duration reads DurationSeconds.
func (c *call) duration() (time.Duration, error) {
	text := c.get("DurationSeconds")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < int(MinSession/time.Second) || n > int(MaxMaxSession/time.Second) {
		return 0, invalid("1 validation error detected: Value '%s' at 'durationSeconds' failed to satisfy constraint: Member must have value between %d and %d",
			clip(text), MinSession/time.Second, MaxMaxSession/time.Second)
	}
	return time.Duration(n) * time.Second, nil
}

// checkUnsupported refuses parameters that would be ignored.
func (c *call) checkUnsupported() error {
	for name := range c.form {
		if strings.HasPrefix(name, "PolicyArns.") || name == "SourceIdentity" || name == "SerialNumber" || name == "TokenCode" || strings.HasPrefix(name, "ProvidedContexts.") {
			return invalid("The parameter %s is not supported here", clip(name))
		}
	}
	return nil
}
