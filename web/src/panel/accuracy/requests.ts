/** What is asked of the service about samples of a map. */
import { get, getAll, post, remove, request } from '../../service/api.ts';
import type { JobAccuracyJson, NextPointJson, SampleJson, SampleProgress } from '../../service/types.ts';

export const getSamples = (job: string): Promise<SampleJson[]> => getAll(`/jobs/${job}/samples`);
export const getSample = (job: string, sample: string): Promise<SampleJson> => get(`/jobs/${job}/samples/${sample}`);
export const drawSample = (job: string, wanted: { size: number; second_share: number }): Promise<SampleJson> =>
  post(`/jobs/${job}/samples`, wanted);
export const deleteSample = (job: string, sample: string): Promise<void> => remove(`/jobs/${job}/samples/${sample}`);
export const getAccuracy = (job: string): Promise<JobAccuracyJson> => get(`/jobs/${job}/accuracy`);

/** Who looks, where the service does not know it by a token. */
export type Reviewer = { reviewer: string } | Record<string, never>;

export const takeNextPoint = (job: string, sample: string, by: Reviewer): Promise<NextPointJson> =>
  post(`/jobs/${job}/samples/${sample}/next`, by);

export const answerPoint = (
  job: string,
  sample: string,
  answer: { point: number; class: string | null; seconds: number } & Partial<Reviewer>,
): Promise<SampleProgress> => post(`/jobs/${job}/samples/${sample}/answers`, answer);

export async function importAnswers(job: string, sample: string, file: File): Promise<{ answers: number }> {
  const type = /json$/i.test(file.name) ? 'application/geo+json' : 'text/csv';
  const init = { method: 'POST', headers: { 'Content-Type': type }, body: file };
  return JSON.parse(await request(`/jobs/${job}/samples/${sample}/import`, init));
}
