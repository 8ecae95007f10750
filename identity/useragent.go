package identity

import (
	"slices"
	"strings"
	"unicode"
)

// The User-Agent of a user's program, as people read it in a list of sessions. Programs send what
// they like, so nothing depends on it.

// unknownAgent stands for a program that says nothing of itself.
const unknownAgent = "unknown"

// maxAgent is how many bytes of the name of a program are kept, if it is none of those below.
const maxAgent = 64

// A sign of a system or a program is a text in its User-Agent. The first that is found counts:
// browsers also name those that they are like, and Android names Linux.
type agentSign struct{ text, name string }

var (
	systems = []agentSign{
		{"iPhone", "iPhone"},
		{"iPad", "iPad"},
		{"Android", "Android"},
		{"Windows", "Windows"},
		{"CrOS", "ChromeOS"},
		{"Macintosh", "macOS"},
		{"Darwin", "macOS"},
		{"os/macos", "macOS"},
		{"Linux", "Linux"},
		{"os/linux", "Linux"},
		{"os/windows", "Windows"},
	}
	browsers = []agentSign{
		{"Edg/", "Edge"},
		{"EdgA/", "Edge"},
		{"EdgiOS/", "Edge"},
		{"OPR/", "Opera"},
		{"SamsungBrowser/", "Samsung Internet"},
		{"Firefox/", "Firefox"},
		{"FxiOS/", "Firefox"},
		{"Chrome/", "Chrome"},
		{"CriOS/", "Chrome"},
		{"Safari/", "Safari"},
	}
)

// userAgent returns the User-Agent of the user of a call. An operator's program may pass it on.
func userAgent(c Call) string {
	if c.AccessKey == "" {
		return c.UserAgent
	}
	if c.Context == nil {
		return ""
	}
	for _, h := range c.Context.Headers {
		if strings.EqualFold(h.Name, "User-Agent") {
			return h.Value
		}
	}
	return ""
}

// agentText says in a few words what a User-Agent is of.
func agentText(agent string) string {
	system, program := signOf(agent, systems), signOf(agent, browsers)
	if program == "" && !strings.HasPrefix(agent, "Mozilla/") {
		program, _, _ = strings.Cut(agent, "/")
		program = strings.TrimSpace(program)
		if len(program) > maxAgent || strings.ContainsFunc(program, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) {
			program = ""
		}
	}
	switch {
	case system == "" && program == "":
		return unknownAgent
	case system == "":
		return program
	case program == "":
		return system
	}
	return program + " on " + system
}

func signOf(agent string, signs []agentSign) string {
	i := slices.IndexFunc(signs, func(s agentSign) bool { return strings.Contains(agent, s.text) })
	if i < 0 {
		return ""
	}
	return signs[i].name
}
