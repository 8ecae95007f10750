// Keycloak, by OpenID Connect and by SAML: users of a pool sign in by it. internal/clients/run keycloak fetches it and runs this. All tests share one process, because they share one Keycloak.

import "./forms.js";
import "./chromium.js";
