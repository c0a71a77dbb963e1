/** What a person sets for the next job, and its forms: a job's parameters, a request, the query of imagery tiles. */
import type { Finding } from './service/types.ts';

export type Stretch = 'none' | 'percentile' | { low: [number, number, number]; high: [number, number, number] };

/** What a person set for the next job; null leaves it to the service. */
export interface JobSettings {
  model: string | null;
  /** Numbers of the bands that are red, green and blue. */
  bands: number[] | null;
  stretch: Stretch | null;
}

export const NO_SETTINGS: JobSettings = { model: null, bands: null, stretch: null };

/** Bands and stretch of a job's parameters or of a finding's fix. */
export function settingsOf({ bands, stretch }: Record<string, unknown>): Partial<JobSettings> {
  return {
    ...(Array.isArray(bands) && bands.every((band) => typeof band === 'number') ? { bands } : {}),
    ...(stretch ? { stretch: stretch as Stretch } : {}),
  };
}

/** The settings once a finding's fix is applied; null where it has none, or it would change nothing. */
export function fixedSettings(settings: JobSettings, { job }: Finding): JobSettings | null {
  if (!job) return null;
  const fixed = { ...settings, ...settingsOf(job.parameters ?? {}), ...(job.model ? { model: job.model } : {}) };
  return JSON.stringify(fixed) === JSON.stringify(settings) ? null : fixed;
}

/** The same two values of every band become black and white. */
export const stretchBetween = (black: number, white: number): Stretch => ({
  low: [black, black, black],
  high: [white, white, white],
});

/** The body of the job request that these settings are. */
export function jobRequest({ model, bands, stretch }: JobSettings): { model?: string; parameters?: object } {
  const parameters = { ...(bands && { bands }), ...(stretch && { stretch }) };
  return { ...(model && { model }), ...(Object.keys(parameters).length > 0 && { parameters }) };
}

/** How the imagery of a scene is shown while these settings are being made: the query of its tiles. */
export function imageryQuery({ bands, stretch }: JobSettings): string {
  const values =
    typeof stretch === 'object' && stretch ? stretch.low.flatMap((low, i) => [low, stretch.high[i]]) : stretch;
  const parts = [bands && `bands=${bands.join(',')}`, values && `stretch=${[values].flat().join(',')}`];
  return parts.filter(Boolean).join('&');
}
