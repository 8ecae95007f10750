package identity

import (
	"sync"

	"github.com/cognate-id/cognate/token"
)

// A KeyStock keeps a few RSA keys ready. It makes them in the background, because
// one takes tens of milliseconds. Several engines may share a stock. A nil stock
// is always empty.
type KeyStock struct {
	keys chan *token.Key
	mu   sync.Mutex
	busy bool
}

// NewKeyStock returns a stock of size keys, at least one, and begins to fill it.
func NewKeyStock(size int) *KeyStock {
	s := &KeyStock{keys: make(chan *token.Key, max(size, 1))}
	s.fill()
	return s
}

// take returns a new key. It takes RSA keys from the stock if there are any.
func (s *KeyStock) take(alg token.Algorithm) (*token.Key, error) {
	if s == nil || alg != token.RS256 {
		return token.GenerateKey(alg)
	}
	defer s.fill()
	select {
	case k := <-s.keys:
		return k, nil
	default:
		return token.GenerateKey(alg)
	}
}

// fill makes keys in the background until the stock is full.
func (s *KeyStock) fill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy {
		return
	}
	s.busy = true
	go func() {
		defer func() { s.mu.Lock(); s.busy = false; s.mu.Unlock() }()
		for len(s.keys) < cap(s.keys) {
			k, err := token.GenerateKey(token.RS256)
			if err != nil {
				return // take makes a key itself and returns the error
			}
			select {
			case s.keys <- k:
			default:
				return
			}
		}
	}()
}
