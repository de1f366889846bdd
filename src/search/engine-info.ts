import { z } from "zod";
import { errorOf, failureOf } from "./answer-error.ts";
import type { SearchHttp } from "./client.ts";
import type { Ask } from "./ask.ts";
import type { EngineInfo, SearchOptions } from "./search-engine.ts";
import { SearchError } from "./search-error.ts";

/** Bytes of what an engine says about itself. */
const MAX_ANSWER = 64 * 1024;

/** The oldest major of each that is supported. Before them mappings had types. */
const LEAST_MAJOR = { opensearch: 1, elasticsearch: 7 } as const;

const rootSchema = z.object({
  version: z.object({ number: z.string().max(64), distribution: z.string().optional() }),
});

const nodesSchema = z.object({ nodes: z.record(z.string(), z.object({ version: z.string().max(64) })) });

/**
 * Asks an engine what it is. Not every one answers at its root: some forbid it, some come without.
 *
 * @throws SearchError `unsupported` for an engine that is too old, or something else altogether
 */
export async function readEngineInfo(
  http: SearchHttp,
  ask: Ask,
  url: string,
  options: SearchOptions | undefined,
): Promise<EngineInfo> {
  const what = `asking ${url} what it is`;
  const answer = await http.request({
    method: "GET",
    path: "/",
    maxAnswerBytes: MAX_ANSWER,
    signal: options?.signal,
  });
  const root = rootSchema.safeParse(parseJson(answer.body));
  if (root.success) return requireSupported(url, infoOf(root.data.version));
  const isOtherwiseRefused = answer.status === 404 || answer.status === 405;
  if (answer.status >= 300 && !isOtherwiseRefused) {
    // Through `ask`, which knows what to do about an expired token.
    await ask(what, { method: "GET", path: "/" }, options);
    throw errorOf(what, failureOf(answer.status, answer.body), undefined);
  }
  const isElastic = answer.headers["x-elastic-product"] === "Elasticsearch";
  if (!isElastic) throw notAnEngine(url);
  const query = { filter_path: "nodes.*.version" };
  const nodes = nodesSchema.safeParse(
    await ask(what, { method: "GET", path: "/_nodes/_local", query }, options),
  );
  const [node] = nodes.success ? Object.values(nodes.data.nodes) : [];
  if (node === undefined) throw notAnEngine(url);
  return requireSupported(url, { distribution: "elasticsearch", version: node.version });
}

function infoOf({ number, distribution }: z.infer<typeof rootSchema>["version"]): EngineInfo {
  return { distribution: distribution === "opensearch" ? "opensearch" : "elasticsearch", version: number };
}

/** @throws SearchError `unsupported` */
export function requireSupported(url: string, info: EngineInfo): EngineInfo {
  const { distribution, version } = info;
  const major = Number.parseInt(version, 10);
  const least = LEAST_MAJOR[distribution];
  if (major >= least) return info;
  throw new SearchError("unsupported", `${url} is ${distribution} ${version}, which is too old`, {
    hint: `it takes OpenSearch ${LEAST_MAJOR.opensearch} or Elasticsearch ${LEAST_MAJOR.elasticsearch}, or later`,
  });
}

function notAnEngine(url: string): SearchError {
  return new SearchError("unsupported", `${url} does not answer as a search engine does`, {
    hint: "check the URL: it must lead to OpenSearch or Elasticsearch itself",
  });
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}
