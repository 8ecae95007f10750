package cognito_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
)

const (
	importRole = "arn:aws:iam::123456789012:role/import"
	importCSV  = "cognito:username,email,email_verified\n"
)

// importPool is a pool that users can be imported into.
func (s *server) importPool() string {
	return s.pool(obj{"AutoVerifiedAttributes": list{"email"}})
}

// importJob makes a job, and returns its id and the address for its file.
func (s *server) importJob(pool string) (id, address string) {
	s.t.Helper()
	out := s.ok("CreateUserImportJob", obj{"UserPoolId": pool, "JobName": "test", "CloudWatchLogsRoleArn": importRole})
	return str(s.t, out, "UserImportJob", "JobId"), str(s.t, out, "UserImportJob", "PreSignedUrl")
}

// put uploads a file as a client of S3 does, and returns the answer.
func (s *server) put(address, file string, edit func(*http.Request)) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), http.MethodPut, address, strings.NewReader(file))
	r.Header.Set("x-amz-server-side-encryption", "aws:kms")
	if edit != nil {
		edit(r)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// uploaded is a job with a file.
func (s *server) uploaded(pool, file string) (id string) {
	s.t.Helper()
	id, address := s.importJob(pool)
	if w := s.put(address, file, nil); w.Code != http.StatusOK {
		s.t.Fatalf("upload: %d %s", w.Code, w.Body)
	}
	return id
}

// validImportBodies are the valid bodies about import jobs.
func (w *world) validImportBodies() map[string]obj {
	pool := w.importPool()
	job, _ := w.importJob(pool)
	return map[string]obj{
		"GetCSVHeader":          {"UserPoolId": pool},
		"CreateUserImportJob":   {"UserPoolId": pool, "JobName": "test", "CloudWatchLogsRoleArn": importRole},
		"DescribeUserImportJob": {"UserPoolId": pool, "JobId": job},
		"ListUserImportJobs":    {"UserPoolId": pool, "MaxResults": 60},
		"StartUserImportJob":    {"UserPoolId": pool, "JobId": w.uploaded(pool, importCSV)},
		"StopUserImportJob":     {"UserPoolId": pool, "JobId": job},

		"GetLogDeliveryConfiguration": {"UserPoolId": pool},
		"SetLogDeliveryConfiguration": {"UserPoolId": pool, "LogConfigurations": list{notifications(logGroup)}},
	}
}

func TestGetCSVHeader(t *testing.T) {
	s := newServer(t)
	pool := s.pool(obj{"Schema": list{obj{"Name": "team", "AttributeDataType": "String"}}})
	out := s.ok("GetCSVHeader", obj{"UserPoolId": pool})
	want := list{
		"name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website", "email", "email_verified",
		"gender", "birthdate", "zoneinfo", "locale", "phone_number", "phone_number_verified", "address", "updated_at", "custom:team", "cognito:mfa_enabled", "cognito:username",
	}
	if got, _ := out["CSVHeader"].(list); !slices.Equal(got, want) || out["UserPoolId"] != pool {
		t.Errorf("GetCSVHeader: %v", out)
	}
}

// ranJob starts a job and waits for its end.
func (s *server) ranJob(pool, id string) obj {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); s.engine.Maintain(ctx) }()
	defer func() { cancel(); <-ended }()
	if job := dig(s.ok("StartUserImportJob", obj{"UserPoolId": pool, "JobId": id}), "UserImportJob"); dig(job, "Status") != "Pending" || dig(job, "StartDate") == nil {
		s.t.Errorf("the job that was started is %v", job)
	}
	for range 1000 {
		job, _ := dig(s.ok("DescribeUserImportJob", obj{"UserPoolId": pool, "JobId": id}), "UserImportJob").(obj)
		if job["CompletionDate"] != nil {
			return job
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatal("the job does not end")
	return nil
}

func TestUserImportJob(t *testing.T) {
	s := newServer(t)
	pool := s.importPool()
	c := s.client(pool, nil)
	created := s.ok("CreateUserImportJob", obj{"UserPoolId": pool, "JobName": "a job", "CloudWatchLogsRoleArn": importRole, "PasswordHashingAlgorithm": "BCRYPT"})
	job, _ := created["UserImportJob"].(obj)
	id, address := str(t, job, "JobId"), str(t, job, "PreSignedUrl")
	if !strings.HasPrefix(id, "import-") || job["Status"] != "Created" || job["JobName"] != "a job" || job["CloudWatchLogsRoleArn"] != importRole ||
		job["PasswordHashingAlgorithm"] != "BCRYPT" || job["ImportedUsers"] != 0.0 || job["SkippedUsers"] != 0.0 || job["FailedUsers"] != 0.0 ||
		job["CreationDate"] == nil || job["StartDate"] != nil || job["CompletionMessage"] != nil {
		t.Errorf("the new job is %v", job)
	}
	if !strings.HasPrefix(address, "http://localhost/"+pool+"/"+id+"?") || !strings.Contains(address, "X-Amz-Expires=900") {
		t.Errorf("the address is %s", address)
	}
	s.call("StartUserImportJob", obj{"UserPoolId": pool, "JobId": id}).want(t, problem{"PreconditionNotMetException", "No csv file was uploaded for " + id, 0})
	file := "cognito:username,email,email_verified,password_hash\n" +
		"alice,alice@example.com,TRUE,$2b$04$rX/bL7l5okgG/eTp09H3M.aiAYA97h9/hH2b3Pei/vvR/ShpMpwze\nbob,bob@example.com,true,\n"
	if w := s.put(address, file, nil); w.Code != http.StatusOK || w.Body.Len() != 0 {
		t.Fatalf("upload: %d %s", w.Code, w.Body)
	}
	job = s.ranJob(pool, id)
	if job["Status"] != "Succeeded" || job["ImportedUsers"] != 2.0 || job["CompletionMessage"] != "Import Job Completed Successfully." {
		t.Errorf("the job is %v", job)
	}
	if got := s.ok("AdminGetUser", obj{"UserPoolId": pool, "Username": "bob"})["UserStatus"]; got != "RESET_REQUIRED" {
		t.Errorf("bob is %v", got)
	}
	for range 2 {
		s.ok("InitiateAuth", c.passwordAuth("alice", "correct horse é"))
	}
	s.advance(time.Second) // the list is by time
	next := s.uploaded(pool, importCSV+"alice,alice@example.com,true\n")
	job = s.ranJob(pool, next)
	if job["Status"] != "Failed" || job["SkippedUsers"] != 1.0 || job["CompletionMessage"] != "Too many users have failed or been skipped during the import." {
		t.Errorf("the second job is %v", job)
	}
	first := s.ok("ListUserImportJobs", obj{"UserPoolId": pool, "MaxResults": 1})
	second := s.ok("ListUserImportJobs", obj{"UserPoolId": pool, "MaxResults": 1, "PaginationToken": first["PaginationToken"]})
	only := func(page obj) any {
		jobs, _ := page["UserImportJobs"].(list)
		if len(jobs) != 1 {
			return nil
		}
		return dig(jobs[0], "JobId")
	}
	if only(first) != next || only(second) != id || second["PaginationToken"] != nil {
		t.Errorf("the lists are %v and %v", first, second)
	}
	s.call("StopUserImportJob", obj{"UserPoolId": pool, "JobId": id}).want(t, problem{"PreconditionNotMetException", "Import job " + id + " is in the wrong state: Succeeded.", 0})
	s.call("DescribeUserImportJob", obj{"UserPoolId": pool, "JobId": "import-x"}).want(t, problem{"ResourceNotFoundException", "Import job import-x does not exist.", 0})
	bare := s.pool(nil)
	s.call("StartUserImportJob", obj{"UserPoolId": bare, "JobId": s.uploaded(bare, importCSV)}).
		want(t, problem{"PreconditionNotMetException", "The user pool must have at least one auto verified attribute.", 0})
}

// While a job is active, its pool cannot be changed, and no other job starts.
func TestActiveImportJob(t *testing.T) {
	s := newServer(t)
	pool, other := s.importPool(), s.importPool()
	id := s.uploaded(pool, importCSV)
	s.ok("StartUserImportJob", obj{"UserPoolId": pool, "JobId": id})
	busy := problem{"UserImportInProgressException", "An import job " + id + " is in progress for the user pool.", 0}
	s.call("UpdateUserPool", obj{"UserPoolId": pool}).want(t, busy)
	s.call("DeleteUserPool", obj{"UserPoolId": pool}).want(t, busy)
	s.call("AddCustomAttributes", obj{"UserPoolId": pool, "CustomAttributes": list{stringAttribute(nil)}}).want(t, busy)
	s.ok("UpdateUserPool", obj{"UserPoolId": other, "AutoVerifiedAttributes": list{"email"}})
	next := s.uploaded(other, importCSV)
	s.call("StartUserImportJob", obj{"UserPoolId": other, "JobId": next}).want(t, problem{"PreconditionNotMetException", "Another import job is already in progress.", 0})
	stopped := s.ok("StopUserImportJob", obj{"UserPoolId": pool, "JobId": id})
	if job := dig(stopped, "UserImportJob"); dig(job, "Status") != "Stopped" || dig(job, "CompletionMessage") != "The Import Job was stopped by the developer." {
		t.Errorf("the stopped job is %v", job)
	}
	s.ok("UpdateUserPool", obj{"UserPoolId": pool})
	s.ok("StartUserImportJob", obj{"UserPoolId": other, "JobId": next})
}

func TestUploadIsRefused(t *testing.T) {
	s := newServer(t)
	pool := s.importPool()
	_, address := s.importJob(pool)
	_, other := s.importJob(pool)
	signature := func(from string) string {
		u, err := url.Parse(from)
		if err != nil {
			t.Fatal(err)
		}
		return u.Query().Get("X-Amz-Signature")
	}
	edit := func(name, value string) func(*http.Request) {
		return func(r *http.Request) {
			q := r.URL.Query()
			q.Set(name, value)
			r.URL.RawQuery = q.Encode()
		}
	}
	bare := strings.ReplaceAll(address, pool, "us-east-1_nobody")
	for name, tt := range map[string]struct {
		address, code string
		status        int
		edit          func(*http.Request)
	}{
		"no encryption":     {address, "SignatureDoesNotMatch", 403, func(r *http.Request) { r.Header.Del("x-amz-server-side-encryption") }},
		"AES256":            {address, "SignatureDoesNotMatch", 403, func(r *http.Request) { r.Header.Set("x-amz-server-side-encryption", "AES256") }},
		"another signature": {address, "SignatureDoesNotMatch", 403, edit("X-Amz-Signature", signature(other))},
		"no signature":      {address, "SignatureDoesNotMatch", 403, edit("X-Amz-Signature", "")},
		"longer":            {address, "SignatureDoesNotMatch", 403, edit("X-Amz-Expires", "90000")},
		"later":             {address, "SignatureDoesNotMatch", 403, edit("X-Amz-Date", "20300101T000000Z")},
		"more":              {address, "SignatureDoesNotMatch", 403, edit("x", "y")},
		"another pool":      {bare, "SignatureDoesNotMatch", 403, nil},
		"another job":       {strings.Replace(address, "/import-", "/import-x", 1), "SignatureDoesNotMatch", 403, nil},
		"of no length":      {address, "MissingContentLength", 411, func(r *http.Request) { r.ContentLength = -1 }},
		"too large":         {address, "EntityTooLarge", 400, func(r *http.Request) { r.ContentLength = 100<<20 + 1 }},
		"cut off":           {address, "IncompleteBody", 400, func(r *http.Request) { r.ContentLength = 1000 }},
		"overtaken": {address, "OperationAborted", 409, func(r *http.Request) {
			const size = 300 << 10 // more than a chunk
			r.ContentLength, r.Body = size, io.NopCloser(io.MultiReader(strings.NewReader(strings.Repeat("x", size)), endReader(func() {
				if w := s.put(address, importCSV, nil); w.Code != http.StatusOK {
					t.Errorf("the other upload: %d %s", w.Code, w.Body)
				}
			})))
		}},
		"breaking": {address, "IncompleteBody", 400, func(r *http.Request) {
			r.ContentLength, r.Body = 1000, io.NopCloser(io.MultiReader(strings.NewReader("x"), errReader{}))
		}},
	} {
		w := s.put(tt.address, importCSV, tt.edit)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), "<Error><Code>"+tt.code+"</Code>") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if w := s.put(address, importCSV, nil); w.Code != http.StatusOK {
		t.Errorf("upload: %d %s", w.Code, w.Body)
	}
	s.advance(15 * time.Minute)
	if w := s.put(address, importCSV, nil); w.Code != 403 || !strings.Contains(w.Body.String(), "Request has expired") {
		t.Errorf("after 15 minutes: %d %s", w.Code, w.Body)
	}
}

// An endReader calls itself, and ends.
type endReader func()

func (f endReader) Read([]byte) (int, error) {
	f()
	return 0, io.EOF
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// The address of an upload is a right to bring users in: a key that may not make jobs does not see it.
func TestUploadAddressIsForWhoMayMakeJobs(t *testing.T) {
	k := newKeyed(t)
	pool, err := k.engine.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "p", Defaults: identity.CognitoDefaults})
	if err != nil {
		t.Fatal(err)
	}
	p, err := k.engine.UserPool(t.Context(), pool.ID)
	if err != nil {
		t.Fatal(err)
	}
	job, err := p.Admin().ImportJobs().Create(t.Context(), identity.ImportJobOptions{Name: "n"})
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range identity.AccessRoles() {
		key, secret, err := k.engine.AccessKeys().Create(t.Context(), "key", &identity.AccessKeyOptions{Role: role})
		if err != nil {
			t.Fatal(err)
		}
		for op, body := range map[string]obj{
			"DescribeUserImportJob": {"UserPoolId": pool.ID, "JobId": job.ID}, "ListUserImportJobs": {"UserPoolId": pool.ID, "MaxResults": 1},
		} {
			r := k.request(op, body)
			k.sign(r, body, key.ID, string(secret))
			a := k.do(r, op)
			a.wantOK(t)
			if shown := strings.Contains(a.raw, string(job.Signature)); shown != role.Includes(identity.RoleOperator) {
				t.Errorf("%s with a key of the role %s shows the address: %t", op, role, shown)
			}
		}
	}
}
