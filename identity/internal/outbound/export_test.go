package outbound

import (
	"context"
	"io"
)

// Whole reads the body of an answer.
func (c *Client) Whole(ctx context.Context, r io.Reader) ([]byte, error) { return c.whole(ctx, r) }
