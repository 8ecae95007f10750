// Package floor is the cheapest possible server of this kind, as a base for measurements.
// It does net/http and encoding/json, the hash, the signatures, one verification and one
// map access, and nothing else. It has none of the features that users need.
//
//   - [New] returns the server.
//   - [Client] puts load on it, and on any server that speaks the same protocol.
//   - [Start] runs a server in a process of its own. [Process.CPU] reads its processor
//     time.
//   - [Bench] and [Ratio] turn processor time into numbers. Base claims only on a ratio of
//     two servers from one alternating run, see [Ratio].
//
// The package imports nothing of this module, so changes of the product cannot make the
// base faster or slower.
package floor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// PoolID and ClientID are the ids of the only pool and the only client.
const (
	PoolID   = "us-east-1_FloorFloo"
	ClientID = "floorfloorfloorfloorfloor0"
)

// RS256 and ES256 are the algorithms that [New] signs with.
const (
	RS256 = "RS256"
	ES256 = "ES256"
)

const (
	service       = "AWSCognitoIdentityProviderService."
	identityPools = "AWSCognitoIdentityService."
)

// Cost is the cost of an Argon2id hash.
type Cost struct {
	Memory  uint32 // memory in KiB
	Time    uint32 // number of passes over the memory
	Threads uint8  // number of lanes
}

// DefaultCost is the recommendation of OWASP. CheapCost takes about 40 µs.
var (
	DefaultCost = Cost{Memory: 19 * 1024, Time: 2, Threads: 1}
	CheapCost   = Cost{Memory: 64, Time: 1, Threads: 1}
)

type server struct {
	keys signer
	cost Cost

	seal sealer

	mu        sync.Mutex
	users     map[string]*user
	exchanges map[string]*exchange // by secret block
}

// A user is copy-on-write once it is in the map.
type user struct {
	name       string
	attributes []attribute
	password   hash
	verifier   verifier
}

// New returns a server that signs with an algorithm and hashes at a cost. It answers
// SignUp, AdminCreateUser, AdminSetUserPassword, GetUser, InitiateAuth,
// RespondToAuthChallenge and GetCredentialsForIdentity. A refresh token is the name of its user.
func New(alg string, cost Cost) (http.Handler, error) {
	keys, err := newSigner(alg)
	if err != nil {
		return nil, fmt.Errorf("floor: %w", err)
	}
	seal, err := newSealer()
	if err != nil {
		return nil, fmt.Errorf("floor: %w", err)
	}
	s := &server{keys: keys, cost: cost, seal: seal, users: map[string]*user{}, exchanges: map[string]*exchange{}}
	return s, nil
}

// request has the members of all operations that the server reads.
type request struct {
	Username           string
	Password           string
	UserAttributes     []attribute
	AuthFlow           string
	AuthParameters     map[string]string
	ChallengeResponses map[string]string
	AccessToken        string
	IdentityId         string
	Logins             map[string]string
}

type attribute struct{ Name, Value string }

// refusal is an error of the protocol.
type refusal struct {
	Type    string `json:"__type"`
	Message string `json:"message"`
}

func (r *refusal) Error() string { return r.Type + ": " + r.Message }

var (
	errPassword = &refusal{"NotAuthorizedException", "Incorrect username or password."}
	errToken    = &refusal{"NotAuthorizedException", "Could not verify signature for Access Token"}
)

// ServeHTTP implements [http.Handler].
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out, err := s.answer(r)
	status := http.StatusOK
	if err != nil {
		status, out = http.StatusBadRequest, err
	}
	body, err := json.Marshal(out)
	if err != nil {
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func (s *server) answer(r *http.Request) (any, error) {
	in := new(request)
	if err := json.NewDecoder(r.Body).Decode(in); err != nil {
		return nil, &refusal{"SerializationException", err.Error()}
	}
	if r.Header.Get("X-Amz-Target") == identityPools+"GetCredentialsForIdentity" {
		return s.credentials(in)
	}
	switch strings.TrimPrefix(r.Header.Get("X-Amz-Target"), service) {
	case "SignUp":
		return s.signUp(in)
	case "AdminCreateUser":
		return s.adminCreateUser(in)
	case "AdminSetUserPassword":
		return s.adminSetUserPassword(in)
	case "GetUser":
		return s.getUser(in)
	case "InitiateAuth":
		return s.initiateAuth(in)
	case "RespondToAuthChallenge":
		return s.answerSRP(in)
	}
	return nil, &refusal{"UnknownOperationException", ""}
}

func (s *server) user(name string) *user {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.users[name]
}

func (s *server) insert(u *user) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[u.name] = u
}

// signUp hashes the password and inserts the user. The user cannot sign in by SRP.
func (s *server) signUp(in *request) (any, error) {
	s.insert(&user{name: in.Username, attributes: in.UserAttributes, password: newHash(s.cost, in.Password)})
	return map[string]any{"UserConfirmed": true, "UserSub": in.Username}, nil
}

func (s *server) adminCreateUser(in *request) (any, error) {
	s.insert(&user{name: in.Username, attributes: in.UserAttributes})
	return map[string]any{"User": map[string]any{"Username": in.Username, "Attributes": in.UserAttributes}}, nil
}

func (s *server) adminSetUserPassword(in *request) (any, error) {
	old := s.user(in.Username)
	if old == nil {
		return nil, &refusal{"UserNotFoundException", "User does not exist."}
	}
	s.insert(&user{
		name: old.name, attributes: old.attributes,
		password: newHash(s.cost, in.Password), verifier: newVerifier(old.name, in.Password),
	})
	return struct{}{}, nil
}

// getUser does one verification and one map access.
func (s *server) getUser(in *request) (any, error) {
	c, err := verify(s.keys, in.AccessToken, "access")
	if err != nil {
		return nil, errToken
	}
	u := s.user(c.Username)
	if u == nil {
		return nil, errToken
	}
	return struct {
		Username       string
		UserAttributes []attribute
	}{u.name, u.attributes}, nil
}

func (s *server) initiateAuth(in *request) (any, error) {
	p := in.AuthParameters
	switch in.AuthFlow {
	case "REFRESH_TOKEN_AUTH":
		return s.refresh(p["REFRESH_TOKEN"])
	case "USER_PASSWORD_AUTH":
		return s.signIn(p["USERNAME"], p["PASSWORD"])
	case "USER_SRP_AUTH":
		return s.startSRP(p["USERNAME"], p["SRP_A"])
	}
	return nil, &refusal{"InvalidParameterException", "Initiate Auth method not supported."}
}

// refresh makes two signatures.
func (s *server) refresh(token string) (any, error) {
	u := s.user(token)
	if u == nil {
		return nil, &refusal{"NotAuthorizedException", "Invalid Refresh Token"}
	}
	return s.tokens(u, "")
}

// signIn does one hash and two signatures.
func (s *server) signIn(name, password string) (any, error) {
	u := s.user(name)
	if u == nil || !u.password.is(s.cost, password) {
		return nil, errPassword
	}
	return s.tokens(u, u.name)
}

func (s *server) tokens(u *user, refresh string) (any, error) {
	access, id := newClaims(u)
	var err error
	var out Tokens
	if out.AccessToken, err = sign(s.keys, access); err != nil {
		return nil, err
	}
	if out.IDToken, err = sign(s.keys, id); err != nil {
		return nil, err
	}
	out.RefreshToken, out.ExpiresIn, out.TokenType = refresh, 3600, "Bearer"
	return authAnswer{AuthenticationResult: &out, ChallengeParameters: map[string]string{}}, nil
}

// authAnswer is the answer of InitiateAuth and RespondToAuthChallenge.
type authAnswer struct {
	ChallengeName        string `json:",omitempty"`
	ChallengeParameters  map[string]string
	AuthenticationResult *Tokens `json:",omitempty"`
	Session              string  `json:",omitempty"`
}

// Tokens is the result of a sign-in.
type Tokens struct {
	AccessToken  string // the access token
	IDToken      string `json:"IdToken"`    // the ID token
	RefreshToken string `json:",omitempty"` // the refresh token, if there is a new one
	TokenType    string // Bearer
	ExpiresIn    int    // lifetime of the access token in seconds
}
