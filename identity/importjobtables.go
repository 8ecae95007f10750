package identity

import (
	"time"

	"github.com/cognate-id/cognate/store"
)

// The tables of import jobs. The file of a job, in chunks, is deleted when the job ends.
// Jobs and their logs are kept for a year.
var (
	importJobs = &store.Table[importJob]{
		Name: "importjobs", Secret: true, Key: func(j *importJob) string { return importJobKey(j.Pool, j.ID) },
		Owner: store.OwnedByPool, Expires: (*importJob).expires,
		Indexes: []*store.Index[importJob]{importJobsByTime, importJobActive},
	}
	// importJobsByTime: the jobs of a pool, the oldest first.
	importJobsByTime = &store.Index[importJob]{Name: "time", Keys: func(j *importJob) []string {
		return []string{store.Key(j.Pool, store.Time(j.Created))}
	}}
	// importJobActive: the one job that runs or is about to.
	importJobActive = &store.Index[importJob]{Name: "active", Unique: true, Keys: func(j *importJob) []string {
		if j.Status.active() {
			return []string{activeJob}
		}
		return nil
	}}

	// importChunks: the uploaded files.
	importChunks = &store.Table[importChunk]{
		Name: "importchunks", Secret: true, Key: func(c *importChunk) string {
			return store.Key(c.Pool, c.Job, c.Upload, store.Int(int64(c.N)))
		},
		Owner: store.OwnedByPool, Expires: func(c *importChunk) time.Time { return c.Until },
	}

	// importLogs: what became of each row.
	importLogs = &store.Table[importLog]{
		Name: "importlogs", Key: func(l *importLog) string { return store.Key(l.Pool, l.Job, store.Int(int64(l.N))) },
		Owner: store.OwnedByPool, Expires: func(l *importLog) time.Time { return l.Until },
	}
)

// activeJob is the only key of the index of active jobs.
var activeJob = store.Key("active")

func importJobKey(pool, id string) string { return store.Key(pool, id) }

// An importJob is a job as it is stored.
type importJob struct {
	ImportJob
	Signature string `json:"signature"` // that the address for the upload has

	Upload string `json:"upload,omitempty"` // the id of the file; empty if there is none
	Size   int64  `json:"size,omitempty"`   // of the file in bytes

	Columns []string `json:"columns,omitempty"` // of the file, once it is checked
	Offset  int64    `json:"offset,omitempty"`  // how many bytes of the file are done
	Line    int      `json:"line,omitempty"`    // how many lines of the file are done
	Logs    int      `json:"logs,omitempty"`    // how many records of the log there are
}

// importJobLife is how long a job and its log are kept.
const importJobLife = 365 * 24 * time.Hour

func (j *importJob) expires() time.Time { return j.Created.Add(importJobLife) }

// An importChunk is a part of an uploaded file.
type importChunk struct {
	Pool   string    `json:"pool"`
	Job    string    `json:"job"`
	Upload string    `json:"upload"`
	N      int       `json:"n"` // from 0
	Data   []byte    `json:"data"`
	Until  time.Time `json:"until"`
}

// chunkLife is how long an uploaded file is kept at most: until the job has expired, and a day to run.
const chunkLife = importJobWait + 24*time.Hour

// An importLog is a part of the log of a job.
type importLog struct {
	Pool  string    `json:"pool"`
	Job   string    `json:"job"`
	N     int       `json:"n"` // from 0
	Runs  []logRun  `json:"runs"`
	Until time.Time `json:"until"`
}

// A logRun is what the log says of lines that follow each other.
type logRun struct {
	From    int           `json:"from"`
	To      int           `json:"to"`
	Outcome ImportOutcome `json:"outcome"`
	Text    string        `json:"text"`
}
