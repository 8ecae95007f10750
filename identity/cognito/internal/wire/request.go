package wire

import (
	"context"
	"net/http"

	"github.com/cognate-id/cognate/identity/internal/sigv4"
)

// What a handler may know of the HTTP request. It travels in the context, so that
// typed handlers have no parameter for it.

// RequestInfo is what a handler may know of the HTTP request it answers.
type RequestInfo struct {
	ID         string // as x-amzn-RequestId has it
	Operation  *Operation
	Host       string
	TLS        bool // whether the connection itself is encrypted
	RemoteAddr string
	Forwarded  []string // the values of X-Forwarded-For, which anyone can write
	UserAgent  string

	// AccessKey and Region are those that the request's signature claims,
	// verified or not; "" where it has none.
	AccessKey string
	Region    string
}

type requestKey struct{}

// RequestFrom returns what is known of the request that ctx belongs to. Outside
// of one it returns an empty RequestInfo, never nil.
func RequestFrom(ctx context.Context) *RequestInfo {
	if info, ok := ctx.Value(requestKey{}).(*RequestInfo); ok {
		return info
	}
	return &RequestInfo{}
}

func withRequest(r *http.Request, id string, op *Operation) context.Context {
	info := &RequestInfo{
		ID: id, Operation: op, Host: r.Host, TLS: r.TLS != nil,
		RemoteAddr: r.RemoteAddr, Forwarded: r.Header["X-Forwarded-For"], UserAgent: r.UserAgent(),
	}
	info.AccessKey, info.Region, _ = sigv4.ParseScope(r.Header.Get("Authorization"))
	return context.WithValue(r.Context(), requestKey{}, info)
}
