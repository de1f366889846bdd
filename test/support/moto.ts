import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./ports.ts";
import { ServerUnavailable } from "./server-unavailable.ts";

const START_TIMEOUT = 60_000;
const POLL_INTERVAL = 100;

/** Moto, a stand-in for AWS's services beside S3: it keeps what it is told, and checks neither signatures nor rights. */
export interface Moto extends AsyncDisposable {
  url: string;
  /** Its one account's number. */
  account: string;
  /** Calls a service that speaks JSON: `ecs`, `AmazonEC2ContainerServiceV20141113.DescribeClusters`. */
  call(service: string, target: string, body: object): Promise<unknown>;
  /** Calls a service that takes forms and answers in XML: `iam`, `{ Action: "GetRole", … }`. */
  query(service: string, parameters: Readonly<Record<string, string>>): Promise<string>;
  /** Reads from a service by a path. */
  get(service: string, path: string): Promise<unknown>;
}

/**
 * Starts an empty one.
 *
 * @throws ServerUnavailable where it is not installed
 */
export async function startMoto(region: string): Promise<Moto> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  // It knows Amazon's own policies only if it is told to.
  const env = { ...process.env, MOTO_IAM_LOAD_MANAGED_POLICIES: "true" };
  const server = spawn("moto_server", ["-H", "127.0.0.1", "-p", String(port)], { env, stdio: "ignore" });
  const kill = (): unknown => server.kill("SIGKILL");
  process.once("exit", kill);
  const gone = once(server, "exit").catch(() => undefined);
  const stop = async (): Promise<void> => {
    kill();
    await gone;
    process.off("exit", kill);
  };
  try {
    await once(server, "spawn");
  } catch (error) {
    process.off("exit", kill);
    throw new ServerUnavailable("moto is not installed: pip install 'moto[server]'", { cause: error });
  }
  try {
    await untilAnswering(url);
  } catch (error) {
    await stop();
    throw error;
  }

  async function ask(service: string, path: string, init: RequestInit): Promise<string> {
    // Which service is meant, it takes from here.
    const scope = `test/20260101/${region}/${service}/aws4_request`;
    const authorization = `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`;
    const headers = new Headers(init.headers);
    headers.set("authorization", authorization);
    const answer = await fetch(`${url}${path}`, { ...init, headers });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${service} answered ${answer.status}: ${text}`);
    return text;
  }

  return {
    url,
    account: "123456789012",
    call: async (service, target, body) => {
      const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": target };
      return JSON.parse(await ask(service, "/", { method: "POST", headers, body: JSON.stringify(body) }));
    },
    query: (service, parameters) =>
      ask(service, "/", { method: "POST", body: new URLSearchParams(parameters) }),
    get: async (service, path) => JSON.parse(await ask(service, path, {})),
    [Symbol.asyncDispose]: stop,
  };
}

async function untilAnswering(url: string): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT;
  while (Date.now() < deadline) {
    const answer = await fetch(`${url}/moto-api/`).catch(() => undefined);
    if (answer?.ok === true) return;
    await sleep(POLL_INTERVAL);
  }
  throw new Error(`moto does not answer at ${url}`);
}
