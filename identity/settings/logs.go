package settings

import (
	"slices"
	"strings"
)

// A LogDestination says where records of a pool's log go.
type LogDestination struct {
	// Source is what the records are about. Each source has at most one destination.
	Source LogSource `json:"source"`
	// Level is ERROR for LogUserNotification and INFO for LogUserAuthEvents.
	Level string `json:"level"`
	// ARN names the destination: a log group, a bucket or a stream. The operator of the
	// engine says what stands for it, see Options.Logs of package identity.
	ARN string `json:"arn"`
	// Kind is what the ARN names.
	Kind LogDestinationKind `json:"kind"`
}

// A LogSource is what records of a log are about.
type LogSource string

// The sources of records.
const (
	LogUserNotification LogSource = "userNotification" // messages to users that were not delivered
	LogUserAuthEvents   LogSource = "userAuthEvents"   // sign-ins and their risk. Stored, and this version writes no record of it
)

// A LogDestinationKind is what a destination is.
type LogDestinationKind string

// The kinds of destinations.
const (
	LogGroup  LogDestinationKind = "logGroup"
	LogBucket LogDestinationKind = "bucket"
	LogStream LogDestinationKind = "stream"
)

// checkLogs checks the destinations of logs.
func (s *Pool) checkLogs() error {
	var sources []LogSource
	for _, d := range s.Logs {
		switch {
		case slices.Contains(sources, d.Source):
			return plain("Logs", "The source %s has two destinations.", d.Source)
		case !strings.HasPrefix(d.ARN, "arn:"):
			return plain("Logs", "A destination must be an ARN.")
		case d.Source == LogUserNotification && (d.Level != "ERROR" || d.Kind != LogGroup):
			return plain("Logs", "The source userNotification has the level ERROR, and a log group as its destination.")
		case d.Source == LogUserAuthEvents && d.Level != "INFO":
			return plain("Logs", "The source userAuthEvents has the level INFO.")
		case d.Source != LogUserNotification && d.Source != LogUserAuthEvents:
			return plain("Logs", "%q is not a source of records.", d.Source)
		case d.Kind != LogGroup && d.Kind != LogBucket && d.Kind != LogStream:
			return plain("Logs", "%q is not a kind of destination.", d.Kind)
		}
		sources = append(sources, d.Source)
	}
	return nil
}
