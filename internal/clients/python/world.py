"""What the tests share: where the servers are, and a pool with a client.

internal/clients/run starts the servers and sets the variables COGNATE_….
"""

import base64
import hashlib
import hmac
import json
import os
import struct
import unittest
import urllib.parse
import urllib.request
from datetime import datetime

import boto3
from botocore.exceptions import ClientError

REGION = "us-east-1"
PASSWORD = "Correct-Horse-1"
TEMPORARY = "Temporary-Horse-1"


def env(name):
    """Returns a variable that internal/clients/run sets."""
    if not os.environ.get(name):
        raise RuntimeError(f"{name} is not set; start these tests with internal/clients/run")
    return os.environ[name]


def client(url, key="AKIAIOSFODNN7EXAMPLE", secret="any will do", config=None):
    return boto3.client(
        "cognito-idp", endpoint_url=url, region_name=REGION, config=config,
        aws_access_key_id=key, aws_secret_access_key=secret,
    )


def outbox(url, **query):
    """Returns the messages that were sent, newest first."""
    with urllib.request.urlopen(f"{url}/_cognate/outbox?{urllib.parse.urlencode(query)}") as answer:
        return json.load(answer)


def attributes(shown):
    """Returns attributes by name, from the list that the API shows."""
    return {a["Name"]: a["Value"] for a in shown}


def listed(**values):
    """Returns the list that the API takes; custom__plan stands for custom:plan."""
    return [{"Name": name.replace("__", ":"), "Value": value} for name, value in values.items()]


class Authenticator:
    """An app that shows codes (RFC 6238) by the clock of the server, none twice.

    The server takes the codes of the time steps beside the present one too;
    when these are used up, its clock is put forward.
    """

    def __init__(self, url, secret):
        self.url, self.last = url, 0
        self.key = base64.b32decode(secret + "=" * (-len(secret) % 8))

    def code(self):
        now = self.step("0s")
        if self.last > now:
            now = self.step("30s")
        self.last = max(self.last + 1, now)
        mac = hmac.digest(self.key, struct.pack(">Q", self.last), "sha1")
        part = int.from_bytes(mac[mac[-1] & 15:][:4], "big") & 0x7FFFFFFF
        return f"{part % 1_000_000:06}"

    def step(self, advance):
        """Puts the clock forward, and returns the time step that it is then."""
        body = json.dumps({"advance": advance}).encode()
        with urllib.request.urlopen(f"{self.url}/_cognate/clock", body) as answer:
            # Python 3.10 knows neither Z nor nine digits of a second.
            shown = json.load(answer)["time"][:19]
        return int(datetime.fromisoformat(shown + "+00:00").timestamp()) // 30


def claims(token):
    """Returns what a token says, its signature unseen."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


class TestCase(unittest.TestCase):
    def setUp(self):
        self.url = env("COGNATE_URL")
        self.api = client(self.url)

    def make(self, secret=False, **pool):
        """Makes a pool with a client, and sets pool, client and secret."""
        made = self.api.create_user_pool(PoolName="python", AutoVerifiedAttributes=["email"], **pool)
        self.pool = made["UserPool"]["Id"]
        made = self.api.create_user_pool_client(
            UserPoolId=self.pool, ClientName="python", GenerateSecret=secret,
            ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        )
        self.client = made["UserPoolClient"]["ClientId"]
        self.secret = made["UserPoolClient"].get("ClientSecret")

    def ask_factors(self, of):
        """Has the pool ask for second factors: of nobody (OFF), of users who have one (OPTIONAL) or of everybody (ON)."""
        self.api.set_user_pool_mfa_config(
            UserPoolId=self.pool, MfaConfiguration=of, SoftwareTokenMfaConfiguration={"Enabled": True},
            SmsMfaConfiguration={"SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::123456789012:role/sms", "ExternalId": "tests"}},
        )

    def code(self, username):
        return outbox(self.url, userPoolId=self.pool, username=username, limit=1)[0]["code"]

    def refused(self, code, message, call, *args, **kwargs):
        """Checks that a call ends in an exception with exactly a message."""
        with self.assertRaises(ClientError) as caught:
            call(*args, **kwargs)
        error = caught.exception.response["Error"]
        self.assertEqual((code, message), (error["Code"], error["Message"]))

    def typed(self, code, message, call, *args, **kwargs):
        """Checks besides that the exception is of the class that the SDK has for it."""
        with self.assertRaises(getattr(self.api.exceptions, code)) as caught:
            call(*args, **kwargs)
        self.assertEqual(message, caught.exception.response["Error"]["Message"])

    def proof(self, username):
        """Returns the proof of the client's secret as keyword arguments."""
        if not self.secret:
            return {}
        mac = hmac.new(self.secret.encode(), (username + self.client).encode(), hashlib.sha256)
        return {"SecretHash": base64.b64encode(mac.digest()).decode()}

    def initiate(self, flow, **params):
        if self.secret:
            params["SECRET_HASH"] = self.proof("alice")["SecretHash"]
        return self.api.initiate_auth(ClientId=self.client, AuthFlow=flow, AuthParameters=params)

    def sign_in(self, password=PASSWORD):
        return self.initiate("USER_PASSWORD_AUTH", USERNAME="alice", PASSWORD=password)["AuthenticationResult"]
