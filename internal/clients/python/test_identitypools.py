"""Identity pools by boto3: credentials of both flows, and calls that they sign to the API of ../go/shop."""

import datetime
import json
import unittest
import urllib.error
import urllib.request
from unittest import mock

import boto3
import botocore.auth
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from world import PASSWORD, REGION, TestCase, claims, client, env

ROLE = "arn:aws:iam::123456789012:role/"


class IdentityPools(TestCase):
    def setUp(self):
        self.url = env("COGNATE_SHOP_URL")
        self.api = client(self.url)
        self.make()
        self.api.admin_create_user(UserPoolId=self.pool, Username="alice", MessageAction="SUPPRESS")
        self.api.admin_set_user_password(UserPoolId=self.pool, Username="alice", Password=PASSWORD, Permanent=True)
        self.provider = f"cognito-idp.{REGION}.amazonaws.com/{self.pool}"
        operator = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "any will do"}
        identities = boto3.client("cognito-identity", endpoint_url=self.url, region_name=REGION, **operator)
        self.identity_pool = identities.create_identity_pool(
            IdentityPoolName="python", AllowUnauthenticatedIdentities=True, AllowClassicFlow=True,
            CognitoIdentityProviders=[{"ProviderName": self.provider, "ClientId": self.client}],
        )["IdentityPoolId"]
        identities.set_identity_pool_roles(
            IdentityPoolId=self.identity_pool, Roles={"authenticated": ROLE + "users", "unauthenticated": ROLE + "guests"})
        unsigned = Config(signature_version=UNSIGNED)
        self.identities = boto3.client("cognito-identity", endpoint_url=self.url, region_name=REGION, config=unsigned)
        self.sts = boto3.client("sts", endpoint_url=self.url, region_name=REGION, config=unsigned)
        self.advance("0s")

    def advance(self, by):
        """Puts the clock of the server forward, and has requests signed at what it shows then."""
        with urllib.request.urlopen(f"{self.url}/_cognate/clock", json.dumps({"advance": by}).encode()) as answer:
            self.now = datetime.datetime.fromisoformat(json.load(answer)["time"][:19])

    def signing(self):
        """Has botocore sign by the clock of the server, which may be ahead of the time of day."""
        return mock.patch.object(botocore.auth, "get_current_datetime", lambda: self.now)

    def identity(self, **logins):
        """Returns an identity and its credentials: those of the enhanced flow."""
        more = {"Logins": logins["logins"]} if logins else {}
        identity = self.identities.get_id(IdentityPoolId=self.identity_pool, **more)["IdentityId"]
        given = self.identities.get_credentials_for_identity(IdentityId=identity, **more)
        self.assertEqual(identity, given["IdentityId"])
        c = given["Credentials"]
        self.assertTrue(c["AccessKeyId"].startswith("ASIA"))
        return identity, Credentials(c["AccessKeyId"], c["SecretKey"], c["SessionToken"])

    def logins(self):
        return {self.provider: self.sign_in()["IdToken"]}

    def call(self, credentials, method, path, data=None, change=None):
        """Calls the API, and returns the status and the exception, or the status and who called."""
        request = AWSRequest(method, self.url + path, data=data)
        with self.signing():
            SigV4Auth(credentials, "execute-api", REGION).add_auth(request)
        ready = request.prepare()
        url, headers = ready.url, dict(ready.headers.items())
        if change:
            url, method, data = change(url, method, data, headers)
        call = urllib.request.Request(url, data.encode() if data else None, headers, method=method)
        try:
            with urllib.request.urlopen(call) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as err:
            with err:
                return err.code, err.headers["X-Amzn-Errortype"]

    def guarded(self, identity, credentials, role):
        """Checks what credentials are good for."""
        own = f"/customers/{identity.replace(':', '%3A')}/address"
        welcome = 200, {"identity": identity, "role": role}
        self.assertEqual(welcome, self.call(credentials, "GET", "/catalog/1"))
        denied = 403, "AccessDeniedException"
        self.assertEqual(welcome if role == "users" else denied, self.call(credentials, "PUT", own, "{}"))
        self.assertEqual(denied, self.call(credentials, "PUT", "/customers/us-east-1%3A0/address", "{}"))
        altered = 403, "InvalidSignatureException"
        for change in (
            lambda url, method, data, headers: (url + "0", method, data),
            lambda url, method, data, headers: (url, "DELETE", data),
            lambda url, method, data, headers: (url, method, "[]"),
        ):
            self.assertEqual(altered, self.call(credentials, "PUT", own, "{}", change))
        other = Credentials(credentials.access_key, "x" * 40, credentials.token)
        self.assertEqual(altered, self.call(other, "GET", "/catalog/1"))

    def test_enhanced_flow(self):
        guest, guests = self.identity()
        self.guarded(guest, guests, "guests")
        user, users = self.identity(logins=self.logins())
        self.assertEqual(user, self.identity(logins=self.logins())[0])
        self.guarded(user, users, "users")
        mixed = Credentials(users.access_key, users.secret_key, guests.token)
        self.assertEqual((403, "UnrecognizedClientException"), self.call(mixed, "GET", "/catalog/1"))
        self.refused(
            "NotAuthorizedException", "Logins don't match. Please include at least one valid login for this identity or identity pool.",
            self.identities.get_credentials_for_identity, IdentityId=user)

    def test_classic_flow(self):
        identity = self.identities.get_id(IdentityPoolId=self.identity_pool)["IdentityId"]
        token = self.identities.get_open_id_token(IdentityId=identity)["Token"]
        self.assertEqual((identity, self.identity_pool), (claims(token)["sub"], claims(token)["aud"]))
        who = {"RoleSessionName": "python", "WebIdentityToken": token, "DurationSeconds": 900}
        given = self.sts.assume_role_with_web_identity(RoleArn=ROLE + "guests", **who)
        self.assertEqual("arn:aws:sts::123456789012:assumed-role/guests/python", given["AssumedRoleUser"]["Arn"])
        c = given["Credentials"]
        self.guarded(identity, Credentials(c["AccessKeyId"], c["SecretAccessKey"], c["SessionToken"]), "guests")
        sts = boto3.client(
            "sts", endpoint_url=self.url, region_name=REGION, aws_access_key_id=c["AccessKeyId"],
            aws_secret_access_key=c["SecretAccessKey"], aws_session_token=c["SessionToken"])
        with self.signing():
            self.assertEqual(given["AssumedRoleUser"]["Arn"], sts.get_caller_identity()["Arn"])
        with self.assertRaises(self.sts.exceptions.ClientError) as caught:
            self.sts.assume_role_with_web_identity(RoleArn=ROLE + "users", **who)  # it does not trust guests
        self.assertEqual("AccessDenied", caught.exception.response["Error"]["Code"])
        outsider = self.sts.assume_role_with_web_identity(RoleArn=ROLE + "outsiders", **who)["Credentials"]
        other = Credentials(outsider["AccessKeyId"], outsider["SecretAccessKey"], outsider["SessionToken"])
        self.assertEqual((403, "AccessDeniedException"), self.call(other, "GET", "/catalog/1"))

    def test_caller_with_any_key(self):
        """Terraform's provider asks for its account at the start."""
        url = env("COGNATE_URL")
        key = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        caller = boto3.client("sts", endpoint_url=url, region_name=REGION, **key).get_caller_identity()
        self.assertEqual(("123456789012", "arn:aws:iam::123456789012:user/test"), (caller["Account"], caller["Arn"]))
        key, secret = env("COGNATE_KEY_ID"), env("COGNATE_KEY_SECRET")
        real = {"endpoint_url": env("COGNATE_SERVE_URL"), "region_name": REGION, "aws_access_key_id": key}
        caller = boto3.client("sts", **real, aws_secret_access_key=secret).get_caller_identity()
        self.assertEqual(f"arn:aws:iam::123456789012:user/{key}", caller["Arn"])
        with self.assertRaises(self.sts.exceptions.ClientError) as caught:
            boto3.client("sts", **real, aws_secret_access_key="any will do").get_caller_identity()
        self.assertEqual("SignatureDoesNotMatch", caught.exception.response["Error"]["Code"])

    def test_presigned_caller(self):
        """botocore presigns GetCallerIdentity, as "aws eks get-token" does, and whoever has the URL learns who signed it."""
        key = env("COGNATE_KEY_ID")
        sts = boto3.client(
            "sts", endpoint_url=env("COGNATE_SERVE_URL"), region_name=REGION, aws_access_key_id=key, aws_secret_access_key=env("COGNATE_KEY_SECRET"))
        url = sts.generate_presigned_url("get_caller_identity", HttpMethod="GET", ExpiresIn=60)

        def show(url):
            try:
                with urllib.request.urlopen(url) as answer:
                    return answer.read().decode()
            except urllib.error.HTTPError as err:
                with err:
                    return err.read().decode()

        for _ in range(2):
            self.assertIn(f"<Arn>arn:aws:iam::123456789012:user/{key}</Arn>", show(url))
        self.assertIn("SignatureDoesNotMatch", show(url.replace("X-Amz-Expires=60", "X-Amz-Expires=600")))
        self.assertIn("MissingAuthenticationToken", show(url.partition("&X-Amz-")[0]))
        with mock.patch.object(botocore.auth, "get_current_datetime", lambda: datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=2)):
            late = sts.generate_presigned_url("get_caller_identity", HttpMethod="GET", ExpiresIn=60)
        self.assertIn("Signature expired", show(late))

    def test_expiry(self):
        _, users = self.identity(logins=self.logins())
        self.advance("59m")
        self.assertEqual(200, self.call(users, "GET", "/catalog/1")[0])
        self.advance("2m")
        self.assertEqual((403, "ExpiredTokenException"), self.call(users, "GET", "/catalog/1"))


if __name__ == "__main__":
    unittest.main()
