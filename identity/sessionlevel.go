package identity

import (
	"fmt"
	"time"
)

// Level is the highest level that the sign-in of the session has reached, whether or not it has named one. It is 0 if none
// is known: of a sign-in that hooks alone have proved, and of one by an earlier version.
func (s *Session) Level() Level { return s.level }

// RequireLevel returns a [*LevelError] unless the sign-in of the session has reached a level, and is not older than maxAge.
// Zero means any age. A refresh makes a sign-in no younger. Call it before what needs a stronger proof. To get one, begin a
// sign-in with Levels and Access of [BeginSignIn], and go on with the session of its tokens.
func (s *Session) RequireLevel(l Level, maxAge time.Duration) error {
	old := maxAge != 0 && s.engine.now().Sub(s.authTime) > maxAge
	if l >= Level1 && l <= Level4 && s.Level() >= l && !old {
		return nil
	}
	return &LevelError{Level: l, Name: s.pool.Settings.LevelName(l), MaxAge: maxAge}
}

// A LevelError says what a session lacks, or the sign-in of a browser.
type LevelError struct {
	Level  Level         // that the sign-in must reach
	Name   string        // of the level, for [BeginSignIn]
	MaxAge time.Duration // the greatest age of the sign-in; 0 for any
}

func (e *LevelError) Error() string {
	if e.MaxAge != 0 {
		return fmt.Sprintf("%v: of level %s, within %s", ErrLevelRequired, e.Name, e.MaxAge)
	}
	return fmt.Sprintf("%v: of level %s", ErrLevelRequired, e.Name)
}

func (e *LevelError) Unwrap() error { return ErrLevelRequired }
