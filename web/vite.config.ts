/** Builds the viewer and the API reference to web/dist; in development it speaks to a service on 127.0.0.1. */
import { join } from 'node:path';
import { defineConfig } from 'vite';

const SERVICE = 'http://127.0.0.1:8080';
/** First parts of the paths that the service answers. */
const ROUTES =
  'api|audit|collections|conformance|health|imagery|jobs|labels|metrics|models|ogc|openapi.json|ready|scenes|service|' +
  'session|shared|shares|stac|tiles|tokens|uploads';

export default defineConfig({
  // Not the root's public folder or config: the viewer is a project of its own.
  root: import.meta.dirname,
  // Relative: below the address of a shared link the viewer lies there, too.
  base: './',
  build: {
    outDir: 'dist',
    // Of what is bundled, as its licences ask.
    license: { fileName: 'licences.md' },
    target: ['chrome123', 'firefox128', 'safari17.5'],
    // Fonts and images stay files: the service's content security policy refuses data: URLs for them.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Swagger UI and MapLibre alone are larger than the limit.
    chunkSizeWarningLimit: 1600,
    rolldownOptions: {
      input: ['index.html', 'api.html'].map((page) => join(import.meta.dirname, page)),
      output: {
        codeSplitting: { groups: [{ name: 'maplibre', test: /node_modules\/maplibre-gl\// }] },
      },
    },
  },
  server: { proxy: { [`^/(${ROUTES})([/?]|$)`]: SERVICE } },
});
