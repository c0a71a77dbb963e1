/** What a map holds and what people saw at points of it become all that is said of how good it is. */
import { Problem } from '../../errors/problem.ts';
import {
  type Accuracy,
  type ClassAccuracy,
  estimateAccuracy,
  type ReviewedStratum,
  unansweredStrata,
} from './estimate.ts';
import { type ReviewedPoint, type Settled, settleAnswers } from './settle.ts';

/** Pixels of one class of the map in one stratum. */
export interface MappedPart {
  stratum: string;
  class: string;
  pixels: number;
  areaM2: number;
}

export interface Assessment
  extends Omit<Accuracy, 'classes'>,
    Pick<Settled, 'cannotTell' | 'disagreeing' | 'agreement'> {
  /** Largest first by the pixels of the map, which counts what it has and not what is there. */
  classes: (ClassAccuracy & { mappedM2: number; mappedShare: number })[];
  totalM2: number;
}

/** Throws Problem conflict where strata have too few answers. */
export function assessment(parts: readonly MappedPart[], points: readonly ReviewedPoint[]): Assessment {
  const { answers, cannotTell, disagreeing, agreement } = settleAnswers(points);
  const strata = [...Map.groupBy(parts, ({ stratum }) => stratum)].map(([name, own]): ReviewedStratum => {
    const sum = (of: (part: MappedPart) => number) => own.reduce((total, part) => total + of(part), 0);
    return {
      ...{ name, population: sum(({ pixels }) => pixels), areaM2: sum(({ areaM2 }) => areaM2) },
      mapClasses: [...new Set(own.map((part) => part.class))],
      answers: answers.get(name) ?? [],
    };
  });
  const open = unansweredStrata(strata);
  if (open.length > 0) {
    throw new Problem(
      'conflict',
      `Two points at least are to be answered in each stratum; there are fewer in ${open.join(', ')}.`,
    );
  }
  const totalM2 = parts.reduce((sum, { areaM2 }) => sum + areaM2, 0);
  const mapped = new Map<string, number>();
  for (const part of parts) mapped.set(part.class, (mapped.get(part.class) ?? 0) + part.areaM2);
  const seen = strata.flatMap((stratum) => stratum.answers.map(({ reference }) => reference));
  const inOrder = [...mapped].sort((a, b) => b[1] - a[1]).map(([name]) => name);
  const names = [...new Set([...inOrder, ...seen.sort()])];
  const accuracy = estimateAccuracy(strata, names);
  return {
    ...{ ...accuracy, cannotTell, disagreeing, agreement, totalM2 },
    classes: accuracy.classes.map((each) => {
      const mappedM2 = mapped.get(each.class) ?? 0;
      return { ...each, mappedM2, mappedShare: mappedM2 / totalM2 };
    }),
  };
}
