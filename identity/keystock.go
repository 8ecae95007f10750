package identity

import (
	"crypto/rand"
	"crypto/rsa"
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
	same *sameKeys // in place of all else
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
	if s.same != nil {
		return s.same.signing()
	}
	defer s.fill()
	select {
	case k := <-s.keys:
		return k, nil
	default:
		return token.GenerateKey(alg)
	}
}

// takeRSA returns a new key of 2048 bits for what is no token. It is not from the stock, because few pools need one.
func (s *KeyStock) takeRSA() (*rsa.PrivateKey, error) {
	if s == nil || s.same == nil {
		return rsa.GenerateKey(rand.Reader, 2048)
	}
	return s.same.other()
}

// InsecureKeyStock returns a stock that has size RSA keys, at least two, makes each when it is first wanted, and then gives the same ones
// again and again. It is for tests that make many pools: one pool can sign as another. Keys that are ready come first
// where a key is for something else than tokens.
func InsecureKeyStock(size int, ready ...*rsa.PrivateKey) *KeyStock {
	return &KeyStock{same: &sameKeys{size: max(size, 2), rest: ready}}
}

// sameKeys are the keys of an insecure stock. Those of tokens and others are not the same.
type sameKeys struct {
	mu            sync.Mutex
	size          int
	signs, others int // how many were given
	tokens        []*token.Key
	rest          []*rsa.PrivateKey
}

func (s *sameKeys) signing() (*token.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return inTurn(&s.tokens, &s.signs, s.size, func() (*token.Key, error) { return token.GenerateKey(token.RS256) })
}

func (s *sameKeys) other() (*rsa.PrivateKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return inTurn(&s.rest, &s.others, s.size, func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })
}

// inTurn returns the next of size keys, and makes it where there are fewer.
func inTurn[K any](all *[]K, given *int, size int, generate func() (K, error)) (K, error) {
	at := *given % size
	if at == len(*all) {
		k, err := generate()
		if err != nil {
			return k, err
		}
		*all = append(*all, k)
	}
	*given++
	return (*all)[at], nil
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
