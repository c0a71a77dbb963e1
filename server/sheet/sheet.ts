/**
 * What stands on a printed sheet of a job, whatever draws it: the title, a map, and sections of figures, bars and notes.
 * All text is plain: who draws it escapes it.
 */
import type { MapDrawing } from './map-drawing.ts';

export interface Sheet {
  title: string;
  subtitle: string;
  /** Draws the map as large as the place on the sheet: width and height in points (1/72 inch), at most. */
  map(width: number, height: number): MapDrawing;
  legend: { name: string; color: string }[];
  /** Below the map: corners, system, attribution. */
  captions: string[];
  sections: Section[];
}

export interface Section {
  heading: string;
  rows?: [name: string, value: string][];
  bars?: Bar[];
  notes?: string[];
}

export interface Bar {
  name: string;
  /** Of the longest bar, 0 to 1. */
  share: number;
  value: string;
  color: string;
}
