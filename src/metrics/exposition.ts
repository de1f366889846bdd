import { Counter, Gauge, Registry } from "prom-client";
import { METRICS, type MetricDefinition, type MetricName } from "./definitions.ts";
import type { Sample } from "./samples.ts";

/** As `Content-Type`. */
export const EXPOSITION_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE;

/** Samples as text that Prometheus reads. Metrics of which there is no sample are left out, and so is what is no number. */
export async function exposition(samples: readonly Sample[]): Promise<string> {
  // A new one each time: what is no more, a database of an earlier configuration for one, is not told any more.
  const registry = new Registry();
  const byMetric = Map.groupBy(
    samples.filter(({ value }) => Number.isFinite(value)),
    ({ metric }) => metric,
  );
  for (const [name, some] of byMetric) {
    const set = register(name, registry);
    for (const { labels, value } of some) set(labels, value);
  }
  return registry.metrics();
}

function register(
  name: MetricName,
  registry: Registry,
): (labels: Readonly<Record<string, string>>, value: number) => void {
  const { type, help, labels }: MetricDefinition = METRICS[name];
  const options = { name, help, labelNames: labels, registers: [registry] };
  if (type === "counter") {
    const counter = new Counter<string>(options);
    return (values, value) => counter.inc({ ...values }, value);
  }
  const gauge = new Gauge<string>(options);
  return (values, value) => gauge.set({ ...values }, value);
}
