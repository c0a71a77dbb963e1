/** The JSON of features, their collections and tiles. */
import type { Feature, FeatureCollection, LineString, MultiLineString, MultiPolygon, Polygon } from 'geojson';
import type { Link } from './index.ts';
import type { BlockCounts } from './jobs.ts';

export interface FeatureProperties {
  collection: string;
  job: string;
  scene: string;
  class: string;
  /** Mean probability of the class, 0..1. */
  score: number;
  /** Id of the network. */
  model: string;
  /** When the image was taken, ISO 8601 without a zone, where its file says it. */
  captured_at?: string;
  /** All measures are geodesic; areas have these two. */
  area_m2?: number;
  perimeter_m?: number;
  /** Lines have this one. */
  length_m?: number;
  /** Of roads: the mean width of the surface. */
  width_m?: number;
  /** Of roads: the nodes of the network that the line joins. */
  from_node?: number;
  to_node?: number;
  /** Of buildings: whether right angles were made, and the dominant direction, clockwise from north, 0..90. */
  regularized?: boolean;
  orientation_deg?: number;
  /** What somebody said of it. */
  review?: 'accepted' | 'rejected';
}

export type FeatureGeometry = Polygon | MultiPolygon | LineString | MultiLineString;
export type FeatureJson = Feature<FeatureGeometry, FeatureProperties> & { id: string };

export interface ItemsJson extends FeatureCollection<FeatureGeometry, FeatureProperties> {
  features: FeatureJson[];
  numberMatched: number;
  numberReturned: number;
  timeStamp: string;
  links: Link[];
}

export interface CollectionJson {
  id: string;
  title: string;
  description: string;
  /** Who is to be named with the images that its features were found in; markup. */
  attribution?: string;
  extent: { spatial: { bbox: [number, number, number, number][]; crs: string } } | undefined;
  itemType: 'feature';
  crs: string[];
  storageCrs: string;
  links: Link[];
}

export interface TileJson {
  tilejson: '3.0.0';
  name: string;
  tiles: string[];
  minzoom: number;
  maxzoom: number;
  bounds: [number, number, number, number];
  attribution: string;
  vector_layers?: { id: string; description: string; fields: Record<string, string> }[];
  /** What stands for the buildings at the zooms at which not all of them are drawn by themselves. */
  generalization?: ({ zoom: number } & BlockCounts)[];
}
