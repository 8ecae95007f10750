package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"
	"unicode/utf8"

	"github.com/cognate-id/cognate/identity/internal/passhash"
	"github.com/cognate-id/cognate/store"
)

// An import job reads users from a file that was uploaded. Create makes the job, Upload
// stores the file in chunks (importupload.go), and Start makes it due. A job of
// [Engine.Maintain] then checks the file and imports its rows in batches (importrun.go,
// importcsv.go). Each batch is one transaction, which also writes the position in the
// file, the counts and the log: so a job that is interrupted goes on where it was.
// Texts of the log and of the end of a job are the service's, because they are stored as
// operators read them.

// An ImportStatus is the state of an import job.
type ImportStatus string

// The states of import jobs.
const (
	ImportCreated    ImportStatus = "Created"    // it waits for its file, or to be started
	ImportPending    ImportStatus = "Pending"    // it was started, and imports nobody yet
	ImportInProgress ImportStatus = "InProgress" // it imports users
	ImportStopping   ImportStatus = "Stopping"   // an operator has stopped it, and it has not noticed yet
	ImportStopped    ImportStatus = "Stopped"    // an operator has stopped it
	ImportSucceeded  ImportStatus = "Succeeded"  // it has come to the end of the file
	ImportFailed     ImportStatus = "Failed"     // the file was refused, or most users were not imported
	ImportExpired    ImportStatus = "Expired"    // it was not started within a day
)

// active reports whether a job runs or is about to. One job at a time is active.
func (s ImportStatus) active() bool {
	return s == ImportPending || s == ImportInProgress || s == ImportStopping
}

// A PasswordAlgorithm is how the hashes of passwords in a file were made.
type PasswordAlgorithm = passhash.Algorithm

// The algorithms of hashes that can be imported. See docs/moving.md for their forms and limits.
const (
	PasswordArgon2id PasswordAlgorithm = passhash.Argon2id
	PasswordBcrypt   PasswordAlgorithm = passhash.Bcrypt
	PasswordScrypt   PasswordAlgorithm = passhash.Scrypt
	PasswordPBKDF2   PasswordAlgorithm = passhash.PBKDF2
)

// Limits of import jobs.
const (
	// MaxImportFile is how many bytes the file of an import job may have.
	MaxImportFile = 100 << 20
	// MaxImportRows is how many users the file of an import job may have.
	MaxImportRows = 500_000
	// importUploadLife is how long a file can be uploaded after the job was created.
	importUploadLife = 15 * time.Minute
	// importJobWait is how long a job waits to be started.
	importJobWait = 24 * time.Hour
	// maxImportJobs is how many jobs of a pool are kept.
	maxImportJobs = 1000
)

// An ImportJob is a job that imports users from an uploaded file.
type ImportJob struct {
	Pool      string            `json:"pool"`                // the id of the pool
	ID        string            `json:"id"`                  // import- and ten letters and digits
	Name      string            `json:"name"`                // for people; need not be unique
	Role      string            `json:"role,omitempty"`      // ARN of the role that the service writes its log with; not used here
	Algorithm PasswordAlgorithm `json:"algorithm,omitempty"` // of the hashes in the file; empty for none
	Status    ImportStatus      `json:"status"`              // what it does now
	Created   time.Time         `json:"created"`             // when it was made
	Started   time.Time         `json:"started,omitzero"`    // when it was started
	Completed time.Time         `json:"completed,omitzero"`  // when it ended
	Imported  int               `json:"imported,omitempty"`  // users who were created
	Skipped   int               `json:"skipped,omitempty"`   // users who exist already
	Failed    int               `json:"failed,omitempty"`    // users who could not be created
	Message   string            `json:"message,omitempty"`   // why it ended
	// Signature is what [ImportJobs.Upload] asks for.
	Signature Secret `json:"-"`
}

// UploadUntil is when the file can no longer be uploaded.
func (j *ImportJob) UploadUntil() time.Time { return j.Created.Add(importUploadLife) }

// An ImportOutcome is what became of a row.
type ImportOutcome string

// The outcomes of rows.
const (
	RowSucceeded ImportOutcome = "SUCCEEDED"
	RowSkipped   ImportOutcome = "SKIPPED"
	RowFailed    ImportOutcome = "FAILED"
)

// An ImportLine is a line of the log of an import job.
type ImportLine struct {
	Line    int           // of the file; the header is line 1
	Outcome ImportOutcome // what became of the row
	Text    string        // why; it holds nothing of the row
}

// String is the line as the service writes it.
func (l ImportLine) String() string {
	return fmt.Sprintf("[%s] Line Number %d - %s", l.Outcome, l.Line, l.Text)
}

// ImportJobs has what an operator may do with the import jobs of a pool.
// [Engine.Maintain] runs them.
type ImportJobs struct{ admin *Admin }

// ImportJobs returns a handle on the import jobs of the pool.
func (a *Admin) ImportJobs() ImportJobs { return ImportJobs{a} }

// ImportJobOptions are what a job is made with.
type ImportJobOptions struct {
	Name string // 1 to 128 characters, for people
	Role string // see [ImportJob]
	// Algorithm is how the hashes in the column password_hash were made. Defaults to
	// none: then the file must not have that column.
	Algorithm PasswordAlgorithm
}

func (o *ImportJobOptions) check() error {
	if n := utf8.RuneCountInString(o.Name); n == 0 || n > 128 {
		return invalid("JobName", "The name of a job must have 1 to 128 characters.")
	}
	switch o.Algorithm {
	case "", PasswordArgon2id, PasswordBcrypt, PasswordScrypt, PasswordPBKDF2:
		return nil
	}
	return invalid("PasswordHashingAlgorithm", fmt.Sprintf("Hashes of %q cannot be imported.", o.Algorithm))
}

// Create makes a job. It returns [ErrInvalidParameter] if an option is invalid, and [ErrQuotaExceeded]
// if the pool has a thousand.
func (js ImportJobs) Create(ctx context.Context, o ImportJobOptions) (*ImportJob, error) {
	a := js.admin
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("create import job: %w", err)
	}
	if err := a.engine.checkLimit(ctx, "import jobs", 0, maxImportJobs, importJobs.Name, store.Prefix(a.pool)); err != nil {
		return nil, fmt.Errorf("create import job: %w", err)
	}
	made, err := random(a.engine.rand, alnum62, 10)
	if err != nil {
		return nil, err
	}
	now := a.engine.now()
	j := &importJob{
		ImportJob: ImportJob{Pool: a.pool, ID: "import-" + made, Name: o.Name, Role: o.Role, Algorithm: o.Algorithm, Status: ImportCreated, Created: now},
		Signature: rand.Text() + rand.Text(),
	}
	ev, err := a.happened(ctx, EventImportJobCreated, Subject{SubjectImportJob, j.ID}, now)
	if err != nil {
		return nil, err
	}
	err = a.engine.store.Update(ctx, func(tx store.Tx) error {
		if err := a.exists(tx); err != nil {
			return err
		}
		if err := importJobs.Insert(tx, j); err != nil {
			return err
		}
		return events.Insert(tx, ev.with(dataName, j.Name))
	})
	if err != nil {
		return nil, fmt.Errorf("create import job: %w", err)
	}
	return j.shown(now), nil
}

// shown is the job as others see it.
func (j *importJob) shown(now time.Time) *ImportJob {
	out := j.ImportJob
	out.Signature = Secret(j.Signature)
	if out.Status == ImportCreated && !now.Before(out.Created.Add(importJobWait)) {
		out.Status, out.Message = ImportExpired, importExpiredText
	}
	return &out
}

// Get returns a job, or [ErrImportJobNotFound].
func (js ImportJobs) Get(ctx context.Context, id string) (*ImportJob, error) {
	j, err := js.read(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("import job: %w", err)
	}
	return j.shown(js.admin.engine.now()), nil
}

func (js ImportJobs) read(ctx context.Context, id string) (j *importJob, err error) {
	err = js.admin.engine.store.View(ctx, func(r store.Reader) error {
		j, err = js.in(r, id)
		return err
	})
	return j, err
}

// in reads a job in a transaction.
func (js ImportJobs) in(r store.Reader, id string) (*importJob, error) {
	if err := js.admin.exists(r); err != nil {
		return nil, err
	}
	j, err := importJobs.Get(r, importJobKey(js.admin.pool, id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, &NotFoundError{ErrImportJobNotFound, id}
	}
	return j, err
}

// List yields the jobs of the pool, the newest first. It begins after the job with the id
// in after; an empty string means from the beginning. It ends after the first error.
func (js ImportJobs) List(ctx context.Context, after string) iter.Seq2[*ImportJob, error] {
	a := js.admin
	return func(yield func(*ImportJob, error) bool) {
		now := a.engine.now()
		for j, err := range batches(ctx, a.engine.store, after, js.batch, func(j *importJob) string { return j.ID }) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(j.shown(now), nil) {
				return
			}
		}
	}
}

// batch reads jobs that are older than the one with the id after.
func (js ImportJobs) batch(r store.Reader, after string) ([]*importJob, error) {
	if err := js.admin.exists(r); err != nil {
		return nil, err
	}
	rng := store.Prefix(js.admin.pool)
	rng.Reverse = true
	if after != "" {
		j, err := js.in(r, after)
		if errors.Is(err, ErrImportJobNotFound) {
			return nil, ErrInvalidPosition
		}
		if err != nil {
			return nil, err
		}
		rng.To = importJobsByTime.Keys(j)[0] + importJobs.Key(j)
	}
	return batch(r, importJobs, importJobsByTime, rng)
}

// Active returns the job of the pool that is active, or nil.
func (js ImportJobs) Active(ctx context.Context) (*ImportJob, error) {
	j, err := js.admin.engine.activeImport(ctx)
	if err != nil || j == nil || j.Pool != js.admin.pool {
		return nil, err
	}
	return j.shown(js.admin.engine.now()), nil
}

// activeImport returns the job that is active, of whatever pool, or nil.
func (e *Engine) activeImport(ctx context.Context) (j *importJob, err error) {
	err = e.store.View(ctx, func(r store.Reader) (err error) {
		j, err = orNil(importJobs.Find(r, importJobActive, activeJob))
		return err
	})
	return j, err
}

// Start makes a job due. It returns [ErrImportNoFile] if no file was uploaded,
// [ErrImportActive] if another job is active, of whatever pool, [ErrImportUnverified] if
// the pool verifies no addresses, and [ErrImportState] if the job was started before or
// has expired. The last three are a [*ImportStateError].
func (js ImportJobs) Start(ctx context.Context, id string) (*ImportJob, error) {
	now := js.admin.engine.now()
	j, err := js.change(ctx, id, EventImportJobStarted, now, func(p *PoolInfo, j *importJob) error {
		switch {
		case j.shown(now).Status != ImportCreated:
			return &ImportStateError{ErrImportState, id, j.shown(now).Status}
		case len(p.Settings.AutoVerified) == 0:
			return &ImportStateError{ErrImportUnverified, id, j.Status}
		case j.Upload == "":
			return &ImportStateError{ErrImportNoFile, id, j.Status}
		}
		j.Status, j.Started = ImportPending, now
		return nil
	})
	if errors.Is(err, store.ErrExists) {
		err = &ImportStateError{ErrImportActive, id, ImportCreated}
	}
	if err != nil {
		return nil, fmt.Errorf("start import job: %w", err)
	}
	js.admin.engine.wakeImport()
	return j, nil
}

// Stop stops a job, whether it was started or not (unsure). A stopped job cannot be started
// again. What it has imported stays. If the job has ended, the error is [ErrImportState].
func (js ImportJobs) Stop(ctx context.Context, id string) (*ImportJob, error) {
	now := js.admin.engine.now()
	j, err := js.change(ctx, id, EventImportJobStopped, now, func(_ *PoolInfo, j *importJob) error {
		switch j.shown(now).Status {
		case ImportCreated, ImportPending:
			j.end(ImportStopped, importStoppedText, now)
		case ImportInProgress:
			j.Status = ImportStopping
		case ImportStopping: // again
		case ImportStopped, ImportSucceeded, ImportFailed, ImportExpired:
			return &ImportStateError{ErrImportState, id, j.shown(now).Status}
		default:
			return fmt.Errorf("%w: the state %q of an import job", errUnhandled, j.Status)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("stop import job: %w", err)
	}
	if j.Status == ImportStopped {
		js.admin.engine.discardUploads(ctx, j.Pool, id)
	}
	js.admin.engine.wakeImport()
	return j, nil
}

// change changes a job in a transaction, with an event.
func (js ImportJobs) change(ctx context.Context, id string, kind EventKind, now time.Time, fn func(*PoolInfo, *importJob) error) (*ImportJob, error) {
	a := js.admin
	ev, err := a.happened(ctx, kind, Subject{SubjectImportJob, id}, now)
	if err != nil {
		return nil, err
	}
	var out *ImportJob
	err = a.engine.store.Update(ctx, func(tx store.Tx) error {
		out = nil
		p, err := pools.Get(tx, store.Key(a.pool))
		if errors.Is(err, store.ErrNotFound) {
			return &NotFoundError{ErrPoolNotFound, a.pool}
		}
		if err != nil {
			return err
		}
		j, err := js.in(tx, id)
		if err != nil {
			return err
		}
		if err := fn(p, j); err != nil {
			return err
		}
		if err := importJobs.Put(tx, j); err != nil {
			return err
		}
		out = j.shown(now)
		return events.Insert(tx, ev.with(dataName, j.Name))
	})
	return out, err
}

// end ends a job. The caller deletes the file.
func (j *importJob) end(s ImportStatus, text string, now time.Time) {
	j.Status, j.Message, j.Completed = s, text, now
}

// wakeImport tells the job of this engine that there is work.
func (e *Engine) wakeImport() {
	select {
	case e.imports <- struct{}{}:
	default:
	}
}

// Log yields the log of a job, line by line. It ends after the first error.
func (js ImportJobs) Log(ctx context.Context, id string) iter.Seq2[ImportLine, error] {
	return func(yield func(ImportLine, error) bool) {
		if _, err := js.read(ctx, id); err != nil {
			yield(ImportLine{}, fmt.Errorf("log of an import job: %w", err))
			return
		}
		rng := store.Prefix(js.admin.pool, id)
		for {
			records, err := batchOf(ctx, js.admin.engine.store, importLogs, rng)
			if err != nil {
				yield(ImportLine{}, err)
				return
			}
			for _, l := range records {
				rng.From = importLogs.Key(l) + "\x00"
				if !l.each(yield) {
					return
				}
			}
			if len(records) < sweepBatch {
				return
			}
		}
	}
}

// each yields the lines of a record of the log.
func (l *importLog) each(yield func(ImportLine, error) bool) bool {
	for _, run := range l.Runs {
		for n := run.From; n <= run.To; n++ {
			if !yield(ImportLine{n, run.Outcome, run.Text}, nil) {
				return false
			}
		}
	}
	return true
}

// Upload stores the file of a job that was not started. An earlier file is replaced. The
// signature is that of the job: whoever has it may upload the file, for 15 minutes after
// the job was created. Upload reads no more than [MaxImportFile] bytes, and holds a part
// of them at a time. It returns [ErrUploadRefused], [ErrUploadExpired] or
// [ErrUploadTooLarge], or [store.ErrConflict] if another upload was finished meanwhile. What
// was there before then stays.
func (js ImportJobs) Upload(ctx context.Context, id string, signature Secret, file io.Reader) error {
	j, err := js.read(ctx, id)
	if errors.Is(err, ErrPoolNotFound) || errors.Is(err, ErrImportJobNotFound) {
		return ErrUploadRefused
	}
	if err != nil {
		return err
	}
	now := js.admin.engine.now()
	if subtle.ConstantTimeCompare([]byte(signature), []byte(j.Signature)) != 1 {
		return ErrUploadRefused
	}
	if !now.Before(j.UploadUntil()) || j.Status != ImportCreated {
		return ErrUploadExpired
	}
	return js.upload(ctx, j, file)
}
