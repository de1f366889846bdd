/**
 * Measures our upload beside `@aws-sdk/lib-storage`, each run in a process of its own against a real S3 server:
 * `npm run bench:upload -- --size 1GB --runs 3`. Prints medians, ratios and peak memory; every object is read back.
 */
import { createHash, type Hash } from "node:crypto";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { openS3Storage } from "../src/storage/s3.ts";
import { uploadStream } from "../src/storage/upload.ts";
import { startCeph } from "../test/support/s3-servers.ts";
import { measure, median, type Measurement } from "./measure.ts";
import { megabytes, parseSize } from "./size.ts";

const CONTENDERS = ["lib-storage", "ours"] as const;
type Contender = (typeof CONTENDERS)[number];

const BUCKET = "bench";
const KEY = "object";
const PART_SIZE = 8 * 1024 * 1024;
/** Parts on their way at once, for both. */
const CONCURRENCY = 3;
/** What a pipe gives at a time. */
const CHUNK_SIZE = 64 * 1024;

const { values } = parseArgs({
  options: {
    size: { type: "string", default: "500MB" },
    runs: { type: "string", default: "3" },
    /** What a child process does. */
    contender: { type: "string" },
  },
});
const size = parseSize(values.size);
if (values.contender === undefined) await compare(Number(values.runs));
else await upload(CONTENDERS.find((name) => name === values.contender) ?? "ours");

async function compare(runs: number): Promise<void> {
  const server = await startCeph();
  try {
    await server.createBucket(BUCKET);
    const environment = {
      PATH: process.env["PATH"],
      AWS_ENDPOINT_URL_S3: server.endpoint,
      AWS_REGION: server.region,
      AWS_ACCESS_KEY_ID: server.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
    };
    const results: Record<Contender, Measurement[]> = { "lib-storage": [], ours: [] };
    for (let run = 0; run < runs; run += 1) {
      for (const contender of run % 2 === 0 ? CONTENDERS : CONTENDERS.toReversed()) {
        const args = [fileURLToPath(import.meta.url), "--contender", contender, "--size", values.size];
        results[contender].push(await measure({ command: process.execPath, args, environment }));
      }
    }
    print(results);
  } finally {
    await server.stop();
  }
}

function print(results: Record<Contender, Measurement[]>): void {
  const lines = CONTENDERS.map((name) => {
    const runs = results[name];
    const ratio = median(
      runs.map(({ seconds }, run) => seconds / (results["lib-storage"][run]?.seconds ?? Number.NaN)),
    );
    const peak = Math.max(...runs.map(({ peakBytes }) => peakBytes ?? 0));
    const seconds = median(runs.map((run) => run.seconds));
    return `| ${name} | ${seconds.toFixed(1)} s | ${ratio.toFixed(2)} | ${megabytes(peak)} |`;
  });
  const header = [
    `| upload of ${values.size} | wall time | ratio | peak memory |`,
    "| --- | --- | --- | --- |",
  ];
  process.stdout.write(`${[...header, ...lines].join("\n")}\n`);
}

/** Uploads, then reads back what arrived: an upload that lost a byte has no time. */
async function upload(contender: Contender): Promise<void> {
  const storage = openS3Storage({
    bucket: BUCKET,
    prefix: contender,
    endpoint: process.env["AWS_ENDPOINT_URL_S3"],
    partSize: PART_SIZE,
  });
  const sent = createHash("sha256");
  const { signal } = new AbortController();
  if (contender === "ours") {
    await uploadStream(storage, KEY, chunks(sent), { estimatedSize: 0, concurrency: CONCURRENCY, signal });
  } else {
    await new Upload({
      client: new S3Client({ forcePathStyle: true }),
      params: { Bucket: BUCKET, Key: `${contender}/${KEY}`, Body: Readable.from(chunks(sent)) },
      partSize: PART_SIZE,
      queueSize: CONCURRENCY,
    }).done();
  }
  const received = createHash("sha256");
  for await (const chunk of await storage.get(KEY)) received.update(chunk);
  if (sent.digest("hex") !== received.digest("hex"))
    throw new Error(`${contender}: what arrived is not what was sent`);
}

/** New buffers each time, as a pipe gives them; the same bytes for both. */
async function* chunks(hash: Hash): AsyncGenerator<Buffer, void, void> {
  for (let made = 0; made < size; made += CHUNK_SIZE) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_SIZE, size - made)).fill(made / CHUNK_SIZE);
    hash.update(chunk);
    yield chunk;
  }
}
