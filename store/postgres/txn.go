package postgres

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/driver"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A transaction takes a connection with its first statement and sends BEGIN together with
// that statement: one round trip. Each further read is one round trip. Writes stay in the
// overlay. Commit sends all writes and the COMMIT in one batch, and waits for the outcome
// even if the context is done.

// A txn is a transaction on one connection, for one goroutine. It takes the connection with
// its first statement, and sends BEGIN with that statement.
type txn struct {
	store *Store
	ctx   context.Context
	begin string
	conn  *pgxpool.Conn
	begun bool  // BEGIN was sent
	lost  error // the reason why the transaction cannot go on, or nil
}

// lostOr returns the error of an Update's function or, if the transaction was lost, a
// lostError, whatever the function returned.
func (t *txn) lostOr(err error) error {
	if t.lost != nil {
		return t.lost
	}
	return err
}

// send sends the queued statements and waits for the answers: one round trip. The first
// send of a transaction puts a BEGIN in front.
func (t *txn) send(queue func(*pgx.Batch)) error {
	if t.lost != nil {
		return t.lost
	}
	if err := t.ctx.Err(); err != nil {
		return err
	}
	err := t.exchange(queue)
	for try := 0; t.stale(err) && try < maxRetries; try++ {
		t.leave()
		if err := pause(t.ctx, try); err != nil {
			return err
		}
		err = t.exchange(queue)
	}
	if err == nil {
		return nil
	}
	t.lost = explain(t.ctx, err)
	return t.lost
}

// stale reports whether the connection failed before the transaction read anything. The
// transaction can then begin again on another connection.
func (t *txn) stale(err error) bool {
	if err == nil || t.begun {
		return false
	}
	lost, ok := errors.AsType[*lostError](explain(t.ctx, err))
	return ok && !lost.conflict
}

func (t *txn) exchange(queue func(*pgx.Batch)) error {
	if err := t.acquire(t.ctx); err != nil {
		return err
	}
	b := &pgx.Batch{}
	if !t.begun {
		b.Queue(t.begin)
	}
	queue(b)
	t.store.count()
	if err := t.conn.SendBatch(t.ctx, b).Close(); err != nil {
		t.dismiss(err)
		return err
	}
	t.begun = true
	return nil
}

// dismiss closes a connection that refuses writes. Another connection may lead to the
// server that has taken over.
func (t *txn) dismiss(err error) {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == readOnlyTransaction {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), commitTimeout)
		defer cancel()
		_ = t.conn.Conn().Close(ctx)
	}
}

func (t *txn) acquire(ctx context.Context) (err error) {
	if t.conn == nil {
		t.conn, err = t.store.pool.Acquire(ctx)
	}
	return err
}

// leave gives the connection back. It does not wait for the end of a transaction that only
// read.
func (t *txn) leave() {
	conn := t.conn
	if conn == nil {
		return
	}
	t.conn = nil
	if conn.Conn().PgConn().TxStatus() == 'I' || conn.Conn().IsClosed() {
		conn.Release()
		return
	}
	go func() {
		defer conn.Release() // closes a connection that is still in a transaction
		ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
		defer cancel()
		_, _ = conn.Exec(ctx, "rollback")
	}()
}

// Get implements [store.Reader].
func (t *txn) Get(refs ...store.Ref) ([][]byte, error) {
	values, _, err := t.GetFollowing(refs, nil)
	return values, err
}

// GetFollowing implements [store.Follower].
func (t *txn) GetFollowing(refs []store.Ref, follow []store.Follow) ([][]byte, []store.Entry, error) {
	byTable := make(map[string][][]byte)
	places := make(map[store.Ref][]int, len(refs))
	for i, ref := range refs {
		if !possible(ref.Table) {
			continue
		}
		if places[ref] == nil {
			byTable[ref.Table] = append(byTable[ref.Table], []byte(ref.Key))
		}
		places[ref] = append(places[ref], i)
	}
	values, followed := make([][]byte, len(refs)), make([]store.Entry, len(follow))
	if len(places) == 0 && len(follow) == 0 {
		return values, followed, t.lost
	}
	tables := maps.Clone(byTable)
	for _, f := range follow {
		tables[f.Index.Table], tables[f.Table] = nil, nil
	}
	idents, err := t.store.tables.idents(t.ctx, tables)
	if err != nil {
		return nil, nil, t.fail(err)
	}
	err = t.send(func(b *pgx.Batch) {
		for table, keys := range byTable {
			b.Queue("select key, value from "+idents[table]+" where key = any($1)", keys).Query(func(rows pgx.Rows) error {
				return each(rows, func(e store.Entry) bool {
					for _, i := range places[store.Ref{Table: table, Key: e.Key}] {
						values[i] = e.Value
					}
					return true
				})
			})
		}
		for i, f := range follow {
			query := fmt.Sprintf(followSQL, idents[f.Index.Table], idents[f.Table])
			b.Queue(query, []byte(f.Prefix), f.Cut+1, []byte(f.Index.Key)).Query(func(rows pgx.Rows) error {
				followed[i] = store.Entry{}
				return each(rows, func(e store.Entry) bool { followed[i] = e; return true })
			})
		}
	})
	if err != nil {
		return nil, nil, err
	}
	return values, followed, nil
}

// followSQL reads the values that index entries lead to. An index entry is a JSON string
// with the primary key in URL-safe base64 without padding.
const followSQL = `select k.key, t.value from (
	select $1::bytea || substr(decode(rpad(translate(i.text, '-_', '+/'), (length(i.text) + 3) / 4 * 4, '='), 'base64'), $2::int) as key
	from (select value #>> '{}' as text from %s where key = $3) as i) as k left join %s as t on t.key = k.key`

// possible reports whether the contract allows a table of that name. Any other table is
// empty.
func possible(table string) bool { return table != "" && strings.IndexByte(table, 0) < 0 }

// fail records that the transaction cannot go on.
func (t *txn) fail(err error) error {
	if t.lost == nil {
		t.lost = err
	}
	return err
}

// each calls fn with the rows of a query until it returns false.
func each(rows pgx.Rows, fn func(store.Entry) bool) error {
	defer rows.Close()
	for rows.Next() {
		var key, value []byte
		if err := rows.Scan(&key, &value); err != nil {
			return err
		}
		if !fn(store.Entry{Key: string(key), Value: value}) {
			return nil
		}
	}
	return rows.Err()
}

// A Scan is read in pages. A page has at most this many rows and keeps at most this many
// bytes, however large the rows are.
const (
	firstPage = 100
	laterPage = 1000
	pageBytes = 4 << 20
)

// Scan implements [store.Reader].
func (t *txn) Scan(table string, r store.Range) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		left := r.Limit
		for rows := firstPage; ; rows = laterPage {
			if r.Limit > 0 {
				rows = min(rows, left)
			}
			page, more, err := t.page(table, r, rows)
			if err != nil {
				yield(store.Entry{}, err)
				return
			}
			for _, e := range page {
				if !yield(e, nil) {
					return
				}
			}
			left -= len(page)
			if !more || r.Limit > 0 && left == 0 {
				return
			}
			r = after(r, page[len(page)-1].Key)
		}
	}
}

// after returns the part of a range that follows a key.
func after(r store.Range, key string) store.Range {
	if r.Reverse {
		r.To = key
	} else {
		r.From = key + "\x00"
	}
	return r
}

// page reads at most limit entries of a range. more reports whether there may be more.
func (t *txn) page(table string, r store.Range, limit int) (page []store.Entry, more bool, err error) {
	if r.To != "" && r.From >= r.To || !possible(table) {
		return nil, false, nil
	}
	idents, err := t.store.tables.idents(t.ctx, map[string][][]byte{table: nil})
	if err != nil {
		return nil, false, t.fail(err)
	}
	query, args := pageQuery(idents[table], r, limit)
	size := 0
	err = t.send(func(b *pgx.Batch) {
		b.Queue(query, args...).Query(func(rows pgx.Rows) error {
			page, size = page[:0], 0
			return each(rows, func(e store.Entry) bool {
				page = append(page, e)
				size += len(e.Key) + len(e.Value)
				return size < pageBytes
			})
		})
	})
	if err != nil {
		return nil, false, err
	}
	return page, len(page) == limit || size >= pageBytes, nil
}

func pageQuery(ident string, r store.Range, limit int) (string, []any) {
	var q strings.Builder
	args := []any{limit}
	q.WriteString("select key, value from " + ident)
	word := " where "
	bound := func(op, key string) {
		if key == "" {
			return
		}
		args = append(args, []byte(key))
		fmt.Fprintf(&q, "%skey %s $%d", word, op, len(args))
		word = " and "
	}
	bound(">=", r.From)
	bound("<", r.To)
	q.WriteString(" order by key")
	if r.Reverse {
		q.WriteString(" desc")
	}
	q.WriteString(" limit $1")
	return q.String(), args
}

// changes are the writes of one table.
type changes struct {
	table         string
	inserts, puts columns
	deletes       [][]byte
}

type columns struct {
	keys   [][]byte
	values []string
}

func (c *columns) add(w driver.Write) {
	c.keys = append(c.keys, []byte(w.Key))
	c.values = append(c.values, string(w.Value))
}

// gather groups writes by table. The writes are in order of their tables.
func gather(writes iter.Seq[driver.Write]) (out []changes) {
	for w := range writes {
		if len(out) == 0 || out[len(out)-1].table != w.Table {
			out = append(out, changes{table: w.Table})
		}
		c := &out[len(out)-1]
		switch {
		case w.Value == nil:
			c.deletes = append(c.deletes, []byte(w.Key))
		case w.Insert:
			c.inserts.add(w)
		default:
			c.puts.add(w)
		}
	}
	return out
}

const (
	deleteSQL = "delete from %s where key = any($1)"
	insertSQL = "insert into %s (key, value) select k, v::jsonb from unnest($1::bytea[], $2::text[]) as w(k, v)"
	putSQL    = insertSQL + " on conflict (key) do update set value = excluded.value"
)

func (c *changes) queue(b *pgx.Batch, ident string) {
	if len(c.deletes) > 0 {
		b.Queue(fmt.Sprintf(deleteSQL, ident), c.deletes)
	}
	if len(c.puts.keys) > 0 {
		b.Queue(fmt.Sprintf(putSQL, ident), c.puts.keys, c.puts.values)
	}
	if len(c.inserts.keys) > 0 {
		b.Queue(fmt.Sprintf(insertSQL, ident), c.inserts.keys, c.inserts.values)
	}
}

// commit sends all writes and the COMMIT in one batch. It waits for the outcome even if the
// context is done.
func (t *txn) commit(writes iter.Seq[driver.Write]) error {
	all := gather(writes)
	if len(all) == 0 && !t.begun {
		return nil
	}
	tables := make(map[string][][]byte, len(all))
	for _, c := range all {
		tables[c.table] = nil
	}
	idents, err := t.store.tables.idents(t.ctx, tables)
	if err != nil {
		return err
	}
	if err := t.acquire(t.ctx); err != nil {
		return explain(t.ctx, err)
	}
	b := &pgx.Batch{}
	if !t.begun {
		b.Queue(t.begin)
	}
	for i := range all {
		all[i].queue(b, idents[all[i].table])
	}
	b.Queue("commit")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), commitTimeout)
	defer cancel()
	t.store.count()
	err = finish(t.conn.SendBatch(ctx, b), b.Len())
	t.dismiss(err)
	return err
}

// finish reads the answers to a batch whose last statement is the COMMIT.
func finish(results pgx.BatchResults, statements int) error {
	for i := range statements {
		if _, err := results.Exec(); err != nil {
			_ = results.Close()
			return outcome(err, i == statements-1)
		}
	}
	_ = results.Close() // the COMMIT was answered, so later errors do not matter
	return nil
}

func (s *Store) count() {
	if s.tracer != nil {
		s.tracer.RoundTrip()
	}
}

// BulkLoad implements [store.BulkLoader].
func (s *Store) BulkLoad(ctx context.Context, entries iter.Seq2[store.Ref, []byte]) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.gate.Leave()
	batch := make(map[store.Ref][]byte)
	size := 0
	for ref, value := range entries {
		if err := driver.Check(ref, value); err != nil {
			return err
		}
		batch[ref] = slices.Clone(value)
		size += len(ref.Key) + len(value)
		if len(batch) < bulkRows && size < pageBytes {
			continue
		}
		if err := s.load(ctx, batch); err != nil {
			return err
		}
		clear(batch)
		size = 0
	}
	return s.load(ctx, batch)
}

// bulkRows is how many entries a bulk load writes in one transaction.
const bulkRows = 5000

func (s *Store) load(ctx context.Context, batch map[store.Ref][]byte) error {
	return retry(ctx, func() error {
		t := &txn{store: s, ctx: ctx, begin: "begin isolation level read committed"}
		defer t.leave()
		return t.commit(inOrder(batch))
	})
}

func inOrder(batch map[store.Ref][]byte) iter.Seq[driver.Write] {
	refs := make([]store.Ref, 0, len(batch))
	for ref := range batch {
		refs = append(refs, ref)
	}
	slices.SortFunc(refs, func(a, b store.Ref) int {
		if c := strings.Compare(a.Table, b.Table); c != 0 {
			return c
		}
		return strings.Compare(a.Key, b.Key)
	})
	return func(yield func(driver.Write) bool) {
		for _, ref := range refs {
			if !yield(driver.Write{Ref: ref, Value: batch[ref]}) {
				return
			}
		}
	}
}
