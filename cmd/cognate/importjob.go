package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/cognate-id/cognate/identity"
)

// Import jobs are made and started over the API of Cognito, by the AWS CLI or an SDK. The
// server runs them. These commands show how far a job is and what became of each row.

type importCommand struct {
	List importList `cmd:"" help:"List import jobs, the newest first."`
	Log  importLog  `cmd:"" help:"Print what became of each row of an import job."`
}

// Help returns the details that --help shows.
func (importCommand) Help() string {
	return `An import job reads users from a CSV file. The API makes, starts and stops import jobs; see docs/imports.md. To import users from a file of JSON without a server, use "cognate user import".

    cognate import list
    cognate import log import-0aBcDeFgHi`
}

type importList struct {
	inPool
	listing
}

// Help returns the details that --help shows.
func (importList) Help() string {
	return `    cognate import list
    cognate import list --json | jq -r .id`
}

// Run lists the jobs.
func (c *importList) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		header := "JOB, NAME, STATUS, CREATED, COMPLETED, IMPORTED, SKIPPED, FAILED, MESSAGE"
		return list(t, c.listing, 0, a.ImportJobs().List(ctx, ""), header, func(j *identity.ImportJob) []string {
			return []string{
				j.ID, j.Name, string(j.Status), stamp(j.Created), stampOrDash(j.Completed),
				strconv.Itoa(j.Imported), strconv.Itoa(j.Skipped), strconv.Itoa(j.Failed), orDash(j.Message),
			}
		})
	})
}

type importLog struct {
	inPool
	Job    string `arg:"" name:"job" help:"Id of the import job."`
	Failed bool   `help:"Print the rows that were not imported only."`
}

// Help returns the details that --help shows.
func (importLog) Help() string {
	return `Each line has the number of a line of the file, and what became of its user. The header is line 1. The log holds nothing of the rows.

    cognate import log import-0aBcDeFgHi
    cognate import log import-0aBcDeFgHi --failed`
}

// Run prints the log.
func (c *importLog) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		for line, err := range a.ImportJobs().Log(ctx, c.Job) {
			if err != nil {
				return err
			}
			if c.Failed && line.Outcome == identity.RowSucceeded {
				continue
			}
			if _, err := fmt.Fprintln(t.out, line); err != nil {
				return err
			}
		}
		return nil
	})
}
