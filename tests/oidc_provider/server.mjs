// An upstream as providers run them: `oidc-provider` on one port, and on another an MCP server that takes its tokens.
// Prints one line of JSON with both origins. What a test asks of it beyond the protocols goes to /-/ of the resource.
import http from 'node:http';
import { once } from 'node:events';
import { generateKeyPairSync } from 'node:crypto';
import { SignJWT, calculateJwkThumbprint } from 'jose';
import Provider, { errors } from 'oidc-provider';

const listening = async (server) => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${server.address().port}`;
};

const seen = { refreshes: 0, grants: {}, revocations: 0, calls: 0 };
// `resources` are others' servers (by the beginning of their address), for which access tokens are JWTs (RFC 9068) with `claims`, by login.
const asked = { delay: 0, away: false, refreshStatus: 0, people: {}, resources: [], claims: {}, knownThereAs: '', jwtSeconds: 600, clockSeconds: 0 };
// Its clock may be wrong, which is how a token comes that has expired.
const realNow = Date.now;
Date.now = () => realNow() + asked.clockSeconds * 1000;
const authorization = http.createServer();
const resource = http.createServer();
const issuer = await listening(authorization);
const origin = await listening(resource);
const mcp = `${origin}/mcp`;
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = privateKey.export({ format: 'jwk' });
// A secret that is read otherwise unless it is form-encoded before Basic (RFC 6749 section 2.3.1).
const machine = { client_id: 'machine', client_secret: "the machine's: secret+%", grant_types: ['client_credentials'], redirect_uris: [], response_types: [], scope: 'mcp:read mcp:write' };
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const known = { client_id: 'known', client_secret: 'known-secret', grant_types: ['authorization_code', 'refresh_token', EXCHANGE], redirect_uris: ['http://localhost:8000/connections/callback'], response_types: ['code'], scope: 'mcp:read mcp:write mcp:call offline_access' };
const client = [machine, known, ...JSON.parse(process.env.CLIENTS || '[]')];

const provider = new Provider(issuer, {
  clients: client,
  jwks: { keys: [{ ...key, use: 'sig', alg: 'ES256' }] },
  cookies: { keys: ['only-for-tests'] },
  pkce: { required: () => true },
  scopes: ['openid', 'offline_access', 'email', 'profile', 'mcp:read', 'mcp:write', 'mcp:call'],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'groups'] },
  // Its own refuses addresses of this machine, where the console of a test is told of logouts.
  fetch: (url, { dispatcher: _guarded, ...options }) => globalThis.fetch(url, options),
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...asked.people[id] }) }),
  extraTokenClaims: (_context, token) => asked.claims[token.accountId],
  issueRefreshToken: (_context, asking) => asking.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  ttl: { AccessToken: (_context, token) => token.resourceServer?.accessTokenTTL ?? Number(process.env.TOKEN_SECONDS || 3600), RefreshToken: 86400, Grant: 86400, Session: 3600, Interaction: 600, ClientCredentials: 600 },
  features: {
    devInteractions: { enabled: true },
    registration: { enabled: true },
    backchannelLogout: { enabled: true },
    revocation: { enabled: true, allowedPolicy: () => true },
    introspection: { enabled: true, allowedPolicy: () => true },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      useGrantedResource: () => true,
      getResourceServerInfo: (_context, indicator) => {
        if (asked.resources.some((beginning) => indicator.startsWith(beginning))) {
          return { scope: 'mcp:read mcp:call', audience: indicator, accessTokenTTL: asked.jwtSeconds, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } };
        }
        if (!indicator.startsWith(origin)) throw new errors.InvalidTarget();
        return { scope: 'mcp:read mcp:write', audience: indicator, accessTokenTTL: Number(process.env.TOKEN_SECONDS || 3600) };
      },
    },
  },
});
// An identity assertion (ID-JAG) for another authorization server, which the package does not know: of somebody who
// logged in here, signed with the key of its ID tokens.
const ID_JAG = 'urn:ietf:params:oauth:token-type:id-jag';
const asserted = async (found, { audience, resource: wanted, scope }) => {
  const { email, email_verified: verified } = asked.people[found.accountId] || {};
  const said = { client_id: asked.knownThereAs, resource: wanted, scope, email, email_verified: verified };
  const header = { alg: 'ES256', typ: 'oauth-id-jag+jwt', kid: await calculateJwkThumbprint(key) };
  const token = new SignJWT(said).setProtectedHeader(header).setIssuer(issuer).setSubject(found.accountId).setAudience(audience);
  return token.setJti(crypto.randomUUID()).setIssuedAt().setExpirationTime('5m').sign(privateKey);
};
// RFC 8693, which the package leaves to whoever runs it: a token of the same account, for the resource that is asked.
provider.registerGrantType(EXCHANGE, async (context) => {
  const { subject_token: subject, resource: wanted, scope } = context.oidc.params;
  const found = subject && (await provider.AccessToken.find(subject));
  if (!found) throw new errors.InvalidGrant('no such subject');
  if (context.oidc.params.requested_token_type === ID_JAG) {
    context.body = { access_token: await asserted(found, context.oidc.params), token_type: 'N_A', expires_in: 300, issued_token_type: ID_JAG, scope };
    return;
  }
  const token = new provider.AccessToken({ accountId: found.accountId, client: context.oidc.client, grantId: found.grantId, gty: 'exchange', scope });
  token.resourceServer = new provider.ResourceServer(wanted, { scope: 'mcp:read mcp:write', audience: wanted, accessTokenTTL: 600 });
  const access_token = await token.save();
  context.body = { access_token, token_type: 'Bearer', expires_in: token.expiration, issued_token_type: 'urn:ietf:params:oauth:token-type:access_token', scope };
}, ['subject_token', 'subject_token_type', 'requested_token_type', 'audience', 'resource', 'scope']);
provider.on('grant.success', (context) => {
  const type = context.oidc.params.grant_type;
  seen.grants[type] = (seen.grants[type] || 0) + 1;
});

const answer = provider.callback();
authorization.on('request', async (request, response) => {
  if (asked.away) return request.socket.destroy();
  if (request.method === 'POST' && request.url === '/token') {
    seen.refreshes += 1;
    await new Promise((resolve) => setTimeout(resolve, asked.delay));
  }
  if (request.url === '/token/revocation') seen.revocations += 1;
  answer(request, response);
});

const json = (response, status, body, headers = {}) => {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
};
const content = async (request) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
};

// As much of MCP 2026-07-28 as a probe and a call need; each answer says whose token it came with, and `rename` wants a scope of its own.
const offered = ['whoami', 'rename'].map((name) => ({ name, description: 'Says whose token was sent.', inputSchema: { type: 'object' } }));
const spoken = ({ id = 1, method }, found) => {
  const account = found.accountId || found.clientId;
  const whole = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' };
  const results = {
    'server/discover': { ...whole, supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, serverInfo: { name: 'guarded', version: '1' } },
    'tools/list': { ...whole, tools: offered },
    'tools/call': { ...whole, content: [{ type: 'text', text: account }] },
    ping: { account },
  };
  return method in results ? { id, result: results[method] } : { id, error: { code: -32601, message: 'Method not found' } };
};

resource.on('request', async (request, response) => {
  const body = await content(request);
  if (request.url === '/-/seen') return json(response, 200, seen);
  if (request.url === '/-/ask') return json(response, 200, Object.assign(asked, JSON.parse(body)));
  if (request.url === '/.well-known/oauth-protected-resource/mcp') {
    return json(response, 200, { resource: mcp, authorization_servers: [issuer], scopes_supported: ['mcp:read', 'mcp:write', 'offline_access'] });
  }
  if (request.url !== '/mcp') return json(response, 404, {});
  const token = (request.headers.authorization || '').replace('Bearer ', '');
  const found = token ? (await provider.AccessToken.find(token)) || (await provider.ClientCredentials.find(token)) : undefined;
  if (!found || found.aud !== mcp) {
    const challenge = `Bearer realm="a, \\"b\\"", resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp", scope="mcp:read offline_access"`;
    return json(response, 401, {}, { 'WWW-Authenticate': token ? `${challenge}, error="invalid_token"` : challenge });
  }
  const asking = JSON.parse(body || '{}');
  if (asking.params?.name === 'rename' && !found.scopes.has('mcp:write')) {
    return json(response, 403, {}, { 'WWW-Authenticate': 'Bearer error="insufficient_scope", scope="mcp:read mcp:write"' });
  }
  seen.calls += 1;
  return json(response, 200, { jsonrpc: '2.0', ...spoken(asking, found) });
});

console.log(JSON.stringify({ issuer, mcp, origin }));
process.stdin.resume().on('end', () => process.exit(0));
