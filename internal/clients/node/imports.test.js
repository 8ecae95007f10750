// A job that imports users from a CSV file, by the AWS SDK for JavaScript v3.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { PreconditionNotMetException, ResourceNotFoundException } from "@aws-sdk/client-cognito-identity-provider";
import { newPool, refused } from "./world.js";

const role = "arn:aws:iam::123456789012:role/import";
const known = "correct horse é"; // the password of the hash
const hash = "$2b$04$rX/bL7l5okgG/eTp09H3M.aiAYA97h9/hH2b3Pei/vvR/ShpMpwze";

// upload puts a file where the job says.
const upload = (url, body) => fetch(url, { method: "PUT", headers: { "x-amz-server-side-encryption": "aws:kms" }, body });

// ended waits for the end of a job.
async function ended({ api, poolId }, JobId) {
  for (let tries = 0; tries < 300; tries++) {
    const { UserImportJob } = await api.describeUserImportJob({ UserPoolId: poolId, JobId });
    if (UserImportJob.CompletionDate) return UserImportJob;
    await pause(100);
  }
  assert.fail("the job does not end");
}

test("an import job", async (t) => {
  const world = await newPool();
  const { api, poolId: UserPoolId, clientId: ClientId } = world;
  const create = (more) => api.createUserImportJob({ UserPoolId, JobName: "move", CloudWatchLogsRoleArn: role, ...more });
  const { CSVHeader } = await api.getCSVHeader({ UserPoolId });
  assert.ok(CSVHeader.includes("cognito:username") && CSVHeader.includes("email_verified"));
  const { UserImportJob: job } = await create({ PasswordHashingAlgorithm: "BCRYPT" });
  const { JobId } = job;
  assert.deepEqual(
    [job.Status, job.JobName, job.UserPoolId, job.CloudWatchLogsRoleArn, job.ImportedUsers, job.SkippedUsers, job.FailedUsers],
    ["Created", "move", UserPoolId, role, 0, 0, 0],
  );
  assert.ok(job.CreationDate instanceof Date);

  await t.test("does not start without a file", () =>
    refused(api.startUserImportJob({ UserPoolId, JobId }), PreconditionNotMetException, `No csv file was uploaded for ${JobId}`));

  await t.test("imports what is good, and counts the rest", async () => {
    const rows = [
      "cognito:username,email,email_verified,name,password_hash",
      `alice,alice@example.com,true,Alice,${hash}`,
      "bob,bob@example.com,true,Bob\\, the builder,",
      "carol,carol@example.com,false,Carol,",
      "alice,other@example.com,true,Alice,",
    ];
    const answer = await upload(job.PreSignedUrl, rows.join("\n") + "\n");
    assert.equal(answer.status, 200, await answer.text());
    const { UserImportJob: started } = await api.startUserImportJob({ UserPoolId, JobId });
    assert.equal(started.Status, "Pending");
    const done = await ended(world, JobId);
    assert.deepEqual([done.Status, done.ImportedUsers, done.SkippedUsers, done.FailedUsers], ["Succeeded", 2, 1, 1]);
    assert.ok(done.StartDate <= done.CompletionDate && done.CompletionMessage);
    const { UserImportJobs } = await api.listUserImportJobs({ UserPoolId, MaxResults: 10 });
    assert.deepEqual(UserImportJobs.map((j) => [j.JobId, j.Status]), [[JobId, "Succeeded"]]);
  });

  await t.test("the users are there", async () => {
    const alice = await api.adminGetUser({ UserPoolId, Username: "alice" });
    assert.equal(alice.UserStatus, "CONFIRMED");
    const bob = await api.adminGetUser({ UserPoolId, Username: "bob" });
    assert.equal(bob.UserStatus, "RESET_REQUIRED");
    assert.equal(bob.UserAttributes.find(({ Name }) => Name === "name").Value, "Bob, the builder");
    const { AuthenticationResult } = await api.initiateAuth({
      ClientId,
      AuthFlow: "USER_PASSWORD_AUTH",
      AuthParameters: { USERNAME: "alice", PASSWORD: known },
    });
    assert.ok(AuthenticationResult.IdToken);
  });

  await t.test("an address is for the file of its own job", async () => {
    const { UserImportJob: second } = await create({ JobName: "second" });
    assert.equal((await upload(second.PreSignedUrl.replace(second.JobId, JobId), "cognito:username\n")).status, 403);
    await refused(api.startUserImportJob({ UserPoolId, JobId: second.JobId }), PreconditionNotMetException, `No csv file was uploaded for ${second.JobId}`);
    const { UserImportJob: stopped } = await api.stopUserImportJob({ UserPoolId, JobId: second.JobId });
    assert.deepEqual([stopped.Status, stopped.CompletionMessage], ["Stopped", "The Import Job was stopped by the developer."]);
    await refused(api.describeUserImportJob({ UserPoolId, JobId: "import-x" }), ResourceNotFoundException, "Import job import-x does not exist.");
  });
});
