/** Things that become one group two by two: each starts in a group of its own. */
export function createGroups(count: number) {
  const parent = Int32Array.from({ length: count }, (_, i) => i);
  const of = (thing: number): number => {
    let root = thing;
    while (parent[root] !== root) root = parent[root];
    for (let at = thing; at !== root; ) [at, parent[at]] = [parent[at], root];
    return root;
  };
  return {
    /** The group of a thing: its first member. */
    of,
    join(a: number, b: number): void {
      const [first, second] = [of(a), of(b)];
      parent[Math.max(first, second)] = Math.min(first, second);
    },
    groupOfEach: (): Int32Array => Int32Array.from(parent, (_, thing) => of(thing)),
  };
}
