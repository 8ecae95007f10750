// What the tests of amazon-cognito-identity-js share.

import identity from "amazon-cognito-identity-js";

const { AuthenticationDetails, CognitoUser, CognitoUserPool } = identity;

export const { CognitoUserAttribute } = identity;

// userPool is the library's view of a pool, with a storage of its own.
export function userPool({ url, poolId, clientId }) {
  return new CognitoUserPool({ UserPoolId: poolId, ClientId: clientId, endpoint: url, Storage: storage() });
}

function storage() {
  const kept = new Map();
  return {
    setItem: (key, value) => kept.set(key, value),
    getItem: (key) => kept.get(key) ?? null,
    removeItem: (key) => kept.delete(key),
    clear: () => kept.clear(),
  };
}

export function newUser(Pool, Username) {
  return new CognitoUser({ Username, Pool, Storage: Pool.storage });
}

// authenticate signs a user in, as far as the password does.
export function authenticate(user, Password) {
  return settled((callback) =>
    user.authenticateUser(new AuthenticationDetails({ Username: user.getUsername(), Password }), callback));
}

// settled is how a step with many callbacks went on: a session, or what the
// library asks for next.
export function settled(step) {
  return new Promise((resolve, reject) => {
    const callback = {
      onSuccess: (session) => resolve({ session }),
      onFailure: reject,
      newPasswordRequired: (given, required) => resolve({ asked: "newPassword", given, required }),
      totpRequired: (_, parameters) => resolve({ asked: "totp", parameters }),
      mfaRequired: (_, parameters) => resolve({ asked: "sms", parameters }),
      selectMFAType: (_, parameters) => resolve({ asked: "choice", parameters }),
      mfaSetup: (_, parameters) => resolve({ asked: "setup", parameters }),
      associateSecretCode: (secret) => resolve({ secret }),
      inputVerificationCode: (delivery) => resolve({ delivery: delivery.CodeDeliveryDetails }),
    };
    Promise.resolve(step(callback)).catch(reject);
  });
}
