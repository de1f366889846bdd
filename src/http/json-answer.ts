import type { Answer } from "./server.ts";

/** One JSON document. */
export function jsonAnswer(status: number, body: object): Answer {
  return { status, type: "application/json; charset=utf-8", body: `${JSON.stringify(body, null, 1)}\n` };
}
