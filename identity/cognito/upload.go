package cognito

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
	"github.com/cognate-id/cognate/store"
)

// The upload of the file of an import job: one PUT to the address that the job is shown
// with, as to S3, which the service has such files sent to. The signature in the address
// is checked before the body is read. The body is streamed into the store. Errors are XML,
// with the words of S3.

const (
	// uploadsAtOnce is how many uploads run at once.
	uploadsAtOnce = 4
	// uploadTime is how long an upload may take, and uploadPause how long one may stand still.
	uploadTime  = 15 * time.Minute
	uploadPause = 20 * time.Second
)

// isUpload reports whether a request is for the address of a job's file.
func isUpload(r *http.Request, name string) bool {
	return r.Method == http.MethodPut && strings.HasPrefix(name, "import-") && !strings.Contains(name, "/")
}

// An s3Error is an error of S3.
type s3Error struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	Message   string
	RequestID string `xml:"RequestId"`
	status    int
}

func (e *s3Error) Error() string { return e.Code + ": " + e.Message }

var (
	errSignature = &s3Error{Code: "SignatureDoesNotMatch", Message: "The request signature we calculated does not match the signature you provided. Check your key and signing method.", status: http.StatusForbidden}
	errExpired   = &s3Error{Code: "AccessDenied", Message: "Request has expired", status: http.StatusForbidden}
	errTooLarge  = &s3Error{Code: "EntityTooLarge", Message: "Your proposed upload exceeds the maximum allowed size", status: http.StatusBadRequest}
	errNoLength  = &s3Error{Code: "MissingContentLength", Message: "You must provide the Content-Length HTTP header.", status: http.StatusLengthRequired}
	errCutOff    = &s3Error{Code: "IncompleteBody", Message: "You did not provide the number of bytes specified by the Content-Length HTTP header", status: http.StatusBadRequest}
	errConflict  = &s3Error{Code: "OperationAborted", Message: "A conflicting conditional operation is currently in progress against this resource. Please try again.", status: http.StatusConflict}
	errSlowDown  = &s3Error{Code: "SlowDown", Message: "Please reduce your request rate.", status: http.StatusServiceUnavailable}
	errInternal  = &s3Error{Code: "InternalError", Message: "We encountered an internal error. Please try again.", status: http.StatusInternalServerError}
)

// upload answers the PUT of a job's file.
func (s *service) upload(w http.ResponseWriter, r *http.Request, pool, job string) {
	id := wire.NewID()
	w.Header().Set("x-amz-request-id", id)
	err := s.storeUpload(w, r, pool, job)
	if err == nil {
		w.Header().Set("x-amz-server-side-encryption", "aws:kms")
		w.WriteHeader(http.StatusOK)
		return
	}
	out := *s.uploadError(r, err)
	out.RequestID = id
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("Connection", "close") // the rest of the body is not read
	w.WriteHeader(out.status)
	_, _ = io.WriteString(w, xml.Header)
	_ = xml.NewEncoder(w).Encode(&out)
}

// uploadError says what an error is in the words of S3.
func (s *service) uploadError(r *http.Request, err error) *s3Error {
	if known, ok := errors.AsType[*s3Error](err); ok {
		return known
	}
	switch {
	case errors.Is(err, identity.ErrUploadRefused):
		return errSignature
	case errors.Is(err, identity.ErrUploadExpired):
		return errExpired
	case errors.Is(err, identity.ErrUploadTooLarge):
		return errTooLarge
	case errors.Is(err, store.ErrConflict):
		return errConflict
	}
	s.log.ErrorContext(r.Context(), "upload for an import job", "error", err)
	return errInternal
}

func (s *service) storeUpload(w http.ResponseWriter, r *http.Request, pool, job string) error {
	switch {
	case r.Header.Get("x-amz-server-side-encryption") != "aws:kms":
		return errSignature
	case r.ContentLength < 0:
		return errNoLength
	case r.ContentLength > identity.MaxImportFile:
		return errTooLarge
	}
	ctx, cancel := context.WithTimeout(r.Context(), uploadTime)
	defer cancel()
	p, err := s.engine.UserPool(ctx, pool)
	if errors.Is(err, identity.ErrPoolNotFound) {
		return errSignature
	}
	if err != nil {
		return err
	}
	jobs := p.Admin().ImportJobs()
	if err := checkUpload(ctx, jobs, r, job); err != nil {
		return err
	}
	select {
	case s.uploads <- struct{}{}:
		defer func() { <-s.uploads }()
	default:
		return errSlowDown
	}
	deadlines := http.NewResponseController(w)
	_ = deadlines.SetWriteDeadline(time.Now().Add(uploadTime + uploadPause)) // not all connections have any
	return jobs.Upload(ctx, job, identity.Secret(r.URL.Query().Get(signatureName)), &uploadBody{r.Body, deadlines, r.ContentLength})
}

// checkUpload compares the query with that of the job's address, without the signature, which
// package identity checks.
func checkUpload(ctx context.Context, jobs identity.ImportJobs, r *http.Request, job string) error {
	j, err := jobs.Get(ctx, job)
	if errors.Is(err, identity.ErrImportJobNotFound) {
		return errSignature
	}
	if err != nil {
		return err
	}
	want, got := uploadQuery(j), r.URL.Query()
	want.Set(signatureName, got.Get(signatureName))
	if got.Encode() != want.Encode() {
		return errSignature
	}
	return nil
}

// An uploadBody reads a body, which may take long but must not stand still.
type uploadBody struct {
	io.Reader
	deadlines *http.ResponseController
	left      int64
}

// Read implements [io.Reader].
func (b *uploadBody) Read(p []byte) (int, error) {
	_ = b.deadlines.SetReadDeadline(time.Now().Add(uploadPause))
	n, err := b.Reader.Read(p)
	b.left -= int64(n)
	if err != nil && b.left > 0 {
		return n, errCutOff
	}
	return n, err
}
