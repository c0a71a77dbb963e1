/**
 * What people write down about a network, in the words of the programs that they share it between: metadata within the
 * ONNX file (Deepness, GeoDeep, Ultralytics, Windows ML) and JSON beside it (STAC MLM, geoai, Esri's EMD). All become
 * one set of facts; what is missing stays missing.
 */

import type { ClassRole } from '../class-roles.ts';
import type { NetworkFeatures, NetworkPlane } from '../registry.ts';

export type Task = 'segmentation' | 'detection' | 'regression' | 'recognition' | 'classification' | 'super-resolution';

export interface NetworkMetadata {
  name?: string;
  task?: Task;
  /** By class code. */
  classes?: { value: number; name: string; color?: string; role?: ClassRole }[];
  /** Of classes, by name or by code: what their areas are drawn as. */
  roles?: Record<string, ClassRole>;
  gsdMetres?: number;
  /** The network sees (pixel / divisor - mean) / deviation; pixels are 0..255. */
  divisor?: number;
  mean?: number[];
  deviation?: number[];
  order?: 'rgb' | 'bgr';
  /** What each band is that the network takes, such as "red" and "nir", in its order. */
  bands?: string[];
  /** Scaling is of stored values (reflectances, digital numbers), not of bytes. */
  stored?: boolean;
  activation?: 'sigmoid' | 'softmax' | 'none';
  /** Least probability of an object class, 0..1. */
  threshold?: number;
  /** Of detections: least score, and overlap (IoU) from which two are one. */
  confidence?: number;
  overlap?: number;
  /** What stands in a row of candidates behind the box, of YOLO's detectors. */
  candidates?: 'plain' | 'with objectness' | 'rotated' | 'with keypoints';
  /** Side of a chip, pixels. */
  tile?: number;
  own?: OwnManifest;
}

/** What a manifest of our own declares of a network beside its classes. */
export interface OwnManifest {
  /** Outputs. */
  score?: string;
  planes?: { output: string; list: NetworkPlane[] };
  features?: NetworkFeatures;
  /** What is kept of it as it is: scores, licence, what the network was trained further from. */
  kept: Record<string, unknown>;
}

/** A file that lies beside the network. */
export interface Sidecar {
  name: string;
  text: string;
}
