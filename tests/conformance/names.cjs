// Has every name that ends with the tests' domain be this machine: it is in no DNS.
const dns = require("node:dns");

const usual = dns.lookup;

dns.lookup = (name, ...rest) => usual(name.endsWith(".hosts.example") ? "127.0.0.1" : name, ...rest);
