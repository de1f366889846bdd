/** Things that are used again and again, a bounded number of them. */
export class Pool<T> {
  readonly #make: () => T;
  #unmade: number;
  readonly #free: T[] = [];
  readonly #waiting: ((thing: T) => void)[] = [];

  /** Makes `count` things at most, each when it is first needed. */
  constructor(count: number, make: () => T) {
    this.#unmade = count;
    this.#make = make;
  }

  /** One that nobody uses, as soon as there is one. */
  acquire(): Promise<T> {
    const free = this.#free.pop();
    if (free !== undefined) return Promise.resolve(free);
    if (this.#unmade > 0) {
      this.#unmade -= 1;
      return Promise.resolve(this.#make());
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  release(thing: T): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(thing);
    else next(thing);
  }
}
