package identity

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/cognate-id/cognate/identity/internal/throttle"
	"github.com/cognate-id/cognate/store"
)

// Attempts on a name that nobody has are counted as those on a user are, or the
// answers would tell the difference. But there is no end of such names, so their
// counts share a fixed number of rows. A keyed hash of the name says in which row
// they are: outside of the engine nobody can find two names of one row. A row has
// the counts of the last few names, and always as many, so that all rows take the
// same time. Codes and events of such names share rows in the same way. The reads
// and the writes are as many as for a user, in one commit.

const (
	// decoyPrefix begins what takes the place of a sub if there is no user.
	decoyPrefix = "?"
	// decoyRows is how many rows the names that nobody has share, of each kind in a pool.
	decoyRows = 1024
	// decoysPerRow is how many names a row counts for.
	decoysPerRow = 4
)

// decoyCounts are the counts of a name that nobody has, in a row of several.
type decoyCounts struct {
	Digest string `json:"digest"`
	counts
}

// whoIs returns whom failures are counted for: the sub of the user, or a keyed
// digest of the name if no user has it. It does the work of the digest for everybody.
func (s *scope) whoIs(u *User, name string) string {
	nobody := s.ring.decoyWho(foldNew(s.settings, name))
	if u != nil {
		return u.Sub
	}
	return nobody
}

// decoyWho returns what takes the place of the sub for a folded name that no user has.
func (r *ring) decoyWho(folded string) string {
	return decoyPrefix + base64.RawURLEncoding.EncodeToString(mac(r.decoy, "who", folded)[:16])
}

// isDecoy reports whether who is the digest of a name that nobody has.
func isDecoy(who string) bool { return len(who) == 23 && who[:1] == decoyPrefix }

// decoyRow returns the row in which a name that nobody has is counted, and any other key as it is.
func decoyRow(who string) string {
	if !isDecoy(who) {
		return who
	}
	first, err := base64.RawURLEncoding.DecodeString(who[1:4] + "A")
	if err != nil {
		return who
	}
	return decoyPrefix + strconv.Itoa((int(first[0])<<8|int(first[1]))%decoyRows)
}

// getThrottle reads a record of failures, or a new one if there is none.
func getThrottle(r store.Reader, pool, kind, who string) (*throttleRecord, error) {
	values, err := r.Get(throttles.Ref(throttleKey(pool, kind, who)))
	if err != nil {
		return nil, err
	}
	return throttleOf(values[0], pool, kind, who)
}

// throttleOf decodes a record of failures that was read, or makes a new one. It
// does the same work for a user and for a name that nobody has.
func throttleOf(value []byte, pool, kind, who string) (*throttleRecord, error) {
	own, shared := value, []byte(nil)
	if isDecoy(who) {
		own, shared = nil, value
	}
	rec, err := decoyThrottle.decode(own)
	if err != nil {
		return nil, err
	}
	row, err := decoyThrottleRow.decode(shared)
	if err != nil {
		return nil, err
	}
	if rec == nil {
		rec = &throttleRecord{Pool: pool, Kind: kind, Who: who}
	}
	rec.first = value == nil
	switch {
	case !isDecoy(who):
		row = decoyThrottleRow.rec
	case row == nil:
		row = &throttleRecord{Pool: pool, Kind: kind, Who: decoyRow(who), Decoys: blankDecoys()}
	}
	i := slices.IndexFunc(row.Decoys, decoyIs(who))
	var d decoyCounts // decoded for everybody
	if err := json.Unmarshal(row.Decoys[max(i, 0)], &d); err != nil {
		return nil, fmt.Errorf("%w: counts of a name that nobody has: %w", store.ErrCorrupt, err)
	}
	if !isDecoy(who) {
		return rec, nil
	}
	rec.shared = row
	if i >= 0 {
		rec.counts = d.counts
	}
	return rec, nil
}

// decoyIs tells the counts of a name from those of others, without decoding them: no
// digest is part of another.
func decoyIs(who string) func(json.RawMessage) bool {
	return func(d json.RawMessage) bool { return bytes.Contains(d, []byte(who)) }
}

// put writes a record of failures. A first record takes as long as a later one. That of a name that nobody has comes first in its
// row, and the oldest of a full row is forgotten. In either case it does the work of both.
func (lock *throttleRecord) put(tx store.Tx) error {
	row := *cmp.Or(lock.shared, decoyThrottleRow.rec)
	newest, err := json.Marshal(decoyCounts{lock.Who, lock.counts})
	if err != nil {
		return err
	}
	row.Decoys = append([]json.RawMessage{newest}, slices.DeleteFunc(slices.Clone(row.Decoys), decoyIs(lock.Who))...)
	row.Decoys = row.Decoys[:decoysPerRow]
	row.Expires = later(row.Expires, lock.Expires)
	if lock.shared == nil {
		return cmp.Or(decoyThrottleRow.writeOf(&row), decoyThrottle.replaced(lock.first), throttles.Put(tx, lock))
	}
	return cmp.Or(decoyThrottle.write(), decoyThrottleRow.replaced(lock.first), throttles.Put(tx, &row))
}

// blankCounts take the place of counts where there are none.
var blankCounts = counts{Expires: decoyTime, State: throttle.State{}.Fail(decoyTime)}

// blankDecoys are the counts of a row that nothing was counted in.
func blankDecoys() []json.RawMessage {
	blank, err := json.Marshal(decoyCounts{decoyPrefix + "AAAAAAAAAAAAAAAAAAAAAA", blankCounts})
	if err != nil {
		panic(err) // cannot happen: it is a constant
	}
	return slices.Repeat([]json.RawMessage{blank}, decoysPerRow)
}

var (
	decoyThrottle = newDecoyRecord(throttles, &throttleRecord{
		Pool: decoyPool, Kind: kindPassword, Who: decoySub, counts: blankCounts,
	})
	decoyThrottleRow = newDecoyRecord(throttles, &throttleRecord{
		Pool: decoyPool, Kind: kindPassword, Who: decoyPrefix + "512", Decoys: blankDecoys(),
	})
)

// insert writes an event. For a name that nobody has it writes the same into a row
// that such names share, and there is no event. A second row stands for the entry of the
// index that says when an event expires.
func (e *Event) insert(tx store.Tx) error {
	if isDecoy(e.Sub) {
		return cmp.Or(echoes.Put(tx, e), echoes.Put(tx, &Event{Pool: e.Pool, Sub: e.Sub, ID: echoOfExpiry}))
	}
	return events.Insert(tx, e)
}

// echoOfExpiry is the ID of the second row of an echo.
const echoOfExpiry = "expiry"

// echoKey returns the key of one of the two rows of an echo.
func echoKey(e *Event) string {
	if e.ID == echoOfExpiry {
		return store.Key(e.Pool, e.ID, decoyRow(e.Sub)) // apart from the first rows, as an index is
	}
	return store.Key(e.Pool, decoyRow(e.Sub))
}

// ofWho returns the codes that were read for somebody. A row of names that nobody has
// may have those of another name.
func (c *code) ofWho(who string) *code {
	if c == nil || c.Sub != who {
		return nil
	}
	return c
}
