package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/mfa/webauthn"
	"github.com/cognate-id/cognate/store"
)

// What a pool accepts as passkeys, and the challenges of registrations.

const (
	// passkeyTimeout is how long a browser waits for the user. The service says so too.
	passkeyTimeout = time.Minute
	// passkeyLife is how long the challenge of a registration can be answered.
	passkeyLife = 5 * time.Minute

	statePasskey stateKind = "passkey" // of a registration; it is in no answer to a sign-in
)

// passkeyParty returns the relying party of the session's pool, if its users may register passkeys.
func (s *Session) passkeyParty() (*webauthn.Party, error) {
	if err := s.settleFactors(); err != nil {
		return nil, err
	}
	return s.engine.passkeyParty(&s.pool.Settings)
}

// passkeyParty returns the relying party of a pool. A pool without the setting has that of the engine.
func (e *Engine) passkeyParty(s *PoolSettings) (*webauthn.Party, error) {
	if !s.OffersPasskeys() {
		return nil, ErrPasskeysDisabled
	}
	id := e.party
	if p := s.Passkeys; p != nil {
		id = pick(p.RelyingParty, nil, id)
	}
	id = strings.ToLower(id) // as browsers write domains
	if id == "" {
		return nil, ErrPasskeyParty
	}
	party := &webauthn.Party{ID: id, Origins: passkeyOrigins(id, s.PasskeyOrigins)}
	if s.VerifiesPasskeys() {
		party.Verification = webauthn.Required
	}
	if s.Defaults == SafeDefaults {
		party.Algorithms = []webauthn.Algorithm{webauthn.ES256, webauthn.EdDSA, webauthn.RS256}
	}
	return party, nil
}

// countPasskeys returns how many passkeys there are for the relying party of the pool. keys may be nil.
func (e *Engine) countPasskeys(s *PoolSettings, keys *passkeySet) int {
	party, err := e.passkeyParty(s)
	if err != nil {
		return 0
	}
	return len(keys.usable(party.ID))
}

// hasVerified reports whether a passkey for the relying party of the pool has verified the user.
func (e *Engine) hasVerified(s *PoolSettings, keys *passkeySet) bool {
	party, err := e.passkeyParty(s)
	return err == nil && slices.ContainsFunc(keys.Keys, func(k passkey) bool { return k.Party == party.ID && k.Verified })
}

// passkeyOrigins are the origins that may use passkeys: pages of the relying party and of its sub-domains, as with the
// service, and those of the pool's setting. On localhost, where programs are developed, any port will do.
func passkeyOrigins(id string, further []string) []string {
	if id == "localhost" {
		return append([]string{"http://localhost:*", "https://localhost:*"}, further...)
	}
	return append([]string{"https://" + id, "https://*." + id}, further...)
}

// passkeyError is what a refusal of package webauthn is to a caller. It keeps the reason.
func passkeyError(err error) error {
	for _, row := range []struct{ is, becomes error }{
		{webauthn.ErrChallenge, ErrPasskeyChallenge},
		{webauthn.ErrOrigin, ErrPasskeyOrigin},
		{webauthn.ErrParty, ErrPasskeyRelyingParty},
		{webauthn.ErrUnsupported, ErrPasskeyUnsupported},
	} {
		if errors.Is(err, row.is) {
			return fmt.Errorf("%w: %w", row.becomes, err)
		}
	}
	return fmt.Errorf("%w: %w", ErrPasskeyInvalid, err)
}

// A passkeyState is the challenge of a registration: a string that is sealed with a key of the pool. It names the user, the app
// client and the sign-in, so nothing is stored before the answer. The id is used up by it.
type passkeyState struct {
	ID      string    `json:"i"`
	Sub     string    `json:"s"`
	Client  string    `json:"c"`
	Family  string    `json:"f"`
	Expires time.Time `json:"e"`
}

func (s *Session) passkeyChallenge(now time.Time) ([]byte, error) {
	id, err := s.engine.uuid()
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(passkeyState{id, s.user.Sub, s.client.ID, familyID(s.claims), now.Add(passkeyLife)})
	if err != nil {
		return nil, err
	}
	return []byte(s.ring.state.Seal(plain, passkeyBinding(s.pool.ID))), nil
}

func passkeyBinding(pool string) []byte { return []byte(store.Key(string(statePasskey), pool)) }

// openPasskeyChallenge returns the state of a challenge that this session was given, to be used up.
func (s *Session) openPasskeyChallenge(challenge []byte, now time.Time) (*challengeState, error) {
	plain, err := s.ring.state.Open(string(challenge), passkeyBinding(s.pool.ID))
	if err != nil {
		return nil, ErrPasskeyChallenge
	}
	var st passkeyState
	if err := json.Unmarshal(plain, &st); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPasskeyChallenge, err)
	}
	switch {
	case st.Sub != s.user.Sub:
		return nil, ErrPasskeyChallenge
	case st.Client != s.client.ID:
		return nil, ErrPasskeyClient
	case st.Family != familyID(s.claims), !now.Before(st.Expires):
		return nil, ErrPasskeyChallenge
	}
	return &challengeState{Kind: statePasskey, ID: st.ID, Sub: st.Sub, Expires: st.Expires}, nil
}

// authenticators are the names of well-known makes, by their AAGUID.
var authenticators = map[string]string{
	"fbfc3007-154e-4ecc-8c0b-6e020557d7bd": "iCloud Keychain",
	"dd4ec289-e01d-41c9-bb89-70fa845d4bf2": "iCloud Keychain",
	"ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4": "Google Password Manager",
	"adce0002-35bc-c60a-648b-0b25f1f05503": "Chrome on Mac",
	"08987058-cadc-4b81-b6e1-30de50dcbe96": "Windows Hello",
	"9ddd1817-af5a-4672-a2b9-3e3dd95000a9": "Windows Hello",
	"6028b017-b1d4-4c02-b4b3-afcdafc96bb2": "Windows Hello",
	"53414d53-554e-4700-0000-000000000000": "Samsung Pass",
	"bada5566-a7aa-401f-bd96-45619a55120d": "1Password",
	"d548826e-79b4-db40-a3d8-11116f7e8349": "Bitwarden",
	"531126d6-e717-415c-9320-3d9aa6981239": "Dashlane",
	"fdb141b2-5d84-443e-8a35-4698c205a502": "KeePassXC",
	"50726f74-6f6e-5061-7373-50726f746f6e": "Proton Pass",
}

// authenticatorName is what a passkey is called: the make that the authenticator says it is, which nothing proves.
func authenticatorName(aaguid [16]byte) string {
	id := fmt.Sprintf("%x-%x-%x-%x-%x", aaguid[:4], aaguid[4:6], aaguid[6:8], aaguid[8:10], aaguid[10:])
	if name := authenticators[id]; name != "" {
		return name
	}
	return "Passkey"
}
