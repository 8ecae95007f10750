// What runs in the browser: Amplify, as an application would bundle it.

import { Amplify } from "aws-amplify";
import * as auth from "aws-amplify/auth";

window.amplify = {
  configure: ({ url, poolId, clientId, oauth }) =>
    Amplify.configure({ Auth: { Cognito: { userPoolId: poolId, userPoolClientId: clientId, userPoolEndpoint: url, ...(oauth && { loginWith: { oauth } }) } } }),
  auth, // and no copy of it: Amplify exchanges autoSignIn
};
