package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/store"
)

// runImports runs the job that is active, in one of the engines on the store. It goes on
// where the transaction of a batch has written that the job is: an engine that stops in
// between leaves the rest to the next. The lease is short and renewed, so that another
// engine goes on soon. Two engines that run one job at once do no harm: the transaction of
// a batch finds that the job is somewhere else, and ends the run.

// What becomes of jobs and rows. All but the last three are the service's words.
const (
	importDoneText    = "Import Job Completed Successfully."
	importManyText    = "Too many users have failed or been skipped during the import."
	importStoppedText = "The Import Job was stopped by the developer."
	rowSucceededText  = "The import succeeded."
	rowSkippedText    = "The user already exists."
	importExpiredText = "The user import job has expired." // (unsure)
	importRowsText    = "The CSV file has more than 500000 rows."
	importGoneText    = "The CSV file has expired."
)

const (
	importEvery = time.Minute      // how often an engine looks for a job that another one left
	importLease = 90 * time.Second // how long an engine keeps a job without renewing
	importRenew = 20 * time.Second

	rowsAtOnce  = 250       // the most rows of a transaction
	bytesAtOnce = 256 << 10 // of rows, about; the transaction writes a few times as much
)

// errElsewhere ends a run whose job is no longer where this run has left it.
var errElsewhere = errors.New("identity: the import job was stopped, or another engine runs it")

// importDue reports whether a job is active.
func (e *Engine) importDue(ctx context.Context) (bool, error) {
	j, err := e.activeImport(ctx)
	return j != nil, err
}

// runImports runs active jobs until there is none.
func (e *Engine) runImports(ctx context.Context) error {
	for {
		j, err := e.activeImport(ctx)
		if err != nil || j == nil {
			return err
		}
		r := &importRun{engine: e, jobs: (&Admin{e, j.Pool}).ImportJobs(), job: j, renewed: e.now()}
		err = r.run(ctx)
		if errors.Is(err, errElsewhere) {
			if mine, err := e.lease(ctx, jobImport, importLease); err != nil || !mine {
				return err
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("import job %s: %w", j.ID, err)
		}
	}
}

// An importRun is one run of a job.
type importRun struct {
	engine  *Engine
	jobs    ImportJobs
	job     *importJob // as this run has left it
	renewed time.Time
}

// run does what is left of the job.
func (r *importRun) run(ctx context.Context) error {
	err := r.goOn(ctx)
	if errors.Is(err, errFileGone) {
		return r.finish(ctx, ImportFailed, importGoneText)
	}
	return err
}

// goOn begins the job, if that is left to do, and imports rows until the end of the file.
func (r *importRun) goOn(ctx context.Context) error {
	if r.job.Status == ImportStopping {
		return r.finish(ctx, ImportStopped, importStoppedText)
	}
	if r.job.Status == ImportPending {
		if err := r.begin(ctx); err != nil || !r.job.Status.active() {
			return err
		}
	}
	lines := newCSVReader(r.engine.openUpload(ctx, r.job), r.job)
	for {
		batch, err := readBatch(lines)
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			return r.finish(ctx, ImportSucceeded, "")
		}
		if err := r.do(ctx, batch); err != nil {
			return err
		}
	}
}

// readBatch reads the rows of a transaction. At the end of the file there is none.
func readBatch(lines *csvReader) ([]*csvLine, error) {
	var out []*csvLine
	for size := 0; len(out) < rowsAtOnce && size < bytesAtOnce; {
		l, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		out, size = append(out, l), size+len(l.text)
	}
	return out, nil
}

// begin checks the header and counts the rows, so that a file that is refused imports nobody.
func (r *importRun) begin(ctx context.Context) error {
	p, err := r.jobs.admin.Describe(ctx)
	if errors.Is(err, ErrPoolNotFound) {
		return r.finish(ctx, ImportFailed, "The user pool does not exist.")
	}
	if err != nil {
		return err
	}
	lines := newCSVReader(r.engine.openUpload(ctx, r.job), r.job)
	first, err := lines.next()
	if errors.Is(err, io.EOF) {
		return r.finish(ctx, ImportFailed, "The CSV file is empty.")
	}
	if err != nil {
		return err
	}
	columns, refused := header(p, r.job, first)
	if refused != nil {
		return r.finish(ctx, ImportFailed, refused.Error())
	}
	for n := 0; ; n++ {
		if _, err := lines.next(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		if n == MaxImportRows {
			return r.finish(ctx, ImportFailed, importRowsText)
		}
	}
	return r.write(ctx, func(tx store.Tx, j *importJob) error {
		j.Status, j.Columns, j.Offset, j.Line = ImportInProgress, columns, first.end, first.number
		return nil
	})
}

// do imports the rows of a batch, in one transaction if it can.
func (r *importRun) do(ctx context.Context, batch []*csvLine) error {
	if err := r.renew(ctx); err != nil {
		return err
	}
	admin := r.jobs.admin
	p, err := admin.Describe(ctx)
	if errors.Is(err, ErrPoolNotFound) {
		return r.finish(ctx, ImportFailed, "The user pool does not exist.")
	}
	if err != nil {
		return err
	}
	now := r.engine.now()
	all := make([]*arrival, len(batch))
	for i, l := range batch {
		rec, refused := r.job.record(p, l)
		if all[i], err = admin.arrive(ctx, p, rec, now); err != nil {
			return err
		}
		all[i].line = l
		if refused != nil {
			all[i].refused = refused
		}
		all[i].early = all[i].refused
	}
	return r.commit(ctx, p, all)
}

// commit writes rows together with how far the job is. If one of them cannot be written, each
// is written in a transaction of its own.
func (r *importRun) commit(ctx context.Context, p *PoolInfo, all []*arrival) error {
	err := r.write(ctx, func(tx store.Tx, j *importJob) error {
		if j.Status == ImportStopping {
			return errElsewhere
		}
		for _, in := range all {
			in.refused = in.early
			if in.early != nil {
				continue
			}
			var err error
			if in.refused, err = in.commit(tx, p); err != nil {
				return err
			}
		}
		return j.advance(tx, all)
	})
	unwritable := errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrInvalid) || errors.Is(err, store.ErrTooLarge)
	switch {
	case !unwritable:
		return err
	case len(all) > 1:
		for i := range all {
			if err := r.commit(ctx, p, all[i:i+1]); err != nil {
				return err
			}
		}
		return nil
	case all[0].early != nil:
		return err
	case errors.Is(err, store.ErrExists): // somebody takes the name at this moment
		all[0].early = &NameTakenError{Err: ErrUsernameExists}
	default:
		all[0].early = err
	}
	return r.commit(ctx, p, all)
}

// advance counts rows, writes the log, and sets where the job is.
func (j *importJob) advance(tx store.Tx, all []*arrival) error {
	log := &importLog{Pool: j.Pool, Job: j.ID, N: j.Logs, Until: j.expires()}
	for _, in := range all {
		line := ImportLine{in.line.number, RowSucceeded, rowSucceededText}
		switch {
		case in.refused == nil:
			j.Imported++
		case errors.Is(in.refused, errPresent), errors.Is(in.refused, ErrUsernameExists):
			j.Skipped++
			line.Outcome, line.Text = RowSkipped, rowSkippedText
		default:
			j.Failed++
			line.Outcome, line.Text = RowFailed, rowText(in.refused)
		}
		log.add(line)
		j.Offset, j.Line = in.line.end, in.line.number
	}
	j.Logs++
	return importLogs.Insert(tx, log)
}

// add adds a line to a record of the log.
func (l *importLog) add(line ImportLine) {
	if n := len(l.Runs); n > 0 {
		if last := &l.Runs[n-1]; last.To == line.Line-1 && last.Outcome == line.Outcome && last.Text == line.Text {
			last.To = line.Line
			return
		}
	}
	l.Runs = append(l.Runs, logRun{line.Line, line.Line, line.Outcome, line.Text})
}

// rowText says why a row was refused, without what it holds.
func rowText(refused error) string {
	if e, ok := errors.AsType[*ParameterError](refused); ok && e.Reason != "" {
		return e.Reason
	}
	text := strings.TrimPrefix(refused.Error(), "identity: ")
	for _, internal := range []error{store.ErrInvalid, store.ErrTooLarge} {
		if errors.Is(refused, internal) {
			return "The row cannot be stored: a value is too long, or has a character that is not text."
		}
	}
	return text
}

// write changes the job in a transaction, if it still is where this run has left it.
func (r *importRun) write(ctx context.Context, fn func(store.Tx, *importJob) error) error {
	var kept *importJob
	err := r.engine.store.Update(ctx, func(tx store.Tx) error {
		j, err := orNil(importJobs.Get(tx, importJobKey(r.job.Pool, r.job.ID)))
		if err != nil {
			return err
		}
		if j == nil || j.Offset != r.job.Offset || j.Logs != r.job.Logs || !j.Status.active() || r.overtaken(j) {
			return errElsewhere
		}
		if err := fn(tx, j); err != nil {
			return err
		}
		kept = j
		return importJobs.Put(tx, j)
	})
	if err == nil {
		r.job = kept
	}
	return err
}

// overtaken reports whether another engine has begun what this run is about to begin.
func (r *importRun) overtaken(j *importJob) bool {
	return r.job.Status == ImportPending && !slices.Contains([]ImportStatus{ImportPending, ImportStopping}, j.Status)
}

// finish ends the job, and deletes its file. A job that came to the end of its file has
// succeeded if it imported at least as many users as it did not (unsure).
func (r *importRun) finish(ctx context.Context, s ImportStatus, text string) error {
	now := r.engine.now()
	err := r.write(ctx, func(_ store.Tx, j *importJob) error {
		switch {
		case j.Status == ImportStopping:
			j.end(ImportStopped, importStoppedText, now)
		case s == ImportSucceeded && j.Failed+j.Skipped > j.Imported:
			j.end(ImportFailed, importManyText, now)
		case s == ImportSucceeded:
			j.end(s, importDoneText, now)
		default:
			j.end(s, text, now)
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.engine.discardUploads(ctx, r.job.Pool, r.job.ID)
	return nil
}

// renew renews the lease now and then.
func (r *importRun) renew(ctx context.Context) error {
	now := r.engine.now()
	if now.Sub(r.renewed) < importRenew && !now.Before(r.renewed) {
		return nil
	}
	mine, err := r.engine.lease(ctx, jobImport, importLease)
	if err == nil && !mine {
		err = errElsewhere
	}
	r.renewed = now
	return err
}
