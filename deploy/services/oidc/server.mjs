// A strict SMART authorization server for the tests: npm oidc-provider, a certified OpenID provider, and
// a proxy that enforces scopes in front of an open FHIR server. Development only: it asks nobody to log in.
//
// usage: node server.mjs '{"port":..., "fhir":"http://...", "app":"http://...", "keys":{"keys":[...]}}'
// App launch: https://hl7.org/fhir/smart-app-launch/STU2.2/; provider: https://github.com/panva/node-oidc-provider

import { generateKeyPairSync, randomUUID } from "node:crypto";
import http from "node:http";
import Provider, { errors } from "oidc-provider";

const given = JSON.parse(process.argv[2]);
const issuer = `http://localhost:${given.port}`;
const base = `${issuer}/fhir`;
// What lies under /test is the tests' own: a launch to use, an access token to forget before its time.
const launches = new Map(); // launch -> context, used once
const contexts = new Map(); // grant id -> context

const TYPES = ["Patient", "Encounter", "Observation", "MedicationAdministration", "ImagingStudy"];
const ON_FILE = ["DocumentReference", "DiagnosticReport", "Media", "Binary"];
const PROPOSED = ["MedicationRequest", "DeviceRequest", "ServiceRequest"];
const data = [...[...TYPES, ...ON_FILE].map((type) => `patient/${type}.rs`), "user/Endpoint.rs",
  ...PROPOSED.map((type) => `patient/${type}.c`)];
const system = TYPES.map((type) => `system/${type}.rs`);
const user = ["openid", "fhirUser", "online_access", "launch", "launch/patient", "launch/encounter"];

const key = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });

function client(id, method, more) {
  return {
    client_id: id,
    redirect_uris: [`${given.app}/callback`],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: method,
    scope: [...user, ...data].join(" "),
    ...more,
  };
}

const signed = { token_endpoint_auth_signing_alg: "ES384", jwks: given.keys };
const provider = new Provider(issuer, {
  clients: [
    client("signing", "private_key_jwt", signed),
    client("open", "none", {}),
    client("secret", "client_secret_basic", { client_secret: given.secret }),
    client("backend", "private_key_jwt", {
      ...signed,
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
      scope: system.join(" "),
    }),
  ],
  jwks: { keys: [{ ...key, kid: randomUUID(), alg: "RS256", use: "sig" }] },
  scopes: [...user, ...data, ...system],
  claims: { openid: ["sub"], fhirUser: ["fhirUser"] },
  conformIdTokenClaims: false,
  findAccount: async (_, id) => ({
    accountId: id,
    claims: async () => ({ sub: id, fhirUser: `${base}/Practitioner/7` }),
  }),
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async (_, asking, code) => code.scopes.has("online_access"),
  ttl: { AccessToken: () => given.tokenSeconds ?? 300, ClientCredentials: 300, AuthorizationCode: 60 },
  enabledJWA: {
    clientAuthSigningAlgValues: ["ES384", "RS384"],
    idTokenSigningAlgValues: ["RS256"],
  },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
  },
  extraParams: {
    aud(_, value) {
      if (value?.replace(/\/$/, "") !== base) throw new errors.InvalidRequest("aud is another server");
    },
    launch: null,
  },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
});

// Nobody is asked: whoever comes is the one user, and permits what the client may have at all.
async function interact(request, response) {
  const { params } = await provider.interactionDetails(request, response);
  const context = params.launch ? launches.get(params.launch) : given.chosen;
  if (params.launch) launches.delete(params.launch);
  if (!context) {
    return provider.interactionFinished(request, response, {
      error: "invalid_request",
      error_description: "The launch is unknown or was used.",
    });
  }
  const grant = new provider.Grant({ accountId: "user-7", clientId: params.client_id });
  const granted = params.scope.split(" ").filter((scope) => !(context.refused ?? []).includes(scope));
  grant.addOIDCScope(granted.join(" "));
  grant.rejectOIDCScope((context.refused ?? []).join(" "));
  const grantId = await grant.save();
  contexts.set(grantId, context);
  return provider.interactionFinished(request, response, {
    login: { accountId: "user-7", remember: false },
    consent: { grantId },
  });
}

// SMART puts the launch context beside the token.
provider.use(async (ctx, next) => {
  await next();
  if (ctx.oidc?.route === "token" && ctx.status === 200) {
    const grantId = ctx.oidc.entities.AuthorizationCode?.grantId ?? ctx.oidc.entities.RefreshToken?.grantId;
    const { refused, ...context } = contexts.get(grantId) ?? {};
    Object.assign(ctx.body, context);
  }
});

function answer(response, status, body) {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(body));
}

function configuration() {
  return {
    issuer,
    jwks_uri: `${issuer}/jwks`,
    authorization_endpoint: `${issuer}/auth`,
    token_endpoint: `${issuer}/token`,
    introspection_endpoint: `${issuer}/token/introspection`,
    revocation_endpoint: `${issuer}/token/revocation`,
    grant_types_supported: ["authorization_code", "refresh_token", "client_credentials"],
    token_endpoint_auth_methods_supported: ["private_key_jwt", "client_secret_basic"],
    token_endpoint_auth_signing_alg_values_supported: ["ES384", "RS384"],
    code_challenge_methods_supported: ["S256"],
    authorization_response_iss_parameter_supported: true,
    capabilities: ["launch-ehr", "launch-standalone", "client-public", "client-confidential-asymmetric",
      "client-confidential-symmetric", "sso-openid-connect", "context-ehr-patient", "permission-patient",
      "permission-online", "permission-v2"],
  };
}

async function proxied(request, response) {
  const [, type, id] = /^\/fhir\/([A-Z][A-Za-z]+)(?:\/([^/?]+))?/.exec(request.url) ?? [];
  const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
  const held = (await provider.AccessToken.find(token)) ?? (await provider.ClientCredentials.find(token));
  if (!held) return answer(response, 401, { resourceType: "OperationOutcome" });
  const letter = request.method === "POST" ? "c" : id ? "r" : "s";
  const permitted = [...held.scopes].some((scope) => {
    const [, name, may] = /^(?:patient|user|system)\/([A-Za-z]+)\.([cruds]+)$/.exec(scope) ?? [];
    return name === type && may.includes(letter);
  });
  if (!permitted) return answer(response, 403, { resourceType: "OperationOutcome" });
  const upstream = await fetch(given.fhir + request.url.slice("/fhir".length));
  const body = (await upstream.text()).replaceAll(given.fhir, base);
  response.writeHead(upstream.status, { "Content-Type": "application/fhir+json" });
  return response.end(body);
}

const callback = provider.callback();
http
  .createServer(async (request, response) => {
    const url = new URL(request.url, issuer);
    if (url.pathname === "/fhir/.well-known/smart-configuration") return answer(response, 200, configuration());
    if (url.pathname === "/test/launch") {
      const name = randomUUID();
      launches.set(name, JSON.parse(url.searchParams.get("context")));
      return answer(response, 200, { launch: name });
    }
    if (url.pathname === "/test/forget") {
      await (await provider.AccessToken.find(url.searchParams.get("token"))).destroy();
      return answer(response, 200, {});
    }
    if (url.pathname.startsWith("/interaction/")) return interact(request, response);
    if (url.pathname.startsWith("/fhir/")) return proxied(request, response);
    return callback(request, response);
  })
  .listen(given.port, "127.0.0.1");
