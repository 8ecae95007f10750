package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity/settings"
)

// Log delivery. A pool's settings name destinations for records about messages that did not
// reach their user. undelivered makes the record, and gives it to Options.Logs. What sends a
// message while a user waits calls it with the error, and so does the worker of the outbox
// with the error of the last try.

// A LogSink takes records for the destinations that the settings of pools name, see
// [settings.LogDestination]. identity/logsink has one.
type LogSink interface {
	// WriteLog takes a record: an object in JSON, on one line. It is called while a user
	// waits, so it must not wait: it puts the record into a queue.
	WriteLog(ctx context.Context, destination string, record []byte)
}

// A logRecord is a record as the service writes it. The names of members are (unsure).
type logRecord struct {
	EventTimestamp string `json:"eventTimestamp"` // milliseconds since 1970
	EventSource    string `json:"eventSource"`
	LogLevel       string `json:"logLevel"`
	Message        struct {
		Details string `json:"details"`
	} `json:"message"`
	LogSourceID struct {
		UserPoolID string `json:"userPoolId"`
	} `json:"logSourceId"`
}

// longestDetails is how many bytes of a cause a record has.
const longestDetails = 1000

// undelivered writes to the log of a pool that a message was not delivered. The record holds
// neither the code nor the name of the user. The cause may hold the address.
func (e *Engine) undelivered(ctx context.Context, p *PoolInfo, m *Message, cause error) {
	if e.logs == nil || errors.Is(cause, context.Canceled) && ctx.Err() != nil {
		return
	}
	for _, d := range p.Settings.Logs {
		if d.Source == settings.LogUserNotification {
			e.logs.WriteLog(ctx, d.ARN, undeliveredRecord(p.ID, m, cause, e.now()))
		}
	}
}

// undeliveredRecord makes the record of a message.
func undeliveredRecord(pool string, m *Message, cause error, now time.Time) []byte {
	text := cause.Error()
	if by, ok := errors.AsType[*MessageError](cause); ok && by.Cause != nil {
		text = by.Cause.Error()
	}
	text = redacted(strings.TrimPrefix(text, "identity: "), m.Code, longestDetails)
	r := logRecord{EventTimestamp: strconv.FormatInt(now.UnixMilli(), 10), EventSource: "USER_NOTIFICATION", LogLevel: "ERROR"}
	r.Message.Details = fmt.Sprintf("The %s message of kind %s was not delivered: %s", m.Medium, m.Kind, text)
	r.LogSourceID.UserPoolID = pool
	record, err := json.Marshal(r)
	if err != nil {
		panic(err) // strings always have JSON
	}
	return record
}
