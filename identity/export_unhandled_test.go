package identity

import "context"

// SendMessage sends a message that was made by hand.
func (e *Engine) SendMessage(ctx context.Context, m *Message) error { return e.send(ctx, m) }

// MediumOf is how messages reach the address in an attribute.
func MediumOf(attribute string) Medium { return medium(attribute) }
