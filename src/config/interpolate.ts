/** `${NAME}`, `${NAME:-default}`, and `$${` for a literal `${`. */
const REFERENCE = /\$\$\{|\$\{([^}]*)\}/g;
const NAME_AND_DEFAULT = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

export interface Interpolated {
  value: string;
  /** The variables that it names, in order, set or not. */
  variables: string[];
}

/** A reference that cannot be resolved. The message holds names alone, never a value. */
export class InterpolationError extends Error {
  override readonly name = "InterpolationError";
  /** The variable that is not set; undefined where the reference itself is malformed. */
  readonly variable: string | undefined;

  constructor(message: string, variable?: string) {
    super(message);
    this.variable = variable;
  }
}

/**
 * Puts variables into a value of the configuration. What a variable holds is not looked at again.
 *
 * @throws InterpolationError for a variable that is not set and has no default, and for a malformed reference
 */
export function interpolate(text: string, read: (name: string) => string | undefined): Interpolated {
  const variables: string[] = [];
  const value = text.replaceAll(REFERENCE, (match: string, reference: string | undefined) => {
    if (reference === undefined) return match.slice(1);
    const [, name, fallback] = NAME_AND_DEFAULT.exec(reference) ?? [];
    if (name === undefined) throw new InterpolationError("a variable is written ${NAME} or ${NAME:-default}");
    variables.push(name);
    const found = read(name) ?? fallback;
    if (found === undefined) throw new InterpolationError(`the variable ${name} is not set`, name);
    return found;
  });
  return { value, variables };
}
