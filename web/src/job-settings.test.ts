import { expect, test } from 'vitest';
import { fixedSettings, imageryQuery, jobRequest, NO_SETTINGS, settingsOf, stretchBetween } from './job-settings.ts';

test('a request says what was set and leaves the rest to the service', () => {
  expect(jobRequest(NO_SETTINGS)).toEqual({});
  expect(jobRequest({ ...NO_SETTINGS, model: 'a' })).toEqual({ model: 'a' });
  expect(jobRequest({ model: null, bands: [3, 2, 1], stretch: 'percentile' })).toEqual({
    parameters: { bands: [3, 2, 1], stretch: 'percentile' },
  });
});

test('imagery is asked for as it is being set, with one pair of values a band', () => {
  expect(imageryQuery(NO_SETTINGS)).toBe('');
  expect(imageryQuery({ model: 'a', bands: [3, 2, 1], stretch: 'none' })).toBe('bands=3,2,1&stretch=none');
  expect(imageryQuery({ ...NO_SETTINGS, stretch: stretchBetween(5, 90) })).toBe('stretch=5,90,5,90,5,90');
});

test('of parameters only bands and stretch are settings', () => {
  expect(settingsOf({ bands: [1, 2, 3], stretch: 'none', halo: 64 })).toEqual({ bands: [1, 2, 3], stretch: 'none' });
  expect(settingsOf({ bands: 'red', stretch: null })).toEqual({});
});

test('the fix of a finding is offered until it has been taken', () => {
  const finding = { code: 'dark', severity: 'warning', message: 'Dark.' } as const;
  expect(fixedSettings(NO_SETTINGS, finding)).toBeNull();
  const fixable = { ...finding, job: { model: 'b', parameters: { stretch: 'percentile' } } } as const;
  const fixed = fixedSettings({ ...NO_SETTINGS, bands: [4, 3, 2] }, fixable);
  expect(fixed).toEqual({ model: 'b', bands: [4, 3, 2], stretch: 'percentile' });
  expect(fixedSettings(fixed!, fixable)).toBeNull();
});
