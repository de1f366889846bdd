import { afterAll, expect, test as base } from "vitest";
import { startMoto, type Moto } from "./moto.ts";
import { availableOrSkip } from "./programs-or-skip.ts";
import { copyTerraformModule, type TerraformCopy } from "./terraform.ts";

/** The module, ready to be planned and applied to a stand-in for AWS. Everything of a file is applied to the same one. */
export interface AppliedModule {
  aws: Moto;
  module: TerraformCopy;
  region: string;
  /** A network and one of its subnets. */
  network: { vpc: string; subnet: string };
  /** Runs Terraform in the folder and returns what it printed; a failure fails the test. */
  terraform: (folder: string, ...args: string[]) => Promise<string>;
  /** Makes a folder's provider talk to the stand-in. Written into a copy; the module knows nothing of it. */
  redirect: (folder: string) => Promise<void>;
}

const REGION = "eu-west-1";
const SERVICES = ["ec2", "ecs", "iam", "logs", "s3", "scheduler", "secretsmanager", "sts"];

const resources = new AsyncDisposableStack();
let opened: Promise<AppliedModule> | undefined;

afterAll(() => resources.disposeAsync());

/** Vitest's `test` with the module; skipped where Terraform, its provider or the stand-in cannot be had. */
export const test = base.extend<{ applied: AppliedModule }>({
  applied: async ({ skip }, use) => {
    await use(await availableOrSkip({ skip }, () => (opened ??= open())));
  },
});

async function open(): Promise<AppliedModule> {
  const module = resources.use(await copyTerraformModule());
  const aws = resources.use(await startMoto(REGION));
  const describe = async (what: string): Promise<string> =>
    aws.query("ec2", { Action: `Describe${what}s`, Version: "2016-11-15" });
  const idIn = (xml: string, name: string): string =>
    new RegExp(`<${name}>([^<]+)<`).exec(xml)?.[1] ?? expect.fail(`no ${name}`);
  const network = {
    vpc: idIn(await describe("Vpc"), "vpcId"),
    subnet: idIn(await describe("Subnet"), "subnetId"),
  };
  return {
    aws,
    module,
    region: REGION,
    network,
    terraform: async (folder, ...args) => {
      const { code, stdout, stderr } = await module.terraform(folder, ...args);
      if (code !== 0) expect.fail(`terraform ${args.join(" ")}: ${stdout}${stderr}`);
      return stdout;
    },
    redirect: (folder) =>
      module.write(`${folder}/stand_in_override.tf.json`, JSON.stringify(providerOf(aws.url))),
  };
}

function providerOf(url: string): object {
  const aws = {
    region: REGION,
    access_key: "test",
    secret_key: "test",
    skip_credentials_validation: true,
    skip_metadata_api_check: true,
    s3_use_path_style: true,
    endpoints: Object.fromEntries(SERVICES.map((service) => [service, url])),
  };
  return { provider: { aws } };
}

/** What Terraform would do, by its own words. */
export interface Plan {
  resource_changes: {
    /** `module.dataops.aws_iam_policy.storage["writer"]` */
    address: string;
    change: { actions: string[]; after: Readonly<Record<string, unknown>> | null };
  }[];
}

/** Plans a folder's configuration. */
export async function planChanges({ terraform }: AppliedModule, folder: string): Promise<Plan> {
  await terraform(folder, "plan", "-no-color", "-out=test.plan");
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- what is not there fails the test
  return JSON.parse(await terraform(folder, "show", "-json", "test.plan")) as Plan;
}
