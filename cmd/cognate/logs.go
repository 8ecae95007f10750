package main

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/cognate-id/cognate/identity/logsink"
)

// logFlags say what stands for the destinations of log delivery. dev and serve have them.
type logFlags struct {
	Destinations []destinationFlag `name:"log-destination" sep:"none" placeholder:"ARN=WHERE" help:"Write the records that a pool sends to the log group ARN to file:/PATH, syslog:, syslog+udp://HOST:PORT, syslog+tcp://HOST:PORT or https://HOST/PATH. Can be repeated."`
	LogAllow     []string          `name:"log-allow" sep:"none" placeholder:"HOST:PORT" help:"Host of --log-destination that may have a private address. Can be repeated."`
}

// A destinationFlag is a destination, and what stands for it.
type destinationFlag struct{ arn, where string }

// UnmarshalText accepts ARN=WHERE.
func (d *destinationFlag) UnmarshalText(text []byte) error {
	arn, where, ok := strings.Cut(string(text), "=")
	if !ok || !strings.HasPrefix(arn, "arn:") || where == "" {
		return errors.New("it is not ARN=WHERE, such as arn:aws:logs:us-east-1:123456789012:log-group:mail=file:/var/log/mail.jsonl")
	}
	*d = destinationFlag{arn, where}
	return nil
}

// sink returns what writes the records. The caller closes it.
func (f *logFlags) sink(log *slog.Logger) (*logsink.Sink, error) {
	o := &logsink.Options{Destinations: map[string]string{}, Allow: f.LogAllow, Logger: log}
	for _, d := range f.Destinations {
		o.Destinations[d.arn] = d.where
	}
	s, err := logsink.New(o)
	if err != nil {
		return nil, fmt.Errorf("--log-destination: %w", err)
	}
	return s, nil
}
