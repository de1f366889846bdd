import {
  METRICS,
  STATSD_METRICS,
  STATSD_TAGS,
  type MetricDefinition,
} from "../../src/metrics/definitions.ts";
import { table } from "./table.ts";

/** Every metric, from the definitions that the program registers. */
export function metricsPage(): string[] {
  const metrics: [string, MetricDefinition][] = Object.entries(METRICS);
  const quoted = (labels: readonly string[]): string => labels.map((label) => `\`${label}\``).join(", ");
  return [
    "# Metrics",
    "",
    "At `/metrics` of `dataops daemon`, for Prometheus. All but those of the process are read from the storage: a restart loses nothing, and of several replicas each tells the same.",
    "`job` is the job's kind, `name` the database's or the index's name in the configuration, `database` the database whose records they are. How to use them: [monitoring](../monitoring.md).",
    "",
    ...table(
      ["metric", "type", "labels", "meaning"],
      metrics.map(([name, { type, labels, help }]) => [`\`${name}\``, type, quoted(labels), help]),
    ),
    "",
    "## StatsD",
    "",
    "Where `STATSD_HOST` is set, the end of each run is sent there by UDP, by the daemon as by single commands.",
    "",
    ...table(
      ["metric", "type", "meaning"],
      Object.entries(STATSD_METRICS).map(([name, { type, help }]) => [`\`${name}\``, type, help]),
    ),
    "",
    ...table(
      ["tag", "value"],
      Object.entries(STATSD_TAGS).map(([name, value]) => [`\`${name}\``, value]),
    ),
  ];
}
