/** Builds the viewer to web/dist; in development it speaks to a service on 127.0.0.1. */
import { defineConfig } from 'vite';

const SERVICE = 'http://127.0.0.1:8080';
const ROUTES = '^/(uploads|scenes|jobs|models|collections|tiles|imagery|health|service|openapi.json)';

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
    // MapLibre alone is larger than the limit.
    chunkSizeWarningLimit: 1200,
    rolldownOptions: {
      output: {
        codeSplitting: { groups: [{ name: 'maplibre', test: /node_modules\/(?!tus-js-client|@fontsource)/ }] },
      },
    },
  },
  server: { proxy: { [ROUTES]: SERVICE } },
});
