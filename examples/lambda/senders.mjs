// Custom senders: functions that send messages instead of the pool. They get the code encrypted. A
// notice has no code: its trigger source says what has changed, such as CustomEmailSender_PasswordChanged.
// The keys of both ways to decrypt it come from the environment, see docs/hooks.md.

import { buildClient, CommitmentPolicy, KmsKeyringNode, RawAesKeyringNode, RawAesWrappingSuiteIdentifier } from "@aws-crypto/client-node";
import { deliver } from "./deliver.mjs";

const { decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT);

// read is the code of an event, decrypted.
async function read(keyring, event) {
  const { plaintext, messageHeader } = await decrypt(keyring, Buffer.from(event.request.code, "base64"));
  if (messageHeader.encryptionContext["userpool-id"] !== event.userPoolId) throw new Error("The code is for another pool");
  return plaintext.toString();
}

/**
 * Decrypts as on AWS: by AWS KMS, which is the server if AWS_ENDPOINT_URL_KMS names it.
 * @type {import("aws-lambda").CustomEmailSenderTriggerHandler}
 */
export const CustomEmailSender = async (event) => {
  if (event.triggerSource === "CustomEmailSender_AccountTakeOverNotification" || !event.request.code) return; // a notice
  const keyring = new KmsKeyringNode({ keyIds: [process.env.KEY_ARN] });
  await deliver(event.request.userAttributes.email, `Your code is ${await read(keyring, event)}`);
};

/**
 * Decrypts with the raw key of "cognate pool sender-key".
 * @type {import("aws-lambda").CustomSMSSenderTriggerHandler}
 */
export const CustomSMSSender = async (event) => {
  if (!event.request.code) return; // a notice
  const keyring = new RawAesKeyringNode({
    keyNamespace: process.env.COGNATE_SENDER_KEY_NAMESPACE,
    keyName: process.env.COGNATE_SENDER_KEY_NAME,
    unencryptedMasterKey: Uint8Array.from(Buffer.from(process.env.COGNATE_SENDER_KEY, "base64")),
    wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
  });
  await deliver(event.request.userAttributes.phone_number, `Your code is ${await read(keyring, event)}`);
};
