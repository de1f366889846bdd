import type { ValueOrigin } from "./config.ts";
import type { ConfigDocument } from "./document.ts";
import type { Environment } from "./environment.ts";
import { interpolate, InterpolationError } from "./interpolate.ts";
import { sourcesOf } from "./late-value.ts";
import { CHANNEL_KINDS } from "./notify-schema.ts";
import { pathText } from "./problem.ts";
import { readVariable } from "./variables.ts";

/** Walks the document's values, puts variables in, and notes where each came from. */
export class ValueReader {
  readonly origins: ValueOrigin[] = [];
  readonly problems: string[] = [];
  readonly #document: ConfigDocument;
  readonly #name: string;
  readonly #environment: Environment;

  constructor(document: ConfigDocument, name: string, environment: Environment) {
    this.#document = document;
    this.#name = name;
    this.#environment = environment;
  }

  read(value: unknown, path: readonly PropertyKey[]): unknown {
    if (Array.isArray(value)) return value.map((item, index) => this.read(item, [...path, index]));
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, this.read(item, [...path, key])]),
      );
    }
    // These are resolved by themselves: they may need variables that only other machines have.
    if (isResolvedLater(path)) {
      if (isWebhook(path) && typeof value === "string") this.#noteWebhook(value, path);
      return value;
    }
    return typeof value === "string" ? this.#readText(value, path) : this.#note(path, value, []);
  }

  /** `dataops.config.yaml:3:10`: where the value at `path` stands, or its key `key`. */
  placeOf(path: readonly PropertyKey[], key?: string): string {
    const position =
      key === undefined ? this.#document.positionOf(path) : this.#document.positionOfKey(path, key);
    return position === undefined ? this.#name : `${this.#name}:${position.line}:${position.column}`;
  }

  #readText(text: string, path: readonly PropertyKey[]): unknown {
    try {
      const { value, variables } = interpolate(text, (name) => readVariable(this.#environment, name));
      // What a variable holds may be a secret; of a command's arguments it is not for us to say.
      this.#note(path, mayHoldSecrets(path) && variables.length > 0 ? text : value, variables);
      return value;
    } catch (error) {
      if (!(error instanceof InterpolationError)) throw error;
      this.problems.push(`${this.placeOf(path)}: ${pathText(path)}: ${error.message}`);
      return text;
    }
  }

  /** Whoever knows a webhook's URL may call it. */
  #noteWebhook(text: string, path: readonly PropertyKey[]): void {
    const place = { origin: pathText(path), environment: this.#environment };
    const origin = this.placeOf(path) + sourcesOf([text], place);
    this.origins.push({ path: pathText(path), shown: "[redacted]", origin });
  }

  #note(path: readonly PropertyKey[], value: unknown, variables: readonly string[]): unknown {
    const from = variables.length === 0 ? "" : `, from ${variables.map((name) => `\${${name}}`).join(", ")}`;
    this.origins.push({ path: pathText(path), shown: String(value), origin: `${this.placeOf(path)}${from}` });
    return value;
  }
}

function isConnectionValue([section, , key, ...more]: readonly PropertyKey[]): boolean {
  if (more.length > 0) return false;
  return (
    (section === "databases" && (key === "url" || key === "password")) ||
    (section === "search" && (key === "url" || key === "username" || key === "password"))
  );
}

/** What a channel of `notify` is given: a URL, a password; not when it is used. */
function isOfChannel([section, , key]: readonly PropertyKey[]): boolean {
  return section === "notify" && CHANNEL_KINDS.some((kind) => kind === key);
}

/** `seed.staging.then[0].webhook`, `indexes.products.driver.webhook`. */
function isWebhook(path: readonly PropertyKey[]): boolean {
  return path.at(-1) === "webhook" && (path.at(-3) === "then" || path.at(-2) === "driver");
}

/** Only the machine that serves has these. */
function isOfHttpCredentials([section, key]: readonly PropertyKey[]): boolean {
  return section === "http" && (key === "token" || key === "basic");
}

function isResolvedLater(path: readonly PropertyKey[]): boolean {
  return isConnectionValue(path) || isOfChannel(path) || isWebhook(path) || isOfHttpCredentials(path);
}

function mayHoldSecrets([section]: readonly PropertyKey[]): boolean {
  return section === "restore" || section === "seed" || section === "indexes";
}
