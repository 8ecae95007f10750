// What runs in the browser: Amplify, as an application would bundle it.

import { Amplify } from "aws-amplify";
import { get, put } from "aws-amplify/api";
import * as auth from "aws-amplify/auth";

window.amplify = {
  configure: ({ url, poolId, clientId, oauth, identityPoolId }) =>
    Amplify.configure({
      Auth: {
        Cognito: {
          userPoolId: poolId, userPoolClientId: clientId, userPoolEndpoint: url, ...(oauth && { loginWith: { oauth } }),
          ...(identityPoolId && { identityPoolId, identityPoolEndpoint: url, allowGuestAccess: true }),
        },
      },
      ...(identityPoolId && { API: { REST: { shop: { endpoint: url, region: "us-east-1" } } } }),
    }),
  auth, // and no copy of it: Amplify exchanges autoSignIn
  rest: { get, put }, // calls of an API, signed with the credentials of the identity
};
