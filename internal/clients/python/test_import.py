"""An import job by boto3, whose file is uploaded by curl as the service's guide says."""

import subprocess
import tempfile
import time

from world import TestCase

ROLE = "arn:aws:iam::123456789012:role/import"
# The password is "correct horse é"; bcrypt of Python made the hash.
HASH = "$2b$04$rX/bL7l5okgG/eTp09H3M.aiAYA97h9/hH2b3Pei/vvR/ShpMpwze"


class Imports(TestCase):
    def upload(self, url, text):
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
            file.write(text)
            file.flush()
            done = subprocess.run(
                ["curl", "-sS", "-o", "-", "-w", "%{http_code}", "-T", file.name, "-H", "x-amz-server-side-encryption:aws:kms", url],
                capture_output=True, text=True, check=True)
        return done.stdout

    def ran(self, text, **options):
        pool = {"UserPoolId": self.pool}
        job = self.api.create_user_import_job(**pool, JobName="test", CloudWatchLogsRoleArn=ROLE, **options)["UserImportJob"]
        self.assertEqual("200", self.upload(job["PreSignedUrl"], text))
        self.assertIn("SignatureDoesNotMatch", self.upload(job["PreSignedUrl"] + "x", text))
        of = {**pool, "JobId": job["JobId"]}
        self.assertEqual("Pending", self.api.start_user_import_job(**of)["UserImportJob"]["Status"])
        for _ in range(600):
            job = self.api.describe_user_import_job(**of)["UserImportJob"]
            if "CompletionDate" in job:
                return job
            time.sleep(0.05)
        self.fail(f"the job does not end: {job}")

    def test_import_job(self):
        self.make()
        header = self.api.get_csv_header(UserPoolId=self.pool)["CSVHeader"]
        self.assertEqual("cognito:username", header[-1])
        row = dict.fromkeys(header, "")
        lines = [",".join([*header, "password_hash"])]
        for name, hashed in (("alice", HASH), ("bob", ""), ("alice", "")):
            row |= {"cognito:username": name, "email": f"{name}@example.com", "email_verified": "TRUE"}
            lines.append(",".join([*row.values(), hashed]))
        job = self.ran("\n".join(lines) + "\n", PasswordHashingAlgorithm="BCRYPT")
        self.assertEqual(
            ("Succeeded", 2, 1, 0, "Import Job Completed Successfully."),
            (job["Status"], job["ImportedUsers"], job["SkippedUsers"], job["FailedUsers"], job["CompletionMessage"]))
        for _ in range(2):  # the first replaces the hash
            self.assertIn("AuthenticationResult", self.initiate("USER_PASSWORD_AUTH", USERNAME="alice", PASSWORD="correct horse é"))
        self.refused(
            "PasswordResetRequiredException", "Password reset required for the user",
            self.initiate, "USER_PASSWORD_AUTH", USERNAME="bob", PASSWORD="x")
        self.assertEqual("RESET_REQUIRED", self.api.admin_get_user(UserPoolId=self.pool, Username="bob")["UserStatus"])
        listed = self.api.list_user_import_jobs(UserPoolId=self.pool, MaxResults=10)["UserImportJobs"]
        self.assertEqual([job["JobId"]], [j["JobId"] for j in listed])
