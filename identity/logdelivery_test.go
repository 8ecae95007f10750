package identity_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/settings"
	"github.com/cognate-id/cognate/store/memory"
)

// records keeps the records of log delivery.
type records []string

func (r *records) WriteLog(_ context.Context, destination string, record []byte) {
	*r = append(*r, destination+" "+string(record))
}

// A message in the outbox is reported when it is given up, and not before.
func TestUndeliveredMessagesOfTheOutboxAreLogged(t *testing.T) {
	logged := cognitoPool
	logged.Logs = []settings.LogDestination{{Source: settings.LogUserNotification, Level: "ERROR", Kind: settings.LogGroup, ARN: "arn:mail"}}
	sink := &records{}
	q := newQueuing(t, memory.New(), logged, func(o *identity.Options) { o.Logs = sink })
	refusal := errors.New("421 try later")
	q.post.fails = func(*identity.Message) error { return refusal }
	q.signUp(t, q.pool, "alice", email)
	if q.send(t); len(*sink) != 0 {
		t.Errorf("after the first try: %q", *sink)
	}
	refusal = permanent{errors.New("550 no such mailbox")}
	q.advance(time.Minute)
	if q.send(t); len(*sink) != 1 || !strings.HasPrefix((*sink)[0], "arn:mail {") || !strings.Contains((*sink)[0], "550 no such mailbox") {
		t.Errorf("after the last try: %q", *sink)
	}
}
