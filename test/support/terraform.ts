import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ServerUnavailable } from "./server-unavailable.ts";

const MODULE = fileURLToPath(new URL("../../deploy/terraform", import.meta.url));
const PROVIDER = join("registry.terraform.io", "hashicorp", "aws");
const run = promisify(execFile);

/** How a command of Terraform ended. */
export interface TerraformExit {
  code: number;
  stdout: string;
  stderr: string;
}

/** A copy of our module that commands can be run in, and that is removed in the end. */
export interface TerraformCopy extends AsyncDisposable {
  /** Runs `terraform` in a folder of the module, `.` for its own. */
  terraform(folder: string, ...args: string[]): Promise<TerraformExit>;
  write(path: string, content: string): Promise<void>;
}

/**
 * Copies the module, and its examples. Nothing is fetched: providers come from a folder of this machine.
 *
 * @throws ServerUnavailable where Terraform is missing, or its provider for AWS
 */
export async function copyTerraformModule(): Promise<TerraformCopy> {
  const plugins = await findPlugins();
  await run("terraform", ["-version"], { env: environment({}) }).catch((error: unknown) => {
    throw new ServerUnavailable("terraform is not in PATH", { cause: error });
  });
  const root = await mkdtemp(join(tmpdir(), "dataops-terraform-"));
  const settings = join(root, "settings.tfrc");
  const mirror = `filesystem_mirror {\n path = ${JSON.stringify(plugins)}\n }`;
  await writeFile(settings, `provider_installation {\n ${mirror}\n }\n`);
  const module = join(root, "module");
  await cp(MODULE, module, { recursive: true, filter: (path) => !path.includes(".terraform") });
  return {
    write: async (path, content) => {
      await mkdir(dirname(join(module, path)), { recursive: true });
      await writeFile(join(module, path), content);
    },
    terraform: async (folder, ...args) => {
      const options = {
        cwd: join(module, folder),
        env: environment({ TF_CLI_CONFIG_FILE: settings }),
        maxBuffer: 64 * 1024 * 1024,
      };
      try {
        return { code: 0, ...(await run("terraform", args, options)) };
      } catch (error) {
        const { code, stdout, stderr } = failureOf(error);
        return { code, stdout, stderr };
      }
    },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}

/** Nobody is asked, and no newer release is looked for; nothing of the caller's account gets in. */
function environment(settings: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(AWS|TF)_/.test(name));
  return {
    ...Object.fromEntries(own),
    TF_INPUT: "0",
    TF_IN_AUTOMATION: "1",
    CHECKPOINT_DISABLE: "1",
    ...settings,
  };
}

function failureOf(error: unknown): TerraformExit {
  if (error instanceof Error && "code" in error && typeof error.code === "number") {
    const [stdout, stderr] = ["stdout", "stderr"].map((name) => String(Reflect.get(error, name)));
    return { code: error.code, stdout: stdout ?? "", stderr: stderr ?? "" };
  }
  throw error;
}

/** The folder that holds `registry.terraform.io`: `TEST_TERRAFORM_PLUGINS`, else where plugins usually are. */
async function findPlugins(): Promise<string> {
  const given = process.env["TEST_TERRAFORM_PLUGINS"];
  const system = [
    "/usr/local/share/terraform/plugins",
    "/usr/share/terraform/plugins",
    ...(await foldersIn("/opt")),
  ];
  const places = [
    ...(given === undefined ? [] : [given]),
    process.env["TF_PLUGIN_CACHE_DIR"] ?? "",
    join(homedir(), ".terraform.d", "plugins"),
    join(homedir(), ".terraform.d", "plugin-cache"),
    join(process.env["XDG_DATA_HOME"] ?? join(homedir(), ".local", "share"), "terraform", "plugins"),
    ...system,
  ].filter((place) => place !== "");
  for (const place of places) if ((await foldersIn(join(place, PROVIDER))).length > 0) return place;
  throw new ServerUnavailable(
    "Terraform's provider for AWS is not there: let TEST_TERRAFORM_PLUGINS name a folder that `terraform providers mirror` made",
  );
}

async function foldersIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.map((name) => join(folder, name));
}
