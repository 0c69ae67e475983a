// A SAML identity provider as people run them: npm's `samlp`, behind a page on which somebody signs in.
// Prints one line of JSON with its origin. What a test asks of it beyond the protocol goes to /-/ask.
import http from 'node:http';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { X509Certificate } from 'node:crypto';

const samlp = createRequire(import.meta.url)('samlp');
const { KEY: key, CERT: cert, LOGOUT: logoutBy } = process.env;
const server = http.createServer();
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const origin = `http://127.0.0.1:${server.address().port}`;
const issuer = `${origin}/saml`;
const LOGOUT = `urn:oasis:names:tc:SAML:2.0:bindings:HTTP-${logoutBy === 'post' ? 'POST' : 'Redirect'}`;
const EMAIL = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress';
const asked = { people: {}, service: {} };
const states = new Map();
let signedIn = [];

const store = {
  save: (_request, state, done) => { const id = `s${states.size + 1}`; states.set(id, state); done(null, id); },
  load: (_request, id, options, done) => { const found = states.get(id); (done || options)(null, found); },
  update: (_request, id, state, done) => { states.set(id, state); done(null, id); },
};
const same = (one, provider, indexes, name) =>
  one.serviceProviderId === provider && one.nameId === name && (!indexes || !indexes.length || indexes.includes(one.sessionIndex));
const participants = {
  hasElements: () => signedIn.length > 0,
  get: (provider, indexes, name, done) => done(null, signedIn.find((one) => same(one, provider, indexes, name))),
  getFirst: (done) => done(null, signedIn[0]),
  remove: (provider, index, name, done) => {
    const found = signedIn.find((one) => same(one, provider, index ? [index] : [], name));
    signedIn = signedIn.filter((one) => one !== found);
    done(null, found);
  },
};

class Profile {
  constructor(person) { this.person = person; }
  getClaims() { return { [EMAIL]: this.person.email, displayName: this.person.name, groups: this.person.groups || [] }; }
  getNameIdentifier() {
    return { nameIdentifier: this.person.id, nameIdentifierFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent' };
  }
}
Profile.prototype.metadata = [];
const mapper = Object.assign((person) => new Profile(person), { prototype: Profile.prototype });

const page = (query) => `<!doctype html><title>Sign in</title><form method="post">
<input name="login" aria-label="Login">${['SAMLRequest', 'RelayState', 'Signature', 'SigAlg'].map((name) => `<input type="hidden" name="${name}" value="${query[name] || ''}">`).join('')}
<button>Sign in</button></form>`;

// As providers do that find a certificate for it in the service's metadata.
const encryption = ({ encryptTo, encryptBy }) => (encryptTo ? {
  encryptionCert: encryptTo, disallowEncryptionWithInsecureAlgorithm: false, warnOnInsecureEncryptionAlgorithm: false,
  encryptionAlgorithm: `http://www.w3.org/2001/04/xmlenc#${encryptBy}`.replace('2001/04/xmlenc#aes256-gcm', '2009/xmlenc11#aes256-gcm'),
  encryptionPublicKey: new X509Certificate(encryptTo).publicKey.export({ type: 'spki', format: 'pem' }),
} : {});

const answer = (request, response, next) => {
  const counter = `_${Date.now()}`;
  samlp.auth({
    issuer, cert, key, profileMapper: mapper, sessionIndex: counter, RelayState: request.body.RelayState,
    destination: asked.service.acs, recipient: asked.service.acs, ...encryption(asked.service),
    getPostURL: (_audience, dom, _request, done) => done(null, dom ? dom.documentElement.getAttribute('AssertionConsumerServiceURL') : asked.service.acs),
    ...(request.body.SAMLRequest ? {} : { audience: asked.service.entity }),
    getUserFromRequest: () => {
      const person = { id: `id of ${request.body.login}`, name: request.body.login, ...asked.people[request.body.login] };
      signedIn.push({ serviceProviderId: asked.service.entity, nameId: person.id, sessionIndex: counter, binding: LOGOUT,
        nameIdFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent', serviceProviderLogoutURL: asked.service.slo, cert: asked.service.cert });
      return person;
    },
  })(request, response, next);
};
const logout = samlp.logout({ issuer, cert, key, deflate: true, protocolBinding: LOGOUT, sessionParticipants: participants, store });
const metadata = samlp.metadata({ issuer, cert, profileMapper: mapper, redirectEndpointPath: '/sso', postEndpointPath: '/sso', logoutEndpointPaths: { [logoutBy]: '/slo' } });

server.on('request', async (request, response) => {
  const url = new URL(request.url, origin);
  const parts = [];
  for await (const part of request) parts.push(part);
  const text = Buffer.concat(parts).toString();
  request.query = Object.fromEntries(url.searchParams);
  request.body = Object.fromEntries(new URLSearchParams(text));
  request.protocol = 'http';
  request.originalUrl = request.url;
  response.set = (name, value) => response.setHeader(name, value);
  response.send = (body) => { if (typeof body === 'number') { response.statusCode = body; response.end('Done'); } else response.end(body); };
  response.redirect = (to) => { response.writeHead(302, { Location: to }); response.end(); };
  const next = (error) => { response.statusCode = 400; response.end(String(error)); };
  if (url.pathname === '/-/ask') { Object.assign(asked, JSON.parse(text)); return response.end('{}'); }
  if (url.pathname === '/-/seen') return response.end(JSON.stringify({ sessions: signedIn.length }));
  if (url.pathname === '/metadata') return metadata(request, response);
  if (url.pathname === '/slo') return logout(request, response, next);
  if (url.pathname !== '/sso') { response.statusCode = 404; return response.end(); }
  if (request.method === 'POST') { request.query = {}; return answer(request, response, next); }
  response.setHeader('Content-Type', 'text/html');
  return response.end(page(request.query));
});

console.log(JSON.stringify({ origin }));
process.stdin.resume().on('end', () => process.exit(0));
