package identity

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/cognate-id/cognate/store"
)

// The file of an import job is in the store, because another engine may run the job. It is
// written in chunks, each in a transaction of its own, under an id of its own. When all of
// them are there, one transaction makes them the file of the job. Chunks that no job names
// expire.

// chunkSize is how many bytes a chunk has. The last one of a file has fewer.
const chunkSize = 256 << 10

// upload stores a file and makes it that of the job.
func (js ImportJobs) upload(ctx context.Context, j *importJob, file io.Reader) error {
	e := js.admin.engine
	id, err := e.uuid()
	if err != nil {
		return err
	}
	part := importChunk{Pool: j.Pool, Job: j.ID, Upload: id, Until: j.Created.Add(chunkLife)}
	size, err := e.storeChunks(ctx, part, file)
	if err == nil {
		err = js.take(ctx, j, id, size)
	}
	if err != nil {
		e.discardUpload(context.WithoutCancel(ctx), part)
		return fmt.Errorf("upload: %w", err)
	}
	e.discardUploads(ctx, j.Pool, j.ID, id)
	return nil
}

// storeChunks stores a file, and returns its size.
func (e *Engine) storeChunks(ctx context.Context, part importChunk, file io.Reader) (size int64, err error) {
	buf := make([]byte, chunkSize)
	file = io.LimitReader(file, MaxImportFile+1)
	for ; ; part.N++ {
		n, err := io.ReadFull(file, buf)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, err
		}
		last := err != nil
		if size += int64(n); size > MaxImportFile {
			return 0, ErrUploadTooLarge
		}
		if n > 0 {
			part.Data = buf[:n]
			if err := e.store.Update(ctx, func(tx store.Tx) error { return importChunks.Put(tx, &part) }); err != nil {
				return 0, err
			}
		}
		if last {
			return size, nil //nolint:nilerr // the end of the file
		}
	}
}

// take makes an uploaded file that of a job, unless the job was started meanwhile.
func (js ImportJobs) take(ctx context.Context, j *importJob, upload string, size int64) error {
	return js.admin.engine.store.Update(ctx, func(tx store.Tx) error {
		now, err := js.in(tx, j.ID)
		if err != nil {
			return err
		}
		if now.Status != ImportCreated {
			return ErrUploadExpired
		}
		now.Upload, now.Size = upload, size
		return importJobs.Put(tx, now)
	})
}

// discardUploads deletes what was uploaded for a job, except for one upload.
func (e *Engine) discardUploads(ctx context.Context, pool, job, except string) {
	ctx = context.WithoutCancel(ctx)
	rng := store.Prefix(pool, job)
	for {
		var next string
		err := e.store.View(ctx, func(r store.Reader) error {
			next = ""
			rng.Limit = 1
			for entry, err := range r.Scan(importChunks.Name, rng) {
				if err != nil {
					return err
				}
				parts, err := store.Split(entry.Key)
				if err != nil {
					return err
				}
				next = parts[2]
			}
			return nil
		})
		if err != nil {
			e.log.WarnContext(ctx, "an uploaded file is not deleted yet; it will expire", "job", job, "error", err)
			return
		}
		if next == "" {
			return
		}
		if next != except {
			e.discardUpload(ctx, importChunk{Pool: pool, Job: job, Upload: next})
		}
		rng.From = store.Prefix(pool, job, next).To
	}
}

// chunksAtOnce is how many chunks one transaction deletes: it reads them.
const chunksAtOnce = 8

// discardUpload deletes the chunks of an upload. A failure is logged: they expire.
func (e *Engine) discardUpload(ctx context.Context, u importChunk) {
	rng := store.Prefix(u.Pool, u.Job, u.Upload)
	rng.Limit = chunksAtOnce
	for more := true; more; {
		err := e.store.Update(ctx, func(tx store.Tx) error {
			var keys []string
			for entry, err := range tx.Scan(importChunks.Name, rng) {
				if err != nil {
					return err
				}
				keys = append(keys, entry.Key)
			}
			more = len(keys) == chunksAtOnce
			for _, key := range keys {
				if _, err := importChunks.Delete(tx, key); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			e.log.WarnContext(ctx, "an uploaded file is not deleted yet; it will expire", "job", u.Job, "error", err)
			return
		}
	}
}

// A chunkReader reads the file of a job from a position on. It holds one chunk.
type chunkReader struct {
	ctx   context.Context //nolint:containedctx // io.Reader has none
	store store.Store
	part  importChunk // names the next chunk
	skip  int         // bytes of the next chunk that are done
	rest  []byte      // of the chunk that was read
}

func (e *Engine) openUpload(ctx context.Context, j *importJob) *chunkReader {
	return &chunkReader{
		ctx: ctx, store: e.store, skip: int(j.Offset % chunkSize),
		part: importChunk{Pool: j.Pool, Job: j.ID, Upload: j.Upload, N: int(j.Offset / chunkSize)},
	}
}

// Read implements [io.Reader].
func (c *chunkReader) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// next reads the next chunk. It returns io.EOF after the last one.
func (c *chunkReader) next() error {
	var found *importChunk
	err := c.store.View(c.ctx, func(r store.Reader) (err error) {
		found, err = orNil(importChunks.Get(r, importChunks.Key(&c.part)))
		return err
	})
	if err != nil {
		return err
	}
	if found == nil || len(found.Data) <= c.skip {
		return io.EOF
	}
	c.rest, c.skip = found.Data[c.skip:], 0
	c.part.N++
	return nil
}
