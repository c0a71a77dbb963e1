/**
 * Places that look like one: cells of a network's feature layer, compared one by one with the cell that is asked for. The
 * search is exact. Features are standardised by the scene's own mean and deviation before their cosine is taken: what
 * all cells have in common says nothing.
 */
import { Problem } from '../../errors/problem.ts';
import { openSamples } from '../../tiler/geotiff/raster.ts';

export interface SimilarCell {
  column: number;
  row: number;
  /** Cosine, -1 to 1. */
  similarity: number;
}

/** Rows of cells that are read at a time. */
const ROWS = 64;
/** Cells that are listed are at least so many apart. */
const APART_CELLS = 3;

/**
 * The cells that are most like the one at `row`, `column`, the most similar first; neither it nor its surroundings.
 * `path` is a feature layer as `--features` writes it (float32, a band a channel, NaN without imagery). Memory follows
 * the number of cells, not of channels. Throws `bad_request` where there is no imagery.
 */
export async function similarCells(
  path: string,
  { column, row }: { column: number; row: number },
  most: number,
): Promise<SimilarCell[]> {
  const raster = await openSamples(path);
  const { width, height, bands } = raster;
  const blocks = async (take: (values: ArrayLike<number>, firstRow: number, count: number) => void) => {
    for (let y = 0; y < height; y += ROWS) {
      const rows = Math.min(ROWS, height - y);
      const { pixels } = await raster.read(0, { x: 0, y, width, height: rows });
      take(pixels, y, width * rows);
    }
  };
  try {
    const inside = column >= 0 && row >= 0 && column < width && row < height;
    const wanted = inside ? (await raster.read(0, { x: column, y: row, width: 1, height: 1 })).pixels : [];
    if (!inside || Number.isNaN(wanted[0])) {
      throw new Problem('bad_request', 'There is no imagery at that place; name one within the image.');
    }
    const sum = new Float64Array(bands);
    const squares = new Float64Array(bands);
    let cells = 0;
    await blocks((values, _, count) => {
      for (let i = 0; i < count; i++) {
        if (Number.isNaN(values[i * bands])) continue;
        cells++;
        for (let band = 0; band < bands; band++) {
          sum[band] += values[i * bands + band];
          squares[band] += values[i * bands + band] ** 2;
        }
      }
    });
    const mean = sum.map((each) => each / cells);
    const variance = squares.map((each, band) => each / cells - mean[band] ** 2);
    const scale = variance.map((each) => (each > 1e-9 ? 1 / Math.sqrt(each) : 0));
    const query = mean.map((each, band) => (wanted[band] - each) * scale[band]);
    const length = Math.hypot(...query);
    const similarity = new Float32Array(width * height).fill(Number.NaN);
    await blocks((values, firstRow, count) => {
      for (let i = 0; i < count; i++) {
        let dot = 0;
        let own = 0;
        for (let band = 0; band < bands; band++) {
          const value = (values[i * bands + band] - mean[band]) * scale[band];
          dot += value * query[band];
          own += value * value;
        }
        similarity[firstRow * width + i] = dot / (Math.sqrt(own) * length || 1);
      }
    });
    return mostSimilar(similarity, width, { column, row }, most);
  } finally {
    await raster.close();
  }
}

/** The best ones, none near another one or near the one that was asked for. */
function mostSimilar(
  similarity: Float32Array,
  width: number,
  asked: { column: number; row: number },
  most: number,
): SimilarCell[] {
  const taken: SimilarCell[] = [{ ...asked, similarity: 1 }];
  const order = Uint32Array.from(similarity.keys()).filter((i) => !Number.isNaN(similarity[i]));
  order.sort((a, b) => similarity[b] - similarity[a] || a - b);
  for (const i of order) {
    if (taken.length > most) break;
    const [column, row] = [i % width, Math.floor(i / width)];
    const isApart = taken.every(
      (each) => Math.max(Math.abs(each.column - column), Math.abs(each.row - row)) >= APART_CELLS,
    );
    if (isApart) taken.push({ column, row, similarity: similarity[i] });
  }
  return taken.slice(1);
}
