package outbound

import (
	"context"
	"io"
)

// Whole reads the body of an answer.
func (c *Client) Whole(ctx context.Context, r io.Reader) ([]byte, error) { return c.whole(ctx, r) }

// Proxies reports whether a transport of the client may use a proxy.
func (c *Client) Proxies() bool { return c.https.Proxy != nil || c.plain.Proxy != nil }
