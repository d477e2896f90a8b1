/** Calls to Temporal's server under way at a time. */
const AT_ONCE = 20;

/** Does the same for every item, some at a time, in their order. @throws what the first failing one throws */
export async function inBatches<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  for (let start = 0; start < items.length; start += AT_ONCE) {
    await Promise.all(items.slice(start, start + AT_ONCE).map(work));
  }
}
