package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/cognate-id/cognate/store"
)

// A round trip of a browser to an identity provider. What the sign-in needs on the way back is sealed into the state that the provider sends back. So a
// sign-in that is only begun costs no write. The way back inserts the state's id into the table of used states: that makes a state count once.

// RoundTripLife is how long a browser may be away at an identity provider.
const RoundTripLife = 5 * time.Minute

const stateRoundTrip = "round-trip"

// roundTrip is the content of the state.
type roundTrip struct {
	ID      string    `json:"i"`
	Expires time.Time `json:"e"`
	Data    []byte    `json:"d"`
}

// BeginRoundTrip returns the state for a round trip of a browser to an identity provider. It begins with the id of the client and
// has data in it, sealed. Data must name whatever the way back is compared with: the provider, and a secret of the browser.
func (a *AppClient) BeginRoundTrip(ctx context.Context, data []byte) (string, error) {
	s, err := a.load(ctx)
	if err != nil {
		return "", fmt.Errorf("begin round trip: %w", err)
	}
	id, err := s.engine.uuid()
	if err != nil {
		return "", fmt.Errorf("begin round trip: %w", err)
	}
	plain, err := json.Marshal(roundTrip{id, s.engine.now().Add(RoundTripLife), data})
	if err != nil {
		return "", fmt.Errorf("begin round trip: %w", err)
	}
	return s.address(s.ring.state.Seal(plain, s.bind(stateRoundTrip))), nil
}

// RoundTripClient is the id of the client that a state claims to be of. The state may be forged: [AppClient.EndRoundTrip] decides.
func RoundTripClient(state string) string {
	id, _, _ := strings.Cut(state, ".")
	return id
}

// EndRoundTrip uses up a state of [AppClient.BeginRoundTrip], after accept has taken its data. An error of accept is
// returned as it is, and leaves the state unused. EndRoundTrip returns [ErrSessionInvalid] for a state of another client or one that nobody
// has made, [ErrSessionExpired] after [RoundTripLife], and [ErrSessionUsed] for one that was used.
func (a *AppClient) EndRoundTrip(ctx context.Context, state string, accept func(data []byte) error) error {
	s, err := a.load(ctx)
	if err != nil {
		return fmt.Errorf("end round trip: %w", err)
	}
	var t roundTrip
	sealed, ok := strings.CutPrefix(state, s.address(""))
	if !ok {
		return fmt.Errorf("end round trip: %w", ErrSessionInvalid)
	}
	plain, err := s.ring.state.Open(sealed, s.bind(stateRoundTrip))
	if err != nil {
		return fmt.Errorf("end round trip: %w", ErrSessionInvalid)
	}
	if err := json.Unmarshal(plain, &t); err != nil {
		return fmt.Errorf("end round trip: %w: %w", ErrSessionInvalid, err)
	}
	if !s.engine.now().Before(t.Expires) {
		return fmt.Errorf("end round trip: %w", ErrSessionExpired)
	}
	if err := accept(t.Data); err != nil {
		return err
	}
	err = s.engine.store.Update(ctx, func(tx store.Tx) error {
		return usedStates.Insert(tx, &usedState{Pool: s.pool.ID, ID: t.ID, Expires: t.Expires})
	})
	if err := spentOr(err, nil); err != nil {
		return fmt.Errorf("end round trip: %w", err)
	}
	return nil
}
