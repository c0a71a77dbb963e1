/** A sample of a job's map with what people saw at its points becomes how good the map is. */
import { Problem } from '../../errors/problem.ts';
import { assessment } from '../accuracy/assessment.ts';
import { assessmentJson } from '../accuracy/assessment-json.ts';
import type { PointAnswer } from '../accuracy/points-text.ts';
import { accuracyWords, SOURCES } from '../accuracy/words.ts';
import type { SampleDesign } from '../api/accuracy.ts';
import type { JobAccuracyJson } from '../api/index.ts';
import type { Queryable } from '../store/database/database.ts';
import type { Job } from '../store/tables/jobs.ts';
import { answersOf, pageOfSamples, pointsOf, progressOf, type Sample } from '../store/tables/samples.ts';

/** Throws Problem conflict where strata have too few answers, or the map is another one than that which was sampled. */
export async function jobAccuracy(q: Queryable, job: Job, sample: Sample): Promise<JobAccuracyJson> {
  if (job.finished_at !== null && job.finished_at > sample.created_at) {
    throw new Problem('conflict', 'The map was made anew after the sample was drawn: draw another one of it.');
  }
  const { design } = sample;
  const names = design.strata.map(stratumName);
  const [points, answers] = await Promise.all([pointsOf(q, sample.id), answersOf(q, sample.id)]);
  const byPoint = Map.groupBy(answers, ({ point }) => point);
  const found = assessment(
    design.strata.map((stratum, h) => ({
      ...{ stratum: names[h]!, class: stratum.class, pixels: stratum.pixels, areaM2: stratum.area_m2 },
    })),
    points.map(({ number, stratum }) => ({
      ...{ stratum: names[stratum]!, mapClass: design.strata[stratum]!.class, answers: byPoint.get(number) ?? [] },
    })),
  );
  return {
    ...{ job: job.id, sample: sample.id, design, ...assessmentJson(found) },
    ...{ text: accuracyWords(found, design), sources: SOURCES },
  };
}

/** The newest sample at which somebody has looked; null where there is none. */
export async function newestAnswered(q: Queryable, job: Job): Promise<Sample | null> {
  const { rows } = await pageOfSamples(q, job.id);
  const progress = await progressOf(
    q,
    rows.map(({ id }) => id),
  );
  return rows.find(({ id }) => progress.get(id)!.answered > 0) ?? null;
}

/** What reports say; null where nobody has looked, or at too few points, or at those of another map. */
export async function knownAccuracy(q: Queryable, job: Job): Promise<JobAccuracyJson | null> {
  const sample = await newestAnswered(q, job);
  if (!sample) return null;
  try {
    return await jobAccuracy(q, job, sample);
  } catch (error) {
    if (error instanceof Problem && error.code === 'conflict') return null;
    throw error;
  }
}

const stratumName = (stratum: SampleDesign['strata'][number]): string =>
  stratum.part === 'all' ? stratum.class : `${stratum.class} (${stratum.part})`;

/** A row an answer, and one for each point that nobody has looked at, as files have them. */
export async function sampleRows(q: Queryable, { id, design }: Sample): Promise<PointAnswer[]> {
  const [points, answers] = await Promise.all([pointsOf(q, id), answersOf(q, id)]);
  const byPoint = Map.groupBy(answers, ({ point }) => point);
  const nobody = { reviewer: null, class: null, at: null, seconds: null };
  return points.flatMap(({ number, stratum, lon, lat }) => {
    const of = design.strata[stratum]!;
    const place = { plot: number, lon, lat, stratum: stratumName(of), mapClass: of.class };
    return (byPoint.get(number) ?? [nobody]).map((answer) => ({ ...place, ...answer }));
  });
}
