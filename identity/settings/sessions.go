package settings

import "time"

// Sessions say which sessions of users are on record.
type Sessions struct {
	// Tracked keeps a record of each session.
	Tracked bool `json:"tracked"`
	// MaxPerUser is how many sessions with tokens a user may have in all clients: 1 to 100. The one
	// that was used least recently ends.
	MaxPerUser int `json:"maxPerUser"`
}

// defaultSSO is for how long a client takes a sign-in in a browser, if its settings do not say.
const defaultSSO = time.Hour

// EffectiveSessions are the settings of sessions that the pool has.
func (s *Pool) EffectiveSessions() Sessions {
	switch {
	case s.Sessions != nil:
		return *s.Sessions
	case s.TracksSessions():
		return Sessions{Tracked: true, MaxPerUser: 100}
	}
	return Sessions{MaxPerUser: 20}
}

// SessionLimit is how many sessions with tokens a user may have, where the settings say so. Zero means
// that only SignInLimit bounds them.
func (s *Pool) SessionLimit() int {
	if s.Sessions == nil || !s.Sessions.Tracked {
		return 0
	}
	return s.Sessions.MaxPerUser
}

// SSOLife is for how long after a user's sign-in in a browser a client takes it without asking again.
// Zero means never. In a pool that tracks no sessions it is an hour for all clients.
func (s *Pool) SSOLife(c *Client) time.Duration {
	if c.SSOMinutes == nil || !s.TracksSessions() {
		return defaultSSO
	}
	return time.Duration(*c.SSOMinutes) * time.Minute
}

func (s *Pool) checkSessions() error {
	if n := s.EffectiveSessions().MaxPerUser; n < 1 || n > 100 {
		return plain("Sessions", "A user may have 1 to 100 sessions.")
	}
	return nil
}
