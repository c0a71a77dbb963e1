/** A finished job as a page to print, with a policy of its own. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { addDoneJob, addScene } from '../../../test/support/http-service.ts';
import { NOWHERE, square, testInterface } from '../../../test/support/http-suite.ts';
import { insertJob } from '../../store/tables/jobs.ts';
import { updateScene } from '../../store/tables/scenes.ts';

testInterface('the sheet', (its) => {
  test('shows the map over its image, and figures, without scripts', async () => {
    const scene = await addScene(its.db);
    await updateScene(its.db, scene, { name: '<script>alert(1)</script>.tif', license: 'CC-BY-4.0' });
    const { job } = await addDoneJob(its.db, scene, [square(10, 10), square(10, 30, 'building', 'buildings')]);
    const path = `/jobs/${job}/sheet.html`;
    expect((await its.get(path)).body, 'the image is gone').toMatchObject({ code: 'not_found' });
    for (const key of [`scenes/${scene}/working.tif`, `jobs/${job}/classes.tif`]) {
      const file = its.service.files.path(key);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, '');
    }
    const response = await fetch(its.service.address + path);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'; img-src data:");
    const html = await response.text();
    expect(html).not.toContain('<script');
    expect(html.match(/<image /g)).toHaveLength(2);
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;.tif');
    expect(html).toContain('Its licence: CC-BY-4.0.');
    const asked = its.service.rendered.map((request) => [request.format, [...request.controlGrid.x]]);
    const [west, east] = [326_000, 327_000];
    expect(asked).toEqual([
      ['jpg', [west, east, west, east]],
      ['png', [west, east, west, east]],
    ]);
  });

  test('there is none of a job that is not done, nor of none', async () => {
    const scene = await addScene(its.db);
    await insertJob(its.db, { id: NOWHERE, scene, model: 'net', parameters: {} });
    expect(await its.get(`/jobs/${NOWHERE}/sheet.html`)).toMatchObject({ status: 409, body: { code: 'conflict' } });
    await its.db.query('DELETE FROM planimeter.scenes');
    expect(await its.get(`/jobs/${NOWHERE}/sheet.html`)).toMatchObject({ status: 404 });
  });
});
