package identity

import "context"

// SendMessage sends a message that was made by hand.
func (e *Engine) SendMessage(ctx context.Context, m *Message) error { return e.send(ctx, m) }

// Medium is how messages reach the address in an attribute.
func Medium(attribute string) string { return medium(attribute) }
