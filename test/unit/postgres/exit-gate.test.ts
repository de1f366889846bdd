import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { describe, expect, test } from "vitest";
import { exitGate, requireSuccess } from "../../../src/postgres/exit-gate.ts";
import { spawnTool, type RunningTool, type SpawnOptions } from "../../../src/postgres/tools.ts";
import { fakePrograms, type FakePrograms } from "../../support/fake-program.ts";

const MEGABYTES_12 = 12 * 1024 * 1024;
const WRITE_12_MB = "head -c 12582912 /dev/zero";

function start(programs: FakePrograms, options: SpawnOptions = {}): RunningTool {
  return spawnTool({ directory: programs.directory, program: "pg_dump" }, ["--format=custom"], options);
}

async function count(source: AsyncIterable<Uint8Array>, received: { bytes: number }): Promise<void> {
  for await (const chunk of source) received.bytes += chunk.byteLength;
}

describe("the exit gate", () => {
  test("gives every byte of a program that ends with 0", async () => {
    await using programs = await fakePrograms("15.20", { pg_dump: WRITE_12_MB });
    const received = { bytes: 0 };
    await count(exitGate(start(programs)), received);
    expect(received.bytes).toBe(MEGABYTES_12);
  });

  test("fails when the program wrote 12 MB, closed its output, and only then exited with 1", async () => {
    await using programs = await fakePrograms("15.20", {
      pg_dump: `${WRITE_12_MB}\nexec 1>&-\nsleep 0.3\necho 'pg_dump: error: query failed: disk on fire' >&2\nexit 1`,
    });
    const received = { bytes: 0 };
    await expect(count(exitGate(start(programs)), received)).rejects.toMatchObject({
      exit: "failed",
      message: "pg_dump failed (exit code 1): query failed: disk on fire",
    });
    expect(received.bytes).toBe(MEGABYTES_12);
  });

  test("fails a pipeline, whose sink never finishes", async () => {
    await using programs = await fakePrograms("15.20", { pg_dump: `${WRITE_12_MB}\nexit 1` });
    const folder = await mkdtemp(join(tmpdir(), "dataops-sink-"));
    try {
      const sink = createWriteStream(join(folder, "archive"));
      let finished = false;
      sink.once("finish", () => (finished = true));
      await expect(pipeline(Readable.from(exitGate(start(programs))), sink)).rejects.toMatchObject({
        exit: "failed",
      });
      expect(finished).toBe(false);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("fails when a signal ended the program", async () => {
    await using programs = await fakePrograms("15.20", { pg_dump: `${WRITE_12_MB}\nkill -9 $$` });
    await expect(count(exitGate(start(programs)), { bytes: 0 })).rejects.toMatchObject({
      exit: "failed",
      message: "pg_dump failed (signal SIGKILL): it did not say why",
    });
  });

  test("fails when the program cannot be started", async () => {
    const running = spawnTool({ directory: "/nowhere", program: "pg_dump" }, []);
    await expect(count(exitGate(running), { bytes: 0 })).rejects.toMatchObject({
      exit: "tool",
      message: expect.stringContaining("pg_dump could not be started"),
    });
  });

  test("ends the program when the reader stops early or fails", async () => {
    // It waits for a lock, say: a broken pipe alone would not end it.
    await using programs = await fakePrograms("15.20", { pg_dump: "echo begun\nexec sleep 60" });
    const left = start(programs);
    for await (const chunk of exitGate(left)) {
      expect(chunk.byteLength).toBeGreaterThan(0);
      break;
    }
    expect((await left.exited).code).not.toBe(0);
    const failed = start(programs);
    const sink = async (source: AsyncIterable<Uint8Array>): Promise<void> => {
      for await (const _ of source) throw new Error("storage is full");
    };
    await expect(sink(exitGate(failed))).rejects.toThrow("storage is full");
    expect((await failed.exited).code).not.toBe(0);
  });
});

describe("an abort", () => {
  test("ends the program and gives the signal's reason", async () => {
    await using programs = await fakePrograms("15.20", { pg_dump: `${WRITE_12_MB}\nexec sleep 60` });
    const controller = new AbortController();
    const running = start(programs, { signal: controller.signal });
    const received = { bytes: 0 };
    const counting = count(exitGate(running), received);
    await expect.poll(() => received.bytes).toBe(MEGABYTES_12);
    const reason = new Error("stop now");
    controller.abort(reason);
    await expect(counting).rejects.toBe(reason);
    expect(await running.exited).toMatchObject({ signal: "SIGTERM" });
  });

  test("kills a program that ignores SIGTERM", async () => {
    await using programs = await fakePrograms("15.20", {
      pg_dump: "trap '' TERM\necho ready\nwhile :; do sleep 0.1; done",
    });
    const controller = new AbortController();
    const running = start(programs, { signal: controller.signal });
    await new Promise((resolve) => running.stdout.once("data", resolve));
    const started = Date.now();
    controller.abort();
    expect(await running.exited).toMatchObject({ signal: "SIGKILL" });
    expect(Date.now() - started).toBeLessThan(7_000);
  });

  test("before the start throws the reason", () => {
    const reason = new Error("stop now");
    const tool = { directory: "/nowhere", program: "pg_dump" } as const;
    expect(() => spawnTool(tool, [], { signal: AbortSignal.abort(reason) })).toThrow(reason);
  });
});

describe("a program that reads", () => {
  test("and ends early does not throw EPIPE; how it ended is told", async () => {
    await using programs = await fakePrograms("15.20", {
      pg_restore: "head -c 10 >/dev/null\necho 'pg_restore: error: not a valid archive' >&2\nexit 1",
    });
    const running = spawnTool(
      { directory: programs.directory, program: "pg_restore" },
      ["--file=/dev/null"],
      { stdin: "pipe" },
    );
    const { stdin } = running;
    if (stdin === undefined) throw new Error("there is no stdin");
    running.stdout.resume();
    stdin.end(Buffer.alloc(MEGABYTES_12));
    await expect(requireSuccess(running)).rejects.toMatchObject({
      message: expect.stringContaining("not a valid archive"),
    });
  });

  test("passes each line of stderr on as it comes, and keeps the last ones", async () => {
    await using programs = await fakePrograms("15.20", {
      pg_dump: "for i in $(seq 1 50); do echo line $i >&2; done; exit 3",
    });
    const lines: string[] = [];
    const running = start(programs, { onStderrLine: (line) => lines.push(line) });
    running.stdout.resume();
    const exit = await running.exited;
    expect(lines).toHaveLength(50);
    expect(exit).toMatchObject({ code: 3 });
    expect(exit.stderr).toEqual(lines.slice(-20));
  });
});
