/** The headers of uploads (tus 1.0). */
import { z } from 'zod';
import { count, id, text } from './schema.ts';

const offset = count.meta({ description: 'Bytes that have arrived', example: 0 });
const length = count.meta({ description: 'Bytes of the whole file', example: 1_048_576 });

export const TusHeaders = z.object({ 'Tus-Resumable': z.literal('1.0.0') });
export const UploadRequestHeaders = TusHeaders.extend({
  'Upload-Length': length.exactOptional(),
  'Upload-Metadata': text
    .meta({
      description:
        'Keys with values in base64: filename; srs ("EPSG:CODE" or WKT) where the file names no CRS or a wrong one; license and attribution',
      example: 'filename ZHViYWkudGlm',
    })
    .exactOptional(),
});
export const PatchRequestHeaders = TusHeaders.extend({ 'Upload-Offset': offset });

const scene = id.describe('Of the scene that a whole file became').exactOptional();
export const UploadMade = TusHeaders.extend({
  Location: text.meta({ format: 'uri-reference', description: 'Of the upload', example: '/uploads/4f1c' }),
});
export const UploadState = TusHeaders.extend({
  'Upload-Offset': offset,
  'Upload-Length': length.exactOptional(),
  'Planimeter-Scene': scene,
});
export const UploadAbilities = TusHeaders.extend({
  'Tus-Version': text.meta({ example: '1.0.0' }),
  'Tus-Extension': text.meta({ example: 'creation,creation-with-upload,termination,expiration' }),
  'Tus-Max-Size': count.meta({ example: 17_179_869_184 }),
});
export const Located = z.object({
  Location: text.meta({ format: 'uri-reference', description: 'Address of what was made', example: '/jobs/3f2b8c1e' }),
});
