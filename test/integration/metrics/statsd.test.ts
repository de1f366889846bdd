import { createSocket } from "node:dgram";
import { once } from "node:events";
import { describe, expect, onTestFinished, test } from "vitest";
import { statsdMeter } from "../../../src/metrics/statsd.ts";
import { failedRun, runRecord } from "../../support/run-records.ts";

const STARTED = "2026-11-21T04:00:00.000Z";

/** Takes packets. */
async function statsdServer(): Promise<{ port: string; packets: string[] }> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  onTestFinished(() => void socket.close());
  const packets: string[] = [];
  socket.on("message", (message) => packets.push(message.toString()));
  return { port: String(socket.address().port), packets };
}

function meterTo(environment: Record<string, string>, warned: string[] = []) {
  return statsdMeter(environment, { warn: (message) => void warned.push(message) });
}

describe("a run's end", () => {
  test.for([
    [
      "that was done",
      runRecord(STARTED),
      [
        "dataops.run.ended:1|c|#job:backup,name:production,state:done",
        "dataops.run.duration:120000|ms|#job:backup,name:production,state:done",
      ],
    ],
    [
      "with warnings",
      runRecord(STARTED, { exit: "warnings" }),
      [
        "dataops.run.ended:1|c|#job:backup,name:production,state:warnings",
        "dataops.run.duration:120000|ms|#job:backup,name:production,state:warnings",
      ],
    ],
    [
      "that failed",
      failedRun(STARTED, { job: "reindex", name: "products" }),
      [
        "dataops.run.ended:1|c|#job:reindex,name:products,state:failed",
        "dataops.run.duration:120000|ms|#job:reindex,name:products,state:failed",
      ],
    ],
    [
      "of which nobody knows when",
      runRecord(STARTED, { state: "lost", exit: null, ended: null }),
      ["dataops.run.ended:1|c|#job:backup,name:production,state:lost"],
    ],
  ] as const)("%s is sent", async ([, record, expected]) => {
    const { port, packets } = await statsdServer();
    const warned: string[] = [];
    const meter = meterTo({ STATSD_HOST: "127.0.0.1", STATSD_PORT: port }, warned);
    await meter?.started(record);
    await meter?.ended(record);
    await expect.poll(() => packets.toSorted()).toEqual(expected.toSorted());
    expect(warned).toEqual([]);
  });
});

test("without STATSD_HOST nothing is sent", () => {
  expect(meterTo({})).toBeUndefined();
  expect(meterTo({ STATSD_HOST: "", STATSD_PORT: "1" })).toBeUndefined();
});

test.for(["0", "65536", "x", "-1", "8125 "])("a port that is none is told: %j", (port) => {
  const warned: string[] = [];
  expect(meterTo({ STATSD_HOST: "127.0.0.1", STATSD_PORT: port }, warned)).toBeUndefined();
  expect(warned).toEqual(["STATSD_PORT is no port: nothing is sent to StatsD"]);
});

test("a host that is nowhere is told, and nothing fails", async () => {
  const warned: string[] = [];
  const began = performance.now();
  await meterTo({ STATSD_HOST: "statsd.invalid" }, warned)?.ended(runRecord(STARTED));
  expect(warned).toEqual([expect.stringContaining("could not be sent to StatsD")]);
  expect(performance.now() - began).toBeLessThan(3_000);
});

test("nobody there is no matter: that is how UDP is", async () => {
  const warned: string[] = [];
  await meterTo({ STATSD_HOST: "127.0.0.1", STATSD_PORT: "9" }, warned)?.ended(runRecord(STARTED));
  expect(warned).toEqual([]);
});
