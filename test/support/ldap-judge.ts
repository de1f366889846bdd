import { createServer, type Socket } from "node:net";
import { listen } from "./ports.ts";

/** Stands where PostgreSQL asks whether a password is right: an LDAP server that knows simple binds, and no more. */
export interface LdapJudge extends AsyncDisposable {
  port: number;
  /** Every password that was asked about, in order. */
  asked: readonly string[];
}

const SUCCESS = 0;
const INVALID_CREDENTIALS = 49;

/** Tags of BER, as LDAP uses them. */
const SEQUENCE = 0x30;
const INTEGER = 0x02;
const OCTET_STRING = 0x04;
const BIND_REQUEST = 0x60;
const BIND_RESPONSE = 0x61;
const SIMPLE_PASSWORD = 0x80;
const ENUMERATED = 0x0a;

/** Starts one that takes a password if `isRight` says so. */
export async function startLdapJudge(isRight: (password: string) => boolean): Promise<LdapJudge> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let pending = Buffer.alloc(0);
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      for (let message = readElement(pending, SEQUENCE); message !== undefined;) {
        pending = pending.subarray(message.end);
        answer(socket, message.content);
        message = readElement(pending, SEQUENCE);
      }
    });
  });
  const answer = (socket: Socket, message: Buffer): void => {
    const id = readElement(message, INTEGER);
    const request = id && readElement(message.subarray(id.end), BIND_REQUEST);
    // An unbind, or what else somebody may ask for.
    if (request === undefined) return void socket.end();
    const version = readElement(request.content, INTEGER);
    const name = version && readElement(request.content.subarray(version.end), OCTET_STRING);
    const password =
      version && name && readElement(request.content.subarray(version.end + name.end), SIMPLE_PASSWORD);
    const text = password?.content.toString("utf8") ?? "";
    asked.push(text);
    const result = element(ENUMERATED, Buffer.from([isRight(text) ? SUCCESS : INVALID_CREDENTIALS]));
    const nothing = element(OCTET_STRING, Buffer.alloc(0));
    const response = element(BIND_RESPONSE, Buffer.concat([result, nothing, nothing]));
    socket.write(
      element(SEQUENCE, Buffer.concat([element(INTEGER, id?.content ?? Buffer.alloc(1)), response])),
    );
  };
  return {
    port: await listen(server),
    asked,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}

/** The element at the beginning, and where it ends; undefined where it is another, or not all of it is there. */
function readElement(bytes: Buffer, tag: number): { content: Buffer; end: number } | undefined {
  const first = bytes[1];
  if (bytes[0] !== tag || first === undefined) return undefined;
  const lengthBytes = first < 0x80 ? 0 : first - 0x80;
  if (bytes.byteLength < 2 + lengthBytes) return undefined;
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(2, lengthBytes);
  const start = 2 + lengthBytes;
  if (bytes.byteLength < start + length) return undefined;
  return { content: bytes.subarray(start, start + length), end: start + length };
}

/** What we say is short. */
function element(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag, content.byteLength]), content]);
}
