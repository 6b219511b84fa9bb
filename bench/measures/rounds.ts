/** Rounds of samples that can be compared with one another, because within a round everyone runs under the same weather. */

/** What was measured of each, one number a round. */
export type Series<Name extends string = string> = ReadonlyMap<Name, readonly number[]>;

/**
 * Takes one sample of each in every round, in an order that turns around from round to round, so that neither who goes
 * first nor a drift of the machine favours anyone.
 */
export async function interleave<Name extends string, Key extends string>(
  names: readonly Name[],
  rounds: number,
  sample: (name: Name) => Promise<Record<Key, number>>,
): Promise<Record<Key, Series<Name>>> {
  const all: Record<string, Map<Name, number[]>> = {};
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const values = await sample(name);
      for (const [key, value] of Object.entries<number>(values)) {
        all[key] ??= new Map();
        all[key].set(name, [...(all[key].get(name) ?? []), value]);
      }
    }
  }
  return all as Record<Key, Series<Name>>;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value that a share of the values lies below, interpolated. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * share;
  const [below, above] = [sorted[Math.floor(position)] ?? Number.NaN, sorted[Math.ceil(position)] ?? Number.NaN];
  return below + (above - below) * (position - Math.floor(position));
}
