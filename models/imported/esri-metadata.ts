/** Esri model definition, as ArcGIS and arcgis.learn write it: https://github.com/Esri/raster-deep-learning. */
import { bandRole } from '../network-bands.ts';
import { isObject, type Json, number, numbers, positive, taskOf, told, unitOrByte } from './metadata-json.ts';
import type { NetworkMetadata } from './network-metadata.ts';

export function esri(json: Json): NetworkMetadata {
  const classes = Array.isArray(json.Classes)
    ? json.Classes.filter(isObject).flatMap((each) => {
        const value = number(each.Value);
        const rgb = numbers(each.Color);
        const color = rgb && `#${rgb.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`;
        return value !== undefined && typeof each.Name === 'string'
          ? { value, name: each.Name, ...(color && { color }) }
          : [];
      })
    : [];
  const cell = isObject(json.CellSize) ? json.CellSize : isObject(json.MinCellSize) ? json.MinCellSize : {};
  const type = String(json.ModelType ?? '');
  return told({
    name: typeof json.ModelName === 'string' ? json.ModelName : undefined,
    task: /^imageclassif|pixel/i.test(type) ? 'segmentation' : taskOf(type),
    classes: classes.length > 0 ? classes : undefined,
    gsdMetres: positive(cell.x),
    ...bandsOf(json),
    ...scalingOf(json),
    threshold: number(json.Threshold),
    confidence: number(json.ConfidenceThreshold),
    tile: positive(json.ImageWidth),
  });
}

/** `Bands` where they are names; else `ExtractBands`, which counts the raster's bands from 0. */
function bandsOf({ Bands: named, ExtractBands }: Json): Pick<NetworkMetadata, 'order' | 'bands'> {
  const places = numbers(ExtractBands);
  const known = Array.isArray(named) && named.length > 0 && named.every((name) => /^[a-z]/i.test(String(name)));
  if (known && named.length === (places?.length ?? named.length)) {
    const roles = named.map((name) => bandRole(String(name)));
    if (roles.every((role) => !/^band/.test(role))) return { bands: roles };
  }
  if (!places || places.join() === '0,1,2' || places.length === 1) return {};
  if (places.join() === '2,1,0') return { order: 'bgr' };
  return { bands: places.map((place) => String(place + 1)) };
}

/** Means and deviations; of multispectral networks of values brought to 0..1 by each band's range before. */
function scalingOf(json: Json): Pick<NetworkMetadata, 'divisor' | 'mean' | 'deviation'> {
  const parameters = isObject(json.ModelParameters) ? json.ModelParameters : {};
  const stats = isObject(json.NormalizationStats) ? json.NormalizationStats : {};
  const mean = numbers(json.ImageMean ?? parameters.mean ?? stats.scaled_mean_values);
  const deviation = numbers(json.ImageStd ?? parameters.std ?? stats.scaled_std_values);
  if (!mean || !deviation) {
    const range = numbers(json.DataRange);
    return range?.join() === '0,1' ? { divisor: 255 } : range?.join() === '0,255' ? { divisor: 1 } : {};
  }
  const [least, most] = [numbers(stats.band_min_values), numbers(stats.band_max_values)];
  const scaled = json.ImageMean === undefined && parameters.mean === undefined;
  if (!scaled || least?.length !== mean.length || most?.length !== mean.length) return unitOrByte(mean, deviation);
  const width = most.map((value, band) => value - least[band]);
  return {
    divisor: 1,
    mean: mean.map((value, band) => least[band] + value * width[band]),
    deviation: deviation.map((value, band) => value * width[band]),
  };
}
