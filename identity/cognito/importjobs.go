package cognito

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// Import jobs of users. All operations are the operator's, and go through
// identity.ImportJobs. A job is shown with the address that its file is uploaded to
// (upload.go), unless the caller could not make a job: the address is a secret.
// While a job of a pool is active, the pool's settings cannot be changed.

// importJobs is a handle on the import jobs of the pool that a call names.
func (s *service) importJobs(ctx context.Context, pool *string) (identity.ImportJobs, error) {
	p, err := s.pool(ctx, pool)
	if err != nil {
		return identity.ImportJobs{}, err
	}
	return p.Admin().ImportJobs(), nil
}

// getCSVHeader does not name the column password_hash (unsure).
func (s *service) getCSVHeader(ctx context.Context, in *idp.GetCSVHeaderRequest) (*idp.GetCSVHeaderResponse, error) {
	jobs, err := s.importJobs(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	columns, err := jobs.Columns(ctx)
	if err != nil {
		return nil, err
	}
	return &idp.GetCSVHeaderResponse{UserPoolId: in.UserPoolId, CSVHeader: columns}, nil
}

// createUserImportJob keeps the role and does not use it: the log is in the store.
func (s *service) createUserImportJob(ctx context.Context, in *idp.CreateUserImportJobRequest) (*idp.CreateUserImportJobResponse, error) {
	jobs, err := s.importJobs(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	if err := s.checkRole(in.CloudWatchLogsRoleArn); err != nil {
		return nil, err
	}
	j, err := jobs.Create(ctx, identity.ImportJobOptions{
		Name: text(in.JobName), Role: text(in.CloudWatchLogsRoleArn), Algorithm: identity.PasswordAlgorithm(text(in.PasswordHashingAlgorithm)),
	})
	if err != nil {
		return nil, err
	}
	return &idp.CreateUserImportJobResponse{UserImportJob: s.importJobType(ctx, j)}, nil
}

func (s *service) describeUserImportJob(ctx context.Context, in *idp.DescribeUserImportJobRequest) (*idp.DescribeUserImportJobResponse, error) {
	jobs, err := s.importJobs(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	j, err := jobs.Get(ctx, text(in.JobId))
	if err != nil {
		return nil, err
	}
	return &idp.DescribeUserImportJobResponse{UserImportJob: s.importJobType(ctx, j)}, nil
}

// listUserImportJobs lists the newest first.
func (s *service) listUserImportJobs(ctx context.Context, in *idp.ListUserImportJobsRequest) (*idp.ListUserImportJobsResponse, error) {
	jobs, err := s.importJobs(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	after, err := readPageToken(ctx, "ListUserImportJobs", text(in.UserPoolId), in.PaginationToken)
	if err != nil {
		return nil, err
	}
	page, last, err := page(jobs.List(ctx, after), in.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &idp.ListUserImportJobsResponse{UserImportJobs: []idp.UserImportJobType{}}
	for _, j := range page {
		out.UserImportJobs = append(out.UserImportJobs, *s.importJobType(ctx, j))
	}
	if last != nil {
		out.PaginationToken = pageToken("ListUserImportJobs", text(in.UserPoolId), last.ID)
	}
	return out, nil
}

func (s *service) startUserImportJob(ctx context.Context, in *idp.StartUserImportJobRequest) (*idp.StartUserImportJobResponse, error) {
	jobs, err := s.importJobs(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	j, err := jobs.Start(ctx, text(in.JobId))
	if err != nil {
		return nil, err
	}
	return &idp.StartUserImportJobResponse{UserImportJob: s.importJobType(ctx, j)}, nil
}

func (s *service) stopUserImportJob(ctx context.Context, in *idp.StopUserImportJobRequest) (*idp.StopUserImportJobResponse, error) {
	jobs, err := s.importJobs(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	j, err := jobs.Stop(ctx, text(in.JobId))
	if err != nil {
		return nil, err
	}
	return &idp.StopUserImportJobResponse{UserImportJob: s.importJobType(ctx, j)}, nil
}

// importJobType is a job as the service shows it.
func (s *service) importJobType(ctx context.Context, j *identity.ImportJob) *idp.UserImportJobType {
	count := func(n int) *int64 { return ptr(int64(n)) }
	out := &idp.UserImportJobType{
		JobName: ptr(j.Name), JobId: ptr(j.ID), UserPoolId: ptr(j.Pool), Status: ptr(idp.UserImportJobStatusType(j.Status)),
		CreationDate: date(j.Created), ImportedUsers: count(j.Imported), SkippedUsers: count(j.Skipped), FailedUsers: count(j.Failed),
	}
	if mayUpload(ctx, j.Pool) {
		out.PreSignedUrl = ptr(s.base(ctx) + "/" + j.Pool + "/" + j.ID + "?" + uploadQuery(j).Encode())
	}
	if !j.Started.IsZero() {
		out.StartDate = date(j.Started)
	}
	if !j.Completed.IsZero() {
		out.CompletionDate = date(j.Completed)
	}
	if j.Role != "" {
		out.CloudWatchLogsRoleArn = ptr(j.Role)
	}
	if j.Message != "" {
		out.CompletionMessage = ptr(j.Message)
	}
	if j.Algorithm != "" {
		out.PasswordHashingAlgorithm = ptr(idp.PasswordHashingAlgorithmType(j.Algorithm))
	}
	return out
}

// mayUpload reports whether the signer of a call may have the address of uploads, which is a right to make users.
func mayUpload(ctx context.Context, pool string) bool {
	if t := temporarySigner(ctx); t != nil {
		return t.may(ctx, "cognito-idp:CreateUserImportJob", poolARN(t.account, pool)) == nil
	}
	key := signer(ctx)
	return key == nil || key.Role.Includes(identity.RoleOperator)
}

const signatureName = "X-Amz-Signature"

// uploadQuery is the query of the address of a job's file, which looks like one of S3.
func uploadQuery(j *identity.ImportJob) url.Values {
	return url.Values{
		"X-Amz-Algorithm": {"AWS4-HMAC-SHA256"}, "X-Amz-Date": {j.Created.UTC().Format("20060102T150405Z")},
		"X-Amz-SignedHeaders": {"host;x-amz-server-side-encryption"}, "X-Amz-Expires": {strconv.Itoa(int(j.UploadUntil().Sub(j.Created) / time.Second))},
		signatureName: {string(j.Signature)},
	}
}

// notImporting refuses changes of a pool while an import job of it is active.
func (s *service) notImporting(ctx context.Context, pool *identity.UserPool) error {
	j, err := pool.Admin().ImportJobs().Active(ctx)
	if err != nil || j == nil {
		return err
	}
	return wire.Errorf(idp.UserImportInProgressException, "An import job %s is in progress for the user pool.", j.ID) // text (unsure)
}
