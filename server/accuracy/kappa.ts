/** How far two people who looked at the same points agree, beyond what chance would have them. */
export interface Agreement {
  /** Points that both gave a class. */
  points: number;
  agreed: number;
  /** Cohen's kappa (1960), Educational and Psychological Measurement 20(1), 37–46; null where both saw one class alone. */
  kappa: number | null;
}

/** @param pairs the classes that the first and the second saw at each point */
export function agreementOf(pairs: readonly (readonly [first: string, second: string])[]): Agreement {
  const points = pairs.length;
  const agreed = pairs.filter(([first, second]) => first === second).length;
  const classes = new Set(pairs.flat());
  const share = (which: 0 | 1, name: string) => pairs.filter((pair) => pair[which] === name).length / points;
  const byChance = [...classes].reduce((sum, name) => sum + share(0, name) * share(1, name), 0);
  const kappa = points === 0 || byChance === 1 ? null : (agreed / points - byChance) / (1 - byChance);
  return { points, agreed, kappa };
}
