package settings

// Sessions say which sessions of users are on record.
type Sessions struct {
	// Tracked keeps a record of each session.
	Tracked bool `json:"tracked"`
	// MaxPerUser is how many sessions with tokens a user may have in all clients: 1 to 100.
	MaxPerUser int `json:"maxPerUser"`
}

// EffectiveSessions are the settings of sessions that the pool has.
func (s *Pool) EffectiveSessions() Sessions {
	if s.Sessions == nil {
		return Sessions{MaxPerUser: 20}
	}
	return *s.Sessions
}

func (s *Pool) checkSessions() error {
	if n := s.EffectiveSessions().MaxPerUser; n < 1 || n > 100 {
		return plain("Sessions", "A user may have 1 to 100 sessions.")
	}
	return nil
}
