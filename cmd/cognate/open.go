package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/idpool"
	"github.com/cognate-id/cognate/identity/web"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/store/postgres"
	"github.com/cognate-id/cognate/store/sealed"
)

// Opening the store of a real server takes three steps: open the driver, claim the store
// for its purpose, and put the key file in front of it. The claim commits a record that
// says which command the store belongs to. The last step reads a few sealed values, so that
// a wrong key file is an error at the start.

// A purpose says which command a store belongs to. The stores of dev and serve must not be
// mixed, because dev does not encrypt secrets and hashes passwords cheaply.
type purpose string

const (
	forTests purpose = "dev"
	forReal  purpose = "serve"
	forEdge  purpose = "edge"
)

type purposeRecord struct {
	Purpose purpose `json:"purpose"`
}

var purposes = &store.Table[purposeRecord]{
	Name: "purpose", Key: func(*purposeRecord) string { return store.Key("purpose") },
	Owner: store.OwnedByEngine,
}

// catalog returns the tables of a store: those of the engine, the browsers that are signed in
// on web pages of a program, the purpose of the store, and the certificates of the server.
func catalog() store.Catalog {
	return identity.Tables().With(web.Tables()...).With(idpool.Tables()...).With(purposes, acmeEntries)
}

// openTests opens a store of cognate dev, or makes it.
func openTests(ctx context.Context, where storeFlag) (store.Store, error) {
	st, err := openStore(ctx, where)
	if err != nil {
		return nil, err
	}
	if err := claim(ctx, st, where.name(), forTests); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return st, nil
}

// openReal opens the store of a real server, or makes it. Secrets are sealed under the keys
// of a key file.
func openReal(ctx context.Context, t *terminal, where storeFlag, keys keyFlags) (store.Store, error) {
	inner, err := openStore(ctx, where)
	if err != nil {
		return nil, err
	}
	return unlockOrClose(ctx, t, inner, where, keys)
}

// openUsed is openReal for a command, which may use the store of a running server. The
// store must exist.
func openUsed(ctx context.Context, t *terminal, where storeFlag, keys keyFlags, try string) (store.Store, error) {
	inner, err := openThere(ctx, where, try, openShared)
	if err != nil {
		return nil, err
	}
	return unlockOrClose(ctx, t, inner, where, keys)
}

func unlockOrClose(ctx context.Context, t *terminal, inner store.Store, where storeFlag, keys keyFlags) (store.Store, error) {
	st, err := unlock(ctx, t, inner, where.name(), keys.source(where))
	if err != nil {
		return nil, errors.Join(err, inner.Close())
	}
	return st, nil
}

// openThere opens a store, which must exist and be whole, without its keys. A database must
// be read to find that out: a mistyped schema name is an empty schema. open is openStore or
// openShared.
func openThere(ctx context.Context, where storeFlag, try string, open func(context.Context, storeFlag) (store.Store, error)) (store.Store, error) {
	if err := mustExist(where, try); err != nil {
		return nil, err
	}
	st, err := open(ctx, where)
	if errors.Is(err, store.ErrLocked) {
		return nil, hint(err, "no server answers at %s: run this as the user of the server and see the server's log, or stop the process that has the file open", socketOf(where.file))
	}
	if err != nil {
		return nil, err
	}
	err = st.View(ctx, func(r store.Reader) error {
		if err := wantWhole(r, where.name()); err != nil {
			return err
		}
		_, err := purposes.Get(r, purposes.Key(nil))
		if errors.Is(err, store.ErrNotFound) {
			return hint(fmt.Errorf("%s is empty", where.name()), "%s", try)
		}
		return err
	})
	if _, ok := errors.AsType[*hinted](err); err != nil && !ok {
		err = storeError(fmt.Errorf("open store %s: %w", where.name(), err))
	}
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return st, nil
}

// openStore opens a store without its keys. In a database it also makes the SQL views for
// people.
func openStore(ctx context.Context, where storeFlag) (st store.Store, err error) {
	switch {
	case where.file != "":
		st, err = bolt.Open(where.file, nil)
	case where.url != "":
		st, err = postgres.Open(ctx, where.url, &postgres.Options{Views: catalog().Views()})
	default:
		st = memory.New()
	}
	if err == nil {
		return st, nil
	}
	if errors.Is(err, postgres.ErrNoTLSMode) {
		return nil, hint(fmt.Errorf("cannot %w", err), "sslmode=verify-full encrypts and verifies the server; sslrootcert=FILE names its authority")
	}
	if where.url != "" && noServer(err) {
		return nil, hint(fmt.Errorf("cannot %w", err), "check that PostgreSQL runs, and that the host and the port are right; the address is postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full&schema=NAME")
	}
	if where.url != "" && !errors.Is(err, store.ErrNewer) {
		return nil, hint(fmt.Errorf("cannot %w", err), "check that the database exists and has the encoding UTF-8, and that the database user may create schemas or owns the schemas of docs/sql.md; the address is postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full&schema=NAME")
	}
	return nil, storeError(err)
}

// noServer reports whether a database server could not be reached.
func noServer(err error) bool {
	_, isOp := errors.AsType[*net.OpError](err)
	_, isDNS := errors.AsType[*net.DNSError](err)
	return isOp || isDNS
}

// hintWhere is the hint if a store is not found.
const hintWhere = "say where it is with --store"

// mustExist returns an error if the file of a store does not exist. A missing database is
// found only when it is opened.
func mustExist(where storeFlag, try string) error {
	if _, err := os.Stat(where.file); where.file != "" && errors.Is(err, fs.ErrNotExist) {
		return hint(fmt.Errorf("there is no store %s", where.file), "%s", try)
	}
	return nil
}

// storeError describes the error of a store file and adds a hint.
func storeError(err error) error {
	shown := &textError{"cannot " + strings.ReplaceAll(err.Error(), "store: ", ""), err}
	for _, known := range []struct {
		err  error
		hint string
	}{
		{store.ErrLocked, "another cognate has the file open; stop it first, or choose another file with --store"},
		{store.ErrCorrupt, "the file was not changed; restore it from a copy, or choose another file with --store"},
		{store.ErrNewer, "use the version of cognate that wrote the file, or a newer one"},
		{fs.ErrNotExist, "the directory must exist; create it, or choose another file with --store"},
		{fs.ErrPermission, "check the owner and the mode of the file and its directory, or choose another file with --store"},
	} {
		if errors.Is(err, known.err) {
			return hint(shown, "%s", known.hint)
		}
	}
	return shown
}

// A textError is an error with another text, for people.
type textError struct {
	text string
	err  error
}

func (e *textError) Error() string { return e.text }
func (e *textError) Unwrap() error { return e.err }

// claim marks a new store with a purpose. It returns an error if the store has another
// purpose.
func claim(ctx context.Context, st store.Store, file string, want purpose) error {
	have := want
	err := st.Update(ctx, func(tx store.Tx) error {
		have = want
		if err := wantWhole(tx, file); err != nil {
			return err
		}
		p, err := purposes.Get(tx, purposes.Key(nil))
		if errors.Is(err, store.ErrNotFound) {
			return purposes.Insert(tx, &purposeRecord{want})
		}
		if err == nil {
			have = p.Purpose
		}
		return err
	})
	if _, ok := errors.AsType[*hinted](err); ok {
		return err
	}
	if err != nil {
		return storeError(fmt.Errorf("open store %s: %w", file, err))
	}
	if have != want {
		err := fmt.Errorf("%s was made by cognate %s", file, have)
		return hint(err, "cognate %s needs a file of its own; choose another file with --store", want)
	}
	return nil
}

// unlock puts the keys in front of a store. A store that was used before must have its key
// file, because a new key file could not open what is sealed.
func unlock(ctx context.Context, t *terminal, inner store.Store, file string, from keySource) (store.Store, error) {
	used, err := isUsed(ctx, inner)
	if err != nil {
		return nil, storeError(fmt.Errorf("open store %s: %w", file, err))
	}
	if used {
		if err := claim(ctx, inner, file, forReal); err != nil {
			return nil, err
		}
	}
	keys, err := openKeys(t, file, from, used)
	if err != nil {
		return nil, err
	}
	if err := claim(ctx, inner, file, forReal); err != nil {
		return nil, err
	}
	st := sealed.New(inner, keys, catalog())
	if err := probe(ctx, st, file, from); err != nil {
		return st, err
	}
	if err := identity.Upgrade(ctx, st); err != nil {
		return st, storeError(fmt.Errorf("open store %s: %w", file, err))
	}
	return st, nil
}

// madeBy returns the purpose of the store, or "" if no command has claimed it.
func madeBy(ctx context.Context, st store.Store) (made purpose, err error) {
	err = st.View(ctx, func(r store.Reader) error {
		p, err := purposes.Get(r, purposes.Key(nil))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil {
			made = p.Purpose
		}
		return err
	})
	return made, err
}

// isUsed reports whether a command has claimed the store.
func isUsed(ctx context.Context, st store.Store) (used bool, err error) {
	err = st.View(ctx, func(r store.Reader) error {
		values, err := r.Get(purposes.Ref(purposes.Key(nil)))
		used = err == nil && values[0] != nil
		return err
	})
	return used, err
}

// keyFlags say where the keys are that encrypt the secrets in a store.
type keyFlags struct {
	KeyFile string `xor:"keys" placeholder:"FILE" help:"File with the keys that encrypt the secrets in the store; made together with a new store. Default: cognate.key beside the store."`
	KeyEnv  string `xor:"keys" placeholder:"NAME" help:"Environment variable that holds the keys, instead of a file. Default: COGNATE_KEYS, if it is set."`
}

// A keySource is either a file or an environment variable.
type keySource struct{ file, env string }

func (k keyFlags) source(where storeFlag) keySource {
	switch {
	case k.KeyFile != "":
		return keySource{file: k.KeyFile}
	case k.KeyEnv != "":
		return keySource{env: k.KeyEnv}
	case os.Getenv("COGNATE_KEYS") != "":
		return keySource{env: "COGNATE_KEYS"}
	default:
		return keySource{file: filepath.Join(filepath.Dir(where.file), "cognate.key")}
	}
}

func openKeys(t *terminal, file string, from keySource, used bool) (sealed.Keys, error) {
	if from.env != "" {
		keys, err := sealed.KeysFromEnv(from.env)
		if err != nil {
			return sealed.Keys{}, hint(fmt.Errorf("cannot read the %w", err), "the variable must hold the text of a key file; see cognate serve --help")
		}
		return keys, nil
	}
	keyFile := from.file
	_, err := os.Stat(keyFile)
	missing := errors.Is(err, fs.ErrNotExist)
	if missing && used {
		err := fmt.Errorf("the key file %s of %s is missing", keyFile, file)
		return sealed.Keys{}, hint(err, "restore it from your copy, or give its place with --key-file; without it the secrets in the store are lost")
	}
	keys, err := sealed.OpenKeyFile(keyFile)
	if info, statErr := os.Stat(keyFile); err != nil && statErr == nil && info.Mode().Perm()&0o077 != 0 {
		return sealed.Keys{}, hint(fmt.Errorf("cannot open %w", err), "chmod 600 %s", keyFile)
	}
	if err != nil {
		return sealed.Keys{}, hint(fmt.Errorf("cannot open %w", err), "the first start makes a key file; choose another file with --key-file")
	}
	if missing {
		fmt.Fprintf(t.err, "cognate: made the key file %s: keep a copy of it, apart from copies of the store. "+
			"Without it the secrets in the store are lost.\n", keyFile)
	}
	return keys, nil
}

// probe reads the first and the last value of each sealed table, so that a wrong key file
// is an error at the start and not at the first request. Values are resealed in order, so
// the last value is still under the old key if that was not finished.
func probe(ctx context.Context, st store.Store, file string, from keySource) error {
	err := st.View(ctx, func(r store.Reader) error {
		for _, table := range catalog().SecretTables() {
			for _, reverse := range []bool{false, true} {
				for _, err := range r.Scan(table, store.Range{Limit: 1, Reverse: reverse}) {
					if err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
	if errors.Is(err, sealed.ErrWrongKey) {
		if from.env != "" {
			return hint(&textError{fmt.Sprintf("%s does not hold the keys of %s", from.env, file), err}, "give the right keys with --key-env or --key-file")
		}
		err := &textError{fmt.Sprintf("%s is not the key file of %s", from.file, file), err}
		return hint(err, "give the right key file with --key-file")
	}
	if err != nil {
		return storeError(fmt.Errorf("open store %s: %w", file, err))
	}
	return nil
}
