/**
 * Where a map lies in the coordinates of its system, and how large it is on the sheet → what is drawn there: pictures,
 * grid, frame, scale bar and north arrow, as shapes in points from the top left.
 */

export type Shape =
  | { kind: 'image'; x: number; y: number; width: number; height: number; bytes: Buffer; type: 'jpeg' | 'png' }
  | { kind: 'line'; points: Point[]; color: string; width: number; opacity?: number }
  | { kind: 'area'; points: Point[]; color: string; opacity?: number; outline?: string }
  | { kind: 'text'; x: number; y: number; text: string; size: number; anchor: 'start' | 'middle' | 'end' };

type Point = [x: number, y: number];

export interface MapDrawing {
  width: number;
  height: number;
  shapes: Shape[];
  /** In words, for those who do not see it. */
  alt: string;
  /** Of the print: one point on it is so many on the ground. */
  scale: number;
}

export interface MapFrame {
  /** In the units of the system. */
  box: [minX: number, minY: number, maxX: number, maxY: number];
  /** Of a unit along x and y, in the middle. */
  metresX: number;
  metresY: number;
  /** Whether units are degrees. */
  geographic: boolean;
  /** Clockwise from up, degrees: where north is in the middle. */
  northDegrees: number;
  /** That fill the box, the lowest first. */
  pictures: { bytes: Buffer; type: 'jpeg' | 'png' }[];
  /** Outlines of objects, in the units of the system. */
  outlines: { points: Point[]; color: string }[];
  alt: string;
}

const METRES_A_POINT = 0.0254 / 72;
/** Scales that maps are printed at, as multiples of a power of ten. */
const SCALES = [1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 7.5, 10];
const INK = '#1d1d1f';
const LABEL = 7;
/** Around the map for labels of the grid. */
const [LEFT, BOTTOM, TOP, RIGHT] = [34, 22, 4, 4];
const GRID_LINES = 5;

/** The largest at a round scale that fits. */
export function drawMap(frame: MapFrame, mostWidth: number, mostHeight: number): MapDrawing {
  const [minX, minY, maxX, maxY] = frame.box;
  const groundWidth = (maxX - minX) * frame.metresX;
  const groundHeight = (maxY - minY) * frame.metresY;
  const metresAPoint = Math.max(groundWidth / (mostWidth - LEFT - RIGHT), groundHeight / (mostHeight - TOP - BOTTOM));
  const scale = roundUp(metresAPoint / METRES_A_POINT, SCALES);
  const [width, height] = [groundWidth, groundHeight].map((metres) => metres / (scale * METRES_A_POINT)) as Point;
  const at = (x: number, y: number): Point => [
    LEFT + ((x - minX) / (maxX - minX)) * width,
    TOP + ((maxY - y) / (maxY - minY)) * height,
  ];
  const place = { x: LEFT, y: TOP, width, height };
  const shapes: Shape[] = frame.pictures.map((picture) => ({ kind: 'image', ...place, ...picture }));
  for (const { points, color } of frame.outlines) {
    shapes.push({ kind: 'line', points: points.map(([x, y]) => at(x, y)), color, width: 0.8 });
  }
  shapes.push(...gridOf(frame, at));
  const corners: Point[] = [at(minX, maxY), at(maxX, maxY), at(maxX, minY), at(minX, minY)];
  shapes.push({ kind: 'line', points: [...corners, corners[0]!], color: INK, width: 0.8 });
  shapes.push(...scaleBar(scale, place), ...northArrow(frame.northDegrees, place));
  return { width: LEFT + width + RIGHT, height: TOP + height + BOTTOM, shapes, alt: frame.alt, scale };
}

/** The least of these multiples of a power of ten that is no less. */
function roundUp(value: number, multiples: readonly number[]): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return multiples.find((multiple) => multiple * power >= value * (1 - 1e-9))! * power;
}

/** The greatest of 1, 2 or 5 times a power of ten that is no more. */
function roundDown(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return [5, 2, 1].find((multiple) => multiple * power <= value * (1 + 1e-9))! * power;
}

/** Lines of round coordinates, with these below and to the left. */
function gridOf({ box: [minX, minY, maxX, maxY], geographic }: MapFrame, at: (x: number, y: number) => Point): Shape[] {
  const step = roundUp(Math.max(maxX - minX, maxY - minY) / GRID_LINES, [1, 2, 5, 10]);
  const decimals = Math.max(0, -Math.floor(Math.log10(step)));
  const label = (value: number, [above, below]: [string, string]) =>
    geographic
      ? `${Math.abs(value).toFixed(decimals)}°${value < 0 ? below : above}`
      : `${value.toLocaleString('en', { maximumFractionDigits: decimals }).replaceAll(',', ' ')}`;
  const shapes: Shape[] = [];
  const line = (from: Point, to: Point) =>
    shapes.push({ kind: 'line', points: [from, to], color: '#ffffff', width: 0.5, opacity: 0.65 });
  for (let x = Math.ceil(minX / step) * step; x <= maxX; x += step) {
    line(at(x, minY), at(x, maxY));
    const [px, py] = at(x, minY);
    shapes.push({
      kind: 'text',
      x: px,
      y: py + LABEL + 2,
      text: label(x, ['E', 'W']),
      size: LABEL - 1,
      anchor: 'middle',
    });
  }
  for (let y = Math.ceil(minY / step) * step; y <= maxY; y += step) {
    line(at(minX, y), at(maxX, y));
    const [px, py] = at(minX, y);
    shapes.push({ kind: 'text', x: px - 2, y: py + 2, text: label(y, ['N', 'S']), size: LABEL - 1, anchor: 'end' });
  }
  return shapes;
}

interface Place {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Below the map, at its right: two fields, at most a third of its width. */
function scaleBar(scale: number, { x, y, width, height }: Place): Shape[] {
  const metresAPoint = scale * METRES_A_POINT;
  const metres = roundDown((width / 3) * metresAPoint);
  const length = metres / metresAPoint;
  const [left, top] = [x + width - length, y + height + 12];
  const field = (from: number, color: string): Shape => ({
    kind: 'area',
    points: [
      [left + from, top],
      [left + from + length / 2, top],
      [left + from + length / 2, top + 3],
      [left + from, top + 3],
    ],
    ...{ color, outline: INK },
  });
  const text = metres >= 1000 ? `${metres / 1000} km` : `${metres} m`;
  return [
    field(0, INK),
    field(length / 2, '#ffffff'),
    { kind: 'text', x: left - 4, y: top + 4, text, size: LABEL, anchor: 'end' },
  ];
}

/** In the map's upper right corner, turned to where north is. */
function northArrow(degrees: number, { x, y, width, height }: Place): Shape[] {
  const size = Math.min(26, width / 4, height / 4);
  const [cx, cy] = [x + width - size * 0.7, y + size * 0.8];
  const turn = (degrees * Math.PI) / 180;
  const turned = ([px, py]: Point): Point => [
    cx + (px * Math.cos(turn) - py * Math.sin(turn)) * size,
    cy + (px * Math.sin(turn) + py * Math.cos(turn)) * size,
  ];
  const arrow: Point[] = [
    [0, -0.35],
    [0.2, 0.35],
    [0, 0.2],
    [-0.2, 0.35],
  ];
  const [tx, ty] = turned([0, -0.5]);
  const disc: Point[] = Array.from({ length: 32 }, (_, i): Point => {
    const angle = (i / 32) * 2 * Math.PI;
    return [cx + Math.sin(angle) * size * 0.65, cy - Math.cos(angle) * size * 0.65 - size * 0.08];
  });
  return [
    { kind: 'area', points: disc, color: '#ffffff', opacity: 0.8 },
    { kind: 'area', points: arrow.map(turned), color: INK },
    { kind: 'text', x: tx, y: ty + size * 0.1, text: 'N', size: size * 0.3, anchor: 'middle' },
  ];
}
