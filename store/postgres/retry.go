package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/cognate-id/cognate/store"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	maxRetries = 5
	firstPause = 5 * time.Millisecond
)

// retry calls fn again for as long as it is lost, at most maxRetries times.
func retry(ctx context.Context, fn func() error) error {
	for try := 0; ; try++ {
		err := fn()
		lost, again := errors.AsType[*lostError](err)
		if !again {
			return err
		}
		if try == maxRetries {
			return lost.told()
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

// pause waits before another try: half of the time for certain, as much again
// by chance, so that those who collided do not do so again.
func pause(ctx context.Context, try int) error {
	half := firstPause << try / 2
	timer := time.NewTimer(half + rand.N(2*half))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// A lostError ends a transaction that has certainly not taken place and may be tried again.
type lostError struct {
	cause    error
	conflict bool // with another transaction; otherwise the connection was lost
}

func (e *lostError) Error() string { return e.cause.Error() }
func (e *lostError) Unwrap() error { return e.cause }

// told is the error for a caller when there are no tries left.
func (e *lostError) told() error {
	if e.conflict {
		return fmt.Errorf("%w: %w", store.ErrConflict, e.cause)
	}
	return e.cause
}

// SQLSTATE codes, see the appendix of PostgreSQL's manual.
const (
	uniqueViolation      = "23505"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	readOnlyTransaction  = "25006"
	dataException        = "22" // a class: what jsonb cannot hold
	programLimit         = "54" // a class
)

// explain makes what a statement failed with into an error of the contract. It
// is not for the COMMIT: whatever it is told of has not taken place.
func explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	pg, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !ok:
		return &lostError{cause: fmt.Errorf("PostgreSQL: %w", err)}
	case pg.Code == serializationFailure, pg.Code == deadlockDetected:
		return &lostError{cause: err, conflict: true}
	case pg.Code == uniqueViolation:
		return store.ErrExists
	case strings.HasPrefix(pg.Code, dataException), strings.HasPrefix(pg.Code, programLimit):
		return fmt.Errorf("%w: PostgreSQL cannot keep it: %s", store.ErrInvalid, pg.Message)
	case fatal(pg), pg.Code == readOnlyTransaction:
		return &lostError{cause: fmt.Errorf("PostgreSQL: %w", err)}
	default:
		return fmt.Errorf("PostgreSQL: %w", err)
	}
}

// fatal tells whether the server has ended the connection with this error.
func fatal(pg *pgconn.PgError) bool {
	return pg.SeverityUnlocalized == "FATAL" || pg.SeverityUnlocalized == "PANIC"
}

// outcome is the error for a failure in the exchange that the COMMIT was part
// of. An error that the server tells instead of having gone on to the COMMIT
// is certain; whatever else happened once the COMMIT was sent is not.
func outcome(err error, atCommit bool) error {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case !ok && pgconn.SafeToRetry(err): // nothing was sent
		return &lostError{cause: fmt.Errorf("PostgreSQL: %w", err)}
	case !ok, atCommit && fatal(pg):
		return fmt.Errorf("%w: PostgreSQL: %w", store.ErrUnknownOutcome, err)
	default:
		return explain(context.Background(), err)
	}
}
