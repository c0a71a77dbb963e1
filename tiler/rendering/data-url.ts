/** RGB pixels → a picture that stands in a page by itself. */
import sharp from 'sharp';

/** A `data:` address of a WebP, enlarged without smoothing so that its longer side has about `side` pixels. */
export async function dataUrl(rgb: Uint8Array, width: number, height: number, side: number): Promise<string> {
  const scale = Math.max(1, Math.floor(side / Math.max(width, height)));
  const bytes = await sharp(rgb, { raw: { width, height, channels: 3 } })
    .resize(width * scale, height * scale, { kernel: 'nearest' })
    .webp({ quality: 82 })
    .toBuffer();
  return `data:image/webp;base64,${bytes.toString('base64')}`;
}
