"""Credentials of identity pools come from the real STS, which moto's server plays.

internal/clients/run moto starts this. It starts moto and a server of its own with
--sts-endpoint, and sees that credentials of a guest are known to moto and not to
the server. moto does not verify the open ID token, as AWS would.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "us-east-1"
ROLE = "arn:aws:iam::123456789012:role/guest"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(url, process):
    for _ in range(200):
        try:
            with urllib.request.urlopen(url):
                return
        except OSError:
            if process.poll() is not None:
                raise RuntimeError(f"{process.args[0]} has ended") from None
            time.sleep(0.1)
    raise RuntimeError(f"{url} does not answer")


class RealSTS(unittest.TestCase):
    def start(self, url, *args):
        process = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=self.log)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        wait_for(url, process)

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.log = open(os.path.join(directory.name, "log"), "wb")
        self.addCleanup(self.log.close)
        moto_port, port = free_port(), free_port()
        self.moto = f"http://127.0.0.1:{moto_port}"
        self.start(f"{self.moto}/moto-api/", sys.executable, "-m", "moto.server", "-p", str(moto_port))
        store = f"bolt:{directory.name}/real.db"
        made = subprocess.run(
            [os.environ["COGNATE_BIN"], "key", "create", "--store", store],
            check=True, capture_output=True, text=True,
        ).stdout
        key = dict(re.findall(r"export (\w+)=(\S+)", made))
        self.url = f"http://127.0.0.1:{port}"
        self.start(
            f"{self.url}/_cognate/health", os.environ["COGNATE_BIN"], "serve", "--store", store, "--addr", f"127.0.0.1:{port}",
            "--sts-endpoint", self.moto, "--provider-allow", f"127.0.0.1:{moto_port}", "--insecure-log-codes",
        )
        self.operator = boto3.client(
            "cognito-identity", endpoint_url=self.url, region_name=REGION,
            aws_access_key_id=key["AWS_ACCESS_KEY_ID"], aws_secret_access_key=key["AWS_SECRET_ACCESS_KEY"],
        )
        self.guest = boto3.client("cognito-identity", endpoint_url=self.url, region_name=REGION, config=Config(signature_version=UNSIGNED))

    def test_credentials_of_a_guest(self):
        pool = self.operator.create_identity_pool(IdentityPoolName="guests", AllowUnauthenticatedIdentities=True)["IdentityPoolId"]
        self.operator.set_identity_pool_roles(IdentityPoolId=pool, Roles={"unauthenticated": ROLE})
        identity = self.guest.get_id(IdentityPoolId=pool)["IdentityId"]
        given = self.guest.get_credentials_for_identity(IdentityId=identity)
        self.assertEqual(given["IdentityId"], identity)
        credentials = given["Credentials"]
        self.assertRegex(credentials["AccessKeyId"], "^ASIA")

        def caller(url):
            return boto3.client(
                "sts", endpoint_url=url, region_name=REGION, aws_access_key_id=credentials["AccessKeyId"],
                aws_secret_access_key=credentials["SecretKey"], aws_session_token=credentials["SessionToken"],
            ).get_caller_identity()

        self.assertEqual(caller(self.moto)["Arn"], "arn:aws:sts::123456789012:assumed-role/guest/CognitoIdentityCredentials")
        with self.assertRaises(ClientError) as refused:
            caller(self.url)
        self.assertEqual(refused.exception.response["Error"]["Code"], "InvalidClientTokenId")


if __name__ == "__main__":
    unittest.main()
