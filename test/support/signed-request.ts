import { createHash, createHmac } from "node:crypto";
import type { S3Description } from "./server-broker.ts";

/** A request to an S3 server for which its client has no command: Ceph's ways to make users and give them policies. */
export interface PlainRequest {
  method: "POST" | "PUT" | "DELETE";
  path: string;
  query?: Readonly<Record<string, string>>;
  /** Fields of a form. */
  form?: Readonly<Record<string, string>>;
}

/**
 * Sends a request that is signed with AWS's signature, version 4, and returns what the answer says.
 *
 * @throws Error for an answer other than 2xx
 */
export async function sendSigned(server: S3Description, request: PlainRequest): Promise<string> {
  const { method, path, query = {}, form } = request;
  const url = new URL(path, server.endpoint);
  url.search = encodeFields(query);
  const body = form === undefined ? "" : encodeFields(form);
  const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const signed: Record<string, string> = {
    host: url.host,
    "x-amz-content-sha256": sha256(body),
    "x-amz-date": time,
  };
  const names = Object.keys(signed).join(";");
  const canonical = [
    method,
    path,
    url.search.slice(1),
    ...Object.entries(signed).map(([name, value]) => `${name}:${value}`),
    "",
    names,
    sha256(body),
  ].join("\n");
  const scope = [time.slice(0, 8), server.region, "s3", "aws4_request"];
  const toSign = ["AWS4-HMAC-SHA256", time, scope.join("/"), sha256(canonical)].join("\n");
  let key: Buffer | string = `AWS4${server.secretAccessKey}`;
  for (const part of scope) key = hmac(key, part);
  const credential = `${server.accessKeyId}/${scope.join("/")}`;
  const signature = hmac(key, toSign).toString("hex");
  const { host: _host, ...headers } = signed;
  const answer = await fetch(url, {
    method,
    headers: {
      ...headers,
      ...(form === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }),
      authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`,
    },
    ...(form === undefined ? {} : { body }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: HTTP ${answer.status}: ${text}`);
  return text;
}

/** Sorted, and with `%20` for a space: as the signature has it. */
function encodeFields(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .toSorted()
    .join("&");
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  });
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
