import { expect, test } from "vitest";
import { parseS3Url } from "../../../src/storage/s3-url.ts";

test.each([
  ["s3://acme", { bucket: "acme", prefix: "" }],
  ["s3://acme/", { bucket: "acme", prefix: "" }],
  ["s3://acme/a/b/", { bucket: "acme", prefix: "a/b" }],
  ["s3://acme/my%20backups", { bucket: "acme", prefix: "my backups" }],
  ["s3://acme/100%", undefined],
  ["s3:///prefix", undefined],
  ["s3://key:secret@acme/prefix", undefined],
  ["s3://acme/prefix?region=x", undefined],
  ["https://acme.s3.amazonaws.com/prefix", undefined],
  ["acme/prefix", undefined],
])("%s", (text, expected) => {
  expect(parseS3Url(text)).toEqual(expected);
});
