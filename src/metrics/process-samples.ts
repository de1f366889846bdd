import { version } from "../version.ts";
import type { Sample } from "./samples.ts";

/** What there is to measure of this process. `now` is in milliseconds since the epoch. */
export function processSamples(now: number): Sample[] {
  const { user, system } = process.cpuUsage();
  return [
    { metric: "dataops_build_info", labels: { version, node: process.versions.node }, value: 1 },
    { metric: "process_resident_memory_bytes", labels: {}, value: process.memoryUsage.rss() },
    { metric: "process_cpu_seconds_total", labels: {}, value: (user + system) / 1e6 },
    {
      metric: "process_start_time_seconds",
      labels: {},
      value: Math.round(now / 1000 - process.uptime()),
    },
  ];
}
