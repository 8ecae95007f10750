"""The whole life of a user by boto3, and a short one by the AWS command line."""

import json
import os
import shlex
import subprocess

from world import PASSWORD, REGION, Authenticator, TestCase, attributes, claims, listed

ANOTHER = "Another-Horse-2"
INCORRECT = ("NotAuthorizedException", "Incorrect username or password.")
MISMATCH = ("CodeMismatchException", "Invalid verification code provided, please try again.")
REVOKED = ("NotAuthorizedException", "Access Token has been revoked")
UNKNOWN = ("UserNotFoundException", "User does not exist.")


class Life(TestCase):
    """What alice does in a pool, in chapters."""

    def setUp(self):
        super().setUp()
        self.make(secret=True, Schema=[{"Name": "plan", "AttributeDataType": "String", "Mutable": True}])
        self.who = {"ClientId": self.client, "Username": "alice", **self.proof("alice")}
        self.admin = {"UserPoolId": self.pool, "Username": "alice"}

    def begin(self, password=PASSWORD):
        return self.initiate("USER_PASSWORD_AUTH", USERNAME="alice", PASSWORD=password)

    def answer(self, challenge, **answers):
        return self.api.respond_to_auth_challenge(
            ClientId=self.client, ChallengeName=challenge["ChallengeName"], Session=challenge["Session"],
            ChallengeResponses={"USERNAME": "alice", "SECRET_HASH": self.who["SecretHash"], **answers},
        )

    def test_from_sign_up_to_deletion(self):
        self.ask_factors("OPTIONAL")
        self.api.sign_up(**self.who, Password=PASSWORD, UserAttributes=listed(email="alice@example.com", custom__plan="gold"))
        self.api.resend_confirmation_code(**self.who)
        self.api.confirm_sign_up(**self.who, ConfirmationCode=self.code("alice"))
        self.token = self.sign_in()["AccessToken"]
        for chapter in (self.change_attributes, self.use_app, self.use_telephone, self.forget, self.change_password, self.join):
            with self.subTest(chapter.__name__):
                chapter()
        self.leave()

    def shown(self):
        return attributes(self.api.get_user(AccessToken=self.token)["UserAttributes"])

    def change_attributes(self):
        changed = self.api.update_user_attributes(
            AccessToken=self.token, UserAttributes=listed(name="Alice", email="new@example.org", custom__plan=""))
        self.assertEqual(
            [{"Destination": "n***@e***", "DeliveryMedium": "EMAIL", "AttributeName": "email"}], changed["CodeDeliveryDetailsList"])
        self.assertEqual("false", self.shown()["email_verified"])
        verify = {"AccessToken": self.token, "AttributeName": "email"}
        self.typed(*MISMATCH, self.api.verify_user_attribute, **verify, Code="wrong")
        self.api.get_user_attribute_verification_code(**verify)
        self.api.verify_user_attribute(**verify, Code=self.code("alice"))
        self.api.delete_user_attributes(AccessToken=self.token, UserAttributeNames=["name"])
        shown = self.shown()
        self.assertEqual({"sub": shown["sub"], "email": "new@example.org", "email_verified": "true"}, shown)

    def use_app(self):
        app = Authenticator(self.url, self.api.associate_software_token(AccessToken=self.token)["SecretCode"])
        self.typed(
            "EnableSoftwareTokenMFAException", "Code mismatch and fail enable Software Token MFA",
            self.api.verify_software_token, AccessToken=self.token, UserCode="000000",
        )
        verified = self.api.verify_software_token(AccessToken=self.token, UserCode=app.code(), FriendlyDeviceName="telephone")
        self.assertEqual("SUCCESS", verified["Status"])
        on = {"Enabled": True, "PreferredMfa": True}
        self.api.set_user_mfa_preference(AccessToken=self.token, SoftwareTokenMfaSettings=on)
        self.assertEqual("SOFTWARE_TOKEN_MFA", self.api.get_user(AccessToken=self.token)["PreferredMfaSetting"])
        challenge = self.begin()
        self.assertEqual("SOFTWARE_TOKEN_MFA", challenge["ChallengeName"])
        self.typed("CodeMismatchException", "Invalid code received for user", self.answer, challenge, SOFTWARE_TOKEN_MFA_CODE="000000")
        self.assertIn("AuthenticationResult", self.answer(challenge, SOFTWARE_TOKEN_MFA_CODE=app.code()))

    def use_telephone(self):
        self.api.admin_update_user_attributes(**self.admin, UserAttributes=listed(phone_number="+15555550123"))
        self.api.set_user_mfa_preference(AccessToken=self.token, SMSMfaSettings={"Enabled": True, "PreferredMfa": True})
        challenge = self.begin()
        self.assertEqual("SMS_MFA", challenge["ChallengeName"])
        self.assertEqual("+*******0123", challenge["ChallengeParameters"]["CODE_DELIVERY_DESTINATION"])
        self.assertIn("AuthenticationResult", self.answer(challenge, SMS_MFA_CODE=self.code("alice")))
        off = {"Enabled": False}
        self.api.admin_set_user_mfa_preference(**self.admin, SMSMfaSettings=off, SoftwareTokenMfaSettings=off)
        self.assertNotIn("UserMFASettingList", self.api.admin_get_user(**self.admin))
        self.api.admin_delete_user_attributes(**self.admin, UserAttributeNames=["phone_number"])

    def forget(self):
        sent = self.api.forgot_password(**self.who)
        self.assertEqual("email", sent["CodeDeliveryDetails"]["AttributeName"])
        remember = self.api.confirm_forgot_password
        self.typed(*MISMATCH, remember, **self.who, ConfirmationCode="wrong", Password=ANOTHER)
        code = self.code("alice")
        self.typed(
            "InvalidPasswordException", "Password does not conform to policy: Password not long enough",
            remember, **self.who, ConfirmationCode=code, Password="Short-1",
        )
        remember(**self.who, ConfirmationCode=code, Password=ANOTHER)
        self.typed(
            "ExpiredCodeException", "Invalid code provided, please request a code again.",
            remember, **self.who, ConfirmationCode=code, Password=ANOTHER,
        )
        self.typed(*INCORRECT, self.begin)
        self.api.admin_reset_user_password(**self.admin)
        self.typed("PasswordResetRequiredException", "Password reset required for the user", self.begin, ANOTHER)
        remember(**self.who, ConfirmationCode=self.code("alice"), Password=ANOTHER)

    def change_password(self):
        change = {"AccessToken": self.token, "ProposedPassword": PASSWORD}
        self.typed(*INCORRECT, self.api.change_password, **change, PreviousPassword="Wrong-Horse-1")
        self.api.change_password(**change, PreviousPassword=ANOTHER)
        self.typed(*INCORRECT, self.begin, ANOTHER)

    def join(self):
        for name, precedence in (("readers", 9), ("editors", 0)):
            group = {"UserPoolId": self.pool, "GroupName": name}
            self.api.create_group(**group, Precedence=precedence)
            self.api.admin_add_user_to_group(**group, Username="alice")
        self.typed("GroupExistsException", "A group with the name already exists.", self.api.create_group, **group)
        first = self.sign_in()
        self.assertEqual(["editors", "readers"], claims(first["IdToken"])["cognito:groups"])
        self.api.admin_remove_user_from_group(**self.admin, GroupName="editors")
        second = self.initiate("REFRESH_TOKEN_AUTH", REFRESH_TOKEN=first["RefreshToken"])["AuthenticationResult"]
        self.assertEqual(["readers"], claims(second["AccessToken"])["cognito:groups"])

    def leave(self):
        for end in (self.api.admin_user_global_sign_out, self.api.admin_disable_user):
            token = self.sign_in()["AccessToken"]
            end(**self.admin)
            self.typed(*REVOKED, self.api.get_user, AccessToken=token)
        self.typed("NotAuthorizedException", "User is disabled.", self.begin)
        self.api.admin_enable_user(**self.admin)
        token = self.sign_in()["AccessToken"]
        self.api.delete_user(AccessToken=token)
        self.typed(*UNKNOWN, self.api.get_user, AccessToken=token)
        self.typed(*UNKNOWN, self.api.admin_get_user, **self.admin)
        self.typed(*UNKNOWN, self.begin)

    def test_second_factor_for_everybody(self):
        self.ask_factors("ON")
        self.api.admin_create_user(**self.admin, TemporaryPassword=ANOTHER, MessageAction="SUPPRESS")
        setup = self.answer(self.begin(ANOTHER), NEW_PASSWORD=PASSWORD)
        self.assertEqual("MFA_SETUP", setup["ChallengeName"])
        key = self.api.associate_software_token(Session=setup["Session"])
        app = Authenticator(self.url, key["SecretCode"])
        verified = self.api.verify_software_token(Session=key["Session"], UserCode=app.code())
        self.assertIn("AuthenticationResult", self.answer({"ChallengeName": "MFA_SETUP", "Session": verified["Session"]}))
        self.assertIn("AuthenticationResult", self.answer(self.begin(), SOFTWARE_TOKEN_MFA_CODE=app.code()))


class Lists(TestCase):
    def pages(self, operation, member, name, **query):
        """Returns the names on all pages, of which there must be more than one, sorted."""
        pages = list(self.api.get_paginator(operation).paginate(UserPoolId=self.pool, PaginationConfig={"PageSize": 2}, **query))
        self.assertGreater(len(pages), 1)
        return sorted(item[name] for page in pages for item in page[member])

    def test_pages(self):
        self.make()
        users = [f"user{i}" for i in range(5)]
        groups = [f"group{i}" for i in range(3)]
        for user in users:
            self.api.admin_create_user(
                UserPoolId=self.pool, Username=user, MessageAction="SUPPRESS", UserAttributes=listed(email=f"{user}@example.com"))
        for group in groups:
            self.api.create_group(UserPoolId=self.pool, GroupName=group)
            self.api.admin_add_user_to_group(UserPoolId=self.pool, GroupName=group, Username="user0")
        for user in users:
            self.api.admin_add_user_to_group(UserPoolId=self.pool, GroupName="group1", Username=user)
        self.assertEqual(users, self.pages("list_users", "Users", "Username"))
        self.assertEqual(users, self.pages("list_users", "Users", "Username", Filter='email ^= "user"'))
        self.assertEqual(users, self.pages("list_users_in_group", "Users", "Username", GroupName="group1"))
        self.assertEqual(groups, self.pages("list_groups", "Groups", "GroupName"))
        self.assertEqual(groups, self.pages("admin_list_groups_for_user", "Groups", "GroupName", Username="user0"))
        for _ in range(2):
            self.api.create_user_pool_client(UserPoolId=self.pool, ClientName="another")
        self.assertEqual(3, len(self.pages("list_user_pool_clients", "UserPoolClients", "ClientId")))
        found = self.api.list_users(UserPoolId=self.pool, Filter='username = "user3"', AttributesToGet=["email"])["Users"]
        self.assertEqual([("user3", listed(email="user3@example.com"))], [(u["Username"], u["Attributes"]) for u in found])

    def test_settings(self):
        self.make(secret=True)
        pool = {"UserPoolId": self.pool}
        self.api.update_user_pool(**pool, PoolName="renamed", DeletionProtection="ACTIVE", UserPoolTags={"stage": "test"})
        shown = self.api.describe_user_pool(**pool)["UserPool"]
        self.assertEqual(("renamed", "ACTIVE", {"stage": "test"}), (shown["Name"], shown["DeletionProtection"], shown["UserPoolTags"]))
        self.api.tag_resource(ResourceArn=shown["Arn"], Tags={"team": "blue"})
        self.api.untag_resource(ResourceArn=shown["Arn"], TagKeys=["stage"])
        self.assertEqual({"team": "blue"}, self.api.list_tags_for_resource(ResourceArn=shown["Arn"])["Tags"])
        self.api.update_user_pool_client(**pool, ClientId=self.client, RefreshTokenValidity=9)
        shown = self.api.describe_user_pool_client(**pool, ClientId=self.client)["UserPoolClient"]
        self.assertEqual((9, self.secret), (shown["RefreshTokenValidity"], shown["ClientSecret"]))
        self.ask_factors("OPTIONAL")
        self.assertEqual("OPTIONAL", self.api.get_user_pool_mfa_config(**pool)["MfaConfiguration"])
        added = self.api.add_user_pool_client_secret(**pool, ClientId=self.client)["ClientSecretDescriptor"]
        secrets = self.api.list_user_pool_client_secrets(**pool, ClientId=self.client)["ClientSecrets"]
        self.assertEqual(2, len(secrets))
        self.api.delete_user_pool_client_secret(**pool, ClientId=self.client, ClientSecretId=added["ClientSecretId"])

    def test_refused(self):
        self.make()
        pool = {"UserPoolId": self.pool}
        self.typed(
            "InvalidParameterException",
            "1 validation error detected: Value at 'username' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: [\p{L}\p{M}\p{S}\p{N}\p{P}]+",
            self.api.admin_create_user, **pool, Username="b ob",
        )
        self.typed("InvalidParameterException", "Error while parsing filter.", self.api.list_users, **pool, Filter='email is "x"')
        self.typed("ResourceNotFoundException", "Group not found.", self.api.get_group, **pool, GroupName="none")
        self.typed(
            "InvalidOAuthFlowException",
            "client_credentials flow can not be selected if client does not have a client secret.",
            self.api.update_user_pool_client, **pool, ClientId=self.client, AllowedOAuthFlows=["client_credentials"],
            AllowedOAuthScopes=["openid"], AllowedOAuthFlowsUserPoolClient=True,
        )


class CommandLine(TestCase):
    def aws(self, command, signed=False, **options):
        """Runs aws cognito-idp, and returns what it prints."""
        arguments = ["aws", "cognito-idp", *command.split(), "--endpoint-url", self.url, "--region", REGION, "--output", "json"]
        for name, value in options.items():
            arguments += ["--" + name.replace("_", "-"), *shlex.split(value)]
        environment = {**os.environ, "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "any will do"}
        done = subprocess.run(arguments + ([] if signed else ["--no-sign-request"]), env=environment, capture_output=True, text=True)
        self.assertEqual(0, done.returncode, f"{arguments}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout or "{}")

    def test_short_life(self):
        self.make()
        who = {"client_id": self.client, "username": "alice"}
        self.aws("sign-up", **who, password=PASSWORD, user_attributes="Name=email,Value=alice@example.com")
        self.aws("confirm-sign-up", **who, confirmation_code=self.code("alice"))
        self.aws("create-group", signed=True, user_pool_id=self.pool, group_name="editors")
        self.aws("admin-add-user-to-group", signed=True, user_pool_id=self.pool, username="alice", group_name="editors")
        self.aws("forgot-password", **who)
        self.aws("confirm-forgot-password", **who, password=ANOTHER, confirmation_code=self.code("alice"))
        signed_in = self.aws(
            "initiate-auth", client_id=self.client, auth_flow="USER_PASSWORD_AUTH",
            auth_parameters=f"USERNAME=alice,PASSWORD={ANOTHER}",
        )["AuthenticationResult"]
        self.assertEqual(["editors"], claims(signed_in["AccessToken"])["cognito:groups"])
        # It follows the pages of itself.
        listed = self.aws("list-users", signed=True, user_pool_id=self.pool, page_size="1", filter='\'username = "alice"\'')
        self.assertEqual(["alice"], [u["Username"] for u in listed["Users"]])
        self.aws("delete-user", access_token=signed_in["AccessToken"])
        self.assertEqual([], self.aws("list-users", signed=True, user_pool_id=self.pool)["Users"])
