/**
 * Scenes and finished jobs as STAC 1.1 items: where and when, how the rasters lie, which classes they hold, and from
 * what, by what and how they were made, all of it from the job's report.
 */

import type { ClassTotal, JobReport, ModelClass, ModelJson } from '../../api/index.ts';
import { STAC_VERSION, type StacItem, type StacLink } from '../../api/stac.ts';
import { extraMaps } from '../../pipeline/extra-maps.ts';
import { CLASS_MAPS, SCENES, takenBetween } from '../../store/tables/catalogue.ts';
import type { Job } from '../../store/tables/jobs.ts';
import type { Scene } from '../../store/tables/scenes.ts';
import { className } from './mlm-item.ts';

const EXTENSION = (name: string) => `https://stac-extensions.github.io/${name}/schema.json`;
const PROJECTION = EXTENSION('projection/v2.0.0');
const RASTER = EXTENSION('raster/v2.0.0');
const PROCESSING = EXTENSION('processing/v1.2.0');
const LABEL = EXTENSION('label/v1.0.1');
const ATTRIBUTION = EXTENSION('attribution/v0.1.0');
const CLASSIFICATION = EXTENSION('classification/v2.0.0');

export const COG = 'image/tiff; application=geotiff; profile=cloud-optimized';
const GEOJSON = 'application/geo+json';

export function sceneItem(scene: Scene, address: string): StacItem {
  const { report } = scene;
  const path = `${address}/scenes/${scene.id}`;
  const bands = Array.from({ length: report?.bands ?? 0 }, (_, i) => ({
    name: report?.bandNames?.[i] ?? String(i + 1),
    ...(report && { data_type: report.dtype }),
    ...(report && report.nodata !== null && { nodata: report.nodata }),
  }));
  const image = report?.inPlace
    ? { href: report.inPlace.url, title: 'The image, where it lies' }
    : { href: `${path}/image.tif`, title: 'The image as it is kept: lossless, all bands' };
  return {
    ...itemOf(SCENES, scene.id, scene),
    stac_extensions: [PROJECTION, RASTER, ...(scene.attribution ? [ATTRIBUTION] : [])],
    properties: {
      title: scene.name,
      ...times(scene),
      created: scene.created_at,
      gsd: scene.gsd_m,
      license: licenseOf(scene),
      ...credit(scene),
      ...(report && projection(scene, [report.height, report.width], report.geotransform)),
    },
    assets: {
      image: { ...image, type: COG, roles: ['data'], bands, 'raster:spatial_resolution': scene.gsd_m },
      tiles: {
        href: `${address}/imagery/${scene.id}.json`,
        type: 'application/json',
        title: 'TileJSON of the image',
        roles: ['visual', 'tiles'],
      },
    },
    links: [
      ...linksOf(SCENES, scene.id, address),
      { rel: 'via', href: path, type: 'application/json' },
      ...(isWebAddress(scene.license) ? [{ rel: 'license', href: scene.license }] : []),
    ],
  };
}

/**
 * @param model where it is still there with the very weights that were run
 * @param totals what was found, by class
 */
export function classMapItem(
  job: Job,
  scene: Scene,
  model: ModelJson | undefined,
  totals: readonly ClassTotal[],
  address: string,
): StacItem {
  const report = job.report as JobReport;
  const path = `${address}/jobs/${job.id}`;
  const grid = report.model_grid;
  const detection = report.counts !== undefined && 'objects' in report.counts;
  const source = `${address}/stac/collections/${SCENES}/items/${scene.id}`;
  const classes = report.classes ?? model?.classes;
  const names = classes?.map(({ name }) => name) ?? Object.keys(report.areas_m2 ?? {});
  const lies = grid && projection(scene, [grid.height, grid.width], grid.geotransform);
  const maps = detection ? {} : { ...mapAssets(path, classes, grid?.gsd_m), ...extraAssets(path, job, classes) };
  return {
    ...itemOf(CLASS_MAPS, job.id, scene),
    stac_extensions: [
      ...[PROJECTION, RASTER, PROCESSING, LABEL, CLASSIFICATION],
      ...(scene.attribution ? [ATTRIBUTION] : []),
    ],
    properties: {
      title: `${scene.name}, mapped by ${job.model}`,
      ...times(scene),
      created: job.finished_at,
      ...credit(scene),
      ...(scene.license && { 'planimeter:scene_license': scene.license }),
      ...(grid && { gsd: grid.gsd_m }),
      ...lies,
      'label:type': detection ? 'vector' : 'raster',
      'label:properties': detection ? ['class'] : null,
      'label:description': `What ${job.model} found in ${scene.name}`,
      'label:tasks': [detection ? 'detection' : 'segmentation'],
      'label:methods': ['automated'],
      'label:classes': [{ name: detection ? 'class' : null, classes: names }],
      'label:overviews': [
        { property_key: 'class', counts: totals.map(({ class: name, count }) => ({ name, count: Number(count) })) },
      ],
      ...processing(job, scene, report),
      ...provenance(job, report),
    },
    assets: {
      ...maps,
      features: {
        href: `${path}/export.geojson?collection=all`,
        type: GEOJSON,
        title: 'The features of all collections',
        roles: ['data', 'labels', 'labels-vector'],
      },
      geopackage: {
        href: `${path}/export.gpkg`,
        type: 'application/geopackage+sqlite3',
        title: 'The features, a layer a collection',
        roles: ['data', 'labels', 'labels-vector'],
      },
      tiles: {
        href: `${address}/tiles/${job.id}.json`,
        type: 'application/json',
        title: 'TileJSON of the features',
        roles: ['visual', 'tiles'],
      },
    },
    links: [
      ...linksOf(CLASS_MAPS, job.id, address),
      { rel: 'source', href: source, type: GEOJSON, title: 'The image', 'label:assets': ['image'] },
      { rel: 'derived_from', href: source, type: GEOJSON, title: 'The image' },
      ...(model
        ? [{ rel: 'derived_from', href: `${address}/models/${model.id}/mlm.json`, type: GEOJSON, title: 'The network' }]
        : []),
      { rel: 'via', href: path, type: 'application/json', title: 'The job with its report' },
    ],
  };
}

function mapAssets(path: string, known: readonly ModelClass[] | undefined, gsdMetres: number | undefined) {
  const resolution = gsdMetres === undefined ? {} : { 'raster:spatial_resolution': gsdMetres };
  const classes = known?.map(({ name, value, color }) => ({
    value,
    name: className(name),
    title: name,
    color_hint: color.slice(1).toUpperCase(),
  }));
  return {
    classes: {
      href: `${path}/classes.tif`,
      type: COG,
      title: 'The class map',
      roles: ['data', 'labels', 'labels-raster'],
      bands: [{ name: 'class', data_type: 'uint8', nodata: 255 }],
      ...resolution,
      ...(classes && { 'classification:classes': classes }),
    },
    scores: {
      href: `${path}/scores.tif`,
      type: COG,
      title: 'The probability of the class, in 255ths',
      roles: ['data', 'metadata'],
      bands: [{ name: 'score', data_type: 'uint8' }],
      ...resolution,
      'raster:scale': 1 / 255,
      'raster:offset': 0,
    },
  };
}

/** Of the maps that the job was asked for besides. */
function extraAssets(path: string, { parameters }: Job, classes: readonly ModelClass[] = []) {
  const assets = {
    probabilities: {
      href: `${path}/probabilities.tif`,
      type: COG,
      title: 'The probability of every class, in 255ths',
      roles: ['data', 'metadata'],
      bands: classes.map(({ name }) => ({ name, data_type: 'uint8' })),
      'raster:scale': 1 / 255,
      'raster:offset': 0,
    },
    feature_layer: {
      href: `${path}/features.tif`,
      type: COG,
      title: "The network's feature layer, a band a channel",
      roles: ['data'],
      data_type: 'float32',
      nodata: 'nan',
    },
  };
  const asked = extraMaps(parameters);
  return {
    ...(asked.includes('probabilities') && { probabilities: assets.probabilities }),
    ...(asked.includes('features') && { feature_layer: assets.feature_layer }),
  };
}

/** The report's own words, but for areas of interest, which may be large. */
function provenance({ model, parameters: { aoi: _, ...parameters } }: Job, report: JobReport) {
  const said = {
    model,
    parameters,
    model_sha256: report.model_sha256,
    device: report.device?.name,
    assumptions: report.assumptions,
    counts: report.counts,
    areas_m2: report.areas_m2,
    ledger: report.ledger,
    seam: report.seam,
    chips: report.chips && { count: report.chips.count, core: report.chips.core, halo: report.chips.halo },
  };
  const known = Object.entries(said).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known.map(([name, value]) => [`planimeter:${name}`, value]));
}

/** What a map was made with: the program and the network, by version and by hash, and what was asked of them. */
function processing(job: Job, scene: Scene, report: JobReport) {
  const { version, model_sha256: weights } = report;
  const software = {
    ...(version && { planimeter: version }),
    ...(weights ? { [job.model]: `sha256:${weights}` } : {}),
  };
  const { aoi: _, ...parameters } = job.parameters;
  return {
    'processing:lineage': lineage(job, scene),
    'processing:level': 'L4',
    'processing:datetime': job.finished_at,
    ...(version && { 'processing:version': version }),
    ...(Object.keys(software).length > 0 && { 'processing:software': software }),
    'processing:expression': {
      format: 'planimeter-job',
      expression: { scene: scene.id, model: job.model, parameters },
    },
  };
}

function lineage({ model, report }: Job, { name, sha256 }: Scene): string {
  const weights = report?.model_sha256 ? ` (weights SHA-256 ${report.model_sha256})` : '';
  return `${model}${weights} was run over ${name} (SHA-256 ${sha256}); features were traced from its class map.`;
}

function itemOf(collection: string, id: string, { footprint, bbox }: Scene) {
  return {
    type: 'Feature',
    stac_version: STAC_VERSION,
    id,
    collection,
    geometry: footprint,
    bbox,
  } as const;
}

function linksOf(collection: string, id: string, address: string): StacLink[] {
  const base = `${address}/stac/collections/${collection}`;
  return [
    { rel: 'self', href: `${base}/items/${id}`, type: GEOJSON },
    { rel: 'root', href: `${address}/stac`, type: 'application/json' },
    { rel: 'parent', href: base, type: 'application/json' },
    { rel: 'collection', href: base, type: 'application/json' },
  ];
}

/** `datetime` is what the camera's clock showed, as if it were UTC; the interval is what is known. */
function times({ report, created_at }: Scene) {
  const { from, to, clock } = takenBetween(report?.capturedAt ?? null, created_at);
  return { datetime: clock, start_datetime: from, end_datetime: to };
}

const isWebAddress = (text: string | null): text is string => text !== null && /^https?:\/\/\S+$/.test(text);

/** STAC knows SPDX identifiers and expressions of one word; all else is `other`, with a link where there is one. */
const licenseOf = ({ license }: Scene): string => (license && /^[A-Za-z0-9.+-]+$/.test(license) ? license : 'other');

/** Who is to be named. */
const credit = ({ attribution }: Scene) =>
  attribution ? { attribution, providers: [{ name: attribution, roles: ['licensor'] }] } : {};

function projection({ srs }: Scene, shape: [number, number], transform: readonly number[] | undefined) {
  const code = srs !== null && /^[A-Z]+:\w+$/.test(srs) ? srs : null;
  const wkt2 = srs !== null && /^(PROJ|GEOG|GEOD|BOUND|COMPOUND|ENG)[A-Z]*CRS\[/.test(srs) ? srs : null;
  // GDAL's order begins with the corner, this one with the pixel.
  const [x, xx, xy, y, yx, yy] = transform ?? [];
  return {
    'proj:code': code,
    ...(wkt2 && { 'proj:wkt2': wkt2 }),
    'proj:shape': shape,
    ...(transform && { 'proj:transform': [xx, xy, x, yx, yy, y] }),
  };
}
