package identity_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

const csvHeader = "cognito:username,email,email_verified,phone_number,birthdate,cognito:mfa_enabled"

// importJob makes a job with a file, and starts it.
func importJob(t *testing.T, f *fixture, pool *identity.UserPool, o identity.ImportJobOptions, file string) *identity.ImportJob {
	t.Helper()
	jobs := pool.Admin().ImportJobs()
	o.Name = "test"
	j, err := jobs.Create(t.Context(), o)
	check(t, "Create", err)
	check(t, "Upload", jobs.Upload(t.Context(), j.ID, j.Signature, strings.NewReader(file)))
	j, err = jobs.Start(t.Context(), j.ID)
	check(t, "Start", err)
	if j.Status != identity.ImportPending || !j.Started.Equal(f.now()) {
		t.Errorf("the job that was started is %+v", j)
	}
	return j
}

// importFile runs a job to its end.
func importFile(t *testing.T, f *fixture, pool *identity.UserPool, o identity.ImportJobOptions, file string) *identity.ImportJob {
	t.Helper()
	j := importJob(t, f, pool, o, file)
	check(t, "RunImports", f.RunImports(t.Context()))
	return ended(t, f, pool, j.ID)
}

// ended returns a job, whose file must be gone.
func ended(t *testing.T, f *fixture, pool *identity.UserPool, id string) *identity.ImportJob {
	t.Helper()
	j, err := pool.Admin().ImportJobs().Get(t.Context(), id)
	check(t, "Get", err)
	if n := f.count(t, "importchunks"); n != 0 {
		t.Errorf("%d chunks of the file are left", n)
	}
	return j
}

// count counts the records of a table.
func (f *fixture) count(t *testing.T, table string) (n int) {
	t.Helper()
	check(t, "View", f.store.View(t.Context(), func(r store.Reader) error {
		n = 0
		for _, err := range r.Scan(table, store.Range{}) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	}))
	return n
}

func importLog(t *testing.T, pool *identity.UserPool, id string) (lines []string) {
	t.Helper()
	for l, err := range pool.Admin().ImportJobs().Log(t.Context(), id) {
		check(t, "Log", err)
		lines = append(lines, l.String())
	}
	return lines
}

func wantCounts(t *testing.T, j *identity.ImportJob, s identity.ImportStatus, imported, skipped, failed int, message string) {
	t.Helper()
	if j.Status != s || j.Imported != imported || j.Skipped != skipped || j.Failed != failed || j.Message != message {
		t.Errorf("the job is %s with %d, %d, %d, %q; want %s with %d, %d, %d, %q",
			j.Status, j.Imported, j.Skipped, j.Failed, j.Message, s, imported, skipped, failed, message)
	}
}

const (
	done    = "Import Job Completed Successfully."
	tooMany = "Too many users have failed or been skipped during the import."
)

func TestImportJobMakesUsers(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, cognitoPool)
	j := importFile(t, f, pool, identity.ImportJobOptions{}, csvHeader+"\r\n"+
		"alice, alice@example.com ,TRUE,,02/01/1985,\r\n\r\n"+
		`bob,bob@example.com,true,,,false`+"\n"+
		`"carol""",carol@example.com,true,+15550100,,`)
	wantCounts(t, j, identity.ImportSucceeded, 3, 0, 0, done)
	if want := []string{
		"[SUCCEEDED] Line Number 2 - The import succeeded.", "[SUCCEEDED] Line Number 4 - The import succeeded.", "[SUCCEEDED] Line Number 5 - The import succeeded.",
	}; !slices.Equal(importLog(t, pool, j.ID), want) {
		t.Errorf("the log is %q", importLog(t, pool, j.ID))
	}
	u, err := pool.Admin().Users().Get(t.Context(), "alice")
	check(t, "Get", err)
	if u.Status != identity.StatusResetRequired || u.Attributes["email"] != email || u.Attributes["email_verified"] != "true" || u.Attributes["birthdate"] != "1985-02-01" {
		t.Errorf("alice is %+v", u)
	}
	if _, err := pool.Admin().Users().Get(t.Context(), `carol"`); err != nil {
		t.Errorf("the username in quotation marks: %v", err)
	}
}

// Each row is refused alone, with a sentence that holds nothing of it.
func TestImportJobRefusesRows(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, cognitoPool)
	f.join(t, pool, "alice", email)
	wide := 10 << 20
	if testing.Short() {
		wide = 1 << 15
	}
	rows := []struct{ row, text string }{
		{"good,good@example.com,true,,,", "[SUCCEEDED] Line Number 2 - The import succeeded."},
		{"alice,other@example.com,true,,,", "[SKIPPED] Line Number 3 - The user already exists."},
		{"good,again@example.com,true,,,", "[SKIPPED] Line Number 4 - The user already exists."},
		{"none,none@example.com,,,,", "[FAILED] Line Number 5 - The User Record does not set any of the auto verified attributes to true. (Example: email_verified to true)."},
		{"no,no@example.com,yes,,,", "[FAILED] Line Number 6 - The value of email_verified is neither true nor false."},
		{"lone,\"lone@example.com,true,,,", "[FAILED] Line Number 7 - The row has a quotation mark that does not enclose a value."},
		{"short,short@example.com,true", "[FAILED] Line Number 8 - The row has 3 values, and the header has 6 columns."},
		{"latin\xe9,l@example.com,true,,,", "[FAILED] Line Number 9 - The row is not valid UTF-8, or has a character that is not text."},
		{"nul\x00,l@example.com,true,,,", "[FAILED] Line Number 10 - The row is not valid UTF-8, or has a character that is not text."},
		{strings.Repeat("x", wide) + ",l@example.com,true,,,", "[FAILED] Line Number 11 - The row has more than 16000 characters."},
		{",nameless@example.com,true,,,", "[FAILED] Line Number 12 - The cognito:username is missing."},
		{"noaddress,,true,,,", "[FAILED] Line Number 13 - The email is missing, and email_verified is true."},
		{"born,born@example.com,true,,1985-02-01,", "[FAILED] Line Number 14 - The birthdate is not in the format mm/dd/yyyy."},
		{"mfa,mfa@example.com,true,,,true", "[FAILED] Line Number 15 - The value of cognito:mfa_enabled does not fit the user pool."},
		{"bad,not an address,true,,,", "[FAILED] Line Number 16 - Invalid email address format."},
		{"phone,phone@example.com,true,12345,,", "[FAILED] Line Number 17 - Invalid phone number format."},
		{`escaped,a\,b@example.com,true,,,`, "[FAILED] Line Number 18 - Invalid email address format."},
		{"last,last@example.com,true,,,FALSE", "[SUCCEEDED] Line Number 19 - The import succeeded."},
	}
	file := csvHeader + "\n"
	for _, r := range rows {
		file += r.row + "\n"
	}
	j := importFile(t, f, pool, identity.ImportJobOptions{}, file)
	wantCounts(t, j, identity.ImportFailed, 2, 2, 14, tooMany)
	log := importLog(t, pool, j.ID)
	for i, r := range rows {
		if i >= len(log) || log[i] != r.text {
			t.Errorf("the log has %q for %.40q, want %q", log[min(i, len(log)-1)], r.row, r.text)
		}
	}
}

// A file that is refused as a whole imports nobody.
func TestImportJobRefusesFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("uploads many files")
	}
	f := newEngine(t)
	pool := f.open(t, cognitoPool)
	row := "\nalice,alice@example.com,true,,,\n"
	for name, tt := range map[string]struct{ file, message string }{
		"empty":           {"\n \n", "The CSV file is empty."},
		"byte order mark": {"\ufeff" + csvHeader + row, "The CSV file must not begin with a byte order mark."},
		"unknown column":  {"cognito:username,email,email_verified,shoe" + row, "The CSV file has a column that the user pool does not know: column 4."},
		"hash without an algorithm": {
			"cognito:username,email,email_verified,password_hash,a,b" + row, "The CSV file has a column that the user pool does not know: column 4.",
		},
		"sub":            {"cognito:username,email,email_verified,sub" + row, "The CSV file has a column that the user pool does not know: column 4."},
		"column twice":   {"cognito:username,email,email_verified,email" + row, "The CSV file has the column email twice."},
		"no username":    {"email,email_verified" + row, "The CSV file does not have the column cognito:username."},
		"not text":       {"\xff\xfe" + row, "The row is not valid UTF-8, or has a character that is not text."},
		"too many":       {csvHeader + row + strings.Repeat("x\n", identity.MaxImportRows), "The CSV file has more than 500000 rows."},
		"no line at all": {strings.Repeat("x", 1<<20), "The row has more than 16000 characters."},
	} {
		j := importFile(t, f, pool, identity.ImportJobOptions{}, tt.file)
		if wantCounts(t, j, identity.ImportFailed, 0, 0, 0, tt.message); t.Failed() {
			t.Fatal(name)
		}
	}
	if _, err := pool.Admin().Users().Get(t.Context(), "alice"); !errors.Is(err, identity.ErrUserNotFound) {
		t.Errorf("alice: %v", err)
	}
	j := importFile(t, f, pool, identity.ImportJobOptions{Algorithm: identity.PasswordBcrypt}, csvHeader+row)
	wantCounts(t, j, identity.ImportFailed, 0, 0, 0, "The CSV file does not have the column password_hash.")
}

// The password of each user is "correct horse é".
func TestImportedHashIsReplacedAtTheFirstSignIn(t *testing.T) {
	for algorithm, hash := range map[identity.PasswordAlgorithm]string{
		identity.PasswordBcrypt: "$2b$04$rX/bL7l5okgG/eTp09H3M.aiAYA97h9/hH2b3Pei/vvR/ShpMpwze",
		identity.PasswordScrypt: "1024$8$1$304dbaef7c5e828dc19c98f0600d18fe$8a70c051d5881ca8e26a095bb249d955c7f278b86b5e968ab03d4c475cc4664c",
		identity.PasswordPBKDF2: "$pbkdf2-sha256$1000$kbLWOicEgPDeOwegFMJ4zw$DT5gSrVUZeROnZcBgIsY8g8gW4BJiGEVQmMk.IyR2l8",
	} {
		t.Run(string(algorithm), func(t *testing.T) {
			f := newEngine(t)
			pool := f.open(t, cognitoPool)
			c := f.client(t, pool, identity.ClientSettings{})
			other := "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
			j := importFile(t, f, pool, identity.ImportJobOptions{Algorithm: algorithm}, "cognito:username,email,email_verified,password_hash\n"+
				"alice,alice@example.com,true,"+hash+"\nbob,bob@example.com,true,\ncarol,carol@example.com,true,"+strings.ReplaceAll(other, ",", `\,`)+"\ndave,dave@example.com,true,x\n")
			wantCounts(t, j, identity.ImportSucceeded, 2, 0, 2, done)
			if log := strings.Join(importLog(t, pool, j.ID), "\n"); !strings.Contains(log, "4 - The password hash is not of the algorithm of the import job.") ||
				!strings.Contains(log, "5 - The password hash is malformed, or its parameters exceed the limits.") {
				t.Errorf("the log is %s", log)
			}
			if before := exported(t, pool, true); before[0].Status != identity.StatusConfirmed && before[1].Status != identity.StatusConfirmed {
				t.Errorf("nobody is confirmed: %+v", before)
			}
			if _, err := c.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: "correct horse e"}); !errors.Is(err, identity.ErrIncorrectCredentials) {
				t.Errorf("with a wrong password: %v", err)
			}
			if _, err := c.SignIn(t.Context(), identity.SignIn{Username: "bob", Password: "x"}); !errors.Is(err, identity.ErrPasswordResetRequired) {
				t.Errorf("without a hash: %v", err)
			}
			if _, err := c.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: "correct horse é"}); err != nil {
				t.Errorf("with the password: %v", err)
			}
			for _, rec := range exported(t, pool, true) {
				if rec.Username == "alice" && (!strings.HasPrefix(rec.Secrets.PasswordHash, "$argon2id$") || len(rec.Secrets.SRPVerifier) == 0) {
					t.Errorf("the hash was not replaced: %s", rec.Secrets.PasswordHash)
				}
			}
			if _, err := c.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: "correct horse é"}); err != nil {
				t.Errorf("with the password again: %v", err)
			}
		})
	}
}

func manyRows(n int) string {
	var b strings.Builder
	b.WriteString(csvHeader + "\n")
	for i := range n {
		fmt.Fprintf(&b, "user%04d,user%04d@example.com,true,,,\n", i, i)
	}
	return b.String()
}

// An import whose engine dies in the middle is finished by another engine: each row counts once,
// wherever it died.
func TestImportJobGoesOnAfterACrash(t *testing.T) {
	if testing.Short() {
		t.Skip("stops an import after each of its steps")
	}
	st := twice(memory.New())
	f := newEngineOn(t, st)
	pool := f.open(t, cognitoPool)
	j := importJob(t, f, pool, identity.ImportJobOptions{}, manyRows(1200))
	crashes := 0
	for updates := 1; ; {
		dying := newEngineOn(t, &failingStore{Store: st, updates: updates})
		err := dying.RunImports(t.Context())
		if err == nil {
			break
		}
		if crashes++; crashes == 4 {
			updates = 100
		}
		if crashes > 100 {
			t.Fatalf("the job does not end: %v", err)
		}
	}
	if crashes < 4 {
		t.Errorf("%d crashes", crashes)
	}
	j = ended(t, f, pool, j.ID)
	wantCounts(t, j, identity.ImportSucceeded, 1200, 0, 0, done)
	if lines := importLog(t, pool, j.ID); len(lines) != 1200 || lines[1199] != "[SUCCEEDED] Line Number 1201 - The import succeeded." {
		t.Errorf("the log has %d lines", len(lines))
	}
}

var errDied = errors.New("died")

// A failingStore lets some transactions commit, and then none.
type failingStore struct {
	store.Store
	updates int
}

func (s *failingStore) Update(ctx context.Context, fn func(store.Tx) error) error {
	if s.updates--; s.updates < 0 {
		return errDied
	}
	return s.Store.Update(ctx, fn)
}

func TestImportJobStops(t *testing.T) {
	st := memory.New()
	f := newEngineOn(t, st)
	pool := f.open(t, cognitoPool)
	jobs := pool.Admin().ImportJobs()
	stop := func(id string, want identity.ImportStatus) {
		t.Helper()
		j, err := jobs.Stop(t.Context(), id)
		check(t, "Stop", err)
		if j.Status != want {
			t.Errorf("the job is %s, want %s", j.Status, want)
		}
	}
	j := importJob(t, f, pool, identity.ImportJobOptions{}, manyRows(3))
	stop(j.ID, identity.ImportStopped) // before it has begun
	wantCounts(t, ended(t, f, pool, j.ID), identity.ImportStopped, 0, 0, 0, "The Import Job was stopped by the developer.")

	j = importJob(t, f, pool, identity.ImportJobOptions{}, manyRows(1200))
	dying := newEngineOn(t, &failingStore{Store: st, updates: 2})
	if err := dying.RunImports(t.Context()); !errors.Is(err, errDied) {
		t.Fatalf("RunImports: %v", err)
	}
	stop(j.ID, identity.ImportStopping)
	stop(j.ID, identity.ImportStopping)
	check(t, "RunImports", f.RunImports(t.Context()))
	wantCounts(t, ended(t, f, pool, j.ID), identity.ImportStopped, 250, 0, 0, "The Import Job was stopped by the developer.")
	for _, act := range []func(context.Context, string) (*identity.ImportJob, error){jobs.Stop, jobs.Start} {
		if _, err := act(t.Context(), j.ID); !errors.Is(err, identity.ErrImportState) {
			t.Errorf("a stopped job: %v", err)
		}
	}
}

func TestImportJobStates(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, cognitoPool)
	jobs := pool.Admin().ImportJobs()
	create := func() *identity.ImportJob {
		t.Helper()
		f.advance(time.Second)
		j, err := jobs.Create(t.Context(), identity.ImportJobOptions{Name: "n"})
		check(t, "Create", err)
		return j
	}
	start := func(id string, want error) {
		t.Helper()
		if _, err := jobs.Start(t.Context(), id); !errors.Is(err, want) {
			t.Errorf("Start: %v, want %v", err, want)
		}
	}
	upload := func(j *identity.ImportJob, file io.Reader, want error) {
		t.Helper()
		if err := jobs.Upload(t.Context(), j.ID, j.Signature, file); !errors.Is(err, want) {
			t.Errorf("Upload: %v, want %v", err, want)
		}
	}
	first, second := create(), create()
	start("import-nobody", identity.ErrImportJobNotFound)
	start(first.ID, identity.ErrImportNoFile)
	upload(&identity.ImportJob{ID: first.ID, Signature: second.Signature}, strings.NewReader(""), identity.ErrUploadRefused)
	upload(&identity.ImportJob{ID: "import-nobody"}, strings.NewReader(""), identity.ErrUploadRefused)
	upload(first, strings.NewReader("shoe\n"), nil)
	upload(first, strings.NewReader(manyRows(1)), nil) // in its place
	upload(second, strings.NewReader(manyRows(1)), nil)
	if n := f.count(t, "importchunks"); n != 2 {
		t.Errorf("%d chunks are stored for two files", n)
	}
	start(first.ID, nil)
	start(second.ID, identity.ErrImportActive)
	start(first.ID, identity.ErrImportState)
	upload(first, strings.NewReader(""), identity.ErrUploadExpired)
	if j, err := jobs.Active(t.Context()); err != nil || j == nil || j.ID != first.ID {
		t.Errorf("Active: %v, %v", j, err)
	}
	check(t, "RunImports", f.RunImports(t.Context()))
	f.advance(15 * time.Minute)
	upload(second, strings.NewReader(""), identity.ErrUploadExpired)
	f.advance(24 * time.Hour)
	start(second.ID, identity.ErrImportState)
	third := create()
	var ids []string
	var states []identity.ImportStatus
	for j, err := range jobs.List(t.Context(), "") {
		check(t, "List", err)
		ids, states = append(ids, j.ID), append(states, j.Status)
	}
	if !slices.Equal(ids, []string{third.ID, second.ID, first.ID}) ||
		!slices.Equal(states, []identity.ImportStatus{identity.ImportCreated, identity.ImportExpired, identity.ImportSucceeded}) {
		t.Errorf("the list has %q in the states %q", ids, states)
	}
	for j, err := range jobs.List(t.Context(), second.ID) {
		if err != nil || j.ID != first.ID {
			t.Errorf("after the second: %v, %v", j, err)
		}
	}
	bare := cognitoPool
	bare.AutoVerified = nil
	other, err := f.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "bare", Defaults: bare.Defaults, Algorithm: "ES256"})
	check(t, "CreateUserPool", err)
	pool, err = f.UserPool(t.Context(), other.ID)
	check(t, "UserPool", err)
	jobs = pool.Admin().ImportJobs()
	start(create().ID, identity.ErrImportUnverified)
}

func TestUploadsAreBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("uploads the largest file and a byte more")
	}
	f := newEngine(t)
	jobs := f.open(t, cognitoPool).Admin().ImportJobs()
	j, err := jobs.Create(t.Context(), identity.ImportJobOptions{Name: "n"})
	check(t, "Create", err)
	upload := func(file io.Reader) error { return jobs.Upload(t.Context(), j.ID, j.Signature, file) }
	check(t, "Upload", upload(strings.NewReader(manyRows(1))))
	wantErr(t, "Upload of too much", upload(io.LimitReader(endless{}, identity.MaxImportFile+1)), identity.ErrUploadTooLarge)
	check(t, "Upload in its place", upload(strings.NewReader(manyRows(1))))
	if n := f.count(t, "importchunks"); n != 1 {
		t.Errorf("%d chunks are stored for one file", n)
	}
}

func TestImportJobOptions(t *testing.T) {
	jobs := newEngine(t).open(t, cognitoPool).Admin().ImportJobs()
	for _, o := range []identity.ImportJobOptions{{}, {Name: strings.Repeat("ö", 129)}, {Name: "test", Algorithm: "MD5"}} {
		wantErr(t, "Create", second(jobs.Create(t.Context(), o)), identity.ErrInvalidParameter)
	}
	check(t, "Create", second(jobs.Create(t.Context(), identity.ImportJobOptions{Name: strings.Repeat("ö", 128), Algorithm: identity.PasswordScrypt})))
}

// endless is a file without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A job whose pool is deleted holds up no other.
func TestImportJobOfADeletedPool(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, cognitoPool)
	importJob(t, f, pool, identity.ImportJobOptions{}, manyRows(3))
	check(t, "Delete", pool.Admin().Delete(t.Context()))
	check(t, "RunImports", f.RunImports(t.Context()))
	_, err := f.Sweep(t.Context())
	check(t, "Sweep", err)
	for _, table := range []string{"importjobs", "importchunks", "importlogs", "importjobs.active"} {
		if n := f.count(t, table); n != 0 {
			t.Errorf("%d records of %s are left", n, table)
		}
	}
	next := f.open(t, cognitoPool)
	wantCounts(t, importFile(t, f, next, identity.ImportJobOptions{}, manyRows(3)), identity.ImportSucceeded, 3, 0, 0, done)
}

// createJob, uploadJob, startJob and stopJob are acts of TestEveryChangeLeavesAnEvent.
func createJob(ctx context.Context, l *life) (err error) {
	l.job, err = l.admin.ImportJobs().Create(ctx, identity.ImportJobOptions{Name: "job"})
	return err
}

func uploadJob(ctx context.Context, l *life) error {
	return l.admin.ImportJobs().Upload(ctx, l.job.ID, l.job.Signature, strings.NewReader("cognito:username\n"))
}

func startJob(ctx context.Context, l *life) error {
	return second(l.admin.ImportJobs().Start(ctx, l.job.ID))
}

func stopJob(ctx context.Context, l *life) error {
	return second(l.admin.ImportJobs().Stop(ctx, l.job.ID))
}

// A midStore calls a function before one of its transactions.
type midStore struct {
	store.Store
	left int
	hook func()
}

func (s *midStore) Update(ctx context.Context, fn func(store.Tx) error) error {
	if s.left--; s.left == 0 {
		s.hook()
	}
	return s.Store.Update(ctx, fn)
}

// A job that is stopped in the middle of a run stops there, and one that another engine takes
// over in the middle is done once.
func TestImportJobIsOvertakenInTheMiddle(t *testing.T) {
	if testing.Short() {
		t.Skip("imports thousands of users")
	}
	for at := 1; at <= 6; at++ {
		st := memory.New()
		f := newEngineOn(t, st)
		pool := f.open(t, cognitoPool)
		jobs := pool.Admin().ImportJobs()
		j := importJob(t, f, pool, identity.ImportJobOptions{}, manyRows(1000))
		run := newEngineOn(t, &midStore{Store: st, left: at, hook: func() {
			_, err := jobs.Stop(t.Context(), j.ID)
			check(t, "Stop", err)
		}})
		check(t, "RunImports", run.RunImports(t.Context()))
		done := max(0, 250*(at-2)) // the first transaction begins the job
		wantCounts(t, ended(t, f, pool, j.ID), identity.ImportStopped, done, 0, 0, "The Import Job was stopped by the developer.")

		j = importJob(t, f, pool, identity.ImportJobOptions{}, strings.ReplaceAll(manyRows(1000), "user0", "other0"))
		run = newEngineOn(t, &midStore{Store: st, left: at, hook: func() { check(t, "RunImports", f.RunImports(t.Context())) }})
		check(t, "RunImports", run.RunImports(t.Context()))
		wantCounts(t, ended(t, f, pool, j.ID), identity.ImportSucceeded, 1000, 0, 0, "Import Job Completed Successfully.")
		if lines := importLog(t, pool, j.ID); len(lines) != 1000 {
			t.Errorf("the log has %d lines", len(lines))
		}
	}
}

// deleteChunk deletes a part of the file of a job, as the sweep does when it has expired.
func deleteChunk(t *testing.T, f *fixture, n int) {
	t.Helper()
	check(t, "Update", f.store.Update(t.Context(), func(tx store.Tx) error {
		i := 0
		for e, err := range tx.Scan("importchunks", store.Range{}) {
			if err != nil {
				return err
			}
			if i++; i > n {
				return tx.Delete("importchunks", e.Key)
			}
		}
		return nil
	}))
}

// A job whose file has expired in part fails. It does not take what is missing for the end of the file.
func TestImportJobWhoseFileIsGone(t *testing.T) {
	if testing.Short() {
		t.Skip("imports thousands of users")
	}
	for name, tt := range map[string]struct{ before, chunk, imported int }{
		"before it began": {0, 0, 0}, "the end, before it began": {0, 1, 0}, "the end, in the middle": {3, 1, 6750},
	} {
		t.Run(name, func(t *testing.T) {
			st := memory.New()
			f := newEngineOn(t, st)
			pool := f.open(t, cognitoPool)
			j := importJob(t, f, pool, identity.ImportJobOptions{}, manyRows(9000)) // more than a chunk
			run := newEngineOn(t, &midStore{Store: st, left: tt.before, hook: func() { deleteChunk(t, f, tt.chunk) }})
			if tt.before == 0 {
				deleteChunk(t, f, tt.chunk)
			}
			check(t, "RunImports", run.RunImports(t.Context()))
			wantCounts(t, ended(t, f, pool, j.ID), identity.ImportFailed, tt.imported, 0, 0, "The CSV file has expired.")
		})
	}
}

// A stepReader calls a function before its last read.
type stepReader struct {
	io.Reader
	hook func()
}

func (r *stepReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && r.hook != nil {
		r.hook()
		r.hook = nil
	}
	return n, err
}

// Of two uploads at once, the job has one whole, and the other is refused or replaced.
func TestUploadsAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("races two uploads")
	}
	f := newEngine(t)
	pool := f.open(t, cognitoPool)
	jobs := pool.Admin().ImportJobs()
	j, err := jobs.Create(t.Context(), identity.ImportJobOptions{Name: "test"})
	check(t, "Create", err)
	upload := func(file io.Reader) error { return jobs.Upload(t.Context(), j.ID, j.Signature, file) }
	slow := &stepReader{Reader: strings.NewReader(manyRows(9000)), hook: func() { check(t, "Upload", upload(strings.NewReader(manyRows(3)))) }}
	wantErr(t, "Upload", upload(slow), store.ErrConflict)
	_, err = jobs.Start(t.Context(), j.ID)
	check(t, "Start", err)
	check(t, "RunImports", f.RunImports(t.Context()))
	wantCounts(t, ended(t, f, pool, j.ID), identity.ImportSucceeded, 3, 0, 0, done)
}

// A file that comes in while the job is started does not take the place of the one that it was started with.
func TestUploadThatEndsAfterTheStart(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, cognitoPool)
	jobs := pool.Admin().ImportJobs()
	j, err := jobs.Create(t.Context(), identity.ImportJobOptions{Name: "test"})
	check(t, "Create", err)
	row := func(name string) string { return csvHeader + "\n" + name + "," + name + "@example.com,TRUE,,,\n" }
	check(t, "Upload", jobs.Upload(t.Context(), j.ID, j.Signature, strings.NewReader(row("first"))))
	late := &stepReader{Reader: strings.NewReader(row("late")), hook: func() { check(t, "Start", second(jobs.Start(t.Context(), j.ID))) }}
	wantErr(t, "Upload", jobs.Upload(t.Context(), j.ID, j.Signature, late), identity.ErrUploadExpired)
	check(t, "RunImports", f.RunImports(t.Context()))
	ended(t, f, pool, j.ID)
	_, err = pool.Admin().Users().Get(t.Context(), "first")
	check(t, "the user of the first file", err)
	_, err = pool.Admin().Users().Get(t.Context(), "late")
	wantErr(t, "the user of the late file", err, identity.ErrUserNotFound)
}
