import type { Storage } from "../../src/storage/storage.ts";

/** The storage, with one byte of one object changed whenever it is read. */
export function flipping(storage: Storage, wrong: string, place: number, bits: number): Storage {
  return {
    ...storage,
    get: async (key, options) => {
      const content = await storage.get(key, options);
      return key === wrong ? changeByte(content, place - (options?.range?.start ?? 0), bits) : content;
    },
  };
}

async function* changeByte(
  content: AsyncIterable<Uint8Array>,
  place: number,
  bits: number,
): AsyncGenerator<Uint8Array> {
  let position = 0;
  for await (const chunk of content) {
    const copy = Buffer.from(chunk);
    const here = place - position;
    if (here >= 0 && here < copy.byteLength) copy.writeUInt8(copy.readUInt8(here) ^ bits, here);
    position += copy.byteLength;
    yield copy;
  }
}

/** All bytes of an object. */
export async function readObject(storage: Storage, key: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await storage.get(key)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Flips one bit of an object, for good. */
export async function flipStored(storage: Storage, key: string, place: number): Promise<void> {
  const content = await readObject(storage, key);
  content.writeUInt8(content.readUInt8(place) ^ 1, place);
  await storage.put(key, content);
}

/** Takes an object's last byte away. */
export async function cutStored(storage: Storage, key: string): Promise<void> {
  const content = await readObject(storage, key);
  await storage.put(key, content.subarray(0, -1));
}
