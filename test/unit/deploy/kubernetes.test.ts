import { Deployment } from "kubernetes-models/apps/v1";
import { CronJob } from "kubernetes-models/batch/v1";
import { Namespace, Service, ServiceAccount } from "kubernetes-models/v1";
import { describe, expect, test } from "vitest";
import { parseSlot } from "../../../src/commands/run-dependencies.ts";
import { variablesOf } from "../../../src/deploy/task-definition.ts";
import { EXIT_CODES } from "../../../src/errors.ts";
import { jobTitle } from "../../../src/repository/job.ts";
import { scheduledJobs } from "../../../src/schedule/scheduled-jobs.ts";
import { loadText } from "../../support/config-file.ts";
import {
  at,
  filesOf,
  listAt,
  readKit,
  readYaml,
  sorted,
  textAt,
  textsAt,
  type Yaml,
} from "../../support/kit.ts";

const FOLDER = "kubernetes";
const CONFIG = "dataops.config.yaml";
const KUSTOMIZATION = "kustomization.yaml";

const FILES = (await filesOf(FOLDER)).filter((file) => file !== CONFIG && file !== KUSTOMIZATION);
const RESOURCES = (
  await Promise.all(
    FILES.map(async (file) => (await readYaml(FOLDER, file)).map((resource) => ({ file, resource }))),
  )
).flat();

/** Each kind's schema, as Kubernetes publishes it. */
const VALIDATE: Readonly<Record<string, (resource: never) => void>> = {
  Namespace: (resource) => new Namespace(resource).validate(),
  ServiceAccount: (resource) => new ServiceAccount(resource).validate(),
  Service: (resource) => new Service(resource).validate(),
  Deployment: (resource) => new Deployment(resource).validate(),
  CronJob: (resource) => new CronJob(resource).validate(),
};

const POD = {
  Deployment: "spec.template.spec",
  CronJob: "spec.jobTemplate.spec.template.spec",
} as const;

/** What runs dataops: its kind, its name, and the specification of its pod. */
const WORKLOADS = RESOURCES.flatMap(({ resource }): [string, Yaml, unknown][] => {
  const { kind } = resource;
  if (kind !== "Deployment" && kind !== "CronJob") return [];
  return [[`${kind} ${textAt(resource, "metadata.name")}`, resource, at(resource, POD[kind])]];
});

function named(kind: string, name: string): Yaml {
  const found = RESOURCES.find(
    ({ resource }) => resource["kind"] === kind && at(resource, "metadata.name") === name,
  );
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`);
  return found.resource;
}

test.each(RESOURCES)(
  "$resource.kind of $file is what Kubernetes' schema says, in the namespace",
  ({ resource }) => {
    const kind = textAt(resource, "kind");
    const validate = VALIDATE[kind];
    expect(validate, `a schema for ${kind}`).toBeDefined();
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- what it is, the schema says
    expect(() => validate?.(resource as never)).not.toThrow();
    expect(at(resource, "metadata.namespace")).toBe(kind === "Namespace" ? undefined : "dataops");
  },
);

test("kustomize takes every file, but what is there to choose", async () => {
  const [kustomization] = await readYaml(FOLDER, KUSTOMIZATION);
  const text = await readKit(FOLDER, KUSTOMIZATION);
  const taken = listAt(kustomization, "resources");
  const offered = [...text.matchAll(/^ *# - (\S+)$/gm)].map(([, file]) => file);
  expect(sorted([...taken, ...offered])).toEqual(FILES);
  expect(at(kustomization, "configMapGenerator.0.files")).toEqual([CONFIG]);
});

test("the namespace enforces the restricted standard", () => {
  expect(at(named("Namespace", "dataops"), "metadata.labels")).toMatchObject({
    "pod-security.kubernetes.io/enforce": "restricted",
  });
});

describe.each(WORKLOADS)("%s", (_name, resource, pod) => {
  const container = at(pod, "containers.0");

  test("keeps the restricted standard of pod security, with a read-only root", () => {
    expect(listAt(pod, "containers")).toHaveLength(1);
    expect(at(pod, "securityContext")).toEqual({
      runAsNonRoot: true,
      runAsUser: 10001,
      runAsGroup: 10001,
      fsGroup: 10001,
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(at(container, "securityContext")).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
    for (const name of ["hostNetwork", "hostPID", "hostIPC", "hostUsers"])
      expect(at(pod, name)).toBeUndefined();
    for (const volume of listAt(pod, "volumes")) {
      expect(at(volume, "configMap") ?? at(volume, "emptyDir"), JSON.stringify(volume)).toBeDefined();
    }
  });

  test("can write where the image writes, and within bounds", () => {
    const mounts = listAt(container, "volumeMounts");
    const writable = mounts.filter((mount) => at(mount, "readOnly") !== true);
    expect(sorted(writable.map((mount) => at(mount, "mountPath")))).toEqual(["/tmp", "/var/lib/dataops"]);
    expect(textsAt(container, "volumeMounts", "name")).toEqual(textsAt(pod, "volumes", "name"));
    expect(at(container, "resources")).toMatchObject({
      requests: { cpu: expect.any(String) as unknown, memory: expect.any(String) as unknown },
      limits: { memory: expect.any(String) as unknown, "ephemeral-storage": expect.any(String) as unknown },
    });
  });

  test("has the time to end that a run takes after SIGTERM", () => {
    expect(at(pod, "terminationGracePeriodSeconds")).toBe(30);
  });

  test("leaves the image's entry point alone", () => {
    expect(at(container, "command")).toBeUndefined();
  });

  test("gets the configuration, and every variable of it that it needs, secrets from the Secret", async () => {
    const variables = listAt(container, "env");
    const value = (name: string): unknown => variables.find((one) => at(one, "name") === name);
    expect(at(value("DATAOPS_CONFIG"), "value")).toBe(`/etc/dataops/${CONFIG}`);
    const config = await loadText(await readKit(FOLDER, CONFIG), { DATABASE_URL: "postgres://h/d" });
    const { secret, plain } = variablesOf(config);
    // Nothing but the daemon serves.
    const served = resource["kind"] === "Deployment";
    const needed = secret.filter((name) => served || name !== "DATAOPS_TOKEN");
    for (const name of needed) {
      expect(at(value(name), "valueFrom.secretKeyRef.name"), name).toBe("dataops");
      expect(at(value(name), "value"), name).toBeUndefined();
    }
    for (const name of plain) expect(value(name), name).toBeDefined();
    const secrets = variables.filter((one) => at(one, "valueFrom.secretKeyRef") !== undefined);
    expect(sorted(secrets.map((one) => at(one, "name")))).toEqual(needed);
  });

  test("acts as an account that is there: who prunes may delete, and nobody else", () => {
    const account = at(container, "args.0") === "prune" ? "dataops-pruner" : "dataops-writer";
    expect(at(pod, "serviceAccountName")).toBe(account);
    expect(at(named("ServiceAccount", account), "metadata.annotations")).toBeDefined();
  });
});

describe("the daemon", () => {
  const pod = at(named("Deployment", "dataops"), POD.Deployment);
  const container = at(pod, "containers.0");

  test("is alive while it runs, and ready while it reaches all it needs", () => {
    const get = (path: string): unknown => expect.objectContaining({ httpGet: { path, port: "http" } });
    expect(at(container, "startupProbe")).toEqual(get("/__lbheartbeat__"));
    expect(at(container, "livenessProbe")).toEqual(get("/__lbheartbeat__"));
    expect(at(container, "readinessProbe")).toEqual(get("/__heartbeat__"));
    // The heartbeat's checks may take 5 seconds.
    expect(at(container, "readinessProbe.timeoutSeconds")).toBeGreaterThan(5);
  });

  test("has something to do, and listens where it is asked", async () => {
    const environment = { DATABASE_URL: "postgres://h/d", DATAOPS_TOKEN: "t".repeat(48) };
    const config = await loadText(await readKit(FOLDER, CONFIG), environment);
    const { http } = config;
    // To prune it has no right.
    expect(scheduledJobs(config).map(({ job }) => jobTitle(job))).toEqual([
      "backup production",
      "verify production",
    ]);
    expect(http.host).toBe("0.0.0.0");
    expect(http.credentials).toBeDefined();
    expect(at(container, "ports")).toEqual([{ name: "http", containerPort: http.port }]);
    const service = named("Service", "dataops");
    expect(at(service, "spec.ports.0.targetPort")).toBe("http");
    expect(at(named("Deployment", "dataops"), "spec.template.metadata.labels")).toEqual(
      at(service, "spec.selector"),
    );
  });
});

describe.each(WORKLOADS.filter(([, { kind }]) => kind === "CronJob"))("%s", (_name, resource) => {
  test("runs one at a time, in UTC, and is not tried again where that is of no use", () => {
    expect(resource["spec"]).toMatchObject({ concurrencyPolicy: "Forbid", timeZone: "Etc/UTC" });
    const codes = at(resource, "spec.jobTemplate.spec.podFailurePolicy.rules.1.onExitCodes.values");
    // Those of a run that was ended: it is made up for.
    const again = new Set<number>([
      EXIT_CODES.done.code,
      EXIT_CODES.interrupted.code,
      EXIT_CODES.terminated.code,
    ]);
    const final = Object.values(EXIT_CODES)
      .map(({ code }) => code)
      .filter((code) => !again.has(code));
    expect(codes).toEqual(final.toSorted((left, right) => left - right));
    expect(at(resource, "spec.jobTemplate.spec.template.spec.restartPolicy")).toBe("Never");
  });

  test("takes its slot from the name of its Job", () => {
    const env = listAt(resource, `${POD.CronJob}.containers.0.env`);
    expect(env).toContainEqual({
      name: "JOB_NAME",
      valueFrom: { fieldRef: { fieldPath: "metadata.labels['batch.kubernetes.io/job-name']" } },
    });
    const args = listAt(resource, `${POD.CronJob}.containers.0.args`);
    const slot = String(args[args.indexOf("--slot") + 1]);
    const job = `${textAt(resource, "metadata.name")}-29920560`;
    expect(parseSlot(slot.replace("$(JOB_NAME)", job))).toBe(Date.parse("2026-11-21T04:00:00Z"));
    // Kubernetes adds eleven characters, and a label has 63.
    expect(textAt(resource, "metadata.name").length).toBeLessThanOrEqual(52);
  });
});
