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
	maxRetries   = 5  // after a lost connection
	maxConflicts = 11 // after a lost conflict: dozens of transactions at once may need them
	firstPause   = 5 * time.Millisecond
	longestPause = 320 * time.Millisecond
)

// retry calls fn, and calls it again after a lostError, a few times.
func retry(ctx context.Context, fn func() error) error {
	for try := 0; ; try++ {
		err := fn()
		lost, again := errors.AsType[*lostError](err)
		if !again {
			return err
		}
		if try == maxConflicts || try >= maxRetries && !lost.conflict {
			return lost.final()
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

// pause waits before the next try. Half of the time is fixed and half is random, so that
// transactions that collided do not collide again.
func pause(ctx context.Context, try int) error {
	half := min(firstPause<<try, longestPause) / 2
	timer := time.NewTimer(half + rand.N(2*half))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// A lostError means that a transaction certainly did not take place and may be retried.
type lostError struct {
	cause    error
	conflict bool // lost against another transaction; otherwise the connection was lost
}

func (e *lostError) Error() string { return e.cause.Error() }
func (e *lostError) Unwrap() error { return e.cause }

// final returns the error for the caller when no tries are left.
func (e *lostError) final() error {
	if e.conflict {
		return fmt.Errorf("%w: %w", store.ErrConflict, e.cause)
	}
	return e.cause
}

// SQLSTATE codes, see the appendix of the PostgreSQL manual.
const (
	uniqueViolation      = "23505"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	readOnlyTransaction  = "25006"
	dataException        = "22" // a class of codes: jsonb cannot hold the value
	programLimit         = "54" // a class of codes
)

// explain converts the error of a statement to an error of the contract. Do not use it for
// a COMMIT: explain assumes that the statement did not take place.
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

// fatal reports whether the server ended the connection with this error.
func fatal(pg *pgconn.PgError) bool {
	return pg.SeverityUnlocalized == "FATAL" || pg.SeverityUnlocalized == "PANIC"
}

// outcome returns the error for a failed exchange that ended with the COMMIT. If the server
// reported an error before it reached the COMMIT, the transaction certainly failed. After
// any other error once the COMMIT was sent, the outcome is unknown.
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
