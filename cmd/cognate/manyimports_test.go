//go:build linux

package main_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// importRows is how many users two import jobs bring in. COGNATE_IMPORT_ROWS sets it.
func importRows(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(orElse(os.Getenv("COGNATE_IMPORT_ROWS"), "4000"))
	if err != nil {
		t.Fatalf("COGNATE_IMPORT_ROWS: %v", err)
	}
	return n
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// anonymous returns the memory of a process that is no page of a file, in MiB.
func (p *process) anonymous() int {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "RssAnon:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		p.t.Fatal(err)
	}
	return n >> 10
}

// usersCSV writes the rows of the users from first up to last, as they are read.
func usersCSV(first, last int) io.Reader {
	r, w := io.Pipe()
	go func() {
		_, err := fmt.Fprintln(w, "cognito:username,name,email,email_verified,phone_number,phone_number_verified,cognito:mfa_enabled")
		for i := first; i < last && err == nil; i++ {
			_, err = fmt.Fprintf(w, "user%07d,User Number %d,user%07d@example.com,TRUE,+1555%07d,,\n", i, i, i, i)
		}
		w.CloseWithError(err)
	}()
	return r
}

// TestImportOfManyUsers runs two import jobs over the wire, on a file. The memory that the
// process has for itself stays below 256 MiB however many users there are; pages of the store's
// file, which the system takes back when it needs them, are not counted. `.ci/long imports`
// imports a million, and kills the server in the middle.
func TestImportOfManyUsers(t *testing.T) {
	if testing.Short() {
		t.Skip("imports thousands of users")
	}
	dir, n := t.TempDir(), importRows(t)
	s := newSigner(t, dir)
	p, url := serveAt(t, dir)
	pool := call(t, url, "CreateUserPool", `{"PoolName":"main","AutoVerifiedAttributes":["email"]}`, s).UserPool.Id
	peak, began := 0, time.Now()
	for half := range 2 {
		job := startImport(t, url, s, pool, usersCSV(half*n/2, (half+1)*n/2))
		killed := half == 0 || n < 100_000
		for job.CompletionDate == 0 {
			time.Sleep(200 * time.Millisecond)
			peak = max(peak, p.anonymous())
			if !killed && job.ImportedUsers > n/4 {
				killed = true
				_ = p.cmd.Process.Kill()
				<-p.done
				p, url = serveAt(t, dir)
			}
			job = importCall(t, url, s, "DescribeUserImportJob", pool, job.JobId)
		}
		if job.Status != "Succeeded" || job.ImportedUsers != n/2 || job.SkippedUsers+job.FailedUsers != 0 {
			t.Fatalf("the job is %+v", job)
		}
	}
	took := time.Since(began)
	_, resident := p.memory()
	t.Logf("%d users imported: %.0f users/s, memory at most %d MiB, with pages of the file %d MiB", n, float64(n)/took.Seconds(), peak, resident)
	if peak > 256 {
		t.Errorf("the memory is %d MiB at most, and should stay below 256", peak)
	}
	last := fmt.Sprintf(`{"UserPoolId":%q,"Username":"user%07d"}`, pool, n-1)
	if u := call(t, url, "AdminGetUser", last, s); u.UserStatus != "RESET_REQUIRED" {
		t.Errorf("the last user is %+v", u)
	}
}

func importCall(t *testing.T, url string, s *signer, operation, pool, job string) importJob {
	t.Helper()
	// A signature is good once, and changes with the body: no two calls have the same nanosecond.
	body := fmt.Sprintf(`{"UserPoolId":%q,"JobId":%q,"unknown":%d}`, pool, job, time.Now().UnixNano())
	out := call(t, url, operation, body, s)
	if out.status != http.StatusOK {
		t.Fatalf("%s: %+v", operation, out)
	}
	return out.UserImportJob
}

// startImport makes a job with a file, and starts it.
func startImport(t *testing.T, url string, s *signer, pool string, file io.Reader) importJob {
	t.Helper()
	made := call(t, url, "CreateUserImportJob",
		fmt.Sprintf(`{"UserPoolId":%q,"JobName":"many-%d","CloudWatchLogsRoleArn":"arn:aws:iam::123456789012:role/import"}`, pool, time.Now().UnixNano()), s)
	job := made.UserImportJob
	address, ok := strings.CutPrefix(job.PreSignedUrl, "https://auth.example.com")
	if !ok {
		t.Fatalf("CreateUserImportJob: %+v", made)
	}
	spooled, err := os.CreateTemp(t.TempDir(), "csv")
	if err != nil {
		t.Fatal(err)
	}
	size, err := io.Copy(spooled, file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := spooled.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	put, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url+address, spooled)
	if err != nil {
		t.Fatal(err)
	}
	put.ContentLength = size
	put.Header.Set("x-amz-server-side-encryption", "aws:kms")
	began := time.Now()
	res, err := http.DefaultClient.Do(put)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("upload: %s", res.Status)
	}
	t.Logf("%d MiB uploaded in %v", size>>20, time.Since(began).Round(time.Millisecond))
	return importCall(t, url, s, "StartUserImportJob", pool, job.JobId)
}
