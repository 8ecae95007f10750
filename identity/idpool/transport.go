package idpool

import (
	"bytes"
	"io"
	"net/http"

	"github.com/cognate-id/cognate/internal/outbound"
)

// A transport lets package token fetch keys through the guarded client.
type transport struct{ client *outbound.Client }

// RoundTrip implements [http.RoundTripper].
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.client.Do(r)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: http.StatusText(answer.Status), StatusCode: answer.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: answer.Header, Body: io.NopCloser(bytes.NewReader(answer.Body)), ContentLength: int64(len(answer.Body)), Request: r,
	}, nil
}
