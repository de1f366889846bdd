import { createServer, type Socket } from "node:net";
import { TLSSocket, type SecureContext } from "node:tls";
import { listen } from "./ports.ts";

/** What a mail server was told, line by line, and the messages that it took. */
export interface SmtpReceiver extends AsyncDisposable {
  port: number;
  /** Commands, as they came; those after STARTTLS begin with `(tls) `. */
  commands: readonly string[];
  messages: readonly string[];
  /** Connections that are open now. */
  connections(): number;
}

export interface SmtpOptions {
  /** Offers STARTTLS with it. */
  secureContext?: SecureContext;
  /** Offers AUTH, and takes any. */
  takesPasswords?: boolean;
  /** What it says in place of its usual reply, by the command's first word; undefined for the usual one, null for silence. */
  reply?: (verb: string, count: number) => string | null | undefined;
}

/** A mail server that keeps what it gets to itself: RFC 5321, as much of it as one message needs. */
export async function startSmtpReceiver(options: SmtpOptions = {}): Promise<SmtpReceiver> {
  const commands: string[] = [];
  const messages: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    socket.write("220 mail.test ESMTP\r\n");
    converse(socket, false, { options, commands, messages });
  });
  const port = await listen(server);
  return {
    port,
    commands,
    messages,
    connections: () => sockets.size,
    [Symbol.asyncDispose]: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => void server.close(() => resolve()));
    },
  };
}

interface Conversation {
  options: SmtpOptions;
  commands: string[];
  messages: string[];
}

function converse(socket: Socket, isSecure: boolean, conversation: Conversation): void {
  const { options, commands, messages } = conversation;
  let rest = "";
  let message: string[] | undefined;
  const take = (line: string): void => {
    if (message !== undefined) {
      if (line !== ".") return void message.push(line);
      messages.push(message.join("\n"));
      message = undefined;
      return answer("END");
    }
    commands.push(`${isSecure ? "(tls) " : ""}${line}`);
    const verb = line.split(" ", 1)[0]?.toUpperCase() ?? "";
    if (verb === "DATA") message = [];
    answer(verb);
    if (verb === "STARTTLS" && options.secureContext !== undefined) {
      socket.removeListener("data", onData);
      const secured = new TLSSocket(socket, { isServer: true, secureContext: options.secureContext });
      secured.on("error", () => undefined);
      converse(secured, true, conversation);
    }
  };
  const answer = (verb: string): void => {
    const count = commands.filter((line) => line.replace("(tls) ", "").startsWith(verb)).length;
    const own = options.reply?.(verb, count);
    if (own === null) return;
    socket.write(`${own ?? usualReply(verb, isSecure, options)}\r\n`);
  };
  const onData = (chunk: Buffer): void => {
    const lines = (rest + chunk.toString("latin1")).split("\r\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(line);
  };
  socket.on("data", onData);
}

function usualReply(verb: string, isSecure: boolean, options: SmtpOptions): string {
  switch (verb) {
    case "EHLO": {
      const offers = [
        "mail.test",
        ...(options.secureContext !== undefined && !isSecure ? ["STARTTLS"] : []),
        ...(options.takesPasswords === true ? ["AUTH PLAIN LOGIN"] : []),
        "8BITMIME",
      ];
      return offers
        .map((offer, index) => `250${index === offers.length - 1 ? " " : "-"}${offer}`)
        .join("\r\n");
    }
    case "AUTH":
      return "235 2.7.0 welcome";
    case "DATA":
      return "354 go on";
    case "STARTTLS":
      return options.secureContext === undefined ? "502 5.5.1 what?" : "220 go on";
    case "QUIT":
      return "221 bye";
    default:
      return "250 2.0.0 fine";
  }
}
