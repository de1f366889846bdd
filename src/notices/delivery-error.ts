/** Why a notice was not delivered: one line, in our own words, without anything of the answer or of the settings but a host. */
export class DeliveryError extends Error {
  override readonly name = "DeliveryError";
  /** Whether another try may succeed. */
  readonly isTransient: boolean;

  constructor(message: string, options: { isTransient: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.isTransient = options.isTransient;
  }
}
