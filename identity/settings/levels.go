package settings

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Level is how strongly a sign-in has proved who the user is: one of four, the higher the stronger. Zero is none of them.
type Level int

// The levels. What reaches each of them is fixed; only their names are settings.
const (
	Level1 Level = 1 // a password
	Level2 Level = 2 // a code by SMS or by mail
	Level3 Level = 3 // a passkey; or a password and a code by SMS or by mail
	Level4 Level = 4 // a password and a code of an authenticator app
)

// levelPrefix begins the names of levels that have no name of their own.
const levelPrefix = "urn:cognito:loa:"

// maxLevelName is how long the name of a level may be.
const maxLevelName = 64

// LevelName is the name of a level in the claim acr, or empty for none of the four.
func (s *Pool) LevelName(l Level) string {
	if l < Level1 || l > Level4 {
		return ""
	}
	if name, ok := s.LevelNames[l]; ok {
		return name
	}
	return fmt.Sprint(levelPrefix, int(l))
}

// LevelNamed returns the level with a name, or 0 if none has it.
func (s *Pool) LevelNamed(name string) Level {
	for l := Level1; l <= Level4; l++ {
		if s.LevelName(l) == name {
			return l
		}
	}
	return 0
}

// checkLevels checks the names of levels. Names are unique, those that were not given included: a name that is
// another level's default would make a token of the one pass for one of the other.
func (s *Pool) checkLevels() error {
	for _, l := range slices.Sorted(maps.Keys(s.LevelNames)) {
		switch name := s.LevelNames[l]; {
		case l < Level1 || l > Level4:
			return plain("LevelNames", "%d is not a level: they are 1 to 4.", l)
		case len(name) < 1 || len(name) > maxLevelName || strings.ContainsFunc(name, notInLevelName):
			return plain("LevelNames", "The name of a level has 1 to %d ASCII characters, without spaces, quotation marks and backslashes.", maxLevelName)
		}
	}
	for l := Level1; l <= Level4; l++ {
		if name := s.LevelName(l); s.LevelNamed(name) != l {
			return invalid("LevelNames", LevelNameTwice, name, "Two levels have the name "+name+".")
		}
	}
	return nil
}

func notInLevelName(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }
