/** What several people said of the same points becomes one answer a point, counted by stratum. */
import type { Answered } from './estimate.ts';
import { type Agreement, agreementOf } from './kappa.ts';

export interface GivenAnswer {
  reviewer: string;
  /** Null: cannot tell. */
  class: string | null;
}

export interface ReviewedPoint {
  stratum: string;
  mapClass: string;
  /** In the order in which they were given, one a person. */
  answers: readonly GivenAnswer[];
}

export interface Settled {
  /** By stratum. */
  answers: Map<string, Answered[]>;
  /** Points that somebody gave a class. */
  answered: number;
  /** Points of which all who looked cannot tell; they count as not drawn. */
  cannotTell: number;
  /** Points of which two say different things and nobody has said a third time; the first answer counts. */
  disagreeing: number;
  /** Of the first two who gave a point a class. */
  agreement: Agreement;
}

export function settleAnswers(points: readonly ReviewedPoint[]): Settled {
  const counts = new Map<string, Map<string, Answered>>();
  const pairs: [string, string][] = [];
  const settled = { answered: 0, cannotTell: 0, disagreeing: 0 };
  for (const { stratum, mapClass, answers } of points) {
    const told = answers.flatMap((answer) => (answer.class === null ? [] : [answer.class]));
    const [first, second, third] = told;
    if (first === undefined) {
      if (answers.length > 0) settled.cannotTell++;
      continue;
    }
    settled.answered++;
    if (second !== undefined) pairs.push([first, second]);
    const differ = second !== undefined && first !== second;
    if (differ && third === undefined) settled.disagreeing++;
    const reference = differ && third !== undefined ? third : first;
    const key = JSON.stringify([mapClass, reference]);
    const ofStratum = counts.get(stratum) ?? new Map<string, Answered>();
    const counted = ofStratum.get(key) ?? { map: mapClass, reference, count: 0 };
    ofStratum.set(key, { ...counted, count: counted.count + 1 });
    counts.set(stratum, ofStratum);
  }
  const answers = new Map([...counts].map(([stratum, cells]) => [stratum, [...cells.values()]]));
  return { answers, ...settled, agreement: agreementOf(pairs) };
}
