// The server listens on every interface of the machine; what a test starts is nobody else's to reach.
import { Server } from "node:net";

const listen = Server.prototype.listen;
Server.prototype.listen = function (port, ...rest) {
    return listen.call(this, typeof port === "object" ? port : { port: Number(port), host: "127.0.0.1" }, ...rest);
};
