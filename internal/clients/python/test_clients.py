"""Tests of the server by boto3, the AWS command line, and pycognito.

internal/clients/run starts the servers and sets the variables COGNATE_….
"""

import json
import os
import subprocess
import unittest

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from pycognito import Cognito
from pycognito.exceptions import ForceChangePasswordException
from world import PASSWORD, REGION, TEMPORARY, TestCase, claims, client, env, outbox


class Boto3(TestCase):
    def test_life_of_a_user(self):
        for secret in (False, True):
            with self.subTest(secret=secret):
                self.make(secret)
                self.register()
                self.refresh_and_leave()

    def register(self):
        who = {"ClientId": self.client, "Username": "alice", **self.proof("alice")}
        signed_up = self.api.sign_up(
            **who, Password=PASSWORD, UserAttributes=[{"Name": "email", "Value": "alice@example.com"}])
        self.assertEqual("a***@e***", signed_up["CodeDeliveryDetails"]["Destination"])
        with self.assertRaises(self.api.exceptions.UserNotConfirmedException):
            self.sign_in()
        with self.assertRaises(self.api.exceptions.CodeMismatchException):
            self.api.confirm_sign_up(**who, ConfirmationCode="wrong")
        self.api.confirm_sign_up(**who, ConfirmationCode=self.code("alice"))
        self.refused("NotAuthorizedException", "Incorrect username or password.", self.sign_in, "Wrong-Horse-1")
        self.refused("UsernameExistsException", "User already exists", self.api.sign_up, **who, Password=PASSWORD)

    def refresh_and_leave(self):
        first = self.sign_in()
        user = self.api.get_user(AccessToken=first["AccessToken"])
        self.assertIn({"Name": "email_verified", "Value": "true"}, user["UserAttributes"])
        second = self.initiate("REFRESH_TOKEN_AUTH", REFRESH_TOKEN=first["RefreshToken"])["AuthenticationResult"]
        self.assertEqual(claims(first["IdToken"])["origin_jti"], claims(second["IdToken"])["origin_jti"])
        proof = {"ClientSecret": self.secret} if self.secret else {}
        self.api.revoke_token(Token=first["RefreshToken"], ClientId=self.client, **proof)
        gone = ("NotAuthorizedException", "Access Token has been revoked", self.api.get_user)
        self.refused(*gone, AccessToken=second["AccessToken"])
        third = self.sign_in()
        self.api.global_sign_out(AccessToken=third["AccessToken"])
        self.refused(*gone, AccessToken=third["AccessToken"])

    def test_invitation(self):
        self.make()
        self.api.admin_create_user(UserPoolId=self.pool, Username="bob", TemporaryPassword=TEMPORARY, MessageAction="SUPPRESS")
        challenge = self.initiate("USER_PASSWORD_AUTH", USERNAME="bob", PASSWORD=TEMPORARY)
        self.assertEqual("NEW_PASSWORD_REQUIRED", challenge["ChallengeName"])
        done = self.api.respond_to_auth_challenge(
            ClientId=self.client, ChallengeName="NEW_PASSWORD_REQUIRED", Session=challenge["Session"],
            ChallengeResponses={"USERNAME": "bob", "NEW_PASSWORD": PASSWORD},
        )
        self.assertEqual("bob", claims(done["AuthenticationResult"]["IdToken"])["cognito:username"])
        user = self.api.admin_get_user(UserPoolId=self.pool, Username="bob")
        self.assertEqual("CONFIRMED", user["UserStatus"])

    def test_pages_of_pools(self):
        self.make()
        first = self.pool
        self.make()
        pages = self.api.get_paginator("list_user_pools").paginate(MaxResults=1)
        ids = [pool["Id"] for page in pages for pool in page["UserPools"]]
        self.assertLessEqual({first, self.pool}, set(ids))
        self.assertEqual(len(set(ids)), len(ids))


class Pycognito(TestCase):
    """Sign-in by SRP, and tokens verified by the keys of the pool."""

    def user(self, username):
        return Cognito(
            self.pool, self.client, username=username, client_secret=self.secret, user_pool_region=REGION,
            access_key="AKIAIOSFODNN7EXAMPLE", secret_key="any will do", boto3_client_kwargs={"endpoint_url": self.url},
        )

    def test_srp(self):
        for secret in (False, True):
            with self.subTest(secret=secret):
                self.make(secret)
                user = self.user("alice")
                user.set_base_attributes(email="alice@example.com")
                user.register("alice", PASSWORD)
                user.confirm_sign_up(self.code("alice"), "alice")
                self.refused("NotAuthorizedException", "Incorrect username or password.", user.authenticate, "Wrong-Horse-1")
                user.authenticate(PASSWORD)
                self.assertEqual("alice@example.com", user.get_user().email)
                before = claims(user.access_token)
                user.renew_access_token()
                self.assertEqual(before["origin_jti"], claims(user.access_token)["origin_jti"])
                user.logout()

    def test_new_password(self):
        self.make()
        self.api.admin_create_user(UserPoolId=self.pool, Username="bob", TemporaryPassword=TEMPORARY, MessageAction="SUPPRESS")
        user = self.user("bob")
        with self.assertRaises(ForceChangePasswordException):
            user.authenticate(TEMPORARY)
        user.new_password_challenge(TEMPORARY, PASSWORD)
        user.authenticate(PASSWORD)


class CommandLine(TestCase):
    def run_shell(self, command, **more):
        done = subprocess.run(command, shell=True, env={**os.environ, **more}, capture_output=True, text=True)
        self.assertEqual(0, done.returncode, done.stderr)
        return json.loads(done.stdout or "{}")

    def test_sign_up_as_dev_prints_it(self):
        command = env("COGNATE_TRY")
        self.assertFalse(self.run_shell(command)["UserConfirmed"])
        client_id = command.partition(" --client-id ")[2].partition(" ")[0]
        sent = next(m for m in outbox(self.url, username="alice") if m["clientId"] == client_id)
        common = command.partition(" --client-id ")[0].replace("sign-up", "{}")
        who = f" --client-id {client_id} --username alice"
        self.run_shell(common.format("confirm-sign-up") + who + f" --confirmation-code {sent['code']}")
        signed = common.format("admin-get-user").replace(" --no-sign-request", "")
        user = self.run_shell(
            signed + f" --user-pool-id {sent['userPoolId']} --username alice",
            AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE", AWS_SECRET_ACCESS_KEY="any will do",
        )
        self.assertEqual("CONFIRMED", user["UserStatus"])


class Serve(TestCase):
    """A server for real users."""

    def setUp(self):
        self.url = env("COGNATE_SERVE_URL")
        self.key, self.secret = env("COGNATE_KEY_ID"), env("COGNATE_KEY_SECRET")

    def test_signatures(self):
        client(self.url, self.key, self.secret).list_user_pools(MaxResults=1)
        self.refused(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
            client(self.url, self.key, "wrong").list_user_pools, MaxResults=1,
        )
        self.refused(
            "UnrecognizedClientException", "The security token included in the request is invalid.",
            client(self.url, "AKIAIOSFODNN7EXAMPLE", self.secret).list_user_pools, MaxResults=1,
        )
        unsigned = client(self.url, config=Config(signature_version=UNSIGNED))
        self.refused(
            "MissingAuthenticationTokenException", "Missing Authentication Token",
            unsigned.list_user_pools, MaxResults=1,
        )
        self.refused("NotAuthorizedException", "Invalid Access Token", unsigned.get_user, AccessToken="none.of.ours")

    def test_session_token_of_elsewhere(self):
        """Temporary credentials are none of this server's."""
        session = boto3.Session(self.key, self.secret, "elsewhere", REGION)
        self.refused(
            "UnrecognizedClientException", "The security token included in the request is invalid.",
            session.client("cognito-idp", endpoint_url=self.url).list_user_pools, MaxResults=1,
        )


if __name__ == "__main__":
    unittest.main()
