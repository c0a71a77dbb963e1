/** The sheet's frame, as on a printed map: a ladder of graticule steps along the edges, their values, and crosses. */
import type { Map as MapLibreMap } from 'maplibre-gl';
import { mapColours } from '../theme.ts';
import { FLAT_ZOOM, viewExtent } from './create-map.ts';
import { graticuleLabel, graticuleStep, gridValues } from './graticule.ts';

/** All in CSS pixels. */
const BAND = 5;
const LABEL_HEIGHT = 16;
const CROSS = 4.5;
const CORNER = 44;
const FONT = '500 10.5px "Inter Variable", sans-serif';

export function addMapFrame(map: MapLibreMap, parent: HTMLElement): void {
  const canvas = document.createElement('canvas');
  canvas.className = 'map-frame';
  canvas.setAttribute('aria-hidden', 'true');
  parent.append(canvas);
  const draw = () => drawFrame(canvas, map);
  map.on('move', draw);
  map.on('resize', draw);
  // Text drawn before its font has arrived would keep the fallback's shapes.
  document.fonts.load(FONT, '0°′″NESW').then(draw);
  mapColours.subscribe(draw);
}

function drawFrame(canvas: HTMLCanvasElement, map: MapLibreMap): void {
  const { clientWidth: width, clientHeight: height } = map.getContainer();
  const density = window.devicePixelRatio;
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  const c = canvas.getContext('2d');
  if (!c || map.getZoom() < FLAT_ZOOM) return;
  c.scale(density, density);

  const { paper, ink } = mapColours.value;
  const step = graticuleStep(map.getZoom());
  const [west, south, east, north] = viewExtent(map);
  const centre = map.getCenter();
  const lons = gridValues(west, east, step).map((lon) => ({ lon, x: map.project([lon, centre.lat]).x }));
  const lats = gridValues(south, north, step).map((lat) => ({ lat, y: map.project([centre.lng, lat]).y }));

  drawCrosses(c, lons, lats, paper, ink);

  c.fillStyle = paper;
  c.fillRect(0, 0, width, BAND);
  c.fillRect(0, height - BAND, width, BAND);
  c.fillRect(0, 0, BAND, height);
  c.fillRect(width - BAND, 0, BAND, height);
  c.fillStyle = ink;
  for (const [index, { lon, x }] of lons.slice(0, -1).entries()) {
    if (Math.round(lon / step) % 2 === 0) continue;
    const end = lons[index + 1].x;
    c.fillRect(x, 1, end - x, BAND - 2);
    c.fillRect(x, height - BAND + 1, end - x, BAND - 2);
  }
  for (const [index, { lat, y }] of lats.slice(0, -1).entries()) {
    if (Math.round(lat / step) % 2 === 0) continue;
    const end = lats[index + 1].y;
    c.fillRect(1, end, BAND - 2, y - end);
    c.fillRect(width - BAND + 1, end, BAND - 2, y - end);
  }
  // Corners stand free of the ladder, and a hairline closes the sheet.
  c.fillStyle = paper;
  for (const x of [0, width - BAND]) for (const y of [0, height - BAND]) c.fillRect(x, y, BAND, BAND);
  c.strokeStyle = ink;
  c.lineWidth = 1;
  c.globalAlpha = 0.8;
  c.strokeRect(0.5, 0.5, width - 1, height - 1);
  c.strokeRect(BAND - 0.5, BAND - 0.5, width - 2 * BAND + 1, height - 2 * BAND + 1);
  c.globalAlpha = 1;

  c.font = FONT;
  c.textAlign = 'center';
  c.textBaseline = 'middle';
  for (const { lon, x } of lons) {
    if (x > CORNER && x < width - CORNER) drawLabel(c, graticuleLabel(lon, step, 'lon'), x, BAND + LABEL_HEIGHT / 2, 0);
  }
  for (const { lat, y } of lats) {
    if (y < CORNER || y > height - CORNER) continue;
    drawLabel(c, graticuleLabel(lat, step, 'lat'), width - BAND - LABEL_HEIGHT / 2, y, Math.PI / 2);
  }

  function drawLabel(c: CanvasRenderingContext2D, text: string, x: number, y: number, rotation: number): void {
    const half = c.measureText(text).width / 2 + 6;
    c.save();
    c.translate(x, y);
    c.rotate(rotation);
    c.fillStyle = paper;
    c.globalAlpha = 0.94;
    c.fillRect(-half, -LABEL_HEIGHT / 2, 2 * half, LABEL_HEIGHT);
    c.globalAlpha = 1;
    c.fillStyle = ink;
    c.fillText(text, 0, 0.5);
    c.restore();
  }
}

/** Crosses where meridians and parallels meet: over imagery they stand in for the lines, which lie under it. */
function drawCrosses(
  c: CanvasRenderingContext2D,
  lons: readonly { x: number }[],
  lats: readonly { y: number }[],
  paper: string,
  ink: string,
): void {
  c.beginPath();
  for (const { x } of lons) {
    for (const { y } of lats) {
      const px = Math.round(x) + 0.5;
      const py = Math.round(y) + 0.5;
      c.moveTo(px - CROSS, py);
      c.lineTo(px + CROSS, py);
      c.moveTo(px, py - CROSS);
      c.lineTo(px, py + CROSS);
    }
  }
  c.strokeStyle = paper;
  c.globalAlpha = 0.6;
  c.lineWidth = 3;
  c.stroke();
  c.strokeStyle = ink;
  c.globalAlpha = 0.85;
  c.lineWidth = 1;
  c.stroke();
  c.globalAlpha = 1;
}
