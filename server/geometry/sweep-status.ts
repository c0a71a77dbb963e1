/** A sorted list that is kept in short runs, so that inserting and removing stay cheap however long it grows. */

const LONGEST_RUN = 256;

export interface Neighbours {
  below: number | undefined;
  above: number | undefined;
}

/** @param compare negative where the first lies below the second, 0 where they are the same */
export function createStatus(compare: (a: number, b: number) => number) {
  const runs: number[][] = [];

  /** Of the first item that does not lie below. */
  function find(item: number): [run: number, at: number] {
    let [low, high] = [0, runs.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(runs[middle]!.at(-1)!, item) < 0) low = middle + 1;
      else high = middle;
    }
    if (low === runs.length) return [low, 0];
    const [run, items] = [low, runs[low]!];
    [low, high] = [0, items.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(items[middle]!, item) < 0) low = middle + 1;
      else high = middle;
    }
    return [run, low];
  }
  const before = (run: number, at: number) => (at > 0 ? runs[run]![at - 1] : runs[run - 1]?.at(-1));
  const from = (run: number, at: number) => (at < (runs[run]?.length ?? 0) ? runs[run]![at] : runs[run + 1]?.[0]);

  return {
    insert(item: number): Neighbours {
      const [run, at] = find(item);
      const neighbours = { below: before(run, at), above: from(run, at) };
      if (run === runs.length) {
        if (run === 0) runs.push([item]);
        else runs[run - 1]!.push(item);
      } else runs[run]!.splice(at, 0, item);
      const grown = Math.min(run, runs.length - 1);
      if (runs[grown]!.length > LONGEST_RUN) runs.splice(grown + 1, 0, runs[grown]!.splice(LONGEST_RUN >> 1));
      return neighbours;
    },
    remove(item: number): Neighbours {
      const [run, at] = find(item);
      if (runs[run]?.[at] !== item) return { below: undefined, above: undefined };
      runs[run]!.splice(at, 1);
      if (runs[run]!.length === 0) runs.splice(run, 1);
      return { below: before(run, at), above: from(run, at) };
    },
  };
}
