import type { ConnectionSettings } from "../config/connection.ts";
import type { Progress } from "../observe/reporter.ts";
import { withFreshPassword } from "../postgres/fresh-password.ts";
import { exitGate } from "../postgres/exit-gate.ts";
import type { Environment } from "../config/environment.ts";
import { spawnTool, type InstalledTools, type RunningTool } from "../postgres/tools.ts";
import type { ManifestArchive } from "../repository/manifest.ts";
import type { Storage } from "../storage/storage.ts";
import { uploadStream } from "../storage/upload.ts";
import { checkArchive } from "./archive-check.ts";
import { compress } from "./compress.ts";
import { checkContents, type KnownTable } from "./contents-check.ts";
import { discardObject, discardUploads } from "./discard.ts";
import { choosePieceSize, PieceHasher } from "./pieces.ts";
import { patientlyStarting } from "./patient-start.ts";
import { checkArguments, dumpArguments, listArguments } from "./plan.ts";
import { watchForStall } from "./stall.ts";

export interface DumpRequest {
  connection: ConnectionSettings;
  applicationName: string;
  tools: InstalledTools;
  /** What the programs inherit `PATH` and the like from. */
  environment: Environment;
  snapshot: string;
  /** Milliseconds. */
  lockWaitTimeout: number;
  /** Milliseconds without a byte after which the run ends. */
  stallTimeout: number;
  compressionLevel: number;
  /** All tables whose rows are in the backup. */
  tables: readonly KnownTable[];
  /** Those whose rows are not in the archive. */
  blockTables: readonly KnownTable[];
  storage: Storage;
  key: string;
  /** Bytes that the archive may have. */
  estimatedSize: number;
  /** Must be fulfilled before the upload may be completed. */
  required: Promise<unknown>;
  progress: Progress;
  signal: AbortSignal;
  /** Told what must end the run, when it is not an error of the stream itself. */
  fail: (error: Error) => void;
}

/**
 * Runs pg_dump and uploads what it writes: checked, compressed and hashed on the way, in bounded memory.
 *
 * The stream's end reaches the upload only after pg_dump exited with 0, pg_restore read the whole archive, the archive was
 * found to hold the rows of the tables that it must hold and of no others, and `required` is fulfilled. Only then is the
 * upload completed. After any failure: no process of ours runs, no upload is open, and there is no object.
 *
 * @throws DataopsError `failed`, `corrupt`, and as `uploadStream` and the programs do; after an abort: the signal's reason
 */
export async function dumpArchive(request: DumpRequest): Promise<ManifestArchive> {
  const { storage, key, signal, estimatedSize } = request;
  const hasher = new PieceHasher(choosePieceSize(estimatedSize));
  const measured: Measured = { rawSize: 0, ended: false };
  const programs: RunningTool[] = [];
  try {
    const stored = tap(readArchive(request, programs, measured), (chunk) => hasher.update(chunk));
    const held = holdEnd(stored, async () => {
      await request.required;
      measured.ended = true;
    });
    await uploadStream(patientlyStarting(storage), key, held, { estimatedSize, signal });
  } catch (error) {
    // The completion may have succeeded although its answer was lost.
    if (measured.ended) await discardObject(storage, key);
    throw error;
  } finally {
    await Promise.all(programs.map((program) => program.kill()));
    // After a success, too: an upload may have been begun twice, where the first answer was lost.
    await discardUploads(storage, key);
  }
  return { object: "archive.dump.zst", rawSize: measured.rawSize, ...hasher.finish() };
}

interface Measured {
  /** Bytes that pg_dump wrote. */
  rawSize: number;
  /** Whether the upload has seen the stream's end. */
  ended: boolean;
}

/**
 * The archive as it is stored, checked and compressed on its way.
 *
 * The programs start with the first read, not before: Node throws away what a program wrote that ends while nobody reads.
 */
async function* readArchive(
  request: DumpRequest,
  programs: RunningTool[],
  measured: Measured,
): AsyncGenerator<Uint8Array, void, void> {
  using stall = watchForStall(request.stallTimeout, request.fail);
  const dump = await startDump(request);
  programs.push(dump);
  const lister = startReader(request, listArguments());
  programs.push(lister);
  const reader = startReader(request, checkArguments());
  programs.push(reader);
  const raw = tap(stall.watch(exitGate(dump)), ({ byteLength }) => {
    measured.rawSize += byteLength;
    request.progress.add(byteLength);
  });
  const complete = checkContents(raw, lister, request);
  yield* compress(checkArchive(complete, reader), request.compressionLevel);
}

/** What pg_dump leaves to the server: without them, the same rows could be other text in the next backup. */
const TEXT_SETTINGS = { TimeZone: "UTC", bytea_output: "hex" } as const;

async function startDump(request: DumpRequest): Promise<RunningTool> {
  const { tools, snapshot, lockWaitTimeout, blockTables } = request;
  const { connection, applicationName, environment, signal } = request;
  return spawnTool(
    { program: "pg_dump", directory: tools.directory },
    dumpArguments({ snapshot, lockWaitTimeout, clientMajor: tools.major, blockTables }),
    {
      settings: await withFreshPassword(connection, signal),
      applicationName,
      environment,
      signal,
      serverSettings: TEXT_SETTINGS,
    },
  );
}

function startReader(
  { tools, environment, signal }: DumpRequest,
  commandArguments: readonly string[],
): RunningTool {
  return spawnTool({ program: "pg_restore", directory: tools.directory }, commandArguments, {
    environment,
    signal,
    stdin: "pipe",
  });
}

/** Passes a stream on, and shows each chunk to `look` first. */
async function* tap(
  source: AsyncIterable<Uint8Array>,
  look: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of source) {
    look(chunk);
    yield chunk;
  }
}

/** Passes a stream on, and ends after `before` has fulfilled; if it rejects, the stream fails. */
async function* holdEnd(
  source: AsyncIterable<Uint8Array>,
  before: () => Promise<void>,
): AsyncGenerator<Uint8Array, void, void> {
  yield* source;
  await before();
}
