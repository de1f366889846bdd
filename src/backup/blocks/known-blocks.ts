import type { StoredBlock } from "../../repository/blocks/stored-block.ts";
import type { BlockList } from "../../repository/blocks/block-list.ts";

/** Places that a table begins with, a power of two; at most half of them are taken. */
const FIRST_PLACES = 1024;

/** Bytes of a digest that say where to look. */
const PREFIX_DIGITS = 8;

/**
 * Blocks by the SHA-256 of their text, in lists that stay where they are: a map would hold a text of each digest, which is
 * as much again as all else that is known of a block.
 */
export class KnownBlocks {
  readonly #lists: BlockList[] = [];
  /** For each place, a list's number from 1 on, and an index in it. A digest's beginning says where to look for it first. */
  #places = new Uint32Array(FIRST_PLACES * 2);
  /** Places that are taken. */
  #count = 0;

  /** Adds the blocks of a list that `isWanted`. Of two with one digest the first one stays. */
  add(list: BlockList, isWanted: (block: StoredBlock) => boolean): void {
    const number = this.#lists.push(list);
    for (let index = 0; index < list.length; index += 1) {
      const { block } = list.at(index);
      if (block === undefined || !isWanted(block)) continue;
      if (this.#count * 2 >= this.#places.length / 2) this.#grow();
      const place = this.#placeOf(block.sha256);
      if (this.#places[place] !== 0) continue;
      this.#places[place] = number;
      this.#places[place + 1] = index;
      this.#count += 1;
    }
  }

  get(sha256: string): StoredBlock | undefined {
    return this.#blockAt(this.#placeOf(sha256));
  }

  /** Where a digest is, or else would be. */
  #placeOf(sha256: string): number {
    const count = this.#places.length / 2;
    let place = (Number.parseInt(sha256.slice(0, PREFIX_DIGITS), 16) % count) * 2;
    for (;;) {
      const block = this.#blockAt(place);
      if (block === undefined || block.sha256 === sha256) return place;
      place = (place + 2) % this.#places.length;
    }
  }

  #blockAt(place: number): StoredBlock | undefined {
    const number = this.#places[place] ?? 0;
    return this.#lists[number - 1]?.at(this.#places[place + 1] ?? 0).block;
  }

  #grow(): void {
    const before = this.#places;
    this.#places = new Uint32Array(before.length * 2);
    for (let place = 0; place < before.length; place += 2) {
      const number = before[place] ?? 0;
      const index = before[place + 1] ?? 0;
      const block = this.#lists[number - 1]?.at(index).block;
      if (block === undefined) continue;
      const next = this.#placeOf(block.sha256);
      this.#places[next] = number;
      this.#places[next + 1] = index;
    }
  }
}
