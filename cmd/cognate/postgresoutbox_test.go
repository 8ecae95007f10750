package main_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/postgres"
	"github.com/cognate-id/cognate/store/postgres/postgrestest"
)

// A tally counts what was sent, by the id of the message. It refuses every third.
type tally struct {
	mu    sync.Mutex
	taken map[string]int
	tries int
}

func (c *tally) Send(_ context.Context, m *identity.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tries++; c.tries%3 == 0 {
		return errors.New("not now")
	}
	c.taken[m.To+" "+m.ID]++
	return nil
}

// Two engines of one database share the messages: each is sent once, by one of them. What is
// refused waits.
func TestTwoEnginesSendEachMessageOnce(t *testing.T) {
	address := postgrestest.Address(t)
	sent := &tally{taken: map[string]int{}}
	var engines []*identity.Engine
	var pools []*identity.UserPool
	for range 2 {
		s := postgrestest.Open(t, address, &postgres.Options{})
		t.Cleanup(func() { s.Close() })
		e := identity.New(s, &identity.Options{Sender: sent, InsecureUnsealed: true, InsecureCheapHashing: true, Outbox: &identity.OutboxOptions{}})
		pool, err := e.OpenUserPool(t.Context(), "main", &identity.PoolSettings{Algorithm: "ES256"})
		if err != nil {
			t.Fatal(err)
		}
		engines, pools = append(engines, e), append(pools, pool)
	}
	const users = 60
	var wg sync.WaitGroup
	for i := range users {
		wg.Go(func() {
			in := identity.SignUp{Username: fmt.Sprintf("user%d", i), Password: password, Attributes: map[string]string{"email": fmt.Sprintf("user%d@example.com", i)}}
			if _, err := pools[i%2].SignUp(t.Context(), in); err != nil {
				t.Errorf("sign-up %d: %v", i, err)
			}
			if i%10 > 0 {
				return
			}
			if _, err := engines[i%2].SendDue(t.Context()); err != nil {
				t.Errorf("SendDue: %v", err)
			}
		})
	}
	wg.Wait()
	for _, e := range engines {
		wg.Go(func() {
			if _, err := e.SendDue(t.Context()); err != nil {
				t.Errorf("SendDue: %v", err)
			}
		})
	}
	wg.Wait()
	waiting := 0
	for m, err := range pools[0].Admin().Messages().List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if m.Tries != 1 || m.Sending {
			t.Errorf("a message waits after %d tries, sending %t", m.Tries, m.Sending)
		}
		waiting++
	}
	if len(sent.taken)+waiting != users || waiting != sent.tries/3 {
		t.Errorf("%d messages sent and %d waiting of %d, after %d tries", len(sent.taken), waiting, users, sent.tries)
	}
	for message, n := range sent.taken {
		if n != 1 {
			t.Errorf("%s was sent %d times", message, n)
		}
	}
}
