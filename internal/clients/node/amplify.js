// What the tests of AWS Amplify share.

import { Amplify } from "aws-amplify";

// configure points Amplify, which is one for the process, at a pool.
export function configure({ url, poolId, clientId }) {
  Amplify.configure({ Auth: { Cognito: { userPoolId: poolId, userPoolClientId: clientId, userPoolEndpoint: url } } });
}
